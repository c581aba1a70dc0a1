// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_startstop: a stopped instance refuses jobs and has none in flight;
 * both calls at any time, any number of times.
 */
#include "padata_test.h"

#define STARTSTOP_CYCLES	(TEST_SLOW ? 15 : 30)

static struct test_lane *startstop_lane(struct kunit *test, const struct test_load *load)
{
	struct test_bed *bed = bed_make(test);

	return bed_lane(bed, bed_shell(bed), load);
}

static void startstop_stop(struct test_waiter *waiter)
{
	padata_stop(waiter->bed->pinst);
}

static const struct test_load startstop_held = {
	.jobs = 40, .percent = 100, .end = TEST_END_HELD, .window = 100 };

static void start_is_not_needed(struct kunit *test)
{
	struct test_lane *lane = startstop_lane(test, &(struct test_load){ .window = 8 });

	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	KUNIT_EXPECT_EQ(test, padata_start(lane->bed->pinst), 0);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	bed_expect_clean(lane->bed);
}

static void stop_refuses_start_resumes(struct kunit *test)
{
	struct test_lane *lane = startstop_lane(test, &(struct test_load){ .window = 8 });
	struct padata_instance *pinst = lane->bed->pinst;
	int i;

	for (i = 0; i < 50; i++) {
		KUNIT_EXPECT_EQ(test, lane_feed(lane, 3), 0);
		padata_stop(pinst);
		KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
		KUNIT_EXPECT_EQ(test, padata_start(pinst), 0);
	}
	bed_expect_clean(lane->bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&lane->done), 3 * i);
}

static void stop_and_start_twice(struct kunit *test)
{
	struct test_lane *lane = startstop_lane(test, &(struct test_load){ .window = 8 });
	struct padata_instance *pinst = lane->bed->pinst;

	padata_stop(pinst);
	padata_stop(pinst);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
	KUNIT_EXPECT_EQ(test, padata_start(pinst), 0);
	KUNIT_EXPECT_EQ(test, padata_start(pinst), 0);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	padata_stop(pinst);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
	bed_expect_clean(lane->bed);
}

/* When it returns, the last callback has returned. */
static void stop_leaves_none_in_flight(struct kunit *test)
{
	struct test_lane *lane = startstop_lane(test, &(struct test_load){
		.jobs = 50, .spin_us = 30, .serial_us = 100, .percent = 30, .end = TEST_END_MIX });
	struct test_bed *bed = lane->bed;
	int i;

	for (i = 0; i < 20; i++) {
		lane_run(lane);
		padata_stop(bed->pinst);
		KUNIT_EXPECT_EQ(test, lane_in_flight(lane), 0);
		KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), 0);
	}
	bed_expect_clean(bed);
}

/* Waits for a refusal: padata_stop() has begun. */
static bool startstop_wait_refused(struct test_lane *lane)
{
	unsigned long end = jiffies + TEST_TIMEOUT;

	while (!lane->refused && time_before(jiffies, end)) {
		if (lane_in_flight(lane) == lane->nr_pool)
			return false;
		lane_submit(lane);
		wait_event_timeout(lane->bed->retry, false, 1);
	}
	return lane->refused;
}

/* It does not return with a job held, and refuses jobs from its beginning. */
static void stop_waits_for_held_jobs(struct kunit *test)
{
	struct test_lane *lane = startstop_lane(test, &startstop_held);
	struct test_bed *bed = lane->bed;
	struct test_waiter *stopper = bed_waiter(bed, startstop_stop);
	u32 nr;

	lane_run(lane);
	test_waiter_start(stopper);
	KUNIT_EXPECT_TRUE(test, startstop_wait_refused(lane));
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, lane->submitted));
	for (nr = lane->submitted - 1; nr > 0; nr--)
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, nr));
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&stopper->over, HZ / 10), 0);
	KUNIT_EXPECT_TRUE(test, lane_release_job(lane, 0));
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(stopper));
	KUNIT_EXPECT_EQ(test, stopper->in_flight, 0);
	bed_expect_clean(bed);
}

