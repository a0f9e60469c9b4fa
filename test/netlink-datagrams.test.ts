import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from './fuzz/netlink-datagrams.ts';

test('two hundred thousand netlink datagrams, most of them broken: whole answers or none, and what is refused makes nothing', () => {
  equal(fuzz(200_000, 1), 200_000);
});
