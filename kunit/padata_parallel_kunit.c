// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_parallel: the work is done by all CPUs of the parallel mask, and not
 * by the submitter, unless it submits more than is worked off.
 */
#include "padata_test.h"

#define PARALLEL_JOB_US		50
#define PARALLEL_INLINE_PERCENT	20
#define PARALLEL_ROUNDS		10
#define PARALLEL_MEET_MS	5000

static const struct test_load parallel_load = {
	.jobs = TEST_SLOW ? 1200 : 4000, .window = 96,
	.spin_us = PARALLEL_JOB_US, .spin_even = true };

/* Jobs per CPU, and those that the submitter ran itself. */
static void parallel_print(struct test_bed *bed)
{
	char *text = kunit_kzalloc(bed->test, PAGE_SIZE, GFP_KERNEL);
	int cpu, len = 0;

	KUNIT_ASSERT_NOT_NULL(bed->test, text);
	for_each_online_cpu(cpu)
		len += scnprintf(text + len, PAGE_SIZE - len, " %d",
				 atomic_read(&bed->record.ran[cpu]));
	kunit_info(bed->test, "jobs per CPU:%s, inline: %u\n", text, bed_inlined(bed));
	kunit_kfree(bed->test, text);
}

static bool parallel_all_worked(struct test_bed *bed, const struct cpumask *mask)
{
	int cpu;

	for_each_cpu_and(cpu, mask, cpu_online_mask)
		if (!atomic_read(&bed->record.ran[cpu]))
			return false;
	return true;
}

/*
 * An overloaded host may not run one of the guest's CPUs for longer than a round
 * takes, so a CPU that did nothing gets a few more chances.
 */
static void parallel_feed_more(struct test_bed *bed, const struct cpumask *mask)
{
	struct test_lane *lane = list_first_entry(&bed->lanes, struct test_lane, node);
	int round;

	for (round = 1; round < PARALLEL_ROUNDS && bed_settle(bed); round++) {
		if (parallel_all_worked(bed, mask))
			return;
		kunit_info(bed->test, "some CPU did nothing in round %d\n", round);
		KUNIT_ASSERT_EQ(bed->test, lane_feed(lane, parallel_load.jobs), 0);
	}
}

static void parallel_expect_spread(struct test_bed *bed, const struct cpumask *mask)
{
	struct kunit *test = bed->test;
	u32 ran = 0, inlined;
	int cpu;

	parallel_feed_more(bed, mask);
	bed_expect_clean(bed);
	parallel_print(bed);
	inlined = bed_inlined(bed);
	for_each_online_cpu(cpu) {
		ran += atomic_read(&bed->record.ran[cpu]);
		KUNIT_EXPECT_EQ_MSG(test, !!atomic_read(&bed->record.ran[cpu]),
				    cpumask_test_cpu(cpu, mask), "CPU %d", cpu);
	}
	KUNIT_EXPECT_LT(test, inlined * 100, (ran + inlined) * PARALLEL_INLINE_PERCENT);
}

static void parallel_one_shell(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);

	lane_run(bed_lane(bed, bed_shell(bed), &parallel_load));
	parallel_expect_spread(bed, cpu_online_mask);
}

static void parallel_many_shells(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_load load = parallel_load;
	int i;

	load.jobs /= 4;
	load.window /= 4;
	for (i = 0; i < 4; i++)
		lane_start(bed_lane(bed, bed_shell(bed), &load));
	parallel_expect_spread(bed, cpu_online_mask);
}

static void parallel_from_serial_mask_of_one(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_load load = parallel_load;

	load.any_cpu = true;
	bed_set_mask(bed, PADATA_CPU_SERIAL, cpumask_of(test_last_cpu()));
	lane_run(bed_lane(bed, bed_shell(bed), &load));
	parallel_expect_spread(bed, cpu_online_mask);
}

