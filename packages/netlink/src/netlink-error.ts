import { errnoName } from '@ring3/linux';

/** The extended acknowledgement; empty if the other side sends none. */
export interface Extack {
  /** NLMSGERR_ATTR_MSG. */
  readonly message?: string | undefined;
  /** NLMSGERR_ATTR_OFFS: offset of the invalid attribute from the start of the request. */
  readonly offset?: number | undefined;
}

/** A rejected netlink request. `errno` is positive, as in errno.h; `code` its name. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  readonly errno: number;
  readonly code: string;
  readonly extack: Extack;
  /** @param errno positive or negative @param what the request, for the message */
  constructor(errno: number, what: string, extack: Extack = {}, options?: ErrorOptions) {
    const code = errnoName(errno);
    super(`${what}: ${code}${extack.message === undefined ? '' : ` (${extack.message})`}`, options);
    this.errno = Math.abs(errno);
    this.code = code;
    this.extack = extack;
  }
}
