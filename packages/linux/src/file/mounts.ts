import { readFileSync, readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** One mounted file system: a line of /proc/self/mountinfo, proc(5). */
export interface Mount {
  readonly point: string;
  readonly type: string;
  readonly source: string;
  /** Per-superblock options, such as `lowerdir=…` of an overlay. */
  readonly options: string;
}

/** File systems on memory, or on a block device of this machine, and those of the kernel itself. Any other may wait for a network or for another program. */
const local: ReadonlySet<string> = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'bcachefs', 'f2fs', 'zfs', 'jfs', 'nilfs2', 'reiserfs', 'erofs', 'squashfs', 'ubifs'],
  ...['vfat', 'msdos', 'exfat', 'ntfs3', 'hfs', 'hfsplus', 'iso9660', 'udf', 'minix', 'ufs'],
  ...['tmpfs', 'ramfs', 'hugetlbfs', 'devtmpfs', 'devpts', 'rootfs', 'overlay', 'proc', 'sysfs', 'cgroup', 'cgroup2', 'securityfs'],
  ...['debugfs', 'tracefs', 'configfs', 'pstore', 'bpf', 'mqueue', 'fusectl', 'binfmt_misc', 'efivarfs', 'nsfs', 'selinuxfs', 'rpc_pipefs'],
]);

/** Overlays of overlays, loop devices on loop devices: more layers than this count as slow. */
const maxLayers = 8;
/** Symbolic links of one path, as the kernel allows (path_resolution(7)). */
const maxLinks = 40;

/** Where a path leads, as far as that can be found without calling a file system that may not respond. */
export interface Location {
  /** Absolute path. Symbolic links are resolved up to the first mount that is not local. */
  readonly real: string;
  /** Whether the file system there responds without waiting for a network or for another program. */
  readonly responds: boolean;
  /** Whether every mount below it does as well. */
  readonly isLocal: boolean;
}

/**
 * Finds where a path leads. Only local file systems are called: a mount, what it lies on (layers of an overlay, the file behind a loop device) and its type are known
 * from the mount table.
 * @param path absolute
 */
export function locate(path: string, mounts: readonly Mount[] = readMounts()): Location {
  let at = '/';
  let links = 0;
  for (const rest = path.split('/'); rest.length > 0; ) {
    const name = rest.shift() as string;
    const next = name === '..' ? dirname(at) : join(at, name);
    const mount = mountOf(next, mounts);
    if (mount === undefined || !isLocalMount(mount, mounts)) return { real: join(next, ...rest), responds: false, isLocal: false };
    const target = next === at ? undefined : linkAt(next);
    if (target === undefined || ++links > maxLinks) at = next;
    else {
      if (target.startsWith('/')) at = '/';
      rest.unshift(...target.split('/'));
    }
  }
  const below = mounts.filter(({ point }) => point !== at && isInside(point, at));
  return { real: at, responds: true, isLocal: below.every((mount) => isLocalMount(mount, mounts)) };
}

/** Where a symbolic link leads; undefined for any other entry, and if it cannot be read. */
function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function isLocalMount({ type, source, options }: Mount, mounts: readonly Mount[], layers = 0): boolean {
  if (!local.has(type)) return false;
  const under = type === 'overlay' ? layersOf(options) : source.startsWith('/dev/loop') ? [backingFile(source)] : [];
  return under.every((path) => {
    const mount = path === undefined ? undefined : mountOf(path, mounts);
    return mount === undefined || (layers < maxLayers && isLocalMount(mount, mounts, layers + 1));
  });
}

/** The mount that a path is on: the one with the longest mount point, of several on the same the last. */
function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) if (isInside(path, mount.point) && mount.point.length >= (found?.point.length ?? 0)) found = mount;
  return found;
}

const isInside = (path: string, folder: string): boolean => path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);

/** The directories that an overlay shows, as far as this mount namespace can see them. */
const layersOf = (options: string): string[] =>
  options
    .split(',')
    .flatMap((option) => /^(?:lowerdir\+?|upperdir|datadir\+?)=(.*)$/.exec(option)?.[1]?.split(':') ?? [])
    .filter((path) => path.startsWith('/'));

/** The file behind a loop device. /sys/block/loopN/loop/backing_file */
function backingFile(device: string): string | undefined {
  try {
    return readFileSync(`/sys/block/${basename(device)}/loop/backing_file`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** The mounts of this process. No mount table: none, and then no directory is local. */
function readMounts(): Mount[] {
  try {
    return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    return [];
  }
}

/** Reads a mount table, proc(5) /proc/pid/mountinfo: id, parent, device, root, mount point, options, optional fields, `-`, type, source, super options. */
export const parseMounts = (text: string): Mount[] =>
  text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields.length > 9)
    .map((fields) => {
      const after = fields.indexOf('-', 6);
      const [type = '', source = '', options = ''] = fields.slice(after + 1);
      return { point: plain(fields[4] as string), type, source: plain(source), options: plain(options) };
    });

/** Undoes the octal escapes of spaces, tabs, newlines and backslashes. */
const plain = (field: string): string =>
  field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
