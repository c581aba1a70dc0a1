/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the pcrypt suites: ciphers, transforms, messages, batches of
 * requests ("ops").
 *
 * A completion only records into its op; the test thread compares afterwards.
 * Memory that may still be in use when a test gives up (a request never completed) is
 * leaked on purpose: a wrong result must not become a lost guest.
 */
#ifndef _PCRYPT_TEST_H
#define _PCRYPT_TEST_H

#include <crypto/aead.h>
#include <crypto/authenc.h>
#include <crypto/internal/aead.h>
#include <crypto/internal/skcipher.h>
#include <kunit/test.h>
#include <linux/bottom_half.h>
#include <linux/fs.h>
#include <linux/iopoll.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/scatterlist.h>
#include <linux/semaphore.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "compat.h"
#include "test_files.h"

#define PT_MAX_KEY	96
#define PT_MAX_ASSOC	32
#define PT_MAX_TAG	32
#define PT_MAX_IV	16
#define PT_GUARD_LEN	16
#define PT_GUARD	0xa5
#define PT_DEBUG	(IS_ENABLED(CONFIG_KASAN) || \
			 IS_ENABLED(CONFIG_PROVE_LOCKING) || \
			 IS_ENABLED(CONFIG_KCSAN))
#define PT_TIMEOUT	((PT_DEBUG ? 60 : 20) * HZ)

/* Loads are smaller where every access is checked; properties are the same. */
static inline unsigned int pt_scaled(unsigned int nr)
{
	return PT_DEBUG ? nr / 4 : nr;
}

/* Algorithms that can be wrapped. */
enum pt_kind { PT_AEAD, PT_SKCIPHER };

/**
 * struct pt_alg - a cipher to wrap
 * @name: As the crypto API names it.
 * @kind: Of that kind.
 * @keylen: Bytes of the key; for authenc of the cipher's.
 * @authkeylen: Bytes of authenc's second key, else 0.
 * @block: Text lengths are multiples of it.
 * @min_len: The shortest text.
 * @assoclen: Lengths of associated data, used in turn.
 * @chains: The IV that is left makes the next request go on where this one ended.
 * @iv_in_assoc: The associated data end with a copy of the IV.
 * @iv0: Fixed first byte of the IV, 0 for none.
 */
struct pt_alg {
	const char *name;
	enum pt_kind kind;
	unsigned int keylen;
	unsigned int authkeylen;
	unsigned int block;
	unsigned int min_len;
	unsigned int assoclen[3];
	bool chains;
	bool iv_in_assoc;
	u8 iv0;
};

static const struct pt_alg pt_algs[] __maybe_unused = {
	{
		.name = "gcm(aes)",
		.keylen = 16,
		.block = 1,
		.assoclen = { 0, 8, 21 },
	}, {
		.name = "rfc4106(gcm(aes))",
		.keylen = 20,
		.block = 1,
		.assoclen = { 16, 20, 16 },
		.iv_in_assoc = true,
	}, {
		.name = "ccm(aes)",
		.keylen = 16,
		.block = 1,
		.assoclen = { 0, 8, 21 },
		.iv0 = 3,
	}, {
		.name = "authenc(hmac(sha256),cbc(aes))",
		.keylen = 16,
		.authkeylen = 32,
		.block = 16,
		.assoclen = { 0, 8, 24 },
	}, {
		.name = "rfc7539(chacha20,poly1305)",
		.keylen = 32,
		.block = 1,
		.assoclen = { 0, 8, 21 },
	}, {
		.name = "cbc(aes)",
		.kind = PT_SKCIPHER,
		.chains = true,
		.keylen = 16,
		.block = 16,
	}, {
		.name = "ctr(aes)",
		.kind = PT_SKCIPHER,
		.chains = true,
		.keylen = 24,
		.block = 1,
	}, {
		.name = "xts(aes)",
		.kind = PT_SKCIPHER,
		.keylen = 64,
		.block = 1,
		.min_len = 16,
	}, {
		.name = "ecb(aes)",
		.kind = PT_SKCIPHER,
		.keylen = 32,
		.block = 16,
	}, {
		.name = "chacha20",
		.kind = PT_SKCIPHER,
		.keylen = 32,
		.block = 1,
	}, {
		/* An lskcipher, since 6.7. */
		.name = "cbc(" COMPAT_AES ")",
		.kind = PT_SKCIPHER,
		.chains = true,
		.keylen = 16,
		.block = 16,
	},
};

/**
 * struct pt_stream - one direction of a transform, whose requests stay in order
 * @nr_sent: Requests submitted.
 * @nr_done: Requests completed.
 * @running: Completions that run right now.
 * @ticks: Beginnings and ends of calls, and completions; 0 is before the first.
 * @overlapped: Two completions ran at the same time.
 */
struct pt_stream {
	atomic_t nr_sent;
	atomic_t nr_done;
	atomic_t running;
	atomic_t ticks;
	bool overlapped;
};

