// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: batches of short jobs
 */

/*
 * Return true if drains of short jobs may be put off.  No other code of this CPU may
 * get in between, so the pump runs on its CPU, and not on PREEMPT_RT.
 */
static bool pump_may_batch(struct padata_pump *pump, struct pod *pod)
{
	u64 service = READ_ONCE(pod->service_ns);

	return !IS_ENABLED(CONFIG_PREEMPT_RT) &&
	       smp_processor_id() == pump->cpu && service && service < READ_ONCE(short_ns);
}

/*
 * Gathering
 *
 * A pump is done with a trivial job before its submitter has brought the next one.  Taken one
 * by one, each job moves the lock of the shell and that of the pod to the pump and back, which
 * costs the submitter more than to do the job itself.  So a pump that has just had jobs, and
 * finds few, waits until a batch is there.  The shell's lock stays with the submitter then,
 * and the pod's line moves once in a look, not for each job.
 */

/* Return true if the pump has drains or callbacks to do. */
static bool pump_has_results(struct padata_pump *pump)
{
	return !llist_empty(&pump->ready) || !llist_empty(&pump->deferred) ||
	       !list_empty(&pump->serving);
}

/* Return true if it pays to wait for more than the @nr queued jobs. */
static bool gathering_pays(struct padata_pump *pump, unsigned int nr)
{
	struct pod *pod = pump->pod;

	return clock_cycles && pump->fed && nr && nr < GATHER_BELOW &&
	       pump_may_batch(pump, pod) && READ_ONCE(pod->service_ns) < TRIVIAL_NS &&
	       !pump_has_results(pump);
}

/* Return true if the jobs, which were @before and are @nr, will soon be a batch. */
static bool gathering_goes_on(struct padata_pump *pump, unsigned int before, unsigned int nr)
{
	return nr < GATHER_JOBS && nr >= before + GATHER_LEAST && !pump_has_results(pump);
}

/* Wait for CLOCK_NS. */
static void gather_wait(void)
{
	u32 start = cycles_now();

	do
		cpu_relax();
	while (cycles_within(start, clock_cycles));
}

/* Let trivial jobs gather in the queue of the pump's pod.  Return true if it has waited. */
static bool pump_gather(struct padata_pump *pump)
{
	unsigned int before, nr = READ_ONCE(pump->pod->nr_queued);

	if (!gathering_pays(pump, nr))
		return false;
	do {
		before = nr;
		gather_wait();
		nr = READ_ONCE(pump->pod->nr_queued);
	} while (gathering_goes_on(pump, before, nr));
	return true;
}
