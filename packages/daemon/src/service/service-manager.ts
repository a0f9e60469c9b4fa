import type { Clock } from '@ring3/kit';
import { close, connectUnix, Errno, openUnix, SocketType, send } from '@ring3/linux';

/** Notifications for a service manager. The text is sent as `STATUS=`. */
export interface ServiceManager {
  /** The start or a reload is done. The first call starts the watchdog notifications, if the manager asks for them. */
  ready(status: string): void;
  /** The configuration is read again; `ready` ends that. */
  reloading(): void;
  /** The present status. */
  status(status: string): void;
  /** The daemon is about to end. */
  stopping(status: string): void;
}

/** Time until a message is sent again after the queue of the manager was full. */
const busyMs = 50;

/** Without a service manager. */
export const noServiceManager: ServiceManager = { ready: () => {}, reloading: () => {}, status: () => {}, stopping: () => {} };

/**
 * The service manager that started this process: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` of sd_notify(3) and
 * sd_watchdog_enabled(3), which are removed from the environment. If there is none, or it does not listen, nothing is sent and no call
 * fails.
 */
export function serviceManager(clock: Clock, env: NodeJS.ProcessEnv = process.env, pid = process.pid): ServiceManager {
  const { NOTIFY_SOCKET: at, WATCHDOG_USEC: usec = '', WATCHDOG_PID: whom = String(pid) } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  const address = at === undefined ? undefined : addressOf(at);
  const untold: string[] = [];
  const tellOn = (): void => {
    for (let text = untold[0]; text !== undefined && address !== undefined; text = untold[0]) {
      if (sendTo(address, text) === -Errno.EAGAIN) return void clock.after(busyMs, tellOn); // its queue is full; after a lost READY=1 the manager would end this process
      untold.shift();
    }
  };
  const tell = (...assignments: string[]): void => {
    if (address !== undefined && untold.push(assignments.join('\n')) === 1) tellOn();
  };
  const periodMs = whom === String(pid) && /^[1-9]\d{0,15}$/.test(usec) ? Number(usec) / 2000 : undefined; // twice as often as required
  let fed = periodMs === undefined || address === undefined;
  const feed = (): void => {
    if (untold.length === 0) tell('WATCHDOG=1');
    clock.after(periodMs as number, feed);
  };
  return {
    ready: (status) => {
      tell('READY=1', statusLine(status));
      if (fed) return;
      fed = true;
      feed();
    },
    // the clock of the manager, which distinguishes this reload from earlier ones (Type=notify-reload)
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    status: (status) => tell(statusLine(status)),
    stopping: (status) => tell('STOPPING=1', statusLine(status)),
  };
}

const statusLine = (status: string): string => `STATUS=${status.replaceAll(/\p{Cc}/gu, ' ')}`;

/** A path, or an abstract name after `@`. @returns undefined for other addresses (`vsock:` of a virtual machine) */
const addressOf = (at: string): string | Uint8Array | undefined =>
  at.startsWith('@') ? Buffer.from(`\0${at.slice(1)}`) : at.startsWith('/') ? at : undefined;

/** Sends one datagram. @returns the bytes sent or a negative errno. Only `-EAGAIN` is retried; other errors mean that no manager listens */
function sendTo(address: string | Uint8Array, text: string): number {
  const fd = openUnix(SocketType.Dgram);
  if (fd < 0) return fd;
  const connected = connectUnix(fd, address);
  const answer = connected < 0 ? connected : send(fd, Buffer.from(text));
  close(fd);
  return answer;
}
