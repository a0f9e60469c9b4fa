import type { VectorOptions } from './format.ts';

/** One program's socket. */
export interface Socket {
  /** @returns 0 or a negative errno */
  send(datagram: Uint8Array): number;
  /** Receives into a buffer of that size; longer datagrams are cut. @returns the datagram or a negative errno */
  receive(capacity: number): Uint8Array | number;
  /** Joins a multicast group. @returns 0 or a negative errno */
  join(group: number): number;
  close(): void;
}

/** Whoever answers vectors: ring3, or a kernel. One party serves one vector, in a network namespace of its own. */
export interface Party {
  /** The socket of that label, opened where it is new. */
  socket(label: string): Socket;
  closeSocket(label: string): void;
  /** Sets a setting. @returns undefined, or the name of the errno */
  setSysctl(name: string, value: string): string | undefined;
  sysctl(name: string): string;
  /** Does a shell line. @returns its exit status @throws Unsupported */
  shell(line: string): Promise<number>;
  close(): void;
}

/** Makes the party of one vector. @throws Unsupported where it cannot be what the options want */
export type MakeParty = (options: VectorOptions) => Party;
