import { userName } from '@ring3/daemon/share-keys';
import { UsageError } from './usage.ts';

/** @throws UsageError for a name that no client can log on with (MS-SAMR 3.1.1.6), or that a client would split at `@` */
export function checkUserName(name: string): void {
  if (!userName.test(name) || name.includes('@')) {
    throw new UsageError(`invalid user name ${JSON.stringify(name)}: 1 to 104 characters, none of "/\\[]:;|=,+*?<>@`);
  }
}
