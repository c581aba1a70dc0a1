// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: the kinds of algorithms that can be wrapped, AEADs and skciphers
 *
 * All that knows the crypto API's types for either.  Elsewhere a request is a
 * crypto_async_request, a transform a crypto_tfm and an instance a
 * crypto_instance, of whatever kind.
 *
 * An skcipher may be built on an lskcipher, one that works on linear memory: the
 * crypto API makes a transform over scatterlists of it, which is what we get.
 * Requests of an skcipher can be chained, by the IV that the child leaves in the
 * user's own memory, or by a state, which lies in the child's part of the request.
 * Neither is ours, so both are passed on as they are.
 */

/* Where the two differ: associated data and tags, or lengths of keys and a state. */

static void pcrypt_aead_set_more(struct aead_request *creq,
				 const struct aead_request *req)
{
	aead_request_set_ad(creq, req->assoclen);
}

/* Lengths that no memory has are the caller's, and must not wrap to few bytes. */
static unsigned int pcrypt_aead_len(const struct aead_request *req)
{
	unsigned int len;

	return check_add_overflow(req->assoclen, req->cryptlen, &len) ? UINT_MAX : len;
}

static unsigned int pcrypt_skcipher_len(const struct skcipher_request *req)
{
	return req->cryptlen;
}

static void pcrypt_skcipher_set_more(struct skcipher_request *creq,
				     const struct skcipher_request *req)
{
}

static int pcrypt_setauthsize(struct crypto_aead *tfm, unsigned int authsize)
{
	struct pcrypt_tfm *ctx = crypto_aead_ctx(tfm);

	return crypto_aead_setauthsize(ctx->aead_child, authsize);
}

static void pcrypt_aead_fill_more(struct aead_alg *alg,
				  const struct compat_aead_alg *child)
{
	alg->maxauthsize = child->maxauthsize;
	alg->setauthsize = pcrypt_setauthsize;
}

/* The child's request, which need not have been used before. */
static struct skcipher_request *pcrypt_state_holder(struct skcipher_request *req)
{
	struct pcrypt_tfm *ctx = crypto_skcipher_ctx(crypto_skcipher_reqtfm(req));
	struct pcrypt_request *preq = skcipher_request_ctx(req);

	skcipher_request_set_tfm(&preq->skcipher_creq, ctx->skcipher_child);
	return &preq->skcipher_creq;
}

static int pcrypt_export(struct skcipher_request *req, void *out)
{
	return compat_skcipher_export(pcrypt_state_holder(req), out);
}

static int pcrypt_import(struct skcipher_request *req, const void *in)
{
	return compat_skcipher_import(pcrypt_state_holder(req), in);
}

static void pcrypt_skcipher_fill_more(struct skcipher_alg *alg,
				      const struct compat_skcipher_alg *child)
{
	alg->min_keysize = child->min_keysize;
	alg->max_keysize = child->max_keysize;
	compat_skcipher_set_state(alg, child, pcrypt_export, pcrypt_import);
}

/*
 * What the crypto API calls, and what it offers, is the same for either kind by
 * other names: written once, with their part of the names in place of @api.  @upper
 * is the same in capitals.
 */
#define PCRYPT_KIND(api, upper)							\
static int pcrypt_##api##_crypt(struct api##_request *req,			\
				enum pcrypt_dir dir)				\
{										\
	struct pcrypt_tfm *ctx = crypto_tfm_ctx(req->base.tfm);			\
	struct pcrypt_request *preq = api##_request_ctx(req);			\
	struct api##_request *creq = &preq->api##_creq;				\
	unsigned int len = pcrypt_##api##_len(req);				\
	u32 flags = pcrypt_prepare_request(preq, &req->base, dir, len);			\
										\
	api##_request_set_tfm(creq, ctx->api##_child);				\
	api##_request_set_callback(creq, flags, pcrypt_done, preq);		\
	api##_request_set_crypt(creq, req->src, req->dst, req->cryptlen,	\
				req->iv);					\
	pcrypt_##api##_set_more(creq, req);					\
	preq->kind = PCRYPT_##upper;						\
	return pcrypt_crypt(preq, len);						\
}										\
										\
static int pcrypt_##api##_encrypt(struct api##_request *req)			\
{										\
	return pcrypt_##api##_crypt(req, PCRYPT_ENCRYPT);			\
}										\
										\
static int pcrypt_##api##_decrypt(struct api##_request *req)			\
{										\
	return pcrypt_##api##_crypt(req, PCRYPT_DECRYPT);			\
}										\
										\
