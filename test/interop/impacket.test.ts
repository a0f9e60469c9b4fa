import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { need } from './programs.ts';
import { type Ring3, startRing3 } from './ring3.ts';
import { run } from './smbclient.ts';

describe('impacket', need('impacket'), () => {
  let folder: string;
  let server: Ring3;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ring3-impacket-'));
    server = await startRing3(folder);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  // not 3.1.1: impacket 0.10 signs its TREE_CONNECT wrongly there, and Samba refuses it as well
  for (const dialect of ['0x202', '0x210', '0x300']) {
    test(`works at dialect ${dialect}, and is told a wrong password`, async () => {
      const program = join(import.meta.dirname, 'impacket-client.py');
      const { status, output } = await run('/usr/bin/python3', [program, String(server.port), server.user, server.password, dialect]);
      assert.equal(status, 0, `${output}\nring3 said:\n${server.log()}`);
      assert.equal(output.trim(), dialect);
      assert.deepEqual(readdirSync(folder), []);
    });
  }
});
