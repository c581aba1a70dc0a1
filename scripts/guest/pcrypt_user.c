// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt_user: a program that uses pcrypt through AF_ALG and the crypto netlink
 * socket.  Runs in the guests of scripts/pcrypt.sh and scripts/fuzz.sh.
 *
 *  open NAME...		open each once; the exit status is 0 when all could be
 *  hold NAME			the same, print "held", and keep it until a line comes in
 *  add NAME [PRIORITY]		have the driver made, as root
 *  del NAME			have it unregistered, as root
 *  update NAME PRIORITY	give it this priority, as root
 *  churn TOTAL PROCS NAME...	make and delete until TOTAL were deleted
 *  crypt NAME SECONDS [BYTES]	one request after the other, on the first CPU if BYTES
 *				are given
 *  bind SECONDS NAME...	open one after the other, as often as time allows
 *  look SECONDS DRIVER...	look whether all these are registered, each 10 ms; the
 *				exit status is 0 when they always were
 *  unprivileged COMMAND...	any of these, without privileges
 *  fuzz SECONDS SEED PROCS	unprivileged: names and requests by a grammar
 *
 * A NAME is an AEAD's, skcipher:NAME an skcipher's, and any:NAME that of any kind,
 * which only the crypto netlink socket understands.
 *
 * The exit status is 1 when something failed, and 2 when a process was killed.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <linux/aio_abi.h>
#include <linux/cryptouser.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MAX_NAME	300
#define MAX_DATA	70000
#define UNPRIVILEGED_ID	65534

/* As AF_ALG and the crypto netlink socket have it. */
static const struct kind {
	const char *prefix;
	const char *salg_type;
	__u32 type;	/* from the kernel: the lowest four bits */
	__u32 mask;
	unsigned int ivlen;
	unsigned int taglen;
} kinds[] = {
	{ "skcipher:", "skcipher", 0x5, 0xf, 16, 0 },
	{ "any:", "aead", 0, 0, 12, 16 },
	{ "", "aead", 0x3, 0xf, 12, 16 },
};

/* Removes the prefix of the kind from the name. */
static const struct kind *kind_of(const char **name)
{
	const struct kind *kind = kinds;

	while (strncmp(*name, kind->prefix, strlen(kind->prefix)))
		kind++;
	*name += strlen(kind->prefix);
	return kind;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Randomness: xorshift, so that a seed repeats a process's choices. */

static __u64 rnd_state = 1;

static __u32 rnd(__u32 below)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return below ? (rnd_state >> 11) % below : 0;
}

static void rnd_seed(__u64 seed)
{
	rnd_state = seed * 0x9e3779b97f4a7c15ULL + 1;
	rnd(0);
}

/* The crypto netlink socket */

struct message {
	struct nlmsghdr header;
	struct crypto_user_alg alg;
	char attrs[64];
};

static int netlink_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_CRYPTO);

	if (fd < 0)
		die("netlink socket");
	return fd;
}

static void message_init(struct message *m, int type, const char *driver)
{
	const struct kind *kind = kind_of(&driver);

	memset(m, 0, sizeof(*m));
	m->header.nlmsg_len = NLMSG_LENGTH(sizeof(m->alg));
	m->header.nlmsg_type = type;
	m->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	m->alg.cru_type = kind->type;
	m->alg.cru_mask = kind->mask;
	memcpy(m->alg.cru_driver_name, driver,
	       strnlen(driver, sizeof(m->alg.cru_driver_name) - 1));
}

static void message_add_priority(struct message *m, __u32 priority)
{
	struct rtattr *rta = (struct rtattr *)m->attrs;

	rta->rta_type = CRYPTOCFGA_PRIORITY_VAL;
	rta->rta_len = RTA_LENGTH(sizeof(priority));
	memcpy(RTA_DATA(rta), &priority, sizeof(priority));
	m->header.nlmsg_len = NLMSG_ALIGN(m->header.nlmsg_len) + rta->rta_len;
}

