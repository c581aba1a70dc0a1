// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: run jobs on many CPUs, hand the results back in order
 */

/**
 * DOC: overview
 *
 * The usual way of a job::
 *
 *   padata_do_parallel()   order list of the shell, queue of a pod
 *   pump of some CPU       parallel()
 *   padata_do_serial()     the job is done; a completion that finds the baton
 *                          drains, or leaves that to a pump
 *   drain                  finished jobs at the front of the order list go to
 *                          the serial queues of their callback CPUs
 *   pump of that CPU       serial()
 *
 * The order of the callbacks is the order of the list, and nothing else defines it:
 * there are no sequence numbers.  Only the holder of a list's **baton** may take jobs
 * off the list.  The baton is in exactly one place: at home in the shell (then the list
 * is empty), on the first job of the list (it is not done), with a drainer, with the
 * pump of a CPU that settles, or parked (the first job is done but fenced, and callbacks
 * before it have not returned).  A completion that does not find the baton touches only
 * the state of its own job.
 *
 * Each CPU has one **pump** per instance, a work item.  It serves serial queues, that
 * of its CPU among them, and pulls jobs from the queue of its pod as long as its CPU is in
 * the parallel mask, in turns.  A **pod** is the queue of the CPUs that share a last-level
 * cache, or a part of one; a pump without work may take some from another pod.  Sleeping and
 * waking cost more than all the rest.  So a further pump is woken only when the queued work
 * outweighs a wake-up, or the queue is late, and one that runs out of work may look for more
 * for a moment before it sleeps.
 * Where jobs are short their drains wait some microseconds for further jobs of the
 * shell.
 *
 * The order does not end at serial(): behind it stand queues of the CPU on which
 * serial() runs.  So the results of one requested CPU change the CPU on which they come
 * out only through a **fence**, whatever the cause is: new masks, a CPU that comes or
 * goes, direct mode.  The first job for the new CPU is fenced.  It is handed over once
 * all earlier callbacks of the shell have returned and the old CPUs have **settled**:
 * softirqs and work items that these callbacks raised there have run, within bounds.  A
 * serial queue that one CPU's pump takes over from another's waits for the same.  A
 * change of masks publishes the new mapping and waits for none of this; a CPU that goes
 * offline waits until it has settled.
 */

