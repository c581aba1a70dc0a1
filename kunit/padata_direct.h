/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For suites about direct mode: a user that does a job itself where its shell is in
 * direct mode, or can be.  For &test_load.submit.
 */
#ifndef _PADATA_DIRECT_H
#define _PADATA_DIRECT_H

#include "padata_test.h"

/* Jobs that their submitter did itself. */
static atomic_t direct_nr;

/* As parallel() and serial() do together. */
static inline void direct_do(struct test_job *job)
{
	test_loop(job->loops);
	job->result = ~job->sum;
	atomic_set(&job->stage, TEST_ENDED);
	atomic_inc(&direct_nr);
	test_job_over(job, true);
}

/* Work and result are in one section with softirqs disabled. */
static inline int direct_only(struct padata_shell *ps, struct padata_priv *padata, int *cb_cpu)
{
	int err = 0;

	local_bh_disable();
	if (!padata_is_direct(ps))
		err = padata_go_direct(ps);
	if (!err) {
		direct_do(container_of(padata, struct test_job, padata));
		padata_direct_done(ps);
	}
	local_bh_enable();
	return err;
}

static inline int direct_or_parallel(struct padata_shell *ps, struct padata_priv *padata,
				     int *cb_cpu)
{
	int err = direct_only(ps, padata, cb_cpu);

	return err == -EAGAIN ? padata_do_parallel(ps, padata, cb_cpu) : err;
}

#endif /* _PADATA_DIRECT_H */
