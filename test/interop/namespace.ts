import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

/** A network namespace of the kernel that is removed at the end. */
export interface KernelNamespace extends Disposable {
  readonly name: string;
  /** The prefix of a command that runs in it. */
  readonly prefix: readonly string[];
}

/** The reason why kernel namespaces cannot be created on this machine, or undefined. */
export const withoutNamespaces: string | undefined =
  process.getuid?.() !== 0
    ? 'not root: the kernel’s own answers are not compared'
    : spawnSync('ip', ['-V']).status === 0
      ? undefined
      : 'not installed: ip (Debian package iproute2)';

/** Creates a network namespace with a unique name. */
export function kernelNamespace(): KernelNamespace {
  const name = `ring3-${randomBytes(4).toString('hex')}`;
  const { status, stderr } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip netns add: ${stderr}`);
  return { name, prefix: ['ip', 'netns', 'exec', name], [Symbol.dispose]: () => void spawnSync('ip', ['netns', 'delete', name]) };
}
