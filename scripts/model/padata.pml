/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * padata.pml: baton, fence, parking, serial queues and wake-up of padata_mod.c,
 * for spin.  scripts/model.sh runs it.  Names and labels are those of the C
 * code; read the tables at its top first.
 *
 * There are one shell and two CPUs, each with a pump.  Submitters append and
 * queue JOBS jobs.  The parallel() of a job completes it or leaves that to a
 * completer, which may take any time.  A changer changes the mapping.
 *
 * What is checked, for every interleaving of the steps:
 *
 *  - Callbacks run in the order of submission, each once, one after the other,
 *    on the CPU they were mapped to unless that has been offline (run_serial).
 *  - The baton is in exactly one place, and on no job but the first (init).
 *  - nr_queued > 0 implies nr_pulling > 0 (init).
 *  - Where nothing moves any more, all jobs have been called back and everything
 *    is at rest: no lost wake-up, no lost baton, no deadlock (init, end labels).
 *  - With DEFER: nobody touches a shell that was freed (touch), and the last
 *    reference goes after the last callback has returned (shell_put).
 *  - Nobody goes round for ever (pan -l of a verifier built with -DNP; no
 *    progress is marked, so each cycle is an error).
 *
 * Steps.  A section of a spinlock is one step, and so is each access without a
 * lock, but where nobody could tell the difference several are one:
 *
 *  - The walk of shell_cut(): a job stays done, and only the walker raises
 *    pending.  For the same reason a baton:A that fails, with the write of park:A.
 *    Where a drain holds ps->lock over several steps, the lock is a variable;
 *    that the model drops it after a baton:A that fails only adds behaviours.
 *  - xchg(awake) and queue_work_on(): a pump may start as late as it likes.
 *  - The reads of pump_sleep() after its barrier: only others fill what they
 *    look at, and nobody but the pump empties it.  (With OFFLINE, where
 *    release_pulling() does, ::pulling is read in a step of its own.)
 *  - The first look of pump_parallel(), which may be wrong anyway: the reads of
 *    pump_sleep() make good for it.
 *  - shell_append() and queue_job() of a single submitter: a job in between
 *    looks like one that runs.  With MANY_SUBMITTERS they are apart.
 *  - What others can't see goes with the step before or after.  A callback lasts
 *    until the next step of its pump.
 *
 * Left out:
 *
 *  - Weak memory ordering.  All is sequentially consistent here, as if each pair
 *    of the ordering table did what it says; that is for the table and for KCSAN.
 *    So sleep:A and park:A, with their full barriers, are a write, then reads.
 *  - Time: wake_pays(), hints, which duty comes first, the ends of rounds and
 *    stretches are free choices.  A pump pulls one job at a time, puts none back,
 *    and a poll is a sleep that somebody ended.
 *  - Jobs that ask for different callback CPUs; they have no order among them.
 *  - That a hard interrupt stops its CPU; CUT_JOBS; DRAIN_CUTS but for DEFER.
 *  - Empty masks; stop, free, who waits for idle shells; the stall detector.
 *
 * Defines:
 *
 *  JOBS		2 or 3
 *  CHANGES		how many changes of the mapping
 *  OFFLINE		they take CPU 0 offline and bring it back; otherwise they
 *			take it off the serial mask and add it again
 *  MANY_SUBMITTERS	one for each job
 *  BACKLOG		a submitter may find no room and run the job itself,
 *			which for others is one that a completer has
 *  ALONE		submitters use padata_do_alone() where they may, and otherwise
 *			padata_do_parallel()
 *  BATCH		a pump may put a drain off and run its next job first
 *  DEFER		completers may be hard interrupts, DRAIN_CUTS is 1, and
 *			there are references and RCU
 *  BUSTED		one of these errors; below 40 it is that of the C code
 *
 *   1 the baton is passed on before the hand-over
 *   3 callbacks go to the next CPU
 *   4 a pump sleeps without a last look
 *   5 a callback is called twice
 *   6 fences are ignored
 *   7 a job lets go of its shell before its callback
 *  40 who parks the baton does not look at pending again
 *  41 baton:A is a read and a write
 *  42 shell_unpark() does not look again under the lock
 *  43 a job's reference goes with the hand-over (DEFER)
 *  44 a pump that loses its right is released, and no other woken (OFFLINE)
 *  45 a pump finds the shared queue empty in one section, ends pulling in another
 *  46 a pump finds a serial queue empty in one section, disowns it in another
 *  47 jobs of a CPU that is offline go to another queue one by one (OFFLINE)
 *  48 a drain is deferred with no job listed (DEFER)
 *  49 a pump that may not pull goes round while jobs are queued (OFFLINE)
 *  50 a drain that was put off is forgotten when there is no next job (BATCH)
 *  51 a drain that was put off is done twice (BATCH)
 *  52 a job is run alone while earlier callbacks have not returned (ALONE)
 *  53 a job that is run alone gets the baton, too (ALONE)
 */

