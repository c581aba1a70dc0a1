// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: the helpers of multithreaded jobs, one per CPU
 */

static DEFINE_PER_CPU(struct mt_helper, mt_helpers);
static DEFINE_SPINLOCK(mt_lock);
static LIST_HEAD(mt_runs);		/* J: jobs that want help */
static int mt_nr_runs;			/* J: their number, also read without */
static struct workqueue_struct *mt_wq;

/*
 * Calling helpers
 */

/* Return the task whose affinity and signals count for a job that is started now. */
static struct task_struct *mt_owner(void)
{
	/* A work item of others may be freed already: it is compared only. */
	struct work_struct *work = current_work();
	struct mt_helper *helper;
	int cpu;

	if (!work)
		return current;
	for_each_possible_cpu(cpu) {
		helper = per_cpu_ptr(&mt_helpers, cpu);
		/* A helper that runs a thread function has a seat in that job. */
		if (work == &helper->work)
			return helper->run->owner;
	}
	return current;
}

/*
 * Return true if a helper of @cpu may work for @owner: its affinity, which cpusets
 * limit, has the CPU, and the CPU was not isolated at boot.
 */
static bool mt_may_use(struct task_struct *owner, int cpu)
{
	/* A change of the affinity while it is read may count or not. */
	return data_race(cpumask_test_cpu(cpu, &owner->cpus_mask)) &&
	       housekeeping_cpu(cpu, COMPAT_HK_TYPE_DOMAIN_BOOT) &&
	       housekeeping_cpu(cpu, HK_TYPE_WQ);
}

/* Return the number of CPUs other than this one that may help, at most @limit. */
static unsigned long mt_count_cpus(struct task_struct *owner, unsigned long limit)
{
	int cpu, here = raw_smp_processor_id();
	unsigned long nr = 0;

	/* The map of online CPUs may change: it is read bit by bit. */
	for_each_possible_cpu(cpu) {
		if (nr >= limit)
			break;
		nr += cpu != here && cpu_online(cpu) && mt_may_use(owner, cpu);
	}
	return nr;
}

static int mt_chunks_left(struct mt_run *run)
{
	return run->nr_chunks - atomic_read(&run->next);
}

/* Return a CPU of node @nid, or of any, whose helper is not called; or -1. */
static int mt_find_cpu_on(struct mt_run *run, int nid)
{
	int cpu, here = task_cpu(run->caller);

	for_each_cpu_wrap(cpu, cpu_possible_mask, here)
		if (cpu != here && cpu_online(cpu) &&
		    (nid == NUMA_NO_NODE || cpu_to_node(cpu) == nid) &&
		    !per_cpu_ptr(&mt_helpers, cpu)->called &&
		    mt_may_use(run->owner, cpu))
			return cpu;
	return -1;
}

/* Near the caller first, or on one node after the other. */
static int mt_find_cpu(struct mt_run *run)
{
	int cpu, nr;

	if (!run->job->numa_aware) {
		cpu = mt_find_cpu_on(run, run->nid);
		return cpu < 0 ? mt_find_cpu_on(run, NUMA_NO_NODE) : cpu;
	}
	for (nr = nr_node_ids; nr > 0; nr--) {
		run->nid = (run->nid + 1) % (int)nr_node_ids;
		if (!node_state(run->nid, N_CPU))
			continue;
		cpu = mt_find_cpu_on(run, run->nid);
		if (cpu >= 0)
			return cpu;
	}
	return -1;
}

/*
 * Call a helper, unless there are enough.  A helper that is marked as called is no
 * other job's to call, so its work item is queued under the same lock: a caller of
 * low priority that is preempted in between would keep the CPU from all jobs.
 */
static bool mt_call_one(struct mt_run *run)
{
	struct mt_helper *helper = NULL;
	int cpu;

	spin_lock(&mt_lock);
	if (run->nr_helpers + run->nr_called < run->max_helpers &&
	    run->nr_called < mt_chunks_left(run)) {
		cpu = mt_find_cpu(run);
		if (cpu >= 0) {
			helper = per_cpu_ptr(&mt_helpers, cpu);
			helper->called = true;
			run->nr_called++;
			queue_work_on(cpu, mt_wq, &helper->work);
		}
	}
	spin_unlock(&mt_lock);
	return helper;
}

