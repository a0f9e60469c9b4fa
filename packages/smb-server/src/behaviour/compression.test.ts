import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import {
  Command,
  CompressionAlgorithm,
  CompressionCapabilities,
  Dialect,
  EchoRequest,
  Header,
  MessageCompressor,
  NegotiateContextType,
  NegotiateResponse,
  NtStatus,
  PreauthIntegrityCapabilities,
  TreeConnectRequest,
  TreeConnectResponse,
} from '@ring3/smb-proto';
import { createMemoryStore } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { RawClient, testServer } from '../testing/raw-client.ts';

const { None, Lznt1, Lz77, Lz77Huffman, PatternV1 } = CompressionAlgorithm;
const integrity = {
  contextType: NegotiateContextType.PreauthIntegrityCapabilities,
  data: PreauthIntegrityCapabilities.encode({ hashAlgorithms: [1], salt: new Uint8Array(32) }).head,
  reserved: 0,
};
const offer = (compressionAlgorithms: number[], flags: number) => ({
  contextType: NegotiateContextType.CompressionCapabilities,
  data: CompressionCapabilities.encode({ flags, compressionAlgorithms }).head,
  reserved: 0,
});

/** A client of 3.1.1 that has negotiated. */
async function negotiated(algorithms: number[] = [Lz77], flags = 0, more: Parameters<typeof testServer>[0] = {}) {
  const client = new RawClient(testServer({ compression: true, ...more }));
  const answer = await client.negotiate([Dialect.Smb311], [integrity, offer(algorithms, flags)]);
  const contexts = answer.status === 0 ? answer.read(NegotiateResponse).negotiateContexts : [];
  const context = contexts.find(({ contextType }) => contextType === NegotiateContextType.CompressionCapabilities);
  return { client, status: answer.status, answered: context && CompressionCapabilities.read(new Frame(context.data), 0) };
}

test('NEGOTIATE: the common algorithms in the order of the client, and whether chains are supported (3.3.5.4)', async () => {
  const { answered } = await negotiated([77, PatternV1, Lz77Huffman, Lznt1], 1);
  deepStrictEqual([answered?.compressionAlgorithms, answered?.flags], [[PatternV1, Lz77Huffman, Lznt1], 1]);
  const { answered: unchained } = await negotiated([Lz77], 0);
  deepStrictEqual([unchained?.compressionAlgorithms, unchained?.flags], [[Lz77], 0]);
});

test('NEGOTIATE: no common algorithm is answered with NONE, and an empty list is rejected (3.3.5.4)', async () => {
  const { answered } = await negotiated([77, None], 1);
  deepStrictEqual([answered?.compressionAlgorithms, answered?.flags], [[None], 0]);
  strictEqual((await negotiated([], 0)).status, NtStatus.InvalidParameter);
});

test('NEGOTIATE: without the option, the context is ignored', async () => {
  const { status, answered } = await negotiated([Lz77], 1, { compression: false });
  deepStrictEqual([status, answered], [NtStatus.Success, undefined]);
});

const echo = { command: Command.Echo, body: EchoRequest.encode({}) };

/** A request in an unchained message, with bytes after it that make it worth compressing. */
function compressed(client: RawClient, plain: Uint8Array = padded(client)): Uint8Array {
  const target = new Uint8Array(plain.length);
  const coder = new MessageCompressor(plain.subarray(0, 64), plain.subarray(64), target, { algorithms: [Lz77], chained: false });
  strictEqual(coder.advance(plain.length), 'done');
  return target.slice(0, coder.written);
}
function padded(client: RawClient): Uint8Array {
  const plain = new Uint8Array(2000);
  plain.set(client.encode([{ ...echo, sign: client.signer !== undefined }]));
  client.signer?.sign([plain], 'client');
  return plain;
}

