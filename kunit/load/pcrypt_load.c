// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt_load: send requests through an AEAD driver, check each result against
 * another driver of the same algorithm, and the order of completion.
 *
 * Needs nothing but a kernel with the crypto API, so that it runs on those of
 * distributions.  All work is done while it is loaded; insmod ends with 0 when
 * all was right, with -EIO when a check failed, and with another error when it
 * could not start.  With requests=0 the driver, which may then be an skcipher, is
 * only made.
 *
 * For each size the reference first makes the expected results, and then does
 * the requests one after the other in this one thread ("plain"); the driver
 * gets the same requests, at most "window" of them in flight ("parallel"); first
 * all to encrypt and then all to decrypt, where each 97th has a wrong tag and
 * must fail in its turn.  Both times include filling and comparing the buffers.
 * With rounds= the reference has as many in flight, and both do a part of the requests
 * by turns: what the machine does meanwhile, it does to both.  "speedup" is the median of
 * the rounds then.  Before each of its parts the driver does half as many that do not
 * count, since it was idle.
 *
 * Loads as gateways have them: many transforms by turns (streams=), requests of three
 * sizes mixed 7:4:1 (mix=), bursts from softirqs (burst=), pauses (pause_us=).
 *
 * Lines for scripts begin with "pcrypt_load: " and consist of key=value.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/aead.h>
#include <crypto/skcipher.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/scatterlist.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "../compat.h"
#include "../../pcrypt/shape.h"
#include "../../pcrypt/window.h"

#define NR_MESSAGES		64
#define NR_MIXED		60
#define MAX_STREAMS		64
#define MAX_ROUNDS		64
#define MAX_SIZE		65536
#define MAX_IV			16
#define WRONG_TAG_EVERY		97

static char *driver = "pcrypt(rfc4106(gcm(aes)))";
module_param(driver, charp, 0444);
MODULE_PARM_DESC(driver, "AEAD to test");

static char *reference = "rfc4106(gcm(aes))";
module_param(reference, charp, 0444);
MODULE_PARM_DESC(reference, "AEAD to compare with; must not be a pcrypt");

static unsigned int requests = 20000;
module_param(requests, uint, 0444);
MODULE_PARM_DESC(requests, "requests per size and direction; 0: only make the driver");

static unsigned int sizes[8] = { 64, 576, 1420 };
static int nr_sizes = 3;
module_param_array(sizes, uint, &nr_sizes, 0444);
MODULE_PARM_DESC(sizes, "bytes of text per request (rounded up to whole blocks)");

static unsigned int window = 256;
module_param(window, uint, 0444);
MODULE_PARM_DESC(window, "requests in flight at most");

static unsigned int timeout = 30;
module_param(timeout, uint, 0444);
MODULE_PARM_DESC(timeout, "seconds without progress after which requests are lost");

static bool check = true;
module_param(check, bool, 0444);
MODULE_PARM_DESC(check, "fill each buffer and compare each result; without, only the requests' time counts");

static unsigned int nr_streams = 1;
module_param_named(streams, nr_streams, uint, 0444);
MODULE_PARM_DESC(streams, "transforms of the driver that requests go to by turns");

static bool mix;
module_param(mix, bool, 0444);
MODULE_PARM_DESC(mix, "three sizes in one run, of twelve requests 7, 4 and 1");

static unsigned int burst;
module_param(burst, uint, 0444);
MODULE_PARM_DESC(burst, "requests that a tasklet submits at a time; 0: the thread submits one by one");

static unsigned int pause_us;
module_param(pause_us, uint, 0444);
MODULE_PARM_DESC(pause_us, "the submitter sleeps so long when all is done after each window; not counted");

static bool apart;
module_param(apart, bool, 0444);
MODULE_PARM_DESC(apart, "with check=0: decrypt from the message to the buffer, so that each tag is right");

static unsigned int rounds = 1;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "more than one: reference and driver do so many parts of the requests by turns, in the same way");

static bool marks;
module_param(marks, bool, 0444);
MODULE_PARM_DESC(marks, "say when each parallel run began and ended, by local_clock()");

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of keys and messages");

/**
 * struct load_message - one of the texts that requests are made of
 * @iv: Its IV.
 * @plain: Associated data and text.
 * @cipher: Associated data, text and tag, by the reference.
 * @sg: Describes @cipher.
 * @len: Bytes of text.
 */
