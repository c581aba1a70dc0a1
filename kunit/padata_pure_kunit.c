// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of padata that compute and do nothing else: the parts that have them
 * are included, and the cases call them with values of their own.
 */

/* padata_mod exports these functions; the copy of them here is for the cases. */
#define __DISABLE_EXPORTS

#include <kunit/test.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/isolation.h>
#include <linux/sched/stat.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/timex.h>
#include <linux/topology.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../padata/compat.h"
#include "../padata.h"

#include "../padata/limits.h"
#include "../padata/internal.h"

static unsigned int backlog = 1024;
static unsigned int wakeup_cost_ns = 10000;
static unsigned int poll_ns = 10000;
static unsigned int short_ns = 1000;
static unsigned int pod_cpus;

/* A cycle counter that runs at pure_cycles_per_us; 0: it stands still, but for steps. */
static u32 pure_cycles_per_us, pure_steps;

static u32 pure_cycles(void)
{
	return div_u64(pure_cycles_per_us * local_clock(), NSEC_PER_USEC) + pure_steps;
}

#undef get_cycles
#define get_cycles pure_cycles

/* Caches of so many CPUs and cores of so many threads, by number; 0: the machine's own. */
static unsigned int pure_cache_cpus, pure_core_threads;
/* After so many looks at a core its CPUs are offline. */
static unsigned int pure_looks = UINT_MAX;
static const unsigned int pure_real_min = POD_MIN_CPUS, pure_real_max = POD_MAX_CPUS;
static unsigned int pure_pod_min = POD_MIN_CPUS, pure_pod_max = POD_MAX_CPUS;

static int pure_cache_of(int cpu)
{
	return pure_cache_cpus ? cpu / pure_cache_cpus : compat_cache_of(cpu);
}

static const struct cpumask *pure_siblings(int cpu)
{
	static struct cpumask core;
	int other;

	if (!pure_core_threads)
		return topology_sibling_cpumask(cpu);
	cpumask_clear(&core);
	if (!pure_looks)
		return &core;
	pure_looks--;
	for_each_possible_cpu(other)
		if (other / pure_core_threads == cpu / pure_core_threads)
			cpumask_set_cpu(other, &core);
	return &core;
}

/* What a wait sees come: jobs that are queued at each step of it, which is a cycle. */
static unsigned int *pure_waits_for, pure_come;

static void pure_relax(void)
{
	if (pure_waits_for) {
		*pure_waits_for += pure_come;
		pure_steps++;
	}
	barrier();
}

#undef cpu_relax
#define cpu_relax pure_relax
#define compat_cache_of pure_cache_of
#undef topology_sibling_cpumask
#define topology_sibling_cpumask pure_siblings
#undef POD_MIN_CPUS
#define POD_MIN_CPUS pure_pod_min
#undef POD_MAX_CPUS
#define POD_MAX_CPUS pure_pod_max

#include "../padata/list.c"
#include "../padata/clock.c"
#include "../padata/map.c"
#include "../padata/pod.c"
#include "../padata/sleep.c"
#include "../padata/wake.c"
#include "../padata/queue.c"
#include "../padata/batch.c"
#include "../padata/multithread.h"
#include "../padata/chunk.c"
#include "../padata/helper.c"
#include "../padata/multithread.c"

#define PURE_JOBS	(2 * BATCH_JOBS)

/* ---- lists ---- */

static void pure_add_jobs(struct job_list *list, struct padata_priv *jobs, int n)
{
	int i;

	for (i = 0; i < n; i++)
		job_list_add(list, &jobs[i].queue);
}

/* Expects the @n jobs from @jobs on, in this order and no others. */
static void pure_expect_jobs(struct kunit *test, const struct job_list *list,
			     const struct padata_priv *jobs, int n)
{
	const struct padata_link *link = list->first;
	int i;

	for (i = 0; i < n; i++, link = link->next) {
		KUNIT_ASSERT_NOT_NULL(test, link);
		KUNIT_EXPECT_PTR_EQ(test, link, &jobs[i].queue);
	}
	KUNIT_EXPECT_NULL(test, link);
	KUNIT_EXPECT_EQ(test, job_list_empty(list), !n);
}

static struct padata_priv *pure_jobs(struct kunit *test)
{
	struct padata_priv *jobs = kunit_kcalloc(test, PURE_JOBS, sizeof(*jobs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, jobs);
	return jobs;
}

static void job_list_cut_takes_front(struct kunit *test)
{
	struct padata_priv *jobs = pure_jobs(test);
	struct job_list list, front;

	job_list_init(&list);
	pure_add_jobs(&list, jobs, 5);
	job_list_cut(&list, &jobs[1].queue, &front);
	pure_expect_jobs(test, &front, jobs, 2);
	pure_expect_jobs(test, &list, jobs + 2, 3);
}

static void job_list_cut_takes_all(struct kunit *test)
{
	struct padata_priv *jobs = pure_jobs(test);
	struct job_list list, front;

	job_list_init(&list);
	pure_add_jobs(&list, jobs, 3);
	job_list_cut(&list, &jobs[2].queue, &front);
	pure_expect_jobs(test, &front, jobs, 3);
	pure_expect_jobs(test, &list, jobs, 0);
	/* Both have an end that a job can be added to. */
	job_list_add(&list, &jobs[4].queue);
	pure_expect_jobs(test, &list, jobs + 4, 1);
	job_list_add(&front, &jobs[3].queue);
	pure_expect_jobs(test, &front, jobs, 4);
}

static void job_list_append_moves_all(struct kunit *test)
{
	struct padata_priv *jobs = pure_jobs(test);
	struct job_list list, from;

	job_list_init(&list);
	job_list_init(&from);
	job_list_append(&list, &from);
	pure_expect_jobs(test, &list, jobs, 0);
	pure_add_jobs(&from, jobs, 2);
	job_list_append(&list, &from);
	pure_expect_jobs(test, &from, jobs, 0);
	pure_add_jobs(&from, jobs + 2, 2);
	job_list_append(&list, &from);
	job_list_append(&list, &from);
	job_list_add(&list, &jobs[4].queue);
	pure_expect_jobs(test, &list, jobs, 5);
}

/* ---- callback CPUs ---- */

/* An instance with masks of the test's, which need not be those of this machine. */
struct pure_map {
	struct instance		pinst;
	struct user_masks	masks;
};

static void pure_free_masks(void *arg)
{
	struct pure_map *map = arg;

	free_cpumask_var(map->masks.serial);
	free_cpumask_var(map->pinst.online);
}

static struct pure_map *pure_map(struct kunit *test)
{
	struct pure_map *map = kunit_kzalloc(test, sizeof(*map), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, map);
	KUNIT_ASSERT_TRUE(test, zalloc_cpumask_var(&map->masks.serial, GFP_KERNEL));
	if (!zalloc_cpumask_var(&map->pinst.online, GFP_KERNEL)) {
		free_cpumask_var(map->masks.serial);
		KUNIT_FAIL_AND_ABORT(test, "no memory");
	}
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pure_free_masks, map), 0);
	return map;
}

