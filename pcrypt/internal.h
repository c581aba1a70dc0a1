/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pcrypt: types, constants and shared state of all parts
 */
#ifndef _PCRYPT_INTERNAL_H
#define _PCRYPT_INTERNAL_H

/* How far above its child an algorithm is put that root wants to be used. */
#define PCRYPT_PROMOTION	100

/* How many lines about a listed name are logged per minute. */
#define PCRYPT_LINES_PER_MINUTE	10

/*
 * What a byte is assumed to cost until a request of the stream has been measured, in
 * nanoseconds per KiB: 10 MB per second, a slow cipher in C.
 */
#define PCRYPT_UNKNOWN_NS_PER_KIB	102400U
/* Shorter requests are not measured: what they cost does not come from their bytes. */
#define PCRYPT_MEASURED_BYTES		1024U

/* Changes that nothing tells of are seen after so long. */
#define PCRYPT_LOOK_SECONDS	10

/* As long as the crypto API itself waits for an algorithm in the making. */
#define PCRYPT_MAKING_TIMEOUT_SECONDS	60

/* One instance of padata, hence one pair of cpumasks, per direction. */
enum pcrypt_dir {
	PCRYPT_ENCRYPT,
	PCRYPT_DECRYPT,
	PCRYPT_NR_DIRS,
};

static const char *const pcrypt_pinst_names[PCRYPT_NR_DIRS] = {
	"pencrypt", "pdecrypt",
};

/* What can be wrapped; see pcrypt/kind_aead.c and pcrypt/kind_skcipher.c. */
enum pcrypt_kind_nr {
	PCRYPT_AEAD,
	PCRYPT_SKCIPHER,
	PCRYPT_NR_KINDS,
};

static struct padata_instance *pcrypt_pinst[PCRYPT_NR_DIRS];
static struct kset *pcrypt_kset;

/* The callback CPU that the next stream of a direction asks for. */
static atomic_t pcrypt_next_cb_cpu[PCRYPT_NR_DIRS];

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
 * @lines: Limits its lines in the log.
 *
 * All but @err and @lines is constant once it is in pcrypt_algs.
 */
struct pcrypt_listed {
	struct list_head list;
	const struct pcrypt_kind *kind;
	char cra_name[CRYPTO_MAX_ALG_NAME];
	char driver_name[CRYPTO_MAX_ALG_NAME];
	char name[CRYPTO_MAX_ALG_NAME];
	int err;
	struct ratelimit_state lines;
};

/**
 * struct pcrypt_stream - one direction of a transform
 * @ps: The order of its requests.
 * @lock: Protects what is below.  Task or softirq; nothing nests in it.
 * @cb_cpu: The callback CPU to ask for, from the first request on, and 0 before;
 *	the same for all, because padata promises the order among those that ask for
 *	the same one.
 * @in_flight: Requests that were accepted and not completed.
 * @nr_alone: How many requests are in a row that may be done at once; 0 after one
 *	that was sent while others were in flight.
 * @alone_left: How many of them are left, however long ago the last one was sent.
 * @backlog: Those of them whose users were told -EBUSY, and have yet to be told
 *	-EINPROGRESS; the oldest first.
 * @ns_per_kib: Mean cost of a request that may sleep, 0 while unknown; read and
 *	written without the lock.
 */
struct pcrypt_stream {
	struct padata_shell *ps;
	spinlock_t lock; /* for what is below */
	int cb_cpu;
	unsigned int in_flight;
	unsigned int nr_alone;
	unsigned int alone_left;
	struct list_head backlog;
	u32 ns_per_kib;
};

/**
 * struct pcrypt_tfm - our part of a transform
 * @child: Transform of the wrapped algorithm.
 * @aead_child: The same.
 * @skcipher_child: The same.
 * @stream: One per direction.
 * @max_requests: The limit for each stream.
 */
struct pcrypt_tfm {
	union {
		void *child;
		struct crypto_aead *aead_child;
		struct crypto_skcipher *skcipher_child;
	};
	struct pcrypt_stream stream[PCRYPT_NR_DIRS];
	unsigned int max_requests;
};

/**
 * struct pcrypt_request - our part of a request
 * @padata: The job; its @info is the result.
 * @backlog: In the stream's backlog; empty when it is not there.
 * @req: The user's request, whose part we are.
 * @dir: Which way.
 * @here: It is done by the task that sends it, with softirqs enabled.
 * @measured_len: Its length, if what it costs is to be measured, or 0.
 * @kind: Which of the following it is.
 * @aead_creq: The child's request, followed by the child's part of it.
 * @skcipher_creq: The same.
 */
struct pcrypt_request {
	struct padata_priv padata;
	struct list_head backlog;
	struct crypto_async_request *req;
	enum pcrypt_dir dir;
	bool here;
	unsigned int measured_len;
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
 * pcrypt_lock protects the lists below, pcrypt_up and pcrypt_changed; pcrypt_algs
 * changes under both, so either is enough to read it.  Task context only.  It nests in the
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

/* Makes what is registered as root wants it; set up when the module is loaded. */
static struct delayed_work pcrypt_look;
/* An algorithm was registered or freed since the last look. */
static bool pcrypt_changed;

/* ktime_get_ns() when our notifier had been registered; set before the template is. */
static u64 pcrypt_checks_since;

/* All algorithms of the crypto API, and its lock; exported, in no header for modules. */
extern struct list_head crypto_alg_list;
extern struct rw_semaphore crypto_alg_sem;

static struct crypto_instance *pcrypt_base(struct pcrypt_inst *pi)
{
	return container_of(pi->alg, struct crypto_instance, alg);
}

/* Of an algorithm of ours. */
static struct pcrypt_inst *pcrypt_inst_of(struct crypto_alg *alg)
{
	return crypto_instance_ctx(container_of(alg, struct crypto_instance, alg));
}

#endif /* _PCRYPT_INTERNAL_H */
