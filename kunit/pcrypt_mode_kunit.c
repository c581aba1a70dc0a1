// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modes of a stream: direct requests are done by their submitter and have their
 * result on return, and neither they nor those of parallel mode overtake each other
 * where the mode changes.  The rule of mode "auto" decides as a load needs it.
 *
 * Of two calls that overlap either may complete first.  Where one call had returned
 * before the other began its request completes first.
 */
#include <linux/delay.h>
#include <linux/kstrtox.h>

#include "pcrypt_fake.h"

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "seed of the random choices (0: a new one each time)");

#define TO_PARALLEL_FILE	"/sys/kernel/pcrypt/pencrypt/to_parallel"
#define TO_DIRECT_FILE		"/sys/kernel/pcrypt/pencrypt/to_direct"
#define STREAMS_FILE		"/sys/kernel/pcrypt/pencrypt/streams_parallel"

static long read_number(struct kunit *test, const char *path)
{
	char text[32];
	long n = -1;

	KUNIT_ASSERT_GT(test, test_read_file(path, text, sizeof(text)), 0);
	KUNIT_ASSERT_EQ(test, 0, kstrtol(strim(text), 10, &n));
	return n;
}

static long nr_changes(struct kunit *test)
{
	return read_number(test, TO_PARALLEL_FILE) + read_number(test, TO_DIRECT_FILE);
}

static struct pt_tfm *open_sync(struct kunit *test)
{
	return open_fake_as(test, "padata-fake-sync");
}

/**
 * struct kind_param - a child, as a parameter of a test
 * @name: For people.
 * @open: Opens a transform over it.
 */
struct kind_param {
	const char *name;
	struct pt_tfm *(*open)(struct kunit *test);
};

static const struct kind_param kinds[] = {
	{ "synchronous", open_sync },
	{ "asynchronous", open_fake },
};

KUNIT_ARRAY_PARAM_DESC(kind, kinds, name);

static struct pt_tfm *open_kind(struct kunit *test)
{
	return ((const struct kind_param *)test->param_value)->open(test);
}

static const int errors[] = { 0, -EBADMSG, 0, -EINVAL, -EIO, 0, -ENOMEM };

static struct pt_batch *make_at_once(struct kunit *test, struct pt_tfm *tfm, unsigned int nr)
{
	struct pt_batch *batch = make_batch(test, tfm, nr);
	unsigned int i;

	for (i = 0; i < nr; i++)
		script(&batch->ops[i], FAKE_AT_ONCE, errors[i % ARRAY_SIZE(errors)]);
	return batch;
}

/* In one of the ways in which a child answers, with a backlog or without. */
static void script_randomly(struct pt_op *op, struct rnd_state *rnd, unsigned int nr_ways)
{
	enum fake_how how = prandom_u32_state(rnd) % nr_ways;
	int err = errors[prandom_u32_state(rnd) % ARRAY_SIZE(errors)];

	if (how != FAKE_AT_ONCE && prandom_u32_state(rnd) % 2)
		script_backlog(op, how, err);
	else
		script(op, how, err);
}

static const char *op_not_as_scripted(struct pt_op *op)
{
	return op->err == step_of(op)->err ? NULL : "not completed with the child's result";
}

static const char *op_not_called_once(struct pt_op *op)
{
	return atomic_read(&step_of(op)->nr_calls) == 1 ? NULL : "the child was not called once";
}

static const char *op_not_direct(struct pt_op *op)
{
	const struct fake_step *step = step_of(op);

	if (op->ret != step->err)
		return "the result was not returned";
	return step->task == current ? NULL : "not done by the task that sent it";
}

/* pcrypt may exchange it while the child has the request. */
static const char *op_not_for_its_tfm(struct pt_op *op)
{
	bool same = op->tfm->kind == PT_AEAD ?
		    crypto_aead_reqtfm(op->req.aead) == op->tfm->aead :
		    crypto_skcipher_reqtfm(op->req.skcipher) == op->tfm->skcipher;

	return same ? NULL : "its transform is another one afterwards";
}

/* In order, as the one submitter of the batch sees it. */
static void expect_clean(struct kunit *test, struct pt_batch *batch)
{
	pt_batch_wait(test, batch);
	pt_expect_in_order(test, batch);
	pt_expect_each(test, batch, op_not_as_scripted);
	pt_expect_each(test, batch, op_not_called_once);
	pt_expect_each(test, batch, pt_op_not_once);
	pt_expect_each(test, batch, op_not_for_its_tfm);
}

/* Direct requests */

static void expect_direct(struct kunit *test, struct pt_batch *batch)
{
	expect_clean(test, batch);
	pt_expect_each(test, batch, op_not_direct);
}

