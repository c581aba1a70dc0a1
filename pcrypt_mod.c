// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: a crypto template that spreads the requests of an AEAD or skcipher over
 * CPUs and completes them in the order in which they were submitted.
 *
 * A request is a padata job: parallel() gives it to the wrapped algorithm, the
 * child, and serial() completes it for the caller.  Each transform has a shell,
 * which is an ordered stream, per direction, so a transform never waits for
 * another one's requests.  No request leaves its stream: whatever the cpumasks
 * are, it is answered in its turn.
 *
 * Who may make what: any program can have pcrypt(X) made, for any X, by asking
 * for it through AF_ALG.  That must not change what the rest of the system
 * uses, so its priority lies below the child's, unless root said otherwise by
 * the module parameters "algs" and "open".  The priority of an algorithm never
 * changes: to promote or demote one is to unregister it and have it made anew.
 *
 * Lifetimes: a transform may be freed in softirq, from an RCU callback and
 * inside its own last completion.  Its shells are only let go of then; each job
 * in flight holds its shell.  Nothing but module exit waits.
 */

#define pr_fmt(fmt) "pcrypt: " fmt

#include <crypto/algapi.h>
#include <crypto/internal/aead.h>
#include <crypto/internal/skcipher.h>
#include <crypto/scatterwalk.h>
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/fips.h>
#include <linux/kernfs.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "padata.h"

/* A build with PADATA_BUSTED=n has the planted bug n, which a test must catch. */
#ifndef PADATA_BUSTED
#define PADATA_BUSTED 0
#endif
#define busted(n) (PADATA_BUSTED == (n))

/* How far above its child an algorithm is put that root wants to be used. */
#define PCRYPT_PROMOTION	100

/* As long as the crypto API itself waits for an algorithm in the making. */
#define PCRYPT_MAKING_TIMEOUT_SECONDS	60

static bool prefer_all;
module_param_named(open, prefer_all, bool, 0444);
MODULE_PARM_DESC(open,
		 "prefer all that is ever made, by whomever, to what it wraps (default: no)");

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

/*
 * What costs less than to wake another CPU, and to be woken by it: a page, with
 * room for its tag and associated data.
 */
static unsigned int alone_bytes = 4352;
module_param(alone_bytes, uint, 0644);
MODULE_PARM_DESC(alone_bytes,
		 "up to this many bytes a request of a user who waits for each is done at once, where it is sent; 0: never (default: 4352)");

/*
 * How many requests of a user who waits for each are done at once before one is not,
 * to see whether he still does: at first so many, then twice as many, up to a limit.
 */
#define PCRYPT_ALONE_MIN	8U
#define PCRYPT_ALONE_MAX	512U

/* One instance of padata, hence one pair of cpumasks, per direction. */
enum pcrypt_dir {
	PCRYPT_ENCRYPT,
	PCRYPT_DECRYPT,
	PCRYPT_NR_DIRS,
};

static const char *const pcrypt_pinst_names[PCRYPT_NR_DIRS] = {
	"pencrypt", "pdecrypt",
};

/* What can be wrapped; see pcrypt_kind.c. */
enum pcrypt_kind_nr {
	PCRYPT_AEAD,
	PCRYPT_SKCIPHER,
	PCRYPT_NR_KINDS,
};

static struct padata_instance *pcrypt_pinst[PCRYPT_NR_DIRS];
static struct kset *pcrypt_kset;

/* The callback CPU that the next transform asks for. */
static atomic_t pcrypt_next_cb_cpu;

struct pcrypt_inst;

/**
 * struct pcrypt_kind - what the crypto API has for a kind of algorithm
 * @type: Its number.
 * @inst_size: Bytes of an instance, without ours.
 * @inst_base: Where in it the crypto_instance begins.
 * @tfm_base: Where in a transform the crypto_tfm begins.
 * @grab: Finds the child by name, under a mask.
 * @fill: Fills in what only this kind has.
 * @register_inst: Registers.
 * @open: Makes a transform; or an error pointer.
 */
struct pcrypt_kind {
	u32 type;
	size_t inst_size;
	size_t inst_base;
	size_t tfm_base;
	int (*grab)(struct pcrypt_inst *pi, const char *name, u32 mask);
	void (*fill)(struct pcrypt_inst *pi);
	int (*register_inst)(struct crypto_template *tmpl,
			     struct pcrypt_inst *pi);
	void *(*open)(const char *name);
};

/**
 * struct pcrypt_inst - one algorithm pcrypt(NAME), in the crypto API's instance
 * @spawn: The wrapped algorithm.
 * @aead_spawn: The same.
 * @skcipher_spawn: The same.
 * @kind: Of what kind both are.
 * @list: In pcrypt_insts; empty when it is not there.
 * @alg: What is registered of it.
 * @promoted: Its priority is above the child's.
 * @child: Driver name of the wrapped algorithm; kept, because the algorithm
 *	itself may be gone while we are still used.
 *
 * All but @list is constant once the algorithm is registered.
 */
struct pcrypt_inst {
	union {
		struct crypto_spawn spawn;
		struct crypto_aead_spawn aead_spawn;
		struct crypto_skcipher_spawn skcipher_spawn;
	};
	const struct pcrypt_kind *kind;
	struct list_head list;
	struct crypto_alg *alg;
	bool promoted;
	char child[CRYPTO_MAX_ALG_NAME];
};

/**
 * struct pcrypt_making - a driver name for which pcrypt_create() is at work
 * @list: In pcrypt_makings.
 * @driver_name: pcrypt(NAME); a copy, since others may free the instance as
 *	soon as it is registered.
 */
struct pcrypt_making {
	struct list_head list;
	char driver_name[CRYPTO_MAX_ALG_NAME];
};

/**
 * struct pcrypt_listed - a name that root listed in "algs"
 * @list: In pcrypt_algs.
 * @kind: Of what it stands for.
 * @cra_name: Generic name of that.
 * @driver_name: pcrypt(@name).
 * @name: As listed.
 * @err: Why it could not be made the last time, or 0.
 *
 * All but @err is constant once it is in pcrypt_algs.
 */
