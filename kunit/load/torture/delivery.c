// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: deliverers, which stand for the queues behind serial()
 */

static struct deliverer __percpu *deliverers;

/* padata may go on if the CPU is kept from delivering for longer than its bound. */
static void complain_late(const struct delivery *delivery, u32 delivered)
{
	const struct lane *lane = delivery->lane;

	if (ktime_get_ns() - delivery->queued_at >= DELIVER_BOUND_NS) {
		count(DELIVERED_EXCUSED);
		return;
	}
	if (note(DELIVERED_REORDERS))
		pr_err("delivered_reorders: %s shell %u want %d: job %u after %u, flags %#x, on CPU %d\n",
		       lane->rig->name, lane->shell->id, lane->shell->want[lane->slot],
		       delivery->seq, delivered - 1, lane->flags, smp_processor_id());
}

/* The lane may be gone afterwards. */
static void deliver(struct delivery *delivery)
{
	struct lane *lane = delivery->lane;
	int delivered = atomic_read(&lane->delivered);

	do {
		if ((s32)(delivery->seq - (u32)delivered) < 0) {
			complain_late(delivery, delivered);
			break;
		}
	} while (!atomic_try_cmpxchg(&lane->delivered, &delivered, delivery->seq + 1));
	kfree(delivery);
	count(DELIVERED);
	lane_drop(lane);
}

/* A CPU that goes offline parks its ksoftirqd, and may have no softirq pending. */
static bool deliverer_holds(const struct deliverer *deliverer)
{
	cpu_relax();
	return ktime_get_ns() < READ_ONCE(deliverer->hold_until) &&
	       cpu_active(smp_processor_id());
}

static void deliverer_tasklet(struct tasklet_struct *tasklet)
{
	struct deliverer *deliverer = from_tasklet(deliverer, tasklet, tasklet);
	struct delivery *delivery, *next;

	if (deliverer_holds(deliverer)) {
		tasklet_schedule(tasklet);
		return;
	}
	llist_for_each_entry_safe(delivery, next,
				  llist_reverse_order(llist_del_all(&deliverer->queued)), node)
		deliver(delivery);
}

/* Now and then a list is held for a while, so that a later result would overtake it. */
static void deliverer_hold(struct deliverer *deliverer)
{
	u64 us = dice(&deliverer->rnd, SLOW ? 32 : 8) ? 0 :
		 dice(&deliverer->rnd, DELIVER_HOLD_US);

	WRITE_ONCE(deliverer->hold_until, ktime_get_ns() + us * NSEC_PER_USEC);
}

/* Called in serial(), or right after direct work. */
static void deliver_later(struct lane *lane, u32 seq)
{
	struct deliverer *deliverer = this_cpu_ptr(deliverers);
	struct delivery *delivery = kmalloc(sizeof(*delivery), GFP_NOWAIT | __GFP_NOWARN);

	if (!delivery)
		return;
	refcount_inc(&lane->refs);
	delivery->lane = lane;
	delivery->seq = seq;
	delivery->queued_at = ktime_get_ns();
	count(QUEUED);
	if (llist_empty(&deliverer->queued))
		deliverer_hold(deliverer);
	llist_add(&delivery->node, &deliverer->queued);
	tasklet_schedule(&deliverer->tasklet);
}

static bool start_deliverers(void)
{
	struct deliverer *deliverer;
	unsigned int cpu;

	deliverers = alloc_percpu(struct deliverer);
	if (!deliverers)
		return false;
	for_each_possible_cpu(cpu) {
		deliverer = per_cpu_ptr(deliverers, cpu);
		init_llist_head(&deliverer->queued);
		tasklet_setup(&deliverer->tasklet, deliverer_tasklet);
		seed_rnd(&deliverer->rnd);
	}
	return true;
}

/* All numbers have been delivered. */
static void stop_deliverers(void)
{
	unsigned int cpu;

	if (!deliverers)
		return;
	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu_ptr(deliverers, cpu)->tasklet);
	free_percpu(deliverers);
}
