export * from './clock.ts';
export * from './debug.ts';
export * from './link.ts';
export * from './log.ts';
export * from './maybe-promise.ts';
export * from './metrics.ts';
export * from './random.ts';
export * from './steps.ts';
