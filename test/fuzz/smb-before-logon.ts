import assert from 'node:assert/strict';
import { fakeRandom } from '@ring3/kit';
import { Connection, framing } from '@ring3/smb-client';
import { connectMemory, createSmbServer } from '@ring3/smb-server';
import { createMemoryStore } from '@ring3/vfs';
import { fuzzing, type Target } from './fuzzing.ts';

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

/**
 * The stream of a connection before logon: the bytes of a regular client up to its logon, changed. Nothing fails internally, and nothing
 * remains.
 */
async function smbBeforeLogon(): Promise<Target> {
  const options = {
    shares: { share: createMemoryStore() },
    users: { ann: 'secret' },
    listen: false,
    limits: { failedLogonDelayMs: 0 },
  } as const;
  const server = await createSmbServer(options);
  const errors: unknown[] = [];
  server.events.on('error', (error) => errors.push(error));
  const seeds = await honestStreams(server);
  return {
    seeds,
    async run(input) {
      const link = connectMemory(server);
      link.open({ receive: () => {}, end: () => {} });
      link.send([input]);
      await turn();
      link.close();
      await turn();
      assert.deepEqual(errors, []);
      assert.equal(server.view.connections().length, 0);
    },
    end: () => server.close(),
  };
}

/** The bytes that clients of several kinds send until they are logged on, one stream each. */
async function honestStreams(server: Parameters<typeof connectMemory>[0]): Promise<Uint8Array[]> {
  const streams: Uint8Array[] = [];
  for (const password of ['secret', 'wrong']) {
    const sent: Uint8Array[] = [];
    const connection = await Connection.open(connectMemory(server), {
      random: fakeRandom(4),
      tamper: (chunks) => {
        const message = Buffer.concat(chunks.slice(1));
        sent.push(framing(message.length), message);
        return [framing(message.length), message];
      },
    });
    await connection.logon({ user: 'ann', password }).catch(() => {});
    await connection.close(true);
    streams.push(Buffer.concat(sent), Buffer.concat(sent.slice(0, 2)), Buffer.concat(sent.slice(0, 4)));
  }
  const smb1 = Buffer.concat([
    Buffer.from('\xffSMB\x72', 'latin1'),
    Buffer.alloc(28),
    Buffer.of(0, 12, 0, 2),
    Buffer.from('SMB 2.???\0\0'),
  ]);
  return [...streams, Buffer.concat([framing(smb1.length), smb1]), Buffer.of(0x81, 0, 0, 0, 0x85, 0, 0, 0)];
}

export const fuzz = fuzzing(smbBeforeLogon);
