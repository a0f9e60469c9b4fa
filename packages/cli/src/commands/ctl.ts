import type { ControlRequests } from '@ring3/daemon';
import type { Command } from 'commander';
import { addControlOption, askDaemon, followDaemon } from '../control-at.ts';
import { addFlowList } from '../flow/list.ts';
import { UsageError } from '../usage.ts';

type Filter = ControlRequests['sessions']['ask'];
interface JsonOption {
  readonly json?: true;
}

/** `ring3 ctl …`: what a running daemon is asked over its control socket. */
export function addCtl(program: Command): void {
  const ctl = addControlOption(program.command('ctl').enablePositionalOptions(false)).description('ask a running daemon');
  addKernelFiles(ctl);
  addStatus(ctl);
  addLists(ctl);
  ctl
    .command('close <id>')
    .description('end a connection (c1), a session (s1) or an open (o1), as the lists name them')
    .action(async (id: string) => void (await askDaemon(ctl, 'close', { id })));
  ctl
    .command('reload')
    .description('read the configuration again, without letting go of a client; says what changed')
    .option('--living', 'clients that use what is gone or different are disconnected from it')
    .option('--json', 'for programs')
    .action(async ({ living, json }: JsonOption & { living?: true }) => {
      const reloaded = await askDaemon(ctl, 'reload', { living });
      const [{ changeLine }, { printable }] = await Promise.all([import('../ctl/change-line.ts'), import('@ring3/kit')]);
      if (json === true) return console.log(JSON.stringify(reloaded));
      for (const warning of reloaded.warnings) console.error(`ring3: ${printable(warning)}`);
      for (const change of reloaded.changes) console.log(changeLine(change));
    });
  ctl
    .command('stop')
    .description('end the daemon: what is under way finishes first; returns when it has ended')
    .option('--drain <seconds>', 'how long that may take (default: 10)', seconds)
    .action(async ({ drain }: { drain?: number }) => {
      await askDaemon(ctl, 'stop', drain === undefined ? {} : { drainMs: drain * 1000 });
    });
}

interface DebugOptions extends JsonOption {
  readonly netfilter?: true;
  readonly follow?: true;
}

async function debug(ctl: Command, word: string | undefined, { netfilter, follow, json }: DebugOptions): Promise<void> {
  const line = await askDaemon(ctl, 'debug', { word, netfilter });
  if (word === undefined && follow === undefined) process.stdout.write(line);
  const words = line.replaceAll(/[[\]\n]/g, '').trim();
  if (word !== undefined && ![...words.split(' '), 'all'].includes(word))
    console.error(`ring3: nothing changed, ${word} is none of ${words} all`);
  if (follow === undefined) return;
  const [{ debugLine }, { Lines }] = await Promise.all([import('../ctl/debug-line.ts'), import('../output.ts')]);
  const lines = new Lines();
  for await (const one of followDaemon(ctl, 'debug follow', {})) {
    await lines.add(json === true ? JSON.stringify(one) : debugLine(one));
    await lines.flush();
  }
}

/** What the kernel server has as files, in its formats. */
function addKernelFiles(ctl: Command): void {
  ctl
    .command('stats')
    .description("one line as the kernel server's: version, state, port, seconds idle")
    .action(async () => void process.stdout.write(await askDaemon(ctl, 'stats', {})));
  ctl
    .command('debug [word]')
    .description("without a word: which parts tell what they do, as the kernel server's file; a word toggles one, all turns all on, or off")
    .option('--netfilter', 'the parts of the netfilter half')
    .option('--follow', 'then what they tell, as it comes')
    .option('--json', 'for programs: what they tell, an object a line')
    .action((word: string | undefined, options: DebugOptions) => debug(ctl, word, options));
  ctl
    .command('kill <word>')
    .description('hard: tear down every connection and forget the configuration; ring3 ctl start begins anew')
    .action(async (word: string) => void (await askDaemon(ctl, 'kill', { word })));
  ctl
    .command('start')
    .description('start the file server after a reset; the configuration is read again')
    .action(async () => void (await askDaemon(ctl, 'start', {})));
}

function addStatus(ctl: Command): void {
  ctl
    .command('status')
    .description('what the daemon is and serves')
    .option('--json', 'for programs')
    .action(async ({ json }: JsonOption) => {
      const status = await askDaemon(ctl, 'status', {});
      if (json === true) console.log(JSON.stringify(status));
      else
        for (const [name, value] of Object.entries(status))
          console.log(`${name.padEnd(10)} ${Array.isArray(value) ? value.join(', ') : value}`);
    });
}

const filters: { readonly [K in keyof Filter]-?: readonly [flags: string, what: string] } = {
  user: ['--user <name>', 'whose'],
  share: ['--share <name>', 'in which share'],
  peer: ['--peer <address>', "from where: the client's address, with or without its port"],
  path: ['--path <path>', 'of which path'],
};

/** What each list is of, and what it is filtered by. */
const lists = {
  connections: ['the connections of clients', ['peer']],
  sessions: ['who is logged on', ['user', 'share', 'peer']],
  opens: ['what is open', ['user', 'share', 'peer', 'path']],
  locks: ['the byte ranges that are locked', ['user', 'share', 'peer', 'path']],
} as const;

function addLists(ctl: Command): void {
  for (const verb of Object.keys(lists) as (keyof typeof lists)[]) {
    const [what, by] = lists[verb];
    const list = ctl.command(verb).description(`${what}; in filters * and ? stand for others`);
    for (const name of by) list.option(...filters[name]);
    list.option('--json', 'for programs').action(async ({ json, ...filter }: Filter & JsonOption) => {
      const rows: readonly object[] = await askDaemon(ctl, verb, filter);
      if (json === true) return console.log(JSON.stringify(rows));
      const [{ columnsOf }, { Table }] = await Promise.all([import('../ctl/columns.ts'), import('../table.ts')]);
      const table = new Table<object>(columnsOf(verb));
      for (const line of [...rows.flatMap((row) => table.add(row)), ...table.end()]) console.log(line);
    });
  }
  addFlowList(ctl.command('flows'), async () => {
    const { netlink } = await askDaemon(ctl, 'status', {});
    if (netlink === undefined) throw new Error('the daemon has no netlink socket');
    return { at: 'ring3', netlink };
  });
}

/** @throws UsageError */
function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value > 3600) throw new UsageError(`seconds are a number from 0 to 3600, not "${text}"`);
  return value;
}
