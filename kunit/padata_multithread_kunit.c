// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_multithread: each unit handed out once, errors, undo and signals; where
 * and at which priority helpers run; no wait is for a helper that does not start.
 *
 * Thread functions only record their calls, the test's own thread judges.
 */
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>
#include <linux/sort.h>

#include "padata_test.h"

#define MT_CALLS	4096
#define MT_TASKS	6

struct mt_bed;

/* One call of a thread function. */
struct mt_call {
	unsigned long		start;
	unsigned long		end;
	struct task_struct	*task;
	int			cpu;
	int			nice;
	int			err;
};

/**
 * struct mt_bed - a job and its results
 * @test: For expectations.
 * @job: The description; its argument is the bed.
 * @caller: The task that runs the job.
 * @calls: The calls of the thread function.
 * @undone: The calls of the undo function.
 * @nr_calls: How many calls.
 * @nr_undone: How many of them undone.
 * @inside: Threads that are in the thread function.
 * @most: Most of them at a time.
 * @strays: Calls that should not have been made.
 * @done: For &padata_mt_job.done.
 * @in_chunk: What the thread function does; it may return an error.
 * @gate: For @in_chunk.
 * @leave: For @in_chunk.
 * @arg: For @in_chunk.
 * @note: For @in_chunk.
 */
struct mt_bed {
	struct kunit		*test;
	struct padata_mt_job	job;
	struct task_struct	*caller;
	struct mt_call		*calls;
	struct mt_call		*undone;
	atomic_t		nr_calls;
	atomic_t		nr_undone;
	atomic_t		inside;
	atomic_t		most;
	atomic_t		strays;
	atomic_long_t		done;
	int			(*in_chunk)(struct mt_bed *bed, struct mt_call *call);
	struct completion	gate;
	struct completion	leave;
	unsigned long		arg;
	atomic_t		note;
};

static void mt_note_most(struct mt_bed *bed, int inside)
{
	int most = atomic_read(&bed->most);

	while (inside > most && !atomic_try_cmpxchg(&bed->most, &most, inside))
		;
}

static int mt_record(unsigned long start, unsigned long end, void *arg)
{
	struct mt_bed *bed = arg;
	int nr = atomic_inc_return(&bed->nr_calls) - 1;
	struct mt_call *call = &bed->calls[nr];
	int err = 0;

	if (nr >= MT_CALLS)
		return -EOVERFLOW;
	mt_note_most(bed, atomic_inc_return(&bed->inside));
	call->start = start;
	call->end = end;
	call->task = current;
	call->cpu = raw_smp_processor_id();
	call->nice = task_nice(current);
	if (bed->in_chunk)
		err = bed->in_chunk(bed, call);
	call->err = err;
	atomic_dec(&bed->inside);
	return err;
}

static void mt_record_void(unsigned long start, unsigned long end, void *arg)
{
	mt_record(start, end, arg);
}

static void mt_record_undo(unsigned long start, unsigned long end, void *arg)
{
	struct mt_bed *bed = arg;
	int nr = atomic_inc_return(&bed->nr_undone) - 1;

	test_note(&bed->strays, nr >= MT_CALLS || current != bed->caller ||
		  atomic_read(&bed->inside));
	if (nr >= MT_CALLS)
		return;
	bed->undone[nr].start = start;
	bed->undone[nr].end = end;
}

static void mt_bed_free(void *arg)
{
	struct mt_bed *bed = arg;

	kvfree(bed->calls);
	kvfree(bed->undone);
	kfree(bed);
}

static struct mt_bed *mt_bed_alloc(struct kunit *test)
{
	struct mt_bed *bed = kzalloc(sizeof(*bed), GFP_KERNEL);

	if (!bed)
		return NULL;
	bed->test = test;
	bed->calls = kvcalloc(MT_CALLS, sizeof(*bed->calls), GFP_KERNEL);
	bed->undone = kvcalloc(MT_CALLS, sizeof(*bed->undone), GFP_KERNEL);
	if (bed->calls && bed->undone)
		return bed;
	mt_bed_free(bed);
	return NULL;
}

/* A job of @size units that may be cut everywhere, and fail. */
static struct mt_bed *mt_bed(struct kunit *test, unsigned long size)
{
	struct mt_bed *bed = mt_bed_alloc(test);

	KUNIT_ASSERT_NOT_NULL(test, bed);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mt_bed_free, bed), 0);
	test_calibrate();
	bed->job.thread_fn_err = mt_record;
	bed->job.fn_arg = bed;
	bed->job.size = size;
	bed->job.max_threads = INT_MAX;
	bed->job.done = &bed->done;
	return bed;
}

static int mt_bed_run(struct mt_bed *bed)
{
	bed->caller = current;
	atomic_set(&bed->nr_calls, 0);
	atomic_set(&bed->nr_undone, 0);
	atomic_set(&bed->most, 0);
	init_completion(&bed->gate);
	if (bed->job.thread_fn_err)
		return padata_do_multithreaded_err(&bed->job);
	padata_do_multithreaded(&bed->job);
	return 0;
}

/* In the order of the range, which may end where numbers wrap. */
static int mt_compare(const void *a, const void *b)
{
	const struct mt_call *one = a, *other = b;

	return one->start < other->start ? -1 : one->start > other->start;
}

static int mt_bed_sort(struct mt_bed *bed)
{
	int nr = min(atomic_read(&bed->nr_calls), MT_CALLS);

	sort(bed->calls, nr, sizeof(*bed->calls), mt_compare, NULL);
	return nr;
}

/* Return the fault of the chunks as they were handed out, or NULL. */
static const char *mt_bed_fault(struct mt_bed *bed, bool whole)
{
	const struct padata_mt_job *job = &bed->job;
	unsigned long units, at = job->start;
	int i, nr = mt_bed_sort(bed);

	if (atomic_read(&bed->inside))
		return "a thread is still inside";
	if (atomic_read(&bed->most) > max(job->max_threads, 1))
		return "more threads than allowed";
	for (i = 0; i < nr; i++) {
		units = bed->calls[i].end - bed->calls[i].start;
		if (bed->calls[i].start != at)
			return "a gap, or units handed out twice";
		if (i && job->align && at % job->align)
			return "a border off the alignment";
		if (!units || units < min(job->min_chunk, job->size))
			return "a chunk that is too small";
		at += units;
	}
	if (whole && at != job->start + job->size)
		return "not all handed out";
	return at - job->start > job->size ? "more than all handed out" : NULL;
}

static void mt_say(struct mt_bed *bed, const char *fault)
{
	const struct padata_mt_job *job = &bed->job;

	kunit_info(bed->test, "%s: start %#lx size %#lx align %#lx min_chunk %#lx max_threads %d: %d chunks\n",
		   fault, job->start, job->size, job->align, job->min_chunk,
		   job->max_threads, atomic_read(&bed->nr_calls));
}

static void mt_bed_expect_cover(struct mt_bed *bed, bool whole)
{
	const char *fault = mt_bed_fault(bed, whole);

	if (fault)
		mt_say(bed, fault);
	KUNIT_EXPECT_NULL(bed->test, fault);
	KUNIT_EXPECT_EQ(bed->test, atomic_read(&bed->strays), 0);
}

/* All units are done. */
static void mt_bed_expect_all(struct mt_bed *bed)
{
	KUNIT_EXPECT_EQ(bed->test, mt_bed_run(bed), 0);
	mt_bed_expect_cover(bed, true);
	if (bed->job.done)
		KUNIT_EXPECT_EQ(bed->test, (unsigned long)atomic_long_read(&bed->done),
				bed->job.size);
}

