// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_faults: make a call again and again, and let another one of its
 * allocations fail each time, until none is left.
 *
 * Loaded with call=NAME, it works while it is loaded; insmod ends with -EIO when
 * something was wrong.  A call either succeeds all the same or is refused; kmemleak,
 * KASAN and DEBUG_OBJECTS report leftovers of a refusal.  One line has the number of
 * failed allocations and of the calls that were refused for it.
 *
 * The kernel's fault injection does the work: the n-th allocation of a task
 * fails once task_struct::fail_nth is n.  Its attributes in debugfs say which
 * allocations count.  Allocations of per-CPU memory are not among them, so their
 * function is probed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/aead.h>
#include <crypto/algapi.h>
#include <crypto/skcipher.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../../padata.h"

#define FAULTS_MAX	1000
#define FAULTS_CYCLES	10
#define FAULTS_JOBS	16
#define FAULTS_TIMEOUT	(60 * HZ)

static char *call;
module_param(call, charp, 0444);
MODULE_PARM_DESC(call, "which call");

static bool percpu;
module_param(percpu, bool, 0444);
MODULE_PARM_DESC(percpu, "per-CPU allocations fail, not the others");

static char *driver = "pcrypt(gcm_base(ctr(aes-generic),ghash-generic))";
module_param(driver, charp, 0444);
MODULE_PARM_DESC(driver, "algorithm of the crypto calls");

static bool skcipher;
module_param(skcipher, bool, 0444);
MODULE_PARM_DESC(skcipher, "that is an skcipher, not an AEAD");

/**
 * struct faults_call - a call whose allocations fail
 * @name: Value of the parameter call.
 * @prepare: Called before, without failures; may be NULL.
 * @call: The call; 0 or an error.  An error leaves nothing that @undo undoes.
 * @undo: Undoes a @call that has succeeded; may be NULL.
 * @finish: Undoes @prepare; may be NULL.
 * @probe: The allocations that count are those of this function, whichever task
 *	calls it; NULL where they are those of @call.
 * @refusals: At least so many allocations are vital; with 0 none may be.
 */
struct faults_call {
	const char	*name;
	int		(*prepare)(void);
	int		(*call)(void);
	void		(*undo)(void);
	void		(*finish)(void);
	const char	*probe;
	int		refusals;
};

/* ---- injection ---- */

/* Allocations to go until one fails; 0 once it has failed. */
static int faults_left;
static struct task_struct *faults_task;

static int faults_percpu_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (READ_ONCE(faults_task) != current || in_interrupt() || --faults_left)
		return 0;
	free_percpu((void __percpu *)regs_return_value(regs));
	regs_set_return_value(regs, 0);
	return 0;
}

static struct kretprobe faults_percpu_probe = {
	.kp.symbol_name	= "pcpu_alloc_noprof",
	.handler	= faults_percpu_return,
	.maxactive	= 64,
};

static int faults_nth;

static int faults_probe_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	current->fail_nth = READ_ONCE(faults_nth);
	return 0;
}

static int faults_probe_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	WRITE_ONCE(faults_left, current->fail_nth);
	current->fail_nth = 0;
	return 0;
}

static struct kretprobe faults_probe = {
	.entry_handler	= faults_probe_entry,
	.handler	= faults_probe_return,
	.maxactive	= 64,
};

/* One call with the @nth allocation failing.  Sets faults_left. */
static int faults_call_once(const struct faults_call *c, int nth)
{
	int err;

	faults_left = nth;
	if (percpu)
		WRITE_ONCE(faults_task, current);
	else if (c->probe)
		WRITE_ONCE(faults_nth, nth);
	else
		current->fail_nth = nth;
	err = c->call();
	if (!percpu && !c->probe)
		faults_left = current->fail_nth;
	current->fail_nth = 0;
	WRITE_ONCE(faults_nth, 0);
	WRITE_ONCE(faults_task, NULL);
	return err;
}

