import { type RpcInterface, uuid } from './endpoint.ts';
import { getInfo, type WriteInfo } from './get-info.ts';
import { platformNt, versionMajor, versionMinor } from './win-error.ts';

const level100: WriteInfo = (out, { serverName, workgroup }) =>
  void out.u32(platformNt).string(serverName).string(workgroup).u32(versionMajor).u32(versionMinor);
/** NetrWkstaGetInfo, MS-WKST 3.2.4.1: WKSTA_INFO_* by level, 2.2.5.1 to 2.2.5.3. */
const levels: Readonly<Record<number, WriteInfo>> = {
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

/** The Workstation Service, MS-WKST 1.9. */
export const wkssvc: RpcInterface = { uuid: uuid('6bffd098-a112-3610-9833-46c3f87e345a'), version: 1, operations: { 0: getInfo(levels) } };
