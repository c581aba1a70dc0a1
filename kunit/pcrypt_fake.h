/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the pcrypt suites: a scripted child.  A test writes down, request by request,
 * the child's action.
 */
#ifndef _PCRYPT_FAKE_H
#define _PCRYPT_FAKE_H

#include <linux/ktime.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "pcrypt_test.h"

/* The suites over an skcipher are those over an AEAD, built once more. */
#ifdef FAKE_SKCIPHER
#define FAKE_KIND		PT_SKCIPHER
#define SUITE_NAME(name)	name "_skcipher"
#else
#define FAKE_KIND		PT_AEAD
#define SUITE_NAME(name)	name
#endif

#define MAX_STEPS	2000
#define MSG_LEN		48

#define LIMIT_FILE	"/sys/module/pcrypt_mod/parameters/max_requests"
#define MASK_FILE	"/sys/kernel/pcrypt/pencrypt/serial_cpumask"
#define PARALLEL_FILE	"/sys/kernel/pcrypt/pencrypt/parallel_cpumask"

/* When and where the child completes a request. */
enum fake_how {
	FAKE_AT_ONCE,	/* its encrypt() returns the result */
	FAKE_WORK,	/* later, from a workqueue */
	FAKE_TIMER,	/* later, from a softirq */
	FAKE_OTHER_CPU,	/* from another CPU, perhaps before encrypt() returns */
	FAKE_EARLY,	/* from another CPU, before encrypt() returns */
	FAKE_HELD,	/* when the test says so */
	NR_FAKE_HOW,
};

/**
 * struct fake_step - the child's action for a request, and its record of it
 * @how: When and where it completes.
 * @ret: What its encrypt() or decrypt() returns.
 * @notify: It completes with -EINPROGRESS first: it left the backlog.
 * @err: What it completes with.
 * @frees: The user's completion frees the request.
 * @spin_us: It works as long.
 * @sends: It submits these meanwhile.
 * @work: For later.
 * @timer: For later.
 * @req: The request that it was called with; afterwards it may be gone.
 * @src: Its source.
 * @dst: Its destination.
 * @iv: Its IV.
 * @len: Its length.
 * @assoclen: Its length of associated data.
 * @nr_calls: How often it was called.
 * @cpu: On which CPU.
 * @task: In which task.
 * @softirqs_off: With softirqs disabled.
 * @flags: The request's flags.
 * @notified: It has completed it with -EINPROGRESS.
 * @completed: It has completed the request.
 * @freed: The user's completion has freed the request.
 */
struct fake_step {
	enum fake_how how;
	int ret;
	bool notify;
	int err;
	bool frees;
	unsigned int spin_us;
	struct pt_batch *sends;
	struct work_struct work;
	struct timer_list timer;
	struct crypto_async_request *req;
	struct scatterlist *src;
	struct scatterlist *dst;
	u8 *iv;
	unsigned int len;
	unsigned int assoclen;
	atomic_t nr_calls;
	int cpu;
	struct task_struct *task;
	bool softirqs_off;
	u32 flags;
	bool notified;
	bool completed;
	bool freed;
};

/**
 * struct fake - the child's state, made anew for each test
 * @steps: By the number in the request's IV.
 * @nr_steps: How many of @steps are in use.
 * @nr_calls: Calls of its encrypt() and decrypt().
 * @inside: Calls that have not returned.
 * @waiting: A call waits for its early completion.
 * @nr_early: Completions that came before the call returned, as they should.
 * @cb_cpu: Where completions that free run, -1 while unknown.
 * @nr_tfms: Transforms that exist.
 * @nr_freed: Transforms that were freed.
 * @init_err: What init() returns.
 * @setkey_err: What setkey() returns.
 * @setauthsize_err: What setauthsize() returns.
 * @keylen: Of the last key.
 * @key: The last key.
 * @key_flags: The transform's request flags when it came.
 * @authsize: The last authsize.
 */
