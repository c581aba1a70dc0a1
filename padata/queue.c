// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: the shared queue of an instance, and which pump to wake for it
 */

static void note_pull(struct instance *pinst, u64 now)
{
	WRITE_ONCE(pinst->pulled_at, now);
	pinst->nr_called = 0;
	WRITE_ONCE(pinst->looked_cycles, cycles_now());
}

/*
 * Return true if the last pull, or look at the clock, is too recent for another look.
 * The cycle counter tells, which is cheap in a burst.  Where counters differ between
 * CPUs the clock is read in vain, or a little late.
 */
static __always_inline bool looked_lately(struct instance *pinst)
{
	return cycles_within(READ_ONCE(pinst->looked_cycles), late_cycles);
}

/*
 * The mean duration does not tell of one long job that others wait behind.  Each pump
 * that is woken for a late queue gets some grace before the next one is woken.  The
 * grace grows with the pumps woken since jobs were pulled last: one more seldom helps.
 */
static bool queue_is_late(struct instance *pinst, u64 cost)
{
	unsigned int grace;
	u64 now;
	bool late;

	if (looked_lately(pinst))
		return false;
	now = local_clock();
	late = (s64)(now - pinst->pulled_at) > LATE_WAKEUPS * (s64)cost;
	if (late) {
		grace = min(GRACE_WAKEUPS * ++pinst->nr_called, LATE_WAKEUPS);
		WRITE_ONCE(pinst->pulled_at, now - (LATE_WAKEUPS - grace) * cost);
	}
	WRITE_ONCE(pinst->looked_cycles, cycles_now());
	return late;
}

/*
 * Return true if wake_pays() is known to be false, as for most jobs of a burst: jobs
 * are trivial, and a pump pulls.  The instance is locked.
 */
static __always_inline bool is_attended(struct instance *pinst)
{
	u64 service = pinst->service_ns;

	return pinst->nr_pulling && service && service < TRIVIAL_NS &&
	       looked_lately(pinst);
}

/* Return true if the backlog justifies waking another pump. */
static bool wake_pays(struct instance *pinst)
{
	u64 cost = READ_ONCE(wakeup_cost_ns);
	u64 service = pinst->service_ns;

	if (!pinst->nr_pulling)
		return true;
	if (pinst->nr_pulling >= (pinst->nr_parallel ?: pinst->nr_online))
		return false;
	/* Until a job has ended each may be a long one. */
	if (!service)
		return true;
	/* With trivial jobs another pump would only wait for the submitter and drains. */
	if (service >= TRIVIAL_NS &&
	    pinst->nr_queued * service > pinst->nr_pulling * cost)
		return true;
	return queue_is_late(pinst, cost);
}

static bool pump_can_start(struct instance *pinst, int cpu)
{
	return cpumask_test_cpu(cpu, pinst->online) &&
	       !per_cpu_ptr(pinst->pumps, cpu)->pulling;
}

/*
 * Prefer the callback CPU, which has to run for serial() anyway.  Then try the CPUs
 * after this one, so that the submitter's own comes last.
 */
static int find_idle_cpu(struct instance *pinst, int hint)
{
	const struct user_masks *masks = current_masks(pinst);
	const struct cpumask *from;
	int cpu;

	from = pinst->nr_parallel ? masks->parallel : pinst->online;
	if (hint >= 0 && cpumask_test_cpu(hint, from) &&
	    pump_can_start(pinst, hint))
		return hint;
	for_each_cpu_wrap(cpu, from, (smp_processor_id() + 1) % nr_cpu_ids)
		if (pump_can_start(pinst, cpu))
			return cpu;
	return -1;
}

/**
 * pump_to_wake() - choose a pump for the shared queue
 * @pinst: The instance, locked.
 * @hint: Callback CPU of the job queued last, or -1.
 *
 * The chosen pump counts as pulling from now on, so that no second one is woken for
 * the same jobs.  The caller calls pump_wake() after unlocking.
 *
 * Return: A pump, or NULL where waking does not pay.
 */
