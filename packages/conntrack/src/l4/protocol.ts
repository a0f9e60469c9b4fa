import type { Flows } from '../flows.ts';
import type { Packet } from '../packet/packet.ts';
import type { Action } from './action.ts';

/** How packets of one protocol are tracked. A packet passes the functions in this order; only the last one sees packets of known flows. */
export interface TrackedProtocol {
  /** Reads the protocol's part of the key into `packet.ports`. @returns the reason why the packet is invalid, or undefined */
  key(packet: Packet): string | undefined;
  /** Checks the transport header and its checksum. @returns the reason why the packet is invalid, or undefined */
  refuse(packet: Packet, checksum: boolean): string | undefined;
  /** Whether a packet may create a flow. */
  mayBegin(flows: Flows, packet: Packet): boolean;
  /** Initialises the protocol's part of a new flow. */
  begin(flows: Flows, packet: Packet, flow: number): void;
  /** Tracks one packet of a flow. */
  handle(flows: Flows, packet: Packet, flow: number, direction: number): Action;
}

/** A protocol without a header that matters: any packet between two hosts belongs to one flow. */
export const plain: Omit<TrackedProtocol, 'handle'> = {
  key: (packet) => {
    packet.ports = 0;
    return undefined;
  },
  refuse: () => undefined,
  mayBegin: () => true,
  begin: () => {},
};
