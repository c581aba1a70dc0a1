// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_mt_bench: multithreaded jobs compared with other ways to do the same work
 *
 * On loading it prints one line per figure and judges nothing.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/workqueue.h>

#include "../../padata.h"
#include "duration.h"

#define MAX_UNITS	1024
#define MAX_ROUNDS	1000

static char *tests = "speed";
module_param(tests, charp, 0444);
MODULE_PARM_DESC(tests, "speed or cost");

static unsigned int rounds = 100;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "How often each figure is measured");

/* Turns of the loop that one unit of work takes. */
static unsigned long loops;
static unsigned int units;
static atomic_t done[MAX_UNITS];

static void do_units(unsigned long start, unsigned long end, void *arg)
{
	for (; start < end; start++) {
		spin(loops);
		atomic_inc(&done[start]);
	}
}

/* ---- the ways ---- */

static void run_serial(void)
{
	do_units(0, units, NULL);
}

static void run_padata(void)
{
	struct padata_mt_job job = {
		.thread_fn	= do_units,
		.size		= units,
		.min_chunk	= 1,
		.max_threads	= num_online_cpus(),
	};

	padata_do_multithreaded(&job);
}

static struct work_struct *works;

static void work_fn(struct work_struct *work)
{
	do_units(work - works, work - works + 1, NULL);
}

static void run_workqueue(void)
{
	unsigned int i;

	for (i = 0; i < units; i++) {
		INIT_WORK(&works[i], work_fn);
		queue_work(system_unbound_wq, &works[i]);
	}
	for (i = 0; i < units; i++)
		flush_work(&works[i]);
}

/* Two threads, each on a CPU of its own, share the units equally. */
struct half {
	struct task_struct	*thread;
	struct completion	go;
	struct completion	ready;
	int			nr;
};

static struct half halves[2];
static bool halves_over;

static int half_thread(void *arg)
{
	struct half *half = arg;

	for (;;) {
		wait_for_completion(&half->go);
		if (READ_ONCE(halves_over))
			break;
		do_units(half->nr * units / 2, (half->nr + 1) * units / 2, NULL);
		complete(&half->ready);
	}
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(1);
	return 0;
}

static void run_pinned(void)
{
	int i;

	for (i = 0; i < 2; i++)
		complete(&halves[i].go);
	for (i = 0; i < 2; i++)
		wait_for_completion(&halves[i].ready);
}

static void stop_halves(void)
{
	int i;

	WRITE_ONCE(halves_over, true);
	for (i = 0; i < 2 && halves[i].thread; i++) {
		complete(&halves[i].go);
		kthread_stop(halves[i].thread);
	}
}

static int start_halves(void)
{
	struct task_struct *thread;
	int i, cpu = -1;

	for (i = 0; i < 2; i++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			return -ENODEV;
		halves[i].nr = i;
		init_completion(&halves[i].go);
		init_completion(&halves[i].ready);
		thread = kthread_create_on_cpu(half_thread, &halves[i], cpu, "half/%u");
		if (IS_ERR(thread))
			return PTR_ERR(thread);
		halves[i].thread = thread;
		wake_up_process(thread);
	}
	return 0;
}

/* ---- speed ---- */

static const struct {
	const char	*name;
	void		(*run)(void);
} ways[] = {
	{ "serial", run_serial },
	{ "pinned", run_pinned },
	{ "workqueue", run_workqueue },
	{ "padata", run_padata },
};

static u64 times[ARRAY_SIZE(ways)][MAX_ROUNDS];

static u64 time_way(int way)
{
	ktime_t start;
	u64 ns;
	int i;

	memset(done, 0, sizeof(done));
	start = ktime_get();
	ways[way].run();
	ns = ktime_to_ns(ktime_sub(ktime_get(), start));
	for (i = 0; i < units; i++)
		if (atomic_read(&done[i]) != 1)
			pr_err("wrong: %s did unit %d %d times\n", ways[way].name, i,
			       atomic_read(&done[i]));
	return ns;
}

