// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt(X) is X, for skciphers: the same results, IVs, errors and sizes, in the
 * caller's memory and nowhere else; each request completes once and in its turn,
 * and may be the continuation of another one.
 */
#define SUITE_KIND	PT_SKCIPHER

#include "pcrypt_crypt.h"

/* Ciphers that refuse some requests, and how to make such a request. */
static const struct bad_request bad_requests[] = {
	{ .what = "cbc with part of a block", .alg = 5, .len = 31 },
	{ .what = "xts with less than a block", .alg = 7, .len = 15 },
	{ .what = "ecb with part of a block", .alg = 8, .len = 17 },
	{ .what = "an lskcipher with part of a block", .alg = 10, .len = 31 },
};

KUNIT_ARRAY_PARAM_DESC(bad_request, bad_requests, what);

static void sizes_as_plain(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct crypto_skcipher *plain = env->plain->skcipher, *ours = env->ours->skcipher;

	KUNIT_EXPECT_EQ(test, crypto_skcipher_ivsize(ours), crypto_skcipher_ivsize(plain));
	KUNIT_EXPECT_EQ(test, crypto_skcipher_blocksize(ours), crypto_skcipher_blocksize(plain));
	KUNIT_EXPECT_EQ(test, crypto_skcipher_chunksize(ours), crypto_skcipher_chunksize(plain));
	KUNIT_EXPECT_EQ(test, crypto_skcipher_alignmask(ours), crypto_skcipher_alignmask(plain));
	KUNIT_EXPECT_EQ(test, crypto_skcipher_statesize(ours), crypto_skcipher_statesize(plain));
	KUNIT_EXPECT_EQ(test, crypto_skcipher_min_keysize(ours),
			crypto_skcipher_min_keysize(plain));
	KUNIT_EXPECT_EQ(test, crypto_skcipher_max_keysize(ours),
			crypto_skcipher_max_keysize(plain));
}

/* Requests that continue others */

#define PIECE		48
#define NR_PIECES	5

static COMPAT_GEN_PARAMS(chaining_gen_params)
{
	const struct pt_alg *alg = prev;

	do {
		alg = compat_gen_params(alg_gen_params, alg);
	} while (alg && !alg->chains);
	return alg;
}

/* A message in pieces, and as a whole by the plain cipher in the last op. */
static struct pt_batch *make_pieces(struct kunit *test, struct pt_env *env)
{
	struct pt_batch *batch = pt_batch_alloc(test, env->ours, NR_PIECES + 1, MAX_BYTES);
	struct pt_msg *whole = &batch->ops[NR_PIECES].msg;
	unsigned int i;

	pt_msg_make(test, env, whole, NR_PIECES * PIECE, 0);
	for (i = 0; i < NR_PIECES; i++) {
		batch->ops[i].msg.len = PIECE;
		memcpy(batch->ops[i].msg.text, whole->text + i * PIECE, PIECE);
		memcpy(batch->ops[i].msg.cipher, whole->cipher + i * PIECE, PIECE);
	}
	return batch;
}

static void run_piece(struct kunit *test, struct pt_op *op, const u8 *iv, bool encrypt)
{
	const char *what;

	memcpy(op->msg.iv, iv, PT_MAX_IV);
	pt_op_prepare(op, &(struct pt_shape){ .encrypt = encrypt });
	atomic_set(&op->batch->left, 1);
	pt_op_submit(op);
	pt_batch_wait(test, op->batch);
	/* The next piece shows that it is the right one. */
	memcpy(op->msg.next_iv[encrypt], op->iv, PT_MAX_IV);
	what = pt_op_wrong(op);
	if (what)
		pt_op_fail(test, op, what);
}

static void check_chain(struct kunit *test, struct pt_batch *batch, bool encrypt)
{
	const struct pt_msg *whole = &batch->ops[NR_PIECES].msg;
	const u8 *iv = whole->iv;
	unsigned int i;

	for (i = 0; i < NR_PIECES; i++) {
		run_piece(test, &batch->ops[i], iv, encrypt);
		iv = batch->ops[i].iv;
	}
	KUNIT_EXPECT_MEMEQ(test, iv, whole->next_iv[encrypt], PT_MAX_IV);
}

