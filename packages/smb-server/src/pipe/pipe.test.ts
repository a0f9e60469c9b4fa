import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Frame } from '@ring3/wire';
import { checkDeclaration, isDeclaration } from '@ring3/wire/testing';
import { binding as bind, pipeHost, calling as request, responseOf, srvsvc, wkssvc } from '../testing/rpc.ts';
import type { PipeAccounts, PipeHost } from './host.ts';
import { NdrReader, NdrWriter } from './ndr.ts';
import { openPipe, type Pipe } from './pipe.ts';
import * as messages from './rpc-messages.ts';

const { BindAck, Fault, PduType } = messages;
const shares = Array.from({ length: 300 }, (_, i) => ({ name: `share${i}`, type: 0, comment: `the ${i}th` }));
const accounts: PipeAccounts = {
  domain: { name: 'RING3', sid: 'S-1-5-21-1-2-3' },
  nameOf: () => undefined,
  find: () => undefined,
  all: () => [],
  mayLookUp: false,
  userName: 'ann',
};
const host = pipeHost(accounts, {
  comment: 'a server',
  users: 100,
  shares: () => [
    { name: 'photos', type: 0, comment: 'Photos' },
    { name: 'IPC$', type: 0x80000003, comment: 'IPC' },
    { name: 'secret$', type: 0, comment: '', hidden: true },
  ],
  wall: () => Date.UTC(2026, 10, 20, 12, 34, 56, 780),
});

const bindSrvsvc = bind(srvsvc.abstract, srvsvc.version);
const enumerate = new NdrWriter().string('\\\\RING3').settle().u32(1).u32(1).u32(0x20004).u32(0).u32(0).u32(0xffffffff).u32(0).finish();
const open = (on: PipeHost = host): Pipe => {
  const pipe = openPipe('SRVSVC', on) as Pipe;
  ok(pipe.write(bindSrvsvc));
  const answer = pipe.read(65536)?.bytes as Uint8Array;
  strictEqual(BindAck.read(new Frame(answer), 0, answer.length).list.results[0]?.result, 0);
  return pipe;
};
test('NetrShareEnum at level 1 lists the shares that are not hidden (MS-SRVS 3.1.4.8)', () => {
  const pipe = open();
  pipe.write(request(15, enumerate));
  const reader = new NdrReader(new Frame(responseOf(pipe).stub));
  deepStrictEqual(
    [1, 2, 3, 4, 5, 6].map(() => reader.u32('head')).filter((_, i) => i !== 2 && i !== 4),
    [1, 1, 2, 2],
  );
  const heads = [0, 1].map(() => [reader.u32('name'), reader.u32('type'), reader.u32('comment')]);
  deepStrictEqual(
    heads.map((head) => head[1]),
    [0, 0x80000003],
  );
  deepStrictEqual(
    [0, 1].map(() => [reader.string('name'), reader.string('comment')]),
    [
      ['photos', 'Photos'],
      ['IPC$', 'IPC'],
    ],
  );
  deepStrictEqual([reader.u32('total'), reader.u32('resume'), reader.u32('status')], [2, 0, 0]);
});

test('NetrShareGetInfo at level 2 reports the limit of connections, if there is one (SHARE_INFO_2, MS-SRVS 2.2.4.24)', () => {
  const limited = {
    ...host,
    shares: () => [
      { name: 'photos', type: 0, comment: '' },
      { name: 'few', type: 0, comment: '', maxUses: 3 },
    ],
  };
  const limitOf = (name: string): number => {
    const pipe = open(limited);
    const text = new NdrWriter().string(name).settle().finish().subarray(4);
    pipe.write(
      request(16, Buffer.concat([new Uint8Array(4), text, new Uint8Array((4 - (text.length & 3)) & 3), Uint8Array.of(2, 0, 0, 0)])),
    );
    const reader = new NdrReader(new Frame(responseOf(pipe).stub));
    for (const field of ['level', 'info', 'name', 'type', 'remark', 'permissions']) reader.u32(field);
    return reader.u32('max_uses');
  };
  deepStrictEqual([limitOf('photos'), limitOf('few')], [0xffffffff, 3]);
});

test('a long response has fragments of at most the client’s receive size, and is read in pieces', () => {
  const pipe = open({ ...host, shares: () => shares });
  pipe.write(request(15, enumerate));
  const first = pipe.read(100);
  strictEqual(first?.bytes.length, 100);
  strictEqual(first?.more, true);
  pipe.read(65536);
  ok(responseOf(pipe).fragments > 2);
  strictEqual(pipe.read(1), undefined);
});

test('a request may be sent in fragments', () => {
  const pipe = open();
  pipe.write(request(15, enumerate.subarray(0, 20), 1));
  strictEqual(pipe.read(65536), undefined);
  pipe.write(request(15, enumerate.subarray(20), 2));
  strictEqual(responseOf(pipe).type, PduType.Response);
});