/* Return 1 if the @nth allocation failed, 0 if there is none, or an error. */
static int faults_round(const struct faults_call *c, int nth, int *refused)
{
	int err = c->prepare ? c->prepare() : 0;

	if (err)
		return err;
	err = faults_call_once(c, nth);
	*refused += !!err;
	if (!err && c->undo)
		c->undo();
	if (c->finish)
		c->finish();
	if (err && faults_left > 0) {
		pr_err("%s: error %d without a failed allocation\n", c->name, err);
		return -EIO;
	}
	return faults_left <= 0;
}

static int faults_run(const struct faults_call *c)
{
	int refused = 0, nth = 0, ret;

	do
		ret = faults_round(c, ++nth, &refused);
	while (ret > 0 && nth < FAULTS_MAX);
	pr_info("%s: %d allocations failed, %d calls refused\n", c->name, nth - 1,
		refused);
	if (ret)
		return -EIO;
	if (percpu || c->refusals)
		return refused >= max(c->refusals * !percpu, 1) ? 0 : -EIO;
	return refused ? -EIO : 0;
}

/* ---- padata ---- */

static struct padata_instance *faults_pinst;
static struct padata_shell *faults_ps;

static int faults_alloc(void)
{
	faults_pinst = padata_alloc("padata_faults");
	return faults_pinst ? 0 : -ENOMEM;
}

static int faults_alloc_on(void)
{
	faults_pinst = padata_alloc_on("padata_faults", system_wq,
				       cpumask_of(0), cpu_online_mask);
	return faults_pinst ? 0 : -ENOMEM;
}

static void faults_free(void)
{
	padata_free(faults_pinst);
}

static int faults_alloc_shell(void)
{
	faults_ps = padata_alloc_shell(faults_pinst);
	return faults_ps ? 0 : -ENOMEM;
}

static void faults_free_shell(void)
{
	padata_free_shell(faults_ps);
}

static int faults_add_kobject(void)
{
	return kobject_add(&faults_pinst->kobj, kernel_kobj, "padata_faults");
}

static int faults_set_cpumask(void)
{
	return padata_set_cpumask(faults_pinst, PADATA_CPU_PARALLEL, cpumask_of(0));
}

static int faults_alloc_all(void)
{
	int err = faults_alloc();

	if (err)
		return err;
	err = faults_alloc_shell();
	if (err)
		faults_free();
	return err;
}

static void faults_free_all(void)
{
	faults_free_shell();
	faults_free();
}

static int faults_call_free_all(void)
{
	faults_free_all();
	return 0;
}

static int faults_stop_start(void)
{
	padata_stop(faults_pinst);
	return padata_start(faults_pinst);
}

/* ---- jobs ---- */

/**
 * struct faults_job - one of the jobs that are always in flight
 * @padata: The job.
 * @nr: Its number.
 * @cb_cpu: The requested callback CPU.
 */
struct faults_job {
	struct padata_priv	padata;
	unsigned int		nr;
	int			cb_cpu;
};

static struct faults_job faults_jobs[FAULTS_JOBS];
static unsigned int faults_next;
static unsigned int faults_wrong;
static bool faults_started;
static bool faults_stopping;
static atomic_t faults_in_flight;
static DECLARE_COMPLETION(faults_idle);

static void faults_submit(struct faults_job *job)
{
	int cpu = job->cb_cpu;

	memset(&job->padata, 0, offsetof(struct padata_priv, parallel));
	/* The parallel mask is full, so a refusal is an error. */
	if (padata_do_parallel(faults_ps, &job->padata, &cpu)) {
		faults_wrong++;
		if (atomic_dec_and_test(&faults_in_flight))
			complete(&faults_idle);
	}
}

static void faults_parallel(struct padata_priv *padata)
{
	padata_do_serial(padata);
}

/*
 * Callbacks run one after the other, so plain variables suffice.  The first job
 * submits all others, so that all have one submitter, and with it an order.
 */
