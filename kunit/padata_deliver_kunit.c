// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_deliver: results that serial() hands on by per-CPU means are delivered in
 * the order of submission, also where they come out on another CPU than before.
 *
 * Each case is one cause of such a change.  The CPU before is slow: the harness in
 * padata_deliver.h holds its list back.  Built once for each means, see there.
 */
#ifndef DELIVER_BY
#define DELIVER_BY	DELIVER_TASKLET
#define DELIVER_SUITE	"padata_deliver"
#endif

#include "padata_deliver.h"

#define DELIVER_ROUNDS	(TEST_SLOW ? 10 : 20)
#define DELIVER_CHANGES	(TEST_SLOW ? 12 : 24)
#define DELIVER_CYCLES	(TEST_SLOW ? 3 : 8)
#define DELIVER_MIXED	(TEST_SLOW ? 150 : 400)
#define DELIVER_FLOW	20
#define DELIVER_HELD	8000
/* Much longer than padata waits, a second at most; the test ends it before. */
#define DELIVER_LONG_US	5000000

/* Some jobs, submitted by the test's own thread. */
static const struct test_load deliver_few = { .window = 64, .any_cpu = true };

/* Goes on in a thread until the test stops it. */
static const struct test_load deliver_flow = {
	.jobs = U32_MAX, .window = 2, .spin_us = 20, .any_cpu = true };

static struct test_lane *deliver_few_lane(struct kunit *test, int cb_cpu)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = deliver_lane(bed, bed_shell(bed), &deliver_few);

	lane->cb_cpu = cb_cpu;
	return lane;
}

static struct test_lane *deliver_flow_lane(struct test_bed *bed, struct padata_shell *ps,
					   int cb_cpu)
{
	struct test_lane *lane = deliver_lane(bed, ps, &deliver_flow);

	lane->cb_cpu = cb_cpu;
	return lane;
}

/* All of the lane is delivered.  Nothing is known of the new shell. */
static void deliver_renew_shell(struct test_lane *lane)
{
	struct test_bed *bed = lane->bed;

	padata_free_shell(bed_forget_shell(bed, lane->ps));
	lane->ps = bed_shell(bed);
}

static int deliver_submit(struct test_lane *lane, typeof(padata_do_parallel) *submit)
{
	lane->load.submit = submit;
	return lane_submit(lane);
}

static int deliver_submit_on(struct test_lane *lane, int cb_cpu)
{
	lane->load.submit = padata_do_parallel;
	lane->cb_cpu = cb_cpu;
	return lane_submit(lane);
}

/* Every second round the test ends the hold, in the others it ends by itself. */
static void deliver_begin_round(int round, int slow)
{
	deliver_flush_setters();
	if (round % 2)
		deliver_set_slow(slow);
	else
		deliver_freeze(slow);
}

static void deliver_end_round(struct test_lane *lane, int slow)
{
	deliver_thaw(slow);
	KUNIT_ASSERT_TRUE(lane->bed->test, deliver_wait_all(lane));
}

/* ---- callback CPUs by turns ---- */

/*
 * A shell with one order for all callback CPUs: each second job asks for another one, and
 * the results of both are held by turns.
 */
static void total_order_of_callback_cpus(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, test_last_cpu());
	const int cpus[] = { test_online_cpu(0), test_last_cpu() };
	int i;

	padata_set_total_order(lane->ps);
	for (i = 0; i < DELIVER_ROUNDS; i++) {
		deliver_begin_round(i, cpus[i / 2 % 2]);
		KUNIT_EXPECT_EQ(test, deliver_submit_on(lane, cpus[i / 2 % 2]), 0);
		KUNIT_EXPECT_EQ(test, deliver_submit_on(lane, cpus[1 - i / 2 % 2]), 0);
		KUNIT_EXPECT_EQ(test, deliver_submit_on(lane, cpus[1 - i / 2 % 2]), 0);
		deliver_end_round(lane, cpus[i / 2 % 2]);
	}
	deliver_expect_in_order(lane->bed);
	if (num_online_cpus() > 1)
		deliver_expect_switches(lane, DELIVER_ROUNDS);
}

/* ---- direct jobs ---- */

/* A new shell that knows the mapping of its callback CPU, and is direct. */
static void deliver_direct_shell(struct test_lane *lane)
{
	unsigned long until = jiffies + TEST_TIMEOUT;

	deliver_renew_shell(lane);
	KUNIT_ASSERT_EQ(lane->bed->test, deliver_submit(lane, padata_do_parallel), 0);
	KUNIT_ASSERT_TRUE(lane->bed->test, deliver_wait_all(lane));
	while (padata_go_direct(lane->ps) && time_before(jiffies, until))
		usleep_range(50, 100);
}

/* In one section with softirqs disabled, as in one softirq. */
static void deliver_direct_then_parallel(struct test_lane *lane)
{
	int i, err;

	local_bh_disable();
	err = deliver_submit(lane, direct_only);
	err = err ?: deliver_submit(lane, direct_only);
	for (i = 0; i < 2; i++)
		err = err ?: deliver_submit(lane, padata_do_parallel);
	local_bh_enable();
	KUNIT_EXPECT_EQ(lane->bed->test, err, 0);
}