/* Runs the job somewhere, and expects that it is done in time. */
static bool mt_wait(struct completion *done)
{
	return wait_for_completion_timeout(done, TEST_TIMEOUT) > 0;
}

/* ---- where the borders are ---- */

/* Numbers of every magnitude are equally likely. */
static unsigned long mt_random(struct rnd_state *rnd)
{
	u64 number = (u64)prandom_u32_state(rnd) << 32 | prandom_u32_state(rnd);

	return number >> (prandom_u32_state(rnd) % 64);
}

/* Such a number, one of a power of two, or a very small one. */
static unsigned long mt_random_unit(struct rnd_state *rnd)
{
	switch (prandom_u32_state(rnd) % 4) {
	case 0:
		return mt_random(rnd);
	case 1:
		return 1UL << prandom_u32_state(rnd) % 64;
	default:
		return prandom_u32_state(rnd) % 100;
	}
}

static int mt_random_threads(struct rnd_state *rnd)
{
	static const int threads[] = { INT_MIN, -1, 0, 1, 2, 3, 5, 1000, INT_MAX, INT_MAX };

	return threads[prandom_u32_state(rnd) % ARRAY_SIZE(threads)];
}

static void mt_draw(struct padata_mt_job *job, struct rnd_state *rnd)
{
	job->start = mt_random(rnd);
	job->size = mt_random(rnd);
	/* A range beyond the last number is cut to end there, or one unit later. */
	if (job->size - 1 > ULONG_MAX - job->start)
		job->size = ULONG_MAX - job->start + prandom_u32_state(rnd) % 2;
	job->align = mt_random_unit(rnd);
	job->min_chunk = mt_random_unit(rnd);
	job->max_threads = mt_random_threads(rnd);
	job->numa_aware = prandom_u32_state(rnd) % 2;
}

/* Half of the jobs have either function, a quarter has a counter. */
static void mt_draw_use(struct mt_bed *bed, struct rnd_state *rnd)
{
	bool fallible = prandom_u32_state(rnd) % 2;

	bed->job.thread_fn = fallible ? NULL : mt_record_void;
	bed->job.thread_fn_err = fallible ? mt_record : NULL;
	bed->job.undo_fn = fallible && prandom_u32_state(rnd) % 2 ? mt_record_undo : NULL;
	bed->job.killable = fallible && prandom_u32_state(rnd) % 2;
	bed->job.done = prandom_u32_state(rnd) % 4 ? NULL : &bed->done;
}

/* Return a fault, or NULL. */
static const char *mt_try_random(struct mt_bed *bed, struct rnd_state *rnd)
{
	mt_draw(&bed->job, rnd);
	mt_draw_use(bed, rnd);
	if (mt_bed_run(bed))
		return "an error";
	return mt_bed_fault(bed, true);
}

static void covers_random_descriptions(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 0);
	const char *fault = NULL;
	unsigned long chunks = 0;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, TEST_SEED);
	for (i = 0; i < 10000 && !fault; i++) {
		fault = mt_try_random(bed, &rnd);
		chunks += atomic_read(&bed->nr_calls);
	}
	kunit_info(test, "seed %#x, %d descriptions, %lu chunks\n", TEST_SEED, i, chunks);
	if (fault)
		mt_say(bed, fault);
	KUNIT_EXPECT_NULL(test, fault);
	KUNIT_EXPECT_GT(test, chunks, 2 * i);
}

struct mt_edge {
	const char	*what;
	unsigned long	start, size, align, min_chunk;
	int		max_threads;
	int		most_chunks;	/* 0 for any number */
};

static const struct mt_edge mt_edges[] = {
	{ "one unit", 7, 1, 1, 1, 8, 1 },
	{ "less than min_chunk", 0, 99, 1, 100, 8, 1 },
	{ "exactly min_chunk", 0, 100, 1, 100, 8, 1 },
	{ "a unit more than min_chunk", 0, 101, 1, 100, 8, 1 },
	{ "twice min_chunk", 0, 200, 1, 100, 8, 2 },
	{ "min_chunk 0", 0, 1000, 1, 0, 8, 0 },
	{ "align 0", 5, 1000, 0, 1, 8, 0 },
	{ "align and min_chunk 0", 5, 3, 0, 0, 8, 0 },
	{ "align 1", 5, 1000, 1, 3, 8, 0 },
	{ "align 24", 5, 1000, 24, 3, 8, 0 },
	{ "align larger than the job", 5, 1000, 4096, 3, 8, 1 },
	{ "a border within a small job", 4090, 12, 4096, 3, 8, 2 },
	{ "start on a border", 48, 4800, 48, 1, 8, 0 },
	{ "ends before ULONG_MAX", ULONG_MAX - 1000, 1000, 7, 3, 8, 0 },
	{ "ends with ULONG_MAX", ULONG_MAX - 999, 1000, 7, 3, 8, 0 },
	{ "only ULONG_MAX", ULONG_MAX, 1, 1, 1, 8, 1 },
	{ "all numbers but the last", 0, ULONG_MAX, 1, 1, 8, 0 },
	{ "all numbers but the first", 1, ULONG_MAX, 1, 1, 8, 0 },
	{ "all numbers, align 3", 1, ULONG_MAX, 3, 1, 8, 0 },
	{ "greatest align", 1, ULONG_MAX, ULONG_MAX, 1, 8, 1 },
	{ "greatest min_chunk", 0, ULONG_MAX, 1, ULONG_MAX, 8, 1 },
	{ "half of all, twice", 0, ULONG_MAX, 1UL << 63, 1, 8, 2 },
	{ "max_threads 0", 0, 1000, 1, 1, 0, 0 },
	{ "max_threads negative", 0, 1000, 1, 1, -5, 0 },
	{ "max_threads most negative", 0, 1000, 1, 1, INT_MIN, 0 },
	{ "max_threads above the number of CPUs", 0, 100000, 1, 1, INT_MAX, 0 },
};

static void mt_try_edge(struct mt_bed *bed, const struct mt_edge *edge)
{
	struct kunit *test = bed->test;

	bed->job.start = edge->start;
	bed->job.size = edge->size;
	bed->job.align = edge->align;
	bed->job.min_chunk = edge->min_chunk;
	bed->job.max_threads = edge->max_threads;
	mt_bed_expect_all(bed);
	if (edge->most_chunks)
		KUNIT_EXPECT_LE_MSG(test, atomic_read(&bed->nr_calls), edge->most_chunks,
				    "%s", edge->what);
	if (edge->max_threads < 2)
		KUNIT_EXPECT_PTR_EQ_MSG(test, bed->calls[0].task, current, "%s", edge->what);
}

static void covers_edges(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 0);
	int i;

	for (i = 0; i < ARRAY_SIZE(mt_edges); i++)
		mt_try_edge(bed, &mt_edges[i]);
	bed->job.thread_fn = mt_record_void;
	bed->job.thread_fn_err = NULL;
	for (i = 0; i < ARRAY_SIZE(mt_edges); i++)
		mt_try_edge(bed, &mt_edges[i]);
}

static void size_0_calls_nothing(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 0);

	bed->job.start = ULONG_MAX;
	atomic_long_set(&bed->done, 5);
	KUNIT_EXPECT_EQ(test, mt_bed_run(bed), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_calls), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&bed->done), 0);
}

