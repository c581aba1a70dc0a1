/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For modules on user-mode Linux (7.3), included before all else: get_cycles() of ARCH=um
 * returns 0 although CONFIG_X86_TSC is set, so that a stretch of time measured with it
 * never ends.  Here it reads the counter.
 */
#ifndef __ASSEMBLER__
static inline unsigned long um_rdtsc(void)
{
	unsigned int lo, hi;

	asm volatile("rdtsc" : "=a" (lo), "=d" (hi));
	return ((unsigned long)hi << 32) | lo;
}

#define get_cycles um_rdtsc
#endif
