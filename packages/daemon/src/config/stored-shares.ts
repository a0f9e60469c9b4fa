import { isStateInside, stateInside } from '../shared-folders.ts';
import type { StoredShare } from '../state-store.ts';
import { shown } from './configuration-error.ts';
import { ShareCheck } from './share-check.ts';
import { type ShareConfiguration, shareKeys, shareName, shareNames } from './share-keys.ts';

/**
 * The shares of a state directory, in addition to the configured ones. A stored share that cannot be offered is omitted with a warning,
 * because whoever starts the daemon did not write it just now. A configured share replaces a stored one of the same name.
 */
export function withStored(
  configured: readonly ShareConfiguration[],
  stored: readonly StoredShare[],
  stateDir: string,
): { readonly shares: readonly ShareConfiguration[]; readonly warnings: readonly string[] } {
  const shares = [...configured];
  const warnings: string[] = [];
  const check = new ShareCheck(configured);
  for (const one of stored) {
    const share = storedShare(one, check, stateDir, true);
    if (typeof share !== 'string') shares.push(share);
    else warnings.push(`${stateDir}: the stored share ${one.name} is not offered: ${share}`);
  }
  return { shares, warnings };
}

/**
 * A stored share, if it can be offered together with the others; it is then added to them.
 * @param mayBeAbsent as in `ShareCheck.fault`
 * @returns the share, or why it cannot be offered
 */
export function storedShare(
  { name, options }: StoredShare,
  others: ShareCheck,
  stateDir: string,
  mayBeAbsent = false,
): ShareConfiguration | string {
  if (!shareName.test(name)) return `invalid share name "${name}": ${shareNames}`;
  const read = readOptions(options);
  if (typeof read === 'string') return read;
  const share = { ...read, name, at: stateDir };
  if (share.path !== undefined && isStateInside(stateDir, share.path)) return stateInside(stateDir, share.path);
  return others.fault(share, mayBeAbsent) ?? share;
}

/** Reads the keys of `[share.NAME]`. @returns them, or what is wrong */
function readOptions(options: Readonly<Record<string, unknown>>): Omit<ShareConfiguration, 'name' | 'at'> | string {
  const read: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(options)) {
    const key = Object.hasOwn(shareKeys, name) ? shareKeys[name as keyof typeof shareKeys] : undefined;
    if (key === undefined) return `unknown key "${name}"`;
    read[name] = key.read(given);
    if (read[name] === undefined) return `${name} is ${key.allowed}, not ${shown(given)}`;
  }
  if ((read['path'] === undefined) === (read['store'] === undefined)) return 'it needs either a path or a store';
  return read as Omit<ShareConfiguration, 'name' | 'at'>;
}
