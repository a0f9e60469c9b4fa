import { buffer, constant, id53, message, named, reserved, struct, type TypeOf, u8, u16, u32 } from '@ring3/wire';
import { InfoType } from './query-info.ts';

/** SMB2 SET_INFO Request, MS-SMB2 2.2.39. */
export const SetInfoRequest = message(
  'SetInfoRequest',
  struct('SetInfoRequest.fixed', {
    structureSize: constant(u16, 33),
    infoType: named(u8, InfoType),
    fileInfoClass: u8,
    bufferLength: u32,
    bufferOffset: u16,
    reserved: reserved(u16),
    additionalInformation: u32,
    persistentFileId: id53,
    volatileFileId: id53,
  }),
  { buffer: buffer('bufferOffset', 'bufferLength') },
  { before: 64 },
);
export type SetInfoRequest = TypeOf<typeof SetInfoRequest>;

/** SMB2 SET_INFO Response, MS-SMB2 2.2.40. */
export const SetInfoResponse = message(
  'SetInfoResponse',
  struct('SetInfoResponse.fixed', { structureSize: constant(u16, 2) }),
  {},
  { before: 64 },
);
export type SetInfoResponse = TypeOf<typeof SetInfoResponse>;
