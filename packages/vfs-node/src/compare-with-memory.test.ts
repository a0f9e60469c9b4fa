import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createMemoryStore, type Handle, isCode, type Vfs, type VfsCode } from '@ring3/vfs';
import { entries, tester, text } from '@ring3/vfs/contract';
import fc from 'fast-check';
import { createNodeStore } from './node-store.ts';

const name = fc.constantFrom('a', 'A', 'b', 'B', 'c:d', 'c\uf022D', 'ä', 'Ä');
const place = fc.nat(9);
const target = fc.constantFrom('a', '../a', './B', 'c:d/a', 'ä/../b', '..');
const step = fc.oneof(
  fc.record({ what: fc.constant('create' as const), kind: fc.constantFrom('file' as const, 'folder' as const), dir: place, name }),
  fc.record({ what: fc.constant('link to' as const), dir: place, name, target }),
  fc.record({ what: fc.constant('open' as const), dir: place, name, follow: fc.boolean() }),
  fc.record({ what: fc.constant('rename' as const), of: place, dir: place, name, replace: fc.boolean() }),
  fc.record({ what: fc.constant('link' as const), of: place, dir: place, name, replace: fc.boolean() }),
  fc.record({ what: fc.constant('unlink' as const), of: place }),
  fc.record({ what: fc.constant('write' as const), of: place, offset: fc.nat(20), data: fc.string({ maxLength: 9 }) }),
  fc.record({ what: fc.constant('truncate' as const), of: place, size: fc.nat(20) }),
  fc.record({ what: fc.constant('stream' as const), of: place, name, create: fc.boolean() }),
  fc.record({ what: fc.constant('close' as const), of: place }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Ten slots for handles; the first holds the root. A step uses the handles in the slots. */
class Actor {
  readonly #vfs: Vfs;
  readonly #places: (Handle | undefined)[] = Array.from({ length: 10 });
  #next = 1;

  constructor(vfs: Vfs) {
    this.#vfs = vfs;
  }

  /** The result of a step, in a form that can be compared with the other store's result. */
  async act(step: Step): Promise<unknown> {
    this.#places[0] ??= (await this.#vfs.root(tester)) as Handle;
    const handle = this.#places['dir' in step ? step.dir : step.of];
    if (handle === undefined) return 'nothing there';
    switch (step.what) {
      case 'create':
        return this.#keep(await this.#vfs.open(handle, step.name, { access: 'readWrite', kind: step.kind, disposition: 'create' }, tester));
      case 'link to': {
        const how = { access: 'metadata', kind: 'link', disposition: 'create', target: step.target } as const;
        return this.#keep(await this.#vfs.open(handle, step.name, how, tester));
      }
      case 'open': {
        const how = { access: 'read', kind: 'any', disposition: 'open', follow: step.follow } as const;
        return this.#keep(await this.#vfs.open(handle, step.name, how, tester));
      }
      case 'stream': {
        const how = { access: 'readWrite', disposition: step.create ? 'create' : 'open' } as const;
        return handle.kind === 'link' ? 'a link has none' : this.#keep(await handle.openStream!(step.name, how));
      }
      case 'close':
        if (step.of > 0) this.#places[step.of] = undefined;
        return step.of > 0 ? handle.close() : 'the root stays';
      default:
        return await this.#change(handle, step);
    }
  }

  #change(handle: Handle, step: Exclude<Step, { what: 'create' | 'link to' | 'open' | 'stream' | 'close' }>): unknown {
    if (step.what === 'unlink') return handle.unlink();
    if (step.what === 'truncate') return handle.truncate(step.size);
    if (step.what === 'write') return handle.write([Buffer.from(step.data)], step.offset);
    const of = this.#places[step.of];
    if (of === undefined) return 'nothing there';
    return step.what === 'rename' ? of.rename(handle, step.name, step) : of.link!(handle, step.name, step);
  }

  #keep(answer: Handle | VfsCode): string {
    if (isCode(answer)) return answer;
    const at = this.#next;
    this.#next = (this.#next % 9) + 1;
    void this.#places[at]?.close();
    this.#places[at] = answer;
    return `${answer.kind} ${answer.name}`;
  }

  /** The visible state: every handle, and the tree. */
  async look(): Promise<unknown> {
    const seen: unknown[] = [];
    for (const handle of this.#places) {
      if (handle === undefined) continue;
      const stat = await handle.stat();
      const about = isCode(stat)
        ? stat
        : { links: stat.kind === 'folder' ? Math.min(stat.links, 1) : stat.links, size: stat.kind === 'link' ? 0 : stat.size };
      const same = this.#places.map((other) => other?.fileId === handle.fileId);
      const data = handle.kind === 'file' ? await text(handle) : undefined;
      seen.push({ kind: handle.kind, name: handle.name, about, same, data, path: await handle.path!() });
    }
    return { seen, tree: await this.#tree(this.#places[0]!) };
  }

  async #tree(folder: Handle): Promise<unknown[]> {
    const tree: unknown[] = [];
    for (const entry of (await entries(folder)).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const handle = await this.#vfs.open(folder, entry.name, { access: 'read', kind: 'any', disposition: 'open', follow: false }, tester);
      if (isCode(handle)) tree.push([entry, handle]);
      else {
        tree.push([
          entry,
          handle.kind === 'folder' ? await this.#tree(handle) : handle.kind === 'file' ? await text(handle) : await handle.readLink!(),
        ]);
        await handle.close();
      }
    }
    return tree;
  }

  async close(): Promise<void> {
    for (const handle of this.#places) await handle?.close();
    await this.#vfs.close?.();
  }
}

test('random operations return the same results on a host directory and on the memory store, and leave the same tree', async () => {
  const above = mkdtempSync(join(tmpdir(), 'ring3-model-'));
  let count = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), fc.boolean(), async (steps, hostAttributes) => {
        const folder = join(above, String(count++));
        mkdirSync(folder);
        const memory = new Actor(createMemoryStore());
        const host = new Actor(createNodeStore(folder, { state: join(above, 'state', String(count)), hostAttributes }));
        try {
          for (const step of steps) assert.deepEqual(await host.act(step), await memory.act(step), JSON.stringify(step));
          await host.act({ what: 'close', of: 0 });
          await memory.act({ what: 'close', of: 0 });
          assert.deepEqual(await host.look(), await memory.look());
        } finally {
          await host.close();
          await memory.close();
        }
      }),
      { numRuns: 60 },
    );
  } finally {
    rmSync(above, { recursive: true });
  }
});
