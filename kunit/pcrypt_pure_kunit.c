// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of pcrypt that read names, or decide about a request or on the mode of a
 * stream from a few numbers:
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
#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/log2.h>
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

#include "../pcrypt/compat.h"
#include "../padata.h"
#include "../pcrypt/internal.h"

static bool prefer_all;
static unsigned int max_requests = 4096;
static unsigned int task_us = 200;
static int pcrypt_policy = PCRYPT_AUTO;
static atomic_t pcrypt_quick_gen = ATOMIC_INIT(1);
#define PURE_GEN	atomic_read(&pcrypt_quick_gen)

/* Where results come out, as padata_map_cb_cpu() says: of odd numbers only, if that is set. */
static int pure_serial_cpu = -1;
static bool pure_serial_if_odd;

static int pure_map_cb_cpu(struct padata_shell *ps, int cb_cpu)
{
	return pure_serial_if_odd && cb_cpu % 2 == 0 ? pure_serial_cpu + 1 : pure_serial_cpu;
}

/* Whether the shell is in direct mode. */
static bool pure_shell_direct = true;

static bool pure_shell_is_direct(struct padata_shell *ps)
{
	return pure_shell_direct;
}

static u64 pure_jiffies = 1000000;

static u64 pure_get_jiffies_64(void)
{
	return pure_jiffies;
}

#undef get_jiffies_64
#define get_jiffies_64	pure_get_jiffies_64

/* Whether direct mode may begin, and the calls that have asked. */
static bool pure_may_go;
static unsigned int pure_nr_asked;
/* What happens meanwhile, if anything. */
static void (*pure_meanwhile)(void);

static int pure_go_direct(struct padata_shell *ps)
{
	pure_nr_asked++;
	if (pure_meanwhile)
		pure_meanwhile();
	return pure_may_go ? 0 : -EAGAIN;
}

static int pure_go_direct_here(struct padata_shell *ps)
{
	return 0;
}

static int pure_do_inline(struct padata_shell *ps, struct padata_priv *padata, int *cb_cpu)
{
	return 0;
}

static bool pure_cpu_active = true;

/* What the child says. */
static int pure_err;

static int pure_encrypt(struct aead_request *req)
{
	return pure_err;
}

static struct aead_alg pure_alg = { .encrypt = pure_encrypt };

static void pure_direct_done(struct padata_shell *ps)
{
}

#undef padata_map_cb_cpu
#define padata_map_cb_cpu	pure_map_cb_cpu
#undef padata_is_direct
#define padata_is_direct	pure_shell_is_direct
/* Of a kernel as users have it. */
#undef CONFIG_NETFILTER
#define CONFIG_NETFILTER	1
#undef padata_go_direct
#define padata_go_direct	pure_go_direct
#undef padata_go_direct_here
#define padata_go_direct_here	pure_go_direct_here
#undef padata_direct_done
#define padata_direct_done	pure_direct_done
#undef padata_do_inline
#define padata_do_inline	pure_do_inline
#undef cpu_active
#define cpu_active(cpu)		((cpu) >= 0 && pure_cpu_active)
#undef crypto_aead_encrypt
#define crypto_aead_encrypt	pure_encrypt

#include "../pcrypt/rule.c"
#include "../pcrypt/request.c"
#include "../pcrypt/view.c"
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

/* ---- the rule on the mode ---- */

#define PURE_MS(n)	((n) * (u64)NSEC_PER_MSEC)

static void class_doubles_from_64_bytes(struct kunit *test)
{
	unsigned int class;

	KUNIT_EXPECT_EQ(test, pcrypt_class(0), 0);
	KUNIT_EXPECT_EQ(test, pcrypt_class(63), 0);
	for (class = 1; class < PCRYPT_NR_CLASSES - 1; class++) {
		KUNIT_EXPECT_EQ(test, pcrypt_class(32U << class), class);
		KUNIT_EXPECT_EQ(test, pcrypt_class((64U << class) - 1), class);
	}
	KUNIT_EXPECT_EQ(test, pcrypt_class(32U << class), class);
	KUNIT_EXPECT_EQ(test, pcrypt_class(UINT_MAX), class);
}

static void fold_is_a_mean(struct kunit *test)
{
	u32 mean = 0;

	pcrypt_fold(&mean, 8000);
	KUNIT_EXPECT_EQ(test, mean, 8000U);
	pcrypt_fold(&mean, 16000);
	KUNIT_EXPECT_EQ(test, mean, 9000U);
	pcrypt_fold(&mean, 1000);
	KUNIT_EXPECT_EQ(test, mean, 8000U);
}

/* As twice the mean and a microsecond. */
static void fold_bounds_an_outlier(struct kunit *test)
{
	u32 mean = 8000;

	pcrypt_fold(&mean, 1ULL << 40);
	KUNIT_EXPECT_EQ(test, mean, 7000U + 17000 / 8);
}

/* 0 would mean that it is unknown. */
static void fold_has_bounds(struct kunit *test)
{
	u32 mean = 0;
	int i;

	pcrypt_fold(&mean, 0);
	KUNIT_EXPECT_EQ(test, mean, 1U);
	mean = 0;
	pcrypt_fold(&mean, 1ULL << 40);
	KUNIT_EXPECT_EQ(test, mean, U32_MAX / 4);
	for (i = 0; i < 100; i++)
		pcrypt_fold(&mean, 1ULL << 40);
	KUNIT_EXPECT_EQ(test, mean, U32_MAX / 4);
	for (i = 0; i < 1000; i++)
		pcrypt_fold(&mean, 0);
	KUNIT_EXPECT_GE(test, mean, 1U);
	KUNIT_EXPECT_LE(test, mean, 8U);
}

static void work_ns_of_the_nearest_size(struct kunit *test)
{
	struct pcrypt_rule rule = { };

	KUNIT_EXPECT_EQ(test, pcrypt_work_ns(&rule, 1000), 0U);
	rule.child_ns[pcrypt_class(256)] = 700;
	rule.child_ns[pcrypt_class(2048)] = 3000;
	KUNIT_EXPECT_EQ(test, pcrypt_work_ns(&rule, 256), 700U);
	KUNIT_EXPECT_EQ(test, pcrypt_work_ns(&rule, 511), 700U);
	/* As long as the nearest smaller one. */
	KUNIT_EXPECT_EQ(test, pcrypt_work_ns(&rule, 512), 700U);
	KUNIT_EXPECT_EQ(test, pcrypt_work_ns(&rule, 1024), 700U);
	KUNIT_EXPECT_EQ(test, pcrypt_work_ns(&rule, 2048), 3000U);
	KUNIT_EXPECT_EQ(test, pcrypt_work_ns(&rule, UINT_MAX), 3000U);
	/* Its part of the nearest larger one. */
	KUNIT_EXPECT_EQ(test, pcrypt_work_ns(&rule, 64), 175U);
	KUNIT_EXPECT_EQ(test, pcrypt_work_ns(&rule, 0), 87U);
}

/* Limits its submitter's CPU, and has lasted since 0. */
static struct pcrypt_rule pure_rule(void)
{
	return (struct pcrypt_rule){
		.busy_ns = 20000, .tried_ns = 20000, .gap_ns = 5000,
		.nr_samples = PCRYPT_MIN_SAMPLES,
		.wait_ms = PCRYPT_WAIT_FIRST_MS };
}

/* When all CPUs had their last result. */
static void pure_results(u64 at)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(pcrypt_result_at, cpu) = at;
}

static void pure_forget_modes(void *unused)
{
	memset(pcrypt_modes, 0, sizeof(pcrypt_modes));
	pcrypt_led_at = 0;
	pcrypt_told_at = 0;
	pcrypt_led_by = NULL;
	pcrypt_other_led_at = 0;
	pure_results(0);
}

/* In direct mode, with what pure_rule() knows. */
static struct pcrypt_stream *pure_stream(struct kunit *test)
{
	struct pcrypt_stream *stream = kunit_kzalloc(test, sizeof(*stream), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, stream);
	INIT_LIST_HEAD(&stream->backlog);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, pure_forget_modes, NULL));
	spin_lock_init(&stream->lock);
	stream->rule = pure_rule();
	return stream;
}

static void may_try_after_the_wait(struct kunit *test)
{
	struct pcrypt_rule rule = pure_rule();

	KUNIT_EXPECT_FALSE(test, pcrypt_may_try(&rule, 0, PURE_MS(PCRYPT_WAIT_FIRST_MS)));
	KUNIT_EXPECT_TRUE(test, pcrypt_may_try(&rule, 0, PURE_MS(PCRYPT_WAIT_FIRST_MS) + 1));
	rule.wait_ms = PCRYPT_WAIT_MAX_MS;
	KUNIT_EXPECT_FALSE(test, pcrypt_may_try(&rule, 0, PURE_MS(PCRYPT_WAIT_MAX_MS)));
	KUNIT_EXPECT_TRUE(test, pcrypt_may_try(&rule, 0, PURE_MS(PCRYPT_WAIT_MAX_MS) + 1));
	/* Clocks of CPUs may differ: the mode began later than now. */
	rule.since = PURE_MS(100000);
	KUNIT_EXPECT_FALSE(test, pcrypt_may_try(&rule, 0, PURE_MS(90000)));
}

/* The long wait is for the load that was tried. */
static void may_try_another_load_soon(struct kunit *test)
{
	struct pcrypt_rule rule = pure_rule();
	u64 soon = PURE_MS(PCRYPT_WAIT_MIN_MS) + 1;

	rule.wait_ms = PCRYPT_WAIT_MAX_MS;
	rule.tried_ns = 10000;
	KUNIT_EXPECT_FALSE(test, pcrypt_may_try(&rule, 0, soon));
	rule.tried_ns = 9999;
	KUNIT_EXPECT_TRUE(test, pcrypt_may_try(&rule, 0, soon));
	KUNIT_EXPECT_FALSE(test, pcrypt_may_try(&rule, 0, soon - 1));
	rule.tried_ns = 40000;
	KUNIT_EXPECT_FALSE(test, pcrypt_may_try(&rule, 0, soon));
	rule.tried_ns = 40002;
	KUNIT_EXPECT_TRUE(test, pcrypt_may_try(&rule, 0, soon));
}

static void may_try_only_where_the_cpu_limits(struct kunit *test)
{
	struct pcrypt_rule rule = pure_rule();

	rule.gap_ns = rule.busy_ns - 1;
	KUNIT_EXPECT_TRUE(test, pcrypt_may_try(&rule, 0, PURE_MS(1000)));
	rule.gap_ns = rule.busy_ns;
	KUNIT_EXPECT_FALSE(test, pcrypt_may_try(&rule, 0, PURE_MS(1000)));
	rule.gap_ns = 0;
	rule.nr_samples = PCRYPT_MIN_SAMPLES - 1;
	KUNIT_EXPECT_FALSE(test, pcrypt_may_try(&rule, 0, PURE_MS(1000)));
}

static void may_try_only_above_the_cost_of_handing_over(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);
	struct pcrypt_rule *rule = &stream->rule;

	rule->gap_ns = 0;
	pcrypt_modes[PCRYPT_DECRYPT].handover_ns = 4000;
	rule->busy_ns = 5000;
	KUNIT_EXPECT_FALSE(test, pcrypt_may_try(rule, PCRYPT_DECRYPT, PURE_MS(1000)));
	rule->busy_ns = 5001;
	KUNIT_EXPECT_TRUE(test, pcrypt_may_try(rule, PCRYPT_DECRYPT, PURE_MS(1000)));
	/* The other direction knows of no cost yet. */
	rule->busy_ns = 1;
	KUNIT_EXPECT_TRUE(test, pcrypt_may_try(rule, PCRYPT_ENCRYPT, PURE_MS(1000)));
}

static void pure_restore_policy(void *unused)
{
	pcrypt_policy = PCRYPT_AUTO;
}

static void try_parallel_only_if_allowed(struct kunit *test)
{
	static const enum pcrypt_policy others[] = { PCRYPT_ALL_DIRECT, PCRYPT_ALL_PARALLEL };
	struct pcrypt_stream *stream = pure_stream(test);
	int i;

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, pure_restore_policy, NULL));
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		pcrypt_policy = others[i];
		KUNIT_EXPECT_FALSE(test, pcrypt_try_parallel(stream, 0, PURE_MS(1000)));
	}
	pcrypt_policy = PCRYPT_AUTO;
	KUNIT_EXPECT_EQ(test, stream->mode, PCRYPT_DIRECT);
	KUNIT_EXPECT_TRUE(test, pcrypt_try_parallel(stream, 0, PURE_MS(1000)));
	KUNIT_EXPECT_EQ(test, stream->mode, PCRYPT_PARALLEL);
	KUNIT_EXPECT_EQ(test, stream->rule.since, PURE_MS(1000));
	/* 20 of 25 us. */
	KUNIT_EXPECT_EQ(test, stream->rule.direct_rate, 1024U * 4 / 5);
}