/* Each thread of the job calls two helpers, until there are enough. */
static void mt_call_helpers(struct mt_run *run)
{
	int i;

	for (i = 0; i < MT_CALLS && READ_ONCE(run->nr_helpers) < run->max_helpers; i++)
		if (!mt_call_one(run))
			break;
}

/*
 * Between two chunks the caller calls other helpers in place of those that do not
 * come, if the rest of the job justifies it.
 */
static void mt_call_others(struct mt_run *run, u64 now, s64 chunk_ns)
{
	if (READ_ONCE(run->nr_helpers) >= run->max_helpers ||
	    now - run->called_at < MT_TURN_NS ||
	    mt_chunks_left(run) * chunk_ns < READ_ONCE(wakeup_cost_ns))
		return;
	spin_lock(&mt_lock);
	run->nr_called = 0;
	spin_unlock(&mt_lock);
	run->called_at = now;
	mt_call_helpers(run);
}

/*
 * The helper
 */

/* Return a job for this helper; the jobs take turns.  NULL ends the helper. */
static struct mt_run *mt_sit_down(struct mt_helper *helper)
{
	/* Its CPU may have gone offline. */
	bool lost = raw_smp_processor_id() != helper->cpu;
	struct mt_run *run;

	spin_lock(&mt_lock);
	list_for_each_entry(run, &mt_runs, node) {
		if (lost || run->nr_helpers == run->max_helpers ||
		    mt_chunks_left(run) <= 0 ||
		    !mt_may_use(run->owner, helper->cpu))
			continue;
		WRITE_ONCE(run->nr_helpers, run->nr_helpers + 1);
		run->nr_called = max(run->nr_called - 1, 0);
		list_add(&helper->seat, &run->helpers);
		list_move_tail(&run->node, &mt_runs);
		helper->run = run;
		helper->task = current;
		spin_unlock(&mt_lock);
		return run;
	}
	/* From here on it can be called again, and will find jobs that are new then. */
	helper->called = false;
	spin_unlock(&mt_lock);
	return NULL;
}

/* The job may be gone afterwards. */
static void mt_get_up(struct mt_helper *helper)
{
	struct mt_run *run = helper->run;
	bool raised;

	spin_lock(&mt_lock);
	list_del(&helper->seat);
	WRITE_ONCE(run->nr_helpers, run->nr_helpers - 1);
	if (!run->nr_helpers && list_empty(&run->node))
		complete(&run->idle);
	raised = helper->raised;
	helper->raised = false;
	spin_unlock(&mt_lock);
	if (raised)
		sched_set_normal(current, MAX_NICE);
}

/* Return true if the helper stays with its job for another chunk. */
static bool mt_stay(struct mt_helper *helper)
{
	cond_resched_tasks_rcu_qs();
	return (READ_ONCE(mt_nr_runs) == 1 ||
		local_clock() - helper->since < MT_TURN_NS) &&
	       raw_smp_processor_id() == helper->cpu &&
	       mt_may_use(helper->run->owner, helper->cpu);
}

static void mt_helper_work(struct work_struct *work)
{
	struct mt_helper *helper = container_of(work, struct mt_helper, work);
	int nice = task_nice(current);
	struct mt_run *run;

	/* The thread is the workqueue's and gets its priority back. */
	set_user_nice(current, MAX_NICE);
	while ((run = mt_sit_down(helper))) {
		helper->since = local_clock();
		mt_call_helpers(run);
		while (mt_run_chunk(run) && mt_stay(helper))
			;
		mt_get_up(helper);
	}
	set_user_nice(current, nice);
}

static int __init mt_helpers_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct mt_helper *helper = per_cpu_ptr(&mt_helpers, cpu);

		INIT_WORK(&helper->work, mt_helper_work);
		helper->cpu = cpu;
	}
	mt_wq = alloc_workqueue("padata_mt", WQ_CPU_INTENSIVE | COMPAT_WQ_PERCPU, 0);
	return mt_wq ? 0 : -ENOMEM;
}

/* No job runs any more; a helper may, and finds none. */
static void mt_helpers_exit(void)
{
	destroy_workqueue(mt_wq);
}
