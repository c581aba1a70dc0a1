// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: counters, and lines about errors
 */

/* Counters; the first NR_ERRORS must stay zero. */
enum counter {
	REORDERS,	/* serial() out of turn */
	DOUBLES,	/* a callback called twice, or too early */
	LOSSES,		/* a job never came back */
	OVERLAPS,	/* two serial() of one shell and requested CPU at once */
	WRONG_CPU,	/* serial() not on the reported CPU, or that not in the mask */
	STRAYS,		/* parallel() outside of the mask */
	WRONG_CONTEXT,	/* softirqs on, interrupts off, hard interrupt */
	BAD_PAYLOAD,	/* serial() got other data than was submitted */
	REFUSALS,	/* an error where none was possible */
	BAD_WAITS,	/* padata_stop() or padata_free_shell() came back early */
	BAD_MASKS,	/* a mask could not be written, or another one is shown */
	BAD_HOTPLUG,	/* a CPU could not be taken offline or online */
	DELIVERED_REORDERS,	/* delivered after a later job */
	UNDELIVERED,	/* never delivered */
	NR_ERRORS,
	SUBMITTED = NR_ERRORS,
	CALLED,
	RAN,		/* parallel() by a pump */
	INLINE,		/* parallel() by the submitter, which had not asked for it */
	FORCED,		/* padata_do_inline() */
	DIRECT,		/* done by the submitter, in direct mode */
	EXPECTED_REFUSALS,
	MASK_CHANGES,
	MASK_CHANGES_BUSY,	/* with jobs in flight, before and after */
	OFFLINES,
	OFFLINES_BUSY,
	ONLINES,
	ONLINES_BUSY,
	STOPS,
	SHELLS,
	QUEUED,		/* numbers in the deliverers' lists, sooner or later */
	DELIVERED,
	DELIVERED_EXCUSED,	/* late, but their CPU did not deliver for too long */
	NR_COUNTERS,
};

static const char * const counter_names[NR_COUNTERS] = {
	[REORDERS]		= "reorders",
	[DOUBLES]		= "doubles",
	[LOSSES]		= "losses",
	[OVERLAPS]		= "overlaps",
	[WRONG_CPU]		= "wrong_cpu",
	[STRAYS]		= "strays",
	[WRONG_CONTEXT]		= "wrong_context",
	[BAD_PAYLOAD]		= "bad_payload",
	[REFUSALS]		= "refusals",
	[BAD_WAITS]		= "bad_waits",
	[BAD_MASKS]		= "bad_masks",
	[BAD_HOTPLUG]		= "bad_hotplug",
	[DELIVERED_REORDERS]	= "delivered_reorders",
	[UNDELIVERED]		= "undelivered",
	[SUBMITTED]		= "jobs",
	[CALLED]		= "called",
	[RAN]			= "ran",
	[INLINE]		= "inline",
	[FORCED]		= "forced",
	[DIRECT]		= "direct",
	[EXPECTED_REFUSALS]	= "expected_refusals",
	[MASK_CHANGES]		= "mask_changes",
	[MASK_CHANGES_BUSY]	= "mask_changes_busy",
	[OFFLINES]		= "offlines",
	[OFFLINES_BUSY]		= "offlines_busy",
	[ONLINES]		= "onlines",
	[ONLINES_BUSY]		= "onlines_busy",
	[STOPS]			= "stops",
	[SHELLS]		= "shells",
	[QUEUED]		= "queued",
	[DELIVERED]		= "delivered",
	[DELIVERED_EXCUSED]	= "delivered_excused",
};

static DEFINE_PER_CPU(unsigned long [NR_COUNTERS], counts);
static DEFINE_PER_CPU(unsigned long [NR_ENDS], end_counts);
static atomic_t shown[NR_ERRORS];

static void count(enum counter what)
{
	this_cpu_inc(counts[what]);
}

static unsigned long total(enum counter what)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(counts, cpu)[what]);
	return sum;
}

static unsigned long total_ends(enum end end)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(end_counts, cpu)[end]);
	return sum;
}

static unsigned long total_errors(void)
{
	unsigned long errors = 0;
	int i;

	for (i = 0; i < NR_ERRORS; i++)
		errors += total(i);
	return errors;
}

/* Return true for the first MAX_SHOWN of a kind, which get a line. */
static bool note(enum counter what)
{
	count(what);
	return atomic_inc_return(&shown[what]) <= MAX_SHOWN;
}

static void complain(enum counter what, const struct job *job, const char *why)
{
	const struct lane *lane = job->lane;

	if (!note(what))
		return;
	pr_err("%s: %s: %s shell %u want %d job %u: cb_cpu %d, end %s, flags %#x%s, on CPU %d\n",
	       counter_names[what], why, lane->rig->name, lane->shell->id,
	       lane->shell->want[lane->slot], job->seq, job->cb_cpu,
	       end_names[job->end], lane->flags, job->forced ? ", forced" : "",
	       raw_smp_processor_id());
}
