// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: one job cut into chunks, run by its caller and helpers on other CPUs
 */

/**
 * DOC: multithreaded jobs
 *
 * The caller computes where the borders of all chunks lie, so a chunk is but a
 * number, and claiming one is one atomic increment.  Nothing wraps at ULONG_MAX.
 *
 * Each CPU has one **helper**, a work item that belongs to no job.  A job that wants
 * help stands on a list, on its caller's stack; a helper that is called looks for a
 * job that may use its CPU, takes a **seat** there and claims chunks like the
 * caller.  When several jobs want help it serves them in turn.  Nothing is
 * allocated, so there is nothing to fail.
 *
 * A caller that finds no more chunks takes its job off the list and waits for the
 * helpers that have a seat, and for no others: one that has been called and has
 * not started, on a CPU that is busy with something else, holds nothing.  Helpers
 * run at the lowest priority, so they take from others little more than
 * what is idle; those that the caller waits for are raised to its own.
 *
 * A nested job's caller waits only for chunks of its own job, and who runs these waits
 * for nothing but jobs nested deeper, so no circle of waiting can arise.
 */

/*
 * Exclusion rules
 * ---------------
 * I: set before the job is listed, then constant
 * J: mt_lock
 * A: atomic
 * X: written by who stops the job (mt_stop); read by the caller after all
 *    helpers have left
 *
 * mt_lock is taken in task context only and nests in nothing of padata's.
 *
 * Memory ordering
 * ---------------
 * What the caller wrote before is seen by a helper through mt_lock, under which the
 * job is listed and the helper takes its seat.  What a helper wrote is seen by the
 * caller through mt_lock, under which the helper leaves and the caller finds no
 * helper left, or through the completion of the last one.  The claim (claim:A) and
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
/* Helpers that each thread calls, as a start: their number doubles. */
#define MT_CALLS		2
/*
 * Who was called and has not come after this time is taken for starved; as long
 * serves a helper one job before it turns to the next.
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
	struct task_struct	*task;	/* J: who runs it */
	/* The job in which it has a seat; its own, read by nobody else */
	struct mt_run		*run;
	struct list_head	seat;	/* J: link in mt_run::helpers */
	bool			raised;	/* J: its priority has been raised */
	u64			since;	/* When it sat down; its own */
};

static DEFINE_PER_CPU(struct mt_helper, mt_helpers);
static DEFINE_SPINLOCK(mt_lock);
static LIST_HEAD(mt_runs);		/* J: jobs that want help */
static int mt_nr_runs;			/* J: their number, also read without */
static struct workqueue_struct *mt_wq;

/*
 * Chunks
 */

/* Where chunk @nr begins, in units from the start of the job. */
static unsigned long mt_border(const struct mt_run *run, int nr)
{
	if (!nr)
		return 0;
	if (nr == run->nr_chunks)
		return run->job->size;
	return run->first + (nr - 1) * run->chunk;
}

/* Wraps, to less than @units, when there is no such multiple. */
static unsigned long mt_round_up(unsigned long units, unsigned long align)
{
	unsigned long over = units % align;

	return over ? units + (align - over) : units;
}

/**
 * mt_cut() - lay the borders
 * @run: The job.
 * @threads: How many threads it is meant for.
 *
 * Borders are multiples of the alignment, wherever the job starts.  No chunk is
 * smaller than the smallest one allowed, unless the job is: the first chunk
 * reaches beyond the first border rather than up to it, and a rest that is too
 * small goes to the last chunk.
 */
static void mt_cut(struct mt_run *run, unsigned long threads)
{
	const struct padata_mt_job *job = run->job;
	unsigned long align = max(job->align, 1UL);
	unsigned long pieces = threads * MT_CHUNKS_PER_THREAD;
	unsigned long head = job->start % align;
	unsigned long least, rest;

	/* One for the first chunk, and one for a rest. */
	if (run->fallible && job->undo_fn)
		pieces = min(pieces, MT_CHUNKS_UNDO - 2UL);
	run->nr_chunks = 1;
	least = max(job->min_chunk, (job->size - 1) / pieces + 1);
	run->chunk = mt_round_up(least, align);
	run->first = run->chunk + (head ? align - head : 0);
	/* Sums that wrapped are smaller than what was added to. */
	if (run->chunk < least || run->first < run->chunk ||
	    run->first >= job->size)
		return;
	rest = job->size - run->first;
	run->nr_chunks += rest / run->chunk;
	rest %= run->chunk;
	if (rest && rest >= job->min_chunk)
		run->nr_chunks++;
}

