// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_pump: the pumps serve all that they are given, in turn and in bounded
 * stretches, and wake each other when it has to be.
 *
 * An emulator may stop any CPU at any time, so what depends on the speed of two
 * CPUs gets a few rounds, of which one, or most, have to be good.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/rcupdate.h>
#include <linux/sched/clock.h>
#include <linux/smp.h>

#include "padata_test.h"

#define PUMP_ROUNDS	5

/* Rounds on beds of their own; true when @wanted of them were good. */
static bool pump_rounds(struct kunit *test, bool (*round)(struct test_bed *bed), int wanted)
{
	struct test_bed *bed;
	int i, good = 0;

	for (i = 0; i < PUMP_ROUNDS && good < wanted; i++) {
		bed = bed_make(test);
		good += round(bed);
		bed_stop_lanes(bed);
		bed_unhold(bed);
		bed_expect_clean(bed);
		kunit_release_action(test, bed_release, bed);
	}
	return good == wanted;
}

static bool pump_any_round(struct kunit *test, bool (*round)(struct test_bed *bed))
{
	return pump_rounds(test, round, 1);
}

/* A lane of @nr jobs, all held and run by this thread. */
static struct test_lane *pump_held_lane(struct test_bed *bed, u32 nr, int cb_cpu,
					unsigned int serial_us)
{
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = nr, .serial_us = serial_us, .any_cpu = true, .percent = 100,
		.end = TEST_END_HELD, .submit = padata_do_inline });

	lane->cb_cpu = cb_cpu;
	lane_run(lane);
	return lane;
}

/* All at once: the first job, which ends last, hands all of them over. */
static void pump_release_lane(struct test_lane *lane)
{
	u32 nr = lane->submitted;

	while (nr--)
		lane_release_job(lane, nr);
}

static bool pump_wait_begun(struct test_lane *lane)
{
	return lane_wait_done(lane, 10);
}

/* ---- drains ---- */

/* Sits on this CPU, so that its pump can't run, until the lane is done. */
static bool pump_done_meanwhile(struct test_lane *lane)
{
	ktime_t end = ktime_add_ms(ktime_get(), 1000);

	while ((u32)atomic_read(&lane->done) != lane->submitted &&
	       ktime_before(ktime_get(), end))
		cpu_relax();
	return (u32)atomic_read(&lane->done) == lane->submitted;
}

/*
 * 16 walks of 64 jobs empty the list.  The drainer must not leave a drain to
 * the pump of this CPU then: no job would hold the shell until that one comes.
 * If it did, the next job would have to wait for that pump.
 */
static bool pump_drain_whole_rounds(struct test_bed *bed)
{
	struct test_lane *lane = pump_held_lane(bed, 1024, test_last_cpu(), 0);
	bool done, next;

	preempt_disable();
	pump_release_lane(lane);
	done = pump_done_meanwhile(lane);
	lane->load.end = TEST_END_PARALLEL;
	next = !lane_submit(lane) && pump_done_meanwhile(lane);
	preempt_enable();
	return done && next;
}

static void drain_of_whole_rounds_takes_baton_home(struct kunit *test)
{
	/* Without preemption a drain is left to a pump on PREEMPT_RT. */
	if (num_online_cpus() == 1 || IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	test_keep_off_last_cpu(test);
	KUNIT_EXPECT_TRUE(test, pump_any_round(test, pump_drain_whole_rounds));
}

/*
 * More than one drain hands over: the rest is left to the pump of the callback CPU,
 * not to the one of this CPU, which can't run.
 */
static bool pump_drain_leaves_rest(struct test_bed *bed)
{
	struct test_lane *lane = pump_held_lane(bed, 1500, test_last_cpu(), 0);
	bool done;

	preempt_disable();
	pump_release_lane(lane);
	done = pump_done_meanwhile(lane);
	preempt_enable();
	return done;
}

static void drain_leaves_rest_to_callback_cpu(struct kunit *test)
{
	/* Without preemption all of it is left to a pump on PREEMPT_RT. */
	if (num_online_cpus() == 1 || IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	test_keep_off_last_cpu(test);
	KUNIT_EXPECT_TRUE(test, pump_any_round(test, pump_drain_leaves_rest));
}

/* ---- taking turns ---- */

/* Callbacks that fill stretches, together with jobs that have only their CPU. */
static bool pump_serial_beside_parallel(struct test_bed *bed)
{
	struct test_lane *flood = pump_held_lane(bed, 4000, test_last_cpu(), 50);
	struct test_lane *small = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 30, .window = 1 });

	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(test_last_cpu()));
	small->cb_cpu = test_online_cpu(0);
	pump_release_lane(flood);
	if (!pump_wait_begun(flood))
		return false;
	lane_run(small);
	return lane_wait_done(small, 30) && atomic_read(&flood->done) < 4000;
}

static void parallel_beside_slow_callbacks(struct kunit *test)
{
	test_keep_off_last_cpu(test);
	KUNIT_EXPECT_TRUE(test, num_online_cpus() == 1 ||
			  pump_any_round(test, pump_serial_beside_parallel));
}

/* The queue of a CPU that is gone, and the queue of the CPU that has taken it over. */
static bool pump_two_serial_queues(struct test_bed *bed)
{
	int cpu = test_last_cpu();
	struct test_lane *flood = pump_held_lane(bed, 4000, 0, 50);
	struct test_lane *small = pump_held_lane(bed, 100, cpu, 50);
	struct cpumask *mask = bed_mask(bed);
	bool fair;

	cpumask_set_cpu(0, mask);
	cpumask_set_cpu(cpu, mask);
	bed_set_mask(bed, PADATA_CPU_SERIAL, mask);
	KUNIT_EXPECT_EQ(bed->test, remove_cpu(cpu), 0);
	pump_release_lane(flood);
	if (pump_wait_begun(flood))
		pump_release_lane(small);
	fair = lane_wait_done(small, 100) && atomic_read(&flood->done) < 4000;
	KUNIT_EXPECT_EQ(bed->test, add_cpu(cpu), 0);
	return fair;
}

static void serial_queues_take_turns(struct kunit *test)
{
	if (test_pluggable_cpu(test) < 0)
		return;
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(test_online_cpu(1))), 0);
	KUNIT_EXPECT_TRUE(test, pump_any_round(test, pump_two_serial_queues));
}

/*
 * When one of them has had 1,000 callbacks, the other must have had its share.  Return
 * -EAGAIN where @two has not so many left, since the host was slow.
 */
static int pump_both_go_on(struct test_lane *one, struct test_lane *two)
{
	int a, b, from_a = atomic_read(&one->done), from_b = atomic_read(&two->done);
	unsigned long until = jiffies + TEST_TIMEOUT;

	if (two->load.jobs - from_b < 1000)
		return -EAGAIN;
	do {
		usleep_range(4000, 6000);
		a = atomic_read(&one->done) - from_a;
		b = atomic_read(&two->done) - from_b;
	} while (a < 1000 && b < 1000 && time_before(jiffies, until));
	return min(a, b) > 300;
}

