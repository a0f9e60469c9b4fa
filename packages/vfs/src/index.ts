export * from './match-expression.ts';
export * from './names.ts';
export * from './vfs.ts';
export * from './vfs-error.ts';
