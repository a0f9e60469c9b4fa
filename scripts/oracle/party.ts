import type { VectorOptions } from './format.ts';

/** One program's socket. */
export interface Socket {
  /** @returns 0 or a negative errno */
  send(datagram: Uint8Array): number;
  /** Receives into a buffer of that size; longer datagrams are truncated. @returns the datagram or a negative errno */
  receive(capacity: number): Uint8Array | number;
  /** Joins a multicast group. @returns 0 or a negative errno */
  join(group: number): number;
  close(): void;
}

/** The receiver of a vector's requests: ring3, or a kernel. Each vector has its own party in a new network namespace. */
export interface Party {
  /** The socket of that label; opened on first use. */
  socket(label: string): Socket;
  closeSocket(label: string): void;
  /** Sets a setting. @returns undefined, or the name of the errno */
  setSysctl(name: string, value: string): string | undefined;
  sysctl(name: string): string;
  /** Runs a shell line. @returns its exit status @throws Unsupported */
  shell(line: string): Promise<number>;
  close(): void;
}

/** Creates the party of one vector. @throws Unsupported if it cannot satisfy the options */
export type MakeParty = (options: VectorOptions) => Party;
