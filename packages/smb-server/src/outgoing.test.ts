import { deepStrictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { assemble } from './outgoing.ts';
import type { Reply } from './reply.ts';

const reply = (sent?: () => void): Reply => {
  const bytes = new Uint8Array(4 + 64);
  return { request: { sent }, bytes, view: new DataView(bytes.buffer), rest: [], length: 64, status: 0 } as unknown as Reply;
};

test('buffers go back for the answers that were sent, not for what a request that still waits has taken since', () => {
  const back: string[] = [];
  const answered = reply(() => back.push('answered'));
  const waits = reply();
  const { sent } = assemble([answered, waits], undefined);
  waits.request.sent = () => back.push('waits');
  sent?.();
  deepStrictEqual(back, ['answered']);
});
