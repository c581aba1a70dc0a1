// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: the chunks of a multithreaded job
 */

/* Return where chunk @nr begins, in units from the start of the job. */
static unsigned long mt_border(const struct mt_run *run, int nr)
{
	if (!nr)
		return 0;
	if (nr == run->nr_chunks)
		return run->job->size;
	return run->first + (nr - 1) * run->chunk;
}

/* Wraps, to less than @units, if there is no such multiple. */
static unsigned long mt_round_up(unsigned long units, unsigned long align)
{
	unsigned long over = units % align;

	return over ? units + (align - over) : units;
}

/**
 * mt_cut() - lay the borders
 * @run: The job.
 * @threads: How many threads it is meant for.
 *
 * Borders are multiples of the alignment, wherever the job starts.  No chunk is
 * smaller than the smallest one allowed, unless the job is: the first chunk
 * reaches beyond the first border rather than up to it, and a rest that is too
 * small goes to the last chunk.
 */
static void mt_cut(struct mt_run *run, unsigned long threads)
{
	const struct padata_mt_job *job = run->job;
	unsigned long align = max(job->align, 1UL);
	unsigned long pieces = threads * MT_CHUNKS_PER_THREAD;
	unsigned long head = job->start % align;
	unsigned long least, rest;

	/* One for the first chunk, and one for a rest. */
	if (run->fallible && job->undo_fn)
		pieces = min(pieces, MT_CHUNKS_UNDO - 2UL);
	run->nr_chunks = 1;
	least = max(job->min_chunk, (job->size - 1) / pieces + 1);
	run->chunk = mt_round_up(least, align);
	run->first = run->chunk + (head ? align - head : 0);
	/* A sum that wrapped is smaller than either term. */
	if (run->chunk < least || run->first < run->chunk ||
	    run->first >= job->size)
		return;
	rest = job->size - run->first;
	run->nr_chunks += rest / run->chunk;
	rest %= run->chunk;
	if (rest && rest >= job->min_chunk)
		run->nr_chunks++;
}

static int mt_call(const struct padata_mt_job *job, bool fallible,
		   unsigned long from, unsigned long to)
{
	if (fallible && job->thread_fn_err)
		return job->thread_fn_err(job->start + from, job->start + to,
					  job->fn_arg);
	job->thread_fn(job->start + from, job->start + to, job->fn_arg);
	return 0;
}

static void mt_note_done(const struct padata_mt_job *job, unsigned long units)
{
	if (job->done)
		atomic_long_add(units, job->done);
}

/* End the claiming.  Return false if all chunks were claimed already. */
static bool mt_stop(struct mt_run *run)
{
	/* claim:B */
	int next = atomic_xchg(&run->next, run->nr_chunks);

	if (next >= run->nr_chunks)
		return false;
	run->claimed = next;
	return true;
}

static void mt_fail(struct mt_run *run, int nr, int err)
{
	cmpxchg(&run->err, 0, err);
	mt_stop(run);
	if (run->job->undo_fn)
		set_bit(nr, run->failed);
}

/* A signal that came when all was claimed stops nothing, and is no error. */
static void mt_look_for_signal(struct mt_run *run)
{
	struct task_struct *owner = run->owner;

	if (!run->fallible || !run->job->killable)
		return;
	/* The owner may be another task; a signal that comes now may count or not. */
	if (data_race(fatal_signal_pending(owner)) && mt_stop(run))
		cmpxchg(&run->err, 0, -EINTR);
}

/* Return true if more chunks may be left. */
static bool mt_run_chunk(struct mt_run *run)
{
	unsigned long from, to;
	int nr, err;

	mt_look_for_signal(run);
	/* claim:A */
	nr = atomic_fetch_inc(&run->next);
	if (nr >= run->nr_chunks)
		return false;
	from = mt_border(run, nr);
	to = mt_border(run, nr + 1);
	err = mt_call(run->job, run->fallible, from, to);
	if (err) {
		mt_fail(run, nr, err);
		return false;
	}
	mt_note_done(run->job, to - from);
	return true;
}

/* All helpers have left. */
static void mt_undo(struct mt_run *run)
{
	const struct padata_mt_job *job = run->job;
	unsigned long from, to;
	int nr = run->claimed;

	while (nr--) {
		if (test_bit(nr, run->failed))
			continue;
		from = mt_border(run, nr);
		to = mt_border(run, nr + 1);
		job->undo_fn(job->start + from, job->start + to, job->fn_arg);
		mt_note_done(job, -(to - from));
		cond_resched();
	}
}
