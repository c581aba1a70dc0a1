// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: a crypto template that spreads the requests of an AEAD or skcipher over
 * CPUs and completes them in the order in which they were submitted.
 *
 * Each direction of a transform is a stream of requests, with a shell of padata of
 * its own, so a transform never waits for another one's requests.  A stream has a
 * mode, which pcrypt/rule.c chooses.  In direct mode a request is done by the CPU
 * that sends it.  In parallel mode it is a padata job: parallel() gives it to the
 * wrapped algorithm, the child, and serial() completes it for the caller.  Whatever
 * the cpumasks are, a request is answered in its turn.
 *
 * Permissions: by default a program without CAP_NET_ADMIN can only use what root
 * listed in the module parameter "algs"; with "unlisted" it can have pcrypt(X) made, for
 * any X, by asking for it through AF_ALG.  That must not change what the rest of the
 * system uses, so what is not listed has priority 0: it is never preferred, and its
 * registration tears nothing down.  The priority of an algorithm never changes: to
 * promote or demote one is to unregister it and have it made anew.
 *
 * Lifetimes: a transform may be freed in softirq, from an RCU callback and
 * inside its own last completion.  Its shells are only let go of then; each job
 * in flight holds its shell.  Nothing but module exit waits.
 */

/*
 * Memory ordering
 * ---------------
 * As in padata_mod.c: each ordered access carries a label, this is the table of pairs.
 *
 * late:A / late:B, a child that has accepted a direct request
 *   late:A (pcrypt_list_late) cmpxchg() of pcrypt_request::way from PCRYPT_UNLISTED to
 *   PCRYPT_LISTED, late:B (pcrypt_done) xchg() to PCRYPT_ENDED.  Two read-modify-writes
 *   of one word: either the completion finds the request listed, and ends the job, or
 *   the submitter finds it ended, and does.  The child's result, written before
 *   late:B, reaches serial() by the submitter's padata_do_serial(), which depends on
 *   what late:A has read: a cmpxchg() that fails has no order of its own.
 * listed:A / listed:B, the job of such a request
 *   listed:A (the same access as late:A) is fully ordered and follows all writes of
 *   padata_do_inline(); listed:B (pcrypt_done) reads ::way with acquire before
 *   padata_do_serial() uses the job.  So does late:B, which is fully ordered.
 * policy:A / policy:B, the parameter "mode"
 *   policy:A adds to pcrypt_quick_gen with release, after the policy was written;
 *   policy:B (pcrypt_crypt) reads it with acquire, then the policy.  A stream that is
 *   quick under a generation has looked at a policy at least as new.
 * lead:A / lead:B, a stream leads
 *   lead:A (pcrypt_lead) adds to pcrypt_quick_gen, fully ordered, between the writes of
 *   pcrypt_led_at and of pcrypt_told_at; lead:B (the same access as policy:B) reads the
 *   generation with acquire, then pcrypt_led_at.  A stream of another CPU that finds
 *   pcrypt_told_at new submits its job, or passes its result on, without a new generation.
 *   Whatever the result makes the kernel send sees the new one, by the locks on the way.
 * sender:A / sender:A, two senders at the same time
 *   sender:A (pcrypt_is_direct) xchg() of pcrypt_stream::last_cpu.  One of two senders
 *   on different CPUs sees the other, and the pcrypt_result_at that its CPU had by then.
 * window:A / window:B, requests of a measurement
 *   window:A (window_give) lowers window::in_flight, fully ordered, after all writes of
 *   the completion; window:B (window_wait) reads it with acquire.
 * unload
 *   A completion runs with softirqs disabled, which is an RCU read section.  Module exit
 *   waits for a grace period after the last job was called back, and pcrypt_measure
 *   before it frees its requests.
 */

#define pr_fmt(fmt) "pcrypt: " fmt

#include <crypto/algapi.h>
#include <crypto/internal/aead.h>
#include <crypto/internal/skcipher.h>
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/fips.h>
#include <linux/kernfs.h>
#include <linux/kobject.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/overflow.h>
#include <linux/preempt.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "pcrypt/compat.h"
#include "padata.h"

#include "pcrypt/internal.h"

