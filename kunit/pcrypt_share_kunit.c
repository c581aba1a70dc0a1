// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each transform has its own limit of requests in flight and its own callback CPU,
 * and none waits for another one's child.  All share the cpumasks, with or without
 * CPUs in them.
 */
#include <linux/cpumask.h>

#include "pcrypt_fake.h"

#define LIMIT		8

static void write_mask(struct kunit *test, const struct cpumask *mask)
{
	char text[256];

	snprintf(text, sizeof(text), "%*pb", cpumask_pr_args(mask));
	pt_write_file(test, MASK_FILE, text);
}

/* The limit */

static void hold_all(struct pt_batch *batch, u32 flags)
{
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		script(&batch->ops[i], FAKE_HELD, 0);
		set_flags(&batch->ops[i], flags);
	}
}

static struct pt_batch *make_held(struct kunit *test, struct pt_tfm *tfm, unsigned int nr,
				  u32 flags)
{
	struct pt_batch *batch = make_batch(test, tfm, nr);

	hold_all(batch, flags);
	return batch;
}

static void limit_reached_refuses(struct kunit *test)
{
	struct pt_batch *batch = make_held(test, open_limited(test, LIMIT), 3 * LIMIT, 0);

	pt_batch_submit(batch);
	expect_ret(test, batch, 0, LIMIT, -EINPROGRESS);
	expect_ret(test, batch, LIMIT, batch->nr, -ENOSPC);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(LIMIT));
	fake_release_held();
	pt_batch_wait(test, batch);
	/* A refused request was not done. */
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.nr_calls), LIMIT);
}

static void limit_reached_then_left_accepts_again(struct kunit *test)
{
	struct pt_tfm *tfm = open_limited(test, LIMIT);
	struct pt_batch *batch = make_batch(test, tfm, 1);
	struct pt_batch *held;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		held = make_held(test, tfm, LIMIT, 0);
		pt_batch_submit(held);
		expect_ret(test, held, 0, LIMIT, -EINPROGRESS);
		pt_op_submit(&batch->ops[0]);
		KUNIT_EXPECT_EQ(test, batch->ops[0].ret, -ENOSPC);
		KUNIT_ASSERT_TRUE(test, fake_wait_calls((i + 1) * LIMIT));
		fake_release_held();
		pt_batch_wait(test, held);
	}
}

/* The child completes @op, and then pcrypt. */
static void finish(struct kunit *test, struct pt_op *op)
{
	fake_complete(step_of(op));
	KUNIT_ASSERT_TRUE(test, wait_var_event_timeout(&op->nr_final, atomic_read(&op->nr_final),
						       PT_TIMEOUT));
}

static void hook_wake(struct pt_op *op)
{
	wake_up_var(&op->nr_final);
}

static unsigned int nr_notified(struct pt_batch *batch)
{
	unsigned int i, nr = 0;

	for (i = 0; i < batch->nr; i++)
		nr += atomic_read(&batch->ops[i].nr_notified);
	return nr;
}

/* One by one: each completion lets the oldest waiting user go on. */
static void limit_reached_backlogs_in_turn(struct kunit *test)
{
	struct pt_batch *batch = make_held(test, open_limited(test, LIMIT), 3 * LIMIT,
					   CRYPTO_TFM_REQ_MAY_BACKLOG);
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		batch->ops[i].hook = hook_wake;
	pt_batch_submit(batch);
	expect_ret(test, batch, 0, LIMIT, -EINPROGRESS);
	expect_ret(test, batch, LIMIT, batch->nr, -EBUSY);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(batch->nr));
	KUNIT_EXPECT_EQ(test, nr_notified(batch), 0);
	for (i = 0; i < batch->nr; i++) {
		finish(test, &batch->ops[i]);
		KUNIT_EXPECT_EQ(test, nr_notified(batch), min(i + 1, batch->nr - LIMIT));
		if (i + LIMIT < batch->nr)
			KUNIT_EXPECT_EQ(test, 1,
					atomic_read(&batch->ops[i + LIMIT].nr_notified));
	}
	pt_batch_wait(test, batch);
	pt_expect_in_order(test, batch);
	pt_expect_each(test, batch, pt_op_not_once);
}

