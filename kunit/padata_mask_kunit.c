// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_mask: the cpumasks by call and by sysfs, what is shown, what is in
 * force, and changes under load.
 */
#include <linux/kernfs.h>

#include "padata_test.h"

#define MASK_CHANGES	(TEST_SLOW ? 15 : 25)

static const char * const mask_files[] = { "parallel_cpumask", "serial_cpumask" };
static const int mask_types[] = { PADATA_CPU_PARALLEL, PADATA_CPU_SERIAL };

static const struct test_load mask_load = { .window = 32, .spin_us = 2, .any_cpu = true };

/* Runs in threads until the test ends. */
static const struct test_load mask_endless = {
	.jobs = U32_MAX, .window = 32, .any_cpu = true,
	.percent = 10, .end = TEST_END_MIX };

static struct test_bed *mask_bed(struct kunit *test)
{
	struct kset *kset = test_kset(test);
	struct test_bed *bed = bed_make(test);

	bed_add_kobj(bed, kset);
	return bed;
}

static struct attribute *mask_attr(struct test_bed *bed, int file)
{
	struct attribute *attr = bed_attr(bed, mask_files[file]);

	KUNIT_ASSERT_NOT_NULL(bed->test, attr);
	return attr;
}

static ssize_t mask_show(struct test_bed *bed, int file, char *page)
{
	struct kobject *kobj = &bed->pinst->kobj;

	return kobj->ktype->sysfs_ops->show(kobj, mask_attr(bed, file), page);
}

static ssize_t mask_store(struct test_bed *bed, int file, const char *text)
{
	struct kobject *kobj = &bed->pinst->kobj;
	char *copy = kunit_kzalloc(bed->test, PAGE_SIZE, GFP_KERNEL);
	ssize_t ret;

	KUNIT_ASSERT_NOT_NULL(bed->test, copy);
	KUNIT_ASSERT_LT(bed->test, strlen(text), PAGE_SIZE);
	memcpy(copy, text, strlen(text));
	ret = kobj->ktype->sysfs_ops->store(kobj, mask_attr(bed, file), copy, strlen(text));
	kunit_kfree(bed->test, copy);
	return ret;
}

/* The file shows exactly this mask, in hexadecimal and a line. */
static void mask_expect_shown(struct test_bed *bed, int file, const struct cpumask *mask)
{
	struct kunit *test = bed->test;
	char *shown = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	char *want = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, shown);
	KUNIT_ASSERT_NOT_NULL(test, want);
	scnprintf(want, PAGE_SIZE, "%*pb\n", cpumask_pr_args(mask));
	KUNIT_EXPECT_EQ(test, mask_show(bed, file, shown), strlen(want));
	KUNIT_EXPECT_STREQ(test, shown, want);
	kunit_kfree(test, want);
	kunit_kfree(test, shown);
}

/* A mask that every second possible CPU is in. */
static struct cpumask *mask_half(struct test_bed *bed)
{
	struct cpumask *mask = bed_mask(bed);
	int cpu;

	for_each_possible_cpu(cpu)
		if (!(cpu % 2))
			cpumask_set_cpu(cpu, mask);
	return mask;
}

static void show_default_masks(struct kunit *test)
{
	struct test_bed *bed = mask_bed(test);
	int i;

	for (i = 0; i < 2; i++)
		mask_expect_shown(bed, i, cpu_possible_mask);
}

static void attributes_in_sysfs(struct kunit *test)
{
	struct test_bed *bed = mask_bed(test);
	struct kernfs_node *kn;
	int i;

	for (i = 0; i < 2; i++) {
		kn = kernfs_find_and_get(bed->pinst->kobj.sd, mask_files[i]);
		KUNIT_ASSERT_NOT_NULL(test, kn);
		KUNIT_EXPECT_EQ(test, kn->mode & 07777, 0644);
		kernfs_put(kn);
	}
}

