import {
  contentOf,
  type DerElement,
  DerError,
  DerTag,
  readDer,
  readDerList,
  readObjectIdentifier,
  writeDer,
  writeObjectIdentifier,
} from './der.ts';

/** SPNEGO's own object identifier, RFC 4178 1. */
export const spnegoOid = '1.3.6.1.5.5.2';

/** negState of NegTokenResp, RFC 4178 4.2.2. */
export const NegState = { AcceptCompleted: 0, AcceptIncomplete: 1, Reject: 2, RequestMic: 3 } as const;
export type NegState = (typeof NegState)[keyof typeof NegState];

/** NegTokenInit, RFC 4178 4.2.1; also NegTokenInit2 of MS-SPNG 2.2.1, whose hints are not kept. */
export interface NegTokenInit {
  readonly kind: 'init';
  /** Object identifiers, dotted, the preferred one first. */
  readonly mechTypes: readonly string[];
  /** The list as it was encoded: what the mechListMIC is computed over. */
  readonly mechTypesBytes: Uint8Array;
  readonly mechToken?: Uint8Array;
  readonly mechListMic?: Uint8Array;
}

/** NegTokenResp, RFC 4178 4.2.2. */
export interface NegTokenResp {
  readonly kind: 'response';
  readonly negState?: number;
  readonly supportedMech?: string;
  readonly responseToken?: Uint8Array;
  readonly mechListMic?: Uint8Array;
}

/** Longest token that is looked at, bytes. */
export const maxTokenLength = 65536;
const maxMechTypes = 16;
/** Fields of the largest token, NegTokenInit2. */
const maxFields = 5;

const malformed = (what: string): never => {
  throw new DerError(what);
};

/** The fields of a SEQUENCE whose elements are context-tagged, by tag; each once, in order. */
function fieldsOf(sequence: DerElement): ReadonlyMap<number, DerElement> {
  const fields = new Map<number, DerElement>();
  let last = -1;
  for (const { tag, content } of readDerList(contentOf(sequence, DerTag.Sequence), maxFields)) {
    const number = tag - DerTag.Context;
    if (number <= last || number > 0x1e) malformed('a field out of order');
    last = number;
    fields.set(number, only(content));
  }
  return fields;
}

/** The one element that content consists of. */
function only(content: Uint8Array): DerElement {
  const [element] = readDerList(content, 1);
  return element ?? malformed('an empty field');
}

const octetsOf = (element: DerElement): Uint8Array => new Uint8Array(contentOf(element, DerTag.OctetString));

function initOf(sequence: DerElement): NegTokenInit {
  const fields = fieldsOf(sequence);
  const list = fields.get(0) ?? malformed('no list of mechanisms');
  const oids = readDerList(contentOf(list, DerTag.Sequence), maxMechTypes);
  if (oids.length === 0) malformed('an empty list of mechanisms');
  const mechToken = fields.get(2);
  // In a NegTokenInit2 field 3 holds hints and field 4 the code.
  const mic = fields.get(4) ?? fields.get(3);
  return {
    kind: 'init',
    mechTypes: oids.map(readObjectIdentifier),
    mechTypesBytes: new Uint8Array(list.whole),
    ...(mechToken !== undefined && { mechToken: octetsOf(mechToken) }),
    ...(mic?.tag === DerTag.OctetString && { mechListMic: octetsOf(mic) }),
  };
}

function stateOf(element: DerElement): number {
  const content = contentOf(element, DerTag.Enumerated);
  return content.length === 1 ? (content[0] as number) : malformed('a state of several bytes');
}

function responseOf(sequence: DerElement): NegTokenResp {
  const fields = fieldsOf(sequence);
  const [state, mech, token, mic] = [0, 1, 2, 3].map((tag) => fields.get(tag));
  return {
    kind: 'response',
    ...(state !== undefined && { negState: stateOf(state) }),
    ...(mech !== undefined && { supportedMech: readObjectIdentifier(mech) }),
    ...(token !== undefined && { responseToken: octetsOf(token) }),
    ...(mic !== undefined && { mechListMic: octetsOf(mic) }),
  };
}

function tokenOf({ tag, content }: DerElement): NegTokenInit | NegTokenResp {
  if (tag === DerTag.Context) return initOf(only(content));
  if (tag === DerTag.Context + 1) return responseOf(only(content));
  return malformed('neither NegTokenInit nor NegTokenResp');
}

/** The content of the GSS-API frame, RFC 2743 3.1. */
function framed(content: Uint8Array): DerElement {
  const [oid, inner] = readDerList(content, 2);
  if (oid === undefined || inner === undefined || readObjectIdentifier(oid) !== spnegoOid) return malformed('not SPNEGO');
  return inner;
}

/**
 * Reads a token, with or without the GSS-API frame around it (RFC 2743 3.1). The cost is that of the few elements that SPNEGO has, whatever is inside them.
 * @returns the error, as text, if it is malformed
 */
export function decodeNegToken(bytes: Uint8Array): NegTokenInit | NegTokenResp | string {
  if (bytes.length > maxTokenLength) return `a token of ${bytes.length} bytes`;
  try {
    const element = readDer(bytes);
    const behind = bytes.length - element.whole.length;
    if (behind > 0) return `${behind} bytes after the token`;
    return tokenOf(element.tag === DerTag.Application ? framed(element.content) : element);
  } catch (error) {
    if (error instanceof DerError) return error.message;
    throw error;
  }
}

const context = (number: number, value: Uint8Array): Uint8Array => writeDer(DerTag.Context + number, value);
const sequence = (...elements: readonly Uint8Array[]): Uint8Array => writeDer(DerTag.Sequence, ...elements);
const octets = (bytes: Uint8Array): Uint8Array => writeDer(DerTag.OctetString, bytes);
const gss = (token: Uint8Array): Uint8Array => writeDer(DerTag.Application, writeObjectIdentifier(spnegoOid), token);

/** The list of mechanisms: what the mechListMIC is computed over. */
export const encodeMechTypes = (mechTypes: readonly string[]): Uint8Array => sequence(...mechTypes.map(writeObjectIdentifier));

/** A client's first token. */
export function encodeNegTokenInit(mechTypes: readonly string[], mechToken?: Uint8Array): Uint8Array {
  const fields = [context(0, encodeMechTypes(mechTypes))];
  if (mechToken !== undefined) fields.push(context(2, octets(mechToken)));
  return gss(context(0, sequence(...fields)));
}

const hint = Buffer.from('not_defined_in_RFC4178@please_ignore', 'latin1');

/** What a server offers in its NEGOTIATE response: NegTokenInit2 with the hint that every server sends, MS-SPNG 2.2.1 and 3.2.5.2. */
export function encodeNegTokenInit2(mechTypes: readonly string[]): Uint8Array {
  const hints = sequence(context(0, writeDer(DerTag.GeneralString, hint)));
  return gss(context(0, sequence(context(0, encodeMechTypes(mechTypes)), context(3, hints))));
}

/** A token after the first. */
export function encodeNegTokenResp(token: Omit<NegTokenResp, 'kind'>): Uint8Array {
  const fields: Uint8Array[] = [];
  if (token.negState !== undefined) fields.push(context(0, writeDer(DerTag.Enumerated, Uint8Array.of(token.negState))));
  if (token.supportedMech !== undefined) fields.push(context(1, writeObjectIdentifier(token.supportedMech)));
  if (token.responseToken !== undefined) fields.push(context(2, octets(token.responseToken)));
  if (token.mechListMic !== undefined) fields.push(context(3, octets(token.mechListMic)));
  return context(1, sequence(...fields));
}