static void chain_by_iv_is_one_message(struct kunit *test)
{
	struct pt_batch *batch = make_pieces(test, env_open(test));

	check_chain(test, batch, true);
	check_chain(test, batch, false);
}

/* A cipher whose key stream goes on from request to request, by its state */

static int state_setkey(struct crypto_lskcipher *tfm, const u8 *key, unsigned int keylen)
{
	*(u8 *)crypto_lskcipher_ctx(tfm) = key[0];
	return 0;
}

static int state_crypt(struct crypto_lskcipher *tfm, const u8 *src, u8 *dst, unsigned int len,
		       u8 *siv, u32 flags)
{
	u32 at = flags & CRYPTO_LSKCIPHER_FLAG_CONT ? get_unaligned((u32 *)siv) : 0;
	u8 key = *(u8 *)crypto_lskcipher_ctx(tfm);

	for (; len; len--, at++)
		*dst++ = *src++ ^ (key + at * 37 + (at >> 8));
	put_unaligned(at, (u32 *)siv);
	return 0;
}

static struct lskcipher_alg state_alg = {
	.setkey = state_setkey,
	.encrypt = state_crypt,
	.decrypt = state_crypt,
	.co = {
		.min_keysize = 1,
		.max_keysize = 32,
		.statesize = sizeof(u32),
		.base = {
			.cra_name = "padata-state-test",
			.cra_driver_name = "padata-state",
			.cra_priority = 100,
			.cra_blocksize = 1,
			.cra_ctxsize = 1,
			.cra_module = THIS_MODULE,
		},
	},
};

static const struct pt_alg state_pt_alg = {
	.name = "padata-state",
	.kind = PT_SKCIPHER,
	.keylen = 8,
	.block = 1,
};

static void state_alg_release(void *unused)
{
	if (pt_is_unused(&state_alg.co.base))
		crypto_unregister_lskcipher(&state_alg);
}

static struct pt_batch *make_state_pieces(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, crypto_register_lskcipher(&state_alg));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, state_alg_release, NULL));
	return make_pieces(test, pt_env_open(test, &state_pt_alg, seed));
}

static u32 piece_flags(unsigned int i)
{
	return (i ? CRYPTO_SKCIPHER_REQ_CONT : 0) |
	       (i < NR_PIECES - 1 ? CRYPTO_SKCIPHER_REQ_NOTFINAL : 0);
}

/* From one request to the next, as a user of AF_ALG does. */
static void check_state_chain(struct kunit *test, struct pt_batch *batch, bool encrypt)
{
	u8 state[sizeof(u32)];
	unsigned int i;

	for (i = 0; i < NR_PIECES; i++) {
		struct pt_op *op = &batch->ops[i];

		if (i)
			KUNIT_ASSERT_EQ(test, 0, crypto_skcipher_import(op->req.skcipher, state));
		op->flags = piece_flags(i);
		run_piece(test, op, op->msg.iv, encrypt);
		KUNIT_ASSERT_EQ(test, 0, crypto_skcipher_export(op->req.skcipher, state));
		KUNIT_EXPECT_EQ(test, get_unaligned((u32 *)state), (i + 1) * PIECE);
	}
}

static void chain_by_state_is_one_message(struct kunit *test)
{
	struct pt_batch *batch = make_state_pieces(test);

	KUNIT_ASSERT_EQ(test, crypto_skcipher_statesize(batch->tfm->skcipher), sizeof(u32));
	check_state_chain(test, batch, true);
	check_state_chain(test, batch, false);
}

/* The request keeps its state: pieces, one after the other, in the same one. */
static void chain_in_one_request_is_one_message(struct kunit *test)
{
	struct pt_batch *batch = make_state_pieces(test);
	struct pt_op *op = &batch->ops[0];
	unsigned int i;

	for (i = 0; i < NR_PIECES; i++) {
		memcpy(op->msg.text, batch->ops[i].msg.text, PIECE);
		memcpy(op->msg.cipher, batch->ops[i].msg.cipher, PIECE);
		op->flags = piece_flags(i);
		run_piece(test, op, op->msg.iv, true);
	}
}

