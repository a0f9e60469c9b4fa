import { join } from 'node:path';
import { printable } from '@ring3/kit';
import type { Configuration } from '../configuration.ts';
import { ConfigurationError } from '../configuration-error.ts';
import { nearest } from '../nearest.ts';
import { type ShareConfiguration, shareName } from '../share-keys.ts';
import { emptyGlobal, type GlobalDraft, globalParameters } from './global-parameters.ts';
import { type Host, thisHost } from './host.ts';
import type { Parameters } from './parameter.ts';
import { type Entry, readSections, type Section } from './sections.ts';
import { emptyShare, shareOf, shareParameters } from './share-parameters.ts';

/** Every parameter of ksmbd.conf(5), those of [global] only first; with what ring3 does if it does not apply one. */
export const ksmbdParameters: readonly {
  readonly name: string;
  readonly place: 'global' | 'share';
  readonly default: string;
  readonly instead?: string;
}[] = [
  ...Object.entries(globalParameters).map(([name, { default: otherwise, instead }]) => parameterNamed('global', name, otherwise, instead)),
  ...Object.entries(shareParameters).map(([name, { default: otherwise, instead }]) => parameterNamed('share', name, otherwise, instead)),
];

function parameterNamed(
  place: 'global' | 'share',
  name: string,
  otherwise: string,
  instead: string | undefined,
): (typeof ksmbdParameters)[number] {
  return { name, place, default: otherwise, ...(instead === undefined ? {} : { instead }) };
}

/** Reads one file and emits each warning once. */
class Reading {
  readonly file: string;
  readonly #warnings = new Set<string>();

  constructor(file: string) {
    this.file = file;
  }

  warn = (line: number, what: string): void => void this.#warnings.add(`${this.file}:${line}: ${printable(what)}`);

