// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_direct: a shell is in direct mode only from a moment on at which no job of
 * it was in flight and the CPU of its results had settled, and only until it takes a
 * job.
 */
#include <linux/delay.h>

#include "padata_direct.h"

/* Of direct_mostly(). */
static atomic_t direct_turn;

static int direct_init(struct kunit *test)
{
	atomic_set(&direct_nr, 0);
	atomic_set(&direct_turn, 0);
	return 0;
}

static struct test_lane *direct_lane(struct kunit *test, struct test_load load)
{
	struct test_bed *bed = bed_make(test);

	return bed_lane(bed, bed_shell(bed), &load);
}

static int direct_submit(struct test_lane *lane, typeof(padata_do_parallel) *submit)
{
	lane->load.submit = submit;
	return lane_submit(lane);
}

static void direct_move_to(struct kunit *test, int cpu)
{
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
}

/* With results on another CPU than the submitter's; or NULL where there is none. */
static struct test_lane *direct_lane_apart(struct kunit *test)
{
	struct test_lane *lane = direct_lane(test, (struct test_load){ .window = 8 });

	if (num_online_cpus() == 1)
		return NULL;
	direct_move_to(test, test_online_cpu(0));
	lane->cb_cpu = test_last_cpu();
	return lane;
}

/* Callbacks return, and CPUs settle, a moment after a job has counted. */
static int direct_go(struct padata_shell *ps)
{
	unsigned long until = jiffies + TEST_TIMEOUT;
	int err;

	while ((err = padata_go_direct(ps)) == -EAGAIN && time_before(jiffies, until))
		usleep_range(50, 100);
	return err;
}

static void new_shell_is_not_direct(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	int i;

	for (i = 0; i < num_online_cpus(); i++) {
		direct_move_to(test, test_online_cpu(i));
		KUNIT_EXPECT_FALSE(test, padata_is_direct(ps));
	}
}

static void idle_shell_goes_direct_on_every_cpu(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	int i;

	direct_move_to(test, test_online_cpu(0));
	KUNIT_ASSERT_EQ(test, padata_go_direct(ps), 0);
	for (i = 0; i < 2 * num_online_cpus(); i++) {
		direct_move_to(test, test_online_cpu(i));
		KUNIT_EXPECT_TRUE(test, padata_is_direct(ps));
		KUNIT_EXPECT_EQ(test, padata_go_direct(ps), 0);
	}
}

/* Of one shell, not of its instance. */
static void another_shell_stays_as_it_is(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed), *other = bed_shell(bed);

	KUNIT_ASSERT_EQ(test, padata_go_direct(ps), 0);
	KUNIT_EXPECT_FALSE(test, padata_is_direct(other));
	KUNIT_EXPECT_TRUE(test, padata_is_direct(ps));
}

static void direct_work_is_in_no_counter(struct kunit *test)
{
	struct test_lane *lane = direct_lane(test, (struct test_load){ .window = 8 });
	int i;

	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_EQ(test, direct_submit(lane, direct_only), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&direct_nr), 20);
	KUNIT_EXPECT_EQ(test, bed_counter(lane->bed, "jobs_submitted"), 0);
	bed_expect_clean(lane->bed);
}

/* Each way of submission, from each CPU: it ends at once, and comes again. */
static void direct_job_ends_it(struct kunit *test, typeof(padata_do_parallel) *submit)
{
	struct test_lane *lane = direct_lane(test, (struct test_load){ .window = 8 });
	int i;

	for (i = 0; i < 2 * num_online_cpus(); i++) {
		direct_move_to(test, test_online_cpu(i));
		KUNIT_ASSERT_EQ(test, direct_go(lane->ps), 0);
		/* Half of them from another CPU than the one that began it. */
		direct_move_to(test, test_online_cpu(i / 2));
		KUNIT_EXPECT_TRUE(test, padata_is_direct(lane->ps));
		KUNIT_EXPECT_EQ(test, direct_submit(lane, submit), 0);
		KUNIT_EXPECT_FALSE(test, padata_is_direct(lane->ps));
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, i + 1));
		KUNIT_EXPECT_FALSE(test, padata_is_direct(lane->ps));
	}
	bed_expect_clean(lane->bed);
}

static void parallel_job_ends_it(struct kunit *test)
{
	direct_job_ends_it(test, padata_do_parallel);
}

