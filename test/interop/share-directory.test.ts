import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { need } from './programs.ts';
import { serveRing3, startRing3 } from './ring3.ts';
import { smbclient } from './smbclient.ts';

/** The directory of a share is removed, replaced, or created later: each tree connect uses the current one (decision 0071). */
describe('the directory of a share', need('smbclient'), () => {
  test('that is replaced while the server runs is served from the next connection on', async () => {
    const base = mkdtempSync(join(tmpdir(), 'ring3-directory-'));
    const share = join(base, 'share');
    mkdirSync(share);
    writeFileSync(join(share, 'before'), '');
    try {
      await using server = await startRing3(share);
      const asked = async (...commands: readonly string[]): Promise<string> =>
        (await smbclient(commands, { port: server.port, user: `${server.user}%${server.password}` })).output;
      assert.match(await asked('ls'), /before/);
      renameSync(share, join(base, 'old'));
      assert.match(await asked('ls'), /NT_STATUS_BAD_NETWORK_NAME/);
      mkdirSync(share);
      writeFileSync(join(share, 'after'), '');
      assert.match(await asked('ls', 'put /etc/hostname w'), /after/);
      assert.deepEqual([readdirSync(share), readdirSync(join(base, 'old'))], [['after', 'w'], ['before']]);
    } finally {
      rmSync(base, { recursive: true });
    }
  });

  test('that is missing at the start is served once it exists', async () => {
    const base = mkdtempSync(join(tmpdir(), 'ring3-directory-'));
    const conf = join(base, 'ring3.toml');
    writeFileSync(conf, `[share.later]\npath = "later"\n[share.now]\npath = "now"\n`);
    mkdirSync(join(base, 'now'));
    try {
      await using server = await serveRing3(['--config', conf, '--user', 'tester:secret']);
      assert.match(server.log(), /share later is offered when there is a directory/);
      const asked = async (share: string): Promise<string> =>
        (await smbclient(['ls'], { port: server.port, share, user: 'tester%secret' })).output;
      assert.match(await asked('later'), /NT_STATUS_BAD_NETWORK_NAME/);
      assert.match(await asked('now'), /blocks/);
      mkdirSync(join(base, 'later'));
      assert.match(await asked('later'), /blocks/);
    } finally {
      rmSync(base, { recursive: true });
    }
  });
});
