import {
  type Configuration,
  ConfigurationError,
  type ConfiguredUser,
  type DialectName,
  type LimitConfiguration,
  type ShareConfiguration,
  shareName,
} from './configuration.ts';

/** One `name = value` of a section. */
interface Entry {
  readonly value: string;
  readonly line: number;
}
type Section = Map<string, Entry>;

const dialects: Readonly<Record<string, DialectName>> = {
  smb2: '2.0.2',
  smb2_02: '2.0.2',
  smb2_10: '2.1',
  smb3: '3.1.1',
  smb3_00: '3.0',
  smb3_02: '3.0.2',
  smb3_11: '3.1.1',
};

/** Parameters of ksmbd.conf(5) that ring3 does not act on, with what it does instead. */
const passedOver: Readonly<Record<string, string>> = {
  'bind interfaces only': 'ring3 listens on one address: --host',
  'create mask': 'see file-mode',
  deadtime: 'idle clients stay',
  'directory mask': 'see folder-mode',
  'force create mode': 'see file-mode',
  'force directory mode': 'see folder-mode',
  'force group': 'files are made as the user that ring3 runs as',
  'force user': 'files are made as the user that ring3 runs as',
  'guest account': 'guests act as the user that ring3 runs as',
  'hide dot files': 'files are hidden by their DOS attribute',
  'inherit owner': 'the owner is the user who creates',
  interfaces: 'ring3 listens on one address: --host',
  'ipc timeout': 'there is no second process',
  'kerberos keytab file': 'NTLMv2 is the only log-on',
  'kerberos service name': 'NTLMv2 is the only log-on',
  'max active sessions': 'sessions are limited for each connection',
  oplocks: 'oplocks are always granted',
  'restrict anonymous': 'anonymous clients are not let in',
  'root directory': 'paths are taken as they are written',
  'server multi channel support': 'a session has one connection',
  'share:fake_fscaps': 'sparse files are supported',
  'smb2 leases': 'leases are not granted',
  'smb3 encryption': 'see encryption',
  'store dos attributes': 'DOS attributes are always kept',
  'tcp port': 'see port',
  'vfs objects': 'streams and descriptors are always kept',
  'veto files': 'nothing is vetoed',
};

