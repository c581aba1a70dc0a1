/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The order in which results are delivered, which is the order that users see:
 * serial() puts its result into a list of the CPU that it runs on, as the
 * network's receive path does, and something else on that CPU delivers the list.
 *
 *   stream	the results of one lane: one submitter, one requested callback CPU,
 *		one shell
 *   entry	one result in the list of a CPU
 *   hold	the list of one CPU, the slow one, waits for a moment before it is
 *		delivered, with its softirq pending or its worker pool busy: a result
 *		that comes out on another CPU meanwhile, and does not wait for those
 *		before it, overtakes them
 *
 * A suite defines DELIVER_BY, an enum deliver_by, before it includes this.
 *
 * Two properties are counted.  "late": an entry was delivered after one of a higher
 * number.  "early": a stream changed its CPU while entries of it still waited on the
 * CPU before; that shows a missing fence although the entry on the new CPU happened
 * to be slower.  padata waits for a busy CPU for a bounded time only, which begins
 * when the last callback there has returned, and an emulator may stop any CPU for
 * longer: a change of CPU after DELIVER_BOUND_US is "excused" if padata has counted it.
 *
 * The result of direct work is put into the list right after the work, in the same
 * section with softirqs disabled.
 */
#ifndef _PADATA_DELIVER_H
#define _PADATA_DELIVER_H

#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/llist.h>
#include <linux/netdevice.h>
#include <linux/workqueue.h>

#include "padata_direct.h"

/* The deliverers of a CPU's list. */
enum deliver_by {
	DELIVER_TASKLET,	/* a tasklet, all entries at once */
	DELIVER_NAPI,		/* NET_RX, some entries at a time, raised again and again */
	DELIVER_WORK,		/* a work item on the system's per-CPU workqueue */
	DELIVER_NAPI_WORK,	/* such a work item, which NET_RX queues */
};

#define DELIVER_BY_SOFTIRQ	(DELIVER_BY == DELIVER_TASKLET || DELIVER_BY == DELIVER_NAPI)
#define DELIVER_STREAMS		16
#define DELIVER_WEIGHT		4
#define DELIVER_SETTERS		8
/* Longer than the way to a pump and back, much shorter than the wait of padata. */
#define DELIVER_HOLD_US		4000
/* A little shorter than that wait, which is of 100 ms. */
#define DELIVER_BOUND_US	80000
/*
 * A hold that the test ends, after another while, so that an emulator that stops the
 * test's CPU does not end it.  A work item that runs for 10 ms would not hold up others
 * any more, but for the kernel argument of scripts/kunit.sh.
 */
#define DELIVER_FREEZE_US	14000
#define DELIVER_THAW_US		8000

struct deliver_stream {
	atomic_t	put;		/* entries put into lists */
	atomic_t	delivered;	/* entries delivered */
	atomic_t	next;		/* one more than the highest number delivered */
	atomic_t	late;
	atomic_t	early;
	atomic_t	excused;
	atomic_t	switches;	/* changes of the delivering CPU */
	int		cpu;		/* where the last entry was put, or -1 */
	u64		put_at;		/* and when, in ns */
	int		direct_put;	/* entries up to the last direct one */
	int		direct_cpu;	/* and its CPU */
};

struct deliver_entry {
	struct llist_node	node;
	struct deliver_stream	*stream;
	u32			nr;
};

/**
 * struct deliver_cpu - the list of a CPU and its deliverer
 * @queued: Entries, the last one first.
 * @batch: Entries that are being delivered, in order; the deliverer's own.
 * @hold_until: The batch that @queued begins is not delivered before, in ns.
 * @spins: The hold is spent spinning; otherwise the handler runs again and again.
 * @nr_holds: Counts holds, of which every second one spins.
 * @tasklet: See enum deliver_by.
 * @napi: Likewise.
 * @work: Likewise.
 * @blocker: Is queued before @work and keeps the CPU's worker pool for the hold.
 */
struct deliver_cpu {
	struct llist_head	queued;
	struct llist_node	*batch;
	u64			hold_until;
	bool			spins;
	unsigned int		nr_holds;
	struct tasklet_struct	tasklet;
	struct napi_struct	napi;
	struct work_struct	work;
	struct work_struct	blocker;
};

