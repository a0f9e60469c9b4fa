/* Timeout policies through libnetfilter_cttimeout: made, listed, fetched, changed, deleted, and the defaults. Says what it gets. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include "talk.h"
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <libnetfilter_cttimeout/libnetfilter_cttimeout.h>

static int show(const struct nlmsghdr *nlh, void *data)
{
	struct nfct_timeout *t = nfct_timeout_alloc();
	char text[4096];
	(void)data;

	show_header(nlh);
	if (nfct_timeout_nlmsg_parse_payload(nlh, t) < 0) {
		printf("cannot be parsed: %s\n", strerrorname_np(errno));
	} else {
		nfct_timeout_snprintf(text, sizeof(text), t, NFCT_TIMEOUT_O_DEFAULT, 0);
		printf("%s\n", text);
	}
	nfct_timeout_free(t);
	return MNL_CB_OK;
}

static void command(const char *what, int type, int flags, struct nfct_timeout *t)
{
	struct nlmsghdr *nlh = nfct_timeout_nlmsg_build_hdr(block, type, flags, sequence++);
	if (t != NULL)
		nfct_timeout_nlmsg_build_payload(nlh, t);
	ask(what, nlh, show);
	if (t != NULL)
		nfct_timeout_free(t);
}

static struct nfct_timeout *named(const char *name)
{
	struct nfct_timeout *t = nfct_timeout_alloc();
	if (name != NULL)
		nfct_timeout_attr_set(t, NFCT_TIMEOUT_ATTR_NAME, name);
	return t;
}

static struct nfct_timeout *policy(const char *name, uint16_t l3, uint8_t l4)
{
	struct nfct_timeout *t = named(name);
	nfct_timeout_attr_set_u16(t, NFCT_TIMEOUT_ATTR_L3PROTO, l3);
	nfct_timeout_attr_set_u8(t, NFCT_TIMEOUT_ATTR_L4PROTO, l4);
	return t;
}

/* The first `count` states of the protocol, at first, first + 1, … seconds. */
static struct nfct_timeout *with(struct nfct_timeout *t, int count, uint32_t first)
{
	for (int i = 0; i < count; i++)
		nfct_timeout_policy_attr_set_u32(t, i, first + i);
	return t;
}

static void list(void)
{
	command("list", IPCTNL_MSG_TIMEOUT_GET, NLM_F_DUMP, NULL);
}

