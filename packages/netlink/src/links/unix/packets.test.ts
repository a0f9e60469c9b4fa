import { test } from 'node:test';
import { checkDeclaration } from '@ring3/wire/testing';
import { BoardHead, Slot, UnixAnswer, UnixRequest } from './packets.ts';

for (const declaration of [UnixRequest, UnixAnswer, Slot, BoardHead]) {
  test(`${declaration.name}: round trip, truncation at every byte`, () => checkDeclaration(declaration as never));
}
