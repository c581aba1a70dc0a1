// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_watch: counters and the stall detector, instances in the form of 2010,
 * and that a chain of jobs is no recursion.
 */
#include <linux/iopoll.h>
#include <linux/kmsg_dump.h>
#include <linux/kprobes.h>
#include <linux/sched/clock.h>

#include "padata_test.h"

#define WATCH_CHAIN	500
#define WATCH_SLOW_MS	60

static unsigned long watch_pump_jobs(struct test_bed *bed)
{
	struct attribute *attr = bed_attr(bed, "jobs_per_cpu");
	struct kobject *kobj = &bed->pinst->kobj;
	char *buf = (char *)get_zeroed_page(GFP_KERNEL);
	unsigned long sum = 0, one;
	char *rest = buf, *word;

	if (attr && buf && kobj->ktype->sysfs_ops->show(kobj, attr, buf) > 0)
		while ((word = strsep(&rest, "\n ")))
			if (!kstrtoul(word, 0, &one))
				sum += one;
	free_page((unsigned long)buf);
	return sum;
}

#define PARAM(name) "/sys/module/padata_mod/parameters/" name

/* ---- the kernel's log ---- */

/* How many lines have all of @words in them, of those since the clock @since. */
static u32 watch_log(u64 since, const char * const *words)
{
	static char line[1024];
	struct kmsg_dump_iter iter;
	u64 seconds, micros;
	u32 found = 0;
	size_t len;
	int i;

	kmsg_dump_rewind(&iter);
	while (kmsg_dump_get_line(&iter, false, line, sizeof(line) - 1, &len)) {
		line[len] = 0;
		if (sscanf(line, "[%llu.%llu]", &seconds, &micros) != 2 ||
		    seconds * NSEC_PER_SEC + micros * NSEC_PER_USEC < since)
			continue;
		for (i = 0; words[i] && strstr(line, words[i]); i++)
			;
		found += !words[i];
	}
	return found;
}

#define WATCH_LOG(since, ...) \
	watch_log(since, (const char * const []){ __VA_ARGS__, NULL })

static bool watch_wait_log(u64 since, const char *one, const char *two)
{
	u32 found;

	return !read_poll_timeout(WATCH_LOG, found, found, 50 * USEC_PER_MSEC,
				  30 * USEC_PER_SEC, false, since, one, two);
}

/* ---- counters ---- */

static bool watch_wait_stretch(struct test_bed *bed, u64 ns)
{
	unsigned long now;

	return !read_poll_timeout(bed_counter, now, now >= ns, 10 * USEC_PER_MSEC,
				  5 * USEC_PER_SEC, false, bed, "softirq_off_max_ns");
}

static void counters_add_up(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 2000, .window = 64, .spin_us = 10 });

	lane_run(lane);
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(test, bed_counter(bed, "jobs_submitted"), 2000);
	KUNIT_EXPECT_EQ(test, bed_counter(bed, "jobs_completed"), 2000);
	KUNIT_EXPECT_EQ(test, bed_counter(bed, "jobs_inline"), bed_inlined(bed));
	KUNIT_EXPECT_EQ(test, watch_pump_jobs(bed), 2000 - bed_inlined(bed));
	KUNIT_EXPECT_GT(test, bed_counter(bed, "wakeups"), 0);
}

static void mask_changes_are_counted(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	unsigned long before = bed_counter(bed, "mask_changes");

	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpu_online_mask);
	bed_set_mask(bed, PADATA_CPU_SERIAL, cpu_online_mask);
	KUNIT_EXPECT_EQ(test, bed_counter(bed, "mask_changes"), before + 2);
	KUNIT_EXPECT_EQ(test, padata_set_cpumask(bed->pinst, 0, cpu_online_mask), -EINVAL);
	KUNIT_EXPECT_EQ(test, bed_counter(bed, "mask_changes"), before + 2);
}

/* Callbacks of both kinds that fill stretches by time and by number. */
static void stretches_end_in_time(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_load load = { .jobs = test_scale(20000), .window = 256 };
	struct test_lane *lane;

	lane_run(bed_lane(bed, bed_shell(bed), &load));
	load.jobs = test_scale(4000);
	load.spin_us = 100;
	load.serial_us = 20;
	lane = bed_lane(bed, bed_shell(bed), &load);
	lane_run(lane);
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(test, bed_counter(bed, "late_starts"), 0);
}

