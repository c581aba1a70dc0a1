// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt_measure: the rate of an AEAD or skcipher on this machine, for pcryptctl.
 *
 * /sys/kernel/pcrypt_measure/run takes a line "DRIVER BYTES WINDOW MS": one thread keeps up
 * to WINDOW requests of BYTES each in flight, for MS milliseconds, and encrypts with a
 * transform of its own.  The write returns when that is over; the other files have the
 * result.  A plain driver and a pcrypt run the same loop, so both rates compare.
 *
 * As for any other user, the crypto API makes an algorithm that is not there yet, a
 * pcrypt(NAME) among them, and it stays.  Nothing else is made or changed.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/aead.h>
#include <crypto/skcipher.h>
#include <linux/err.h>
#include <linux/kobject.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "pcrypt/compat.h"
#include "pcrypt/shape.h"
#include "pcrypt/window.h"

#define MAX_BYTES	65536U
#define MAX_WINDOW	4096U
#define MAX_MS		2000U
/* Of all buffers together. */
#define MAX_MEMORY	(64U << 20)
#define MAX_IV		64
/* Room for associated data and tag. */
#define EXTRA_BYTES	128
/* Requests without progress for so long are lost. */
#define LOST_SECONDS	10
/* One of so many requests reads the clock. */
#define LOOK_EVERY	16

/**
 * struct slot - one request
 * @free: In the window.
 * @m: The measurement.
 * @aead: The request, of an AEAD.
 * @skcipher: The same, of an skcipher.
 * @sg: Describes @buf; requests are done in place.
 * @iv: A copy, since some ciphers write to it.
 * @buf: Associated data, text and tag.
 */
struct slot {
	struct llist_node free;
	struct measurement *m;
	union {
		struct aead_request *aead;
		struct skcipher_request *skcipher;
	};
	struct scatterlist sg;
	u8 iv[MAX_IV];
	u8 *buf;
};

/**
 * struct measurement - a call of run
 * @aead: The transform; or NULL.
 * @skcipher: The same, if it is an skcipher.
 * @len: Bytes of text.
 * @assoclen: Bytes of associated data.
 * @iv0: First byte of each IV.
 * @window: Requests in flight.
 * @slots: As many as the window is wide.
 * @failed: Requests that ended with an error.
 * @requests: Counted ones that were completed.
 * @ns: Time that they took.
 */
struct measurement {
	struct crypto_aead *aead;
	struct crypto_skcipher *skcipher;
	unsigned int len;
	unsigned int assoclen;
	u8 iv0;
	struct window window;
	struct slot *slots;
	atomic_t failed;
	u64 requests;
	u64 ns;
};

/* One at a time. */
static DEFINE_MUTEX(measure_mutex);

/* The last one that succeeded, under the lock.  Task context only. */
static DEFINE_SPINLOCK(last_lock);
static char last_driver[CRYPTO_MAX_ALG_NAME];
static u64 last_requests, last_ns;

static struct kobject *measure_kobj;

static void slot_done(struct slot *slot, int err)
{
	if (err)
		atomic_inc(&slot->m->failed);
	atomic_inc(&slot->m->window.completed);
	window_give(&slot->m->window, &slot->free);
}

static void measure_done(compat_completion_arg arg, int err)
{
	if (err != -EINPROGRESS)
		slot_done(compat_completion_data(arg), err);
}

static void slot_send(struct slot *slot)
{
	struct measurement *m = slot->m;
	int err;

	memset(slot->iv, 0, MAX_IV);
	slot->iv[0] = m->iv0;
	atomic_inc(&m->window.in_flight);
	if (m->aead) {
		aead_request_set_crypt(slot->aead, &slot->sg, &slot->sg, m->len, slot->iv);
		err = crypto_aead_encrypt(slot->aead);
	} else {
		skcipher_request_set_crypt(slot->skcipher, &slot->sg, &slot->sg, m->len,
					   slot->iv);
		err = crypto_skcipher_encrypt(slot->skcipher);
	}
	/* Accepted; with MAY_BACKLOG, -EBUSY is that, too. */
	if (err != -EINPROGRESS && err != -EBUSY)
		slot_done(slot, err);
}

static int slot_init(struct slot *slot, struct measurement *m)
{
	const u32 flags = CRYPTO_TFM_REQ_MAY_BACKLOG;
	unsigned int size = m->len + EXTRA_BYTES;

	slot->m = m;
	slot->buf = kzalloc(size, GFP_KERNEL);
	if (!slot->buf)
		return -ENOMEM;
	sg_init_one(&slot->sg, slot->buf, size);
	if (m->aead) {
		slot->aead = aead_request_alloc(m->aead, GFP_KERNEL);
		if (!slot->aead)
			return -ENOMEM;
		aead_request_set_callback(slot->aead, flags, measure_done, slot);
		aead_request_set_ad(slot->aead, m->assoclen);
	} else {
		slot->skcipher = skcipher_request_alloc(m->skcipher, GFP_KERNEL);
		if (!slot->skcipher)
			return -ENOMEM;
		skcipher_request_set_callback(slot->skcipher, flags, measure_done, slot);
	}
	llist_add(&slot->free, &m->window.free);
	return 0;
}