/* Returns 0 or a negative errno. */
static int message_send(int fd, struct message *m)
{
	static __u32 seq;
	char answer[8192];
	struct nlmsghdr *header = (struct nlmsghdr *)answer;
	ssize_t got;

	m->header.nlmsg_seq = ++seq;
	if (send(fd, m, m->header.nlmsg_len, 0) < 0)
		return -errno;
	do {
		got = recv(fd, answer, sizeof(answer), 0);
		if (got < 0)
			return -errno;
		/* The requested data come before the answer to the request. */
	} while (header->nlmsg_seq != seq || header->nlmsg_type != NLMSG_ERROR);
	return ((struct nlmsgerr *)NLMSG_DATA(header))->error;
}

static int driver_add(int fd, const char *name, const char *priority)
{
	struct message m;

	message_init(&m, CRYPTO_MSG_NEWALG, name);
	if (priority)
		message_add_priority(&m, atoi(priority));
	return message_send(fd, &m);
}

static int driver_del(int fd, const char *name)
{
	struct message m;

	message_init(&m, CRYPTO_MSG_DELALG, name);
	return message_send(fd, &m);
}

static int driver_update(int fd, const char *name, const char *priority)
{
	struct message m;

	message_init(&m, CRYPTO_MSG_UPDATEALG, name);
	message_add_priority(&m, strtoul(priority, NULL, 0));
	return message_send(fd, &m);
}

/* AF_ALG */

