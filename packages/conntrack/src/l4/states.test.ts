import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as sctp from './sctp-states.ts';
import * as tcp from './tcp-states.ts';

const golden = JSON.parse(readFileSync(join(import.meta.dirname, '../../../../test/golden/states.json'), 'utf8')) as Record<
  'tcp' | 'sctp',
  Record<'original' | 'reply', Record<string, string[]>>
>;

test('every cell of the TCP tables is the golden copy’s', () => {
  assert.deepEqual({ original: tcp.original, reply: tcp.reply }, golden.tcp);
});

test('every cell of the SCTP tables is the golden copy’s', () => {
  assert.deepEqual({ original: sctp.original, reply: sctp.reply }, golden.sctp);
});

test('the byte tables equal the tables of words', () => {
  for (const [direction, table] of [tcp.original, tcp.reply].entries()) {
    for (const [segment, name] of tcp.segments.entries()) {
      for (const [state, next] of table[name].entries()) {
        const byte = tcp.transitions[(direction * 5 + segment) * 16 + state]!;
        const word = byte === tcp.Ignored ? 'ignore' : byte === tcp.Refused ? 'invalid' : tcp.tcpStates[byte];
        assert.equal(word, next);
      }
    }
  }
  for (const [direction, table] of [sctp.original, sctp.reply].entries()) {
    for (const [chunk, name] of sctp.chunks.entries()) {
      for (const [state, next] of table[name].entries()) {
        const byte = sctp.transitions[(direction * 12 + chunk) * 16 + state]!;
        assert.equal(byte === sctp.Refused ? 'invalid' : sctp.sctpStates[byte], next);
      }
    }
  }
});

test('nine combinations of flags are segments, with or without PSH', () => {
  const valid = [...tcp.segmentOfFlags.keys()].filter((flags) => tcp.segmentOfFlags[flags] !== tcp.Refused);
  assert.equal(valid.length, 18);
});
