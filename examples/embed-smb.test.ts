import { rejects, strictEqual } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { Connection, connectTcp } from '@ring3/smb-client';

test('the example of an embedded server shares its files, and ends on a signal', async () => {
  const program = spawn(process.execPath, ['--conditions=@ring3/source', join(import.meta.dirname, 'embed-smb.ts')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(program, 'exit');
  try {
    const [line] = (await once(createInterface(program.stdout), 'line')) as [string];
    await using connection = await Connection.open(await connectTcp(Number(line.split(' ')[1])));
    const session = await connection.logon({ user: 'ann', password: 'secret' });
    const tree = await session.connect('archive');
    const open = await tree.create({ name: 'hello.txt' });
    strictEqual(Buffer.concat(await open.read(0, 100)).toString(), 'Hello from memory\n');
    await open.close();
    const reading = await session.connect('reading');
    await rejects(reading.create({ name: 'new.txt', createDisposition: 2 }), /AccessDenied/);
  } finally {
    program.kill('SIGTERM');
  }
  strictEqual((await ended)[0], 0);
});