/* Returns a socket or a negative errno. */
static int alg_open(const char *name)
{
	char buf[sizeof(struct sockaddr_alg) + MAX_NAME] = { };
	struct sockaddr_alg *sa = (struct sockaddr_alg *)buf;
	const struct kind *kind = kind_of(&name);
	size_t len = strlen(name) + 1;
	int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	sa->salg_family = AF_ALG;
	snprintf((char *)sa->salg_type, sizeof(sa->salg_type), "%s", kind->salg_type);
	memcpy(sa->salg_name, name, len);
	if (len < sizeof(sa->salg_name))
		len = sizeof(sa->salg_name);
	if (!bind(fd, (struct sockaddr *)sa, offsetof(struct sockaddr_alg, salg_name) + len))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

struct control {
	char buf[CMSG_SPACE(4) + CMSG_SPACE(4 + 64) + CMSG_SPACE(4)];
	size_t len;
};

static void control_add(struct control *control, int type, const void *data, size_t len)
{
	struct cmsghdr *cmsg = (struct cmsghdr *)(control->buf + control->len);

	cmsg->cmsg_level = SOL_ALG;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	control->len += CMSG_SPACE(len);
}

static void control_init(struct control *control, __u32 op, __u32 ivlen, __u32 assoclen)
{
	char iv[4 + 64] = { };

	memset(control, 0, sizeof(*control));
	memcpy(iv, &ivlen, 4);
	/* The first byte of an IV of ccm is the size of its length field, minus 1. */
	iv[4] = 3;
	control_add(control, ALG_SET_OP, &op, sizeof(op));
	control_add(control, ALG_SET_IV, iv, 4 + ivlen);
	control_add(control, ALG_SET_AEAD_ASSOCLEN, &assoclen, sizeof(assoclen));
}

/* Commands */

static void become_unprivileged(void)
{
	if (setgroups(0, NULL) || setgid(UNPRIVILEGED_ID) || setuid(UNPRIVILEGED_ID))
		die("setuid");
}

static int cmd_open(int argc, char **argv)
{
	int i, fd, status = 0;

	for (i = 0; i < argc; i++) {
		fd = alg_open(argv[i]);
		if (fd < 0) {
			printf("%s: %s\n", argv[i], strerror(-fd));
			status = 1;
		} else {
			close(fd);
		}
	}
	return status;
}

static int cmd_hold(int argc, char **argv)
{
	char c;

	if (argc != 1 || alg_open(argv[0]) < 0)
		return 1;
	printf("held\n");
	fflush(stdout);
	while (read(0, &c, 1) == 1 && c != '\n')
		;
	return 0;
}

static int tell(const char *name, int err)
{
	if (!err)
		return 0;
	printf("%s: %s\n", name, strerror(-err));
	return 1;
}

static int cmd_add(int argc, char **argv)
{
	return tell(argv[0], driver_add(netlink_open(), argv[0], argc > 1 ? argv[1] : NULL));
}

static int cmd_del(int argc, char **argv)
{
	(void)argc;
	return tell(argv[0], driver_del(netlink_open(), argv[0]));
}

static int cmd_update(int argc, char **argv)
{
	if (argc != 2)
		return 1;
	return tell(argv[0], driver_update(netlink_open(), argv[0], argv[1]));
}

/* Returns 0 when a driver of that name is registered, or a negative errno. */
static int driver_get(int fd, const char *name)
{
	struct message m;

	message_init(&m, CRYPTO_MSG_GETALG, name);
	return message_send(fd, &m);
}

/* Waits for all; 2 when one was killed, 1 when one failed. */
static int join(int procs)
{
	int i, status, worst = 0;

	for (i = 0; i < procs; i++) {
		if (wait(&status) < 0)
			return 2;
		if (!WIFEXITED(status))
			worst = 2;
		else if (WEXITSTATUS(status) && !worst)
			worst = 1;
	}
	return worst;
}

static long *shared_counter(void)
{
	long *counter = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (counter == MAP_FAILED)
		die("mmap");
	return counter;
}

/*
 * Other processes make and delete the same names: a name that exists already, is
 * gone already, or is just being used, is no failure.
 */
static int churn(long total, long *deleted, char **names, int nr)
{
	int i, err, fd = netlink_open();

	for (i = rnd(nr); __atomic_load_n(deleted, __ATOMIC_RELAXED) < total; i = (i + 1) % nr) {
		err = driver_add(fd, names[i], NULL);
		if (err && err != -EEXIST && err != -EAGAIN)
			return tell(names[i], err);
		err = driver_del(fd, names[i]);
		if (!err)
			__atomic_add_fetch(deleted, 1, __ATOMIC_RELAXED);
		else if (err != -ENOENT && err != -EBUSY)
			return tell(names[i], err);
	}
	return 0;
}

/* The last process to delete a name may find it in use by another such process. */
static int delete_rest(char **names, int nr)
{
	int i, err, tries, fd = netlink_open();

	for (i = 0; i < nr; i++) {
		for (tries = 0; tries < 100; tries++) {
			err = driver_del(fd, names[i]);
			if (err != -EBUSY)
				break;
			usleep(10000);
		}
		if (err && err != -ENOENT)
			return tell(names[i], err);
	}
	return 0;
}

static int cmd_churn(int argc, char **argv)
{
	long *deleted = shared_counter();
	int i, status, procs;

	if (argc < 3)
		return 1;
	procs = atoi(argv[1]);
	for (i = 0; i < procs; i++) {
		rnd_seed(i + 1);
		if (!fork())
			exit(churn(atol(argv[0]), deleted, argv + 2, argc - 2));
	}
	status = join(procs);
	printf("%ld made and deleted\n", *deleted);
	return status ?: delete_rest(argv + 2, argc - 2);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* One request to encrypt @len bytes; the length of the answer or a negative errno. */
static ssize_t crypt_once(int op, const struct kind *kind, size_t len)
{
	static char data[MAX_DATA], out[MAX_DATA + 16];
	struct iovec iov = { data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct control control;
	ssize_t got;

	control_init(&control, ALG_OP_ENCRYPT, kind->ivlen, 16);
	msg.msg_control = control.buf;
	msg.msg_controllen = control.len;
	if (sendmsg(op, &msg, 0) < 0)
		return -errno;
	/* An skcipher's socket would wait for the rest of what is asked for. */
	got = read(op, out, len + kind->taglen);
	return got < 0 ? -errno : got;
}

/* The CPU time that the kernel charged to this program, in seconds. */
static double cpu_time(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void stay_on_first_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static int cmd_crypt(int argc, char **argv)
{
	double end = now() + (argc > 1 ? atof(argv[1]) : 1);
	size_t len = argc > 2 ? strtoul(argv[2], NULL, 0) : 16 + 64;
	int op, fd = argc ? alg_open(argv[0]) : -1;
	const char *name = argc ? argv[0] : "";
	const struct kind *kind = kind_of(&name);
	unsigned long nr = 0;
	ssize_t got;

	if (len > MAX_DATA || fd < 0 ||
	    setsockopt(fd, SOL_ALG, ALG_SET_KEY, "0123456789abcdef", 16))
		return 1;
	if (argc > 2)
		stay_on_first_cpu();
	if (kind->taglen && setsockopt(fd, SOL_ALG, ALG_SET_AEAD_AUTHSIZE, NULL, kind->taglen))
		return 1;
	op = accept(fd, NULL, NULL);
	for (; now() < end; nr++) {
		got = crypt_once(op, kind, len);
		if (got != (ssize_t)(len + kind->taglen)) {
			printf("request %lu: %zd\n", nr, got);
			return 1;
		}
	}
	printf("%lu requests, %.2f s of CPU time\n", nr, cpu_time());
	return 0;
}

static int cmd_bind(int argc, char **argv)
{
	double end = now() + atof(argv[0]);
	unsigned long opened = 0, refused = 0;
	int i, fd;

	if (argc < 2)
		return 1;
	for (i = 1; now() < end; i = i % (argc - 1) + 1) {
		fd = alg_open(argv[i]);
		if (fd < 0) {
			refused++;
			continue;
		}
		opened++;
		close(fd);
	}
	printf("%lu opened, %lu refused\n", opened, refused);
	return 0;
}

static int cmd_look(int argc, char **argv)
{
	double end = now() + atof(argv[0]);
	unsigned long looks = 0, missing = 0;
	int i, fd = netlink_open();

	for (; now() < end; looks++) {
		for (i = 1; i < argc && !driver_get(fd, argv[i]); i++)
			;
		missing += i < argc;
		usleep(10000);
	}
	printf("%lu looks, missing in %lu\n", looks, missing);
	return !looks || missing;
}

/* The grammar of names */

static const char *const plain_names[] = {
	"gcm(aes)", "ccm(aes)", "rfc4106(gcm(aes))", "rfc4309(ccm(aes))",
	"authenc(hmac(sha256),cbc(aes))", "rfc7539(chacha20,poly1305)",
	"rfc7539esp(chacha20,poly1305)", "rfc4543(gcm(aes))",
	"seqiv(rfc4106(gcm(aes)))", "echainiv(authenc(hmac(sha256),cbc(aes)))",
	"cbc(aes)", "ctr(aes)", "xts(aes)", "ecb(aes)",
};

/*
 * Drivers' names are used only inside pcrypt(): templates over a driver can become
 * preferred to others by the crypto API's rules, without any of ours.
 */
static const char *const driver_names[] = {
	"generic-gcm-aesni", "rfc4106-gcm-aesni", "no-such-driver", "cbc-aes-aesni",
	"sha256", "aes", "hmac(sha256)", "ctr-aes-aesni", "",
};

static const char *const wrappers[] = {
	"pcrypt", "rfc4106", "seqiv", "pcrypt", "echainiv", "rfc4543", "x", "xts", "authenc",
};

static void name_append(char *name, const char *text)
{
	size_t at = strlen(name);

	snprintf(name + at, MAX_NAME - at, "%s", text);
}

static void name_make(char *name, int depth)
{
	const char *wrapper = wrappers[rnd(ARRAY_SIZE(wrappers))];

	if (depth && rnd(2)) {
		name_append(name, wrapper);
		name_append(name, "(");
		name_make(name, depth - 1);
		name_append(name, ")");
	} else if (!rnd(4)) {
		name_append(name, "pcrypt(");
		name_append(name, driver_names[rnd(ARRAY_SIZE(driver_names))]);
		name_append(name, ")");
	} else {
		name_append(name, plain_names[rnd(ARRAY_SIZE(plain_names))]);
	}
}

static void name_spoil(char *name)
{
	static const char odd[] = "(),-\n %\x01\xff/.pcrypt";
	size_t len = strlen(name), at = rnd(len + 1);

	switch (rnd(5)) {
	case 0:	/* a character less */
		if (at < len)
			memmove(name + at, name + at + 1, len - at);
		break;
	case 1:	/* one more */
		if (len + 2 < MAX_NAME) {
			memmove(name + at + 1, name + at, len - at + 1);
			name[at] = odd[rnd(sizeof(odd) - 1)];
		}
		break;
	case 2:	/* cut off */
		name[at] = 0;
		break;
	case 3:	/* about as long as can be */
		memmove(name, "pcrypt(", 7);
		for (len = 7; len < 60 + rnd(80); len++)
			name[len] = 'x';
		name[len] = 0;
		name_append(name, rnd(4) ? ")" : "");
		break;
	default: /* another character */
		if (len)
			name[at % len] = odd[rnd(sizeof(odd) - 1)];
	}
}

/* As a rule of the kind that it is; sometimes of the other. */
static void name_add_kind(char *name)
{
	static const char *const skciphers[] = { "cbc", "ctr", "xts", "ecb" };
	const char *inner = name + (strncmp(name, "pcrypt(", 7) ? 0 : 7);
	int is_skcipher = !rnd(8);
	char with_kind[MAX_NAME] = "skcipher:";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(skciphers); i++)
		if (!strncmp(inner, skciphers[i], 3))
			is_skcipher = !!rnd(8);
	if (!is_skcipher)
		return;
	name_append(with_kind, name);
	memcpy(name, with_kind, MAX_NAME);
}

static void name_choose(char *name)
{
	*name = 0;
	/* Half of all names as programs are most likely to use them. */
	if (rnd(2)) {
		name_append(name, "pcrypt(");
		name_make(name, 0);
		name_append(name, ")");
		return;
	}
	name_make(name, rnd(8) ? 3 : 20);
	while (!rnd(2))
		name_spoil(name);
}

/* Requests */

static char data[MAX_DATA];

static void fuzz_send(int op)
{
	struct iovec iov[4];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = rnd(5) };
	struct control control;
	size_t i;

	for (i = 0; i < msg.msg_iovlen; i++) {
		iov[i].iov_base = data + rnd(4096);
		iov[i].iov_len = rnd(8) ? rnd(300) : rnd((MAX_DATA - 4096) / 4);
	}
	control_init(&control, rnd(20) ? rnd(2) : rnd(1 << 30), rnd(8) ? 12 : rnd(65),
		     rnd(8) ? rnd(32) : rnd(1u << 31));
	if (!rnd(8))
		control.buf[rnd(control.len)] ^= 1 << rnd(8);
	if (rnd(4)) {
		msg.msg_control = control.buf;
		msg.msg_controllen = control.len;
	}
	sendmsg(op, &msg, MSG_DONTWAIT | (rnd(3) ? 0 : MSG_MORE));
}

static void fuzz_recv(int op)
{
	struct iovec iov[3];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = rnd(4) };
	size_t i;

	for (i = 0; i < msg.msg_iovlen; i++) {
		iov[i].iov_base = data + rnd(4096);
		iov[i].iov_len = rnd(4) ? rnd(600) : rnd((MAX_DATA - 4096) / 3);
	}
	recvmsg(op, &msg, MSG_DONTWAIT);
}

static void fuzz_splice(int op)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return;
	if (write(fds[1], data, 1 + rnd(5000)) > 0)
		splice(fds[0], NULL, op, NULL, 5000,
		       SPLICE_F_NONBLOCK | (rnd(2) ? SPLICE_F_MORE : 0));
	close(fds[0]);
	close(fds[1]);
}

