// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: a directory in sysfs for each instance, with its transforms and requests
 *
 * Nothing here is done per request.  A stream counts its own requests, see
 * struct pcrypt_stream, and a reader sums up the streams that there are.
 *
 * An instance holds its transforms in a list, under tfm_lock.  A reader walks it in parts,
 * so that many transforms don't keep interrupts disabled for long: a cursor in the list
 * keeps the place.  pcrypt_view_mutex lets one cursor exist at a time.  Requests of a
 * transform that is freed meanwhile may be missing in that one read.
 *
 * The directory is removed before the instance is freed, which waits for readers.
 */

/* So many transforms are summed up with interrupts disabled. */
#define PCRYPT_VIEW_PART	64

static DEFINE_MUTEX(pcrypt_view_mutex);
static struct kobject *pcrypt_view_root;
static atomic_t pcrypt_nr_views;

/* Under tfm_lock. */
static void pcrypt_add_stream(unsigned long *sums, struct pcrypt_stream *stream)
{
	bool direct = READ_ONCE(stream->mode) == PCRYPT_DIRECT;

	/* A stream without a request has no mode to speak of: most have one direction. */
	if (READ_ONCE(stream->nr_looks))
		sums[direct ? PCRYPT_SUM_STREAMS_DIRECT : PCRYPT_SUM_STREAMS_PARALLEL]++;
	sums[PCRYPT_SUM_IN_FLIGHT] += READ_ONCE(stream->in_flight);
	sums[PCRYPT_SUM_DIRECT] += atomic_long_read(&stream->nr_direct);
	sums[PCRYPT_SUM_PARALLEL] += READ_ONCE(stream->nr_entered);
	sums[PCRYPT_SUM_REFUSED] += READ_ONCE(stream->nr_refused);
}

static void pcrypt_join_view(struct pcrypt_inst *pi, struct pcrypt_tfm *ctx)
{
	unsigned long flags;

	spin_lock_irqsave(&pi->tfm_lock, flags);
	list_add(&ctx->list, &pi->tfms);
	WRITE_ONCE(pi->nr_tfms, pi->nr_tfms + 1);
	spin_unlock_irqrestore(&pi->tfm_lock, flags);
}

/* Requests of a transform that is gone still count. */
static void pcrypt_leave_view(struct pcrypt_inst *pi, struct pcrypt_tfm *ctx)
{
	unsigned long sums[PCRYPT_NR_SUMS];
	unsigned long flags;
	int dir, i;

	/* It could not be made. */
	if (list_empty(&ctx->list))
		return;
	spin_lock_irqsave(&pi->tfm_lock, flags);
	list_del(&ctx->list);
	WRITE_ONCE(pi->nr_tfms, pi->nr_tfms - 1);
	for (dir = 0; dir < PCRYPT_NR_DIRS; dir++) {
		memset(sums, 0, sizeof(sums));
		pcrypt_add_stream(sums, &ctx->stream[dir]);
		for (i = PCRYPT_SUM_DIRECT; i < PCRYPT_NR_SUMS; i++)
			pi->gone[dir][i] += sums[i];
	}
	spin_unlock_irqrestore(&pi->tfm_lock, flags);
}

/* Move the cursor past a part of the list.  Return true if there is more.  Under tfm_lock. */
static bool pcrypt_sum_part(struct pcrypt_inst *pi, enum pcrypt_dir dir,
			    struct list_head *cursor, unsigned long *sums)
{
	struct list_head *at = cursor->next;
	struct pcrypt_tfm *ctx;
	int n;

	for (n = 0; n < PCRYPT_VIEW_PART && at != &pi->tfms; n++, at = at->next) {
		ctx = list_entry(at, struct pcrypt_tfm, list);
		pcrypt_add_stream(sums, &ctx->stream[dir]);
	}
	list_move_tail(cursor, at);
	return at != &pi->tfms;
}

static void pcrypt_sum_up(struct pcrypt_inst *pi, enum pcrypt_dir dir, unsigned long *sums)
{
	LIST_HEAD(cursor);
	bool more;

	mutex_lock(&pcrypt_view_mutex);
	spin_lock_irq(&pi->tfm_lock);
	memcpy(sums, pi->gone[dir], sizeof(pi->gone[dir]));
	list_add(&cursor, &pi->tfms);
	while ((more = pcrypt_sum_part(pi, dir, &cursor, sums))) {
		spin_unlock_irq(&pi->tfm_lock);
		cond_resched();
		spin_lock_irq(&pi->tfm_lock);
	}
	list_del(&cursor);
	spin_unlock_irq(&pi->tfm_lock);
	mutex_unlock(&pcrypt_view_mutex);
}

/*
 * The instance of a directory, for the time of a call that reads a file there; or NULL, if
 * it is about to be freed.
 */
static struct pcrypt_inst *pcrypt_viewed(const struct kobject *kobj)
{
	struct pcrypt_inst *pi, *found = NULL;

