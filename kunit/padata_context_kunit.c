// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_context: both callbacks run with softirqs disabled and interrupts on,
 * on the right CPUs, wherever jobs are submitted and completed.
 */
#include "padata_test.h"

/* Submits from softirq, a full window at a time. */
struct context_softirq {
	struct test_lane	*lane;
	struct timer_list	timer;
	struct tasklet_struct	tasklet;
};

/* Counts how often its softirq ran. */
struct context_counter {
	struct tasklet_struct	tasklet;
	atomic_t		ran;
};

static struct test_lane *context_lane(struct kunit *test, const struct test_load *load)
{
	struct test_bed *bed = bed_make(test);

	return bed_lane(bed, bed_shell(bed), load);
}

/* All jobs end in one way. */
static void context_end(struct kunit *test, enum test_end end)
{
	struct test_lane *lane = context_lane(test, &(struct test_load){
		.jobs = test_scale(1000), .window = 64, .spin_us = 5,
		.percent = 100, .end = end });

	lane_run(lane);
	bed_expect_clean(lane->bed);
}

static void do_parallel_from_task(struct kunit *test)
{
	context_end(test, TEST_END_PARALLEL);
}

static void do_serial_irqs_disabled(struct kunit *test)
{
	context_end(test, TEST_END_IRQSOFF);
}

static void context_count(struct tasklet_struct *tasklet)
{
	atomic_inc(&container_of(tasklet, struct context_counter, tasklet)->ran);
}

/* Ends a job with interrupts off and a softirq due; true when that one ran. */
static bool context_end_irqsoff(struct test_lane *lane, u32 nr, struct context_counter *counter)
{
	unsigned long flags;
	int ran;

	local_irq_save(flags);
	tasklet_schedule(&counter->tasklet);
	ran = atomic_read(&counter->ran);
	lane_release_job(lane, nr);
	ran = atomic_read(&counter->ran) - ran;
	local_irq_restore(flags);
	return ran;
}

/* A task that has interrupts off gets no softirq under its feet. */
static void do_serial_irqs_disabled_in_task(struct kunit *test)
{
	struct test_lane *lane = context_lane(test, &(struct test_load){
		.jobs = 200, .percent = 100, .end = TEST_END_HELD });
	struct context_counter counter = { };
	u32 nr, ran = 0;

	lane_run(lane);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, lane->load.jobs));
	tasklet_setup(&counter.tasklet, context_count);
	for (nr = 0; nr < lane->load.jobs; nr++)
		ran += context_end_irqsoff(lane, nr, &counter);
	tasklet_kill(&counter.tasklet);
	KUNIT_EXPECT_EQ(test, ran, 0);
	KUNIT_EXPECT_GT(test, atomic_read(&counter.ran), 0);
	bed_expect_clean(lane->bed);
}

static void do_serial_from_work(struct kunit *test)
{
	context_end(test, TEST_END_WORK);
}

static void do_serial_from_thread(struct kunit *test)
{
	context_end(test, TEST_END_THREAD);
}

static void do_serial_from_softirq(struct kunit *test)
{
	context_end(test, TEST_END_TIMER);
}

static void do_serial_from_hrtimer(struct kunit *test)
{
	context_end(test, TEST_END_HRTIMER);
}

static void do_serial_from_irq_work(struct kunit *test)
{
	context_end(test, TEST_END_IRQ_WORK);
}

/* ---- completions in interrupts of a CPU that a realtime task has ---- */

#define CONTEXT_ROUNDS	5

/**
 * struct context_hog - a realtime task on whose CPU a job is completed
 * @hog: The task.
 * @irq_work: Completes the job in a hard interrupt of that CPU.
 * @lane: Its last job is held.
 */
struct context_hog {
	struct test_hog		hog;
	struct irq_work		irq_work;
	struct test_lane	*lane;
};

static void context_hog_irq(struct irq_work *irq_work)
{
	struct test_lane *lane = container_of(irq_work, struct context_hog, irq_work)->lane;

	lane_release_job(lane, lane->submitted - 1);
}

