import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FlowTable } from './flow-table.ts';
import { Expiry, FlowDoubles } from './layout.ts';
import { Wheel } from './wheel.ts';

const random32 = (): number => 0x12345678;

function wheelOf(expiries: readonly number[]): { table: FlowTable; wheel: Wheel } {
  const table = new FlowTable(expiries.length + 1, random32);
  const wheel = new Wheel(table, 0);
  for (const expiry of expiries) {
    const flow = table.allocate();
    table.doubles[flow * FlowDoubles + Expiry] = expiry;
    wheel.file(flow);
  }
  return { table, wheel };
}

test('a flow expires no earlier than its time, and at most one tick later', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1, max: 3e7, noNaN: true }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 50, max: 1e6 }),
      (expiries, step) => {
        const { table, wheel } = wheelOf(expiries);
        const gone = new Set<number>();
        const end = Math.max(...expiries) + 1000;
        for (let now = 0; now < end && gone.size < expiries.length; now += Math.max(step, end / 200)) {
          wheel.advance(now, (flow) => {
            assert.ok(table.double(flow, Expiry) <= now, 'too early');
            wheel.take(flow);
            gone.add(flow);
          });
          for (const [flow, expiry] of expiries.entries()) assert.ok(gone.has(flow) || expiry + 256 > now, 'too late');
        }
      },
    ),
    { numRuns: 20 },
  );
});

test('a later expiry only writes the flow: it is filed again at its old time', () => {
  const { table, wheel } = wheelOf([1000]);
  table.doubles[Expiry] = 10_000;
  assert.equal(wheel.isLate(0), false);
  const gone: number[] = [];
  const expire = (flow: number): void => {
    wheel.take(flow);
    gone.push(flow);
  };
  wheel.advance(5000, expire);
  assert.deepEqual(gone, []);
  wheel.advance(10_300, expire);
  assert.deepEqual(gone, [0]);
});

test('a much earlier expiry requires that the flow is filed again', () => {
  const { table, wheel } = wheelOf([432_000_000]);
  table.doubles[Expiry] = 10_000;
  assert.equal(wheel.isLate(0), true);
});

test('a policy of 17,179,869 seconds neither wraps nor expires early', () => {
  const { wheel } = wheelOf([17_179_869_000]);
  const gone: number[] = [];
  const expire = (flow: number): void => {
    wheel.take(flow);
    gone.push(flow);
  };
  wheel.advance(17_179_868_000, expire);
  assert.deepEqual(gone, []);
  wheel.advance(17_179_869_300, expire);
  assert.deepEqual(gone, [0]);
});

test('no flow expires before the awaited time, and a flow filed for an earlier time is reported once', () => {
  const { wheel } = wheelOf([]);
  assert.equal(wheel.await(), Number.POSITIVE_INFINITY);
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 1, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 20 }),
      fc.double({ min: 0, max: 1e8, noNaN: true }),
      (expiries, start) => {
        const table = new FlowTable(expiries.length + 1, random32);
        const wheel = new Wheel(table, 0);
        wheel.advance(start, () => assert.fail());
        let emitted = 0;
        wheel.onEarlier = () => emitted++;
        let due = wheel.await();
        for (const expiry of expiries) {
          const flow = table.allocate();
          table.doubles[flow * FlowDoubles + Expiry] = start + expiry;
          emitted = 0;
          wheel.file(flow);
          assert.ok(emitted === 1 || (emitted === 0 && due <= start + expiry + 256), 'earlier, and not emitted');
          due = wheel.await();
          assert.ok(due <= start + expiry + 256, 'too late');
        }
        let waits = 0;
        for (let left = expiries.length; left > 0; waits++) {
          const now = wheel.await();
          wheel.advance(now - 0.001, () => assert.fail('earlier than announced'));
          wheel.advance(now, (flow) => {
            wheel.take(flow);
            left--;
          });
        }
        assert.equal(wheel.await(), Number.POSITIVE_INFINITY);
        assert.ok(waits <= expiries.length * 4, 'it is waited for flows alone');
      },
    ),
    { numRuns: 100 },
  );
});
