import { type Steps, wait } from '@ring3/kit';
import { CreateOptions, type CreateRequest, mapGeneric } from '@ring3/smb-proto';
import { type Access, type Handle, isCode, type Stat, type VfsCode } from '@ring3/vfs';
import { findEntry } from '../../objects/find-entry.ts';
import { type Named, type NamedLink, openNamed } from '../../objects/resolve.ts';
import { readDataRights, writeDataRights } from '../../values/access.ts';
import { orClose } from '../../values/or-close.ts';
import { dispositions } from './disposition.ts';
import type { CreatePlan } from './plan.ts';

/** The result of resolving a name: an existing entry, or a place where one can be made. Of a stream, `base` is its file. */
export type Target =
  | {
      readonly found: true;
      readonly handle: Handle;
      readonly base: Handle | undefined;
      /** The link that the name was resolved through. None for a stream, whose name is its own. */
      readonly link: NamedLink | undefined;
      /** Last component of the path, in the store's spelling; without the stream. */
      readonly name: string;
    }
  | { readonly found: false; readonly code: VfsCode; readonly base: Handle | undefined };

/** Looks up the last component of a path, and its stream. The handles are for metadata, not yet for data. */
export function* lookUp(plan: CreatePlan, parent: Handle): Steps<Target> {
  const named = yield* lookUpEntry(plan, parent);
  const { stream } = plan.path;
  if (isCode(named)) return { found: false, code: named, base: undefined };
  const { handle: entry, link } = named;
  const name = (link?.handle ?? entry).name;
  if (stream === undefined) return { found: true, handle: entry, base: undefined, link, name };
  if (link !== undefined) yield* wait(link.handle.close());
  const handle = (yield* orClose(entry, openStream(entry, stream, 'metadata', 'open'))) ?? 'EOPNOTSUPP';
  return isCode(handle) ? { found: false, code: handle, base: entry } : { found: true, handle, base: entry, link: undefined, name };
}

/** @returns undefined if the store has no streams */
export function* openStream(
  file: Handle,
  name: string,
  access: Access,
  disposition: 'open' | 'create',
): Steps<Handle | VfsCode | undefined> {
  return yield* wait(file.openStream?.(name, { access, disposition }));
}

function* lookUpEntry({ ctx, path, request, trail }: CreatePlan, parent: Handle): Steps<Named | VfsCode> {
  const { tree } = ctx;
  const name = path.components.at(-1);
  if (name !== undefined && (request.createOptions & CreateOptions.OpenReparsePoint) === 0) {
    return yield* openNamed(tree, parent, name, trail, path.stream === undefined && isAboutName(request));
  }
  const itself = { access: 'metadata', kind: 'any', disposition: 'open', follow: false } as const;
  const handle = yield* wait(
    name === undefined ? tree.vfs.root(tree.identity, undefined, tree.root) : findEntry(tree, parent, name, itself),
  );
  return isCode(handle) ? handle : { handle, link: undefined };
}

/** Whether a CREATE opens an existing entry without a right to its data: to delete or rename it, or to read its attributes. */
const isAboutName = ({ desiredAccess, createDisposition }: CreateRequest): boolean =>
  dispositions[createDisposition]?.there === 'open' && (mapGeneric(desiredAccess) & (readDataRights | writeDataRights)) === 0;

/** Closes the handles of the look-up. */
export function* closeTarget(target: Target): Steps<void> {
  if (target.found) yield* wait(target.handle.close());
  if (target.found) yield* wait(target.link?.handle.close());
  if (target.base !== undefined) yield* wait(target.base.close());
}

/** A file that was opened or made, admitted by its state. */
export interface Made {
  readonly handle: Handle;
  readonly base: Handle | undefined;
  readonly link: Handle | undefined;
  /** As in {@link Target}. */
  readonly name: string;
  /** Granted access. */
  readonly granted: number;
  readonly action: 0 | 1 | 2 | 3;
  readonly openId: number;
  /** Its metadata, if nothing has changed it since the checks. */
  readonly stat?: Stat | undefined;
}