/* Another submitter has changed the mode meanwhile. */
static void try_parallel_not_twice(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);

	stream->mode = PCRYPT_RETURNING;
	KUNIT_EXPECT_FALSE(test, pcrypt_try_parallel(stream, 0, PURE_MS(1000)));
	KUNIT_EXPECT_EQ(test, stream->mode, PCRYPT_RETURNING);
}

static void pure_set_mode(struct pcrypt_stream *stream, enum pcrypt_mode mode)
{
	spin_lock_bh(&stream->lock);
	pcrypt_set_mode(stream, PCRYPT_DECRYPT, mode, 1);
	spin_unlock_bh(&stream->lock);
}

static void pure_expect_modes(struct kunit *test, int nr_parallel, long to_parallel,
			      long to_direct)
{
	struct pcrypt_modes *modes = &pcrypt_modes[PCRYPT_DECRYPT];

	KUNIT_EXPECT_EQ(test, atomic_read(&modes->nr_parallel), nr_parallel);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&modes->to_parallel), to_parallel);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&modes->to_direct), to_direct);
}

static void set_mode_counts_changes(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test), *other = pure_stream(test);

	pure_set_mode(stream, PCRYPT_PARALLEL);
	pure_expect_modes(test, 1, 1, 0);
	pure_set_mode(other, PCRYPT_RETURNING);
	pure_expect_modes(test, 2, 2, 0);
	pure_set_mode(stream, PCRYPT_RETURNING);
	pure_set_mode(stream, PCRYPT_PARALLEL);
	pure_expect_modes(test, 2, 2, 0);
	pure_set_mode(stream, PCRYPT_DIRECT);
	pure_set_mode(stream, PCRYPT_DIRECT);
	pure_expect_modes(test, 1, 2, 1);
	pure_set_mode(other, PCRYPT_DIRECT);
	pure_expect_modes(test, 0, 2, 2);
}

/* Of a task and of softirqs. */
static struct pcrypt_stream *pure_tcp_stream(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);

	stream->from_task = true;
	stream->from_softirq = true;
	stream->last_cpu = PCRYPT_CPU_ANY;
	stream->nr_looks = PCRYPT_SENDER_LOOKS;
	/* Not what parallel mode is tried for. */
	stream->rule.busy_ns = 1;
	stream->cb_cpu = 77;
	return stream;
}

/* What a softirq has sent or received is a job. */
static void pure_lead(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);

	stream->from_softirq = true;
	local_bh_disable();
	pcrypt_lead(stream, false);
	local_bh_enable();
	pure_results(pure_jiffies);
}

static bool pure_is_direct(struct pcrypt_stream *stream)
{
	bool direct;

	local_bh_disable();
	direct = pcrypt_is_direct(stream, PCRYPT_ENCRYPT);
	local_bh_enable();
	return direct;
}

static void encryption_follows(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_tcp_stream(test);

	KUNIT_EXPECT_TRUE(test, pure_is_direct(stream));
	stream->last_cpu = nr_cpu_ids;
	stream->rule.here_ms = 64;
	pure_lead(test);
	KUNIT_EXPECT_FALSE(test, pcrypt_has_leader(stream, PCRYPT_DECRYPT));
	KUNIT_EXPECT_FALSE(test, pcrypt_had_leader(stream, PCRYPT_DECRYPT));
	KUNIT_EXPECT_FALSE(test, pure_is_direct(stream));
	KUNIT_EXPECT_EQ(test, (int)stream->mode, (int)PCRYPT_PARALLEL);
	KUNIT_EXPECT_TRUE(test, stream->rule.follows);
	KUNIT_EXPECT_EQ(test, stream->rule.here_ms, PCRYPT_HERE_MIN_MS);
}

static void only_requests_of_softirqs_lead(struct kunit *test)
{
	struct pcrypt_stream *leader = pure_stream(test);
	struct pcrypt_stream *stream = pure_stream(test);

	local_bh_disable();
	pcrypt_lead(leader, false);
	KUNIT_EXPECT_FALSE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
	leader->from_softirq = true;
	/* Two that follow are not to lead each other for ever. */
	leader->rule.follows = true;
	pcrypt_lead(leader, false);
	KUNIT_EXPECT_FALSE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
	pcrypt_lead(leader, true);
	KUNIT_EXPECT_TRUE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
	pure_jiffies += PCRYPT_LEAD_JIFFIES;
	KUNIT_EXPECT_FALSE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
	leader->rule.follows = false;
	pcrypt_lead(leader, false);
	local_bh_enable();
	KUNIT_EXPECT_TRUE(test, pcrypt_has_leader(stream, PCRYPT_ENCRYPT));
	pure_jiffies += PCRYPT_FOLLOW_JIFFIES - 1;
	KUNIT_EXPECT_TRUE(test, pcrypt_has_leader(stream, PCRYPT_ENCRYPT));
	pure_jiffies++;
	KUNIT_EXPECT_FALSE(test, pcrypt_has_leader(stream, PCRYPT_ENCRYPT));
	pure_jiffies += PCRYPT_LEAD_JIFFIES - PCRYPT_FOLLOW_JIFFIES - 1;
	KUNIT_EXPECT_TRUE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
	pure_jiffies++;
	KUNIT_EXPECT_FALSE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
}

/* Jobs of a trial that has failed are no reason to follow, unless others have because of them. */
static void stream_does_not_lead_itself(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);
	struct pcrypt_stream *other = pure_stream(test);

	stream->from_softirq = true;
	other->from_softirq = true;
	local_bh_disable();
	pcrypt_lead(stream, false);
	KUNIT_EXPECT_FALSE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
	KUNIT_EXPECT_TRUE(test, pcrypt_had_leader(other, PCRYPT_ENCRYPT));
	pure_set_mode(other, PCRYPT_PARALLEL);
	KUNIT_EXPECT_TRUE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
	pure_set_mode(other, PCRYPT_DIRECT);
	KUNIT_EXPECT_FALSE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
	/* Of either direction. */
	atomic_inc(&pcrypt_modes[PCRYPT_ENCRYPT].nr_parallel);
	KUNIT_EXPECT_TRUE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
	atomic_dec(&pcrypt_modes[PCRYPT_ENCRYPT].nr_parallel);
	/* Nor one that follows, however late its jobs are. */
	pure_set_mode(other, PCRYPT_PARALLEL);
	stream->rule.follows = true;
	KUNIT_EXPECT_FALSE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
	stream->rule.follows = false;
	pure_set_mode(other, PCRYPT_DIRECT);
	/* By turns, or in the same jiffy: that of the other one counts for as long as any. */
	pcrypt_lead(other, false);
	KUNIT_EXPECT_TRUE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
	KUNIT_EXPECT_TRUE(test, pcrypt_had_leader(other, PCRYPT_ENCRYPT));
	pure_jiffies++;
	pcrypt_lead(other, false);
	pure_jiffies++;
	pcrypt_lead(stream, false);
	local_bh_enable();
	KUNIT_EXPECT_TRUE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
	pure_jiffies += PCRYPT_LEAD_JIFFIES - 1;
	KUNIT_EXPECT_FALSE(test, pcrypt_had_leader(stream, PCRYPT_ENCRYPT));
	KUNIT_EXPECT_TRUE(test, pcrypt_had_leader(other, PCRYPT_ENCRYPT));
}

static struct pcrypt_request *pure_job(struct kunit *test, struct pcrypt_stream *stream)
{
	struct pcrypt_request *preq = kunit_kzalloc(test, sizeof(*preq), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, preq);
	INIT_LIST_HEAD(&preq->backlog);
	preq->entered_at = pure_jiffies;
	stream->in_flight = 1;
	return preq;
}

/* A job may take longer than a stream would follow for it, as behind a CPU that goes offline. */
static void late_result_leads(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);
	struct pcrypt_stream *other = pure_stream(test);
	struct pcrypt_request *preq;
	int gen;

	pure_set_mode(stream, PCRYPT_PARALLEL);
	pure_lead(test);
	gen = PURE_GEN;
	preq = pure_job(test, stream);
	pure_jiffies += PCRYPT_LEAD_JIFFIES;
	stream->from_softirq = true;
	local_bh_disable();
	pcrypt_leave(stream, preq);
	KUNIT_EXPECT_EQ(test, __this_cpu_read(pcrypt_result_at), pure_jiffies);
	local_bh_enable();
	KUNIT_EXPECT_TRUE(test, pcrypt_has_leader(other, PCRYPT_ENCRYPT));
	/* What may be quick by now is told. */
	KUNIT_EXPECT_NE(test, PURE_GEN, gen);
	/* One that follows need not say it, unless it was very late. */
	stream->rule.follows = true;
	preq = pure_job(test, stream);
	pure_jiffies += PCRYPT_FOLLOW_JIFFIES;
	local_bh_disable();
	pcrypt_leave(stream, preq);
	local_bh_enable();
	KUNIT_EXPECT_FALSE(test, pcrypt_has_leader(other, PCRYPT_ENCRYPT));
	preq = pure_job(test, stream);
	pure_jiffies += PCRYPT_FOLLOW_JIFFIES + 1;
	local_bh_disable();
	pcrypt_leave(stream, preq);
	local_bh_enable();
	KUNIT_EXPECT_TRUE(test, pcrypt_has_leader(other, PCRYPT_ENCRYPT));
	pure_set_mode(stream, PCRYPT_DIRECT);
}

/* A transform with two streams in parallel mode. */
static struct crypto_tfm *pure_tfm(struct kunit *test)
{
	struct crypto_tfm *tfm;
	struct pcrypt_tfm *ctx;
	int dir;

	tfm = kunit_kzalloc(test, sizeof(*tfm) + sizeof(*ctx) + ARCH_KMALLOC_MINALIGN, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, tfm);
	ctx = crypto_tfm_ctx(tfm);
	ctx->max_requests = 1;
	for (dir = 0; dir < PCRYPT_NR_DIRS; dir++) {
		spin_lock_init(&ctx->stream[dir].lock);
		INIT_LIST_HEAD(&ctx->stream[dir].backlog);
		ctx->stream[dir].mode = PCRYPT_PARALLEL;
	}
	return tfm;
}

static void job_leads_when_it_enters(struct kunit *test)
{
	struct pcrypt_stream *other = pure_stream(test);
	struct pcrypt_request *preq = pure_request(test, 0);
	struct pcrypt_stream *stream;
	int cb_cpu;

	preq->req->tfm = pure_tfm(test);
	preq->dir = PCRYPT_DECRYPT;
	stream = pcrypt_stream_of(preq);
	stream->from_softirq = true;
	local_bh_disable();
	KUNIT_EXPECT_EQ(test, pcrypt_enter(preq, 64, &cb_cpu), -EINPROGRESS);
	KUNIT_EXPECT_EQ(test, preq->entered_at, (u32)pure_jiffies);
	KUNIT_EXPECT_TRUE(test, pcrypt_has_leader(other, PCRYPT_ENCRYPT));
	/* One that is refused has no result. */
	pure_jiffies += PCRYPT_FOLLOW_JIFFIES;
	KUNIT_EXPECT_EQ(test, pcrypt_enter(preq, 64, &cb_cpu), -ENOSPC);
	local_bh_enable();
	KUNIT_EXPECT_FALSE(test, pcrypt_has_leader(other, PCRYPT_ENCRYPT));
}

/* A direct request that its child has accepted becomes a job. */
static void accepted_request_leads(struct kunit *test)
{
	struct pcrypt_stream *other = pure_stream(test);
	struct pcrypt_request *preq = pure_request(test, 0);
	struct pcrypt_stream *stream;

	preq->req->tfm = pure_tfm(test);
	preq->dir = PCRYPT_DECRYPT;
	stream = pcrypt_stream_of(preq);
	stream->mode = PCRYPT_DIRECT;
	stream->from_softirq = true;
	stream->rule = pure_rule();
	KUNIT_EXPECT_EQ(test, pcrypt_list_late(preq), -EINPROGRESS);
	KUNIT_EXPECT_EQ(test, stream->in_flight, 1U);
	KUNIT_EXPECT_EQ(test, preq->entered_at, (u32)pure_jiffies);
	KUNIT_EXPECT_EQ(test, (int)stream->mode, (int)PCRYPT_RETURNING);
	KUNIT_EXPECT_TRUE(test, pcrypt_has_leader(other, PCRYPT_ENCRYPT));
}

