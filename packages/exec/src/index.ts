export { type ElfKind, elfKind, isGo } from './elf.ts';
export { findProgram, type Program, RefusedProgram, withSystemDirectories } from './program.ts';
export { type ExecOptions, runExec } from './run-exec.ts';
export { type RunOptions, runUnder } from './run-under.ts';
export { buildShim } from './shim.ts';
