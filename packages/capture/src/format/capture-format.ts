import type { Window } from '../window.ts';

/** The interface of captured packets: an Interface Description Block, or a pcap file's header. */
export interface CaptureInterface {
  /** `LinkType`, or any other number. */
  readonly linkType: number;
  /** Its name, if the file contains it; '' otherwise. */
  readonly name: string;
  /** Snap length in bytes; 0: unlimited. */
  readonly snapLength: number;
}

/** The current packet: a reused object that the format fills. */
export class PacketRecord {
  /** The position of its bytes in the window. */
  at = 0;
  /** Captured length. */
  captured = 0;
  /** Original length. */
  original = 0;
  /** Whole seconds since 1970, and nanoseconds. */
  seconds = 0;
  nanoseconds = 0;
  interface: CaptureInterface = { linkType: -1, name: '', snapLength: 0 };
}

/** A packet was found and the window moved past it. */
export const Found = 0;
/** Another block was found and the window moved past it. */
export const Passed = -1;

/** A reader for one file format. */
export interface CaptureFormat {
  /** `pcap` or `pcapng`. */
  readonly name: 'pcap' | 'pcapng';
  readonly interfaces: readonly CaptureInterface[];
  /** True if the file must not end here, because a block is incomplete. */
  readonly midway: boolean;
  /**
   * Reads the block at the window's position.
   * @returns `Found`, `Passed`, or the number of bytes required from the window's position on, if fewer are available
   * @throws DecodeError with the offset in the file
   */
  next(window: Window, record: PacketRecord): number;
}

/** Maximum length of a packet in bytes. A longer one means that the file is damaged. */
export const longestPacket = 16 << 20;
