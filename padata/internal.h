/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * padata: exclusion rules and types of all parts
 */
#ifndef _PADATA_INTERNAL_H
#define _PADATA_INTERNAL_H

/*
 * Exclusion rules of the fields below
 * -----------------------------------
 * I: set at initialisation, then constant
 * S: padata_shell::lock
 * Q: pod::lock; of a shell that of its pod
 * L: instance::shell_lock for writing, that or RCU for reading
 * M: instance::mutex; readers use RCU
 * V: instance::lock; what map_cb_cpu() reads also a write section of
 *    instance::map_seq, and readers retry
 * F: serial_queue::lock
 * O: the owner of the serial queue (see serial_queue::owned)
 * P: the running pump only; a work item never runs twice at a time
 * W: instance::watch only, likewise
 * A: atomic, see the ordering table
 *
 * The spinlocks are taken with softirqs disabled and never in a hard interrupt or with
 * interrupts off.  None of them nests in another, but for map_change(): there a pod's
 * lock nests in instance::lock, and two pods' locks, of which no other code holds two.
 * The mutex is outermost; its holder waits neither for jobs nor for RCU.
 *
 * Submission, drain and the stretches of a pump run in RCU read sections, which
 * a section with softirqs disabled is.  Memory that they may still access after the
 * last put of a job or shell is freed after a grace period.  Between stretches a
 * pump polls and goes to sleep, and accesses itself only: padata_free() flushes it
 * before it is freed.
 */

/* padata_priv::state */
enum job_state {
	JOB_RUNNING,		/* submitted, padata_do_serial() not called */
	JOB_BATON,		/* the same, and its completion drains */
	JOB_DONE,
};

/* padata_pump::settle_stage, see settle.c */
enum settle_stage {
	SETTLE_SOFTIRQS,	/* waits for the softirqs that callbacks raised */
	SETTLE_WORK,		/* the same, behind the work that they queued */
	/* After each of these on some PREEMPT_RT kernels: waits for softirqs in progress */
	SETTLE_RCU,
};

/* padata_shell::baton */
enum baton_place {
	BATON_HOME,		/* the order list is empty */
	BATON_OUT,		/* on the first job, or with a drainer */
	BATON_PARKED,		/* the first job is done and waits for callbacks */
};

/*
 * A list of jobs, or of shells.
 *
 * Singly linked, because they are only appended, and taken off the front.
 */
struct job_list {
	struct padata_link	*first;	/* The first one's link, or NULL */
	/*
	 * Where the next one is linked in; points into the list itself when
	 * that is empty, so it must not be moved
	 */
	struct padata_link	**end;
};

/* One ordered stream of jobs. */
struct padata_shell {
	/*
	 * S: in direct.on, the CPU on which submitters do the work themselves,
	 * CPU_MANY, or CPU_NONE where the shell is not in direct mode; also
	 * read without the lock, see direct:B.  I: direct.cpu.  padata.h knows
	 * that a shell begins with it
	 */
	struct padata_direct	direct;
	struct instance		*pinst;	/* I: its instance */
	spinlock_t		lock;	/* Protects the fields marked S */
	/*
	 * S: where the baton is; also read without the lock, see park:B, and
	 * as a hint before direct mode begins
	 */
	enum baton_place	baton;
	struct job_list		order;	/* S: jobs in the order of submission */
	/* S: mapping generation of the job submitted last */
	unsigned int		map_gen;
	/* S: callback CPU that was asked for last, under map_gen */
	int			map_cpu;
	/* S: the CPU that map_cpu stood for, or CPU_UNKNOWN */
	int			map_to;
	/* S: jobs in order may have different callback CPUs */
	bool			mixed;
	/* S: all jobs since from was set asked for map_cpu */
	bool			one_request;
	/* I: results of different requested CPUs have an order, too */
	bool			total_order;
	/* S: the shell was in direct mode since the last job */
	bool			was_direct;
	/* padata_go_direct() was refused because of from; a hint */
	bool			wants_direct;
	/*
	 * No job waits for settle_at, but padata_go_direct(); the baton's
	 * holder uses it, and a reference goes with it
	 */
	bool			settle_idle;
	/* S: nr_cut when padata_go_direct() was refused last */
	unsigned int		refused_at;
	/*
	 * S: CPU on which results came out that may be on their way still, or
	 * CPU_NONE, or CPU_MANY
	 */
	int			from;
	/*
	 * S: direct work is for the CPU direct.on alone, since results of jobs
	 * may be on their way there
	 */
	bool			direct_here;
	/* S: a direct result came out while CPUs settle for the idle shell */
	bool			late_result;
	/*
	 * The CPU that is settling for the first job; the baton's holder uses
	 * it
	 */
	int			settle_at;
	/* Q: its jobs that wait for a CPU, in order */
	struct job_list		queue;
	/* Q: their number; read without the lock, too */
	unsigned int		nr_queued;
	/* Q: link in pod::turns while there are any */
	struct padata_link	turn;
	/*
	 * Q: where these jobs are.  It changes under the lock of the old one: while
	 * there are none, or, in map_change(), with the locks of both
	 */
	struct pod		*pod;
	/* S: jobs taken off order so far; wraps, compared for equality only */
	unsigned int		nr_cut;
	/* A: callbacks handed over and not returned */
	atomic_t		pending;
	/* A: one for each job in flight and one of the owner */
	atomic_t		refs;
	/* The owner's reference is gone, written once */
	bool			orphan;
	/* I: number within the instance, for messages */
	unsigned int		id;
	/*
	 * A: link in padata_pump::deferred or ::leaving; the baton's holder
	 * uses it
	 */
	struct llist_node	deferred;
	struct list_head	list;	/* L: link in instance::shells */
	void			*owner;	/* I: its allocator, for messages */
	/* W: the state at the stall detector's last look */
	struct {
		unsigned int	nr_cut;
		int		pending;
		unsigned long	since;
		bool		busy;
		bool		said;
	} seen;
	/* Frees the shell after a grace period */
	struct rcu_head		rcu;
};

