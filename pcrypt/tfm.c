// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: lifetime of transforms and instances
 */

static struct crypto_tfm *pcrypt_tfm_in(const struct pcrypt_kind *kind,
					void *handle)
{
	return handle + kind->tfm_base;
}

/* Also of an error pointer. */
static void pcrypt_close(const struct pcrypt_kind *kind, void *handle)
{
	crypto_destroy_tfm(handle, pcrypt_tfm_in(kind, handle));
}

/* Another stream may be at the same place later. */
static void pcrypt_forget_leader(const struct pcrypt_stream *stream)
{
	if (READ_ONCE(pcrypt_led_by) != stream)
		return;
	spin_lock_bh(&pcrypt_lead_lock);
	if (pcrypt_led_by == stream)
		WRITE_ONCE(pcrypt_led_by, NULL);
	spin_unlock_bh(&pcrypt_lead_lock);
}

/* May run in softirq and inside pcrypt_serial(): must not wait for anything. */
static void pcrypt_exit_tfm(struct crypto_tfm *tfm)
{
	struct pcrypt_inst *pi = pcrypt_inst_of(tfm->__crt_alg);
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(tfm);
	int dir;

	pcrypt_leave_view(pi, ctx);
	for (dir = 0; dir < PCRYPT_NR_DIRS; dir++) {
		if (ctx->stream[dir].mode != PCRYPT_DIRECT)
			atomic_dec(&pcrypt_modes[dir].nr_parallel);
		pcrypt_forget_leader(&ctx->stream[dir]);
		padata_put_shell(ctx->stream[dir].ps);
	}
	pcrypt_close(pi->kind, ctx->child);
}

static int pcrypt_init_tfm(struct crypto_tfm *tfm)
{
	struct pcrypt_inst *pi = pcrypt_inst_of(tfm->__crt_alg);
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(tfm);
	void *child = crypto_spawn_tfm2(&pi->spawn);
	int dir;

	if (IS_ERR(child))
		return PTR_ERR(child);
	INIT_LIST_HEAD(&ctx->list);
	ctx->child = child;
	ctx->may_be_async = pcrypt_tfm_in(pi->kind, child)->__crt_alg->cra_flags &
			    CRYPTO_ALG_ASYNC;
	for (dir = 0; dir < PCRYPT_NR_DIRS; dir++) {
		struct pcrypt_stream *stream = &ctx->stream[dir];

		spin_lock_init(&stream->lock);
		INIT_LIST_HEAD(&stream->backlog);
		stream->serial_cpu = -1;
		stream->last_cpu = PCRYPT_CPU_ANY;
		stream->rule.wait_ms = PCRYPT_WAIT_FIRST_MS;
		stream->rule.here_ms = PCRYPT_HERE_MIN_MS;
		stream->rule.since = local_clock();
		stream->ps = padata_alloc_shell(pcrypt_pinst[dir]);
		if (!stream->ps)
			goto free_tfm;
		padata_set_total_order(stream->ps);
	}
	ctx->max_requests = READ_ONCE(max_requests);
	pcrypt_join_view(pi, ctx);
	return 0;

free_tfm:
	/* Zeroed at first, so what was not allocated is NULL. */
	pcrypt_exit_tfm(tfm);
	return -ENOMEM;
}

static void pcrypt_destroy_inst(struct pcrypt_inst *pi)
{
	spin_lock(&pcrypt_lock);
	list_del_init(&pi->list);
	spin_unlock(&pcrypt_lock);
	pcrypt_remove_view(pi);
	crypto_drop_spawn(&pi->spawn);
	kfree((void *)pcrypt_base(pi) - pi->kind->inst_base);
}

/* Something has changed that may let a listed name be promoted. */
static void pcrypt_look_again(void)
{
	spin_lock(&pcrypt_lock);
	if (pcrypt_up && (prefer_all || !list_empty(&pcrypt_algs))) {
		pcrypt_changed = true;
		mod_delayed_work(system_long_wq, &pcrypt_look, 0);
	}
	spin_unlock(&pcrypt_lock);
}

/* Called by the crypto API once a registered instance is gone and unused. */
static void pcrypt_free_inst(struct pcrypt_inst *pi)
{
	bool promoted = pi->promoted;

	pcrypt_destroy_inst(pi);
	if (promoted)
		pcrypt_look_again();
}
