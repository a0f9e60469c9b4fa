import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { hostPort } from './host-port.ts';

test('an address of IPv6 stands in brackets before its port (RFC 3986 section 3.2.2)', () => {
  strictEqual(hostPort('192.0.2.7', 445), '192.0.2.7:445');
  strictEqual(hostPort('2001:db8::1', 445), '[2001:db8::1]:445');
  strictEqual(hostPort('localhost', '80'), 'localhost:80');
});