/* The CPUs of @online and of @serial as bits; those beyond nr_cpu_ids are left out. */
static void pure_set_masks(struct pure_map *map, unsigned long online, unsigned long serial)
{
	unsigned int cpu;

	cpumask_clear(map->pinst.online);
	cpumask_clear(map->masks.serial);
	for (cpu = 0; cpu < nr_cpu_ids && cpu < BITS_PER_LONG; cpu++) {
		if (online & BIT(cpu))
			cpumask_set_cpu(cpu, map->pinst.online);
		if (serial & BIT(cpu))
			cpumask_set_cpu(cpu, map->masks.serial);
	}
	map->pinst.nr_online = cpumask_weight(map->pinst.online);
	map->pinst.nr_serial = cpumask_weight_and(map->pinst.online, map->masks.serial);
}

static int pure_pick(struct pure_map *map, int cpu, bool any)
{
	return pick_cb_cpu(&map->pinst, &map->masks, cpu, any);
}

static void pick_cb_cpu_usable_is_taken(struct kunit *test)
{
	struct pure_map *map = pure_map(test);
	int cpu;

	pure_set_masks(map, ~0UL, ~0UL);
	for (cpu = 0; cpu < map->pinst.nr_serial; cpu++)
		KUNIT_EXPECT_EQ(test, pure_pick(map, cpu, false), cpu);
	pure_set_masks(map, ~0UL, BIT(0) | BIT(1));
	KUNIT_EXPECT_EQ(test, pure_pick(map, 1, false), 1);
}

/* In the mask and offline, or online and not in the mask. */
static void pick_cb_cpu_unusable_is_replaced(struct kunit *test)
{
	struct pure_map *map = pure_map(test);

	pure_set_masks(map, ~BIT(0), ~0UL);
	KUNIT_EXPECT_EQ(test, pure_pick(map, 0, false), 1);
	pure_set_masks(map, ~0UL, ~BIT(0));
	KUNIT_EXPECT_EQ(test, pure_pick(map, 0, false), 1);
	pure_set_masks(map, ~0UL, BIT(0));
	KUNIT_EXPECT_EQ(test, pure_pick(map, 1, false), 0);
}

static void pick_cb_cpu_spreads_evenly(struct kunit *test)
{
	struct pure_map *map = pure_map(test);
	unsigned int *hits, n, i;
	int cpu;

	pure_set_masks(map, ~0UL, ~BIT(0));
	n = map->pinst.nr_serial;
	hits = kunit_kcalloc(test, nr_cpu_ids, sizeof(*hits), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, hits);
	for (i = 0; i < 10 * n; i++) {
		cpu = pure_pick(map, nr_cpu_ids + i, false);
		KUNIT_ASSERT_GE(test, cpu, 0);
		KUNIT_ASSERT_LT(test, cpu, (int)nr_cpu_ids);
		hits[cpu]++;
	}
	for (i = 0; i < nr_cpu_ids; i++)
		KUNIT_EXPECT_EQ(test, hits[i],
				cpumask_test_cpu(i, map->masks.serial) ? 10U : 0U);
}

static void pick_cb_cpu_neighbours_differ(struct kunit *test)
{
	struct pure_map *map = pure_map(test);
	int cpu;

	pure_set_masks(map, ~0UL, ~0UL);
	for (cpu = nr_cpu_ids; cpu < 4 * nr_cpu_ids; cpu++)
		KUNIT_EXPECT_NE(test, pure_pick(map, cpu, false),
				pure_pick(map, cpu + 1, false));
}

static void pick_cb_cpu_takes_any_number(struct kunit *test)
{
	static const int cpus[] = { -1, -2, INT_MIN, INT_MIN + 1, INT_MAX, 1 << 16 };
	struct pure_map *map = pure_map(test);
	int i, cpu;

	pure_set_masks(map, ~0UL, ~0UL);
	for (i = 0; i < ARRAY_SIZE(cpus); i++) {
		cpu = pure_pick(map, cpus[i], false);
		KUNIT_ASSERT_GE(test, cpu, 0);
		KUNIT_ASSERT_LT(test, cpu, (int)nr_cpu_ids);
		KUNIT_EXPECT_TRUE(test, cpumask_test_cpu(cpu, map->pinst.online));
	}
}

