import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { askControl } from '@ring3/daemon';
import { connectTo, HeldOpens } from '../soak/held-opens.ts';
import { persistentChaos } from '../soak/persistent-chaos.ts';
import { serveRing3 } from './ring3.ts';

// npm run kill -- --persistent kills more often
test('a daemon that is killed has its persistent opens again, with locks and data, and nothing is left at the end', {
  timeout: 300_000,
}, async () => {
  const { requests, restored, faults } = await persistentChaos({ kills: 4, clients: 3, dir: tmpdir() });
  deepEqual(faults, []);
  ok(requests > 0 && restored > 0);
});

test('persistent opens survive "kill hard" and a stop; with a damaged database opens are durable only', { timeout: 120_000 }, async () => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-persistent-'));
  const [shared, state, config] = [join(base, 'shared'), join(base, 'state'), join(base, 'ring3.toml')];
  mkdirSync(shared);
  writeFileSync(config, `[share.share]\npath = ${JSON.stringify(shared)}\n"continuous-availability" = true\n`);
  const serve = () => serveRing3(['--config', config, '--user', 'tester:secret', '--state-dir', state]);
  const client = new HeldOpens('file');
  try {
    {
      await using server = await serve();
      const control = server.at['control'] as string;
      const tree = await connectTo(server.port, client.clientGuid);
      await client.create(tree);
      await askControl(control, 'kill', { word: 'hard' });
      await askControl(control, 'start', {});
      const waiting = await askControl(control, 'opens', { detached: true });
      deepEqual(
        waiting.map(({ durability, path, user }) => ({ durability, path, user })),
        [{ durability: 'persistent', path: 'file-0', user: 'tester' }],
      );
    }
    {
      await using server = await serve();
      const tree = await connectTo(server.port, client.clientGuid);
      await client.reconnect(tree);
      deepEqual([client.faults, client.size], [[], 1]);
      await client.close();
      deepEqual(await askControl(server.at['control'] as string, 'opens', {}), []);
      await tree.connection.close();
    }
    writeFileSync(join(state, 'persistent-opens.sqlite'), 'not a database '.repeat(1000));
    await using server = await serve();
    match(server.log(), /persistent opens of the last run cannot be read/);
    const tree = await connectTo(server.port, client.clientGuid);
    await client.create(tree);
    deepEqual(client.faults, ['file-1 is not persistent']);
    await client.close();
    await tree.connection.close();
    equal(client.size, 0);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});