/* Too few requests for the rule to try anything. */
static void stream_begins_direct(struct kunit *test)
{
	struct pt_batch *batch;
	long changes;

	pt_allow_direct(test);
	changes = nr_changes(test);
	batch = make_at_once(test, open_kind(test), 8);
	pt_batch_submit(batch);
	KUNIT_EXPECT_EQ(test, atomic_read(&batch->left), 0);
	expect_direct(test, batch);
	KUNIT_EXPECT_EQ(test, nr_changes(test), changes);
	KUNIT_EXPECT_EQ(test, read_number(test, STREAMS_FILE), 0);
}

static void mode_direct_all_returned(struct kunit *test)
{
	struct pt_batch *batch = make_at_once(test, open_kind(test), pt_scaled(1000));

	pt_set_mode(test, "direct");
	pt_batch_submit(batch);
	expect_direct(test, batch);
}

static void mode_parallel_none_returned(struct kunit *test)
{
	struct pt_batch *batch = make_at_once(test, open_kind(test), pt_scaled(200));

	pt_batch_submit(batch);
	expect_clean(test, batch);
	pt_expect_each(test, batch, pt_op_not_async);
}

static void mode_direct_with_softirqs_disabled(struct kunit *test)
{
	struct pt_batch *batch = make_at_once(test, open_kind(test), 100);

	pt_set_mode(test, "direct");
	local_bh_disable();
	pt_batch_submit(batch);
	local_bh_enable();
	expect_direct(test, batch);
	pt_expect_each(test, batch, pt_op_softirqs_on);
}

static const char *op_may_not_sleep(struct pt_op *op)
{
	if (step_of(op)->softirqs_off)
		return "done with softirqs disabled";
	return step_of(op)->flags & CRYPTO_TFM_REQ_MAY_SLEEP ? NULL :
	       "the child was not told that it may sleep";
}

/* Of any length. */
static void request_that_may_sleep_done_by_task(struct kunit *test)
{
	struct pt_tfm *tfm = open_kind(test);
	unsigned int i, len;

	pt_set_mode(test, "direct");
	for (len = 16; len <= 16384; len *= 4) {
		struct pt_batch *batch = make_batch_len(test, tfm, 8, len);

		for (i = 0; i < batch->nr; i++) {
			script(&batch->ops[i], FAKE_AT_ONCE, 0);
			set_flags(&batch->ops[i], CRYPTO_TFM_REQ_MAY_SLEEP);
		}
		pt_batch_submit(batch);
		pt_expect_each(test, batch, op_not_direct);
		pt_expect_each(test, batch, op_may_not_sleep);
	}
}

/* A final result, not one that was accepted. */
static void direct_busy_without_backlog_is_final(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_kind(test), 100);
	unsigned int i;

	pt_set_mode(test, "direct");
	for (i = 0; i < batch->nr; i++)
		script(&batch->ops[i], FAKE_AT_ONCE, i % 4 ? 0 : -EBUSY);
	pt_batch_submit(batch);
	expect_direct(test, batch);
}

static void masks_empty_still_direct(struct kunit *test)
{
	struct pt_tfm *tfm = open_kind(test);
	struct pt_batch *batch;

	pt_set_mode(test, "direct");
	pt_save_file(test, PARALLEL_FILE);
	pt_save_file(test, MASK_FILE);
	pt_write_file(test, PARALLEL_FILE, "0");
	pt_write_file(test, MASK_FILE, "0");
	batch = make_at_once(test, tfm, 100);
	pt_batch_submit(batch);
	expect_direct(test, batch);
}

/* Direct requests that the child completes later */

/* It takes its place, and those that follow keep behind it. */
static void late_request_others_wait(struct kunit *test)
{
	struct pt_tfm *tfm = open_fake(test);
	struct pt_batch *batch, *before = make_at_once(test, tfm, 20);
	unsigned int i;

	pt_set_mode(test, "direct");
	pt_batch_submit(before);
	expect_direct(test, before);
	batch = make_at_once(test, tfm, 50);
	script(&batch->ops[0], FAKE_HELD, -EBADMSG);
	pt_batch_submit(batch);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(before->nr + batch->nr));
	KUNIT_EXPECT_EQ(test, atomic_read(&batch->left), batch->nr);
	pt_expect_each(test, batch, pt_op_not_async);
	fake_release_held();
	pt_batch_wait(test, batch);
	for (i = 0; i < batch->nr; i++)
		KUNIT_EXPECT_EQ(test, batch->ops[i].done_nr, before->nr + i);
	pt_expect_each(test, batch, op_not_as_scripted);
	pt_expect_each(test, batch, pt_op_not_once);
}

static void late_requests_reversed_put_right(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), 100);
	unsigned int i;

	pt_set_mode(test, "direct");
	for (i = 0; i < batch->nr; i++)
		script(&batch->ops[i], FAKE_HELD, errors[i % ARRAY_SIZE(errors)]);
	pt_batch_submit(batch);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(batch->nr));
	KUNIT_EXPECT_EQ(test, atomic_read(&batch->left), batch->nr);
	fake_release_held();
	expect_clean(test, batch);
}

