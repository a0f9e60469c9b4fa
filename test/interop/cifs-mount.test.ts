import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { withoutNamespaces } from './namespace.ts';
import { need } from './programs.ts';
import { type Ring3, startRing3 } from './ring3.ts';
import { type GuestNetwork, guestNetwork } from './uml/network.ts';
import { inUserModeLinux } from './uml/user-mode-linux.ts';

/** As mount.cifs names them, with what /proc/mounts says and the protections that there are. */
const dialects = {
  '2.0': { shown: '2.0', protections: ['plain', 'sign'] },
  '2.1': { shown: '2.1', protections: ['plain', 'sign'] },
  '3.0': { shown: '3.0', protections: ['plain', 'sign', 'seal'] },
  '3.0.2': { shown: '3.02', protections: ['plain', 'sign', 'seal'] },
  '3.1.1': { shown: '3.1.1', protections: ['plain', 'sign', 'seal'] },
} as const;
/** What is left to the client. */
const lenient = ['--signing', 'enabled', '--encryption', 'off'];

/** A folder, shared by ring3 in a network namespace of its own, and a Linux that is about to boot beside it. */
interface Scene {
  readonly folder: string;
  readonly network: GuestNetwork;
  readonly server: Ring3;
  /** The options for this server, with more of them. */
  options(...more: readonly string[]): string;
  /** Runs these scripts of cifs/, each with its words, on one Linux. @returns what they printed @throws when one fails */
  run(...scripts: readonly (readonly [name: string, ...words: string[]])[]): Promise<string>;
}

async function scene(serve: readonly string[], play: (scene: Scene) => Promise<unknown>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-cifs-'));
  try {
    using network = guestNetwork();
    await using server = await startRing3(folder, ['--host', network.host, ...serve], network.prefix);
    const { user, password } = server;
    const run: Scene['run'] = async (...scripts) => {
      const quoted = (word: string): string => `'${word}'`;
      const lines = scripts.map(([name, ...words]) =>
        ['bash', join(import.meta.dirname, 'cifs', `${name}.sh`), `//${network.host}/share`, ...words].map(quoted).join(' '),
      );
      const { status, output } = await inUserModeLinux(
        ['set -e', `export USER=${user} PASSWORD=${password}`, ...lines].join('\n'),
        network,
      );
      assert.equal(status, 0, `${output}\nring3 said:\n${server.log()}`);
      return output;
    };
    const options: Scene['options'] = (...more) =>
      [`port=${server.port},user=${user},pass=${password},sec=ntlmssp,iocharset=utf8`, ...more].join(',');
    await play({ folder, network, server, options, run });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const asked = need('user-mode-linux', 'mount.cifs', 'modprobe', 'ip', 'ss', 'git', 'python3');
const skip = asked.skip ?? (withoutNamespaces === undefined ? undefined : `network namespaces are needed: ${withoutNamespaces}`);

describe('the cifs client of a Linux kernel', { ...(skip !== undefined && { skip }), concurrency: availableParallelism() }, () => {
  for (const [dialect, { shown, protections }] of Object.entries(dialects)) {
    test(`works all day on a share at dialect ${dialect}`, async () => {
      await scene(lenient, async ({ folder, options, run }) => {
        const strongest = protections.at(-1) as string;
        await run(['everyday', options(`vers=${dialect}`, strongest), 'day']);
        assert.deepEqual(readdirSync(join(folder, 'day')).sort(), ['data', 'sum']);
        assert.equal(readFileSync(join(folder, 'day/sum'), 'utf8'), `${digest(join(folder, 'day/data'))}  data\n`);
      });
    });

    test(`carries 64 MiB at dialect ${dialect}: ${protections.join(', ')}`, async () => {
      await scene(lenient, async ({ folder, options, run }) => {
        const how = (protection: string): string => options(`vers=${dialect}`, ...(protection === 'plain' ? [] : [protection]));
        const output = await run(...protections.map((protection) => ['big', how(protection), protection] as const));
        const mounts = output.match(/^rw,.*/gm) ?? [];
        const sums = output.match(/^[0-9a-f]{64}$/gm) ?? [];
        for (const [at, protection] of protections.entries()) {
          const words = (mounts[at] as string).split(/[, ]/);
          assert.ok(words.includes(`vers=${shown}`), mounts[at]);
          assert.equal(words.includes('sec=ntlmsspi'), protection === 'sign', mounts[at]);
          assert.equal(words.includes('seal'), protection === 'seal', mounts[at]);
          assert.equal(digest(join(folder, protection)), sums[at]);
        }
      });
    });
  }

  test('works with a server that demands signing and encrypts whoever can', async () => {
    await scene(['--signing', 'required', '--encryption', 'required'], async ({ options, run }) => {
      await run(['many', options('vers=3.1.1')]);
    });
  });

  test('two clients respect each other’s locks and see what the other wrote', async () => {
    // At 3.x this client (6.1) takes no notice when an oplock, not a lease, is broken; it does the same to Samba without leases. `nolease` asks for neither.
    await scene(lenient, async ({ options, run }) => {
      await run(...['vers=2.0', 'vers=2.1', 'vers=3.0,nolease', 'vers=3.1.1,nolease'].map((how) => ['locks', options(how)] as const));
    });
  });

  test('symbolic links, hard links and special files', async () => {
    await scene(lenient, async ({ folder, options, run }) => {
      writeFileSync(join(folder, 'target'), 'behind the link');
      symlinkSync('target', join(folder, 'host-link'));
      await run(['links', options('vers=3.1.1')]);
      assert.deepEqual(readdirSync(folder).sort(), ['host-link', 'target']);
    });
  });

  test('extended attributes, birth time, descriptors, holes and copies by the server', async () => {
    await scene(lenient, async ({ folder, options, run }) => {
      await run(['attributes', options('vers=3.0')], ['attributes', options('vers=3.1.1')]);
      assert.deepEqual(readdirSync(folder), []);
    });
  });

  test('a mount that cannot be is refused with the error that says why', async () => {
    await scene(lenient, ({ options, run }) => run(['errors', options('vers=3.1.1')]));
  });

  test('a server that wants encryption refuses a client that cannot', async () => {
    await scene(['--encryption', 'required'], async ({ options, run }) => {
      await assert.rejects(run(['big', options('vers=2.1'), 'big']), /mount error\(13\)/);
      await run(['big', options('vers=3.0.2'), 'big']);
    });
  });

  test('guests come in where the server says so', async () => {
    await scene(['--guest'], ({ options, run }) => run(['guest', options('vers=3.1.1')]));
    await scene(['--guest', ...lenient], ({ options, run }) => run(['guest', options('vers=2.1')]));
  });

  test('a read-only share lets nothing be changed', async () => {
    await scene(['--read-only', ...lenient], async ({ folder, options, run }) => {
      writeFileSync(join(folder, 'file'), 'text');
      await run(['read-only', options('vers=2.1')], ['read-only', options('vers=3.1.1')]);
      assert.equal(statSync(join(folder, 'file')).size, 4);
    });
  });

  test('a mount outlives the server’s violent end', async () => {
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
});
