// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: the queues of jobs that wait for a CPU
 */

/* Count @n jobs that are put into the queue. */
static void note_queued(struct pod *pod, struct padata_shell *ps, unsigned int n)
{
	bool was_empty = !pod->nr_queued;

	WRITE_ONCE(ps->nr_queued, ps->nr_queued + n);
	WRITE_ONCE(pod->nr_queued, pod->nr_queued + n);
	if (was_empty)
		look_again_later(pod);
}

static void queue_add(struct pod *pod, struct padata_shell *ps,
		      struct padata_priv *job)
{
	job_list_add(&ps->queue, &job->queue);
	if (!ps->nr_queued)
		job_list_add(&pod->turns, &ps->turn);
	note_queued(pod, ps, 1);
}

/* Count @n jobs that are taken off the queue. */
static void note_unqueued(struct pod *pod, struct padata_shell *ps, unsigned int n)
{
	WRITE_ONCE(ps->nr_queued, ps->nr_queued - n);
	WRITE_ONCE(pod->nr_queued, pod->nr_queued - n);
}

/* Fold the duration of the last jobs into the mean, unless they were of another pod. */
static void note_service_time(struct pod *pod, struct padata_pump *pump)
{
	s64 sample;

	if (pump->nr_busy && pump->busy_pod == pod) {
		sample = div_u64(pump->busy_ns, pump->nr_busy);
		if (pod->service_ns)
			sample = pod->service_ns +
				 div_s64(sample - (s64)pod->service_ns, 8);
		WRITE_ONCE(pod->service_ns, max_t(s64, sample, 1));
	}
	pump->busy_ns = 0;
	pump->nr_busy = 0;
}

/* Return a number of jobs that leaves work for other CPUs, but saves locking in a burst. */
static unsigned int pull_share(struct pod *pod)
{
	/* A pump of another pod may come while the pod has no CPU. */
	unsigned int cpus = max(pod->nr_usable, 1U);

	return clamp(pod->nr_queued / (2 * cpus), 1U,
		     min_t(unsigned int, ROUND_PARALLEL, STRETCH_CALLBACKS));
}

/*
 * Return true if more than a share may be pulled: the work does not justify waking
 * another CPU that could take the rest.  It may be jobs of one shell only, because
 * another shell must not wait for a long job of the first.
 */
static bool may_pull_more(struct pod *pod)
{
	u64 service = pod->service_ns;

	if (IS_ENABLED(CONFIG_PREEMPT_RT) || !service)
		return false;
	return service < READ_ONCE(short_ns) &&
	       (service < TRIVIAL_NS ||
		(pod->nr_pulling <= 1 &&
		 pod->nr_queued * service <= READ_ONCE(wakeup_cost_ns)));
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
static unsigned int pull_jobs(struct pod *pod, struct job_list *jobs)
{
	unsigned int got, n = 0, share = pull_share(pod);
	unsigned int most = may_pull_more(pod) ? BATCH_JOBS : share;
	struct padata_shell *ps;
	struct job_list turn;

	while (n < share && !job_list_empty(&pod->turns)) {
		job_list_cut(&pod->turns, pod->turns.first, &turn);
		ps = link_turn(turn.first);
		got = pull_run(ps, most - n, jobs);
		note_unqueued(pod, ps, got);
		n += got;
		if (ps->nr_queued)
			job_list_append(&pod->turns, &turn);
	}
	return n;
}

/**
 * pump_pull() - take jobs from the queue of the pump's pod
 * @pump: The pump.
 * @jobs: Where they go.
 * @now: local_clock(), a moment ago.
 *
 * The test of the mask, the pull and parallel() are in one RCU read section, so
 * that padata_set_cpumask() can wait for those that saw the old mask.
 */
static void pump_pull(struct padata_pump *pump, struct job_list *jobs, u64 now)
{
	struct pod *pod = pump->pod;
	struct padata_pump *wake;
	unsigned int n;

	spin_lock(&pod->lock);
	note_service_time(pod, pump);
	n = pump_entitled(pump) ? pull_jobs(pod, jobs) : 0;
	if (n)
		note_pull(pod, now);
	if (pump->pulling != !!n) {
		WRITE_ONCE(pump->pulling, !!n);
		pod->nr_pulling += n ? 1 : -1;
	}
	wake = pump_to_wake(pod, -1);
	spin_unlock(&pod->lock);
	if (wake)
		pump_wake(wake);
}

/*
 * Stealing
 *
 * The pump makes no promise to the pod that it steals from, and keeps the one to its own,
 * which it looks at before and after.  So it has no part in what holds for that queue.  It
 * takes jobs as a pump of that pod would, and each shell stays where it is.
 */

/*
 * Return true if the work is worth the lines that a pump of another pod moves, or waits for
 * a pump that does not come.  Without the lock it is a hint.
 */
static bool is_worth_stealing(struct pod *pod)
{
	unsigned int nr = READ_ONCE(pod->nr_queued);
	u64 service = READ_ONCE(pod->service_ns);

	return nr && ((service >= TRIVIAL_NS && nr * service > READ_ONCE(wakeup_cost_ns)) ||
		      queue_looks_late(pod));
}

/* Return true if jobs were taken from @pod, which may have @called the pump, to @jobs. */
static bool pump_steal_from(struct padata_pump *pump, struct pod *pod, bool called,
			    struct job_list *jobs, u64 now)
{
	struct padata_pump *wake = NULL;

	spin_lock(&pod->lock);
	note_service_time(pod, pump);
	if (called)
		note_helper(pod);
	if (pull_jobs(pod, jobs)) {
		note_pull(pod, now);
		wake = pump_to_wake(pod, -1);
	}
	spin_unlock(&pod->lock);
	if (wake)
		pump_wake(wake);
	return !job_list_empty(jobs);
}

/* Take jobs from the nearest pod where that is worth it.  Return the pod, or NULL. */
static struct pod *pump_steal_near(struct padata_pump *pump, struct job_list *jobs, u64 now)
{
	struct pod *pod;
	unsigned int i;

	for (i = 0; i < pump->pinst->nr_pods - 1; i++) {
		pod = pump->pod->others[i];
		if (is_worth_stealing(pod) && pump_steal_from(pump, pod, false, jobs, now))
			return pod;
	}
	return NULL;
}

/**
 * pump_steal() - take jobs from another pod
 * @pump: The pump.  It was called, or its own pod has none.
 * @jobs: Where they go.
 * @now: local_clock(), a moment ago.
 *
 * A pump that was called looks at the pod that has called it, and at no other.
 *
 * The test of the mask is not under a lock that map_change() takes.  But it is in the RCU
 * read section of parallel(), for which padata_set_cpumask() waits; and a CPU that goes
 * waits until its pump sleeps.
 *
 * Return: The pod, or NULL where there is nothing to steal.
 */
static struct pod *pump_steal(struct padata_pump *pump, struct job_list *jobs, u64 now)
{
	struct pod *pod = READ_ONCE(pump->called_by);

	/* Before the lock of that pod, under which it is set: a later call is not lost. */
	if (pod)
		WRITE_ONCE(pump->called_by, NULL);
	if (!pump_entitled(pump))
		return NULL;
	if (!pod)
		return pump_steal_near(pump, jobs, now);
	return pump_steal_from(pump, pod, true, jobs, now) ? pod : NULL;
}

/*
 * Put the first jobs of @jobs, which are of one shell, back to the front of its queue.  Return
 * the shell if it has no turn then, or NULL.
 */
static struct padata_shell *put_back_run(struct pod *pod, struct job_list *jobs)
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
	note_queued(pod, ps, n);
	return has_turn ? NULL : ps;
}

