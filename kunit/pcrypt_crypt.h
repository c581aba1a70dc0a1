/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the pcrypt suites that compare pcrypt(X) with X: the cases that are the same
 * for ciphers of any kind.  The suite defines SUITE_KIND before, and has the list of
 * these cases from pcrypt_crypt_cases.h.
 */
#ifndef _PCRYPT_CRYPT_H
#define _PCRYPT_CRYPT_H

#include <linux/timer.h>
#include <linux/workqueue.h>

#include "pcrypt_test.h"

#define MAX_LEN		257
#define MAX_BYTES	(PT_MAX_ASSOC + MAX_LEN + PT_MAX_TAG)

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "seed of keys and messages (0: a new one each time)");

KUNIT_ARRAY_PARAM_DESC(any, pt_algs, name);

static COMPAT_GEN_PARAMS(alg_gen_params)
{
	const struct pt_alg *alg = prev;

	do {
		alg = compat_gen_params(any_gen_params, alg);
	} while (alg && alg->kind != SUITE_KIND);
	return alg;
}

static struct pt_env *env_open(struct kunit *test)
{
	return pt_env_open(test, test->param_value, seed);
}

/* A batch whose lengths go up by @step from the shortest, not beyond MAX_LEN. */
static struct pt_batch *make_batch(struct kunit *test, struct pt_env *env, struct pt_tfm *tfm,
				   unsigned int nr, unsigned int step)
{
	unsigned int lengths, i;
	struct pt_batch *batch = pt_batch_alloc(test, tfm, nr, MAX_BYTES);

	step = roundup(step, env->alg->block);
	lengths = (MAX_LEN - env->alg->min_len) / step + 1;
	for (i = 0; i < nr; i++)
		pt_msg_make(test, env, &batch->ops[i].msg,
			    env->alg->min_len + i % lengths * step, i);
	return batch;
}

static void prepare_batch(struct pt_batch *batch, const struct pt_shape *shape)
{
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		pt_op_prepare(&batch->ops[i], shape);
}

/* Encryption and decryption in turn. */
static void prepare_both_ways(struct pt_batch *batch)
{
	struct pt_shape shape = { .split = PT_PARTS };
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		shape.encrypt = i & 1;
		pt_op_prepare(&batch->ops[i], &shape);
	}
}

/* Results */

static void check_every_length(struct kunit *test, const struct pt_shape *shape)
{
	struct pt_env *env = env_open(test);
	unsigned int step = max(env->alg->block, PT_DEBUG ? 4U : 1U);
	struct pt_batch *batch;

	batch = make_batch(test, env, env->ours, MAX_LEN / step + 1, step);
	prepare_batch(batch, shape);
	pt_batch_run(test, batch);
	pt_expect_each(test, batch, pt_op_wrong);
}

static void encrypt_every_length_in_place(struct kunit *test)
{
	check_every_length(test, &(struct pt_shape){ .encrypt = true, .in_place = true });
}

static void encrypt_every_length_out_of_place(struct kunit *test)
{
	check_every_length(test, &(struct pt_shape){ .encrypt = true });
}

static void decrypt_every_length_in_place(struct kunit *test)
{
	check_every_length(test, &(struct pt_shape){ .in_place = true });
}

static void decrypt_every_length_out_of_place(struct kunit *test)
{
	check_every_length(test, &(struct pt_shape){ });
}

static void encrypt_split_at_odd_places(struct kunit *test)
{
	check_every_length(test, &(struct pt_shape){ .encrypt = true, .split = PT_ODD });
}

static void encrypt_split_at_odd_places_in_place(struct kunit *test)
{
	const struct pt_shape shape = { .encrypt = true, .in_place = true, .split = PT_ODD };

	check_every_length(test, &shape);
}

static void decrypt_split_at_odd_places(struct kunit *test)
{
	check_every_length(test, &(struct pt_shape){ .split = PT_ODD });
}