static void limit_is_for_one_transform_and_direction(struct kunit *test)
{
	struct pt_batch *full = make_held(test, open_limited(test, LIMIT), LIMIT, 0);
	struct pt_batch *opposite = make_batch(test, full->tfm, 2 * LIMIT);
	struct pt_batch *other = make_batch(test, open_limited(test, 2 * LIMIT), 2 * LIMIT);
	unsigned int i;

	for (i = 0; i < opposite->nr; i++)
		pt_op_prepare(&opposite->ops[i], &(struct pt_shape){ });
	hold_all(other, 0);
	pt_batch_submit(full);
	pt_batch_submit(other);
	expect_ret(test, full, 0, LIMIT, -EINPROGRESS);
	expect_ret(test, other, 0, 2 * LIMIT, -EINPROGRESS);
	for (i = 0; i < opposite->nr; i++) {
		script(&opposite->ops[i], FAKE_HELD, 0);
		pt_op_submit(&opposite->ops[i]);
	}
	expect_ret(test, opposite, 0, LIMIT, -EINPROGRESS);
	expect_ret(test, opposite, LIMIT, 2 * LIMIT, -ENOSPC);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(4 * LIMIT));
	fake_release_held();
	pt_batch_wait(test, full);
	pt_batch_wait(test, opposite);
	pt_batch_wait(test, other);
}

static void limit_of_one_goes_on(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_limited(test, 1), pt_scaled(200));
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		script(&batch->ops[i], i % 3 ? FAKE_AT_ONCE : FAKE_OTHER_CPU, i % 5 ? 0 : -EBADMSG);
		set_flags(&batch->ops[i], CRYPTO_TFM_REQ_MAY_BACKLOG);
	}
	pt_batch_run(test, batch);
	pt_expect_in_order(test, batch);
	pt_expect_each(test, batch, pt_op_not_once);
}

/* KASAN reports an access to a request that was notified, completed and freed. */
static void limit_reached_requests_freed_in_completion(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_limited(test, 2), pt_scaled(400));
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		script(&batch->ops[i], i % 2 ? FAKE_AT_ONCE : FAKE_OTHER_CPU, 0);
		set_flags(&batch->ops[i], CRYPTO_TFM_REQ_MAY_BACKLOG);
		batch->ops[i].hook = hook_free_request;
	}
	pt_batch_run(test, batch);
	pt_expect_in_order(test, batch);
	pt_expect_each(test, batch, pt_op_not_once);
}

/**
 * struct polite - a task that waits when it is told to
 * @work: The task.
 * @batch: What it submits.
 * @in_flight_max: The most that its stream had in flight.
 * @stuck: It waited in vain.
 */
struct polite {
	struct work_struct work;
	struct pt_batch *batch;
	int in_flight_max;
	bool stuck;
};

static bool may_go_on(struct pt_op *op)
{
	return atomic_read(&op->nr_notified);
}

static void polite_run(struct work_struct *work)
{
	struct polite *polite = container_of(work, struct polite, work);
	struct pt_batch *batch = polite->batch;
	struct pt_stream *stream = &batch->tfm->stream[1];
	unsigned int i;

	for (i = 0; i < batch->nr && !polite->stuck; i++) {
		struct pt_op *op = &batch->ops[i];

		pt_op_submit(op);
		polite->in_flight_max = max(polite->in_flight_max,
					    atomic_read(&stream->nr_sent) -
					    atomic_read(&stream->nr_done));
		if (op->ret == -EBUSY)
			polite->stuck = !wait_var_event_timeout(&op->nr_notified, may_go_on(op),
								PT_TIMEOUT);
	}
}

static const char *op_not_notified_as_told(struct pt_op *op)
{
	if (op->notified != (op->ret == -EBUSY))
		return "notified before it completed, or not, other than it was told";
	return op->notified == atomic_read(&op->nr_notified) ? NULL : "notified afterwards";
}

#define POLITE_TASKS	4

static void polite_join(struct kunit *test, struct polite *polite)
{
	flush_work(&polite->work);
	destroy_work_on_stack(&polite->work);
	KUNIT_EXPECT_FALSE(test, polite->stuck);
	/* One over the limit for each task, and requests sent but not yet counted. */
	KUNIT_EXPECT_LE(test, polite->in_flight_max, LIMIT + 2 * POLITE_TASKS);
}

static void polite_prepare(struct pt_batch *batch, struct rnd_state *rnd)
{
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		script(&batch->ops[i], prandom_u32_state(rnd) % FAKE_EARLY, 0);
		set_flags(&batch->ops[i], CRYPTO_TFM_REQ_MAY_BACKLOG);
	}
}

