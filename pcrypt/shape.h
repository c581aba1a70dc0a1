/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The form of an AEAD's requests, by its generic name: for modules that make requests.
 */
#ifndef _PCRYPT_SHAPE_H
#define _PCRYPT_SHAPE_H

#include <crypto/authenc.h>
#include <linux/kernel.h>
#include <linux/prandom.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>

#define SHAPE_MAX_KEY	128

/**
 * struct shape - the form of an algorithm's requests
 * @prefix: Beginning of its generic name.
 * @keylen: Bytes of key; for authenc those of both keys.
 * @assoclen: Bytes of associated data.
 * @block: The text is a multiple of this.
 * @iv0: First byte of the IV, where it has a meaning, or 0.
 * @authkeylen: For authenc: bytes of @keylen that are the hash's key.
 */
struct shape {
	const char *prefix;
	unsigned int keylen;
	unsigned int assoclen;
	unsigned int block;
	u8 iv0;
	unsigned int authkeylen;
};

static const struct shape shapes[] = {
	{ "rfc4106(", 20, 16, 1 },
	{ "rfc4543(", 20, 16, 1 },
	{ "gcm(", 16, 16, 1 },
	{ "rfc4309(", 19, 16, 1 },
	{ "ccm(", 16, 16, 1, 3 },
	{ "rfc7539(", 32, 16, 1 },
	{ "rfc7539esp(", 36, 16, 1 },
	{ "authenc(", 48, 16, 16, 0, 32 },
	{ "authencesn(", 48, 16, 16, 0, 32 },
};

/* Or NULL. */
static inline const struct shape *shape_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++)
		if (!strncmp(name, shapes[i].prefix, strlen(shapes[i].prefix)))
			return &shapes[i];
	return NULL;
}

/* @key has room for SHAPE_MAX_KEY.  Returns the bytes of it that are the key. */
static inline unsigned int shape_make_key(const struct shape *shape, u8 *key,
					  struct rnd_state *rnd)
{
	struct crypto_authenc_key_param *param;
	struct rtattr *rta = (struct rtattr *)key;
	unsigned int at = 0;

	if (shape->authkeylen) {
		rta->rta_type = CRYPTO_AUTHENC_KEYA_PARAM;
		rta->rta_len = RTA_LENGTH(sizeof(*param));
		param = RTA_DATA(rta);
		param->enckeylen = cpu_to_be32(shape->keylen - shape->authkeylen);
		at = RTA_SPACE(sizeof(*param));
	}
	prandom_bytes_state(rnd, key + at, shape->keylen);
	return at + shape->keylen;
}

#endif /* _PCRYPT_SHAPE_H */