/* A mask that is set by call shows in sysfs, each in its own file. */
static void show_mask_set_by_call(struct kunit *test)
{
	struct test_bed *bed = mask_bed(test);
	struct cpumask *half = mask_half(bed);
	int i;

	for (i = 0; i < 2; i++) {
		bed_set_mask(bed, mask_types[i], half);
		mask_expect_shown(bed, i, half);
		mask_expect_shown(bed, !i, cpu_possible_mask);
		bed_set_mask(bed, mask_types[i], cpu_possible_mask);
		mask_expect_shown(bed, i, cpu_possible_mask);
	}
}

/* Each writes @text, which stands for CPU 0 alone. */
static void mask_store_cpu0(struct test_bed *bed, const char *text)
{
	int i;

	for (i = 0; i < 2; i++) {
		bed_set_mask(bed, mask_types[i], cpu_possible_mask);
		KUNIT_EXPECT_EQ_MSG(bed->test, mask_store(bed, i, text),
				    strlen(text), "'%s'", text);
		mask_expect_shown(bed, i, cpumask_of(0));
	}
}

static void store_hex(struct kunit *test)
{
	struct test_bed *bed = mask_bed(test);

	mask_store_cpu0(bed, "1");
	mask_store_cpu0(bed, "1\n");
	mask_store_cpu0(bed, "01\n");
	mask_store_cpu0(bed, "00000001\n");
}

/* Every set of the first CPUs, in and out again. */
static void store_shown_again(struct kunit *test)
{
	struct test_bed *bed = mask_bed(test);
	unsigned int bits, n = min_t(unsigned int, num_possible_cpus(), 4);
	struct cpumask *mask = bed_mask(bed);
	char text[16];
	int cpu;

	for (bits = 0; bits < 1U << n; bits++) {
		cpumask_clear(mask);
		for (cpu = 0; cpu < n; cpu++)
			if (bits & 1U << cpu)
				cpumask_set_cpu(cpu, mask);
		snprintf(text, sizeof(text), "%X\n", bits);
		KUNIT_EXPECT_EQ(test, mask_store(bed, bits % 2, text), strlen(text));
		mask_expect_shown(bed, bits % 2, mask);
	}
}

/* CPUs that can't ever be are left out, and are not an error of the call. */
static void set_cpumask_impossible_cpus(struct kunit *test)
{
	struct test_bed *bed = mask_bed(test);
	struct cpumask *mask = bed_mask(bed);
	int i;

	cpumask_setall(mask);
	for (i = 0; i < 2; i++) {
		bed_set_mask(bed, mask_types[i], mask);
		mask_expect_shown(bed, i, cpu_possible_mask);
	}
}

/* After a write that failed the mask of before is shown and in force. */
static void mask_expect_refused(struct test_bed *bed, struct test_lane *lane,
				const char *text, int err)
{
	struct kunit *test = bed->test;
	int i;

	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ_MSG(test, mask_store(bed, i, text), err, "'%s'", text);
		mask_expect_shown(bed, i, cpumask_of(0));
	}
	KUNIT_EXPECT_EQ(test, lane_feed(lane, 4), 0);
	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, lane->submitted));
	KUNIT_EXPECT_EQ(test, lane->got_cpu, 0);
}

/* Both masks are CPU 0.  Callbacks are requested elsewhere, and run on CPU 0. */
static struct test_lane *mask_lane_on_cpu0(struct test_bed *bed)
{
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &mask_load);

	lane->cb_cpu = test_last_cpu();
	bed_set_mask(bed, PADATA_CPU_SERIAL, cpumask_of(0));
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(0));
	bed_allow(bed, cpumask_of(0));
	return lane;
}

static void store_garbage(struct kunit *test)
{
	static const char * const texts[] = {
		"g", "x\n", "-1\n", "1g\n", "0x1\n", "1 z\n", "0-1\n", "1;1\n", "all\n",
		"\xff\n", "1.\n", "\n", " \t\n", ",\n",
		"\n3\n" };
	struct test_bed *bed = mask_bed(test);
	struct test_lane *lane = mask_lane_on_cpu0(bed);
	int i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		mask_expect_refused(bed, lane, texts[i], -EINVAL);
	bed_expect_clean(bed);
}

