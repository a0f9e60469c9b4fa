/** The manual pages of ring3, drawn from the tables that the command line and the configuration are read with. */
import { readFileSync } from 'node:fs';
import { configurationSchema } from '@ring3/daemon/config';
import type { Command } from 'commander';
import { createProgram } from 'ring3';
import { ownSocket, socketInUse } from '../packages/cli/src/places.ts';
import { accepted, defaultOf, type Schema, type ValueStyle } from './schema.ts';

const { version } = JSON.parse(readFileSync(new URL('../packages/cli/package.json', import.meta.url), 'utf8')) as { version: string };

/** The places of sockets are those of the machine that draws the pages; the pages name the variable. */
const places = (['control', 'netlink'] as const).flatMap((name) => [
  [socketInUse(name), `$XDG_RUNTIME_DIR/ring3/${name}.sock`] as const,
  [ownSocket(name), `$XDG_RUNTIME_DIR/ring3/${name}.sock`] as const,
]);

/** Text as roff: groff_char(7). A line that begins with a period or an apostrophe is not a request. */
export function roff(text: string): string {
  let plain = text;
  for (const [here, name] of places) plain = plain.replaceAll(here, name);
  return plain
    .replaceAll('\\', '\\[rs]')
    .replaceAll('-', '\\-')
    .replace(/\P{ASCII}/gu, (letter) => `\\[u${(letter.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}]`)
    .replace(/^(?=[.'])/gm, '\\&');
}

/** A request of man(7) with one argument. */
const request = (name: string, text: string): string => `.${name} "${roff(text).replaceAll('"', '\\(dq')}"`;
const bold = (text: string): string => `\\fB${roff(text)}\\fR`;
const paragraph = (text: string): string => `.PP\n${roff(text)}`;
const verbatim = (text: string): string => `.PP\n.nf\n${roff(text.trim())}\n.fi`;
const item = (head: string, text: string): string => `.TP\n${head}\n${roff(text)}`;
const page = (name: string, section: string, about: string, ...parts: readonly string[]): string =>
  [
    `.\\" Drawn by scripts/man-pages.ts from the tables of the program.`,
    `.TH ${roff(name.toUpperCase())} ${section} "" "ring3 ${version}"`,
    '.SH NAME',
    `${roff(name)} \\- ${roff(about)}`,
    ...parts,
    '',
  ].join('\n');

/** A description as the text of a NAME section: without a final period, and on one line. */
const short = (command: Command): string => command.description().replace(/\.$/, '').replace(/\s+/g, ' ');

/** The text that follows the help of a command. */
function textAfter(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (more) => void (text += more) }).outputHelp();
  return text.slice(command.helpInformation().length);
}

const usage = (command: Command): string => command.createHelp().commandUsage(command);

/** The options of a command, as its help lists them. */
function options(command: Command): string[] {
  const help = command.createHelp();
  const own = help.visibleOptions(command).filter(({ long }) => long !== '--help' || command.parent === null);
  return own.map((option) => item(bold(help.optionTerm(option)), help.optionDescription(option)));
}

/** A command and those below it. */
function sections(command: Command): string[] {
  const others = command.commands.filter((one) => one.name() !== 'help');
  const after = textAfter(command);
  return [
    '.SH SYNOPSIS',
    ...[command, ...others].flatMap((one, i) => [...(i === 0 ? [] : ['.br']), bold(usage(one))]),
    '.SH DESCRIPTION',
    roff(command.description()),
    ...(after === '' ? [] : [verbatim(after)]),
    '.SH OPTIONS',
    ...options(command),
    ...(others.length === 0 ? [] : ['.SH COMMANDS']),
    ...others.flatMap((one) => {
      const more = textAfter(one);
      return [request('SS', usage(one)), roff(one.description()), ...options(one), ...(more === '' ? [] : [verbatim(more)])];
    }),
  ];
}

const status = [
  '.SH EXIT STATUS',
  item('0', 'The operation is done.'),
  item('1', 'The operation failed; the reason is on standard error, in one line.'),
  item('2', 'The command line is wrong.'),
  paragraph('"ring3 exec" returns the exit status of the program, 127 if it does not exist, and 126 if it cannot be run.'),
];

const environment = [
  '.SH ENVIRONMENT',
  item('RING3_CONTROL, RING3_NETLINK', 'Paths of the sockets of the daemon, in place of those in the runtime directory.'),
  item('RING3_STATE_DIR', 'The state directory, in place of $XDG_STATE_HOME/ring3.'),
  item('RING3_PASSWORD', 'The password of a user, in place of the prompt.'),
  item(
    'XDG_RUNTIME_DIR',
    'The directory above the runtime directory, ring3. It must be a directory of the user; otherwise /tmp/ring3-UID is used.',
  ),
  item('XDG_STATE_HOME', 'The directory above the state directory; default: ~/.local/state.'),
  item('NO_COLOR, FORCE_COLOR', 'No colours in the log; colours also without a terminal.'),
];

const seeAlso = (names: readonly string[]): string[] => ['.SH SEE ALSO', names.map((name) => `.BR ${roff(name)}`).join(' ,\n')];

const style: ValueStyle = { word: (word) => `"${word}"`, boolean: 'true or false', article: 'a ' };

const keysOf = (head: string, { properties = {} }: Schema): string[] => [
  request('SH', head),
  ...Object.entries(properties).map(([name, key]) => {
    const otherwise = defaultOf(key);
    const about = `${key.description ?? ''}${otherwise === undefined ? '' : ` (default: ${otherwise})`}`;
    return item(`${bold(name)} = ${roff(accepted(key, style))}`, about);
  }),
];

/** `ring3.toml(5)`. */
function configurationPage(): string {
  const { share, timeout, rule, ...plain } = (configurationSchema() as Schema).properties as Record<string, Schema>;
  return page(
    'ring3.toml',
    '5',
    'configuration of the ring3 daemon',
    '.SH SYNOPSIS',
    bold('ring3 serve --config FILE'),
    '.SH DESCRIPTION',
    roff(
      'The file is in TOML. "ring3 serve --config FILE --check" validates it: an error is one line with file, line, key and the accepted values. "ring3 ctl reload" reads it again. Options of the command line override it. Relative paths are relative to the directory of the file.',
    ),
    verbatim(
      '[server]\nhost = "0.0.0.0"\nport = 445\n\n[limits]\nidle-minutes = 15\n\n[share.photos]\npath = "/srv/photos"\nusers = ["anna", "bob"]\nreaders = ["bob"]',
    ),
    ...Object.entries(plain).flatMap(([name, one]) => keysOf(`[${name}]`, one)),
    ...keysOf('[share.NAME]', (share?.additionalProperties ?? {}) as Schema),
    ...keysOf('[timeout.NAME]', (timeout?.additionalProperties ?? {}) as Schema),
    paragraph('In addition, the seconds of each state of the protocol: established = 100.'),
    ...keysOf('[[rule]]', rule?.items ?? {}),
    ...seeAlso(['ring3 (1)', 'ring3-serve (1)']),
  );
}

/** Every manual page: its file name and its text. */
export function manPages(): ReadonlyMap<string, string> {
  const program = createProgram();
  const commands = program.commands.filter((one) => one.name() !== 'help');
  const pages = new Map<string, string>();
  pages.set(
    'ring3.1',
    page(
      'ring3',
      '1',
      'SMB3 file server and connection tracking in user space',
      '.SH SYNOPSIS',
      bold('ring3 [options] command'),
      '.SH DESCRIPTION',
      roff(program.description()),
      '.SH OPTIONS',
      ...options(program),
      '.SH COMMANDS',
      ...commands.map((one) => item(`.BR ring3\\-${roff(one.name())} (1)`, one.description())),
      ...status,
      ...environment,
      '.SH FILES',
      item(
        '$XDG_RUNTIME_DIR/ring3/control.sock, netlink.sock',
        'The sockets of the daemon; those of the system service are in /run/ring3.',
      ),
      item('$XDG_STATE_HOME/ring3', 'The state directory: users, shares that were added by command, the audit file.'),
      ...seeAlso([...commands.map((one) => `ring3-${one.name()} (1)`), 'ring3.toml (5)']),
    ),
  );
  for (const command of commands)
    pages.set(
      `ring3-${command.name()}.1`,
      page(`ring3-${command.name()}`, '1', short(command), ...sections(command), ...status, ...seeAlso(['ring3 (1)', 'ring3.toml (5)'])),
    );
  pages.set('ring3.toml.5', configurationPage());
  return pages;
}
