// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: the way of a request
 */

/*
 * The child's request, past crypto_aead_encrypt() and crypto_aead_decrypt().  These look
 * whether the transform has a key, and whether what is decrypted has room for the tag, as
 * they have done for the user's request: the child has the same key and length of the tag.
 * Some kernels count requests there.
 */
static __always_inline int pcrypt_run_aead(struct aead_request *req, bool is_encrypt)
{
	struct aead_alg *alg = crypto_aead_alg(crypto_aead_reqtfm(req));

	if (IS_ENABLED(CONFIG_CRYPTO_STATS))
		return is_encrypt ? crypto_aead_encrypt(req) : crypto_aead_decrypt(req);
	return is_encrypt ? alg->encrypt(req) : alg->decrypt(req);
}

/*
 * For each request, so not by a pointer of its kind, which costs more than branches; where
 * kind and direction are known the compiler leaves these out.
 */
static __always_inline int pcrypt_run(struct pcrypt_request *preq)
{
	bool is_encrypt = preq->dir == PCRYPT_ENCRYPT;

	if (preq->kind == PCRYPT_AEAD)
		return pcrypt_run_aead(&preq->aead_creq, is_encrypt);
	return is_encrypt ? crypto_skcipher_encrypt(&preq->skcipher_creq) :
			    crypto_skcipher_decrypt(&preq->skcipher_creq);
}

static struct pcrypt_stream *pcrypt_stream_of(struct pcrypt_request *preq)
{
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(preq->req->tfm);

	return &ctx->stream[preq->dir];
}

/*
 * Beyond the limit a request is refused, or accepted with -EBUSY if its user is
 * ready to wait for -EINPROGRESS before it sends more.  An accepted request goes
 * into the order of its stream at once all the same, so nothing overtakes it, and
 * no later event has to send it on: only its user is held back.
 *
 * Returns what to tell the user; @cb_cpu is where the request is to be called back.
 * With softirqs disabled.
 */
static int pcrypt_enter(struct pcrypt_request *preq, unsigned int len, int *cb_cpu)
{
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(preq->req->tfm);
	struct pcrypt_stream *stream = &ctx->stream[preq->dir];
	int answer = -EINPROGRESS;

	INIT_LIST_HEAD(&preq->backlog);
	preq->work_ns = pcrypt_work_ns(&stream->rule, len);
	preq->entered_at = get_jiffies_64();
	spin_lock(&stream->lock);
	*cb_cpu = pcrypt_stream_cb_cpu(stream, preq->dir);
	WRITE_ONCE(stream->nr_entered, stream->nr_entered + 1);
	if (stream->in_flight >= ctx->max_requests)
		answer = preq->req->flags & CRYPTO_TFM_REQ_MAY_BACKLOG ?
			 -EBUSY : -ENOSPC;
	if (answer != -ENOSPC) {
		WRITE_ONCE(stream->in_flight, stream->in_flight + 1);
		pcrypt_lead(stream, false);
	} else {
		WRITE_ONCE(stream->nr_refused, stream->nr_refused + 1);
	}
	if (answer == -EBUSY)
		list_add_tail(&preq->backlog, &stream->backlog);
	spin_unlock(&stream->lock);
	return answer;
}

/*
 * Returns the request whose user may go on, or NULL: the oldest of the backlog,
 * whose place is within the limit now.  It is @preq itself if that is still
 * there, which takes two users that send at the same time: the order in which
 * they enter the backlog is not always that of the stream.
 *
 * With softirqs disabled.
 */
static struct pcrypt_request *pcrypt_leave(struct pcrypt_stream *stream,
					   struct pcrypt_request *preq)
{
	struct pcrypt_request *next = preq;