/* The two below are called by the realtime task. */
static void context_hog_interrupt(struct test_hog *hog)
{
	irq_work_queue(&container_of(hog, struct context_hog, hog)->irq_work);
}

static void context_hog_irqsoff(struct test_hog *hog)
{
	unsigned long flags;

	local_irq_save(flags);
	context_hog_irq(&container_of(hog, struct context_hog, hog)->irq_work);
	local_irq_restore(flags);
}

/* Return true if the callback came while the task had the CPU. */
static bool context_end_beside_hog(struct test_lane *lane, void (*end)(struct test_hog *hog))
{
	struct context_hog hog = { .hog = { .still = true, .begin = end }, .lane = lane };
	bool done;

	hog.irq_work = IRQ_WORK_INIT_HARD(context_hog_irq);
	KUNIT_ASSERT_EQ(lane->bed->test, lane_submit(lane), 0);
	test_hog_start(lane->bed->test, &hog.hog, test_last_cpu());
	done = lane_wait_done(lane, lane->submitted);
	done = test_hog_stop(&hog.hog) && done;
	irq_work_sync(&hog.irq_work);
	return done;
}

/* The callback CPU is another one, and idle.  An emulator may stop it, so a few rounds. */
static void context_beside_hog(struct kunit *test, void (*end)(struct test_hog *hog))
{
	const struct test_load load = { .jobs = 1, .percent = 100, .end = TEST_END_HELD,
		.submit = padata_do_inline };
	struct test_lane *lane;
	bool good = false;
	int i;

	if (num_online_cpus() == 1)
		return;
	test_keep_off_last_cpu(test);
	lane = context_lane(test, &load);
	lane->cb_cpu = test_online_cpu(0);
	for (i = 0; i < CONTEXT_ROUNDS && !good; i++)
		good = context_end_beside_hog(lane, end);
	KUNIT_EXPECT_TRUE(test, good);
	bed_expect_clean(lane->bed);
}

static void do_serial_from_irq_work_beside_fifo_task(struct kunit *test)
{
	context_beside_hog(test, context_hog_interrupt);
}

static void do_serial_irqs_disabled_in_fifo_task(struct kunit *test)
{
	context_beside_hog(test, context_hog_irqsoff);
}

/* Lots of interrupts: some of them hit CPUs that hold padata's own locks. */
static void do_serial_from_hardirq_many_lanes(struct kunit *test)
{
	const struct test_load load = {
		.jobs = test_scale(3000), .window = 32, .spin_us = 2,
		.percent = 60, .end = TEST_END_HRTIMER };
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	struct test_lane *lanes[4];
	int i;

	for (i = 0; i < ARRAY_SIZE(lanes); i++)
		lanes[i] = bed_lane(bed, ps, &load);
	for (i = 0; i < ARRAY_SIZE(lanes); i++)
		lane_start(lanes[i]);
	bed_expect_clean(bed);
}

/* True when all jobs have been submitted. */
static bool context_submit_window(struct test_lane *lane)
{
	while (lane->submitted < lane->load.jobs && !READ_ONCE(lane->bed->ending)) {
		if (lane_in_flight(lane) >= lane->nr_pool || lane_submit(lane))
			return false;
	}
	complete_all(&lane->fed);
	return true;
}

static void context_timer(struct timer_list *timer)
{
	struct context_softirq *softirq = container_of(timer, struct context_softirq, timer);

	if (!context_submit_window(softirq->lane))
		mod_timer(timer, jiffies + 1);
}

static void context_tasklet(struct tasklet_struct *tasklet)
{
	struct context_softirq *softirq =
		container_of(tasklet, struct context_softirq, tasklet);

	if (!context_submit_window(softirq->lane))
		tasklet_schedule(tasklet);
}

static void context_softirq_stop(void *arg)
{
	struct context_softirq *softirq = arg;

	WRITE_ONCE(softirq->lane->bed->ending, true);
	wait_for_completion(&softirq->lane->fed);
	timer_delete_sync(&softirq->timer);
	tasklet_kill(&softirq->tasklet);
}

