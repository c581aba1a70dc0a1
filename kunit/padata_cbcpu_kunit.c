// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_cbcpu: the callback CPU asked for is used where it is usable, else
 * another is chosen and reported; the callback runs where the report says.
 */
#include "padata_test.h"

#define CBCPU_REQUESTS	(16 * nr_cpu_ids)

static struct test_lane *cbcpu_lane(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);

	return bed_lane(bed, bed_shell(bed), &(struct test_load){
		.window = 4, .spin_us = 2, .any_cpu = true });
}

/* Submits one job, and returns the callback CPU that was reported. */
static int cbcpu_ask(struct test_lane *lane, int cpu)
{
	struct kunit *test = lane->bed->test;

	WRITE_ONCE(lane->served_cpu, -1);
	KUNIT_ASSERT_EQ(test, lane_submit_on(lane, cpu), 0);
	KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, lane->submitted));
	KUNIT_EXPECT_EQ_MSG(test, READ_ONCE(lane->served_cpu), lane->got_cpu,
			    "served and reported CPU for %d", cpu);
	/* Jobs that are done in any case need no usable CPU. */
	if (lane->load.submit != padata_do_inline)
		KUNIT_EXPECT_EQ(test, padata_map_cb_cpu(lane->ps, cpu), lane->got_cpu);
	return lane->got_cpu;
}

/* The requested CPU is unusable: one of @mask is used, and always the same. */
static void cbcpu_expect_replaced(struct test_lane *lane, int cpu, const struct cpumask *mask)
{
	struct kunit *test = lane->bed->test;
	int got = cbcpu_ask(lane, cpu);

	KUNIT_ASSERT_GE(test, got, 0);
	KUNIT_ASSERT_LT(test, got, nr_cpu_ids);
	KUNIT_EXPECT_TRUE_MSG(test, cpumask_test_cpu(got, mask), "%d became %d", cpu, got);
	KUNIT_EXPECT_EQ(test, cbcpu_ask(lane, cpu), got);
}

static void cb_cpu_in_mask(struct kunit *test)
{
	struct test_lane *lane = cbcpu_lane(test);
	int cpu;

	for_each_online_cpu(cpu)
		KUNIT_EXPECT_EQ(test, cbcpu_ask(lane, cpu), cpu);
	bed_expect_clean(lane->bed);
}

/* With one CPU in the mask each requested CPU is mapped to it. */
static void cb_cpu_outside_mask(struct kunit *test)
{
	struct test_lane *lane = cbcpu_lane(test);
	int only, cpu;

	for_each_online_cpu(only) {
		bed_set_mask(lane->bed, PADATA_CPU_SERIAL, cpumask_of(only));
		for_each_online_cpu(cpu)
			KUNIT_EXPECT_EQ(test, cbcpu_ask(lane, cpu), only);
		KUNIT_EXPECT_EQ(test, cbcpu_ask(lane, nr_cpu_ids), only);
	}
	bed_expect_clean(lane->bed);
}

/* The parallel mask does not affect the CPU of callbacks. */
static void cb_cpu_outside_parallel_mask(struct kunit *test)
{
	struct test_lane *lane = cbcpu_lane(test);
	int cpu;

	bed_set_mask(lane->bed, PADATA_CPU_PARALLEL, cpumask_of(test_online_cpu(0)));
	for_each_online_cpu(cpu)
		KUNIT_EXPECT_EQ(test, cbcpu_ask(lane, cpu), cpu);
	bed_expect_clean(lane->bed);
}

static void cb_cpu_negative(struct kunit *test)
{
	static const int cpus[] = { -1, -2, -64, -65, -4096, INT_MIN, INT_MIN + 1 };
	struct test_lane *lane = cbcpu_lane(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(cpus); i++)
		cbcpu_expect_replaced(lane, cpus[i], cpu_online_mask);
	bed_expect_clean(lane->bed);
}

static void cb_cpu_huge(struct kunit *test)
{
	const int cpus[] = { nr_cpu_ids, 4096, 8193, 1 << 20, INT_MAX - 1, INT_MAX };
	struct test_lane *lane = cbcpu_lane(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(cpus); i++)
		cbcpu_expect_replaced(lane, cpus[i], cpu_online_mask);
	bed_expect_clean(lane->bed);
}

/* With one CPU online this is a CPU number that does not exist. */
static void cb_cpu_offline(struct kunit *test)
{
	struct test_lane *lane = cbcpu_lane(test);
	int cpu = test_pluggable_cpu(test);

	if (cpu < 0)
		return cbcpu_expect_replaced(lane, nr_cpu_ids, cpu_online_mask);

	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	cbcpu_expect_replaced(lane, cpu, cpu_online_mask);
	KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
	KUNIT_EXPECT_EQ(test, cbcpu_ask(lane, cpu), cpu);
	bed_expect_clean(lane->bed);
}

/* Return the CPU of the lane's callbacks after the next @nr of them. */
static int cbcpu_served_after(struct test_lane *lane, u32 nr)
{
	KUNIT_ASSERT_TRUE(lane->bed->test,
			  lane_wait_done(lane, atomic_read(&lane->done) + nr));
	return READ_ONCE(lane->served_cpu);
}

