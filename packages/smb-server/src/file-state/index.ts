export * from './file-state.ts';
export * from './local-file-state.ts';
export * from './share-mode.ts';