static void decrypt_split_at_odd_places_in_place(struct kunit *test)
{
	check_every_length(test, &(struct pt_shape){ .in_place = true, .split = PT_ODD });
}

static void crypt_split_into_parts(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct pt_batch *batch = make_batch(test, env, env->ours, 64, 5);

	prepare_both_ways(batch);
	pt_batch_run(test, batch);
	pt_expect_each(test, batch, pt_op_wrong);
}

/* Texts of about one and two pages. */
static const unsigned int page_lengths[] = {
	PAGE_SIZE - 16, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, PAGE_SIZE + 16,
	2 * PAGE_SIZE - 1, 2 * PAGE_SIZE, 2 * PAGE_SIZE + 1,
};

/* Offset of a message that ends @beyond bytes behind the end of a page. */
static unsigned int offset_to_end(const struct pt_msg *msg, unsigned int beyond)
{
	return (beyond - PT_GUARD_LEN - pt_msg_bytes(msg, true)) & (PAGE_SIZE - 1);
}

static void prepare_page_op(struct kunit *test, struct pt_env *env, struct pt_op *op,
			    struct pt_shape *shape, unsigned int i)
{
	unsigned int len = page_lengths[i / 3 % ARRAY_SIZE(page_lengths)];

	KUNIT_ASSERT_TRUE(test, PAGE_ALIGNED(op->src.mem) && PAGE_ALIGNED(op->dst.mem));
	pt_msg_make(test, env, &op->msg, round_down(len, env->alg->block), i);
	/* Ends one byte before, at, and one behind the end of a page. */
	shape->offset = offset_to_end(&op->msg, i % 3 - 1);
	pt_op_prepare(op, shape);
}

static void check_pages(struct kunit *test, struct pt_shape shape)
{
	struct pt_env *env = env_open(test);
	struct pt_batch *batch;
	unsigned int i;

	batch = pt_batch_alloc(test, env->ours, 3 * ARRAY_SIZE(page_lengths),
			       3 * PAGE_SIZE + MAX_BYTES);
	for (i = 0; i < batch->nr; i++)
		prepare_page_op(test, env, &batch->ops[i], &shape, i);
	pt_batch_run(test, batch);
	pt_expect_each(test, batch, pt_op_wrong);
}

static void encrypt_around_page_ends_in_place(struct kunit *test)
{
	check_pages(test, (struct pt_shape){ .encrypt = true, .in_place = true });
}

static void encrypt_around_page_ends_out_of_place(struct kunit *test)
{
	check_pages(test, (struct pt_shape){ .encrypt = true });
}

static void decrypt_around_page_ends_in_place(struct kunit *test)
{
	check_pages(test, (struct pt_shape){ .in_place = true });
}

static void decrypt_around_page_ends_out_of_place(struct kunit *test)
{
	check_pages(test, (struct pt_shape){ .split = PT_ODD });
}

/* The same message in memory of just its size. */
static int pt_buf_fit(struct pt_buf *buf, unsigned int len)
{
	kfree(buf->mem);
	buf->size = max(len, 1U);
	buf->mem = kmalloc(buf->size, GFP_KERNEL);
	return buf->mem ? 0 : -ENOMEM;
}

static void prepare_exact_op(struct kunit *test, struct pt_op *op, bool encrypt, bool in_place)
{
	struct pt_shape shape = { .encrypt = encrypt, .in_place = in_place, .exact = true };

	KUNIT_ASSERT_EQ(test, pt_buf_fit(&op->src, pt_msg_bytes(&op->msg, in_place || !encrypt)),
			0);
	KUNIT_ASSERT_EQ(test, pt_buf_fit(&op->dst, pt_msg_bytes(&op->msg, encrypt)), 0);
	pt_op_prepare(op, &shape);
}