struct load_message {
	u8 iv[MAX_IV];
	unsigned int len;
	u8 *plain;
	u8 *cipher;
	struct scatterlist sg;
};

/**
 * struct load_test - the test of one size
 * @shape: Of the algorithm.
 * @len: Bytes of text, of the longest message.
 * @nr_messages: Their number.
 * @authsize: Bytes of tag.
 * @key: For both drivers.
 * @keylen: Bytes of it.
 * @messages: The texts.
 */
struct load_test {
	const struct shape *shape;
	unsigned int len;
	unsigned int nr_messages;
	unsigned int authsize;
	u8 key[SHAPE_MAX_KEY];
	unsigned int keylen;
	struct load_message messages[NR_MESSAGES];
};

/**
 * struct load_slot - one request in flight
 * @free: In the window.
 * @run: The run.
 * @req: The request.
 * @sg: Describes @buf; requests are done in place.
 * @iv: A copy, since some ciphers write to it.
 * @buf: Associated data, text and tag.
 * @message: What @buf was filled with.
 * @seq: Place in the order of submission.
 * @spoilt: The tag is wrong, so -EBADMSG is expected.
 * @in_flight: 1 until it is completed.
 */
struct load_slot {
	struct llist_node free;
	struct load_run *run;
	struct aead_request *req;
	struct scatterlist sg;
	u8 iv[MAX_IV];
	u8 *buf;
	const struct load_message *message;
	unsigned int seq;
	bool spoilt;
	atomic_t in_flight;
};

/**
 * struct load_run - all requests of one size, in one direction, by one driver
 * @test: Lengths and messages.
 * @tfms: The driver's transforms.
 * @nr_tfms: Their number.
 * @completed_of: Completions per transform.
 * @decrypt: The direction.
 * @slots: As many as the window is wide.
 * @nr_slots: Their number.
 * @seq: The next request.
 * @window: Requests in flight; its completions are the place of the next one in their
 *	order.
 * @out_of_order: Completions at another place than they were submitted at.
 * @wrong: Wrong results.
 * @doubled: Completions of requests that were completed before.
 * @badmsg: Wrong tags that were found.
 * @lost: Requests not completed in time.
 * @on_cpu: Completions per CPU.
 */
struct load_run {
	const struct load_test *test;
	struct crypto_aead *tfms[MAX_STREAMS];
	unsigned int nr_tfms;
	atomic_t completed_of[MAX_STREAMS];
	bool decrypt;
	struct load_slot *slots;
	unsigned int nr_slots;
	unsigned int seq;
	struct window window;
	atomic_t out_of_order;
	atomic_t wrong;
	atomic_t doubled;
	atomic_t badmsg;
	unsigned int lost;
	atomic_t *on_cpu;
};

/* Sums over all runs. */
static struct {
	u64 requests;
	u64 out_of_order;
	u64 wrong;
	u64 lost;
	u64 doubled;
	u64 badmsg;
} total;

static struct rnd_state rnd;

static unsigned int text_end(const struct load_test *test,
			     const struct load_message *message)
{
	return test->shape->assoclen + message->len;
}

static unsigned int message_len(const struct load_test *test,
				const struct load_message *message)
{
	return text_end(test, message) + test->authsize;
}

static unsigned int buf_len(const struct load_test *test)
{
	return test->shape->assoclen + test->len + test->authsize;
}

/*
 * One request, of the driver or of the reference
 */

/* Several requests may read a message at the same time; none writes to it. */
static struct scatterlist *slot_source(struct load_slot *slot)
{
	if (apart && !check && slot->run->decrypt)
		return (struct scatterlist *)&slot->message->sg;
	return &slot->sg;
}

static void slot_fill_buffer(struct load_slot *slot)
{
	const struct load_message *message = slot->message;
	const struct load_test *test = slot->run->test;

	if (slot->run->decrypt)
		memcpy(slot->buf, message->cipher, message_len(test, message));
	else
		memcpy(slot->buf, message->plain, text_end(test, message));
	if (slot->spoilt)
		slot->buf[message_len(test, message) - 1] ^= 1;
}

