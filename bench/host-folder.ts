/** The store on a host directory, call by call, compared with Node's `fs` if it has the same call: without network and protocol. */

import { closeSync, existsSync, fstatSync, mkdirSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cursor, expectAnswer, type Handle, type OpenHow } from '@ring3/vfs';
import { createNodeStore } from '@ring3/vfs-node';
import { readOptions, whole } from '../scripts/options.ts';
import { machine } from './machine.ts';

const { values } = readOptions({
  usage: 'npm run bench -- host-folder [--files N] [--rounds N]',
  options: { files: whole(1, 10_000_000, 10_000), rounds: whole(1, 10_000, 7) },
});
const { files } = values;
const where = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const who = { name: 'bench', sid: 'S-1-5-21-1-2-3-1001', groups: [], guest: false };
const buffer = Buffer.alloc(4096);

/** Microseconds per call, over all files. */
function time(call: (i: number) => void, calls = files): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) call(i);
  return Number(process.hrtime.bigint() - start) / calls / 1000;
}

/** Microseconds per entry of a complete listing. */
async function timeList(root: Handle, stat: boolean): Promise<number> {
  const start = process.hrtime.bigint();
  let told = 0;
  let cursor: Cursor | undefined;
  do {
    const part = expectAnswer(await root.list(cursor, { limit: 1000, stat }), 'list');
    told += part.entries.length;
    cursor = part.cursor;
  } while (cursor !== undefined);
  return Number(process.hrtime.bigint() - start) / told / 1000;
}

/** The store's calls, in the order of their dependencies. */
async function ours(folder: string, state: string): Promise<Record<string, number>> {
  mkdirSync(folder);
  const store = createNodeStore(folder, { state });
  const root = expectAnswer(await store.root(who), 'root') as Handle;
  const open = (name: string, how: Partial<OpenHow> = {}): Handle => {
    const answer = store.open(root, name, { access: 'metadata', kind: 'any', disposition: 'open', ...how }, who);
    if (answer instanceof Promise) throw new Error('the store answers at once here');
    return expectAnswer(answer, name);
  };
  const withFile = (name: string, use: (handle: Handle) => unknown, how: Partial<OpenHow> = {}): void => {
    const handle = open(name, how);
    use(handle);
    void handle.close();
  };
  const found = {
    'create, close': time((i) => withFile(`File ${i}`, () => {}, { access: 'readWrite', kind: 'file', disposition: 'create' })),
    'list an entry, described, for the first time': await timeList(root, true),
    'list an entry, described': await timeList(root, true),
    'list an entry, its name': await timeList(root, false),
    'open, look, close': time((i) => withFile(`File ${i}`, (handle) => handle.stat())),
    'the same, by a name in another case': time((i) => withFile(`FILE ${i}`, (handle) => handle.stat())),
    'open, read 4 KiB, close': time((i) => withFile(`File ${i}`, (handle) => handle.read(buffer, 0), { access: 'read' })),
    'open, unlink, close': time((i) => withFile(`File ${i}`, (handle) => handle.unlink())),
  };
  await root.close();
  await store.close?.();
  return found;
}

/** The calls of Node's `fs`, if it has the same. */
function nodes(folder: string): Record<string, number> {
  mkdirSync(folder);
  const withFile = (i: number, use: (fd: number) => unknown, flags = 'r'): void => {
    const fd = openSync(join(folder, `File ${i}`), flags);
    use(fd);
    closeSync(fd);
  };
  return {
    'create, close': time((i) => withFile(i, () => {}, 'wx')),
    'list an entry, its name': time(() => readdirSync(folder), 1) / files,
    'open, look, close': time((i) => withFile(i, (fd) => fstatSync(fd, { bigint: true }))),
    'open, read 4 KiB, close': time((i) => withFile(i, (fd) => readSync(fd, buffer, 0, 4096, 0))),
    'open, unlink, close': time((i) => withFile(i, () => unlinkSync(join(folder, `File ${i}`)))),
  };
}

/** The minimum of each figure: other load on the machine can only increase it. */
function least(rounds: readonly Record<string, number>[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const round of rounds)
    for (const [what, figure] of Object.entries(round)) found.set(what, Math.min(figure, found.get(what) ?? figure));
  return found;
}

const rounds: { readonly ours: Record<string, number>; readonly nodes: Record<string, number> }[] = [];
for (let round = 0; round < values.rounds; round++) {
  const above = mkdtempSync(join(where, 'ring3-bench-'));
  rounds.push({ ours: await ours(join(above, 'share'), join(above, 'state')), nodes: nodes(join(above, 'plain')) });
  rmSync(above, { recursive: true });
}
const theirs = least(rounds.map((round) => round.nodes));
console.log(`${machine()}; ${files} files in ${where}; microseconds per call, the minimum of ${values.rounds} rounds.\n`);
console.log('| call | store | Node `fs`, synchronous |\n|---|---|---|');
for (const [what, figure] of least(rounds.map((round) => round.ours))) {
  console.log(`| ${what} | ${figure.toFixed(2)} | ${theirs.get(what)?.toFixed(2) ?? ''} |`);
}
