export * from './cmac.ts';
export * from './encryption.ts';
export * from './kdf.ts';
export * from './md4.ts';
export * from './preauth.ts';
export * from './random-bytes.ts';
export * from './rc4.ts';
export * from './signing.ts';
