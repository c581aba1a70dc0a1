// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_error: which calls are refused, with which errno, and that a refusal loses
 * nothing; and padata_do_inline(), which is hardly ever refused.
 */
#include <linux/kprobes.h>

#include "padata_test.h"

static struct test_lane *error_lane(struct kunit *test, const struct test_load *load)
{
	struct test_bed *bed = bed_make(test);

	return bed_lane(bed, bed_shell(bed), load);
}

static const struct test_load error_load = { .window = 64, .spin_us = 2, .any_cpu = true };
static const struct test_load error_held = {
	.jobs = 64, .window = 72, .percent = 100, .end = TEST_END_HELD };

/* Refused while a mask is empty, served again after. */
static void error_empty_mask(struct kunit *test, int type)
{
	struct test_lane *lane = error_lane(test, &error_load);
	struct test_bed *bed = lane->bed;

	KUNIT_ASSERT_EQ(test, lane_feed(lane, 10), 0);
	bed_set_mask(bed, type, cpu_none_mask);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
	KUNIT_EXPECT_EQ(test, lane_submit_on(lane, -1), -EINVAL);
	bed_set_mask(bed, type, cpu_possible_mask);
	KUNIT_EXPECT_EQ(test, lane_feed(lane, 10), 0);
	KUNIT_EXPECT_EQ(test, lane->refused, 2);
	bed_expect_clean(bed);
}

static void do_parallel_empty_parallel_mask(struct kunit *test)
{
	error_empty_mask(test, PADATA_CPU_PARALLEL);
}

static void do_parallel_empty_serial_mask(struct kunit *test)
{
	error_empty_mask(test, PADATA_CPU_SERIAL);
}

static void do_parallel_both_masks_empty(struct kunit *test)
{
	struct test_lane *lane = error_lane(test, &error_load);
	struct test_bed *bed = lane->bed;

	bed_set_mask(bed, PADATA_CPU_SERIAL, cpu_none_mask);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpu_none_mask);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
	bed_set_mask(bed, PADATA_CPU_SERIAL, cpu_possible_mask);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpu_possible_mask);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	bed_expect_clean(bed);
}

static void do_parallel_stopped(struct kunit *test)
{
	struct test_lane *lane = error_lane(test, &error_load);
	struct test_bed *bed = lane->bed;

	padata_stop(bed->pinst);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
	KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), 0);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	bed_expect_clean(bed);
}

/* The reported CPU is the chosen one: a refusal reports none. */
static void do_parallel_refused_keeps_cb_cpu(struct kunit *test)
{
	struct test_lane *lane = error_lane(test, &error_load);

	padata_stop(lane->bed->pinst);
	KUNIT_EXPECT_EQ(test, lane_submit_on(lane, -5), -EINVAL);
	KUNIT_EXPECT_EQ(test, lane->got_cpu, -5);
}

/* Refusals between jobs in flight: no gap, no loss, no callback too many. */
static void do_parallel_refused_among_held_jobs(struct kunit *test)
{
	struct test_lane *lane = error_lane(test, &error_held);
	struct test_bed *bed = lane->bed;
	u32 nr;

	for (nr = 0; nr < lane->load.jobs; nr += 8) {
		KUNIT_ASSERT_EQ(test, lane_feed(lane, 8), 0);
		bed_set_mask(bed, PADATA_CPU_PARALLEL, cpu_none_mask);
		KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
		bed_set_mask(bed, PADATA_CPU_PARALLEL, cpu_possible_mask);
	}
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, nr));
	while (nr--)
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, nr));
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&lane->done), lane->load.jobs);
}

static void set_cpumask_bad_type(struct kunit *test)
{
	static const int types[] = {
		0, PADATA_CPU_SERIAL | PADATA_CPU_PARALLEL, 4, -1, INT_MAX, INT_MIN };
	struct test_lane *lane = error_lane(test, &error_load);
	struct test_bed *bed = lane->bed;
	int i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				padata_set_cpumask(bed->pinst, types[i], cpu_none_mask));
	/* The masks of before are still in force. */
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	bed_expect_clean(bed);
}

