// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: the cycle counter, which tells some microseconds from more
 *
 * On x86 it costs some 5 instructions where local_clock() costs 60, and jobs may be as short
 * as that; elsewhere the clock reads the same counter, and then computes.  Its frequency is
 * found out at load.  Where it stands still then, or there is none, the limits are 0 and the
 * clock is read each time.
 */

/* CLOCK_NS and LATE_NS in cycles, or 0. */
static u32 clock_cycles __read_mostly;
static u32 late_cycles __read_mostly;

/* The lower half of the counter. */
static __always_inline u32 cycles_now(void)
{
	return get_cycles();
}

/* Return true if less than @limit has passed since the counter was @then. */
static __always_inline bool cycles_within(u32 then, u32 limit)
{
	return cycles_now() - then < limit;
}

/* Return @ns in cycles, of which there were @cycles in @elapsed_ns. */
static u32 cycles_of_ns(unsigned int ns, u32 cycles, u64 elapsed_ns)
{
	return min_t(u64, div64_u64((u64)ns * cycles, elapsed_ns), S32_MAX);
}

/*
 * Return LATE_NS in cycles, or less where something came between two readings: each reading
 * of the counter is between two of the clock.
 */
static u32 cycles_measure(void)
{
	u32 cycles;
	u64 start;

	preempt_disable();
	start = local_clock();
	cycles = cycles_now();
	while (local_clock() - start < CALIBRATE_NS)
		cpu_relax();
	cycles = cycles_now() - cycles;
	start = local_clock() - start;
	preempt_enable();
	return cycles_of_ns(LATE_NS, cycles, start);
}

/*
 * Find out how fast the counter is.  Interrupts, and a host that takes the CPU, make the
 * limits smaller, so that the clock is read more often.
 */
static void cycles_init(void)
{
	int i;

	late_cycles = 0;
	for (i = 0; i < CALIBRATE_TIMES; i++)
		late_cycles = max(late_cycles, cycles_measure());
	clock_cycles = late_cycles / (LATE_NS / CLOCK_NS);
}
