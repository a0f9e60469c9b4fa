import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { type Fields, Frame } from '@ring3/wire';
import { checkDeclaration, isDeclaration } from '@ring3/wire/testing';
import * as smb2 from './index.ts';

for (const [name, declaration] of Object.entries(smb2)) {
  if (!isDeclaration(declaration)) continue;
  test(`${name} survives the round trip and every truncation`, () => checkDeclaration(declaration));
}

test('a NEGOTIATE before 3.1.1 has no contexts, whatever is in the place of ClientStartTime (2.2.3)', () => {
  const { head } = smb2.NegotiateRequestPlain.encode({
    securityMode: 1,
    capabilities: 0,
    clientGuid: new Uint8Array(16),
    negotiateContextOffset: 0xffffffff,
    negotiateContextCount: 0xffff,
    dialects: [smb2.Dialect.Smb202, smb2.Dialect.Smb21],
  });
  const read = smb2.NegotiateRequest.read(new Frame(head), 0);
  strictEqual(read.negotiateContexts.length, 0);
  strictEqual(read.dialects.length, 2);
});

test('fixed parts have the sizes of the document', () => {
  strictEqual(smb2.Header.byteLength, 64);
  strictEqual(smb2.AsyncHeader.byteLength, 64);
  strictEqual(smb2.TransformHeader.byteLength, 52);
  for (const declaration of Object.values(smb2)) {
    if (!isDeclaration(declaration) || declaration.kind !== 'message') continue;
    const size: unknown = (declaration.fixed.fields as Fields)['structureSize']?.missing;
    if (typeof size !== 'number' || declaration.before !== 64) continue;
    const counted = declaration.name === 'LockRequest' ? declaration.fixed.byteLength + 24 : declaration.fixed.byteLength;
    strictEqual(size & ~1, counted, declaration.name);
  }
});
