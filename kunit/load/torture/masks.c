// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: trouble: the cpumasks
 */

static void attr_path(char *path, struct rig *rig, const char *attr)
{
	snprintf(path, PATH_LEN, "/sys/kernel/%s/%s/%s", KBUILD_MODNAME, rig->name, attr);
}

static ssize_t write_attr(struct rig *rig, const char *attr, const char *text)
{
	char path[PATH_LEN];

	attr_path(path, rig, attr);
	return test_write_file(path, text);
}

static ssize_t read_attr(struct rig *rig, const char *attr, char *text, size_t size)
{
	char path[PATH_LEN];

	attr_path(path, rig, attr);
	return test_read_file(path, text, size);
}

static void mask_complain(struct rig *rig, struct mask *mask, const char *why, ssize_t ret)
{
	if (note(BAD_MASKS))
		pr_err("bad_masks: %s %s: %s (%zd), wanted %*pb\n", rig->name, mask->file,
		       why, ret, cpumask_pr_args(mask->cpus));
}

/* The attribute must show the mask in force. */
static void check_shown_mask(struct rig *rig, struct mask *mask)
{
	char *text = kmalloc(PAGE_SIZE, GFP_KERNEL);
	cpumask_var_t got;
	ssize_t ret;

	if (!text || !zalloc_cpumask_var(&got, GFP_KERNEL)) {
		kfree(text);
		return;
	}
	ret = read_attr(rig, mask->file, text, PAGE_SIZE);
	if (ret > 0)
		ret = cpumask_parse(text, got);
	if (ret || !cpumask_equal(got, mask->cpus))
		mask_complain(rig, mask, "another mask is shown", ret);
	free_cpumask_var(got);
	kfree(text);
}

static ssize_t write_mask_attr(struct rig *rig, struct mask *mask)
{
	char *text = kasprintf(GFP_KERNEL, "%*pb\n", cpumask_pr_args(mask->cpus));
	ssize_t ret;

	if (!text)
		return -ENOMEM;
	ret = write_attr(rig, mask->file, text);
	kfree(text);
	return ret < 0 ? ret : 0;
}

/* The write must fail and change nothing.  With many CPUs "1 1" would be a mask. */
static void write_nonsense(struct rig *rig, struct mask *mask, struct rnd_state *rnd)
{
	static const char * const texts[] = { "x\n", "-1\n", "1.1\n", "1,g\n", "0x\n" };
	const char *text = texts[dice(rnd, ARRAY_SIZE(texts))];

	if (write_attr(rig, mask->file, text) > 0)
		mask_complain(rig, mask, "nonsense was accepted", text[0]);
	check_shown_mask(rig, mask);
}

/* @since: hotplug_seq before the mask was handed to padata. */
static void publish_mask(struct mask *mask, u32 since)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		WRITE_ONCE(mask->allowed[cpu], cpumask_test_cpu(cpu, mask->cpus));
	WRITE_ONCE(mask->since, since);
	if (cpumask_test_cpu(0, mask->cpus) && (mask->unsafe & 1))
		WRITE_ONCE(mask->unsafe, mask->unsafe + 1);
	/* Pairs with check_parallel_cpu(): the mask before its generation. */
	smp_store_release(&mask->gen, mask->gen + 1);
}

/* mask->cpus is the new mask. */
static void change_mask(struct rig *rig, struct mask *mask, bool by_attr)
{
	bool busy = rig_in_flight(rig);
	u32 since;
	int err;

	WRITE_ONCE(mask->gen, mask->gen + 1);
	if (!cpumask_test_cpu(0, mask->cpus) && !(mask->unsafe & 1))
		WRITE_ONCE(mask->unsafe, mask->unsafe + 1);
	smp_mb(); /* published before it happens; pairs with sample() and in_force() */
	since = atomic_read(&hotplug_seq);
	if (by_attr)
		err = write_mask_attr(rig, mask);
	else
		err = padata_set_cpumask(rig->pinst, mask->type, mask->cpus);
	smp_mb(); /* happens before it is published */
	if (err)
		mask_complain(rig, mask, "could not be written", err);
	publish_mask(mask, since);
	count(MASK_CHANGES);
	if (busy && rig_in_flight(rig))
		count(MASK_CHANGES_BUSY);
}

/* All, one, none, or some; half of the last with CPU 0. */
static void choose_mask(struct mask *mask, struct rnd_state *rnd)
{
	u32 kind = dice(rnd, 16);
	unsigned int cpu;

	cpumask_clear(mask->cpus);
	if (kind < 2)
		cpumask_copy(mask->cpus, cpu_possible_mask);
	else if (kind < 5)
		cpumask_set_cpu(dice(rnd, nr_cpu_ids), mask->cpus);
	else if (kind > 5)
		for_each_possible_cpu(cpu)
			if (dice(rnd, 2) || (!cpu && kind > 12))
				cpumask_set_cpu(cpu, mask->cpus);
	cpumask_and(mask->cpus, mask->cpus, cpu_possible_mask);
}

/* A mask that is or may be empty is not kept for long. */
static unsigned int keep_mask_ms(struct mask *mask, struct rnd_state *rnd)
{
	if (cpumask_empty(mask->cpus))
		return dice(rnd, 6);
	if (mask->unsafe & 1)
		return dice(rnd, 60);
	return dice(rnd, dice(rnd, 4) ? 40 : 200);
}

static void mask_all(struct rig *rig, struct mask *mask)
{
	cpumask_copy(mask->cpus, cpu_possible_mask);
	change_mask(rig, mask, false);
}

static int mask_thread(void *arg)
{
	struct mask *mask = arg;
	struct rig *rig = &rigs[MAIN];
	struct rnd_state rnd;

	seed_rnd(&rnd);
	while (goes_on()) {
		wait_while(&calm);
		choose_mask(mask, &rnd);
		change_mask(rig, mask, !dice(&rnd, 3));
		nap(keep_mask_ms(mask, &rnd));
		if (!dice(&rnd, 4))
			check_shown_mask(rig, mask);
		else if (!dice(&rnd, 16))
			write_nonsense(rig, mask, &rnd);
	}
	mask_all(rig, mask);
	return 0;
}
