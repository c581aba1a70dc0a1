// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: fences, and the CPU that has to settle before one is lifted
 *
 * Behind serial() stand queues of the CPU on which it runs: the backlog of
 * netif_rx(), tasklets, work items.  When the results of a stream begin to come
 * out on another CPU, those in the queues of the old one could be overtaken.  So
 * the first job for the new CPU is fenced, and a serial queue that another CPU
 * takes over is held, until the old CPU has settled: its pump, a task that runs
 * there, has seen that
 *
 * - no softirq that carries data is pending.  None is in progress either, since
 *   a softirq does not return to a task before it ends.  (PREEMPT_RT runs
 *   softirqs in tasks with softirqs disabled.  Up to 6.17 a lock makes one such
 *   section of a CPU wait for the other; later kernels may do without, but each is
 *   an RCU read section, and a grace period ends it.  One that leaves work to the next,
 *   as with more than 64 packets in the backlog, is not seen there, if the next one
 *   begins in that grace period.)
 * - the work items queued there before have ended, and the softirqs that they
 *   raised.  The pump queues itself behind them: a per-CPU worker pool starts
 *   an item after all earlier ones have ended, or sleep.  Items of CPU-intensive
 *   workqueues, and from 6.5 on any that has run for 10 ms, do not hold up
 *   others, nor do those that max_active keeps back.  A pump that the rescuer of
 *   its workqueue takes first queues itself again.
 *
 * Letters: P of padata_pump::settle_*; padata_shell::settle_at.
 */

/*
 * Return the CPU that the shell waits for: that of the fence of its first job, or,
 * where the shell was idle, that of all its results.  A job that came meanwhile is
 * fenced because of the same results, if at all.
 */
static int *shell_settles_for(struct padata_shell *ps)
{
	if (job_list_empty(&ps->order))
		return &ps->from;
	return &link_order(ps->order.first)->fence;
}

/* A CPU that a shell waited for has settled: go on, or ask the next one. */
static void shell_settled(struct padata_shell *ps)
{
	unsigned int next = nr_cpu_ids;
	bool idle = ps->settle_idle;
	int *from;

	spin_lock(&ps->lock);
	from = shell_settles_for(ps);
	if (idle && ps->late_result) {
		/* Once more, for all: it may have come out on any CPU. */
		ps->late_result = false;
		*from = CPU_MANY;
		ps->settle_at = -1;
	}
	if (*from == CPU_MANY)
		next = next_delivering_cpu(ps->pinst, ps->settle_at);
	if (next < nr_cpu_ids) {
		shell_settle(ps, next);
	} else {
		*from = CPU_NONE;
		ps->settle_idle = false;
	}
	spin_unlock(&ps->lock);
	if (next < nr_cpu_ids)
		return;
	shell_drain(ps);
	if (idle)
		shell_put(ps, 1);
}

static void serial_queue_settled(struct instance *pinst, struct serial_queue *sq)
{
	WRITE_ONCE(sq->at, CPU_NONE);
	serial_queue_give(sq, target_pump(pinst, sq->cpu));
}

/* Let all queues of a list go on.  Return their number. */
static unsigned int settle_end_queues(struct instance *pinst, struct llist_head *queues)
{
	struct serial_queue *sq, *next;
	unsigned int n = 0;

	rcu_read_lock_bh();
	llist_for_each_entry_safe(sq, next, llist_del_all(queues), ready) {
		serial_queue_settled(pinst, sq);
		n++;
	}
	rcu_read_unlock_bh();
	return n;
}

/*
 * The same for a list of shells and one of queues.  The caller is the timer, from which no
 * task takes the CPU, but on PREEMPT_RT.  The batons of the shells to come hold them.
 */
static unsigned int settle_end_all(struct instance *pinst, struct llist_head *shells,
				   struct llist_head *queues)
{
	struct padata_shell *ps, *next;
	unsigned int n = 0;

	llist_for_each_entry_safe(ps, next, llist_del_all(shells), deferred) {
		rcu_read_lock_bh();
		shell_settled(ps);
		rcu_read_unlock_bh();
		n++;
	}
	return n + settle_end_queues(pinst, queues);
}

