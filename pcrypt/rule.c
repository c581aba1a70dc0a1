// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: the rule that decides on the mode of a stream
 *
 * A stream begins in direct mode: a request is done by the CPU that sends it, and is
 * as fast as with the plain cipher.  Parallel mode is tried where it can pay:
 *
 * - the child takes a quarter longer than it takes to hand a request over, and
 * - one CPU limits the stream: that CPU sends most requests, and the child takes more of
 *   the CPU's time than passes between two requests of any stream on it.
 *
 * The stream stays in parallel mode while that pays.  Both modes are measured in one
 * unit, seconds of direct work per second: a request counts as the time that it takes in
 * direct mode.  In direct mode that rate is this time by the time from one request to the
 * next, and about 1 at most; in parallel mode it is the work completed in a window, and can
 * be as much as there are CPUs.
 * Parallel mode ends if its rate is not a sixteenth higher than that of direct mode was,
 * in PCRYPT_TRIAL_WINDOWS windows of the trial or later in PCRYPT_BAD_WINDOWS windows in a
 * row, so also if the load falls.  A long pause of a load that was busy before it does not
 * count, see pcrypt_has_paused().
 *
 * A stream that encrypts follows another one into parallel mode, whether that pays or not,
 * where direct mode would not keep the order: results come out on another CPU, and what they
 * make the kernel send (TCP does at an acknowledgment) comes from there, while the sending
 * task is here.  They are those of decryption; or of encryption, if the other end is on this
 * machine, too.
 *
 * All of it is measured on this machine, with this load: the time of the child by two
 * direct requests in PCRYPT_SAMPLE_NS or so, the cost of handing over when the module
 * is loaded, and by one request in PCRYPT_LOOK_EVERY in parallel mode.
 */

static unsigned int pcrypt_class(unsigned int len)
{
	return clamp(fls(len) - 6, 0, PCRYPT_NR_CLASSES - 1);
}

/* A sample weighs an eighth, and counts as at most twice the mean and a microsecond. */
static void pcrypt_fold(u32 *mean, u64 sample)
{
	u32 old = READ_ONCE(*mean);

	if (old)
		sample = old - old / 8 + min(sample, 2ULL * old + 1000) / 8;
	WRITE_ONCE(*mean, clamp(sample, 1ULL, (u64)U32_MAX / 4));
}

/*
 * The least sample counts at once, greater ones slowly: a hand-over that wakes a worker
 * takes a hundred times as long, which is the price of a load with pauses and not of one
 * that fills several CPUs.
 */
static void pcrypt_fold_least(u32 *least, u64 sample)
{
	u32 old = READ_ONCE(*least);

	if (old && sample > old)
		sample = old + DIV_ROUND_UP_ULL(min(sample - old, (u64)old), 64);
	WRITE_ONCE(*least, clamp(sample, 1ULL, (u64)U32_MAX / 4));
}

/*
 * A load with pauses says nothing of one without: with nothing in flight only the least
 * sample counts.
 */
static void pcrypt_note_handover(enum pcrypt_dir dir, u64 ns, bool idle)
{
	u32 *least = &pcrypt_modes[dir].handover_ns;

	if (!idle || ns < READ_ONCE(*least))
		pcrypt_fold_least(least, ns);
}

static void pcrypt_note_cost(struct pcrypt_stream *stream, unsigned int len, u64 ns)
{
	u32 sample = clamp(div_u64(ns << 10, len), 1ULL, (u64)U32_MAX);
	u32 mean = READ_ONCE(stream->ns_per_kib);

	/* Two writers at a time lose a sample, no more. */
	WRITE_ONCE(stream->ns_per_kib, mean ? mean - mean / 8 + sample / 8 : sample);
}

/*
 * What a request takes in direct mode.  One of a size that was not seen there is assumed
 * to take as long as the nearest smaller one, or its part of the nearest larger one:
 * rather too little, so that parallel mode is not considered better than it is.
 */
static u32 pcrypt_work_ns(const struct pcrypt_rule *rule, unsigned int len)
{
	int class = pcrypt_class(len), i;
	u32 ns = 0;

	for (i = class; i >= 0 && !ns; i--)
		ns = READ_ONCE(rule->child_ns[i]);
	for (i = class + 1; i < PCRYPT_NR_CLASSES && !ns; i++)
		ns = READ_ONCE(rule->child_ns[i]) >> (i - class);
	return ns;
}

/*
 * No CPU has such a number, so padata takes it modulo the CPUs that may be used at
 * the time.  Streams of one direction are spread over them evenly, in the order of
 * their first requests: a transform may be used in one direction only, and those of
 * a daemon that makes them in pairs are.
 *
 * Under the stream's lock.
 */