	spin_lock(&stream->lock);
	WRITE_ONCE(stream->in_flight, stream->in_flight - 1);
	WRITE_ONCE(stream->serial_cpu, smp_processor_id());
	if (stream->mode == PCRYPT_PARALLEL)
		pcrypt_count_result(stream, preq->work_ns);
	else if (stream->mode == PCRYPT_RETURNING)
		pcrypt_note_rest(stream);
	pcrypt_note_result();
	/* What held it up has held up others, too, while the streams that lead did not wait. */
	pcrypt_lead(stream, (u32)get_jiffies_64() - preq->entered_at > PCRYPT_FOLLOW_JIFFIES);
	if (list_empty(&preq->backlog))
		next = list_first_entry_or_null(&stream->backlog,
						struct pcrypt_request, backlog);
	if (next)
		list_del_init(&next->backlog);
	spin_unlock(&stream->lock);
	return next;
}

/*
 * The request and its transform may be gone when this returns.  The one that is
 * told to go on is not: it was in the backlog, so its own pcrypt_serial() has
 * not begun, and those of a stream never overlap.
 */
static void pcrypt_serial(struct padata_priv *padata)
{
	struct pcrypt_request *preq =
		container_of(padata, struct pcrypt_request, padata);
	struct pcrypt_request *next = pcrypt_leave(pcrypt_stream_of(preq), preq);

	if (next)
		crypto_request_complete(next->req, -EINPROGRESS);
	crypto_request_complete(preq->req, preq->err);
}

/* The child's completion. */
static void pcrypt_done(compat_completion_arg arg, int err)
{
	struct pcrypt_request *preq = compat_completion_data(arg);

	/* Only tells that the request has left the child's backlog. */
	if (err == -EINPROGRESS)
		return;
	preq->err = err;
	/*
	 * Unlisted, the request is its submitter's, which finds it ended.  Listed, it is
	 * in the shell's order list: pairs with pcrypt_list_late().
	 */
	if (atomic_read_acquire(&preq->way) != PCRYPT_LISTED && /* listed:B */
	    atomic_xchg(&preq->way, PCRYPT_ENDED) == PCRYPT_UNLISTED) /* late:B */
		return;
	padata_do_serial(&preq->padata);
}

static int pcrypt_run_measured(struct pcrypt_request *preq)
{
	unsigned long nr_switches = pcrypt_nr_switches();
	struct pcrypt_stream *stream = pcrypt_stream_of(preq);
	unsigned int len = preq->measured_len;
	u64 start = local_clock();
	int err = pcrypt_run(preq);

	/*
	 * If it was accepted, request and transform may be gone, and its time is unknown.  One
	 * that failed may have cost nothing, whatever its length.
	 */
	if (!err && nr_switches == pcrypt_nr_switches())
		pcrypt_note_cost(stream, len, local_clock() - start);
	return err;
}

static void pcrypt_parallel(struct padata_priv *padata)
{
	struct pcrypt_request *preq =
		container_of(padata, struct pcrypt_request, padata);
	/* Read now: once the child has accepted the request, it may be gone. */
	bool backlog = preq->req->flags & CRYPTO_TFM_REQ_MAY_BACKLOG;
	int err;

	raw_cpu_inc(pcrypt_nr_run);
	err = preq->measured_len ? pcrypt_run_measured(preq) : pcrypt_run(preq);

	/* Accepted, and pcrypt_done() is called, or was. */
	if (err == -EINPROGRESS || (err == -EBUSY && backlog))
		return;
	preq->err = err;
	padata_do_serial(padata);
}

/* Without CONFIG_PREEMPT_COUNT a held spinlock is not seen: the flag is trusted. */
static bool pcrypt_may_sleep(const struct crypto_async_request *req)
{
	if (!(req->flags & CRYPTO_TFM_REQ_MAY_SLEEP) || !in_task() || softirq_count())
		return false;
	return IS_ENABLED(CONFIG_PREEMPT_COUNT) ? preemptible() : !irqs_disabled();
}