/* The call also waits for parallel(), which may go on after the end of its job. */
static void stop_waits_for_parallel(struct kunit *test)
{
	struct test_lane *lane = startstop_lane(test, &(struct test_load){ .jobs = 1 });
	struct test_bed *bed = lane->bed;
	int i;

	test_keep_off_last_cpu(test);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(test_last_cpu()));
	lane->cb_cpu = test_online_cpu(0);
	lane->after_end = test_go_on;
	for (i = 1; i <= 5; i++) {
		lane_run(lane);
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, i));
		padata_stop(bed->pinst);
		KUNIT_EXPECT_EQ(test, atomic_read(&lane->gone_on), i);
		KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), 0);
	}
	bed_expect_clean(bed);
}

/* How often the call has slept. */
static unsigned long startstop_sleeps;

static void startstop_stop_counted(struct test_waiter *waiter)
{
	unsigned long before = current->nvcsw;

	padata_stop(waiter->bed->pinst);
	startstop_sleeps = current->nvcsw - before;
}

/* A call that waits is woken when a shell becomes idle, not for each callback. */
static void stop_sleeps_until_shells_are_idle(struct kunit *test)
{
	struct test_lane *lane = startstop_lane(test, &(struct test_load){
		.jobs = 200, .percent = 100, .end = TEST_END_HELD, .window = 300 });
	struct test_bed *bed = lane->bed;
	struct test_waiter *stopper = bed_waiter(bed, startstop_stop_counted);

	lane_run(lane);
	test_waiter_start(stopper);
	KUNIT_EXPECT_TRUE(test, startstop_wait_refused(lane));
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, lane->submitted));
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&stopper->over, HZ / 10), 0);
	lane_release_each(lane, lane->submitted);
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(stopper));
	/* Once; and for each ten seconds, after which it says what it waits for. */
	KUNIT_EXPECT_LE(test, startstop_sleeps, 10);
	bed_expect_clean(bed);
}

/* A start does not have to wait for the stop. */
static void start_during_stop(struct kunit *test)
{
	struct test_lane *lane = startstop_lane(test, &startstop_held);
	struct test_bed *bed = lane->bed;
	struct test_waiter *stopper = bed_waiter(bed, startstop_stop);

	lane_run(lane);
	test_waiter_start(stopper);
	KUNIT_EXPECT_TRUE(test, startstop_wait_refused(lane));
	KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), 0);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	bed_unhold(bed);
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(stopper));
	bed_expect_clean(bed);
}

/* Nor does the stop go on waiting for jobs that may be in flight again. */
static void start_ends_wait_of_stop(struct kunit *test)
{
	struct test_lane *lane = startstop_lane(test, &startstop_held);
	struct test_bed *bed = lane->bed;
	struct test_waiter *stopper = bed_waiter(bed, startstop_stop);
	struct test_lane *other = bed_lane(bed, bed_shell(bed), &(struct test_load){ .jobs = 1 });

	lane_run(lane);
	test_waiter_start(stopper);
	KUNIT_EXPECT_TRUE(test, startstop_wait_refused(lane));
	KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), 0);
	lane_run(other);
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(stopper));
	KUNIT_EXPECT_GE(test, stopper->in_flight, lane->load.jobs);
	bed_unhold(bed);
	bed_expect_clean(bed);
}

static void startstop_empty_mask(struct kunit *test, int type)
{
	struct test_lane *lane = startstop_lane(test, &(struct test_load){ .window = 8 });
	struct test_bed *bed = lane->bed;

	padata_stop(bed->pinst);
	bed_set_mask(bed, type, cpu_none_mask);
	KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), -EINVAL);
	bed_set_mask(bed, type, cpu_possible_mask);
	/* The start failed: the instance is still stopped. */
	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
	KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), 0);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	bed_expect_clean(bed);
}

static void start_empty_parallel_mask(struct kunit *test)
{
	startstop_empty_mask(test, PADATA_CPU_PARALLEL);
}

static void start_empty_serial_mask(struct kunit *test)
{
	startstop_empty_mask(test, PADATA_CPU_SERIAL);
}

