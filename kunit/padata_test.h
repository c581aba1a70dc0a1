/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the padata suites share: jobs that describe themselves, a recorder, and
 * a bed that cleans up whatever way a test ends.
 *
 *   bed	one instance under test, its shells and lanes, and the recorder
 *   lane	the jobs of one submitter with one requested callback CPU on one
 *		shell: what padata promises to keep in order
 *   job	number, place and checksum; a stage that every callback advances
 *   ender	per CPU: ends jobs from a work item, a timer, a hard interrupt
 *
 * Callbacks only count what is wrong, the test's own thread asserts.  A lane
 * has one submitter at a time.  When a job does not come back in time, all of
 * its bed is leaked, because the job may still be used.
 */
#ifndef _PADATA_TEST_H
#define _PADATA_TEST_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "../padata.h"
#include "test_files.h"

#define TEST_SEED	0x70616461u
#define TEST_SLOW	(IS_ENABLED(CONFIG_KASAN) || \
			 IS_ENABLED(CONFIG_PROVE_LOCKING) || \
			 IS_ENABLED(CONFIG_KCSAN))
/* So long may nothing happen at all; not so long once a job was lost. */
#define TEST_TIMEOUT	((test_patience ?: TEST_SLOW ? 40 : 10) * HZ)
#define TEST_SHELLS	16
#define TEST_MASKS	16
#define TEST_NONE	U32_MAX

/* The context in which padata_do_serial() is called for a job. */
enum test_end {
	TEST_END_PARALLEL,	/* in parallel(), softirqs off */
	TEST_END_IRQSOFF,	/* in parallel(), interrupts off */
	TEST_END_WORK,		/* in a work item on the next CPU */
	TEST_END_THREAD,	/* in a kthread */
	TEST_END_TIMER,		/* in softirq, a jiffy later */
	TEST_END_HRTIMER,	/* in hard interrupt, some microseconds later */
	TEST_END_IRQ_WORK,	/* in hard interrupt, at once */
	TEST_NR_ENDS,
	TEST_END_MIX = TEST_NR_ENDS,	/* any of the above but the first */
	TEST_END_HELD,		/* by the test: lane_release_job() */
};

/* A job's way, each step taken exactly once. */
enum test_stage {
	TEST_IDLE,
	TEST_SUBMITTED,
	TEST_RUNS,
	TEST_HELD,
	TEST_ENDED,
	TEST_SERIAL,
};

struct test_lane;

/*
 * A callback too many, of a job that is freed, has to be found out: what it goes
 * by does not lie in the middle, where the allocator has its own pointer.
 */
struct test_job {
	struct test_lane	*lane;
	struct llist_node	node;
	atomic_t		stage;
	enum test_end		end;
	u32			nr;
	u32			loops;
	struct padata_priv	padata;
	u32			sum;
	u32			result;
};

/**
 * struct test_load - the jobs that a lane submits
 * @jobs: How many jobs in all.
 * @window: Most jobs in flight; 0 for no limit.
 * @spin_us: Longest parallel(); each job's is drawn between 0 and this.
 * @spin_even: Every parallel() takes @spin_us.
 * @serial_us: Every serial() takes this.
 * @percent: Share of the jobs that end the way @end says; the others end in
 *	parallel().
 * @end: See enum test_end.
 * @own_memory: Each job is allocated, and freed in its serial().
 * @any_cpu: Masks change: callbacks may land on another CPU than asked for.
 * @retry: A refusal is counted and tried again.
 * @submit: padata_do_parallel() when NULL.
 */
struct test_load {
	u32		jobs;
	u32		window;
	unsigned int	spin_us;
	bool		spin_even;
	unsigned int	serial_us;
	unsigned int	percent;
	enum test_end	end;
	bool		own_memory;
	bool		any_cpu;
	bool		retry;
	int		(*submit)(struct padata_shell *ps,
				  struct padata_priv *padata, int *cb_cpu);
};

struct test_bed;

struct test_lane {
	struct test_bed		*bed;
	struct list_head	node;
	struct padata_shell	*ps;
	struct test_load	load;
	u32			id;
	int			cb_cpu;

	/* The submitter's. */
	struct task_struct	*thread;
	struct completion	fed;
	struct rnd_state	rnd;
	struct test_job		*pool;
	u32			nr_pool;
	u32			submitted;
	u32			refused;
	u32			busy;
	int			got_cpu;

	/* For parallel(): the task inside the submission, and its job. */
	struct task_struct	*submitter;
	u32			submitting;

	/* The callbacks'. */
	void			(*in_parallel)(struct test_job *job);
	void			(*after_end)(struct test_lane *lane);
	void			(*in_serial)(struct test_lane *lane, u32 nr);
	atomic_t		inlined;
	atomic_t		gone_on;
	atomic_t		held;
	atomic_t		inside;
	atomic_t		next;
	atomic_t		done;
	int			served_cpu;

	wait_queue_head_t	wq;
	u32			wake_feed;	/* the submitter's */
	u32			wake_done;	/* the test's */
	u32			wake_held;
};

/* Errors, and the record of each CPU. */
struct test_record {
	atomic_t	reorders;	/* serial() out of turn */
	atomic_t	overlaps;	/* two serial() of one lane at once */
	atomic_t	doubles;	/* a step taken twice, or too early */
	atomic_t	bad_sums;	/* a job that is not what was submitted */
	atomic_t	bad_cpus;	/* serial() not on the callback CPU */
	atomic_t	strays;		/* parallel() outside the allowed mask */
	atomic_t	bad_contexts;	/* softirqs on, interrupts off, hardirq */
	atomic_t	*ran;		/* parallel() per CPU, without inline */
	atomic_t	*served;	/* serial() per CPU */
};

struct test_ender {
	struct llist_head	jobs[TEST_NR_ENDS];
	struct work_struct	work;
	struct timer_list	timer;
	struct hrtimer		hrtimer;
	struct irq_work		irq_work;
};

struct test_bed {
	struct kunit		*test;
	struct padata_instance	*pinst;
	struct padata_shell	*shells[TEST_SHELLS];
	struct list_head	lanes;
	u32			nr_lanes;
	struct cpumask		*masks[TEST_MASKS];
	u32			nr_masks;
	struct test_record	record;
	const struct cpumask	*allowed;	/* NULL: any CPU */
	wait_queue_head_t	retry;
	bool			ending;
	bool			lost;