/*
 * Return true if a request is done by the task that sends it: elsewhere it would keep
 * softirqs disabled for too long, on a CPU that the task may not be allowed to use.
 */
static bool pcrypt_is_for_task(const struct pcrypt_stream *stream,
			       const struct crypto_async_request *req, unsigned int len)
{
	u64 cost;

	if (!pcrypt_may_sleep(req))
		return false;
	cost = READ_ONCE(stream->ns_per_kib) ?: PCRYPT_UNKNOWN_NS_PER_KIB;
	return (cost * len) >> 10 > (u64)READ_ONCE(task_us) * NSEC_PER_USEC;
}

/*
 * Return true if the request says what the bytes of others cost.  Those that are only
 * authenticated are cheap where the cipher is slow.
 */
static bool pcrypt_is_measure(const struct pcrypt_request *preq, unsigned int len)
{
	return len >= PCRYPT_MEASURED_BYTES &&
	       (preq->kind != PCRYPT_AEAD || preq->aead_creq.assoclen <= len / 8);
}

static struct crypto_async_request *pcrypt_child_req(struct pcrypt_request *preq)
{
	return preq->kind == PCRYPT_AEAD ? &preq->aead_creq.base : &preq->skcipher_creq.base;
}

/* In parallel mode the child's request mostly runs with softirqs disabled. */
static void pcrypt_prepare_job(struct pcrypt_request *preq, unsigned int len)
{
	struct crypto_async_request *req = preq->req;
	bool may_sleep = req->flags & CRYPTO_TFM_REQ_MAY_SLEEP;

	memset(&preq->padata, 0, sizeof(preq->padata));
	preq->padata.serial = pcrypt_serial;
	atomic_set(&preq->way, PCRYPT_LISTED);
	preq->here = pcrypt_is_for_task(pcrypt_stream_of(preq), req, len);
	preq->measured_len = may_sleep && pcrypt_is_measure(preq, len) ? len : 0;
	if (!preq->here)
		pcrypt_child_req(preq)->flags &= ~CRYPTO_TFM_REQ_MAY_SLEEP;
}

/* Cannot happen: the instances are never stopped. */
static int pcrypt_not_submitted(struct pcrypt_stream *stream,
				struct pcrypt_request *preq, int err)
{
	WARN_ON_ONCE(1);
	pcrypt_leave(stream, preq);
	return err;
}

/* With softirqs disabled. */
static int pcrypt_submit(struct pcrypt_request *preq, unsigned int len, bool run_here)
{
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(preq->req->tfm);
	struct pcrypt_stream *stream = &ctx->stream[preq->dir];
	int answer, cb_cpu, err = -EINVAL;

	answer = pcrypt_enter(preq, len, &cb_cpu);
	if (answer == -ENOSPC)
		return answer;
	if (!run_here)
		err = padata_do_parallel(stream->ps, &preq->padata, &cb_cpu);
	/*
	 * Or no CPU is left in a cpumask.  Users of the cipher are served all the same,
	 * and in order: past the shell the request would overtake others.
	 */
	if (err == -EINVAL)
		err = padata_do_inline(stream->ps, &preq->padata, &cb_cpu);
	return err ? pcrypt_not_submitted(stream, preq, err) : answer;
}

/*
 * In parallel mode now and then a submitter reads the clock: before, to see whether the
 * mode pays, and again after, for the cost of handing over.  By then the request, the
 * transform and with it the stream may be gone.
 */
static int pcrypt_submit_timed(struct pcrypt_request *preq, unsigned int len)
{
	bool idle = !READ_ONCE(pcrypt_stream_of(preq)->in_flight);
	unsigned int nr_run = raw_cpu_read(pcrypt_nr_run);
	enum pcrypt_dir dir = preq->dir;
	u64 start;
	int answer;

	pcrypt_look_at_rate(pcrypt_stream_of(preq), dir, local_clock());
	start = local_clock();
	answer = pcrypt_submit(preq, len, false);
	/* Neither refused nor run here. */
	if (answer != -ENOSPC && nr_run == raw_cpu_read(pcrypt_nr_run))
		pcrypt_note_handover(dir, local_clock() - start, idle);
	return answer;
}

