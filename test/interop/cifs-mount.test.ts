import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';

import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { lenient, scene, withoutMounts } from './cifs/scene.ts';
import { serveRing3, startRing3 } from './ring3.ts';

/** Dialects by their names in mount.cifs, with the text in /proc/mounts and the available protections. */
const dialects = {
  '2.0': { shown: '2.0', protections: ['plain', 'sign'] },
  '2.1': { shown: '2.1', protections: ['plain', 'sign'] },
  '3.0': { shown: '3.0', protections: ['plain', 'sign', 'seal'] },
  '3.0.2': { shown: '3.02', protections: ['plain', 'sign', 'seal'] },
  '3.1.1': { shown: '3.1.1', protections: ['plain', 'sign', 'seal'] },
} as const;
const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
describe('the cifs client of a Linux kernel', {
  ...(withoutMounts !== undefined && { skip: withoutMounts }),
  concurrency: availableParallelism(),
}, () => {
  for (const [dialect, { shown, protections }] of Object.entries(dialects)) {
    for (const protection of dialect === '3.1.1' ? ['sign', 'seal'] : protections.slice(-1)) {
      test(`a working day on a share at dialect ${dialect}: ${protection}`, async () => {
        await scene(lenient, async ({ folder, options, run }) => {
          await run(['everyday', options(`vers=${dialect}`, protection), 'day']);
          const names = readFileSync(join(folder, 'day/list-of-names'), 'utf8').split('\0').slice(0, -1);
          assert.deepEqual(
            readdirSync(join(folder, 'day/names')).sort(),
            names.sort(),
            'the host has the very names, whatever they took on the way',
          );
          assert.equal(readFileSync(join(folder, 'day/sum'), 'utf8'), `${digest(join(folder, 'day/data'))}  data\n`);
        });
      });
    }

    test(`carries 64 MiB at dialect ${dialect}: ${protections.join(', ')}`, async () => {
      await scene(lenient, async ({ folder, options, run }) => {
        const how = (protection: string): string => options(`vers=${dialect}`, ...(protection === 'plain' ? [] : [protection]));
        const output = await run(...protections.map((protection) => ['big', how(protection), protection] as const));
        const mounts = output.match(/^rw,.*/gm) ?? [];
        const sums = output.match(/^[0-9a-f]{64}$/gm) ?? [];
        for (const [at, protection] of protections.entries()) {
          const mount = mounts[at] ?? '';
          const words = mount.split(/[, ]/);
          assert.ok(words.includes(`vers=${shown}`), mount);
          assert.equal(words.includes('sec=ntlmsspi'), protection === 'sign', mount);
          assert.equal(words.includes('seal'), protection === 'seal', mount);
          assert.equal(digest(join(folder, protection)), sums[at]);
        }
      });
    });
  }

  test('works with a server that requires signing and encrypts for every client that can', async () => {
    await scene(['--signing', 'required', '--encryption', 'required'], async ({ options, run }) => {
      await run(['many', options('vers=3.1.1')]);
    });
  });

  test('two clients respect each other’s locks and see each other’s writes', async () => {
    // At 3.x this client (6.1) ignores the break of an oplock that is not a lease, so the server grants none there.
    await scene(lenient, async ({ options, run }) => {
      await run(...Object.keys(dialects).map((dialect) => ['locks', options(`vers=${dialect}`)] as const));
    });
  });

  test('two clients that cache see what the other writes, makes, renames and removes in one directory', async () => {
    await scene(lenient, ({ options, run }) => run(['coherent', options('vers=3.1.1'), '2000']));
  });

  test('a client that caches sees what the host writes and makes', async () => {
    await scene(lenient, async ({ folder, options, run }) => {
      const rounds = 200;
      const dir = join(folder, 'dir');
      mkdirSync(dir);
      writeFileSync(join(dir, 'seen'), '');
      let done = false;
      const client = run(['host-changes', options('vers=3.1.1'), String(rounds)]).finally(() => {
        done = true;
      });
      client.catch(() => undefined);
      for (let n = 0; n < rounds && !done; n++) {
        writeFileSync(join(dir, `made ${n}`), '');
        writeFileSync(join(dir, 'file'), String(n).padStart(8, '0'));
        while (readFileSync(join(dir, 'seen'), 'utf8') !== String(n) && !done) await delay(1);
      }
      await client;
    });
  });

  test('a client that caches by leases sends no request for what it has: repeated open-read-close, stat and read', async () => {
    await scene(lenient, async ({ options, run }) => {
      const rounds = 200;
      const output = await run(['counters', options('vers=3.1.1'), String(rounds)]);
      const requests = new Map([...output.matchAll(/^requests (.*) (\d+)$/gm)].map(([, what = '', count]) => [what, Number(count)]));
      for (const what of ['stat', 'fstat', 'read', 'list the root']) assert.equal(requests.get(what), 0, output);
      assert.ok((requests.get('open-read-close') ?? rounds) < rounds / 10, output); // it closes a file a second after its last use
    });
  });

  test('random calls have the same results as on a file system in memory', async () => {
    await scene(lenient, async ({ options, run }) => {
      await run(['random-calls', options('vers=3.1.1'), '1', '2', '3'], ['random-calls', options('vers=2.1,cache=none'), '4', '5', '6']);
    });
  });

  test('four processes share a database, as far as this client supports it', async () => {
    // with locks at the server SQLite blocks itself, on Samba too: mount.cifs(8) describes `nobrl` for this case
    await scene(lenient, ({ options, run }) => run(['database', options('vers=3.1.1,nobrl')]));
  });

  test('symbolic links, hard links and special files', async () => {
    await scene(lenient, async ({ folder, options, run }) => {
      writeFileSync(join(folder, 'target'), 'behind the link');
      for (const [name, target] of Object.entries({ 'host-link': 'target', outside: '/etc/hostname', dangling: 'nowhere-at-all' })) {
        symlinkSync(target, join(folder, name));
      }
      execFileSync('mkfifo', [join(folder, 'pipe')]); // opening it would block forever
      await run(['links', options('vers=3.1.1')]);
      assert.deepEqual(readdirSync(folder).sort(), ['dangling', 'host-link', 'outside', 'pipe', 'target']);
    });
  });

  test('extended attributes, birth time, descriptors, holes and copies by the server', async () => {
    await scene(lenient, async ({ folder, options, run }) => {
      await run(['attributes', options('vers=3.0')], ['attributes', options('vers=3.1.1')]);
      assert.deepEqual(readdirSync(folder), []);
    });
  });

  test('changes of a directory by clients and by the host are reported', async () => {
    await scene(lenient, async ({ folder, options, run }) => {
      const watched = run(['watch', options('vers=2.1')], ['watch', options('vers=3.1.1')]);
      let done = false;
      watched
        .catch(() => undefined)
        .finally(() => {
          done = true;
        });
      for (; !done; await delay(50)) {
        if (!existsSync(join(folder, 'now'))) continue;
        rmSync(join(folder, 'now'));
        writeFileSync(join(folder, 'watched/by-the-host'), '');
      }
      await watched;
    });
  });

  test('an impossible mount fails with the error that states the reason', async () => {
    await scene(lenient, ({ options, run }) => run(['errors', options('vers=3.1.1')]));
  });

  test('a server that requires encryption rejects a client without it', async () => {
    await scene(['--encryption', 'required'], async ({ options, run }) => {
      await assert.rejects(run(['big', options('vers=2.1'), 'big']), /mount error\(13\)/);
      await run(['big', options('vers=3.0.2'), 'big']);
    });
  });

  test('port 139 requires a NetBIOS session request (RFC 1002, 4.3.2)', async () => {
    await scene([...lenient, '--port', '139'], ({ options, run }) => run(['random-calls', options('vers=2.1,servern=RING3'), '7']));
  });

  test('guests are accepted if the server allows them', async () => {
    await scene(['--guest'], ({ options, run }) => run(['guest', options('vers=3.1.1')]));
    await scene(['--guest', ...lenient], ({ options, run }) => run(['guest', options('vers=2.1')]));
  });

  test('a read-only share rejects every change', async () => {
    await scene(['--read-only', ...lenient], async ({ folder, options, run }) => {
      writeFileSync(join(folder, 'file'), 'text');
      await run(['read-only', options('vers=2.1')], ['read-only', options('vers=3.1.1')]);
      assert.equal(statSync(join(folder, 'file')).size, 4);
    });
  });

  test('a client that crashes leaves nothing that blocks the next', async () => {
    for (const dialect of ['2.1', '3.1.1']) {
      await scene(lenient, async ({ folder, options, boot, run }) => {
        const off = new AbortController();
        const dead = boot([['die', options(`vers=${dialect}`)]], off.signal);
        const ended = dead.then(({ output }) => output);
        while (!existsSync(join(folder, 'ready'))) assert.equal(await Promise.race([ended, delay(50, 'lives')]), 'lives');
        off.abort();
        assert.equal((await dead).status, null);
        await run(['inherit', options(`vers=${dialect}`)]);
        assert.deepEqual(readdirSync(folder), []);
      });
    }
  });

  test('a mount survives a hard kill of the server', async () => {
    await scene(lenient, async ({ folder, network, server, options, run }) => {
      const worked = run(['reconnect', options('vers=3.1.1')]);
      let failed = false;
      worked.catch(() => {
        failed = true;
      });
      while (!existsSync(join(folder, 'kill-me')) && !failed) await delay(50);
      process.kill(server.pid, 'SIGKILL');
      await delay(1000);
      await using _next = await startRing3(folder, ['--host', network.host, ...lenient, '--port', String(server.port)], network.prefix);
      writeFileSync(join(folder, 'started'), '');
      await worked;
      assert.deepEqual(readdirSync(folder), []);
    });
  });

  test('persistent and resilient handles: mounts with these options work, and files that are open survive a hard kill of the server', async () => {
    await scene(lenient, async ({ folder, network, server, options, run }) => {
      await run(['handles', options('vers=2.1,resilienthandles')], ['handles', options('vers=3.0,resilienthandles')]);
      const own = mkdtempSync(join(tmpdir(), 'ring3-available-'));
      const config = join(own, 'ring3.toml');
      const signing = '[server]\nsigning = "enabled"\nencryption = "off"\n';
      writeFileSync(config, `${signing}[share.share]\npath = ${JSON.stringify(folder)}\n"continuous-availability" = true\n`);
      const words = ['--config', config, '--user', 'tester:secret', '--host', network.host, '--state-dir', join(own, 'state')];
      try {
        await using first = await serveRing3(words, network.prefix);
        // without closetimeo=0 the client forgets files that it keeps open after their close (deferred close)
        const available = options('vers=3.1.1,closetimeo=0,persistenthandles').replace(`port=${server.port},`, `port=${first.port},`);
        await run(['handles', available]);
        const worked = run(['reconnect', available]);
        let failed = false;
        worked.catch(() => {
          failed = true;
        });
        while (!existsSync(join(folder, 'kill-me')) && !failed) await delay(50);
        process.kill(first.pid, 'SIGKILL');
        await delay(1000);
        await using next = await serveRing3([...words, '--port', String(first.port)], network.prefix);
        writeFileSync(join(folder, 'started'), '');
        await worked;
        assert.match(next.log(), /persistent opens wait for their clients/);
        assert.deepEqual(readdirSync(folder), []);
      } finally {
        rmSync(own, { recursive: true, force: true });
      }
    });
  });
});
