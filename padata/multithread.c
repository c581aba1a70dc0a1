// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: one job cut into chunks, run by its caller and helpers on other CPUs
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
	/* A change of the nice value may count or not, too. */
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

/* Take the job off the list, so that no helper comes, and wait for those that did. */
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

/* Return the greatest number of threads for which there are chunks large enough. */
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
 * helpers on other CPUs, and returns when all calls have returned.  A job that may
 * fail is run by padata_do_multithreaded_err(); its fields are ignored here.  Nothing of a
 * range that goes beyond ULONG_MAX is called; the kernel warns once.
 *
 * Context: Task, may sleep; from the thread function of another job, too.  Thread
 * functions may take no lock that the caller holds.
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
 * Context: Task, may sleep; from the thread function of another job, too.  Thread
 * functions may take no lock that the caller holds.
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