static void pick_cb_cpu_empty_mask(struct kunit *test)
{
	struct pure_map *map = pure_map(test);

	pure_set_masks(map, BIT(1), BIT(0));
	KUNIT_EXPECT_EQ(test, pure_pick(map, 0, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, pure_pick(map, 0, true), 1);
	KUNIT_EXPECT_EQ(test, pure_pick(map, 70001, true), 1);
	pure_set_masks(map, 0, ~0UL);
	KUNIT_EXPECT_EQ(test, pure_pick(map, 0, true), -EINVAL);
}

/* ---- the shared queue ---- */

/* The only pod of an instance. */
static struct pod *pure_pod(struct kunit *test)
{
	struct instance *pinst = kunit_kzalloc(test, sizeof(*pinst), GFP_KERNEL);
	struct pod *pod = kunit_kzalloc(test, sizeof(*pod), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pinst);
	KUNIT_ASSERT_NOT_NULL(test, pod);
	pod_init(pod, pinst);
	pinst->nr_pods = 1;
	/* As if the timer ran. */
	atomic_set(&pod->look_armed, 1);
	pod->nr_usable = 4;
	return pod;
}

/* ---- the cycle counter ---- */

/* Expects CLOCK_NS and LATE_NS in cycles: not more, and at most 20%, or one, less. */
static void pure_expect_limits(struct kunit *test, u32 per_us)
{
	u32 clock = per_us * (CLOCK_NS / NSEC_PER_USEC);
	u32 late = per_us * (LATE_NS / NSEC_PER_USEC);

	pure_cycles_per_us = per_us;
	cycles_init();
	KUNIT_EXPECT_LE(test, clock_cycles, clock);
	KUNIT_EXPECT_GE(test, clock_cycles + 1, clock - clock / 5);
	KUNIT_EXPECT_LE(test, late_cycles, late);
	KUNIT_EXPECT_GE(test, late_cycles + 1, late - late / 5);
}

static void counter_is_measured_at_load(struct kunit *test)
{
	pure_expect_limits(test, 24);
	pure_expect_limits(test, 1000);
	pure_expect_limits(test, 5000);
}

static void counter_that_stands_still_is_not_used(struct kunit *test)
{
	pure_expect_limits(test, 0);
	KUNIT_EXPECT_EQ(test, clock_cycles, 0);
	KUNIT_EXPECT_FALSE(test, cycles_within(cycles_now(), clock_cycles));
	KUNIT_EXPECT_FALSE(test, cycles_within(cycles_now(), late_cycles));
}

/* The queue is looked at once in LATE_NS. */
static void counter_says_whether_the_queue_was_looked_at(struct kunit *test)
{
	struct pod *pod = pure_pod(test);
	u64 start;

	pure_cycles_per_us = 1000;
	cycles_init();
	start = local_clock();
	pod->looked_cycles = cycles_now();
	/* Unless something took the CPU meanwhile. */
	if (!looked_lately(pod))
		KUNIT_EXPECT_GE(test, local_clock() - start, LATE_NS / 2);
	pod->looked_cycles = cycles_now() - late_cycles;
	KUNIT_EXPECT_FALSE(test, looked_lately(pod));
	pure_cycles_per_us = 0;
	cycles_init();
}

static void counter_may_wrap(struct kunit *test)
{
	pure_cycles_per_us = 0;
	KUNIT_EXPECT_TRUE(test, cycles_within(-1U, 2));
	KUNIT_EXPECT_FALSE(test, cycles_within(-2U, 2));
	KUNIT_EXPECT_EQ(test, cycles_of_ns(LATE_NS, U32_MAX, 1), (u32)S32_MAX);
}

/* ---- shares and turns ---- */

static void pull_share_leaves_work_to_others(struct kunit *test)
{
	static const struct {
		unsigned int queued, cpus, share;
	} rows[] = {
		{ 0, 4, 1 }, { 1, 4, 1 }, { 8, 4, 1 }, { 15, 4, 1 }, { 16, 4, 2 },
		{ 16, 2, 4 }, { 31, 4, 3 }, { 32, 2, 8 }, { 64, 4, 8 }, { 1024, 4, 8 },
		{ UINT_MAX, 1, 8 }, { 2, 0, 1 },
	};
	struct pod *pod = pure_pod(test);
	unsigned int most = STRETCH_CALLBACKS;
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		pod->nr_queued = rows[i].queued;
		pod->nr_usable = rows[i].cpus;
		KUNIT_EXPECT_EQ_MSG(test, pull_share(pod), min(rows[i].share, most),
				    "row %d", i);
	}
}

static void may_pull_more_of_short_jobs(struct kunit *test)
{
	static const struct {
		u64 service_ns;
		unsigned int pulling, queued;
		bool may;
	} rows[] = {
		{ 0, 1, 1, false },			/* unknown */
		{ 1, 4, 1000, true },			/* trivial */
		{ TRIVIAL_NS - 1, 4, 1000, true },
		{ TRIVIAL_NS, 2, 1, false },		/* another pump is at it */
		{ TRIVIAL_NS, 1, 40, true },		/* worth no wake-up: 10 us */
		{ TRIVIAL_NS, 1, 41, false },
		{ 999, 1, 1, true },
		{ 1000, 1, 1, false },			/* short_ns */
	};
	struct pod *pod = pure_pod(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		pod->service_ns = rows[i].service_ns;
		pod->nr_pulling = rows[i].pulling;
		pod->nr_queued = rows[i].queued;
		KUNIT_EXPECT_EQ_MSG(test, may_pull_more(pod),
				    rows[i].may && !IS_ENABLED(CONFIG_PREEMPT_RT), "row %d", i);
	}
}

/* ---- gathering ---- */

/* Returns a pump that has had jobs, of a pod with trivial ones; each look is a step. */
static struct padata_pump *pure_fed_pump(struct kunit *test)
{
	struct padata_pump *pump = kunit_kzalloc(test, sizeof(*pump), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pump);
	INIT_LIST_HEAD(&pump->serving);
	pump->pod = pure_pod(test);
	pump->pod->service_ns = TRIVIAL_NS - 1;
	pump->fed = true;
	pure_cycles_per_us = 0;
	clock_cycles = 1;
	return pump;
}

/* Returns true if the pump has waited, on its own CPU or not. */
static bool pure_gather_on(struct padata_pump *pump, bool elsewhere)
{
	bool waited;

	pure_waits_for = &pump->pod->nr_queued;
	local_bh_disable();
	pump->cpu = smp_processor_id() + elsewhere;
	waited = pump_gather(pump);
	local_bh_enable();
	pure_waits_for = NULL;
	return waited;
}

/* Has jobs come at each step, from one on.  Returns how many are there in the end. */
static unsigned int pure_gather(struct padata_pump *pump, unsigned int come)
{
	pump->pod->nr_queued = 1;
	pure_come = come;
	pure_gather_on(pump, false);
	pure_come = 0;
	return pump->pod->nr_queued;
}

static void trivial_jobs_are_gathered(struct kunit *test)
{
	struct padata_pump *pump = pure_fed_pump(test);

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "PREEMPT_RT has no batches");
	/* None, or one, is as good as none. */
	KUNIT_EXPECT_EQ(test, pure_gather(pump, 0), 1);
	KUNIT_EXPECT_EQ(test, pure_gather(pump, 1), 2);
	KUNIT_EXPECT_EQ(test, pure_gather(pump, 2), 17);
	KUNIT_EXPECT_EQ(test, pure_gather(pump, 5), 16);
	KUNIT_EXPECT_EQ(test, pure_gather(pump, 100), 101);
	/* Others took some meanwhile. */
	KUNIT_EXPECT_EQ(test, pure_gather(pump, -1U), 0);
}

/* They come before jobs, and end a wait. */
static void results_are_not_kept_by_gathering(struct kunit *test)
{
	struct padata_pump *pump = pure_fed_pump(test);
	struct llist_head *lists[] = { &pump->ready, &pump->deferred };
	struct list_head queue;
	struct llist_node node;
	int i;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		llist_add(&node, lists[i]);
		KUNIT_EXPECT_EQ(test, pure_gather(pump, 5), 1);
		KUNIT_EXPECT_FALSE(test, gathering_goes_on(pump, 1, 6));
		init_llist_head(lists[i]);
		KUNIT_EXPECT_TRUE(test, gathering_goes_on(pump, 1, 6));
	}
	list_add(&queue, &pump->serving);
	KUNIT_EXPECT_EQ(test, pure_gather(pump, 5), 1);
	KUNIT_EXPECT_FALSE(test, gathering_goes_on(pump, 1, 6));
}

