// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt over a child that follows a script of the test, request by request:
 * it answers at once, later, from elsewhere, in the wrong order, from a
 * backlog, or with an error.  Whatever the child does, each request completes
 * once, in its turn, with the child's result; and a transform may be freed
 * wherever the crypto API allows it.
 */
#include <linux/rcupdate.h>

#include "pcrypt_fake.h"

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "seed of the random choices (0: a new one each time)");

static const char *op_not_as_scripted(struct pt_op *op)
{
	return op->err == step_of(op)->err ? NULL : "not completed with the child's result";
}

static const char *op_not_called_once(struct pt_op *op)
{
	return atomic_read(&step_of(op)->nr_calls) == 1 ? NULL : "the child was not called once";
}

/*
 * Runs a batch and then two more requests, so that a second completion of the
 * last ones would have arrived, and checks all that must always hold.
 */
static void check_batch(struct kunit *test, struct pt_batch *batch)
{
	pt_batch_run(test, batch);
	pt_expect_in_order(test, batch);
	pt_expect_each(test, batch, op_not_as_scripted);
	pt_expect_each(test, batch, op_not_called_once);
	pt_expect_each(test, batch, pt_op_not_async);
	pt_expect_each(test, batch, pt_op_softirqs_on);
	atomic_set(&batch->left, 1);
	pt_op_submit(&batch->ops[batch->nr - 1]);
	pt_batch_wait(test, batch);
	pt_expect_each(test, batch, pt_op_not_once);
}

/**
 * struct how_param - a way of completing, as a parameter of a test
 * @name: For people.
 * @how: The way.
 */
struct how_param {
	const char *name;
	enum fake_how how;
};

static const struct how_param hows[] = {
	{ "other CPU", FAKE_OTHER_CPU },
	{ "workqueue", FAKE_WORK },
	{ "softirq", FAKE_TIMER },
	{ "early", FAKE_EARLY },
	{ "at once", FAKE_AT_ONCE },
};

KUNIT_ARRAY_PARAM_DESC(how, hows, name);

/* A child in a backlog never answers at once. */
static COMPAT_GEN_PARAMS(later_gen_params)
{
	const struct how_param *next = compat_gen_params(how_gen_params, prev);

	return next && next->how != FAKE_AT_ONCE ? next : NULL;
}

static enum fake_how param_how(struct kunit *test)
{
	return ((const struct how_param *)test->param_value)->how;
}

/* An early completion costs some hundred microseconds on two CPUs. */
static unsigned int param_nr(struct kunit *test)
{
	return param_how(test) == FAKE_EARLY ? 32 : pt_scaled(200);
}

/* Expects that the child completed early now and then, if it should. */
static void expect_early(struct kunit *test)
{
	int nr = atomic_read(&fake.nr_early);

	if (param_how(test) != FAKE_EARLY || num_online_cpus() == 1)
		return;
	kunit_info(test, "%d completions came early\n", nr);
	KUNIT_EXPECT_GT(test, nr, 0);
}

/* Results and order */

static void child_succeeds_in_order(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), param_nr(test));
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		script(&batch->ops[i], param_how(test), 0);
	check_batch(test, batch);
}

static const int errors[] = { 0, -EBADMSG, -EINVAL, 0, -EIO, -ENOMEM, -ENOSPC, -EAGAIN };

static void child_errors_pass_in_their_turn(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), param_nr(test));
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		script(&batch->ops[i], param_how(test), errors[i % ARRAY_SIZE(errors)]);
	check_batch(test, batch);
}

static void child_backlog_completes_once(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), param_nr(test));
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		script_backlog(&batch->ops[i], param_how(test), errors[i % ARRAY_SIZE(errors)]);
	check_batch(test, batch);
}

static void child_backlog_among_others_in_order(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), param_nr(test));
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		if (i % 3)
			script(&batch->ops[i], FAKE_AT_ONCE, i % 3 == 1 ? 0 : -EBADMSG);
		else
			script_backlog(&batch->ops[i], param_how(test), 0);
	}
	check_batch(test, batch);
}

static void child_busy_without_backlog_is_final(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), pt_scaled(100));
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		script(&batch->ops[i], FAKE_AT_ONCE, i % 4 ? 0 : -EBUSY);
	check_batch(test, batch);
}

