import { equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { Connection, connectTcp } from '@ring3/smb-client';

test('npm start, also a second time: the printed address, user and password are accepted', async (t) => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-demo-'));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const sockets = ['--control', join(base, 'c'), '--netlink', join(base, 'n')];
  for (const _ of [1, 2]) {
    const demo = spawn(process.execPath, [join(import.meta.dirname, 'demo.ts'), '--demo', base, '--port', '0', ...sockets], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => demo.kill('SIGTERM'));
    const ready = once(createInterface({ input: demo.stdout }), 'line');
    let hint: RegExpExecArray | null = null;
    for await (const line of createInterface({ input: demo.stderr })) {
      hint = /smbclient \/\/(\S+)\/demo -p (\d+) -U demo%(\S+) -c ls/.exec(line);
      if (hint !== null) break;
    }
    ok(hint);
    const [, host = '', port, password = ''] = hint;
    match(String(await ready), new RegExp(`^ready smb=${host}:${port} `));
    {
      await using connection = await Connection.open(await connectTcp(Number(port)));
      await (await connection.logon({ user: 'demo', password })).connect('demo');
    }
    demo.kill('SIGTERM');
    equal((await once(demo, 'exit'))[0], 0);
  }
});