/* What followed before a pause is direct after it, or its jobs would come unannounced. */
static void stream_does_not_follow_over_pause(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_tcp_stream(test);

	pure_lead(test);
	KUNIT_EXPECT_FALSE(test, pure_is_direct(stream));
	stream->rule.since = local_clock() - PURE_MS(PCRYPT_FOLLOW_MS + 1);
	KUNIT_EXPECT_FALSE(test, pure_is_direct(stream));
	pure_jiffies += PCRYPT_FOLLOW_JIFFIES;
	stream->in_flight = 1;
	KUNIT_EXPECT_FALSE(test, pure_is_direct(stream));
	stream->in_flight = 0;
	stream->rule.follows = false;
	KUNIT_EXPECT_FALSE(test, pure_is_direct(stream));
	stream->rule.follows = true;
	pure_may_go = true;
	pcrypt_policy = PCRYPT_ALL_PARALLEL;
	KUNIT_EXPECT_FALSE(test, pure_is_direct(stream));
	KUNIT_EXPECT_EQ(test, (int)stream->mode, (int)PCRYPT_PARALLEL);
	pcrypt_policy = PCRYPT_AUTO;
	KUNIT_EXPECT_TRUE(test, pure_is_direct(stream));
	KUNIT_EXPECT_EQ(test, (int)stream->mode, (int)PCRYPT_DIRECT);
}

/* Where it can't be direct at once its jobs lead, if the others do not look any more. */
static void stream_leads_after_long_pause(struct kunit *test)
{
	static const struct {
		u64 pause;
		bool follows;
	} rows[] = {
		{ PURE_MS(PCRYPT_LEAD_MS - 100), true },
		{ PURE_MS(PCRYPT_LEAD_MS + 1), false },
		{ 0, true },
	};
	struct pcrypt_stream *stream = pure_tcp_stream(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 now = local_clock();

		stream->rule.follows = true;
		pure_set_mode(stream, PCRYPT_PARALLEL);
		stream->rule.since = 0;
		stream->rule.result_at = rows[i].pause ? now - rows[i].pause : 0;
		KUNIT_EXPECT_TRUE(test, pcrypt_follows_in_vain(stream, PCRYPT_ENCRYPT));
		KUNIT_EXPECT_EQ(test, stream->rule.follows, rows[i].follows);
	}
	pure_set_mode(stream, PCRYPT_DIRECT);
}

/* What did not come of a result, and does not come after what did, needs not follow. */
static void stream_follows_results(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_tcp_stream(test);
	int cpu;

	KUNIT_EXPECT_TRUE(test, pure_is_direct(stream));
	pure_lead(test);
	pure_results(0);
	/* Others do all the time. */
	stream->last_cpu = PCRYPT_CPU_ANY;
	KUNIT_EXPECT_TRUE(test, pure_is_direct(stream));
	stream->last_cpu = nr_cpu_ids;
	KUNIT_EXPECT_TRUE(test, pure_is_direct(stream));
	local_bh_disable();
	cpu = smp_processor_id();
	stream->last_cpu = cpumask_any_but(cpu_possible_mask, cpu);
	per_cpu(pcrypt_result_at, cpu) = pure_jiffies;
	KUNIT_EXPECT_FALSE(test, pcrypt_is_direct(stream, PCRYPT_ENCRYPT));
	pure_set_mode(stream, PCRYPT_DIRECT);
	/* The last one did. */
	stream->last_cpu = cpumask_any_but(cpu_possible_mask, cpu);
	if (stream->last_cpu < nr_cpu_ids) {
		pure_results(0);
		per_cpu(pcrypt_result_at, stream->last_cpu) = pure_jiffies;
		KUNIT_EXPECT_FALSE(test, pcrypt_is_direct(stream, PCRYPT_ENCRYPT));
		pure_set_mode(stream, PCRYPT_DIRECT);
	}
	/* That is long ago, though jobs that lead are not. */
	pure_results(pure_jiffies - PCRYPT_LEAD_JIFFIES);
	stream->last_cpu = PCRYPT_CPU_ANY;
	KUNIT_EXPECT_TRUE(test, pcrypt_is_direct(stream, PCRYPT_ENCRYPT));
	pure_results(pure_jiffies - PCRYPT_LEAD_JIFFIES + 1);
	stream->last_cpu = PCRYPT_CPU_ANY;
	KUNIT_EXPECT_FALSE(test, pcrypt_is_direct(stream, PCRYPT_ENCRYPT));
	local_bh_enable();
	pure_set_mode(stream, PCRYPT_DIRECT);
}

static void only_streams_that_need_it_follow(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_tcp_stream(test);

	pure_lead(test);
	stream->from_task = false;
	stream->last_cpu = PCRYPT_CPU_ANY;
	KUNIT_EXPECT_TRUE(test, pure_is_direct(stream));
	stream->from_task = true;
	stream->from_softirq = false;
	stream->last_cpu = PCRYPT_CPU_ANY;
	local_bh_disable();
	KUNIT_EXPECT_TRUE(test, pcrypt_is_direct(stream, PCRYPT_ENCRYPT));
	stream->from_softirq = true;
	KUNIT_EXPECT_EQ(test, stream->last_cpu, smp_processor_id());
	/* Again on this CPU. */
	KUNIT_EXPECT_TRUE(test, pcrypt_is_direct(stream, PCRYPT_ENCRYPT));
	local_bh_enable();
	stream->last_cpu = PCRYPT_CPU_ANY;
	pcrypt_policy = PCRYPT_ALL_DIRECT;
	KUNIT_EXPECT_TRUE(test, pure_is_direct(stream));
	pcrypt_policy = PCRYPT_AUTO;
	stream->last_cpu = PCRYPT_CPU_ANY;
	KUNIT_EXPECT_FALSE(test, pure_is_direct(stream));
}

static void stream_follows_as_long_as_it_has_to(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_tcp_stream(test);
	u64 late = local_clock() + 10ULL * PCRYPT_UNSETTLED_NS;
	unsigned int wait_ms = stream->rule.wait_ms;

	pure_lead(test);
	KUNIT_EXPECT_FALSE(test, pure_is_direct(stream));
	/* Though that does not pay. */
	local_bh_disable();
	pcrypt_look_at_rate(stream, PCRYPT_ENCRYPT, late);
	KUNIT_EXPECT_EQ(test, (int)stream->mode, (int)PCRYPT_PARALLEL);
	pure_jiffies += PCRYPT_FOLLOW_JIFFIES;
	/* Not for a moment only. */
	pcrypt_look_at_rate(stream, PCRYPT_ENCRYPT, stream->rule.since + PURE_MS(PCRYPT_FOLLOW_MS));
	KUNIT_EXPECT_EQ(test, (int)stream->mode, (int)PCRYPT_PARALLEL);
	pcrypt_look_at_rate(stream, PCRYPT_ENCRYPT, late);
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, (int)stream->mode, (int)PCRYPT_RETURNING);
	/* It was no trial. */
	KUNIT_EXPECT_EQ(test, stream->rule.wait_ms, wait_ms);
	/* The next time it may be in parallel mode for a reason of its own. */
	KUNIT_EXPECT_TRUE(test, stream->rule.follows);
	pure_set_mode(stream, PCRYPT_DIRECT);
	KUNIT_EXPECT_FALSE(test, stream->rule.follows);
	/* Others may be on their way to direct mode still. */
	pure_jiffies += PCRYPT_LEAD_JIFFIES - PCRYPT_FOLLOW_JIFFIES - 1;
	stream->last_cpu = nr_cpu_ids;
	KUNIT_EXPECT_FALSE(test, pure_is_direct(stream));
	/* They do not follow any more. */
	pure_jiffies++;
	local_bh_disable();
	pcrypt_look_at_rate(stream, PCRYPT_ENCRYPT, stream->rule.since + 1);
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, (int)stream->mode, (int)PCRYPT_RETURNING);
	pure_set_mode(stream, PCRYPT_DIRECT);
	stream->last_cpu = nr_cpu_ids;
	KUNIT_EXPECT_TRUE(test, pure_is_direct(stream));
}

static void note_direct(struct pcrypt_stream *stream)
{
	pcrypt_note_direct(stream, PCRYPT_ENCRYPT, PURE_GEN, 64, 10000, 12000);
}

static void stream_that_may_follow_is_looked_at(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_tcp_stream(test);
	int gen = PURE_GEN;

	stream->last_cpu = 0;
	note_direct(stream);
	KUNIT_EXPECT_EQ(test, stream->quick, gen);
	KUNIT_EXPECT_EQ(test, stream->last_cpu, PCRYPT_CPU_ANY);
	/* All are looked at after the first one, not after each. */
	pure_lead(test);
	KUNIT_EXPECT_NE(test, PURE_GEN, gen);
	gen = PURE_GEN;
	pure_jiffies += PCRYPT_LEAD_JIFFIES / 2;
	pure_lead(test);
	KUNIT_EXPECT_EQ(test, PURE_GEN, gen);
	pure_jiffies += PCRYPT_LEAD_JIFFIES - 1;
	stream->last_cpu = 0;
	note_direct(stream);
	KUNIT_EXPECT_EQ(test, stream->quick, 0);
	KUNIT_EXPECT_EQ(test, stream->last_cpu, 0);
	stream->from_task = false;
	note_direct(stream);
	KUNIT_EXPECT_EQ(test, stream->quick, gen);
	/* It may have a task, too, as far as is known. */
	stream->nr_looks--;
	note_direct(stream);
	KUNIT_EXPECT_EQ(test, stream->quick, 0);
	pure_jiffies++;
	note_direct(stream);
	KUNIT_EXPECT_EQ(test, stream->quick, gen);
	pure_lead(test);
	KUNIT_EXPECT_NE(test, PURE_GEN, gen);
}

/* Its own jobs have led, so others that begin to lead need not tell: it has to look. */
static void stream_that_led_is_looked_at(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_tcp_stream(test);
	struct pcrypt_stream *other = pure_tcp_stream(test);
	int gen;

	local_bh_disable();
	pcrypt_lead(stream, false);
	gen = PURE_GEN;
	note_direct(stream);
	KUNIT_EXPECT_EQ(test, stream->quick, 0);
	pure_jiffies++;
	pcrypt_lead(other, false);
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, PURE_GEN, gen);
	KUNIT_EXPECT_EQ(test, stream->quick, 0);
	pure_jiffies += PCRYPT_LEAD_JIFFIES;
	note_direct(stream);
	KUNIT_EXPECT_EQ(test, stream->quick, gen);
}

/* The test is a kernel thread. */
static void senders_are_noted(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);
	unsigned int i;

	pcrypt_note_sender(stream);
	KUNIT_EXPECT_TRUE(test, stream->from_task && !stream->from_softirq);
	local_bh_disable();
	for (i = 0; i < PCRYPT_SENDER_LOOKS; i++)
		pcrypt_note_sender(stream);
	local_bh_enable();
	KUNIT_EXPECT_TRUE(test, pcrypt_has_both_senders(stream));
	KUNIT_EXPECT_EQ(test, stream->nr_looks, PCRYPT_SENDER_LOOKS);
}

static void set_mode_forgets_the_one_before(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);
	struct pcrypt_rule *rule = &stream->rule;

	stream->quick = true;
	rule->done_ns = 1;
	rule->window_since = 1;
	rule->nr_windows = 1;
	rule->nr_bad = 1;
	rule->nr_low = 1;
	rule->nr_done = 1;
	rule->result_at = 1;
	pure_set_mode(stream, PCRYPT_PARALLEL);
	KUNIT_EXPECT_FALSE(test, stream->quick);
	KUNIT_EXPECT_EQ(test, rule->done_ns + rule->window_since + rule->result_at, 0);
	KUNIT_EXPECT_EQ(test, rule->nr_windows + rule->nr_bad + rule->nr_samples, 0U);
	KUNIT_EXPECT_EQ(test, rule->nr_low + rule->nr_done, 0U);
	/* Measurements and waits stay. */
	KUNIT_EXPECT_EQ(test, rule->busy_ns, 20000U);
	KUNIT_EXPECT_EQ(test, rule->wait_ms, PCRYPT_WAIT_FIRST_MS);
}

