// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: the instances under torture
 */

static struct kset *kset;

static bool mask_init(struct mask *mask, int type, const char *file)
{
	unsigned int cpu;

	mask->type = type;
	mask->file = file;
	mask->gen = 1;
	mask->allowed = kcalloc(nr_cpu_ids, sizeof(*mask->allowed), GFP_KERNEL);
	if (!mask->allowed || !zalloc_cpumask_var(&mask->cpus, GFP_KERNEL))
		return false;
	for_each_possible_cpu(cpu)
		mask->allowed[cpu] = true;
	return true;
}

static void rig_prepare(struct rig *rig)
{
	init_rwsem(&rig->submitting);
	spin_lock_init(&rig->lock);
	INIT_LIST_HEAD(&rig->lanes);
	init_llist_head(&rig->held);
}

/* Half of the shells have one requested CPU, half several; then come known masks. */
static bool rig_init(struct rig *rig, unsigned int nr_shells)
{
	struct rnd_state rnd;
	unsigned int i;

	seed_rnd(&rnd);
	if (!mask_init(&rig->masks[SERIAL], PADATA_CPU_SERIAL, "serial_cpumask") ||
	    !mask_init(&rig->masks[PARALLEL], PADATA_CPU_PARALLEL, "parallel_cpumask"))
		return false;
	rig->pinst = padata_alloc(rig->name);
	if (!rig->pinst)
		return false;
	rig->pinst->kobj.kset = kset;
	if (kobject_add(&rig->pinst->kobj, NULL, "%s", rig->name))
		return false;
	for (i = 0; i < nr_shells; i++) {
		rig->shells[i] = shell_make(rig, i < nr_shells / 2 ? 1 : SHELL_SLOTS, &rnd);
		if (!rig->shells[i])
			return false;
		rig->nr_shells++;
	}
	mask_all(rig, &rig->masks[SERIAL]);
	mask_all(rig, &rig->masks[PARALLEL]);
	return true;
}

static void rig_free_shells(struct rig *rig)
{
	while (rig->nr_shells) {
		padata_free_shell(rig->shells[--rig->nr_shells]->ps);
		shell_drop(rig->shells[rig->nr_shells]);
	}
}

static void rig_free(struct rig *rig)
{
	int i;

	if (rig->pinst)
		padata_free(rig->pinst);
	if (!list_empty(&rig->lanes) && note(BAD_WAITS))
		pr_err("bad_waits: jobs are left after padata_free()\n");
	for (i = 0; i < NR_MASKS; i++) {
		free_cpumask_var(rig->masks[i].cpus);
		kfree(rig->masks[i].allowed);
	}
}
