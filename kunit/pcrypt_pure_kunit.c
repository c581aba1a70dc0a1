// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of pcrypt that read names, or decide about a request from a few numbers:
 * the parts that have them are included, and the cases call them with values of
 * their own.
 */
#include <crypto/algapi.h>
#include <crypto/internal/aead.h>
#include <crypto/internal/skcipher.h>
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/bottom_half.h>
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/err.h>
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
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../pcrypt/compat.h"
#include "../padata.h"
#include "../pcrypt/internal.h"

static bool prefer_all;
static unsigned int max_requests = 4096;
static unsigned int alone_bytes = 4352;
static unsigned int task_us = 200;

#define PCRYPT_ALONE_MIN	8U
#define PCRYPT_ALONE_MAX	512U

#include "../pcrypt/request.c"
#include "../pcrypt/tfm.c"
#include "../pcrypt/kind_aead.c"
#include "../pcrypt/kind_skcipher.c"
#include "../pcrypt/algs.c"

/* The longest name X for which pcrypt(X) is a name, too. */
#define PURE_LONGEST	(CRYPTO_MAX_ALG_NAME - (int)sizeof("pcrypt()"))

/* ---- names ---- */

static void name_len_of_a_name(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, pcrypt_name_len("aes"), 3);
	KUNIT_EXPECT_EQ(test, pcrypt_name_len("rfc4106(gcm(aes))"), 17);
	KUNIT_EXPECT_EQ(test, pcrypt_name_len("authenc(hmac(sha256),cbc(aes))"), 30);
	KUNIT_EXPECT_EQ(test, pcrypt_name_len("a-b_c.d"), 7);
}

static void name_len_ends_at_a_comma(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, pcrypt_name_len("gcm(aes),cbc(aes)"), 8);
	KUNIT_EXPECT_EQ(test, pcrypt_name_len("aes,"), 3);
	KUNIT_EXPECT_EQ(test, pcrypt_name_len("authenc(hmac(sha1),cbc(aes)),aes"), 28);
}

static void name_len_refuses(struct kunit *test)
{
	static const char * const texts[] = {
		"", ",aes", "gcm(aes", "gcm(aes(", "gcm)aes(", ")", "gcm(aes))", "gcm aes",
		"aes\n", " aes", "aes/x", "gcm(aes)\t,aes",
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		KUNIT_EXPECT_EQ_MSG(test, pcrypt_name_len(texts[i]), -EINVAL, "text %d", i);
}

static void name_len_leaves_room_for_pcrypt(struct kunit *test)
{
	char name[CRYPTO_MAX_ALG_NAME + 1] = { };

	memset(name, 'a', PURE_LONGEST);
	KUNIT_EXPECT_EQ(test, pcrypt_name_len(name), PURE_LONGEST);
	name[PURE_LONGEST] = 'a';
	KUNIT_EXPECT_EQ(test, pcrypt_name_len(name), -ENAMETOOLONG);
	name[PURE_LONGEST] = ',';
	KUNIT_EXPECT_EQ(test, pcrypt_name_len(name), PURE_LONGEST);
}

static void pure_drop_list(void *algs)
{
	pcrypt_free_list(algs);
}

/* Returns what parsing @text says, with the names in @algs. */
static int pure_parse(struct kunit *test, struct list_head *algs, const char *text)
{
	INIT_LIST_HEAD(algs);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pure_drop_list, algs), 0);
	return pcrypt_parse_algs(algs, text);
}