static void bad_descriptions_are_refused(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 2);

	bed->job.start = ULONG_MAX;
	KUNIT_EXPECT_EQ(test, mt_bed_run(bed), -EINVAL);
	bed->job.start = 1000;
	bed->job.size = ULONG_MAX;
	KUNIT_EXPECT_EQ(test, mt_bed_run(bed), -EINVAL);
	bed->job.start = 0;
	bed->job.thread_fn_err = NULL;
	KUNIT_EXPECT_EQ(test, padata_do_multithreaded_err(&bed->job), -EINVAL);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_calls), 0);
}

/* A watched job is cut into chunks, even if no helper can come. */
static void one_thread_and_a_counter_is_many_chunks(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 1000);

	bed->job.max_threads = 1;
	mt_bed_expect_all(bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_calls), 16);
	bed->job.done = NULL;
	mt_bed_expect_all(bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_calls), 1);
	bed->job.killable = true;
	mt_bed_expect_all(bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_calls), 16);
}

/* ---- threads ---- */

/* Stays until @arg threads are inside at a time. */
static int mt_meet(struct mt_bed *bed, struct mt_call *call)
{
	if (atomic_read(&bed->inside) >= (int)bed->arg)
		complete_all(&bed->gate);
	if (!mt_wait(&bed->gate))
		atomic_inc(&bed->strays);
	return 0;
}

static void all_cpus_take_part(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 10000);

	bed->in_chunk = mt_meet;
	bed->arg = num_online_cpus();
	mt_bed_expect_all(bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->most), (int)bed->arg);
}

static int mt_spin(struct mt_bed *bed, struct mt_call *call)
{
	test_loop(bed->arg * test_loops_per_us);
	return 0;
}

/* So many threads come, and no more, although there is time for more. */
static void max_threads_is_kept(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 10000);
	unsigned long threads;

	for (threads = 1; threads <= num_online_cpus(); threads++) {
		bed->job.max_threads = threads;
		bed->in_chunk = mt_meet;
		bed->arg = threads;
		mt_bed_expect_all(bed);
		KUNIT_EXPECT_EQ(test, atomic_read(&bed->most), (int)threads);
		bed->in_chunk = mt_spin;
		bed->arg = 200;
		mt_bed_expect_all(bed);
	}
}

static int mt_sleep(struct mt_bed *bed, struct mt_call *call)
{
	usleep_range(500, 1000);
	return 0;
}

static void thread_function_may_sleep(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 10000);

	bed->in_chunk = mt_sleep;
	mt_bed_expect_all(bed);
}

/* The test's own thread, for the rest of the test. */
static void mt_bind(struct kunit *test, const struct cpumask *mask)
{
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, mask), 0);
}

/* Counts calls outside the first two CPUs. */
static int mt_look_where(struct mt_bed *bed, struct mt_call *call)
{
	test_note(&bed->strays, call->cpu != test_online_cpu(0) &&
		  call->cpu != test_online_cpu(1));
	return mt_spin(bed, call);
}

static void mt_two_cpus(struct kunit *test, struct cpumask *mask)
{
	cpumask_clear(mask);
	cpumask_set_cpu(test_online_cpu(0), mask);
	cpumask_set_cpu(test_online_cpu(1), mask);
	mt_bind(test, mask);
}

static void helpers_keep_to_the_affinity(struct kunit *test)
{
	struct cpumask *mask = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	struct mt_bed *bed = mt_bed(test, 10000);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, mask);
	mt_two_cpus(test, mask);
	bed->in_chunk = mt_look_where;
	bed->arg = 50;
	for (i = 0; i < 20; i++)
		mt_bed_expect_all(bed);
}

static void bound_caller_works_alone(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 10000);

	mt_bind(test, cpumask_of(test_last_cpu()));
	bed->job.done = NULL;
	mt_bed_expect_all(bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_calls), 1);
	KUNIT_EXPECT_PTR_EQ(test, bed->calls[0].task, current);
}

/* Helpers on every node, where there are several. */
static int mt_nodes_used(struct mt_bed *bed)
{
	nodemask_t nodes = NODE_MASK_NONE;
	int i;

	for (i = 0; i < atomic_read(&bed->nr_calls); i++)
		if (bed->calls[i].task != current)
			node_set(cpu_to_node(bed->calls[i].cpu), nodes);
	return nodes_weight(nodes);
}

static void numa_aware_job_uses_all_nodes(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 10000);
	int nodes = num_node_state(N_CPU);

	if (num_online_cpus() <= nodes)
		nodes = num_online_cpus() - 1;
	bed->job.numa_aware = true;
	bed->job.max_threads = 1 + nodes;
	bed->in_chunk = mt_meet;
	bed->arg = 1 + nodes;
	mt_bed_expect_all(bed);
	kunit_info(test, "%d nodes\n", nodes);
	KUNIT_EXPECT_EQ(test, mt_nodes_used(bed), nodes);
}

/* ---- priority ---- */

/*
 * The caller leaves its chunk when a helper has one; the helper stays until its
 * priority is that of the caller, whom it keeps waiting.
 */
static int mt_wait_for_priority(struct mt_bed *bed, struct mt_call *call)
{
	unsigned long end = jiffies + TEST_TIMEOUT;

	if (current == bed->caller) {
		if (!mt_wait(&bed->gate))
			atomic_inc(&bed->strays);
		return 0;
	}
	get_task_struct(current);
	test_note(&bed->strays, task_nice(current) != MAX_NICE);
	complete_all(&bed->gate);
	while (time_before(jiffies, end)) {
		if (bed->arg ? READ_ONCE(current->policy) == SCHED_FIFO :
			       task_nice(current) == task_nice(bed->caller))
			return 0;
		usleep_range(100, 200);
	}
	atomic_inc(&bed->strays);
	return 0;
}

static bool mt_is_ordinary(struct task_struct *task)
{
	return READ_ONCE(task->policy) == SCHED_NORMAL && task_nice(task) == 0;
}

/* The threads are a workqueue's, which gets them back as they were. */
static void mt_expect_ordinary(struct mt_bed *bed)
{
	unsigned long end = jiffies + TEST_TIMEOUT;
	int i;

	for (i = 0; i < atomic_read(&bed->nr_calls); i++) {
		struct task_struct *task = bed->calls[i].task;

		if (task == bed->caller)
			continue;
		while (!mt_is_ordinary(task) && time_before(jiffies, end))
			usleep_range(100, 200);
		KUNIT_EXPECT_TRUE(bed->test, mt_is_ordinary(task));
		put_task_struct(task);
	}
}

/* Two chunks: one of the caller's, one of a helper's. */
static struct mt_bed *mt_priority_bed(struct kunit *test, bool realtime)
{
	struct mt_bed *bed = mt_bed(test, 2);

	bed->job.max_threads = 2;
	bed->in_chunk = mt_wait_for_priority;
	bed->arg = realtime;
	return bed;
}

static void helpers_are_raised_to_the_nice_of_the_caller(struct kunit *test)
{
	struct mt_bed *bed = mt_priority_bed(test, false);

	if (num_online_cpus() == 1)
		return;
	set_user_nice(current, -3);
	mt_bed_expect_all(bed);
	set_user_nice(current, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_calls), 2);
	mt_expect_ordinary(bed);
}

static void helpers_of_a_realtime_caller_are_raised(struct kunit *test)
{
	struct mt_bed *bed = mt_priority_bed(test, true);

	if (num_online_cpus() == 1)
		return;
	sched_set_fifo(current);
	mt_bed_expect_all(bed);
	sched_set_normal(current, 0);
	mt_expect_ordinary(bed);
}

