// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: which pump to wake for a pod's queue, and when to look again
 */

static void note_pull(struct pod *pod, u64 now)
{
	WRITE_ONCE(pod->pulled_at, now);
	pod->nr_called = 0;
	WRITE_ONCE(pod->looked_cycles, cycles_now());
}

/*
 * Return true if the last pull, or look at the clock, is too recent for another look.
 * The cycle counter tells, which is cheap in a burst.  Where counters differ between
 * CPUs the clock is read in vain, or a little late.
 */
static __always_inline bool looked_lately(struct pod *pod)
{
	return cycles_within(READ_ONCE(pod->looked_cycles), late_cycles);
}

/*
 * The mean duration does not tell of one long job that others wait behind.  Each pump
 * that is woken for a late queue gets some grace before the next one is woken.  The
 * grace grows with the pumps woken since jobs were pulled last: one more seldom helps.
 */
static bool queue_is_late(struct pod *pod, u64 cost)
{
	unsigned int grace;
	u64 now;
	bool late;

	if (looked_lately(pod))
		return false;
	now = local_clock();
	late = (s64)(now - pod->pulled_at) > LATE_WAKEUPS * (s64)cost;
	if (late) {
		grace = min(GRACE_WAKEUPS * ++pod->nr_called, LATE_WAKEUPS);
		WRITE_ONCE(pod->pulled_at, now - (LATE_WAKEUPS - grace) * cost);
	}
	WRITE_ONCE(pod->looked_cycles, cycles_now());
	return late;
}

/*
 * Return true if wake_pays() is known to be false, as for most jobs of a burst: jobs
 * are trivial, and a pump pulls.  The pod is locked.
 */
static __always_inline bool is_attended(struct pod *pod)
{
	u64 service = pod->service_ns;

	return pod->nr_pulling && service && service < TRIVIAL_NS &&
	       looked_lately(pod);
}

/*
 * Return true if the queued work outweighs a wake-up for each pump at work.  With trivial
 * jobs another pump would only wait for the submitter and drains.
 */
static bool work_pays(struct pod *pod, u64 cost)
{
	u64 service = pod->service_ns;

	return service >= TRIVIAL_NS && pod->nr_queued * service > pod->nr_pulling * cost;
}

/* Return true if the backlog justifies waking another pump. */
static bool wake_pays(struct pod *pod)
{
	u64 cost = READ_ONCE(wakeup_cost_ns);

	/* Until a job has ended each may be a long one. */
	return !pod->nr_pulling || !pod->service_ns || work_pays(pod, cost) ||
	       queue_is_late(pod, cost);
}

/*
 * Return true if the pump runs a job that it has stolen, of which one may be long.  Without
 * its own lock it is a hint.
 */
static bool pump_is_away(struct padata_pump *pump)
{
	return !pump->pulling && READ_ONCE(pump->running);
}

/*
 * Return a CPU of the pod whose pump may pull and does not.  Prefer the callback CPU, which
 * has to run for serial() anyway.  Then try the CPUs after this one, so that the
 * submitter's own comes last; and a pump that is away only where there is no other.
 */
static int find_idle_cpu(struct pod *pod, int hint)
{
	struct padata_pump __percpu *pumps = pod->pinst->pumps;
	struct padata_pump *pump;
	int cpu, away = -1;

	if (hint >= 0 && cpumask_test_cpu(hint, pod->usable)) {
		pump = per_cpu_ptr(pumps, hint);
		if (!pump->pulling && !pump_is_away(pump))
			return hint;
	}
	for_each_cpu_wrap(cpu, pod->usable, (smp_processor_id() + 1) % nr_cpu_ids) {
		pump = per_cpu_ptr(pumps, cpu);
		if (pump->pulling)
			continue;
		if (!pump_is_away(pump))
			return cpu;
		away = cpu;
	}
	return away;
}

