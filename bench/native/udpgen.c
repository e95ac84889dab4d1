/*
 * UDP generator: many flows (source ports, source addresses, destination ports), by turns or at random, at a
 * given rate or as fast as possible, IPv4 or IPv6. Builds whole packets for a raw socket, so one sendmmsg
 * carries packets of many flows and no socket per flow is needed. Prints one line of JSON: what the kernel
 * took.
 */
#define _GNU_SOURCE
#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define BURST_MAX 64
#define PACKET_MAX 9216

struct options {
	struct sockaddr_storage to;
	struct sockaddr_storage from;
	uint16_t port, first_source_port;
	uint32_t flows, hosts, ports, burst, gather, length;
	uint64_t first; /* by turns: the flow of the first packet */
	uint32_t seed;  /* not 0: flows are drawn */
	uint8_t tos;
	double rate_bits_per_sec; /* of IP bytes; 0: as fast as possible */
	double seconds;
	uint64_t count;
};

static uint8_t packets[BURST_MAX][PACKET_MAX];
static uint64_t sequence[FLOWS_MAX];

static uint32_t sum16(const void *bytes, size_t length, uint32_t sum)
{
	const uint8_t *b = bytes;
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Adds n to the last 32 bits of an address. */
static void add_to_tail(uint8_t *tail, uint32_t n)
{
	uint32_t word;
	memcpy(&word, tail, 4);
	word = htonl(ntohl(word) + n);
	memcpy(tail, &word, 4);
}

/* Of packet n. Drawn ones (splitmix64 of seed and n) are the same for the same seed. */
static uint32_t flow_of(const struct options *o, uint64_t n)
{
	if (!o->seed)
		return (uint32_t)((o->first + n) % o->flows);
	uint64_t x = ((uint64_t)o->seed << 32 ^ n) * 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)((x >> 32) * o->flows >> 32);
}

static void write_packet(uint8_t *packet, const struct options *o, uint32_t flow)
{
	int v6 = o->to.ss_family == AF_INET6;
	size_t ip_bytes = v6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);
	struct udphdr *udp = (struct udphdr *)(packet + ip_bytes);
	uint16_t udp_bytes = (uint16_t)(o->length - ip_bytes);
	uint32_t sum = IPPROTO_UDP + udp_bytes;

	if (v6) {
		struct ip6_hdr *ip = (struct ip6_hdr *)packet;
		ip->ip6_flow = htonl(6u << 28 | (uint32_t)o->tos << 20);
		ip->ip6_plen = htons(udp_bytes);
		ip->ip6_nxt = IPPROTO_UDP;
		ip->ip6_hlim = 64;
		ip->ip6_src = ((const struct sockaddr_in6 *)&o->from)->sin6_addr;
		ip->ip6_dst = ((const struct sockaddr_in6 *)&o->to)->sin6_addr;
		add_to_tail((uint8_t *)&ip->ip6_src + 12, flow % o->hosts);
		sum = sum16(&ip->ip6_src, 32, sum);
	} else {
		struct iphdr *ip = (struct iphdr *)packet;
		ip->version = 4;
		ip->ihl = 5;
		ip->tos = o->tos;
		ip->tot_len = htons((uint16_t)o->length);
		ip->id = 0; /* the kernel fills in the identification and the header checksum */
		ip->frag_off = 0;
		ip->ttl = 64;
		ip->protocol = IPPROTO_UDP;
		ip->check = 0;
		ip->saddr = ((const struct sockaddr_in *)&o->from)->sin_addr.s_addr;
		ip->daddr = ((const struct sockaddr_in *)&o->to)->sin_addr.s_addr;
		add_to_tail((uint8_t *)&ip->saddr, flow % o->hosts);
		sum = sum16(&ip->saddr, 8, sum);
	}
	udp->source = htons((uint16_t)(o->first_source_port + flow));
	udp->dest = htons((uint16_t)(o->port + flow % o->ports));
	udp->len = htons(udp_bytes);
	udp->check = 0;
	struct stamp stamp = {UDP_MAGIC, flow, sequence[flow]++, clock_ns(CLOCK_MONOTONIC)};
	memcpy(udp + 1, &stamp, sizeof(stamp));
	/* The rest of the payload stays zero and adds nothing to the sum. */
	uint16_t check = fold(sum16(udp, sizeof(*udp) + sizeof(stamp), sum));
	udp->check = htons(check ? check : 0xffff);
}

static void parse_address(const char *text, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		out->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		out->ss_family = AF_INET6;
	else {
		fprintf(stderr, "not an address: %s\n", text);
		exit(2);
	}
}

/* The address the kernel would send from. */
static void choose_source(struct options *o)
{
	socklen_t length = sizeof(o->from);
	struct sockaddr_storage to = o->to;
	((struct sockaddr_in *)&to)->sin_port = htons(9); /* the port sits at the same place in both families */
	int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&o->from, &length) < 0)
		die("choose a source address");
}

static int usage(void)
{
	fprintf(stderr, "udpgen --to ADDRESS --port N [--from ADDRESS] [--source-port N] [--flows N] [--hosts N] [--ports N]\n"
			"       [--first FLOW] [--random SEED] [--length IP-BYTES] [--rate BITS-PER-SECOND] [--count N]\n"
			"       [--seconds S] [--burst N] [--gather N] [--tos N]\n");
	exit(2);
}