/* Let the next shell go on.  Return false if there is none. */
static bool pump_settle_next(struct padata_pump *pump)
{
	struct llist_node *node;

	rcu_read_lock_bh();
	/*
	 * The timer may take all at any moment.  For that llist.h asks for a lock, since the
	 * node could come back meanwhile.  It can't: this pump alone adds to the list.  RCU
	 * keeps the memory of one that the timer took, and the baton that of one in hand.
	 */
	node = llist_del_first(&pump->settle_shells);
	if (node)
		shell_settled(llist_entry(node, struct padata_shell, deferred));
	rcu_read_unlock_bh();
	return node;
}

/*
 * Each shell is drained, so softirqs are enabled in between, and other tasks get their turn.
 * One that keeps the CPU leaves the others to the timer, which finds them in the list.  (On
 * PREEMPT_RT it may come while a shell is in hand, which waits for it.)
 */
static unsigned int pump_settle_shells(struct padata_pump *pump)
{
	unsigned int n = 0;

	while (pump_settle_next(pump)) {
		n++;
		cond_resched();
	}
	return n;
}

/*
 * Keep a shell that is idle until the CPU has settled; its results came out here, as
 * those of the callback CPU @cpu.  Return false if there is nothing to keep; otherwise
 * the pump takes over a reference, which a waiter may take from it.
 */
static bool pump_keep_idle(struct padata_pump *pump, struct padata_shell *ps, int cpu)
{
	unsigned int nr_cut;

	if (!shell_is_idle_on(ps, cpu, &nr_cut))
		return false;
	pump->idle_nr_cut = nr_cut;
	keep_shell(pump, &pump->idle_shell, ps);
	return true;
}

/* It may go direct, unless it is not idle any more. */
static void pump_let_idle_go(struct padata_pump *pump, bool settled)
{
	struct padata_shell *ps;

	/*
	 * But on PREEMPT_RT, no task comes in between, while a waiter would not find the
	 * shell.
	 */
	rcu_read_lock_bh();
	ps = take_kept(&pump->settle_idle);
	if (ps && settled)
		shell_left(ps, pump->settle_idle_nr_cut);
	if (ps)
		shell_put(ps, 1);
	rcu_read_unlock_bh();
}

static void pump_settle_end(struct padata_pump *pump, bool settled)
{
	unsigned int n;

	pump->settling = false;
	pump_let_idle_go(pump, settled);
	n = pump_settle_shells(pump);
	n += settle_end_queues(pump->pinst, &pump->settle_queues);
	if (!settled)
		this_cpu_add(pump->pinst->pumps->stats.unsettled, n);
}

/* Return true if a shell or a serial queue waits for this CPU to settle. */
static bool pump_owes_settling(const struct padata_pump *pump)
{
	return !llist_empty(&pump->leaving) || !llist_empty(&pump->leaving_queues) ||
	       !llist_empty(&pump->settle_shells) || !llist_empty(&pump->settle_queues);
}

/*
 * The pump has not run since, or not come to an end: its CPU has a task or a work item
 * that does not let go, say.
 */
static void pump_settle_overdue(struct timer_list *timer)
{
	struct padata_pump *pump = compat_timer_container_of(pump, timer, settle_timer);
	unsigned long end;
	unsigned int n;

	if (!pump_owes_settling(pump))
		return;
	smp_rmb(); /* asked:B: the lists before the time, pairs with pump_ask_to_settle() */
	end = READ_ONCE(pump->asked_at) + msecs_to_jiffies(SETTLE_STUCK_MS);
	if (time_before(jiffies, end)) {
		mod_timer(timer, end);
		return;
	}
	n = settle_end_all(pump->pinst, &pump->settle_shells, &pump->settle_queues);
	n += settle_end_all(pump->pinst, &pump->leaving, &pump->leaving_queues);
	this_cpu_add(pump->pinst->pumps->stats.unsettled, n);
}

/* Only the pump fills both lists, so @to is empty unless the timer comes late. */
static void settle_take(struct llist_head *from, struct llist_head *to)
{
	struct llist_node *first = llist_del_all(from), *last = first;

	if (!first)
		return;
	while (last->next)
		last = last->next;
	llist_add_batch(first, last, to);
}

