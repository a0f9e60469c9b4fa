/** The exchange failed: the link was closed, a signature is wrong, or a response is invalid. */
export class SmbClientError extends Error {
  override readonly name = 'SmbClientError';
}
