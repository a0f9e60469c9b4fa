/**
 * node --conditions=@ring3/source bench/attacks.ts [ATTACK…] [--seconds N] [--nofile N]
 * Response times of the file server during attacks by another client or an unauthenticated peer: an attribute query every few milliseconds,
 * and logons, on the loopback; the store is on the disk of the temporary directory. The attacker is a separate thread.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Connection, connectTcp, encodeForFile, type Open, type Session, type TreeConnect } from '@ring3/smb-client';
import { Command, CreateDisposition, CreateOptions, FileInformationClass, ReadRequest, SessionSetupRequest } from '@ring3/smb-proto';
import { readOptions, whole, wrongUsage } from '../scripts/options.ts';
import { ring3Command, startRing3 } from '../test/interop/ring3.ts';
import { machine } from './machine.ts';

interface Target {
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

async function logOn({ port, user, password }: Target): Promise<{ connection: Connection; session: Session }> {
  const connection = await Connection.open(await connectTcp(port));
  return { connection, session: await connection.logon({ user, password }) };
}

/** Repeats an action, `count` at a time, until the process ends; a failed one is started again. */
function forever(count: number, what: (i: number) => Promise<void>): void {
  const again = async (i: number): Promise<void> => {
    for (;;) {
      await what(i).catch(() => delay(20));
      await delay(0);
    }
  };
  for (let i = 0; i < count; i++) void again(i);
}

const negotiate = (dialect: number): Buffer => {
  const message = Buffer.alloc(64 + 36 + 2);
  message.write('fe534d42', 0, 'hex');
  message.writeUInt16LE(64, 4);
  message.writeUInt16LE(64, 14);
  message.writeUInt16LE(36, 64);
  message.writeUInt16LE(1, 66);
  message.writeUInt16LE(dialect, 100);
  return Buffer.concat([Buffer.from([0, 0, 0, message.length]), message]);
};

const socketTo = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject).on('error', () => {});
  });

/** Writes as fast as the other end reads, until it closes. */
function flood(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const write = (): void => {
      while (socket.write(bytes));
    };
    socket.on('drain', write).once('close', () => resolve());
    socket.resume();
    write();
  });
}

const attacks: Readonly<Record<string, (target: Target) => void>> = {
  idle: () => {},
  /** F1: the header of a frame that is never sent. */
  announced: (target) =>
    forever(100, async () => {
      const { connection } = await logOn(target);
      connection.sendRaw(Buffer.from('00808000', 'hex'), Buffer.alloc(10));
      await connection.closed;
    }),
  /** F1: responses that are not read. */
  unread: (target) =>
    forever(60, async () => {
      const link = await connectTcp(target.port);
      const connection = await Connection.open(link);
      const tree = await (await connection.logon(target)).connect('share');
      const open = await tree.create({ name: 'big', createDisposition: CreateDisposition.OpenIf });
      await open.setInfo(1, FileInformationClass.EndOfFile, Buffer.from(new BigUint64Array([64n << 20n]).buffer));
      link.pause();
      const length = 8 << 20;
      for (let i = 0; i < 4; i++) {
        const body = encodeForFile(ReadRequest, open.fileId, {
          length,
          offset: 0,
          minimumCount: 0,
          flags: 0,
          channel: 0,
          remainingBytes: 0,
          readChannelInfo: new Uint8Array(0),
        });
        void tree.send(Command.Read, body, { payload: length }).reply.catch(() => {});
      }
      await connection.closed;
    }),
  /** F4: the maximum of opens, in deep directories. */
  opens: (target) =>
    forever(4, async (i) => {
      const { connection, session } = await logOn(target);
      const tree = await session.connect('share');
      let path = '';
      for (let depth = 0; depth < 30; depth++) {
        path = depth === 0 ? `d${i}` : `${path}\\d`;
        const made = await tree.create({
          name: path,
          createDisposition: CreateDisposition.OpenIf,
          createOptions: CreateOptions.DirectoryFile,
        });
        await made.close();
      }
      const kept: Open[] = [];
      try {
        for (let n = 0; ; n++) kept.push(await tree.create({ name: `${path}\\${n}`, createDisposition: CreateDisposition.OpenIf }));
      } catch {}
      await connection.closed;
    }),
  /** F5: endless tree connects. */
  trees: (target) =>
    forever(8, async () => {
      const { session } = await logOn(target);
      const trees: TreeConnect[] = [];
      for (;;) trees.push(await session.connect('share'));
    }),
  /** F10: password guesses. */
  guesses: (target) =>
    forever(256, async () => {
      const connection = await Connection.open(await connectTcp(target.port));
      await connection.logon({ user: 'somebody', password: 'guess' }).catch(() => {});
      await connection.close(true);
    }),
  /** F11: tokens that are expensive to parse. */
  tokens: (target) =>
    forever(64, async () => {
      const connection = await Connection.open(await connectTcp(target.port));
      const token = Buffer.from('3000'.repeat(7800), 'hex');
      const fields = { flags: 0, securityMode: 1, capabilities: 0, channel: 0, previousSessionId: 0n, securityBuffer: token } as never;
      for (let i = 0; i < 10; i++)
        await connection.send({ command: Command.SessionSetup, body: SessionSetupRequest.encode(fields) } as never).reply;
    }),
  /** F11: NetBIOS keep-alives. */
  'keep-alives': (target) => forever(16, async () => flood(await socketTo(target.port), Buffer.from('85000000'.repeat(16_384), 'hex'))),
  /** F11: rejected NEGOTIATEs, sixty at a time. */
  negotiates: (target) =>
    forever(32, async () => {
      const socket = await socketTo(target.port);
      socket.write(negotiate(0x222));
      await new Promise((resolve) => socket.once('data', resolve));
      let id = 1n;
      await new Promise<void>((resolve) => {
        const send = (): void => {
          for (let i = 0; i < 60; i++) {
            const message = negotiate(0x222);
            message.writeBigUInt64LE(id++, 4 + 24);
            socket.write(message);
          }
        };
        let waiting = 60;
        socket.on('data', (bytes) => {
          waiting -= Math.round(bytes.length / 77);
          if (waiting > 0) return;
          waiting += 60;
          send();
        });
        socket.once('close', () => resolve());
        send();
      });
    }),
};

