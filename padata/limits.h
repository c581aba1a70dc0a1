/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * padata: constants of all parts
 */
#ifndef _PADATA_LIMITS_H
#define _PADATA_LIMITS_H

/* A pump keeps its worker for so many milliseconds, then other work has its turn. */
#define TURN_MS			10
/* Callbacks, and nanoseconds, after which the pump lets softirqs run. */
#define STRETCH_CALLBACKS	(IS_ENABLED(CONFIG_PREEMPT_RT) ? 1 : 64)
#define STRETCH_NS		(500 * NSEC_PER_USEC)
/* Callbacks, and jobs, after which the pump turns to its other duties. */
#define ROUND_SERIAL		64
#define ROUND_PARALLEL		8
/* Greatest age of a reading of the clock in a stretch, in nanoseconds. */
#define CLOCK_NS		1000
/* Shorter jobs, in nanoseconds, cost padata more than they take: one CPU does them. */
#define TRIVIAL_NS		250
/* The queue is late if nothing was pulled for so many times wakeup_cost_ns. */
#define LATE_WAKEUPS		10U
/* Extra grace per pump already woken for a late queue, in units of wakeup_cost_ns. */
#define GRACE_WAKEUPS		2U
/* Whether the queue is late is looked at once in so many nanoseconds. */
#define LATE_NS			10000
/* Nanoseconds in which the cycle counter is compared with the clock, at load; how often. */
#define CALIBRATE_NS		(50 * NSEC_PER_USEC)
#define CALIBRATE_TIMES		3
/* Nanoseconds that drains of short jobs may wait for more; short jobs per pull. */
#define BATCH_NS		2000
#define BATCH_JOBS		64
/*
 * A pump that finds fewer than GATHER_BELOW trivial jobs waits for GATHER_JOBS, as long as
 * GATHER_LEAST come in CLOCK_NS.
 */
#define GATHER_JOBS		16
#define GATHER_BELOW		8
#define GATHER_LEAST		2
/* Jobs that one walk of an order list takes, and walks of one drain. */
#define CUT_JOBS		64
#define DRAIN_CUTS		16
/* CPUs below which a last-level cache is no pod of its own. */
#define POD_MIN_CPUS		4
/* CPUs above which a last-level cache is cut into several pods. */
#define POD_MAX_CPUS		16U
/* A task that keeps a yielded CPU for longer, in nanoseconds, will not soon sleep. */
#define YIELD_NS		(200 * NSEC_PER_USEC)
/*
 * padata_priv::fence and padata_shell::from are a CPU or one of these: no results
 * are on their way, or results of several CPUs are.
 */
#define CPU_NONE		(-1)
#define CPU_MANY		(-2)
/* padata_shell::map_to that has to be looked up; never equal to padata_shell::from. */
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
/* Milliseconds for which a CPU that goes offline waits for its pump. */
#define LEAVE_MS		1000
/* Seconds after which padata_free(), padata_stop() and the like say what they wait for. */
#define WAIT_WARN_SECONDS	10

#endif /* _PADATA_LIMITS_H */
