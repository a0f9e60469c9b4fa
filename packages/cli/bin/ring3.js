#!/usr/bin/env node
// Starts the command: from dist in an installed package, from the sources in a checkout.
import { existsSync } from 'node:fs';
import module from 'node:module';
import v8 from 'node:v8';

const [major, minor] = process.versions.node.split('.').map(Number);
if (process.versions.bun !== undefined) {
  console.error(
    `ring3 does not run on Bun (its TCP sockets deliver no data to ring3): use Node.js 22.18 or later, for example npx -p node@26 -p ring3 ring3`,
  );
  process.exit(2);
}
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `ring3 needs Node.js 22.18 or later, this is ${process.versions.node}; without installing it: npx -p node@26 -p ring3 ring3 …`,
  );
  process.exit(2);
}
if (major === 22) {
  // node:sqlite works in Node 22, but warns once per process; other warnings are printed
  const { emitWarning } = process;
  process.emitWarning = (warning, ...rest) => {
    if (!String(warning).startsWith('SQLite is an experimental feature')) emitWarning.call(process, warning, ...rest);
  };
}
// libuv reads this before the first use of its thread pool, which storage and cryptography share; a device that hangs takes 8 (decision 0076)
process.env.UV_THREADPOOL_SIZE ??= '64';
if (process.versions.deno === undefined && (major === 24 || major === 26)) {
  // bulk data passes through many short-lived buffers: docs/decisions/0032-collecting-buffers.md
  v8.setFlagsFromString('--external-memory-accounted-in-global-limit');
  // a request's code is compiled after hundreds of requests, not thousands: docs/decisions/0061-compiled-early.md
  v8.setFlagsFromString('--invocation-count-for-maglev=100');
  v8.setFlagsFromString('--invocation-count-for-turbofan=1000');
}
module.enableCompileCache?.(); // Deno has no compile cache
const inCheckout = existsSync(new URL('../src/main.ts', import.meta.url));
if (inCheckout) {
  if (major < 24) {
    console.error(`the sources of ring3 need Node.js 24 or later, this is ${process.versions.node}: npm ci, then npx ring3 …`);
    process.exit(2);
  }
  if (process.versions.deno !== undefined && !import.meta.resolve('@ring3/kit').endsWith('.ts')) {
    // Deno applies no conditions of hooks
    console.error(`the sources of ring3 need a condition in Deno: deno run -A --conditions=@ring3/source ${process.argv[1]} …`);
    process.exit(2);
  }
  module.registerHooks({
    resolve: (specifier, context, next) => next(specifier, { ...context, conditions: [...context.conditions, '@ring3/source'] }),
  });
}
const { main } = await import(inCheckout ? '../src/main.ts' : '../dist/main.js');
process.exitCode = await main(process.argv);
