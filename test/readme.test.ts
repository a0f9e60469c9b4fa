import { ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { ownNetwork } from '../scripts/own-network.ts';

const root = resolve(import.meta.dirname, '..');
mkdirSync(join(root, 'tmp'), { recursive: true });
const folder = mkdtempSync(join(root, 'tmp', 'readme-')); // inside the workspace, so that the examples find its packages
after(() => rmSync(folder, { recursive: true }));

/** The TypeScript examples of a page, in order. */
const examples = (page: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code as string);

/** Whether an example uses the kernel; if so, it runs in a separate network namespace. */
const usesKernel = (code: string): boolean => code.includes('kernelLink');

/** DEFAULT_GET of cttimeout for TCP, byte for byte, sent to the kernel: prints the errno of the response. */
const probe = `
import { openNetlink, receiveNetlink, sendNetlink } from '@ring3/linux';
const fd = openNetlink(12);
const sent = sendNetlink(fd, Buffer.from('2400000004080500010000000000000000000000060002000002000005000300' + '06000000', 'hex'));
const answer = Buffer.alloc(4096);
const length = receiveNetlink(fd, answer, { portId: 0, groups: 0 });
console.log(sent < 0 ? -sent : length < 0 ? -length : answer.readUInt16LE(4) === 2 ? -answer.readInt32LE(16) : 0);
`;

/** The prefix that runs an example in a separate network namespace, or the reason why the kernel cannot be used there. */
function kernelOfItsOwn(): ReturnType<typeof ownNetwork> {
  const network = ownNetwork();
  if ('skip' in network) return network;
  const file = join(folder, 'probe.ts');
  writeFileSync(file, probe);
  const [program, ...words] = network;
  const { stdout, stderr } = spawnSync(program, [...words, process.execPath, '--conditions=@ring3/source', file], { encoding: 'utf8' });
  return stdout === '0\n' ? network : { skip: `this kernel has no nfnetlink_cttimeout: errno ${stdout}${stderr}` };
}

/** Runs each in a separate process; an example that waits for input would hang, and fails. */
function runAll(t: TestContext, page: string, name: string): void {
  for (const [i, code] of examples(page).entries()) {
    const network = usesKernel(code) ? kernelOfItsOwn() : [];
    if ('skip' in network) {
      t.diagnostic(`example ${i + 1} is skipped: ${network.skip}`);
      continue;
    }
    const file = join(folder, `${name}-${i}.ts`);
    writeFileSync(file, code);
    const [program, ...words] = [...network, process.execPath, '--conditions=@ring3/source', file] as [string, ...string[]];
    const { status, stderr } = spawnSync(program, words, { encoding: 'utf8', timeout: 20_000 });
    if (usesKernel(code) && /EPERM|EINVAL|EPROTONOSUPPORT/.test(stderr))
      t.diagnostic(`example ${i + 1} is skipped: this kernel does not answer it`);
    else ok(status === 0, stderr);
  }
}

for (const name of readdirSync(join(root, 'packages')).sort()) {
  test(`the example of packages/${name}/README.md runs as written`, (t) => {
    const page = join(root, 'packages', name, 'README.md');
    ok(existsSync(page), 'each package has a README');
    runAll(t, page, name);
  });
}

test('the examples of the README run as written', (t) => runAll(t, join(root, 'README.md'), 'root'));