/* Some are done while others are in the child's hands, and in pauses the stream returns. */
static void submit_with_pauses(struct kunit *test, struct pt_batch *batch, struct rnd_state *rnd)
{
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		pt_op_submit(&batch->ops[i]);
		if (prandom_u32_state(rnd) % 4)
			continue;
		KUNIT_ASSERT_TRUE(test, wait_var_event_timeout(&batch->in_flight,
							       !atomic_read(&batch->in_flight),
							       PT_TIMEOUT));
	}
}

static void late_requests_mixed_in_order(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), pt_scaled(800));
	struct rnd_state rnd;
	unsigned int i, nr;

	pt_set_mode(test, "direct");
	pt_seed(test, &rnd, seed);
	/* After the first late one the stream is not direct for a while. */
	for (i = 0; i < batch->nr; i++)
		script_randomly(&batch->ops[i], &rnd, i < 8 || i % 4 ? 1 : FAKE_EARLY);
	submit_with_pauses(test, batch, &rnd);
	expect_clean(test, batch);
	for (i = 0, nr = 0; i < batch->nr; i++)
		nr += batch->ops[i].ret != -EINPROGRESS;
	kunit_info(test, "%u of %u returned their result\n", nr, batch->nr);
	KUNIT_EXPECT_GE(test, nr, 8U);
}

/* Completed from another CPU, before the child has said that it accepts it. */
static void late_requests_completed_early(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), 32);
	unsigned int i;

	pt_set_mode(test, "direct");
	for (i = 0; i < batch->nr; i++) {
		if (i % 2)
			script_backlog(&batch->ops[i], FAKE_EARLY, i % 3 ? 0 : -EBADMSG);
		else
			script(&batch->ops[i], FAKE_EARLY, i % 3 ? 0 : -EBADMSG);
	}
	pt_batch_run_each(test, batch, CRYPTO_TFM_REQ_MAY_BACKLOG);
	expect_clean(test, batch);
	if (num_online_cpus() > 1)
		KUNIT_EXPECT_GT(test, atomic_read(&fake.nr_early), 0);
}

static void late_requests_with_empty_masks(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), pt_scaled(200));
	struct rnd_state rnd;
	unsigned int i;

	pt_set_mode(test, "direct");
	pt_save_file(test, PARALLEL_FILE);
	pt_save_file(test, MASK_FILE);
	pt_write_file(test, PARALLEL_FILE, "0");
	pt_write_file(test, MASK_FILE, "0");
	pt_seed(test, &rnd, seed);
	for (i = 0; i < batch->nr; i++)
		script_randomly(&batch->ops[i], &rnd, FAKE_EARLY);
	submit_with_pauses(test, batch, &rnd);
	expect_clean(test, batch);
}

/* Sends the request again and again, each time waits; true if it was a direct one. */
static bool becomes_direct(struct kunit *test, struct pt_batch *batch)
{
	ktime_t end = ktime_add_ms(ktime_get(), PT_DEBUG ? 10000 : 2000);

	do {
		pt_batch_run_each(test, batch, 0);
		if (batch->ops[0].ret != -EINPROGRESS)
			return true;
	} while (ktime_before(ktime_get(), end));
	return false;
}

/* The stream is direct again, once the CPU on which results came out has settled. */
static void stream_returns_after_late_request(struct kunit *test)
{
	struct pt_tfm *tfm = open_fake(test);
	struct pt_batch *late = make_batch(test, tfm, 1), *batch;

	pt_set_mode(test, "direct");
	script(&late->ops[0], FAKE_OTHER_CPU, 0);
	pt_batch_run_each(test, late, 0);
	KUNIT_EXPECT_EQ(test, late->ops[0].ret, -EINPROGRESS);
	KUNIT_EXPECT_TRUE(test, becomes_direct(test, make_at_once(test, tfm, 1)));
	batch = make_at_once(test, tfm, 100);
	pt_batch_submit(batch);
	pt_expect_each(test, batch, op_not_direct);
	KUNIT_EXPECT_EQ(test, read_number(test, STREAMS_FILE), 0);
}

/* Limits */

static void late_requests_reach_limit(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_limited(test, 2), 5);
	unsigned int i;

	pt_set_mode(test, "direct");
	for (i = 0; i < batch->nr; i++)
		script(&batch->ops[i], FAKE_HELD, 0);
	set_flags(&batch->ops[3], CRYPTO_TFM_REQ_MAY_BACKLOG);
	set_flags(&batch->ops[4], CRYPTO_TFM_REQ_MAY_BACKLOG);
	pt_batch_submit(batch);
	expect_ret(test, batch, 0, 2, -EINPROGRESS);
	expect_ret(test, batch, 2, 3, -ENOSPC);
	expect_ret(test, batch, 3, 5, -EBUSY);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(4));
	fake_release_held();
	pt_batch_wait(test, batch);
	KUNIT_EXPECT_EQ(test, atomic_read(&step_of(&batch->ops[2])->nr_calls), 0);
	for (i = 0; i < batch->nr; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&batch->ops[i].nr_notified), i >= 3);
	pt_expect_each(test, batch, pt_op_not_once);
}