static void crypt_in_memory_of_exact_size(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct pt_batch *batch = make_batch(test, env, env->ours, 128, 2);
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		prepare_exact_op(test, &batch->ops[i], i & 1, i & 2);
	pt_batch_run(test, batch);
	pt_expect_each(test, batch, pt_op_wrong);
}

/* Errors */

static void setkey_every_length_as_plain(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	unsigned int len, refused = 0;
	int plain, ours;

	for (len = 0; len <= sizeof(env->key); len++) {
		plain = pt_setkey(env->plain, env->key, len);
		ours = pt_setkey(env->ours, env->key, len);
		KUNIT_EXPECT_EQ_MSG(test, ours, plain, "key of %u bytes", len);
		if (ours != plain)
			return;
		refused += !!plain;
	}
	KUNIT_EXPECT_GT(test, refused, 0);
	KUNIT_EXPECT_LT(test, refused, len);
}

static void setkey_again_changes_results(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct pt_batch *batch;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		batch = make_batch(test, env, env->ours, 8, 32);
		prepare_both_ways(batch);
		pt_batch_run(test, batch);
		pt_expect_each(test, batch, pt_op_wrong);
		pt_env_rekey(test, env);
	}
}

static const char *op_not_enokey(struct pt_op *op)
{
	return op->err == -ENOKEY ? NULL : "not refused with -ENOKEY";
}

static void crypt_without_key_refused(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct pt_tfm *tfm = pt_open_pcrypt_as(test, SUITE_KIND, env->alg->name);
	struct pt_batch *batch = make_batch(test, env, tfm, 2, 16);

	prepare_both_ways(batch);
	pt_batch_run(test, batch);
	pt_expect_each(test, batch, op_not_enokey);
}

/**
 * struct bad_request - a request that a cipher refuses
 * @what: For people.
 * @alg: The cipher's place in pt_algs.
 * @len: Bytes of text.
 * @assoclen: Bytes of associated data.
 * @zero_iv: The first byte of the IV is wrong.
 */
struct bad_request {
	const char *what;
	unsigned int alg;
	unsigned int len;
	unsigned int assoclen;
	bool zero_iv;
};

static void spoil(struct pt_op *op, const struct bad_request *bad, bool encrypt)
{
	op->msg.taglen = pt_taglen(op->tfm);
	op->msg.len = bad->len;
	op->msg.assoclen = bad->assoclen;
	pt_op_prepare(op, &(struct pt_shape){ .encrypt = encrypt });
	if (!bad->zero_iv)
		op->iv[0] = pt_algs[bad->alg].iv0;
}

static int run_spoilt(struct kunit *test, struct pt_tfm *tfm, bool encrypt)
{
	struct pt_batch *batch = pt_batch_alloc(test, tfm, 1, MAX_BYTES);

	spoil(&batch->ops[0], test->param_value, encrypt);
	pt_batch_run(test, batch);
	return batch->ops[0].err;
}

static void crypt_bad_request_as_plain(struct kunit *test)
{
	const struct bad_request *bad = test->param_value;
	struct pt_env *env = pt_env_open(test, &pt_algs[bad->alg], seed);
	int encrypt, plain;

	for (encrypt = 0; encrypt <= 1; encrypt++) {
		plain = run_spoilt(test, env->plain, encrypt);
		KUNIT_EXPECT_LT(test, plain, 0);
		KUNIT_EXPECT_EQ(test, run_spoilt(test, env->ours, encrypt), plain);
	}
}

/* Requests as their user sees them */

static const u32 request_flags[] = {
	0,
	CRYPTO_TFM_REQ_MAY_SLEEP,
	CRYPTO_TFM_REQ_MAY_BACKLOG,
	CRYPTO_TFM_REQ_MAY_SLEEP | CRYPTO_TFM_REQ_MAY_BACKLOG,
	CRYPTO_TFM_REQ_FORBID_WEAK_KEYS,
};

