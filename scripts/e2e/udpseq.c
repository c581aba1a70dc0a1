// SPDX-License-Identifier: GPL-2.0-only
/*
 * udpseq: numbered UDP packets, to see what a path loses, doubles or reorders.
 *
 *   udpseq recv ADDRESS PORT IDLE_SECONDS
 *   udpseq send ADDRESS PORT SECONDS PACKETS_PER_SECOND BURST
 *
 * The sender's packets are of many sizes, so that on several CPUs later ones
 * are ready first.  What a packet holds follows from its number.  A packet that
 * the kernel refuses is counted, and its number used for the next one.  The
 * receiver ends when nothing has come for IDLE_SECONDS.  Each prints one line.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define MAX_PACKETS	4000000
#define MIN_BYTES	64
#define MAX_BYTES	1400
#define NSEC_PER_SEC	1000000000ULL

static uint32_t packet[MAX_BYTES / 4 + 1];

/* Neighbours differ much in size. */
static size_t packet_bytes(uint32_t number)
{
	return MIN_BYTES + number * 7919ULL % (MAX_BYTES - MIN_BYTES + 1);
}

static size_t fill_packet(uint32_t number)
{
	size_t bytes = packet_bytes(number);
	size_t i;

	packet[0] = htonl(number);
	for (i = 1; i <= bytes / 4; i++)
		packet[i] = number * 2654435761u + i;
	return bytes;
}

static int packet_is_right(uint32_t number, size_t bytes)
{
	static uint32_t got[MAX_BYTES / 4 + 1];

	memcpy(got, packet, bytes);
	return bytes == fill_packet(number) && !memcmp(got, packet, bytes);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static int make_socket(char **argv, struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		err(1, "socket");
	addr->sin_family = AF_INET;
	addr->sin_port = htons(atoi(argv[1]));
	if (inet_pton(AF_INET, argv[0], &addr->sin_addr) != 1)
		errx(1, "not an address: %s", argv[0]);
	return fd;
}

static void set_option(int fd, int option, const void *value, socklen_t len)
{
	if (setsockopt(fd, SOL_SOCKET, option, value, len))
		err(1, "setsockopt %d", option);
}

static int run_recv(char **argv)
{
	static uint8_t seen[MAX_PACKETS];
	unsigned long received = 0, reordered = 0, doubled = 0, wrong = 0;
	struct sockaddr_in addr = { 0 };
	int fd = make_socket(argv, &addr);
	struct timeval idle = { .tv_sec = atoi(argv[2]) };
	int bytes = 64 << 20;
	uint32_t number, highest = 0;
	ssize_t len;

	/* Only what the path itself loses is to count. */
	set_option(fd, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	set_option(fd, SO_RCVTIMEO, &idle, sizeof(idle));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "bind");
	while ((len = recv(fd, packet, sizeof(packet), 0)) >= 0) {
		number = ntohl(packet[0]);
		if (number >= MAX_PACKETS || !packet_is_right(number, len)) {
			wrong++;
			continue;
		}
		if (seen[number]) {
			doubled++;
			continue;
		}
		seen[number] = 1;
		received++;
		if (number < highest)
			reordered++;
		else
			highest = number;
	}
	if (errno != EAGAIN)
		err(1, "recv");
	printf("received=%lu reordered=%lu doubled=%lu wrong=%lu\n", received,
	       reordered, doubled, wrong);
	return 0;
}

static int run_send(char **argv)
{
	unsigned long sent = 0, refused = 0;
	struct sockaddr_in addr = { 0 };
	int fd = make_socket(argv, &addr);
	unsigned int rate = atoi(argv[3]);
	unsigned int burst = atoi(argv[4]);
	uint64_t now = now_ns();
	uint64_t end = now + atoi(argv[2]) * NSEC_PER_SEC;
	unsigned int i;

	if (!rate || !burst)
		errx(1, "a rate and a burst of at least one packet");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "connect");
	for (; now < end && sent < MAX_PACKETS - burst; now = now_ns()) {
		for (i = 0; i < burst; i++) {
			if (send(fd, packet, fill_packet(sent), 0) < 0)
				refused++;
			else
				sent++;
		}
		/* Time lost is not made up for: that would be a longer burst. */
		sleep_until(now + burst * NSEC_PER_SEC / rate);
	}
	printf("sent=%lu refused=%lu\n", sent, refused);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "recv"))
		return run_recv(argv + 2);
	if (argc == 7 && !strcmp(argv[1], "send"))
		return run_send(argv + 2);
	errx(2, "see the head of the source");
}
