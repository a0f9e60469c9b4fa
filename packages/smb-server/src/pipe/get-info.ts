import type { RpcInterface } from './endpoint.ts';
import type { PipeHost } from './host.ts';
import { NdrWriter } from './ndr.ts';
import { WinError } from './win-error.ts';

/** Writes the structure of one information level; the targets of its pointers follow automatically. */
export type WriteInfo = (out: NdrWriter, host: PipeHost) => void;

/** An operation with a server name and a level that returns a union of structures: NetrServerGetInfo, NetrWkstaGetInfo. */
export const getInfo =
  (levels: Readonly<Record<number, WriteInfo>>): RpcInterface['operations'][number] =>
  (input, host) => {
    input.optionalString('ServerName');
    const level = input.u32('Level');
    const write = Object.hasOwn(levels, level) ? levels[level] : undefined;
    const out = new NdrWriter().u32(level);
    if (write === undefined) return out.u32(0).u32(WinError.InvalidLevel).finish();
    return out
      .pointer(host, () => write(out, host))
      .settle()
      .u32(WinError.Success)
      .finish();
  };