static int pcrypt_stream_cb_cpu(struct pcrypt_stream *stream, enum pcrypt_dir dir)
{
	if (!stream->cb_cpu)
		stream->cb_cpu = nr_cpu_ids +
			(atomic_inc_return(&pcrypt_next_cb_cpu[dir]) & 0xffff);
	return stream->cb_cpu;
}

/*
 * A callback CPU that is the submitter's has no time for callbacks, and the submitter
 * cannot wait for it: ask for another one.  The next number may stand for the same CPU, as
 * other streams have taken some meanwhile; of two in a row only one does, where there are
 * more CPUs.
 */
static void pcrypt_leave_cb_cpu(struct pcrypt_stream *stream, enum pcrypt_dir dir)
{
	int i, cb_cpu;

	for (i = 0; i < 3; i++) {
		cb_cpu = pcrypt_stream_cb_cpu(stream, dir);
		if (padata_map_cb_cpu(stream->ps, cb_cpu) != smp_processor_id())
			return;
		stream->cb_cpu = 0;
	}
}

/*
 * Time in the child per time in direct mode, in 1/1024.  The gap is one between requests
 * that are timed, which takes as long as a short request.  The period has no such time in
 * it, but is a mean of all streams of the CPU and of its pauses.  The shorter one counts;
 * one that is less than this stream's requests take, but for what timing adds to them, is
 * that of others.
 */
static u32 pcrypt_direct_rate(const struct pcrypt_rule *rule)
{
	u32 busy = READ_ONCE(rule->busy_ns), period = READ_ONCE(rule->period_ns);
	u32 whole = busy + READ_ONCE(rule->gap_ns);

	if (!busy)
		return PCRYPT_RATE_UNKNOWN;
	if (period)
		whole = clamp(period, busy - min(busy / 2, PCRYPT_TIMING_NS), whole);
	return div_u64((u64)busy << 10, whole);
}

static void pcrypt_set_mode(struct pcrypt_stream *stream, enum pcrypt_dir dir,
			    enum pcrypt_mode mode, u64 now)
{
	struct pcrypt_modes *modes = &pcrypt_modes[dir];
	struct pcrypt_rule *rule = &stream->rule;
	bool was_direct = stream->mode == PCRYPT_DIRECT;
	bool is_direct = mode == PCRYPT_DIRECT;

	lockdep_assert_held(&stream->lock);
	WRITE_ONCE(stream->quick, 0);
	WRITE_ONCE(stream->mode, mode);
	if (was_direct && !is_direct)
		rule->direct_rate = pcrypt_direct_rate(rule);
	WRITE_ONCE(rule->follows, rule->follows && !is_direct);
	atomic_add(was_direct - is_direct, &modes->nr_parallel);
	if (was_direct && !is_direct)
		atomic_long_inc(&modes->to_parallel);
	if (!was_direct && is_direct)
		atomic_long_inc(&modes->to_direct);
	WRITE_ONCE(rule->since, now);
	if (is_direct && rule->gave_up) {
		WRITE_ONCE(rule->direct_from, now);
		WRITE_ONCE(rule->gave_up, false);
	}
	WRITE_ONCE(rule->nr_samples, 0);
	WRITE_ONCE(rule->nr_moves, 0);
	WRITE_ONCE(rule->result_at, 0);
	rule->done_ns = 0;
	rule->window_since = 0;
	rule->nr_windows = 0;
	rule->nr_bad = 0;
	rule->nr_low = 0;
	rule->nr_done = 0;
	rule->spin_us = 0;
}

/* With a callback CPU that is not the submitter's, if there is one. */
static void pcrypt_begin_parallel(struct pcrypt_stream *stream, enum pcrypt_dir dir, u64 now)
{
	pcrypt_set_mode(stream, dir, PCRYPT_PARALLEL, now);
	WRITE_ONCE(stream->rule.here_ms, PCRYPT_HERE_MIN_MS);
	pcrypt_leave_cb_cpu(stream, dir);
}

static bool pcrypt_limits_stream(const struct pcrypt_rule *rule)
{
	unsigned int n = READ_ONCE(rule->nr_samples);

	return n >= PCRYPT_MIN_SAMPLES && READ_ONCE(rule->nr_moves) * 4 <= n &&
	       READ_ONCE(rule->gap_ns) < READ_ONCE(rule->busy_ns);
}

/* A quarter above the cost of handing over; 0 while that is unknown. */
static bool pcrypt_is_worth_it(const struct pcrypt_rule *rule, enum pcrypt_dir dir)
{
	u32 cost = READ_ONCE(pcrypt_modes[dir].handover_ns);

	return READ_ONCE(rule->busy_ns) > cost + cost / 4;
}

