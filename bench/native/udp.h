/* What udpgen writes at the start of every UDP payload and udpsink reads; same host, so native byte order. */
#ifndef BENCH_UDP_H
#define BENCH_UDP_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define UDP_MAGIC 0x73686170u
#define FLOWS_MAX 131072u

struct stamp {
	uint32_t magic;
	uint32_t flow;     /* 0 .. flows - 1 */
	uint64_t sequence; /* within the flow, from 0 */
	uint64_t sent_ns;  /* CLOCK_MONOTONIC, shared by all namespaces of a host */
};

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

#endif
