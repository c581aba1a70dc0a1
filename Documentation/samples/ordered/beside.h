/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _BESIDE_H
#define _BESIDE_H

#include <linux/padata.h>
#include <linux/types.h>

size_t kernels_job_size(void);

#endif /* _BESIDE_H */
