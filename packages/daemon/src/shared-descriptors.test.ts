import { deepStrictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { sharedDescriptors } from './shared-descriptors.ts';

test('clients share the file descriptors that are not open at the start, without a reserve of a sixteenth, 16 to 512', () => {
  deepStrictEqual(
    [220, 1024, 65_536].map((limit) => sharedDescriptors({ limit, open: 34 })),
    [170, 926, 64_990],
  );
  deepStrictEqual(sharedDescriptors({ limit: 40, open: 34 }), 16, 'so few that a server is of no use');
});
