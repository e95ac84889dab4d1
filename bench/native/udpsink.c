/*
 * UDP sink for udpgen: counts per flow what arrives, in which order and how late. Says "listening", then
 * prints one line of JSON when told to stop (SIGTERM, SIGINT) or after --count packets. Once it is told that
 * the sender has ended (SIGUSR1), it also stops when idle after the first packet, or when nothing came at
 * all: before, a sender may stand still as long as the machine is busy. With --hold it never reads: a
 * receiver that costs nothing.
 *
 * Arrival times are the kernel's (SO_TIMESTAMPNS) moved to CLOCK_MONOTONIC, so that they do not depend on
 * when this process is scheduled. Lateness (--interval-ns): packets of a paced stream are due one interval
 * apart; each is as late as it lags behind the earliest such grid any packet kept.
 */
#define _GNU_SOURCE
#include "udp.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROWS 64
#define CONTROL_BYTES 128

struct flow {
	uint64_t packets, bytes, reordered, next, first_ns, last_ns;
};

struct samples {
	uint64_t *ns;
	size_t count, room;
};

static struct flow flows[FLOWS_MAX];
static struct samples delays, arrivals;
static uint64_t packets_total, bytes_total, foreign, first_ns, last_ns;
static uint32_t flows_seen;
static volatile sig_atomic_t stopped, sent;

static void on_signal(int signal_number)
{
	if (signal_number == SIGUSR1)
		sent = 1;
	else
		stopped = 1;
}

static void keep(struct samples *s, uint64_t value)
{
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 65536;
		s->ns = realloc(s->ns, s->room * sizeof(*s->ns));
		if (!s->ns)
			die("samples");
	}
	s->ns[s->count++] = value;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void print_percentiles(const char *name, struct samples *s)
{
	if (!s->count)
		return;
	qsort(s->ns, s->count, sizeof(*s->ns), compare);
	printf(",\"%s\":{\"min\":%llu,\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,\"max\":%llu}", name,
	       (unsigned long long)s->ns[0], (unsigned long long)s->ns[s->count / 2],
	       (unsigned long long)s->ns[s->count * 9 / 10], (unsigned long long)s->ns[s->count * 99 / 100],
	       (unsigned long long)s->ns[s->count - 1]);
}

static void account(const uint8_t *payload, size_t length, size_t headers, uint64_t arrived_ns)
{
	struct stamp stamp;
	if (length < sizeof(stamp))
		goto unknown;
	memcpy(&stamp, payload, sizeof(stamp));
	if (stamp.magic != UDP_MAGIC || stamp.flow >= FLOWS_MAX)
		goto unknown;
	struct flow *f = &flows[stamp.flow];
	if (stamp.flow >= flows_seen)
		flows_seen = stamp.flow + 1;
	if (!f->packets++)
		f->first_ns = arrived_ns;
	f->last_ns = arrived_ns;
	f->bytes += length + headers;
	if (stamp.sequence < f->next)
		f->reordered++;
	else
		f->next = stamp.sequence + 1;
	if (!packets_total++)
		first_ns = arrived_ns;
	last_ns = arrived_ns;
	bytes_total += length + headers;
	keep(&delays, arrived_ns > stamp.sent_ns ? arrived_ns - stamp.sent_ns : 0);
	keep(&arrivals, arrived_ns);
	return;
unknown:
	foreign++;
}

static uint64_t kernel_time(struct msghdr *message, uint64_t realtime_minus_monotonic)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec t;
			memcpy(&t, CMSG_DATA(c), sizeof(t));
			return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec - realtime_minus_monotonic;
		}
	}
	return clock_ns(CLOCK_MONOTONIC);
}

static int open_socket(uint16_t port, int hold)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), off = 0, on = 1, rcvbuf = hold ? 4096 : 128 << 20;
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	if (fd < 0)
		die("socket");
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
		die("accept IPv4 too");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	if (!hold && setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0)
		die("timestamps");
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		die("bind");
	return fd;
}

/* One round of recvmmsg; returns false on a fatal error. */
static int receive(int fd, uint64_t offset)
{
	static uint8_t payload[ROWS][2048], control[ROWS][CONTROL_BYTES];
	static struct sockaddr_in6 from[ROWS];
	struct iovec iov[ROWS];
	struct mmsghdr messages[ROWS];
	for (int i = 0; i < ROWS; i++) {
		iov[i] = (struct iovec){payload[i], sizeof(payload[i])};
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &from[i], .msg_namelen = sizeof(from[i]),
			.msg_iov = &iov[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = CONTROL_BYTES}};
	}
	int rows = recvmmsg(fd, messages, ROWS, MSG_DONTWAIT | MSG_TRUNC, NULL);
	if (rows < 0)
		return errno == EAGAIN || errno == EINTR;
	for (int i = 0; i < rows; i++) {
		size_t headers = IN6_IS_ADDR_V4MAPPED(&from[i].sin6_addr) ? 28 : 48;
		account(payload[i], messages[i].msg_len, headers, kernel_time(&messages[i].msg_hdr, offset));
	}
	return 1;
}