/* The request has its place in the order; its submitter runs it, or has run it. */
static void pcrypt_parallel_later(struct padata_priv *padata)
{
}

/*
 * The request takes its place in the order of its stream and is then done here, while
 * others are done elsewhere, with softirqs enabled.  To padata the work ends later, as
 * that of an asynchronous child does.
 */
static int pcrypt_submit_here(struct pcrypt_request *preq, unsigned int len)
{
	int answer;

	preq->padata.parallel = pcrypt_parallel_later;
	local_bh_disable();
	pcrypt_look_at_rate(pcrypt_stream_of(preq), preq->dir, local_clock());
	answer = pcrypt_submit(preq, len, true);
	local_bh_enable();
	if (answer == -EINPROGRESS || answer == -EBUSY)
		pcrypt_parallel(&preq->padata);
	return answer;
}

/* A request of a stream that is in parallel mode, or returns from it. */
static int pcrypt_crypt_listed(struct pcrypt_request *preq, unsigned int len, bool run_here)
{
	struct pcrypt_stream *stream = pcrypt_stream_of(preq);
	int answer;

	pcrypt_prepare_job(preq, len);
	if (preq->here)
		return pcrypt_submit_here(preq, len);
	preq->padata.parallel = pcrypt_parallel;
	local_bh_disable();
	if (!run_here && !(READ_ONCE(stream->nr_entered) % PCRYPT_LOOK_EVERY)) {
		answer = pcrypt_submit_timed(preq, len);
	} else {
		/* Where all have been waited for there may not be many more. */
		if (!run_here && !READ_ONCE(stream->in_flight))
			pcrypt_look_at_rate(stream, preq->dir, local_clock());
		answer = pcrypt_submit(preq, len, run_here);
	}
	local_bh_enable();
	return answer;
}

/*
 * The child has accepted a direct request and completes it later.  Those that follow
 * must not overtake it: it takes its place in the order now, which ends direct mode.
 * If it has been completed meanwhile its completion was left to us.
 */
static int pcrypt_list_late(struct pcrypt_request *preq)
{
	struct pcrypt_stream *stream = pcrypt_stream_of(preq);
	int cb_cpu, err;

	memset(&preq->padata, 0, sizeof(preq->padata));
	preq->padata.serial = pcrypt_serial;
	preq->padata.parallel = pcrypt_parallel_later;
	preq->work_ns = 0;
	preq->entered_at = get_jiffies_64();
	local_bh_disable();
	INIT_LIST_HEAD(&preq->backlog);
	spin_lock(&stream->lock);
	cb_cpu = pcrypt_stream_cb_cpu(stream, preq->dir);
	WRITE_ONCE(stream->in_flight, stream->in_flight + 1);
	pcrypt_lead(stream, false);
	if (stream->mode == PCRYPT_DIRECT)
		pcrypt_end_direct(stream, preq->dir, local_clock());
	spin_unlock(&stream->lock);
	err = padata_do_inline(stream->ps, &preq->padata, &cb_cpu);
	/* The instances are never stopped. */
	WARN_ON_ONCE(err);
	/* late:A, listed:A; the completion that finds it listed sees the list's fields */
	if (atomic_cmpxchg(&preq->way, PCRYPT_UNLISTED, PCRYPT_LISTED) == PCRYPT_ENDED)
		padata_do_serial(&preq->padata);
	local_bh_enable();
	return -EINPROGRESS;
}

/* Return true if the child has accepted a direct request; otherwise @err is its result. */
static bool pcrypt_is_accepted(const struct pcrypt_tfm *ctx, u32 flags, int err)
{
	return ctx->may_be_async && (err == -EINPROGRESS ||
				     (err == -EBUSY && (flags & CRYPTO_TFM_REQ_MAY_BACKLOG)));
}