static void inline_job_ends_it(struct kunit *test)
{
	direct_job_ends_it(test, padata_do_inline);
}

/* Callbacks return a moment after a job has counted. */
static int direct_go_here(struct padata_shell *ps)
{
	unsigned long until = jiffies + TEST_TIMEOUT;
	int err;

	while ((err = padata_go_direct_here(ps)) == -EAGAIN && time_before(jiffies, until))
		usleep_range(50, 100);
	return err;
}

/* For the callback CPU alone, until a job of another CPU ends it. */
static void direct_here_is_for_one_cpu(struct kunit *test)
{
	struct test_lane *lane = direct_lane(test, (struct test_load){
		.window = 8, .any_cpu = true });
	int i, there, here = test_last_cpu();

	if (num_online_cpus() == 1)
		return;
	lane->cb_cpu = here;
	for (i = 0; i < 20; i++) {
		there = test_online_cpu(i % (num_online_cpus() - 1));
		direct_move_to(test, there);
		KUNIT_EXPECT_EQ(test, direct_submit(lane, padata_do_parallel), 0);
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, lane->submitted));
		KUNIT_EXPECT_EQ(test, padata_go_direct_here(lane->ps), -EAGAIN);
		direct_move_to(test, here);
		KUNIT_ASSERT_EQ(test, direct_go_here(lane->ps), 0);
		KUNIT_EXPECT_TRUE(test, padata_is_direct(lane->ps));
		KUNIT_EXPECT_EQ(test, padata_go_direct(lane->ps), 0);
		direct_move_to(test, there);
		KUNIT_EXPECT_FALSE(test, padata_is_direct(lane->ps));
		KUNIT_EXPECT_EQ(test, padata_go_direct(lane->ps), -EAGAIN);
		KUNIT_EXPECT_EQ(test, padata_go_direct_here(lane->ps), -EAGAIN);
		KUNIT_EXPECT_EQ(test, direct_submit(lane, padata_do_parallel), 0);
		KUNIT_EXPECT_FALSE(test, padata_is_direct(lane->ps));
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, lane->submitted));
	}
	bed_expect_clean(lane->bed);
}

/* Where no result is on its way it is direct mode for all. */
static void direct_here_of_a_settled_shell_is_for_all(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);

	direct_move_to(test, test_online_cpu(0));
	KUNIT_EXPECT_EQ(test, padata_go_direct_here(ps), 0);
	direct_move_to(test, test_last_cpu());
	KUNIT_EXPECT_TRUE(test, padata_is_direct(ps));
	KUNIT_EXPECT_EQ(test, padata_go_direct_here(ps), 0);
}

/* The task is moved in the middle of its work, and its result comes out elsewhere. */
static void direct_here_ends_with_a_moved_task(struct kunit *test)
{
	struct test_lane *lane = direct_lane(test, (struct test_load){
		.window = 8, .any_cpu = true });
	int here = test_last_cpu();

	if (num_online_cpus() == 1)
		return;
	lane->cb_cpu = here;
	direct_move_to(test, test_online_cpu(0));
	KUNIT_EXPECT_EQ(test, direct_submit(lane, padata_do_parallel), 0);
	KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, 1));
	direct_move_to(test, here);
	KUNIT_ASSERT_EQ(test, direct_go_here(lane->ps), 0);
	direct_move_to(test, test_online_cpu(0));
	padata_direct_done(lane->ps);
	KUNIT_EXPECT_FALSE(test, padata_is_direct(lane->ps));
	direct_move_to(test, here);
	KUNIT_EXPECT_FALSE(test, padata_is_direct(lane->ps));
	KUNIT_EXPECT_EQ(test, padata_go_direct_here(lane->ps), -EAGAIN);
	KUNIT_EXPECT_EQ(test, direct_go(lane->ps), 0);
	bed_expect_clean(lane->bed);
}

/* A job that is not accepted leaves the order as it is. */
static void refused_job_loses_nothing(struct kunit *test)
{
	struct test_lane *lane = direct_lane(test, (struct test_load){ .window = 8 });
	u32 i;

	for (i = 0; i < 10; i++) {
		KUNIT_ASSERT_EQ(test, direct_go(lane->ps), 0);
		padata_stop(lane->bed->pinst);
		KUNIT_EXPECT_EQ(test, direct_submit(lane, padata_do_parallel), -EINVAL);
		KUNIT_EXPECT_EQ(test, direct_submit(lane, direct_only), 0);
		KUNIT_EXPECT_EQ(test, padata_start(lane->bed->pinst), 0);
		KUNIT_EXPECT_EQ(test, direct_submit(lane, padata_do_parallel), 0);
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, 2 * i + 2));
	}
	bed_expect_clean(lane->bed);
}

