// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: attributes of an instance
 */

static struct instance *kobj_to_instance(struct kobject *kobj)
{
	return to_instance(container_of(kobj, struct padata_instance, kobj));
}

static ssize_t mask_show(struct kobject *kobj, char *buf, int type)
{
	struct instance *pinst = kobj_to_instance(kobj);
	const struct user_masks *masks;
	ssize_t len;

	rcu_read_lock();
	masks = rcu_dereference(pinst->masks);
	len = sysfs_emit(buf, "%*pb\n",
			 cpumask_pr_args(type == PADATA_CPU_SERIAL ?
					 masks->serial : masks->parallel));
	rcu_read_unlock();
	return len;
}

static ssize_t mask_store(struct kobject *kobj, const char *buf, size_t count,
			  int type)
{
	char first = buf[strspn(buf, " \t\v\f\r,")];
	cpumask_var_t mask;
	int err;

	/* To bitmap_parse() a line with no digit is a mask, too: an empty one. */
	if (!first || first == '\n')
		return -EINVAL;
	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;
	err = bitmap_parse(buf, count, cpumask_bits(mask), nr_cpu_ids);
	if (!err && !cpumask_subset(mask, cpu_possible_mask))
		err = -EOVERFLOW;
	if (!err)
		err = padata_set_cpumask(&kobj_to_instance(kobj)->pub, type, mask);
	free_cpumask_var(mask);
	return err ?: count;
}

static ssize_t parallel_cpumask_show(struct kobject *kobj,
				     struct kobj_attribute *attr, char *buf)
{
	return mask_show(kobj, buf, PADATA_CPU_PARALLEL);
}

static ssize_t parallel_cpumask_store(struct kobject *kobj,
				      struct kobj_attribute *attr,
				      const char *buf, size_t count)
{
	return mask_store(kobj, buf, count, PADATA_CPU_PARALLEL);
}

static ssize_t serial_cpumask_show(struct kobject *kobj,
				   struct kobj_attribute *attr, char *buf)
{
	return mask_show(kobj, buf, PADATA_CPU_SERIAL);
}

static ssize_t serial_cpumask_store(struct kobject *kobj,
				    struct kobj_attribute *attr,
				    const char *buf, size_t count)
{
	return mask_store(kobj, buf, count, PADATA_CPU_SERIAL);
}

static struct kobj_attribute parallel_cpumask_attr = __ATTR_RW(parallel_cpumask);
static struct kobj_attribute serial_cpumask_attr = __ATTR_RW(serial_cpumask);

/* A member of struct pump_stats: the sum, or the maximum, over the CPUs. */
struct counter_attribute {
	struct kobj_attribute	kattr;
	size_t			offset;
	bool			is_max;
};

static unsigned long read_counter(struct instance *pinst, int cpu, size_t offset)
{
	void *stats = &per_cpu_ptr(pinst->pumps, cpu)->stats;

	return READ_ONCE(*(unsigned long *)(stats + offset));
}

static ssize_t counter_show(struct kobject *kobj, struct kobj_attribute *kattr,
			    char *buf)
{
	struct counter_attribute *attr =
		container_of(kattr, struct counter_attribute, kattr);
	struct instance *pinst = kobj_to_instance(kobj);
	unsigned long one, all = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		one = read_counter(pinst, cpu, attr->offset);
		all = attr->is_max ? max(all, one) : all + one;
	}
	return sysfs_emit(buf, "%lu\n", all);
}

static ssize_t mask_changes_show(struct kobject *kobj,
				 struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n",
			  READ_ONCE(kobj_to_instance(kobj)->mask_changes));
}

static ssize_t jobs_per_cpu_show(struct kobject *kobj,
				 struct kobj_attribute *attr, char *buf)
{
	struct instance *pinst = kobj_to_instance(kobj);
	size_t offset = offsetof(struct pump_stats, parallel);
	int cpu, len = 0;

	/* Whole numbers only, where a page does not hold all. */
	for_each_possible_cpu(cpu)
		if (len < PAGE_SIZE - 24)
			len += sysfs_emit_at(buf, len, "%s%lu", len ? " " : "",
					     read_counter(pinst, cpu, offset));
	len += sysfs_emit_at(buf, len, "\n");
	return len;
}

static ssize_t stalls_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%lu\n", READ_ONCE(kobj_to_instance(kobj)->stalls));
}

#define COUNTER_ATTR(file, member, max)					\
	static struct counter_attribute file##_attr = {			\
		.kattr	= __ATTR(file, 0444, counter_show, NULL),	\
		.offset	= offsetof(struct pump_stats, member),		\
		.is_max	= max,						\
	}

COUNTER_ATTR(jobs_submitted, submitted, false);
COUNTER_ATTR(jobs_inline, inline_jobs, false);
COUNTER_ATTR(jobs_completed, serial, false);
COUNTER_ATTR(wakeups, wakeups, false);
COUNTER_ATTR(unsettled, unsettled, false);
COUNTER_ATTR(late_starts, late_starts, false);
COUNTER_ATTR(reorder_depth_max, reorder_max, true);
COUNTER_ATTR(softirq_off_max_ns, stretch_max_ns, true);
static struct kobj_attribute jobs_per_cpu_attr = __ATTR_RO(jobs_per_cpu);
static struct kobj_attribute mask_changes_attr = __ATTR_RO(mask_changes);
static struct kobj_attribute stalls_attr = __ATTR_RO(stalls);

static struct attribute *padata_attrs[] = {
	&parallel_cpumask_attr.attr,
	&serial_cpumask_attr.attr,
	&jobs_submitted_attr.kattr.attr,
	&jobs_inline_attr.kattr.attr,
	&jobs_completed_attr.kattr.attr,
	&jobs_per_cpu_attr.attr,
	&wakeups_attr.kattr.attr,
	&unsettled_attr.kattr.attr,
	&late_starts_attr.kattr.attr,
	&reorder_depth_max_attr.kattr.attr,
	&softirq_off_max_ns_attr.kattr.attr,
	&mask_changes_attr.attr,
	&stalls_attr.attr,
	NULL,
};
ATTRIBUTE_GROUPS(padata);
