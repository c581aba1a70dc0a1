// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: the worker of one CPU
 */

/* One stretch with softirqs disabled. */
struct stretch {
	u64		start;		/* When it began */
	u64		now;		/* The last reading of the clock */
	u32		cycles;		/* The cycle counter then */
	/* How many callbacks may still start; 0 when its time is over, too */
	unsigned int	left;
	struct pump_stats __percpu *stats;	/* The counters */
};

static u64 stretch_now(struct stretch *st)
{
	st->cycles = cycles_now();
	st->now = local_clock();
	return st->now;
}

static void stretch_begin(struct stretch *st, struct instance *pinst)
{
	st->stats = &pinst->pumps->stats;
	st->start = stretch_now(st);
	st->left = STRETCH_CALLBACKS;
}

static void stretch_clock(struct stretch *st)
{
	stretch_now(st);
	if ((s64)(st->now - st->start) > STRETCH_NS)
		st->left = 0;
}

static __always_inline bool stretch_over(struct stretch *st)
{
	if (!cycles_within(st->cycles, clock_cycles))
		stretch_clock(st);
	return !st->left;
}

/* Callbacks of one shell that have returned and are not yet accounted for. */
struct return_batch {
	struct padata_shell	*ps;
	unsigned int		nr;
};

/* All callbacks of a shell have returned.  Return true if a reference was kept. */
static bool shell_returned(struct padata_pump *pump, struct padata_shell *ps, int cpu)
{
	if (READ_ONCE(ps->baton) == BATON_PARKED)
		shell_unpark(ps);
	else if (READ_ONCE(ps->wants_direct))
		return pump_keep_idle(pump, ps, cpu);
	return false;
}

static void return_batch_end(struct padata_pump *pump, struct return_batch *ret, int cpu)
{
	struct padata_shell *ps = ret->ps;

	if (!ps)
		return;
	/* park:B, fence:A */
	if (!atomic_sub_return(ret->nr, &ps->pending))
		ret->nr -= shell_returned(pump, ps, cpu);
	if (ret->nr)
		shell_put(ps, ret->nr);
	ret->ps = NULL;
	ret->nr = 0;
}

static void count_start(struct stretch *st)
{
	if (likely(st->left))
		st->left--;
	else
		this_cpu_inc(st->stats->late_starts);
}

static void run_serial(struct serial_queue *sq, struct stretch *st,
		       struct return_batch *ret)
{
	struct padata_priv *job;

	job = link_order(pop_link(&sq->batch));
	ret->ps = job->ps;
	ret->nr++;
	count_start(st);
	this_cpu_inc(st->stats->serial);
	trace_padata_serial(job);
	/* The callback may free the job. */
	job->serial(job);
}

static void run_parallel(struct padata_pump *pump, struct padata_priv *job,
			 struct stretch *st)
{
	count_start(st);
	this_cpu_inc(st->stats->parallel);
	pump->nr_busy++;
	trace_padata_parallel_start(job);
	/* The job may be gone when it returns. */
	job->parallel(job);
	trace_padata_parallel_end(job);
}

/* Serve one queue for a while.  It may have no owner afterwards. */
static void serve_queue(struct padata_pump *pump, struct serial_queue *sq,
			struct stretch *st)
{
	struct return_batch ret = { };
	unsigned int n;

	pump_delivers(pump);
	if (sq->at != pump->cpu)
		WRITE_ONCE(sq->at, pump->cpu);
	for (n = 0; n < ROUND_SERIAL; n++) {
		if (!sq->batch && !serial_queue_refill(sq))
			break;
		/* This may drain, so it comes before the look at the clock. */
		if (ret.ps != link_order(sq->batch)->ps)
			return_batch_end(pump, &ret, sq->cpu);
		if (stretch_over(st))
			break;
		run_serial(sq, st, &ret);
	}
	return_batch_end(pump, &ret, sq->cpu);
}

/* The caller owns the queue, and may not afterwards. */
static void serve_or_give(struct padata_pump *pump, struct serial_queue *sq,
			  struct stretch *st)
{
	struct padata_pump *target = target_pump(pump->pinst, sq->cpu);

