// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names: pcrypt(X) has the documented names, a second request finds it, it is not
 * preferred to X, and wrong names are refused.
 */
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/string.h>

#include "pcrypt_test.h"

#define ALGS_FILE	"/sys/module/pcrypt_mod/parameters/algs"

KUNIT_ARRAY_PARAM_DESC(alg, pt_algs, name);

/* A child of which each test may choose the names and the priority */

static int idle_setkey(struct crypto_aead *aead, const u8 *key, unsigned int keylen)
{
	return 0;
}

static int idle_crypt(struct aead_request *req)
{
	return 0;
}

static struct aead_alg idle_alg = {
	.setkey = idle_setkey,
	.encrypt = idle_crypt,
	.decrypt = idle_crypt,
	.ivsize = 16,
	.maxauthsize = 16,
	.base = {
		.cra_name = "padata-idle-test",
		.cra_blocksize = 1,
		.cra_module = THIS_MODULE,
	},
};

static void register_idle(struct kunit *test, const char *driver_name, int priority)
{
	strscpy(idle_alg.base.cra_driver_name, driver_name, CRYPTO_MAX_ALG_NAME);
	idle_alg.base.cra_priority = priority;
	pt_child_register(test, &idle_alg);
}

static int priority_of(const struct pt_tfm *tfm)
{
	return pt_base(tfm)->__crt_alg->cra_priority;
}

static struct crypto_alg *alg_of(const struct pt_tfm *tfm)
{
	return pt_base(tfm)->__crt_alg;
}

static const char *param_name(struct kunit *test)
{
	return ((const struct pt_alg *)test->param_value)->name;
}

static enum pt_kind param_kind(struct kunit *test)
{
	return ((const struct pt_alg *)test->param_value)->kind;
}

/* The parameter's cipher, and pcrypt over it. */
static struct pt_tfm *open_plain(struct kunit *test)
{
	return pt_open_as(test, param_kind(test), param_name(test));
}

static struct pt_tfm *open_ours(struct kunit *test)
{
	return pt_open_pcrypt_as(test, param_kind(test), param_name(test));
}

/* Expects that opening @name fails; with @err, unless that is 0. */
static void expect_refused_as(struct kunit *test, enum pt_kind kind, const char *name, int err)
{
	struct pt_tfm tfm = { .kind = kind, .handle = pt_tfm_alloc(kind, name) };
	int got = PTR_ERR_OR_ZERO(tfm.handle);

	pt_tfm_free(&tfm);
	if (err)
		KUNIT_EXPECT_EQ_MSG(test, got, err, "opening %s", name);
	else
		KUNIT_EXPECT_LT_MSG(test, got, 0, "opening %s", name);
}

static void expect_refused(struct kunit *test, const char *name, int err)
{
	expect_refused_as(test, PT_AEAD, name, err);
}

/* Names of instances */

static void open_driver_name_is_as_asked(struct kunit *test)
{
	const char *name = pt_pcrypt_name(test, param_name(test));

	KUNIT_EXPECT_STREQ(test, pt_driver_name(open_ours(test)), name);
}

/* For one cipher where a cipher makes no difference: a new name costs two modprobes. */
static void open_by_driver_name_is_as_asked(struct kunit *test)
{
	struct pt_tfm *plain = pt_open(test, "authenc(hmac(sha256),cbc(aes))");
	const char *name = pt_pcrypt_name(test, pt_driver_name(plain));

	KUNIT_EXPECT_STREQ(test, pt_driver_name(pt_open(test, name)), name);
}

static void open_generic_name_is_childs(struct kunit *test)
{
	struct pt_tfm *plain = open_plain(test);
	struct pt_tfm *ours = open_ours(test);

	KUNIT_EXPECT_STREQ(test, alg_of(ours)->cra_name, alg_of(plain)->cra_name);
}

static void open_is_asynchronous(struct kunit *test)
{
	struct pt_tfm *ours = open_ours(test);

	KUNIT_EXPECT_TRUE(test, alg_of(ours)->cra_flags & CRYPTO_ALG_ASYNC);
}

static void open_for_synchronous_use_refused(struct kunit *test)
{
	struct crypto_aead *aead = crypto_alloc_aead("pcrypt(gcm(aes))", 0, CRYPTO_ALG_ASYNC);

	KUNIT_EXPECT_TRUE(test, IS_ERR(aead));
	crypto_free_aead(aead);
	/* The refusal does not hinder a task that can wait. */
	pt_open(test, "pcrypt(gcm(aes))");
}

/* One instance per name */

static void open_again_finds_it(struct kunit *test)
{
	struct pt_tfm *first = open_ours(test);
	struct pt_tfm *second = open_ours(test);

	KUNIT_EXPECT_PTR_EQ(test, alg_of(second), alg_of(first));
}

