import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { check, close, openMemoryFile } from '@ring3/linux';
import { Frame } from '@ring3/wire';
import { BoardHead, Slot } from './packets.ts';

/** Programs' sockets that one server carries at a time. */
const slotCount = 16_384;

/**
 * The board: memory that the server shares with the programs it carries, a slot for each of their sockets. What only one side writes needs no lock,
 * and a receive learns there, without asking, that something was lost or that a dump waits for it.
 */
export class Board {
  /** The server's name, which its sockets carry in their own: 16 hexadecimal digits. */
  readonly server: string = randomBytes(8).toString('hex');
  readonly fd: number;
  readonly #free: number[] = [];
  #next = 0;
  readonly #word = Frame.alloc(4);

  /** @throws SystemError where no memory file can be made */
  constructor() {
    this.fd = check(openMemoryFile('ring3-netlink', BoardHead.byteLength + slotCount * Slot.byteLength), 'memfd_create', 'ring3-netlink');
    const head = Frame.alloc(BoardHead.byteLength);
    BoardHead.write(head, 0, { server: Buffer.from(this.server), unused: new Uint8Array(48) });
    writeSync(this.fd, head.bytes, 0, head.length, 0);
  }

  /** A cleared slot of one's own. @returns its number, or -1 when all are taken */
  take(): number {
    const slot = this.#free.pop() ?? (this.#next < slotCount ? this.#next++ : -1);
    if (slot >= 0) writeSync(this.fd, new Uint8Array(Slot.byteLength), 0, Slot.byteLength, place(slot));
    return slot;
  }

  give(slot: number): void {
    this.#free.push(slot);
  }

  /** Writes one of the words that are the server's. */
  set(slot: number, field: 'lost' | 'pull', value: number): void {
    Slot.fields[field].write(this.#word, 0, value);
    writeSync(this.fd, this.#word.bytes, 0, 4, place(slot) + Slot.offset[field]);
  }

  close(): void {
    close(this.fd);
  }
}

const place = (slot: number): number => BoardHead.byteLength + slot * Slot.byteLength;
