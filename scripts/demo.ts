/**
 * `npm start [-- [--demo DIR] OPTION…]`: creates a directory with sample files, once, and shares it. DIR holds the files and the state; default: `demo`
 * in this checkout. The other options are those of `ring3 serve`.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';
import { wrongUsage } from './options.ts';

const options = process.argv.slice(2);
const demoAt = options.indexOf('--demo');
const demo = demoAt < 0 ? fileURLToPath(new URL('../demo', import.meta.url)) : options.splice(demoAt, 2)[1];
const base = resolve(demo ?? wrongUsage('--demo: requires a directory', 'npm start -- [--demo DIR] [OPTION…]'));
const directory = join(base, 'files');

/** A PNG of 128 × 128 pixels: three rings. */
function picture(): Buffer {
  const size = 128;
  const rows = Buffer.alloc(size * (size * 3 + 1));
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const radius = Math.hypot(x - 63.5, y - 63.5);
      const ring = [20, 38, 56].some((r) => Math.abs(radius - r) < 5);
      rows.set(ring ? [40, 110, 200] : [245, 245, 240], y * (size * 3 + 1) + 1 + x * 3);
    }
  }
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    out.set(body, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const header = Buffer.from([0, 0, 0, size, 0, 0, 0, size, 8, 2, 0, 0, 0]);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', new Uint8Array(0))]);
}

/** Creates the sample files. */
function makeDemo(): void {
  mkdirSync(join(directory, 'photos', 'summer'), { recursive: true });
  writeFileSync(join(directory, 'READ ME.txt'), 'This directory is shared by ring3. Put something here, change it, delete it.\r\n');
  writeFileSync(join(directory, 'prices.csv'), 'article,price\nring,3.00\nshared directory,0.00\n');
  writeFileSync(join(directory, 'photos', 'summer', 'rings.png'), picture());
  writeFileSync(join(directory, 'Grüße aus 東京 🗼.txt'), 'Names are Unicode.\n');
  writeFileSync(join(directory, 'empty'), '');
  writeFileSync(join(directory, 'one megabyte.bin'), Buffer.alloc(1 << 20, 'ring3 '));
  writeFileSync(join(directory, 'sparse.img'), '');
  truncateSync(join(directory, 'sparse.img'), 1 << 30); // 1 GiB that occupies no space
  writeFileSync(join(directory, 'from 1999.txt'), 'Old.\n');
  utimesSync(join(directory, 'from 1999.txt'), new Date('1999-12-31T23:59:58Z'), new Date('1999-12-31T23:59:58Z'));
  symlinkSync('READ ME.txt', join(directory, 'link to READ ME.txt'));
}

const given = (...names: string[]): boolean =>
  options.some((option) => names.some((name) => option === name || option.startsWith(`${name}=`)));
const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
const password = Array.from({ length: 12 }, () => letters[randomInt(letters.length)]).join('');

/** Whether the demo adds its own user. Options that choose the users replace it. */
const ownUser = !given('--user', '--guest', '--config');
if (!existsSync(directory)) makeDemo();
const program = fileURLToPath(new URL('../packages/cli/bin/ring3.js', import.meta.url));
const server = spawn(
  process.execPath,
  [
    program,
    'serve',
    directory,
    ...(given('--share') ? [] : ['--share', 'demo']),
    ...(given('--state-dir') ? [] : ['--state-dir', join(base, 'state')]),
    ...(ownUser ? ['--user', 'demo'] : []),
    ...options,
  ],
  { stdio: ['inherit', 'pipe', 'inherit'], env: ownUser ? { ...process.env, RING3_PASSWORD: password } : process.env },
);
createInterface({ input: server.stdout }).on('line', (line) => {
  console.log(line);
  const [, host, port] = /^ready .*smb=(\S+):(\d+)/.exec(line) ?? [];
  if (host === undefined || !ownUser || given('--share')) return;
  const address = host === '0.0.0.0' || host === '[::]' ? '127.0.0.1' : host.replace(/[[\]]/g, '');
  console.error(`sharing ${directory}; in a second terminal, try
  smbclient //${address}/demo -p ${port} -U demo%${password} -c ls
  npx ring3 exec -- nfct list timeout`);
});
process.on('SIGINT', () => {}); // the terminal sends it to the server too
process.on('SIGTERM', () => server.kill('SIGTERM'));
server.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