/* All but the first CPU; that one, when there is no other. */
static void parallel_in_part_of_the_cpus(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct cpumask *mask = bed_mask(bed);

	cpumask_copy(mask, cpu_online_mask);
	if (num_online_cpus() > 1)
		cpumask_clear_cpu(test_online_cpu(0), mask);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, mask);
	bed_allow(bed, mask);
	lane_run(bed_lane(bed, bed_shell(bed), &parallel_load));
	parallel_expect_spread(bed, mask);
}

/* An instance that has seen only trivial jobs learns that these are not. */
static void parallel_after_short_jobs(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &parallel_load);
	int cpu;

	lane->load.spin_us = 0;
	KUNIT_ASSERT_EQ(test, lane_feed(lane, 5000), 0);
	bed_expect_clean(bed);
	for_each_possible_cpu(cpu)
		atomic_set(&bed->record.ran[cpu], 0);
	atomic_set(&lane->inlined, 0);
	lane->load.spin_us = PARALLEL_JOB_US;
	lane_run(lane);
	parallel_expect_spread(bed, cpu_online_mask);
}

static atomic_t parallel_met;
static int parallel_wanted;

/* Waits inside parallel() until as many are there as are wanted. */
static void parallel_meet(struct test_job *job)
{
	ktime_t end = ktime_add_ms(ktime_get(), PARALLEL_MEET_MS);

	atomic_inc(&parallel_met);
	while (atomic_read(&parallel_met) < parallel_wanted && ktime_before(ktime_get(), end))
		cpu_relax();
}

/*
 * Submits as many as are wanted; with @one_by_one each is inside parallel() before the
 * next one comes.  Nothing else runs here until all are submitted, and this CPU is
 * the last that is wanted: else a job could wait here for one that never comes.
 */
static void parallel_submit_all(struct test_lane *lane, bool one_by_one)
{
	ktime_t end = ktime_add_ms(ktime_get(), PARALLEL_MEET_MS);
	int cpu, i, nr = parallel_wanted;

	local_bh_disable();
	cpu = cpumask_any_but(cpu_online_mask, smp_processor_id());
	for (i = 1; i <= nr; i++) {
		lane_submit_on(lane, cpu);
		while (one_by_one && atomic_read(&parallel_met) < min(i, nr - 1) &&
		       ktime_before(ktime_get(), end))
			cpu_relax();
	}
	local_bh_enable();
}

static void parallel_meet_all(struct kunit *test, int nr, bool one_by_one)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = nr, .any_cpu = true });
	ktime_t start = ktime_get();

	lane->in_parallel = parallel_meet;
	atomic_set(&parallel_met, 0);
	parallel_wanted = nr;
	parallel_submit_all(lane, one_by_one);
	KUNIT_EXPECT_TRUE(test, lane_wait_feed(lane, lane->load.jobs));
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&lane->inlined), 0);
	KUNIT_EXPECT_LT(test, ktime_ms_delta(ktime_get(), start), PARALLEL_MEET_MS);
}

static void parallel_at_the_same_time(struct kunit *test)
{
	parallel_meet_all(test, num_online_cpus(), false);
}

/* Nothing tells yet how long jobs take, nor that one has waited for long. */
static void parallel_of_unknown_length(struct kunit *test)
{
	test_set_param(test, "/sys/module/padata_mod/parameters/wakeup_cost_ns", "10000",
		       "1000000000");
	/* Many CPUs that share a few of the host's would take long, one by one. */
	parallel_meet_all(test, min(num_online_cpus(), 8U), true);
}

/* More at once than may wait, and than one CPU can do meanwhile. */
static const struct test_load parallel_flood = {
	.jobs = 1500, .spin_us = 4 * PARALLEL_JOB_US, .spin_even = true };

static struct test_bed *parallel_narrow_bed(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);

	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(test_last_cpu()));
	bed_allow(bed, cpumask_of(test_last_cpu()));
	return bed;
}