/* The mask whose only bit is @bit, as text. */
static char *mask_text_of_bit(struct kunit *test, unsigned int bit)
{
	char *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	int len;

	KUNIT_ASSERT_NOT_NULL(test, text);
	len = scnprintf(text, PAGE_SIZE, "%x", 1U << bit % 32);
	for (bit /= 32; bit > 0; bit--)
		len += scnprintf(text + len, PAGE_SIZE - len, ",00000000");
	scnprintf(text + len, PAGE_SIZE - len, "\n");
	return text;
}

static void store_impossible_cpu(struct kunit *test)
{
	const unsigned int bits[] = { nr_cpu_ids, nr_cpu_ids + 1, nr_cpu_ids + 31,
				      nr_cpumask_bits, nr_cpumask_bits + 63, 20000 };
	struct test_bed *bed = mask_bed(test);
	struct test_lane *lane = mask_lane_on_cpu0(bed);
	int i;

	for (i = 0; i < ARRAY_SIZE(bits); i++)
		mask_expect_refused(bed, lane, mask_text_of_bit(test, bits[i]), -EOVERFLOW);
	mask_expect_refused(bed, lane, "fffffffff\n", -EOVERFLOW);
	bed_expect_clean(bed);
}

/* The user's mask is shown as it was written, whatever is online. */
static void show_offline_cpu(struct kunit *test)
{
	struct test_bed *bed = mask_bed(test);
	int i, cpu = test_pluggable_cpu(test);
	char *text = mask_text_of_bit(test, max(cpu, 0));

	if (cpu >= 0)
		KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	for (i = 0; i < 2; i++) {
		mask_expect_shown(bed, i, cpu_possible_mask);
		KUNIT_EXPECT_EQ(test, mask_store(bed, i, text), strlen(text));
		mask_expect_shown(bed, i, cpumask_of(max(cpu, 0)));
	}
	if (cpu >= 0)
		KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
	for (i = 0; i < 2; i++)
		mask_expect_shown(bed, i, cpumask_of(max(cpu, 0)));
}

/* Jobs are refused while the only CPU of a mask is offline, and accepted after. */
static void remove_cpu_empties_mask(struct kunit *test)
{
	struct test_bed *bed = mask_bed(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &mask_load);
	int i, cpu = test_pluggable_cpu(test);

	for (i = 0; i < 2 && cpu >= 0; i++) {
		bed_set_mask(bed, mask_types[i], cpumask_of(cpu));
		KUNIT_EXPECT_EQ(test, lane_feed(lane, 10), 0);
		KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
		KUNIT_EXPECT_EQ(test, lane_submit(lane), -EINVAL);
		KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
		KUNIT_EXPECT_EQ(test, lane_feed(lane, 10), 0);
		bed_set_mask(bed, mask_types[i], cpu_possible_mask);
	}
	KUNIT_EXPECT_EQ(test, lane_feed(lane, 10), 0);
	bed_expect_clean(bed);
}

/* Jobs that were in flight when the masks became empty end, in order. */
static void set_cpumask_empty_jobs_in_flight(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 200, .spin_us = 30, .any_cpu = true, .percent = 50,
		.end = TEST_END_MIX });

	lane_run(lane);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, cpu_none_mask);
	bed_set_mask(bed, PADATA_CPU_SERIAL, cpu_none_mask);
	KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, lane->load.jobs));
	bed_expect_clean(bed);
}

/* Jobs that wait for a CPU go to another one, with no submission to help them. */
static void set_cpumask_parallel_jobs_queued(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = 100, .spin_us = 50, .spin_even = true });
	int i;

	for (i = 0; i < 10; i++) {
		lane->cb_cpu = i % 2 ? test_last_cpu() : test_online_cpu(0);
		bed_set_mask(bed, PADATA_CPU_PARALLEL, cpumask_of(lane->cb_cpu));
		lane_run(lane);
		bed_set_mask(bed, PADATA_CPU_PARALLEL,
			     cpumask_of(i % 2 ? test_online_cpu(0) : test_last_cpu()));
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, lane->submitted));
	}
	bed_expect_clean(bed);
}

