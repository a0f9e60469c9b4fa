/**
 * Code generation at load time. If the process forbids it (`--disallow-code-generation-from-strings`), `generate` returns undefined and
 * the interpreted form is used. The tests compare the generated form with the interpreted one.
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