/* What direct mode was like is known where it ends, whatever ends it. */
static void set_mode_notes_direct_rate(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);

	pure_set_mode(stream, PCRYPT_RETURNING);
	KUNIT_EXPECT_EQ(test, stream->rule.direct_rate, 1024U * 4 / 5);
	stream->rule.gap_ns = 20000;
	pure_set_mode(stream, PCRYPT_PARALLEL);
	KUNIT_EXPECT_EQ(test, stream->rule.direct_rate, 1024U * 4 / 5);
	pure_set_mode(stream, PCRYPT_DIRECT);
	stream->rule.busy_ns = 0;
	pure_set_mode(stream, PCRYPT_PARALLEL);
	KUNIT_EXPECT_EQ(test, stream->rule.direct_rate, PCRYPT_RATE_UNKNOWN);
	pure_set_mode(stream, PCRYPT_DIRECT);
}

static void pure_end_parallel(struct pcrypt_stream *stream, u64 lasted)
{
	spin_lock_bh(&stream->lock);
	stream->rule.since = 0;
	stream->rule.result_at = 1;
	pcrypt_end_parallel(stream, 0, lasted);
	spin_unlock_bh(&stream->lock);
}

static void wait_doubles_where_parallel_does_not_pay(struct kunit *test)
{
	static const unsigned int waits[] = { 200, 400, 800, 1600, 3200, 6400, 12800, 12800 };
	struct pcrypt_stream *stream = pure_stream(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		pure_set_mode(stream, PCRYPT_PARALLEL);
		pure_end_parallel(stream, PURE_MS(PCRYPT_PAID_MS));
		KUNIT_EXPECT_EQ(test, stream->mode, PCRYPT_RETURNING);
		KUNIT_EXPECT_EQ(test, stream->rule.wait_ms, waits[i]);
	}
	pure_set_mode(stream, PCRYPT_PARALLEL);
	/* Time in which it could not end does not show that it has paid. */
	stream->rule.nr_bad = 1;
	stream->rule.direct_from = 1;
	pure_end_parallel(stream, PURE_MS(PCRYPT_PAID_MS) + 1);
	KUNIT_EXPECT_EQ(test, stream->rule.wait_ms, PCRYPT_WAIT_MAX_MS);
	pure_set_mode(stream, PCRYPT_PARALLEL);
	stream->rule.nr_bad = 1;
	pure_end_parallel(stream, PURE_MS(PCRYPT_PAID_MS) + 2);
	KUNIT_EXPECT_EQ(test, stream->rule.wait_ms, PCRYPT_WAIT_MIN_MS);
	/* Nor does a pause in a trial in which no window has paid. */
	pure_set_mode(stream, PCRYPT_PARALLEL);
	stream->rule.nr_windows = PCRYPT_TRIAL_WINDOWS;
	stream->rule.nr_bad = PCRYPT_TRIAL_WINDOWS;
	pure_end_parallel(stream, PURE_MS(PCRYPT_PAID_MS) + 2);
	KUNIT_EXPECT_EQ(test, stream->rule.wait_ms, 2 * PCRYPT_WAIT_MIN_MS);
}

/* Nothing has come out: that is no reason to try again soon. */
static void wait_doubles_without_a_result(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);
	struct pcrypt_rule *rule = &stream->rule;

	rule->wait_ms = 200;
	pure_set_mode(stream, PCRYPT_PARALLEL);
	local_bh_disable();
	pcrypt_look_at_rate(stream, 0, 1 + PCRYPT_UNSETTLED_NS);
	KUNIT_EXPECT_EQ(test, stream->mode, PCRYPT_PARALLEL);
	pcrypt_look_at_rate(stream, 0, 2 + PCRYPT_UNSETTLED_NS);
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, stream->mode, PCRYPT_RETURNING);
	KUNIT_EXPECT_EQ(test, rule->wait_ms, 400U);
}

/* Results that had waited take their time; the user is not to blame. */
static void trial_waits_for_results_that_do_not_count(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);
	struct pcrypt_rule *rule = &stream->rule;

	pure_set_mode(stream, PCRYPT_PARALLEL);
	rule->result_at = 1;
	rule->skip = 1;
	local_bh_disable();
	pcrypt_look_at_rate(stream, 0, 2 + PCRYPT_TRIAL_MAX_NS);
	KUNIT_EXPECT_EQ(test, stream->mode, PCRYPT_PARALLEL);
	rule->skip = 0;
	pcrypt_look_at_rate(stream, 0, 1 + PCRYPT_TRIAL_MAX_NS);
	KUNIT_EXPECT_EQ(test, stream->mode, PCRYPT_PARALLEL);
	pcrypt_look_at_rate(stream, 0, 2 + PCRYPT_TRIAL_MAX_NS);
	KUNIT_EXPECT_EQ(test, stream->mode, PCRYPT_RETURNING);
	local_bh_enable();
}

/* A window of @ns in which the work of @percent of that time was done; moves time on. */
static bool pure_window(struct pcrypt_rule *rule, u64 ns, unsigned int percent)
{
	rule->done_ns = ns * percent / 100;
	return pcrypt_judge(rule, false, rule->window_since + ns);
}

/* The same, but the work was done in @busy, and nothing is in flight since then. */
static bool pure_pause(struct pcrypt_rule *rule, u64 busy, unsigned int percent, u64 pause)
{
	rule->nr_done = 2;
	rule->done_ns = busy * percent / 100;
	rule->result_at = rule->window_since + busy;
	return pcrypt_judge(rule, true, rule->result_at + pause);
}

/* The load may be another one than when direct mode was measured. */
static void direct_mode_is_compared_anew(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);
	struct pcrypt_rule *rule = &stream->rule;
	u64 paid = PURE_MS(PCRYPT_PAID_MS);
	unsigned int i;

	pure_set_mode(stream, PCRYPT_PARALLEL);
	rule->since = 0;
	rule->nr_low = PCRYPT_BAD_WINDOWS;
	KUNIT_EXPECT_FALSE(test, pcrypt_is_to_compare(rule, paid));
	KUNIT_EXPECT_TRUE(test, pcrypt_is_to_compare(rule, paid + 1));
	rule->nr_low--;
	KUNIT_EXPECT_FALSE(test, pcrypt_is_to_compare(rule, paid + 1));
	/* At the end of a window, though that was better than direct mode. */
	rule->direct_rate = 512;
	rule->nr_windows = 1;
	rule->window_since = paid - PCRYPT_WINDOW_NS;
	KUNIT_EXPECT_FALSE(test, pure_window(rule, PCRYPT_WINDOW_NS, 90));
	KUNIT_EXPECT_TRUE(test, pure_window(rule, PCRYPT_WINDOW_NS + 1, 90));
	/* Windows with more work count against those with less, one by one. */
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_FALSE(test, pure_window(rule, PCRYPT_WINDOW_NS + 1, 110));
	KUNIT_EXPECT_FALSE(test, pure_window(rule, PCRYPT_WINDOW_NS + 1, 90));
	KUNIT_EXPECT_TRUE(test, pure_window(rule, PCRYPT_WINDOW_NS + 1, 90));
	for (i = 0; i < PCRYPT_BAD_WINDOWS; i++)
		KUNIT_EXPECT_FALSE(test, pure_window(rule, PCRYPT_WINDOW_NS + 1, 110));
	for (i = 0; i < 2 * PCRYPT_BAD_WINDOWS; i++)
		KUNIT_EXPECT_FALSE(test, pure_window(rule, PCRYPT_WINDOW_NS + 1, i % 2 ? 110 : 90));
	/* Those of long ago do not count. */
	rule->since = rule->window_since;
	for (i = 0; i < 200; i++)
		KUNIT_EXPECT_FALSE(test, pure_window(rule, PCRYPT_WINDOW_NS + 1, 90));
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_FALSE(test, pure_window(rule, PCRYPT_WINDOW_NS + 1, 110));
	/* It is tried again as soon as direct mode was measured. */
	rule->wait_ms = 800;
	rule->nr_windows = 1;
	pure_end_parallel(stream, paid + 1);
	KUNIT_EXPECT_EQ(test, rule->wait_ms, PCRYPT_WAIT_FIRST_MS);
}

static void window_ends_by_its_length(struct kunit *test)
{
	struct pcrypt_rule rule = { .direct_rate = 1000, .rate = 1000 };

	KUNIT_EXPECT_FALSE(test, pcrypt_window_is_over(&rule, PCRYPT_TRIAL_NS));
	KUNIT_EXPECT_TRUE(test, pcrypt_window_is_over(&rule, PCRYPT_TRIAL_NS + 1));
	rule.nr_windows = 1;
	KUNIT_EXPECT_FALSE(test, pcrypt_window_is_over(&rule, PCRYPT_WINDOW_NS));
	KUNIT_EXPECT_TRUE(test, pcrypt_window_is_over(&rule, PCRYPT_WINDOW_NS + 1));
}

static void bad_trial_ends_early(struct kunit *test)
{
	struct pcrypt_rule rule = { .direct_rate = 1000, .rate = 749 };

	KUNIT_EXPECT_FALSE(test, pcrypt_window_is_over(&rule, PCRYPT_TRIAL_LEAST_NS));
	KUNIT_EXPECT_TRUE(test, pcrypt_window_is_over(&rule, PCRYPT_TRIAL_LEAST_NS + 1));
	rule.rate = 750;
	KUNIT_EXPECT_FALSE(test, pcrypt_window_is_over(&rule, PCRYPT_TRIAL_LEAST_NS + 1));
	/* A window after the trial does not. */
	rule.rate = 0;
	rule.nr_windows = 1;
	KUNIT_EXPECT_FALSE(test, pcrypt_window_is_over(&rule, PCRYPT_TRIAL_LEAST_NS + 1));
}

static void judge_ends_a_trial_that_does_not_pay(struct kunit *test)
{
	struct pcrypt_rule rule = { .direct_rate = 1024, .window_since = 1 };

	/* It has to be faster by a 16th, in the second window at the latest. */
	KUNIT_EXPECT_FALSE(test, pure_window(&rule, PCRYPT_TRIAL_NS + 1, 106));
	KUNIT_EXPECT_TRUE(test, pure_window(&rule, PCRYPT_WINDOW_NS + 1, 106));
	rule = (struct pcrypt_rule){ .direct_rate = 1024, .window_since = 1 };
	KUNIT_EXPECT_FALSE(test, pure_window(&rule, PCRYPT_TRIAL_NS + 1, 107));
	KUNIT_EXPECT_EQ(test, rule.nr_windows, 1U);
	KUNIT_EXPECT_EQ(test, rule.done_ns, 0ULL);
	KUNIT_EXPECT_EQ(test, rule.window_since, PCRYPT_TRIAL_NS + 2);
}

/* A trial begins with CPUs that wake up: one that is no worse than direct mode goes on. */
static void judge_gives_a_trial_a_second_window(struct kunit *test)
{
	struct pcrypt_rule rule = { .direct_rate = 1024, .window_since = 1 };
	unsigned int i;

	KUNIT_EXPECT_FALSE(test, pure_window(&rule, PCRYPT_TRIAL_NS + 1, 76));
	KUNIT_EXPECT_FALSE(test, pure_window(&rule, PCRYPT_WINDOW_NS + 1, 107));
	/* From here on it has the patience of a mode that has paid. */
	for (i = 1; i < PCRYPT_BAD_WINDOWS; i++)
		KUNIT_EXPECT_FALSE(test, pure_window(&rule, PCRYPT_WINDOW_NS + 1, 20));
	KUNIT_EXPECT_TRUE(test, pure_window(&rule, PCRYPT_WINDOW_NS + 1, 20));
	/* One that is clearly worse does not go on, in either window. */
	rule = (struct pcrypt_rule){ .direct_rate = 1024, .window_since = 1 };
	KUNIT_EXPECT_TRUE(test, pure_window(&rule, PCRYPT_TRIAL_NS + 1, 74));
}

static void judge_ends_after_bad_windows_in_a_row(struct kunit *test)
{
	struct pcrypt_rule rule = { .direct_rate = 1024, .window_since = 1 };
	u64 ns = PCRYPT_WINDOW_NS + 1;
	unsigned int i;

	KUNIT_EXPECT_FALSE(test, pure_window(&rule, ns, 200));
	for (i = 1; i < PCRYPT_BAD_WINDOWS; i++)
		KUNIT_EXPECT_FALSE(test, pure_window(&rule, ns, 90));
	KUNIT_EXPECT_FALSE(test, pure_window(&rule, ns, 200));
	for (i = 1; i < PCRYPT_BAD_WINDOWS; i++)
		KUNIT_EXPECT_FALSE(test, pure_window(&rule, ns, 90));
	KUNIT_EXPECT_TRUE(test, pure_window(&rule, ns, 90));
}

