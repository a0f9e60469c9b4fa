import {
  type AsnType,
  type BaseBlock,
  Constructed,
  Enumerated,
  fromBER,
  GeneralString,
  ObjectIdentifier,
  OctetString,
  Sequence,
} from 'asn1js';

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

const applicationClass = 2;
const contextClass = 3;

/** Bytes that hold no SPNEGO token; it never leaves this file. */
class Malformed extends Error {}
const malformed = (what: string): never => {
  throw new Malformed(what);
};

const childrenOf = (block: AsnType | undefined): BaseBlock[] => {
  const value = (block?.valueBlock as { value?: unknown } | undefined)?.value;
  return block instanceof Constructed && Array.isArray(value) ? value : malformed('a constructed element wanted');
};

/** The fields of a SEQUENCE whose elements are context-tagged, by tag; each once, in order. */
function fieldsOf(sequence: AsnType | undefined): Map<number, BaseBlock> {
  if (!(sequence instanceof Sequence)) return malformed('SEQUENCE wanted');
  const fields = new Map<number, BaseBlock>();
  let last = -1;
  for (const field of childrenOf(sequence)) {
    if (field.idBlock.tagClass !== contextClass || field.idBlock.tagNumber <= last) malformed('a field out of order');
    const inner = childrenOf(field);
    if (inner.length !== 1) malformed('a field of one element wanted');
    last = field.idBlock.tagNumber;
    fields.set(last, inner[0]!);
  }
  return fields;
}

const oidOf = (block: BaseBlock): string =>
  block instanceof ObjectIdentifier ? block.valueBlock.toString() : malformed('OBJECT IDENTIFIER wanted');
const octetsOf = (block: BaseBlock): Uint8Array =>
  block instanceof OctetString ? new Uint8Array(block.getValue()) : malformed('OCTET STRING wanted');

function initOf(sequence: BaseBlock | undefined): NegTokenInit {
  const fields = fieldsOf(sequence);
  const list = fields.get(0);
  if (!(list instanceof Sequence)) return malformed('no list of mechanisms');
  const oids = childrenOf(list);
  if (oids.length === 0 || oids.length > maxMechTypes) malformed(`${oids.length} mechanisms`);
  const mechToken = fields.get(2);
  // In a NegTokenInit2 field 3 holds hints and field 4 the code.
  const mic = fields.get(4) ?? fields.get(3);
  return {
    kind: 'init',
    mechTypes: oids.map(oidOf),
    mechTypesBytes: new Uint8Array(list.valueBeforeDecodeView),
    ...(mechToken !== undefined && { mechToken: octetsOf(mechToken) }),
    ...(mic instanceof OctetString && { mechListMic: octetsOf(mic) }),
  };
}

function responseOf(sequence: BaseBlock | undefined): NegTokenResp {
  const fields = fieldsOf(sequence);
  const [state, mech, token, mic] = [0, 1, 2, 3].map((tag) => fields.get(tag));
  if (state !== undefined && !(state instanceof Enumerated)) return malformed('ENUMERATED wanted');
  return {
    kind: 'response',
    ...(state !== undefined && { negState: state.valueBlock.valueDec }),
    ...(mech !== undefined && { supportedMech: oidOf(mech) }),
    ...(token !== undefined && { responseToken: octetsOf(token) }),
    ...(mic !== undefined && { mechListMic: octetsOf(mic) }),
  };
}

function tokenOf(block: AsnType): NegTokenInit | NegTokenResp {
  if (block.idBlock.tagClass === applicationClass && block.idBlock.tagNumber === 0) {
    const [oid, inner] = childrenOf(block);
    if (oid === undefined || inner === undefined || oidOf(oid) !== spnegoOid) return malformed('not SPNEGO');
    return tokenOf(inner);
  }
  if (block.idBlock.tagClass !== contextClass) return malformed('not SPNEGO');
  const [sequence] = childrenOf(block);
  if (block.idBlock.tagNumber === 0) return initOf(sequence);
  if (block.idBlock.tagNumber === 1) return responseOf(sequence);
  return malformed('neither NegTokenInit nor NegTokenResp');
}

/** Reads a token, with or without the GSS-API frame around it (RFC 2743 3.1). @returns what is wrong with it, as text, where it cannot be read */
export function decodeNegToken(bytes: Uint8Array): NegTokenInit | NegTokenResp | string {
  if (bytes.length > maxTokenLength) return `a token of ${bytes.length} bytes`;
  try {
    const { offset, result } = fromBER(bytes as Uint8Array<ArrayBuffer>);
    if (offset === -1) return result.error === '' ? 'no DER' : result.error;
    if (offset !== bytes.length) return `${bytes.length - offset} bytes behind the token`;
    return tokenOf(result);
  } catch (error) {
    if (error instanceof Error) return error.message; // the library throws plain errors on some malformed input
    throw error;
  }
}

const context = (tagNumber: number, value: BaseBlock): Constructed =>
  new Constructed({ idBlock: { tagClass: contextClass, tagNumber }, value: [value] });
const octets = (bytes: Uint8Array): OctetString => new OctetString({ valueHex: bytes as Uint8Array<ArrayBuffer> });
const oid = (value: string): ObjectIdentifier => new ObjectIdentifier({ value });
const mechTypeList = (mechTypes: readonly string[]): Sequence => new Sequence({ value: mechTypes.map(oid) });
const der = (block: BaseBlock): Uint8Array => new Uint8Array(block.toBER(false));
const gss = (token: BaseBlock): Uint8Array =>
  der(new Constructed({ idBlock: { tagClass: applicationClass, tagNumber: 0 }, value: [oid(spnegoOid), token] }));

/** The list of mechanisms alone: what the mechListMIC is computed over. */
export const encodeMechTypes = (mechTypes: readonly string[]): Uint8Array => der(mechTypeList(mechTypes));

/** A client's first token. */
export function encodeNegTokenInit(mechTypes: readonly string[], mechToken?: Uint8Array): Uint8Array {
  const fields = [context(0, mechTypeList(mechTypes))];
  if (mechToken !== undefined) fields.push(context(2, octets(mechToken)));
  return gss(context(0, new Sequence({ value: fields })));
}

/** What a server offers in its NEGOTIATE response: NegTokenInit2 with the hint that every server sends, MS-SPNG 2.2.1 and 3.2.5.2. */
export function encodeNegTokenInit2(mechTypes: readonly string[]): Uint8Array {
  const hint = new GeneralString({ value: 'not_defined_in_RFC4178@please_ignore' });
  const hints = new Sequence({ value: [context(0, hint)] });
  return gss(context(0, new Sequence({ value: [context(0, mechTypeList(mechTypes)), context(3, hints)] })));
}

/** A token after the first. */
export function encodeNegTokenResp(token: Omit<NegTokenResp, 'kind'>): Uint8Array {
  const fields: Constructed[] = [];
  if (token.negState !== undefined) fields.push(context(0, new Enumerated({ value: token.negState })));
  if (token.supportedMech !== undefined) fields.push(context(1, oid(token.supportedMech)));
  if (token.responseToken !== undefined) fields.push(context(2, octets(token.responseToken)));
  if (token.mechListMic !== undefined) fields.push(context(3, octets(token.mechListMic)));
  return der(context(1, new Sequence({ value: fields })));
}
