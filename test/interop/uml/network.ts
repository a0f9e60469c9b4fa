import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type KernelNamespace, kernelNamespace } from '../namespace.ts';

/** A network namespace with one link to a machine that will be started. */
export interface GuestNetwork extends KernelNamespace {
  /** The address of this end, on which servers listen. */
  readonly host: string;
  /** The address of the other end, with the prefix length. */
  readonly guest: string;
  /** The other end in the syntax of user-mode Linux's command line. */
  readonly device: string;
}

/**
 * Creates the network. Its two addresses are always the same, because they are visible only in the namespace. The link is a tap device, or
 * a pair of virtual Ethernet devices if the machine has no /dev/net/tun (slower).
 */
export function guestNetwork(): GuestNetwork {
  const namespace = kernelNamespace();
  const ip = (...words: readonly string[]): void => {
    const { status, stderr } = spawnSync('ip', ['-n', namespace.name, ...words], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr}`);
  };
  try {
    const tap = existsSync('/dev/net/tun');
    if (tap) ip('tuntap', 'add', 'dev', 'near', 'mode', 'tap');
    else ip('link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far');
    ip('addr', 'add', '10.77.0.1/24', 'dev', 'near');
    for (const device of tap ? ['lo', 'near'] : ['lo', 'near', 'far']) ip('link', 'set', device, 'up');
    const device = tap ? 'transport=tap,ifname=near' : 'transport=raw,ifname=far';
    return { ...namespace, host: '10.77.0.1', guest: '10.77.0.2/24', device: `vec0:${device},depth=128,gro=1` };
  } catch (error) {
    namespace[Symbol.dispose]();
    throw error;
  }
}