/* Return true if the first of @jobs belongs into the queue of @pod, which is locked. */
static bool pod_takes_first(struct pod *pod, struct job_list *jobs)
{
	return !job_list_empty(jobs) && pod_takes(pod, link_queue(jobs->first)->ps, true);
}

/*
 * Put the first jobs of @jobs back, up to one of a shell that is in another pod meanwhile.
 * The shell @ran has had its turn; others come first.  One that has jobs again meanwhile
 * has a turn already, and keeps that: it comes after those of others, but no more than a
 * batch of jobs can be pulled past it.
 */
static void pod_put_back(struct pod *pod, struct job_list *jobs,
			 const struct padata_shell *ran)
{
	struct padata_shell *ps;
	struct job_list front;

	lockdep_assert_held(&pod->lock);
	job_list_init(&front);
	do {
		ps = put_back_run(pod, jobs);
		if (ps)
			job_list_add(ps == ran ? &pod->turns : &front, &ps->turn);
	} while (pod_takes_first(pod, jobs));
	job_list_append(&front, &pod->turns);
	job_list_append(&pod->turns, &front);
}

/* Put jobs that were pulled and not started back, each to the pod of its shell. */
static void pump_put_back(struct job_list *jobs, const struct padata_shell *ran)
{
	struct padata_pump *wake;
	struct pod *pod;

	while (!job_list_empty(jobs)) {
		pod = shell_lock_pod(link_queue(jobs->first)->ps, true);
		pod_put_back(pod, jobs, ran);
		wake = pump_to_wake(pod, -1);
		spin_unlock(&pod->lock);
		if (wake)
			pump_wake(wake);
	}
}

/* Return true if the pods have used up the backlog, less the shell's own share. */
static noinline bool backlog_is_used_up(struct instance *pinst, struct padata_shell *ps)
{
	unsigned int i, nr = READ_ONCE(ps->nr_queued);

	for (i = 0; i < pinst->nr_pods; i++)
		nr += READ_ONCE(pinst->pods[i]->nr_queued);
	return nr >= READ_ONCE(backlog);
}

/*
 * The backlog is that of the instance.  As long as the pod has no more than its share, the
 * others are not looked at: a submission moves no line of theirs.
 */
static __always_inline bool is_backlog_full(struct pod *pod, struct padata_shell *ps)
{
	unsigned int shift = pod->share_shift;

	return READ_ONCE(pod->nr_queued) + READ_ONCE(ps->nr_queued) >=
	       READ_ONCE(backlog) >> shift &&
	       (!shift || backlog_is_used_up(pod->pinst, ps)) &&
	       this_cpu_read(pod->pinst->pumps->inline_task) != current;
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
	/* An empty shell goes to the pod of this CPU, whatever is queued where it is. */
	struct pod *pod = READ_ONCE(ps->nr_queued) ? READ_ONCE(ps->pod) : home_pod(ps->pinst);
	struct padata_pump *wake;
	bool full;

	/* In a flood the lock is not worth taking; under it the look counts. */
	if (is_backlog_full(pod, ps) && looked_lately(pod))
		return false;
	pod = shell_lock_pod(ps, false);
	full = is_backlog_full(pod, ps);
	if (!full)
		queue_add(pod, ps, job);
	wake = is_attended(pod) ? NULL : pump_to_wake(pod, job->cb_cpu);
	/* Also where there was no pump to wake. */
	if (full)
		WRITE_ONCE(pod->looked_cycles, cycles_now());
	spin_unlock(&pod->lock);
	if (wake)
		pump_wake(wake);
	return !full;
}