static struct list_head *pure_list(struct kunit *test)
{
	struct list_head *algs = kunit_kzalloc(test, sizeof(*algs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, algs);
	return algs;
}

static void parse_algs_in_order(struct kunit *test)
{
	static const char * const names[] = { "gcm(aes)", "authenc(hmac(sha1),cbc(aes))", "a" };
	struct list_head *algs = pure_list(test);
	struct pcrypt_listed *listed;
	char driver[CRYPTO_MAX_ALG_NAME];
	int i = 0;

	KUNIT_ASSERT_EQ(test, pure_parse(test, algs, "gcm(aes),authenc(hmac(sha1),cbc(aes)),a"), 0);
	list_for_each_entry(listed, algs, list) {
		KUNIT_ASSERT_LT(test, i, (int)ARRAY_SIZE(names));
		snprintf(driver, sizeof(driver), "pcrypt(%s)", names[i]);
		KUNIT_EXPECT_STREQ(test, listed->name, names[i]);
		KUNIT_EXPECT_STREQ(test, listed->driver_name, driver);
		i++;
	}
	KUNIT_EXPECT_EQ(test, i, (int)ARRAY_SIZE(names));
}

static void parse_algs_longest_name(struct kunit *test)
{
	struct list_head *algs = pure_list(test);
	char name[CRYPTO_MAX_ALG_NAME] = { };
	struct pcrypt_listed *listed;

	memset(name, 'a', PURE_LONGEST);
	KUNIT_ASSERT_EQ(test, pure_parse(test, algs, name), 0);
	listed = list_first_entry(algs, struct pcrypt_listed, list);
	KUNIT_EXPECT_STREQ(test, listed->name, name);
	KUNIT_EXPECT_EQ(test, strlen(listed->driver_name), CRYPTO_MAX_ALG_NAME - 1);
	KUNIT_EXPECT_EQ(test, listed->driver_name[CRYPTO_MAX_ALG_NAME - 2], ')');
}

static void parse_algs_empty(struct kunit *test)
{
	struct list_head *algs = pure_list(test);

	KUNIT_EXPECT_EQ(test, pure_parse(test, algs, ""), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(algs));
}

static void parse_algs_refuses(struct kunit *test)
{
	static const char * const texts[] = {
		",", "aes,", "aes,,aes", "gcm(aes),", "aes, aes", "gcm(aes", "pcrypt(aes)",
		"aes,pcrypt", "rfc4106(pcrypt(gcm(aes)))",
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		KUNIT_EXPECT_EQ_MSG(test, pure_parse(test, pure_list(test), texts[i]),
				    -EINVAL, "text %d", i);
}

/* With its newline and its 0 the list is shown in one page. */
static void parse_algs_fits_a_page(struct kunit *test)
{
	char *text = kunit_kzalloc(test, PAGE_SIZE + 1, GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, text);
	for (i = 0; i < PAGE_SIZE - 2; i++)
		text[i] = i % 2 ? ',' : 'a';
	text[PAGE_SIZE - 3] = 'a';
	KUNIT_EXPECT_EQ(test, pure_parse(test, pure_list(test), text), 0);
	text[PAGE_SIZE - 2] = 'a';
	KUNIT_EXPECT_EQ(test, pure_parse(test, pure_list(test), text), -EINVAL);
}

/* ---- streams and requests ---- */

static void stream_cb_cpu_stays(struct kunit *test)
{
	struct pcrypt_stream stream = { };
	int cpu = pcrypt_stream_cb_cpu(&stream, PCRYPT_ENCRYPT);

	/* No CPU has that number, so padata spreads streams by it. */
	KUNIT_EXPECT_GE(test, cpu, (int)nr_cpu_ids);
	KUNIT_EXPECT_EQ(test, pcrypt_stream_cb_cpu(&stream, PCRYPT_ENCRYPT), cpu);
}

static void stream_cb_cpu_by_direction(struct kunit *test)
{
	int next[PCRYPT_NR_DIRS], dir, i, cpu;

	for (dir = 0; dir < PCRYPT_NR_DIRS; dir++) {
		struct pcrypt_stream stream = { };

		next[dir] = pcrypt_stream_cb_cpu(&stream, dir);
	}
	for (i = 0; i < 64; i++) {
		struct pcrypt_stream stream = { };

		dir = i % PCRYPT_NR_DIRS;
		cpu = pcrypt_stream_cb_cpu(&stream, dir);
		KUNIT_EXPECT_EQ(test, cpu, ++next[dir]);
	}
}

static void stream_cb_cpu_does_not_overflow(struct kunit *test)
{
	struct pcrypt_stream stream = { };

	atomic_set(&pcrypt_next_cb_cpu[PCRYPT_DECRYPT], INT_MAX);
	KUNIT_EXPECT_GE(test, pcrypt_stream_cb_cpu(&stream, PCRYPT_DECRYPT), (int)nr_cpu_ids);
}

/* A request of @flags and no more, on which decisions are made. */
static struct pcrypt_request *pure_request(struct kunit *test, u32 flags)
{
	struct pcrypt_request *preq = kunit_kzalloc(test, sizeof(*preq), GFP_KERNEL);
	struct crypto_async_request *req = kunit_kzalloc(test, sizeof(*req), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, preq);
	KUNIT_ASSERT_NOT_NULL(test, req);
	req->flags = flags;
	preq->req = req;
	return preq;
}

/* How many requests are done alone before one is not, up to @most. */
static unsigned int pure_row(struct pcrypt_request *preq, struct pcrypt_stream *stream,
			     unsigned int len, unsigned int most)
{
	unsigned int n;

	for (n = 0; n < most && pcrypt_is_alone(preq, stream, len); n++)
		;
	return n;
}

static void is_alone_in_rows_that_double(struct kunit *test)
{
	struct pcrypt_request *preq = pure_request(test, CRYPTO_TFM_REQ_MAY_SLEEP);
	struct pcrypt_stream stream = { };
	unsigned int row;

	KUNIT_EXPECT_FALSE(test, pcrypt_is_alone(preq, &stream, 64));
	for (row = PCRYPT_ALONE_MIN; row < PCRYPT_ALONE_MAX; row *= 2)
		KUNIT_EXPECT_EQ(test, pure_row(preq, &stream, 64, 1000), row);
	KUNIT_EXPECT_EQ(test, pure_row(preq, &stream, 64, 1000), PCRYPT_ALONE_MAX);
	KUNIT_EXPECT_EQ(test, pure_row(preq, &stream, 64, 1000), PCRYPT_ALONE_MAX);
}

static void is_alone_not_beside_others(struct kunit *test)
{
	struct pcrypt_request *preq = pure_request(test, CRYPTO_TFM_REQ_MAY_SLEEP);
	struct pcrypt_stream stream = { };

	pcrypt_is_alone(preq, &stream, 64);
	pure_row(preq, &stream, 64, 1000);
	KUNIT_EXPECT_EQ(test, stream.alone_left, 2 * PCRYPT_ALONE_MIN);
	stream.in_flight = 1;
	KUNIT_EXPECT_FALSE(test, pcrypt_is_alone(preq, &stream, 64));
	stream.in_flight = 0;
	/* The rows begin anew. */
	KUNIT_EXPECT_FALSE(test, pcrypt_is_alone(preq, &stream, 64));
	KUNIT_EXPECT_EQ(test, pure_row(preq, &stream, 64, 1000), PCRYPT_ALONE_MIN);
}

static void is_alone_up_to_a_length(struct kunit *test)
{
	struct pcrypt_request *preq = pure_request(test, CRYPTO_TFM_REQ_MAY_SLEEP);
	struct pcrypt_stream stream = { };

	pcrypt_is_alone(preq, &stream, 64);
	KUNIT_EXPECT_TRUE(test, pcrypt_is_alone(preq, &stream, 4352));
	KUNIT_EXPECT_FALSE(test, pcrypt_is_alone(preq, &stream, 4353));
	/* Both are of the row. */
	KUNIT_EXPECT_EQ(test, pure_row(preq, &stream, 64, 1000), PCRYPT_ALONE_MIN - 2);
}

static void is_alone_only_if_it_may_sleep(struct kunit *test)
{
	struct pcrypt_request *preq = pure_request(test, 0);
	struct pcrypt_stream stream = { };
	int i;

	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_FALSE(test, pcrypt_is_alone(preq, &stream, 64));
}

static void note_cost_is_a_mean(struct kunit *test)
{
	struct pcrypt_stream stream = { };

	pcrypt_note_cost(&stream, 2048, 16000);
	KUNIT_EXPECT_EQ(test, stream.ns_per_kib, 8000U);
	pcrypt_note_cost(&stream, 1024, 16000);
	KUNIT_EXPECT_EQ(test, stream.ns_per_kib, 9000U);
}

/* 0 would mean that it is unknown. */
static void note_cost_has_bounds(struct kunit *test)
{
	struct pcrypt_stream stream = { };

	pcrypt_note_cost(&stream, 1024, 0);
	KUNIT_EXPECT_EQ(test, stream.ns_per_kib, 1U);
	stream.ns_per_kib = 0;
	pcrypt_note_cost(&stream, 1024, 1ULL << 40);
	KUNIT_EXPECT_EQ(test, stream.ns_per_kib, U32_MAX);
}

/* Of unknown cost: 100 ns a byte.  task_us is 200. */
static void is_for_task_by_its_cost(struct kunit *test)
{
	struct crypto_async_request *req = pure_request(test, CRYPTO_TFM_REQ_MAY_SLEEP)->req;
	struct pcrypt_stream stream = { };

	KUNIT_EXPECT_FALSE(test, pcrypt_is_for_task(&stream, req, 2000));
	KUNIT_EXPECT_TRUE(test, pcrypt_is_for_task(&stream, req, 2001));
	stream.ns_per_kib = 1024;
	KUNIT_EXPECT_FALSE(test, pcrypt_is_for_task(&stream, req, 200000));
	KUNIT_EXPECT_TRUE(test, pcrypt_is_for_task(&stream, req, 200001));
	stream.ns_per_kib = U32_MAX;
	KUNIT_EXPECT_TRUE(test, pcrypt_is_for_task(&stream, req, UINT_MAX));
}

static void is_for_task_only_where_it_may_sleep(struct kunit *test)
{
	struct crypto_async_request *req = pure_request(test, 0)->req;
	struct pcrypt_stream stream = { };
	bool for_task;

	KUNIT_EXPECT_FALSE(test, pcrypt_is_for_task(&stream, req, 60000));
	req->flags = CRYPTO_TFM_REQ_MAY_SLEEP;
	local_bh_disable();
	for_task = pcrypt_is_for_task(&stream, req, 60000);
	local_bh_enable();
	KUNIT_EXPECT_FALSE(test, for_task);
}

static struct kunit_case pcrypt_pure_cases[] = {
	KUNIT_CASE(name_len_of_a_name),
	KUNIT_CASE(name_len_ends_at_a_comma),
	KUNIT_CASE(name_len_refuses),
	KUNIT_CASE(name_len_leaves_room_for_pcrypt),
	KUNIT_CASE(parse_algs_in_order),
	KUNIT_CASE(parse_algs_longest_name),
	KUNIT_CASE(parse_algs_empty),
	KUNIT_CASE(parse_algs_refuses),
	KUNIT_CASE(parse_algs_fits_a_page),
	KUNIT_CASE(stream_cb_cpu_stays),
	KUNIT_CASE(stream_cb_cpu_by_direction),
	KUNIT_CASE(stream_cb_cpu_does_not_overflow),
	KUNIT_CASE(is_alone_in_rows_that_double),
	KUNIT_CASE(is_alone_not_beside_others),
	KUNIT_CASE(is_alone_up_to_a_length),
	KUNIT_CASE(is_alone_only_if_it_may_sleep),
	KUNIT_CASE(note_cost_is_a_mean),
	KUNIT_CASE(note_cost_has_bounds),
	KUNIT_CASE(is_for_task_by_its_cost),
	KUNIT_CASE(is_for_task_only_where_it_may_sleep),
	{}
};

static struct kunit_suite pcrypt_pure_suite = {
	.name = "pcrypt_pure",
	.test_cases = pcrypt_pure_cases,
};

kunit_test_suite(pcrypt_pure_suite);

MODULE_DESCRIPTION("KUnit: functions of pcrypt that only read and compute");
MODULE_LICENSE("GPL");