/* The bound holds for several tasks that send at the same time, if they wait. */
static void limit_bounds_those_who_wait(struct kunit *test)
{
	struct polite polite[POLITE_TASKS] = { };
	struct pt_tfm *tfm = open_limited(test, LIMIT);
	struct rnd_state rnd;
	unsigned int i;

	pt_seed(test, &rnd, 0);
	for (i = 0; i < POLITE_TASKS; i++) {
		polite[i].batch = make_batch(test, tfm, pt_scaled(200));
		polite_prepare(polite[i].batch, &rnd);
		INIT_WORK_ONSTACK(&polite[i].work, polite_run);
	}
	for (i = 0; i < POLITE_TASKS; i++)
		queue_work(system_unbound_wq, &polite[i].work);
	for (i = 0; i < POLITE_TASKS; i++)
		polite_join(test, &polite[i]);
	for (i = 0; i < POLITE_TASKS; i++) {
		pt_batch_wait(test, polite[i].batch);
		pt_expect_each(test, polite[i].batch, op_not_notified_as_told);
		pt_expect_each(test, polite[i].batch, pt_op_not_once);
	}
	KUNIT_EXPECT_FALSE(test, tfm->stream[1].overlapped);
}

/* Callback CPUs */

#define PER_CPU		4

/* Transforms made one after the other, one request each; NULL for any CPU. */
static void expect_spread(struct kunit *test, const struct cpumask *mask, struct pt_batch **batches)
{
	unsigned int cpu, i, nr, nr_tfms = PER_CPU * cpumask_weight(mask);
	cpumask_var_t usable;

	KUNIT_ASSERT_TRUE(test, zalloc_cpumask_var(&usable, GFP_KERNEL));
	cpumask_and(usable, mask, cpu_online_mask);
	for (i = 0; i < nr_tfms; i++) {
		atomic_set(&batches[i]->left, 1);
		pt_batch_run(test, batches[i]);
	}
	for_each_possible_cpu(cpu) {
		for (i = 0, nr = 0; i < nr_tfms; i++)
			nr += batches[i]->ops[0].cpu == cpu;
		KUNIT_EXPECT_EQ_MSG(test, nr, cpumask_test_cpu(cpu, usable) ? PER_CPU : 0,
				    "CPU %u of the mask %*pbl", cpu, cpumask_pr_args(mask));
	}
	free_cpumask_var(usable);
}

static struct pt_batch **make_many(struct kunit *test, unsigned int nr)
{
	struct pt_batch **batches = kunit_kcalloc(test, nr, sizeof(*batches), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, batches);
	for (i = 0; i < nr; i++)
		batches[i] = make_batch(test, open_fake(test), 1);
	return batches;
}

static void callbacks_spread_over_cpus(struct kunit *test)
{
	expect_spread(test, cpu_online_mask, make_many(test, PER_CPU * num_online_cpus()));
}

/* The same transforms all the time: existing ones follow a change, too. */
static void callbacks_follow_serial_mask(struct kunit *test)
{
	struct pt_batch **batches = make_many(test, PER_CPU * num_online_cpus());
	struct cpumask *mask = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	unsigned int cpu, nr = 0;

	KUNIT_ASSERT_NOT_NULL(test, mask);
	pt_save_file(test, MASK_FILE);
	for_each_online_cpu(cpu) {
		cpumask_set_cpu(cpu, mask);
		/* Not each of them, where there are many. */
		if (!is_power_of_2(++nr))
			continue;
		write_mask(test, mask);
		expect_spread(test, mask, batches);
		write_mask(test, cpumask_of(cpu));
		expect_spread(test, cpumask_of(cpu), batches);
	}
	write_mask(test, cpu_online_mask);
	expect_spread(test, cpu_online_mask, batches);
}

/* Empty cpumasks */

static void mix_completions(struct kunit *test, struct pt_batch *batch)
{
	struct rnd_state rnd;
	unsigned int i;

	pt_seed(test, &rnd, 0);
	for (i = 0; i < batch->nr; i++)
		script(&batch->ops[i], prandom_u32_state(&rnd) % FAKE_EARLY,
		       i % 5 ? 0 : -EBADMSG);
}

static void expect_served(struct kunit *test, struct pt_batch *batch)
{
	pt_batch_wait(test, batch);
	expect_ret(test, batch, 0, batch->nr, -EINPROGRESS);
	pt_expect_in_order(test, batch);
	pt_expect_each(test, batch, pt_op_not_once);
}

static void masks_empty_requests_served(struct kunit *test)
{
	static const char * const files[] = { PARALLEL_FILE, MASK_FILE };
	struct pt_tfm *tfm = open_fake(test);
	struct pt_batch *batch;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		batch = make_batch(test, tfm, pt_scaled(200));
		mix_completions(test, batch);
		pt_save_file(test, files[i]);
		pt_write_file(test, files[i], "0");
		pt_batch_submit(batch);
		expect_served(test, batch);
	}
}