struct pcrypt_listed {
	struct list_head list;
	const struct pcrypt_kind *kind;
	char cra_name[CRYPTO_MAX_ALG_NAME];
	char driver_name[CRYPTO_MAX_ALG_NAME];
	char name[CRYPTO_MAX_ALG_NAME];
	int err;
};

/**
 * struct pcrypt_stream - one direction of a transform
 * @ps: The order of its requests.
 * @lock: Protects what is below.  Task or softirq; nothing nests in it.
 * @in_flight: Requests that were accepted and not completed.
 * @nr_alone: How many requests are in a row that may be done at once; 0 after one
 *	that was sent while others were in flight.
 * @alone_left: How many of them are left, however long ago the last one was sent.
 * @backlog: Those of them whose users were told -EBUSY, and have yet to be told
 *	-EINPROGRESS; the oldest first.
 */
struct pcrypt_stream {
	struct padata_shell *ps;
	spinlock_t lock; /* for what is below */
	unsigned int in_flight;
	unsigned int nr_alone;
	unsigned int alone_left;
	struct list_head backlog;
};

/**
 * struct pcrypt_tfm - our part of a transform
 * @child: Transform of the wrapped algorithm.
 * @aead_child: The same.
 * @skcipher_child: The same.
 * @stream: One per direction.
 * @max_requests: The limit for each stream.
 * @cb_cpu: The callback CPU to ask for; the same for all requests, because
 *	padata promises the order among those that ask for the same one.
 */
struct pcrypt_tfm {
	union {
		void *child;
		struct crypto_aead *aead_child;
		struct crypto_skcipher *skcipher_child;
	};
	struct pcrypt_stream stream[PCRYPT_NR_DIRS];
	unsigned int max_requests;
	int cb_cpu;
};

/**
 * struct pcrypt_request - our part of a request
 * @padata: The job; its @info is the result.
 * @backlog: In the stream's backlog; empty when it is not there.
 * @req: The user's request, whose part we are.
 * @dir: Which way.
 * @kind: Which of the following it is.
 * @aead_creq: The child's request, followed by the child's part of it.
 * @skcipher_creq: The same.
 */
struct pcrypt_request {
	struct padata_priv padata;
	struct list_head backlog;
	struct crypto_async_request *req;
	enum pcrypt_dir dir;
	enum pcrypt_kind_nr kind;
	union {
		struct aead_request aead_creq;
		struct skcipher_request skcipher_creq;
	};
};

/*
 * Who changes what root listed, or makes it so, holds pcrypt_algs_mutex.  It
 * nests in the lock of the module's parameters.  Its owner waits for instances
 * to be made, so nobody who makes one takes it.
 *
 * pcrypt_lock protects the lists below and pcrypt_up; pcrypt_algs changes under
 * both, so either is enough to read it.  Task context only.  It nests in the
 * crypto API's own lock, and nothing nests in it.
 */
static DEFINE_MUTEX(pcrypt_algs_mutex);
static DEFINE_SPINLOCK(pcrypt_lock);
static LIST_HEAD(pcrypt_insts);
static LIST_HEAD(pcrypt_makings);
static LIST_HEAD(pcrypt_algs);
static DECLARE_WAIT_QUEUE_HEAD(pcrypt_made);

/* The template can be used: what root lists is made at once. */
static bool pcrypt_up;

static u32 pcrypt_child_flags(const struct crypto_async_request *req);
static void pcrypt_done(compat_completion_arg arg, int err);
static int pcrypt_crypt(struct pcrypt_request *preq,
			struct crypto_async_request *req, enum pcrypt_dir dir,
			unsigned int len);
static int pcrypt_init_tfm(struct crypto_tfm *tfm);
static void pcrypt_exit_tfm(struct crypto_tfm *tfm);
static void pcrypt_free_inst(struct pcrypt_inst *pi);

static struct crypto_instance *pcrypt_base(struct pcrypt_inst *pi)
{
	return container_of(pi->alg, struct crypto_instance, alg);
}

/* Of an algorithm of ours. */
static struct pcrypt_inst *pcrypt_inst_of(struct crypto_alg *alg)
{
	return crypto_instance_ctx(container_of(alg, struct crypto_instance, alg));
}

#include "pcrypt_kind.c"

/*
 * Requests
 */

static struct pcrypt_stream *pcrypt_stream_of(struct pcrypt_request *preq)
{
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(preq->req->tfm);

	return &ctx->stream[preq->dir];
}

/*
 * Where each user waits for its request before it sends another one there is
 * nothing to do beside it: on its way to another CPU and back it would only get
 * older.  Nobody says that he waits, so a request that begins alone is sent on
 * its way, and if it has ended before the next one comes that one, and some
 * after it, are done here and now; then the way is tried again.  Those who send
 * in bursts, and by chance one by one, lose little: the first such row is short.
 * Those that are too large, or come while padata is not done with the one before, are
 * of the row, too.
 *
 * Under the stream's lock, before the request is counted.
 */
static bool pcrypt_is_alone(struct pcrypt_stream *stream, unsigned int len)
{
	unsigned int most = READ_ONCE(alone_bytes);

	if (stream->in_flight) {
		stream->nr_alone = 0;
		stream->alone_left = 0;
		return false;
	}
	if (!stream->alone_left) {
		stream->nr_alone = clamp(stream->nr_alone * 2, PCRYPT_ALONE_MIN,
					 PCRYPT_ALONE_MAX);
		stream->alone_left = stream->nr_alone;
		return false;
	}
	stream->alone_left--;
	return most && len <= most;
}

/*
 * Beyond the limit a request is refused, or accepted with -EBUSY if its user is
 * ready to wait for -EINPROGRESS before it sends more.  What is accepted goes
 * into the order of its stream at once all the same, so nothing overtakes it
 * and it needs nobody to send it on later: what is held back is the user.
 *
 * Returns what to tell the user; @alone says whether the request is better done
 * here and now.  With softirqs disabled.
 */
