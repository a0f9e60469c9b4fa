import assert from 'node:assert/strict';
import type { Cursor } from '../vfs.ts';
import { type Declare, entries, ok, refuses } from './bench.ts';

/** Directories and their entries. */
export function listing(declare: Declare): void {
  declare('a listing tells every entry once, with its kind, however few at a time', [], async (bench) => {
    const expected: string[] = [];
    for (let i = 0; i < 50; i++) {
      if (i % 5 === 0) await bench.folder(`folder ${i}`);
      else await bench.file(`file ${i}`);
      expected.push(i % 5 === 0 ? `folder ${i}:folder` : `file ${i}:file`);
    }
    for (const limit of [1, 7, 50, 1000]) {
      const told = (await entries(bench.root, limit)).map(({ name, kind }) => `${name}:${kind}`);
      assert.deepEqual(told.sort(), [...expected].sort());
    }
  });

  declare('an empty folder lists nothing, and a file is none', [], async (bench) => {
    const folder = await bench.folder('folder');
    const part = await ok(folder.list(undefined, { limit: 10, stat: true }));
    assert.deepEqual([...part.entries], []);
    assert.equal(part.cursor, undefined);
    const file = await bench.file('file');
    await refuses(file.list(undefined, { limit: 10, stat: false }), 'ENOTDIR');
  });

  declare('entries are described exactly when it is asked for, as their own handles describe them', [], async (bench) => {
    const file = await bench.file('file', 'content');
    const folder = await bench.folder('folder');
    for (const entry of await entries(bench.root)) assert.ok(!('stat' in entry));
    for (const entry of await entries(bench.root, 10, true)) {
      const own = await ok((entry.name === 'file' ? file : folder).stat());
      assert.deepEqual({ ...entry.stat, accessed: 0n }, { ...own, accessed: 0n });
    }
  });

  declare('only the entries that match are told', [], async (bench) => {
    for (let i = 0; i < 40; i++) await bench.file(`f${i}`);
    const told: string[] = [];
    let cursor: Cursor | undefined;
    do {
      const part = await ok(bench.root.list(cursor, { limit: 3, stat: true, match: (name) => name.endsWith('7') }));
      told.push(...part.entries.map(({ name }) => name));
      cursor = part.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(told.sort(), ['f17', 'f27', 'f37', 'f7']);
    assert.deepEqual([...(await ok(bench.root.list(undefined, { limit: 3, stat: true, match: () => false }))).entries], []);
  });

  declare('a folder can be emptied while it is listed', [], async (bench) => {
    const all = Array.from({ length: 60 }, (_, i) => `f${i}`);
    for (const name of all) await bench.file(name);
    const told: string[] = [];
    let cursor: Cursor | undefined;
    do {
      const part = await ok(bench.root.list(cursor, { limit: 4, stat: false }));
      for (const { name } of part.entries) {
        told.push(name);
        await ok((await bench.open(name)).unlink());
      }
      cursor = part.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(told.sort(), all.sort());
    assert.deepEqual(await entries(bench.root), []);
  });

  declare('what stays is told once, whatever comes and goes meanwhile', [], async (bench) => {
    const stays = Array.from({ length: 40 }, (_, i) => `stays ${i}`);
    const goes = Array.from({ length: 40 }, (_, i) => `goes ${i}`);
    for (let i = 0; i < 40; i++) {
      await bench.file(stays[i]!);
      await bench.file(goes[i]!);
    }
    const told: string[] = [];
    let cursor: Cursor | undefined;
    let turn = 0;
    do {
      const part = await ok(bench.root.list(cursor, { limit: 5, stat: turn % 2 === 0 }));
      told.push(...part.entries.map(({ name }) => name));
      await ok((await bench.open(goes[turn]!)).unlink());
      await bench.file(`comes ${turn}`);
      turn++;
      cursor = turn < 40 ? part.cursor : undefined;
    } while (cursor !== undefined);
    assert.deepEqual(told.filter((name) => name.startsWith('stays')).sort(), stays.sort());
  });

  declare('a cursor may be taken up by another handle, and again', [], async (bench) => {
    for (let i = 0; i < 30; i++) await bench.file(`f${i}`);
    const folder = await bench.folder('folder');
    for (let i = 0; i < 30; i++) await bench.file(`f${i}`, '', folder);
    const part = await ok(folder.list(undefined, { limit: 10, stat: false }));
    const other = await bench.open('folder', { kind: 'folder' });
    const rest: string[][] = [];
    for (const handle of [other, folder, other]) {
      const names: string[] = [];
      let cursor = part.cursor;
      while (cursor !== undefined) {
        const next = await ok(handle.list(cursor, { limit: 7, stat: false }));
        names.push(...next.entries.map(({ name }) => name));
        cursor = next.cursor;
      }
      rest.push(names);
    }
    assert.equal(rest[0]!.length + part.entries.length, 30);
    assert.deepEqual(rest[1], rest[0]);
    assert.deepEqual(rest[2], rest[0]);
  });

  declare('a thousand entries', [], async (bench) => {
    const all = Array.from({ length: 1000 }, (_, i) => `entry number ${i}`);
    for (const name of all) await ok((await ok(bench.tryCreate(name))).close());
    assert.deepEqual((await entries(bench.root, 128, true)).map(({ name }) => name).sort(), all.sort());
  });
}
