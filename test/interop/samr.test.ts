import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { kernelNamespace, withoutNamespaces } from './namespace.ts';
import { need } from './programs.ts';
import { startRing3 } from './ring3.ts';
import { served } from './served.ts';
import { rpcclient, run } from './smbclient.ts';

describe('rpcclient shows the accounts (MS-SAMR)', need('smbclient'), () => {
  const stage = served((folder) => startRing3(folder, ['--user', 'bob:word']));

  const shown = (command: string): Promise<string> => rpcclient(command, stage.server);

  for (const [command, expected] of [
    ['enumdomains', /^name:\[\S+\] idx:\[0x0\]\nname:\[BUILTIN\] idx:\[0x0\]$/m],
    ['enumdomusers', /^user:\[Guest\] rid:\[0x1f5\]\n(?:user:\[(?:bob|tester)\] rid:\[0x3e[89]\]\n){2}$/],
    ['enumdomgroups', /^group:\[None\] rid:\[0x201\]$/m],
    ['enumalsgroups builtin', /^group:\[Administrators\] rid:\[0x220\]\ngroup:\[Users\] rid:\[0x221\]$/m],
    ['querydispinfo', /Account: bob\tName: \tDesc: $/m],
    ['querydominfo 2', /^Total Users:\t3\nTotal Groups:\t1\nTotal Aliases:\t0$/m],
    ['querydominfo 12', /^Lockout after bad attempts: +0$/m],
    ['queryuser bob', /^\tUser Name {3}:\tbob$[\s\S]*^\tgroup_rid:\t0x201$/m],
    ['querygroupmem 0x201', /^\trid:\[0x3e8\] attr:\[0x7\]$/m],
    ['queryaliasmem builtin 545', /^\tsid:\[S-1-5-21-\d+-\d+-\d+-513\]$/m],
    ['samlookupnames builtin users', /^name users: 0x221 \(4\)$/m],
    ['queryuser 0x777', /NT_STATUS_NO_SUCH_USER/],
    ['createdomuser eve', /NT_STATUS_RPC_PROCNUM_OUT_OF_RANGE/],
  ] as const)
    test(command, async () => assert.match(await shown(command), expected));
});

test(
  'impacket lists the users on port 445',
  withoutNamespaces === undefined ? need('impacket') : { skip: withoutNamespaces },
  async (t) => {
    const program = '/usr/share/doc/python3-impacket/examples/samrdump.py';
    if (!existsSync(program)) return t.skip('not installed: the examples of impacket');
    const namespace = kernelNamespace();
    const folder = mkdtempSync(join(tmpdir(), 'ring3-samr-'));
    try {
      spawnSync('ip', ['-n', namespace.name, 'link', 'set', 'lo', 'up']);
      await using server = await startRing3(folder, ['--port', '445'], namespace.prefix);
      const [command, ...rest] = [...namespace.prefix, '/usr/bin/python3', program, `${server.user}:${server.password}@127.0.0.1`] as const;
      const { output } = await run(command as string, rest);
      assert.match(output, /^Found user: tester, uid = 1\d\d\d$/m);
      assert.match(output, /^tester \(1\d\d\d\)\/AccountIsDisabled: False$/m);
      assert.match(output, /^Guest \(501\)\/AccountIsDisabled: True$/m);
    } finally {
      namespace[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