static int pcrypt_##api##_run(struct pcrypt_request *preq)			\
{										\
	if (preq->dir == PCRYPT_ENCRYPT)					\
		return crypto_##api##_encrypt(&preq->api##_creq);		\
	return crypto_##api##_decrypt(&preq->api##_creq);			\
}										\
										\
static int pcrypt_##api##_setkey(struct crypto_##api *tfm, const u8 *key,	\
				 unsigned int keylen)				\
{										\
	struct pcrypt_tfm *ctx = crypto_##api##_ctx(tfm);			\
	u32 flags = crypto_##api##_get_flags(tfm) & CRYPTO_TFM_REQ_MASK;	\
										\
	crypto_##api##_clear_flags(ctx->api##_child, CRYPTO_TFM_REQ_MASK);	\
	crypto_##api##_set_flags(ctx->api##_child, flags);			\
	return crypto_##api##_setkey(ctx->api##_child, key, keylen);		\
}										\
										\
static int pcrypt_##api##_init(struct crypto_##api *tfm)			\
{										\
	struct pcrypt_tfm *ctx = crypto_##api##_ctx(tfm);			\
	int err = pcrypt_init_tfm(crypto_##api##_tfm(tfm));			\
										\
	if (err)								\
		return err;							\
	crypto_##api##_set_reqsize(tfm,						\
		sizeof(struct pcrypt_request) +					\
		crypto_##api##_reqsize(ctx->api##_child));			\
	return 0;								\
}										\
										\
static void pcrypt_##api##_exit(struct crypto_##api *tfm)			\
{										\
	pcrypt_exit_tfm(crypto_##api##_tfm(tfm));				\
}										\
										\
static void pcrypt_##api##_free(struct api##_instance *inst)			\
{										\
	pcrypt_free_inst(api##_instance_ctx(inst));				\
}										\
										\
static int pcrypt_##api##_grab(struct pcrypt_inst *pi, const char *name,	\
			       u32 mask)					\
{										\
	return crypto_grab_##api(&pi->api##_spawn, pcrypt_base(pi), name, 0,	\
				 mask);						\
}										\
										\
static void pcrypt_##api##_fill(struct pcrypt_inst *pi)				\
{										\
	struct api##_instance *inst =						\
		container_of(pi->alg, struct api##_instance, alg.base);		\
	const struct compat_##api##_alg *child =				\
		container_of(pi->spawn.alg, struct compat_##api##_alg, base);	\
										\
	inst->free = pcrypt_##api##_free;					\
	inst->alg.ivsize = child->ivsize;					\
	inst->alg.chunksize = child->chunksize;					\
	inst->alg.init = pcrypt_##api##_init;					\
	inst->alg.exit = pcrypt_##api##_exit;					\
	inst->alg.setkey = pcrypt_##api##_setkey;				\
	inst->alg.encrypt = pcrypt_##api##_encrypt;				\
	inst->alg.decrypt = pcrypt_##api##_decrypt;				\
	pcrypt_##api##_fill_more(&inst->alg, child);				\
}										\
										\
static int pcrypt_##api##_register(struct crypto_template *tmpl,		\
				   struct pcrypt_inst *pi)			\
{										\
	return api##_register_instance(tmpl,					\
				       container_of(pi->alg,			\
						    struct api##_instance,	\
						    alg.base));			\
}										\
										\
static void *pcrypt_##api##_open(const char *name)				\
{										\
	return crypto_alloc_##api(name, 0, 0);					\
}										\
										\
static const struct pcrypt_kind pcrypt_##api = {				\
	.type = CRYPTO_ALG_TYPE_##upper,					\
	.inst_size = sizeof(struct api##_instance),				\
	.inst_base = offsetof(struct api##_instance, s.base),			\
	.tfm_base = offsetof(struct crypto_##api, base),			\
	.grab = pcrypt_##api##_grab,						\
	.fill = pcrypt_##api##_fill,						\
	.register_inst = pcrypt_##api##_register,				\
	.open = pcrypt_##api##_open,						\
}

PCRYPT_KIND(aead, AEAD);
PCRYPT_KIND(skcipher, SKCIPHER);

static const struct pcrypt_kind *const pcrypt_kinds[PCRYPT_NR_KINDS] = {
	[PCRYPT_AEAD] = &pcrypt_aead,
	[PCRYPT_SKCIPHER] = &pcrypt_skcipher,
};

/* For each request, so not by a pointer, which costs more than the branch. */
static int pcrypt_run(struct pcrypt_request *preq)
{
	if (preq->kind == PCRYPT_AEAD)
		return pcrypt_aead_run(preq);
	return pcrypt_skcipher_run(preq);
}