/*
 * Finished jobs on their way to one callback CPU.
 *
 * The queue has one owner at a time and goes from owner to owner whole, so its
 * callbacks run one after the other, in order, wherever they run.
 */
struct serial_queue {
	spinlock_t		lock;	/* Protects the fields marked F */
	struct job_list		incoming;	/* F: jobs that drains append */
	/* F: some pump has the queue, or it is on its way to one */
	bool			owned;
	int			cpu;	/* I: the callback CPU */
	/*
	 * O: the CPU that ran its callbacks last, or CPU_NONE; read without
	 * ownership where a CPU has to settle
	 */
	int			at;
	/*
	 * A: link in padata_pump::ready or ::leaving_queues, on the way to the
	 * new owner
	 */
	struct llist_node	ready;
	/* P: link in the owner's padata_pump::serving */
	struct list_head	serving;
	/* O: jobs taken over from incoming, in order */
	struct padata_link	*batch;
};

/*
 * Counters of one CPU.
 *
 * this_cpu_inc() raises them on the CPU where it happens; they wrap.  On PREEMPT_RT
 * a maximum may miss one of two values that are noted at the same time.
 */
struct pump_stats {
	unsigned long		submitted;	/* Jobs accepted */
	/* Of these, jobs whose parallel() the submitter ran itself */
	unsigned long		inline_jobs;
	/* Calls of parallel() by a pump */
	unsigned long		parallel;
	/* Calls of serial() */
	unsigned long		serial;
	/* Work items queued because a pump slept */
	unsigned long		wakeups;
	/*
	 * Shells and serial queues that went on although the CPU had not
	 * settled
	 */
	unsigned long		unsettled;
	/* Callbacks started in a stretch that had to be over */
	unsigned long		late_starts;
	/*
	 * Most jobs that one drain handed over, that is how many had waited
	 * for the first of them
	 */
	unsigned long		reorder_max;
	/* Longest time that a pump kept softirqs disabled */
	unsigned long		stretch_max_ns;
};