/* Masks of a stopped instance may change, and hold when it starts. */
static void set_cpumask_stopped(struct kunit *test)
{
	struct test_lane *lane = startstop_lane(test, &(struct test_load){
		.window = 8, .any_cpu = true });
	struct test_bed *bed = lane->bed;

	padata_stop(bed->pinst);
	bed_set_mask(bed, PADATA_CPU_SERIAL, cpumask_of(test_last_cpu()));
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(0));
	bed_allow(bed, cpumask_of(0));
	KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), 0);
	KUNIT_EXPECT_EQ(test, lane_submit_on(lane, 0), 0);
	KUNIT_EXPECT_EQ(test, lane->got_cpu, test_last_cpu());
	bed_expect_clean(bed);
}

static void startstop_cycle(struct test_bed *bed)
{
	struct test_lane *lane = list_first_entry(&bed->lanes, struct test_lane, node);

	padata_stop(bed->pinst);
	KUNIT_EXPECT_EQ(bed->test, padata_start(bed->pinst), 0);
	wake_up_all(&bed->retry);
	KUNIT_ASSERT_TRUE(bed->test, lane_wait_done(lane, atomic_read(&lane->done) + 5));
}

/* Refused jobs come again; what was accepted is called back, in order. */
static void stop_and_start_under_load(struct kunit *test)
{
	const struct test_load load = {
		.jobs = U32_MAX, .window = 32, .spin_us = 10, .retry = true,
		.percent = 10, .end = TEST_END_MIX };
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane;
	int i;

	for (i = 0; i < 3; i++)
		lane_start(bed_lane(bed, bed_shell(bed), &load));
	for (i = 0; i < STARTSTOP_CYCLES; i++)
		startstop_cycle(bed);
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
	list_for_each_entry(lane, &bed->lanes, node)
		KUNIT_EXPECT_EQ(test, lane->busy, 0);
}

/* Two that stop and start at once, and masks that change meanwhile. */
static void stop_twice_at_once(struct kunit *test)
{
	const struct test_load load = {
		.jobs = U32_MAX, .window = 32, .spin_us = 10, .retry = true, .any_cpu = true };
	struct test_bed *bed = bed_make(test);
	struct test_waiter *stopper = bed_waiter(bed, startstop_stop);
	int i;

	for (i = 0; i < 2; i++)
		lane_start(bed_lane(bed, bed_shell(bed), &load));
	for (i = 0; i < STARTSTOP_CYCLES / 2; i++) {
		test_waiter_start(stopper);
		bed_set_mask(bed, PADATA_CPU_SERIAL, cpumask_of(test_online_cpu(i)));
		padata_stop(bed->pinst);
		KUNIT_ASSERT_TRUE(test, test_waiter_is_over(stopper));
		startstop_cycle(bed);
	}
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
}

static struct kunit_case padata_startstop_cases[] = {
	KUNIT_CASE(start_is_not_needed),
	KUNIT_CASE(stop_refuses_start_resumes),
	KUNIT_CASE(stop_and_start_twice),
	KUNIT_CASE(stop_leaves_none_in_flight),
	KUNIT_CASE(stop_waits_for_held_jobs),
	KUNIT_CASE(stop_waits_for_parallel),
	KUNIT_CASE(stop_sleeps_until_shells_are_idle),
	KUNIT_CASE(start_during_stop),
	KUNIT_CASE(start_ends_wait_of_stop),
	KUNIT_CASE(start_empty_parallel_mask),
	KUNIT_CASE(start_empty_serial_mask),
	KUNIT_CASE(set_cpumask_stopped),
	KUNIT_CASE(stop_and_start_under_load),
	KUNIT_CASE(stop_twice_at_once),
	{}
};

static struct kunit_suite padata_startstop_suite = {
	.name = "padata_startstop",
	.test_cases = padata_startstop_cases,
};

kunit_test_suite(padata_startstop_suite);

MODULE_DESCRIPTION("KUnit: padata_start() and padata_stop()");
MODULE_LICENSE("GPL");
