export * from './maybe-promise.ts';
