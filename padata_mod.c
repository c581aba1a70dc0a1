// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: run jobs on many CPUs, hand the results back in order
 */

/**
 * DOC: overview
 *
 * A job flows one way::
 *
 *   padata_do_parallel()   order list of the shell, shared queue of the instance
 *   pump of some CPU       parallel()
 *   padata_do_serial()     the job is done; who finds the baton on it drains
 *   drain                  finished jobs at the front of the order list go to
 *                          the serial queues of their callback CPUs
 *   pump of that CPU       serial()
 *
 * The order of the callbacks is the order of the list, and the list is all that
 * defines it: there are no sequence numbers.  Exactly one party may take jobs
 * off a list, the one that has its **baton**, and the baton is in exactly one
 * place: at home in the shell (the list is empty), on the first job of the list
 * (it is not done), with a drainer, or parked (the first job is done but fenced,
 * and callbacks before it have not returned).  A completion that does not find
 * the baton touches nothing but the state of its own job.
 *
 * Each CPU has one **pump** per instance, a work item.  It serves the serial
 * queue of its CPU first and pulls jobs from the shared queue as long as its CPU
 * is in the parallel mask.  Sleeping and waking cost more than all the rest, so
 * a further pump is woken only when the queued work outweighs a wake-up, and one
 * that runs out of work looks for more for a moment before it sleeps.  Where jobs
 * are short their drains wait until the pump has run what it pulled of a shell.
 *
 * A change of masks or CPUs publishes the new mapping and returns.  The first
 * job that a shell submits under a new mapping carries a **fence**: its callback
 * is not handed over before all earlier ones of the shell have returned.
 */

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
 *
 * Memory ordering
 * ---------------
 * Each ordered access carries a label; this is the table of the pairs.
 *
 * done:A / done:B, result of a job
 *   done:A xchg() of padata_priv::state to JOB_DONE in padata_do_serial() is
 *   fully ordered and follows all writes of parallel(); done:B reads the state
 *   with acquire in shell_cut().  From there to serial() the job passes through
 *   serial_queue::lock.  In shell_take_back() it goes no further.
 * baton:A / baton:B, baton or completion
 *   baton:A cmpxchg() JOB_RUNNING -> JOB_BATON in shell_pass_baton(), baton:B
 *   (the same access as done:A) xchg() -> JOB_DONE.  Two read-modify-writes of one
 *   word: either the completion finds the baton, or the drainer finds the job
 *   done.  The order list that the drainer leaves behind is seen by the next one
 *   through padata_shell::lock.  In shell_take_back() the drainer is the submitter.
 * park:A / park:B, store buffering
 *   park:A writes baton = BATON_PARKED; full barrier; reads ::pending.
 *   park:B subtracts from ::pending, fully ordered; reads ::baton.
 *   At least one of them sees the other, padata_shell::lock decides which acts.
 * fence:A / fence:B, end of earlier callbacks
 *   fence:A is park:B's subtraction, after serial() has returned; fence:B reads
 *   ::pending with acquire before a fenced job is cut, or one is run alone.
 * sleep:A / sleep:B, lost wake-up (pattern R: two writes of ::awake, one queue)
 *   sleep:A (pump_sleep) writes awake = 0; full barrier; reads ::ready,
 *   ::deferred and ::pulling.
 *   sleep:B (pump_wake) has filled one of these before; xchg(awake, 1), fully
 *   ordered.  If it finds 1, that is older than the pump's 0, and the pump's
 *   reads after its barrier see what was filled; if it finds 0, it queues the
 *   work item itself.
 * queue, no label needed
 *   nr_queued > 0 implies nr_pulling > 0, both under pinst::lock.  A pump with
 *   ::pulling set looks at the queue under that lock before it sleeps, and
 *   clears it only where the queue is empty or after it woke another.
 * idle:A / idle:B, store buffering
 *   idle:A (wait_until_idle) raises nr_waiters; full barrier; looks at the shells.
 *   idle:B (shell_put) lowers ::refs, fully ordered; reads nr_waiters.
 * orphan:A / orphan:B, whose reference is the last
 *   orphan:B sets ::orphan, then subtracts from ::refs, fully ordered; orphan:A
 *   reads ::refs with acquire, then ::orphan.  Who sees the owner's reference gone
 *   sees ::orphan, too; the other way round a busy shell is taken for busy.
 * stop
 *   padata_stop() clears ::running, then takes each padata_shell::lock to look at
 *   ::refs; those who append read ::running and raise ::refs under that lock.  A
 *   shell that is not yet on the list is added under shell_lock, which
 *   padata_stop() takes in between: its jobs see ::running cleared.
 * masks
 *   ::masks is read in RCU sections; padata_set_cpumask() frees the old ones after
 *   a grace period, which also waits for each pump that pulled under them.
 * mapping
 *   A submitter takes the callback CPU and the generation from one read section
 *   of ::map_seq, so equal generations imply equal mappings.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/isolation.h>
#include <linux/sched/stat.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>
#include <linux/timex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "padata.h"

#define CREATE_TRACE_POINTS
#include "padata_trace.h"

static unsigned int backlog = 1024;
module_param(backlog, uint, 0644);
MODULE_PARM_DESC(backlog, "Jobs that may wait for a CPU, per instance; beyond it the submitter runs its job (default 1024)");

static unsigned int wakeup_cost_ns = 10000;
module_param(wakeup_cost_ns, uint, 0644);
MODULE_PARM_DESC(wakeup_cost_ns, "Queued work that justifies waking one more CPU, in nanoseconds (default 10000)");

static unsigned int poll_ns = 10000;
module_param(poll_ns, uint, 0644);
MODULE_PARM_DESC(poll_ns, "How long a worker on an otherwise idle CPU looks for more work before it sleeps, where that has paid lately, in nanoseconds; 0 is never (default 10000)");

static unsigned int short_ns = 1000;
module_param(short_ns, uint, 0644);
MODULE_PARM_DESC(short_ns, "Jobs that take less on average are pulled, and their drains done, in batches, in nanoseconds; 0 is never (default 1000)");

static unsigned int stall_seconds = 30;
module_param(stall_seconds, uint, 0644);
MODULE_PARM_DESC(stall_seconds, "A shell that makes no progress for this long is named in the log, in seconds; 0 is never (default 30)");

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
/* How long padata_free() and its like wait before they say what for. */
#define WAIT_WARN_SECONDS	10

/* Planted bugs, see Documentation/testing.rst; never set in a real build. */
#ifndef PADATA_BUSTED
#define PADATA_BUSTED 0
#endif
#define busted(n) (PADATA_BUSTED == (n))

/* Widens the window of a planted bug, now and then, so that others overtake. */
static __maybe_unused void busted_delay(void)
{
	static atomic_t turn;

	if (!(atomic_inc_return(&turn) % 8))
		mdelay(1);
}

/* padata_priv::state */
enum job_state {
	JOB_RUNNING,		/* submitted, padata_do_serial() not called */
	JOB_BATON,		/* the same, and who completes it drains */
	JOB_DONE,
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
 * @map_to: S: what it stood for; negative where that is to be looked up.
 * @mixed: S: jobs in @order may have different callback CPUs.
 * @nr_queued: Q: its jobs in the shared queue; read without the lock, too.
 * @nr_cut: S: jobs taken off @order so far; wraps, compared for equality only.
 * @pending: A: callbacks handed over and not returned.
 * @refs: A: one for each job in flight and one of the owner.
 * @orphan: The owner's reference is gone, written once.
 * @id: I: number within the instance, for messages.
 * @deferred: A: link in padata_pump::deferred; the baton's holder uses it.
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
 * @ready: A: link in padata_pump::ready, on the way to the new owner.
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
 * @parallel_first: P: which duty comes first in a stretch; they take turns,
 *	because the first may take all of it.
 * @poll_credit: P: polls that may fail before most are left out.
 * @polled: P: a poll has found work.
 * @nr_sleeps: P: sleeps without a poll; wraps.
 * @yield_from: P: in jiffies; before, a poll ends where others want the CPU.
 * @later: P: shell whose drain can wait until parallel() of its job has returned
 *	here; read by completions on this CPU, too.
 * @undrained: P: shell whose baton the pump has and whose drain waits.
 * @busy_ns: P: time spent in parallel() since the last pull.
 * @nr_busy: P: jobs in @busy_ns.
 * @inline_depth: Submitters on this CPU that run a job themselves; counted by
 *	this_cpu_inc() and this_cpu_dec().
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
	bool			parallel_first;
	unsigned int		poll_credit;
	bool			polled;
	unsigned int		nr_sleeps;
	unsigned long		yield_from;
	struct padata_shell	*later;
	struct padata_shell	*undrained;
	u64			busy_ns;
	unsigned int		nr_busy;
	unsigned int		inline_depth;
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
 * @mutex: Serialises changes of the user's masks and of @running.
 * @shell_lock: See L.
 * @shells: L: all shells, orphans included.
 * @last_id: L: padata_shell::id given last.
 * @idle_wait: Waiters for jobs in flight.
 * @mask_changes: Q: how often the mapping changed.
 * @watch: The stall detector.
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

	/* Written by each submission, and by each pull. */
	spinlock_t		lock ____cacheline_aligned_in_smp;	/* Q */
	struct job_list		queue;
	unsigned int		nr_queued;
	unsigned int		nr_pulling;
	unsigned int		nr_called;
	u64			service_ns;
	u64			pulled_at;
	u32			looked_cycles;

