import type { DaemonStatus } from '@ring3/daemon';
import { duration } from '../human.ts';

/** The status of a daemon as text: one line for each value. */
export function statusLines(status: DaemonStatus): string[] {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['state', status.state],
    ['pid', `${status.pid}`],
    ['up', duration(status.upSeconds)],
    ['shares', status.shares.join(', ')],
    ['smb', status.smb],
    ['control', status.control],
    ['netlink', status.netlink],
    ['console', status.console],
    ['state dir', status.stateDir],
    ['config', status.config],
  ];
  return facts.filter(([, value]) => value !== undefined).map(([name, value]) => `${name.padEnd(10)} ${value}`);
}
