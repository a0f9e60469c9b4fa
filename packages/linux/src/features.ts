import { openat2Allowed } from './file/open.ts';
import { unsupported } from './library.ts';

/** What this machine has of what this package uses. */
export interface Features {
  /** Why nothing of it works here, in one line; undefined where it does. */
  readonly refusal: string | undefined;
  /** Whether openat2 may be called; where not, paths are walked component by component. */
  readonly openat2: boolean;
}

let found: Features | undefined;

/** What this machine can do. Asked once; it loads nothing where the platform is not supported. */
export function features(): Features {
  if (found === undefined) {
    const refusal = unsupported();
    found = { refusal, openat2: refusal === undefined && openat2Allowed() };
  }
  return found;
}
