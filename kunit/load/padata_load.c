// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_load: keeps padata_mod busy from its loading to its unloading.
 *
 * A thread submits bursts of jobs to a few shells and rests in between.  The
 * parameter jobs counts callbacks; wrong counts those that came out of turn, twice,
 * on the wrong CPU or with the wrong contents.
 *
 * hold=SECONDS may be set any time before it is unloaded.  Then padata_free_shell()
 * and padata_free() wait so long for one job each, of the first shell and of a
 * second instance.
 *
 * inside=N makes it begin with N callbacks that free their own shell and instance.
 * padata must refuse that.
 * leak=1 makes one more do so on an instance of its own, which is never freed
 * otherwise.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../../padata.h"

#define LOAD_SHELLS	4
#define LOAD_BURST	32
#define LOAD_TIMEOUT	(60 * HZ)

static unsigned int hold;
module_param(hold, uint, 0644);
MODULE_PARM_DESC(hold, "seconds that two jobs are held when it is unloaded");

static unsigned int inside;
module_param(inside, uint, 0444);
MODULE_PARM_DESC(inside, "callbacks that free their own shell and instance");

static bool leak;
module_param(leak, bool, 0444);
MODULE_PARM_DESC(leak, "an instance is freed in a callback only, which leaks it");

static unsigned long jobs;
module_param(jobs, ulong, 0444);
MODULE_PARM_DESC(jobs, "jobs called back");

static unsigned int wrong;
module_param(wrong, uint, 0444);
MODULE_PARM_DESC(wrong, "of these, how many were wrong");

struct load_shell;

/**
 * struct load_job - one of a burst
 * @padata: The job.
 * @shell: Its shell.
 * @nr: Its number in the shell.
 * @result: The result of parallel(), made of @nr.
 */
struct load_job {
	struct padata_priv	padata;
	struct load_shell	*shell;
	u32			nr;
	u32			result;
};

/**
 * struct load_shell - one shell and its jobs
 * @ps: The shell.
 * @cb_cpu: The callback CPU of its jobs.
 * @submitted: Number of jobs submitted so far.
 * @next: Number of the next job to be called back.
 * @over: The last job of the burst was called back.
 * @jobs: The burst.
 */
struct load_shell {
	struct padata_shell	*ps;
	int			cb_cpu;
	u32			submitted;
	u32			next;
	struct completion	over;
	struct load_job		jobs[LOAD_BURST];
};

static struct padata_instance *load_pinst;
static struct load_shell load_shells[LOAD_SHELLS];
static struct task_struct *load_thread;

static void load_note(bool is_wrong)
{
	if (is_wrong)
		WRITE_ONCE(wrong, wrong + 1);
}

static void load_parallel(struct padata_priv *padata)
{
	struct load_job *job = container_of(padata, struct load_job, padata);

	udelay(5);
	job->result = ~job->nr;
	padata_do_serial(padata);
}

static void load_serial(struct padata_priv *padata)
{
	struct load_job *job = container_of(padata, struct load_job, padata);
	struct load_shell *shell = job->shell;

	load_note(job->result != ~job->nr || job->nr != shell->next ||
		  smp_processor_id() != shell->cb_cpu);
	shell->next = job->nr + 1;
	job->result = 0;
	if (job == &shell->jobs[LOAD_BURST - 1])
		complete(&shell->over);
}

static void load_submit(struct load_shell *shell, struct load_job *job)
{
	memset(job, 0, sizeof(*job));
	job->padata.parallel = load_parallel;
	job->padata.serial = load_serial;
	job->shell = shell;
	job->nr = shell->submitted;
	if (padata_do_parallel(shell->ps, &job->padata, &shell->cb_cpu))
		load_note(true);
	else
		shell->submitted++;
}

/* Return false if a job was lost. */
static bool load_burst(void)
{
	struct load_shell *shell;
	int i, j;

	for (i = 0; i < LOAD_SHELLS; i++)
		for (j = 0; j < LOAD_BURST; j++)
			load_submit(&load_shells[i], &load_shells[i].jobs[j]);
	for (i = 0; i < LOAD_SHELLS; i++) {
		shell = &load_shells[i];
		if (!wait_for_completion_timeout(&shell->over, LOAD_TIMEOUT))
			return false;
		WRITE_ONCE(jobs, jobs + LOAD_BURST);
	}
	return true;
}

static int load_work(void *unused)
{
	bool lost = false;

	while (!kthread_should_stop()) {
		if (!lost && !load_burst()) {
			lost = true;
			load_note(true);
			pr_err("jobs lost\n");
		}
		usleep_range(2000, 3000);
	}
	return 0;
}

/* ---- waits that take long ---- */

/**
 * struct load_held - a job that ends late
 * @padata: The job.
 * @work: Ends it.
 */
struct load_held {
	struct padata_priv	padata;
	struct delayed_work	work;
};

static struct load_held load_held[2];
static struct padata_instance *load_late_pinst;
static struct padata_shell *load_late_ps;