static void judge_waits_for_the_end_of_a_window(struct kunit *test)
{
	struct pcrypt_rule rule = { .direct_rate = 1024, .window_since = 1 };

	rule.nr_windows = 1;
	rule.nr_bad = PCRYPT_BAD_WINDOWS;
	KUNIT_EXPECT_FALSE(test, pure_window(&rule, PCRYPT_WINDOW_NS, 0));
	KUNIT_EXPECT_EQ(test, rule.nr_windows, 1U);
	KUNIT_EXPECT_EQ(test, rule.window_since, 1ULL);
}

/* Work and pause by turns, for as long as the user likes. */
static void pauses_do_not_end_what_pays(struct kunit *test)
{
	struct pcrypt_rule rule = { .direct_rate = 1024, .window_since = 1 };
	u64 busy = PCRYPT_TRIAL_LEAST_NS + 1;
	u64 before;
	int i;

	/* In the trial, too. */
	for (i = 0; i <= PCRYPT_BAD_WINDOWS; i++) {
		before = rule.window_since;
		KUNIT_EXPECT_FALSE(test, pure_pause(&rule, busy, 150, PURE_MS(100)));
		KUNIT_EXPECT_EQ(test, rule.nr_windows, i + 1U);
		KUNIT_EXPECT_EQ(test, rule.nr_bad + rule.nr_low, 0U);
		KUNIT_EXPECT_EQ(test, rule.rate, 1024U * 3 / 2 - 1);
		KUNIT_EXPECT_EQ(test, rule.done_ns, 0ULL);
		/* The next one begins where the pause ends. */
		KUNIT_EXPECT_EQ(test, rule.window_since - before, busy + PURE_MS(100));
	}
	/* What does not pay between pauses is found out all the same. */
	for (i = 1; i < PCRYPT_BAD_WINDOWS; i++)
		KUNIT_EXPECT_FALSE(test, pure_pause(&rule, busy, 90, PURE_MS(100)));
	KUNIT_EXPECT_TRUE(test, pure_pause(&rule, busy, 90, PURE_MS(100)));
}

static void requests_one_by_one_end_parallel_mode(struct kunit *test)
{
	struct pcrypt_rule rule = { .direct_rate = 1024, .window_since = 1, .nr_windows = 1 };
	u64 busy = PCRYPT_TRIAL_LEAST_NS;
	int i;

	for (i = 1; i < PCRYPT_BAD_WINDOWS; i++)
		KUNIT_EXPECT_FALSE(test, pure_pause(&rule, busy, 150, PURE_MS(100)));
	KUNIT_EXPECT_TRUE(test, pure_pause(&rule, busy, 150, PURE_MS(100)));
	/* Long ones, too, whatever is believed to be the work of one. */
	rule = (struct pcrypt_rule){ .direct_rate = 1024, .window_since = 1, .nr_windows = 1 };
	for (i = 1; i <= PCRYPT_BAD_WINDOWS; i++) {
		rule.nr_done = 1;
		rule.done_ns = PURE_MS(2);
		rule.result_at = rule.window_since + PURE_MS(1);
		KUNIT_EXPECT_EQ(test, pcrypt_judge(&rule, true, rule.result_at + PURE_MS(15)),
				i == PCRYPT_BAD_WINDOWS);
	}
}

/* The results before the pause were those that do not count. */
static void window_begins_after_a_pause(struct kunit *test)
{
	struct pcrypt_rule rule = { .direct_rate = 1024, .window_since = 1 };

	KUNIT_EXPECT_FALSE(test, pcrypt_judge(&rule, true, PURE_MS(100)));
	KUNIT_EXPECT_EQ(test, rule.nr_windows, 0U);
	KUNIT_EXPECT_EQ(test, rule.window_since, PURE_MS(100));
	/* With one in flight that is no pause. */
	KUNIT_EXPECT_TRUE(test, pcrypt_judge(&rule, false, PURE_MS(200)));
	/* Nor with one that counts. */
	rule = (struct pcrypt_rule){ .direct_rate = 1024, .window_since = 1, .nr_done = 1 };
	KUNIT_EXPECT_TRUE(test, pcrypt_judge(&rule, true, PURE_MS(100)));
	KUNIT_EXPECT_EQ(test, rule.nr_done, 0U);
}

/* What the mode itself makes a submitter wait for is part of the window. */
static void short_pauses_count(struct kunit *test)
{
	struct pcrypt_rule rule = { .direct_rate = 1024, .window_since = 1, .nr_windows = 1 };

	KUNIT_EXPECT_FALSE(test, pure_pause(&rule, PURE_MS(3), 150, PCRYPT_PAUSE_NS));
	KUNIT_EXPECT_EQ(test, rule.nr_bad, 1U);
	KUNIT_EXPECT_FALSE(test, pure_pause(&rule, PURE_MS(3), 150, PCRYPT_PAUSE_NS + 1));
	KUNIT_EXPECT_EQ(test, rule.nr_bad, 0U);
	/* So is time in which a result is waited for. */
	rule.done_ns = PURE_MS(4);
	rule.result_at = rule.window_since + PURE_MS(3);
	KUNIT_EXPECT_FALSE(test, pcrypt_judge(&rule, false, rule.result_at + PURE_MS(100)));
	KUNIT_EXPECT_EQ(test, rule.nr_bad, 1U);
}

/* They had waited for the first one. */
static void results_of_the_change_do_not_count(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);
	struct pcrypt_rule *rule = &stream->rule;
	u64 first;
	int i;

	/* As pcrypt_leave() leaves it, the first one not among them. */
	stream->in_flight = 3;
	pcrypt_count_result(stream, 1000);
	first = rule->result_at;
	udelay(1);
	for (i = 0; i < 2; i++)
		pcrypt_count_result(stream, 1000);
	KUNIT_EXPECT_EQ(test, rule->done_ns, 0ULL);
	KUNIT_EXPECT_EQ(test, rule->window_since, 0ULL);
	/* The time in which one that counts has to come begins with the last of them. */
	KUNIT_EXPECT_NE(test, rule->result_at, first);
	pcrypt_count_result(stream, 1000);
	first = rule->result_at;
	pcrypt_count_result(stream, 500);
	KUNIT_EXPECT_EQ(test, rule->done_ns, 500ULL);
	KUNIT_EXPECT_EQ(test, rule->nr_done, 1U);
	KUNIT_EXPECT_NE(test, rule->window_since, 0ULL);
	/* From the last one in flight on the load may pause. */
	KUNIT_EXPECT_EQ(test, rule->result_at, first);
	stream->in_flight = 0;
	udelay(1);
	pcrypt_count_result(stream, 500);
	KUNIT_EXPECT_GT(test, rule->result_at, rule->window_since);
}

/* Every timed request is one of a pair, and the gap is that between both. */
static void direct_requests_are_timed_in_pairs(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);
	struct pcrypt_rule *rule = &stream->rule;
	u64 at;

	*rule = (struct pcrypt_rule){ };
	migrate_disable();
	pcrypt_forget_direct();
	pcrypt_note_direct(stream, PCRYPT_ENCRYPT, PURE_GEN, 64, 10000, 12000);
	KUNIT_EXPECT_EQ(test, rule->nr_samples, 0U);
	KUNIT_EXPECT_EQ(test, rule->child_ns[1], 2000U);
	KUNIT_EXPECT_EQ(test, raw_cpu_read(pcrypt_countdown), 1);
	KUNIT_EXPECT_EQ(test, stream->quick, PURE_GEN);
	pcrypt_note_direct(stream, PCRYPT_ENCRYPT, PURE_GEN, 64, 12500, 14500);
	KUNIT_EXPECT_EQ(test, rule->nr_samples, 1U);
	KUNIT_EXPECT_EQ(test, rule->gap_ns, 500U);
	KUNIT_EXPECT_EQ(test, rule->busy_ns, 2000U);
	KUNIT_EXPECT_GT(test, raw_cpu_read(pcrypt_countdown), 1);
	KUNIT_EXPECT_EQ(test, raw_cpu_read(pcrypt_pair_end), 14500ULL);
	/* The next one is the first of a pair again. */
	pcrypt_note_direct(stream, PCRYPT_ENCRYPT, PURE_GEN, 64, 90000, 92000);
	KUNIT_EXPECT_EQ(test, rule->nr_samples, 1U);
	KUNIT_EXPECT_EQ(test, rule->gap_ns, 500U);
	/* A task that was switched out in between has no gap. */
	pcrypt_forget_direct();
	pcrypt_note_direct(stream, PCRYPT_ENCRYPT, PURE_GEN, 64, 99000, 101000);
	KUNIT_EXPECT_EQ(test, rule->nr_samples, 1U);
	/* A CPU that is less busy makes no mean, and forgets the one before. */
	KUNIT_EXPECT_EQ(test, rule->nr_samples, 1U);
	pcrypt_forget_direct();
	rule->tried_ns = 7;
	for (at = 110000; at < 4000000; at += 100000) {
		pcrypt_note_direct(stream, PCRYPT_ENCRYPT, PURE_GEN, 64, at, at + 2000);
		pcrypt_note_direct(stream, PCRYPT_ENCRYPT, PURE_GEN, 64, at + 22000, at + 24000);
	}
	KUNIT_EXPECT_GE(test, rule->gap_ns, rule->busy_ns);
	KUNIT_EXPECT_EQ(test, rule->nr_samples, 0U);
	KUNIT_EXPECT_EQ(test, rule->tried_ns, 0U);
	pcrypt_forget_direct();
	migrate_enable();
}

/* A pair has ended at @end; the task stays on the CPU until @n requests later. */
static void pure_note_period(struct pcrypt_rule *rule, u64 end, int n, u64 start)
{
	preempt_disable();
	pcrypt_begin_period(end);
	pcrypt_note_period(rule, n, start);
	preempt_enable();
}

/* The quick ones between two pairs, and the gaps between them, without what timing costs. */
static void period_is_of_those_between_two_pairs(struct kunit *test)
{
	struct pcrypt_rule rule = { .busy_ns = 200 };

	/* Nine that were quick, each of 200, and ten gaps of 50. */
	pure_note_period(&rule, 10000, 10, 12300);
	KUNIT_EXPECT_EQ(test, rule.period_ns, 250U);
	pure_note_period(&rule, 10000, PCRYPT_MIN_PERIODS, 10000 + 4 * 330 - 200);
	KUNIT_EXPECT_EQ(test, rule.period_ns, 250U - 250 / 8 + 330 / 8);
	/* The second of a pair is none. */
	preempt_disable();
	pcrypt_begin_period(10000);
	pcrypt_note_period(&rule, 1, 10100);
	rule.period_ns = 0;
	pcrypt_note_period(&rule, 10, 12300);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, rule.period_ns, 0U);
}

static void period_is_not_known(struct kunit *test)
{
	struct pcrypt_rule rule = { .busy_ns = 200 };

	/* Too few, a clock that went back, no pair before. */
	pure_note_period(&rule, 10000, PCRYPT_MIN_PERIODS - 1, 12300);
	KUNIT_EXPECT_EQ(test, rule.period_ns, 0U);
	pure_note_period(&rule, 10000, 10, 9999);
	KUNIT_EXPECT_EQ(test, rule.period_ns, 0U);
	pure_note_period(&rule, 0, 10, 12300);
	KUNIT_EXPECT_EQ(test, rule.period_ns, 0U);
	/* Another task has had the CPU, or what is timed was not quick. */
	preempt_disable();
	pcrypt_begin_period(10000);
	raw_cpu_write(pcrypt_pair_turn, pcrypt_turn() - 1);
	pcrypt_note_period(&rule, 10, 12300);
	pcrypt_begin_period(10000);
	pcrypt_forget_direct();
	pcrypt_note_period(&rule, 10, 12300);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, rule.period_ns, 0U);
	/* A stream that is new to the CPU. */
	rule.busy_ns = 0;
	pure_note_period(&rule, 10000, 10, 12300);
	KUNIT_EXPECT_EQ(test, rule.period_ns, 0U);
}

