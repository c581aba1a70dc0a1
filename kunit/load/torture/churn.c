// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: shells that come and go
 */

enum goodbye {
	GOODBYE_FREE,		/* padata_free_shell() at once */
	GOODBYE_PUT,		/* padata_put_shell() at once */
	GOODBYE_LAST,		/* padata_put_shell() in the last serial() */
	NR_GOODBYES,
};

static void fill_shell(struct feeder *feeder, struct lane *lane)
{
	unsigned int n = dice(&feeder->rnd, dice(&feeder->rnd, 4) ? 8 : 100);

	feed(lane, n, lane->window, !dice(&feeder->rnd, 8));
}

static void goodbye_free(struct shell *shell, struct lane **lanes, unsigned int n)
{
	unsigned int i;

	padata_free_shell(shell->ps);
	for (i = 0; i < n; i++)
		if (atomic_read(&lanes[i]->in_flight) && note(BAD_WAITS))
			pr_err("bad_waits: %d jobs of shell %u in flight after padata_free_shell()\n",
			       atomic_read(&lanes[i]->in_flight), shell->id);
}

/* If the last job is refused, its serial() does not put the shell. */
static void goodbye_last(struct shell *shell, struct lane *lane)
{
	int err;

	down_read(&lane->rig->submitting);
	err = lane_submit(lane, true);
	up_read(&lane->rig->submitting);
	if (err)
		padata_put_shell(shell->ps);
}

static void say_goodbye(struct shell *shell, struct lane **lanes, unsigned int n,
			enum goodbye goodbye)
{
	if (goodbye == GOODBYE_FREE)
		goodbye_free(shell, lanes, n);
	else if (goodbye == GOODBYE_LAST)
		goodbye_last(shell, lanes[0]);
	else
		padata_put_shell(shell->ps);
}

static void make_and_free_shell(struct feeder *feeder)
{
	enum goodbye goodbye = dice(&feeder->rnd, NR_GOODBYES);
	unsigned int n = goodbye == GOODBYE_LAST ? 1 : dice(&feeder->rnd, 3) + 1;
	struct shell *shell = shell_make(feeder->rig, n, &feeder->rnd);
	struct lane *lanes[3];
	unsigned int i;

	if (!shell)
		return;
	for (i = 0; i < n; i++) {
		lanes[i] = lane_make(feeder, shell, RING / 2,
				     dice(&feeder->rnd, 2) ? LANE_LATE : 0);
		if (!lanes[i])
			break;
		fill_shell(feeder, lanes[i]);
	}
	n = i;
	say_goodbye(shell, lanes, n, n ? goodbye : GOODBYE_PUT);
	for (i = 0; i < n; i++)
		lane_drop(lanes[i]);
	shell_drop(shell);
}

static int churn_thread(void *arg)
{
	struct feeder *feeder = arg;

	while (goes_on()) {
		wait_while(&feeder->rig->paused);
		if (READ_ONCE(feeder->rig->nr_lanes) > FEEDER_LANES * MAX_FEEDERS + MAX_ORPHANS)
			nap(5);
		else
			make_and_free_shell(feeder);
		nap(dice(&feeder->rnd, 12));
	}
	return 0;
}
