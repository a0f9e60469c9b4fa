/*
 * Reliable events: a socket with NETLINK_BROADCAST_ERROR that does not read while flows end. Prints what the table shows meanwhile and how many ends it
 * hears in all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>

enum { FLOWS = 2000 };

static unsigned char seen[FLOWS];
static unsigned heard, repeated;

static void fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static int hear(enum nf_conntrack_msg_type type, struct nf_conntrack *ct, void *unused)
{
	unsigned i = ntohs(nfct_get_attr_u16(ct, ATTR_ORIG_PORT_SRC)) - 1000;

	(void)unused;
	if (type != NFCT_T_DESTROY || i >= FLOWS)
		return NFCT_CB_CONTINUE;
	if (seen[i])
		repeated++;
	else
		heard++;
	seen[i] = 1;
	return NFCT_CB_CONTINUE;
}

static struct nf_conntrack *flow(int family, unsigned i, unsigned timeout)
{
	struct nf_conntrack *ct = nfct_new();
	unsigned char six[2][16] = { { 0xfd, [15] = 1 }, { 0xfd, [15] = 2 } };

	nfct_set_attr_u8(ct, ATTR_L3PROTO, family);
	if (family == AF_INET) {
		nfct_set_attr_u32(ct, ATTR_IPV4_SRC, inet_addr("10.0.0.1"));
		nfct_set_attr_u32(ct, ATTR_IPV4_DST, inet_addr("10.0.0.2"));
	} else {
		nfct_set_attr(ct, ATTR_IPV6_SRC, six[0]);
		nfct_set_attr(ct, ATTR_IPV6_DST, six[1]);
	}
	nfct_set_attr_u8(ct, ATTR_L4PROTO, IPPROTO_UDP);
	nfct_set_attr_u16(ct, ATTR_PORT_SRC, htons(1000 + i));
	nfct_set_attr_u16(ct, ATTR_PORT_DST, htons(53));
	nfct_setobjopt(ct, NFCT_SOPT_SETUP_REPLY);
	nfct_set_attr_u32(ct, ATTR_TIMEOUT, timeout);
	return ct;
}

/* The first number, or the number of lines, that a command prints. */
static int number(const char *command)
{
	int value = -1;
	FILE *out = popen(command, "r");

	if (out == NULL || fscanf(out, "%d", &value) != 1)
		value = -1;
	if (out != NULL)
		pclose(out);
	return value;
}

static struct nfct_handle *listener(void)
{
	struct nfct_handle *h = nfct_open(CONNTRACK, NF_NETLINK_CONNTRACK_DESTROY);
	int one = 1, bytes = 4096;

	if (h == NULL)
		fail("nfct_open");
	if (setsockopt(nfct_fd(h), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) < 0 ||
	    setsockopt(nfct_fd(h), SOL_NETLINK, NETLINK_BROADCAST_ERROR, &one, sizeof(one)) < 0 ||
	    setsockopt(nfct_fd(h), SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof(one)) < 0)
		fail("setsockopt");
	fcntl(nfct_fd(h), F_SETFL, O_NONBLOCK);
	nfct_callback_register(h, NFCT_T_ALL, hear, NULL);
	return h;
}

/* Reads until every end was heard and the table is empty, or nothing came for 3 s. */
static void drain(struct nfct_handle *h, unsigned wanted)
{
	struct pollfd ready = { .fd = nfct_fd(h), .events = POLLIN };

	while (heard < wanted && poll(&ready, 1, 3000) > 0)
		nfct_catch(h);
	for (int i = 0; i < 50 && number("conntrack -C") != 0; i++) {
		poll(NULL, 0, 100);
		nfct_catch(h);
	}
}

static void round_of(const char *what, int family, unsigned timeout, int closes)
{
	struct nfct_handle *ask = nfct_open(CONNTRACK, 0), *h = listener();
	char list[120];

	memset(seen, 0, sizeof(seen));
	heard = repeated = 0;
	for (unsigned i = 0; i < FLOWS; i++) {
		struct nf_conntrack *ct = flow(family, i, timeout);

		if (nfct_query(ask, NFCT_Q_CREATE, ct) < 0)
			fail("create");
		nfct_destroy(ct);
	}
	if (timeout == 1)
		sleep(3);
	if (number("conntrack -L 2>/dev/null | wc -l") > 0 && system("conntrack -F 2>/dev/null") != 0)
		fail("flush");
	printf("== %s\n", what);
	printf("listed: %d\n", number("conntrack -L 2>/dev/null | wc -l"));
	snprintf(list, sizeof(list), "conntrack -L dying -f %s 2>/dev/null | wc -l", family == AF_INET ? "ipv4" : "ipv6");
	printf("dying: %s\n", number(list) > FLOWS / 2 ? "most" : "few");
	printf("the count is that of the dying: %s\n", number("conntrack -C") == number(list) ? "yes" : "no");
	if (closes)
		nfct_close(h);
	else
		drain(h, FLOWS);
	for (int i = 0; i < 50 && number("conntrack -C") != 0; i++)
		poll(NULL, 0, 100);
	printf("left: %d\n", number("conntrack -C"));
	if (!closes) {
		printf("ends: %u\n", heard);
		nfct_close(h);
	}
	nfct_close(ask);
}

int main(void)
{
	alarm(120);
	setvbuf(stdout, NULL, _IOLBF, 0);
	round_of("flush", AF_INET, 100, 0);
	round_of("flush of IPv6", AF_INET6, 100, 0);
	round_of("time", AF_INET, 1, 0);
	round_of("the listener closes its socket", AF_INET, 100, 1);
	return 0;
}
