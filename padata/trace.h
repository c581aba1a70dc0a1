/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: the way of a job, and changes of the mapping.
 *
 * Jobs and shells are told apart by their addresses, which are hashed as
 * printk() does; instances by name.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM padata_mod

#if !defined(_PADATA_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PADATA_TRACE_H

#include <linux/tracepoint.h>

#include "padata.h"

/* After submission the job may be gone: only addresses are recorded. */
TRACE_EVENT(padata_submit,
	TP_PROTO(const void *ps, const void *job, int cb_cpu, int fence),
	TP_ARGS(ps, job, cb_cpu, fence),
	TP_STRUCT__entry(
		__field(const void *, ps)
		__field(const void *, job)
		__field(int, cb_cpu)
		__field(int, fence)
	),
	TP_fast_assign(
		__entry->ps = ps;
		__entry->job = job;
		__entry->cb_cpu = cb_cpu;
		__entry->fence = fence;
	),
	TP_printk("shell=%p job=%p cb_cpu=%d fence=%d", __entry->ps,
		  __entry->job, __entry->cb_cpu, __entry->fence)
);

DECLARE_EVENT_CLASS(padata_job,
	TP_PROTO(const void *job),
	TP_ARGS(job),
	TP_STRUCT__entry(
		__field(const void *, job)
	),
	TP_fast_assign(
		__entry->job = job;
	),
	TP_printk("job=%p", __entry->job)
);

DEFINE_EVENT(padata_job, padata_parallel_start,
	TP_PROTO(const void *job), TP_ARGS(job));

DEFINE_EVENT(padata_job, padata_parallel_end,
	TP_PROTO(const void *job), TP_ARGS(job));

DEFINE_EVENT(padata_job, padata_serial,
	TP_PROTO(const void *job), TP_ARGS(job));

TRACE_EVENT(padata_drain,
	TP_PROTO(const void *ps, unsigned int nr_jobs),
	TP_ARGS(ps, nr_jobs),
	TP_STRUCT__entry(
		__field(const void *, ps)
		__field(unsigned int, nr_jobs)
	),
	TP_fast_assign(
		__entry->ps = ps;
		__entry->nr_jobs = nr_jobs;
	),
	TP_printk("shell=%p jobs=%u", __entry->ps, __entry->nr_jobs)
);

TRACE_EVENT(padata_mask_change,
	TP_PROTO(const char *name, unsigned int nr_parallel,
		 unsigned int nr_serial, unsigned int nr_online),
	TP_ARGS(name, nr_parallel, nr_serial, nr_online),
	TP_STRUCT__entry(
		__array(char, name, 32)
		__field(unsigned int, nr_parallel)
		__field(unsigned int, nr_serial)
		__field(unsigned int, nr_online)
	),
	TP_fast_assign(
		strscpy(__entry->name, name, sizeof(__entry->name));
		__entry->nr_parallel = nr_parallel;
		__entry->nr_serial = nr_serial;
		__entry->nr_online = nr_online;
	),
	TP_printk("instance=%s parallel=%u serial=%u online=%u", __entry->name,
		  __entry->nr_parallel, __entry->nr_serial, __entry->nr_online)
);

#endif /* _PADATA_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH padata
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