/*
 * Help from other pods
 *
 * A pod whose pumps are all at work calls one of the nearest pod that has nothing to do,
 * if that pays, and the next one when that has come, or after LATE_NS.  A called pump makes
 * no promise: those of the pod that calls have done so, and it may find that they have taken
 * all jobs.  So what is read of another pod here may be old.
 */

/* Return true if a pump of another pod looks as if it had nothing to do. */
static bool pump_can_help(struct padata_pump *pump)
{
	return cpumask_test_cpu(pump->cpu, pump->pod->usable) && !READ_ONCE(pump->pulling) &&
	       !READ_ONCE(pump->called_by) && !READ_ONCE(pump->running);
}

static struct padata_pump *find_helper(struct pod *pod)
{
	struct padata_pump *pump;
	int cpu;

	if (READ_ONCE(pod->nr_queued))
		return NULL;
	for_each_cpu(cpu, pod->cpus) {
		pump = per_cpu_ptr(pod->pinst->pumps, cpu);
		if (pump_can_help(pump))
			return pump;
	}
	return NULL;
}

/* The pump that was called last has come: another one may be called. */
static void note_helper(struct pod *pod)
{
	lockdep_assert_held(&pod->lock);
	pod->called_cycles = cycles_now() - late_cycles;
}

/* Return a pump of another pod to wake for this one, which is locked; or NULL. */
static noinline struct padata_pump *pump_to_call(struct pod *pod)
{
	unsigned int nr = pod->pinst->nr_pods - 1;
	u64 pulled_at = pod->pulled_at;
	struct padata_pump *pump;

	lockdep_assert_held(&pod->lock);
	if (cycles_within(pod->called_cycles, late_cycles) || !wake_pays(pod))
		return NULL;
	/* The nearest, and one of the rest in turn: what is looked at are lines of other CPUs. */
	pump = find_helper(pod->others[0]);
	if (!pump && nr > 1) {
		pump = find_helper(pod->others[1 + pod->next_other]);
		if (!pump)
			pod->next_other = (pod->next_other + 1) % (nr - 1);
	}
	/* The look took its time, too. */
	pod->called_cycles = cycles_now();
	/* Set under the lock that the pump takes after it has cleared this, see pump_steal(). */
	if (pump)
		WRITE_ONCE(pump->called_by, pod);
	else	/* None comes, so the grace of queue_is_late() is for none. */
		WRITE_ONCE(pod->pulled_at, pulled_at);
	return pump;
}

/**
 * pump_to_wake() - choose a pump for the queue of a pod
 * @pod: The pod, locked.
 * @hint: Callback CPU of the job queued last, or -1.
 *
 * A chosen pump of the pod counts as pulling from now on, so that no second one is woken
 * for the same jobs.  The caller calls pump_wake() after unlocking.
 *
 * Return: A pump, or NULL where waking does not pay.
 */
static struct padata_pump *pump_to_wake(struct pod *pod, int hint)
{
	struct padata_pump *pump;
	int cpu;

	lockdep_assert_held(&pod->lock);
	if (!pod->nr_queued)
		return NULL;
	if (pod->nr_pulling && pod->nr_pulling >= pod->nr_usable)
		return pod->pinst->nr_pods > 1 ? pump_to_call(pod) : NULL;
	if (!wake_pays(pod))
		return NULL;
	cpu = find_idle_cpu(pod, hint);
	if (cpu < 0)
		return NULL;
	pump = per_cpu_ptr(pod->pinst->pumps, cpu);
	WRITE_ONCE(pump->pulling, true);
	if (!pod->nr_pulling++)
		note_pull(pod, local_clock());
	return pump;
}

/*
 * A second look
 *
 * A pump that was woken may not come: its CPU has a FIFO task, or a job with softirqs
 * disabled, or is a virtual one that does not run.  Or the jobs that a pump has pulled
 * take far longer than the mean.  Other submissions notice that; where there are
 * none, a timer does, a jiffy or two after the queue is late.  It is one for all jobs
 * that a pod has queued, and a hard interrupt's: softirqs of this CPU may be disabled for as
 * long as the very job takes that the others wait for.
 */

