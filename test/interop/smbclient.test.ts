import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Cipher, Dialect, SigningAlgorithm } from '@ring3/smb-proto';
import { need } from './programs.ts';
import { type Ring3, startRing3 } from './ring3.ts';
import { run as program, type Ran, type SmbclientOptions, smbclient } from './smbclient.ts';
import { type Heard, wiretap } from './wiretap.ts';

const dialects = {
  SMB2_02: Dialect.Smb202,
  SMB2_10: Dialect.Smb21,
  SMB3_00: Dialect.Smb30,
  SMB3_02: Dialect.Smb302,
  SMB3_11: Dialect.Smb311,
} as const;
const signing = {
  'hmac-sha256': SigningAlgorithm.HmacSha256,
  'aes-128-cmac': SigningAlgorithm.AesCmac,
  'aes-128-gmac': SigningAlgorithm.AesGmac,
};
const ciphers = {
  'aes-128-gcm': Cipher.Aes128Gcm,
  'aes-128-ccm': Cipher.Aes128Ccm,
  'aes-256-gcm': Cipher.Aes256Gcm,
  'aes-256-ccm': Cipher.Aes256Ccm,
};

describe('smbclient', need('smbclient'), () => {
  let base: string;
  let shared: string;
  let local: string;
  let server: Ring3;

  before(async () => {
    base = mkdtempSync(join(tmpdir(), 'ring3-smbclient-'));
    [shared, local] = [join(base, 'shared'), join(base, 'local')];
    mkdirSync(shared);
    mkdirSync(local);
    server = await startRing3(shared, ['--encryption', 'off']);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(base, { recursive: true, force: true });
  });

  const run = (commands: readonly string[], options: Partial<SmbclientOptions> = {}): Promise<Ran> =>
    smbclient(commands, { port: server.port, user: `${server.user}%${server.password}`, folder: local, ...options });
  const works = async (commands: readonly string[], options: Partial<SmbclientOptions> = {}): Promise<string> => {
    const { status, output } = await run(commands, options);
    assert.equal(status, 0, `${output}\nring3 said:\n${server.log()}`);
    assert.doesNotMatch(output, /NT_STATUS_/, `ring3 said:\n${server.log()}`);
    return output;
  };
  /** Every file command, and its effects on both sides. */
  const everyday = async (options: Partial<SmbclientOptions>): Promise<Heard> => {
    await using tap = await wiretap(server.port);
    const data = randomBytes(3_000_001);
    writeFileSync(join(local, 'there'), data);
    const steps = [
      'mkdir d',
      'put there d\\there',
      'ls d\\*',
      'rename d\\there d\\moved',
      'get d\\moved back',
      'mkdir d\\e',
      'put there d\\e\\deep',
    ];
    const output = await works(steps, { ...options, port: tap.port });
    assert.match(output, /there +\w* +3000001 /);
    assert.deepEqual(readFileSync(join(local, 'back')), data);
    assert.deepEqual(readFileSync(join(shared, 'd/moved')), data);
    assert.match(await works(['recurse on', 'ls'], { ...options, port: tap.port }), /deep/);
    await works(['rm d\\moved', 'deltree d'], { ...options, port: tap.port });
    assert.deepEqual(readdirSync(shared), []);
    return tap.heard;
  };

  for (const [name, dialect] of Object.entries(dialects) as [keyof typeof dialects, number][]) {
    test(`works at ${name}, signed`, async () => {
      const heard = await everyday({ dialect: name, protection: 'sign' });
      assert.equal(heard.dialect, dialect);
      assert.equal(heard.encrypted, 0);
      assert.ok(heard.signed > 20, `${heard.signed} signed messages`);
      assert.equal(heard.neither, 0, 'messages in the clear');
    });
  }

  for (const [name, algorithm] of Object.entries(signing)) {
    test(`works at SMB3_11 signed by ${name}`, async () => {
      const heard = await everyday({ dialect: 'SMB3_11', protection: 'sign', options: [`client smb3 signing algorithms=${name}`] });
      assert.equal(heard.signingAlgorithm, algorithm);
      assert.ok(heard.signed > 20);
      assert.equal(heard.neither, 0);
    });
  }

  for (const [name, cipher] of Object.entries(ciphers)) {
    test(`works at SMB3_11 encrypted by ${name}`, async () => {
      const heard = await everyday({ dialect: 'SMB3_11', protection: 'encrypt', options: [`client smb3 encryption algorithms=${name}`] });
      assert.equal(heard.cipher, cipher);
      assert.ok(heard.encrypted > 20);
      assert.equal(heard.signed + heard.neither, 0, 'messages outside encryption');
    });
  }

  for (const name of ['SMB3_00', 'SMB3_02'] as const) {
    test(`works at ${name} encrypted by AES-128-CCM, its only cipher`, async () => {
      const heard = await everyday({ dialect: name, protection: 'encrypt' });
      assert.equal(heard.dialect, dialects[name]);
      assert.ok(heard.encrypted > 20);
      assert.equal(heard.signed + heard.neither, 0);
    });
  }

  test('encryption "desired" encrypts if the client can; "required" rejects other clients', async () => {
    for (const [encryption, dialect, encrypted] of [
      ['desired', 'SMB3_11', true],
      ['desired', 'SMB2_10', false],
      ['required', 'SMB3_11', true],
      ['required', 'SMB2_10', undefined],
    ] as const) {
      await using other = await startRing3(shared, ['--encryption', encryption]);
      await using tap = await wiretap(other.port);
      const { status, output } = await run(['ls'], { port: tap.port, dialect });
      if (encrypted === undefined) assert.match(output, /NT_STATUS_ACCESS_DENIED/, `${encryption} at ${dialect}`);
      else assert.equal(status, 0, output);
      assert.equal(tap.heard.encrypted > 0, encrypted === true, `${encryption} at ${dialect}`);
    }
  });

  test('a wrong password, an unknown user, an unknown share and an anonymous client get the matching status', async () => {
    const wrong = await run(['ls'], { user: `${server.user}%wrong` });
    assert.match(wrong.output, /session setup failed: NT_STATUS_LOGON_FAILURE/);
    const unknown = await run(['ls'], { user: `nobody-here%${server.password}` });
    assert.match(unknown.output, /session setup failed: NT_STATUS_LOGON_FAILURE/);
    const share = await run(['ls'], { share: 'no-such-share' });
    assert.match(share.output, /tree connect failed: NT_STATUS_BAD_NETWORK_NAME/);
    const anonymous = await run(['ls'], { user: undefined });
    assert.match(anonymous.output, /NT_STATUS_(ACCESS_DENIED|LOGON_FAILURE)/);
    for (const { status } of [wrong, unknown, share, anonymous]) assert.equal(status, 1);
  });

  test('if guests are allowed, an unknown user is a guest without signing; a known user with a wrong password is rejected', async () => {
    await using other = await startRing3(shared, ['--guest', '--encryption', 'off']);
    await using tap = await wiretap(other.port);
    const guest = await run(['ls'], { port: tap.port, user: 'whoever%anything' });
    assert.equal(guest.status, 0, guest.output);
    assert.equal(tap.heard.signed + tap.heard.encrypted, 0);
    const wrong = await run(['ls'], { port: tap.port, user: `${other.user}%wrong` });
    assert.match(wrong.output, /NT_STATUS_LOGON_FAILURE/);
  });

  test('the shares are listed (srvsvc over IPC$)', async () => {
    const user = `${server.user}%${server.password}`;
    const { status, output } = await program('smbclient', [
      '--configfile=/dev/null',
      '-L',
      '//127.0.0.1',
      '-p',
      String(server.port),
      '-U',
      user,
    ]);
    assert.equal(status, 0, output);
    assert.match(output, /^\tshare +Disk/m);
    assert.match(output, /^\tIPC\$ +IPC/m);
  });

  test('missing, existing and non-empty names give the matching status', async () => {
    await works(['mkdir full', 'mkdir full\\inner']);
    assert.match((await run(['get nothing'])).output, /NT_STATUS_OBJECT_NAME_NOT_FOUND opening remote file/);
    assert.match((await run(['get no\\where'])).output, /NT_STATUS_OBJECT_PATH_NOT_FOUND/);
    assert.match((await run(['mkdir full'])).output, /NT_STATUS_OBJECT_NAME_COLLISION/);
    assert.match((await run(['rmdir full'])).output, /NT_STATUS_DIRECTORY_NOT_EMPTY/);
    await works(['deltree full']);
  });

  test('a directory tree is copied to the server and back completely', async () => {
    const tree = join(local, 'tree');
    for (const folder of ['', 'a', 'a/b', 'a/b/c', 'empty']) mkdirSync(join(tree, folder), { recursive: true });
    for (const file of ['1', 'a/2', 'a/b/3', 'a/b/c/4']) writeFileSync(join(tree, file), file.repeat(1000));
    await works(['recurse on', 'prompt off', 'mput tree']);
    rmSync(tree, { recursive: true });
    await works(['recurse on', 'prompt off', 'mget tree']);
    for (const file of ['1', 'a/2', 'a/b/3', 'a/b/c/4']) assert.equal(readFileSync(join(tree, file), 'utf8'), file.repeat(1000));
    assert.ok(existsSync(join(tree, 'empty')));
    await works(['deltree tree']);
    assert.deepEqual(readdirSync(shared), []);
  });

  test('names with characters beyond the Basic Multilingual Plane, in any case, and with spaces', async () => {
    const names = ['𝄞 clef 😀.txt', 'Ünïcödé Straße.txt', '文件 名.txt', 'ελληνικά.txt', ' leading and two  inner.txt'];
    for (const name of names) {
      writeFileSync(join(local, name), name);
      await works([`put "${name}"`]);
      assert.equal(readFileSync(join(shared, name), 'utf8'), name);
      assert.ok((await works(['ls'])).includes(name), name);
      await works([`get "${name}" back`]);
      assert.equal(readFileSync(join(local, 'back'), 'utf8'), name);
    }
    await works(['get "ÜNÏCÖDÉ straße.TXT" back']);
    assert.equal(readFileSync(join(local, 'back'), 'utf8'), 'Ünïcödé Straße.txt');
    for (const name of names) await works([`rm "${name}"`]);
    assert.deepEqual(readdirSync(shared), []);
  });

  test('10,000 files are put into one directory and listed', async () => {
    const many = join(local, 'many');
    mkdirSync(many);
    for (let i = 0; i < 10_000; i++) writeFileSync(join(many, `file-${i}`), String(i));
    await works(['recurse on', 'prompt off', 'mput many']);
    assert.equal(readdirSync(join(shared, 'many')).length, 10_000);
    const listed = await works(['ls many\\*']);
    assert.equal(listed.match(/^ {2}file-\d+ /gm)?.length, 10_000);
    await works(['deltree many']);
    assert.deepEqual(readdirSync(shared), []);
  });

  test('a file of 2 GiB is copied to the server and back unchanged', async (t) => {
    const { bavail, bsize } = statfsSync(base);
    if (bavail * bsize < 7 * 2 ** 30) return t.skip(`${base} has less than 7 GiB left`);
    const [there, back, onServer] = [join(local, 'big'), join(local, 'big-back'), join(shared, 'big')];
    writeBig(there, 2 * 2 ** 30);
    await works(['put big', 'get big big-back']);
    const wanted = await digest(there);
    assert.equal(statSync(onServer).size, 2 * 2 ** 30);
    assert.equal(await digest(onServer), wanted);
    assert.equal(await digest(back), wanted);
    await works(['rm big']);
  });
});

/** A file of `size` bytes in which all mebibytes differ. */
function writeBig(path: string, size: number): void {
  const fd = openSync(path, 'w');
  const block = randomBytes(2 ** 20);
  for (let at = 0; at < size; at += block.length) {
    block.writeDoubleLE(at, at % 4096);
    writeSync(fd, block, 0, block.length, at);
  }
  ftruncateSync(fd, size);
  closeSync(fd);
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha1');
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk);
  return hash.digest('hex');
}