/* ---- helpers that do not start ---- */

struct mt_hog {
	struct task_struct	*thread;
	struct completion	up;
	bool			stop;
	bool			over;
};

/* Keeps its CPU from all other tasks, but not for ever. */
static int mt_hog_thread(void *arg)
{
	ktime_t end = ktime_add_ms(ktime_get(), 5000);
	struct mt_hog *hog = arg;

	preempt_disable();
	complete(&hog->up);
	while (!READ_ONCE(hog->stop) && ktime_before(ktime_get(), end))
		cpu_relax();
	WRITE_ONCE(hog->over, true);
	preempt_enable();
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(1);
	return 0;
}

static void mt_hog_stop(void *arg)
{
	struct mt_hog *hog = arg;

	WRITE_ONCE(hog->stop, true);
	kthread_stop(hog->thread);
}

static struct mt_hog *mt_hog(struct kunit *test, int cpu)
{
	struct mt_hog *hog = kunit_kzalloc(test, sizeof(*hog), GFP_KERNEL);
	struct task_struct *thread;

	KUNIT_ASSERT_NOT_NULL(test, hog);
	init_completion(&hog->up);
	thread = kthread_create_on_cpu(mt_hog_thread, hog, cpu, "padata_test_hog/%u");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	hog->thread = thread;
	wake_up_process(thread);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mt_hog_stop, hog), 0);
	KUNIT_ASSERT_TRUE(test, mt_wait(&hog->up));
	return hog;
}

/* The helper is called and cannot start; the caller does not wait for it. */
static void starved_helper_is_not_waited_for(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 1000);
	struct mt_hog *hog;

	if (num_online_cpus() == 1)
		return;
	mt_bind(test, cpumask_of(test_online_cpu(0)));
	hog = mt_hog(test, test_last_cpu());
	/* From here on that CPU is allowed, too, and busy. */
	mt_bind(test, cpu_possible_mask);
	bed->in_chunk = mt_spin;
	bed->arg = 10;
	mt_bed_expect_all(bed);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(hog->over));
}

/* ---- errors ---- */

/* Fails in the chunk that contains unit @arg. */
static int mt_fail_at(struct mt_bed *bed, struct mt_call *call)
{
	return bed->arg - call->start < call->end - call->start ? -EIO : 0;
}

/* Units of the calls that succeeded; counts those that failed. */
static unsigned long mt_units_done(struct mt_bed *bed, int *failed)
{
	int i, nr = atomic_read(&bed->nr_calls);
	unsigned long units = 0;

	*failed = 0;
	for (i = 0; i < nr; i++) {
		if (bed->calls[i].err)
			++*failed;
		else
			units += bed->calls[i].end - bed->calls[i].start;
	}
	return units;
}

/* Calls that succeeded are undone, from the last to the first, and no others. */
static const char *mt_undo_fault(struct mt_bed *bed)
{
	int i, undone = 0, nr = mt_bed_sort(bed);

	for (i = nr; i--; ) {
		if (bed->calls[i].err)
			continue;
		if (undone == atomic_read(&bed->nr_undone))
			return "a chunk is not undone";
		if (bed->undone[undone].start != bed->calls[i].start ||
		    bed->undone[undone].end != bed->calls[i].end)
			return "undone out of turn";
		undone++;
	}
	return undone == atomic_read(&bed->nr_undone) ? NULL : "undone too much";
}

static void mt_expect_failed(struct mt_bed *bed, int err, int want)
{
	struct kunit *test = bed->test;
	unsigned long units;
	int failed;

	KUNIT_EXPECT_EQ(test, err, want);
	mt_bed_expect_cover(bed, false);
	units = mt_units_done(bed, &failed);
	if (want != -EINTR)
		KUNIT_EXPECT_GE(test, failed, 1);
	if (bed->job.undo_fn) {
		KUNIT_EXPECT_NULL(test, mt_undo_fault(bed));
		units = 0;
	}
	KUNIT_EXPECT_EQ(test, (unsigned long)atomic_long_read(&bed->done), units);
}

static void mt_fail_everywhere(struct kunit *test, bool undo)
{
	struct mt_bed *bed = mt_bed(test, 200);
	int failed;

	bed->job.start = 1000;
	bed->job.align = 3;
	bed->job.undo_fn = undo ? mt_record_undo : NULL;
	bed->in_chunk = mt_fail_at;
	for (bed->arg = 1000; bed->arg < 1200; bed->arg++) {
		mt_expect_failed(bed, mt_bed_run(bed), -EIO);
		mt_units_done(bed, &failed);
		KUNIT_EXPECT_EQ(test, failed, 1);
	}
	/* Nothing is undone without an error. */
	mt_bed_expect_all(bed);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_undone), 0);
}

static void error_at_each_unit(struct kunit *test)
{
	mt_fail_everywhere(test, false);
}

static void undo_after_error_at_each_unit(struct kunit *test)
{
	mt_fail_everywhere(test, true);
}

/* No chunk is claimed after an error; the caller is the only thread. */
static void error_ends_the_claiming(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 1000);

	bed->job.max_threads = 1;
	bed->in_chunk = mt_fail_at;
	mt_expect_failed(bed, mt_bed_run(bed), -EIO);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_calls), 1);
	bed->arg = 999;
	mt_expect_failed(bed, mt_bed_run(bed), -EIO);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_calls), 16);
}

static void error_of_the_only_chunk(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 1000);

	bed->job.min_chunk = 1000;
	bed->job.undo_fn = mt_record_undo;
	bed->in_chunk = mt_fail_at;
	mt_expect_failed(bed, mt_bed_run(bed), -EIO);
	bed->job.done = NULL;
	KUNIT_EXPECT_EQ(test, mt_bed_run(bed), -EIO);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_undone), 0);
}

/* All threads have a second chunk, and all fail in it, each in its own way. */
static int mt_fail_together(struct mt_bed *bed, struct mt_call *call)
{
	int nr = atomic_inc_return(&bed->note);

	return nr <= (int)bed->arg ? mt_meet(bed, call) : -1000 - nr;
}

static void errors_of_all_threads(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 10000);
	int err, failed, round;

	bed->job.undo_fn = mt_record_undo;
	bed->in_chunk = mt_fail_together;
	bed->arg = num_online_cpus();
	for (round = 0; round < 50; round++) {
		atomic_set(&bed->note, 0);
		err = mt_bed_run(bed);
		KUNIT_EXPECT_LT(test, err, -1000);
		mt_expect_failed(bed, err, err);
		mt_units_done(bed, &failed);
		KUNIT_EXPECT_LE(test, failed, (int)bed->arg);
	}
}

/* A bitmap keeps the failures of a job, which therefore has few enough chunks. */
static void undo_of_a_job_with_many_chunks(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, ULONG_MAX);

	bed->job.start = 1;
	bed->job.align = 7;
	bed->job.undo_fn = mt_record_undo;
	bed->in_chunk = mt_fail_at;
	bed->arg = ULONG_MAX - 1;
	mt_expect_failed(bed, mt_bed_run(bed), -EIO);
	KUNIT_EXPECT_LE(test, atomic_read(&bed->nr_calls), 1024);
}