	struct test_ender	*enders;
	struct workqueue_struct	*wq;
	struct llist_head	thread_jobs;
	struct task_struct	*thread;
};

static unsigned long test_loops_per_us;
static unsigned int test_patience;

/* Fewer jobs where each of them costs much more. */
static inline u32 test_scale(u32 nr)
{
	return TEST_SLOW ? max(nr / 20, min(nr, 150u)) : nr;
}

/* Work that takes the same number of instructions everywhere. */
static inline u32 test_loop(unsigned long loops)
{
	u32 x = 1;

	while (loops--) {
		x = x * 1664525 + 1013904223;
		OPTIMIZER_HIDE_VAR(x);
	}
	return x;
}

static inline void test_calibrate(void)
{
	const unsigned long loops = 20000;
	u64 best = U64_MAX;
	ktime_t start;
	int i;

	if (test_loops_per_us)
		return;
	for (i = 0; i < 32; i++) {
		start = ktime_get();
		test_loop(loops);
		best = min_t(u64, best, ktime_to_ns(ktime_sub(ktime_get(), start)));
	}
	test_loops_per_us = max(loops * 1000 / (unsigned long)max(best, 1ULL), 1UL);
}

static inline u32 test_sum(const struct test_job *job)
{
	u32 sum = TEST_SEED ^ job->lane->id;

	sum = sum * 0x01000193u ^ job->nr;
	return sum * 0x01000193u ^ job->loops;
}

/* The CPU at @place, counted round and round the online CPUs. */
static inline int test_online_cpu(unsigned int place)
{
	unsigned int cpu;

	place %= num_online_cpus();
	for_each_online_cpu(cpu)
		if (!place--)
			break;
	return cpu < nr_cpu_ids ? cpu : cpumask_first(cpu_online_mask);
}

static inline int test_last_cpu(void)
{
	return test_online_cpu(num_online_cpus() - 1);
}

/* The online CPU after @cpu; @cpu itself when there is no other. */
static inline int test_next_cpu(int cpu)
{
	unsigned int next = cpumask_next(cpu, cpu_online_mask);

	return next < nr_cpu_ids ? next : cpumask_first(cpu_online_mask);
}

/* ---- the callbacks: they count, and never assert ---- */

static inline void test_note(atomic_t *counter, bool wrong)
{
	if (unlikely(wrong))
		atomic_inc(counter);
}

/* padata promises this context to both callbacks. */
static inline bool test_context_is_bad(void)
{
	return !softirq_count() || in_hardirq() || irqs_disabled();
}

/* Calls padata_do_serial(); the job may be gone afterwards. */
static inline void test_finish(struct test_job *job, enum test_stage from)
{
	struct test_record *record = &job->lane->bed->record;
	bool irqs_off = irqs_disabled();
	unsigned long bh_off = softirq_count();

	if (atomic_cmpxchg(&job->stage, from, TEST_ENDED) != from) {
		atomic_inc(&record->doubles);
		return;
	}
	padata_do_serial(&job->padata);
	test_note(&record->bad_contexts, irqs_disabled() != irqs_off);
	test_note(&record->bad_contexts, softirq_count() != bh_off);
}

static inline void test_finish_list(struct llist_head *head)
{
	struct test_job *job, *next;

	llist_for_each_entry_safe(job, next, llist_del_all(head), node)
		test_finish(job, TEST_RUNS);
}

static inline void test_end_irqsoff(struct test_job *job)
{
	unsigned long flags;

	local_irq_save(flags);
	test_finish(job, TEST_RUNS);
	local_irq_restore(flags);
}

static inline void test_end_held(struct test_job *job)
{
	struct test_lane *lane = job->lane;

	atomic_set(&job->stage, TEST_HELD);
	/* Pairs with bed_unhold(): either sees the other's store. */
	smp_mb();
	if (READ_ONCE(lane->bed->ending)) {
		if (atomic_cmpxchg(&job->stage, TEST_HELD, TEST_RUNS) == TEST_HELD)
			test_finish(job, TEST_RUNS);
		return;
	}
	if (atomic_inc_return(&lane->held) == READ_ONCE(lane->wake_held))
		wake_up_all(&lane->wq);
}

/* Hands the job to the ender of this CPU, or of the next one. */
static inline void test_end_later(struct test_job *job, enum test_end end)
{
	struct test_bed *bed = job->lane->bed;
	int cpu = smp_processor_id();
	struct test_ender *ender = &bed->enders[cpu];

	if (!llist_add(&job->node, &ender->jobs[end]))
		return;
	if (end == TEST_END_WORK)
		queue_work_on(test_next_cpu(cpu), bed->wq, &ender->work);
	else if (end == TEST_END_TIMER)
		mod_timer(&ender->timer, jiffies + 1);
	else if (end == TEST_END_HRTIMER)
		hrtimer_start(&ender->hrtimer, ns_to_ktime(20 * NSEC_PER_USEC),
			      HRTIMER_MODE_REL_PINNED_HARD);
	else
		irq_work_queue(&ender->irq_work);
}

static inline void test_end_job(struct test_job *job)
{
	struct test_bed *bed = job->lane->bed;

	switch (job->end) {
	case TEST_END_PARALLEL:
		return test_finish(job, TEST_RUNS);
	case TEST_END_IRQSOFF:
		return test_end_irqsoff(job);
	case TEST_END_HELD:
		return test_end_held(job);
	case TEST_END_THREAD:
		if (llist_add(&job->node, &bed->thread_jobs))
			wake_up_process(bed->thread);
		return;
	default:
		return test_end_later(job, job->end);
	}
}

/* Return true if the submitter runs the job, inside padata_do_parallel(). */
static inline bool test_job_is_inline(const struct test_job *job)
{
	return READ_ONCE(job->lane->submitting) == job->nr &&
	       READ_ONCE(job->lane->submitter) == current;
}

