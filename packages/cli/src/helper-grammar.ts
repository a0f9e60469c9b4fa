import { printable } from '@ring3/kit';
import type { HelperClassSpecification, HelperSpecification } from '@ring3/nfnetlink';
import { fromWireName, toWireName } from '@ring3/nfnetlink/wire-name';
import { UsageError } from './usage.ts';

/** The helpers that `nfct add helper` knows: classes, and bytes of private data. */
const known: Readonly<Record<string, { readonly classes: readonly HelperClassSpecification[]; readonly privateLength: number }>> = {
  amanda: { classes: [{ name: 'amanda', max: 3, timeoutSeconds: 180 }], privateLength: 0 },
  dhcpv6: { classes: [{ name: 'dhcpv6', max: 1, timeoutSeconds: 300 }], privateLength: 0 },
  ftp: { classes: [{ name: 'ftp', max: 1, timeoutSeconds: 300 }], privateLength: 24 },
  mdns: { classes: [{ name: 'mdns', max: 8, timeoutSeconds: 30 }], privateLength: 0 },
  rpc: { classes: [{ name: 'rpc', max: 1, timeoutSeconds: 300 }], privateLength: 16 },
  sane: { classes: [{ name: 'sane', max: 1, timeoutSeconds: 300 }], privateLength: 4 },
  slp: { classes: [{ name: 'slp', max: 8, timeoutSeconds: 16 }], privateLength: 0 },
  ssdp: { classes: [{ name: 'ssdp', max: 8, timeoutSeconds: 300 }], privateLength: 0 },
  tftp: { classes: [{ name: 'tftp', max: 1, timeoutSeconds: 300 }], privateLength: 0 },
  tns: { classes: [{ name: 'tns', max: 1, timeoutSeconds: 300 }], privateLength: 1 },
};

/** The options of `ring3 helper add`. */
export interface HelperOptions {
  readonly class?: readonly string[];
  readonly private?: string;
  readonly queue?: string;
  readonly enabled?: true;
}

const wholeNumber = (text: string, what: string, most: number): number => {
  if (!/^\d{1,10}$/.test(text) || Number(text) > most) throw new UsageError(`${what} is a number from 0 to ${most}, not "${text}"`);
  return Number(text);
};

/** `NAME:MAX:SECONDS`. @throws UsageError */
export function parseClass(text: string): HelperClassSpecification {
  const [name = '', max, seconds, ...rest] = text.split(':');
  if (name === '' || max === undefined || seconds === undefined || rest.length > 0)
    throw new UsageError(`a class must be NAME:MAX:SECONDS, not "${text}"`);
  return {
    name: toWireName(name),
    max: wholeNumber(max, 'MAX of a class', 255),
    timeoutSeconds: wholeNumber(seconds, 'SECONDS of a class', 0xffffffff),
  };
}

/** The helper to add. Defaults are those of `nfct` for this name. @throws UsageError */
export function parseHelper(name: string, protocols: { l3proto: number; l4proto: number }, options: HelperOptions): HelperSpecification {
  const usual = Object.hasOwn(known, name) ? known[name] : undefined;
  const classes = options.class?.map(parseClass) ?? usual?.classes;
  if (classes === undefined)
    throw new UsageError(
      `unknown helper ${name} (known: ${Object.keys(known).join(', ')}): name its classes with --class NAME:MAX:SECONDS`,
    );
  return {
    name: toWireName(name),
    ...protocols,
    classes,
    queueNumber: wholeNumber(options.queue ?? '0', 'a queue', 65535),
    privateLength: options.private === undefined ? (usual?.privateLength ?? 0) : wholeNumber(options.private, 'private data', 32),
    enabled: options.enabled === true,
  };
}

/** A helper as `helper list --json` has it. */
export const helperJson = ({ name, classes, ...helper }: HelperSpecification): object => ({
  name: fromWireName(name),
  ...helper,
  classes: classes.map((one) => ({ ...one, name: fromWireName(one.name) })),
});

/** A helper as `nfct list helper` prints it. */
export const printHelper = ({ name, queueNumber, l3proto, l4proto, privateLength, enabled }: HelperSpecification): string =>
  `{\n\t.name = ${printable(fromWireName(name))},\n\t.queuenum = ${queueNumber},\n\t.l3protonum = ${l3proto},\n\t.l4protonum = ${l4proto},\n` +
  `\t.priv_data_len = ${privateLength},\n\t.status = ${enabled ? 'enabled' : 'disabled'},\n};\n`;
