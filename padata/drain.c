// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: the baton of a shell, and the drain
 */

/**
 * shell_cut() - take finished jobs off the front of the order list
 * @ps: The shell, locked; the caller has the baton.
 * @run: Where they go, in order.
 *
 * Stops at a fenced job.
 *
 * Return: Number of jobs taken; they count as pending.
 */
static unsigned int shell_cut(struct padata_shell *ps, struct job_list *run)
{
	struct padata_link *link, *last = NULL;
	struct padata_priv *job;
	unsigned int n = 0;

	for (link = ps->order.first; link && n < CUT_JOBS; link = link->next) {
		job = link_order(link);
		/* done:B */
		if (atomic_read_acquire(&job->state) != JOB_DONE)
			break;
		if (job->fence != CPU_NONE)
			break;
		last = link;
		n++;
	}
	if (n) {
		job_list_cut(&ps->order, last, run);
		ps->nr_cut += n;
		atomic_add(n, &ps->pending);
		trace_padata_drain(ps, n);
	}
	return n;
}

/*
 * Have @cpu settle before the first job, which is done and fenced, is handed over.
 * The baton goes to that CPU's pump; the job, which is listed, holds the shell.
 * The pump may have gone on already when this returns, as far as the lock lets it.
 */
static void shell_settle(struct padata_shell *ps, int cpu)
{
	struct padata_pump *pump = per_cpu_ptr(ps->pinst->pumps, cpu);

	lockdep_assert_held(&ps->lock);
	ps->settle_at = cpu;
	pump_ask_to_settle(pump, &ps->deferred, &pump->leaving);
}

/*
 * Return where results of the callback CPU @cpu really came out.  It is CPU_MANY if
 * another CPU has served the queue of @cpu.  No callback of the shell is pending.
 */
static int came_out_on(struct instance *pinst, int cpu)
{
	int at;

	if (cpu < 0)
		return cpu;
	at = READ_ONCE(per_cpu_ptr(pinst->pumps, cpu)->sq.at);
	return at == CPU_NONE || at == cpu ? cpu : CPU_MANY;
}

/* Have the CPU @from settle, or the first of CPU_MANY. */
static void shell_settle_from(struct padata_shell *ps, int from)
{
	if (from < 0)
		from = next_delivering_cpu(ps->pinst, -1);
	/* None at all is impossible; this one settles at once. */
	shell_settle(ps, from < nr_cpu_ids ? from : smp_processor_id());
}

/* The first job is done and fenced, and nothing is pending. */
static void shell_settle_first(struct padata_shell *ps, struct padata_priv *job)
{
	job->fence = came_out_on(ps->pinst, job->fence);
	shell_settle_from(ps, job->fence);
}

/**
 * shell_pass_baton() - leave the baton where the next drainer finds it
 * @ps: The shell, locked; the caller has the baton.
 *
 * Return: True if the baton is passed on; false if there is a job to cut after all.
 */
static bool shell_pass_baton(struct padata_shell *ps)
{
	struct padata_priv *job;

	if (job_list_empty(&ps->order)) {
		ps->mixed = false;
		WRITE_ONCE(ps->baton, BATON_HOME);
		return true;
	}
	/* baton:A */
	job = link_order(ps->order.first);
	if (atomic_cmpxchg(&job->state, JOB_RUNNING, JOB_BATON) == JOB_RUNNING)
		return true;
	if (job->fence == CPU_NONE)
		return false;
	WRITE_ONCE(ps->baton, BATON_PARKED);
	smp_mb(); /* park:A: baton before pending, pairs with return_batch_end() */
	/* fence:B */
	if (atomic_read_acquire(&ps->pending))
		return true;
	WRITE_ONCE(ps->baton, BATON_OUT);
	shell_settle_first(ps, job);
	return true;
}

/* The jobs that a drainer has cut and not handed over yet. */
struct handover {
	struct job_list	jobs;
	bool		mixed;
};

/*
 * Cut a run, or pass the baton.  Return false if the baton is passed on.  The length
 * of the run is added to @nr.
 */