static int mt_call(const struct padata_mt_job *job, bool fallible,
		   unsigned long from, unsigned long to)
{
	if (fallible && job->thread_fn_err)
		return job->thread_fn_err(job->start + from, job->start + to,
					  job->fn_arg);
	job->thread_fn(job->start + from, job->start + to, job->fn_arg);
	return 0;
}

static void mt_note_done(const struct padata_mt_job *job, unsigned long units)
{
	if (job->done)
		atomic_long_add(units, job->done);
}

/* Ends the claiming; false when there was nothing left to claim. */
static bool mt_stop(struct mt_run *run)
{
	/* claim:B */
	int next = atomic_xchg(&run->next, run->nr_chunks);

	if (next >= run->nr_chunks)
		return false;
	run->claimed = next;
	return true;
}

static void mt_fail(struct mt_run *run, int nr, int err)
{
	cmpxchg(&run->err, 0, err);
	mt_stop(run);
	if (run->job->undo_fn)
		set_bit(nr, run->failed);
}

/* A signal that came when all was claimed stops nothing, and is no error. */
static void mt_look_for_signal(struct mt_run *run)
{
	struct task_struct *owner = run->owner;

	if (!run->fallible || !run->job->killable)
		return;
	/* The owner may be another task; a signal that comes now may count or not. */
	if (data_race(fatal_signal_pending(owner)) && mt_stop(run))
		cmpxchg(&run->err, 0, -EINTR);
}

/* Returns whether it is worth to come again. */
static bool mt_run_chunk(struct mt_run *run)
{
	unsigned long from, to;
	int nr, err;

	mt_look_for_signal(run);
	/* claim:A */
	nr = atomic_fetch_inc(&run->next);
	if (nr >= run->nr_chunks)
		return false;
	from = mt_border(run, nr);
	to = mt_border(run, nr + 1);
	err = mt_call(run->job, run->fallible, from, to);
	if (err) {
		mt_fail(run, nr, err);
		return false;
	}
	mt_note_done(run->job, to - from);
	return true;
}

/* All helpers have left. */
static void mt_undo(struct mt_run *run)
{
	const struct padata_mt_job *job = run->job;
	unsigned long from, to;
	int nr = run->claimed;

	while (nr--) {
		if (test_bit(nr, run->failed))
			continue;
		from = mt_border(run, nr);
		to = mt_border(run, nr + 1);
		job->undo_fn(job->start + from, job->start + to, job->fn_arg);
		mt_note_done(job, -(to - from));
		cond_resched();
	}
}

/*
 * Calling helpers
 */

/* Whose affinity and signals count for a job that is started here and now. */
static struct task_struct *mt_owner(void)
{
	/* If it is not one of ours it may be freed already: not to be looked into. */
	struct work_struct *work = current_work();
	struct mt_helper *helper;
	int cpu;

	if (!work)
		return current;
	for_each_possible_cpu(cpu) {
		helper = per_cpu_ptr(&mt_helpers, cpu);
		/* A helper that runs somebody's code has a seat in that job. */
		if (work == &helper->work)
			return helper->run->owner;
	}
	return current;
}

/* The affinity, in which cpusets are contained, less what was isolated at boot. */
static bool mt_may_use(struct task_struct *owner, int cpu)
{
	/* A change of the affinity while it is read may count or not. */
	return data_race(cpumask_test_cpu(cpu, &owner->cpus_mask)) &&
	       housekeeping_cpu(cpu, COMPAT_HK_TYPE_DOMAIN_BOOT) &&
	       housekeeping_cpu(cpu, HK_TYPE_WQ);
}

/* How many CPUs other than this one may help; looks no further than @limit. */
static unsigned long mt_count_cpus(struct task_struct *owner, unsigned long limit)
{
	int cpu, here = raw_smp_processor_id();
	unsigned long nr = 0;

	/* The map of online CPUs may change: it is read bit by bit. */
	for_each_possible_cpu(cpu) {
		if (nr >= limit)
			break;
		nr += cpu != here && cpu_online(cpu) && mt_may_use(owner, cpu);
	}
	return nr;
}

