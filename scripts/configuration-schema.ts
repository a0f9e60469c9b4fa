/**
 * node --conditions=@ring3/source scripts/configuration-schema.ts [--check]
 * Writes docs/ring3.schema.json, the JSON Schema of the configuration, and docs/configuration.md from the tables that read it; with --check
 * it only compares the files with the tables.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { configurationSchema, ksmbdParameters } from '@ring3/daemon/config';

interface Schema {
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | false;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
}

const cell = (text: string): string => text.replace(/\|/g, '\\|');

function allowed({ type, enum: words, minimum, maximum, items, oneOf }: Schema): string {
  if (words !== undefined) return words.map((word) => `\`"${word}"\``).join(', ');
  if (oneOf !== undefined) return oneOf.map(allowed).join(', or ');
  if (type === 'integer') return `${minimum} to ${maximum}`;
  if (type === 'array') return items?.enum === undefined ? `list of ${items?.type ?? ''}s` : `list of some of ${allowed(items)}`;
  return type === 'boolean' ? 'true, false' : (type ?? '');
}

const rows = ({ properties = {} }: Schema): string =>
  Object.entries(properties)
    .map(([name, key]) => {
      const otherwise = key.default === undefined || key.default === false ? '' : `\`${key.default}\``;
      return `| \`${name}\` | ${cell(allowed(key))} | ${otherwise} | ${cell(key.description ?? '')} |`;
    })
    .join('\n');

const table = (head: string, schema: Schema): string =>
  `## ${head}\n\n| key | allowed | default | what |\n|---|---|---|---|\n${rows(schema)}\n`;

const parameters = (where: 'global' | 'share', honoured: boolean): string =>
  ksmbdParameters
    .filter(({ place, instead }) => place === where && (instead === undefined) === honoured)
    .map((one) => (honoured ? `\`${one.name}\`` : `| \`${one.name}\` | ${where === 'global' ? 'G' : 'S'} | ${one.instead} |`))
    .join(honoured ? ', ' : '\n');

const schema = configurationSchema() as Schema;
const { share, timeout, rule, ...plain } = schema.properties as Record<string, Schema>;
const page = `# Configuration

\`ring3 serve --config FILE\` reads one file: ring3's own in TOML (\`ring3.schema.json\` beside this page is its JSON Schema, for editors), or the kernel server's
\`ksmbd.conf\`. \`--check\` only says whether it is right: a mistake is one line with file, line, key and what is allowed, and status 1; what is understood and cannot
be honoured is a warning. Options of the command line come before what the file says. \`ring3 ctl reload\` reads it again. This page is drawn by
\`scripts/configuration-schema.ts\` from the tables that read the file.

\`\`\`toml
[server]
host = "0.0.0.0"
port = 445

[limits]
idle-minutes = 15

[share.photos]
path = "/srv/photos"
users = ["anna", "bob"]
readers = ["bob"]
\`\`\`

Relative paths count from the file's folder. Users are those of the state directory (\`ring3 user add\`), and shares may stand there as well (\`ring3 share add\`, with
an option for each key below). One folder may be shared more than once, as long as its \`file-mode\` and \`folder-mode\` are the same: one store serves it, so that
clients see one state of its files whichever share they come by.

What \`[limits]\` counts in all (sessions, trees, opens, locks, waiting requests, kept bytes, and connections with a logon) is shared by users: a user gets more only while
it holds less than four times what is free, so no user takes everything. Guests count by address. Opens are limited by RLIMIT_NOFILE as well (systemd:
\`LimitNOFILE\`): in a shared directory each costs two file descriptors, and each directory above it one for the opens of a user there; an eighth is kept for connections,
and a sixteenth (16 to 512) for everything else. A limit that is reached is logged, at most once a minute, and counted in \`smb_refused_total\`.
${Object.entries(plain)
  .map(([name, one]) => table(`[${name}]`, one))
  .join('\n')}
${table('[share.NAME]', share?.additionalProperties as Schema)}
${table('[timeout.NAME]', timeout?.additionalProperties as Schema)}
Beside these the seconds of each state of the protocol: \`established = 100\`.

${table('[[rule]]', rule?.items as Schema)}
## ksmbd.conf

A file whose name ends in \`.conf\` is read as the kernel server's, with the users of the \`ksmbdpwd.db\` beside it, whether ksmbd.adduser or \`ring3 user --config
FILE\` wrote them. What it does not say is as ksmbd.conf(5) says, not as above: port 445 of every address, shares that are read-only, dot files hidden, no streams.
A share whose folder is not there is left out with a warning, as the kernel server does.

Honoured in [global]: ${parameters('global', true)}.

Honoured in shares, and as their defaults in [global]: ${parameters('share', true)}. \`@group\` in a list is looked up in /etc/group.

Not honoured; a warning names each that says something else than what ring3 does:

| parameter | | what ring3 does |
|---|---|---|
${parameters('global', false)}
${parameters('share', false)}

Where the manual leaves something open, ksmbd-tools were asked: sections and parameters are found without regard to case, a section that comes again goes on, of a
parameter that comes again the first value that is not empty counts. In two places ring3 is its own: a comment behind a value, which the manual allows, is a comment
where a blank is before it (ksmbd-tools 3.4.7 take it for part of the value; a warning says so); and more than one blank inside of a parameter's name is one.
`;

const outputs = [
  ['../docs/ring3.schema.json', `${JSON.stringify(schema, null, 2)}\n`],
  ['../docs/configuration.md', page],
] as const;
for (const [path, text] of outputs) {
  const file = new URL(path, import.meta.url);
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8').replace(/\s+/g, '') !== text.replace(/\s+/g, '')) {
    console.error(`${path.slice(3)} differs from the tables: node --conditions=@ring3/source scripts/configuration-schema.ts`);
    process.exitCode = 1;
  }
}
