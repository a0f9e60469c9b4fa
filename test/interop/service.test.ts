import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { kernelNamespace, withoutNamespaces } from './namespace.ts';
import { need } from './programs.ts';
import { type Ring3, ring3Command, startRing3 } from './ring3.ts';
import { type Ran, run, smbclient } from './smbclient.ts';
import { freePort } from './smbd.ts';
import { bootSystemd } from './systemd/machine.ts';

const root = resolve(import.meta.dirname, '../..');
const [node, bin] = ring3Command;
const nobody = 65534;

function temporary(t: TestContext, under = tmpdir()): string {
  const folder = mkdtempSync(join(under, 'ring3-service-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Repeats the request while no process listens. */
async function patiently(ask: () => Promise<Ran>): Promise<Ran> {
  for (let tries = 0; ; tries++) {
    const ran = await ask();
    if (tries > 100 || !/CONNECTION_REFUSED/.test(ran.output)) return ran;
    await sleep(50);
  }
}

const ctl = async (daemon: Ring3, ...words: string[]): Promise<string> => {
  const { status, output } = await run(node, [bin, 'ctl', '--control', daemon.at['control'] as string, ...words]);
  assert.equal(status, 0, output);
  return output;
};

test(
  'systemd-socket-activate listens, ring3 serves on its socket; after a hard kill clients wait for `ctl start`',
  need('smbclient', 'systemd'),
  async (t) => {
    const folder = temporary(t);
    writeFileSync(join(folder, 'hello.txt'), 'hello\n');
    const port = await freePort();
    const starting = startRing3(folder, [], ['systemd-socket-activate', `--listen=127.0.0.1:${port}`, '--fdname=smb']);
    const list = () => smbclient(['ls'], { port, user: 'tester%secret' });
    const first = await patiently(list);
    await using daemon = await starting;
    assert.match(first.output, /hello\.txt/);
    assert.equal(daemon.port, port);
    await ctl(daemon, 'kill', 'hard');
    assert.match(await ctl(daemon, 'stats'), /^2 startup 0 \d+\n$/);
    const waiting = list();
    await ctl(daemon, 'start');
    assert.match((await waiting).output, /hello\.txt/);
    assert.match(await ctl(daemon, 'stats'), new RegExp(`^2 running ${port} \\d+\\n$`));
  },
);

test('root binds port 445 and switches to user nobody: files belong to nobody, a hard kill rejects clients, `ctl start` listens again', {
  skip: withoutNamespaces ?? need('smbclient').skip ?? false,
}, async (t) => {
  const folder = temporary(t);
  chownSync(folder, nobody, nobody);
  const places = temporary(t, '/run');
  chmodSync(places, 0o755);
  using namespace = kernelNamespace();
  spawnSync('ip', ['-n', namespace.name, 'link', 'set', 'lo', 'up']);
  const own = ['--state-dir', `${places}/lib/state`, '--control', `${places}/run/control.sock`, '--netlink', `${places}/run/netlink.sock`];
  await using daemon = await startRing3(folder, ['--as', 'nobody', '--port', '445', ...own], namespace.prefix);
  assert.equal(daemon.port, 445);
  const status = readFileSync(`/proc/${daemon.pid}/status`, 'latin1');
  assert.match(status, new RegExp(`^Uid:(\\s+${nobody}){4}$`, 'm'));
  assert.match(status, /^CapEff:\s+0+$/m);
  assert.deepEqual([statSync(`${places}/lib/state`).uid, statSync(`${places}/run`).mode & 0o777], [nobody, 0o700]);

  const [ip, ...words] = namespace.prefix as [string, ...string[]];
  const client = (commands: string) =>
    run(ip, [...words, 'smbclient', '--configfile=/dev/null', '//127.0.0.1/share', '-U', 'tester%secret', '-c', commands], { cwd: folder });
  writeFileSync(join(folder, 'local'), 'hello\n');
  assert.equal((await client('put local there; mkdir sub; rename there sub/here; setmode sub/here +h')).status, 0);
  assert.equal(statSync(join(folder, 'sub/here')).uid, nobody);
  for (let round = 0; round < 2; round++) {
    await ctl(daemon, 'kill', 'hard');
    assert.match((await client('ls')).output, /CONNECTION_REFUSED/);
    await ctl(daemon, 'start');
    assert.match((await client('ls sub/*')).output, /here\s+AH/);
  }
  assert.doesNotMatch(daemon.log(), /running as root/);
});

test('a process that cannot switch to that user fails with one line', {
  skip: process.getuid?.() === 0 ? false : 'not root',
}, async (t) => {
  const folder = temporary(t);
  const serve = (...more: string[]) => run(node, [bin, 'serve', folder, '--port', '0', '--state-dir', join(folder, 'state'), ...more]);
  assert.deepEqual(await serve('--as', 'nosuch'), {
    status: 1,
    output: 'ring3: there is no user "nosuch" on this machine (getent passwd)\n',
  });
  assert.equal(existsSync(join(folder, 'state')), false);
});

test('the unit has only the rights that it needs (systemd-analyze security)', need('systemd'), async () => {
  const { status, output } = await run('systemd-analyze', [
    'security',
    '--no-pager',
    '--offline=true',
    '--threshold=20',
    join(root, 'deploy/ring3.service'),
  ]);
  assert.equal(status, 0, output);
});

test('under systemd: socket activation, reload, hard kill, watchdog and stop, in the sandbox of its unit', {
  skip: withoutNamespaces ?? need('smbclient', 'systemd').skip ?? false,
}, async () => {
  await using machine = await bootSystemd();
  const ok = (script: string): string => {
    const { status, output } = machine.run(script);
    assert.equal(status, 0, `${script}\n${output}\n${machine.run('journalctl --no-pager --output=cat --unit=ring3 --lines=30').output}`);
    return output;
  };
  ok('systemd-sysusers && mkdir -p /srv/public /etc/ring3 && cp /opt/ring3/deploy/ring3.toml /etc/ring3/ && chown ring3: /srv/public');
  assert.equal(ok('systemd-analyze verify ring3.service ring3.socket'), '');
  ok(
    'install -d -o ring3 -m 700 /var/lib/ring3 && RING3_PASSWORD=secret setpriv --reuid ring3 --regid ring3 --clear-groups ring3 user add anna --state-dir /var/lib/ring3',
  );

  const client = (commands: string): string =>
    ok(`cd /tmp && smbclient --configfile=/dev/null //127.0.0.1/public -U anna%secret -c '${commands}'`);
  const status = (): string => ok('systemctl show --value --property=StatusText ring3').trim();
  ok('systemctl start ring3.socket && echo hello > /tmp/local');
  client('put local there; mkdir sub; rename there sub/here; setmode sub/here +h'); // this starts it
  assert.match(client('ls sub/*'), /here\s+AH/);
  assert.equal(status(), 'a share on [::]:445');
  const pid = (): string => ok('systemctl show --value --property=MainPID ring3').trim();
  const process = ok(`cat /proc/${pid()}/status`);
  for (const line of [/^CapEff:\s+0+$/m, /^CapBnd:\s+0+$/m, /^NoNewPrivs:\s+1$/m, /^Seccomp:\s+2$/m]) assert.match(process, line);

  ok(`printf '[share.more]\\npath = "/srv"\\n' >> /etc/ring3/ring3.toml && systemctl reload ring3`);
  assert.equal(status(), '2 shares on [::]:445');
  assert.equal(machine.run('echo "[share.bad" >> /etc/ring3/ring3.toml; systemctl reload ring3').status, 1);
  ok(`sed -i '/share.bad/d' /etc/ring3/ring3.toml && kill -HUP ${pid()}`);

  const before = pid();
  ok('ring3 ctl --control /run/ring3/control.sock kill hard');
  assert.equal(status(), 'the file server is down: ring3 ctl start');
  ok('ring3 ctl --control /run/ring3/control.sock start');
  assert.match(client('ls sub/*'), /here\s+AH/);
  assert.equal(pid(), before);

  ok('systemctl stop ring3.socket ring3');
  assert.equal(ok('systemctl show --value --property=Result ring3').trim(), 'success');
  assert.doesNotMatch(ok('journalctl --no-pager --output=cat --unit=ring3'), /secret|password/i);

  // a blocked event loop is detected, and the service is restarted
  ok(
    `mkdir /etc/systemd/system/ring3.service.d && printf '[Service]\\nWatchdogSec=1\\n' > /etc/systemd/system/ring3.service.d/watchdog.conf && systemctl daemon-reload && systemctl start ring3`,
  );
  const stuck = pid();
  ok(
    `sleep 2; kill -STOP ${stuck}; for i in $(seq 100); do systemctl show --value --property=MainPID,ActiveState ring3 | grep -qx active && [ $(systemctl show --value --property=MainPID ring3) != ${stuck} ] && exit 0; sleep 0.2; done; exit 1`,
  );
  assert.match(ok('journalctl --no-pager --output=cat --unit=ring3'), /Watchdog timeout/);
});