#ifndef JOBS
#define JOBS	3
#endif
#ifndef CHANGES
#define CHANGES	1
#endif
#ifndef BUSTED
#define BUSTED	0
#endif

#define NOBODY		2
#define bit_of(n)	(1 << (n))

/* struct padata_shell */
mtype:place = { HOME, OUT, PARKED };
mtype:place baton = HOME;
bool ps_lock;			/* held by a drain from one step to the next */
byte head, tail;		/* the order list: jobs head .. tail - 1 */
byte map_gen;
byte pending;

/* struct padata_priv */
mtype:job = { NOT_YET, RUNNING, BATON, DONE };
mtype:job state[JOBS] = NOT_YET;
bool fence[JOBS];
bit cb_cpu[JOBS];
bool elsewhere[JOBS];		/* parallel() left it to a completer */

/* struct pinst */
chan queue = [JOBS] of { byte };
byte gen;			/* odd: CPU 1 stands in for CPU 0 */
#define map_cb_cpu(g)	((g) & 1)
#ifdef OFFLINE
#define online(cpu)	((cpu) == 1 || !(gen & 1))
#define was_offline(cpu)	((cpu) == 0 && gen)
#else
#define online(cpu)	true
#define was_offline(cpu)	false
#endif
#if BUSTED == 3
#define target_pump(c)	(1 - (c))
#else
#define target_pump(c)	(online(c) -> (c) : 1 - (c))
#endif

/* struct padata_pump */
bool work[2];			/* its work item is queued */
bool awake[2], pulling[2];
byte ready[2];			/* a bit for each serial queue */
bool deferred[2];		/* the shell is on that list */

/* struct serial_queue */
bool owned[2];
chan incoming[2] = [JOBS] of { byte };
chan batch[2] = [JOBS] of { byte };

/* No part of the protocol, for the checks only. */
byte drainers;			/* parties that have the baton */
byte called;			/* callbacks begun */
bool in_callback;

/* Between accesses that matter as steps only where CPUs go on- and offline. */
#ifdef OFFLINE
#define NEXT_STEP	} atomic {
#else
#define NEXT_STEP
#endif

/*
 * References and RCU.  The owner's reference goes when the last job is submitted;
 * the shell is freed when those who were readers as the last one went have left.
 */
#ifdef DEFER
byte refs, readers, grace;
bool gone;
#define touch			assert(!gone || grace)
#define shell_get		refs++
#define rcu_read_lock(who)	readers = readers | bit_of(who)
#define rcu_read_unlock(who)	readers = readers & ~bit_of(who); \
				grace = grace & ~bit_of(who)

inline shell_put(n)
{
	touch;
	refs = refs - n;
	if
	:: refs == 0 && tail == JOBS ->
		assert(!in_callback);
		gone = true; grace = readers
	:: else
	fi
}
#else
#define touch			skip
#define shell_get		skip
#define rcu_read_lock(who)	skip
#define rcu_read_unlock(who)	skip
#endif
#define completer(j)		(2 + (j))
#define SUBMITTING		5

/*
 * Waking of pumps
 */

