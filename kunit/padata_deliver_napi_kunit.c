// SPDX-License-Identifier: GPL-2.0-only
/* The suite padata_deliver once more: results go on by NAPI, a few at a time. */
#define DELIVER_BY	DELIVER_NAPI
#define DELIVER_SUITE	"padata_deliver_napi"

#include "padata_deliver_kunit.c"
