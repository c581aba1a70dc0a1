// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_order: callbacks of one shell with the same requested callback CPU run
 * one after the other, in the order of submission, whatever happens.
 */
#include "padata_test.h"

#define ORDER_LANES	8
#define ORDER_ROUNDS	(TEST_SLOW ? 60 : 120)
#define ORDER_CHANGES	(TEST_SLOW ? 15 : 30)
#define ORDER_CYCLES	(TEST_SLOW ? 2 : 4)

static void do_parallel_one_shell(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = test_scale(5000), .window = 64, .spin_us = 20 });

	lane_run(lane);
	bed_expect_clean(bed);
}

static void do_parallel_many_shells(struct kunit *test)
{
	const struct test_load load = {
		.jobs = test_scale(2000), .window = 32, .spin_us = 10,
		.percent = 10, .end = TEST_END_MIX };
	struct test_bed *bed = bed_make(test);
	struct test_lane *lanes[ORDER_LANES];
	int i;

	for (i = 0; i < ORDER_LANES; i++)
		lanes[i] = bed_lane(bed, bed_shell(bed), &load);
	for (i = 0; i < ORDER_LANES; i++)
		lane_start(lanes[i]);
	bed_expect_clean(bed);
}

static void do_parallel_two_submitters(struct kunit *test)
{
	const struct test_load load = {
		.jobs = test_scale(5000), .window = 64, .spin_us = 10 };
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	struct test_lane *a = bed_lane(bed, ps, &load);
	struct test_lane *b = bed_lane(bed, ps, &load);

	b->cb_cpu = a->cb_cpu;
	lane_start(a);
	lane_start(b);
	bed_expect_clean(bed);
}

/* One submitter per callback CPU, all on one shell. */
static void do_parallel_many_callback_cpus(struct kunit *test)
{
	const struct test_load load = {
		.jobs = test_scale(2000), .window = 32, .spin_us = 10,
		.percent = 5, .end = TEST_END_MIX };
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	struct test_lane *lanes[ORDER_LANES];
	int i;

	for (i = 0; i < ORDER_LANES; i++)
		lanes[i] = bed_lane(bed, ps, &load);
	for (i = 0; i < ORDER_LANES; i++)
		lane_start(lanes[i]);
	bed_expect_clean(bed);
}

static void do_parallel_hundred_thousand(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = test_scale(100000), .window = 256, .spin_us = 1 });

	lane_run(lane);
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&lane->done), lane->load.jobs);
}

/* Long and very short parallel(): the short ones are done long before. */
static void do_parallel_uneven_durations(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	struct test_lane *slow = bed_lane(bed, ps, &(struct test_load){
		.jobs = test_scale(500), .window = 8, .spin_us = 300 });
	struct test_lane *fast = bed_lane(bed, ps, &(struct test_load){
		.jobs = test_scale(5000), .window = 64 });

	fast->cb_cpu = slow->cb_cpu;
	lane_start(slow);
	lane_start(fast);
	bed_expect_clean(bed);
}

static void do_serial_asynchronous(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = test_scale(5000), .window = 128, .spin_us = 5,
		.percent = 50, .end = TEST_END_MIX });

	lane_run(lane);
	bed_expect_clean(bed);
}

static void do_serial_by_thread(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = test_scale(5000), .window = 64, .spin_us = 5,
		.percent = 100, .end = TEST_END_THREAD });

	lane_run(lane);
	bed_expect_clean(bed);
}

/* The last job first: nothing may be called back before the first one ends. */
static void do_serial_reversed(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 1000, .percent = 100, .end = TEST_END_HELD });
	u32 nr;

	lane_run(lane);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, lane->load.jobs));
	for (nr = lane->load.jobs - 1; nr > 0; nr--)
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, nr));
	KUNIT_EXPECT_EQ(test, atomic_read(&lane->done), 0);
	KUNIT_EXPECT_TRUE(test, lane_release_job(lane, 0));
	bed_expect_clean(bed);
}