static void child_mixed_in_order(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), pt_scaled(600));
	struct rnd_state rnd;
	unsigned int i;

	pt_seed(test, &rnd, seed);
	for (i = 0; i < batch->nr; i++) {
		enum fake_how how = prandom_u32_state(&rnd) % FAKE_EARLY;
		int err = errors[prandom_u32_state(&rnd) % ARRAY_SIZE(errors)];

		if (how != FAKE_AT_ONCE && prandom_u32_state(&rnd) % 2)
			script_backlog(&batch->ops[i], how, err);
		else
			script(&batch->ops[i], how, err);
	}
	check_batch(test, batch);
}

static void child_reversed_put_right(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), pt_scaled(200));
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		script(&batch->ops[i], FAKE_HELD, errors[i % ARRAY_SIZE(errors)]);
	pt_batch_submit(batch);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(batch->nr));
	KUNIT_EXPECT_EQ(test, atomic_read(&batch->left), batch->nr);
	fake_release_held();
	pt_batch_wait(test, batch);
	pt_expect_in_order(test, batch);
	pt_expect_each(test, batch, op_not_as_scripted);
	pt_expect_each(test, batch, pt_op_not_once);
}

static void child_holds_first_others_wait(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), 50);
	unsigned int i;

	script(&batch->ops[0], FAKE_HELD, 0);
	for (i = 1; i < batch->nr; i++)
		script(&batch->ops[i], FAKE_AT_ONCE, 0);
	pt_batch_submit(batch);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(batch->nr));
	KUNIT_EXPECT_EQ(test, atomic_read(&batch->left), batch->nr);
	fake_release_held();
	pt_batch_wait(test, batch);
	pt_expect_in_order(test, batch);
}

static void child_holds_one_transform_others_go_on(struct kunit *test)
{
	struct pt_batch *held = make_batch(test, open_fake(test), 50);
	struct pt_batch *others = make_batch(test, open_fake(test), 50);
	struct pt_batch *opposite = make_batch(test, held->tfm, 50);
	unsigned int i;

	for (i = 0; i < 50; i++) {
		script(&held->ops[i], FAKE_HELD, 0);
		script(&others->ops[i], FAKE_AT_ONCE, 0);
		script(&opposite->ops[i], FAKE_AT_ONCE, 0);
		pt_op_prepare(&opposite->ops[i], &(struct pt_shape){ });
	}
	pt_batch_submit(held);
	pt_batch_run(test, others);
	pt_batch_run(test, opposite);
	KUNIT_EXPECT_EQ(test, atomic_read(&held->left), held->nr);
	fake_release_held();
	pt_batch_wait(test, held);
}

#define RESUBMITS	200

static void resubmit(struct pt_op *op)
{
	if (atomic_read(&op->nr_submitted) < RESUBMITS)
		pt_op_submit(op);
}

static void complete_resubmits_itself(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), 1);
	struct pt_op *op = &batch->ops[0];

	script(op, param_how(test), 0);
	op->hook = resubmit;
	/* A round from a timer takes some milliseconds. */
	atomic_set(&op->nr_submitted, param_how(test) == FAKE_AT_ONCE ? 0 : RESUBMITS - 20);
	atomic_set(&op->nr_final, atomic_read(&op->nr_submitted));
	atomic_set(&batch->left, RESUBMITS - atomic_read(&op->nr_submitted));
	pt_op_submit(op);
	pt_batch_wait(test, batch);
	KUNIT_EXPECT_EQ(test, atomic_read(&op->nr_final), RESUBMITS);
	pt_expect_in_order(test, batch);
}

/* Requests as the child gets them */

static const char *op_request_not_passed(struct pt_op *op)
{
	const struct fake_step *step = step_of(op);

	if (step->src != op->src.sg || step->dst != op->dst.sg)
		return "the child did not get the caller's memory";
	if (step->len != op->msg.len || step->assoclen != op->msg.assoclen)
		return "the child did not get the caller's lengths";
	/* The very same memory: the caller reads what the child leaves there. */
	if (step->iv != op->iv)
		return "the child did not get the caller's IV";
	if (step->req->tfm == pt_base(op->tfm))
		return "the child got a request for pcrypt's transform";
	return NULL;
}

static void child_gets_request_as_it_is(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), 8);
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		script(&batch->ops[i], FAKE_HELD, 0);
	pt_batch_submit(batch);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(batch->nr));
	pt_expect_each(test, batch, op_request_not_passed);
	fake_release_held();
	pt_batch_wait(test, batch);
}

