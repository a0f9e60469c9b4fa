/** Multichannel with the cifs client of a Linux kernel: work continues while connections of the session are lost. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { lenient, type Scene, scene, withoutMounts } from './cifs/scene.ts';
import { type Ring3, ring3Command } from './ring3.ts';

interface Channel {
  readonly session: number;
  readonly connection: number;
  readonly first: boolean;
}

/** `ring3 ctl WORDS` on a daemon. */
function ctl({ at }: Ring3, ...words: readonly string[]): string {
  const [node, bin] = ring3Command;
  const { status, stdout, stderr } = spawnSync(node, [bin, 'ctl', '--control', at['control'] ?? '', ...words], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** Calls `play` while a Linux works on a mount with four channels, and then ends its work. @param words the mount options, and further words of the script */
async function whileWorking(
  { folder, server, options, run }: Scene,
  [how, ...words]: readonly [how: string, ...words: string[]],
  play: (reached: (count: number) => Promise<Channel[]>) => Promise<void>,
): Promise<void> {
  const worked = run(['multichannel', options(how), ...words]);
  let over = false;
  const ended = (): void => {
    over = true;
  };
  worked.then(ended, ended);
  const reached = async (count: number): Promise<Channel[]> => {
    for (;;) {
      const now: Channel[] = existsSync(join(folder, 'begun')) ? JSON.parse(ctl(server, 'channels', '--json')) : [];
      if (now.length >= count || over) return now;
      await delay(100);
    }
  };
  await play(reached);
  writeFileSync(join(folder, 'stop'), '');
  assert.match(await worked, /^rounds: [1-9]/m);
  assert.deepEqual(readdirSync(folder), []);
}

// The client connects further channels to port 445, whatever the port of the first one.
const serve = [...lenient, '--port', '445'];

describe('a mount with four channels goes on working', { ...(withoutMounts !== undefined && { skip: withoutMounts }) }, () => {
  for (const how of ['vers=3.0,seal', 'vers=3.0.2', 'vers=3.1.1', 'vers=3.1.1,seal']) {
    test(`while the server ends its connections, the first one too, if the application repeats what fails then: ${how}`, async () => {
      await scene(serve, (scene) =>
        whileWorking(scene, [how], async (reached) => {
          const [first, second] = await reached(4);
          assert.equal(first?.session, second?.session);
          ctl(scene.server, 'close', `c${second?.connection}`);
          assert.ok((await reached(3)).some(({ connection }) => connection === first?.connection));
          await delay(1000);
          ctl(scene.server, 'close', `c${first?.connection}`);
          await delay(3000);
        }),
      );
    });
  }

  test('while one of two interfaces of the server is down', async () => {
    await scene([...serve, '--host', '0.0.0.0'], async (scene) => {
      const ip = (...words: readonly string[]): void => {
        const { status, stderr } = spawnSync('ip', ['-n', scene.network.name, ...words], { encoding: 'utf8' });
        assert.equal(status, 0, stderr);
      };
      ip('link', 'add', 'second', 'type', 'veth', 'peer', 'name', 'other');
      ip('link', 'set', 'other', 'up');
      ip('addr', 'add', '10.77.1.1/24', 'dev', 'second');
      ip('link', 'set', 'second', 'up');
      await whileWorking(scene, ['vers=3.1.1', `10.77.1.0/24 via ${scene.network.host}`], async (reached) => {
        await reached(4);
        const ofSecond = /10\.77\.1\.1:445\s/;
        const { stdout } = spawnSync('ip', ['netns', 'exec', scene.network.name, 'ss', '-tnH', 'state', 'established'], {
          encoding: 'utf8',
        });
        assert.match(stdout, ofSecond, 'a channel uses the second interface');
        ip('link', 'set', 'second', 'down');
        await delay(10_000);
      });
    });
  });
});
