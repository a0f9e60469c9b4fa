import { deepEqual, equal, match, throws } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { directory, flag, oneOf, parseOptions, text, whole } from './options.ts';

const root = resolve(import.meta.dirname, '..');

const commandLine = {
  usage: '',
  maxWords: 1,
  options: { count: whole(1, 100), rounds: whole(0, 9, 3), kind: oneOf(['a', 'b']), file: text, dir: directory('/'), update: flag },
};

test('options have their values or defaults, words their order', () => {
  const none = { count: undefined, rounds: 3, kind: undefined, file: undefined, dir: '/', update: false };
  deepEqual(parseOptions(commandLine, []), { values: none, words: [], help: false });
  deepEqual(parseOptions(commandLine, ['word', '--count', '100', '--rounds=0', '--kind', 'b', '--file', 'f', '--dir', root, '--update']), {
    values: { count: 100, rounds: 0, kind: 'b', file: 'f', dir: root, update: true },
    words: ['word'],
    help: false,
  });
});

test('an unknown option, a value that is not accepted or a surplus word is an error of one line', () => {
  for (const value of ['x', '', '0', '101', '1.5', '1e1', '0x10', ' 7', '7\n', '99999999999999999999', 'NaN', 'Infinity'])
    throws(() => parseOptions(commandLine, [`--count=${value}`]), /^Error: --count: ".*" is not a whole number from 1 to 100$/, value);
  for (const [args, message] of [
    [['--foo'], /^Error: unknown option '--foo'$/],
    [['--__proto__'], /^Error: unknown option '--__proto__'$/],
    [['--count'], /^Error: option '--count <value>' argument missing$/],
    [['--count', '-5'], /^Error: option '--count' argument is ambiguous$/],
    [['--update=yes'], /^Error: option '--update' does not take an argument$/],
    [['--kind', 'c'], /^Error: --kind: "c" is not one of a, b$/],
    [['--dir', '/none'], /^Error: --dir: "\/none" is not a directory$/],
    [['one', 'two'], /^Error: unexpected word "two"$/],
  ] as const)
    throws(() => parseOptions(commandLine, args), message);
});

interface Ended {
  readonly status: unknown;
  readonly stdout: string;
  readonly stderr: string;
}
const run = (program: string, words: readonly string[]): Promise<Ended> =>
  new Promise((done) => {
    const args = ['--conditions=@ring3/source', join(root, program), ...words];
    execFile(process.execPath, args, { timeout: 30_000 }, (error, stdout, stderr) => done({ status: error?.code ?? 0, stdout, stderr }));
  });

/** Wrong words of each program, and the beginning of its only line. */
const wrong: Readonly<Record<string, readonly (readonly [words: string, line: RegExp])[]>> = {
  'scripts/fuzz.ts': [
    ['--seconds x', /^--seconds: "x" is not a whole number from 1 to 604800; usage: npm run fuzz /],
    ['--seconds 0', /^--seconds: "0" is not/],
    ['--count x', /^--count: "x" is not/],
    ['token --count 0', /^--count: "0" is not/],
    ['--seed x', /^--seed: "x" is not/],
    ['--foo', /^unknown option '--foo'; usage: /],
    ['nonsense', /^no test\/fuzz\/nonsense\.ts, known: capture /],
    ['--replay README.md', /^--replay: requires the name of one target/],
    ['token --replay /none', /^--replay: "\/none" is not a file of hexadecimal digits/],
    ['token --replay package.json', /^--replay: "package\.json" is not a file of hexadecimal digits/],
  ],
  'scripts/soak.ts': [
    ['--foo', /^unknown option '--foo'/],
    ['--resets abc', /^--resets: "abc" is not/],
    ['--clients 0', /^--clients: "0" is not/],
  ],
  'scripts/kill.ts': [
    ['--kills abc', /^--kills: "abc" is not/],
    ['--clients 0', /^--clients: "0" is not/],
    ['--dir /none', /^--dir: "\/none" is not a directory/],
  ],
  'scripts/prose.ts': [
    ['--worst abc', /^--worst: "abc" is not/],
    ['/none', /^no file or directory "\/none" in this checkout/],
    ['--foo', /^unknown option '--foo'/],
  ],
  'scripts/oracle.ts': [
    ['--profile x', /^--profile: "x" is not one of current, /],
    ['/none', /^no file \/none/],
    ['', /^no FILE/],
  ],
  'scripts/demo.ts': [['--demo', /^--demo: requires a directory/]],
  'scripts/draw-states.ts': [['--chek', /^unknown option '--chek'/]],
  'scripts/draw-metrics.ts': [['--chek', /^unknown option '--chek'/]],
  'scripts/configuration-schema.ts': [['--chek', /^unknown option '--chek'/]],
  'scripts/bench.ts': [['nonsense', /^no benchmark bench\/nonsense\.ts/]],
  'bench/attacks.ts': [['nonsense', /^no attack nonsense, known: /]],
  'bench/conntrack.ts': [['--run 99', /^--run: "99" is not/]],
  'bench/dump.ts': [['--flows x', /^--flows: "x" is not/]],
  'bench/host-folder.ts': [['--files x', /^--files: "x" is not/]],
  'bench/netlink.ts': [['x', /^unexpected word "x"/]],
  'bench/replay.ts': [['--packets x', /^--packets: "x" is not/]],
  'bench/requests.ts': [['--rounds x', /^--rounds: "x" is not/]],
  'bench/smb.ts': [['--size x', /^--size: "x" is not/]],
};

for (const [program, lines] of Object.entries(wrong)) {
  test(`${program}: a wrong command line is an error of one line with status 2, and nothing runs`, async () => {
    for (const [words, line] of lines) {
      const { status, stdout, stderr } = await run(program, words === '' ? [] : words.split(' '));
      match(stderr, line);
      deepEqual({ status, stdout, lines: stderr.split('\n').length }, { status: 2, stdout: '', lines: 2 }, words);
    }
  });
}

test('--help prints the usage', async () => {
  match((await run('scripts/soak.ts', ['--help'])).stdout, /^usage: npm run soak -- \[--resets N\] \[--clients N\]\n$/);
});

test('fuzz runs the given number of inputs, and a saved one again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-options-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'input.hex');
  writeFileSync(file, '6001\n');
  const counted = await run('scripts/fuzz.ts', ['token', '--count', '3', '--seed', '5']);
  deepEqual(counted, { status: 0, stdout: 'token seeds 5 to 5: 3 inputs, no property broken\n', stderr: '' });
  equal((await run('scripts/fuzz.ts', ['token', '--replay', file])).stdout, 'token: 2 bytes, no property broken\n');
});
