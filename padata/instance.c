// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: allocation and lifetime of instances
 */

static void pinst_release(struct kobject *kobj)
{
	struct instance *pinst = kobj_to_instance(kobj);
	bool holds_module = pinst->holds_module;

	user_masks_free(rcu_dereference_protected(pinst->masks, true));
	free_cpumask_var(pinst->online);
	pods_free(pinst);
	free_percpu(pinst->pumps);
	kfree_const(pinst->name);
	kfree(pinst);
	/* The caller is in an RCU read section, or in a module that needs this one. */
	if (holds_module)
		module_put(THIS_MODULE);
}

static const struct kobj_type padata_ktype = {
	.release	= pinst_release,
	.sysfs_ops	= &kobj_sysfs_ops,
	.default_groups	= padata_groups,
};

static void pump_init(struct instance *pinst, int cpu)
{
	struct padata_pump *pump = per_cpu_ptr(pinst->pumps, cpu);

	INIT_WORK(&pump->work, pump_work);
	pump->pinst = pinst;
	pump->cpu = cpu;
	pump->direct_cpu = CPU_UNKNOWN;
	init_llist_head(&pump->ready);
	init_llist_head(&pump->deferred);
	init_llist_head(&pump->leaving);
	init_llist_head(&pump->leaving_queues);
	init_llist_head(&pump->settle_shells);
	init_llist_head(&pump->settle_queues);
	timer_setup(&pump->settle_timer, pump_settle_overdue, 0);
	INIT_LIST_HEAD(&pump->serving);
	spin_lock_init(&pump->sq.lock);
	job_list_init(&pump->sq.incoming);
	INIT_LIST_HEAD(&pump->sq.serving);
	pump->sq.cpu = cpu;
	pump->sq.at = cpu;
	pump->yield_from = jiffies;
}

/* All possible CPUs but those isolated at boot, unless that leaves none. */
static void default_mask(struct cpumask *mask)
{
	if (!cpumask_and(mask, housekeeping_cpumask(COMPAT_HK_TYPE_DOMAIN_BOOT),
			 housekeeping_cpumask(HK_TYPE_WQ)) ||
	    !cpumask_and(mask, mask, cpu_possible_mask))
		cpumask_copy(mask, cpu_possible_mask);
}

static void pods_init_timers(struct instance *pinst)
{
	unsigned int i;

	for (i = 0; i < pinst->nr_pods; i++)
		compat_hrtimer_setup(&pinst->pods[i]->look, look_again, CLOCK_MONOTONIC,
				     HRTIMER_MODE_REL_HARD);
}

static void pods_cancel_timers(struct instance *pinst)
{
	unsigned int i;

	for (i = 0; i < pinst->nr_pods; i++)
		hrtimer_cancel(&pinst->pods[i]->look);
}

/* Allocate all memory; from here on kobject_put() undoes everything. */
static struct instance *pinst_alloc(const char *name)
{
	struct instance *pinst = kzalloc(sizeof(*pinst), GFP_KERNEL);
	struct user_masks *masks;
	int cpu;

	if (!pinst)
		return NULL;
	kobject_init(&pinst->pub.kobj, &padata_ktype);
	pinst->name = kstrdup_const(name, GFP_KERNEL);
	pinst->pumps = alloc_percpu(struct padata_pump);
	masks = user_masks_alloc();
	RCU_INIT_POINTER(pinst->masks, masks);
	if (!zalloc_cpumask_var(&pinst->online, GFP_KERNEL) || !pinst->name ||
	    !pinst->pumps || !masks || !pods_alloc(pinst)) {
		kobject_put(&pinst->pub.kobj);
		return NULL;
	}
	default_mask(masks->parallel);
	cpumask_copy(masks->serial, masks->parallel);
	for_each_possible_cpu(cpu)
		pump_init(pinst, cpu);
	spin_lock_init(&pinst->lock);
	seqcount_spinlock_init(&pinst->map_seq, &pinst->lock);
	/* It wraps after 10 changes, so that tests come to the wrap. */
	pinst->map_seq.seqcount.sequence = -2U * 10;
	mutex_init(&pinst->mutex);
	spin_lock_init(&pinst->shell_lock);
	INIT_LIST_HEAD(&pinst->shells);
	init_waitqueue_head(&pinst->idle_wait);
	pods_init_timers(pinst);
	INIT_DELAYED_WORK(&pinst->watch, watch_work);
	return pinst;
}