static const char *op_flags_not_passed(struct pt_op *op)
{
	u32 seen = step_of(op)->flags;

	/* The child runs with softirqs disabled, so it may not sleep. */
	if (seen & CRYPTO_TFM_REQ_MAY_SLEEP)
		return "the child was told that it may sleep";
	if ((seen ^ op->flags) & CRYPTO_TFM_REQ_MAY_BACKLOG)
		return "the child did not get the caller's MAY_BACKLOG";
	return NULL;
}

static void child_gets_flags_but_may_sleep(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), 40);
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		script(&batch->ops[i], i & 4 ? FAKE_WORK : FAKE_AT_ONCE, 0);
		set_flags(&batch->ops[i], (i & 1 ? CRYPTO_TFM_REQ_MAY_SLEEP : 0) |
					  (i & 2 ? CRYPTO_TFM_REQ_MAY_BACKLOG : 0));
	}
	pt_batch_run(test, batch);
	pt_expect_each(test, batch, op_flags_not_passed);
}

static const char *op_child_softirqs_on(struct pt_op *op)
{
	return step_of(op)->softirqs_off ? NULL : "the child was called with softirqs enabled";
}

static void setkey_passes_key_flags_and_error(struct kunit *test)
{
	struct pt_tfm *tfm = open_fake(test);

	crypto_tfm_set_flags(pt_base(tfm), CRYPTO_TFM_REQ_FORBID_WEAK_KEYS);
	KUNIT_EXPECT_EQ(test, pt_setkey(tfm, "another key", 11), 0);
	KUNIT_EXPECT_EQ(test, fake.keylen, 11);
	KUNIT_EXPECT_MEMEQ(test, fake.key, "another key", 11);
	KUNIT_EXPECT_EQ(test, fake.key_flags, CRYPTO_TFM_REQ_FORBID_WEAK_KEYS);
	crypto_tfm_clear_flags(pt_base(tfm), CRYPTO_TFM_REQ_FORBID_WEAK_KEYS);
	fake.setkey_err = -ERANGE;
	KUNIT_EXPECT_EQ(test, pt_setkey(tfm, "third", 5), -ERANGE);
	KUNIT_EXPECT_EQ(test, fake.key_flags, 0);
}

#ifndef FAKE_SKCIPHER
static void setauthsize_passes_size_and_error(struct kunit *test)
{
	struct pt_tfm *tfm = open_fake(test);

	KUNIT_EXPECT_EQ(test, crypto_aead_setauthsize(tfm->aead, 7), 0);
	KUNIT_EXPECT_EQ(test, fake.authsize, 7);
	fake.setauthsize_err = -ERANGE;
	KUNIT_EXPECT_EQ(test, crypto_aead_setauthsize(tfm->aead, 9), -ERANGE);
	KUNIT_EXPECT_EQ(test, crypto_aead_authsize(tfm->aead), 7);
}
#endif

static void open_passes_init_error(struct kunit *test)
{
	struct pt_tfm tfm = { .kind = FAKE_KIND };

	fake.init_err = -EXDEV;
	tfm.handle = pt_tfm_alloc(FAKE_KIND, "pcrypt(padata-fake)");
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(tfm.handle), -EXDEV);
	pt_tfm_free(&tfm);
	fake.init_err = 0;
	open_fake(test);
}

/* Parallel, and not just in order */

static unsigned int runs_on(struct pt_batch *batch, int cpu)
{
	unsigned int i, nr = 0;

	for (i = 0; i < batch->nr; i++)
		nr += step_of(&batch->ops[i])->cpu == cpu;
	return nr;
}

static unsigned int runs_by_submitter(struct pt_batch *batch)
{
	unsigned int i, nr = 0;

	for (i = 0; i < batch->nr; i++)
		nr += step_of(&batch->ops[i])->task == current;
	return nr;
}

static void child_runs_on_every_cpu(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), pt_scaled(MAX_STEPS));
	unsigned int i, cpu, inlined;

	for (i = 0; i < batch->nr; i++) {
		script(&batch->ops[i], FAKE_AT_ONCE, 0);
		step_of(&batch->ops[i])->spin_us = 200;
	}
	pt_batch_submit_window(test, batch, 64);
	pt_batch_wait(test, batch);
	inlined = runs_by_submitter(batch);
	kunit_info(test, "%u requests, run by the submitter %u\n", batch->nr, inlined);
	KUNIT_EXPECT_LE(test, inlined * 5, batch->nr);
	for_each_online_cpu(cpu) {
		kunit_info(test, "CPU %u ran %u\n", cpu, runs_on(batch, cpu));
		KUNIT_EXPECT_GT(test, runs_on(batch, cpu), 0);
	}
	pt_expect_in_order(test, batch);
}

