export * from './mechanism.ts';
export * from './ntlm-acceptor.ts';
export * from './ntlm-crypto.ts';
export * from './ntlm-initiator.ts';
export * from './ntlm-messages.ts';
export * from './spnego-acceptor.ts';
export * from './spnego-initiator.ts';
export * from './spnego-tokens.ts';
