/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For modules on user-mode Linux (7.3), included before all else: what costs much on
 * ARCH=um and little on x86 costs about as little as there.
 *
 * this_cpu_inc() and its like are one instruction on x86; ARCH=um disables interrupts
 * around them (10 ns).  Here they are not safe against interrupts, which is harmless as
 * long as no bench writes such a counter in a hard interrupt.  local_bh_enable() is
 * inline here (ARCH=um: 13 ns a pair, x86: about 2.5).
 */
#ifndef __ASSEMBLER__
#include <linux/bottom_half.h>
#include <linux/interrupt.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>

#undef this_cpu_inc
#undef this_cpu_dec
#undef this_cpu_read
#undef this_cpu_write
#define this_cpu_inc(p)		raw_cpu_inc(p)
#define this_cpu_dec(p)		raw_cpu_dec(p)
#define this_cpu_read(p)	raw_cpu_read(p)
#define this_cpu_write(p, v)	raw_cpu_write(p, v)

static __always_inline void native_bh_enable(void)
{
	int outside = preempt_count() - SOFTIRQ_DISABLE_OFFSET;

	/* The last of nested ones runs the softirqs that were raised meanwhile. */
	if (unlikely(local_softirq_pending() &&
		     !(outside & (HARDIRQ_MASK | SOFTIRQ_MASK | NMI_MASK)))) {
		__local_bh_enable_ip(_THIS_IP_, SOFTIRQ_DISABLE_OFFSET);
		return;
	}
	barrier();
	__preempt_count_sub(SOFTIRQ_DISABLE_OFFSET);
	if (unlikely(!outside && tif_need_resched()))
		preempt_schedule();
}

#define local_bh_enable()	native_bh_enable()
#define rcu_read_lock_bh()	local_bh_disable()
#define rcu_read_unlock_bh()	native_bh_enable()

/* A module defines its own, before it includes anything. */
#ifdef MODULE
#undef pr_fmt
#endif
#endif
