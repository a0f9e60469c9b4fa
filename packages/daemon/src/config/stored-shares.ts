import type { StoredShare } from '../state-store.ts';
import { shown } from './configuration-error.ts';
import { faultOf } from './load.ts';
import { type ShareConfiguration, shareKeys } from './share-keys.ts';

/**
 * The shares of a state directory, beside those that are configured. A stored one that cannot be offered is left out with a warning: nobody who starts the daemon
 * wrote it just now. One that is configured comes before a stored one of the same name.
 * @param at the state directory, for messages
 */
export function withStored(
  configured: readonly ShareConfiguration[],
  stored: readonly StoredShare[],
  at: string,
): { readonly shares: readonly ShareConfiguration[]; readonly warnings: readonly string[] } {
  const shares = [...configured];
  const warnings: string[] = [];
  for (const { name, options } of stored) {
    const before = configured.find((share) => share.name.toUpperCase() === name.toUpperCase());
    const read = readOptions(options);
    const share = typeof read === 'string' ? undefined : { ...read, name, at };
    const fault =
      before !== undefined
        ? `the configuration has one of that name, ${before.at}`
        : share === undefined
          ? read
          : faultOf(share, [...shares, share]);
    if (fault === undefined && share !== undefined) shares.push(share);
    else warnings.push(`${at}: the stored share ${name} is left out: ${fault}`);
  }
  return { shares, warnings };
}

/** Reads what `[share.NAME]` would say. @returns what is wrong with it instead */
export function readOptions(options: Readonly<Record<string, unknown>>): Omit<ShareConfiguration, 'name' | 'at'> | string {
  const read: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(options)) {
    const key = Object.hasOwn(shareKeys, name) ? shareKeys[name as keyof typeof shareKeys] : undefined;
    if (key === undefined) return `there is no ${name}`;
    read[name] = key.read(given);
    if (read[name] === undefined) return `${name} is ${key.allowed}, not ${shown(given)}`;
  }
  if ((read['path'] === undefined) === (read['store'] === undefined)) return 'it has a path or a store';
  return read as Omit<ShareConfiguration, 'name' | 'at'>;
}
