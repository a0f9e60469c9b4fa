import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { getXattr } from '@ring3/linux';
import { elfKind, isGo } from './elf.ts';

/** A program that exec cannot run, or not safely. The message is one line. */
export class RefusedProgram extends Error {
  override readonly name = 'RefusedProgram';
  /** 127: it was not found; 126: it was found and cannot be run. env(1), POSIX 2.8.2 of the shell. */
  readonly exitStatus: 126 | 127;
  constructor(message: string, exitStatus: 126 | 127 = 126) {
    super(message);
    this.exitStatus = exitStatus;
  }
}

/** A program and what exec has to put before its arguments. */
export interface Program {
  /** Path of the program to run. */
  readonly file: string;
  /** Arguments in front of the command's own: the script, if it has no `#!` and a shell runs it. */
  readonly before: readonly string[];
}

const setIds = 0o6000;
/** Interpreters of interpreters that the kernel follows. */
const interpreterDepth = 4;
/** Bytes of a file's start that show what it is; also the longest `#!` line. */
const startBytes = 4096;
/** The shell that execvp(3) runs a script without `#!` with. */
const shell = '/bin/sh';
/** Directories of nfct and conntrack, which the PATH of an ordinary user may not have. */
const systemDirectories: readonly string[] = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** A PATH with the directories of system programs after those that it has. @param path default: that of execvp(3) */
export function withSystemDirectories(path = '/usr/local/bin:/usr/bin:/bin'): string {
  const has = path.split(delimiter);
  return [...has, ...systemDirectories.filter((directory) => !has.includes(directory))].join(delimiter);
}

/**
 * Finds a command as execvp(3) does, and makes sure that the shim is loaded into it: a dynamically linked program for this machine that
 * makes its system calls through the C library, without the rights of another user; for a script, its interpreter.
 * @param path the directories to search
 * @throws RefusedProgram
 */
export function findProgram(command: string, path: string = withSystemDirectories(process.env['PATH'])): Program {
  const file = search(command, path);
  let looked = file;
  for (let depth = 0; ; depth++) {
    const interpreter = inspect(looked);
    if (interpreter === undefined) return { file, before: [] };
    if (depth === interpreterDepth) throw new RefusedProgram(`${command}: too many interpreters`);
    if (interpreter.withoutLine && depth === 0) return { file: findProgram(shell).file, before: [file] };
    looked = interpreter.file;
  }
}

function search(command: string, path: string): string {
  const candidates = command.includes('/') ? [command] : path.split(delimiter).map((directory) => resolve(directory || '.', command));
  let found: string | undefined;
  for (const candidate of candidates) {
    if (!isFile(candidate)) continue;
    if (isExecutable(candidate)) return resolve(candidate);
    found ??= candidate;
  }
  if (found !== undefined) throw new RefusedProgram(`${found}: this user may not run it (chmod +x)`);
  throw new RefusedProgram(`${command}: no such program${command.includes('/') ? '' : ' in PATH'}`, 127);
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false; // does not exist, or is in a directory that this user may not enter
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

/** The interpreter of a script; `withoutLine`: it has no `#!`, so the kernel does not run it (ENOEXEC) and execvp(3) takes the shell. */
interface Interpreter {
  readonly file: string;
  readonly withoutLine: boolean;
}

const uncarried = 'exec cannot carry its sockets';

/** @returns the interpreter of a script; undefined for a program that loads the shim @throws RefusedProgram */
function inspect(file: string): Interpreter | undefined {
  if ((statSync(file).mode & setIds) !== 0) throw new RefusedProgram(`${file} is setuid or setgid: ${uncarried}`);
  const { start, capable, go } = look(file);
  if (capable) throw new RefusedProgram(`${file} has capabilities of its own: ${uncarried}`);
  if (start[0] === 0x23 && start[1] === 0x21) return { file: interpreterOf(file, start), withoutLine: false };
  switch (elfKind(start)) {
    case 'dynamic':
      if (go) throw new RefusedProgram(`${file} is a Go program, which makes its system calls itself: ${uncarried}`);
      return undefined;
    case 'static':
      throw new RefusedProgram(`${file} is statically linked: ${uncarried}`);
    case 'foreign':
      throw new RefusedProgram(`${file} is built for another machine than ring3: ${uncarried}`);
    case 'none':
      if (isText(start)) return { file: shell, withoutLine: true };
      throw new RefusedProgram(`${file} is neither a program nor a script`);
  }
}

/** Whether a shell treats a file as a script: no NUL byte before the end of the first line, as bash decides it. */
function isText(start: Uint8Array): boolean {
  const end = start.indexOf(0x0a);
  return !start.subarray(0, end < 0 ? start.length : end).includes(0);
}

/** The start of a file, whether the user who runs it gets capabilities, and whether Go built it. */
function look(file: string): { readonly start: Uint8Array; readonly capable: boolean; readonly go: boolean } {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    throw new RefusedProgram(`${file} cannot be read, so exec cannot tell whether it can carry its sockets`);
  }
  const readAt = (offset: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
  };
  try {
    const start = readAt(0, startBytes);
    const capable = getXattr(fd, 'security.capability', new Uint8Array(0)) > 0;
    return { start, capable, go: elfKind(start) === 'dynamic' && isGo(start, readAt) };
  } finally {
    closeSync(fd);
  }
}

function interpreterOf(script: string, start: Uint8Array): string {
  const line = Buffer.from(start).toString('latin1').split('\n', 1)[0] as string;
  const interpreter = line.slice(2).trim().split(/[ \t]/, 1)[0] as string;
  if (!isFile(interpreter)) throw new RefusedProgram(`${script}: its interpreter ${interpreter} does not exist`);
  return interpreter;
}