static int measure_open_aead(struct measurement *m)
{
	const char *name = crypto_tfm_alg_name(crypto_aead_tfm(m->aead));
	const struct shape *shape = shape_find(name);
	u8 key[SHAPE_MAX_KEY] __aligned(8) = { 0 };
	struct rnd_state rnd;

	if (!shape || crypto_aead_ivsize(m->aead) > MAX_IV ||
	    shape->assoclen + crypto_aead_authsize(m->aead) > EXTRA_BYTES)
		return -EOPNOTSUPP;
	prandom_seed_state(&rnd, 1);
	m->assoclen = shape->assoclen;
	m->iv0 = shape->iv0;
	m->len = round_up(m->len, shape->block);
	return crypto_aead_setkey(m->aead, key, shape_make_key(shape, key, &rnd));
}

static int measure_open_skcipher(struct measurement *m)
{
	unsigned int len = crypto_skcipher_max_keysize(m->skcipher);
	u8 key[SHAPE_MAX_KEY];
	struct rnd_state rnd;

	if (len > sizeof(key) || crypto_skcipher_ivsize(m->skcipher) > MAX_IV)
		return -EOPNOTSUPP;
	prandom_seed_state(&rnd, 1);
	prandom_bytes_state(&rnd, key, sizeof(key));
	m->len = round_up(m->len, crypto_skcipher_blocksize(m->skcipher));
	return crypto_skcipher_setkey(m->skcipher, key, len);
}

/* Nothing has this name, or what has it is of another kind, or a pcrypt of another kind. */
static bool is_not_there(int err)
{
	return err == -ENOENT || err == -EINVAL || err == -EEXIST;
}

static int measure_open(struct measurement *m, const char *driver)
{
	struct crypto_skcipher *skcipher;
	struct crypto_aead *aead = crypto_alloc_aead(driver, 0, 0);

	if (!IS_ERR(aead)) {
		m->aead = aead;
		return measure_open_aead(m);
	}
	if (!is_not_there(PTR_ERR(aead)))
		return PTR_ERR(aead);
	skcipher = crypto_alloc_skcipher(driver, 0, 0);
	if (IS_ERR(skcipher))
		return PTR_ERR(skcipher);
	m->skcipher = skcipher;
	return measure_open_skcipher(m);
}

static int measure_make_slots(struct measurement *m)
{
	unsigned int i;
	int err = 0;

	m->slots = kvcalloc(m->window.size, sizeof(*m->slots), GFP_KERNEL);
	if (!m->slots)
		return -ENOMEM;
	for (i = 0; i < m->window.size && !err; i++)
		err = slot_init(&m->slots[i], m);
	return err;
}

static void measure_free(struct measurement *m)
{
	unsigned int i;

	/* The last completion may have yet to return from window_give(). */
	synchronize_rcu();
	for (i = 0; m->slots && i < m->window.size; i++) {
		if (m->aead)
			aead_request_free(m->slots[i].aead);
		else
			skcipher_request_free(m->slots[i].skcipher);
		kfree(m->slots[i].buf);
	}
	kvfree(m->slots);
	crypto_free_aead(m->aead);
	crypto_free_skcipher(m->skcipher);
	kfree(m);
}

static bool measure_send_next(struct measurement *m)
{
	struct llist_node *node = window_take(&m->window);

	if (!node)
		return window_wait(&m->window, m->window.size / 2, LOST_SECONDS);
	slot_send(llist_entry(node, struct slot, free));
	return true;
}

/* Keep requests in flight until that time.  Return false if some are lost. */
static bool measure_until(struct measurement *m, u64 end)
{
	unsigned int n = 0;

	while (n++ % LOOK_EVERY || ktime_get_ns() < end) {
		if (!measure_send_next(m))
			return false;
		if (n % LOOK_EVERY)
			continue;
		cond_resched();
		if (fatal_signal_pending(current))
			break;
	}
	return true;
}

