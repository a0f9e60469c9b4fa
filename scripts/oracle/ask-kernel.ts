/**
 * Reads a vector from standard input, runs it on this machine's kernel, and writes the vector with the responses. Requires root of its user
 * namespace.
 */
import { text } from 'node:stream/consumers';
import type { Vector } from './format.ts';
import { KernelParty } from './kernel.ts';
import { recordVector } from './vector.ts';

const vector = JSON.parse(await text(process.stdin)) as Vector;
console.log(JSON.stringify(await recordVector(vector, (options) => new KernelParty(options))));