static void watch_slow_callback(struct test_lane *lane, u32 nr)
{
	u64 start = local_clock();

	while (local_clock() - start < WATCH_SLOW_MS * NSEC_PER_MSEC)
		cpu_relax();
}

/* One long callback makes a long stretch, by the same clock. */
static void longest_stretch_is_seen(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){ .jobs = 1 });
	u64 since = local_clock();

	lane->in_serial = watch_slow_callback;
	lane_run(lane);
	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, 1));
	padata_free_shell(bed_forget_shell(bed, lane->ps));
	/* A stretch counts when it is over. */
	padata_stop(bed->pinst);
	KUNIT_EXPECT_TRUE(test, watch_wait_stretch(bed, WATCH_SLOW_MS * NSEC_PER_MSEC));
	KUNIT_EXPECT_LE(test, bed_counter(bed, "softirq_off_max_ns"), local_clock() - since);
	bed_expect_clean(bed);
}

/* Jobs end in reverse, so that the first, which ends last, has all of them handed over. */
static unsigned long watch_depth(struct kunit *test, u32 jobs)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = jobs, .window = jobs, .percent = 100, .end = TEST_END_HELD });
	u32 nr;

	lane_run(lane);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, jobs));
	for (nr = jobs; nr--; )
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, nr));
	bed_expect_clean(bed);
	return bed_counter(bed, "reorder_depth_max");
}

static void reorder_depth_is_seen(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, watch_depth(test, 40), 40);
}

/* A drain keeps softirqs off: of so many it hands over a part, a pump does the rest. */
static void deep_backlog_in_pieces(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, watch_depth(test, 1500), 1024);
}

/* Only the first job after a change waits for those before, not all jobs. */
static void one_fence_per_mask_change(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 40, .window = 100, .percent = 100, .end = TEST_END_HELD });
	u32 nr;

	bed_set_mask(bed, PADATA_CPU_SERIAL, cpu_online_mask);
	/* Its fence is the one; what comes after is handed over at once. */
	KUNIT_ASSERT_EQ(test, lane_feed(lane, 40), 0);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, 40));
	for (nr = 40; nr--; )
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, nr));
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(test, bed_counter(bed, "reorder_depth_max"), 40);
}

/* One job after the other, and which of them came back before a second look was due. */
struct watch_singles {
	u32		quick;
	unsigned long	wakeups;
	u32		ran;
};

static void watch_single(struct test_lane *lane, struct watch_singles *singles)
{
	atomic_t *ran = &lane->bed->record.ran[lane->cb_cpu];
	unsigned long wakeups = bed_counter(lane->bed, "wakeups");
	struct kunit *test = lane->bed->test;
	ktime_t start = ktime_get();
	int before = atomic_read(ran);

	KUNIT_ASSERT_EQ(test, lane_submit(lane), 0);
	KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, lane->submitted));
	/* The second look comes after a jiffy, and must not be near. */
	if (ktime_us_delta(ktime_get(), start) >= USEC_PER_SEC / HZ / 2)
		return;
	singles->quick++;
	singles->wakeups += bed_counter(lane->bed, "wakeups") - wakeups;
	singles->ran += atomic_read(ran) - before;
}

/*
 * A job alone is run by the pump that has to call it back.  Where the host stops that
 * CPU for longer, another one is woken, too.
 */
static void one_job_wakes_one_pump(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.window = 1 });
	struct watch_singles singles = { };

	lane->cb_cpu = test_last_cpu();
	test_keep_off_last_cpu(test);
	while (singles.quick < 200 && lane->submitted < 4000)
		watch_single(lane, &singles);
	bed_expect_clean(bed);
	kunit_info(test, "%u of %u jobs were quick\n", singles.quick, lane->submitted);
	KUNIT_EXPECT_EQ(test, singles.quick, 200);
	/* Now and then that pump is about to go to sleep, and another is taken. */
	KUNIT_EXPECT_LE(test, singles.wakeups, 250);
	KUNIT_EXPECT_GE(test, singles.ran, 150);
}

/* ---- the stall detector ---- */

static void stall_seconds_is_30(struct kunit *test)
{
	char text[8];

	KUNIT_ASSERT_GT(test, test_read_file(PARAM("stall_seconds"), text, sizeof(text)), 0);
	KUNIT_EXPECT_STREQ(test, text, "30\n");
}

/* For how long a shell has stalled, as the log has it; 0 when no line does. */
static unsigned int watch_stall_age(u64 since)
{
	unsigned int age;
	char text[48];

	for (age = 60; age; age--) {
		snprintf(text, sizeof(text), " has stalled for at least %u s: ", age);
		if (WATCH_LOG(since, text))
			break;
	}
	return age;
}