static inline bool test_cpu_is_stray(const struct test_job *job)
{
	/* Pairs with bed_allow(). */
	const struct cpumask *allowed = smp_load_acquire(&job->lane->bed->allowed);

	return allowed && !cpumask_test_cpu(smp_processor_id(), allowed);
}

static inline void test_parallel(struct padata_priv *padata)
{
	struct test_job *job = container_of(padata, struct test_job, padata);
	struct test_lane *lane = job->lane;
	struct test_record *record = &lane->bed->record;
	bool is_inline = test_job_is_inline(job);

	if (atomic_cmpxchg(&job->stage, TEST_SUBMITTED, TEST_RUNS) != TEST_SUBMITTED) {
		atomic_inc(&record->doubles);
		return;
	}
	test_note(&record->bad_contexts, test_context_is_bad());
	if (is_inline)
		atomic_inc(&lane->inlined);
	else
		atomic_inc(&record->ran[smp_processor_id()]);

	test_note(&record->strays, !is_inline && test_cpu_is_stray(job));
	test_loop(job->loops);
	if (lane->in_parallel)
		lane->in_parallel(job);
	job->result = ~job->sum;
	test_note(&record->strays, !is_inline && test_cpu_is_stray(job));
	test_end_job(job);
	if (lane->after_end)
		lane->after_end(lane);
}

/* For &test_lane.after_end: parallel() goes on for long after its job is done. */
static inline void test_go_on(struct test_lane *lane)
{
	ktime_t end = ktime_add_ms(ktime_get(), 20);

	while (ktime_before(ktime_get(), end))
		cpu_relax();
	atomic_inc(&lane->gone_on);
}

/* Told to and by test_lasting_serial(). */
static struct completion test_inside;
static atomic_t test_may_leave;

/* For &test_lane.in_serial: serial() lasts until the test lets it return. */
static inline void test_lasting_serial(struct test_lane *lane, u32 nr)
{
	unsigned long until = jiffies + TEST_TIMEOUT;

	complete(&test_inside);
	while (!atomic_read(&test_may_leave) && time_before(jiffies, until))
		cpu_relax();
}

static inline void lane_make_serial_last(struct test_lane *lane)
{
	init_completion(&test_inside);
	atomic_set(&test_may_leave, 0);
	lane->in_serial = test_lasting_serial;
}

static inline bool test_wait_inside(void)
{
	return wait_for_completion_timeout(&test_inside, TEST_TIMEOUT) > 0;
}

static inline void test_check_job(struct test_job *job)
{
	struct test_lane *lane = job->lane;
	struct test_record *record = &lane->bed->record;

	test_note(&record->bad_sums, job->sum != test_sum(job) || job->result != ~job->sum);
	test_note(&record->reorders, (u32)atomic_xchg(&lane->next, job->nr + 1) != job->nr);
}

/* The CPU of serial(). */
static inline void test_check_place(struct test_lane *lane)
{
	struct test_record *record = &lane->bed->record;
	int cpu = smp_processor_id();

	test_note(&record->bad_contexts, test_context_is_bad());
	test_note(&record->bad_cpus, !lane->load.any_cpu && cpu != lane->cb_cpu);
	atomic_inc(&record->served[cpu]);
	WRITE_ONCE(lane->served_cpu, cpu);
}

/* In serial(), or where the submitter has done the job itself. */
static inline void test_job_over(struct test_job *job, bool direct)
{
	struct test_lane *lane = job->lane;
	u32 done, nr = job->nr;

	/* A job that was not to be called back now may be anybody's. */
	if (atomic_cmpxchg(&job->stage, TEST_ENDED, TEST_SERIAL) != TEST_ENDED) {
		atomic_inc(&lane->bed->record.doubles);
		return;
	}
	test_note(&lane->bed->record.overlaps, atomic_inc_return(&lane->inside) != 1);
	test_check_job(job);
	if (!direct)
		test_check_place(lane);
	test_loop(lane->load.serial_us * test_loops_per_us);
	if (lane->load.own_memory)
		kfree(job);
	else
		atomic_set_release(&job->stage, TEST_IDLE);
	if (lane->in_serial)
		lane->in_serial(lane, nr);
	atomic_dec(&lane->inside);
	done = atomic_inc_return(&lane->done);
	if (done == READ_ONCE(lane->wake_feed) || done == READ_ONCE(lane->wake_done))
		wake_up_all(&lane->wq);
}

static inline void test_serial(struct padata_priv *padata)
{
	test_job_over(container_of(padata, struct test_job, padata), false);
}

/* ---- the enders ---- */

static inline void test_ender_work(struct work_struct *work)
{
	struct test_ender *ender = container_of(work, struct test_ender, work);

	test_finish_list(&ender->jobs[TEST_END_WORK]);
}

static inline void test_ender_timer(struct timer_list *timer)
{
	struct test_ender *ender = container_of(timer, struct test_ender, timer);

	test_finish_list(&ender->jobs[TEST_END_TIMER]);
}

static inline enum hrtimer_restart test_ender_hrtimer(struct hrtimer *hrtimer)
{
	struct test_ender *ender = container_of(hrtimer, struct test_ender, hrtimer);

	test_finish_list(&ender->jobs[TEST_END_HRTIMER]);
	return HRTIMER_NORESTART;
}

static inline void test_ender_irq_work(struct irq_work *irq_work)
{
	struct test_ender *ender = container_of(irq_work, struct test_ender, irq_work);

	test_finish_list(&ender->jobs[TEST_END_IRQ_WORK]);
}