/* Some reads at a time; not always waited for before the socket is closed. */
static void fuzz_aio(int op)
{
	struct iocb iocb[4], *list[4];
	struct timespec wait = { .tv_sec = 1 };
	struct io_event events[4];
	aio_context_t ctx = 0;
	unsigned int i;

	/* A read with nothing to read must not wait. */
	if (fcntl(op, F_SETFL, O_NONBLOCK) || syscall(SYS_io_setup, 8, &ctx)) {
		close(op);
		return;
	}
	for (i = 0; i < 4; i++) {
		fuzz_send(op);
		memset(&iocb[i], 0, sizeof(iocb[i]));
		iocb[i].aio_fildes = op;
		iocb[i].aio_lio_opcode = IOCB_CMD_PREAD;
		iocb[i].aio_buf = (uintptr_t)data + rnd(4096);
		iocb[i].aio_nbytes = rnd(4) ? rnd(600) : rnd(MAX_DATA - 4096);
		list[i] = &iocb[i];
		syscall(SYS_io_submit, ctx, 1, &list[i]);
	}
	if (rnd(2))
		syscall(SYS_io_getevents, ctx, 1, 4, events, &wait);
	close(op);
	syscall(SYS_io_destroy, ctx);
}

static void fuzz_requests(int fd)
{
	static const unsigned int key_lengths[] = { 16, 20, 19, 32, 36, 24, 48 };
	int i, op, len = rnd(6) ? (int)key_lengths[rnd(ARRAY_SIZE(key_lengths))] : (int)rnd(200);

	setsockopt(fd, SOL_ALG, ALG_SET_KEY, data + rnd(4096), len);
	if (!rnd(3))
		setsockopt(fd, SOL_ALG, ALG_SET_AEAD_AUTHSIZE, NULL, rnd(20));
	op = accept(fd, NULL, NULL);
	if (op < 0)
		return;
	for (i = rnd(12); i; i--) {
		fuzz_send(op);
		if (!rnd(4))
			fuzz_splice(op);
		if (rnd(4))
			fuzz_recv(op);
		if (!rnd(16))
			setsockopt(fd, SOL_ALG, ALG_SET_KEY, data, rnd(64));
	}
	close(op);
}

