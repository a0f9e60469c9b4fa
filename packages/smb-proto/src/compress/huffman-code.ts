/** Number of symbols: 256 literals, then matches. */
export const symbolCount = 512;
/** Maximum length of a code, bits. */
export const maxCodeBits = 15;
/** Size of the table of lengths in front of each block: 4 bits for each symbol. */
export const tableBytes = symbolCount / 2;
/** Entries of the decoding table. */
export const decodingEntries = 1 << maxCodeBits;

/**
 * Lengths of the codes of a canonical Huffman code of at most 15 bits. MS-XCA 2.1.4.2.
 * @param frequencies of each symbol; at least two are above 0
 */
export function codeLengths(frequencies: Uint32Array): Uint8Array {
  const counts = frequencies.slice();
  for (;;) {
    const lengths = huffmanLengths(counts);
    if (lengths.every((length) => length <= maxCodeBits)) return lengths;
    for (let i = 0; i < counts.length; i++) counts[i] = ((counts[i] as number) + 1) >> 1; // flatter: shorter codes
  }
}

/** Lengths of a Huffman code without a limit: two queues, of leaves in order of frequency and of inner nodes. */
function huffmanLengths(counts: Uint32Array): Uint8Array {
  const lengths = new Uint8Array(counts.length);
  const leaves: number[] = [];
  for (let symbol = 0; symbol < counts.length; symbol++) if (counts[symbol] !== 0) leaves.push(symbol);
  leaves.sort((a, b) => (counts[a] as number) - (counts[b] as number) || a - b);
  const total = leaves.length * 2 - 1;
  const weight = new Float64Array(total);
  const parent = new Int32Array(total);
  leaves.forEach((symbol, i) => {
    weight[i] = counts[symbol] as number;
  });
  let leaf = 0;
  let inner = leaves.length;
  for (let node = leaves.length; node < total; node++) {
    for (let child = 0; child < 2; child++) {
      const takeLeaf = leaf < leaves.length && (inner >= node || (weight[leaf] as number) <= (weight[inner] as number));
      const taken = takeLeaf ? leaf++ : inner++;
      parent[taken] = node;
      weight[node] = (weight[node] as number) + (weight[taken] as number);
    }
  }
  const depth = new Uint8Array(total);
  for (let node = total - 2; node >= 0; node--) depth[node] = (depth[parent[node] as number] as number) + 1;
  leaves.forEach((symbol, i) => {
    lengths[symbol] = depth[i] as number;
  });
  return lengths;
}

/** The codes of the given lengths: shorter ones first, then by symbol. MS-XCA 2.1.4.3. */
export function canonicalCodes(lengths: Uint8Array): Uint16Array {
  const codes = new Uint16Array(lengths.length);
  let code = 0;
  for (let bits = 1; bits <= maxCodeBits; bits++) {
    for (let symbol = 0; symbol < lengths.length; symbol++) if (lengths[symbol] === bits) codes[symbol] = code++;
    code <<= 1;
  }
  return codes;
}

/**
 * Fills the decoding table: the symbol for each value of the next 15 bits. MS-XCA 2.2.4.
 * @returns false if the lengths are not those of a complete code
 */
export function fillDecodingTable(lengths: Uint8Array, table: Uint16Array): boolean {
  let at = 0;
  for (let bits = 1; bits <= maxCodeBits; bits++) {
    const entries = 1 << (maxCodeBits - bits);
    for (let symbol = 0; symbol < symbolCount; symbol++) {
      if (lengths[symbol] !== bits) continue;
      if (at + entries > decodingEntries) return false;
      table.fill(symbol, at, at + entries);
      at += entries;
    }
  }
  return at === decodingEntries;
}
