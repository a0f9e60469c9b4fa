import { notStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AesGcm, aesGcm, type OpenSsl } from './aes-gcm.ts';
import { nativeInterface, unsupported } from './library.ts';

// The results of AES-GCM are tested in test/aes-gcm.test.ts. This file tests misuse of bare pointers.
const create = aesGcm();
const skip = create === undefined && 'this Node does not offer it';

/** A fake OpenSSL that accepts every call and counts its contexts. */
function pretended(): { openSsl: OpenSsl; made: () => number; freed: bigint[]; answers: { init: number } } {
  const freed: bigint[] = [];
  const answers = { init: 1 };
  let made = 0n;
  const openSsl: OpenSsl = {
    version: () => '',
    newContext: () => ++made,
    freeContext: (context) => void freed.push(context),
    clearErrors: () => {},
    ciphers: { 16: 1n, 32: 2n },
    init: () => answers.init,
    update: () => 1,
    final: () => 1,
    control: () => 1,
  };
  return { openSsl, made: () => Number(made), freed, answers };
}

test('Node with OpenSSL 3 on Linux offers it, once and for all', { skip: unsupported() ?? false }, () => {
  if (process.versions.openssl?.startsWith('3.') === true) notStrictEqual(create, undefined);
  strictEqual(aesGcm(), create);
});

test('what is not bytes never becomes a pointer', { skip }, () => {
  const gcm = create!(new Uint8Array(16));
  const [nonce, empty, tag, text] = [new Uint8Array(12), new Uint8Array(0), new Uint8Array(16), new Uint8Array(4)];
  const others = [undefined, null, 'abcd', 4, 4n, [1, 2, 3, 4], new ArrayBuffer(4), new DataView(new ArrayBuffer(4)), new Uint16Array(4)];
  const pretends = { length: 4, byteLength: 4, buffer: new ArrayBuffer(4), byteOffset: 0 };
  for (const other of [...others, pretends] as never[]) {
    throws(() => create!(other));
    throws(() => gcm.seal(other, empty, [text], tag, text));
    throws(() => gcm.seal(nonce, other, [text], tag, text));
    throws(() => gcm.seal(nonce, empty, [other], tag, text));
    if (other !== undefined && other !== null) throws(() => gcm.seal(nonce, empty, [text], tag, other)); // without `out`: new memory
    throws(() => gcm.seal(nonce, empty, [text], other, text));
    throws(() => gcm.open(nonce, empty, [other], tag));
    throws(() => gcm.open(nonce, empty, [text], other));
    throws(() => gcm.code(nonce, [other], tag));
    throws(() => gcm.code(nonce, [text], other));
  }
  gcm.dispose();
});

test('memory that was given away in the meantime is refused, or is empty', { skip }, () => {
  const gcm = create!(new Uint8Array(16));
  const [nonce, empty, tag] = [new Uint8Array(12), new Uint8Array(0), new Uint8Array(16)];
  const gone = new Uint8Array(64);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  throws(() => gcm.seal(nonce, empty, [new Uint8Array(64)], tag, gone), RangeError);
  throws(() => gcm.seal(nonce, empty, [gone], tag, new Uint8Array(64)), RangeError);
  ok(!gcm.open(nonce, empty, [gone], tag));
  const shrinks = new Uint8Array(new ArrayBuffer(64, { maxByteLength: 64 }));
  (shrinks.buffer as ArrayBuffer).resize(10);
  throws(() => gcm.seal(nonce, empty, [new Uint8Array(64)], tag, shrinks), RangeError);
  gcm.dispose();
});

test('a forgotten key serves nobody', { skip }, () => {
  const gcm = create!(new Uint8Array(16));
  gcm.dispose();
  const [nonce, empty, tag] = [new Uint8Array(12), new Uint8Array(0), new Uint8Array(16)];
  throws(() => gcm.seal(nonce, empty, [], tag, empty), /given back/);
  throws(() => gcm.open(nonce, empty, [], tag), /given back/);
  throws(() => gcm.code(nonce, [], tag), /given back/);
});

test('a wrong tag leaves no error behind for whoever uses OpenSSL next', { skip }, () => {
  const peek = nativeInterface().load(null).func('ulong ERR_peek_error()');
  const gcm = create!(randomBytes(16));
  ok(!gcm.open(randomBytes(12), randomBytes(9), [randomBytes(1000)], randomBytes(16)));
  strictEqual(Number(peek()), 0);
  strictEqual(createHash('sha256').update('').digest('hex').slice(0, 8), 'e3b0c442');
  gcm.dispose();
});

test('a context is given back once, by whoever is done with it or by the garbage collector', async () => {
  const { openSsl, made, freed, answers } = pretended();
  const kept = new AesGcm(openSsl, new Uint8Array(16));
  kept.dispose();
  kept.dispose();
  strictEqual(freed.join(), '1');
  answers.init = 0;
  throws(() => new AesGcm(openSsl, new Uint8Array(32)), /refused/);
  strictEqual(freed.join(), '1,2');
  throws(() => new AesGcm(openSsl, new Uint8Array(8)), RangeError);
  strictEqual(made(), 2);
  answers.init = 1;
  const forget = (): void => {
    for (let i = 0; i < 20; i++) new AesGcm(openSsl, new Uint8Array(16)).code(new Uint8Array(12), [], new Uint8Array(16));
  };
  forget();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 100 && freed.length < 12; i++) {
    collect();
    await setImmediate();
  }
  ok(freed.length >= 12, `${freed.length - 2} of 20`);
  strictEqual(new Set(freed).size, freed.length);
});
