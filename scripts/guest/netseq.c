// SPDX-License-Identifier: GPL-2.0-only
/*
 * netseq: numbered packets from one network namespace to another, to see which of
 * them a path refuses, loses, doubles or reorders.
 *
 *   netseq [-c CPU] [-u PORT] FROM TO ADDRESS LOAD BYTES PACKETS FLOWS
 *
 * LOAD is one of
 *   paced=N   a UDP packet each N us; lost time is not made up for
 *   window=N  UDP, at most N packets of a flow under way
 *   full      UDP, as fast as the socket takes packets
 *   tcp       one connection, as many bytes as so many packets have
 *
 * BYTES is the size of a packet or `mixed`: 64 to 1400, neighbours differ much.  Each
 * flow is a pair of processes and has a port of its own, from 7000.  -u opens a
 * socket for ESP in UDP in both namespaces.  -c keeps the processes on one CPU.
 *
 * A packet's content follows from its number, and the size does if mixed.  The
 * number of a refused packet is used again.  Prints one line: the sums over all
 * flows, `distance` their maximum, `ms` until the last packet came.  `segments` are what
 * the path had to carry at least: the packets that were sent, or TCP's segments.  Of TCP,
 * `reordered` counts those that the receiver put into its out-of-order queue, `again` those
 * that were sent again.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PACKETS	4000000U
#define MAX_FLOWS	16U
#define MIN_BYTES	64U
#define MAX_BYTES	1400U
#define FIRST_PORT	7000
#define NSEC_PER_USEC	1000ULL
#define NSEC_PER_MSEC	1000000ULL
#define NSEC_PER_SEC	1000000000ULL

/* The receiver looks at the sender's state so often. */
#define POLL_NS		(50 * NSEC_PER_MSEC)
/* The receiver ends so long after the last packet: all have come, or not all. */
#define LATE_NS		(200 * NSEC_PER_MSEC)
#define IDLE_NS		(3 * NSEC_PER_SEC)
/* A window that stays full so long is full of lost packets. */
#define FULL_NS		(500 * NSEC_PER_MSEC)
/* The sender stops after this time, whatever it has sent. */
#define LIMIT_NS	(120 * NSEC_PER_SEC)
#define TCP_SECONDS	30

enum load { PACED, WINDOW, FULL, TCP };

/* Memory that the two processes of a flow share. */
struct flow {
	int from;
	int to;
	sem_t credits;
	unsigned long sent;
	unsigned long refused;
	unsigned long received;
	unsigned long reordered;
	unsigned long distance;
	unsigned long doubled;
	unsigned long wrong;
	uint64_t last_ns;
	bool ended;
};

static enum load load;
static unsigned int load_value;
static unsigned int fixed_bytes;
static unsigned int packets;
static unsigned int nr_flows;
static int only_cpu = -1;
static struct flow *flows;
static uint32_t packet[MAX_BYTES / 4 + 1];

static size_t packet_bytes(uint32_t number)
{
	return fixed_bytes ?: MIN_BYTES + number * 7919ULL % (MAX_BYTES - MIN_BYTES + 1);
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

static bool packet_is_right(uint32_t number, size_t bytes)
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

static void set_option(int fd, int level, int option, const void *value, socklen_t len)
{
	if (setsockopt(fd, level, option, value, len))
		err(1, "setsockopt %d %d", level, option);
}

/*
 * Namespaces and sockets
 */

/* `ip netns` keeps them there. */
static void enter_netns(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "network namespace %s", name);
	close(fd);
}

/* Returns the length of the address. */
static socklen_t parse_address(const char *text, int port, struct sockaddr_storage *addr)
{
	struct sockaddr_in *v4 = (void *)addr;
	struct sockaddr_in6 *v6 = (void *)addr;

	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		errx(1, "not an address: %s", text);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof(*v6);
}

