import { UsageError } from './usage.ts';

/** Account names hold 1 to 20 characters, none of `"/\[]:;|=,+*?<>@` and no control characters (MS-SAMR 3.1.1.6 and SAM account names). @throws UsageError */
export function checkUserName(name: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (name.length === 0 || name.length > 20 || /["/\\[\]:;|=,+*?<>@\u0000-\u001f]/.test(name)) {
    throw new UsageError(`"${name}" is no user name: 1 to 20 characters, none of "/\\[]:;|=,+*?<>@`);
  }
}
