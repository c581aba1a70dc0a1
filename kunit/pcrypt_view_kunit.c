// SPDX-License-Identifier: GPL-2.0-only
/*
 * What pcrypt shows of an instance: the part that sums up its transforms and looks for its
 * rivals is included, and the cases have transforms and a list of algorithms of their own.
 */
#include <crypto/algapi.h>
#include <crypto/internal/aead.h>
#include <crypto/internal/skcipher.h>
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/bottom_half.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/ratelimit.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

/* In place of the crypto API's. */
#define crypto_alg_list	view_alg_list
#define crypto_alg_sem	view_alg_sem

#include "../pcrypt/compat.h"
#include "../padata.h"
#include "../pcrypt/internal.h"

LIST_HEAD(view_alg_list);
DECLARE_RWSEM(view_alg_sem);

static unsigned int task_us = 200;
static int pcrypt_policy = PCRYPT_AUTO;
static atomic_t pcrypt_quick_gen = ATOMIC_INIT(1);

#include "../pcrypt/rule.c"
#include "../pcrypt/request.c"
#include "../pcrypt/view.c"

#define VIEW_MANY	(3 * PCRYPT_VIEW_PART + 1)

/* An instance without a transform, for gcm(aes). */
static struct pcrypt_inst *view_inst(struct kunit *test)
{
	struct pcrypt_inst *pi = kunit_kzalloc(test, sizeof(*pi), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pi);
	pi->alg = kunit_kzalloc(test, sizeof(*pi->alg), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pi->alg);
	strscpy(pi->alg->cra_name, "gcm(aes)", sizeof(pi->alg->cra_name));
	pi->alg->cra_flags = CRYPTO_ALG_TYPE_AEAD | CRYPTO_ALG_TESTED;
	pi->alg->cra_priority = 500;
	INIT_LIST_HEAD(&pi->tfms);
	spin_lock_init(&pi->tfm_lock);
	return pi;
}

/* A transform of it; each stream has had requests. */
static struct pcrypt_tfm *view_tfm(struct kunit *test, struct pcrypt_inst *pi)
{
	struct pcrypt_tfm *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	int dir;

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	INIT_LIST_HEAD(&ctx->list);
	for (dir = 0; dir < PCRYPT_NR_DIRS; dir++) {
		struct pcrypt_stream *stream = &ctx->stream[dir];

		spin_lock_init(&stream->lock);
		INIT_LIST_HEAD(&stream->backlog);
		stream->nr_looks = 1;
		stream->in_flight = 2 + dir;
		atomic_long_set(&stream->nr_direct, 10 + dir);
		stream->nr_entered = 20 + dir;
		stream->nr_refused = 30 + dir;
	}
	pcrypt_join_view(pi, ctx);
	return ctx;
}

static void expect_sums(struct kunit *test, struct pcrypt_inst *pi, enum pcrypt_dir dir,
			const unsigned long *wanted)
{
	unsigned long sums[PCRYPT_NR_SUMS];
	int i;

	pcrypt_sum_up(pi, dir, sums);
	for (i = 0; i < PCRYPT_NR_SUMS; i++)
		KUNIT_EXPECT_EQ_MSG(test, sums[i], wanted[i], "sum %d", i);
}

static void sums_of_no_transform(struct kunit *test)
{
	static const unsigned long wanted[PCRYPT_NR_SUMS] = { 0 };

	expect_sums(test, view_inst(test), PCRYPT_ENCRYPT, wanted);
}

static void sums_by_direction(struct kunit *test)
{
	static const unsigned long encrypt[PCRYPT_NR_SUMS] = { 1, 0, 2, 10, 20, 30 };
	static const unsigned long decrypt[PCRYPT_NR_SUMS] = { 1, 0, 3, 11, 21, 31 };
	struct pcrypt_inst *pi = view_inst(test);

	view_tfm(test, pi);
	expect_sums(test, pi, PCRYPT_ENCRYPT, encrypt);
	expect_sums(test, pi, PCRYPT_DECRYPT, decrypt);
}

