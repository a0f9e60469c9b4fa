import { deepStrictEqual, match, strictEqual } from 'node:assert/strict';
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';

const bin = new URL('../bin/ring3.js', import.meta.url).pathname;

/** A folder of its own, and commands whose state and sockets lie in it. */
function place(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const env = { ...process.env, XDG_STATE_HOME: join(folder, 'state'), XDG_RUNTIME_DIR: join(folder, 'run'), RING3_PASSWORD: 'secret' };
  mkdirSync(env.XDG_RUNTIME_DIR, { mode: 0o700 });
  const runWith =
    (more: NodeJS.ProcessEnv) =>
    (...args: string[]): SpawnSyncReturns<string> =>
      spawnSync(process.execPath, [bin, ...args], { env: { ...env, ...more }, encoding: 'utf8', timeout: 30_000 });
  const run = Object.assign(runWith({}), { with: runWith });
  const serve = async (...args: string[]) => {
    const child = spawn(process.execPath, [bin, 'serve', ...args, '--log-level', 'error'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line.startsWith('ready')) break;
    }
    return { child, lines };
  };
  return { folder, run, serve };
}
const outcome = ({ status, stdout, stderr }: SpawnSyncReturns<string>) => ({ status, stdout, stderr });

test('a wrong command line is said in one line, with status 2', (t) => {
  const { run } = place(t);
  for (const [args, line] of [
    [['nonsense'], /^ring3: unknown command 'nonsense'\n/],
    [['nonsense', '--help'], /^ring3: unknown command 'nonsense'\n/],
    [['ctl', '--control', 'x', 'nonsense', '-h'], /^ring3: unknown command 'nonsense'\n/],
    [['serve', '--port', '99999'], /^ring3: a port is a number from 0 to 65535, not "99999"\n$/],
    [['serve', '--signing', 'maybe'], /^ring3: --signing is one of required, enabled, not "maybe"\n$/],
    [['timeout', 'add', 'x', 'inet', 'tcp', 'nowhere', '5'], /^ring3: this protocol has no timeout "nowhere": syn_sent, .*\n$/],
    [['rule', 'add', 'udp', 'dport', '5000'], /^ring3: a rule needs an action: .*\n$/],
    [['user', 'add', 'a/b'], /^ring3: invalid user name "a\/b".*\n$/],
    [['serve', '.', '--share', 'a/b'], /^ring3: invalid share name "a\/b": 1 to 80 characters.*\n$/],
    [['serve', '.', '--memory'], /^ring3: --memory shares a memory store: leave out the directory\n$/],
    [['serve', '--control', 'x', '--netlink', './x'], /^ring3: --control and --netlink are two sockets: \S+\/x cannot be both\n$/],
    [['ctl', 'kill', 'soft'], /^ring3: the word is hard, not "soft"\n$/],
    [['share', 'remove', 'x'], /^ring3: unknown command 'remove'\n\(the commands of share: add, delete, list\)\n$/],
    [['serve', '--capture', 'a', '--capture', 'b'], /^ring3: --capture is given twice, "a" and "b": one is accepted\n$/],
    [['ctl', 'connections', '--path', 'x'], /^ring3: unknown option '--path'\n$/],
  ] as const) {
    const { status, stdout, stderr } = run(...args);
    match(stderr, line);
    deepStrictEqual({ status, stdout }, { status: 2, stdout: '' });
  }
});

test('an operation that fails says why in one line, with status 1', (t) => {
  const { run } = place(t);
  for (const [args, line] of [
    [['ctl', 'stats'], /^ring3: no ring3 answers at .*control\.sock \(ENOENT\): start one with "ring3 serve DIR", .*\n$/],
    [['timeout', 'list', '--at', 'ring3'], /^ring3: no ring3 answers at .*netlink\.sock \(ENOENT\): .*\n$/],
    [['rule', 'list'], /^ring3: no ring3 answers at .*control\.sock \(ENOENT\): .*\n$/],
    [['serve', '--config', '/none/ring3.toml'], /^ring3: \/none\/ring3\.toml cannot be read: .*\n$/],
    [['serve', '--capture', '/none/x.pcap'], /^ring3: \/none\/x\.pcap does not exist\n$/],
    [['user', 'delete', 'nobody'], /^ring3: there is no user nobody\n$/],
  ] as const) {
    const { status, stderr } = run(...args);
    match(stderr, line);
    strictEqual(status, 1);
  }
});