test('a compressed request is handled as its plain form; its signature is that of the plain form (3.3.5.2.1.2)', async () => {
  const { client } = await negotiated();
  await client.logOn('ann', 'secret');
  client.sendFrame(compressed(client));
  const [answer] = (await client.next()) ?? [];
  deepStrictEqual([answer?.header.command, answer?.status], [Command.Echo, NtStatus.Success]);
  const wrong = padded(client);
  wrong[Header.offset.signature] = (wrong[Header.offset.signature] as number) ^ 1;
  client.sendFrame(compressed(client, wrong));
  strictEqual((await client.next())?.[0]?.status, NtStatus.AccessDenied);
});

test('a frame that cannot be decompressed ends the connection (3.3.5.2.1.2)', async () => {
  const damages: ((frame: Uint8Array, view: DataView) => Uint8Array)[] = [
    (frame) => frame.subarray(0, 15),
    (frame) => frame.subarray(0, 90),
    (frame, view) => {
      view.setUint32(4, 0xffffffff, true); // OriginalCompressedSegmentSize
      return frame;
    },
    (frame, view) => {
      view.setUint32(4, view.getUint32(4, true) + 1, true);
      return frame;
    },
    (frame, view) => {
      view.setUint16(8, Lznt1, true); // CompressionAlgorithm
      return frame;
    },
    (frame, view) => {
      view.setUint16(10, 1, true); // Flags
      return frame;
    },
    (frame, view) => {
      view.setUint32(12, frame.length, true); // Offset
      return frame;
    },
  ];
  for (const [i, damage] of damages.entries()) {
    const { client } = await negotiated();
    await client.logOn('ann', 'secret');
    const frame = compressed(client);
    client.sendFrame(damage(frame, new DataView(frame.buffer)));
    strictEqual(await client.next(), undefined, `damage ${i}`);
    strictEqual(client.server.connections.size, 0);
  }
});

test('a compressed message inside a compressed one, and one where no compression was negotiated, end the connection', async () => {
  const { client } = await negotiated();
  await client.logOn('ann', 'secret');
  const inner = new Uint8Array(2000);
  inner.set(compressed(client));
  client.sendFrame(compressed(client, inner));
  strictEqual(await client.next(), undefined);
  const plain = await RawClient.at(testServer({ compression: true }));
  plain.sendFrame(compressed(plain));
  strictEqual(await plain.next(), undefined);
});

test('before logon a message cannot announce more than a frame may have', async () => {
  const { client } = await negotiated();
  const plain = new Uint8Array(20_000);
  plain.set(client.encode([echo]));
  client.sendFrame(compressed(client, plain));
  strictEqual(await client.next(), undefined);
  ok(client.ended);
});

test('the buffers of a frame that fails count no longer', async () => {
  const { client } = await negotiated();
  await client.logOn('ann', 'secret');
  const held = (): number => client.server.budget.held;
  const before = held();
  const frame = compressed(client);
  new DataView(frame.buffer).setUint32(4, 1_000_000, true);
  client.sendFrame(frame);
  await client.next();
  ok(held() <= before);
});

test('a share with compressData has COMPRESS_DATA for a client that negotiated compression, and for no other (3.3.5.7)', async () => {
  const shares = { share: { vfs: createMemoryStore(), compressData: true }, other: createMemoryStore() };
  const flagsOf = async (client: RawClient, share: string): Promise<number> =>
    (await client.connect(share)).read(TreeConnectResponse).shareFlags & 0x0010_0000;
  const client = await RawClient.at(testServer({ compression: true, shares }));
  strictEqual(await flagsOf(client, 'share'), 0);
  const other = new RawClient(testServer({ compression: true, shares }));
  await other.negotiate([Dialect.Smb311], [integrity, offer([Lz77], 0)]);
  await other.logOn('ann', 'secret');
  const signed = async (share: string): Promise<number> => {
    const body = TreeConnectRequest.encode({ flags: 0, path: `\\\\server\\${share}` });
    return (await other.ask({ command: Command.TreeConnect, body, sign: true })).read(TreeConnectResponse).shareFlags & 0x0010_0000;
  };
  strictEqual(await signed('share'), 0x0010_0000);
  strictEqual(await signed('other'), 0);
});