/* The kernel's fields only: an error function that is set changes nothing. */
static void void_job_ignores_errors(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 1000);

	bed->job.thread_fn = mt_record_void;
	bed->job.undo_fn = mt_record_undo;
	bed->in_chunk = mt_fail_at;
	bed->caller = current;
	padata_do_multithreaded(&bed->job);
	mt_bed_expect_cover(bed, true);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_undone), 0);
	/* padata_do_multithreaded_err() takes either function. */
	bed->job.thread_fn_err = NULL;
	atomic_set(&bed->nr_calls, 0);
	KUNIT_EXPECT_EQ(test, padata_do_multithreaded_err(&bed->job), 0);
	mt_bed_expect_cover(bed, true);
}

/* ---- signals ---- */

static void mt_flush_signals(void *task)
{
	if (task == current)
		flush_signals(current);
}

static struct mt_bed *mt_killable_bed(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 10000);

	allow_signal(SIGKILL);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mt_flush_signals, current), 0);
	bed->job.killable = true;
	bed->job.undo_fn = mt_record_undo;
	return bed;
}

/* The caller's @arg-th call brings the signal. */
static int mt_kill_at(struct mt_bed *bed, struct mt_call *call)
{
	if (current == bed->caller && atomic_inc_return(&bed->note) == (int)bed->arg)
		send_sig(SIGKILL, current, 1);
	return 0;
}

static void signal_stops_a_killable_job(struct kunit *test)
{
	struct mt_bed *bed = mt_killable_bed(test);

	bed->in_chunk = mt_kill_at;
	bed->job.max_threads = 1;
	for (bed->arg = 1; bed->arg < 16; bed->arg++) {
		atomic_set(&bed->note, 0);
		mt_expect_failed(bed, mt_bed_run(bed), -EINTR);
		flush_signals(current);
		KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_calls), (int)bed->arg);
		KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_undone), (int)bed->arg);
	}
}

static void signal_before_a_killable_job(struct kunit *test)
{
	struct mt_bed *bed = mt_killable_bed(test);

	send_sig(SIGKILL, current, 1);
	KUNIT_EXPECT_EQ(test, mt_bed_run(bed), -EINTR);
	flush_signals(current);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_calls), 0);
}

/* Nothing was left to stop. */
static void signal_in_the_last_chunk_is_no_error(struct kunit *test)
{
	struct mt_bed *bed = mt_killable_bed(test);

	bed->in_chunk = mt_kill_at;
	bed->arg = 16;
	bed->job.max_threads = 1;
	mt_bed_expect_all(bed);
	flush_signals(current);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->note), 16);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->nr_undone), 0);
}

static void signal_does_not_stop_other_jobs(struct kunit *test)
{
	struct mt_bed *bed = mt_killable_bed(test);

	bed->job.killable = false;
	send_sig(SIGKILL, current, 1);
	mt_bed_expect_all(bed);
	flush_signals(current);
}

/*
 * The caller stays in its chunk after the signal, for which helpers have waited:
 * were they to go on, they would finish all the rest.
 */
static int mt_kill_and_stay(struct mt_bed *bed, struct mt_call *call)
{
	unsigned long end = jiffies + TEST_TIMEOUT;

	if (current == bed->caller) {
		send_sig(SIGKILL, current, 1);
		atomic_set(&bed->note, 1);
		/* This gate stays shut. */
		wait_for_completion_timeout(&bed->gate, HZ / 5);
		return 0;
	}
	while (!atomic_read(&bed->note) && time_before(jiffies, end))
		usleep_range(100, 200);
	return 0;
}

static void signal_stops_helpers(struct kunit *test)
{
	struct mt_bed *bed = mt_killable_bed(test);

	bed->in_chunk = mt_kill_and_stay;
	mt_expect_failed(bed, mt_bed_run(bed), -EINTR);
	flush_signals(current);
}

/* ---- progress ---- */

struct mt_reader {
	struct mt_bed		*bed;
	struct task_struct	*thread;
	unsigned long		last;
	unsigned long		reads;
	bool			back;
};

static int mt_reader_thread(void *arg)
{
	struct mt_reader *reader = arg;
	unsigned long now;

	while (!kthread_should_stop()) {
		now = atomic_long_read(&reader->bed->done);
		reader->back |= now < reader->last || now > reader->bed->job.size;
		reader->last = now;
		if (!reader->reads++)
			complete(&reader->bed->leave);
		usleep_range(10, 20);
	}
	return 0;
}

static void progress_can_be_read(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 100000);
	struct mt_reader reader = { .bed = bed };

	bed->in_chunk = mt_spin;
	bed->arg = 100;
	init_completion(&bed->leave);
	reader.thread = kthread_run(mt_reader_thread, &reader, "mt_reader");
	KUNIT_ASSERT_FALSE(test, IS_ERR(reader.thread));
	KUNIT_EXPECT_TRUE(test, mt_wait(&bed->leave));
	mt_bed_run(bed);
	kthread_stop(reader.thread);
	mt_bed_expect_cover(bed, true);
	KUNIT_EXPECT_FALSE(test, reader.back);
	KUNIT_EXPECT_EQ(test, (unsigned long)atomic_long_read(&bed->done), 100000);
}

/* ---- jobs within jobs ---- */

struct mt_nest {
	struct mt_bed	*bed;		/* counts the innermost chunks */
	int		depth;
	atomic_t	*units;
};

/* Jobs of 8 within jobs of 8; the innermost touch a unit of their own. */
static int mt_nest_fn(unsigned long start, unsigned long end, void *arg)
{
	struct mt_nest *nest = arg, inner;
	struct padata_mt_job job = { .thread_fn_err = mt_nest_fn, .fn_arg = &inner,
				     .size = 8, .max_threads = INT_MAX };
	int err = 0;

	for (; start < end && !err; start++) {
		if (!nest->depth) {
			atomic_inc(&nest->units[start]);
			if (nest->bed->in_chunk)
				err = nest->bed->in_chunk(nest->bed, &(struct mt_call){
					.start = start, .cpu = raw_smp_processor_id() });
			continue;
		}
		inner = *nest;
		inner.depth--;
		job.start = start * 8;
		err = padata_do_multithreaded_err(&job);
	}
	return err;
}

/* Three deep: 512 units. */
static int mt_nest_run(struct mt_bed *bed, atomic_t *units)
{
	struct mt_nest nest = { .bed = bed, .depth = 2, .units = units };
	struct padata_mt_job job = { .thread_fn_err = mt_nest_fn, .fn_arg = &nest,
				     .size = 8, .max_threads = INT_MAX };

	memset(units, 0, 512 * sizeof(*units));
	return padata_do_multithreaded_err(&job);
}

static atomic_t *mt_nest_units(struct kunit *test)
{
	atomic_t *units = kunit_kcalloc(test, 512, sizeof(*units), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, units);
	return units;
}

/* How many of the units were not touched exactly once. */
static int mt_nest_wrong(const atomic_t *units)
{
	int i, wrong = 0;

	for (i = 0; i < 512; i++)
		wrong += atomic_read(&units[i]) != 1;
	return wrong;
}

static void nested_jobs(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 0);
	atomic_t *units = mt_nest_units(test);
	int i;

	bed->in_chunk = mt_spin;
	bed->arg = 5;
	for (i = 0; i < 30; i++) {
		KUNIT_EXPECT_EQ(test, mt_nest_run(bed, units), 0);
		KUNIT_EXPECT_EQ(test, mt_nest_wrong(units), 0);
	}
}