static int pcrypt_enter(struct pcrypt_request *preq, unsigned int len, bool *alone)
{
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(preq->req->tfm);
	struct pcrypt_stream *stream = &ctx->stream[preq->dir];
	int answer = -EINPROGRESS;

	INIT_LIST_HEAD(&preq->backlog);
	spin_lock(&stream->lock);
	*alone = pcrypt_is_alone(stream, len);
	if (stream->in_flight >= ctx->max_requests && !busted(24))
		answer = preq->req->flags & CRYPTO_TFM_REQ_MAY_BACKLOG ?
			 -EBUSY : -ENOSPC;
	if (answer != -ENOSPC)
		stream->in_flight++;
	if (answer == -EBUSY)
		list_add_tail(&preq->backlog, &stream->backlog);
	spin_unlock(&stream->lock);
	return answer;
}

/*
 * Returns the request whose user may go on, or NULL: the oldest of the backlog,
 * whose place is within the limit now.  It is @preq itself if that is still
 * there, which takes two users who send at the same time: the order in which
 * they enter the backlog is not always that of the stream.
 *
 * With softirqs disabled.
 */
static struct pcrypt_request *pcrypt_leave(struct pcrypt_stream *stream,
					   struct pcrypt_request *preq)
{
	struct pcrypt_request *next = preq;

	spin_lock(&stream->lock);
	stream->in_flight--;
	if (list_empty(&preq->backlog))
		next = list_first_entry_or_null(&stream->backlog,
						struct pcrypt_request, backlog);
	if (next)
		list_del_init(&next->backlog);
	spin_unlock(&stream->lock);
	return next;
}

static void pcrypt_plant(struct pcrypt_request *preq)
{
	if (busted(20) && preq->dir == PCRYPT_ENCRYPT && !preq->padata.info)
		pcrypt_planted_bug(preq);
	if (busted(26))
		pcrypt_planted_iv(preq);
}

/*
 * The request and its transform may be gone when this returns.  The one that is
 * told to go on is not: it was in the backlog, so its own pcrypt_serial() has
 * not begun, and those of a stream never overlap.
 */
static void pcrypt_serial(struct padata_priv *padata)
{
	struct pcrypt_request *preq =
		container_of(padata, struct pcrypt_request, padata);
	struct pcrypt_request *next = pcrypt_leave(pcrypt_stream_of(preq), preq);

	if (next)
		crypto_request_complete(next->req, -EINPROGRESS);
	pcrypt_plant(preq);
	crypto_request_complete(preq->req, padata->info);
}

/* The child's completion. */
static void pcrypt_done(compat_completion_arg arg, int err)
{
	struct pcrypt_request *preq = compat_completion_data(arg);

	/* Only tells that the request has left the child's backlog. */
	if (err == -EINPROGRESS)
		return;
	preq->padata.info = err;
	padata_do_serial(&preq->padata);
}

static void pcrypt_parallel(struct padata_priv *padata)
{
	struct pcrypt_request *preq =
		container_of(padata, struct pcrypt_request, padata);
	/* Read now: once the child has accepted the request, it may be gone. */
	bool backlog = preq->req->flags & CRYPTO_TFM_REQ_MAY_BACKLOG;
	int err = pcrypt_run(preq);

	/* Accepted, and pcrypt_done() is called, or was. */
	if (err == -EINPROGRESS || (err == -EBUSY && backlog))
		return;
	padata->info = err;
	padata_do_serial(padata);
}

/* The child runs with softirqs disabled. */
static u32 pcrypt_child_flags(const struct crypto_async_request *req)
{
	return req->flags & ~CRYPTO_TFM_REQ_MAY_SLEEP;
}

/* The instances are never stopped, so that @preq is not accepted can't happen. */
static int pcrypt_not_submitted(struct pcrypt_stream *stream,
				struct pcrypt_request *preq, int err)
{
	WARN_ON_ONCE(1);
	pcrypt_leave(stream, preq);
	return err;
}

/*
 * The request is done and has left the order.  Nobody is told to go on for it:
 * the request that would be may complete any moment.  Each of those who wait has a
 * request in flight, which tells one of them when it completes.
 */
static int pcrypt_done_alone(struct pcrypt_stream *stream,
			     struct pcrypt_request *preq)
{
	spin_lock(&stream->lock);
	stream->in_flight--;
	spin_unlock(&stream->lock);
	pcrypt_plant(preq);
	return preq->padata.info;
}

/* With softirqs disabled. */
static int pcrypt_submit(struct pcrypt_request *preq, unsigned int len)
{
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(preq->req->tfm);
	struct pcrypt_stream *stream = &ctx->stream[preq->dir];
	int cb_cpu = ctx->cb_cpu;
	int answer, err = -EAGAIN;
	bool alone;

	answer = pcrypt_enter(preq, len, &alone);
	if (answer == -ENOSPC)
		return answer;
	if (alone)
		err = padata_do_alone(stream->ps, &preq->padata, &cb_cpu);
	if (err == 1)
		return pcrypt_done_alone(stream, preq);
	if (err == -EAGAIN)
		err = padata_do_parallel(stream->ps, &preq->padata, &cb_cpu);
	/*
	 * No CPU is left in a cpumask.  Users of the cipher are served all the
	 * same, and in order: past the shell it would overtake.
	 */
	if (err == -EINVAL)
		err = padata_do_inline(stream->ps, &preq->padata, &cb_cpu);
	return err ? pcrypt_not_submitted(stream, preq, err) : answer;
}

/* The child's request is ready; @len says how much work it is, in bytes. */
static int pcrypt_crypt(struct pcrypt_request *preq,
			struct crypto_async_request *req, enum pcrypt_dir dir,
			unsigned int len)
{
	int answer;

	memset(&preq->padata, 0, sizeof(preq->padata));
	preq->padata.parallel = pcrypt_parallel;
	preq->padata.serial = pcrypt_serial;
	preq->req = req;
	preq->dir = dir;
	local_bh_disable();
	answer = pcrypt_submit(preq, len);
	local_bh_enable();
	return answer;
}