/* Three jobs that are never ended: one line with the shell, the CPU and the count. */
static void stall_is_reported_once(struct kunit *test)
{
	u64 since = local_clock();
	struct test_bed *bed;
	struct test_lane *lane;
	unsigned long stalls;

	test_set_param(test, PARAM("stall_seconds"), "30", "1");
	bed = bed_make(test);
	bed_shell(bed);
	lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 3, .window = 8, .percent = 100, .end = TEST_END_HELD });
	lane_run(lane);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, 3));
	read_poll_timeout(bed_counter, stalls, stalls, 100 * USEC_PER_MSEC,
			  60 * USEC_PER_SEC, false, bed, "stalls");
	/* Another look, four of which are in a second, changes nothing. */
	read_poll_timeout(bed_counter, stalls, stalls > 1, 100 * USEC_PER_MSEC,
			  USEC_PER_SEC / 2, false, bed, "stalls");
	KUNIT_EXPECT_EQ(test, stalls, 1);
	KUNIT_EXPECT_EQ(test, 1, WATCH_LOG(since, "padata_test: shell 2, allocated by ",
					   " [padata_watch_kunit], has stalled for at least ",
					   " s: its first job is not completed; 2 jobs behind it"));
	KUNIT_EXPECT_GE(test, watch_stall_age(since), 1);
	KUNIT_EXPECT_LE(test, watch_stall_age(since),
			div_u64(local_clock() - since, NSEC_PER_SEC));
	bed_unhold(bed);
	bed_expect_clean(bed);
}

static const char watch_parked[] =
	"s: its first job waits for earlier callbacks, which do not run; 1 jobs";

/* Sits in the first callback of a lane until the log has both lines. */
static atomic_t watch_let_go;
static atomic_t watch_sits;

static void watch_sit(struct test_lane *lane, u32 nr)
{
	ktime_t end = ktime_add_ms(ktime_get(), 8000);

	while (!nr && !atomic_read(&watch_let_go) && ktime_before(ktime_get(), end))
		cpu_relax();
}

/* In force at once, but the call waits for callbacks that are running. */
static void watch_change_mask(struct test_waiter *waiter)
{
	padata_set_cpumask(waiter->bed->pinst, PADATA_CPU_SERIAL,
			   cpumask_of(test_online_cpu(0)));
}

/*
 * A callback that does not return holds up its own shell, and the callbacks of
 * another one, whose next job is behind a fence.
 */
static void stall_of_callbacks_is_told_apart(struct kunit *test)
{
	const struct test_load load = { .jobs = 2, .window = 8, .any_cpu = true };
	u64 since = local_clock();
	struct test_waiter *change;
	struct test_lane *lanes[2];
	struct test_bed *bed;
	unsigned long changes, now;
	int i;

	if (num_online_cpus() == 1)
		return;
	test_keep_off_last_cpu(test);
	test_set_param(test, PARAM("stall_seconds"), "30", "1");
	bed = bed_make(test);
	atomic_set(&watch_let_go, 0);
	for (i = 0; i < 2; i++) {
		lanes[i] = bed_lane(bed, bed_shell(bed), &load);
		lanes[i]->cb_cpu = test_last_cpu();
		lanes[i]->load.submit = padata_do_inline;
		lanes[i]->in_serial = i ? NULL : watch_sit;
		KUNIT_ASSERT_EQ(test, lane_submit(lanes[i]), 0);
	}
	change = bed_waiter(bed, watch_change_mask);
	changes = bed_counter(bed, "mask_changes");
	test_waiter_start(change);
	read_poll_timeout(bed_counter, now, now > changes, 10 * USEC_PER_MSEC,
			  5 * USEC_PER_SEC, false, bed, "mask_changes");
	KUNIT_ASSERT_EQ(test, lane_submit(lanes[1]), 0);
	KUNIT_EXPECT_TRUE(test, watch_wait_log(since, "shell 1,", "its callbacks do not run; 0"));
	KUNIT_EXPECT_TRUE(test, watch_wait_log(since, "shell 2,", watch_parked));
	atomic_set(&watch_let_go, 1);
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(change));
	bed_expect_clean(bed);
}

/* The last job first, so that all are handed over at once. */
static void watch_release(struct test_lane *lane)
{
	u32 nr = lane->submitted;

	while (nr--)
		lane_release_job(lane, nr);
}

