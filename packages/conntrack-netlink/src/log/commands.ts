import { command, Errno, type SubsystemRows, subsystem } from '@ring3/netlink';
import { LogCommand, LogConfig, LogConfigCommand, Subsystem } from '@ring3/nfnetlink';

/** ENOTSUPP of the kernel, 524, which has no name in user space. */
const ENOTSUPP = 524;

/** Subsystem 4, nfnetlink_log, as on a host without a logger: there are no groups, and none can be bound. */
export const log = (): SubsystemRows =>
  subsystem(Subsystem.Ulog, {
    [LogCommand.Packet]: command({ attributes: LogConfig, handle: () => ENOTSUPP }),
    [LogCommand.Config]: command({
      attributes: LogConfig,
      handle: ({ attributes }) => {
        switch (attributes.get('command')?.[0]) {
          case undefined:
          case LogConfigCommand.Unbind:
            return Errno.ENODEV;
          case LogConfigCommand.PfBind:
          case LogConfigCommand.PfUnbind:
            return 0;
          case LogConfigCommand.Bind:
            return Errno.EOPNOTSUPP;
          default:
            return ENOTSUPP;
        }
      },
    }),
  });
