/** The command line of the programs in scripts/ and bench/: a wrong one is an error of one line with status 2, and nothing has run. */
import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** An option and its value: undefined, or the default, if the command line does not name it. */
export interface Option<T> {
  readonly type: 'string' | 'boolean';
  readonly default: T;
  /** @throws Error that states what is accepted */
  read(text: string): T;
}

/** The value of a whole number in decimal. @throws Error that names the range */
export function wholeNumber(text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d{1,16}$/.test(text) || value < min || value > max)
    throw new Error(`${JSON.stringify(text)} is not a whole number from ${min} to ${max}`);
  return value;
}

/** `--name N`, a whole number in a range. */
export function whole(min: number, max: number): Option<number | undefined>;
export function whole(min: number, max: number, otherwise: number): Option<number>;
export function whole(min: number, max: number, otherwise?: number): Option<number | undefined> {
  return { type: 'string', default: otherwise, read: (text) => wholeNumber(text, min, max) };
}

/** `--name TEXT`. */
export const text: Option<string | undefined> = { type: 'string', default: undefined, read: (value) => value };

/** `--name WORD`, one of some words. */
export const oneOf = <T extends string>(words: readonly T[]): Option<T | undefined> => ({
  type: 'string',
  default: undefined,
  read: (value) => {
    const found = words.find((word) => word === value);
    if (found === undefined) throw new Error(`${JSON.stringify(value)} is not one of ${words.join(', ')}`);
    return found;
  },
});

/** `--name DIR`, an existing directory. */
export const directory = (otherwise: string): Option<string> => ({
  type: 'string',
  default: otherwise,
  read: (path) => {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw new Error(`${JSON.stringify(path)} is not a directory`);
    return path;
  },
});

/** `--name`, without a value. */
export const flag: Option<boolean> = { type: 'boolean', default: false, read: () => true };

type Options = Readonly<Record<string, Option<unknown>>>;

/** The command line of a program. */
export interface CommandLine<O extends Options> {
  /** One line for `--help` and errors. */
  readonly usage: string;
  /** Maximum number of words that are not options; default: 0. */
  readonly maxWords?: number;
  readonly options: O;
}

/** The options and words of a command line. */
export interface Parsed<O extends Options> {
  readonly values: { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never };
  readonly words: readonly string[];
  readonly help: boolean;
}

/** @throws Error in one line if an option is unknown, a value is not accepted, or there are too many words */
export function parseOptions<O extends Options>({ options, maxWords = 0 }: CommandLine<O>, args: readonly string[]): Parsed<O> {
  const types = Object.fromEntries(Object.entries(options).map(([name, { type }]) => [name, { type }]));
  const { values, positionals } = parse({ ...types, help: { type: 'boolean' } }, args);
  const surplus = positionals[maxWords];
  if (surplus !== undefined) throw new Error(`unexpected word ${JSON.stringify(surplus)}`);
  const read = Object.entries(options).map(([name, option]) => {
    const value = values[name];
    if (value === undefined) return [name, option.default];
    try {
      return [name, option.read(String(value))];
    } catch (error) {
      throw new Error(`--${name}: ${(error as Error).message}`);
    }
  });
  return { values: Object.fromEntries(read), words: positionals, help: values['help'] === true };
}

/** @throws Error with the first sentence of the message of `parseArgs` */
function parse(options: Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>, args: readonly string[]) {
  try {
    return parseArgs({ allowPositionals: true, options, args: [...args] });
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split(/\.\s/);
    throw new Error(`${sentence.charAt(0).toLowerCase()}${sentence.slice(1).replace(/[\n\r]/g, ' ')}`);
  }
}

/** Ends the program: the command line is wrong. @param what one line */
export function wrongUsage(what: string, usage: string): never {
  console.error(`${what}; usage: ${usage}`);
  process.exit(2);
}

/** Reads the command line of this process. It ends with status 2 and one line if the command line is wrong, and with the usage for `--help`. */
export function readOptions<O extends Options>(commandLine: CommandLine<O>): Parsed<O> {
  const { usage } = commandLine;
  let parsed: Parsed<O>;
  try {
    parsed = parseOptions(commandLine, process.argv.slice(2));
  } catch (error) {
    return wrongUsage((error as Error).message, usage);
  }
  if (!parsed.help) return parsed;
  console.log(`usage: ${usage}`);
  process.exit(0);
}
