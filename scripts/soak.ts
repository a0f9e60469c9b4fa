/**
 * npm run soak [-- --resets N --clients N]
 * Resets `ring3 serve` under client load, default 1,000 times: `kill hard` and `start` through its control socket while clients of every
 * kind work. After each reset no state of a client is left; at the end memory, descriptors and timers are those after the first hundred.
 * Takes some minutes and requires an idle machine; exit status 1 if a condition was not met.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { askControl } from '@ring3/daemon';
import { Inspector } from '../test/soak/inspector.ts';
import { Client, kinds } from '../test/soak/load.ts';
import { heldBy } from '../test/soak/process-memory.ts';
import { readOptions, whole } from './options.ts';

const root = resolve(import.meta.dirname, '..');
const { values } = readOptions({
  usage: 'npm run soak -- [--resets N] [--clients N]',
  options: { resets: whole(1, 1_000_000, 1000), clients: whole(1, 1000, 18) },
});
const { resets, clients: clientCount } = values;
/** Resets between two measurements, and number of resets before the reference measurement. */
const [between, settled] = [50, 100];
/** The growth that is not a leak: a tenth, and for counted objects these numbers. */
const tolerance = 1.1;
const slack = { timers: 10, descriptors: 4 } as const;

const folder = mkdtempSync(join(tmpdir(), 'ring3-soak-'));
const shared = join(folder, 'shared');
mkdirSync(join(shared, 'many'), { recursive: true });
for (let i = 0; i < 300; i++) writeFileSync(join(shared, 'many', `name-${i}`), '');
writeFileSync(join(shared, 'big'), Buffer.alloc(16 << 20, 7));

/** One measurement of the server, between a reset and the next start. */
interface Look {
  /** Resident set size before a collection, bytes; the other values are measured after a collection and `giveBack`. */
  readonly found: number;
  readonly heap: number;
  readonly own: number;
  readonly rss: number;
  readonly descriptors: number;
  readonly timers: number;
  /** Flows of closed connections: they remain until they expire, as in the kernel's table. */
  readonly flows: number;
  /** Objects of clients that were not collected. */
  readonly objects: number;
}

