import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withoutNamespaces } from '../namespace.ts';
import { need } from '../programs.ts';
import { type Ring3, startRing3 } from '../ring3.ts';
import type { Ran } from '../smbclient.ts';
import { type GuestNetwork, guestNetwork } from '../uml/network.ts';
import { inUserModeLinux } from '../uml/user-mode-linux.ts';

/** Options that the caller chooses. */
export const lenient = ['--signing', 'enabled', '--encryption', 'off'];

/** A directory shared by ring3 in a separate network namespace, and a Linux that will boot next to it. */
export interface Scene {
  readonly folder: string;
  readonly network: GuestNetwork;
  readonly server: Ring3;
  /** The mount options for this server, and further ones. */
  options(...more: readonly string[]): string;
  /** Runs these scripts of cifs/ with their arguments on one Linux, until one fails. */
  boot(scripts: readonly Script[], off?: AbortSignal): Promise<Ran>;
  /** The same. @returns their output @throws if one fails */
  run(...scripts: readonly Script[]): Promise<string>;
}

type Script = readonly [name: string, ...words: string[]];

/**
 * Creates the scene, calls `play`, and removes the scene.
 * @param serve options of `ring3 serve`
 */
export async function scene(serve: readonly string[], play: (scene: Scene) => Promise<unknown>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-cifs-'));
  try {
    using network = guestNetwork();
    await using server = await startRing3(folder, ['--host', network.host, ...serve], network.prefix);
    const { user, password } = server;
    const boot: Scene['boot'] = (scripts, off) => {
      const quoted = (word: string): string => `'${word}'`;
      const lines = scripts.map(([name, ...words]) =>
        ['bash', join(import.meta.dirname, `${name}.sh`), `//${network.host}/share`, ...words].map(quoted).join(' '),
      );
      return inUserModeLinux(['set -e', `export USER=${user} PASSWORD=${password}`, ...lines].join('\n'), network, off);
    };
    const run: Scene['run'] = async (...scripts) => {
      const { status, output } = await boot(scripts);
      assert.equal(status, 0, `${output}\nring3 said:\n${server.log()}`);
      return output;
    };
    const options: Scene['options'] = (...more) =>
      [`port=${server.port},user=${user},pass=${password},sec=ntlmssp,iocharset=utf8`, ...more].join(',');
    await play({ folder, network, server, options, boot, run });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const asked = need('user-mode-linux', 'mount.cifs', 'modprobe', 'ip', 'ss', 'git', 'python3');
/** The reason why a share cannot be mounted on this machine, or undefined. */
export const withoutMounts: string | undefined =
  asked.skip ?? (withoutNamespaces === undefined ? undefined : `network namespaces are needed: ${withoutNamespaces}`);
