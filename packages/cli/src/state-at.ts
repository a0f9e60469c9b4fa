import type { DaemonStatus } from '@ring3/daemon';
import type { Command } from 'commander';
import { addControlOption } from './control-at.ts';

/** The options of `addStateOptions`. */
export interface StateOptions {
  readonly stateDir?: string;
  readonly config?: string;
  readonly control: string;
}

/** Adds the options that name the state directory. */
export const addStateOptions = (command: Command): Command =>
  addControlOption(command)
    .option('--state-dir <dir>', 'the state directory')
    .option(
      '--config <file>',
      'the configuration that names the state directory; the users of a ksmbd.conf are in the ksmbdpwd.db next to it',
    );

/** The status of the daemon; undefined if none runs. @throws ControlAnswerError if the program at the socket sends no valid answer */
async function statusOf(control: string): Promise<DaemonStatus | undefined> {
  const { askControl, ControlAnswerError } = await import('@ring3/daemon/control');
  return askControl(control, 'status', {}).catch((error: unknown) => {
    if (error instanceof ControlAnswerError) throw error;
    return undefined;
  });
}

/** The state directory that `serve` uses with the same options; without options that of the running daemon, if there is one. */
export async function stateDirOf({ stateDir, config, control }: StateOptions): Promise<string> {
  const { defaultStateDir } = await import('@ring3/daemon/places');
  if (stateDir !== undefined) return stateDir;
  if (config === undefined) {
    if (process.env['RING3_STATE_DIR']) return defaultStateDir();
    return (await statusOf(control))?.stateDir ?? defaultStateDir();
  }
  const { readConfiguration } = await import('@ring3/daemon/config');
  return readConfiguration(config).daemon['state-dir'] ?? defaultStateDir();
}

/** A change that a running daemon has to apply. */
export interface Told {
  /** The state directory or configuration that was changed. */
  readonly path: string;
  /** Whether it has to reload. Users of a state directory need no reload: they are looked up at each logon. */
  readonly reload: boolean;
  /** Clients to disconnect: those of a user, or those that use what the reload removed. */
  readonly living?: { readonly user?: string } | undefined;
}

/**
 * Makes the running daemon apply a change, if one uses this state. If none runs, it prints nothing.
 * @throws Error in one line if the daemon cannot apply it
 */
export async function tellDaemon({ control }: StateOptions, { path, reload, living }: Told): Promise<void> {
  const [{ askControl }, { realPath }] = await Promise.all([import('@ring3/daemon/control'), import('@ring3/daemon/places')]);
  const changed = realPath(path);
  const { user } = living ?? {};
  try {
    const status = await statusOf(control);
    const uses = [status?.stateDir, status?.config].some((used) => used !== undefined && realPath(used) === changed);
    if (status?.state !== 'running' || !uses) return;
    if (reload) await askControl(control, 'reload', { living: living !== undefined && user === undefined });
    if (user !== undefined)
      for (const { id } of await askControl(control, 'sessions', { user })) await askControl(control, 'close', { id });
  } catch (error) {
    throw new Error(`saved, but the running ring3 could not apply it: ${(error as Error).message}`);
  }
}
