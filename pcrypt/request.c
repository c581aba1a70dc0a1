// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: the way of a request
 */

/* For each request, so not by a pointer of its kind, which costs more than branches. */
static int pcrypt_run(struct pcrypt_request *preq)
{
	bool is_encrypt = preq->dir == PCRYPT_ENCRYPT;

	if (preq->kind == PCRYPT_AEAD)
		return is_encrypt ? crypto_aead_encrypt(&preq->aead_creq) :
				    crypto_aead_decrypt(&preq->aead_creq);
	return is_encrypt ? crypto_skcipher_encrypt(&preq->skcipher_creq) :
			    crypto_skcipher_decrypt(&preq->skcipher_creq);
}

static struct pcrypt_stream *pcrypt_stream_of(struct pcrypt_request *preq)
{
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(preq->req->tfm);

	return &ctx->stream[preq->dir];
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
 * A synchronous user waits for its request before it sends another one, and the
 * way to another CPU and back only makes the request older.  A request that may
 * sleep comes from such a user, or from one that collects results in a task; what
 * the network stack sends may not, and the order of its results matters behind
 * padata, too, which a change between this CPU and another one would cost time to
 * keep.  One that begins alone is sent on its way, and if it has ended before the
 * next one comes that one, and some after it, are done here and now; then the way
 * is tried again.  A user that sends in bursts, and by chance one by one, loses
 * little: the first such row is short.  Requests that are too large, or come while
 * padata is not done with the one before, are of the row, too.
 *
 * Under the stream's lock, before the request is counted.
 */
static bool pcrypt_is_alone(struct pcrypt_request *preq,
			    struct pcrypt_stream *stream, unsigned int len)
{
	unsigned int most = READ_ONCE(alone_bytes);

	if (stream->in_flight) {
		stream->nr_alone = 0;
		stream->alone_left = 0;
		return false;
	}
	if (!(preq->req->flags & CRYPTO_TFM_REQ_MAY_SLEEP))
		return false;
	if (!stream->alone_left) {
		stream->nr_alone = clamp(stream->nr_alone * 2, PCRYPT_ALONE_MIN,
					 PCRYPT_ALONE_MAX);
		stream->alone_left = stream->nr_alone;
		return false;
	}
	stream->alone_left--;
	return most && len <= most;
}

/*
 * Beyond the limit a request is refused, or accepted with -EBUSY if its user is
 * ready to wait for -EINPROGRESS before it sends more.  What is accepted goes
 * into the order of its stream at once all the same, so nothing overtakes it
 * and it needs nobody to send it on later: what is held back is the user.
 *
 * Returns what to tell the user; @alone says whether the request is better done
 * here and now, @cb_cpu where it is to be called back.  With softirqs disabled.
 */
static int pcrypt_enter(struct pcrypt_request *preq, unsigned int len, bool *alone,
			int *cb_cpu)
{
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(preq->req->tfm);
	struct pcrypt_stream *stream = &ctx->stream[preq->dir];
	int answer = -EINPROGRESS;

	INIT_LIST_HEAD(&preq->backlog);
	spin_lock(&stream->lock);
	*cb_cpu = pcrypt_stream_cb_cpu(stream, preq->dir);
	*alone = pcrypt_is_alone(preq, stream, len);
	if (stream->in_flight >= ctx->max_requests)
		answer = preq->req->flags & CRYPTO_TFM_REQ_MAY_BACKLOG ?
			 -EBUSY : -ENOSPC;
	if (answer != -ENOSPC)
		stream->in_flight++;
	if (answer == -EBUSY)
		list_add_tail(&preq->backlog, &stream->backlog);
	spin_unlock(&stream->lock);
	return answer;
}

/*
 * Returns the request whose user may go on, or NULL: the oldest of the backlog,
 * whose place is within the limit now.  It is @preq itself if that is still
 * there, which takes two users who send at the same time: the order in which
 * they enter the backlog is not always that of the stream.
 *
 * With softirqs disabled.
 */
static struct pcrypt_request *pcrypt_leave(struct pcrypt_stream *stream,
					   struct pcrypt_request *preq)
{
	struct pcrypt_request *next = preq;