static int make_socket(const char *address, int port, bool listens)
{
	struct sockaddr_storage addr;
	socklen_t len = parse_address(address, port, &addr);
	int fd = socket(addr.ss_family, load == TCP ? SOCK_STREAM : SOCK_DGRAM, 0);
	struct timeval udp = { .tv_usec = POLL_NS / NSEC_PER_USEC };
	struct timeval tcp = { .tv_sec = TCP_SECONDS };
	struct timeval *timeout = load == TCP ? &tcp : &udp;
	int on = 1;

	if (fd < 0)
		err(1, "socket");
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	set_option(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, sizeof(*timeout));
	if (load == TCP)
		set_option(fd, SOL_SOCKET, SO_SNDTIMEO, timeout, sizeof(*timeout));
	if (listens ? bind(fd, (void *)&addr, len) : connect(fd, (void *)&addr, len))
		err(1, "%s port %d", address, port);
	if (listens && load == TCP && listen(fd, 1))
		err(1, "listen");
	return fd;
}

/* The address is one of the other end's: only its family counts. */
static void open_encap_socket(const char *address, int port)
{
	bool v6 = strchr(address, ':');
	struct sockaddr_storage addr;
	socklen_t len = parse_address(v6 ? "::" : "0.0.0.0", port, &addr);
	int type = UDP_ENCAP_ESPINUDP;
	int fd = socket(addr.ss_family, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (void *)&addr, len))
		err(1, "port %d for ESP in UDP", port);
	set_option(fd, IPPROTO_UDP, UDP_ENCAP, &type, sizeof(type));
}

