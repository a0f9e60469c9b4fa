import { openat2Allowed } from './file/open.ts';
import { unsupported } from './library.ts';

/** The features of this machine that the package uses. */
export interface Features {
  /** The reason why this platform is not supported, in one line; undefined if it is supported. */
  readonly refusal: string | undefined;
  /** True if openat2 may be called; otherwise paths are walked component by component. */
  readonly openat2: boolean;
}

let found: Features | undefined;

/** Returns the features of this machine. Determined once; loads nothing if the platform is not supported. */
export function features(): Features {
  if (found === undefined) {
    const refusal = unsupported();
    found = { refusal, openat2: refusal === undefined && openat2Allowed() };
  }
  return found;
}
