import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { debugLine } from './debug-line.ts';

test('a debug line is one line, whatever names a client chose', () => {
  const fields = { connection: 1, path: 'a\nb\u001b[31m\u009b0m\u202e', asked: undefined };
  strictEqual(
    debugLine({ time: Date.UTC(2020, 0, 1, 9, 8, 7, 65), debug: 'smb', what: 'Create Success', fields }),
    '09:08:07.065 smb Create Success connection=1 path="a\\nb\\u001b[31m\\u009b0m\\u202e"',
  );
  strictEqual(debugLine({ time: 0, debug: '', what: 'lines were lost', fields: { lost: 3 } }), '00:00:00.000 - lines were lost lost=3');
});