/* The same, where every second stretch is over, with a long job, before the queues. */
static int pump_two_queues_beside_jobs(struct test_bed *bed)
{
	int cpu = test_last_cpu();
	struct test_lane *flood = pump_held_lane(bed, 2000, 0, 50);
	struct test_lane *other = pump_held_lane(bed, 2000, cpu, 50);
	struct test_lane *busy = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 450, .spin_us = 1000, .spin_even = true, .any_cpu = true });
	struct cpumask *mask = bed_mask(bed);
	int fair = 0;

	cpumask_set_cpu(0, mask);
	cpumask_set_cpu(cpu, mask);
	busy->cb_cpu = 0;
	bed_set_mask(bed, PADATA_CPU_SERIAL, mask);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(0));
	KUNIT_EXPECT_EQ(bed->test, remove_cpu(cpu), 0);
	pump_release_lane(flood);
	if (pump_wait_begun(flood)) {
		lane_run(busy);
		pump_release_lane(other);
		fair = pump_both_go_on(other, flood);
	}
	KUNIT_EXPECT_EQ(bed->test, add_cpu(cpu), 0);
	return fair;
}

static void serial_queues_take_turns_beside_jobs(struct kunit *test)
{
	struct test_bed *bed;
	int i, fair = -EAGAIN;

	if (test_pluggable_cpu(test) <= 0)
		return;
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(test_online_cpu(1))), 0);
	/* The first round that says something: it has to be fair whatever the host does. */
	for (i = 0; i < 10 && fair == -EAGAIN; i++) {
		bed = bed_make(test);
		fair = pump_two_queues_beside_jobs(bed);
		bed_stop_lanes(bed);
		bed_unhold(bed);
		bed_expect_clean(bed);
	}
	KUNIT_EXPECT_EQ(test, fair, 1);
}

/* A job that was pulled and not started in time is the first to be pulled again. */
static void pump_note_start(struct test_job *job)
{
	struct test_lane *lane = job->lane;

	/* One CPU runs them, so a plain field will do. */
	test_note(&lane->held, job->nr != (u32)lane->served_cpu + 1);
	lane->served_cpu = job->nr;
}

static void jobs_start_in_order_on_one_cpu(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 300, .spin_us = 150, .spin_even = true, .percent = 100,
		.end = TEST_END_HELD });

	/* Nothing is called back before all have started. */
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(test_last_cpu()));
	lane->in_parallel = pump_note_start;
	lane_run(lane);
	/* 300 held, and none out of turn. */
	KUNIT_EXPECT_TRUE(test, lane_wait_held(lane, 300));
	KUNIT_EXPECT_EQ(test, lane->served_cpu, 299);
	KUNIT_EXPECT_EQ(test, atomic_read(&lane->held), 300);
	bed_unhold(bed);
	bed_expect_clean(bed);
}

/* ---- hogged CPUs ---- */

/*
 * The pump that was told to pull does not get to run, and then loses its right:
 * the jobs must not have to wait for it.
 */
static bool pump_mask_behind_hog(struct test_bed *bed)
{
	int cpu = test_last_cpu(), other = test_online_cpu(0);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){ .jobs = 100 });
	struct test_hog hog = { };
	bool done;

	lane->cb_cpu = other;
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(cpu));
	test_hog_start(bed->test, &hog, cpu);
	lane_run(lane);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(other));
	done = lane_wait_done(lane, 100);
	return test_hog_stop(&hog) && done;
}

static void set_cpumask_behind_hogged_cpu(struct kunit *test)
{
	/* A thread below the hog reports this CPU's quiescence to RCU. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		test_set_param(test, "/sys/kernel/rcu_normal", "1", "0");
		test_set_param(test, "/sys/kernel/rcu_expedited", "0", "1");
	}
	test_keep_off_last_cpu(test);
	KUNIT_EXPECT_TRUE(test, num_online_cpus() == 1 ||
			  pump_any_round(test, pump_mask_behind_hog));
}

#define PUMP_INTENSIVE	"/sys/module/workqueue/parameters/cpu_intensive_thresh_us"

struct pump_busy {
	struct work_struct	work;
	struct completion	begun;
	bool			over;
};

/* As long as it runs no other work item of its CPU begins. */
static void pump_be_busy(struct work_struct *work)
{
	struct pump_busy *busy = container_of(work, struct pump_busy, work);
	unsigned long end = jiffies + TEST_TIMEOUT;

	complete(&busy->begun);
	while (!READ_ONCE(busy->over) && time_before(jiffies, end))
		cond_resched();
}

/* From 6.5 on other work runs concurrently with a long work item; switch that off. */
static void pump_let_work_take_long(struct kunit *test)
{
	static char usual[16];	/* for the action that restores it */

	if (test_read_file(PUMP_INTENSIVE, usual, sizeof(usual)) > 0)
		test_set_param(test, PUMP_INTENSIVE, usual, "0");
}

static void pump_busy_init(struct kunit *test, struct pump_busy *busy)
{
	pump_let_work_take_long(test);
	init_completion(&busy->begun);
	INIT_WORK_ONSTACK(&busy->work, pump_be_busy);
}

static void pump_busy_start(struct kunit *test, struct pump_busy *busy, int cpu)
{
	pump_busy_init(test, busy);
	queue_work_on(cpu, system_wq, &busy->work);
	wait_for_completion(&busy->begun);
}

static void pump_busy_stop(struct pump_busy *busy)
{
	WRITE_ONCE(busy->over, true);
	flush_work(&busy->work);
	destroy_work_on_stack(&busy->work);
}

static void pump_free_pinst(struct test_waiter *waiter)
{
	bed_free_pinst(waiter->bed);
}

/*
 * padata_free() waits for a pump that has not got to run since it was woken, and
 * that pump's CPU goes: workqueues let it run elsewhere, which is right.
 * A wrong judgement is a line in the log.
 */
static void free_while_cpu_goes(struct kunit *test)
{
	int cpu = test_pluggable_cpu(test), other = test_online_cpu(0);
	struct test_waiter *freer;
	struct pump_busy busy = { };
	struct test_lane *lane;
	struct test_bed *bed;

	if (cpu < 0)
		return;
	test_keep_off_last_cpu(test);
	bed = bed_make(test);
	lane = bed_lane(bed, bed_shell(bed), &(struct test_load){ .jobs = 100 });
	lane->cb_cpu = other;
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(cpu));
	freer = bed_waiter(bed, pump_free_pinst);
	pump_busy_start(test, &busy, cpu);
	lane_run(lane);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(other));
	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, 100));
	test_waiter_start(freer);
	/* Until it waits for the pump. */
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&freer->over, HZ / 2), 0);
	KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
	pump_busy_stop(&busy);
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(freer));
	bed_expect_clean(bed);
}

