/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * padata: constants of all parts
 */
#ifndef _PADATA_LIMITS_H
#define _PADATA_LIMITS_H

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

#endif /* _PADATA_LIMITS_H */
