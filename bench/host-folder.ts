/** The host folder's store, call by call, beside what Node's own `fs` takes for the same where it has it: no network, no protocol. */

import { closeSync, existsSync, fstatSync, mkdirSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { expectAnswer, type Handle, type OpenHow } from '@ring3/vfs';
import { createNodeStore } from '@ring3/vfs-node';
import { machine } from './machine.ts';

const { values } = parseArgs({ options: { files: { type: 'string', default: '10000' } } });
const files = Number(values.files);
const above = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'ring3-bench-'));
const share = join(above, 'share');
const plain = join(above, 'plain');
for (const folder of [share, plain]) mkdirSync(folder);

const who = { name: 'bench', sid: 'S-1-5-21-1-2-3-1001', groups: [], guest: false };
const store = createNodeStore(share, { state: join(above, 'state') });
const root = expectAnswer(await store.root(who), 'root') as Handle;

function open(name: string, how: Partial<OpenHow> = {}): Handle {
  const answer = store.open(root, name, { access: 'metadata', kind: 'any', disposition: 'open', ...how }, who);
  if (answer instanceof Promise) throw new Error('the store answers at once here');
  return expectAnswer(answer, name);
}

/** Microseconds a call, over all files. */
function time(call: (i: number) => void, calls = files): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) call(i);
  return Number(process.hrtime.bigint() - start) / calls / 1000;
}

const buffer = Buffer.alloc(4096);
const rows: string[] = [];
const row = (what: string, ours: number, node?: number): void => {
  rows.push(`| ${what} | ${ours.toFixed(2)} | ${node === undefined ? '' : node.toFixed(2)} |`);
};

row(
  'create and close',
  time((i) => void open(`File ${i}`, { access: 'readWrite', kind: 'file', disposition: 'create' }).close()),
  time((i) => closeSync(openSync(join(plain, `File ${i}`), 'wx'))),
);
const look = (name: (i: number) => string) => (i: number) => {
  const handle = open(name(i));
  handle.stat();
  void handle.close();
};
time(look((i) => `File ${i}`));
row(
  'open, look, close',
  time(look((i) => `File ${i}`)),
  time((i) => {
    const fd = openSync(join(plain, `File ${i}`), 'r');
    fstatSync(fd, { bigint: true });
    closeSync(fd);
  }),
);
row('the same by a name in another case', time(look((i) => `FILE ${i}`)));
row(
  'open for reading, read 4 KiB, close',
  time((i) => {
    const handle = open(`File ${i}`, { access: 'read' });
    void handle.read(buffer, 0);
    void handle.close();
  }),
  time((i) => {
    const fd = openSync(join(plain, `File ${i}`), 'r');
    readSync(fd, buffer, 0, 4096, 0);
    closeSync(fd);
  }),
);
for (const stat of [true, false]) {
  const list = async (): Promise<number> => {
    const start = process.hrtime.bigint();
    let told = 0;
    let cursor: bigint | number | string | undefined;
    do {
      const part = expectAnswer(await root.list(cursor, { limit: 1000, stat }), 'list');
      told += part.entries.length;
      cursor = part.cursor;
    } while (cursor !== undefined);
    return Number(process.hrtime.bigint() - start) / told / 1000;
  };
  await list();
  row(
    stat ? 'list an entry, described' : 'list an entry, its name',
    await list(),
    stat ? undefined : time(() => readdirSync(plain), 1) / files,
  );
}
row(
  'unlink',
  time((i) => {
    const handle = open(`File ${i}`);
    void handle.unlink();
    void handle.close();
  }),
  time((i) => unlinkSync(join(plain, `File ${i}`))),
);

await root.close();
await store.close?.();
rmSync(above, { recursive: true });
console.log(`${machine()}, ${files} files on ${existsSync('/dev/shm') ? 'tmpfs' : 'the temporary folder'}; microseconds a call.\n`);
console.log('| call | store | Node `fs`, synchronous |\n|---|---|---|');
console.log(rows.join('\n'));