int main(void)
{
	const int make = NLM_F_CREATE | NLM_F_ACK, once = make | NLM_F_EXCL;
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP, IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_RAW };
	struct nfct_timeout *t;

	begin();
	list();
	command("tcp", IPCTNL_MSG_TIMEOUT_NEW, once, with(policy("tcp", AF_INET, IPPROTO_TCP), NFCT_TIMEOUT_ATTR_TCP_MAX, 100));
	command("udp", IPCTNL_MSG_TIMEOUT_NEW, once, with(policy("udp", AF_INET6, IPPROTO_UDP), NFCT_TIMEOUT_ATTR_UDP_MAX, 200));
	command("udplite", IPCTNL_MSG_TIMEOUT_NEW, once, with(policy("udplite", AF_INET, IPPROTO_UDPLITE), NFCT_TIMEOUT_ATTR_UDPLITE_MAX, 300));
	command("sctp", IPCTNL_MSG_TIMEOUT_NEW, once, with(policy("sctp", AF_INET, IPPROTO_SCTP), NFCT_TIMEOUT_ATTR_SCTP_MAX, 400));
	command("gre", IPCTNL_MSG_TIMEOUT_NEW, once, with(policy("gre", AF_INET, IPPROTO_GRE), NFCT_TIMEOUT_ATTR_GRE_MAX, 500));
	command("icmp", IPCTNL_MSG_TIMEOUT_NEW, once, with(policy("icmp", AF_INET, IPPROTO_ICMP), NFCT_TIMEOUT_ATTR_ICMP_MAX, 600));
	command("icmpv6", IPCTNL_MSG_TIMEOUT_NEW, once, with(policy("icmpv6", AF_INET6, IPPROTO_ICMPV6), NFCT_TIMEOUT_ATTR_ICMPV6_MAX, 700));
	command("generic", IPCTNL_MSG_TIMEOUT_NEW, once, with(policy("generic", AF_INET, IPPROTO_RAW), NFCT_TIMEOUT_ATTR_GENERIC_MAX, 800));
	command("one state, the others by default", IPCTNL_MSG_TIMEOUT_NEW, once, with(policy("some", AF_INET, IPPROTO_TCP), 1, 900));
	list();
	command("exists, EXCL", IPCTNL_MSG_TIMEOUT_NEW, once, with(policy("udp", AF_INET6, IPPROTO_UDP), 1, 1));
	command("exists, neither EXCL nor REPLACE", IPCTNL_MSG_TIMEOUT_NEW, make, with(policy("udp", AF_INET6, IPPROTO_UDP), 1, 1));
	command("exists, REPLACE", IPCTNL_MSG_TIMEOUT_NEW, NLM_F_REPLACE | NLM_F_ACK, with(policy("udp", AF_INET6, IPPROTO_UDP), 2, 7));
	command("exists for another family", IPCTNL_MSG_TIMEOUT_NEW, make, with(policy("udp", AF_INET, IPPROTO_UDP), 1, 2));
	command("exists for another protocol", IPCTNL_MSG_TIMEOUT_NEW, make, with(policy("udp", AF_INET6, IPPROTO_TCP), 1, 3));
	command("without a policy", IPCTNL_MSG_TIMEOUT_NEW, once, policy("bare", AF_INET, IPPROTO_UDP));
	command("without a name", IPCTNL_MSG_TIMEOUT_NEW, once, with(policy(NULL, AF_INET, IPPROTO_UDP), 1, 4));
	t = with(policy("gap", AF_INET, IPPROTO_TCP), 1, 5);
	nfct_timeout_policy_attr_set_u32(t, NFCT_TIMEOUT_ATTR_TCP_CLOSE, 6);
	command("two states", IPCTNL_MSG_TIMEOUT_NEW, once, t);
	command("get", IPCTNL_MSG_TIMEOUT_GET, NLM_F_ACK, named("udp"));
	command("get", IPCTNL_MSG_TIMEOUT_GET, NLM_F_ACK, named("gap"));
	command("get an unknown one", IPCTNL_MSG_TIMEOUT_GET, NLM_F_ACK, named("nosuch"));
	command("get without a name", IPCTNL_MSG_TIMEOUT_GET, NLM_F_ACK, NULL);
	command("delete", IPCTNL_MSG_TIMEOUT_DELETE, NLM_F_ACK, named("udp"));
	command("delete again", IPCTNL_MSG_TIMEOUT_DELETE, NLM_F_ACK, named("udp"));
	list();
	for (unsigned i = 0; i < sizeof(protocols); i++)
		command("default of a protocol", IPCTNL_MSG_TIMEOUT_DEFAULT_GET, NLM_F_ACK, policy(NULL, AF_INET, protocols[i]));
	command("default, changed", IPCTNL_MSG_TIMEOUT_DEFAULT_SET, NLM_F_ACK, with(policy(NULL, AF_INET, IPPROTO_UDP), 2, 33));
	command("default, changed", IPCTNL_MSG_TIMEOUT_DEFAULT_GET, NLM_F_ACK, policy(NULL, AF_INET, IPPROTO_UDP));
	command("made after it", IPCTNL_MSG_TIMEOUT_NEW, once, with(policy("after", AF_INET, IPPROTO_UDP), 1, 9));
	command("made after it", IPCTNL_MSG_TIMEOUT_GET, NLM_F_ACK, named("after"));
	t = policy(NULL, AF_INET, IPPROTO_UDP);
	nfct_timeout_policy_attr_set_u32(t, NFCT_TIMEOUT_ATTR_UDP_UNREPLIED, 30);
	nfct_timeout_policy_attr_set_u32(t, NFCT_TIMEOUT_ATTR_UDP_REPLIED, 120);
	command("default, as it was", IPCTNL_MSG_TIMEOUT_DEFAULT_SET, NLM_F_ACK, t);
	command("delete all", IPCTNL_MSG_TIMEOUT_DELETE, NLM_F_ACK, NULL);
	list();
	mnl_socket_close(nl);
	return 0;
}
