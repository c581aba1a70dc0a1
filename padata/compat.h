/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What padata needs and differs between kernels.  Each part says which kernel makes it
 * unnecessary.
 */
#ifndef _PADATA_COMPAT_H
#define _PADATA_COMPAT_H

#include <linux/version.h>
#include <linux/workqueue.h>
/*
 * From 6.17 a per-CPU workqueue has to say so; before, it is what one gets
 * without WQ_UNBOUND, whether or not the flag was backported.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define COMPAT_WQ_PERCPU	WQ_PERCPU
#else
#define COMPAT_WQ_PERCPU	0
#endif

#endif /* _PADATA_COMPAT_H */