/* The state of another request must not count. */
static void crypt_without_cont_begins_anew(struct kunit *test)
{
	struct pt_batch *batch = make_state_pieces(test);
	unsigned int i;

	batch->ops[0].flags = CRYPTO_SKCIPHER_REQ_NOTFINAL;
	for (i = 0; i < 3; i++)
		run_piece(test, &batch->ops[0], batch->ops[0].msg.iv, true);
}

/* Children of pcrypt */

static void open_over_lskcipher_works(struct kunit *test)
{
	struct pt_env *env = pt_env_open(test, &pt_algs[10], seed);

	KUNIT_EXPECT_EQ(test, CRYPTO_ALG_TYPE_LSKCIPHER,
			pt_base(env->plain)->__crt_alg->cra_flags & CRYPTO_ALG_TYPE_MASK);
	KUNIT_EXPECT_EQ(test, CRYPTO_ALG_TYPE_SKCIPHER,
			pt_base(env->ours)->__crt_alg->cra_flags & CRYPTO_ALG_TYPE_MASK);
}

static void open_as_lskcipher_refused(struct kunit *test)
{
	struct crypto_lskcipher *tfm = crypto_alloc_lskcipher("pcrypt(cbc(aes))", 0, 0);

	KUNIT_EXPECT_TRUE(test, IS_ERR(tfm));
	crypto_free_lskcipher(tfm);
}

#define ALGS_FILE	"/sys/module/pcrypt_mod/parameters/algs"

/* Expects that a task that can't wait gets @name, but not from pcrypt. */
static void expect_sync(struct kunit *test, const char *name)
{
	struct crypto_sync_skcipher *sync = crypto_alloc_sync_skcipher(name, 0, 0);

	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(sync), 0);
	KUNIT_EXPECT_FALSE(test, strstarts(crypto_skcipher_driver_name(&sync->base), "pcrypt("));
	crypto_free_sync_skcipher(sync);
}

static void promoted_not_for_synchronous_use(struct kunit *test)
{
	struct crypto_sync_skcipher *sync = crypto_alloc_sync_skcipher("pcrypt(ctr(aes))", 0, 0);

	KUNIT_EXPECT_TRUE(test, IS_ERR(sync));
	crypto_free_sync_skcipher(sync);
	pt_save_file(test, ALGS_FILE);
	pt_write_file(test, ALGS_FILE, "ctr(aes)");
	KUNIT_EXPECT_STREQ(test, pt_driver_name(pt_open_as(test, PT_SKCIPHER, "ctr(aes)")),
			   "pcrypt(ctr(aes))");
	expect_sync(test, "ctr(aes)");
}

static struct kunit_case pcrypt_skcipher_cases[] = {
#include "pcrypt_crypt_cases.h"
	KUNIT_CASE_PARAM(crypt_bad_request_as_plain, bad_request_gen_params),
	ALG_CASE(sizes_as_plain),
	KUNIT_CASE_PARAM(chain_by_iv_is_one_message, chaining_gen_params),
	KUNIT_CASE(chain_by_state_is_one_message),
	KUNIT_CASE(chain_in_one_request_is_one_message),
	KUNIT_CASE(crypt_without_cont_begins_anew),
	KUNIT_CASE(open_over_lskcipher_works),
	KUNIT_CASE(open_as_lskcipher_refused),
	KUNIT_CASE(promoted_not_for_synchronous_use),
	{ }
};

static struct kunit_suite pcrypt_skcipher_suite = {
	.name = "pcrypt_skcipher",
	.suite_init = pt_suite_init,
	.suite_exit = pt_suite_exit,
	.test_cases = pcrypt_skcipher_cases,
};

kunit_test_suite(pcrypt_skcipher_suite);

MODULE_DESCRIPTION("pcrypt(X) compared with X, for skciphers");
MODULE_LICENSE("GPL");
