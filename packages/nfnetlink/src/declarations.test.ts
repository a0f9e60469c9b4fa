import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDeclaration, isDeclaration } from '@ring3/wire/testing';
import * as nfnetlink from './index.ts';

test('each declaration: round trip, and truncation at every byte', () => {
  const declarations = (Object.values(nfnetlink) as unknown[]).filter(isDeclaration);
  assert.ok(declarations.length >= 10);
  for (const declaration of declarations) checkDeclaration(declaration);
  for (const declaration of Object.values(nfnetlink.TimeoutMessages)) checkDeclaration(declaration as never);
});

test('a timeout message has the attributes of the kernel in the order of its responses (nfnetlink_cttimeout.h)', () => {
  assert.deepEqual(
    Object.entries(nfnetlink.TimeoutMessage.table).map(([name, { type }]) => [name, type]),
    [
      ['name', 1],
      ['l3proto', 2],
      ['l4proto', 3],
      ['use', 5],
      ['data', 4],
    ],
  );
});
