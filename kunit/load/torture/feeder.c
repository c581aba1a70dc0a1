// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: feeders: threads and a timer that submit
 */

/* Return the first error, or 0. */
static int feed(struct lane *lane, unsigned int n, unsigned int window, bool bh_off)
{
	int err = 0;

	if (lane->rig->cycled)
		down_read(&lane->rig->submitting);
	while (!err && n-- && lane_has_room(lane, window) && !READ_ONCE(lane->rig->paused)) {
		if (bh_off)
			local_bh_disable();
		err = lane_submit(lane, false);
		if (bh_off)
			local_bh_enable();
		cond_resched();
	}
	if (lane->rig->cycled)
		up_read(&lane->rig->submitting);
	return err;
}

/* Rest now and then, or always and longer if hotplug needs the CPUs. */
static void feeder_rest(struct feeder *feeder, u32 seldom)
{
	unsigned int lag = READ_ONCE(calm) ? 0 : READ_ONCE(behind);

	if (lag)
		nap((8 + dice(&feeder->rnd, 24)) * lag * lag);
	else if (!dice(&feeder->rnd, seldom))
		nap(dice(&feeder->rnd, 16));
}

static unsigned int usual_window(const struct lane *lane)
{
	return min_t(unsigned int, lane->window, WINDOW);
}

/* Return a lane with room, or NULL. */
static struct lane *choose_lane(struct feeder *feeder)
{
	unsigned int i, first = dice(&feeder->rnd, feeder->nr_lanes);
	struct lane *lane;

	for (i = 0; i < feeder->nr_lanes; i++) {
		lane = feeder->lanes[(first + i) % feeder->nr_lanes];
		if (lane_has_room(lane, usual_window(lane)))
			return lane;
	}
	return NULL;
}

/* A chain never gets shorter by itself, and is no feeder's first lane. */
static void wait_for_room(struct feeder *feeder)
{
	struct lane *lane = feeder->lanes[dice(&feeder->rnd, feeder->nr_lanes)];
	int in_flight;

	if (lane->flags & LANE_CHAIN)
		lane = feeder->lanes[0];
	in_flight = dice(&feeder->rnd, 4) ? usual_window(lane) / 2 : 0;
	WRITE_ONCE(lane->wake_at, in_flight);
	wait_event_timeout(feeder->wq, atomic_read(&lane->in_flight) <= in_flight ||
			   kthread_should_stop(), HZ / 20 + 1);
	WRITE_ONCE(lane->wake_at, -1);
}

static void feed_some_lane(struct feeder *feeder)
{
	struct lane *lane = choose_lane(feeder);
	unsigned int n = dice(&feeder->rnd, 16) + 1;
	bool bh_off = !dice(&feeder->rnd, 8);
	bool burst;

	if (!lane) {
		wait_for_room(feeder);
		return;
	}
	burst = (lane->flags & LANE_BURST) && !READ_ONCE(behind) &&
		!dice(&feeder->rnd, SLOW ? 20 : 100);
	if (burst)
		n = lane->window;
	if (feed(lane, n, burst ? n : usual_window(lane), bh_off))
		nap(1);
}

static int feeder_thread(void *arg)
{
	struct feeder *feeder = arg;

	while (goes_on()) {
		wait_while(&feeder->rig->paused);
		feed_some_lane(feeder);
		feeder_rest(feeder, 64);
	}
	return 0;
}

static bool feeder_idle(const struct feeder *feeder)
{
	unsigned int i;

	for (i = 0; i < feeder->nr_lanes; i++)
		if (atomic_read(&feeder->lanes[i]->in_flight))
			return false;
	return true;
}

/* Spins for as long as a job takes that nothing delays, then sleeps. */
static void wait_until_idle(struct feeder *feeder)
{
	u64 end = ktime_get_ns() + dice(&feeder->rnd, 2) * 200 * NSEC_PER_USEC;

	while (!feeder_idle(feeder) && ktime_get_ns() < end)
		cpu_relax();
	while (!feeder_idle(feeder) && goes_on())
		wait_event_timeout(feeder->wq, feeder_idle(feeder), HZ / 20 + 1);
}

/* The next jobs come when the pumps are about to go to sleep. */
static int quiet_thread(void *arg)
{
	struct feeder *feeder = arg;
	struct lane *lane;

	while (goes_on()) {
		wait_while(&feeder->rig->paused);
		lane = feeder->lanes[dice(&feeder->rnd, feeder->nr_lanes)];
		if (feed(lane, dice(&feeder->rnd, 3) + 1, lane->window, false))
			nap(1);
		wait_until_idle(feeder);
		feeder_rest(feeder, 1024);
		spin(dice(&feeder->rnd, dice(&feeder->rnd, 4) ? 3 : 20) * loops_per_us +
		     dice(&feeder->rnd, loops_per_us));
	}
	return 0;
}

static void feeder_timer(struct timer_list *timer)
{
	struct feeder *feeder = container_of(timer, struct feeder, timer);
	unsigned int n = dice(&feeder->rnd, READ_ONCE(behind) ? 3 : 24);
	struct lane *lane;

	while (n-- && !READ_ONCE(feeder->rig->paused) && !READ_ONCE(lost)) {
		lane = feeder->lanes[dice(&feeder->rnd, feeder->nr_lanes)];
		if (lane_has_room(lane, lane->window) && lane_submit(lane, false))
			break;
	}
	if (!READ_ONCE(timers_end))
		mod_timer(timer, jiffies + 1);
}
