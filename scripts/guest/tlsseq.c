// SPDX-License-Identifier: GPL-2.0-only
/*
 * tlsseq [OPTIONS] VERSION CIPHER SIDE: kernel TLS over TCP connections of the loopback
 * device.
 *
 *  VERSION  12 or 13                     -n N      connections at a time (4)
 *  CIPHER   gcm or chacha                -b BYTES  that each carries (1048576)
 *  SIDE     the ends that get pcrypt:    -w BYTES  the longest write (300000)
 *           tx, rx, both or none;        -k        connections end in mid-flight
 *           any: others write the list   -r N      so many times (1)
 *                                        -s        one write in four is sendfile()
 *
 * An end has the cipher that is preferred when the end gets its key, for as long as it
 * lives.  So the list of promoted ciphers is empty while one side gets its keys, and has
 * the cipher while the other does.  The number of a record is part of its
 * authentication: one that comes out of order is an error.  Each byte tells its place,
 * too.
 *
 * With -k one connection in three is closed by the sender while its last records are
 * encrypted, one is reset by the sender then, and one is closed by the receiver in the
 * middle of the bytes.  What arrives must still be right, and after a close by the sender
 * it must be all.  BYTES is a multiple of 16384.
 *
 * Prints key=value: sent and received bytes; records, at least so many; wrong, bytes that
 * are not those sent; errors; cut, connections that ended early as they should.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIST		"/sys/module/pcrypt_mod/parameters/algs"
#define RECORD		16384
/* A prime: no two records begin with the same bytes. */
#define PATTERN		65521
#define MOST		1048576
#define SECONDS		240

enum ending { COMPLETE, CLOSED, RESET, LEFT };

struct connection {
	int tx, rx;
	unsigned int nr;
	unsigned long bytes;
	enum ending ending;
	pthread_t sender, receiver;
};

static unsigned long connections = 4, bytes = 1 << 20, longest = 300000, times = 1;
static bool cut_short, use_sendfile;
static unsigned short version;
static bool chacha;
static unsigned char pattern[2 * PATTERN];
static int pattern_fd;
static atomic_ulong sent, received, records, wrong, errors, cut;

/* The byte at POSITION is found there. */
static unsigned long place(const struct connection *c, unsigned long position)
{
	return (position + c->nr * 4099UL) % PATTERN;
}

static unsigned long min_of(unsigned long a, unsigned long b)
{
	return a < b ? a : b;
}

static void make_pattern(void)
{
	unsigned int i, x = 1;

	for (i = 0; i < PATTERN; i++) {
		x = x * 1664525 + 1013904223;
		pattern[i] = x >> 24;
		pattern[i + PATTERN] = x >> 24;
	}
	pattern_fd = memfd_create("pattern", 0);
	if (pattern_fd < 0 ||
	    write(pattern_fd, pattern, sizeof(pattern)) != sizeof(pattern))
		err(2, "memfd");
}

static void failed(const struct connection *c, const char *what)
{
	fprintf(stderr, "tlsseq: connection %u: %s: %s\n", c->nr, what, strerror(errno));
	atomic_fetch_add(&errors, 1);
}

/* Return true if the error is the one that this ending brings. */
static bool expected(const struct connection *c, enum ending ending)
{
	return c->ending == ending && (errno == EPIPE || errno == ECONNRESET);
}

/*
 * The records that one write fills, of which each is a request: the last one may be open
 * (then PENDING is not 0) if there is more to come.
 */
static unsigned long count_records(unsigned long *pending, unsigned long n, bool more)
{
	unsigned long full = (*pending + n) / RECORD;

	*pending = (*pending + n) % RECORD;
	if (more || !*pending)
		return full;
	*pending = 0;
	return full + 1;
}

struct piece {
	unsigned long len;
	bool file, more;
};

/*
 * What to write next.  A connection that is to end in mid-flight writes whole records and
 * says that there is more to come: no write then waits for its requests.
 */
static struct piece next_piece(struct connection *c, unsigned long position,
			       unsigned int *seed)
{
	struct piece p = { .len = 1 + rand_r(seed) % longest };

	p.file = use_sendfile && rand_r(seed) % 4 == 0;
	p.more = !p.file && rand_r(seed) % 4 == 0;
	if (c->ending != COMPLETE) {
		p.len = (p.len / RECORD + 1) * RECORD;
		p.file = false;
		p.more = true;
	}
	if (p.file)
		p.len = min_of(p.len, PATTERN);
	p.len = min_of(p.len, c->bytes - position);
	if (c->ending == COMPLETE && position + p.len == c->bytes)
		p.more = false;
	return p;
}

