/* Flows and expectations through libnetfilter_conntrack: made, fetched, changed, dumped, deleted, and the events of all that. Says what it gets. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>

static struct nfct_handle *asking, *hearing, *tcp_only, *expecting, *hearing_expected;

static void ended(const char *what, int ret)
{
	printf("%s: %s\n", what, ret == -1 ? strerrorname_np(errno) : "done");
}

/* Which attributes there are, and the text of the library. */
static void show(const char *who, enum nf_conntrack_msg_type type, const struct nf_conntrack *ct)
{
	char text[4096];

	printf("%s %s:", who, type == NFCT_T_NEW ? "NEW" : type == NFCT_T_UPDATE ? "UPDATE" : type == NFCT_T_DESTROY ? "DESTROY" : "?");
	for (int i = 0; i < ATTR_MAX; i++)
		if (nfct_attr_is_set(ct, i) > 0)
			printf(" %d", i);
	printf("\n");
	printf("status %#x mark %u zone %u wscale %u/%u flags %#x/%#x\n", nfct_get_attr_u32(ct, ATTR_STATUS), nfct_get_attr_u32(ct, ATTR_MARK),
	       nfct_get_attr_u16(ct, ATTR_ZONE), nfct_get_attr_u8(ct, ATTR_TCP_WSCALE_ORIG), nfct_get_attr_u8(ct, ATTR_TCP_WSCALE_REPL),
	       nfct_get_attr_u8(ct, ATTR_TCP_FLAGS_ORIG), nfct_get_attr_u8(ct, ATTR_TCP_FLAGS_REPL));
	nfct_snprintf(text, sizeof(text), ct, type, NFCT_O_PLAIN, NFCT_OF_SHOW_LAYER3 | NFCT_OF_ID);
	printf("%s\n", text);
	nfct_snprintf(text, sizeof(text), ct, type, NFCT_O_XML, NFCT_OF_SHOW_LAYER3);
	printf("%s\n", text);
}

static int answered(enum nf_conntrack_msg_type type, struct nf_conntrack *ct, void *data)
{
	show(data, type, ct);
	return NFCT_CB_CONTINUE;
}

static int heard(enum nf_conntrack_msg_type type, struct nf_conntrack *ct, void *data)
{
	show(data, type, ct);
	return NFCT_CB_STOP;
}

static void show_expected(const char *who, enum nf_conntrack_msg_type type, const struct nf_expect *exp)
{
	char text[4096];

	printf("%s %s:", who, type == NFCT_T_NEW ? "NEW" : type == NFCT_T_UPDATE ? "UPDATE" : type == NFCT_T_DESTROY ? "DESTROY" : "?");
	for (int i = 0; i < ATTR_EXP_MAX; i++)
		if (nfexp_attr_is_set(exp, i) > 0)
			printf(" %d", i);
	nfexp_snprintf(text, sizeof(text), exp, type, NFCT_O_PLAIN, NFCT_OF_SHOW_LAYER3);
	printf("\n%s\n", text);
}

static int expectation_answered(enum nf_conntrack_msg_type type, struct nf_expect *exp, void *data)
{
	show_expected(data, type, exp);
	return NFCT_CB_CONTINUE;
}

static int expectation_heard(enum nf_conntrack_msg_type type, struct nf_expect *exp, void *data)
{
	show_expected(data, type, exp);
	return NFCT_CB_STOP;
}

static struct nfct_handle *open_handle(uint8_t subsystem, unsigned groups)
{
	struct nfct_handle *h = nfct_open(subsystem, groups);
	if (h == NULL) {
		ended("nfct_open", -1);
		exit(1);
	}
	return h;
}

static void query(const char *what, enum nf_conntrack_query type, const void *data)
{
	printf("== %s\n", what);
	ended(what, nfct_query(asking, type, data));
}

