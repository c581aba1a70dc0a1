// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: allocation and lifetime of shells
 */

static void shell_release(struct padata_shell *ps)
{
	struct instance *pinst = ps->pinst;

	spin_lock_bh(&pinst->shell_lock);
	list_del_rcu(&ps->list);
	spin_unlock_bh(&pinst->shell_lock);
	kfree_rcu(ps, rcu);
	kobject_put(&pinst->pub.kobj);
}

/**
 * shell_put() - drop references of jobs or of the owner
 * @ps: The shell.
 * @n: How many.
 *
 * Context: Any but hard interrupt; RCU read section, which keeps the instance
 * until padata_free() has waited for it.
 */
static void shell_put(struct padata_shell *ps, unsigned int n)
{
	struct instance *pinst = ps->pinst;
	/* idle:B */
	int left = atomic_sub_return(n, &ps->refs);

	/* With more than the owner's reference left the shell is not idle. */
	if (left <= 1 && atomic_read(&pinst->nr_waiters))
		wake_up_all(&pinst->idle_wait);
	if (!left)
		shell_release(ps);
}

static bool shell_has_no_jobs(struct padata_shell *ps)
{
	bool idle;
	int refs;

	spin_lock_bh(&ps->lock);
	/* orphan:A */
	refs = atomic_read_acquire(&ps->refs);
	idle = refs == !READ_ONCE(ps->orphan);
	spin_unlock_bh(&ps->lock);
	return idle;
}

/* Return the first shell with jobs in flight.  Caller: RCU read section. */
static struct padata_shell *find_busy_shell(struct instance *pinst)
{
	struct padata_shell *ps;

	list_for_each_entry_rcu(ps, &pinst->shells, list)
		if (!shell_has_no_jobs(ps))
			return ps;
	return NULL;
}

/* Take the shell that a pump keeps, or NULL: its reference is the caller's, once. */
static struct padata_shell *take_kept(struct padata_shell **kept)
{
	return xchg(kept, NULL); /* kept:B */
}

static void drop_kept(struct padata_shell **kept, struct padata_shell *ps)
{
	struct padata_shell *old = READ_ONCE(*kept);

	if (ps ? old != ps : !old)
		return;
	/* Another one may be there by now: it has to ask again for direct mode. */
	old = take_kept(kept);
	if (old)
		shell_put(old, 1);
}

/*
 * Take back an idle shell, or any where @ps is NULL, from a pump that keeps it until its
 * CPU has settled: that CPU may not let the pump run.
 */
static void drop_all_kept(struct instance *pinst, struct padata_shell *ps)
{
	struct padata_pump *pump;
	int cpu;

	rcu_read_lock();
	for_each_possible_cpu(cpu) {
		pump = per_cpu_ptr(pinst->pumps, cpu);
		/* The pump moves it from the first to the second. */
		drop_kept(&pump->idle_shell, ps);
		drop_kept(&pump->settle_idle, ps);
	}
	rcu_read_unlock();
}

static bool wait_is_over(struct instance *pinst, struct padata_shell *ps)
{
	bool idle;

	drop_all_kept(pinst, ps);
	if (ps)
		return shell_has_no_jobs(ps);
	/* A padata_start() meanwhile ends the wait of padata_stop(). */
	if (READ_ONCE(pinst->running))
		return true;
	rcu_read_lock();
	idle = !find_busy_shell(pinst);
	rcu_read_unlock();
	return idle;
}

static void say_what_for(struct instance *pinst, struct padata_shell *ps)
{
	rcu_read_lock();
	if (!ps)
		ps = find_busy_shell(pinst);
	if (ps)
		pr_warn("%s: still waiting for %d jobs of shell %u, allocated by %pS\n",
			pinst->name, atomic_read(&ps->refs) - !READ_ONCE(ps->orphan),
			ps->id, ps->owner);
	rcu_read_unlock();
}

/*
 * Return true if parallel() of an idle shell, or of any where @ps is NULL, may not have
 * returned: its job is over once it has called padata_do_serial().
 */
static bool parallel_may_run(struct instance *pinst, struct padata_shell *ps)
{
	struct padata_shell *running;
	struct padata_pump *pump;
	int cpu;

	for_each_possible_cpu(cpu) {
		pump = per_cpu_ptr(pinst->pumps, cpu);
		/* over:B */
		running = smp_load_acquire(&pump->running);
		if (ps ? running == ps : !!running)
			return true;
		/* inline:B */
		if (smp_load_acquire(&pump->inline_depth))
			return true;
	}
	return false;
}

