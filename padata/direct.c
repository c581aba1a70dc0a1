// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: direct mode of a shell
 *
 * In direct mode the submitter does the work itself and has the result on return,
 * past the shell: without a list or a counter, and without a lock but for the first time
 * on a further CPU.  The order needs nothing more.  Of two pieces of direct work that
 * overlap in time either may end first, as those of any two concurrent calls.  A job
 * submitted after direct work has returned follows a result that is out already.  Direct
 * mode begins only where no job of the shell is in flight, no callback runs, and the
 * CPUs on which the results came out have settled; or where all of them came out on the
 * one CPU that does direct work.
 *
 * It ends with the next job.  Direct results came out on the CPUs of their submitters,
 * so that job has a fence: padata_shell::from names the CPU, or is CPU_MANY.
 *
 * Letters: none of its own; padata_shell::direct is written under
 * padata_shell::lock.
 */

/* A submitter does direct work on this CPU, which may be another one than before. */
static void shell_note_direct(struct padata_shell *ps)
{
	lockdep_assert_held(&ps->lock);
	pump_delivers(this_cpu_ptr(ps->pinst->pumps));
	if (ps->direct.on == smp_processor_id())
		return;
	ps->from = CPU_MANY;
	WRITE_ONCE(ps->direct.on, CPU_MANY);
}

/* A CPU on its way out settles for the last time, so it takes no more such work. */
static bool direct_cpu_is_online(struct padata_shell *ps)
{
	return this_cpu_read(ps->pinst->pumps->direct_cpu) == smp_processor_id();
}

/* Return true if the shell is in direct mode, and this CPU, new to it or not, may take part. */
static bool shell_join_direct(struct padata_shell *ps)
{
	lockdep_assert_held(&ps->lock);
	if (ps->direct.on == CPU_NONE || !direct_cpu_is_online(ps))
		return false;
	if (ps->direct_here && ps->direct.on != smp_processor_id())
		return false;
	shell_note_direct(ps);
	return true;
}

/* Return true if the shell is in direct mode; this CPU may be new to it, or about to go. */
static noinline bool shell_is_direct_here(struct padata_shell *ps)
{
	bool direct;

	rcu_read_lock_bh();
	spin_lock(&ps->lock);
	direct = shell_join_direct(ps);
	spin_unlock(&ps->lock);
	rcu_read_unlock_bh();
	return direct;
}

/* Return true if the shell is in direct mode and expects direct results of this CPU. */
static __always_inline bool shell_knows_direct_cpu(struct padata_shell *ps, int on)
{
	struct padata_pump __percpu *pumps = ps->pinst->pumps;
	int here = raw_cpu_read(pumps->direct_cpu);

	return likely(on == here) ||
	       (on == CPU_MANY && here != CPU_UNKNOWN && raw_cpu_read(pumps->delivers));
}

/* The rest of padata_is_direct(). */
bool padata_is_direct_slow(struct padata_shell *ps)
{
	/* direct:B */
	int on = smp_load_acquire(&ps->direct.on);

	if (shell_knows_direct_cpu(ps, on))
		return true;
	return on != CPU_NONE && shell_is_direct_here(ps);
}
EXPORT_SYMBOL_GPL(padata_is_direct_slow);

/* Direct mode has ended meanwhile, or the task was moved. */
static noinline void shell_note_late_result(struct padata_shell *ps)
{
	rcu_read_lock_bh();
	spin_lock(&ps->lock);
	if (ps->direct.on != CPU_NONE && !ps->direct_here) {
		shell_note_direct(ps);
	} else {
		shell_end_direct(ps);
		pump_delivers(this_cpu_ptr(ps->pinst->pumps));
		ps->from = CPU_MANY;
		ps->one_request = false;
		ps->was_direct = true;
		ps->map_to = CPU_UNKNOWN;
		/* Whatever settles now does not settle for this result. */
		ps->nr_cut++;
		ps->late_result = true;
	}
	spin_unlock(&ps->lock);
	rcu_read_unlock_bh();
}

/* The rest of padata_direct_done(). */
void padata_direct_done_slow(struct padata_shell *ps)
{
	if (!shell_knows_direct_cpu(ps, READ_ONCE(ps->direct.on)))
		shell_note_late_result(ps);
}
EXPORT_SYMBOL_GPL(padata_direct_done_slow);

/*
 * Return true if direct mode may begin: no job is in flight, and no result is on its way,
 * or where it is for this CPU alone (@here), none from another CPU.  Otherwise the CPUs of
 * an idle shell are asked to settle, by its next callback or at the second time; not where
 * the instance is stopped, since its pumps may be gone, see `stop'.
 */
static bool shell_may_go_direct(struct padata_shell *ps, bool here)
{
	lockdep_assert_held(&ps->lock);
	if (!shell_is_idle(ps) || !direct_cpu_is_online(ps))
		return false;
	ps->from = came_out_on(ps->pinst, ps->from);
	if (ps->from == CPU_NONE || (here && ps->from == smp_processor_id()))
		return true;
	if (READ_ONCE(ps->pinst->running))
		shell_want_settled(ps);
	return false;
}

/* Join direct mode, or begin it.  Return 0 or -EAGAIN. */
static int go_direct(struct padata_shell *ps, bool here)
{
	bool direct;

	/* A hint, which spares others the lock. */
	if (READ_ONCE(ps->baton) != BATON_HOME)
		return -EAGAIN;
	rcu_read_lock_bh();
	spin_lock(&ps->lock);
	direct = shell_join_direct(ps);
	if (!direct && ps->direct.on == CPU_NONE && shell_may_go_direct(ps, here)) {
		shell_begin_direct(ps);
		direct = true;
	}
	spin_unlock(&ps->lock);
	rcu_read_unlock_bh();
	return direct ? 0 : -EAGAIN;
}

/**
 * padata_go_direct() - begin direct mode of a shell
 * @ps: The shell.
 *
 * Context: Task or softirq, interrupts on.  Does not sleep.
 * Return:
 * * 0 - the shell is in direct mode, and the caller may do its work as after
 *   padata_is_direct().
 * * -EAGAIN - jobs are in flight, or their callbacks have not returned, or a CPU on
 *   which results came out has not settled, or this CPU is about to go offline, or
 *   direct mode is for another CPU alone.  Refused while no job is in flight, the call
 *   has the CPUs settle, unless the instance is stopped, so a later one may succeed.
 */
int padata_go_direct(struct padata_shell *ps)
{
	return go_direct(ps, false);
}
EXPORT_SYMBOL_GPL(padata_go_direct);

/**
 * padata_go_direct_here() - begin direct mode, if need be for this CPU alone
 * @ps: The shell.
 *
 * For a submitter on the callback CPU, which has no time to settle as long as there is
 * something to submit.  The user passes results of direct work on by the same queues of
 * this CPU as those of callbacks, so nothing has to be waited for.  On other CPUs
 * padata_is_direct() and padata_go_direct() refuse until a job has ended direct mode.
 *
 * Context: As for padata_go_direct().
 * Return:
 * * 0 - as padata_go_direct().
 * * -EAGAIN - as padata_go_direct(), but results that came out on this CPU need not have
 *   settled.
 */
int padata_go_direct_here(struct padata_shell *ps)
{
	return go_direct(ps, true);
}
EXPORT_SYMBOL_GPL(padata_go_direct_here);
