import type { ChannelView, ConnectionView, LeaseView, LockView, OpenView, SessionView } from '@ring3/smb-server';
import type { CaptureStatus } from '../capture-feed.ts';
import type { Change, Reloaded } from '../change.ts';
import type {
  CaptureProgress,
  ControlStream,
  ControlStreams,
  ControlVerb,
  DaemonStatus,
  Named,
  NamespaceInList,
  RuleInList,
  SysctlInList,
} from './protocol.ts';

/** Whether a JSON value has a shape. */
export type Shape = (value: unknown) => boolean;

const text: Shape = (value) => typeof value === 'string';
const number: Shape = (value) => typeof value === 'number';
const flag: Shape = (value) => typeof value === 'boolean';
const nothing: Shape = (value) => value === null;
const fields: Shape = (value) => typeof value === 'object' && value !== null;
/** A 64-bit number in decimal. */
const decimal: Shape = (value) => typeof value === 'string' && /^\d{1,20}$/.test(value);
/** Milliseconds since 1970 that `Date` accepts. */
const date: Shape = (value) => typeof value === 'number' && Math.abs(value) <= 8.64e15;
const oneOf = <T extends string>(words: Readonly<Record<T, true>>): Shape => {
  const known = new Set<unknown>(Object.keys(words));
  return (value) => known.has(value);
};
const optional =
  (shape: Shape): Shape =>
  (value) =>
    value === undefined || shape(value);
const list =
  (shape: Shape): Shape =>
  (value) =>
    Array.isArray(value) && value.every(shape);
/** An object with these fields; it may have others. A field without a row does not compile. */
function record<T extends object>(shapes: { readonly [K in keyof T]-?: Shape }): Shape {
  const rows = Object.entries<Shape>(shapes);
  return (value) => fields(value) && rows.every(([name, shape]) => shape((value as Readonly<Record<string, unknown>>)[name]));
}

const change = record<Change>({
  what: text,
  how: oneOf<Change['how']>({ added: true, removed: true, changed: true }),
  keys: optional(list(text)),
  holds: oneOf<Change['holds']>({ now: true, 'new connections': true, 'next start': true, restart: true }),
});
const rule = record<RuleInList>({ id: number, words: list(text) });
const capture = record<CaptureStatus>({ path: text, packets: number, notIp: number, time: date, ended: flag, damage: optional(text) });

/** The shape of the answer to each request. A request without a row does not compile. */
export const answerShapes: { readonly [V in ControlVerb]: Shape } = {
  stats: text,
  status: record<DaemonStatus>({
    state: text,
    pid: number,
    upSeconds: number,
    smb: optional(text),
    shares: list(text),
    control: optional(text),
    netlink: optional(text),
    console: optional(text),
    stateDir: text,
    config: optional(text),
  }),
  stop: nothing,
  kill: nothing,
  start: nothing,
  reload: record<Reloaded>({ changes: list(change), warnings: list(text) }),
  debug: text,
  connections: list(
    record<Named<ConnectionView>>({
      id: text,
      peer: text,
      dialect: optional(text),
      since: number,
      lastActive: number,
      bytesIn: number,
      bytesOut: number,
      inFlight: number,
      sessions: number,
    }),
  ),
  sessions: list(
    record<Named<SessionView>>({
      id: text,
      connection: number,
      peer: text,
      peers: list(text),
      user: text,
      domain: text,
      workstation: text,
      guest: flag,
      anonymous: flag,
      dialect: text,
      signed: flag,
      signing: optional(text),
      encrypted: flag,
      cipher: optional(text),
      since: number,
      shares: list(text),
      opens: number,
    }),
  ),
  channels: list(
    record<ChannelView>({
      session: number,
      connection: number,
      peer: text,
      user: text,
      dialect: text,
      signing: optional(text),
      first: flag,
      since: number,
      lastActive: number,
      bytesIn: number,
      bytesOut: number,
    }),
  ),
  opens: list(
    record<Named<OpenView>>({
      id: text,
      session: number,
      peer: text,
      user: text,
      share: text,
      path: text,
      kind: text,
      since: number,
      access: number,
      rights: list(text),
      oplock: text,
      durability: text,
      detached: flag,
      locks: number,
      deletePending: flag,
    }),
  ),
  locks: list(
    record<LockView>({
      open: number,
      session: number,
      peer: text,
      user: text,
      share: text,
      path: text,
      offset: decimal,
      length: decimal,
      exclusive: flag,
    }),
  ),
  leases: list(
    record<LeaseView>({
      key: text,
      client: text,
      session: number,
      peer: text,
      user: text,
      share: text,
      path: text,
      kind: text,
      state: text,
      breaking: flag,
      epoch: number,
      version: number,
      opens: number,
    }),
  ),
  close: nothing,
  'rule list': list(rule),
  'rule add': rule,
  'rule delete': nothing,
  'rule flush': number,
  'sysctl list': list(record<SysctlInList>({ name: text, value: text })),
  'sysctl get': text,
  'sysctl set': nothing,
  'namespace list': list(
    record<NamespaceInList>({ name: text, flows: number, policies: number, rules: number, capture: optional(capture) }),
  ),
  'namespace add': nothing,
  'namespace delete': nothing,
};

/** The shape of each line of a stream. */
export const lineShapes: { readonly [V in ControlStream]: Shape } = {
  'debug follow': record<ControlStreams['debug follow']['line']>({ time: date, debug: text, what: text, fields }),
  'capture play': record<CaptureProgress>({
    namespace: text,
    packets: number,
    notIp: number,
    time: date,
    ended: flag,
    damage: optional(text),
    flows: number,
    inserted: number,
    invalid: number,
    dropped: number,
  }),
};
