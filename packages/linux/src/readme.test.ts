import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, close, Errno, errnoName, features, OpenFlag, openAt, openBeneath } from './index.ts';

test("the README's example does what it says", () => {
  assert.equal(features().refusal, undefined);
  const root = check(openAt(-100, '/tmp', OpenFlag.Path | OpenFlag.Directory), 'openat', '/tmp');
  const fd = openBeneath(root, '../etc/passwd', OpenFlag.ReadOnly);
  assert.equal(errnoName(fd), 'EXDEV');
  assert.notEqual(fd, -Errno.ENOENT);
  close(root);
});