/* Write that piece of the pattern; with more to come its last record stays open. */
static ssize_t write_piece(struct connection *c, unsigned long position, struct piece p)
{
	unsigned long from = place(c, position), n = p.len;
	struct iovec iov[MOST / PATTERN + 2];
	struct msghdr msg = { .msg_iov = iov };
	off_t offset = from;

	if (p.file)
		return sendfile(c->tx, pattern_fd, &offset, n);
	while (n) {
		unsigned long part = min_of(sizeof(pattern) - from, n);

		iov[msg.msg_iovlen].iov_base = pattern + from;
		iov[msg.msg_iovlen++].iov_len = part;
		n -= part;
		from = (from + part) % PATTERN;
	}
	return sendmsg(c->tx, &msg, MSG_NOSIGNAL | (p.more ? MSG_MORE : 0));
}

static void close_sender(struct connection *c)
{
	struct linger reset = { .l_onoff = 1 };

	if (c->ending == RESET)
		setsockopt(c->tx, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (close(c->tx))
		failed(c, "close");
}

static void *send_all(void *arg)
{
	struct connection *c = arg;
	unsigned long position = 0, pending = 0;
	unsigned int seed = c->nr + 1;

	while (position < c->bytes) {
		struct piece p = next_piece(c, position, &seed);
		ssize_t done = write_piece(c, position, p);

		if (done <= 0) {
			if (!expected(c, LEFT))
				failed(c, p.file ? "sendfile" : "sendmsg");
			break;
		}
		position += done;
		/* The kernel may close the last record of a file: at least these. */
		atomic_fetch_add(&records,
				 count_records(&pending, done, p.more || p.file));
	}
	atomic_fetch_add(&sent, position);
	close_sender(c);
	return NULL;
}

/* Count the bytes that are not those of the pattern from POSITION on. */
static void compare(struct connection *c, unsigned long position,
		    const unsigned char *data, unsigned long n)
{
	while (n) {
		unsigned long from = place(c, position);
		unsigned long part = min_of(sizeof(pattern) - from, n), i;

		if (memcmp(data, pattern + from, part))
			for (i = 0; i < part; i++)
				atomic_fetch_add(&wrong, data[i] != pattern[from + i]);
		data += part;
		position += part;
		n -= part;
	}
}

/* Judge the end of what came; DONE is what recv() returned. */
static void judge_end(struct connection *c, unsigned long position, ssize_t done)
{
	bool early = position < c->bytes;

	if (done < 0 && !expected(c, RESET))
		failed(c, "recv");
	else if (early && c->ending != RESET && c->ending != LEFT)
		failed(c, "the end came early");
	else
		atomic_fetch_add(&cut, c->ending != COMPLETE);
}

static void *receive_all(void *arg)
{
	struct connection *c = arg;
	unsigned long position = 0, stop = c->ending == LEFT ? c->bytes / 2 : -1UL;
	unsigned char *data = malloc(MOST);
	unsigned int seed = c->nr + 7;
	ssize_t done = 0;

	while (data && position < stop) {
		done = recv(c->rx, data, 1 + rand_r(&seed) % longest, 0);
		if (done <= 0)
			break;
		compare(c, position, data, done);
		position += done;
	}
	judge_end(c, position, done);
	atomic_fetch_add(&received, position);
	free(data);
	close(c->rx);
	return NULL;
}

/* Give one end its key: tx or rx. */
static int set_key(int fd, int direction)
{
	struct tls12_crypto_info_aes_gcm_128 gcm = {
		.info = { version, TLS_CIPHER_AES_GCM_128 },
		.key = "key of sixteen b", .salt = "salt", .iv = "explicit",
	};
	struct tls12_crypto_info_chacha20_poly1305 poly = {
		.info = { version, TLS_CIPHER_CHACHA20_POLY1305 },
		.key = "a key of thirty-two bytes, fixed", .iv = "twelve bytes",
	};

	if (chacha)
		return setsockopt(fd, SOL_TLS, direction, &poly, sizeof(poly));
	return setsockopt(fd, SOL_TLS, direction, &gcm, sizeof(gcm));
}

static void connect_pair(int listener, struct connection *c)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	if (getsockname(listener, (struct sockaddr *)&addr, &len))
		err(2, "getsockname");
	c->tx = socket(AF_INET, SOCK_STREAM, 0);
	if (c->tx < 0 || connect(c->tx, (struct sockaddr *)&addr, len))
		err(2, "connect");
	c->rx = accept(listener, NULL, NULL);
	if (c->rx < 0)
		err(2, "accept");
	if (setsockopt(c->tx, SOL_TCP, TCP_ULP, "tls", sizeof("tls")) ||
	    setsockopt(c->rx, SOL_TCP, TCP_ULP, "tls", sizeof("tls")))
		err(2, "TCP_ULP");
}

