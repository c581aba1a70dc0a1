// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_lifetime: shells, instances and jobs go at the earliest moment that
 * they may.  KASAN and kmemleak do most of the judging.
 */
#include "padata_test.h"

#define LIFETIME_ROUNDS		(TEST_SLOW ? 20 : 100)
#define LIFETIME_INSTANCES	(TEST_SLOW ? 4 : 12)

/* One of a thousand instances. */
struct lifetime_one {
	struct work_struct	work;
	struct padata_priv	padata;
	struct completion	done;
	bool			ok;
};

static const struct test_load lifetime_load = {
	.jobs = 8, .spin_us = 10, .percent = 30, .end = TEST_END_MIX };
static const struct test_load lifetime_held = {
	.jobs = 20, .percent = 100, .end = TEST_END_HELD };

/* A lane on a shell that the bed does not free. */
static struct test_lane *lifetime_lane(struct test_bed *bed, const struct test_load *load)
{
	return bed_lane(bed, bed_forget_shell(bed, bed_shell(bed)), load);
}

/* True when all jobs of the lane's load have been called back. */
static bool lifetime_run(struct test_lane *lane)
{
	return !lane_feed(lane, lane->load.jobs) && lane_wait_done(lane, lane->load.jobs);
}

static void lifetime_end_after_last_callback(struct kunit *test,
					     void (*end)(struct padata_shell *ps))
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane;
	u32 i;

	for (i = 0; i < LIFETIME_ROUNDS; i++) {
		lane = lifetime_lane(bed, &lifetime_load);
		KUNIT_ASSERT_TRUE(test, lifetime_run(lane));
		end(lane->ps);
	}
	bed_expect_clean(bed);
}

static void free_shell_after_last_callback(struct kunit *test)
{
	lifetime_end_after_last_callback(test, padata_free_shell);
}

static void put_shell_after_last_callback(struct kunit *test)
{
	lifetime_end_after_last_callback(test, padata_put_shell);
}

/* The jobs still get through, and the shell stays for as long. */
static void put_shell_jobs_in_flight(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane;
	u32 i;

	for (i = 0; i < LIFETIME_ROUNDS; i++) {
		lane = lifetime_lane(bed, &lifetime_load);
		KUNIT_ASSERT_EQ(test, lane_feed(lane, lane->load.jobs), 0);
		padata_put_shell(lane->ps);
	}
	bed_expect_clean(bed);
}

static void put_shell_held_jobs_in_flight(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = lifetime_lane(bed, &lifetime_held);
	u32 nr;

	lane_run(lane);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, lane->load.jobs));
	padata_put_shell(lane->ps);
	for (nr = lane->load.jobs; nr-- > 0; )
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, nr));
	bed_expect_clean(bed);
}

static void lifetime_put_in_serial(struct test_lane *lane, u32 nr)
{
	if (nr == lane->load.jobs - 1)
		padata_put_shell(lane->ps);
}

static void put_shell_in_last_serial(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane;
	u32 i;

	for (i = 0; i < LIFETIME_ROUNDS; i++) {
		lane = lifetime_lane(bed, &lifetime_load);
		lane->in_serial = lifetime_put_in_serial;
		KUNIT_ASSERT_TRUE(test, lifetime_run(lane));
	}
	bed_expect_clean(bed);
}

struct lifetime_tasklet {
	struct tasklet_struct	tasklet;
	struct padata_shell	*ps;
};

static void lifetime_put_in_tasklet(struct tasklet_struct *tasklet)
{
	padata_put_shell(container_of(tasklet, struct lifetime_tasklet, tasklet)->ps);
}

static void put_shell_in_softirq(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct lifetime_tasklet put;
	struct test_lane *lane;
	u32 i;

	for (i = 0; i < LIFETIME_ROUNDS; i++) {
		lane = lifetime_lane(bed, &lifetime_load);
		KUNIT_ASSERT_EQ(test, lane_feed(lane, lane->load.jobs), 0);
		put.ps = lane->ps;
		tasklet_setup(&put.tasklet, lifetime_put_in_tasklet);
		tasklet_schedule(&put.tasklet);
		tasklet_kill(&put.tasklet);
	}
	bed_expect_clean(bed);
}