/* A quarter of the time passes first: pcrypt chooses a mode, caches and CPUs warm up. */
static int measure_rate(struct measurement *m, unsigned int ms)
{
	u64 begin = ktime_get_ns(), start;
	bool all;
	int first;

	all = measure_until(m, begin + (u64)ms * 250 * NSEC_PER_USEC);
	start = ktime_get_ns();
	first = atomic_read(&m->window.completed);
	all = all && measure_until(m, start + (u64)ms * 750 * NSEC_PER_USEC);
	m->requests = (unsigned int)(atomic_read(&m->window.completed) - first);
	m->ns = ktime_get_ns() - start;
	if (!window_wait(&m->window, 0, LOST_SECONDS) || !all)
		return -ETIMEDOUT;
	if (fatal_signal_pending(current))
		return -EINTR;
	return atomic_read(&m->failed) ? -EIO : 0;
}

static void measure_note(const struct measurement *m)
{
	struct crypto_tfm *tfm = m->aead ? crypto_aead_tfm(m->aead) :
					   crypto_skcipher_tfm(m->skcipher);

	spin_lock(&last_lock);
	strscpy(last_driver, crypto_tfm_alg_driver_name(tfm), sizeof(last_driver));
	last_requests = m->requests;
	last_ns = m->ns;
	spin_unlock(&last_lock);
}

static int measure(const char *driver, unsigned int bytes, unsigned int window,
		   unsigned int ms)
{
	struct measurement *m = kzalloc(sizeof(*m), GFP_KERNEL);
	int err;

	if (!m)
		return -ENOMEM;
	m->len = bytes;
	window_init(&m->window, window);
	err = measure_open(m, driver);
	if (!err)
		err = measure_make_slots(m);
	if (!err)
		err = measure_rate(m, ms);
	if (atomic_read(&m->window.in_flight)) {
		/* The memory of requests that may yet be completed is given up. */
		pr_err("%s has lost requests\n", driver);
		__module_get(THIS_MODULE);
		return err;
	}
	if (!err)
		measure_note(m);
	measure_free(m);
	return err;
}

static ssize_t run_store(struct kobject *kobj, struct kobj_attribute *attr, const char *buf,
			 size_t count)
{
	char driver[CRYPTO_MAX_ALG_NAME];
	u64 bytes, window, ms;
	char rest;
	int err;

	/* One less than CRYPTO_MAX_ALG_NAME. */
	if (sscanf(buf, "%127s %llu %llu %llu %c", driver, &bytes, &window, &ms, &rest) != 4)
		return -EINVAL;
	if (!bytes || bytes > MAX_BYTES || !window || window > MAX_WINDOW || !ms ||
	    ms > MAX_MS || window > MAX_MEMORY / roundup_pow_of_two(bytes + EXTRA_BYTES))
		return -EINVAL;
	/* Not beyond the beginning of an unload, which waits for this write. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	err = mutex_lock_killable(&measure_mutex);
	if (!err) {
		err = measure(driver, bytes, window, ms);
		mutex_unlock(&measure_mutex);
	}
	if (err && err != -EINTR)
		pr_notice("%*pE: error %d\n", (int)strlen(driver), driver, err);
	module_put(THIS_MODULE);
	return err ?: count;
}

static ssize_t driver_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	ssize_t len;

	spin_lock(&last_lock);
	len = sysfs_emit(buf, "%s\n", last_driver);
	spin_unlock(&last_lock);
	return len;
}

static ssize_t show_number(const u64 *number, char *buf)
{
	u64 value;

	spin_lock(&last_lock);
	value = *number;
	spin_unlock(&last_lock);
	return sysfs_emit(buf, "%llu\n", value);
}

static ssize_t requests_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return show_number(&last_requests, buf);
}

static ssize_t ns_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return show_number(&last_ns, buf);
}

static struct kobj_attribute run_attr = __ATTR(run, 0200, NULL, run_store);
static struct kobj_attribute driver_attr = __ATTR_RO(driver);
static struct kobj_attribute requests_attr = __ATTR_RO(requests);
static struct kobj_attribute ns_attr = __ATTR_RO(ns);

static struct attribute *measure_attrs[] = {
	&run_attr.attr,
	&driver_attr.attr,
	&requests_attr.attr,
	&ns_attr.attr,
	NULL,
};

static const struct attribute_group measure_group = {
	.attrs = measure_attrs,
};

static int __init pcrypt_measure_init(void)
{
	int err;

	measure_kobj = kobject_create_and_add("pcrypt_measure", kernel_kobj);
	if (!measure_kobj)
		return -ENOMEM;
	err = sysfs_create_group(measure_kobj, &measure_group);
	if (err)
		kobject_put(measure_kobj);
	return err;
}

/* No measurement is under way: it holds the module. */
static void __exit pcrypt_measure_exit(void)
{
	kobject_del(measure_kobj);
	kobject_put(measure_kobj);
}

module_init(pcrypt_measure_init);
module_exit(pcrypt_measure_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Measures the rate of an AEAD or skcipher, for pcryptctl measure");