/* Write the list of promoted ciphers: the one of this run, or none. */
static void promote(bool on)
{
	const char *name = chacha ? "rfc7539(chacha20,poly1305)\n" : "gcm(aes)\n";
	int fd = open(LIST, O_WRONLY);

	if (!on)
		name = "\n";
	if (fd < 0 || write(fd, name, strlen(name)) < 0)
		err(2, "%s", LIST);
	close(fd);
}

static void set_keys(struct connection *c, int direction)
{
	unsigned long i;

	for (i = 0; i < connections; i++)
		if (set_key(direction == TLS_TX ? c[i].tx : c[i].rx, direction))
			err(2, "TLS_%s", direction == TLS_TX ? "TX" : "RX");
}

/* Give all ends their keys, those of SIDE while the cipher is promoted. */
static void set_all_keys(struct connection *c, const char *side)
{
	bool tx = !strcmp(side, "tx"), rx = !strcmp(side, "rx");
	bool none = !strcmp(side, "none"), any = !strcmp(side, "any");

	if (!any)
		promote(!tx && !rx && !none);
	set_keys(c, tx ? TLS_RX : TLS_TX);
	if (!any && !none)
		promote(true);
	set_keys(c, tx ? TLS_TX : TLS_RX);
}

/* One set of connections, from their begin to their end. */
static void run(int listener, unsigned int round, const char *side)
{
	struct connection c[connections];
	unsigned long i;

	memset(c, 0, sizeof(c));
	for (i = 0; i < connections; i++) {
		c[i].nr = round * connections + i;
		c[i].ending = cut_short ? 1 + c[i].nr % 3 : COMPLETE;
		c[i].bytes = bytes;
		connect_pair(listener, &c[i]);
	}
	set_all_keys(c, side);
	for (i = 0; i < connections; i++)
		if (pthread_create(&c[i].sender, NULL, send_all, &c[i]) ||
		    pthread_create(&c[i].receiver, NULL, receive_all, &c[i]))
			errx(2, "pthread_create");
	for (i = 0; i < connections; i++) {
		pthread_join(c[i].sender, NULL);
		pthread_join(c[i].receiver, NULL);
	}
}

static void parse(int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "n:b:w:r:ks")) != -1) {
		if (o == 'n')
			connections = atol(optarg);
		else if (o == 'b')
			bytes = atol(optarg);
		else if (o == 'w')
			longest = atol(optarg);
		else if (o == 'r')
			times = atol(optarg);
		else if (o == 'k')
			cut_short = true;
		else if (o == 's')
			use_sendfile = true;
		else
			exit(2);
	}
	if (argc - optind != 3 || !connections || !longest || longest > MOST)
		errx(2, "see the head of the source");
	version = atoi(argv[optind]) == 13 ? TLS_1_3_VERSION : TLS_1_2_VERSION;
	chacha = !strcmp(argv[optind + 1], "chacha");
}

int main(int argc, char **argv)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	unsigned int round;
	int listener;

	parse(argc, argv);
	make_pattern();
	signal(SIGPIPE, SIG_IGN);
	alarm(SECONDS);
	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&any, sizeof(any)) ||
	    listen(listener, 64))
		err(2, "listen");
	for (round = 0; round < times; round++)
		run(listener, round, argv[argc - 1]);
	printf("sent=%lu received=%lu records=%lu wrong=%lu errors=%lu cut=%lu\n",
	       sent, received, records, wrong, errors, cut);
	return wrong || errors;
}
