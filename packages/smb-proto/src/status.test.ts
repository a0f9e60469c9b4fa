import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { nameOf } from '@ring3/wire';
import { isError, NtStatus, StatusError } from './status.ts';

test('each status has one name, and the severity is in its two top bits (MS-ERREF 2.3)', () => {
  strictEqual(new Set(Object.values(NtStatus)).size, Object.keys(NtStatus).length);
  strictEqual(isError(NtStatus.AccessDenied), true);
  strictEqual(isError(NtStatus.BufferOverflow), false);
  strictEqual(isError(NtStatus.Pending), false);
  strictEqual(nameOf(NtStatus, 0xc0000128), 'FileClosed');
  strictEqual(nameOf(NtStatus, 0xc0de), '0x0000c0de');
});

test('a StatusError carries its status for the wire and its name for the log', () => {
  const error = new StatusError(NtStatus.LogonFailure, 'no such user', { cause: 'because' });
  strictEqual(error.status, 0xc000006d);
  strictEqual(error.message, 'no such user: LogonFailure');
  strictEqual(error.cause, 'because');
});