/* Every second job is run by the submitter while those before it are held. */
static void do_inline_keeps_place(struct kunit *test)
{
	struct test_lane *lane = error_lane(test, &error_held);
	u32 nr, jobs = lane->load.jobs;

	for (nr = 0; nr < jobs; nr++) {
		lane->load.submit = nr % 2 ? padata_do_inline : padata_do_parallel;
		lane->load.end = nr % 2 ? TEST_END_PARALLEL : TEST_END_HELD;
		KUNIT_ASSERT_EQ(test, lane_submit(lane), 0);
	}
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, jobs / 2));
	for (nr = jobs - 2; nr > 0; nr -= 2)
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, nr));
	KUNIT_EXPECT_EQ(test, atomic_read(&lane->done), 0);
	KUNIT_EXPECT_TRUE(test, lane_release_job(lane, 0));
	bed_expect_clean(lane->bed);
	KUNIT_EXPECT_GE(test, atomic_read(&lane->inlined), jobs / 2);
}

/* Two submitters on one shell, one of which runs all of its jobs itself. */
static void do_inline_beside_do_parallel(struct kunit *test)
{
	struct test_load load = {
		.jobs = test_scale(3000), .window = 32, .spin_us = 10,
		.percent = 10, .end = TEST_END_MIX };
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	struct test_lane *parallel = bed_lane(bed, ps, &load);
	struct test_lane *inlined;

	load.submit = padata_do_inline;
	inlined = bed_lane(bed, ps, &load);
	inlined->cb_cpu = parallel->cb_cpu;
	lane_start(parallel);
	lane_start(inlined);
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&inlined->inlined), load.jobs);
}

/* The caller runs parallel(), and the callback goes to any CPU. */
static void do_inline_empty_masks(struct kunit *test)
{
	struct test_lane *lane = error_lane(test, &error_load);
	struct test_bed *bed = lane->bed;

	bed_set_mask(bed, PADATA_CPU_SERIAL, cpu_none_mask);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpu_none_mask);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
	lane->load.submit = padata_do_inline;
	KUNIT_EXPECT_EQ(test, lane_feed(lane, 500), 0);
	bed_expect_clean(bed);
	KUNIT_EXPECT_TRUE(test, cpu_online(lane->got_cpu));
	KUNIT_EXPECT_EQ(test, lane->served_cpu, lane->got_cpu);
	KUNIT_EXPECT_EQ(test, atomic_read(&lane->inlined), 500);
	/* Later submissions are refused as before. */
	lane->load.submit = padata_do_parallel;
	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
}

/* Asynchronous jobs too: they are in flight when the masks come back. */
static void do_inline_empty_masks_asynchronous(struct kunit *test)
{
	struct test_lane *lane = error_lane(test, &(struct test_load){
		.window = 64, .spin_us = 2, .any_cpu = true,
		.percent = 50, .end = TEST_END_MIX });
	struct test_bed *bed = lane->bed;
	int i;

	for (i = 0; i < 20; i++) {
		bed_set_mask(bed, PADATA_CPU_SERIAL, i % 2 ? cpu_possible_mask : cpu_none_mask);
		lane->load.submit = i % 2 ? padata_do_parallel : padata_do_inline;
		KUNIT_ASSERT_EQ(test, lane_feed(lane, 50), 0);
	}
	KUNIT_EXPECT_EQ(test, lane->refused, 0);
	bed_expect_clean(bed);
}

static void do_inline_stopped(struct kunit *test)
{
	struct test_lane *lane = error_lane(test, &error_load);
	struct test_bed *bed = lane->bed;

	lane->load.submit = padata_do_inline;
	padata_stop(bed->pinst);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
	KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), 0);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	bed_expect_clean(bed);
}

/* A name is only a name. */
static void alloc_odd_names(struct kunit *test)
{
	static const char * const names[] = { "", "%s%n%d%p", "a/b", "\xff\n",
		"a name that is a good deal longer than any workqueue's name can be" };
	struct padata_instance *pinst;
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		pinst = padata_alloc(names[i]);
		KUNIT_EXPECT_NOT_NULL(test, pinst);
		if (pinst)
			padata_free(pinst);
	}
}

static void free_nothing(struct kunit *test)
{
	padata_free_shell(NULL);
	padata_put_shell(NULL);
	KUNIT_SUCCEED(test);
}

#if IS_ENABLED(CONFIG_FAILSLAB) && IS_ENABLED(CONFIG_KRETPROBES)
static struct task_struct *error_task;
static int error_countdown;

/* The n-th allocation of the test's own thread fails. */
static int error_fail(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (READ_ONCE(error_task) == current && !in_interrupt() && !--error_countdown)
		regs_set_return_value(regs, -ENOMEM);
	return 0;
}

