import { type Clock, DebugLines, DebugSwitches, type Log } from '@ring3/kit';
import { type DebugWord, debugWords } from '@ring3/smb-server';
import { type NetfilterWord, netfilterWords } from './namespace-debug.ts';

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
}