/* An encryption of a transform of its own, in direct mode. */
static struct pcrypt_request *pure_direct_request(struct kunit *test)
{
	struct pcrypt_request *preq = pure_request(test, 0);
	struct pcrypt_stream *stream;

	preq->req->tfm = kunit_kzalloc(test, sizeof(struct crypto_tfm) + sizeof(struct pcrypt_tfm),
				       GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, preq->req->tfm);
	/* The child, which is no more than an algorithm. */
	preq->req->tfm->__crt_alg = &pure_alg.base;
	preq->aead_creq.base.tfm = preq->req->tfm;
	stream = pcrypt_stream_of(preq);
	spin_lock_init(&stream->lock);
	stream->rule = pure_rule();
	/* It is quick, and stays so. */
	stream->quick = PURE_GEN;
	return preq;
}

/* As one that ends the countdown: the tenth since a pair, which ended 200 us ago. */
static void timed_request_notes_the_period(struct kunit *test)
{
	struct pcrypt_request *preq = pure_direct_request(test);
	struct pcrypt_stream *stream = pcrypt_stream_of(preq);

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, pure_forget_modes, NULL));
	preempt_disable();
	pcrypt_forget_direct();
	pcrypt_count_down(10);
	raw_cpu_write(pcrypt_countdown, 0);
	pcrypt_begin_period(local_clock() - 200000);
	pcrypt_run_timed(preq, PURE_GEN, 64);
	pcrypt_forget_direct();
	preempt_enable();
	KUNIT_EXPECT_EQ(test, atomic_long_read(&stream->nr_direct), 10L);
	KUNIT_EXPECT_GE(test, stream->rule.period_ns, (200000 + pure_rule().busy_ns) / 10);
}

/*
 * Or many that cost nothing, or in which little is encrypted, would let a long one into a
 * worker.
 */
static void not_each_request_is_a_measure(struct kunit *test)
{
	struct pcrypt_request *preq = pure_direct_request(test);
	struct pcrypt_stream *stream = pcrypt_stream_of(preq);
	static const struct {
		int err;
		unsigned int assoclen;
		unsigned int len;
		bool measured;
	} rows[] = {
		{ 0, 0, PCRYPT_MEASURED_BYTES, true }, { 0, 0, PCRYPT_MEASURED_BYTES - 1, false },
		{ -EINVAL, 0, PCRYPT_MEASURED_BYTES, false }, { -EBADMSG, 0, 100000, false },
		{ 0, 1024, 8192, true }, { 0, 1025, 8192, false }, { 0, 8192, 8192, false },
	};
	int i;

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, pure_forget_modes, NULL));
	preq->req->flags = CRYPTO_TFM_REQ_MAY_SLEEP;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		pure_err = rows[i].err;
		preq->aead_creq.assoclen = rows[i].assoclen;
		stream->ns_per_kib = 0;
		preempt_disable();
		pcrypt_run_timed(preq, PURE_GEN, rows[i].len);
		pcrypt_forget_direct();
		preempt_enable();
		KUNIT_EXPECT_EQ(test, !!stream->ns_per_kib, rows[i].measured);
		pcrypt_prepare_job(preq, rows[i].len);
		KUNIT_EXPECT_EQ(test, !!preq->measured_len, rows[i].err || rows[i].measured);
		if (!preq->measured_len)
			continue;
		stream->ns_per_kib = 0;
		preempt_disable();
		pcrypt_run_measured(preq);
		preempt_enable();
		KUNIT_EXPECT_EQ(test, !!stream->ns_per_kib, rows[i].measured);
	}
	pure_err = 0;
	/* There are other fields in an skcipher's request. */
	preq->kind = PCRYPT_SKCIPHER;
	preq->aead_creq.assoclen = UINT_MAX;
	KUNIT_EXPECT_TRUE(test, pcrypt_is_measure(preq, PCRYPT_MEASURED_BYTES));
	KUNIT_EXPECT_FALSE(test, pcrypt_is_measure(preq, PCRYPT_MEASURED_BYTES - 1));
}

/* A worker that has to be woken is the price of a load with pauses. */
static void handover_of_idle_stream_is_a_bound(struct kunit *test)
{
	u32 *least = &pcrypt_modes[PCRYPT_DECRYPT].handover_ns;

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, pure_forget_modes, NULL));
	/* Parallel mode is tried while none is known: it would not be, by one that is too long. */
	pcrypt_note_handover(PCRYPT_DECRYPT, 20000, true);
	KUNIT_EXPECT_EQ(test, *least, 0U);
	*least = 640;
	pcrypt_note_handover(PCRYPT_DECRYPT, 20000, true);
	KUNIT_EXPECT_EQ(test, *least, 640U);
	pcrypt_note_handover(PCRYPT_DECRYPT, 20000, false);
	KUNIT_EXPECT_EQ(test, *least, 650U);
	pcrypt_note_handover(PCRYPT_DECRYPT, 320, true);
	KUNIT_EXPECT_EQ(test, *least, 320U);
}

/* Timing makes gaps longer, pauses and other streams the period. */
static void direct_rate_by_the_shorter_one(struct kunit *test)
{
	static const struct {
		u32 busy_ns, gap_ns, period_ns, rate;
	} rows[] = {
		{ 200, 200, 0, 512 },
		{ 200, 200, 401, 512 },
		{ 200, 200, 250, 1024 * 4 / 5 },
		{ 200, 200, 200, 1024 },
		/* Shorter than the request, by what timing adds to it, or of others. */
		{ 200, 200, 175, 1024 * 8 / 7 },
		{ 200, 200, 20, 1024 * 200 / (200 - PCRYPT_TIMING_NS) },
		{ 100, 200, 20, 1024 * 2 },
		{ 10000, 200, 20, 1024 * 10000 / (10000 - PCRYPT_TIMING_NS) },
		{ 0, 200, 20, PCRYPT_RATE_UNKNOWN },
	};
	struct pcrypt_rule rule = { };
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		rule.busy_ns = rows[i].busy_ns;
		rule.gap_ns = rows[i].gap_ns;
		rule.period_ns = rows[i].period_ns;
		KUNIT_EXPECT_EQ(test, pcrypt_direct_rate(&rule), rows[i].rate);
	}
}

/* The mode may have changed while the request was done. */
static void not_quick_in_other_modes(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);

	stream->mode = PCRYPT_PARALLEL;
	pcrypt_note_direct(stream, PCRYPT_ENCRYPT, PURE_GEN, 64, 10000, 12000);
	KUNIT_EXPECT_EQ(test, stream->quick, 0U);
	/* Or the policy, after it was looked at. */
	stream->mode = PCRYPT_DIRECT;
	pcrypt_note_direct(stream, PCRYPT_ENCRYPT, PURE_GEN - 2, 64, 10000, 12000);
	KUNIT_EXPECT_NE(test, stream->quick, PURE_GEN);
}

/* A stream that finds no gap to return in is not to be between two modes for long. */
static void give_up_returning_for_a_while(struct kunit *test)
{
	u64 end = PURE_MS(1000) + PURE_MS(PCRYPT_RETURN_MS);
	struct pcrypt_stream *stream = pure_stream(test);
	struct pcrypt_rule *rule = &stream->rule;

	rule->wait_ms = 400;
	spin_lock_bh(&stream->lock);
	pcrypt_set_mode(stream, 0, PCRYPT_RETURNING, PURE_MS(1000));
	/* A user that waits for each request has nothing in flight here. */
	pcrypt_give_up_returning(stream, 0, end);
	KUNIT_EXPECT_EQ(test, stream->mode, PCRYPT_RETURNING);
	pcrypt_give_up_returning(stream, 0, end + 1);
	KUNIT_EXPECT_EQ(test, stream->mode, PCRYPT_PARALLEL);
	KUNIT_EXPECT_EQ(test, rule->direct_from, end + 1 + PURE_MS(400));
	KUNIT_EXPECT_TRUE(test, rule->gave_up);
	/* A window that is bad enough, with half a CPU's rate, does not end it before. */
	rule->nr_bad = PCRYPT_BAD_WINDOWS;
	rule->nr_windows = 1;
	rule->window_since = 1;
	rule->done_ns = (end + PURE_MS(400)) / 2;
	stream->in_flight = 1;
	spin_unlock_bh(&stream->lock);
	local_bh_disable();
	pcrypt_look_at_rate(stream, 0, end + PURE_MS(400));
	KUNIT_EXPECT_EQ(test, stream->mode, PCRYPT_PARALLEL);
	pcrypt_look_at_rate(stream, 0, end + PURE_MS(400) + PCRYPT_WINDOW_NS + 2);
	KUNIT_EXPECT_EQ(test, stream->mode, PCRYPT_RETURNING);
	local_bh_enable();
	stream->in_flight = 0;
}

/*
 * The submitter waits for half of the time, not more, and not for each of its streams: the
 * callback CPU of many may be one that does not run.
 */
static void waits_have_a_budget(struct kunit *test)
{
	struct pcrypt_rule rule = { }, other = { };
	static const unsigned int waits[] = { 1000, 2000, 4000, 8000, 8000, 2000, 0 };
	u64 now = PURE_MS(1000);
	int i;

	migrate_disable();
	this_cpu_write(pcrypt_spin_since, 0);
	for (i = 0; i < ARRAY_SIZE(waits); i++)
		KUNIT_EXPECT_EQ(test, pcrypt_take_spin_us(&rule, now), waits[i]);
	now += PURE_MS(PCRYPT_RETURN_MS);
	KUNIT_EXPECT_EQ(test, pcrypt_take_spin_us(&rule, now), 0U);
	KUNIT_EXPECT_EQ(test, pcrypt_take_spin_us(&other, now), 0U);
	KUNIT_EXPECT_EQ(test, pcrypt_take_spin_us(&rule, now + 1), PCRYPT_SPIN_MAX_US);
	/* It has not waited yet. */
	KUNIT_EXPECT_EQ(test, pcrypt_take_spin_us(&other, now + 1), PCRYPT_SPIN_US);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, pcrypt_take_spin_us(&(struct pcrypt_rule){ }, now + 1),
				PCRYPT_SPIN_US);
	/* Of 25 ms 13 are left. */
	KUNIT_EXPECT_EQ(test, pcrypt_take_spin_us(&rule, now + 1), PCRYPT_SPIN_MAX_US);
	KUNIT_EXPECT_EQ(test, pcrypt_take_spin_us(&rule, now + 1), 5000U);
	migrate_enable();
}

/* A new mode begins with short waits. */
static void waits_are_short_at_first(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);

	migrate_disable();
	this_cpu_write(pcrypt_spin_since, 0);
	pure_set_mode(stream, PCRYPT_RETURNING);
	KUNIT_EXPECT_EQ(test, pcrypt_take_spin_us(&stream->rule, PURE_MS(1000)), PCRYPT_SPIN_US);
	pure_set_mode(stream, PCRYPT_PARALLEL);
	pure_set_mode(stream, PCRYPT_RETURNING);
	KUNIT_EXPECT_EQ(test, pcrypt_take_spin_us(&stream->rule, PURE_MS(1000)), PCRYPT_SPIN_US);
	migrate_enable();
	pure_set_mode(stream, PCRYPT_DIRECT);
}

/* The wait before the next attempt is not for a mode that is worse than attempts. */
static void much_too_slow_returns_at_once(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);
	struct pcrypt_rule *rule = &stream->rule;
	u64 end = PURE_MS(1000);

	rule->direct_rate = 1000;
	rule->rate = 249;
	rule->direct_from = end;
	rule->nr_bad = PCRYPT_BAD_WINDOWS;
	KUNIT_EXPECT_TRUE(test, pcrypt_may_return(stream, 1000));
	rule->nr_bad--;
	KUNIT_EXPECT_FALSE(test, pcrypt_may_return(stream, end - 1));
	KUNIT_EXPECT_TRUE(test, pcrypt_may_return(stream, end));
	rule->nr_bad++;
	rule->rate = 250;
	KUNIT_EXPECT_FALSE(test, pcrypt_may_return(stream, 1000));
	/* Each rate is bad then. */
	rule->direct_rate = PCRYPT_RATE_UNKNOWN;
	KUNIT_EXPECT_FALSE(test, pcrypt_may_return(stream, 1000));
	/* After a pause. */
	rule->gave_up = true;
	rule->result_at = end - 1 - PCRYPT_REST_NS;
	KUNIT_EXPECT_FALSE(test, pcrypt_may_return(stream, end - 1));
	rule->result_at--;
	KUNIT_EXPECT_TRUE(test, pcrypt_may_return(stream, end - 1));
}