static __always_inline int pcrypt_run_direct(struct pcrypt_request *preq,
					     const struct pcrypt_tfm *ctx)
{
	struct padata_shell *ps = ctx->stream[preq->dir].ps;
	u32 flags = preq->req->flags;
	int err;

	atomic_set(&preq->way, PCRYPT_UNLISTED);
	err = pcrypt_run(preq);
	if (pcrypt_is_accepted(ctx, flags, err))
		return pcrypt_list_late(preq);
	padata_direct_done(ps);
	return err;
}

/* A direct request that is timed, for the rule. */
static int pcrypt_run_timed(struct pcrypt_request *preq, int gen, unsigned int len)
{
	unsigned long nr_switches = pcrypt_nr_switches();
	struct pcrypt_stream *stream = pcrypt_stream_of(preq);
	int err, n = pcrypt_count_direct(stream, preq->dir);
	u64 end, start = local_clock();

	err = pcrypt_run_direct(preq, crypto_tfm_ctx(preq->req->tfm));
	end = local_clock();
	/* If it was accepted, request and transform may be gone. */
	if (err == -EINPROGRESS) {
		pcrypt_forget_direct();
		return err;
	}
	/* Quick requests do not say where they are; or the task was moved, or others sent. */
	if (READ_ONCE(stream->quick) || READ_ONCE(stream->last_cpu) != raw_smp_processor_id())
		WRITE_ONCE(stream->last_cpu, PCRYPT_CPU_ANY);
	if (nr_switches != pcrypt_nr_switches()) {
		pcrypt_forget_direct();
	} else {
		if (!err && pcrypt_is_measure(preq, len))
			pcrypt_note_cost(stream, len, end - start);
		pcrypt_note_period(&stream->rule, n, start);
		pcrypt_note_direct(stream, preq->dir, gen, len, start, end);
	}
	return err;
}

/*
 * Return true if the shell of a submitter on the callback CPU is in direct mode now, for
 * this CPU.  Where others send, too, that may be for a moment only: after each time the
 * stream returns for twice as long before it is tried.
 */
static bool pcrypt_go_direct_here(struct pcrypt_stream *stream, u64 now)
{
	struct pcrypt_rule *rule = &stream->rule;

	/* Without it ESP's transport mode has queues for late results only. */
	if (!IS_ENABLED(CONFIG_NETFILTER) ||
	    !pcrypt_lasts_for(rule, now, READ_ONCE(rule->here_ms)) ||
	    padata_go_direct_here(stream->ps))
		return false;
	spin_lock_bh(&stream->lock);
	WRITE_ONCE(rule->here_ms, min(rule->here_ms * 2, PCRYPT_WAIT_MIN_MS));
	spin_unlock_bh(&stream->lock);
	return true;
}

/* How long the submitter may wait for direct mode now; with the stream locked. */
static unsigned int pcrypt_take_spin_us(struct pcrypt_rule *rule, u64 now)
{
	unsigned int us, want = rule->spin_us ?: PCRYPT_SPIN_US;
	unsigned int left = this_cpu_read(pcrypt_spin_left_us);
	s64 ns = now - this_cpu_read(pcrypt_spin_since);

	if (ns > (s64)PCRYPT_RETURN_MS * NSEC_PER_MSEC) {
		this_cpu_write(pcrypt_spin_since, now);
		left = PCRYPT_SPIN_ALL_US;
	}
	us = min(want, left);
	/* The next one is longer, unless there is none now. */
	if (us)
		rule->spin_us = min(want * 2, PCRYPT_SPIN_MAX_US);
	this_cpu_write(pcrypt_spin_left_us, left - us);
	return us;
}

