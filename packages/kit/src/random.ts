import { randomFillSync } from 'node:crypto';

/** The source of randomness. The caller supplies it. */
export interface Random {
  /** Fills and returns the array. */
  fill<T extends Uint8Array>(bytes: T): T;
  /** 0 … 2^32-1. */
  u32(): number;
}

/** The machine's cryptographic source, read in blocks. */
export function systemRandom(): Random {
  const block = new Uint32Array(256);
  let used = block.length;
  return {
    fill: (bytes) => randomFillSync(bytes),
    u32: () => {
      if (used === block.length) {
        randomFillSync(block);
        used = 0;
      }
      return block[used++] as number;
    },
  };
}

/** A repeatable source for tests (xorshift32). Never for keys. */
export function fakeRandom(seed = 1): Random {
  let state = seed >>> 0 || 1;
  const u32 = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  return {
    u32,
    fill: (bytes) => {
      for (let i = 0; i < bytes.length; i++) bytes[i] = u32();
      return bytes;
    },
  };
}
