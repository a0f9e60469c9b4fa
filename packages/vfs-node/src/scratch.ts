import { FileStat } from '@ring3/linux';

/** The result of the last stat, valid until the next one: a stat allocates nothing. */
export const scratch: FileStat = new FileStat();
