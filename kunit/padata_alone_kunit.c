// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_alone: padata_do_alone() runs a job here and now where nothing else of
 * the shell is in flight, and keeps its place in the order.
 */
#include "padata_test.h"

/* The answers of padata_do_alone(). */
static atomic_t alone_done, alone_accepted, alone_again;

static int alone_init(struct kunit *test)
{
	atomic_set(&alone_done, 0);
	atomic_set(&alone_accepted, 0);
	atomic_set(&alone_again, 0);
	return 0;
}

/* For &test_load.submit. */
static int alone_only(struct padata_shell *ps, struct padata_priv *padata, int *cb_cpu)
{
	int ret = padata_do_alone(ps, padata, cb_cpu);

	if (ret == 1) {
		atomic_inc(&alone_done);
		test_job_over(container_of(padata, struct test_job, padata), true);
		return 0;
	}
	if (!ret)
		atomic_inc(&alone_accepted);
	return ret;
}

static int alone_or_parallel(struct padata_shell *ps, struct padata_priv *padata,
			     int *cb_cpu)
{
	int ret = alone_only(ps, padata, cb_cpu);

	if (ret != -EAGAIN)
		return ret;
	atomic_inc(&alone_again);
	return padata_do_parallel(ps, padata, cb_cpu);
}

static struct test_lane *alone_lane(struct kunit *test, struct test_load load)
{
	struct test_bed *bed = bed_make(test);

	load.submit = load.submit ?: alone_only;
	return bed_lane(bed, bed_shell(bed), &load);
}

/* Callbacks return a moment after they have counted. */
static int alone_submit_idle(struct test_lane *lane)
{
	unsigned long until = jiffies + TEST_TIMEOUT;
	int err;

	do {
		err = lane_submit(lane);
		cond_resched();
	} while (err == -EAGAIN && time_before(jiffies, until));
	return err;
}

static void idle_shell_runs_job_at_once(struct kunit *test)
{
	struct test_lane *lane = alone_lane(test, (struct test_load){ .window = 8 });
	int i, cpu;

	for (i = 0; i < 100; i++) {
		cpu = test_online_cpu(i);
		KUNIT_EXPECT_EQ(test, lane_submit_on(lane, cpu), 0);
		KUNIT_EXPECT_EQ(test, lane->got_cpu, cpu);
		KUNIT_EXPECT_EQ(test, atomic_read(&lane->done), i + 1);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&alone_done), 100);
	KUNIT_EXPECT_EQ(test, atomic_read(&lane->inlined), 100);
	for_each_online_cpu(cpu)
		KUNIT_EXPECT_EQ(test, atomic_read(&lane->bed->record.served[cpu]), 0);
	bed_expect_clean(lane->bed);
}

static void job_done_at_once_is_counted(struct kunit *test)
{
	struct test_lane *lane = alone_lane(test, (struct test_load){ .jobs = 30 });

	lane_run(lane);
	KUNIT_EXPECT_EQ(test, bed_counter(lane->bed, "jobs_submitted"), 30);
	KUNIT_EXPECT_EQ(test, bed_counter(lane->bed, "jobs_completed"), 30);
	KUNIT_EXPECT_EQ(test, bed_counter(lane->bed, "jobs_inline"), 30);
	bed_expect_clean(lane->bed);
}

/* While a job is in flight, at any stage, no other one is done alone. */
static void job_in_flight_is_refused(struct kunit *test)
{
	struct test_lane *lane = alone_lane(test, (struct test_load){
		.window = 8, .percent = 100, .end = TEST_END_HELD });
	int i;

	for (i = 0; i < 20; i++) {
		lane->load.submit = i % 2 ? alone_only : padata_do_parallel;
		KUNIT_EXPECT_EQ(test, i % 2 ? alone_submit_idle(lane) : lane_submit(lane), 0);
		KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, i + 1));
		lane->load.submit = alone_only;
		KUNIT_EXPECT_EQ(test, lane_submit(lane), -EAGAIN);
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, i));
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, i + 1));
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&alone_accepted), 10);
	KUNIT_EXPECT_EQ(test, atomic_read(&alone_done), 0);
	bed_expect_clean(lane->bed);
}