/* A long wait is for the load that was tried, not for one that is quite another. */
static u64 pcrypt_wait_ns(const struct pcrypt_rule *rule)
{
	u32 tried = READ_ONCE(rule->tried_ns), busy = READ_ONCE(rule->busy_ns);
	unsigned int ms = READ_ONCE(rule->wait_ms);

	if (busy / 2 > tried || busy < tried / 2)
		ms = min(ms, PCRYPT_WAIT_MIN_MS);
	return (u64)ms * NSEC_PER_MSEC;
}

static bool pcrypt_may_try(const struct pcrypt_rule *rule, enum pcrypt_dir dir, u64 now)
{
	return (s64)(now - READ_ONCE(rule->since)) > (s64)pcrypt_wait_ns(rule) &&
	       pcrypt_limits_stream(rule) && pcrypt_is_worth_it(rule, dir);
}

/* Return true if the stream was in direct mode, and parallel mode is tried now. */
static bool pcrypt_try_parallel(struct pcrypt_stream *stream, enum pcrypt_dir dir,
				u64 now)
{
	struct pcrypt_rule *rule = &stream->rule;
	bool changed;

	if (READ_ONCE(pcrypt_policy) != PCRYPT_AUTO || !pcrypt_may_try(rule, dir, now))
		return false;
	spin_lock_bh(&stream->lock);
	changed = stream->mode == PCRYPT_DIRECT;
	if (changed)
		pcrypt_begin_parallel(stream, dir, now);
	spin_unlock_bh(&stream->lock);
	return changed;
}

/*
 * A job is about to be submitted, or its result to be passed on.  Streams that encrypt have to
 * know before the result is on another CPU than in direct mode and makes the kernel send there.
 * Where none has led lately those in direct mode are told to look.  Only packets that softirqs
 * handle have such results.  A stream that follows does not lead, or two would lead each other
 * for ever; unless the job was so @late that those it followed may be direct again.
 *
 * Fully ordered: others that find pcrypt_told_at new do not tell again, and their results
 * must not come before the new generation.  Under the stream's lock.
 */
static void pcrypt_lead(const struct pcrypt_stream *stream, bool late)
{
	u64 now = get_jiffies_64();

	if (!READ_ONCE(stream->from_softirq) || (stream->rule.follows && !late))
		return;
	/* Of several streams two are noted, which is enough for all to see another one. */
	if (READ_ONCE(pcrypt_told_at) == now &&
	    (READ_ONCE(pcrypt_led_by) == stream || READ_ONCE(pcrypt_other_led_at) == now))
		return;
	spin_lock(&pcrypt_lead_lock);
	/* It may have taken long, and others have been here. */
	now = get_jiffies_64();
	if (pcrypt_led_by != stream) {
		WRITE_ONCE(pcrypt_other_led_at, pcrypt_led_at);
		WRITE_ONCE(pcrypt_led_by, stream);
	}
	WRITE_ONCE(pcrypt_led_at, now);
	/* Well before pcrypt_had_leader() finds that they lead no more. */
	if (time_after64(now, pcrypt_told_at + PCRYPT_LEAD_JIFFIES / 2))
		/* lead:A */
		atomic_add_return(2, &pcrypt_quick_gen);
	WRITE_ONCE(pcrypt_told_at, now);
	spin_unlock(&pcrypt_lead_lock);
}

/* Return true if some stream has results on another CPU than in direct mode. */
static bool pcrypt_any_parallel(void)
{
	return atomic_read(&pcrypt_modes[PCRYPT_ENCRYPT].nr_parallel) ||
	       atomic_read(&pcrypt_modes[PCRYPT_DECRYPT].nr_parallel);
}

/* Return true if @led_at is less than @limit jiffies ago; only encryption has to know. */
static bool pcrypt_is_led(enum pcrypt_dir dir, u64 led_at, u64 limit)
{
	return dir == PCRYPT_ENCRYPT && READ_ONCE(pcrypt_policy) == PCRYPT_AUTO && led_at &&
	       time_before64(get_jiffies_64(), led_at + limit);
}

/*
 * Return true if jobs have led in the last @limit jiffies.  The stream's own do not count,
 * unless it does not follow, and some stream, which may be one that followed it, is not in
 * direct mode.
 */
static bool pcrypt_was_led(const struct pcrypt_stream *stream, enum pcrypt_dir dir, u64 limit)
{
	u64 led_at = READ_ONCE(pcrypt_led_at);

	if (READ_ONCE(pcrypt_led_by) == stream &&
	    (READ_ONCE(stream->rule.follows) || !pcrypt_any_parallel()))
		led_at = READ_ONCE(pcrypt_other_led_at);
	return pcrypt_is_led(dir, led_at, limit);
}

/* Return true if results of a stream that leads come out on other CPUs than in direct mode. */
static bool pcrypt_has_leader(const struct pcrypt_stream *stream, enum pcrypt_dir dir)
{
	return pcrypt_was_led(stream, dir, PCRYPT_FOLLOW_JIFFIES);
}