static void direct_then_parallel(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, test_last_cpu());
	int i, here = test_online_cpu(0);

	if (num_online_cpus() == 1)
		return;
	deliver_go_to(test, here);
	for (i = 0; i < DELIVER_ROUNDS; i++) {
		deliver_direct_shell(lane);
		deliver_begin_round(i, here);
		deliver_direct_then_parallel(lane);
		deliver_end_round(lane, here);
	}
	deliver_expect_in_order(lane->bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&direct_nr), 2 * DELIVER_ROUNDS);
	deliver_expect_switches(lane, DELIVER_ROUNDS);
}

/*
 * The submitter has left the CPU on which its result waits.  Its priority keeps
 * what delivers there from getting in between.
 */
static void direct_then_parallel_elsewhere(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, test_online_cpu(0));
	int i, there = test_last_cpu();

	if (num_online_cpus() == 1)
		return;
	set_user_nice(current, MIN_NICE);
	for (i = 0; i < DELIVER_ROUNDS; i++) {
		deliver_direct_shell(lane);
		deliver_go_to(test, there);
		deliver_begin_round(i, there);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, direct_only), 0);
		deliver_go_to(test, lane->cb_cpu);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		deliver_end_round(lane, there);
	}
	deliver_expect_in_order(lane->bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&direct_nr), DELIVER_ROUNDS);
	deliver_expect_switches(lane, DELIVER_ROUNDS);
}

/*
 * Another submitter is the last one to do a direct job, on the callback CPU, and the
 * one whose result is held elsewhere goes on there with a job.
 */
static void direct_on_two_cpus_then_parallel(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, test_online_cpu(0));
	struct test_lane *other = deliver_lane(lane->bed, lane->ps, &deliver_few);
	int i, there = test_last_cpu();

	if (num_online_cpus() == 1)
		return;
	set_user_nice(current, MIN_NICE);
	for (i = 0; i < DELIVER_ROUNDS; i++) {
		deliver_direct_shell(lane);
		other->ps = lane->ps;
		deliver_go_to(test, there);
		deliver_begin_round(i, there);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, direct_only), 0);
		deliver_go_to(test, lane->cb_cpu);
		KUNIT_EXPECT_EQ(test, deliver_submit(other, direct_only), 0);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		deliver_end_round(lane, there);
		KUNIT_ASSERT_TRUE(test, deliver_wait_all(other));
	}
	deliver_expect_in_order(lane->bed);
	deliver_expect_switches(lane, DELIVER_ROUNDS);
}

/* As soon as the callback has returned, so that nothing of the shell is in flight. */
static void parallel_then_direct(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, test_last_cpu());
	int i;

	if (num_online_cpus() == 1)
		return;
	deliver_go_to(test, test_online_cpu(0));
	for (i = 0; i < DELIVER_ROUNDS; i++) {
		deliver_renew_shell(lane);
		deliver_begin_round(i, lane->cb_cpu);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		deliver_spin_until_put(lane, lane->submitted);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, deliver_soon_direct_or_parallel), 0);
		deliver_end_round(lane, lane->cb_cpu);
	}
	deliver_expect_in_order(lane->bed);
}

/* The queues of the callback CPU are empty, and the shell asks only its pump. */
static void parallel_then_direct_after_delivery(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, test_last_cpu());
	unsigned long until;
	int i;

	deliver_go_to(test, test_online_cpu(0));
	for (i = 0; i < DELIVER_ROUNDS; i++) {
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		KUNIT_ASSERT_TRUE(test, deliver_wait_all(lane));
		until = jiffies + TEST_TIMEOUT;
		while (padata_go_direct(lane->ps) && time_before(jiffies, until))
			usleep_range(50, 100);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, direct_only), 0);
		KUNIT_ASSERT_TRUE(test, deliver_wait_all(lane));
	}
	deliver_expect_in_order(lane->bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&direct_nr), DELIVER_ROUNDS);
}

/*
 * The callback CPU settles for a shell that has become idle, and meanwhile another
 * result of it comes out there: only one that was there before is known to have left.
 */
static void result_while_callback_cpu_settles(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, test_last_cpu());
	int i, refused = 0;

	if (num_online_cpus() == 1)
		return;
	deliver_go_to(test, test_online_cpu(0));
	for (i = 0; i < DELIVER_ROUNDS; i++) {
		deliver_renew_shell(lane);
		deliver_set_slow(lane->cb_cpu);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		deliver_spin_until_put(lane, lane->submitted);
		/* Has the CPU settle after the last result of each batch from now on. */
		refused += padata_go_direct(lane->ps) == -EAGAIN;
		KUNIT_ASSERT_TRUE(test, deliver_wait_all(lane));
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		deliver_spin_until_put(lane, lane->submitted);
		/* Before the hold is over: a timer may come too late. */
		mdelay(1);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		deliver_spin_until_put(lane, lane->submitted);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, deliver_soon_direct_or_parallel), 0);
		deliver_end_round(lane, lane->cb_cpu);
	}
	deliver_expect_in_order(lane->bed);
	KUNIT_EXPECT_GT(test, refused, 0);
}

