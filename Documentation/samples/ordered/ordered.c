// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that uses padata_mod: computes checksums of blocks on all CPUs and
 * takes the results in the order of the blocks.
 *
 * It is built against the installed padata.h and Module.symvers, and includes
 * <linux/padata.h> as well, as a module may have to whose other headers do.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/crc32.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "beside.h"
#include "padata.h"

#define NR_BLOCKS	1000
#define BLOCK_BYTES	4096

/* A job is part of the user's own structure, and zeroed at first. */
struct block_job {
	struct padata_priv padata;
	u32 number;
	u32 crc;
	u8 data[BLOCK_BYTES];
};

/* Written by serial callbacks only, of which one runs at a time. */
static u32 next_number;
static u32 out_of_order;
static u32 total;
static DECLARE_COMPLETION(all_done);

static void block_parallel(struct padata_priv *padata)
{
	struct block_job *job = container_of(padata, struct block_job, padata);

	job->crc = crc32_le(~0, job->data, sizeof(job->data));
	padata_do_serial(padata);
}

static void block_serial(struct padata_priv *padata)
{
	struct block_job *job = container_of(padata, struct block_job, padata);

	if (job->number != next_number)
		out_of_order++;
	next_number = job->number + 1;
	total = crc32_le(total, (u8 *)&job->crc, sizeof(job->crc));
	/* The job is the user's again. */
	kfree(job);
	if (next_number == NR_BLOCKS)
		complete(&all_done);
}

static int submit_block(struct padata_shell *ps, u32 number)
{
	struct block_job *job = kzalloc(sizeof(*job), GFP_KERNEL);
	/* The same for all: the order holds among those that ask for the same. */
	int cb_cpu = 0;
	int err;

	if (!job)
		return -ENOMEM;
	memset(job->data, number, sizeof(job->data));
	job->number = number;
	job->padata.parallel = block_parallel;
	job->padata.serial = block_serial;
	err = padata_do_parallel(ps, &job->padata, &cb_cpu);
	/* Refused: it is ours still, and no callback will come. */
	if (err)
		kfree(job);
	return err;
}

static int sum_blocks(struct padata_shell *ps)
{
	u32 number;
	int err = 0;

	for (number = 0; number < NR_BLOCKS && !err; number++)
		err = submit_block(ps, number);
	if (err)
		return err;
	wait_for_completion(&all_done);
	pr_info("%u blocks, %u out of order, checksum %08x; a multithreaded job is %zu bytes, the kernel's own %zu\n",
		next_number, out_of_order, total, sizeof(struct padata_mt_job),
		kernels_job_size());
	return out_of_order ? -EIO : 0;
}

static int __init padata_ordered_init(void)
{
	struct padata_instance *pinst = padata_alloc("ordered");
	struct padata_shell *ps;
	int err = -ENOMEM;

	if (!pinst)
		return -ENOMEM;
	ps = padata_alloc_shell(pinst);
	if (ps) {
		err = sum_blocks(ps);
		/* Waits for what is in flight. */
		padata_free_shell(ps);
	}
	padata_free(pinst);
	return err;
}

static void __exit padata_ordered_exit(void)
{
}

module_init(padata_ordered_init);
module_exit(padata_ordered_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sample: checksums on all CPUs, results in order, by padata_mod");
