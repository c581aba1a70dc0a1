/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels that tests need.  Each part says which kernel makes it
 * unnecessary.
 */
#ifndef _KUNIT_COMPAT_H
#define _KUNIT_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/version.h>

#include "../padata/compat.h"
#include "../pcrypt/compat.h"
/* From 6.13 hrtimer_setup() sets the function, too. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define compat_hrtimer_setup_on_stack	hrtimer_setup_on_stack
#else
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

/* From 6.18 a generator of parameters of a KUnit case is given the test. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define COMPAT_GEN_PARAMS(name)						\
	const void *(name)(struct kunit *test, const void *prev, char *desc)
#define compat_gen_params(name, prev)	name(test, prev, desc)
#else
#define COMPAT_GEN_PARAMS(name)						\
	const void *(name)(const void *prev, char *desc)
#define compat_gen_params(name, prev)	name(prev, desc)
#endif

#endif /* _KUNIT_COMPAT_H */