static int deliver_direct_here(struct padata_shell *ps, struct padata_priv *padata,
			       int *cb_cpu)
{
	int err;

	local_bh_disable();
	err = padata_go_direct_here(ps);
	if (!err) {
		direct_do(container_of(padata, struct test_job, padata));
		padata_direct_done(ps);
	}
	local_bh_enable();
	return err;
}

/*
 * On the callback CPU, while results of jobs wait there.  Another submitter of the shell,
 * whose result is among them, is on another CPU.
 */
static void parallel_then_direct_here(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, test_last_cpu());
	struct test_lane *other = deliver_lane(lane->bed, lane->ps, &deliver_few);
	int i, nr = 0;

	if (num_online_cpus() == 1)
		return;
	other->cb_cpu = lane->cb_cpu;
	set_user_nice(current, MIN_NICE);
	for (i = 0; i < DELIVER_ROUNDS; i++) {
		deliver_renew_shell(lane);
		other->ps = lane->ps;
		deliver_go_to(test, test_online_cpu(0));
		deliver_begin_round(i, lane->cb_cpu);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		KUNIT_EXPECT_EQ(test, deliver_submit(other, padata_do_parallel), 0);
		deliver_spin_until_put(other, other->submitted);
		deliver_go_to(test, lane->cb_cpu);
		nr += !deliver_submit(lane, deliver_direct_here);
		deliver_go_to(test, test_online_cpu(0));
		KUNIT_EXPECT_EQ(test, deliver_submit(other, deliver_soon_direct_or_parallel), 0);
		deliver_end_round(lane, lane->cb_cpu);
		KUNIT_ASSERT_TRUE(test, deliver_wait_all(other));
	}
	deliver_expect_in_order(lane->bed);
	KUNIT_EXPECT_GT(test, nr, 0);
}

/* A submitter that moves while its direct results wait has no order, with or without. */
static void deliver_direct_mixed_step(struct kunit *test, struct test_lane *lane)
{
	u32 dice = prandom_u32_state(&lane->rnd);

	if (!(dice & 7)) {
		KUNIT_ASSERT_TRUE(test, deliver_wait_all(lane));
		deliver_go_to(test, test_online_cpu(dice >> 16));
	}
	deliver_set_slow(dice & BIT(3) ? raw_smp_processor_id() : lane->cb_cpu);
	if (dice & BIT(4))
		deliver_spin_until_put(lane, lane->submitted);
	if (!(dice >> 5 & 15))
		KUNIT_ASSERT_TRUE(test, deliver_wait_all(lane));
	KUNIT_ASSERT_TRUE(test, lane_wait_window(lane));
	KUNIT_EXPECT_EQ(test, deliver_submit(lane, dice & BIT(9) ? padata_do_parallel :
					     deliver_soon_direct_or_parallel), 0);
}

static void direct_and_parallel_mixed(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, test_last_cpu());
	int i;

	deliver_go_to(test, test_online_cpu(0));
	for (i = 0; i < DELIVER_MIXED; i++)
		deliver_direct_mixed_step(test, lane);
	deliver_expect_in_order(lane->bed);
	KUNIT_EXPECT_GT(test, atomic_read(&direct_nr), 0);
}

/* ---- masks ---- */

/* The first and the last CPU in turn, and a third one where there is one. */
static int deliver_mask_cpu(int i)
{
	return i % 4 == 2 ? test_online_cpu(1) : i % 2 ? test_last_cpu() : test_online_cpu(0);
}

/* The mask changes while results of the CPU before are held. */
static void deliver_change_mask(struct test_lane *lane, int round, int slow,
				const struct cpumask *mask)
{
	KUNIT_ASSERT_TRUE(lane->bed->test, deliver_wait_more(lane, DELIVER_FLOW));
	deliver_begin_round(round, slow);
	deliver_wait_held(slow);
	deliver_publish(lane->bed, PADATA_CPU_SERIAL, mask);
	deliver_thaw(slow);
}

/* Jobs flow and the mask goes from CPU to CPU. */
static void deliver_change_masks(struct test_lane *lane)
{
	int i;

	bed_set_mask(lane->bed, PADATA_CPU_SERIAL, cpumask_of(deliver_mask_cpu(0)));
	for (i = 0; i < DELIVER_CHANGES; i++)
		deliver_change_mask(lane, i, deliver_mask_cpu(i),
				    cpumask_of(deliver_mask_cpu(i + 1)));
	KUNIT_EXPECT_TRUE(lane->bed->test, deliver_wait_more(lane, DELIVER_FLOW));
	deliver_expect_in_order(lane->bed);
	if (num_online_cpus() > 1)
		deliver_expect_switches(lane, DELIVER_CHANGES / 2);
}

static void serial_mask_changes(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = deliver_flow_lane(bed, bed_shell(bed), 0);

	lane_start(lane);
	deliver_change_masks(lane);
}

static void serial_mask_changes_asynchronous(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = deliver_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = U32_MAX, .window = 16, .spin_us = 20, .any_cpu = true,
		.percent = 50, .end = TEST_END_MIX });

	lane_start(lane);
	deliver_change_masks(lane);
}

