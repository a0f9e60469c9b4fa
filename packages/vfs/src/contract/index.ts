import { describe, test } from 'node:test';
import type { MaybePromise } from '@ring3/kit';
import type { Vfs } from '../vfs.ts';
import { Bench, type Declare, lacks, ok, tester } from './bench.ts';
import { copies } from './copies.ts';
import { data } from './data.ts';
import { descriptions } from './descriptions.ts';
import { features } from './features.ts';
import { links } from './links.ts';
import { listing } from './listing.ts';
import { naming } from './naming.ts';
import { opening } from './opening.ts';
import { renaming } from './renaming.ts';
import { streams } from './streams.ts';
import { unlinking } from './unlinking.ts';
import { watching } from './watching.ts';

export { Bench, content, entries, names, ok, refuses, tester, text } from './bench.ts';

/** The test framework that the contract uses. `node:test` and vitest have this shape. */
export interface ContractRunner {
  describe(name: string, body: () => void): unknown;
  test(name: string, options: { readonly skip: boolean }, body: (context: { skip(reason?: string): unknown }) => Promise<void>): unknown;
}

/** Options of `vfsContract`. */
export interface ContractOptions {
  /** Tests that the store does not pass: title and reason. They are skipped, and the reason is printed. */
  readonly except?: Readonly<Record<string, string>>;
  /** Default `node:test`. With vitest: `import { describe, test } from 'vitest'` and `{ runner: { describe, test } }`. */
  readonly runner?: ContractRunner;
}

/**
 * The tests that every store must pass. A store that passes them is correct. Tests of optional features are skipped if the store does not have the
 * feature.
 * @param make creates an empty, writable store; the contract calls its `close` at the end of each test
 */
export function vfsContract(name: string, make: () => MaybePromise<Vfs>, options: ContractOptions = {}): void {
  const { except = {}, runner = { describe, test } } = options;
  runner.describe(`${name}: the storage contract`, () => {
    const declare: Declare = (title, needs, body) => {
      const reason = except[title];
      runner.test(reason === undefined ? title : `${title} (skipped: ${reason})`, { skip: reason !== undefined }, async (context) => {
        const vfs = await make();
        const bench = new Bench(vfs, await ok(vfs.root(tester), 'root'));
        let missing: string | undefined;
        try {
          missing = lacks(vfs, needs);
          if (missing === undefined) await body(bench);
        } finally {
          await bench.close();
        }
        if (missing !== undefined) context.skip(`this store has no ${missing}`); // last: vitest throws here
      });
    };
    for (const part of [opening, naming, data, listing, renaming, unlinking, descriptions, links, streams, copies, watching, features])
      part(declare);
  });
}