/*
 * Transforms
 */

static struct crypto_tfm *pcrypt_tfm_in(const struct pcrypt_kind *kind,
					void *handle)
{
	return handle + kind->tfm_base;
}

/* Also of an error pointer. */
static void pcrypt_close(const struct pcrypt_kind *kind, void *handle)
{
	crypto_destroy_tfm(handle, pcrypt_tfm_in(kind, handle));
}

/* May run in softirq and inside pcrypt_serial(): must not wait for anything. */
static void pcrypt_exit_tfm(struct crypto_tfm *tfm)
{
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(tfm);
	int dir;

	for (dir = 0; dir < PCRYPT_NR_DIRS; dir++)
		padata_put_shell(ctx->stream[dir].ps);
	pcrypt_close(pcrypt_inst_of(tfm->__crt_alg)->kind, ctx->child);
}

static int pcrypt_init_tfm(struct crypto_tfm *tfm)
{
	struct pcrypt_inst *pi = pcrypt_inst_of(tfm->__crt_alg);
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(tfm);
	void *child = crypto_spawn_tfm2(&pi->spawn);
	int dir;

	if (IS_ERR(child))
		return PTR_ERR(child);
	ctx->child = child;
	for (dir = 0; dir < PCRYPT_NR_DIRS; dir++) {
		struct pcrypt_stream *stream = &ctx->stream[dir];

		spin_lock_init(&stream->lock);
		INIT_LIST_HEAD(&stream->backlog);
		stream->ps = padata_alloc_shell(pcrypt_pinst[dir]);
		if (!stream->ps)
			goto free_tfm;
	}
	ctx->max_requests = READ_ONCE(max_requests);
	/*
	 * No CPU has such a number, so padata takes it modulo the CPUs that may
	 * be used at the time: transforms are spread over them evenly.
	 */
	ctx->cb_cpu = nr_cpu_ids + (atomic_inc_return(&pcrypt_next_cb_cpu) & 0xffff);
	if (busted(25))
		ctx->cb_cpu = nr_cpu_ids;
	return 0;

free_tfm:
	/* Zeroed at first, so what was not allocated is NULL. */
	pcrypt_exit_tfm(tfm);
	return -ENOMEM;
}

/*
 * Instances
 */

static bool pcrypt_is_live(const struct pcrypt_inst *pi)
{
	/* Changed under a lock that modules do not see; any moment will do. */
	return !(data_race(pi->alg->cra_flags) &
		 (CRYPTO_ALG_DEAD | CRYPTO_ALG_DYING));
}

/* With pcrypt_lock held. */
static bool pcrypt_is_in_making(const char *driver_name)
{
	struct pcrypt_making *making;

	lockdep_assert_held(&pcrypt_lock);
	list_for_each_entry(making, &pcrypt_makings, list)
		if (!strcmp(making->driver_name, driver_name))
			return true;
	return false;
}

/*
 * Not every kernel refuses a second driver of the same name.  An instance that
 * the crypto API has torn down does not count, although old transforms may keep
 * it for long.
 */
static int pcrypt_try_begin(struct pcrypt_making *making)
{
	struct pcrypt_inst *pi;
	int err = 0;

	spin_lock(&pcrypt_lock);
	if (pcrypt_is_in_making(making->driver_name))
		err = -EBUSY;
	list_for_each_entry(pi, &pcrypt_insts, list)
		if (!err && pcrypt_is_live(pi) &&
		    !strcmp(pi->alg->cra_driver_name, making->driver_name))
			err = -EEXIST;
	if (!err)
		list_add(&making->list, &pcrypt_makings);
	spin_unlock(&pcrypt_lock);
	return err;
}

/*
 * A twin in the making may yet fail, so it is waited for: -EEXIST makes the
 * crypto API look for what then has to be there.
 */
static int pcrypt_begin(struct pcrypt_making *making)
{
	int err;

	wait_event_timeout(pcrypt_made,
			   (err = pcrypt_try_begin(making)) != -EBUSY,
			   PCRYPT_MAKING_TIMEOUT_SECONDS * HZ);
	return err;
}

static void pcrypt_end(struct pcrypt_making *making)
{
	spin_lock(&pcrypt_lock);
	list_del(&making->list);
	spin_unlock(&pcrypt_lock);
	wake_up_all(&pcrypt_made);
}

/* @meaning is what @name stands for. */
static int pcrypt_refuse_nesting(const char *name, const char *meaning)
{
	/* Whoever asked chose the name: it may hold newlines. */
	pr_notice_ratelimited("pcrypt(%*pE) refused: there is a pcrypt inside %*pE\n",
			      (int)strlen(name), name,
			      (int)strlen(meaning), meaning);
	return -ELOOP;
}

/* So that another child can be grabbed: each one is linked to the instance. */
static void pcrypt_drop_child(struct pcrypt_inst *pi)
{
	crypto_drop_spawn(&pi->spawn);
	memset(&pi->spawn, 0, sizeof(pi->spawn));
	pcrypt_base(pi)->spawns = NULL;
	pi->alg->cra_flags = 0;
}

/*
 * Where a promoted algorithm of ours is what @name means, its child is taken in
 * its place.
 */
static int pcrypt_grab_child(struct pcrypt_inst *pi, const char *name, u32 mask)
{
	int err;

	err = pi->kind->grab(pi, name, mask);
	if (!err && pi->spawn.alg->cra_module == THIS_MODULE) {
		strscpy(pi->child, pcrypt_inst_of(pi->spawn.alg)->child,
			sizeof(pi->child));
		pcrypt_drop_child(pi);
		err = pi->kind->grab(pi, pi->child, mask);
	}
	if (err)
		return err;
	strscpy(pi->child, pi->spawn.alg->cra_driver_name, sizeof(pi->child));
	if (strstr(pi->child, "pcrypt("))
		return pcrypt_refuse_nesting(name, pi->child);
	return 0;
}