static inline int test_ender_thread(void *arg)
{
	struct test_bed *bed = arg;

	while (!kthread_should_stop()) {
		set_current_state(TASK_IDLE);
		if (llist_empty(&bed->thread_jobs) && !kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
		test_finish_list(&bed->thread_jobs);
	}
	return 0;
}

static inline void test_ender_init(struct test_ender *ender)
{
	INIT_WORK(&ender->work, test_ender_work);
	timer_setup(&ender->timer, test_ender_timer, 0);
	compat_hrtimer_setup(&ender->hrtimer, test_ender_hrtimer, CLOCK_MONOTONIC,
			     HRTIMER_MODE_REL_PINNED_HARD);
	ender->irq_work = IRQ_WORK_INIT_HARD(test_ender_irq_work);
}

static inline void bed_stop_enders(struct test_bed *bed)
{
	unsigned int cpu;

	if (!IS_ERR_OR_NULL(bed->thread))
		kthread_stop(bed->thread);
	if (bed->wq)
		destroy_workqueue(bed->wq);
	for (cpu = 0; bed->enders && cpu < nr_cpu_ids; cpu++) {
		timer_delete_sync(&bed->enders[cpu].timer);
		hrtimer_cancel(&bed->enders[cpu].hrtimer);
		irq_work_sync(&bed->enders[cpu].irq_work);
	}
	kfree(bed->enders);
}

static inline bool bed_start_enders(struct test_bed *bed)
{
	unsigned int cpu;

	bed->enders = kcalloc(nr_cpu_ids, sizeof(*bed->enders), GFP_KERNEL);
	if (!bed->enders)
		return false;
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		test_ender_init(&bed->enders[cpu]);
	bed->wq = alloc_workqueue("padata_test", WQ_HIGHPRI | COMPAT_WQ_PERCPU, 0);
	bed->thread = kthread_run(test_ender_thread, bed, "padata_test_end");
	return bed->wq && !IS_ERR(bed->thread);
}

/* ---- submitting ---- */

static inline u32 lane_in_flight(struct test_lane *lane)
{
	/* Done first: a job that serial() submits counts before that serial(). */
	u32 done = atomic_read_acquire(&lane->done);

	return READ_ONCE(lane->submitted) - done;
}

static inline bool lane_should_stop(struct test_lane *lane)
{
	return lane->thread == current && kthread_should_stop();
}

/* Gives up when TEST_TIMEOUT passes without a single callback. */
static inline bool lane_wait(struct test_lane *lane, u32 nr)
{
	u32 done, before;

	do {
		before = atomic_read(&lane->done);
		if (wait_event_timeout(lane->wq, (u32)atomic_read(&lane->done) >= nr ||
				       lane_should_stop(lane), TEST_TIMEOUT))
			return true;
		done = atomic_read(&lane->done);
	} while (done != before);
	test_patience = 2;
	return false;
}

/* The submitter waits until @nr jobs of its lane have been called back. */
static inline bool lane_wait_feed(struct test_lane *lane, u32 nr)
{
	WRITE_ONCE(lane->wake_feed, nr);
	return lane_wait(lane, nr);
}

/* The test waits until @nr jobs of the lane have been called back. */
static inline bool lane_wait_done(struct test_lane *lane, u32 nr)
{
	WRITE_ONCE(lane->wake_done, nr);
	return lane_wait(lane, nr);
}

/* Waits until @nr jobs of the lane are held. */
static inline bool lane_wait_held(struct test_lane *lane, u32 nr)
{
	WRITE_ONCE(lane->wake_held, nr);
	return wait_event_timeout(lane->wq, (u32)atomic_read(&lane->held) >= nr,
				  TEST_TIMEOUT) > 0;
}

static inline enum test_end lane_choose_end(struct test_lane *lane)
{
	static const u8 mix[] = {
		TEST_END_IRQSOFF, TEST_END_WORK, TEST_END_THREAD, TEST_END_HRTIMER,
		TEST_END_IRQSOFF, TEST_END_WORK, TEST_END_THREAD, TEST_END_HRTIMER,
		TEST_END_IRQSOFF, TEST_END_WORK, TEST_END_IRQ_WORK, TEST_END_HRTIMER,
		TEST_END_IRQ_WORK, TEST_END_WORK, TEST_END_TIMER, TEST_END_HRTIMER,
	};

	if (prandom_u32_state(&lane->rnd) % 100 >= lane->load.percent)
		return TEST_END_PARALLEL;
	if (lane->load.end != TEST_END_MIX)
		return lane->load.end;
	return mix[prandom_u32_state(&lane->rnd) % ARRAY_SIZE(mix)];
}

/* NULL when the job that had the place is still on its way. */
static inline struct test_job *lane_take_job(struct test_lane *lane)
{
	struct test_job *job;

	if (lane->load.own_memory)
		return kzalloc(sizeof(*job), softirq_count() ? GFP_ATOMIC : GFP_KERNEL);
	job = &lane->pool[lane->submitted % lane->nr_pool];
	if (atomic_read_acquire(&job->stage) != TEST_IDLE)
		return NULL;
	memset(job, 0, sizeof(*job));
	return job;
}

static inline void lane_fill_job(struct test_lane *lane, struct test_job *job)
{
	u32 loops = lane->load.spin_us * test_loops_per_us;

	if (loops && !lane->load.spin_even)
		loops = prandom_u32_state(&lane->rnd) % loops;
	job->padata.parallel = test_parallel;
	job->padata.serial = test_serial;
	job->lane = lane;
	job->nr = lane->submitted;
	job->loops = loops;
	job->end = lane_choose_end(lane);
	job->sum = test_sum(job);
	atomic_set(&job->stage, TEST_SUBMITTED);
}

static inline int lane_refused(struct test_lane *lane, struct test_job *job, int err)
{
	lane->refused++;
	if (err == -EBUSY)
		lane->busy++;
	if (lane->load.own_memory)
		kfree(job);
	else
		atomic_set(&job->stage, TEST_IDLE);
	return err;
}

/* Submits the next job, asking for callbacks on @cpu. */
static inline int lane_submit_on(struct test_lane *lane, int cpu)
{
	struct test_job *job = lane_take_job(lane);
	unsigned long bh_off = softirq_count();
	int err;

	if (!job)
		return -ENOMEM;
	lane_fill_job(lane, job);
	WRITE_ONCE(lane->submitter, current);
	WRITE_ONCE(lane->submitting, lane->submitted);
	err = (lane->load.submit ?: padata_do_parallel)(lane->ps, &job->padata, &cpu);
	WRITE_ONCE(lane->submitting, TEST_NONE);
	test_note(&lane->bed->record.bad_contexts, softirq_count() != bh_off);
	lane->got_cpu = cpu;
	if (err)
		return lane_refused(lane, job, err);
	WRITE_ONCE(lane->submitted, lane->submitted + 1);
	return 0;
}

static inline int lane_submit(struct test_lane *lane)
{
	return lane_submit_on(lane, lane->cb_cpu);
}

/* A full window is emptied to half before submitting goes on. */
static inline bool lane_wait_window(struct test_lane *lane)
{
	if (lane_in_flight(lane) < lane->nr_pool)
		return true;
	return lane_wait_feed(lane, lane->submitted - lane->nr_pool / 2);
}

/* A place still in use with the window not full was overtaken. */
static inline bool lane_wait_place(struct test_lane *lane)
{
	struct test_job *job = &lane->pool[lane->submitted % lane->nr_pool];

	if (lane->load.own_memory || atomic_read_acquire(&job->stage) == TEST_IDLE)
		return true;
	return lane_wait_feed(lane, lane->submitted);
}

/* Submits up to @nr jobs and sleeps when the window is full. */
static inline int lane_feed(struct test_lane *lane, u32 nr)
{
	int err;

	while (nr && !lane_should_stop(lane)) {
		/* A submitter that has to run its jobs itself does not sleep. */
		cond_resched();
		if (!lane_wait_window(lane) || !lane_wait_place(lane))
			return -ETIMEDOUT;
		err = lane_submit(lane);
		if (!err)
			nr--;
		else if (lane->load.retry)
			wait_event_timeout(lane->bed->retry, false, 1);
		else
			return err;
	}
	return 0;
}

static inline int lane_thread(void *arg)
{
	struct test_lane *lane = arg;

	lane_feed(lane, lane->load.jobs);
	complete_all(&lane->fed);
	for (;;) {
		set_current_state(TASK_IDLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* Feeds the whole load from a thread of its own. */
static inline void lane_start(struct test_lane *lane)
{
	struct task_struct *thread;

	thread = kthread_create(lane_thread, lane, "padata_test/%u", lane->id);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(lane->bed->test, thread);
	lane->thread = thread;
	wake_up_process(thread);
}

/* Feeds the whole load from here. */
static inline void lane_run(struct test_lane *lane)
{
	KUNIT_EXPECT_EQ(lane->bed->test, lane_feed(lane, lane->load.jobs), 0);
}

/* Ends a held job; false when it is not held (any more). */
static inline bool lane_release_job(struct test_lane *lane, u32 nr)
{
	struct test_job *job = &lane->pool[nr % lane->nr_pool];

	if (job->nr != nr ||
	    atomic_cmpxchg(&job->stage, TEST_HELD, TEST_RUNS) != TEST_HELD)
		return false;
	test_finish(job, TEST_RUNS);
	return true;
}

/* Ends the held jobs before @nr, and waits for the callback of each. */
static inline void lane_release_each(struct test_lane *lane, u32 nr)
{
	struct kunit *test = lane->bed->test;
	u32 i;

	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_TRUE(test, lane_release_job(lane, i));
		KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, i + 1));
	}
}

/* ---- the bed ---- */

static inline void lane_free(struct test_lane *lane)
{
	kvfree(lane->pool);
	kfree(lane);
}

static inline struct test_lane *lane_alloc(struct test_bed *bed, const struct test_load *load)
{
	struct test_lane *lane = kzalloc(sizeof(*lane), GFP_KERNEL);

	if (!lane)
		return NULL;
	lane->bed = bed;
	lane->load = *load;
	lane->nr_pool = load->window ?: load->jobs;
	lane->submitting = TEST_NONE;
	lane->served_cpu = -1;
	init_completion(&lane->fed);
	init_waitqueue_head(&lane->wq);
	if (load->own_memory)
		return lane;
	lane->pool = kvcalloc(lane->nr_pool, sizeof(*lane->pool), GFP_KERNEL);
	if (lane->pool)
		return lane;
	lane_free(lane);
	return NULL;
}

/* A lane on @ps; the callback CPUs of successive lanes go round. */
static inline struct test_lane *bed_lane(struct test_bed *bed, struct padata_shell *ps,
					 const struct test_load *load)
{
	struct test_lane *lane = lane_alloc(bed, load);

	KUNIT_ASSERT_NOT_NULL(bed->test, lane);
	lane->ps = ps;
	lane->id = bed->nr_lanes++;
	lane->cb_cpu = test_online_cpu(lane->id + 1);
	prandom_seed_state(&lane->rnd, TEST_SEED + lane->id);
	list_add_tail(&lane->node, &bed->lanes);
	return lane;
}

/* Keeps the window full from inside the lane's own callbacks. */
static inline void lane_resubmit(struct test_lane *lane, u32 nr)
{
	while (lane->submitted < lane->load.jobs &&
	       lane_in_flight(lane) < lane->load.window &&
	       !READ_ONCE(lane->bed->ending))
		if (lane_submit(lane))
			break;
}

static inline void lane_resubmit_next(struct test_lane *kick, u32 nr)
{
	lane_resubmit(list_next_entry(kick, node), nr);
}

/*
 * A lane whose only submitter is serial(): first that of a job of another lane,
 * then its own.
 */
static inline struct test_lane *bed_chain(struct test_bed *bed, struct padata_shell *ps,
					  const struct test_load *load)
{
	struct test_lane *kick = bed_lane(bed, ps, &(struct test_load){ .jobs = 1 });
	struct test_lane *lane = bed_lane(bed, ps, load);

	kick->cb_cpu = lane->cb_cpu;
	kick->in_serial = lane_resubmit_next;
	lane->in_serial = lane_resubmit;
	return lane;
}

static inline void lane_run_chain(struct test_lane *lane)
{
	struct kunit *test = lane->bed->test;

	KUNIT_ASSERT_EQ(test, lane_submit(list_prev_entry(lane, node)), 0);
	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, lane->load.jobs));
}