/** Where a line's comment starts it ends. */
const uncommented = (text: string): string => text.replace(/[;#].*$/, '').trim();

function sections(source: string, file: string): Map<string, Section> {
  const found = new Map<string, Section>();
  let section: Section | undefined;
  source.split(/\r?\n/).forEach((text, i) => {
    const line = uncommented(text);
    if (line === '') return;
    const header = /^\[([^\]]+)\]$/.exec(line);
    if (header !== null) {
      const name = (header[1] as string).trim();
      section = found.get(name) ?? new Map();
      found.set(name, section);
      return;
    }
    const entry = /^([^=]+?)\s*=\s*(.*)$/.exec(line);
    if (entry === null) throw new ConfigurationError(file, i + 1, `"${line}" is neither a [section] nor a parameter = value`);
    if (section === undefined) throw new ConfigurationError(file, i + 1, 'a parameter before the first [section]');
    section.set((entry[1] as string).toLowerCase().replace(/\s+/g, ' '), { value: entry[2] as string, line: i + 1 });
  });
  return found;
}

/** Reads values out of a section, takes note of what was read, and tells what is wrong. */
class Reader {
  readonly #file: string;
  readonly #sections: readonly Section[];
  readonly seen = new Set<string>();

  /** @param sections the section itself, then the one that gives its defaults */
  constructor(file: string, ...sections: Section[]) {
    this.#file = file;
    this.#sections = sections;
  }

  entry(name: string): Entry | undefined {
    this.seen.add(name);
    for (const section of this.#sections) {
      const found = section.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  read<T>(name: string, allowed: string, convert: (value: string) => T | undefined): T | undefined {
    const entry = this.entry(name);
    if (entry === undefined || entry.value === '') return undefined;
    const value = convert(entry.value);
    if (value === undefined) throw new ConfigurationError(this.#file, entry.line, `${name} is ${allowed}, not "${entry.value}"`);
    return value;
  }

  text = (name: string): string | undefined => this.read(name, 'a text', (value) => value);
  flag = (name: string): boolean | undefined =>
    this.read(name, 'yes or no', (value) =>
      /^(yes|true|1|on)$/i.test(value) ? true : /^(no|false|0|off)$/i.test(value) ? false : undefined,
    );
  list = (name: string): string[] | undefined => this.read(name, 'a list', (value) => value.split(/[\s,]+/).filter((item) => item !== ''));
  size = (name: string, minimum: number, maximum: number): number | undefined =>
    this.read(name, 'a number of bytes, with K, M or G behind it where wanted', (value) => {
      const parts = /^(\d+)\s*([kmg]?)b?$/i.exec(value);
      if (parts === null) return undefined;
      const scale = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[(parts[2] as string).toLowerCase()] as number;
      return Math.min(maximum, Math.max(minimum, Number(parts[1]) * scale));
    });
  dialect = (name: string): DialectName | undefined =>
    this.read(name, `one of ${Object.keys(dialects).join(', ')}`, (value) =>
      Object.hasOwn(dialects, value.toLowerCase()) ? dialects[value.toLowerCase()] : undefined,
    );
}

const without = <T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;

function readShare(name: string, section: Section, global: Section, file: string, warnings: string[]): ShareConfiguration | undefined {
  const reader = new Reader(file, section, global);
  const line = Math.min(...[...section.values()].map((entry) => entry.line), Number.MAX_SAFE_INTEGER);
  const at = line === Number.MAX_SAFE_INTEGER ? 1 : line;
  if (!shareName.test(name)) throw new ConfigurationError(file, at, `"${name}" is no name of a share`);
  const path = reader.text('path');
  const writeable = reader.flag('writeable') ?? reader.flag('writable') ?? reader.flag('write ok');
  const readOnly = reader.flag('read only') ?? (writeable === undefined ? true : !writeable);
  const browseable = reader.flag('browseable') ?? reader.flag('browsable') ?? true;
  const valid = reader.list('valid users');
  const invalid = reader.list('invalid users') ?? [];
  const readers = reader.list('read list');
  const writers = reader.list('write list');
  if (invalid.length > 0 && valid === undefined)
    warnings.push(`${file}:${at}: [${name}] invalid users without valid users is not honoured: list who may in`);
  if (writers !== undefined && readOnly)
    warnings.push(`${file}:${at}: [${name}] write list on a read-only share is not honoured: make it writeable with a read list`);
  for (const group of [...(valid ?? []), ...(readers ?? [])].filter((user) => user.startsWith('@'))) {
    warnings.push(`${file}:${at}: [${name}] ${group}: groups of the host are not known here`);
  }
  if (path === undefined) {
    warnings.push(`${file}:${at}: [${name}] has no path and is not shared`);
    return undefined;
  }
  const share = without({
    name,
    path,
    comment: reader.text('comment'),
    'read-only': readOnly,
    guest: reader.flag('guest ok'),
    hidden: !browseable,
    users: valid?.filter((user) => !invalid.includes(user)),
    readers,
  });
  passOver(section, reader, file, `[${name}] `, warnings);
  return share;
}

function passOver(section: Section, reader: Reader, file: string, where: string, warnings: string[]): void {
  for (const [name, { line }] of section) {
    if (reader.seen.has(name)) continue;
    const instead = Object.hasOwn(passedOver, name) ? passedOver[name] : undefined;
    warnings.push(
      `${file}:${line}: ${where}${name} is ${instead === undefined ? 'not a parameter of ksmbd.conf(5)' : `not honoured: ${instead}`}`,
    );
  }
}

/**
 * Reads the kernel server's configuration, ksmbd.conf(5), as it is. Each parameter is honoured or named in a warning.
 * @throws ConfigurationError for what is no such file, and for values that are none
 */
export function readKsmbdConf(source: string, file: string): Configuration {
  const all = sections(source, file);
  const global: Section = [...all].find(([name]) => name.toLowerCase() === 'global')?.[1] ?? new Map();
  const warnings: string[] = [];
  const reader = new Reader(file, global);
  const signing = reader.read('server signing', 'auto, disabled, enabled or mandatory', (value) =>
    /^(mandatory|required)$/i.test(value) ? 'required' : /^(auto|disabled|enabled|default)$/i.test(value) ? 'enabled' : undefined,
  );
  const mapToGuest = reader.read('map to guest', 'never or bad user', (value) =>
    /^never$/i.test(value) ? false : /^bad user$/i.test(value) ? true : undefined,
  );
  const server = without({
    name: reader
      .text('netbios name')
      ?.replace(/[^A-Za-z0-9!@#$%^&()_'{}~-]/g, '-')
      .slice(0, 15),
    signing: signing ?? ('enabled' as const),
    guest: mapToGuest,
    'dialect-min': reader.dialect('server min protocol'),
    'dialect-max': reader.dialect('server max protocol'),
    port:
      reader.read('tcp port', 'a port', (value) => (/^\d{1,5}$/.test(value) && Number(value) < 65536 ? Number(value) : undefined)) ?? 445,
    encryption: reader.read('smb3 encryption', 'a choice', (value) =>
      /^(mandatory|yes|true|1)$/i.test(value) ? 'required' : /^(auto|enabled)$/i.test(value) ? 'desired' : 'off',
    ),
  } as const);
  const limits: LimitConfiguration = without({
    connections: reader.size('max connections', 1, 65_536),
    'opens-for-session': reader.size('max open files', 1, 10_000_000),
    credits: reader.size('smb2 max credits', 64, 65_535),
    'read-bytes': reader.size('smb2 max read', 65_536, 8 << 20),
    'write-bytes': reader.size('smb2 max write', 65_536, 8 << 20),
    'transact-bytes': reader.size('smb2 max trans', 65_536, 8 << 20),
  });
  for (const text of ['server string', 'workgroup'] as const) {
    if (reader.text(text) !== undefined)
      warnings.push(`${file}:${global.get(text)?.line}: ${text} is not honoured: it is not told to clients`);
  }
  for (const name of shareParameters) reader.seen.add(name);
  passOver(global, reader, file, '', warnings);
  const shares = [...all]
    .filter(([name]) => name.toLowerCase() !== 'global')
    .map(([name, section]) => readShare(name, section, global, file, warnings))
    .filter((share) => share !== undefined);
  return { server, limits, shares, daemon: {}, users: [], timeouts: [], rules: [], warnings };
}

/** Share parameters, which [global] may give defaults for. */
const shareParameters = [
  'browseable',
  'browsable',
  'comment',
  'guest ok',
  'invalid users',
  'path',
  'read list',
  'read only',
  'valid users',
  'write list',
  'writeable',
  'writable',
  'write ok',
];

/**
 * Reads the kernel server's users, ksmbdpwd.db(5): a line each, name and the base64 of the NT hash with a colon between.
 * @throws ConfigurationError naming the line, never what stands in it
 */
export function readKsmbdUsers(source: string, file: string): ConfiguredUser[] {
  const users: ConfiguredUser[] = [];
  source.split(/\r?\n/).forEach((text, i) => {
    const line = text.trim();
    if (line === '') return;
    const parts = /^([^:]+):([A-Za-z0-9+/]{22}==)$/.exec(line);
    if (parts === null) throw new ConfigurationError(file, i + 1, 'a line is NAME:BASE64 of a 16-byte hash');
    users.push({ name: parts[1] as string, ntHash: new Uint8Array(Buffer.from(parts[2] as string, 'base64')) });
  });
  return users;
}