static struct context_softirq *context_softirq(struct kunit *test, struct test_lane *lane)
{
	struct context_softirq *softirq = kunit_kzalloc(test, sizeof(*softirq), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, softirq);
	softirq->lane = lane;
	timer_setup(&softirq->timer, context_timer, 0);
	tasklet_setup(&softirq->tasklet, context_tasklet);
	return softirq;
}

/* Whichever the test has started ends in any case. */
static void context_softirq_wait(struct kunit *test, struct context_softirq *softirq)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, context_softirq_stop, softirq), 0);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&softirq->lane->fed, TEST_TIMEOUT), 0);
	bed_expect_clean(softirq->lane->bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&softirq->lane->done), softirq->lane->load.jobs);
}

static void do_parallel_from_timer(struct kunit *test)
{
	struct test_lane *lane = context_lane(test, &(struct test_load){
		.jobs = test_scale(2000), .window = 128, .spin_us = 5,
		.percent = 5, .end = TEST_END_MIX });
	struct context_softirq *softirq = context_softirq(test, lane);

	mod_timer(&softirq->timer, jiffies);
	context_softirq_wait(test, softirq);
}

static void do_parallel_from_tasklet(struct kunit *test)
{
	struct test_lane *lane = context_lane(test, &(struct test_load){
		.jobs = 200, .spin_us = 5, .own_memory = true });
	struct context_softirq *softirq = context_softirq(test, lane);

	tasklet_schedule(&softirq->tasklet);
	context_softirq_wait(test, softirq);
}

static void do_inline_from_tasklet(struct kunit *test)
{
	struct test_lane *lane = context_lane(test, &(struct test_load){
		.jobs = 200, .spin_us = 5, .submit = padata_do_inline });
	struct context_softirq *softirq = context_softirq(test, lane);

	tasklet_schedule(&softirq->tasklet);
	context_softirq_wait(test, softirq);
	KUNIT_EXPECT_EQ(test, atomic_read(&lane->inlined), lane->load.jobs);
}

static void do_inline_from_task(struct kunit *test)
{
	struct test_lane *lane = context_lane(test, &(struct test_load){
		.jobs = test_scale(1000), .window = 64, .spin_us = 5,
		.submit = padata_do_inline });

	lane_run(lane);
	bed_expect_clean(lane->bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&lane->inlined), lane->load.jobs);
}

static void context_chain(struct kunit *test, const struct test_load *load)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_chain(bed, bed_shell(bed), load);

	lane_run_chain(lane);
	bed_expect_clean(bed);
}

static void do_parallel_from_serial(struct kunit *test)
{
	context_chain(test, &(struct test_load){
		.jobs = test_scale(3000), .window = 16, .spin_us = 5 });
}

/* parallel() runs inside serial(), and its padata_do_serial() does, too. */
static void do_inline_from_serial(struct kunit *test)
{
	context_chain(test, &(struct test_load){
		.jobs = test_scale(3000), .window = 16, .submit = padata_do_inline });
}

/* Ends the job of the same number on the lane before: from inside serial(). */
static void context_end_other(struct test_lane *lane, u32 nr)
{
	lane_release_job(list_prev_entry(lane, node), nr);
}

static void do_serial_from_serial(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *held = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 200, .percent = 100, .end = TEST_END_HELD });
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 200, .spin_us = 5 });

	lane->in_serial = context_end_other;
	lane_run(held);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(held, held->load.jobs));
	lane_run(lane);
	bed_expect_clean(bed);
}

/*
 * More slow jobs at once than may wait: the submitter has to run some itself,
 * with softirqs as disabled as anywhere (CVE-2022-50382).
 */
#define CONTEXT_FLOOD { \
	.jobs = 200, .spin_us = 1000, .spin_even = true, \
	.percent = 10, .end = TEST_END_IRQSOFF }

/* So little may wait that a submission may be slow, as it is on debug kernels. */
static void context_narrow(struct test_bed *bed)
{
	test_set_param(bed->test, "/sys/module/padata_mod/parameters/backlog", "1024", "64");
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(test_last_cpu()));
}