/* Sets a mask from a work item, because the call waits for a grace period. */
struct deliver_setter {
	struct work_struct	work;
	struct test_bed		*bed;
	const struct cpumask	*mask;
	int			type;
};

static struct deliver_cpu *deliver_cpus;
static struct net_device *deliver_dev;
static struct deliver_stream deliver_streams[DELIVER_STREAMS];
static struct deliver_setter deliver_setters[DELIVER_SETTERS];
static unsigned int deliver_nr_sets;
static unsigned int deliver_hold_us;
static int deliver_slow;
/* A CPU that goes offline: no softirq may be pending where ksoftirqd is parked. */
static int deliver_going;
static atomic_t deliver_no_memory;

/* ---- delivery ---- */

static inline void deliver_one(struct deliver_entry *entry)
{
	struct deliver_stream *stream = entry->stream;
	int next = atomic_read(&stream->next);

	do {
		if ((int)entry->nr < next) {
			atomic_inc(&stream->late);
			break;
		}
	} while (!atomic_try_cmpxchg(&stream->next, &next, entry->nr + 1));
	kfree(entry);
	/* Ordered, so that "early" counts no entry that has been delivered. */
	atomic_inc_return(&stream->delivered);
}

/* Delivers at most @nr entries; returns how many. */
static inline int deliver_some(struct deliver_cpu *dc, int nr)
{
	struct deliver_entry *entry;
	int n;

	if (!dc->batch)
		dc->batch = llist_reverse_order(llist_del_all(&dc->queued));
	for (n = 0; n < nr && dc->batch; n++) {
		entry = llist_entry(dc->batch, struct deliver_entry, node);
		dc->batch = dc->batch->next;
		deliver_one(entry);
	}
	return n;
}

static inline bool deliver_is_held(struct deliver_cpu *dc)
{
	return ktime_get_ns() < READ_ONCE(dc->hold_until);
}

static inline void deliver_spin(struct deliver_cpu *dc)
{
	while (deliver_is_held(dc))
		cpu_relax();
}

static inline bool deliver_has_to_spin(struct deliver_cpu *dc)
{
	return READ_ONCE(dc->spins) || READ_ONCE(deliver_going) == dc - deliver_cpus;
}

/*
 * Softirq handlers: return true when they have to come again.  An emulator that runs
 * one CPU at a time runs the next one when this one relaxes.
 */
static inline bool deliver_hold_handler(struct deliver_cpu *dc)
{
	if (deliver_has_to_spin(dc))
		deliver_spin(dc);
	cpu_relax();
	return deliver_is_held(dc);
}

static inline void deliver_tasklet(struct tasklet_struct *tasklet)
{
	struct deliver_cpu *dc = from_tasklet(dc, tasklet, tasklet);

	if (deliver_hold_handler(dc))
		tasklet_schedule(tasklet);
	else
		deliver_some(dc, INT_MAX);
}

static inline void deliver_queue_work(struct deliver_cpu *dc)
{
	if (deliver_is_held(dc))
		schedule_work(&dc->blocker);
	schedule_work(&dc->work);
}

static inline int deliver_poll(struct napi_struct *napi, int budget)
{
	struct deliver_cpu *dc = container_of(napi, struct deliver_cpu, napi);
	int nr = 0;

	if (DELIVER_BY == DELIVER_NAPI_WORK) {
		cpu_relax();
		if (!deliver_has_to_spin(dc) && deliver_is_held(dc))
			return budget;
		deliver_queue_work(dc);
	} else {
		if (!dc->batch && deliver_hold_handler(dc))
			return budget;
		nr = deliver_some(dc, budget);
		if (nr == budget)
			return budget;
	}
	napi_complete_done(napi, nr);
	return nr;
}

static inline void deliver_work(struct work_struct *work)
{
	deliver_some(container_of(work, struct deliver_cpu, work), INT_MAX);
}

static inline void deliver_blocker(struct work_struct *work)
{
	deliver_spin(container_of(work, struct deliver_cpu, blocker));
}

/* ---- lists ---- */

/* The first entry of a batch on the slow CPU begins a hold. */
static inline void deliver_begin_hold(struct deliver_cpu *dc, int cpu)
{
	unsigned int us = READ_ONCE(deliver_hold_us);

	if (cpu != READ_ONCE(deliver_slow))
		return;
	WRITE_ONCE(dc->spins, us == DELIVER_HOLD_US && dc->nr_holds++ % 2);
	WRITE_ONCE(dc->hold_until, ktime_get_ns() + us * NSEC_PER_USEC);
}