static bool shell_cut_or_pass(struct padata_shell *ps, struct handover *run,
			      unsigned int *nr)
{
	unsigned int n = 0;
	bool mine = true;

	spin_lock(&ps->lock);
	run->mixed = ps->mixed;
	while (mine && !(n = shell_cut(ps, &run->jobs)))
		mine = !shell_pass_baton(ps);
	*nr += n;
	spin_unlock(&ps->lock);
	return mine;
}

/* Give each piece of equal callback CPU to its serial queue. */
static void shell_hand_over(struct instance *pinst, struct handover *run)
{
	struct padata_link *last;
	struct job_list piece;
	int cpu;

	while (!job_list_empty(&run->jobs)) {
		last = run->jobs.first;
		cpu = link_order(last)->cb_cpu;
		if (!run->mixed) {
			serial_queue_add(pinst, cpu, &run->jobs);
			return;
		}
		while (last->next && link_order(last->next)->cb_cpu == cpu)
			last = last->next;
		job_list_cut(&run->jobs, last, &piece);
		serial_queue_add(pinst, cpu, &piece);
	}
}

/*
 * Leave the drain to the pump of @cpu, the first job's callback CPU, which has to run
 * anyway.  The pump of this CPU may have to wait for the task that was interrupted.
 * The caller has the baton, which is unique, so one link is enough.  The first job is
 * done and listed, and so holds the shell.
 */
static void shell_defer(struct padata_shell *ps, int cpu)
{
	struct padata_pump *pump = per_cpu_ptr(ps->pinst->pumps, cpu);

	/* This CPU may be about to go offline, which workqueues can handle. */
	if (!cpumask_test_cpu(cpu, ps->pinst->online))
		pump = raw_cpu_ptr(ps->pinst->pumps);
	llist_add(&ps->deferred, &pump->deferred);
	/* The pump may have drained and freed the shell already. */
	pump_wake(pump);
}

/**
 * shell_drain() - hand finished jobs over to the serial queues
 * @ps: The shell; the caller has the baton, and gives it away here.
 *
 * The baton is passed on only after the run has been handed over: earlier, the
 * next drainer could overtake.  Never calls serial().
 *
 * Context: Softirqs disabled, RCU read section, no hard interrupt.  The shell
 * may be gone afterwards.
 */
static void shell_drain(struct padata_shell *ps)
{
	struct instance *pinst = ps->pinst;
	unsigned int cuts, nr = 0;
	struct handover run;
	int cpu = 0;
	bool mine;

	job_list_init(&run.jobs);
	for (cuts = 0, mine = true; mine && cuts < DRAIN_CUTS; cuts++) {
		mine = shell_cut_or_pass(ps, &run, &nr);
		shell_hand_over(pinst, &run);
	}
	note_max(&pinst->pumps->stats.reorder_max, nr);
	if (!mine)
		return;
	/*
	 * Other CPUs complete as fast as this one drains: let softirqs run.  A
	 * listed job is needed to hold the shell until a pump comes to it.
	 */
	spin_lock(&ps->lock);
	mine = !shell_pass_baton(ps);
	if (mine)
		cpu = link_order(ps->order.first)->cb_cpu;
	spin_unlock(&ps->lock);
	if (mine)
		shell_defer(ps, cpu);
}

/*
 * Let the drain wait until this CPU's pump has run the shell's job at hand, and
 * perhaps the next, so that one drain does for both.  The pump has the baton
 * meanwhile; the first job, done and listed, holds the shell.  Softirqs are disabled,
 * and nothing but a hard interrupt, which defers its drains, gets in between.
 */
static bool shell_drain_later(struct padata_shell *ps)
{
	struct padata_pump *pump = this_cpu_ptr(ps->pinst->pumps);

	if (READ_ONCE(pump->batched_shell) != ps)
		return false;
	pump->undrained_shell = ps;
	return true;
}

/* All pending callbacks have returned and the baton was seen parked. */
static void shell_unpark(struct padata_shell *ps)
{
	bool mine;

	spin_lock(&ps->lock);
	mine = ps->baton == BATON_PARKED && !atomic_read(&ps->pending);
	if (mine)
		WRITE_ONCE(ps->baton, BATON_OUT);
	spin_unlock(&ps->lock);
	if (mine)
		shell_drain(ps);
}
