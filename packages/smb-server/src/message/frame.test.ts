import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Command, EchoRequest, Header, headerLength, WriteRequest } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import fc from 'fast-check';
import { Allowance } from '../values/allowance.ts';
import { BufferPool } from '../values/buffer-pool.ts';
import { FrameReader, protocolIdOf, toFrame, writeFraming } from './frame.ts';

function readerOf(limit: number): { reader: FrameReader; frames: Buffer[]; broken: string[]; requests: number[] } {
  const frames: Buffer[] = [];
  const broken: string[] = [];
  const requests: number[] = [];
  const reader = new FrameReader(limit, {
    frame: (chunks, length) => {
      const whole = Buffer.concat(chunks);
      strictEqual(whole.length, length);
      frames.push(whole);
    },
    sessionRequest: () => void requests.push(1),
    broken: (reason) => void broken.push(reason),
  });
  return { reader, frames, broken, requests };
}

const framed = (message: Uint8Array): Buffer => {
  const framing = Buffer.alloc(4);
  writeFraming(framing, message.length);
  return Buffer.concat([framing, message]);
};

test('the same messages are read, however a stream is cut', () => {
  const message = fc.uint8Array({ minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 50 }),
      (messages, cuts) => {
        const stream = Buffer.concat(messages.map(framed));
        const { reader, frames, broken } = readerOf(1000);
        for (let at = 0, i = 0; at < stream.length; i++) {
          const end = at + (cuts[i % cuts.length] as number);
          reader.receive(stream.subarray(at, end));
          at = end;
        }
        deepStrictEqual(
          frames.map((frame) => [...frame]),
          messages.map((each) => [...each]),
        );
        deepStrictEqual(broken, []);
        strictEqual(reader.held, 0);
      },
    ),
  );
});

test('the same messages are read from a link that asks for memory; a bulk one is whole in a buffer of the pool', () => {
  const message = fc.tuple(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 65000, max: 300_000 })), fc.nat(255));
  fc.assert(
    fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1 }), (sizes, cuts) => {
      const messages = sizes.map(([size, byte]) => Buffer.alloc(size, byte));
      const stream = Buffer.concat(messages.map(framed));
      const pool = new BufferPool();
      const got: Buffer[] = [];
      const reader = new FrameReader(
        2 ** 20,
        {
          frame: (chunks, length, pooled) => {
            const whole = Buffer.concat(chunks);
            strictEqual(whole.length, length);
            strictEqual(pooled !== undefined, length > 65536 && chunks.length === 1 && chunks[0]?.buffer === pooled?.buffer);
            got.push(whole);
            if (pooled !== undefined) pool.give(pooled);
          },
          sessionRequest: () => {},
          broken: (reason) => ok(false, reason),
        },
        pool,
      );
      for (let at = 0, i = 0; at < stream.length; i++) {
        const target = reader.buffer();
        const length = Math.min(target.length, cuts[i % cuts.length] as number, stream.length - at);
        target.set(stream.subarray(at, at + length));
        reader.receive(target.subarray(0, length));
        at += length;
      }
      deepStrictEqual(
        got.map(({ length }) => length),
        messages.map(({ length }) => length),
      );
      ok(got.every((frame, i) => frame.equals(messages[i] as Buffer)));
    }),
    { numRuns: 50 },
  );
});

test('any stream of bytes consists of frames or is broken, and nothing is read after that', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      const { reader, frames, broken } = readerOf(64);
      reader.receive(noise);
      reader.receive(framed(new Uint8Array([1])));
      ok(broken.length <= 1);
      ok(frames.every(({ length }) => length > 0 && length <= 64));
    }),
  );
});

const header = (command: number, nextCommand = 0) => ({
  creditCharge: 1,
  status: 0,
  command,
  credits: 1,
  flags: 0,
  nextCommand,
  messageId: 1,
  processId: 0,
  treeId: 0,
  sessionId: 0,
  signature: new Uint8Array(16),
});
const writeBody = (size: number) =>
  WriteRequest.encode({
    offset: 0,
    persistentFileId: 1,
    volatileFileId: 1,
    channel: 0,
    remainingBytes: 0,
    flags: 0,
    writeChannelInfo: new Uint8Array(0),
    data: [new Uint8Array(size).fill(7)],
  });

/** A message of one WRITE, cut into chunks of a size. */
function cutWrite(size: number, pieces: number, nextCommand = 0): Uint8Array[] {
  const { head, rest } = writeBody(size);
  Header.write(new Frame(head), 0, header(Command.Write, nextCommand));
  const whole = new Uint8Array(Buffer.concat([head, ...rest]));
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < whole.length; at += pieces) chunks.push(whole.subarray(at, at + pieces));
  return chunks;
}