/*
 * Return true if they do, or did lately.  The longer time is for those that are in direct mode
 * again: streams that followed do not return at the same time, and results of the others, and
 * timers, make the kernel send for a while.
 */
static bool pcrypt_had_leader(const struct pcrypt_stream *stream, enum pcrypt_dir dir)
{
	return pcrypt_was_led(stream, dir, PCRYPT_LEAD_JIFFIES);
}

/* A job is called back on this CPU; with softirqs disabled. */
static void pcrypt_note_result(void)
{
	u64 now = get_jiffies_64(), *at = this_cpu_ptr(&pcrypt_result_at);

	/* Others read it. */
	if (READ_ONCE(*at) != now)
		WRITE_ONCE(*at, now);
}

/* Return true if jobs were called back there lately; not where it is PCRYPT_CPU_ANY. */
static bool pcrypt_has_results(int cpu)
{
	u64 at;

	if ((unsigned int)cpu >= nr_cpu_ids)
		return false;
	at = READ_ONCE(per_cpu(pcrypt_result_at, cpu));
	return time_before64(get_jiffies_64(), at + PCRYPT_LEAD_JIFFIES);
}

/*
 * A request is looked at.  A kernel thread is a task, but for work that is done in the
 * place of a softirq: threaded NAPI, packets that xfrm takes in by a work item.
 */
static void pcrypt_note_sender(struct pcrypt_stream *stream)
{
	unsigned int nr_looks = READ_ONCE(stream->nr_looks);
	bool thread = current->flags & PF_KTHREAD;

	if (in_serving_softirq() || (thread && in_softirq()))
		WRITE_ONCE(stream->from_softirq, true);
	else
		WRITE_ONCE(stream->from_task, true);
	if (nr_looks < PCRYPT_SENDER_LOOKS)
		WRITE_ONCE(stream->nr_looks, nr_looks + 1);
}

static bool pcrypt_has_both_senders(const struct pcrypt_stream *stream)
{
	return READ_ONCE(stream->from_task) && READ_ONCE(stream->from_softirq);
}

/*
 * Return true if the stream was in direct mode, and is in parallel mode now since another one
 * is, or was, and one of its last two requests may have come of a result.  @last is the CPU of
 * its last direct request.  Forwarded packets come from softirqs only, the requests of most
 * users from tasks only: neither needs that.  Nor does a connection of which all that is
 * received stays on its CPUs.
 */
static bool pcrypt_try_follow(struct pcrypt_stream *stream, enum pcrypt_dir dir, int last,
			      u64 now)
{
	int here = raw_smp_processor_id();
	bool changed;

	if (last == here || !pcrypt_has_both_senders(stream) || !pcrypt_had_leader(stream, dir))
		return false;
	if (!pcrypt_has_results(here) && !pcrypt_has_results(last))
		return false;
	spin_lock_bh(&stream->lock);
	changed = stream->mode == PCRYPT_DIRECT;
	if (changed) {
		WRITE_ONCE(stream->rule.follows, true);
		pcrypt_begin_parallel(stream, dir, now);
	}
	spin_unlock_bh(&stream->lock);
	return changed;
}

/* Whether the mode lasts for so long, not counting time in which it could not end. */
static bool pcrypt_lasts_for(const struct pcrypt_rule *rule, u64 now, unsigned int ms)
{
	u64 since = max(READ_ONCE(rule->since), READ_ONCE(rule->direct_from));

	return (s64)(now - since) > (s64)ms * NSEC_PER_MSEC;
}

/*
 * Return true if a stream in parallel mode does not have to follow any more.  It has for a
 * while, or it would go to and fro until all that followed the same leader are direct; unless
 * these cannot follow again either.
 */
static bool pcrypt_has_followed(const struct pcrypt_stream *stream, enum pcrypt_dir dir, u64 now)
{
	return READ_ONCE(stream->rule.follows) && !pcrypt_has_leader(stream, dir) &&
	       (pcrypt_lasts_for(&stream->rule, now, PCRYPT_FOLLOW_MS) ||
		!pcrypt_had_leader(stream, dir));
}

/* A stream that follows returns when there is no leader, whatever its own rate is. */
static void pcrypt_end_following(struct pcrypt_stream *stream, enum pcrypt_dir dir, u64 now)
{
	if (stream->mode == PCRYPT_PARALLEL && pcrypt_has_followed(stream, dir, now))
		pcrypt_set_mode(stream, dir, PCRYPT_RETURNING, now);
}

/*
 * Return true if a stream in parallel mode, with nothing in flight, had followed before a pause,
 * and returns now: its next job would not lead.  If it can't at once, its jobs do, though not
 * after a short pause, or two streams would lead each other for ever.
 */
