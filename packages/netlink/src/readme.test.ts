import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { attr, attrs, be32 } from '@ring3/wire';
import { command, createClient, createServer, Errno, memoryLink, subsystem } from './index.ts';

test('the README’s example does what it says', async () => {
  const Item = attrs('ITEM', { number: attr(1, be32) });
  const twice = command({
    attributes: Item,
    handle: ({ attributes, reply }) => {
      const number = attributes.get('number');
      if (number === undefined) return Errno.EINVAL;
      reply(0, Item, { number: number * 2 });
      return 0;
    },
  });
  const server = createServer({ subsystems: [subsystem(77, { 0: twice })] });
  const client = createClient(memoryLink(server));
  const [answer] = await client.request({ type: 77 << 8, attributes: Item, value: { number: 21 }, what: 'twice 21' });
  strictEqual(Item.read(answer!.frame, answer!.at + 20, answer!.header.length - 20).number, 42);
});
