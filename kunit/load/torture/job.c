// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: the contents of jobs, and the stages of their way
 */

static u32 job_sum(const struct job *job)
{
	u32 sum = job->lane->shell->id * 0x01000193u ^ job->seq;
	u32 i;

	for (i = 0; i < job->len; i++)
		sum = rol32(sum * 0x01000193u, 5) ^ job->data[i];
	return sum;
}

static void job_transform(struct job *job)
{
	u32 i;

	for (i = 0; i < job->len; i++)
		job->data[i] = rol32(job->data[i] ^ job->seq, 11) + i;
}

static void job_transform_back(struct job *job)
{
	u32 i;

	for (i = 0; i < job->len; i++)
		job->data[i] = ror32(job->data[i] - i, 11) ^ job->seq;
}

/* Mostly short, up to 100 us.  A job of a burst takes longer than its submission. */
static u32 choose_loops(struct rnd_state *rnd, unsigned int flags)
{
	static const u32 us[] = { 1, 1, 1, 1, 2, 5, 5, 10, 10, 20, 20, 50, 100 };

	if (flags & LANE_BURST)
		return dice(rnd, (SLOW ? 1500 : 200) * loops_per_us);
	return dice(rnd, us[dice(rnd, ARRAY_SIZE(us))] * loops_per_us + 1);
}

static enum end choose_end(struct rnd_state *rnd, unsigned int flags)
{
	static const enum end ends[] = {
		END_IRQSOFF, END_WORK, END_WORK, END_THREAD, END_THREAD,
		END_TIMER, END_HRTIMER, END_HRTIMER, END_SERIAL, END_SERIAL,
	};
	static const enum end quick[] = {
		END_PARALLEL, END_IRQSOFF, END_WORK, END_THREAD, END_HRTIMER,
	};

	if (flags & LANE_QUICK)
		return quick[dice(rnd, ARRAY_SIZE(quick))];
	if (dice(rnd, 16) >= (flags & LANE_LATE ? 12 : 1))
		return END_PARALLEL;
	return ends[dice(rnd, ARRAY_SIZE(ends))];
}

static bool job_step(struct job *job, enum stage from, enum stage to)
{
	if (likely(atomic_cmpxchg(&job->stage, from, to) == from))
		return true;
	if (note(DOUBLES))
		pr_err("doubles: a job at stage %d was to go from %d to %d\n",
		       atomic_read(&job->stage), from, to);
	return false;
}
