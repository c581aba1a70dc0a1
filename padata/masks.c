// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: changes of cpumasks and of online CPUs
 */

static void user_masks_free(struct user_masks *masks)
{
	if (!masks)
		return;
	free_cpumask_var(masks->serial);
	free_cpumask_var(masks->parallel);
	kfree(masks);
}

static struct user_masks *user_masks_alloc(void)
{
	struct user_masks *masks = kzalloc(sizeof(*masks), GFP_KERNEL);

	if (!masks)
		return NULL;
	if (!zalloc_cpumask_var(&masks->parallel, GFP_KERNEL))
		goto free_masks;
	if (!zalloc_cpumask_var(&masks->serial, GFP_KERNEL))
		goto free_parallel;
	return masks;

free_parallel:
	free_cpumask_var(masks->parallel);
free_masks:
	kfree(masks);
	return NULL;
}

static void set_cpu_online_here(struct instance *pinst, unsigned int cpu, bool online)
{
	lockdep_assert_held(&pinst->lock);
	assign_bit(cpu, cpumask_bits(pinst->online), online);
	WRITE_ONCE(per_cpu_ptr(pinst->pumps, cpu)->direct_cpu, online ? (int)cpu : CPU_UNKNOWN);
}

/* Put a new mapping in force for submissions.  The arguments are those of map_change(). */
static void map_write(struct instance *pinst, struct user_masks *new,
		      unsigned int cpu, bool online)
{
	const struct user_masks *masks;

	write_seqcount_begin(&pinst->map_seq);
	if (new)
		rcu_assign_pointer(pinst->masks, new);
	else
		set_cpu_online_here(pinst, cpu, online);
	masks = rcu_dereference(pinst->masks);
	WRITE_ONCE(pinst->nr_online, cpumask_weight(pinst->online));
	WRITE_ONCE(pinst->nr_parallel,
		   cpumask_weight_and(masks->parallel, pinst->online));
	WRITE_ONCE(pinst->nr_serial,
		   cpumask_weight_and(masks->serial, pinst->online));
	write_seqcount_end(&pinst->map_seq);
}

/* Return true if the pump of @cpu may pull under the present mapping. */
static bool cpu_may_pull(struct instance *pinst, int cpu)
{
	lockdep_assert_held(&pinst->lock);
	return cpumask_test_cpu(cpu, pinst->online) &&
	       (!pinst->nr_parallel ||
		cpumask_test_cpu(cpu, rcu_dereference(pinst->masks)->parallel));
}

/* Return the pod, or the next one that is about to have CPUs; or the pod if none has. */
static struct pod *pod_in_use(struct pod *pod)
{
	unsigned int i;

	lockdep_assert_held(&pod->pinst->lock);
	if (pod->nr_next)
		return pod;
	for (i = 0; i < pod->pinst->nr_pods - 1; i++)
		if (pod->others[i]->nr_next)
			return pod->others[i];
	return pod;
}

/* Tell submitters which pods to use, before any pod loses its CPUs. */
static void pods_redirect(struct instance *pinst)
{
	struct padata_pump *pump;
	unsigned int i;
	int cpu;

	for (i = 0; i < pinst->nr_pods; i++)
		pinst->pods[i]->nr_next = 0;
	for_each_possible_cpu(cpu)
		per_cpu_ptr(pinst->pumps, cpu)->pod->nr_next += cpu_may_pull(pinst, cpu);
	for_each_possible_cpu(cpu) {
		pump = per_cpu_ptr(pinst->pumps, cpu);
		WRITE_ONCE(pump->submit_to, pod_in_use(pump->pod));
	}
}

/*
 * A pump that has lost its right to pull may be held up for long before it looks at
 * the queue again.  It does not count as pulling any more, so another one is woken.
 */
static void release_pulling(struct pod *pod, struct padata_pump *pump)
{
	lockdep_assert_held(&pod->lock);
	if (!pump->pulling || pump_entitled(pump))
		return;
	WRITE_ONCE(pump->pulling, false);
	pod->nr_pulling--;
}

