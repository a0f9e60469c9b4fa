import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createNamespace } from '@ring3/conntrack';
import { createNetlinkServer } from '@ring3/conntrack-netlink';
import { buildShim } from '@ring3/exec';
import { bindUnix, check, close, listen, openUnix, SocketType } from '@ring3/linux';
import { type Desk, makeDesk, message, withoutCompiler } from '../../packages/exec/src/testing.ts';
import { type KernelNamespace, kernelNamespace, withoutNamespaces } from './namespace.ts';

const unknown = message(0xf001, 0x5, 7);
const noSubsystem = message(0xf001, 0x301, 8);
const control = message(0, 0x5, 9);

/** A policy for cttimeout: NEW of udp under a numbered name, uapi/linux/netfilter/nfnetlink_cttimeout.h. */
function policy(sequence: number): string {
  const bytes = new Uint8Array(16 + 4 + 12 + 8 + 8 + 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, 0x0800, true);
  view.setUint16(6, 0x5, true);
  view.setUint32(8, sequence, true);
  bytes.set([12, 0, 1, 0, ...Buffer.from(`p${String(sequence).padStart(6, '0')}`), 0], 20);
  bytes.set([6, 0, 2, 0, 0, 2, 0, 0], 32);
  bytes.set([5, 0, 3, 0, 17, 0, 0, 0], 40);
  bytes.set([4, 0, 4, 0x80], 48);
  return Buffer.from(bytes).toString('hex');
}
const dump = message(0x0801, 0x301, 3);
/** The same with an attribute of type 99. */
const strange = message(0x0801, 0x301, 4, 0).replace(/08000100(?=.{8}$)/, '08006300');
const policies = (count: number): string => Array.from({ length: count }, (_, i) => `sendto ${policy(i)} recv 100`).join(' ');

const send = (count: number, hex: string): string => Array.from({ length: count }, () => `sendto ${hex}`).join(' ');
const receive = (count: number, size = 100): string => Array.from({ length: count }, () => `recv ${size} 64`).join(' ');
/** A request of this length to an unknown subsystem: the error echoes the whole request. */
function longer(length: number): string {
  const bytes = Buffer.alloc(length);
  Buffer.from(unknown, 'hex').copy(bytes);
  bytes.writeUInt32LE(length);
  return bytes.toString('hex');
}

