import type { Session } from '../objects/session.ts';
import type { BufferPool } from '../values/buffer-pool.ts';
import { encrypt } from './encryption.ts';
import { writeFraming } from './frame.ts';
import { headroom, type Outgoing, type Reply } from './reply.ts';

/** The callbacks of these bytes. Taken now: a request whose interim response this is gets its buffer later. */
const takeSent = (replies: readonly Reply[]): (() => void) => {
  const calls = replies.map(({ request }) => request.sent);
  return () => {
    for (const call of calls) call?.();
  };
};

/**
 * Finished elements as one frame: encrypted if it is for a session that requires it, else with the framing in the headroom of the first, so
 * that nothing is copied.
 */
export function assemble(replies: readonly Reply[], encryptFor: Session | undefined, pool: BufferPool): Outgoing {
  const first = replies[0] as Reply;
  if (encryptFor !== undefined) {
    const plain: Uint8Array[] = [];
    for (const { bytes, rest } of replies) plain.push(bytes.subarray(headroom), ...rest);
    const encrypted = encrypt(encryptFor, plain, pool);
    for (const { request } of replies) request.sent?.();
    return encrypted;
  }
  let length = 0;
  for (const reply of replies) length += reply.length;
  writeFraming(first.bytes, length);
  if (replies.length === 1) {
    return { chunks: first.rest.length === 0 ? [first.bytes] : [first.bytes, ...first.rest], sent: first.request.sent };
  }
  const chunks: Uint8Array[] = [];
  for (const reply of replies) chunks.push(reply === first ? reply.bytes : reply.bytes.subarray(headroom), ...reply.rest);
  return { chunks, sent: takeSent(replies) };
}
