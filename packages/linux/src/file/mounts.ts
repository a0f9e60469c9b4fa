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

/**
 * File systems in memory, on a block device of this machine, and of the kernel itself. Any other may wait for a network or for another
 * program.
 */
const local: ReadonlySet<string> = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'bcachefs', 'f2fs', 'zfs', 'jfs', 'nilfs2', 'reiserfs', 'erofs', 'squashfs', 'ubifs'],
  ...['vfat', 'msdos', 'exfat', 'ntfs3', 'hfs', 'hfsplus', 'iso9660', 'udf', 'minix', 'ufs'],
  ...['tmpfs', 'ramfs', 'hugetlbfs', 'devtmpfs', 'devpts', 'rootfs', 'overlay', 'proc', 'sysfs', 'cgroup', 'cgroup2', 'securityfs'],
  ...['debugfs', 'tracefs', 'configfs', 'pstore', 'bpf', 'mqueue', 'fusectl', 'binfmt_misc', 'efivarfs', 'nsfs', 'selinuxfs', 'rpc_pipefs'],
]);

/** Maximum depth of overlays and loop devices on each other. Deeper ones count as slow. */
const maxLayers = 8;
/** Maximum number of symbolic links of one path, as in the kernel (path_resolution(7)). */
const maxLinks = 40;

/** The target of a path, as far as it can be found without calling a file system that may not respond. */
export interface Location {
  /** Absolute path. Symbolic links are resolved up to the first mount that is not local. */
  readonly real: string;
  /** Whether the file system of `real` responds without waiting for a network or for another program. */
  readonly responds: boolean;
  /** Whether this also holds for every mount below it. */
  readonly isLocal: boolean;
}

/**
 * Resolves a path. Only local file systems are called: the mount table lists a mount, its type and the files below it (layers of an
 * overlay, the file of a loop device).
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

/** The target of a symbolic link; undefined for other entries and if it cannot be read. */
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

/** The mount of a path: the one with the longest mount point; of several with the same mount point, the last. */
function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) if (isInside(path, mount.point) && mount.point.length >= (found?.point.length ?? 0)) found = mount;
  return found;
}

const isInside = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);

/** The layers of an overlay, as far as this mount namespace can see them. */
const layersOf = (options: string): string[] =>
  options
    .split(',')
    .flatMap((option) => /^(?:lowerdir\+?|upperdir|datadir\+?)=(.*)$/.exec(option)?.[1]?.split(':') ?? [])
    .filter((path) => path.startsWith('/'));

/** The file of a loop device. /sys/block/loopN/loop/backing_file */
function backingFile(device: string): string | undefined {
  try {
    return readFileSync(`/sys/block/${basename(device)}/loop/backing_file`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

let present: readonly Mount[] | undefined;

/**
 * The mounts of this process, read once in a turn of the event loop: a configuration of many shares resolves many paths in one turn.
 * Without a mount table the list is empty, and no directory is local.
 */
function readMounts(): readonly Mount[] {
  if (present !== undefined) return present;
  try {
    present = parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    present = [];
  }
  setImmediate(() => {
    present = undefined;
  });
  return present;
}

/**
 * Reads a mount table: id, parent, device, root, mount point, options, optional fields, `-`, type, source, super options. proc(5),
 * /proc/pid/mountinfo.
 */
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

/** Decodes the octal escapes of spaces, tabs, newlines and backslashes. */
const plain = (field: string): string =>
  field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