/* A job in flight, wherever it is. */
static void job_in_flight_refuses_it(struct kunit *test)
{
	struct test_lane *lane = direct_lane(test, (struct test_load){
		.window = 8, .percent = 100, .end = TEST_END_HELD });
	u32 i;

	for (i = 0; i < 20; i++) {
		KUNIT_EXPECT_EQ(test, direct_submit(lane, i % 2 ? padata_do_inline :
						    padata_do_parallel), 0);
		KUNIT_EXPECT_EQ(test, padata_go_direct(lane->ps), -EAGAIN);
		KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, i + 1));
		KUNIT_EXPECT_EQ(test, padata_go_direct(lane->ps), -EAGAIN);
		KUNIT_EXPECT_FALSE(test, padata_is_direct(lane->ps));
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, i));
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, i + 1));
		KUNIT_EXPECT_EQ(test, direct_go(lane->ps), 0);
	}
	bed_expect_clean(lane->bed);
}

/* The list is empty, but the callback has not returned. */
static void callback_not_returned_refuses_it(struct kunit *test)
{
	struct test_lane *lane = direct_lane_apart(test);
	int i;

	if (!lane)
		return;
	lane_make_serial_last(lane);
	KUNIT_EXPECT_EQ(test, direct_submit(lane, padata_do_parallel), 0);
	KUNIT_ASSERT_TRUE(test, test_wait_inside());
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_EQ(test, padata_go_direct(lane->ps), -EAGAIN);
	KUNIT_EXPECT_FALSE(test, padata_is_direct(lane->ps));
	atomic_set(&test_may_leave, 1);
	KUNIT_EXPECT_EQ(test, direct_go(lane->ps), 0);
	bed_expect_clean(lane->bed);
}

#define DIRECT_SLOW	40

static atomic_t direct_slow_over;
static atomic_t direct_attempts;

/* Where the test has failed, callbacks wait for nothing more. */
static atomic_t direct_given_up;

/* Until @v is not @old any more. */
static void direct_wait_change(atomic_t *v, int old)
{
	unsigned long until = jiffies + TEST_TIMEOUT;

	while (atomic_read(v) == old && !atomic_read(&direct_given_up) &&
	       time_before(jiffies, until))
		cpu_relax();
}

/*
 * The first one lasts until all others wait.  Each is longer than a pump keeps softirqs
 * disabled, so that the CPU settles before the next, and each sees an attempt.
 */
static void direct_slow_serial(struct test_lane *lane, u32 nr)
{
	if (!nr)
		direct_wait_change(&test_may_leave, 0);
	mdelay(1);
	direct_wait_change(&direct_attempts, atomic_read(&direct_attempts));
	atomic_inc(&direct_slow_over);
}

static bool direct_all_worked(struct test_lane *lane)
{
	unsigned long until = jiffies + TEST_TIMEOUT;
	int i, nr;

	do {
		nr = bed_inlined(lane->bed);
		for_each_possible_cpu(i)
			nr += atomic_read(&lane->bed->record.ran[i]);
		usleep_range(50, 100);
	} while (nr < DIRECT_SLOW && time_before(jiffies, until));
	return nr == DIRECT_SLOW;
}

/* The list is empty, and the CPU settles between two callbacks, but others wait there. */
static void waiting_callbacks_refuse_it(struct kunit *test)
{
	struct test_lane *lane = direct_lane(test, (struct test_load){ .window = 64 });
	unsigned long until;
	int i, err;

	if (num_online_cpus() == 1)
		return;
	atomic_set(&direct_given_up, 0);
	atomic_set(&direct_slow_over, 0);
	atomic_set(&direct_attempts, 0);
	atomic_set(&test_may_leave, 0);
	direct_move_to(test, test_online_cpu(0));
	lane->cb_cpu = test_last_cpu();
	lane->in_serial = direct_slow_serial;
	for (i = 0; i < DIRECT_SLOW; i++)
		KUNIT_EXPECT_EQ(test, direct_submit(lane, padata_do_parallel), 0);
	KUNIT_EXPECT_TRUE(test, direct_all_worked(lane));
	atomic_set(&test_may_leave, 1);
	until = jiffies + TEST_TIMEOUT;
	while ((err = padata_go_direct(lane->ps)) == -EAGAIN && time_before(jiffies, until)) {
		atomic_inc(&direct_attempts);
		usleep_range(50, 100);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&direct_slow_over), DIRECT_SLOW);
	atomic_set(&direct_given_up, 1);
	KUNIT_EXPECT_EQ(test, err, 0);
	bed_expect_clean(lane->bed);
}

