// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: shells and their lanes
 */

static void shell_drop(struct shell *shell)
{
	if (refcount_dec_and_test(&shell->refs))
		kfree(shell);
}

/* Most of the requested CPUs exist, online or not; some do not. */
static struct shell *shell_make(struct rig *rig, unsigned int nr_slots, struct rnd_state *rnd)
{
	struct shell *shell = kzalloc(sizeof(*shell), GFP_KERNEL);
	unsigned int i;

	if (!shell)
		return NULL;
	shell->ps = padata_alloc_shell(rig->pinst);
	if (!shell->ps) {
		kfree(shell);
		return NULL;
	}
	count(SHELLS);
	shell->id = atomic_inc_return(&rig->last_shell);
	refcount_set(&shell->refs, 1);
	shell->nr_slots = nr_slots;
	for (i = 0; i < nr_slots; i++)
		shell->want[i] = dice(rnd, dice(rnd, 8) ? nr_cpu_ids : 1U << 16);
	return shell;
}

static void lane_drop(struct lane *lane)
{
	if (!refcount_dec_and_test(&lane->refs))
		return;
	spin_lock_bh(&lane->rig->lock);
	list_del(&lane->node);
	WRITE_ONCE(lane->rig->nr_lanes, lane->rig->nr_lanes - 1);
	spin_unlock_bh(&lane->rig->lock);
	shell_drop(lane->shell);
	kfree(lane->pool);
	kfree(lane);
}

static struct lane *lane_make(struct feeder *feeder, struct shell *shell, unsigned int window,
			      unsigned int flags)
{
	struct lane *lane = kzalloc(sizeof(*lane), GFP_KERNEL);

	if (!lane)
		return NULL;
	if (flags & LANE_POOL)
		lane->pool = kcalloc(window, sizeof(*lane->pool), GFP_KERNEL);
	if ((flags & LANE_POOL) && !lane->pool) {
		kfree(lane);
		return NULL;
	}
	lane->rig = feeder->rig;
	lane->shell = shell;
	refcount_inc(&shell->refs);
	lane->feeder = feeder;
	lane->slot = dice(&feeder->rnd, shell->nr_slots);
	lane->flags = flags;
	lane->window = window;
	lane->wake_at = flags & LANE_QUICK ? 0 : -1;
	lane->direct_cpu = -1;
	refcount_set(&lane->refs, 1);
	spin_lock_init(&lane->lock);
	seed_rnd(&lane->rnd);
	spin_lock_bh(&lane->rig->lock);
	list_add_tail(&lane->node, &lane->rig->lanes);
	WRITE_ONCE(lane->rig->nr_lanes, lane->rig->nr_lanes + 1);
	spin_unlock_bh(&lane->rig->lock);
	return lane;
}

static unsigned int rig_in_flight(struct rig *rig)
{
	unsigned int sum = 0;
	struct lane *lane;

	spin_lock_bh(&rig->lock);
	list_for_each_entry(lane, &rig->lanes, node)
		sum += atomic_read(&lane->in_flight);
	spin_unlock_bh(&rig->lock);
	return sum;
}
