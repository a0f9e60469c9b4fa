import { Family, type SequenceAdjustments, type SynproxyNumbers, type Translation, type TranslationRange } from '@ring3/conntrack';
import { type AttributeSet, Errno, isRefusal } from '@ring3/netlink';
import { type ConntrackMessage, NatAttributes, NatPorts, SequenceAdjustment, SynproxyAttributes } from '@ring3/nfnetlink';

type ConntrackAttributes = AttributeSet<(typeof ConntrackMessage)['table']>;

/**
 * CTA_NAT_SRC and CTA_NAT_DST: the translation of a new flow. Either of them, even empty, makes the flow a translated one.
 * @param family AF_INET or AF_INET6 of the flow: addresses of the other one are ignored
 * @returns the translation, a positive errno, or undefined if both are absent
 */
export function translationOf(attributes: ConntrackAttributes, family: number): Translation | number | undefined {
  if (!attributes.has('natSrc') && !attributes.has('natDst')) return undefined;
  const destination = rangeOf(attributes, 'natDst', family);
  if (typeof destination === 'number') return destination;
  const source = rangeOf(attributes, 'natSrc', family);
  return typeof source === 'number' ? source : { source, destination };
}

function rangeOf(attributes: ConntrackAttributes, field: 'natSrc' | 'natDst', family: number): TranslationRange | number {
  if (!attributes.has(field)) return {};
  const nat = attributes.within(field, NatAttributes);
  if (isRefusal(nat)) return nat.errno;
  const v4 = family === Family.Ipv4;
  const firstAddress = nat.get(v4 ? 'v4First' : 'v6First');
  const lastAddress = nat.get(v4 ? 'v4Last' : 'v6Last');
  const ports = nat.has('ports') ? nat.within('ports', NatPorts) : undefined;
  if (ports !== undefined && isRefusal(ports)) return ports.errno;
  const firstPort = ports?.get('first');
  const lastPort = ports?.get('last');
  return {
    ...(firstAddress === undefined ? {} : { firstAddress }),
    ...(firstAddress === undefined || lastAddress === undefined ? {} : { lastAddress }),
    ...(firstPort === undefined ? {} : { firstPort }),
    ...(firstPort === undefined || lastPort === undefined ? {} : { lastPort }),
  };
}

/**
 * CTA_SEQ_ADJ_ORIG and CTA_SEQ_ADJ_REPLY: all three parts of each.
 * @returns the adjustments before the first invalid one, and its errno or 0
 */
export function sequenceChange(attributes: ConntrackAttributes): {
  readonly made: SequenceAdjustments | undefined;
  readonly errno: number;
} {
  const original = adjustmentOf(attributes, 'seqAdjOrig');
  if (typeof original === 'number') return { made: undefined, errno: original };
  const reply = adjustmentOf(attributes, 'seqAdjReply');
  const none = original === undefined && (reply === undefined || typeof reply === 'number');
  if (typeof reply === 'number') return { made: none ? undefined : [original, undefined], errno: reply };
  return { made: none ? undefined : [original, reply], errno: 0 };
}

function adjustmentOf(attributes: ConntrackAttributes, field: 'seqAdjOrig' | 'seqAdjReply'): SequenceAdjustments[0] | number {
  if (!attributes.has(field)) return undefined;
  const found = attributes.within(field, SequenceAdjustment);
  if (isRefusal(found)) return found.errno;
  const correctionPosition = found.get('correctionPosition');
  const offsetBefore = found.get('offsetBefore');
  const offsetAfter = found.get('offsetAfter');
  if (correctionPosition === undefined || offsetBefore === undefined || offsetAfter === undefined) return Errno.EINVAL;
  return { correctionPosition, offsetBefore, offsetAfter };
}

/** CTA_SYNPROXY: all three parts. @returns them, a positive errno, or undefined if it is absent */
export function synproxyOf(attributes: ConntrackAttributes): SynproxyNumbers | number | undefined {
  if (!attributes.has('synproxy')) return undefined;
  const found = attributes.within('synproxy', SynproxyAttributes);
  if (isRefusal(found)) return found.errno;
  const initialSequence = found.get('initialSequence');
  const initialTimestamp = found.get('initialTimestamp');
  const timestampOffset = found.get('timestampOffset');
  if (initialSequence === undefined || initialTimestamp === undefined || timestampOffset === undefined) return Errno.EINVAL;
  return { initialSequence, initialTimestamp, timestampOffset };
}