static struct padata_pump *pump_to_wake(struct instance *pinst, int hint)
{
	struct padata_pump *pump;
	int cpu;

	lockdep_assert_held(&pinst->lock);
	if (!pinst->nr_queued || !wake_pays(pinst))
		return NULL;
	cpu = find_idle_cpu(pinst, hint);
	if (cpu < 0)
		return NULL;
	pump = per_cpu_ptr(pinst->pumps, cpu);
	WRITE_ONCE(pump->pulling, true);
	if (!pinst->nr_pulling++)
		note_pull(pinst, local_clock());
	return pump;
}

/*
 * A second look
 *
 * A pump that was woken may not come: its CPU has a FIFO task, or a job with softirqs
 * disabled, or is a virtual one that does not run.  Or the jobs that a pump has pulled
 * take far longer than the mean.  Other submissions notice that; where there are
 * none, a timer does, a jiffy or two after the queue is late.  It is one for all jobs
 * that are queued, and a hard interrupt's: softirqs of this CPU may be disabled for as
 * long as the very job takes that the others wait for.
 */

/* Arm the timer for the queue, which has its first job. */
static void look_again_later(struct instance *pinst)
{
	lockdep_assert_held(&pinst->lock);
	smp_mb(); /* look:A: nr_queued before look_armed, pairs with look_again() */
	if (!atomic_read(&pinst->look_armed) &&
	    !atomic_xchg(&pinst->look_armed, 1)) /* arm:A */
		hrtimer_start_range_ns(&pinst->look, ns_to_ktime(TICK_NSEC), TICK_NSEC,
				       HRTIMER_MODE_REL_HARD);
}

/* Return true if nothing was pulled for long.  The instance is not locked: a hint. */
static bool queue_looks_late(struct instance *pinst)
{
	s64 ns = local_clock() - READ_ONCE(pinst->pulled_at);

	return !READ_ONCE(pinst->service_ns) ||
	       ns > LATE_WAKEUPS * (s64)READ_ONCE(wakeup_cost_ns);
}

/*
 * Wake a pump that sleeps and may pull.  It looks at the queue without ::pulling set.
 * Raw locks only: the caller is a hard interrupt.
 */
static void wake_any(struct instance *pinst)
{
	struct padata_pump *pump;
	int cpu;

	rcu_read_lock();
	for_each_cpu_wrap(cpu, cpu_possible_mask, (smp_processor_id() + 1) % nr_cpu_ids) {
		pump = per_cpu_ptr(pinst->pumps, cpu);
		if (!atomic_read(&pump->awake) && pump_entitled(pump)) {
			pump_wake(pump);
			break;
		}
	}
	rcu_read_unlock();
}

static enum hrtimer_restart look_again(struct hrtimer *timer)
{
	struct instance *pinst = container_of(timer, struct instance, look);

	if (!READ_ONCE(pinst->nr_queued)) {
		atomic_set(&pinst->look_armed, 0);
		smp_mb(); /* look:B: look_armed before nr_queued */
		if (!READ_ONCE(pinst->nr_queued) ||
		    atomic_xchg(&pinst->look_armed, 1)) /* arm:B */
			return HRTIMER_NORESTART;
	} else if (queue_looks_late(pinst)) {
		wake_any(pinst);
	}
	hrtimer_forward_now(timer, ns_to_ktime(TICK_NSEC));
	return HRTIMER_RESTART;
}

/* Count @n jobs that are put into the queue. */
static void note_queued(struct instance *pinst, struct padata_shell *ps, unsigned int n)
{
	bool was_empty = !pinst->nr_queued;

	WRITE_ONCE(ps->nr_queued, ps->nr_queued + n);
	WRITE_ONCE(pinst->nr_queued, pinst->nr_queued + n);
	if (was_empty)
		look_again_later(pinst);
}

static void queue_add(struct instance *pinst, struct padata_shell *ps,
		      struct padata_priv *job)
{
	job_list_add(&ps->queue, &job->queue);
	if (!ps->nr_queued)
		job_list_add(&pinst->turns, &ps->turn);
	note_queued(pinst, ps, 1);
}

