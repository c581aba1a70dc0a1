// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instances in the making: other tasks ask for the same name, root lists and
 * unlists it, and siblings of the child come and go, while registrations succeed
 * and fail.  KASAN sees an instance that is used after it was freed.
 *
 * make check runs this suite once more in a build in which the windows between "made"
 * and "registered" are wide (scripts/patches/pcrypt-windows.patch).
 */
#include <linux/delay.h>
#include <linux/kthread.h>

#include "pcrypt_test.h"

#define ALGS_FILE	"/sys/module/pcrypt_mod/parameters/algs"
#define OPEN_FILE	"/sys/module/pcrypt_mod/parameters/open"
#define MODPROBE_FILE	"/proc/sys/kernel/modprobe"
#define NAME		"padata-make"
#define OURS		"pcrypt(" NAME ")"
#define OTHER		"pcrypt(" NAME "-test)"
#define NR_OPENERS	3
#define ROUNDS		(PT_DEBUG ? 40 : 100)

/* The child, and a sibling of higher priority */

static int make_aead_setkey(struct crypto_aead *aead, const u8 *key, unsigned int keylen)
{
	return 0;
}

static int make_aead_crypt(struct aead_request *req)
{
	return 0;
}

#define MAKE_AEAD(driver, priority) {			\
	.setkey = make_aead_setkey,			\
	.encrypt = make_aead_crypt,			\
	.decrypt = make_aead_crypt,			\
	.ivsize = 16,					\
	.maxauthsize = 16,				\
	.base = {					\
		.cra_name = "padata-make-test",		\
		.cra_driver_name = driver,		\
		.cra_priority = priority,		\
		.cra_blocksize = 1,			\
		.cra_module = THIS_MODULE,		\
	},						\
}

static struct aead_alg child_alg = MAKE_AEAD(NAME, 100);
static struct aead_alg sibling_alg = MAKE_AEAD("padata-make-sibling", 200);

/*
 * An algorithm of the other kind whose generic name is the driver name that
 * pcrypt chooses, so that each registration of that fails.
 */
static int make_skcipher_setkey(struct crypto_skcipher *skcipher, const u8 *key,
				unsigned int keylen)
{
	return 0;
}

static int make_skcipher_crypt(struct skcipher_request *req)
{
	return 0;
}

static struct skcipher_alg blocker_alg = {
	.setkey = make_skcipher_setkey,
	.encrypt = make_skcipher_crypt,
	.decrypt = make_skcipher_crypt,
	.min_keysize = 1,
	.max_keysize = 16,
	.base = {
		.cra_name = OURS,
		.cra_driver_name = "padata-make-blocker",
		.cra_priority = 1,
		.cra_blocksize = 1,
		.cra_module = THIS_MODULE,
	},
};

static void blocker_release(void *data)
{
	if (pt_is_unused(&blocker_alg.base))
		crypto_unregister_skcipher(&blocker_alg);
}

static void blocker_register(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, crypto_register_skcipher(&blocker_alg));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, blocker_release, NULL));
}

/* Tasks that ask for the name, again and again */

/**
 * struct opener - asks for pcrypt(NAME) until it is told to stop
 * @task: The task, or NULL.
 * @nr_opened: How often it got it.
 * @nr_failed: How often it did not.
 */
struct opener {
	struct task_struct *task;
	unsigned int nr_opened;
	unsigned int nr_failed;
};

static int opener_run(void *data)
{
	struct opener *opener = data;
	struct crypto_aead *aead;

	while (!kthread_should_stop()) {
		aead = crypto_alloc_aead(OURS, 0, 0);
		if (IS_ERR(aead))
			opener->nr_failed++;
		else
			opener->nr_opened++;
		crypto_free_aead(aead);
		usleep_range(1000, 5000);
	}
	return 0;
}

static void opener_stop(void *data)
{
	struct opener *opener = data;

	if (opener->task)
		kthread_stop(opener->task);
	opener->task = NULL;
}

static struct opener *start_openers(struct kunit *test)
{
	struct opener *openers = kunit_kcalloc(test, NR_OPENERS, sizeof(*openers), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, openers);
	for (i = 0; i < NR_OPENERS; i++) {
		openers[i].task = kthread_run(opener_run, &openers[i], "opener/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(openers[i].task));
		KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, opener_stop,
								   &openers[i]));
	}
	return openers;
}

static void stop_openers(struct kunit *test, struct opener *openers)
{
	unsigned int i;

	for (i = 0; i < NR_OPENERS; i++) {
		kunit_release_action(test, opener_stop, &openers[i]);
		kunit_info(test, "opener %u: opened %u times, failed %u times\n", i,
			   openers[i].nr_opened, openers[i].nr_failed);
	}
}

