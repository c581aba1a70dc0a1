// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_bench: what a job costs, how much faster many CPUs are, how long one
 * job takes.  It measures and judges nothing.
 *
 * Built twice from this source: as padata_bench against padata.h here, and as
 * padata_bench_kernel against the kernel's own <linux/padata.h>.  All work is
 * done while it is loaded.  One line per figure, "key=value ...", after the
 * module's name.
 *
 * A job is a loop of fixed length, never a delay.  With -icount in QEMU, where a
 * nanosecond is an instruction, the time that a burst takes is the number of
 * instructions that all CPUs together spent on it.
 *
 *   cost      many jobs, at most so many of them in flight: the submitter sleeps
 *             when the window is full and goes on when it is half empty
 *   speedup   the same against a loop without padata on one CPU, and against two
 *             pinned threads that share the jobs, which is the ceiling
 *   latency   from submission to serial(), one job at a time or paced
 *
 * The floor is the same harness with callbacks called at once, without padata.
 *
 * Loads as gateways have them: one submitter may send to many shells by turns
 * (streams=), from softirqs in bursts (burst=), and pause (pause_us=); the parallel
 * cpumask may be without the submitter's CPU (off_mask=).
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#ifdef BENCH_KERNEL
#include <linux/padata.h>
#define BENCH_IMPL "kernel"
#else
#include "../../padata.h"
#define BENCH_IMPL "ours"
#endif

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/llist.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "completer.h"
#include "duration.h"
#include "lines.h"

#define MAX_SHELLS	64
#define MAX_STREAMS	64
#define MAX_VALUES	8
#define STAT_BYTES	32768

static char *test = "cost";
module_param(test, charp, 0444);
MODULE_PARM_DESC(test, "cost, speedup or latency");

static unsigned int windows[MAX_VALUES] = { 1, 64, 0 };
static int nr_windows = 3;
module_param_array(windows, uint, &nr_windows, 0444);
MODULE_PARM_DESC(windows, "jobs in flight at most; 0: all");

static unsigned int jobs = 4096;
module_param(jobs, uint, 0444);
MODULE_PARM_DESC(jobs, "jobs per shell and figure; an eighth of it where the window is below 8");

static unsigned int shells = 1;
module_param(shells, uint, 0444);
MODULE_PARM_DESC(shells, "shells, each with a thread that submits");

static unsigned int percent_async;
module_param_named(async, percent_async, uint, 0444);
MODULE_PARM_DESC(async, "percentage of jobs that a tasklet ends after parallel()");

static unsigned int job_ns[MAX_VALUES];
static int nr_job_ns = 1;
module_param_array(job_ns, uint, &nr_job_ns, 0444);
MODULE_PARM_DESC(job_ns, "lengths of jobs; 0: empty");

static unsigned int loads[MAX_VALUES];
static int nr_loads = 1;
module_param_array(loads, uint, &nr_loads, 0444);
MODULE_PARM_DESC(loads, "latency: percentages of what one CPU could do; 0: one job at a time");

static bool saturate;
module_param(saturate, bool, 0444);
MODULE_PARM_DESC(saturate, "latency: a second shell is kept full, with a window of 64");

static int distance = 1;
module_param(distance, int, 0444);
MODULE_PARM_DESC(distance, "callback CPU: that of the submitter plus this");

static unsigned int rounds = 1;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "speedup: the best of so many counts");

static unsigned int nr_streams = 1;
module_param_named(streams, nr_streams, uint, 0444);
MODULE_PARM_DESC(streams, "shells that each submitter sends to by turns; the window is that of all of them");

static unsigned int burst;
module_param(burst, uint, 0444);
MODULE_PARM_DESC(burst, "jobs that a tasklet submits at a time; 0: the thread submits one by one");

static unsigned int pause_us;
module_param(pause_us, uint, 0444);
MODULE_PARM_DESC(pause_us, "the submitter sleeps so long when all is done after each window; not counted");

static bool off_mask;
module_param(off_mask, bool, 0444);
MODULE_PARM_DESC(off_mask, "the first submitter's CPU is not in the parallel cpumask");

static bool transfers;
module_param(transfers, bool, 0444);
MODULE_PARM_DESC(transfers, "with cost: say how long a line takes between two CPUs, before and after");

