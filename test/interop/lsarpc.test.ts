import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type KernelNamespace, kernelNamespace, withoutNamespaces } from './namespace.ts';
import { need } from './programs.ts';
import { type Ring3, startRing3 } from './ring3.ts';
import { type Ran, run } from './smbclient.ts';

describe('rpcclient looks names and SIDs up (MS-LSAT)', need('smbclient'), () => {
  let folder: string;
  let server: Ring3;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ring3-lsarpc-'));
    server = await startRing3(folder, ['--user', 'bob:word']);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const rpcclient = async (command: string): Promise<string> => {
    const user = `${server.user}%${server.password}`;
    return (await run('rpcclient', ['--configfile=/dev/null', '-U', user, '-p', String(server.port), '127.0.0.1', '-c', command])).output;
  };

  test('names: of users in any case, of well-known accounts, unknown ones', async () => {
    const output = await rpcclient('lookupnames TESTER bob Everyone nobodyhere');
    assert.match(
      output,
      /^TESTER S-1-5-21-\d+-\d+-\d+-\d+ \(User: 1\)\nbob S-1-5-21-\d+-\d+-\d+-\d+ \(User: 1\)\nEveryone S-1-1-0 \(Well-known Group: 5\)\n/,
    );
    assert.match(output, /^nobodyhere S-0-0 \(UNKNOWN: 8\)$/m);
  });

  test('SIDs: well-known, of a user, unknown', async () => {
    const [, sid] = /^bob (\S+)/.exec(await rpcclient('lookupnames bob')) as RegExpExecArray;
    const output = await rpcclient(`lookupsids ${sid} S-1-5-32-544 S-1-5-18 S-1-5-21-9-9-9-7`);
    assert.match(
      output,
      /\\bob \(1\)\nS-1-5-32-544 BUILTIN\\Administrators \(4\)\nS-1-5-18 NT AUTHORITY\\SYSTEM \(5\)\nS-1-5-21-9-9-9-7 \*unknown\*/,
    );
  });

  test('the caller’s name, and the policy', async () => {
    assert.match(await rpcclient('getusername'), /^Account Name: tester, Authority Name: \S+$/m);
    assert.match(await rpcclient('lsaquery'), /^Domain Name: WORKGROUP\nDomain Sid: \(NULL SID\)$/m);
  });
});

/** Programs that support only port 445, in a network namespace. */
describe('by name, on port 445', withoutNamespaces === undefined ? need('smbclient') : { skip: withoutNamespaces }, () => {
  let namespace: KernelNamespace;
  let folder: string;
  let server: Ring3;
  before(async () => {
    namespace = kernelNamespace();
    spawnSync('ip', ['-n', namespace.name, 'link', 'set', 'lo', 'up']);
    folder = mkdtempSync(join(tmpdir(), 'ring3-lsarpc-'));
    writeFileSync(join(folder, 'file'), 'x');
    server = await startRing3(folder, ['--port', '445'], namespace.prefix);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    namespace?.[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const inside = (...words: readonly string[]): Promise<Ran> => {
    const [command, ...rest] = [...namespace.prefix, ...words] as [string, ...string[]];
    return run(command, rest);
  };
  const user = (): string => `${server.user}%${server.password}`;
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
    const { output } = await inside('/usr/bin/python3', program, `${server.user}:${server.password}@127.0.0.1`, '1100');
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
