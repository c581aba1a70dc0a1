// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: serial queues, finished jobs on their way to one callback CPU
 */

/* Return the pump that ought to serve the queue of @cpu now. */
static struct padata_pump *target_pump(struct instance *pinst, int cpu)
{
	unsigned int gen;

	if (!cpumask_test_cpu(cpu, pinst->online))
		cpu = map_cb_cpu(pinst, cpu, true, &gen);
	if (WARN_ON_ONCE(cpu < 0))
		cpu = smp_processor_id();
	return per_cpu_ptr(pinst->pumps, cpu);
}

/*
 * Put @node on @list, one of those of @pump that wait for its CPU to settle.  The timer
 * is for a pump that does not run.  A timer that was armed before must find the new
 * ::asked_at if it finds @node.
 */
static void pump_ask_to_settle(struct padata_pump *pump, struct llist_node *node,
			       struct llist_head *list)
{
	/* asked:A, before llist_add() */
	if (llist_empty(list))
		WRITE_ONCE(pump->asked_at, jiffies);
	if (llist_add(node, list))
		mod_timer(&pump->settle_timer,
			  jiffies + msecs_to_jiffies(SETTLE_STUCK_MS));
	pump_wake(pump);
}

/*
 * Return true if results of the queue may wait behind another CPU than @pump's.
 * The caller owns the queue.
 */
static bool serial_queue_is_elsewhere(struct serial_queue *sq,
				      struct padata_pump *pump)
{
	return sq->at != CPU_NONE && sq->at != pump->cpu;
}

/* The caller owns the queue, and does not afterwards. */
static void serial_queue_settle(struct instance *pinst, struct serial_queue *sq)
{
	struct padata_pump *pump = per_cpu_ptr(pinst->pumps, sq->at);

	pump_ask_to_settle(pump, &sq->ready, &pump->leaving_queues);
}

/* The caller owns the queue, and does not afterwards. */
static void serial_queue_give(struct serial_queue *sq, struct padata_pump *pump)
{
	llist_add(&sq->ready, &pump->ready);
	pump_wake(pump);
}

/* Append finished jobs of one callback CPU; the caller must not use them afterwards. */
static void serial_queue_add(struct instance *pinst, int cpu,
			     struct job_list *jobs)
{
	struct serial_queue *sq = &per_cpu_ptr(pinst->pumps, cpu)->sq;
	bool owned;

	spin_lock(&sq->lock);
	job_list_append(&sq->incoming, jobs);
	owned = sq->owned;
	sq->owned = true;
	spin_unlock(&sq->lock);
	if (!owned)
		serial_queue_give(sq, target_pump(pinst, cpu));
}

/*
 * Refill the batch, which is empty; the caller owns the queue.  If false is returned,
 * the queue is empty and has no owner.
 */
static bool serial_queue_refill(struct serial_queue *sq)
{
	bool more;

	spin_lock(&sq->lock);
	more = !job_list_empty(&sq->incoming);
	if (more) {
		sq->batch = sq->incoming.first;
		job_list_init(&sq->incoming);
	} else {
		list_del_init(&sq->serving);
		sq->owned = false;
	}
	spin_unlock(&sq->lock);
	return more;
}
