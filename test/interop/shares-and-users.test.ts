import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { InteractiveClient, type Outcome, outcomeOf, until } from './beside.ts';
import { need } from './programs.ts';
import { type Ring3, ring3Command, serveRing3 } from './ring3.ts';
import { smbclient } from './smbclient.ts';

const done: Outcome = { out: '', err: '', status: 0 };

describe('shares and users that are added and deleted by command, while clients work', need('smbclient'), () => {
  let base: string;
  let server: Ring3;
  const ring3 = (command: string, ...words: string[]): Outcome => {
    const control = server.at['control'] as string;
    return outcomeOf(
      ...ring3Command,
      command,
      '--control',
      control,
      ...(command === 'ctl' ? [] : ['--state-dir', join(dirname(control), 'state')]),
      ...words,
    );
  };
  const client = (share: string): InteractiveClient =>
    new InteractiveClient(`//127.0.0.1/${share}`, { port: server.port, user: 'anna', password: 'secret' });
  const sees = async (share: string, command = 'ls'): Promise<string> =>
    (await smbclient([command], { port: server.port, share, user: 'anna%secret', folder: base })).output;

  before(async () => {
    base = mkdtempSync(join(tmpdir(), 'ring3-shares-'));
    for (const folder of ['photos', 'music']) mkdirSync(join(base, folder));
    process.env['RING3_PASSWORD'] = 'secret';
    server = await serveRing3([join(base, 'photos'), '--user', 'other:x']);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(base, { recursive: true, force: true });
  });

  test('an added user and share are available at once, with their options', async () => {
    assert.match(await sees('photos'), /NT_STATUS_LOGON_FAILURE/);
    assert.deepEqual(ring3('user', 'add', 'anna'), done);
    assert.match(await sees('photos'), /blocks available/);
    assert.match(await sees('music'), /NT_STATUS_BAD_NETWORK_NAME/);
    assert.deepEqual(ring3('share', 'add', 'Music', join(base, 'music'), '--read-only', '--comment', 'to listen to'), done);
    assert.match(await sees('MUSIC'), /blocks available/);
    assert.match(await sees('music', 'mkdir new'), /NT_STATUS_(ACCESS_DENIED|MEDIA_WRITE_PROTECTED)/);
    assert.deepEqual(ring3('share', 'add', 'scratch', '--store', 'memory'), done);
    assert.match(await sees('scratch', 'mkdir new; ls'), /^ {2}new +D/m);
    assert.match(await sees('scratch'), /^ {2}new +D/m, 'exists as long as the share');
    assert.match(
      ring3('share', 'add', 'photos', join(base, 'music')).err,
      /^$/,
      'the command line has one of that name, which comes first',
    );
    assert.doesNotMatch(await sees('photos'), /new/);
  });

  test('a deleted share remains for connected clients, unless they are disconnected', async () => {
    await using stays = client('music');
    await stays.list();
    await using other = client('photos');
    await other.list();
    assert.deepEqual(ring3('share', 'delete', 'MUSIC'), done);
    await stays.list();
    assert.match(await sees('music'), /NT_STATUS_BAD_NETWORK_NAME/);
    assert.deepEqual(ring3('share', 'add', 'music', join(base, 'music')), done);
    await using goes = client('music');
    await goes.list();
    assert.deepEqual(ring3('share', 'delete', 'music', '--living'), done);
    goes.tell('ls');
    await until('the share is gone', () => /NT_STATUS_NETWORK_NAME_DELETED/.test(goes.said), goes);
    await other.list();
  });

  test('a deleted user cannot log on; its sessions remain, unless they are disconnected', async () => {
    await using stays = client('photos');
    await stays.list();
    assert.deepEqual(ring3('user', 'delete', 'anna'), done);
    assert.match(await sees('photos'), /NT_STATUS_LOGON_FAILURE/);
    await stays.list();
    assert.deepEqual(ring3('user', 'add', 'anna'), done);
    assert.match(ring3('ctl', 'sessions', '--user', 'anna').out, /anna/);
    assert.deepEqual(ring3('user', 'delete', 'anna', '--living'), done);
    assert.equal(ring3('ctl', 'sessions', '--user', 'anna').out, '');
    stays.tell('ls');
    await until('the session is gone', () => /NT_STATUS_(?!OK)/.test(stays.said), stays);
  });
});
