// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: the set of feeders, and their lanes
 */

static struct feeder *feeders[MAX_FEEDERS];
static unsigned int nr_feeders;

static struct feeder *feeder_make(struct rig *rig)
{
	struct feeder *feeder = kzalloc(sizeof(*feeder), GFP_KERNEL);

	if (!feeder)
		return NULL;
	feeder->rig = rig;
	seed_rnd(&feeder->rnd);
	init_waitqueue_head(&feeder->wq);
	timer_setup(&feeder->timer, feeder_timer, 0);
	feeders[nr_feeders++] = feeder;
	return feeder;
}

static bool feeder_add_lane(struct feeder *feeder, unsigned int shell, unsigned int window,
			    unsigned int flags)
{
	struct rig *rig = feeder->rig;
	struct lane *lane;

	lane = lane_make(feeder, rig->shells[shell % rig->nr_shells], window, flags);
	if (lane)
		feeder->lanes[feeder->nr_lanes++] = lane;
	return lane;
}

static bool start_feeder(struct feeder *feeder, int (*func)(void *))
{
	struct task_struct *task = kthread_run(func, feeder, "torture_feed");

	if (IS_ERR(task))
		return false;
	feeder->task = task;
	return true;
}

/* Thread number @i of a rig: its lanes share shells with lanes of other threads. */
static bool add_feeder(struct rig *rig, unsigned int i)
{
	unsigned int one = i, several = rig->nr_shells / 2 + i;
	struct feeder *feeder = feeder_make(rig);

	if (!feeder)
		return false;
	if (!feeder_add_lane(feeder, one % (rig->nr_shells / 2), WINDOW, LANE_POOL) ||
	    !feeder_add_lane(feeder, several, i ? WINDOW : BURST_WINDOW,
			     i ? LANE_LATE : LANE_BURST) ||
	    !feeder_add_lane(feeder, several + 1, WINDOW, LANE_POOL | LANE_MIXED) ||
	    !feeder_add_lane(feeder, one + 1, CHAIN_WINDOW, LANE_LOCKED | LANE_CHAIN))
		return false;
	feeder->nest = lane_make(feeder, rig->shells[several % rig->nr_shells], NEST_WINDOW,
				 LANE_LOCKED);
	return feeder->nest && start_feeder(feeder, feeder_thread);
}

static bool add_timer_feeder(struct rig *rig)
{
	struct feeder *feeder = feeder_make(rig);

	if (!feeder || !feeder_add_lane(feeder, 0, WINDOW, LANE_POOL) ||
	    !feeder_add_lane(feeder, rig->nr_shells - 1, WINDOW, LANE_MIXED | LANE_LATE))
		return false;
	mod_timer(&feeder->timer, jiffies + 1);
	return true;
}

static bool add_inline_feeder(struct rig *rig)
{
	struct feeder *feeder = feeder_make(rig);

	return feeder && feeder_add_lane(feeder, 1, CHAIN_WINDOW, LANE_FORCED) &&
	       feeder_add_lane(feeder, rig->nr_shells - 1, CHAIN_WINDOW, LANE_FORCED | LANE_POOL) &&
	       start_feeder(feeder, feeder_thread);
}

static bool add_quiet_feeder(struct rig *rig)
{
	struct feeder *feeder = feeder_make(rig);
	unsigned int i;

	if (!feeder)
		return false;
	for (i = 0; i < rig->nr_shells; i++)
		if (!feeder_add_lane(feeder, i, WINDOW, LANE_QUICK | (i % 2 ? LANE_POOL : 0)))
			return false;
	return start_feeder(feeder, quiet_thread);
}

static bool add_churner(struct rig *rig)
{
	struct feeder *feeder = feeder_make(rig);

	return feeder && start_feeder(feeder, churn_thread);
}

static bool start_feeders(void)
{
	unsigned int i, n = clamp(2 * num_online_cpus(), 2U, SLOW ? 4U : 8U);

	for (i = 0; i < n; i++)
		if (!add_feeder(&rigs[MAIN], i))
			return false;
	return add_timer_feeder(&rigs[MAIN]) && add_inline_feeder(&rigs[MAIN]) &&
	       add_churner(&rigs[MAIN]) && add_churner(&rigs[MAIN]) &&
	       add_feeder(&rigs[CYCLED], 1) && add_feeder(&rigs[CYCLED], 2) &&
	       add_inline_feeder(&rigs[CYCLED]) && add_churner(&rigs[CYCLED]) &&
	       add_quiet_feeder(&rigs[QUIET]) && add_quiet_feeder(&rigs[QUIET_TOO]);
}

static void stop_feeders(void)
{
	unsigned int i;

	WRITE_ONCE(timers_end, true);
	for (i = 0; i < nr_feeders; i++) {
		if (feeders[i]->task)
			kthread_stop(feeders[i]->task);
		timer_delete_sync(&feeders[i]->timer);
	}
}

static void drop_feeders_lanes(struct feeder *feeder)
{
	while (feeder->nr_lanes)
		lane_drop(feeder->lanes[--feeder->nr_lanes]);
	if (feeder->nest)
		lane_drop(feeder->nest);
}
