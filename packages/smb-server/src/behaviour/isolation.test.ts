/** CMP, TRE, RSP, RPC: elements of a chain, tree connects and responses do not affect each other. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  Command,
  EchoRequest,
  FileInformationClass,
  Fsctl,
  fullEas,
  getEas,
  IoctlResponse,
  isError,
  NtStatus,
  QueryDirectoryResponse,
  QueryInfoResponse,
  TreeDisconnectRequest,
} from '@ring3/smb-proto';
import { createMemoryStore, withFaults } from '@ring3/vfs';
import { encode, Frame } from '@ring3/wire';
import { asking, closing, control, echo, idsOf, inherited, listing, locking, reading, setting, writing } from '../testing/elements.ts';
import { type Answer, createBody, type Element, RawClient, testServer } from '../testing/raw-client.ts';

const creating = (name: string, more: Parameters<typeof createBody>[1] = {}): Element => ({
  command: Command.Create,
  body: createBody(name, more),
});
const leaving: Element = { command: Command.TreeDisconnect, body: TreeDisconnectRequest.encode({}) };
const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status);
const related = (element: Element): Element => ({ ...element, related: true });

describe('a chain (CMP, TRE)', () => {
  test('a tree connect that ended inside a chain does not exist for the later elements, nor do its opens', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const rest = [reading(inherited, 1), writing(inherited, 'x'), closing(inherited), creating('other'), leaving].map(related);
    const answers = await client.chain(creating('file'), related(writing(inherited, 'data')), related(leaving), ...rest);
    deepStrictEqual(statuses(answers).slice(0, 3), [0, 0, 0]);
    for (const { status } of answers.slice(3))
      ok(status === NtStatus.NetworkNameDeleted || status === NtStatus.FileClosed, status.toString(16));
    strictEqual(server.opens.size, 0);
    await server.close();
  });

  test('after a failed element every related one fails too, of any command, and an unrelated one does not', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('file'));
    const tries = [
      reading(inherited, 1),
      writing(inherited, 'x'),
      asking(inherited, FileInformationClass.All),
      setting(inherited, FileInformationClass.EndOfFile, Buffer.alloc(8)),
      control(inherited, Fsctl.SrvRequestResumeKey),
      locking(inherited, 0n, 1n, 0x12),
      listing(inherited, '*'),
      closing(inherited),
    ].map(related);
    const answers = await client.chain(creating('missing', { createDisposition: 1 }), ...tries, writing(ids, 'unrelated'));
    deepStrictEqual(
      statuses(answers).map((status) => isError(status)),
      [...tries.map(() => true), true, false],
    );
    await server.close();
  });

  test('a chain that begins with ECHO gives the elements after it no session and no tree', async () => {
    const server = testServer();
    const stranger = new RawClient(server);
    await stranger.negotiate();
    const answers = await stranger.chain(echo, related(creating('file')), related(reading(inherited, 1)));
    strictEqual(answers[0]?.status, NtStatus.Success);
    for (const { status } of answers.slice(1)) ok(isError(status));
    strictEqual(server.opens.size, 0);
    await server.close();
  });

  test('ids that are all ones mean the previous open only in a related element', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const [made, read] = await client.chain(creating('file'), reading(inherited, 1));
    deepStrictEqual([made?.status, read?.status], [NtStatus.Success, NtStatus.FileClosed]);
    await server.close();
  });

  test('the last element may be only a header; one byte less closes the connection', async () => {
    const server = testServer();
    for (const [length, alive] of [
      [64, true],
      [63, false],
    ] as const) {
      const client = await RawClient.at(server);
      const bytes = client.encode([echo, creating('x')]);
      const at = new DataView(bytes.buffer).getUint32(20, true);
      client.sendFrame(bytes.subarray(0, at + length));
      const answers = await client.next();
      if (alive) deepStrictEqual(statuses(answers ?? []), [NtStatus.Success, NtStatus.InvalidParameter]);
      else strictEqual(answers, undefined);
    }
    await server.close();
  });

  test('WRITE takes its data from its own element: an offset or length beyond it fails, and nothing is written', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('file'));
    for (const [at, value] of [
      [64 + 2, 0], // DataOffset
      [64 + 2, 63],
      [64 + 2, 0xffff],
      [64 + 4, 0x10000], // Length
      [64 + 4, 0xffffffff],
      [64 + 4, 200],
    ] as const) {
      const bytes = client.encode([writing(ids, Buffer.alloc(64, 1)), writing(ids, 'good', 4096)]);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      if (at === 64 + 4) view.setUint32(at, value, true);
      else view.setUint16(at, value, true);
      client.sendFrame(bytes);
      const [first] = (await client.next()) ?? [];
      ok(first === undefined || isError(first.status), `${value} at ${at}`);
    }
    strictEqual((await client.ask(reading(ids, 1))).read({ read: (frame: Frame) => frame.bytes[80] }), 0, 'a hole before 4096');
    await server.close();
  });
});

describe('a response has at most the requested size (RSP)', () => {
  test('QUERY_INFO: every class with every small buffer returns what fits, or fails', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('a name of some length'));
    await client.ask(
      setting(
        ids,
        FileInformationClass.FullEa,
        encode(fullEas, [{ flags: 0, eaName: 'NAME', eaValue: Buffer.from('value') }], Frame.alloc),
      ),
    );
    for (const infoType of [1, 2, 3, 4]) {
      for (let infoClass = 0; infoClass < 80; infoClass++) {
        for (const length of [0, 1, 3, 4, 7, 8, 15, 23, 39, 40, 41, 63, 95, 103, 150]) {
          if (infoType > 2 && infoClass > 0) continue;
          const answer = await client.ask(
            asking(ids, infoClass, { infoType, outputBufferLength: length, additionalInformation: infoType === 3 ? 7 : 0 }),
          );
          if (isError(answer.status)) continue;
          const { buffer } = answer.read(QueryInfoResponse);
          const got = buffer.reduce((sum, piece) => sum + piece.length, 0);
          ok(got <= length, `type ${infoType} class ${infoClass}: ${got} of ${length}`);
        }
      }
    }
    await server.close();
  });

  test('QUERY_DIRECTORY: every class with every small buffer, and no entry is lost because it does not fit', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    for (const name of ['a', 'a name that is longer', 'ä', 'zz']) await client.ask(closing(idsOf(await client.create(name))));
    const ids = idsOf(await client.create('', { createOptions: 1 }));
    for (const fileInformationClass of [1, 2, 3, 12, 37, 38, 60]) {
      for (let outputBufferLength = 0; outputBufferLength < 300; outputBufferLength += 7) {
        let flags = 1;
        for (let i = 0; i < 8; i++, flags = 0) {
          const answer = await client.ask(listing(ids, '*', { fileInformationClass, outputBufferLength, flags }));
          if (isError(answer.status) || answer.status === NtStatus.BufferOverflow) break;
          const got = answer.read(QueryDirectoryResponse).buffer.reduce((sum, piece) => sum + piece.length, 0);
          ok(got <= outputBufferLength, `class ${fileInformationClass}: ${got} of ${outputBufferLength}`);
        }
      }
    }
    await server.close();
  });

  test('IOCTL: every known code with every small buffer, for the response and inside a chain', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('file'));
    await client.ask(writing(ids, Buffer.alloc(100)));
    const range = Buffer.alloc(24);
    range.writeUInt32LE(100, 8);
    for (const code of Object.values(Fsctl)) {
      if (code === Fsctl.ValidateNegotiateInfo) continue; // ends the connection by design
      for (let room = 0; room < 60; room += 3) {
        for (const input of [Buffer.alloc(0), range]) {
          const [, answer] = await client.chain(echo, control(ids, code, { maxOutputResponse: room, input }));
          ok(answer !== undefined, `the connection lives, code ${code.toString(16)}`);
          if (isError(answer.status)) continue;
          const got = answer.read(IoctlResponse).output.reduce((sum: number, piece: Uint8Array) => sum + piece.length, 0);
          ok(got <= room, `code ${code.toString(16)}: ${got} of ${room}`);
        }
      }
    }
    await server.close();
  });

  test('a request for thousands of attributes is rejected or answered at once', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('file'));
    const one = encode(fullEas, [{ flags: 0, eaName: 'A', eaValue: Buffer.from('v') }], Frame.alloc);
    strictEqual((await client.ask(setting(ids, FileInformationClass.FullEa, one))).status, NtStatus.Success);
    const input = encode(
      getEas,
      Array.from({ length: 3000 }, (_, i) => `N${i}`),
      Frame.alloc,
    );
    strictEqual(
      (await client.ask(asking(ids, FileInformationClass.FullEa, { input, outputBufferLength: 1024 }))).status,
      NtStatus.BufferTooSmall,
    );
    await server.close();
  });

  test('a chain of reads gets at most one full response: a read that does not fit fails, and is not truncated', async () => {
    const server = testServer({ limits: { maxRead: 65536, maxTransact: 65536, maxWrite: 65536 } });
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('file'));
    await client.ask(writing(ids, Buffer.alloc(65536)));
    const answers = await client.chain(...Array.from({ length: 5 }, () => reading(ids, 65536)));
    const good = answers.filter(({ status }) => status === 0).length;
    ok(good >= 1 && good < 5);
    for (const { status } of answers.slice(good)) strictEqual(status, NtStatus.InsufficientResources);
    await server.close();
  });
});

describe('one at a time (FIL, RPC)', () => {
  test('concurrent listings move the cursor one after the other: each name is returned once', async () => {
    const store = createMemoryStore();
    const server = testServer({ shares: { share: withFaults(store, [{ call: 'list', times: 1e9, delayMs: 0 }]) } });
    const client = await RawClient.at(server);
    const names = Array.from({ length: 30 }, (_, i) => `file${i}`);
    for (const name of names) await client.ask(closing(idsOf(await client.create(name))));
    const ids = idsOf(await client.create('', { createOptions: 1 }));
    await client.ask({ command: Command.Echo, body: EchoRequest.encode({}), header: { credits: 100 } });
    const count = 40;
    for (let i = 0; i < count; i++) client.sendFrame(client.encode([listing(ids, '*', { flags: 2 })]));
    const listed: string[] = [];
    for (let i = 0; i < count; i++) {
      const [answer] = (await client.next()) ?? [];
      if (answer === undefined || answer.status !== 0) continue;
      const { buffer } = answer.read(QueryDirectoryResponse);
      const bytes = Buffer.concat(buffer);
      listed.push(bytes.subarray(12, 12 + bytes.readUInt32LE(8)).toString('utf16le'));
    }
    deepStrictEqual(listed.sort(), ['.', '..', ...names].sort());
    await server.close();
  });
});