static void do_parallel_backlog_full(struct kunit *test)
{
	struct test_lane *lane = context_lane(test, &(struct test_load)CONTEXT_FLOOD);
	struct test_bed *bed = lane->bed;

	context_narrow(bed);
	lane_run(lane);
	bed_expect_clean(bed);
	KUNIT_EXPECT_GT(test, atomic_read(&lane->inlined), 0);
}

static void do_parallel_backlog_full_in_softirq(struct kunit *test)
{
	struct test_lane *lane = context_lane(test, &(struct test_load)CONTEXT_FLOOD);
	struct context_softirq *softirq = context_softirq(test, lane);

	context_narrow(lane->bed);
	tasklet_schedule(&softirq->tasklet);
	context_softirq_wait(test, softirq);
	KUNIT_EXPECT_GT(test, atomic_read(&lane->inlined), 0);
}

/* Each CPU in turn, under load from the others. */
static void serial_runs_on_callback_cpu(struct kunit *test)
{
	const struct test_load load = {
		.jobs = test_scale(500), .window = 32, .spin_us = 5,
		.percent = 10, .end = TEST_END_MIX };
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	struct test_lane *lane;
	int cpu;

	for_each_online_cpu(cpu) {
		lane = bed_lane(bed, ps, &load);
		lane->cb_cpu = cpu;
		lane_start(lane);
	}
	bed_expect_clean(bed);
	for_each_online_cpu(cpu)
		KUNIT_EXPECT_EQ(test, atomic_read(&bed->record.served[cpu]), load.jobs);
}

/* Every mask of one CPU: all jobs run there, or in the submitter's call. */
static void parallel_runs_in_parallel_mask(struct kunit *test)
{
	struct test_lane *lane = context_lane(test, &(struct test_load){
		.jobs = test_scale(500), .window = 32, .spin_us = 5,
		.percent = 10, .end = TEST_END_MIX });
	struct test_bed *bed = lane->bed;
	int cpu;

	for_each_online_cpu(cpu) {
		bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(cpu));
		bed_allow(bed, cpumask_of(cpu));
		lane_run(lane);
		bed_expect_clean(bed);
		KUNIT_EXPECT_GT(test, atomic_read(&bed->record.ran[cpu]), 0);
	}
}

static struct kunit_case padata_context_cases[] = {
	KUNIT_CASE(do_parallel_from_task),
	KUNIT_CASE(do_parallel_from_timer),
	KUNIT_CASE(do_parallel_from_tasklet),
	KUNIT_CASE(do_parallel_from_serial),
	KUNIT_CASE(do_parallel_backlog_full),
	KUNIT_CASE(do_parallel_backlog_full_in_softirq),
	KUNIT_CASE(do_inline_from_task),
	KUNIT_CASE(do_inline_from_tasklet),
	KUNIT_CASE(do_inline_from_serial),
	KUNIT_CASE(do_serial_irqs_disabled),
	KUNIT_CASE(do_serial_irqs_disabled_in_task),
	KUNIT_CASE(do_serial_from_work),
	KUNIT_CASE(do_serial_from_thread),
	KUNIT_CASE(do_serial_from_softirq),
	KUNIT_CASE(do_serial_from_hrtimer),
	KUNIT_CASE(do_serial_from_irq_work),
	KUNIT_CASE(do_serial_from_irq_work_beside_fifo_task),
	KUNIT_CASE(do_serial_irqs_disabled_in_fifo_task),
	KUNIT_CASE(do_serial_from_hardirq_many_lanes),
	KUNIT_CASE(do_serial_from_serial),
	KUNIT_CASE(serial_runs_on_callback_cpu),
	KUNIT_CASE(parallel_runs_in_parallel_mask),
	{}
};

static struct kunit_suite padata_context_suite = {
	.name = "padata_context",
	.suite_init = test_root_get,
	.suite_exit = test_root_put,
	.test_cases = padata_context_cases,
};

kunit_test_suite(padata_context_suite);

MODULE_DESCRIPTION("KUnit: the contexts and CPUs of padata's callbacks");
MODULE_LICENSE("GPL");