/* Count @n jobs that are taken off the queue. */
static void note_unqueued(struct instance *pinst, struct padata_shell *ps, unsigned int n)
{
	WRITE_ONCE(ps->nr_queued, ps->nr_queued - n);
	WRITE_ONCE(pinst->nr_queued, pinst->nr_queued - n);
}

/* Fold the duration of the last jobs into the mean. */
static void note_service_time(struct padata_pump *pump)
{
	struct instance *pinst = pump->pinst;
	s64 sample;

	if (pump->nr_busy) {
		sample = div_u64(pump->busy_ns, pump->nr_busy);
		if (pinst->service_ns)
			sample = pinst->service_ns +
				 div_s64(sample - (s64)pinst->service_ns, 8);
		WRITE_ONCE(pinst->service_ns, max_t(s64, sample, 1));
	}
	pump->busy_ns = 0;
	pump->nr_busy = 0;
}

/* Return a number of jobs that leaves work for other CPUs, but saves locking in a burst. */
static unsigned int pull_share(struct instance *pinst)
{
	unsigned int cpus = pinst->nr_parallel ?: pinst->nr_online;

	return clamp(pinst->nr_queued / (2 * cpus), 1U,
		     min_t(unsigned int, ROUND_PARALLEL, STRETCH_CALLBACKS));
}

/*
 * Return true if more than a share may be pulled: the work does not justify waking
 * another CPU that could take the rest.  It may be jobs of one shell only, because
 * another shell must not wait for a long job of the first.
 */
static bool may_pull_more(struct instance *pinst)
{
	u64 service = pinst->service_ns;

	if (IS_ENABLED(CONFIG_PREEMPT_RT) || !service)
		return false;
	return service < READ_ONCE(short_ns) &&
	       (service < TRIVIAL_NS ||
		(pinst->nr_pulling <= 1 &&
		 pinst->nr_queued * service <= READ_ONCE(wakeup_cost_ns)));
}

/*
 * Move up to @most jobs of a shell to @jobs.  Return their number, at least one.  Where all
 * are taken none is looked at: each may still be in the cache of its submitter, and the
 * queue is locked.
 */
static unsigned int pull_run(struct padata_shell *ps, unsigned int most,
			     struct job_list *jobs)
{
	struct padata_link *last = ps->queue.first;
	unsigned int n = ps->nr_queued;
	struct job_list run;

	if (n <= most) {
		job_list_append(jobs, &ps->queue);
		return n;
	}
	for (n = 1; n < most; n++)
		last = last->next;
	job_list_cut(&ps->queue, last, &run);
	job_list_append(jobs, &run);
	return n;
}

/*
 * Take jobs off the queue.  Return their number.  Shells take turns, so the jobs of a
 * shell that submits now and then do not wait for all of a shell that has many.  A shell
 * with jobs left ends the pull, so no shell is in it twice.
 */
static unsigned int pull_jobs(struct instance *pinst, struct job_list *jobs)
{
	unsigned int got, n = 0, share = pull_share(pinst);
	unsigned int most = may_pull_more(pinst) ? BATCH_JOBS : share;
	struct padata_shell *ps;
	struct job_list turn;

	while (n < share && !job_list_empty(&pinst->turns)) {
		job_list_cut(&pinst->turns, pinst->turns.first, &turn);
		ps = link_turn(turn.first);
		got = pull_run(ps, most - n, jobs);
		note_unqueued(pinst, ps, got);
		n += got;
		if (ps->nr_queued)
			job_list_append(&pinst->turns, &turn);
	}
	return n;
}

/**
 * pump_pull() - take jobs from the shared queue
 * @pump: The pump.
 * @jobs: Where they go.
 * @now: local_clock(), a moment ago.
 *
 * The test of the mask, the pull and parallel() are in one RCU read section, so
 * that padata_set_cpumask() can wait for those that saw the old mask.
 */
