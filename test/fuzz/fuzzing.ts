import { fakeRandom, type Random } from '@ring3/kit';

/** One entry point for bytes from outside. */
export interface Target {
  /** Well-formed inputs, from which the others are derived. */
  readonly seeds: readonly Uint8Array[];
  /** Takes one input. Throws, or returns a rejected promise, if a property is broken. */
  run(input: Uint8Array): unknown;
  /** Checks the final state and releases everything. */
  end?(): unknown;
}

const edges = [
  0, 1, 2, 3, 4, 7, 8, 15, 16, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff,
];

type Change = (bytes: Buffer, random: Random, seeds: readonly Uint8Array[]) => Buffer;
const changes: readonly Change[] = [
  (bytes, random) => {
    const at = random.u32() % bytes.length;
    bytes[at] = (bytes[at] as number) ^ (1 << (random.u32() & 7));
    return bytes;
  },
  (bytes, random) => {
    bytes[random.u32() % bytes.length] = random.u32();
    return bytes;
  },
  (bytes, random) => {
    const at = (random.u32() % bytes.length) & ~1;
    if (at + 2 <= bytes.length) bytes.writeUInt16LE((edges[random.u32() % edges.length] as number) & 0xffff, at);
    return bytes;
  },
  (bytes, random) => {
    const at = (random.u32() % bytes.length) & ~1;
    if (at + 4 <= bytes.length) bytes.writeUInt32LE(edges[random.u32() % edges.length] as number, at);
    return bytes;
  },
  (bytes, random) => {
    const at = (random.u32() % bytes.length) & ~1;
    if (at + 2 <= bytes.length) bytes.writeUInt16BE((edges[random.u32() % edges.length] as number) & 0xffff, at);
    return bytes;
  },
  (bytes, random) => bytes.subarray(0, random.u32() % (bytes.length + 1)),
  (bytes, random) => Buffer.concat([bytes, random.fill(Buffer.alloc(1 + (random.u32() % 64)))]),
  (bytes, random) => {
    const [at, length] = [random.u32() % bytes.length, 1 + (random.u32() % 32)];
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at)]);
  },
  (bytes, random) => {
    const [at, length] = [random.u32() % bytes.length, 1 + (random.u32() % 32)];
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
  },
  (bytes, random, seeds) => {
    const other = seeds[random.u32() % seeds.length] as Uint8Array;
    return Buffer.concat([bytes.subarray(0, random.u32() % bytes.length), other.subarray(random.u32() % (other.length + 1))]);
  },
];
const longest = 65536;

/** The input with this number. It depends on the seed and the number only. */
function inputOf({ seeds }: Target, seed: number, number: number): Uint8Array {
  const random = fakeRandom(Math.imul(seed, 0x9e3779b1) ^ (number + 1));
  for (let i = 0; i < 4; i++) random.u32();
  let bytes: Buffer = Buffer.from(seeds[random.u32() % seeds.length] as Uint8Array);
  for (let left = 1 + (random.u32() % 6); left > 0 && bytes.length > 0; left--) {
    bytes = (changes[random.u32() % changes.length] as Change)(bytes, random, seeds);
  }
  return bytes.subarray(0, longest);
}

/** An input that broke a property. */
class Finding extends Error {
  readonly input: Uint8Array;

  constructor(number: number, input: Uint8Array, cause: unknown) {
    super(`input ${number}`, { cause });
    this.input = input;
  }
}

/** What a file of test/fuzz exports. */
export interface Fuzz {
  /** Runs `count` inputs derived from `seed` against a new target. @returns the number of inputs */
  (count: number, seed: number): Promise<number>;
  /** Runs one input against a new target. */
  replay(input: Uint8Array): Promise<void>;
}

/**
 * Derives inputs from the seeds of a target, and runs them.
 * @param make creates the target. `seed` is for random choices of the target itself; it is 1 in a replay
 */
export function fuzzing(make: (seed: number) => Target | Promise<Target>): Fuzz {
  const fuzz = async (count: number, seed: number): Promise<number> => {
    const target = await make(seed);
    for (let number = 0; number < count; number++) {
      const input = inputOf(target, seed, number);
      try {
        const running = target.run(new Uint8Array(input));
        if (running instanceof Promise) await running;
      } catch (error) {
        throw new Finding(number, input, error);
      }
    }
    await target.end?.();
    return count;
  };
  const replay = async (input: Uint8Array): Promise<void> => {
    const target = await make(1);
    await target.run(input);
    await target.end?.();
  };
  return Object.assign(fuzz, { replay });
}