static struct fake {
	struct fake_step steps[MAX_STEPS];
	unsigned int nr_steps;
	atomic_t nr_calls;
	atomic_t inside;
	atomic_t waiting;
	atomic_t nr_early;
	int cb_cpu;
	atomic_t nr_tfms;
	atomic_t nr_freed;
	int init_err;
	int setkey_err;
	int setauthsize_err;
	unsigned int keylen;
	u8 key[PT_MAX_KEY];
	u32 key_flags;
	unsigned int authsize;
} fake;

/* The child */

static inline void fake_complete(struct fake_step *step)
{
	local_bh_disable();
	crypto_request_complete(step->req, step->err);
	local_bh_enable();
	/* Pairs with spin_until(). */
	smp_store_release(&step->completed, true);
}

static inline void fake_notify(struct fake_step *step)
{
	step->notified = true;
	local_bh_disable();
	crypto_request_complete(step->req, -EINPROGRESS);
	local_bh_enable();
}

/* From the workqueue or the timer. */
static inline void fake_go_on(struct fake_step *step)
{
	if (step->notify && !step->notified) {
		fake_notify(step);
		/* The result comes later, so a user that takes the notification for it shows. */
		if (step->how != FAKE_EARLY) {
			mod_timer(&step->timer, jiffies + 1);
			return;
		}
	}
	fake_complete(step);
}

static inline void fake_work(struct work_struct *work)
{
	fake_go_on(container_of(work, struct fake_step, work));
}

static inline void fake_timer(struct timer_list *timer)
{
	fake_go_on(container_of(timer, struct fake_step, timer));
}

static inline int other_cpu(void)
{
	int cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());

	return cpu < nr_cpu_ids ? cpu : raw_smp_processor_id();
}

static inline void spin(unsigned int us)
{
	ktime_t end = ktime_add_us(ktime_get(), us);

	while (ktime_before(ktime_get(), end))
		cpu_relax();
}

/* Whether @flag was set within @ms. */
static inline bool spin_until(const bool *flag, unsigned int ms)
{
	ktime_t end = ktime_add_ms(ktime_get(), ms);
	bool set;

	do {
		cpu_relax();
		/* Pairs with fake_complete() and mark_freed(). */
		set = smp_load_acquire(flag);
	} while (!set && ktime_before(ktime_get(), end));
	return set;
}

/*
 * Until the other CPU has completed and, where the test says so, the user's
 * completion has freed the request; that can't be where completions have to run
 * on this CPU.  One call at a time, else all CPUs would wait for each other.
 * The limits are for a guest with one CPU.
 */
static inline void fake_wait_early(struct fake_step *step)
{
	if (step->frees && raw_smp_processor_id() == READ_ONCE(fake.cb_cpu))
		return;
	if (atomic_cmpxchg(&fake.waiting, 0, 1)) {
		spin(1000);
		return;
	}
	if (spin_until(&step->completed, 100) &&
	    (!step->frees || spin_until(&step->freed, 50)))
		atomic_inc(&fake.nr_early);
	atomic_set(&fake.waiting, 0);
}

static inline void fake_launch(struct fake_step *step)
{
	switch (step->how) {
	case FAKE_WORK:
		queue_work(system_wq, &step->work);
		break;
	case FAKE_TIMER:
		mod_timer(&step->timer, jiffies + 1);
		break;
	case FAKE_OTHER_CPU:
		queue_work_on(other_cpu(), system_highpri_wq, &step->work);
		break;
	case FAKE_EARLY:
		queue_work_on(other_cpu(), system_highpri_wq, &step->work);
		fake_wait_early(step);
		break;
	default:
		break;
	}
}

static inline void fake_record(struct fake_step *step, struct crypto_async_request *req)
{
	step->req = req;
	step->cpu = raw_smp_processor_id();
	WRITE_ONCE(step->task, current);
	step->softirqs_off = in_softirq();
	step->flags = req->flags;
	step->notified = false;
	step->completed = false;
	atomic_inc(&step->nr_calls);
	if (step->spin_us)
		spin(step->spin_us);
	if (step->sends)
		pt_batch_submit(step->sends);
}

