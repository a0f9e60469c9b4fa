import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Beside, InteractiveClient, type Outcome, outcomeOf, until } from './beside.ts';
import { need } from './programs.ts';
import { ring3Command } from './ring3.ts';

const done: Outcome = { out: '', err: '', status: 0 };

/** One day: each test continues in the state that the test before left. */
describe(
  "an administrator's day: configure, check, start, watch, debug, change, disconnect a client, reset, stop",
  need('smbclient'),
  () => {
    let folder: string;
    let file: string;
    let served: Beside;
    let port = 0;
    const control = (): string => join(folder, 'control.sock');
    const ring3 = (...words: string[]): Outcome => outcomeOf(...ring3Command, ...words);
    const ctl = (...words: string[]): Outcome => ring3('ctl', '--control', control(), ...words);
    const client = (share = 'photos'): InteractiveClient =>
      new InteractiveClient(`//127.0.0.1/${share}`, { port, user: 'anna', password: 'secret' });
    const configure = (more = ''): void =>
      writeFileSync(
        file,
        `[server]
host = "127.0.0.1"
port = ${port}
comment = "the file server"

[share.photos]
path = "photos"
${more}
[daemon]
state-dir = "${join(folder, 'state')}"
control = "${control()}"
netlink = "${join(folder, 'netlink.sock')}"
`,
      );

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'ring3-day-'));
      file = join(folder, 'ring3.toml');
      for (const name of ['photos', 'music']) mkdirSync(join(folder, name));
      process.env['RING3_PASSWORD'] = 'secret';
      assert.deepEqual(ring3('user', '--state-dir', join(folder, 'state'), 'add', 'anna'), done);
      configure();
    });
    after(async () => {
      await served?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    });

    test('a configuration is checked before it is used; an error is one line', () => {
      assert.deepEqual(ring3('serve', '--config', file, '--check'), { ...done, out: `${file}: fine\n` });
      configure('read-only = "perhaps"\n');
      const { status, err, out } = ring3('serve', '--config', file, '--check');
      assert.deepEqual([status, out], [1, '']);
      assert.equal(err, `ring3: error: ${file}:8:1: share.photos.read-only is true or false, not "perhaps"\n`);
      configure();
    });

    test("it starts and prints its address; stats prints the kernel server's line", async () => {
      served = new Beside(...ring3Command, 'serve', '--config', file);
      await until('ready', () => served.said.includes('\nready ') || served.said.startsWith('ready '), served);
      port = Number(/smb=127\.0\.0\.1:(\d+)/.exec(served.said)?.[1]);
      configure(); // the port is known from here on
      assert.equal(ctl('reload').out, '~ server: port (takes effect with "ring3 ctl restart")\n');
      assert.match(ctl('stats').out, new RegExp(`^2 running ${port} \\d+\\n$`));
      const second = ring3('serve', '--config', file, '--port', '0');
      assert.equal(second.status, 1);
      assert.match(
        second.err,
        /in use by the ring3 of process \d+: .*--state-dir.*\n$/,
        'a second daemon on the same state says who holds it, and leaves',
      );
    });

    test('clients are listed as a table and as JSON', async () => {
      await using one = client();
      await one.list();
      const { out } = ctl('sessions');
      assert.match(
        out,
        /^ID +USER +CLIENT +(WORKSTATION +)?DIALECT +PROTECTION +SHARES +CHANNELS +OPENS +SINCE\ns\d+ +anna +127\.0\.0\.1:\d+ .*3\.1\.1 +AES-128-GMAC +.*photos/,
      );
      const [session] = JSON.parse(ctl('sessions', '--json', '--user', 'ANNA').out);
      assert.deepEqual([session.user, session.dialect, session.signed], ['anna', '3.1.1', true]);
      assert.equal(ctl('sessions', '--user', 'bob').out, '');
      assert.match(ctl('connections', '--peer', '127.0.0.1').out, /\nc\d+ +127\.0\.0\.1:\d+ +3\.1\.1 /);
      assert.match(ctl('flows', '--dport', String(port)).out, /\ntcp +ESTABLISHED +127\.0\.0\.1:\d+ +127\.0\.0\.1:\d+ /);
      assert.match(ctl('status').out, /^state +running\npid +\d+\n/);
    });

    test("debug prints the kernel server's line; a word toggles, all turns all on, or off if all are on; active components are logged, without passwords", async () => {
      const none = 'smb auth vfs oplock ipc conn rdma \n';
      const all = '[smb] [auth] [vfs] [oplock] [ipc] [conn] [rdma] \n';
      assert.deepEqual(ctl('debug'), { ...done, out: none });
      assert.deepEqual(ctl('debug', 'auth'), done);
      assert.equal(ctl('debug').out, 'smb [auth] vfs oplock ipc conn rdma \n');
      ctl('debug', 'all');
      assert.equal(ctl('debug').out, all);
      await using one = client();
      await one.list();
      for (const told of ['smb', 'auth', 'vfs', 'conn'])
        await until(`${told} tells`, () => served.said.includes(` debug=${told} `), served);
      ctl('debug', 'all');
      assert.equal(ctl('debug').out, none);
      ctl('debug', 'nonsense');
      assert.equal(ctl('debug').out, none);
      assert.doesNotMatch(served.said, /secret/);
    });

    test('a reload applies a change without disconnecting a client, and prints the change', async () => {
      await using one = client();
      await one.list();
      configure(`read-only = true\n[share.music]\npath = "music"\n`);
      assert.deepEqual(ctl('reload'), { ...done, out: '~ share photos: read-only (for new connections)\n+ share music\n' });
      one.tell('mkdir made');
      await until('who was there may still write', () => existsSync(join(folder, 'photos', 'made')), one);
      await using other = client();
      other.tell('mkdir refused');
      await until('who came later may not', () => other.said.includes('NT_STATUS_ACCESS_DENIED making remote directory'), other);
      await using third = client('music');
      await third.list();
      assert.equal(ctl('reload').out, '', 'nothing changed');
      writeFileSync(join(folder, 'song'), '');
      configure('read-only = true\n[share.music]\npath = "song"\n');
      const { status, err } = ctl('reload');
      assert.equal(status, 1);
      assert.match(err, /^ring3: .*song is a file, not a directory\n$/);
      await third.list();
      configure();
      served.signal('SIGHUP'); // to the program that stdbuf executed
      await until('the reload', () => ctl('status', '--json').out.includes('"shares":["photos"]'), served);
    });

    test('one client is disconnected, and no other', async () => {
      await using one = client();
      await one.list();
      const [before] = JSON.parse(ctl('sessions', '--json').out);
      await using two = client();
      await two.list();
      assert.deepEqual(ctl('close', before.id), done);
      await two.list();
      assert.equal(
        JSON.parse(ctl('sessions', '--json').out).some(({ id }: { id: string }) => id === before.id),
        false,
      );
      one.tell('ls');
      await until('the end', () => /NT_STATUS_(USER_SESSION_DELETED|CONNECTION|NETWORK_NAME_DELETED|INVALID)/.test(one.said), one);
      const { status, err } = ctl('close', 's12345');
      assert.deepEqual([status, err], [1, 'ring3: there is no s12345\n']);
    });

    test('a script written for the kernel server works: any word other than hard is rejected and does nothing, hard resets, and start starts again', async () => {
      await using one = client();
      await one.list();
      const script = `
      set -e
      ctl() { ${ring3Command.join(' ')} ctl --control ${control()} "$@"; }
      state() { set -- $(ctl stats); echo "$2"; }
      state
      ctl kill soft 2>/dev/null || echo $?; state
      ctl kill hard; state
      ctl start; state
    `;
      assert.deepEqual(outcomeOf('sh', '-c', script), { ...done, out: 'running\n2\nrunning\nstartup\nrunning\n' });
      one.tell('ls');
      await until('the end', () => /NT_STATUS_|Connection to/.test(one.said), one);
      await using two = client();
      await two.list();
      const again = ctl('start');
      assert.deepEqual([again.status, again.err], [1, 'ring3: the file server runs already\n']);
    });

    test('it stops on request: the shared files remain, its sockets are removed', async () => {
      await using one = client();
      await one.list();
      assert.deepEqual(ctl('stop'), done);
      assert.equal(existsSync(control()), false);
      const { status, err } = ctl('stats');
      assert.deepEqual(
        [status, err],
        [
          1,
          `ring3: no ring3 answers at ${control()} (ENOENT): start one with "ring3 serve DIR", or name the socket of the one that runs with --control or RING3_CONTROL\n`,
        ],
      );
      assert.doesNotMatch(served.said, /secret|Error/);
      assert.equal(readFileSync(file, 'utf8').includes('secret'), false);
    });
  },
);
