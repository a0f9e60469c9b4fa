import { describe } from 'node:test';
import { fileStateContract } from '../testing/file-state-contract.ts';
import { RemoteFileState } from '../testing/remote-file-state.ts';
import { LocalFileState } from './local-file-state.ts';

describe('the state of files in this process', () => {
  fileStateContract((options) => new LocalFileState(options));
});

describe('the same across a boundary that only plain data crosses', () => {
  fileStateContract((options) => new RemoteFileState(options, 'at once'));
});
