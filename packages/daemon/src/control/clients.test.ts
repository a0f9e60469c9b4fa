import { deepStrictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionView, View } from '@ring3/smb-server';
import { clientHandlers } from './clients.ts';
import type { Filter } from './protocol.ts';

const peers = ['192.0.2.7:50122', '[2001:db8::7]:50123', '[2001:db8::70]:50124'];
const connections = peers.map((peer, i) => ({ id: i + 1, peer }) as ConnectionView);
const ended: number[] = [];
const view = {
  each: () => connections,
  endConnection: (id: number) => id <= connections.length && ended.push(id) > 0,
} as unknown as View;
const handlers = clientHandlers(() => view);
const found = async (filter: Filter): Promise<string[]> => [...(await handlers.connections(filter))].map(({ id }) => id);

test('a client is found by its address, with or without the port, of either family', async () => {
  deepStrictEqual(await found({}), ['c1', 'c2', 'c3']);
  deepStrictEqual(await found({ peer: '192.0.2.7' }), ['c1']);
  deepStrictEqual(await found({ peer: '2001:DB8::7' }), ['c2']);
  deepStrictEqual(await found({ peer: '[2001:db8::7]:50123' }), ['c2']);
  deepStrictEqual(await found({ peer: '2001:db8::*' }), ['c2', 'c3']);
});

test('what has no such field is not meant by a filter, and a filter is text', async () => {
  deepStrictEqual(await found({ share: '*' }), []);
  throws(() => handlers.connections({ user: 7 } as unknown as Filter), /^Error: user: a string$/);
});

test('an object is closed by its name in a list; an unknown name is an error', async () => {
  deepStrictEqual(await handlers.close({ id: 'c2' }), null);
  deepStrictEqual(ended, [2]);
  throws(() => handlers.close({ id: 'c9' }), /^Error: there is no c9$/);
  for (const id of ['2', 'x2', 'c', 'c-1', 'constructor1']) throws(() => handlers.close({ id }), /an id is c1 \(connection\)/);
});
