import type { Window } from '../window.ts';

/** Where packets of a capture were seen: an Interface Description Block, or a pcap file's header. */
export interface CaptureInterface {
  /** `LinkType`, or any other number. */
  readonly linkType: number;
  /** Its name, where the file tells it; '' otherwise. */
  readonly name: string;
  /** Bytes of a packet that were kept at most; 0: all. */
  readonly snapLength: number;
}

/** The packet at hand: a reused object, filled by the format. */
export class PacketRecord {
  /** Where its bytes start in the window. */
  at = 0;
  /** Bytes that were captured. */
  captured = 0;
  /** Bytes that it had. */
  original = 0;
  /** Whole seconds since 1970, and nanoseconds beside them. */
  seconds = 0;
  nanoseconds = 0;
  interface: CaptureInterface = { linkType: -1, name: '', snapLength: 0 };
}

/** A packet was found and the window moved behind it. */
export const Found = 0;
/** Something else was found and the window moved behind it. */
export const Passed = -1;

/** Reads one kind of file. */
export interface CaptureFormat {
  /** `pcap` or `pcapng`. */
  readonly name: 'pcap' | 'pcapng';
  readonly interfaces: readonly CaptureInterface[];
  /** Whether the file may not end here: something was begun. */
  readonly midway: boolean;
  /**
   * Reads what is at the window's place.
   * @returns `Found`, `Passed`, or how many bytes must be there from the window's place on: more than there are
   * @throws DecodeError with the offset in the file
   */
  next(window: Window, record: PacketRecord): number;
}

/** The longest packet that is taken: more is a damaged file. Bytes. */
export const longestPacket = 16 << 20;