static bool marks;
module_param(marks, bool, 0444);
MODULE_PARM_DESC(marks, "say when each run began and ended, by local_clock()");

static bool objects;
module_param(objects, bool, 0444);
MODULE_PARM_DESC(objects, "say where the objects of each run are");

static int percpu_at = -1;
module_param(percpu_at, int, 0444);
MODULE_PARM_DESC(percpu_at, "with objects=1: offset in the instance of its pointer to memory of each CPU");

static int pods_at = -1;
module_param(pods_at, int, 0444);
MODULE_PARM_DESC(pods_at, "with objects=1: offset in the instance of its pointer to its pods, which their number follows");

static unsigned int apart = 1;
module_param(apart, uint, 0444);
MODULE_PARM_DESC(apart, "CPUs from one submitter to the next");

/**
 * struct bench_job - one job
 * @padata: padata's part.
 * @node: In the list of its completer; with streams then in feeder::free.
 * @feeder: Its submitter.
 * @seq: Its number.
 * @place: With streams: its number among those of its stream.
 */
struct bench_job {
	struct padata_priv	padata;
	struct llist_node	node;
	struct feeder		*feeder;
	unsigned int		seq;
	unsigned int		place;
};

/**
 * struct stream - one of the shells that a feeder submits to by turns
 * @ps: The shell; NULL: callbacks are called at once.
 * @done: Called back so far; only the serial() of this shell writes it.
 */
struct stream {
	struct padata_shell	*ps;
	unsigned int		done;
} ____cacheline_aligned_in_smp;

/**
 * struct feeder - a thread that submits to a shell of its own
 * @task: The thread.
 * @ps: The shell, or the first of several; NULL: callbacks are called at once.
 * @streams: Of the loads of gateways: parameter streams of them; or NULL.
 * @jobs: As many as the window is wide.
 * @window: Most jobs in flight.
 * @nr: Jobs to submit.
 * @interval_ns: Between two submissions, or 0.
 * @start_ns: By number, when a job was submitted, then how long it took; or NULL.
 * @cpu: Where it runs.
 * @cb_cpu: The callback CPU.
 * @loops: Length of a job.
 * @stop: Set from outside: submit no more.
 * @tasklet: Submits a burst.
 * @go: The thread may begin.
 * @end: The thread has ended.
 * @wake_at: Value of @done at which the thread is woken.
 * @seq: Submitted so far.
 * @seen: What @done was when the submitter looked last.
 * @err: Error of a submission, or 0.
 * @batch: With streams: jobs taken from @free.
 * @paused_ns: Slept between windows.
 * @done: Called back so far; of one stream only serial() writes it.
 * @reorders: Callbacks out of turn.
 * @free: With streams: jobs that were called back.
 *
 * The fields up to @wake_at are seldom written; those from @seq on are the submitter's,
 * those from @done on are written by callbacks, on another CPU.
 */
struct feeder {
	struct task_struct	*task;
	struct padata_shell	*ps;
	struct stream		*streams;
	struct bench_job	*jobs;
	unsigned int		window;
	unsigned int		nr;
	u64			interval_ns;
	u64			*start_ns;
	int			cpu;
	int			cb_cpu;
	unsigned int		loops;
	bool			stop;
	struct tasklet_struct	tasklet;
	struct completion	go;
	struct completion	end;
	unsigned int		wake_at;

	unsigned int		seq ____cacheline_aligned_in_smp;
	unsigned int		seen;
	int			err;
	struct llist_node	*batch;
	u64			paused_ns;

	atomic_t		done ____cacheline_aligned_in_smp;
	unsigned int		reorders;
	struct llist_head	free;
};

static struct padata_instance *pinst;

static bool with_streams(void)
{
	return nr_streams > 1 || burst || pause_us;
}

/*
 * Jobs
 */

static void job_end(struct bench_job *job)
{
	if (job->feeder->ps)
		padata_do_serial(&job->padata);
	else
		job->padata.serial(&job->padata);
}

/* In the order in which their parallel() returned. */
static void complete_jobs(struct llist_node *last)
{
	struct bench_job *job, *next;

	llist_for_each_entry_safe(job, next, llist_reverse_order(last), node)
		job_end(job);
}