static void gathering_takes_its_time(struct kunit *test)
{
	struct padata_pump *pump = pure_fed_pump(test);
	u32 before = cycles_now();

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "PREEMPT_RT has no batches");
	clock_cycles = 50;
	KUNIT_EXPECT_EQ(test, pure_gather(pump, 0), 1);
	KUNIT_EXPECT_EQ(test, cycles_now() - before, 50);
	/* A counter that stands still would never end it. */
	clock_cycles = 0;
	KUNIT_EXPECT_FALSE(test, pure_gather_on(pump, false));
}

static void only_few_trivial_jobs_are_gathered(struct kunit *test)
{
	static const struct {
		u64 service_ns;
		unsigned int queued;
		bool fed, elsewhere, pays;
	} rows[] = {
		{ TRIVIAL_NS - 1, 1, true, false, true },
		{ 1, GATHER_BELOW - 1, true, false, true },
		{ 1, GATHER_BELOW, true, false, false },
		{ 1, 0, true, false, false },
		{ 1, 1, false, false, false },		/* the first job of all */
		{ 1, 1, true, true, false },		/* the CPU is not its own */
		{ 0, 1, true, false, false },		/* unknown */
		{ TRIVIAL_NS, 1, true, false, false },
	};
	struct padata_pump *pump = pure_fed_pump(test);
	bool waited;
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		pump->pod->service_ns = rows[i].service_ns;
		pump->pod->nr_queued = rows[i].queued;
		pump->fed = rows[i].fed;
		waited = pure_gather_on(pump, rows[i].elsewhere);
		KUNIT_EXPECT_EQ_MSG(test, waited,
				    rows[i].pays && !IS_ENABLED(CONFIG_PREEMPT_RT), "row %d", i);
	}
}

/* Where the rest says no the queue is looked at, which is not late here. */
static void wake_pays_for_work(struct kunit *test)
{
	static const struct {
		u64 service_ns;
		unsigned int pulling, queued;
		bool pays;
	} rows[] = {
		{ 1, 0, 1, true },			/* there is no pump at it */
		{ 0, 1, 1, true },			/* a job may be a long one */
		{ TRIVIAL_NS - 1, 1, 1000, false },	/* trivial */
		{ TRIVIAL_NS, 1, 40, false },		/* 10 us, the cost of one wake-up */
		{ TRIVIAL_NS, 1, 41, true },
		{ TRIVIAL_NS, 3, 120, false },
		{ TRIVIAL_NS, 3, 121, true },
	};
	struct pod *pod = pure_pod(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		pod->service_ns = rows[i].service_ns;
		pod->nr_pulling = rows[i].pulling;
		pod->nr_queued = rows[i].queued;
		pod->pulled_at = local_clock() + NSEC_PER_SEC;
		KUNIT_EXPECT_EQ_MSG(test, wake_pays(pod), rows[i].pays, "row %d", i);
	}
}

static void note_service_time_is_a_mean(struct kunit *test)
{
	struct pod *pod = pure_pod(test);
	struct padata_pump *pump = kunit_kzalloc(test, sizeof(*pump), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pump);
	pump->busy_pod = pod;
	note_service_time(pod, pump);
	KUNIT_EXPECT_EQ(test, pod->service_ns, 0);
	pump->busy_ns = 3000;
	pump->nr_busy = 3;
	note_service_time(pod, pump);
	KUNIT_EXPECT_EQ(test, pod->service_ns, 1000);
	KUNIT_EXPECT_EQ(test, pump->nr_busy, 0);
	KUNIT_EXPECT_EQ(test, pump->busy_ns, 0);
	pump->busy_ns = 1800;
	pump->nr_busy = 1;
	note_service_time(pod, pump);
	KUNIT_EXPECT_EQ(test, pod->service_ns, 1100);
	/* 0 means unknown. */
	pod->service_ns = 0;
	pump->nr_busy = 8;
	note_service_time(pod, pump);
	KUNIT_EXPECT_EQ(test, pod->service_ns, 1);
	/* Stolen jobs say nothing of the pod's own. */
	pump->busy_pod = NULL;
	pump->busy_ns = 1000;
	pump->nr_busy = 1;
	note_service_time(pod, pump);
	KUNIT_EXPECT_EQ(test, pod->service_ns, 1);
	KUNIT_EXPECT_EQ(test, pump->nr_busy, 0);
}

/* Two shells and PURE_JOBS jobs in a pod's queue. */
struct pure_queue {
	struct pod		*pod;
	struct padata_shell	*ps;	/* Two of them */
	struct padata_priv	*jobs;
};

/* Queues job after job: the first @first of shell 0, the others by turns of 1 and 0. */
static struct pure_queue pure_queue_jobs(struct kunit *test, int first, bool by_turns)
{
	struct pure_queue q = {
		.pod = pure_pod(test),
		.ps = kunit_kcalloc(test, 2, sizeof(*q.ps), GFP_KERNEL),
		.jobs = pure_jobs(test),
	};
	int i;

	KUNIT_ASSERT_NOT_NULL(test, q.ps);
	for (i = 0; i < 2; i++) {
		job_list_init(&q.ps[i].queue);
		q.ps[i].pod = q.pod;
	}
	spin_lock_bh(&q.pod->lock);
	for (i = 0; i < PURE_JOBS; i++) {
		q.jobs[i].ps = &q.ps[i >= first && (!by_turns || !((i - first) % 2))];
		queue_add(q.pod, q.jobs[i].ps, &q.jobs[i]);
	}
	spin_unlock_bh(&q.pod->lock);
	return q;
}

/* Expects that a pull takes @n jobs of shell @shell from job @from on, each @step-th. */
static void pure_expect_pull(struct kunit *test, struct pure_queue *q, int from, int step,
			     unsigned int n)
{
	unsigned int before = q->pod->nr_queued;
	const struct padata_link *link;
	struct job_list pulled;
	int i;

	job_list_init(&pulled);
	KUNIT_EXPECT_EQ(test, pull_jobs(q->pod, &pulled), n);
	for (i = 0, link = pulled.first; i < n; i++, link = link->next) {
		KUNIT_ASSERT_NOT_NULL(test, link);
		KUNIT_EXPECT_PTR_EQ(test, link, &q->jobs[from + i * step].queue);
	}
	KUNIT_EXPECT_NULL(test, link);
	KUNIT_EXPECT_EQ(test, q->pod->nr_queued, before - n);
	KUNIT_EXPECT_EQ(test, q->ps[0].nr_queued + q->ps[1].nr_queued, before - n);
}

