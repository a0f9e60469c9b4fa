import { deepStrictEqual, doesNotMatch, rejects, strictEqual } from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FakeClock, silentLog } from '@ring3/kit';
import { NtStatus } from '@ring3/smb-proto';
import type { ServerEvents } from '@ring3/smb-server';
import fc from 'fast-check';
import type { Settings } from '../settings.ts';
import { Audit } from './audit.ts';
import { auditKinds, auditLine } from './audit-line.ts';

const share = (name: string, audit = true) => ({ name, store: 'memory' as const, audit });

async function start(t: TestContext, settings: Pick<Settings, 'audit' | 'shares'> = { shares: [share('data')] }) {
  const stateDir = mkdtempSync(join(tmpdir(), 'ring3-audit-'));
  t.after(() => rmSync(stateDir, { recursive: true }));
  const audit = new Audit({ stateDir, clock: new FakeClock(), log: silentLog });
  await audit.apply(settings);
  const events = new EventEmitter<ServerEvents>();
  audit.attach(events);
  const read = async (path = join(stateDir, 'audit', 'audit.log')): Promise<Record<string, unknown>[]> => {
    await audit.close();
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  };
  return { audit, events, read, stateDir };
}

const file = { user: 'ann', peer: '10.0.0.1:2000', session: 7, share: 'Data', path: 'a\\b' };

test('one object a line: when, what, who, from where, in which session, on what; and the fields of the kind', async (t) => {
  const { events, read } = await start(t);
  events.emit('open', { ...file, access: 0x120089, action: 'created', kind: 'file' });
  events.emit('write', file);
  events.emit('close', { ...file, bytesRead: 1, bytesWritten: 2 });
  events.emit('rename', { ...file, to: 'c', how: 'rename' });
  events.emit('delete', file);
  events.emit('security', { ...file, information: 5 });
  events.emit('refused', { ...file, command: 'Create', status: NtStatus.AccessDenied });
  const about = {
    time: new Date(new FakeClock().wall()).toISOString(),
    user: 'ann',
    address: '10.0.0.1:2000',
    session: 7,
    share: 'Data',
    path: 'a\\b',
  };
  deepStrictEqual(await read(), [
    { ...about, what: 'open', action: 'created', kind: 'file', access: '0x00120089' },
    { ...about, what: 'write' },
    { ...about, what: 'close', bytesRead: 1, bytesWritten: 2 },
    { ...about, what: 'rename', to: 'c', how: 'rename' },
    { ...about, what: 'delete' },
    { ...about, what: 'security', changed: ['owner', 'dacl'] },
    { ...about, what: 'refused', command: 'Create', status: 'AccessDenied' },
  ]);
});

test('by share: what concerns another is left out, log-ons count while one is written about', async (t) => {
  const { audit, events, read } = await start(t, { shares: [share('DATA'), share('other', false)] });
  const logon = { user: 'ann', peer: 'p', session: 0, guest: false, anonymous: false, status: NtStatus.LogonFailure };
  events.emit('delete', { ...file, share: 'other' });
  events.emit('delete', file);
  events.emit('log-on', logon);
  const off = { what: 'share data', how: 'changed', keys: ['audit'], holds: 'now' };
  deepStrictEqual(await audit.apply({ shares: [share('data', false), share('new')] }), [off]);
  await audit.apply({ shares: [share('data', false)] });
  deepStrictEqual(events.eventNames(), []);
  deepStrictEqual(
    (await read()).map(({ what, share: where, status }) => [what, where ?? status]),
    [
      ['delete', 'Data'],
      ['log-on', 'LogonFailure'],
    ],
  );
});

test('without an audited share there is no file; kinds that are not written have no listener', async (t) => {
  const { audit, events, stateDir } = await start(t, { shares: [share('data', false)] });
  deepStrictEqual(readdirSync(stateDir), []);
  await audit.apply({ shares: [share('data')], audit: { kinds: ['delete', 'refused'] } });
  deepStrictEqual(events.eventNames(), ['delete', 'refused']);
  await audit.close();
  deepStrictEqual(events.eventNames(), []);
});

test('another path, other limits and other kinds take effect at once, and are reported', async (t) => {
  const { audit, events, read, stateDir } = await start(t);
  const path = join(stateDir, 'elsewhere');
  events.emit('delete', file);
  deepStrictEqual(await audit.apply({ shares: [share('data')], audit: { path, keep: 3 } }), [
    { what: 'audit', how: 'changed', keys: ['keep', 'path'], holds: 'now' },
  ]);
  events.emit('write', file);
  deepStrictEqual(await audit.apply({ shares: [share('data')], audit: { path, keep: 3 } }), []);
  deepStrictEqual(
    (await read(path)).map(({ what }) => what),
    ['write'],
  );
  deepStrictEqual(
    (await read()).map(({ what }) => what),
    ['delete'],
  );
});

test('an invalid setting changes nothing: a file that cannot be written, or that clients could reach', async (t) => {
  const { audit, events, read, stateDir } = await start(t);
  const folder = { name: 'folder', path: stateDir };
  await rejects(audit.apply({ shares: [share('data')], audit: { path: stateDir } }), /cannot be written/);
  await rejects(audit.apply({ shares: [share('data'), folder] }), /inside the shared directory .*, where clients of folder could reach it/);
  await rejects(audit.apply({ shares: [share('data'), folder], audit: { path: join(stateDir, 'none', 'such', 'a') } }), /inside/);
  events.emit('delete', file);
  strictEqual((await read()).length, 1);
});

test('no name makes two lines of one, or hides a part of it', () => {
  const text = fc.string({
    unit: fc.constantFrom(
      'a',
      '"',
      '\\',
      '\n',
      '\r',
      '\0',
      '\u001b',
      '\u0085',
      '\u2028',
      '\u2029',
      '\u202e',
      '\u007f',
      '\ud800',
      'é',
      '😀',
    ),
  });
  fc.assert(
    fc.property(fc.constantFrom(...auditKinds), text, text, text, text, (kind, user, share, path, to) => {
      const event = {
        ...file,
        user,
        share,
        path,
        to,
        how: 'rename',
        access: 0,
        action: 'opened',
        kind: 'file',
        information: 1,
        command: 'Create',
        status: 0,
      };
      const line = auditLine(kind, event as never, 0);
      doesNotMatch(line, /[\p{C}\p{Zl}\p{Zp}]/u);
      const read = JSON.parse(line);
      strictEqual(read.user, user);
      strictEqual(read.path, path);
      strictEqual(read.what, kind);
    }),
  );
});
