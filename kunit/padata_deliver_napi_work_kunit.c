// SPDX-License-Identifier: GPL-2.0-only
/* The suite padata_deliver once more: NAPI queues the per-CPU work item that delivers. */
#define DELIVER_BY	DELIVER_NAPI_WORK
#define DELIVER_SUITE	"padata_deliver_napi_work"

#include "padata_deliver_kunit.c"