static bool pcrypt_follows_in_vain(struct pcrypt_stream *stream, enum pcrypt_dir dir)
{
	struct pcrypt_rule *rule = &stream->rule;
	u64 now, result_at;

	if (!READ_ONCE(rule->follows) || READ_ONCE(stream->in_flight) ||
	    READ_ONCE(pcrypt_policy) == PCRYPT_ALL_PARALLEL)
		return false;
	now = local_clock();
	if (!pcrypt_has_followed(stream, dir, now))
		return false;
	spin_lock_bh(&stream->lock);
	result_at = rule->result_at;
	pcrypt_end_following(stream, dir, now);
	if (stream->mode == PCRYPT_RETURNING && result_at &&
	    (s64)(now - result_at) > PCRYPT_LEAD_MS * (s64)NSEC_PER_MSEC)
		WRITE_ONCE(rule->follows, false);
	spin_unlock_bh(&stream->lock);
	return READ_ONCE(stream->mode) != PCRYPT_PARALLEL;
}

/*
 * Requests of a stream that may have to follow are looked at, all of them.  Its own jobs count,
 * too: while they do others that lead do not tell, see pcrypt_lead().
 */
static bool pcrypt_may_be_quick(const struct pcrypt_stream *stream, enum pcrypt_dir dir)
{
	return READ_ONCE(stream->mode) == PCRYPT_DIRECT &&
	       (!pcrypt_is_led(dir, READ_ONCE(pcrypt_led_at), PCRYPT_LEAD_JIFFIES) ||
		(READ_ONCE(stream->nr_looks) >= PCRYPT_SENDER_LOOKS &&
		 !pcrypt_has_both_senders(stream)));
}

/* Parallel mode does not pay, or not any more; or direct mode is to be looked at anew. */
static void pcrypt_end_parallel(struct pcrypt_stream *stream, enum pcrypt_dir dir, u64 now)
{
	struct pcrypt_rule *rule = &stream->rule;
	unsigned int wait_ms = clamp(rule->wait_ms * 2, PCRYPT_WAIT_MIN_MS,
				     PCRYPT_WAIT_MAX_MS);

	/* A pause in a trial that showed nothing is no time in which it has paid. */
	if ((!rule->nr_windows || rule->nr_windows > rule->nr_bad) &&
	    pcrypt_lasts_for(rule, now, PCRYPT_PAID_MS))
		wait_ms = rule->nr_windows && !rule->nr_bad ? PCRYPT_WAIT_FIRST_MS :
							      PCRYPT_WAIT_MIN_MS;
	WRITE_ONCE(rule->wait_ms, wait_ms);
	WRITE_ONCE(rule->tried_ns, READ_ONCE(rule->busy_ns));
	pcrypt_set_mode(stream, dir, PCRYPT_RETURNING, now);
}

/*
 * A child has accepted a direct request and completes it later.  If that happens again
 * soon, its requests are listed for longer and longer before one is direct again.
 */
static void pcrypt_end_direct(struct pcrypt_stream *stream, enum pcrypt_dir dir, u64 now)
{
	struct pcrypt_rule *rule = &stream->rule;

	rule->late_ms = pcrypt_lasts_for(rule, now, PCRYPT_PAID_MS) ? PCRYPT_WAIT_MIN_MS :
			clamp(rule->late_ms * 2, PCRYPT_WAIT_MIN_MS, PCRYPT_WAIT_MAX_MS);
	pcrypt_set_mode(stream, dir, PCRYPT_RETURNING, now);
	WRITE_ONCE(rule->direct_from, now + (u64)rule->late_ms * NSEC_PER_MSEC);
}

/*
 * A request could not be direct while the stream returns.  If that takes long the stream
 * is in parallel mode again, and stays there for as long as another stream would have
 * been direct: that is better than to go on returning.
 */
static void pcrypt_give_up_returning(struct pcrypt_stream *stream, enum pcrypt_dir dir,
				     u64 now)
{
	struct pcrypt_rule *rule = &stream->rule;
	unsigned int wait_ms = rule->wait_ms;

	lockdep_assert_held(&stream->lock);
	if (READ_ONCE(pcrypt_policy) != PCRYPT_AUTO ||
	    !pcrypt_lasts_for(rule, now, PCRYPT_RETURN_MS))
		return;
	/* It may lead now, and so make others give up, which is not to last. */
	if (rule->follows)
		wait_ms = min(wait_ms, PCRYPT_WAIT_MIN_MS);
	pcrypt_begin_parallel(stream, dir, now);
	/* That is a reason of its own. */
	WRITE_ONCE(rule->follows, false);
	WRITE_ONCE(rule->gave_up, true);
	WRITE_ONCE(rule->direct_from, now + (u64)wait_ms * NSEC_PER_MSEC);
}

/*
 * Return true if a stream that could not return may before its time, since that takes no wait:
 * it has had nothing in flight for so long that its CPUs have settled.
 */
