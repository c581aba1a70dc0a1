// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: threads, their start, rest and end
 */

static u64 now_ms(void)
{
	return div_u64(ktime_get_ns(), NSEC_PER_MSEC);
}

static void nap(unsigned long ms)
{
	set_current_state(TASK_INTERRUPTIBLE);
	if (!kthread_should_stop())
		schedule_timeout(msecs_to_jiffies(ms));
	__set_current_state(TASK_RUNNING);
}

/* Return false once the thread must end.  After a loss it sleeps until then. */
static bool goes_on(void)
{
	while (READ_ONCE(lost) && !kthread_should_stop())
		nap(1000);
	return !kthread_should_stop();
}

static void wait_while(const bool *flag)
{
	while (READ_ONCE(*flag) && goes_on())
		nap(5);
}

static bool begin_thread(struct task_struct **threads, unsigned int *nr,
			 int (*func)(void *), void *arg, const char *name)
{
	struct task_struct *task = kthread_run(func, arg, "torture_%s", name);

	if (IS_ERR(task))
		return false;
	threads[(*nr)++] = task;
	return true;
}

static void stop_threads(struct task_struct **threads, unsigned int *nr)
{
	while (*nr)
		kthread_stop(threads[--(*nr)]);
}
