// SPDX-License-Identifier: GPL-2.0-only
/*
 * Long requests: by what its stream has measured, or by its bytes as long as nothing is
 * measured, a request that may sleep is done by the task that sends it, with softirqs
 * enabled, and takes its place in the order all the same.
 */
#include <linux/preempt.h>

#include "pcrypt_fake.h"

#define TASK_FILE	"/sys/module/pcrypt_mod/parameters/task_us"
/* While the cost of a byte is unknown these count as 409 us and as 103 us. */
#define LONG_LEN	4096
#define SHORT_LEN	1024
/* Longer than a child takes that does not spin, also on debug kernels. */
#define SLOW_US		(PT_DEBUG ? 4000 : 1000)

/* Debug kernels, and busy machines, take their time for a child that does nothing. */
static void set_limit_us(struct kunit *test)
{
	if (!PT_DEBUG)
		return;
	pt_save_file(test, TASK_FILE);
	pt_write_file(test, TASK_FILE, "1000");
}

static struct pt_batch *make_long(struct kunit *test, struct pt_tfm *tfm, unsigned int nr,
				  unsigned int len, u32 flags)
{
	struct pt_batch *batch = make_batch_len(test, tfm, nr, len);
	unsigned int i;

	for (i = 0; i < nr; i++) {
		script(&batch->ops[i], FAKE_AT_ONCE, 0);
		set_flags(&batch->ops[i], flags);
	}
	return batch;
}

static void make_slow(struct pt_batch *batch)
{
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		step_of(&batch->ops[i])->spin_us = SLOW_US;
}

/* A transform that has learned that its child is slow. */
static struct pt_tfm *open_slow(struct kunit *test)
{
	struct pt_tfm *tfm = open_fake(test);
	struct pt_batch *batch = make_long(test, tfm, 4, LONG_LEN, CRYPTO_TFM_REQ_MAY_SLEEP);

	set_limit_us(test);
	make_slow(batch);
	pt_batch_run_one_by_one(test, batch);
	return tfm;
}

static const char *op_not_done_by_task(struct pt_op *op)
{
	struct fake_step *step = step_of(op);

	if (step->task != current)
		return "not done by the task that sent it";
	if (step->softirqs_off)
		return "done with softirqs disabled";
	return step->flags & CRYPTO_TFM_REQ_MAY_SLEEP ? NULL :
	       "the child was not told that it may sleep";
}

static const char *op_not_done_elsewhere(struct pt_op *op)
{
	struct fake_step *step = step_of(op);

	if (step->flags & CRYPTO_TFM_REQ_MAY_SLEEP)
		return "the child was told that it may sleep";
	if (!step->softirqs_off)
		return "done with softirqs enabled";
	return step->task == current ? "done by the task that sent it" : NULL;
}

static void expect_all(struct kunit *test, struct pt_batch *batch,
		       const char *(*wrong)(struct pt_op *op))
{
	pt_expect_each(test, batch, wrong);
	pt_expect_each(test, batch, pt_op_not_once);
	pt_expect_each(test, batch, pt_op_not_async);
	pt_expect_each(test, batch, pt_op_softirqs_on);
	pt_expect_in_order(test, batch);
}

/* Long and short requests */

static void unknown_cost_many_bytes_done_by_task(struct kunit *test)
{
	struct pt_batch *batch = make_long(test, open_fake(test), 1, LONG_LEN,
					   CRYPTO_TFM_REQ_MAY_SLEEP);

	pt_batch_run(test, batch);
	expect_all(test, batch, op_not_done_by_task);
}

static void unknown_cost_few_bytes_done_elsewhere(struct kunit *test)
{
	struct pt_batch *batch = make_long(test, open_fake(test), 1, SHORT_LEN,
					   CRYPTO_TFM_REQ_MAY_SLEEP);

	pt_batch_run(test, batch);
	expect_all(test, batch, op_not_done_elsewhere);
}

/* The machine may have been busy with something else at first. */
static void quick_child_many_bytes_done_elsewhere(struct kunit *test)
{
	struct pt_tfm *tfm = open_fake(test);
	struct pt_batch *batch = make_long(test, tfm, 100, LONG_LEN, CRYPTO_TFM_REQ_MAY_SLEEP);

	set_limit_us(test);
	pt_batch_run_one_by_one(test, batch);
	batch = make_long(test, tfm, 1, LONG_LEN, CRYPTO_TFM_REQ_MAY_SLEEP);
	pt_batch_run(test, batch);
	pt_expect_each(test, batch, op_not_done_elsewhere);
}

static void slow_child_few_bytes_done_by_task(struct kunit *test)
{
	struct pt_tfm *tfm = open_slow(test);
	struct pt_batch *batch = make_long(test, tfm, 4, LONG_LEN / 2,
					   CRYPTO_TFM_REQ_MAY_SLEEP);

	pt_batch_run_one_by_one(test, batch);
	expect_all(test, batch, op_not_done_by_task);
}