/** The classes whose objects must not survive a reset: modules and names. */
const classes: readonly (readonly [string, string])[] = [
  ['smb-server/src/server/server.ts', 'Server'],
  ['smb-server/src/connection/connection.ts', 'Connection'],
  ['smb-server/src/objects/session.ts', 'Session'],
  ['smb-server/src/objects/tree-connect.ts', 'TreeConnect'],
  ['smb-server/src/objects/open.ts', 'Open'],
];
/** A port below the ephemeral range: a client that connects while no server listens could otherwise connect to itself. */
async function freePort(): Promise<number> {
  for (;;) {
    const candidate = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer().listen(candidate, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (free) return candidate;
  }
}

/** A module in the server's process, as loaded there. */
const loaded = (file: string): string =>
  `process.getBuiltinModule('node:module').createRequire(${JSON.stringify(`${root}/`)})(${JSON.stringify(join(root, 'packages', file))})`;

/**
 * malloc_trim(3): the C library releases unused memory that it keeps. The amount depends on which buffers happened to be adjacent, and
 * hides the memory in use; other C libraries keep less.
 */
const giveBack = `(() => {
  const { createRequire } = process.getBuiltinModule('node:module');
  const koffi = createRequire(${JSON.stringify(join(root, 'packages/linux/package.json'))})('koffi');
  try {
    return koffi.load(null).func('int malloc_trim(size_t)')(0);
  } catch {
    return 0;
  }
})()`;

class Soak {
  readonly #control: string;
  readonly #console: string;
  readonly #pid: number;
  readonly #inspector: Inspector;
  readonly #clients: readonly Client[];
  #looks: (Look & { readonly after: number })[] = [];
  answers = 0;
  /** The maximum of each at a reset. */
  readonly most = new Map<string, number>();

  constructor(control: string, console: string, pid: number, inspector: Inspector, clients: readonly Client[]) {
    this.#control = control;
    this.#console = console;
    this.#pid = pid;
    this.#inspector = inspector;
    this.#clients = clients;
  }

  async run(): Promise<void> {
    // from here on each started file server can be queried
    await this.#inspector.evaluate(`{
      const { FileServer } = ${loaded('daemon/src/file-server.ts')};
      const start = FileServer.start;
      FileServer.start = async (...given) => {
        const started = await start.apply(FileServer, given);
        globalThis.view = started.server.view;
        return started;
      };
    }`);
    await this.#reset(false);
    console.log(
      '| resets | answers | heap (KiB) | own memory (MiB) | RSS (MiB) | as found (MiB) | descriptors | timers | flows | objects |',
    );
    console.log('|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|');
    for (let done = 1; done <= resets; done++) {
      await this.#load();
      if (done === 1 && (await this.#objects()) < this.#clients.length) throw new Error('the objects of clients are not found');
      await this.#reset(done % between === 0 || done === resets ? done : false);
    }
    this.#judge();
  }

  /** Waits until every client has had a response since the last start. */
  async #load(): Promise<void> {
    for (const client of this.#clients) client.answers = 0;
    for (let tries = 0; this.#clients.some(({ answers }) => answers === 0); tries++) {
      if (tries > 6000)
        throw new Error(
          `no answer in a minute: ${this.#clients.flatMap(({ answers }, i) => (answers === 0 ? [kinds[i % kinds.length]] : [])).join(', ')}`,
        );
      await sleep(10);
    }
    this.answers += this.#clients.reduce((sum, { answers }) => sum + answers, 0);
    if ((await this.#gauges()).length < 4) throw new Error('the console does not show the clients');
    for (const [what, count] of Object.entries((await this.#counts()) ?? {}))
      this.most.set(what, Math.max(count, this.most.get(what) ?? 0));
  }

  /** The state of the file server, or its state at its end; null before the first that can be queried. */
  #counts(): Promise<Record<string, number> | null> {
    return this.#inspector.evaluate('globalThis.view?.counts() ?? null');
  }

  async #reset(look: number | false): Promise<void> {
    await askControl(this.#control, 'kill', { word: 'hard' });
    await this.#expectNothing();
    if (look !== false) this.#print({ after: look, ...(await this.#look()) });
    await askControl(this.#control, 'start', {});
  }

  /** @throws if state of a client is left */
  async #expectNothing(): Promise<void> {
    const stats = await askControl(this.#control, 'stats', {});
    if (!/^2 startup 0 \d+\n$/.test(stats)) throw new Error(`after a reset: ${stats}`);
    const left = Object.entries((await this.#counts()) ?? {}).filter(([, count]) => count !== 0);
    if (left.length > 0) throw new Error(`left after a reset: ${JSON.stringify(Object.fromEntries(left))}`);
    const shown = await this.#gauges();
    if (shown.length > 0) throw new Error(`after a reset the console shows ${shown.join(', ')}`);
  }

  /** The file server's current gauges that are not zero, from the console; those of a stopped server are not shown. */
  async #gauges(): Promise<string[]> {
    const text = await (await fetch(new URL('/metrics', this.#console))).text();
    const gauges = new Set([...text.matchAll(/^# TYPE (smb_\w+) gauge$/gm)].map(([, name]) => name));
    const numbers = [...text.matchAll(/^(smb_\w+)(?:\{[^}]*\})? (\S+)$/gm)];
    return numbers.flatMap(([line, name, value]) => (gauges.has(name) && Number(value) !== 0 ? [line] : []));
  }

  /** Live objects of clients. */
  async #objects(): Promise<number> {
    let count = 0;
    for (const [file, name] of classes) count += await this.#inspector.alive(`${loaded(file)}.${name}.prototype`);
    return count;
  }

  async #look(): Promise<Look> {
    await this.#inspector.evaluate('globalThis.view = undefined, 0');
    const objects = await this.#objects();
    const timers = await this.#inspector.alive(
      '(() => { const timer = setTimeout(() => {}, 0); clearTimeout(timer); return timer.constructor.prototype; })()',
    );
    const flows = (await askControl(this.#control, 'namespace list', {})).reduce((sum, namespace) => sum + namespace.flows, 0);
    const found = heldBy(this.#pid).rss;
    await this.#inspector.heapUsed();
    await sleep(300); // another thread releases collected buffers
    await this.#inspector.evaluate(giveBack);
    return { found, heap: await this.#inspector.heapUsed(), ...heldBy(this.#pid), timers, flows, objects };
  }

  #print(look: Look & { readonly after: number }): void {
    this.#looks.push(look);
    const mebibytes = (bytes: number): string => (bytes / 1048576).toFixed(1);
    const cells = [
      look.after,
      this.answers,
      Math.round(look.heap / 1024),
      mebibytes(look.own),
      mebibytes(look.rss),
      mebibytes(look.found),
      look.descriptors,
      look.timers,
      look.flows,
      look.objects,
    ];
    console.log(`| ${cells.map((cell) => cell.toLocaleString('en')).join(' | ')} |`);
  }

  /** Compares the last measurement with that after the first hundred. */
  #judge(): void {
    const first = (this.#looks.find(({ after }) => after >= settled) ?? this.#looks[0]) as Look;
    const last = this.#looks.at(-1) as Look;
    const grown = (['heap', 'own', 'rss'] as const).filter((what) => last[what] > first[what] * tolerance);
    const more = (['descriptors', 'timers'] as const).filter((what) => last[what] > first[what] + slack[what]);
    const percent = (what: 'heap' | 'own' | 'rss'): string => `${what} ${((last[what] / first[what] - 1) * 100).toFixed(1)} %`;
    console.log(`\nSince the first ${settled}: ${(['heap', 'own', 'rss'] as const).map(percent).join(', ')}.`);
    console.log(`A reset met at most ${[...this.most].map(([what, count]) => `${what} ${count.toLocaleString('en')}`).join(', ')}.`);
    const wrong = [...grown, ...more, ...(this.#looks.some(({ objects }) => objects > 0) ? ['objects of clients'] : [])];
    if (wrong.length === 0) return;
    console.error(`grown: ${wrong.join(', ')}`);
    process.exitCode = 1;
  }
}

const bin = join(root, 'packages/cli/bin/ring3.js');
const port = await freePort();
const configuration = join(folder, 'ring3.toml');
// with all logging and counting enabled, so that a reset has as much as possible to release
writeFileSync(
  configuration,
  `[server]
port = ${port}
signing = "enabled"
[share.share]
path = ${JSON.stringify(shared)}
audit = true
[audit]
size = 1048576
keep = 2
[timeout.clients]
protocol = "tcp"
established = 600
[[rule]]
protocol = "tcp"
dport = ${port}
timeout = "clients"
`,
);
const own = ['--state-dir', join(folder, 'state'), '--control', join(folder, 'control.sock'), '--netlink', join(folder, 'netlink.sock')];
const serve = ['serve', '--config', configuration, '--user', 'tester:secret', '--console', '0', '--log-level', 'error', ...own];
const server = spawn(process.execPath, ['--inspect=127.0.0.1:0', bin, ...serve], { stdio: ['ignore', 'pipe', 'pipe'] });
const ended = new Promise<void>((done) => server.once('exit', () => done()));
const inspectorAt = new Promise<string>((found) => {
  createInterface({ input: server.stderr }).on('line', (line) => {
    const url = /^Debugger listening on (ws:\S+)$/.exec(line)?.[1];
    if (url !== undefined) found(url);
    else if (!/^For help, see|^Debugger (attached|ending)/.test(line)) console.error(line);
  });
});
const ready = new Promise<Record<string, string>>((found, failed) => {
  createInterface({ input: server.stdout }).on('line', (line) => {
    if (line.startsWith('ready '))
      found(
        Object.fromEntries(
          line
            .split(' ')
            .slice(1)
            .map((word) => word.split(/=(.*)/s, 2) as [string, string]),
        ),
      );
  });
  void ended.then(() => failed(new Error('the server ended before it was ready')));
});

try {
  const { control = '', console: url = '' } = await ready;
  using inspector = await Inspector.attach(await inspectorAt);
  const clients = Array.from({ length: clientCount }, (_, i) => new Client(kinds[i % kinds.length] as string, i, port));
  console.log(
    `${resets} resets under ${clientCount} clients (${kinds.join(', ')}); Node.js ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}\n`,
  );
  const soak = new Soak(control, url, server.pid as number, inspector, clients);
  const from = performance.now();
  try {
    await soak.run();
    console.log(`${((performance.now() - from) / 60_000).toFixed(1)} minutes, ${soak.answers.toLocaleString('en')} answers.`);
  } finally {
    await Promise.all(clients.map((client) => client.stop()));
  }
} finally {
  server.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true });
}
