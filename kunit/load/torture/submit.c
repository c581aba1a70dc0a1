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
	job->alone = !last && lane != lane->feeder->nest && !(lane->flags & LANE_CHAIN) &&
		     !dice(rnd, 4);
	job->nest = lane->feeder->nest && !(lane->flags & LANE_LOCKED) && !dice(rnd, 32);
	job->cb_cpu = dice(rnd, 4) ? lane->shell->want[lane->slot] : -1;
	job_fill_data(job, rnd);
	atomic_set(&job->stage, STAGE_SUBMITTED);
}

static int try_alone(struct padata_shell *ps, struct job *job, int *cb_cpu)
{
	bool forced = job->forced;
	int ret;

	if (!job->alone)
		return -EAGAIN;
	job->forced = true;
	ret = padata_do_alone(ps, &job->padata, cb_cpu);
	if (ret == -EAGAIN)
		job->forced = forced;
	return ret;
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
	err = try_alone(ps, job, cb_cpu);
	if (err == -EAGAIN)
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

/* The result of a job done alone is put into the list right after the call. */
static int call_padata_and_take_back(struct lane *lane, struct job *job, int *cpu)
{
	int err;

	local_bh_disable();
	err = call_padata(lane, job, cpu);
	if (err == 1)
		lane_take_back(lane, job);
	local_bh_enable();
	return err;
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
	copy.forced = job->forced || job->alone;
	copy.seq = seq;
	copy.cb_cpu = job->cb_cpu;
	if (test_and_set_bit(seq % RING, lane->out))
		complain(DOUBLES, job, "an older job has this number still");
	lane->next = seq + 1;
	err = job->alone ? call_padata_and_take_back(lane, job, &cpu) :
			   call_padata(lane, job, &cpu);
	if (err >= 0) {
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