/*
 * The last completion is held up in an interrupt, somewhere in
 * padata_do_serial(), while the shell that it works on is given up (B10, B11).
 */
static void put_shell_drainer_stalled(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_stall stall;
	struct test_lane *lane;
	u32 i, last;

	test_keep_off_last_cpu(test);
	for (i = 0; i < (TEST_SLOW ? 30 : 60); i++) {
		lane = lifetime_lane(bed, &lifetime_held);
		lane->in_serial = lifetime_put_in_serial;
		last = lane->load.jobs - 1;
		lane_run(lane);
		KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, lane->load.jobs));
		while (last)
			lane_release_job(lane, last--);
		test_stall_init(&stall);
		test_stall_begin(&stall, lane, 0, prandom_u32_state(&lane->rnd) % 60);
		wait_event_timeout(lane->wq, atomic_read(&lane->done) == lane->load.jobs, 1);
		test_stall_end(&stall);
		test_stall_destroy(&stall);
	}
	bed_expect_clean(bed);
}

static void lifetime_free_shell(struct test_waiter *waiter)
{
	padata_free_shell(waiter->ps);
}

static void lifetime_free_pinst(struct test_waiter *waiter)
{
	bed_free_pinst(waiter->bed);
}

/* The call begins with all jobs held, and returns after the last callback. */
static void lifetime_expect_waits(struct test_lane *lane, struct test_waiter *waiter)
{
	struct kunit *test = lane->bed->test;
	u32 nr;

	lane_run(lane);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, lane->load.jobs));
	test_waiter_start(waiter);
	for (nr = lane->load.jobs - 1; nr > 0; nr--)
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, nr));
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&waiter->over, HZ / 10), 0);
	KUNIT_EXPECT_TRUE(test, lane_release_job(lane, 0));
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(waiter));
	KUNIT_EXPECT_EQ(test, waiter->in_flight, 0);
	bed_expect_clean(lane->bed);
}

static void free_shell_waits_for_held_jobs(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = lifetime_lane(bed, &lifetime_held);
	struct test_waiter *waiter = bed_waiter(bed, lifetime_free_shell);

	waiter->ps = lane->ps;
	lifetime_expect_waits(lane, waiter);
}

/* The owner of the shell has gone before. */
static void free_waits_for_held_jobs(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = lifetime_lane(bed, &lifetime_held);
	struct test_waiter *waiter = bed_waiter(bed, lifetime_free_pinst);

	lane->load.serial_us = 50;
	lane->in_serial = lifetime_put_in_serial;
	lifetime_expect_waits(lane, waiter);
}

/* free_shell() has to wait for the callback itself, not only for its start. */
static void free_shell_waits_for_callback(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane;
	int i;

	for (i = 0; i < 50; i++) {
		lane = lifetime_lane(bed, &(struct test_load){ .jobs = 4, .serial_us = 200 });
		lane_run(lane);
		padata_free_shell(lane->ps);
		KUNIT_EXPECT_EQ(test, lane_in_flight(lane), 0);
		KUNIT_EXPECT_EQ(test, atomic_read(&lane->inside), 0);
	}
	bed_expect_clean(bed);
}

static struct completion lifetime_begun;

static void lifetime_free_shell_told(struct test_waiter *waiter)
{
	complete(&lifetime_begun);
	padata_free_shell(waiter->ps);
}