static void open_again_after_last_close_finds_it(struct kunit *test)
{
	struct pt_tfm *tfm = open_ours(test);
	struct crypto_alg *alg = alg_of(tfm);

	pt_tfm_free(tfm);
	KUNIT_EXPECT_PTR_EQ(test, alg_of(open_ours(test)), alg);
}

/* The text of /proc/crypto, to be freed with kvfree(), or NULL. */
static char *read_proc_crypto(void)
{
	struct file *file = test_open("/proc/crypto", O_RDONLY);
	size_t size = SZ_256K, len = 0;
	loff_t pos = 0;
	char *text;
	ssize_t got;

	if (IS_ERR(file))
		return NULL;
	text = kvzalloc(size, GFP_KERNEL);
	while (text && len < size - 1) {
		got = kernel_read(file, text + len, size - 1 - len, &pos);
		if (got <= 0)
			break;
		len += got;
	}
	filp_close(file, NULL);
	return text;
}

/* How many algorithms have @name, or its beginning, as their driver's. */
static unsigned int count_drivers(struct kunit *test, const char *name)
{
	char wanted[CRYPTO_MAX_ALG_NAME + 16];
	char *text = read_proc_crypto(), *at;
	unsigned int nr = 0;

	KUNIT_ASSERT_NOT_NULL(test, text);
	snprintf(wanted, sizeof(wanted), "driver       : %s", name);
	for (at = text; (at = strstr(at, wanted)); at++)
		nr++;
	kvfree(text);
	return nr;
}

static void open_makes_one_algorithm(struct kunit *test)
{
	unsigned int before;

	register_idle(test, "padata-idle", 100);
	/* Once opened, the algorithm exists by itself, and not only for its test. */
	pt_open(test, "padata-idle");
	KUNIT_ASSERT_EQ(test, count_drivers(test, "padata-idle\n"), 1);
	before = count_drivers(test, "pcrypt(");
	pt_open_pcrypt(test, "padata-idle");
	pt_open_pcrypt(test, "padata-idle");
	KUNIT_EXPECT_EQ(test, count_drivers(test, "pcrypt(padata-idle)\n"), 1);
	KUNIT_EXPECT_EQ(test, count_drivers(test, "pcrypt("), before + 1);
}

static void open_by_two_names_keeps_both(struct kunit *test)
{
	struct pt_tfm *driver, *generic;

	register_idle(test, "padata-idle", 100);
	driver = pt_open_pcrypt(test, "padata-idle");
	generic = pt_open_pcrypt(test, "padata-idle-test");
	KUNIT_EXPECT_PTR_NE(test, alg_of(driver), alg_of(generic));
	KUNIT_EXPECT_PTR_EQ(test, alg_of(pt_open_pcrypt(test, "padata-idle")), alg_of(driver));
	KUNIT_EXPECT_PTR_EQ(test, alg_of(pt_open_pcrypt(test, "padata-idle-test")),
			    alg_of(generic));
}

#define NR_OPENERS	4

/**
 * struct opener - opens pcrypt(padata-idle) in a task of its own
 * @work: The task.
 * @aead: What it got.
 */
struct opener {
	struct work_struct work;
	struct crypto_aead *aead;
};

static void opener_run(struct work_struct *work)
{
	struct opener *opener = container_of(work, struct opener, work);

	opener->aead = crypto_alloc_aead("pcrypt(padata-idle)", 0, 0);
}

static void opener_release(void *data)
{
	struct opener *opener = data;

	flush_work(&opener->work);
	crypto_free_aead(opener->aead);
}

static struct opener *make_openers(struct kunit *test)
{
	struct opener *openers = kunit_kcalloc(test, NR_OPENERS, sizeof(*openers), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, openers);
	for (i = 0; i < NR_OPENERS; i++) {
		INIT_WORK(&openers[i].work, opener_run);
		KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, opener_release,
								   &openers[i]));
	}
	return openers;
}

static void open_at_the_same_time_makes_one(struct kunit *test)
{
	struct opener *openers;
	unsigned int i;

	register_idle(test, "padata-idle", 100);
	openers = make_openers(test);
	for (i = 0; i < NR_OPENERS; i++)
		queue_work(system_unbound_wq, &openers[i].work);
	for (i = 0; i < NR_OPENERS; i++) {
		flush_work(&openers[i].work);
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(openers[i].aead), 0);
		KUNIT_EXPECT_PTR_EQ(test, crypto_aead_alg(openers[i].aead),
				    crypto_aead_alg(openers[0].aead));
	}
}

