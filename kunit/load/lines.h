/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the plugin scripts/plugin/lines.c sees of the guest.  It does nothing on a CPU
 * that is not emulated with that plugin.
 */
#ifndef _LOAD_LINES_H
#define _LOAD_LINES_H

#include <linux/spinlock.h>

/* Shows a profiler where measuring begins and ends. */
static inline void profile_mark(void)
{
#ifdef CONFIG_X86
	asm volatile("xchg %bx, %bx");
#endif
}

/* Names a function by reading a byte of it. */
static inline void lines_name(const void *function)
{
#ifdef CONFIG_X86
	unsigned char byte;

	asm volatile("xchg %%cx, %%cx\n\tmovb %1, %0"
		     : "=q" (byte) : "m" (*(const unsigned char *)function));
#endif
}

/*
 * Functions that take a spinlock, and as many that release one, in this order.  Where
 * spin_unlock() is inline there is no such function.
 */
static inline void lines_name_locks(void)
{
#if defined(CONFIG_X86) && defined(CONFIG_SMP) && defined(CONFIG_UNINLINE_SPIN_UNLOCK) && \
	!defined(CONFIG_INLINE_SPIN_UNLOCK_IRQ)
	lines_name(_raw_spin_lock);
	lines_name(_raw_spin_lock_bh);
	lines_name(_raw_spin_lock_irq);
	lines_name(_raw_spin_lock_irqsave);
	lines_name(_raw_spin_unlock);
	lines_name(_raw_spin_unlock_bh);
	lines_name(_raw_spin_unlock_irq);
	lines_name(_raw_spin_unlock_irqrestore);
#endif
}

#endif /* _LOAD_LINES_H */