/* A helper's own affinity is one CPU; that of the outermost caller counts. */
static void nested_jobs_keep_to_the_affinity(struct kunit *test)
{
	struct cpumask *mask = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	struct mt_bed *bed = mt_bed(test, 0);
	atomic_t *units = mt_nest_units(test);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, mask);
	mt_two_cpus(test, mask);
	bed->in_chunk = mt_look_where;
	bed->arg = 5;
	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_EQ(test, mt_nest_run(bed, units), 0);
	KUNIT_EXPECT_EQ(test, mt_nest_wrong(units), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->strays), 0);
}

/*
 * The caller's chunk lasts until the job that the helper runs inside its own chunk
 * has a helper, too.
 */
static int mt_outer_fn(unsigned long start, unsigned long end, void *arg)
{
	struct mt_bed *bed = arg;
	struct padata_mt_job job = { .thread_fn_err = mt_record, .fn_arg = bed,
				     .size = 100, .max_threads = 2 };

	if (current == bed->caller) {
		test_note(&bed->strays, !mt_wait(&bed->gate));
		return 0;
	}
	/* A quick helper gets both chunks. */
	if (atomic_xchg(&bed->note, 1))
		return 0;
	return padata_do_multithreaded_err(&job);
}

static void job_within_a_helper_is_helped(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 100);
	struct padata_mt_job job = { .thread_fn_err = mt_outer_fn, .fn_arg = bed,
				     .size = 2, .max_threads = 2 };

	if (num_online_cpus() < 3)
		return;
	init_completion(&bed->gate);
	bed->caller = current;
	bed->in_chunk = mt_meet;
	bed->arg = 2;
	KUNIT_EXPECT_EQ(test, padata_do_multithreaded_err(&job), 0);
	mt_bed_expect_cover(bed, true);
	KUNIT_EXPECT_EQ(test, atomic_read(&bed->most), 2);
}

static int mt_fail_at_unit(struct mt_bed *bed, struct mt_call *call)
{
	return call->start == bed->arg ? -EIO : 0;
}

static void error_in_a_nested_job(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 0);
	atomic_t *units = mt_nest_units(test);

	bed->in_chunk = mt_fail_at_unit;
	for (bed->arg = 0; bed->arg < 512; bed->arg += 37)
		KUNIT_EXPECT_EQ(test, mt_nest_run(bed, units), -EIO);
}

/* ---- many at once ---- */

struct mt_task {
	struct task_struct	*thread;
	struct mt_bed		*bed;
	struct completion	done;
	const char		*fault;
	atomic_t		*units;
	u32			nr;
	u32			jobs;
	u32			did;
};

/* Random jobs, jobs within jobs, and jobs that fail. */
static const char *mt_task_round(struct mt_task *task, struct rnd_state *rnd)
{
	struct mt_bed *bed = task->bed;
	int err;

	if (task->did % 16)
		return mt_try_random(bed, rnd);
	err = mt_nest_run(bed, task->units);
	if (err || mt_nest_wrong(task->units))
		return "jobs within jobs";
	/* Fails anywhere, and is undone. */
	mt_draw(&bed->job, rnd);
	bed->job.thread_fn_err = mt_record;
	bed->job.undo_fn = mt_record_undo;
	bed->job.done = &bed->done;
	bed->in_chunk = mt_fail_at;
	bed->arg = bed->job.start + mt_random(rnd) % max(bed->job.size, 1UL);
	err = mt_bed_run(bed);
	bed->in_chunk = NULL;
	if (err != (bed->job.size ? -EIO : 0) || atomic_long_read(&bed->done))
		return "an error that is lost, or work that is left";
	return mt_undo_fault(bed) ?: mt_bed_fault(bed, false);
}

static int mt_task_thread(void *arg)
{
	struct mt_task *task = arg;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, TEST_SEED + task->nr);
	for (; task->did < READ_ONCE(task->jobs) && !task->fault; task->did++) {
		task->fault = mt_task_round(task, &rnd);
		cond_resched();
	}
	if (!task->fault && atomic_read(&task->bed->strays))
		task->fault = "undone too early or elsewhere";
	complete(&task->done);
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(1);
	return 0;
}

static void mt_task_stop(void *arg)
{
	kthread_stop(arg);
}

static struct mt_task *mt_task(struct kunit *test, u32 nr, u32 jobs)
{
	struct mt_task *task = kunit_kzalloc(test, sizeof(*task), GFP_KERNEL);
	struct task_struct *thread;

	KUNIT_ASSERT_NOT_NULL(test, task);
	task->bed = mt_bed(test, 0);
	task->units = mt_nest_units(test);
	task->nr = nr;
	task->jobs = jobs;
	init_completion(&task->done);
	thread = kthread_run(mt_task_thread, task, "padata_test/%u", nr);
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mt_task_stop, thread), 0);
	return task;
}

static bool mt_task_wait(struct mt_task *task)
{
	u32 before;

	do {
		before = READ_ONCE(task->did);
		if (mt_wait(&task->done))
			return true;
	} while (before != READ_ONCE(task->did));
	return false;
}

static void mt_expect_task(struct kunit *test, struct mt_task *task)
{
	KUNIT_EXPECT_TRUE(test, mt_task_wait(task));
	if (task->fault)
		mt_say(task->bed, task->fault);
	KUNIT_EXPECT_NULL(test, task->fault);
}

static void concurrent_jobs(struct kunit *test)
{
	struct mt_task *tasks[MT_TASKS];
	int i;

	for (i = 0; i < MT_TASKS; i++)
		tasks[i] = mt_task(test, i, test_scale(1000));
	for (i = 0; i < MT_TASKS; i++)
		mt_expect_task(test, tasks[i]);
}

/* Says when all CPUs are at it, and lasts for seconds unless told not to. */
static int mt_fill(struct mt_bed *bed, struct mt_call *call)
{
	if (atomic_read(&bed->inside) >= (int)bed->arg)
		complete_all(&bed->gate);
	msleep(atomic_read(&bed->note) ? 1 : 200);
	return 0;
}

static int mt_fill_thread(void *arg)
{
	struct mt_bed *bed = arg;

	padata_do_multithreaded_err(&bed->job);
	complete(&bed->leave);
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(1);
	return 0;
}

/* Two CPUs whose helpers work for @full, whose caller is elsewhere. */
static void mt_two_busy_cpus(struct mt_bed *full, struct cpumask *mask)
{
	struct mt_call *call = full->calls;

	for (; cpumask_weight(mask) < 2; call++)
		if (call->task != full->caller)
			cpumask_set_cpu(call->cpu, mask);
}

/* A job that needs help gets it, though another one has all helpers it may use. */
static void helpers_turn_to_other_jobs(struct kunit *test)
{
	struct cpumask *mask = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	struct mt_bed *full = mt_bed(test, 10000);
	struct mt_bed *bed = mt_bed(test, 10);
	struct task_struct *thread;

	KUNIT_ASSERT_NOT_NULL(test, mask);
	if (num_online_cpus() < 3)
		return;
	full->in_chunk = mt_fill;
	full->arg = num_online_cpus();
	init_completion(&full->gate);
	init_completion(&full->leave);
	thread = kthread_run(mt_fill_thread, full, "padata_test");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mt_task_stop, thread), 0);
	full->caller = thread;
	KUNIT_ASSERT_TRUE(test, mt_wait(&full->gate));
	mt_two_busy_cpus(full, mask);
	mt_bind(test, mask);
	bed->job.max_threads = 2;
	bed->in_chunk = mt_meet;
	bed->arg = 2;
	mt_bed_expect_all(bed);
	/* Of sixteen for each. */
	KUNIT_EXPECT_LT(test, atomic_read(&full->nr_calls), 8 * (int)full->arg);
	atomic_set(&full->note, 1);
	KUNIT_EXPECT_TRUE(test, mt_wait(&full->leave));
	mt_bed_expect_cover(full, true);
}

