/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Durations of work: a loop of fixed length, never a delay, so that a busy host
 * makes no job longer than another.  How many turns take a microsecond is measured
 * once, by calibrate().
 */
#ifndef _LOAD_DURATION_H
#define _LOAD_DURATION_H

#include <linux/compiler.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/types.h>

#define CALIBRATE_LOOPS		100000
#define CALIBRATE_ROUNDS	32

static unsigned int loops_per_us;

/* Takes the same number of instructions everywhere; no compiler may drop a turn. */
static __always_inline void spin(unsigned int loops)
{
	while (loops--)
		barrier();
}

/* The fastest round counts: an interrupt makes the others slower. */
static inline void calibrate(void)
{
	u64 start, best = U64_MAX;
	int i;

	for (i = 0; i < CALIBRATE_ROUNDS; i++) {
		start = ktime_get_ns();
		spin(CALIBRATE_LOOPS);
		best = min_t(u64, best, ktime_get_ns() - start);
	}
	loops_per_us = max_t(u64, 1, div64_u64((u64)CALIBRATE_LOOPS * NSEC_PER_USEC,
					       max_t(u64, best, 1)));
}

#endif /* _LOAD_DURATION_H */
