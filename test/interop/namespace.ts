import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

/** A network namespace of the kernel's that is removed in the end. */
export interface KernelNamespace extends Disposable {
  readonly name: string;
  /** The words in front of a command that runs in it. */
  readonly prefix: readonly string[];
}

/** Why kernel namespaces cannot be made here; undefined where they can. */
export const withoutNamespaces: string | undefined =
  process.getuid?.() !== 0
    ? 'not root: the kernel’s own answers are not compared'
    : spawnSync('ip', ['-V']).status === 0
      ? undefined
      : 'not installed: ip (Debian package iproute2)';

/** Makes a network namespace under a name of its own. */
export function kernelNamespace(): KernelNamespace {
  const name = `ring3-${randomBytes(4).toString('hex')}`;
  const { status, stderr } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip netns add: ${stderr}`);
  return { name, prefix: ['ip', 'netns', 'exec', name], [Symbol.dispose]: () => void spawnSync('ip', ['netns', 'delete', name]) };
}