	/* The rest. */
	struct mutex		mutex ____cacheline_aligned_in_smp;	/* M */
	spinlock_t		shell_lock;	/* L */
	struct list_head	shells;
	unsigned int		last_id;
	wait_queue_head_t	idle_wait;
	unsigned long		mask_changes;
	struct delayed_work	watch;
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

/*
 * Lists of jobs
 */

#define link_order(link)	container_of(link, struct padata_priv, order)
#define link_queue(link)	container_of(link, struct padata_priv, queue)

static void job_list_init(struct job_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static bool job_list_empty(const struct job_list *list)
{
	return !list->first;
}

static void job_list_add(struct job_list *list, struct padata_link *link)
{
	link->next = NULL;
	*list->end = link;
	list->end = &link->next;
}

/* The list is not empty; when it is afterwards, nothing can be appended. */
static struct padata_link *pop_link(struct padata_link **first)
{
	struct padata_link *link = *first;

	*first = link->next;
	return link;
}

/* Move all jobs up to @last to @front, which is empty. */
static void job_list_cut(struct job_list *list, struct padata_link *last,
			 struct job_list *front)
{
	front->first = list->first;
	front->end = &last->next;
	list->first = last->next;
	last->next = NULL;
	if (!list->first)
		list->end = &list->first;
}

/* Append all jobs of @from, which is empty afterwards. */
static void job_list_append(struct job_list *list, struct job_list *from)
{
	if (job_list_empty(from))
		return;
	*list->end = from->first;
	list->end = from->end;
	job_list_init(from);
}

/*
 * Mapping: which CPU stands for which
 */

/*
 * Submission, drain and pump disable softirqs, which is an RCU read section, too:
 * since 4.20 synchronize_rcu() waits for those as well.
 */
static const struct user_masks *current_masks(struct pinst *pinst)
{
	return rcu_dereference_check(pinst->masks, rcu_read_lock_bh_held());
}

/* Caller: a read section of map_seq (the result may be nonsense) or the lock. */
static int pick_cb_cpu(struct pinst *pinst, const struct user_masks *masks,
		       int cpu, bool any)
{
	unsigned int n = READ_ONCE(pinst->nr_serial);

	if ((unsigned int)cpu < nr_cpu_ids &&
	    cpumask_test_cpu(cpu, masks->serial) &&
	    cpumask_test_cpu(cpu, pinst->online))
		return cpu;
	if (n)
		return cpumask_nth_and((unsigned int)cpu % n, masks->serial,
				       pinst->online);
	n = READ_ONCE(pinst->nr_online);
	if (!any || !n)
		return -EINVAL;
	return cpumask_nth((unsigned int)cpu % n, pinst->online);
}

/**
 * map_cb_cpu() - find the CPU that takes the callbacks for a requested one
 * @pinst: The instance.
 * @cpu: The CPU asked for, any number.
 * @any: Make do with any online CPU where the usable masks are empty.
 * @gen: Where the mapping's generation goes.
 *
 * Context: Softirqs disabled, RCU read section.
 * Return: A CPU, or -EINVAL where a usable mask is empty.
 */
static int map_cb_cpu(struct pinst *pinst, int cpu, bool any, unsigned int *gen)
{
	int mapped;

	do {
		*gen = read_seqcount_begin(&pinst->map_seq);
		if (!any && !READ_ONCE(pinst->nr_parallel))
			mapped = -EINVAL;
		else
			mapped = pick_cb_cpu(pinst, current_masks(pinst), cpu,
					     any);
	} while (read_seqcount_retry(&pinst->map_seq, *gen));
	return mapped;
}

/*
 * Waking and sleeping of pumps
 */

/*
 * May this pump take jobs from the shared queue?  Without the lock the answer is
 * a hint.  A pump whose CPU is in the online map runs on it: workqueues bind
 * their workers before our hotplug callback sets the bit, and unbind them after
 * it has cleared it.
 */
static bool pump_entitled(struct padata_pump *pump)
{
	struct pinst *pinst = pump->pinst;

	if (!READ_ONCE(pinst->nr_parallel))
		return true;
	return cpumask_test_cpu(pump->cpu, pinst->online) &&
	       cpumask_test_cpu(pump->cpu, current_masks(pinst)->parallel);
}

/**
 * pump_wake() - make a pump look at what it was given
 * @pump: The pump; its CPU is or was online.
 *
 * The caller has filled ready, deferred or pulling before.
 *
 * Context: Any but NMI, RCU read section (the pump's instance may be on its way
 * out, and waits for us).
 */
static void pump_wake(struct padata_pump *pump)
{
	/* sleep:B */
	if (atomic_xchg(&pump->awake, 1))
		return;
	this_cpu_inc(pump->pinst->pumps->stats.wakeups);
	queue_work_on(pump->cpu, pump->pinst->wq, &pump->work);
}

/* The lower half of the counter, which tells some microseconds from more. */
static __always_inline u32 cycles_now(void)
{
	return get_cycles();
}

static void note_pull(struct pinst *pinst, u64 now)
{
	pinst->pulled_at = now;
	pinst->nr_called = 0;
	WRITE_ONCE(pinst->looked_cycles, cycles_now());
}

/*
 * In a burst the cycle counter shows that the last pull, or look at the clock, is
 * too recent for another look; where counters differ between CPUs the clock is read
 * in vain, or a little late.
 */
static __always_inline bool looked_lately(struct pinst *pinst)
{
	return IS_ENABLED(CONFIG_X86_TSC) &&
	       cycles_now() - READ_ONCE(pinst->looked_cycles) < LATE_CYCLES;
}

/*
 * The mean does not know the long job that others wait behind.  Who is woken for
 * that has some time to come before another one is, and the more have been woken
 * since jobs were pulled last the longer that is: one more seldom helps.
 */
static bool queue_is_late(struct pinst *pinst, u64 cost)
{
	unsigned int grace;
	u64 now;
	bool late;

	if (looked_lately(pinst))
		return false;
	now = local_clock();
	late = (s64)(now - pinst->pulled_at) > LATE_WAKEUPS * (s64)cost;
	if (late) {
		grace = min(GRACE_WAKEUPS * ++pinst->nr_called, LATE_WAKEUPS);
		pinst->pulled_at = now - (LATE_WAKEUPS - grace) * cost;
	}
	WRITE_ONCE(pinst->looked_cycles, cycles_now());
	return late;
}

/*
 * What wake_pays() finds out for most jobs of a burst, at a glance: jobs are
 * trivial, and a pump is at them.  The instance is locked.
 */
static __always_inline bool is_attended(struct pinst *pinst)
{
	u64 service = pinst->service_ns;

	return pinst->nr_pulling && service && service < TRIVIAL_NS &&
	       looked_lately(pinst);
}

/* Is the queued work worth one more CPU? */
static bool wake_pays(struct pinst *pinst)
{
	u64 cost = READ_ONCE(wakeup_cost_ns);
	u64 service = pinst->service_ns;

	if (!pinst->nr_pulling)
		return true;
	if (pinst->nr_pulling >= (pinst->nr_parallel ?: pinst->nr_online))
		return false;
	/* Until a job has ended each may be a long one, and nobody look again. */
	if (!service)
		return true;
	/* With trivial jobs it would only wait for the submitter and drains. */
	if (service >= TRIVIAL_NS &&
	    pinst->nr_queued * service > pinst->nr_pulling * cost)
		return true;
	return queue_is_late(pinst, cost);
}

static bool pump_can_start(struct pinst *pinst, int cpu)
{
	return cpumask_test_cpu(cpu, pinst->online) &&
	       !per_cpu_ptr(pinst->pumps, cpu)->pulling;
}

/*
 * The callback CPU first: it has to run for serial() anyway.  Then the CPUs
 * after this one, so that the submitter's own comes last.
 */
static int find_idle_cpu(struct pinst *pinst, int hint)
{
	const struct user_masks *masks = current_masks(pinst);
	const struct cpumask *from;
	int cpu;

	from = pinst->nr_parallel ? masks->parallel : pinst->online;
	if (hint >= 0 && cpumask_test_cpu(hint, from) &&
	    pump_can_start(pinst, hint))
		return hint;
	for_each_cpu_wrap(cpu, from, (smp_processor_id() + 1) % nr_cpu_ids)
		if (pump_can_start(pinst, cpu))
			return cpu;
	return -1;
}

/**
 * pump_to_wake() - choose a pump for the shared queue
 * @pinst: The instance, locked.
 * @hint: Callback CPU of the job queued last, or -1.
 *
 * The chosen one counts as pulling from now on, so that nobody wakes a second
 * for the same jobs; the caller owes it a pump_wake() after unlocking.
 *
 * Return: A pump, or NULL where waking does not pay.
 */
static struct padata_pump *pump_to_wake(struct pinst *pinst, int hint)
{
	struct padata_pump *pump;
	int cpu;

	lockdep_assert_held(&pinst->lock);
	if (!pinst->nr_queued || !wake_pays(pinst))
		return NULL;
	cpu = find_idle_cpu(pinst, hint);
	if (cpu < 0)
		return NULL;
	pump = per_cpu_ptr(pinst->pumps, cpu);
	WRITE_ONCE(pump->pulling, true);
	if (!pinst->nr_pulling++)
		note_pull(pinst, local_clock());
	return pump;
}

/* What others fill before they wake a pump.  Without a barrier it is a hint. */
static bool pump_has_work(struct padata_pump *pump)
{
	return !llist_empty(&pump->ready) || !llist_empty(&pump->deferred) ||
	       READ_ONCE(pump->pulling);
}

/*
 * Where polls have failed lately only some are tried, so that a stream with
 * long pauses does not pay for each of them.  On a workqueue of the caller's other
 * work may wait for this one to end, and nothing shows that it does.
 */
static bool poll_pays(struct padata_pump *pump)
{
	return READ_ONCE(poll_ns) && pump->pinst->own_wq &&
	       (pump->poll_credit || !(++pump->nr_sleeps % POLL_PROBE));
}

/*
 * Somebody else wants the CPU.  Where submitters run on the CPUs of the pumps, it is
 * one that will soon sleep until callbacks have returned: to let it go first costs
 * less than to sleep and be woken.  But what the pump is given meanwhile waits for
 * whoever it is, and wakes nobody: one that keeps the CPU ends that for a second.
 *
 * @now is the clock, and is read again.  Returns false when the pump had better sleep.
 */
static bool pump_yield(struct padata_pump *pump, u64 *now)
{
	u64 before = *now;

	if (time_before(jiffies, pump->yield_from))
		return false;
	yield();
	*now = local_clock();
	if (busted(11) || (s64)(*now - before) <= YIELD_NS)
		return true;
	pump->yield_from = jiffies + HZ;
	return false;
}

static bool poll_failed(struct padata_pump *pump)
{
	pump->poll_credit -= !!pump->poll_credit;
	return false;
}

/**
 * pump_poll() - look for more work for about as long as a sleep would cost
 * @pump: The pump, awake: who has work for it has nothing to do for that.
 *
 * Only where nobody else wants the CPU, but after a yield it begins anew, once.
 *
 * Context: Task, softirqs enabled.
 * Return: True when there is work.
 */
static bool pump_poll(struct padata_pump *pump)
{
	bool yielded = false;
	u64 start, now;

	if (!poll_pays(pump))
		return false;
	for (start = now = local_clock(); !pump_has_work(pump);) {
		if (!single_task_running() || need_resched()) {
			if (yielded || !pump_yield(pump, &now))
				return poll_failed(pump);
			yielded = true;
			start = now;
			continue;
		}
		if (now - start >= READ_ONCE(poll_ns))
			return poll_failed(pump);
		cpu_relax();
		now = local_clock();
	}
	pump->polled = true;
	return true;
}

/* Returns true when the pump may sleep, false when it has to go on. */
static bool pump_sleep(struct padata_pump *pump)
{
	if (!list_empty(&pump->serving))
		return false;
	if (busted(4))
		busted_delay();
	atomic_set(&pump->awake, 0);
	smp_mb(); /* sleep:A: awake before the three, pairs with pump_wake() */
	if (busted(4) || !pump_has_work(pump))
		return true;
	/* Who finds 0 queues the work item: either the waker did, or we go on. */
	return atomic_xchg(&pump->awake, 1);
}

/*
 * Serial queues
 */

/* The pump that ought to serve the queue of @cpu now. */
static struct padata_pump *target_pump(struct pinst *pinst, int cpu)
{
	unsigned int gen;

	if (busted(3) || !cpumask_test_cpu(cpu, pinst->online))
		cpu = map_cb_cpu(pinst, cpu + busted(3), true, &gen);
	if (WARN_ON_ONCE(cpu < 0))
		cpu = smp_processor_id();
	return per_cpu_ptr(pinst->pumps, cpu);
}

/* The caller owns the queue, and does not afterwards. */
static void serial_queue_give(struct serial_queue *sq, struct padata_pump *pump)
{
	llist_add(&sq->ready, &pump->ready);
	pump_wake(pump);
}

/* Append finished jobs of one callback CPU; they are not ours afterwards. */
static void serial_queue_add(struct pinst *pinst, int cpu,
			     struct job_list *jobs)
{
	struct serial_queue *sq = &per_cpu_ptr(pinst->pumps, cpu)->sq;
	bool owned;

	spin_lock(&sq->lock);
	job_list_append(&sq->incoming, jobs);
	owned = sq->owned;
	sq->owned = true;
	spin_unlock(&sq->lock);
	if (!owned)
		serial_queue_give(sq, target_pump(pinst, cpu));
}

/* Caller owns the queue, whose batch is empty; on false all of it is, and nobody's. */
static bool serial_queue_refill(struct serial_queue *sq)
{
	bool more;

	spin_lock(&sq->lock);
	more = !job_list_empty(&sq->incoming);
	if (more) {
		sq->batch = sq->incoming.first;
		job_list_init(&sq->incoming);
	} else {
		list_del_init(&sq->serving);
		sq->owned = false;
	}
	spin_unlock(&sq->lock);
	return more;
}

/*
 * Order list and baton
 */

/**
 * shell_cut() - take finished jobs off the front of the order list
 * @ps: The shell, locked; the caller has the baton.
 * @run: Where they go, in order.
 *
 * Stops at a fenced job while callbacks before it have not returned.
 *
 * Return: Number of jobs taken; they count as pending.
 */
static unsigned int shell_cut(struct padata_shell *ps, struct job_list *run)
{
	struct padata_link *link, *last = NULL;
	struct padata_priv *job;
	unsigned int n = 0;

	for (link = ps->order.first; link && n < CUT_JOBS; link = link->next) {
		job = link_order(link);
		/* done:B */
		if (atomic_read_acquire(&job->state) != JOB_DONE)
			break;
		/* fence:B */
		if (!busted(6) && job->fence &&
		    (n || atomic_read_acquire(&ps->pending)))
			break;
		last = link;
		n++;
	}
	if (n) {
		job_list_cut(&ps->order, last, run);
		ps->nr_cut += n;
		atomic_add(n, &ps->pending);
		trace_padata_drain(ps, n);
	}
	return n;
}

/**
 * shell_pass_baton() - leave the baton where the next drainer finds it
 * @ps: The shell, locked; the caller has the baton.
 *
 * Return: True when it is gone; false when there is something to cut after all.
 */
static bool shell_pass_baton(struct padata_shell *ps)
{
	struct padata_priv *job;

	if (job_list_empty(&ps->order)) {
		ps->mixed = false;
		WRITE_ONCE(ps->baton, BATON_HOME);
		return true;
	}
	/* baton:A */
	job = link_order(ps->order.first);
	if (atomic_cmpxchg(&job->state, JOB_RUNNING, JOB_BATON) == JOB_RUNNING)
		return true;
	if (!job->fence)
		return false;
	WRITE_ONCE(ps->baton, BATON_PARKED);
	smp_mb(); /* park:A: baton before pending, pairs with returned_flush() */
	if (atomic_read(&ps->pending))
		return true;
	WRITE_ONCE(ps->baton, BATON_OUT);
	return false;
}

/* What a drainer has cut and not handed over yet. */
struct run {
	struct job_list	jobs;
	bool		mixed;
};

/*
 * Cut a run, or pass the baton.  Returns false when the baton is gone, and adds
 * the length of the run to @nr.
 */
static bool shell_cut_or_pass(struct padata_shell *ps, struct run *run,
			      unsigned int *nr)
{
	unsigned int n = 0;
	bool mine = true;

	spin_lock(&ps->lock);
	run->mixed = ps->mixed;
	while (mine && !(n = shell_cut(ps, &run->jobs)))
		mine = !shell_pass_baton(ps);
	*nr += n;
	if (busted(1) && mine)
		mine = !shell_pass_baton(ps);
	spin_unlock(&ps->lock);
	return mine;
}

/* Give each piece of equal callback CPU to its serial queue. */
static void shell_hand_over(struct pinst *pinst, struct run *run)
{
	struct padata_link *last;
	struct job_list piece;
	int cpu;

	while (!job_list_empty(&run->jobs)) {
		last = run->jobs.first;
		cpu = link_order(last)->cb_cpu;
		if (!run->mixed) {
			serial_queue_add(pinst, cpu, &run->jobs);
			return;
		}
		while (last->next && link_order(last->next)->cb_cpu == cpu)
			last = last->next;
		job_list_cut(&run->jobs, last, &piece);
		serial_queue_add(pinst, cpu, &piece);
	}
}

/*
 * Leave the drain to a pump.  The caller has the baton, which is unique, so one
 * link is enough; the first job is done and listed, which holds the shell.
 */
static void shell_defer(struct padata_shell *ps)
{
	/* Its CPU is online, or on its way out, which workqueues can handle. */
	struct padata_pump *pump = raw_cpu_ptr(ps->pinst->pumps);

	llist_add(&ps->deferred, &pump->deferred);
	/* Another may have drained and freed the shell already. */
	pump_wake(pump);
}

/**
 * shell_drain() - hand finished jobs over to the serial queues
 * @ps: The shell; the caller has the baton, and gives it away here.
 *
 * The baton is passed on only after the run has been handed over: earlier, the
 * next drainer could overtake.  Never calls serial().
 *
 * Context: Softirqs disabled, RCU read section, no hard interrupt.  The shell
 * may be gone afterwards.
 */
static void shell_drain(struct padata_shell *ps)
{
	struct pinst *pinst = ps->pinst;
	unsigned int cuts, nr = 0;
	struct run run;
	bool mine;

	job_list_init(&run.jobs);
	for (cuts = 0, mine = true; mine && cuts < DRAIN_CUTS; cuts++) {
		mine = shell_cut_or_pass(ps, &run, &nr);
		if (busted(1))
			busted_delay();
		shell_hand_over(pinst, &run);
	}
	note_max(&pinst->pumps->stats.reorder_max, nr);
	if (!mine)
		return;
	/*
	 * The others complete as fast as we drain: let softirqs run.  Only a
	 * job that is listed holds the shell until a pump comes to it.
	 */
	spin_lock(&ps->lock);
	mine = !shell_pass_baton(ps);
	spin_unlock(&ps->lock);
	if (mine)
		shell_defer(ps);
}

/*
 * Let the drain wait until this CPU's pump has run the shell's job at hand, and
 * perhaps the next, so that one drain does for both.  The pump has the baton
 * meanwhile; the first job, done and listed, holds the shell.  Softirqs are disabled,
 * and nothing but a hard interrupt, which defers its drains, gets in between.
 */
static bool shell_drain_later(struct padata_shell *ps)
{
	struct padata_pump *pump = this_cpu_ptr(ps->pinst->pumps);

	if (READ_ONCE(pump->later) != ps)
		return false;
	if (busted(10) && pump->undrained)
		shell_drain(pump->undrained);
	pump->undrained = ps;
	return true;
}

/* All pending callbacks have returned and the baton was seen parked. */
static void shell_unpark(struct padata_shell *ps)
{
	bool mine;

	spin_lock(&ps->lock);
	mine = ps->baton == BATON_PARKED && !atomic_read(&ps->pending);
	if (mine)
		WRITE_ONCE(ps->baton, BATON_OUT);
	spin_unlock(&ps->lock);
	if (mine)
		shell_drain(ps);
}

/* Append to the order list: this alone defines the order. */
static void shell_append(struct padata_shell *ps, struct padata_priv *job)
{
	bool home = ps->baton == BATON_HOME;

	lockdep_assert_held(&ps->lock);
	job->ps = ps;
	job->cb_cpu = ps->map_to;
	atomic_set(&job->state, home ? JOB_BATON : JOB_RUNNING);
	if (home)
		WRITE_ONCE(ps->baton, BATON_OUT);
	job_list_add(&ps->order, &job->order);
	atomic_inc(&ps->refs);
}

/*
 * Most jobs are like the one before: same mapping, same CPU wanted.  The generation
 * that was read before alone is enough, since equal ones mean equal mappings.
 */
static bool shell_is_alike(struct padata_shell *ps, unsigned int gen, int cb_cpu)
{
	lockdep_assert_held(&ps->lock);
	return ps->map_gen == gen && ps->map_cpu == cb_cpu && ps->map_to >= 0 &&
	       READ_ONCE(ps->pinst->running);
}

static bool shell_append_alike(struct padata_shell *ps, struct padata_priv *job,
			       int cb_cpu)
{
	unsigned int gen = read_seqcount_begin(&ps->pinst->map_seq);
	bool alike;

	spin_lock(&ps->lock);
	alike = shell_is_alike(ps, gen, cb_cpu);
	if (alike) {
		job->fence = false;
		shell_append(ps, job);
	}
	spin_unlock(&ps->lock);
	return alike;
}

static noinline int shell_append_mapped(struct padata_shell *ps,
					struct padata_priv *job, int cb_cpu,
					bool any)
{
	unsigned int gen;
	int err = -EINVAL;
	int cpu;

	cpu = map_cb_cpu(ps->pinst, cb_cpu, any, &gen);
	if (cpu < 0)
		return cpu;
	spin_lock(&ps->lock);
	if (READ_ONCE(ps->pinst->running)) {
		job->fence = ps->map_gen != gen;
		if (ps->map_to != cpu && !job_list_empty(&ps->order))
			ps->mixed = true;
		ps->map_gen = gen;
		ps->map_cpu = cb_cpu;
		ps->map_to = cpu;
		shell_append(ps, job);
		/* Where the mask is empty the next one may not do the same. */
		if (any)
			ps->map_to = -1;
		err = 0;
	}
	spin_unlock(&ps->lock);
	return err;
}

/* No job is in flight: whoever has the lock may take the baton. */
static bool shell_is_idle(struct padata_shell *ps)
{
	/* fence:B */
	return ps->baton == BATON_HOME &&
	       (busted(12) || !atomic_read_acquire(&ps->pending));
}

/*
 * Append a job to an idle shell.  The submitter keeps the baton, so whoever
 * completes the job finds it running and does no more than say so.
 */
static void shell_append_alone(struct padata_shell *ps, struct padata_priv *job)
{
	job->fence = false;
	WRITE_ONCE(ps->baton, BATON_OUT);
	shell_append(ps, job);
}

/* Returns 0, -EAGAIN, or 1 where the callback CPU has to be mapped first. */
static int shell_append_alone_alike(struct padata_shell *ps,
				    struct padata_priv *job, int cb_cpu)
{
	unsigned int gen = read_seqcount_begin(&ps->pinst->map_seq);
	int ret = 0;

	spin_lock(&ps->lock);
	if (!shell_is_idle(ps))
		ret = -EAGAIN;
	else if (!shell_is_alike(ps, gen, cb_cpu))
		ret = 1;
	else
		shell_append_alone(ps, job);
	spin_unlock(&ps->lock);
	return ret;
}

static noinline int shell_append_alone_mapped(struct padata_shell *ps,
					      struct padata_priv *job, int cb_cpu)
{
	int cpu, to, err = -EAGAIN;
	unsigned int gen;

	to = map_cb_cpu(ps->pinst, cb_cpu, false, &gen);
	cpu = to < 0 ? map_cb_cpu(ps->pinst, cb_cpu, true, &gen) : to;
	if (cpu < 0)
		return cpu;
	spin_lock(&ps->lock);
	if (!READ_ONCE(ps->pinst->running)) {
		err = -EINVAL;
	} else if (shell_is_idle(ps)) {
		ps->map_gen = gen;
		ps->map_cpu = cb_cpu;
		ps->map_to = cpu;
		shell_append_alone(ps, job);
		/* As in shell_append_mapped(). */
		ps->map_to = to;
		err = 0;
	}
	spin_unlock(&ps->lock);
	return err;
}

/**
 * shell_take_back() - end what shell_append_alone() began
 * @ps: The shell; the caller has the baton, and gives it away here.
 * @job: Its first job; parallel() has returned.
 *
 * Context: As for shell_drain().
 * Return: True when the job is done, and off the list.  Otherwise it takes the way
 * of all jobs, and may be gone.
 */
static bool shell_take_back(struct padata_shell *ps, struct padata_priv *job)
{
	struct job_list front;
	bool mine, done;

	spin_lock(&ps->lock);
	/* done:B */
	done = atomic_read_acquire(&job->state) == JOB_DONE;
	if (done) {
		job_list_cut(&ps->order, ps->order.first, &front);
		ps->nr_cut++;
	}
	mine = !shell_pass_baton(ps);
	spin_unlock(&ps->lock);
	if (mine)
		shell_drain(ps);
	return done;
}

/*
 * Lifetime of shells
 */

static void shell_release(struct padata_shell *ps)
{
	struct pinst *pinst = ps->pinst;

	spin_lock_bh(&pinst->shell_lock);
	list_del_rcu(&ps->list);
	spin_unlock_bh(&pinst->shell_lock);
	kfree_rcu(ps, rcu);
	kobject_put(&pinst->pub.kobj);
}

/**
 * shell_put() - drop references of jobs or of the owner
 * @ps: The shell.
 * @n: How many.
 *
 * Context: Any but hard interrupt; RCU read section, which keeps the instance
 * until padata_free() has waited for it.
 */
static void shell_put(struct padata_shell *ps, unsigned int n)
{
	struct pinst *pinst = ps->pinst;
	/* idle:B */
	bool last = !atomic_sub_return(n, &ps->refs);

	if (atomic_read(&pinst->nr_waiters))
		wake_up_all(&pinst->idle_wait);
	if (last)
		shell_release(ps);
}

static bool shell_idle(struct padata_shell *ps)
{
	bool idle;
	int refs;

	spin_lock_bh(&ps->lock);
	/* orphan:A */
	refs = atomic_read_acquire(&ps->refs);
	idle = refs == !READ_ONCE(ps->orphan);
	spin_unlock_bh(&ps->lock);
	return idle;
}

/* The first shell with jobs in flight.  Caller: RCU read section. */
static struct padata_shell *find_busy_shell(struct pinst *pinst)
{
	struct padata_shell *ps;

	list_for_each_entry_rcu(ps, &pinst->shells, list)
		if (!shell_idle(ps))
			return ps;
	return NULL;
}

static bool is_idle(struct pinst *pinst, struct padata_shell *ps)
{
	bool idle;

	if (ps)
		return shell_idle(ps);
	/* A padata_start() meanwhile ends the wait of padata_stop(). */
	if (READ_ONCE(pinst->running))
		return true;
	rcu_read_lock();
	idle = !find_busy_shell(pinst);
	rcu_read_unlock();
	return idle;
}

static void say_what_for(struct pinst *pinst, struct padata_shell *ps)
{
	rcu_read_lock();
	if (!ps)
		ps = find_busy_shell(pinst);
	if (ps)
		pr_warn("%s: still waiting for %d jobs of shell %u, allocated by %pS\n",
			pinst->name, atomic_read(&ps->refs) - !READ_ONCE(ps->orphan),
			ps->id, ps->owner);
	rcu_read_unlock();
}

/**
 * wait_until_idle() - wait for jobs in flight
 * @pinst: The instance.
 * @ps: A shell of it, or NULL for all.
 *
 * Context: Task, may sleep.
 */
static void wait_until_idle(struct pinst *pinst, struct padata_shell *ps)
{
	atomic_inc(&pinst->nr_waiters);
	smp_mb__after_atomic(); /* idle:A: nr_waiters before refs, see shell_put() */
	while (!wait_event_timeout(pinst->idle_wait, is_idle(pinst, ps),
				   WAIT_WARN_SECONDS * HZ))
		say_what_for(pinst, ps);
	atomic_dec(&pinst->nr_waiters);
}

/*
 * The pump at work
 */

/**
 * struct stretch - one stretch with softirqs disabled
 * @start: When it began.
 * @now: The last reading of the clock.
 * @cycles: What the counter said then.
 * @left: How many callbacks may still start; 0 when its time is over, too.
 * @stats: The counters.
 */
struct stretch {
	u64		start;
	u64		now;
	u32		cycles;
	unsigned int	left;
	struct pump_stats __percpu *stats;
};

static u64 stretch_now(struct stretch *st)
{
	st->cycles = cycles_now();
	st->now = local_clock();
	return st->now;
}

static void stretch_begin(struct stretch *st, struct pinst *pinst)
{
	st->stats = &pinst->pumps->stats;
	st->start = stretch_now(st);
	st->left = STRETCH_CALLBACKS;
}

static void stretch_clock(struct stretch *st)
{
	stretch_now(st);
	if ((s64)(st->now - st->start) > STRETCH_NS)
		st->left = 0;
}

/*
 * The clock costs 60 instructions, the counter five, and callbacks may be as short
 * as that.  Elsewhere a counter may be slow, or stand still.
 */
static __always_inline bool stretch_over(struct stretch *st)
{
	if (!IS_ENABLED(CONFIG_X86_TSC) || cycles_now() - st->cycles > CLOCK_CYCLES)
		stretch_clock(st);
	return !busted(9) && !st->left;
}

/* Callbacks of one shell that have returned and are not yet accounted for. */
struct returned {
	struct padata_shell	*ps;
	unsigned int		nr;
};

static void returned_flush(struct returned *ret)
{
	struct padata_shell *ps = ret->ps;

	if (!ps)
		return;
	/* park:B, fence:A */
	if (!atomic_sub_return(ret->nr, &ps->pending) &&
	    READ_ONCE(ps->baton) == BATON_PARKED)
		shell_unpark(ps);
	shell_put(ps, ret->nr);
	ret->ps = NULL;
	ret->nr = 0;
}

static void count_start(struct stretch *st)
{
	if (likely(st->left))
		st->left--;
	else
		this_cpu_inc(st->stats->late_starts);
}

static void run_callback(void (*func)(struct padata_priv *),
			 struct padata_priv *job)
{
	if (busted(2))
		local_bh_enable();
	func(job);
	if (busted(2))
		local_bh_disable();
}

static void run_serial(struct serial_queue *sq, struct stretch *st,
		       struct returned *ret)
{
	struct padata_priv *job;

	job = link_order(pop_link(&sq->batch));
	ret->ps = job->ps;
	ret->nr++;
	count_start(st);
	this_cpu_inc(st->stats->serial);
	trace_padata_serial(job);
	if (busted(5) && !(this_cpu_read(st->stats->serial) % 64))
		run_callback(job->serial, job);
	if (busted(7))
		returned_flush(ret);
	/* The callback may free the job. */
	run_callback(job->serial, job);
}

static void run_parallel(struct padata_pump *pump, struct padata_priv *job,
			 struct stretch *st)
{
	count_start(st);
	this_cpu_inc(st->stats->parallel);
	pump->nr_busy++;
	trace_padata_parallel_start(job);
	/* The job may be gone when it returns. */
	run_callback(job->parallel, job);
	trace_padata_parallel_end(job);
}

/* Serve one queue for a while.  It may be nobody's afterwards. */
static void serve_queue(struct serial_queue *sq, struct stretch *st)
{
	struct returned ret = { };
	unsigned int n;

	for (n = 0; n < ROUND_SERIAL; n++) {
		if (!sq->batch && !serial_queue_refill(sq))
			break;
		/* May drain, so before the look at the clock. */
		if (ret.ps != link_order(sq->batch)->ps)
			returned_flush(&ret);
		if (stretch_over(st))
			break;
		run_serial(sq, st, &ret);
	}
	returned_flush(&ret);
}

/* Serve the queues that this pump owns, or give them to who ought to. */
static bool pump_serial(struct padata_pump *pump, struct stretch *st)
{
	struct serial_queue *sq, *next;
	struct padata_pump *target;
	bool worked;

	llist_for_each_entry_safe(sq, next, llist_del_all(&pump->ready), ready)
		list_add_tail(&sq->serving, &pump->serving);
	worked = !list_empty(&pump->serving);
	/*
	 * Each in turn is first, because the first may take the whole stretch; but
	 * a turn in which none is served would be lost, and every second may be one.
	 */
	if (!list_is_singular(&pump->serving) && !stretch_over(st))
		list_rotate_left(&pump->serving);
	list_for_each_entry_safe(sq, next, &pump->serving, serving) {
		target = target_pump(pump->pinst, sq->cpu);
		if (target == pump) {
			serve_queue(sq, st);
		} else {
			list_del_init(&sq->serving);
			serial_queue_give(sq, target);
		}
	}
	return worked;
}

/* Only the running pump takes from the list, as llist_del_first() demands. */
static bool pump_deferred(struct padata_pump *pump, struct stretch *st)
{
	struct llist_node *node;
	bool worked = false;

	while (!llist_empty(&pump->deferred)) {
		worked = true;
		if (stretch_over(st))
			break;
		node = llist_del_first(&pump->deferred);
		shell_drain(llist_entry(node, struct padata_shell, deferred));
	}
	return worked;
}

/* Fold the duration of the last jobs into the mean. */
static void note_service_time(struct padata_pump *pump)
{
	struct pinst *pinst = pump->pinst;
	s64 sample;

	if (pump->nr_busy) {
		sample = div_u64(pump->busy_ns, pump->nr_busy);
		if (pinst->service_ns)
			sample = pinst->service_ns +
				 div_s64(sample - (s64)pinst->service_ns, 8);
		WRITE_ONCE(pinst->service_ns, max_t(s64, sample, 1));
	}
	pump->busy_ns = 0;
	pump->nr_busy = 0;
}

/* A share that leaves work for the other CPUs, but saves locking in a burst. */
static unsigned int pull_share(struct pinst *pinst)
{
	unsigned int cpus = pinst->nr_parallel ?: pinst->nr_online;

	return clamp(pinst->nr_queued / (2 * cpus), 1U,
		     min_t(unsigned int, ROUND_PARALLEL, STRETCH_CALLBACKS));
}

/*
 * As long as the work is not worth waking another CPU there is nobody to share
 * with.  But only jobs of one shell: others must not wait for a long one of it.
 */
static bool may_pull_more(struct pinst *pinst)
{
	u64 service = pinst->service_ns;

	if (IS_ENABLED(CONFIG_PREEMPT_RT) || !service)
		return false;
	return service < READ_ONCE(short_ns) &&
	       (service < TRIVIAL_NS ||
		(pinst->nr_pulling <= 1 &&
		 pinst->nr_queued * service <= READ_ONCE(wakeup_cost_ns)));
}

/* Take jobs off the queue; returns how many. */
static unsigned int pull_jobs(struct pinst *pinst, struct job_list *jobs)
{
	unsigned int n, share = pull_share(pinst);
	unsigned int most = may_pull_more(pinst) ? BATCH_JOBS : share;
	struct padata_link *last = NULL, *link = pinst->queue.first;
	struct padata_shell *ps;
	unsigned int from;

	for (n = 0; link && n < share; ) {
		ps = link_queue(link)->ps;
		from = n;
		do {
			last = link;
			link = link->next;
			n++;
		} while (link && link_queue(link)->ps == ps && n < most);
		WRITE_ONCE(ps->nr_queued, ps->nr_queued - (n - from));
	}
	if (last) {
		job_list_cut(&pinst->queue, last, jobs);
		WRITE_ONCE(pinst->nr_queued, pinst->nr_queued - n);
	}
	return n;
}

/**
 * pump_pull() - take jobs from the shared queue
 * @pump: The pump.
 * @jobs: Where they go.
 * @now: local_clock(), a moment ago.
 *
 * The test of the mask, the pull and parallel() are in one RCU read section, so
 * that padata_set_cpumask() can wait for those that saw the old mask.
 */
static void pump_pull(struct padata_pump *pump, struct job_list *jobs, u64 now)
{
	struct pinst *pinst = pump->pinst;
	struct padata_pump *wake;
	unsigned int n;

	spin_lock(&pinst->lock);
	note_service_time(pump);
	n = pump_entitled(pump) ? pull_jobs(pinst, jobs) : 0;
	if (n)
		note_pull(pinst, now);
	if (pump->pulling != !!n) {
		WRITE_ONCE(pump->pulling, !!n);
		pinst->nr_pulling += n ? 1 : -1;
	}
	wake = pump_to_wake(pinst, -1);
	spin_unlock(&pinst->lock);
	if (wake)
		pump_wake(wake);
}

/* What was pulled and not started keeps its place. */
static void pump_put_back(struct padata_pump *pump, struct job_list *jobs)
{
	struct pinst *pinst = pump->pinst;
	struct padata_pump *wake;
	struct padata_shell *ps;
	struct padata_link *link;

	spin_lock(&pinst->lock);
	for (link = jobs->first; link; link = link->next) {
		ps = link_queue(link)->ps;
		WRITE_ONCE(ps->nr_queued, ps->nr_queued + 1);
		WRITE_ONCE(pinst->nr_queued, pinst->nr_queued + 1);
	}
	job_list_append(jobs, &pinst->queue);
	job_list_append(&pinst->queue, jobs);
	wake = pump_to_wake(pinst, -1);
	spin_unlock(&pinst->lock);
	if (wake)
		pump_wake(wake);
}

/*
 * Only who is on its CPU has it to itself; on PREEMPT_RT others may get in between
 * even so.
 */
static bool pump_may_batch(struct padata_pump *pump)
{
	u64 service = READ_ONCE(pump->pinst->service_ns);

	return !IS_ENABLED(CONFIG_PREEMPT_RT) &&
	       smp_processor_id() == pump->cpu && service && service < READ_ONCE(short_ns);
}

/* Returns true when there was one. */
static bool pump_drain_undrained(struct padata_pump *pump)
{
	struct padata_shell *ps = pump->undrained;

	if (!ps)
		return false;
	pump->undrained = NULL;
	shell_drain(ps);
	return true;
}

/*
 * Run what was pulled until the stretch is over.  Drains are put off for some
 * microseconds, and only as long as the next job is of the same shell: no shell
 * waits for a job of another.  The last drain is left to the caller.
 */
static void pump_run_jobs(struct padata_pump *pump, struct job_list *jobs,
			  struct stretch *st)
{
	bool may_batch = pump_may_batch(pump);
	u64 drain_at = st->now + BATCH_NS;
	struct padata_shell *ps = NULL;
	struct padata_priv *job;

	do {
		job = link_queue(jobs->first);
		if (job->ps != ps || st->now > drain_at) {
			/* Which takes its time. */
			if (!busted(10) && pump_drain_undrained(pump) && stretch_over(st))
				break;
			drain_at = st->now + BATCH_NS;
			ps = job->ps;
			if (may_batch)
				WRITE_ONCE(pump->later, ps);
		}
		pop_link(&jobs->first);
		run_parallel(pump, job, st);
	} while (!job_list_empty(jobs) && !stretch_over(st));
	if (may_batch)
		WRITE_ONCE(pump->later, NULL);
}

static bool pump_may_pull(struct padata_pump *pump)
{
	return READ_ONCE(pump->pulling) ||
	       (READ_ONCE(pump->pinst->nr_queued) && pump_entitled(pump));
}

static bool pump_parallel(struct padata_pump *pump, struct stretch *st)
{
	struct job_list jobs;
	u64 start;

	if (stretch_over(st))
		return true;
	job_list_init(&jobs);
	pump_pull(pump, &jobs, st->now);
	if (job_list_empty(&jobs))
		return false;
	/* The job at hand is not late if the lock was. */
	start = stretch_now(st);
	pump_run_jobs(pump, &jobs, st);
	stretch_clock(st);
	pump->busy_ns = st->now - start;
	pump_drain_undrained(pump);
	if (!job_list_empty(&jobs))
		pump_put_back(pump, &jobs);
	return true;
}

/*
 * Only a workqueue that is not per-CPU can bring a pump here.  (Workqueues move
 * their workers while the CPU is not active; padata_free() does not keep
 * pinst::online any more when it flushes the pumps.)
 */
static void check_cpu(struct padata_pump *pump)
{
	struct pinst *pinst = pump->pinst;

	if (likely(smp_processor_id() == pump->cpu) || !cpu_active(pump->cpu))
		return;
	WARN_ONCE(pinst->own_wq, "pump of CPU %d runs on CPU %d\n", pump->cpu,
		  smp_processor_id());
	pr_warn_once("%s: its workqueue is not a per-CPU one, callbacks may run on any CPU\n",
		     pinst->name);
}

/* Returns false when nothing is left to do. */
static bool pump_stretch(struct padata_pump *pump)
{
	struct stretch st;
	bool worked;

	rcu_read_lock_bh();
	stretch_begin(&st, pump->pinst);
	check_cpu(pump);
	pump->parallel_first = !pump->parallel_first;
	do {
		worked = pump_deferred(pump, &st);
		if (pump->parallel_first && pump_may_pull(pump))
			worked |= pump_parallel(pump, &st);
		worked |= pump_serial(pump, &st);
		if (!pump->parallel_first && pump_may_pull(pump))
			worked |= pump_parallel(pump, &st);
	} while (worked && !stretch_over(&st));
	/* As exact as the limit is kept. */
	stretch_over(&st);
	note_max(&st.stats->stretch_max_ns, st.now - st.start);
	/* A poll has paid when there was a job. */
	if (pump->polled && st.left < STRETCH_CALLBACKS)
		pump->poll_credit = POLL_CREDIT;
	pump->polled = false;
	rcu_read_unlock_bh();
	return worked;
}

static void pump_work(struct work_struct *work)
{
	struct padata_pump *pump = container_of(work, struct padata_pump, work);

	do {
		while (pump_stretch(pump))
			cond_resched_tasks_rcu_qs();
		/* Also where a poll found what another was quicker to take. */
		cond_resched_tasks_rcu_qs();
	} while (pump_poll(pump) || !pump_sleep(pump));
}

/*
 * Submission and completion
 */

static bool is_backlog_full(struct pinst *pinst, struct padata_shell *ps)
{
	return READ_ONCE(pinst->nr_queued) + READ_ONCE(ps->nr_queued) >=
	       READ_ONCE(backlog) && !this_cpu_read(pinst->pumps->inline_depth);
}

/**
 * queue_job() - put a job where a pump finds it
 * @ps: The shell.
 * @job: The job, in the order list already.
 *
 * A shell may use as much of the backlog as it leaves to others: one stream of
 * slow jobs gets half of it, two a third each, and so on.  A parallel() that is
 * run by its submitter and submits in turn gets beyond the limit: otherwise a
 * chain of jobs would be a recursion on the stack.
 *
 * A job that finds no room still looks whether the queue is late.
 *
 * Return: False when there is no room and the submitter has to run the job.
 * Otherwise it is not the submitter's any more and may be gone.
 */
static bool queue_job(struct padata_shell *ps, struct padata_priv *job)
{
	struct pinst *pinst = ps->pinst;
	struct padata_pump *wake;
	bool full;

	/* In a flood the lock is not worth taking; under it the look counts. */
	if (is_backlog_full(pinst, ps) && looked_lately(pinst))
		return false;
	spin_lock(&pinst->lock);
	full = is_backlog_full(pinst, ps);
	if (!full) {
		job_list_add(&pinst->queue, &job->queue);
		WRITE_ONCE(ps->nr_queued, ps->nr_queued + 1);
		WRITE_ONCE(pinst->nr_queued, pinst->nr_queued + 1);
	}
	wake = is_attended(pinst) ? NULL : pump_to_wake(pinst, job->cb_cpu);
	/* Also where there was nobody to wake. */
	if (full)
		WRITE_ONCE(pinst->looked_cycles, cycles_now());
	spin_unlock(&pinst->lock);
	if (wake)
		pump_wake(wake);
	return !full;
}

static void run_inline(struct pinst *pinst, struct padata_priv *job)
{
	this_cpu_inc(pinst->pumps->stats.inline_jobs);
	this_cpu_inc(pinst->pumps->inline_depth);
	trace_padata_parallel_start(job);
	job->parallel(job);
	trace_padata_parallel_end(job);
	this_cpu_dec(pinst->pumps->inline_depth);
}

static __always_inline int submit(struct padata_shell *ps,
				  struct padata_priv *job, int *cb_cpu,
				  bool run_here)
{
	struct pinst *pinst = ps->pinst;
	int err;

	if (run_here || !shell_append_alike(ps, job, *cb_cpu)) {
		err = shell_append_mapped(ps, job, *cb_cpu, run_here);
		if (err)
			return err;
	}
	/*
	 * Before the job is out of our hands: @cb_cpu may live in it.  Nobody
	 * else calls parallel(), so it can't be done yet.
	 */
	*cb_cpu = job->cb_cpu;
	this_cpu_inc(pinst->pumps->stats.submitted);
	trace_padata_submit(ps, job, job->cb_cpu, job->fence);
	if (run_here || !queue_job(ps, job))
		run_inline(pinst, job);
	return 0;
}

/**
 * padata_do_parallel() - submit a job
 * @ps: The shell; its jobs are called back in the order of submission.
 * @padata: The job: zeroed, @parallel and @serial set.  It must stay in place
 *	until its serial() is entered.
 * @cb_cpu: The CPU wanted for serial().  When it is not in the usable serial
 *	cpumask another CPU of that mask takes its place, the same one as long as
 *	masks and CPUs do not change, and is stored here.
 *
 * Callbacks of one shell with the same requested callback CPU run one after the
 * other in the order of submission, whatever happens to cpumasks and CPUs.
 * While the instance's backlog is full the submitter runs parallel() itself.
 *
 * Context: Task or softirq, interrupts on.  Does not sleep.  May be called from
 * serial() and parallel().
 * Return:
 * * 0 - the job is in progress and serial() will be called exactly once; that may
 *   have happened before the return.
 * * -EINVAL - no online CPU in the parallel or the serial cpumask, or the
 *   instance is stopped.  The job was not accepted; submit it again once that
 *   has changed, or use padata_do_inline().
 */
int padata_do_parallel(struct padata_shell *ps, struct padata_priv *padata,
		       int *cb_cpu)
{
	int err;

	rcu_read_lock_bh();
	err = submit(ps, padata, cb_cpu, false);
	rcu_read_unlock_bh();
	return err;
}
EXPORT_SYMBOL_GPL(padata_do_parallel);

/**
 * padata_do_inline() - submit a job and run its parallel() here and now
 * @ps: The shell.
 * @padata: The job, as for padata_do_parallel().
 * @cb_cpu: The CPU wanted for serial(), as for padata_do_parallel(); while the
 *	usable serial cpumask is empty any online CPU takes its place.
 *
 * For users who have to be served whatever the cpumasks are: the job takes its
 * place in the order, which it would lose if it were done outside of the shell.
 *
 * Context: As for padata_do_parallel(), but not from parallel(): a chain of such
 * jobs would be a recursion.
 * Return: 0, or -EINVAL when the instance is stopped.
 */
int padata_do_inline(struct padata_shell *ps, struct padata_priv *padata,
		     int *cb_cpu)
{
	int err;

	rcu_read_lock_bh();
	err = submit(ps, padata, cb_cpu, true);
	rcu_read_unlock_bh();
	return err;
}
EXPORT_SYMBOL_GPL(padata_do_inline);

static int submit_alone(struct padata_shell *ps, struct padata_priv *job, int *cb_cpu)
{
	struct pinst *pinst = ps->pinst;
	int err;

	/* A hint, which spares others the lock. */
	if (READ_ONCE(ps->baton) != BATON_HOME)
		return -EAGAIN;
	err = shell_append_alone_alike(ps, job, *cb_cpu);
	if (err > 0)
		err = shell_append_alone_mapped(ps, job, *cb_cpu);
	if (err)
		return err;
	*cb_cpu = job->cb_cpu;
	this_cpu_inc(pinst->pumps->stats.submitted);
	trace_padata_submit(ps, job, job->cb_cpu, job->fence);
	run_inline(pinst, job);
	if (!shell_take_back(ps, job))
		return 0;
	this_cpu_inc(pinst->pumps->stats.serial);
	shell_put(ps, 1);
	return 1;
}

/**
 * padata_do_alone() - run a job here and now if the shell has none in flight
 * @ps: The shell.
 * @padata: The job, as for padata_do_parallel().
 * @cb_cpu: The CPU wanted for serial(), as for padata_do_inline().
 *
 * For jobs that take less than a wake-up: where there is nobody to keep up with, or
 * to wait for, the way to another CPU and back is all that a pump would add.
 * Callbacks of jobs that others submit meanwhile do not start before parallel() of
 * this one has returned nor, if it is not done then, before padata_do_serial() was
 * called for it; those for the same callback CPU follow its own.
 *
 * Context: As for padata_do_inline().
 * Return:
 * * 1 - the job is done and the caller's again; serial() is not called.
 * * 0 - in progress: parallel() has returned and somebody else ends the job;
 *   serial() will be called, or was.
 * * -EAGAIN - jobs of the shell are in flight, or callbacks have not returned; the
 *   job was not touched, and is one for padata_do_parallel().
 * * -EINVAL - the instance is stopped.
 */
int padata_do_alone(struct padata_shell *ps, struct padata_priv *padata, int *cb_cpu)
{
	int ret;

	rcu_read_lock_bh();
	ret = submit_alone(ps, padata, cb_cpu);
	rcu_read_unlock_bh();
	return ret;
}
EXPORT_SYMBOL_GPL(padata_do_alone);

/* Locks of ours sleep on PREEMPT_RT, and must not be taken with interrupts off. */
static bool must_defer(void)
{
	if (busted(8))
		return false;
	return in_hardirq() || irqs_disabled() ||
	       (IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible());
}

/**
 * padata_do_serial() - say that a job is done
 * @padata: The job.
 *
 * Called exactly once per job, by parallel() or by whoever ends the work later.
 * serial() follows on the callback CPU once all earlier jobs of the shell are
 * done.
 *
 * Context: Any but NMI.  Does not sleep and does not call serial() itself.
 */
void padata_do_serial(struct padata_priv *padata)
{
	struct padata_shell *ps = padata->ps;
	int old;

	/* done:A, baton:B; without the baton the job may be gone from here on */
	old = atomic_xchg(&padata->state, JOB_DONE);
	if (likely(old == JOB_RUNNING))
		return;
	if (WARN_ONCE(old == JOB_DONE, "%s() called twice for a job\n", __func__))
		return;
	/* We have the baton: the job is still listed and holds the shell. */
	if (must_defer()) {
		rcu_read_lock();
		shell_defer(ps);
		rcu_read_unlock();
		return;
	}
	rcu_read_lock_bh();
	if (!shell_drain_later(ps))
		shell_drain(ps);
	rcu_read_unlock_bh();
}
EXPORT_SYMBOL_GPL(padata_do_serial);

/*
 * Changes of masks and CPUs
 */

static void user_masks_free(struct user_masks *masks)
{
	if (!masks)
		return;
	free_cpumask_var(masks->serial);
	free_cpumask_var(masks->parallel);
	kfree(masks);
}

static struct user_masks *user_masks_alloc(void)
{
	struct user_masks *masks = kzalloc(sizeof(*masks), GFP_KERNEL);

	if (!masks)
		return NULL;
	if (!zalloc_cpumask_var(&masks->parallel, GFP_KERNEL))
		goto free_masks;
	if (!zalloc_cpumask_var(&masks->serial, GFP_KERNEL))
		goto free_parallel;
	return masks;

free_parallel:
	free_cpumask_var(masks->parallel);
free_masks:
	kfree(masks);
	return NULL;
}

/*
 * A pump that lost its right may be held up for long before it looks at the
 * queue again: it does not count any more, so that another is woken.
 */
static void release_pulling(struct pinst *pinst)
{
	struct padata_pump *pump;
	int cpu;

	for_each_possible_cpu(cpu) {
		pump = per_cpu_ptr(pinst->pumps, cpu);
		if (!pump->pulling || pump_entitled(pump))
			continue;
		WRITE_ONCE(pump->pulling, false);
		pinst->nr_pulling--;
	}
}

/**
 * map_change() - put a new mapping in force
 * @pinst: The instance.
 * @new: New masks, or NULL when @cpu has come or is about to go.
 * @cpu: The CPU.
 * @online: Which of the two.
 *
 * No allocation, no walk over shells, nothing to wait for: hotplug callbacks do
 * no more than this.
 */
static void map_change(struct pinst *pinst, struct user_masks *new,
		       unsigned int cpu, bool online)
{
	const struct user_masks *masks;
	struct padata_pump *wake;

	rcu_read_lock();
	spin_lock_bh(&pinst->lock);
	write_seqcount_begin(&pinst->map_seq);
	if (new)
		rcu_assign_pointer(pinst->masks, new);
	else
		assign_bit(cpu, cpumask_bits(pinst->online), online);
	masks = rcu_dereference(pinst->masks);
	WRITE_ONCE(pinst->nr_online, cpumask_weight(pinst->online));
	WRITE_ONCE(pinst->nr_parallel,
		   cpumask_weight_and(masks->parallel, pinst->online));
	WRITE_ONCE(pinst->nr_serial,
		   cpumask_weight_and(masks->serial, pinst->online));
	write_seqcount_end(&pinst->map_seq);
	WRITE_ONCE(pinst->mask_changes, pinst->mask_changes + 1);
	trace_padata_mask_change(pinst->name, pinst->nr_parallel,
				 pinst->nr_serial, pinst->nr_online);
	release_pulling(pinst);
	wake = pump_to_wake(pinst, -1);
	spin_unlock_bh(&pinst->lock);
	if (wake)
		pump_wake(wake);
	rcu_read_unlock();
}

static int padata_cpu_online(unsigned int cpu, struct hlist_node *node)
{
	map_change(hlist_entry_safe(node, struct pinst, node), NULL, cpu, true);
	return 0;
}

static int padata_cpu_offline(unsigned int cpu, struct hlist_node *node)
{
	map_change(hlist_entry_safe(node, struct pinst, node), NULL, cpu, false);
	return 0;
}

/**
 * padata_set_cpumask() - change one of the cpumasks
 * @pinst: The instance.
 * @cpumask_type: PADATA_CPU_PARALLEL or PADATA_CPU_SERIAL.
 * @cpumask: The new mask.  It may name offline CPUs, which are used once they
 *	come online, and may be empty or become so: jobs are refused then until
 *	it is not.  CPUs that are not possible are left out.
 *
 * On return no pump runs parallel() outside the new mask, unless no CPU of it is
 * online: what was queued then runs on any.  Jobs submitted from now on are
 * called back inside the new mask.  Jobs in flight keep their order.
 *
 * Context: Task, may sleep; not from a callback of padata.
 * Return:
 * * 0 - done.
 * * -EINVAL - unknown @cpumask_type.
 * * -ENOMEM - out of memory; the old mask stays in force.
 */
int padata_set_cpumask(struct padata_instance *pinst, int cpumask_type,
		       const struct cpumask *cpumask)
{
	struct pinst *p = to_pinst(pinst);
	struct user_masks *old, *new;
	struct cpumask *change;

	if (cpumask_type != PADATA_CPU_PARALLEL &&
	    cpumask_type != PADATA_CPU_SERIAL)
		return -EINVAL;
	new = user_masks_alloc();
	if (!new)
		return -ENOMEM;

	mutex_lock(&p->mutex);
	old = rcu_dereference_protected(p->masks, lockdep_is_held(&p->mutex));
	cpumask_copy(new->parallel, old->parallel);
	cpumask_copy(new->serial, old->serial);
	change = cpumask_type == PADATA_CPU_SERIAL ? new->serial : new->parallel;
	cpumask_and(change, cpumask, cpu_possible_mask);
	map_change(p, new, 0, false);
	mutex_unlock(&p->mutex);

	synchronize_rcu();
	user_masks_free(old);
	return 0;
}
EXPORT_SYMBOL_GPL(padata_set_cpumask);

/*
 * Stall detector
 */

/* What keeps a busy shell from going on. */
static const char *stall_cause(struct padata_shell *ps)
{
	struct padata_priv *first;

	lockdep_assert_held(&ps->lock);
	if (job_list_empty(&ps->order))
		return "its callbacks do not run";
	first = link_order(ps->order.first);
	if (atomic_read(&first->state) != JOB_DONE)
		return "its first job is not completed";
	if (ps->baton == BATON_PARKED)
		return "its first job waits for earlier callbacks, which do not run";
	return "its first job is done and not handed over";
}

static void watch_shell(struct padata_shell *ps, unsigned int limit)
{
	int jobs, pending = atomic_read(&ps->pending);
	const char *cause = NULL;
	unsigned int age;

	spin_lock_bh(&ps->lock);
	jobs = atomic_read(&ps->refs) - !READ_ONCE(ps->orphan);
	age = jiffies_to_msecs(jiffies - ps->seen.since) / MSEC_PER_SEC;
	if (!jobs || ps->seen.nr_cut != ps->nr_cut || ps->seen.pending != pending) {
		ps->seen.nr_cut = ps->nr_cut;
		ps->seen.pending = pending;
		ps->seen.since = jiffies;
		ps->seen.said = false;
	} else if (age >= limit && !ps->seen.said) {
		ps->seen.said = true;
		cause = stall_cause(ps);
	}
	spin_unlock_bh(&ps->lock);
	if (!cause)
		return;
	WRITE_ONCE(ps->pinst->stalls, ps->pinst->stalls + 1);
	pr_warn("%s: shell %u, allocated by %pS, has stalled for at least %u s: %s; %d jobs behind it\n",
		ps->pinst->name, ps->id, ps->owner, age, cause, jobs - 1);
}

/* Four looks in a limit, so a stall is reported at most a quarter late. */
static void watch_again(struct pinst *pinst)
{
	unsigned int limit = READ_ONCE(stall_seconds) ?: 30;

	queue_delayed_work(system_power_efficient_wq, &pinst->watch,
			   max(limit * HZ / 4, 1U));
}

static void watch_work(struct work_struct *work)
{
	struct pinst *pinst = container_of(to_delayed_work(work), struct pinst,
					   watch);
	unsigned int limit = READ_ONCE(stall_seconds);
	struct padata_shell *ps;

	rcu_read_lock();
	list_for_each_entry_rcu(ps, &pinst->shells, list)
		if (limit)
			watch_shell(ps, limit);
	rcu_read_unlock();
	watch_again(pinst);
}

/*
 * Attributes
 */

static struct pinst *kobj_to_pinst(struct kobject *kobj)
{
	return to_pinst(container_of(kobj, struct padata_instance, kobj));
}

static ssize_t mask_show(struct kobject *kobj, char *buf, int type)
{
	struct pinst *pinst = kobj_to_pinst(kobj);
	const struct user_masks *masks;
	ssize_t len;

	rcu_read_lock();
	masks = rcu_dereference(pinst->masks);
	len = sysfs_emit(buf, "%*pb\n",
			 cpumask_pr_args(type == PADATA_CPU_SERIAL ?
					 masks->serial : masks->parallel));
	rcu_read_unlock();
	return len;
}

static ssize_t mask_store(struct kobject *kobj, const char *buf, size_t count,
			  int type)
{
	char first = buf[strspn(buf, " \t\v\f\r,")];
	cpumask_var_t mask;
	int err;

	/* To bitmap_parse() a line with no digit is a mask, too: an empty one. */
	if (!first || first == '\n')
		return -EINVAL;
	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;
	err = bitmap_parse(buf, count, cpumask_bits(mask), nr_cpu_ids);
	if (!err && !cpumask_subset(mask, cpu_possible_mask))
		err = -EOVERFLOW;
	if (!err)
		err = padata_set_cpumask(&kobj_to_pinst(kobj)->pub, type, mask);
	free_cpumask_var(mask);
	return err ?: count;
}

static ssize_t parallel_cpumask_show(struct kobject *kobj,
				     struct kobj_attribute *attr, char *buf)
{
	return mask_show(kobj, buf, PADATA_CPU_PARALLEL);
}

static ssize_t parallel_cpumask_store(struct kobject *kobj,
				      struct kobj_attribute *attr,
				      const char *buf, size_t count)
{
	return mask_store(kobj, buf, count, PADATA_CPU_PARALLEL);
}

static ssize_t serial_cpumask_show(struct kobject *kobj,
				   struct kobj_attribute *attr, char *buf)
{
	return mask_show(kobj, buf, PADATA_CPU_SERIAL);
}

static ssize_t serial_cpumask_store(struct kobject *kobj,
				    struct kobj_attribute *attr,
				    const char *buf, size_t count)
{
	return mask_store(kobj, buf, count, PADATA_CPU_SERIAL);
}

static struct kobj_attribute parallel_cpumask_attr = __ATTR_RW(parallel_cpumask);
static struct kobj_attribute serial_cpumask_attr = __ATTR_RW(serial_cpumask);

/* A member of struct pump_stats: the sum, or the maximum, over the CPUs. */
struct counter_attribute {
	struct kobj_attribute	kattr;
	size_t			offset;
	bool			is_max;
};

static unsigned long read_counter(struct pinst *pinst, int cpu, size_t offset)
{
	void *stats = &per_cpu_ptr(pinst->pumps, cpu)->stats;

	return READ_ONCE(*(unsigned long *)(stats + offset));
}

static ssize_t counter_show(struct kobject *kobj, struct kobj_attribute *kattr,
			    char *buf)
{
	struct counter_attribute *attr =
		container_of(kattr, struct counter_attribute, kattr);
	struct pinst *pinst = kobj_to_pinst(kobj);
	unsigned long one, all = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		one = read_counter(pinst, cpu, attr->offset);
		all = attr->is_max ? max(all, one) : all + one;
	}
	return sysfs_emit(buf, "%lu\n", all);
}

static ssize_t mask_changes_show(struct kobject *kobj,
				 struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n",
			  READ_ONCE(kobj_to_pinst(kobj)->mask_changes));
}

