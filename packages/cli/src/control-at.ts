import type { ControlRequests, ControlStream, ControlStreams, ControlVerb } from '@ring3/daemon';
import type { Command } from 'commander';
import { socketInUse } from './places.ts';

/** Adds the option for the path of the control socket. */
export const addControlOption = (command: Command): Command =>
  command.option('--control <socket>', "the daemon's control socket", socketInUse('control'));

/** Sends a request to the daemon that the options name. @throws Error in one line if no daemon responds or it rejects the request */
export async function askDaemon<V extends ControlVerb>(
  command: Command,
  verb: V,
  ask: ControlRequests[V]['ask'],
): Promise<ControlRequests[V]['answer']> {
  const { askControl } = await import('@ring3/daemon/control');
  return askControl(command.opts<{ control: string }>().control, verb, ask);
}

/**
 * Requests a stream of lines from the daemon that the options name.
 * @throws Error in one line if no daemon responds or it rejects the request
 */
export async function* followDaemon<V extends ControlStream>(
  command: Command,
  verb: V,
  ask: ControlStreams[V]['ask'],
): AsyncGenerator<ControlStreams[V]['line'], void> {
  const { followControl } = await import('@ring3/daemon/control');
  yield* followControl(command.opts<{ control: string }>().control, verb, ask);
}
