/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * padata: exclusion rules, types and constants of all parts
 */
#ifndef _PADATA_INTERNAL_H
#define _PADATA_INTERNAL_H

/*
 * Exclusion rules of the fields below
 * -----------------------------------
 * I: set at initialisation, then constant
 * S: padata_shell::lock
 * Q: pinst::lock
 * L: pinst::shell_lock for writing, that or RCU for reading
 * M: pinst::mutex; readers use RCU
 * V: Q and a write section of pinst::map_seq for writing; readers retry
 * F: serial_queue::lock
 * O: the owner of the serial queue (see serial_queue::owned)
 * P: the running pump only; a work item never runs twice at a time
 * W: pinst::watch only, likewise
 * A: atomic, see the ordering table
 *
 * The three spinlocks are taken with softirqs disabled and never in a hard
 * interrupt or with interrupts off.  None of them nests in another.  The mutex
 * is outermost; its holder waits neither for jobs nor for RCU.
 *
 * Submission, drain and the stretches of a pump run in RCU read sections, which
 * a section with softirqs disabled is.  What they may touch after the last
 * reference to a job or shell is gone is freed after a grace period.  Between
 * stretches a pump polls and falls asleep and touches itself alone: padata_free()
 * flushes it before it goes.
 */

/* How long a pump keeps its worker before other work of the workqueue has its turn. */
#define TURN_MS			10
/* How long softirqs may stay disabled before the pump lets them run. */
#define STRETCH_CALLBACKS	(IS_ENABLED(CONFIG_PREEMPT_RT) ? 1 : 64)
#define STRETCH_NS		(500 * NSEC_PER_USEC)
/* How many callbacks or jobs before the pump looks at its other duties. */
#define ROUND_SERIAL		32
#define ROUND_PARALLEL		8
/* How old a reading of the clock may be; a microsecond or two. */
#define CLOCK_CYCLES		2000
/* Jobs that take less than padata itself does for one are left to one CPU. */
#define TRIVIAL_NS		250
/* Nothing was pulled for so many times the cost of a wake-up: somebody is stuck. */
#define LATE_WAKEUPS		10U
/* And still is, if those who were woken for that have not come after so many each. */
#define GRACE_WAKEUPS		2U
/* Some microseconds, for which nobody has to look at the clock. */
#define LATE_CYCLES		20000
/* How long drains of short jobs may wait for more, and how many are pulled. */
#define BATCH_NS		2000
#define BATCH_JOBS		32
/* How many jobs one walk of an order list takes, and how many walks follow. */
#define CUT_JOBS		64
#define DRAIN_CUTS		16
/* Polls that fail in a row before only each POLL_PROBEth sleep is put off. */
#define POLL_CREDIT		8
#define POLL_PROBE		16
/* Who keeps a CPU that a polling pump has yielded for longer will not soon sleep. */
#define YIELD_NS		(200 * NSEC_PER_USEC)
/*
 * padata_priv::fence and padata_shell::from are a CPU or one of these: no results
 * are on their way, or those of several CPUs are.
 */
#define CPU_NONE		(-1)
#define CPU_MANY		(-2)
/* padata_shell::map_to where it has to be looked up; equal to no "from". */
#define CPU_UNKNOWN		(-3)
/*
 * Softirqs that deliver results.  The others (timers, the scheduler, RCU) carry no
 * data of a stream.
 */
#define DELIVERY_SOFTIRQS	(BIT(HI_SOFTIRQ) | BIT(NET_TX_SOFTIRQ) | \
				 BIT(NET_RX_SOFTIRQ) | BIT(BLOCK_SOFTIRQ) | \
				 BIT(IRQ_POLL_SOFTIRQ) | BIT(TASKLET_SOFTIRQ))
/*
 * Bounds of the wait for a CPU to settle.  A CPU that raises softirqs without end
 * counts as settled after so many rounds of them and so long; a CPU whose pump
 * does not even run, after a second.
 */
#define SETTLE_BUSY_LOOKS	16
#define SETTLE_BUSY_MS		100
#define SETTLE_STUCK_MS		1000
/* How long a CPU that goes offline waits for its pump, in milliseconds. */
#define LEAVE_MS		1000
/* How long padata_free() and its like wait before they say what for. */
#define WAIT_WARN_SECONDS	10

/* padata_priv::state */
enum job_state {
	JOB_RUNNING,		/* submitted, padata_do_serial() not called */
	JOB_BATON,		/* the same, and who completes it drains */
	JOB_DONE,
};