static ssize_t jobs_per_cpu_show(struct kobject *kobj,
				 struct kobj_attribute *attr, char *buf)
{
	struct pinst *pinst = kobj_to_pinst(kobj);
	size_t offset = offsetof(struct pump_stats, parallel);
	int cpu, len = 0;

	/* Whole numbers only, where a page does not hold all. */
	for_each_possible_cpu(cpu)
		if (len < PAGE_SIZE - 24)
			len += sysfs_emit_at(buf, len, "%s%lu", len ? " " : "",
					     read_counter(pinst, cpu, offset));
	len += sysfs_emit_at(buf, len, "\n");
	return len;
}

static ssize_t stalls_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%lu\n", READ_ONCE(kobj_to_pinst(kobj)->stalls));
}

#define COUNTER_ATTR(file, member, max)					\
	static struct counter_attribute file##_attr = {			\
		.kattr	= __ATTR(file, 0444, counter_show, NULL),	\
		.offset	= offsetof(struct pump_stats, member),		\
		.is_max	= max,						\
	}

COUNTER_ATTR(jobs_submitted, submitted, false);
COUNTER_ATTR(jobs_inline, inline_jobs, false);
COUNTER_ATTR(jobs_completed, serial, false);
COUNTER_ATTR(wakeups, wakeups, false);
COUNTER_ATTR(late_starts, late_starts, false);
COUNTER_ATTR(reorder_depth_max, reorder_max, true);
COUNTER_ATTR(softirq_off_max_ns, stretch_max_ns, true);
static struct kobj_attribute jobs_per_cpu_attr = __ATTR_RO(jobs_per_cpu);
static struct kobj_attribute mask_changes_attr = __ATTR_RO(mask_changes);
static struct kobj_attribute stalls_attr = __ATTR_RO(stalls);