static void open_after_child_came_back_works(struct kunit *test)
{
	struct pt_tfm *tfm;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		register_idle(test, "padata-idle", 100);
		tfm = pt_open_pcrypt(test, "padata-idle");
		KUNIT_EXPECT_STREQ(test, pt_driver_name(tfm), "pcrypt(padata-idle)");
		kunit_release_action(test, pt_tfm_release, tfm);
		kunit_release_action(test, pt_child_release, &idle_alg);
	}
}

/* On 6.12 the kernel's own takes 56 s for the first, and then fails. */
static void open_many_times_is_quick(struct kunit *test)
{
	ktime_t start = ktime_get();
	unsigned int i;
	s64 ms;

	for (i = 0; i < 20; i++)
		open_ours(test);
	ms = ktime_ms_delta(ktime_get(), start);
	kunit_info(test, "20 opens took %lld ms\n", ms);
	KUNIT_EXPECT_LT(test, ms, PT_DEBUG ? 20000 : 2000);
}

/* Preference */

static void open_priority_below_childs(struct kunit *test)
{
	struct pt_tfm *plain = open_plain(test);
	struct pt_tfm *ours = open_ours(test);

	KUNIT_EXPECT_LT(test, priority_of(ours), priority_of(plain));
}

static void open_lowest_priority_below_childs(struct kunit *test)
{
	register_idle(test, "padata-idle", 1);
	KUNIT_EXPECT_EQ(test, priority_of(pt_open_pcrypt(test, "padata-idle")), 0);
}

static void open_priority_is_0(struct kunit *test)
{
	register_idle(test, "padata-idle", 4000);
	KUNIT_EXPECT_EQ(test, priority_of(pt_open_pcrypt(test, "padata-idle")), 0);
	KUNIT_EXPECT_EQ(test, priority_of(pt_open_pcrypt(test, "padata-idle-test")), 0);
}

/* 100 more would be a negative number. */
static void listed_child_of_highest_priority_is_promoted(struct kunit *test)
{
	register_idle(test, "padata-idle", INT_MAX);
	pt_save_file(test, ALGS_FILE);
	pt_write_file(test, ALGS_FILE, "padata-idle");
	KUNIT_EXPECT_EQ(test, priority_of(pt_open_pcrypt(test, "padata-idle")), INT_MAX);
	KUNIT_EXPECT_STREQ(test, pt_driver_name(pt_open(test, "padata-idle-test")),
			   "pcrypt(padata-idle)");
}

static void open_leaves_preferred_algorithm(struct kunit *test)
{
	struct pt_tfm *before = open_plain(test);
	struct pt_tfm *after;

	KUNIT_ASSERT_FALSE(test, strstarts(pt_driver_name(before), "pcrypt("));
	open_ours(test);
	after = open_plain(test);
	KUNIT_EXPECT_STREQ(test, pt_driver_name(after), pt_driver_name(before));
}

static void open_leaves_preferred_child(struct kunit *test)
{
	register_idle(test, "padata-idle", 1);
	pt_open_pcrypt(test, "padata-idle-test");
	pt_open_pcrypt(test, "padata-idle");
	KUNIT_EXPECT_STREQ(test, pt_driver_name(pt_open(test, "padata-idle-test")), "padata-idle");
}

/* Refusals */

static void open_nested_refused(struct kunit *test)
{
	expect_refused(test, "pcrypt(pcrypt(ccm(aes)))", -ELOOP);
	/* The same with the inner one in existence. */
	pt_open(test, "pcrypt(ccm(aes))");
	expect_refused(test, "pcrypt(pcrypt(ccm(aes)))", -ELOOP);
}

static void open_pcrypt_deeper_inside_refused(struct kunit *test)
{
	expect_refused(test, "pcrypt(rfc4106(pcrypt(gcm(aes))))", -ELOOP);
	expect_refused(test, "pcrypt(pcrypt(pcrypt(gcm(aes))))", -ELOOP);
	expect_refused_as(test, PT_SKCIPHER, "pcrypt(xts(pcrypt(ecb(aes))))", -ELOOP);
}

static void open_missing_child_refused(struct kunit *test)
{
	expect_refused(test, "pcrypt(padata-no-such-thing)", -ENOENT);
}

static void open_other_types_refused(struct kunit *test)
{
	expect_refused(test, "pcrypt(sha256)", 0);
	expect_refused_as(test, PT_SKCIPHER, "pcrypt(sha256)", 0);
	expect_refused_as(test, PT_SKCIPHER, "pcrypt(aes)", 0);
}