/* With pcrypt_lock held. */
static bool pcrypt_is_listed(const struct pcrypt_inst *pi)
{
	struct pcrypt_listed *listed;

	lockdep_assert_held(&pcrypt_lock);
	list_for_each_entry(listed, &pcrypt_algs, list)
		if (listed->kind == pi->kind &&
		    !strcmp(listed->driver_name, pi->alg->cra_driver_name))
			return true;
	return false;
}

/*
 * Does root want it to be preferred?  With open=1 that is so unless another name
 * for the same cipher was listed.  With pcrypt_lock held.
 */
static bool pcrypt_is_wanted(const struct pcrypt_inst *pi)
{
	struct pcrypt_listed *listed;

	if (pcrypt_is_listed(pi))
		return true;
	list_for_each_entry(listed, &pcrypt_algs, list)
		if (!strcmp(listed->cra_name, pi->alg->cra_name))
			return false;
	return prefer_all;
}

/*
 * Registering an algorithm tears down what is built on those of the same
 * generic name and a lower priority.  Two promoted ones would do that to each
 * other for ever, so there is one per generic name.  With pcrypt_lock held.
 */
static bool pcrypt_is_free_to_promote(const struct pcrypt_inst *pi)
{
	struct pcrypt_inst *other;

	lockdep_assert_held(&pcrypt_lock);
	list_for_each_entry(other, &pcrypt_insts, list)
		if (other != pi && other->promoted && pcrypt_is_live(other) &&
		    !strcmp(other->alg->cra_name, pi->alg->cra_name))
			return false;
	return true;
}

static void pcrypt_enlist(struct pcrypt_inst *pi)
{
	spin_lock(&pcrypt_lock);
	pi->promoted = pcrypt_is_wanted(pi) && pcrypt_is_free_to_promote(pi);
	list_add(&pi->list, &pcrypt_insts);
	spin_unlock(&pcrypt_lock);
}

static void pcrypt_destroy_inst(struct pcrypt_inst *pi)
{
	spin_lock(&pcrypt_lock);
	list_del(&pi->list);
	spin_unlock(&pcrypt_lock);
	crypto_drop_spawn(&pi->spawn);
	kfree((void *)pcrypt_base(pi) - pi->kind->inst_base);
}

static void pcrypt_look_again(void);

/* Called by the crypto API once a registered instance is gone and unused. */
static void pcrypt_free_inst(struct pcrypt_inst *pi)
{
	bool promoted = pi->promoted;

	pcrypt_destroy_inst(pi);
	if (promoted)
		pcrypt_look_again();
}

/*
 * A tie would be won by the newest and nothing is below zero, so a child of
 * priority zero can't be undercut.
 */
static int pcrypt_set_priority(struct pcrypt_inst *pi, const char *name)
{
	int child_priority = pi->spawn.alg->cra_priority;

	pcrypt_enlist(pi);
	if (pi->promoted) {
		pi->alg->cra_priority = child_priority + PCRYPT_PROMOTION;
		return 0;
	}
	if (child_priority <= 0) {
		pr_notice_ratelimited("pcrypt(%s) refused: %s has priority 0; root can list it in algs\n",
				      name, pi->child);
		return -EPERM;
	}
	pi->alg->cra_priority = child_priority - 1;
	return 0;
}

static void pcrypt_fill_inst(struct pcrypt_inst *pi)
{
	const struct crypto_alg *child = pi->spawn.alg;

	strscpy(pi->alg->cra_name, child->cra_name, sizeof(pi->alg->cra_name));
	/* What has to be inherited was added when the child was grabbed. */
	pi->alg->cra_flags |= CRYPTO_ALG_ASYNC;
	pi->alg->cra_blocksize = child->cra_blocksize;
	pi->alg->cra_alignmask = child->cra_alignmask;
	pi->alg->cra_ctxsize = sizeof(struct pcrypt_tfm);
	pi->kind->fill(pi);
}

static struct pcrypt_inst *pcrypt_alloc_inst(const struct pcrypt_kind *kind,
					     const char *name)
{
	struct crypto_instance *base;
	struct pcrypt_inst *pi;
	char *driver_name;
	size_t size;
	void *inst;

	inst = kzalloc(kind->inst_size + sizeof(*pi), GFP_KERNEL);
	if (!inst)
		return ERR_PTR(-ENOMEM);
	base = inst + kind->inst_base;
	driver_name = base->alg.cra_driver_name;
	size = sizeof(base->alg.cra_driver_name);
	if (snprintf(driver_name, size, "pcrypt(%s)", name) >= size) {
		kfree(inst);
		return ERR_PTR(-ENAMETOOLONG);
	}
	pi = crypto_instance_ctx(base);
	pi->kind = kind;
	pi->alg = &base->alg;
	INIT_LIST_HEAD(&pi->list);
	return pi;
}

/* The caller is the only one to make an instance of this name. */
static int pcrypt_make(struct crypto_template *tmpl, struct pcrypt_inst *pi,
		       const char *name, u32 mask)
{
	int err;

	err = pcrypt_grab_child(pi, name, mask);
	if (err)
		return err;
	pcrypt_fill_inst(pi);
	err = pcrypt_set_priority(pi, name);
	if (err)
		return err;
	return pi->kind->register_inst(tmpl, pi);
}

static int pcrypt_make_once(struct crypto_template *tmpl,
			    const struct pcrypt_kind *kind, const char *name,
			    u32 mask)
{
	struct pcrypt_making making;
	struct pcrypt_inst *pi;
	int err;

	pi = pcrypt_alloc_inst(kind, name);
	if (IS_ERR(pi))
		return PTR_ERR(pi);
	strscpy(making.driver_name, pi->alg->cra_driver_name,
		sizeof(making.driver_name));
	err = pcrypt_begin(&making);
	if (!err) {
		err = pcrypt_make(tmpl, pi, name, mask);
		pcrypt_end(&making);
	}
	if (err)
		pcrypt_destroy_inst(pi);
	return err;
}

static bool pcrypt_is_for_all(const char *name)
{
	struct pcrypt_listed *listed;
	bool for_all = prefer_all;

	spin_lock(&pcrypt_lock);
	list_for_each_entry(listed, &pcrypt_algs, list)
		if (!strcmp(listed->name, name))
			for_all = true;
	spin_unlock(&pcrypt_lock);
	return for_all;
}

