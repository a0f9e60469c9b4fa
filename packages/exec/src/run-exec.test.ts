import assert from 'node:assert/strict';
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectUnix, listenUnix, type NetlinkServer } from '@ring3/netlink';
import { runUnder } from './run-under.ts';
import { buildShim } from './shim.ts';
import { type Desk, makeDesk, message, testServer, withoutCompiler } from './testing.ts';

/** A control message that wants an acknowledgement, and a request to a subsystem that nobody has. */
const control = message(0, 0x5, 9);
const unknown = message(0xf001, 0x5, 7);
const refused = '[type 2 flags 0 seq 7 port me error -22]';
const list = (count: number): string => message(0x7f01, 0x301, 3, count);
const tell = (count: number): string => message(0x7f02, 0x1, 4, count);

// Each case was run on Linux 6.18 as well, with the same lines; test/interop/exec.test.ts asks the kernel at hand again.
describe('a socket under exec is a netlink socket (netlink(7))', { skip: withoutCompiler }, () => {
  let desk: Desk;
  before(() => {
    desk = makeDesk();
  });
  after(() => desk.remove());

  const probe = async (words: string): Promise<string[]> => {
    const { out, err, status } = await desk.run(desk.probe, words.split(' '), { fresh: testServer });
    assert.equal(err, '');
    assert.equal(status, 0);
    return out.trimEnd().split('\n');
  };
  const same = (words: string, lines: string[]) => async (): Promise<void> => assert.deepEqual(await probe(words), lines);
  const me = (groups = '0', port = 'me'): string => `name family 16 port ${port} groups ${groups} length 12`;

  test(
    'it has no address before it is bound, then the process id, its peer is the kernel',
    same('socket name peer bind 0 0 name', [
      'socket ok flags 0',
      me('0', '0'),
      'peer family 16 port 0 groups 0 length 12',
      'bind ok 0',
      me(),
    ]),
  );
  test(
    'bound again with the same port id it changes its groups; another port id is EINVAL',
    same('socket bind 0 0 bind me 3 name bind 77 0 bind 0 4 name', [
      'socket ok flags 0',
      'bind ok 0',
      'bind ok 0',
      me('3'),
      'bind EINVAL',
      'bind EINVAL',
      me('3'),
    ]),
  );
  test(
    'a taken port id is EADDRINUSE, and an automatic one is then above 2^31',
    same('socket bind me 0 socket bind me 0 bind 0 0 name', [
      'socket ok flags 0',
      'bind ok 0',
      'socket ok flags 0',
      'bind EADDRINUSE',
      'bind ok 0',
      me('0', 'large'),
    ]),
  );
  test(
    'SO_DOMAIN, SO_TYPE and SO_PROTOCOL are 16, 3 and 12',
    same('socket get 1 39 get 1 3 get 1 38 get 1 30 get 1 4', [
      'socket ok flags 0',
      'get 1 39 = 16 length 4',
      'get 1 3 = 3 length 4',
      'get 1 38 = 12 length 4',
      'get 1 30 = 0 length 4',
      'get 1 4 = 0 length 4',
    ]),
  );
  test(
    'SOCK_DGRAM stays what it is, SOCK_STREAM and SOCK_SEQPACKET are ESOCKTNOSUPPORT',
    same('socket dgram get 1 3 socket 1 socket 5', [
      'socket ok flags 0',
      'get 1 3 = 2 length 4',
      'socket ESOCKTNOSUPPORT',
      'socket ESOCKTNOSUPPORT',
    ]),
  );
  test('SOCK_NONBLOCK holds: an empty queue is EAGAIN', same('socket nonblock recv 100', ['socket ok flags 800', 'recv EAGAIN']));
  test(
    'ADD_MEMBERSHIP shows in the group mask and in LIST_MEMBERSHIPS; no such group is EINVAL',
    same('socket set 270 1 7 name get 270 9 get 270 9 0 set 270 1 33 set 270 1 0 set 270 2 7 name', [
      'socket ok flags 0',
      'set ok 0',
      me('40', '0'),
      'get 270 9 = 64 length 4',
      'get 270 9 = 0 length 4',
      'set EINVAL',
      'set EINVAL',
      'set ok 0',
      me('0', '0'),
    ]),
  );
  test(
    'netlink options are kept; an unknown one is ENOPROTOOPT',
    same('socket get 270 10 set 270 10 1 get 270 10 set 270 11 1 get 270 11 get 270 99 set 270 99 1', [
      'socket ok flags 0',
      'get 270 10 = 0 length 4',
      'set ok 0',
      'get 270 10 = 1 length 4',
      'set ok 0',
      'get 270 11 = 1 length 4',
      'get ENOPROTOOPT',
      'set ENOPROTOOPT',
    ]),
  );
  test(
    'SO_RCVBUF is doubled, has a least value, and FORCE goes beyond the limit',
    same('socket get 1 8 set 1 8 5000 get 1 8 set 1 8 1 get 1 8 set 1 33 100000000 get 1 8', [
      'socket ok flags 0',
      'get 1 8 = 212992 length 4',
      'set ok 0',
      'get 1 8 = 10000 length 4',
      'set ok 0',
      'get 1 8 = 2304 length 4',
      'set ok 0',
      'get 1 8 = 200000000 length 4',
    ]),
  );
  test(
    'connect binds; who is connected to another program reaches nobody',
    same(`socket connect 5 name peer send ${unknown} connect 0 peer send ${unknown} recv 100`, [
      'socket ok flags 0',
      'connect ok 0',
      me(),
      'peer family 16 port 5 groups 0 length 12',
      'send ECONNREFUSED',
      'connect ok 0',
      'peer family 16 port 0 groups 0 length 12',
      'send ok 20',
      `recv 40 ${refused}`,
    ]),
  );
  test(
    'the answer is queued when send returns, from port 0; the send has bound the socket',
    same(`socket nonblock sendto ${control} from 4096 name recv 100`, [
      'socket ok flags 800',
      'sendto ok 20',
      'from 36 [type 2 flags 100 seq 9 port me error 0]',
      ' from family 16 port 0 groups 0 length 12',
      me(),
      'recv EAGAIN',
    ]),
  );
  test('a datagram of no bytes is ENODATA, an impossible one is dropped without an answer', async () => {
    assert.deepEqual(await probe('socket sendto  send  sendto 0102 recv 100 64'), [
      'socket ok flags 0',
      'sendto ENODATA',
      'send ENODATA',
      'sendto ok 2',
      'recv EAGAIN',
    ]);
  });
  test(
    'a short receive cuts the datagram and says MSG_TRUNC; MSG_PEEK|MSG_TRUNC gives its length and leaves it',
    same(`socket sendto ${unknown} recv 10 0x22 msg 10 recv 100 64`, [
      'socket ok flags 0',
      'sendto ok 20',
      'recv 40',
      'msg 10',
      ' flags 20',
      ' from family 16 port 0 groups 0 length 12',
      'recv EAGAIN',
    ]),
  );
  test(
    'sendmmsg and recvmmsg carry several',
    same(`socket sendmmsg ${unknown} 3 mmsg 4096 8`, [
      'socket ok flags 0',
      'sendmmsg ok 3',
      'mmsg ok 3',
      `  40 ${refused}`,
      `  40 ${refused}`,
      `  40 ${refused}`,
    ]),
  );
  test(
    'poll tells of an answer and of an empty queue',
    same(`socket poll 0 sendto ${unknown} poll 0 recv 100 pollin 0`, [
      'socket ok flags 0',
      'poll 1 4',
      'sendto ok 20',
      'poll 1 5',
      `recv 40 ${refused}`,
      'pollin 0 0',
    ]),
  );
  test(
    'write sends too',
    same(`socket write ${unknown} pollin 5000 recv 100`, ['socket ok flags 0', 'write ok 20', 'pollin 1 1', `recv 40 ${refused}`]),
  );
  test(
    'a socket filter looks at the datagram from its first byte (SO_ATTACH_FILTER)',
    same(`socket filter 2 sendto ${unknown} recv 100 64 filter 3 sendto ${unknown} recv 100 64`, [
      'socket ok flags 0',
      'filter ok 0',
      'sendto ok 20',
      'recv EAGAIN',
      'filter ok 0',
      'sendto ok 20',
      `recv 40 ${refused}`,
    ]),
  );
  test(
    'a copy by dup is the same socket',
    same(`socket dup bind 0 0 use 0 name close use 1 sendto ${unknown} recv 100`, [
      'socket ok flags 0',
      'dup ok',
      'bind ok 0',
      me(),
      'close ok 0',
      'sendto ok 20',
      `recv 40 ${refused}`,
    ]),
  );
  test(
    'it survives fork: the child uses its parent’s, and one of its own',
    same(`socket bind 0 0 fork name sendto ${unknown} recv 100 socket bind 0 0 name exit end name`, [
      'socket ok flags 0',
      'bind ok 0',
      me('0', 'parent'),
      'sendto ok 20',
      'recv 40 [type 2 flags 0 seq 7 port parent error -22]',
      'socket ok flags 0',
      'bind ok 0',
      me(),
      me(),
    ]),
  );
  test(
    'an automatic bind takes the number of the process that binds, not of the one that opened',
    same('socket fork bind 0 0 name exit end', ['socket ok flags 0', 'bind ok 0', me()]),
  );
  test(
    'it survives exec: the descriptor is known again',
    same(`socket bind 0 2 exec use 0 name get 1 39 sendto ${unknown} recv 100`, [
      'socket ok flags 0',
      'bind ok 0',
      me('2'),
      'get 1 39 = 16 length 4',
      'sendto ok 20',
      `recv 40 ${refused}`,
    ]),
  );
  test(
    'a thread uses it as well',
    same(`socket thread bind 0 0 sendto ${unknown} recv 100`, ['socket ok flags 0', 'bind ok 0', 'sendto ok 20', `recv 40 ${refused}`]),
  );
  test('signals during a request do not disturb it, as they do not disturb one to the kernel', async () => {
    const lines = await probe(`socket alarms ${`sendto ${unknown} recv 100 64 `.repeat(50).trimEnd()}`);
    assert.deepEqual(new Set(lines.slice(2)), new Set(['sendto ok 20', `recv 40 ${refused}`]));
    assert.equal(lines.length, 102);
  });
  test('many programs at a time, and a shell that starts them', async () => {
    const script = `for i in 1 2 3 4 5 6 7 8; do ${desk.probe} socket bind 0 0 name sendto ${unknown} recv 100 & done; wait`;
    const { out, err } = await desk.run('sh', ['-c', script], { fresh: testServer });
    assert.equal(err, '');
    assert.equal(out.split(me()).length - 1, 8);
    assert.equal(out.split(`recv 40 ${refused}`).length - 1, 8);
  });
  test('sockets of other netlink protocols are the kernel’s', same('route', ['route ok 0']));
  test('a socket made past the C library is refused (seccomp)', same('raw', ['raw EPROTONOSUPPORT']));
  test(
    'io_uring, which makes sockets that no filter sees (io_uring_setup(2), IORING_OP_SOCKET), is ENOSYS; pidfd_getfd(2) is EPERM',
    same('uring getfd', ['setup ENOSYS', 'enter ENOSYS', 'register ENOSYS', 'getfd EPERM']),
  );
  test('they stay so over exec', same('exec uring', ['setup ENOSYS', 'enter ENOSYS', 'register ENOSYS']));
  test('the 32-bit half of the machine has no other way: socket, socketcall and io_uring by int 0x80', async (t) => {
    if (process.arch !== 'x64') return t.skip('x64 only');
    const { out } = await desk.run(desk.compile('compat.c', 'compat'), [], { fresh: testServer });
    assert.equal(out, 'socket EPROTONOSUPPORT\nsocketcall EPROTONOSUPPORT\nio_uring_setup ENOSYS\npidfd_getfd EPERM\nroute ok\n');
  });
  test('a dynamic Go program is refused; one that a shell starts says why its sockets fail', async () => {
    const go = desk.compile('go.c', 'go');
    await assert.rejects(
      desk.run(go, [], { fresh: testServer }),
      /go is a Go program, which makes its system calls itself: exec cannot carry/,
    );
    const { err, status } = await desk.run('sh', ['-c', go], { fresh: testServer });
    assert.match(err, /^ring3 exec: a Go program makes its system calls itself: .*\n$/);
    assert.equal(status, 0);
  });
  test('a script without #! is run by the shell, with its arguments (execvp(3))', async () => {
    const script = join(desk.folder, 'no-line');
    writeFileSync(script, 'echo "$0 $1"\n', { mode: 0o755 });
    assert.equal((await desk.run(script, ['one'], { fresh: testServer })).out, `${script} one\n`);
  });
  test('a static program is refused, and one that a program starts reaches no netfilter at all', async (t) => {
    let still: string;
    try {
      still = desk.compile('probe.c', 'probe-static', '-static');
    } catch {
      return t.skip('no static C library on this machine');
    }
    await assert.rejects(
      desk.run(still, ['socket'], { fresh: testServer }),
      /probe-static is statically linked: exec cannot carry its sockets$/,
    );
    const { out } = await desk.run('sh', ['-c', `${still} socket route`], { fresh: testServer });
    assert.equal(out, 'socket EPROTONOSUPPORT\nroute ok 0\n');
  });
  test('the refusal survives exec', same('exec exec raw', ['raw EPROTONOSUPPORT']));

  /** Lengths of the datagrams, up to the last one. */
  const lengths = (lines: readonly string[]): number[] =>
    lines.filter((line) => line.startsWith('recv ')).map((line) => Number(line.split(' ')[1]));

  test('a dump continues when a block is received, and its blocks grow with the receive buffer', async () => {
    const receive = 'recv 4096 64 '.repeat(12).trimEnd();
    const lines = await probe(`socket sendto ${list(1000)} ${receive}`);
    // 28 bytes an item: the first block holds 3776 bytes of them, the next ones 4096
    assert.deepEqual(lengths(lines), [3752, 4088, 4088, 4088, 4088, 4088, 3808, 20, Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
    assert.match(lines[9] as string, /type 3 flags 2 seq 3 port me error 0\]$/);
    const again = await probe(`socket sendto ${list(10)} recv 8192 recv 8192 sendto ${list(1000)} recv 8192 recv 8192`);
    assert.deepEqual(lengths(again), [280, 20, 8176, 8176]);
  });
  test('a dump reaches a program that was exec’d in its middle', async () => {
    const lines = await probe(`socket sendto ${list(400)} recv 4096 exec use 0 recv 4096 64 recv 4096 64 recv 4096 64 recv 4096 64`);
    assert.deepEqual(lengths(lines), [3752, 4088, 3360, 20, Number.NaN]);
  });
  test('a dump continues for a program that receives with read(2), which the shim does not see', async () => {
    const lines = await probe(`socket sendto ${list(400)} read 4096 pollin 5000 read 4096 pollin 5000 read 4096 pollin 5000 read 4096`);
    const read = lines.filter((line) => line.startsWith('read ')).map((line) => Number(line.split(' ')[1]));
    assert.deepEqual(read, [3752, 3752, 3696, 20]);
  });
  test('while a dump runs a second one is EBUSY', async () => {
    const lines = await probe(`socket sendto ${list(400)} sendto ${list(400)} recv 4096 recv 4096`);
    assert.match(lines[3] as string, /^recv 3752/);
    assert.match(lines[4] as string, /type 2 .*error -16\]$/);
  });

  test('events reach a group’s members', async () => {
    const lines = await probe(`socket bind 0 1 socket sendto ${tell(2)} use 0 recv 100 64 recv 100 64 recv 100 64`);
    assert.deepEqual(lines.slice(4), [
      'recv 20 [type 7f02 flags 0 seq 0 port 0]',
      'recv 20 [type 7f02 flags 0 seq 1 port 0]',
      'recv EAGAIN',
    ]);
  });
  test('a full receive buffer: ENOBUFS once and first, then the queued datagrams, then EAGAIN; later events arrive again', async () => {
    const drain = 'recv 100 64 '.repeat(8);
    const lines = await probe(
      `socket bind 0 1 set 1 8 1 socket sendto ${tell(50)} use 0 ${drain}use 1 sendto ${tell(1)} use 0 recv 100 64 recv 100 64`,
    );
    const received = lines.filter((line) => line.startsWith('recv '));
    assert.equal(received[0], 'recv ENOBUFS');
    const fitted = received.indexOf('recv EAGAIN') - 1;
    assert.equal(fitted, 1); // in 2304 bytes, at 1280 an event, as on Linux 6.18
    for (let i = 0; i < fitted; i++) assert.match(received[1 + i] as string, new RegExp(`seq ${i} `));
    assert.deepEqual(received.slice(-2), ['recv 20 [type 7f02 flags 0 seq 0 port 0]', 'recv EAGAIN']);
  });

  test('the exit status is passed on; a signal’s is 128 and its number', async () => {
    for (const [words, status] of [
      ['exit 7', 7],
      ['kill 15', 143],
      ['kill 9', 137],
    ] as const) {
      assert.equal((await desk.run(desk.probe, words.split(' '), { fresh: testServer })).status, status);
    }
  });

  test('after ring3 has ended send and receive fail with ECONNREFUSED', async () => {
    let server: NetlinkServer | undefined;
    const socket = join(desk.folder, 'gone.sock');
    server = testServer();
    const listener = listenUnix(socket, { namespace: () => server });
    const running = desk.run(desk.probe, `socket bind 0 1 recv 100 sendto ${unknown} recv 100 socket`.split(' '), {
      netlinkSocket: socket,
    });
    while (server.listening(1) === false) await new Promise((resolve) => setImmediate(resolve));
    listener.close();
    const { out } = await running;
    const lines = [
      'socket ok flags 0',
      'bind ok 0',
      'recv ECONNREFUSED',
      'sendto ECONNREFUSED',
      'recv ECONNREFUSED',
      'socket ECONNREFUSED',
    ];
    assert.deepEqual(out.trimEnd().split('\n'), lines);
  });

  test('namespaces are separate, and a missing one is an error of one line', async () => {
    const socket = join(desk.folder, 'named.sock');
    const servers = new Map([
      ['', testServer()],
      ['blue', testServer()],
    ]);
    const listener = listenUnix(socket, { namespace: (name) => servers.get(name) });
    const link = await connectUnix(socket, { namespace: 'blue' });
    const words = `socket bind ${link.portId} 0`.split(' ');
    assert.match((await desk.run(desk.probe, words, { netlinkSocket: socket })).out, /bind ok/);
    assert.match((await desk.run(desk.probe, words, { netlinkSocket: socket, namespace: 'blue' })).out, /bind EADDRINUSE/);
    await assert.rejects(
      desk.run(desk.probe, words, { netlinkSocket: socket, namespace: 'red' }),
      /^Error: the ring3 at .* has no namespace red: .*$/,
    );
    link.close();
    listener.close();
  });

  test('a listener of another user gets no socket, even if it took the path after exec had looked (SO_PEERCRED, unix(7))', {
    skip: process.getuid?.() !== 0 && 'only root can listen as another user',
  }, async () => {
    const open = mkdtempSync(join(tmpdir(), 'ring3-exec-open-'));
    chmodSync(open, 0o777);
    const path = join(open, 'netlink.sock');
    const server = testServer();
    process.seteuid?.(12_345);
    const listener = (() => {
      try {
        return listenUnix(path, { namespace: () => server });
      } finally {
        process.seteuid?.(0);
      }
    })();
    const output = join(open, 'output');
    const probe = async (owner: number): Promise<string> => {
      const fd = openSync(output, 'w');
      const shim = buildShim(join(desk.folder, 'state', 'exec'));
      try {
        await runUnder({ file: desk.probe, args: ['socket', 'socket'], shim, netlinkSocket: path, owner, stdio: ['ignore', fd, fd] });
      } finally {
        closeSync(fd);
      }
      return readFileSync(output, 'utf8');
    };
    try {
      await assert.rejects(desk.run(desk.probe, ['socket'], { netlinkSocket: path }), /belongs to another user \(12345\)/);
      const stranger = 'ring3 exec: the listener at RING3_EXEC_SOCKET belongs to another user: no netfilter socket is made\n';
      const answered = await probe(0);
      assert.equal(answered.split('\n').filter((line) => line === 'socket ECONNREFUSED').length, 2, answered);
      assert.equal(answered.split(stranger).length, 2, 'said once');
      assert.match(await probe(12_345), /^socket ok flags 0\nsocket ok flags 0\n$/);
    } finally {
      listener.close();
      server.close();
      rmSync(open, { recursive: true });
    }
  });

  test('a socket without a listener is an error of one line', async () => {
    await assert.rejects(
      desk.run(desk.probe, ['socket']),
      /^Error: no ring3 answers at .*none\.sock \(ENOENT\): start one with "ring3 serve"/,
    );
  });

  test('a state folder with a blank or a colon works: LD_PRELOAD could not name it', async () => {
    const stateDir = mkdtempSync(join(desk.folder, 'state of: '));
    const { out } = await desk.run(desk.probe, ['socket'], { fresh: testServer, stateDir });
    assert.equal(out, 'socket ok flags 0\n');
  });

  test('no file is left in the temporary directory', async () => {
    const folder = mkdtempSync(join(desk.folder, 'temporary-'));
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = folder;
    try {
      await desk.run(desk.probe, ['socket'], { fresh: testServer });
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
    assert.deepEqual(readdirSync(folder), []);
    assert.equal(existsSync(join(desk.folder, 'state', 'exec')), true);
  });
});