static inline struct padata_shell *bed_shell(struct test_bed *bed)
{
	unsigned int i;

	for (i = 0; i < TEST_SHELLS - 1 && bed->shells[i]; i++)
		;
	KUNIT_ASSERT_NULL(bed->test, bed->shells[i]);
	bed->shells[i] = padata_alloc_shell(bed->pinst);
	KUNIT_ASSERT_NOT_NULL(bed->test, bed->shells[i]);
	return bed->shells[i];
}

/* The test frees this shell itself. */
static inline struct padata_shell *bed_forget_shell(struct test_bed *bed,
						    struct padata_shell *ps)
{
	unsigned int i;

	for (i = 0; i < TEST_SHELLS; i++)
		if (bed->shells[i] == ps)
			bed->shells[i] = NULL;
	return ps;
}

static inline void bed_free_shells(struct test_bed *bed)
{
	unsigned int i;

	for (i = 0; i < TEST_SHELLS; i++)
		if (bed->shells[i])
			padata_free_shell(bed_forget_shell(bed, bed->shells[i]));
}

static inline void bed_free_pinst(struct test_bed *bed)
{
	struct padata_instance *pinst = bed->pinst;

	bed->pinst = NULL;
	if (pinst)
		padata_free(pinst);
}

/* Jobs that are held go on, and none is held from now on. */
static inline void bed_unhold(struct test_bed *bed)
{
	struct test_lane *lane;
	u32 i;

	WRITE_ONCE(bed->ending, true);
	/* Pairs with test_end_held(). */
	smp_mb();
	list_for_each_entry(lane, &bed->lanes, node)
		for (i = 0; lane->pool && i < lane->nr_pool; i++)
			lane_release_job(lane, lane->pool[i].nr);
}

