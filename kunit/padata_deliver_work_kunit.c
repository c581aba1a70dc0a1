// SPDX-License-Identifier: GPL-2.0-only
/* The suite padata_deliver once more: results go on by a per-CPU work item. */
#define DELIVER_BY	DELIVER_WORK
#define DELIVER_SUITE	"padata_deliver_work"

#include "padata_deliver_kunit.c"
