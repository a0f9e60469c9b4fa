import { type Name, nameArgument, nativeInterface } from './library.ts';

/** An account of this machine. passwd(5). */
export interface HostUser {
  readonly name: string;
  readonly userId: number;
  /** The primary group; there may be others (`process.initgroups`). */
  readonly groupId: number;
  /** Its home directory, which may not exist. */
  readonly home: string;
}

interface Passwd {
  readonly pw_name: string;
  readonly pw_uid: number;
  readonly pw_gid: number;
  readonly pw_dir: string | null;
}

let lookUps: { byName(name: string): Passwd | null; byId(id: number): Passwd | null } | undefined;

/** getpwnam(3) and getpwuid(3): the accounts of every source that the machine is configured for (nsswitch.conf(5)), not only /etc/passwd. */
function accounts(): NonNullable<typeof lookUps> {
  if (lookUps !== undefined) return lookUps;
  const koffi = nativeInterface();
  const libc = koffi.load(null);
  const passwd = koffi.struct({
    pw_name: 'const char *',
    pw_passwd: 'void *',
    pw_uid: 'uint32',
    pw_gid: 'uint32',
    pw_gecos: 'void *',
    pw_dir: 'const char *',
    pw_shell: 'void *',
  });
  const pointer = koffi.pointer(passwd);
  const named = libc.func('getpwnam', pointer, ['const char *']);
  const numbered = libc.func('getpwuid', pointer, ['uint32']);
  const decode = (found: unknown): Passwd | null => (found === null ? null : (koffi.decode(found, passwd) as Passwd));
  lookUps = { byName: (name) => decode(named(name)), byId: (id) => decode(numbered(id)) };
  return lookUps;
}

/**
 * Finds an account.
 * @param who its name, or its user id in digits if no account has that name
 * @returns undefined if it does not exist
 */
export function findUser(who: string): HostUser | undefined {
  const name: Name | number = nameArgument(who);
  if (typeof name !== 'string' || name === '') return undefined;
  const id = /^\d{1,10}$/.test(name) ? Number(name) : Number.NaN;
  const found = accounts().byName(name) ?? (id < 0xffffffff ? accounts().byId(id) : null);
  if (found === null) return undefined;
  return { name: found.pw_name, userId: found.pw_uid, groupId: found.pw_gid, home: found.pw_dir ?? '/' };
}
