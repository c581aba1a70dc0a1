// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: waking a pump, polling for work, going to sleep
 */

/*
 * Return true if this pump may take jobs from a queue.  Without the lock of its pod the
 * answer is a hint.  A pump whose CPU is usable runs on it: workqueues bind their workers
 * before our hotplug callback sets the bit, and unbind them after it has cleared it.
 */
static bool pump_entitled(struct padata_pump *pump)
{
	return cpumask_test_cpu(pump->cpu, pump->pod->usable);
}

/**
 * pump_wake() - have a pump look at its lists and its pod's queue
 * @pump: The pump; its CPU is or was online.
 *
 * The caller has filled one of the pump's lists, or set pulling or called_by, before, or
 * looks again later.
 *
 * Context: Any but NMI, RCU read section (the pump's instance may be on its way
 * out, and waits for us).
 */
static void pump_wake(struct padata_pump *pump)
{
	/* sleep:B, wake:B */
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
	       READ_ONCE(pump->pulling) || READ_ONCE(pump->called_by);
}

/*
 * Return true if a list or flag that is filled before a wake-up is not empty.
 * Without a barrier it is a hint.
 */
static bool pump_has_work(struct padata_pump *pump)
{
	return pump_has_jobs(pump) || !llist_empty(&pump->leaving) ||
	       !llist_empty(&pump->leaving_queues);
}

/*
 * Return true if a poll may be tried.  On a workqueue of the caller's it may not: other work
 * may wait for the pump to end, and nothing shows that it does.  A pump that settles looks
 * at other things.
 */
static bool pump_may_poll(struct padata_pump *pump)
{
	return READ_ONCE(poll_ns) && pump->pinst->own_wq && !pump->settling &&
	       !READ_ONCE(pump->idle_shell);
}

/*
 * Let another task have the CPU that wants it.  Where submitters run on the CPUs of
 * the pumps, it is a submitter that will soon sleep until callbacks have returned: to
 * let it run first costs less than to sleep and be woken.  But work that the pump is
 * given meanwhile waits for that task, and causes no wake-up.  So a task that keeps
 * the CPU for long ends the yielding for a second.
 *
 * @now is the clock, and is read again.  Return false if the pump had better sleep.
 */
static bool pump_yield(struct padata_pump *pump, u64 *now)
{
	unsigned long at = jiffies;
	u64 before = *now;

	/* Half a wrap of jiffies later it looks as if it were to come, but not so soon. */
	if (time_before(at, pump->yield_from) &&
	    time_before_eq(pump->yield_from, at + HZ))
		return false;
	yield();
	*now = local_clock();
	if ((s64)(*now - before) <= YIELD_NS)
		return true;
	pump->yield_from = jiffies + HZ;
	return false;
}

/**
 * pump_poll() - look for more work for about as long as a sleep would cost
 * @pump: The pump, awake, so that work is given to it without a wake-up.
 *
 * The poll ends where another task wants the CPU; after a yield it begins anew, once.
 *
 * Context: Task, softirqs enabled.
 * Return: True if there is work.
 */
static bool pump_poll(struct padata_pump *pump)
{
	bool yielded = false;
	u64 start, now;

	if (!pump_may_poll(pump))
		return false;
	for (start = now = local_clock(); !pump_has_work(pump);) {
		if (!single_task_running() || need_resched()) {
			if (yielded || !pump_yield(pump, &now))
				return false;
			yielded = true;
			start = now;
			continue;
		}
		if (now - start >= READ_ONCE(poll_ns))
			return false;
		cpu_relax();
		now = local_clock();
	}
	return true;
}

/* Return true if the pump may sleep, false if it has to go on. */
static bool pump_sleep(struct padata_pump *pump)
{
	if (!list_empty(&pump->serving) || pump->settling || READ_ONCE(pump->idle_shell))
		return false;
	atomic_set(&pump->awake, 0);
	smp_mb(); /* sleep:A: awake before what others fill, pairs with pump_wake() */
	if (!pump_has_work(pump))
		return true;
	/* wake:A: the side that reads 0 has the pump run: the waker, or the pump goes on */
	return atomic_xchg(&pump->awake, 1);
}