/*
 * A pump has not got to run since it was woken, and its CPU goes: where workqueues
 * let it run then may be outside of the mask, so it has to leave the jobs to others.
 */
static void remove_cpu_of_waiting_pump(struct kunit *test)
{
	int cpu = test_pluggable_cpu(test), other = test_online_cpu(0);
	struct pump_busy busy = { };
	struct test_lane *lane;
	struct test_bed *bed;
	static struct cpumask mask;	/* the bed looks at it to the end */

	if (num_online_cpus() < 3)
		return;
	test_keep_off_last_cpu(test);
	bed = bed_make(test);
	cpumask_copy(&mask, cpumask_of(cpu));
	cpumask_set_cpu(other, &mask);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, &mask);
	bed_allow(bed, &mask);
	lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = U32_MAX, .window = 4000, .spin_us = 200, .spin_even = true });
	lane->cb_cpu = other;
	pump_busy_start(test, &busy, cpu);
	lane_start(lane);
	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, 500));
	KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, lane->submitted + 500));
	pump_busy_stop(&busy);
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
}

static struct pump_busy *pump_busy_next;

static void pump_queue_busy(struct test_lane *lane, u32 nr)
{
	queue_work_on(smp_processor_id(), system_wq, &pump_busy_next->work);
}

static void pump_free_shells(struct test_waiter *waiter)
{
	bed_free_shells(waiter->bed);
}

static void pump_make_held(struct kunit *test, struct test_lane *lane, u32 nr)
{
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, nr + 1));
}

static const struct test_load pump_held_load = {
	.window = 2, .percent = 100, .end = TEST_END_HELD,
};

/* The last CPU has called back a first job, the user has asked, and the second one is held. */
static struct test_lane *pump_lane_to_be_kept(struct test_bed *bed)
{
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &pump_held_load);
	struct kunit *test = bed->test;

	lane->cb_cpu = test_last_cpu();
	pump_make_held(test, lane, 0);
	KUNIT_EXPECT_TRUE(test, lane_release_job(lane, 0));
	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, 1));
	/* The callback has returned to the pump, too. */
	synchronize_rcu();
	KUNIT_EXPECT_EQ(test, padata_go_direct(lane->ps), -EAGAIN);
	pump_make_held(test, lane, 1);
	return lane;
}

/*
 * A shell whose user asks for direct mode is kept by the pump of the CPU that has to
 * settle, which does not get to run: freeing the shell does not wait for it, be that called
 * afterwards or @before the last callback.
 */
static void pump_free_shell_beside_busy(struct kunit *test, bool before)
{
	struct pump_busy busy = { };
	struct test_waiter *freer;
	struct test_lane *lane;
	struct test_bed *bed;

	if (num_online_cpus() == 1)
		return;
	test_keep_off_last_cpu(test);
	bed = bed_make(test);
	freer = bed_waiter(bed, pump_free_shells);
	lane = pump_lane_to_be_kept(bed);
	pump_busy_next = &busy;
	pump_busy_init(test, &busy);
	lane->in_serial = pump_queue_busy;
	if (before) {
		test_waiter_start(freer);
		KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&freer->over, HZ / 10), 0);
	}
	KUNIT_EXPECT_TRUE(test, lane_release_job(lane, 1));
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&busy.begun, TEST_TIMEOUT), 0);
	if (!before) {
		KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, 2));
		/* By then the pump has queued itself behind it. */
		msleep(100);
		test_waiter_start(freer);
	}
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&freer->over, TEST_TIMEOUT / 4), 0);
	pump_busy_stop(&busy);
	bed_expect_clean(bed);
}

static void free_shell_beside_busy_pump(struct kunit *test)
{
	pump_free_shell_beside_busy(test, false);
}

static void free_shell_before_pump_is_busy(struct kunit *test)
{
	pump_free_shell_beside_busy(test, true);
}

static struct test_hog *pump_hog_next;

/* It has the CPU as soon as the pump lets it go. */
static void pump_wake_hog(struct test_lane *lane, u32 nr)
{
	wake_up_process(pump_hog_next->thread);
}

/* The same where the pump could not even begin to settle. */
static bool pump_free_shell_under_hog(struct test_bed *bed)
{
	struct test_waiter *freer = bed_waiter(bed, pump_free_shells);
	struct test_lane *lane = pump_lane_to_be_kept(bed);
	struct test_hog hog = { .still = true };
	bool over;

	test_hog_make(bed->test, &hog, test_last_cpu());
	pump_hog_next = &hog;
	lane->in_serial = pump_wake_hog;
	KUNIT_EXPECT_TRUE(bed->test, lane_release_job(lane, 1));
	test_hog_wait(&hog);
	test_waiter_start(freer);
	over = wait_for_completion_timeout(&freer->over, msecs_to_jiffies(TEST_HOG_MS / 2));
	over &= test_hog_stop(&hog);
	/* Before its bed. */
	kunit_release_action(bed->test, test_waiter_release, freer);
	return over;
}

static void free_shell_under_hog(struct kunit *test)
{
	test_keep_off_last_cpu(test);
	KUNIT_EXPECT_TRUE(test, num_online_cpus() == 1 ||
			  pump_any_round(test, pump_free_shell_under_hog));
}

#if IS_ENABLED(CONFIG_KPROBES)
#define PUMP_SETTLING	(TEST_SLOW ? 200 : 500)

/* Wakes the hog where the pump of its CPU has the one of another CPU woken. */
static struct {
	/* The first CPU while the next wake-up counts, or -1 */
	int		cpu;
	/* That was in time for the hog to see the end of the second that padata waits at most */
	bool		in_time;
	unsigned long	end;
} pump_settling = { .cpu = -1 };

static int pump_wake_hog_in_between(struct kprobe *probe, struct pt_regs *regs)
{
	if (raw_smp_processor_id() != test_last_cpu() ||
	    (int)regs_get_kernel_argument(regs, 0) != READ_ONCE(pump_settling.cpu))
		return 0;
	WRITE_ONCE(pump_settling.cpu, -1);
	pump_settling.in_time = time_before(jiffies, pump_settling.end);
	wake_up_process(pump_hog_next->thread);
	return 0;
}

static struct kprobe pump_queue_probe = {
	.symbol_name = "queue_work_on",
	.pre_handler = pump_wake_hog_in_between,
};

static void pump_queue_unprobe(void *unused)
{
	unregister_kprobe(&pump_queue_probe);
	pump_queue_probe.addr = NULL;
	pump_queue_probe.flags = 0;
}

