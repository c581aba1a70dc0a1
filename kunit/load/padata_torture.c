// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: everything that padata allows, at once and at random, and
 * everything that it promises, checked for each job.
 *
 * Needs nothing but a kernel, so that it runs on those of distributions.  The
 * work begins when the module is loaded and ends by itself; the last line in
 * the log is "padata_torture: SUCCESS key=value..." or "... FAILURE ...".
 *
 *   rig	one instance under torture; "main" has all that is not named here,
 *		"cycled" is stopped and started all the time, "quiet" has a few
 *		jobs at a time, so that a pump that is not woken gets no help
 *   shell	a shell of padata and the callback CPUs that are asked for on it
 *   lane	the jobs of one feeder with one requested callback CPU on one
 *		shell; one counter numbers them, so that their order shows
 *   feeder	submits: threads, and a timer in softirq
 *   completer	per CPU: ends jobs from a work item, a timer, a hard interrupt
 *   deliverer	per CPU: a list into which serial() puts the job's number, and a
 *		tasklet that delivers it; the numbers of a lane must be delivered in
 *		order, too
 *
 * Trouble comes from writers of the two cpumasks, CPU hotplug, padata_stop(), and
 * threads that make and free shells.  Nothing else may change CPUs or masks
 * meanwhile.
 *
 * Callbacks may run outside of a mask, and submissions be refused, only while a
 * mask may be without an online CPU.  struct mask says how the test knows.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../compat.h"
#include "../../padata.h"
#include "../test_files.h"
#include "completer.h"
#include "duration.h"

static unsigned int minutes = 2;
module_param(minutes, uint, 0444);
MODULE_PARM_DESC(minutes, "How long it takes (default 2)");

static unsigned int seconds;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "The same in seconds, instead of minutes");

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "Of all choices (default: random, shown in the log)");

static unsigned int stutter = 3;
module_param(stutter, uint, 0444);
MODULE_PARM_DESC(stutter, "Longest stretch of load in seconds, four times that on slow kernels; after each all jobs must have come back (default 3, 0: never)");

static unsigned int patience;
module_param(patience, uint, 0444);
MODULE_PARM_DESC(patience, "After so many seconds without a callback jobs in flight are lost (default 40, on slow kernels 120)");

#include "torture/internal.h"

/* The parts, bottom-up: each uses only those before it, but callbacks submit. */
#include "torture/count.c"
#include "torture/chance.c"
#include "torture/thread.c"
#include "torture/knowledge.c"
#include "torture/lane.c"
#include "torture/job.c"
#include "torture/ending.c"
#include "torture/delivery.c"
#include "torture/callback.c"
#include "torture/submit.c"
#include "torture/feeder.c"
#include "torture/churn.c"
#include "torture/feeders.c"
#include "torture/masks.c"
#include "torture/hotplug.c"
#include "torture/stop.c"
#include "torture/rig.c"
#include "torture/drain.c"
#include "torture/report.c"

static struct task_struct *troublemakers[MAX_THREADS];
static unsigned int nr_troublemakers;
static struct task_struct *manager;

static bool make_trouble(int (*func)(void *), void *arg, const char *name)
{
	return begin_thread(troublemakers, &nr_troublemakers, func, arg, name);
}

static bool start_trouble(void)
{
	return make_trouble(mask_thread, &rigs[MAIN].masks[SERIAL], "serial") &&
	       make_trouble(mask_thread, &rigs[MAIN].masks[PARALLEL], "parall") &&
	       make_trouble(stop_thread, &rigs[CYCLED], "stop") &&
	       (num_present_cpus() == 1 || make_trouble(hotplug_thread, NULL, "hotplug"));
}

static bool begin(void)
{
	int i;

	for (i = 0; i < NR_RIGS; i++)
		rig_prepare(&rigs[i]);
	calibrate();
	started_ms = now_ms();
	kset = kset_create_and_add(KBUILD_MODNAME, NULL, kernel_kobj);
	return kset && init_cpu_states() && start_enders() && start_deliverers() &&
	       rig_init(&rigs[MAIN], 6) && rig_init(&rigs[CYCLED], 4) &&
	       rig_init(&rigs[QUIET], 4) && rig_init(&rigs[QUIET_TOO], 4) &&
	       start_feeders() && start_trouble();
}

