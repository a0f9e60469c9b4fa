import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type KernelNamespace, kernelNamespace, withoutNamespaces } from './namespace.ts';
import { need } from './programs.ts';
import { startRing3 } from './ring3.ts';
import { served } from './served.ts';
import { type Ran, rpcclient, run } from './smbclient.ts';

describe('rpcclient looks names and SIDs up (MS-LSAT)', need('smbclient'), () => {
  const stage = served((folder) => startRing3(folder, ['--user', 'bob:word']));

  const shown = (command: string): Promise<string> => rpcclient(command, stage.server);

  test('names: of users in any case, of well-known accounts, unknown ones', async () => {
    const output = await shown('lookupnames TESTER bob Everyone nobodyhere');
    assert.match(
      output,
      /^TESTER S-1-5-21-\d+-\d+-\d+-\d+ \(User: 1\)\nbob S-1-5-21-\d+-\d+-\d+-\d+ \(User: 1\)\nEveryone S-1-1-0 \(Well-known Group: 5\)\n/,
    );
    assert.match(output, /^nobodyhere S-0-0 \(UNKNOWN: 8\)$/m);
  });

  test('SIDs: well-known, of a user, unknown', async () => {
    const [, sid] = /^bob (\S+)/.exec(await shown('lookupnames bob')) as RegExpExecArray;
    const output = await shown(`lookupsids ${sid} S-1-5-32-544 S-1-5-18 S-1-5-21-9-9-9-7`);
    assert.match(
      output,
      /\\bob \(1\)\nS-1-5-32-544 BUILTIN\\Administrators \(4\)\nS-1-5-18 NT AUTHORITY\\SYSTEM \(5\)\nS-1-5-21-9-9-9-7 \*unknown\*/,
    );
  });

  test('the caller’s name, and the policy', async () => {
    assert.match(await shown('getusername'), /^Account Name: tester, Authority Name: \S+$/m);
    assert.match(await shown('lsaquery'), /^Domain Name: WORKGROUP\nDomain Sid: \(NULL SID\)$/m);
  });
});

/** Programs that support only port 445, in a network namespace. */
describe('by name, on port 445', withoutNamespaces === undefined ? need('smbclient') : { skip: withoutNamespaces }, () => {
  let namespace: KernelNamespace;
  const stage = served((folder) => {
    namespace = kernelNamespace();
    spawnSync('ip', ['-n', namespace.name, 'link', 'set', 'lo', 'up']);
    writeFileSync(join(folder, 'file'), 'x');
    return startRing3(folder, ['--port', '445'], namespace.prefix);
  });
  after(() => namespace?.[Symbol.dispose]());

  const inside = (...words: readonly string[]): Promise<Ran> => {
    const [command, ...rest] = [...namespace.prefix, ...words] as [string, ...string[]];
    return run(command, rest);
  };
  const user = (): string => `${stage.server.user}%${stage.server.password}`;
  const smbcacls = (...more: readonly string[]): Promise<Ran> =>
    inside('smbcacls', '--configfile=/dev/null', '//127.0.0.1/share', 'file', '-U', user(), ...more);

  test('smbcacls adds an entry by name, lists by name, and rejects a name that does not exist', async () => {
    assert.match((await smbcacls()).output, /^OWNER:BUILTIN\\Administrators$/m);
    assert.deepEqual(await smbcacls('-a', 'ACL:tester:ALLOWED/0x0/READ'), { status: 0, output: '' });
    assert.match((await smbcacls()).output, /^ACL:[^:]+\\tester:ALLOWED\/0x0\/READ$/m);
    assert.match((await smbcacls('-a', 'ACL:nobodyhere:ALLOWED/0x0/READ')).output, /failed to convert 'nobodyhere' to SID/);
  });

  test('impacket lists the accounts', need('impacket'), async (t) => {
    const program = '/usr/share/doc/python3-impacket/examples/lookupsid.py';
    if (!existsSync(program)) return t.skip('not installed: the examples of impacket');
    const { output } = await inside('/usr/bin/python3', program, `${stage.server.user}:${stage.server.password}@127.0.0.1`, '1100');
    assert.match(output, /^501: \S+\\Guest \(SidTypeUser\)\n513: \S+\\None \(SidTypeGroup\)\n1\d\d\d: \S+\\tester \(SidTypeUser\)$/m);
  });

  for (const name of ['rpc.lsa.lookupsids', 'rpc.lsa.lookupnames', 'rpc.lsa-getuser']) {
    test(`smbtorture ${name}`, need('smbtorture'), async () => {
      const { status, output } = await inside('smbtorture', '--configfile=/dev/null', 'ncacn_np:127.0.0.1', '-U', user(), name);
      assert.equal(status, 0, output);
      assert.match(output, /^success: /m);
    });
  }
});
