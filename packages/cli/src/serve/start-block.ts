import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Credentials, DaemonStatus } from '@ring3/daemon';
import { printable } from '@ring3/kit';

/** The contents of the block. */
export interface Started {
  readonly status: DaemonStatus;
  /** Whether guests are accepted. */
  readonly guest: boolean;
  /** The user that was created because there was none. */
  readonly madeUser?: Credentials | undefined;
  /** Names of the users of the command line. */
  readonly users: readonly string[];
}

/** The interfaces of a machine, as `os.networkInterfaces` returns them. */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** The addresses that other machines use for a server that listens on a host: of every interface if it listens on all. */
export function addressesOf(host: string, interfaces: Interfaces): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [host];
  const others = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, scopeid = 0 }) => !internal && scopeid === 0)
    .filter(({ family }) => host === '::' || family === 'IPv4')
    .sort((a, b) => a.family.localeCompare(b.family));
  return others.length === 0 ? ['127.0.0.1'] : others.map(({ address }) => address);
}

/** The port and host of `HOST:PORT`. */
function split(smb: string): { host: string; port: number } {
  const colon = smb.lastIndexOf(':');
  return { host: smb.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(smb.slice(colon + 1)) };
}

/** A word quoted for the shell of Linux. */
const quoted = (word: string): string => (/^[\w.,:/@%+=\\-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
/** An IPv6 address in a UNC path: MS-DTYP 2.2.57, ipv6-literal.net. */
const uncHost = (address: string): string => (address.includes(':') ? `${address.replaceAll(':', '-')}.ipv6-literal.net` : address);
const urlHost = (address: string): string => (address.includes(':') ? `[${address}]` : address);

/** The address of a share for each kind of client, as the user types it. */
function ways(address: string, port: number, share: string, user: string): string[] {
  const url = `smb://${urlHost(address)}${port === 445 ? '' : `:${port}`}/${encodeURIComponent(share)}`;
  const options = [...(port === 445 ? [] : [`port=${port}`]), `user=${user}`].join(',');
  const windows = `\\\\${uncHost(address)}\\${share}`;
  return [
    `Windows  ${port === 445 ? windows : `net use * "${windows}" /tcpport:${port}   (Windows 11 24H2 or later; older ones can only use port 445: --port 445)`}`,
    `macOS    ${url}   (Finder: Go, Connect to Server)`,
    `Linux    ${url}   or  mount -t cifs ${quoted(`//${address}/${share}`)} /mnt -o ${options}`,
  ];
}

/** Maximum number of shares with addresses; the others are only counted. */
const maxShares = 3;

/**
 * The block on the terminal after the start: the address of each share for each kind of client, and the users.
 * @returns lines, printable
 */
export function startBlock({ status, guest, madeUser, users }: Started, interfaces: Interfaces = networkInterfaces()): string[] {
  const { smb, shares } = status;
  if (smb === undefined || shares.length === 0) return [];
  const { host, port } = split(smb);
  const [address = host, ...more] = addressesOf(host, interfaces);
  const user = madeUser?.name ?? users[0] ?? (guest ? 'guest' : 'NAME');
  const lines = shares.slice(0, maxShares).flatMap((share) => ['', share, ...ways(address, port, share, user).map((way) => `  ${way}`)]);
  if (shares.length > maxShares) lines.push('', `and ${shares.length - maxShares} more: ring3 share list`);
  if (more.length > 0) lines.push('', `other addresses: ${more.join(', ')}   name: ${hostname()}`);
  if (isLoopback(host)) lines.push('', 'only this machine can connect: --host 0.0.0.0 opens it to the network');
  const who = madeUser === undefined ? users.join(', ') : `${madeUser.name}, password ${madeUser.password}`;
  lines.push('', who === '' ? (guest ? 'guests need no password' : 'users: ring3 user list') : `user: ${who}`);
  lines.push('stop: Ctrl-C   status: ring3 ctl status', '');
  return lines.map(printable);
}

/** Whether only this machine can connect to an address. */
export const isLoopback = (host: string): boolean => /^(127\.|::1$|localhost$)/.test(host);
