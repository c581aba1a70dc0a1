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

/* In place of a CPU that is not known. */
#define PCRYPT_CPU_ANY		(-1)

/* What the module parameter "mode" allows. */
enum pcrypt_policy {
	PCRYPT_AUTO,		/* the rule decides, see pcrypt/rule.c */
	PCRYPT_ALL_DIRECT,	/* direct, but after requests that are in flight */
	PCRYPT_ALL_PARALLEL,	/* each request is a job of padata */
};

/* How requests of a stream are done. */
enum pcrypt_mode {
	PCRYPT_DIRECT,		/* by the CPU that sends them, past padata */
	PCRYPT_PARALLEL,	/* as jobs of padata */
	PCRYPT_RETURNING,	/* direct as soon as no job is in flight */
};

/* Size classes: less than 64 bytes, 128, 256 ... 256 KiB, and more. */
#define PCRYPT_NR_CLASSES	14
/*
 * Two direct requests are timed in so much time of direct work, which costs less than 1% of
 * it: one pair in so many requests at least, and at most.
 */
#define PCRYPT_SAMPLE_NS	50000U
#define PCRYPT_SAMPLE_MIN	4U
#define PCRYPT_SAMPLE_MAX	1024U
/* No more than that is added to a request by its timing: two reads of a clock, cold code. */
#define PCRYPT_TIMING_NS	64U
/* So many requests in a row make a period: the time of the timed ones has little weight. */
#define PCRYPT_MIN_PERIODS	4
/* So many samples make a mean: the first ones, of cold caches, have little weight then. */
#define PCRYPT_MIN_SAMPLES	32U
/* With so many half of them is forgotten: which CPUs have sent long ago does not count. */
#define PCRYPT_MAX_SAMPLES	256U
/* A stream is in direct mode for so long before parallel mode is tried at first. */
#define PCRYPT_WAIT_FIRST_MS	4U
/* Least time between two changes to parallel mode; doubled where it did not pay. */
#define PCRYPT_WAIT_MIN_MS	200U
#define PCRYPT_WAIT_MAX_MS	12800U
/*
 * Parallel mode that lasted so long has paid: the wait is the least one again.  Direct mode
 * is looked at anew then where it might be better.
 */
#define PCRYPT_PAID_MS		1000U
/* Time over which the rate of parallel mode is measured: at first, and then. */
#define PCRYPT_TRIAL_NS		(2 * NSEC_PER_MSEC)
#define PCRYPT_WINDOW_NS	(4 * NSEC_PER_MSEC)
/* A trial that is much worse than direct mode ends after a part of that time. */
#define PCRYPT_TRIAL_LEAST_NS	(PCRYPT_TRIAL_NS / 4)
/* A trial is over that has too few results so long after its first one. */
#define PCRYPT_TRIAL_MAX_NS	(20 * NSEC_PER_MSEC)
/* The same, where there is none, or only those that had waited. */
#define PCRYPT_UNSETTLED_NS	(200 * NSEC_PER_MSEC)
/*
 * So long nothing is in flight in a pause of the load, which says nothing of the mode.  A
 * shorter one may be the mode's own: its submitter waited, and other tasks had the CPU.
 */
#define PCRYPT_PAUSE_NS		(10 * NSEC_PER_MSEC)
/* After so long with nothing in flight the CPUs of a stream have settled, mostly. */
#define PCRYPT_REST_NS		(4 * NSEC_PER_MSEC)
/* The direct rate of a stream that has none: no other rate is better. */
#define PCRYPT_RATE_UNKNOWN	(U32_MAX / 2)
/* So many windows in a row in which parallel mode did not pay end it: at first, and then. */
#define PCRYPT_TRIAL_WINDOWS	2U
#define PCRYPT_BAD_WINDOWS	4U
/* So many jobs are handed over when the module is loaded, to see what that costs. */
#define PCRYPT_CALIBRATION_JOBS	64
/* One of so many requests in parallel mode reads the clock. */
#define PCRYPT_LOOK_EVERY	16U
/*
 * So long a submitter waits for direct mode at first; each wait in vain doubles the next one
 * up to the second, since the other CPU may be a virtual one; and so long waits each CPU in
 * PCRYPT_RETURN_MS, for all streams: half of that time.  The time begins with a wait, so the
 * end of one and the beginning of the next may meet.
 */
