import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { need } from './programs.ts';
import { startRing3 } from './ring3.ts';
import { served } from './served.ts';
import { type Ran, run } from './smbclient.ts';

describe('impacket', need('impacket'), () => {
  const stage = served((folder) => startRing3(folder));

  const client = (...words: readonly string[]): Promise<Ran> => run('/usr/bin/python3', words);

  // not 3.0.2, which impacket does not support, and not 3.1.1: there impacket 0.10 signs incorrectly and has no encryption key; Samba
  // rejects it too
  for (const dialect of ['0x202', '0x210', '0x300']) {
    test(`sends all its requests at dialect ${dialect}`, async () => {
      const program = join(import.meta.dirname, 'impacket-client.py');
      const { status, output } = await client(program, String(stage.server.port), stage.server.user, stage.server.password, dialect);
      assert.equal(status, 0, `${output}\nring3 said:\n${stage.server.log()}`);
      assert.equal(output.trim(), dialect);
      assert.deepEqual(readdirSync(stage.folder), []);
    });
  }

  const nameless = [
    'import sys',
    'from impacket.smbconnection import SMBConnection, SessionError',
    'connection = SMBConnection("127.0.0.1", "127.0.0.1", sess_port=int(sys.argv[1]))',
    'try:',
    '    connection.login("", "")',
    '    print("in", *(share["shi1_netname"][:-1] for share in connection.listShares()), *(file.get_longname() for file in connection.listPath("share", "*")))',
    'except SessionError as error:',
    '    print(error)',
  ].join('\n');

  test('an anonymous client is accepted by a server for guests only', async () => {
    assert.match((await client('-c', nameless, String(stage.server.port))).output, /STATUS_LOGON_FAILURE/);
    await using open = await startRing3(stage.folder, ['--guest']);
    assert.equal((await client('-c', nameless, String(open.port))).output, 'in IPC$ share . ..\n', open.log());
  });
});
