// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_bench against the kernel's own padata
 */

#define BENCH_KERNEL

#include "padata_bench.c"