/*
 * Longer than the limit, one shell has always a job in flight and no callback
 * pending when anybody looks; another one has callbacks and nothing else.
 */
static void progress_is_no_stall(struct kunit *test)
{
	struct test_lane *steady, *slow;
	struct test_bed *bed;

	test_set_param(test, PARAM("stall_seconds"), "30", "1");
	bed = bed_make(test);
	steady = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = U32_MAX, .window = 1, .percent = 100, .end = TEST_END_TIMER });
	slow = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 35, .percent = 100, .end = TEST_END_HELD });
	steady->cb_cpu = test_online_cpu(0);
	slow->cb_cpu = test_last_cpu();
	slow->in_serial = watch_slow_callback;
	lane_run(slow);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(slow, 35));
	lane_start(steady);
	watch_release(slow);
	KUNIT_EXPECT_TRUE(test, lane_wait_done(slow, 35));
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(test, bed_counter(bed, "stalls"), 0);
}

/* The first look at a shell finds a job that has only begun. */
static void young_shell_is_no_stall(struct kunit *test)
{
	struct test_bed *bed;
	struct test_lane *lane;
	unsigned long stalls;

	test_set_param(test, PARAM("stall_seconds"), "30", "4");
	bed = bed_make(test);
	lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 1, .window = 8, .percent = 100, .end = TEST_END_HELD });
	lane_run(lane);
	read_poll_timeout(bed_counter, stalls, stalls, 100 * USEC_PER_MSEC,
			  2 * USEC_PER_SEC, false, bed, "stalls");
	KUNIT_EXPECT_EQ(test, stalls, 0);
	bed_unhold(bed);
	bed_expect_clean(bed);
}

static unsigned long watch_wait_stall(struct test_bed *bed, u64 us)
{
	unsigned long stalls;

	read_poll_timeout(bed_counter, stalls, stalls, 100 * USEC_PER_MSEC, us, false, bed,
			  "stalls");
	return stalls;
}

/*
 * A job of a shell that was idle for long, and at once another limit: it is not as old
 * as the last look, if there was one, nor as the shell.
 */
static void watch_young_job(struct kunit *test, const char *limit, u64 idle_s)
{
	struct test_bed *bed;
	struct test_lane *lane;
	u64 since;

	test_set_param(test, PARAM("stall_seconds"), "30", limit);
	bed = bed_make(test);
	lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 1, .window = 8, .percent = 100, .end = TEST_END_HELD });
	KUNIT_EXPECT_EQ(test, watch_wait_stall(bed, idle_s * USEC_PER_SEC), 0);
	since = local_clock();
	lane_run(lane);
	KUNIT_ASSERT_EQ(test, test_write_file(PARAM("stall_seconds"), "2"), 1);
	KUNIT_EXPECT_EQ(test, watch_wait_stall(bed, 60 * USEC_PER_SEC), 1);
	KUNIT_EXPECT_GE(test, local_clock() - since, 2 * NSEC_PER_SEC);
	KUNIT_EXPECT_GE(test, watch_stall_age(since), 2);
	KUNIT_EXPECT_LE(test, watch_stall_age(since),
			div_u64(local_clock() - since, NSEC_PER_SEC));
	bed_unhold(bed);
	bed_expect_clean(bed);
}

static void young_job_is_no_stall_when_switched_on(struct kunit *test)
{
	watch_young_job(test, "0", 4);
}

/* By the old limit the next look would be in six hours. */
static void young_job_is_no_stall_by_lower_limit(struct kunit *test)
{
	watch_young_job(test, "86400", 4);
}

/* The last look at the idle shell is three seconds old: looks are four apart. */
static void young_job_is_no_stall_after_a_look(struct kunit *test)
{
	watch_young_job(test, "16", 7);
}

#if IS_ENABLED(CONFIG_KPROBES)
static atomic_t watch_looks;

static int watch_count_look(struct kprobe *probe, struct pt_regs *regs)
{
	atomic_inc(&watch_looks);
	return 0;
}

static struct kprobe watch_probe = {
	.symbol_name = "padata_mod:watch_work",
	.pre_handler = watch_count_look,
};

static void watch_unprobe(void *unused)
{
	unregister_kprobe(&watch_probe);
	watch_probe.addr = NULL;
	watch_probe.flags = 0;
}

