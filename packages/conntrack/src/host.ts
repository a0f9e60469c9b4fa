import { Helpers } from './helper.ts';

/** State that the namespaces of one host share. By default a namespace creates its own. */
export class Host {
  /** The helpers, shared by all namespaces. */
  readonly helpers: Helpers = new Helpers();
}
