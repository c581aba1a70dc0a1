// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: everything that padata allows, at once and at random, and
 * everything that it promises, checked for each job.
 *
 * Needs nothing but a kernel, so that it runs on those of distributions.  The
 * work begins when the module is loaded and ends by itself; the last line in
 * the log is "padata_torture: SUCCESS key=value..." or "... FAILURE ...".
 *
 *   rig	one instance under torture; "main" has all that is not named here,
 *		"cycled" is stopped and started all the time, "quiet" has a few
 *		jobs at a time, so that nobody helps a pump that is not woken
 *   shell	a shell of padata and the callback CPUs that are asked for on it
 *   lane	the jobs of one feeder with one requested callback CPU on one
 *		shell; numbers are given under one roof, so that order can be seen
 *   feeder	submits: threads, and a timer in softirq
 *   completer	per CPU: ends jobs from a work item, a timer, a hard interrupt
 *   deliverer	per CPU: a list into which serial() puts the job's number, and a
 *		tasklet that delivers it; what a lane delivers has to be in order, too
 *
 * What makes trouble: writers of the two cpumasks, CPU hotplug, padata_stop(),
 * and threads that make and free shells.  Nobody else may change CPUs or masks
 * meanwhile.
 *
 * Callbacks may run outside of a mask, and submissions be refused, only while a
 * mask may be without an online CPU.  How that is known: see struct mask.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../compat.h"
#include "../../padata.h"
#include "../test_files.h"
#include "completer.h"
#include "duration.h"

static unsigned int minutes = 2;
module_param(minutes, uint, 0444);
MODULE_PARM_DESC(minutes, "How long it takes (default 2)");

static unsigned int seconds;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "The same in seconds, instead of minutes");

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "Of all choices (default: random, shown in the log)");

static unsigned int stutter = 3;
module_param(stutter, uint, 0444);
MODULE_PARM_DESC(stutter, "Longest stretch of load in seconds, four times that on slow kernels; after each all jobs must have come back (default 3, 0: never)");

static unsigned int patience;
module_param(patience, uint, 0444);
MODULE_PARM_DESC(patience, "After so many seconds without a callback jobs in flight are lost (default 40, on slow kernels 120)");

#define SLOW			(IS_ENABLED(CONFIG_KASAN) ||		\
				 IS_ENABLED(CONFIG_PROVE_LOCKING) ||	\
				 IS_ENABLED(CONFIG_KCSAN))
/* No job came back for so long: those in flight are lost. */
#define LOST_MS			((patience ?: SLOW ? 120 : 40) * MSEC_PER_SEC)
#define PROGRESS_MS		(15 * MSEC_PER_SEC)
#define MASK_CHANGES_A_MINUTE	100
#define OFFLINES_A_MINUTE	30
#define MAX_INLINE_PERCENT	50
#define MAX_SHOWN		5
#define RCU_EXPEDITED		"/sys/kernel/rcu_expedited"
#define PATH_LEN		80

/* Jobs in flight; padata's default backlog is 1024, so most are queued. */
#define WINDOW			32
#define CHAIN_WINDOW		4
#define NEST_WINDOW		8
#define BURST_WINDOW		3000
#define RING			4096
#define MAX_ORPHANS		24

/*
 * padata waits for what callbacks have raised on a CPU, for at least so long, before
 * results come out on another.  The longest hold of a deliverer is clearly shorter.
 */
#define DELIVER_BOUND_NS	(16 * NSEC_PER_MSEC)
#define DELIVER_HOLD_US		3000

#define JOB_WORDS		24
#define SHELL_SLOTS		4
#define FEEDER_LANES		5
#define RIG_SHELLS		6
#define MAX_FEEDERS		20
#define MAX_THREADS		8

/* What is counted; the first NR_ERRORS must stay zero. */
enum counter {
	REORDERS,	/* serial() out of turn */
	DOUBLES,	/* a callback called twice, or too early */
	LOSSES,		/* a job never came back */
	OVERLAPS,	/* two serial() of one shell and requested CPU at once */
	WRONG_CPU,	/* serial() not on the reported CPU, or that not in the mask */
	STRAYS,		/* parallel() outside of the mask */
	WRONG_CONTEXT,	/* softirqs on, interrupts off, hard interrupt */
	BAD_PAYLOAD,	/* what serial() got is not what was submitted */
	REFUSALS,	/* an error where none was possible */
	BAD_WAITS,	/* padata_stop() or padata_free_shell() came back early */
	BAD_MASKS,	/* a mask could not be written, or another one is shown */
	BAD_HOTPLUG,	/* a CPU could not be taken offline or online */
	DELIVERED_REORDERS,	/* delivered after a later job */
	UNDELIVERED,	/* never delivered */
	NR_ERRORS,
	SUBMITTED = NR_ERRORS,
	CALLED,
	RAN,		/* parallel() by a pump */
	INLINE,		/* parallel() by the submitter, who had not asked for it */
	FORCED,		/* padata_do_inline(), and padata_do_alone() */
	ALONE,		/* done by padata_do_alone() */
	EXPECTED_REFUSALS,
	MASK_CHANGES,
	MASK_CHANGES_BUSY,	/* with jobs in flight, before and after */
	OFFLINES,
	OFFLINES_BUSY,
	ONLINES,
	ONLINES_BUSY,
	STOPS,
	SHELLS,
	QUEUED,		/* numbers in the deliverers' lists, sooner or later */
	DELIVERED,
	DELIVERED_EXCUSED,	/* late, but their CPU did not deliver for too long */
	NR_COUNTERS,
};

static const char * const counter_names[NR_COUNTERS] = {
	[REORDERS]		= "reorders",
	[DOUBLES]		= "doubles",
	[LOSSES]		= "losses",
	[OVERLAPS]		= "overlaps",
	[WRONG_CPU]		= "wrong_cpu",
	[STRAYS]		= "strays",
	[WRONG_CONTEXT]		= "wrong_context",
	[BAD_PAYLOAD]		= "bad_payload",
	[REFUSALS]		= "refusals",
	[BAD_WAITS]		= "bad_waits",
	[BAD_MASKS]		= "bad_masks",
	[BAD_HOTPLUG]		= "bad_hotplug",
	[DELIVERED_REORDERS]	= "delivered_reorders",
	[UNDELIVERED]		= "undelivered",
	[SUBMITTED]		= "jobs",
	[CALLED]		= "called",
	[RAN]			= "ran",
	[INLINE]		= "inline",
	[FORCED]		= "forced",
	[ALONE]			= "alone",
	[EXPECTED_REFUSALS]	= "expected_refusals",
	[MASK_CHANGES]		= "mask_changes",
	[MASK_CHANGES_BUSY]	= "mask_changes_busy",
	[OFFLINES]		= "offlines",
	[OFFLINES_BUSY]		= "offlines_busy",
	[ONLINES]		= "onlines",
	[ONLINES_BUSY]		= "onlines_busy",
	[STOPS]			= "stops",
	[SHELLS]		= "shells",
	[QUEUED]		= "queued",
	[DELIVERED]		= "delivered",
	[DELIVERED_EXCUSED]	= "delivered_excused",
};

/* Where and when padata_do_serial() is called for a job. */
enum end {
	END_PARALLEL,	/* in parallel(), softirqs off */
	END_IRQSOFF,	/* in parallel(), interrupts off */
	END_WORK,	/* in a work item on another CPU */
	END_THREAD,	/* in a thread on any CPU */
	END_TIMER,	/* in softirq */
	END_HRTIMER,	/* in hard interrupt */
	END_SERIAL,	/* in another job's serial() */
	NR_ENDS,
};

static const char * const end_names[NR_ENDS] = {
	"parallel", "irqsoff", "work", "thread", "timer", "hrtimer", "serial",
};

/* A job's way, each step taken exactly once. */
enum stage {
	STAGE_IDLE,
	STAGE_SUBMITTED,
	STAGE_RUNS,
	STAGE_ENDED,
	STAGE_CALLED,
};

enum which_mask {
	SERIAL,
	PARALLEL,
	NR_MASKS,
};

/**
 * struct instant - what was known just before a submission
 * @hotplug: Value of hotplug_seq.
 * @stops: Value of rig::stops.
 * @gen: Values of mask::gen.
 * @unsafe: Values of mask::unsafe.
 */
struct instant {
	u32	hotplug;
	u32	stops;
	u32	gen[NR_MASKS];
	u32	unsafe[NR_MASKS];
};

/**
 * struct mask - a cpumask as its only writer knows it
 * @type: PADATA_CPU_SERIAL or PADATA_CPU_PARALLEL.
 * @file: Its attribute.
 * @gen: Odd: @allowed has been in force since the change to this value.
 * @unsafe: Odd: the mask is without CPU 0, the only one that never goes away,
 *	so it may be without any online CPU.
 * @since: Value of hotplug_seq when the mask came into force.
 * @allowed: For each CPU whether it is in the mask.
 * @cpus: The writer's copy.
 *
 * The writer makes @gen even, changes the mask, writes @allowed and makes @gen
 * odd.  Who reads the same odd @gen before and after something, knows that it
 * was done under this mask alone.
 */
struct mask {
	int		type;
	const char	*file;
	u32		gen;
	u32		unsafe;
	u32		since;
	bool		*allowed;
	cpumask_var_t	cpus;
};

/**
 * struct rig - one instance under torture
 * @name: Of the instance and of its directory.
 * @pinst: The instance.
 * @masks: What is known of its cpumasks.
 * @stops: Odd: the instance may be stopped.
 * @submitting: Held for reading while a thread submits to the cycled rig.
 * @cycled: The instance is stopped and started.
 * @paused: Nobody submits.
 * @shells: Those that live as long as the rig.
 * @nr_shells: Their number.
 * @last_shell: Number given to a shell last.
 * @lock: Protects @lanes.
 * @lanes: All lanes, those of freed shells included while they have jobs.
 * @nr_lanes: Their number.
 * @held: Jobs that wait for another's serial() to end them.
 */
struct rig {
	const char		*name;
	struct padata_instance	*pinst;
	struct mask		masks[NR_MASKS];
	u32			stops;
	struct rw_semaphore	submitting;
	bool			cycled;
	bool			paused;
	struct shell		*shells[RIG_SHELLS];
	unsigned int		nr_shells;
	atomic_t		last_shell;
	spinlock_t		lock;		/* of lanes */
	struct list_head	lanes;
	unsigned int		nr_lanes;
	struct llist_head	held;
};

/**
 * struct shell - a shell and the callback CPUs that are asked for on it
 * @ps: The shell.
 * @id: Its number.
 * @refs: One of the owner and one for each lane.
 * @nr_slots: How many CPUs are asked for.
 * @want: The CPUs, which may be offline or not even possible.
 * @inside: For each of them how many serial() run.
 */
struct shell {
	struct padata_shell	*ps;
	u32			id;
	refcount_t		refs;
	unsigned int		nr_slots;
	int			want[SHELL_SLOTS];
	atomic_t		inside[SHELL_SLOTS];
};

/**
 * struct feeder - who submits
 * @rig: Where.
 * @rnd: Its choices.
 * @wq: It waits here for room in a lane.
 * @task: The thread.
 * @timer: Or the timer.
 * @lanes: What it fills.
 * @nr_lanes: How many.
 * @nest: Jobs of @lanes submit to this one in their parallel(), or NULL.
 */
