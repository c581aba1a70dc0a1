/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * padata: run jobs on many CPUs, hand the results back in the order of
 * submission.
 *
 * The documented names are mapped onto symbols with a prefix, so that a module
 * written against the kernel's documentation of padata builds and loads on
 * kernels with and without their own.  The kernel's header is included first
 * because its names must be seen before they are mapped; a source that includes
 * both headers, in whichever order, gets ours.
 */
#ifndef _PADATA_MOD_H
#define _PADATA_MOD_H

#ifdef __has_include
#if __has_include("linux/padata.h")
#include <linux/padata.h>
#endif
#endif

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/kobject.h>
#include <linux/percpu.h>
#include <linux/types.h>

#define padata_instance		padata_mod_instance
#define padata_shell		padata_mod_shell
#define padata_link		padata_mod_link
#define padata_priv		padata_mod_priv
#define padata_alloc		padata_mod_alloc
#define padata_alloc_on		padata_mod_alloc_on
#define padata_free		padata_mod_free
#define padata_alloc_shell	padata_mod_alloc_shell
#define padata_free_shell	padata_mod_free_shell
#define padata_put_shell	padata_mod_put_shell
#define padata_set_total_order	padata_mod_set_total_order
#define padata_set_cpumask	padata_mod_set_cpumask
#define padata_start		padata_mod_start
#define padata_stop		padata_mod_stop
#define padata_do_parallel	padata_mod_do_parallel
#define padata_do_inline	padata_mod_do_inline
#define padata_is_direct	padata_mod_is_direct
#define padata_go_direct	padata_mod_go_direct
#define padata_go_direct_here	padata_mod_go_direct_here
#define padata_is_direct_slow	padata_mod_is_direct_slow
#define padata_direct_done	padata_mod_direct_done
#define padata_direct_done_slow	padata_mod_direct_done_slow
#define padata_direct		padata_mod_direct
#define padata_map_cb_cpu	padata_mod_map_cb_cpu
#define padata_do_serial	padata_mod_do_serial
#define padata_mt_job		padata_mod_mt_job
#define padata_do_multithreaded	padata_mod_do_multithreaded
#define padata_do_multithreaded_err padata_mod_do_multithreaded_err

/* Which mask padata_set_cpumask() changes. */
#ifndef PADATA_CPU_SERIAL
#define PADATA_CPU_SERIAL	0x01
#define PADATA_CPU_PARALLEL	0x02
#endif

struct padata_shell;
struct workqueue_struct;

/**
 * struct padata_instance - one set of cpumasks, workers and counters
 * @kobj: Carries the attributes, ``parallel_cpumask`` and ``serial_cpumask``
 *	among them.  The user may place it with kobject_add(), once, and leaves its
 *	removal to padata_free().
 *
 * Made by padata_alloc(); all else in it is private.
 */
struct padata_instance {
	struct kobject kobj;
};

/*
 * Private: the beginning of a shell.  @on is the CPU on which submitters do the work
 * themselves, or below 0; @cpu the number of each CPU, or below 0 while that is offline or
 * about to go.
 */
struct padata_direct {
	int on;
	int __percpu *cpu;
};

/* A link of a singly linked list of jobs. */
struct padata_link {
	struct padata_link *next;
};

/**
 * struct padata_priv - one job
 * @order: Private: link in the shell's order list, then in a serial queue.
 * @queue: Private: link in the shell's queue of jobs that wait for a CPU.
 * @ps: Private: the shell that the job was submitted to.
 * @state: Private: running, running with the baton, or done.
 * @cb_cpu: Private: CPU whose serial queue the job goes to.
 * @fence: Private: the CPU that earlier results of the shell have to leave before
 *	this callback starts, or that there is none, or that there are many.
 * @info: The user's own; padata never reads or writes it.
 * @parallel: Does the work.  Called exactly once, with softirqs disabled, on a
 *	CPU of the parallel cpumask or on the submitter's.  It, or the code that
 *	ends the work later, calls padata_do_serial().
 * @serial: Takes the result.  Called exactly once after padata_do_serial(),
 *	with softirqs disabled, on the callback CPU, in the order of submission.
 *	It may free or resubmit the job.
 *
 * A mask whose last CPU has gone offline leaves accepted jobs to any online CPU,
 * and so does a callback CPU that has gone offline to another of the serial
 * cpumask.
 *
 * Embedded in the user's structure and zeroed before it is submitted.  The job
 * belongs to padata from the successful return of padata_do_parallel() until
 * @serial is entered.
 */
struct padata_priv {
	struct padata_link	order;
	struct padata_link	queue;
	struct padata_shell	*ps;
	atomic_t		state;
	int			cb_cpu;
	int			fence;
	int			info;
	void			(*parallel)(struct padata_priv *padata);
	void			(*serial)(struct padata_priv *padata);
};