/* It has begun, no job is left but its own, and it lasts. */
static void free_shell_waits_for_lasting_callback(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = lifetime_lane(bed, &(struct test_load){ .jobs = 1 });
	struct test_waiter *waiter = bed_waiter(bed, lifetime_free_shell_told);

	if (num_online_cpus() == 1)
		return;
	init_completion(&lifetime_begun);
	test_keep_off_last_cpu(test);
	lane->cb_cpu = test_last_cpu();
	lane_make_serial_last(lane);
	KUNIT_ASSERT_EQ(test, lane_feed(lane, 1), 0);
	KUNIT_EXPECT_TRUE(test, test_wait_inside());
	waiter->ps = lane->ps;
	test_waiter_start(waiter);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&lifetime_begun, TEST_TIMEOUT));
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&waiter->over, HZ / 10), 0);
	atomic_set(&test_may_leave, 1);
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(waiter));
	KUNIT_EXPECT_EQ(test, waiter->in_flight, 0);
	bed_expect_clean(bed);
}

/* The call also waits for parallel(), which may go on after the end of its job. */
static void lifetime_free_beside_parallel(struct kunit *test,
					  int (*submit)(struct padata_shell *ps,
							struct padata_priv *padata, int *cb_cpu))
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane;
	int i;

	test_keep_off_last_cpu(test);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(test_last_cpu()));
	for (i = 0; i < 5; i++) {
		lane = lifetime_lane(bed, &(struct test_load){ .jobs = 1, .submit = submit });
		lane->cb_cpu = test_online_cpu(0);
		lane->after_end = test_go_on;
		lane_start(lane);
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, 1));
		padata_free_shell(lane->ps);
		KUNIT_EXPECT_EQ(test, atomic_read(&lane->gone_on), 1);
	}
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
}

static void free_shell_waits_for_parallel(struct kunit *test)
{
	lifetime_free_beside_parallel(test, NULL);
}

static void free_shell_waits_for_parallel_of_submitter(struct kunit *test)
{
	lifetime_free_beside_parallel(test, padata_do_inline);
}

static void lifetime_stop(struct test_waiter *waiter)
{
	complete(&lifetime_begun);
	padata_stop(waiter->bed->pinst);
}

/* No reference is left but that of one job. */
static void stop_waits_for_last_job_of_put_shell(struct kunit *test)
{
	const struct test_load load = { .jobs = 1, .percent = 100, .end = TEST_END_HELD };
	struct test_bed *bed = bed_make(test);
	struct test_waiter *waiter = bed_waiter(bed, lifetime_stop);
	struct test_lane *lane = lifetime_lane(bed, &load);

	lane_run(lane);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, 1));
	padata_put_shell(lane->ps);
	init_completion(&lifetime_begun);
	test_waiter_start(waiter);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&lifetime_begun, TEST_TIMEOUT));
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&waiter->over, HZ / 10), 0);
	KUNIT_EXPECT_TRUE(test, lane_release_job(lane, 0));
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(waiter));
	bed_expect_clean(bed);
}

/* How often the call has slept. */
static unsigned long lifetime_sleeps;

static void lifetime_free_shell_counted(struct test_waiter *waiter)
{
	unsigned long before = current->nvcsw;

	padata_free_shell(waiter->ps);
	lifetime_sleeps = current->nvcsw - before;
}

/* A call that waits for one shell is not woken by callbacks of another one. */
static void free_shell_sleeps_beside_busy_shell(struct kunit *test)
{
	const struct test_load load = { .jobs = 200, .percent = 100, .end = TEST_END_HELD };
	struct test_bed *bed = bed_make(test);
	struct test_waiter *waiter = bed_waiter(bed, lifetime_free_shell_counted);
	struct test_lane *busy = bed_lane(bed, bed_shell(bed), &load);
	struct test_lane *lane = lifetime_lane(bed, &lifetime_held);

	lane_run(busy);
	lane_run(lane);
	KUNIT_ASSERT_TRUE(test, lane_wait_held(busy, 200));
	KUNIT_ASSERT_TRUE(test, lane_wait_held(lane, lane->load.jobs));
	waiter->ps = lane->ps;
	test_waiter_start(waiter);
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&waiter->over, HZ / 10), 0);
	lane_release_each(busy, 199);
	lane_release_each(lane, lane->load.jobs);
	KUNIT_EXPECT_TRUE(test, test_waiter_is_over(waiter));
	/* Once; and for each ten seconds, after which it says what it waits for. */
	KUNIT_EXPECT_LE(test, lifetime_sleeps, 10);
	bed_unhold(bed);
	bed_expect_clean(bed);
}