static void slot_fill(struct load_slot *slot, unsigned int seq)
{
	const struct load_run *run = slot->run;
	const struct load_test *test = run->test;
	const struct load_message *message = &test->messages[seq % test->nr_messages];
	unsigned int len = message->len + (run->decrypt ? test->authsize : 0);

	slot->seq = seq;
	slot->message = message;
	slot->spoilt = check && run->decrypt &&
		       seq % WRONG_TAG_EVERY == WRONG_TAG_EVERY - 1;
	memcpy(slot->iv, message->iv, MAX_IV);
	if (check)
		slot_fill_buffer(slot);
	if (run->nr_tfms > 1)
		aead_request_set_tfm(slot->req, run->tfms[seq % run->nr_tfms]);
	aead_request_set_ad(slot->req, test->shape->assoclen);
	aead_request_set_crypt(slot->req, slot_source(slot), &slot->sg, len,
			       slot->iv);
}

static bool slot_is_right(const struct load_slot *slot, int err)
{
	const struct load_test *test = slot->run->test;
	const struct load_message *message = slot->message;

	/* A buffer that is decrypted in place, and again, has no right tag. */
	if (!check)
		return !err || (slot->run->decrypt && !apart && err == -EBADMSG);
	if (slot->spoilt)
		return err == -EBADMSG;
	if (err)
		return false;
	if (slot->run->decrypt)
		return !memcmp(slot->buf, message->plain, text_end(test, message));
	return !memcmp(slot->buf, message->cipher, message_len(test, message));
}

static int slot_start(struct load_slot *slot)
{
	if (slot->run->decrypt)
		return crypto_aead_decrypt(slot->req);
	return crypto_aead_encrypt(slot->req);
}

/*
 * The driver's completions
 */

/* The order is that of each transform. */
static bool slot_in_turn(const struct load_slot *slot)
{
	struct load_run *run = slot->run;
	unsigned int place = atomic_fetch_inc(&run->window.completed);
	unsigned int of = slot->seq % run->nr_tfms;

	if (run->nr_tfms == 1)
		return slot->seq == place;
	place = atomic_fetch_inc(&run->completed_of[of]);
	return slot->seq == place * run->nr_tfms + of;
}

static void slot_check(struct load_slot *slot, int err)
{
	struct load_run *run = slot->run;

	if (!slot_in_turn(slot))
		atomic_inc(&run->out_of_order);
	if (!slot_is_right(slot, err))
		atomic_inc(&run->wrong);
	else if (slot->spoilt)
		atomic_inc(&run->badmsg);
	atomic_inc(&run->on_cpu[raw_smp_processor_id()]);
}

static void slot_done(struct load_slot *slot, int err)
{
	struct load_run *run = slot->run;

	if (!atomic_xchg(&slot->in_flight, 0)) {
		atomic_inc(&run->doubled);
		return;
	}
	slot_check(slot, err);
	window_give(&run->window, &slot->free);
}

static void load_done(compat_completion_arg arg, int err)
{
	if (err != -EINPROGRESS)
		slot_done(compat_completion_data(arg), err);
}

/*
 * A run
 */

/* Until no more than @left are in flight, for as long as there is progress. */
static bool wait_for(struct load_run *run, unsigned int left)
{
	return window_wait(&run->window, left, timeout);
}

static void slot_submit(struct load_slot *slot, unsigned int seq)
{
	int err;

	slot_fill(slot, seq);
	atomic_set(&slot->in_flight, 1);
	atomic_inc(&slot->run->window.in_flight);
	err = slot_start(slot);
	/* Accepted; with MAY_BACKLOG, -EBUSY is that, too. */
	if (err == -EINPROGRESS || err == -EBUSY)
		return;
	slot_done(slot, err);
}

/**
 * struct load_submitter - a thread that submits the requests of a run, or a part of them
 * @run: The run.
 * @end: The request behind the last.
 * @tasklet: Submits a burst.
 * @paused_ns: Slept between windows.
 */
struct load_submitter {
	struct load_run *run;
	unsigned int end;
	struct tasklet_struct tasklet;
	u64 paused_ns;
};

/* Return true if there was a slot. */
static bool submit_next(struct load_submitter *sub)
{
	struct llist_node *slot = window_take(&sub->run->window);

	if (slot)
		slot_submit(llist_entry(slot, struct load_slot, free), sub->run->seq++);
	return slot;
}

static void submit_burst(struct tasklet_struct *tasklet)
{
	struct load_submitter *sub = container_of(tasklet, struct load_submitter,
						  tasklet);
	unsigned int n = min(burst, sub->end - sub->run->seq);

	while (n-- && submit_next(sub))
		;
}