static void streams_by_mode(struct kunit *test)
{
	static const unsigned long wanted[PCRYPT_NR_SUMS] = { 1, 2, 8, 40, 80, 120 };
	struct pcrypt_inst *pi = view_inst(test);

	view_tfm(test, pi);
	view_tfm(test, pi)->stream[PCRYPT_ENCRYPT].mode = PCRYPT_PARALLEL;
	view_tfm(test, pi)->stream[PCRYPT_ENCRYPT].mode = PCRYPT_RETURNING;
	/* It has had no request in this direction. */
	view_tfm(test, pi)->stream[PCRYPT_ENCRYPT].nr_looks = 0;
	expect_sums(test, pi, PCRYPT_ENCRYPT, wanted);
}

/* The cursor passes each of them once, and leaves the list as it was. */
static void sums_of_many_transforms(struct kunit *test)
{
	static const unsigned long wanted[PCRYPT_NR_SUMS] = {
		VIEW_MANY, 0, 2 * VIEW_MANY, 10 * VIEW_MANY, 20 * VIEW_MANY, 30 * VIEW_MANY,
	};
	struct pcrypt_inst *pi = view_inst(test);
	struct list_head *at;
	int i, n = 0;

	for (i = 0; i < VIEW_MANY; i++)
		view_tfm(test, pi);
	expect_sums(test, pi, PCRYPT_ENCRYPT, wanted);
	expect_sums(test, pi, PCRYPT_ENCRYPT, wanted);
	list_for_each(at, &pi->tfms)
		n++;
	KUNIT_EXPECT_EQ(test, n, VIEW_MANY);
	KUNIT_EXPECT_EQ(test, pi->nr_tfms, (unsigned int)VIEW_MANY);
}

/* What a transform did still counts when it is freed; its streams do not. */
static void totals_stay(struct kunit *test)
{
	static const unsigned long both[PCRYPT_NR_SUMS] = { 1, 0, 2, 20, 40, 60 };
	static const unsigned long none[PCRYPT_NR_SUMS] = { 0, 0, 0, 22, 42, 62 };
	struct pcrypt_inst *pi = view_inst(test);
	struct pcrypt_tfm *first = view_tfm(test, pi), *second = view_tfm(test, pi);

	pcrypt_leave_view(pi, first);
	expect_sums(test, pi, PCRYPT_ENCRYPT, both);
	KUNIT_EXPECT_EQ(test, pi->nr_tfms, 1U);
	pcrypt_leave_view(pi, second);
	expect_sums(test, pi, PCRYPT_DECRYPT, none);
	KUNIT_EXPECT_EQ(test, pi->nr_tfms, 0U);
}

/* A transform that could not be made has not joined. */
static void leave_without_join(struct kunit *test)
{
	struct pcrypt_inst *pi = view_inst(test);
	struct pcrypt_tfm ctx = { };

	INIT_LIST_HEAD(&ctx.list);
	pcrypt_leave_view(pi, &ctx);
	KUNIT_EXPECT_EQ(test, pi->nr_tfms, 0U);
	KUNIT_EXPECT_EQ(test, pi->gone[PCRYPT_ENCRYPT][PCRYPT_SUM_DIRECT], 0UL);
}

/* A request beyond the limit counts as refused, and not as in flight. */
static void refused_is_counted(struct kunit *test)
{
	struct pcrypt_request *preq = kunit_kzalloc(test, sizeof(*preq), GFP_KERNEL);
	struct crypto_async_request req = { };
	struct pcrypt_stream *stream;
	struct pcrypt_tfm *ctx;
	int i, cb_cpu;

	KUNIT_ASSERT_NOT_NULL(test, preq);
	req.tfm = kunit_kzalloc(test, sizeof(*req.tfm) + sizeof(*ctx), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, req.tfm);
	preq->req = &req;
	ctx = crypto_tfm_ctx(req.tfm);
	ctx->max_requests = 1;
	stream = &ctx->stream[PCRYPT_ENCRYPT];
	spin_lock_init(&stream->lock);
	INIT_LIST_HEAD(&stream->backlog);
	local_bh_disable();
	for (i = 0; i < 3; i++)
		pcrypt_enter(preq, 64, &cb_cpu);
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, stream->nr_refused, 2UL);
	KUNIT_EXPECT_EQ(test, stream->in_flight, 1U);
	KUNIT_EXPECT_EQ(test, stream->nr_entered, 3UL);
}