/* What is done directly takes no place, and tells none to go on. */
static void limit_does_not_count_direct_requests(struct kunit *test)
{
	struct pt_tfm *tfm = open_limited(test, 1);
	struct pt_batch *others = make_batch(test, tfm, 2);
	struct pt_batch *batch = make_at_once(test, tfm, 1);

	pt_set_mode(test, "direct");
	script(&others->ops[0], FAKE_HELD, 0);
	script(&others->ops[1], FAKE_AT_ONCE, 0);
	set_flags(&others->ops[1], CRYPTO_TFM_REQ_MAY_BACKLOG);
	step_of(&batch->ops[0])->sends = others;
	pt_batch_submit(batch);
	expect_direct(test, batch);
	expect_ret(test, others, 0, 1, -EINPROGRESS);
	expect_ret(test, others, 1, 2, -EBUSY);
	KUNIT_EXPECT_EQ(test, atomic_read(&others->ops[1].nr_notified), 0);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(3));
	fake_release_held();
	pt_batch_wait(test, others);
	KUNIT_EXPECT_EQ(test, atomic_read(&others->ops[1].nr_notified), 1);
	KUNIT_EXPECT_LT(test, others->ops[0].finished, others->ops[1].finished);
}

/* Modes that change */

static const char * const mode_names[] = { "parallel", "direct", "auto" };
static const char * const mask_names[] = { "1", "0", "2", "3" };

/**
 * struct changer - a task that changes modes, or masks
 * @work: The task.
 * @stop: It ends.
 * @masks: Also cpumasks.
 * @nr: How often it has changed something.
 * @failed: A file could not be written.
 */
struct changer {
	struct work_struct work;
	bool stop;
	bool masks;
	unsigned int nr;
	bool failed;
};

static void changer_write(struct changer *changer, const char *path, const char *text)
{
	if (test_write_file(path, text) < 0)
		changer->failed = true;
	changer->nr++;
}

static void changer_run(struct work_struct *work)
{
	struct changer *changer = container_of(work, struct changer, work);
	unsigned int i;

	for (i = 0; !READ_ONCE(changer->stop); i++) {
		changer_write(changer, PT_MODE_FILE, mode_names[i % 3]);
		usleep_range(50, 150);
		if (!changer->masks || i % 16)
			continue;
		changer_write(changer, i % 32 ? PARALLEL_FILE : MASK_FILE,
			      mask_names[i / 32 % ARRAY_SIZE(mask_names)]);
	}
}

static void changer_end(void *data)
{
	struct changer *changer = data;

	WRITE_ONCE(changer->stop, true);
	flush_work(&changer->work);
}

static struct changer *changer_start(struct kunit *test, bool masks)
{
	struct changer *changer = kunit_kzalloc(test, sizeof(*changer), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, changer);
	pt_save_file(test, PT_MODE_FILE);
	pt_save_file(test, PARALLEL_FILE);
	pt_save_file(test, MASK_FILE);
	changer->masks = masks;
	INIT_WORK(&changer->work, changer_run);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, changer_end, changer));
	queue_work(system_unbound_wq, &changer->work);
	return changer;
}

/**
 * struct feeder - one of several tasks that send requests of one stream
 * @work: The task.
 * @batch: Its requests.
 * @rnd: Its choices.
 */
struct feeder {
	struct work_struct work;
	struct pt_batch *batch;
	struct rnd_state rnd;
};

#define FEEDERS		3
/* For the stream to be direct again all have to pause. */
#define FEEDER_ROW	8

static void feeder_run(struct work_struct *work)
{
	struct feeder *feeder = container_of(work, struct feeder, work);
	struct pt_batch *batch = feeder->batch;
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		if (prandom_u32_state(&feeder->rnd) % 2)
			local_bh_disable();
		pt_op_submit(&batch->ops[i]);
		if (softirq_count())
			local_bh_enable();
		if (i % FEEDER_ROW == FEEDER_ROW - 1)
			wait_var_event_timeout(&batch->in_flight,
					       !atomic_read(&batch->in_flight), PT_TIMEOUT);
	}
}

/* Requests that completed before one whose call had returned when theirs began. */
static unsigned int nr_overtakers(struct kunit *test, struct pt_batch **batches, unsigned int nr)
{
	struct pt_tfm *tfm = batches[0]->tfm;
	unsigned int t, i, k, overtakers = 0, nr_ticks = atomic_read(&tfm->stream[1].ticks);
	/* When the last of those completed whose calls had returned, by tick. */
	unsigned int *last = kunit_kcalloc(test, nr_ticks + 1, sizeof(*last), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, last);
	for (i = 0; i < nr; i++)
		for (k = 0; k < batches[i]->nr; k++)
			last[batches[i]->ops[k].returned] = batches[i]->ops[k].finished;
	for (t = 1; t <= nr_ticks; t++)
		last[t] = max(last[t], last[t - 1]);
	for (i = 0; i < nr; i++)
		for (k = 0; k < batches[i]->nr; k++)
			overtakers += batches[i]->ops[k].finished <
				      last[batches[i]->ops[k].began];
	kunit_kfree(test, last);
	return overtakers;
}