struct mt_freed_work {
	struct work_struct	work;
	struct mt_bed		*bed;
};

static void mt_freed_work_fn(struct work_struct *work)
{
	struct mt_freed_work *freed = container_of(work, struct mt_freed_work, work);
	struct mt_bed *bed = freed->bed;

	kfree(freed);
	bed->arg = mt_bed_run(bed);
	complete(&bed->leave);
}

/* A work item may be gone while its function runs, and runs a job. */
static void job_of_a_work_item_that_is_freed(struct kunit *test)
{
	struct mt_freed_work *freed = kzalloc(sizeof(*freed), GFP_KERNEL);
	struct mt_bed *bed = mt_bed(test, 1000);

	KUNIT_ASSERT_NOT_NULL(test, freed);
	freed->bed = bed;
	init_completion(&bed->leave);
	INIT_WORK(&freed->work, mt_freed_work_fn);
	queue_work(system_unbound_wq, &freed->work);
	KUNIT_EXPECT_TRUE(test, mt_wait(&bed->leave));
	mt_bed_expect_cover(bed, true);
	KUNIT_EXPECT_EQ(test, (int)bed->arg, 0);
}

/* The last CPU goes and comes all the time. */
static void jobs_while_a_cpu_goes_and_comes(struct kunit *test)
{
	int i, changes, cpu = test_pluggable_cpu(test);
	struct mt_task *tasks[2];

	if (cpu < 0)
		return;
	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		tasks[i] = mt_task(test, 10 + i, U32_MAX);
	for (changes = 0; changes < 10; changes++) {
		KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
		KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
	}
	for (i = 0; i < ARRAY_SIZE(tasks); i++) {
		WRITE_ONCE(tasks[i]->jobs, 0);
		mt_expect_task(test, tasks[i]);
		KUNIT_EXPECT_GT(test, tasks[i]->did, 0);
		kunit_info(test, "%u rounds meanwhile\n", tasks[i]->did);
	}
}

/*
 * The helper's CPU goes while the helper is in its first chunk, which the caller
 * sees to.  A helper on a CPU that can't go is let go.
 */
static int mt_unplug(struct mt_bed *bed, struct mt_call *call)
{
	if (current != bed->caller) {
		if (atomic_cmpxchg(&bed->note, 0, call->cpu + 1))
			return mt_spin(bed, call);
		complete_all(&bed->gate);
		test_note(&bed->strays, !mt_wait(&bed->leave));
		return 0;
	}
	if (!completion_done(&bed->leave)) {
		test_note(&bed->strays, !mt_wait(&bed->gate));
		if (atomic_read(&bed->note) == (int)bed->arg + 1)
			test_note(&bed->strays, remove_cpu(bed->arg));
		complete_all(&bed->leave);
	}
	return mt_spin(bed, call);
}

/* How many chunks the first helper had. */
static int mt_first_helpers_calls(struct mt_bed *bed, int cpu)
{
	struct task_struct *task = NULL;
	int i, nr = 0;

	for (i = 0; i < atomic_read(&bed->nr_calls); i++)
		if (bed->calls[i].cpu == cpu && bed->calls[i].task != current)
			task = bed->calls[i].task;
	for (i = 0; i < atomic_read(&bed->nr_calls); i++)
		nr += bed->calls[i].task == task;
	return nr;
}

static void helper_that_loses_its_cpu_ends(struct kunit *test)
{
	struct cpumask *mask = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	struct mt_bed *bed = mt_bed(test, 1000);
	int tries, cpu = test_pluggable_cpu(test);

	KUNIT_ASSERT_NOT_NULL(test, mask);
	if (cpu < 0)
		return;
	cpumask_set_cpu(test_online_cpu(0), mask);
	cpumask_set_cpu(cpu, mask);
	bed->in_chunk = mt_unplug;
	bed->arg = cpu;
	for (tries = 0; tries < 20 && cpu_online(cpu); tries++) {
		/* The caller begins on the other CPU, and mostly stays there. */
		mt_bind(test, cpumask_of(test_online_cpu(0)));
		mt_bind(test, mask);
		atomic_set(&bed->note, 0);
		init_completion(&bed->leave);
		mt_bed_expect_all(bed);
	}
	KUNIT_EXPECT_FALSE(test, cpu_online(cpu));
	KUNIT_EXPECT_EQ(test, mt_first_helpers_calls(bed, cpu), 1);
}

static struct padata_mt_job mt_shared_job;
static atomic_t mt_shared_units[256];

static void mt_shared_fn(unsigned long start, unsigned long end, void *arg)
{
	for (; start < end; start++)
		atomic_inc(&mt_shared_units[start]);
}

static int mt_shared_thread(void *arg)
{
	int i;

	for (i = 0; i < 100; i++)
		padata_do_multithreaded(&mt_shared_job);
	complete(arg);
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(1);
	return 0;
}

static void mt_shared_start(struct kunit *test, struct completion *done)
{
	struct task_struct *thread = kthread_run(mt_shared_thread, done, "mt_shared");

	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mt_task_stop, thread), 0);
}

static void one_description_for_many_tasks(struct kunit *test)
{
	struct completion *done = kunit_kzalloc(test, sizeof(*done), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, done);
	init_completion(done);
	memset(mt_shared_units, 0, sizeof(mt_shared_units));
	mt_shared_job = (struct padata_mt_job){ .thread_fn = mt_shared_fn,
		.size = ARRAY_SIZE(mt_shared_units), .max_threads = INT_MAX };
	for (i = 0; i < 4; i++)
		mt_shared_start(test, done);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_TRUE(test, mt_wait(done));
	for (i = 0; i < ARRAY_SIZE(mt_shared_units); i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&mt_shared_units[i]), 400);
}

#if IS_ENABLED(CONFIG_KPROBES)
/* ---- a caller that is preempted where it calls a helper ---- */

/*
 * When this task queues its first helper, the realtime task begins to keep its CPU.
 * Both CPUs that it may use are in the mask.
 */
static struct task_struct *mt_slow_caller;
static struct test_hog mt_hog_of_caller;
static struct cpumask mt_slow_mask;

static int mt_preempt_caller(struct kprobe *probe, struct pt_regs *regs)
{
	if (READ_ONCE(mt_slow_caller) != current)
		return 0;
	WRITE_ONCE(mt_slow_caller, NULL);
	wake_up_process(mt_hog_of_caller.thread);
	return 0;
}

static struct kprobe mt_queue_probe = {
	.symbol_name = "queue_work_on",
	.pre_handler = mt_preempt_caller,
};

static void mt_queue_unprobe(void *unused)
{
	unregister_kprobe(&mt_queue_probe);
	mt_queue_probe.addr = NULL;
	mt_queue_probe.flags = 0;
}

static int mt_slow_thread(void *bed)
{
	set_user_nice(current, MAX_NICE);
	set_cpus_allowed_ptr(current, &mt_slow_mask);
	/* The other CPU is idle, and would take this task, too. */
	migrate_disable();
	WRITE_ONCE(mt_slow_caller, current);
	mt_fill_thread(bed);
	migrate_enable();
	return 0;
}

