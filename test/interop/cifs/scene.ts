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

/** What is left to the client. */
export const lenient = ['--signing', 'enabled', '--encryption', 'off'];

/** A folder, shared by ring3 in a network namespace of its own, and a Linux that is about to boot beside it. */
export interface Scene {
  readonly folder: string;
  readonly network: GuestNetwork;
  readonly server: Ring3;
  /** The options for this server, with more of them. */
  options(...more: readonly string[]): string;
  /** Runs these scripts of cifs/, each with its words, on one Linux, until one fails. */
  boot(scripts: readonly Script[], off?: AbortSignal): Promise<Ran>;
  /** The same. @returns what they printed @throws when one fails */
  run(...scripts: readonly Script[]): Promise<string>;
}

type Script = readonly [name: string, ...words: string[]];

/**
 * Sets the scene, plays, and clears it away.
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
/** Why a share cannot be mounted here; undefined where it can. */
export const withoutMounts: string | undefined =
  asked.skip ?? (withoutNamespaces === undefined ? undefined : `network namespaces are needed: ${withoutNamespaces}`);