static void mask_change(struct test_bed *bed, int file, bool by_sysfs, int cpu)
{
	struct kunit *test = bed->test;
	char *text;

	if (!by_sysfs)
		return bed_set_mask(bed, mask_types[file], cpumask_of(cpu));
	text = mask_text_of_bit(test, cpu);
	KUNIT_EXPECT_EQ(test, mask_store(bed, file, text), strlen(text));
	kunit_kfree(test, text);
}

static void mask_start_load(struct test_bed *bed, unsigned int spin_us, int nr)
{
	struct test_lane *lane;

	while (nr--) {
		lane = bed_lane(bed, bed_shell(bed), &mask_endless);
		lane->load.spin_us = spin_us;
		lane->load.submit = nr ? padata_do_parallel : padata_do_inline;
		lane_start(lane);
	}
}

static void mask_expect_no_refusal(struct test_bed *bed)
{
	struct test_lane *lane;

	list_for_each_entry(lane, &bed->lanes, node)
		KUNIT_EXPECT_EQ(bed->test, lane->refused, 0);
}

/* After the change has returned no parallel() starts or runs elsewhere. */
static void mask_parallel_under_load(struct kunit *test, bool by_sysfs)
{
	struct test_bed *bed = mask_bed(test);
	struct test_lane *last;
	int i, cpu;

	mask_start_load(bed, 200, 3);
	last = list_last_entry(&bed->lanes, struct test_lane, node);
	for (i = 0; i < MASK_CHANGES; i++) {
		cpu = test_online_cpu(i);
		bed_allow(bed, NULL);
		mask_change(bed, 0, by_sysfs, cpu);
		bed_allow(bed, cpumask_of(cpu));
		KUNIT_ASSERT_TRUE(test, lane_wait_done(last, atomic_read(&last->done) + 10));
	}
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
	mask_expect_no_refusal(bed);
}

static void set_cpumask_parallel_under_load(struct kunit *test)
{
	mask_parallel_under_load(test, false);
}

static void store_parallel_cpumask_under_load(struct kunit *test)
{
	mask_parallel_under_load(test, true);
}

/* Submissions after the change have returned are called back inside it. */
static void mask_serial_under_load(struct kunit *test, bool by_sysfs)
{
	struct test_bed *bed = mask_bed(test);
	struct test_lane *lane;
	int i, cpu;

	mask_start_load(bed, 20, 3);
	lane = bed_lane(bed, bed_shell(bed), &mask_load);
	for (i = 0; i < MASK_CHANGES; i++) {
		cpu = test_online_cpu(i);
		mask_change(bed, 1, by_sysfs, cpu);
		KUNIT_EXPECT_EQ(test, lane_submit_on(lane, test_online_cpu(i / 2)), 0);
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, lane->submitted));
		KUNIT_EXPECT_EQ(test, lane->got_cpu, cpu);
		KUNIT_EXPECT_EQ(test, lane->served_cpu, cpu);
	}
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
	mask_expect_no_refusal(bed);
}

static void set_cpumask_serial_under_load(struct kunit *test)
{
	mask_serial_under_load(test, false);
}

static void store_serial_cpumask_under_load(struct kunit *test)
{
	mask_serial_under_load(test, true);
}

/* Both masks at once, as fast as possible: no job is refused, none is lost. */
static void set_cpumask_refuses_nothing(struct kunit *test)
{
	struct test_bed *bed = mask_bed(test);
	struct test_lane *lane;
	int i;

	mask_start_load(bed, 20, 4);
	for (i = 0; i < MASK_CHANGES; i++)
		mask_change(bed, i % 2, false, test_online_cpu(i / 2));
	list_for_each_entry(lane, &bed->lanes, node)
		KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, 500));
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
	mask_expect_no_refusal(bed);
}