/* One shell after the other waits for the last CPU, whose pump is held up by a first hog. */
static void pump_let_wait(struct test_bed *bed, struct test_lane **lanes)
{
	struct test_hog hog = { .still = true };
	int i;

	for (i = 0; i < PUMP_SETTLING; i++)
		KUNIT_EXPECT_TRUE(bed->test, lane_wait_done(lanes[i], 1));
	bed_set_mask(bed, PADATA_CPU_SERIAL, cpumask_of(test_online_cpu(0)));
	test_hog_start(bed->test, &hog, test_last_cpu());
	pump_settling.end = jiffies + msecs_to_jiffies(900);
	for (i = 0; i < PUMP_SETTLING; i++)
		KUNIT_EXPECT_EQ(bed->test, lane_submit(lanes[i]), 0);
	msleep(600);
	WRITE_ONCE(pump_settling.cpu, test_online_cpu(0));
	test_hog_stop(&hog);
}

static struct padata_shell *pump_own_shell(struct test_bed *bed)
{
	return bed_forget_shell(bed, bed_shell(bed));
}

static bool pump_settles_under_hog(struct test_bed *bed)
{
	struct test_lane **lanes = kunit_kcalloc(bed->test, PUMP_SETTLING, sizeof(*lanes),
						 GFP_KERNEL);
	struct test_hog hog = { .still = true };
	bool good = true;
	int i;

	KUNIT_ASSERT_NOT_NULL(bed->test, lanes);
	pump_hog_next = &hog;
	pump_settling.in_time = false;
	for (i = 0; i < PUMP_SETTLING; i++) {
		lanes[i] = bed_lane(bed, pump_own_shell(bed), &(struct test_load){
			.jobs = 2, .any_cpu = true, .submit = padata_do_inline });
		lanes[i]->cb_cpu = test_last_cpu();
		KUNIT_EXPECT_EQ(bed->test, lane_submit(lanes[i]), 0);
	}
	test_hog_make(bed->test, &hog, test_last_cpu());
	pump_let_wait(bed, lanes);
	for (i = 0; i < PUMP_SETTLING; i++)
		good &= lane_wait_done(lanes[i], 2);
	WRITE_ONCE(pump_settling.cpu, -1);
	good &= test_hog_stop(&hog);
	for (i = 0; i < PUMP_SETTLING; i++)
		padata_free_shell(lanes[i]->ps);
	/* And the hog came in between, or the timer would have had nothing to do. */
	return good && pump_settling.in_time && bed_counter(bed, "unsettled") > 0;
}

/* A task takes the CPU while the pump lets shells go: the timer finds the rest. */
static void settled_shells_go_on_under_hog(struct kunit *test)
{
	/* There one may be in hand. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	KUNIT_ASSERT_EQ(test, register_kprobe(&pump_queue_probe), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pump_queue_unprobe, NULL), 0);
	test_keep_off_last_cpu(test);
	KUNIT_EXPECT_TRUE(test, num_online_cpus() == 1 ||
			  pump_any_round(test, pump_settles_under_hog));
}
#endif

/* A pump keeps one shell at a time: the one before has to be let go. */
static void pump_keeps_one_shell_after_another(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *one = bed_lane(bed, bed_shell(bed), &pump_held_load);
	struct test_lane *other = bed_lane(bed, bed_shell(bed), &pump_held_load);
	struct test_waiter *freer = bed_waiter(bed, pump_free_shells);
	u32 nr;

	one->cb_cpu = test_last_cpu();
	other->cb_cpu = test_last_cpu();
	for (nr = 0; nr < 50; nr++) {
		pump_make_held(test, one, nr);
		pump_make_held(test, other, nr);
		/* Both are called back in one stretch, most times. */
		KUNIT_EXPECT_TRUE(test, lane_release_job(one, nr));
		KUNIT_EXPECT_TRUE(test, lane_release_job(other, nr));
		KUNIT_ASSERT_TRUE(test, lane_wait_done(one, nr + 1));
		KUNIT_ASSERT_TRUE(test, lane_wait_done(other, nr + 1));
		padata_go_direct(one->ps);
		padata_go_direct(other->ps);
	}
	test_waiter_start(freer);
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(freer));
	bed_expect_clean(bed);
}

/* ---- workqueues that a pump shares ---- */

/* A lane whose jobs are the last CPU's, one after the other without a pause. */
static struct test_lane *pump_endless_lane(struct test_bed *bed)
{
	struct test_lane *lane = bed_chain(bed, bed_shell(bed), &(struct test_load){
		.jobs = U32_MAX, .window = 16, .spin_us = 50 });

	lane->cb_cpu = test_last_cpu();
	list_prev_entry(lane, node)->cb_cpu = test_last_cpu();
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(test_last_cpu()));
	return lane;
}

/* It begins, on an instance that uses @wq. */
static struct test_lane *pump_busy_lane(struct kunit *test, struct workqueue_struct *wq)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane;

	bed_free_pinst(bed);
	bed->pinst = padata_alloc_on("padata_test_on", wq, NULL, NULL);
	KUNIT_ASSERT_NOT_NULL(test, bed->pinst);
	KUNIT_ASSERT_EQ(test, padata_start(bed->pinst), 0);
	lane = pump_endless_lane(bed);
	KUNIT_ASSERT_EQ(test, lane_submit(list_prev_entry(lane, node)), 0);
	KUNIT_ASSERT_TRUE(test, pump_wait_begun(lane));
	return lane;
}

struct pump_other {
	struct work_struct	work;
	struct completion	done;
};

static void pump_other_work(struct work_struct *work)
{
	complete(&container_of(work, struct pump_other, work)->done);
}

/* Another work item on the pump's workqueue and CPU runs although the pump never sleeps. */
static void pump_expect_other_runs(struct test_lane *lane, struct workqueue_struct *wq)
{
	struct test_bed *bed = lane->bed;
	unsigned long wakeups = bed_counter(bed, "wakeups");
	struct pump_other other;

	init_completion(&other.done);
	INIT_WORK_ONSTACK(&other.work, pump_other_work);
	queue_work_on(test_last_cpu(), wq, &other.work);
	KUNIT_EXPECT_GT(bed->test, wait_for_completion_timeout(&other.done, TEST_TIMEOUT), 0);
	KUNIT_EXPECT_EQ(bed->test, bed_counter(bed, "wakeups"), wakeups);
	/* Without jobs the pump ends in any case. */
	if (!completion_done(&other.done))
		bed_unhold(bed);
	flush_work(&other.work);
	destroy_work_on_stack(&other.work);
}

static void pump_destroy_wq(void *wq)
{
	destroy_workqueue(wq);
}

static struct workqueue_struct *pump_wq_for_one(struct kunit *test)
{
	struct workqueue_struct *wq = alloc_workqueue("padata_test_one", COMPAT_WQ_PERCPU, 1);

	KUNIT_ASSERT_NOT_NULL(test, wq);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pump_destroy_wq, wq), 0);
	return wq;
}

static void other_work_beside_busy_pump(struct kunit *test)
{
	struct workqueue_struct *wq = pump_wq_for_one(test);
	struct test_lane *lane;

	test_keep_off_last_cpu(test);
	lane = pump_busy_lane(test, wq);
	pump_expect_other_runs(lane, wq);
	bed_unhold(lane->bed);
	bed_expect_clean(lane->bed);
}

