import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Clock } from '@ring3/kit';
import type { NetworkInterface } from '../values/network-interfaces.ts';

/** The speed of an interface that does not report one, as virtual ones do not: 1 Gbit/s. */
const defaultSpeed = 1_000_000_000;
/** How long a list is returned again, ms: a client cannot make the server read the files of its interfaces at will. */
const keptMs = 1000;

/** A number of an interface in /sys/class/net. @returns undefined if there is none */
function sysfsNumber(name: string, file: string): number | undefined {
  try {
    const value = Number(readFileSync(`/sys/class/net/${name.replace(/:.*/, '')}/${file}`, 'utf8'));
    return Number.isSafeInteger(value) && value > 0 ? value : undefined;
  } catch {
    return undefined;
  }
}

const wildcards: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** The addresses of a machine at which a socket accepts connections. @param host the address that it listens on */
export function interfacesAt(host: string, machine: ReturnType<typeof networkInterfaces> = networkInterfaces()): NetworkInterface[] {
  const found: NetworkInterface[] = [];
  for (const [position, [name, addresses = []]] of Object.entries(machine).entries()) {
    const reached = addresses.filter(({ address, family, internal, scopeid = 0 }) => {
      if (!wildcards.has(host)) return address === host;
      // Clients cannot use loopback and link-local addresses of another machine.
      return !internal && scopeid === 0 && (host === '::' || family === 'IPv4');
    });
    if (reached.length === 0) continue;
    const index = sysfsNumber(name, 'ifindex') ?? position + 1;
    const megabits = sysfsNumber(name, 'speed');
    const speed = megabits === undefined ? defaultSpeed : megabits * 1_000_000;
    for (const { address, family } of reached) if (isIP(address) !== 0) found.push({ index, address, family, speed });
  }
  return found;
}

/** Lists the interfaces at which a socket accepts connections, as they are at the time of a call. */
export function interfaceLister(host: string, clock: Clock): () => readonly NetworkInterface[] {
  let list: readonly NetworkInterface[] = [];
  let until = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock.now();
    if (now >= until) {
      list = interfacesAt(host);
      until = now + keptMs;
    }
    return list;
  };
}
