import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { close } from '../close.ts';
import { Errno } from '../errno.ts';
import { Ready, readiness } from '../readiness.ts';
import { addNotify, Notify, type NotifyEvent, openNotify, readNotify, removeNotify } from './inotify.ts';
import { descriptorPath, OpenFlag, openAt } from './open.ts';

const directory = mkdtempSync(join(tmpdir(), 'ring3-notify-'));
after(() => rmSync(directory, { recursive: true }));

test('a watched directory reports created, renamed and removed entries until the watch is removed', async () => {
  const fd = openNotify();
  const reference = openAt(-100, directory, OpenFlag.Path | OpenFlag.Directory);
  const number = addNotify(fd, descriptorPath(reference), Notify.Create | Notify.MovedFrom | Notify.MovedTo | Notify.Delete);
  assert.ok(number > 0);
  assert.equal(readNotify(fd, Buffer.alloc(4096)), -Errno.EAGAIN);
  const { promise, resolve } = Promise.withResolvers<NotifyEvent[] | number>();
  const watch = readiness.watch(fd, Ready.Readable, () => resolve(readNotify(fd, Buffer.alloc(4096))));
  assert.ok(typeof watch === 'object');
  writeFileSync(join(directory, 'ä'), '');
  renameSync(join(directory, 'ä'), join(directory, 'b'));
  rmSync(join(directory, 'b'));
  const events = await promise;
  watch.close();
  assert.ok(typeof events === 'object');
  assert.deepEqual(
    events.map((event) => [event.watch, event.events, event.name.toString()]),
    [
      [number, Notify.Create, 'ä'],
      [number, Notify.MovedFrom, 'ä'],
      [number, Notify.MovedTo, 'b'],
      [number, Notify.Delete, 'b'],
    ],
  );
  assert.ok(events[1]!.cookie !== 0 && events[1]!.cookie === events[2]!.cookie);
  assert.equal(removeNotify(fd, number), 0);
  const last = readNotify(fd, Buffer.alloc(4096));
  assert.ok(typeof last === 'object');
  assert.equal(last[0]!.events, Notify.Ignored);
  assert.equal(removeNotify(fd, number), -Errno.EINVAL);
  close(reference);
  close(fd);
});