static bool prefer_all;
module_param_named(open, prefer_all, bool, 0444);
MODULE_PARM_DESC(open,
		 "prefer all that is ever made, by whomever, to what it wraps (default: no)");

static bool allow_unlisted;
module_param_named(unlisted, allow_unlisted, bool, 0644);
MODULE_PARM_DESC(unlisted,
		 "programs without CAP_NET_ADMIN may have pcrypt(X) made that is not in algs (default: no)");

/*
 * More than a callback CPU that is kept busy for a few milliseconds leaves
 * behind, less than what hurts when a child stops completing.
 */
static unsigned int max_requests = 4096;

static int pcrypt_set_max_requests(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, INT_MAX);
}

static const struct kernel_param_ops pcrypt_max_requests_ops = {
	.set = pcrypt_set_max_requests,
	.get = param_get_uint,
};

module_param_cb(max_requests, &pcrypt_max_requests_ops, &max_requests, 0644);
MODULE_PARM_DESC(max_requests,
		 "requests in flight per transform and direction, for transforms made from now on (default: 4096)");

static const char *const pcrypt_policy_names[] = {
	[PCRYPT_AUTO] = "auto",
	[PCRYPT_ALL_DIRECT] = "direct",
	[PCRYPT_ALL_PARALLEL] = "parallel",
};

static int pcrypt_policy = PCRYPT_AUTO;
/* Odd, so not 0; another one when streams in direct mode are to look at what they may do. */
static atomic_t pcrypt_quick_gen = ATOMIC_INIT(1);

static int pcrypt_set_policy(const char *val, const struct kernel_param *kp)
{
	int policy = sysfs_match_string(pcrypt_policy_names, val);

	if (policy < 0)
		return policy;
	/* Writes of parameters exclude each other. */
	WRITE_ONCE(pcrypt_policy, policy);
	/* policy:A */
	atomic_add_return_release(2, &pcrypt_quick_gen);
	return 0;
}

static int pcrypt_get_policy(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", pcrypt_policy_names[READ_ONCE(pcrypt_policy)]);
}

static const struct kernel_param_ops pcrypt_policy_ops = {
	.set = pcrypt_set_policy,
	.get = pcrypt_get_policy,
};

module_param_cb(mode, &pcrypt_policy_ops, NULL, 0644);
MODULE_PARM_DESC(mode,
		 "auto: requests go to other CPUs where that is faster or keeps the order; parallel: always; direct: never (default: auto)");

/*
 * Less than a stretch of padata's with softirqs disabled, 500 us, and hundreds of times
 * what it costs to hand a request over.
 */
static unsigned int task_us = 200;
module_param(task_us, uint, 0644);
MODULE_PARM_DESC(task_us,
		 "a request that may sleep and takes more microseconds is done by the task that sends it; 0: each (default: 200)");

/* The parts, bottom-up: each uses only those before it. */
#include "pcrypt/rule.c"
#include "pcrypt/request.c"
#include "pcrypt/view.c"
#include "pcrypt/tfm.c"
#include "pcrypt/kind_aead.c"
#include "pcrypt/kind_skcipher.c"
#include "pcrypt/algs.c"
#include "pcrypt/instance.c"
#include "pcrypt/prefer.c"
#include "pcrypt/sysfs.c"

/*
 * The crypto core panics the machine when a module without a good signature
 * registers anything in FIPS mode.
 */
static int __init pcrypt_check_fips(void)
{
	if (!fips_enabled || module_sig_ok(THIS_MODULE))
		return 0;
	pr_err("not loaded: FIPS mode wants a signed module\n");
	return -EKEYREJECTED;
}

/*
 * The kernel's own pcrypt has a directory where ours has to be.  modprobe takes
 * -EEXIST for success.
 */
static int __init pcrypt_check_alone(void)
{
	struct kernfs_node *node = kernfs_find_and_get(kernel_kobj->sd, "pcrypt");

	if (!node)
		return 0;
	kernfs_put(node);
	pr_err("not loaded: the kernel's own pcrypt is; unload that first (rmmod pcrypt)\n");
	return -EBUSY;
}