static inline void deliver_kick(struct deliver_cpu *dc)
{
	switch (DELIVER_BY) {
	case DELIVER_TASKLET:
		return tasklet_schedule(&dc->tasklet);
	case DELIVER_WORK:
		return deliver_queue_work(dc);
	default:
		napi_schedule(&dc->napi);
	}
}

static inline void deliver_note_switch(struct deliver_stream *stream)
{
	u64 age = ktime_get_ns() - READ_ONCE(stream->put_at);

	atomic_inc(&stream->switches);
	if (atomic_read(&stream->delivered) == atomic_read(&stream->put))
		return;
	atomic_inc(age < DELIVER_BOUND_US * NSEC_PER_USEC ? &stream->early : &stream->excused);
}

/* Results of a stream come one after the other. */
static inline void deliver_note_put(struct deliver_stream *stream, int cpu)
{
	int old = READ_ONCE(stream->cpu);

	if (old >= 0 && old != cpu)
		deliver_note_switch(stream);
	WRITE_ONCE(stream->cpu, cpu);
	WRITE_ONCE(stream->put_at, ktime_get_ns());
	atomic_inc(&stream->put);
}

/* In serial(), or in direct work. */
static inline void deliver_put(struct test_lane *lane, u32 nr)
{
	struct deliver_entry *entry = kmalloc(sizeof(*entry), GFP_ATOMIC);
	int cpu = smp_processor_id();
	struct deliver_cpu *dc = &deliver_cpus[cpu];

	if (!entry) {
		atomic_inc(&deliver_no_memory);
		return;
	}
	entry->stream = &deliver_streams[lane->id];
	entry->nr = nr;
	deliver_note_put(entry->stream, cpu);
	if (llist_empty(&dc->queued))
		deliver_begin_hold(dc, cpu);
	llist_add(&entry->node, &dc->queued);
	deliver_kick(dc);
}

static inline struct deliver_stream *deliver_stream(struct test_lane *lane)
{
	return &deliver_streams[lane->id];
}

static inline struct test_lane *deliver_lane(struct test_bed *bed, struct padata_shell *ps,
					     const struct test_load *load)
{
	struct test_lane *lane;

	KUNIT_ASSERT_LT(bed->test, bed->nr_lanes, DELIVER_STREAMS);
	lane = bed_lane(bed, ps, load);
	lane->in_serial = deliver_put;
	return lane;
}

/* ---- submitting: for &test_load.submit ---- */

/*
 * Return true if the submitter has its direct results, or has them delivered here
 * before the next one.  Those of jobs are padata's to wait for.
 */
static inline bool deliver_may_go_on(struct deliver_stream *stream)
{
	return READ_ONCE(stream->direct_cpu) == smp_processor_id() ||
	       atomic_read(&stream->delivered) >= READ_ONCE(stream->direct_put);
}

/* Now and then a job, although direct mode would do. */
static inline int deliver_direct_mostly(struct padata_shell *ps, struct padata_priv *padata,
					int *cb_cpu)
{
	struct test_job *job = container_of(padata, struct test_job, padata);
	struct deliver_stream *stream = deliver_stream(job->lane);
	int err = -EAGAIN;

	local_bh_disable();
	if (job->nr % 8 < 6 && deliver_may_go_on(stream))
		err = direct_only(ps, padata, cb_cpu);
	if (!err) {
		WRITE_ONCE(stream->direct_cpu, smp_processor_id());
		WRITE_ONCE(stream->direct_put, atomic_read(&stream->put));
	}
	local_bh_enable();
	return err == -EAGAIN ? padata_do_parallel(ps, padata, cb_cpu) : err;
}

/* Callbacks return a moment after they have put their result into the list. */
static inline int deliver_soon_direct_or_parallel(struct padata_shell *ps,
						  struct padata_priv *padata, int *cb_cpu)
{
	u64 until = ktime_get_ns() + DELIVER_HOLD_US / 2 * NSEC_PER_USEC;
	int err;

	do {
		err = direct_only(ps, padata, cb_cpu);
	} while (err == -EAGAIN && ktime_get_ns() < until);
	return err == -EAGAIN ? padata_do_parallel(ps, padata, cb_cpu) : err;
}

