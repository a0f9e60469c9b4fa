import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { kernelNamespace, withoutNamespaces } from './namespace.ts';
import { need } from './programs.ts';
import { type Ring3, startRing3 } from './ring3.ts';

const bin = resolve(import.meta.dirname, '../../packages/cli/bin/ring3.js');
const sources = join(import.meta.dirname, 'libnetfilter');
const fresh = [process.execPath, bin, 'exec', '--fresh', '--'];

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'ring3-libnetfilter-'));
});
after(() => rmSync(folder, { recursive: true }));

/** Compiles one of the programs. @returns its path */
function compile(name: string, ...libraries: readonly string[]): string {
  const program = join(folder, name);
  const links = libraries.map((library) => `-l${library}`);
  const { status, stderr } = spawnSync('gcc', ['-Wall', '-Werror', '-o', program, join(sources, `${name}.c`), ...links], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return program;
}

/** The output of a program, which must not report an error of its own. */
function output(...words: readonly string[]): string {
  const [command = '', ...rest] = words;
  const { stdout, stderr, status } = spawnSync(command, rest, { encoding: 'utf8', timeout: 60_000 });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, stdout);
  return stdout;
}

/** Removes ids, use counters and remaining seconds, and sorts dumps, because a table has no order. */
function masked(text: string): string[] {
  const sections = text.split(/^(?=== )/m).map((section) => {
    const lines = section
      .replaceAll(/\b(use)=\d+/g, '$1')
      .replaceAll(/\bid=\d+$/gm, 'id')
      .replaceAll(/<(id|use|timeout)>\d+/g, '<$1>')
      .replaceAll(/^( *\[\w+\] ipv[46] +\d+ \w+ +\d+) \d+/gm, '$1 …')
      .replaceAll(/^( *\[\w+\]) \d+ proto=/gm, '$1 … proto=')
      .split('\n');
    return section.startsWith('== dump') ? lines.sort() : lines;
  });
  return sections.flat();
}

describe('programs linked with netfilter’s libraries', () => {
  test('libnetfilter_cttimeout: policies of each protocol, changes, errors and defaults are the kernel’s', {
    skip: withoutNamespaces ?? need('gcc', 'libmnl', 'libnetfilter-cttimeout').skip,
  }, () => {
    const program = compile('cttimeout', 'netfilter_cttimeout', 'mnl');
    using namespace = kernelNamespace();
    const kernel = output(...namespace.prefix, program).split('\n');
    assert.ok(kernel.includes('\t\t.UNACKNOWLEDGED = 110,'));
    assert.deepEqual(output(...fresh, program).split('\n'), kernel);
  });

  test(
    'libnetfilter_cthelper: helpers with one class and with four, changes and refusals, as recorded kernels answer',
    need('gcc', 'libmnl', 'libnetfilter-cthelper'),
    () => {
      const expected = readFileSync(join(sources, 'cthelper.txt'), 'utf8');
      assert.deepEqual(output(...fresh, compile('cthelper', 'netfilter_cthelper', 'mnl')).split('\n'), expected.split('\n'));
    },
  );

  test('libnetfilter_conntrack: flows, filters, events and expectations are the kernel’s', {
    skip: withoutNamespaces ?? need('gcc', 'libnetfilter-conntrack').skip,
  }, () => {
    const program = compile('conntrack', 'netfilter_conntrack', 'nfnetlink');
    using namespace = kernelNamespace();
    const kernel = masked(output(...namespace.prefix, program));
    assert.ok(kernel.includes('create an expectation: done'));
    assert.deepEqual(masked(output(...fresh, program)), kernel);
  });

  test('NETLINK_BROADCAST_ERROR: ends of flows that a listener has no space for are listed as dying and delivered later, as by the kernel', {
    skip: withoutNamespaces ?? need('gcc', 'conntrack', 'libnetfilter-conntrack').skip,
  }, () => {
    const program = compile('reliable', 'netfilter_conntrack', 'nfnetlink');
    using namespace = kernelNamespace();
    const kernel = output(...namespace.prefix, program).split('\n');
    assert.ok(kernel.includes('ends: 2000'));
    assert.deepEqual(output(...fresh, program).split('\n'), kernel);
  });
});

describe(
  'the same against a running daemon, twice: they leave nothing behind',
  need('gcc', 'libmnl', 'libnetfilter-cttimeout', 'libnetfilter-cthelper', 'libnetfilter-conntrack'),
  () => {
    let daemon: Ring3;
    before(async () => {
      daemon = await startRing3(folder);
    });
    after(() => daemon[Symbol.asyncDispose]());

    for (const [name, ...libraries] of [
      ['cttimeout', 'netfilter_cttimeout', 'mnl'],
      ['cthelper', 'netfilter_cthelper', 'mnl'],
      ['conntrack', 'netfilter_conntrack', 'nfnetlink'],
    ] as const) {
      test(name, () => {
        const program = compile(name, ...libraries);
        const daemons = [process.execPath, bin, 'exec', '--netlink', daemon.at['netlink'] as string, '--', program];
        assert.deepEqual(masked(output(...daemons)), masked(output(...fresh, program)));
        if (name !== 'cttimeout') assert.deepEqual(masked(output(...daemons)), masked(output(...fresh, program)), 'and once more');
      });
    }
  },
);