/*
 * Memory ordering
 * ---------------
 * Each ordered access carries a label; this is the table of the pairs.
 *
 * done:A / done:B, result of a job
 *   done:A xchg() of padata_priv::state to JOB_DONE in padata_do_serial() is
 *   fully ordered and follows all writes of parallel(); done:B reads the state
 *   with acquire in shell_cut().  From there to serial() the job passes through
 *   serial_queue::lock.
 * baton:A / baton:B, baton or completion
 *   baton:A cmpxchg() JOB_RUNNING -> JOB_BATON in shell_pass_baton(), baton:B
 *   (the same access as done:A) xchg() -> JOB_DONE.  Two read-modify-writes of one
 *   word: either the completion finds the baton, or the drainer finds the job
 *   done.  The order list that the drainer leaves behind is seen by the next one
 *   through padata_shell::lock.
 * park:A / park:B, store buffering
 *   park:A writes baton = BATON_PARKED; full barrier; reads ::pending.
 *   park:B subtracts from ::pending, fully ordered; reads ::baton.
 *   At least one of them sees the other, padata_shell::lock decides which acts.
 * fence:A / fence:B, end of earlier callbacks
 *   fence:A is park:B's subtraction, after serial() has returned; fence:B reads
 *   ::pending with acquire before a CPU is asked to settle for a fenced job, or
 *   direct mode begins.  The serial queue's ::at, which says on which CPU the callbacks
 *   ran, was written before fence:A.
 * settle, no label needed
 *   The shell goes to the pump of the old CPU through a lock-free list (llist_add()
 *   is fully ordered), and sleep:A/B wake the pump.  The pump looks at its CPU's
 *   pending softirqs afterwards, on that CPU, where the callbacks raised them
 *   before.  A softirq of a CPU is not in progress while a task runs there.  The pump
 *   then queues itself.  The worker pool's lock puts it behind the work items queued
 *   before, and the pool starts it after these have ended, or sleep.  (PREEMPT_RT: a softirq
 *   in progress is an RCU read section, and the pump waits for a grace period.)
 * sleep:A / sleep:B, lost wake-up (pattern R: two writes of ::awake, one queue)
 *   sleep:A (pump_sleep) writes awake = 0; full barrier; reads ::ready, ::deferred,
 *   ::leaving, ::leaving_queues, ::pulling and ::called_by.
 *   sleep:B (pump_wake) has filled one of these before; xchg(awake, 1), fully
 *   ordered.  If it finds 1, that is older than the pump's 0, and the pump's
 *   reads after its barrier see what was filled; if it finds 0, it queues the
 *   work item itself.
 * wake:A / wake:B, which side has the pump run
 *   wake:A (pump_sleep) xchg(awake, 1) after the pump has found something, wake:B (the
 *   same access as sleep:B).  Two read-modify-writes of one word: whichever reads 0
 *   has the pump run, and the other does not.
 * queue, no label needed
 *   In each pod nr_queued > 0 implies nr_pulling > 0, both under pod::lock.  A pump with
 *   ::pulling set looks at the queue of its pod under that lock before it sleeps, and
 *   clears it only where the queue is empty, or where the same section chooses another.  A
 *   pump that steals makes no promise and takes none back.  A pod without a CPU that may
 *   pull makes none, and map_change() moves its jobs.
 * pod, no label needed
 *   map_change() writes ::submit_to, then takes the lock of a pod that loses its last CPU
 *   and moves the jobs queued there.  A submitter, or a pump that puts jobs back, reads
 *   ::submit_to under the lock of the pod that it is about to fill.  If it has read the old
 *   value its section was the earlier one, and its job is moved.
 * moved:A, an empty shell goes to another pod
 *   A submitter that holds the lock of a shell's pod and finds none of its jobs queued
 *   writes ::pod.  moved:A reads it with acquire, under the lock of another pod: where that
 *   is the shell's, what is read of ::queue and ::nr_queued next is what all holders of the
 *   old lock have left there, whose sections come before the write in the order of that lock.
 * called, no label needed
 *   A pod that calls a pump of another one queues its job and sets ::called_by under
 *   pod::lock.  The pump clears ::called_by before it takes that lock: either it sees the
 *   job, or the call comes after it and makes it look again.
 * look:A / look:B, store buffering
 *   look:A (look_again_later) has raised nr_queued; full barrier; reads ::look_armed.
 *   look:B (look_again) clears ::look_armed; full barrier; reads nr_queued.
 *   At least one of them sees the other; whichever sets ::look_armed arms the timer.
 *   wake_any() fills nothing that sleep:A reads.  A pump that it finds awake may go to
 *   sleep without having seen the queue; the next look, a jiffy later, finds it asleep.
 * arm:A / arm:B, one arms the timer
 *   arm:A (look_again_later) and arm:B (look_again) xchg(look_armed, 1).  Of two that find
 *   a job and the timer disarmed one reads 0, and arms it.
 * asked:A / asked:B, since when a CPU is asked to settle
 *   asked:A (pump_ask_to_settle) writes ::asked_at before llist_add(), which is fully
 *   ordered; asked:B (pump_settle_overdue) is a read barrier between a look at the lists
 *   and ::asked_at.  A timer that finds the entry does not take an older time for its,
 *   unless the pump has taken the list between the two steps of asked:A.
 * idle:A / idle:B, store buffering
 *   idle:A (wait_until_idle) raises nr_waiters; full barrier; looks at the shells.
 *   idle:B (shell_put) lowers ::refs, fully ordered; reads nr_waiters.
 * kept:A / kept:B, a reference that a pump keeps
 *   kept:A (keep_shell) puts the shell where it is kept, by a fully ordered xchg(); reads
 *   nr_waiters.  The other side is idle:A, before a look at what is kept (store buffering):
 *   either the waiter sees the shell or the pump sees the waiter, and wakes it.  Both take
 *   it by kept:B (take_kept), xchg(): of several that try one has the reference.
 * orphan:A / orphan:B, whose reference is the last
 *   orphan:B sets ::orphan, then subtracts from ::refs, fully ordered; orphan:A
 *   reads ::refs with acquire, then ::orphan.  A reader that sees the owner's reference
 *   gone sees ::orphan, too.  One that sees ::orphan alone considers an idle shell
 *   busy.
 * over:A / over:B, return of parallel()
 *   A pump names the shell whose parallel() it runs before it does; over:A names another
 *   one, or none, with release, over:B reads it with acquire after the shell was seen idle.
 *   The name was written before padata_do_serial(), and so before the shell's ::refs
 *   went down.  Where one is seen a grace period ends the wait: parallel() runs in an
 *   RCU read section.
 * inline:A / inline:B, return of parallel() that a submitter runs
 *   The same by a count: a submitter raises ::inline_depth before parallel(), and
 *   lowers it after a full barrier, inline:A; inline:B reads it with acquire.
 * direct:A / direct:B, direct mode begins
 *   direct:A stores ::direct.on with release under padata_shell::lock, after it has
 *   found the shell idle (fence:B) and the CPUs of its results settled, or all of its
 *   results on this CPU, which direct mode is for alone then.  direct:B reads it with
 *   acquire, and the submitter's work follows.  The end of direct mode needs no
 *   order: a submitter that still reads the old value is concurrent with the job that
 *   ended the mode, and one whose call begins after that job was submitted reads the new
 *   one.
 * stop
 *   padata_stop() clears ::running, then takes each padata_shell::lock to look at
 *   ::refs; a submitter reads ::running and raises ::refs under that lock.  A
 *   shell that is not yet on the list is added under shell_lock, which
 *   padata_stop() takes in between: its jobs see ::running cleared.  padata_go_direct()
 *   asks a CPU to settle, and raises ::refs for that, in the same way.
 * shells
 *   A shell is complete before list_add_tail_rcu() puts it on the list, which
 *   padata_stop() and the stall detector walk in RCU sections.
 * take
 *   The stall detector takes a reference of a shell by atomic_inc_not_zero() of ::refs;
 *   the last put (idle:B) subtracts.  Two read-modify-writes of one word: a shell that
 *   is to be freed is not taken.
 * free
 *   Submitters, completions and pumps access a shell and the instance in RCU read
 *   sections, beyond the last put.  padata_free() waits for a grace period before the
 *   pumps go, and a shell's memory goes after one, by kfree_rcu().
 * masks
 *   ::masks is read in RCU sections; padata_set_cpumask() frees the old ones after
 *   a grace period, which also waits for each pump that pulled under them.
 * mapping
 *   A submitter takes the callback CPU and the generation from one read section
 *   of ::map_seq, so equal generations imply equal mappings.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/prefetch.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/isolation.h>
#include <linux/sched/stat.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>
#include <linux/timer.h>
#include <linux/timex.h>
#include <linux/topology.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "padata/compat.h"
#include "padata.h"

#define CREATE_TRACE_POINTS
#include "padata/trace.h"

#include "padata/limits.h"
#include "padata/internal.h"

/* A parameter that is a number between two bounds; other values are refused. */
struct bounded_param {
	unsigned int *value;
	unsigned int min;
	unsigned int max;
};