/* Return how often the detector looks at an instance in a second, at most 3. */
static int watch_count_looks(struct kunit *test, const char *limit)
{
	struct test_bed *bed;
	int looks;

	test_write_file(PARAM("stall_seconds"), limit);
	bed = bed_make(test);
	atomic_set(&watch_looks, 0);
	read_poll_timeout(atomic_read, looks, looks > 2, 10 * USEC_PER_MSEC, USEC_PER_SEC, false,
			  &watch_looks);
	kunit_release_action(test, bed_release, bed);
	return looks;
}

/* Limits whose product with HZ does not fit in 32 bits are refused. */
static void great_stall_seconds_mean_few_looks(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, register_kprobe(&watch_probe), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, watch_unprobe, NULL), 0);
	test_set_param(test, PARAM("stall_seconds"), "30", "1");
	KUNIT_EXPECT_GT(test, watch_count_looks(test, "1"), 2);
	KUNIT_EXPECT_LE(test, watch_count_looks(test, "86400"), 1);
	KUNIT_EXPECT_LE(test, watch_count_looks(test, "2147483648"), 1);
}
#endif

/* ---- parameters ---- */

struct watch_param {
	const char	*path;
	const char	*usual;
	const char	*most;
	const char	*above;
};

static const struct watch_param watch_params[] = {
	{ PARAM("backlog"), "1024\n", "1000000", "1000001" },
	{ PARAM("wakeup_cost_ns"), "10000\n", "1000000000", "1000000001" },
	{ PARAM("poll_ns"), "10000\n", "1000000", "1000001" },
	{ PARAM("short_ns"), "1000\n", "1000000000", "1000000001" },
	{ PARAM("stall_seconds"), "30\n", "86400", "86401" },
};

static void watch_expect_refused(struct kunit *test, const struct watch_param *param,
				 const char *value)
{
	char text[16];

	KUNIT_EXPECT_LT_MSG(test, test_write_file(param->path, value), 0, "%s to %s", value,
			    param->path);
	KUNIT_EXPECT_GT(test, test_read_file(param->path, text, sizeof(text)), 0);
	KUNIT_EXPECT_STREQ_MSG(test, text, param->usual, "%s to %s", value, param->path);
}

/* Values outside of the range change nothing. */
static void parameters_out_of_range_are_refused(struct kunit *test)
{
	const struct watch_param *param;

	for (param = watch_params; param < watch_params + ARRAY_SIZE(watch_params); param++) {
		test_set_param(test, param->path, param->usual, param->usual);
		KUNIT_EXPECT_EQ(test, test_write_file(param->path, param->above), -EINVAL);
		watch_expect_refused(test, param, param->above);
		watch_expect_refused(test, param, "-1");
		watch_expect_refused(test, param, "2147483648");
		watch_expect_refused(test, param, "4294967296");
		watch_expect_refused(test, param, "\n");
		watch_expect_refused(test, param, "1 2");
	}
}

/* Whatever the parameters are, jobs get through and keep their order. */
static void watch_expect_progress(struct test_bed *bed)
{
	struct test_lane *lane;

	list_for_each_entry(lane, &bed->lanes, node)
		KUNIT_EXPECT_TRUE(bed->test,
				  lane_wait_done(lane, atomic_read(&lane->done) + 300));
}

static void parameters_at_their_ends_under_load(struct kunit *test)
{
	const struct test_load load = { .jobs = U32_MAX, .window = 64, .spin_us = 20,
		.percent = 20, .end = TEST_END_MIX };
	struct test_bed *bed = bed_make(test);
	const struct watch_param *param;
	int i;

	for (i = 0; i < 3; i++)
		lane_start(bed_lane(bed, bed_shell(bed), &load));
	for (param = watch_params; param < watch_params + ARRAY_SIZE(watch_params); param++) {
		test_set_param(test, param->path, param->usual, "0");
		watch_expect_progress(bed);
		KUNIT_EXPECT_GT(test, test_write_file(param->path, param->most), 0);
		watch_expect_progress(bed);
		KUNIT_EXPECT_GT(test, test_write_file(param->path, param->usual), 0);
	}
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(test, bed_counter(bed, "stalls"), 0);
}

/* ---- the form of 2010 ---- */

static struct test_bed *watch_bed_on(struct kunit *test, struct workqueue_struct *wq,
				     const struct cpumask *parallel,
				     const struct cpumask *serial)
{
	struct test_bed *bed = bed_make(test);

	bed_free_pinst(bed);
	bed->pinst = padata_alloc_on("padata_test_on", wq, parallel, serial);
	KUNIT_ASSERT_NOT_NULL(test, bed->pinst);
	return bed;
}

