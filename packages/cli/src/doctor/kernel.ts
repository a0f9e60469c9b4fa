import type { NetlinkLink } from '@ring3/netlink';
import { type Finding, limited, ok } from './finding.ts';

/** Asks one thing of a kernel subsystem, as cheaply as it can be asked. */
type Ask = (link: NetlinkLink) => Promise<{ close(): void }>;

/** What the kernel's netfilter answers here: what `--at kernel` can be used for. */
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
      if (errno === Errno.EPERM) findings.push(limited(what, `not allowed to this user: ${use}`, 'ask as root, or with CAP_NET_ADMIN'));
      else {
        const why = errno === Errno.EINVAL ? 'this kernel has none' : errno === 0 ? (error as Error).message : errnoName(errno);
        findings.push(limited(what, `${why}: ${use}`, `modprobe ${module}; --at ring3 needs none`));
      }
    }
  }
  return findings;
}