	if (target == pump && !serial_queue_is_elsewhere(sq, pump)) {
		serve_queue(pump, sq, st);
		return;
	}
	list_del_init(&sq->serving);
	if (target == pump)
		serial_queue_settle(pump->pinst, sq);
	else
		serial_queue_give(sq, target);
}

/* Serve the queues that this pump owns, or give them to the pumps that ought to. */
static bool pump_serial(struct padata_pump *pump, struct stretch *st)
{
	struct serial_queue *sq, *next;
	bool worked;

	llist_for_each_entry_safe(sq, next, llist_del_all(&pump->ready), ready)
		list_add_tail(&sq->serving, &pump->serving);
	worked = !list_empty(&pump->serving);
	/*
	 * Each queue in turn is the first, which may take the whole stretch.  Where the
	 * stretch is over none is served, every second time perhaps, and no turn is lost.
	 */
	if (!list_is_singular(&pump->serving) && !stretch_over(st))
		list_rotate_left(&pump->serving);
	list_for_each_entry_safe(sq, next, &pump->serving, serving)
		serve_or_give(pump, sq, st);
	return worked;
}

/* Only the running pump takes from the list, as llist_del_first() demands. */
static bool pump_deferred(struct padata_pump *pump, struct stretch *st)
{
	struct llist_node *node;
	bool worked = false;

	while (!llist_empty(&pump->deferred)) {
		worked = true;
		if (stretch_over(st))
			break;
		node = llist_del_first(&pump->deferred);
		shell_drain(llist_entry(node, struct padata_shell, deferred));
	}
	return worked;
}

/* Drain the shell whose drain was put off.  Return true if there was one. */
static bool pump_drain_undrained(struct padata_pump *pump)
{
	struct padata_shell *ps = pump->undrained_shell;

	if (!ps)
		return false;
	pump->undrained_shell = NULL;
	shell_drain(ps);
	return true;
}

/*
 * Run the jobs pulled from @pod until the stretch is over.  Drains are put off for some
 * microseconds, and only as long as the next job is of the same shell: no shell
 * waits for a job of another.  The last drain is left to the caller.  Return the shell
 * whose job was the last, which may be gone.
 */
static struct padata_shell *pump_run_jobs(struct padata_pump *pump, struct pod *pod,
					  struct job_list *jobs, struct stretch *st)
{
	bool may_batch = pump_may_batch(pump, pod);
	u64 drain_at = st->now + BATCH_NS;
	struct padata_shell *ps = NULL;
	struct padata_priv *job;

	do {
		job = link_queue(jobs->first);
		if (job->ps != ps || st->now > drain_at) {
			/* A drain takes its time. */
			if (pump_drain_undrained(pump) && stretch_over(st))
				break;
			drain_at = st->now + BATCH_NS;
			ps = job->ps;
			/* over:A: after parallel() of the shell before has returned */
			smp_store_release(&pump->running, ps);
			if (may_batch)
				WRITE_ONCE(pump->batched_shell, ps);
		}
		pop_link(&jobs->first);
		/* It may still be in the cache of its submitter. */
		prefetchw(jobs->first);
		run_parallel(pump, job, st);
	} while (!job_list_empty(jobs) && !stretch_over(st));
	if (may_batch)
		WRITE_ONCE(pump->batched_shell, NULL);
	/* over:A: after parallel() has returned, pairs with parallel_may_run() */
	smp_store_release(&pump->running, NULL);
	return ps;
}

static bool pump_may_pull(struct padata_pump *pump)
{
	return READ_ONCE(pump->pulling) ||
	       (READ_ONCE(pump->pod->nr_queued) && pump_entitled(pump));
}

/* Run the jobs pulled from @pod, as many as the stretch allows, and put the others back. */
static void pump_run_pulled(struct padata_pump *pump, struct pod *pod,
			    struct job_list *jobs, struct stretch *st)
{
	/* Time that the lock took does not make the first job late. */
	u64 start = stretch_now(st);
	struct padata_shell *ran = pump_run_jobs(pump, pod, jobs, st);