/* padata_pump::settle_stage, see settle.c */
enum settle_stage {
	SETTLE_SOFTIRQS,	/* waits for the softirqs that callbacks raised */
	SETTLE_WORK,		/* the same, behind the work that they queued */
	SETTLE_RCU,		/* PREEMPT_RT only: waits for softirqs in progress */
};

/* padata_shell::baton */
enum baton_place {
	BATON_HOME,		/* the order list is empty */
	BATON_OUT,		/* on the first job, or with a drainer */
	BATON_PARKED,		/* the first job is done and waits for callbacks */
};

/**
 * struct job_list - jobs, one after the other
 * @first: The first one's link, or NULL.
 * @end: Where the next one is linked in; points into the list itself when that
 *	is empty, so it must not be moved.
 *
 * Singly linked, because jobs are only appended, and taken off the front.
 */
struct job_list {
	struct padata_link	*first;
	struct padata_link	**end;
};

/**
 * struct padata_shell - one ordered stream of jobs
 * @pinst: I: its instance.
 * @lock: Protects the fields marked S.
 * @order: S: jobs in the order of submission.
 * @baton: S: where the baton is; also read without the lock, see park:B, and as a
 *	hint before a job is run alone.
 * @map_gen: S: mapping generation of the job submitted last.
 * @map_cpu: S: callback CPU that was asked for last, under @map_gen.
 * @map_to: S: what it stood for, or CPU_UNKNOWN.
 * @mixed: S: jobs in @order may have different callback CPUs.
 * @from: S: CPU on which results came out that may be on their way still, or
 *	CPU_NONE, or CPU_MANY.
 * @one_request: S: all jobs since @from was set asked for @map_cpu.
 * @was_alone: S: a job was done alone since the last one that went to a pump.
 * @wants_alone: padata_do_alone() was refused because of @from; a hint.
 * @refused_at: S: @nr_cut when it was refused last.
 * @settle_idle: No job waits for @settle_at, but padata_do_alone(); the baton's
 *	holder uses it, and a reference goes with it.
 * @settle_at: The CPU that is settling for the first job; the baton's holder uses it.
 * @nr_queued: Q: its jobs in the shared queue; read without the lock, too.
 * @nr_cut: S: jobs taken off @order so far; wraps, compared for equality only.
 * @pending: A: callbacks handed over and not returned.
 * @refs: A: one for each job in flight and one of the owner.
 * @orphan: The owner's reference is gone, written once.
 * @id: I: number within the instance, for messages.
 * @deferred: A: link in padata_pump::deferred or ::leaving; the baton's holder uses
 *	it.
 * @list: L: link in pinst::shells.
 * @owner: I: who allocated it, for messages.
 * @seen: W: what the stall detector saw last.
 * @rcu: Frees the shell after a grace period.
 */
struct padata_shell {
	struct pinst		*pinst;
	spinlock_t		lock;		/* S */
	enum baton_place	baton;
	struct job_list		order;
	unsigned int		map_gen;
	int			map_cpu;
	int			map_to;
	bool			mixed;
	bool			one_request;
	bool			was_alone;
	bool			wants_alone;
	bool			settle_idle;
	unsigned int		refused_at;
	int			from;
	int			settle_at;
	unsigned int		nr_queued;
	unsigned int		nr_cut;
	atomic_t		pending;
	atomic_t		refs;
	bool			orphan;
	unsigned int		id;
	struct llist_node	deferred;
	struct list_head	list;
	void			*owner;
	struct {
		unsigned int	nr_cut;
		int		pending;
		unsigned long	since;
		bool		said;
	} seen;
	struct rcu_head		rcu;
};

/**
 * struct serial_queue - finished jobs on their way to one callback CPU
 * @lock: Protects the fields marked F.
 * @incoming: F: what drains append.
 * @owned: F: some pump has the queue, or it is on its way to one.
 * @cpu: I: the callback CPU.
 * @at: O: the CPU that ran its callbacks last, or CPU_NONE; read without ownership
 *	where a CPU has to settle.
 * @ready: A: link in padata_pump::ready or ::leaving_queues, on the way to the new
 *	owner.
 * @serving: P: link in the owner's padata_pump::serving.
 * @batch: O: jobs taken over from @incoming, in order.
 *
 * The queue has one owner at a time and goes from owner to owner whole, so its
 * callbacks run one after the other, in order, wherever they run.
 */
struct serial_queue {
	spinlock_t		lock;		/* F */
	struct job_list		incoming;
	bool			owned;
	int			cpu;
	int			at;
	struct llist_node	ready;
	struct list_head	serving;
	struct padata_link	*batch;
};

