import assert from 'node:assert/strict';
import type { Change } from '../vfs.ts';
import { type Declare, must, ok } from './bench.ts';

/** Waits until a matching change is reported, at most 5 s. */
async function reported(changes: readonly Change[], wanted: (change: Change) => boolean, what: string): Promise<void> {
  for (let turn = 0; turn < 500; turn++) {
    if (changes.some(wanted)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`${what} was not reported; reported: ${JSON.stringify(changes)}`);
}
const is = (what: Change['what'], path: string) => (change: Change) =>
  change.what === what && 'path' in change && change.path.join('/') === path;

/** Contract of `Handle.watch`. */
export function watching(declare: Declare): void {
  declare('a watched directory reports added, changed, renamed and removed entries', ['watch'], async (bench) => {
    const folder = await bench.folder('folder');
    const changes: Change[] = [];
    const watch = await ok(must(folder.watch, 'watch').call(folder, { recursive: false }, (change) => changes.push(change)));
    const file = await bench.file('file', '', folder);
    await reported(changes, is('added', 'file'), 'the new file');
    await ok(file.write([Buffer.from('x')], 0));
    await reported(changes, is('data', 'file'), 'the write');
    await ok(file.rename(folder, 'renamed'));
    await reported(
      changes,
      (change) => is('renamed', 'renamed')(change) && 'from' in change && change.from.join('/') === 'file',
      'the rename',
    );
    await ok(file.rename(bench.root, 'out'));
    await reported(changes, is('removed', 'renamed'), 'the move out of the directory');
    await ok(file.rename(folder, 'back'));
    await reported(changes, is('added', 'back'), 'the move into the directory');
    await ok(file.unlink());
    await reported(changes, is('removed', 'back'), 'the removal');
    watch.close();
    const before = changes.length;
    await bench.file('unseen', '', folder);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(changes.length, before, 'a change was reported after the watch was closed');
  });

  declare(
    'initial metadata of a new entry is no change, and a change of metadata names its fields',
    ['watch', 'attributes'],
    async (bench) => {
      const folder = await bench.folder('folder');
      const changes: Change[] = [];
      const watch = await ok(must(folder.watch, 'watch').call(folder, { recursive: false }, (change) => changes.push(change)));
      for (const kind of ['file', 'folder'] as const) {
        const initial = {
          attributes: 0x2,
          birth: 1_000_000_000n,
          descriptor: new Uint8Array(20),
          xattrs: new Map([['A', new Uint8Array(1)]]),
        };
        const made = await bench.open(kind, { access: 'metadata', kind, disposition: 'create', initial }, folder);
        await ok(must(made.setStat, 'setStat').call(made, { attributes: 0x1 }));
        await reported(changes, is('description', kind), 'the attributes');
      }
      watch.close();
      const seen = changes.map((change) => [change.what, ...('fields' in change ? (change.fields ?? ['?']) : [])].join(' '));
      assert.deepEqual(seen, ['added', 'description attributes', 'added', 'description attributes']);
    },
  );

  declare('a watch reports streams that are added, written, renamed and removed', ['watch', 'streams'], async (bench) => {
    const outer = await bench.folder('outer');
    const inner = await bench.folder('inner', outer);
    const file = await bench.file('file', '', inner);
    const changes: Change[] = [];
    const deep: Change[] = [];
    const watches = [
      await ok(must(inner.watch, 'watch').call(inner, { recursive: false }, (change) => changes.push(change))),
      await ok(must(outer.watch, 'watch').call(outer, { recursive: true }, (change) => deep.push(change))),
    ];
    const isStream = (what: Change['what'], path: string, stream: string) => (change: Change) =>
      is(what, path)(change) && 'stream' in change && change.stream === stream;
    const stream = await bench.stream(file, 'one');
    await reported(changes, isStream('streamAdded', 'file', 'one'), 'the new stream');
    await ok(stream.write([Buffer.from('x')], 0));
    await reported(changes, isStream('streamData', 'file', 'one'), 'the write');
    await reported(deep, isStream('streamData', 'inner/file', 'one'), 'the write below');
    await ok(stream.rename(file, 'two'));
    await reported(changes, isStream('streamRemoved', 'file', 'one'), 'the former name');
    await reported(changes, isStream('streamAdded', 'file', 'two'), 'the new name');
    await ok(stream.truncate(5));
    await reported(changes, isStream('streamData', 'file', 'two'), 'the new size');
    await ok(stream.unlink());
    await reported(changes, isStream('streamRemoved', 'file', 'two'), 'the removal');
    const owned = await bench.stream(inner, 'of a directory', 'x');
    await reported(deep, isStream('streamData', 'inner', 'of a directory'), 'the stream of a directory');
    await ok(owned.unlink());
    for (const watch of watches) watch.close();
  });

  declare('only a recursive watch reports changes in subdirectories', ['watch'], async (bench) => {
    const outer = await bench.folder('outer');
    const inner = await bench.folder('inner', outer);
    const deep: Change[] = [];
    const shallow: Change[] = [];
    const watches = [
      await ok(must(outer.watch, 'watch').call(outer, { recursive: true }, (change) => deep.push(change))),
      await ok(must(outer.watch, 'watch').call(outer, { recursive: false }, (change) => shallow.push(change))),
    ];
    await bench.file('file', '', inner);
    await reported(deep, is('added', 'inner/file'), 'the new file below');
    const made = await bench.folder('made', inner);
    await reported(deep, is('added', 'inner/made'), 'the new directory below');
    await bench.file('file', '', made);
    await reported(deep, is('added', 'inner/made/file'), 'the new file in the new directory');
    assert.ok(!shallow.some((change) => 'path' in change && change.path.length > 1));
    for (const watch of watches) watch.close();
  });
}
