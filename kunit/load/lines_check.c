// SPDX-License-Identifier: GPL-2.0-only
/*
 * lines_check: moves of lines between CPUs whose number is known
 *
 * For scripts/plugin/lines.c.  Two threads, on two CPUs, take turns by a number that
 * both poll.  One line moves twice for each turn then: the thread that gives the turn
 * writes it, and the other one reads it.  In its turn a thread
 *
 *   alone    writes a line of its own: no further move
 *   shared   adds to a number in a line that both write: a read and a write
 *   atomic   does so by an atomic instruction: a write
 *   locked   adds to a number in a line of its own under a spinlock: the lock is taken
 *            by an atomic instruction, one write; the number is read and written
 *   same     likewise, with the lock and the number in the same line: one write
 *
 * Each is a window of the plugin.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/processor.h>
#include <linux/spinlock.h>

#include "lines.h"

static unsigned int turns = 1000;
module_param(turns, uint, 0444);
MODULE_PARM_DESC(turns, "of both threads together, for each of the cases");

static unsigned int cpus[2] = { 0, 1 };
module_param_array(cpus, uint, NULL, 0444);
MODULE_PARM_DESC(cpus, "the two CPUs");

static struct {
	unsigned int turn ____cacheline_aligned;
	unsigned long own[2][SMP_CACHE_BYTES / sizeof(long)] ____cacheline_aligned;
	unsigned long shared ____cacheline_aligned;
	atomic_t atomic ____cacheline_aligned;
	spinlock_t lock ____cacheline_aligned;
	unsigned long locked ____cacheline_aligned;
	spinlock_t same ____cacheline_aligned;
	unsigned long same_number;
} lines ____cacheline_aligned;

/* Several loads and stores of one number would be as right for the compiler. */
static void add_one(unsigned long *number)
{
	WRITE_ONCE(*number, READ_ONCE(*number) + 1);
}

static void do_alone(unsigned int self)
{
	add_one(&lines.own[self][0]);
}

static void do_shared(unsigned int self)
{
	add_one(&lines.shared);
}

static void do_atomic(unsigned int self)
{
	atomic_inc(&lines.atomic);
}

static void do_locked(unsigned int self)
{
	spin_lock(&lines.lock);
	add_one(&lines.locked);
	spin_unlock(&lines.lock);
}

static void do_same(unsigned int self)
{
	spin_lock(&lines.same);
	add_one(&lines.same_number);
	spin_unlock(&lines.same);
}

static const struct {
	const char *name;
	void (*act)(unsigned int self);
} cases[] = {
	{ "alone", do_alone }, { "shared", do_shared }, { "atomic", do_atomic },
	{ "locked", do_locked }, { "same", do_same },
};

/* One of the two threads. */
struct player {
	unsigned int self;
	void (*act)(unsigned int self);
	struct completion go;
	struct completion end;
};

/* A busy wait with softirqs on: a tick that comes between two turns does no harm. */
static int play(void *arg)
{
	struct player *p = arg;
	unsigned int turn;

	wait_for_completion(&p->go);
	for (turn = p->self; turn < turns; turn += 2) {
		/* Whatever the other thread did in its turn comes before. */
		while (smp_load_acquire(&lines.turn) != turn)
			cpu_relax();
		p->act(p->self);
		/* The turn is over; pairs with the poll of the other thread. */
		smp_store_release(&lines.turn, turn + 1);
	}
	complete(&p->end);
	return 0;
}

static int player_start(struct player *p, unsigned int self, void (*act)(unsigned int))
{
	struct task_struct *task;

	p->self = self;
	p->act = act;
	init_completion(&p->go);
	init_completion(&p->end);
	task = kthread_create(play, p, "lines/%u", self);
	if (IS_ERR(task))
		return PTR_ERR(task);
	kthread_bind(task, cpus[self]);
	wake_up_process(task);
	return 0;
}

static int run_case(size_t n)
{
	struct player players[2];
	int err, err2, i;

	lines.turn = 0;
	err = player_start(&players[0], 0, cases[n].act);
	if (err)
		return err;
	err2 = player_start(&players[1], 1, cases[n].act);
	if (err2)
		turns = 0;
	profile_mark();
	complete(&players[0].go);
	if (!err2)
		complete(&players[1].go);
	for (i = 0; i < 2 - !!err2; i++)
		wait_for_completion(&players[i].end);
	profile_mark();
	return err2;
}

static void say_object(const char *name, const void *at)
{
	pr_info("test=object name=%s at=%lx\n", name, (unsigned long)at);
}

static int __init lines_check_init(void)
{
	int err = 0;
	size_t n;

	spin_lock_init(&lines.lock);
	spin_lock_init(&lines.same);
	say_object("turn", &lines.turn);
	say_object("own0", lines.own[0]);
	say_object("own1", lines.own[1]);
	say_object("shared", &lines.shared);
	say_object("atomic", &lines.atomic);
	say_object("lock", &lines.lock);
	say_object("number", &lines.locked);
	say_object("same", &lines.same);
	lines_name_locks();
	for (n = 0; n < ARRAY_SIZE(cases) && !err; n++)
		err = run_case(n);
	return err;
}

static void __exit lines_check_exit(void)
{
}

module_init(lines_check_init);
module_exit(lines_check_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Moves lines between two CPUs, for a plugin of QEMU to count");