/* Nothing is under way in the child; its steps can be used again. */
static void forget_steps(void)
{
	fake_steps_release(NULL);
	memset(fake.steps, 0, fake.nr_steps * sizeof(fake.steps[0]));
	fake.nr_steps = 0;
}

static void run_feeders(struct feeder *feeders)
{
	unsigned int i;

	for (i = 0; i < FEEDERS; i++) {
		INIT_WORK_ONSTACK(&feeders[i].work, feeder_run);
		queue_work(system_unbound_wq, &feeders[i].work);
	}
	for (i = 0; i < FEEDERS; i++) {
		flush_work(&feeders[i].work);
		destroy_work_on_stack(&feeders[i].work);
	}
}

#define FEEDER_OPS	120
#define FEEDER_US	40

/* Counts down to the last completion, which frees the transform; 0 for never. */
static atomic_t nr_until_free;

static void hook_free_transform(struct pt_op *op)
{
	if (atomic_dec_and_test(&nr_until_free))
		pt_tfm_free(op->tfm);
}

static void make_feeder(struct kunit *test, struct feeder *feeder, struct pt_tfm *tfm,
			struct rnd_state *rnd, unsigned int nr_ways)
{
	unsigned int i;

	feeder->batch = make_batch(test, tfm, FEEDER_OPS);
	prandom_seed_state(&feeder->rnd, prandom_u32_state(rnd));
	for (i = 0; i < FEEDER_OPS; i++) {
		struct pt_op *op = &feeder->batch->ops[i];

		script_randomly(op, rnd, prandom_u32_state(rnd) % 4 ? 1 : nr_ways);
		step_of(op)->spin_us = prandom_u32_state(rnd) % FEEDER_US;
		op->hook = hook_free_transform;
	}
}

static void judge_feeders(struct kunit *test, struct feeder *feeders)
{
	struct pt_batch *batches[FEEDERS];
	unsigned int i;

	for (i = 0; i < FEEDERS; i++) {
		batches[i] = feeders[i].batch;
		pt_batch_wait(test, batches[i]);
		pt_expect_each(test, batches[i], op_not_as_scripted);
		pt_expect_each(test, batches[i], op_not_called_once);
		pt_expect_each(test, batches[i], pt_op_not_once);
	}
	KUNIT_EXPECT_EQ(test, nr_overtakers(test, batches, FEEDERS), 0U);
}

/* A new transform; several tasks send its requests, which complete in @nr_ways. */
static void run_round(struct kunit *test, struct pt_tfm *tfm, struct rnd_state *rnd,
		      unsigned int nr_ways, bool frees)
{
	struct feeder feeders[FEEDERS];
	unsigned int i;

	for (i = 0; i < FEEDERS; i++)
		make_feeder(test, &feeders[i], tfm, rnd, nr_ways);
	atomic_set(&nr_until_free, frees ? FEEDERS * FEEDER_OPS : 0);
	run_feeders(feeders);
	judge_feeders(test, feeders);
	forget_steps();
}

#define CHANGE_ROUNDS	(PT_DEBUG ? 6 : 20)

static void run_rounds(struct kunit *test, bool masks, bool frees)
{
	const struct kind_param *kind = test->param_value;
	unsigned int i, nr_ways = kind->open == open_fake ? FAKE_EARLY : 1;
	struct changer *changer = changer_start(test, masks);
	long changes = nr_changes(test);
	struct rnd_state rnd;

	pt_seed(test, &rnd, seed);
	for (i = 0; i < CHANGE_ROUNDS; i++)
		run_round(test, kind->open(test), &rnd, nr_ways, frees);
	changer_end(changer);
	changes = nr_changes(test) - changes;
	kunit_info(test, "%u writes, %ld changes of mode in %u requests\n", changer->nr, changes,
		   CHANGE_ROUNDS * FEEDERS * FEEDER_OPS);
	KUNIT_EXPECT_FALSE(test, changer->failed);
	KUNIT_EXPECT_GT(test, changes, 0L);
}

static void modes_change_in_order(struct kunit *test)
{
	run_rounds(test, false, false);
}

static void modes_and_masks_change_in_order(struct kunit *test)
{
	run_rounds(test, true, false);
}

static void modes_change_transform_freed_in_last_completion(struct kunit *test)
{
	run_rounds(test, false, true);
	fake_expect_freed(test, CHANGE_ROUNDS);
}

