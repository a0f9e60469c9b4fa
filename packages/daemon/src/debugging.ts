import { type Clock, DebugLines, DebugSwitches, type Log } from '@ring3/kit';
import { type DebugWord, debugWords } from '@ring3/smb-server';
import { type NetfilterWord, netfilterWords } from './namespace-debug.ts';

const isNetfilterWord = (word: string | undefined): boolean => netfilterWords.some((one) => one === word || `${one}\n` === word);

/**
 * The debug output of the daemon: the switches of the file server and of the netfilter half, and their common output. A reset does not
 * change it.
 */
export class Debugging {
  readonly lines: DebugLines;
  readonly smb: DebugSwitches<DebugWord>;
  readonly netfilter: DebugSwitches<NetfilterWord>;

  constructor(log: Log, clock: Clock) {
    this.lines = new DebugLines(log, clock);
    this.smb = new DebugSwitches(debugWords, this.lines);
    this.netfilter = new DebugSwitches(netfilterWords, this.lines);
  }

  /**
   * Toggles a word, if there is one. `all` means the switches of one half; other words of the netfilter half need not name their half.
   * @returns the line of that half
   */
  ask(word: string | undefined, netfilter: boolean): string {
    const half: DebugSwitches = netfilter || isNetfilterWord(word) ? this.netfilter : this.smb;
    if (word !== undefined) half.toggle(word);
    return half.text();
  }
}