/* A stream that returns, and has its callbacks on another CPU. */
static struct pcrypt_stream *pure_returning_stream(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);

	pure_may_go = false;
	stream->serial_cpu = nr_cpu_ids;
	stream->rule.here_ms = PCRYPT_HERE_MIN_MS;
	pure_set_mode(stream, PCRYPT_RETURNING);
	return stream;
}

static void submitter_waits_for_direct_mode(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_returning_stream(test);
	int i;

	/* A virtual CPU that does not run may miss all of a wait. */
	for (i = 0, pure_nr_asked = 0; i < 5 && pure_nr_asked <= 2; i++) {
		pure_nr_asked = 0;
		KUNIT_EXPECT_FALSE(test, pcrypt_go_direct(stream));
	}
	KUNIT_EXPECT_GT(test, pure_nr_asked, 2U);
	/* Direct mode that is for another CPU alone ends with a job, and not by itself. */
	pure_nr_asked = 0;
	stream->mode = PCRYPT_DIRECT;
	KUNIT_EXPECT_FALSE(test, pcrypt_go_direct(stream));
	KUNIT_EXPECT_EQ(test, pure_nr_asked, 1U);
	pure_may_go = true;
	KUNIT_EXPECT_TRUE(test, pcrypt_go_direct(stream));
	/* Not while the child may be late again. */
	stream->rule.direct_from = local_clock() + PURE_MS(10000);
	pure_shell_direct = false;
	KUNIT_EXPECT_FALSE(test, pcrypt_go_direct(stream));
	pure_shell_direct = true;
}

/* Requests that come one by one do not wait for the time of a load that is over. */
static void rested_stream_returns_early(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_returning_stream(test);
	struct pcrypt_rule *rule = &stream->rule;
	struct pcrypt_request *preq = kunit_kzalloc(test, sizeof(*preq), GFP_KERNEL);
	u64 rest = PCRYPT_REST_NS + 1, at = local_clock() + PURE_MS(100000);
	enum pcrypt_policy policy = pcrypt_policy;

	KUNIT_ASSERT_NOT_NULL(test, preq);
	pure_may_go = true;
	pure_shell_direct = false;
	rule->gave_up = true;
	rule->direct_from = at;
	/* No result so far. */
	KUNIT_EXPECT_FALSE(test, pcrypt_has_rested(stream, PURE_MS(1000)));
	rule->result_at = PURE_MS(1000);
	KUNIT_EXPECT_FALSE(test, pcrypt_has_rested(stream, PURE_MS(1000) + rest - 1));
	KUNIT_EXPECT_TRUE(test, pcrypt_has_rested(stream, PURE_MS(1000) + rest));
	rule->gave_up = false;
	KUNIT_EXPECT_FALSE(test, pcrypt_has_rested(stream, PURE_MS(2000)));
	rule->gave_up = true;
	stream->in_flight = 1;
	KUNIT_EXPECT_FALSE(test, pcrypt_has_rested(stream, PURE_MS(2000)));
	stream->in_flight = 0;
	rule->result_at = local_clock() - 2 * rest;
	KUNIT_EXPECT_TRUE(test, pcrypt_go_direct(stream));
	rule->result_at = at;
	KUNIT_EXPECT_FALSE(test, pcrypt_go_direct(stream));
	pure_may_go = false;
	rule->result_at = local_clock() - 2 * rest;
	pure_nr_asked = 0;
	KUNIT_EXPECT_FALSE(test, pcrypt_go_direct(stream));
	KUNIT_EXPECT_EQ(test, pure_nr_asked, 1U);
	/* The user says so. */
	pure_may_go = true;
	pcrypt_policy = PCRYPT_ALL_DIRECT;
	KUNIT_EXPECT_TRUE(test, pcrypt_go_direct(stream));
	rule->gave_up = false;
	KUNIT_EXPECT_FALSE(test, pcrypt_go_direct(stream));
	pcrypt_policy = policy;
	/* Only what leaves nothing in flight begins a pause. */
	rule->result_at = 0;
	pcrypt_note_rest(stream);
	KUNIT_EXPECT_EQ(test, rule->result_at, 0ULL);
	rule->gave_up = true;
	stream->in_flight = 1;
	pcrypt_note_rest(stream);
	KUNIT_EXPECT_EQ(test, rule->result_at, 0ULL);
	stream->in_flight = 0;
	pcrypt_note_rest(stream);
	KUNIT_EXPECT_NE(test, rule->result_at, 0ULL);
	rule->result_at = 0;
	stream->in_flight = 1;
	INIT_LIST_HEAD(&stream->backlog);
	INIT_LIST_HEAD(&preq->backlog);
	local_bh_disable();
	KUNIT_EXPECT_PTR_EQ(test, pcrypt_leave(stream, preq), NULL);
	local_bh_enable();
	KUNIT_EXPECT_NE(test, rule->result_at, 0ULL);
	pure_shell_direct = true;
	/* In direct mode all of that is over. */
	spin_lock_bh(&stream->lock);
	pcrypt_set_mode(stream, 0, PCRYPT_RETURNING, PURE_MS(1000));
	KUNIT_EXPECT_EQ(test, rule->direct_from, at);
	pcrypt_set_mode(stream, 0, PCRYPT_DIRECT, PURE_MS(1000));
	spin_unlock_bh(&stream->lock);
	KUNIT_EXPECT_EQ(test, rule->direct_from, PURE_MS(1000));
	KUNIT_EXPECT_FALSE(test, rule->gave_up);
}

static struct pcrypt_stream *pure_rivals_stream;

static void pure_rival_goes_direct(void)
{
	pure_set_mode(pure_rivals_stream, PCRYPT_DIRECT);
	pure_shell_direct = true;
}

/* A submitter that was refused does not take the stream from another one that was not. */
static void refused_submitter_leaves_direct_mode(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_returning_stream(test);

	pure_shell_direct = false;
	/* It is not to give up in between. */
	stream->rule.since = local_clock() + PURE_MS(100000);
	KUNIT_EXPECT_FALSE(test, pcrypt_try_return(stream, 0));
	KUNIT_EXPECT_EQ(test, (int)stream->mode, (int)PCRYPT_RETURNING);
	pure_rivals_stream = stream;
	pure_meanwhile = pure_rival_goes_direct;
	KUNIT_EXPECT_TRUE(test, pcrypt_try_return(stream, 0));
	pure_meanwhile = NULL;
	KUNIT_EXPECT_EQ(test, (int)stream->mode, (int)PCRYPT_DIRECT);
	/* A job has ended it. */
	pure_shell_direct = false;
	KUNIT_EXPECT_FALSE(test, pcrypt_try_return(stream, 0));
	KUNIT_EXPECT_EQ(test, (int)stream->mode, (int)PCRYPT_RETURNING);
	pure_shell_direct = true;
	pure_set_mode(stream, PCRYPT_DIRECT);
}

/* Many streams that return at the same time, as by a new mode, do not use it up. */
static void wait_costs_what_it_takes(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_returning_stream(test);
	unsigned int i, us;
	u64 begin;

	pure_may_go = true;
	migrate_disable();
	begin = local_clock();
	this_cpu_write(pcrypt_spin_since, begin);
	this_cpu_write(pcrypt_spin_left_us, PCRYPT_SPIN_ALL_US);
	/* A CPU that an emulator stops 25 times has waited for all of it. */
	for (i = 0; i < 100 && this_cpu_read(pcrypt_spin_left_us) >= PCRYPT_SPIN_US; i++) {
		stream->rule.spin_us = 0;
		KUNIT_EXPECT_TRUE(test, pcrypt_wait_direct(stream));
	}
	us = div_u64(local_clock() - begin, NSEC_PER_USEC);
	KUNIT_EXPECT_GE(test, this_cpu_read(pcrypt_spin_left_us) + us, PCRYPT_SPIN_ALL_US);
	migrate_enable();
}

/* Direct mode does not begin there, so each wait would be in vain. */
static void submitter_on_leaving_cpu_does_not_wait(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_returning_stream(test);

	pure_may_go = false;
	migrate_disable();
	this_cpu_write(pcrypt_spin_since, local_clock());
	this_cpu_write(pcrypt_spin_left_us, PCRYPT_SPIN_ALL_US);
	pure_nr_asked = 0;
	pure_cpu_active = false;
	KUNIT_EXPECT_FALSE(test, pcrypt_wait_direct(stream));
	pure_cpu_active = true;
	KUNIT_EXPECT_EQ(test, pure_nr_asked, 0U);
	KUNIT_EXPECT_EQ(test, this_cpu_read(pcrypt_spin_left_us), PCRYPT_SPIN_ALL_US);
	KUNIT_EXPECT_FALSE(test, pcrypt_wait_direct(stream));
	KUNIT_EXPECT_GE(test, pure_nr_asked, 1U);
	migrate_enable();
}

static void rest_of_wait_is_given_back(struct kunit *test)
{
	static const unsigned int all = PCRYPT_SPIN_ALL_US;
	u64 now;
	int cpu;

	migrate_disable();
	now = local_clock();
	cpu = smp_processor_id();
	/* No more than all: there was more in between. */
	this_cpu_write(pcrypt_spin_left_us, all);
	pcrypt_return_spin_us(1000000, cpu, now);
	KUNIT_EXPECT_EQ(test, this_cpu_read(pcrypt_spin_left_us), all);
	/* Of another CPU's. */
	this_cpu_write(pcrypt_spin_left_us, 5000);
	pcrypt_return_spin_us(1000000, cpu + 1, now);
	KUNIT_EXPECT_EQ(test, this_cpu_read(pcrypt_spin_left_us), 5000U);
	/* Nothing is left. */
	this_cpu_write(pcrypt_spin_left_us, 500);
	pcrypt_return_spin_us(1000, cpu, now - PURE_MS(2));
	KUNIT_EXPECT_EQ(test, this_cpu_read(pcrypt_spin_left_us), 500U);
	migrate_enable();
}

static void submitter_on_callback_cpu_does_not_wait(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_returning_stream(test);
	struct pcrypt_rule *rule = &stream->rule;

	local_bh_disable();
	stream->serial_cpu = smp_processor_id();
	rule->since = local_clock() + PURE_MS(10000);
	pure_nr_asked = 0;
	KUNIT_EXPECT_FALSE(test, pcrypt_go_direct(stream));
	KUNIT_EXPECT_EQ(test, pure_nr_asked, 1U);
	KUNIT_EXPECT_EQ(test, rule->here_ms, PCRYPT_HERE_MIN_MS);
	rule->since = 0;
	KUNIT_EXPECT_TRUE(test, pcrypt_go_direct(stream));
	KUNIT_EXPECT_EQ(test, rule->here_ms, PCRYPT_HERE_MIN_MS * 2);
	rule->here_ms = PCRYPT_WAIT_MIN_MS;
	KUNIT_EXPECT_TRUE(test, pcrypt_go_direct(stream));
	KUNIT_EXPECT_EQ(test, rule->here_ms, PCRYPT_WAIT_MIN_MS);
	local_bh_enable();
}

/* The submitter's CPU is asked for no more. */
static void trial_leaves_submitters_cpu(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);

	stream->cb_cpu = 77;
	stream->rule.here_ms = 64;
	local_bh_disable();
	pure_serial_cpu = smp_processor_id() + 1;
	KUNIT_EXPECT_TRUE(test, pcrypt_try_parallel(stream, 0, PURE_MS(1000)));
	KUNIT_EXPECT_EQ(test, stream->cb_cpu, 77);
	KUNIT_EXPECT_EQ(test, stream->rule.here_ms, PCRYPT_HERE_MIN_MS);
	pure_serial_cpu = smp_processor_id();
	stream->mode = PCRYPT_DIRECT;
	stream->rule = pure_rule();
	KUNIT_EXPECT_TRUE(test, pcrypt_try_parallel(stream, 0, PURE_MS(1000)));
	KUNIT_EXPECT_EQ(test, stream->cb_cpu, 0);
	stream->cb_cpu = 77;
	stream->mode = PCRYPT_RETURNING;
	stream->rule.since = 0;
	stream->rule.here_ms = 64;
	stream->rule.follows = true;
	stream->rule.wait_ms = PCRYPT_WAIT_MAX_MS;
	spin_lock(&stream->lock);
	pcrypt_give_up_returning(stream, 0, PURE_MS(1000));
	spin_unlock(&stream->lock);
	/* It leads now, so not for long. */
	KUNIT_EXPECT_EQ(test, stream->rule.direct_from, PURE_MS(1000 + PCRYPT_WAIT_MIN_MS));
	KUNIT_EXPECT_EQ(test, stream->cb_cpu, 0);
	KUNIT_EXPECT_FALSE(test, stream->rule.follows);
	KUNIT_EXPECT_EQ(test, stream->rule.here_ms, PCRYPT_HERE_MIN_MS);
	/* The next number is for the same CPU, the one after it is not. */
	pure_serial_if_odd = true;
	stream->cb_cpu = nr_cpu_ids % 2 ? nr_cpu_ids : nr_cpu_ids + 1;
	atomic_set(&pcrypt_next_cb_cpu[0], nr_cpu_ids % 2 ? 1 : 0);
	pcrypt_leave_cb_cpu(stream, 0);
	KUNIT_EXPECT_EQ(test, stream->cb_cpu, nr_cpu_ids + (nr_cpu_ids % 2 ? 3 : 2));
	local_bh_enable();
	pure_serial_if_odd = false;
	pure_serial_cpu = -1;
}

