import type { Command } from 'commander';
import { addControlOption } from './control-at.ts';

/** What `addStateOptions` reads. */
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

/** The state directory: as `serve` with the same options takes it; without any, that of the daemon that runs, if one answers. */
export async function stateDirOf({ stateDir, config, control }: StateOptions): Promise<string> {
  const { defaultStateDir } = await import('@ring3/daemon/places');
  if (stateDir !== undefined) return stateDir;
  if (config === undefined) {
    if (process.env['RING3_STATE_DIR']) return defaultStateDir();
    const { askControl } = await import('@ring3/daemon/control');
    const status = await askControl(control, 'status', {}).catch(() => undefined);
    return status?.stateDir ?? defaultStateDir();
  }
  const { readConfiguration } = await import('@ring3/daemon/config');
  return readConfiguration(config).daemon['state-dir'] ?? defaultStateDir();
}

/** What a running daemon is told of a change. */
export interface Told {
  /** The state directory or configuration that was changed. */
  readonly path: string;
  /** Whether it has to read it again: users of a state directory are looked up at each log-on. */
  readonly reload: boolean;
  /** Clients that use what is gone are disconnected: those of a user, or of what the reload took away. */
  readonly living?: { readonly user?: string } | undefined;
}

/**
 * Has a daemon take what was changed, if one runs on it. Where none runs, nothing is said.
 * @throws Error in one line where the daemon does not take it
 */
export async function tellDaemon({ control }: StateOptions, { path, reload, living }: Told): Promise<void> {
  const [{ askControl }, { realPath }] = await Promise.all([import('@ring3/daemon/control'), import('@ring3/daemon/places')]);
  const status = await askControl(control, 'status', {}).catch(() => undefined);
  const changed = realPath(path);
  const uses = [status?.stateDir, status?.config].some((used) => used !== undefined && realPath(used) === changed);
  if (status?.state !== 'running' || !uses) return;
  const { user } = living ?? {};
  try {
    if (reload) await askControl(control, 'reload', { living: living !== undefined && user === undefined });
    if (user !== undefined)
      for (const { id } of await askControl(control, 'sessions', { user })) await askControl(control, 'close', { id });
  } catch (error) {
    throw new Error(`saved, but the running ring3 could not apply it: ${(error as Error).message}`);
  }
}