static struct attribute *padata_attrs[] = {
	&parallel_cpumask_attr.attr,
	&serial_cpumask_attr.attr,
	&jobs_submitted_attr.kattr.attr,
	&jobs_inline_attr.kattr.attr,
	&jobs_completed_attr.kattr.attr,
	&jobs_per_cpu_attr.attr,
	&wakeups_attr.kattr.attr,
	&late_starts_attr.kattr.attr,
	&reorder_depth_max_attr.kattr.attr,
	&softirq_off_max_ns_attr.kattr.attr,
	&mask_changes_attr.attr,
	&stalls_attr.attr,
	NULL,
};
ATTRIBUTE_GROUPS(padata);

/*
 * Lifetime of instances
 */

static void pinst_release(struct kobject *kobj)
{
	struct pinst *pinst = kobj_to_pinst(kobj);

	user_masks_free(rcu_dereference_protected(pinst->masks, true));
	free_cpumask_var(pinst->online);
	free_percpu(pinst->pumps);
	kfree_const(pinst->name);
	kfree(pinst);
}

static const struct kobj_type padata_ktype = {
	.release	= pinst_release,
	.sysfs_ops	= &kobj_sysfs_ops,
	.default_groups	= padata_groups,
};

static void pump_init(struct pinst *pinst, int cpu)
{
	struct padata_pump *pump = per_cpu_ptr(pinst->pumps, cpu);

	INIT_WORK(&pump->work, pump_work);
	pump->pinst = pinst;
	pump->cpu = cpu;
	init_llist_head(&pump->ready);
	init_llist_head(&pump->deferred);
	INIT_LIST_HEAD(&pump->serving);
	spin_lock_init(&pump->sq.lock);
	job_list_init(&pump->sq.incoming);
	INIT_LIST_HEAD(&pump->sq.serving);
	pump->sq.cpu = cpu;
	pump->yield_from = jiffies;
}

