import { type RpcInterface, uuid } from './endpoint.ts';
import { type NdrReader, NdrWriter } from './ndr.ts';
import type { PipeHost } from './pipe.ts';
import { platformNt, versionMajor, versionMinor, WinError } from './win-error.ts';

type WriteWorkstation = (out: NdrWriter, host: PipeHost) => void;
const level100: WriteWorkstation = (out, { serverName, workgroup }) =>
  void out.u32(platformNt).string(serverName).string(workgroup).u32(versionMajor).u32(versionMinor);
/** WKSTA_INFO_* by level, MS-WKST 2.2.5.1 to 2.2.5.3. */
const levels: Readonly<Record<number, WriteWorkstation>> = {
  100: level100,
  101: (out, host) => {
    level100(out, host);
    out.string('');
  },
  102: (out, host) => {
    level100(out, host);
    out.string('').u32(1);
  },
};

/** NetrWkstaGetInfo, MS-WKST 3.2.4.1. */
function getInfo(input: NdrReader, host: PipeHost): Uint8Array {
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
}

/** The Workstation Service, MS-WKST 1.9. */
export const wkssvc: RpcInterface = { uuid: uuid('6bffd098-a112-3610-9833-46c3f87e345a'), version: 1, operations: { 0: getInfo } };