/* Several changes before the first of their results has come out. */
static void serial_mask_changes_in_a_row(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, 0);
	int i, k, slow = deliver_mask_cpu(1);

	for (i = 0; i < DELIVER_ROUNDS; i++) {
		deliver_publish(lane->bed, PADATA_CPU_SERIAL, cpumask_of(slow));
		deliver_begin_round(i, slow);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		deliver_wait_held(slow);
		for (k = 2; k < 5; k++) {
			deliver_publish(lane->bed, PADATA_CPU_SERIAL,
					cpumask_of(deliver_mask_cpu(k)));
			KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		}
		deliver_end_round(lane, slow);
	}
	deliver_expect_in_order(lane->bed);
}

/* The parallel mask has no say in where results come out. */
static void parallel_mask_changes(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = deliver_flow_lane(bed, bed_shell(bed), test_last_cpu());
	int i;

	lane_start(lane);
	deliver_set_slow(lane->cb_cpu);
	for (i = 0; i < DELIVER_CHANGES; i++) {
		KUNIT_ASSERT_TRUE(test, deliver_wait_more(lane, DELIVER_FLOW));
		deliver_publish(bed, PADATA_CPU_PARALLEL, cpumask_of(deliver_mask_cpu(i)));
	}
	deliver_expect_in_order(bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&deliver_stream(lane)->switches), 0);
}

/* Where no CPU of the mask was online nothing was accepted, until there is another. */
static void empty_serial_mask_refilled(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, 0);
	int i, slow;

	for (i = 0; i < DELIVER_ROUNDS; i++) {
		slow = deliver_mask_cpu(i);
		deliver_publish(lane->bed, PADATA_CPU_SERIAL, cpumask_of(slow));
		deliver_begin_round(i, slow);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		deliver_wait_held(slow);
		deliver_publish(lane->bed, PADATA_CPU_SERIAL, cpu_none_mask);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), -EINVAL);
		deliver_publish(lane->bed, PADATA_CPU_SERIAL,
				cpumask_of(deliver_mask_cpu(i + 1)));
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		deliver_end_round(lane, slow);
	}
	deliver_expect_in_order(lane->bed);
}

/* One that is served meanwhile comes out on any CPU: here on the one asked for. */
static void empty_serial_mask_inline(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, test_last_cpu());
	int i, slow = test_online_cpu(0);

	for (i = 0; i < DELIVER_ROUNDS; i++) {
		deliver_publish(lane->bed, PADATA_CPU_SERIAL, cpumask_of(slow));
		deliver_begin_round(i, slow);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		deliver_wait_held(slow);
		deliver_publish(lane->bed, PADATA_CPU_SERIAL, cpu_none_mask);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_inline), 0);
		deliver_end_round(lane, slow);
	}
	deliver_expect_in_order(lane->bed);
	if (num_online_cpus() > 1)
		deliver_expect_switches(lane, DELIVER_ROUNDS);
}

/* ---- stop and start ---- */

/* No callback is running when the instance has stopped, but results may wait. */
static void stop_and_start_with_new_mask(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, 0);
	struct test_bed *bed = lane->bed;
	int i, slow;

	for (i = 0; i < DELIVER_ROUNDS; i++) {
		slow = deliver_mask_cpu(i);
		deliver_publish(bed, PADATA_CPU_SERIAL, cpumask_of(slow));
		deliver_begin_round(i, slow);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		padata_stop(bed->pinst);
		deliver_publish(bed, PADATA_CPU_SERIAL, cpumask_of(deliver_mask_cpu(i + 1)));
		KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), 0);
		KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
		deliver_end_round(lane, slow);
	}
	deliver_expect_in_order(bed);
}

/* ---- CPUs that go and come ---- */

static int deliver_plugged_cpu;
static int (*deliver_before_it_goes)(struct test_lane *lane);
static struct test_lane *deliver_going_lane;
static u32 deliver_nr_released;

static void deliver_unplug(struct test_waiter *waiter)
{
	KUNIT_EXPECT_EQ(waiter->bed->test, remove_cpu(deliver_plugged_cpu), 0);
}

static void deliver_plug(struct test_waiter *waiter)
{
	KUNIT_EXPECT_EQ(waiter->bed->test, add_cpu(deliver_plugged_cpu), 0);
}

/* Number of results that deliver_next() and deliver_next_direct() have begun. */
static u32 deliver_nr_begun(struct test_lane *lane)
{
	return lane->load.end == TEST_END_HELD ? deliver_nr_released : lane->submitted;
}

/* The next result: of a new job, or of one of those that are held. */
static int deliver_next(struct test_lane *lane)
{
	if (lane->load.end == TEST_END_HELD)
		return lane_release_job(lane, deliver_nr_released++) ? 0 : -ENOENT;
	return deliver_submit(lane, padata_do_parallel);
}

/* The last job waits for deliver_next(). */
static bool deliver_is_waiting(struct test_lane *lane)
{
	struct test_job *job = &lane->pool[(lane->submitted - 1) % lane->nr_pool];

	return atomic_read(&job->stage) == TEST_HELD;
}

static int deliver_next_direct(struct test_lane *lane)
{
	return deliver_submit(lane, direct_only);
}