/* All possible CPUs but those isolated at boot, unless that leaves none. */
static void default_mask(struct cpumask *mask)
{
	if (!cpumask_and(mask, housekeeping_cpumask(HK_TYPE_DOMAIN),
			 housekeeping_cpumask(HK_TYPE_WQ)) ||
	    !cpumask_and(mask, mask, cpu_possible_mask))
		cpumask_copy(mask, cpu_possible_mask);
}

/* Memory only; from here on kobject_put() undoes everything. */
static struct pinst *pinst_alloc(const char *name)
{
	struct pinst *pinst = kzalloc(sizeof(*pinst), GFP_KERNEL);
	struct user_masks *masks;
	int cpu;

	if (!pinst)
		return NULL;
	kobject_init(&pinst->pub.kobj, &padata_ktype);
	pinst->name = kstrdup_const(name, GFP_KERNEL);
	pinst->pumps = alloc_percpu(struct padata_pump);
	masks = user_masks_alloc();
	RCU_INIT_POINTER(pinst->masks, masks);
	if (!zalloc_cpumask_var(&pinst->online, GFP_KERNEL) || !pinst->name ||
	    !pinst->pumps || !masks) {
		kobject_put(&pinst->pub.kobj);
		return NULL;
	}
	default_mask(masks->parallel);
	cpumask_copy(masks->serial, masks->parallel);
	for_each_possible_cpu(cpu)
		pump_init(pinst, cpu);
	spin_lock_init(&pinst->lock);
	seqcount_spinlock_init(&pinst->map_seq, &pinst->lock);
	/* 10 changes before the wrap, so that it is no rare event. */
	pinst->map_seq.seqcount.sequence = -2U * 10;
	job_list_init(&pinst->queue);
	mutex_init(&pinst->mutex);
	spin_lock_init(&pinst->shell_lock);
	INIT_LIST_HEAD(&pinst->shells);
	init_waitqueue_head(&pinst->idle_wait);
	INIT_DELAYED_WORK(&pinst->watch, watch_work);
	return pinst;
}