static void pump_pull(struct padata_pump *pump, struct job_list *jobs, u64 now)
{
	struct instance *pinst = pump->pinst;
	struct padata_pump *wake;
	unsigned int n;

	spin_lock(&pinst->lock);
	note_service_time(pump);
	n = pump_entitled(pump) ? pull_jobs(pinst, jobs) : 0;
	if (n)
		note_pull(pinst, now);
	if (pump->pulling != !!n) {
		WRITE_ONCE(pump->pulling, !!n);
		pinst->nr_pulling += n ? 1 : -1;
	}
	wake = pump_to_wake(pinst, -1);
	spin_unlock(&pinst->lock);
	if (wake)
		pump_wake(wake);
}

/*
 * Put the first jobs of @jobs, which are of one shell, back to the front of its queue.  Return
 * the shell if it has no turn then, or NULL.
 */
static struct padata_shell *put_back_run(struct instance *pinst, struct job_list *jobs)
{
	struct padata_link *last = jobs->first;
	struct padata_shell *ps = link_queue(last)->ps;
	bool has_turn = ps->nr_queued;
	struct job_list run;
	unsigned int n;

	for (n = 1; last->next && link_queue(last->next)->ps == ps; n++)
		last = last->next;
	job_list_cut(jobs, last, &run);
	job_list_append(&run, &ps->queue);
	job_list_append(&ps->queue, &run);
	note_queued(pinst, ps, n);
	return has_turn ? NULL : ps;
}

/*
 * Put jobs that were pulled and not started back.  The shell @ran has had its turn; others
 * come first.  One that has jobs again meanwhile has a turn already, and keeps that: it
 * comes after those of others, but no more than a batch of jobs can be pulled past it.
 */
static void pump_put_back(struct padata_pump *pump, struct job_list *jobs,
			  const struct padata_shell *ran)
{
	struct instance *pinst = pump->pinst;
	struct padata_shell *ps;
	struct padata_pump *wake;
	struct job_list front;

	job_list_init(&front);
	spin_lock(&pinst->lock);
	while (!job_list_empty(jobs)) {
		ps = put_back_run(pinst, jobs);
		if (ps)
			job_list_add(ps == ran ? &pinst->turns : &front, &ps->turn);
	}
	job_list_append(&front, &pinst->turns);
	job_list_append(&pinst->turns, &front);
	wake = pump_to_wake(pinst, -1);
	spin_unlock(&pinst->lock);
	if (wake)
		pump_wake(wake);
}

static bool is_backlog_full(struct instance *pinst, struct padata_shell *ps)
{
	return READ_ONCE(pinst->nr_queued) + READ_ONCE(ps->nr_queued) >=
	       READ_ONCE(backlog) &&
	       this_cpu_read(pinst->pumps->inline_task) != current;
}

/**
 * queue_job() - put a job where a pump finds it
 * @ps: The shell.
 * @job: The job, in the order list already.
 *
 * A shell may use as much of the backlog as it leaves to others: one stream of
 * slow jobs gets half of it, two a third each, and so on.  A parallel() that is
 * run by its submitter and submits in turn gets beyond the limit: otherwise a
 * chain of jobs would be a recursion on the stack.
 *
 * A job that finds no room still looks whether the queue is late.
 *
 * Return: False if there is no room and the submitter has to run the job.
 * Otherwise it is not the submitter's any more and may be gone.
 */
static bool queue_job(struct padata_shell *ps, struct padata_priv *job)
{
	struct instance *pinst = ps->pinst;
	struct padata_pump *wake;
	bool full;

	/* In a flood the lock is not worth taking; under it the look counts. */
	if (is_backlog_full(pinst, ps) && looked_lately(pinst))
		return false;
	spin_lock(&pinst->lock);
	full = is_backlog_full(pinst, ps);
	if (!full)
		queue_add(pinst, ps, job);
	wake = is_attended(pinst) ? NULL : pump_to_wake(pinst, job->cb_cpu);
	/* Also where there was no pump to wake. */
	if (full)
		WRITE_ONCE(pinst->looked_cycles, cycles_now());
	spin_unlock(&pinst->lock);
	if (wake)
		pump_wake(wake);
	return !full;
}