static inline int fake_crypt(struct crypto_async_request *req, struct scatterlist *src,
			     struct scatterlist *dst, u8 *iv, unsigned int len,
			     unsigned int assoclen)
{
	struct fake_step *step = &fake.steps[get_unaligned((u32 *)iv) % MAX_STEPS];
	int ret = step->ret;

	atomic_inc(&fake.inside);
	step->src = src;
	step->dst = dst;
	step->iv = iv;
	step->len = len;
	step->assoclen = assoclen;
	fake_record(step, req);
	fake_launch(step);
	/* Also the barrier that wake_up_var() wants. */
	atomic_inc_return(&fake.nr_calls);
	wake_up_var(&fake.nr_calls);
	if (atomic_dec_and_test(&fake.inside))
		wake_up_var(&fake.inside);
	return ret;
}

static inline int fake_aead_crypt(struct aead_request *req)
{
	return fake_crypt(&req->base, req->src, req->dst, req->iv, req->cryptlen, req->assoclen);
}

static inline int fake_skcipher_crypt(struct skcipher_request *req)
{
	return fake_crypt(&req->base, req->src, req->dst, req->iv, req->cryptlen, 0);
}

static inline int fake_setkey(struct crypto_tfm *tfm, const u8 *key, unsigned int keylen)
{
	fake.keylen = keylen;
	memcpy(fake.key, key, min_t(size_t, keylen, sizeof(fake.key)));
	fake.key_flags = crypto_tfm_get_flags(tfm) & CRYPTO_TFM_REQ_MASK;
	return fake.setkey_err;
}

static inline int fake_aead_setkey(struct crypto_aead *aead, const u8 *key, unsigned int keylen)
{
	return fake_setkey(crypto_aead_tfm(aead), key, keylen);
}

static inline int fake_skcipher_setkey(struct crypto_skcipher *skcipher, const u8 *key,
				       unsigned int keylen)
{
	return fake_setkey(crypto_skcipher_tfm(skcipher), key, keylen);
}

static inline int fake_setauthsize(struct crypto_aead *aead, unsigned int authsize)
{
	fake.authsize = authsize;
	return fake.setauthsize_err;
}

static inline int fake_init(void)
{
	if (fake.init_err)
		return fake.init_err;
	atomic_inc(&fake.nr_tfms);
	return 0;
}

static inline int fake_aead_init(struct crypto_aead *aead)
{
	return fake_init();
}

static inline int fake_skcipher_init(struct crypto_skcipher *skcipher)
{
	return fake_init();
}

static inline void fake_exit(void)
{
	atomic_inc(&fake.nr_freed);
	if (atomic_dec_and_test(&fake.nr_tfms))
		wake_up_var(&fake.nr_tfms);
}

static inline void fake_aead_exit(struct crypto_aead *aead)
{
	fake_exit();
}

static inline void fake_skcipher_exit(struct crypto_skcipher *skcipher)
{
	fake_exit();
}

#define FAKE_BASE(name, driver, flags) {	\
	.cra_name = (name),			\
	.cra_driver_name = (driver),		\
	.cra_priority = 100,			\
	.cra_flags = (flags),			\
	.cra_blocksize = 1,			\
	.cra_module = THIS_MODULE,		\
}

#define FAKE_AEAD(name, driver, flags) {	\
	.setkey = fake_aead_setkey,		\
	.setauthsize = fake_setauthsize,	\
	.encrypt = fake_aead_crypt,		\
	.decrypt = fake_aead_crypt,		\
	.init = fake_aead_init,			\
	.exit = fake_aead_exit,			\
	.ivsize = PT_MAX_IV,			\
	.maxauthsize = 16,			\
	.base = FAKE_BASE(name, driver, flags),	\
}

#define FAKE_SKCIPHER_ALG(name, driver, flags) {	\
	.setkey = fake_skcipher_setkey,		\
	.encrypt = fake_skcipher_crypt,		\
	.decrypt = fake_skcipher_crypt,		\
	.init = fake_skcipher_init,		\
	.exit = fake_skcipher_exit,		\
	.ivsize = PT_MAX_IV,			\
	.min_keysize = 1,			\
	.max_keysize = PT_MAX_KEY,		\
	.base = FAKE_BASE(name, driver, flags),	\
}

