import { deepStrictEqual, match, strictEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '@ring3/kit';
import { bindUnix, close, openUnix, receive, SocketType } from '@ring3/linux';
import { serviceManager } from './service-manager.ts';

/** Who listens as a service manager does; `heard` gives the datagrams since it was asked last. */
function manager(t: TestContext, at: string | Uint8Array): { heard(): string[] } {
  const fd = openUnix(SocketType.Dgram);
  strictEqual(bindUnix(fd, at), 0);
  t.after(() => close(fd));
  const buffer = Buffer.alloc(4096);
  const heard = (): string[] => {
    const datagrams: string[] = [];
    for (let length = receive(fd, buffer); length >= 0; length = receive(fd, buffer)) datagrams.push(buffer.toString('utf8', 0, length));
    return datagrams;
  };
  return { heard };
}

test('a service manager is notified of start, reload and end in assignments, one a line (sd_notify(3))', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-notify-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { heard } = manager(t, join(folder, 'notify'));
  const env = { NOTIFY_SOCKET: join(folder, 'notify') };
  const told = serviceManager(new FakeClock(), env);
  deepStrictEqual(env, {});
  told.ready('serving a\nREADY=0');
  deepStrictEqual(heard(), ['READY=1\nSTATUS=serving a READY=0']);
  const before = process.hrtime.bigint() / 1000n;
  told.reloading();
  const [reload = ''] = heard();
  match(reload, /^RELOADING=1\nMONOTONIC_USEC=\d+$/);
  const at = BigInt(reload.replace(/^.*=/s, ''));
  strictEqual(at >= before && at <= process.hrtime.bigint() / 1000n, true);
  told.status('reset');
  told.stopping('going');
  deepStrictEqual(heard(), ['STATUS=reset', 'STOPPING=1\nSTATUS=going']);
});

test('an abstract address begins with @; the watchdog is fed twice in its time from the first `ready` on (sd_watchdog_enabled(3))', (t) => {
  const name = `ring3-test-${process.pid}`;
  const { heard } = manager(t, Buffer.from(`\0${name}`));
  const clock = new FakeClock();
  const told = serviceManager(clock, { NOTIFY_SOCKET: `@${name}`, WATCHDOG_USEC: '10000000', WATCHDOG_PID: '42' }, 42);
  clock.advance(60_000);
  deepStrictEqual(heard(), []);
  told.ready('a');
  told.ready('b');
  deepStrictEqual(heard(), ['READY=1\nSTATUS=a', 'WATCHDOG=1', 'READY=1\nSTATUS=b']);
  clock.advance(10_000);
  deepStrictEqual(heard(), ['WATCHDOG=1', 'WATCHDOG=1']);
});

test('nothing is sent and nothing fails without a manager, if it does not listen, or if its address is not supported', () => {
  const clock = new FakeClock();
  for (const NOTIFY_SOCKET of [undefined, '/nowhere/at/all', '@nobody-listens-here', 'vsock:2:1', '', 'relative', `/${'x'.repeat(200)}`]) {
    const told = serviceManager(clock, { ...(NOTIFY_SOCKET === undefined ? {} : { NOTIFY_SOCKET }), WATCHDOG_USEC: 'soon' });
    told.ready('a');
    told.reloading();
    told.stopping('b');
    strictEqual(clock.pending, 0); // nothing waits to be told, and no watchdog is fed
  }
});

test('messages that do not fit the queue of a manager are sent later in their order', (t) => {
  const name = `ring3-test-full-${process.pid}`;
  const { heard } = manager(t, Buffer.from(`\0${name}`));
  const clock = new FakeClock();
  const told = serviceManager(clock, { NOTIFY_SOCKET: `@${name}` });
  for (let i = 0; i < 3000; i++) told.status(`${i}`); // net.unix.max_dgram_qlen is 10 to some hundreds
  told.ready('now');
  const first = heard();
  strictEqual(first.includes('READY=1\nSTATUS=now'), false);
  const rest: string[] = [];
  while (clock.pending > 0) {
    clock.advance(50);
    rest.push(...heard());
  }
  deepStrictEqual([...first, ...rest], [...Array.from({ length: 3000 }, (_, i) => `STATUS=${i}`), 'READY=1\nSTATUS=now']);
});

test('a watchdog of another process is not ours (WATCHDOG_PID)', (t) => {
  const name = `ring3-test-other-${process.pid}`;
  const { heard } = manager(t, Buffer.from(`\0${name}`));
  const clock = new FakeClock();
  serviceManager(clock, { NOTIFY_SOCKET: `@${name}`, WATCHDOG_USEC: '1000000', WATCHDOG_PID: '41' }, 42).ready('a');
  clock.advance(5000);
  deepStrictEqual(heard(), ['READY=1\nSTATUS=a']);
});