/* Waits until all is submitted; longer, while the callbacks go on. */
static inline bool lane_wait_fed(struct test_lane *lane)
{
	u32 before;

	do {
		before = atomic_read(&lane->done);
		if (wait_for_completion_timeout(&lane->fed, TEST_TIMEOUT))
			return true;
	} while (before != (u32)atomic_read(&lane->done));
	return false;
}

static inline bool lane_settle(struct test_lane *lane)
{
	if (lane->thread && !lane_wait_fed(lane))
		return false;
	do {
		if (!lane_wait_done(lane, READ_ONCE(lane->submitted)))
			return false;
		cond_resched();
	} while ((int)lane_in_flight(lane) > 0);
	return true;
}

/* Waits for all lanes; false when a job was lost. */
static inline bool bed_settle(struct test_bed *bed)
{
	struct test_lane *lane;

	list_for_each_entry(lane, &bed->lanes, node)
		bed->lost = bed->lost || !lane_settle(lane);
	return !bed->lost;
}

static inline void bed_stop_lanes(struct test_bed *bed)
{
	struct test_lane *lane;

	list_for_each_entry(lane, &bed->lanes, node) {
		if (lane->thread)
			kthread_stop(lane->thread);
		lane->thread = NULL;
	}
}

static inline void bed_free(struct test_bed *bed)
{
	struct test_lane *lane, *next;

	bed_stop_enders(bed);
	list_for_each_entry_safe(lane, next, &bed->lanes, node)
		lane_free(lane);
	while (bed->nr_masks)
		kfree(bed->masks[--bed->nr_masks]);
	kfree(bed->record.ran);
	kfree(bed->record.served);
	kfree(bed);
}

static inline void bed_release(void *arg)
{
	struct test_bed *bed = arg;

	bed_stop_lanes(bed);
	bed_unhold(bed);
	if (!bed_settle(bed)) {
		/* Some job may still be used: this module has to stay, too. */
		__module_get(THIS_MODULE);
		kunit_err(bed->test, "jobs lost, memory leaked\n");
		return;
	}
	bed_free_shells(bed);
	bed_free_pinst(bed);
	bed_free(bed);
}

static inline bool bed_fill(struct test_bed *bed)
{
	INIT_LIST_HEAD(&bed->lanes);
	init_waitqueue_head(&bed->retry);
	bed->record.ran = kcalloc(nr_cpu_ids, sizeof(atomic_t), GFP_KERNEL);
	bed->record.served = kcalloc(nr_cpu_ids, sizeof(atomic_t), GFP_KERNEL);
	if (!bed_start_enders(bed))
		return false;
	bed->pinst = padata_alloc("padata_test");
	return bed->pinst && bed->record.ran && bed->record.served;
}

/* An instance with default masks; all of the bed goes away with the test. */
static inline struct test_bed *bed_make(struct kunit *test)
{
	struct test_bed *bed = kzalloc(sizeof(*bed), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bed);
	bed->test = test;
	if (!bed_fill(bed)) {
		bed_free_pinst(bed);
		bed_free(bed);
		KUNIT_ASSERT_TRUE_MSG(test, false, "no memory, or no instance");
	}
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, bed_release, bed), 0);
	test_calibrate();
	if (test->priv)
		return bed;
	test->priv = bed;
	kunit_info(test, "seed %#x, %lu loops/us, %u CPUs\n", TEST_SEED,
		   test_loops_per_us, num_online_cpus());
	return bed;
}

