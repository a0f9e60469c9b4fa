import type { LogFields } from '@ring3/kit';
import type { Open } from './open.ts';

/** The fields of debug lines about an open. */
export const fieldsOf = (open: Open | undefined): LogFields =>
  open === undefined
    ? {}
    : {
        ...open.actor,
        connection: open.attachment?.session.connection.id,
        share: open.share.name,
        path: open.pathName,
        open: open.volatileFileId,
      };
