import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortNameOf } from '../values/short-names.ts';
import { Tunnel } from './tunnel.ts';

test('a removed name is found by its short name for 15 seconds, in its directory only (MS-FSA 2.1.1.1, tunneling)', () => {
  const tunnel = new Tunnel();
  const name = 'a long name.text';
  const shortName = shortNameOf(name, 0);
  tunnel.remember(['Folder'], name, 1000);
  assert.equal(tunnel.find(['folder'], shortName.toLowerCase(), 16_000), name);
  assert.equal(tunnel.find(['folder'], shortName, 16_001), undefined);
  assert.equal(tunnel.find([], shortName, 1000), undefined);
  tunnel.remember([], 'short.txt', 1000);
  assert.equal(tunnel.find([], 'short.txt', 1000), undefined);
});

test('a limited number of removed names is remembered', () => {
  const tunnel = new Tunnel();
  for (let i = 0; i < 5000; i++) tunnel.remember([], `a long name ${i}`, 0);
  assert.equal(tunnel.find([], shortNameOf('a long name 0', 0), 0), undefined);
  assert.equal(tunnel.find([], shortNameOf('a long name 4999', 0), 0), 'a long name 4999');
});