	spin_lock(&stream->lock);
	stream->in_flight--;
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
	crypto_request_complete(preq->req, padata->info);
}

/* The child's completion. */
static void pcrypt_done(compat_completion_arg arg, int err)
{
	struct pcrypt_request *preq = compat_completion_data(arg);

	/* Only tells that the request has left the child's backlog. */
	if (err == -EINPROGRESS)
		return;
	preq->padata.info = err;
	padata_do_serial(&preq->padata);
}

/*
 * What a request costs, which decides whether it is done by the task that sends it.
 * Only requests that may sleep can be, so only those are measured.
 */

static void pcrypt_note_cost(struct pcrypt_stream *stream, unsigned int len, u64 ns)
{
	u32 sample = clamp(div_u64(ns << 10, len), 1ULL, (u64)U32_MAX);
	u32 mean = READ_ONCE(stream->ns_per_kib);

	/* Two writers at a time lose a sample, no more. */
	WRITE_ONCE(stream->ns_per_kib, mean ? mean - mean / 8 + sample / 8 : sample);
}

static unsigned long pcrypt_nr_switches(void)
{
	return current->nvcsw + current->nivcsw;
}

static int pcrypt_run_measured(struct pcrypt_request *preq)
{
	unsigned long nr_switches = pcrypt_nr_switches();
	struct pcrypt_stream *stream = pcrypt_stream_of(preq);
	unsigned int len = preq->measured_len;
	u64 start = local_clock();
	int err = pcrypt_run(preq);

	/* If it was accepted, request and transform may be gone, and no time was spent. */
	if (err != -EINPROGRESS && err != -EBUSY && nr_switches == pcrypt_nr_switches())
		pcrypt_note_cost(stream, len, local_clock() - start);
	return err;
}

static void pcrypt_parallel(struct padata_priv *padata)
{
	struct pcrypt_request *preq =
		container_of(padata, struct pcrypt_request, padata);
	/* Read now: once the child has accepted the request, it may be gone. */
	bool backlog = preq->req->flags & CRYPTO_TFM_REQ_MAY_BACKLOG;
	int err = preq->measured_len ? pcrypt_run_measured(preq) : pcrypt_run(preq);

	/* Accepted, and pcrypt_done() is called, or was. */
	if (err == -EINPROGRESS || (err == -EBUSY && backlog))
		return;
	padata->info = err;
	padata_do_serial(padata);
}

/* Not knowing spinlocks that are held, a kernel without that count trusts the flag. */
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

/* Returns the flags of the child's request, which mostly runs with softirqs disabled. */
static u32 pcrypt_prepare_request(struct pcrypt_request *preq,
				  struct crypto_async_request *req,
				  enum pcrypt_dir dir, unsigned int len)
{
	bool may_sleep = req->flags & CRYPTO_TFM_REQ_MAY_SLEEP;

	preq->req = req;
	preq->dir = dir;
	preq->here = pcrypt_is_for_task(pcrypt_stream_of(preq), req, len);
	preq->measured_len = may_sleep && len >= PCRYPT_MEASURED_BYTES ? len : 0;
	return preq->here ? req->flags : req->flags & ~CRYPTO_TFM_REQ_MAY_SLEEP;
}

/* The instances are never stopped, so that @preq is not accepted can't happen. */
static int pcrypt_not_submitted(struct pcrypt_stream *stream,
				struct pcrypt_request *preq, int err)
{
	WARN_ON_ONCE(1);
	pcrypt_leave(stream, preq);
	return err;
}

/*
 * The request is done and has left the order.  Nobody is told to go on for it:
 * the request that would be may complete any moment.  Each of those who wait has a
 * request in flight, which tells one of them when it completes.
 */
static int pcrypt_done_alone(struct pcrypt_stream *stream,
			     struct pcrypt_request *preq)
{
	spin_lock(&stream->lock);
	stream->in_flight--;
	spin_unlock(&stream->lock);
	return preq->padata.info;
}

/* With softirqs disabled. */
static int pcrypt_submit(struct pcrypt_request *preq, unsigned int len)
{
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(preq->req->tfm);
	struct pcrypt_stream *stream = &ctx->stream[preq->dir];
	int answer, cb_cpu, err = -EAGAIN;
	bool alone;

	answer = pcrypt_enter(preq, len, &alone, &cb_cpu);
	if (answer == -ENOSPC)
		return answer;
	if (alone)
		err = padata_do_alone(stream->ps, &preq->padata, &cb_cpu);
	if (err == 1)
		return pcrypt_done_alone(stream, preq);
	if (err == -EAGAIN)
		err = padata_do_parallel(stream->ps, &preq->padata, &cb_cpu);
	/*
	 * No CPU is left in a cpumask.  Users of the cipher are served all the
	 * same, and in order: past the shell it would overtake.
	 */
	if (err == -EINVAL)
		err = padata_do_inline(stream->ps, &preq->padata, &cb_cpu);
	return err ? pcrypt_not_submitted(stream, preq, err) : answer;
}

/* Takes a request's place in the order; pcrypt_submit_here() runs it afterwards. */
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
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(preq->req->tfm);
	struct pcrypt_stream *stream = &ctx->stream[preq->dir];
	int answer, cb_cpu, err = 0;
	bool unused;

	local_bh_disable();
	answer = pcrypt_enter(preq, len, &unused, &cb_cpu);
	if (answer != -ENOSPC)
		err = padata_do_inline(stream->ps, &preq->padata, &cb_cpu);
	if (err)
		answer = pcrypt_not_submitted(stream, preq, err);
	local_bh_enable();
	if (!err && answer != -ENOSPC)
		pcrypt_parallel(&preq->padata);
	return answer;
}

/* The child's request is ready; @len says how much work it is, in bytes. */
static int pcrypt_crypt(struct pcrypt_request *preq, unsigned int len)
{
	int answer;

	memset(&preq->padata, 0, sizeof(preq->padata));
	preq->padata.serial = pcrypt_serial;
	if (preq->here) {
		preq->padata.parallel = pcrypt_parallel_later;
		return pcrypt_submit_here(preq, len);
	}
	preq->padata.parallel = pcrypt_parallel;
	local_bh_disable();
	answer = pcrypt_submit(preq, len);
	local_bh_enable();
	return answer;
}
