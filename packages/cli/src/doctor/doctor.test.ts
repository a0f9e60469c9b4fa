import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createNamespace } from '@ring3/conntrack';
import { createNetlinkServer } from '@ring3/conntrack-netlink';
import { memoryLink } from '@ring3/netlink';
import { folder } from './folder.ts';
import { kernelSubsystems } from './kernel.ts';
import { clock, descriptors, folders, lowPort, tools, user, watches } from './machine.ts';

function place(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'ring3-doctor-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test('a directory that can be shared is distinguished from a missing one, and no file is left in it', async (t) => {
  const dir = place(t);
  const [shared, attributes] = await folder(dir);
  strictEqual(shared?.state, 'ok');
  match(attributes?.what ?? '', /attributes/);
  deepStrictEqual(readdirSync(dir), []);
  strictEqual((await folder(join(dir, 'nowhere')))[0]?.state, 'missing');
});

test('the folders of state and sockets are looked at, not made', async (t) => {
  const dir = place(t);
  const open = join(dir, 'open');
  mkdirSync(open);
  chmodSync(open, 0o755);
  const found = await folders(join(dir, 'a', 'b'), open);
  deepStrictEqual(
    found.map(({ state }) => state),
    ['ok', 'missing'],
  );
  match(found[1]?.found ?? '', /open to other users/);
  strictEqual(existsSync(join(dir, 'a')), false);
});

test('limits below what a server wants say what to do', (t) => {
  strictEqual(descriptors('Max open files            1024                 4096                 files\n').state, 'limited');
  strictEqual(descriptors('Max open files            unlimited            unlimited            files\n').state, 'ok');
  strictEqual(descriptors('').state, 'limited');
  const dir = place(t);
  strictEqual(watches(dir).state, 'limited');
  writeFileSync(join(dir, 'max_user_watches'), '100\n');
  writeFileSync(join(dir, 'max_user_instances'), '128\n');
  match(watches(dir).advice ?? '', /max_user_watches=/);
  writeFileSync(join(dir, 'max_user_watches'), '100000\n');
  strictEqual(watches(dir).state, 'ok');
  strictEqual(clock(0, true).state, 'limited');
  match(clock(Date.UTC(2026, 5, 1), false).found, /not adjusted by a time service/);
  strictEqual(clock(Date.UTC(2026, 5, 1), undefined).state, 'ok');
  strictEqual(user(0).state, 'limited');
  strictEqual(user(1000).state, 'ok');
});

test('a port in use is distinguished from a free one', async () => {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  match((await lowPort(port)).found, /another program/);
  await new Promise((done) => server.close(done));
  strictEqual((await lowPort(port)).state, 'ok');
});

test('programs are looked for in PATH, with the package that has them', (t) => {
  const dir = place(t);
  writeFileSync(join(dir, 'gcc'), '');
  chmodSync(join(dir, 'gcc'), 0o755);
  const [compiler] = tools(dir);
  deepStrictEqual(compiler, { what: 'cc', state: 'ok', found: join(dir, 'gcc') });
  ok(tools('').every(({ state, advice }) => state === 'ok' || /^apt install /.test(advice ?? '')));
});

test('each subsystem is asked by itself', async () => {
  const namespace = createNamespace({ flows: 10 });
  const server = createNetlinkServer(namespace, { without: ['cthelper'] });
  const found = await kernelSubsystems(() => memoryLink(server));
  deepStrictEqual(
    found.map(({ what, state }) => [what, state]),
    [
      ['kernel conntrack', 'ok'],
      ['kernel expectations', 'ok'],
      ['kernel timeouts', 'ok'],
      ['kernel helpers', 'limited'],
    ],
  );
  match(found[3]?.found ?? '', /this kernel does not have it/);
  namespace.close();
});
