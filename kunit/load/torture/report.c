// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: the lines in the log
 */

/* Counters of the instances that must stay zero; -1: one can't be read. */
static const char * const own_names[] = { "late_starts", "stalls" };

#define NR_OWN	ARRAY_SIZE(own_names)
static long own[NR_OWN];
/* Likewise, but any number is right: waits for softirqs that ended without them. */
static long unsettled;

static unsigned long percent_inline(void)
{
	unsigned long ran = total(RAN), here = total(INLINE);

	return here * 100 / max(ran + here, 1UL);
}

static void say_progress(u64 since_ms)
{
	pr_info("%llu s: jobs=%lu inline=%lu%% mask_changes=%lu offlines=%lu stops=%lu shells=%lu expected_refusals=%lu errors=%lu\n",
		div_u64(since_ms, MSEC_PER_SEC), total(SUBMITTED), percent_inline(),
		total(MASK_CHANGES), total(OFFLINES), total(STOPS), total(SHELLS),
		total(EXPECTED_REFUSALS), total_errors());
}

static unsigned long ran_on(unsigned int cpu)
{
	return READ_ONCE(per_cpu(counts, cpu)[RAN]);
}

/* Return the sum of an attribute over the rigs, or -1 if a rig does not have it. */
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
	unsigned long wanted = div_u64(a_minute * ms, 60 * MSEC_PER_SEC);

	return demand(total(what) >= wanted, counter_names[what], total(what), wanted);
}

static unsigned int idle_cpus(void)
{
	unsigned int cpu, n = 0;

	for_each_online_cpu(cpu)
		n += !ran_on(cpu);
	return n;
}

/* Return true if nothing was wrong and enough happened for that to mean something. */
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
	/* Without it padata has not waited as long as it promises. */
	ok &= demand(!total(DELIVERED_EXCUSED) || unsettled > 0, "delivered_excused",
		     total(DELIVERED_EXCUSED), 0);
	ok &= demand(percent_inline() < MAX_INLINE_PERCENT, "inline_percent",
		     percent_inline(), MAX_INLINE_PERCENT);
	ok &= demand(!idle_cpus(), "idle_cpus", idle_cpus(), 0);
	ok &= enough(MASK_CHANGES_BUSY, MASK_CHANGES_A_MINUTE, ms);
	if (num_present_cpus() > 1)
		ok &= enough(OFFLINES_BUSY, OFFLINES_A_MINUTE, ms);
	return ok;
}

/* The jobs of each CPU, or the fewest and the most where there are many CPUs. */
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

/* The verdict is one line, which the log limits to about 1000 bytes. */
static void say_verdict(u64 ms, bool begun)
{
	bool ok = success(ms) && begun;
	static char line[940];
	int i, len = 0;

	len += scnprintf(line + len, sizeof(line) - len, "seconds=%llu seed=%lu cpus=%u ",
			 div_u64(ms, MSEC_PER_SEC), seed, num_online_cpus());
	for (i = 0; i < NR_COUNTERS; i++)
		if (i != RAN && i != CALLED && i != QUEUED)
			len += scnprintf(line + len, sizeof(line) - len, "%s=%lu ",
					 counter_names[i], total(i));
	for (i = 0; i < NR_OWN; i++)
		len += scnprintf(line + len, sizeof(line) - len, "%s=%ld ",
				 own_names[i], own[i]);
	len += scnprintf(line + len, sizeof(line) - len, "unsettled=%ld inline_percent=%lu ",
			 unsettled, percent_inline());
	for (i = 0; i < NR_ENDS; i++)
		len += scnprintf(line + len, sizeof(line) - len, "end_%s=%lu ",
				 end_names[i], total_ends(i));
	len += scnprintf(line + len, sizeof(line) - len,
			 "longest_drain_ms=%llu idle_cpus=%u jobs_per_cpu=",
			 longest_drain_ms, idle_cpus());
	put_jobs_per_cpu(line + len, sizeof(line) - len);
	pr_info("%s %s\n", ok ? "SUCCESS" : "FAILURE", line);
}
