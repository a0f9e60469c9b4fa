import { NtStatus } from '@ring3/smb-proto';
import { checkName, fromWireName } from '@ring3/vfs';

/** The path of a CREATE or a rename, split. */
export interface ParsedPath {
  /** Names from the share's root, in the store's spelling; empty for the root itself. */
  readonly components: readonly string[];
  /** The named stream, if there is one. */
  readonly stream: string | undefined;
  /** The path ended in `::$DATA`: it names the data of a file, so not a directory. */
  readonly defaultStream: boolean;
  /** The path ended in a separator, or in `::$INDEX_ALLOCATION`: it names a directory. */
  readonly folder: boolean;
  /** The path ended in `::$INDEX_ALLOCATION`, the stream type of directories. */
  readonly directoryStream: boolean;
}

/** Characters that a component must not have, MS-FSCC 2.1.5.2: wildcards, and control characters below the space, not those of Latin-1. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const refused = /[\x00-\x1f"*/<>?|]/;
const longestComponent = 255;

/** Splits a path. MS-FSA 2.1.5.1 and MS-FSCC 2.1.5. @returns the status for an invalid path */
export function parsePath(name: string): ParsedPath | NtStatus {
  if (name === '') return { components: [], stream: undefined, defaultStream: false, folder: false, directoryStream: false };
  if (name.startsWith('\\')) return NtStatus.InvalidParameter;
  const parts = name.split('\\');
  const separated = parts.at(-1) === '';
  if (separated) parts.pop();
  const last = parts.pop() as string;
  const split = splitStream(last);
  if (typeof split === 'number') return split;
  if (split.name !== '' || last === '') parts.push(split.name); // an empty last component with a stream is a stream of the directory before it
  const components: string[] = [];
  for (const part of parts) {
    if (part === '.') continue; // the directory itself, MS-FSCC 2.1.5.1
    if (part === '') return NtStatus.ObjectPathNotFound;
    if (part === '..') return leavesRoot(parts) ? NtStatus.ObjectPathSyntaxBad : NtStatus.InvalidParameter;
    const component = storeName(part);
    if (typeof component === 'number') return component;
    components.push(component);
  }
  const { stream, defaultStream, directoryStream } = split;
  return { components, stream, defaultStream, folder: separated || directoryStream, directoryStream };
}

/** Whether `..` leads above the share's root. The server resolves no `..`, MS-SMB2 3.3.5.9: a client does so before it sends a name. */
function leavesRoot(parts: readonly string[]): boolean {
  let depth = 0;
  for (const part of parts) {
    if (part !== '.') depth += part === '..' ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}

/** One component in the store's spelling. */
export function storeName(part: string): string | NtStatus {
  if (
    part === '' ||
    part === '.' ||
    part === '..' ||
    part.length > longestComponent ||
    refused.test(part) ||
    part.includes(':') ||
    part.includes('\\')
  ) {
    return NtStatus.ObjectNameInvalid;
  }
  const component = fromWireName(part);
  return checkName(component) === undefined ? component : NtStatus.ObjectNameInvalid;
}

/** `name:stream:type`. */
function splitStream(
  last: string,
): (Pick<ParsedPath, 'stream' | 'defaultStream' | 'directoryStream'> & { readonly name: string }) | NtStatus {
  const [name, stream, type, ...more] = last.split(':') as [string, ...(string | undefined)[]];
  const plain = { name, stream: undefined, defaultStream: false, directoryStream: false };
  if (stream === undefined) return plain;
  if (more.length > 0) return NtStatus.ObjectNameInvalid;
  const kind = type?.toUpperCase();
  if (kind === '$INDEX_ALLOCATION') {
    return stream === '' || stream.toUpperCase() === '$I30' ? { ...plain, directoryStream: true } : NtStatus.InvalidParameter;
  }
  if (kind !== undefined && kind !== '$DATA') return NtStatus.ObjectNameInvalid;
  if (stream === '') return kind === undefined ? NtStatus.ObjectNameInvalid : { ...plain, defaultStream: true };
  return isStreamName(stream) ? { ...plain, stream } : NtStatus.ObjectNameInvalid;
}

/** Whether a stream may have this name, MS-FSCC 2.1.5.3. */
export const isStreamName = (name: string): boolean =>
  name.length <= longestComponent && name !== '' && !/[\\/:\0]/.test(name) && name.isWellFormed();