/* Shared with a serial() that lasts. */
static struct completion alone_inside;
static atomic_t alone_may_leave;

static void alone_lasting_serial(struct test_lane *lane, u32 nr)
{
	unsigned long until = jiffies + TEST_TIMEOUT;

	if (nr)
		return;
	complete(&alone_inside);
	while (!atomic_read(&alone_may_leave) && time_before(jiffies, until))
		cpu_relax();
}

/* The list is empty, but the callback has not returned. */
static void callback_not_returned_is_refused(struct kunit *test)
{
	struct test_lane *lane = alone_lane(test, (struct test_load){ .window = 8 });

	if (num_online_cpus() == 1)
		return;
	init_completion(&alone_inside);
	atomic_set(&alone_may_leave, 0);
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(test_online_cpu(0))), 0);
	lane->cb_cpu = test_last_cpu();
	lane->in_serial = alone_lasting_serial;
	lane->load.submit = padata_do_parallel;
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&alone_inside, TEST_TIMEOUT));
	lane->load.submit = alone_only;
	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EAGAIN);
	atomic_set(&alone_may_leave, 1);
	KUNIT_EXPECT_EQ(test, alone_submit_idle(lane), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&alone_done), 1);
	bed_expect_clean(lane->bed);
}

/* One job at a time, ended in any context: it is done here, or called back. */
static void job_ended_elsewhere_is_called_back(struct kunit *test)
{
	struct test_lane *lane = alone_lane(test, (struct test_load){
		.window = 1, .percent = 70, .end = TEST_END_MIX, .spin_us = 5 });
	u32 i, nr = test_scale(2000);

	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_EQ(test, alone_submit_idle(lane), 0);
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, i + 1));
	}
	KUNIT_EXPECT_GT(test, atomic_read(&alone_done), nr / 5);
	KUNIT_EXPECT_GT(test, atomic_read(&alone_accepted), nr / 5);
	KUNIT_EXPECT_EQ(test, atomic_read(&lane->inlined), nr);
	bed_expect_clean(lane->bed);
}

/* Another lane of the shell, and how far it was when the job ended. */
static struct test_lane *alone_others;
static int alone_others_done;

static void alone_submit_others(struct test_job *job)
{
	int i;

	for (i = 0; i < 20; i++)
		lane_submit(alone_others);
	/* Time for all of them to run, and to be called back if they may. */
	test_loop(5000 * test_loops_per_us);
	alone_others_done = atomic_read(&alone_others->done);
}

static void alone_others_come_after(struct kunit *test, enum test_end end)
{
	struct test_lane *lane = alone_lane(test, (struct test_load){
		.window = 8, .percent = 100, .end = end });

	alone_others = bed_lane(lane->bed, lane->ps, &(struct test_load){ .window = 32 });
	lane->in_parallel = alone_submit_others;
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	KUNIT_EXPECT_EQ(test, alone_others_done, 0);
	if (end == TEST_END_HELD) {
		KUNIT_EXPECT_EQ(test, atomic_read(&alone_others->done), 0);
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, 0));
	}
	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, 1));
	KUNIT_EXPECT_TRUE(test, lane_wait_done(alone_others, 20));
	KUNIT_EXPECT_EQ(test, atomic_read(end == TEST_END_HELD ? &alone_accepted : &alone_done),
			1);
	bed_expect_clean(lane->bed);
}

static void jobs_submitted_meanwhile_come_after(struct kunit *test)
{
	alone_others_come_after(test, TEST_END_PARALLEL);
}

static void jobs_submitted_meanwhile_wait_for_its_end(struct kunit *test)
{
	alone_others_come_after(test, TEST_END_HELD);
}

