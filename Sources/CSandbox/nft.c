/* One nftables batch by raw netlink (linux/netfilter/nf_tables.h): in an inet table, a prerouting chain sends every
   TCP segment that is not for the agent's own loopback to the gateway's transparent listener.

       nfproto ipv4 ip daddr 127.0.0.0/8 return
       nfproto ipv6 ip6 daddr ::1 return
       meta l4proto tcp tproxy to :PORT accept

   Exactly one batch is sent in the life of a network namespace: a second one makes close(2) wait for a grace period. */
#define _GNU_SOURCE
#include "launch.h"
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct batch {
    char bytes[4096];
    size_t used;
    uint32_t sequence;
};

static size_t begin_message(struct batch *batch, uint16_t type, uint16_t flags, uint8_t family, uint16_t resource) {
    size_t at = batch->used;
    struct nlmsghdr *header = (void *)(batch->bytes + at);
    struct nfgenmsg *generic = (void *)(batch->bytes + at + NLMSG_HDRLEN);
    *header = (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = batch->sequence++};
    *generic = (struct nfgenmsg){.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)};
    batch->used += NLMSG_HDRLEN + NLMSG_ALIGN(sizeof *generic);
    return at;
}

static void end_message(struct batch *batch, size_t at) {
    ((struct nlmsghdr *)(void *)(batch->bytes + at))->nlmsg_len = (uint32_t)(batch->used - at);
}

static void put(struct batch *batch, uint16_t type, const void *data, size_t size) {
    struct nlattr header = {.nla_len = (uint16_t)(NLA_HDRLEN + size), .nla_type = type};
    memcpy(batch->bytes + batch->used, &header, sizeof header);
    memcpy(batch->bytes + batch->used + NLA_HDRLEN, data, size);
    batch->used += NLA_ALIGN(NLA_HDRLEN + size);
}

static void put_text(struct batch *batch, uint16_t type, const char *text) { put(batch, type, text, strlen(text) + 1); }

static void put_number(struct batch *batch, uint16_t type, uint32_t value) {
    uint32_t wire = htonl(value);
    put(batch, type, &wire, sizeof wire);
}

static size_t begin_nest(struct batch *batch, uint16_t type) {
    size_t at = batch->used;
    struct nlattr header = {.nla_type = type | NLA_F_NESTED};
    memcpy(batch->bytes + at, &header, sizeof header);
    batch->used += NLA_HDRLEN;
    return at;
}

static void end_nest(struct batch *batch, size_t at) {
    ((struct nlattr *)(void *)(batch->bytes + at))->nla_len = (uint16_t)(batch->used - at);
}

struct expression {
    size_t element, data;
};

static struct expression begin_expression(struct batch *batch, const char *name) {
    struct expression result = {.element = begin_nest(batch, NFTA_LIST_ELEM)};
    put_text(batch, NFTA_EXPR_NAME, name);
    result.data = begin_nest(batch, NFTA_EXPR_DATA);
    return result;
}

static void end_expression(struct batch *batch, struct expression expression) {
    end_nest(batch, expression.data);
    end_nest(batch, expression.element);
}

static void put_value(struct batch *batch, uint16_t type, const void *value, size_t size) {
    size_t nest = begin_nest(batch, type);
    put(batch, NFTA_DATA_VALUE, value, size);
    end_nest(batch, nest);
}

static void load_meta(struct batch *batch, uint32_t key) {
    struct expression meta = begin_expression(batch, "meta");
    put_number(batch, NFTA_META_KEY, key);
    put_number(batch, NFTA_META_DREG, NFT_REG_1);
    end_expression(batch, meta);
}

