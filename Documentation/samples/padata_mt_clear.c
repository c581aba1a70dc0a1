// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clears memory, first with one thread, then with a multithreaded job, and says
 * how long each took.  `insmod padata_mt_clear.ko mib=512`
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "padata.h"

static unsigned long mib = 512;
module_param(mib, ulong, 0444);
MODULE_PARM_DESC(mib, "How much to clear, in MiB (default 512; at most half of what is free)");

static void dirty(void *buf, unsigned long pages)
{
	memset(buf, 0xff, pages << PAGE_SHIFT);
}

/* [example] */
static void clear_range(unsigned long start, unsigned long end, void *buf)
{
	for (; start < end; start++) {
		clear_page(buf + (start << PAGE_SHIFT));
		cond_resched();
	}
}

static void clear_with_many_threads(void *buf, unsigned long pages)
{
	struct padata_mt_job job = {
		.thread_fn	= clear_range,
		.fn_arg		= buf,
		.size		= pages,
		.min_chunk	= SZ_1M >> PAGE_SHIFT,
		.max_threads	= num_online_cpus(),
	};

	padata_do_multithreaded(&job);
}

/* [end of example] */

static void clear_with_one_thread(void *buf, unsigned long pages)
{
	clear_range(0, pages, buf);
}

static u64 time_us(void (*clear)(void *buf, unsigned long pages), void *buf,
		   unsigned long pages)
{
	ktime_t start;
	u64 us;

	dirty(buf, pages);
	start = ktime_get();
	clear(buf, pages);
	us = ktime_us_delta(ktime_get(), start);
	if (memchr_inv(buf, 0, pages << PAGE_SHIFT))
		pr_err("not all is cleared\n");
	return max(us, 1ULL);
}

static int __init clear_init(void)
{
	unsigned long pages = min(mib << (20 - PAGE_SHIFT),
				  (unsigned long)si_mem_available() / 2);
	void *buf = vmalloc(pages << PAGE_SHIFT);
	u64 one, many;

	if (!buf)
		return -ENOMEM;
	one = time_us(clear_with_one_thread, buf, pages);
	many = time_us(clear_with_many_threads, buf, pages);
	pr_info("test=clear mib=%lu cpus=%u one_thread_us=%llu padata_us=%llu permille=%llu\n",
		pages >> (20 - PAGE_SHIFT), num_online_cpus(), one, many,
		div64_u64(one * 1000, many));
	vfree(buf);
	return 0;
}
module_init(clear_init);

static void __exit clear_exit(void)
{
}
module_exit(clear_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sample: clear memory with a multithreaded job");
