import { strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { deriveKey, sessionKeyOf, sessionKeys } from './kdf.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex').toUpperCase();

test('the keys of dialect 3.0 are those of Microsoft’s published example (MS-SMB2 3.1.4.2), which names them as the client does', () => {
  const keys = sessionKeys(0x0300, bytes('7CD451825D0450D235424E44BA6E78CC'), undefined);
  strictEqual(hex(keys.signing), '0B7E9C5CAC36C0F6EA9AB275298CEDCE');
  strictEqual(hex(keys.clientToServer), 'FAD27796665B313EBB578F388632B4F7');
  strictEqual(hex(keys.serverToClient), 'B0F0427F7CEB416D1D9DCC0CD4F99447');
  strictEqual(hex(keys.application), 'BB23A4575AA26C721AF525AF15A87B4F');
});

test('the keys of dialect 3.1.1 are those of Microsoft’s published example (MS-SMB2 3.1.4.2), which names them as the client does', () => {
  const preauth = bytes(
    '0DD13628CC3ED218EF9DF9772D436D0887AB9814BFAE63A80AA845F36909DB7928622DDDAD522D9751640A459762C5A9D6BB084CBB3CE6BDADEF5D5BCE3C6C01',
  );
  const keys = sessionKeys(0x0311, bytes('270E1BA896585EEB7AF3472D3B4C75A7'), preauth);
  strictEqual(hex(keys.signing), '73FE7A9A77BEF0BDE49C650D8CCB5F76');
  strictEqual(hex(keys.clientToServer), '629BCBC54422A0F572B97F45989B6073');
  strictEqual(hex(keys.serverToClient), 'E2AF0DCEFAC68DA71A0DFBD0D1350D74');
  strictEqual(hex(keys.application), '6D7AD7954E9EC61E907B4D473DC178FF');
});

test('256-bit ciphers get 32 bytes from the whole key, signing stays at 16 (MS-SMB2 3.3.5.5.3)', () => {
  const full = new Uint8Array(32).fill(7);
  const preauth = new Uint8Array(64);
  const wide = sessionKeys(0x0311, full, preauth, 256);
  const narrow = sessionKeys(0x0311, full, preauth, 128);
  strictEqual(wide.clientToServer.length, 32);
  strictEqual(wide.serverToClient.length, 32);
  strictEqual(hex(wide.signing), hex(narrow.signing));
  const label = Buffer.from('SMBC2SCipherKey\0');
  strictEqual(hex(wide.clientToServer), hex(deriveKey(full, label, preauth, 256)));
});

test('before 3.0 the session key signs, short keys are padded (MS-SMB2 3.3.1.8), and 3.1.1 without its hash is a mistake', () => {
  strictEqual(hex(sessionKeys(0x0210, bytes('01020304'), undefined).signing), '01020304000000000000000000000000');
  strictEqual(sessionKeyOf(new Uint8Array(32)).length, 16);
  throws(() => sessionKeys(0x0311, new Uint8Array(16), undefined), TypeError);
});