/**
 * struct pump_stats - what happened on one CPU
 * @submitted: Jobs accepted.
 * @inline_jobs: Of these, jobs whose parallel() the submitter ran itself.
 * @parallel: Calls of parallel() by a pump.
 * @serial: Calls of serial(), and jobs that padata_do_alone() has done.
 * @wakeups: Work items queued because a pump slept.
 * @unsettled: Shells and serial queues that went on although the CPU had not settled.
 * @late_starts: Callbacks started in a stretch that had to be over.
 * @reorder_max: Most jobs that one drain handed over, that is how many had
 *	waited for the first of them.
 * @stretch_max_ns: Longest time that a pump kept softirqs disabled.
 *
 * Raised by this_cpu_inc() on the CPU where it happens; they wrap.  The two
 * maxima may miss one of two that happen at a time on PREEMPT_RT.
 */
struct pump_stats {
	unsigned long		submitted;
	unsigned long		inline_jobs;
	unsigned long		parallel;
	unsigned long		serial;
	unsigned long		wakeups;
	unsigned long		unsettled;
	unsigned long		late_starts;
	unsigned long		reorder_max;
	unsigned long		stretch_max_ns;
};

/**
 * struct padata_pump - the worker of one instance on one CPU
 * @work: The work item.
 * @pinst: I: its instance.
 * @cpu: I: its CPU.
 * @awake: A: the work item is queued or will look at everything again.
 * @pulling: Q: it will look at the shared queue before it sleeps; also read
 *	without the lock, see sleep:A.
 * @ready: A: serial queues handed to this pump.
 * @deferred: A: shells whose drain was left to this pump.
 * @serving: P: serial queues that this pump owns.
 * @leaving: A: shells whose first job waits for this CPU to settle.
 * @leaving_queues: A: serial queues that do, on their way to another CPU.
 * @settling: P: a round is under way, for those in the next two.
 * @settle_stage: P: how far it is.
 * @settle_looks: P: how often it was looked at.
 * @settle_since: P: in jiffies; when it began.
 * @settle_gp: P: grace period that ends SETTLE_RCU.
 * @settle_shells: P: taken from @leaving.
 * @settle_queues: P: taken from @leaving_queues.
 * @settle_timer: Ends the wait where this pump does not run.
 * @settle_idle: P: taken from @idle_shell.
 * @settle_idle_nr_cut: P: taken from @idle_nr_cut.
 * @idle_shell: P: shell that wants to do jobs alone and whose last callback has
 *	returned here, or NULL; with a reference.
 * @idle_nr_cut: P: its padata_shell::nr_cut then.
 * @parallel_first: P: which duty comes first in a stretch; they take turns,
 *	because the first may take all of it.
 * @poll_credit: P: polls that may fail before most are left out.
 * @polled: P: a poll has found work.
 * @nr_sleeps: P: sleeps without a poll; wraps.
 * @yield_from: P: in jiffies; before, a poll ends where others want the CPU.
 * @later: P: shell whose drain can wait until parallel() of its job has returned
 *	here; read by completions on this CPU, too.
 * @running: P: shell whose parallel() runs here; read by those who free it.
 * @undrained: P: shell whose baton the pump has and whose drain waits.
 * @busy_ns: P: time spent in parallel() since the last pull.
 * @nr_busy: P: jobs in @busy_ns.
 * @inline_depth: Submitters on this CPU that run a job themselves; counted by
 *	this_cpu_inc() and this_cpu_dec().
 * @inline_task: The last of them, or NULL.
 * @sq: The serial queue of this CPU, whoever owns it.
 * @stats: Counters of this CPU, whichever pump runs on it.
 */
struct padata_pump {
	struct work_struct	work;
	struct pinst		*pinst;
	int			cpu;
	atomic_t		awake;
	bool			pulling;
	struct llist_head	ready;
	struct llist_head	deferred;
	struct list_head	serving;
	struct llist_head	leaving;
	struct llist_head	leaving_queues;
	bool			settling;
	enum settle_stage	settle_stage;
	unsigned int		settle_looks;
	unsigned long		settle_since;
	unsigned long		settle_gp;
	struct llist_node	*settle_shells;
	struct llist_node	*settle_queues;
	struct timer_list	settle_timer;
	struct padata_shell	*settle_idle;
	unsigned int		settle_idle_nr_cut;
	struct padata_shell	*idle_shell;
	unsigned int		idle_nr_cut;
	bool			parallel_first;
	unsigned int		poll_credit;
	bool			polled;
	unsigned int		nr_sleeps;
	unsigned long		yield_from;
	struct padata_shell	*later;
	struct padata_shell	*running;
	struct padata_shell	*undrained;
	u64			busy_ns;
	unsigned int		nr_busy;
	unsigned int		inline_depth;
	struct task_struct	*inline_task;
	struct serial_queue	sq;
	struct pump_stats	stats;
};