/* Where one work item of a CPU runs at a time, whichever workqueue it is on. */
static void other_work_beside_busy_pump_on_system_wq(struct kunit *test)
{
	struct test_lane *lane;

	pump_let_work_take_long(test);
	test_keep_off_last_cpu(test);
	lane = pump_busy_lane(test, system_wq);
	pump_expect_other_runs(lane, system_wq);
	bed_unhold(lane->bed);
	bed_expect_clean(lane->bed);
}

static struct workqueue_struct *pump_wq_to_flush;

static void pump_flush_wq(struct test_waiter *waiter)
{
	flush_workqueue(pump_wq_to_flush);
}

static void flush_workqueue_beside_busy_pump(struct kunit *test)
{
	struct workqueue_struct *wq = pump_wq_for_one(test);
	struct test_waiter *waiter;
	struct test_lane *lane;

	test_keep_off_last_cpu(test);
	lane = pump_busy_lane(test, wq);
	waiter = bed_waiter(lane->bed, pump_flush_wq);
	pump_wq_to_flush = wq;
	test_waiter_start(waiter);
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(waiter));
	/* The pump was busy all the time. */
	KUNIT_EXPECT_GT(test, waiter->in_flight, 0);
	bed_unhold(lane->bed);
	bed_expect_clean(lane->bed);
}

#if IS_ENABLED(CONFIG_KRETPROBES)
#define PUMP_SLEEPERS	512

/*
 * Workers of the last CPU's pool can't be made, as where memory is short: the one that
 * is left tries to, and does nothing else.
 */
static int pump_poor_cpu = -1;

static int pump_refuse_worker(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (READ_ONCE(pump_poor_cpu) == raw_smp_processor_id() &&
	    current->flags & PF_WQ_WORKER)
		regs_set_return_value(regs, -ENOMEM);
	return 0;
}

/* A worker's number; one that is not used stays so. */
static struct kretprobe pump_probe = {
	.kp.symbol_name = "ida_alloc_range",
	.handler = pump_refuse_worker,
	.maxactive = 64,
};

/* Work items that sleep, one more than the pool has workers. */
static struct {
	struct work_struct	work[PUMP_SLEEPERS];
	int			nr_queued;
	atomic_t		nr;	/* that have begun */
	struct completion	go;
} pump_sleepers;

static void pump_sleeper_work(struct work_struct *work)
{
	atomic_inc(&pump_sleepers.nr);
	wait_for_completion(&pump_sleepers.go);
}

static void pump_end_poverty(void *unused)
{
	int i;

	WRITE_ONCE(pump_poor_cpu, -1);
	complete_all(&pump_sleepers.go);
	for (i = 0; i < pump_sleepers.nr_queued; i++)
		flush_work(&pump_sleepers.work[i]);
	unregister_kretprobe(&pump_probe);
	pump_probe.kp.addr = NULL;
	pump_probe.kp.flags = 0;
}

/* Returns false if no worker begins a further one for a while. */
static bool pump_queue_sleeper(int cpu)
{
	int i, nr = pump_sleepers.nr_queued++;

	INIT_WORK(&pump_sleepers.work[nr], pump_sleeper_work);
	queue_work_on(cpu, system_wq, &pump_sleepers.work[nr]);
	for (i = 0; i < 50 && atomic_read(&pump_sleepers.nr) <= nr; i++)
		usleep_range(1000, 2000);
	return atomic_read(&pump_sleepers.nr) > nr;
}

/* A pool keeps idle workers for minutes: all of them are to sleep. */
static void pump_begin_poverty(struct kunit *test)
{
	int cpu = test_last_cpu();

	KUNIT_ASSERT_EQ(test, register_kretprobe(&pump_probe), 0);
	init_completion(&pump_sleepers.go);
	pump_sleepers.nr_queued = 0;
	atomic_set(&pump_sleepers.nr, 0);
	WRITE_ONCE(pump_poor_cpu, cpu);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pump_end_poverty, NULL), 0);
	while (pump_sleepers.nr_queued < PUMP_SLEEPERS && pump_queue_sleeper(cpu))
		;
	KUNIT_ASSERT_LT(test, pump_sleepers.nr_queued, PUMP_SLEEPERS);
}

/* How many callbacks the rescuer has made, which is the only one of this priority. */
static atomic_t pump_rescued, pump_not_rescued;

static void pump_note_rescue(struct test_lane *lane, u32 nr)
{
	atomic_inc(task_nice(current) == MIN_NICE ? &pump_rescued : &pump_not_rescued);
	lane_resubmit(lane, nr);
}

static bool pump_wait_count(atomic_t *count, int nr)
{
	unsigned long end = jiffies + TEST_TIMEOUT;

	while (atomic_read(count) < nr && time_before(jiffies, end))
		schedule_timeout_idle(1);
	return atomic_read(count) >= nr;
}

/* The rescuer takes a pump, and gives it back although the pump never sleeps. */
static void rescuer_is_not_kept(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = pump_endless_lane(bed);

	test_keep_off_last_cpu(test);
	atomic_set(&pump_rescued, 0);
	lane->in_serial = pump_note_rescue;
	pump_begin_poverty(test);
	KUNIT_EXPECT_EQ(test, lane_submit(list_prev_entry(lane, node)), 0);
	KUNIT_EXPECT_TRUE(test, pump_wait_count(&pump_rescued, 100));
	WRITE_ONCE(pump_poor_cpu, -1);
	atomic_set(&pump_not_rescued, 0);
	KUNIT_EXPECT_TRUE(test, pump_wait_count(&pump_not_rescued, 100));
	bed_unhold(bed);
	bed_expect_clean(bed);
}

static struct work_struct pump_follow_up;
static atomic_t pump_followed_up, pump_nr_early;

static void pump_follow_up_work(struct work_struct *work)
{
	atomic_set(&pump_followed_up, 1);
}

/* The first result queues a work item on its CPU, and the second one has to wait for it. */
static void pump_queue_follow_up(struct test_lane *lane, u32 nr)
{
	if (!nr)
		queue_work_on(smp_processor_id(), system_wq, &pump_follow_up);
	else if (!atomic_read(&pump_followed_up))
		atomic_inc(&pump_nr_early);
}