/* Jobs end in random order, from here. */
static void do_serial_shuffled(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 1000, .percent = 100, .end = TEST_END_HELD });
	u32 nr, left = lane->load.jobs;

	lane_run(lane);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, lane->load.jobs));
	while (left) {
		nr = prandom_u32_state(&lane->rnd) % lane->load.jobs;
		while (!lane_release_job(lane, nr))
			nr = (nr + 1) % lane->load.jobs;
		left--;
	}
	bed_expect_clean(bed);
}

/* Submits @nr held jobs to the lanes in turn. */
static void order_hold(struct kunit *test, struct test_lane *lanes[2], u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_EQ(test, lane_submit(lanes[i % 2]), 0);
	for (i = 0; i < 2; i++)
		KUNIT_ASSERT_TRUE(test, lane_wait_held(lanes[i], lanes[i]->submitted));
}

/*
 * A drainer is held up in an interrupt at a random moment; the first job that
 * it did not find done ends meanwhile, on this CPU.  If that one is drained
 * here while the drainer still has its run in hand, it overtakes.
 */
static void order_stalled_round(struct test_stall *stall, struct test_lane *lanes[2], u32 nr)
{
	u32 first = lanes[0]->submitted - nr / 2;
	u32 i, rnd = prandom_u32_state(&lanes[0]->rnd);

	for (i = nr - 2; i > 0; i--)
		lane_release_job(lanes[i % 2], first + i / 2);
	test_stall_begin(stall, lanes[0], first, rnd % 100);
	lane_release_job(lanes[1], first + nr / 2 - 1);
	test_stall_end(stall);
}

static void do_serial_drainer_stalled(struct kunit *test)
{
	const struct test_load load = { .window = 32, .percent = 100, .end = TEST_END_HELD };
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	struct test_lane *lanes[2] = { bed_lane(bed, ps, &load), bed_lane(bed, ps, &load) };
	struct test_stall stall;
	u32 round, nr;

	test_keep_off_last_cpu(test);
	for (round = 0; round < ORDER_ROUNDS; round++) {
		nr = 4 + 2 * (round % 31);
		order_hold(test, lanes, nr);
		test_stall_init(&stall);
		order_stalled_round(&stall, lanes, nr);
		test_stall_destroy(&stall);
		if (!bed_settle(bed))
			break;
	}
	bed_expect_clean(bed);
}

static void order_chain(struct kunit *test, bool own_memory)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_chain(bed, bed_shell(bed), &(struct test_load){
		.jobs = test_scale(5000), .window = 32, .spin_us = 5,
		.percent = 5, .end = TEST_END_MIX, .own_memory = own_memory });

	lane_run_chain(lane);
	bed_expect_clean(bed);
}

static void do_parallel_resubmitted_in_serial(struct kunit *test)
{
	order_chain(test, false);
}

static void do_parallel_freed_in_serial(struct kunit *test)
{
	order_chain(test, true);
}

static void order_set_mask(struct test_bed *bed, u32 i)
{
	const struct cpumask *masks[] = {
		cpumask_of(test_online_cpu(0)), cpumask_of(test_last_cpu()), cpu_possible_mask };

	bed_set_mask(bed, PADATA_CPU_SERIAL, masks[i % ARRAY_SIZE(masks)]);
}

/*
 * The serial mask goes to and fro above a queue of slow callbacks: a job that is
 * submitted after a change has another CPU, and must wait for those before.
 */
static void order_change_masks(struct kunit *test, const struct test_load *load)
{
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	struct test_lane *lanes[2] = { bed_lane(bed, ps, load), bed_lane(bed, ps, load) };
	u32 i;

	lane_start(lanes[0]);
	lane_start(lanes[1]);
	for (i = 0; i < ORDER_CHANGES; i++) {
		order_set_mask(bed, i);
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lanes[0], READ_ONCE(lanes[0]->submitted)));
	}
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(test, lanes[0]->refused + lanes[1]->refused, 0);
}