static bool op_memory_changed(const struct pt_op *op)
{
	const struct skcipher_request *skcipher = op->req.skcipher;
	const struct aead_request *aead = op->req.aead;

	if (op->tfm->kind == PT_AEAD)
		return aead->src != op->src.sg || aead->dst != op->dst.sg || aead->iv != op->iv;
	return skcipher->src != op->src.sg || skcipher->dst != op->dst.sg ||
	       skcipher->iv != op->iv;
}

static bool op_lengths_changed(const struct pt_op *op)
{
	unsigned int len = pt_msg_bytes(&op->msg, !op->shape.encrypt) - op->msg.assoclen;

	if (op->tfm->kind == PT_AEAD)
		return op->req.aead->cryptlen != len || op->req.aead->assoclen != op->msg.assoclen;
	return op->req.skcipher->cryptlen != len;
}

static const char *op_fields_changed(struct pt_op *op)
{
	const struct crypto_async_request *base = pt_req_base(op->tfm, op->req);

	if (base->flags != op->flags)
		return "its flags were changed";
	if (base->complete != pt_op_done || base->data != op || base->tfm != pt_base(op->tfm))
		return "its completion or transform was changed";
	if (op_memory_changed(op))
		return "its memory was changed";
	return op_lengths_changed(op) ? "its lengths were changed" : NULL;
}

static void request_unchanged_by_completion(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct pt_batch *batch = make_batch(test, env, env->ours, 30, 16);
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		batch->ops[i].flags = request_flags[i % ARRAY_SIZE(request_flags)];
	prepare_both_ways(batch);
	pt_batch_run(test, batch);
	pt_expect_each(test, batch, op_fields_changed);
}

static void crypt_may_sleep_works(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct pt_batch *batch = make_batch(test, env, env->ours, 60, 9);
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		batch->ops[i].flags = CRYPTO_TFM_REQ_MAY_SLEEP;
	prepare_both_ways(batch);
	pt_batch_run(test, batch);
	pt_expect_each(test, batch, pt_op_wrong);
}

/* Many requests in flight */

static struct pt_batch *run_many(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct pt_batch *batch = make_batch(test, env, env->ours, pt_scaled(400), 7);

	prepare_both_ways(batch);
	pt_batch_run(test, batch);
	return batch;
}

static void many_in_flight_right(struct kunit *test)
{
	pt_expect_each(test, run_many(test), pt_op_wrong);
}

static void many_in_flight_in_order(struct kunit *test)
{
	pt_expect_in_order(test, run_many(test));
}

static void many_in_flight_complete_once(struct kunit *test)
{
	struct pt_batch *batch = run_many(test);

	/* A second completion would have come before these submissions. */
	atomic_set(&batch->left, 2);
	pt_op_submit(&batch->ops[batch->nr - 2]);
	pt_op_submit(&batch->ops[batch->nr - 1]);
	pt_batch_wait(test, batch);
	pt_expect_each(test, batch, pt_op_not_once);
}

static void many_in_flight_accepted_at_once(struct kunit *test)
{
	pt_expect_each(test, run_many(test), pt_op_not_async);
}

static void complete_with_softirqs_disabled(struct kunit *test)
{
	pt_expect_each(test, run_many(test), pt_op_softirqs_on);
}

/* A user that waits for each request has it on return, mostly without a callback. */
static void one_at_a_time_right(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct pt_batch *batch = make_batch(test, env, env->ours, pt_scaled(200), 7);

	pt_allow_direct(test);
	prepare_both_ways(batch);
	pt_batch_run_one_by_one(test, batch);
	pt_expect_in_order(test, batch);
	pt_expect_each(test, batch, pt_op_not_once);
	KUNIT_EXPECT_GT(test, pt_nr_returned(batch, 0), batch->nr / 2);
	pt_expect_each(test, batch, pt_op_wrong);
}

/**
 * struct submitter - submits a batch from a task of its own
 * @work: The task.
 * @batch: The batch.
 */