/**
 * struct pt_tfm - a transform
 * @kind: Of that kind.
 * @handle: The transform; NULL once the test freed it.
 * @aead: The same.
 * @skcipher: The same.
 * @stream: Its streams, decryption first.
 * @lost: A request did not come back: must never be freed.
 */
struct pt_tfm {
	enum pt_kind kind;
	union {
		void *handle;
		struct crypto_aead *aead;
		struct crypto_skcipher *skcipher;
	};
	struct pt_stream stream[2];
	bool lost;
};

/* How a message lies in memory: one piece, assoc|text|tag, or 1, 3, 5, ... bytes. */
enum pt_split { PT_WHOLE, PT_PARTS, PT_ODD };

/**
 * struct pt_shape - the form of a request, and the places of its buffers
 * @encrypt: Direction.
 * @in_place: Source and destination are the same memory.
 * @split: Pieces of the scatterlists.
 * @offset: Of the first byte.
 * @exact: The memory begins and ends with the message.  The allocator's guards are
 *	next to it, and KASAN reports even reads of them.
 */
struct pt_shape {
	bool encrypt;
	bool in_place;
	enum pt_split split;
	unsigned int offset;
	bool exact;
};

/**
 * struct pt_msg - a message in both forms, made by the plain cipher
 * @assoclen: Bytes of associated data.
 * @len: Bytes of text.
 * @taglen: Bytes of the tag.
 * @iv: The IV.
 * @next_iv: What an skcipher leaves there when it decrypts, and when it encrypts.
 * @text: Associated data and text.
 * @cipher: Associated data, encrypted text and tag.
 */
struct pt_msg {
	unsigned int assoclen;
	unsigned int len;
	unsigned int taglen;
	u8 iv[PT_MAX_IV];
	u8 next_iv[2][PT_MAX_IV];
	u8 *text;
	u8 *cipher;
};

/**
 * struct pt_buf - memory of a message, between guard bytes
 * @mem: The memory.
 * @size: Its size.
 * @sg: Pieces of it that hold the message.
 * @nr_sg: How many.
 * @laid: Bytes in the pieces.
 */
struct pt_buf {
	u8 *mem;
	size_t size;
	struct scatterlist *sg;
	unsigned int nr_sg;
	unsigned int laid;
};

/* A request of either kind. */
union pt_req {
	void *mem;
	struct aead_request *aead;
	struct skcipher_request *skcipher;
};

/**
 * struct pt_op - one request and its result
 * @batch: It is one of these.
 * @tfm: Submitted to this transform.
 * @req: The request, by its kind; NULL once the test freed it.
 * @flags: Request flags.
 * @shape: What it asks for.
 * @msg: The message.
 * @src: Source, and in place also the destination.
 * @dst: Destination.
 * @iv: The request's IV.
 * @hook: Called in the completion, after all is recorded; may be NULL.
 * @nr: Position among the submissions of its stream.
 * @ret: What the submission returned.
 * @nr_submitted: How often it was submitted.
 * @nr_final: How often it completed.
 * @nr_notified: Completions with -EINPROGRESS.
 * @notified: How many of these came before the final one.
 * @err: Its final result.
 * @cpu: Where it completed.
 * @done_nr: Position among the completions of its stream.
 * @began: When its submission began, in ticks of its stream.
 * @returned: When its submission returned.
 * @finished: When it completed; without a callback, when it returned.
 * @softirqs_off: The completion ran with softirqs disabled.
 */
struct pt_op {
	struct pt_batch *batch;
	struct pt_tfm *tfm;
	union pt_req req;
	u32 flags;
	struct pt_shape shape;
	struct pt_msg msg;
	struct pt_buf src;
	struct pt_buf dst;
	u8 iv[PT_MAX_IV];
	void (*hook)(struct pt_op *op);
	unsigned int nr;
	int ret;
	atomic_t nr_submitted;
	atomic_t nr_final;
	atomic_t nr_notified;
	int notified;
	int err;
	int cpu;
	unsigned int done_nr;
	unsigned int began;
	unsigned int returned;
	unsigned int finished;
	bool softirqs_off;
};

/**
 * struct pt_batch - requests that are in flight together
 * @tfm: Their transform.
 * @left: Completions to wait for.
 * @in_flight: Submitted and not completed.
 * @window: Bounds the requests in flight where a test wants that.
 * @scratch: For the test thread, as large as the largest message.
 * @max_bytes: Size of that.
 * @nr: Number of requests.
 * @ops: The requests.
 */
struct pt_batch {
	struct pt_tfm *tfm;
	atomic_t left;
	atomic_t in_flight;
	struct semaphore window;
	u8 *scratch;
	unsigned int max_bytes;
	unsigned int nr;
	struct pt_op ops[] __counted_by(nr);
};

/* Either kind */

static inline void *pt_tfm_alloc(enum pt_kind kind, const char *name)
{
	if (kind == PT_AEAD)
		return crypto_alloc_aead(name, 0, 0);
	return crypto_alloc_skcipher(name, 0, 0);
}

