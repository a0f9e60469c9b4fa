import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { need } from './programs.ts';
import { startRing3 } from './ring3.ts';
import { smbclient } from './smbclient.ts';

/** ring3 acts as a user of the host, and the host denies this user an operation: the client gets the error. */
const asRoot = process.geteuid?.() === 0 ? need('smbclient') : { skip: 'only root can serve as another user' };
test('a deletion that the host will deny is denied at once', asRoot, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-refused-'));
  const places = mkdtempSync('/run/ring3-refused-');
  try {
    chmodSync(places, 0o755);
    chmodSync(folder, 0o777);
    for (const name of ['foreign', 'sticky']) mkdirSync(join(folder, name));
    mkdirSync(join(folder, 'foreign/empty'));
    for (const name of ['foreign/file', 'sticky/file']) writeFileSync(join(folder, name), '');
    chmodSync(join(folder, 'foreign'), 0o755);
    chmodSync(join(folder, 'sticky'), 0o1777);
    const own = [
      '--state-dir',
      `${places}/lib/state`,
      '--control',
      `${places}/run/control.sock`,
      '--netlink',
      `${places}/run/netlink.sock`,
    ];
    await using server = await startRing3(folder, ['--as', 'nobody', ...own]);
    for (const command of [
      'del foreign\\file',
      'rmdir foreign\\empty',
      'del sticky\\file',
      'rename foreign\\file moved',
      'rename sticky\\file moved',
    ]) {
      const { output } = await smbclient([command], { port: server.port, user: `${server.user}%${server.password}` });
      assert.match(output, /NT_STATUS_ACCESS_DENIED/, command);
    }
    for (const name of ['foreign/file', 'foreign/empty', 'sticky/file']) assert.ok(existsSync(join(folder, name)), name);
  } finally {
    for (const place of [folder, places]) rmSync(place, { recursive: true });
  }
});
