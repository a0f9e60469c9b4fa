/**
 * The contract of every implementation of `AesGcm`: that of `smb-proto` and that of `linux`. The two packages do not depend on each other.
 */
import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { aesGcm } from '@ring3/linux';
import { type AesGcm, type CreateAesGcm, nodeAesGcm } from '@ring3/smb-proto';
import fc from 'fast-check';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const joined = (chunks: readonly Uint8Array[] | undefined): Buffer => Buffer.concat(chunks ?? [Buffer.from('not authentic')]);

/** McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B. */
const known = [
  ['1', '00000000000000000000000000000000', '000000000000000000000000', '', '', '', '58e2fccefa7e3061367f1d57a4e7455a'],
  [
    '2',
    '00000000000000000000000000000000',
    '000000000000000000000000',
    '',
    '00000000000000000000000000000000',
    '0388dace60b6a392f328c2b971b2fe78',
    'ab6e47d42cec13bdf53a67b21257bddf',
  ],
  [
    '4',
    'feffe9928665731c6d6a8f9467308308',
    'cafebabefacedbaddecaf888',
    'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091',
    '5bc94fbc3221a5db94fae95ae7121a47',
  ],
  ['13', '0'.repeat(64), '000000000000000000000000', '', '', '', '530f8afbc74536b9a963b4f1c4cb738b'],
  [
    '16',
    'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
    'cafebabefacedbaddecaf888',
    'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
    '76fc6ece0f4e1768cddf8853bb2d551b',
  ],
] as const;

/** The result of `node:crypto` for the same input. */
function expected(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, plain: Uint8Array): { text: Buffer; tag: Buffer } {
  const cipher = createCipheriv(key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm', key, nonce).setAAD(additional);
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return { text, tag: cipher.getAuthTag() };
}

/** A message split at these offsets, some of which may be equal. */
function cut(message: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => place % (message.length + 1)).sort((a, b) => a - b), message.length];
  return at.slice(1).map((end, i) => message.subarray(at[i], end));
}

interface Amid {
  readonly view: Uint8Array;
  readonly untouched: () => boolean;
}
/** The same bytes inside a larger buffer. */
function amid(given: Uint8Array): Amid {
  const room = randomBytes(given.length + 24);
  const [before, behind] = [Buffer.from(room.subarray(0, 11)), Buffer.from(room.subarray(-13))];
  room.set(given, 11);
  const untouched = (): boolean => before.equals(room.subarray(0, 11)) && behind.equals(room.subarray(-13));
  return { view: room.subarray(11, room.length - 13), untouched };
}

const cases = {
  key: fc.constantFrom(16, 32).chain((length) => fc.uint8Array({ minLength: length, maxLength: length })),
  nonce: fc.uint8Array({ minLength: 12, maxLength: 12 }),
  additional: fc.uint8Array({ maxLength: 70 }),
  plain: fc.uint8Array({ maxLength: 300 }),
  places: fc.array(fc.nat(300), { maxLength: 5 }),
};