static inline void pt_tfm_free(struct pt_tfm *tfm)
{
	void *handle = tfm->handle;

	tfm->handle = NULL;
	if (tfm->kind == PT_AEAD)
		crypto_free_aead(handle);
	else
		crypto_free_skcipher(handle);
}

static inline struct crypto_tfm *pt_base(const struct pt_tfm *tfm)
{
	return tfm->kind == PT_AEAD ? crypto_aead_tfm(tfm->aead) :
				      crypto_skcipher_tfm(tfm->skcipher);
}

static inline int pt_setkey(struct pt_tfm *tfm, const u8 *key, unsigned int keylen)
{
	if (tfm->kind == PT_AEAD)
		return crypto_aead_setkey(tfm->aead, key, keylen);
	return crypto_skcipher_setkey(tfm->skcipher, key, keylen);
}

static inline unsigned int pt_ivsize(const struct pt_tfm *tfm)
{
	return tfm->kind == PT_AEAD ? crypto_aead_ivsize(tfm->aead) :
				      crypto_skcipher_ivsize(tfm->skcipher);
}

static inline unsigned int pt_taglen(const struct pt_tfm *tfm)
{
	return tfm->kind == PT_AEAD ? crypto_aead_authsize(tfm->aead) : 0;
}

static inline unsigned int pt_reqsize(const struct pt_tfm *tfm)
{
	if (tfm->kind == PT_AEAD)
		return sizeof(struct aead_request) + crypto_aead_reqsize(tfm->aead);
	return sizeof(struct skcipher_request) + crypto_skcipher_reqsize(tfm->skcipher);
}

static inline union pt_req pt_req_alloc(const struct pt_tfm *tfm)
{
	union pt_req req;

	if (tfm->kind == PT_AEAD)
		req.aead = aead_request_alloc(tfm->aead, GFP_KERNEL);
	else
		req.skcipher = skcipher_request_alloc(tfm->skcipher, GFP_KERNEL);
	return req;
}

static inline struct crypto_async_request *pt_req_base(const struct pt_tfm *tfm, union pt_req req)
{
	return tfm->kind == PT_AEAD ? &req.aead->base : &req.skcipher->base;
}

static inline void pt_req_set_callback(const struct pt_tfm *tfm, union pt_req req, u32 flags,
				       crypto_completion_t done, void *data)
{
	if (tfm->kind == PT_AEAD)
		aead_request_set_callback(req.aead, flags, done, data);
	else
		skcipher_request_set_callback(req.skcipher, flags, done, data);
}

/* @len as the crypto API counts it, that is without the associated data. */
static inline void pt_req_set(const struct pt_tfm *tfm, union pt_req req, struct scatterlist *src,
			      struct scatterlist *dst, unsigned int assoclen, unsigned int len,
			      u8 *iv)
{
	if (tfm->kind == PT_AEAD) {
		aead_request_set_ad(req.aead, assoclen);
		aead_request_set_crypt(req.aead, src, dst, len, iv);
	} else {
		skcipher_request_set_crypt(req.skcipher, src, dst, len, iv);
	}
}

static inline int pt_req_crypt(const struct pt_tfm *tfm, union pt_req req, bool encrypt)
{
	if (tfm->kind == PT_AEAD)
		return encrypt ? crypto_aead_encrypt(req.aead) : crypto_aead_decrypt(req.aead);
	return encrypt ? crypto_skcipher_encrypt(req.skcipher) :
			 crypto_skcipher_decrypt(req.skcipher);
}

/* Transforms */

static inline void pt_tfm_release(void *data)
{
	struct pt_tfm *tfm = data;

	if (tfm->lost)
		return;
	pt_tfm_free(tfm);
	kfree(tfm);
}

static inline struct pt_tfm *pt_open_as(struct kunit *test, enum pt_kind kind, const char *name)
{
	struct pt_tfm *tfm = kzalloc(sizeof(*tfm), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, tfm);
	tfm->kind = kind;
	tfm->handle = pt_tfm_alloc(kind, name);
	err = PTR_ERR_OR_ZERO(tfm->handle);
	if (err)
		kfree(tfm);
	KUNIT_ASSERT_EQ_MSG(test, 0, err, "opening %s", name);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, pt_tfm_release, tfm));
	return tfm;
}

static inline struct pt_tfm *pt_open(struct kunit *test, const char *name)
{
	return pt_open_as(test, PT_AEAD, name);
}

/* The name pcrypt(@child), however long. */
static inline const char *pt_pcrypt_name(struct kunit *test, const char *child)
{
	size_t size = strlen(child) + sizeof("pcrypt()");
	char *name = kunit_kmalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, name);
	snprintf(name, size, "pcrypt(%s)", child);
	return name;
}

static inline struct pt_tfm *pt_open_pcrypt_as(struct kunit *test, enum pt_kind kind,
					       const char *child)
{
	return pt_open_as(test, kind, pt_pcrypt_name(test, child));
}

