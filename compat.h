/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels, and nowhere else.  Each part says which kernel
 * makes it unnecessary.
 */
#ifndef _COMPAT_H
#define _COMPAT_H

#include <crypto/skcipher.h>
#include <linux/crypto.h>
#include <linux/module.h>
#include <linux/version.h>
#include <linux/workqueue.h>

/*
 * From 6.17 a per-CPU workqueue has to say so; before, it is what one gets
 * without WQ_UNBOUND, whether or not the flag was backported.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define COMPAT_WQ_PERCPU	WQ_PERCPU
#else
#define COMPAT_WQ_PERCPU	0
#endif

/*
 * From 6.3 a crypto completion gets the request's data; before, the request
 * itself.  The argument has the type compat_completion_arg, and
 * compat_completion_data() finds the data.  Tested by the type.
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

/* What is known of the algorithm that an AEAD was made of; for the name. */
#define compat_aead_alg	aead_alg

/*
 * From 6.7 an skcipher may be built on an lskcipher, and what the two have in common
 * has a type of its own; and requests may hand a state of the cipher's own on.
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

/* From 6.13 hrtimer_setup() sets the function, too. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define compat_hrtimer_setup	hrtimer_setup
#define compat_hrtimer_setup_on_stack	hrtimer_setup_on_stack
#else
#define compat_hrtimer_setup(timer, func, clock, mode)			\
do {									\
	struct hrtimer *_timer = (timer);				\
									\
	hrtimer_init(_timer, clock, mode);				\
	_timer->function = (func);					\
} while (0)

#define compat_hrtimer_setup_on_stack(timer, func, clock, mode)		\
do {									\
	struct hrtimer *_timer = (timer);				\
									\
	hrtimer_init_on_stack(_timer, clock, mode);			\
	_timer->function = (func);					\
} while (0)
#endif

/* The driver of AES in C; 7.3 has it in the library. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define COMPAT_AES	"aes-lib"
#else
#define COMPAT_AES	"aes-generic"
#endif

/* From 6.18 who makes parameters of a KUnit case is told the test. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define COMPAT_GEN_PARAMS(name)						\
	const void *(name)(struct kunit *test, const void *prev, char *desc)
#define compat_gen_params(name, prev)	name(test, prev, desc)
#else
#define COMPAT_GEN_PARAMS(name)						\
	const void *(name)(const void *prev, char *desc)
#define compat_gen_params(name, prev)	name(prev, desc)
#endif

/* What module_sig_ok() says, which not every kernel exports. */
static inline bool compat_module_sig_ok(const struct module *module)
{
#ifdef CONFIG_MODULE_SIG
	return module->sig_ok;
#else
	return true;
#endif
}

#endif /* _COMPAT_H */