static void faults_serial(struct padata_priv *padata)
{
	struct faults_job *job = container_of(padata, struct faults_job, padata);
	int i;

	faults_wrong += job->nr != faults_next;
	faults_next = (job->nr + 1) % FAULTS_JOBS;
	for (i = 1; i < FAULTS_JOBS && !faults_started; i++)
		faults_submit(&faults_jobs[i]);
	faults_started = true;
	if (!READ_ONCE(faults_stopping))
		return faults_submit(job);
	if (atomic_dec_and_test(&faults_in_flight))
		complete(&faults_idle);
}

static void faults_start_jobs(int cb_cpu)
{
	int i;

	atomic_set(&faults_in_flight, FAULTS_JOBS);
	for (i = 0; i < FAULTS_JOBS; i++) {
		faults_jobs[i].padata.parallel = faults_parallel;
		faults_jobs[i].padata.serial = faults_serial;
		faults_jobs[i].nr = i;
		faults_jobs[i].cb_cpu = cb_cpu;
	}
	faults_next = 0;
	faults_started = false;
	faults_submit(&faults_jobs[0]);
}

static int faults_stop_jobs(void)
{
	WRITE_ONCE(faults_stopping, true);
	if (!wait_for_completion_timeout(&faults_idle, FAULTS_TIMEOUT))
		return -ETIMEDOUT;
	return faults_wrong ? -EIO : 0;
}

/* Neither submission nor callbacks allocate, so no call may be refused. */
static int faults_do_parallel(void)
{
	faults_stopping = false;
	faults_start_jobs(0);
	return faults_stop_jobs();
}

/* ---- CPUs ---- */

static int faults_cpus_moved;

static int faults_move_cpu(unsigned int cpu)
{
	int err;

	/* The first allocation of the callback would fail. */
	WRITE_ONCE(faults_nth, 1);
	err = remove_cpu(cpu) ?: add_cpu(cpu);
	WRITE_ONCE(faults_nth, 0);
	faults_cpus_moved += !err;
	return err;
}

/* The probed callback must not have come to an allocation: still 1 to go. */
static int faults_hotplug(const struct faults_call *c)
{
	unsigned int cpu = cpumask_last(cpu_online_mask);
	int i, err, stopped;

	err = faults_alloc_all();
	if (err)
		return err;
	faults_start_jobs(cpu);
	for (i = 0; i < FAULTS_CYCLES && !err; i++) {
		faults_left = -1;
		err = faults_move_cpu(cpu);
		if (!err && faults_left != 1)
			err = -EIO;
	}
	stopped = faults_stop_jobs();
	pr_info("%s: %d of %d times, %d allocations to go, %d jobs wrong\n", c->name,
		faults_cpus_moved, FAULTS_CYCLES, faults_left, faults_wrong);
	/* A job that is lost keeps all of it. */
	if (stopped == -ETIMEDOUT)
		return 0;
	faults_free_all();
	return err ?: stopped;
}

/* ---- pcrypt ---- */

static struct crypto_tfm *faults_tfm;

static int faults_alloc_aead(void)
{
	struct crypto_aead *aead = crypto_alloc_aead(driver, 0, 0);

	if (IS_ERR(aead))
		return PTR_ERR(aead);
	faults_tfm = crypto_aead_tfm(aead);
	return 0;
}

static int faults_alloc_skcipher(void)
{
	struct crypto_skcipher *cipher = crypto_alloc_skcipher(driver, 0, 0);

	if (IS_ERR(cipher))
		return PTR_ERR(cipher);
	faults_tfm = crypto_skcipher_tfm(cipher);
	return 0;
}

static int faults_alloc_tfm(void)
{
	return skcipher ? faults_alloc_skcipher() : faults_alloc_aead();
}

static void faults_free_tfm(void)
{
	if (skcipher)
		crypto_free_skcipher(__crypto_skcipher_cast(faults_tfm));
	else
		crypto_free_aead(__crypto_aead_cast(faults_tfm));
}

