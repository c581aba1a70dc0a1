// SPDX-License-Identifier: GPL-2.0-only
/*
 * Code of the same module that knows the kernel's own padata only: its multithreaded
 * jobs, which stay when serialized padata is removed.
 */
#include "beside.h"

size_t kernels_job_size(void)
{
	return sizeof(struct padata_mt_job);
}