static inline struct pt_tfm *pt_open_pcrypt(struct kunit *test, const char *child)
{
	return pt_open_pcrypt_as(test, PT_AEAD, child);
}

static inline const char *pt_driver_name(const struct pt_tfm *tfm)
{
	return tfm->handle ? crypto_tfm_alg_driver_name(pt_base(tfm)) : "a freed transform";
}

/* Algorithms made by a test */

static inline bool pt_is_unused(struct crypto_alg *alg)
{
	unsigned int refs;

	/* A transform that was freed in some other context may still be going. */
	if (!read_poll_timeout(refcount_read, refs, refs == 1, 1000, 10 * USEC_PER_SEC,
			       false, &alg->cra_refcnt))
		return true;
	pr_err("%s has %u users left, not unregistered\n", alg->cra_driver_name, refs);
	return false;
}

static inline void pt_child_release(void *data)
{
	struct aead_alg *alg = data;

	if (pt_is_unused(&alg->base))
		crypto_unregister_aead(alg);
}

static inline void pt_child_register(struct kunit *test, struct aead_alg *alg)
{
	KUNIT_ASSERT_EQ(test, 0, crypto_register_aead(alg));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, pt_child_release, alg));
}

/* Files of pcrypt, restored when the test ends */

static inline void pt_write_file(struct kunit *test, const char *path, const char *text)
{
	KUNIT_ASSERT_EQ_MSG(test, test_write_file(path, text), strlen(text), "writing %s to %s",
			    text, path);
}

/**
 * struct pt_saved - a file and its saved contents
 * @test: For messages.
 * @path: The file.
 * @text: What was in it.
 */
struct pt_saved {
	struct kunit *test;
	const char *path;
	char text[256];
};

static inline void pt_restore_file(void *data)
{
	struct pt_saved *saved = data;

	pt_write_file(saved->test, saved->path, saved->text);
}

static inline struct pt_saved *pt_save_file(struct kunit *test, const char *path)
{
	struct pt_saved *saved = kunit_kzalloc(test, sizeof(*saved), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, saved);
	saved->test = test;
	saved->path = path;
	KUNIT_ASSERT_GT(test, test_read_file(path, saved->text, sizeof(saved->text)), 0);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, pt_restore_file, saved));
	return saved;
}

/* The mode of streams: each request a job of padata, or as the rule decides */

#define PT_MODE_FILE	"/sys/module/pcrypt_mod/parameters/mode"

/* For &kunit_suite.suite_init: most cases are about jobs of padata. */
static inline int pt_suite_init(struct kunit_suite *suite)
{
	int err = test_root_get(suite);

	if (err)
		return err;
	err = test_write_file(PT_MODE_FILE, "parallel");
	if (err < 0)
		test_root_put(suite);
	return min(err, 0);
}

static inline void pt_suite_exit(struct kunit_suite *suite)
{
	if (test_write_file(PT_MODE_FILE, "auto") < 0)
		pr_err("the mode stays parallel\n");
	test_root_put(suite);
}

/* From now on, until the test ends. */
static inline void pt_set_mode(struct kunit *test, const char *mode)
{
	pt_save_file(test, PT_MODE_FILE);
	pt_write_file(test, PT_MODE_FILE, mode);
}

static inline void pt_allow_direct(struct kunit *test)
{
	pt_set_mode(test, "auto");
}

/* Buffers */

static inline unsigned int pt_max_sg(unsigned int max_bytes)
{
	/* Pieces of 1, 3, 5, ... bytes: n of them hold n * n bytes. */
	return int_sqrt(max_bytes) + 2;
}

static inline int pt_buf_alloc(struct pt_buf *buf, unsigned int max_bytes)
{
	unsigned int nr_sg = pt_max_sg(max_bytes);

	/* A power of two, so that kmalloc() aligns it to pages from a page on. */
	buf->size = roundup_pow_of_two(max_bytes + nr_sg + 2 * PT_GUARD_LEN);
	buf->mem = kmalloc(buf->size, GFP_KERNEL);
	buf->sg = kmalloc_array(nr_sg, sizeof(*buf->sg), GFP_KERNEL);
	return buf->mem && buf->sg ? 0 : -ENOMEM;
}

static inline void pt_buf_free(struct pt_buf *buf)
{
	kfree(buf->mem);
	kfree(buf->sg);
}

static inline unsigned int pt_piece(enum pt_split split, const struct pt_msg *msg,
				    unsigned int i, unsigned int at)
{
	unsigned int text_end = msg->assoclen + msg->len;

	if (split == PT_WHOLE)
		return UINT_MAX;
	if (split == PT_ODD)
		return 2 * i + 1;
	if (at < msg->assoclen)
		return msg->assoclen - at;
	return at < text_end ? text_end - at : UINT_MAX;
}