struct feeder {
	struct rig		*rig;
	struct rnd_state	rnd;
	wait_queue_head_t	wq;
	struct task_struct	*task;
	struct timer_list	timer;
	struct lane		*lanes[FEEDER_LANES];
	unsigned int		nr_lanes;
	struct lane		*nest;
};

/* struct lane_load::flags */
#define LANE_LOCKED	BIT(0)	/* several contexts submit */
#define LANE_CHAIN	BIT(1)	/* serial() resubmits its job */
#define LANE_POOL	BIT(2)	/* jobs are reused, else allocated and freed */
#define LANE_BURST	BIT(3)	/* now and then thousands of jobs at once */
#define LANE_FORCED	BIT(4)	/* all by padata_do_inline() */
#define LANE_MIXED	BIT(5)	/* some by padata_do_inline() */
#define LANE_LATE	BIT(6)	/* most end after parallel(), else a few */
#define LANE_QUICK	BIT(7)	/* many end after parallel(), but at once */

/**
 * struct lane - jobs whose callbacks come one after the other, in order
 * @rig: Its rig.
 * @shell: Its shell.
 * @feeder: Who submits.
 * @slot: Which of the shell's requested CPUs.
 * @flags: LANE_...
 * @window: Most jobs in flight.
 * @node: In rig::lanes.
 * @refs: One of the feeder and one for each job.
 * @lock: Taken to submit where there are several who do.
 * @rnd: Choices of jobs.
 * @next: Number of the next job.
 * @submitter: Who is inside a submission.
 * @submitting: And of which job: parallel() run by the submitter is told by it.
 * @pool: Jobs, or NULL.
 * @in_flight: Jobs submitted and not called back.
 * @wake_at: The feeder waits for this many in flight.
 * @expected: Number of the job whose serial() is next.  Plain, only serial()
 *	uses it: where two of these are not ordered, KCSAN says so.
 * @delivered: One more than the highest number delivered.
 * @out: Jobs in flight, by number modulo RING.
 */
struct lane {
	struct rig		*rig;
	struct shell		*shell;
	struct feeder		*feeder;
	unsigned int		slot;
	unsigned int		flags;
	unsigned int		window;
	struct list_head	node;
	refcount_t		refs;
	spinlock_t		lock;		/* of submissions */
	struct rnd_state	rnd;
	u32			next;
	struct task_struct	*submitter;
	struct job		*submitting;
	struct job		*pool;
	atomic_t		in_flight;
	int			wake_at;
	u32			expected;
	atomic_t		delivered;
	DECLARE_BITMAP(out, RING);
};

/**
 * struct job - one job, which knows all about itself
 * @padata: What padata knows.
 * @node: In the list of who ends it.
 * @lane: Its lane.
 * @stage: See enum stage.
 * @end: See enum end.
 * @forced: By padata_do_inline(), or by padata_do_alone().
 * @alone: First by padata_do_alone().
 * @nest: parallel() submits another job.
 * @last: serial() lets go of the shell.
 * @cb_cpu: Callback CPU as reported, or -1 where it was reported elsewhere.
 * @at: What was known before the submission.
 * @seq: Number in the lane.
 * @loops: Duration of parallel().
 * @sum: Of lane, number and data.
 * @len: Words of data.
 * @data: Random; parallel() turns it into something else and serial() back.
 */
struct job {
	struct padata_priv	padata;
	struct llist_node	node;
	struct lane		*lane;
	atomic_t		stage;
	enum end		end;
	bool			forced;
	bool			alone;
	bool			nest;
	bool			last;
	int			cb_cpu;
	struct instant		at;
	u32			seq;
	u32			loops;
	u32			sum;
	u32			len;
	u32			data[JOB_WORDS];
};

/**
 * struct noise - interrupts one CPU for a while, wherever it is
 * @hrtimer: Does it.  Work of other CPUs in that time finds this one halfway
 *	through something.
 * @rnd: Its choices.
 */
struct noise {
	struct hrtimer		hrtimer;
	struct rnd_state	rnd;
};

/**
 * struct deliverer - delivers what serial() has put into the list of its CPU
 * @queued: The list, the last one first.
 * @tasklet: Delivers it.
 * @hold_until: But not before, in ns; until then the softirq stays pending.
 * @rnd: Choices of @hold_until.
 */
struct deliverer {
	struct llist_head	queued;
	struct tasklet_struct	tasklet;
	u64			hold_until;
	struct rnd_state	rnd;
};

/**
 * struct delivery - a job's number, to be delivered
 * @node: In deliverer::queued.
 * @lane: Its lane, with a reference.
 * @seq: The number.
 * @queued_at: When serial() put it there, in ns.
 */
struct delivery {
	struct llist_node	node;
	struct lane		*lane;
	u32			seq;
	u64			queued_at;
};

/**
 * struct cpu_state - what the hotplug thread says of a CPU
 * @down: It may be offline, or on its way.
 * @last_down: Value of hotplug_seq when it was online again.
 */
struct cpu_state {
	bool	down;
	u32	last_down;
};

static DEFINE_PER_CPU(unsigned long [NR_COUNTERS], counts);
static DEFINE_PER_CPU(unsigned long [NR_ENDS], end_counts);
static atomic_t shown[NR_ERRORS];

static struct cpu_state *cpu_states;
static atomic_t hotplug_seq;

enum { MAIN, CYCLED, QUIET, QUIET_TOO, NR_RIGS };

static struct rig rigs[NR_RIGS] = {
	[MAIN]		= { .name = "main" },
	[CYCLED]	= { .name = "cycled", .cycled = true },
	[QUIET]		= { .name = "quiet" },
	[QUIET_TOO]	= { .name = "quiet_too" },
};

static struct feeder *feeders[MAX_FEEDERS];
static unsigned int nr_feeders;
static struct task_struct *troublemakers[MAX_THREADS];
static unsigned int nr_troublemakers;
static struct task_struct *end_threads[MAX_THREADS];
static unsigned int nr_end_threads;
static struct llist_head thread_jobs;
static struct noise __percpu *noises;
static struct deliverer __percpu *deliverers;
static struct kset *kset;
static struct task_struct *manager;

/* What the instances count themselves and must stay zero; -1: it can't be read. */
static const char * const own_names[] = { "late_starts", "stalls" };

#define NR_OWN	ARRAY_SIZE(own_names)
static long own[NR_OWN];

static u64 longest_drain_ms;
static bool calm;	/* troublemakers wait */
/* The machine is slow: hotplug, which needs all CPUs, lags; 2: it lags far. */
static unsigned int behind;
static u64 started_ms;
static bool timers_end;	/* feeders in softirq do not go on */
static bool lost;	/* a job did not come back: everything is left as it is */

/*
 * Counting
 */

static void count(enum counter what)
{
	this_cpu_inc(counts[what]);
}

static unsigned long total(enum counter what)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(counts, cpu)[what]);
	return sum;
}

static unsigned long total_ends(enum end end)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(end_counts, cpu)[end]);
	return sum;
}

/* True for the first few of a kind, which are worth a line. */
static bool note(enum counter what)
{
	count(what);
	return atomic_inc_return(&shown[what]) <= MAX_SHOWN;
}

static void complain(enum counter what, const struct job *job, const char *why)
{
	const struct lane *lane = job->lane;

	if (!note(what))
		return;
	pr_err("%s: %s: %s shell %u want %d job %u: cb_cpu %d, end %s, flags %#x%s, on CPU %d\n",
	       counter_names[what], why, lane->rig->name, lane->shell->id,
	       lane->shell->want[lane->slot], job->seq, job->cb_cpu,
	       end_names[job->end], lane->flags, job->forced ? ", forced" : "",
	       raw_smp_processor_id());
}

/*
 * Chance and time
 */

static u32 dice(struct rnd_state *rnd, u32 sides)
{
	return prandom_u32_state(rnd) % sides;
}

/* Each user of chance has its own, which depends on the seed and its place. */
static void seed_rnd(struct rnd_state *rnd)
{
	static atomic_t place;

	prandom_seed_state(rnd, seed + atomic_inc_return(&place) * 0x9e3779b9ULL);
}

static u64 now_ms(void)
{
	return ktime_get_ns() / NSEC_PER_MSEC;
}

static void nap(unsigned long ms)
{
	set_current_state(TASK_INTERRUPTIBLE);
	if (!kthread_should_stop())
		schedule_timeout(msecs_to_jiffies(ms));
	__set_current_state(TASK_RUNNING);
}

/* Threads live until they are stopped, whatever has happened. */
static bool goes_on(void)
{
	while (READ_ONCE(lost) && !kthread_should_stop())
		nap(1000);
	return !kthread_should_stop();
}

static void wait_while(const bool *flag)
{
	while (READ_ONCE(*flag) && goes_on())
		nap(5);
}

/*
 * What is known of CPUs and masks
 */

/* Has this CPU surely been online since @since? */
static bool cpu_settled(unsigned int cpu, u32 since)
{
	const struct cpu_state *state = &cpu_states[cpu];

	/* Pairs with cpu_up_again(). */
	if (smp_load_acquire(&state->down))
		return false;
	return (s32)(READ_ONCE(state->last_down) - since) <= 0;
}

/* Has the mask surely had an online CPU since @since? */
static bool mask_settled(const struct mask *mask, u32 since)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (READ_ONCE(mask->allowed[cpu]) && cpu_settled(cpu, since))
			return true;
	return false;
}

static void sample(struct rig *rig, struct instant *at)
{
	int i;

	at->hotplug = atomic_read(&hotplug_seq);
	at->stops = READ_ONCE(rig->stops);
	for (i = 0; i < NR_MASKS; i++) {
		at->gen[i] = READ_ONCE(rig->masks[i].gen);
		at->unsafe[i] = READ_ONCE(rig->masks[i].unsafe);
	}
	smp_mb(); /* sampled before the submission; the writers have the same */
}

/* Is the mask of @gen, which was odd, in force still? */
static bool in_force(const struct mask *mask, u32 gen)
{
	smp_mb(); /* what was done under the mask, before the second look */
	return (gen & 1) && READ_ONCE(mask->gen) == gen;
}

static bool maybe_empty(const struct mask *mask, u32 gen, u32 unsafe, u32 since)
{
	smp_mb(); /* after the submission */
	if (!(unsafe & 1) && READ_ONCE(mask->unsafe) == unsafe)
		return false;
	return !mask_settled(mask, since) || !in_force(mask, gen);
}

/* Could an instance have answered -EINVAL since @at? */
static bool refusal_expected(struct rig *rig, const struct instant *at, bool forced)
{
	int i;

	smp_mb(); /* after the submission */
	if ((at->stops & 1) || READ_ONCE(rig->stops) != at->stops)
		return true;
	for (i = 0; !forced && i < NR_MASKS; i++)
		if (maybe_empty(&rig->masks[i], at->gen[i], at->unsafe[i], at->hotplug))
			return true;
	return false;
}

/* parallel() by a pump: is this CPU in the mask?  Asked before and after. */
static void check_parallel_cpu(const struct job *job)
{
	const struct mask *mask = &job->lane->rig->masks[PARALLEL];
	u32 gen;

	/* Pairs with publish_mask(). */
	gen = smp_load_acquire(&mask->gen);
	if (!(gen & 1) || READ_ONCE(mask->allowed[smp_processor_id()]))
		return;
	if (mask_settled(mask, READ_ONCE(mask->since)) && in_force(mask, gen))
		complain(STRAYS, job, "parallel() outside of the mask");
}

