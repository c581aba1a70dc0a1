// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_pod: the queues of an instance.  Pods are made smaller than caches by the
 * parameter pod_cpus.  Most cases have pods of two CPUs: A of the first two, B of the next.
 */
#include "padata_test.h"

#define POD_PARAM(name)	"/sys/module/padata_mod/parameters/" name
#define POD_A		0
#define POD_B		2
#define POD_JOBS	20
/* Much longer than anything here should take, and less than until a queue is late. */
#define POD_WAIT_MS	6000
#define POD_STUCK_MS	8000

/* A job that keeps its CPU with softirqs disabled until the test ends it. */
struct pod_stuck {
	struct padata_shell	*ps;
	struct padata_priv	padata;
	atomic_t		begun;
	atomic_t		may_end;
	struct completion	called;
};

/* The value of pod_cpus that the module was loaded with. */
static char pod_cpus_was[16];

static int pod_suite_init(struct kunit_suite *suite)
{
	int err = test_root_get(suite);

	if (err)
		return err;
	return test_read_file(POD_PARAM("pod_cpus"), pod_cpus_was, sizeof(pod_cpus_was)) > 0 ?
	       0 : -EIO;
}

static struct test_bed *pod_bed(struct kunit *test, const char *cpus)
{
	test_set_param(test, POD_PARAM("pod_cpus"), pod_cpus_was, cpus);
	return bed_make(test);
}

/* Queues are not late for ten seconds, and no work is worth a second pump. */
static void pod_wake_no_more(struct kunit *test)
{
	test_set_param(test, POD_PARAM("wakeup_cost_ns"), "10000", "1000000000");
}

static bool pod_has_two(void)
{
	int cpu;

	for (cpu = 0; cpu < 4; cpu++)
		if (!cpu_online(cpu) || cpu_to_node(cpu) != cpu_to_node(cpu & ~1))
			return false;
	return true;
}

/*
 * Pods A and B, of two CPUs each, that do no more for each other than they must.  Return
 * NULL where the guest has fewer CPUs, which shows nothing.
 */
static struct test_bed *pod_two(struct kunit *test)
{
	if (!pod_has_two())
		return NULL;
	pod_wake_no_more(test);
	return pod_bed(test, "2");
}

static void pod_move_here(struct kunit *test, int cpu)
{
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
}

/* Submits @nr jobs of the lane from @cpu, whatever their callback CPU is. */
static void pod_feed(struct test_lane *lane, int cpu, u32 nr)
{
	struct kunit *test = lane->bed->test;

	pod_move_here(test, cpu);
	KUNIT_EXPECT_EQ(test, lane_feed(lane, nr), 0);
}

static struct test_lane *pod_lane(struct test_bed *bed, struct padata_shell *ps, int cb_cpu)
{
	struct test_lane *lane = bed_lane(bed, ps, &(struct test_load){
		.jobs = 1000, .any_cpu = true });

	lane->cb_cpu = cb_cpu;
	return lane;
}

static bool pod_done_in_time(struct test_lane *lane, u32 nr)
{
	WRITE_ONCE(lane->wake_done, nr);
	return wait_event_timeout(lane->wq, (u32)atomic_read(&lane->done) >= nr,
				  msecs_to_jiffies(POD_WAIT_MS));
}

/* How many jobs ran on the two CPUs from @cpu on. */
static int pod_ran(struct test_bed *bed, int cpu)
{
	return atomic_read(&bed->record.ran[cpu]) + atomic_read(&bed->record.ran[cpu + 1]);
}

/*
 * From here on a job's length is known in the pod of @cpu.  Before, another pod may take one
 * where a host does not run a CPU of the pod for a while.
 */
