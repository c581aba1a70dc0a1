// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: trouble: CPUs
 */

static void cpu_down_now(unsigned int cpu)
{
	struct rig *rig = &rigs[MAIN];
	bool busy = rig_in_flight(rig);
	int err;

	WRITE_ONCE(cpu_states[cpu].down, true);
	atomic_inc_return(&hotplug_seq);
	err = remove_cpu(cpu);
	if (err) {
		if (note(BAD_HOTPLUG))
			pr_err("bad_hotplug: CPU %u does not go offline: %d\n", cpu, err);
		return;
	}
	count(OFFLINES);
	if (busy && rig_in_flight(rig))
		count(OFFLINES_BUSY);
}

static void cpu_up_again(unsigned int cpu)
{
	struct rig *rig = &rigs[MAIN];
	bool busy = rig_in_flight(rig);
	int err = add_cpu(cpu);

	if (err) {
		if (note(BAD_HOTPLUG))
			pr_err("bad_hotplug: CPU %u does not come online: %d\n", cpu, err);
		return;
	}
	WRITE_ONCE(cpu_states[cpu].last_down, atomic_inc_return(&hotplug_seq));
	/* Pairs with cpu_settled(). */
	smp_store_release(&cpu_states[cpu].down, false);
	smp_call_function_single(cpu, start_noise, NULL, 1);
	count(ONLINES);
	if (busy && rig_in_flight(rig))
		count(ONLINES_BUSY);
}

static void all_cpus_up(void)
{
	unsigned int cpu;

	for_each_present_cpu(cpu)
		if (!cpu_online(cpu))
			cpu_up_again(cpu);
}

/*
 * Every other time with expedited grace periods, which are faster.  The kernel reads
 * that setting while the test writes it, which KCSAN would report as a race of ours.
 */
static void cpu_down_or_up(unsigned int cpu, bool hurry)
{
	hurry = hurry && !IS_ENABLED(CONFIG_KCSAN);
	if (hurry)
		test_write_file(RCU_EXPEDITED, "1");
	if (cpu_online(cpu))
		cpu_down_now(cpu);
	else
		cpu_up_again(cpu);
	if (hurry)
		test_write_file(RCU_EXPEDITED, "0");
}

/* Hotplug aims at 1.5 times the demanded rate: 1 below that, 2 below 1.2 times. */
static unsigned int is_behind(void)
{
	u64 demanded = (now_ms() - started_ms) * OFFLINES_A_MINUTE;
	u64 done = total(OFFLINES_BUSY) * 60 * MSEC_PER_SEC;

	return (done * 2 < demanded * 3) + (done * 5 < demanded * 6);
}

static int hotplug_thread(void *arg)
{
	struct rnd_state rnd;
	unsigned int cpu;

	seed_rnd(&rnd);
	set_user_nice(current, MIN_NICE);
	while (goes_on()) {
		wait_while(&calm);
		cpu = dice(&rnd, nr_cpu_ids);
		if (!cpu || !cpu_present(cpu))
			continue;
		cpu_down_or_up(cpu, behind || dice(&rnd, 2));
		WRITE_ONCE(behind, is_behind());
		nap(dice(&rnd, behind || dice(&rnd, 4) ? 50 : 400));
	}
	all_cpus_up();
	return 0;
}