/* Evenly spread over the numbers. */
static bool job_is_async(const struct bench_job *job)
{
	return percent_async &&
	       job->seq * percent_async % 100 < percent_async;
}

static void bench_parallel(struct padata_priv *padata)
{
	struct bench_job *job = container_of(padata, struct bench_job, padata);

	spin(job->feeder->loops);
	if (job_is_async(job))
		completer_add(&job->node, BY_TASKLET, 0);
	else
		job_end(job);
}

static void bench_serial(struct padata_priv *padata)
{
	struct bench_job *job = container_of(padata, struct bench_job, padata);
	struct feeder *f = job->feeder;
	unsigned int done = atomic_read(&f->done);

	if (f->start_ns)
		f->start_ns[job->seq] = ktime_get_ns() - f->start_ns[job->seq];
	if (job->seq != done)
		f->reorders++;
	/* The job belongs to the feeder from here on. */
	atomic_set(&f->done, ++done);
	smp_mb(); /* done before wake_at, pairs with feeder_wait() */
	if (done == READ_ONCE(f->wake_at))
		wake_up_process(f->task);
}

/* Streams may be called back at the same time and overtake one another. */
static void stream_serial(struct padata_priv *padata)
{
	struct bench_job *job = container_of(padata, struct bench_job, padata);
	struct feeder *f = job->feeder;

	if (f->start_ns)
		f->start_ns[job->seq] = ktime_get_ns() - f->start_ns[job->seq];
	if (job->place != f->streams[job->seq % nr_streams].done++)
		f->reorders++;
	llist_add(&job->node, &f->free);
	/* A full barrier: done before wake_at, pairs with feeder_wait() */
	if (atomic_inc_return(&f->done) == READ_ONCE(f->wake_at))
		wake_up_process(f->task);
}

/*
 * Feeders
 */