/* Results came out elsewhere, and nothing has seen that CPU settle. */
static void other_cpu_not_settled_refuses_it(struct kunit *test)
{
	struct test_lane *lane = direct_lane_apart(test);
	u32 i;

	if (!lane)
		return;
	for (i = 0; i < 20; i++) {
		KUNIT_EXPECT_EQ(test, direct_submit(lane, padata_do_parallel), 0);
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, i + 1));
		KUNIT_EXPECT_EQ(test, padata_go_direct(lane->ps), -EAGAIN);
		KUNIT_EXPECT_EQ(test, direct_go(lane->ps), 0);
	}
	bed_expect_clean(lane->bed);
}

/* A stopped instance has no pump to ask: the instance, and its workqueue, may be gone. */
static void stopped_instance_is_not_asked(struct kunit *test)
{
	struct test_lane *lane = direct_lane_apart(test);
	int i;

	if (!lane)
		return;
	KUNIT_EXPECT_EQ(test, direct_submit(lane, padata_do_parallel), 0);
	KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, 1));
	padata_stop(lane->bed->pinst);
	for (i = 0; i < 20; i++) {
		KUNIT_EXPECT_EQ(test, padata_go_direct(lane->ps), -EAGAIN);
		usleep_range(1000, 2000);
	}
	KUNIT_EXPECT_EQ(test, padata_start(lane->bed->pinst), 0);
	KUNIT_EXPECT_EQ(test, direct_go(lane->ps), 0);
	bed_expect_clean(lane->bed);
}

/* Empty masks leave no CPU to settle on but those of results. */
static void masks_empty_goes_direct(struct kunit *test)
{
	struct test_lane *lane = direct_lane(test, (struct test_load){
		.window = 8, .any_cpu = true });

	bed_set_mask(lane->bed, PADATA_CPU_PARALLEL, cpu_none_mask);
	bed_set_mask(lane->bed, PADATA_CPU_SERIAL, cpu_none_mask);
	KUNIT_EXPECT_EQ(test, direct_go(lane->ps), 0);
	KUNIT_EXPECT_EQ(test, direct_submit(lane, direct_only), 0);
	KUNIT_EXPECT_EQ(test, direct_submit(lane, padata_do_inline), 0);
	KUNIT_EXPECT_FALSE(test, padata_is_direct(lane->ps));
	KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, 2));
	KUNIT_EXPECT_EQ(test, direct_go(lane->ps), 0);
	bed_expect_clean(lane->bed);
}

/* A mask that changes does not end it, and the next job goes where the mask says. */
static void mask_changed_in_direct_mode_is_seen(struct kunit *test)
{
	struct test_lane *lane = direct_lane(test, (struct test_load){
		.window = 8, .any_cpu = true });
	u32 i;
	int cpu;

	for (i = 0; i < 2 * num_online_cpus(); i++) {
		KUNIT_ASSERT_EQ(test, direct_go(lane->ps), 0);
		cpu = test_online_cpu(i);
		bed_set_mask(lane->bed, PADATA_CPU_SERIAL, cpumask_of(cpu));
		KUNIT_EXPECT_TRUE(test, padata_is_direct(lane->ps));
		KUNIT_EXPECT_EQ(test, direct_submit(lane, padata_do_parallel), 0);
		KUNIT_EXPECT_EQ(test, lane->got_cpu, cpu);
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, i + 1));
		KUNIT_EXPECT_EQ(test, lane->served_cpu, cpu);
	}
	bed_expect_clean(lane->bed);
}

