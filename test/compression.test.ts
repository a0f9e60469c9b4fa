/** READ and WRITE between client and server, compressed: MS-SMB2 3.1.4.4, 3.2.4.1.9, 3.3.4.1.5. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { test } from 'node:test';
import { type Link, linkPair } from '@ring3/kit';
import { aesGcm } from '@ring3/linux';
import { Connection, type ConnectionOptions, type TreeConnect } from '@ring3/smb-client';
import { CompressionAlgorithm, CreateDisposition, ReadFlags } from '@ring3/smb-proto';
import { createSmbServer, type SmbServer } from '@ring3/smb-server';
import { createMemoryStore } from '@ring3/vfs';

const { Lznt1, Lz77, Lz77Huffman, PatternV1, Lz4 } = CompressionAlgorithm;
const start = (): Promise<SmbServer> =>
  createSmbServer({
    listen: false,
    compression: true,
    shares: { share: createMemoryStore() },
    users: { anna: 'secret' },
    aesGcm: aesGcm(),
  });

/** Bytes of both directions. */
interface Traffic {
  sent: number;
  received: number;
}

/** A link that counts. */
function counted(link: Link, traffic: Traffic): Link {
  const open: Link['open'] = (events) =>
    link.open({
      ...events,
      receive(bytes) {
        traffic.received += bytes.length;
        events.receive(bytes);
      },
    });
  const send: Link['send'] = (chunks, sent) => {
    for (const { length } of chunks) traffic.sent += length;
    return link.send(chunks, sent);
  };
  return new Proxy(link, {
    get: (target, name) => {
      if (name === 'open') return open;
      if (name === 'send') return send;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function connect(server: SmbServer, options: ConnectionOptions, encrypt = false) {
  const [near, far] = linkPair();
  server.accept(far, '127.0.0.1');
  const traffic = { sent: 0, received: 0 };
  const connection = await Connection.open(counted(near, traffic), options);
  const session = await connection.logon({ user: 'anna', password: 'secret', sign: true, encrypt });
  const tree = await session.connect('\\\\ring3\\share');
  return { connection, tree, traffic };
}

const openIf = (tree: TreeConnect, name: string) => tree.create({ name, createDisposition: CreateDisposition.OpenIf });
const text = Buffer.from('a line of a log file that repeats, with a number 0123456789\n'.repeat(40_000)).subarray(0, 2 << 20);

const agreements: readonly (readonly [string, ConnectionOptions])[] = [
  ['LZNT1', { compression: [Lznt1], chainedCompression: false }],
  ['LZ77', { compression: [Lz77], chainedCompression: false }],
  ['LZ77+Huffman', { compression: [Lz77Huffman], chainedCompression: false }],
  ['LZ4', { compression: [Lz4], chainedCompression: false }],
  ['Pattern_V1 alone', { compression: [PatternV1] }],
  ['Pattern_V1 and LZ77 in chains', { compression: [PatternV1, Lz77, Lz77Huffman, Lznt1] }],
];
for (const [name, options] of agreements) {
  for (const encrypt of [false, true]) {
    test(`${name}, ${encrypt ? 'encrypted' : 'signed'}: files are what they were, and take less on the wire`, async () => {
      const server = await start();
      try {
        const { connection, tree, traffic } = await connect(server, options, encrypt);
        deepStrictEqual(connection.negotiated?.compression?.algorithms, options.compression);
        const file = await openIf(tree, 'log');
        const data = name.startsWith('Pattern_V1 alone') ? Buffer.alloc(text.length, 9) : text;
        traffic.sent = traffic.received = 0;
        for (let at = 0; at < data.length; at += 1 << 20) await file.write(at, [data.subarray(at, at + (1 << 20))]);
        ok(traffic.sent < data.length / 2, `${traffic.sent} bytes sent`);
        ok(Buffer.concat(await file.read(0, data.length)).equals(data));
        ok(Buffer.concat(await file.read(100, 5000)).equals(data.subarray(100, 5100)));
        ok(traffic.received < data.length / 2, `${traffic.received} bytes received`);
        await connection.close();
      } finally {
        await server.close();
      }
    });
  }
}

test('data that does not become smaller is sent as it is; and so is a response to a READ without the flag (2.2.19)', async () => {
  const server = await start();
  try {
    const { connection, tree, traffic } = await connect(server, { compression: [PatternV1, Lz77] });
    const file = await openIf(tree, 'random');
    const random = randomFillSync(Buffer.alloc(300_000));
    await file.write(0, [random]);
    ok(Buffer.concat(await file.read(0, random.length)).equals(random));
    await file.write(0, [text.subarray(0, 300_000)]);
    traffic.received = 0;
    ok(Buffer.concat(await file.read(0, 300_000, { flags: 0 })).equals(text.subarray(0, 300_000)));
    ok(traffic.received > 300_000);
    traffic.received = 0;
    await file.read(0, 300_000, { flags: ReadFlags.RequestCompressed });
    ok(traffic.received < 150_000);
    await connection.close();
  } finally {
    await server.close();
  }
});

test('requests start in the order in which they arrived: a large compressed WRITE, then a small plain one over it', async () => {
  const server = await start();
  try {
    const { connection, tree } = await connect(server, { compression: [Lz77Huffman], chainedCompression: false });
    const file = await openIf(tree, 'ordered');
    const large = Buffer.alloc(4 << 20, 'large ');
    for (let round = 0; round < 3; round++) {
      const writes = [file.write(0, [large]), file.write(0, [Buffer.from('small')])];
      await Promise.all(writes);
      strictEqual(Buffer.concat(await file.read(0, 8)).toString(), 'small la');
    }
    await connection.close();
  } finally {
    await server.close();
  }
});

test('a connection that ends during a compression releases what it held, and others continue', async () => {
  const server = await start();
  try {
    const first = await connect(server, { compression: [Lz77Huffman], chainedCompression: false });
    const second = await connect(server, { compression: [Lz77], chainedCompression: false });
    const file = await openIf(first.tree, 'big');
    await file.write(0, [Buffer.alloc(8 << 20, 'big file ')]);
    const reads = [0, 1, 2, 3].map(() => file.read(0, 8 << 20).catch(() => 'ended'));
    await first.connection.close(true);
    deepStrictEqual(await Promise.all(reads), ['ended', 'ended', 'ended', 'ended']);
    const other = await openIf(second.tree, 'big');
    strictEqual(Buffer.concat(await other.read(0, 8)).toString(), 'big file');
    await second.connection.close();
  } finally {
    await server.close();
  }
});
