import type { ControlRequests, ControlStream, ControlStreams, ControlVerb } from '@ring3/daemon';
import type { Command } from 'commander';
import { socketInUse } from './places.ts';

/** Adds the option that says where the daemon's control socket is. */
export const addControlOption = (command: Command): Command =>
  command.option('--control <socket>', "the daemon's control socket", socketInUse('control'));

/** Asks the daemon that the options of a command name. @throws Error in one line, where nobody answers or it refuses */
export async function askDaemon<V extends ControlVerb>(
  command: Command,
  verb: V,
  ask: ControlRequests[V]['ask'],
): Promise<ControlRequests[V]['answer']> {
  const { askControl } = await import('@ring3/daemon/control');
  return askControl(command.opts<{ control: string }>().control, verb, ask);
}

/** Asks the daemon that the options of a command name for line after line. @throws Error in one line, where nobody answers or it refuses */
export async function* followDaemon<V extends ControlStream>(
  command: Command,
  verb: V,
  ask: ControlStreams[V]['ask'],
): AsyncGenerator<ControlStreams[V]['line'], void> {
  const { followControl } = await import('@ring3/daemon/control');
  yield* followControl(command.opts<{ control: string }>().control, verb, ask);
}
