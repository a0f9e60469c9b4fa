import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askControl, startDaemon } from '@ring3/daemon';
import { silentLog } from '@ring3/kit';
import { fuzzing, type Target } from './fuzzing.ts';

const lines: object[] = [
  { do: 'stats' },
  { do: 'kill', word: 'soft' },
  { do: 'start' },
  { do: 'reload', living: true },
  { do: 'sessions', user: 'a*', peer: '127.?' },
  { do: 'close', id: 'c1' },
  { do: 'status' },
  { do: 'rule list', namespace: 'default' },
  { do: 'rule add', words: ['protocol', 'tcp', 'zone', '1'] },
  { do: 'rule add', words: ['dport', '80', 'notrack'] },
  { do: 'rule delete', id: 1 },
  { do: 'rule flush' },
  { do: 'namespace list' },
  { do: 'namespace add', name: 'one' },
  { do: 'namespace delete', name: 'one' },
];

/** Lines on the control socket of a daemon: each gets a response of one line, and the daemon keeps running. */
async function controlLine(): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-fuzz-'));
  const control = join(folder, 'control');
  const daemon = await startDaemon({ stateDir: join(folder, 'state'), control, log: silentLog });
  let socket: Socket | undefined;
  let answered = '';
  const connect = async (): Promise<Socket> => {
    const made = createConnection(control).setEncoding('utf8');
    made.on('data', (text: string) => (answered += text));
    made.on('close', () => (socket = undefined));
    await once(made, 'connect');
    return made;
  };
  return {
    seeds: lines.map((line) => Buffer.from(JSON.stringify(line))),
    async run(input) {
      const line = Buffer.from(input.filter((byte) => byte !== 10 && byte !== 0));
      if (/"do":"stop"/.test(line.toString('latin1'))) return;
      socket ??= await connect();
      answered = '';
      socket.write(Buffer.concat([line, Buffer.from('\n')]));
      while (!answered.endsWith('\n')) await once(socket, 'data');
      assert.match(answered, /^\{"ok":(true|false),.*\}\n$/);
      assert.doesNotMatch(answered, /is not a function|Cannot read|undefined \(/);
    },
    async end() {
      assert.equal(typeof (await askControl(control, 'stats', {})), 'string');
      socket?.destroy();
      await daemon.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const fuzz = fuzzing(controlLine);