	spin_lock(&pcrypt_lock);
	list_for_each_entry(pi, &pcrypt_insts, list)
		if (pi->view == kobj)
			found = pi;
	spin_unlock(&pcrypt_lock);
	return found;
}

/* Return true if a user that asks for one of them could get the other. */
static bool pcrypt_are_rivals(const struct crypto_alg *a, const struct crypto_alg *b)
{
	/* From 6.7 an skcipher may be an lskcipher, whose type differs in this bit. */
	const u32 mask = CRYPTO_ALG_TYPE_MASK & ~1;

	return !((a->cra_flags ^ b->cra_flags) & mask) && !strcmp(a->cra_name, b->cra_name);
}

/*
 * Return true if the generic name means this instance, for users that take an asynchronous
 * algorithm.  Of equals the crypto API takes the first one in its list.
 */
static bool pcrypt_is_preferred(const struct pcrypt_inst *pi)
{
	const u32 other = CRYPTO_ALG_LARVAL | CRYPTO_ALG_DEAD | CRYPTO_ALG_DYING |
			  CRYPTO_ALG_INTERNAL;
	const struct crypto_alg *alg, *best = NULL;

	down_read(&crypto_alg_sem);
	list_for_each_entry(alg, &crypto_alg_list, cra_list)
		if (!(alg->cra_flags & other) && (alg->cra_flags & CRYPTO_ALG_TESTED) &&
		    pcrypt_are_rivals(alg, pi->alg) &&
		    (!best || alg->cra_priority > best->cra_priority))
			best = alg;
	up_read(&crypto_alg_sem);
	return best == pi->alg;
}

/* What each file shows; the numbers are those of the attributes below. */
enum pcrypt_view_nr {
	PCRYPT_VIEW_DRIVER,
	PCRYPT_VIEW_NAME,
	PCRYPT_VIEW_TYPE,
	PCRYPT_VIEW_CHILD,
	PCRYPT_VIEW_PRIORITY,
	PCRYPT_VIEW_PROMOTED,
	PCRYPT_VIEW_PREFERRED,
	PCRYPT_VIEW_SELFTEST,
	PCRYPT_VIEW_STATE,
	PCRYPT_VIEW_MADE,
	PCRYPT_VIEW_TRANSFORMS,
	PCRYPT_NR_VIEWS,
};

static const char *pcrypt_view_word(const struct pcrypt_inst *pi, int nr)
{
	switch (nr) {
	case PCRYPT_VIEW_DRIVER:
		return pi->alg->cra_driver_name;
	case PCRYPT_VIEW_NAME:
		return pi->alg->cra_name;
	case PCRYPT_VIEW_TYPE:
		return pi->kind->type == CRYPTO_ALG_TYPE_AEAD ? "aead" : "skcipher";
	case PCRYPT_VIEW_CHILD:
		return pi->child;
	case PCRYPT_VIEW_PROMOTED:
		return pi->promoted ? "yes" : "no";
	case PCRYPT_VIEW_PREFERRED:
		return pcrypt_is_preferred(pi) ? "yes" : "no";
	case PCRYPT_VIEW_SELFTEST:
		return pcrypt_is_tested(pi) ? "passed" : "unknown";
	case PCRYPT_VIEW_STATE:
		return pcrypt_is_live(pi) ? "live" : "dying";
	default:
		return NULL;
	}
}

static struct kobj_attribute pcrypt_view_attr[PCRYPT_NR_VIEWS];

static ssize_t pcrypt_view_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct pcrypt_inst *pi = pcrypt_viewed(kobj);
	int nr = attr - pcrypt_view_attr;

	if (!pi)
		return -ENODEV;
	switch (nr) {
	case PCRYPT_VIEW_PRIORITY:
		/* The crypto netlink socket can change it. */
		return sysfs_emit(buf, "%d\n", data_race(pi->alg->cra_priority));
	case PCRYPT_VIEW_MADE:
		return sysfs_emit(buf, "%lld\n", (long long)pi->made);
	case PCRYPT_VIEW_TRANSFORMS:
		return sysfs_emit(buf, "%u\n", READ_ONCE(pi->nr_tfms));
	default:
		return sysfs_emit(buf, "%s\n", pcrypt_view_word(pi, nr));
	}
}