static void watch_begins_stopped(struct kunit *test, struct workqueue_struct *wq)
{
	struct test_bed *bed = watch_bed_on(test, wq, NULL, NULL);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 500, .window = 32, .spin_us = 20, .percent = 20,
		.end = TEST_END_WORK });

	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
	KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), 0);
	lane_run(lane);
	bed_expect_clean(bed);
	padata_stop(bed->pinst);
	KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
}

static void alloc_on_own_workqueue(struct kunit *test)
{
	watch_begins_stopped(test, NULL);
}

static void alloc_on_given_workqueue(struct kunit *test)
{
	watch_begins_stopped(test, system_wq);
}

#define WATCH_WQ	"/sys/devices/virtual/workqueue/padata_test_wq"

struct watch_job {
	struct padata_priv	padata;
	struct completion	done;
};

static void watch_job_serial(struct padata_priv *padata)
{
	complete(&container_of(padata, struct watch_job, padata)->done);
}

static void watch_destroy_wq(void *wq)
{
	destroy_workqueue(wq);
}

/* Its pumps all run on CPU 0: nothing is lost, and a line says so. */
static void alloc_on_unbound_workqueue(struct kunit *test)
{
	struct watch_job *job = kunit_kzalloc(test, sizeof(*job), GFP_KERNEL);
	struct workqueue_struct *wq;
	u64 since = local_clock();
	struct padata_shell *ps;
	struct test_bed *bed;
	int i, cpu;

	if (num_online_cpus() == 1)
		return;
	KUNIT_ASSERT_NOT_NULL(test, job);
	wq = alloc_workqueue("padata_test_wq", WQ_UNBOUND | WQ_SYSFS, 0);
	KUNIT_ASSERT_NOT_NULL(test, wq);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, watch_destroy_wq, wq), 0);
	KUNIT_ASSERT_GT(test, test_write_file(WATCH_WQ "/cpumask", "1\n"), 0);
	bed = watch_bed_on(test, wq, NULL, NULL);
	ps = bed_shell(bed);
	test_keep_off_last_cpu(test);
	job->padata.parallel = padata_do_serial;
	job->padata.serial = watch_job_serial;
	init_completion(&job->done);
	KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), 0);
	for (i = 0; i < 10; i++) {
		cpu = test_last_cpu();
		KUNIT_ASSERT_EQ(test, padata_do_parallel(ps, &job->padata, &cpu), 0);
		KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&job->done, TEST_TIMEOUT), 0);
	}
	KUNIT_EXPECT_EQ(test, 1, WATCH_LOG(since, "padata_test_on: its workqueue is not"));
}

static void alloc_on_given_masks(struct kunit *test)
{
	const struct cpumask *last = cpumask_of(test_last_cpu());
	struct test_bed *bed = watch_bed_on(test, NULL, last, cpumask_of(0));
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 200, .window = 32 });

	lane->cb_cpu = 0;
	bed_allow(bed, last);
	KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), 0);
	lane_run(lane);
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->record.served[0]), 200);
}

static void alloc_on_empty_masks(struct kunit *test)
{
	struct test_bed *bed = watch_bed_on(test, NULL, cpu_none_mask, NULL);

	KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), -EINVAL);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpu_online_mask);
	KUNIT_EXPECT_EQ(test, padata_start(bed->pinst), 0);
}

/* ---- a chain of jobs, each submitted by the parallel() of the one before ---- */

struct watch_chain;

struct watch_link {
	struct padata_priv	padata;
	struct padata_priv	beside;
	struct watch_chain	*chain;
};

struct watch_chain {
	struct padata_shell	*ps;
	struct watch_link	*links;
	struct completion	done;
	int			wanted;
	atomic_t		nr;
	atomic_t		depth;
	atomic_t		deepest;
	atomic_t		refused;
	atomic_t		served;
};

static void watch_submit_link(struct watch_chain *chain)
{
	int nr = atomic_inc_return(&chain->nr) - 1;
	int cpu = 0;

	if (nr < WATCH_CHAIN &&
	    padata_do_parallel(chain->ps, &chain->links[nr].padata, &cpu))
		atomic_inc(&chain->refused);
}

/* From inside a callback: notes how deep that goes. */
static void watch_submit_deeper(struct watch_chain *chain)
{
	int depth = atomic_inc_return(&chain->depth);

	if (depth > atomic_read(&chain->deepest))
		atomic_set(&chain->deepest, depth);
	watch_submit_link(chain);
	atomic_dec(&chain->depth);
}