static int bounded_param_set(const char *text, const struct kernel_param *kp)
{
	const struct bounded_param *param = kp->arg;
	unsigned int value;
	int err = kstrtouint(text, 0, &value);

	if (err)
		return err;
	if (value < param->min || value > param->max)
		return -EINVAL;
	WRITE_ONCE(*param->value, value);
	return 0;
}

static int bounded_param_get(char *buffer, const struct kernel_param *kp)
{
	const struct bounded_param *param = kp->arg;

	return sysfs_emit(buffer, "%u\n", READ_ONCE(*param->value));
}

static const struct kernel_param_ops bounded_param_ops = {
	.set = bounded_param_set,
	.get = bounded_param_get,
};

static unsigned int backlog = 1024;
static struct bounded_param backlog_param = { &backlog, 0, 1000000 };
module_param_cb(backlog, &bounded_param_ops, &backlog_param, 0644);
MODULE_PARM_DESC(backlog, "Jobs that may wait for a CPU, per instance, up to 1000000; beyond it the submitter runs its job; 0: always (default 1024)");

static unsigned int wakeup_cost_ns = 10000;
static struct bounded_param wakeup_cost_ns_param = { &wakeup_cost_ns, 0, NSEC_PER_SEC };
module_param_cb(wakeup_cost_ns, &bounded_param_ops, &wakeup_cost_ns_param, 0644);
MODULE_PARM_DESC(wakeup_cost_ns, "Queued work that justifies waking one more CPU, in nanoseconds, up to a second (default 10000)");