static bool pcrypt_has_rested(const struct pcrypt_stream *stream, u64 now)
{
	u64 result_at = READ_ONCE(stream->rule.result_at);

	return READ_ONCE(stream->rule.gave_up) && !READ_ONCE(stream->in_flight) && result_at &&
	       (s64)(now - result_at) > (s64)PCRYPT_REST_NS;
}

static bool pcrypt_is_clearly_bad(const struct pcrypt_rule *rule)
{
	return rule->rate < rule->direct_rate / 4 * 3;
}

/* Return true if a window is over; a trial is as soon as it is clearly bad. */
static bool pcrypt_window_is_over(const struct pcrypt_rule *rule, u64 elapsed)
{
	if (rule->nr_windows)
		return elapsed > PCRYPT_WINDOW_NS;
	if (elapsed > PCRYPT_TRIAL_NS)
		return true;
	return elapsed > PCRYPT_TRIAL_LEAST_NS && pcrypt_is_clearly_bad(rule);
}

/*
 * Return true if direct mode may have become better, since the load was another one when
 * its rate was measured.  No more than 1 CPU's time can be used there.  One window is not
 * enough: there may have been a pause in it.  One with more does not undo all of them.
 */
static bool pcrypt_is_to_compare(const struct pcrypt_rule *rule, u64 now)
{
	return rule->nr_low >= PCRYPT_BAD_WINDOWS && pcrypt_lasts_for(rule, now, PCRYPT_PAID_MS);
}

/*
 * How many windows in a row that do not pay end parallel mode.  A trial, in which no window
 * has paid yet, begins with CPUs that wake up: it has a second window where the first one
 * did not show much.
 */
static unsigned int pcrypt_patience(const struct pcrypt_rule *rule)
{
	if (rule->nr_windows > rule->nr_bad)
		return PCRYPT_BAD_WINDOWS;
	return pcrypt_is_clearly_bad(rule) ? 1 : PCRYPT_TRIAL_WINDOWS;
}

/*
 * Return true if the window has ended with the last result, as the load has paused since then.
 * With little before the pause it has not: requests that come one by one, short or long, are
 * no reason for parallel mode.
 */
static bool pcrypt_has_paused(const struct pcrypt_rule *rule, bool idle, u64 now)
{
	s64 busy = rule->result_at - rule->window_since;

	return idle && rule->nr_done > 1 && busy > (s64)PCRYPT_TRIAL_LEAST_NS &&
	       (s64)(now - rule->result_at) > (s64)PCRYPT_PAUSE_NS;
}

/*
 * Look at the rate so far; @idle: nothing is in flight.  Return true if parallel mode is to
 * end.  A window that has seen nothing but a pause begins anew.
 */
static bool pcrypt_judge(struct pcrypt_rule *rule, bool idle, u64 now)
{
	bool paused = pcrypt_has_paused(rule, idle, now);
	u64 elapsed = (paused ? rule->result_at : now) - rule->window_since;

	if (idle && !rule->nr_done) {
		rule->window_since = now;
		return false;
	}
	rule->rate = min_t(u64, div64_u64(rule->done_ns << 10, elapsed | 1), U32_MAX);
	if (!paused && !pcrypt_window_is_over(rule, elapsed))
		return false;
	rule->window_since = now;
	rule->done_ns = 0;
	rule->nr_done = 0;
	rule->nr_windows++;
	if (rule->rate > rule->direct_rate + rule->direct_rate / 16)
		rule->nr_bad = 0;
	else
		rule->nr_bad++;
	/* With a limit: what was long ago does not count. */
	if (rule->rate < 1024)
		rule->nr_low = min(rule->nr_low + 1, 2 * PCRYPT_BAD_WINDOWS);
	else
		rule->nr_low -= min(rule->nr_low, 1U);
	return rule->nr_bad >= pcrypt_patience(rule) || pcrypt_is_to_compare(rule, now);
}

/*
 * Return true if parallel mode may end.  A stream that could not return stays in it for a
 * while, unless it is so bad that returning is no worse, or the load has paused.
 */
static bool pcrypt_may_return(const struct pcrypt_stream *stream, u64 now)
{
	const struct pcrypt_rule *rule = &stream->rule;

	if ((s64)(now - rule->direct_from) >= 0 || pcrypt_has_rested(stream, now))
		return true;
	return rule->direct_rate != PCRYPT_RATE_UNKNOWN &&
	       rule->nr_bad >= PCRYPT_BAD_WINDOWS && rule->rate < rule->direct_rate / 4;
}