/* Return true if there is a round to begin. */
static bool pump_settle_begin(struct padata_pump *pump)
{
	struct padata_shell *idle;

	if (llist_empty(&pump->leaving) && llist_empty(&pump->leaving_queues) &&
	    !READ_ONCE(pump->idle_shell))
		return false;
	settle_take(&pump->leaving, &pump->settle_shells);
	settle_take(&pump->leaving_queues, &pump->settle_queues);
	/* The timer may have found all lists empty in between. */
	if (pump_owes_settling(pump) && !timer_pending(&pump->settle_timer))
		mod_timer(&pump->settle_timer, jiffies + msecs_to_jiffies(SETTLE_STUCK_MS));
	/* As in pump_let_idle_go() */
	rcu_read_lock_bh();
	idle = take_kept(&pump->idle_shell);
	if (idle) {
		pump->settle_idle_nr_cut = pump->idle_nr_cut;
		keep_shell(pump, &pump->settle_idle, idle);
	}
	rcu_read_unlock_bh();
	pump->settle_stage = SETTLE_SOFTIRQS;
	pump->settle_behind = false;
	pump->settle_looks = 0;
	pump->settle_since = jiffies;
	pump->settling = true;
	return true;
}

/*
 * Return true if all softirqs that carry data have run.  A pump that is on another
 * CPU has lost its own, where padata_cpu_offline() has waited for them.
 *
 * Context: Softirqs disabled, which keeps those of this CPU from running, but for
 * some PREEMPT_RT kernels.
 */
static bool softirqs_have_run(struct padata_pump *pump)
{
	return smp_processor_id() != pump->cpu ||
	       !(local_softirq_pending() & DELIVERY_SOFTIRQS);
}

/* Return true if the present stage of the round is over. */
static bool pump_stage_is_over(struct padata_pump *pump)
{
	bool over;

	if (pump->settle_stage == SETTLE_RCU &&
	    !poll_state_synchronize_rcu(pump->settle_gp))
		return false;
	/* Enabling softirqs runs the pending ones. */
	local_bh_disable();
	over = softirqs_have_run(pump);
	local_bh_enable();
	return over;
}

/* The wait for a grace period has no limit here: the timer ends it. */
static bool pump_settle_is_late(struct padata_pump *pump)
{
	return pump->settle_stage != SETTLE_RCU &&
	       ++pump->settle_looks >= SETTLE_BUSY_LOOKS &&
	       time_after(jiffies, pump->settle_since +
				   msecs_to_jiffies(SETTLE_BUSY_MS));
}

/*
 * Return true if the workqueue's rescuer runs the pump: workers could not be made for 10
 * ms, memory being short or the CPU busy.  It takes work items of its workqueue alone,
 * before others that were queued earlier.  Nothing else of a workqueue of normal priority
 * is that nice.
 */
static bool pump_is_rescued(void)
{
	return task_nice(current) == MIN_NICE;
}

/* A workqueue of high priority, which a caller must not pass, looks like a rescuer for ever. */
static bool pump_settle_is_stuck(const struct padata_pump *pump)
{
	return time_after(jiffies, pump->settle_since + msecs_to_jiffies(SETTLE_STUCK_MS));
}

/**
 * pump_settle() - bring the round of this CPU forward
 * @pump: The pump, after a stretch.
 *
 * Context: Task, softirqs enabled.  May sleep where there is nothing else to do.
 * Return: True when the pump has queued itself behind other work, and has to
 * return.
 */
static bool pump_settle(struct padata_pump *pump)
{
	if (!pump->settling && !pump_settle_begin(pump))
		return false;
	if (pump->settle_stage == SETTLE_WORK && pump_is_rescued()) {
		if (pump_settle_is_stuck(pump)) {
			pump_settle_end(pump, false);
			return false;
		}
		usleep_range(50, 100);
		pump_queue_behind(pump);
		return true;
	}
	if (!pump_stage_is_over(pump)) {
		if (pump_settle_is_late(pump))
			pump_settle_end(pump, false);
		else if (list_empty(&pump->serving) && !pump_has_jobs(pump))
			usleep_range(20, 100);
		return false;
	}
	if (!COMPAT_BH_EXCLUDES_SOFTIRQS && pump->settle_stage != SETTLE_RCU) {
		pump->settle_stage = SETTLE_RCU;
		pump->settle_gp = start_poll_synchronize_rcu();
		return false;
	}
	if (!pump->settle_behind) {
		/* A softirq may have queued work until now; the grace period took its time. */
		if (!COMPAT_BH_EXCLUDES_SOFTIRQS) {
			pump->settle_looks = 0;
			pump->settle_since = jiffies;
		}
		pump->settle_stage = SETTLE_WORK;
		pump->settle_behind = true;
		pump_queue_behind(pump);
		return true;
	}
	pump_settle_end(pump, true);
	return false;
}
