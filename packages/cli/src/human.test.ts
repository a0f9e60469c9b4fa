import { deepStrictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { duration, size } from './human.ts';

test('lengths of time and sizes are short', () => {
  deepStrictEqual([0, 119, 120, 7199, 7200, 431_997].map(duration), ['0s', '119s', '2m', '119m', '2h', '4d']);
  deepStrictEqual([0, 999, 1000, 3120, 12_000_000, 5_000_000_000_000n].map(size), ['0B', '999B', '1.0KB', '3.1KB', '12.0MB', '5.0TB']);
});