static struct aead_alg fake_aead =
	FAKE_AEAD("padata-test", "padata-fake", CRYPTO_ALG_ASYNC);
static struct skcipher_alg fake_skcipher =
	FAKE_SKCIPHER_ALG("padata-test", "padata-fake", CRYPTO_ALG_ASYNC);

/* Those whose encrypt() and decrypt() always return the result, and say so. */
static struct aead_alg fake_sync_aead __maybe_unused =
	FAKE_AEAD("padata-test-sync", "padata-fake-sync", 0);
static struct skcipher_alg fake_sync_skcipher __maybe_unused =
	FAKE_SKCIPHER_ALG("padata-test-sync", "padata-fake-sync", 0);

static inline bool fake_wait_calls(int nr)
{
	return wait_var_event_timeout(&fake.nr_calls, atomic_read(&fake.nr_calls) >= nr,
				      PT_TIMEOUT);
}

static inline bool fake_wait_freed(void)
{
	return wait_var_event_timeout(&fake.nr_tfms, !atomic_read(&fake.nr_tfms), PT_TIMEOUT);
}

/* No transform is left, and so many have been freed. */
static inline void fake_expect_freed(struct kunit *test, int nr)
{
	KUNIT_EXPECT_TRUE(test, fake_wait_freed());
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.nr_freed), nr);
}

/* Completes held requests, the last first; a second call finds none. */
static inline void fake_release_held(void)
{
	unsigned int i;

	for (i = fake.nr_steps; i; i--) {
		struct fake_step *step = &fake.steps[i - 1];

		if (step->how != FAKE_HELD || !atomic_read(&step->nr_calls) || step->completed)
			continue;
		fake_complete(step);
	}
}

/* Steps are set up when a batch wants them: debug kernels make that dear. */
static inline void fake_add_steps(unsigned int nr)
{
	for (; nr; nr--) {
		struct fake_step *step = &fake.steps[fake.nr_steps++];

		INIT_WORK(&step->work, fake_work);
		timer_setup(&step->timer, fake_timer, 0);
	}
}

/* Called at the end of a test: nothing may still run in the child. */
static inline void fake_steps_release(void *unused)
{
	unsigned int i;

	for (i = 0; i < fake.nr_steps; i++) {
		timer_shutdown_sync(&fake.steps[i].timer);
		cancel_work_sync(&fake.steps[i].work);
	}
	if (!wait_var_event_timeout(&fake.inside, !atomic_read(&fake.inside), PT_TIMEOUT))
		pr_err("a call of the child does not return\n");
}

static inline int child_init(struct kunit *test)
{
	memset(&fake, 0, sizeof(fake));
	fake.cb_cpu = -1;
	return kunit_add_action_or_reset(test, fake_steps_release, NULL);
}

static inline int fake_register(struct aead_alg *aead, struct skcipher_alg *skcipher)
{
	if (FAKE_KIND == PT_AEAD)
		return crypto_register_aead(aead);
	return crypto_register_skcipher(skcipher);
}

static inline void fake_unregister(struct aead_alg *aead, struct skcipher_alg *skcipher)
{
	if (FAKE_KIND == PT_AEAD)
		pt_child_release(aead);
	else if (pt_is_unused(&skcipher->base))
		crypto_unregister_skcipher(skcipher);
}

/* Once for all tests: finding pcrypt(padata-fake) anew costs two modprobes. */
static inline int child_suite_init(struct kunit_suite *suite)
{
	int err = pt_suite_init(suite);

	if (err)
		return err;
	err = fake_register(&fake_aead, &fake_skcipher);
	if (err)
		pt_suite_exit(suite);
	return err;
}

static inline void child_suite_exit(struct kunit_suite *suite)
{
	fake_unregister(&fake_aead, &fake_skcipher);
	pt_suite_exit(suite);
}

/* Requests for it */

static inline struct pt_tfm *open_fake_as(struct kunit *test, const char *name)
{
	struct pt_tfm *tfm = pt_open_pcrypt_as(test, FAKE_KIND, name);

	KUNIT_ASSERT_EQ(test, 0, pt_setkey(tfm, "key", 3));
	return tfm;
}