/* Arm the timer for the queue, which has its first job. */
static void look_again_later(struct pod *pod)
{
	lockdep_assert_held(&pod->lock);
	smp_mb(); /* look:A: nr_queued before look_armed, pairs with look_again() */
	if (!atomic_read(&pod->look_armed) &&
	    !atomic_xchg(&pod->look_armed, 1)) /* arm:A */
		hrtimer_start_range_ns(&pod->look, ns_to_ktime(TICK_NSEC), TICK_NSEC,
				       HRTIMER_MODE_REL_HARD);
}

/* Return true if nothing was pulled for long.  The pod is not locked: a hint. */
static bool queue_looks_late(struct pod *pod)
{
	s64 ns = local_clock() - READ_ONCE(pod->pulled_at);

	return !READ_ONCE(pod->service_ns) ||
	       ns > LATE_WAKEUPS * (s64)READ_ONCE(wakeup_cost_ns);
}

/* Wake a pump of the pod that sleeps and may pull.  Return true if there is one. */
static bool wake_one_of(struct pod *pod)
{
	struct padata_pump *pump;
	int cpu;

	for_each_cpu_wrap(cpu, pod->cpus, (smp_processor_id() + 1) % nr_cpu_ids) {
		pump = per_cpu_ptr(pod->pinst->pumps, cpu);
		if (!atomic_read(&pump->awake) && pump_entitled(pump)) {
			pump_wake(pump);
			return true;
		}
	}
	return false;
}

/* Return true if nothing was pulled for a jiffy: pumps at work elsewhere are to help. */
static bool queue_is_stuck(struct pod *pod)
{
	return (s64)(local_clock() - READ_ONCE(pod->pulled_at)) > TICK_NSEC;
}

/*
 * Return a pump of the nearest pod that has one that sleeps; or, where all are awake and the
 * queue is stuck, one of those.  Those that were called and did not come are passed over.
 */
static struct padata_pump *other_to_call(struct pod *pod)
{
	struct padata_pump *pump, *busy = NULL;
	unsigned int i;
	int cpu;

	for (i = 0; i < pod->pinst->nr_pods - 1; i++) {
		for_each_cpu(cpu, pod->others[i]->cpus) {
			pump = per_cpu_ptr(pod->pinst->pumps, cpu);
			if (!pump_entitled(pump) || READ_ONCE(pump->called_by))
				continue;
			if (!atomic_read(&pump->awake))
				return pump;
			if (!busy)
				busy = pump;
		}
	}
	return queue_is_stuck(pod) ? busy : NULL;
}

/*
 * Wake a pump of the pod, which looks at the queue without ::pulling set; or call one of
 * another pod.  The call is made without the lock of the pod, so it may be lost to one that
 * the pump looks at: the next look calls again.  Raw locks only: the caller is a hard
 * interrupt.
 */
static void wake_any(struct pod *pod)
{
	struct padata_pump *pump;

	rcu_read_lock();
	if (!wake_one_of(pod)) {
		pump = other_to_call(pod);
		if (pump) {
			WRITE_ONCE(pump->called_by, pod);
			pump_wake(pump);
		}
	}
	rcu_read_unlock();
}

static enum hrtimer_restart look_again(struct hrtimer *timer)
{
	struct pod *pod = container_of(timer, struct pod, look);

	if (!READ_ONCE(pod->nr_queued)) {
		atomic_set(&pod->look_armed, 0);
		smp_mb(); /* look:B: look_armed before nr_queued */
		if (!READ_ONCE(pod->nr_queued) ||
		    atomic_xchg(&pod->look_armed, 1)) /* arm:B */
			return HRTIMER_NORESTART;
	} else if (queue_looks_late(pod)) {
		wake_any(pod);
	}
	hrtimer_forward_now(timer, ns_to_ktime(TICK_NSEC));
	return HRTIMER_RESTART;
}
