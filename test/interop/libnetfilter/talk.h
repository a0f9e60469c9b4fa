/* One request over libmnl and all that comes back, for the programs of libnetfilter_cttimeout and libnetfilter_cthelper. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

static char block[1 << 15];
static struct mnl_socket *nl;
static uint32_t sequence = 1000;

static void fail(const char *what)
{
	printf("%s: %s\n", what, strerrorname_np(errno));
	exit(1);
}

/* Gives up rather than waits for ever. */
static void begin(void)
{
	alarm(30);
	setvbuf(stdout, NULL, _IOLBF, 0);
	nl = mnl_socket_open(NETLINK_NETFILTER);
	if (nl == NULL)
		fail("mnl_socket_open");
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		fail("mnl_socket_bind");
}

/* The header of a message, without what the kernel chooses. */
static void show_header(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	printf("message type %#x flags %#x family %u version %u resource %u\n", nlh->nlmsg_type, nlh->nlmsg_flags,
	       nfg->nfgen_family, nfg->version, ntohs(nfg->res_id));
}

/* Sends the request in block and shows every answer, then how it ended. */
static void ask(const char *what, struct nlmsghdr *nlh, mnl_cb_t show)
{
	static char answer[1 << 15];
	const uint32_t seq = nlh->nlmsg_seq;
	int ret;

	printf("== %s\n", what);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		fail("mnl_socket_sendto");
	do {
		ret = mnl_socket_recvfrom(nl, answer, sizeof(answer));
		if (ret > 0)
			ret = mnl_cb_run(answer, ret, seq, mnl_socket_get_portid(nl), show, NULL);
	} while (ret > 0);
	printf("%s\n", ret == 0 ? "done" : strerrorname_np(errno));
}
