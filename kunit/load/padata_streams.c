// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_streams: what many streams cost while they are idle.
 *
 * Makes the parameter nr shells of one instance, looks at all of them as the stall detector
 * does, and frees them.  Prints one line: bytes of a shell, without and with what the slab
 * adds, and nanoseconds for each of them to allocate, to look at and to free.
 *
 * The parts of padata that have these functions are included: a module cannot call the stall
 * detector.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/* padata_mod exports these functions; the copy of them is for this module. */
#define __DISABLE_EXPORTS

#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../../padata/compat.h"
#include "../../padata.h"

#include "../../padata/limits.h"
#include "../../padata/internal.h"

static unsigned int stall_seconds = 30;
static DEFINE_MUTEX(pinsts_mutex);
static LIST_HEAD(pinsts);

#include "../../padata/list.c"
#include "../../padata/shell.c"
#include "../../padata/watch.c"

static unsigned int nr = 100000;
module_param(nr, uint, 0444);
MODULE_PARM_DESC(nr, "streams");

static struct padata_shell **streams;

/* Return the nanoseconds for each stream since @start. */
static unsigned long streams_each(ktime_t start)
{
	return div_u64(ktime_to_ns(ktime_sub(ktime_get(), start)), nr);
}

static int streams_alloc(struct padata_instance *pinst)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		streams[i] = padata_alloc_shell(pinst);
		if (!streams[i])
			return -ENOMEM;
		cond_resched();
	}
	return 0;
}

static void streams_free(void)
{
	unsigned int i;

	for (i = 0; i < nr && streams[i]; i++) {
		padata_free_shell(streams[i]);
		cond_resched();
	}
}

static int streams_measure(struct padata_instance *pinst)
{
	unsigned long alloc_ns, look_ns;
	ktime_t start = ktime_get();
	int err = streams_alloc(pinst);
	size_t bytes;

	alloc_ns = streams_each(start);
	start = ktime_get();
	watch_shells(to_instance(pinst), 30);
	look_ns = streams_each(start);
	bytes = ksize(streams[0]);
	start = ktime_get();
	streams_free();
	if (!err)
		pr_info("nr=%u bytes=%zu slab=%zu alloc_ns=%lu look_ns=%lu free_ns=%lu\n", nr,
			sizeof(struct padata_shell), bytes, alloc_ns, look_ns,
			streams_each(start));
	return err;
}

static int __init streams_init(void)
{
	struct padata_instance *pinst;
	int err;

	if (!nr)
		return -EINVAL;
	streams = kvcalloc(nr, sizeof(*streams), GFP_KERNEL);
	pinst = streams ? padata_alloc("streams") : NULL;
	err = pinst ? streams_measure(pinst) : -ENOMEM;
	if (pinst)
		padata_free(pinst);
	kvfree(streams);
	return err;
}
module_init(streams_init);

static void __exit streams_exit(void)
{
}
module_exit(streams_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("What many idle streams of padata cost");