/* An algorithm of the other kind cannot be the child. */
static void open_as_other_kind_refused(struct kunit *test)
{
	expect_refused(test, "pcrypt(cbc(aes))", 0);
	expect_refused_as(test, PT_SKCIPHER, "pcrypt(gcm(aes))", 0);
	pt_open_pcrypt_as(test, PT_SKCIPHER, "cbc(aes)");
	pt_open_pcrypt_as(test, PT_AEAD, "gcm(aes)");
	expect_refused(test, "pcrypt(cbc(aes))", 0);
	expect_refused_as(test, PT_SKCIPHER, "pcrypt(gcm(aes))", 0);
}

static void open_malformed_refused(struct kunit *test)
{
	expect_refused(test, "pcrypt()", 0);
	expect_refused(test, "pcrypt(gcm(aes)", 0);
	expect_refused(test, "pcrypt(,gcm(aes))", 0);
}

static void open_two_children_refused_and_makes_nothing(struct kunit *test)
{
	register_idle(test, "padata-idle", 100);
	expect_refused(test, "pcrypt(padata-idle,ccm(aes))", 0);
	KUNIT_EXPECT_EQ(test, count_drivers(test, "pcrypt(padata-idle)\n"), 0);
}

/* "pcrypt()" takes 8 of the 127 characters that a name may have. */
static void open_longest_name_works(struct kunit *test)
{
	char name[120] = { };

	memset(name, 'x', sizeof(name) - 1);
	register_idle(test, name, 100);
	KUNIT_EXPECT_EQ(test, strlen(pt_driver_name(pt_open_pcrypt(test, name))), 127);
}

static void open_too_long_names_refused(struct kunit *test)
{
	char child[121] = { };

	memset(child, 'x', sizeof(child) - 1);
	register_idle(test, child, 100);
	expect_refused(test, pt_pcrypt_name(test, child), 0);
}

static void open_child_of_priority_0_refused(struct kunit *test)
{
	register_idle(test, "padata-idle", 0);
	expect_refused(test, "pcrypt(padata-idle)", 0);
	expect_refused(test, "pcrypt(padata-idle-test)", 0);
}

/* A refusal leaves nothing behind that hinders the next request. */
static void open_after_refusal_works(struct kunit *test)
{
	expect_refused(test, "pcrypt(padata-idle)", -ENOENT);
	register_idle(test, "padata-idle", 0);
	expect_refused(test, "pcrypt(padata-idle)", 0);
	kunit_release_action(test, pt_child_release, &idle_alg);
	register_idle(test, "padata-idle", 100);
	pt_open_pcrypt(test, "padata-idle");
}

#define ALG_CASE(name)	KUNIT_CASE_PARAM(name, alg_gen_params)

static struct kunit_case pcrypt_name_cases[] = {
	ALG_CASE(open_driver_name_is_as_asked),
	KUNIT_CASE(open_by_driver_name_is_as_asked),
	ALG_CASE(open_generic_name_is_childs),
	ALG_CASE(open_is_asynchronous),
	KUNIT_CASE(open_for_synchronous_use_refused),
	ALG_CASE(open_again_finds_it),
	ALG_CASE(open_again_after_last_close_finds_it),
	KUNIT_CASE(open_makes_one_algorithm),
	KUNIT_CASE(open_by_two_names_keeps_both),
	KUNIT_CASE(open_at_the_same_time_makes_one),
	KUNIT_CASE(open_after_child_came_back_works),
	ALG_CASE(open_many_times_is_quick),
	ALG_CASE(open_priority_below_childs),
	KUNIT_CASE(open_lowest_priority_below_childs),
	KUNIT_CASE(open_priority_is_0),
	KUNIT_CASE(listed_child_of_highest_priority_is_promoted),
	ALG_CASE(open_leaves_preferred_algorithm),
	KUNIT_CASE(open_leaves_preferred_child),
	KUNIT_CASE(open_nested_refused),
	KUNIT_CASE(open_pcrypt_deeper_inside_refused),
	KUNIT_CASE(open_missing_child_refused),
	KUNIT_CASE(open_other_types_refused),
	KUNIT_CASE(open_as_other_kind_refused),
	KUNIT_CASE(open_malformed_refused),
	KUNIT_CASE(open_two_children_refused_and_makes_nothing),
	KUNIT_CASE(open_longest_name_works),
	KUNIT_CASE(open_too_long_names_refused),
	KUNIT_CASE(open_child_of_priority_0_refused),
	KUNIT_CASE(open_after_refusal_works),
	{ }
};

static struct kunit_suite pcrypt_name_suite = {
	.name = "pcrypt_name",
	.suite_init = pt_suite_init,
	.suite_exit = pt_suite_exit,
	.test_cases = pcrypt_name_cases,
};

kunit_test_suite(pcrypt_name_suite);

MODULE_DESCRIPTION("Names and preference of pcrypt's instances");
MODULE_LICENSE("GPL");