static void load_held_parallel(struct padata_priv *padata)
{
	struct load_held *held = container_of(padata, struct load_held, padata);

	queue_delayed_work(system_wq, &held->work, hold * HZ);
}

static void load_held_end(struct work_struct *work)
{
	padata_do_serial(&container_of(to_delayed_work(work), struct load_held,
				       work)->padata);
}

static void load_held_serial(struct padata_priv *padata)
{
}

static void load_hold(struct load_held *held, struct padata_shell *ps)
{
	int cpu = 0;

	held->padata.parallel = load_held_parallel;
	held->padata.serial = load_held_serial;
	INIT_DELAYED_WORK(&held->work, load_held_end);
	load_note(padata_do_parallel(ps, &held->padata, &cpu));
}

static void load_free_late(struct work_struct *work)
{
	/* Its shell's owner goes first, so that this has to wait. */
	padata_put_shell(load_late_ps);
	padata_free(load_late_pinst);
	if (hold)
		pr_info("padata_free() has returned\n");
}

static DECLARE_WORK(load_free_late_work, load_free_late);

/* ---- callbacks that free their own shell and instance ---- */

/**
 * struct load_inside - a job with such a callback
 * @padata: The job.
 * @pinst: Its instance.
 * @ps: Its shell.
 * @done: It has returned from both calls.
 */
struct load_inside {
	struct padata_priv	padata;
	struct padata_instance	*pinst;
	struct padata_shell	*ps;
	struct completion	done;
};

static void load_inside_serial(struct padata_priv *padata)
{
	struct load_inside *in = container_of(padata, struct load_inside, padata);

	padata_free_shell(in->ps);
	padata_free(in->pinst);
	complete(&in->done);
}

static int load_free_inside(struct padata_instance *pinst)
{
	struct load_inside in = {
		.padata = { .parallel = padata_do_serial, .serial = load_inside_serial },
		.pinst = pinst,
	};
	int err, cpu = 0;

	in.ps = padata_alloc_shell(pinst);
	if (!in.ps)
		return -ENOMEM;
	init_completion(&in.done);
	err = padata_do_parallel(in.ps, &in.padata, &cpu);
	if (err)
		padata_free_shell(in.ps);
	else
		wait_for_completion(&in.done);
	return err;
}

static int load_leak(void)
{
	struct padata_instance *pinst = padata_alloc("padata_load_leaked");

	return pinst ? load_free_inside(pinst) : -ENOMEM;
}

/* ---- module ---- */

static void load_free(void)
{
	int i;

	for (i = 0; i < LOAD_SHELLS; i++)
		padata_free_shell(load_shells[i].ps);
	if (hold)
		pr_info("padata_free_shell() has returned\n");
	if (load_pinst)
		padata_free(load_pinst);
	if (hold)
		flush_work(&load_free_late_work);
	else if (load_late_pinst)
		load_free_late(NULL);
}

/*
 * Not inlined into the module's init function: its memory is freed by the time that
 * a message names the allocator.
 */
static noinline int load_alloc_shells(void)
{
	struct load_shell *shell;
	int i, cpu = -1;

	for (i = 0; i < LOAD_SHELLS; i++) {
		shell = &load_shells[i];
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		shell->cb_cpu = cpu;
		init_completion(&shell->over);
		shell->ps = padata_alloc_shell(load_pinst);
		if (!shell->ps)
			return -ENOMEM;
	}
	return 0;
}

static noinline int load_alloc(void)
{
	load_pinst = padata_alloc("padata_load");
	load_late_pinst = padata_alloc("padata_load_late");
	if (!load_pinst || !load_late_pinst)
		return -ENOMEM;
	load_late_ps = padata_alloc_shell(load_late_pinst);
	return load_late_ps ? load_alloc_shells() : -ENOMEM;
}

static int __init padata_load_init(void)
{
	int err = load_alloc();
	unsigned int i;

	for (i = 0; i < inside && !err; i++)
		err = load_free_inside(load_pinst);
	if (leak && !err)
		err = load_leak();
	if (!err) {
		load_thread = kthread_run(load_work, NULL, "padata_load");
		err = PTR_ERR_OR_ZERO(load_thread);
	}
	if (err)
		load_free();
	return err;
}
module_init(padata_load_init);

static void __exit padata_load_exit(void)
{
	kthread_stop(load_thread);
	if (hold) {
		pr_info("holds two jobs for %u seconds\n", hold);
		load_hold(&load_held[0], load_shells[0].ps);
		load_hold(&load_held[1], load_late_ps);
		/* Both waits begin now. */
		queue_work(system_unbound_wq, &load_free_late_work);
	}
	load_free();
	pr_info("%lu jobs, %u wrong\n", jobs, wrong);
}
module_exit(padata_load_exit);

MODULE_DESCRIPTION("Keeps padata_mod busy");
MODULE_LICENSE("GPL");
