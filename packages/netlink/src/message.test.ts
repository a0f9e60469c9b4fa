import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Frame } from '@ring3/wire';
import { checkDeclaration } from '@ring3/wire/testing';
import { ExtendedAck, eachMessage, MessageHeader, messages, PolicyDescription } from './message.ts';

test('each declaration: round trip, and truncation at every byte', () => {
  for (const declaration of [MessageHeader, ExtendedAck, PolicyDescription]) checkDeclaration(declaration as never);
});

test('messages follow each other at multiples of four, and reading stops at the first invalid header', () => {
  const frame = Frame.alloc(64);
  MessageHeader.write(frame, 0, { length: 17, type: 16, flags: 1, sequence: 1, portId: 0 });
  MessageHeader.write(frame, 20, { length: 16, type: 17, flags: 1, sequence: 2, portId: 0 });
  MessageHeader.write(frame, 36, { length: 15, type: 18, flags: 1, sequence: 3, portId: 0 });
  const seen: number[] = [];
  assert.equal(
    eachMessage(frame, (header, at) => seen.push(header.type, at)),
    28,
  );
  assert.deepEqual(seen, [16, 0, 17, 20]);
  assert.equal(messages(frame.bytes.subarray(0, 16)).length, 0, 'a length beyond the end is not a message');
});