/* Only the rescuer runs the pump of the old CPU, and no worker the work item there. */
static void fence_waits_for_work_while_rescued(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.window = 2, .any_cpu = true });

	if (num_online_cpus() == 1)
		return;
	test_keep_off_last_cpu(test);
	INIT_WORK(&pump_follow_up, pump_follow_up_work);
	atomic_set(&pump_followed_up, 0);
	atomic_set(&pump_nr_early, 0);
	lane->cb_cpu = test_last_cpu();
	lane->in_serial = pump_queue_follow_up;
	pump_begin_poverty(test);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, 1));
	bed_set_mask(bed, PADATA_CPU_SERIAL, cpumask_of(test_online_cpu(0)));
	KUNIT_EXPECT_EQ(test, lane_submit(lane), 0);
	/* Several mayday intervals of the workqueue, and less than padata waits at most. */
	msleep(200);
	KUNIT_EXPECT_EQ(test, atomic_read(&pump_followed_up), 0);
	WRITE_ONCE(pump_poor_cpu, -1);
	/* Makes workers free: a pool that could make none tries again after a second. */
	complete_all(&pump_sleepers.go);
	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, 2));
	flush_work(&pump_follow_up);
	KUNIT_EXPECT_EQ(test, atomic_read(&pump_nr_early), 0);
	KUNIT_EXPECT_EQ(test, bed_counter(bed, "unsettled"), 0);
	bed_expect_clean(bed);
}
#endif

/* ---- jobs so short that drains are put off ---- */

#define PUMP_SHORTS	1000

static struct pump_short {
	struct padata_priv	padata;
	u32			nr;
} pump_shorts[PUMP_SHORTS];

static atomic_t pump_shorts_called;
static atomic_t pump_shorts_wrong;
static bool pump_long_saw_first;

static void pump_short_serial(struct padata_priv *padata)
{
	struct pump_short *job = container_of(padata, struct pump_short, padata);

	if (job->nr != (u32)atomic_fetch_inc(&pump_shorts_called))
		atomic_inc(&pump_shorts_wrong);
}

static int pump_submit_short(struct padata_shell *ps, u32 nr, int cpu)
{
	pump_shorts[nr] = (struct pump_short){ .nr = nr, .padata = {
		.parallel = padata_do_serial, .serial = pump_short_serial } };
	return padata_do_parallel(ps, &pump_shorts[nr].padata, &cpu);
}

static bool pump_wait_shorts(u32 nr)
{
	unsigned long end = jiffies + TEST_TIMEOUT;

	while (atomic_read(&pump_shorts_called) != nr && time_before(jiffies, end))
		schedule_timeout_idle(1);
	return atomic_read(&pump_shorts_called) == nr;
}

/* So many that their mean is known, all called back on @cpu, in order. */
static void pump_run_shorts(struct kunit *test, struct padata_shell *ps, int cpu)
{
	u32 nr;

	atomic_set(&pump_shorts_called, 0);
	atomic_set(&pump_shorts_wrong, 0);
	for (nr = 0; nr < PUMP_SHORTS; nr++)
		KUNIT_ASSERT_EQ(test, pump_submit_short(ps, nr, cpu), 0);
	KUNIT_ASSERT_TRUE(test, pump_wait_shorts(PUMP_SHORTS));
	KUNIT_EXPECT_EQ(test, atomic_read(&pump_shorts_wrong), 0);
}

/* No job is as short in an emulator. */
static void pump_call_all_short(struct kunit *test)
{
	test_set_param(test, "/sys/module/padata_mod/parameters/short_ns", "1000", "10000000");
}

static void short_jobs_in_order(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	int i;

	pump_call_all_short(test);
	for (i = 0; i < 20; i++)
		pump_run_shorts(test, ps, test_online_cpu(i % 2));
}

/* Ends when the job before it, of another shell, has been called back. */
static void pump_long_parallel(struct padata_priv *padata)
{
	u64 start = local_clock();

	while (!atomic_read(&pump_shorts_called) &&
	       local_clock() - start < 500 * NSEC_PER_MSEC)
		cpu_relax();
	pump_long_saw_first = atomic_read(&pump_shorts_called);
	padata_do_serial(padata);
}

static void pump_long_serial(struct padata_priv *padata)
{
}

/*
 * All wait at one CPU, so that it pulls several of them at a time: the one job of the first
 * shell, which is less than its share, and those of the other behind it.
 */
static void pump_long_behind_short(struct test_bed *bed, struct padata_shell *shorts,
				   struct padata_shell *other, int cpu)
{
	struct padata_priv job = { .parallel = pump_long_parallel, .serial = pump_long_serial };
	int cb_cpu = test_online_cpu(0);
	struct test_hog hog = { };
	u32 nr;

	atomic_set(&pump_shorts_called, 0);
	test_hog_start(bed->test, &hog, cpu);
	KUNIT_EXPECT_EQ(bed->test, pump_submit_short(shorts, 0, cb_cpu), 0);
	KUNIT_EXPECT_EQ(bed->test, padata_do_parallel(other, &job, &cb_cpu), 0);
	for (nr = 1; nr < 8; nr++)
		KUNIT_EXPECT_EQ(bed->test, pump_submit_short(other, nr, test_online_cpu(0)), 0);
	test_hog_stop(&hog);
	/* The job is on the stack. */
	padata_free_shell(other);
	KUNIT_EXPECT_TRUE(bed->test, pump_wait_shorts(8));
	KUNIT_EXPECT_TRUE(bed->test, pump_long_saw_first);
}

static void long_job_delays_no_other_shell(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed), *other;
	int i, cpu = test_last_cpu();

	pump_call_all_short(test);
	test_keep_off_last_cpu(test);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(cpu));
	for (i = 0; i < 3 && num_online_cpus() > 1; i++) {
		other = padata_alloc_shell(bed->pinst);
		KUNIT_ASSERT_NOT_NULL(test, other);
		pump_run_shorts(test, ps, test_online_cpu(0));
		pump_long_behind_short(bed, ps, other, cpu);
	}
}

/* ---- a queue that is late ---- */

#define PUMP_BURST	16
#define PUMP_LATE	(PUMP_BURST + 20)

static atomic_t pump_stuck_begun, pump_stuck_may_end, pump_stuck_over;

static void pump_stuck_parallel(struct padata_priv *padata)
{
	ktime_t end = ktime_add_ms(ktime_get(), 5000);

	atomic_set(&pump_stuck_begun, 1);
	while (!atomic_read(&pump_stuck_may_end) && ktime_before(ktime_get(), end))
		cpu_relax();
	atomic_set(&pump_stuck_over, 1);
	padata_do_serial(padata);
}

static void pump_prepare_stuck(void)
{
	atomic_set(&pump_shorts_called, 0);
	atomic_set(&pump_stuck_begun, 0);
	atomic_set(&pump_stuck_may_end, 0);
	atomic_set(&pump_stuck_over, 0);
}

static void pump_submit_stuck(struct kunit *test, struct padata_shell *ps,
			      struct padata_priv *job)
{
	int cb_cpu = test_last_cpu();

	pump_prepare_stuck();
	KUNIT_EXPECT_EQ(test, padata_do_parallel(ps, job, &cb_cpu), 0);
	while (!atomic_read(&pump_stuck_begun))
		cond_resched();
}

/*
 * An unexpectedly long job has the only pump, and the jobs behind it
 * are worth no other one.  Sleeps only before it looks again.
 */