static void feeder_wait(struct feeder *f, unsigned int done)
{
	WRITE_ONCE(f->wake_at, done);
	for (;;) {
		/* A full barrier: wake_at before done, pairs with bench_serial() */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if ((int)(atomic_read(&f->done) - done) >= 0)
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

static __always_inline void feeder_send(struct feeder *f, struct bench_job *job,
					struct padata_shell *ps,
					void (*serial)(struct padata_priv *padata))
{
	int cb_cpu = f->cb_cpu;

	memset(&job->padata, 0, sizeof(job->padata));
	job->padata.parallel = bench_parallel;
	job->padata.serial = serial;
	job->feeder = f;
	job->seq = f->seq++;
	if (f->start_ns)
		f->start_ns[job->seq] = ktime_get_ns();
	if (ps) {
		f->err = padata_do_parallel(ps, &job->padata, &cb_cpu);
		return;
	}
	local_bh_disable();
	job->padata.parallel(&job->padata);
	local_bh_enable();
}

static void feeder_submit(struct feeder *f)
{
	feeder_send(f, &f->jobs[f->seq % f->window], f->ps, bench_serial);
}

/* Waits until @due, which then advances by the interval, so that no delay adds up. */
static void feeder_pace(struct feeder *f, ktime_t *due)
{
	ktime_t until = *due;

	*due = ktime_add_ns(*due, f->interval_ns);
	if (ktime_after(ktime_get(), until))
		return;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_hrtimeout_range(&until, 0, HRTIMER_MODE_ABS);
}

/* Looks at what another CPU writes only where that may change the answer. */
static bool feeder_is_full(struct feeder *f, unsigned int most)
{
	if (f->seq - f->seen < most)
		return false;
	f->seen = atomic_read(&f->done);
	return f->seq - f->seen >= most;
}

static void feeder_run(struct feeder *f)
{
	ktime_t due = ktime_get();

	while (f->seq < f->nr && !f->err && !READ_ONCE(f->stop)) {
		if (feeder_is_full(f, f->window))
			feeder_wait(f, f->seq - f->window / 2);
		if (f->interval_ns)
			feeder_pace(f, &due);
		feeder_submit(f);
	}
	feeder_wait(f, f->seq - !!f->err);
}

/*
 * Feeders with streams.  These have functions of their own, so that the loop above takes
 * no longer for their sake.
 */

/* Return a job that is not in flight: the window is not full, so there is one. */
static struct bench_job *feeder_take(struct feeder *f)
{
	struct bench_job *job;

	if (!f->batch)
		f->batch = llist_reverse_order(llist_del_all(&f->free));
	job = llist_entry(f->batch, struct bench_job, node);
	f->batch = f->batch->next;
	return job;
}

static void feeder_submit_by_turns(struct feeder *f)
{
	struct bench_job *job = feeder_take(f);

	job->place = f->seq / nr_streams;
	feeder_send(f, job, f->streams[f->seq % nr_streams].ps, stream_serial);
}

static void feeder_burst(struct tasklet_struct *tasklet)
{
	struct feeder *f = container_of(tasklet, struct feeder, tasklet);
	unsigned int n = min(burst, f->nr - f->seq);

	while (n-- && !f->err && !feeder_is_full(f, f->window))
		feeder_submit_by_turns(f);
}

/* As an interrupt would: the tasklet runs when softirqs are enabled. */
static void feeder_raise(struct feeder *f)
{
	local_bh_disable();
	tasklet_schedule(&f->tasklet);
	local_bh_enable();
	/* Unless ksoftirqd has to. */
	cond_resched();
}

static void feeder_pause(struct feeder *f)
{
	u64 start;

	feeder_wait(f, f->seq);
	start = ktime_get_ns();
	usleep_range(pause_us, pause_us + 1);
	f->paused_ns += ktime_get_ns() - start;
}

/* Until there is room for one job more, or for a burst. */
static void feeder_wait_for_room(struct feeder *f)
{
	unsigned int most = f->window - min(f->window, max(burst, 1U));

	if (pause_us && f->seq && !(f->seq % f->window))
		feeder_pause(f);
	else if (feeder_is_full(f, most + 1))
		feeder_wait(f, f->seq - min(most, f->window / 2));
}

static void feeder_run_streams(struct feeder *f)
{
	ktime_t due = ktime_get();

	while (f->seq < f->nr && !f->err && !READ_ONCE(f->stop)) {
		feeder_wait_for_room(f);
		if (f->interval_ns)
			feeder_pace(f, &due);
		if (burst)
			feeder_raise(f);
		else
			feeder_submit_by_turns(f);
	}
	feeder_wait(f, f->seq - !!f->err);
}

static int feeder_thread(void *arg)
{
	struct feeder *f = arg;

	wait_for_completion(&f->go);
	if (f->streams)
		feeder_run_streams(f);
	else
		feeder_run(f);
	complete(&f->end);
	return 0;
}

static int nth_cpu(unsigned int n)
{
	return cpumask_nth(n % num_online_cpus(), cpu_online_mask);
}

static void feeder_free_shells(struct feeder *f)
{
	unsigned int i;

	if (!f->streams) {
		if (f->ps)
			padata_free_shell(f->ps);
		return;
	}
	for (i = 0; i < nr_streams; i++)
		if (f->streams[i].ps)
			padata_free_shell(f->streams[i].ps);
	kvfree(f->streams);
}

static int feeder_alloc_streams(struct feeder *f, bool with_padata)
{
	unsigned int i;

	f->streams = kvcalloc(nr_streams, sizeof(*f->streams), GFP_KERNEL);
	if (!f->streams)
		return -ENOMEM;
	for (i = 0; i < nr_streams && with_padata; i++) {
		f->streams[i].ps = padata_alloc_shell(pinst);
		if (!f->streams[i].ps)
			return -ENOMEM;
	}
	f->ps = f->streams[0].ps;
	for (i = f->window; i--;)
		llist_add(&f->jobs[i].node, &f->free);
	return 0;
}

static int feeder_alloc_shells(struct feeder *f, bool with_padata, bool many)
{
	if (many)
		return feeder_alloc_streams(f, with_padata);
	if (with_padata)
		f->ps = padata_alloc_shell(pinst);
	return f->ps || !with_padata ? 0 : -ENOMEM;
}

static void feeder_free(struct feeder *f)
{
	if (!f)
		return;
	if (f->task) {
		/* One that never went ends at once. */
		WRITE_ONCE(f->stop, true);
		complete(&f->go);
		kthread_stop(f->task);
		put_task_struct(f->task);
		tasklet_kill(&f->tasklet);
	}
	/* The kernel's own does not wait for the last serial() to return. */
	synchronize_rcu();
	feeder_free_shells(f);
	kvfree(f->start_ns);
	kvfree(f->jobs);
	kfree(f);
}

static int feeder_start(struct feeder *f)
{
	f->task = kthread_create(feeder_thread, f, "bench/%d", f->cpu);
	if (IS_ERR(f->task)) {
		f->task = NULL;
		return -ENOMEM;
	}
	get_task_struct(f->task);
	kthread_bind(f->task, f->cpu);
	wake_up_process(f->task);
	return 0;
}

/**
 * feeder_alloc() - make a feeder, which waits to be told to go
 * @cpu: Where it runs.
 * @window: Most jobs in flight; 0 for all.
 * @nr: Jobs to submit.
 * @ns: Length of a job.
 * @with_padata: False: callbacks are called at once.
 * @timed: Note how long each job takes.
 * @many: With streams.
 *
 * Return: The feeder, or NULL when memory is short.
 */
static struct feeder *feeder_alloc(int cpu, unsigned int window,
				   unsigned int nr, unsigned int ns,
				   bool with_padata, bool timed, bool many)
{
	struct feeder *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return NULL;
	f->cpu = cpu;
	f->cb_cpu = nth_cpu(cpu + distance);
	f->nr = nr;
	f->window = window ?: nr;
	f->loops = div_u64((u64)ns * loops_per_us, NSEC_PER_USEC);
	init_completion(&f->go);
	init_completion(&f->end);
	init_llist_head(&f->free);
	tasklet_setup(&f->tasklet, feeder_burst);
	f->jobs = kvcalloc(f->window, sizeof(*f->jobs), GFP_KERNEL);
	if (timed)
		f->start_ns = kvcalloc(nr, sizeof(*f->start_ns), GFP_KERNEL);
	if (!f->jobs || !f->start_ns != !timed ||
	    feeder_alloc_shells(f, with_padata, many) || feeder_start(f)) {
		feeder_free(f);
		return NULL;
	}
	return f;
}

/*
 * A run
 */

/**
 * struct run - the measurement of one figure
 * @shells: Number of feeders.
 * @window: Of each.
 * @nr: Jobs of each.
 * @ns: Length of a job.
 * @with_padata: False: callbacks are called at once.
 * @elapsed_ns: Result: how long it took.
 * @switches: Result: context switches meanwhile.
 */
struct run {
	unsigned int	shells;
	unsigned int	window;
	unsigned int	nr;
	unsigned int	ns;
	bool		with_padata;
	u64		elapsed_ns;
	u64		switches;
};

/* A counter that no module can read otherwise. */
static u64 context_switches(void)
{
	char *buf, *line;
	struct file *file;
	loff_t pos = 0;
	u64 n = 0;
	ssize_t len;

	buf = kzalloc(STAT_BYTES, GFP_KERNEL);
	file = filp_open("/proc/stat", O_RDONLY, 0);
	if (buf && !IS_ERR(file)) {
		len = kernel_read(file, buf, STAT_BYTES - 1, &pos);
		line = len > 0 ? strstr(buf, "ctxt ") : NULL;
		if (!line || sscanf(line, "ctxt %llu", &n) != 1)
			n = 0;
	}
	if (!IS_ERR(file))
		filp_close(file, NULL);
	kfree(buf);
	return n;
}

static int feeder_result(struct feeder *f)
{
	if (!f)
		return -ENOMEM;
	if (f->err)
		pr_err("error=%d after %u jobs\n", f->err, f->seq);
	if (f->reorders)
		pr_err("error: %u of %u jobs out of order\n", f->reorders, f->seq);
	return f->err ?: f->reorders ? -EIO : 0;
}

static void run_feeders(struct run *run, struct feeder **feeders)
{
	u64 switches = context_switches();
	u64 begin = local_clock();
	u64 start = ktime_get_ns();
	unsigned int i;

	profile_mark();
	for (i = 0; i < run->shells; i++)
		complete(&feeders[i]->go);
	for (i = 0; i < run->shells; i++)
		wait_for_completion(&feeders[i]->end);
	profile_mark();
	run->elapsed_ns = ktime_get_ns() - start - feeders[0]->paused_ns;
	run->switches = context_switches() - switches;
	if (marks)
		pr_info("test=mark with_padata=%d window=%u jobs=%u begin_ns=%llu end_ns=%llu\n",
			run->with_padata, run->window, run->shells * run->nr,
			begin, local_clock());
}

/*
 * Objects, for a plugin of QEMU that counts accesses by address
 */

static void say_object(const char *name, const void *at, size_t size)
{
	pr_info("test=object name=%s at=%lx size=%zu\n", name, (unsigned long)at, size);
}

static void say_percpu(const char *name, const void __percpu *p)
{
	say_object(name, (const void *)(__force unsigned long)p, 0);
}

#ifdef BENCH_KERNEL
static void say_shell(struct padata_shell *ps)
{
	struct parallel_data *pd = rcu_dereference_protected(ps->pd, true);

	say_object("shell", ps, sizeof(*ps));
	say_object("parallel_data", pd, sizeof(*pd));
	say_percpu("percpu:reorder_list", pd->reorder_list);
	say_percpu("percpu:squeue", pd->squeue);
}
#else
static void say_shell(struct padata_shell *ps)
{
	say_object("shell", ps, 0);
}
#endif

static void say_feeder(const struct feeder *f)
{
	unsigned int i;

	say_object("feeder", f, sizeof(*f));
	say_object("jobs", f->jobs, f->window * sizeof(*f->jobs));
	if (!f->streams) {
		say_shell(f->ps);
		return;
	}
	say_object("streams", f->streams, nr_streams * sizeof(*f->streams));
	for (i = 0; i < nr_streams; i++)
		say_shell(f->streams[i].ps);
}

static void say_pods(void)
{
	void **at = (void **)((char *)pinst + pods_at);
	void **pods = *at;
	unsigned int i, nr = *(unsigned int *)(at + 1);

	for (i = 0; i < nr; i++)
		say_object("pod", pods[i], 0);
}

/* Before the measured run: addresses differ from run to run. */
static void say_objects(const struct run *run, struct feeder **feeders)
{
	unsigned int i;

	if (!objects || !run->with_padata)
		return;
	say_object("run", NULL, 0);
	for_each_possible_cpu(i)
		say_object("cpu", (const void *)per_cpu_offset(i), i);
	say_object("instance", pinst, 0);
	if (percpu_at >= 0)
		say_percpu("percpu:pump", *(void __percpu **)((char *)pinst + percpu_at));
	if (pods_at >= 0)
		say_pods();
	for (i = 0; i < run->shells; i++)
		say_feeder(feeders[i]);
}

static int run_once(struct run *run)
{
	struct feeder *feeders[MAX_SHELLS] = { };
	unsigned int i;
	int err = 0;

	for (i = 0; i < run->shells && !err; i++) {
		feeders[i] = feeder_alloc(nth_cpu(i * apart), run->window, run->nr,
					  run->ns, run->with_padata, false,
					  with_streams());
		err = feeders[i] ? 0 : -ENOMEM;
	}
	if (!err) {
		say_objects(run, feeders);
		run_feeders(run, feeders);
	}
	for (i = 0; i < run->shells; i++) {
		err = err ?: feeder_result(feeders[i]);
		feeder_free(feeders[i]);
	}
	return err;
}

/* The shortest of several, each of the parameter rounds. */
static int run_best(struct run *run)
{
	u64 best = U64_MAX;
	unsigned int i;
	int err = 0;

	for (i = 0; i < max(rounds, 1U) && !err; i++) {
		err = run_once(run);
		best = min(best, run->elapsed_ns);
	}
	run->elapsed_ns = best;
	return err;
}

/*
 * How far apart two CPUs are: a host puts virtual ones on the same core or on far ones, and
 * moves them.
 */

#define TRANSFERS	20000

/* A line that goes to and fro; odd: it is the other CPU's turn. */
static unsigned int ball ____cacheline_aligned_in_smp;

static void play(unsigned int from)
{
	unsigned int i;

	for (i = from; i < TRANSFERS; i += 2) {
		while (READ_ONCE(ball) != i)
			cpu_relax();
		WRITE_ONCE(ball, i + 1);
	}
}

static int play_back(void *arg)
{
	play(1);
	return 0;
}

/* Nanoseconds that a line takes from one CPU to another, or 0 without memory or a second CPU. */
static u64 transfer_ns(void)
{
	struct task_struct *other;
	unsigned int cpu;
	u64 start;

	migrate_disable();
	cpu = cpumask_any_but(cpu_online_mask, smp_processor_id());
	other = cpu < nr_cpu_ids ? kthread_create(play_back, NULL, "bench/ball") : NULL;
	if (IS_ERR_OR_NULL(other)) {
		migrate_enable();
		return 0;
	}
	WRITE_ONCE(ball, 1);
	get_task_struct(other);
	kthread_bind(other, cpu);
	wake_up_process(other);
	/* The other one runs. */
	while (READ_ONCE(ball) == 1)
		cpu_relax();
	start = ktime_get_ns();
	play(2);
	start = ktime_get_ns() - start;
	migrate_enable();
	kthread_stop(other);
	put_task_struct(other);
	return div_u64(start, TRANSFERS);
}

/*
 * Tests
 */

/*
 * The loads of gateways, where one is asked for; their lines have another name than those
 * of cost and latency, which are as before.
 */
static const char *load_words(void)
{
	static char words[80];

	if (with_streams() || off_mask)
		snprintf(words, sizeof(words), " streams=%u burst=%u pause_us=%u off_mask=%d",
			 nr_streams, burst, pause_us, off_mask);
	return words;
}

static u64 ns_per_job(const struct run *run)
{
	return div_u64(run->elapsed_ns, run->shells * run->nr);
}

static int test_cost_window(unsigned int window, unsigned int ns)
{
	unsigned int nr = window && window < 8 ? max(jobs / 8, 1U) : jobs;
	struct run run = { shells, window, nr, ns, true };
	struct run floor = { shells, window, nr, ns, false };
	u64 per_job, switches, before = 0, after = 0;
	int err;

	/* The first run finds everything asleep and memory untouched. */
	err = run_once(&floor) ?: run_once(&run) ?: run_best(&floor);
	if (transfers)
		before = transfer_ns();
	err = err ?: run_best(&run);
	if (transfers)
		after = transfer_ns();
	if (err)
		return err;
	per_job = ns_per_job(&run);
	switches = div_u64(run.switches * 1000, shells * nr);
	pr_info("test=%s impl=%s cpus=%u shells=%u async=%u window=%u job_ns=%u%s jobs=%u per_job=%llu floor=%llu net=%lld switches_per_1000=%llu transfer_before=%llu transfer_after=%llu\n",
		*load_words() ? "load" : "cost", BENCH_IMPL,
		num_online_cpus(), shells, percent_async, window, ns,
		load_words(), nr, per_job, ns_per_job(&floor),
		(s64)(per_job - ns_per_job(&floor)), switches, before, after);
	return 0;
}

static int test_speedup_window(unsigned int window, unsigned int ns)
{
	struct run serial = { 1, window, jobs, ns, false };
	struct run two = { 2, window, jobs / 2, ns, false };
	struct run run = { 1, window, jobs, ns, true };
	unsigned int i;
	u64 best[3] = { U64_MAX, U64_MAX, U64_MAX };
	int err = 0;

	/* By turns, so that all meet the same quiet moments of the host. */
	for (i = 0; i < max(rounds, 1U) && !err; i++) {
		err = run_once(&serial) ?: run_once(&two) ?: run_once(&run);
		best[0] = min(best[0], serial.elapsed_ns);
		best[1] = min(best[1], two.elapsed_ns);
		best[2] = min(best[2], run.elapsed_ns);
	}
	if (err)
		return err;
	pr_info("test=speedup impl=%s cpus=%u window=%u job_ns=%u jobs=%u serial_ns=%llu two_threads_ns=%llu padata_ns=%llu ceiling_percent=%llu speedup_percent=%llu\n",
		BENCH_IMPL, num_online_cpus(), window, ns, jobs,
		div_u64(best[0], jobs), div_u64(best[1], jobs),
		div_u64(best[2], jobs), div64_u64(best[0] * 100, best[1]),
		div64_u64(best[0] * 100, best[2]));
	return 0;
}

static int compare_u64(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void report_latency(struct feeder *f, unsigned int load, unsigned int ns)
{
	u64 *v = f->start_ns;

	sort(v, f->nr, sizeof(*v), compare_u64, NULL);
	pr_info("test=%s impl=%s cpus=%u load=%u saturate=%d job_ns=%u%s jobs=%u p50=%llu p99=%llu p999=%llu max=%llu\n",
		*load_words() ? "light" : "latency", BENCH_IMPL,
		num_online_cpus(), load, saturate, ns, load_words(), f->nr,
		v[f->nr / 2], v[f->nr - 1 - f->nr / 100],
		v[f->nr - 1 - f->nr / 1000], v[f->nr - 1]);
}

static int test_latency_load(unsigned int load, unsigned int ns)
{
	struct feeder *f, *other = NULL;
	int err = -ENOMEM;

	f = feeder_alloc(nth_cpu(0), load ? 0 : 1, jobs, ns, true, true,
			 with_streams());
	if (saturate)
		other = feeder_alloc(nth_cpu(1), 64, U32_MAX, ns, true, false,
				     false);
	if (!f || (saturate && !other))
		goto out;
	if (load)
		f->interval_ns = div_u64((u64)max(ns, 1U) * 100, load);
	if (other)
		complete(&other->go);
	complete(&f->go);
	wait_for_completion(&f->end);
	if (other) {
		WRITE_ONCE(other->stop, true);
		wait_for_completion(&other->end);
	}
	err = feeder_result(f);
	if (!err)
		report_latency(f, load, ns);
out:
	feeder_free(other);
	feeder_free(f);
	return err;
}

/**
 * struct bench_test - something to measure
 * @name: Value of the parameter test.
 * @measure: Once, for a length of jobs and a value.
 * @values: What comes before the length: a window or a load.
 * @nr: How many values.
 */
struct bench_test {
	const char *name;
	int (*measure)(unsigned int value, unsigned int ns);
	const unsigned int *values;
	const int *nr;
};

static const struct bench_test bench_tests[] = {
	{ "cost", test_cost_window, windows, &nr_windows },
	{ "speedup", test_speedup_window, windows, &nr_windows },
	{ "latency", test_latency_load, loads, &nr_loads },
};

static int run_all(const struct bench_test *t)
{
	int err = 0;
	int i, j;

	for (i = 0; i < nr_job_ns && !err; i++)
		for (j = 0; j < *t->nr && !err; j++)
			err = t->measure(t->values[j], job_ns[i]);
	return err;
}

static int run_test(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bench_tests); i++)
		if (!strcmp(test, bench_tests[i].name))
			return run_all(&bench_tests[i]);
	return -EINVAL;
}

/*
 * Module
 */

/* Of the parallel cpumask all but the first submitter's CPU. */
static int leave_mask(void)
{
	cpumask_var_t mask;
	int err;

	if (!alloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;
	cpumask_copy(mask, cpu_online_mask);
	cpumask_clear_cpu(nth_cpu(0), mask);
	err = padata_set_cpumask(pinst, PADATA_CPU_PARALLEL, mask);
	free_cpumask_var(mask);
	return err;
}

static bool parameters_are_right(void)
{
	if (!jobs || shells > MAX_SHELLS || !shells)
		return false;
	/* Only one submitter can pause, since all wait for each other's end. */
	if (pause_us && shells > 1)
		return false;
	return nr_streams && nr_streams <= MAX_STREAMS;
}

static int __init padata_bench_init(void)
{
	int err;

	if (!parameters_are_right())
		return -EINVAL;
	lines_name_locks();
	calibrate();
	err = completers_start() ? 0 : -ENOMEM;
	if (!err)
		pinst = padata_alloc("bench");
	if (!pinst)
		err = -ENOMEM;
	if (!err && off_mask)
		err = leave_mask();
	if (!err)
		err = run_test();
	if (pinst)
		padata_free(pinst);
	completers_stop();
	return err;
}

static void __exit padata_bench_exit(void)
{
}

module_init(padata_bench_init);
module_exit(padata_bench_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Measures padata");