static int compare(const void *a, const void *b)
{
	const u64 *one = a, *other = b;

	return *one < *other ? -1 : *one > *other;
}

static void print_speed(unsigned int us, int way)
{
	u64 best = times[way][0], median = times[way][rounds / 2];

	pr_info("test=speed unit_us=%u units=%u way=%s best_ns=%llu median_ns=%llu best_permille=%llu median_permille=%llu\n",
		us, units, ways[way].name, best, median,
		div64_u64(times[0][0] * 1000, best),
		div64_u64(times[0][rounds / 2] * 1000, median));
}

/* The ways take turns, so that a disturbance of one disturbs all. */
static void measure_speed(unsigned int us, unsigned int nr)
{
	int round, way;

	units = nr;
	loops = us * loops_per_us;
	for (round = 0; round < rounds; round++)
		for (way = 0; way < ARRAY_SIZE(ways); way++) {
			times[way][round] = time_way(way);
			cond_resched();
		}
	for (way = 0; way < ARRAY_SIZE(ways); way++) {
		sort(times[way], rounds, sizeof(u64), compare, NULL);
		print_speed(us, way);
	}
}

static int measure_speeds(void)
{
	int err;

	works = kcalloc(MAX_UNITS, sizeof(*works), GFP_KERNEL);
	if (!works)
		return -ENOMEM;
	err = start_halves();
	if (!err) {
		measure_speed(10, 32);
		measure_speed(100, 32);
		measure_speed(100, 320);
		measure_speed(1000, 32);
	}
	stop_halves();
	kfree(works);
	return err;
}

/* ---- cost, where a nanosecond is an instruction ---- */

static void do_nothing(unsigned long start, unsigned long end, void *arg)
{
}

/* The least of many rounds, which no interrupt has disturbed. */
static u64 cost_of(const struct padata_mt_job *job, int nr)
{
	u64 best = U64_MAX, ns;
	ktime_t start;
	int round, i;

	for (round = 0; round < rounds; round++) {
		start = ktime_get();
		for (i = 0; i < nr; i++) {
			if (job->size)
				padata_do_multithreaded(job);
			else
				job->thread_fn(job->start, job->start, job->fn_arg);
			/* The compiler must not know the job in the next turn. */
			barrier();
		}
		ns = ktime_to_ns(ktime_sub(ktime_get(), start));
		best = min(best, ns);
	}
	return div64_u64(best, nr);
}

static void measure_cost(void)
{
	struct padata_mt_job job = { .thread_fn = do_nothing, .max_threads = 8 };
	struct padata_mt_job *p = &job;
	u64 call;

	OPTIMIZER_HIDE_VAR(p);
	call = cost_of(p, 100);
	pr_info("test=cost job=call total=%llu\n", call);
	job.size = 1000;
	job.min_chunk = 1000;
	pr_info("test=cost job=one_chunk total=%llu overhead=%lld\n", cost_of(p, 100),
		cost_of(p, 100) - call);
	job.min_chunk = 1;
	job.max_threads = 1;
	pr_info("test=cost job=one_thread total=%llu overhead=%lld\n", cost_of(p, 100),
		cost_of(p, 100) - call);
	job.max_threads = 2;
	pr_info("test=cost job=two_threads_empty total=%llu overhead=%lld\n", cost_of(p, 1),
		cost_of(p, 1) - call);
}

static int __init bench_init(void)
{
	calibrate();
	rounds = clamp(rounds, 1U, (unsigned int)MAX_ROUNDS);
	pr_info("test=about kernel_cpus=%u rounds=%u\n", num_online_cpus(), rounds);
	if (!strcmp(tests, "speed"))
		return measure_speeds();
	measure_cost();
	return 0;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
}
module_exit(bench_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Bench of multithreaded jobs");