/* Pulls jobs of @service_ns, and expects @n of them where they are not one by one. */
static void pure_pull(struct kunit *test, u64 service_ns, int first, unsigned int n)
{
	struct pure_queue q = pure_queue_jobs(test, first, false);

	q.pod->service_ns = service_ns;
	n = IS_ENABLED(CONFIG_PREEMPT_RT) ? 1 : n;
	pure_expect_pull(test, &q, 0, 1, n);
	KUNIT_EXPECT_EQ(test, q.ps[0].nr_queued, first - min_t(int, first, n));
}

/* Where jobs of two shells are queued by turns, each pull has those of one shell. */
static void shells_take_turns(struct kunit *test)
{
	struct pure_queue q = pure_queue_jobs(test, 0, true);
	int n = IS_ENABLED(CONFIG_PREEMPT_RT) ? 1 : ROUND_PARALLEL;

	q.pod->service_ns = NSEC_PER_SEC;
	q.pod->nr_usable = 1;
	pure_expect_pull(test, &q, 0, 2, n);
	pure_expect_pull(test, &q, 1, 2, n);
	pure_expect_pull(test, &q, 2 * n, 2, n);
	pure_expect_pull(test, &q, 2 * n + 1, 2, n);
}

/* One job of a second shell does not wait for all of the first. */
static void light_shell_has_its_turn(struct kunit *test)
{
	struct pure_queue q = pure_queue_jobs(test, PURE_JOBS - 1, false);
	int n = IS_ENABLED(CONFIG_PREEMPT_RT) ? 1 : ROUND_PARALLEL;

	q.pod->service_ns = NSEC_PER_SEC;
	q.pod->nr_usable = 1;
	pure_expect_pull(test, &q, 0, 1, n);
	KUNIT_EXPECT_EQ(test, q.ps[1].nr_queued, 1);
	q.pod->nr_usable = 1000;
	pure_expect_pull(test, &q, PURE_JOBS - 1, 1, 1);
	KUNIT_EXPECT_EQ(test, q.ps[1].nr_queued, 0);
	/* Its turn is over, and that of the first goes on. */
	pure_expect_pull(test, &q, n, 1, 1);
}

/* Pulls jobs.  Returns which is the first of them. */
static int pure_pull_first(struct pure_queue *q)
{
	struct job_list pulled;

	job_list_init(&pulled);
	pull_jobs(q->pod, &pulled);
	return link_queue(pulled.first) - q->jobs;
}

/*
 * The first @run of 5 jobs of one shell and 27 of another are run, the others put back.
 * Afterwards the first pull has a batch from job @from on, and the next begins with job
 * @next.
 */
static void pure_put_back(struct kunit *test, int run, int from, int next)
{
	struct pure_queue q = pure_queue_jobs(test, 5, false);
	struct padata_shell *ran = run ? q.jobs[run - 1].ps : NULL;
	struct job_list pulled;
	int i;

	q.pod->service_ns = 1;
	/* No further pump is woken. */
	q.pod->nr_pulling = q.pod->nr_usable;
	job_list_init(&pulled);
	KUNIT_ASSERT_EQ(test, pull_jobs(q.pod, &pulled), BATCH_JOBS);
	for (i = 0; i < run; i++)
		pop_link(&pulled.first);
	local_bh_disable();
	pump_put_back(&pulled, ran);
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, q.pod->nr_queued, PURE_JOBS - run);
	if (run < 5)
		KUNIT_EXPECT_EQ(test, q.ps[0].nr_queued, 5 - run);
	pure_expect_pull(test, &q, from, 1, BATCH_JOBS);
	KUNIT_EXPECT_EQ(test, pure_pull_first(&q), next);
	KUNIT_EXPECT_EQ(test, q.pod->nr_queued, 0);
}

static void put_back_keeps_turns_and_order(struct kunit *test)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "a pump pulls one job there, and puts none back");
	pure_put_back(test, 0, 0, BATCH_JOBS);
	/* The first shell has had its turn. */
	pure_put_back(test, 3, 5, 3);
	pure_put_back(test, 5, 5, 5 + BATCH_JOBS);
	pure_put_back(test, 7, 7, 7 + BATCH_JOBS);
	pure_put_back(test, BATCH_JOBS - 1, BATCH_JOBS - 1, 2 * BATCH_JOBS - 1);
}

static void pull_jobs_takes_its_share(struct kunit *test)
{
	pure_pull(test, NSEC_PER_SEC, PURE_JOBS, ROUND_PARALLEL);
	pure_pull(test, NSEC_PER_SEC, 5, ROUND_PARALLEL);
}

static void pull_jobs_takes_a_batch_of_one_shell(struct kunit *test)
{
	pure_pull(test, 1, PURE_JOBS, BATCH_JOBS);
	pure_pull(test, 1, 20, 20);
	/* Within the share jobs of several shells are pulled. */
	pure_pull(test, 1, 5, BATCH_JOBS);
}

static void pull_jobs_from_empty_queue(struct kunit *test)
{
	struct pod *pod = pure_pod(test);
	struct job_list pulled;

	job_list_init(&pulled);
	KUNIT_EXPECT_EQ(test, pull_jobs(pod, &pulled), 0);
	KUNIT_EXPECT_EQ(test, pod->nr_queued, 0);
}

/* ---- pods ---- */

static void pure_free_pods(void *arg)
{
	struct instance *pinst = arg;

	pods_free(pinst);
	free_percpu(pinst->pumps);
}

/* An instance with pods of @size CPUs, all of which may pull. */
static struct instance *pure_pods(struct kunit *test, unsigned int size)
{
	struct instance *pinst = kunit_kzalloc(test, sizeof(*pinst), GFP_KERNEL);
	bool good;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, pinst);
	pinst->pumps = alloc_percpu(struct padata_pump);
	KUNIT_ASSERT_TRUE(test, pinst->pumps);
	pod_cpus = size;
	good = pods_alloc(pinst);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pure_free_pods, pinst), 0);
	KUNIT_ASSERT_TRUE(test, good);
	for_each_possible_cpu(i)
		per_cpu_ptr(pinst->pumps, i)->cpu = i;
	for (i = 0; i < pinst->nr_pods; i++) {
		cpumask_copy(pinst->pods[i]->usable, pinst->pods[i]->cpus);
		pinst->pods[i]->nr_usable = cpumask_weight(pinst->pods[i]->cpus);
		job_list_init(&pinst->pods[i]->turns);
	}
	return pinst;
}

/* The other pods are all there, the nearest first. */
static void pure_expect_others(struct kunit *test, struct instance *pinst, struct pod *pod)
{
	struct cpumask *seen = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	int i, before = 0;

	KUNIT_ASSERT_NOT_NULL(test, seen);
	cpumask_copy(seen, pod->cpus);
	for (i = 0; i < pinst->nr_pods - 1; i++) {
		KUNIT_EXPECT_FALSE(test, cpumask_intersects(seen, pod->others[i]->cpus));
		cpumask_or(seen, seen, pod->others[i]->cpus);
		KUNIT_EXPECT_GE(test, node_distance(pod->node, pod->others[i]->node), before);
		before = node_distance(pod->node, pod->others[i]->node);
	}
	KUNIT_EXPECT_TRUE(test, cpumask_equal(seen, cpu_possible_mask));
}

