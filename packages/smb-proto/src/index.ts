export * from './auth/index.ts';
export * from './compress/index.ts';
export * from './crypto/index.ts';
export * from './dtyp/index.ts';
export * from './fscc/index.ts';
export * from './smb2/index.ts';
export * from './status.ts';