  get warnings(): string[] {
    const line = (text: string): number => Number(text.slice(this.file.length + 1).split(':', 1)[0]);
    return [...this.#warnings].sort((a, b) => line(a) - line(b));
  }

  /** Stores every parameter of a table in a draft: from the first section that has it, else the default of the manual. */
  apply<Draft>(draft: Draft, parameters: Parameters<Draft>, own: Section | undefined, global: Section | undefined): void {
    for (const [name, parameter] of Object.entries(parameters)) {
      const [entry, where] = entryOf(name, own, global);
      const said = `${where}${name}`;
      const note = (what: string): void => (entry === undefined ? undefined : this.warn(entry.line, `${said} ${what}`));
      const allowed = parameter.set(draft, entry?.value ?? parameter.default, note);
      if (allowed !== undefined && entry !== undefined)
        throw new ConfigurationError(this.file, entry.line, `${said} is ${allowed}, not "${entry.value}"`);
    }
  }

  /** Warns of parameters that are unknown or in the wrong section. */
  rest({ entries }: Section, where: string, known: object, elsewhere: object): void {
    for (const [name, { line }] of entries) {
      if (Object.hasOwn(known, name)) continue;
      const guess = nearest(name, [...Object.keys(known), ...Object.keys(elsewhere)]);
      const unknown = `is not a parameter of ksmbd.conf(5)${guess === undefined ? '' : `; did you mean "${guess}"?`}`;
      this.warn(line, `${where}${name} ${Object.hasOwn(elsewhere, name) ? 'belongs in [global], and is ignored' : unknown}`);
    }
  }
}

/** An entry, with its section if that is the section of the share. An empty value counts as missing. */
function entryOf(name: string, own: Section | undefined, global: Section | undefined): [Entry | undefined, string] {
  const entry = own?.entries.get(name);
  if (own !== undefined && entry !== undefined && entry.value !== '') return [entry, `[${own.name}] `];
  const inherited = global?.entries.get(name);
  return inherited === undefined || inherited.value === '' ? [undefined, ''] : [inherited, ''];
}

/**
 * Reads the configuration of the kernel's server, ksmbd.conf(5). Each parameter is applied or named in a warning.
 * @throws ConfigurationError if the file is not a ksmbd.conf or a value is invalid
 */
export function readKsmbdConf(source: string, file: string, host: Host = thisHost): Configuration {
  const reading = new Reading(file);
  const sections = readSections(source, file, reading.warn);
  const global = sections.find(({ name }) => name.toLowerCase() === 'global');
  const draft = emptyGlobal();
  reading.apply(draft, globalParameters, undefined, global);
  checkTogether(draft, global, reading);
  if (global !== undefined) reading.rest(global, '', { ...globalParameters, ...shareParameters }, {});
  const shares = sections
    .filter((section) => section !== global)
    .map((section) => readShare(section, global, draft, reading, host))
    .filter((share) => share !== undefined);
  return {
    server: { ...draft.server, host: addressOf(draft, global, reading, host), anonymous: anonymousOf(draft, global, shares, reading) },
    limits: draft.limits,
    shares,
    daemon: {},
    console: {},
    audit: {},
    users: [],
    timeouts: [],
    sysctls: {},
    rules: [],
    warnings: reading.warnings,
  };
}

function readShare(
  section: Section,
  global: Section | undefined,
  { root }: GlobalDraft,
  reading: Reading,
  host: Host,
): ShareConfiguration | undefined {
  const { name, line } = section;
  const draft = emptyShare(host);
  reading.apply(draft, shareParameters, section, global);
  reading.rest(section, `[${name}] `, shareParameters, globalParameters);
  const { path, ...share } = shareOf(draft);
  const cannot = !shareName.test(name)
    ? 'is not a valid share name, and is not shared'
    : path === undefined
      ? 'has no path and is not shared'
      : undefined;
  if (cannot !== undefined) reading.warn(line, `[${name}] ${cannot}`);
  if (cannot !== undefined || path === undefined) return undefined;
  return {
    ...share,
    path: root === '' ? path : join(root, path),
    name,
    at: `${reading.file}:${section.entries.get('path')?.line ?? line}`,
  };
}

/** Checks parameters that conflict. @throws ConfigurationError */
function checkTogether({ server }: GlobalDraft, global: Section | undefined, reading: Reading): void {
  const { 'dialect-min': min = '2.1', 'dialect-max': max = '3.1.1', encryption } = server;
  const wrong = (name: string, what: string): never => {
    throw new ConfigurationError(reading.file, global?.entries.get(name)?.line ?? 1, `${name} ${what}`);
  };
  if (min > max) wrong('server max protocol', `is below server min protocol, which is SMB2_10 unless it is said`);
  if (encryption === 'required' && max < '3.0') wrong('smb3 encryption', 'needs a server max protocol of SMB3_00 or above');
}

/** The address to listen on: all addresses, or that of the one named interface. */
function addressOf({ bindInterfacesOnly, interfaces }: GlobalDraft, global: Section | undefined, reading: Reading, host: Host): string {
  if (!bindInterfacesOnly) return host.everywhere;
  const line = (global?.entries.get('interfaces') ?? global?.entries.get('bind interfaces only'))?.line ?? 1;
  const [name, ...others] = interfaces;
  if (name === undefined) {
    reading.warn(line, 'bind interfaces only without interfaces: 127.0.0.1 is listened on');
    return '127.0.0.1';
  }
  const [address, ...further] = host.addressesOf(name);
  if (address === undefined)
    throw new ConfigurationError(reading.file, line, `interfaces: there is no interface ${name} with an address here`);
  if (others.length + further.length > 0)
    reading.warn(line, `interfaces is not honoured as it is: ring3 listens on one address, ${address} of ${name} (--host gives another)`);
  return address;
}

/** Whether clients without a user name are accepted: on IPC$ unless that is restricted, and on shares with `guest ok`. */
function anonymousOf(
  { restrictAnonymous }: GlobalDraft,
  global: Section | undefined,
  shares: readonly ShareConfiguration[],
  reading: Reading,
): boolean {
  if (!restrictAnonymous) return true;
  const open = shares.find(({ guest }) => guest === true);
  const entry = global?.entries.get('restrict anonymous');
  if (open !== undefined && entry !== undefined)
    reading.warn(entry.line, `restrict anonymous is not honoured for IPC$, because of the guests of [${open.name}]`);
  return open !== undefined;
}