static struct kobj_attribute pcrypt_view_attr[PCRYPT_NR_VIEWS] = {
	[PCRYPT_VIEW_DRIVER] = __ATTR(driver, 0444, pcrypt_view_show, NULL),
	[PCRYPT_VIEW_NAME] = __ATTR(name, 0444, pcrypt_view_show, NULL),
	[PCRYPT_VIEW_TYPE] = __ATTR(type, 0444, pcrypt_view_show, NULL),
	[PCRYPT_VIEW_CHILD] = __ATTR(child, 0444, pcrypt_view_show, NULL),
	[PCRYPT_VIEW_PRIORITY] = __ATTR(priority, 0444, pcrypt_view_show, NULL),
	[PCRYPT_VIEW_PROMOTED] = __ATTR(promoted, 0444, pcrypt_view_show, NULL),
	[PCRYPT_VIEW_PREFERRED] = __ATTR(preferred, 0444, pcrypt_view_show, NULL),
	[PCRYPT_VIEW_SELFTEST] = __ATTR(selftest, 0444, pcrypt_view_show, NULL),
	[PCRYPT_VIEW_STATE] = __ATTR(state, 0444, pcrypt_view_show, NULL),
	[PCRYPT_VIEW_MADE] = __ATTR(made, 0444, pcrypt_view_show, NULL),
	[PCRYPT_VIEW_TRANSFORMS] = __ATTR(transforms, 0444, pcrypt_view_show, NULL),
};

static struct kobj_attribute pcrypt_sum_attr[PCRYPT_NR_DIRS][PCRYPT_NR_SUMS];

static ssize_t pcrypt_sum_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	int nr = attr - &pcrypt_sum_attr[0][0];
	struct pcrypt_inst *pi = pcrypt_viewed(kobj);
	unsigned long sums[PCRYPT_NR_SUMS];

	if (!pi)
		return -ENODEV;
	pcrypt_sum_up(pi, nr / PCRYPT_NR_SUMS, sums);
	return sysfs_emit(buf, "%lu\n", sums[nr % PCRYPT_NR_SUMS]);
}

#define PCRYPT_SUM_ATTRS {								\
	[PCRYPT_SUM_STREAMS_DIRECT] = __ATTR(streams_direct, 0444, pcrypt_sum_show, NULL), \
	[PCRYPT_SUM_STREAMS_PARALLEL] = __ATTR(streams_parallel, 0444, pcrypt_sum_show, NULL), \
	[PCRYPT_SUM_IN_FLIGHT] = __ATTR(in_flight, 0444, pcrypt_sum_show, NULL),	\
	[PCRYPT_SUM_DIRECT] = __ATTR(requests_direct, 0444, pcrypt_sum_show, NULL),	\
	[PCRYPT_SUM_PARALLEL] = __ATTR(requests_parallel, 0444, pcrypt_sum_show, NULL),	\
	[PCRYPT_SUM_REFUSED] = __ATTR(requests_refused, 0444, pcrypt_sum_show, NULL),	\
}

static struct kobj_attribute pcrypt_sum_attr[PCRYPT_NR_DIRS][PCRYPT_NR_SUMS] = {
	[PCRYPT_ENCRYPT] = PCRYPT_SUM_ATTRS,
	[PCRYPT_DECRYPT] = PCRYPT_SUM_ATTRS,
};

/* The names of the directories of both directions. */
static const char *const pcrypt_sum_dirs[PCRYPT_NR_DIRS] = { "encrypt", "decrypt" };

static int pcrypt_add_files(struct kobject *view, const char *dir,
			    struct kobj_attribute *attrs, int n)
{
	struct attribute *list[PCRYPT_NR_VIEWS + 1] = { NULL };
	const struct attribute_group group = { .name = dir, .attrs = list };
	int i;

	BUILD_BUG_ON((int)PCRYPT_NR_SUMS > (int)PCRYPT_NR_VIEWS);
	for (i = 0; i < n; i++)
		list[i] = &attrs[i].attr;
	/* It keeps the attributes, and nothing of the group. */
	return sysfs_create_group(view, &group);
}

/* Before the instance can be found, so that it can be freed as soon as it is registered. */
static int pcrypt_make_view(struct pcrypt_inst *pi)
{
	struct kobject *view;
	char number[16];
	int dir, err;

	snprintf(number, sizeof(number), "%u",
		 (unsigned int)atomic_inc_return(&pcrypt_nr_views));
	view = kobject_create_and_add(number, pcrypt_view_root);
	if (!view)
		return -ENOMEM;
	err = pcrypt_add_files(view, NULL, pcrypt_view_attr, PCRYPT_NR_VIEWS);
	for (dir = 0; dir < PCRYPT_NR_DIRS && !err; dir++)
		err = pcrypt_add_files(view, pcrypt_sum_dirs[dir], pcrypt_sum_attr[dir],
				       PCRYPT_NR_SUMS);
	pi->made = ktime_get_real_seconds();
	spin_lock(&pcrypt_lock);
	pi->view = view;
	spin_unlock(&pcrypt_lock);
	return err;
}

/* The instance is in no list any more.  Waits for readers. */
static void pcrypt_remove_view(struct pcrypt_inst *pi)
{
	if (!pi->view)
		return;
	kobject_del(pi->view);
	kobject_put(pi->view);
}

static int __init pcrypt_start_view(void)
{
	pcrypt_view_root = kobject_create_and_add("algorithms", &pcrypt_kset->kobj);
	return pcrypt_view_root ? 0 : -ENOMEM;
}

static void pcrypt_stop_view(void)
{
	kobject_put(pcrypt_view_root);
}
