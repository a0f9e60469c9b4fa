/**
 * `enum tcp_conntrack`, nf_conntrack_tcp.h, with the names of `conntrack -L` in TypeScript's spelling. The index is the number on the wire.
 */
export const tcpStates = [
  'none',
  'synSent',
  'synRecv',
  'established',
  'finWait',
  'closeWait',
  'lastAck',
  'timeWait',
  'close',
  'synSent2',
] as const;
export type TcpState = (typeof tcpStates)[number];

/** Kinds of segments by their flags without PSH, ECE and CWR, in the order of their numbers. */
export const segments = ['syn', 'synAck', 'fin', 'ack', 'rst'] as const;
export type Segment = (typeof segments)[number];

/** One cell per state, so that an incomplete row does not compile. */
export type RowOf<S extends readonly string[]> = { readonly [K in keyof S]: S[number] | 'ignore' | 'invalid' };
type Row = RowOf<typeof tcpStates>;

// biome-ignore format: a table
/** The transitions for segments of the original direction, by state. Measured: test/golden. */
export const original: Record<Segment, Row> = {
  //        none           synSent    synRecv        established    finWait      closeWait    lastAck     timeWait    close      synSent2
  syn:    ['synSent',     'synSent', 'ignore',      'ignore',      'ignore',    'ignore',    'ignore',   'synSent',  'synSent', 'synSent2'],
  synAck: ['invalid',     'invalid', 'synRecv',     'invalid',     'invalid',   'invalid',   'invalid',  'invalid',  'invalid', 'synRecv'],
  fin:    ['invalid',     'invalid', 'finWait',     'finWait',     'lastAck',   'lastAck',   'lastAck',  'timeWait', 'close',   'invalid'],
  ack:    ['established', 'invalid', 'established', 'established', 'closeWait', 'closeWait', 'timeWait', 'timeWait', 'close',   'invalid'],
  rst:    ['invalid',     'close',   'close',       'close',       'close',     'close',     'close',    'close',    'close',   'close'],
};

// biome-ignore format: a table
/** The same for the reply direction, in which no flow begins. */
export const reply: Record<Segment, Row> = {
  //        none       synSent     synRecv    established    finWait      closeWait    lastAck     timeWait    close      synSent2
  syn:    ['invalid', 'synSent2', 'invalid', 'invalid',     'invalid',   'invalid',   'invalid',  'synSent',  'invalid', 'synSent2'],
  synAck: ['invalid', 'synRecv',  'ignore',  'ignore',      'ignore',    'ignore',    'ignore',   'ignore',   'ignore',  'synRecv'],
  fin:    ['invalid', 'invalid',  'finWait', 'finWait',     'lastAck',   'lastAck',   'lastAck',  'timeWait', 'close',   'invalid'],
  ack:    ['invalid', 'ignore',   'synRecv', 'established', 'closeWait', 'closeWait', 'timeWait', 'timeWait', 'close',   'ignore'],
  rst:    ['invalid', 'close',    'close',   'close',       'close',     'close',     'close',    'close',    'close',   'close'],
};

/** Cells of `transitions` that are not states. */
export const Ignored = 14;
export const Refused = 15;

const cell = (name: TcpState | 'ignore' | 'invalid'): number =>
  name === 'ignore' ? Ignored : name === 'invalid' ? Refused : tcpStates.indexOf(name);

/** Both tables as bytes: `transitions[(direction × 5 + segment) × 16 + state]`. */
export const transitions: Uint8Array = /* @__PURE__ */ (() => {
  const made = new Uint8Array(2 * segments.length * 16).fill(Refused);
  for (const [direction, table] of [original, reply].entries()) {
    for (const [segment, name] of segments.entries()) {
      for (const [state, next] of table[name].entries()) made[(direction * segments.length + segment) * 16 + state] = cell(next);
    }
  }
  return made;
})();

/** The segment's number for each of the 64 combinations of FIN, SYN, RST, PSH, ACK, URG; `Refused` if the combination is invalid. */
export const segmentOfFlags: Uint8Array = /* @__PURE__ */ (() => {
  const made = new Uint8Array(64).fill(Refused);
  const [fin, syn, rst, psh, ack, urg] = [1, 2, 4, 8, 16, 32];
  const valid: [number, Segment][] = [
    [syn, 'syn'],
    [syn | urg, 'syn'],
    [syn | ack, 'synAck'],
    [rst, 'rst'],
    [rst | ack, 'rst'],
    [fin | ack, 'fin'],
    [fin | ack | urg, 'fin'],
    [ack, 'ack'],
    [ack | urg, 'ack'],
  ];
  for (const [flags, segment] of valid) {
    made[flags] = segments.indexOf(segment);
    made[flags | psh] = segments.indexOf(segment);
  }
  return made;
})();