/* Set up all but the memory.  Without @wq a workqueue is allocated. */
static int pinst_activate(struct instance *pinst, struct workqueue_struct *wq)
{
	int err;

	pinst->own_wq = !wq;
	if (!wq)
		wq = alloc_workqueue("%s", WQ_MEM_RECLAIM | WQ_CPU_INTENSIVE |
				     COMPAT_WQ_PERCPU, 0, pinst->name);
	if (!wq)
		return -ENOMEM;
	pinst->wq = wq;
	err = cpuhp_state_add_instance(hotplug_state, &pinst->node);
	if (err) {
		if (pinst->own_wq)
			destroy_workqueue(wq);
		return err;
	}
	/* The reference lasts until the release, which a faulty user never reaches. */
	__module_get(THIS_MODULE);
	pinst->holds_module = true;
	watch_again(pinst);
	mutex_lock(&pinsts_mutex);
	list_add_tail(&pinst->list, &pinsts);
	mutex_unlock(&pinsts_mutex);
	return 0;
}

/**
 * padata_alloc_on() - make an instance on a given workqueue
 * @name: For its messages; copied.
 * @wq: Runs its workers; NULL for one of its own.  It must be a per-CPU one
 *	(not WQ_UNBOUND), must outlive the instance and not be drained before
 *	that is freed.  A module can't look inside: when a worker finds itself
 *	on a wrong CPU, one line in the log says so.  Other work items on it wait
 *	for up to 10 ms where its max_active is 1, and should not run long
 *	themselves: jobs wait for them.  Not WQ_HIGHPRI: the order behind serial()
 *	counts on work items of normal priority.
 * @pcpumask: CPUs for parallel(); NULL for the default of padata_alloc().
 * @cbcpumask: CPUs for serial(); likewise.
 *
 * The form that padata had in 2010.  As then, the instance begins stopped.
 *
 * Context: Task, may sleep.
 * Return: The instance, or NULL when memory is short.
 */
struct padata_instance *padata_alloc_on(const char *name,
					struct workqueue_struct *wq,
					const struct cpumask *pcpumask,
					const struct cpumask *cbcpumask)
{
	struct instance *pinst = pinst_alloc(name);
	struct user_masks *masks;

	if (!pinst)
		return NULL;
	/* No other code knows the instance yet. */
	masks = rcu_dereference_protected(pinst->masks, true);
	if (pcpumask)
		cpumask_and(masks->parallel, pcpumask, cpu_possible_mask);
	if (cbcpumask)
		cpumask_and(masks->serial, cbcpumask, cpu_possible_mask);
	if (pinst_activate(pinst, wq)) {
		kobject_put(&pinst->pub.kobj);
		return NULL;
	}
	return &pinst->pub;
}
EXPORT_SYMBOL_GPL(padata_alloc_on);

/**
 * padata_alloc() - make an instance
 * @name: Names its workqueue and its messages; copied.
 *
 * Both cpumasks start as all possible CPUs but those isolated at boot
 * (``isolcpus=``, ``nohz_full=``).  The instance accepts jobs at once.
 *
 * Context: Task, may sleep.
 * Return: The instance, or NULL when memory is short.
 */
struct padata_instance *padata_alloc(const char *name)
{
	struct padata_instance *pinst = padata_alloc_on(name, NULL, NULL, NULL);

	if (pinst)
		WRITE_ONCE(to_instance(pinst)->running, true);
	return pinst;
}
EXPORT_SYMBOL_GPL(padata_alloc);

/* Flush all pumps.  Return true if one is awake, or a serial queue has an owner. */
static bool pinst_flush_once(struct instance *pinst)
{
	struct padata_pump *pump;
	bool owned = false;
	int cpu;

	for_each_possible_cpu(cpu) {
		pump = per_cpu_ptr(pinst->pumps, cpu);
		flush_work(&pump->work);
		owned |= atomic_read(&pump->awake);
		spin_lock_bh(&pump->sq.lock);
		owned |= pump->sq.owned;
		spin_unlock_bh(&pump->sq.lock);
	}
	return owned;
}

