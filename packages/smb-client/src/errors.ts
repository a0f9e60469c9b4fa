/** The conversation itself failed: the link ended, a signature is wrong, an answer makes no sense. */
export class SmbClientError extends Error {
  override readonly name = 'SmbClientError';
}
