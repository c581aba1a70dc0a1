// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: the callbacks
 */

/* Callbacks submit, in submit.c, which needs the callbacks. */
static int lane_submit(struct lane *lane, bool last);
/* The caller has no job afterwards: it is freed, or submitted again. */
static int lane_resubmit(struct lane *lane, struct job *job);

/* padata promises this context to both callbacks. */
static void check_context(const struct job *job, const char *callback)
{
	if (!softirq_count() || in_hardirq() || irqs_disabled())
		complain(WRONG_CONTEXT, job, callback);
}

/* Return true if the submitter runs the job, inside its call. */
static bool is_inline(const struct job *job)
{
	return READ_ONCE(job->lane->submitting) == job &&
	       READ_ONCE(job->lane->submitter) == current;
}

static void count_run(const struct job *job, bool here)
{
	if (job->forced && !here)
		complain(WRONG_CONTEXT, job, "its submitter did not run it");
	count(job->forced ? FORCED : here ? INLINE : RAN);
}

static void torture_parallel(struct padata_priv *padata)
{
	struct job *job = container_of(padata, struct job, padata);
	bool here = is_inline(job);

	if (!job_step(job, STAGE_SUBMITTED, STAGE_RUNS))
		return;
	check_context(job, "parallel()");
	count_run(job, here);
	if (!here)
		check_parallel_cpu(job);
	if (job->nest)
		lane_submit(job->lane->feeder->nest, false);
	job_transform(job);
	spin(job->loops);
	if (!here)
		check_parallel_cpu(job);
	job_end_somehow(job);
}

static void check_order(struct lane *lane, const struct job *job)
{
	s32 ahead = job->seq - lane->expected;

	if (!test_and_clear_bit(job->seq % RING, lane->out))
		complain(DOUBLES, job, "serial() twice");
	if (ahead && note(REORDERS))
		pr_err("reorders: %s shell %u want %d: job %u comes where %u was expected, flags %#x, on CPU %d\n",
		       lane->rig->name, lane->shell->id, lane->shell->want[lane->slot],
		       job->seq, lane->expected, lane->flags, smp_processor_id());
	if (ahead >= 0)
		lane->expected = job->seq + 1;
}

static void check_payload(struct job *job)
{
	job_transform_back(job);
	if (job->sum != job_sum(job))
		complain(BAD_PAYLOAD, job, "wrong sum");
	count(CALLED);
}

static void check_serial(struct lane *lane, struct job *job)
{
	check_context(job, "serial()");
	check_order(lane, job);
	check_serial_cpu(job);
	check_payload(job);
}

/* Some jobs are ended in the serial() of another job. */
static void end_held(struct lane *lane, u32 seq)
{
	if (!(seq % 4) && !llist_empty(&lane->rig->held))
		end_list(&lane->rig->held, seq & 4);
}

static void job_free(struct job *job)
{
	if (!job->lane->pool) {
		atomic_set(&job->stage, STAGE_IDLE);
		kfree(job);
		return;
	}
	/* Pairs with job_take(). */
	atomic_set_release(&job->stage, STAGE_IDLE);
}

/* Mostly 0; now and then so long that a job that fails to wait for serial() shows. */
static unsigned long serial_us(u32 seq)
{
	return seq % 64 == 63 ? 300 : seq % 8 == 1 ? seq % 64 / 8 : 0;
}

static bool job_after(struct lane *lane, struct job *job)
{
	struct padata_shell *ps = job->last ? lane->shell->ps : NULL;
	bool late = job->seq & 1;

	if (lane->flags & LANE_CHAIN && !READ_ONCE(lane->rig->paused))
		return !lane_resubmit(lane, job);
	if (!late)
		padata_put_shell(ps);
	job_free(job);
	if (late)
		padata_put_shell(ps);
	return false;
}

/* The lane may be gone afterwards. */
static void lane_job_done(struct lane *lane)
{
	struct feeder *feeder = lane->feeder;

	if (atomic_dec_return(&lane->in_flight) == READ_ONCE(lane->wake_at))
		wake_up(&feeder->wq);
	lane_drop(lane);
}

static void torture_serial(struct padata_priv *padata)
{
	struct job *job = container_of(padata, struct job, padata);
	struct lane *lane;
	atomic_t *inside;
	u32 seq;

	if (!job_step(job, STAGE_ENDED, STAGE_CALLED))
		return;
	lane = job->lane;
	seq = job->seq;
	inside = &lane->shell->inside[lane->slot];
	if (atomic_inc_return(inside) != 1)
		complain(OVERLAPS, job, "another serial() has not returned");
	check_serial(lane, job);
	deliver_later(lane, seq);
	end_held(lane, seq);
	spin(serial_us(seq) * loops_per_us);
	if (job_after(lane, job)) {
		atomic_dec(inside);
		return;
	}
	atomic_dec(inside);
	lane_job_done(lane);
}

/* As both callbacks, in direct mode: the submitter does the job itself. */
static void lane_do_direct(struct lane *lane, struct job *job)
{
	if (!job_step(job, STAGE_SUBMITTED, STAGE_CALLED))
		return;
	if (job->nest)
		lane_submit(lane->feeder->nest, false);
	job_transform(job);
	spin(job->loops);
	padata_direct_done(lane->shell->ps);
	WRITE_ONCE(lane->direct_cpu, smp_processor_id());
	WRITE_ONCE(lane->nr_direct, job->seq + 1);
	check_order(lane, job);
	deliver_later(lane, job->seq);
	check_payload(job);
	count(DIRECT);
	job_free(job);
	lane_job_done(lane);
}