static int __init pcrypt_add_pinst(enum pcrypt_dir dir)
{
	const char *name = pcrypt_pinst_names[dir];
	struct padata_instance *pinst = padata_alloc(name);
	int err;

	if (!pinst)
		return -ENOMEM;
	pinst->kobj.kset = pcrypt_kset;
	err = kobject_add(&pinst->kobj, NULL, "%s", name);
	if (!err)
		err = sysfs_create_group(&pinst->kobj, &pcrypt_modes_group);
	if (err) {
		padata_free(pinst);
		return err;
	}
	kobject_uevent(&pinst->kobj, KOBJ_ADD);
	pcrypt_pinst[dir] = pinst;
	pcrypt_calibrate(dir);
	return 0;
}

static int __init pcrypt_prepare(void)
{
	int err;

	err = pcrypt_check_fips();
	if (err)
		return err;
	err = pcrypt_check_alone();
	if (err)
		return err;
	return pcrypt_check_algs(&pcrypt_algs);
}

/*
 * Once the template is registered anyone may hold an instance, and the crypto
 * core takes a template with users away by BUG(): from then on loading must not
 * fail.  So the names in algs are checked before, and what still goes wrong
 * with one is only logged.
 */
static int __init pcrypt_register(void)
{
	int err = crypto_register_notifier(&pcrypt_notifier);

	if (err)
		return err;
	pcrypt_checks_since = ktime_get_ns();
	err = crypto_register_template(&pcrypt_tmpl);
	if (err) {
		crypto_unregister_notifier(&pcrypt_notifier);
		return err;
	}
	spin_lock(&pcrypt_lock);
	WRITE_ONCE(pcrypt_up, true);
	spin_unlock(&pcrypt_lock);
	pcrypt_settle();
	return 0;
}

static int __init pcrypt_start(void)
{
	int err;

	err = pcrypt_prepare();
	if (err)
		return err;
	pcrypt_kset = kset_create_and_add("pcrypt", NULL, kernel_kobj);
	if (!pcrypt_kset)
		return -ENOMEM;
	err = pcrypt_start_view();
	if (err)
		goto remove_kset;
	err = pcrypt_add_pinst(PCRYPT_ENCRYPT);
	if (err)
		goto remove_view;
	err = pcrypt_add_pinst(PCRYPT_DECRYPT);
	if (err)
		goto free_pencrypt;
	err = pcrypt_register();
	if (err)
		goto free_pdecrypt;
	return 0;

free_pdecrypt:
	padata_free(pcrypt_pinst[PCRYPT_DECRYPT]);
free_pencrypt:
	padata_free(pcrypt_pinst[PCRYPT_ENCRYPT]);
remove_view:
	pcrypt_stop_view();
remove_kset:
	kset_unregister(pcrypt_kset);
	return err;
}

/* The parameters can be written already. */
static int __init pcrypt_mod_init(void)
{
	int err;

	INIT_DELAYED_WORK(&pcrypt_look, pcrypt_come_back);
	mutex_lock(&pcrypt_algs_mutex);
	err = pcrypt_start();
	mutex_unlock(&pcrypt_algs_mutex);
	return err;
}

static void __exit pcrypt_mod_exit(void)
{
	spin_lock(&pcrypt_lock);
	WRITE_ONCE(pcrypt_up, false);
	spin_unlock(&pcrypt_lock);
	crypto_unregister_notifier(&pcrypt_notifier);
	cancel_delayed_work_sync(&pcrypt_look);
	crypto_unregister_template(&pcrypt_tmpl);
	padata_free(pcrypt_pinst[PCRYPT_DECRYPT]);
	padata_free(pcrypt_pinst[PCRYPT_ENCRYPT]);
	/*
	 * A child's completion may have yet to return from pcrypt_done(), after
	 * the job was called back elsewhere.  It runs with softirqs disabled.
	 */
	synchronize_rcu();
	pcrypt_stop_view();
	kset_unregister(pcrypt_kset);
}

module_init(pcrypt_mod_init);
module_exit(pcrypt_mod_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Spreads the requests of AEADs and skciphers over CPUs, keeping their order");
MODULE_ALIAS_CRYPTO("pcrypt");
