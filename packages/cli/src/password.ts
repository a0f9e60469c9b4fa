import { randomInt } from 'node:crypto';
import { UsageError } from './usage.ts';

const letters = 'abcdefghjkmnpqrstuvwxyz23456789'; // without letters and digits that look alike

/** A password of 79 random bits, easy to read aloud. */
export const makePassword = (): string =>
  Array.from({ length: 4 }, () => Array.from({ length: 4 }, () => letters[randomInt(letters.length)]).join('')).join('-');

/** The source of a password, and the accepted ones. */
export interface PasswordOptions {
  /** The password of the command line; default: `RING3_PASSWORD`, else a prompt on the terminal. */
  readonly given?: string | undefined;
  /** Accept the empty password. Every client that knows the name can log on with it. */
  readonly allowEmpty?: boolean | undefined;
  /** Ask twice on the terminal, for a password that is stored. */
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

/** The message for an empty password, and how to accept it. */
const emptyPassword = (name: string): string =>
  `the password of ${name} is empty: every client could log on with that name (--allow-empty-password accepts it; guests need --guest instead)`;

/**
 * Prompts on the terminal through standard error, because standard output is for programs. The library edits the line: arrows, Ctrl-U,
 * Ctrl-W.
 */
async function ask(name: string, allowEmpty: boolean, confirm: boolean): Promise<string> {
  const { isCancel, password } = await import('@clack/prompts');
  if (process.stderr.columns === 0) process.stderr.columns = 80; // a terminal without a size: the library would print each character on its own line
  const prompt = async (message: string, validate: (typed: string) => string | undefined): Promise<string> => {
    const typed = await password({ message, output: process.stderr, withGuide: false, validate: (text) => validate(text ?? '') });
    if (isCancel(typed)) throw new Error('interrupted');
    return typed ?? '';
  };
  const first = await prompt(`password for ${name}`, (typed) => (typed === '' && !allowEmpty ? 'the password is empty' : undefined));
  if (confirm) await prompt('the same password again', (typed) => (typed === first ? undefined : 'the passwords differ'));
  return first;
}