/* While a stream returns, and where others could not help, or must not. */
static void returning_requests_run_here(struct kunit *test)
{
	struct pcrypt_stream *stream = pure_stream(test);
	enum pcrypt_policy policy = pcrypt_policy;

	pcrypt_modes[0].handover_ns = 1000;
	stream->in_flight = 1;
	pure_set_mode(stream, PCRYPT_PARALLEL);
	KUNIT_EXPECT_FALSE(test, pcrypt_runs_here(stream, 0));
	pure_set_mode(stream, PCRYPT_RETURNING);
	KUNIT_EXPECT_TRUE(test, pcrypt_runs_here(stream, 0));
	/* The child was late. */
	stream->rule.direct_from = local_clock() + PURE_MS(100000);
	KUNIT_EXPECT_FALSE(test, pcrypt_runs_here(stream, 0));
	stream->in_flight = 0;
	KUNIT_EXPECT_TRUE(test, pcrypt_runs_here(stream, 0));
	stream->in_flight = 1;
	pcrypt_modes[0].handover_ns = 20000;
	KUNIT_EXPECT_TRUE(test, pcrypt_runs_here(stream, 0));
	pcrypt_modes[0].handover_ns = 1000;
	pcrypt_policy = PCRYPT_ALL_DIRECT;
	KUNIT_EXPECT_TRUE(test, pcrypt_runs_here(stream, 0));
	pcrypt_policy = policy;
}

/* Two CPUs have sent by turns for long; then one is left. */
static void senders_of_long_ago_forgotten(struct kunit *test)
{
	struct pcrypt_rule rule = { .busy_ns = 1000 };
	int i;

	migrate_disable();
	for (i = 0; i < 100000; i++) {
		if (i % 2)
			rule.sample_cpu = -1;
		pcrypt_note_gap(&rule, 1);
	}
	KUNIT_EXPECT_FALSE(test, pcrypt_limits_stream(&rule));
	for (i = 0; i < 2 * PCRYPT_MAX_SAMPLES; i++)
		pcrypt_note_gap(&rule, 1);
	migrate_enable();
	KUNIT_EXPECT_TRUE(test, pcrypt_limits_stream(&rule));
	KUNIT_EXPECT_LE(test, rule.nr_samples, PCRYPT_MAX_SAMPLES);
}

/* Several CPUs that send at the same time are not limited by one. */
static void limits_stream_not_of_several_cpus(struct kunit *test)
{
	struct pcrypt_rule rule = {
		.busy_ns = 1000, .gap_ns = 100, .nr_samples = PCRYPT_MIN_SAMPLES };

	rule.nr_moves = PCRYPT_MIN_SAMPLES / 4;
	KUNIT_EXPECT_TRUE(test, pcrypt_limits_stream(&rule));
	rule.nr_moves++;
	KUNIT_EXPECT_FALSE(test, pcrypt_limits_stream(&rule));
}

/* Half to three halves of what the mean time asks for. */
static void countdown_by_length(struct kunit *test)
{
	static const struct {
		u32 busy_ns;
		int every;
	} rows[] = {
		{ 0, PCRYPT_SAMPLE_MAX }, { 1, PCRYPT_SAMPLE_MAX }, { 41, PCRYPT_SAMPLE_MAX },
		{ 150, 331 }, { 251, 199 }, { 501, 99 }, { 5001, 9 }, { 12501, 4 }, { U32_MAX, 4 },
	};
	int i, n, least, most;
	u64 now;

	migrate_disable();
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		least = INT_MAX;
		most = 0;
		for (now = 0; now < 2 * PCRYPT_SAMPLE_MAX; now++) {
			pcrypt_count_down_from(rows[i].busy_ns, now);
			n = raw_cpu_read(pcrypt_countdown);
			least = min(least, n);
			most = max(most, n);
		}
		KUNIT_EXPECT_EQ(test, least, rows[i].every / 2);
		KUNIT_EXPECT_EQ(test, most, rows[i].every / 2 + rows[i].every - 1);
	}
	migrate_enable();
}

/* @left is what the countdown from ten had when the request came. */
static void direct_requests_counted(struct kunit *test)
{
	static const struct {
		int left, nr;
	} rows[] = { { 10, 1 }, { 9, 2 }, { 6, 5 }, { 1, 10 }, { 0, 10 }, { -1, 11 } };
	struct pcrypt_stream *stream = pure_stream(test);
	int i;

	migrate_disable();
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		pcrypt_count_down(10);
		raw_cpu_write(pcrypt_countdown, rows[i].left);
		KUNIT_EXPECT_EQ(test, rows[i].nr, pcrypt_count_direct(stream, PCRYPT_ENCRYPT));
	}
	/* Another one after the last, which was no quick one. */
	KUNIT_EXPECT_EQ(test, 1, pcrypt_count_direct(stream, PCRYPT_ENCRYPT));
	migrate_enable();
	KUNIT_EXPECT_EQ(test, 40L, atomic_long_read(&stream->nr_direct));
}

static void policy_is_obeyed(struct kunit *test)
{
	static const struct {
		enum pcrypt_policy policy;
		enum pcrypt_mode from, to;
	} rows[] = {
		{ PCRYPT_AUTO, PCRYPT_DIRECT, PCRYPT_DIRECT },
		{ PCRYPT_AUTO, PCRYPT_RETURNING, PCRYPT_RETURNING },
		{ PCRYPT_AUTO, PCRYPT_PARALLEL, PCRYPT_PARALLEL },
		{ PCRYPT_ALL_DIRECT, PCRYPT_DIRECT, PCRYPT_DIRECT },
		{ PCRYPT_ALL_DIRECT, PCRYPT_RETURNING, PCRYPT_RETURNING },
		{ PCRYPT_ALL_DIRECT, PCRYPT_PARALLEL, PCRYPT_RETURNING },
		{ PCRYPT_ALL_PARALLEL, PCRYPT_DIRECT, PCRYPT_PARALLEL },
		{ PCRYPT_ALL_PARALLEL, PCRYPT_RETURNING, PCRYPT_PARALLEL },
		{ PCRYPT_ALL_PARALLEL, PCRYPT_PARALLEL, PCRYPT_PARALLEL },
	};
	int i;

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, pure_restore_policy, NULL));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pcrypt_stream *stream = pure_stream(test);

		stream->mode = rows[i].from;
		pcrypt_policy = rows[i].policy;
		pcrypt_obey_policy(stream, 0);
		KUNIT_EXPECT_EQ_MSG(test, stream->mode, rows[i].to, "row %d", i);
	}
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
	KUNIT_CASE(note_cost_is_a_mean),
	KUNIT_CASE(note_cost_has_bounds),
	KUNIT_CASE(is_for_task_by_its_cost),
	KUNIT_CASE(is_for_task_only_where_it_may_sleep),
	KUNIT_CASE(class_doubles_from_64_bytes),
	KUNIT_CASE(fold_is_a_mean),
	KUNIT_CASE(fold_bounds_an_outlier),
	KUNIT_CASE(fold_has_bounds),
	KUNIT_CASE(work_ns_of_the_nearest_size),
	KUNIT_CASE(may_try_after_the_wait),
	KUNIT_CASE(may_try_another_load_soon),
	KUNIT_CASE(may_try_only_where_the_cpu_limits),
	KUNIT_CASE(may_try_only_above_the_cost_of_handing_over),
	KUNIT_CASE(try_parallel_only_if_allowed),
	KUNIT_CASE(try_parallel_not_twice),
	KUNIT_CASE(set_mode_counts_changes),
	KUNIT_CASE(encryption_follows),
	KUNIT_CASE(only_requests_of_softirqs_lead),
	KUNIT_CASE(job_leads_when_it_enters),
	KUNIT_CASE(accepted_request_leads),
	KUNIT_CASE(late_result_leads),
	KUNIT_CASE(stream_does_not_lead_itself),
	KUNIT_CASE(stream_does_not_follow_over_pause),
	KUNIT_CASE(stream_leads_after_long_pause),
	KUNIT_CASE(stream_follows_results),
	KUNIT_CASE(only_streams_that_need_it_follow),
	KUNIT_CASE(stream_follows_as_long_as_it_has_to),
	KUNIT_CASE(stream_that_may_follow_is_looked_at),
	KUNIT_CASE(stream_that_led_is_looked_at),
	KUNIT_CASE(senders_are_noted),
	KUNIT_CASE(set_mode_forgets_the_one_before),
	KUNIT_CASE(set_mode_notes_direct_rate),
	KUNIT_CASE(wait_doubles_where_parallel_does_not_pay),
	KUNIT_CASE(wait_doubles_without_a_result),
	KUNIT_CASE(trial_waits_for_results_that_do_not_count),
	KUNIT_CASE(direct_mode_is_compared_anew),
	KUNIT_CASE(window_ends_by_its_length),
	KUNIT_CASE(bad_trial_ends_early),
	KUNIT_CASE(judge_ends_a_trial_that_does_not_pay),
	KUNIT_CASE(judge_gives_a_trial_a_second_window),
	KUNIT_CASE(judge_ends_after_bad_windows_in_a_row),
	KUNIT_CASE(judge_waits_for_the_end_of_a_window),
	KUNIT_CASE(pauses_do_not_end_what_pays),
	KUNIT_CASE(requests_one_by_one_end_parallel_mode),
	KUNIT_CASE(window_begins_after_a_pause),
	KUNIT_CASE(short_pauses_count),
	KUNIT_CASE(results_of_the_change_do_not_count),
	KUNIT_CASE(direct_requests_are_timed_in_pairs),
	KUNIT_CASE(period_is_of_those_between_two_pairs),
	KUNIT_CASE(period_is_not_known),
	KUNIT_CASE(timed_request_notes_the_period),
	KUNIT_CASE(not_each_request_is_a_measure),
	KUNIT_CASE(handover_of_idle_stream_is_a_bound),
	KUNIT_CASE(direct_rate_by_the_shorter_one),
	KUNIT_CASE(not_quick_in_other_modes),
	KUNIT_CASE(waits_have_a_budget),
	KUNIT_CASE(waits_are_short_at_first),
	KUNIT_CASE(much_too_slow_returns_at_once),
	KUNIT_CASE(submitter_waits_for_direct_mode),
	KUNIT_CASE(rested_stream_returns_early),
	KUNIT_CASE(refused_submitter_leaves_direct_mode),
	KUNIT_CASE(wait_costs_what_it_takes),
	KUNIT_CASE(submitter_on_leaving_cpu_does_not_wait),
	KUNIT_CASE(rest_of_wait_is_given_back),
	KUNIT_CASE(submitter_on_callback_cpu_does_not_wait),
	KUNIT_CASE(trial_leaves_submitters_cpu),
	KUNIT_CASE(returning_requests_run_here),
	KUNIT_CASE(senders_of_long_ago_forgotten),
	KUNIT_CASE(limits_stream_not_of_several_cpus),
	KUNIT_CASE(give_up_returning_for_a_while),
	KUNIT_CASE(countdown_by_length),
	KUNIT_CASE(direct_requests_counted),
	KUNIT_CASE(policy_is_obeyed),
	{}
};

static struct kunit_suite pcrypt_pure_suite = {
	.name = "pcrypt_pure",
	.test_cases = pcrypt_pure_cases,
};

kunit_test_suite(pcrypt_pure_suite);

MODULE_DESCRIPTION("KUnit: functions of pcrypt that only read and compute");
MODULE_LICENSE("GPL");
