/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Completers: they complete jobs after parallel() has returned.
 *
 * Each CPU has one.  A job is given to that of its CPU, in parallel(), together
 * with a way: the completer passes it to complete_jobs(), a function of the module
 * that includes this file, from a context of that kind.  Jobs that are given before
 * the context has come are passed together, the last one first.
 */
#ifndef _LOAD_COMPLETER_H
#define _LOAD_COMPLETER_H

#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "../compat.h"

enum way {
	BY_WORK,	/* in a work item on the next CPU */
	BY_TIMER,	/* in softirq, a jiffy later */
	BY_HRTIMER,	/* in hard interrupt, after the delay that the job asks for */
	BY_TASKLET,	/* in softirq, as soon as softirqs are enabled */
	NR_WAYS,
};

/**
 * struct completer - completes the jobs of one CPU
 * @jobs: The jobs, by way.
 * @work: For BY_WORK.
 * @timer: For BY_TIMER.
 * @hrtimer: For BY_HRTIMER.
 * @tasklet: For BY_TASKLET.
 */
struct completer {
	struct llist_head	jobs[NR_WAYS];
	struct work_struct	work;
	struct timer_list	timer;
	struct hrtimer		hrtimer;
	struct tasklet_struct	tasklet;
};

static struct completer __percpu *completers;
static struct workqueue_struct *completer_wq;

static void complete_jobs(struct llist_node *last);

static void completer_work(struct work_struct *work)
{
	struct completer *c = container_of(work, struct completer, work);

	complete_jobs(llist_del_all(&c->jobs[BY_WORK]));
}

static void completer_timer(struct timer_list *timer)
{
	struct completer *c = container_of(timer, struct completer, timer);

	complete_jobs(llist_del_all(&c->jobs[BY_TIMER]));
}

static enum hrtimer_restart completer_hrtimer(struct hrtimer *hrtimer)
{
	struct completer *c = container_of(hrtimer, struct completer, hrtimer);

	complete_jobs(llist_del_all(&c->jobs[BY_HRTIMER]));
	return HRTIMER_NORESTART;
}

static void completer_tasklet(struct tasklet_struct *tasklet)
{
	struct completer *c = container_of(tasklet, struct completer, tasklet);

	complete_jobs(llist_del_all(&c->jobs[BY_TASKLET]));
}

static inline int completer_next_cpu(int cpu)
{
	unsigned int next = cpumask_next(cpu, cpu_online_mask);

	return next < nr_cpu_ids ? next : cpumask_first(cpu_online_mask);
}

/**
 * completer_add() - have a job completed
 * @node: The job's link; complete_jobs() may free it before this returns.
 * @way: From which context.
 * @delay_ns: For BY_HRTIMER.
 *
 * Context: The CPU may not change.
 */
static inline void completer_add(struct llist_node *node, enum way way, u64 delay_ns)
{
	struct completer *c = this_cpu_ptr(completers);

	if (!llist_add(node, &c->jobs[way]))
		return;
	if (way == BY_WORK)
		queue_work_on(completer_next_cpu(smp_processor_id()), completer_wq, &c->work);
	else if (way == BY_TIMER)
		mod_timer(&c->timer, jiffies + 1);
	else if (way == BY_HRTIMER)
		hrtimer_start(&c->hrtimer, ns_to_ktime(delay_ns), HRTIMER_MODE_REL_HARD);
	else
		tasklet_schedule(&c->tasklet);
}

static void completer_init(struct completer *c)
{
	int way;

	for (way = 0; way < NR_WAYS; way++)
		init_llist_head(&c->jobs[way]);
	INIT_WORK(&c->work, completer_work);
	timer_setup(&c->timer, completer_timer, 0);
	compat_hrtimer_setup(&c->hrtimer, completer_hrtimer, CLOCK_MONOTONIC,
			     HRTIMER_MODE_REL_HARD);
	tasklet_setup(&c->tasklet, completer_tasklet);
}

/* No job is in flight; also undoes a start that has failed. */
static void completers_stop(void)
{
	struct completer *c;
	unsigned int cpu;

	if (completer_wq)
		destroy_workqueue(completer_wq);
	if (!completers)
		return;
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(completers, cpu);
		timer_delete_sync(&c->timer);
		hrtimer_cancel(&c->hrtimer);
		tasklet_kill(&c->tasklet);
	}
	free_percpu(completers);
}

/* Returns false when memory is short; completers_stop() is due in any case. */
static bool completers_start(void)
{
	unsigned int cpu;

	completer_wq = alloc_workqueue("%s", WQ_HIGHPRI | COMPAT_WQ_PERCPU, 0, KBUILD_MODNAME);
	completers = alloc_percpu(struct completer);
	if (!completers)
		return false;
	for_each_possible_cpu(cpu)
		completer_init(per_cpu_ptr(completers, cpu));
	return completer_wq;
}

#endif /* _LOAD_COMPLETER_H */
