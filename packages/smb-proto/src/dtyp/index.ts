export * from './filetime.ts';