/* Submitters that each keep an order of their own; every second one asks for @cpu. */
static void direct_several(struct kunit *test, const struct test_load *load, int cpu)
{
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	struct test_lane *lane;
	int i;

	for (i = 0; i < 3; i++) {
		lane = bed_lane(bed, ps, load);
		lane->cb_cpu = i % 2 ? cpu : test_last_cpu();
		lane_start(lane);
	}
	bed_expect_clean(bed);
	kunit_info(test, "%d of %u jobs were direct\n", atomic_read(&direct_nr), 3 * load->jobs);
	KUNIT_EXPECT_GT(test, atomic_read(&direct_nr), 0);
	/* Whatever CPUs the last results came out on. */
	KUNIT_EXPECT_EQ(test, direct_go(ps), 0);
}

static void several_submitters_all_direct(struct kunit *test)
{
	const struct test_load load = { .jobs = test_scale(20000), .window = 4,
					.submit = direct_only };

	direct_several(test, &load, test_last_cpu());
	KUNIT_EXPECT_EQ(test, atomic_read(&direct_nr), (int)(3 * load.jobs));
}

/* Now and then a job, although direct mode would do. */
static int direct_mostly(struct padata_shell *ps, struct padata_priv *padata, int *cb_cpu)
{
	if (atomic_inc_return(&direct_turn) % 64 < 3)
		return padata_do_parallel(ps, padata, cb_cpu);
	return direct_or_parallel(ps, padata, cb_cpu);
}

static void direct_several_both_ways(struct kunit *test, int cpu)
{
	direct_several(test, &(struct test_load){
		.jobs = test_scale(20000), .window = 4, .spin_us = 5, .percent = 20,
		.end = TEST_END_MIX, .own_memory = true, .submit = direct_mostly }, cpu);
}

static void several_submitters_both_ways(struct kunit *test)
{
	direct_several_both_ways(test, test_last_cpu());
}

/*
 * Results come out on both CPUs, and both have to settle.  It begins with direct work, whose
 * mode does not come back before the last job: the shell is not idle for long enough.
 */
static void both_ways_two_callback_cpus(struct kunit *test)
{
	atomic_set(&direct_turn, 3);
	direct_several_both_ways(test, test_online_cpu(0));
}

/* Shells are freed in either mode, with direct work just done. */
static void shells_freed_in_direct_mode(struct kunit *test)
{
	struct test_lane *lane = direct_lane(test, (struct test_load){ .window = 8 });
	u32 i;

	for (i = 0; i < 100; i++) {
		KUNIT_EXPECT_EQ(test, direct_submit(lane, direct_or_parallel), 0);
		if (i % 3 == 0)
			KUNIT_EXPECT_EQ(test, direct_submit(lane, padata_do_parallel), 0);
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, lane->submitted));
		padata_free_shell(bed_forget_shell(lane->bed, lane->ps));
		lane->ps = bed_shell(lane->bed);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&direct_nr), 100);
	bed_expect_clean(lane->bed);
}

static struct kunit_case padata_direct_cases[] = {
	KUNIT_CASE(new_shell_is_not_direct),
	KUNIT_CASE(idle_shell_goes_direct_on_every_cpu),
	KUNIT_CASE(another_shell_stays_as_it_is),
	KUNIT_CASE(direct_work_is_in_no_counter),
	KUNIT_CASE(parallel_job_ends_it),
	KUNIT_CASE(inline_job_ends_it),
	KUNIT_CASE(direct_here_is_for_one_cpu),
	KUNIT_CASE(direct_here_of_a_settled_shell_is_for_all),
	KUNIT_CASE(direct_here_ends_with_a_moved_task),
	KUNIT_CASE(refused_job_loses_nothing),
	KUNIT_CASE(job_in_flight_refuses_it),
	KUNIT_CASE(callback_not_returned_refuses_it),
	KUNIT_CASE(waiting_callbacks_refuse_it),
	KUNIT_CASE(other_cpu_not_settled_refuses_it),
	KUNIT_CASE(stopped_instance_is_not_asked),
	KUNIT_CASE(masks_empty_goes_direct),
	KUNIT_CASE(mask_changed_in_direct_mode_is_seen),
	KUNIT_CASE(several_submitters_all_direct),
	KUNIT_CASE(several_submitters_both_ways),
	KUNIT_CASE(both_ways_two_callback_cpus),
	KUNIT_CASE(shells_freed_in_direct_mode),
	{ }
};

static struct kunit_suite padata_direct_suite = {
	.name = "padata_direct",
	.init = direct_init,
	.test_cases = padata_direct_cases,
};

kunit_test_suite(padata_direct_suite);

MODULE_DESCRIPTION("KUnit: padata's direct mode");
MODULE_LICENSE("GPL");
