// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: which CPU stands for a requested callback CPU
 */

/*
 * Submission, drain and pump disable softirqs, which is an RCU read section, too:
 * since 4.20 synchronize_rcu() waits for those as well.
 */
static const struct user_masks *current_masks(struct instance *pinst)
{
	return rcu_dereference_check(pinst->masks, rcu_read_lock_bh_held());
}

/*
 * Return the next CPU after @cpu, which begins with -1, on which results may have come
 * out, or nr_cpu_ids.  An offline CPU settles at once; one that is about to go has to.
 */
static unsigned int next_delivering_cpu(struct instance *pinst, int cpu)
{
	for (cpu++; cpu < nr_cpu_ids; cpu++)
		if (cpu_possible(cpu) &&
		    READ_ONCE(per_cpu_ptr(pinst->pumps, cpu)->delivers))
			break;
	return cpu;
}

static void pump_delivers(struct padata_pump *pump)
{
	if (!READ_ONCE(pump->delivers))
		WRITE_ONCE(pump->delivers, true);
}

/* Caller: a read section of map_seq (the result may be nonsense) or the lock. */
static int pick_cb_cpu(struct instance *pinst, const struct user_masks *masks,
		       int cpu, bool any)
{
	unsigned int n = READ_ONCE(pinst->nr_serial);

	if ((unsigned int)cpu < nr_cpu_ids &&
	    cpumask_test_cpu(cpu, masks->serial) &&
	    cpumask_test_cpu(cpu, pinst->online))
		return cpu;
	if (n)
		return cpumask_nth_and((unsigned int)cpu % n, masks->serial,
				       pinst->online);
	n = READ_ONCE(pinst->nr_online);
	if (!any || !n)
		return -EINVAL;
	return cpumask_nth((unsigned int)cpu % n, pinst->online);
}

/**
 * map_cb_cpu() - find the CPU that takes the callbacks for a requested one
 * @pinst: The instance.
 * @cpu: The CPU asked for, any number.
 * @any: Take any online CPU where the usable masks are empty.
 * @gen: Where the mapping's generation goes.
 *
 * Context: Softirqs disabled, RCU read section.
 * Return: A CPU, or -EINVAL if a usable mask is empty.
 */
static int map_cb_cpu(struct instance *pinst, int cpu, bool any, unsigned int *gen)
{
	int mapped;

	do {
		*gen = read_seqcount_begin(&pinst->map_seq);
		if (!any && !READ_ONCE(pinst->nr_parallel))
			mapped = -EINVAL;
		else
			mapped = pick_cb_cpu(pinst, current_masks(pinst), cpu,
					     any);
	} while (read_seqcount_retry(&pinst->map_seq, *gen));
	return mapped;
}
