import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type KernelNamespace, kernelNamespace } from '../namespace.ts';

/** A network namespace with one link to a machine that is yet to come. */
export interface GuestNetwork extends KernelNamespace {
  /** The address of this end, where servers listen. */
  readonly host: string;
  /** The other end's, with the length of the prefix. */
  readonly guest: string;
  /** The other end as user-mode Linux names it on its command line. */
  readonly device: string;
}

/**
 * Makes the network; its two addresses are the same each time, as nobody outside the namespace sees them. The link is a tap device, or a pair of virtual
 * Ethernet devices where the machine has no /dev/net/tun (works too, but slower).
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
