/* Helpers of user space through libnetfilter_cthelper: made with classes, listed, fetched, changed, deleted. Says what it gets. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include "talk.h"
#include <libnetfilter_cthelper/libnetfilter_cthelper.h>

/* The library does not read classes back. */
static void show_classes(const struct nlmsghdr *nlh)
{
	struct nlattr *top, *set, *value;

	mnl_attr_for_each(top, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(top) != NFCTH_POLICY)
			continue;
		mnl_attr_for_each_nested(set, top) {
			if (mnl_attr_get_type(set) == NFCTH_POLICY_SET_NUM) {
				printf("classes %u\n", ntohl(mnl_attr_get_u32(set)));
				continue;
			}
			printf("class %u:", mnl_attr_get_type(set) - NFCTH_POLICY_SET);
			mnl_attr_for_each_nested(value, set) {
				if (mnl_attr_get_type(value) == NFCTH_POLICY_NAME)
					printf(" name %s", mnl_attr_get_str(value));
				else
					printf(" %s %u", mnl_attr_get_type(value) == NFCTH_POLICY_EXPECT_MAX ? "max" : "timeout",
					       ntohl(mnl_attr_get_u32(value)));
			}
			printf("\n");
		}
	}
}

static int show(const struct nlmsghdr *nlh, void *data)
{
	struct nfct_helper *h = nfct_helper_alloc();
	(void)data;

	show_header(nlh);
	if (nfct_helper_nlmsg_parse_payload(nlh, h) < 0)
		printf("cannot be parsed: %s\n", strerrorname_np(errno));
	else
		printf("helper %s family %u protocol %u queue %u private %u status %u\n", nfct_helper_attr_get_str(h, NFCTH_ATTR_NAME),
		       nfct_helper_attr_get_u16(h, NFCTH_ATTR_PROTO_L3NUM), nfct_helper_attr_get_u8(h, NFCTH_ATTR_PROTO_L4NUM),
		       nfct_helper_attr_get_u32(h, NFCTH_ATTR_QUEUE_NUM), nfct_helper_attr_get_u32(h, NFCTH_ATTR_PRIV_DATA_LEN),
		       nfct_helper_attr_get_u32(h, NFCTH_ATTR_STATUS));
	show_classes(nlh);
	nfct_helper_free(h);
	return MNL_CB_OK;
}

static void command(const char *what, int type, int flags, struct nfct_helper *h)
{
	struct nlmsghdr *nlh = nfct_helper_nlmsg_build_hdr(block, type, flags, sequence++);
	if (h != NULL)
		nfct_helper_nlmsg_build_payload(nlh, h);
	ask(what, nlh, show);
	if (h != NULL)
		nfct_helper_free(h);
}

static struct nfct_helper *named(const char *name)
{
	struct nfct_helper *h = nfct_helper_alloc();
	if (name != NULL)
		nfct_helper_attr_set_str(h, NFCTH_ATTR_NAME, name);
	return h;
}

static struct nfct_helper *helper(const char *name, uint16_t l3, uint8_t l4)
{
	struct nfct_helper *h = named(name);
	nfct_helper_attr_set_u16(h, NFCTH_ATTR_PROTO_L3NUM, l3);
	nfct_helper_attr_set_u8(h, NFCTH_ATTR_PROTO_L4NUM, l4);
	return h;
}

static struct nfct_helper *with(struct nfct_helper *h, int at, const char *name, uint32_t max, uint32_t timeout)
{
	struct nfct_helper_policy *p = nfct_helper_policy_alloc();
	nfct_helper_policy_attr_set_str(p, NFCTH_ATTR_POLICY_NAME, name);
	nfct_helper_policy_attr_set_u32(p, NFCTH_ATTR_POLICY_MAX, max);
	nfct_helper_policy_attr_set_u32(p, NFCTH_ATTR_POLICY_TIMEOUT, timeout);
	nfct_helper_attr_set(h, NFCTH_ATTR_POLICY1 + at, p);
	return h;
}

static struct nfct_helper *set(struct nfct_helper *h, enum nfct_helper_attr_type type, uint32_t value)
{
	nfct_helper_attr_set_u32(h, type, value);
	return h;
}

static void list(void)
{
	command("list", NFNL_MSG_CTHELPER_GET, NLM_F_DUMP, NULL);
}

