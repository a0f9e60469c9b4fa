import type { DialectName } from '@ring3/smb-proto';
import type { LimitConfiguration, ServerConfiguration } from '../configuration.ts';
import { choice, flag, list, number, type Parameters, passedOver, saysNo, saysYes, text } from './parameter.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The result of `[global]`, without the defaults of shares. */
export interface GlobalDraft {
  readonly server: Mutable<ServerConfiguration>;
  readonly limits: Mutable<LimitConfiguration>;
  /** Prefix of the path of each share. */
  root: string;
  bindInterfacesOnly: boolean;
  interfaces: readonly string[];
  restrictAnonymous: boolean;
}

/** An empty draft. */
export const emptyGlobal = (): GlobalDraft => ({
  server: {},
  limits: {},
  root: '',
  bindInterfacesOnly: false,
  interfaces: [],
  restrictAnonymous: false,
});

const dialects: Readonly<Record<string, DialectName>> = {
  smb2: '2.0.2',
  smb2_02: '2.0.2',
  smb2_10: '2.1',
  smb3: '3.1.1',
  smb3_00: '3.0',
  smb3_02: '3.0.2',
  smb3_11: '3.1.1',
};

const limit = (fallback: string, name: keyof LimitConfiguration, minimum: number, maximum: number, unit = 1) =>
  number<GlobalDraft>(fallback, minimum, maximum, ({ limits }, value) => {
    limits[name] = value * unit;
  });

/** 0 means the default, as in ksmbd-tools. */
const limitOrDefault = (fallback: string, name: keyof LimitConfiguration, maximum: number) =>
  number<GlobalDraft>(fallback, 0, maximum, ({ limits }, value) => {
    limits[name] = value === 0 ? Number(fallback) : value;
  });

/** 0 and larger values mean the maximum, 65536, as in the manual. */
const connections = (fallback: string, name: keyof LimitConfiguration) =>
  number<GlobalDraft>(fallback, 0, Number.MAX_SAFE_INTEGER, ({ limits }, value) => {
    limits[name] = value === 0 ? 65_536 : Math.min(value, 65_536);
  });

/** The global parameters: those marked (G) in the manual of ksmbd-tools 3.4.7, and those that later manuals added. */
export const globalParameters: Parameters<GlobalDraft> = {
  'bind interfaces only': flag('no', (draft, yes) => {
    draft.bindInterfacesOnly = yes;
  }),
  deadtime: limit('0', 'idle-minutes', 0, 525_600, 60_000),
  'durable handles': passedOver('yes', saysYes, 'durable handles are granted to clients that request them'),
  'guest account': passedOver(
    'nobody',
    /^nobody$/,
    'a client without a user name is a guest, and its files belong to the user that ring3 runs as',
  ),
  interfaces: list('', (draft, names) => {
    draft.interfaces = names;
  }),
  'ipc timeout': passedOver('0', /^\d+$/, 'there is no second process to wait for'),
  'kerberos keytab file': passedOver('', undefined, 'the only authentication is NTLMv2'),
  'kerberos service name': passedOver('', undefined, 'the only authentication is NTLMv2'),
  'kerberos support': passedOver('no', saysNo, 'the only authentication is NTLMv2'),
  'map to guest': choice('never', { never: false, 'bad user': true }, ({ server }, yes) => {
    server.guest = yes;
  }),
  'max active sessions': limitOrDefault('1024', 'sessions', 1_000_000),
  'max connections': connections('128', 'connections'),
  'max ip connections': connections('', 'connections-for-address'),
  'max open files': limitOrDefault('10000', 'opens-for-session', 10_000_000),
  'netbios name': text('KSMBD SERVER', ({ server }, value, note) => {
    const name = value.replace(/[^A-Za-z0-9!@#$%^&()_'{}~-]/g, '-').slice(0, 15);
    if (name !== value && value !== 'KSMBD SERVER') note(`is not honoured as it is: no NetBIOS name, ${name} is taken`);
    server.name = name;
  }),
  'restrict anonymous': choice('0', { 0: false, 1: true, 2: true }, (draft, yes) => {
    draft.restrictAnonymous = yes;
  }),
  'root directory': text('', (draft, path) => {
    draft.root = path;
  }),
  'server max protocol': choice('SMB3_11', dialects, ({ server }, dialect) => {
    server['dialect-max'] = dialect;
  }),
  'server min protocol': choice('SMB2_10', { ...dialects, smb3: '3.0' as const }, ({ server }, dialect) => {
    server['dialect-min'] = dialect;
  }),
  'server multi channel support': flag('no', ({ server }, yes) => {
    server.multichannel = yes;
  }),
  'server signing': choice(
    'disabled',
    { disabled: 'enabled', auto: 'enabled', enabled: 'enabled', default: 'enabled', mandatory: 'required', required: 'required' } as const,
    ({ server }, how) => {
      server.signing = how;
    },
  ),
  'server string': text('SMB SERVER', ({ server }, value, note) => {
    const comment = value.replace(/\p{C}/gu, '').slice(0, 256);
    if (comment !== value) note('is not honoured as it is: 256 characters of it are taken');
    if (comment !== '') server.comment = comment;
  }),
  'share:fake_fscaps': passedOver('64', /^64$/, 'the capabilities of the file system are reported, with sparse files'),
  'smb2 leases': passedOver('yes', saysYes, 'leases are granted on each share that allows oplocks'),
  'smb2 max credits': limit('8192', 'credits', 64, 65_535),
  'smb2 max read': limit('4MB', 'read-bytes', 65_536, 8 << 20),
  'smb2 max trans': limit('1MB', 'transact-bytes', 65_536, 8 << 20),
  'smb2 max write': limit('4MB', 'write-bytes', 65_536, 8 << 20),
  'smb3 encryption': choice(
    'auto',
    {
      disabled: 'never',
      no: 'never',
      false: 'never',
      0: 'never',
      off: 'never',
      auto: 'off',
      enabled: 'off',
      yes: 'off',
      true: 'off',
      1: 'off',
      desired: 'desired',
      mandatory: 'required',
      required: 'required',
    } as const,
    ({ server }, how, note) => {
      if (how === 'never') note('is not honoured: a client that asks for encryption gets it');
      server.encryption = how === 'never' ? 'off' : how;
    },
  ),
  'smbd max io size': passedOver('8MB', /^8\s*mb?$/i, 'there is no SMB Direct'),
  'tcp port': choicePort(),
  workgroup: text('WORKGROUP', ({ server }, value, note) => {
    const workgroup = value
      .replace(/["/\\[\]:;|=,+*?<>\p{C}]/gu, '-')
      .slice(0, 15)
      .trim();
    if (workgroup !== value) note(`is not honoured as it is: ${workgroup} is taken`);
    server.workgroup = workgroup;
  }),
};

function choicePort(): Parameters<GlobalDraft>[string] {
  return {
    default: '445',
    set({ server }, value) {
      if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) return 'a port, 0 to 65535';
      server.port = Number(value);
      return undefined;
    },
  };
}