/* Undoes as much as begin() has done.  All jobs have come back. */
static void clean_up(void)
{
	unsigned int i;

	for (i = 0; i < nr_feeders; i++)
		drop_feeders_lanes(feeders[i]);
	for (i = 0; i < NR_RIGS; i++)
		rig_free_shells(&rigs[i]);
	for (i = 0; i < NR_RIGS; i++)
		rig_free(&rigs[i]);
	stop_enders();
	stop_deliverers();
	while (nr_feeders)
		kfree(feeders[--nr_feeders]);
	kfree(cpu_states);
	if (kset)
		kset_unregister(kset);
}

/*
 * The run
 */

static void pause_rigs(int first, int last, bool paused)
{
	for (; first <= last; first++)
		WRITE_ONCE(rigs[first].paused, paused);
}

/* One stretch of load, then silence in which all jobs must come back. */
static void stretch(struct rnd_state *rnd, u64 left_ms)
{
	unsigned long longest = stutter * MSEC_PER_SEC * (SLOW ? 4 : 1);
	unsigned long ms = left_ms;

	if (longest)
		ms = min_t(unsigned long, ms, dice(rnd, longest) + 20);
	WRITE_ONCE(calm, false);
	pause_rigs(MAIN, NR_RIGS - 1, false);
	nap(ms);
	pause_rigs(MAIN, CYCLED, true);
	/* A change of CPUs would wake a pump that has missed its wake-up. */
	WRITE_ONCE(calm, !dice(rnd, READ_ONCE(behind) ? 4 : 2));
	nap(calm ? 100 + dice(rnd, 800) : dice(rnd, 100));
	pause_rigs(QUIET, NR_RIGS - 1, true);
	drain();
}

static u64 run(void)
{
	u64 end_ms = seconds ? seconds * MSEC_PER_SEC : 60ULL * minutes * MSEC_PER_SEC;
	struct rnd_state rnd;
	u64 now = 0, said = 0;

	seed_rnd(&rnd);
	while (now < end_ms && !kthread_should_stop() && !lost) {
		stretch(&rnd, min_t(u64, end_ms - now, PROGRESS_MS));
		now = now_ms() - started_ms;
		if (div_u64(now, PROGRESS_MS) != said)
			say_progress(now);
		said = div_u64(now, PROGRESS_MS);
	}
	return now;
}

/* After errors the verdict comes first, because clean_up() might never return. */
static void finish(u64 ms, bool begun)
{
	bool bad = total_errors();
	int i;

	for (i = 0; i < NR_OWN; i++)
		own[i] = sum_attr(own_names[i]);
	unsettled = sum_attr("unsettled");

	if (bad)
		say_verdict(ms, begun);
	if (lost)
		__module_get(THIS_MODULE);	/* some job may still be used */
	else
		clean_up();
	if (!bad)
		say_verdict(ms, begun);
}

static int manager_thread(void *arg)
{
	bool begun = begin();
	u64 ms = 0;

	if (begun)
		ms = run();
	else
		pr_err("could not begin\n");
	if (!lost) {
		stop_threads(troublemakers, &nr_troublemakers);
		stop_feeders();
		drain();
	}
	finish(ms, begun);
	while (!kthread_should_stop())
		nap(MSEC_PER_SEC);
	return 0;
}

static int __init torture_init(void)
{
	int err = test_root_get(NULL);

	if (err)
		return err;
	if (!seed)
		seed = get_random_u32();
	pr_info("seed=%lu seconds=%u cpus=%u\n", seed, seconds ?: 60 * minutes,
		num_online_cpus());
	manager = kthread_run(manager_thread, NULL, "padata_torture");
	if (IS_ERR(manager)) {
		test_root_put(NULL);
		return PTR_ERR(manager);
	}
	return 0;
}
module_init(torture_init);

static void __exit torture_exit(void)
{
	kthread_stop(manager);
	test_root_put(NULL);
}
module_exit(torture_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Torture test of padata");