/* The submitter works, too, but it is not left alone with the work. */
static void back_pressure(struct kunit *test)
{
	struct test_bed *bed = parallel_narrow_bed(test);
	u32 jobs = parallel_flood.jobs;

	lane_run(bed_lane(bed, bed_shell(bed), &parallel_flood));
	bed_expect_clean(bed);
	parallel_print(bed);
	KUNIT_EXPECT_GT(test, bed_inlined(bed), 0);
	KUNIT_EXPECT_LT(test, bed_inlined(bed), jobs - jobs / 20);
}

/* Waits until the lane's submitter has had to work. */
static bool parallel_wait_inlined(struct test_lane *lane)
{
	unsigned long end = jiffies + TEST_TIMEOUT;

	while (atomic_read(&lane->inlined) < 10 && time_before(jiffies, end))
		wait_event_timeout(lane->bed->retry, false, 1);
	return atomic_read(&lane->inlined) >= 10;
}

/* One shell floods; the few jobs of another one still find room to wait. */
static void back_pressure_beside_small_shell(struct kunit *test)
{
	struct test_bed *bed = parallel_narrow_bed(test);
	struct test_load load = parallel_flood;
	struct test_lane *flood, *small;

	load.jobs = U32_MAX;
	load.window = 4000;
	flood = bed_lane(bed, bed_shell(bed), &load);
	load.jobs = 12;
	load.window = 4;
	small = bed_lane(bed, bed_shell(bed), &load);
	lane_start(flood);
	KUNIT_ASSERT_TRUE(test, parallel_wait_inlined(flood));
	lane_run(small);
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
	parallel_print(bed);
	KUNIT_EXPECT_LT(test, atomic_read(&small->inlined) * 100,
			load.jobs * PARALLEL_INLINE_PERCENT);
}

/* ---- a CPU that is woken and does not come ---- */

/*
 * A job alone, the CPU that is woken for it has a realtime task, and nothing is
 * submitted that would notice.  Return true if another CPU ran it meanwhile.
 */
static bool parallel_alone_beside_hog(struct test_bed *bed)
{
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 1, .percent = 100, .end = TEST_END_HELD });
	struct test_hog hog = { .still = true };
	bool ran;

	lane->cb_cpu = test_last_cpu();
	test_hog_start(bed->test, &hog, test_last_cpu());
	lane_run(lane);
	ran = lane_wait_held(lane, 1);
	ran = test_hog_stop(&hog) && ran;
	bed_unhold(bed);
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(bed->test, atomic_read(&lane->inlined), 0);
	return ran;
}

/* An emulator may stop any CPU, so a few rounds. */
static void lone_job_beside_fifo_task(struct kunit *test)
{
	struct test_bed *bed;
	bool good = false;
	int i;

	if (num_online_cpus() == 1)
		return;
	test_keep_off_last_cpu(test);
	for (i = 0; i < PARALLEL_ROUNDS / 2 && !good; i++) {
		bed = bed_make(test);
		good = parallel_alone_beside_hog(bed);
		kunit_release_action(test, bed_release, bed);
	}
	KUNIT_EXPECT_TRUE(test, good);
}

static struct kunit_case padata_parallel_cases[] = {
	KUNIT_CASE(parallel_one_shell),
	KUNIT_CASE(parallel_many_shells),
	KUNIT_CASE(parallel_from_serial_mask_of_one),
	KUNIT_CASE(parallel_in_part_of_the_cpus),
	KUNIT_CASE(parallel_after_short_jobs),
	KUNIT_CASE(parallel_at_the_same_time),
	KUNIT_CASE(parallel_of_unknown_length),
	KUNIT_CASE(back_pressure),
	KUNIT_CASE(back_pressure_beside_small_shell),
	KUNIT_CASE(lone_job_beside_fifo_task),
	{}
};

static struct kunit_suite padata_parallel_suite = {
	.name = "padata_parallel",
	.suite_init = test_root_get,
	.suite_exit = test_root_put,
	.test_cases = padata_parallel_cases,
};

kunit_test_suite(padata_parallel_suite);

MODULE_DESCRIPTION("KUnit: padata's jobs really run in parallel");
MODULE_LICENSE("GPL");
