/*
 * capture DEVICE FILE BYTES: writes the first BYTES of every frame that passes a device, in both directions,
 * to a capture file with stamps in nanoseconds, until it is told to stop (SIGTERM, SIGINT). Says "capturing"
 * when it has begun, and at the end one line of JSON: frames written, and frames that the kernel had no room
 * for.
 *
 * The stamp of a frame is the kernel's, taken when the frame passes the device: a frame that comes by one
 * device and leaves by another has waited between the two for the difference.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_BYTES 70000
#define RECEIVE_BYTES (64 << 20)
#define MAGIC_NANOSECONDS 0xa1b23c4d
#define LINKTYPE_ETHERNET 1

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, linktype;
};

struct record_header {
	uint32_t seconds, nanoseconds, captured, length;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "capture: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_socket(const char *device)
{
	/* With a protocol it would take frames of all devices until it is bound to one. */
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	int bytes = RECEIVE_BYTES, on = 1;
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };

	if (fd < 0)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0)
		die("SO_TIMESTAMPNS");
	address.sll_ifindex = (int)if_nametoindex(device);
	if (address.sll_ifindex == 0)
		die(device);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("bind");
	return fd;
}

/* Returns the length of the frame on the wire; -1 if there is none. */
static ssize_t receive(int fd, uint8_t *frame, size_t bytes, int flags, struct timespec *stamp)
{
	uint8_t control[128];
	struct iovec vector = { frame, bytes };
	struct msghdr message = {
		.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	ssize_t length = recvmsg(fd, &message, flags | MSG_TRUNC);

	if (length < 0)
		return length;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
			memcpy(stamp, CMSG_DATA(c), sizeof(*stamp));
	return length;
}

int main(int argc, char **argv)
{
	static uint8_t frame[FRAME_BYTES];
	struct sigaction action = { .sa_handler = on_signal };
	struct tpacket_stats lost = { 0 };
	socklen_t lost_bytes = sizeof(lost);
	unsigned long frames = 0;

	if (argc != 4 || atoi(argv[3]) < 1 || atoi(argv[3]) > FRAME_BYTES) {
		fprintf(stderr, "usage: capture DEVICE FILE BYTES (1 to %d)\n", FRAME_BYTES);
		return 2;
	}
	size_t snaplen = (size_t)atoi(argv[3]);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	int fd = open_socket(argv[1]);
	FILE *file = fopen(argv[2], "wb");
	if (!file)
		die(argv[2]);
	struct file_header header = { MAGIC_NANOSECONDS, 2, 4, 0, 0, (uint32_t)snaplen, LINKTYPE_ETHERNET };
	fwrite(&header, sizeof(header), 1, file);
	puts("capturing");
	fflush(stdout);
	for (;;) {
		struct timespec stamp = { 0, 0 };
		/* What had come before the end is written. */
		ssize_t length = receive(fd, frame, snaplen, stopped ? MSG_DONTWAIT : 0, &stamp);
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && stopped && errno == EAGAIN)
			break;
		if (length < 0)
			die("recvmsg");
		uint32_t captured = (uint32_t)((size_t)length < snaplen ? (size_t)length : snaplen);
		struct record_header record = { (uint32_t)stamp.tv_sec, (uint32_t)stamp.tv_nsec, captured,
						(uint32_t)length };
		fwrite(&record, sizeof(record), 1, file);
		fwrite(frame, captured, 1, file);
		frames++;
	}
	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &lost, &lost_bytes);
	if (fclose(file) != 0)
		die(argv[2]);
	printf("{\"frames\":%lu,\"lost\":%u}\n", frames, lost.tp_drops);
	return 0;
}
