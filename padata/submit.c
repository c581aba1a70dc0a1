// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: the calls that take and complete jobs
 */

/*
 * With softirqs disabled the submitter has its CPU for itself, but for some PREEMPT_RT
 * kernels: there a task that is preempted here must not open the backlog to the next,
 * so it is the task that counts.
 */
static void run_inline(struct instance *pinst, struct padata_priv *job)
{
	bool nested = this_cpu_read(pinst->pumps->inline_task) == current;

	this_cpu_inc(pinst->pumps->stats.inline_jobs);
	this_cpu_inc(pinst->pumps->inline_depth);
	this_cpu_write(pinst->pumps->inline_task, current);
	trace_padata_parallel_start(job);
	job->parallel(job);
	trace_padata_parallel_end(job);
	/* On those kernels tasks do not end in turn, so none puts another one back. */
	if (!nested && this_cpu_read(pinst->pumps->inline_task) == current)
		this_cpu_write(pinst->pumps->inline_task, NULL);
	smp_mb(); /* inline:A: parallel() before inline_depth, see parallel_may_run() */
	this_cpu_dec(pinst->pumps->inline_depth);
}

static __always_inline int submit(struct padata_shell *ps,
				  struct padata_priv *job, int *cb_cpu,
				  bool run_here)
{
	struct instance *pinst = ps->pinst;
	int err;

	if (run_here || !shell_append_quick(ps, job, *cb_cpu)) {
		err = shell_append_slow(ps, job, *cb_cpu, run_here);
		if (err)
			return err;
	}
	/*
	 * Before the job is queued: @cb_cpu may live in it.  Only this function and
	 * pumps call parallel(), so it can't be done yet.
	 */
	*cb_cpu = job->cb_cpu;
	this_cpu_inc(pinst->pumps->stats.submitted);
	/* The fence may be lifted meanwhile. */
	trace_padata_submit(ps, job, job->cb_cpu, data_race(job->fence));
	if (run_here || !queue_job(ps, job))
		run_inline(pinst, job);
	return 0;
}

/**
 * padata_do_parallel() - submit a job
 * @ps: The shell; its jobs are called back in the order of submission.
 * @padata: The job: zeroed, @parallel and @serial set.  It must stay in place
 *	until its serial() is entered.
 * @cb_cpu: The CPU wanted for serial().  When it is not in the usable serial
 *	cpumask another CPU of that mask takes its place, the same one as long as
 *	masks and CPUs do not change, and is stored here.
 *
 * Callbacks of one shell with the same requested callback CPU run one after the
 * other in the order of submission, whatever happens to cpumasks and CPUs.
 * While the instance's backlog is full the submitter runs parallel() itself.
 *
 * Context: Task or softirq, interrupts on.  Does not sleep.  May be called from
 * serial() and parallel().
 * Return:
 * * 0 - the job is in progress and serial() will be called exactly once; that may
 *   have happened before the return.
 * * -EINVAL - no online CPU in the parallel or the serial cpumask, or the
 *   instance is stopped.  The job was not accepted; submit it again once that
 *   has changed, or use padata_do_inline().
 */
int padata_do_parallel(struct padata_shell *ps, struct padata_priv *padata,
		       int *cb_cpu)
{
	int err;

	rcu_read_lock_bh();
	err = submit(ps, padata, cb_cpu, false);
	rcu_read_unlock_bh();
	return err;
}
EXPORT_SYMBOL_GPL(padata_do_parallel);

/**
 * padata_do_inline() - submit a job and run its parallel() here and now
 * @ps: The shell.
 * @padata: The job, as for padata_do_parallel().
 * @cb_cpu: The CPU wanted for serial(), as for padata_do_parallel(); while the
 *	usable serial cpumask is empty any online CPU takes its place.
 *
 * For users that have to be served whatever the cpumasks are: the job takes its
 * place in the order, which it would lose if it were done outside of the shell.
 *
 * Context: As for padata_do_parallel(), but not from parallel(): a chain of such
 * jobs would be a recursion.
 * Return: 0, or -EINVAL when the instance is stopped.
 */
int padata_do_inline(struct padata_shell *ps, struct padata_priv *padata,
		     int *cb_cpu)
{
	int err;

	rcu_read_lock_bh();
	err = submit(ps, padata, cb_cpu, true);
	rcu_read_unlock_bh();
	return err;
}
EXPORT_SYMBOL_GPL(padata_do_inline);

/* Locks of ours sleep on PREEMPT_RT, and must not be taken with interrupts off. */
static bool must_defer(void)
{
	return in_hardirq() || irqs_disabled() ||
	       (IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible());
}

/**
 * padata_do_serial() - say that a job is done
 * @padata: The job.
 *
 * Called exactly once per job, by parallel() or by the code that ends the work later.
 * serial() follows on the callback CPU once all earlier jobs of the shell are
 * done.
 *
 * Context: Any but NMI.  Does not sleep and does not call serial() itself.
 */
void padata_do_serial(struct padata_priv *padata)
{
	struct padata_shell *ps = padata->ps;
	int old;

	/* done:A, baton:B; without the baton the job may be gone from here on */
	old = atomic_xchg(&padata->state, JOB_DONE);
	if (likely(old == JOB_RUNNING))
		return;
	if (WARN_ONCE(old == JOB_DONE, "%s() called twice for a job\n", __func__))
		return;
	/* The baton was here: the job is still the first one, and holds the shell. */
	if (must_defer()) {
		rcu_read_lock();
		shell_defer(ps, padata->cb_cpu);
		rcu_read_unlock();
		return;
	}
	rcu_read_lock_bh();
	if (!shell_drain_later(ps))
		shell_drain(ps);
	rcu_read_unlock_bh();
}
EXPORT_SYMBOL_GPL(padata_do_serial);

/**
 * padata_map_cb_cpu() - look up where results of a job would come out
 * @ps: The shell.
 * @cb_cpu: The callback CPU that the job would ask for, any number.
 *
 * A submitter that has no time for callbacks can ask for a CPU that is not its own.  The
 * answer is a hint: a mask may change, or a CPU go, before the job is submitted.
 *
 * Context: Task or softirq, interrupts on.  Does not sleep.
 * Return: The CPU on which serial() would run, or -EINVAL where padata_do_parallel()
 * would refuse the job for want of a usable CPU.
 */
int padata_map_cb_cpu(struct padata_shell *ps, int cb_cpu)
{
	unsigned int gen;
	int cpu;

	rcu_read_lock_bh();
	cpu = map_cb_cpu(ps->pinst, cb_cpu, false, &gen);
	rcu_read_unlock_bh();
	return cpu;
}
EXPORT_SYMBOL_GPL(padata_map_cb_cpu);
