/**
 * Complete encrypted and signed sessions between client and server, with each implementation of AES-GCM in the server and `node:crypto` in
 * the client.
 */
import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { linkPair } from '@ring3/kit';
import { aesGcm } from '@ring3/linux';
import { Connection, type ConnectionOptions, connectTcp, list, type Session, type TreeConnect } from '@ring3/smb-client';
import { type AesGcm, Cipher, type CreateAesGcm, CreateDisposition, Dialect, nodeAesGcm, SigningAlgorithm } from '@ring3/smb-proto';
import { createSmbServer, type SmbServer, type SmbServerOptions } from '@ring3/smb-server';
import { createMemoryStore, intercept } from '@ring3/vfs';

/** Ciphers that detect use after disposal. */
class Counted {
  living = 0;
  made = 0;
  readonly create: CreateAesGcm = (key) => {
    const inner = this.#inner(key);
    let disposed = false;
    const alive = (): AesGcm => {
      if (disposed) throw new Error('used after disposal');
      return inner;
    };
    this.living++;
    this.made++;
    return {
      fills: inner.fills,
      seal: (...given) => alive().seal(...given),
      open: (...given) => alive().open(...given),
      code: (...given) => alive().code(...given),
      dispose: () => {
        if (!disposed) this.living--;
        disposed = true;
        inner.dispose();
      },
    };
  };
  readonly #inner: CreateAesGcm;

  constructor(inner: CreateAesGcm) {
    this.#inner = inner;
  }
}

const start = (more: Partial<SmbServerOptions>): Promise<SmbServer> =>
  createSmbServer({ shares: { share: createMemoryStore() }, users: { anna: 'secret' }, ...more });

/** A session of a client on the loopback. */
async function logOn(server: SmbServer, how: { encrypt?: boolean } & ConnectionOptions): Promise<Session & AsyncDisposable> {
  const { host, port } = server.address as NonNullable<SmbServer['address']>;
  const connection = await Connection.open(await connectTcp(port, host), how);
  const session = await connection.logon({ user: 'anna', password: 'secret', sign: true, encrypt: how.encrypt === true });
  return Object.assign(session, { [Symbol.asyncDispose]: () => connection.close() });
}

const openIf = (tree: TreeConnect, name: string) => tree.create({ name, createDisposition: CreateDisposition.OpenIf });
const read = async (tree: TreeConnect, name: string, at: number, length: number): Promise<Buffer> => {
  const file = await openIf(tree, name);
  const found = Buffer.concat(await file.read(at, length));
  await file.close();
  return found;
};

const protections: [string, { encrypt?: boolean } & ConnectionOptions][] = [
  ['AES-128-GCM', { encrypt: true, ciphers: [Cipher.Aes128Gcm] }],
  ['AES-256-GCM', { encrypt: true, ciphers: [Cipher.Aes256Gcm] }],
  ['AES-256-CCM', { encrypt: true, ciphers: [Cipher.Aes256Ccm] }],
  ['AES-GMAC', { signingAlgorithms: [SigningAlgorithm.AesGmac] }],
  ['3.0, AES-128-CCM', { encrypt: true, dialects: [Dialect.Smb302] }],
];
const sizes = [1, 100, 4096 - 132, 4096, 16 * 1024, 16 * 1024 + 1, 65536, 200_000, 1 << 20];