/* Under pinst::lock.  Sets w, NOBODY before, to the pump to wake, if any. */
inline pump_to_wake()
{
	if
	:: len(queue) == 0
	:: len(queue) && (pulling[0] || pulling[1])	/* does not pay */
	:: len(queue) && !pulling[0] && online(0) ->
		w = 0; pulling[0] = true
	:: len(queue) && !pulling[1] && (!pulling[0] || online(0)) ->
		w = 1; pulling[1] = true
	fi
}

inline pump_wake(p)
{
	if
	:: awake[p]			/* sleep:B: xchg(awake, 1) */
	:: else -> awake[p] = true; work[p] = true
	fi
}

/*
 * Order list and baton
 */

/* What a process needs for shell_drain(), and where in it it is. */
mtype:drain = { CUT, HAND_OVER, GIVE, PASS, WRITE_BATON, PARK, LATER };
#define DRAINER				\
	mtype:drain at = CUT;		\
	byte from, to, c, t;		\
	bool passed, last_cut

/* Under ps->lock.  Finds the run from .. to - 1. */
inline shell_walk()
{
	from = head;
	to = head;
	do
	:: to < tail && state[to] == DONE &&			/* done:B */
	   (!fence[to] || BUSTED == 6 ||
	    (to == from && pending == 0)) -> to++		/* fence:B */
	:: else -> break
	od
}

inline baton_goes_home()
{
	baton = HOME;
	drainers--
}

inline baton_goes_to_job()
{
	state[head] = BATON;
	drainers--
}

/* shell_pass_baton() has failed: cut again, or with DEFER leave that to a pump. */
inline baton_stays()
{
	if
	:: last_cut -> at = LATER
	:: else -> at = CUT
	fi
}

inline piece_done()
{
	if
	:: from < to -> at = HAND_OVER
	:: else -> from = 0; to = 0; at = CUT
	fi
}

inline shell_drain()
{
	do
	/* shell_cut_or_pass() */
	:: atomic { at == CUT && !ps_lock && !passed && !last_cut ->
		touch;
		shell_walk();
		if
		:: from < to ->
			head = to;
			pending = pending + to - from;
			at = HAND_OVER;
#ifdef DEFER
			last_cut = true;
#endif
#if BUSTED == 1
			if
			:: head == tail ->
				baton_goes_home(); passed = true
			:: head < tail && state[head] == RUNNING ->
				baton_goes_to_job(); passed = true
			:: else
			fi
#endif
		:: from == to && head < tail ->
			from = 0; to = 0;
			ps_lock = true; at = PASS
		:: from == to && head == tail ->
			from = 0; to = 0;
			baton_goes_home(); break
		fi
	   }
#if BUSTED == 1
	:: atomic { at == CUT && passed -> passed = false; break }
#endif
#ifdef DEFER
	/* shell_drain(): the last cut is handed over */
	:: atomic { at == CUT && !ps_lock && last_cut ->
		touch;
		if
		:: BUSTED == 48 -> at = LATER
		:: BUSTED != 48 && head < tail -> ps_lock = true; at = PASS
		:: BUSTED != 48 && head == tail ->
			last_cut = false;
			baton_goes_home(); break
		fi
	   }
#endif
	/* shell_pass_baton(), ps->lock held */
	:: atomic { at == PASS ->
		touch;
		if
		:: state[head] == RUNNING ->	/* baton:A: cmpxchg */
#if BUSTED == 41
			at = WRITE_BATON
#else
			baton_goes_to_job();
			ps_lock = false; last_cut = false; at = CUT; break
#endif
		:: state[head] == DONE && !fence[head] ->
			ps_lock = false; baton_stays()
		:: state[head] == DONE && fence[head] ->
			baton = PARKED; drainers--;	/* park:A: write */
			at = PARK
		fi
	   }
#if BUSTED == 41
	:: atomic { at == WRITE_BATON ->
		baton_goes_to_job();
		ps_lock = false; at = CUT; break
	   }
#endif
	:: atomic { at == PARK ->
		touch;
		ps_lock = false;
		if
		:: pending == 0 && BUSTED != 40 ->	/* park:A: read */
			baton = OUT; drainers++; baton_stays()
		:: else -> last_cut = false; at = CUT; break
		fi
	   }
	/* shell_hand_over(): serial_queue_add() of one piece */
	:: atomic { at == HAND_OVER ->
		t = cb_cpu[from];
#if BUSTED == 47
		c = target_pump(t);
#else
		c = t;
#endif
		do
		:: from < to && cb_cpu[from] == t ->
			incoming[c]!from;
#if BUSTED == 43
			shell_put(1);
#endif
			from++
		:: else -> break
		od;
		t = 0;
		if
		:: owned[c] -> c = 0; piece_done()
		:: else -> owned[c] = true; at = GIVE
		fi
	   }
	/* serial_queue_give() */
	:: atomic { at == GIVE ->
		t = target_pump(c);
		NEXT_STEP
		ready[t] = ready[t] | bit_of(c); c = 0	/* llist_add() */
	   }
	   atomic { pump_wake(t); t = 0; piece_done() }
#ifdef DEFER
	/* shell_defer(), to any pump */
	:: atomic { at == LATER ->
		last_cut = false;
		if
		:: t = 0
		:: t = 1
		fi;
		deferred[t] = true		/* llist_add() */
	   }
	   atomic { pump_wake(t); t = 0; at = CUT; break }
#endif
	od
}

