import type { ControlRequests } from '@ring3/daemon';
import { printableJson } from '@ring3/kit';
import type { Command } from 'commander';
import { addControlOption, askDaemon, followDaemon } from '../control-at.ts';
import { addFlowList } from '../flow/list.ts';
import { note } from '../note.ts';
import { printJson, printLine } from '../output.ts';
import { UsageError } from '../usage.ts';

type Filter = ControlRequests['sessions']['ask'];
interface JsonOption {
  readonly json?: true;
}

/** `ring3 ctl …`: requests to a running daemon over its control socket. */
export function addCtl(program: Command): void {
  const ctl = addControlOption(program.command('ctl').enablePositionalOptions(false)).description('ask a running daemon');
  addKernelFiles(ctl);
  addStatus(ctl);
  addLists(ctl);
  ctl
    .command('close <id>')
    .description('close a connection (c1), a session (s1) or an open (o1), as the lists name them')
    .action(async (id: string) => {
      await askDaemon(ctl, 'close', { id });
      note(`${id} closed`);
    });
  ctl
    .command('reload')
    .description('read the configuration again and print what changed; clients stay connected')
    .option('--living', 'disconnect clients from what was removed or changed')
    .option('--json', 'for programs')
    .action(async ({ living, json }: JsonOption & { living?: true }) => {
      const reloaded = await askDaemon(ctl, 'reload', { living });
      const [{ changeLine }, { printable }] = await Promise.all([import('../ctl/change-line.ts'), import('@ring3/kit')]);
      if (json === true) return printJson(reloaded);
      for (const warning of reloaded.warnings) console.error(`ring3: ${printable(warning)}`);
      for (const change of reloaded.changes) console.log(changeLine(change));
      if (reloaded.changes.length === 0) note('nothing has changed');
    });
  ctl
    .command('stop')
    .description('end the daemon: requests in progress finish first; returns when it has ended')
    .option('--drain <seconds>', 'seconds until requests in progress are cut off (default: 10)', seconds)
    .action(async ({ drain }: { drain?: number }) => {
      await askDaemon(ctl, 'stop', drain === undefined ? {} : { drainMs: drain * 1000 });
      note('ring3 has ended');
    });
}

interface DebugOptions extends JsonOption {
  readonly netfilter?: true;
  readonly follow?: true;
}

async function debug(ctl: Command, word: string | undefined, { netfilter, follow, json }: DebugOptions): Promise<void> {
  const line = await askDaemon(ctl, 'debug', { word, netfilter });
  if (word === undefined && follow === undefined) {
    if (json === true) printJson(switchesIn(line));
    else process.stdout.write(line);
  }
  const words = line.replaceAll(/[[\]\n]/g, '').trim();
  if (word !== undefined && ![...words.split(' '), 'all'].includes(word))
    throw new UsageError(`nothing changed: ${word} is not a switch (${words.split(' ').join(', ')}, all)`);
  if (word !== undefined) note(`on: ${onIn(line).join(', ') || 'none'}`);
  if (follow === undefined) return;
  const [{ debugLine }, { Lines }] = await Promise.all([import('../ctl/debug-line.ts'), import('../output.ts')]);
  const lines = new Lines();
  note('debug lines as they are written; Ctrl-C ends');
  for await (const one of followDaemon(ctl, 'debug follow', {})) {
    await lines.add(json === true ? printableJson(one) : debugLine(one));
    await lines.flush();
  }
}

/** The active switches. In the format of the kernel's server they are in brackets: `[smb] auth …`. */
const onIn = (line: string): string[] => [...line.matchAll(/\[(\S+)\]/g)].map(([, name = '']) => name);

/** Every switch, and whether it is active. */
const switchesIn = (line: string): Record<string, boolean> =>
  Object.fromEntries(
    line
      .trim()
      .split(/\s+/)
      .map((word) => [word.replaceAll(/[[\]]/g, ''), word.startsWith('[')]),
  );

/** The line of `stats` as an object; `idleSeconds` is the time without a client. */
function statsIn(line: string): { version: number; state: string; port: number; idleSeconds: number } {
  const [version, state = '', port, idle] = line.trim().split(' ');
  return { version: Number(version), state, port: Number(port), idleSeconds: Number(idle) };
}

