import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { Errno } from './errno.ts';
import { newNetworkNamespace } from './network-namespace.ts';

test('a new network namespace is this thread’s own, or refused without CAP_SYS_ADMIN (unshare(2))', () => {
  const before = readlinkSync('/proc/thread-self/ns/net');
  const answer = newNetworkNamespace();
  if (answer < 0) assert.equal(answer, -Errno.EPERM);
  else assert.notEqual(readlinkSync('/proc/thread-self/ns/net'), before);
});