/* Pieces for @len bytes, a guard byte between each two. */
static inline void pt_buf_lay(struct pt_buf *buf, const struct pt_msg *msg,
			      unsigned int len, const struct pt_shape *shape)
{
	u8 *mem = buf->mem + (shape->exact ? 0 : PT_GUARD_LEN + shape->offset);
	unsigned int i = 0, at = 0, piece;

	memset(buf->mem, PT_GUARD, buf->size);
	sg_init_table(buf->sg, pt_max_sg(len));
	while (at < len) {
		piece = min(pt_piece(shape->split, msg, i, at), len - at);
		sg_set_buf(&buf->sg[i++], mem, piece);
		mem += piece + 1;
		at += piece;
	}
	/* No message at all: a byte that may not be accessed. */
	if (!i)
		sg_set_buf(&buf->sg[i++], mem, 1);
	sg_mark_end(&buf->sg[i - 1]);
	buf->nr_sg = i;
	buf->laid = len;
}

static inline bool pt_buf_holds(struct pt_buf *buf, const u8 *want, unsigned int len,
				u8 *scratch)
{
	sg_copy_to_buffer(buf->sg, buf->nr_sg, scratch, len);
	return !memcmp(scratch, want, len);
}

/* Destroys the message: afterwards all must be guard bytes. */
static inline bool pt_buf_guarded(struct pt_buf *buf, u8 *scratch)
{
	memset(scratch, PT_GUARD, buf->laid);
	sg_copy_from_buffer(buf->sg, buf->nr_sg, scratch, buf->laid);
	return !memchr_inv(buf->mem, PT_GUARD, buf->size);
}

/* Ops */

static inline unsigned int pt_msg_bytes(const struct pt_msg *msg, bool with_tag)
{
	return msg->assoclen + msg->len + (with_tag ? msg->taglen : 0);
}

static inline const u8 *pt_op_input(const struct pt_op *op)
{
	return op->shape.encrypt ? op->msg.text : op->msg.cipher;
}

static inline const u8 *pt_op_output(const struct pt_op *op)
{
	return op->shape.encrypt ? op->msg.cipher : op->msg.text;
}

static inline unsigned int pt_tick(struct pt_stream *stream)
{
	return atomic_inc_return(&stream->ticks);
}

/* Counts a result, unless the op has had as many as it was submitted. */
static inline void pt_op_finish(struct pt_op *op, int err, unsigned int tick)
{
	struct pt_stream *stream = &op->tfm->stream[op->shape.encrypt];
	struct pt_batch *batch = op->batch;

	if (atomic_inc_return(&op->nr_final) > atomic_read(&op->nr_submitted))
		return;
	if (atomic_inc_return(&stream->running) != 1)
		WRITE_ONCE(stream->overlapped, true);
	op->finished = tick;
	op->err = err;
	op->notified = atomic_read(&op->nr_notified);
	op->cpu = raw_smp_processor_id();
	op->done_nr = atomic_inc_return(&stream->nr_done) - 1;
	op->softirqs_off = in_softirq();
	if (op->hook)
		op->hook(op);
	atomic_dec(&stream->running);
	up(&batch->window);
	if (atomic_dec_and_test(&batch->left))
		wake_up_var(&batch->left);
	/* From here on nothing of the batch or its transform may be touched. */
	if (atomic_dec_and_test(&batch->in_flight))
		wake_up_var(&batch->in_flight);
}

static inline void pt_op_done(compat_completion_arg arg, int err)
{
	struct pt_op *op = compat_completion_data(arg);

	if (err != -EINPROGRESS) {
		pt_op_finish(op, err, pt_tick(&op->tfm->stream[op->shape.encrypt]));
		return;
	}
	/* Also the barrier that wake_up_var() wants. */
	atomic_inc_return(&op->nr_notified);
	wake_up_var(&op->nr_notified);
}

/* Makes the request ready; op->msg and op->flags are set. */
static inline void pt_op_prepare(struct pt_op *op, const struct pt_shape *shape)
{
	const struct pt_msg *msg = &op->msg;
	struct scatterlist *dst = op->src.sg;
	unsigned int in_len;

	op->shape = *shape;
	in_len = pt_msg_bytes(msg, !shape->encrypt);
	pt_buf_lay(&op->src, msg, pt_msg_bytes(msg, shape->in_place || !shape->encrypt), shape);
	sg_copy_from_buffer(op->src.sg, op->src.nr_sg, pt_op_input(op), in_len);
	if (!shape->in_place) {
		/* Ciphers may copy the associated data or leave them alone. */
		pt_buf_lay(&op->dst, msg, pt_msg_bytes(msg, shape->encrypt), shape);
		sg_copy_from_buffer(op->dst.sg, op->dst.nr_sg, msg->text, msg->assoclen);
		dst = op->dst.sg;
	}
	memcpy(op->iv, msg->iv, sizeof(op->iv));
	pt_req_set_callback(op->tfm, op->req, op->flags, pt_op_done, op);
	pt_req_set(op->tfm, op->req, op->src.sg, dst, msg->assoclen, in_len - msg->assoclen,
		   op->iv);
}