/* Flush until all pumps sleep and no serial queue has an owner. */
static void pinst_flush_all(struct instance *pinst)
{
	while (pinst_flush_once(pinst))
		cond_resched();
}

static void pinst_delete_settle_timers(struct instance *pinst)
{
	int cpu;

	for_each_possible_cpu(cpu)
		compat_timer_delete_sync(&per_cpu_ptr(pinst->pumps, cpu)->settle_timer);
}

/*
 * No job is left, so a serial queue without an owner stays so, and pumps are woken
 * for nothing else.  A timer may still be about to give something to a pump, which
 * has to finish that.  A pump that has given a queue away may still be about to wake
 * the new owner, which has served the queue already.  One more flush waits for such
 * pumps.  From there on a pump finds nothing to do and wakes no other; a work item
 * that such a late call has queued is cancelled.
 */
static void pinst_flush_pumps(struct instance *pinst)
{
	int cpu;

	pinst_flush_all(pinst);
	pods_cancel_timers(pinst);
	pinst_delete_settle_timers(pinst);
	pinst_flush_all(pinst);
	pinst_flush_once(pinst);
	for_each_possible_cpu(cpu)
		cancel_work_sync(&per_cpu_ptr(pinst->pumps, cpu)->work);
	pinst_delete_settle_timers(pinst);
}

/**
 * padata_free() - free an instance
 * @pinst: The instance.
 *
 * Refuses new jobs and waits for those in flight; when that takes long the log
 * says for what.  Removes the kobject from sysfs.  A shell that was not freed
 * before keeps the memory until it is.
 *
 * Context: Task, may sleep.  Called from a callback of padata, where it cannot
 * wait, it warns and leaks the instance, which then keeps padata_mod loaded.
 */
void padata_free(struct padata_instance *pinst)
{
	struct instance *p = to_instance(pinst);

	if (WARN_ON_ONCE(in_interrupt()))
		return;
	if (pinst->kobj.state_in_sysfs)
		kobject_del(&pinst->kobj);
	padata_stop(pinst);
	/* Submitters, completions and callbacks use the pumps in RCU read sections. */
	synchronize_rcu();
	cpuhp_state_remove_instance_nocalls(hotplug_state, &p->node);
	mutex_lock(&pinsts_mutex);
	list_del(&p->list);
	mutex_unlock(&pinsts_mutex);
	cancel_delayed_work_sync(&p->watch);
	pinst_flush_pumps(p);
	if (p->own_wq)
		destroy_workqueue(p->wq);
	kobject_put(&pinst->kobj);
}
EXPORT_SYMBOL_GPL(padata_free);

/**
 * padata_start() - accept jobs (again)
 * @pinst: The instance.
 *
 * Context: Task, may sleep; not from a callback of padata.
 * Return: 0, or -EINVAL when one of the cpumasks has no online CPU.
 */
int padata_start(struct padata_instance *pinst)
{
	struct instance *p = to_instance(pinst);
	int err = -EINVAL;

	mutex_lock(&p->mutex);
	spin_lock_bh(&p->lock);
	if (p->nr_parallel && p->nr_serial) {
		WRITE_ONCE(p->running, true);
		err = 0;
	}
	spin_unlock_bh(&p->lock);
	mutex_unlock(&p->mutex);
	return err;
}
EXPORT_SYMBOL_GPL(padata_start);

/**
 * padata_stop() - refuse jobs, and wait for those in flight
 * @pinst: The instance.
 *
 * On return parallel() and serial() of all jobs have returned.
 *
 * Context: Task, may sleep; not from a callback of padata.
 */
void padata_stop(struct padata_instance *pinst)
{
	struct instance *p = to_instance(pinst);

	mutex_lock(&p->mutex);
	WRITE_ONCE(p->running, false);
	mutex_unlock(&p->mutex);
	/* See "stop" at the top. */
	spin_lock_bh(&p->shell_lock);
	spin_unlock_bh(&p->shell_lock);
	wait_until_idle(p, NULL);
}
EXPORT_SYMBOL_GPL(padata_stop);
