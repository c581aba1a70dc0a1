// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: AEADs
 *
 * Most that knows the crypto API's types for them; request.c calls them.  Elsewhere a
 * request is a crypto_async_request, a transform a crypto_tfm and an instance a
 * crypto_instance.  kind_skcipher.c is the same for skciphers, with what differs there.
 */

/* Lengths that no memory has are the caller's, and must not wrap to few bytes. */
static unsigned int pcrypt_aead_len(const struct aead_request *req)
{
	unsigned int len;

	return check_add_overflow(req->assoclen, req->cryptlen, &len) ? UINT_MAX : len;
}

/*
 * A child that has the result when it returns gets the user's own request: all but the
 * transform is as the child's would be, and behind it is room for the child.
 */
static __always_inline int pcrypt_aead_pass_on(struct aead_request *req,
					       struct pcrypt_tfm *ctx,
					       enum pcrypt_dir dir)
{
	struct crypto_aead *tfm = crypto_aead_reqtfm(req);
	int err;

	aead_request_set_tfm(req, ctx->aead_child);
	err = pcrypt_run_aead(req, dir == PCRYPT_ENCRYPT);
	aead_request_set_tfm(req, tfm);
	padata_direct_done(ctx->stream[dir].ps);
	return err;
}

static __always_inline int pcrypt_aead_crypt(struct aead_request *req,
					     enum pcrypt_dir dir)
{
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(req->base.tfm);
	struct pcrypt_request *preq = aead_request_ctx(req);
	struct aead_request *creq = &preq->aead_creq;
	bool quick = pcrypt_is_quick(&ctx->stream[dir]);

	if (likely(quick && !ctx->may_be_async))
		return pcrypt_aead_pass_on(req, ctx, dir);
	aead_request_set_tfm(creq, ctx->aead_child);
	aead_request_set_callback(creq, req->base.flags, pcrypt_done, preq);
	aead_request_set_crypt(creq, req->src, req->dst, req->cryptlen, req->iv);
	aead_request_set_ad(creq, req->assoclen);
	preq->req = &req->base;
	preq->dir = dir;
	preq->kind = PCRYPT_AEAD;
	return quick ? pcrypt_run_direct(preq, ctx) :
		       pcrypt_crypt(preq, pcrypt_aead_len(req));
}

static int pcrypt_aead_encrypt(struct aead_request *req)
{
	return pcrypt_aead_crypt(req, PCRYPT_ENCRYPT);
}

static int pcrypt_aead_decrypt(struct aead_request *req)
{
	return pcrypt_aead_crypt(req, PCRYPT_DECRYPT);
}

static int pcrypt_aead_setkey(struct crypto_aead *tfm, const u8 *key,
			      unsigned int keylen)
{
	struct pcrypt_tfm *ctx = crypto_aead_ctx(tfm);
	u32 flags = crypto_aead_get_flags(tfm) & CRYPTO_TFM_REQ_MASK;

	crypto_aead_clear_flags(ctx->aead_child, CRYPTO_TFM_REQ_MASK);
	crypto_aead_set_flags(ctx->aead_child, flags);
	return crypto_aead_setkey(ctx->aead_child, key, keylen);
}

static int pcrypt_aead_setauthsize(struct crypto_aead *tfm, unsigned int authsize)
{
	struct pcrypt_tfm *ctx = crypto_aead_ctx(tfm);

	return crypto_aead_setauthsize(ctx->aead_child, authsize);
}

static int pcrypt_aead_init(struct crypto_aead *tfm)
{
	struct pcrypt_tfm *ctx = crypto_aead_ctx(tfm);
	int err = pcrypt_init_tfm(crypto_aead_tfm(tfm));

	if (err)
		return err;
	crypto_aead_set_reqsize(tfm, sizeof(struct pcrypt_request) +
				crypto_aead_reqsize(ctx->aead_child));
	return 0;
}

static void pcrypt_aead_exit(struct crypto_aead *tfm)
{
	pcrypt_exit_tfm(crypto_aead_tfm(tfm));
}

static void pcrypt_aead_free(struct aead_instance *inst)
{
	pcrypt_free_inst(aead_instance_ctx(inst));
}

static int pcrypt_aead_grab(struct pcrypt_inst *pi, const char *name, u32 mask)
{
	return crypto_grab_aead(&pi->aead_spawn, pcrypt_base(pi), name, 0, mask);
}

static struct aead_instance *pcrypt_aead_inst(struct pcrypt_inst *pi)
{
	return container_of(pi->alg, struct aead_instance, alg.base);
}

static void pcrypt_aead_fill(struct pcrypt_inst *pi)
{
	struct aead_instance *inst = pcrypt_aead_inst(pi);
	const struct compat_aead_alg *child =
		container_of(pi->spawn.alg, struct compat_aead_alg, base);

	inst->free = pcrypt_aead_free;
	inst->alg.ivsize = child->ivsize;
	inst->alg.chunksize = child->chunksize;
	inst->alg.init = pcrypt_aead_init;
	inst->alg.exit = pcrypt_aead_exit;
	inst->alg.setkey = pcrypt_aead_setkey;
	inst->alg.encrypt = pcrypt_aead_encrypt;
	inst->alg.decrypt = pcrypt_aead_decrypt;
	inst->alg.maxauthsize = child->maxauthsize;
	inst->alg.setauthsize = pcrypt_aead_setauthsize;
}

static int pcrypt_aead_register(struct crypto_template *tmpl,
				struct pcrypt_inst *pi)
{
	return aead_register_instance(tmpl, pcrypt_aead_inst(pi));
}

static void *pcrypt_aead_open(const char *name)
{
	return crypto_alloc_aead(name, 0, 0);
}

static const struct pcrypt_kind pcrypt_aead = {
	.type = CRYPTO_ALG_TYPE_AEAD,
	.inst_size = sizeof(struct aead_instance),
	.inst_base = offsetof(struct aead_instance, s.base),
	.tfm_base = offsetof(struct crypto_aead, base),
	.grab = pcrypt_aead_grab,
	.fill = pcrypt_aead_fill,
	.register_inst = pcrypt_aead_register,
	.open = pcrypt_aead_open,
};