/* A mask to fill in that lives as long as the bed. */
static inline struct cpumask *bed_mask(struct test_bed *bed)
{
	struct cpumask *mask = kzalloc(cpumask_size(), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(bed->test, mask);
	KUNIT_ASSERT_LT(bed->test, bed->nr_masks, TEST_MASKS);
	bed->masks[bed->nr_masks++] = mask;
	return mask;
}

static inline void bed_set_mask(struct test_bed *bed, int type, const struct cpumask *mask)
{
	KUNIT_EXPECT_EQ(bed->test, padata_set_cpumask(bed->pinst, type, mask), 0);
}

/* From here on parallel() runs on these CPUs only; NULL for any. */
static inline void bed_allow(struct test_bed *bed, const struct cpumask *mask)
{
	/* Pairs with test_cpu_is_stray(): the mask's bits come first. */
	smp_store_release(&bed->allowed, mask);
}

static inline u32 bed_lost(struct test_bed *bed)
{
	struct test_lane *lane;
	u32 lost = 0;

	list_for_each_entry(lane, &bed->lanes, node)
		lost += lane_in_flight(lane);
	return lost;
}

/*
 * The same while others submit, who count a job after the call.  One that is done by then has
 * not to be counted as less than none.
 */
static inline u32 bed_in_flight(struct test_bed *bed)
{
	struct test_lane *lane;
	u32 in_flight = 0;

	list_for_each_entry(lane, &bed->lanes, node)
		in_flight += max((s32)lane_in_flight(lane), 0);
	return in_flight;
}

static inline u32 bed_inlined(struct test_bed *bed)
{
	struct test_lane *lane;
	u32 inlined = 0;

	list_for_each_entry(lane, &bed->lanes, node)
		inlined += atomic_read(&lane->inlined);
	return inlined;
}

static inline void bed_expect_none(struct test_bed *bed, const atomic_t *counter,
				   const char *what)
{
	KUNIT_EXPECT_EQ_MSG(bed->test, atomic_read(counter), 0, "%s", what);
}

/* Waits for all jobs, then judges the records. */
static inline void bed_expect_clean(struct test_bed *bed)
{
	struct test_record *record = &bed->record;

	KUNIT_EXPECT_TRUE_MSG(bed->test, bed_settle(bed), "jobs lost");
	KUNIT_EXPECT_EQ_MSG(bed->test, bed_lost(bed), 0, "jobs lost");
	bed_expect_none(bed, &record->reorders, "out of turn");
	bed_expect_none(bed, &record->overlaps, "two callbacks at once");
	bed_expect_none(bed, &record->doubles, "a step taken twice, or too early");
	bed_expect_none(bed, &record->bad_sums, "not the job that was submitted");
	bed_expect_none(bed, &record->bad_cpus, "not on the callback CPU");
	bed_expect_none(bed, &record->strays, "parallel() outside the mask");
	bed_expect_none(bed, &record->bad_contexts, "wrong context");
}

/* ---- calls that may have to wait ---- */

/**
 * struct test_waiter - makes a call in a work item
 * @work: The work item.
 * @bed: What it is about.
 * @call: What is called.
 * @ps: For @call.
 * @queued: The work item has been queued.
 * @over: @call has returned.
 * @in_flight: How many jobs @call has left in flight.
 */
struct test_waiter {
	struct work_struct	work;
	struct test_bed		*bed;
	void			(*call)(struct test_waiter *waiter);
	struct padata_shell	*ps;
	bool			queued;
	struct completion	over;
	u32			in_flight;
};

static inline void test_waiter_work(struct work_struct *work)
{
	struct test_waiter *waiter = container_of(work, struct test_waiter, work);

	waiter->call(waiter);
	waiter->in_flight = bed_in_flight(waiter->bed);
	complete_all(&waiter->over);
}

static inline bool test_waiter_is_over(struct test_waiter *waiter)
{
	return wait_for_completion_timeout(&waiter->over, TEST_TIMEOUT) > 0;
}

static inline void test_waiter_release(void *arg)
{
	struct test_waiter *waiter = arg;

	bed_unhold(waiter->bed);
	if (waiter->queued && !test_waiter_is_over(waiter)) {
		waiter->bed->lost = true;
		return;
	}
	flush_work(&waiter->work);
	kfree(waiter);
}

static inline struct test_waiter *bed_waiter(struct test_bed *bed,
					     void (*call)(struct test_waiter *waiter))
{
	struct test_waiter *waiter = kzalloc(sizeof(*waiter), GFP_KERNEL);
	struct kunit *test = bed->test;

	KUNIT_ASSERT_NOT_NULL(test, waiter);
	waiter->bed = bed;
	waiter->call = call;
	INIT_WORK(&waiter->work, test_waiter_work);
	init_completion(&waiter->over);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_waiter_release, waiter), 0);
	return waiter;
}

static inline void test_waiter_start(struct test_waiter *waiter)
{
	waiter->queued = true;
	reinit_completion(&waiter->over);
	queue_work(system_unbound_wq, &waiter->work);
}

/* ---- sysfs ---- */

static inline void test_kset_unregister(void *kset)
{
	kset_unregister(kset);
}

/* Made before the bed, so that it goes after the bed. */
static inline struct kset *test_kset(struct kunit *test)
{
	struct kset *kset = kset_create_and_add(test->name, NULL, kernel_kobj);

	KUNIT_ASSERT_NOT_NULL(test, kset);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_kset_unregister, kset), 0);
	return kset;
}

static inline void bed_add_kobj(struct test_bed *bed, struct kset *kset)
{
	bed->pinst->kobj.kset = kset;
	KUNIT_ASSERT_EQ(bed->test, kobject_add(&bed->pinst->kobj, NULL, "instance"), 0);
}

/* The attribute of that name; NULL when the instance has none. */
static inline struct attribute *bed_attr(struct test_bed *bed, const char *name)
{
	const struct attribute_group **group = bed->pinst->kobj.ktype->default_groups;
	struct attribute **attr;

	for (; group && *group; group++)
		for (attr = (*group)->attrs; attr && *attr; attr++)
			if (!strcmp((*attr)->name, name))
				return *attr;
	return NULL;
}

/* ULONG_MAX where it can't be read. */
static inline unsigned long bed_counter(struct test_bed *bed, const char *name)
{
	struct attribute *attr = bed_attr(bed, name);
	struct kobject *kobj = &bed->pinst->kobj;
	unsigned long value = ULONG_MAX;
	char *buf = (char *)get_zeroed_page(GFP_KERNEL);

	if (attr && buf && kobj->ktype->sysfs_ops->show(kobj, attr, buf) > 0 &&
	    kstrtoul(buf, 0, &value))
		value = ULONG_MAX;
	free_page((unsigned long)buf);
	return value;
}

/* ---- threads and CPUs ---- */

static inline void test_online(void *arg)
{
	unsigned long cpu = (unsigned long)arg;

	if (!cpu_online(cpu) && add_cpu(cpu))
		pr_err("padata_test: CPU %lu stays offline\n", cpu);
}

/* The last CPU, back online when the test ends; -1 when it is the only one. */
static inline int test_pluggable_cpu(struct kunit *test)
{
	unsigned long cpu = test_last_cpu();

	if (num_online_cpus() == 1)
		return -1;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_online, (void *)cpu), 0);
	return cpu;
}

/* ---- stalls: a CPU held up at a bad moment ---- */

enum test_stall_state {
	TEST_STALL_ARMED,
	TEST_STALL_STUCK,	/* the CPU sits in the interrupt */
	TEST_STALL_OVER,
};

/**
 * struct test_stall - holds a CPU up inside a call of padata_do_serial()
 * @hrtimer: Interrupts that call.
 * @work: Makes it, on the CPU that is to be held up.
 * @job: What it ends.
 * @after_us: From before the call to the interrupt.
 * @state: See enum test_stall_state.
 */
