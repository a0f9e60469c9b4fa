import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

/** The result of a program. */
export interface Outcome {
  readonly out: string;
  readonly err: string;
  readonly status: number | null;
}

/** Runs a program until it ends. */
export function outcomeOf(...words: string[]): Outcome {
  const [first, ...rest] = words as [string, ...string[]];
  const { stdout, stderr, status } = spawnSync(first, rest, { encoding: 'utf8' });
  return { out: stdout, err: stderr, status };
}

/** A program that runs during the test, and its output so far. */
export class Beside implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  said = '';

  constructor(...words: string[]) {
    const [first, ...rest] = words as [string, ...string[]];
    this.#child = spawn('stdbuf', ['-oL', '-eL', first, ...rest], { stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.said += text;
      });
    this.#child.stdin?.on('error', () => {}); // it ended before it was asked to
    this.#ended = new Promise((done) => this.#child.once('close', done));
  }

  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    await this.#ended;
  }
}

/** An interactive smbclient. */
export class InteractiveClient extends Beside {
  #listed = 0;

  /** @param to `//HOST/SHARE` */
  constructor(to: string, { port, user, password }: { readonly port: number; readonly user: string; readonly password: string }) {
    super('smbclient', '--configfile=/dev/null', to, '-p', `${port}`, '-U', `${user}%${password}`);
  }

  /** Lists the directory. */
  async list(): Promise<void> {
    this.#listed++;
    this.tell('ls');
    await until('a list', () => this.said.split('blocks available').length > this.#listed, this);
  }
}

/** Waits for a condition. @throws AssertionError after 15 s, with the output of a program */
export async function until(what: string, holds: () => boolean, whose?: Beside): Promise<void> {
  for (const end = Date.now() + 15_000; !holds(); await delay(20)) assert.ok(Date.now() < end, `${what}: ${whose?.said ?? ''}`);
}
