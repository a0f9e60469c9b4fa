export * from './vfs.ts';
export * from './vfs-error.ts';
