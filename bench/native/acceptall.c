/*
 * The yardstick: accepts every packet of one queue and nothing else. recvmmsg, small copy range, and either
 * all verdicts of a batch in one message (--verdicts 256), one per send (--verdicts 1), or one
 * NFQNL_MSG_VERDICT_BATCH per batch (--verdicts 0). Says "ready" when bound; SIGTERM ends it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

#define ROWS 256
#define SLOT_BYTES (4096 + 128)
#define RCVBUF_BYTES (64 << 20)

/* One plain verdict: 16 + 4 + 4 + 8 = 32 bytes, no padding. */
struct verdict {
	struct nlmsghdr header;
	struct nfgenmsg family;
	struct nlattr attribute;
	struct nfqnl_msg_verdict_hdr body;
};

struct config {
	struct nlmsghdr header;
	struct nfgenmsg family;
	uint8_t attributes[64];
};

static uint8_t slab[ROWS][SLOT_BYTES];
static struct verdict verdicts[ROWS];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void put(struct config *c, uint16_t type, const void *value, uint16_t length)
{
	struct nlattr a = {(uint16_t)(NLA_HDRLEN + length), type};
	memcpy((uint8_t *)c + c->header.nlmsg_len, &a, sizeof(a));
	memcpy((uint8_t *)c + c->header.nlmsg_len + NLA_HDRLEN, value, length);
	c->header.nlmsg_len += NLA_ALIGN(a.nla_len);
}

/* Sends one configuration message and waits for its acknowledgement. */
static void configure(int fd, struct config *c)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		uint8_t rest[256];
	} reply;
	if (send(fd, c, c->header.nlmsg_len, 0) < 0)
		fail("send configuration");
	if (recv(fd, &reply, sizeof(reply), 0) < 0)
		fail("receive acknowledgement");
	if (reply.header.nlmsg_type != NLMSG_ERROR || reply.error.error) {
		errno = -reply.error.error;
		fail("configure the queue");
	}
}

static struct config message(uint16_t queue)
{
	struct config c;
	memset(&c, 0, sizeof(c));
	c.header.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg));
	c.header.nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG;
	c.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	c.family.res_id = htons(queue);
	return c;
}

static void bind_queue(int fd, uint16_t queue, uint32_t copy_bytes, uint32_t length, int gso)
{
	struct nfqnl_msg_config_cmd command = {.command = NFQNL_CFG_CMD_BIND};
	struct nfqnl_msg_config_params params = {htonl(copy_bytes), NFQNL_COPY_PACKET};
	struct config c = message(queue);
	length = htonl(length);
	put(&c, NFQA_CFG_CMD, &command, sizeof(command));
	put(&c, NFQA_CFG_PARAMS, &params, sizeof(params));
	put(&c, NFQA_CFG_QUEUE_MAXLEN, &length, sizeof(length));
	configure(fd, &c);
	if (gso) {
		uint32_t flags = htonl(NFQA_CFG_F_GSO);
		c = message(queue);
		put(&c, NFQA_CFG_FLAGS, &flags, sizeof(flags));
		put(&c, NFQA_CFG_MASK, &flags, sizeof(flags));
		configure(fd, &c);
	}
}

static int open_netlink(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), on = 1, rcvbuf = RCVBUF_BYTES;
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	if (fd < 0 || connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		fail("netlink socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf)) < 0)
		fail("SO_RCVBUFFORCE");
	if (setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on)) < 0)
		fail("NETLINK_NO_ENOBUFS");
	return fd;
}

/* In network order, as the verdict needs it. 0 for other messages (an error reply: the packet is gone). */
static uint32_t packet_id(const uint8_t *bytes, unsigned length)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)bytes;
	unsigned at = NLMSG_LENGTH(sizeof(struct nfgenmsg));
	if (length < at || header->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
		return 0;
	while (at + NLA_HDRLEN <= length) {
		const struct nlattr *a = (const struct nlattr *)(bytes + at);
		if (a->nla_len < NLA_HDRLEN || at + a->nla_len > length)
			return 0;
		if ((a->nla_type & NLA_TYPE_MASK) == NFQA_PACKET_HDR)
			return ((const struct nfqnl_msg_packet_hdr *)(a + 1))->packet_id;
		at += NLA_ALIGN(a->nla_len);
	}
	return 0;
}

static void send_all(int fd, const void *bytes, size_t length)
{
	if (send(fd, bytes, length, 0) < 0 && errno != EINTR)
		fail("send verdicts");
}

static void accept_rows(int fd, struct mmsghdr *messages, int rows, int per_send)
{
	int count = 0;
	for (int i = 0; i < rows; i++) {
		uint32_t id = packet_id(slab[i], messages[i].msg_len);
		if (id)
			verdicts[count++].body.id = id;
	}
	if (!count)
		return;
	if (per_send == 0) { /* everything up to the newest */
		struct verdict all = verdicts[count - 1];
		all.header.nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT_BATCH;
		send_all(fd, &all, sizeof(all));
		return;
	}
	for (int i = 0; i < count; i += per_send) {
		int n = count - i < per_send ? count - i : per_send;
		send_all(fd, &verdicts[i], (size_t)n * sizeof(struct verdict));
	}
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{"queue", 1, 0, 'q'}, {"verdicts", 1, 0, 'v'}, {"length", 1, 0, 'l'},
		{"copy", 1, 0, 'c'},  {"gso", 0, 0, 'g'},      {0, 0, 0, 0},
	};
	int queue = -1, per_send = ROWS, gso = 0;
	uint32_t length = 65536, copy_bytes = 128;
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		switch (c) {
		case 'q': queue = atoi(optarg); break;
		case 'v': per_send = atoi(optarg); break;
		case 'l': length = (uint32_t)atoi(optarg); break;
		case 'c': copy_bytes = (uint32_t)atoi(optarg); break;
		case 'g': gso = 1; break;
		default: return 2;
		}
	}
	if (queue < 0 || queue > 65535 || per_send < 0 || per_send > ROWS)
		return 2;
	int fd = open_netlink();
	bind_queue(fd, (uint16_t)queue, copy_bytes, length, gso);
	struct mmsghdr messages[ROWS];
	struct iovec iov[ROWS];
	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < ROWS; i++) {
		iov[i] = (struct iovec){slab[i], SLOT_BYTES};
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		verdicts[i] = (struct verdict){
			{sizeof(struct verdict), NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT, NLM_F_REQUEST, 0, 0},
			{AF_UNSPEC, NFNETLINK_V0, htons((uint16_t)queue)},
			{NLA_HDRLEN + sizeof(struct nfqnl_msg_verdict_hdr), NFQA_VERDICT_HDR},
			{htonl(NF_ACCEPT), 0},
		};
	}
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		int rows = recvmmsg(fd, messages, ROWS, MSG_WAITFORONE, NULL);
		if (rows < 0) {
			if (errno == EINTR || errno == ENOBUFS)
				continue;
			fail("recvmmsg");
		}
		accept_rows(fd, messages, rows, per_send);
	}
}