/* One task that changes the mode itself, after every few requests. */
static void submit_with_changes(struct kunit *test, struct pt_batch *batch, struct rnd_state *rnd)
{
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		if (!(prandom_u32_state(rnd) % 4))
			pt_write_file(test, PT_MODE_FILE, mode_names[prandom_u32_state(rnd) % 3]);
		pt_op_submit(&batch->ops[i]);
		if (!(prandom_u32_state(rnd) % 4))
			KUNIT_ASSERT_TRUE(test,
					  wait_var_event_timeout(&batch->in_flight,
								 !atomic_read(&batch->in_flight),
								 PT_TIMEOUT));
	}
}

static void submitter_changes_mode_in_order(struct kunit *test)
{
	unsigned int i, ways = test->param_value == &kinds[1] ? FAKE_EARLY : 1;
	struct pt_batch *batch = make_batch(test, open_kind(test), pt_scaled(MAX_STEPS));
	long changes = nr_changes(test);
	struct rnd_state rnd;

	pt_seed(test, &rnd, seed);
	pt_save_file(test, PT_MODE_FILE);
	for (i = 0; i < batch->nr; i++)
		script_randomly(&batch->ops[i], &rnd, i % 4 ? 1 : ways);
	submit_with_changes(test, batch, &rnd);
	expect_clean(test, batch);
	changes = nr_changes(test) - changes;
	kunit_info(test, "%ld changes of mode in %u requests\n", changes, batch->nr);
	KUNIT_EXPECT_GT(test, changes, batch->nr / 400);
}

static void hook_free_both(struct pt_op *op)
{
	free_request(op);
	pt_tfm_free(op->tfm);
	mark_freed(op);
}

/* The completion of a direct request comes after its place was taken. */
static void transform_freed_in_late_completion(struct kunit *test)
{
	enum fake_how how;
	unsigned int i;

	pt_set_mode(test, "direct");
	for (how = FAKE_WORK; how <= FAKE_EARLY; how++) {
		for (i = 0; i < 4; i++) {
			struct pt_batch *batch = make_at_once(test, open_fake(test), 3);

			script(&batch->ops[2], how, 0);
			set_hook(&batch->ops[2], hook_free_both);
			pt_batch_run(test, batch);
			pt_expect_in_order(test, batch);
			pt_expect_each(test, batch, pt_op_not_once);
		}
	}
	KUNIT_EXPECT_TRUE(test, fake_wait_freed());
}

/* The rule */

/* Long enough that a call costs less, also where each access is checked. */
#define RULE_US		(PT_DEBUG ? 500 : 50)
#define RULE_MS		2500
#define RULE_SLICE_MS	100
#define SLICES_PER_SECOND	(MSEC_PER_SEC / RULE_SLICE_MS)

/* Sends one request after the other until @ms have passed; counts those returned. */
static void wait_for_each(struct kunit *test, struct pt_batch *batch, unsigned int ms,
			  unsigned int *nr_returned, unsigned int *nr)
{
	ktime_t end = ktime_add_ms(ktime_get(), ms);
	struct pt_op *op = &batch->ops[0];

	while (ktime_before(ktime_get(), end)) {
		pt_op_submit(op);
		KUNIT_ASSERT_TRUE(test, wait_var_event_timeout(&batch->in_flight,
							       !atomic_read(&batch->in_flight),
							       PT_TIMEOUT));
		(*nr)++;
		*nr_returned += op->ret != -EINPROGRESS;
		cond_resched();
	}
}

/* A trial in vain now and then, ever less often. */
static void user_that_waits_stays_direct(struct kunit *test)
{
	unsigned int i, nr = 0, nr_returned = 0;
	long changes[RULE_MS / RULE_SLICE_MS + 1], most = 0;
	struct pt_batch *batch;

	pt_allow_direct(test);
	batch = make_batch(test, open_kind(test), 1);
	script(&batch->ops[0], FAKE_AT_ONCE, 0);
	step_of(&batch->ops[0])->spin_us = RULE_US;
	changes[0] = nr_changes(test);
	for (i = 1; i < ARRAY_SIZE(changes); i++) {
		wait_for_each(test, batch, RULE_SLICE_MS, &nr_returned, &nr);
		changes[i] = nr_changes(test);
		if (i >= SLICES_PER_SECOND)
			most = max(most, changes[i] - changes[i - SLICES_PER_SECOND]);
	}
	kunit_info(test, "%u of %u returned, %ld changes of mode, at most %ld in a second\n",
		   nr_returned, nr, changes[i - 1] - changes[0], most);
	KUNIT_EXPECT_GT(test, nr_returned, nr / 4 * 3);
	KUNIT_EXPECT_LE(test, most, 10L);
	pt_expect_in_order(test, batch);
}

#define RULE_WINDOW	32
#define RULE_TRY_MS	(PT_DEBUG ? 2000 : 200)
#define RULE_RETURNS	5
/* That many callbacks take longer than any wait for them; a window of them, than one wait. */
#define RULE_RETURN_NR	5000
#define CALLBACK_US	(PT_DEBUG ? 150 : 50)