static void check_reported_cpu(const struct job *job, int cpu)
{
	const struct mask *mask = &job->lane->rig->masks[SERIAL];
	bool bad;

	if (WARN_ON_ONCE((unsigned int)cpu >= nr_cpu_ids)) {
		complain(WRONG_CPU, job, "reported CPU is none");
		return;
	}
	bad = !READ_ONCE(mask->allowed[cpu]) &&
	      (!job->forced || mask_settled(mask, job->at.hotplug));
	if (bad && in_force(mask, job->at.gen[SERIAL]))
		complain(WRONG_CPU, job, "reported CPU is not in the mask");
}

static void check_serial_cpu(const struct job *job)
{
	const struct mask *mask = &job->lane->rig->masks[SERIAL];
	int cpu = smp_processor_id();
	bool bad;

	if (job->cb_cpu < 0)
		return;
	check_reported_cpu(job, job->cb_cpu);
	if (cpu == job->cb_cpu)
		return;
	smp_mb(); /* padata saw the CPU go, we see that the thread meant to */
	if (cpu_settled(job->cb_cpu, job->at.hotplug)) {
		complain(WRONG_CPU, job, "serial() elsewhere, CPU never went");
		return;
	}
	bad = !READ_ONCE(mask->allowed[cpu]) && mask_settled(mask, job->at.hotplug);
	if (bad && in_force(mask, job->at.gen[SERIAL]))
		complain(WRONG_CPU, job, "serial() outside of the mask");
}

/*
 * Shells and lanes
 */

static void shell_drop(struct shell *shell)
{
	if (refcount_dec_and_test(&shell->refs))
		kfree(shell);
}

/* Most CPUs that are asked for exist, online or not; some do not. */
static struct shell *shell_make(struct rig *rig, unsigned int nr_slots, struct rnd_state *rnd)
{
	struct shell *shell = kzalloc(sizeof(*shell), GFP_KERNEL);
	unsigned int i;

	if (!shell)
		return NULL;
	shell->ps = padata_alloc_shell(rig->pinst);
	if (!shell->ps) {
		kfree(shell);
		return NULL;
	}
	count(SHELLS);
	shell->id = atomic_inc_return(&rig->last_shell);
	refcount_set(&shell->refs, 1);
	shell->nr_slots = nr_slots;
	for (i = 0; i < nr_slots; i++)
		shell->want[i] = dice(rnd, dice(rnd, 8) ? nr_cpu_ids : 1U << 16);
	return shell;
}

static void lane_drop(struct lane *lane)
{
	if (!refcount_dec_and_test(&lane->refs))
		return;
	spin_lock_bh(&lane->rig->lock);
	list_del(&lane->node);
	WRITE_ONCE(lane->rig->nr_lanes, lane->rig->nr_lanes - 1);
	spin_unlock_bh(&lane->rig->lock);
	shell_drop(lane->shell);
	kfree(lane->pool);
	kfree(lane);
}

static struct lane *lane_make(struct feeder *feeder, struct shell *shell, unsigned int window,
			      unsigned int flags)
{
	struct lane *lane = kzalloc(sizeof(*lane), GFP_KERNEL);

	if (!lane)
		return NULL;
	if (flags & LANE_POOL)
		lane->pool = kcalloc(window, sizeof(*lane->pool), GFP_KERNEL);
	if ((flags & LANE_POOL) && !lane->pool) {
		kfree(lane);
		return NULL;
	}
	lane->rig = feeder->rig;
	lane->shell = shell;
	refcount_inc(&shell->refs);
	lane->feeder = feeder;
	lane->slot = dice(&feeder->rnd, shell->nr_slots);
	lane->flags = flags;
	lane->window = window;
	lane->wake_at = flags & LANE_QUICK ? 0 : -1;
	refcount_set(&lane->refs, 1);
	spin_lock_init(&lane->lock);
	seed_rnd(&lane->rnd);
	spin_lock_bh(&lane->rig->lock);
	list_add_tail(&lane->node, &lane->rig->lanes);
	WRITE_ONCE(lane->rig->nr_lanes, lane->rig->nr_lanes + 1);
	spin_unlock_bh(&lane->rig->lock);
	return lane;
}

static unsigned int rig_in_flight(struct rig *rig)
{
	unsigned int sum = 0;
	struct lane *lane;

	spin_lock_bh(&rig->lock);
	list_for_each_entry(lane, &rig->lanes, node)
		sum += atomic_read(&lane->in_flight);
	spin_unlock_bh(&rig->lock);
	return sum;
}

/*
 * Jobs: what they carry
 */

static u32 job_sum(const struct job *job)
{
	u32 sum = job->lane->shell->id * 0x01000193u ^ job->seq;
	u32 i;

	for (i = 0; i < job->len; i++)
		sum = rol32(sum * 0x01000193u, 5) ^ job->data[i];
	return sum;
}

static void job_transform(struct job *job)
{
	u32 i;

	for (i = 0; i < job->len; i++)
		job->data[i] = rol32(job->data[i] ^ job->seq, 11) + i;
}

static void job_transform_back(struct job *job)
{
	u32 i;

	for (i = 0; i < job->len; i++)
		job->data[i] = ror32(job->data[i] - i, 11) ^ job->seq;
}

/* Mostly short, up to 100 us; bursts have to be longer than their submission. */
static u32 choose_loops(struct rnd_state *rnd, unsigned int flags)
{
	static const u32 us[] = { 1, 1, 1, 1, 2, 5, 5, 10, 10, 20, 20, 50, 100 };

	if (flags & LANE_BURST)
		return dice(rnd, (SLOW ? 1500 : 200) * loops_per_us);
	return dice(rnd, us[dice(rnd, ARRAY_SIZE(us))] * loops_per_us + 1);
}

static enum end choose_end(struct rnd_state *rnd, unsigned int flags)
{
	static const enum end ends[] = {
		END_IRQSOFF, END_WORK, END_WORK, END_THREAD, END_THREAD,
		END_TIMER, END_HRTIMER, END_HRTIMER, END_SERIAL, END_SERIAL,
	};
	static const enum end quick[] = {
		END_PARALLEL, END_IRQSOFF, END_WORK, END_THREAD, END_HRTIMER,
	};

	if (flags & LANE_QUICK)
		return quick[dice(rnd, ARRAY_SIZE(quick))];
	if (dice(rnd, 16) >= (flags & LANE_LATE ? 12 : 1))
		return END_PARALLEL;
	return ends[dice(rnd, ARRAY_SIZE(ends))];
}

static bool job_step(struct job *job, enum stage from, enum stage to)
{
	if (likely(atomic_cmpxchg(&job->stage, from, to) == from))
		return true;
	if (note(DOUBLES))
		pr_err("doubles: a job at stage %d was to go from %d to %d\n",
		       atomic_read(&job->stage), from, to);
	return false;
}

/*
 * Jobs: how they end
 */

/* Calls padata_do_serial(); the job may be gone afterwards. */
static void job_end(struct job *job)
{
	unsigned long bh = softirq_count();
	bool irqs_off = irqs_disabled();

	if (!job_step(job, STAGE_RUNS, STAGE_ENDED))
		return;
	padata_do_serial(&job->padata);
	if ((softirq_count() != bh || irqs_disabled() != irqs_off) && note(WRONG_CONTEXT))
		pr_err("padata_do_serial() changed softirqs or interrupts\n");
}

/* The list has the last job first; turned, it has the first one first. */
static void end_jobs(struct llist_node *list, bool turn)
{
	struct job *job, *next;

	if (turn)
		list = llist_reverse_order(list);
	llist_for_each_entry_safe(job, next, list, node)
		job_end(job);
}

static void end_list(struct llist_head *head, bool turn)
{
	end_jobs(llist_del_all(head), turn);
}

/* Half of the lists of the completers. */
static void complete_jobs(struct llist_node *last)
{
	struct job *job = llist_entry(last, struct job, node);

	end_jobs(last, last && job->seq & 2);
}

