import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AddressFamily, Capabilities, Dialect, Fsctl, IoctlResponse, NetworkInterfaceInfo, NtStatus } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { interfacesAt } from '../../links/network-interfaces.ts';
import type { SmbServerOptions } from '../../server/smb-server-options.ts';
import { control, inherited } from '../../testing/elements.ts';
import { RawClient, testServer } from '../../testing/raw-client.ts';
import type { NetworkInterface } from '../../values/network-interfaces.ts';

const interfaces: readonly NetworkInterface[] = [
  { index: 2, address: '192.0.2.7', family: 'IPv4', speed: 10_000_000_000 },
  { index: 2, address: '2001:db8::1:0:7', family: 'IPv6', speed: 10_000_000_000 },
  { index: 0, address: '192.0.2.9', family: 'IPv4', speed: 1 },
  { index: 3, address: '::ffff:192.0.2.8', family: 'IPv6', speed: 1_000_000_000 },
];

/** The response to the query of a client with this dialect and these capabilities. */
async function asked(
  options: Partial<SmbServerOptions>,
  {
    dialect = Dialect.Smb302,
    capabilities = Capabilities.MultiChannel,
    maxOutputResponse = 65536,
  }: { readonly dialect?: number; readonly capabilities?: number; readonly maxOutputResponse?: number } = {},
) {
  const server = testServer(options);
  const client = new RawClient(server);
  await client.negotiate([dialect], [], capabilities);
  await client.logOn('ann', 'secret');
  await client.connect('share');
  const answer = await client.ask(control(inherited, Fsctl.QueryNetworkInterfaceInfo, { maxOutputResponse }));
  await server.close();
  return answer;
}

describe('FSCTL_QUERY_NETWORK_INTERFACE_INFO (MS-SMB2 3.3.5.15.11)', () => {
  test('lists each address of each interface with an index: index, speed, IPv4 and IPv6 (2.2.32.5)', async () => {
    const answer = await asked({ interfaces: () => interfaces });
    strictEqual(answer.status, NtStatus.Success);
    const { output, persistentFileId, volatileFileId } = answer.read(IoctlResponse);
    deepStrictEqual([persistentFileId, volatileFileId], [-1, -1]);
    const bytes = Buffer.concat(output);
    strictEqual(NetworkInterfaceInfo.byteLength, 152);
    strictEqual(bytes.length, 3 * 152);
    const rows = [0, 1, 2].map((i) => NetworkInterfaceInfo.read(new Frame(bytes), i * 152));
    deepStrictEqual(
      rows.map(({ next, ifIndex, linkSpeed, family, port }) => [next, ifIndex, linkSpeed, family, port]),
      [
        [152, 2, 10_000_000_000n, AddressFamily.InterNetwork, 0],
        [152, 2, 10_000_000_000n, AddressFamily.InterNetworkV6, 0],
        [0, 3, 1_000_000_000n, AddressFamily.InterNetworkV6, 0],
      ],
    );
    // SOCKADDR_IN: the address is at offset 4 of SOCKADDR_STORAGE; SOCKADDR_IN6: at offset 8 (2.2.32.5.1).
    deepStrictEqual([...bytes.subarray(24 + 4, 24 + 8)], [192, 0, 2, 7]);
    strictEqual(bytes.subarray(152 + 24 + 8, 152 + 24 + 24).toString('hex'), '20010db8000000000000000100000007');
    strictEqual(bytes.subarray(304 + 24 + 8, 304 + 24 + 24).toString('hex'), '00000000000000000000ffffc0000208');
  });

  test('is not supported without the capability, below 3.0, and by a server that knows no interface', async () => {
    const { NotSupported } = NtStatus;
    strictEqual((await asked({ interfaces: () => interfaces }, { capabilities: 0 })).status, NotSupported);
    strictEqual((await asked({ interfaces: () => interfaces, multichannel: false })).status, NotSupported);
    strictEqual((await asked({ interfaces: () => interfaces }, { dialect: Dialect.Smb21 })).status, NotSupported);
    strictEqual((await asked({})).status, NotSupported);
    strictEqual((await asked({ interfaces: () => [] })).status, NotSupported);
  });

  test('fails if the client has no space for the list', async () => {
    strictEqual((await asked({ interfaces: () => interfaces }, { maxOutputResponse: 455 })).status, NtStatus.BufferTooSmall);
  });
});

test('the interfaces of a socket: its own address, or at a wildcard all but loopback and link-local ones', () => {
  const v4 = (address: string, internal = false) => ({ address, family: 'IPv4', internal, netmask: '', mac: '', cidr: null }) as const;
  const v6 = (address: string, scopeid = 0, internal = false) =>
    ({ address, family: 'IPv6', internal, scopeid, netmask: '', mac: '', cidr: null }) as const;
  const machine = {
    lo: [v4('127.0.0.1', true), v6('::1', 0, true)],
    'ring3-none': [v4('192.0.2.7'), v6('2001:db8::7'), v6('fe80::7', 2)],
    'ring3-other': [v4('192.0.2.8')],
  };
  const at = (host: string) => interfacesAt(host, machine).map(({ address }) => address);
  deepStrictEqual(at('0.0.0.0'), ['192.0.2.7', '192.0.2.8']);
  deepStrictEqual(at('::'), ['192.0.2.7', '2001:db8::7', '192.0.2.8']);
  deepStrictEqual(at('192.0.2.8'), ['192.0.2.8']);
  deepStrictEqual(at('127.0.0.1'), ['127.0.0.1']);
  deepStrictEqual(at('192.0.2.9'), []);
  const [first, second, other] = interfacesAt('::', machine);
  strictEqual(first?.index, second?.index);
  strictEqual(first?.index === other?.index, false);
  strictEqual(first?.speed, 1_000_000_000);
});