static void stopped_is_refused(struct kunit *test)
{
	struct test_lane *lane = alone_lane(test, (struct test_load){ .window = 8 });

	test_keep_off_last_cpu(test);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	padata_stop(lane->bed->pinst);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
	KUNIT_EXPECT_EQ(test, padata_start(lane->bed->pinst), 0);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	bed_expect_clean(lane->bed);
}

/* The answer for the job before does not hold any more. */
static void mask_changed_is_seen(struct kunit *test)
{
	struct test_lane *lane = alone_lane(test, (struct test_load){
		.window = 8, .any_cpu = true });
	int i, cpu;

	/* Elsewhere the job would have to wait for results of this CPU. */
	test_keep_off_last_cpu(test);
	for (i = 0; i < 2 * num_online_cpus(); i++) {
		cpu = test_online_cpu(i);
		bed_set_mask(lane->bed, PADATA_CPU_SERIAL, cpumask_of(cpu));
		KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
		KUNIT_EXPECT_EQ(test, lane->got_cpu, cpu);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&alone_done), i);
	bed_expect_clean(lane->bed);
}

/* A job is done alone without a CPU in the masks; padata_do_parallel() refuses. */
static void masks_empty_runs_job_at_once(struct kunit *test)
{
	struct test_lane *lane = alone_lane(test, (struct test_load){ .window = 8 });
	int i;

	for (i = 0; i < 2; i++) {
		bed_set_mask(lane->bed, i ? PADATA_CPU_PARALLEL : PADATA_CPU_SERIAL,
			     cpu_none_mask);
		lane->load.submit = padata_do_parallel;
		KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
		lane->load.submit = alone_only;
		KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
		lane->load.submit = padata_do_parallel;
		KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&alone_done), 2);
	bed_expect_clean(lane->bed);
}

/* Both ways through one shell, from two threads, ended anywhere, each job freed. */
static void both_ways(struct kunit *test, int cpu, int other_cpu)
{
	struct test_load load = { .jobs = test_scale(20000), .window = 4, .spin_us = 5,
				  .percent = 20, .end = TEST_END_MIX, .own_memory = true,
				  .submit = alone_or_parallel };
	struct test_lane *lane = alone_lane(test, load);
	struct test_lane *other = bed_lane(lane->bed, lane->ps, &load);

	lane->cb_cpu = cpu;
	other->cb_cpu = other_cpu;
	lane_start(lane);
	lane_start(other);
	bed_expect_clean(lane->bed);
	KUNIT_EXPECT_GT(test, atomic_read(&alone_done), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&alone_again), 0);
}

static void both_ways_under_load(struct kunit *test)
{
	both_ways(test, test_last_cpu(), test_last_cpu());
	KUNIT_EXPECT_GT(test, atomic_read(&alone_accepted), 0);
}

/* Results come out on both CPUs, so few jobs are done alone. */
static void both_ways_two_callback_cpus(struct kunit *test)
{
	both_ways(test, test_online_cpu(0), test_last_cpu());
}

static struct kunit_case padata_alone_cases[] = {
	KUNIT_CASE(idle_shell_runs_job_at_once),
	KUNIT_CASE(job_done_at_once_is_counted),
	KUNIT_CASE(job_in_flight_is_refused),
	KUNIT_CASE(callback_not_returned_is_refused),
	KUNIT_CASE(job_ended_elsewhere_is_called_back),
	KUNIT_CASE(jobs_submitted_meanwhile_come_after),
	KUNIT_CASE(jobs_submitted_meanwhile_wait_for_its_end),
	KUNIT_CASE(stopped_is_refused),
	KUNIT_CASE(mask_changed_is_seen),
	KUNIT_CASE(masks_empty_runs_job_at_once),
	KUNIT_CASE(both_ways_under_load),
	KUNIT_CASE(both_ways_two_callback_cpus),
	{ }
};

static struct kunit_suite padata_alone_suite = {
	.name = "padata_alone",
	.init = alone_init,
	.test_cases = padata_alone_cases,
};

kunit_test_suite(padata_alone_suite);

MODULE_DESCRIPTION("KUnit: padata's jobs that are run alone");
MODULE_LICENSE("GPL");