/* So slow a child fills any backlog, until the submitter has to run some itself (B7). */
static void child_called_with_softirqs_disabled(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), PT_DEBUG ? 1000 : MAX_STEPS);
	unsigned int i, spin_us = PT_DEBUG ? 5000 : 200;

	for (i = 0; i < batch->nr; i++) {
		struct fake_step *step = step_of(&batch->ops[i]);

		script(&batch->ops[i], FAKE_AT_ONCE, 0);
		step->spin_us = spin_us;
		pt_op_submit(&batch->ops[i]);
		if (READ_ONCE(step->task) == current)
			spin_us = 0;
	}
	pt_batch_wait(test, batch);
	KUNIT_EXPECT_GT(test, runs_by_submitter(batch), 0);
	pt_expect_each(test, batch, op_child_softirqs_on);
	pt_expect_in_order(test, batch);
}

/* Freeing */

static void hook_free_both(struct pt_op *op)
{
	free_request(op);
	pt_tfm_free(op->tfm);
	mark_freed(op);
}

/* Submits from @from to before @to, and waits for them. */
static void run_part(struct kunit *test, struct pt_batch *batch, unsigned int from,
		     unsigned int to)
{
	unsigned int i;

	atomic_set(&batch->left, to - from);
	for (i = from; i < to; i++)
		pt_op_submit(&batch->ops[i]);
	pt_batch_wait(test, batch);
}

typedef void script_fn(struct pt_op *op, enum fake_how how, int err);
typedef void hook_fn(struct pt_op *op);

/* Transforms, one after the other; each may have its callback CPU elsewhere. */
#define ROUNDS	(PT_DEBUG ? 4 : 8)

/*
 * Requests are freed in their completions, that of the last one by @last.  The
 * first one shows where completions run.
 */
static void run_freeing(struct kunit *test, script_fn *write, hook_fn *last)
{
	struct pt_batch *batch;
	unsigned int i, round;

	for (round = 0; round < ROUNDS; round++) {
		batch = make_batch(test, open_fake(test), 20);
		for (i = 0; i < batch->nr; i++) {
			write(&batch->ops[i], param_how(test), 0);
			set_hook(&batch->ops[i], hook_free_request);
		}
		set_hook(&batch->ops[batch->nr - 1], last);
		script(&batch->ops[0], FAKE_AT_ONCE, 0);
		run_part(test, batch, 0, 1);
		run_part(test, batch, 1, batch->nr);
		pt_expect_in_order(test, batch);
	}
	expect_early(test);
}

static void request_freed_in_its_completion(struct kunit *test)
{
	run_freeing(test, script, hook_free_request);
}

static void request_freed_after_backlog(struct kunit *test)
{
	run_freeing(test, script_backlog, hook_free_request);
}

static void transform_freed_in_its_last_completion(struct kunit *test)
{
	run_freeing(test, script, hook_free_both);
	fake_expect_freed(test, ROUNDS);
}

static void transform_freed_after_backlog(struct kunit *test)
{
	run_freeing(test, script_backlog, hook_free_both);
	fake_expect_freed(test, ROUNDS);
}

static void transform_freed_after_reversal(struct kunit *test)
{
	struct pt_batch *batch = make_batch(test, open_fake(test), 40);
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		script(&batch->ops[i], FAKE_HELD, 0);
	set_hook(&batch->ops[batch->nr - 1], hook_free_both);
	pt_batch_submit(batch);
	KUNIT_ASSERT_TRUE(test, fake_wait_calls(batch->nr));
	fake_release_held();
	pt_batch_wait(test, batch);
	KUNIT_EXPECT_TRUE(test, fake_wait_freed());
}

/**
 * struct freeing - frees a transform elsewhere
 * @timer: In a softirq.
 * @rcu: In an RCU callback.
 * @tfm: The transform.
 * @atomic: It was where one may not sleep.
 */
struct freeing {
	struct timer_list timer;
	struct rcu_head rcu;
	struct pt_tfm *tfm;
	bool atomic;
};