/* Another algorithm that is registered; @first as the crypto API does it, or last. */
static struct crypto_alg *view_alg(struct kunit *test, const char *name, u32 flags,
				   int priority, bool first)
{
	struct crypto_alg *alg = kunit_kzalloc(test, sizeof(*alg), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, alg);
	strscpy(alg->cra_name, name, sizeof(alg->cra_name));
	alg->cra_flags = flags;
	alg->cra_priority = priority;
	if (first)
		list_add(&alg->cra_list, &view_alg_list);
	else
		list_add_tail(&alg->cra_list, &view_alg_list);
	return alg;
}

static void preferred_by_priority(struct kunit *test)
{
	static const u32 aead = CRYPTO_ALG_TYPE_AEAD, tested = CRYPTO_ALG_TESTED;
	const struct {
		const char *name;
		u32 flags;
		int priority;
		bool first, preferred;
	} rows[] = {
		{ "gcm(aes)", aead | tested, 400, true, true },
		{ "gcm(aes)", aead | tested, 501, false, false },
		/* Of equals the first one is taken. */
		{ "gcm(aes)", aead | tested, 500, true, false },
		{ "gcm(aes)", aead | tested, 500, false, true },
		/* No user gets these. */
		{ "gcm(aes)", aead, 600, true, true },
		{ "gcm(aes)", aead | tested | CRYPTO_ALG_INTERNAL, 600, true, true },
		{ "gcm(aes)", aead | tested | CRYPTO_ALG_LARVAL, 600, true, true },
		{ "gcm(aes)", aead | tested | CRYPTO_ALG_DEAD, 600, true, true },
		{ "gcm(aes)", aead | tested | CRYPTO_ALG_DYING, 600, true, true },
		/* Another cipher, and another kind. */
		{ "ccm(aes)", aead | tested, 600, true, true },
		{ "gcm(aes)", CRYPTO_ALG_TYPE_SHASH | tested, 600, true, true },
	};
	struct pcrypt_inst *pi;
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		INIT_LIST_HEAD(&view_alg_list);
		pi = view_inst(test);
		list_add(&pi->alg->cra_list, &view_alg_list);
		view_alg(test, rows[i].name, rows[i].flags, rows[i].priority, rows[i].first);
		KUNIT_EXPECT_EQ_MSG(test, pcrypt_is_preferred(pi), rows[i].preferred,
				    "row %d", i);
	}
	INIT_LIST_HEAD(&view_alg_list);
}

/* Before the self-test, and after it was unregistered. */
static void preferred_only_if_usable(struct kunit *test)
{
	struct pcrypt_inst *pi = view_inst(test);

	KUNIT_EXPECT_FALSE(test, pcrypt_is_preferred(pi));
	list_add(&pi->alg->cra_list, &view_alg_list);
	KUNIT_EXPECT_TRUE(test, pcrypt_is_preferred(pi));
	pi->alg->cra_flags &= ~CRYPTO_ALG_TESTED;
	KUNIT_EXPECT_FALSE(test, pcrypt_is_preferred(pi));
	INIT_LIST_HEAD(&view_alg_list);
}

static struct kunit_case pcrypt_view_cases[] = {
	KUNIT_CASE(sums_of_no_transform),
	KUNIT_CASE(sums_by_direction),
	KUNIT_CASE(streams_by_mode),
	KUNIT_CASE(sums_of_many_transforms),
	KUNIT_CASE(totals_stay),
	KUNIT_CASE(leave_without_join),
	KUNIT_CASE(refused_is_counted),
	KUNIT_CASE(preferred_by_priority),
	KUNIT_CASE(preferred_only_if_usable),
	{}
};

static struct kunit_suite pcrypt_view_suite = {
	.name = "pcrypt_view",
	.test_cases = pcrypt_view_cases,
};

kunit_test_suite(pcrypt_view_suite);

MODULE_DESCRIPTION("KUnit: what pcrypt shows of an instance");
MODULE_LICENSE("GPL");