function sealed(name: string, createAesGcm: CreateAesGcm): void {
  describe(`${name}`, () => {
    for (const [protection, how] of protections) {
      test(`${protection}: written data of every size is read back, several requests at a time, and reading does not change the store`, async () => {
        await using server = await start({ aesGcm: createAesGcm });
        await using session = await logOn(server, how);
        await using witness = await logOn(server, {});
        const [tree, plain] = [await session.connect('share'), await witness.connect('share')];
        const contents = sizes.map((size) => randomBytes(size));
        const files = await Promise.all(sizes.map((size) => openIf(tree, `${size}`)));
        const written = await Promise.all(files.map((file, i) => file.write(0, [contents[i] as Buffer])));
        deepStrictEqual(written, sizes);
        for (const [i, size] of sizes.entries())
          ok((await read(plain, `${size}`, 0, size)).equals(contents[i] as Buffer), `${size} written`);
        for (let round = 0; round < 3; round++) {
          const found = await Promise.all(files.flatMap((file, i) => [file.read(0, sizes[i] as number), file.read(0, sizes[i] as number)]));
          for (const [i, chunks] of found.entries()) ok(Buffer.concat(chunks).equals(contents[i >> 1] as Buffer), `${sizes[i >> 1]} read`);
        }
        for (const [i, size] of sizes.entries())
          ok((await read(plain, `${size}`, 0, size)).equals(contents[i] as Buffer), `${size} as it was`);
        const names = (await Array.fromAsync(list(tree, ''))).map(({ fileName }) => fileName);
        deepStrictEqual(names.filter((name) => !name.startsWith('.')).sort(), sizes.map(String).sort());
      });
    }

    test('a message damaged in transit closes the connection, and other clients are not affected', async () => {
      await using server = await start({ aesGcm: createAesGcm });
      await using other = await logOn(server, { encrypt: true });
      const tree = await other.connect('share');
      for (const size of [10, 5000, 300_000]) {
        let damage = false;
        const tamper = (chunks: readonly Uint8Array[]): readonly Uint8Array[] => {
          const bytes = Buffer.concat(chunks);
          if (damage) bytes[bytes.length - 1]! ^= 1;
          return [bytes];
        };
        await using session = await logOn(server, { encrypt: true, tamper });
        const file = await openIf(await session.connect('share'), 'file');
        damage = true;
        await rejects(file.write(0, [randomBytes(size)]));
        await session.connection.closed;
        strictEqual(await (await openIf(tree, 'file')).write(0, [randomBytes(size)]), size);
      }
    });

    test('keys are disposed of when their session has ended and no request of it is pending, and not before', async () => {
      const counted = new Counted(createAesGcm);
      let answer = (): void => {};
      let asked = (): void => {};
      const reads = new Promise<void>((resolve) => (asked = resolve));
      const before = (): Promise<undefined> =>
        new Promise((resolve) => {
          answer = () => resolve(undefined);
          asked();
        });
      const vfs = intercept(createMemoryStore(), before, new Set(['read']));
      await using server = await start({ aesGcm: counted.create, listen: false, shares: { share: vfs } });
      const errors: unknown[] = [];
      server.events.on('error', (error) => errors.push(error));
      const [near, far] = linkPair();
      server.accept(far);
      const connection = await Connection.open(near, {});
      const sessions = [];
      for (let i = 0; i < 3; i++) sessions.push(await connection.logon({ user: 'anna', password: 'secret', encrypt: i < 2 }));
      const [stays, waits, signs] = sessions as [Session, Session, Session];
      strictEqual(counted.living, 9);

      const folder = await (await stays.connect('share')).create({ name: '', desiredAccess: 0x81, createOptions: 1 });
      const notified = folder.changeNotify(1); // pending all the time
      await notified.pending;
      await signs.logoff();
      strictEqual(counted.living, 6, 'no request of it was pending');

      const file = await openIf(await waits.connect('share'), 'file');
      await file.write(0, [Buffer.from('text')]);
      const answered = file.read(0, 4);
      await reads;
      const gone = waits.logoff();
      while (server.view.sessions().length > 2) await setImmediate();
      strictEqual(counted.living, 6, 'a READ, and the LOGOFF that waits for it, are still pending');
      answer();
      strictEqual(Buffer.concat(await answered).toString(), 'text');
      await gone;
      strictEqual(counted.living, 3);

      await connection.close();
      await server.close();
      strictEqual(counted.living, 0);
      deepStrictEqual(errors, []);
    });
  });
}

sealed('node:crypto', nodeAesGcm);
const byOpenSsl = aesGcm();
if (byOpenSsl === undefined) test('the OpenSSL of this process', { skip: 'this Node does not offer it' });
else sealed('the OpenSSL of this process', byOpenSsl);