const percentile = (sorted: readonly number[], share: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1);

async function measure(name: string, seconds: number, nofile: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-attacks-'));
  const prefix = ['prlimit', `--nofile=${nofile}:${nofile}`];
  await using ring3 = await startRing3(folder, ['--user', 'attacker:secret'], prefix);
  const honest: Target = ring3;
  const { session } = await logOn(honest);
  const tree = await session.connect('share');
  const open = await tree.create({ name: 'honest', createDisposition: CreateDisposition.OpenIf });
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { name, target: { port: ring3.port, user: 'attacker', password: 'secret' } },
  });
  worker.on('error', (error) => console.error(error));
  await delay(2000);
  const times: number[] = [];
  const logons: number[] = [];
  let failures = 0;
  const end = performance.now() + seconds * 1000;
  const stats = async (): Promise<void> => {
    while (performance.now() < end) {
      const start = performance.now();
      await open.queryInfo(1, FileInformationClass.Basic).catch(() => failures++);
      times.push(performance.now() - start);
      await delay(3);
    }
  };
  const others = async (): Promise<void> => {
    while (performance.now() < end) {
      const start = performance.now();
      await logOn(honest).then(
        ({ connection }) => connection.close(true),
        () => failures++,
      );
      logons.push(performance.now() - start);
      await delay(200);
    }
  };
  await Promise.all([stats(), others()]);
  const control = ring3.at['control'] as string;
  const [program, bin] = ring3Command;
  let administered = 'yes';
  try {
    execFileSync(program, [bin, 'ctl', '--control', control, 'sessions'], { stdio: 'pipe', timeout: 20_000 });
  } catch (error) {
    administered = `no: ${(error as { stderr?: Buffer }).stderr?.toString().trim()}`;
  }
  await worker.terminate();
  times.sort((a, b) => a - b);
  logons.sort((a, b) => a - b);
  const [p50, p99, most] = [percentile(times, 0.5), percentile(times, 0.99), percentile(times, 1)];
  console.log(
    `| ${name} | ${times.length} | ${p50} | ${p99} | ${most} | ${percentile(logons, 0.5)} | ${percentile(logons, 1)} | ${failures} | ${administered} | ${ring3.log().split('\n').length} |`,
  );
  rmSync(folder, { recursive: true, force: true });
}

if (isMainThread) {
  const usage = 'node --conditions=@ring3/source bench/attacks.ts [ATTACK…] [--seconds N] [--nofile N]';
  const { values, words } = readOptions({
    usage,
    maxWords: Number.POSITIVE_INFINITY,
    options: { seconds: whole(1, 86_400, 8), nofile: whole(1, 1_048_576, 20_000) },
  });
  const unknown = words.find((name) => !Object.hasOwn(attacks, name));
  if (unknown !== undefined) wrongUsage(`no attack ${unknown}, known: ${Object.keys(attacks).join(' ')}`, usage);
  console.log(
    `${machine()}\n\n| attack | queries | p50 ms | p99 ms | longest ms | logon p50 ms | logon longest ms | failures | ctl sessions | log lines |`,
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|');
  for (const name of words.length > 0 ? words : Object.keys(attacks)) await measure(name, values.seconds, values.nofile);
} else {
  const { name, target } = workerData as { name: string; target: Target };
  attacks[name]?.(target);
}