/** Arguments of the probe (packages/exec/test/probe.c), which must print the same on the kernel and under exec. */
const scripts: readonly string[] = [
  'socket name peer get 1 39 get 1 3 get 1 38 get 1 8 get 1 4 get 1 30',
  'socket dgram name get 1 3 socket 5 socket 1',
  'socket nonblock recv 100 name',
  'socket bind 0 0 name bind me 3 name bind me 0 name bind 77 0 bind 0 4 name',
  'socket bind 4000000000 0 name socket bind 4000000000 0 bind 0 0 name',
  'socket bind 0 0 name socket bind 0 0 name socket name',
  'socket bind 0 4294967295 name bind 0 0 bind me 0 name',
  'socket connect 0 name connect 0 name',
  `socket connect 5 name peer connect 0 peer sendto ${unknown} recv 100 64 connect 5 send ${unknown}`,
  `socket sendto ${control} name recv 4096`,
  `socket send ${control} from 4096 name`,
  `socket sendto ${unknown} msg 4096 sendto ${noSubsystem} msg 4096`,
  `socket sendto ${unknown} recv 10 recv 100 64`,
  `socket sendto ${unknown} recv 10 0x22 recv 10 0x20 recv 10 0x40`,
  `socket sendto ${unknown} msg 10 sendto ${unknown} recv 0 64 recv 100 64`,
  'socket sendto  send  sendto 0102 recv 100 64',
  `socket sendmmsg ${unknown} 3 mmsg 4096 8`,
  `socket poll 0 sendto ${unknown} poll 0 recv 100 poll 0 pollin 0`,
  'socket set 270 1 7 name get 270 9 get 270 9 8 get 270 9 0 set 270 1 33 set 270 1 0 set 270 2 7 name set 270 1 31 name',
  'socket get 270 10 set 270 10 1 get 270 10 get 270 10 2 get 270 10 8 get 270 11 set 270 11 1 get 270 11 get 270 99 set 270 99 1',
  'socket get 270 4 set 270 4 1 get 270 4 get 270 5 set 270 5 1 get 270 5 get 270 12 set 270 12 1 get 270 12',
  'socket set 1 8 5000 get 1 8 set 1 8 1 get 1 8 set 1 33 100000000 get 1 8 set 1 33 2000000000 get 1 8 set 1 33 -1 get 1 8',
  'socket set 1 7 5000 get 1 7 set 1 32 50000000 get 1 7 set 1 26 0',
  `socket set 1 16 1 sendto ${unknown} msg 100`,
  `socket dup bind 0 0 name use 0 name close use 1 name sendto ${unknown} recv 100`,
  `socket bind 0 0 fork name sendto ${unknown} recv 100 exit 0 end name`,
  'socket fork socket bind 0 0 name use 0 name bind 0 0 name exit 0 end',
  `socket bind 0 0 exec use 0 name get 1 39 sendto ${unknown} recv 100`,
  `socket bind 0 0 sendto ${unknown} fork exec use 0 name recv 100 exit 0 end name`,
  `thread socket bind 0 0 name sendto ${unknown} recv 100`,
  `socket filter 2 sendto ${unknown} recv 100 64 filter 3 sendto ${unknown} recv 100 64`,
  `socket write ${unknown} pollin 5000 recv 100`,
  'route',
  // a full receive buffer: the number that fits, ENOBUFS first and once, SO_ERROR, NETLINK_NO_ENOBUFS, MSG_PEEK
  ...[1, 3000, 5000].map((bytes) => `socket set 1 8 ${bytes} ${send(20, unknown)} ${receive(20)}`),
  ...[300, 1000, 3000].map((length) => `socket set 1 8 5000 ${send(20, longer(length))} ${receive(20, 8192)}`),
  `socket set 1 8 1 ${send(12, unknown)} ${receive(2)} sendto ${unknown} ${receive(3)} sendto ${unknown} ${receive(2)}`,
  `socket set 1 8 1 ${send(12, unknown)} get 1 4 ${receive(1)} get 1 4 ${receive(4)}`,
  `socket set 270 5 1 set 1 8 1 ${send(12, unknown)} ${receive(4)}`,
  `socket set 1 8 1 ${send(12, unknown)} recv 100 66 recv 100 66 ${receive(4)}`,
  // a dump with unused attributes and an unknown type, with and without strict checking
  ...['', 'set 270 12 1 '].map(
    (strict) =>
      `socket ${strict}sendto ${policy(1)} recv 100 sendto ${dump} recv 4096 recv 4096 sendto ${strange} recv 4096 64 recv 4096 64`,
  ),
  // a dump: its first block, block sizes by the receive buffer, requests in between, and the remembered size
  `socket ${policies(90)} sendto ${dump} ${'recv 4096 64 '.repeat(9)}`,
  `socket ${policies(90)} sendto ${dump} recv 8192 64 sendto ${dump} sendto ${unknown} ${'recv 8192 64 '.repeat(6)}sendto ${dump} ${'recv 4096 64 '.repeat(5)}`,
  `socket ${policies(90)} sendto ${dump} recv 4096 pollin 0 fork recv 4096 64 exit 0 end exec use 0 recv 4096 64 recv 4096 64 recv 4096 64 recv 4096 64`,
  `socket ${policies(90)} sendto ${dump} recv 16384 2 recv 16384 2 recv 4096 ${'msg 4096 64 '.repeat(6)}`,
];

describe('the same socket calls print the same lines on the kernel and under exec', {
  skip: withoutNamespaces ?? withoutCompiler,
}, () => {
  let desk: Desk;
  before(() => {
    desk = makeDesk();
  });
  after(() => desk.remove());

  for (const words of scripts) {
    const title = words
      .replaceAll(/[0-9a-f]{40,}/g, 'MESSAGE')
      .replaceAll(/(?:sendto MESSAGE recv 100 ){9,}/g, '(90 policies) ')
      .replaceAll(/(?:sendto MESSAGE ){9,}/g, '(many) ');
    test(title, async () => {
      using namespace = kernelNamespace();
      const args = words.trimEnd().split(' ');
      const kernel = onKernel(namespace, desk.probe, args);
      const carried = await desk.run(desk.probe, args, { fresh: () => createNetlinkServer(createNamespace()) });
      assert.deepEqual(carried, kernel);
    });
  }

  test('a daemon that does not respond is ECONNREFUSED after five seconds', () => {
    const path = join(desk.folder, 'silent.sock');
    const fd = check(openUnix(SocketType.SeqPacket), 'socket');
    check(bindUnix(fd, path), 'bind', path);
    check(listen(fd), 'listen', path); // and does not accept
    const began = performance.now();
    const env = { ...process.env, LD_PRELOAD: buildShim(join(desk.folder, 'state', 'exec')), RING3_EXEC_SOCKET: path };
    const { stdout } = spawnSync(desk.probe, ['socket'], { env, encoding: 'utf8' });
    close(fd);
    assert.equal(stdout, 'socket ECONNREFUSED\n');
    assert.ok(performance.now() - began >= 4900);
  });
});

function onKernel({ prefix }: KernelNamespace, probe: string, args: readonly string[]) {
  const [first, ...rest] = [...prefix, probe, ...args] as [string, ...string[]];
  const { stdout, stderr, status } = spawnSync(first, rest, { encoding: 'utf8' });
  return { status, out: stdout, err: stderr };
}
