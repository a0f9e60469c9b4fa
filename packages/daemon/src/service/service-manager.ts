import type { Clock } from '@ring3/kit';
import { close, connectUnix, Errno, openUnix, SocketType, send } from '@ring3/linux';

/** What a service manager is told about: `STATUS=` is a line for people. */
export interface ServiceManager {
  /** The start, or a reload, is done. From the first time on its watchdog is fed, where it has one. */
  ready(status: string): void;
  /** The configuration is being read again; `ready` says when it is done. */
  reloading(): void;
  /** What it does at the moment. */
  status(status: string): void;
  /** It is about to end. */
  stopping(status: string): void;
}

/** How long a manager whose queue is full is left alone. */
const busyMs = 50;

/** Where nobody is told. */
export const noServiceManager: ServiceManager = { ready: () => {}, reloading: () => {}, status: () => {}, stopping: () => {} };

/**
 * The service manager that started this process: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` of sd_notify(3) and sd_watchdog_enabled(3), which are taken out of
 * the environment. Where there is none, or it does not listen, nothing is told and nothing fails.
 */
export function serviceManager(clock: Clock, env: NodeJS.ProcessEnv = process.env, pid = process.pid): ServiceManager {
  const { NOTIFY_SOCKET: at, WATCHDOG_USEC: usec = '', WATCHDOG_PID: whom = String(pid) } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  const address = at === undefined ? undefined : addressOf(at);
  const untold: string[] = [];
  const tellOn = (): void => {
    for (let text = untold[0]; text !== undefined && address !== undefined; text = untold[0]) {
      if (sendTo(address, text) === -Errno.EAGAIN) return void clock.after(busyMs, tellOn); // its queue is full: a lost READY=1 would be the end of us
      untold.shift();
    }
  };
  const tell = (...assignments: string[]): void => {
    if (address !== undefined && untold.push(assignments.join('\n')) === 1) tellOn();
  };
  const periodMs = whom === String(pid) && /^[1-9]\d{0,15}$/.test(usec) ? Number(usec) / 2000 : undefined; // twice as often as it asks for
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
    // the manager's clock, so that it tells this reload from one of before (Type=notify-reload)
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    status: (status) => tell(statusLine(status)),
    stopping: (status) => tell('STOPPING=1', statusLine(status)),
  };
}

const statusLine = (status: string): string => `STATUS=${status.replaceAll(/\p{Cc}/gu, ' ')}`;

/** A path, or an abstract name after `@`. @returns undefined for what is neither (`vsock:` of a virtual machine's) */
const addressOf = (at: string): string | Uint8Array | undefined =>
  at.startsWith('@') ? Buffer.from(`\0${at.slice(1)}`) : at.startsWith('/') ? at : undefined;

/** One datagram. @returns the bytes sent or a negative errno, of which only `-EAGAIN` passes: a manager that does not listen is none */
function sendTo(address: string | Uint8Array, text: string): number {
  const fd = openUnix(SocketType.Dgram);
  if (fd < 0) return fd;
  const connected = connectUnix(fd, address);
  const answer = connected < 0 ? connected : send(fd, Buffer.from(text));
  close(fd);
  return answer;
}
