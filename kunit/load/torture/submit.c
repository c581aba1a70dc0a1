// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: submissions
 */

/* Return NULL if memory is short, or if the job that had the place is in flight. */
static struct job *job_take(struct lane *lane)
{
	struct job *job;

	if (!lane->pool)
		return kzalloc(sizeof(*job), GFP_NOWAIT | __GFP_NOWARN);
	job = &lane->pool[lane->next % lane->window];
	/* Pairs with job_free(). */
	if (atomic_read_acquire(&job->stage) != STAGE_IDLE)
		return NULL;
	return job;
}

static void job_fill_data(struct job *job, struct rnd_state *rnd)
{
	u32 i;

	job->len = dice(rnd, JOB_WORDS) + 1;
	for (i = 0; i < job->len; i++)
		job->data[i] = prandom_u32_state(rnd);
	job->sum = job_sum(job);
}

static void job_fill(struct job *job, struct lane *lane, bool last)
{
	struct rnd_state *rnd = &lane->rnd;

	memset(&job->padata, 0, sizeof(job->padata));
	job->padata.parallel = torture_parallel;
	job->padata.serial = torture_serial;
	job->lane = lane;
	job->seq = lane->next;
	job->end = choose_end(rnd, lane->flags);
	job->loops = choose_loops(rnd, lane->flags);
	job->last = last;
	job->forced = last || (lane->flags & LANE_FORCED) ||
		      ((lane->flags & LANE_MIXED) && !dice(rnd, 8));
	/* Not in parallel(), and not in serial(), where it would be a recursion. */
	job->direct = !last && lane != lane->feeder->nest && !(lane->flags & LANE_CHAIN) &&
		      !dice(rnd, 4);
	job->nest = lane->feeder->nest && !(lane->flags & LANE_LOCKED) && !dice(rnd, 32);
	job->cb_cpu = dice(rnd, 4) ? lane->shell->want[lane->slot] : -1;
	job_fill_data(job, rnd);
	atomic_set(&job->stage, STAGE_SUBMITTED);
}

/* padata must not write the reported callback CPU once a callback may read it. */
static int call_padata(struct lane *lane, struct job *job, int *cpu)
{
	struct padata_shell *ps = lane->shell->ps;
	int *cb_cpu = job->cb_cpu < 0 ? cpu : &job->cb_cpu;
	unsigned long bh = softirq_count();
	int err;

	*cpu = lane->shell->want[lane->slot];
	WRITE_ONCE(lane->submitter, current);
	WRITE_ONCE(lane->submitting, job);
	err = job->forced ? padata_do_inline(ps, &job->padata, cb_cpu) :
			    padata_do_parallel(ps, &job->padata, cb_cpu);
	WRITE_ONCE(lane->submitting, NULL);
	if ((softirq_count() != bh || irqs_disabled()) && note(WRONG_CONTEXT))
		pr_err("a submission changed softirqs or interrupts\n");
	return err;
}

static void check_refusal(struct lane *lane, struct job *job, int err)
{
	job_step(job, STAGE_SUBMITTED, STAGE_CALLED);
	if (err == -EINVAL && refusal_expected(lane->rig, &job->at, job->forced)) {
		count(EXPECTED_REFUSALS);
		return;
	}
	if (note(REFUSALS))
		pr_err("refusals: error %d: %s shell %u want %d, %s\n", err, lane->rig->name,
		       lane->shell->id, lane->shell->want[lane->slot],
		       job->forced ? "forced" : "parallel");
}

/*
 * Return true if the lane's direct results were delivered, or will be on this CPU before
 * the next one.  Those of jobs are padata's to wait for.
 */
static bool lane_may_go_on(struct lane *lane)
{
	return READ_ONCE(lane->direct_cpu) == smp_processor_id() ||
	       (s32)(atomic_read(&lane->delivered) - READ_ONCE(lane->nr_direct)) >= 0;
}

/* Return true if the job was done here and now.  Its result is passed on before others. */
static bool try_direct(struct lane *lane, struct job *job)
{
	struct padata_shell *ps = lane->shell->ps;
	bool direct;

	local_bh_disable();
	direct = lane_may_go_on(lane) && (padata_is_direct(ps) || !padata_go_direct(ps));
	if (direct)
		lane_do_direct(lane, job);
	local_bh_enable();
	return direct;
}

/* The lane has counted the job.  A caller that gets it back undoes that. */
static int submit_job(struct lane *lane, struct job *job, bool last)
{
	struct job copy = { .lane = lane };
	u32 seq = lane->next;
	int cpu, err;

	job_fill(job, lane, last);
	sample(lane->rig, &job->at);
	copy.at = job->at;
	copy.forced = job->forced;
	copy.seq = seq;
	copy.cb_cpu = job->cb_cpu;
	if (test_and_set_bit(seq % RING, lane->out))
		complain(DOUBLES, job, "an older job has this number still");
	lane->next = seq + 1;
	if (job->direct && try_direct(lane, job)) {
		count(SUBMITTED);
		return 0;
	}
	err = call_padata(lane, job, &cpu);
	if (!err) {
		count(SUBMITTED);
		if (copy.cb_cpu < 0)
			check_reported_cpu(&copy, cpu);
		return 0;
	}
	lane->next = seq;
	clear_bit(seq % RING, lane->out);
	check_refusal(lane, job, err);
	return err;
}

/* Called in serial(), for the job of that callback. */
static int lane_resubmit(struct lane *lane, struct job *job)
{
	int err;

	spin_lock_bh(&lane->lock);
	err = submit_job(lane, job, false);
	spin_unlock_bh(&lane->lock);
	if (err)
		job_free(job);
	return err;
}

static int lane_submit_unlocked(struct lane *lane, bool last)
{
	struct job *job = job_take(lane);
	int err;

	if (!job)
		return -ENOMEM;
	refcount_inc(&lane->refs);
	atomic_inc(&lane->in_flight);
	err = submit_job(lane, job, last);
	if (!err)
		return 0;
	job_free(job);
	lane_job_done(lane);
	return err;
}

static bool lane_has_room(struct lane *lane, unsigned int window)
{
	return (unsigned int)atomic_read(&lane->in_flight) < window;
}

/* The next job of a lane; the caller has a reference to the lane. */
static int lane_submit(struct lane *lane, bool last)
{
	int err = -EAGAIN;

	if (!(lane->flags & LANE_LOCKED))
		return lane_submit_unlocked(lane, last);
	spin_lock_bh(&lane->lock);
	if (lane_has_room(lane, lane->window) && !READ_ONCE(lane->rig->paused))
		err = lane_submit_unlocked(lane, last);
	spin_unlock_bh(&lane->lock);
	return err;
}