/*
 * A result is held on the CPU that goes when the mapping changes.  This thread comes
 * before the one that delivers here, which takes the CPU for the time of the hold.
 */
static void deliver_hold_one(struct test_lane *lane, int cpu)
{
	int i;

	deliver_freeze(cpu);
	if (deliver_before_it_goes(lane))
		atomic_inc(&lane->bed->record.doubles);
	set_user_nice(current, MIN_NICE);
	for (i = 0; i < 200 && (u32)atomic_read(&lane->done) != deliver_nr_begun(lane); i++)
		usleep_range(50, 100);
}

/*
 * On the CPU that goes, right before padata is told: states that were added later
 * are left earlier.
 */
static int deliver_cpu_goes(unsigned int cpu)
{
	struct test_lane *lane = READ_ONCE(deliver_going_lane);

	if (lane && cpu == deliver_plugged_cpu)
		deliver_hold_one(lane, cpu);
	WRITE_ONCE(deliver_going, cpu);
	return 0;
}

static int deliver_cpu_comes(unsigned int cpu)
{
	WRITE_ONCE(deliver_going, -1);
	set_user_nice(current, 0);
	return 0;
}

static void deliver_no_cpu_goes(void *state)
{
	cpuhp_remove_state_nocalls((long)state);
}

/* As test_pluggable_cpu(), whose CPU is online again before the state is removed. */
static int deliver_pluggable_cpu(struct kunit *test)
{
	long state;

	if (num_online_cpus() == 1)
		return -1;
	state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "padata_test:online",
					  deliver_cpu_comes, deliver_cpu_goes);
	KUNIT_ASSERT_GT(test, state, 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, deliver_no_cpu_goes,
							(void *)state), 0);
	deliver_plugged_cpu = test_pluggable_cpu(test);
	return deliver_plugged_cpu;
}

/* A change of the mapping: @call makes it, in a work item. */
struct deliver_change {
	struct test_bed		*bed;
	struct test_waiter	*waiter;
	unsigned long		before;
};

static void deliver_start_change(struct deliver_change *change, struct test_bed *bed,
				 void (*call)(struct test_waiter *waiter))
{
	change->bed = bed;
	change->before = bed_counter(bed, "mask_changes");
	change->waiter = bed_waiter(bed, call);
	test_waiter_start(change->waiter);
}

static bool deliver_is_changed(struct deliver_change *change)
{
	usleep_range(10, 20);
	return bed_counter(change->bed, "mask_changes") != change->before ||
	       completion_done(&change->waiter->over);
}

static void deliver_end_change(struct deliver_change *change)
{
	KUNIT_ASSERT_TRUE(change->bed->test, test_waiter_is_over(change->waiter));
}

/* The first result under the new mapping, once it is put or has waited for the hold. */
static void deliver_after_change(struct test_lane *lane, int slow)
{
	KUNIT_ASSERT_EQ(lane->bed->test, deliver_next(lane), 0);
	deliver_thaw(slow);
	KUNIT_ASSERT_TRUE(lane->bed->test, deliver_wait(lane, deliver_nr_begun(lane)));
}

static void deliver_remove_cpu(struct test_lane *lane)
{
	struct deliver_change change;

	WRITE_ONCE(deliver_going_lane, lane);
	deliver_start_change(&change, lane->bed, deliver_unplug);
	while (!deliver_is_changed(&change))
		;
	WRITE_ONCE(deliver_going_lane, NULL);
	deliver_after_change(lane, deliver_plugged_cpu);
	deliver_end_change(&change);
}

/* At any time one result is held on the CPU that is the substitute. */
static void deliver_add_cpu(struct test_lane *lane)
{
	struct deliver_stream *stream = deliver_stream(lane);
	struct deliver_change change;
	int slow = READ_ONCE(stream->cpu);

	deliver_freeze(slow);
	deliver_start_change(&change, lane->bed, deliver_plug);
	while (!deliver_is_changed(&change)) {
		if ((u32)atomic_read(&stream->delivered) != deliver_nr_begun(lane))
			continue;
		KUNIT_ASSERT_EQ(lane->bed->test, deliver_next(lane), 0);
		deliver_spin_until_put(lane, deliver_nr_begun(lane));
	}
	deliver_after_change(lane, slow);
	deliver_end_change(&change);
}

/* Results of the CPU that goes are held, or those of its substitute when it comes. */
static void deliver_cycle_cpu(struct test_lane *lane, bool goes)
{
	struct kunit *test = lane->bed->test;

	if (goes) {
		deliver_remove_cpu(lane);
		KUNIT_ASSERT_EQ(test, add_cpu(deliver_plugged_cpu), 0);
		return;
	}
	KUNIT_ASSERT_EQ(test, remove_cpu(deliver_plugged_cpu), 0);
	KUNIT_ASSERT_EQ(test, deliver_next(lane), 0);
	KUNIT_ASSERT_TRUE(test, deliver_wait(lane, deliver_nr_begun(lane)));
	deliver_add_cpu(lane);
}