/**
 * struct user_masks - the cpumasks as they were asked for
 * @parallel: CPUs that may run parallel().
 * @serial: CPUs that may run serial().
 *
 * Constant once published in pinst::masks.
 */
struct user_masks {
	cpumask_var_t		parallel;
	cpumask_var_t		serial;
};

/**
 * struct pinst - what is behind a &struct padata_instance
 * @pub: What the user sees.
 * @name: I: for messages.
 * @wq: I: runs the pumps.
 * @pumps: I: one per possible CPU.
 * @map_seq: Its value is the generation of the mapping.
 * @nr_online: V: weight of @online.
 * @nr_parallel: V: CPUs that are online and in the parallel mask.
 * @nr_serial: V: CPUs that are online and in the serial mask.
 * @masks: V, M: the user's masks.
 * @online: V: CPUs that are online and not about to go.
 * @nr_waiters: A: sleepers on @idle_wait.
 * @running: M: jobs are accepted; also read under padata_shell::lock.
 * @own_wq: I: it goes with the instance.
 * @holds_module: I: the instance has a reference of this module.
 * @lock: Protects the fields marked Q and V.
 * @queue: Q: jobs that wait for a CPU.
 * @nr_queued: Q: their number; read without the lock, too.
 * @nr_pulling: Q: number of pumps with padata_pump::pulling set.
 * @nr_called: Q: pumps that were woken for a late queue since jobs were pulled last.
 * @service_ns: Q: mean duration of parallel(); 0 while unknown; read without
 *	the lock, too.
 * @pulled_at: Q: local_clock() when jobs were pulled last, or when the first
 *	pump was told to; less ago while one more that was woken may yet come.
 * @looked_cycles: Q: lower half of the cycle counter then, or when the clock
 *	was read later; read without the lock, too.
 * @look: Looks again whether the queue is late, while jobs are queued.
 * @mutex: Serialises changes of the user's masks and of @running.
 * @shell_lock: See L.
 * @shells: L: all shells, orphans included.
 * @last_id: L: padata_shell::id given last.
 * @idle_wait: Waiters for jobs in flight.
 * @mask_changes: Q: how often the mapping changed.
 * @watch: The stall detector.
 * @watched: W: the last look was at the shells.
 * @list: In pinsts, under its mutex.
 * @stalls: W: how many it has reported.
 * @node: Hotplug callbacks of this instance.
 */
struct pinst {
	/* Read by all, seldom written. */
	struct padata_instance	pub;
	const char		*name;
	struct workqueue_struct	*wq;
	struct padata_pump __percpu *pumps;
	seqcount_spinlock_t	map_seq;
	unsigned int		nr_online;
	unsigned int		nr_parallel;
	unsigned int		nr_serial;
	struct user_masks __rcu	*masks;
	cpumask_var_t		online;
	atomic_t		nr_waiters;
	bool			running;
	bool			own_wq;
	bool			holds_module;

	/* Written by each submission, and by each pull. */
	spinlock_t		lock ____cacheline_aligned_in_smp;	/* Q */
	struct job_list		queue;
	unsigned int		nr_queued;
	unsigned int		nr_pulling;
	unsigned int		nr_called;
	u64			service_ns;
	u64			pulled_at;
	u32			looked_cycles;
	struct timer_list	look;

	/* The rest. */
	struct mutex		mutex ____cacheline_aligned_in_smp;	/* M */
	spinlock_t		shell_lock;	/* L */
	struct list_head	shells;
	unsigned int		last_id;
	wait_queue_head_t	idle_wait;
	unsigned long		mask_changes;
	struct delayed_work	watch;
	bool			watched;
	struct list_head	list;
	unsigned long		stalls;
	struct hlist_node	node;
};

static enum cpuhp_state hotplug_state;

/* Raise a maximum of this CPU.  Softirqs are disabled. */
static void note_max(unsigned long __percpu *max, unsigned long value)
{
	if (value > this_cpu_read(*max))
		this_cpu_write(*max, value);
}

static struct pinst *to_pinst(struct padata_instance *pub)
{
	return container_of(pub, struct pinst, pub);
}

#endif /* _PADATA_INTERNAL_H */
