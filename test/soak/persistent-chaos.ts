import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { askControl } from '@ring3/daemon';
import type { TreeConnect } from '@ring3/smb-client';
import { NtStatus, StatusError } from '@ring3/smb-proto';
import { connectTo, HeldOpens } from './held-opens.ts';

const bin = resolve(import.meta.dirname, '../../packages/cli/bin/ring3.js');

/** The server is killed after at most so many acknowledged requests. */
const maxRequests = 80;

/** How often the server is killed, with how many clients, and where its files are. */
export interface ChaosOptions {
  readonly kills: number;
  readonly clients: number;
  /** A directory for temporary files. */
  readonly dir: string;
  /** Called after each kill. */
  report?(kill: number, faults: number, requests: number): void;
}

/** The result. */
export interface ChaosResult {
  /** Acknowledged requests, and the opens that clients got again. */
  readonly requests: number;
  readonly restored: number;
  readonly faults: readonly string[];
}

/**
 * Kills `ring3 serve` with SIGKILL at random moments while clients write, lock, rename, delete and close on a share with continuous availability,
 * and starts it again. Each client gets its persistent opens again; before it does, another client cannot open the files; nothing that was
 * acknowledged is lost. At the end nothing is left.
 */
export async function persistentChaos({ kills, clients: count, dir, report }: ChaosOptions): Promise<ChaosResult> {
  const base = mkdtempSync(join(dir, 'ring3-persistent-'));
  const shared = join(base, 'shared');
  const control = join(base, 'control.sock');
  const config = join(base, 'ring3.toml');
  mkdirSync(shared);
  writeFileSync(config, `[share.share]\npath = ${JSON.stringify(shared)}\n"continuous-availability" = true\n`);
  const faults: string[] = [];
  let restored = 0;
  const clients = Array.from({ length: count }, (_, i) => new HeldOpens(`client${i}`));
  const requests = (): number => clients.reduce((sum, client) => sum + client.requests, 0);
  const collect = (round: number): void => {
    for (const client of clients) faults.push(...client.faults.splice(0).map((fault) => `after kill ${round}: ${fault}`));
  };
  let daemon: Daemon | undefined;
  try {
    for (let round = 0; round <= kills; round++) {
      daemon = await start(config, base, control);
      const { port } = daemon;
      await refusesOthers(port, clients, faults, round);
      const trees = await Promise.all(clients.map(({ clientGuid }) => connectTo(port, clientGuid)));
      for (const [i, tree] of trees.entries()) {
        restored += clients[i]?.size ?? 0;
        await clients[i]?.reconnect(tree);
      }
      const other = await connectTo(port, randomBytes(16));
      for (const client of clients) await client.compareAs(other);
      await other.connection.close();
      collect(round);
      if (round === kills) break;
      let left = 1 + Math.floor(Math.random() * maxRequests);
      let enough = (): void => {};
      const moment = new Promise<void>((resolve) => {
        enough = resolve;
      });
      const work = Promise.allSettled(trees.map((tree, i) => clients[i]?.work(tree, () => --left === 0 && enough())));
      await Promise.race([work, moment]);
      await sleep(Math.random() * 10); // a later request is on its way, or being committed
      daemon.child.kill('SIGKILL');
      await daemon.exit;
      for (const result of await work) if (result.status === 'rejected') faults.push(`before kill ${round + 1}: ${result.reason}`);
      for (const { connection } of trees) connection.link.close(true);
      report?.(round + 1, faults.length, requests());
    }
    for (const client of clients) await client.close();
    faults.push(...(await leftOver(control)));
    return { requests: requests(), restored, faults };
  } finally {
    daemon?.child.kill('SIGKILL');
    await daemon?.exit;
    rmSync(base, { recursive: true, force: true });
  }
}

/** While a client is away, no other client opens its files: FILE_NOT_AVAILABLE, MS-SMB2 3.3.5.9. */
async function refusesOthers(port: number, clients: readonly HeldOpens[], faults: string[], round: number): Promise<void> {
  const other: TreeConnect = await connectTo(port, randomBytes(16));
  for (const { someFile } of clients) {
    if (someFile === undefined) continue;
    const status = await other.create({ name: someFile }).then(
      () => NtStatus.Success,
      (error: unknown) => (error instanceof StatusError ? error.status : undefined),
    );
    if (status !== NtStatus.FileNotAvailable)
      faults.push(`after kill ${round}: ${someFile} was opened by another client: ${status?.toString(16)}`);
  }
  await other.connection.close();
}

async function leftOver(control: string): Promise<string[]> {
  const [opens, locks] = [await askControl(control, 'opens', {}), await askControl(control, 'locks', {})];
  return [...opens.map(({ path }) => `${path} is still open`), ...locks.map(({ path }) => `${path} is still locked`)];
}

interface Daemon {
  readonly child: ChildProcess;
  readonly port: number;
  readonly exit: Promise<unknown>;
}

/** @throws if it ends before it is ready */
async function start(config: string, base: string, control: string): Promise<Daemon> {
  const words = ['--config', config, '--user', 'tester:secret', '--port', '0', '--state-dir', join(base, 'state')];
  const child = spawn(process.execPath, [bin, 'serve', ...words, '--control', control, '--netlink', 'off', '--log-level', 'warn'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log += chunk;
  });
  const exit = once(child, 'exit');
  const ready = new Promise<number>((found) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const port = /smb=\S*:(\d+)/.exec(line)?.[1];
      if (line.startsWith('ready ') && port !== undefined) found(Number(port));
    });
  });
  const port = await Promise.race([ready, exit.then(() => undefined)]);
  if (port === undefined) throw new Error(`the daemon did not start:\n${log}`);
  return { child, port, exit };
}