/* A question about a flow, and the event that it causes. */
static void change(const char *what, enum nf_conntrack_query type, const void *data)
{
	query(what, type, data);
	ended("event", nfct_catch(hearing));
}

static struct nf_conntrack *tuple(uint8_t l4, const char *from, const char *to, uint16_t sport, uint16_t dport)
{
	struct nf_conntrack *ct = nfct_new();
	nfct_set_attr_u8(ct, ATTR_L3PROTO, AF_INET);
	nfct_set_attr_u32(ct, ATTR_IPV4_SRC, inet_addr(from));
	nfct_set_attr_u32(ct, ATTR_IPV4_DST, inet_addr(to));
	nfct_set_attr_u8(ct, ATTR_L4PROTO, l4);
	nfct_set_attr_u16(ct, ATTR_PORT_SRC, htons(sport));
	nfct_set_attr_u16(ct, ATTR_PORT_DST, htons(dport));
	return ct;
}

static struct nf_conntrack *flow(uint8_t l4, const char *from, const char *to, uint16_t sport, uint16_t dport)
{
	struct nf_conntrack *ct = tuple(l4, from, to, sport, dport);
	nfct_setobjopt(ct, NFCT_SOPT_SETUP_REPLY);
	nfct_set_attr_u32(ct, ATTR_TIMEOUT, 1000);
	if (l4 == IPPROTO_TCP)
		nfct_set_attr_u8(ct, ATTR_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
	return ct;
}

static struct nf_conntrack *flow6(void)
{
	struct nf_conntrack *ct = nfct_new();
	struct in6_addr from, to;
	inet_pton(AF_INET6, "fd00::1", &from);
	inet_pton(AF_INET6, "fd00::2", &to);
	nfct_set_attr_u8(ct, ATTR_L3PROTO, AF_INET6);
	nfct_set_attr(ct, ATTR_IPV6_SRC, &from);
	nfct_set_attr(ct, ATTR_IPV6_DST, &to);
	nfct_set_attr_u8(ct, ATTR_L4PROTO, IPPROTO_ICMPV6);
	nfct_set_attr_u8(ct, ATTR_ICMP_TYPE, 128);
	nfct_set_attr_u8(ct, ATTR_ICMP_CODE, 0);
	nfct_set_attr_u16(ct, ATTR_ICMP_ID, htons(77));
	nfct_setobjopt(ct, NFCT_SOPT_SETUP_REPLY);
	nfct_set_attr_u32(ct, ATTR_TIMEOUT, 1000);
	return ct;
}

static void flows(void)
{
	const uint32_t any = AF_UNSPEC;
	struct nf_conntrack *udp = flow(IPPROTO_UDP, "10.0.0.1", "10.0.0.2", 1000, 53);
	struct nf_conntrack *tcp = flow(IPPROTO_TCP, "10.0.0.1", "10.0.0.2", 1000, 80);
	struct nf_conntrack *zoned = flow(IPPROTO_UDP, "10.0.0.1", "10.0.0.2", 1000, 53);
	struct nf_conntrack *gone = tuple(IPPROTO_UDP, "10.9.9.9", "10.0.0.2", 1000, 53);
	struct nf_conntrack *bare = tuple(IPPROTO_UDP, "10.9.9.9", "10.0.0.2", 1000, 53);
	struct nf_conntrack *six = flow6();
	struct nfct_filter_dump *filter = nfct_filter_dump_create();
	struct nfct_filter_dump_mark mark = { .val = 7, .mask = 0xff };

	change("create udp", NFCT_Q_CREATE, udp);
	query("create udp again", NFCT_Q_CREATE, udp);
	nfct_set_attr_u32(tcp, ATTR_STATUS, IPS_SEEN_REPLY | IPS_ASSURED);
	nfct_set_attr_u32(tcp, ATTR_MARK, 7);
	nfct_set_attr_u8(tcp, ATTR_TCP_WSCALE_ORIG, 7);
	nfct_set_attr_u8(tcp, ATTR_TCP_WSCALE_REPL, 9);
	nfct_set_attr_u8(tcp, ATTR_TCP_FLAGS_ORIG, IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_SACK_PERM);
	nfct_set_attr_u8(tcp, ATTR_TCP_MASK_ORIG, IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_SACK_PERM);
	change("create tcp", NFCT_Q_CREATE, tcp);
	nfct_set_attr_u16(zoned, ATTR_ZONE, 5);
	change("create udp in a zone", NFCT_Q_CREATE, zoned);
	change("create icmpv6", NFCT_Q_CREATE, six);
	query("create without a reply and a time", NFCT_Q_CREATE, bare);
	query("get udp", NFCT_Q_GET, udp);
	query("get tcp", NFCT_Q_GET, tcp);
	query("get udp in a zone", NFCT_Q_GET, zoned);
	query("get icmpv6", NFCT_Q_GET, six);
	query("get an unknown one", NFCT_Q_GET, gone);

	nfct_set_attr_u32(udp, ATTR_MARK, 9);
	change("update a mark", NFCT_Q_UPDATE, udp);
	query("get it", NFCT_Q_GET, udp);
	nfct_set_attr_u8(tcp, ATTR_TCP_STATE, TCP_CONNTRACK_FIN_WAIT);
	change("update a state", NFCT_Q_UPDATE, tcp);
	query("get it", NFCT_Q_GET, tcp);
	nfct_set_attr_u32(udp, ATTR_STATUS, IPS_SEEN_REPLY | IPS_ASSURED);
	change("create or update", NFCT_Q_CREATE_UPDATE, udp);
	nfct_set_attr_u32(udp, ATTR_STATUS, IPS_CONFIRMED);
	query("update: a bit that stays", NFCT_Q_UPDATE, udp);
	query("update an unknown one", NFCT_Q_UPDATE, gone);

	query("dump", NFCT_Q_DUMP, &any);
	nfct_filter_dump_set_attr(filter, NFCT_FILTER_DUMP_MARK, &mark);
	query("dump by mark", NFCT_Q_DUMP_FILTER, filter);
	nfct_filter_dump_set_attr_u8(filter, NFCT_FILTER_DUMP_L3NUM, AF_INET6);
	query("dump by mark and family", NFCT_Q_DUMP_FILTER, filter);
	nfct_filter_dump_destroy(filter);
	query("dump and reset counters", NFCT_Q_DUMP_RESET, &any);

	change("delete udp", NFCT_Q_DESTROY, udp);
	query("delete udp again", NFCT_Q_DESTROY, udp);
	query("get it", NFCT_Q_GET, udp);
	change("delete icmpv6", NFCT_Q_DESTROY, six);
	change("delete udp in a zone", NFCT_Q_DESTROY, zoned);
	change("flush", NFCT_Q_FLUSH, &any);
	query("dump", NFCT_Q_DUMP, &any);
	printf("== what one hears who filters for tcp\n");
	for (int i = 0; i < 3; i++)
		ended("event", nfct_catch(tcp_only));

	nfct_destroy(udp);
	nfct_destroy(tcp);
	nfct_destroy(zoned);
	nfct_destroy(gone);
	nfct_destroy(bare);
	nfct_destroy(six);
}

static void expect(const char *what, enum nf_conntrack_query type, const void *data)
{
	printf("== %s\n", what);
	ended(what, nfexp_query(expecting, type, data));
}

static void expectations(void)
{
	const uint32_t v4 = AF_INET;
	struct nf_conntrack *master = flow(IPPROTO_TCP, "10.0.0.1", "10.0.0.2", 1000, 21);
	struct nf_conntrack *expected = tuple(IPPROTO_TCP, "10.0.0.1", "10.0.0.2", 0, 4000);
	struct nf_conntrack *mask = tuple(IPPROTO_TCP, "255.255.255.255", "255.255.255.255", 0, 0xffff);
	struct nf_expect *exp = nfexp_new();

	nfct_set_attr_u32(master, ATTR_STATUS, IPS_SEEN_REPLY | IPS_ASSURED);
	nfct_set_attr(master, ATTR_HELPER_NAME, "ftp");
	change("create a flow with a helper", NFCT_Q_CREATE, master);
	query("get it", NFCT_Q_GET, master);
	nfexp_set_attr(exp, ATTR_EXP_MASTER, master);
	nfexp_set_attr(exp, ATTR_EXP_EXPECTED, expected);
	nfexp_set_attr(exp, ATTR_EXP_MASK, mask);
	nfexp_set_attr_u32(exp, ATTR_EXP_TIMEOUT, 200);
	nfexp_set_attr(exp, ATTR_EXP_HELPER_NAME, "ftp");
	expect("create an expectation", NFCT_Q_CREATE, exp);
	ended("event", nfexp_catch(hearing_expected));
	expect("create it again", NFCT_Q_CREATE, exp);
	expect("get it", NFCT_Q_GET, exp);
	expect("dump", NFCT_Q_DUMP, &v4);
	expect("delete it", NFCT_Q_DESTROY, exp);
	ended("event", nfexp_catch(hearing_expected));
	expect("delete it again", NFCT_Q_DESTROY, exp);
	expect("create another", NFCT_Q_CREATE, exp);
	ended("event", nfexp_catch(hearing_expected));
	expect("flush", NFCT_Q_FLUSH, &v4);
	ended("event", nfexp_catch(hearing_expected));
	expect("dump", NFCT_Q_DUMP, &v4);
	change("delete its flow", NFCT_Q_DESTROY, master);
	nfexp_destroy(exp);
	nfct_destroy(master);
	nfct_destroy(expected);
	nfct_destroy(mask);
}

/* After all was heard nothing more is there. */
static void silent(const char *what, struct nfct_handle *h, int expected)
{
	fcntl(nfct_fd(h), F_SETFL, O_NONBLOCK);
	ended(what, expected ? nfexp_catch(h) : nfct_catch(h));
	nfct_close(h);
}

int main(void)
{
	struct nfct_filter *filter = nfct_filter_create();

	alarm(30);
	setvbuf(stdout, NULL, _IOLBF, 0);
	asking = open_handle(CONNTRACK, 0);
	hearing = open_handle(CONNTRACK, NFCT_ALL_CT_GROUPS);
	tcp_only = open_handle(CONNTRACK, NFCT_ALL_CT_GROUPS);
	expecting = open_handle(EXPECT, 0);
	hearing_expected = open_handle(EXPECT, NF_NETLINK_CONNTRACK_EXP_NEW | NF_NETLINK_CONNTRACK_EXP_UPDATE | NF_NETLINK_CONNTRACK_EXP_DESTROY);
	nfct_filter_add_attr_u32(filter, NFCT_FILTER_L4PROTO, IPPROTO_TCP);
	ended("filter", nfct_filter_attach(nfct_fd(tcp_only), filter));
	nfct_filter_destroy(filter);
	nfct_callback_register(asking, NFCT_T_ALL, answered, "answer");
	nfct_callback_register(hearing, NFCT_T_ALL, heard, "event");
	nfct_callback_register(tcp_only, NFCT_T_ALL, heard, "event");
	nfexp_callback_register(expecting, NFCT_T_ALL, expectation_answered, "answer");
	nfexp_callback_register(hearing_expected, NFCT_T_ALL, expectation_heard, "event");

	flows();
	ended("filter off", nfct_filter_detach(nfct_fd(tcp_only)));
	expectations();
	silent("events", hearing, 0);
	silent("events of expectations", hearing_expected, 1);
	nfct_close(tcp_only);
	nfct_close(asking);
	nfct_close(expecting);
	return 0;
}
