import type { ControlRequests } from '@ring3/daemon';
import { age, size } from '../human.ts';
import type { Column } from '../table.ts';

type Verb = 'connections' | 'sessions' | 'channels' | 'opens' | 'locks' | 'leases';
type Row<V extends Verb> = ControlRequests[V]['answer'][number];

/** Access rights, one letter each: read, write (or append), execute, delete. */
const letters = [
  ['r', ['read']],
  ['w', ['write', 'append']],
  ['x', ['execute']],
  ['d', ['delete']],
] as const;
const shortRights = (rights: readonly string[]): string =>
  letters.map(([letter, words]) => (words.some((word) => rights.includes(word)) ? letter : '-')).join('');

/** The user of a session as text. */
const who = ({ user, guest, anonymous }: Row<'sessions'>): string => (anonymous ? '(anonymous)' : guest ? `${user} (guest)` : user);
const protection = ({ encrypted, signed, cipher, signing }: Row<'sessions'>): string =>
  encrypted ? (cipher ?? '') : signed ? (signing ?? '') : 'none';
/** How an open outlives its connection, and whether its client is disconnected. */
const outlives = ({ durability, detached }: Row<'opens'>): string =>
  durability === 'none' ? '' : detached ? `${durability}, detached` : durability;
const end = (offset: string, length: string): string => (length === '0' ? offset : `${BigInt(offset) + BigInt(length) - 1n}`);

const columns: { readonly [V in Verb]: readonly Column<Row<V>>[] } = {
  connections: [
    { head: 'ID', cell: ({ id }) => id },
    { head: 'CLIENT', cell: ({ peer }) => peer },
    { head: 'DIALECT', cell: ({ dialect }) => dialect ?? '' },
    { head: 'SESSIONS', right: true, cell: ({ sessions }) => `${sessions}` },
    { head: 'IN FLIGHT', right: true, cell: ({ inFlight }) => `${inFlight}` },
    { head: 'RECEIVED', right: true, cell: ({ bytesIn }) => size(bytesIn) },
    { head: 'SENT', right: true, cell: ({ bytesOut }) => size(bytesOut) },
    { head: 'IDLE', right: true, cell: ({ lastActive }) => age(lastActive) },
    { head: 'SINCE', right: true, cell: ({ since }) => age(since) },
  ],
  sessions: [
    { head: 'ID', cell: ({ id }) => id },
    { head: 'USER', cell: who },
    { head: 'CLIENT', cell: ({ peer }) => peer },
    { head: 'WORKSTATION', cell: ({ workstation }) => workstation },
    { head: 'DIALECT', cell: ({ dialect }) => dialect },
    { head: 'PROTECTION', cell: protection },
    { head: 'SHARES', cell: ({ shares }) => shares.join(', ') },
    { head: 'CHANNELS', right: true, cell: ({ peers }) => `${peers.length}` },
    { head: 'OPENS', right: true, cell: ({ opens }) => `${opens}` },
    { head: 'SINCE', right: true, cell: ({ since }) => age(since) },
  ],
  channels: [
    { head: 'SESSION', cell: ({ session }) => `s${session}` },
    { head: 'CONNECTION', cell: ({ connection }) => `c${connection}` },
    { head: 'USER', cell: ({ user }) => user },
    { head: 'CLIENT', cell: ({ peer }) => peer },
    { head: 'DIALECT', cell: ({ dialect }) => dialect },
    { head: 'SIGNING', cell: ({ signing }) => signing ?? '' },
    { head: 'FIRST', cell: ({ first }) => (first ? 'yes' : '') },
    { head: 'RECEIVED', right: true, cell: ({ bytesIn }) => size(bytesIn) },
    { head: 'SENT', right: true, cell: ({ bytesOut }) => size(bytesOut) },
    { head: 'IDLE', right: true, cell: ({ lastActive }) => age(lastActive) },
    { head: 'SINCE', right: true, cell: ({ since }) => age(since) },
  ],
  opens: [
    { head: 'ID', cell: ({ id }) => id },
    { head: 'USER', cell: ({ user }) => user },
    { head: 'CLIENT', cell: ({ peer }) => peer },
    { head: 'SHARE', cell: ({ share }) => share },
    { head: 'KIND', cell: ({ kind }) => kind },
    { head: 'PATH', cell: ({ path }) => (path === '' ? '\\' : path) },
    { head: 'RIGHTS', cell: ({ rights }) => shortRights(rights) },
    { head: 'OPLOCK', cell: ({ oplock }) => (oplock === 'none' ? '' : oplock) },
    { head: 'OUTLIVES', cell: outlives },
    { head: 'LOCKS', right: true, cell: ({ locks }) => (locks === 0 ? '' : `${locks}`) },
    { head: 'DELETE', cell: ({ deletePending }) => (deletePending ? 'on close' : '') },
    { head: 'SINCE', right: true, cell: ({ since }) => age(since) },
  ],
  locks: [
    { head: 'OPEN', cell: ({ open }) => `o${open}` },
    { head: 'USER', cell: ({ user }) => user },
    { head: 'CLIENT', cell: ({ peer }) => peer },
    { head: 'SHARE', cell: ({ share }) => share },
    { head: 'PATH', cell: ({ path }) => path },
    { head: 'FROM', right: true, cell: ({ offset }) => offset },
    { head: 'TO', right: true, cell: ({ offset, length }) => end(offset, length) },
    { head: 'KIND', cell: ({ exclusive }) => (exclusive ? 'exclusive' : 'shared') },
  ],
  leases: [
    { head: 'KEY', cell: ({ key }) => key },
    { head: 'CLIENT', cell: ({ client }) => client },
    { head: 'USER', cell: ({ user }) => user },
    { head: 'ADDRESS', cell: ({ peer }) => peer },
    { head: 'STATE', cell: ({ state, breaking }) => (breaking ? `${state}, breaking` : state) },
    { head: 'EPOCH', right: true, cell: ({ epoch }) => `${epoch}` },
    { head: 'OPENS', right: true, cell: ({ opens }) => `${opens}` },
    { head: 'SHARE', cell: ({ share }) => share },
    { head: 'KIND', cell: ({ kind }) => kind },
    { head: 'PATH', cell: ({ path }) => (path === '' ? '\\' : path) },
  ],
};

/** The columns of each list of `ring3 ctl`. */
export const columnsOf = (verb: Verb): readonly Column<object>[] => columns[verb] as readonly Column<object>[];
