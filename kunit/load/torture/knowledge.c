// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: the knowledge of CPUs and masks, and the checks that use it
 */

static struct cpu_state *cpu_states;
static atomic_t hotplug_seq;

/* Return true if this CPU has surely been online since @since. */
static bool cpu_settled(unsigned int cpu, u32 since)
{
	const struct cpu_state *state = &cpu_states[cpu];

	/* Pairs with cpu_up_again(). */
	if (smp_load_acquire(&state->down))
		return false;
	return (s32)(READ_ONCE(state->last_down) - since) <= 0;
}

/* Return true if the mask has surely had an online CPU since @since. */
static bool mask_settled(const struct mask *mask, u32 since)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (READ_ONCE(mask->allowed[cpu]) && cpu_settled(cpu, since))
			return true;
	return false;
}

static void sample(struct rig *rig, struct instant *at)
{
	int i;

	at->hotplug = atomic_read(&hotplug_seq);
	at->stops = READ_ONCE(rig->stops);
	for (i = 0; i < NR_MASKS; i++) {
		at->gen[i] = READ_ONCE(rig->masks[i].gen);
		at->unsafe[i] = READ_ONCE(rig->masks[i].unsafe);
	}
	smp_mb(); /* sampled before the submission; the writers have the same */
}

/* Return true if the mask of @gen, which was odd, still is in force. */
static bool in_force(const struct mask *mask, u32 gen)
{
	smp_mb(); /* the use of the mask before the second look */
	return (gen & 1) && READ_ONCE(mask->gen) == gen;
}

static bool maybe_empty(const struct mask *mask, u32 gen, u32 unsafe, u32 since)
{
	smp_mb(); /* after the submission */
	if (!(unsafe & 1) && READ_ONCE(mask->unsafe) == unsafe)
		return false;
	return !mask_settled(mask, since) || !in_force(mask, gen);
}

/* Return true if the instance may have answered -EINVAL since @at. */
static bool refusal_expected(struct rig *rig, const struct instant *at, bool forced)
{
	int i;

	smp_mb(); /* after the submission */
	if ((at->stops & 1) || READ_ONCE(rig->stops) != at->stops)
		return true;
	for (i = 0; !forced && i < NR_MASKS; i++)
		if (maybe_empty(&rig->masks[i], at->gen[i], at->unsafe[i], at->hotplug))
			return true;
	return false;
}

/* A pump runs parallel(): its CPU must be in the mask, before and after. */
static void check_parallel_cpu(const struct job *job)
{
	const struct mask *mask = &job->lane->rig->masks[PARALLEL];
	u32 gen;

	/* Pairs with publish_mask(). */
	gen = smp_load_acquire(&mask->gen);
	if (!(gen & 1) || READ_ONCE(mask->allowed[smp_processor_id()]))
		return;
	if (mask_settled(mask, READ_ONCE(mask->since)) && in_force(mask, gen))
		complain(STRAYS, job, "parallel() outside of the mask");
}

static void check_reported_cpu(const struct job *job, int cpu)
{
	const struct mask *mask = &job->lane->rig->masks[SERIAL];
	bool bad;

	if (WARN_ON_ONCE((unsigned int)cpu >= nr_cpu_ids)) {
		complain(WRONG_CPU, job, "reported CPU is none");
		return;
	}
	bad = !READ_ONCE(mask->allowed[cpu]) &&
	      (!job->forced || mask_settled(mask, job->at.hotplug));
	if (bad && in_force(mask, job->at.gen[SERIAL]))
		complain(WRONG_CPU, job, "reported CPU is not in the mask");
}

static void check_serial_cpu(const struct job *job)
{
	const struct mask *mask = &job->lane->rig->masks[SERIAL];
	int cpu = smp_processor_id();
	bool bad;

	if (job->cb_cpu < 0)
		return;
	check_reported_cpu(job, job->cb_cpu);
	if (cpu == job->cb_cpu)
		return;
	smp_mb(); /* padata saw the CPU go, we see that the thread meant to */
	if (cpu_settled(job->cb_cpu, job->at.hotplug)) {
		complain(WRONG_CPU, job, "serial() elsewhere, CPU never went");
		return;
	}
	bad = !READ_ONCE(mask->allowed[cpu]) && mask_settled(mask, job->at.hotplug);
	if (bad && in_force(mask, job->at.gen[SERIAL]))
		complain(WRONG_CPU, job, "serial() outside of the mask");
}

static bool init_cpu_states(void)
{
	unsigned int cpu;

	cpu_states = kcalloc(nr_cpu_ids, sizeof(*cpu_states), GFP_KERNEL);
	if (!cpu_states)
		return false;
	for_each_possible_cpu(cpu)
		cpu_states[cpu].down = !cpu_online(cpu);
	return true;
}
