import { deepStrictEqual, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { parseHelper, printHelper } from './helper-grammar.ts';

const udp = { l3proto: 2, l4proto: 17 };

test('a helper that nfct knows needs no options, any other says its classes', () => {
  const tftp = parseHelper('tftp', udp, {});
  deepStrictEqual(tftp.classes, [{ name: 'tftp', max: 1, timeoutSeconds: 300 }]);
  deepStrictEqual(parseHelper('mine', udp, { class: ['data:4:60'], private: '8', queue: '3', enabled: true }), {
    name: 'mine',
    ...udp,
    classes: [{ name: 'data', max: 4, timeoutSeconds: 60 }],
    queueNumber: 3,
    privateLength: 8,
    enabled: true,
  });
  throws(() => parseHelper('constructor', udp, {}), /name its classes with --class/);
  for (const bad of ['data', 'data:4', ':4:60', 'data:4:60:1', 'data:256:1', 'data:x:1'])
    throws(() => parseHelper('mine', udp, { class: [bad] }), { name: 'UsageError' });
  throws(() => parseHelper('tftp', udp, { queue: '65536' }), /a queue is a number from 0 to 65535/);
});

test('a helper is printed as nfct prints it', () => {
  strictEqual(
    printHelper(parseHelper('tftp', udp, {})),
    '{\n\t.name = tftp,\n\t.queuenum = 0,\n\t.l3protonum = 2,\n\t.l4protonum = 17,\n\t.priv_data_len = 0,\n\t.status = disabled,\n};\n',
  );
});
