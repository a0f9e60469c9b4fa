import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommandSequenceWindow } from './credits.ts';

test('a message id is good once, and only after it was granted (3.3.5.2.3)', () => {
  const window = new CommandSequenceWindow(8);
  strictEqual(window.consume(1, 1), false);
  strictEqual(window.consume(0, 1), true);
  strictEqual(window.consume(0, 1), false);
  strictEqual(window.grant(4), 4);
  strictEqual(window.consume(3, 1), true);
  strictEqual(window.consume(2, 2), false, 'the second of the two is used');
  strictEqual(window.consume(1, 2), true);
  strictEqual(window.available, 1);
});

test('ids that are not integers below 2^53 are outside every window', () => {
  const window = new CommandSequenceWindow(8);
  for (const id of [-1, 2 ** 53, 2 ** 64, Number.NaN]) strictEqual(window.consume(id, 1), false);
});

test('a client that holds no credit gets one, whatever it requested (3.3.1.2)', () => {
  const window = new CommandSequenceWindow(4);
  window.consume(0, 1);
  strictEqual(window.grant(0), 1);
});

test('the client never holds more than the limit, and no id is accepted twice', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 4 }), fc.nat(20)), { maxLength: 300 }), (steps) => {
      const window = new CommandSequenceWindow(16);
      const seen = new Set<number>();
      let base = 0;
      for (const [ahead, charge, asked] of steps) {
        const id = base + ahead;
        if (window.consume(id, charge)) {
          for (let i = id; i < id + charge; i++) {
            if (seen.has(i)) return false;
            seen.add(i);
          }
        }
        while (seen.has(base)) base++;
        window.grant(asked);
        if (window.available > 16 || window.available < 1) return false;
      }
      return true;
    }),
  );
});
