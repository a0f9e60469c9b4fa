import { printable } from '@ring3/kit';
import {
  IpProtocol,
  longestTimeoutSeconds,
  type TimeoutPolicy,
  type TimeoutValues,
  timeoutFamilies,
  timeoutFields,
  timeoutProtocols,
  timeoutWord,
} from '@ring3/nfnetlink';
import { fromWireName } from '@ring3/nfnetlink/wire-name';
import { UsageError } from './usage.ts';

const lookUp = (table: Readonly<Record<string, number>>, what: string, word: string | undefined): number => {
  const found = word !== undefined && Object.hasOwn(table, word) ? table[word] : undefined;
  if (found === undefined)
    throw new UsageError(`${what} is one of ${Object.keys(table).join(', ')}${word === undefined ? '' : `, not "${word}"`}`);
  return found;
};

/** `inet tcp`. @throws UsageError */
export const parseProtocols = (family: string | undefined, protocol: string | undefined): { l3proto: number; l4proto: number } => ({
  l3proto: lookUp(timeoutFamilies, 'the family', family),
  l4proto: lookUp(timeoutProtocols, 'the protocol', protocol),
});

/** `established 100 close 10`, states in either case. @throws UsageError */
export function parseTimeouts(l4proto: number, words: readonly string[]): TimeoutValues {
  const fields = timeoutFields(l4proto);
  const values: Record<string, number> = {};
  if (words.length === 0) throw new UsageError('timeouts are missing: pairs of STATE SECONDS');
  for (let i = 0; i < words.length; i += 2) {
    const [state, seconds] = [words[i] as string, words[i + 1]];
    const field = fields.get(state.toLowerCase())?.field;
    if (field === undefined) throw new UsageError(`this protocol has no timeout "${state}": ${[...fields.keys()].join(', ')}`);
    if (seconds === undefined || !/^\d{1,8}$/.test(seconds) || Number(seconds) > longestTimeoutSeconds) {
      throw new UsageError(
        `${state}: must be whole seconds up to ${longestTimeoutSeconds}${seconds === undefined ? '' : `, not "${seconds}"`}`,
      );
    }
    values[field] = Number(seconds);
  }
  return values;
}

/** The body of a policy as `nfct` prints it. */
function body(l3proto: number, l4proto: number, timeouts: TimeoutValues): string {
  const rows = Object.entries(timeouts)
    .filter(([field]) => !(l4proto === IpProtocol.Sctp && field.startsWith('heartbeat'))) // nfct does not know these
    .map(([field, seconds]) => `\t\t.${timeoutWord(field)} = ${seconds},\n`);
  return `\t.l3proto = ${l3proto},\n\t.l4proto = ${l4proto},\n\t.policy = {\n${rows.join('')}\t},\n};\n`;
}

/**
 * A policy as `nfct list timeout` prints it. Names are bytes.
 * @param terminal escape control characters in the name; otherwise it is printed unchanged, for programs
 */
export const printPolicy = ({ name, l3proto, l4proto, timeouts }: TimeoutPolicy, terminal = false): Uint8Array =>
  Buffer.concat([Buffer.from('.'), shownName(name, terminal), Buffer.from(` = {\n${body(l3proto, l4proto, timeouts)}`)]);

const shownName = (name: string, terminal: boolean): Uint8Array =>
  terminal ? Buffer.from(printable(fromWireName(name))) : Buffer.from(name, 'latin1');

/** A policy as `timeout list --json` has it: `name`, `l3proto` (AF_*), `l4proto` (IPPROTO_*), `timeouts` (seconds by state). */
export const policyJson = ({ name, ...policy }: TimeoutPolicy): object => ({ name: fromWireName(name), ...policy });

/** Default timeouts as `nfct default-get timeout` prints them. */
export const printDefaults = (l3proto: number, l4proto: number, timeouts: TimeoutValues): string => body(l3proto, l4proto, timeouts);