/* Give back what is left of @us, for which a wait began on @cpu at @begin. */
static void pcrypt_return_spin_us(unsigned int us, int cpu, u64 begin)
{
	unsigned int left, waited;

	local_bh_disable();
	left = this_cpu_read(pcrypt_spin_left_us);
	waited = div_u64(local_clock() - begin, NSEC_PER_USEC);
	if (cpu == smp_processor_id() && waited < us)
		this_cpu_write(pcrypt_spin_left_us, min(left + us - waited, PCRYPT_SPIN_ALL_US));
	local_bh_enable();
}

/*
 * Wait until the callback CPU has called back what is in flight, and has settled.  The
 * submitter adds a request after each wait in vain, so whatever the callback CPU does
 * meanwhile brings direct mode nearer.  Return true if the shell is in direct mode.
 */
static bool pcrypt_wait_direct(struct pcrypt_stream *stream)
{
	unsigned int us = 0;
	bool direct;
	u64 begin;
	int cpu;

	spin_lock_bh(&stream->lock);
	cpu = smp_processor_id();
	begin = local_clock();
	/* On a CPU that is about to go offline direct mode does not begin. */
	if (cpu_active(cpu))
		us = pcrypt_take_spin_us(&stream->rule, begin);
	spin_unlock_bh(&stream->lock);
	if (!us)
		return false;
	/* Once at least: the CPU may have done something else meanwhile. */
	do {
		cpu_relax();
		direct = !padata_go_direct(stream->ps);
	} while (!direct && (s64)(local_clock() - begin) < us * (s64)NSEC_PER_USEC);
	if (direct)
		pcrypt_return_spin_us(us, cpu, begin);
	return direct;
}

/* Return true if the stream may not return yet; a policy is not kept waiting by a load. */
static bool pcrypt_is_early(const struct pcrypt_rule *rule, u64 now)
{
	return (s64)(now - READ_ONCE(rule->direct_from)) < 0 &&
	       !(READ_ONCE(rule->gave_up) && READ_ONCE(pcrypt_policy) == PCRYPT_ALL_DIRECT);
}

/* Return true if the shell is in direct mode now. */
static bool pcrypt_go_direct(struct pcrypt_stream *stream)
{
	u64 now = local_clock();

	if (pcrypt_is_early(&stream->rule, now))
		return pcrypt_has_rested(stream, now) && !padata_go_direct(stream->ps);
	if (!padata_go_direct(stream->ps))
		return true;
	/* Callbacks on this CPU wait for us. */
	if (READ_ONCE(stream->serial_cpu) == raw_smp_processor_id())
		return pcrypt_go_direct_here(stream, now);
	/* Direct mode that is for another CPU alone ends with our job. */
	return READ_ONCE(stream->mode) == PCRYPT_RETURNING && pcrypt_wait_direct(stream);
}

/* Return true if the shell of a stream in direct mode is; otherwise the stream returns. */
static bool pcrypt_stays_direct(struct pcrypt_stream *stream, enum pcrypt_dir dir, u64 now)
{
	if (padata_is_direct(stream->ps))
		return true;
	pcrypt_set_mode(stream, dir, PCRYPT_RETURNING, now);
	return false;
}

/*
 * Return true if a stream that is not in parallel mode has its shell in direct mode, at
 * last; its mode follows.
 */
static bool pcrypt_try_return(struct pcrypt_stream *stream, enum pcrypt_dir dir)
{
	bool direct = pcrypt_go_direct(stream);
	u64 now = local_clock();

	spin_lock_bh(&stream->lock);
	if (direct && stream->mode == PCRYPT_RETURNING)
		pcrypt_set_mode(stream, dir, PCRYPT_DIRECT, now);
	else if (!direct && stream->mode == PCRYPT_DIRECT)
		/* Unless another submitter was successful meanwhile. */
		direct = pcrypt_stays_direct(stream, dir, now);
	else if (!direct && stream->mode == PCRYPT_RETURNING)
		pcrypt_give_up_returning(stream, dir, now);
	spin_unlock_bh(&stream->lock);
	return direct;
}