/*
 * rfc4106(pcrypt(gcm(aes))) is called rfc4106(gcm(aes)), too, and if it is the
 * only one of that name, everybody gets it.  So other templates may not have
 * what is not for all.  That a template asks shows in the type, where the crypto
 * API says that its child need not be approved by itself in FIPS mode.
 */
static int pcrypt_check_asker(struct rtattr **tb, const char *name)
{
	const struct crypto_attr_type *type = crypto_get_attr_type(tb);

	if (!(type->type & CRYPTO_ALG_FIPS_INTERNAL) || pcrypt_is_for_all(name))
		return 0;
	pr_notice_ratelimited("pcrypt(%*pE) refused inside another template; root can list it in algs\n",
			      (int)strlen(name), name);
	return -EPERM;
}

static int pcrypt_make_asked(struct crypto_template *tmpl, struct rtattr **tb,
			     const struct pcrypt_kind *kind, u32 mask)
{
	const char *name = crypto_attr_alg_name(tb[1]);
	int err;

	if (IS_ERR(name))
		return PTR_ERR(name);
	/* pcrypt(X,Y) would make pcrypt(X), which is not what was asked for. */
	if (tb[2])
		return -EINVAL;
	if (strstr(name, "pcrypt("))
		return pcrypt_refuse_nesting(name, name);
	err = pcrypt_check_asker(tb, name);
	return err ?: pcrypt_make_once(tmpl, kind, name, mask);
}

/* Nothing has this name, or what has it is of another kind. */
static bool pcrypt_is_not_there(int err)
{
	return err == -ENOENT || err == -EINVAL;
}

/*
 * Who asks over the crypto netlink socket need not say what kind it is to be:
 * then a name means what it finds first.  CRYPTO_ALG_ASYNC is part of the type,
 * so who insists on a synchronous algorithm gets -EINVAL: there is none.
 */
static int pcrypt_create(struct crypto_template *tmpl, struct rtattr **tb)
{
	int err = -EINVAL;
	u32 mask;
	int i;

	for (i = 0; i < PCRYPT_NR_KINDS && pcrypt_is_not_there(err); i++)
		if (!crypto_check_attr_type(tb, pcrypt_kinds[i]->type |
						CRYPTO_ALG_ASYNC, &mask))
			err = pcrypt_make_asked(tmpl, tb, pcrypt_kinds[i], mask);
	return err;
}

static struct crypto_template pcrypt_tmpl = {
	.name = "pcrypt",
	.create = pcrypt_create,
	.module = THIS_MODULE,
};

/*
 * What root listed
 */

static bool pcrypt_may_follow(char c)
{
	return isalnum(c) || (c && strchr("(),-._", c));
}

/* Length of the name at the start of @s, which ends at a comma or at the end. */
static int pcrypt_name_len(const char *s)
{
	int depth = 0;
	int len;

	for (len = 0; pcrypt_may_follow(s[len]) && (depth || s[len] != ','); len++) {
		if (s[len] == '(')
			depth++;
		else if (s[len] == ')' && !depth--)
			return -EINVAL;
	}
	if (depth || !len || (s[len] && s[len] != ','))
		return -EINVAL;
	if (len + sizeof("pcrypt()") > CRYPTO_MAX_ALG_NAME)
		return -ENAMETOOLONG;
	return len;
}

static void pcrypt_free_list(struct list_head *algs)
{
	struct pcrypt_listed *listed, *next;

	list_for_each_entry_safe(listed, next, algs, list) {
		list_del(&listed->list);
		kfree(listed);
	}
}

static int pcrypt_list_alg(struct list_head *algs, const char *name, int len)
{
	struct pcrypt_listed *listed = kzalloc(sizeof(*listed), GFP_KERNEL);

	if (!listed)
		return -ENOMEM;
	memcpy(listed->name, name, len);
	snprintf(listed->driver_name, sizeof(listed->driver_name), "pcrypt(%.*s)",
		 len, name);
	list_add_tail(&listed->list, algs);
	return 0;
}

static int pcrypt_refuse_list(const char *what, const char *s, int err)
{
	pr_err("algs: %s: \"%*pE\"\n", what, (int)strlen(s), s);
	return err;
}

/*
 * To look for a name of ours would be to load this module, which the module that
 * is being loaded would wait for.
 */
static int pcrypt_parse_algs(struct list_head *algs, const char *s)
{
	int err;
	int len;

	/* Else it could not be shown. */
	if (strlen(s) >= PAGE_SIZE - 1)
		return pcrypt_refuse_list("longer than a page", "", -EINVAL);
	if (strstr(s, "pcrypt"))
		return pcrypt_refuse_list("names what is to be wrapped, not pcrypt",
					  s, -EINVAL);
	while (*s) {
		len = pcrypt_name_len(s);
		if (len < 0)
			return pcrypt_refuse_list("not a list of names from here on",
						  s, len);
		err = pcrypt_list_alg(algs, s, len);
		if (err)
			return err;
		s += len;
		/* The comma; nothing behind it is an empty name. */
		if (*s && !*++s)
			return pcrypt_refuse_list("ends with a comma", "", -EINVAL);
	}
	return 0;
}

/* Only the name is listed; of which kind it is shows when it is there. */
static void *pcrypt_open_listed(struct pcrypt_listed *listed)
{
	void *handle = ERR_PTR(-ENOENT);
	int i;

	for (i = 0; i < PCRYPT_NR_KINDS && IS_ERR(handle) &&
	     pcrypt_is_not_there(PTR_ERR(handle)); i++) {
		listed->kind = pcrypt_kinds[i];
		handle = listed->kind->open(listed->name);
	}
	return handle;
}