static void pods_have_all_cpus(struct kunit *test)
{
	struct instance *pinst;
	struct pod *pod;
	int cpu, size, i;

	for (size = 0; size < 4; size++) {
		pinst = pure_pods(test, size);
		for_each_possible_cpu(cpu) {
			pod = per_cpu_ptr(pinst->pumps, cpu)->pod;
			KUNIT_EXPECT_TRUE(test, cpumask_test_cpu(cpu, pod->cpus));
			KUNIT_EXPECT_EQ(test, pod_node_of(cpu), pod->node);
		}
		for (i = 0; i < pinst->nr_pods; i++) {
			pod = pinst->pods[i];
			KUNIT_EXPECT_TRUE(test, !size || pod->nr_usable <= size);
			KUNIT_EXPECT_GE(test, 1U << pod->share_shift, pinst->nr_pods);
			KUNIT_EXPECT_LT(test, (1U << pod->share_shift) / 2, pinst->nr_pods);
			pure_expect_others(test, pinst, pod);
		}
	}
}

static void pure_real_topology(void *unused)
{
	pure_cache_cpus = 0;
	pure_core_threads = 0;
	pure_looks = UINT_MAX;
	pure_pod_min = pure_real_min;
	pure_pod_max = pure_real_max;
}

/* Caches of @cache CPUs, and pods of @most at most, or of a core. */
static struct instance *pure_topology(struct kunit *test, unsigned int cache,
				      unsigned int threads, unsigned int most)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pure_real_topology, NULL), 0);
	pure_cache_cpus = cache;
	pure_core_threads = threads;
	pure_pod_min = 1;
	pure_pod_max = most;
	return pure_pods(test, 0);
}

/* Expects that the parts of a cache differ by a core at most, and are no more than needed. */
static void pure_expect_even(struct kunit *test, struct instance *pinst, unsigned int threads)
{
	unsigned int i, j, cpus, parts, least;
	struct pod *pod, *other;

	for (i = 0; i < pinst->nr_pods; i++) {
		pod = pinst->pods[i];
		cpus = 0;
		parts = 0;
		least = UINT_MAX;
		for (j = 0; j < pinst->nr_pods; j++) {
			other = pinst->pods[j];
			if (!pods_share_cache(pod, other))
				continue;
			parts++;
			cpus += other->nr_usable;
			least = min(least, other->nr_usable);
		}
		KUNIT_EXPECT_LE(test, pod->nr_usable, max(pure_pod_max, threads));
		KUNIT_EXPECT_GT(test, pod->nr_usable, 0);
		KUNIT_EXPECT_LE(test, pod->nr_usable, least + threads);
		KUNIT_EXPECT_EQ(test, parts,
				DIV_ROUND_UP(cpus, max(rounddown(pure_pod_max, threads), threads)));
	}
}

static void large_caches_are_cut(struct kunit *test)
{
	static const struct {
		unsigned int cache, threads, most;
	} rows[] = {
		{ 1024, 1, 1 }, { 1024, 1, 2 }, { 1024, 1, 3 }, { 1024, 2, 1 }, { 1024, 2, 2 },
		{ 1024, 2, 3 }, { 2, 1, 1 }, { 4, 2, 2 }, { 4, 1, 3 }, { 1024, 1, 1024 },
	};
	struct instance *pinst;
	unsigned int r, i;
	struct pod *pod;
	int cpu;

	for (r = 0; r < ARRAY_SIZE(rows); r++) {
		pinst = pure_topology(test, rows[r].cache, rows[r].threads, rows[r].most);
		pure_expect_even(test, pinst, rows[r].threads);
		for (i = 0; i < pinst->nr_pods; i++)
			pure_expect_others(test, pinst, pinst->pods[i]);
		for_each_possible_cpu(cpu) {
			pod = per_cpu_ptr(pinst->pumps, cpu)->pod;
			KUNIT_EXPECT_TRUE(test, cpumask_test_cpu(cpu, pod->cpus));
			/* Threads of a core have one pod. */
			i = cpu - cpu % rows[r].threads;
			KUNIT_EXPECT_PTR_EQ_MSG(test, per_cpu_ptr(pinst->pumps, i)->pod, pod,
						"row %u, CPU %d", r, cpu);
		}
	}
}

/* So what was one core when the parts were counted is two. */
static void caches_are_cut_while_cpus_go(struct kunit *test)
{
	struct instance *pinst;
	unsigned int looks, i;

	for (looks = 0; looks < 40; looks++) {
		pure_looks = looks;
		pinst = pure_topology(test, 1024, 2, 2);
		for (i = 0; i < pinst->nr_pods; i++)
			pure_expect_others(test, pinst, pinst->pods[i]);
	}
}

static void size_that_was_asked_for_is_not_cut(struct kunit *test)
{
	struct instance *pinst;

	pure_topology(test, 1024, 1, 1);
	pinst = pure_pods(test, 1024);
	KUNIT_EXPECT_LE(test, pinst->nr_pods, num_online_nodes());
}

static void parts_of_a_cache_are_near(struct kunit *test)
{
	struct instance *pinst = pure_topology(test, 2, 1, 1);
	struct pod *pod;
	unsigned int i;

	for (i = 0; i < pinst->nr_pods; i++) {
		pod = pinst->pods[i];
		/* The last CPU has no neighbour where their number is odd. */
		if (pinst->nr_pods % 2 && cpumask_test_cpu(pinst->nr_pods - 1, pod->cpus))
			continue;
		KUNIT_EXPECT_TRUE(test, pods_share_cache(pod, pod->others[0]));
	}
}