static void pod_warm_up(struct test_bed *bed, int cpu)
{
	struct test_lane *lane = pod_lane(bed, bed_shell(bed), cpu);
	int i;

	for (i = 0; i < 100 && pod_ran(bed, cpu) < 3; i++) {
		pod_feed(lane, cpu, 1);
		KUNIT_EXPECT_TRUE(bed->test, lane_wait_done(lane, i + 1));
	}
	for_each_possible_cpu(i)
		atomic_set(&bed->record.ran[i], 0);
}

static void pod_stuck_parallel(struct padata_priv *padata)
{
	struct pod_stuck *stuck = container_of(padata, struct pod_stuck, padata);
	ktime_t end = ktime_add_ms(ktime_get(), POD_STUCK_MS);

	atomic_set(&stuck->begun, 1);
	while (!atomic_read(&stuck->may_end) && ktime_before(ktime_get(), end))
		cpu_relax();
	padata_do_serial(padata);
}

static void pod_stuck_serial(struct padata_priv *padata)
{
	complete(&container_of(padata, struct pod_stuck, padata)->called);
}

static void pod_stuck_end(void *arg)
{
	struct pod_stuck *stuck = arg;

	atomic_set(&stuck->may_end, 1);
	padata_free_shell(stuck->ps);
	stuck->ps = NULL;
}

/*
 * Keeps CPU @cpu + 1, the only one of the pod of @cpu that may pull.  It is ended with the
 * test, before the bed goes.
 */
static struct pod_stuck *pod_stick(struct test_bed *bed, int cpu)
{
	struct kunit *test = bed->test;
	struct pod_stuck *stuck = kunit_kzalloc(test, sizeof(*stuck), GFP_KERNEL);
	int cb_cpu = cpu;

	KUNIT_ASSERT_NOT_NULL(test, stuck);
	stuck->ps = padata_alloc_shell(bed->pinst);
	KUNIT_ASSERT_NOT_NULL(test, stuck->ps);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pod_stuck_end, stuck), 0);
	stuck->padata.parallel = pod_stuck_parallel;
	stuck->padata.serial = pod_stuck_serial;
	init_completion(&stuck->called);
	pod_move_here(test, cpu);
	KUNIT_ASSERT_EQ(test, padata_do_parallel(stuck->ps, &stuck->padata, &cb_cpu), 0);
	while (!atomic_read(&stuck->begun))
		cond_resched();
	return stuck;
}

static void pod_unstick(struct test_bed *bed, struct pod_stuck *stuck)
{
	kunit_release_action(bed->test, pod_stuck_end, stuck);
}

/* The submitter's own CPU, the first of a pod, does no work. */
static struct cpumask *pod_mask(struct test_bed *bed)
{
	struct cpumask *mask = bed_mask(bed);

	cpumask_copy(mask, cpu_possible_mask);
	cpumask_clear_cpu(POD_A, mask);
	cpumask_clear_cpu(POD_B, mask);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, mask);
	return mask;
}

/* Two pods, one CPU of each does no work, and the length of jobs is known in A. */
static struct test_bed *pod_two_known(struct kunit *test)
{
	struct test_bed *bed = pod_two(test);

	if (!bed)
		return NULL;
	pod_mask(bed);
	pod_warm_up(bed, POD_A);
	return bed;
}

/* ---- whose pumps run a job ---- */

/*
 * An emulator that has one thread for all CPUs stops each for long, which has jobs look long;
 * many such at once are worth the way to another pod.  kunit.sh submits a few there.
 */
static unsigned int at_once = 500;
module_param(at_once, uint, 0444);
MODULE_PARM_DESC(at_once, "jobs that are submitted at once where none is to be stolen; divides 500");

static void jobs_run_in_pod_of_submitter(struct kunit *test)
{
	struct test_bed *bed = pod_two(test);
	struct test_lane *lane;
	u32 nr;
	int cpu;

	if (!bed)
		return;
	KUNIT_ASSERT_TRUE(test, at_once && 500 % at_once == 0);
	for (cpu = POD_A; cpu <= POD_B; cpu += 2) {
		pod_warm_up(bed, cpu);
		lane = pod_lane(bed, bed_shell(bed), 3 - cpu);
		for (nr = at_once; nr <= 500; nr += at_once) {
			pod_feed(lane, cpu, at_once);
			KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, nr));
		}
		bed_expect_clean(bed);
		KUNIT_EXPECT_EQ(test, pod_ran(bed, cpu), 500);
	}
}