static void watch_link_parallel(struct padata_priv *padata)
{
	watch_submit_deeper(container_of(padata, struct watch_link, padata)->chain);
	padata_do_serial(padata);
}

static void watch_note_served(struct watch_chain *chain)
{
	if (atomic_inc_return(&chain->served) == chain->wanted)
		complete(&chain->done);
}

static void watch_link_serial(struct padata_priv *padata)
{
	watch_note_served(container_of(padata, struct watch_link, padata)->chain);
}

static struct watch_chain *watch_chain(struct kunit *test, struct test_bed *bed)
{
	struct watch_chain *chain = kunit_kzalloc(test, sizeof(*chain), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, chain);
	chain->links = kunit_kcalloc(test, WATCH_CHAIN, sizeof(*chain->links), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, chain->links);
	for (i = 0; i < WATCH_CHAIN; i++) {
		chain->links[i].chain = chain;
		chain->links[i].padata.parallel = watch_link_parallel;
		chain->links[i].padata.serial = watch_link_serial;
	}
	chain->ps = bed_shell(bed);
	chain->wanted = WATCH_CHAIN;
	init_completion(&chain->done);
	return chain;
}

/* Each pump may run one that runs one itself; a recursion would be 500 deep. */
static void chain_without_backlog_is_flat(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct watch_chain *chain = watch_chain(test, bed);

	test_set_param(test, PARAM("backlog"), "1024", "0");
	watch_submit_link(chain);
	KUNIT_EXPECT_GT(test, wait_for_completion_timeout(&chain->done, TEST_TIMEOUT), 0);
	KUNIT_EXPECT_LE(test, atomic_read(&chain->deepest), 2 * (int)num_online_cpus() + 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&chain->refused), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&chain->served), WATCH_CHAIN);
}

static void watch_submit_from_serial(struct padata_priv *padata)
{
	watch_submit_deeper(container_of(padata, struct watch_link, padata)->chain);
	watch_link_serial(padata);
}

static void watch_end_at_once(struct padata_priv *padata)
{
	padata_do_serial(padata);
}

/* A job inside a job, and then the next link. */
static void watch_link_beside(struct padata_priv *padata)
{
	struct watch_link *link = container_of(padata, struct watch_link, padata);
	int cpu = 0;

	if (padata_do_inline(link->chain->ps, &link->beside, &cpu))
		atomic_inc(&link->chain->refused);
	watch_link_parallel(padata);
}

static void watch_beside_serial(struct padata_priv *padata)
{
	watch_note_served(container_of(padata, struct watch_link, beside)->chain);
}

/* The job inside has ended, and that of its submitter goes on: its next one is queued. */
static void chain_beside_inline_jobs_is_flat(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct watch_chain *chain = watch_chain(test, bed);
	int i;

	chain->wanted = 2 * WATCH_CHAIN;
	for (i = 0; i < WATCH_CHAIN; i++) {
		chain->links[i].padata.parallel = watch_link_beside;
		chain->links[i].beside.parallel = watch_end_at_once;
		chain->links[i].beside.serial = watch_beside_serial;
	}
	test_set_param(test, PARAM("backlog"), "1024", "0");
	watch_submit_link(chain);
	KUNIT_EXPECT_GT(test, wait_for_completion_timeout(&chain->done, TEST_TIMEOUT), 0);
	KUNIT_EXPECT_LE(test, atomic_read(&chain->deepest), 2 * (int)num_online_cpus() + 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&chain->refused), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&chain->served), chain->wanted);
}

/* serial(), a submission, parallel() inside it, its end: and no serial() inside. */
static void chain_of_callbacks_is_flat(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct watch_chain *chain = watch_chain(test, bed);
	int i;

	for (i = 0; i < WATCH_CHAIN; i++) {
		chain->links[i].padata.parallel = watch_end_at_once;
		chain->links[i].padata.serial = watch_submit_from_serial;
	}
	test_set_param(test, PARAM("backlog"), "1024", "0");
	watch_submit_link(chain);
	KUNIT_EXPECT_GT(test, wait_for_completion_timeout(&chain->done, TEST_TIMEOUT), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&chain->deepest), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&chain->refused), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&chain->served), WATCH_CHAIN);
	KUNIT_EXPECT_EQ(test, bed_counter(bed, "jobs_inline"), WATCH_CHAIN);
}

/* ---- shares of the backlog ---- */