/* Sends as fast as it can, so many at a time, until the mode changes or @ms have passed. */
static s64 send_until_parallel(struct kunit *test, struct pt_batch *batch, unsigned int ms)
{
	long before = read_number(test, TO_PARALLEL_FILE);
	ktime_t start = ktime_get();
	unsigned int i;

	for (i = 0; ktime_ms_delta(ktime_get(), start) < ms; i++) {
		KUNIT_ASSERT_EQ(test, 0, down_timeout(&batch->window, PT_TIMEOUT));
		pt_op_submit(&batch->ops[i % batch->nr]);
		if (i % 16 == 0 && read_number(test, TO_PARALLEL_FILE) != before)
			return ktime_ms_delta(ktime_get(), start);
	}
	return -1;
}

static struct pt_batch *make_many(struct kunit *test, unsigned int spin_us)
{
	struct pt_batch *batch = make_batch(test, open_kind(test), RULE_WINDOW);
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		script(&batch->ops[i], FAKE_AT_ONCE, 0);
		step_of(&batch->ops[i])->spin_us = spin_us;
	}
	sema_init(&batch->window, batch->nr);
	return batch;
}

static void many_in_flight_parallel_tried(struct kunit *test)
{
	struct pt_batch *batch;
	s64 ms;

	pt_allow_direct(test);
	batch = make_many(test, RULE_US);
	ms = send_until_parallel(test, batch, RULE_TRY_MS);
	kunit_info(test, "parallel mode was tried after %lld ms\n", ms);
	KUNIT_EXPECT_GE(test, ms, 0LL);
	KUNIT_ASSERT_TRUE(test, wait_var_event_timeout(&batch->in_flight,
						       !atomic_read(&batch->in_flight),
						       PT_TIMEOUT));
	KUNIT_EXPECT_FALSE(test, batch->tfm->stream[1].overlapped);
}

static void hook_slow(struct pt_op *op)
{
	udelay(CALLBACK_US);
}

/* Sends @nr more, or until one is a direct one; goes on with request @seq. */
static bool send_until_direct(struct kunit *test, struct pt_batch *batch, unsigned int nr,
			      unsigned int *seq)
{
	struct pt_op *op = &batch->ops[*seq % batch->nr];

	for (; nr; nr--) {
		KUNIT_ASSERT_EQ(test, 0, down_timeout(&batch->window, PT_TIMEOUT));
		op = &batch->ops[(*seq)++ % batch->nr];
		pt_op_submit(op);
		if (op->ret != -EINPROGRESS)
			break;
	}
	return op->ret != -EINPROGRESS;
}

/*
 * The callback CPU is slower than the submitter, which has as many in flight as it may,
 * always: it has to wait for the callback CPU in order to be direct.
 */
static void many_in_flight_stream_returns(struct kunit *test)
{
	struct pt_batch *batch;
	unsigned int i, seq = 0;
	ktime_t start;

	if (num_online_cpus() == 1)
		return;
	pt_save_file(test, MASK_FILE);
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(0)), 0);
	pt_write_file(test, MASK_FILE, "2");
	batch = make_many(test, 0);
	for (i = 0; i < batch->nr; i++)
		set_hook(&batch->ops[i], hook_slow);
	for (i = 0; i < RULE_RETURNS; i++) {
		pt_set_mode(test, "parallel");
		KUNIT_EXPECT_FALSE(test, send_until_direct(test, batch, 2 * batch->nr, &seq));
		pt_set_mode(test, "direct");
		start = ktime_get();
		KUNIT_EXPECT_TRUE(test, send_until_direct(test, batch, RULE_RETURN_NR, &seq));
		kunit_info(test, "direct mode after %lld us\n",
			   ktime_us_delta(ktime_get(), start));
	}
	KUNIT_ASSERT_TRUE(test, wait_var_event_timeout(&batch->in_flight,
						       !atomic_read(&batch->in_flight),
						       PT_TIMEOUT));
	KUNIT_EXPECT_FALSE(test, batch->tfm->stream[1].overlapped);
}

/* The other direction is another stream. */
static void direction_has_its_own_mode(struct kunit *test)
{
	struct pt_tfm *tfm = open_fake(test);
	struct pt_batch *batch = make_batch(test, tfm, 1);
	struct pt_batch *opposite = make_at_once(test, tfm, 20);
	unsigned int i;

	pt_set_mode(test, "direct");
	script(&batch->ops[0], FAKE_HELD, 0);
	pt_batch_submit(batch);
	for (i = 0; i < opposite->nr; i++)
		pt_op_prepare(&opposite->ops[i], &(struct pt_shape){ });
	pt_batch_submit(opposite);
	pt_expect_each(test, opposite, op_not_direct);
	KUNIT_EXPECT_EQ(test, read_number(test, STREAMS_FILE), 1);
	fake_release_held();
	pt_batch_wait(test, batch);
}