static bool pump_shorts_pass_long_job(struct test_bed *bed)
{
	struct padata_shell *ps = bed_shell(bed), *other = bed_shell(bed);
	struct padata_priv job = { .parallel = pump_stuck_parallel, .serial = pump_long_serial };
	u32 nr;

	pump_run_shorts(bed->test, ps, test_online_cpu(0));
	pump_submit_stuck(bed->test, other, &job);
	for (nr = 0; nr < PUMP_LATE; nr++) {
		pump_submit_short(ps, nr, test_online_cpu(0));
		if (nr >= PUMP_BURST)
			usleep_range(4000, 6000);
	}
	nr = atomic_read(&pump_shorts_called);
	atomic_set(&pump_stuck_may_end, 1);
	bed_forget_shell(bed, other);
	padata_free_shell(other);
	KUNIT_EXPECT_TRUE(bed->test, pump_wait_shorts(PUMP_LATE));
	return nr >= PUMP_LATE / 2;
}

static void late_queue_wakes_another(struct kunit *test)
{
	test_set_param(test, "/sys/module/padata_mod/parameters/wakeup_cost_ns", "10000",
		       "3000000");
	test_keep_off_last_cpu(test);
	KUNIT_EXPECT_TRUE(test, num_online_cpus() < 3 ||
			  pump_any_round(test, pump_shorts_pass_long_job));
}

/* The submitter runs its jobs itself: those that were queued before still wait. */
static void late_queue_with_full_backlog_wakes_another(struct kunit *test)
{
	test_set_param(test, "/sys/module/padata_mod/parameters/backlog", "1024", "8");
	late_queue_wakes_another(test);
}

/*
 * The last job comes when the pump has been woken and the queue is not late yet.  Only
 * the timer of the instance notices that the job waits behind a long one.
 */
static bool pump_last_job_passes_long_job(struct test_bed *bed)
{
	struct padata_shell *ps = bed_shell(bed), *other = bed_shell(bed);
	struct padata_priv job = { .parallel = pump_stuck_parallel, .serial = pump_long_serial };
	bool passed;

	pump_run_shorts(bed->test, ps, test_online_cpu(0));
	pump_submit_stuck(bed->test, other, &job);
	schedule_timeout_idle(4);
	KUNIT_EXPECT_EQ(bed->test, pump_submit_short(ps, 0, test_online_cpu(0)), 0);
	passed = pump_wait_shorts(1) && !atomic_read(&pump_stuck_over);
	atomic_set(&pump_stuck_may_end, 1);
	bed_forget_shell(bed, other);
	padata_free_shell(other);
	return passed;
}

/**
 * struct pump_pair - a long job, and one of another shell right behind it
 * @other: Shell of the long job.
 * @job: The long job.
 * @ps: Shell of the short job.
 */
struct pump_pair {
	struct padata_shell	*other;
	struct padata_priv	job;
	struct padata_shell	*ps;
};

/* Both are queued before a pump of this CPU comes to them. */
static int pump_submit_pair(void *arg)
{
	struct pump_pair *pair = arg;
	int err, cb_cpu = smp_processor_id();

	local_bh_disable();
	err = padata_do_parallel(pair->other, &pair->job, &cb_cpu) ?:
	      pump_submit_short(pair->ps, 0, test_online_cpu(0));
	local_bh_enable();
	return err;
}

/* The CPU that submits both is the one that runs the long job, with softirqs off. */
static bool pump_last_job_passes_long_job_here(struct test_bed *bed)
{
	struct pump_pair pair = { .other = bed_shell(bed), .ps = bed_shell(bed),
		.job = { .parallel = pump_stuck_parallel, .serial = pump_long_serial } };
	bool passed;

	pump_run_shorts(bed->test, pair.ps, test_online_cpu(0));
	pump_prepare_stuck();
	KUNIT_EXPECT_EQ(bed->test, 0,
			smp_call_on_cpu(test_last_cpu(), pump_submit_pair, &pair, false));
	passed = pump_wait_shorts(1) && !atomic_read(&pump_stuck_over);
	atomic_set(&pump_stuck_may_end, 1);
	bed_forget_shell(bed, pair.other);
	padata_free_shell(pair.other);
	return passed;
}

/*
 * Late is what waits for 200 ms.  Where the host stops the guest for as long before the
 * submission, that one notices it, so all rounds but one have to be good.
 */
static void pump_expect_look(struct kunit *test, bool (*round)(struct test_bed *bed))
{
	test_set_param(test, "/sys/module/padata_mod/parameters/wakeup_cost_ns", "10000",
		       "20000000");
	test_keep_off_last_cpu(test);
	KUNIT_EXPECT_TRUE(test, num_online_cpus() < 3 ||
			  pump_rounds(test, round, PUMP_ROUNDS - 1));
}

static void late_job_without_another_wakes_a_pump(struct kunit *test)
{
	pump_expect_look(test, pump_last_job_passes_long_job);
}

static void late_job_submitted_beside_long_one_wakes_a_pump(struct kunit *test)
{
	pump_expect_look(test, pump_last_job_passes_long_job_here);
}

/* ---- polls ---- */

#define PUMP_SINGLES	400

/* How often the program has looked whether it is to stop. */
static u32 pump_program_loops;

/* Always runnable, like a program, and no more important than a pump. */
static int pump_program_thread(void *unused)
{
	while (!kthread_should_stop()) {
		WRITE_ONCE(pump_program_loops, pump_program_loops + 1);
		cpu_relax();
		cond_resched();
	}
	return 0;
}

/*
 * Until the program runs the pump is at work, for long where the host has stopped its CPU.
 * Looks at the clock rather than sleep for too long.
 */
static bool pump_single(struct padata_shell *ps, u32 nr, int cpu)
{
	ktime_t end = ktime_add_ms(ktime_get(), 10000);
	u32 loops;

	if (pump_submit_short(ps, nr, cpu))
		return false;
	while (atomic_read(&pump_shorts_called) <= nr && ktime_before(ktime_get(), end))
		cond_resched();
	loops = READ_ONCE(pump_program_loops);
	while (READ_ONCE(pump_program_loops) == loops && ktime_before(ktime_get(), end))
		cpu_relax();
	end = ktime_add_us(ktime_get(), 200);
	while (ktime_before(ktime_get(), end))
		cpu_relax();
	return atomic_read(&pump_shorts_called) == nr + 1;
}

/* True when nearly all of the jobs woke the pump. */
static bool pump_singles_beside_program(struct test_bed *bed)
{
	struct padata_shell *ps = bed_shell(bed);
	struct task_struct *program;
	int cpu = test_last_cpu();
	unsigned long wakeups;
	u32 nr = 0;

	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(cpu));
	program = kthread_create_on_cpu(pump_program_thread, NULL, cpu, "padata_test_program/%u");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(bed->test, program);
	wake_up_process(program);
	atomic_set(&pump_shorts_called, 0);
	while (nr < PUMP_SINGLES && pump_single(ps, nr, cpu))
		nr++;
	kthread_stop(program);
	KUNIT_EXPECT_EQ(bed->test, nr, PUMP_SINGLES);
	wakeups = bed_counter(bed, "wakeups");
	kunit_info(bed->test, "%lu of %d jobs woke the pump\n", wakeups, PUMP_SINGLES);
	return wakeups > PUMP_SINGLES * 98 / 100;
}

