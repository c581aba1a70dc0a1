// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_stall: streams that stand still, for scripts/padata_dump.py to look at.
 *
 * Each shell of the instance "stall" stands in another way, from the loading of the
 * module to its unloading.  Their numbers are those of enum stall_shell, plus 1.  CPU 2
 * does all work, and CPU 3 spins in a callback.  Both have softirqs disabled at the end,
 * so unload it soon.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>

#include "../../padata.h"

#define STALL_JOBS	3
/* Where a callback spins, and where a job does. */
#define STALL_SPIN_CPU	3
#define STALL_WORK_CPU	2

enum stall_shell {
	STALL_IDLE,		/* has had jobs */
	STALL_DIRECT,		/* in direct mode on the CPU of insmod */
	STALL_HELD,		/* its first job does not end, the next two have */
	STALL_SPIN,		/* its first callback does not return, two wait for it */
	STALL_PARKED,		/* its last job waits for callbacks behind that one */
	STALL_WORK,		/* its parallel() does not return */
	STALL_QUEUED,		/* its jobs wait for the CPU of that */
	STALL_SHELLS,
};

static struct padata_instance *stall_pinst;
static struct padata_shell *stall_ps[STALL_SHELLS];
static struct padata_priv stall_jobs[STALL_SHELLS][STALL_JOBS];
/* Jobs that have ended, callbacks that have returned. */
static atomic_t stall_ended, stall_returned;
/* A callback spins, a job does; and the end of both. */
static bool stall_spins, stall_works, stall_over;

static void stall_spin(bool *begun)
{
	WRITE_ONCE(*begun, true);
	while (!READ_ONCE(stall_over))
		cpu_relax();
}

static void stall_serial(struct padata_priv *job)
{
	atomic_inc(&stall_returned);
}

static void stall_serial_spin(struct padata_priv *job)
{
	stall_spin(&stall_spins);
}

static void stall_parallel(struct padata_priv *job)
{
	padata_do_serial(job);
	atomic_inc(&stall_ended);
}

/* The job ends elsewhere, when the module is unloaded. */
static void stall_parallel_hold(struct padata_priv *job)
{
	atomic_inc(&stall_ended);
}

static void stall_parallel_spin(struct padata_priv *job)
{
	stall_spin(&stall_works);
	padata_do_serial(job);
}

static int stall_submit(enum stall_shell shell, int nr, int cb_cpu)
{
	struct padata_priv *job = &stall_jobs[shell][nr];

	if (!job->parallel)
		job->parallel = stall_parallel;
	if (!job->serial)
		job->serial = stall_serial;
	return padata_do_parallel(stall_ps[shell], job, &cb_cpu);
}

/* All jobs of a shell, the last one with a callback CPU of its own. */
static int stall_submit_all(enum stall_shell shell, int cb_cpu, int last_cb_cpu)
{
	int nr, err = 0;

	for (nr = 0; nr < STALL_JOBS && !err; nr++)
		err = stall_submit(shell, nr, nr < STALL_JOBS - 1 ? cb_cpu : last_cb_cpu);
	return err;
}

/* Return true once @flag is set and @counter is at least @n. */
static bool stall_wait(const bool *flag, const atomic_t *counter, int n)
{
	unsigned long end = jiffies + 20 * HZ;

	while (time_before(jiffies, end)) {
		if (READ_ONCE(*flag) && atomic_read(counter) >= n)
			return true;
		msleep(20);
	}
	return false;
}

static int stall_go_direct(void)
{
	int err;

	local_bh_disable();
	err = padata_go_direct(stall_ps[STALL_DIRECT]);
	if (!err)
		padata_direct_done(stall_ps[STALL_DIRECT]);
	local_bh_enable();
	return err;
}

/* The streams that stand still without a CPU that does. */
static int stall_quietly(void)
{
	static const bool yes = true;
	int err;

	stall_jobs[STALL_HELD][0].parallel = stall_parallel_hold;
	err = stall_submit_all(STALL_IDLE, 0, 0);
	err = err ?: stall_submit_all(STALL_HELD, 1, 1);
	err = err ?: stall_go_direct();
	if (err)
		return err;
	return stall_wait(&yes, &stall_ended, 2 * STALL_JOBS) &&
	       stall_wait(&yes, &stall_returned, STALL_JOBS) ? 0 : -ETIMEDOUT;
}

/* Those that need the spinning callback, and the spinning job. */
static int stall_loudly(void)
{
	int err;

	stall_jobs[STALL_SPIN][0].serial = stall_serial_spin;
	stall_jobs[STALL_WORK][0].parallel = stall_parallel_spin;
	err = stall_submit_all(STALL_SPIN, STALL_SPIN_CPU, STALL_SPIN_CPU);
	if (err)
		return err;
	if (!stall_wait(&stall_spins, &stall_ended, 3 * STALL_JOBS))
		return -ETIMEDOUT;
	err = stall_submit_all(STALL_PARKED, STALL_SPIN_CPU, 0);
	if (err)
		return err;
	if (!stall_wait(&stall_spins, &stall_ended, 4 * STALL_JOBS))
		return -ETIMEDOUT;
	err = stall_submit(STALL_WORK, 0, STALL_WORK_CPU);
	if (err)
		return err;
	if (!stall_wait(&stall_works, &stall_ended, 0))
		return -ETIMEDOUT;
	return stall_submit_all(STALL_QUEUED, 0, 0);
}

/* Not inlined into the module's init function, whose memory goes. */
static noinline int stall_alloc(void)
{
	int i;

	stall_pinst = padata_alloc("stall");
	if (!stall_pinst)
		return -ENOMEM;
	for (i = 0; i < STALL_SHELLS; i++) {
		stall_ps[i] = padata_alloc_shell(stall_pinst);
		if (!stall_ps[i])
			return -ENOMEM;
	}
	padata_set_total_order(stall_ps[STALL_PARKED]);
	return padata_set_cpumask(stall_pinst, PADATA_CPU_PARALLEL,
				  cpumask_of(STALL_WORK_CPU));
}

static void stall_end(void)
{
	int i;

	WRITE_ONCE(stall_over, true);
	if (stall_jobs[STALL_HELD][0].ps)
		padata_do_serial(&stall_jobs[STALL_HELD][0]);
	for (i = 0; i < STALL_SHELLS; i++)
		padata_free_shell(stall_ps[i]);
	if (stall_pinst)
		padata_free(stall_pinst);
}

static int __init padata_stall_init(void)
{
	int err;

	if (!cpu_online(STALL_SPIN_CPU) || !cpu_online(STALL_WORK_CPU))
		return -ENODEV;
	err = stall_alloc();
	err = err ?: stall_quietly();
	err = err ?: stall_loudly();
	if (err)
		stall_end();
	return err;
}
module_init(padata_stall_init);

static void __exit padata_stall_exit(void)
{
	stall_end();
}
module_exit(padata_stall_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Streams of padata that stand still");