static void pod_parts_by_cores(struct kunit *test)
{
	static const struct {
		unsigned int cpus, cores, parts;
	} rows[] = {
		{ 1, 1, 1 }, { 8, 8, 1 }, { 16, 16, 1 }, { 16, 8, 1 }, { 17, 17, 2 },
		{ 32, 16, 2 }, { 20, 10, 2 }, { 64, 64, 4 }, { 112, 56, 7 }, { 128, 16, 8 },
		{ 24, 3, 2 }, { 32, 24, 3 }, { 192, 192, 12 }, { 16, 10, 1 }, { 12, 10, 1 },
		{ 0, 0, 1 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, pod_parts(rows[i].cpus, rows[i].cores),
				    rows[i].parts, "row %d", i);
}

/* Which pump of another pod is called for @pod, if any. */
static struct padata_pump *pure_call(struct pod *pod)
{
	struct padata_pump *pump;

	spin_lock_bh(&pod->lock);
	pump = pump_to_wake(pod, -1);
	spin_unlock_bh(&pod->lock);
	return pump;
}

static void pod_calls_one_pump_after_the_other(struct kunit *test)
{
	struct instance *pinst = pure_pods(test, 1);
	struct pod *pod = pinst->pods[0];
	struct padata_pump *first, *second;

	if (pinst->nr_pods < 3)
		return;
	/* No time passes. */
	pure_cycles_per_us = 0;
	late_cycles = S32_MAX;
	pod->called_cycles = -late_cycles;
	pod->nr_queued = 1;
	pod->nr_pulling = 1;
	first = pure_call(pod);
	KUNIT_ASSERT_NOT_NULL(test, first);
	KUNIT_EXPECT_PTR_EQ(test, first->pod, pod->others[0]);
	KUNIT_EXPECT_PTR_EQ(test, first->called_by, pod);
	KUNIT_EXPECT_NULL(test, pure_call(pod));
	spin_lock_bh(&pod->lock);
	note_helper(pod);
	spin_unlock_bh(&pod->lock);
	second = pure_call(pod);
	KUNIT_ASSERT_NOT_NULL(test, second);
	KUNIT_EXPECT_PTR_EQ(test, second->pod, pod->others[1]);
	cycles_init();
}

/* A pump of a pod with work of its own is not called, nor one that has promised to look. */
static void busy_pods_are_not_called(struct kunit *test)
{
	struct instance *pinst = pure_pods(test, 1);
	u64 pulled_at = local_clock() - 100 * wakeup_cost_ns;
	struct pod *pod = pinst->pods[0];
	unsigned int i;
	int cpu;

	pure_cycles_per_us = 0;
	cycles_init();
	pod->nr_queued = 1;
	pod->nr_pulling = 1;
	/* The queue is late, and no more than that. */
	pod->service_ns = 1;
	pod->pulled_at = pulled_at;
	for (i = 0; i < pinst->nr_pods - 1; i++) {
		cpu = cpumask_first(pod->others[i]->cpus);
		if (i % 2)
			pod->others[i]->nr_queued = 1;
		else
			per_cpu_ptr(pinst->pumps, cpu)->pulling = true;
	}
	KUNIT_EXPECT_NULL(test, pure_call(pod));
	/* It stays late, for the timer. */
	KUNIT_EXPECT_EQ(test, pod->pulled_at, pulled_at);
}

/* Where all pumps of the only pod are at work there is no other one to wake. */
static void single_pod_calls_none(struct kunit *test)
{
	struct pod *pod = pure_pod(test);

	pod->nr_queued = 1000;
	pod->nr_pulling = pod->nr_usable;
	KUNIT_EXPECT_NULL(test, pure_call(pod));
}

/* ---- chunks ---- */

static void mt_round_up_to_alignment(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, mt_round_up(0, 8), 0UL);
	KUNIT_EXPECT_EQ(test, mt_round_up(1, 8), 8UL);
	KUNIT_EXPECT_EQ(test, mt_round_up(8, 8), 8UL);
	KUNIT_EXPECT_EQ(test, mt_round_up(10, 3), 12UL);
	KUNIT_EXPECT_EQ(test, mt_round_up(ULONG_MAX, 1), ULONG_MAX);
	/* There is no such multiple. */
	KUNIT_EXPECT_LT(test, mt_round_up(ULONG_MAX - 1, 8), ULONG_MAX - 1);
}

/* For jobs that are only cut. */
static void pure_undo(unsigned long start, unsigned long end, void *arg)
{
}

/* Every chunk of @run: as large as it must be, and where it must begin. */
static void pure_expect_chunks(struct kunit *test, const struct mt_run *run)
{
	const struct padata_mt_job *job = run->job;
	unsigned long from = 0, to;
	int nr;

	for (nr = 0; nr < run->nr_chunks; nr++, from = to) {
		to = mt_border(run, nr + 1);
		KUNIT_ASSERT_GT(test, to, from);
		KUNIT_ASSERT_LE(test, to, job->size);
		if (run->nr_chunks > 1)
			KUNIT_ASSERT_GE(test, to - from, job->min_chunk);
		if (nr && job->align)
			KUNIT_ASSERT_EQ(test, (job->start + from) % job->align, 0UL);
	}
	KUNIT_EXPECT_EQ(test, from, job->size);
	KUNIT_EXPECT_EQ(test, mt_border(run, 0), 0UL);
}

static int pure_cut(struct kunit *test, const struct padata_mt_job *job, bool fallible,
		    unsigned long threads)
{
	struct mt_run *run = kunit_kzalloc(test, sizeof(*run), GFP_KERNEL);
	int nr;

	KUNIT_ASSERT_NOT_NULL(test, run);
	run->job = job;
	run->fallible = fallible;
	mt_cut(run, threads);
	pure_expect_chunks(test, run);
	nr = run->nr_chunks;
	kunit_kfree(test, run);
	return nr;
}

static void mt_cut_plain(struct kunit *test)
{
	struct padata_mt_job job = { .size = 6400 };

	KUNIT_EXPECT_EQ(test, pure_cut(test, &job, false, 4), 64);
	job.size = 6401;
	KUNIT_EXPECT_EQ(test, pure_cut(test, &job, false, 4), 64);
	job.min_chunk = 200;
	KUNIT_EXPECT_EQ(test, pure_cut(test, &job, false, 4), 32);
	job.min_chunk = 6401;
	KUNIT_EXPECT_EQ(test, pure_cut(test, &job, false, 4), 1);
	job.size = 1;
	KUNIT_EXPECT_EQ(test, pure_cut(test, &job, false, 4), 1);
}

static void mt_cut_aligned(struct kunit *test)
{
	struct padata_mt_job job = { .start = 5, .size = 100, .align = 8 };

	/* Borders at 16, 24, ... 104; a rest of 1. */
	KUNIT_EXPECT_EQ(test, pure_cut(test, &job, false, 4), 13);
	job.min_chunk = 2;
	KUNIT_EXPECT_EQ(test, pure_cut(test, &job, false, 4), 12);
}

