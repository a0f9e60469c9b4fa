/** SMB2 commands, MS-SMB2 2.2.1. */
export const Command = {
  Negotiate: 0x00,
  SessionSetup: 0x01,
  Logoff: 0x02,
  TreeConnect: 0x03,
  TreeDisconnect: 0x04,
  Create: 0x05,
  Close: 0x06,
  Flush: 0x07,
  Read: 0x08,
  Write: 0x09,
  Lock: 0x0a,
  Ioctl: 0x0b,
  Cancel: 0x0c,
  Echo: 0x0d,
  QueryDirectory: 0x0e,
  ChangeNotify: 0x0f,
  QueryInfo: 0x10,
  SetInfo: 0x11,
  OplockBreak: 0x12,
} as const;
export type Command = (typeof Command)[keyof typeof Command];
