import type { NetlinkLink } from '@ring3/netlink';
import { type Finding, limited, ok } from './finding.ts';

/** Sends a cheap request to a kernel subsystem. */
type Ask = (link: NetlinkLink) => Promise<{ close(): void }>;

/** Checks which netfilter subsystems of the kernel respond: where `--at kernel` works. */
export async function kernelSubsystems(open?: () => NetlinkLink): Promise<Finding[]> {
  const [{ kernelLink, Errno, errnoName }, { CtnetlinkClient, CtnetlinkExpClient, CttimeoutClient, CthelperClient }] = await Promise.all([
    import('@ring3/netlink'),
    import('@ring3/nfnetlink'),
  ]);
  const first = async <C extends { close(): void; list(): AsyncIterable<unknown> }>(client: C): Promise<C> => {
    try {
      for await (const _ of client.list()) break;
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  };
  const asks: readonly (readonly [string, string, string, Ask])[] = [
    [
      'kernel conntrack',
      'ring3 flow --at kernel',
      'nf_conntrack_netlink',
      async (link) => {
        const client = new CtnetlinkClient(link);
        await client.count();
        return client;
      },
    ],
    ['kernel expectations', 'ring3 expect --at kernel', 'nf_conntrack_netlink', (link) => first(new CtnetlinkExpClient(link))],
    ['kernel timeouts', 'ring3 timeout --at kernel', 'nfnetlink_cttimeout', (link) => first(new CttimeoutClient(link))],
    ['kernel helpers', 'ring3 helper --at kernel', 'nfnetlink_cthelper', (link) => first(new CthelperClient(link))],
  ];
  const findings: Finding[] = [];
  for (const [what, use, module, ask] of asks) {
    try {
      (await ask((open ?? kernelLink)())).close();
      findings.push(ok(what, `answers: ${use}`));
    } catch (error) {
      const errno = (error as { errno?: number }).errno ?? 0;
      if (errno === Errno.EPERM)
        findings.push(limited(what, `not permitted for this user: ${use}`, 'run it as root, or with CAP_NET_ADMIN'));
      else {
        const why = errno === Errno.EINVAL ? 'this kernel does not have it' : errno === 0 ? (error as Error).message : errnoName(errno);
        findings.push(limited(what, `${why}: ${use}`, `modprobe ${module}; --at ring3 does not need it`));
      }
    }
  }
  return findings;
}
