/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What pcrypt needs and differs between kernels.  The last sentence of each comment says
 * up to which kernel the part is needed: it goes when no older one is supported.
 */
#ifndef _PCRYPT_COMPAT_H
#define _PCRYPT_COMPAT_H

#include <crypto/skcipher.h>
#include <linux/crypto.h>
#include <linux/module.h>

/*
 * From 6.3 a crypto completion gets the request's data; before, the request
 * itself.  The argument has the type compat_completion_arg, and
 * compat_completion_data() finds the data.  Tested by the type.  Needed up to 6.2.
 */
#define compat_completion_gets_data					\
	__builtin_types_compatible_p(crypto_completion_t,		\
				     void (*)(void *data, int err))

#define compat_completion_arg						\
	typeof(__builtin_choose_expr(compat_completion_gets_data,	\
				     (void *)NULL,			\
				     (struct crypto_async_request *)NULL))

static inline void *compat_completion_data(compat_completion_arg arg)
{
	if (compat_completion_gets_data)
		return arg;
	return ((struct crypto_async_request *)arg)->data;
}

/*
 * What is known of the algorithm that an AEAD was made of; the counterpart of
 * compat_skcipher_alg, for the code that is written once for both.  Needed up to 6.6.
 */
#define compat_aead_alg	aead_alg

/*
 * From 6.7 an skcipher may be built on an lskcipher, and what the two have in common
 * has a type of its own; and requests may hand a state of the cipher's own on.  Needed up
 * to 6.6.
 */
#ifdef CRYPTO_SKCIPHER_REQ_CONT
#define compat_skcipher_alg	skcipher_alg_common
#define compat_skcipher_export	crypto_skcipher_export
#define compat_skcipher_import	crypto_skcipher_import

static inline void
compat_skcipher_set_state(struct skcipher_alg *alg,
			  const struct skcipher_alg_common *child,
			  int (*export)(struct skcipher_request *req, void *out),
			  int (*import)(struct skcipher_request *req, const void *in))
{
	/* Without a state the crypto API has functions of its own. */
	alg->statesize = child->statesize;
	alg->export = export;
	alg->import = import;
}
#else
#define compat_skcipher_alg	skcipher_alg

static inline int compat_skcipher_export(struct skcipher_request *req, void *out)
{
	return -EOPNOTSUPP;
}

static inline int compat_skcipher_import(struct skcipher_request *req, const void *in)
{
	return -EOPNOTSUPP;
}

static inline void
compat_skcipher_set_state(struct skcipher_alg *alg, const struct skcipher_alg *child,
			  int (*export)(struct skcipher_request *req, void *out),
			  int (*import)(struct skcipher_request *req, const void *in))
{
}
#endif

#endif /* _PCRYPT_COMPAT_H */