/* A new instance in each round; its last callback is its last sign of life. */
static void lifetime_instances(struct kunit *test, void (*in_serial)(struct test_lane *, u32))
{
	struct test_bed *bed;
	struct test_lane *lane;
	int i;

	for (i = 0; i < LIFETIME_INSTANCES; i++) {
		bed = bed_make(test);
		lane = lifetime_lane(bed, &lifetime_load);
		lane->in_serial = in_serial;
		KUNIT_ASSERT_TRUE(test, lifetime_run(lane));
		if (!in_serial)
			padata_free_shell(lane->ps);
		bed_free_pinst(bed);
		bed_expect_clean(bed);
		kunit_release_action(test, bed_release, bed);
	}
}

static void free_after_last_callback(struct kunit *test)
{
	lifetime_instances(test, NULL);
}

static void free_after_put_shell_in_last_serial(struct kunit *test)
{
	lifetime_instances(test, lifetime_put_in_serial);
}

/* Nothing was ever submitted. */
static void free_unused(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps[8];
	int i;

	for (i = 0; i < ARRAY_SIZE(ps); i++)
		ps[i] = bed_forget_shell(bed, bed_shell(bed));
	for (i = 0; i < ARRAY_SIZE(ps); i++) {
		if (i % 2)
			padata_put_shell(ps[i]);
		else
			padata_free_shell(ps[i]);
	}
	bed_free_pinst(bed);
	bed_expect_clean(bed);
}

static void free_stopped(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = lifetime_lane(bed, &lifetime_load);

	KUNIT_ASSERT_TRUE(test, lifetime_run(lane));
	padata_stop(bed->pinst);
	padata_free_shell(lane->ps);
	bed_free_pinst(bed);
	bed_expect_clean(bed);
}

/* Shells come and go while others are busy. */
static void shells_made_and_freed_under_load(struct kunit *test)
{
	const struct test_load busy = {
		.jobs = U32_MAX, .window = 32, .spin_us = 10,
		.percent = 10, .end = TEST_END_MIX };
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane;
	u32 i;

	for (i = 0; i < 3; i++)
		lane_start(bed_lane(bed, bed_shell(bed), &busy));
	for (i = 0; i < LIFETIME_ROUNDS; i++) {
		lane = lifetime_lane(bed, &lifetime_load);
		lane_run(lane);
		if (i % 2)
			padata_free_shell(lane->ps);
		else
			padata_put_shell(lane->ps);
	}
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
}

/* Jobs that are freed in their serial(), ended from every context. */
static void job_freed_in_serial(struct kunit *test)
{
	const struct test_load load = {
		.jobs = test_scale(3000), .window = 64, .spin_us = 5, .own_memory = true,
		.percent = 50, .end = TEST_END_MIX };
	struct test_bed *bed = bed_make(test);
	struct padata_shell *ps = bed_shell(bed);
	int i;

	for (i = 0; i < 4; i++)
		lane_start(bed_lane(bed, ps, &load));
	bed_expect_clean(bed);
}

/* The same with the submitter running parallel(): it may return late. */
static void inline_job_freed_in_serial(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = test_scale(3000), .window = 64, .spin_us = 2, .own_memory = true,
		.percent = 50, .end = TEST_END_MIX, .submit = padata_do_inline });

	lane_run(lane);
	bed_expect_clean(bed);
}