test('a program at the control socket that is not ring3 is named in one line, with status 1', async (t) => {
  const { run, folder } = place(t);
  const path = join(folder, 'other.sock');
  const other = `require('node:net').createServer((peer) => peer.on('error', () => {}).end('{"ok":true}\\n')).listen(process.argv[1], () => console.log('ready'))`;
  const child = spawn(process.execPath, ['-e', other, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  for (const words of [
    'ctl status',
    'ctl stats',
    'ctl opens',
    'ctl reload',
    'ctl stop',
    'ctl debug --follow',
    'ctl flows',
    'rule list',
    'namespace list',
    'user list',
  ])
    deepStrictEqual(
      outcome(run.with({ RING3_CONTROL: path })(...words.split(' '))),
      {
        status: 1,
        stdout: '',
        stderr: `ring3: the program that answers at ${path} is not ring3, or another version of it: name the socket of a running ring3 with --control or RING3_CONTROL\n`,
      },
      words,
    );
});

test('an empty password from any source is rejected, unless --allow-empty-password accepts it', (t) => {
  const { run, folder } = place(t);
  const rejected = /^ring3: the password of (bob|anna) is empty: .*--allow-empty-password.*\n$/;
  for (const [words, password] of [
    [['serve', folder, '--user', 'bob:'], 'secret'],
    [['serve', folder, '--user', 'bob'], ''],
    [['user', 'add', 'anna'], ''],
  ] as const) {
    const { status, stdout, stderr } = run.with({ RING3_PASSWORD: password })(...words);
    match(stderr, rejected);
    deepStrictEqual({ status, stdout }, { status: 2, stdout: '' });
  }
  strictEqual(run.with({ RING3_PASSWORD: '' })('user', 'add', 'anna', '--allow-empty-password').status, 0);
  strictEqual(run.with({ RING3_PASSWORD: '' })('user', 'password', 'anna').status, 2);
});

test('a user of a ksmbdpwd.db with an empty password cannot log on, and is named', (t) => {
  const { run, folder } = place(t);
  const file = join(folder, 'ksmbd.conf');
  mkdirSync(join(folder, 'docs'));
  writeFileSync(file, `[global]\n tcp port = 0\n[papers]\n path = ${join(folder, 'docs')}\n`);
  writeFileSync(join(folder, 'ksmbdpwd.db'), 'anna:MdbP4NFq6TG3PFnX4MCJwA==\n'); // MD4 of nothing
  match(run('serve', '--config', file, '--check').stderr, /ksmbd\.conf: user anna has an empty password and cannot log on: /);
  strictEqual(run('serve', '--config', file, '--check', '--allow-empty-password').stderr.includes('empty password'), false);
});

test('without a daemon no command changes the kernel without --at kernel: one line with advice', (t) => {
  const { run } = place(t);
  for (const words of [
    'timeout add x inet tcp close 5',
    'timeout delete x',
    'timeout flush',
    'timeout default-set inet udp replied 5',
    'helper add ftp inet tcp',
    'helper delete ftp',
    'helper disable ftp inet tcp',
    'helper flush',
    'flow delete --protocol tcp',
    'flow flush',
    'flow list --zero',
  ]) {
    const { status, stdout, stderr } = run(...words.split(' '));
    deepStrictEqual({ status, stdout }, { status: 1, stdout: '' }, words);
    match(
      stderr,
      /^ring3: no ring3 is running \(no socket \S+\/run\/ring3\/netlink\.sock\): start one with "ring3 serve", or add --at kernel .*\n$/,
    );
  }
});

test('without a daemon a command that only reads asks the kernel, and says so', (t) => {
  const { run } = place(t);
  for (const words of [
    ['timeout', 'list'],
    ['flow', 'count'],
    ['expect', 'list'],
  ])
    match(run(...words).stderr, /^ring3: no ring3 is running: this is the kernel's own table .*\n/);
});

test('users are added, listed and deleted in the state directory', (t) => {
  const { run } = place(t);
  deepStrictEqual(outcome(run('user', 'add', 'anna')), { status: 0, stdout: '', stderr: '' });
  strictEqual(run('user', 'add', 'ANNA').status, 1);
  strictEqual(run('user', 'password', 'anna').status, 0);
  strictEqual(run('user', 'list').stdout, 'anna\n');
  strictEqual(run('user', 'delete', 'anna').status, 0);
  strictEqual(run('user', 'list').stdout, '');
});

test('shares are added, listed and deleted in the state directory; a running daemon has them at once', async (t) => {
  const { run, serve, folder } = place(t);
  mkdirSync(join(folder, 'docs'));
  await serve('--port', '0');
  const added = run(
    'share',
    'add',
    'Papers',
    join(folder, 'docs'),
    '--read-only',
    '--users',
    'anna, bob',
    '--no-oplocks',
    '--file-mode',
    '640',
  );
  deepStrictEqual(outcome(added), { status: 0, stdout: '', stderr: '' });
  match(run('ctl', 'status').stdout, /shares +Papers\nsmb +127\.0\.0\.1:\d+\n/, 'the file server has begun with it');
  strictEqual(
    run('share', 'list').stdout,
    `NAME    PATH${' '.repeat(folder.length + 3)}OPTIONS\nPapers  ${folder}/docs  read-only users=anna,bob oplocks=false file-mode=640\n`,
  );
  for (const [args, status, line] of [
    [['add', 'papers', join(folder, 'docs')], 1, /^ring3: share papers exists already: delete it first\n$/],
    [['add', 'other', join(folder, 'none')], 1, /^ring3: there is no directory \S+none\n$/],
    [['add', 'all', folder], 1, /^ring3: the state directory \S+ is inside the shared directory /],
    [['add', 'x', folder, '--max-connections', 'many'], 2, /^ring3: --max-connections is a whole number .*, not "many"\n$/],
    [['delete', 'other'], 1, /^ring3: there is no share other in the state directory\n$/],
  ] as const) {
    const ran = run('share', ...args);
    match(ran.stderr, line);
    strictEqual(ran.status, status);
  }
  strictEqual(run('share', 'delete', 'PAPERS').status, 0);
  match(run('ctl', 'status').stdout, /shares +\n/);
});

test('users of a ksmbd.conf are those of the file next to it; a daemon that serves it uses a change at once', async (t) => {
  const { run, serve, folder } = place(t);
  mkdirSync(join(folder, 'docs'));
  const [conf, users] = [join(folder, 'ksmbd.conf'), join(folder, 'ksmbdpwd.db')];
  match(run('user', '--config', conf, 'add', 'anna').stderr, /^ring3: \S+ksmbd\.conf cannot be read: there is no such file\n$/);
  writeFileSync(conf, `[global]\n tcp port = 0\n[papers]\n path = ${folder}/docs\n`);
  strictEqual(run('user', '--config', conf, 'add', 'anna').status, 0);
  strictEqual(readFileSync(users, 'utf8'), 'anna:h42AFGBs2ilnekTvoTU/xw==\n');
  const { child } = await serve('--config', conf, '--host', '127.0.0.1');
  strictEqual(run('user', '--config', conf, 'add', 'bob').status, 0);
  strictEqual(run('user', '--config', conf, 'list').stdout, 'anna\nbob\n');
  strictEqual(run('ctl', 'reload').stdout, '', 'the daemon has been told already');
  writeFileSync(conf, 'nonsense\n');
  child.kill('SIGHUP'); // continues with the present configuration
  strictEqual(run('ctl', 'reload').status, 1);
  match(run('ctl', 'status').stdout, /shares +papers\n/);
});

test('serve without a folder runs the netfilter half; policies live as long as it does; a second one leaves', async (t) => {
  const { run, serve, folder } = place(t);
  const { child, lines } = await serve();
  strictEqual(lines.length, 1);
  match(lines[0] as string, /^ready control=\S+\/run\/ring3\/control\.sock netlink=\S+\/run\/ring3\/netlink\.sock$/);
  strictEqual(run('timeout', 'add', 'web', 'inet', 'tcp', 'established', '100', 'close', '7').status, 0);
  const { stdout } = run('timeout', 'list');
  match(stdout, /^\.web = \{\n\t\.l3proto = 2,\n\t\.l4proto = 6,\n[^}]*\t\t\.ESTABLISHED = 100,\n/);
  strictEqual(run('timeout', 'get', 'web').stdout, stdout);
  match(run('timeout', 'add', 'web', 'inet', 'tcp', 'close', '7').stderr, /^ring3: .*EEXIST.*\n$/);
  strictEqual(run('timeout', 'default-set', 'inet', 'udp', 'replied', '5').status, 0);
  match(run('timeout', 'default-get', 'inet', 'udp').stdout, /\.REPLIED = 5,/);
  const second = run('serve');
  match(
    second.stderr,
    new RegExp(
      `^ring3: .*in use by the ring3 of process ${child.pid}: "ring3 share add NAME DIR" shares another directory there; .*--state-dir.*\n$`,
    ),
  );
  strictEqual(second.status, 1);
  match(run('ctl', 'stats').stdout, /^2 running 0 \d+\n$/);
  match(run('ctl', 'stats', '--json').stdout, /^\{"version":2,"state":"running","port":0,"idleSeconds":\d+\}\n$/);
  strictEqual(run('flow', 'top', '--json').stdout, '{"flows":0,"bytes":0,"busiest":[]}\n');
  match(run('ctl', 'debug', 'nothing').stderr, /^ring3: nothing changed: nothing is not a switch \(smb, /);
  match(run('timeout', 'get', 'none').stderr, /^ring3: get timeout "none": ENOENT: it does not exist; .*\n$/);
  strictEqual(run('ctl', 'stop').status, 0);
  if (child.exitCode === null) await once(child, 'exit');
  strictEqual(child.exitCode, 0);
  strictEqual(existsSync(join(folder, 'run/ring3/control.sock')), false);
});

test('settings of the tracker are read and set while the daemon runs (net.netfilter.nf_conntrack_*)', async (t) => {
  const { run, serve } = place(t);
  await serve();
  deepStrictEqual(outcome(run('sysctl', 'get', 'nf_conntrack_max', 'net.netfilter.nf_conntrack_events')), {
    status: 0,
    stdout: '262144\n2\n',
    stderr: '',
  });
  strictEqual(run('sysctl', 'set', 'nf_conntrack_max=300000', 'net.netfilter.nf_conntrack_udp_timeout=7').status, 0);
  match(run('sysctl', 'list').stdout, /^net\.netfilter\.nf_conntrack_max = 300000$/m);
  strictEqual(JSON.parse(run('sysctl', 'list', '--json').stdout)['nf_conntrack_udp_timeout'], '7');
  match(run('sysctl', 'get', 'nf_conntrack_mux').stderr, /^ring3: there is no setting "nf_conntrack_mux": .*\n$/);
  match(run('sysctl', 'set', 'nf_conntrack_count=1').stderr, /^ring3: nf_conntrack_count is read-only\n$/);
  match(run('sysctl', 'set', 'nf_conntrack_acct=2').stderr, /^ring3: nf_conntrack_acct cannot be set to "2": .*\n$/);
  strictEqual(run('sysctl', 'set', 'nf_conntrack_acct').status, 2);
});

test('rules and namespaces of a running daemon are added, listed and removed', async (t) => {
  const { run, serve } = place(t);
  await serve();
  for (const words of [
    ['timeout', 'add', 'p', 'inet', 'udp', 'replied', '5'],
    ['rule', 'add', 'udp', 'dport', '5000', 'timeout', 'p'],
    ['rule', 'add', 'not', 'tcp', 'iif', "odd'name", 'notrack'],
    ['namespace', 'add', 'lab'],
  ])
    deepStrictEqual(outcome(run(...words)), { status: 0, stdout: '', stderr: '' });
  strictEqual(run('rule', 'list').stdout, "1 inet udp dport 5000 timeout p\n2 not tcp iif 'odd'\\''name' notrack\n");
  match(run('timeout', 'delete', 'p').stderr, /^ring3: .*EBUSY.*\n$/);
  deepStrictEqual(JSON.parse(run('namespace', 'list', '--json').stdout), [
    { name: 'default', flows: 0, policies: 1, rules: 2 },
    { name: 'lab', flows: 0, policies: 0, rules: 0 },
  ]);
  strictEqual(run('rule', 'list', '--namespace', 'lab').stdout, '');
  match(run('flow', 'list', '--namespace', 'none').stderr, /^ring3: no namespace none: .*\n$/);
  strictEqual(run('flow', 'count', '--namespace', 'lab').stdout, '0\n');
  match(run('rule', 'list', '--namespace', 'none').stderr, /^ring3: there is no namespace none\n$/);
  strictEqual(run('rule', 'flush').status, 0);
  strictEqual(run('timeout', 'delete', 'p').status, 0);
});

test('policies and rules of a configuration are there from the start', async (t) => {
  const { run, serve, folder } = place(t);
  const file = join(folder, 'ring3.toml');
  const rule = '[[rule]]\nprotocol = "udp"\ndport = 5000\ntimeout = "p"\n';
  writeFileSync(file, rule);
  match(
    run('serve', '--config', file).stderr,
    /^ring3: error: \S+ring3\.toml:\d+:1: rule\.timeout: there is no timeout policy "p": define \[timeout\.p\]\n$/m,
  );
  writeFileSync(file, `[timeout.p]\nprotocol = "udp"\nreplied = 5\n${rule}`);
  await serve('--config', file);
  strictEqual(run('rule', 'list').stdout, '1 inet udp dport 5000 timeout p\n');
  match(run('timeout', 'get', 'p').stdout, /\.REPLIED = 5,/);
});

test('doctor reports what the machine supports, and fails if serve would', (t) => {
  const { run, folder } = place(t);
  const fine = run('doctor', folder, '--json');
  strictEqual(fine.status, 0, fine.stdout);
  const found = JSON.parse(fine.stdout) as { what: string; state: string; found: string }[];
  strictEqual(found.find(({ what }) => what === 'folder')?.state, 'ok');
  const wrong = run('doctor', join(folder, 'nowhere'));
  strictEqual(wrong.status, 1);
  match(wrong.stdout, /^MISSING {2}folder +there is no directory/m);
});

test('a standard output that cannot be written fails the command: nothing that was asked for is lost silently', (t) => {
  const { folder } = place(t);
  const env = { ...process.env, XDG_STATE_HOME: join(folder, 'state'), XDG_RUNTIME_DIR: join(folder, 'run') };
  const full = openSync('/dev/full', 'w'); // full(4): write(2) fails with ENOSPC
  t.after(() => closeSync(full));
  for (const words of [['version'], ['--help'], ['doctor', '--json'], ['completion', 'bash']]) {
    const { status, stderr } = spawnSync(process.execPath, [bin, ...words], { env, encoding: 'utf8', stdio: ['ignore', full, 'pipe'] });
    deepStrictEqual(
      { status, stderr },
      { status: 1, stderr: 'ring3: standard output cannot be written: no space is left\n' },
      words.join(' '),
    );
  }
});

test('a capture is played into a namespace of the running daemon, which other commands read', async (t) => {
  const { run, serve, folder } = place(t);
  await serve('--port', '0');
  const sample = new URL('../../../examples/sample.pcap', import.meta.url).pathname;
  const { status, stdout } = run('capture', 'play', sample, '--fast');
  strictEqual(status, 0);
  match(stdout, /^namespace {2}capture\npackets {4}36, of which 0 are not IP\nflows +5 in the table, 6 inserted by the capture\n/);
  strictEqual(run('flow', 'count', '--namespace', 'capture').stdout, '5\n');
  const progress = JSON.parse(
    run('capture', 'play', sample, '--fast', '--namespace', 'office', '--json').stdout.trim().split('\n').at(-1) ?? '',
  );
  deepStrictEqual([progress.namespace, progress.ended, progress.packets, progress.flows], ['office', true, 36, 5]);
  const damaged = join(folder, 'damaged.pcap');
  writeFileSync(damaged, readFileSync(sample).subarray(0, 1000));
  const cut = run('capture', 'play', damaged, '--fast', '--namespace', 'cut');
  deepStrictEqual([cut.status, cut.stdout.startsWith('namespace')], [1, true]);
  match(cut.stderr, /^ring3: the capture is damaged, the packets before the damage were played: .*cut short.*\n$/);
  deepStrictEqual(outcome(run('capture', 'play', join(folder, 'none.pcap'))), {
    status: 1,
    stdout: '',
    stderr: `ring3: ${join(folder, 'none.pcap')} does not exist\n`,
  });
  strictEqual(run('capture', 'play', sample, '--fast', '--speed', '2').status, 2);
});

test('serve --memory shares a store that ends with it, under --share or as "memory"', async (t) => {
  const { run, serve } = place(t);
  const { lines } = await serve('--memory', '-p', '0', '--user', 'anna:secret');
  match(lines[0] as string, /^ready smb=127\.0\.0\.1:\d+ control=\S+ netlink=\S+$/);
  deepStrictEqual(JSON.parse(run('ctl', 'status', '--json').stdout).shares, ['memory']);
});

test('serve shares a directory, creates a user if there is none, and ends on SIGTERM', async (t) => {
  const { run, serve, folder } = place(t);
  mkdirSync(join(folder, 'Photos'));
  const { child, lines } = await serve(join(folder, 'Photos'), '--port', '0');
  match(lines[0] as string, /^user ring3 password [a-z0-9-]{19}$/);
  match(lines[1] as string, /^ready smb=127\.0\.0\.1:\d+ control=\S+ netlink=\S+$/);
  match(run('ctl', 'status').stdout, /shares +Photos\n/);
  child.kill('SIGTERM');
  strictEqual((await once(child, 'exit'))[0], 0);
});

test('a user that is created with the first share at run time is printed', async (t) => {
  const { run, folder } = place(t);
  mkdirSync(join(folder, 'Photos'));
  const env = { ...process.env, XDG_STATE_HOME: join(folder, 'state'), XDG_RUNTIME_DIR: join(folder, 'run') };
  const child = spawn(process.execPath, [bin, 'serve', '--port', '0', '--log-level', 'error'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  match((await lines.next()).value ?? '', /^ready control=/);
  strictEqual(run('share', 'add', 'photos', join(folder, 'Photos')).status, 0);
  match((await lines.next()).value ?? '', /^user ring3 password [a-z0-9-]{19}$/);
});

test('SIGHUP while it starts is a reload when it has started, not the end', async (t) => {
  const { run, folder } = place(t);
  const [control, shared] = [join(folder, 'c'), join(folder, 'Photos')];
  mkdirSync(shared);
  const places = ['--state-dir', join(folder, 'state'), '--control', control, '--netlink', 'off'];
  const child = spawn(process.execPath, [bin, 'serve', shared, '--user', 'a:b', '--port', '0', ...places], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  while (!existsSync(control)) await new Promise(setImmediate);
  child.kill('SIGHUP');
  match((await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()).value ?? 'ended', /^ready /);
  strictEqual(run('ctl', '--control', control, 'stop').status, 0);
  deepStrictEqual(await ended, [0, null]);
});

test('a folder that is not there, and one that holds the state, are refused in one line', (t) => {
  const { run, folder } = place(t);
  match(run('serve', join(folder, 'nowhere')).stderr, /^ring3: there is no directory \S+nowhere\n$/);
  match(run('serve', folder, '--share', 'all').stderr, /^ring3: the state directory .* is inside the shared directory .*--state-dir\n$/m);
});

test('a configuration is checked, and serves; the command line comes before it', async (t) => {
  const { run, serve, folder } = place(t);
  mkdirSync(join(folder, 'docs'));
  const file = join(folder, 'ring3.toml');
  writeFileSync(file, '[server]\nport = 4451\n[share.papers]\npath = "docs"\n');
  deepStrictEqual(outcome(run('serve', '--config', file, '--check', '--user', 'anna')), {
    status: 0,
    stdout: `${file}: fine\n`,
    stderr: '',
  });
  match(run('serve', '--config', file, '--check').stderr, /^ring3: warning: no user can log on: /);
  const { lines } = await serve('--config', file, '--port', '0', '--console', '0');
  match(lines.at(-1) as string, /^ready smb=127\.0\.0\.1:(?!4451 )\d+ .* console=http:\/\/127\.0\.0\.1:\d+$/);
  match(run('ctl', 'status').stdout, /shares +papers\n/);
  writeFileSync(file, '[server]\nsinging = "required"\nport = "x"\n');
  deepStrictEqual(outcome(run('serve', '--config', file, '--check')), {
    status: 1,
    stdout: '',
    stderr: `ring3: error: ${file}:2:1: unknown key "server.singing"; did you mean "signing"?\nring3: error: ${file}:3:1: server.port is a whole number from 0 to 65535, not "x"\n`,
  });
  for (const [source, line] of [
    [
      '[[rule]]\nprotocol = "udp"\ntimeout = "p"\n',
      /^ring3: error: \S+ring3\.toml:3:1: rule\.timeout: there is no timeout policy "p": .*\n$/,
    ],
    ['[share.all]\npath = "."\n', /^ring3: the state directory \S+ is inside the shared directory /m],
    ['[share.papers]\npath = "ring3.toml"\n', /^ring3: error: \S+ring3\.toml:2: \S+ring3\.toml is a file, not a directory\n$/],
    ['[server]\nhost = "192.0.2.1"\n[share.papers]\npath = "docs"\n', /cannot listen on 192\.0\.2\.1: /m],
    ['[console]\nhost = "192.0.2.7"\nport = 0\n', /cannot listen on 192\.0\.2\.7: /m],
    ['[console]\nport = 0\ntoken-file = "ring3.toml"\n', /^ring3: \S+ring3\.toml does not contain a token: one line of 16 to 256 letters/m],
  ] as const) {
    writeFileSync(file, source);
    const { status, stdout, stderr } = run('serve', '--config', file, '--check');
    deepStrictEqual([status, stdout], [1, '']);
    match(stderr, line);
  }
});

test("the kernel server's own files serve its users; parameters that are not honoured are warnings", async (t) => {
  const { run, serve, folder } = place(t);
  mkdirSync(join(folder, 'docs'));
  const file = join(folder, 'ksmbd.conf');
  const global = '[global]\n  inherit owner = yes\n  tcp port = 0\n';
  writeFileSync(file, `${global}[papers]\n  path = ${join(folder, 'docs')}\n  writeable = yes\n  valid users = anna ghost\n`);
  writeFileSync(join(folder, 'ksmbdpwd.db'), 'anna:h42AFGBs2ilnekTvoTU/xw==\n');
  deepStrictEqual(outcome(run('serve', '--config', file, '--check')), {
    status: 0,
    stdout: `${file}: fine, with 2 warnings\n`,
    stderr: `ring3: warning: ${file}:2: inherit owner is not honoured: the owner of a file is the user that creates it\nring3: warning: ${file}:5: share papers names unknown users: ghost\n`,
  });
  const { lines } = await serve('--config', file, '--host', '127.0.0.1');
  match(lines[0] as string, /^ready smb=127\.0\.0\.1:\d+ /, 'no user is made: anna is there');
});
