import { spawnSync } from 'node:child_process';

/**
 * The words in front of a command that make it run in a network namespace of its own, so that it never reaches the tables of the machine's own kernel:
 * as root with CLONE_NEWNET, as another user with a user namespace around it. unshare(1), user_namespaces(7)
 * @returns the words, or why this machine lets nobody make one
 */
export function ownNetwork(): readonly [string, ...string[]] | { readonly skip: string } {
  const words: readonly [string, ...string[]] =
    process.getuid?.() === 0 ? ['unshare', '--net'] : ['unshare', '--user', '--map-root-user', '--net'];
  const { error, status, stderr } = spawnSync(words[0], [...words.slice(1), 'true'], { encoding: 'utf8' });
  if (error !== undefined) return { skip: `no network namespace: ${error.message}` };
  return status === 0 ? words : { skip: `no network namespace: ${stderr.trim()}` };
}