static int mt_chunks_left(struct mt_run *run)
{
	return run->nr_chunks - atomic_read(&run->next);
}

/* A CPU of node @nid, or of any, whose helper is not called; or -1. */
static int mt_find_cpu_on(struct mt_run *run, int nid)
{
	int cpu, here = task_cpu(run->caller);

	for_each_cpu_wrap(cpu, cpu_possible_mask, here)
		if (cpu != here && cpu_online(cpu) &&
		    (nid == NUMA_NO_NODE || cpu_to_node(cpu) == nid) &&
		    !per_cpu_ptr(&mt_helpers, cpu)->called &&
		    mt_may_use(run->owner, cpu))
			return cpu;
	return -1;
}

/* Near the caller first, or on one node after the other. */
static int mt_find_cpu(struct mt_run *run)
{
	int cpu, nr;

	if (!run->job->numa_aware) {
		cpu = mt_find_cpu_on(run, run->nid);
		return cpu < 0 ? mt_find_cpu_on(run, NUMA_NO_NODE) : cpu;
	}
	for (nr = nr_node_ids; nr > 0; nr--) {
		run->nid = (run->nid + 1) % (int)nr_node_ids;
		if (!node_state(run->nid, N_CPU))
			continue;
		cpu = mt_find_cpu_on(run, run->nid);
		if (cpu >= 0)
			return cpu;
	}
	return -1;
}

/*
 * Call a helper, unless there are enough.  A helper that is marked as called is no
 * other job's to call, so its work item is queued under the same lock: a caller of
 * low priority that were preempted in between would keep the CPU from all jobs.
 */
static bool mt_call_one(struct mt_run *run)
{
	struct mt_helper *helper = NULL;
	int cpu;

	spin_lock(&mt_lock);
	if (run->nr_helpers + run->nr_called < run->max_helpers &&
	    run->nr_called < mt_chunks_left(run)) {
		cpu = mt_find_cpu(run);
		if (cpu >= 0) {
			helper = per_cpu_ptr(&mt_helpers, cpu);
			helper->called = true;
			run->nr_called++;
			queue_work_on(cpu, mt_wq, &helper->work);
		}
	}
	spin_unlock(&mt_lock);
	return helper;
}

/* Whoever works for the job calls two more, until there are enough. */
static void mt_call_helpers(struct mt_run *run)
{
	int i;

	for (i = 0; i < MT_CALLS && READ_ONCE(run->nr_helpers) < run->max_helpers; i++)
		if (!mt_call_one(run))
			break;
}

/*
 * The caller, between two chunks: others are called in place of those that do not
 * come, if what is left of the job is worth it.
 */
static void mt_call_others(struct mt_run *run, u64 now, s64 chunk_ns)
{
	if (READ_ONCE(run->nr_helpers) >= run->max_helpers ||
	    now - run->called_at < MT_TURN_NS ||
	    mt_chunks_left(run) * chunk_ns < READ_ONCE(wakeup_cost_ns))
		return;
	spin_lock(&mt_lock);
	run->nr_called = 0;
	spin_unlock(&mt_lock);
	run->called_at = now;
	mt_call_helpers(run);
}

/*
 * The helper
 */

/* A job for this helper; the jobs take turns.  NULL ends the helper. */
static struct mt_run *mt_sit_down(struct mt_helper *helper)
{
	/* Its CPU may have gone offline. */
	bool lost = raw_smp_processor_id() != helper->cpu;
	struct mt_run *run;

	spin_lock(&mt_lock);
	list_for_each_entry(run, &mt_runs, node) {
		if (lost || run->nr_helpers == run->max_helpers ||
		    mt_chunks_left(run) <= 0 ||
		    !mt_may_use(run->owner, helper->cpu))
			continue;
		WRITE_ONCE(run->nr_helpers, run->nr_helpers + 1);
		run->nr_called = max(run->nr_called - 1, 0);
		list_add(&helper->seat, &run->helpers);
		list_move_tail(&run->node, &mt_runs);
		helper->run = run;
		helper->task = current;
		spin_unlock(&mt_lock);
		return run;
	}
	/* From here on it can be called again, and will find what is new then. */
	helper->called = false;
	spin_unlock(&mt_lock);
	return NULL;
}

