/** `npm start`: makes a folder with files of several kinds, once, and serves it. Arguments go to `ring3 serve`. */
import { existsSync, mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';

const folder = fileURLToPath(new URL('../demo', import.meta.url));

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

function makeDemo(): void {
  mkdirSync(join(folder, 'photos', 'summer'), { recursive: true });
  writeFileSync(join(folder, 'READ ME.txt'), 'This folder is shared by ring3. Put something here, change it, delete it.\r\n');
  writeFileSync(join(folder, 'prices.csv'), 'article,price\nring,3.00\nshared folder,0.00\n');
  writeFileSync(join(folder, 'photos', 'summer', 'rings.png'), picture());
  writeFileSync(join(folder, 'Grüße aus 東京 🗼.txt'), 'Names are Unicode.\n');
  writeFileSync(join(folder, 'empty'), '');
  writeFileSync(join(folder, 'one megabyte.bin'), Buffer.alloc(1 << 20, 'ring3 '));
  writeFileSync(join(folder, 'sparse.img'), '');
  truncateSync(join(folder, 'sparse.img'), 1 << 30); // one gibibyte that takes no room
  writeFileSync(join(folder, 'from 1999.txt'), 'Old.\n');
  utimesSync(join(folder, 'from 1999.txt'), new Date('1999-12-31T23:59:58Z'), new Date('1999-12-31T23:59:58Z'));
  symlinkSync('READ ME.txt', join(folder, 'link to READ ME.txt'));
}

if (!existsSync(folder)) makeDemo();
console.error(
  `sharing ${folder}; try   smbclient //127.0.0.1/demo -p 4450 -U ring3   with the password below, or   npx ring3 exec -- nfct list timeout`,
);
process.argv.splice(2, 0, 'serve', folder);
await import(new URL('../packages/cli/bin/ring3.js', import.meta.url).href);
