import assert from 'node:assert/strict';
import { isCode } from '../vfs-error.ts';
import { type Declare, names, ok, refuses, text } from './bench.ts';

/** How names are stored and found. */
export function naming(declare: Declare): void {
  declare('a name is found in any case, and kept as it was spelled', [], async (bench) => {
    const made = await bench.file('Read Me.TXT', 'x');
    assert.equal(made.name, 'Read Me.TXT');
    for (const spelling of ['Read Me.TXT', 'read me.txt', 'READ ME.TXT', 'rEAD mE.tXT']) {
      const found = await bench.open(spelling);
      assert.equal(found.name, 'Read Me.TXT');
      assert.equal(found.fileId, made.fileId);
    }
    for (const spelling of ['READ ME.TXT', 'read me.txt']) await refuses(bench.tryCreate(spelling), 'EEXIST');
    assert.deepEqual(await names(bench.root), ['Read Me.TXT']);
  });

  declare('case folds one UTF-16 unit for one, as Windows does', [], async (bench) => {
    await bench.file('Äpfel Öl Ωμέγα Жук ÿ', 'x');
    assert.equal((await bench.open('äPFEL öL ωΜΈΓΑ жУК Ÿ')).name, 'Äpfel Öl Ωμέγα Жук ÿ');
    for (const [name, other] of [
      ['straße', 'STRASSE'],
      ['ı', 'I'],
      ['ſ', 'S'],
      ['ﬁle', 'FILE'],
    ] as const) {
      await bench.file(name);
      await refuses(bench.tryOpen(other), 'ENOENT');
    }
  });

  declare('a name comes back unit for unit', [], async (bench) => {
    const all = [
      'a b',
      ' leading',
      '.hidden',
      '...',
      'é',
      'e\u0301',
      '日本語',
      '😀 beyond the BMP \u{1f468}\u200d\u{1f469}',
      '\ufeff',
      '\u202egnp',
      '%2f',
      "it's",
      '~',
      '-',
      '#1',
      'con',
      '🄰',
    ];
    for (const name of all) await bench.file(name);
    assert.deepEqual(await names(bench.root), [...all].sort());
    for (const name of all) assert.equal((await bench.open(name)).name, name);
  });

  declare('half of a surrogate pair is a unit as any other (MS-FSCC 2.1.5)', [], async (bench) => {
    const all = ['a\ud800', '\udc00b', '\udc00\ud800', '\ud83d', '😀'];
    for (const name of all) await bench.file(name, name);
    assert.deepEqual((await names(bench.root)).sort(), all.toSorted());
    for (const name of all) assert.equal((await bench.open(name)).name, name);
    assert.equal((await bench.open('A\ud800')).name, 'a\ud800');
    await refuses(bench.tryOpen('a\ud801'), 'ENOENT');
    await ok((await bench.open('\ud83d')).rename(bench.root, 'b\udfff'));
    await ok((await bench.open('b\udfff')).unlink());
    assert.deepEqual((await names(bench.root)).sort(), all.filter((name) => name !== '\ud83d').sort());
  });

  declare('a trailing period or space is part of a name', [], async (bench) => {
    for (const name of ['end', 'end.', 'end..', 'end ', 'end. ']) await bench.file(name, name);
    for (const name of ['end', 'end.', 'end..', 'end ', 'end. ']) assert.equal(await text(await bench.open(name)), name);
  });

  declare('names that Windows cannot express are kept, and found by what a client is shown', [], async (bench) => {
    for (const name of ['a:b', 'what?', 'a*b', '<>|"', 'back\\slash', 'tab\there', 'point.']) await bench.file(name, name);
    assert.equal((await bench.open('A:B')).name, 'a:b');
    for (const [shown, name] of [
      ['a\uf022b', 'a:b'],
      ['What\uf025', 'what?'],
      ['\uf023\uf024\uf027\uf020', '<>|"'],
      ['point\uf029', 'point.'],
    ] as const) {
      const found = await bench.open(shown);
      assert.equal(found.name, name);
      assert.equal(await text(found), name);
    }
  });

  declare('what can be no name answers EINVAL, and nothing is made', [], async (bench) => {
    const file = await bench.file('file');
    for (const name of ['', '.', '..', 'a/b', '/', '/etc', '../up', 'nul\0']) {
      await refuses(bench.tryOpen(name), 'EINVAL');
      await refuses(bench.tryCreate(name), 'EINVAL');
      await refuses(bench.tryCreate(name, 'folder'), 'EINVAL');
      await refuses(file.rename(bench.root, name), 'EINVAL');
    }
    assert.deepEqual(await names(bench.root), ['file']);
  });

  declare('a name of 255 units is kept whole; one that is too long answers ENAMETOOLONG', [], async (bench) => {
    const long = 'x'.repeat(251).concat('.txt');
    const file = await bench.file(long, 'x');
    assert.deepEqual(await names(bench.root), [long]);
    for (const longer of ['y'.repeat(10_000), '日'.repeat(10_000)]) {
      const answer = await bench.tryCreate(longer);
      if (!isCode(answer)) bench.keep(answer);
      else assert.equal(answer, 'ENAMETOOLONG');
      if (isCode(answer)) await refuses(file.rename(bench.root, longer), 'ENAMETOOLONG');
    }
    await ok(file.unlink());
  });
}