struct test_stall {
	struct hrtimer		hrtimer;
	struct work_struct	work;
	struct test_job		*job;
	unsigned int		after_us;
	int			state;
};

/* Sits there until the test says it is over, but not for ever. */
static inline enum hrtimer_restart test_stall_hrtimer(struct hrtimer *hrtimer)
{
	struct test_stall *stall = container_of(hrtimer, struct test_stall, hrtimer);
	ktime_t end = ktime_add_us(ktime_get(), num_online_cpus() > 1 ? 2000 : 50);

	cmpxchg(&stall->state, TEST_STALL_ARMED, TEST_STALL_STUCK);
	while (READ_ONCE(stall->state) == TEST_STALL_STUCK &&
	       ktime_before(ktime_get(), end))
		cpu_relax();
	return HRTIMER_NORESTART;
}

static inline void test_stall_work(struct work_struct *work)
{
	struct test_stall *stall = container_of(work, struct test_stall, work);

	hrtimer_start(&stall->hrtimer, ns_to_ktime(stall->after_us * NSEC_PER_USEC),
		      HRTIMER_MODE_REL_PINNED_HARD);
	test_finish(stall->job, TEST_RUNS);
	hrtimer_cancel(&stall->hrtimer);
	WRITE_ONCE(stall->state, TEST_STALL_OVER);
}

static inline void test_stall_init(struct test_stall *stall)
{
	INIT_WORK_ONSTACK(&stall->work, test_stall_work);
	compat_hrtimer_setup_on_stack(&stall->hrtimer, test_stall_hrtimer, CLOCK_MONOTONIC,
				      HRTIMER_MODE_REL_PINNED_HARD);
}

/* The test's own thread keeps off the CPU that is to be held up. */
static inline void test_keep_off_last_cpu(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(test_online_cpu(0))), 0);
}

/* Ends the held job @nr on the last CPU; returns once that CPU is held up. */
static inline void test_stall_begin(struct test_stall *stall, struct test_lane *lane, u32 nr,
				    unsigned int after_us)
{
	struct test_job *job = &lane->pool[nr % lane->nr_pool];

	stall->state = TEST_STALL_ARMED;
	stall->job = job;
	stall->after_us = after_us;
	if (atomic_cmpxchg(&job->stage, TEST_HELD, TEST_RUNS) != TEST_HELD)
		atomic_inc(&lane->bed->record.doubles);
	queue_work_on(test_last_cpu(), lane->bed->wq, &stall->work);
	while (READ_ONCE(stall->state) == TEST_STALL_ARMED)
		cond_resched();
}

static inline void test_stall_end(struct test_stall *stall)
{
	WRITE_ONCE(stall->state, TEST_STALL_OVER);
	flush_work(&stall->work);
}

static inline void test_stall_destroy(struct test_stall *stall)
{
	destroy_hrtimer_on_stack(&stall->hrtimer);
	destroy_work_on_stack(&stall->work);
}

/* ---- a CPU that a realtime task keeps ---- */

/* Clearly less than a realtime task may have of a second. */
#define TEST_HOG_MS	700

enum test_hog_state { TEST_HOG_STARTS, TEST_HOG_SITS, TEST_HOG_GOES };

/**
 * struct test_hog - keeps all else off its CPU, but for interrupts and RCU
 * @thread: The task.
 * @state: See enum test_hog_state.
 * @still: It also keeps off the scheduler's server of ordinary tasks (from 6.12 on),
 *	and RCU, by disabled preemption.
 * @begin: What the task does there first; may be NULL.
 */
struct test_hog {
	struct task_struct	*thread;
	int			state;
	bool			still;
	void			(*begin)(struct test_hog *hog);
};

static inline int test_hog_thread(void *arg)
{
	struct test_hog *hog = arg;
	ktime_t end = ktime_add_ms(ktime_get(), TEST_HOG_MS);

	if (hog->still)
		preempt_disable();
	WRITE_ONCE(hog->state, TEST_HOG_SITS);
	if (hog->begin)
		hog->begin(hog);
	while (!kthread_should_stop() && ktime_before(ktime_get(), end))
		cpu_relax();
	WRITE_ONCE(hog->state, TEST_HOG_GOES);
	if (hog->still)
		preempt_enable();
	while (!kthread_should_stop())
		schedule_timeout_idle(1);
	return 0;
}

/* It begins when it is woken. */
static inline void test_hog_make(struct kunit *test, struct test_hog *hog, int cpu)
{
	hog->state = TEST_HOG_STARTS;
	hog->thread = kthread_create_on_cpu(test_hog_thread, hog, cpu, "padata_test_hog/%u");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, hog->thread);
	sched_set_fifo(hog->thread);
}

static inline void test_hog_wait(struct test_hog *hog)
{
	unsigned long end = jiffies + TEST_TIMEOUT;

	while (READ_ONCE(hog->state) == TEST_HOG_STARTS && time_before(jiffies, end))
		cond_resched();
}

static inline void test_hog_start(struct kunit *test, struct test_hog *hog, int cpu)
{
	test_hog_make(test, hog, cpu);
	wake_up_process(hog->thread);
	test_hog_wait(hog);
}

/* True when it sat there all the time. */
static inline bool test_hog_stop(struct test_hog *hog)
{
	bool sat = READ_ONCE(hog->state) == TEST_HOG_SITS;

	kthread_stop(hog->thread);
	return sat;
}

/* ---- settings in sysfs, for suites with test_root_get() and test_root_put() ---- */

struct test_param {
	const char	*path;
	const char	*was;
};

static inline void test_restore(void *arg)
{
	struct test_param *param = arg;

	test_write_file(param->path, param->was);
}

static inline void test_set_param(struct kunit *test, const char *path,
				  const char *was, const char *value)
{
	struct test_param *param = kunit_kzalloc(test, sizeof(*param), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, param);
	param->path = path;
	param->was = was;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_restore, param), 0);
	KUNIT_ASSERT_EQ(test, test_write_file(path, value), strlen(value));
}

#endif /* _PADATA_TEST_H */