static void load_destination(struct batch *batch, uint32_t offset, uint32_t size) {
    struct expression payload = begin_expression(batch, "payload");
    put_number(batch, NFTA_PAYLOAD_DREG, NFT_REG_1);
    put_number(batch, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
    put_number(batch, NFTA_PAYLOAD_OFFSET, offset);
    put_number(batch, NFTA_PAYLOAD_LEN, size);
    end_expression(batch, payload);
}

static void compare(struct batch *batch, const void *value, size_t size) {
    struct expression cmp = begin_expression(batch, "cmp");
    put_number(batch, NFTA_CMP_SREG, NFT_REG_1);
    put_number(batch, NFTA_CMP_OP, NFT_CMP_EQ);
    put_value(batch, NFTA_CMP_DATA, value, size);
    end_expression(batch, cmp);
}

static void verdict(struct batch *batch, int32_t code) {
    struct expression immediate = begin_expression(batch, "immediate");
    put_number(batch, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    size_t data = begin_nest(batch, NFTA_IMMEDIATE_DATA);
    size_t inner = begin_nest(batch, NFTA_DATA_VERDICT);
    put_number(batch, NFTA_VERDICT_CODE, (uint32_t)code);
    end_nest(batch, inner);
    end_nest(batch, data);
    end_expression(batch, immediate);
}

static void to_port(struct batch *batch, uint16_t port) {
    uint16_t wire = htons(port);
    struct expression immediate = begin_expression(batch, "immediate");
    put_number(batch, NFTA_IMMEDIATE_DREG, NFT_REG_1);
    put_value(batch, NFTA_IMMEDIATE_DATA, &wire, sizeof wire);
    end_expression(batch, immediate);
    struct expression tproxy = begin_expression(batch, "tproxy");
    put_number(batch, NFTA_TPROXY_FAMILY, NFPROTO_UNSPEC);
    put_number(batch, NFTA_TPROXY_REG_PORT, NFT_REG_1);
    end_expression(batch, tproxy);
}

struct rule {
    size_t message, expressions;
};

static struct rule begin_rule(struct batch *batch) {
    struct rule rule = {
        .message = begin_message(
            batch, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFPROTO_INET, 0)};
    put_text(batch, NFTA_RULE_TABLE, "bailey");
    put_text(batch, NFTA_RULE_CHAIN, "capture");
    rule.expressions = begin_nest(batch, NFTA_RULE_EXPRESSIONS);
    return rule;
}

static void end_rule(struct batch *batch, struct rule rule) {
    end_nest(batch, rule.expressions);
    end_message(batch, rule.message);
}

/* `return` for the agent's own loopback, so that its own servers stay its own. */
static void leave_loopback(struct batch *batch) {
    uint8_t v4 = NFPROTO_IPV4, v6 = NFPROTO_IPV6, network = 127, loopback[16] = {[15] = 1};
    struct rule rule = begin_rule(batch);
    load_meta(batch, NFT_META_NFPROTO);
    compare(batch, &v4, sizeof v4);
    load_destination(batch, 16, 1);
    compare(batch, &network, sizeof network);
    verdict(batch, NFT_RETURN);
    end_rule(batch, rule);
    rule = begin_rule(batch);
    load_meta(batch, NFT_META_NFPROTO);
    compare(batch, &v6, sizeof v6);
    load_destination(batch, 24, 16);
    compare(batch, loopback, sizeof loopback);
    verdict(batch, NFT_RETURN);
    end_rule(batch, rule);
}

static void capture_tcp(struct batch *batch, uint16_t port) {
    uint8_t tcp = IPPROTO_TCP;
    struct rule rule = begin_rule(batch);
    load_meta(batch, NFT_META_L4PROTO);
    compare(batch, &tcp, sizeof tcp);
    to_port(batch, port);
    verdict(batch, NF_ACCEPT);
    end_rule(batch, rule);
}

static void make_chain(struct batch *batch) {
    size_t at = begin_message(batch, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE, NLM_F_CREATE, NFPROTO_INET, 0);
    put_text(batch, NFTA_TABLE_NAME, "bailey");
    end_message(batch, at);
    at = begin_message(batch, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFPROTO_INET, 0);
    put_text(batch, NFTA_CHAIN_TABLE, "bailey");
    put_text(batch, NFTA_CHAIN_NAME, "capture");
    size_t hook = begin_nest(batch, NFTA_CHAIN_HOOK);
    put_number(batch, NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
    put_number(batch, NFTA_HOOK_PRIORITY, (uint32_t)-150);
    end_nest(batch, hook);
    put_text(batch, NFTA_CHAIN_TYPE, "filter");
    end_message(batch, at);
}

/* The kernel's first complaint about what was sent; -ETIMEDOUT when it says nothing at all. */
static int answer(int netlink, uint32_t last) {
    /* The kernel may have to load modules first, which took more than 2 s in an emulated machine; a launch has 10 s in
       all. */
    struct timeval bound = {.tv_sec = 8};
    if (setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound) < 0) return -errno;
    for (;;) {
        char bytes[8192];
        ssize_t size = recv(netlink, bytes, sizeof bytes, 0);
        if (size < 0) return errno == EAGAIN ? -ETIMEDOUT : -errno;
        for (struct nlmsghdr *header = (void *)bytes; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
            if (header->nlmsg_type != NLMSG_ERROR) continue;
            int error = ((struct nlmsgerr *)NLMSG_DATA(header))->error;
            if (error || header->nlmsg_seq == last) return error;
        }
    }
}

int csb_nft_capture(uint16_t port) {
    struct batch batch = {.sequence = 1};
    size_t at = begin_message(&batch, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    end_message(&batch, at);
    make_chain(&batch);
    leave_loopback(&batch);
    uint32_t last = batch.sequence;
    capture_tcp(&batch, port);
    /* Only the last rule asks for an answer: errors of the others come unasked. */
    struct nlmsghdr *header = (void *)batch.bytes;
    for (size_t offset = 0; offset < batch.used; offset += NLMSG_ALIGN(header->nlmsg_len)) {
        header = (void *)(batch.bytes + offset);
        if (header->nlmsg_seq == last) header->nlmsg_flags |= NLM_F_ACK;
    }
    at = begin_message(&batch, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    end_message(&batch, at);
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (netlink < 0) return -errno;
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t sent = sendto(netlink, batch.bytes, batch.used, 0, (void *)&kernel, sizeof kernel);
    int status = sent < 0 ? -errno : answer(netlink, last);
    close(netlink);
    return status;
}
