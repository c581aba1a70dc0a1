// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: the wait for all jobs, and the report of lost ones
 */

static u64 longest_drain_ms;

static void say_lost(struct lane *lane)
{
	u32 seq, n = 0;

	for (seq = lane->next - RING; seq != lane->next && n < MAX_SHOWN; seq++) {
		if (!test_bit(seq % RING, lane->out))
			continue;
		n++;
		pr_err("losses: %s shell %u want %d job %u, next is %u, flags %#x\n",
		       lane->rig->name, lane->shell->id, lane->shell->want[lane->slot],
		       seq, lane->next, lane->flags);
	}
	this_cpu_add(counts[LOSSES], atomic_read(&lane->in_flight));
}

static void say_rig_lost(struct rig *rig)
{
	struct lane *lane;

	spin_lock_bh(&rig->lock);
	list_for_each_entry(lane, &rig->lanes, node)
		if (atomic_read(&lane->in_flight))
			say_lost(lane);
	spin_unlock_bh(&rig->lock);
}

static void say_all_lost(void)
{
	int i;

	WRITE_ONCE(lost, true);
	for (i = 0; i < NR_RIGS; i++)
		say_rig_lost(&rigs[i]);
}

static unsigned int all_in_flight(void)
{
	unsigned int sum = 0;
	int i;

	for (i = 0; i < NR_RIGS; i++)
		sum += rig_in_flight(&rigs[i]);
	return sum;
}

/* All jobs have come back.  Waits until their deliverers have delivered. */
static void drain_deliverers(void)
{
	u64 end_ms = now_ms() + LOST_MS;
	unsigned long n;

	while ((n = total(QUEUED) - total(DELIVERED)) && now_ms() < end_ms)
		msleep(20);
	if (!n)
		return;
	this_cpu_add(counts[UNDELIVERED], n);
	pr_err("undelivered: %lu jobs\n", n);
	WRITE_ONCE(lost, true);
}

/* Feeders are paused.  Waits until all jobs have come back. */
static void drain(void)
{
	unsigned long called = total(CALLED), waited = 0;
	u64 start = now_ms();

	while (all_in_flight()) {
		msleep(20);
		waited += 20;
		if (total(CALLED) != called)
			waited = 0;
		called = total(CALLED);
		if (waited >= LOST_MS) {
			say_all_lost();
			return;
		}
	}
	drain_deliverers();
	longest_drain_ms = max(longest_drain_ms, now_ms() - start);
}