/*
 * A pump that yields to a program gets the CPU back when the program's turn is over;
 * a job that comes meanwhile waits for that and wakes no pump.  This may happen
 * once in a second: other jobs, some time apart, find the pump asleep.
 *
 * Of 400 jobs 396 to 402 wake it, on debug kernels of which three share two CPUs, too.
 * Else 175 to 344 do.
 */
static void no_polls_behind_program(struct kunit *test)
{
	test_keep_off_last_cpu(test);
	KUNIT_EXPECT_TRUE(test, num_online_cpus() == 1 ||
			  pump_rounds(test, pump_singles_beside_program, 3));
}

/* ---- RCU ---- */

static void pump_synchronize_rcu_tasks(struct test_waiter *waiter)
{
	synchronize_rcu_tasks();
}

/* A pump that never sleeps does not hold up a wait for every task to pause. */
static void rcu_tasks_beside_busy_pump(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_chain(bed, bed_shell(bed), &(struct test_load){
		.jobs = U32_MAX, .window = 16, .spin_us = 50 });
	struct test_waiter *waiter = bed_waiter(bed, pump_synchronize_rcu_tasks);

	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(lane->cb_cpu));
	KUNIT_ASSERT_EQ(test, lane_submit(list_prev_entry(lane, node)), 0);
	KUNIT_ASSERT_TRUE(test, pump_wait_begun(lane));
	test_waiter_start(waiter);
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(waiter));
	/* It was busy all the time. */
	KUNIT_EXPECT_GT(test, waiter->in_flight, 0);
	bed_unhold(bed);
	bed_expect_clean(bed);
}

/* ---- stretches, as softirqs see them ---- */

/* How many callbacks a softirq of their CPU had to wait for. */
static struct pump_stretch {
	struct tasklet_struct	tasklet;
	unsigned int		nr;
	unsigned int		max;
} pump_stretch;

static void pump_stretch_over(struct tasklet_struct *tasklet)
{
	pump_stretch.nr = 0;
}

static void pump_stretch_note(struct test_lane *lane, u32 nr)
{
	if (!pump_stretch.nr++)
		tasklet_schedule(&pump_stretch.tasklet);
	pump_stretch.max = max(pump_stretch.max, pump_stretch.nr);
}

/* By the pump's own clock: where a busy host calibrates a guest, clocks differ. */
static void pump_stretch_note_slow(struct test_lane *lane, u32 nr)
{
	u64 start = local_clock();

	pump_stretch_note(lane, nr);
	while (local_clock() - start < 100 * NSEC_PER_USEC)
		cpu_relax();
}

/* All callbacks wait at one CPU, and have only to be made. */
static unsigned int pump_longest_stretch(struct kunit *test, u32 jobs,
					 void (*note)(struct test_lane *lane, u32 nr))
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = pump_held_lane(bed, jobs, test_last_cpu(), 0);

	lane->in_serial = note;
	pump_stretch.nr = 0;
	pump_stretch.max = 0;
	tasklet_setup(&pump_stretch.tasklet, pump_stretch_over);
	pump_release_lane(lane);
	bed_expect_clean(bed);
	tasklet_kill(&pump_stretch.tasklet);
	return pump_stretch.max;
}

static void stretch_ends_by_number(struct kunit *test)
{
	unsigned int longest = pump_longest_stretch(test, 2000, pump_stretch_note);

	KUNIT_EXPECT_GT(test, longest, 0);
	KUNIT_EXPECT_LE(test, longest, IS_ENABLED(CONFIG_PREEMPT_RT) ? 1 : 64);
}

/* After 500 us no callback starts: six of 100 us, and one for the clocks. */
static void stretch_ends_by_time(struct kunit *test)
{
	unsigned int longest = pump_longest_stretch(test, 300, pump_stretch_note_slow);

	KUNIT_EXPECT_GT(test, longest, 0);
	KUNIT_EXPECT_LE(test, longest, 7);
}

static struct kunit_case padata_pump_cases[] = {
	KUNIT_CASE(drain_of_whole_rounds_takes_baton_home),
	KUNIT_CASE(drain_leaves_rest_to_callback_cpu),
	KUNIT_CASE(parallel_beside_slow_callbacks),
	KUNIT_CASE(serial_queues_take_turns),
	KUNIT_CASE(serial_queues_take_turns_beside_jobs),
	KUNIT_CASE(jobs_start_in_order_on_one_cpu),
	KUNIT_CASE(set_cpumask_behind_hogged_cpu),
	KUNIT_CASE(free_while_cpu_goes),
	KUNIT_CASE(remove_cpu_of_waiting_pump),
	KUNIT_CASE(free_shell_beside_busy_pump),
	KUNIT_CASE(free_shell_before_pump_is_busy),
	KUNIT_CASE(free_shell_under_hog),
#if IS_ENABLED(CONFIG_KPROBES)
	KUNIT_CASE(settled_shells_go_on_under_hog),
#endif
	KUNIT_CASE(pump_keeps_one_shell_after_another),
	KUNIT_CASE(other_work_beside_busy_pump),
	KUNIT_CASE(other_work_beside_busy_pump_on_system_wq),
	KUNIT_CASE(flush_workqueue_beside_busy_pump),
#if IS_ENABLED(CONFIG_KRETPROBES)
	KUNIT_CASE(rescuer_is_not_kept),
	KUNIT_CASE(fence_waits_for_work_while_rescued),
#endif
	KUNIT_CASE(short_jobs_in_order),
	KUNIT_CASE(long_job_delays_no_other_shell),
	KUNIT_CASE(late_queue_wakes_another),
	KUNIT_CASE(late_queue_with_full_backlog_wakes_another),
	KUNIT_CASE(late_job_without_another_wakes_a_pump),
	KUNIT_CASE(late_job_submitted_beside_long_one_wakes_a_pump),
	KUNIT_CASE(no_polls_behind_program),
	KUNIT_CASE(rcu_tasks_beside_busy_pump),
	KUNIT_CASE(stretch_ends_by_number),
	KUNIT_CASE(stretch_ends_by_time),
	{}
};

static struct kunit_suite padata_pump_suite = {
	.name = "padata_pump",
	.suite_init = test_root_get,
	.suite_exit = test_root_put,
	.test_cases = padata_pump_cases,
};

kunit_test_suite(padata_pump_suite);

MODULE_DESCRIPTION("KUnit: padata's pumps serve all, in turn");
MODULE_LICENSE("GPL");
