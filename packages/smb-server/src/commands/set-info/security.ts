import type { Steps } from '@ring3/kit';
import {
  AceFlags,
  type Acl,
  accessToSet,
  decodeSecurityDescriptor,
  encodeSecurityDescriptor,
  mapGeneric,
  mergeSecurity,
  NtStatus,
  SecurityInformation,
  type SetInfoRequest,
} from '@ring3/smb-proto';
import { type Handle, isCode } from '@ring3/vfs';
import { descriptorOf } from '../../objects/descriptors.ts';
import { changed, noting } from '../../objects/noting.ts';
import type { ContextOf } from '../../request/command.ts';
import { statusOf } from '../../values/status-map.ts';

/** Generic rights are mapped to specific ones, except in entries that are only inherited: MS-DTYP 2.5.3.4.6. */
const mapped = (dacl: Acl | null | undefined): { readonly dacl?: Acl } =>
  !dacl
    ? {}
    : {
        dacl: {
          ...dacl,
          aces: dacl.aces.map((ace) => ((ace.flags & AceFlags.InheritOnly) !== 0 ? ace : { ...ace, mask: mapGeneric(ace.mask) })),
        },
      };

/** Security information, MS-SMB2 3.3.5.21.3: the named parts are replaced; the stored bytes are always those of our own encoder. */
export function* setSecurity(ctx: ContextOf<'open'>, request: SetInfoRequest): Steps<NtStatus> {
  const { open, tree } = ctx;
  const information = request.additionalInformation;
  if (!open.may(accessToSet(information))) return NtStatus.AccessDenied;
  const handle = open.base ?? (open.handle as Handle);
  if (handle.setDescriptor === undefined) return NtStatus.NotSupported;
  const given = decodeSecurityDescriptor(request.buffer);
  const { owner } = given;
  const { sid, groups, admin = false } = tree.identity;
  if ((information & SecurityInformation.Owner) !== 0 && owner !== undefined && owner !== sid && !groups.includes(owner) && !admin) {
    const current = yield* descriptorOf(handle, open.parentDescriptor);
    if (isCode(current) || current.owner !== owner) return NtStatus.InvalidOwner;
  }
  const current = yield* descriptorOf(handle, open.parentDescriptor);
  if (isCode(current)) return statusOf(current);
  const merged = mergeSecurity(current, { ...given, ...mapped(given.dacl) }, information);
  // MS-FSA 2.1.5.17: a list that is selected but absent becomes a null list
  const without = (information & SecurityInformation.Dacl) !== 0 && given.dacl === undefined;
  const descriptor = encodeSecurityDescriptor(without ? { ...merged, dacl: null } : merged);
  const set = yield* noting(open, changed, () => handle.setDescriptor?.(descriptor));
  if (isCode(set)) return statusOf(set);
  ctx.server.reports.secured(open, information);
  return NtStatus.Success;
}
