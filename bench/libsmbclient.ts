/**
 * Round trips over libsmbclient, one request outstanding: libsmbclient.ts URL USER PASSWORD CONFIGURATION SECONDS plain|encrypted [NAME]
 * Prints `NAME OPERATIONS-PER-SECOND` lines, of one operation if it is named, and `begin 0` after a set-up step. A separate process,
 * because the library blocks.
 */
import koffi from 'koffi';

const [url, user, password, configuration, secondsText, protection, only] = process.argv.slice(2) as string[] as [
  string,
  string,
  string,
  string,
  string,
  string,
  string?,
];
const seconds = Number(secondsText);

const library = koffi.load('libsmbclient.so.0');
koffi.opaque('SMBCCTX');
koffi.alias('ssize_t', 'int64');
const authenticate = koffi.proto(
  'void authenticate(const char *server, const char *share, void *workgroup, int workgroupLength, void *user, int userLength, void *password, int passwordLength)',
);

const newContext = library.func('SMBCCTX *smbc_new_context(void)');
const initContext = library.func('SMBCCTX *smbc_init_context(SMBCCTX *context)');
const setContext = library.func('SMBCCTX *smbc_set_context(SMBCCTX *context)');
const setConfiguration = library.func('int smbc_setConfiguration(SMBCCTX *context, const char *file)');
const setAuthenticate = library.func('void smbc_setFunctionAuthData(SMBCCTX *context, authenticate *callback)');
const setEncryptionLevel = library.func('void smbc_setOptionSmbEncryptionLevel(SMBCCTX *context, int level)');
const open = library.func('int smbc_open(const char *url, int flags, int mode)');
const read = library.func('ssize_t smbc_read(int fd, void *buffer, size_t length)');
const write = library.func('ssize_t smbc_write(int fd, const void *buffer, size_t length)');
const seek = library.func('int64 smbc_lseek(int fd, int64 offset, int whence)');
const close = library.func('int smbc_close(int fd)');
const unlink = library.func('int smbc_unlink(const char *url)');
const stat = library.func('int smbc_stat(const char *url, void *stat)');
const mkdir = library.func('int smbc_mkdir(const char *url, int mode)');
const openDirectory = library.func('int smbc_opendir(const char *url)');
const readDirectory = library.func('void *smbc_readdir(int fd)');
const closeDirectory = library.func('int smbc_closedir(int fd)');

const [readOnly, writeOnly, readWrite, create, exclusive, truncate] = [0, 1, 2, 0o100, 0o200, 0o1000];

function must(result: number | bigint, what: string): number {
  if (Number(result) < 0) throw new Error(`${what} failed (errno ${koffi.errno()})`);
  return Number(result);
}

function start(): void {
  const made = newContext();
  setConfiguration(made, configuration);
  const put = (text: string, target: unknown): void => koffi.encode(target, 'char', text, Buffer.byteLength(text) + 1);
  setAuthenticate(
    made,
    koffi.register((_server: string, _share: string, _w: unknown, _wl: number, userAt: unknown, _ul: number, passwordAt: unknown) => {
      put(user, userAt);
      put(password, passwordAt);
    }, koffi.pointer(authenticate)),
  );
  if (protection === 'encrypted') setEncryptionLevel(made, 2);
  if (initContext(made) === null) throw new Error('smbc_init_context failed');
  setContext(made);
}

/** Repeats an operation for some seconds. */
function measure(name: string, operation: (i: number) => void): void {
  if (only !== undefined && only !== name) return;
  const begin = performance.now();
  let count = 0;
  let elapsed = 0;
  do {
    operation(count++);
    elapsed = (performance.now() - begin) / 1000;
  } while (elapsed < seconds);
  console.log(`${name} ${count / elapsed}`);
}

start();
const at = (name: string): string => `${url}/operations/${name}`;
const buffer = Buffer.alloc(65536, 7);
mkdir(`${url}/operations`, 0o755);
const blocks = 64;
const file = must(open(at('file'), readWrite | create | truncate, 0o644), 'open');
for (let i = 0; i < blocks; i++) must(write(file, buffer, buffer.length), 'write');

console.log('begin 0'); // the steps before it are not part of a measurement
const attributes = Buffer.alloc(512);
measure('stat', () => must(stat(at('file'), attributes), 'stat'));
measure('create, close, unlink', (i) => {
  const made = must(open(at(`new-${i}`), writeOnly | create | exclusive, 0o644), 'create');
  must(close(made), 'close');
  must(unlink(at(`new-${i}`)), 'unlink');
});
measure('open, read 4 KiB, close', () => {
  const opened = must(open(at('file'), readOnly, 0), 'open');
  must(read(opened, buffer, 4096), 'read');
  must(close(opened), 'close');
});
measure('read 4 KiB', (i) => {
  seek(file, (i % 1000) * 4096, 0);
  must(read(file, buffer, 4096), 'read');
});
measure('write 4 KiB', (i) => {
  seek(file, (i % 1000) * 4096, 0);
  must(write(file, buffer, 4096), 'write');
});
measure('read 64 KiB', (i) => {
  seek(file, (i % blocks) * 65536, 0);
  must(read(file, buffer, 65536), 'read');
});
close(file);

const names = 2000;
mkdir(at('folder'), 0o755);
for (let i = 0; i < names; i++) close(must(open(at(`folder/name-${i}`), writeOnly | create, 0o644), 'create'));
console.log('begin 0');
measure('list 2,000 names', () => {
  const folder = must(openDirectory(at('folder')), 'opendir');
  let count = 0;
  while (readDirectory(folder) !== null) count++;
  closeDirectory(folder);
  if (count < names) throw new Error(`${count} names listed`);
});
