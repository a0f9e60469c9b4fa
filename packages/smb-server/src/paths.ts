import { NtStatus } from '@ring3/smb-proto';
import { checkName, fromWireName } from '@ring3/vfs';

/** A name as CREATE or a rename carries it, taken apart. */
export interface ParsedPath {
  /** Names from the share's root, in the store's spelling; empty for the root itself. */
  readonly components: readonly string[];
  /** The named stream, if one is meant. */
  readonly stream: string | undefined;
  /** The name said `::$DATA`: a file's own data are meant, and no folder. */
  readonly defaultStream: boolean;
  /** The name ended in a separator, or in `::$INDEX_ALLOCATION`: only a folder is meant. */
  readonly folder: boolean;
}

/** What no component may hold, MS-FSCC 2.1.5.2: wildcards, and control characters below the space, not those of Latin-1. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const refused = /[\x00-\x1f"*/<>?|]/;
const longestComponent = 255;

/** Takes a path apart. MS-FSA 2.1.5.1 and MS-FSCC 2.1.5. @returns the status that the client gets for a path that cannot be */
export function parsePath(name: string): ParsedPath | NtStatus {
  if (name === '') return { components: [], stream: undefined, defaultStream: false, folder: false };
  if (name.startsWith('\\')) return NtStatus.InvalidParameter;
  const parts = name.split('\\');
  let folder = false;
  if (parts.at(-1) === '') {
    parts.pop();
    folder = true;
  }
  const split = splitStream(parts.pop() as string);
  if (typeof split === 'number') return split;
  const names = split.name === '' ? parts : [...parts, split.name];
  const components: string[] = [];
  for (const part of names) {
    const component = storeName(part);
    if (typeof component === 'number') return component;
    components.push(component);
  }
  return { components, stream: split.stream, defaultStream: split.defaultStream, folder: folder || split.folder };
}

/** One component in the store's spelling. */
export function storeName(part: string): string | NtStatus {
  if (part === '..') return NtStatus.ObjectPathSyntaxBad;
  if (part === '' || part === '.' || part.length > longestComponent || refused.test(part) || part.includes(':') || part.includes('\\')) {
    return NtStatus.ObjectNameInvalid;
  }
  const component = fromWireName(part);
  return checkName(component) === undefined ? component : NtStatus.ObjectNameInvalid;
}

/** `name:stream:type`. */
function splitStream(last: string): (Pick<ParsedPath, 'stream' | 'defaultStream' | 'folder'> & { readonly name: string }) | NtStatus {
  const [name, stream, type, ...more] = last.split(':') as [string, ...(string | undefined)[]];
  const plain = { name, stream: undefined, defaultStream: false, folder: false };
  if (stream === undefined) return plain;
  if (more.length > 0) return NtStatus.ObjectNameInvalid;
  const kind = type?.toUpperCase();
  if (kind === '$INDEX_ALLOCATION') {
    return stream === '' || stream.toUpperCase() === '$I30' ? { ...plain, folder: true } : NtStatus.ObjectNameInvalid;
  }
  if (kind !== undefined && kind !== '$DATA') return NtStatus.ObjectNameInvalid;
  if (stream === '') return kind === undefined ? NtStatus.ObjectNameInvalid : { ...plain, defaultStream: true };
  return isStreamName(stream) ? { ...plain, stream } : NtStatus.ObjectNameInvalid;
}

/** Whether a stream may have this name, MS-FSCC 2.1.5.3. */
export const isStreamName = (name: string): boolean =>
  name.length <= longestComponent && name !== '' && !/[\\/:\0]/.test(name) && name.isWellFormed();
