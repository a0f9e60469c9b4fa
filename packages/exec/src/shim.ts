import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { placeFault, userNamed } from '@ring3/linux';

const source = fileURLToPath(new URL('../shim/ring3-exec.c', import.meta.url));
const flags = ['-shared', '-fPIC', '-O2', '-std=gnu11', '-fvisibility=hidden'];
const libraries = ['-ldl'];

/** The compilers to try, in this order. */
const compilers = (): readonly string[] => {
  const chosen = process.env['CC'];
  return chosen === undefined || chosen === '' ? ['cc', 'gcc', 'clang'] : [chosen];
};

/**
 * The shim as a shared library. It is compiled at the first use and kept under a name that depends on its source and the C library.
 * @param folder the directory for it; created if necessary, for this user only
 * @returns its path
 * @throws Error in one line if there is no C compiler or it fails
 */
export function buildShim(folder: string): string {
  const file = join(folder, `ring3-exec-${fingerprint()}.so`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  refuseOpenFolder(folder);
  if (existsSync(file)) return file;
  const fresh = `${file}.${process.pid}`;
  try {
    compile(fresh);
    renameSync(fresh, file); // complete or absent, even if another process builds it
  } finally {
    rmSync(fresh, { force: true });
  }
  return file;
}

/** Checks the owner and mode: a user that can replace the library can run code as this user. @throws Error in one line */
function refuseOpenFolder(folder: string): void {
  const fault = placeFault(folder);
  if (fault !== undefined) throw new Error(fault);
  const found = lstatSync(folder);
  if (!found.isDirectory()) throw new Error(`${folder} is not a directory`);
  if (found.uid !== process.geteuid?.())
    throw new Error(`${folder} belongs to another user (${userNamed(found.uid)}): choose another --state-dir`);
  if ((found.mode & 0o022) !== 0) throw new Error(`${folder} may be written by other users: chmod 700 ${folder}`);
}

/** The inputs that the compiled library depends on. */
function fingerprint(): string {
  const hash = createHash('sha256').update(readFileSync(source));
  hash.update(JSON.stringify([process.arch, libcVersion(), flags, libraries]));
  return hash.digest('hex').slice(0, 16);
}

function libcVersion(): string {
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime ?? 'musl';
}

function compile(output: string): void {
  for (const compiler of compilers()) {
    const { error, status, stderr } = spawnSync(compiler, [...flags, '-o', output, source, ...libraries], { encoding: 'utf8' });
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') continue;
    if (error !== undefined) throw new Error(`the C compiler ${compiler} cannot be run: ${error.message}`);
    if (status === 0) return;
    const why = stderr.split('\n').find((line) => line.includes('error')) ?? stderr.split('\n', 1)[0] ?? '';
    throw new Error(`${compiler} failed on the library of exec: ${why.trim()} (are the C library's headers installed? ${advice})`);
  }
  throw new Error(`exec needs a C compiler once, and ${compilers().join(', ')} is not there: ${advice}`);
}

const advice =
  'Debian and Ubuntu: apt install gcc libc6-dev linux-libc-dev; Fedora: dnf install gcc; Alpine: apk add gcc musl-dev linux-headers';