static void noise_again(struct noise *noise)
{
	unsigned long us = 100 + dice(&noise->rnd, SLOW ? 8000 : 1000);

	hrtimer_start(&noise->hrtimer, ns_to_ktime(us * NSEC_PER_USEC),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

static enum hrtimer_restart make_noise(struct hrtimer *hrtimer)
{
	struct noise *noise = container_of(hrtimer, struct noise, hrtimer);

	spin(dice(&noise->rnd, 50 * loops_per_us));
	/* start_noise() may have done so from the timer's own CPU. */
	noise_again(noise);
	return HRTIMER_NORESTART;
}

/* On the CPU; offline CPUs lose their timer to another. */
static void start_noise(void *unused)
{
	hrtimer_start(&this_cpu_ptr(noises)->hrtimer, ns_to_ktime(NSEC_PER_MSEC),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

/* Not while CPUs come and go: the kernel warns where a thread moves to one of them. */
static void move_to(unsigned int cpu)
{
	if (!cpus_read_trylock())
		return;
	set_cpus_allowed_ptr(current, cpumask_of(cpu));
	cpus_read_unlock();
}

/* Jobs for a thread, sometimes late, on any CPU; one also ends what is held. */
static int end_thread(void *arg)
{
	struct rnd_state rnd;
	int i;

	seed_rnd(&rnd);
	while (!kthread_should_stop()) {
		if (!dice(&rnd, 16))
			move_to(dice(&rnd, nr_cpu_ids));
		set_current_state(TASK_INTERRUPTIBLE);
		if (llist_empty(&thread_jobs) && !kthread_should_stop())
			schedule_timeout(arg ? 1 : HZ);
		__set_current_state(TASK_RUNNING);
		if (!dice(&rnd, 4))
			nap(1);
		end_list(&thread_jobs, dice(&rnd, 2));
		/* Other jobs come first, mostly. */
		for (i = 0; arg && i < NR_RIGS; i++)
			if (!dice(&rnd, 2))
				end_list(&rigs[i].held, dice(&rnd, 2));
	}
	return 0;
}

static void end_irqsoff(struct job *job)
{
	unsigned long flags;

	local_irq_save(flags);
	job_end(job);
	local_irq_restore(flags);
}

static void job_end_somehow(struct job *job)
{
	static const enum way ways[] = {
		[END_WORK] = BY_WORK, [END_TIMER] = BY_TIMER, [END_HRTIMER] = BY_HRTIMER,
	};

	this_cpu_inc(end_counts[job->end]);
	switch (job->end) {
	case END_PARALLEL:
		return job_end(job);
	case END_IRQSOFF:
		return end_irqsoff(job);
	case END_THREAD:
		if (llist_add(&job->node, &thread_jobs))
			wake_up_process(end_threads[job->seq % nr_end_threads]);
		return;
	case END_SERIAL:
		llist_add(&job->node, &job->lane->rig->held);
		return;
	default:
		completer_add(&job->node, ways[job->end],
			      job->loops % 64 * NSEC_PER_USEC);
	}
}

/*
 * Delivery
 */

/* Where its CPU was kept from delivering for too long padata may have gone on. */
static void complain_late(const struct delivery *delivery, u32 delivered)
{
	const struct lane *lane = delivery->lane;

	if (ktime_get_ns() - delivery->queued_at >= DELIVER_BOUND_NS) {
		count(DELIVERED_EXCUSED);
		return;
	}
	if (note(DELIVERED_REORDERS))
		pr_err("delivered_reorders: %s shell %u want %d: job %u after %u, flags %#x, on CPU %d\n",
		       lane->rig->name, lane->shell->id, lane->shell->want[lane->slot],
		       delivery->seq, delivered - 1, lane->flags, smp_processor_id());
}

/* The lane may be gone afterwards. */
static void deliver(struct delivery *delivery)
{
	struct lane *lane = delivery->lane;
	int delivered = atomic_read(&lane->delivered);

	do {
		if ((s32)(delivery->seq - (u32)delivered) < 0) {
			complain_late(delivery, delivered);
			break;
		}
	} while (!atomic_try_cmpxchg(&lane->delivered, &delivered, delivery->seq + 1));
	kfree(delivery);
	count(DELIVERED);
	lane_drop(lane);
}

/* No softirq may be pending on a CPU whose ksoftirqd is parked. */
static bool deliverer_holds(const struct deliverer *deliverer)
{
	cpu_relax();
	return ktime_get_ns() < READ_ONCE(deliverer->hold_until) &&
	       cpu_active(smp_processor_id());
}

static void deliverer_tasklet(struct tasklet_struct *tasklet)
{
	struct deliverer *deliverer = from_tasklet(deliverer, tasklet, tasklet);
	struct delivery *delivery, *next;

	if (deliverer_holds(deliverer)) {
		tasklet_schedule(tasklet);
		return;
	}
	llist_for_each_entry_safe(delivery, next,
				  llist_reverse_order(llist_del_all(&deliverer->queued)), node)
		deliver(delivery);
}

/* Now and then a list is held for a while, so that others would overtake it. */
static void deliverer_hold(struct deliverer *deliverer)
{
	u64 us = dice(&deliverer->rnd, SLOW ? 32 : 8) ? 0 :
		 dice(&deliverer->rnd, DELIVER_HOLD_US);

	WRITE_ONCE(deliverer->hold_until, ktime_get_ns() + us * NSEC_PER_USEC);
}

/* In serial(), or where padata_do_alone() has done the job. */
static void deliver_later(struct lane *lane, u32 seq)
{
	struct deliverer *deliverer = this_cpu_ptr(deliverers);
	struct delivery *delivery = kmalloc(sizeof(*delivery), GFP_NOWAIT | __GFP_NOWARN);

	if (!delivery)
		return;
	refcount_inc(&lane->refs);
	delivery->lane = lane;
	delivery->seq = seq;
	delivery->queued_at = ktime_get_ns();
	count(QUEUED);
	if (llist_empty(&deliverer->queued))
		deliverer_hold(deliverer);
	llist_add(&delivery->node, &deliverer->queued);
	tasklet_schedule(&deliverer->tasklet);
}

static bool start_deliverers(void)
{
	struct deliverer *deliverer;
	unsigned int cpu;

	deliverers = alloc_percpu(struct deliverer);
	if (!deliverers)
		return false;
	for_each_possible_cpu(cpu) {
		deliverer = per_cpu_ptr(deliverers, cpu);
		init_llist_head(&deliverer->queued);
		tasklet_setup(&deliverer->tasklet, deliverer_tasklet);
		seed_rnd(&deliverer->rnd);
	}
	return true;
}

/* All has been delivered. */
static void stop_deliverers(void)
{
	unsigned int cpu;

	if (!deliverers)
		return;
	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu_ptr(deliverers, cpu)->tasklet);
	free_percpu(deliverers);
}

/*
 * Jobs: the callbacks
 */

static int lane_submit(struct lane *lane, bool last);

/* What both callbacks are promised. */
static void check_context(const struct job *job, const char *callback)
{
	if (!softirq_count() || in_hardirq() || irqs_disabled())
		complain(WRONG_CONTEXT, job, callback);
}

/* Run by the submitter, inside its call? */
static bool is_inline(const struct job *job)
{
	return READ_ONCE(job->lane->submitting) == job &&
	       READ_ONCE(job->lane->submitter) == current;
}

static void count_run(const struct job *job, bool here)
{
	if (job->forced && !here)
		complain(WRONG_CONTEXT, job, "its submitter did not run it");
	count(job->forced ? FORCED : here ? INLINE : RAN);
}

static void torture_parallel(struct padata_priv *padata)
{
	struct job *job = container_of(padata, struct job, padata);
	bool here = is_inline(job);

	if (!job_step(job, STAGE_SUBMITTED, STAGE_RUNS))
		return;
	check_context(job, "parallel()");
	count_run(job, here);
	if (!here)
		check_parallel_cpu(job);
	if (job->nest)
		lane_submit(job->lane->feeder->nest, false);
	job_transform(job);
	spin(job->loops);
	if (!here)
		check_parallel_cpu(job);
	job_end_somehow(job);
}

static void check_order(struct lane *lane, const struct job *job)
{
	s32 ahead = job->seq - lane->expected;

	if (!test_and_clear_bit(job->seq % RING, lane->out))
		complain(DOUBLES, job, "serial() twice");
	if (ahead && note(REORDERS))
		pr_err("reorders: %s shell %u want %d: job %u comes where %u was expected, flags %#x, on CPU %d\n",
		       lane->rig->name, lane->shell->id, lane->shell->want[lane->slot],
		       job->seq, lane->expected, lane->flags, smp_processor_id());
	if (ahead >= 0)
		lane->expected = job->seq + 1;
}

static void check_payload(struct job *job)
{
	job_transform_back(job);
	if (job->sum != job_sum(job))
		complain(BAD_PAYLOAD, job, "wrong sum");
	count(CALLED);
}

static void check_serial(struct lane *lane, struct job *job)
{
	check_context(job, "serial()");
	check_order(lane, job);
	check_serial_cpu(job);
	check_payload(job);
}

/* Some are ended in another job's serial(). */
static void end_held(struct lane *lane, u32 seq)
{
	if (!(seq % 4) && !llist_empty(&lane->rig->held))
		end_list(&lane->rig->held, seq & 4);
}

static void job_free(struct job *job)
{
	if (!job->lane->pool) {
		atomic_set(&job->stage, STAGE_IDLE);
		kfree(job);
		return;
	}
	/* Pairs with job_take(). */
	atomic_set_release(&job->stage, STAGE_IDLE);
}

/* Mostly nothing; now and then so long that what must wait for us would not. */
static unsigned long serial_us(u32 seq)
{
	return seq % 64 == 63 ? 300 : seq % 8 == 1 ? seq % 64 / 8 : 0;
}

/* The job is not ours afterwards: freed, or submitted again. */
static int lane_resubmit(struct lane *lane, struct job *job);

static bool job_after(struct lane *lane, struct job *job)
{
	struct padata_shell *ps = job->last ? lane->shell->ps : NULL;
	bool late = job->seq & 1;

	if (lane->flags & LANE_CHAIN && !READ_ONCE(lane->rig->paused))
		return !lane_resubmit(lane, job);
	if (!late)
		padata_put_shell(ps);
	job_free(job);
	if (late)
		padata_put_shell(ps);
	return false;
}

/* The lane may be gone afterwards. */
static void lane_job_done(struct lane *lane)
{
	struct feeder *feeder = lane->feeder;

	if (atomic_dec_return(&lane->in_flight) == READ_ONCE(lane->wake_at))
		wake_up(&feeder->wq);
	lane_drop(lane);
}

static void torture_serial(struct padata_priv *padata)
{
	struct job *job = container_of(padata, struct job, padata);
	struct lane *lane;
	atomic_t *inside;
	u32 seq;

	if (!job_step(job, STAGE_ENDED, STAGE_CALLED))
		return;
	lane = job->lane;
	seq = job->seq;
	inside = &lane->shell->inside[lane->slot];
	if (atomic_inc_return(inside) != 1)
		complain(OVERLAPS, job, "another serial() has not returned");
	check_serial(lane, job);
	deliver_later(lane, seq);
	end_held(lane, seq);
	spin(serial_us(seq) * loops_per_us);
	if (job_after(lane, job)) {
		atomic_dec(inside);
		return;
	}
	atomic_dec(inside);
	lane_job_done(lane);
}

/*
 * padata_do_alone() has done the job.  Callbacks that others of the shell have
 * submitted meanwhile may run now.
 */
static void lane_take_back(struct lane *lane, struct job *job)
{
	if (!job_step(job, STAGE_ENDED, STAGE_CALLED))
		return;
	check_order(lane, job);
	deliver_later(lane, job->seq);
	check_payload(job);
	count(ALONE);
	job_free(job);
	lane_job_done(lane);
}

/*
 * Submitting
 */

/* NULL when memory is short or the job that had the place is on its way. */
static struct job *job_take(struct lane *lane)
{
	struct job *job;

	if (!lane->pool)
		return kzalloc(sizeof(*job), GFP_NOWAIT | __GFP_NOWARN);
	job = &lane->pool[lane->next % lane->window];
	/* Pairs with job_free(). */
	if (atomic_read_acquire(&job->stage) != STAGE_IDLE)
		return NULL;
	return job;
}

static void job_fill_data(struct job *job, struct rnd_state *rnd)
{
	u32 i;

	job->len = dice(rnd, JOB_WORDS) + 1;
	for (i = 0; i < job->len; i++)
		job->data[i] = prandom_u32_state(rnd);
	job->sum = job_sum(job);
}

static void job_fill(struct job *job, struct lane *lane, bool last)
{
	struct rnd_state *rnd = &lane->rnd;

	memset(&job->padata, 0, sizeof(job->padata));
	job->padata.parallel = torture_parallel;
	job->padata.serial = torture_serial;
	job->lane = lane;
	job->seq = lane->next;
	job->end = choose_end(rnd, lane->flags);
	job->loops = choose_loops(rnd, lane->flags);
	job->last = last;
	job->forced = last || (lane->flags & LANE_FORCED) ||
		      ((lane->flags & LANE_MIXED) && !dice(rnd, 8));
	/* Neither from parallel() nor, as a recursion, from serial(). */
	job->alone = !last && lane != lane->feeder->nest && !(lane->flags & LANE_CHAIN) &&
		     !dice(rnd, 4);
	job->nest = lane->feeder->nest && !(lane->flags & LANE_LOCKED) && !dice(rnd, 32);
	job->cb_cpu = dice(rnd, 4) ? lane->shell->want[lane->slot] : -1;
	job_fill_data(job, rnd);
	atomic_set(&job->stage, STAGE_SUBMITTED);
}

static int try_alone(struct padata_shell *ps, struct job *job, int *cb_cpu)
{
	bool forced = job->forced;
	int ret;

	if (!job->alone)
		return -EAGAIN;
	job->forced = true;
	ret = padata_do_alone(ps, &job->padata, cb_cpu);
	if (ret == -EAGAIN)
		job->forced = forced;
	return ret;
}

/* Where the callback CPU is reported, padata must be done with it in time. */
static int call_padata(struct lane *lane, struct job *job, int *cpu)
{
	struct padata_shell *ps = lane->shell->ps;
	int *cb_cpu = job->cb_cpu < 0 ? cpu : &job->cb_cpu;
	unsigned long bh = softirq_count();
	int err;

	*cpu = lane->shell->want[lane->slot];
	WRITE_ONCE(lane->submitter, current);
	WRITE_ONCE(lane->submitting, job);
	err = try_alone(ps, job, cb_cpu);
	if (err == -EAGAIN)
		err = job->forced ? padata_do_inline(ps, &job->padata, cb_cpu) :
				    padata_do_parallel(ps, &job->padata, cb_cpu);
	WRITE_ONCE(lane->submitting, NULL);
	if ((softirq_count() != bh || irqs_disabled()) && note(WRONG_CONTEXT))
		pr_err("a submission changed softirqs or interrupts\n");
	return err;
}

static void check_refusal(struct lane *lane, struct job *job, int err)
{
	job_step(job, STAGE_SUBMITTED, STAGE_CALLED);
	if (err == -EINVAL && refusal_expected(lane->rig, &job->at, job->forced)) {
		count(EXPECTED_REFUSALS);
		return;
	}
	if (note(REFUSALS))
		pr_err("refusals: error %d: %s shell %u want %d, %s\n", err, lane->rig->name,
		       lane->shell->id, lane->shell->want[lane->slot],
		       job->forced ? "forced" : "parallel");
}

/* The result of a job done alone is put into the list right after the call. */
static int call_padata_and_take_back(struct lane *lane, struct job *job, int *cpu)
{
	int err;

	local_bh_disable();
	err = call_padata(lane, job, cpu);
	if (err == 1)
		lane_take_back(lane, job);
	local_bh_enable();
	return err;
}

/* The lane has counted the job; that is undone where the caller gets it back. */
static int submit_job(struct lane *lane, struct job *job, bool last)
{
	struct job copy = { .lane = lane };
	u32 seq = lane->next;
	int cpu, err;

	job_fill(job, lane, last);
	sample(lane->rig, &job->at);
	copy.at = job->at;
	copy.forced = job->forced || job->alone;
	copy.seq = seq;
	copy.cb_cpu = job->cb_cpu;
	if (test_and_set_bit(seq % RING, lane->out))
		complain(DOUBLES, job, "an older job has this number still");
	lane->next = seq + 1;
	err = job->alone ? call_padata_and_take_back(lane, job, &cpu) :
			   call_padata(lane, job, &cpu);
	if (err >= 0) {
		count(SUBMITTED);
		if (copy.cb_cpu < 0)
			check_reported_cpu(&copy, cpu);
		return 0;
	}
	lane->next = seq;
	clear_bit(seq % RING, lane->out);
	check_refusal(lane, job, err);
	return err;
}

/* From serial(), with the job that it was called for. */
static int lane_resubmit(struct lane *lane, struct job *job)
{
	int err;

	spin_lock_bh(&lane->lock);
	err = submit_job(lane, job, false);
	spin_unlock_bh(&lane->lock);
	if (err)
		job_free(job);
	return err;
}

static int lane_submit_unlocked(struct lane *lane, bool last)
{
	struct job *job = job_take(lane);
	int err;

	if (!job)
		return -ENOMEM;
	refcount_inc(&lane->refs);
	atomic_inc(&lane->in_flight);
	err = submit_job(lane, job, last);
	if (!err)
		return 0;
	job_free(job);
	lane_job_done(lane);
	return err;
}

static bool lane_has_room(struct lane *lane, unsigned int window)
{
	return (unsigned int)atomic_read(&lane->in_flight) < window;
}

/* The next job of a lane; the caller has a reference to the lane. */
static int lane_submit(struct lane *lane, bool last)
{
	int err = -EAGAIN;

	if (!(lane->flags & LANE_LOCKED))
		return lane_submit_unlocked(lane, last);
	spin_lock_bh(&lane->lock);
	if (lane_has_room(lane, lane->window) && !READ_ONCE(lane->rig->paused))
		err = lane_submit_unlocked(lane, last);
	spin_unlock_bh(&lane->lock);
	return err;
}

/*
 * Feeders
 */

/* Returns the first error. */
static int feed(struct lane *lane, unsigned int n, unsigned int window, bool bh_off)
{
	int err = 0;

	if (lane->rig->cycled)
		down_read(&lane->rig->submitting);
	while (!err && n-- && lane_has_room(lane, window) && !READ_ONCE(lane->rig->paused)) {
		if (bh_off)
			local_bh_disable();
		err = lane_submit(lane, false);
		if (bh_off)
			local_bh_enable();
		cond_resched();
	}
	if (lane->rig->cycled)
		up_read(&lane->rig->submitting);
	return err;
}

/* Now and then; always, and longer, where hotplug needs the CPUs. */
static void feeder_rest(struct feeder *feeder, u32 seldom)
{
	unsigned int lag = READ_ONCE(calm) ? 0 : READ_ONCE(behind);

	if (lag)
		nap((8 + dice(&feeder->rnd, 24)) * lag * lag);
	else if (!dice(&feeder->rnd, seldom))
		nap(dice(&feeder->rnd, 16));
}

static unsigned int usual_window(const struct lane *lane)
{
	return min_t(unsigned int, lane->window, WINDOW);
}

/* One with room, or NULL. */
static struct lane *choose_lane(struct feeder *feeder)
{
	unsigned int i, first = dice(&feeder->rnd, feeder->nr_lanes);
	struct lane *lane;

	for (i = 0; i < feeder->nr_lanes; i++) {
		lane = feeder->lanes[(first + i) % feeder->nr_lanes];
		if (lane_has_room(lane, usual_window(lane)))
			return lane;
	}
	return NULL;
}

/* A chain never gets shorter by itself, and is no feeder's first lane. */
static void wait_for_room(struct feeder *feeder)
{
	struct lane *lane = feeder->lanes[dice(&feeder->rnd, feeder->nr_lanes)];
	int in_flight;

	if (lane->flags & LANE_CHAIN)
		lane = feeder->lanes[0];
	in_flight = dice(&feeder->rnd, 4) ? usual_window(lane) / 2 : 0;
	WRITE_ONCE(lane->wake_at, in_flight);
	wait_event_timeout(feeder->wq, atomic_read(&lane->in_flight) <= in_flight ||
			   kthread_should_stop(), HZ / 20 + 1);
	WRITE_ONCE(lane->wake_at, -1);
}

static void feed_some_lane(struct feeder *feeder)
{
	struct lane *lane = choose_lane(feeder);
	unsigned int n = dice(&feeder->rnd, 16) + 1;
	bool bh_off = !dice(&feeder->rnd, 8);
	bool burst;

	if (!lane) {
		wait_for_room(feeder);
		return;
	}
	burst = (lane->flags & LANE_BURST) && !READ_ONCE(behind) &&
		!dice(&feeder->rnd, SLOW ? 20 : 100);
	if (burst)
		n = lane->window;
	if (feed(lane, n, burst ? n : usual_window(lane), bh_off))
		nap(1);
}

static int feeder_thread(void *arg)
{
	struct feeder *feeder = arg;

	while (goes_on()) {
		wait_while(&feeder->rig->paused);
		feed_some_lane(feeder);
		feeder_rest(feeder, 64);
	}
	return 0;
}

static bool feeder_idle(const struct feeder *feeder)
{
	unsigned int i;

	for (i = 0; i < feeder->nr_lanes; i++)
		if (atomic_read(&feeder->lanes[i]->in_flight))
			return false;
	return true;
}

/* Busily, as long as a job takes that nothing delays, then asleep. */
static void wait_until_idle(struct feeder *feeder)
{
	u64 end = ktime_get_ns() + dice(&feeder->rnd, 2) * 200 * NSEC_PER_USEC;

	while (!feeder_idle(feeder) && ktime_get_ns() < end)
		cpu_relax();
	while (!feeder_idle(feeder) && goes_on())
		wait_event_timeout(feeder->wq, feeder_idle(feeder), HZ / 20 + 1);
}

/* The next jobs come when the pumps are about to go to sleep. */
static int quiet_thread(void *arg)
{
	struct feeder *feeder = arg;
	struct lane *lane;

	while (goes_on()) {
		wait_while(&feeder->rig->paused);
		lane = feeder->lanes[dice(&feeder->rnd, feeder->nr_lanes)];
		if (feed(lane, dice(&feeder->rnd, 3) + 1, lane->window, false))
			nap(1);
		wait_until_idle(feeder);
		feeder_rest(feeder, 1024);
		spin(dice(&feeder->rnd, dice(&feeder->rnd, 4) ? 3 : 20) * loops_per_us +
		     dice(&feeder->rnd, loops_per_us));
	}
	return 0;
}

static void feeder_timer(struct timer_list *timer)
{
	struct feeder *feeder = container_of(timer, struct feeder, timer);
	unsigned int n = dice(&feeder->rnd, READ_ONCE(behind) ? 3 : 24);
	struct lane *lane;

	while (n-- && !READ_ONCE(feeder->rig->paused) && !READ_ONCE(lost)) {
		lane = feeder->lanes[dice(&feeder->rnd, feeder->nr_lanes)];
		if (lane_has_room(lane, lane->window) && lane_submit(lane, false))
			break;
	}
	if (!READ_ONCE(timers_end))
		mod_timer(timer, jiffies + 1);
}

/*
 * Shells that come and go
 */

enum goodbye {
	GOODBYE_FREE,		/* padata_free_shell() at once */
	GOODBYE_PUT,		/* padata_put_shell() at once */
	GOODBYE_LAST,		/* padata_put_shell() in the last serial() */
	NR_GOODBYES,
};

static void fill_shell(struct feeder *feeder, struct lane *lane)
{
	unsigned int n = dice(&feeder->rnd, dice(&feeder->rnd, 4) ? 8 : 100);

	feed(lane, n, lane->window, !dice(&feeder->rnd, 8));
}

static void goodbye_free(struct shell *shell, struct lane **lanes, unsigned int n)
{
	unsigned int i;

	padata_free_shell(shell->ps);
	for (i = 0; i < n; i++)
		if (atomic_read(&lanes[i]->in_flight) && note(BAD_WAITS))
			pr_err("bad_waits: %d jobs of shell %u in flight after padata_free_shell()\n",
			       atomic_read(&lanes[i]->in_flight), shell->id);
}

/* A shell whose last job is refused still has to be let go of. */
static void goodbye_last(struct shell *shell, struct lane *lane)
{
	int err;

	down_read(&lane->rig->submitting);
	err = lane_submit(lane, true);
	up_read(&lane->rig->submitting);
	if (err)
		padata_put_shell(shell->ps);
}

static void say_goodbye(struct shell *shell, struct lane **lanes, unsigned int n,
			enum goodbye goodbye)
{
	if (goodbye == GOODBYE_FREE)
		goodbye_free(shell, lanes, n);
	else if (goodbye == GOODBYE_LAST)
		goodbye_last(shell, lanes[0]);
	else
		padata_put_shell(shell->ps);
}

static void make_and_free_shell(struct feeder *feeder)
{
	enum goodbye goodbye = dice(&feeder->rnd, NR_GOODBYES);
	unsigned int n = goodbye == GOODBYE_LAST ? 1 : dice(&feeder->rnd, 3) + 1;
	struct shell *shell = shell_make(feeder->rig, n, &feeder->rnd);
	struct lane *lanes[3];
	unsigned int i;

	if (!shell)
		return;
	for (i = 0; i < n; i++) {
		lanes[i] = lane_make(feeder, shell, RING / 2,
				     dice(&feeder->rnd, 2) ? LANE_LATE : 0);
		if (!lanes[i])
			break;
		fill_shell(feeder, lanes[i]);
	}
	n = i;
	say_goodbye(shell, lanes, n, n ? goodbye : GOODBYE_PUT);
	for (i = 0; i < n; i++)
		lane_drop(lanes[i]);
	shell_drop(shell);
}

static int churn_thread(void *arg)
{
	struct feeder *feeder = arg;

	while (goes_on()) {
		wait_while(&feeder->rig->paused);
		if (READ_ONCE(feeder->rig->nr_lanes) > FEEDER_LANES * MAX_FEEDERS + MAX_ORPHANS)
			nap(5);
		else
			make_and_free_shell(feeder);
		nap(dice(&feeder->rnd, 12));
	}
	return 0;
}

/*
 * Trouble: masks
 */

static void attr_path(char *path, struct rig *rig, const char *attr)
{
	snprintf(path, PATH_LEN, "/sys/kernel/%s/%s/%s", KBUILD_MODNAME, rig->name, attr);
}

static ssize_t write_attr(struct rig *rig, const char *attr, const char *text)
{
	char path[PATH_LEN];

	attr_path(path, rig, attr);
	return test_write_file(path, text);
}

static ssize_t read_attr(struct rig *rig, const char *attr, char *text, size_t size)
{
	char path[PATH_LEN];

	attr_path(path, rig, attr);
	return test_read_file(path, text, size);
}

static void mask_complain(struct rig *rig, struct mask *mask, const char *why, ssize_t ret)
{
	if (note(BAD_MASKS))
		pr_err("bad_masks: %s %s: %s (%zd), wanted %*pb\n", rig->name, mask->file,
		       why, ret, cpumask_pr_args(mask->cpus));
}

/* What is shown is what is in force. */
static void check_shown_mask(struct rig *rig, struct mask *mask)
{
	char *text = kmalloc(PAGE_SIZE, GFP_KERNEL);
	cpumask_var_t got;
	ssize_t ret;

	if (!text || !zalloc_cpumask_var(&got, GFP_KERNEL)) {
		kfree(text);
		return;
	}
	ret = read_attr(rig, mask->file, text, PAGE_SIZE);
	if (ret > 0)
		ret = cpumask_parse(text, got);
	if (ret || !cpumask_equal(got, mask->cpus))
		mask_complain(rig, mask, "another mask is shown", ret);
	free_cpumask_var(got);
	kfree(text);
}

static ssize_t write_mask_attr(struct rig *rig, struct mask *mask)
{
	char *text = kasprintf(GFP_KERNEL, "%*pb\n", cpumask_pr_args(mask->cpus));
	ssize_t ret;

	if (!text)
		return -ENOMEM;
	ret = write_attr(rig, mask->file, text);
	kfree(text);
	return ret < 0 ? ret : 0;
}

/* An attempt that must fail and change nothing; with many CPUs "1 1" is a mask. */
static void write_nonsense(struct rig *rig, struct mask *mask, struct rnd_state *rnd)
{
	static const char * const texts[] = { "x\n", "-1\n", "1.1\n", "1,g\n", "0x\n" };
	const char *text = texts[dice(rnd, ARRAY_SIZE(texts))];

	if (write_attr(rig, mask->file, text) > 0)
		mask_complain(rig, mask, "nonsense was accepted", text[0]);
	check_shown_mask(rig, mask);
}

static void publish_mask(struct mask *mask)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		WRITE_ONCE(mask->allowed[cpu], cpumask_test_cpu(cpu, mask->cpus));
	WRITE_ONCE(mask->since, atomic_read(&hotplug_seq));
	if (cpumask_test_cpu(0, mask->cpus) && (mask->unsafe & 1))
		WRITE_ONCE(mask->unsafe, mask->unsafe + 1);
	/* Pairs with check_parallel_cpu(): what the generation vouches for. */
	smp_store_release(&mask->gen, mask->gen + 1);
}

/* mask->cpus is the new mask. */
static void change_mask(struct rig *rig, struct mask *mask, bool by_attr)
{
	bool busy = rig_in_flight(rig);
	int err;

	WRITE_ONCE(mask->gen, mask->gen + 1);
	if (!cpumask_test_cpu(0, mask->cpus) && !(mask->unsafe & 1))
		WRITE_ONCE(mask->unsafe, mask->unsafe + 1);
	smp_mb(); /* said before it is so; pairs with sample() and in_force() */
	if (by_attr)
		err = write_mask_attr(rig, mask);
	else
		err = padata_set_cpumask(rig->pinst, mask->type, mask->cpus);
	smp_mb(); /* it is so before it is said */
	if (err)
		mask_complain(rig, mask, "could not be written", err);
	publish_mask(mask);
	count(MASK_CHANGES);
	if (busy && rig_in_flight(rig))
		count(MASK_CHANGES_BUSY);
}

/* All, one, none, or some; half of the last with CPU 0. */
static void choose_mask(struct mask *mask, struct rnd_state *rnd)
{
	u32 kind = dice(rnd, 16);
	unsigned int cpu;

	cpumask_clear(mask->cpus);
	if (kind < 2)
		cpumask_copy(mask->cpus, cpu_possible_mask);
	else if (kind < 5)
		cpumask_set_cpu(dice(rnd, nr_cpu_ids), mask->cpus);
	else if (kind > 5)
		for_each_possible_cpu(cpu)
			if (dice(rnd, 2) || (!cpu && kind > 12))
				cpumask_set_cpu(cpu, mask->cpus);
	cpumask_and(mask->cpus, mask->cpus, cpu_possible_mask);
}

/* A mask that is or may be empty is not kept for long. */
static unsigned int keep_mask_ms(struct mask *mask, struct rnd_state *rnd)
{
	if (cpumask_empty(mask->cpus))
		return dice(rnd, 6);
	if (mask->unsafe & 1)
		return dice(rnd, 60);
	return dice(rnd, dice(rnd, 4) ? 40 : 200);
}

static void mask_all(struct rig *rig, struct mask *mask)
{
	cpumask_copy(mask->cpus, cpu_possible_mask);
	change_mask(rig, mask, false);
}

static int mask_thread(void *arg)
{
	struct mask *mask = arg;
	struct rig *rig = &rigs[MAIN];
	struct rnd_state rnd;

	seed_rnd(&rnd);
	while (goes_on()) {
		wait_while(&calm);
		choose_mask(mask, &rnd);
		change_mask(rig, mask, !dice(&rnd, 3));
		nap(keep_mask_ms(mask, &rnd));
		if (!dice(&rnd, 4))
			check_shown_mask(rig, mask);
		else if (!dice(&rnd, 16))
			write_nonsense(rig, mask, &rnd);
	}
	mask_all(rig, mask);
	return 0;
}

/*
 * Trouble: CPUs
 */

static void cpu_down_now(unsigned int cpu)
{
	struct rig *rig = &rigs[MAIN];
	bool busy = rig_in_flight(rig);
	int err;

	WRITE_ONCE(cpu_states[cpu].down, true);
	atomic_inc_return(&hotplug_seq);
	err = remove_cpu(cpu);
	if (err) {
		if (note(BAD_HOTPLUG))
			pr_err("bad_hotplug: CPU %u does not go offline: %d\n", cpu, err);
		return;
	}
	count(OFFLINES);
	if (busy && rig_in_flight(rig))
		count(OFFLINES_BUSY);
}

static void cpu_up_again(unsigned int cpu)
{
	struct rig *rig = &rigs[MAIN];
	bool busy = rig_in_flight(rig);
	int err = add_cpu(cpu);

	if (err) {
		if (note(BAD_HOTPLUG))
			pr_err("bad_hotplug: CPU %u does not come online: %d\n", cpu, err);
		return;
	}
	WRITE_ONCE(cpu_states[cpu].last_down, atomic_inc_return(&hotplug_seq));
	/* Pairs with cpu_settled(). */
	smp_store_release(&cpu_states[cpu].down, false);
	smp_call_function_single(cpu, start_noise, NULL, 1);
	count(ONLINES);
	if (busy && rig_in_flight(rig))
		count(ONLINES_BUSY);
}

static void all_cpus_up(void)
{
	unsigned int cpu;

	for_each_present_cpu(cpu)
		if (!cpu_online(cpu))
			cpu_up_again(cpu);
}

/*
 * Not always as slow as ordinary grace periods make it.  The kernel reads that
 * setting while it is written, which KCSAN would report with us in the trace.
 */
static void cpu_down_or_up(unsigned int cpu, bool hurry)
{
	hurry = hurry && !IS_ENABLED(CONFIG_KCSAN);
	if (hurry)
		test_write_file(RCU_EXPEDITED, "1");
	if (cpu_online(cpu))
		cpu_down_now(cpu);
	else
		cpu_up_again(cpu);
	if (hurry)
		test_write_file(RCU_EXPEDITED, "0");
}

/* Hotplug is to make half as much again as is demanded. */
static unsigned int is_behind(void)
{
	u64 demanded = (now_ms() - started_ms) * OFFLINES_A_MINUTE;
	u64 done = total(OFFLINES_BUSY) * 60 * MSEC_PER_SEC;

	return (done * 2 < demanded * 3) + (done * 5 < demanded * 6);
}

static int hotplug_thread(void *arg)
{
	struct rnd_state rnd;
	unsigned int cpu;

	seed_rnd(&rnd);
	set_user_nice(current, MIN_NICE);
	while (goes_on()) {
		wait_while(&calm);
		cpu = dice(&rnd, nr_cpu_ids);
		if (!cpu || !cpu_present(cpu))
			continue;
		cpu_down_or_up(cpu, behind || dice(&rnd, 2));
		WRITE_ONCE(behind, is_behind());
		nap(dice(&rnd, behind || dice(&rnd, 4) ? 50 : 400));
	}
	all_cpus_up();
	return 0;
}

/*
 * Trouble: stop and start
 */

static void stop_rig(struct rig *rig)
{
	unsigned int n;

	WRITE_ONCE(rig->stops, rig->stops + 1);
	smp_mb(); /* said before it is so; pairs with sample() */
	padata_stop(rig->pinst);
	count(STOPS);
	/* Jobs being refused right now are counted for a moment. */
	down_write(&rig->submitting);
	n = rig_in_flight(rig);
	if (n && note(BAD_WAITS))
		pr_err("bad_waits: %u jobs in flight after padata_stop()\n", n);
	up_write(&rig->submitting);
}

static void start_rig(struct rig *rig)
{
	bool unsafe = (rig->masks[SERIAL].unsafe | rig->masks[PARALLEL].unsafe) & 1;
	int err = padata_start(rig->pinst);

	if (err == -EINVAL && unsafe) {
		mask_all(rig, &rig->masks[SERIAL]);
		mask_all(rig, &rig->masks[PARALLEL]);
		err = padata_start(rig->pinst);
	}
	if (err) {
		if (note(REFUSALS))
			pr_err("refusals: padata_start(): %d\n", err);
		return;
	}
	smp_mb(); /* it is so before it is said */
	WRITE_ONCE(rig->stops, rig->stops + 1);
}

static int stop_thread(void *arg)
{
	struct rig *rig = arg;
	struct rnd_state rnd;
	struct mask *mask;

	seed_rnd(&rnd);
	while (goes_on()) {
		wait_while(&calm);
		nap(dice(&rnd, 60));
		stop_rig(rig);
		nap(dice(&rnd, 8));
		if (!dice(&rnd, 8))
			padata_stop(rig->pinst);
		mask = &rig->masks[dice(&rnd, NR_MASKS)];
		if (!dice(&rnd, 4)) {
			choose_mask(mask, &rnd);
			change_mask(rig, mask, dice(&rnd, 2));
		}
		start_rig(rig);
	}
	return 0;
}

/*
 * Beginning
 */

static bool mask_init(struct mask *mask, int type, const char *file)
{
	unsigned int cpu;

	mask->type = type;
	mask->file = file;
	mask->gen = 1;
	mask->allowed = kcalloc(nr_cpu_ids, sizeof(*mask->allowed), GFP_KERNEL);
	if (!mask->allowed || !zalloc_cpumask_var(&mask->cpus, GFP_KERNEL))
		return false;
	for_each_possible_cpu(cpu)
		mask->allowed[cpu] = true;
	return true;
}

static void rig_prepare(struct rig *rig)
{
	init_rwsem(&rig->submitting);
	spin_lock_init(&rig->lock);
	INIT_LIST_HEAD(&rig->lanes);
	init_llist_head(&rig->held);
}

/* Shells of one requested CPU, then of several; at last masks that are known. */
static bool rig_init(struct rig *rig, unsigned int nr_shells)
{
	struct rnd_state rnd;
	unsigned int i;

	seed_rnd(&rnd);
	if (!mask_init(&rig->masks[SERIAL], PADATA_CPU_SERIAL, "serial_cpumask") ||
	    !mask_init(&rig->masks[PARALLEL], PADATA_CPU_PARALLEL, "parallel_cpumask"))
		return false;
	rig->pinst = padata_alloc(rig->name);
	if (!rig->pinst)
		return false;
	rig->pinst->kobj.kset = kset;
	if (kobject_add(&rig->pinst->kobj, NULL, "%s", rig->name))
		return false;
	for (i = 0; i < nr_shells; i++) {
		rig->shells[i] = shell_make(rig, i < nr_shells / 2 ? 1 : SHELL_SLOTS, &rnd);
		if (!rig->shells[i])
			return false;
		rig->nr_shells++;
	}
	mask_all(rig, &rig->masks[SERIAL]);
	mask_all(rig, &rig->masks[PARALLEL]);
	return true;
}

static bool begin_thread(struct task_struct **threads, unsigned int *nr,
			 int (*func)(void *), void *arg, const char *name)
{
	struct task_struct *task = kthread_run(func, arg, "torture_%s", name);

	if (IS_ERR(task))
		return false;
	threads[(*nr)++] = task;
	return true;
}

static bool start_noises(void)
{
	struct noise *noise;
	unsigned int cpu;

	noises = alloc_percpu(struct noise);
	if (!noises)
		return false;
	for_each_possible_cpu(cpu) {
		noise = per_cpu_ptr(noises, cpu);
		compat_hrtimer_setup(&noise->hrtimer, make_noise, CLOCK_MONOTONIC,
				     HRTIMER_MODE_REL_PINNED_HARD);
		seed_rnd(&noise->rnd);
	}
	on_each_cpu(start_noise, NULL, 1);
	return true;
}

static bool start_enders(void)
{
	unsigned int i, n = clamp(num_online_cpus(), 1U, 4U);

	if (!completers_start() || !start_noises())
		return false;
	for (i = 0; i < n; i++)
		if (!begin_thread(end_threads, &nr_end_threads, end_thread,
				  i ? NULL : &rigs[0], "end"))
			return false;
	return true;
}

static struct feeder *feeder_make(struct rig *rig)
{
	struct feeder *feeder = kzalloc(sizeof(*feeder), GFP_KERNEL);

	if (!feeder)
		return NULL;
	feeder->rig = rig;
	seed_rnd(&feeder->rnd);
	init_waitqueue_head(&feeder->wq);
	timer_setup(&feeder->timer, feeder_timer, 0);
	feeders[nr_feeders++] = feeder;
	return feeder;
}

static bool feeder_add_lane(struct feeder *feeder, unsigned int shell, unsigned int window,
			    unsigned int flags)
{
	struct rig *rig = feeder->rig;
	struct lane *lane;

	lane = lane_make(feeder, rig->shells[shell % rig->nr_shells], window, flags);
	if (lane)
		feeder->lanes[feeder->nr_lanes++] = lane;
	return lane;
}

static bool start_feeder(struct feeder *feeder, int (*func)(void *))
{
	struct task_struct *task = kthread_run(func, feeder, "torture_feed");

	if (IS_ERR(task))
		return false;
	feeder->task = task;
	return true;
}

/* Thread number @i of a rig: its lanes share shells with those of others. */
static bool add_feeder(struct rig *rig, unsigned int i)
{
	unsigned int one = i, several = rig->nr_shells / 2 + i;
	struct feeder *feeder = feeder_make(rig);

	if (!feeder)
		return false;
	if (!feeder_add_lane(feeder, one % (rig->nr_shells / 2), WINDOW, LANE_POOL) ||
	    !feeder_add_lane(feeder, several, i ? WINDOW : BURST_WINDOW,
			     i ? LANE_LATE : LANE_BURST) ||
	    !feeder_add_lane(feeder, several + 1, WINDOW, LANE_POOL | LANE_MIXED) ||
	    !feeder_add_lane(feeder, one + 1, CHAIN_WINDOW, LANE_LOCKED | LANE_CHAIN))
		return false;
	feeder->nest = lane_make(feeder, rig->shells[several % rig->nr_shells], NEST_WINDOW,
				 LANE_LOCKED);
	return feeder->nest && start_feeder(feeder, feeder_thread);
}

static bool add_timer_feeder(struct rig *rig)
{
	struct feeder *feeder = feeder_make(rig);

	if (!feeder || !feeder_add_lane(feeder, 0, WINDOW, LANE_POOL) ||
	    !feeder_add_lane(feeder, rig->nr_shells - 1, WINDOW, LANE_MIXED | LANE_LATE))
		return false;
	mod_timer(&feeder->timer, jiffies + 1);
	return true;
}

static bool add_inline_feeder(struct rig *rig)
{
	struct feeder *feeder = feeder_make(rig);

	return feeder && feeder_add_lane(feeder, 1, CHAIN_WINDOW, LANE_FORCED) &&
	       feeder_add_lane(feeder, rig->nr_shells - 1, CHAIN_WINDOW, LANE_FORCED | LANE_POOL) &&
	       start_feeder(feeder, feeder_thread);
}

static bool add_quiet_feeder(struct rig *rig)
{
	struct feeder *feeder = feeder_make(rig);
	unsigned int i;

	if (!feeder)
		return false;
	for (i = 0; i < rig->nr_shells; i++)
		if (!feeder_add_lane(feeder, i, WINDOW, LANE_QUICK | (i % 2 ? LANE_POOL : 0)))
			return false;
	return start_feeder(feeder, quiet_thread);
}

static bool add_churner(struct rig *rig)
{
	struct feeder *feeder = feeder_make(rig);

	return feeder && start_feeder(feeder, churn_thread);
}

static bool start_feeders(void)
{
	unsigned int i, n = clamp(2 * num_online_cpus(), 2U, SLOW ? 4U : 8U);

	for (i = 0; i < n; i++)
		if (!add_feeder(&rigs[MAIN], i))
			return false;
	return add_timer_feeder(&rigs[MAIN]) && add_inline_feeder(&rigs[MAIN]) &&
	       add_churner(&rigs[MAIN]) && add_churner(&rigs[MAIN]) &&
	       add_feeder(&rigs[CYCLED], 1) && add_feeder(&rigs[CYCLED], 2) &&
	       add_inline_feeder(&rigs[CYCLED]) && add_churner(&rigs[CYCLED]) &&
	       add_quiet_feeder(&rigs[QUIET]) && add_quiet_feeder(&rigs[QUIET_TOO]);
}

static bool make_trouble(int (*func)(void *), void *arg, const char *name)
{
	return begin_thread(troublemakers, &nr_troublemakers, func, arg, name);
}

static bool start_trouble(void)
{
	return make_trouble(mask_thread, &rigs[MAIN].masks[SERIAL], "serial") &&
	       make_trouble(mask_thread, &rigs[MAIN].masks[PARALLEL], "parall") &&
	       make_trouble(stop_thread, &rigs[CYCLED], "stop") &&
	       (num_present_cpus() == 1 || make_trouble(hotplug_thread, NULL, "hotplug"));
}

static bool init_cpu_states(void)
{
	unsigned int cpu;

	cpu_states = kcalloc(nr_cpu_ids, sizeof(*cpu_states), GFP_KERNEL);
	if (!cpu_states)
		return false;
	for_each_possible_cpu(cpu)
		cpu_states[cpu].down = !cpu_online(cpu);
	return true;
}

static bool begin(void)
{
	int i;

	for (i = 0; i < NR_RIGS; i++)
		rig_prepare(&rigs[i]);
	calibrate();
	started_ms = now_ms();
	kset = kset_create_and_add(KBUILD_MODNAME, NULL, kernel_kobj);
	return kset && init_cpu_states() && start_enders() && start_deliverers() &&
	       rig_init(&rigs[MAIN], 6) && rig_init(&rigs[CYCLED], 4) &&
	       rig_init(&rigs[QUIET], 4) && rig_init(&rigs[QUIET_TOO], 4) &&
	       start_feeders() && start_trouble();
}

/*
 * End
 */

static void say_lost(struct lane *lane)
{
	u32 seq, n = 0;

	for (seq = lane->next - RING; seq != lane->next && n < MAX_SHOWN; seq++) {
		if (!test_bit(seq % RING, lane->out))
			continue;
		n++;
		pr_err("losses: %s shell %u want %d job %u, next is %u, flags %#x\n",
		       lane->rig->name, lane->shell->id, lane->shell->want[lane->slot],
		       seq, lane->next, lane->flags);
	}
	this_cpu_add(counts[LOSSES], atomic_read(&lane->in_flight));
}

static void say_rig_lost(struct rig *rig)
{
	struct lane *lane;

	spin_lock_bh(&rig->lock);
	list_for_each_entry(lane, &rig->lanes, node)
		if (atomic_read(&lane->in_flight))
			say_lost(lane);
	spin_unlock_bh(&rig->lock);
}

static void say_all_lost(void)
{
	int i;

	WRITE_ONCE(lost, true);
	for (i = 0; i < NR_RIGS; i++)
		say_rig_lost(&rigs[i]);
}

static unsigned int all_in_flight(void)
{
	unsigned int sum = 0;
	int i;

	for (i = 0; i < NR_RIGS; i++)
		sum += rig_in_flight(&rigs[i]);
	return sum;
}

/* All jobs have come back: waits until their deliverers have delivered. */
static void drain_deliverers(void)
{
	u64 end_ms = now_ms() + LOST_MS;
	unsigned long n;

	while ((n = total(QUEUED) - total(DELIVERED)) && now_ms() < end_ms)
		msleep(20);
	if (!n)
		return;
	this_cpu_add(counts[UNDELIVERED], n);
	pr_err("undelivered: %lu jobs\n", n);
	WRITE_ONCE(lost, true);
}

/* Feeders are paused: waits until all jobs have come back. */
static void drain(void)
{
	unsigned long called = total(CALLED), waited = 0;
	u64 start = now_ms();

	while (all_in_flight()) {
		msleep(20);
		waited += 20;
		if (total(CALLED) != called)
			waited = 0;
		called = total(CALLED);
		if (waited >= LOST_MS) {
			say_all_lost();
			return;
		}
	}
	drain_deliverers();
	longest_drain_ms = max(longest_drain_ms, now_ms() - start);
}

static void stop_threads(struct task_struct **threads, unsigned int *nr)
{
	while (*nr)
		kthread_stop(threads[--(*nr)]);
}

static void stop_feeders(void)
{
	unsigned int i;

	WRITE_ONCE(timers_end, true);
	for (i = 0; i < nr_feeders; i++) {
		if (feeders[i]->task)
			kthread_stop(feeders[i]->task);
		timer_delete_sync(&feeders[i]->timer);
	}
}

static void drop_feeders_lanes(struct feeder *feeder)
{
	while (feeder->nr_lanes)
		lane_drop(feeder->lanes[--feeder->nr_lanes]);
	if (feeder->nest)
		lane_drop(feeder->nest);
}

static void rig_free_shells(struct rig *rig)
{
	while (rig->nr_shells) {
		padata_free_shell(rig->shells[--rig->nr_shells]->ps);
		shell_drop(rig->shells[rig->nr_shells]);
	}
}

static void rig_free(struct rig *rig)
{
	int i;

	if (rig->pinst)
		padata_free(rig->pinst);
	if (!list_empty(&rig->lanes) && note(BAD_WAITS))
		pr_err("bad_waits: jobs are left after padata_free()\n");
	for (i = 0; i < NR_MASKS; i++) {
		free_cpumask_var(rig->masks[i].cpus);
		kfree(rig->masks[i].allowed);
	}
}

static void stop_enders(void)
{
	unsigned int cpu;

	stop_threads(end_threads, &nr_end_threads);
	completers_stop();
	if (!noises)
		return;
	for_each_possible_cpu(cpu)
		hrtimer_cancel(&per_cpu_ptr(noises, cpu)->hrtimer);
	free_percpu(noises);
}

/* Whatever begin() has got done; all jobs have come back. */
static void clean_up(void)
{
	unsigned int i;

	for (i = 0; i < nr_feeders; i++)
		drop_feeders_lanes(feeders[i]);
	for (i = 0; i < NR_RIGS; i++)
		rig_free_shells(&rigs[i]);
	for (i = 0; i < NR_RIGS; i++)
		rig_free(&rigs[i]);
	stop_enders();
	stop_deliverers();
	while (nr_feeders)
		kfree(feeders[--nr_feeders]);
	kfree(cpu_states);
	if (kset)
		kset_unregister(kset);
}

/*
 * Telling
 */

static unsigned long percent_inline(void)
{
	unsigned long ran = total(RAN), here = total(INLINE);

	return here * 100 / max(ran + here, 1UL);
}

static unsigned long total_errors(void)
{
	unsigned long errors = 0;
	int i;

	for (i = 0; i < NR_ERRORS; i++)
		errors += total(i);
	return errors;
}

static void say_progress(u64 since_ms)
{
	pr_info("%llu s: jobs=%lu inline=%lu%% mask_changes=%lu offlines=%lu stops=%lu shells=%lu expected_refusals=%lu errors=%lu\n",
		since_ms / MSEC_PER_SEC, total(SUBMITTED), percent_inline(),
		total(MASK_CHANGES), total(OFFLINES), total(STOPS), total(SHELLS),
		total(EXPECTED_REFUSALS), total_errors());
}

static unsigned long ran_on(unsigned int cpu)
{
	return READ_ONCE(per_cpu(counts, cpu)[RAN]);
}

/* The sum over the rigs of an attribute, or -1 where there is none. */
static long sum_attr(const char *attr)
{
	long sum = 0, n;
	char text[32];
	int i;

	for (i = 0; i < NR_RIGS; i++) {
		if (read_attr(&rigs[i], attr, text, sizeof(text)) <= 0 ||
		    kstrtol(text, 10, &n))
			return -1;
		sum += n;
	}
	return sum;
}

static bool demand(bool met, const char *what, unsigned long got, unsigned long wanted)
{
	if (!met)
		pr_err("not enough for success: %s %lu, limit %lu\n", what, got, wanted);
	return met;
}

static bool enough(enum counter what, unsigned long a_minute, u64 ms)
{
	unsigned long wanted = a_minute * ms / (60 * MSEC_PER_SEC);

	return demand(total(what) >= wanted, counter_names[what], total(what), wanted);
}

static unsigned int idle_cpus(void)
{
	unsigned int cpu, n = 0;

	for_each_online_cpu(cpu)
		n += !ran_on(cpu);
	return n;
}

/* Was that a test, and did everything hold? */
static bool success(u64 ms)
{
	bool ok = true;
	int i;

	for (i = 0; i < NR_ERRORS; i++)
		ok &= demand(!total(i), counter_names[i], total(i), 0);
	for (i = 0; i < NR_OWN; i++)
		ok &= demand(!own[i], own_names[i], own[i], 0);
	ok &= demand(total(SUBMITTED), "jobs", 0, 1);
	ok &= demand(total(DELIVERED) > total(SUBMITTED) / 2, "delivered", total(DELIVERED),
		     total(SUBMITTED) / 2);
	ok &= demand(percent_inline() < MAX_INLINE_PERCENT, "inline_percent",
		     percent_inline(), MAX_INLINE_PERCENT);
	ok &= demand(!idle_cpus(), "idle_cpus", idle_cpus(), 0);
	ok &= enough(MASK_CHANGES_BUSY, MASK_CHANGES_A_MINUTE, ms);
	if (num_present_cpus() > 1)
		ok &= enough(OFFLINES_BUSY, OFFLINES_A_MINUTE, ms);
	return ok;
}

/* Each CPU's jobs; the least and the most where there are many. */
static int put_jobs_per_cpu(char *line, int size)
{
	unsigned long low = ULONG_MAX, high = 0;
	unsigned int cpu;
	int len = 0;

	for_each_online_cpu(cpu) {
		low = min(low, ran_on(cpu));
		high = max(high, ran_on(cpu));
	}
	if (num_online_cpus() > 16)
		return scnprintf(line, size, "%lu..%lu", low, high);
	for_each_online_cpu(cpu)
		len += scnprintf(line + len, size - len, "%s%lu", len ? "," : "", ran_on(cpu));
	return len;
}

/* In one line, which the log limits to about 1000 bytes. */
static void say_verdict(u64 ms, bool begun)
{
	bool ok = success(ms) && begun;
	static char line[940];
	int i, len = 0;

	len += scnprintf(line + len, sizeof(line) - len, "seconds=%llu seed=%lu cpus=%u ",
			 ms / MSEC_PER_SEC, seed, num_online_cpus());
	for (i = 0; i < NR_COUNTERS; i++)
		if (i != RAN && i != CALLED && i != QUEUED)
			len += scnprintf(line + len, sizeof(line) - len, "%s=%lu ",
					 counter_names[i], total(i));
	for (i = 0; i < NR_OWN; i++)
		len += scnprintf(line + len, sizeof(line) - len, "%s=%ld ",
				 own_names[i], own[i]);
	len += scnprintf(line + len, sizeof(line) - len, "inline_percent=%lu ",
			 percent_inline());
	for (i = 0; i < NR_ENDS; i++)
		len += scnprintf(line + len, sizeof(line) - len, "end_%s=%lu ",
				 end_names[i], total_ends(i));
	len += scnprintf(line + len, sizeof(line) - len,
			 "longest_drain_ms=%llu idle_cpus=%u jobs_per_cpu=",
			 longest_drain_ms, idle_cpus());
	put_jobs_per_cpu(line + len, sizeof(line) - len);
	pr_info("%s %s\n", ok ? "SUCCESS" : "FAILURE", line);
}

/*
 * The run
 */

static void pause_rigs(int first, int last, bool paused)
{
	for (; first <= last; first++)
		WRITE_ONCE(rigs[first].paused, paused);
}

/* One stretch of load, then silence in which everything must come back. */
static void stretch(struct rnd_state *rnd, u64 left_ms)
{
	unsigned long longest = stutter * MSEC_PER_SEC * (SLOW ? 4 : 1);
	unsigned long ms = left_ms;

	if (longest)
		ms = min_t(unsigned long, ms, dice(rnd, longest) + 20);
	WRITE_ONCE(calm, false);
	pause_rigs(MAIN, NR_RIGS - 1, false);
	nap(ms);
	pause_rigs(MAIN, CYCLED, true);
	/* A change of CPUs would wake up who missed to be woken. */
	WRITE_ONCE(calm, !dice(rnd, READ_ONCE(behind) ? 4 : 2));
	nap(calm ? 100 + dice(rnd, 800) : dice(rnd, 100));
	pause_rigs(QUIET, NR_RIGS - 1, true);
	drain();
}

static u64 run(void)
{
	u64 end_ms = seconds ? seconds * MSEC_PER_SEC : 60ULL * minutes * MSEC_PER_SEC;
	struct rnd_state rnd;
	u64 now = 0, said = 0;

	seed_rnd(&rnd);
	while (now < end_ms && !kthread_should_stop() && !lost) {
		stretch(&rnd, min_t(u64, end_ms - now, PROGRESS_MS));
		now = now_ms() - started_ms;
		if (now / PROGRESS_MS != said)
			say_progress(now);
		said = now / PROGRESS_MS;
	}
	return now;
}

/* After errors the verdict comes first: what follows might never return. */
static void finish(u64 ms, bool begun)
{
	bool bad = total_errors();
	int i;

	for (i = 0; i < NR_OWN; i++)
		own[i] = sum_attr(own_names[i]);

	if (bad)
		say_verdict(ms, begun);
	if (lost)
		__module_get(THIS_MODULE);	/* some job may still be used */
	else
		clean_up();
	if (!bad)
		say_verdict(ms, begun);
}

static int manager_thread(void *arg)
{
	bool begun = begin();
	u64 ms = 0;

	if (begun)
		ms = run();
	else
		pr_err("could not begin\n");
	if (!lost) {
		stop_threads(troublemakers, &nr_troublemakers);
		stop_feeders();
		drain();
	}
	finish(ms, begun);
	while (!kthread_should_stop())
		nap(MSEC_PER_SEC);
	return 0;
}

static int __init torture_init(void)
{
	int err = test_root_get(NULL);

	if (err)
		return err;
	if (!seed)
		seed = get_random_u32();
	pr_info("seed=%lu seconds=%u cpus=%u\n", seed, seconds ?: 60 * minutes,
		num_online_cpus());
	manager = kthread_run(manager_thread, NULL, "padata_torture");
	if (IS_ERR(manager)) {
		test_root_put(NULL);
		return PTR_ERR(manager);
	}
	return 0;
}
module_init(torture_init);

static void __exit torture_exit(void)
{
	kthread_stop(manager);
	test_root_put(NULL);
}
module_exit(torture_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Torture test of padata");