/* padata_free() takes the directory away; the name is free for the next. */
static void free_removes_kobject(struct kunit *test)
{
	struct kset *kset = test_kset(test);
	struct test_bed *bed;
	struct test_lane *lane;
	int i;

	for (i = 0; i < 5; i++) {
		bed = bed_make(test);
		bed_add_kobj(bed, kset);
		lane = lifetime_lane(bed, &lifetime_load);
		KUNIT_ASSERT_TRUE(test, lifetime_run(lane));
		padata_free_shell(lane->ps);
		bed_free_pinst(bed);
		KUNIT_EXPECT_NULL(test, kset_find_obj(kset, "instance"));
		bed_expect_clean(bed);
		kunit_release_action(test, bed_release, bed);
	}
}

/* An open file of its directory keeps the instance's memory. */
static void free_with_kobject_referenced(struct kunit *test)
{
	struct kset *kset = test_kset(test);
	struct test_bed *bed = bed_make(test);
	struct kobject *kobj = &bed->pinst->kobj;

	bed_add_kobj(bed, kset);
	kobject_get(kobj);
	bed_free_pinst(bed);
	KUNIT_EXPECT_NULL(test, kset_find_obj(kset, "instance"));
	KUNIT_EXPECT_FALSE(test, kobj->state_in_sysfs);
	KUNIT_EXPECT_EQ(test, kref_read(&kobj->kref), 1);
	kobject_put(kobj);
}

/* Each shell holds its instance, and lets go of it. */
static void shell_holds_instance(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct kref *kref = &bed->pinst->kobj.kref;
	struct test_lane *lane = lifetime_lane(bed, &lifetime_load);
	struct padata_shell *ps = bed_forget_shell(bed, bed_shell(bed));

	KUNIT_EXPECT_EQ(test, kref_read(kref), 3);
	KUNIT_EXPECT_TRUE(test, lifetime_run(lane));
	padata_free_shell(lane->ps);
	KUNIT_EXPECT_EQ(test, kref_read(kref), 2);
	padata_put_shell(ps);
	KUNIT_EXPECT_EQ(test, kref_read(kref), 1);
	bed_expect_clean(bed);
}

static int lifetime_module_refs(struct kunit *test)
{
	char text[16];
	int refs = -1;

	KUNIT_EXPECT_GT(test, test_read_file("/sys/module/padata_mod/refcnt", text,
					     sizeof(text)), 0);
	KUNIT_EXPECT_EQ(test, kstrtoint(strim(text), 10, &refs), 0);
	return refs;
}

/* An instance that is never freed has work of its own, so it holds the module. */
static void instance_holds_module(struct kunit *test)
{
	int refs = lifetime_module_refs(test);
	struct padata_instance *pinst;
	struct padata_shell *ps;

	pinst = padata_alloc("padata_test");
	KUNIT_ASSERT_NOT_NULL(test, pinst);
	KUNIT_EXPECT_EQ(test, lifetime_module_refs(test), refs + 1);
	ps = padata_alloc_shell(pinst);
	padata_free(pinst);
	KUNIT_EXPECT_EQ(test, lifetime_module_refs(test), refs + !!ps);
	padata_free_shell(ps);
	KUNIT_EXPECT_EQ(test, lifetime_module_refs(test), refs);
}

/* The shell keeps its part of an instance that is freed before it. */
static void free_before_shell(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = lifetime_lane(bed, &lifetime_load);

	KUNIT_EXPECT_TRUE(test, lifetime_run(lane));
	bed_free_pinst(bed);
	padata_free_shell(lane->ps);
	bed_expect_clean(bed);
}

static void lifetime_one_parallel(struct padata_priv *padata)
{
	padata_do_serial(padata);
}

static void lifetime_one_serial(struct padata_priv *padata)
{
	complete(&container_of(padata, struct lifetime_one, padata)->done);
}

static bool lifetime_one_job(struct lifetime_one *one, struct padata_shell *ps)
{
	int cpu = 0;

	one->padata.parallel = lifetime_one_parallel;
	one->padata.serial = lifetime_one_serial;
	init_completion(&one->done);
	return !padata_do_parallel(ps, &one->padata, &cpu) &&
	       wait_for_completion_timeout(&one->done, TEST_TIMEOUT) > 0;
}

