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

#define CALIBRATE_LOOPS		20000
#define CALIBRATE_ROUNDS	32

static unsigned long loops_per_us;

/* Takes the same number of instructions everywhere. */
static inline u32 spin(unsigned long loops)
{
	u32 x = 1;

	while (loops--) {
		x = x * 1664525 + 1013904223;
		OPTIMIZER_HIDE_VAR(x);
	}
	return x;
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
