import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { check, close, openMemoryFile } from '@ring3/linux';
import { Frame } from '@ring3/wire';
import { BoardHead, Slot } from './packets.ts';

/** Maximum number of programs' sockets of one server. */
const slotCount = 16_384;

/**
 * The board: memory that the server shares with the programs under `ring3 exec`, with a slot for each of their sockets. Each word is written by one side only, so it needs no lock,
 * and a receive reads there, without a request, that datagrams were lost or that a dump waits for it.
 */
export class Board {
  /** The server's name, which is part of the names of its sockets: 16 hexadecimal digits. */
  readonly server: string = randomBytes(8).toString('hex');
  readonly fd: number;
  readonly #free: number[] = [];
  #next = 0;
  readonly #word = Frame.alloc(4);

  /** @throws SystemError if the memory file cannot be created */
  constructor() {
    this.fd = check(openMemoryFile('ring3-netlink', BoardHead.byteLength + slotCount * Slot.byteLength), 'memfd_create', 'ring3-netlink');
    const head = Frame.alloc(BoardHead.byteLength);
    BoardHead.write(head, 0, { server: Buffer.from(this.server), unused: new Uint8Array(48) });
    writeSync(this.fd, head.bytes, 0, head.length, 0);
  }

  /** Allocates a cleared slot. @returns its number, or -1 if all are in use */
  take(): number {
    const slot = this.#free.pop() ?? (this.#next < slotCount ? this.#next++ : -1);
    if (slot >= 0) writeSync(this.fd, new Uint8Array(Slot.byteLength), 0, Slot.byteLength, place(slot));
    return slot;
  }

  give(slot: number): void {
    this.#free.push(slot);
  }

  /** Writes one of the server's words. */
  set(slot: number, field: 'lost' | 'pull', value: number): void {
    Slot.fields[field].write(this.#word, 0, value);
    writeSync(this.fd, this.#word.bytes, 0, 4, place(slot) + Slot.offset[field]);
  }

  close(): void {
    close(this.fd);
  }
}

const place = (slot: number): number => BoardHead.byteLength + slot * Slot.byteLength;