/* Callbacks of a stream that never pauses move to a CPU that comes, and away again. */
static void cb_cpu_offline_under_load(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = U32_MAX, .window = 64, .spin_us = 2, .serial_us = 20, .any_cpu = true });
	int i, cpu = test_pluggable_cpu(test);

	lane->cb_cpu = max(cpu, 0);
	for (i = 0; i < 2 && cpu >= 0; i++) {
		KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
		if (!i)
			lane_start(lane);
		KUNIT_EXPECT_NE(test, cbcpu_served_after(lane, 200), cpu);
		KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
		KUNIT_EXPECT_EQ(test, cbcpu_served_after(lane, 200), cpu);
	}
	if (cpu < 0)
		KUNIT_EXPECT_EQ(test, lane_feed(lane, 200), 0);
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
}

/* Jobs mapped to a CPU that goes are called back in the mask of that time. */
static void cb_cpu_offline_jobs_held(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 12, .any_cpu = true, .percent = 100, .end = TEST_END_HELD });
	int nr, rest, cpu = test_pluggable_cpu(test);

	if (cpu < 0)
		return;
	lane->cb_cpu = cpu;
	lane_run(lane);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, 12));
	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	for (nr = 0; nr < 12; nr++) {
		rest = test_online_cpu(nr);
		bed_set_mask(bed, PADATA_CPU_SERIAL, cpumask_of(rest));
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, nr));
		KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, nr + 1));
		KUNIT_EXPECT_EQ(test, READ_ONCE(lane->served_cpu), rest);
	}
	bed_expect_clean(bed);
}

/* If the mask is empty, callbacks are spread over all online CPUs. */
static void cb_cpu_spread_masks_empty(struct kunit *test)
{
	struct test_lane *lane = cbcpu_lane(test);
	struct test_record *record = &lane->bed->record;
	unsigned int i, fair = CBCPU_REQUESTS / num_online_cpus();
	int cpu;

	bed_set_mask(lane->bed, PADATA_CPU_SERIAL, cpu_none_mask);
	KUNIT_EXPECT_EQ(test, padata_map_cb_cpu(lane->ps, 0), -EINVAL);
	lane->load.submit = padata_do_inline;
	for (i = 0; i < CBCPU_REQUESTS; i++)
		cbcpu_ask(lane, nr_cpu_ids + i);
	for_each_online_cpu(cpu)
		KUNIT_EXPECT_GE(test, atomic_read(&record->served[cpu]), fair / 2);
	bed_expect_clean(lane->bed);
}

/* Requests that name no usable CPU are spread evenly over the usable ones. */
static void cb_cpu_spread(struct kunit *test)
{
	struct test_lane *lane = cbcpu_lane(test);
	unsigned int i, fair = CBCPU_REQUESTS / num_online_cpus();
	struct test_record *record = &lane->bed->record;
	int cpu;

	for (i = 0; i < CBCPU_REQUESTS; i++)
		cbcpu_ask(lane, nr_cpu_ids + i);
	for_each_online_cpu(cpu) {
		KUNIT_EXPECT_GE(test, atomic_read(&record->served[cpu]), fair / 2);
		KUNIT_EXPECT_LE(test, atomic_read(&record->served[cpu]), fair * 2);
	}
	bed_expect_clean(lane->bed);
}

/* The same where the mask has holes: every second CPU. */
static void cb_cpu_spread_in_mask(struct kunit *test)
{
	struct test_lane *lane = cbcpu_lane(test);
	struct test_record *record = &lane->bed->record;
	struct cpumask *mask = bed_mask(lane->bed);
	unsigned int i;
	int cpu;

	for (i = 0; i < num_online_cpus(); i += 2)
		cpumask_set_cpu(test_online_cpu(i), mask);
	bed_set_mask(lane->bed, PADATA_CPU_SERIAL, mask);
	for (i = 0; i < CBCPU_REQUESTS; i++)
		cbcpu_ask(lane, nr_cpu_ids + i);
	for_each_online_cpu(cpu)
		KUNIT_EXPECT_EQ(test, !!atomic_read(&record->served[cpu]),
				cpumask_test_cpu(cpu, mask));
	bed_expect_clean(lane->bed);
}

/* A job that the submitter runs itself is called back there all the same. */
static void cb_cpu_of_inline_job(struct kunit *test)
{
	struct test_lane *lane = cbcpu_lane(test);
	int cpu;

	lane->load.submit = padata_do_inline;
	for_each_online_cpu(cpu)
		KUNIT_EXPECT_EQ(test, cbcpu_ask(lane, cpu), cpu);
	cbcpu_expect_replaced(lane, -1, cpu_online_mask);
	cbcpu_expect_replaced(lane, nr_cpu_ids, cpu_online_mask);
	bed_expect_clean(lane->bed);
}

static struct kunit_case padata_cbcpu_cases[] = {
	KUNIT_CASE(cb_cpu_in_mask),
	KUNIT_CASE(cb_cpu_outside_mask),
	KUNIT_CASE(cb_cpu_outside_parallel_mask),
	KUNIT_CASE(cb_cpu_negative),
	KUNIT_CASE(cb_cpu_huge),
	KUNIT_CASE(cb_cpu_offline),
	KUNIT_CASE(cb_cpu_offline_under_load),
	KUNIT_CASE(cb_cpu_offline_jobs_held),
	KUNIT_CASE(cb_cpu_spread),
	KUNIT_CASE(cb_cpu_spread_masks_empty),
	KUNIT_CASE(cb_cpu_spread_in_mask),
	KUNIT_CASE(cb_cpu_of_inline_job),
	{}
};

static struct kunit_suite padata_cbcpu_suite = {
	.name = "padata_cbcpu",
	.test_cases = padata_cbcpu_cases,
};

kunit_test_suite(padata_cbcpu_suite);

MODULE_DESCRIPTION("KUnit: padata's choice of the callback CPU");
MODULE_LICENSE("GPL");
