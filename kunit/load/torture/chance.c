// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata_torture: chance
 */

static u32 dice(struct rnd_state *rnd, u32 sides)
{
	return prandom_u32_state(rnd) % sides;
}

/* Each caller gets a state of its own, which depends on the seed and on its turn. */
static void seed_rnd(struct rnd_state *rnd)
{
	static atomic_t place;

	prandom_seed_state(rnd, seed + atomic_inc_return(&place) * 0x9e3779b9ULL);
}