#define PCRYPT_SPIN_US		1000U
#define PCRYPT_SPIN_MAX_US	8000U
#define PCRYPT_SPIN_ALL_US	25000U
/* After so long without a job of a stream that leads none is followed any more: 100 ms. */
#define PCRYPT_FOLLOW_MS	100U
#define PCRYPT_FOLLOW_JIFFIES	(PCRYPT_FOLLOW_MS * HZ / MSEC_PER_SEC)
/*
 * So long the kernel may send because of results, its own or those of streams that followed:
 * 400 ms.  These need up to 150 to return, and TCP's timer for an acknowledgment 200.
 */
#define PCRYPT_LEAD_MS		400U
#define PCRYPT_LEAD_JIFFIES	(PCRYPT_LEAD_MS * HZ / MSEC_PER_SEC)
/* After so many requests it is known what sends those of a stream. */
#define PCRYPT_SENDER_LOOKS	256U
/* So long a stream returns before a submitter on the callback CPU is direct, at first. */
#define PCRYPT_HERE_MIN_MS	1U
/* So long a stream tries to return before its jobs are for other CPUs again. */
#define PCRYPT_RETURN_MS	50U

/**
 * struct pcrypt_rule - what decides on the mode of a stream
 * @child_ns: Mean time of the child by size class, 0 while unknown.
 * @busy_ns: Mean time of a direct request.
 * @gap_ns: Mean time from the end of a direct request to the next one.
 * @period_ns: Mean time from one direct request of the CPU to the next one, over those
 *	between two pairs of timed ones; 0 while unknown.
 * @nr_samples: Samples in @gap_ns since direct mode began and @gap_ns was below
 *	@busy_ns, the last ones of them.
 * @nr_moves: Of these, on another CPU than the one before.
 * @sample_cpu: The CPU of the last one.
 * @since: local_clock() when the mode began.
 * @wait_ms: Direct mode lasts so long at least.
 * @tried_ns: @busy_ns when parallel mode did not pay last.
 * @direct_rate: Time in the child per time in direct mode, in 1/1024.
 * @rate: The same in parallel mode, in the last window.
 * @result_at: local_clock() when the first result came out in parallel mode, then when the
 *	last one did that does not count, then when one that does left nothing in flight; or 0.
 *	While the stream returns, and @gave_up, when one left nothing in flight; or 0.
 * @done_ns: Time that results of this window would have taken in direct mode.
 * @window_since: local_clock() when the window began, or 0 before the first.
 * @skip: Results that do not count, since they waited for the change of mode.
 * @nr_windows: Windows since parallel mode began.
 * @nr_bad: Of these the last ones in a row that did not pay.
 * @nr_low: Of these the ones with less work than one CPU can do, less the others.
 * @nr_done: Results of this window, but for the one with which the first began.
 * @spin_us: So long the next wait is; 0: as long as the first one.
 * @here_ms: So long the stream returns before a submitter on the callback CPU is direct.
 * @direct_from: local_clock() from which on the stream may return to direct mode; earlier
 *	where it has rested, if @gave_up.
 * @gave_up: @direct_from is because the stream could not return, not because its child
 *	was late.
 * @late_ms: How long it may not after the child has completed a request later.
 * @follows: The stream encrypts, and left direct mode because another one had.
 *
 * The fields from @child_ns to @sample_cpu are samples, and are written without a lock:
 * two at a time lose one.  @tried_ns is, too.  All else is written under the stream's
 * lock; @since, @wait_ms, @here_ms, @direct_from, @gave_up, @result_at and @follows are read
 * without it, where a value that is torn on a 32-bit kernel makes one decision worse.
 */
struct pcrypt_rule {
	u32 child_ns[PCRYPT_NR_CLASSES];
	u32 busy_ns;
	u32 gap_ns;
	u32 period_ns;
	unsigned int nr_samples;
	unsigned int nr_moves;
	int sample_cpu;
	u64 since;
	unsigned int wait_ms;
	u32 tried_ns;
	u32 direct_rate;
	u32 rate;
	u64 result_at;
	u64 done_ns;
	u64 window_since;
	unsigned int skip;
	unsigned int nr_windows;
	unsigned int nr_bad;
	unsigned int nr_low;
	unsigned int nr_done;
	unsigned int spin_us;
	unsigned int here_ms;
	u64 direct_from;
	unsigned int late_ms;
	bool gave_up;
	bool follows;
};

