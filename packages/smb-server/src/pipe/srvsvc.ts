import { type RpcInterface, uuid } from './endpoint.ts';
import { getInfo, type WriteInfo } from './get-info.ts';
import type { PipeHost, PipeShare } from './host.ts';
import { type NdrReader, NdrWriter } from './ndr.ts';
import { platformNt, versionMajor, versionMinor, WinError } from './win-error.ts';

/** SV_TYPE_WORKSTATION, SERVER, NT and SERVER_NT, MS-SRVS 2.2.2.7. */
const serverType = 0x00000001 | 0x00000002 | 0x00001000 | 0x00008000;
const unlimited = 0xffffffff;
/** SV_NODISC, MS-SRVS 2.2.4.42: idle clients are not disconnected. */
const noDisconnect = 0xffffffff;

type WriteShare = (out: NdrWriter, share: PipeShare) => void;
const level1: WriteShare = (out, { name, type, comment }) => void out.string(name).u32(type).string(comment);
const level2: WriteShare = (out, share) => {
  level1(out, share);
  // permissions, limit, uses; paths of the host are not reported
  out
    .u32(0)
    .u32(share.maxUses ?? unlimited)
    .u32(0)
    .string('')
    .string(undefined);
};
/** SHARE_INFO_* by level, MS-SRVS 2.2.4.22 to 2.2.4.28. */
const shareLevels: Readonly<Record<number, WriteShare>> = {
  0: (out, { name }) => void out.string(name),
  1: level1,
  2: level2,
  501: (out, share) => {
    level1(out, share);
    out.u32(0);
  },
  502: (out, share) => {
    level2(out, share);
    out.u32(0).pointer(undefined, () => {});
  },
  1005: (out) => void out.u32(0),
};
const shareLevel = (level: number): WriteShare | undefined => (Object.hasOwn(shareLevels, level) ? shareLevels[level] : undefined);

/** NetrShareEnum, MS-SRVS 3.1.4.8, and NetrShareEnumSticky, 3.1.4.9. */
function shareEnum(input: NdrReader, host: PipeHost): Uint8Array {
  input.optionalString('ServerName');
  const level = input.u32('InfoStruct.Level');
  const write = shareLevel(level);
  const out = new NdrWriter().u32(level).u32(level);
  if (write === undefined) return out.u32(0).u32(0).u32(0).u32(WinError.InvalidLevel).finish();
  const shares = [...host.shares()].filter(({ hidden }) => hidden !== true);
  out.pointer(shares, (list) => {
    out.u32(list.length).pointer(list, () => {
      out.u32(list.length);
      for (const share of list) write(out, share);
    });
  });
  return out.settle().u32(shares.length).u32(0).u32(WinError.Success).finish();
}

/** NetrShareGetInfo, MS-SRVS 3.1.4.10. */
function shareGetInfo(input: NdrReader, host: PipeHost): Uint8Array {
  input.optionalString('ServerName');
  const name = input.string('NetName').toLowerCase();
  const level = input.u32('Level');
  const write = shareLevel(level);
  const share = [...host.shares()].find((candidate) => candidate.name.toLowerCase() === name);
  const out = new NdrWriter().u32(level);
  if (write === undefined) return out.u32(0).u32(WinError.InvalidLevel).finish();
  if (share === undefined) return out.u32(0).u32(WinError.NetNameNotFound).finish();
  return out
    .pointer(share, (found) => write(out, found))
    .settle()
    .u32(WinError.Success)
    .finish();
}

const server100: WriteInfo = (out, { serverName }) => void out.u32(platformNt).string(serverName);
const server101: WriteInfo = (out, host) => {
  server100(out, host);
  out.u32(versionMajor).u32(versionMinor).u32(serverType).string(host.comment);
};
/** NetrServerGetInfo, MS-SRVS 3.1.4.17: SERVER_INFO_* by level, 2.2.4.40 to 2.2.4.42. */
const serverLevels: Readonly<Record<number, WriteInfo>> = {
  100: server100,
  101: server101,
  102: (out, host) => {
    server101(out, host);
    const idleMinutes = host.idleMs === 0 ? noDisconnect : Math.ceil(host.idleMs / 60_000);
    out.u32(host.users).u32(idleMinutes).u32(0).u32(240).u32(3000).u32(0).string('');
  },
};

/** NetrRemoteTOD, MS-SRVS 3.1.4.21; TIME_OF_DAY_INFO, 2.2.4.105. */
function remoteTimeOfDay(input: NdrReader, host: PipeHost): Uint8Array {
  input.optionalString('ServerName');
  const now = host.wall();
  const date = new Date(now);
  const out = new NdrWriter();
  out.pointer(date, () => {
    out.u32(Math.floor(now / 1000)).u32(now >>> 0);
    out
      .u32(date.getUTCHours())
      .u32(date.getUTCMinutes())
      .u32(date.getUTCSeconds())
      .u32(Math.floor(date.getUTCMilliseconds() / 10));
    out.u32(0).u32(310); // minutes west of Greenwich: times are in UTC; the clock's tick in 0.1 ms
    out
      .u32(date.getUTCDate())
      .u32(date.getUTCMonth() + 1)
      .u32(date.getUTCFullYear())
      .u32(date.getUTCDay());
  });
  return out.settle().u32(WinError.Success).finish();
}

/** The Server Service, MS-SRVS 1.9: shares and properties of the server. */
export const srvsvc: RpcInterface = {
  uuid: uuid('4b324fc8-1670-01d3-1278-5a47bf6ee188'),
  version: 3,
  operations: { 15: shareEnum, 16: shareGetInfo, 21: getInfo(serverLevels), 28: remoteTimeOfDay, 36: shareEnum },
};
