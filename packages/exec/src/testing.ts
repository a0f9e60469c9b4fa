import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { command, createServer, type NetlinkServer, subsystem } from '@ring3/netlink';
import { attr, attrs, be32 } from '@ring3/wire';
import { type ExecOptions, runExec } from './run-exec.ts';

/** Why the tests that compile C are skipped; false if they run. */
export const withoutCompiler: string | false =
  process.platform !== 'linux'
    ? 'exec is for Linux'
    : spawnSync('cc', ['--version']).status === 0
      ? false
      : 'no C compiler (cc) on this machine';

/** A directory for one test file: state, programs, outputs. The caller removes it. */
export interface Desk {
  readonly folder: string;
  /** The path of the compiled probe. */
  readonly probe: string;
  /** Compiles a C source from `test/`. */
  compile(source: string, name: string, ...flags: string[]): string;
  /** Runs a command under exec. @returns its standard output, standard error and exit status */
  run(command: string, args: readonly string[], options?: Partial<ExecOptions>): Promise<Outcome>;
  remove(): void;
}
export interface Outcome {
  readonly out: string;
  readonly err: string;
  readonly status: number;
}

/** Creates the directory and compiles the probe. */
export function makeDesk(): Desk {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-exec-test-'));
  const compile = (source: string, name: string, ...flags: string[]): string => {
    const output = join(folder, name);
    const path = fileURLToPath(new URL(`../test/${source}`, import.meta.url));
    const { status, stderr } = spawnSync('cc', ['-O1', ...flags, '-o', output, path, '-lpthread'], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`cc ${source}: ${stderr}`);
    return output;
  };
  return {
    folder,
    probe: compile('probe.c', 'probe'),
    compile,
    run: async (name, args, options = {}) => {
      const files = [join(folder, 'out'), join(folder, 'err')] as const;
      const [out, err] = files.map((file) => openSync(file, 'w')) as [number, number];
      try {
        const given: ExecOptions = {
          command: name,
          args,
          stateDir: join(folder, 'state'),
          netlinkSocket: join(folder, 'none.sock'),
          ...options,
        };
        const status = await runExec({ ...given, stdio: ['ignore', out, err] });
        return { status, out: readFileSync(files[0], 'utf8'), err: readFileSync(files[1], 'utf8') };
      } finally {
        closeSync(out);
        closeSync(err);
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const Item = attrs('ITEM', { number: attr(1, be32) });

/** A subsystem for tests, number 0x7f: 1 lists `number` items, 2 sends `number` events to group 1. */
export function testServer(): NetlinkServer {
  const list = command({
    attributes: Item,
    handle: () => undefined,
    dump: (call) => {
      const count = call.attributes.get('number') ?? 0;
      let next = 0;
      return {
        fill: (block, head) => {
          for (; next < count; next++) if (!block.add({ ...head, type: 0x7f00 }, Item, { number: next })) return false;
          return true;
        },
      };
    },
  });
  const tell = command({
    attributes: Item,
    handle: (call) => {
      for (let i = 0; i < (call.attributes.get('number') ?? 0); i++) server.notify(1, event(i));
      return undefined;
    },
  });
  const server = createServer({ subsystems: [subsystem(0x7f, { 1: list, 2: tell })] });
  return server;
}

/** A netlink message of 16 bytes and `nfgenmsg`, with an item, as hexadecimal digits. */
export function message(type: number, flags: number, sequence: number, number?: number): string {
  const length = number === undefined ? 20 : 28;
  const view = new DataView(new ArrayBuffer(length));
  view.setUint32(0, length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  if (number !== undefined) {
    view.setUint16(20, 8, true);
    view.setUint16(22, 1, true);
    view.setUint32(24, number);
  }
  return Buffer.from(view.buffer).toString('hex');
}

const event = (sequence: number): Uint8Array => Buffer.from(message(0x7f02, 0, sequence), 'hex');