static unsigned int poll_ns = 10000;
static struct bounded_param poll_ns_param = { &poll_ns, 0, NSEC_PER_MSEC };
module_param_cb(poll_ns, &bounded_param_ops, &poll_ns_param, 0644);
MODULE_PARM_DESC(poll_ns, "How long a worker on an otherwise idle CPU looks for more work before it sleeps, in nanoseconds, up to a millisecond; 0: never (default 10000)");

static unsigned int short_ns = 1000;
static struct bounded_param short_ns_param = { &short_ns, 0, NSEC_PER_SEC };
module_param_cb(short_ns, &bounded_param_ops, &short_ns_param, 0644);
MODULE_PARM_DESC(short_ns, "Jobs that take less on average are pulled, and their drains done, in batches, in nanoseconds, up to a second; 0: never (default 1000)");

static unsigned int pod_cpus;
static struct bounded_param pod_cpus_param = { &pod_cpus, 0, 8192 };
module_param_cb(pod_cpus, &bounded_param_ops, &pod_cpus_param, 0644);
MODULE_PARM_DESC(pod_cpus, "CPUs of a node that have one queue, up to 8192, in instances made from now on; 0: those of a last-level cache, or of a part of one with more than 16 (default 0)");

static unsigned int stall_seconds = 30;
static struct bounded_param stall_seconds_param = { &stall_seconds, 0, 86400 };

/* All instances, for stall_seconds. */
static DEFINE_MUTEX(pinsts_mutex);
static LIST_HEAD(pinsts);

/* The parts, bottom-up: each uses only those before it. */
#include "padata/list.c"
#include "padata/clock.c"
#include "padata/map.c"
#include "padata/pod.c"
#include "padata/sleep.c"
#include "padata/wake.c"
#include "padata/queue.c"
#include "padata/serial.c"
#include "padata/drain.c"
#include "padata/order.c"
#include "padata/shell.c"
#include "padata/settle.c"
#include "padata/batch.c"
#include "padata/pump.c"
#include "padata/submit.c"
#include "padata/direct.c"
#include "padata/masks.c"
#include "padata/watch.c"
#include "padata/sysfs.c"
#include "padata/instance.c"
#include "padata/multithread.h"
#include "padata/chunk.c"
#include "padata/helper.c"
#include "padata/multithread.c"

static int stall_seconds_set(const char *text, const struct kernel_param *kp)
{
	int err = bounded_param_set(text, kp);

	if (!err)
		watch_all_anew();
	return err;
}

static const struct kernel_param_ops stall_seconds_ops = {
	.set = stall_seconds_set,
	.get = bounded_param_get,
};

module_param_cb(stall_seconds, &stall_seconds_ops, &stall_seconds_param, 0644);
MODULE_PARM_DESC(stall_seconds, "A shell that makes no progress for this long is named in the log, in seconds, up to a day; 0: never (default 30)");

static int __init padata_mod_init(void)
{
	int ret;

	cycles_init();
	ret = mt_helpers_init();
	if (ret)
		return ret;
	ret = cpuhp_setup_state_multi(CPUHP_AP_ONLINE_DYN, "padata_mod:online",
				      padata_cpu_online, padata_cpu_offline);
	if (ret < 0) {
		mt_helpers_exit();
		return ret;
	}
	hotplug_state = ret;
	return 0;
}
module_init(padata_mod_init);

static void __exit padata_mod_exit(void)
{
	cpuhp_remove_multi_state(hotplug_state);
	mt_helpers_exit();
}
module_exit(padata_mod_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Parallel jobs with serial results");