/* The job may be gone afterwards. */
static void mt_get_up(struct mt_helper *helper)
{
	struct mt_run *run = helper->run;
	bool raised;

	spin_lock(&mt_lock);
	list_del(&helper->seat);
	WRITE_ONCE(run->nr_helpers, run->nr_helpers - 1);
	if (!run->nr_helpers && list_empty(&run->node))
		complete(&run->idle);
	raised = helper->raised;
	helper->raised = false;
	spin_unlock(&mt_lock);
	if (raised)
		sched_set_normal(current, MAX_NICE);
}

/* Between two chunks: goes on here, or looks around. */
static bool mt_stay(struct mt_helper *helper)
{
	cond_resched_tasks_rcu_qs();
	return (READ_ONCE(mt_nr_runs) == 1 ||
		local_clock() - helper->since < MT_TURN_NS) &&
	       raw_smp_processor_id() == helper->cpu &&
	       mt_may_use(helper->run->owner, helper->cpu);
}

static void mt_helper_work(struct work_struct *work)
{
	struct mt_helper *helper = container_of(work, struct mt_helper, work);
	int nice = task_nice(current);
	struct mt_run *run;

	/* The thread is the workqueue's and gets its priority back. */
	set_user_nice(current, MAX_NICE);
	while ((run = mt_sit_down(helper))) {
		helper->since = local_clock();
		mt_call_helpers(run);
		while (mt_run_chunk(run) && mt_stay(helper))
			;
		mt_get_up(helper);
	}
	set_user_nice(current, nice);
}

/*
 * The caller
 */

static void mt_list(struct mt_run *run)
{
	spin_lock(&mt_lock);
	list_add_tail(&run->node, &mt_runs);
	WRITE_ONCE(mt_nr_runs, mt_nr_runs + 1);
	spin_unlock(&mt_lock);
}

/*
 * The caller waits for this helper, which gets the owner's priority: a caller
 * that is itself a helper may not have been raised yet.  Which priority exactly
 * a real-time or deadline task has is more than a module can pass on.
 */
static void mt_raise(struct mt_run *run, struct mt_helper *helper)
{
	/* A change of the owner's priority meanwhile may count or not. */
	int prio = data_race(run->owner->prio);
	/* Likewise. */
	int nice = data_race(task_nice(run->owner));

	/* Below nice 19 there is only SCHED_IDLE, whose nice value means nothing. */
	if (data_race(run->owner->policy) == SCHED_IDLE)
		return;
	helper->raised = true;
	if (prio < MAX_RT_PRIO)
		sched_set_fifo_low(helper->task);
	else
		set_user_nice(helper->task, nice);
}

/* No helper comes any more; waits for those that are there. */
static void mt_unlist(struct mt_run *run)
{
	struct mt_helper *helper;
	bool busy;

	spin_lock(&mt_lock);
	list_del_init(&run->node);
	WRITE_ONCE(mt_nr_runs, mt_nr_runs - 1);
	busy = run->nr_helpers;
	list_for_each_entry(helper, &run->helpers, seat)
		mt_raise(run, helper);
	spin_unlock(&mt_lock);
	if (busy)
		wait_for_completion(&run->idle);
}

static void mt_run_with_helpers(struct mt_run *run)
{
	u64 now, start = local_clock();
	int nr = 0;

	INIT_LIST_HEAD(&run->helpers);
	init_completion(&run->idle);
	run->nid = cpu_to_node(raw_smp_processor_id());
	run->called_at = start;
	mt_list(run);
	mt_call_helpers(run);
	while (mt_run_chunk(run)) {
		cond_resched_tasks_rcu_qs();
		now = local_clock();
		/* Clocks of two CPUs may differ, so this may be negative. */
		mt_call_others(run, now, div_s64(now - start, ++nr));
	}
	mt_unlist(run);
}

/* Not inlined: a job of one chunk has no use for that much stack. */
static noinline int mt_run_chunks(const struct padata_mt_job *job, bool fallible,
				  struct task_struct *owner, unsigned long threads)
{
	struct mt_run run;

