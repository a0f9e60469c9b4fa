import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from './fuzz/conntrack-packets.ts';

test('two hundred thousand packets, most of them broken, get an answer each and leave the table whole', () => {
  equal(fuzz(200_000, 1), 200_000);
});
