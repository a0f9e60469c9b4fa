import { readFileSync } from 'node:fs';
import { networkInterfaces, userInfo } from 'node:os';

/** What a ksmbd.conf asks about the machine that it is read on. */
export interface Host {
  /** The address that stands for every address. */
  readonly everywhere: string;
  /** The addresses of an interface, those of IPv4 first; none where there is no such interface. */
  addressesOf(name: string): readonly string[];
  /** Who ring3 runs as. */
  readonly user: string;
  /** The users of a group; undefined where there is none of that name. */
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

/** The name of this process's user, or its number where it has none. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `${process.getuid?.()}`;
  }
}

/** The lines of a file as group(5) and passwd(5) tell of it; none where it cannot be read. */
function fields(path: string): string[][] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
}

/** The users of a group: those that its line names, and those whose first group it is. */
export function membersIn(name: string, groups: readonly string[][], users: readonly string[][]): string[] | undefined {
  const group = groups.find(([known]) => known === name);
  if (group === undefined) return undefined;
  const named = (group[3] ?? '').split(',').filter((member) => member !== '');
  const first = users.filter(([, , , gid]) => gid !== undefined && gid === group[2]).map(([user = '']) => user);
  return [...new Set([...named, ...first])];
}