/* Any context that may call crypto_aead_encrypt() or crypto_skcipher_encrypt(). */
static inline void pt_op_submit(struct pt_op *op)
{
	struct pt_stream *stream = &op->tfm->stream[op->shape.encrypt];
	bool backlog = op->flags & CRYPTO_TFM_REQ_MAY_BACKLOG;
	int ret;

	op->nr = atomic_inc_return(&stream->nr_sent) - 1;
	atomic_inc(&op->nr_submitted);
	atomic_inc(&op->batch->in_flight);
	op->began = pt_tick(stream);
	ret = pt_req_crypt(op->tfm, op->req, op->shape.encrypt);
	WRITE_ONCE(op->returned, pt_tick(stream));
	WRITE_ONCE(op->ret, ret);
	if (ret == -EINPROGRESS || (ret == -EBUSY && backlog))
		return;
	pt_op_finish(op, ret, op->returned);
}

/* Return the fault of a result that should be right, or NULL.  Call it once. */
static inline const char *pt_op_wrong(struct pt_op *op)
{
	struct pt_buf *out = op->shape.in_place ? &op->src : &op->dst;
	unsigned int in_len = pt_msg_bytes(&op->msg, !op->shape.encrypt);
	unsigned int out_len = pt_msg_bytes(&op->msg, op->shape.encrypt);
	u8 *scratch = op->batch->scratch;

	if (op->err)
		return "it failed";
	if (!pt_buf_holds(out, pt_op_output(op), out_len, scratch))
		return "the result differs";
	if (!op->shape.in_place && !pt_buf_holds(&op->src, pt_op_input(op), in_len, scratch))
		return "the source was changed";
	if (!pt_buf_guarded(&op->src, scratch))
		return "memory next to the source was changed";
	if (!op->shape.in_place && !pt_buf_guarded(&op->dst, scratch))
		return "memory next to the destination was changed";
	if (op->tfm->kind == PT_SKCIPHER &&
	    memcmp(op->iv, op->msg.next_iv[op->shape.encrypt], sizeof(op->iv)))
		return "the next IV differs";
	return NULL;
}

/* Batches */

static inline int pt_op_alloc(struct pt_op *op, struct pt_batch *batch)
{
	unsigned int max_bytes = batch->max_bytes;

	op->batch = batch;
	op->tfm = batch->tfm;
	op->req = pt_req_alloc(op->tfm);
	op->msg.text = kzalloc(max_bytes, GFP_KERNEL);
	op->msg.cipher = kzalloc(max_bytes, GFP_KERNEL);
	if (!op->req.mem || !op->msg.text || !op->msg.cipher)
		return -ENOMEM;
	return pt_buf_alloc(&op->src, max_bytes) ?: pt_buf_alloc(&op->dst, max_bytes);
}

static inline void pt_op_free(struct pt_op *op)
{
	kfree_sensitive(op->req.mem);
	kfree(op->msg.text);
	kfree(op->msg.cipher);
	pt_buf_free(&op->src);
	pt_buf_free(&op->dst);
}

static inline void pt_batch_release(void *data)
{
	struct pt_batch *batch = data;
	unsigned int i;

	if (!wait_var_event_timeout(&batch->in_flight, !atomic_read(&batch->in_flight),
				    PT_TIMEOUT / 4)) {
		pr_err("%d requests lost, their memory is kept\n",
		       atomic_read(&batch->in_flight));
		batch->tfm->lost = true;
		return;
	}
	for (i = 0; i < batch->nr; i++)
		pt_op_free(&batch->ops[i]);
	kfree(batch->scratch);
	kvfree(batch);
}

static inline struct pt_batch *pt_batch_alloc(struct kunit *test, struct pt_tfm *tfm,
					      unsigned int nr, unsigned int max_bytes)
{
	struct pt_batch *batch = kvzalloc(struct_size(batch, ops, nr), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, batch);
	batch->tfm = tfm;
	batch->nr = nr;
	batch->max_bytes = max_bytes;
	atomic_set(&batch->left, nr);
	sema_init(&batch->window, nr);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, pt_batch_release, batch));
	batch->scratch = kmalloc(max_bytes, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, batch->scratch);
	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_EQ(test, 0, pt_op_alloc(&batch->ops[i], batch));
	return batch;
}

/* Any context; does not look at the window. */
static inline void pt_batch_submit(struct pt_batch *batch)
{
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		pt_op_submit(&batch->ops[i]);
}

static inline void pt_batch_submit_window(struct kunit *test, struct pt_batch *batch,
					  unsigned int window)
{
	unsigned int i;

	sema_init(&batch->window, window);
	for (i = 0; i < batch->nr; i++) {
		KUNIT_ASSERT_EQ(test, 0, down_timeout(&batch->window, PT_TIMEOUT));
		pt_op_submit(&batch->ops[i]);
	}
}

static inline void pt_batch_wait(struct kunit *test, struct pt_batch *batch)
{
	long left = wait_var_event_timeout(&batch->left, atomic_read(&batch->left) <= 0,
					   PT_TIMEOUT);

	KUNIT_ASSERT_NE_MSG(test, 0, left, "%d of %u requests did not complete",
			    atomic_read(&batch->left), batch->nr);
}

