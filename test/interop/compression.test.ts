/** tshark as a judge of the wire format of compressed messages, MS-SMB2 2.2.42. */
import { strictEqual } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { type Link, linkPair } from '@ring3/kit';
import { Connection, FrameSplitter } from '@ring3/smb-client';
import { CompressionAlgorithm, CreateDisposition } from '@ring3/smb-proto';
import { createSmbServer } from '@ring3/smb-server';
import { createMemoryStore } from '@ring3/vfs';
import { need } from './programs.ts';

const run = promisify(execFile);
const { Lznt1, Lz77, Lz77Huffman, PatternV1 } = CompressionAlgorithm; // tshark 4.0 does not know LZ4
const agreements = [
  [[Lznt1], false],
  [[Lz77], false],
  [[Lz77Huffman], false],
  [[PatternV1, Lznt1], true],
  [[PatternV1, Lz77], true],
  [[PatternV1, Lz77Huffman], true],
] as const;

/** Frames in the form of text2pcap: direction, and a hex dump. */
class Dump {
  readonly lines: string[] = [];
  compressed = 0;

  /** The framing is part of the stream. */
  add(direction: 'I' | 'O', message: Buffer): void {
    const framed = Buffer.concat([Buffer.from([0, message.length >> 16, message.length >> 8, message.length]), message]);
    if (message[0] === 0xfc) this.compressed++;
    this.lines.push(direction);
    for (let at = 0; at < framed.length; at += 16)
      this.lines.push(
        `${at.toString(16).padStart(6, '0')} ${[...framed.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`,
      );
  }

  /** The link of a client, observed. */
  tap(link: Link): Link {
    const received = new FrameSplitter((chunks) => this.add('I', Buffer.concat(chunks)));
    const sent = new FrameSplitter((chunks) => this.add('O', Buffer.concat(chunks)));
    const open: Link['open'] = (events) =>
      link.open({
        ...events,
        receive(bytes) {
          received.receive(Uint8Array.from(bytes));
          events.receive(bytes);
        },
      });
    const send: Link['send'] = (chunks, done) => {
      sent.receive(Uint8Array.from(Buffer.concat(chunks)));
      return link.send(chunks, done);
    };
    return { open, send, peer: link.peer, queued: 0, pause() {}, resume() {}, close: (now) => link.close(now) } as Link;
  }
}

test('tshark decompresses what server and client send', need('tshark'), async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ring3-compression-'));
  const server = await createSmbServer({
    listen: false,
    compression: true,
    shares: { share: createMemoryStore() },
    users: { anna: 'secret' },
  });
  try {
    const text = Buffer.from('a line of a log file that repeats, with a number 0123456789\n'.repeat(200));
    for (const [i, [compression, chainedCompression]] of agreements.entries()) {
      const [near, far] = linkPair();
      server.accept(far, '127.0.0.1');
      const dump = new Dump();
      const connection = await Connection.open(dump.tap(near), { compression, chainedCompression });
      const session = await connection.logon({ user: 'anna', password: 'secret', sign: true, encrypt: false });
      const tree = await session.connect('\\\\ring3\\share');
      const file = await tree.create({ name: `${i}`, createDisposition: CreateDisposition.OpenIf });
      const data = Buffer.concat([Buffer.alloc(3000), text, Buffer.alloc(2000, 7)]);
      await file.write(0, [data]);
      await file.read(0, data.length);
      await connection.close();
      strictEqual(dump.compressed, 2);
      const [hex, pcap] = [join(directory, `${i}.hex`), join(directory, `${i}.pcap`)];
      await writeFile(hex, dump.lines.map((line) => `${line}\n`).join(''));
      await run('text2pcap', ['-q', '-D', '-T', '445,50000', hex, pcap]);
      const { stdout } = await run('tshark', ['-r', pcap, '-V', '-Y', 'smb2'], { maxBuffer: 64 << 20 });
      strictEqual(stdout.match(/\[Decompressed SMB3 data\]/g)?.length, 2);
      strictEqual(stdout.match(/Write Length: 17000|Read Length: 17000/g)?.length, 2);
      strictEqual(stdout.match(/Malformed Packet/g), null);
    }
  } finally {
    await server.close();
    await rm(directory, { recursive: true });
  }
});