/* A measurement by a pump counts as one by the task does. */
static void child_gets_slow_later_done_by_task(struct kunit *test)
{
	struct pt_tfm *tfm = open_fake(test);
	struct pt_batch *batch;

	set_limit_us(test);
	batch = make_long(test, tfm, 100, LONG_LEN, CRYPTO_TFM_REQ_MAY_SLEEP);
	pt_batch_run_one_by_one(test, batch);
	batch = make_long(test, tfm, 50, LONG_LEN, CRYPTO_TFM_REQ_MAY_SLEEP);
	make_slow(batch);
	pt_batch_run_one_by_one(test, batch);
	batch = make_long(test, tfm, 1, LONG_LEN, CRYPTO_TFM_REQ_MAY_SLEEP);
	pt_batch_run(test, batch);
	pt_expect_each(test, batch, op_not_done_by_task);
}

static void limit_of_0_all_done_by_task(struct kunit *test)
{
	struct pt_batch *batch = make_long(test, open_fake(test), 4, 16,
					   CRYPTO_TFM_REQ_MAY_SLEEP);

	pt_save_file(test, TASK_FILE);
	pt_write_file(test, TASK_FILE, "0");
	pt_batch_run_one_by_one(test, batch);
	expect_all(test, batch, op_not_done_by_task);
}

#ifndef FAKE_SKCIPHER
/* Together they are 16, if one does not look for the carry. */
static void lengths_that_wrap_are_many_bytes(struct kunit *test)
{
	struct pt_batch *batch = make_long(test, open_fake(test), 1, 32,
					   CRYPTO_TFM_REQ_MAY_SLEEP);

	aead_request_set_ad(batch->ops[0].req.aead, UINT_MAX - 15);
	pt_batch_run(test, batch);
	expect_all(test, batch, op_not_done_by_task);
}
#endif

/* Contexts that may not sleep */

static void may_not_sleep_done_elsewhere(struct kunit *test)
{
	struct pt_batch *batch = make_long(test, open_slow(test), 4, LONG_LEN, 0);

	pt_batch_run_each(test, batch, 0);
	expect_all(test, batch, op_not_done_elsewhere);
}

static void softirqs_disabled_done_elsewhere(struct kunit *test)
{
	struct pt_batch *batch = make_long(test, open_slow(test), 4, LONG_LEN,
					   CRYPTO_TFM_REQ_MAY_SLEEP);

	local_bh_disable();
	pt_batch_submit(batch);
	local_bh_enable();
	pt_batch_wait(test, batch);
	expect_all(test, batch, op_not_done_elsewhere);
}

/* On PREEMPT_RT locks of ours sleep, so requests are not sent there at all. */
static void preemption_disabled_done_elsewhere(struct kunit *test)
{
	struct pt_batch *batch = make_long(test, open_slow(test), 4, LONG_LEN,
					   CRYPTO_TFM_REQ_MAY_SLEEP);

	if (!IS_ENABLED(CONFIG_PREEMPT_COUNT) || IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	preempt_disable();
	pt_batch_submit(batch);
	preempt_enable();
	pt_batch_wait(test, batch);
	expect_all(test, batch, op_not_done_elsewhere);
}

/* Order */

static void long_request_waits_for_earlier_ones(struct kunit *test)
{
	struct pt_batch *batch = make_batch_len(test, open_fake(test), 3, LONG_LEN);

	script(&batch->ops[0], FAKE_HELD, 0);
	script(&batch->ops[1], FAKE_AT_ONCE, -EBADMSG);
	set_flags(&batch->ops[1], CRYPTO_TFM_REQ_MAY_SLEEP);
	script(&batch->ops[2], FAKE_AT_ONCE, 0);
	pt_batch_submit(batch);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(3));
	KUNIT_EXPECT_NULL(test, op_not_done_by_task(&batch->ops[1]));
	KUNIT_EXPECT_EQ(test, atomic_read(&batch->left), 3);
	fake_release_held();
	pt_batch_wait(test, batch);
	KUNIT_EXPECT_EQ(test, batch->ops[1].err, -EBADMSG);
	pt_expect_each(test, batch, pt_op_not_once);
	pt_expect_in_order(test, batch);
}