static struct task_struct *mt_slow_start(struct mt_bed *bed, int cpu)
{
	struct task_struct *thread = kthread_create(mt_slow_thread, bed, "padata_test/slow");

	KUNIT_ASSERT_FALSE(bed->test, IS_ERR(thread));
	set_cpus_allowed_ptr(thread, cpumask_of(cpu));
	wake_up_process(thread);
	return thread;
}

/* A job of two threads, which this thread and the last CPU's helper have to be. */
static bool mt_last_cpu_helps(struct mt_bed *bed)
{
	struct cpumask mask;

	cpumask_copy(&mask, cpumask_of(test_online_cpu(0)));
	cpumask_set_cpu(test_last_cpu(), &mask);
	mt_bind(bed->test, &mask);
	bed->in_chunk = mt_meet;
	bed->arg = 2;
	return !mt_bed_run(bed) && atomic_read(&bed->most) == 2;
}

/* Return true if that helper came while the caller that had called it was kept waiting. */
static bool mt_help_beside_slow_caller(struct kunit *test)
{
	struct mt_bed *slow = mt_bed(test, 1000), *bed = mt_bed(test, 1000);
	struct task_struct *thread;
	int cpu = test_online_cpu(1);
	bool helped;

	mt_bind(test, cpumask_of(test_online_cpu(0)));
	cpumask_copy(&mt_slow_mask, cpumask_of(cpu));
	cpumask_set_cpu(test_last_cpu(), &mt_slow_mask);
	init_completion(&slow->leave);
	mt_hog_of_caller = (struct test_hog){ .still = true };
	test_hog_make(test, &mt_hog_of_caller, cpu);
	thread = mt_slow_start(slow, cpu);
	test_hog_wait(&mt_hog_of_caller);
	helped = mt_last_cpu_helps(bed);
	helped = test_hog_stop(&mt_hog_of_caller) && helped;
	KUNIT_EXPECT_TRUE(test, mt_wait(&slow->leave));
	kthread_stop(thread);
	return helped;
}

/*
 * Another job gets the help of a CPU whose helper a caller of low priority was about to
 * call.  (With PREEMPT_RT the lock under which it does can be held up, too.)  An emulator
 * may stop any CPU, so a few rounds.
 */
static void preempted_caller_keeps_no_cpu(struct kunit *test)
{
	bool good = false;
	int i;

	if (num_online_cpus() < 3 || IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	KUNIT_ASSERT_EQ(test, register_kprobe(&mt_queue_probe), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mt_queue_unprobe, NULL), 0);
	for (i = 0; i < 5 && !good; i++)
		good = mt_help_beside_slow_caller(test);
	KUNIT_EXPECT_TRUE(test, good);
}
#endif

#if IS_ENABLED(CONFIG_FAILSLAB) && IS_ENABLED(CONFIG_KRETPROBES)
static struct task_struct *mt_poor_task;
static atomic_t mt_refusals;

/* Every allocation of the caller and of the helpers fails. */
static int mt_refuse(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct task_struct *poor = READ_ONCE(mt_poor_task);
	bool helper = current->flags & PF_WQ_WORKER && task_nice(current) == MAX_NICE;

	if (poor && (poor == current || helper)) {
		regs_set_return_value(regs, -ENOMEM);
		atomic_inc(&mt_refusals);
	}
	return 0;
}

static struct kretprobe mt_probe = {
	.kp.symbol_name = "should_failslab",
	.handler = mt_refuse,
	.maxactive = 64,
};

static void mt_unprobe(void *unused)
{
	WRITE_ONCE(mt_poor_task, NULL);
	unregister_kretprobe(&mt_probe);
	mt_probe.kp.addr = NULL;
	mt_probe.kp.flags = 0;
}

static void jobs_without_memory(struct kunit *test)
{
	struct mt_bed *bed = mt_bed(test, 10000);
	void *none;

	bed->job.undo_fn = mt_record_undo;
	KUNIT_ASSERT_EQ(test, register_kretprobe(&mt_probe), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mt_unprobe, NULL), 0);
	WRITE_ONCE(mt_poor_task, current);
	none = kmalloc(100, GFP_KERNEL);
	mt_bed_run(bed);
	bed->in_chunk = mt_fail_at;
	bed->arg = 9999;
	mt_bed_run(bed);
	WRITE_ONCE(mt_poor_task, NULL);
	KUNIT_EXPECT_NULL(test, none);
	kfree(none);
	mt_expect_failed(bed, -EIO, -EIO);
	KUNIT_EXPECT_GE(test, atomic_read(&mt_refusals), 1);
}
#endif

static struct kunit_case padata_multithread_cases[] = {
	KUNIT_CASE(covers_random_descriptions),
	KUNIT_CASE(covers_edges),
	KUNIT_CASE(size_0_calls_nothing),
	KUNIT_CASE(bad_descriptions_are_refused),
	KUNIT_CASE(one_thread_and_a_counter_is_many_chunks),
	KUNIT_CASE(all_cpus_take_part),
	KUNIT_CASE(max_threads_is_kept),
	KUNIT_CASE(thread_function_may_sleep),
	KUNIT_CASE(helpers_keep_to_the_affinity),
	KUNIT_CASE(bound_caller_works_alone),
	KUNIT_CASE(numa_aware_job_uses_all_nodes),
	KUNIT_CASE(helpers_are_raised_to_the_nice_of_the_caller),
	KUNIT_CASE(helpers_of_a_realtime_caller_are_raised),
	KUNIT_CASE(starved_helper_is_not_waited_for),
	KUNIT_CASE(error_at_each_unit),
	KUNIT_CASE(undo_after_error_at_each_unit),
	KUNIT_CASE(error_ends_the_claiming),
	KUNIT_CASE(error_of_the_only_chunk),
	KUNIT_CASE(errors_of_all_threads),
	KUNIT_CASE(undo_of_a_job_with_many_chunks),
	KUNIT_CASE(void_job_ignores_errors),
	KUNIT_CASE(signal_stops_a_killable_job),
	KUNIT_CASE(signal_before_a_killable_job),
	KUNIT_CASE(signal_in_the_last_chunk_is_no_error),
	KUNIT_CASE(signal_does_not_stop_other_jobs),
	KUNIT_CASE(signal_stops_helpers),
	KUNIT_CASE(progress_can_be_read),
	KUNIT_CASE(nested_jobs),
	KUNIT_CASE(nested_jobs_keep_to_the_affinity),
	KUNIT_CASE(job_within_a_helper_is_helped),
	KUNIT_CASE(error_in_a_nested_job),
	KUNIT_CASE(concurrent_jobs),
	KUNIT_CASE(helpers_turn_to_other_jobs),
	KUNIT_CASE(job_of_a_work_item_that_is_freed),
	KUNIT_CASE(jobs_while_a_cpu_goes_and_comes),
	KUNIT_CASE(helper_that_loses_its_cpu_ends),
	KUNIT_CASE(one_description_for_many_tasks),
#if IS_ENABLED(CONFIG_KPROBES)
	KUNIT_CASE(preempted_caller_keeps_no_cpu),
#endif
#if IS_ENABLED(CONFIG_FAILSLAB) && IS_ENABLED(CONFIG_KRETPROBES)
	KUNIT_CASE(jobs_without_memory),
#endif
	{ }
};

static struct kunit_suite padata_multithread_suite = {
	.name = "padata_multithread",
	.test_cases = padata_multithread_cases,
};

kunit_test_suite(padata_multithread_suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit: multithreaded jobs");
