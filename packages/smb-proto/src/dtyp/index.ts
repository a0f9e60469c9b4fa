export * from './access-mask.ts';
export * from './filetime.ts';