/* A reference goes from the pump to @kept; a waiter may have to take it back. */
static void keep_shell(struct padata_pump *pump, struct padata_shell **kept,
		       struct padata_shell *ps)
{
	struct padata_shell *old = xchg(kept, ps); /* kept:A */

	if (old)
		shell_put(old, 1);
	if (atomic_read(&pump->pinst->nr_waiters))
		wake_up_all(&pump->pinst->idle_wait);
}

/**
 * wait_until_idle() - wait for jobs in flight
 * @pinst: The instance.
 * @ps: A shell of it, or NULL for all.
 *
 * On return parallel() and serial() of all jobs have returned.
 *
 * Context: Task, may sleep.
 */
static void wait_until_idle(struct instance *pinst, struct padata_shell *ps)
{
	atomic_inc(&pinst->nr_waiters);
	/* idle:A: nr_waiters before what is kept and refs, see keep_shell() and shell_put() */
	smp_mb__after_atomic();
	while (!wait_event_timeout(pinst->idle_wait, wait_is_over(pinst, ps),
				   WAIT_WARN_SECONDS * HZ))
		say_what_for(pinst, ps);
	atomic_dec(&pinst->nr_waiters);
	if (parallel_may_run(pinst, ps))
		synchronize_rcu();
}

/**
 * padata_alloc_shell() - make an ordered stream of jobs
 * @pinst: The instance whose CPUs it uses.
 *
 * A shell has no per-CPU memory and costs nothing while it is idle.
 *
 * Context: Task, may sleep.
 * Return: The shell, or NULL when memory is short.
 */
struct padata_shell *padata_alloc_shell(struct padata_instance *pinst)
{
	struct instance *p = to_instance(pinst);
	struct padata_shell *ps = kzalloc(sizeof(*ps), GFP_KERNEL);

	if (!ps)
		return NULL;
	kobject_get(&pinst->kobj);
	ps->pinst = p;
	spin_lock_init(&ps->lock);
	job_list_init(&ps->order);
	job_list_init(&ps->queue);
	ps->pod = raw_cpu_ptr(p->pumps)->pod;
	atomic_set(&ps->refs, 1);
	ps->map_to = CPU_UNKNOWN;
	ps->from = CPU_NONE;
	ps->direct.on = CPU_NONE;
	ps->direct.cpu = &p->pumps->direct_cpu;
	ps->owner = __builtin_return_address(0);
	/* It wraps soon, so that tests come to the wrap. */
	ps->nr_cut = -200;
	spin_lock_bh(&p->shell_lock);
	ps->id = ++p->last_id;
	list_add_tail_rcu(&ps->list, &p->shells);
	spin_unlock_bh(&p->shell_lock);
	return ps;
}
EXPORT_SYMBOL_GPL(padata_alloc_shell);

/**
 * padata_set_total_order() - give results of all callback CPUs one order
 * @ps: The shell, without a job so far.
 *
 * Callbacks of the shell then run one after the other in the order of submission, also
 * where jobs ask for different callback CPUs.  Each change of the CPU asked for costs a
 * wait, see "Order behind serial()" in Documentation/padata.rst: this is for users
 * that change it seldom.
 *
 * Context: Any.
 */
void padata_set_total_order(struct padata_shell *ps)
{
	ps->total_order = true;
}
EXPORT_SYMBOL_GPL(padata_set_total_order);

/**
 * padata_put_shell() - drop a shell without waiting
 * @ps: The shell, or NULL.
 *
 * It is freed once the last job in flight has been called back.  The caller
 * submits nothing to it any more.
 *
 * Context: Task or softirq, serial() of its own jobs included.
 */
void padata_put_shell(struct padata_shell *ps)
{
	if (!ps)
		return;
	rcu_read_lock();
	/* orphan:B, ordered by the subtraction */
	WRITE_ONCE(ps->orphan, true);
	shell_put(ps, 1);
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(padata_put_shell);

/**
 * padata_free_shell() - free a shell
 * @ps: The shell, or NULL.
 *
 * Waits until parallel() and serial() of all its jobs have returned; when that
 * takes long the log says so.
 *
 * Context: Task, may sleep.  Called from a callback of padata, where it cannot
 * wait, it warns and acts as padata_put_shell().
 */
void padata_free_shell(struct padata_shell *ps)
{
	if (!ps)
		return;
	if (!WARN_ON_ONCE(in_interrupt()))
		wait_until_idle(ps->pinst, ps);
	padata_put_shell(ps);
}
EXPORT_SYMBOL_GPL(padata_free_shell);