static inline struct pt_tfm *open_fake(struct kunit *test)
{
	return open_fake_as(test, "padata-fake");
}

/* A transform with that limit; those made later have the usual one. */
static inline struct pt_tfm *open_limited(struct kunit *test, unsigned int limit)
{
	struct pt_saved *saved = pt_save_file(test, LIMIT_FILE);
	struct pt_tfm *tfm;
	char text[16];

	snprintf(text, sizeof(text), "%u", limit);
	pt_write_file(test, LIMIT_FILE, text);
	tfm = open_fake(test);
	pt_restore_file(saved);
	return tfm;
}

static inline void release_held_action(void *unused)
{
	fake_release_held();
}

/* All encryptions of @len bytes, each with a step of its own that the caller writes. */
static inline struct pt_batch *make_batch_len(struct kunit *test, struct pt_tfm *tfm,
					      unsigned int nr, unsigned int len)
{
	struct pt_batch *batch = pt_batch_alloc(test, tfm, nr, len + 16);
	unsigned int i, first = fake.nr_steps;

	KUNIT_ASSERT_LE(test, first + nr, MAX_STEPS);
	fake_add_steps(nr);
	/* Cleanup before the batch is released, if a test has stopped half-way. */
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, release_held_action, NULL));
	for (i = 0; i < nr; i++) {
		struct pt_op *op = &batch->ops[i];

		op->msg.len = len;
		op->msg.taglen = pt_taglen(tfm);
		put_unaligned(first + i, (u32 *)op->msg.iv);
		pt_op_prepare(op, &(struct pt_shape){ .encrypt = true });
	}
	return batch;
}

static inline struct pt_batch *make_batch(struct kunit *test, struct pt_tfm *tfm, unsigned int nr)
{
	return make_batch_len(test, tfm, nr, MSG_LEN - 16);
}

static inline struct fake_step *step_of(struct pt_op *op)
{
	return &fake.steps[get_unaligned((u32 *)op->msg.iv)];
}

static inline void set_flags(struct pt_op *op, u32 flags)
{
	op->flags = flags;
	pt_op_prepare(op, &(struct pt_shape){ .encrypt = true });
}

/* Result @err, by way of @how. */
static inline void script(struct pt_op *op, enum fake_how how, int err)
{
	struct fake_step *step = step_of(op);

	step->how = how;
	step->err = err;
	step->ret = how == FAKE_AT_ONCE ? err : -EINPROGRESS;
}

/* The child takes it into its backlog and says so when it leaves that. */
static inline void script_backlog(struct pt_op *op, enum fake_how how, int err)
{
	script(op, how, err);
	step_of(op)->ret = -EBUSY;
	step_of(op)->notify = true;
	set_flags(op, CRYPTO_TFM_REQ_MAY_BACKLOG);
}

/* The submissions from @from to before @to have returned @ret. */
static inline void expect_ret(struct kunit *test, struct pt_batch *batch, unsigned int from,
			      unsigned int to, int ret)
{
	unsigned int i;

	for (i = from; i < to; i++)
		KUNIT_EXPECT_EQ_MSG(test, batch->ops[i].ret, ret, "request %u", i);
}

/* Freeing in completions */

/* Poisoned, so that a later access shows. */
static inline void free_request(struct pt_op *op)
{
	void *req = op->req.mem;

	op->req.mem = NULL;
	memset(req, 0x5a, pt_reqsize(op->tfm));
	kfree(req);
}

static inline void mark_freed(struct pt_op *op)
{
	WRITE_ONCE(fake.cb_cpu, raw_smp_processor_id());
	/* Pairs with spin_until(). */
	smp_store_release(&step_of(op)->freed, true);
}

static inline void hook_free_request(struct pt_op *op)
{
	free_request(op);
	mark_freed(op);
}

static inline void set_hook(struct pt_op *op, void (*hook)(struct pt_op *op))
{
	op->hook = hook;
	step_of(op)->frees = true;
}

#endif /* _PCRYPT_FAKE_H */
