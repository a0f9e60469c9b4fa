import { type Attr, attr, attrs, be16, be32, bytes } from '@ring3/wire';

/** NFULNL_MSG_*, uapi/linux/netfilter/nfnetlink_log.h: the messages of subsystem 4. */
export const LogCommand = { Packet: 0, Config: 1 } as const;

/** NFULNL_CFG_CMD_*: the commands of a configuration message. */
export const LogConfigCommand = { Bind: 1, Unbind: 2, PfBind: 3, PfUnbind: 4 } as const;

/** A structure of fixed size, as raw bytes, even if it is as short as an integer. */
const structure = (type: number, size: number): Attr<Uint8Array> => ({ ...attr(type, bytes(size)), kind: 'fixed' });

/** NFULA_CFG_*, nfnetlink_log.h `enum nfulnl_attr_config`. */
export const LogConfig = attrs('NFULA_CFG', {
  command: structure(1, 1), // NFULA_CFG_CMD: struct nfulnl_msg_config_cmd
  mode: structure(2, 6), // NFULA_CFG_MODE: struct nfulnl_msg_config_mode
  bufferSize: attr(3, be32), // NFULA_CFG_NLBUFSIZ
  timeout: attr(4, be32), // NFULA_CFG_TIMEOUT, hundredths of a second
  queueThreshold: attr(5, be32), // NFULA_CFG_QTHRESH
  flags: attr(6, be16), // NFULA_CFG_FLAGS
});
