import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { test } from 'node:test';
import { findUser } from './user.ts';

test('an account is found by its name and by its number in digits (getpwnam(3), getpwuid(3))', () => {
  const { uid, gid, username, homedir } = userInfo();
  const here = { name: username, userId: uid, groupId: gid, home: process.env['HOME'] === undefined ? homedir : findUser(username)?.home };
  assert.deepEqual(findUser(username), here);
  assert.deepEqual(findUser(String(uid)), here);
  assert.equal(findUser('root')?.userId, 0);
});

test('what is no account is not found: an empty name, one with a NUL, a number of nobody', () => {
  for (const name of ['', 'root\0', 'no-such-user', '4294967295', '99999999999', '-1', '0x0', ' 0'])
    assert.equal(findUser(name), undefined, name);
});