/* The worker of one instance on one CPU. */
struct padata_pump {
	struct work_struct	work;	/* The work item */
	struct instance		*pinst;	/* I: its instance */
	struct pod		*pod;	/* I: the pod of its CPU */
	int			cpu;	/* I: its CPU */
	/* A: the work item is queued or will look at everything again */
	atomic_t		awake;
	/*
	 * Q: it will look at its pod's queue before it sleeps; also read
	 * without the lock, see sleep:A
	 */
	bool			pulling;
	/*
	 * Another pod that it was woken for, or NULL.  Set under the lock of that
	 * pod, or by its timer, which looks again; cleared by the pump before it
	 * takes that lock
	 */
	struct pod		*called_by;
	/* A: serial queues handed to this pump */
	struct llist_head	ready;
	/* A: shells whose drain was left to this pump */
	struct llist_head	deferred;
	/* P: serial queues that this pump owns */
	struct list_head	serving;
	/* A: shells whose first job waits for this CPU to settle */
	struct llist_head	leaving;
	/* A: serial queues that wait for it, on their way to another CPU */
	struct llist_head	leaving_queues;
	/* P: a round is under way, for settle_shells and settle_queues */
	bool			settling;
	enum settle_stage	settle_stage;	/* P: the stage of the round */
	/* P: the pump has queued itself behind work in this round */
	bool			settle_behind;
	/* P: how often the stage was checked */
	unsigned int		settle_looks;
	/* P: when the round began, or the wait for work behind a grace period, in jiffies */
	unsigned long		settle_since;
	/* P: grace period that ends SETTLE_RCU */
	unsigned long		settle_gp;
	/*
	 * A: taken from leaving.  Only the pump adds to it, and takes the first; the
	 * timer may take all, see pump_settle_next()
	 */
	struct llist_head	settle_shells;
	/* A: taken from leaving_queues, likewise */
	struct llist_head	settle_queues;
	/*
	 * In jiffies: when one of these asked that found the list it went to empty, the
	 * last one that did; written without a lock
	 */
	unsigned long		asked_at;
	/* Results may have come out on this CPU; set once */
	bool			delivers;
	/* V: cpu while that is in instance::online, or CPU_UNKNOWN; see direct:B */
	int			direct_cpu;
	/*
	 * V: its own pod, or the next one where that has no CPU that may pull; read by
	 * submitters on this CPU under the lock of the pod at hand
	 */
	struct pod		*submit_to;
	/* Ends the wait where this pump does not run */
	struct timer_list	settle_timer;
	/* A: taken from idle_shell, see kept:A */
	struct padata_shell	*settle_idle;
	/* P: taken from idle_nr_cut */
	unsigned int		settle_idle_nr_cut;
	/*
	 * A: shell that wants to go direct and whose last callback has
	 * returned here, or NULL; with a reference.  Only the pump fills it;
	 * a waiter for the shell may empty it, see kept:A
	 */
	struct padata_shell	*idle_shell;
	/* P: its padata_shell::nr_cut then */
	unsigned int		idle_nr_cut;
	/*
	 * P: which duty comes first in a stretch; they take turns, because the
	 * first may take all of it
	 */
	bool			parallel_first;
	/* P: until then, in jiffies, a poll ends where others want the CPU */
	unsigned long		yield_from;
	/*
	 * P: shell whose drain can wait until parallel() of its job has
	 * returned here; read by completions on this CPU, too
	 */
	struct padata_shell	*batched_shell;
	/* P: shell whose parallel() runs here; read where it is freed */
	struct padata_shell	*running;
	/* P: shell whose baton the pump has and whose drain waits */
	struct padata_shell	*undrained_shell;
	/* P: the last pull from its own pod got jobs */
	bool			fed;
	/* P: time spent in parallel() since the last pull */
	u64			busy_ns;
	struct pod		*busy_pod;	/* P: the pod of these jobs */
	unsigned int		nr_busy;	/* P: jobs in busy_ns */
	/*
	 * Submitters on this CPU that run a job themselves; counted by
	 * this_cpu_inc() and this_cpu_dec(), see inline:A
	 */
	unsigned int		inline_depth;
	struct task_struct	*inline_task;	/* The last of them, or NULL */
	/* The serial queue of this CPU, whichever pump owns it */
	struct serial_queue	sq;
	/* Counters of this CPU, whichever pump runs on it */
	struct pump_stats	stats;
};

/*
 * The cpumasks as they were asked for.
 *
 * Constant once published in instance::masks.
 */
struct user_masks {
	/* CPUs that may run parallel() */
	cpumask_var_t		parallel;
	cpumask_var_t		serial;	/* CPUs that may run serial() */
};

/*
 * The shared queue of CPUs that have a last-level cache, or part of one, in common, see pod.c.
 */
