import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Beside, InteractiveClient, type Outcome, outcomeOf, until } from './beside.ts';
import { need } from './programs.ts';
import { ring3Command, startRing3 } from './ring3.ts';
import { served } from './served.ts';

const done: Outcome = { out: '', err: '', status: 0 };

describe('clients of the file server are flows of the daemon', need('smbclient', 'conntrack', 'nfct'), () => {
  const stage = served((folder) => startRing3(folder, ['--host', '::']));
  const inside = (...words: string[]): string[] => [
    ...ring3Command,
    'exec',
    '--netlink',
    stage.server.at['netlink'] as string,
    '--',
    ...words,
  ];
  const exec = (line: string): Outcome => outcomeOf(...inside(...line.split(' ')));
  const rule = (line: string): Outcome =>
    outcomeOf(...ring3Command, 'rule', '--control', stage.server.at['control'] as string, ...line.split(' '));

  /** The ports of established clients. */
  const ports = (): number[] => {
    const listed = exec(`conntrack -L -p tcp --state ESTABLISHED --orig-port-dst ${stage.server.port}`).out;
    return [...listed.matchAll(/ESTABLISHED src=\S+ dst=\S+ sport=(\d+)/g)].map(([, port]) => Number(port));
  };
  /** A client that has listed the directory once, and its port. */
  const connect = async (host: string): Promise<{ client: InteractiveClient; port: number }> => {
    const known = ports();
    const client = new InteractiveClient(`//${host}/share`, stage.server);
    await client.list();
    const port = ports().find((one) => !known.includes(one));
    assert.ok(port !== undefined, client.said);
    return { client, port };
  };
  const flowOf = (port: number): string | undefined => exec(`conntrack -L -p tcp --orig-port-src ${port}`).out.split('\n')[0];
  test('a rule with a policy of five seconds and three clients: one idle, one busy, one disconnected', async () => {
    assert.deepEqual(exec('nfct add timeout p inet tcp established 5'), done);
    assert.deepEqual(rule(`add inet tcp dport ${stage.server.port} timeout p`), done);
    await using events = new Beside(...inside('conntrack', '-E', '-p', 'tcp'));
    await until('conntrack listens', () => {
      exec('conntrack -I -p tcp -s 10.9.9.9 -d 10.9.9.8 --sport 9 --dport 9 --state CLOSE -t 1');
      return events.said.includes('10.9.9.9');
    });
    const told = (port: number): string[] =>
      events.said
        .split('\n')
        .flatMap((line) => (line.includes(`sport=${port} `) ? [/\[(\w+)\] tcp +6 (?:\d+ )?(\w+)/.exec(line)!.slice(1).join(' ')] : []));

    const idle = await connect('127.0.0.1');
    await using _idle = idle.client;
    idle.client.signal('SIGSTOP'); // at its prompt it would send an ECHO every five seconds
    const busy = await connect('127.0.0.1');
    await using _busy = busy.client;
    const unwanted = await connect('127.0.0.1');
    await using _unwanted = unwanted.client;

    for (const { port } of [idle, busy, unwanted]) {
      const flow = flowOf(port) ?? '';
      assert.match(
        flow,
        new RegExp(
          `^tcp +6 [0-5] ESTABLISHED src=127.0.0.1 dst=127.0.0.1 sport=${port} dport=${stage.server.port} packets=\\d+ bytes=\\d+ src=.* packets=\\d+ bytes=\\d+ \\[ASSURED\\]`,
        ),
      );
      for (const [, bytes] of flow.matchAll(/bytes=(\d+)/g)) assert.ok(Number(bytes) > 1000, flow);
    }
    const refused = exec('nfct delete timeout p');
    assert.match(refused.err, /Device or resource busy/);

    assert.equal(exec(`conntrack -D -p tcp --orig-port-src ${unwanted.port}`).status, 0);
    await until('the unwanted is disconnected', () => /reason.*its flow was deleted/.test(stage.server.log()));
    unwanted.client.tell('ls');
    await until('the unwanted hears of it', () => unwanted.client.said.includes('NT_STATUS_CONNECTION_DISCONNECTED'), unwanted.client);

    for (
      const end = Date.now() + 15_000;
      told(idle.port).at(-1) !== 'DESTROY ESTABLISHED';
      await Promise.all([busy.client.list(), delay(300)])
    )
      assert.ok(Date.now() < end, events.said);
    assert.match(stage.server.log(), /idle: timeout policy p/);
    idle.client.signal('SIGCONT');
    idle.client.tell('ls');
    await until('the idle one hears of it', () => idle.client.said.includes('NT_STATUS_CONNECTION_DISCONNECTED'), idle.client);
    await busy.client.list();
    assert.deepEqual(ports(), [busy.port]);

    busy.client.tell('quit');
    await until('the busy one has left', () => told(busy.port).at(-1) === 'UPDATE TIME_WAIT', events);
    const opened = ['NEW SYN_SENT', 'UPDATE SYN_RECV', 'UPDATE ESTABLISHED'];
    assert.deepEqual(told(idle.port), [...opened, 'DESTROY ESTABLISHED']);
    assert.deepEqual(told(unwanted.port), [...opened, 'DESTROY ESTABLISHED']);
    assert.deepEqual(told(busy.port), [...opened, 'UPDATE FIN_WAIT', 'UPDATE LAST_ACK', 'UPDATE TIME_WAIT']);
    assert.deepEqual([rule('flush'), exec('nfct delete timeout p')], [done, done]);
  });

  test('an IPv6 client is an IPv6 flow; without a policy its timeout is the kernel’s five days, and conntrack -F disconnects it', async () => {
    const { client, port } = await connect('::1');
    await using _client = client;
    assert.match(flowOf(port) ?? exec('conntrack -L -f ipv6').out, /^tcp +6 43\d{4} ESTABLISHED src=::1 dst=::1 /);
    assert.equal(exec('conntrack -F').status, 0);
    client.tell('ls');
    await until('it hears of it', () => client.said.includes('NT_STATUS_CONNECTION_DISCONNECTED'), client);
    assert.deepEqual(ports(), []);
  });
});