/* A packet that a cipher refuses is an error only to users that ask for errors. */
static void ask_for_errors(int fd, const char *address)
{
	int on = 1;

	if (strchr(address, ':'))
		set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	else
		set_option(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
}

/* The receiver's buffer is large: only losses of the path itself are to count. */
static void make_sockets(const char *from, const char *to, const char *address, int encap)
{
	int bytes = 64 << 20;
	unsigned int i;

	enter_netns(to);
	if (encap)
		open_encap_socket(address, encap);
	for (i = 0; i < nr_flows; i++) {
		flows[i].to = make_socket(address, FIRST_PORT + i, true);
		if (load != TCP)
			set_option(flows[i].to, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	}
	enter_netns(from);
	if (encap)
		open_encap_socket(address, encap);
	for (i = 0; i < nr_flows; i++) {
		flows[i].from = make_socket(address, FIRST_PORT + i, false);
		if (load != TCP)
			ask_for_errors(flows[i].from, address);
	}
}

/*
 * UDP
 */

static void account(struct flow *flow, uint8_t *seen, ssize_t len)
{
	static uint32_t highest;
	uint32_t number = ntohl(packet[0]);

	if (number >= packets || !packet_is_right(number, len)) {
		flow->wrong++;
		return;
	}
	if (seen[number]) {
		flow->doubled++;
		return;
	}
	seen[number] = 1;
	__atomic_add_fetch(&flow->received, 1, __ATOMIC_RELEASE);
	if (load == WINDOW)
		sem_post(&flow->credits);
	if (number >= highest) {
		highest = number;
		return;
	}
	flow->reordered++;
	if (highest - number > flow->distance)
		flow->distance = highest - number;
}

static bool nothing_more_comes(struct flow *flow)
{
	uint64_t idle = now_ns() - flow->last_ns;

	if (!__atomic_load_n(&flow->ended, __ATOMIC_ACQUIRE))
		return false;
	return idle > (flow->received == flow->sent ? LATE_NS : IDLE_NS);
}

static void run_receiver(struct flow *flow)
{
	static uint8_t seen[MAX_PACKETS];
	ssize_t len;

	flow->last_ns = now_ns();
	for (;;) {
		len = recv(flow->to, packet, sizeof(packet), 0);
		if (len >= 0) {
			flow->last_ns = now_ns();
			account(flow, seen, len);
		} else if (errno != EAGAIN) {
			err(1, "recv");
		} else if (nothing_more_comes(flow)) {
			return;
		}
	}
}

/* What is under way counts as lost when it does not come. */
static void wait_for_credit(struct flow *flow)
{
	struct timespec t;
	uint64_t ns;
	unsigned int i;

	clock_gettime(CLOCK_REALTIME, &t);
	ns = t.tv_nsec + FULL_NS;
	t.tv_sec += ns / NSEC_PER_SEC;
	t.tv_nsec = ns % NSEC_PER_SEC;
	while (sem_timedwait(&flow->credits, &t)) {
		if (errno == EINTR)
			continue;
		for (i = 1; i < load_value; i++)
			sem_post(&flow->credits);
		return;
	}
}

static void run_sender(struct flow *flow)
{
	uint64_t now = now_ns();
	uint64_t end = now + LIMIT_NS;

	while (flow->sent < packets && now < end) {
		if (load == WINDOW)
			wait_for_credit(flow);
		if (send(flow->from, packet, fill_packet(flow->sent), 0) >= 0) {
			flow->sent++;
		} else {
			flow->refused++;
			sem_post(&flow->credits);
		}
		if (load == PACED)
			sleep_until(now + load_value * NSEC_PER_USEC);
		now = now_ns();
	}
	__atomic_store_n(&flow->ended, true, __ATOMIC_RELEASE);
}

/*
 * TCP: the bytes of all packets, one after the other.
 */

static void run_tcp_sender(struct flow *flow)
{
	size_t bytes, done;
	ssize_t n;

	for (flow->sent = 0; flow->sent < packets; flow->sent++) {
		bytes = fill_packet(flow->sent);
		for (done = 0; done < bytes; done += n) {
			n = send(flow->from, (char *)packet + done, bytes - done, 0);
			if (n < 0)
				err(1, "send");
		}
	}
	shutdown(flow->from, SHUT_WR);
}

static void run_tcp_receiver(struct flow *flow)
{
	int fd = accept(flow->to, NULL, NULL);
	uint32_t number;

	if (fd < 0)
		err(1, "accept");
	for (number = 0; number < packets; number++) {
		size_t bytes = packet_bytes(number);
		ssize_t len = recv(fd, packet, bytes, MSG_WAITALL);

		if (len < 0)
			err(1, "recv");
		if (len != (ssize_t)bytes)
			return;
		flow->received++;
		flow->wrong += !packet_is_right(number, bytes);
	}
	flow->last_ns = now_ns();
}

/* Returns the counter KEY of the table KIND, which has a line of names and one of values. */
static long net_counter(const char *netns, const char *file, const char *kind, const char *key)
{
	static char names[8192], values[8192];
	char *name, *value, *at_names, *at_values;
	size_t len = strlen(kind);
	long result = -1;
	FILE *f;

	enter_netns(netns);
	f = fopen(file, "r");
	if (!f)
		err(1, "%s", file);
	while (fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f)) {
		if (strncmp(names, kind, len))
			continue;
		name = strtok_r(names, "\n ", &at_names);
		value = strtok_r(values, "\n ", &at_values);
		while (name && value) {
			if (!strcmp(name, key))
				result = atol(value);
			name = strtok_r(NULL, "\n ", &at_names);
			value = strtok_r(NULL, "\n ", &at_values);
		}
	}
	fclose(f);
	return result;
}

/*
 * All together
 */

static void keep_on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "CPU %d", cpu);
}

static void start(void (*run)(struct flow *flow), struct flow *flow)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return;
	/* Timers are to be exact. */
	prctl(PR_SET_TIMERSLACK, 1);
	if (only_cpu >= 0)
		keep_on_cpu(only_cpu);
	run(flow);
	exit(0);
}

static void run_flows(void)
{
	unsigned int i;
	int status;

	for (i = 0; i < nr_flows; i++)
		start(load == TCP ? run_tcp_receiver : run_receiver, &flows[i]);
	for (i = 0; i < nr_flows; i++)
		start(load == TCP ? run_tcp_sender : run_sender, &flows[i]);
	for (i = 0; i < nr_flows * 2; i++)
		if (wait(&status) < 0 || status)
			errx(1, "a sender or receiver failed");
}