/**
 * struct pcrypt_modes - counters of one direction
 * @nr_parallel: Streams in another mode than direct.
 * @to_parallel: Streams that have left direct mode.
 * @to_direct: Streams that have returned to it.
 * @nr_direct: Direct requests, up to the last one that was timed on each CPU.
 * @handover_ns: What it costs the submitter at least to hand a request over; written
 *	without a lock, as samples are.
 */
struct pcrypt_modes {
	atomic_t nr_parallel;
	atomic_long_t to_parallel;
	atomic_long_t to_direct;
	atomic_long_t nr_direct;
	u32 handover_ns;
};

static struct pcrypt_modes pcrypt_modes[PCRYPT_NR_DIRS];

/*
 * get_jiffies_64() when a job that leads was last submitted or called back, 0 before the
 * first: before streams that encrypt are told, and after.  Both are written under the lock,
 * which is taken under a stream's, and read without it by pcrypt_was_led() and
 * pcrypt_lead(); what they see is ordered by pcrypt_quick_gen.  A value that is torn on a
 * 32-bit kernel, every 2^32 jiffies, makes one decision worse.
 */
static u64 pcrypt_led_at, pcrypt_told_at;
/*
 * The stream that did, which may be freed only after pcrypt_forget_leader() and is compared,
 * no more; and when another one did.  Both are written and read as pcrypt_led_at.
 */
static const struct pcrypt_stream *pcrypt_led_by;
static u64 pcrypt_other_led_at;
static DEFINE_SPINLOCK(pcrypt_lead_lock);

/*
 * These six are written without protection, also by tasks that are moved meanwhile: that
 * makes a sample more or less.
 *
 * Direct requests of this CPU until one is timed, and the value when one was last.
 */
static DEFINE_PER_CPU(int, pcrypt_countdown);
static DEFINE_PER_CPU(int, pcrypt_counted_from);
/* local_clock() when a request was timed for the first half of a pair, or 0. */
static DEFINE_PER_CPU(u64, pcrypt_last_end);
/* local_clock() at the end of a pair, or 0 if the requests since then are not counted. */
static DEFINE_PER_CPU(u64, pcrypt_pair_end);
/* pcrypt_turn() then. */
static DEFINE_PER_CPU(unsigned long, pcrypt_pair_turn);
/* Requests that were run on this CPU in parallel mode; wraps. */
static DEFINE_PER_CPU(unsigned int, pcrypt_nr_run);
/*
 * get_jiffies_64() when one was called back here.  Written by this CPU with softirqs disabled;
 * other CPUs read it, ordered by sender:A.
 */
static DEFINE_PER_CPU(u64, pcrypt_result_at);
/*
 * What is left of the time that submitters on this CPU may wait for direct mode, and
 * local_clock() when it was all.  Written with softirqs disabled.  Where that excludes no
 * other task of the CPU, as on newer PREEMPT_RT kernels, two at a time wait longer by one
 * wait.
 */
static DEFINE_PER_CPU(unsigned int, pcrypt_spin_left_us);
static DEFINE_PER_CPU(u64, pcrypt_spin_since);

/* What is summed up over the streams of an instance, see pcrypt/view.c; totals come last. */
enum pcrypt_sum {
	PCRYPT_SUM_STREAMS_DIRECT,
	PCRYPT_SUM_STREAMS_PARALLEL,
	PCRYPT_SUM_IN_FLIGHT,
	PCRYPT_SUM_DIRECT,
	PCRYPT_SUM_PARALLEL,
	PCRYPT_SUM_REFUSED,
	PCRYPT_NR_SUMS,
};

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
 * @view: Its directory in sysfs; written under pcrypt_lock.
 * @made: Seconds since 1970, when it was made.
 * @tfm_lock: Protects what is below.  Task or softirq; nothing nests in it.
 * @tfms: Its transforms.
 * @nr_tfms: Their number; read without the lock, too.
 * @gone: Totals of transforms that were freed.
 *
 * All but @list, and what @tfm_lock protects, is constant once the algorithm is registered.
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
	struct kobject *view;
	time64_t made;
	spinlock_t tfm_lock; /* see above */
	struct list_head tfms;
	unsigned int nr_tfms;
	unsigned long gone[PCRYPT_NR_DIRS][PCRYPT_NR_SUMS];
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
 * @quick: pcrypt_quick_gen in direct mode when the next request need not be looked
 *	at, or 0; read without the lock, too.
 * @mode: How requests are done; read without the lock, too.
 * @lock: Protects writes of the two above, and what is below but for samples.  Task or
 *	softirq; padata looks up a CPU in it.
 * @cb_cpu: The callback CPU that requests in parallel mode ask for, or 0 if the next one
 *	takes a number.  Each change costs a fence.
 * @in_flight: Requests that were accepted and not completed, but for direct ones; read
 *	without the lock, too.
 * @serial_cpu: Where the last one was completed, or -1; read without the lock, too.
 * @nr_entered: Requests in parallel mode so far; wraps; read without the lock, too.
 * @nr_refused: Those of them that were refused, for which there was no room; read without
 *	the lock, too.
 * @backlog: Those of them whose users were told -EBUSY, and have yet to be told
 *	-EINPROGRESS; the oldest first.
 * @ns_per_kib: Mean cost of a KiB, by requests of PCRYPT_MEASURED_BYTES or more that
 *	succeeded, of which an eighth at most was associated data; 0 while unknown; read
 *	and written without the lock.
 * @last_cpu: Where the last request that might be direct was sent, or PCRYPT_CPU_ANY.
 *	Senders exchange it without the lock, so of two at the same time the second one sees
 *	the first.
 * @nr_looks: Requests that were looked at, up to PCRYPT_SENDER_LOOKS; written without the
 *	lock, and two at a time count as one.
 * @from_task: A task has sent one of them; never cleared, so written without the lock.
 * @from_softirq: A softirq has; as @from_task.
 * @nr_direct: Direct requests, up to the last one that was timed on each CPU.
 * @rule: Decides on the mode.
 */
