import { AccessMask } from '@ring3/smb-proto';

/** Rights that read the file's data. */
export const readDataRights = AccessMask.FileReadData | AccessMask.FileExecute;
/** Rights that write the file's data. */
export const writeDataRights = AccessMask.FileWriteData | AccessMask.FileAppendData;

/** Rights that are checked against the share modes of other opens, MS-FSA 2.1.5.1.2. */
export const sharedRights = readDataRights | writeDataRights | AccessMask.Delete;