/* As an interrupt would: the tasklet runs when softirqs are enabled. */
static bool submit_in_softirq(struct load_submitter *sub)
{
	if (!wait_for(sub->run, window - min(window, burst)))
		return false;
	local_bh_disable();
	tasklet_schedule(&sub->tasklet);
	local_bh_enable();
	/* Unless ksoftirqd has to. */
	cond_resched();
	return true;
}

static bool submit_pause(struct load_submitter *sub)
{
	u64 start;

	if (!wait_for(sub->run, 0))
		return false;
	start = ktime_get_ns();
	usleep_range(pause_us, pause_us + 1);
	sub->paused_ns += ktime_get_ns() - start;
	return true;
}

/* Return false if requests are lost. */
static bool submit_some(struct load_submitter *sub)
{
	if (pause_us && sub->run->seq && !(sub->run->seq % window) && !submit_pause(sub))
		return false;
	if (burst)
		return submit_in_softirq(sub);
	return submit_next(sub) || wait_for(sub->run, window / 2);
}

static void report_marks(const struct load_run *run, u64 begin)
{
	pr_info("mark size=%u direction=%s requests=%u begin_ns=%llu end_ns=%llu\n",
		run->test->len, run->decrypt ? "decrypt" : "encrypt", requests,
		begin, local_clock());
}

/* The next @nr requests.  Return the nanoseconds that it took, less those of pauses. */
static u64 run_part(struct load_run *run, unsigned int nr)
{
	struct load_submitter sub = { .run = run, .end = run->seq + nr };
	u64 begin = local_clock();
	u64 start = ktime_get_ns();

	tasklet_setup(&sub.tasklet, submit_burst);
	while (run->seq < sub.end && !fatal_signal_pending(current))
		if (!submit_some(&sub))
			break;
	tasklet_kill(&sub.tasklet);
	if (!wait_for(run, 0))
		run->lost = atomic_read(&run->window.in_flight);
	run->lost += sub.end - run->seq;
	start = ktime_get_ns() - start - sub.paused_ns;
	if (marks)
		report_marks(run, begin);
	return start;
}

/* The same of all requests, one after the other. */
static u64 run_plain(struct load_run *run)
{
	struct load_slot *slot = run->slots;
	u64 start = ktime_get_ns();
	DECLARE_CRYPTO_WAIT(wait);
	unsigned int seq;
	int err;

	aead_request_set_callback(slot->req, CRYPTO_TFM_REQ_MAY_BACKLOG,
				  crypto_req_done, &wait);
	for (seq = 0; seq < requests; seq++) {
		slot_fill(slot, seq);
		err = crypto_wait_req(slot_start(slot), &wait);
		if (!slot_is_right(slot, err))
			atomic_inc(&run->wrong);
		cond_resched();
	}
	return ktime_get_ns() - start;
}

static void run_free(struct load_run *run)
{
	unsigned int i;

	/* Lost ones get another chance: memory must not be freed under them. */
	if (!wait_for(run, 0)) {
		pr_err("the memory of lost requests is given up\n");
		return;
	}
	/* The last completion may have yet to return from slot_done(). */
	synchronize_rcu();
	for (i = 0; run->slots && i < run->nr_slots; i++) {
		aead_request_free(run->slots[i].req);
		kfree(run->slots[i].buf);
	}
	kvfree(run->slots);
	kfree(run->on_cpu);
	for (i = 0; i < run->nr_tfms; i++)
		crypto_free_aead(run->tfms[i]);
	kfree(run);
}

static int slot_init(struct load_slot *slot, struct load_run *run)
{
	unsigned int len = buf_len(run->test);

	slot->run = run;
	slot->req = aead_request_alloc(run->tfms[0], GFP_KERNEL);
	slot->buf = kmalloc(len, GFP_KERNEL);
	if (!slot->req || !slot->buf)
		return -ENOMEM;
	sg_init_one(&slot->sg, slot->buf, len);
	aead_request_set_callback(slot->req, CRYPTO_TFM_REQ_MAY_BACKLOG,
				  load_done, slot);
	llist_add(&slot->free, &run->window.free);
	return 0;
}

static int run_add_tfm(struct load_run *run, const char *name)
{
	struct crypto_aead *tfm = crypto_alloc_aead(name, 0, 0);

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	run->tfms[run->nr_tfms++] = tfm;
	return crypto_aead_setkey(tfm, run->test->key, run->test->keylen);
}