/* A mask is empty now and then, under load: -EINVAL is the only error, no job lost. */
static void set_cpumask_empty_under_load(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane;
	int i;

	for (i = 0; i < 3; i++) {
		lane = bed_lane(bed, bed_shell(bed), &mask_endless);
		lane->load.retry = true;
		lane_start(lane);
	}
	for (i = 0; i < MASK_CHANGES; i++) {
		bed_set_mask(bed, mask_types[i % 2], cpu_none_mask);
		bed_set_mask(bed, mask_types[i % 2], cpu_possible_mask);
		wake_up_all(&bed->retry);
		KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, atomic_read(&lane->done) + 10));
	}
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
	list_for_each_entry(lane, &bed->lanes, node)
		KUNIT_EXPECT_EQ(test, lane->busy, 0);
}

/* One of the mask's two CPUs goes under load: only the other one gets the jobs. */
static void remove_cpu_parallel_in_rest_of_mask(struct kunit *test)
{
	struct test_bed *bed = bed_make(test);
	struct test_lane *lane = bed_lane(bed, bed_shell(bed), &(struct test_load){
		.jobs = U32_MAX, .window = 64, .spin_us = 50 });
	struct cpumask *mask = bed_mask(bed);
	int cpu = test_pluggable_cpu(test);

	if (cpu < 0)
		return;
	cpumask_set_cpu(0, mask);
	cpumask_set_cpu(cpu, mask);
	bed_set_mask(bed, PADATA_CPU_PARALLEL, mask);
	lane->cb_cpu = 0;
	lane_start(lane);
	KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, 200));
	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	/* Jobs that had been pulled before. */
	synchronize_rcu();
	bed_allow(bed, cpumask_of(0));
	KUNIT_ASSERT_TRUE(test, lane_wait_done(lane, atomic_read(&lane->done) + 500));
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
}

/* CPUs go and come while masks are written and jobs are in flight (B6). */
static void remove_cpu_under_mask_changes(struct kunit *test)
{
	struct test_bed *bed = mask_bed(test);
	int i, cpu = test_pluggable_cpu(test);
	struct test_lane *lane;

	mask_start_load(bed, 20, 3);
	for (i = 0; i < 2 && cpu >= 0; i++) {
		mask_change(bed, 0, true, cpu);
		mask_change(bed, 1, true, cpu);
		bed_set_mask(bed, PADATA_CPU_PARALLEL, cpu_possible_mask);
		bed_set_mask(bed, PADATA_CPU_SERIAL, cpu_possible_mask);
		KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
		mask_change(bed, i, true, 0);
		KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
	}
	list_for_each_entry(lane, &bed->lanes, node)
		KUNIT_EXPECT_TRUE(test, lane_wait_done(lane, 300));
	bed_stop_lanes(bed);
	bed_expect_clean(bed);
	mask_expect_no_refusal(bed);
}

static struct kunit_case padata_mask_cases[] = {
	KUNIT_CASE(show_default_masks),
	KUNIT_CASE(attributes_in_sysfs),
	KUNIT_CASE(show_mask_set_by_call),
	KUNIT_CASE(store_hex),
	KUNIT_CASE(store_shown_again),
	KUNIT_CASE(store_garbage),
	KUNIT_CASE(store_impossible_cpu),
	KUNIT_CASE(set_cpumask_impossible_cpus),
	KUNIT_CASE(show_offline_cpu),
	KUNIT_CASE(remove_cpu_empties_mask),
	KUNIT_CASE(set_cpumask_empty_jobs_in_flight),
	KUNIT_CASE(set_cpumask_parallel_jobs_queued),
	KUNIT_CASE(set_cpumask_parallel_under_load),
	KUNIT_CASE(store_parallel_cpumask_under_load),
	KUNIT_CASE(set_cpumask_serial_under_load),
	KUNIT_CASE(store_serial_cpumask_under_load),
	KUNIT_CASE(set_cpumask_refuses_nothing),
	KUNIT_CASE(set_cpumask_empty_under_load),
	KUNIT_CASE(remove_cpu_under_mask_changes),
	KUNIT_CASE(remove_cpu_parallel_in_rest_of_mask),
	{}
};

static struct kunit_suite padata_mask_suite = {
	.name = "padata_mask",
	.test_cases = padata_mask_cases,
};

kunit_test_suite(padata_mask_suite);

MODULE_DESCRIPTION("KUnit: padata's cpumasks, by call and by sysfs");
MODULE_LICENSE("GPL");