/* Turns arrival times into lags behind the earliest grid of that interval (signed on the way). */
static void to_lateness(double interval_ns)
{
	uint64_t start = arrivals.count ? arrivals.ns[0] : 0;
	int64_t earliest = INT64_MAX;
	for (size_t k = 0; k < arrivals.count; k++) {
		int64_t lag = (int64_t)(arrivals.ns[k] - start) - (int64_t)((double)k * interval_ns);
		if (lag < earliest)
			earliest = lag;
		arrivals.ns[k] = (uint64_t)lag;
	}
	for (size_t k = 0; k < arrivals.count; k++)
		arrivals.ns[k] = (uint64_t)((int64_t)arrivals.ns[k] - earliest);
}

static void report(int per_flow, double interval_ns)
{
	uint64_t reordered = 0, lost = 0;
	uint32_t live = 0;
	for (uint32_t f = 0; f < flows_seen; f++) {
		reordered += flows[f].reordered;
		lost += flows[f].next > flows[f].packets ? flows[f].next - flows[f].packets : 0;
		live += flows[f].packets > 0;
	}
	printf("{\"packets\":%llu,\"bytes\":%llu,\"foreign\":%llu,\"firstNs\":%llu,\"lastNs\":%llu,\"flowCount\":%u,"
	       "\"reordered\":%llu,\"lost\":%llu",
	       (unsigned long long)packets_total, (unsigned long long)bytes_total, (unsigned long long)foreign,
	       (unsigned long long)first_ns, (unsigned long long)last_ns, live, (unsigned long long)reordered,
	       (unsigned long long)lost);
	print_percentiles("delayNs", &delays);
	if (interval_ns > 0) {
		to_lateness(interval_ns);
		print_percentiles("latenessNs", &arrivals);
	}
	if (per_flow) {
		printf(",\"flows\":[");
		const char *comma = "";
		for (uint32_t f = 0; f < flows_seen; f++) {
			if (!flows[f].packets)
				continue;
			printf("%s{\"flow\":%u,\"packets\":%llu,\"bytes\":%llu,\"reordered\":%llu,\"firstNs\":%llu,\"lastNs\":%llu}",
			       comma, f, (unsigned long long)flows[f].packets, (unsigned long long)flows[f].bytes,
			       (unsigned long long)flows[f].reordered, (unsigned long long)flows[f].first_ns,
			       (unsigned long long)flows[f].last_ns);
			comma = ",";
		}
		printf("]");
	}
	printf("}\n");
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{"port", 1, 0, 'p'},  {"count", 1, 0, 'c'},    {"idle-ms", 1, 0, 'i'},     {"wait-ms", 1, 0, 'w'},
		{"hold", 0, 0, 'h'},  {"per-flow", 0, 0, 'f'}, {"interval-ns", 1, 0, 'n'}, {0, 0, 0, 0},
	};
	uint16_t port = 0;
	uint64_t count = UINT64_MAX;
	int idle_ms = 500, wait_ms = 10000, hold = 0, per_flow = 0;
	double interval_ns = 0;
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		switch (c) {
		case 'p': port = (uint16_t)atoi(optarg); break;
		case 'c': count = strtoull(optarg, NULL, 10); break;
		case 'i': idle_ms = atoi(optarg); break;
		case 'w': wait_ms = atoi(optarg); break;
		case 'h': hold = 1; break;
		case 'f': per_flow = 1; break;
		case 'n': interval_ns = atof(optarg); break;
		default: return 2;
		}
	}
	if (!port)
		return 2;
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t ours, none;
	sigemptyset(&none);
	sigemptyset(&ours);
	for (const int *s = (const int[]){SIGTERM, SIGINT, SIGUSR1, 0}; *s; s++) {
		sigaddset(&ours, *s);
		sigaction(*s, &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &ours, NULL);
	int fd = open_socket(port, hold);
	uint64_t offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	printf("listening\n");
	fflush(stdout);
	while (!stopped && packets_total < count) {
		struct pollfd wait = {.fd = hold ? -1 : fd, .events = POLLIN};
		int ms = packets_total ? idle_ms : wait_ms;
		struct timespec limit = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
		/* Signals come here only, so that none comes between the look at the flags and the wait. */
		int ready = ppoll(&wait, 1, sent && !hold ? &limit : NULL, &none);
		if (ready == 0)
			break;
		if (ready > 0 && !receive(fd, offset))
			die("recvmmsg");
	}
	report(per_flow, interval_ns);
	return 0;
}