/* The callbacks are left to a CPU of another pod, since A has none to spare. */
static void jobs_of_pod_held_up_are_stolen(struct kunit *test)
{
	struct test_bed *bed = pod_two_known(test);
	struct pod_stuck *stuck;
	struct test_lane *lane;

	if (!bed)
		return;
	stuck = pod_stick(bed, POD_A);
	/* Until here nothing is to be stolen. */
	KUNIT_ASSERT_GT(test, test_write_file(POD_PARAM("wakeup_cost_ns"), "10000"), 0);
	lane = pod_lane(bed, bed_shell(bed), POD_B);
	pod_feed(lane, POD_A, POD_JOBS);
	KUNIT_EXPECT_TRUE(test, pod_done_in_time(lane, POD_JOBS));
	KUNIT_EXPECT_EQ(test, pod_ran(bed, POD_A), 0);
	KUNIT_EXPECT_FALSE(test, completion_done(&stuck->called));
	pod_unstick(bed, stuck);
	bed_expect_clean(bed);
}

/* No pump is idle: that of B has work of its own for more than a second. */
static void jobs_of_pod_held_up_are_taken_by_busy_pod(struct kunit *test)
{
	const struct test_load load = { .jobs = 300, .window = 300, .spin_us = 5000,
		.spin_even = true, .any_cpu = true };
	struct test_bed *bed = pod_two_known(test);
	struct test_lane *lane, *busy;
	struct pod_stuck *stuck;

	if (!bed)
		return;
	busy = bed_lane(bed, bed_shell(bed), &load);
	busy->cb_cpu = POD_B;
	lane = pod_lane(bed, bed_shell(bed), POD_B);
	stuck = pod_stick(bed, POD_A);
	pod_feed(busy, POD_B, load.jobs);
	KUNIT_ASSERT_GT(test, test_write_file(POD_PARAM("wakeup_cost_ns"), "10000"), 0);
	pod_feed(lane, POD_A, POD_JOBS);
	KUNIT_EXPECT_TRUE(test, pod_done_in_time(lane, POD_JOBS));
	KUNIT_EXPECT_LT(test, atomic_read(&busy->done), load.jobs);
	KUNIT_EXPECT_FALSE(test, completion_done(&stuck->called));
	pod_unstick(bed, stuck);
	bed_expect_clean(bed);
}

/* One submitter, whose pod has one CPU: all others get their work by stealing. */
static void stealing_uses_all_cpus(struct kunit *test)
{
	const struct test_load load = { .jobs = TEST_SLOW ? 1200 : 4000, .window = 96,
		.spin_us = 50, .spin_even = true };
	struct test_bed *bed = pod_bed(test, "1");
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &load);
	int i, cpu, idle = 1;

	pod_move_here(test, test_online_cpu(0));
	/* A host may not run each CPU of the guest for as long as one round takes. */
	for (i = 0; i < 10 && idle; i++) {
		idle = 0;
		KUNIT_EXPECT_EQ(test, lane_feed(lane, load.jobs), 0);
		for_each_online_cpu(cpu)
			idle += !atomic_read(&bed->record.ran[cpu]);
	}
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(test, idle, 0);
}

/* ---- a shell is in one pod at a time ---- */