/*
 * The pump at work
 */

/* The first look of pump_parallel(). */
#if BUSTED == 49
#define may_pull(me)	(pulling[me] || len(queue))
#else
#define may_pull(me)	(pulling[me] || (len(queue) && online(me)))
#endif

/* Batch and incoming of queue c. */
#define jobs_in(c)	(len(batch[c]) + len(incoming[c]))

/* serial_queue_refill() if need be, run_serial() */
inline run_serial()
{
	if
	:: len(batch[c])
	:: else ->
		do
		:: len(incoming[c]) -> incoming[c]?j; batch[c]!j
		:: else -> break
		od
	fi;
	if
	:: batch[c]?j
#if BUSTED == 5
	:: batch[c]?<j>
#endif
	fi;
	in_callback = in_callback && !nr;	/* our last one has returned */
	assert(j == called && !in_callback);
	assert(me == cb_cpu[j] || was_offline(cb_cpu[j]));
	in_callback = true;
	called++;
	nr++;
	j = 0
}

/* park:B, fence:A */
inline lower_pending()
{
	touch;
#if BUSTED != 7
	in_callback = false;
#endif
	assert(pending >= nr);
	pending = pending - nr;
#ifdef DEFER
	put = nr;
#endif
	nr = 0
}

/* pump_stretch(): the next queue or duty, once more round, or to sleep. */
#define SERIAL		1
#define PARALLEL	2
inline go_on()
{
	if
	:: visit -> goto next_queue
	:: !visit && todo -> goto duty
	:: !visit && !todo && worked ->
		worked = false; todo = SERIAL | PARALLEL; goto pump_stretch
	:: !visit && !todo && !worked ->
		todo = SERIAL | PARALLEL; goto pump_sleep
	fi
}

/* returned_flush() has unparked what it had to. */
inline flushed()
{
	c = 0;
#if defined(DEFER) || BUSTED == 7
	goto put_shell
#else
	go_on()
#endif
}

/* Under pinst::lock.  Where a job is pulled it is j. */
inline pump_pull()
{
	pulled = online(me) && len(queue);
	if
	:: pulled -> queue?j
	:: else
#if BUSTED == 45
		-> goto stop_pulling
#endif
	fi;
	pulling[me] = pulled;
#if BUSTED == 49
	worked = worked || !pulled;
#endif
	pump_to_wake()
}

/* parallel() completes the job, or leaves that to another. */
inline run_parallel()
{
	pulled = false;
	worked = false;
	todo = SERIAL | PARALLEL;
	if
	:: goto do_serial
	:: elsewhere[j] = true; j = 0; goto parallel_returned
	fi
}