/* Does it exist, and has nobody listed the same by another name? */
static int pcrypt_check_alg(struct list_head *algs, struct pcrypt_listed *listed)
{
	void *handle = pcrypt_open_listed(listed);
	struct pcrypt_listed *other;
	struct crypto_tfm *tfm;
	int err;

	if (IS_ERR(handle)) {
		err = PTR_ERR(handle);
		pr_err("algs: there is no AEAD or skcipher \"%s\" here (error %d)\n",
		       listed->name, err);
		/* From a module, insmod takes -ENOENT for a missing symbol. */
		return err == -ENOENT ? -EINVAL : err;
	}
	tfm = pcrypt_tfm_in(listed->kind, handle);
	strscpy(listed->cra_name, crypto_tfm_alg_name(tfm),
		sizeof(listed->cra_name));
	pcrypt_close(listed->kind, handle);
	list_for_each_entry(other, algs, list) {
		if (other == listed)
			break;
		if (strcmp(other->cra_name, listed->cra_name))
			continue;
		pr_err("algs: \"%s\" and \"%s\" are both %s, of which one can be preferred\n",
		       other->name, listed->name, listed->cra_name);
		return -EINVAL;
	}
	return 0;
}

static int pcrypt_check_algs(struct list_head *algs)
{
	struct pcrypt_listed *listed;
	int err;

	list_for_each_entry(listed, algs, list) {
		err = pcrypt_check_alg(algs, listed);
		if (err)
			return err;
	}
	return 0;
}

/*
 * Making it so: promoting what is listed, demoting what is not
 */

/*
 * Promoted but not listed any more; or listed and made before that, by someone
 * who may not promote.  With pcrypt_lock held.
 */
static bool pcrypt_is_unwanted(const struct pcrypt_inst *pi)
{
	if (!pcrypt_is_live(pi))
		return false;
	if (pi->promoted)
		return !pcrypt_is_wanted(pi);
	return pcrypt_is_listed(pi) && pcrypt_is_free_to_promote(pi);
}

/*
 * Gets a reference to an instance that is not as root wants it.  One in the
 * making may yet fail, and be freed then whoever has references: -EBUSY.  From
 * then on whoever frees an instance takes it out of the list first.
 */
static int pcrypt_try_get_unwanted(struct pcrypt_inst **unwanted)
{
	struct pcrypt_inst *pi;
	int err = -ENOENT;

	spin_lock(&pcrypt_lock);
	list_for_each_entry(pi, &pcrypt_insts, list) {
		if (!pcrypt_is_unwanted(pi))
			continue;
		if (pcrypt_is_in_making(pi->alg->cra_driver_name)) {
			err = -EBUSY;
		} else if (refcount_inc_not_zero(&pi->alg->cra_refcnt)) {
			/* For crypto_mod_put(); the caller has one, too. */
			__module_get(THIS_MODULE);
			*unwanted = pi;
			err = 0;
			break;
		}
	}
	spin_unlock(&pcrypt_lock);
	return err;
}

static struct pcrypt_inst *pcrypt_get_unwanted(void)
{
	struct pcrypt_inst *pi;
	int err;

	wait_event_timeout(pcrypt_made,
			   (err = pcrypt_try_get_unwanted(&pi)) != -EBUSY,
			   PCRYPT_MAKING_TIMEOUT_SECONDS * HZ);
	return err ? NULL : pi;
}

/* Whoever has a transform of it keeps that; nobody finds it any more. */
static void pcrypt_unregister_unwanted(void)
{
	struct pcrypt_inst *pi;

	while ((pi = pcrypt_get_unwanted())) {
		if (pi->promoted)
			pr_info("%s: not promoted any more\n",
				pi->alg->cra_driver_name);
		crypto_unregister_instance(pcrypt_base(pi));
		crypto_mod_put(pi->alg);
	}
}

static bool pcrypt_is_promoted(const struct pcrypt_listed *listed)
{
	const char *driver_name = listed->driver_name;
	struct pcrypt_inst *pi;
	bool found = false;

	spin_lock(&pcrypt_lock);
	list_for_each_entry(pi, &pcrypt_insts, list)
		if (pi->promoted && pcrypt_is_live(pi) &&
		    !strcmp(pi->alg->cra_driver_name, driver_name))
			found = !pcrypt_is_in_making(driver_name);
	spin_unlock(&pcrypt_lock);
	return found;
}

static int pcrypt_check_promoted(const struct pcrypt_listed *listed,
				 const struct crypto_tfm *tfm)
{
	struct pcrypt_inst *pi;

	if (tfm->__crt_alg->cra_module != THIS_MODULE)
		return -EEXIST;
	pi = pcrypt_inst_of(tfm->__crt_alg);
	if (!pi->promoted)
		return -EEXIST;
	pr_info("%s: promoted, wraps %s (priority %d)\n", listed->name, pi->child,
		pi->alg->cra_priority);
	return 0;
}

static bool pcrypt_promote(struct pcrypt_listed *listed)
{
	void *handle;
	int err;

	if (pcrypt_is_promoted(listed))
		return true;
	handle = listed->kind->open(listed->driver_name);
	err = PTR_ERR_OR_ZERO(handle);
	if (!err)
		err = pcrypt_check_promoted(listed, pcrypt_tfm_in(listed->kind, handle));
	pcrypt_close(listed->kind, handle);
	/* Tried again whenever something is registered: not each time a line. */
	if (err && err != listed->err)
		pr_err("%s: could not be made and promoted (error %d)\n",
		       listed->name, err);
	listed->err = err;
	return !err;
}

/*
 * With pcrypt_algs_mutex, and a reference to this module.  Returns whether all
 * that is listed is promoted.
 */
static bool pcrypt_settle(void)
{
	struct pcrypt_listed *listed;
	bool all = true;

	lockdep_assert_held(&pcrypt_algs_mutex);
	pcrypt_unregister_unwanted();
	list_for_each_entry(listed, &pcrypt_algs, list)
		if (!pcrypt_promote(listed))
			all = false;
	return all;
}

static void pcrypt_swap_algs(struct list_head *algs)
{
	LIST_HEAD(old);

	spin_lock(&pcrypt_lock);
	list_splice_init(&pcrypt_algs, &old);
	list_splice_init(algs, &pcrypt_algs);
	spin_unlock(&pcrypt_lock);
	list_splice(&old, algs);
}

