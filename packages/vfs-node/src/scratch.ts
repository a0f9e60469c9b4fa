import { FileStat } from '@ring3/linux';

/** Filled by each look at an entry, and good until the next: nothing is allocated for a stat. */
export const scratch: FileStat = new FileStat();
