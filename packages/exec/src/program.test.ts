import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { elfKind } from './elf.ts';
import { findProgram, RefusedProgram, withSystemDirectories } from './program.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring3-program-'));
after(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string | Uint8Array, mode = 0o755): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
};
const refusal =
  (pattern: RegExp, exitStatus = 126) =>
  (error: unknown) =>
    error instanceof RefusedProgram && error.exitStatus === exitStatus && pattern.test(error.message) && !error.message.includes('\n');

/** An ELF head with program headers of the given types. */
function elf(
  types: readonly number[],
  { machine = process.arch === 'arm64' ? 183 : 62, wordSize = 2, order = 1, type = 3, note = '' } = {},
): Uint8Array {
  const noteAt = 64 + types.length * 56;
  const bytes = new Uint8Array(noteAt + (note === '' ? 0 : 20));
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wordSize, order, 1]);
  const view = new DataView(bytes.buffer);
  view.setUint16(16, type, true);
  view.setUint16(18, machine, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, types.length, true);
  types.forEach((each, i) => {
    view.setUint32(64 + i * 56, each, true);
    if (each !== 4 || note === '') return;
    view.setBigUint64(64 + i * 56 + 8, BigInt(noteAt), true);
    view.setBigUint64(64 + i * 56 + 32, 20n, true);
  });
  if (note !== '') {
    view.setUint32(noteAt, note.length + (note.length < 3 ? 2 : 1), true); // Go writes "Go\0\0", size 4
    view.setUint32(noteAt + 4, 4, true);
    bytes.set(Buffer.from(note), noteAt + 12);
  }
  return bytes;
}

test('a program that names a dynamic loader is dynamic, one that does not is static (elf(5))', () => {
  assert.equal(elfKind(readFileSync('/bin/sh').subarray(0, 4096)), 'dynamic');
  assert.equal(elfKind(elf([6, 3, 1])), 'dynamic');
  assert.equal(elfKind(elf([1, 2])), 'static');
  assert.equal(elfKind(elf([1, 2], { type: 2 })), 'static');
  assert.equal(elfKind(elf([3], { machine: 40 })), 'foreign');
  assert.equal(elfKind(elf([3], { wordSize: 1 })), 'foreign');
  assert.equal(elfKind(Buffer.from('#!/bin/sh\n')), 'none');
});

test('a truncated file, or one with invalid headers, is not an error', () => {
  const whole = elf([6, 3, 1]);
  for (let length = 0; length < whole.length; length++) elfKind(whole.subarray(0, length));
  new DataView(whole.buffer).setBigUint64(32, 0xffffffffffffff00n, true);
  assert.equal(elfKind(whole), 'static');
});

test('a command is looked for in PATH as execvp(3) does; one with a slash is not', () => {
  mkdirSync(join(folder, 'first'));
  mkdirSync(join(folder, 'second'));
  file('first/tool', '#!/bin/sh\n', 0o644);
  const tool = file('second/tool', '#!/bin/sh\n');
  assert.deepEqual(findProgram('tool', `${folder}/first:${folder}/second`), { file: tool, before: [] });
  assert.equal(findProgram('tool', `/no/such/folder:${tool}:${folder}/second`).file, tool);
  assert.equal(findProgram(tool, '').file, tool);
  assert.throws(() => findProgram('tool', join(folder, 'first')), refusal(/first\/tool: this user may not run it \(chmod \+x\)$/));
  assert.throws(() => findProgram('no-such-tool', folder), refusal(/^no-such-tool: no such program in PATH$/, 127));
  assert.throws(() => findProgram('./tool', `${folder}/second`), refusal(/no such program$/, 127));
});

test('a static, setuid, setgid or foreign program, and a file that is not a program, is rejected in one line', () => {
  assert.throws(() => findProgram(file('static', elf([1]))), refusal(/static is statically linked: exec cannot carry its sockets$/));
  assert.throws(() => findProgram(file('foreign', elf([3], { machine: 8 }))), refusal(/built for another machine/));
  assert.throws(() => findProgram(file('data', 'he\0llo\n')), refusal(/neither a program nor a script$/));
  assert.throws(
    () => findProgram(file('go', elf([3, 4], { note: 'Go' }))),
    refusal(/go is a Go program, .*: exec cannot carry its sockets$/),
  );
  assert.equal(findProgram(file('gnu', elf([3, 4], { note: 'GNU' }))).file, join(folder, 'gnu'));
  const shell = join(folder, 'sh');
  copyFileSync('/bin/sh', shell);
  chmodSync(shell, 0o4755);
  assert.throws(() => findProgram(shell), refusal(/sh is setuid or setgid: exec cannot carry its sockets$/));
  chmodSync(shell, 0o2755);
  assert.throws(() => findProgram(shell), refusal(/is setuid or setgid/));
  chmodSync(shell, 0o755);
  assert.equal(findProgram(shell).file, shell);
});

const setcap = ['/usr/sbin/setcap', '/sbin/setcap'].find((path) => existsSync(path));
const withoutCapabilities =
  setcap === undefined ? 'no setcap on this machine' : process.getuid?.() === 0 ? false : 'only root gives capabilities';

test('a program with file capabilities is refused: the loader drops LD_PRELOAD (ld.so(8))', { skip: withoutCapabilities }, () => {
  const shell = join(folder, 'capable');
  copyFileSync('/bin/sh', shell);
  execFileSync(setcap as string, ['cap_net_admin+ep', shell]);
  assert.throws(() => findProgram(shell), refusal(/capable has capabilities of its own: exec cannot carry its sockets$/));
});

test("a script is judged by its interpreter, and that one's too", () => {
  assert.ok(findProgram(file('plain', '#! /bin/sh -e\necho\n')));
  assert.throws(() => findProgram(file('of-static', `#!${folder}/static x\n`)), refusal(/static is statically linked/));
  assert.throws(() => findProgram(file('of-script', `#!${folder}/of-static\n`)), refusal(/static is statically linked/));
  assert.throws(
    () => findProgram(file('of-nothing', '#!/no/such/interpreter\n')),
    refusal(/its interpreter \/no\/such\/interpreter does not exist$/),
  );
  assert.throws(() => findProgram(file('of-itself', `#!${folder}/of-itself\n`)), refusal(/too many interpreters/));
});

test('a script without #! is run by /bin/sh, as execvp(3) does after ENOEXEC', () => {
  const script = file('no-line', 'echo hello\n');
  assert.deepEqual(findProgram(script), { file: '/bin/sh', before: [script] });
});

test('the directories of nfct and conntrack are searched after those of PATH', () => {
  assert.equal(withSystemDirectories('/a:/usr/sbin'), '/a:/usr/sbin:/usr/local/sbin:/sbin');
  assert.equal(withSystemDirectories(undefined), '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin');
});