struct submitter {
	struct work_struct work;
	struct pt_batch *batch;
};

static void submitter_run(struct work_struct *work)
{
	pt_batch_submit(container_of(work, struct submitter, work)->batch);
}

static void submitter_join(struct submitter *submitter)
{
	flush_work(&submitter->work);
	destroy_work_on_stack(&submitter->work);
}

/* All batches at once; returns when every request has completed. */
static void run_submitters(struct kunit *test, struct submitter *submitters, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		INIT_WORK_ONSTACK(&submitters[i].work, submitter_run);
		queue_work(system_unbound_wq, &submitters[i].work);
	}
	for (i = 0; i < nr; i++)
		submitter_join(&submitters[i]);
	for (i = 0; i < nr; i++)
		pt_batch_wait(test, submitters[i].batch);
}

static void many_transforms_in_order(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct submitter submitters[4];
	struct pt_tfm *tfm;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(submitters); i++) {
		tfm = pt_env_open_another(test, env);
		submitters[i].batch = make_batch(test, env, tfm, pt_scaled(200), 11);
		prepare_both_ways(submitters[i].batch);
	}
	run_submitters(test, submitters, ARRAY_SIZE(submitters));
	for (i = 0; i < ARRAY_SIZE(submitters); i++) {
		pt_expect_in_order(test, submitters[i].batch);
		pt_expect_each(test, submitters[i].batch, pt_op_wrong);
	}
}

static void both_directions_from_two_tasks_in_order(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct submitter submitters[2];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(submitters); i++) {
		submitters[i].batch = make_batch(test, env, env->ours, pt_scaled(200), 13);
		prepare_batch(submitters[i].batch, &(struct pt_shape){ .encrypt = i });
	}
	run_submitters(test, submitters, ARRAY_SIZE(submitters));
	for (i = 0; i < ARRAY_SIZE(submitters); i++) {
		pt_expect_in_order(test, submitters[i].batch);
		pt_expect_each(test, submitters[i].batch, pt_op_wrong);
	}
}

/**
 * struct softirq - submits a batch from a timer, that is in softirq context
 * @timer: The timer.
 * @batch: The batch.
 * @in_softirq: It was so.
 */
struct softirq {
	struct timer_list timer;
	struct pt_batch *batch;
	bool in_softirq;
};

static void softirq_run(struct timer_list *timer)
{
	struct softirq *softirq = container_of(timer, struct softirq, timer);

	softirq->in_softirq = in_serving_softirq();
	pt_batch_submit(softirq->batch);
}

static void softirq_release(void *data)
{
	struct softirq *softirq = data;

	timer_shutdown_sync(&softirq->timer);
}

static void submit_from_softirq_in_order(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct softirq *softirq = kunit_kzalloc(test, sizeof(*softirq), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, softirq);
	softirq->batch = make_batch(test, env, env->ours, 100, 9);
	prepare_both_ways(softirq->batch);
	timer_setup(&softirq->timer, softirq_run, 0);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, softirq_release, softirq));
	mod_timer(&softirq->timer, jiffies);
	pt_batch_wait(test, softirq->batch);
	softirq_release(softirq);
	KUNIT_ASSERT_TRUE(test, softirq->in_softirq);
	pt_expect_in_order(test, softirq->batch);
	pt_expect_each(test, softirq->batch, pt_op_wrong);
}

static void submit_with_softirqs_disabled_in_order(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct pt_batch *batch = make_batch(test, env, env->ours, 100, 9);

	prepare_both_ways(batch);
	local_bh_disable();
	pt_batch_submit(batch);
	local_bh_enable();
	pt_batch_wait(test, batch);
	pt_expect_in_order(test, batch);
	pt_expect_each(test, batch, pt_op_wrong);
}

#define ALG_CASE(name)	KUNIT_CASE_PARAM(name, alg_gen_params)

#endif /* _PCRYPT_CRYPT_H */
