// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: the order list of a shell, and the jobs that are appended
 */

/*
 * Return the CPU that has to settle before results of @cpu, asked for as @cb_cpu under
 * the mapping @gen, may come out; or CPU_NONE.  Results of different requested CPUs
 * have no order among them, unless the user wants it.  So a job is fenced only after a
 * new mapping, or after direct mode; but then all results that came out elsewhere count.
 * The serial queue of one CPU keeps the order, wherever it is served, but not that of
 * results that came out past it.
 */
static int shell_fence(struct padata_shell *ps, unsigned int gen, int cb_cpu, int cpu)
{
	lockdep_assert_held(&ps->lock);
	if (ps->was_direct)
		return ps->from;
	/* Where all go by the serial queue of @cpu it keeps the order. */
	if (ps->total_order && ps->map_cpu != cb_cpu && ps->from != cpu)
		return ps->from;
	if (ps->map_gen == gen)
		return CPU_NONE;
	if (ps->from == cpu && ps->one_request && ps->map_cpu == cb_cpu)
		return CPU_NONE;
	return ps->from;
}

/* The next result comes out on @cpu, which was asked for as @cb_cpu. */
static void shell_note_from(struct padata_shell *ps, int fence, int cb_cpu, int cpu)
{
	if (fence != CPU_NONE || ps->from == CPU_NONE) {
		ps->from = cpu;
		ps->one_request = true;
		return;
	}
	if (ps->from != cpu)
		ps->from = CPU_MANY;
	if (ps->map_cpu != cb_cpu)
		ps->one_request = false;
}

/*
 * Begin direct mode: results come out on this CPU, at once, and on no other while earlier
 * ones may be on their way.  No mapping is kept, so that the next job is appended the
 * slow way, which ends direct mode.
 */
static void shell_begin_direct(struct padata_shell *ps)
{
	lockdep_assert_held(&ps->lock);
	ps->direct_here = ps->from != CPU_NONE;
	pump_delivers(this_cpu_ptr(ps->pinst->pumps));
	ps->from = smp_processor_id();
	ps->map_to = CPU_UNKNOWN;
	/* Results of direct work are to differ from those before. */
	ps->nr_cut++;
	ps->late_result = false;
	WRITE_ONCE(ps->wants_direct, false);
	/* direct:A: after the last callback has returned and its CPU has settled, or is here */
	smp_store_release(&ps->direct.on, ps->from);
}

/* A job is about to be appended; its submitter may have done direct ones here. */
static void shell_end_direct(struct padata_shell *ps)
{
	int here = smp_processor_id();

	lockdep_assert_held(&ps->lock);
	if (ps->direct.on == CPU_NONE)
		return;
	if (ps->direct.on != here) {
		pump_delivers(this_cpu_ptr(ps->pinst->pumps));
		ps->from = CPU_MANY;
	}
	ps->one_request = false;
	ps->was_direct = true;
	WRITE_ONCE(ps->direct.on, CPU_NONE);
}

/* Append to the order list: this alone defines the order. */
static void shell_append(struct padata_shell *ps, struct padata_priv *job)
{
	bool home = ps->baton == BATON_HOME;

	lockdep_assert_held(&ps->lock);
	job->ps = ps;
	job->cb_cpu = ps->map_to;
	atomic_set(&job->state, home ? JOB_BATON : JOB_RUNNING);
	if (home)
		WRITE_ONCE(ps->baton, BATON_OUT);
	job_list_add(&ps->order, &job->order);
	atomic_inc(&ps->refs);
}

/*
 * Return true if the mapping need not be looked up.  The generation that was read
 * before alone is enough, since equal ones mean equal mappings.
 */
static bool shell_is_mapped(struct padata_shell *ps, unsigned int gen, int cb_cpu)
{
	lockdep_assert_held(&ps->lock);
	return ps->map_gen == gen && ps->map_cpu == cb_cpu &&
	       READ_ONCE(ps->pinst->running);
}

/* Append a job that is like the one before, as most are.  Return true if it is. */
static bool shell_append_quick(struct padata_shell *ps, struct padata_priv *job,
			       int cb_cpu)
{
	unsigned int gen = read_seqcount_begin(&ps->pinst->map_seq);
	bool quick;

	spin_lock(&ps->lock);
	/* Results of this CPU follow results of this CPU, by the same queue. */
	quick = shell_is_mapped(ps, gen, cb_cpu) && ps->from == ps->map_to;
	if (quick) {
		job->fence = CPU_NONE;
		shell_append(ps, job);
	}
	spin_unlock(&ps->lock);
	return quick;
}

static noinline int shell_append_slow(struct padata_shell *ps,
				      struct padata_priv *job, int cb_cpu,
				      bool any)
{
	unsigned int gen;
	int err = -EINVAL;
	int cpu;

	cpu = map_cb_cpu(ps->pinst, cb_cpu, any, &gen);
	if (cpu < 0)
		return cpu;
	spin_lock(&ps->lock);
	if (READ_ONCE(ps->pinst->running)) {
		shell_end_direct(ps);
		job->fence = shell_fence(ps, gen, cb_cpu, cpu);
		shell_note_from(ps, job->fence, cb_cpu, cpu);
		ps->was_direct = false;
		if (ps->map_to != cpu && !job_list_empty(&ps->order))
			ps->mixed = true;
		ps->map_gen = gen;
		ps->map_cpu = cb_cpu;
		ps->map_to = cpu;
		shell_append(ps, job);
		/* With an empty mask only this job may use any online CPU. */
		if (any)
			ps->map_to = CPU_UNKNOWN;
		err = 0;
	}
	spin_unlock(&ps->lock);
	return err;
}

/* Return true if no job is in flight: the holder of the lock may take the baton. */
static bool shell_is_idle(struct padata_shell *ps)
{
	/* fence:B */
	return ps->baton == BATON_HOME && !atomic_read_acquire(&ps->pending);
}

/* Have the CPUs settle on which results of an idle shell came out. */
static void shell_settle_idle(struct padata_shell *ps)
{
	WRITE_ONCE(ps->baton, BATON_OUT);
	ps->settle_idle = true;
	/* Earlier ones are in from, or behind an earlier fence. */
	ps->late_result = false;
	atomic_inc(&ps->refs);
	shell_settle_from(ps, ps->from);
}

/*
 * Return true if the shell is idle, and all its results came out on @cpu; @nr_cut is
 * how many there were.
 */
static bool shell_is_idle_on(struct padata_shell *ps, int cpu, unsigned int *nr_cut)
{
	bool idle;

	spin_lock(&ps->lock);
	idle = ps->from == cpu && shell_is_idle(ps);
	*nr_cut = ps->nr_cut;
	spin_unlock(&ps->lock);
	return idle;
}

/* The first @nr_cut results have left their CPU: the shell may have no later ones. */
static void shell_left(struct padata_shell *ps, unsigned int nr_cut)
{
	spin_lock(&ps->lock);
	/* Results of direct jobs are not counted in nr_cut. */
	if (ps->nr_cut == nr_cut && ps->direct.on == CPU_NONE && shell_is_idle(ps))
		ps->from = CPU_NONE;
	spin_unlock(&ps->lock);
}

/* The next callback has the CPU settle, unless there is none. */
static void shell_want_settled(struct padata_shell *ps)
{
	lockdep_assert_held(&ps->lock);
	if (ps->wants_direct && ps->refused_at == ps->nr_cut)
		shell_settle_idle(ps);
	ps->refused_at = ps->nr_cut;
	WRITE_ONCE(ps->wants_direct, true);
}
