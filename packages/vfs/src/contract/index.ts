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

/** What a store may tell about itself to the contract. */
export interface ContractOptions {
  /** Tests that the store does not pass, by title, and why: they are skipped, and the reason is printed. */
  readonly except?: Readonly<Record<string, string>>;
}

/**
 * The tests that every store must pass: a store is right when they do. Calls `node:test`; optional abilities are tested where the store has them, the others are
 * skipped by name.
 * @param make a fresh, empty, writable store; the contract calls its `close` at the end of each test
 */
export function vfsContract(name: string, make: () => MaybePromise<Vfs>, options: ContractOptions = {}): void {
  describe(`${name}: the storage contract`, () => {
    const declare: Declare = (title, needs, body) => {
      test(title, { skip: options.except?.[title] ?? false }, async (t) => {
        const vfs = await make();
        const bench = new Bench(vfs, await ok(vfs.root(tester), 'root'));
        try {
          const missing = lacks(vfs, needs);
          if (missing === undefined) await body(bench);
          else t.skip(`this store has no ${missing}`);
        } finally {
          await bench.close();
        }
      });
    };
    for (const part of [opening, naming, data, listing, renaming, unlinking, descriptions, links, streams, copies, watching, features])
      part(declare);
  });
}
