// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocates pages with a multithreaded job that may fail: what was allocated
 * before the error is freed again.  `insmod padata_mt_alloc.ko mib=64 fail_at=9000`
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "padata.h"

static unsigned long mib = 64;
module_param(mib, ulong, 0444);
MODULE_PARM_DESC(mib, "How much to allocate, in MiB (default 64; at most half of what is free)");

static unsigned long fail_at = ULONG_MAX;
module_param(fail_at, ulong, 0444);
MODULE_PARM_DESC(fail_at, "The page whose allocation fails (default none)");

static atomic_long_t nr_allocated;

static struct page *get_page_nr(unsigned long nr)
{
	struct page *page = NULL;

	if (nr != fail_at)
		page = alloc_page(GFP_KERNEL | __GFP_ZERO | __GFP_NORETRY | __GFP_NOWARN);
	if (page)
		atomic_long_inc(&nr_allocated);
	return page;
}

static void put_page_nr(struct page *page)
{
	__free_page(page);
	atomic_long_dec(&nr_allocated);
}

/* [example] */
static void free_pages_of(unsigned long start, unsigned long end, void *arg)
{
	struct page **pages = arg;

	while (end-- > start)
		put_page_nr(pages[end]);
}

static int alloc_pages_of(unsigned long start, unsigned long end, void *arg)
{
	struct page **pages = arg;
	unsigned long nr;

	for (nr = start; nr < end; nr++) {
		pages[nr] = get_page_nr(nr);
		if (!pages[nr]) {
			/* This chunk's pages are known here alone. */
			free_pages_of(start, nr, pages);
			return -ENOMEM;
		}
		cond_resched();
	}
	return 0;
}

/* Returns 0 or an error; in that case nothing is allocated. */
static int alloc_all(struct page **pages, unsigned long nr, atomic_long_t *progress)
{
	struct padata_mt_job job = {
		.thread_fn_err	= alloc_pages_of,
		.undo_fn	= free_pages_of,
		.fn_arg		= pages,
		.size		= nr,
		.min_chunk	= SZ_1M >> PAGE_SHIFT,
		.max_threads	= num_online_cpus(),
		.killable	= true,
		.done		= progress,
	};

	return padata_do_multithreaded_err(&job);
}

/* [end of example] */

static int __init alloc_init(void)
{
	unsigned long nr = min(mib << (20 - PAGE_SHIFT),
			       (unsigned long)si_mem_available() / 2);
	struct page **pages = kvcalloc(nr, sizeof(*pages), GFP_KERNEL);
	atomic_long_t progress;
	ktime_t start;
	int err;

	if (!pages)
		return -ENOMEM;
	start = ktime_get();
	err = alloc_all(pages, nr, &progress);
	pr_info("test=alloc mib=%lu error=%d us=%lld done=%ld allocated=%ld\n",
		nr >> (20 - PAGE_SHIFT), err, ktime_us_delta(ktime_get(), start),
		atomic_long_read(&progress), atomic_long_read(&nr_allocated));
	if (!err)
		free_pages_of(0, nr, pages);
	kvfree(pages);
	return 0;
}
module_init(alloc_init);

static void __exit alloc_exit(void)
{
}
module_exit(alloc_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sample: a multithreaded job that may fail and is undone");
