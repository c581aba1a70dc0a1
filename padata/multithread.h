/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * padata: exclusion rules and types of multithreaded jobs
 */
#ifndef _PADATA_MULTITHREAD_H
#define _PADATA_MULTITHREAD_H

/**
 * DOC: multithreaded jobs
 *
 * The caller computes where the borders of all chunks lie, so a chunk is a number
 * only, and one atomic increment claims it.  Nothing wraps at ULONG_MAX.
 *
 * Each CPU has one **helper**, a work item that belongs to no job.  A job that wants
 * help stands on a list, on its caller's stack; a helper that is called looks for a
 * job that may use its CPU, takes a **seat** there and claims chunks like the
 * caller.  When several jobs want help it serves them in turn.  Nothing is
 * allocated, so there is nothing to fail.
 *
 * A caller that finds no more chunks takes its job off the list and waits for the
 * helpers that have a seat, and for no others.  A helper that was called and has not
 * started, on a CPU that is busy with other work, holds nothing.  Helpers run at the
 * lowest priority, so they take little more than idle time.  Helpers that the caller
 * waits for are raised to its own priority.
 *
 * The caller of a nested job waits only for chunks of its own job.  A helper that runs
 * such a chunk waits only for jobs nested deeper.  So no circle of waiting can arise.
 */

/*
 * Exclusion rules
 * ---------------
 * I: set before the job is listed, then constant
 * J: mt_lock
 * A: atomic
 * X: written by the thread that stops the job (mt_stop); read by the caller after
 *    all helpers have left
 *
 * mt_lock is taken in task context only and nests in nothing of padata's.
 *
 * Memory ordering
 * ---------------
 * A helper sees the caller's earlier writes through mt_lock, under which the job is
 * listed and the helper takes its seat.  The caller sees a helper's writes through
 * mt_lock, under which the helper leaves and the caller finds no helper left, or
 * through the completion of the last one.  The claim (claim:A) and
 * the stop (claim:B) are read-modify-writes of one word, mt_run::next: a chunk is
 * claimed before the stop, and counts, or never.
 */

#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/nodemask.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/topology.h>

/* Chunks per thread: the last of them ends that much later than the others. */
#define MT_CHUNKS_PER_THREAD	16
/* Most chunks of a job that can be undone, whose failures are recorded. */
#define MT_CHUNKS_UNDO		1024
/* How many helpers each new thread of a job calls. */
#define MT_CALLS		2
/*
 * A helper that was called and has not come after this time counts as starved.  A
 * helper serves one job for as long before it turns to the next.
 */
#define MT_TURN_NS		(500 * NSEC_PER_USEC)

/* A job that is being run. */
struct mt_run {
	const struct padata_mt_job *job;	/* I: its description */
	/* I: errors, undo and signals are looked at */
	bool			fallible;
	/*
	 * I: the task whose affinity and signals count: the caller, or the
	 * owner of the job that the caller helps in
	 */
	struct task_struct	*owner;
	struct task_struct	*caller;	/* I: the task that called */
	unsigned long		first;	/* I: units of the first chunk */
	/* I: units of the others, but for the last */
	unsigned long		chunk;
	int			nr_chunks;	/* I: their number */
	int			max_helpers;	/* I: most helpers at a time */
	/* A: number of the next chunk, or nr_chunks and more */
	atomic_t		next;
	/* X: how many chunks were claimed in all */
	int			claimed;
	int			err;	/* A: the first error */
	struct list_head	node;	/* J: link in mt_runs */
	/* J: helpers that have a seat */
	struct list_head	helpers;
	/* J: their number; also read without the lock, as a hint */
	int			nr_helpers;
	/* J: helpers that were called and did not come yet, as far as known */
	int			nr_called;
	/* J: node that a helper was called on last */
	int			nid;
	/* When the caller called helpers last; its own */
	u64			called_at;
	/* The last helper has left, and the caller waits */
	struct completion	idle;
	/* A: chunks that returned an error */
	DECLARE_BITMAP(failed, MT_CHUNKS_UNDO);
};

/* The helper of one CPU. */
struct mt_helper {
	struct work_struct	work;	/* The work item */
	int			cpu;	/* I: its CPU */
	/* J: it will look at the list of jobs */
	bool			called;
	struct task_struct	*task;	/* J: the task that runs it */
	/* The job in which it has a seat; only the helper reads it */
	struct mt_run		*run;
	struct list_head	seat;	/* J: link in mt_run::helpers */
	bool			raised;	/* J: its priority has been raised */
	u64			since;	/* When it sat down; its own */
};

#endif /* _PADATA_MULTITHREAD_H */