/* Requests sent before, while and after there is no CPU are one stream. */
static void masks_emptied_requests_in_flight(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), pt_scaled(600));
	struct pt_saved *parallel = pt_save_file(test, PARALLEL_FILE);
	struct pt_saved *serial = pt_save_file(test, MASK_FILE);
	unsigned int i, third = batch->nr / 3;

	mix_completions(test, batch);
	/* Until the masks have changed twice nothing can complete. */
	script(&batch->ops[0], FAKE_HELD, 0);
	for (i = 0; i < batch->nr; i++) {
		if (i == third) {
			pt_write_file(test, MASK_FILE, "0");
			pt_write_file(test, PARALLEL_FILE, "0");
		} else if (i == 2 * third) {
			pt_restore_file(parallel);
			pt_restore_file(serial);
		}
		pt_op_submit(&batch->ops[i]);
	}
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(batch->nr));
	KUNIT_EXPECT_EQ(test, atomic_read(&batch->left), batch->nr);
	fake_release_held();
	expect_served(test, batch);
}

/* Fairness */

#define STUCK		800
#define BUSY		128
#define BUSY_US		(PT_DEBUG ? 400 : 100)
#define MIN_ROUNDS	20
#define MAX_ROUNDS	40

/* 10 holds if instructions are counted; time depends on other load of the host. */
static unsigned int slack_percent = 100;
module_param(slack_percent, uint, 0444);
MODULE_PARM_DESC(slack_percent, "How much longer others may take while a transform is stuck (100)");

static bool slower(s64 together, s64 alone)
{
	return together * 100 > alone * (100 + slack_percent);
}

static s64 run_busy(struct kunit *test, struct pt_batch *busy)
{
	ktime_t start = ktime_get();

	atomic_set(&busy->left, busy->nr);
	pt_batch_submit_window(test, busy, 32);
	pt_batch_wait(test, busy);
	return ktime_us_delta(ktime_get(), start);
}

/* The child has all of @stuck and completes none. */
static s64 run_busy_beside(struct kunit *test, struct pt_batch *busy, struct pt_batch *stuck)
{
	int calls = atomic_read(&fake.nr_calls);
	s64 us;

	atomic_set(&stuck->left, stuck->nr);
	pt_batch_submit(stuck);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(calls + stuck->nr));
	us = run_busy(test, busy);
	KUNIT_ASSERT_EQ(test, atomic_read(&stuck->left), stuck->nr);
	fake_release_held();
	pt_batch_wait(test, stuck);
	return us;
}

/*
 * Other load of the host only ever adds to a time, so the least of several
 * is compared, of both in turn; with more of them while it is noisy.
 */
static void stuck_transform_does_not_delay_others(struct kunit *test)
{
	struct pt_batch *stuck = make_held(test, open_fake(test), pt_scaled(STUCK), 0);
	struct pt_batch *busy = make_batch(test, open_fake(test), BUSY);
	s64 alone = S64_MAX, together = S64_MAX;
	unsigned int i;

	for (i = 0; i < busy->nr; i++) {
		script(&busy->ops[i], FAKE_AT_ONCE, 0);
		step_of(&busy->ops[i])->spin_us = BUSY_US;
	}
	for (i = 0; i < MIN_ROUNDS || (slower(together, alone) && i < MAX_ROUNDS); i++) {
		alone = min(alone, run_busy(test, busy));
		together = min(together, run_busy_beside(test, busy, stuck));
	}
	kunit_info(test, "%u requests alone %lld us, with %u stuck ones %lld us (%u rounds)\n",
		   busy->nr, alone, stuck->nr, together, i);
	KUNIT_EXPECT_FALSE(test, slower(together, alone));
	pt_expect_in_order(test, busy);
	pt_expect_in_order(test, stuck);
}

static struct kunit_case pcrypt_share_cases[] = {
	KUNIT_CASE(limit_reached_refuses),
	KUNIT_CASE(limit_reached_then_left_accepts_again),
	KUNIT_CASE(limit_reached_backlogs_in_turn),
	KUNIT_CASE(limit_is_for_one_transform_and_direction),
	KUNIT_CASE(limit_of_one_goes_on),
	KUNIT_CASE(limit_reached_requests_freed_in_completion),
	KUNIT_CASE(limit_bounds_those_who_wait),
	KUNIT_CASE(callbacks_spread_over_cpus),
	KUNIT_CASE(callbacks_follow_serial_mask),
	KUNIT_CASE(masks_empty_requests_served),
	KUNIT_CASE(masks_emptied_requests_in_flight),
	KUNIT_CASE(stuck_transform_does_not_delay_others),
	{ }
};

static struct kunit_suite pcrypt_share_suite = {
	.name = SUITE_NAME("pcrypt_share"),
	.suite_init = child_suite_init,
	.suite_exit = child_suite_exit,
	.init = child_init,
	.test_cases = pcrypt_share_cases,
};

kunit_test_suite(pcrypt_share_suite);

MODULE_DESCRIPTION("What transforms of pcrypt share, and what they do not");
MODULE_LICENSE("GPL");