/* Before the module is up, and on its way out, nothing can be made. */
static int pcrypt_change_algs(struct list_head *algs)
{
	int err;

	if (!READ_ONCE(pcrypt_up)) {
		pcrypt_swap_algs(algs);
		return 0;
	}
	/* Not for our code, to which sysfs holds on, but for what it makes. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	err = pcrypt_check_algs(algs);
	if (!err) {
		pcrypt_swap_algs(algs);
		/* Told apart from all that changes nothing. */
		err = pcrypt_settle() ? 0 : -EAGAIN;
	}
	module_put(THIS_MODULE);
	return err;
}

static int pcrypt_set_algs(const char *val, const struct kernel_param *kp)
{
	char *text = kstrdup(val, GFP_KERNEL);
	LIST_HEAD(algs);
	int err;

	if (!text)
		return -ENOMEM;
	err = pcrypt_parse_algs(&algs, strim(text));
	if (!err) {
		mutex_lock(&pcrypt_algs_mutex);
		err = pcrypt_change_algs(&algs);
		mutex_unlock(&pcrypt_algs_mutex);
	}
	pcrypt_free_list(&algs);
	kfree(text);
	return err;
}

static int pcrypt_get_algs(char *buffer, const struct kernel_param *kp)
{
	struct pcrypt_listed *listed;
	int len = 0;

	spin_lock(&pcrypt_lock);
	list_for_each_entry(listed, &pcrypt_algs, list)
		len += scnprintf(buffer + len, PAGE_SIZE - len, "%s%s",
				 len ? "," : "", listed->name);
	spin_unlock(&pcrypt_lock);
	return len + scnprintf(buffer + len, PAGE_SIZE - len, "\n");
}

/* The last of the module, also of one that could not be loaded. */
static void pcrypt_drop_algs(void *unused)
{
	pcrypt_free_list(&pcrypt_algs);
}

static const struct kernel_param_ops pcrypt_algs_ops = {
	.set = pcrypt_set_algs,
	.get = pcrypt_get_algs,
	.free = pcrypt_drop_algs,
};

module_param_cb(algs, &pcrypt_algs_ops, NULL, 0644);
MODULE_PARM_DESC(algs,
		 "AEADs and skciphers to wrap, and to prefer to what they wrap: NAME[,NAME...]");

/*
 * Coming back: the crypto API tears a promoted instance down when it registers
 * an algorithm that its child may have to give way to, or takes the child away.
 */

static void pcrypt_come_back(struct work_struct *work)
{
	/* On its way out, the module waits for this work. */
	if (!try_module_get(THIS_MODULE))
		return;
	mutex_lock(&pcrypt_algs_mutex);
	pcrypt_settle();
	mutex_unlock(&pcrypt_algs_mutex);
	module_put(THIS_MODULE);
}

static DECLARE_WORK(pcrypt_work, pcrypt_come_back);

static void pcrypt_look_again(void)
{
	spin_lock(&pcrypt_lock);
	if (pcrypt_up && !list_empty(&pcrypt_algs))
		queue_work(system_long_wq, &pcrypt_work);
	spin_unlock(&pcrypt_lock);
}

/*
 * What is there already is not asked for again, so pcrypt_check_asker() does not
 * see who wraps it.  Whoever may make algorithms over the crypto netlink socket
 * may do so; others are refused before anybody looks at the name.
 */
static int pcrypt_check_request(const char *name)
{
	if (strstarts(name, "pcrypt(") || !strstr(name, "pcrypt(") ||
	    capable(CAP_NET_ADMIN))
		return NOTIFY_DONE;
	pr_notice_ratelimited("%*pE refused: it is not for all, with a pcrypt inside\n",
			      (int)strlen(name), name);
	return NOTIFY_BAD;
}

/*
 * NOTIFY_DONE leaves what is asked for to the crypto manager, which comes behind;
 * NOTIFY_BAD is the end of it, with -ENOENT.
 */
static int pcrypt_notify(struct notifier_block *nb, unsigned long msg, void *data)
{
	const struct crypto_alg *alg = data;

	if (msg == CRYPTO_MSG_ALG_REQUEST)
		return pcrypt_check_request(alg->cra_name);
	/* With the crypto API's own lock held. */
	if (msg == CRYPTO_MSG_ALG_LOADED)
		pcrypt_look_again();
	return NOTIFY_DONE;
}

static struct notifier_block pcrypt_notifier = {
	.notifier_call = pcrypt_notify,
	.priority = 1,
};

/*
 * Module
 */

/*
 * The crypto core panics the machine when a module without a good signature
 * registers anything in FIPS mode.
 */
static int __init pcrypt_check_fips(void)
{
	if (!fips_enabled || compat_module_sig_ok(THIS_MODULE))
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
	if (err) {
		padata_free(pinst);
		return err;
	}
	kobject_uevent(&pinst->kobj, KOBJ_ADD);
	pcrypt_pinst[dir] = pinst;
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
	err = pcrypt_add_pinst(PCRYPT_ENCRYPT);
	if (err)
		goto remove_kset;
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
remove_kset:
	kset_unregister(pcrypt_kset);
	return err;
}

/* The parameters can be written already. */
static int __init pcrypt_mod_init(void)
{
	int err;

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
	cancel_work_sync(&pcrypt_work);
	crypto_unregister_template(&pcrypt_tmpl);
	padata_free(pcrypt_pinst[PCRYPT_DECRYPT]);
	padata_free(pcrypt_pinst[PCRYPT_ENCRYPT]);
	/*
	 * A child's completion may have yet to return from pcrypt_done(), after
	 * the job was called back elsewhere.  It runs with softirqs disabled.
	 */
	synchronize_rcu();
	kset_unregister(pcrypt_kset);
}

module_init(pcrypt_mod_init);
module_exit(pcrypt_mod_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Spreads the requests of AEADs and skciphers over CPUs, keeping their order");
MODULE_ALIAS_CRYPTO("pcrypt");