test('a big WRITE keeps its payload in the received chunks: no payload is copied', () => {
  const size = 300_000;
  const chunks = cutWrite(size, 65_536);
  const frame = toFrame(chunks, size + headerLength + 48);
  ok(frame.rest.length > 0);
  const { data } = WriteRequest.read(frame, 0);
  strictEqual(
    data.reduce((sum, { length }) => sum + length, 0),
    size,
  );
  ok(data.every((chunk) => chunks.some(({ buffer }) => buffer === chunk.buffer)));
});

test('of a WRITE whose header arrived in small pieces, only the fixed part is joined', () => {
  const size = 100_000;
  const small = cutWrite(size, 10);
  const frame = toFrame(small, size + headerLength + 48);
  strictEqual(
    WriteRequest.read(frame, 0).data.reduce((sum, { length }) => sum + length, 0),
    size,
  );
});

test('small messages, chains and everything else are contiguous', () => {
  strictEqual(toFrame(cutWrite(1000, 64), 1000 + headerLength + 48).rest.length, 0);
  strictEqual(toFrame(cutWrite(100_000, 4096, 1024), 100_000 + headerLength + 48).rest.length, 0);
  const { head } = EchoRequest.encode({});
  Header.write(new Frame(head), 0, header(Command.Echo));
  const big = [head, new Uint8Array(100_000)];
  strictEqual(toFrame(big, head.length + 100_000).rest.length, 0);
});

test('the protocol id is found however the first bytes are cut, and missing if there are fewer than four', () => {
  const bytes = Uint8Array.of(0xfe, 0x53, 0x4d, 0x42, 0);
  for (let cut = 1; cut < 5; cut++) strictEqual(protocolIdOf([bytes.subarray(0, cut), bytes.subarray(cut)]), 0x424d53fe);
  strictEqual(protocolIdOf([bytes.subarray(0, 3)]), undefined);
});

test('a frame that arrives in small pieces is held in few pieces, and is whole in the end', () => {
  let pieces = 0;
  let whole = Buffer.alloc(0);
  const events = {
    frame: (chunks: readonly Uint8Array[]) => {
      pieces = chunks.length;
      whole = Buffer.concat(chunks);
    },
    sessionRequest: () => {},
    broken: () => {},
  };
  const message = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
  const reader = new FrameReader(2 ** 20, events);
  for (const byte of framed(message)) reader.receive(Buffer.of(byte));
  ok(pieces < 300_000 / 512, `${pieces} pieces`);
  ok(whole.equals(message));
});

const ignore = { frame: () => {}, sessionRequest: () => {}, broken: () => {} };

test('an announced frame holds only the bytes that have arrived', () => {
  const reader = new FrameReader(2 ** 20, ignore, new BufferPool());
  reader.buffer();
  reader.receive(Buffer.of(0, 0x0f, 0, 0));
  strictEqual(reader.held, 0);
  reader.buffer().fill(1);
  reader.receive(reader.buffer().subarray(0, 1000));
  strictEqual(reader.held, 1000);
  reader.dispose();
  strictEqual(reader.held, 0);
});

test('a frame announced beyond the allowance gets memory as it arrives, and is whole in the end', () => {
  const taken: number[] = [];
  const pool = new BufferPool();
  const take = pool.take.bind(pool);
  pool.take = (length) => {
    taken.push(length);
    return take(length);
  };
  const allowance = new Allowance(1_000_000);
  const first = new FrameReader(2 ** 20, ignore, pool, allowance);
  first.buffer();
  first.receive(Buffer.of(0, 0x0f, 0, 0));
  const frames: Buffer[] = [];
  const second = new FrameReader(2 ** 20, { ...ignore, frame: (chunks) => void frames.push(Buffer.concat(chunks)) }, pool, allowance);
  const message = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
  second.buffer();
  second.receive(framed(message).subarray(0, 4));
  deepStrictEqual(taken, [0x0f0000, 65536]);
  for (let at = 0; at < message.length; ) {
    const buffer = second.buffer();
    const length = Math.min(buffer.length, 50_000, message.length - at);
    buffer.set(message.subarray(at, at + length));
    second.receive(buffer.subarray(0, length));
    at += length;
  }
  ok(frames[0]?.equals(message));
  ok(taken.every((length, i) => i === 0 || length <= 300_000));
  first.dispose();
  strictEqual(allowance.take(1_000_000), true, 'an incomplete frame returns what it took');
});
