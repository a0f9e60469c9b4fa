/**
 * Serves a program's data as a network drive, in twenty lines. Windows, macOS and Linux clients open it: `smbclient -U ann%secret -p PORT
 * //127.0.0.1/archive`.
 */
import { createSmbServer } from '@ring3/smb-server';
import { createMemoryStore, expectAnswer, type Identity } from '@ring3/vfs';

const nobody: Identity = { name: 'program', sid: 'S-1-5-18', groups: [], guest: false };
const store = createMemoryStore();
const root = expectAnswer(await store.root(nobody), 'the root');
const how = { access: 'readWrite', kind: 'file', disposition: 'create' } as const;
const file = expectAnswer(await store.open(root, 'hello.txt', how, nobody), 'a file');
expectAnswer(await file.write([Buffer.from('Hello from memory\n')], 0), 'its words');
await file.close();

const server = await createSmbServer({
  shares: { archive: store, reading: { vfs: store, readOnly: true, comment: 'The same, to look at' } },
  users: { ann: 'secret' },
});
server.events.on('log-on', ({ user, peer }) => console.error(`${user} came from ${peer}`));
server.events.on('open', ({ user, path }) => console.error(`${user} opened ${path}`));
console.log(`ready ${server.address?.port}`);
process.once('SIGTERM', () => void server.close());
