import { deepStrictEqual, doesNotMatch, strictEqual } from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FakeClock, silentLog } from '@ring3/kit';
import { NtStatus } from '@ring3/smb-proto';
import type { ServerEvents } from '@ring3/smb-server';
import fc from 'fast-check';
import { Audit } from './audit.ts';
import { type AuditKind, auditKinds, auditLine } from './audit-line.ts';

async function start(t: TestContext, kinds?: readonly AuditKind[]) {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-audit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'audit.log');
  const audit = await Audit.open({ path, size: 1e6, keep: 1, kinds }, new FakeClock(), silentLog);
  const events = new EventEmitter<ServerEvents>();
  const end = audit.attach(events);
  const read = async (): Promise<Record<string, unknown>[]> => {
    await audit.close();
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  };
  return { audit, events, end, read };
}

const file = { user: 'ann', peer: '10.0.0.1:2000', session: 7, share: 'Data', path: 'a\\b' };

test('one object a line: when, what, who, from where, in which session, on what; and what the kind says beside', async (t) => {
  const { audit, events, read } = await start(t);
  audit.shares = ['data'];
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
  const { audit, events, read } = await start(t);
  const logon = { user: 'ann', peer: 'p', session: 1, guest: false, anonymous: false, status: 0 };
  events.emit('log-on', logon);
  audit.shares = ['DATA'];
  events.emit('delete', { ...file, share: 'other' });
  events.emit('delete', file);
  events.emit('log-on', { ...logon, status: NtStatus.LogonFailure });
  audit.shares = [];
  events.emit('delete', file);
  deepStrictEqual(
    (await read()).map(({ what, share, status }) => [what, share ?? status]),
    [
      ['delete', 'Data'],
      ['log-on', 'LogonFailure'],
    ],
  );
});

test('of some kinds only, the others have no listener; none has one after the end', async (t) => {
  const { audit, events, end, read } = await start(t, ['delete', 'refused']);
  audit.shares = ['data'];
  deepStrictEqual(events.eventNames(), ['delete', 'refused']);
  end();
  deepStrictEqual(events.eventNames(), []);
  deepStrictEqual(await read(), []);
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