static void deliver_cycle_cpus(struct test_lane *lane, bool goes)
{
	struct kunit *test = lane->bed->test;
	int i;

	deliver_before_it_goes = deliver_next;
	deliver_nr_released = 0;
	deliver_go_to(test, test_online_cpu(0));
	for (i = 0; i < DELIVER_CYCLES; i++)
		deliver_cycle_cpu(lane, goes);
	bed_unhold(lane->bed);
	deliver_expect_in_order(lane->bed);
	deliver_expect_switches(lane, DELIVER_CYCLES);
}

static void callback_cpu_goes(struct kunit *test)
{
	int cpu = deliver_pluggable_cpu(test);

	if (cpu >= 0)
		deliver_cycle_cpus(deliver_few_lane(test, cpu), true);
}

static void callback_cpu_comes(struct kunit *test)
{
	int cpu = deliver_pluggable_cpu(test);

	if (cpu >= 0)
		deliver_cycle_cpus(deliver_few_lane(test, cpu), false);
}

/* Thousands of jobs that have their callback CPU already, and none is done. */
static struct test_lane *deliver_held_lane(struct test_bed *bed, int cpu)
{
	struct test_lane *lane = deliver_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = DELIVER_HELD, .any_cpu = true, .percent = 100, .end = TEST_END_HELD,
		.submit = padata_do_inline });

	lane->cb_cpu = cpu;
	lane_run(lane);
	return lane;
}

/* The queue of the CPU goes to another pump with all its jobs, and comes back. */
static void callback_cpu_goes_jobs_in_flight(struct kunit *test)
{
	int cpu = deliver_pluggable_cpu(test);

	if (cpu >= 0)
		deliver_cycle_cpus(deliver_held_lane(bed_make(test), cpu), true);
}

static void callback_cpu_comes_jobs_in_flight(struct kunit *test)
{
	int cpu = deliver_pluggable_cpu(test);

	if (cpu >= 0)
		deliver_cycle_cpus(deliver_held_lane(bed_make(test), cpu), false);
}

/* Ends held jobs, one after the other. */
static int deliver_releaser(void *arg)
{
	struct test_lane *lane = arg;
	u32 nr;

	for (nr = 0; nr < lane->submitted && !kthread_should_stop(); nr++) {
		lane_release_job(lane, nr);
		usleep_range(100, 150);
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

static void deliver_start_thread(struct test_lane *lane, int (*func)(void *arg), void *arg)
{
	struct task_struct *thread = kthread_run(func, arg, "padata_test/%u", lane->id);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(lane->bed->test, thread);
	lane->thread = thread;
}

/* The queue of a CPU that is gone follows the mask, with all its jobs. */
static void callback_cpu_gone_mask_changes(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	int i, cpu = deliver_pluggable_cpu(test);
	struct test_lane *lane;

	if (num_online_cpus() < 3)
		return;
	lane = deliver_held_lane(bed, cpu);
	deliver_start_thread(lane, deliver_releaser, lane);
	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	bed_set_mask(bed, PADATA_CPU_SERIAL, cpumask_of(deliver_mask_cpu(0)));
	for (i = 0; i < DELIVER_CHANGES; i++)
		deliver_change_mask(lane, i, deliver_mask_cpu(i),
				    cpumask_of(deliver_mask_cpu(i + 1)));
	bed_stop_lanes(bed);
	bed_unhold(bed);
	deliver_expect_in_order(bed);
	deliver_expect_switches(lane, DELIVER_CHANGES / 2);
}

/* Results of the CPU before are held until the mapping has changed. */
static void deliver_switch_cpu(struct test_lane *lane, void (*call)(struct test_waiter *waiter))
{
	struct kunit *test = lane->bed->test;
	struct deliver_change change;
	int slow;

	KUNIT_ASSERT_TRUE(test, deliver_wait_more(lane, DELIVER_FLOW));
	slow = READ_ONCE(deliver_stream(lane)->cpu);
	deliver_freeze(slow);
	deliver_start_change(&change, lane->bed, call);
	while (!deliver_is_changed(&change))
		;
	deliver_thaw(slow);
	deliver_end_change(&change);
}

/* Jobs flow all the time on shells of their own, with and without direct mode. */
static void callback_cpu_goes_and_comes_under_load(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	int i, cpu = deliver_pluggable_cpu(test);
	struct test_lane *lane = NULL;

	if (cpu < 0)
		return;
	deliver_go_to(test, test_online_cpu(0));
	for (i = 0; i < 3; i++) {
		lane = deliver_flow_lane(bed, bed_shell(bed), cpu);
		lane->load.submit = i ? padata_do_parallel : deliver_direct_mostly;
		lane_start(lane);
	}
	for (i = 0; i < 2 * DELIVER_CYCLES; i++)
		deliver_switch_cpu(lane, i % 2 ? deliver_plug : deliver_unplug);
	deliver_expect_in_order(bed);
	deliver_expect_switches(lane, DELIVER_CYCLES);
}

/* Direct work is done, and a job with the same callback CPU is not done yet. */
static int deliver_next_direct_then_held(struct test_lane *lane)
{
	int err = deliver_submit(lane, direct_only);
	int i;

	deliver_nr_released++;
	lane->load.percent = 100;
	lane->load.end = TEST_END_HELD;
	err = err ?: deliver_submit(lane, padata_do_parallel);
	for (i = 0; i < 200 && !deliver_is_waiting(lane); i++)
		usleep_range(50, 100);
	return err;
}

/*
 * Direct work on the CPU that goes, which is the callback CPU, too: its queue goes to
 * another pump, and none of the queue's own results waits here.
 */
static void direct_then_parallel_callback_cpu_goes(struct kunit *test)
{
	int i, cpu = deliver_pluggable_cpu(test);
	struct test_lane *lane;

	if (cpu < 0)
		return;
	lane = deliver_few_lane(test, cpu);
	bed_set_mask(lane->bed, PADATA_CPU_PARALLEL, cpumask_of(test_online_cpu(0)));
	deliver_before_it_goes = deliver_next_direct_then_held;
	deliver_nr_released = 0;
	deliver_go_to(test, test_online_cpu(0));
	for (i = 0; i < DELIVER_CYCLES; i++) {
		deliver_renew_shell(lane);
		lane->load.percent = 0;
		lane->load.end = TEST_END_PARALLEL;
		deliver_remove_cpu(lane);
		KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
	}
	deliver_expect_in_order(lane->bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&direct_nr), DELIVER_CYCLES);
	deliver_expect_switches(lane, DELIVER_CYCLES);
}

/* The submitter of direct jobs was on the CPU that goes. */
static void direct_then_parallel_cpu_goes(struct kunit *test)
{
	int i, cpu = deliver_pluggable_cpu(test);
	struct test_lane *lane;

	if (cpu < 0)
		return;
	lane = deliver_few_lane(test, test_online_cpu(0));
	deliver_before_it_goes = deliver_next_direct;
	deliver_go_to(test, test_online_cpu(0));
	for (i = 0; i < DELIVER_CYCLES; i++) {
		deliver_renew_shell(lane);
		deliver_remove_cpu(lane);
		KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
	}
	deliver_expect_in_order(lane->bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&direct_nr), DELIVER_CYCLES);
}

