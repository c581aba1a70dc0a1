// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: what the rule has decided, in the directory of each direction
 */

static struct pcrypt_modes *pcrypt_modes_of(const struct kobject *kobj)
{
	return &pcrypt_modes[kobj == &pcrypt_pinst[PCRYPT_DECRYPT]->kobj ?
			     PCRYPT_DECRYPT : PCRYPT_ENCRYPT];
}

static ssize_t streams_parallel_show(struct kobject *kobj, struct kobj_attribute *attr,
				     char *buf)
{
	return sysfs_emit(buf, "%d\n", atomic_read(&pcrypt_modes_of(kobj)->nr_parallel));
}

static ssize_t to_parallel_show(struct kobject *kobj, struct kobj_attribute *attr,
				char *buf)
{
	return sysfs_emit(buf, "%ld\n",
			  atomic_long_read(&pcrypt_modes_of(kobj)->to_parallel));
}

static ssize_t to_direct_show(struct kobject *kobj, struct kobj_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%ld\n",
			  atomic_long_read(&pcrypt_modes_of(kobj)->to_direct));
}

static ssize_t requests_direct_show(struct kobject *kobj, struct kobj_attribute *attr,
				    char *buf)
{
	return sysfs_emit(buf, "%ld\n",
			  atomic_long_read(&pcrypt_modes_of(kobj)->nr_direct));
}

static ssize_t handover_ns_show(struct kobject *kobj, struct kobj_attribute *attr,
				char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(pcrypt_modes_of(kobj)->handover_ns));
}

static struct kobj_attribute streams_parallel_attr = __ATTR_RO(streams_parallel);
static struct kobj_attribute to_parallel_attr = __ATTR_RO(to_parallel);
static struct kobj_attribute to_direct_attr = __ATTR_RO(to_direct);
static struct kobj_attribute requests_direct_attr = __ATTR_RO(requests_direct);
static struct kobj_attribute handover_ns_attr = __ATTR_RO(handover_ns);

static struct attribute *pcrypt_modes_attrs[] = {
	&streams_parallel_attr.attr,
	&to_parallel_attr.attr,
	&to_direct_attr.attr,
	&requests_direct_attr.attr,
	&handover_ns_attr.attr,
	NULL,
};

static const struct attribute_group pcrypt_modes_group = {
	.attrs = pcrypt_modes_attrs,
};
