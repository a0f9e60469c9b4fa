import assert from 'node:assert/strict';
import { fakeRandom } from '@ring3/kit';
import { Connection, framing, type Open, type TreeConnect } from '@ring3/smb-client';
import { Command, CreateOptions, Dialect, EchoRequest, Header, headerLength } from '@ring3/smb-proto';
import { connectMemory, createSmbServer } from '@ring3/smb-server';
import { createMemoryStore } from '@ring3/vfs';
import { requests } from '../requests.ts';
import { fuzzing, type Target } from './fuzzing.ts';

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
const { offset } = Header;
/** Placeholder of the ids of the open in the seeds; the ids of session and tree connect are at known offsets. */
const placeholder = Buffer.alloc(16, 0x6f);

/**
 * Changed requests of a client that is logged on and has a file and a directory open. No request fails internally; at the end of the
 * connection the server's tables are empty.
 */
async function smbAfterLogon(): Promise<Target> {
  const options = {
    shares: { share: createMemoryStore() },
    users: { ann: 'secret' },
    signing: 'enabled',
    listen: false,
    limits: { failedLogonDelayMs: 0 },
  } as const;
  const server = await createSmbServer(options);
  const errors: unknown[] = [];
  server.events.on('error', (error) => errors.push(error));
  let client: { connection: Connection; tree: TreeConnect; opens: Open[]; tamper: Uint8Array | undefined; inputs: number } | undefined;
  const end = async (): Promise<void> => {
    await client?.connection.close(true);
    client = undefined;
    await turn();
    await turn();
    assert.equal(server.view.opens().length, 0);
    assert.equal(server.view.sessions().length, 0);
  };
  const start = async (): Promise<NonNullable<typeof client>> => {
    const made = { tamper: undefined as Uint8Array | undefined };
    const connection = await Connection.open(connectMemory(server), {
      random: fakeRandom(5),
      dialects: [Dialect.Smb302],
      credits: 400,
      tamper: (chunks) => {
        if (made.tamper === undefined) return chunks;
        const head = Buffer.concat(chunks.slice(1));
        return replaced(head, made.tamper);
      },
    });
    const tree = await (await connection.logon({ user: 'ann', password: 'secret' })).connect('share');
    const opens = [
      await tree.create({ name: 'file', createDisposition: 3 }),
      await tree.create({ name: '', createOptions: CreateOptions.DirectoryFile }),
    ];
    return Object.assign(made, { connection, tree, opens, inputs: 0 });
  };
  return {
    seeds: requests(placeholder).map(([command, { head, rest }]) => {
      const bytes = Buffer.concat([head, ...rest]);
      bytes.writeUInt16LE(command, offset.command);
      return bytes;
    }),
    async run(input) {
      client ??= await start();
      const { connection, tree, opens } = client;
      client.tamper = withIds(input, (opens[input.length & 1] as Open).fileId);
      const exchange = connection.send(tree.request(Command.Echo, EchoRequest.encode({})));
      exchange.reply.catch(() => {});
      exchange.pending.catch(() => {});
      client.tamper = undefined;
      const closed = await Promise.race([
        connection.closed.then(() => true),
        turn()
          .then(turn)
          .then(() => false),
      ]);
      assert.deepEqual(errors, []);
      if (closed || ++client.inputs > 200) await end();
    },
    async end() {
      await end();
      await server.close();
    },
  };
}

/** The input with the ids of a real open instead of the placeholders. */
function withIds(input: Uint8Array, fileId: Uint8Array): Uint8Array {
  const bytes = Buffer.from(input);
  const at = bytes.indexOf(placeholder);
  if (at >= 0) bytes.set(fileId, at);
  return bytes;
}

/** The input as a message with the client's valid ids, so that more than the header is processed. */
function replaced(own: Buffer, input: Uint8Array): Uint8Array[] {
  const message = Buffer.from(input);
  if (message.length >= headerLength) {
    message.write('\xfeSMB', 0, 'latin1');
    message.writeUInt16LE(headerLength, 4);
    message.set(own.subarray(offset.messageId, offset.messageId + 8), offset.messageId);
    message.set(own.subarray(offset.treeId, offset.sessionId + 8), offset.treeId);
    message.writeUInt32LE(message.readUInt32LE(offset.flags) & ~1 & 0xf, offset.flags);
  }
  return [framing(message.length), message];
}

export const fuzz = fuzzing(smbAfterLogon);