static void mt_cut_at_the_end_of_all_numbers(struct kunit *test)
{
	struct padata_mt_job job = { .size = ULONG_MAX, .align = 4096 };

	KUNIT_EXPECT_GT(test, pure_cut(test, &job, false, 4), 1);
	job.start = ULONG_MAX - 9999;
	job.size = 10000;
	KUNIT_EXPECT_GT(test, pure_cut(test, &job, false, 4), 1);
	job.start = 1;
	job.size = ULONG_MAX;
	job.align = ULONG_MAX / 2 + 2;
	KUNIT_EXPECT_EQ(test, pure_cut(test, &job, false, 4), 1);
	job.min_chunk = ULONG_MAX;
	KUNIT_EXPECT_EQ(test, pure_cut(test, &job, false, 4), 1);
}

static void mt_cut_undo_stays_within_its_bits(struct kunit *test)
{
	struct padata_mt_job job = { .size = 1000000, .undo_fn = pure_undo };

	KUNIT_EXPECT_LE(test, pure_cut(test, &job, true, 1000), MT_CHUNKS_UNDO);
	job.start = 1;
	job.align = 2;
	job.size = 999999;
	KUNIT_EXPECT_LE(test, pure_cut(test, &job, true, 1000), MT_CHUNKS_UNDO);
	KUNIT_EXPECT_GT(test, pure_cut(test, &job, false, 1000), MT_CHUNKS_UNDO);
}

static void mt_cut_at_random(struct kunit *test)
{
	struct padata_mt_job job = { };
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < 500; i++) {
		job.start = prandom_u32_state(&rnd) >> prandom_u32_state(&rnd) % 32;
		job.size = (prandom_u32_state(&rnd) >> prandom_u32_state(&rnd) % 32) + 1UL;
		job.min_chunk = prandom_u32_state(&rnd) >> prandom_u32_state(&rnd) % 32;
		job.align = prandom_u32_state(&rnd) % 3 ? prandom_u32_state(&rnd) % 5000 : 0;
		pure_cut(test, &job, false, prandom_u32_state(&rnd) % 64 + 1);
	}
}

static void mt_max_threads_by_size(struct kunit *test)
{
	static const struct {
		unsigned long size, min_chunk, align;
		int max_threads;
		unsigned long threads;
	} rows[] = {
		{ 100, 0, 0, 4, 4 }, { 3, 0, 0, 4, 3 }, { 100, 50, 0, 4, 2 },
		{ 99, 50, 0, 4, 1 }, { 49, 50, 0, 4, 1 }, { 100, 1, 30, 4, 3 },
		{ 100, 0, 0, 0, 1 }, { 100, 0, 0, -1, 1 },
		{ ULONG_MAX, 1, 1, INT_MAX, INT_MAX },
	};
	struct padata_mt_job job = { };
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		job.size = rows[i].size;
		job.min_chunk = rows[i].min_chunk;
		job.align = rows[i].align;
		job.max_threads = rows[i].max_threads;
		KUNIT_EXPECT_EQ_MSG(test, mt_max_threads(&job), rows[i].threads, "row %d", i);
	}
}

static void mt_range_ends_at_the_last_number(struct kunit *test)
{
	struct padata_mt_job job = { .start = ULONG_MAX, .size = 1 };

	KUNIT_EXPECT_FALSE(test, mt_range_is_bad(&job));
	job.size = 2;
	KUNIT_EXPECT_TRUE(test, mt_range_is_bad(&job));
	job.start = 1;
	job.size = ULONG_MAX;
	KUNIT_EXPECT_FALSE(test, mt_range_is_bad(&job));
	job.start = 2;
	KUNIT_EXPECT_TRUE(test, mt_range_is_bad(&job));
	job.size = 0;
	KUNIT_EXPECT_FALSE(test, mt_range_is_bad(&job));
}

static struct kunit_case padata_pure_cases[] = {
	KUNIT_CASE(job_list_cut_takes_front),
	KUNIT_CASE(job_list_cut_takes_all),
	KUNIT_CASE(job_list_append_moves_all),
	KUNIT_CASE(pick_cb_cpu_usable_is_taken),
	KUNIT_CASE(pick_cb_cpu_unusable_is_replaced),
	KUNIT_CASE(pick_cb_cpu_spreads_evenly),
	KUNIT_CASE(pick_cb_cpu_neighbours_differ),
	KUNIT_CASE(pick_cb_cpu_takes_any_number),
	KUNIT_CASE(pick_cb_cpu_empty_mask),
	KUNIT_CASE(counter_is_measured_at_load),
	KUNIT_CASE(counter_that_stands_still_is_not_used),
	KUNIT_CASE(counter_says_whether_the_queue_was_looked_at),
	KUNIT_CASE(counter_may_wrap),
	KUNIT_CASE(pull_share_leaves_work_to_others),
	KUNIT_CASE(may_pull_more_of_short_jobs),
	KUNIT_CASE(trivial_jobs_are_gathered),
	KUNIT_CASE(results_are_not_kept_by_gathering),
	KUNIT_CASE(gathering_takes_its_time),
	KUNIT_CASE(only_few_trivial_jobs_are_gathered),
	KUNIT_CASE(wake_pays_for_work),
	KUNIT_CASE(note_service_time_is_a_mean),
	KUNIT_CASE(pull_jobs_takes_its_share),
	KUNIT_CASE(pull_jobs_takes_a_batch_of_one_shell),
	KUNIT_CASE(pull_jobs_from_empty_queue),
	KUNIT_CASE(pods_have_all_cpus),
	KUNIT_CASE(large_caches_are_cut),
	KUNIT_CASE(caches_are_cut_while_cpus_go),
	KUNIT_CASE(size_that_was_asked_for_is_not_cut),
	KUNIT_CASE(parts_of_a_cache_are_near),
	KUNIT_CASE(pod_parts_by_cores),
	KUNIT_CASE(pod_calls_one_pump_after_the_other),
	KUNIT_CASE(busy_pods_are_not_called),
	KUNIT_CASE(single_pod_calls_none),
	KUNIT_CASE(shells_take_turns),
	KUNIT_CASE(light_shell_has_its_turn),
	KUNIT_CASE(put_back_keeps_turns_and_order),
	KUNIT_CASE(mt_round_up_to_alignment),
	KUNIT_CASE(mt_cut_plain),
	KUNIT_CASE(mt_cut_aligned),
	KUNIT_CASE(mt_cut_at_the_end_of_all_numbers),
	KUNIT_CASE(mt_cut_undo_stays_within_its_bits),
	KUNIT_CASE(mt_cut_at_random),
	KUNIT_CASE(mt_max_threads_by_size),
	KUNIT_CASE(mt_range_ends_at_the_last_number),
	{}
};

static struct kunit_suite padata_pure_suite = {
	.name = "padata_pure",
	.test_cases = padata_pure_cases,
};

kunit_test_suite(padata_pure_suite);

MODULE_DESCRIPTION("KUnit: functions of padata that only compute");
MODULE_LICENSE("GPL");
