// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: the stall detector
 */

/* Return the reason for which a busy shell does not go on. */
static const char *stall_cause(struct padata_shell *ps)
{
	struct padata_priv *first;

	lockdep_assert_held(&ps->lock);
	if (job_list_empty(&ps->order))
		return "its callbacks do not run";
	first = link_order(ps->order.first);
	if (atomic_read(&first->state) != JOB_DONE)
		return "its first job is not completed";
	if (ps->baton == BATON_PARKED)
		return "its first job waits for earlier callbacks, which do not run";
	if (first->fence != CPU_NONE)
		return "its first job waits for softirqs and work items of another CPU";
	return "its first job is done and not handed over";
}

/* Note the state of a shell that is seen for the first time, or has made progress. */
static void watch_note(struct padata_shell *ps, bool busy, int pending)
{
	lockdep_assert_held(&ps->lock);
	ps->seen.busy = busy;
	ps->seen.nr_cut = ps->nr_cut;
	ps->seen.pending = pending;
	ps->seen.since = jiffies;
	ps->seen.said = false;
}

/*
 * A stall counts from a look that found jobs in flight, however long ago: the same
 * jobs are in flight still.  A look that found none says nothing about later jobs.
 */
static void watch_shell(struct padata_shell *ps, unsigned int limit)
{
	int jobs, pending = atomic_read(&ps->pending);
	const char *cause = NULL;
	unsigned int age;

	spin_lock_bh(&ps->lock);
	/* One reference is of the look itself. */
	jobs = atomic_read(&ps->refs) - !READ_ONCE(ps->orphan) - 1;
	age = jiffies_to_msecs(jiffies - ps->seen.since) / MSEC_PER_SEC;
	if (!jobs || !ps->seen.busy || ps->seen.nr_cut != ps->nr_cut ||
	    ps->seen.pending != pending) {
		watch_note(ps, jobs, pending);
	} else if (age >= limit && !ps->seen.said) {
		ps->seen.said = true;
		cause = stall_cause(ps);
	}
	spin_unlock_bh(&ps->lock);
	if (!cause)
		return;
	WRITE_ONCE(ps->pinst->stalls, ps->pinst->stalls + 1);
	pr_warn("%s: shell %u, allocated by %pS, has stalled for at least %u s: %s; %d jobs behind it\n",
		ps->pinst->name, ps->id, ps->owner, age, cause, jobs - 1);
}

/* Four looks in a limit, so a stall is reported at most a quarter late. */
static unsigned long watch_period(void)
{
	unsigned int limit = READ_ONCE(stall_seconds) ?: 30;

	return max(limit * HZ / 4, 1U);
}

/* Not bound to a CPU: what keeps that from a pump must not keep it from the detector. */
static void watch_again(struct instance *pinst)
{
	queue_delayed_work(system_unbound_wq, &pinst->watch, watch_period());
}

/*
 * Looks at all shells.  There may be 100,000 of them: a reference keeps the one at
 * hand on the list while the RCU read section ends now and then.
 */
static void watch_shells(struct instance *pinst, unsigned int limit)
{
	struct padata_shell *ps;

	rcu_read_lock();
	list_for_each_entry_rcu(ps, &pinst->shells, list) {
		if (!atomic_inc_not_zero(&ps->refs))
			continue;
		watch_shell(ps, limit);
		if (need_resched()) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
		local_bh_disable();
		shell_put(ps, 1);
		local_bh_enable();
	}
	rcu_read_unlock();
}

static void watch_work(struct work_struct *work)
{
	struct instance *pinst = container_of(to_delayed_work(work), struct instance,
					   watch);
	unsigned int limit = READ_ONCE(stall_seconds);

	if (limit)
		watch_shells(pinst, limit);
	watch_again(pinst);
}

/* The limit has changed: the next look does not wait for the end of the old period. */
static void watch_all_anew(void)
{
	struct instance *pinst;

	mutex_lock(&pinsts_mutex);
	list_for_each_entry(pinst, &pinsts, list)
		mod_delayed_work(system_unbound_wq, &pinst->watch, watch_period());
	mutex_unlock(&pinsts_mutex);
}
