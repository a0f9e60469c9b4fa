import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import type { Attrs, AttrTable } from './attrs.ts';
import { DecodeError } from './errors.ts';
import type { Draw } from './field.ts';
import { Frame } from './frame.ts';
import type { Message, Parts } from './message.ts';
import type { Fields, Struct } from './struct.ts';

/** The result of `struct()`, `message()` or `attrs()`. */
export type Declaration = Struct<Fields> | Message<Fields, Parts> | Attrs<AttrTable>;

/** Returns whether a value is a declaration, so that a test can find all declarations of a module. */
export const isDeclaration = (value: unknown): value is Declaration =>
  typeof value === 'object' && value !== null && ['struct', 'message', 'attrs'].includes((value as { kind?: string }).kind ?? '');

/** A repeatable source of test values (xorshift32). */
export function drawFrom(seed: number): Draw {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const written = (declaration: Declaration, value: unknown): Frame => {
  const input = value as never;
  if (declaration.kind === 'message') {
    const { head, rest } = declaration.encode(input);
    return new Frame(new Uint8Array(Buffer.concat([head, ...rest])));
  }
  const frame = Frame.alloc(declaration.size(input));
  declaration.write(frame, 0, input);
  return frame;
};

/** Chunks are compared by content, not by their boundaries. */
const comparable = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every((item) => item instanceof Uint8Array)) return Buffer.concat(value).toString('hex');
    return value.map(comparable);
  }
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, comparable(item)]));
  return value;
};

/**
 * Checks the properties of every declaration: a random value survives the round trip, the generated and the interpreted reader agree, the same
 * bytes are written again, and every prefix fails with a DecodeError or (attributes, open-ended messages) reads as less, never with another exception.
 */
export function checkDeclaration(declaration: Declaration, rounds = 50): void {
  for (let seed = 1; seed <= rounds; seed++) {
    const value = declaration.random(drawFrom(seed * 7919)) as Record<string, unknown>;
    const frame = written(declaration, value);
    const found = declaration.read(frame, 0, frame.length);
    deepStrictEqual(comparable(found), comparable(value), `${declaration.name}: round trip of seed ${seed}`);
    deepStrictEqual(found, declaration.readInterpreted(frame, 0, frame.length), `${declaration.name}: generated and interpreted reader`);
    deepStrictEqual(written(declaration, found).bytes, frame.bytes, `${declaration.name}: the same bytes again`);
    strictEqual(typeof declaration.print(found as never), 'string');
    if (seed <= 5) for (let length = 0; length < frame.length; length++) checkPrefix(declaration, frame.bytes.slice(0, length));
  }
}

function checkPrefix(declaration: Declaration, prefix: Uint8Array): void {
  const outcomes = [declaration.read, declaration.readInterpreted].map((read) => {
    try {
      return comparable(read(new Frame(prefix), 0, prefix.length));
    } catch (error) {
      ok(error instanceof DecodeError, `${declaration.name} cut to ${prefix.length} bytes: ${error}`);
      return 'DecodeError';
    }
  });
  deepStrictEqual(outcomes[0], outcomes[1], `${declaration.name} cut to ${prefix.length} bytes`);
  if (declaration.kind === 'struct') strictEqual(outcomes[0], 'DecodeError', `${declaration.name} cut to ${prefix.length} bytes`);
}