static int fuzz_netlink(int netlink, const char *name)
{
	static const int types[] = {
		CRYPTO_MSG_NEWALG, CRYPTO_MSG_DELALG, CRYPTO_MSG_GETALG, CRYPTO_MSG_UPDATEALG,
	};
	struct message m;
	int type = types[rnd(ARRAY_SIZE(types))], err;

	message_init(&m, type, name);
	if (!rnd(4))
		memcpy(m.alg.cru_name, m.alg.cru_driver_name, sizeof(m.alg.cru_name));
	if (!rnd(4))
		m.alg.cru_type = rnd(16);
	if (!rnd(4))
		m.alg.cru_mask = rnd(1 << 16);
	if (!rnd(3))
		message_add_priority(&m, rnd(10000));
	err = message_send(netlink, &m);
	if (!err && type != CRYPTO_MSG_GETALG) {
		printf("a message of type %d was obeyed: %s\n", type, name);
		return 1;
	}
	return 0;
}

static int fuzz(double end, __u64 seed, long *rounds)
{
	int fd, op, netlink = netlink_open();
	char name[MAX_NAME];

	rnd_seed(seed);
	for (; now() < end; __atomic_add_fetch(rounds, 1, __ATOMIC_RELAXED)) {
		name_choose(name);
		name_add_kind(name);
		if (!rnd(4) && fuzz_netlink(netlink, name))
			return 1;
		fd = alg_open(name);
		if (fd < 0)
			continue;
		if (rnd(4)) {
			fuzz_requests(fd);
		} else if (!setsockopt(fd, SOL_ALG, ALG_SET_KEY, data, 16)) {
			op = accept(fd, NULL, NULL);
			if (op >= 0)
				fuzz_aio(op);
		}
		close(fd);
	}
	return 0;
}

static int cmd_fuzz(int argc, char **argv)
{
	long *rounds = shared_counter();
	double end;
	int i, status, procs;

	if (argc != 3)
		return 1;
	end = now() + atof(argv[0]);
	procs = atoi(argv[2]);
	become_unprivileged();
	for (i = 0; i < procs; i++)
		if (!fork())
			exit(fuzz(end, strtoull(argv[1], NULL, 0) * 1000 + i, rounds));
	status = join(procs);
	printf("%ld names\n", *rounds);
	return status;
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "open", cmd_open }, { "hold", cmd_hold }, { "add", cmd_add }, { "del", cmd_del },
	{ "churn", cmd_churn }, { "crypt", cmd_crypt }, { "fuzz", cmd_fuzz },
	{ "bind", cmd_bind }, { "look", cmd_look }, { "update", cmd_update },
};

int main(int argc, char **argv)
{
	size_t i;

	if (argc > 1 && !strcmp(argv[1], "unprivileged")) {
		become_unprivileged();
		argc--;
		argv++;
	}
	for (i = 0; argc > 2 && i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 2, argv + 2);
	fprintf(stderr, "see the head of pcrypt_user.c\n");
	return 1;
}
