// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: skciphers
 *
 * Most that knows the crypto API's types for them; request.c calls them.  Elsewhere a
 * request is a crypto_async_request, a transform a crypto_tfm and an instance a
 * crypto_instance.  kind_aead.c is the same for AEADs, with what differs there.
 *
 * An skcipher may be built on an lskcipher, one that works on linear memory: the
 * crypto API makes a transform over scatterlists of it, which is what we get.
 * Requests of an skcipher can be chained, by the IV that the child leaves in the
 * user's own memory, or by a state, which lies in the child's part of the request.
 * Neither is ours, so both are passed on as they are.
 */

static __always_inline int pcrypt_skcipher_crypt(struct skcipher_request *req,
						 enum pcrypt_dir dir)
{
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(req->base.tfm);
	struct pcrypt_request *preq = skcipher_request_ctx(req);
	struct skcipher_request *creq = &preq->skcipher_creq;
	bool quick = pcrypt_is_quick(&ctx->stream[dir]);
	int err;

	skcipher_request_set_tfm(creq, ctx->skcipher_child);
	skcipher_request_set_callback(creq, req->base.flags, pcrypt_done, preq);
	skcipher_request_set_crypt(creq, req->src, req->dst, req->cryptlen, req->iv);
	if (likely(quick && !ctx->may_be_async)) {
		err = dir == PCRYPT_ENCRYPT ? crypto_skcipher_encrypt(creq) :
					      crypto_skcipher_decrypt(creq);
		padata_direct_done(ctx->stream[dir].ps);
		return err;
	}
	preq->req = &req->base;
	preq->dir = dir;
	preq->kind = PCRYPT_SKCIPHER;
	return quick ? pcrypt_run_direct(preq, ctx) : pcrypt_crypt(preq, req->cryptlen);
}

static int pcrypt_skcipher_encrypt(struct skcipher_request *req)
{
	return pcrypt_skcipher_crypt(req, PCRYPT_ENCRYPT);
}

static int pcrypt_skcipher_decrypt(struct skcipher_request *req)
{
	return pcrypt_skcipher_crypt(req, PCRYPT_DECRYPT);
}

static int pcrypt_skcipher_setkey(struct crypto_skcipher *tfm, const u8 *key,
				  unsigned int keylen)
{
	struct pcrypt_tfm *ctx = crypto_skcipher_ctx(tfm);
	u32 flags = crypto_skcipher_get_flags(tfm) & CRYPTO_TFM_REQ_MASK;

	crypto_skcipher_clear_flags(ctx->skcipher_child, CRYPTO_TFM_REQ_MASK);
	crypto_skcipher_set_flags(ctx->skcipher_child, flags);
	return crypto_skcipher_setkey(ctx->skcipher_child, key, keylen);
}

/* The child's request, which need not have been used before. */
static struct skcipher_request *pcrypt_skcipher_state(struct skcipher_request *req)
{
	struct pcrypt_tfm *ctx = crypto_skcipher_ctx(crypto_skcipher_reqtfm(req));
	struct pcrypt_request *preq = skcipher_request_ctx(req);

	skcipher_request_set_tfm(&preq->skcipher_creq, ctx->skcipher_child);
	return &preq->skcipher_creq;
}

static int pcrypt_skcipher_export(struct skcipher_request *req, void *out)
{
	return compat_skcipher_export(pcrypt_skcipher_state(req), out);
}

static int pcrypt_skcipher_import(struct skcipher_request *req, const void *in)
{
	return compat_skcipher_import(pcrypt_skcipher_state(req), in);
}

static int pcrypt_skcipher_init(struct crypto_skcipher *tfm)
{
	struct pcrypt_tfm *ctx = crypto_skcipher_ctx(tfm);
	int err = pcrypt_init_tfm(crypto_skcipher_tfm(tfm));

	if (err)
		return err;
	crypto_skcipher_set_reqsize(tfm, sizeof(struct pcrypt_request) +
				    crypto_skcipher_reqsize(ctx->skcipher_child));
	return 0;
}

static void pcrypt_skcipher_exit(struct crypto_skcipher *tfm)
{
	pcrypt_exit_tfm(crypto_skcipher_tfm(tfm));
}

static void pcrypt_skcipher_free(struct skcipher_instance *inst)
{
	pcrypt_free_inst(skcipher_instance_ctx(inst));
}

static int pcrypt_skcipher_grab(struct pcrypt_inst *pi, const char *name, u32 mask)
{
	return crypto_grab_skcipher(&pi->skcipher_spawn, pcrypt_base(pi), name, 0, mask);
}

static struct skcipher_instance *pcrypt_skcipher_inst(struct pcrypt_inst *pi)
{
	return container_of(pi->alg, struct skcipher_instance, alg.base);
}

static void pcrypt_skcipher_fill(struct pcrypt_inst *pi)
{
	struct skcipher_instance *inst = pcrypt_skcipher_inst(pi);
	const struct compat_skcipher_alg *child =
		container_of(pi->spawn.alg, struct compat_skcipher_alg, base);

	inst->free = pcrypt_skcipher_free;
	inst->alg.ivsize = child->ivsize;
	inst->alg.chunksize = child->chunksize;
	inst->alg.init = pcrypt_skcipher_init;
	inst->alg.exit = pcrypt_skcipher_exit;
	inst->alg.setkey = pcrypt_skcipher_setkey;
	inst->alg.encrypt = pcrypt_skcipher_encrypt;
	inst->alg.decrypt = pcrypt_skcipher_decrypt;
	inst->alg.min_keysize = child->min_keysize;
	inst->alg.max_keysize = child->max_keysize;
	compat_skcipher_set_state(&inst->alg, child, pcrypt_skcipher_export,
				  pcrypt_skcipher_import);
}

static int pcrypt_skcipher_register(struct crypto_template *tmpl,
				    struct pcrypt_inst *pi)
{
	return skcipher_register_instance(tmpl, pcrypt_skcipher_inst(pi));
}

static void *pcrypt_skcipher_open(const char *name)
{
	return crypto_alloc_skcipher(name, 0, 0);
}

static const struct pcrypt_kind pcrypt_skcipher = {
	.type = CRYPTO_ALG_TYPE_SKCIPHER,
	.inst_size = sizeof(struct skcipher_instance),
	.inst_base = offsetof(struct skcipher_instance, s.base),
	.tfm_base = offsetof(struct crypto_skcipher, base),
	.grab = pcrypt_skcipher_grab,
	.fill = pcrypt_skcipher_fill,
	.register_inst = pcrypt_skcipher_register,
	.open = pcrypt_skcipher_open,
};
