import { readFileSync } from 'node:fs';
import { networkInterfaces, userInfo } from 'node:os';

/** Facts about the machine that a ksmbd.conf depends on. */
export interface Host {
  /** The wildcard address. */
  readonly everywhere: string;
  /** The addresses of an interface, IPv4 first; empty if the interface does not exist. */
  addressesOf(name: string): readonly string[];
  /** The user that ring3 runs as. */
  readonly user: string;
  /** The users of a group; undefined if the group does not exist. */
  membersOf(group: string): readonly string[] | undefined;
}

/** This machine. */
export const thisHost: Host = {
  get everywhere() {
    return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ family }) => family === 'IPv6')) ? '::' : '0.0.0.0';
  },
  addressesOf: (name) =>
    (networkInterfaces()[name] ?? [])
      .filter(({ address, scopeid = 0 }) => scopeid === 0 || !address.startsWith('fe80:'))
      .sort((a, b) => a.family.localeCompare(b.family))
      .map(({ address }) => address),
  get user() {
    return userName();
  },
  membersOf: (group) => membersIn(group, fields('/etc/group'), fields('/etc/passwd')),
};

/** The name of the user of this process, or its number if it has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `${process.getuid?.()}`;
  }
}

/** The lines of a file in the format of group(5) and passwd(5); empty if it cannot be read. */
function fields(path: string): string[][] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
}

/** The users of a group: the members in its line, and the users with it as primary group. */
export function membersIn(name: string, groups: readonly string[][], users: readonly string[][]): string[] | undefined {
  const group = groups.find(([known]) => known === name);
  if (group === undefined) return undefined;
  const named = (group[3] ?? '').split(',').filter((member) => member !== '');
  const first = users.filter(([, , , gid]) => gid !== undefined && gid === group[2]).map(([user = '']) => user);
  return [...new Set([...named, ...first])];
}