/* The list may be refused by then, which does not matter here. */
static void write_algs(struct kunit *test, const char *text)
{
	ssize_t len = test_write_file(ALGS_FILE, text);

	KUNIT_EXPECT_TRUE_MSG(test, len == strlen(text) || len == -EAGAIN,
			      "writing \"%s\" to algs returned %zd", text, len);
}

static void prepare(struct kunit *test)
{
	pt_save_file(test, ALGS_FILE);
	/* Looking for modules would take most of the time. */
	pt_save_file(test, MODPROBE_FILE);
	pt_write_file(test, MODPROBE_FILE, "\n");
	pt_child_register(test, &child_alg);
}

static void expect_works(struct kunit *test)
{
	struct pt_tfm *tfm = pt_open(test, OURS);

	KUNIT_EXPECT_STREQ(test, pt_driver_name(tfm), OURS);
	kunit_release_action(test, pt_tfm_release, tfm);
}

static void registration_fails_while_listed(struct kunit *test)
{
	struct opener *openers;
	unsigned int i;

	prepare(test);
	blocker_register(test);
	openers = start_openers(test);
	for (i = 0; i < ROUNDS; i++)
		write_algs(test, i % 2 ? "\n" : NAME);
	stop_openers(test, openers);
	write_algs(test, "\n");
	KUNIT_EXPECT_EQ(test, openers[0].nr_opened, 0);
	kunit_release_action(test, blocker_release, NULL);
	expect_works(test);
}

static void sibling_comes_while_listed(struct kunit *test)
{
	struct opener *openers;
	unsigned int i;

	prepare(test);
	openers = start_openers(test);
	for (i = 0; i < ROUNDS; i++) {
		pt_child_register(test, &sibling_alg);
		write_algs(test, i % 2 ? "\n" : NAME);
		kunit_release_action(test, pt_child_release, &sibling_alg);
	}
	stop_openers(test, openers);
	write_algs(test, "\n");
	expect_works(test);
}

static void listed_and_unlisted_while_opened(struct kunit *test)
{
	struct opener *openers;
	unsigned int i;

	prepare(test);
	openers = start_openers(test);
	for (i = 0; i < ROUNDS; i++)
		write_algs(test, i % 2 ? "\n" : NAME);
	stop_openers(test, openers);
	write_algs(test, "\n");
	expect_works(test);
}

/* The priority of the instance over the generic name, which is made if it is not there. */
static int other_priority(struct kunit *test)
{
	struct pt_tfm *tfm = pt_open(test, OTHER);
	int priority = pt_base(tfm)->__crt_alg->cra_priority;

	kunit_release_action(test, pt_tfm_release, tfm);
	return priority;
}

/*
 * With open=1 the first name of a cipher is promoted, and no other one while it is being
 * made.  When that fails the other one's turn comes.
 */
static void other_name_after_failure_is_promoted_if_open(struct kunit *test)
{
	struct opener *openers;
	unsigned int i, tries;
	char open[8] = "";
	int want;

	prepare(test);
	KUNIT_ASSERT_GT(test, test_read_file(OPEN_FILE, open, sizeof(open)), 0);
	want = open[0] == 'Y' ? 200 : 0;
	blocker_register(test);
	for (i = 0; i < 8; i++) {
		openers = start_openers(test);
		other_priority(test);
		stop_openers(test, openers);
		for (tries = 0; tries < 50 && other_priority(test) != want; tries++)
			msleep(20);
		KUNIT_EXPECT_EQ(test, other_priority(test), want);
		kunit_release_action(test, pt_child_release, &child_alg);
		pt_child_register(test, &child_alg);
	}
}

static struct kunit_case pcrypt_make_cases[] = {
	KUNIT_CASE(registration_fails_while_listed),
	KUNIT_CASE(sibling_comes_while_listed),
	KUNIT_CASE(listed_and_unlisted_while_opened),
	KUNIT_CASE(other_name_after_failure_is_promoted_if_open),
	{ }
};

static struct kunit_suite pcrypt_make_suite = {
	.name = "pcrypt_make",
	.suite_init = pt_suite_init,
	.suite_exit = pt_suite_exit,
	.test_cases = pcrypt_make_cases,
};

kunit_test_suite(pcrypt_make_suite);

MODULE_DESCRIPTION("Instances of pcrypt in the making");
MODULE_LICENSE("GPL");
