import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { getXattr } from '@ring3/linux';
import { elfKind } from './elf.ts';

/** A program that exec cannot run, or not safely. The message is one line. */
export class RefusedProgram extends Error {
  override readonly name = 'RefusedProgram';
}

const setIds = 0o6000;
/** Interpreters of interpreters that the kernel follows. */
const interpreterDepth = 4;
/** Bytes of a file's start that tell what it is; also the longest `#!` line. */
const startBytes = 4096;

/**
 * Finds a command as execvp(3) does, and makes sure that the shim will be loaded into it: a dynamically linked program for this machine, without
 * the rights of another user; for a script, its interpreter.
 * @returns the program's path
 * @throws RefusedProgram
 */
export function findProgram(command: string, path: string | undefined = process.env['PATH']): string {
  const file = search(command, path);
  let looked = file;
  for (let depth = 0; ; depth++) {
    const interpreter = inspect(looked);
    if (interpreter === undefined) return file;
    if (depth === interpreterDepth) throw new RefusedProgram(`${command}: too many interpreters`);
    looked = interpreter;
  }
}

function search(command: string, path = '/usr/local/bin:/usr/bin:/bin'): string {
  const candidates = command.includes('/') ? [command] : path.split(delimiter).map((folder) => resolve(folder || '.', command));
  let found: string | undefined;
  for (const candidate of candidates) {
    if (!isFile(candidate)) continue;
    if (isExecutable(candidate)) return resolve(candidate);
    found ??= candidate;
  }
  throw new RefusedProgram(found === undefined ? `${command}: no such program` : `${found}: no permission to run it`);
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false; // not there, or in a folder that this user may not enter
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @returns the interpreter of a script; undefined for a program that takes the shim @throws RefusedProgram */
function inspect(file: string): string | undefined {
  if ((statSync(file).mode & setIds) !== 0) throw new RefusedProgram(`${file} is setuid or setgid: exec cannot carry its sockets`);
  const { start, capable } = look(file);
  if (capable) throw new RefusedProgram(`${file} has capabilities of its own: exec cannot carry its sockets`);
  if (start[0] === 0x23 && start[1] === 0x21) return interpreterOf(file, start);
  switch (elfKind(start)) {
    case 'dynamic':
      return undefined;
    case 'static':
      throw new RefusedProgram(`${file} is statically linked: exec cannot carry its sockets`);
    case 'foreign':
      throw new RefusedProgram(`${file} is built for another machine than ring3: exec cannot carry its sockets`);
    case 'none':
      throw new RefusedProgram(`${file} is neither a program nor a script with #!`);
  }
}

/** The start of a file, and whether whoever runs it gets capabilities. */
function look(file: string): { readonly start: Uint8Array; readonly capable: boolean } {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    throw new RefusedProgram(`${file} cannot be read, so it is not known whether exec can carry its sockets`);
  }
  try {
    const bytes = new Uint8Array(startBytes);
    const start = bytes.subarray(0, readSync(fd, bytes));
    return { start, capable: getXattr(fd, 'security.capability', new Uint8Array(0)) > 0 };
  } finally {
    closeSync(fd);
  }
}

function interpreterOf(script: string, start: Uint8Array): string {
  const line = Buffer.from(start).toString('latin1').split('\n', 1)[0] as string;
  const interpreter = line.slice(2).trim().split(/[ \t]/, 1)[0] as string;
  if (!isFile(interpreter)) throw new RefusedProgram(`${script}: no interpreter ${interpreter}`);
  return interpreter;
}
