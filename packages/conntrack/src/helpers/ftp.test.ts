import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isPartialCommand, readAnswer, readCommand } from './ftp.ts';

test('PORT gives address and port (RFC 959)', () => {
  assert.deepEqual(readCommand('PORT 10,0,1,2,7,208\r\n'), { address: Uint8Array.of(10, 0, 1, 2), port: 2000 });
  assert.deepEqual(readCommand('port 10,0,1,2,7,208\r\n')?.port, 2000);
  assert.equal(readCommand('PORT 10,0,1,2,7\r\n'), undefined);
});

test('EPRT gives an address of either family (RFC 2428)', () => {
  assert.deepEqual(readCommand('EPRT |1|10.0.1.2|2000|\r\n'), { address: Uint8Array.of(10, 0, 1, 2), port: 2000 });
  const wide = readCommand('EPRT |2|fd00:1::2|2000|\r\n');
  assert.deepEqual([...(wide?.address ?? [])].slice(0, 4), [0xfd, 0, 0, 1]);
  assert.equal(readCommand('EPRT |1|10.0.1.2|0|\r\n'), undefined);
  assert.equal(readCommand('EPRT |2|fd00:1:::2|2000|\r\n'), undefined);
});

test('227 and 229 give where the server listens', () => {
  assert.deepEqual(readAnswer('227 Entering Passive Mode (10,0,2,2,7,208)\r\n'), { address: Uint8Array.of(10, 0, 2, 2), port: 2000 });
  assert.deepEqual(readAnswer('229 Entering Extended Passive Mode (|||2000|)\r\n'), { address: undefined, port: 2000 });
  assert.equal(readAnswer('230 (10,0,2,2,7,208)\r\n'), undefined);
});

test('a truncated command is detected', () => {
  assert.equal(isPartialCommand('PORT 10,0,1,2'), true);
  assert.equal(isPartialCommand('EPRT |1|10.0'), true);
  assert.equal(isPartialCommand('USER x'), false);
  assert.equal(isPartialCommand('PORT 10,0,1,2,7,208\r\n'), false);
});

test('the readers never throw, whatever the text', () => {
  const prefix = fc.constantFrom('PORT ', 'EPRT ', '227 ', '229 (', '');
  fc.assert(
    fc.property(prefix, fc.string({ maxLength: 60 }), (start, rest) => {
      for (const found of [readCommand(start + rest), readAnswer(start + rest)]) {
        if (found !== undefined) assert.ok(found.port >= 0 && found.port <= 0xffff);
      }
      isPartialCommand(start + rest);
    }),
  );
});
