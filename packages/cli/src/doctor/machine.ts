import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { type Finding, limited, missing, ok } from './finding.ts';

/** The text of a file of /proc; undefined if it does not exist. */
const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** Checks Node.js, and the system calls that it lacks. */
export async function platform(): Promise<Finding[]> {
  const node = process.versions.node;
  const found: Finding[] = [ok('node', `Node.js ${node} on ${process.platform} ${process.arch}`)];
  const { aesGcm, features } = await import('@ring3/linux');
  const { refusal, openat2 } = features();
  if (refusal !== undefined) return [...found, missing('system calls', refusal, 'run ring3 on Linux on x86-64 or arm64')];
  found.push(ok('system calls', 'called through koffi'));
  if (openat2) found.push(ok('openat2', 'the kernel opens paths beneath the shared directory'));
  else
    found.push(
      limited('openat2', 'not permitted here: paths are opened component by component', 'use a newer container profile (seccomp)'),
    );
  if (aesGcm() !== undefined) found.push(ok('ciphers', 'AES-GCM by the OpenSSL of this Node, without copies'));
  else
    found.push(
      limited('ciphers', 'AES-GCM by node:crypto, which takes several times as long', 'use a Node.js that is built with OpenSSL 3'),
    );
  return found;
}

/** Checks the directories of state and sockets, which must be private to the daemon's user. Creates nothing. */
export async function folders(stateDir: string, runtimeDir: string): Promise<Finding[]> {
  const { privateFolder } = await import('@ring3/daemon/private-folder');
  const look = (what: string, path: string, advice: string): Finding => {
    try {
      const there = existsSync(path);
      if (there) privateFolder(path);
      accessSync(there ? path : nearest(path), constants.W_OK | constants.X_OK);
      return ok(what, there ? path : `${path}, created on first use`);
    } catch (error) {
      return missing(what, (error as Error).message, advice);
    }
  };
  return [
    look('state directory', stateDir, 'name another with --state-dir'),
    look('socket directory', runtimeDir, 'set XDG_RUNTIME_DIR, or use --control and --netlink'),
  ];
}

/** The nearest existing directory above a path. */
const nearest = (path: string): string => (existsSync(path) ? path : nearest(dirname(path)));

/** Checks whether a server can listen on a port below 1024: Windows before 11 24H2 can only use port 445. */
export async function lowPort(port = 445): Promise<Finding> {
  const what = `port ${port}`;
  const { lowPortAdvice, usedPortAdvice } = await import('@ring3/daemon/listen-fault');
  const code = await new Promise<string | undefined>((resolve) => {
    const server = createServer().once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(undefined)));
  });
  if (code === undefined) return ok(what, 'available');
  if (code === 'EADDRINUSE') return limited(what, 'in use by another program', usedPortAdvice(port));
  if (code === 'EACCES')
    return limited(what, 'not permitted for this user', `${lowPortAdvice(port)}; Windows before 11 24H2 can only use port 445`);
  return limited(what, code, 'use another port');
}

/** Checks the limit of file descriptors: each client and each open file needs one. */
export function descriptors(text = read('/proc/self/limits') ?? ''): Finding {
  const [, soft = '', hard = ''] = /^Max open files +(\S+) +(\S+)/m.exec(text) ?? [];
  const what = 'open files';
  if (soft === '') return limited(what, 'the limit is not known', 'mount /proc');
  const enough = soft === 'unlimited' || Number(soft) >= 4096;
  const found = `${soft} at a time (at most ${hard})`;
  return enough
    ? ok(what, found)
    : limited(what, found, 'ulimit -n 65536, or LimitNOFILE=65536 in the unit: each client and each open file needs one');
}

/** Checks the limits of inotify, which reports changes by other programs to clients. */
export function watches(folder = '/proc/sys/fs/inotify'): Finding {
  const number = (name: string): number | undefined => {
    const text = read(join(folder, name));
    return text === undefined ? undefined : Number(text);
  };
  const [watched, instances] = [number('max_user_watches'), number('max_user_instances')];
  const what = 'folder watches';
  if (watched === undefined || instances === undefined)
    return limited(what, 'inotify is not available', 'clients are notified only of changes through ring3');
  const found = `${watched} watches, ${instances} instances`;
  return watched >= 8192 && instances >= 16
    ? ok(what, found)
    : limited(what, found, 'sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512');
}

/**
 * Checks the clock, from which timestamps of files, flows and tickets are taken.
 * @param kept whether a time service adjusts it; undefined if that is not known
 */
export function clock(nowMs: number, kept: boolean | undefined): Finding {
  const built = Date.UTC(2026, 0, 1);
  const text = new Date(nowMs).toISOString();
  const advice = 'run a time service (chrony, systemd-timesyncd): times of files and logons depend on it';
  if (nowMs < built) return limited('clock', `${text}, which is in the past`, `set the clock, and ${advice}`);
  return kept === false ? limited('clock', `${text}, not adjusted by a time service`, advice) : ok('clock', text);
}

/** Programs that ring3 serves or builds with, and their Debian packages. */
const programs: readonly (readonly [readonly string[], string, string])[] = [
  [['cc', 'gcc', 'clang'], 'gcc libc6-dev', 'ring3 exec compiles a small library once'],
  [['nfct'], 'nfct', 'timeout policies and helpers, under ring3 exec'],
  [['conntrack'], 'conntrack', 'flows and events, under ring3 exec'],
  [['smbclient'], 'smbclient', 'a client of the file server'],
];

/** Checks which programs are installed. */
export function tools(path = process.env['PATH'] ?? ''): Finding[] {
  const searched = [...path.split(delimiter), '/usr/sbin', '/sbin'];
  return programs.map(([names, debian, use]) => {
    const places = names.flatMap((name) => searched.filter((folder) => folder !== '').map((folder) => join(folder, name)));
    const place = places.find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
    const what = names[0] as string;
    return place === undefined ? limited(what, `not installed: ${use}`, `apt install ${debian}`) : ok(what, place);
  });
}

/** Warns of root, which can read and write every file. */
export function user(uid = process.getuid?.()): Finding {
  return uid === 0
    ? limited(
        'user',
        'root: files are created as root, and every file can be accessed',
        'run ring3 as another user, or serve --as USER; ring3 needs no rights of root',
      )
    : ok('user', `user id ${uid ?? 'unknown'}`);
}