static int run_init(struct load_run *run, const char *name, unsigned int nr_tfms)
{
	unsigned int i;
	int err = 0;

	while (run->nr_tfms < nr_tfms && !err)
		err = run_add_tfm(run, name);
	if (err)
		return err;
	run->on_cpu = kcalloc(nr_cpu_ids, sizeof(*run->on_cpu), GFP_KERNEL);
	run->slots = kvcalloc(run->nr_slots, sizeof(*run->slots), GFP_KERNEL);
	if (!run->on_cpu || !run->slots)
		return -ENOMEM;
	for (i = 0; i < run->nr_slots; i++) {
		err = slot_init(&run->slots[i], run);
		if (err)
			return err;
	}
	return 0;
}

static struct load_run *run_alloc(const struct load_test *test, bool decrypt,
				  const char *name, unsigned int nr_slots,
				  unsigned int nr_tfms)
{
	struct load_run *run = kzalloc(sizeof(*run), GFP_KERNEL);
	int err;

	if (!run)
		return ERR_PTR(-ENOMEM);
	run->test = test;
	run->decrypt = decrypt;
	run->nr_slots = nr_slots;
	window_init(&run->window, nr_slots);
	err = run_init(run, name, nr_tfms);
	if (!err)
		return run;
	pr_err("error=%d driver=%s\n", err, name);
	run_free(run);
	return ERR_PTR(err);
}

/*
 * Results
 */

/* As "3,0,20000,1", in memory that the caller frees. */
static char *per_cpu_list(const struct load_run *run)
{
	size_t size = num_possible_cpus() * 12 + 1;
	char *list = kzalloc(size, GFP_KERNEL);
	size_t len = 0;
	int cpu;

	if (!list)
		return NULL;
	for_each_possible_cpu(cpu)
		len += scnprintf(list + len, size - len, "%s%d", len ? "," : "",
				 atomic_read(&run->on_cpu[cpu]));
	return list;
}

/**
 * struct load_times - what a driver and the reference took
 * @nr: Requests of each.
 * @plain_ns: The reference.
 * @ns: The driver.
 * @rate: Of the driver, that of the reference being 10,000.
 */
struct load_times {
	unsigned int nr;
	u64 plain_ns;
	u64 ns;
	unsigned int rate;
};

static u64 per_second(unsigned int nr, u64 ns)
{
	return div64_u64((u64)nr * NSEC_PER_SEC, ns ?: 1);
}

/* The loads of gateways, where one is asked for; the lines of others are as before. */
static const char *load_words(void)
{
	static char words[80];

	if (nr_streams > 1 || mix || burst || pause_us)
		snprintf(words, sizeof(words), " streams=%u mix=%d burst=%u pause_us=%u",
			 nr_streams, mix, burst, pause_us);
	return words;
}

static void report(struct load_run *plain, struct load_run *run, const struct load_times *times)
{
	const char *direction = run->decrypt ? "decrypt" : "encrypt";
	unsigned int wrong = atomic_read(&run->wrong) + atomic_read(&plain->wrong);
	char *on_cpu = per_cpu_list(run);

	pr_info("size=%u%s direction=%s requests=%u plain_per_second=%llu parallel_per_second=%llu speedup=%u.%04u out_of_order=%u wrong=%u lost=%u doubled=%u\n",
		run->test->len, load_words(), direction, times->nr,
		per_second(times->nr, times->plain_ns), per_second(times->nr, times->ns),
		times->rate / 10000, times->rate % 10000,
		atomic_read(&run->out_of_order), wrong, run->lost,
		atomic_read(&run->doubled));
	pr_info("size=%u direction=%s completions_per_cpu=%s\n",
		run->test->len, direction, on_cpu ?: "?");
	kfree(on_cpu);
	total.requests += times->nr;
	total.out_of_order += atomic_read(&run->out_of_order);
	total.wrong += wrong;
	total.lost += run->lost;
	total.doubled += atomic_read(&run->doubled);
	total.badmsg += atomic_read(&run->badmsg);
}

static int verdict(void)
{
	bool failed = total.out_of_order || total.wrong || total.lost ||
		      total.doubled;

	pr_info("result=%s requests=%llu out_of_order=%llu wrong=%llu lost=%llu doubled=%llu badmsg=%llu\n",
		failed ? "failed" : "passed", total.requests,
		total.out_of_order, total.wrong, total.lost, total.doubled,
		total.badmsg);
	return failed ? -EIO : 0;
}

/*
 * A test
 */

