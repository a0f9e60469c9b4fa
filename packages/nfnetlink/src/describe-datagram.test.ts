import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Block, MessageFlags } from '@ring3/netlink';
import fc from 'fast-check';
import { TimeoutCommand, TimeoutMessages } from './cttimeout/attributes.ts';
import { describeDatagram } from './describe-datagram.ts';
import { messageType, Subsystem } from './subsystem.ts';

test('a datagram is described with the names of its declarations, the timeouts by their protocol', () => {
  const block = new Block();
  const head = { type: messageType(Subsystem.CtnetlinkTimeout, TimeoutCommand.New), flags: MessageFlags.Request, sequence: 3, portId: 0 };
  block.add(head, TimeoutMessages[6]!, { name: 'web', l3proto: 2, l4proto: 6, data: { established: 100 } });
  assert.deepEqual(describeDatagram(block.bytes()), [
    '56 bytes, flags Request, sequence 3: CtnetlinkTimeout New { family: 0, version: 0, resourceId: 0 } { name: "web", l3proto: 2, l4proto: Tcp, data: { established: 100 } }',
  ]);
  assert.deepEqual(describeDatagram(Uint8Array.of(1, 2)), ['2 bytes without a whole message']);
});

test('arbitrary bytes can be described', () => {
  fc.assert(
    fc.property(fc.nat(12), fc.nat(8), fc.uint8Array({ minLength: 20, maxLength: 120 }), (subsystem, command, noise) => {
      const view = new DataView(noise.buffer);
      view.setUint32(0, noise.length, true);
      view.setUint16(4, (subsystem << 8) | command, true);
      assert.ok(describeDatagram(noise).length > 0);
    }),
    { numRuns: 2000 },
  );
});