test('an unknown operation, an unbound context and a broken stub result in a fault', () => {
  const faultOf = (bytes: Uint8Array): number => {
    const pipe = open();
    pipe.write(bytes);
    const { type, stub } = responseOf(pipe);
    strictEqual(type, PduType.Fault);
    return Fault.read(new Frame(stub), 16).status;
  };
  strictEqual(faultOf(request(99, enumerate)), 0x1c010002);
  strictEqual(faultOf(request(15, enumerate.subarray(0, 9))), 0x6f7);
  const unbound = openPipe('srvsvc', host) as Pipe;
  unbound.write(request(15, enumerate));
  strictEqual(responseOf(unbound).type, PduType.Fault);
});

test('NetrShareGetInfo of an unknown share fails with NERR_NetNameNotFound, at an unknown level too (MS-SRVS 3.1.4.10)', () => {
  const ask = (name: string, level: number): number => {
    const pipe = open();
    const text = new NdrWriter().string(name).settle().finish().subarray(4);
    pipe.write(
      request(
        16,
        Buffer.concat([
          new Uint8Array(4),
          text,
          new Uint8Array(text.length % 4 === 0 ? 0 : 2),
          new Uint8Array([level & 255, level >> 8, 0, 0]),
        ]),
      ),
    );
    const { stub } = responseOf(pipe);
    return new DataView(stub.buffer, stub.byteOffset).getUint32(stub.length - 4, true);
  };
  strictEqual(ask('PHOTOS', 1), 0);
  strictEqual(ask('PHOTOS', 502), 0);
  strictEqual(ask('nowhere', 1), 2310);
  strictEqual(ask('photos', 77), 124);
});

test('an interface that the pipe does not have is rejected in the response to the bind', () => {
  const pipe = openPipe('srvsvc', host) as Pipe;
  pipe.write(bind('12345778-1234-abcd-ef00-0123456789ab', 0));
  const answer = pipe.read(65536)?.bytes as Uint8Array;
  const [result] = BindAck.read(new Frame(answer), 0, answer.length).list.results;
  deepStrictEqual([result?.result, result?.reason], [2, 1]);
});

for (const [name, { abstract, version, getInfo }] of Object.entries({ srvsvc, wkssvc })) {
  for (const level of [100, 101, 102]) {
    test(`${name} reports the server at level ${level}, with its values at the time of the request`, () => {
      const living = { ...host };
      const pipe = openPipe(name, living) as Pipe;
      pipe.write(bind(abstract, version));
      pipe.read(65536);
      const ask = (): Buffer => {
        pipe.write(request(getInfo, new NdrWriter().u32(0).u32(level).finish()));
        return Buffer.from(responseOf(pipe).stub);
      };
      const has = (stub: Buffer, text: string): boolean => stub.includes(Buffer.from(`${text}\0`, 'utf16le'));
      for (const [serverName, workgroup, comment] of [
        ['RING3', 'WORKGROUP', 'a server'],
        ['TOWER', 'HOME', 'another one'],
      ] as const) {
        Object.assign(living, { serverName, workgroup, comment });
        const stub = ask();
        strictEqual(stub.readUInt32LE(stub.length - 4), 0);
        ok(has(stub, serverName));
        strictEqual(has(stub, workgroup), name === 'wkssvc');
        strictEqual(has(stub, comment), name === 'srvsvc' && level > 100);
      }
    });
  }
}

test('NetrServerGetInfo at level 102 reports the limit of logons, and after how many minutes idle clients are disconnected (MS-SRVS 2.2.4.42)', () => {
  const has = (users: number, idleMs: number): number[] => {
    const pipe = open({ ...host, users, idleMs });
    pipe.write(request(srvsvc.getInfo, new NdrWriter().u32(0).u32(102).finish()));
    const stub = Buffer.from(responseOf(pipe).stub);
    return [stub.readUInt32LE(32), stub.readUInt32LE(36)];
  };
  deepStrictEqual(has(100, 0), [100, 0xffffffff]);
  deepStrictEqual(has(7, 15 * 60_000), [7, 15]);
  deepStrictEqual(has(7, 1), [7, 1]);
});

test('garbage breaks only the pipe; a truncated PDU never throws', () => {
  for (const good of [bindSrvsvc, request(15, enumerate)]) {
    for (let length = 1; length < good.length; length++) {
      const pipe = openPipe('srvsvc', host) as Pipe;
      pipe.write(good.subarray(0, length));
      const shortened = good.slice(0, length);
      if (length >= 16) {
        new DataView(shortened.buffer).setUint16(8, length, true);
        (openPipe('srvsvc', host) as Pipe).write(shortened);
        open().write(shortened);
      }
    }
  }
  const pipe = open();
  strictEqual(pipe.write(new Uint8Array(40)), false);
  strictEqual(pipe.write(bindSrvsvc), false);
});

test('there is no other pipe', () => {
  for (const name of ['winreg', '', 'constructor', 'srvsvc\\x']) strictEqual(openPipe(name, host), undefined);
});

for (const [name, declaration] of Object.entries(messages)) {
  if (isDeclaration(declaration)) test(`${name} survives the round trip and every truncation`, () => checkDeclaration(declaration, 20));
}