/* ---- several submitters, several callback CPUs ---- */

/* On one shell, each on a CPU of its own; each has an order of its own. */
static void several_submitters(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	struct test_lane *lanes[3];
	int i;

	for (i = 0; i < ARRAY_SIZE(lanes); i++) {
		lanes[i] = deliver_flow_lane(bed, ps, test_last_cpu());
		lanes[i]->load.window = 2;
		lanes[i]->load.submit = deliver_direct_mostly;
		lane_start(lanes[i]);
		KUNIT_EXPECT_EQ(test, set_cpus_allowed_ptr(lanes[i]->thread,
							   cpumask_of(test_online_cpu(i))), 0);
	}
	deliver_change_masks(lanes[0]);
}

static DEFINE_SPINLOCK(deliver_lock);

/* One of several that submit to a lane in turn. */
static int deliver_sharer(void *arg)
{
	struct test_lane *lane = arg;

	while (!kthread_should_stop()) {
		spin_lock_bh(&deliver_lock);
		if (lane_in_flight(lane) < lane->nr_pool)
			lane_submit(lane);
		spin_unlock_bh(&deliver_lock);
		usleep_range(100, 300);
	}
	return 0;
}

/* With a lock around each submission there is one order for all. */
static void several_submitters_locked(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *threads[3], *lane;
	int i;

	lane = deliver_flow_lane(bed, bed_shell(bed), test_last_cpu());
	lane->load.submit = deliver_direct_mostly;
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		threads[i] = deliver_flow_lane(bed, lane->ps, 0);
		deliver_start_thread(threads[i], deliver_sharer, lane);
		KUNIT_EXPECT_EQ(test, set_cpus_allowed_ptr(threads[i]->thread,
							   cpumask_of(test_online_cpu(i))), 0);
	}
	deliver_change_masks(lane);
	KUNIT_EXPECT_GT(test, atomic_read(&direct_nr), 0);
}

/* One shell and a stream for each CPU, also for one that does not exist. */
static void several_callback_cpus(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	int i, n = min(num_online_cpus(), 6U);
	struct test_lane *lane;

	for (i = 0; i <= n; i++) {
		lane = deliver_flow_lane(bed, ps, i < n ? test_online_cpu(i) : nr_cpu_ids + 1);
		lane->load.window = 4;
		lane_start(lane);
	}
	list_for_each_entry(lane, &bed->lanes, node)
		if (lane->cb_cpu == test_online_cpu(n - 1))
			break;
	for (i = 0; i < DELIVER_CHANGES; i++)
		deliver_change_mask(lane, i / 2, i % 2 ? test_online_cpu(0) : lane->cb_cpu,
				    i % 2 ? cpu_possible_mask : cpumask_of(test_online_cpu(0)));
	deliver_expect_in_order(bed);
	if (num_online_cpus() > 1)
		deliver_expect_switches(lane, DELIVER_CHANGES / 2);
}