/* Requests that others send while a long one is done come after it. */
static void requests_sent_meanwhile_wait_for_long_one(struct kunit *test)
{
	struct pt_tfm *tfm = open_fake(test);
	struct pt_batch *batch = make_long(test, tfm, 1, LONG_LEN, CRYPTO_TFM_REQ_MAY_SLEEP);
	struct pt_batch *meanwhile = make_batch(test, tfm, 20);
	unsigned int i;

	for (i = 0; i < meanwhile->nr; i++)
		script(&meanwhile->ops[i], i % 2 ? FAKE_AT_ONCE : FAKE_OTHER_CPU, 0);
	step_of(&batch->ops[0])->sends = meanwhile;
	pt_batch_run(test, batch);
	pt_batch_wait(test, meanwhile);
	pt_expect_each(test, batch, op_not_done_by_task);
	pt_expect_in_order(test, batch);
	pt_expect_in_order(test, meanwhile);
}

/* Children that answer later, or from a backlog; requests freed in completions */

static void long_request_child_completes_later(struct kunit *test)
{
	struct pt_batch *batch = make_batch_len(test, open_fake(test), pt_scaled(80), LONG_LEN);
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		enum fake_how how = FAKE_WORK + i % (FAKE_HELD - FAKE_WORK);

		if (i % 2)
			script_backlog(&batch->ops[i], how, i % 3 ? 0 : -EBADMSG);
		else
			script(&batch->ops[i], how, i % 3 ? 0 : -EBADMSG);
		set_flags(&batch->ops[i], CRYPTO_TFM_REQ_MAY_SLEEP | CRYPTO_TFM_REQ_MAY_BACKLOG);
	}
	pt_batch_run(test, batch);
	expect_all(test, batch, op_not_done_by_task);
}

static void long_request_freed_in_its_completion(struct kunit *test)
{
	struct pt_batch *batch = make_long(test, open_slow(test), 40, LONG_LEN,
					   CRYPTO_TFM_REQ_MAY_SLEEP);
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		if (i)
			script(&batch->ops[i], i % 2 ? FAKE_AT_ONCE : FAKE_EARLY, 0);
		set_hook(&batch->ops[i], hook_free_request);
	}
	pt_batch_run_one_by_one(test, batch);
	pt_expect_in_order(test, batch);
	pt_expect_each(test, batch, pt_op_not_once);
}

/* The limit */

static void long_request_beyond_limit_is_refused(struct kunit *test)
{
	struct pt_batch *batch = make_batch_len(test, open_limited(test, 1), 3, LONG_LEN);

	script(&batch->ops[0], FAKE_HELD, 0);
	script(&batch->ops[1], FAKE_AT_ONCE, 0);
	set_flags(&batch->ops[1], CRYPTO_TFM_REQ_MAY_SLEEP);
	script(&batch->ops[2], FAKE_AT_ONCE, 0);
	set_flags(&batch->ops[2], CRYPTO_TFM_REQ_MAY_SLEEP | CRYPTO_TFM_REQ_MAY_BACKLOG);
	pt_batch_submit(batch);
	KUNIT_EXPECT_EQ(test, batch->ops[1].ret, -ENOSPC);
	KUNIT_EXPECT_EQ(test, batch->ops[2].ret, -EBUSY);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(2));
	fake_release_held();
	pt_batch_wait(test, batch);
	KUNIT_EXPECT_EQ(test, atomic_read(&step_of(&batch->ops[1])->nr_calls), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&batch->ops[2].nr_notified), 1);
}

static struct kunit_case pcrypt_long_cases[] = {
	KUNIT_CASE(unknown_cost_many_bytes_done_by_task),
	KUNIT_CASE(unknown_cost_few_bytes_done_elsewhere),
	KUNIT_CASE(quick_child_many_bytes_done_elsewhere),
	KUNIT_CASE(slow_child_few_bytes_done_by_task),
	KUNIT_CASE(child_gets_slow_later_done_by_task),
	KUNIT_CASE(limit_of_0_all_done_by_task),
#ifndef FAKE_SKCIPHER
	KUNIT_CASE(lengths_that_wrap_are_many_bytes),
#endif
	KUNIT_CASE(may_not_sleep_done_elsewhere),
	KUNIT_CASE(softirqs_disabled_done_elsewhere),
	KUNIT_CASE(preemption_disabled_done_elsewhere),
	KUNIT_CASE(long_request_waits_for_earlier_ones),
	KUNIT_CASE(requests_sent_meanwhile_wait_for_long_one),
	KUNIT_CASE(long_request_child_completes_later),
	KUNIT_CASE(long_request_freed_in_its_completion),
	KUNIT_CASE(long_request_beyond_limit_is_refused),
	{ }
};

static struct kunit_suite pcrypt_long_suite = {
	.name = SUITE_NAME("pcrypt_long"),
	.suite_init = child_suite_init,
	.suite_exit = child_suite_exit,
	.init = child_init,
	.test_cases = pcrypt_long_cases,
};

kunit_test_suite(pcrypt_long_suite);

MODULE_DESCRIPTION("Long requests of pcrypt");
MODULE_LICENSE("GPL");
