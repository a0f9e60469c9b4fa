import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { logLine, showsColours } from './log-line.ts';

const time = new Date(2026, 10, 30, 7, 9, 27, 12).getTime();

test('an event is one line: time, level, sentence, and the fields that say something', () => {
  const fields = { part: 'smb', peer: '127.0.0.1:55008', user: 'anna', guest: false, anonymous: false, keys: [], shares: ['a', 'b'] };
  strictEqual(
    logLine({ level: 30, time, msg: 'logged on', ...fields }, false),
    '07:09:27.012 INFO logged on peer=127.0.0.1:55008 user=anna shares=a,b\n',
  );
  strictEqual(logLine({ level: 40, time, msg: 'x', path: 'a b' }, true), '07:09:27.012 \u001b[33mWARN\u001b[39m x path="a b"\n');
});

test('what a client named commands no terminal and begins no line', () => {
  const line = logLine({ level: 30, time, msg: 'open', path: 'a\u001b[2J\nb\u009b1m', 'n\nm': 'x' }, false);
  strictEqual(/\p{Cc}/u.test(line.slice(0, -1)), false);
});

test('only an error has more lines: its stack', () => {
  const error = { type: 'Error', message: 'no space', stack: 'Error: no space\n    at a (file:1:2)\n    at b (file:3:4)' };
  strictEqual(
    logLine({ level: 50, time, msg: 'failed', error }, false),
    '07:09:27.012 ERROR failed error="no space"\n    at a (file:1:2)\n    at b (file:3:4)\n',
  );
  strictEqual(logLine({ level: 40, time, msg: 'failed', error }, false), '07:09:27.012 WARN failed error="no space"\n');
});

test('NO_COLOR and FORCE_COLOR decide about colours (no-color.org)', () => {
  strictEqual(showsColours(2, { NO_COLOR: '1', FORCE_COLOR: '1' }), false);
  strictEqual(showsColours(2, { FORCE_COLOR: '1' }), true);
  strictEqual(showsColours(2, { FORCE_COLOR: '0' }), false);
});
