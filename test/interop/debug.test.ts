import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { askControl, followControl } from '@ring3/daemon/control';
import { ntHash } from '@ring3/smb-proto';
import { need } from './programs.ts';
import { type Ring3, ring3Command, startRing3 } from './ring3.ts';
import { run, smbclient } from './smbclient.ts';

/** The lines that smbclient prints about a session's keys: `Signing Key   [0000] 30 7D … `. */
const keysIn = (output: string): Buffer[] =>
  [...output.matchAll(/Key\s+\[0000\]\s+((?:[0-9A-F]{2}\s+){16})/g)].map(([, dump = '']) => Buffer.from(dump.replaceAll(/\s/g, ''), 'hex'));

describe('all debug switches together', need('smbclient', 'nfct'), () => {
  let folder: string;
  let server: Ring3;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ring3-debug-'));
    for (const name of ['shared', 'local']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'local', 'there'), 'the payload of a file');
    server = await startRing3(join(folder, 'shared'), ['--guest', '--encryption', 'desired', '--log-level', 'error']);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test('report logons, files, pipes and netlink to the log and to followers, without passwords, hashes and keys', async () => {
    const control = server.at['control'] as string;
    for (const netfilter of [false, true]) await askControl(control, 'debug', { word: 'all', netfilter });
    assert.equal(await askControl(control, 'debug', {}), '[smb] [auth] [vfs] [oplock] [ipc] [conn] [rdma] \n');
    assert.equal(await askControl(control, 'debug', { netfilter: true }), '[netlink] [conntrack] [expect] [timeout] [helper] [queue] \n');
    const followed: string[] = [];
    const enough = new AbortController();
    const lines = followControl(control, 'debug follow', {}, enough.signal);
    const following = (async () => {
      for await (const line of lines) followed.push(JSON.stringify(line));
    })();

    const { port, user, password } = server;
    const options = ['debug encryption=yes'];
    const everyday = ['put there a', 'get a back', 'rename a b', 'ls', 'del b'];
    const keys: Buffer[] = [];
    for (const dialect of ['SMB2_10', 'SMB3_02', 'SMB3_11'] as const) {
      const { status, output } = await smbclient(everyday, {
        port,
        user: `${user}%${password}`,
        dialect,
        options,
        folder: join(folder, 'local'),
      });
      assert.equal(status, 0, output);
      keys.push(...keysIn(output));
    }
    assert.ok(keys.length >= 6, `${keys.length} keys`);
    await smbclient(['ls'], { port, user: `${user}%not the password` });
    await smbclient(['ls'], { port, user: 'stranger%guessed by a stranger' });
    await run('smbclient', ['--configfile=/dev/null', '-L', '127.0.0.1', '-p', String(port), '-U', `${user}%${password}`]);
    const [node, bin] = ring3Command;
    const timeout = [
      'exec',
      '--netlink',
      server.at['netlink'] as string,
      '--',
      'nfct',
      'add',
      'timeout',
      'quick',
      'inet',
      'tcp',
      'established',
      '5',
    ];
    await run(node, [bin, ...timeout]);

    const seen = (): string => `${server.log()}\n${followed.join('\n')}`;
    for (const word of ['smb', 'auth', 'vfs', 'ipc', 'conn', 'conntrack', 'timeout']) {
      assert.ok(server.log().includes(` debug=${word} `), `${word} is in the log`);
      assert.ok(
        followed.some((line) => line.includes(`"debug":"${word}"`)),
        `${word} was followed`,
      );
    }
    const secrets = new Map<string, string>();
    const texts = {
      password,
      'another password': 'not the password',
      'a guess': 'guessed by a stranger',
      payload: 'the payload of a file',
    };
    for (const [name, text] of Object.entries(texts)) {
      secrets.set(name, text);
      for (const encoding of ['utf8', 'utf16le'] as const) {
        const bytes = Buffer.from(text, encoding);
        secrets.set(`${name} in hex`, bytes.toString('hex')).set(`${name} in base64`, bytes.toString('base64').slice(0, -4));
      }
    }
    for (const [i, bytes] of [ntHash(password), ...keys].entries()) {
      secrets.set(`hash or key ${i} in hex`, Buffer.from(bytes).toString('hex'));
      secrets.set(`hash or key ${i} in base64`, Buffer.from(bytes).toString('base64').slice(0, -2));
    }
    const said = seen().toLowerCase();
    for (const [name, secret] of secrets) assert.ok(!said.includes(secret.toLowerCase()), `${name} was told`);
    enough.abort();
    await following;
  });
});