/* Everything but memory.  A workqueue that is not the caller's is made. */
static int pinst_activate(struct pinst *pinst, struct workqueue_struct *wq)
{
	int err;

	pinst->own_wq = !wq;
	if (!wq)
		wq = alloc_workqueue("%s", WQ_MEM_RECLAIM | WQ_CPU_INTENSIVE |
				     COMPAT_WQ_PERCPU, 0, pinst->name);
	if (!wq)
		return -ENOMEM;
	pinst->wq = wq;
	err = cpuhp_state_add_instance(hotplug_state, &pinst->node);
	if (err) {
		if (pinst->own_wq)
			destroy_workqueue(wq);
		return err;
	}
	watch_again(pinst);
	return 0;
}

/**
 * padata_alloc_on() - make an instance on a given workqueue
 * @name: For its messages; copied.
 * @wq: Runs its workers; NULL for one of its own.  It must be a per-CPU one
 *	(not WQ_UNBOUND), must outlive the instance and not be drained before
 *	that is freed.  A module can't look inside: when a worker finds itself
 *	on a wrong CPU, one line in the log says so.
 * @pcpumask: CPUs for parallel(); NULL for the default of padata_alloc().
 * @cbcpumask: CPUs for serial(); likewise.
 *
 * The form that padata had in 2010.  As then, the instance begins stopped.
 *
 * Context: Task, may sleep.
 * Return: The instance, or NULL when memory is short.
 */
