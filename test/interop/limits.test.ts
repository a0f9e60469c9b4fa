import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createSmbServer, type SmbServer, type SmbServerOptions } from '@ring3/smb-server';
import { createMemoryStore } from '@ring3/vfs';
import { need } from './programs.ts';
import { rpcclient, run, smbclient } from './smbclient.ts';

const user = 'anna%secret';
const start = (more: Partial<SmbServerOptions> = {}): Promise<SmbServer> =>
  createSmbServer({ shares: { share: createMemoryStore(), other: createMemoryStore() }, users: { anna: 'secret', bob: 'word' }, ...more });
const portOf = (server: SmbServer): number => server.address?.port as number;

const rpc = (server: SmbServer, command: string, ...more: string[]): Promise<string> =>
  rpcclient(command, { port: portOf(server), user: 'anna', password: 'secret' }, ...more);

/** An interactive smbclient. */
class Talk implements AsyncDisposable {
  readonly #child;
  #output = '';

  /** On a terminal of `script`: without one it buffers its output until it ends. */
  constructor(server: SmbServer, share = 'share', who = user) {
    const command = `smbclient --configfile=/dev/null //127.0.0.1/${share} -p ${portOf(server)} -U ${who}`;
    this.#child = spawn('script', ['-qfc', command, '/dev/null'], { stdio: 'pipe', env: { ...process.env, TERM: 'dumb' } });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        this.#output += text;
        this.#child.emit('output');
      });
  }

  /** Its output for a command, up to a pattern. */
  async say(command: string, until: RegExp): Promise<string> {
    const from = this.#output.length;
    this.#child.stdin.write(`${command}\n`);
    const signal = AbortSignal.timeout(20_000);
    while (!until.test(this.#output.slice(from))) await once(this.#child, 'output', { signal });
    return this.#output.slice(from);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.stdin.end();
    this.#child.kill();
    await once(this.#child, 'exit');
  }
}

describe('the server’s description, to rpcclient and smbclient', need('smbclient'), () => {
  for (const level of [101, 102]) {
    test(`NetrServerGetInfo at level ${level} returns name and comment (MS-SRVS 3.1.4.17)`, async () => {
      await using server = await start({ name: 'tower', comment: 'The tower' });
      assert.match(await rpc(server, `srvinfo ${level}`), /^\tTOWER +Wk Sv NT SNT +The tower$/m);
      server.configure({ name: 'cellar', comment: 'Below' });
      assert.match(await rpc(server, `srvinfo ${level}`), /^\tCELLAR +Wk Sv NT SNT +Below$/m);
    });
  }

  test('NetrServerGetInfo at level 102 returns the limits that it has fields for (MS-SRVS 2.2.4.42)', async () => {
    await using server = await start({ limits: { sessions: 100 } });
    assert.match(await rpc(server, 'srvinfo 102'), /^\tusers +:\t64\n\tdisc, hidden +:\tffffffff, 0$/m);
    server.configure({ limits: { idleMs: 15 * 60_000 } });
    assert.match(await rpc(server, 'srvinfo 102'), /^\tdisc, hidden +:\tf, 0$/m);
  });

  for (const level of [100, 101, 102]) {
    test(`NetrWkstaGetInfo at level ${level} returns name and work group (MS-WKST 3.2.4.1)`, async () => {
      await using server = await start();
      for (const [name, workgroup] of [
        ['TOWER', 'HOME'],
        ['CELLAR', 'BELOW'],
      ] as const) {
        server.configure({ name, workgroup });
        const output = await rpc(server, `wkssvc_wkstagetinfo ${level}`, '-d10');
        assert.match(output, new RegExp(`info${level}: struct[^]*server_name +: '${name}'[^]*domain_name +: '${workgroup}'`));
      }
    });
  }

  test('the shares are listed, and NTLM’s target information contains the name (MS-NLMP 2.2.2.1)', async () => {
    await using server = await start({ shares: { photos: { vfs: createMemoryStore(), comment: 'Seen' } } });
    server.configure({ name: 'TOWER' });
    const { status, output } = await run('smbclient', [
      '--configfile=/dev/null',
      '-L',
      '127.0.0.1',
      '-p',
      String(portOf(server)),
      '-U',
      user,
      '-d10',
    ]);
    assert.equal(status, 0, output);
    assert.match(output, /^\tphotos +Disk +Seen$/m);
    for (const field of ['TargetName', 'AvNbDomainName', 'AvNbComputerName']) assert.match(output, new RegExp(`${field} +: 'TOWER'`));
    assert.match(output, /AvDnsComputerName +: 'tower'/);
  });
});

describe('limits, to smbclient', need('smbclient'), () => {
  test('one session above the maximum is NT_STATUS_REQUEST_NOT_ACCEPTED', async () => {
    await using server = await start({ limits: { sessions: 1 } });
    await using first = new Talk(server);
    await first.say('ls', /blocks available/);
    const second = await smbclient(['ls'], { port: portOf(server), user: 'bob%word' });
    assert.match(second.output, /NT_STATUS_REQUEST_NOT_ACCEPTED/);
    assert.notEqual(second.status, 0);
    server.configure({ limits: { sessions: 2 } });
    assert.equal((await smbclient(['ls'], { port: portOf(server), user: 'bob%word' })).status, 0);
  });

  test('one connection of an address above the maximum is closed at once', async () => {
    await using server = await start({ limits: { connectionsForAddress: 1 } });
    await using first = new Talk(server);
    await first.say('ls', /blocks available/);
    assert.match(
      (await smbclient(['ls'], { port: portOf(server), user })).output,
      /NT_STATUS_(CONNECTION_|END_OF_FILE|INVALID_NETWORK_RESPONSE)/,
    );
    await first.say('ls', /blocks available/);
  });

  test('one open above the maximum is NT_STATUS_TOO_MANY_OPENED_FILES; closing a file permits another one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ring3-limits-'));
    try {
      await using server = await start({ limits: { opens: 1 } });
      for (const name of ['a', 'b']) writeFileSync(join(folder, name), name);
      assert.equal((await smbclient(['put a', 'put b'], { port: portOf(server), user, folder })).status, 0);
      const { output } = await smbclient(['open a', 'open b', 'close 1', 'open b'], { port: portOf(server), user });
      assert.match(output, /a: for read\/write fnum 1\n.*b\. NT_STATUS_TOO_MANY_OPENED_FILES\n.*b: for read\/write fnum \d\n/s, output);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('an idle client is disconnected, one with an open file is not', async () => {
    await using server = await start({ limits: { idleMs: 1500 } });
    await using idle = new Talk(server);
    await using holder = new Talk(server, 'share', 'bob%word');
    await idle.say('ls', /blocks available/);
    await holder.say('mkdir kept', /./);
    await holder.say('open kept', /./);
    while (server.view.opens().length === 0) await once(server.events, 'open');
    const [{ reason }] = (await once(server.events, 'disconnect')) as [{ reason: string }];
    assert.equal(reason, 'idle timeout');
    assert.deepEqual(
      server.view.sessions().map(({ user: who }) => who),
      ['bob'],
    );
  });
});

describe('disconnection by the administrator, to smbclient', need('smbclient'), () => {
  test('all clients are disconnected from a share: NT_STATUS_NETWORK_NAME_DELETED', async () => {
    await using server = await start();
    await using talk = new Talk(server);
    await using other = new Talk(server, 'other');
    for (const client of [talk, other]) await client.say('ls', /blocks available/);
    assert.equal(server.view.endShare('Share'), 1);
    assert.match(await talk.say('mkdir x', /NT_STATUS/), /NT_STATUS_NETWORK_NAME_DELETED/);
    await other.say('ls', /blocks available/);
  });

  test('a user’s sessions are ended: NT_STATUS_USER_SESSION_DELETED', async () => {
    // no key is left to sign this error: a client that requires signing treats it as forged and reconnects
    await using server = await start({ signing: 'enabled' });
    await using talk = new Talk(server);
    await talk.say('ls', /blocks available/);
    assert.equal(server.view.endUser('ANNA'), 1);
    assert.match(await talk.say('mkdir x', /NT_STATUS/), /NT_STATUS_USER_SESSION_DELETED/);
  });

  test('a server that drains during a transfer becomes empty and accepts no new client', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ring3-limits-'));
    try {
      await using server = await start();
      writeFileSync(join(folder, 'large'), Buffer.alloc(512 * 1024 * 1024));
      const putting = smbclient(['put large'], { port: portOf(server), user, folder });
      while ((server.view.connections()[0]?.bytesIn ?? 0) < 32 * 1024 * 1024) await new Promise((resolve) => setTimeout(resolve, 1));
      await server.drain(10_000);
      await server.close();
      assert.deepEqual(
        Object.values(server.view.counts()).filter((count) => count !== 0),
        [],
      );
      assert.notEqual((await putting).status, 0);
      assert.match((await smbclient(['ls'], { port: portOf(server), user })).output, /NT_STATUS_CONNECTION_REFUSED/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