/* Give a pod the CPUs that it has under the present mapping. */
static void pod_set_usable(struct pod *pod)
{
	struct padata_pump *wake;
	int cpu;

	spin_lock(&pod->lock);
	for_each_cpu(cpu, pod->cpus) {
		assign_bit(cpu, cpumask_bits(pod->usable), cpu_may_pull(pod->pinst, cpu));
		release_pulling(pod, per_cpu_ptr(pod->pinst->pumps, cpu));
	}
	pod->nr_usable = pod->nr_next;
	wake = pump_to_wake(pod, -1);
	spin_unlock(&pod->lock);
	if (wake)
		pump_wake(wake);
}

/* Move all queued jobs to another pod.  Both are locked. */
static void pod_move_jobs(struct pod *pod, struct pod *to)
{
	struct padata_link *link;
	bool was_empty = !to->nr_queued;

	for (link = pod->turns.first; link; link = link->next)
		WRITE_ONCE(link_turn(link)->pod, to);
	job_list_append(&to->turns, &pod->turns);
	WRITE_ONCE(to->nr_queued, to->nr_queued + pod->nr_queued);
	WRITE_ONCE(pod->nr_queued, 0);
	if (was_empty)
		look_again_later(to);
}

/*
 * A pod that has no CPU any more gives its jobs to the one that its submitters use from now
 * on.  None can follow: see padata_pump::submit_to.
 */
static void pod_evacuate(struct pod *pod)
{
	struct pod *to = pod_in_use(pod);
	struct padata_pump *wake = NULL;

	if (to == pod)
		return;
	spin_lock(&pod->lock);
	if (pod->nr_queued) {
		spin_lock_nested(&to->lock, SINGLE_DEPTH_NESTING);
		pod_move_jobs(pod, to);
		wake = pump_to_wake(to, -1);
		spin_unlock(&to->lock);
	}
	spin_unlock(&pod->lock);
	if (wake)
		pump_wake(wake);
}

/* Put the present mapping in force for all pods, whose pumps it may wake. */
static void pods_change(struct instance *pinst)
{
	unsigned int i;

	pods_redirect(pinst);
	for (i = 0; i < pinst->nr_pods; i++)
		pod_set_usable(pinst->pods[i]);
	for (i = 0; i < pinst->nr_pods; i++)
		pod_evacuate(pinst->pods[i]);
}

/**
 * map_change() - put a new mapping in force
 * @pinst: The instance.
 * @new: New masks, or NULL when @cpu has come or is about to go.
 * @cpu: The CPU.
 * @online: Which of the two.
 *
 * No allocation and nothing to wait for.  No walk over shells but for those that have jobs
 * in a pod that loses its last CPU.
 */
static void map_change(struct instance *pinst, struct user_masks *new,
		       unsigned int cpu, bool online)
{
	rcu_read_lock();
	spin_lock_bh(&pinst->lock);
	map_write(pinst, new, cpu, online);
	WRITE_ONCE(pinst->mask_changes, pinst->mask_changes + 1);
	trace_padata_mask_change(pinst->name, pinst->nr_parallel,
				 pinst->nr_serial, pinst->nr_online);
	pods_change(pinst);
	spin_unlock_bh(&pinst->lock);
	rcu_read_unlock();
}

static int padata_cpu_online(unsigned int cpu, struct hlist_node *node)
{
	map_change(hlist_entry_safe(node, struct instance, node), NULL, cpu, true);
	return 0;
}

/* A work item that marks the end of those before it. */
struct mark {
	struct work_struct	work;
	struct completion	done;
};

static void mark_reached(struct work_struct *work)
{
	complete(&container_of(work, struct mark, work)->done);
}

/* Return true if the work items that were queued on @cpu have ended in time. */
static bool work_has_ended(int cpu, unsigned long timeout)
{
	struct mark mark;
	bool ended;

	INIT_WORK_ONSTACK(&mark.work, mark_reached);
	init_completion(&mark.done);
	schedule_work_on(cpu, &mark.work);
	ended = wait_for_completion_timeout(&mark.done, timeout);
	cancel_work_sync(&mark.work);
	destroy_work_on_stack(&mark.work);
	return ended;
}