/** The commands that correspond to files of the kernel's server, in its formats. */
function addKernelFiles(ctl: Command): void {
  ctl
    .command('stats')
    .description("one line as the kernel server's: version, state, port, seconds idle")
    .option('--json', 'for programs')
    .action(async ({ json }: JsonOption) => {
      const line = await askDaemon(ctl, 'stats', {});
      if (json === true) printJson(statsIn(line));
      else process.stdout.write(line);
    });
  ctl
    .command('debug [word]')
    .description(
      "without a word: the parts that write debug lines, as the kernel server's file; a word switches one, all switches all on, or off",
    )
    .option('--netfilter', 'the parts of the connection tracker and netlink')
    .option('--follow', 'then print the debug lines as they are written')
    .option('--json', 'for programs: the switches as an object, with --follow one object a line')
    .action((word: string | undefined, options: DebugOptions) => debug(ctl, word, options));
  ctl
    .command('kill <word>')
    .description('hard: close every connection and drop the configuration; "ring3 ctl start" starts the file server again')
    .action(async (word: string) => {
      if (word !== 'hard') throw new UsageError(`the word is hard, not "${word}"`);
      await askDaemon(ctl, 'kill', { word });
      note('the file server is down: "ring3 ctl start" starts it again');
    });
  ctl
    .command('start')
    .description(
      'start the file server of a running daemon after "kill hard"; the configuration is read again ("ring3 serve" starts a daemon)',
    )
    .action(async () => {
      await askDaemon(ctl, 'start', {});
      note('the file server runs');
    });
  ctl
    .command('restart')
    .description('"kill hard", then "start": every client is disconnected, and a changed host or port takes effect')
    .action(async () => {
      await askDaemon(ctl, 'kill', { word: 'hard' });
      await askDaemon(ctl, 'start', {});
      note('the file server runs');
    });
}

function addStatus(ctl: Command): void {
  ctl
    .command('status')
    .description('state, addresses and shares of the daemon')
    .option('--json', 'for programs')
    .action(async ({ json }: JsonOption) => {
      const status = await askDaemon(ctl, 'status', {});
      if (json === true) printJson(status);
      else {
        const { statusLines } = await import('../ctl/status-lines.ts');
        for (const line of statusLines(status)) printLine(line);
      }
    });
}

const filters: { readonly [K in keyof Filter]-?: readonly [flags: string, what: string] } = {
  user: ['--user <name>', 'only of this user'],
  share: ['--share <name>', 'only in this share'],
  peer: ['--peer <address>', 'only of this client: its address, with or without the port'],
  path: ['--path <path>', 'only of this path'],
};

/** The description of each list, and its filters. */
const lists = {
  connections: ['the connections of clients', ['peer']],
  sessions: ['the sessions: the users who are logged on', ['user', 'share', 'peer']],
  channels: ['the connections of each session (multichannel)', ['user', 'peer']],
  opens: ['the open files', ['user', 'share', 'peer', 'path']],
  locks: ['the locked byte ranges', ['user', 'share', 'peer', 'path']],
  leases: ['the leases: what clients may cache of files and directories', ['user', 'share', 'peer', 'path']],
} as const;

function addLists(ctl: Command): void {
  for (const verb of Object.keys(lists) as (keyof typeof lists)[]) {
    const [what, by] = lists[verb];
    const list = ctl.command(verb).description(`${what}; in filters * and ? match any characters`);
    for (const name of by) list.option(...filters[name]);
    if (verb === 'opens') list.option('--detached', 'only those whose client is disconnected and may reconnect');
    list.option('--json', 'for programs').action(async ({ json, ...filter }: Filter & JsonOption) => {
      const rows: readonly object[] = await askDaemon(ctl, verb, filter);
      if (json === true) return printJson(rows);
      const [{ columnsOf }, { Table }] = await Promise.all([import('../ctl/columns.ts'), import('../table.ts')]);
      const table = new Table<object>(columnsOf(verb));
      for (const line of [...rows.flatMap((row) => table.add(row)), ...table.end()]) console.log(line);
      if (rows.length === 0) note(`no ${verb}`);
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