/* Look whether parallel mode pays; the caller is about to submit a request. */
static void pcrypt_look_at_rate(struct pcrypt_stream *stream, enum pcrypt_dir dir, u64 now)
{
	struct pcrypt_rule *rule = &stream->rule;
	bool over;

	if (READ_ONCE(pcrypt_policy) == PCRYPT_ALL_PARALLEL)
		return;
	spin_lock(&stream->lock);
	if (rule->window_since)
		over = (s64)(now - rule->window_since) > 0 &&
		       pcrypt_judge(rule, !stream->in_flight, now);
	else if (rule->result_at && !rule->skip)
		over = (s64)(now - rule->result_at) > PCRYPT_TRIAL_MAX_NS;
	else
		over = (s64)(now - rule->since) > PCRYPT_UNSETTLED_NS;
	over &= stream->mode == PCRYPT_PARALLEL && pcrypt_may_return(stream, now);
	if (rule->follows)
		pcrypt_end_following(stream, dir, now);
	else if (over)
		pcrypt_end_parallel(stream, dir, now);
	spin_unlock(&stream->lock);
}

/*
 * A request of parallel mode is completed.  The requests in flight at the first
 * completion had waited for the change of mode, and would make the rate look better:
 * the window begins with the last one of them, and counts those that follow.
 *
 * Under the stream's lock.
 */
static void pcrypt_count_result(struct pcrypt_stream *stream, u32 work_ns)
{
	struct pcrypt_rule *rule = &stream->rule;

	if (!rule->result_at) {
		WRITE_ONCE(rule->result_at, local_clock() ?: 1);
		rule->skip = stream->in_flight;
	}
	if (rule->skip) {
		if (!--rule->skip)
			WRITE_ONCE(rule->result_at, local_clock() ?: 1);
		return;
	}
	if (!rule->window_since) {
		rule->window_since = local_clock() ?: 1;
		return;
	}
	rule->done_ns += work_ns;
	rule->nr_done++;
	if (!stream->in_flight)
		WRITE_ONCE(rule->result_at, local_clock() ?: 1);
}

/* A request of a stream that returns is completed; under the stream's lock. */
static void pcrypt_note_rest(struct pcrypt_stream *stream)
{
	if (stream->rule.gave_up && !stream->in_flight)
		WRITE_ONCE(stream->rule.result_at, local_clock() ?: 1);
}

static void pcrypt_count_down(int n)
{
	raw_cpu_write(pcrypt_countdown, n);
	raw_cpu_write(pcrypt_counted_from, n);
}

/*
 * One request in so many of this CPU is timed, each of which takes @ns; which ones must not
 * follow a pattern.
 */
static void pcrypt_count_down_from(u32 ns, u64 now)
{
	u32 n = clamp(PCRYPT_SAMPLE_NS / (ns | 1), PCRYPT_SAMPLE_MIN, PCRYPT_SAMPLE_MAX);

	pcrypt_count_down(n / 2 + (u32)now % n);
}

/*
 * Count this direct request and the quick ones of this CPU since the last call, and return
 * their number.  Their streams are not known: over time each has its share.
 */
static int pcrypt_count_direct(struct pcrypt_stream *stream, enum pcrypt_dir dir)
{
	int left = raw_cpu_read(pcrypt_countdown);
	int n = max(raw_cpu_read(pcrypt_counted_from) - left, 0);

	/* The countdown has the request that ends it, but none that was not quick. */
	if (left > 0 || !n)
		n++;
	raw_cpu_write(pcrypt_counted_from, left);
	atomic_long_add(n, &pcrypt_modes[dir].nr_direct);
	atomic_long_add(n, &stream->nr_direct);
	return n;
}

static unsigned long pcrypt_nr_switches(void)
{
	return current->nvcsw + current->nivcsw;
}

/* What says whether the CPU has been given to others meanwhile. */
static unsigned long pcrypt_turn(void)
{
	return (unsigned long)current + pcrypt_nr_switches();
}

/* A pair ends, and with it the timed requests for a while. */
static void pcrypt_begin_period(u64 end)
{
	raw_cpu_write(pcrypt_pair_end, end);
	raw_cpu_write(pcrypt_pair_turn, pcrypt_turn());
}

/*
 * A direct request was timed that began at @start, the last of @n since a pair; the others
 * had ended, and no other task has had the CPU since then.
 */
static void pcrypt_note_period(struct pcrypt_rule *rule, int n, u64 start)
{
	u64 since = raw_cpu_read(pcrypt_pair_end);
	u32 busy = READ_ONCE(rule->busy_ns);

	raw_cpu_write(pcrypt_pair_end, 0);
	if (since && busy && n >= PCRYPT_MIN_PERIODS && (s64)(start - since) >= 0 &&
	    raw_cpu_read(pcrypt_pair_turn) == pcrypt_turn())
		pcrypt_fold(&rule->period_ns, div_u64(start - since + busy, n));
}

/*
 * The gap is that of the CPU, from the end of its last direct request to this one: what
 * other streams use of a CPU is no time in which this one could send more.
 */
