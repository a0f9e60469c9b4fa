/**
 * Draws docs/demo.svg: runs a server and commands and shows their output. `node --conditions=@ring3/source scripts/draw-demo.ts`; requires
 * smbclient and nfct.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { readOptions } from './options.ts';

readOptions({ usage: 'node --conditions=@ring3/source scripts/draw-demo.ts', options: {} });

const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'ring3-demo-'));
const env = {
  ...process.env,
  XDG_STATE_HOME: join(folder, 'state'),
  XDG_RUNTIME_DIR: join(folder, 'run'),
  PATH: `${root}/node_modules/.bin:${process.env['PATH']}`,
};
const photos = join(folder, 'Photos');
mkdirSync(join(folder, 'run'), { mode: 0o700 });
mkdirSync(join(photos, 'summer'), { recursive: true });
writeFileSync(join(photos, 'letter.txt'), 'Hello.\n');
writeFileSync(join(folder, 'notes.md'), '# Notes\n\nAll is well.\n');
writeFileSync(join(photos, 'harbour.jpg'), Buffer.alloc(2_345_678));

const shown: { readonly text: string; readonly typed: boolean }[] = [];
const show = (text: string): void => {
  for (const line of text.trimEnd().split('\n')) shown.push({ text: line.replaceAll('\t', '    '), typed: false });
};
const type = (line: string): void => void shown.push({ text: `$ ${line}`, typed: true });
/** Types a command, runs it, and shows its output, at most the first `most` lines. */
const run = (line: string, most = 40): void => {
  type(line);
  const lines = execFileSync('sh', ['-c', `${line} 2>&1`], { env, cwd: folder, encoding: 'utf8' })
    .trimEnd()
    .split('\n');
  show((lines.length > most ? [...lines.slice(0, most), '    …'] : lines).join('\n'));
};

const server = spawn('ring3', ['serve', photos, '--port', '4450', '--user', 'anna:secret', '--log-level', 'error'], {
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  type('ring3 serve ~/Photos --user anna &');
  const [ready] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
  show(ready.replaceAll(`${folder}/run`, '/run/user/1000'));
  run("smbclient //127.0.0.1/Photos -p 4450 -U anna%secret --client-protection=encrypt -c 'put notes.md; ls'");
  run('ring3 exec -- nfct add timeout web inet tcp established 100');
  run('ring3 exec -- nfct list timeout', 7);
  // a client that stays logged on, as a mount does
  const client = spawn('smbclient', ['//127.0.0.1/Photos', '-p', '4450', '-U', 'anna%secret'], {
    env,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  while (execFileSync('ring3', ['ctl', 'sessions', '--json'], { env, encoding: 'utf8' }).trim() === '[]') {}
  run('ring3 ctl sessions');
  client.stdin.end();
} finally {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const lines = shown.filter(({ text }) => text !== '');
const width = 40 + 8.43 * Math.max(...lines.map(({ text }) => text.length));
const rows = lines.map(({ text, typed }, i) => `<text x="20" y="${36 + i * 20}"${typed ? ' class="typed"' : ''}>${escaped(text)}</text>`);
writeFileSync(
  join(root, 'docs', 'demo.svg'),
  `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${52 + lines.length * 20}" role="img" aria-label="A terminal: ring3 serves a folder, smbclient and nfct use it">
<style>text { font: 14px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #d8dee9; white-space: pre; } .typed { fill: #a3e38f; font-weight: bold; }</style>
<rect width="100%" height="100%" rx="10" fill="#1e2430"/>
${rows.join('\n')}
</svg>
`,
);