static void freeing_timer(struct timer_list *timer)
{
	struct freeing *freeing = container_of(timer, struct freeing, timer);

	freeing->atomic = in_serving_softirq();
	pt_tfm_free(freeing->tfm);
}

static void freeing_rcu(struct rcu_head *rcu)
{
	struct freeing *freeing = container_of(rcu, struct freeing, rcu);

	freeing->atomic = in_softirq();
	pt_tfm_free(freeing->tfm);
}

static void freeing_release(void *data)
{
	struct freeing *freeing = data;

	timer_shutdown_sync(&freeing->timer);
	rcu_barrier();
}

/* A transform that has been used, and that only the caller frees from now on. */
static struct freeing *make_freeing(struct kunit *test)
{
	struct freeing *freeing = kunit_kzalloc(test, sizeof(*freeing), GFP_KERNEL);
	struct pt_batch *batch;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, freeing);
	freeing->tfm = open_fake(test);
	timer_setup(&freeing->timer, freeing_timer, 0);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, freeing_release, freeing));
	batch = make_batch(test, freeing->tfm, 20);
	for (i = 0; i < batch->nr; i++)
		script(&batch->ops[i], i & 1 ? FAKE_OTHER_CPU : FAKE_AT_ONCE, 0);
	pt_batch_run(test, batch);
	return freeing;
}

static void transform_freed_in_softirq(struct kunit *test)
{
	struct freeing *freeing = make_freeing(test);

	mod_timer(&freeing->timer, jiffies);
	KUNIT_EXPECT_TRUE(test, fake_wait_freed());
	freeing_release(freeing);
	KUNIT_EXPECT_TRUE(test, freeing->atomic);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.nr_freed), 1);
}

static void transform_freed_in_rcu_callback(struct kunit *test)
{
	struct freeing *freeing = make_freeing(test);

	call_rcu(&freeing->rcu, freeing_rcu);
	rcu_barrier();
	KUNIT_EXPECT_TRUE(test, fake_wait_freed());
	KUNIT_EXPECT_TRUE(test, freeing->atomic);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.nr_freed), 1);
}

static void transform_freed_unused(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 50; i++)
		pt_tfm_free(open_fake(test));
	fake_expect_freed(test, 50);
}

#define HOW_CASE(name)		KUNIT_CASE_PARAM(name, how_gen_params)
#define LATER_CASE(name)	KUNIT_CASE_PARAM(name, later_gen_params)

static struct kunit_case pcrypt_child_cases[] = {
	HOW_CASE(child_succeeds_in_order),
	HOW_CASE(child_errors_pass_in_their_turn),
	LATER_CASE(child_backlog_completes_once),
	LATER_CASE(child_backlog_among_others_in_order),
	KUNIT_CASE(child_busy_without_backlog_is_final),
	KUNIT_CASE(child_mixed_in_order),
	KUNIT_CASE(child_reversed_put_right),
	KUNIT_CASE(child_holds_first_others_wait),
	KUNIT_CASE(child_holds_one_transform_others_go_on),
	HOW_CASE(complete_resubmits_itself),
	KUNIT_CASE(child_gets_request_as_it_is),
	KUNIT_CASE(child_gets_flags_but_may_sleep),
	KUNIT_CASE(setkey_passes_key_flags_and_error),
	KUNIT_CASE(open_passes_init_error),
	KUNIT_CASE(child_runs_on_every_cpu),
	KUNIT_CASE(child_called_with_softirqs_disabled),
	HOW_CASE(request_freed_in_its_completion),
	LATER_CASE(request_freed_after_backlog),
	HOW_CASE(transform_freed_in_its_last_completion),
	LATER_CASE(transform_freed_after_backlog),
	KUNIT_CASE(transform_freed_after_reversal),
	KUNIT_CASE(transform_freed_in_softirq),
	KUNIT_CASE(transform_freed_in_rcu_callback),
	KUNIT_CASE(transform_freed_unused),
#ifndef FAKE_SKCIPHER
	KUNIT_CASE(setauthsize_passes_size_and_error),
#endif
	{ }
};

static struct kunit_suite pcrypt_child_suite = {
	.name = SUITE_NAME("pcrypt_child"),
	.suite_init = child_suite_init,
	.suite_exit = child_suite_exit,
	.init = child_init,
	.test_cases = pcrypt_child_cases,
};

kunit_test_suite(pcrypt_child_suite);

MODULE_DESCRIPTION("pcrypt over a child that misbehaves");
MODULE_LICENSE("GPL");
