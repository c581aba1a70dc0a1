// SPDX-License-Identifier: GPL-2.0-only
/*
 * kcapi-aio PLAIN WRAPPED REQUESTS: an AEAD through libkcapi's AIO interface.
 *
 * Encrypts REQUESTS messages of many lengths with WRAPPED by AIO and compares
 * each with the output of PLAIN without AIO.  Prints `requests=N wrong=N`.
 */
#include <err.h>
#include <kcapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define TAG_BYTES	16
#define AAD_BYTES	20
#define MAX_BYTES	4000

static const unsigned char key[16] = "0123456789abcdef";

static struct kcapi_handle *open_aead(const char *name, int flags)
{
	struct kcapi_handle *handle;
	int ret = kcapi_aead_init(&handle, name, flags);

	if (ret)
		errx(1, "%s: cannot be had (%d)", name, ret);
	if (kcapi_aead_setkey(handle, key, sizeof(key)))
		errx(1, "%s: setkey", name);
	if (kcapi_aead_settaglen(handle, TAG_BYTES))
		errx(1, "%s: settaglen", name);
	kcapi_aead_setassoclen(handle, AAD_BYTES);
	return handle;
}

/* A handle that fell back to synchronous calls has no context for AIO. */
static int aio_contexts(void)
{
	FILE *file = fopen("/proc/sys/fs/aio-nr", "r");
	int n = 0;

	if (!file || fscanf(file, "%d", &n) != 1)
		err(1, "/proc/sys/fs/aio-nr");
	fclose(file);
	return n;
}

static unsigned char *alloc_pages(void)
{
	void *memory;

	if (posix_memalign(&memory, sysconf(_SC_PAGESIZE), 2 * 4096))
		errx(1, "no memory");
	return memory;
}

int main(int argc, char **argv)
{
	unsigned char iv[12] = "an iv", *in, *expected, *got;
	struct kcapi_handle *plain, *wrapped;
	unsigned long requests, i, wrong = 0;
	struct iovec from, to;
	size_t bytes, j;

	if (argc != 4)
		errx(2, "usage: kcapi-aio PLAIN WRAPPED REQUESTS");
	plain = open_aead(argv[1], 0);
	wrapped = open_aead(argv[2], KCAPI_INIT_AIO);
	if (!aio_contexts())
		errx(1, "no AIO here");
	in = alloc_pages();
	expected = alloc_pages();
	got = alloc_pages();
	requests = strtoul(argv[3], NULL, 10);
	for (i = 0; i < requests; i++) {
		bytes = AAD_BYTES + i * 37 % (MAX_BYTES - AAD_BYTES);
		for (j = 0; j < bytes; j++)
			in[j] = i + j;
		memset(expected, 0, 8192);
		memset(got, 0, 8192);
		from = (struct iovec){ in, bytes };
		to = (struct iovec){ got, bytes + TAG_BYTES };
		if (kcapi_aead_encrypt(plain, in, bytes, iv, expected,
				       bytes + TAG_BYTES, KCAPI_ACCESS_SENDMSG) < 0)
			errx(1, "%s refuses %zu bytes", argv[1], bytes);
		if (kcapi_aead_encrypt_aio(wrapped, &from, &to, 1, iv,
					   KCAPI_ACCESS_SENDMSG) < 0)
			errx(1, "%s refuses %zu bytes", argv[2], bytes);
		/* AF_ALG may or may not copy the associated data. */
		if (memcmp(expected + AAD_BYTES, got + AAD_BYTES,
			   bytes + TAG_BYTES - AAD_BYTES))
			wrong++;
	}
	printf("requests=%lu wrong=%lu\n", requests, wrong);
	return wrong != 0;
}
