import { type Clock, DebugLines, DebugSwitches, type Log } from '@ring3/kit';
import { type DebugWord, debugWords } from '@ring3/smb-server';
import { type NetfilterWord, netfilterWords } from './namespace-debug.ts';

const isNetfilterWord = (word: string | undefined): boolean => netfilterWords.some((one) => one === word || `${one}\n` === word);

/** The daemon's debug output: the switches of the file server, those of the netfilter half, and where both write. It outlives a reset. */
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
   * Toggles a word, where there is one. `all` means those of one half; other words of the netfilter half are known without saying so.
   * @returns the line of the half that was meant
   */
  ask(word: string | undefined, netfilter: boolean): string {
    const half: DebugSwitches = netfilter || isNetfilterWord(word) ? this.netfilter : this.smb;
    if (word !== undefined) half.toggle(word);
    return half.text();
  }
}