static void lifetime_one_work(struct work_struct *work)
{
	struct lifetime_one *one = container_of(work, struct lifetime_one, work);
	struct padata_instance *pinst = padata_alloc("padata_test");
	struct padata_shell *ps = pinst ? padata_alloc_shell(pinst) : NULL;

	/* A job that is lost keeps all of it. */
	one->ok = ps && lifetime_one_job(one, ps);
	if (!one->ok)
		return;
	padata_free_shell(ps);
	padata_free(pinst);
}

static u32 lifetime_make_all(struct workqueue_struct *wq, struct lifetime_one *ones, u32 nr)
{
	u32 i, ok = 0;

	for (i = 0; i < nr; i++) {
		INIT_WORK(&ones[i].work, lifetime_one_work);
		queue_work(wq, &ones[i].work);
	}
	flush_workqueue(wq);
	for (i = 0; i < nr; i++)
		ok += ones[i].ok;
	return ok;
}

static void lifetime_destroy_wq(void *wq)
{
	destroy_workqueue(wq);
}

/* Many at a time, because each waits for grace periods. */
static void thousand_instances(struct kunit *test)
{
	u32 ok, nr = test_scale(1000);
	struct workqueue_struct *wq = alloc_workqueue("padata_test", WQ_UNBOUND, 32);
	struct lifetime_one *ones;

	KUNIT_ASSERT_NOT_NULL(test, wq);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, lifetime_destroy_wq, wq), 0);
	ones = kvcalloc(nr, sizeof(*ones), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ones);
	ok = lifetime_make_all(wq, ones, nr);
	KUNIT_EXPECT_EQ(test, ok, nr);
	if (ok == nr)
		kvfree(ones);
	else
		__module_get(THIS_MODULE);
}

static struct kunit_case padata_lifetime_cases[] = {
	KUNIT_CASE(free_shell_after_last_callback),
	KUNIT_CASE(put_shell_after_last_callback),
	KUNIT_CASE(put_shell_jobs_in_flight),
	KUNIT_CASE(put_shell_held_jobs_in_flight),
	KUNIT_CASE(put_shell_in_last_serial),
	KUNIT_CASE(stop_waits_for_last_job_of_put_shell),
	KUNIT_CASE(put_shell_in_softirq),
	KUNIT_CASE(put_shell_drainer_stalled),
	KUNIT_CASE(free_shell_waits_for_held_jobs),
	KUNIT_CASE(free_shell_waits_for_callback),
	KUNIT_CASE(free_shell_waits_for_lasting_callback),
	KUNIT_CASE(free_shell_waits_for_parallel),
	KUNIT_CASE(free_shell_waits_for_parallel_of_submitter),
	KUNIT_CASE(free_shell_sleeps_beside_busy_shell),
	KUNIT_CASE(free_waits_for_held_jobs),
	KUNIT_CASE(free_after_last_callback),
	KUNIT_CASE(free_after_put_shell_in_last_serial),
	KUNIT_CASE(free_unused),
	KUNIT_CASE(free_stopped),
	KUNIT_CASE(shells_made_and_freed_under_load),
	KUNIT_CASE(job_freed_in_serial),
	KUNIT_CASE(inline_job_freed_in_serial),
	KUNIT_CASE(free_removes_kobject),
	KUNIT_CASE(free_with_kobject_referenced),
	KUNIT_CASE(shell_holds_instance),
	KUNIT_CASE(instance_holds_module),
	KUNIT_CASE(free_before_shell),
	KUNIT_CASE(thousand_instances),
	{}
};

static struct kunit_suite padata_lifetime_suite = {
	.name = "padata_lifetime",
	.suite_init = test_root_get,
	.suite_exit = test_root_put,
	.test_cases = padata_lifetime_cases,
};

kunit_test_suite(padata_lifetime_suite);

MODULE_DESCRIPTION("KUnit: lifetime of padata's shells, instances and jobs");
MODULE_LICENSE("GPL");
