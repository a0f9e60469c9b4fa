export * from './crypto/index.ts';
export * from './smb2/index.ts';
export * from './status.ts';
