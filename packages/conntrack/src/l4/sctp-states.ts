import type { RowOf } from './tcp-states.ts';

/** `enum sctp_conntrack`, nf_conntrack_sctp.h. The index is the number on the wire. */
export const sctpStates = [
  'none',
  'closed',
  'cookieWait',
  'cookieEchoed',
  'established',
  'shutdownSent',
  'shutdownRecd',
  'shutdownAckSent',
  'heartbeatSent',
] as const;
export type SctpState = (typeof sctpStates)[number];
type Row = RowOf<typeof sctpStates>;

/** Chunks that change the state, RFC 9260 section 3.2, in the order of their numbers; all others are `data`. */
export const chunks = [
  'init',
  'initAck',
  'abort',
  'shutdown',
  'shutdownAck',
  'error',
  'cookieEcho',
  'cookieAck',
  'shutdownComplete',
  'heartbeat',
  'heartbeatAck',
  'data',
] as const;
export type Chunk = (typeof chunks)[number];

// biome-ignore format: a table
/** The transitions for chunks of the original direction, by state. Measured; `none` is the first packet of a flow. */
export const original: Record<Chunk, Row> = {
  //                  none               closed    cookieWait      cookieEchoed    established     shutdownSent       shutdownRecd      
  // shutdownAckSent    heartbeatSent
  init:             ['closed',          'closed', 'cookieWait',   'cookieEchoed', 'established',  'closed',          'closed',          'shutdownAckSent', 'cookieWait'],
  initAck:          ['closed',          'closed', 'cookieWait',   'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'closed'],
  abort:            ['invalid',         'closed', 'closed',       'closed',       'closed',       'closed',          'closed',          'closed',          'closed'],
  shutdown:         ['closed',          'closed', 'cookieWait',   'cookieEchoed', 'shutdownSent', 'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'closed'],
  shutdownAck:      ['shutdownAckSent', 'closed', 'cookieWait',   'cookieEchoed', 'established',  'shutdownAckSent', 'shutdownAckSent', 'shutdownAckSent', 'shutdownAckSent'],
  error:            ['closed',          'closed', 'cookieWait',   'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'closed'],
  cookieEcho:       ['closed',          'closed', 'cookieEchoed', 'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'closed'],
  cookieAck:        ['invalid',         'closed', 'cookieWait',   'established',  'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'closed'],
  shutdownComplete: ['invalid',         'closed', 'cookieWait',   'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'closed',          'closed'],
  heartbeat:        ['heartbeatSent',   'closed', 'cookieWait',   'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'heartbeatSent'],
  heartbeatAck:     ['closed',          'closed', 'cookieWait',   'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'heartbeatSent'],
  data:             ['invalid',         'closed', 'cookieWait',   'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'heartbeatSent'],
};

// biome-ignore format: a table
/** The same for the reply direction. */
export const reply: Record<Chunk, Row> = {
  //                  none       closed        cookieWait      cookieEchoed    established     shutdownSent       shutdownRecd      
  // shutdownAckSent    heartbeatSent
  init:             ['invalid', 'closed',     'cookieWait',   'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'invalid'],
  initAck:          ['invalid', 'cookieWait', 'cookieWait',   'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'invalid'],
  abort:            ['invalid', 'closed',     'closed',       'closed',       'closed',       'closed',          'closed',          'closed',          'invalid'],
  shutdown:         ['invalid', 'closed',     'cookieWait',   'cookieEchoed', 'shutdownRecd', 'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'invalid'],
  shutdownAck:      ['invalid', 'closed',     'cookieWait',   'cookieEchoed', 'established',  'shutdownAckSent', 'shutdownAckSent', 'shutdownAckSent', 'invalid'],
  error:            ['invalid', 'closed',     'cookieWait',   'closed',       'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'invalid'],
  cookieEcho:       ['invalid', 'closed',     'cookieEchoed', 'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'invalid'],
  cookieAck:        ['invalid', 'closed',     'cookieWait',   'established',  'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'invalid'],
  shutdownComplete: ['invalid', 'closed',     'cookieWait',   'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'closed',          'invalid'],
  heartbeat:        ['invalid', 'closed',     'cookieWait',   'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'heartbeatSent'],
  heartbeatAck:     ['invalid', 'closed',     'cookieWait',   'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'established'],
  data:             ['invalid', 'closed',     'cookieWait',   'cookieEchoed', 'established',  'shutdownSent',    'shutdownRecd',    'shutdownAckSent', 'heartbeatSent'],
};

/** A cell of `transitions` that is not a state. */
export const Refused = 15;

/** Both tables as bytes: `transitions[(direction × 12 + chunk) × 16 + state]`. */
export const transitions: Uint8Array = /* @__PURE__ */ (() => {
  const made = new Uint8Array(2 * chunks.length * 16).fill(Refused);
  for (const [direction, table] of [original, reply].entries()) {
    for (const [chunk, name] of chunks.entries()) {
      for (const [state, next] of table[name].entries()) {
        made[(direction * chunks.length + chunk) * 16 + state] =
          next === 'invalid' || next === 'ignore' ? Refused : sctpStates.indexOf(next);
      }
    }
  }
  return made;
})();

/** The number of each chunk type, 0..255, in `chunks`. */
export const chunkOfType: Uint8Array = /* @__PURE__ */ (() => {
  const made = new Uint8Array(256).fill(chunks.indexOf('data'));
  const types: [number, Chunk][] = [
    [1, 'init'],
    [2, 'initAck'],
    [4, 'heartbeat'],
    [5, 'heartbeatAck'],
    [6, 'abort'],
    [7, 'shutdown'],
    [8, 'shutdownAck'],
    [9, 'error'],
    [10, 'cookieEcho'],
    [11, 'cookieAck'],
    [14, 'shutdownComplete'],
  ];
  for (const [type, chunk] of types) made[type] = chunks.indexOf(chunk);
  return made;
})();