static void set_cpumask_jobs_in_flight(struct kunit *test)
{
	order_change_masks(test, &(struct test_load){
		.jobs = U32_MAX, .window = 80, .spin_us = 5, .serial_us = 10, .any_cpu = true });
}

static void set_cpumask_asynchronous_jobs_in_flight(struct kunit *test)
{
	order_change_masks(test, &(struct test_load){
		.jobs = U32_MAX, .window = 80, .spin_us = 5, .serial_us = 10, .any_cpu = true,
		.percent = 20, .end = TEST_END_MIX });
}

/* Held jobs of ten mappings at once, then all end, the last one first. */
static void set_cpumask_held_jobs_in_flight(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 400, .any_cpu = true, .serial_us = 2,
		.percent = 100, .end = TEST_END_HELD });
	u32 i, nr = lane->load.jobs;

	for (i = 0; i < 10; i++) {
		order_set_mask(bed, i);
		KUNIT_ASSERT_EQ(test, lane_feed(lane, nr / 10), 0);
	}
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, nr));
	while (nr--)
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, nr));
	bed_expect_clean(bed);
}

static void order_cycle_cpu(struct kunit *test, int cpu)
{
	int i;

	for (i = 0; i < ORDER_CYCLES && cpu >= 0; i++) {
		KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
		KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
	}
}

/* More jobs than can be done while the CPU goes and comes: all in threads. */
static void remove_cpu_jobs_in_flight(struct kunit *test)
{
	const struct test_load load = {
		.jobs = U32_MAX, .window = 64, .spin_us = 10, .serial_us = 2,
		.any_cpu = true, .percent = 10, .end = TEST_END_MIX };
	struct test_bed *bed = bed_make(test);
	int cpu = test_pluggable_cpu(test);
	struct test_lane *lanes[4];
	int i;

	for (i = 0; i < ARRAY_SIZE(lanes); i++) {
		lanes[i] = bed_lane(bed, bed_shell(bed), &load);
		lanes[i]->cb_cpu = i % 2 && cpu >= 0 ? cpu : test_online_cpu(i);
		lane_start(lanes[i]);
	}
	order_cycle_cpu(test, cpu);
	for (i = 0; i < ARRAY_SIZE(lanes); i++)
		KUNIT_EXPECT_TRUE(test, lane_wait_done(lanes[i], 1000));
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
}

static struct kunit_case padata_order_cases[] = {
	KUNIT_CASE(do_parallel_one_shell),
	KUNIT_CASE(do_parallel_many_shells),
	KUNIT_CASE(do_parallel_two_submitters),
	KUNIT_CASE(do_parallel_many_callback_cpus),
	KUNIT_CASE(do_parallel_hundred_thousand),
	KUNIT_CASE(do_parallel_uneven_durations),
	KUNIT_CASE(do_serial_asynchronous),
	KUNIT_CASE(do_serial_by_thread),
	KUNIT_CASE(do_serial_reversed),
	KUNIT_CASE(do_serial_shuffled),
	KUNIT_CASE(do_serial_drainer_stalled),
	KUNIT_CASE(do_parallel_resubmitted_in_serial),
	KUNIT_CASE(do_parallel_freed_in_serial),
	KUNIT_CASE(set_cpumask_jobs_in_flight),
	KUNIT_CASE(set_cpumask_asynchronous_jobs_in_flight),
	KUNIT_CASE(set_cpumask_held_jobs_in_flight),
	KUNIT_CASE(remove_cpu_jobs_in_flight),
	{}
};

static struct kunit_suite padata_order_suite = {
	.name = "padata_order",
	.test_cases = padata_order_cases,
};

kunit_test_suite(padata_order_suite);

MODULE_DESCRIPTION("KUnit: padata keeps the order");
MODULE_LICENSE("GPL");