static void shell_changes_pods_when_empty(struct kunit *test)
{
	struct test_bed *bed = pod_two(test);
	struct pod_stuck *stuck;
	struct test_lane *lane;
	int ran;

	if (!bed)
		return;
	pod_mask(bed);
	pod_warm_up(bed, POD_B);
	pod_warm_up(bed, POD_A);
	stuck = pod_stick(bed, POD_A);
	lane = pod_lane(bed, bed_shell(bed), POD_B);
	pod_feed(lane, POD_A, POD_JOBS);
	pod_feed(lane, POD_B, POD_JOBS);
	/* Those of the other pod would run at once. */
	schedule_timeout_idle(HZ / 20);
	KUNIT_EXPECT_EQ(test, pod_ran(bed, POD_B), 0);
	pod_unstick(bed, stuck);
	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, 2 * POD_JOBS));
	/* They were late, so the other pod may have stolen some. */
	ran = pod_ran(bed, POD_B);
	KUNIT_EXPECT_EQ(test, pod_ran(bed, POD_A) + ran, 2 * POD_JOBS);
	KUNIT_EXPECT_LT(test, ran, 2 * POD_JOBS);
	pod_feed(lane, POD_B, POD_JOBS);
	bed_expect_clean(bed);
	KUNIT_EXPECT_GT(test, pod_ran(bed, POD_B), ran);
}

/* ---- a pod that loses its CPUs ---- */

static struct cpumask *pod_new_mask;

static void pod_set_new_mask(struct test_waiter *waiter)
{
	bed_set_mask(waiter->bed, PADATA_CPU_PARALLEL, pod_new_mask);
}

/*
 * All CPUs of A leave the mask while jobs are queued there, and a job of another shell has
 * its pump.  The call waits for that one, and so comes from a work item.
 */
static void pod_that_leaves_mask_loses_nothing(struct kunit *test)
{
	struct test_bed *bed = pod_two(test);
	struct test_waiter *waiter;
	struct test_lane *lane, *later;
	struct pod_stuck *stuck;

	if (!bed)
		return;
	pod_new_mask = bed_mask(bed);
	cpumask_andnot(pod_new_mask, pod_mask(bed), cpumask_of(POD_A + 1));
	pod_warm_up(bed, POD_A);
	waiter = bed_waiter(bed, pod_set_new_mask);
	stuck = pod_stick(bed, POD_A);
	lane = pod_lane(bed, bed_shell(bed), POD_B);
	later = pod_lane(bed, bed_shell(bed), POD_B);
	pod_feed(lane, POD_A, POD_JOBS);
	KUNIT_EXPECT_EQ(test, atomic_read(&lane->done), 0);
	bed_allow(bed, pod_new_mask);
	test_waiter_start(waiter);
	KUNIT_ASSERT_TRUE(test, pod_done_in_time(lane, POD_JOBS));
	/* Both an empty shell that was there and a new one go elsewhere. */
	pod_feed(lane, POD_A, POD_JOBS);
	pod_feed(later, POD_A, POD_JOBS);
	KUNIT_EXPECT_TRUE(test, pod_done_in_time(lane, 2 * POD_JOBS));
	KUNIT_EXPECT_TRUE(test, pod_done_in_time(later, POD_JOBS));
	KUNIT_EXPECT_EQ(test, pod_ran(bed, POD_A), 0);
	pod_unstick(bed, stuck);
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(waiter));
	bed_expect_clean(bed);
}

static void pod_that_comes_back_is_used(struct kunit *test)
{
	struct test_bed *bed = pod_two(test);
	struct cpumask *mask;
	struct test_lane *lane;

	if (!bed)
		return;
	mask = bed_mask(bed);
	cpumask_andnot(mask, pod_mask(bed), cpumask_of(POD_A + 1));
	pod_warm_up(bed, POD_A);
	lane = pod_lane(bed, bed_shell(bed), POD_B);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, mask);
	pod_feed(lane, POD_A, POD_JOBS);
	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, POD_JOBS));
	KUNIT_EXPECT_EQ(test, pod_ran(bed, POD_A), 0);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpu_possible_mask);
	pod_feed(lane, POD_A, POD_JOBS);
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(test, pod_ran(bed, POD_A), POD_JOBS);
}