	/* Not cleared: most of it is the bitmap, which few jobs need. */
	run.job = job;
	run.fallible = fallible;
	run.owner = owner;
	run.caller = current;
	run.err = 0;
	run.nr_helpers = 0;
	run.nr_called = 0;
	atomic_set(&run.next, 0);
	mt_cut(&run, threads);
	run.claimed = run.nr_chunks;
	run.max_helpers = min_t(unsigned long, threads, run.nr_chunks) - 1;
	if (fallible && job->undo_fn)
		bitmap_zero(run.failed, MT_CHUNKS_UNDO);
	if (run.max_helpers)
		mt_run_with_helpers(&run);
	else
		while (mt_run_chunk(&run))
			cond_resched_tasks_rcu_qs();
	if (run.err && job->undo_fn)
		mt_undo(&run);
	return run.err;
}

/* How many threads could run a chunk that is large enough, at most. */
static unsigned long mt_max_threads(const struct padata_mt_job *job)
{
	unsigned long least = max3(job->min_chunk, job->align, 1UL);

	if (job->size < least || job->max_threads < 1)
		return 1;
	return min_t(unsigned long, job->size / least, job->max_threads);
}

static int mt_run_job(const struct padata_mt_job *job, bool fallible)
{
	bool watched = job->done || (fallible && job->killable);
	unsigned long threads = mt_max_threads(job);
	struct task_struct *owner;

	might_sleep();
	if (job->done)
		atomic_long_set(job->done, 0);
	if (!job->size)
		return 0;
	if (threads > 1 || watched) {
		owner = mt_owner();
		threads = 1 + mt_count_cpus(owner, threads - 1);
		if (threads > 1 || watched)
			return mt_run_chunks(job, fallible, owner, threads);
	}
	return mt_call(job, fallible, 0, job->size);
}

/* Units are numbers from 0 to ULONG_MAX, and there are none behind. */
static bool mt_range_is_bad(const struct padata_mt_job *job)
{
	return job->size && job->size - 1 > ULONG_MAX - job->start;
}

/**
 * padata_do_multithreaded() - run a job that cannot fail on several CPUs
 * @job: Its description; the same one may be used by several tasks at a time.
 *
 * Calls padata_mt_job::thread_fn for each chunk, in the calling task and in
 * helpers on other CPUs, and returns when all calls have returned.  What may fail
 * is run by padata_do_multithreaded_err(), whose fields are not looked at here.
 *
 * Context: Task, may sleep; from the thread function of another job, too.  What
 * locks the caller holds no thread function may take.
 */
void padata_do_multithreaded(const struct padata_mt_job *job)
{
	if (WARN_ON_ONCE(mt_range_is_bad(job)))
		return;
	mt_run_job(job, false);
}
EXPORT_SYMBOL_GPL(padata_do_multithreaded);

/**
 * padata_do_multithreaded_err() - run a job that may fail on several CPUs
 * @job: Its description, of which padata_mt_job::thread_fn may be NULL when
 *	padata_mt_job::thread_fn_err is set.
 *
 * The first error ends the claiming of chunks.  Chunks that are running are
 * finished; then, where there is a padata_mt_job::undo_fn, it is called for each
 * chunk that was finished without an error, in the calling task, the last chunk
 * first.
 *
 * Context: Task, may sleep; from the thread function of another job, too.  What
 * locks the caller holds no thread function may take.
 * Return: 0 when all was done; the first error of a thread function; -EINTR when
 * a fatal signal stopped a job that is padata_mt_job::killable; -EINVAL, and
 * nothing was called, without a thread function or for a range that exceeds
 * ULONG_MAX.
 */
int padata_do_multithreaded_err(const struct padata_mt_job *job)
{
	if (mt_range_is_bad(job) || !(job->thread_fn_err || job->thread_fn))
		return -EINVAL;
	return mt_run_job(job, true);
}
EXPORT_SYMBOL_GPL(padata_do_multithreaded_err);

static int __init mt_helpers_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct mt_helper *helper = per_cpu_ptr(&mt_helpers, cpu);

		INIT_WORK(&helper->work, mt_helper_work);
		helper->cpu = cpu;
	}
	mt_wq = alloc_workqueue("padata_mt", WQ_CPU_INTENSIVE | COMPAT_WQ_PERCPU, 0);
	return mt_wq ? 0 : -ENOMEM;
}

/* No job runs any more; a helper may, and finds none. */
static void mt_helpers_exit(void)
{
	destroy_workqueue(mt_wq);
}
