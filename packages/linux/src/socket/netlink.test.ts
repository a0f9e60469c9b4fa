import assert from 'node:assert/strict';
import { test } from 'node:test';
import { close } from '../close.ts';
import { Errno } from '../errno.ts';
import { Ready, readiness } from '../readiness.ts';
import { bindNetlink, NetlinkOption, NetlinkProtocol, netlinkName, openNetlink, receiveNetlink, sendNetlink } from './netlink.ts';
import { MessageFlag, SocketLevel, setSocketOption } from './socket.ts';

/** RTM_GETLINK for every interface: nlmsghdr (rtnetlink.h: type 18, flags REQUEST|DUMP) and an empty ifinfomsg. */
function getLinks(sequence: number): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 32, true);
  view.setUint16(4, 18, true);
  view.setUint16(6, 0x301, true);
  view.setUint32(8, sequence, true);
  return bytes;
}

function open(): number {
  const fd = openNetlink(NetlinkProtocol.Route);
  assert.ok(fd >= 0);
  return fd;
}

test('a bound netlink socket has a port id of its own, and a second one may not take it (netlink(7))', () => {
  const first = open();
  const second = open();
  assert.equal(bindNetlink(first), 0);
  const name = netlinkName(first);
  assert.ok(typeof name === 'object' && name.portId > 0 && name.groups === 0);
  assert.equal(bindNetlink(second, name.portId), -Errno.EADDRINUSE);
  assert.equal(bindNetlink(second, 0x80000001), 0);
  assert.deepEqual(netlinkName(second), { portId: 0x80000001, groups: 0 });
  close(first);
  close(second);
});

test("a dump's answers wait when the request returns, from port 0, and end with NLMSG_DONE (netlink(7))", () => {
  const fd = open();
  assert.equal(bindNetlink(fd), 0);
  assert.equal(setSocketOption(fd, SocketLevel.Netlink, NetlinkOption.ExtAck, 1), 0);
  assert.equal(sendNetlink(fd, getLinks(7)), 32);
  const from = { portId: 99, groups: 99 };
  const small = new Uint8Array(16);
  const whole = receiveNetlink(fd, small, from, MessageFlag.Peek);
  assert.ok(whole > 16, 'the true length, though the buffer is short');
  const types = new Set<number>();
  const buffer = new Uint8Array(65536);
  for (let length = receiveNetlink(fd, buffer, from); length !== -Errno.EAGAIN; length = receiveNetlink(fd, buffer, from)) {
    assert.ok(length >= 16);
    assert.deepEqual(from, { portId: 0, groups: 0 });
    const view = new DataView(buffer.buffer);
    for (let at = 0; at + 16 <= length; at += (view.getUint32(at, true) + 3) & ~3) {
      types.add(view.getUint16(at + 4, true));
      assert.equal(view.getUint32(at + 8, true), 7);
    }
  }
  assert.ok(types.has(16), 'RTM_NEWLINK');
  assert.ok(types.has(3), 'NLMSG_DONE');
  close(fd);
});

test('readiness tells of an answer on a netlink socket', async () => {
  const fd = open();
  assert.equal(bindNetlink(fd), 0);
  const { promise, resolve } = Promise.withResolvers<number>();
  const watch = readiness.watch(fd, Ready.Readable, resolve);
  assert.ok(typeof watch === 'object');
  sendNetlink(fd, getLinks(1));
  assert.equal((await promise) & Ready.Readable, Ready.Readable);
  watch.close();
  close(fd);
});