/** @param create called once for each key; the result is disposed of */
function contract(name: string, create: CreateAesGcm): void {
  const using = <T>(key: Uint8Array, work: (gcm: AesGcm) => T): T => {
    const gcm = create(key);
    try {
      return work(gcm);
    } finally {
      gcm.dispose();
    }
  };

  describe(`${name}: the contract of AES-GCM`, () => {
    test('the published test cases give the published results in both directions', () => {
      for (const [number, key, nonce, additional, plain, text, tag] of known) {
        using(bytes(key), (gcm) => {
          const [found, code] = [Buffer.alloc(text.length / 2), Buffer.alloc(16)];
          gcm.seal(bytes(nonce), bytes(additional), [bytes(plain)], code, found);
          deepStrictEqual([found.toString('hex'), code.toString('hex')], [text, tag], `test case ${number}`);
          strictEqual(joined(gcm.open(bytes(nonce), bytes(additional), [found], code)).toString('hex'), plain);
        });
      }
    });

    test('any message in any chunks, at any offset, gives the result of node:crypto, and the bytes around it are not changed', () => {
      const { key, nonce, additional, plain, places } = cases;
      fc.assert(
        fc.property(key, nonce, additional, plain, places, (key, nonce, additional, plain, places) => {
          const right = expected(key, nonce, additional, plain);
          const [source, target, tag, more, once] = [plain, plain, new Uint8Array(16), additional, nonce].map(amid) as [
            Amid,
            Amid,
            Amid,
            Amid,
            Amid,
          ];
          using(key, (gcm) => {
            gcm.seal(once.view, more.view, cut(source.view, places), tag.view, target.view);
            deepStrictEqual([Buffer.from(target.view), Buffer.from(tag.view)], [right.text, right.tag]);
            deepStrictEqual(Buffer.from(source.view), Buffer.from(plain), 'the message is unchanged');
            const fresh = gcm.seal(once.view, more.view, cut(source.view, places), tag.view);
            deepStrictEqual([joined(fresh), Buffer.from(tag.view)], [right.text, right.tag]);
            deepStrictEqual(joined(gcm.open(once.view, more.view, cut(target.view, places), tag.view)), Buffer.from(plain));
          });
          ok([source, target, tag, more, once].every(({ untouched }) => untouched()));
          deepStrictEqual([Buffer.from(more.view), Buffer.from(once.view)], [Buffer.from(additional), Buffer.from(nonce)]);
        }),
      );
    });

    test('a message of one chunk can be encrypted in place', () => {
      const [key, nonce, plain] = [randomBytes(16), randomBytes(12), randomBytes(100_000)];
      const right = expected(key, nonce, new Uint8Array(0), plain);
      const tag = new Uint8Array(16);
      using(key, (gcm) => gcm.seal(nonce, new Uint8Array(0), [plain], tag, plain));
      deepStrictEqual([plain, Buffer.from(tag)], [right.text, right.tag]);
    });

    test('a code (GMAC) is the tag of a message that is only authenticated, in any chunks', () => {
      const { key, nonce, plain, places } = cases;
      fc.assert(
        fc.property(key, nonce, plain, places, (key, nonce, message, places) => {
          const tag = amid(new Uint8Array(16));
          using(key, (gcm) => gcm.code(nonce, cut(message, places), tag.view));
          deepStrictEqual(Buffer.from(tag.view), expected(key, nonce, message, new Uint8Array(0)).tag);
          ok(tag.untouched());
        }),
      );
    });

    test('a changed bit of nonce, additional data, message or tag, or another key, is rejected; the next message is accepted', () => {
      const key = randomBytes(32);
      const [nonce, additional, plain] = [randomBytes(12), randomBytes(20), randomBytes(40)];
      const { text, tag } = expected(key, nonce, additional, plain);
      using(key, (gcm) => {
        const rightly = (): void => {
          const message = Buffer.from(text);
          deepStrictEqual(joined(gcm.open(nonce, additional, [message.subarray(0, 3), message.subarray(3)], tag)), plain);
        };
        for (const part of [0, 1, 2, 3]) {
          for (let at = 0; at < [nonce, additional, text, tag][part]!.length; at++) {
            const given = [nonce, additional, text, tag].map((part) => Buffer.from(part)) as [Buffer, Buffer, Buffer, Buffer];
            given[part]![at]! ^= 0x04;
            strictEqual(gcm.open(given[0], given[1], [given[2]], given[3]), undefined, `part ${part}, byte ${at}`);
          }
          rightly();
        }
      });
      strictEqual(
        using(randomBytes(32), (gcm) => gcm.open(nonce, additional, [Buffer.from(text)], tag)),
        undefined,
      );
    });

    test('ciphers of several keys, used in turn in both directions, do not affect each other', () => {
      const keys = [randomBytes(16), randomBytes(32), randomBytes(16)];
      const ciphers = keys.map(create);
      const [nonce, empty] = [randomBytes(12), new Uint8Array(0)];
      for (let turn = 0; turn < 30; turn++) {
        const [key, gcm] = [keys[turn % 3]!, ciphers[turn % 3]!];
        const plain = randomBytes(turn * 7);
        const { text, tag } = expected(key, nonce, empty, plain);
        const [out, code] = [Buffer.alloc(plain.length), Buffer.alloc(16)];
        if (turn % 4 === 0) gcm.code(nonce, [plain], code);
        else if (turn % 4 === 1) ok(gcm.open(nonce, empty, [text], tag));
        else {
          gcm.seal(nonce, empty, [plain], code, out);
          deepStrictEqual([out, code], [text, tag]);
        }
      }
      for (const gcm of ciphers) gcm.dispose();
    });

    test('the longest message, eight mebibytes, decrypts to its plain text', () => {
      const [nonce, empty, plain] = [randomBytes(12), new Uint8Array(0), randomBytes(8 << 20)];
      const [out, tag] = [Buffer.alloc(plain.length), Buffer.alloc(16)];
      using(randomBytes(16), (gcm) => {
        gcm.seal(nonce, empty, [plain.subarray(0, 100), plain.subarray(100)], tag, out);
        notDeepStrictEqual(out.subarray(0, 64), plain.subarray(0, 64));
        ok(joined(gcm.open(nonce, empty, [out], tag)).equals(plain));
      });
    });

    test('a key, a nonce, a tag or an output buffer of another length is rejected before anything is written', () => {
      for (const length of [0, 15, 17, 24, 31, 33]) throws(() => create(new Uint8Array(length)), RangeError, `a key of ${length}`);
      const [nonce, empty, plain, tag] = [
        new Uint8Array(12),
        new Uint8Array(0),
        [Buffer.alloc(20, 1), Buffer.alloc(3, 2)],
        Buffer.alloc(16, 7),
      ];
      using(new Uint8Array(16), (gcm) => {
        const around = Buffer.alloc(64, 9);
        for (const length of [0, 22, 24]) {
          throws(() => gcm.seal(nonce, empty, plain, tag, around.subarray(8, 8 + length)), RangeError, `room for ${length}`);
        }
        for (const length of [0, 11, 13, 16]) {
          throws(() => gcm.seal(new Uint8Array(length), empty, plain, tag, around.subarray(0, 23)), RangeError);
          throws(() => gcm.open(new Uint8Array(length), empty, plain, tag), RangeError);
          throws(() => gcm.code(new Uint8Array(length), plain, tag), RangeError);
        }
        for (const length of [0, 12, 15, 17]) {
          const other = new Uint8Array(length);
          throws(() => gcm.seal(nonce, empty, plain, other, around.subarray(0, 23)), RangeError);
          throws(() => gcm.open(nonce, empty, plain, other), RangeError);
          throws(() => gcm.code(nonce, plain, other), RangeError);
        }
        deepStrictEqual(around, Buffer.alloc(64, 9));
        deepStrictEqual(tag, Buffer.alloc(16, 7));
        deepStrictEqual(plain, [Buffer.alloc(20, 1), Buffer.alloc(3, 2)]);
      });
    });

    test('a key can be disposed of twice', () => {
      const gcm = create(new Uint8Array(16));
      gcm.dispose();
      gcm.dispose();
    });
  });
}

contract('node:crypto', nodeAesGcm);
const byOpenSsl = aesGcm();
if (byOpenSsl === undefined) test('the OpenSSL of this process', { skip: 'not available in this Node' });
else contract('the OpenSSL of this process', byOpenSsl);
