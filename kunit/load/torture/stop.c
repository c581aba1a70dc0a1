// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: trouble: padata_stop() and padata_start()
 */

static void stop_rig(struct rig *rig)
{
	unsigned int n;

	WRITE_ONCE(rig->stops, rig->stops + 1);
	smp_mb(); /* published before it happens; pairs with sample() */
	padata_stop(rig->pinst);
	count(STOPS);
	/* A submission that is being refused is counted for a moment. */
	down_write(&rig->submitting);
	n = rig_in_flight(rig);
	if (n && note(BAD_WAITS))
		pr_err("bad_waits: %u jobs in flight after padata_stop()\n", n);
	up_write(&rig->submitting);
}

static void start_rig(struct rig *rig)
{
	bool unsafe = (rig->masks[SERIAL].unsafe | rig->masks[PARALLEL].unsafe) & 1;
	int err = padata_start(rig->pinst);

	if (err == -EINVAL && unsafe) {
		mask_all(rig, &rig->masks[SERIAL]);
		mask_all(rig, &rig->masks[PARALLEL]);
		err = padata_start(rig->pinst);
	}
	if (err) {
		if (note(REFUSALS))
			pr_err("refusals: padata_start(): %d\n", err);
		return;
	}
	smp_mb(); /* happens before it is published */
	WRITE_ONCE(rig->stops, rig->stops + 1);
}

static int stop_thread(void *arg)
{
	struct rig *rig = arg;
	struct rnd_state rnd;
	struct mask *mask;

	seed_rnd(&rnd);
	while (goes_on()) {
		wait_while(&calm);
		nap(dice(&rnd, 60));
		stop_rig(rig);
		nap(dice(&rnd, 8));
		if (!dice(&rnd, 8))
			padata_stop(rig->pinst);
		mask = &rig->masks[dice(&rnd, NR_MASKS)];
		if (!dice(&rnd, 4)) {
			choose_mask(mask, &rnd);
			change_mask(rig, mask, dice(&rnd, 2));
		}
		start_rig(rig);
	}
	return 0;
}
