import { resolve } from 'node:path';
import type { StateStore } from '@ring3/daemon';
import type { ShareConfiguration } from '@ring3/daemon/config';
import { shareKeys, shareName, shareNames } from '@ring3/daemon/share-keys';
import { type Command, Option } from 'commander';
import { note } from '../note.ts';
import { printJson } from '../output.ts';
import { addStateOptions, type StateOptions, stateDirOf, tellDaemon } from '../state-at.ts';
import { UsageError } from '../usage.ts';

/** `ring3 share …`: the shares of a state directory, in addition to those of a configuration. A running daemon is notified. */
export function addShare(program: Command): void {
  const share = addStateOptions(program.command('share').enablePositionalOptions(false)).description(
    'the shares of the state directory, in addition to those of a configuration',
  );
  const options = () => share.opts<StateOptions>();
  const change = async (work: (store: StateStore, stateDir: string) => unknown, living?: true): Promise<void> => {
    const { StateStore } = await import('@ring3/daemon/state');
    const stateDir = await stateDirOf(options());
    {
      using store = new StateStore(stateDir);
      await work(store, stateDir);
    }
    await tellDaemon(options(), { path: stateDir, reload: true, living: living && {} });
  };

  const add = share.command('add <name> [path]').description('share a directory; each option is a key of [share.NAME] in a configuration');
  for (const option of shareOptions()) add.addOption(option);
  add.action((name: string, path: string | undefined, given: Given) =>
    change(async (store, stateDir) => {
      const { readConfiguration, ShareCheck, storedShare } = await import('@ring3/daemon/config');
      if (!shareName.test(name)) throw new UsageError(`invalid share name "${name}": ${shareNames}`);
      const stored = { name, options: { ...valuesOf(given), ...(path === undefined ? {} : { path: resolve(path) }) } };
      if ((path === undefined) === (given['store'] === undefined)) throw new UsageError('give a PATH, or --store memory');
      const { config } = options();
      const fault = storedShare(stored, new ShareCheck(config === undefined ? [] : readConfiguration(config).shares), stateDir);
      if (typeof fault === 'string') throw new Error(fault);
      if (!store.addShare(stored)) throw new Error(`share ${name} exists already: delete it first`);
      note(`${name} added`);
    }),
  );
  share
    .command('delete <name>')
    .description('stop sharing a directory; its files are not touched, and connected clients stay connected')
    .option('--living', 'disconnect the clients that use it')
    .action((name: string, { living }: { living?: true }) =>
      change((store) => {
        if (!store.deleteShare(name)) throw new Error(`there is no share ${name} in the state directory`);
        note(`${name} deleted`);
      }, living),
    );
  share
    .command('list')
    .description('the shares, one on each line; with --config also those of the configuration')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: true }) => {
      const [shares, warnings] = await listed(options());
      for (const warning of warnings) console.error(`ring3: ${warning}`);
      const written = shares.map(asWritten);
      if (json === true) printJson(written);
      else for (const line of await table(written)) console.log(line);
      if (written.length === 0) note('no shares: "ring3 share add NAME DIR" adds one');
    });
}

type Given = Readonly<Record<string, string | boolean | undefined>>;
const keys = Object.entries(shareKeys).filter(([name]) => name !== 'path');
const inCamelCase = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** An option for each key of a share: `--read-only`, `--users anna,bob`. A key with default true has a `--no-…`. */
function shareOptions(): Option[] {
  return keys.flatMap(([name, { about, schema }]) => {
    const { type, enum: words, default: otherwise } = schema as { type?: string; enum?: readonly string[]; default?: unknown };
    const no = new Option(`--no-${name}`, `not: ${about}`).hideHelp(otherwise !== true);
    if (type === 'boolean') return [new Option(`--${name}`, about).hideHelp(otherwise === true), no];
    const value = words?.join('|') ?? (type === 'array' ? 'a,b' : type === 'integer' ? 'n' : 'text');
    return [new Option(`--${name} <${value}>`, about)];
  });
}

/** The values in the form of a configuration. @throws UsageError for an invalid value */
function valuesOf(given: Given): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, key] of keys) {
    const text = given[inCamelCase(name)];
    if (text === undefined) continue;
    const { type } = key.schema as { type?: string };
    const value =
      type === 'array'
        ? String(text)
            .split(',')
            .map((item) => item.trim())
        : type === 'integer'
          ? Number(text)
          : text;
    if (key.read(value) === undefined) throw new UsageError(`--${name} is ${key.allowed}, not "${text}"`);
    values[name] = value;
  }
  return values;
}

/** The shares of the state directory, and of the configuration if one is named. */
async function listed(options: StateOptions): Promise<readonly [readonly ShareConfiguration[], readonly string[]]> {
  const [{ StateStore }, { readConfiguration, withStored }] = await Promise.all([
    import('@ring3/daemon/state'),
    import('@ring3/daemon/config'),
  ]);
  const configured = options.config === undefined ? [] : readConfiguration(options.config).shares;
  const stateDir = await stateDirOf(options);
  using store = new StateStore(stateDir);
  const { shares, warnings } = withStored(configured, store.shares(), stateDir);
  return [shares, warnings];
}

type Written = Readonly<Record<string, unknown>> & Pick<ShareConfiguration, 'name' | 'path' | 'store'>;

/** A share with its values in the form of a configuration: permission bits in octal. */
function asWritten(share: ShareConfiguration): Written {
  const modes = Object.entries(share).filter(([name]) => name.endsWith('-mode'));
  return { ...share, ...Object.fromEntries(modes.map(([name, bits]) => [name, bits.toString(8).padStart(3, '0')])) };
}

async function table(shares: readonly Written[]): Promise<string[]> {
  const { Table } = await import('../table.ts');
  const words = ({ name: _name, at: _at, path: _path, store: _store, ...options }: Written): string =>
    Object.entries(options)
      .map(([name, value]) => (value === true ? name : `${name}=${value}`))
      .join(' ');
  const rows = new Table<Written>([
    { head: 'NAME', cell: ({ name }) => name },
    { head: 'PATH', cell: ({ path, store }) => path ?? store ?? '' },
    { head: 'OPTIONS', cell: words },
  ]);
  return [...shares.flatMap((share) => rows.add(share)), ...rows.end()];
}