struct padata_instance *padata_alloc_on(const char *name,
					struct workqueue_struct *wq,
					const struct cpumask *pcpumask,
					const struct cpumask *cbcpumask)
{
	struct pinst *pinst = pinst_alloc(name);
	struct user_masks *masks;

	if (!pinst)
		return NULL;
	/* Nobody else knows the instance yet. */
	masks = rcu_dereference_protected(pinst->masks, true);
	if (pcpumask)
		cpumask_and(masks->parallel, pcpumask, cpu_possible_mask);
	if (cbcpumask)
		cpumask_and(masks->serial, cbcpumask, cpu_possible_mask);
	if (pinst_activate(pinst, wq)) {
		kobject_put(&pinst->pub.kobj);
		return NULL;
	}
	return &pinst->pub;
}
EXPORT_SYMBOL_GPL(padata_alloc_on);

/**
 * padata_alloc() - make an instance
 * @name: Names its workqueue and its messages; copied.
 *
 * Both cpumasks start as all possible CPUs but those isolated at boot
 * (``isolcpus=``, ``nohz_full=``).  The instance accepts jobs at once.
 *
 * Context: Task, may sleep.
 * Return: The instance, or NULL when memory is short.
 */
struct padata_instance *padata_alloc(const char *name)
{
	struct padata_instance *pinst = padata_alloc_on(name, NULL, NULL, NULL);