/* Of twelve in a row, 7, 4 and 1 of the three sizes, spread. */
static unsigned int mixed_size(unsigned int i)
{
	unsigned int n = i * 5 % 12;

	return sizes[(n >= 7) + (n >= 11)];
}

static int messages_alloc(struct load_test *test)
{
	struct load_message *message;
	int i;

	for (i = 0; i < test->nr_messages; i++) {
		message = &test->messages[i];
		message->len = test->len;
		if (mix)
			message->len = roundup(mixed_size(i), test->shape->block);
		message->plain = kmalloc(buf_len(test), GFP_KERNEL);
		message->cipher = kmalloc(buf_len(test), GFP_KERNEL);
		if (!message->plain || !message->cipher)
			return -ENOMEM;
		sg_init_one(&message->sg, message->cipher, buf_len(test));
		prandom_bytes_state(&rnd, message->plain, buf_len(test));
		prandom_bytes_state(&rnd, message->iv, MAX_IV);
		if (test->shape->iv0)
			message->iv[0] = test->shape->iv0;
	}
	return 0;
}

static void test_free(struct load_test *test)
{
	int i;

	for (i = 0; i < test->nr_messages; i++) {
		kfree(test->messages[i].plain);
		kfree(test->messages[i].cipher);
	}
	kfree(test);
}

/* The reference makes the expected results of the requests. */
static int make_ciphers(struct load_test *test)
{
	struct load_run *run = run_alloc(test, false, reference, 1, 1);
	DECLARE_CRYPTO_WAIT(wait);
	struct load_slot *slot;
	int err = 0;
	int i;

	if (IS_ERR(run))
		return PTR_ERR(run);
	slot = &run->slots[0];
	aead_request_set_callback(slot->req, CRYPTO_TFM_REQ_MAY_BACKLOG,
				  crypto_req_done, &wait);
	for (i = 0; i < test->nr_messages && !err; i++) {
		slot_fill(slot, i);
		err = crypto_wait_req(slot_start(slot), &wait);
		memcpy(test->messages[i].cipher, slot->buf,
		       message_len(test, &test->messages[i]));
	}
	run_free(run);
	return err;
}

static unsigned int rate_of(u64 plain_ns, u64 ns)
{
	return div64_u64(plain_ns * 10000 + ns / 2, ns ?: 1);
}

static void test_once(struct load_run *plain, struct load_run *run, struct load_times *times)
{
	times->nr = requests;
	times->plain_ns = run_plain(plain);
	times->ns = run_part(run, requests);
	times->rate = rate_of(times->plain_ns, times->ns);
}

static int compare_uints(const void *a, const void *b)
{
	unsigned int l = *(const unsigned int *)a, r = *(const unsigned int *)b;

	return l < r ? -1 : l > r;
}

static void test_by_turns(struct load_run *plain, struct load_run *run, struct load_times *times)
{
	static unsigned int rate[MAX_ROUNDS];
	unsigned int i, nr = requests / rounds;
	u64 plain_ns, ns;

	for (i = 0; i < rounds; i++) {
		plain_ns = run_part(plain, nr);
		if (plain->lost)
			break;
		run_part(run, nr / 2 + 1);
		if (run->lost)
			break;
		ns = run_part(run, nr);
		if (run->lost)
			break;
		rate[i] = rate_of(plain_ns, ns);
		times->nr += nr;
		times->plain_ns += plain_ns;
		times->ns += ns;
	}
	if (i) {
		sort(rate, i, sizeof(rate[0]), compare_uints, NULL);
		times->rate = (rate[(i - 1) / 2] + rate[i / 2] + 1) / 2;
	}
	run->lost += plain->lost;
	atomic_add(atomic_read(&plain->out_of_order), &run->out_of_order);
	atomic_add(atomic_read(&plain->doubled), &run->doubled);
}

static int test_direction(const struct load_test *test, bool decrypt)
{
	unsigned int nr_slots = rounds > 1 ? window : 1, nr_tfms = rounds > 1 ? nr_streams : 1;
	struct load_times times = { };
	struct load_run *plain, *run;

	plain = run_alloc(test, decrypt, reference, nr_slots, nr_tfms);
	if (IS_ERR(plain))
		return PTR_ERR(plain);
	run = run_alloc(test, decrypt, driver, window, nr_streams);
	if (IS_ERR(run)) {
		run_free(plain);
		return PTR_ERR(run);
	}
	if (rounds > 1)
		test_by_turns(plain, run, &times);
	else
		test_once(plain, run, &times);
	report(plain, run, &times);
	run_free(run);
	run_free(plain);
	return 0;
}