static inline void pt_batch_run(struct kunit *test, struct pt_batch *batch)
{
	pt_batch_submit(batch);
	pt_batch_wait(test, batch);
}

/* Each request waits for the one before; @flags are added to its own. */
static inline void pt_batch_run_each(struct kunit *test, struct pt_batch *batch, u32 flags)
{
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		batch->ops[i].flags |= flags;
		pt_req_set_callback(batch->ops[i].tfm, batch->ops[i].req, batch->ops[i].flags,
				    pt_op_done, &batch->ops[i]);
		pt_op_submit(&batch->ops[i]);
		KUNIT_ASSERT_TRUE(test, wait_var_event_timeout(&batch->in_flight,
							       !atomic_read(&batch->in_flight),
							       PT_TIMEOUT));
	}
}

/* As a task does it that waits for each request. */
static inline void pt_batch_run_one_by_one(struct kunit *test, struct pt_batch *batch)
{
	pt_batch_run_each(test, batch, CRYPTO_TFM_REQ_MAY_SLEEP);
}

/* Return how many submissions returned @err, as those do that are done at once. */
static inline unsigned int pt_nr_returned(struct pt_batch *batch, int err)
{
	unsigned int i, nr = 0;

	for (i = 0; i < batch->nr; i++)
		nr += batch->ops[i].ret == err;
	return nr;
}

static inline void pt_op_fail(struct kunit *test, struct pt_op *op, const char *what)
{
	KUNIT_FAIL(test,
		   "%s request %u of %u: %s (%scryption %s, %u + %u + %u bytes, split %d, offset %u; returned %d, completed with %d)",
		   pt_driver_name(op->tfm), (unsigned int)(op - op->batch->ops), op->batch->nr,
		   what, op->shape.encrypt ? "en" : "de",
		   op->shape.in_place ? "in place" : "out of place",
		   op->msg.assoclen, op->msg.len, op->msg.taglen, op->shape.split,
		   op->shape.offset, op->ret, op->err);
}

/* Fails for the first op of the batch in which @wrong finds a fault. */
static inline void pt_expect_each(struct kunit *test, struct pt_batch *batch,
				  const char *(*wrong)(struct pt_op *op))
{
	const char *what;
	unsigned int i;

	for (i = 0; i < batch->nr; i++) {
		what = wrong(&batch->ops[i]);
		if (what) {
			pt_op_fail(test, &batch->ops[i], what);
			return;
		}
	}
}

static inline const char *pt_op_out_of_order(struct pt_op *op)
{
	return op->nr == op->done_nr ? NULL : "out of order";
}

static inline const char *pt_op_not_once(struct pt_op *op)
{
	if (atomic_read(&op->nr_final) != atomic_read(&op->nr_submitted))
		return "completed more than once";
	if (op->ret != -EBUSY && atomic_read(&op->nr_notified))
		return "notified of leaving a backlog that it was not told of";
	return NULL;
}

static inline const char *pt_op_not_async(struct pt_op *op)
{
	return op->ret == -EINPROGRESS ? NULL : "not accepted with -EINPROGRESS";
}

static inline const char *pt_op_softirqs_on(struct pt_op *op)
{
	return op->softirqs_off ? NULL : "completed with softirqs enabled";
}

static inline void pt_expect_in_order(struct kunit *test, struct pt_batch *batch)
{
	pt_expect_each(test, batch, pt_op_out_of_order);
	KUNIT_EXPECT_FALSE(test, batch->tfm->stream[0].overlapped);
	KUNIT_EXPECT_FALSE(test, batch->tfm->stream[1].overlapped);
}

/* Messages */

/**
 * struct pt_env - pcrypt(X) and X, both with the same key
 * @alg: X.
 * @plain: The kernel's own X.
 * @ours: pcrypt(X).
 * @rnd: For keys, messages and choices.
 * @key: The key.
 * @keylen: Bytes of it.
 */
struct pt_env {
	const struct pt_alg *alg;
	struct pt_tfm *plain;
	struct pt_tfm *ours;
	struct rnd_state rnd;
	u8 key[PT_MAX_KEY];
	unsigned int keylen;
};

/* The seed of the parameter, or a new one.  It is printed. */
static inline void pt_seed(struct kunit *test, struct rnd_state *rnd, unsigned long asked)
{
	unsigned long seed = asked ?: get_random_u32();

	kunit_info(test, "seed=%lu\n", seed);
	prandom_seed_state(rnd, seed);
}

/* authenc's key is a netlink attribute with the cipher's key length, then both keys. */
static inline unsigned int pt_make_key(const struct pt_alg *alg, struct rnd_state *rnd, u8 *key)
{
	struct crypto_authenc_key_param param = {
		.enckeylen = cpu_to_be32(alg->keylen),
	};
	struct rtattr header = {
		.rta_len = RTA_LENGTH(sizeof(param)),
		.rta_type = CRYPTO_AUTHENC_KEYA_PARAM,
	};
	unsigned int at = 0;

	if (alg->authkeylen) {
		memcpy(key, &header, sizeof(header));
		memcpy(key + RTA_LENGTH(0), &param, sizeof(param));
		at = RTA_SPACE(sizeof(param));
	}
	prandom_bytes_state(rnd, key + at, alg->authkeylen + alg->keylen);
	return at + alg->authkeylen + alg->keylen;
}