	if (pinst)
		WRITE_ONCE(to_pinst(pinst)->running, true);
	return pinst;
}
EXPORT_SYMBOL_GPL(padata_alloc);

/**
 * padata_free() - free an instance
 * @pinst: The instance.
 *
 * Refuses new jobs and waits for those in flight; when that takes long the log
 * says for what.  Removes the kobject from sysfs.  A shell that was not freed
 * before keeps the memory until it is.
 *
 * Context: Task, may sleep.  Called from a callback of padata, where it cannot
 * wait, it warns and leaks the instance.
 */
void padata_free(struct padata_instance *pinst)
{
	struct pinst *p = to_pinst(pinst);
	int cpu, round;

	if (WARN_ON_ONCE(in_interrupt()))
		return;
	if (pinst->kobj.state_in_sysfs)
		kobject_del(&pinst->kobj);
	padata_stop(pinst);
	/* Who submitted, completed or called back has let go of the pumps. */
	synchronize_rcu();
	cpuhp_state_remove_instance_nocalls(hotplug_state, &p->node);
	cancel_delayed_work_sync(&p->watch);
	/*
	 * Twice: one that is flushed late may give a queue, empty but owned, to one
	 * flushed before.  That one gives it to nobody, as CPUs change no more.
	 */
	for (round = 0; round < 2; round++)
		for_each_possible_cpu(cpu)
			flush_work(&per_cpu_ptr(p->pumps, cpu)->work);
	if (p->own_wq)
		destroy_workqueue(p->wq);
	kobject_put(&pinst->kobj);
}
EXPORT_SYMBOL_GPL(padata_free);

/**
 * padata_start() - accept jobs (again)
 * @pinst: The instance.
 *
 * Context: Task, may sleep; not from a callback of padata.
 * Return: 0, or -EINVAL when one of the cpumasks has no online CPU.
 */
int padata_start(struct padata_instance *pinst)
{
	struct pinst *p = to_pinst(pinst);
	int err = -EINVAL;

	mutex_lock(&p->mutex);
	spin_lock_bh(&p->lock);
	if (p->nr_parallel && p->nr_serial) {
		WRITE_ONCE(p->running, true);
		err = 0;
	}
	spin_unlock_bh(&p->lock);
	mutex_unlock(&p->mutex);
	return err;
}
EXPORT_SYMBOL_GPL(padata_start);

/**
 * padata_stop() - refuse jobs, and wait for those in flight
 * @pinst: The instance.
 *
 * Context: Task, may sleep; not from a callback of padata.
 */
void padata_stop(struct padata_instance *pinst)
{
	struct pinst *p = to_pinst(pinst);

	mutex_lock(&p->mutex);
	WRITE_ONCE(p->running, false);
	mutex_unlock(&p->mutex);
	/* See "stop" at the top. */
	spin_lock_bh(&p->shell_lock);
	spin_unlock_bh(&p->shell_lock);
	wait_until_idle(p, NULL);
}
EXPORT_SYMBOL_GPL(padata_stop);

/**
 * padata_alloc_shell() - make an ordered stream of jobs
 * @pinst: The instance whose CPUs it uses.
 *
 * A shell has no per-CPU memory and costs nothing while it is idle.
 *
 * Context: Task, may sleep.
 * Return: The shell, or NULL when memory is short.
 */
struct padata_shell *padata_alloc_shell(struct padata_instance *pinst)
{
	struct pinst *p = to_pinst(pinst);
	struct padata_shell *ps = kzalloc(sizeof(*ps), GFP_KERNEL);

	if (!ps)
		return NULL;
	kobject_get(&pinst->kobj);
	ps->pinst = p;
	spin_lock_init(&ps->lock);
	job_list_init(&ps->order);
	atomic_set(&ps->refs, 1);
	ps->map_to = -1;
	ps->owner = __builtin_return_address(0);
	/* Likewise soon to wrap. */
	ps->nr_cut = -200;
	ps->seen.nr_cut = ps->nr_cut;
	ps->seen.since = jiffies;
	spin_lock_bh(&p->shell_lock);
	ps->id = ++p->last_id;
	list_add_tail_rcu(&ps->list, &p->shells);
	spin_unlock_bh(&p->shell_lock);
	return ps;
}
EXPORT_SYMBOL_GPL(padata_alloc_shell);

/**
 * padata_put_shell() - let go of a shell without waiting
 * @ps: The shell, or NULL.
 *
 * It is freed once the last job in flight has been called back.  The caller
 * submits nothing to it any more.
 *
 * Context: Task or softirq, serial() of its own jobs included.
 */
void padata_put_shell(struct padata_shell *ps)
{
	if (!ps)
		return;
	rcu_read_lock();
	/* orphan:B, ordered by the subtraction */
	WRITE_ONCE(ps->orphan, true);
	shell_put(ps, 1);
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(padata_put_shell);

/**
 * padata_free_shell() - free a shell
 * @ps: The shell, or NULL.
 *
 * Waits until the callbacks of all its jobs have returned; when that takes long
 * the log says so.
 *
 * Context: Task, may sleep.  Called from a callback of padata, where it cannot
 * wait, it warns and does what padata_put_shell() does.
 */
void padata_free_shell(struct padata_shell *ps)
{
	if (!ps)
		return;
	if (!WARN_ON_ONCE(in_interrupt()))
		wait_until_idle(ps->pinst, ps);
	padata_put_shell(ps);
}
EXPORT_SYMBOL_GPL(padata_free_shell);

#include "padata_multithread.c"

static int __init padata_mod_init(void)
{
	int ret;

	ret = mt_helpers_init();
	if (ret)
		return ret;
	ret = cpuhp_setup_state_multi(CPUHP_AP_ONLINE_DYN, "padata_mod:online",
				      padata_cpu_online, padata_cpu_offline);
	if (ret < 0) {
		mt_helpers_exit();
		return ret;
	}
	hotplug_state = ret;
	return 0;
}
module_init(padata_mod_init);

static void __exit padata_mod_exit(void)
{
	cpuhp_remove_multi_state(hotplug_state);
	mt_helpers_exit();
}
module_exit(padata_mod_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Parallel jobs with serial results");