/*
 * Run the softirqs of this CPU that carry data, for a task that stays on it.  Return
 * true if all have run in time.
 */
static bool softirqs_run_until(unsigned long end)
{
	bool pending;

	do {
		local_bh_disable();
		pending = local_softirq_pending() & DELIVERY_SOFTIRQS;
		local_bh_enable();
		if (pending)
			usleep_range(20, 100);
		/* There a task with softirqs disabled may be in the middle of one. */
		if (!COMPAT_BH_EXCLUDES_SOFTIRQS && !pending) {
			synchronize_rcu();
			pending = local_softirq_pending() & DELIVERY_SOFTIRQS;
		}
	} while (pending && time_before(jiffies, end));
	return !pending;
}

/*
 * Results that came out on this CPU leave it before it goes.  None of padata's comes
 * out here any more once its pump sleeps.  Then softirqs have to run, the work items
 * queued before have to end, and the softirqs that these raise have to run.  After a
 * second each the CPU goes all the same, and counts as unsettled.
 *
 * Context: Task on the CPU of @pump, which workqueues have not left yet.
 */
static void pump_leave(struct padata_pump *pump)
{
	unsigned long wait = msecs_to_jiffies(LEAVE_MS), end = jiffies + wait;
	bool left;

	while (atomic_read(&pump->awake) && time_before(jiffies, end))
		usleep_range(20, 100);
	left = !atomic_read(&pump->awake);
	left &= softirqs_run_until(jiffies + wait);
	left &= work_has_ended(pump->cpu, wait);
	left &= softirqs_run_until(jiffies + wait);
	if (!left)
		this_cpu_inc(pump->pinst->pumps->stats.unsettled);
}

static int padata_cpu_offline(unsigned int cpu, struct hlist_node *node)
{
	struct instance *pinst = hlist_entry_safe(node, struct instance, node);

	map_change(pinst, NULL, cpu, false);
	pump_leave(per_cpu_ptr(pinst->pumps, cpu));
	return 0;
}

/**
 * padata_set_cpumask() - change one of the cpumasks
 * @pinst: The instance.
 * @cpumask_type: PADATA_CPU_PARALLEL or PADATA_CPU_SERIAL.
 * @cpumask: The new mask.  It may name offline CPUs, which are used once they
 *	come online, and may be empty or become so: jobs are refused then until
 *	it is not.  CPUs that are not possible are left out.
 *
 * On return no pump runs parallel() outside the new mask, unless no CPU of it is
 * online: queued jobs then run on any CPU.  Jobs submitted from now on are
 * called back inside the new mask.  Jobs in flight keep their order.
 *
 * Context: Task, may sleep; not from a callback of padata.
 * Return:
 * * 0 - done.
 * * -EINVAL - unknown @cpumask_type.
 * * -ENOMEM - out of memory; the old mask stays in force.
 */
int padata_set_cpumask(struct padata_instance *pinst, int cpumask_type,
		       const struct cpumask *cpumask)
{
	struct instance *p = to_instance(pinst);
	struct user_masks *old, *new;
	struct cpumask *change;

	if (cpumask_type != PADATA_CPU_PARALLEL &&
	    cpumask_type != PADATA_CPU_SERIAL)
		return -EINVAL;
	new = user_masks_alloc();
	if (!new)
		return -ENOMEM;

	mutex_lock(&p->mutex);
	old = rcu_dereference_protected(p->masks, lockdep_is_held(&p->mutex));
	cpumask_copy(new->parallel, old->parallel);
	cpumask_copy(new->serial, old->serial);
	change = cpumask_type == PADATA_CPU_SERIAL ? new->serial : new->parallel;
	cpumask_and(change, cpumask, cpu_possible_mask);
	map_change(p, new, 0, false);
	mutex_unlock(&p->mutex);

	synchronize_rcu();
	user_masks_free(old);
	return 0;
}
EXPORT_SYMBOL_GPL(padata_set_cpumask);