/* A job of another stream of the shell comes between direct work and the next job. */
static void direct_then_parallel_of_another_cpu(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, test_last_cpu());
	struct test_lane *other = deliver_lane(lane->bed, lane->ps, &deliver_few);
	int i, err, here = test_online_cpu(0);

	if (num_online_cpus() == 1)
		return;
	other->cb_cpu = test_online_cpu(1);
	deliver_go_to(test, here);
	for (i = 0; i < DELIVER_ROUNDS; i++) {
		deliver_renew_shell(lane);
		other->ps = lane->ps;
		deliver_begin_round(i, here);
		local_bh_disable();
		err = deliver_submit(lane, direct_only);
		err = err ?: deliver_submit(other, padata_do_parallel);
		err = err ?: deliver_submit(lane, padata_do_parallel);
		local_bh_enable();
		KUNIT_EXPECT_EQ(test, err, 0);
		deliver_end_round(lane, here);
		KUNIT_ASSERT_TRUE(test, deliver_wait_all(other));
	}
	deliver_expect_in_order(lane->bed);
	deliver_expect_switches(lane, DELIVER_ROUNDS);
}

/* ---- a CPU that does not get to deliver ---- */

/* The stream goes on before the hold of its CPU is over. */
static void deliver_expect_bounded(struct test_lane *lane, int slow)
{
	struct kunit *test = lane->bed->test;

	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, lane->submitted));
	KUNIT_EXPECT_TRUE_MSG(test, deliver_is_held(&deliver_cpus[slow]),
			      "results have waited for all of the hold");
	deliver_end_round(lane, slow);
	bed_expect_clean(lane->bed);
}

static void deliver_hold_for_long(int slow)
{
	WRITE_ONCE(deliver_hold_us, DELIVER_LONG_US);
	WRITE_ONCE(deliver_slow, slow);
}

static void wait_for_callback_cpu_ends(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, 0);
	int slow = test_last_cpu();

	if (num_online_cpus() == 1 || !DELIVER_BY_SOFTIRQ)
		return;
	deliver_go_to(test, test_online_cpu(0));
	deliver_publish(lane->bed, PADATA_CPU_SERIAL, cpumask_of(slow));
	deliver_hold_for_long(slow);
	KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
	deliver_wait_held(slow);
	deliver_publish(lane->bed, PADATA_CPU_SERIAL, cpumask_of(test_online_cpu(0)));
	KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
	deliver_expect_bounded(lane, slow);
}

static void wait_for_submitters_cpu_ends(struct kunit *test)
{
	struct test_lane *lane = deliver_few_lane(test, test_online_cpu(0));
	int slow = test_last_cpu();

	if (num_online_cpus() == 1 || !DELIVER_BY_SOFTIRQ)
		return;
	deliver_go_to(test, slow);
	deliver_hold_for_long(slow);
	KUNIT_EXPECT_EQ(test, deliver_submit(lane, direct_only), 0);
	deliver_go_to(test, test_online_cpu(0));
	KUNIT_EXPECT_EQ(test, deliver_submit(lane, padata_do_parallel), 0);
	deliver_expect_bounded(lane, slow);
}

static struct kunit_case deliver_cases[] = {
	KUNIT_CASE(total_order_of_callback_cpus),
	KUNIT_CASE(direct_then_parallel),
	KUNIT_CASE(direct_then_parallel_elsewhere),
	KUNIT_CASE(direct_then_parallel_of_another_cpu),
	KUNIT_CASE(direct_on_two_cpus_then_parallel),
	KUNIT_CASE(parallel_then_direct),
	KUNIT_CASE(parallel_then_direct_after_delivery),
	KUNIT_CASE(result_while_callback_cpu_settles),
	KUNIT_CASE(parallel_then_direct_here),
	KUNIT_CASE(direct_and_parallel_mixed),
	KUNIT_CASE(serial_mask_changes),
	KUNIT_CASE(serial_mask_changes_asynchronous),
	KUNIT_CASE(serial_mask_changes_in_a_row),
	KUNIT_CASE(parallel_mask_changes),
	KUNIT_CASE(empty_serial_mask_refilled),
	KUNIT_CASE(empty_serial_mask_inline),
	KUNIT_CASE(stop_and_start_with_new_mask),
	KUNIT_CASE(callback_cpu_goes),
	KUNIT_CASE(callback_cpu_comes),
	KUNIT_CASE(callback_cpu_goes_jobs_in_flight),
	KUNIT_CASE(callback_cpu_comes_jobs_in_flight),
	KUNIT_CASE(callback_cpu_goes_and_comes_under_load),
	KUNIT_CASE(callback_cpu_gone_mask_changes),
	KUNIT_CASE(direct_then_parallel_cpu_goes),
	KUNIT_CASE(direct_then_parallel_callback_cpu_goes),
	KUNIT_CASE(several_submitters),
	KUNIT_CASE(several_submitters_locked),
	KUNIT_CASE(several_callback_cpus),
	KUNIT_CASE(wait_for_callback_cpu_ends),
	KUNIT_CASE(wait_for_submitters_cpu_ends),
	{}
};

static struct kunit_suite deliver_suite = {
	.name = DELIVER_SUITE,
	.suite_init = deliver_suite_init,
	.suite_exit = deliver_suite_exit,
	.init = deliver_init,
	.exit = deliver_exit,
	.test_cases = deliver_cases,
};

kunit_test_suite(deliver_suite);

MODULE_DESCRIPTION("KUnit: padata's results are delivered in order");
MODULE_LICENSE("GPL");
