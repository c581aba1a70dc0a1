/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * padata_torture: constants, types and the state that all parts share
 */
#ifndef _TORTURE_INTERNAL_H
#define _TORTURE_INTERNAL_H

#define SLOW			(IS_ENABLED(CONFIG_KASAN) ||		\
				 IS_ENABLED(CONFIG_PROVE_LOCKING) ||	\
				 IS_ENABLED(CONFIG_KCSAN))
/* If no job comes back for so long, in ms, the jobs in flight are lost. */
#define LOST_MS			((patience ?: SLOW ? 120 : 40) * MSEC_PER_SEC)
#define PROGRESS_MS		(15 * MSEC_PER_SEC)
#define MASK_CHANGES_A_MINUTE	100
#define OFFLINES_A_MINUTE	30
#define MAX_INLINE_PERCENT	50
#define MAX_SHOWN		5
#define RCU_EXPEDITED		"/sys/kernel/rcu_expedited"
#define PATH_LEN		80

/* Bounds of jobs in flight.  padata's default backlog is 1024, so most are queued. */
#define WINDOW			32
#define CHAIN_WINDOW		4
#define NEST_WINDOW		8
#define BURST_WINDOW		3000
#define RING			4096
#define MAX_ORPHANS		24

/*
 * padata waits for softirqs that callbacks have raised on a CPU, for 100 ms, before
 * results come out on another, and counts in "unsettled" each wait that has ended
 * without them.  The longest hold of a deliverer is clearly shorter.
 */
#define DELIVER_BOUND_NS	(80 * NSEC_PER_MSEC)
#define DELIVER_HOLD_US		3000

#define JOB_WORDS		24
#define SHELL_SLOTS		4
#define FEEDER_LANES		5
#define RIG_SHELLS		6
#define MAX_FEEDERS		20
#define MAX_THREADS		8

/* The context in which padata_do_serial() is called for a job. */
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

/* The stages of a job, each of which it enters exactly once. */
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
 * struct instant - the knowledge just before a submission
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
 * @since: Value of hotplug_seq just before the mask came into force.
 * @allowed: For each CPU whether it is in the mask.
 * @cpus: The writer's copy.
 *
 * The writer makes @gen even, changes the mask, writes @allowed and makes @gen
 * odd.  A reader that finds the same odd @gen before and after an action knows
 * that only this mask was in force during the action.
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
 * @masks: The knowledge of its cpumasks.
 * @stops: Odd: the instance may be stopped.
 * @submitting: Held for reading while a thread submits to the cycled rig.
 * @cycled: The instance is stopped and started.
 * @paused: No feeder submits.
 * @shells: The shells that live as long as the rig.
 * @nr_shells: Their number.
 * @last_shell: Number of the newest shell.
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
 * struct feeder - a thread or timer that submits
 * @rig: Its rig.
 * @rnd: Its choices.
 * @wq: The thread waits here for room in a lane.
 * @task: The thread.
 * @timer: The timer, if there is no thread.
 * @lanes: The lanes that it fills.
 * @nr_lanes: Their number.
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
 * @feeder: The submitter.
 * @slot: Index of the requested CPU in shell::want.
 * @flags: LANE_...
 * @window: Most jobs in flight.
 * @node: In rig::lanes.
 * @refs: One of the feeder and one for each job.
 * @lock: Taken to submit if several contexts do.
 * @rnd: Choices of jobs.
 * @next: Number of the next job.
 * @submitter: The task inside a submission.
 * @submitting: The job of that submission.  A parallel() that finds both as its own
 *	was called by the submitter.
 * @pool: Jobs, or NULL.
 * @in_flight: Jobs submitted and not called back.
 * @wake_at: The feeder waits for this many in flight.
 * @expected: Number of the job whose serial() is next.  A plain variable that
 *	only serial() uses: KCSAN reports two callbacks that are not ordered.
 * @delivered: One more than the highest number delivered.
 * @nr_direct: One more than the number of the last direct result.
 * @direct_cpu: CPU in whose list that was put, or -1.
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
	u32			nr_direct;
	int			direct_cpu;
	DECLARE_BITMAP(out, RING);
};

/**
 * struct job - one job
 * @padata: padata's part.
 * @node: In the list from which it is ended.
 * @lane: Its lane.
 * @stage: See enum stage.
 * @end: See enum end.
 * @forced: By padata_do_inline().
 * @direct: By its submitter, if the shell is in direct mode or can be.
 * @nest: parallel() submits another job.
 * @last: serial() puts the shell.
 * @cb_cpu: The reported callback CPU, or -1 if padata was not told to put it here.
 * @at: The knowledge before the submission.
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
	bool			direct;
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
 * struct deliverer - delivers the numbers that serial() has put into its CPU's list
 * @queued: The list, the last one first.
 * @tasklet: Delivers the list.
 * @hold_until: In ns: earlier the list stays, and the softirq stays pending.
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
 * @queued_at: Time of that serial(), in ns.
 */
struct delivery {
	struct llist_node	node;
	struct lane		*lane;
	u32			seq;
	u64			queued_at;
};

/**
 * struct cpu_state - the hotplug thread's knowledge of a CPU
 * @down: It may be offline, or on its way.
 * @last_down: Value of hotplug_seq when it was online again.
 */
struct cpu_state {
	bool	down;
	u32	last_down;
};

enum { MAIN, CYCLED, QUIET, QUIET_TOO, NR_RIGS };

static struct rig rigs[NR_RIGS] = {
	[MAIN]		= { .name = "main" },
	[CYCLED]	= { .name = "cycled", .cycled = true },
	[QUIET]		= { .name = "quiet" },
	[QUIET_TOO]	= { .name = "quiet_too" },
};

/* Troublemakers wait. */
static bool calm;
/* The machine is slow: hotplug, which needs all CPUs, lags; 2: it lags far. */
static unsigned int behind;
static u64 started_ms;
/* Feeders in softirq do not go on. */
static bool timers_end;
/* A job did not come back: everything is left as it is. */
static bool lost;

#endif /* _TORTURE_INTERNAL_H */