static struct kretprobe error_probe = {
	.kp.symbol_name = "should_failslab",
	.handler = error_fail,
	.maxactive = 64,
};

static void error_unprobe(void *unused)
{
	WRITE_ONCE(error_task, NULL);
	unregister_kretprobe(&error_probe);
	error_probe.kp.addr = NULL;
	error_probe.kp.flags = 0;
}

/* 0 ends it.  A countdown above 0 has not reached that allocation. */
static void error_arm(int countdown)
{
	if (countdown)
		error_countdown = countdown;
	WRITE_ONCE(error_task, countdown ? current : NULL);
}

static void error_probe_allocations(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, register_kretprobe(&error_probe), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, error_unprobe, NULL), 0);
}

/* Return true if padata_alloc() has an n-th allocation, which has failed. */
static bool error_alloc(int nth, bool *refused)
{
	struct padata_instance *pinst;
	bool failed;

	error_arm(nth);
	pinst = padata_alloc("padata_test");
	failed = error_countdown <= 0;
	error_arm(0);
	*refused = !pinst;
	if (pinst)
		padata_free(pinst);
	return failed;
}

/* Each allocation in turn fails; some of them are a debugging tool's. */
static void alloc_without_memory(struct kunit *test)
{
	int nth = 0, nr_refused = 0;
	bool failed, refused;

	error_probe_allocations(test);
	do {
		failed = error_alloc(++nth, &refused);
		nr_refused += refused;
	} while (failed && nth < 1000);
	KUNIT_EXPECT_FALSE(test, refused);
	kunit_info(test, "%d of %d allocations are vital\n", nr_refused, nth - 1);
	KUNIT_EXPECT_GE(test, nr_refused, 4);
	KUNIT_EXPECT_EQ(test, error_probe.nmissed, 0);
}

static void alloc_shell_without_memory(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps;

	error_probe_allocations(test);
	error_arm(1);
	ps = padata_alloc_shell(bed->pinst);
	error_arm(0);
	KUNIT_EXPECT_NULL(test, ps);
	if (ps)
		padata_free_shell(ps);
}

/* A change that fails leaves the old mask in force. */
static void set_cpumask_without_memory(struct kunit *test)
{
	struct test_lane *lane = error_lane(test, &error_load);
	struct test_bed *bed = lane->bed;
	int err, nth = 0, nr_refused = 0;

	error_probe_allocations(test);
	do {
		error_arm(++nth);
		err = padata_set_cpumask(bed->pinst, PADATA_CPU_SERIAL, cpu_none_mask);
		error_arm(0);
		nr_refused += err == -ENOMEM;
		KUNIT_EXPECT_EQ(test, lane_submit(lane), err ? 0 : -EINVAL);
		bed_set_mask(bed, PADATA_CPU_SERIAL, cpu_possible_mask);
	} while (error_countdown <= 0 && nth < 100);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GE(test, nr_refused, 1);
	bed_expect_clean(bed);
}
#endif

static struct kunit_case padata_error_cases[] = {
	KUNIT_CASE(do_parallel_empty_parallel_mask),
	KUNIT_CASE(do_parallel_empty_serial_mask),
	KUNIT_CASE(do_parallel_both_masks_empty),
	KUNIT_CASE(do_parallel_stopped),
	KUNIT_CASE(do_parallel_refused_keeps_cb_cpu),
	KUNIT_CASE(do_parallel_refused_among_held_jobs),
	KUNIT_CASE(set_cpumask_bad_type),
	KUNIT_CASE(do_inline_keeps_place),
	KUNIT_CASE(do_inline_beside_do_parallel),
	KUNIT_CASE(do_inline_empty_masks),
	KUNIT_CASE(do_inline_empty_masks_asynchronous),
	KUNIT_CASE(do_inline_stopped),
	KUNIT_CASE(alloc_odd_names),
	KUNIT_CASE(free_nothing),
#if IS_ENABLED(CONFIG_FAILSLAB) && IS_ENABLED(CONFIG_KRETPROBES)
	KUNIT_CASE(alloc_without_memory),
	KUNIT_CASE(alloc_shell_without_memory),
	KUNIT_CASE(set_cpumask_without_memory),
#endif
	{}
};

static struct kunit_suite padata_error_suite = {
	.name = "padata_error",
	.test_cases = padata_error_cases,
};

kunit_test_suite(padata_error_suite);

MODULE_DESCRIPTION("KUnit: padata's errors, and padata_do_inline()");
MODULE_LICENSE("GPL");