/* The instance stays, so each round has the same allocations. */
static int faults_make_instance(void)
{
	int err = faults_alloc_tfm();

	if (!err)
		faults_free_tfm();
	return err;
}

/* The instance goes, too, so that the next round makes another. */
static void faults_free_instance(void)
{
	struct crypto_alg *alg = faults_tfm->__crt_alg;

	crypto_unregister_instance(container_of(alg, struct crypto_instance, alg));
	faults_free_tfm();
}

static int faults_setkey(void)
{
	static const u8 key[16] = { 1 };

	return crypto_aead_setkey(__crypto_aead_cast(faults_tfm), key, sizeof(key));
}

static const struct faults_call faults_calls[] = {
	{ .name = "padata_alloc", .call = faults_alloc, .undo = faults_free,
	  .refusals = 4 },
	{ .name = "padata_alloc_on", .call = faults_alloc_on, .undo = faults_free,
	  .refusals = 2 },
	{ .name = "padata_alloc_shell", .prepare = faults_alloc,
	  .call = faults_alloc_shell, .undo = faults_free_shell,
	  .finish = faults_free, .refusals = 1 },
	{ .name = "padata_set_cpumask", .prepare = faults_alloc,
	  .call = faults_set_cpumask, .finish = faults_free, .refusals = 1 },
	{ .name = "kobject_add", .prepare = faults_alloc,
	  .call = faults_add_kobject, .finish = faults_free, .refusals = 10 },
	{ .name = "padata_stop_start", .prepare = faults_alloc,
	  .call = faults_stop_start, .finish = faults_free },
	{ .name = "padata_do_parallel", .prepare = faults_alloc_all,
	  .call = faults_do_parallel, .finish = faults_free_all },
	{ .name = "padata_free", .prepare = faults_alloc_all,
	  .call = faults_call_free_all },
	{ .name = "padata_cpu_offline", .probe = "padata_mod:padata_cpu_offline" },
	{ .name = "padata_cpu_online", .probe = "padata_mod:padata_cpu_online" },
	{ .name = "pcrypt_create", .call = faults_alloc_tfm,
	  .undo = faults_free_instance, .probe = "pcrypt_mod:pcrypt_create", .refusals = 1 },
	{ .name = "crypto_alloc_tfm", .prepare = faults_make_instance,
	  .call = faults_alloc_tfm,
	  .undo = faults_free_tfm, .refusals = 4 },
	{ .name = "crypto_aead_setkey", .prepare = faults_alloc_tfm,
	  .call = faults_setkey, .finish = faults_free_tfm, .refusals = 1 },
};

static const struct faults_call *faults_find(void)
{
	int i;

	for (i = 0; call && i < ARRAY_SIZE(faults_calls); i++)
		if (!strcmp(call, faults_calls[i].name))
			return &faults_calls[i];
	return NULL;
}

static int faults_do(const struct faults_call *c)
{
	struct kretprobe *probe = NULL;
	int err;

	if (percpu) {
		probe = &faults_percpu_probe;
	} else if (c->probe) {
		probe = &faults_probe;
		probe->kp.symbol_name = c->probe;
	}
	err = probe ? register_kretprobe(probe) : 0;
	if (err)
		return err;
	err = c->call ? faults_run(c) : faults_hotplug(c);
	if (probe) {
		unregister_kretprobe(probe);
		if (probe->nmissed)
			err = -EIO;
	}
	return err;
}

static int __init padata_faults_init(void)
{
	const struct faults_call *c = faults_find();

	return c ? faults_do(c) : -EINVAL;
}
module_init(padata_faults_init);

static void __exit padata_faults_exit(void)
{
}
module_exit(padata_faults_exit);

MODULE_DESCRIPTION("Lets each allocation of a call fail once");
MODULE_LICENSE("GPL");
