#!/usr/bin/env node
// Starts the command: from dist where the package is installed, from the sources in a checkout.
import { existsSync } from 'node:fs';
import module from 'node:module';
import v8 from 'node:v8';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`ring3 needs Node.js 22.18 or later, this is ${process.versions.node}`);
  process.exit(2);
}
// libuv reads this before the pool's first use: storage and cryptography share it
process.env.UV_THREADPOOL_SIZE ??= '16';
if (major === 24 || major === 26) {
  // bulk data pass through many short-lived buffers: docs/decisions/0032-collecting-buffers.md
  v8.setFlagsFromString('--external-memory-accounted-in-global-limit');
  // the road of a request is compiled after its first hundreds, not thousands: docs/decisions/0061-compiled-early.md
  v8.setFlagsFromString('--invocation-count-for-maglev=100');
  v8.setFlagsFromString('--invocation-count-for-turbofan=1000');
}
module.enableCompileCache();
const inCheckout = existsSync(new URL('../src/main.ts', import.meta.url));
if (inCheckout) {
  module.registerHooks({
    resolve: (specifier, context, next) => next(specifier, { ...context, conditions: [...context.conditions, 'source'] }),
  });
}
const { main } = await import(inCheckout ? '../src/main.ts' : '../dist/main.js');
process.exitCode = await main(process.argv);
