import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Change, type Handle, isCode, type OpenHow, type VfsCode } from '@ring3/vfs';
import { tester } from '@ring3/vfs/contract';
import type { EntryHandle } from './entry-handle.ts';
import { createNodeStore, type NodeStore } from './node-store.ts';

function must<T>(answer: T | VfsCode | Promise<T | VfsCode>): T {
  ok(!(answer instanceof Promise) && !isCode(answer), String(answer));
  return answer as T;
}

function place(t: TestContext): { readonly share: string; open(): NodeStore } {
  const base = mkdtempSync(join(tmpdir(), 'ring3-temporary-'));
  const share = join(base, 'share');
  mkdirSync(share);
  const stores: NodeStore[] = [];
  t.after(() => {
    for (const store of stores) store.close();
    rmSync(base, { recursive: true });
  });
  return {
    share,
    open() {
      for (const store of stores.splice(0)) store.close();
      const store = createNodeStore(share, { state: join(base, 'state') }) as NodeStore;
      stores.push(store);
      return store;
    },
  };
}

const any: OpenHow = { access: 'metadata', kind: 'any', disposition: 'open', follow: false };

test('the next start removes the temporary names that a killed process left, and no file of a user', (t) => {
  const { share, open } = place(t);
  mkdirSync(join(share, 'dir'));
  mkdirSync(join(share, 'old'));
  writeFileSync(join(share, 'file'), 'data');
  const store = open();
  const root = must(store.root(tester));
  const entryOf = (name: string) => (must(store.open(root, name, any, tester)) as EntryHandle).entry;
  const [dir, file, old] = [entryOf('dir'), entryOf('file'), entryOf('old')];
  /** Does what a process did before it was killed. @returns the path of the name that is left */
  const killed = (entry: Parameters<NodeStore['temporaryNames']['use']>[1], make: (path: string) => void): string => {
    let path = '';
    store.temporaryNames.use(dir, entry, (name) => {
      path = join(share, 'dir', name);
      make(path);
      return 0;
    });
    return path;
  };
  const target = Buffer.from('target').toString('hex');
  const left = [
    killed({ fileId: file.inode.fileId }, (path) => linkSync(join(share, 'file'), path)),
    killed({ target }, (path) => symlinkSync('target', path)),
    killed({ empty: true }, (path) => writeFileSync(path, '')),
  ];
  const kept = [
    killed({ target }, (path) => symlinkSync('elsewhere', path)),
    killed({ target }, (path) => writeFileSync(path, '')),
    killed({ empty: true }, (path) => writeFileSync(path, 'a user wrote here')),
    killed({ fileId: old.inode.fileId }, (path) => mkdirSync(path)),
    join(share, 'dir', '.ring3-0123456789abcdef01234567'),
  ];
  writeFileSync(kept.at(-1)!, '');
  for (const path of left) ok(lstatSync(path));
  open();
  deepStrictEqual(readdirSync(join(share, 'dir')).sort(), kept.map((path) => path.slice(share.length + 5)).sort());
  strictEqual(readFileSync(join(share, 'file'), 'utf8'), 'data');
  rmSync(join(share, 'dir'), { recursive: true });
  open();
});

test('a directory has its time again after the removal of a temporary name, unless it was changed since', (t) => {
  const { share, open } = place(t);
  writeFileSync(join(share, 'file'), 'data');
  const [early, late] = [new Date('2001-02-03T04:05:06Z'), new Date('2040-02-03T04:05:06Z')];
  /** A process was killed while an entry took the place of another one. @returns the time of the directory after the next start */
  const timeAfter = (made: (path: string) => void, again?: (directory: string) => void): Date => {
    const directory = mkdtempSync(join(share, 'dir-'));
    utimesSync(directory, early, early);
    const store = open();
    const root = must(store.root(tester));
    const entryOf = (name: string) => (must(store.open(root, name, any, tester)) as EntryHandle).entry;
    const { fileId } = entryOf('file').inode;
    const target = Buffer.from('target').toString('hex');
    store.temporaryNames.use(entryOf(basename(directory)), { fileId, target, empty: true }, (name) => {
      made(join(directory, name));
      return 0;
    });
    ok(statSync(directory).mtime > early);
    again?.(directory);
    open();
    return statSync(directory).mtime;
  };
  const makers = [
    (path: string) => linkSync(join(share, 'file'), path),
    (path: string) => symlinkSync('target', path),
    (path: string) => writeFileSync(path, ''),
  ];
  for (const make of makers) {
    deepStrictEqual(timeAfter(make), early);
    ok(timeAfter(make, (directory) => utimesSync(directory, late, late)) > early);
  }
  ok(timeAfter((path) => mkdirSync(path)) > early, 'a directory of another identity, which stays');
});

test('a name that was recorded but not made, and one that is the only name of its file, leave the file as it is', (t) => {
  const { share, open } = place(t);
  writeFileSync(join(share, 'file'), 'data');
  const store = open();
  const root = must(store.root(tester)) as EntryHandle;
  const { fileId } = must(store.open(root, 'file', any, tester));
  let name = '';
  strictEqual(
    store.temporaryNames.use(root.entry, { fileId }, (between) => {
      name = between;
      linkSync(join(share, 'file'), join(share, name));
      rmSync(join(share, 'file'));
      return 0;
    }),
    0,
  );
  open();
  strictEqual(readFileSync(join(share, name), 'utf8'), 'data');
});

test('a watch never reports a temporary name', async (t) => {
  const { share, open } = place(t);
  mkdirSync(join(share, 'folder'));
  writeFileSync(join(share, 'file'), 'x');
  writeFileSync(join(share, 'other'), 'y');
  const store = open();
  const root = must(store.root(tester));
  const changes: Change[] = [];
  must(root.watch!({ recursive: false }, (change) => changes.push(change)) as ReturnType<NonNullable<Handle['watch']>>);
  const replace = (name: string, how: Partial<OpenHow>): void => {
    const { fileId } = must(store.open(root, name, any, tester));
    must(store.open(root, name, { ...any, disposition: 'create', replaces: fileId, ...how }, tester));
  };
  replace('folder', { kind: 'link', target: 'file' });
  replace('folder', { kind: 'file' });
  must(must(store.open(root, 'file', any, tester)).link!(root, 'OTHER', { replace: true }));
  for (let turns = 0; turns < 1000 && !changes.some((change) => 'path' in change && change.path[0] === 'OTHER'); turns++) await nextTurn();
  const shown = changes.map((change) => ('path' in change ? `${change.what} ${change.path.join('/')}` : change.what));
  ok(!shown.some((change) => change.includes('.ring3-')), shown.join(', '));
  ok(shown.indexOf('removed folder') < shown.indexOf('added folder'), shown.join(', '));
  deepStrictEqual(readdirSync(share).sort(), ['OTHER', 'file', 'folder']);
  ok(existsSync(join(share, 'folder')));
});