static struct options parse_options(int argc, char **argv)
{
	static const struct option names[] = {
		{"to", 1, 0, 't'},      {"from", 1, 0, 'f'},   {"port", 1, 0, 'p'},    {"source-port", 1, 0, 's'},
		{"flows", 1, 0, 'n'},   {"hosts", 1, 0, 'h'},  {"length", 1, 0, 'l'},  {"rate", 1, 0, 'r'},
		{"count", 1, 0, 'c'},   {"seconds", 1, 0, 'd'}, {"burst", 1, 0, 'b'}, {"gather", 1, 0, 'g'},  {"tos", 1, 0, 'q'},
		{"ports", 1, 0, 'm'}, {"first", 1, 0, 'i'}, {"random", 1, 0, 'x'}, {0, 0, 0, 0},
	};
	struct options o = {.first_source_port = 10000, .flows = 1, .hosts = 1, .ports = 1};
	o.burst = BURST_MAX;
	o.gather = 1;
	o.length = 300;
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		switch (c) {
		case 't': parse_address(optarg, &o.to); break;
		case 'f': parse_address(optarg, &o.from); break;
		case 'p': o.port = (uint16_t)atoi(optarg); break;
		case 's': o.first_source_port = (uint16_t)atoi(optarg); break;
		case 'n': o.flows = (uint32_t)atoi(optarg); break;
		case 'h': o.hosts = (uint32_t)atoi(optarg); break;
		case 'm': o.ports = (uint32_t)atoi(optarg); break;
		case 'i': o.first = strtoull(optarg, NULL, 10); break;
		case 'x': o.seed = (uint32_t)atoi(optarg); break;
		case 'l': o.length = (uint32_t)atoi(optarg); break;
		case 'r': o.rate_bits_per_sec = atof(optarg); break;
		case 'c': o.count = strtoull(optarg, NULL, 10); break;
		case 'd': o.seconds = atof(optarg); break;
		case 'b': o.burst = (uint32_t)atoi(optarg); break;
		case 'g': o.gather = (uint32_t)atoi(optarg); break;
		case 'q': o.tos = (uint8_t)strtol(optarg, NULL, 0); break;
		default: usage();
		}
	}
	uint32_t shortest = (o.to.ss_family == AF_INET6 ? 48 : 28) + (uint32_t)sizeof(struct stamp);
	if (!o.to.ss_family || !o.port || !o.flows || o.flows > FLOWS_MAX || !o.hosts || !o.ports ||
	    o.port + o.ports > 65536 || !o.burst || o.burst > BURST_MAX || !o.gather || o.gather > o.burst || o.length < shortest ||
	    o.length > PACKET_MAX || (!o.count && !(o.seconds > 0)))
		usage();
	if (!o.from.ss_family)
		choose_source(&o);
	if (!o.count)
		o.count = UINT64_MAX;
	return o;
}

static int open_raw(const struct options *o)
{
	int fd = socket(o->to.ss_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW); /* implies: the header is ours */
	int sndbuf = 4 << 20;
	if (fd < 0)
		die("raw socket");
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &sndbuf, sizeof(sndbuf));
	return fd;
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000ull), (long)(ns % 1000000000ull)};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

int main(int argc, char **argv)
{
	struct options o = parse_options(argc, argv);
	int fd = open_raw(&o);
	struct mmsghdr messages[BURST_MAX];
	struct iovec iov[BURST_MAX];
	memset(messages, 0, sizeof(messages));
	for (uint32_t i = 0; i < BURST_MAX; i++) {
		iov[i] = (struct iovec){packets[i], o.length};
		messages[i].msg_hdr = (struct msghdr){.msg_name = &o.to, .msg_iov = &iov[i], .msg_iovlen = 1};
		messages[i].msg_hdr.msg_namelen =
			o.to.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	}
	prctl(PR_SET_TIMERSLACK, 1);

	double gap_ns = o.rate_bits_per_sec > 0 ? o.length * 8e9 / o.rate_bits_per_sec : 0;
	uint64_t start = clock_ns(CLOCK_MONOTONIC), now = start, n = 0, taken = 0, refused = 0;
	uint64_t end = o.seconds > 0 ? start + (uint64_t)(o.seconds * 1e9) : UINT64_MAX;
	while (n < o.count && (now = clock_ns(CLOCK_MONOTONIC)) < end) {
		uint64_t want = o.burst;
		if (gap_ns > 0) {
			uint64_t due = (uint64_t)((double)(now - start) / gap_ns) + 1; /* packet k is due at k * gap */
			if (due < n + o.gather) {
				uint64_t next = start + (uint64_t)((double)(n + o.gather - 1) * gap_ns) + 1;
				sleep_until(next < end ? next : end);
				continue;
			}
			if (due - n < want)
				want = due - n;
		}
		if (o.count - n < want)
			want = o.count - n;
		for (uint64_t i = 0; i < want; i++)
			write_packet(packets[i], &o, flow_of(&o, n + i));
		for (uint64_t i = 0; i < want;) {
			int sent = sendmmsg(fd, messages + i, (unsigned)(want - i), 0);
			if (sent > 0) {
				taken += (uint64_t)sent;
				i += (uint64_t)sent;
			} else if (errno == ENOBUFS || errno == EPERM || errno == EAGAIN) {
				refused++; /* this one is lost at the sender, the next may pass */
				i++;
			} else if (errno != EINTR) {
				die("sendmmsg");
			}
		}
		n += want;
	}
	now = clock_ns(CLOCK_MONOTONIC);
	printf("{\"packets\":%llu,\"bytes\":%llu,\"refused\":%llu,\"flows\":%u,\"firstNs\":%llu,\"lastNs\":%llu}\n",
	       (unsigned long long)taken, (unsigned long long)(taken * o.length), (unsigned long long)refused, o.flows,
	       (unsigned long long)start, (unsigned long long)now);
	return 0;
}