static void watch_occupy(struct test_job *job)
{
	ktime_t end = ktime_add_ms(ktime_get(), 8000);

	atomic_set(&watch_sits, 1);
	while (!atomic_read(&watch_let_go) && ktime_before(ktime_get(), end))
		cpu_relax();
}

static bool watch_is_occupied(void)
{
	int occupied;

	return !read_poll_timeout(atomic_read, occupied, occupied, USEC_PER_MSEC,
				  30 * USEC_PER_SEC, false, &watch_sits);
}

/* How many jobs of a new shell find a place before its submitter runs one. */
static u32 watch_places(struct test_bed *bed)
{
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 20 });
	u32 nr;

	lane->cb_cpu = test_online_cpu(0);
	for (nr = 0; nr < 20; nr++)
		if (lane_submit(lane) || atomic_read(&lane->inlined))
			break;
	return nr;
}

/*
 * With the only pump occupied and 8 places, the first shell gets those that it
 * leaves to others, 4, the second 2, the third 1, and so does the fourth.
 */
static void backlog_is_shared(struct kunit *test)
{
	struct test_bed *bed;
	struct test_lane *lane;

	if (num_online_cpus() == 1)
		return;
	test_keep_off_last_cpu(test);
	test_set_param(test, PARAM("backlog"), "1024", "8");
	bed = bed_make(test);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(test_last_cpu()));
	lane = bed_lane(bed, bed_shell(bed), &(struct test_load){ .jobs = 1 });
	lane->in_parallel = watch_occupy;
	atomic_set(&watch_let_go, 0);
	atomic_set(&watch_sits, 0);
	KUNIT_ASSERT_EQ(test, lane_submit(lane), 0);
	KUNIT_ASSERT_TRUE(test, watch_is_occupied());
	KUNIT_EXPECT_EQ(test, watch_places(bed), 4);
	KUNIT_EXPECT_EQ(test, watch_places(bed), 2);
	KUNIT_EXPECT_EQ(test, watch_places(bed), 1);
	KUNIT_EXPECT_EQ(test, watch_places(bed), 1);
	KUNIT_EXPECT_EQ(test, watch_places(bed), 0);
	atomic_set(&watch_let_go, 1);
	bed_expect_clean(bed);
}

static struct kunit_case padata_watch_cases[] = {
	KUNIT_CASE(counters_add_up),
	KUNIT_CASE(mask_changes_are_counted),
	KUNIT_CASE(stretches_end_in_time),
	KUNIT_CASE(longest_stretch_is_seen),
	KUNIT_CASE(reorder_depth_is_seen),
	KUNIT_CASE(deep_backlog_in_pieces),
	KUNIT_CASE(one_fence_per_mask_change),
	KUNIT_CASE(one_job_wakes_one_pump),
	KUNIT_CASE(stall_seconds_is_30),
	KUNIT_CASE_SLOW(stall_is_reported_once),
	KUNIT_CASE_SLOW(stall_of_callbacks_is_told_apart),
	KUNIT_CASE_SLOW(progress_is_no_stall),
	KUNIT_CASE_SLOW(young_shell_is_no_stall),
	KUNIT_CASE_SLOW(young_job_is_no_stall_when_switched_on),
	KUNIT_CASE_SLOW(young_job_is_no_stall_by_lower_limit),
	KUNIT_CASE_SLOW(young_job_is_no_stall_after_a_look),
#if IS_ENABLED(CONFIG_KPROBES)
	KUNIT_CASE_SLOW(great_stall_seconds_mean_few_looks),
#endif
	KUNIT_CASE(parameters_out_of_range_are_refused),
	KUNIT_CASE(parameters_at_their_ends_under_load),
	KUNIT_CASE(alloc_on_own_workqueue),
	KUNIT_CASE(alloc_on_given_workqueue),
	KUNIT_CASE(alloc_on_unbound_workqueue),
	KUNIT_CASE(alloc_on_given_masks),
	KUNIT_CASE(alloc_on_empty_masks),
	KUNIT_CASE(chain_without_backlog_is_flat),
	KUNIT_CASE(chain_beside_inline_jobs_is_flat),
	KUNIT_CASE(chain_of_callbacks_is_flat),
	KUNIT_CASE(backlog_is_shared),
	{ }
};

static struct kunit_suite padata_watch_suite = {
	.name = "padata_watch",
	.suite_init = test_root_get,
	.suite_exit = test_root_put,
	.test_cases = padata_watch_cases,
};

kunit_test_suite(padata_watch_suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit: counters, stalls and the form of 2010");