struct pcrypt_stream {
	struct padata_shell *ps;
	int quick;
	enum pcrypt_mode mode;
	spinlock_t lock; /* see above */
	int cb_cpu;
	unsigned int in_flight;
	int serial_cpu;
	unsigned long nr_entered;
	unsigned long nr_refused;
	struct list_head backlog;
	u32 ns_per_kib;
	int last_cpu;
	unsigned int nr_looks;
	bool from_task;
	bool from_softirq;
	atomic_long_t nr_direct;
	struct pcrypt_rule rule;
};

/**
 * struct pcrypt_tfm - our part of a transform
 * @child: Transform of the wrapped algorithm.
 * @aead_child: The same.
 * @skcipher_child: The same.
 * @stream: One per direction.
 * @max_requests: The limit for each stream.
 * @may_be_async: The child may accept a request and complete it later.
 * @list: In pcrypt_inst::tfms.
 */
struct pcrypt_tfm {
	union {
		void *child;
		struct crypto_aead *aead_child;
		struct crypto_skcipher *skcipher_child;
	};
	struct pcrypt_stream stream[PCRYPT_NR_DIRS];
	unsigned int max_requests;
	bool may_be_async;
	struct list_head list;
};

/* pcrypt_request::way */
enum pcrypt_way {
	PCRYPT_LISTED,		/* its place in the order is taken */
	PCRYPT_UNLISTED,	/* a direct request, in the child's hands */
	PCRYPT_ENDED,		/* the same, completed before it was listed */
};

/**
 * struct pcrypt_request - our part of a request
 * @padata: The job.
 * @backlog: In the stream's backlog; empty when it is not there.
 * @req: The user's request, whose part we are.
 * @dir: Which way.
 * @way: Which way it takes, for a child that completes it later.
 * @err: Its result.
 * @work_ns: What it would take in direct mode, in parallel mode.
 * @entered_at: get_jiffies_64() when it became a job, its low half.
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
	atomic_t way;
	int err;
	u32 work_ns;
	u32 entered_at;
	bool here;
	unsigned int measured_len;
	enum pcrypt_kind_nr kind;
	union {
		struct aead_request aead_creq;
		struct skcipher_request skcipher_creq;
	};
};

/*
 * pcrypt_algs_mutex is held while root's list changes, and while what it names is
 * made.  It nests in the lock of the module's parameters.  Its owner waits for
 * instances to be made, so pcrypt_create() never takes it.
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

static bool pcrypt_is_live(const struct pcrypt_inst *pi)
{
	/* Changed under a lock that modules do not see; any moment will do. */
	return !(data_race(pi->alg->cra_flags) &
		 (CRYPTO_ALG_DEAD | CRYPTO_ALG_DYING));
}

static bool pcrypt_is_tested(const struct pcrypt_inst *pi)
{
	/* As above. */
	return data_race(pi->alg->cra_flags) & CRYPTO_ALG_TESTED;
}

#endif /* _PCRYPT_INTERNAL_H */