/**
 * struct padata_mt_job - one job that is cut into chunks and run by several threads
 * @thread_fn: Called once for each chunk, with its first unit, the unit behind its
 *	last one (0 when that is ULONG_MAX) and @fn_arg.  Runs in the calling
 *	task or in a kernel thread, may sleep, and may run a job itself.
 * @fn_arg: The last argument of all functions here.
 * @start: First unit of the job; units are whatever the user counts in.
 * @size: Units in the job; 0 is no work.
 * @align: Where chunks meet is a multiple of this; where the job begins and ends
 *	need not be.  0 counts as 1.
 * @min_chunk: No chunk is smaller, unless the job is: the least that is worth
 *	another thread.
 * @max_threads: At most this many threads, the caller among them; below 1 counts
 *	as 1.  Never more than one per CPU.
 * @numa_aware: Helpers go to one node after the other, rather than to the caller's
 *	first.
 * @thread_fn_err: Instead of @thread_fn: returns 0, or an error that ends the job.
 *	A failing call takes back its own part of the chunk itself.
 * @undo_fn: Called, after an error or a signal, for each chunk that is done.
 * @killable: A fatal signal of the caller ends the job.
 * @done: Counts the units that are done, from 0, chunk by chunk; those undone are
 *	taken off again.  May be read at any time, and belongs to this call alone.
 *
 * All are optional but the thread function and @size.  The fields from
 * @thread_fn_err to @killable are those of padata_do_multithreaded_err().
 *
 * Helpers run on CPUs of the caller's affinity (that of the outermost caller for
 * a job within a job), less those that were isolated at boot.
 */
struct padata_mt_job {
	void		(*thread_fn)(unsigned long start, unsigned long end, void *arg);
	void		*fn_arg;
	unsigned long	start;
	unsigned long	size;
	unsigned long	align;
	unsigned long	min_chunk;
	int		max_threads;
	bool		numa_aware;

	int		(*thread_fn_err)(unsigned long start, unsigned long end,
					 void *arg);
	void		(*undo_fn)(unsigned long start, unsigned long end, void *arg);
	bool		killable;
	atomic_long_t	*done;
};

struct padata_instance *padata_alloc(const char *name);
struct padata_instance *padata_alloc_on(const char *name,
					struct workqueue_struct *wq,
					const struct cpumask *pcpumask,
					const struct cpumask *cbcpumask);
void padata_free(struct padata_instance *pinst);
struct padata_shell *padata_alloc_shell(struct padata_instance *pinst);
void padata_free_shell(struct padata_shell *ps);
void padata_put_shell(struct padata_shell *ps);
void padata_set_total_order(struct padata_shell *ps);
int padata_set_cpumask(struct padata_instance *pinst, int cpumask_type,
		       const struct cpumask *cpumask);
int padata_start(struct padata_instance *pinst);
void padata_stop(struct padata_instance *pinst);
int padata_do_parallel(struct padata_shell *ps, struct padata_priv *padata,
		       int *cb_cpu);
int padata_do_inline(struct padata_shell *ps, struct padata_priv *padata,
		     int *cb_cpu);
bool padata_is_direct_slow(struct padata_shell *ps);
int padata_go_direct(struct padata_shell *ps);
int padata_go_direct_here(struct padata_shell *ps);
void padata_direct_done_slow(struct padata_shell *ps);
int padata_map_cb_cpu(struct padata_shell *ps, int cb_cpu);
void padata_do_serial(struct padata_priv *padata);
void padata_do_multithreaded(const struct padata_mt_job *job);
int padata_do_multithreaded_err(const struct padata_mt_job *job);

/* The caller may be moved to another CPU at any time: what counts is where it was. */
static __always_inline bool padata_direct_is_here(const struct padata_direct *direct, int on)
{
	return likely(on == raw_cpu_read(*direct->cpu));
}

/**
 * padata_is_direct() - ask whether the caller may do a job itself
 * @ps: The shell.
 *
 * In direct mode, see padata_go_direct(), the caller does the work at once, in place
 * of submitting a job, and calls padata_direct_done().  The work has to end before the
 * caller returns from the call of its user, or to become a job by padata_do_inline()
 * before that, and the user must have the result before it calls again.  Any number of
 * tasks and CPUs may do so at the same time.  Direct work is not a job: it is in none of
 * the instance's counters, and padata_free_shell() does not wait for it.
 *
 * Context: Task or softirq, interrupts on.  Does not sleep.
 * Return: true if the caller may; false if the shell is not in direct mode, or the CPU
 * is about to go offline.  The work is then one for padata_do_parallel() or
 * padata_do_inline(), which end direct mode.
 */
static __always_inline bool padata_is_direct(struct padata_shell *ps)
{
	const struct padata_direct *direct = (const struct padata_direct *)ps;
	/* direct:B; after it the caller's result cannot be seen before earlier ones */
	int on = smp_load_acquire(&direct->on);

	return padata_direct_is_here(direct, on) || padata_is_direct_slow(ps);
}

/**
 * padata_direct_done() - say that direct work is done
 * @ps: The shell.
 *
 * Called after padata_is_direct() has returned true, or padata_go_direct() or
 * padata_go_direct_here() 0, when the work is done and before the result is passed on.
 * If others have ended direct mode meanwhile, the fence of their jobs did not wait for
 * this result; jobs that follow do.
 *
 * Context: Task or softirq, interrupts on.  Does not sleep.
 */
static __always_inline void padata_direct_done(struct padata_shell *ps)
{
	const struct padata_direct *direct = (const struct padata_direct *)ps;

	/* The number of the CPU is read again, not that of before the work. */
	barrier();
	if (!padata_direct_is_here(direct, READ_ONCE(direct->on)))
		padata_direct_done_slow(ps);
}

#endif /* _PADATA_MOD_H */