proctype Pump(bit me)
{
	DRAINER;
	byte serving;		/* a bit for each serial queue that it owns */
	byte visit;		/* of these, not yet seen in this round */
	byte nr;		/* callbacks not accounted for */
	byte todo = SERIAL | PARALLEL;	/* duties of this round, in any order */
	byte j, w = NOBODY;
	bool worked, pulled;
#ifdef BATCH
	bool undrained;		/* the baton is here, the drain waits */
#endif
#ifdef DEFER
	byte put;		/* references to drop */
#endif

end_asleep:
	atomic { work[me] -> work[me] = false }

	/* pump_stretch() and all that it calls */
pump_stretch:
#ifdef DEFER
	/* pump_deferred(): llist_del_first() */
	if
	:: atomic { !deferred[me] ->
		rcu_read_unlock(me); rcu_read_lock(me)
	   }
	:: atomic { deferred[me] ->
		rcu_read_unlock(me); rcu_read_lock(me);
		deferred[me] = false; worked = true
	   }
	   shell_drain()
	fi;
#endif
duty:
	if
	/* pump_serial(): llist_del_all() */
	:: atomic { todo & SERIAL ->
		todo = todo & ~SERIAL;
		serving = serving | ready[me];
		ready[me] = 0;
		visit = serving;
		worked = worked || serving;
		go_on()
	   }
	/* pump_parallel() */
	:: atomic { todo & PARALLEL && !may_pull(me) ->
		todo = todo & ~PARALLEL;
		go_on()
	   }
	:: atomic { todo & PARALLEL && may_pull(me) ->
		todo = todo & ~PARALLEL;
		NEXT_STEP
		pump_pull();
		if
		:: w != NOBODY -> goto wake_other
		:: w == NOBODY && pulled -> run_parallel()
		:: w == NOBODY && !pulled -> go_on()
		fi
	   }
	fi;
wake_other:
	atomic {
		pump_wake(w);
		w = NOBODY;
		if
		:: pulled -> run_parallel()
#ifdef BATCH
		:: !pulled && undrained -> goto drain_undrained
		:: !pulled && !undrained -> go_on()
#else
		:: !pulled -> go_on()
#endif
		fi
	}

	/* padata_do_serial(), called by parallel() */
do_serial:
	if
	/* done:A, baton:B: xchg */
	:: atomic { state[j] == RUNNING -> state[j] = DONE; j = 0; goto parallel_returned }
	:: atomic { state[j] == BATON -> state[j] = DONE; j = 0; drainers++;
#ifdef BATCH
		if			/* shell_drain_later() */
		:: undrained = true; goto parallel_returned
		:: skip
		fi
#endif
	   }
	   shell_drain();
	   goto pump_stretch
	fi;

	/* pump_run_jobs(): the next of what was pulled, or the drain */
parallel_returned:
#ifdef BATCH
	if
	:: atomic { !undrained -> goto pump_stretch }
	:: atomic { undrained && may_pull(me) ->
		pump_pull();
		if
		:: w != NOBODY -> goto wake_other
		:: w == NOBODY && pulled -> run_parallel()
#if BUSTED == 50
		:: w == NOBODY && !pulled -> undrained = false; go_on()
#else
		:: w == NOBODY && !pulled -> skip
#endif
		fi
	   }
	:: atomic { undrained -> skip }
	fi;
drain_undrained:
#if BUSTED != 51
	undrained = false;
#endif
	shell_drain();
#endif
	goto pump_stretch;

next_queue:
	atomic {
		c = (visit & 1 -> 0 : 1);
		visit = visit & ~bit_of(c);
		t = target_pump(c);
		if
		:: t == me -> t = 0
		:: else -> serving = serving & ~bit_of(c); goto give_away
		fi
	}
serve_queue:
	if
	:: atomic { jobs_in(c) -> run_serial();
#if BUSTED == 7
		goto returned_flush
#else
		goto serve_queue
#endif
	   }
	:: atomic { !jobs_in(c) ->	/* serial_queue_refill() */
#if BUSTED == 46
		skip
	   }
	   atomic {
#endif
		serving = serving & ~bit_of(c);
		owned[c] = false;
		if
		:: nr -> in_callback = false
		:: else -> c = 0; go_on()
		fi
	   }
	:: atomic { nr ->		/* the round or the stretch is over */
		lower_pending();
		if
		:: pending -> flushed()
		:: else -> goto park_b
		fi
	   }
	fi;
returned_flush:
	atomic {
		lower_pending();
		if
		:: pending -> flushed()
		:: else
		fi
	}
park_b:					/* park:B: the read */
	if
	:: atomic { baton != PARKED -> flushed() }
	:: atomic { baton == PARKED -> c = 0 }
	fi;
	/* shell_unpark() */
	atomic { !ps_lock ->
		touch;
		if
		:: (baton == PARKED && !pending) || BUSTED == 42 ->
			baton = OUT; drainers++
		:: else -> flushed()
		fi
	}
	shell_drain();
put_shell:
	atomic {
#ifdef DEFER
		shell_put(put);
		put = 0;
#endif
#if BUSTED == 7
		in_callback = false;
#endif
		go_on()
	}

	/* serial_queue_give() */
give_away:
	atomic { ready[t] = ready[t] | bit_of(c); c = 0 }
	atomic { pump_wake(t); t = 0; go_on() }

#if BUSTED == 45
stop_pulling:
	atomic { pulling[me] = false; go_on() }
#endif

pump_sleep:
	atomic {
		assert(!serving);
		awake[me] = false	/* sleep:A: write */
	}
	atomic {			/* sleep:A: reads */
		worked = ready[me] || deferred[me];
		NEXT_STEP
		worked = (worked || pulling[me]) && BUSTED != 4;
		if
		:: !worked
		:: worked && awake[me]	/* xchg(awake, 1): the waker did it */
		:: worked && !awake[me] ->
			awake[me] = true; worked = false; goto pump_stretch
		fi;
		worked = false;
		rcu_read_unlock(me);
		goto end_asleep
	}
}

