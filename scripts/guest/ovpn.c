// SPDX-License-Identifier: GPL-2.0-only
/*
 * ovpn DEVICE LOCAL REMOTE PORT CIPHER END: the part of OpenVPN that the kernel's module
 * needs: a UDP socket, one peer with its address, and keys.
 *
 * DEVICE is of the type ovpn, in its mode for one peer.  LOCAL and REMOTE are IPv4
 * addresses, PORT is that of both; CIPHER is gcm or chacha.  The keys are fixed, one for
 * each direction; END, 1 or 2, says which of them sends.  Prints `ready` and stays until
 * it is ended: the peer lives as long as the socket.
 *
 * OpenVPN itself does the same after its handshake.  Headers of 2.7 and of kernels before
 * 6.16 lack the numbers below.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CMD_PEER_NEW = 1, CMD_KEY_NEW = 6 };
enum { A_IFINDEX = 1, A_PEER, A_KEYCONF };
enum { PEER_ID = 1, PEER_REMOTE_IPV4 = 2, PEER_REMOTE_PORT = 5, PEER_SOCKET = 6 };
enum { KEY_PEER_ID = 1, KEY_SLOT, KEY_ID, KEY_CIPHER, KEY_ENCRYPT, KEY_DECRYPT };
enum { DIR_KEY = 1, DIR_NONCE };

#define KEY_BYTES	32
#define NONCE_BYTES	8

/* A request in the making. */
struct request {
	struct nlmsghdr head;
	struct genlmsghdr genl;
	unsigned char data[1024];
};

static struct nlattr *end_of(struct request *r)
{
	return (struct nlattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));
}

static void add(struct request *r, int type, const void *value, size_t len)
{
	struct nlattr *a = end_of(r);

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memcpy((char *)a + NLA_HDRLEN, value, len);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + NLA_ALIGN(a->nla_len);
}

static void add_number(struct request *r, int type, unsigned int value)
{
	add(r, type, &value, sizeof(value));
}

static struct nlattr *nest(struct request *r, int type)
{
	struct nlattr *a = end_of(r);

	add(r, type | NLA_F_NESTED, "", 0);
	return a;
}

static void unnest(struct request *r, struct nlattr *a)
{
	a->nla_len = (char *)end_of(r) - (char *)a;
}

static void begin(struct request *r, int family, int command)
{
	memset(r, 0, sizeof(*r));
	r->head.nlmsg_type = family;
	r->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	r->head.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	r->genl.cmd = command;
	r->genl.version = 1;
}

/* Send a request; REPLY takes what comes back in one piece: an answer or an error. */
static int talk(int fd, struct request *r, void *reply, size_t size)
{
	struct nlmsghdr *head = reply;
	ssize_t n;

	if (send(fd, r, r->head.nlmsg_len, 0) < 0)
		err(1, "send");
	n = recv(fd, reply, size, 0);
	if (n < (ssize_t)NLMSG_LENGTH(0))
		err(1, "recv");
	if (head->nlmsg_type != NLMSG_ERROR)
		return 0;
	return ((struct nlmsgerr *)NLMSG_DATA(head))->error;
}

static void must(int fd, struct request *r, const char *what)
{
	char reply[4096];
	int error = talk(fd, r, reply, sizeof(reply));

	if (error) {
		errno = -error;
		err(1, "%s", what);
	}
}

/* The number of the family "ovpn". */
static int find_family(int fd)
{
	char reply[4096], *p = reply + NLMSG_LENGTH(GENL_HDRLEN), ack[4096];
	struct nlmsghdr *head = (struct nlmsghdr *)reply;
	struct request r;

	begin(&r, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	add(&r, CTRL_ATTR_FAMILY_NAME, "ovpn", sizeof("ovpn"));
	if (talk(fd, &r, reply, sizeof(reply)))
		errx(1, "the kernel has no ovpn");
	if (recv(fd, ack, sizeof(ack), 0) < 0)
		err(1, "recv");
	while (p < reply + head->nlmsg_len) {
		struct nlattr *a = (struct nlattr *)p;

		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(unsigned short *)(p + NLA_HDRLEN);
		p += NLA_ALIGN(a->nla_len);
	}
	errx(1, "the family ovpn has no number");
}

static int open_socket(const char *local, int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int size = 16 << 20, fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || inet_pton(AF_INET, local, &addr.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err(1, "bind %s", local);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		err(1, "SO_SNDBUFFORCE");
	return fd;
}

static void new_peer(int fd, int family, const char *device, const char *remote, int port,
		     int socket)
{
	unsigned short be_port = htons(port);
	struct in_addr addr;
	struct nlattr *peer;
	struct request r;

	if (inet_pton(AF_INET, remote, &addr) != 1)
		errx(1, "%s is no address", remote);
	begin(&r, family, CMD_PEER_NEW);
	add_number(&r, A_IFINDEX, if_nametoindex(device));
	peer = nest(&r, A_PEER);
	add_number(&r, PEER_ID, 1);
	add(&r, PEER_REMOTE_IPV4, &addr, sizeof(addr));
	add(&r, PEER_REMOTE_PORT, &be_port, sizeof(be_port));
	add_number(&r, PEER_SOCKET, socket);
	unnest(&r, peer);
	must(fd, &r, "new peer");
}

/* One direction; FROM is the end that sends. */
static void add_direction(struct request *r, int type, int from)
{
	struct nlattr *direction = nest(r, type);
	unsigned char key[KEY_BYTES], nonce[NONCE_BYTES];

	memset(key, 16 + from, sizeof(key));
	memset(nonce, 32 + from, sizeof(nonce));
	add(r, DIR_KEY, key, sizeof(key));
	add(r, DIR_NONCE, nonce, sizeof(nonce));
	unnest(r, direction);
}

static void new_key(int fd, int family, const char *device, const char *cipher, int end)
{
	struct nlattr *conf;
	struct request r;

	begin(&r, family, CMD_KEY_NEW);
	add_number(&r, A_IFINDEX, if_nametoindex(device));
	conf = nest(&r, A_KEYCONF);
	add_number(&r, KEY_PEER_ID, 1);
	add_number(&r, KEY_SLOT, 0);
	add_number(&r, KEY_ID, 1);
	add_number(&r, KEY_CIPHER, strcmp(cipher, "chacha") ? 1 : 2);
	add_direction(&r, KEY_ENCRYPT, end);
	add_direction(&r, KEY_DECRYPT, 3 - end);
	unnest(&r, conf);
	must(fd, &r, "new key");
}

int main(int argc, char **argv)
{
	int fd, family, port, socket_fd;

	if (argc != 7)
		errx(2, "see the head of the source");
	port = atoi(argv[4]);
	socket_fd = open_socket(argv[2], port);
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	if (fd < 0)
		err(1, "netlink");
	family = find_family(fd);
	new_peer(fd, family, argv[1], argv[3], port, socket_fd);
	new_key(fd, family, argv[1], argv[5], atoi(argv[6]));
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
