// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: how jobs end, and noise meanwhile
 */

static struct task_struct *end_threads[MAX_THREADS];
static unsigned int nr_end_threads;
static struct llist_head thread_jobs;
static struct noise __percpu *noises;

/* Calls padata_do_serial().  The job may be freed meanwhile. */
static void job_end(struct job *job)
{
	unsigned long bh = softirq_count();
	bool irqs_off = irqs_disabled();

	if (!job_step(job, STAGE_RUNS, STAGE_ENDED))
		return;
	padata_do_serial(&job->padata);
	if ((softirq_count() != bh || irqs_disabled() != irqs_off) && note(WRONG_CONTEXT))
		pr_err("padata_do_serial() changed softirqs or interrupts\n");
}

/* The list has the last job first; turned, it has the first one first. */
static void end_jobs(struct llist_node *list, bool turn)
{
	struct job *job, *next;

	if (turn)
		list = llist_reverse_order(list);
	llist_for_each_entry_safe(job, next, list, node)
		job_end(job);
}

static void end_list(struct llist_head *head, bool turn)
{
	end_jobs(llist_del_all(head), turn);
}

/* Half of the lists of the completers are turned. */
static void complete_jobs(struct llist_node *last)
{
	struct job *job = llist_entry(last, struct job, node);

	end_jobs(last, last && job->seq & 2);
}

static void noise_again(struct noise *noise)
{
	unsigned long us = 100 + dice(&noise->rnd, SLOW ? 8000 : 1000);

	hrtimer_start(&noise->hrtimer, ns_to_ktime(us * NSEC_PER_USEC),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

static enum hrtimer_restart make_noise(struct hrtimer *hrtimer)
{
	struct noise *noise = container_of(hrtimer, struct noise, hrtimer);

	spin(dice(&noise->rnd, 50 * loops_per_us));
	/* start_noise() may have started it already, on the timer's own CPU. */
	noise_again(noise);
	return HRTIMER_NORESTART;
}

/* Called on the CPU.  An offline CPU has lost its timer to another one. */
static void start_noise(void *unused)
{
	hrtimer_start(&this_cpu_ptr(noises)->hrtimer, ns_to_ktime(NSEC_PER_MSEC),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

/* While CPUs come and go the thread stays: the kernel would warn about the move. */
static void move_to(unsigned int cpu)
{
	if (!cpus_read_trylock())
		return;
	set_cpus_allowed_ptr(current, cpumask_of(cpu));
	cpus_read_unlock();
}

/* Ends jobs, sometimes late, on any CPU; the first thread also ends held jobs. */
static int end_thread(void *arg)
{
	struct rnd_state rnd;
	int i;

	seed_rnd(&rnd);
	while (!kthread_should_stop()) {
		if (!dice(&rnd, 16))
			move_to(dice(&rnd, nr_cpu_ids));
		set_current_state(TASK_INTERRUPTIBLE);
		if (llist_empty(&thread_jobs) && !kthread_should_stop())
			schedule_timeout(arg ? 1 : HZ);
		__set_current_state(TASK_RUNNING);
		if (!dice(&rnd, 4))
			nap(1);
		end_list(&thread_jobs, dice(&rnd, 2));
		/* Mostly a serial() ends the held jobs earlier. */
		for (i = 0; arg && i < NR_RIGS; i++)
			if (!dice(&rnd, 2))
				end_list(&rigs[i].held, dice(&rnd, 2));
	}
	return 0;
}

static void end_irqsoff(struct job *job)
{
	unsigned long flags;

	local_irq_save(flags);
	job_end(job);
	local_irq_restore(flags);
}

static void job_end_somehow(struct job *job)
{
	static const enum way ways[] = {
		[END_WORK] = BY_WORK, [END_TIMER] = BY_TIMER, [END_HRTIMER] = BY_HRTIMER,
	};

	this_cpu_inc(end_counts[job->end]);
	switch (job->end) {
	case END_PARALLEL:
		return job_end(job);
	case END_IRQSOFF:
		return end_irqsoff(job);
	case END_THREAD:
		if (llist_add(&job->node, &thread_jobs))
			wake_up_process(end_threads[job->seq % nr_end_threads]);
		return;
	case END_SERIAL:
		llist_add(&job->node, &job->lane->rig->held);
		return;
	default:
		completer_add(&job->node, ways[job->end],
			      job->loops % 64 * NSEC_PER_USEC);
	}
}

static bool start_noises(void)
{
	struct noise *noise;
	unsigned int cpu;

	noises = alloc_percpu(struct noise);
	if (!noises)
		return false;
	for_each_possible_cpu(cpu) {
		noise = per_cpu_ptr(noises, cpu);
		compat_hrtimer_setup(&noise->hrtimer, make_noise, CLOCK_MONOTONIC,
				     HRTIMER_MODE_REL_PINNED_HARD);
		seed_rnd(&noise->rnd);
	}
	on_each_cpu(start_noise, NULL, 1);
	return true;
}

static bool start_enders(void)
{
	unsigned int i, n = clamp(num_online_cpus(), 1U, 4U);

	if (!completers_start() || !start_noises())
		return false;
	for (i = 0; i < n; i++)
		if (!begin_thread(end_threads, &nr_end_threads, end_thread,
				  i ? NULL : &rigs[0], "end"))
			return false;
	return true;
}

static void stop_enders(void)
{
	unsigned int cpu;

	stop_threads(end_threads, &nr_end_threads);
	completers_stop();
	if (!noises)
		return;
	for_each_possible_cpu(cpu)
		hrtimer_cancel(&per_cpu_ptr(noises, cpu)->hrtimer);
	free_percpu(noises);
}