int main(void)
{
	const int make = NLM_F_CREATE | NLM_F_ACK, once = make | NLM_F_EXCL;
	struct nfct_helper *h;

	begin();
	list();
	h = set(helper("one", AF_INET, IPPROTO_TCP), NFCTH_ATTR_PRIV_DATA_LEN, 8);
	command("one class", NFNL_MSG_CTHELPER_NEW, once, with(set(h, NFCTH_ATTR_QUEUE_NUM, 3), 0, "control", 1, 300));
	command("get", NFNL_MSG_CTHELPER_GET, NLM_F_ACK, named("one"));
	command("exists, EXCL", NFNL_MSG_CTHELPER_NEW, once, with(helper("one", AF_INET, IPPROTO_TCP), 0, "control", 1, 300));
	h = set(helper("four", AF_INET6, IPPROTO_UDP), NFCTH_ATTR_PRIV_DATA_LEN, 32);
	h = with(with(with(with(h, 0, "audio", 2, 10), 1, "video", 4, 20), 2, "chat", 6, 30), 3, "file", 255, 40);
	command("four classes", NFNL_MSG_CTHELPER_NEW, once, set(h, NFCTH_ATTR_STATUS, NFCT_HELPER_STATUS_ENABLED));
	command("get", NFNL_MSG_CTHELPER_GET, NLM_F_ACK, named("four"));

	h = set(helper("one", AF_INET, IPPROTO_TCP), NFCTH_ATTR_QUEUE_NUM, 7);
	command("another queue, enabled", NFNL_MSG_CTHELPER_NEW, make, set(h, NFCTH_ATTR_STATUS, NFCT_HELPER_STATUS_ENABLED));
	command("get", NFNL_MSG_CTHELPER_GET, NLM_F_ACK, named("one"));
	command("another limit of its class", NFNL_MSG_CTHELPER_NEW, make, with(helper("one", AF_INET, IPPROTO_TCP), 0, "control", 9, 90));
	command("get", NFNL_MSG_CTHELPER_GET, NLM_F_ACK, named("one"));
	command("another name of its class", NFNL_MSG_CTHELPER_NEW, make, with(helper("one", AF_INET, IPPROTO_TCP), 0, "other", 9, 90));
	command("more classes", NFNL_MSG_CTHELPER_NEW, make, with(with(helper("one", AF_INET, IPPROTO_TCP), 0, "control", 9, 90), 1, "data", 1, 1));
	command("other private data", NFNL_MSG_CTHELPER_NEW, make, set(helper("one", AF_INET, IPPROTO_TCP), NFCTH_ATTR_PRIV_DATA_LEN, 9));
	command("disabled", NFNL_MSG_CTHELPER_NEW, make, set(helper("one", AF_INET, IPPROTO_TCP), NFCTH_ATTR_STATUS, NFCT_HELPER_STATUS_DISABLED));
	command("get by what it is for", NFNL_MSG_CTHELPER_GET, NLM_F_ACK, helper(NULL, AF_INET, IPPROTO_TCP));

	h = set(helper("wide", AF_INET, IPPROTO_UDP), NFCTH_ATTR_PRIV_DATA_LEN, 33);
	command("too much private data", NFNL_MSG_CTHELPER_NEW, once, with(h, 0, "control", 1, 300));
	h = set(helper("many", AF_INET, IPPROTO_UDP), NFCTH_ATTR_PRIV_DATA_LEN, 0);
	command("a class of too many", NFNL_MSG_CTHELPER_NEW, once, with(h, 0, "control", 256, 300));
	command("no class", NFNL_MSG_CTHELPER_NEW, once, set(helper("none", AF_INET, IPPROTO_UDP), NFCTH_ATTR_PRIV_DATA_LEN, 0));
	command("no private data", NFNL_MSG_CTHELPER_NEW, once, with(helper("none", AF_INET, IPPROTO_UDP), 0, "control", 1, 300));
	command("for nobody", NFNL_MSG_CTHELPER_NEW, once, with(named("none"), 0, "control", 1, 300));
	command("get an unknown one", NFNL_MSG_CTHELPER_GET, NLM_F_ACK, named("nosuch"));

	list();
	command("delete an unknown one", NFNL_MSG_CTHELPER_DEL, NLM_F_ACK, named("nosuch"));
	command("delete under a wrong protocol", NFNL_MSG_CTHELPER_DEL, NLM_F_ACK, helper("one", AF_INET, IPPROTO_UDP));
	command("delete", NFNL_MSG_CTHELPER_DEL, NLM_F_ACK, helper("one", AF_INET, IPPROTO_TCP));
	list();
	command("delete all", NFNL_MSG_CTHELPER_DEL, NLM_F_ACK, NULL);
	list();
	mnl_socket_close(nl);
	return 0;
}
