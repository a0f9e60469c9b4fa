import { matchesWildcard } from '@ring3/kit';
import type { OpenView, SessionView, View } from '@ring3/smb-server';
import type { ControlHandlers } from './peer.ts';
import type { Filter, Named, OpenFilter } from './protocol.ts';

/** Requests that list clients of the file server, and the request that disconnects one. */
export const clientHandlers = (
  view: () => View,
): Pick<ControlHandlers, 'connections' | 'sessions' | 'channels' | 'opens' | 'locks' | 'leases' | 'close'> => ({
  connections: (filter) => named('c', view().each('connections'), matching(filter)),
  sessions: (filter) => named('s', view().each('sessions'), matching(filter)),
  channels: (filter) => those(view().each('channels'), matching(filter)),
  opens: (filter) => named('o', those(view().each('opens'), isDetached(filter)), matching(filter)),
  locks: (filter) => those(view().each('locks'), matching(filter)),
  leases: (filter) => those(view().each('leases'), matching(filter)),
  close: ({ id }) => {
    const [, kind, number] = /^([cso])(\d{1,16})$/.exec(String(id)) ?? [];
    const end = kind === undefined ? undefined : ending[kind as Kind];
    if (end === undefined) throw new Error('an id is c1 (connection), s1 (session) or o1 (open), as the lists show them');
    if (!end(view(), Number(number))) throw new Error(`there is no ${id}`);
    return null;
  },
});

type Kind = 'c' | 's' | 'o';
const ending: Readonly<Record<Kind, (view: View, id: number) => boolean>> = {
  c: (view, id) => view.endConnection(id),
  s: (view, id) => view.endSession(id),
  o: (view, id) => view.endOpen(id),
};

/** The matching objects of a list, with their names. */
function* named<T extends { readonly id: number }>(
  kind: Kind,
  things: Iterable<T>,
  matches: (thing: T) => boolean,
): Generator<Named<T>, void> {
  for (const thing of things) if (matches(thing)) yield { ...thing, id: `${kind}${thing.id}` };
}

function* those<T extends object>(things: Iterable<T>, matches: (thing: T) => boolean): Generator<T, void> {
  for (const thing of things) if (matches(thing)) yield thing;
}

/** @throws Error in one line if a filter is not a string */
function matching(filter: Filter): (thing: object) => boolean {
  const tests = (['user', 'share', 'peer', 'path'] as const).flatMap((name) => {
    const wanted: unknown = filter[name];
    if (wanted === undefined) return [];
    if (typeof wanted !== 'string') throw new Error(`${name}: a string`);
    const pattern = wanted.toLowerCase();
    return [(thing: object) => valuesOf(thing, name).some((value) => matchesWildcard(pattern, value.toLowerCase()))];
  });
  return (thing) => tests.every((test) => test(thing));
}

/** @throws Error in one line if the filter is not a boolean */
function isDetached({ detached }: OpenFilter): (open: Pick<OpenView, 'detached'>) => boolean {
  if (detached === undefined) return () => true;
  if (typeof detached !== 'boolean') throw new Error('detached: true or false');
  return (open) => open.detached === detached;
}

/** The fields of a filter name; a session has several shares, and a peer for each of its channels. */
function valuesOf(thing: object, name: keyof Filter): string[] {
  const {
    [name]: one,
    shares = [],
    peers,
  } = thing as Partial<Record<keyof Filter, string>> & Partial<Pick<SessionView, 'shares' | 'peers'>>;
  if (name === 'peer') return (peers ?? (one === undefined ? [] : [one])).flatMap((peer) => [peer, addressIn(peer)]);
  if (one !== undefined) return [one];
  return name === 'share' ? [...shares] : [];
}

/** The address in `192.0.2.7:50122` or `[2001:db8::1]:50122`. */
const addressIn = (peer: string): string => peer.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