static void add_up(struct flow *sum)
{
	unsigned int i;

	for (i = 0; i < nr_flows; i++) {
		sum->sent += flows[i].sent;
		sum->refused += flows[i].refused;
		sum->received += flows[i].received;
		sum->reordered += flows[i].reordered;
		sum->doubled += flows[i].doubled;
		sum->wrong += flows[i].wrong;
		if (flows[i].distance > sum->distance)
			sum->distance = flows[i].distance;
		if (flows[i].last_ns > sum->last_ns)
			sum->last_ns = flows[i].last_ns;
	}
}

static void parse_load(const char *text)
{
	if (sscanf(text, "paced=%u", &load_value) == 1)
		load = PACED;
	else if (sscanf(text, "window=%u", &load_value) == 1 && load_value)
		load = WINDOW;
	else if (!strcmp(text, "full"))
		load = FULL;
	else if (!strcmp(text, "tcp"))
		load = TCP;
	else
		errx(1, "no load: %s", text);
}

/* Returns a number of at least MIN and at most MAX. */
static unsigned int parse_number(const char *text, unsigned int min, unsigned int max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || value < min || value > max)
		errx(1, "not a number from %u to %u: %s", min, max, text);
	return value;
}

static void make_flows(void)
{
	unsigned int i;

	flows = mmap(NULL, nr_flows * sizeof(*flows), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (flows == MAP_FAILED)
		err(1, "mmap");
	for (i = 0; i < nr_flows; i++)
		if (sem_init(&flows[i].credits, 1, load == WINDOW ? load_value : 0))
			err(1, "sem_init");
}

/* Returns the number of arguments that were options. */
static int parse_options(int argc, char **argv, int *encap)
{
	int option;

	while ((option = getopt(argc, argv, "c:u:")) >= 0) {
		if (option == 'c')
			only_cpu = parse_number(optarg, 0, CPU_SETSIZE - 1);
		else if (option == 'u')
			*encap = parse_number(optarg, 1, UINT16_MAX);
		else
			exit(2);
	}
	return optind - 1;
}

/* What the kernel counts of TCP: at the receiver, and twice at the sender. */
struct tcp_counts {
	long reordered;
	long segments;
	long again;
};

static struct tcp_counts count_tcp(const char *from, const char *to)
{
	return (struct tcp_counts) {
		.reordered = net_counter(to, "/proc/self/net/netstat", "TcpExt:", "TCPOFOQueue"),
		.segments = net_counter(from, "/proc/self/net/snmp", "Tcp:", "OutSegs"),
		.again = net_counter(from, "/proc/self/net/snmp", "Tcp:", "RetransSegs"),
	};
}

int main(int argc, char **argv)
{
	struct flow sum = { .last_ns = now_ns() };
	struct tcp_counts before, after;
	uint64_t begin;
	long segments;
	int encap = 0;
	int options = parse_options(argc, argv, &encap);

	argv += options;
	if (argc - options != 8)
		errx(2, "see the head of the source");
	parse_load(argv[4]);
	fixed_bytes = strcmp(argv[5], "mixed") ? parse_number(argv[5], MIN_BYTES, MAX_BYTES) : 0;
	packets = parse_number(argv[6], 1, MAX_PACKETS);
	nr_flows = parse_number(argv[7], 1, load == TCP ? 1 : MAX_FLOWS);
	make_flows();
	before = count_tcp(argv[1], argv[2]);
	make_sockets(argv[1], argv[2], argv[3], encap);
	begin = now_ns();
	run_flows();
	add_up(&sum);
	after = count_tcp(argv[1], argv[2]);
	segments = sum.sent;
	if (load == TCP) {
		segments = after.segments - before.segments;
		sum.reordered = after.reordered - before.reordered;
	}
	printf("sent=%lu refused=%lu received=%lu ", sum.sent, sum.refused, sum.received);
	printf("reordered=%lu distance=%lu ", sum.reordered, sum.distance);
	printf("doubled=%lu wrong=%lu ", sum.doubled, sum.wrong);
	printf("segments=%ld again=%ld ", segments, after.again - before.again);
	printf("ms=%llu\n", (sum.last_ns - begin) / NSEC_PER_MSEC);
	return 0;
}