/* Return true if the request is a direct one; the mode of the stream may change first. */
static bool pcrypt_is_direct(struct pcrypt_stream *stream, enum pcrypt_dir dir)
{
	enum pcrypt_mode mode = READ_ONCE(stream->mode);
	int last;

	if (mode == PCRYPT_PARALLEL && !pcrypt_follows_in_vain(stream, dir))
		return false;
	/* sender:A, in one step, so that of two at the same time one sees the other */
	last = xchg(&stream->last_cpu, raw_smp_processor_id());
	if (mode == PCRYPT_DIRECT) {
		if (pcrypt_try_follow(stream, dir, last, local_clock()) ||
		    pcrypt_try_parallel(stream, dir, local_clock()))
			return false;
		if (padata_is_direct(stream->ps))
			return true;
	}
	return pcrypt_try_return(stream, dir);
}

/*
 * Return true if the submitter runs a request of a stream that returns, so that none is on
 * other CPUs.  A stream that may not be direct for a while, since its child was late, may
 * use them if it has the choice.
 */
static bool pcrypt_runs_here(const struct pcrypt_stream *stream, enum pcrypt_dir dir)
{
	const struct pcrypt_rule *rule = &stream->rule;

	if (READ_ONCE(stream->mode) != PCRYPT_RETURNING)
		return false;
	return READ_ONCE(pcrypt_policy) != PCRYPT_AUTO ||
	       !READ_ONCE(stream->in_flight) || !pcrypt_is_worth_it(rule, dir) ||
	       (s64)(local_clock() - READ_ONCE(rule->direct_from)) >= 0;
}

/* What the module parameter says, where it leaves no choice. */
static void pcrypt_obey_policy(struct pcrypt_stream *stream, enum pcrypt_dir dir)
{
	enum pcrypt_policy policy = READ_ONCE(pcrypt_policy);
	bool parallel = READ_ONCE(stream->mode) == PCRYPT_PARALLEL;
	bool wanted = policy == PCRYPT_ALL_PARALLEL;

	if (policy == PCRYPT_AUTO || wanted == parallel)
		return;
	spin_lock_bh(&stream->lock);
	if (policy == PCRYPT_ALL_PARALLEL) {
		pcrypt_set_mode(stream, dir, PCRYPT_PARALLEL, local_clock());
		stream->rule.direct_rate = PCRYPT_RATE_UNKNOWN;
	} else if (policy == PCRYPT_ALL_DIRECT && stream->mode == PCRYPT_PARALLEL) {
		pcrypt_set_mode(stream, dir, PCRYPT_RETURNING, local_clock());
	}
	spin_unlock_bh(&stream->lock);
}

/* Return true if a request can be done directly without a further look. */
static __always_inline bool pcrypt_is_quick(struct pcrypt_stream *stream)
{
	return READ_ONCE(stream->quick) == atomic_read(&pcrypt_quick_gen) &&
	       padata_is_direct(stream->ps) && raw_cpu_dec_return(pcrypt_countdown) > 0;
}

/*
 * A request that is looked at; the child's is ready.  @len says how much work it is, in
 * bytes.
 */
static noinline int pcrypt_crypt(struct pcrypt_request *preq, unsigned int len)
{
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(preq->req->tfm);
	struct pcrypt_stream *stream = &ctx->stream[preq->dir];
	/* policy:B, lead:B; a policy and a time at least as new are read below */
	int gen = atomic_read_acquire(&pcrypt_quick_gen);

	pcrypt_obey_policy(stream, preq->dir);
	pcrypt_note_sender(stream);
	if (pcrypt_is_direct(stream, preq->dir))
		return pcrypt_run_timed(preq, gen, len);
	return pcrypt_crypt_listed(preq, len, pcrypt_runs_here(stream, preq->dir));
}