	stretch_clock(st);
	pump->busy_ns = st->now - start;
	pump->busy_pod = pod;
	pump_drain_undrained(pump);
	if (!job_list_empty(jobs))
		pump_put_back(jobs, ran);
}

static bool pump_parallel(struct padata_pump *pump, struct stretch *st)
{
	struct job_list jobs;

	if (stretch_over(st))
		return true;
	/* Where the time of the stretch is over meanwhile the next one looks again. */
	if (pump_gather(pump) && stretch_over(st))
		return true;
	job_list_init(&jobs);
	pump_pull(pump, &jobs, st->now);
	pump->fed = !job_list_empty(&jobs);
	if (!pump->fed)
		return false;
	pump_run_pulled(pump, pump->pod, &jobs, st);
	return true;
}

/* Run jobs of another pod.  Return true if there are any. */
static bool pump_help(struct padata_pump *pump, struct stretch *st)
{
	struct job_list jobs;
	struct pod *pod;

	if (pump->pinst->nr_pods == 1)
		return false;
	if (stretch_over(st))
		return true;
	job_list_init(&jobs);
	pod = pump_steal(pump, &jobs, st->now);
	if (pod)
		pump_run_pulled(pump, pod, &jobs, st);
	return pod;
}

/*
 * Only a workqueue that is not per-CPU can bring a pump here.  (Workqueues move
 * their workers while the CPU is not active; padata_free() does not keep
 * instance::online any more when it flushes the pumps.)
 */
static void check_cpu(struct padata_pump *pump)
{
	struct instance *pinst = pump->pinst;

	if (likely(smp_processor_id() == pump->cpu) || !cpu_active(pump->cpu))
		return;
	WARN_ONCE(pinst->own_wq, "pump of CPU %d runs on CPU %d\n", pump->cpu,
		  smp_processor_id());
	pr_warn_once("%s: its workqueue is not a per-CPU one, callbacks may run on any CPU\n",
		     pinst->name);
}

/* Return false if nothing is left to do. */
static bool pump_stretch(struct padata_pump *pump)
{
	struct stretch st;
	bool worked;

	rcu_read_lock_bh();
	stretch_begin(&st, pump->pinst);
	check_cpu(pump);
	pump->parallel_first = !pump->parallel_first;
	/* Once in a stretch, and before its time is over: this pod may never be idle. */
	if (READ_ONCE(pump->called_by))
		pump_help(pump, &st);
	do {
		worked = pump_deferred(pump, &st);
		if (pump->parallel_first && pump_may_pull(pump))
			worked |= pump_parallel(pump, &st);
		worked |= pump_serial(pump, &st);
		if (!pump->parallel_first && pump_may_pull(pump))
			worked |= pump_parallel(pump, &st);
		if (!worked)
			worked = pump_help(pump, &st);
	} while (worked && !stretch_over(&st));
	/* st.now has to be as exact as the limit is kept. */
	stretch_over(&st);
	note_max(&st.stats->stretch_max_ns, st.now - st.start);
	rcu_read_unlock_bh();
	return worked;
}

/*
 * A pump that has work for long gives its worker back now and then: it may be the
 * rescuer's, which runs at nice -20 and serves all CPUs, or the only one of a
 * caller's workqueue.
 */
static void pump_work(struct work_struct *work)
{
	struct padata_pump *pump = container_of(work, struct padata_pump, work);
	unsigned long end = jiffies + msecs_to_jiffies(TURN_MS);
	bool worked;

	do {
		do {
			worked = pump_stretch(pump);
			if (pump_settle(pump))
				return;
			cond_resched_tasks_rcu_qs();
			if (worked && time_after(jiffies, end)) {
				pump_queue_behind(pump);
				return;
			}
		} while (worked);
		/* Also after a poll whose find another pump has taken. */
		cond_resched_tasks_rcu_qs();
	} while (pump_poll(pump) || !pump_sleep(pump));
}
