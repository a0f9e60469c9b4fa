/**
 * Code generation at load time. Where a process forbids it (`--disallow-code-generation-from-strings`), `generate` answers undefined and
 * the interpreted form serves; it is also the oracle that the tests compare the generated one with.
 */
export function generate<T>(names: readonly string[], values: readonly unknown[], body: string): T | undefined {
  try {
    return new Function(...names, `'use strict';\n${body}`)(...values) as T;
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}

/** A property key as source text. */
export const key = (name: string): string => JSON.stringify(name);