/*
 * Submission and completion
 */

/*
 * Under ps->lock.  The mapping was read before: in its present generation or in
 * an earlier one, but with one submitter not earlier than that of its last job.
 */
inline shell_append(j, since)
{
	if
	:: g = gen
	:: gen > since -> g = gen - 1
	:: gen > since + 1 -> g = gen - 2
	fi;
	cb_cpu[j] = map_cb_cpu(g);
	fence[j] = map_gen != g;
	map_gen = g;
	g = 0;
	state[j] = (baton == HOME -> BATON : RUNNING);
	baton = (baton == HOME -> OUT : baton);
	shell_get;
	tail++
}

/* Under pinst::lock. */
inline queue_job(j)
{
	if
	:: queue!j; pump_to_wake()
#ifdef BACKLOG
	:: elsewhere[j] = true		/* no room: the submitter runs it */
#endif
	fi
}

/*
 * padata_do_alone(): the submitter has the baton while it runs the job.  Ends where
 * the baton is gone, and a job that is done has been called back as it were.
 */
#ifdef ALONE
#define SUBMITTER	DRAINER; byte g, w = NOBODY, alone; bool put
#define may_be_alone	(baton == HOME && (!pending || BUSTED == 52) && !ps_lock)

inline submit_alone(j, since)
{
	alone = j;
	rcu_read_lock(SUBMITTING);
	shell_append(alone, since);
#if BUSTED != 53
	state[alone] = RUNNING;
#endif
	fence[alone] = false;
	drainers++
}

inline shell_take_back()
{
	/* parallel() */
	if
	:: atomic { true -> state[alone] = DONE }
	:: atomic { true -> elsewhere[alone] = true }
	fi;
	atomic { !ps_lock ->
		touch;
		if
		:: state[alone] == DONE ->
			assert(alone == called && !in_callback && head == alone);
			head++;
			called++;
			put = true
		:: else
		fi;
		alone = 0
	}
	shell_drain();
#ifdef DEFER
	atomic {
		if
		:: put -> shell_put(1); put = false
		:: else
		fi;
		rcu_read_unlock(SUBMITTING)
	}
#endif
}
#else
#define SUBMITTER	byte g, w = NOBODY
#endif

