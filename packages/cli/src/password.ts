import { randomInt } from 'node:crypto';
import { UsageError } from './usage.ts';

const letters = 'abcdefghjkmnpqrstuvwxyz23456789'; // none that a reader takes for another

/** A password of 79 random bits, easy to read aloud. */
export const makePassword = (): string =>
  Array.from({ length: 4 }, () => Array.from({ length: 4 }, () => letters[randomInt(letters.length)]).join('')).join('-');

/** Where a password comes from, and which are accepted. */
export interface PasswordOptions {
  /** The password of the command line; default: `RING3_PASSWORD`, else the terminal is asked. */
  readonly given?: string | undefined;
  /** Accept the empty password, with which anybody who knows the name can log on. */
  readonly allowEmpty?: boolean | undefined;
  /** Ask a second time on the terminal: for a password that is stored. */
  readonly confirm?: boolean;
}

/**
 * Returns the password of a user.
 * @throws UsageError if there is none, or it is empty and `allowEmpty` is not set; Error if the user interrupts the prompt
 */
export async function passwordFor(name: string, { given, allowEmpty, confirm }: PasswordOptions = {}): Promise<string> {
  const known = given ?? process.env['RING3_PASSWORD'];
  if (known === undefined && process.stdin.isTTY !== true)
    throw new UsageError(`no password for ${name}: set RING3_PASSWORD, or run this on a terminal`);
  const password = known ?? (await ask(name, allowEmpty === true, confirm === true));
  if (password === '' && allowEmpty !== true) throw new UsageError(emptyPassword(name));
  return password;
}

/** What is wrong with an empty password, and how to have one nevertheless. */
const emptyPassword = (name: string): string =>
  `the password of ${name} is empty: anybody could log on by that name (--allow-empty-password accepts it; guests need --guest instead)`;

/** Asks on the terminal, on standard error: standard output is for programs. The library edits the line: arrows, Ctrl-U, Ctrl-W. */
async function ask(name: string, allowEmpty: boolean, confirm: boolean): Promise<string> {
  const { isCancel, password } = await import('@clack/prompts');
  if (process.stderr.columns === 0) process.stderr.columns = 80; // a terminal that does not know its size: the library would put each character on a line
  const prompt = async (message: string, validate: (typed: string) => string | undefined): Promise<string> => {
    const typed = await password({ message, output: process.stderr, withGuide: false, validate: (text) => validate(text ?? '') });
    if (isCancel(typed)) throw new Error('interrupted');
    return typed ?? '';
  };
  const first = await prompt(`password for ${name}`, (typed) => (typed === '' && !allowEmpty ? 'it is empty: type a password' : undefined));
  if (confirm) await prompt('the same password again', (typed) => (typed === first ? undefined : 'that is not the same password'));
  return first;
}
