/** One client, or a stranger, never stops the others: each attack runs while a second client asks for the attributes of its file. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock, type Link, type Log, type LogFields, silentLog } from '@ring3/kit';
import { FileInformationClass, NtStatus } from '@ring3/smb-proto';
import { createMemoryStore, withFaults } from '@ring3/vfs';
import type { Server } from '../server/server.ts';
import { asking, echo, type Ids, idsOf, loggingOff, reading, writing } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';

const { Success } = NtStatus;

/** A client that requests the attributes of a file, again and again. */
class Honest {
  readonly client: RawClient;
  readonly #ids: Ids;

  private constructor(client: RawClient, ids: Ids) {
    this.client = client;
    this.#ids = ids;
  }

  static async at(server: Server): Promise<Honest> {
    const client = await RawClient.at(server);
    return new Honest(client, idsOf(await client.create('honest')));
  }

  /** Whether a request is answered within this many turns of the event loop. */
  async served(within = 3): Promise<boolean> {
    let status: number | undefined;
    void this.client.ask(asking(this.#ids, FileInformationClass.Basic)).then((answer) => (status = answer.status));
    await turns(within);
    return status === Success;
  }
}

/** A client whose connection comes from an address. */
const from = (server: Server, address: string): RawClient =>
  new RawClient({ clock: server.clock, accept: (link: Link) => server.accept(link, address) } as unknown as Server);

/** Clients that have logged on as `bob`. */
const logged = (server: Server, count: number): Promise<RawClient[]> =>
  Promise.all(Array.from({ length: count }, () => RawClient.at(server, 'share', 'bob', 'word')));

const unfinished = (announced: number, sent: number): Buffer => {
  const bytes = Buffer.alloc(4 + sent);
  bytes.writeUIntBE(announced, 1, 3);
  return bytes;
};

describe('memory', () => {
  test('frames that are announced and never sent only cost the bytes that have arrived', async () => {
    const server = testServer();
    const honest = await Honest.at(server);
    const thieves = await logged(server, 100);
    for (const thief of thieves) thief.sendBytes(unfinished(0x808000, 10));
    await turns();
    strictEqual(server.budget.held, 100 * 10);
    ok(await honest.served());
    await server.close();
  });

  test('a budget that one user exceeds stops only that user, and as many of its connections as needed end at once', async () => {
    const clock = new FakeClock();
    const server = testServer({ clock, limits: { totalBytes: 2_000_000, crowdedMs: 5000 } });
    const honest = await Honest.at(server);
    const thieves = await logged(server, 40);
    for (const [i, thief] of thieves.entries()) thief.sendBytes(unfinished(0x200000, 70_000 + i * 1000));
    await turns();
    ok(server.budget.over);
    for (let i = 0; i < 20; i++) ok(await honest.served());
    const ids = idsOf(await honest.client.create('bulk'));
    strictEqual((await honest.client.ask(writing(ids, Buffer.alloc(60_000)))).status, Success);
    clock.advance(5000);
    await turns();
    const left = thieves.filter(({ ended }) => ended === undefined);
    ok(!server.budget.over);
    ok(left.length > 0 && left.length < 40);
    deepStrictEqual(left, thieves.slice(0, left.length), 'the largest were ended');
    strictEqual(honest.client.ended, undefined);
    strictEqual(server.numbers.refused.of('crowdedMs'), 40 - left.length);
    await server.close();
  });

  test('unread responses stop only the user who requested them', async () => {
    const clock = new FakeClock();
    const server = testServer({ clock, limits: { totalBytes: 2_000_000, crowdedMs: 5000 } });
    const honest = await Honest.at(server);
    const thieves: RawClient[] = [];
    const links: { queued: number }[] = [];
    for (let i = 0; i < 10; i++) {
      const accept = (link: Link): void => {
        const deaf = Object.defineProperty(link, 'queued', { value: 0, writable: true }) as unknown as { queued: number };
        links.push(deaf);
        server.accept(link);
      };
      const thief = await RawClient.at({ clock, random: server.random, accept } as unknown as Server, 'share', 'bob', 'word');
      const ids = idsOf(await thief.create('big'));
      await thief.ask(writing(ids, Buffer.alloc(60_000)));
      await thief.ask(reading(ids, 60_000));
      thieves.push(thief);
    }
    for (const [i, thief] of thieves.entries()) {
      (links[i] as { queued: number }).queued = 400_000;
      thief.sendFrame(thief.encode([echo]));
    }
    await turns();
    ok(server.budget.over);
    for (let i = 0; i < 20; i++) ok(await honest.served());
    for (let i = 0; i < 2; i++) clock.advance(5000); // it was not exceeded all the time of the first
    await turns();
    strictEqual(thieves.filter(({ ended }) => ended === undefined).length, 5);
    ok(await honest.served());
    await server.close();
  });

  test('reads that a user begins beyond the budget wait for the earlier ones, and all are answered', async () => {
    const clock = new FakeClock();
    const slow = withFaults(createMemoryStore(), [{ call: 'read', times: 1e9, delayMs: 10 }], clock);
    const server = testServer({
      clock,
      shares: { share: slow },
      limits: { totalBytes: 1_000_000, connectionBytes: 300_000, crowdedMs: 60_000 },
    });
    const honest = await Honest.at(server);
    const thieves = await logged(server, 10);
    let answered = 0;
    const files: Ids[] = [];
    for (const thief of thieves) {
      const ids = idsOf(await thief.create('big'));
      await thief.ask(writing(ids, Buffer.alloc(65_536)));
      await thief.ask({ ...echo, header: { credits: 100 } });
      files.push(ids);
    }
    for (const [n, thief] of thieves.entries()) {
      const ids = files[n] as Ids;
      for (let i = 0; i < 10; i++) {
        thief.sendFrame(thief.encode([reading(ids, 65_536)]));
        void thief.next().then((answers) => (answered += answers?.[0]?.status === Success ? 1 : 0));
      }
    }
    const most = 1_125_000 + 2 * 350_000; // plus the maximum of two connections: each sees what was booked before it began
    await turns();
    ok(server.budget.held <= most, `${server.budget.held} bytes`);
    ok(await honest.served());
    for (let i = 0; i < 60; i++) {
      clock.advance(10);
      await turns(3);
      ok(server.budget.held <= most, `${server.budget.held} bytes`);
    }
    strictEqual(answered, 100);
    strictEqual(server.budget.held, 0);
    await server.close();
  });

  test('many who hold little each are ended as well when they exceed the budget together', async () => {
    const clock = new FakeClock();
    const server = testServer({ clock, limits: { totalBytes: 100_000, crowdedMs: 5000 } });
    const honest = await Honest.at(server);
    const thieves = await logged(server, 20);
    for (const thief of thieves) thief.sendBytes(unfinished(0x10000, 10_000));
    await turns();
    ok(await honest.served());
    clock.advance(5000);
    await turns();
    ok(!server.budget.over);
    ok(await honest.served());
    await server.close();
  });
});

describe('time before logon', () => {
  /** A clock on which every reading takes time. */
  const busyClock = (): FakeClock => {
    let now = 0;
    return Object.assign(new FakeClock(), { now: () => (now += 0.1) });
  };
  /** Connections without a logon on which as many NEGOTIATEs are in flight as credits allow. @param refused called for each response */
  async function flooding(server: Server, count: number, address: string, refused: () => void): Promise<void> {
    const strangers = Array.from({ length: count }, () => from(server, address));
    for (const stranger of strangers) strictEqual((await stranger.negotiate([0x222])).status, NtStatus.NotSupported);
    for (const stranger of strangers) for (let i = 0; i < 8; i++) stranger.negotiate([0x222]).then(refused, () => {});
  }

  test('NEGOTIATEs of many strangers, rejected one after the other, are handled after the requests of a user', async () => {
    const server = testServer({ clock: busyClock() });
    const honest = await Honest.at(server);
    let refused = 0;
    await flooding(server, 50, '192.0.2.1', () => refused++);
    for (let i = 0; i < 5; i++) ok(await honest.served());
    ok(refused < 50 * 8, 'they wait for their turns');
    while (refused < 50 * 8) await turns(1);
    await server.close();
  });

  test('strangers are served network by network: a flood from one does not keep another from logging on', async () => {
    const server = testServer({ clock: busyClock() });
    let refused = 0;
    await flooding(server, 100, '2001:db8::1', () => refused++);
    const comes = from(server, '2001:db8:0:1::1');
    await comes.negotiate();
    strictEqual((await comes.logOn('ann', 'secret')).status, Success);
    ok(refused < (100 * 8) / 2, `${refused} of the flood came before`);
    await server.close();
  });

  test('a client that has logged off is a stranger again: it has the time to log on, and may be ended for others', async () => {
    const clock = new FakeClock();
    const server = testServer({ clock, limits: { logonMs: 10_000, connections: 2 } });
    const first = await RawClient.at(server);
    clock.advance(20_000);
    strictEqual((await first.ask(loggingOff)).status, Success);
    first.sessionId = 0;
    clock.advance(9000);
    await turns();
    strictEqual((await first.logOn('ann', 'secret')).status, Success, 'in time');
    clock.advance(20_000);
    await turns();
    strictEqual((await first.ask(echo)).status, Success);
    await first.ask(loggingOff);
    clock.advance(10_000);
    await turns();
    ok(first.ended !== undefined, 'too late');
    const second = await RawClient.at(server);
    await second.ask(loggingOff);
    const others = [await RawClient.at(server), await RawClient.at(server)];
    await turns();
    ok(second.ended !== undefined, 'the oldest without a logon is ended');
    ok(others.every(({ ended }) => ended === undefined));
    await server.close();
  });

  test('a user with two sessions stays one until the last has ended', async () => {
    const clock = new FakeClock();
    const server = testServer({ clock });
    const client = await RawClient.at(server);
    const { sessionId } = client;
    client.sessionId = 0;
    await client.logOn('bob', 'word');
    await client.ask(loggingOff);
    client.sessionId = sessionId;
    clock.advance(60_000);
    await turns();
    strictEqual((await client.ask(echo)).status, Success);
    await client.ask(loggingOff);
    clock.advance(10_000);
    await turns();
    ok(client.ended !== undefined);
    strictEqual(clock.pending, 0);
    await server.close();
  });
});

describe('guesses and noise', () => {
  /** A log that keeps its lines above debug. */
  function keptLog(): { log: Log; lines: { what: string; fields: LogFields }[] } {
    const lines: { what: string; fields: LogFields }[] = [];
    const keep = (what: string, fields: LogFields = {}): void => void lines.push({ what, fields });
    const log: Log = { ...silentLog, child: () => log, info: keep, warn: keep };
    return { log, lines };
  }

  test('guesses on many connections of one address are rejected unseen, and keep neither others there nor the user elsewhere from logging on', async () => {
    const clock = new FakeClock();
    const server = testServer({ clock, limits: { failedLogonDelayMs: 250 } });
    const guess = async (user: string, password: string, address: string): Promise<number | undefined> => {
      const client = from(server, address);
      await client.negotiate();
      let status: number | undefined;
      void client.logOn(user, password).then(
        (answer) => (status = answer.status),
        () => {},
      );
      await turns(8);
      if (status === undefined) {
        clock.advance(250); // the delay of a failure
        await turns();
      }
      return status;
    };
    const found = new Map<number | undefined, number>();
    for (let i = 0; i < 60; i++) {
      const client = from(server, '192.0.2.1');
      await client.negotiate();
      void client.logOn('ann', `guess ${i}`).then(
        ({ status }) => found.set(status, (found.get(status) ?? 0) + 1),
        () => {},
      );
    }
    await turns(60);
    for (let i = 0; i < 10; i++) {
      clock.advance(250);
      await turns();
    }
    const looked = found.get(NtStatus.LogonFailure) ?? 0;
    ok(looked >= 8 && looked <= 8 + 8, `${looked} were looked at`);
    strictEqual(found.get(NtStatus.RequestNotAccepted), 60 - looked);
    strictEqual(await guess('bob', 'word', '192.0.2.1'), Success, 'another user at that address');
    strictEqual(await guess('ann', 'secret', '192.0.2.2'), Success, 'the user at another address');
    strictEqual(server.numbers.refused.of('failedLogonDelayMs'), 60 - looked);
    await server.close();
  });

  test('an unknown name is rejected like a known one', async () => {
    const server = testServer({ limits: { failedLogonDelayMs: 250 } });
    const statuses: Record<string, (number | undefined)[]> = {};
    for (const user of ['ann', 'nobody']) {
      const seen: (number | undefined)[] = [];
      statuses[user] = seen;
      for (let i = 0; i < 20; i++) {
        const client = from(server, user);
        await client.negotiate();
        void client.logOn(user, 'guess').then(({ status }) => (seen[i] = status));
      }
      await turns(30);
      for (let i = 0; i < 10; i++) {
        (server.clock as FakeClock).advance(250);
        await turns();
      }
    }
    deepStrictEqual(statuses['ann'], statuses['nobody']);
    await server.close();
  });

  test('strangers cause one line for each address, and then one with their number', async () => {
    const clock = new FakeClock();
    const { log, lines } = keptLog();
    const server = testServer({ clock, log });
    for (let i = 0; i < 100; i++) {
      const client = from(server, '192.0.2.1');
      await client.negotiate();
      await client.logOn('ann', 'wrong');
      client.end();
      await turns(1);
    }
    for (let i = 0; i < 100; i++) from(server, '192.0.2.2').end();
    await turns();
    deepStrictEqual(
      lines.map(({ what }) => what),
      ['logon failed'],
    );
    clock.advance(60_000);
    deepStrictEqual(
      lines.map(({ what, fields }) => [what, fields['times']]),
      [
        ['logon failed', undefined],
        ['logon failed', 99],
      ],
    );
    for (let i = 0; i < 200; i++) {
      const client = from(server, `198.51.100.${i}`);
      await client.negotiate();
      await client.logOn('ann', 'wrong');
    }
    ok(lines.length < 2 + 70, `${lines.length} lines`);
    await server.close();
    ok(lines.length < 2 + 140);
  });

  test('guests do not cause a line for each connection', async () => {
    const clock = new FakeClock();
    const { log, lines } = keptLog();
    const server = testServer({ clock, log, guest: true });
    for (let i = 0; i < 50; i++) {
      const client = new RawClient(server);
      await client.negotiate();
      strictEqual((await client.logOn(`stranger ${i}`, '')).status, Success);
      client.end();
      await turns(1);
    }
    strictEqual(lines.length, 1);
    await server.close();
  });
});
