import { deepStrictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { passedDescriptors } from './passed-descriptors.ts';

test('descriptors start at 3 and have names; the variables are removed (sd_listen_fds(3))', () => {
  const env = { LISTEN_PID: '42', LISTEN_FDS: '2', LISTEN_FDNAMES: 'smb:', HOME: '/' };
  deepStrictEqual(passedDescriptors(env, 42), [
    { fd: 3, name: 'smb' },
    { fd: 4, name: '' },
  ]);
  deepStrictEqual(env, { HOME: '/' });
  deepStrictEqual(passedDescriptors(env, 42), []);
  deepStrictEqual(passedDescriptors({ LISTEN_PID: '42', LISTEN_FDS: '1' }, 42), [{ fd: 3, name: 'unknown' }]);
});

test('descriptors for another process are ignored, and child processes do not see the variables (sd_listen_fds(3))', () => {
  const env = { LISTEN_PID: '41', LISTEN_FDS: '1', LISTEN_FDNAMES: 'smb' };
  deepStrictEqual(passedDescriptors(env, 42), []);
  deepStrictEqual(env, {});
});

test('variables that no service manager writes are refused in one line', () => {
  const given = (LISTEN_FDS: string, more: NodeJS.ProcessEnv = {}) => ({ LISTEN_PID: '42', LISTEN_FDS, ...more });
  for (const count of ['', '0', '-1', '1.5', '0x1', ' 1', '1e9', '99999999999', '2000'])
    throws(() => passedDescriptors(given(count), 42), /LISTEN_FDS is/);
  throws(() => passedDescriptors({ LISTEN_PID: 'me', LISTEN_FDS: '1' }, 42), /LISTEN_PID is "me"/);
  throws(() => passedDescriptors(given('1', { LISTEN_FDNAMES: 'a:b' }), 42), /2 names for 1 descriptors/);
});