/* ---- the test's own thread ---- */

/* From now on each batch of that CPU is held for a while; -1 for none. */
static inline void deliver_set_slow(int cpu)
{
	WRITE_ONCE(deliver_hold_us, DELIVER_HOLD_US);
	WRITE_ONCE(deliver_slow, cpu);
}

/* The same, until a while after deliver_thaw(). */
static inline void deliver_freeze(int cpu)
{
	WRITE_ONCE(deliver_hold_us, DELIVER_FREEZE_US);
	WRITE_ONCE(deliver_slow, cpu);
}

static inline void deliver_thaw(int cpu)
{
	struct deliver_cpu *dc = &deliver_cpus[cpu];
	u64 until = ktime_get_ns() + DELIVER_THAW_US * NSEC_PER_USEC;

	deliver_set_slow(-1);
	if (READ_ONCE(dc->hold_until) > until)
		WRITE_ONCE(dc->hold_until, until);
}

/* Waits until something is held on that CPU. */
static inline void deliver_wait_held(int cpu)
{
	unsigned long until = jiffies + HZ;

	while (!deliver_is_held(&deliver_cpus[cpu]) && time_before(jiffies, until))
		usleep_range(50, 100);
}

static inline void deliver_go_to(struct kunit *test, int cpu)
{
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
}

/* Waits until @nr results of the lane are delivered; gives up where none is for long. */
static inline bool deliver_wait(struct test_lane *lane, u32 nr)
{
	struct deliver_stream *stream = deliver_stream(lane);
	unsigned long until = jiffies + TEST_TIMEOUT;
	u32 delivered, before = 0;

	while ((delivered = atomic_read(&stream->delivered)) < nr) {
		if (delivered != before)
			until = jiffies + TEST_TIMEOUT;
		before = delivered;
		if (time_after(jiffies, until))
			return false;
		usleep_range(100, 300);
	}
	return true;
}

static inline bool deliver_wait_all(struct test_lane *lane)
{
	return deliver_wait(lane, READ_ONCE(lane->submitted));
}

static inline bool deliver_wait_more(struct test_lane *lane, u32 nr)
{
	return deliver_wait(lane, atomic_read(&deliver_stream(lane)->delivered) + nr);
}

/* Without a sleep, which would take longer than a hold. */
static inline void deliver_spin_until_put(struct test_lane *lane, u32 nr)
{
	u64 until = ktime_get_ns() + DELIVER_FREEZE_US * NSEC_PER_USEC;

	while ((u32)atomic_read(&lane->done) < nr && ktime_get_ns() < until)
		cpu_relax();
}

static inline void deliver_set_work(struct work_struct *work)
{
	struct deliver_setter *setter = container_of(work, struct deliver_setter, work);
	int err = padata_set_cpumask(setter->bed->pinst, setter->type, setter->mask);

	/* For deliver_publish(), which waits for the change in vain. */
	if (err)
		pr_err("padata_set_cpumask(): %d\n", err);
}

/* Returns when the new mask is in force, not after the grace period that follows. */
static inline void deliver_publish(struct test_bed *bed, int type, const struct cpumask *mask)
{
	struct deliver_setter *setter = &deliver_setters[deliver_nr_sets++ % DELIVER_SETTERS];
	unsigned long changes, until = jiffies + TEST_TIMEOUT;

	flush_work(&setter->work);
	setter->bed = bed;
	setter->type = type;
	setter->mask = mask;
	changes = bed_counter(bed, "mask_changes");
	queue_work(system_unbound_wq, &setter->work);
	while (bed_counter(bed, "mask_changes") == changes && time_before(jiffies, until))
		usleep_range(10, 20);
	KUNIT_EXPECT_NE(bed->test, bed_counter(bed, "mask_changes"), changes);
}

static inline void deliver_flush_setters(void)
{
	int i;

	for (i = 0; i < DELIVER_SETTERS; i++)
		flush_work(&deliver_setters[i].work);
}