/* A new key for both. */
static inline void pt_env_rekey(struct kunit *test, struct pt_env *env)
{
	env->keylen = pt_make_key(env->alg, &env->rnd, env->key);
	KUNIT_ASSERT_EQ(test, 0, pt_setkey(env->plain, env->key, env->keylen));
	KUNIT_ASSERT_EQ(test, 0, pt_setkey(env->ours, env->key, env->keylen));
}

static inline struct pt_tfm *pt_env_open_another(struct kunit *test, struct pt_env *env)
{
	struct pt_tfm *tfm = pt_open_pcrypt_as(test, env->alg->kind, env->alg->name);

	KUNIT_ASSERT_EQ(test, 0, pt_setkey(tfm, env->key, env->keylen));
	return tfm;
}

static inline struct pt_env *pt_env_open(struct kunit *test, const struct pt_alg *alg,
					 unsigned long seed)
{
	struct pt_env *env = kunit_kzalloc(test, sizeof(*env), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, env);
	env->alg = alg;
	pt_seed(test, &env->rnd, seed);
	env->plain = pt_open_as(test, alg->kind, alg->name);
	env->ours = pt_open_pcrypt_as(test, alg->kind, alg->name);
	/* Else pcrypt would be compared with itself. */
	KUNIT_ASSERT_FALSE(test, strstarts(pt_driver_name(env->plain), "pcrypt("));
	KUNIT_ASSERT_TRUE(test, strstarts(pt_driver_name(env->ours), "pcrypt("));
	pt_env_rekey(test, env);
	return env;
}

/*
 * The plain cipher is not under test, so this waits for it without a limit.  In
 * place, and @iv is left as the cipher leaves it.
 */
static inline int pt_plain_crypt(struct pt_env *env, const struct pt_msg *msg, u8 *mem, u8 *iv,
				 bool encrypt)
{
	union pt_req req = pt_req_alloc(env->plain);
	unsigned int len = pt_msg_bytes(msg, true);
	DECLARE_CRYPTO_WAIT(wait);
	struct scatterlist sg;
	int err;

	if (!req.mem)
		return -ENOMEM;
	/* Without a message there is still memory. */
	sg_init_one(&sg, mem, max(len, 1U));
	pt_req_set_callback(env->plain, req, CRYPTO_TFM_REQ_MAY_BACKLOG, crypto_req_done, &wait);
	pt_req_set(env->plain, req, &sg, &sg, msg->assoclen,
		   msg->len + (encrypt ? 0 : msg->taglen), iv);
	err = crypto_wait_req(pt_req_crypt(env->plain, req, encrypt), &wait);
	kfree_sensitive(req.mem);
	return err;
}

/* Of an skcipher also the IV that it leaves. */
static inline int pt_plain_make(struct pt_env *env, struct pt_msg *msg)
{
	unsigned int len = pt_msg_bytes(msg, true);
	u8 *back;
	int err;

	memcpy(msg->next_iv[1], msg->iv, sizeof(msg->iv));
	memcpy(msg->next_iv[0], msg->iv, sizeof(msg->iv));
	err = pt_plain_crypt(env, msg, msg->cipher, msg->next_iv[1], true);
	if (err || env->alg->kind != PT_SKCIPHER)
		return err;
	back = kmemdup(msg->cipher, max(len, 1U), GFP_KERNEL);
	if (!back)
		return -ENOMEM;
	err = pt_plain_crypt(env, msg, back, msg->next_iv[0], false);
	kfree(back);
	return err;
}

/* A random message of @len bytes, with the @i-th length of associated data. */
static inline void pt_msg_make(struct kunit *test, struct pt_env *env, struct pt_msg *msg,
			       unsigned int len, unsigned int i)
{
	unsigned int ivsize = pt_ivsize(env->plain);

	msg->len = len;
	msg->assoclen = env->alg->assoclen[i % ARRAY_SIZE(env->alg->assoclen)];
	msg->taglen = pt_taglen(env->plain);
	prandom_bytes_state(&env->rnd, msg->iv, sizeof(msg->iv));
	prandom_bytes_state(&env->rnd, msg->text, pt_msg_bytes(msg, false));
	if (env->alg->iv0)
		msg->iv[0] = env->alg->iv0;
	if (env->alg->iv_in_assoc)
		memcpy(msg->text + msg->assoclen - ivsize, msg->iv, ivsize);
	memcpy(msg->cipher, msg->text, pt_msg_bytes(msg, false));
	KUNIT_ASSERT_EQ(test, 0, pt_plain_make(env, msg));
}

#endif /* _PCRYPT_TEST_H */
