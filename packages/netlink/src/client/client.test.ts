import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeRandom } from '@ring3/kit';
import { Errno } from '@ring3/linux';
import { attr, attrs, be32 } from '@ring3/wire';
import { memoryLink } from '../links/memory.ts';
import type { MessageHeader } from '../message.ts';
import { NetlinkError } from '../netlink-error.ts';
import { Block } from '../server/block.ts';
import { createServer } from '../server/server.ts';
import { command, subsystem } from '../server/subsystem.ts';
import { createClient, lost } from './client.ts';

const Number32 = attrs('NUMBER', { number: attr(1, be32) });
const type = 77 << 8;
let interrupted = false;
const server = createServer({
  random: fakeRandom(),
  subsystems: [
    subsystem(77, {
      0: command({
        attributes: Number32,
        handle: () => Errno.ENOENT,
        dump: () => {
          let next = 0;
          return {
            interrupted,
            fill: (block, head) => {
              while (next < 500 && block.add({ ...head, type }, Number32, { number: next })) next++;
              return next === 500;
            },
          };
        },
      }),
    }),
  ],
});
const list = { type, attributes: Number32, value: {}, what: 'list numbers' };

test('an error is a NetlinkError with the errno, its name and the text of the extended acknowledgement', async () => {
  const client = createClient(memoryLink(server));
  await assert.rejects(client.request({ ...list, what: 'get number' }), (error) => {
    assert.ok(error instanceof NetlinkError);
    assert.deepEqual([error.errno, error.code, error.message], [Errno.ENOENT, 'ENOENT', 'get number: ENOENT']);
    return true;
  });
  const broken = { ...list, value: { unknown: [{ type: 1, bytes: Uint8Array.of(1) }] }, what: 'break' };
  await assert.rejects(client.request(broken), {
    errno: Errno.ERANGE,
    extack: { message: 'Attribute failed policy validation', offset: 20 },
  });
  client.close();
  await assert.rejects(client.request(list), { errno: Errno.EBADF });
});

test('a dump is in order, block by block; an abandoned one completes before the next begins', async () => {
  const client = createClient(memoryLink(server));
  const seen: number[] = [];
  const numberOf = async (): Promise<void> => {
    for await (const { frame, at, header } of client.dump(list)) {
      seen.push(Number32.read(frame, at + 20, header.length - 20).number!);
      if (seen.length === 10) break;
    }
  };
  const second = client.dump(list);
  await Promise.all([numberOf(), second.next()]);
  await second.return?.();
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  let count = 0;
  for await (const _ of client.dump(list)) count++;
  assert.equal(count, 500);
});

test('a dump whose list changed meanwhile ends with EINTR (NLM_F_DUMP_INTR)', async () => {
  interrupted = true;
  const client = createClient(memoryLink(server));
  await assert.rejects(
    async () => {
      for await (const _ of client.dump(list));
    },
    { errno: Errno.EINTR },
  );
  interrupted = false;
});

test('events arrive while requests run; a loss is reported in order', async () => {
  const link = memoryLink(server);
  const client = createClient(link);
  const events = client.events([3]);
  const event = (number: number): Uint8Array => {
    const block = new Block();
    block.add({ type, flags: 0, sequence: 0, portId: 0 }, Number32, { number });
    return block.bytes().slice();
  };
  const first = events.next();
  server.notify(3, event(1));
  await assert.rejects(client.request(list), { errno: Errno.ENOENT });
  const { value } = await first;
  assert.ok(value !== lost && value !== undefined && value.header.type === type);
  link.setReceiveBuffer(0);
  for (let i = 0; i < 20; i++) server.notify(3, event(i));
  assert.equal((await events.next()).value, lost);
  assert.ok(((await events.next()).value as { header: MessageHeader }).header.type === type);
  await events.return?.();
  assert.equal(server.listening(3), false);
  client.close();
});
