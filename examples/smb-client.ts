// Lists a share and reads a file of it: the example of packages/smb-client/README.md.
import { Connection, connectTcp, list } from '@ring3/smb-client';

await using connection = await Connection.open(await connectTcp(4450));
const session = await connection.logon({ user: 'ann', password: 'secret' });
const tree = await session.connect('photos');
for await (const { fileName } of list(tree, '')) console.log(fileName);
const open = await tree.create({ name: 'notes.txt' });
console.log(Buffer.concat(await open.read(0, 65536)).toString());
await open.close();