/* All that was put has been delivered, of which the streams say how. */
static inline void deliver_expect_stream(struct test_lane *lane)
{
	struct deliver_stream *stream = deliver_stream(lane);
	struct kunit *test = lane->bed->test;
	int late = atomic_read(&stream->late), early = atomic_read(&stream->early);
	int excused = atomic_read(&stream->excused);

	kunit_info(test, "stream %u: %u results, %d changes of CPU, %d early, %d late, %d excused\n",
		   lane->id, lane->submitted, atomic_read(&stream->switches), early, late,
		   excused);
	KUNIT_EXPECT_EQ(test, atomic_read(&stream->delivered), lane->submitted);
	KUNIT_EXPECT_EQ_MSG(test, early, 0, "on a new CPU while others waited on the old one");
	if (!excused)
		KUNIT_EXPECT_EQ_MSG(test, late, 0, "delivered after a later result");
	else
		KUNIT_EXPECT_GT_MSG(test, bed_counter(lane->bed, "unsettled"), 0,
				    "an excused change of CPU is not counted");
}

/* Waits for all jobs and their delivery, then judges. */
static inline void deliver_expect_in_order(struct test_bed *bed)
{
	struct test_lane *lane;

	bed_stop_lanes(bed);
	deliver_set_slow(-1);
	deliver_flush_setters();
	bed_expect_clean(bed);
	KUNIT_EXPECT_EQ(bed->test, atomic_read(&deliver_no_memory), 0);
	list_for_each_entry(lane, &bed->lanes, node) {
		KUNIT_EXPECT_TRUE(bed->test, deliver_wait_all(lane));
		deliver_expect_stream(lane);
	}
}

/* The case has tested something. */
static inline void deliver_expect_switches(struct test_lane *lane, int nr)
{
	KUNIT_EXPECT_GE(lane->bed->test, atomic_read(&deliver_stream(lane)->switches), nr);
}

/* ---- the suite ---- */

static inline int deliver_init(struct kunit *test)
{
	int i;

	memset(deliver_streams, 0, sizeof(deliver_streams));
	for (i = 0; i < DELIVER_STREAMS; i++)
		deliver_streams[i].cpu = -1;
	deliver_set_slow(-1);
	WRITE_ONCE(deliver_going, -1);
	atomic_set(&direct_nr, 0);
	atomic_set(&deliver_no_memory, 0);
	return 0;
}

/* Before the bed goes. */
static inline void deliver_exit(struct kunit *test)
{
	deliver_set_slow(-1);
	deliver_flush_setters();
}

static inline void deliver_cpu_init(struct deliver_cpu *dc)
{
	init_llist_head(&dc->queued);
	tasklet_setup(&dc->tasklet, deliver_tasklet);
	INIT_WORK(&dc->work, deliver_work);
	INIT_WORK(&dc->blocker, deliver_blocker);
	netif_napi_add_weight(deliver_dev, &dc->napi, deliver_poll, DELIVER_WEIGHT);
	napi_enable(&dc->napi);
}

static inline int deliver_suite_init(struct kunit_suite *suite)
{
	unsigned int cpu;
	int i;

	deliver_cpus = kcalloc(nr_cpu_ids, sizeof(*deliver_cpus), GFP_KERNEL);
	deliver_dev = alloc_netdev_dummy(0);
	if (!deliver_cpus || !deliver_dev) {
		kfree(deliver_cpus);
		if (deliver_dev)
			free_netdev(deliver_dev);
		deliver_cpus = NULL;
		return -ENOMEM;
	}
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		deliver_cpu_init(&deliver_cpus[cpu]);
	for (i = 0; i < DELIVER_SETTERS; i++)
		INIT_WORK(&deliver_setters[i].work, deliver_set_work);
	return 0;
}

/* Also the entries of a case that ended early are delivered here. */
static inline void deliver_cpu_exit(struct deliver_cpu *dc)
{
	tasklet_kill(&dc->tasklet);
	napi_disable(&dc->napi);
	netif_napi_del(&dc->napi);
	flush_work(&dc->blocker);
	flush_work(&dc->work);
	deliver_some(dc, INT_MAX);
	deliver_some(dc, INT_MAX);
}

static inline void deliver_suite_exit(struct kunit_suite *suite)
{
	unsigned int cpu;

	/* Jobs that were lost may still come back: test_patience says that. */
	if (!deliver_cpus || test_patience)
		return;
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		deliver_cpu_exit(&deliver_cpus[cpu]);
	free_netdev(deliver_dev);
	kfree(deliver_cpus);
}

#endif /* _PADATA_DELIVER_H */