/* ---- under load ---- */

static const struct test_load pod_load = {
	.jobs = U32_MAX, .window = 48, .spin_us = 20, .any_cpu = true,
	.percent = 20, .end = TEST_END_MIX };

/* A submitter on each CPU, two of them for each shell. */
static void pod_start_lanes(struct test_bed *bed)
{
	struct padata_shell *ps = NULL;
	struct test_lane *lane;
	int cpu, n = 0;

	for_each_online_cpu(cpu) {
		if (n == 16)
			break;
		if (!(n++ % 2))
			ps = bed_shell(bed);
		lane = bed_lane(bed, ps, &pod_load);
		lane_start(lane);
		KUNIT_EXPECT_EQ(bed->test, 0,
				set_cpus_allowed_ptr(lane->thread, cpumask_of(cpu)));
	}
}

/* Waits until each lane has had so many callbacks more.  A job that is lost ends the test. */
static void pod_expect_progress(struct test_bed *bed, u32 nr)
{
	struct test_lane *lane;

	list_for_each_entry(lane, &bed->lanes, node)
		KUNIT_ASSERT_TRUE(bed->test, lane_wait_done(lane, atomic_read(&lane->done) + nr));
}

static void pod_expect_order(struct kunit *test, const char *cpus)
{
	struct test_bed *bed = pod_bed(test, cpus);

	pod_start_lanes(bed);
	pod_expect_progress(bed, test_scale(3000));
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
}

static void order_with_submitters_on_all_pods(struct kunit *test)
{
	pod_expect_order(test, "1");
	pod_expect_order(test, "2");
}

/* Pods lose their CPUs and get them back, by the mask, while all submit. */
static void masks_change_under_load(struct kunit *test)
{
	struct test_bed *bed;
	struct cpumask *mask;
	int i, cpu;

	pod_wake_no_more(test);
	bed = pod_bed(test, "1");
	mask = bed_mask(bed);
	pod_start_lanes(bed);
	for (i = 0; i < (TEST_SLOW ? 10 : 40); i++) {
		cpumask_clear(mask);
		for_each_online_cpu(cpu)
			if ((cpu + i) % 3)
				cpumask_set_cpu(cpu, mask);
		bed_set_mask(bed, PADATA_CPU_PARALLEL, mask);
		pod_expect_progress(bed, 20);
	}
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
}

static void pod_unplug(struct kunit *test, unsigned long cpu)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_online, (void *)cpu), 0);
	KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
}

/* Both CPUs of B go and come back while all submit. */
static void cpus_of_pod_go_under_load(struct kunit *test)
{
	struct test_bed *bed = pod_two(test);
	int i;

	if (!bed)
		return;
	pod_start_lanes(bed);
	for (i = 0; i < (TEST_SLOW ? 2 : 5); i++) {
		pod_unplug(test, POD_B);
		pod_unplug(test, POD_B + 1);
		pod_expect_progress(bed, 20);
		kunit_release_action(test, test_online, (void *)(POD_B + 1UL));
		kunit_release_action(test, test_online, (void *)(unsigned long)POD_B);
		pod_expect_progress(bed, 20);
	}
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
}

/* ---- promises ---- */

/*
 * The only pump is about to sleep when a job comes: it has promised to look again.  Nothing
 * else would notice for ten seconds.  Returns when a job was not called back in time.
 */
static bool pod_submit_singles(struct test_lane *lane, u32 nr)
{
	ktime_t end;
	u32 i;

	for (i = 1; i <= nr; i++) {
		test_loop(prandom_u32_state(&lane->rnd) % (4 * test_loops_per_us));
		if (lane_submit(lane))
			return false;
		end = ktime_add_ms(ktime_get(), POD_WAIT_MS);
		while (atomic_read(&lane->done) < i)
			if (ktime_after(ktime_get(), end))
				return false;
		cond_resched();
	}
	return true;
}

