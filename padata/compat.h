/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Things that padata needs and that differ between kernels.  The last sentence of each
 * comment says up to which kernel the part is needed: it goes when no older one is
 * supported.
 */
#ifndef _PADATA_COMPAT_H
#define _PADATA_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/timer.h>
#include <linux/topology.h>
#include <linux/version.h>
#include <linux/workqueue.h>

/*
 * From 6.17 a per-CPU workqueue has to say so.  Before, each workqueue without
 * WQ_UNBOUND is one, whether or not the flag was backported.  Needed up to 6.16.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define COMPAT_WQ_PERCPU	WQ_PERCPU
#else
#define COMPAT_WQ_PERCPU	0
#endif

/*
 * From 6.18 PREEMPT_RT can do without the lock that makes softirqs of a CPU wait for
 * a section with softirqs disabled.  Needed for good, but for the version: up to 6.17.
 * KCFLAGS=-DTEST_BH_EXCLUDES_NOTHING has any kernel take that way, for tests.
 */
#if defined(TEST_BH_EXCLUDES_NOTHING) || \
	(defined(CONFIG_PREEMPT_RT) && !defined(CONFIG_PREEMPT_RT_NEEDS_BH_LOCK) && \
	 LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0))
#define COMPAT_BH_EXCLUDES_SOFTIRQS	false
#else
#define COMPAT_BH_EXCLUDES_SOFTIRQS	true
#endif

/*
 * From 7.0 HK_TYPE_DOMAIN follows cpuset partitions, and its mask is freed when they
 * change.  The isolation of the boot has a type of its own.  Needed up to 6.19.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define COMPAT_HK_TYPE_DOMAIN_BOOT	HK_TYPE_DOMAIN_BOOT
#else
#define COMPAT_HK_TYPE_DOMAIN_BOOT	HK_TYPE_DOMAIN
#endif

/* From 6.2 the name says that a timer is meant.  Needed up to 6.1. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define compat_timer_delete_sync	timer_delete_sync
#else
#define compat_timer_delete_sync	del_timer_sync
#endif

/*
 * From 6.16 the field of a timer is found by a function of another name.  Needed up to
 * 6.15.
 */
#ifdef timer_container_of
#define compat_timer_container_of	timer_container_of
#else
#define compat_timer_container_of	from_timer
#endif

/* From 6.13 hrtimer_setup() sets the function, too.  Needed up to 6.12. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define compat_hrtimer_setup	hrtimer_setup
#else
#define compat_hrtimer_setup(timer, func, clock, mode)			\
do {									\
	struct hrtimer *_timer = (timer);				\
									\
	hrtimer_init(_timer, clock, mode);				\
	_timer->function = (func);					\
} while (0)
#endif

/*
 * The last-level cache of a CPU, the same number for CPUs of a node that share it, or -1.
 * cpus_share_cache(), by which workqueues know, is not exported.  Needed for good, but for
 * the version, from which on x86 has it in what it knows of its topology: up to 6.6.
 */
static inline int compat_cache_of(int cpu)
{
#if defined(CONFIG_X86) && !defined(CONFIG_UML)
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	/* What is known of a CPU that was never online is 0, but for its own number. */
	unsigned int id = cpu_data(cpu).cpu_index == cpu ? per_cpu_llc_id(cpu) : BAD_APICID;
#else
	unsigned int id = get_llc_id(cpu);
#endif

	return id == BAD_APICID ? -1 : (int)id;
#elif defined(topology_llc_cpumask)
	unsigned int first = cpumask_first(topology_llc_cpumask(cpu));

	return first < nr_cpu_ids ? (int)first : -1;
#else
	return -1;
#endif
}

#endif /* _PADATA_COMPAT_H */
