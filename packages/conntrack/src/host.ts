import { Helpers } from './helper.ts';

/** What namespaces of one host share. A namespace makes one of its own unless it is given one. */
export class Host {
  /** The list of helpers is one for all namespaces (spec 3). */
  readonly helpers: Helpers = new Helpers();
}
