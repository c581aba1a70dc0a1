// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: waking a pump, polling for work, going to sleep
 */

/*
 * May this pump take jobs from the shared queue?  Without the lock the answer is
 * a hint.  A pump whose CPU is in the online map runs on it: workqueues bind
 * their workers before our hotplug callback sets the bit, and unbind them after
 * it has cleared it.
 */
static bool pump_entitled(struct padata_pump *pump)
{
	struct instance *pinst = pump->pinst;

	return cpumask_test_cpu(pump->cpu, pinst->online) &&
	       (!READ_ONCE(pinst->nr_parallel) ||
		cpumask_test_cpu(pump->cpu, current_masks(pinst)->parallel));
}

/**
 * pump_wake() - make a pump look at what it was given
 * @pump: The pump; its CPU is or was online.
 *
 * The caller has filled ready, deferred or pulling before, or looks again later.
 *
 * Context: Any but NMI, RCU read section (the pump's instance may be on its way
 * out, and waits for us).
 */
static void pump_wake(struct padata_pump *pump)
{
	/* sleep:B */
	if (atomic_xchg(&pump->awake, 1))
		return;
	this_cpu_inc(pump->pinst->pumps->stats.wakeups);
	queue_work_on(pump->cpu, pump->pinst->wq, &pump->work);
}

/* Queue the running pump behind other work: it stays awake, and its caller returns. */
static void pump_queue_behind(struct padata_pump *pump)
{
	queue_work_on(pump->cpu, pump->pinst->wq, &pump->work);
}

static bool pump_has_jobs(struct padata_pump *pump)
{
	return !llist_empty(&pump->ready) || !llist_empty(&pump->deferred) ||
	       READ_ONCE(pump->pulling);
}

/* What others fill before they wake a pump.  Without a barrier it is a hint. */
static bool pump_has_work(struct padata_pump *pump)
{
	return pump_has_jobs(pump) || !llist_empty(&pump->leaving) ||
	       !llist_empty(&pump->leaving_queues);
}

/*
 * Where polls have failed lately only some are tried, so that a stream with
 * long pauses does not pay for each of them.  On a workqueue of the caller's other
 * work may wait for this one to end, and nothing shows that it does.
 */
static bool poll_pays(struct padata_pump *pump)
{
	return READ_ONCE(poll_ns) && pump->pinst->own_wq &&
	       (pump->poll_credit || !(++pump->nr_sleeps % POLL_PROBE));
}

/*
 * Somebody else wants the CPU.  Where submitters run on the CPUs of the pumps, it is
 * one that will soon sleep until callbacks have returned: to let it go first costs
 * less than to sleep and be woken.  But what the pump is given meanwhile waits for
 * whoever it is, and wakes nobody: one that keeps the CPU ends that for a second.
 *
 * @now is the clock, and is read again.  Returns false when the pump had better sleep.
 */
static bool pump_yield(struct padata_pump *pump, u64 *now)
{
	u64 before = *now;

	if (time_before(jiffies, pump->yield_from))
		return false;
	yield();
	*now = local_clock();
	if ((s64)(*now - before) <= YIELD_NS)
		return true;
	pump->yield_from = jiffies + HZ;
	return false;
}

static bool poll_failed(struct padata_pump *pump)
{
	pump->poll_credit -= !!pump->poll_credit;
	return false;
}

/**
 * pump_poll() - look for more work for about as long as a sleep would cost
 * @pump: The pump, awake: who has work for it has nothing to do for that.
 *
 * Only where nobody else wants the CPU, but after a yield it begins anew, once.
 *
 * Context: Task, softirqs enabled.
 * Return: True when there is work.
 */
static bool pump_poll(struct padata_pump *pump)
{
	bool yielded = false;
	u64 start, now;

	if (!poll_pays(pump))
		return false;
	for (start = now = local_clock(); !pump_has_work(pump);) {
		if (!single_task_running() || need_resched()) {
			if (yielded || !pump_yield(pump, &now))
				return poll_failed(pump);
			yielded = true;
			start = now;
			continue;
		}
		if (now - start >= READ_ONCE(poll_ns))
			return poll_failed(pump);
		cpu_relax();
		now = local_clock();
	}
	pump->polled = true;
	return true;
}

/* Returns true when the pump may sleep, false when it has to go on. */
static bool pump_sleep(struct padata_pump *pump)
{
	if (!list_empty(&pump->serving) || pump->settling || pump->idle_shell)
		return false;
	atomic_set(&pump->awake, 0);
	smp_mb(); /* sleep:A: awake before the three, pairs with pump_wake() */
	if (!pump_has_work(pump))
		return true;
	/* Who finds 0 queues the work item: either the waker did, or we go on. */
	return atomic_xchg(&pump->awake, 1);
}
