import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

test('a filter fails one kind of socket with the errno that was asked for, for the process and its children', () => {
  const script = `
    import * as linux from ${JSON.stringify(new URL('index.ts', import.meta.url).href)};
    const { Domain, SocketType, NetlinkProtocol } = linux;
    linux.check(linux.setNoNewPrivileges(), 'prctl');
    linux.check(linux.installFilter(linux.refuseSocket(Domain.Netlink, NetlinkProtocol.Netfilter, linux.Errno.EAFNOSUPPORT)), 'seccomp');
    console.log(linux.errnoName(linux.openNetlink(NetlinkProtocol.Netfilter)), linux.openNetlink(NetlinkProtocol.Route) >= 0, linux.openUnix(SocketType.SeqPacket) >= 0);
    const { spawnSync } = await import('node:child_process');
    console.log(spawnSync('grep', ['-E', '^(NoNewPrivs|Seccomp):', '/proc/self/status'], { encoding: 'utf8' }).stdout);
  `;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 20_000 });
  assert.match(ended.stdout, /^EAFNOSUPPORT true true\nNoNewPrivs:\t1\nSeccomp:\t2\n/, ended.stderr);
});
