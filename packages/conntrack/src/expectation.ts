import type { HelperRef } from './engine.ts';
import type { Tuple } from './tuple.ts';

/** EXP_NEW and EXP_DESTROY of `conntrack -E expect`. */
export type ExpectationEvent = 'new' | 'destroy';

/** NF_CT_EXPECT_* flags, nf_conntrack_common.h. */
export const ExpectFlag = { Permanent: 1, Inactive: 2, Userspace: 4 } as const;

/** IPEXP_* bits, nf_conntrack_common.h `enum ip_conntrack_expect_events`. */
export const ExpectEventBit = { New: 1, Destroy: 2 } as const;

/** The expected tuple: the destination must match exactly, the source in the bits of the mask. */
export interface ExpectationRequest {
  readonly master: number;
  readonly tuple: Tuple;
  /** Bits of the source address and port that must match; the rest of the tuple must match exactly. */
  readonly mask: { readonly source: Uint8Array; readonly sourcePort: number };
  readonly classIndex?: number;
  readonly flags?: number;
  /** The original tuple of the expected flow. */
  readonly helper?: HelperRef | undefined;
  /** Lifetime in seconds, if the helper's class does not define it. */
  readonly timeoutSeconds?: number;
}

/** A pending expectation. */
export interface Expectation {
  readonly id: number;
  readonly master: number;
  readonly masterSerial: number;
  readonly tuple: Tuple;
  readonly mask: { readonly source: Uint8Array; readonly sourcePort: number };
  readonly classIndex: number;
  readonly flags: number;
  readonly helper: HelperRef | undefined;
  /** Time of expiry, in milliseconds of the table's time. */
  expiry: number;
}

/** The reason why an expectation is rejected. `same`: it exists already. */
export type ExpectationRefusal = 'ENOENT' | 'EINVAL' | 'EOPNOTSUPP' | 'EBUSY' | 'EMFILE' | 'same';