/* In mode "auto" a stream that another mode has left parallel stays so for a while. */
static struct pt_tfm *open_parallel_in_auto(struct kunit *test, unsigned int nr)
{
	struct pt_tfm *tfm = open_fake(test);
	struct pt_batch *batch = make_at_once(test, tfm, nr);

	pt_batch_run_each(test, batch, 0);
	pt_expect_each(test, batch, pt_op_not_async);
	pt_allow_direct(test);
	return tfm;
}

/*
 * Without a CPU for parallel work the child is called in the submission, and the last
 * request and the transform are gone before it returns.  Every 16th request is timed.
 */
static void transform_freed_before_submission_returns(struct kunit *test)
{
	struct pt_saved *saved = pt_save_file(test, PARALLEL_FILE);
	struct pt_batch *batch;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		pt_write_file(test, PT_MODE_FILE, "parallel");
		batch = make_batch(test, open_parallel_in_auto(test, 16), 1);
		script(&batch->ops[0], FAKE_EARLY, 0);
		set_hook(&batch->ops[0], hook_free_both);
		pt_write_file(test, PARALLEL_FILE, "0");
		WRITE_ONCE(fake.cb_cpu, -1);
		pt_batch_run(test, batch);
		KUNIT_EXPECT_EQ(test, batch->ops[0].ret, -EINPROGRESS);
		pt_restore_file(saved);
		pt_expect_each(test, batch, pt_op_not_once);
	}
	KUNIT_EXPECT_TRUE(test, fake_wait_freed());
	if (num_online_cpus() > 1)
		KUNIT_EXPECT_GT(test, atomic_read(&fake.nr_early), 0);
}

/* A child that answers later is no reason to change the mode for each request. */
static void user_that_waits_for_late_child(struct kunit *test)
{
	unsigned int nr = 0, nr_returned = 0;
	struct pt_batch *batch;
	long changes;

	pt_allow_direct(test);
	batch = make_batch(test, open_fake(test), 1);
	script(&batch->ops[0], FAKE_OTHER_CPU, 0);
	changes = nr_changes(test);
	wait_for_each(test, batch, MSEC_PER_SEC, &nr_returned, &nr);
	changes = nr_changes(test) - changes;
	kunit_info(test, "%ld changes of mode in %u requests\n", changes, nr);
	KUNIT_EXPECT_LE(test, changes, 10L);
}

#define KIND_CASE(name)	KUNIT_CASE_PARAM(name, kind_gen_params)

static struct kunit_case pcrypt_mode_cases[] = {
	KIND_CASE(stream_begins_direct),
	KIND_CASE(mode_direct_all_returned),
	KIND_CASE(mode_parallel_none_returned),
	KIND_CASE(mode_direct_with_softirqs_disabled),
	KIND_CASE(request_that_may_sleep_done_by_task),
	KIND_CASE(direct_busy_without_backlog_is_final),
	KIND_CASE(masks_empty_still_direct),
	KUNIT_CASE(late_request_others_wait),
	KUNIT_CASE(late_requests_reversed_put_right),
	KUNIT_CASE(late_requests_mixed_in_order),
	KUNIT_CASE(late_requests_completed_early),
	KUNIT_CASE(late_requests_with_empty_masks),
	KUNIT_CASE(stream_returns_after_late_request),
	KUNIT_CASE(late_requests_reach_limit),
	KUNIT_CASE(limit_does_not_count_direct_requests),
	KUNIT_CASE(direction_has_its_own_mode),
	KIND_CASE(submitter_changes_mode_in_order),
	KIND_CASE(modes_change_in_order),
	KIND_CASE(modes_and_masks_change_in_order),
	KIND_CASE(modes_change_transform_freed_in_last_completion),
	KUNIT_CASE(transform_freed_in_late_completion),
	KUNIT_CASE(transform_freed_before_submission_returns),
	KUNIT_CASE(user_that_waits_for_late_child),
	KIND_CASE(user_that_waits_stays_direct),
	KIND_CASE(many_in_flight_parallel_tried),
	KIND_CASE(many_in_flight_stream_returns),
	{ }
};

static int mode_suite_init(struct kunit_suite *suite)
{
	int err = child_suite_init(suite);

	if (err)
		return err;
	err = fake_register(&fake_sync_aead, &fake_sync_skcipher);
	if (err)
		child_suite_exit(suite);
	return err;
}

static void mode_suite_exit(struct kunit_suite *suite)
{
	fake_unregister(&fake_sync_aead, &fake_sync_skcipher);
	child_suite_exit(suite);
}

static struct kunit_suite pcrypt_mode_suite = {
	.name = SUITE_NAME("pcrypt_mode"),
	.suite_init = mode_suite_init,
	.suite_exit = mode_suite_exit,
	.init = child_init,
	.test_cases = pcrypt_mode_cases,
};

kunit_test_suite(pcrypt_mode_suite);

MODULE_DESCRIPTION("Modes of pcrypt's streams");
MODULE_LICENSE("GPL");
