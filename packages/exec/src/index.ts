export { type ElfKind, elfKind } from './elf.ts';
export { findProgram, RefusedProgram } from './program.ts';
export { type ExecOptions, runExec } from './run-exec.ts';
export { type RunOptions, runUnder } from './run-under.ts';
export { buildShim } from './shim.ts';