struct pod {
	/* Written by each submission, and by each pull. */
	/* Protects the fields marked Q */
	spinlock_t		lock ____cacheline_aligned_in_smp;
	/* I: logarithm to base two, rounded up, of how many share the backlog */
	unsigned int		share_shift;
	/* Q: shells with jobs that wait for a CPU, that whose turn is next first */
	struct job_list		turns;
	/* Q: the number of these jobs; read without the lock, too */
	unsigned int		nr_queued;
	/* Q: number of pumps with padata_pump::pulling set */
	unsigned int		nr_pulling;
	/*
	 * Q: pumps that were woken for a late queue since jobs were pulled
	 * last
	 */
	unsigned int		nr_called;
	/*
	 * Q: mean duration of parallel(); 0 while unknown; read without the
	 * lock, too
	 */
	u64			service_ns;
	/*
	 * Q: local_clock() when jobs were pulled last, or when the first pump
	 * was told to; less ago while one more that was woken may yet come
	 */
	u64			pulled_at;
	/*
	 * Q: lower half of the cycle counter then, or when the clock was read
	 * later; read without the lock, too
	 */
	u32			looked_cycles;
	/* A: look will fire; see look:A */
	atomic_t		look_armed;

	/* Read by all, seldom written. */
	struct instance		*pinst ____cacheline_aligned_in_smp;	/* I */
	/* Q: weight of usable */
	unsigned int		nr_usable;
	/* V: the same, as it is about to be */
	unsigned int		nr_next;
	int			node;	/* I: that of its CPUs */
	int			group;	/* I: what they have in common there */
	cpumask_var_t		cpus;	/* I: its CPUs */
	/*
	 * Q: CPUs of it that may pull: online, and in the parallel mask unless that
	 * has no CPU online; single bits are read without the lock, too
	 */
	cpumask_var_t		usable;
	/* I: the other pods of the instance, the nearest first */
	struct pod		**others;

	/* The rest. */
	/* Looks again whether the queue is late, while jobs are queued */
	struct hrtimer		look ____cacheline_aligned_in_smp;
	/* Q: lower half of the cycle counter when a pump of another pod was called */
	u32			called_cycles;
	/* Q: which of the others but the nearest is looked at next for such a pump */
	unsigned int		next_other;
};

/* An instance, with the private part of a &struct padata_instance. */
struct instance {
	/* Read by all, seldom written. */
	struct padata_instance	pub;	/* The public part */
	const char		*name;	/* I: for messages */
	struct workqueue_struct	*wq;	/* I: runs the pumps */
	struct padata_pump __percpu *pumps;	/* I: one per possible CPU */
	struct pod		**pods;	/* I: all of them */
	unsigned int		nr_pods;	/* I: their number */
	/* Its value is the generation of the mapping */
	seqcount_spinlock_t	map_seq;
	unsigned int		nr_online;	/* V: weight of online */
	/* V: CPUs that are online and in the parallel mask */
	unsigned int		nr_parallel;
	/* V: CPUs that are online and in the serial mask */
	unsigned int		nr_serial;
	struct user_masks __rcu	*masks;	/* V, M: the user's masks */
	/* V: CPUs that are online and not about to go */
	cpumask_var_t		online;
	atomic_t		nr_waiters;	/* A: sleepers on idle_wait */
	/* M: jobs are accepted; also read under padata_shell::lock */
	bool			running;
	bool			own_wq;	/* I: it goes with the instance */
	/* I: the instance has a reference of this module */
	bool			holds_module;

	/* The rest. */
	/* Serialises changes of the user's masks and of running */
	struct mutex		mutex ____cacheline_aligned_in_smp;
	spinlock_t		lock;	/* Protects the fields marked V */
	spinlock_t		shell_lock;	/* See L */
	struct list_head	shells;	/* L: all shells, orphans included */
	/* L: padata_shell::id given last */
	unsigned int		last_id;
	wait_queue_head_t	idle_wait;	/* Waiters for jobs in flight */
	/* V: how often the mapping changed */
	unsigned long		mask_changes;
	struct delayed_work	watch;	/* The stall detector */
	struct list_head	list;	/* In pinsts, under its mutex */
	unsigned long		stalls;	/* W: how many it has reported */
	struct hlist_node	node;	/* Hotplug callbacks of this instance */
};

static_assert(!offsetof(struct padata_shell, direct));

static enum cpuhp_state hotplug_state;

/* Raise a maximum of this CPU.  Softirqs are disabled. */
static void note_max(unsigned long __percpu *max, unsigned long value)
{
	if (value > this_cpu_read(*max))
		this_cpu_write(*max, value);
}

static struct instance *to_instance(struct padata_instance *pub)
{
	return container_of(pub, struct instance, pub);
}

#endif /* _PADATA_INTERNAL_H */