static int test_size(const struct shape *shape, unsigned int authsize,
		     unsigned int size)
{
	struct load_test *test = kzalloc(sizeof(*test), GFP_KERNEL);
	int err;

	if (!test)
		return -ENOMEM;
	test->shape = shape;
	test->authsize = authsize;
	test->len = roundup(size, shape->block);
	test->nr_messages = mix ? NR_MIXED : NR_MESSAGES;
	test->keylen = shape_make_key(shape, test->key, &rnd);
	err = messages_alloc(test);
	if (!err)
		err = make_ciphers(test);
	if (!err)
		err = test_direction(test, false);
	if (!err)
		err = test_direction(test, true);
	test_free(test);
	return err;
}

/* Both drivers do the same, and the reference is no pcrypt. */
static int check_drivers(struct crypto_aead *ref, struct crypto_aead *drv)
{
	const char *alg = crypto_tfm_alg_name(crypto_aead_tfm(ref));
	const char *name = crypto_tfm_alg_driver_name(crypto_aead_tfm(ref));

	pr_info("driver=%s reference=%s algorithm=%s seed=%lu window=%u\n",
		crypto_tfm_alg_driver_name(crypto_aead_tfm(drv)), name, alg,
		seed, window);
	if (strstr(name, "pcrypt(")) {
		pr_err("the reference is a pcrypt; name its driver\n");
		return -EINVAL;
	}
	if (strcmp(alg, crypto_tfm_alg_name(crypto_aead_tfm(drv)))) {
		pr_err("driver and reference differ in their algorithm\n");
		return -EINVAL;
	}
	if (!shape_find(alg)) {
		pr_err("no idea of the keys of %s\n", alg);
		return -EINVAL;
	}
	return 0;
}

static int run_tests(struct crypto_aead *ref)
{
	const char *alg = crypto_tfm_alg_name(crypto_aead_tfm(ref));
	int err = 0;
	int i;

	prandom_seed_state(&rnd, seed);
	if (mix)
		err = test_size(shape_find(alg), crypto_aead_authsize(ref),
				max3(sizes[0], sizes[1], sizes[2]));
	for (i = 0; i < nr_sizes && !err && !mix; i++)
		err = test_size(shape_find(alg), crypto_aead_authsize(ref),
				sizes[i]);
	return err ?: verdict();
}

static bool parameters_are_right(void)
{
	int i;

	for (i = 0; i < nr_sizes; i++)
		if (sizes[i] > MAX_SIZE)
			return false;
	if (!nr_streams || nr_streams > MAX_STREAMS || (mix && nr_sizes != 3))
		return false;
	if (!rounds || rounds > MAX_ROUNDS || (requests && requests < rounds))
		return false;
	return window && window <= 65536 && timeout && timeout <= 3600;
}

/* An AEAD or an skcipher; the transform is not kept. */
static int make_driver(void)
{
	struct crypto_aead *aead = crypto_alloc_aead(driver, 0, 0);
	struct crypto_skcipher *skcipher;
	int err;

	if (!IS_ERR(aead)) {
		crypto_free_aead(aead);
		return 0;
	}
	skcipher = crypto_alloc_skcipher(driver, 0, 0);
	err = PTR_ERR_OR_ZERO(skcipher);
	crypto_free_skcipher(skcipher);
	return err;
}

static int __init pcrypt_load_init(void)
{
	struct crypto_aead *drv, *ref;
	int err;

	if (!parameters_are_right())
		return -EINVAL;
	if (!requests)
		return make_driver();
	drv = crypto_alloc_aead(driver, 0, 0);
	if (IS_ERR(drv)) {
		pr_err("error=%ld driver=%s\n", PTR_ERR(drv), driver);
		return PTR_ERR(drv);
	}
	ref = crypto_alloc_aead(reference, 0, 0);
	err = PTR_ERR_OR_ZERO(ref);
	if (!err)
		err = check_drivers(ref, drv);
	if (!err)
		err = run_tests(ref);
	crypto_free_aead(ref);
	crypto_free_aead(drv);
	return err;
}

static void __exit pcrypt_load_exit(void)
{
}

module_init(pcrypt_load_init);
module_exit(pcrypt_load_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sends requests through an AEAD driver and checks results and order");
