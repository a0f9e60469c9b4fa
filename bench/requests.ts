/** The processor time of a request in the file server: frames over a link in memory, one request at a time, with the memory store. */

import { createMetrics, type Link, type LinkEvents, linkPair, nextTurn } from '@ring3/kit';
import { Connection } from '@ring3/smb-client';
import {
  CloseRequest,
  Command,
  CreateDisposition,
  CreateRequest,
  CreateResponse,
  EchoRequest,
  Header,
  headerLength,
  NtStatus,
  ReadRequest,
  WriteRequest,
} from '@ring3/smb-proto';
import { createSmbServer } from '@ring3/smb-server';
import { createMemoryStore } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { readOptions, whole } from '../scripts/options.ts';
import { machine, median } from './machine.ts';

const { values } = readOptions({
  usage: 'npm run bench -- requests [--rounds N] [--count N]',
  options: { rounds: whole(1, 10_000, 15), count: whole(1, 1_000_000_000, 50_000) },
});
const { rounds, count } = values;
const framing = 4;

const noResponse = new Uint8Array(0);

/** The server's end of a link. In driven mode, frames are passed in directly and the last response is kept. */
class Driven implements Link {
  readonly queued = 0;
  readonly #link: Link;
  #events: LinkEvents | undefined;
  driven = false;
  last: Uint8Array = noResponse;

  constructor(link: Link) {
    this.#link = link;
  }

  get peer(): string {
    return this.#link.peer;
  }

  open(events: LinkEvents): void {
    this.#events = events;
    this.#link.open(events);
  }

  send(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    if (!this.driven) return this.#link.send(chunks, sent);
    this.last = chunks[0] as Uint8Array;
    sent?.();
    return true;
  }

  receive(frame: Uint8Array): void {
    this.#events?.receive(frame);
  }

  pause(): void {}
  resume(): void {}
  close(now?: boolean): void {
    this.#link.close(now);
  }
}

await using server = await createSmbServer({
  shares: { share: createMemoryStore() },
  users: { ann: 'secret' },
  signing: 'enabled',
  listen: false,
  metrics: createMetrics(),
});
const [near, far] = linkPair();
const link = new Driven(far);
server.accept(link);
const connection = await Connection.open(near);
const session = await connection.logon({ user: 'ann', password: 'secret', sign: false });
const tree = await session.connect('share');
const file = await tree.create({ name: 'file', desiredAccess: 0x001f01ff, createDisposition: CreateDisposition.OpenIf });
const { persistentFileId, volatileFileId } = file.response;
let messageId = connection.nextMessageId;
await nextTurn();
link.driven = true;

/** An encoded request: space for the header, the body, and the payload after it. */
interface Body {
  readonly head: Uint8Array;
  readonly rest: readonly Uint8Array[];
}

/** A request that is sent repeatedly, each time with the next message id. */
function repeated(command: number, { head, rest }: Body): (change?: (frame: Buffer) => void) => void {
  const message = Buffer.concat([head, ...rest]);
  const signature = new Uint8Array(16);
  const { treeId } = tree;
  const ids = { messageId: 0, processId: 0, treeId, sessionId: 0, signature };
  Header.write(new Frame(message), 0, { creditCharge: 1, status: 0, command, credits: 8, flags: 0, nextCommand: 0, ...ids });
  message.set(session.sessionId, Header.offset.sessionId);
  const frame = Buffer.concat([Buffer.alloc(framing), message]);
  frame.writeUIntBE(message.length, 1, 3);
  return (change) => {
    frame.writeUInt32LE(messageId++, framing + Header.offset.messageId);
    change?.(frame);
    link.last = noResponse;
    link.receive(frame);
  };
}

/** Waits for the response if the server yielded to other connections, and checks it. */
async function answered(name: string): Promise<void> {
  while (link.last === noResponse) await nextTurn();
  succeeded(name);
}

function succeeded(name: string): void {
  const { last } = link;
  const status = new DataView(last.buffer, last.byteOffset).getUint32(framing + Header.offset.status, true);
  if (status !== NtStatus.Success) throw new Error(`${name}: 0x${status.toString(16)}`);
}

const echo = repeated(Command.Echo, EchoRequest.encode({}));
const read = repeated(
  Command.Read,
  ReadRequest.encode({
    flags: 0,
    length: 4096,
    offset: 0,
    persistentFileId,
    volatileFileId,
    minimumCount: 0,
    channel: 0,
    remainingBytes: 0,
    readChannelInfo: new Uint8Array(0),
  }),
);
const write = repeated(
  Command.Write,
  WriteRequest.encode({
    offset: 0,
    persistentFileId,
    volatileFileId,
    channel: 0,
    remainingBytes: 0,
    writeChannelInfo: new Uint8Array(0),
    flags: 0,
    data: [new Uint8Array(4096)],
  }),
);
const create = repeated(
  Command.Create,
  CreateRequest.encode({
    requestedOplockLevel: 0,
    impersonationLevel: 2,
    desiredAccess: 0x001f01ff,
    fileAttributes: 0,
    shareAccess: 7,
    createDisposition: CreateDisposition.OpenIf,
    createOptions: 0,
    name: 'other',
    createContexts: [],
  }),
);
const close = repeated(Command.Close, CloseRequest.encode({ flags: 0, persistentFileId: 0, volatileFileId: 0 }));

/** The ids of an open have the same layout in the response and in the request that closes it. */
const idsInAnswer = framing + headerLength + CreateResponse.fixed.offset.persistentFileId;
const idsInRequest = framing + headerLength + CloseRequest.fixed.offset.persistentFileId;
const closeLast = (): void => {
  const { last } = link;
  close((frame) => frame.set(last.subarray(idsInAnswer, idsInAnswer + 16), idsInRequest));
};

const work: Readonly<Record<string, readonly (() => void)[]>> = {
  echo: [echo],
  'read 4 KiB': [read],
  'write 4 KiB': [write],
  'create, close': [create, closeLast],
};

const found: Record<string, number[]> = {};
write();
await answered('write');
for (let round = -2; round < rounds; round++) {
  for (const [name, steps] of Object.entries(work)) {
    const begin = process.threadCpuUsage();
    for (let i = 0; i < count; i++) {
      for (const step of steps) {
        step();
        if (link.last === noResponse) await answered(name);
        else succeeded(name);
      }
    }
    const { user, system } = process.threadCpuUsage(begin);
    if (round >= 0) (found[name] ??= []).push((user + system) / count);
  }
}

const rows = Object.entries(found).map(([name, times]) => `| ${name} | ${median(times).toFixed(3)} | ${Math.min(...times).toFixed(3)} |`);
console.log(`${machine()}. ${rounds} rounds of ${count.toLocaleString('en')} each; processor time of the thread.\n`);
console.log(`| | median (µs) | fastest round (µs) |\n|---|---:|---:|\n${rows.join('\n')}`);