#ifdef MANY_SUBMITTERS
/* Of all submitters the one that comes to the order list as number j. */
proctype Submitter(byte j)
{
	SUBMITTER;
#ifdef ALONE
	if
	:: atomic { tail == j && may_be_alone -> submit_alone(j, 0) }
	   shell_take_back();
	   goto end
	:: atomic { tail == j && !ps_lock -> shell_append(j, 0) }
	fi;
#else
	atomic { tail == j && !ps_lock -> shell_append(j, 0) }
#endif
	atomic {
		queue_job(j);
		if
		:: w == NOBODY -> goto end
		:: else
		fi
	}
	atomic { pump_wake(w); w = NOBODY }
end:	false
}
#else
proctype Submitter()
{
	SUBMITTER;
#ifdef ALONE
next:	if
	:: atomic { tail < JOBS && may_be_alone -> submit_alone(tail, map_gen) }
	   shell_take_back();
	   if
	   :: atomic { tail < JOBS -> goto next }
	   :: atomic { tail == JOBS -> goto end }
	   fi
	:: skip
	fi;
#else
next:
#endif
	atomic { tail < JOBS && !ps_lock ->
		shell_append(tail, map_gen);
		queue_job(tail - 1);
		if
		:: w == NOBODY && tail < JOBS -> goto next
		:: w == NOBODY && tail == JOBS -> goto end
		:: else
		fi
	}
	atomic {
		pump_wake(w); w = NOBODY;
		if
		:: tail < JOBS -> goto next
		:: else
		fi
	}
end:	false
}
#endif

/* Ends the work on job j outside of parallel(), and calls padata_do_serial(). */
proctype Completer(byte j)
{
	DRAINER;

end_idle:
	if
	/* done:A, baton:B: xchg */
	:: atomic { elsewhere[j] && state[j] == RUNNING -> state[j] = DONE; goto end }
	:: atomic { elsewhere[j] && state[j] == BATON -> state[j] = DONE;
		drainers++;
		rcu_read_lock(completer(j));
#ifdef DEFER
		if
		:: at = LATER		/* must_defer() */
		:: skip
		fi
#endif
	   }
	fi;
	shell_drain();
#ifdef DEFER
	atomic { rcu_read_unlock(completer(j)) }
#endif
end:	false
}

/* map_change() */
proctype Changer()
{
	byte w = NOBODY;

end_next:
	atomic { gen < CHANGES ->
		gen++;
		/* release_pulling() */
		pulling[0] = pulling[0] && online(0);
#if BUSTED != 44
		pump_to_wake();
#endif
		if
		:: w == NOBODY -> goto end_next
		:: else
		fi
	}
	atomic { pump_wake(w); w = NOBODY; goto end_next }
}

/*
 * The checks
 */

#if JOBS == 2
#define batons_on_jobs	((state[0] == BATON) + (state[1] == BATON))
#elif JOBS == 3
#define batons_on_jobs	((state[0] == BATON) + (state[1] == BATON) + \
			 (state[2] == BATON))
#else
#error "JOBS is 2 or 3"
#endif
#define batons		(batons_on_jobs + drainers + \
			 (baton == HOME) + (baton == PARKED))

/* A guard that holds is an error; one that does not costs no state. */
init
{
	byte i;

	atomic {
		run Pump(0);
		run Pump(1);
#ifdef MANY_SUBMITTERS
		for (i : 0 .. JOBS - 1) {
			run Submitter(i)
		}
#else
		run Submitter();
#endif
		for (i : 0 .. JOBS - 1) {
			run Completer(i)
		}
		run Changer();
		i = 0
	}
	if
	:: atomic { batons != 1 -> assert(batons == 1) }
	:: atomic { batons_on_jobs && state[head] != BATON ->
		assert(state[head] == BATON)
	   }
	:: atomic { len(queue) && !pulling[0] && !pulling[1] ->
		assert(pulling[0] || pulling[1])
	   }
	:: atomic { timeout ->
		assert(called == JOBS);
		assert(baton == HOME && head == JOBS && !pending);
		assert(!in_callback && !ps_lock);
		assert(!owned[0] && !owned[1]);
		assert(!pulling[0] && !pulling[1])
	   }
	fi
}