static void pcrypt_note_gap(struct pcrypt_rule *rule, u64 gap)
{
	int cpu = raw_smp_processor_id();

	pcrypt_fold(&rule->gap_ns, gap);
	/* The next load is another one. */
	if (READ_ONCE(rule->gap_ns) / 2 > READ_ONCE(rule->busy_ns))
		WRITE_ONCE(rule->tried_ns, 0);
	/* The means that count are those of a CPU that is busy. */
	if (READ_ONCE(rule->gap_ns) >= READ_ONCE(rule->busy_ns)) {
		WRITE_ONCE(rule->nr_samples, 0);
		WRITE_ONCE(rule->nr_moves, 0);
		return;
	}
	if (READ_ONCE(rule->nr_samples) >= PCRYPT_MAX_SAMPLES) {
		WRITE_ONCE(rule->nr_samples, READ_ONCE(rule->nr_samples) / 2);
		WRITE_ONCE(rule->nr_moves, READ_ONCE(rule->nr_moves) / 2);
	}
	if (READ_ONCE(rule->sample_cpu) != cpu) {
		WRITE_ONCE(rule->sample_cpu, cpu);
		WRITE_ONCE(rule->nr_moves, READ_ONCE(rule->nr_moves) + 1);
	}
	WRITE_ONCE(rule->nr_samples, READ_ONCE(rule->nr_samples) + 1);
}

/*
 * A direct request was timed.  If it was the first of a pair the next one on this CPU is
 * looked at for the gap between both.  Requests of the stream are quick from now on, until
 * its mode changes, or the policy from that of generation @gen; unless the stream may have
 * to follow.
 */
static void pcrypt_note_direct(struct pcrypt_stream *stream, enum pcrypt_dir dir, int gen,
			       unsigned int len, u64 start, u64 end)
{
	struct pcrypt_rule *rule = &stream->rule;
	u64 last_end = raw_cpu_read(pcrypt_last_end);
	bool quick;

	pcrypt_fold(&rule->child_ns[pcrypt_class(len)], end - start);
	pcrypt_fold(&rule->busy_ns, end - start);
	if (last_end && (s64)(start - last_end) >= 0) {
		pcrypt_note_gap(rule, start - last_end);
		raw_cpu_write(pcrypt_last_end, 0);
		pcrypt_begin_period(end);
		pcrypt_count_down_from(max(READ_ONCE(rule->busy_ns),
					   READ_ONCE(rule->period_ns)), start);
	} else {
		raw_cpu_write(pcrypt_last_end, end);
		pcrypt_count_down(1);
	}
	if (READ_ONCE(stream->quick) == (pcrypt_may_be_quick(stream, dir) ? gen : 0))
		return;
	/* Under the lock, so that a change of mode under way is not undone. */
	spin_lock_bh(&stream->lock);
	quick = pcrypt_may_be_quick(stream, dir);
	if (quick)
		WRITE_ONCE(stream->last_cpu, PCRYPT_CPU_ANY);
	WRITE_ONCE(stream->quick, quick ? gen : 0);
	spin_unlock_bh(&stream->lock);
}

/* The task was switched out, or the child took its time: there is no pair, and no period. */
static void pcrypt_forget_direct(void)
{
	raw_cpu_write(pcrypt_last_end, 0);
	raw_cpu_write(pcrypt_pair_end, 0);
}

static void pcrypt_calibration_parallel(struct padata_priv *padata)
{
	padata_do_serial(padata);
}

static void pcrypt_calibration_serial(struct padata_priv *padata)
{
}

static void pcrypt_hand_over_timed(struct padata_shell *ps, struct padata_priv *job, u32 *ns)
{
	int cb_cpu = 0;
	u64 start;

	job->parallel = pcrypt_calibration_parallel;
	job->serial = pcrypt_calibration_serial;
	start = local_clock();
	if (!padata_do_parallel(ps, job, &cb_cpu))
		pcrypt_fold_least(ns, local_clock() - start);
}

/*
 * What it costs to hand a request over, before there is one.  Without memory the first
 * trial of a stream measures it.
 */
static void pcrypt_calibrate(enum pcrypt_dir dir)
{
	struct padata_shell *ps = padata_alloc_shell(pcrypt_pinst[dir]);
	struct padata_priv *jobs;
	int i;

	jobs = kcalloc(PCRYPT_CALIBRATION_JOBS, sizeof(*jobs), GFP_KERNEL);
	for (i = 0; ps && jobs && i < PCRYPT_CALIBRATION_JOBS; i++)
		pcrypt_hand_over_timed(ps, &jobs[i], &pcrypt_modes[dir].handover_ns);
	/* Waits for the jobs. */
	padata_free_shell(ps);
	kfree(jobs);
}
