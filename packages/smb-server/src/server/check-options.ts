import { inspect } from 'node:util';
import { isVfs } from '../objects/shares.ts';

/** The options of `createSmbServer`. The type makes a missing or superfluous name a compile error. */
const optionNames: Record<keyof import('./smb-server-options.ts').SmbServerOptions, true> = {
  shares: true,
  users: true,
  guest: true,
  anonymous: true,
  multichannel: true,
  unacknowledgedOn: true,
  interfaces: true,
  signing: true,
  encryption: true,
  compression: true,
  host: true,
  port: true,
  listen: true,
  carry: true,
  directoryLeases: true,
  dialects: true,
  name: true,
  workgroup: true,
  comment: true,
  guid: true,
  serverSid: true,
  clock: true,
  random: true,
  log: true,
  debug: true,
  metrics: true,
  persistentOpens: true,
  limits: true,
  aesGcm: true,
  fileDescriptors: true,
};

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const shown = (value: unknown): string => inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY });

/** Checks one value of `shares`. @throws TypeError with one sentence */
function checkShare(name: string, value: unknown): void {
  const accepted = 'accepted are a store, for example createMemoryStore(), and { vfs: store, … }';
  if (!isObject(value)) throw new TypeError(`share ${JSON.stringify(name)} is ${shown(value)}: ${accepted}`);
  const store: object = 'vfs' in value && isObject(value.vfs) ? value.vfs : value;
  if (!isVfs(store)) throw new TypeError(`share ${JSON.stringify(name)} has no store: ${accepted}`);
  if (!(isObject(store.features) && Symbol.iterator in store.features))
    throw new TypeError(
      `the store of share ${JSON.stringify(name)} has no features: accepted is a Set of names, possibly empty (Vfs.features)`,
    );
}

/**
 * Checks the options of `createSmbServer` as far as a program without type checks can get them wrong. Values are checked where they are used.
 * @throws TypeError with one sentence that names the option and what is accepted
 */
export function checkOptions(options: unknown): void {
  if (!isObject(options) || !('shares' in options) || !isObject(options.shares))
    throw new TypeError('createSmbServer needs { shares: { NAME: store } }, for example { shares: { files: createMemoryStore() } }');
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(optionNames, name));
  if (unknown !== undefined)
    throw new TypeError(`createSmbServer has no option ${JSON.stringify(unknown)}; options: ${Object.keys(optionNames).join(', ')}`);
  for (const [name, value] of Object.entries(options.shares)) checkShare(name, value);
}
