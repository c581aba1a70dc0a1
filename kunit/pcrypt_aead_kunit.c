// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt(X) is X, for AEADs: the same results, errors and sizes, in the caller's
 * memory and nowhere else; each request completes once and in its turn.
 */
#define SUITE_KIND	PT_AEAD

#include "pcrypt_crypt.h"

/* Tags */

static void flip(struct pt_msg *msg, unsigned int tag_byte)
{
	msg->cipher[pt_msg_bytes(msg, false) + tag_byte] ^= 0x10;
}

static const char *op_not_badmsg(struct pt_op *op)
{
	return op->err == -EBADMSG ? NULL : "not refused with -EBADMSG";
}

static const char *op_every_third_badmsg(struct pt_op *op)
{
	if ((op - op->batch->ops) % 3 == 1)
		return op_not_badmsg(op);
	return pt_op_wrong(op);
}

static void decrypt_wrong_tags_in_their_turn(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct pt_batch *batch = make_batch(test, env, env->ours, 120, 3);
	unsigned int i;

	for (i = 1; i < batch->nr; i += 3)
		flip(&batch->ops[i].msg, i % batch->ops[i].msg.taglen);
	prepare_batch(batch, &(struct pt_shape){ });
	pt_batch_run(test, batch);
	pt_expect_each(test, batch, op_every_third_badmsg);
	pt_expect_in_order(test, batch);
}

static void decrypt_each_tag_byte_flipped(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct pt_batch *batch;
	unsigned int i;

	batch = pt_batch_alloc(test, env->ours, crypto_aead_authsize(env->ours->aead), MAX_BYTES);
	for (i = 0; i < batch->nr; i++) {
		pt_msg_make(test, env, &batch->ops[i].msg, 64, i);
		flip(&batch->ops[i].msg, i);
	}
	prepare_batch(batch, &(struct pt_shape){ .in_place = true });
	pt_batch_run(test, batch);
	pt_expect_each(test, batch, op_not_badmsg);
}

/* One message with the authsize that is set, in both directions. */
static void check_authsize(struct kunit *test, struct pt_env *env)
{
	struct pt_batch *batch = make_batch(test, env, env->ours, 6, 48);

	prepare_both_ways(batch);
	pt_batch_run(test, batch);
	pt_expect_each(test, batch, pt_op_wrong);
}

static void setauthsize_every_size_as_plain(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	unsigned int max = crypto_aead_maxauthsize(env->plain->aead);
	unsigned int size, refused = 0;
	int plain, ours;

	for (size = 0; size <= max + 2; size++) {
		plain = crypto_aead_setauthsize(env->plain->aead, size);
		ours = crypto_aead_setauthsize(env->ours->aead, size);
		KUNIT_EXPECT_EQ_MSG(test, ours, plain, "authsize %u", size);
		if (ours != plain)
			return;
		if (!plain)
			check_authsize(test, env);
		refused += !!plain;
	}
	KUNIT_EXPECT_GT(test, refused, 0);
}

/* Ciphers that refuse some requests, and how to make such a request. */
static const struct bad_request bad_requests[] = {
	{ .what = "rfc4106 with 7 bytes of associated data", .alg = 1, .len = 32, .assoclen = 7 },
	{ .what = "ccm with an IV of zeroes", .alg = 2, .len = 32, .zero_iv = true },
	{ .what = "cbc with part of a block", .alg = 3, .len = 31 },
};

KUNIT_ARRAY_PARAM_DESC(bad_request, bad_requests, what);

static void sizes_as_plain(struct kunit *test)
{
	struct pt_env *env = env_open(test);
	struct crypto_aead *plain = env->plain->aead, *ours = env->ours->aead;

	KUNIT_EXPECT_EQ(test, crypto_aead_ivsize(ours), crypto_aead_ivsize(plain));
	KUNIT_EXPECT_EQ(test, crypto_aead_authsize(ours), crypto_aead_authsize(plain));
	KUNIT_EXPECT_EQ(test, crypto_aead_maxauthsize(ours), crypto_aead_maxauthsize(plain));
	KUNIT_EXPECT_EQ(test, crypto_aead_blocksize(ours), crypto_aead_blocksize(plain));
	KUNIT_EXPECT_EQ(test, crypto_aead_chunksize(ours), crypto_aead_chunksize(plain));
	KUNIT_EXPECT_EQ(test, crypto_aead_alignmask(ours), crypto_aead_alignmask(plain));
}

static struct kunit_case pcrypt_aead_cases[] = {
#include "pcrypt_crypt_cases.h"
	ALG_CASE(decrypt_wrong_tags_in_their_turn),
	ALG_CASE(decrypt_each_tag_byte_flipped),
	ALG_CASE(setauthsize_every_size_as_plain),
	KUNIT_CASE_PARAM(crypt_bad_request_as_plain, bad_request_gen_params),
	ALG_CASE(sizes_as_plain),
	{ }
};

static struct kunit_suite pcrypt_aead_suite = {
	.name = "pcrypt_aead",
	.suite_init = pt_suite_init,
	.suite_exit = pt_suite_exit,
	.test_cases = pcrypt_aead_cases,
};

kunit_test_suite(pcrypt_aead_suite);

MODULE_DESCRIPTION("pcrypt(X) compared with X");
MODULE_LICENSE("GPL");