static void pump_that_goes_to_sleep_keeps_its_promise(struct kunit *test)
{
	struct test_bed *bed = pod_two_known(test);
	u32 nr = test_scale(5000);
	struct test_lane *lane;

	if (!bed)
		return;
	test_set_param(test, POD_PARAM("poll_ns"), "10000", "0");
	lane = bed_lane(bed, bed_shell(bed), &(struct test_load){ .jobs = nr, .any_cpu = true });
	lane->cb_cpu = POD_A + 1;
	KUNIT_EXPECT_TRUE(test, pod_submit_singles(lane, nr));
	bed_expect_clean(bed);
}

/* ---- the backlog ---- */

/* Submits from @cpu; returns how many of @nr jobs found room. */
static int pod_fill(struct test_bed *bed, int cpu, u32 nr)
{
	struct test_lane *lane = pod_lane(bed, bed_shell(bed), 0);

	pod_feed(lane, cpu, nr);
	return nr - atomic_read(&lane->inlined);
}

/* Both pods are held up.  Each shell gets as much as it leaves, wherever it submits. */
static void backlog_is_shared(struct kunit *test)
{
	struct test_bed *bed = pod_two(test);
	struct pod_stuck *a, *b;

	if (!bed)
		return;
	cpumask_copy(pod_new_mask = bed_mask(bed), cpumask_of(POD_A + 1));
	cpumask_set_cpu(POD_B + 1, pod_new_mask);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, pod_new_mask);
	pod_warm_up(bed, POD_B);
	pod_warm_up(bed, POD_A);
	test_set_param(test, POD_PARAM("backlog"), "1024", "16");
	a = pod_stick(bed, POD_A);
	b = pod_stick(bed, POD_B);
	KUNIT_EXPECT_EQ(test, pod_fill(bed, POD_A, 30), 8);
	KUNIT_EXPECT_EQ(test, pod_fill(bed, POD_B, 30), 4);
	KUNIT_EXPECT_EQ(test, pod_fill(bed, POD_A, 30), 2);
	pod_unstick(bed, a);
	pod_unstick(bed, b);
	bed_expect_clean(bed);
}

static void pod_cpus_out_of_range_is_refused(struct kunit *test)
{
	test_set_param(test, POD_PARAM("pod_cpus"), pod_cpus_was, "8192");
	KUNIT_EXPECT_EQ(test, test_write_file(POD_PARAM("pod_cpus"), "8193"), -EINVAL);
	KUNIT_EXPECT_LT(test, test_write_file(POD_PARAM("pod_cpus"), "-1"), 0);
}

static struct kunit_case padata_pod_cases[] = {
	KUNIT_CASE(jobs_run_in_pod_of_submitter),
	KUNIT_CASE(jobs_of_pod_held_up_are_stolen),
	KUNIT_CASE(jobs_of_pod_held_up_are_taken_by_busy_pod),
	KUNIT_CASE(stealing_uses_all_cpus),
	KUNIT_CASE(shell_changes_pods_when_empty),
	KUNIT_CASE(pod_that_leaves_mask_loses_nothing),
	KUNIT_CASE(pod_that_comes_back_is_used),
	KUNIT_CASE(order_with_submitters_on_all_pods),
	KUNIT_CASE(masks_change_under_load),
	KUNIT_CASE(cpus_of_pod_go_under_load),
	KUNIT_CASE(pump_that_goes_to_sleep_keeps_its_promise),
	KUNIT_CASE(backlog_is_shared),
	KUNIT_CASE(pod_cpus_out_of_range_is_refused),
	{}
};

static struct kunit_suite padata_pod_suite = {
	.name = "padata_pod",
	.suite_init = pod_suite_init,
	.suite_exit = test_root_put,
	.test_cases = padata_pod_cases,
};

kunit_test_suite(padata_pod_suite);

MODULE_DESCRIPTION("KUnit: padata's pods");
MODULE_LICENSE("GPL");
