import { spawnSync } from 'node:child_process';

/**
 * The prefix that runs a command in a new network namespace, so that it cannot change the machine's tables: as root with CLONE_NEWNET, as
 * another user with a user namespace around it. unshare(1), user_namespaces(7)
 * @returns the prefix, or the reason why no namespace can be created on this machine
 */
export function ownNetwork(): readonly [string, ...string[]] | { readonly skip: string } {
  const words: readonly [string, ...string[]] =
    process.getuid?.() === 0 ? ['unshare', '--net'] : ['unshare', '--user', '--map-root-user', '--net'];
  const { error, status, stderr } = spawnSync(words[0], [...words.slice(1), 'true'], { encoding: 'utf8' });
  if (error !== undefined) return { skip: `no network namespace: ${error.message}` };
  return status === 0 ? words : { skip: `no network namespace: ${stderr.trim()}` };
}
