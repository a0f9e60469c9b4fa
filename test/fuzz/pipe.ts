import assert from 'node:assert/strict';
import { fakeRandom } from '@ring3/kit';
import { Connection, type Open, type TreeConnect } from '@ring3/smb-client';
import { CreateDisposition, Dialect } from '@ring3/smb-proto';
import { connectMemory, createSmbServer } from '@ring3/smb-server';
import { createMemoryStore } from '@ring3/vfs';
import { fuzzing, type Target } from './fuzzing.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const pdu = (type: number, body: Uint8Array): Uint8Array => {
  const head = hex('0500 0003 10000000 0000 0000 01000000');
  head.writeUInt8(type, 2);
  head.writeUInt16LE(16 + body.length, 8);
  return Buffer.concat([head, body]);
};
/** srvsvc over NDR, and NetrShareEnum at level 1. */
const bind = pdu(
  11,
  hex('b810b810 00000000 01000000 00000100 c84f324b7016d30112785a47bf6ee188 03000000 045d888aeb1cc9119fe808002b104860 02000000'),
);
const enumerate = pdu(
  0,
  hex('48000000 0000 0f00 00000200 02000000 00000000 02000000 5c000000 01000000 01000000 04000200 00000000 00000000 ffffffff 00000000'),
);

/**
 * lsarpc over NDR; LsarOpenPolicy2, then requests with the first handle of an association: LookupSids2, LookupNames3,
 * QueryInformationPolicy2.
 */
const bindLsarpc = pdu(
  11,
  hex('b810b810 00000000 01000000 00000100 785734123412cdabef000123456789ab 00000000 045d888aeb1cc9119fe808002b104860 02000000'),
);
const openPolicy = pdu(0, hex('2000000000002c00 0000000018000000000000000000000000000000000000000000000000000002'));
const handle = '00000000 01000000 00000000 00000000 00000000';
const lsarpcRequests = [
  `6400000000003900 ${handle} 02000000 04000200 02000000 08000200 0c000200 01000000 010100000000000100000000`,
  `7400000000004400 ${handle} 02000000 02000000 0600060004000200 1000100008000200 03000000 00000000 03000000 61006e006e000000 08000000`,
];
const lsarpcSeeds = [
  openPolicy,
  pdu(0, hex(`${lsarpcRequests[0]} 02000000 0102000000000005 2000000020020000 00000000 00000000 01000000 00000000 00000000 02000000`)),
  pdu(
    0,
    hex(`${lsarpcRequests[1]} 00000000 08000000 4500760065007200 79006f006e006500 00000000 00000000 01000000 00000000 00000000 02000000`),
  ),
  pdu(0, hex(`1600000000002e00 ${handle} 0500`)),
];

/**
 * samr over NDR; SamrConnect2 and SamrOpenDomain of the builtin domain, then requests with the second handle: SamrEnumerateAliasesInDomain,
 * SamrLookupNamesInDomain, SamrLookupIdsInDomain, SamrQueryDisplayInformation, SamrOpenAlias.
 */
const bindSamr = pdu(
  11,
  hex('b810b810 00000000 01000000 00000100 785734123412cdabef000123456789ac 01000000 045d888aeb1cc9119fe808002b104860 02000000'),
);
const samrConnect = pdu(0, hex('0800000000003900 00000000 00000002'));
const samrDomain = pdu(0, hex(`2800000000000700 ${handle} 00000002 02000000 0102000000000005 2000000020020000`));
const domainHandle = '00000000 02000000 00000000 00000000 00000000';
const samrSeeds = [
  `1c00000000000f00 ${domainHandle} 00000000 00100000`,
  `3400000000001100 ${domainHandle} 01000000 e8030000 00000000 01000000 0a000a0004000200 05000000 00000000 05000000 7500730065007200 7300`,
  `2800000000001200 ${domainHandle} 01000000 e8030000 00000000 01000000 21020000`,
  `2400000000002800 ${domainHandle} 0100 0000 00000000 0a000000 00100000`,
  `1c00000000001b00 ${domainHandle} 00000002 21020000`,
].map((text) => pdu(0, hex(text)));

/** The tested pipes, by bits 1 and 2 of the first byte of an input: with their bind and the requests that open a handle. */
const pipes = [
  { name: 'srvsvc', before: [bind], seeds: [bind, enumerate] },
  { name: 'lsarpc', before: [bindLsarpc, openPolicy], seeds: lsarpcSeeds },
  { name: 'samr', before: [bindSamr, samrConnect, samrDomain], seeds: samrSeeds },
] as const;

/**
 * DCE/RPC PDUs to a named pipe: a response, a fault, or a broken pipe. The first byte of an input determines whether a valid bind, and the
 * requests that open a handle, precede it (bit 0), and the pipe.
 */
async function pipe(): Promise<Target> {
  const server = await createSmbServer({
    shares: { share: createMemoryStore() },
    users: { ann: 'secret' },
    signing: 'enabled',
    listen: false,
  });
  const errors: unknown[] = [];
  server.events.on('error', (error) => errors.push(error));
  const connection = await Connection.open(connectMemory(server), { random: fakeRandom(3), dialects: [Dialect.Smb302] });
  const tree: TreeConnect = await (await connection.logon({ user: 'ann', password: 'secret' })).connect('IPC$');
  return {
    seeds: pipes.flatMap(({ seeds }, i) => [0, 1].flatMap((bit) => seeds.map((bytes) => Buffer.concat([Buffer.of(i * 2 + bit), bytes])))),
    async run(input) {
      const { name, before } = pipes[((input[0] ?? 0) >> 1) % pipes.length] as (typeof pipes)[number];
      const open: Open = await tree.create({ name, createDisposition: CreateDisposition.Open });
      const quiet = (error: unknown): void => assert.ok(error instanceof Error && 'status' in error);
      if (((input[0] ?? 0) & 1) === 1) for (const bytes of before) await open.write(0, [bytes]).catch(quiet);
      if (input.length > 1) await open.write(0, [input.subarray(1)]).catch(quiet);
      if (input.length > 9) await open.write(0, [input.subarray(9)]).catch(quiet);
      await open.close();
      assert.deepEqual(errors, []);
    },
    async end() {
      await connection.close(true);
      await server.close();
    },
  };
}

export const fuzz = fuzzing(pipe);
