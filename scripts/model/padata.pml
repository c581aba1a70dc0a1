/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * padata.pml: baton, fences, settling, serial queues and wake-up of padata_mod.c,
 * for spin.  scripts/model.sh runs it.  Names and labels are those of the C
 * code; read the tables at its top first.
 *
 * There are one shell and two CPUs, each with a pump.  Submitters append and
 * queue JOBS jobs.  The parallel() of a job completes it or leaves that to a
 * completer, which may take any time.  A changer changes the mapping.  serial()
 * puts its result into a queue of the CPU on which it runs, and a softirq of that
 * CPU delivers the result.  A caller that does a job alone (ALONE) does the same with the
 * result that it gets back.  No function does that any more, but direct mode begins by the
 * same settling of an idle shell.  Direct mode itself is in direct.pml.
 *
 * The checks, for every interleaving of the steps:
 *
 *  - Callbacks run in the order of submission, each once, one after the other,
 *    on the CPU they were mapped to unless that has been offline (run_serial).
 *  - Softirqs deliver the results in the order of submission (deliver).
 *  - The baton is in exactly one place, and on no job but the first (init).
 *  - nr_queued > 0 implies nr_pulling > 0 (init).
 *  - Where nothing moves any more, all jobs have been called back and everything
 *    is at rest: no lost wake-up, no lost baton, no deadlock (init, end labels).
 *  - With DEFER: no process touches a shell that was freed (touch), and the last
 *    reference goes after the last callback has returned (shell_put).
 *  - No process goes round for ever (pan -l of a verifier built with -DNP; no
 *    progress is marked, so each cycle is an error).
 *
 * Steps.  A section of a spinlock is one step, and so is each access without a
 * lock, but several are one where no process can tell the difference:
 *
 *  - The walk of shell_cut(): a job stays done, and only the walker raises
 *    pending.  For the same reason a baton:A that fails, with the write of park:A.
 *    Where a drain holds ps->lock over several steps, the lock is a variable;
 *    that the model drops it after a baton:A that fails only adds behaviours.
 *  - xchg(awake) and queue_work_on(): a pump may start as late as it likes.
 *  - llist_add() and pump_wake() of pump_ask_to_settle(): serial_queue_give() has
 *    the same two apart.
 *  - The reads of pump_sleep() after its barrier: other processes only fill the
 *    lists that it reads, and only the pump empties them.  (With OFFLINE, where
 *    release_pulling() clears it, ::pulling is read in a step of its own.)
 *  - The first look of pump_parallel(), which may be wrong anyway: the reads of
 *    pump_sleep() make good for it.
 *  - shell_append() and queue_job() of a single submitter: a job in between
 *    looks like one that runs.  With MANY_SUBMITTERS they are apart.
 *  - An access that no other process sees goes with the step before or after.  A
 *    callback lasts until the next step of its pump.
 *  - A softirq runs only where a pump or padata_cpu_offline() waits for it, or where
 *    results wait on both CPUs.  Nothing else depends on it, so each run with a
 *    wrong order is also one in which the softirq comes that late.
 *
 * Free choices: wants_alone and refused_at, which are hints, and all that depends
 * on time: wake_pays(), the order of duties, the ends of rounds and stretches.
 *
 * Left out:
 *
 *  - Weak memory ordering.  All is sequentially consistent here, as if each pair
 *    of the ordering table did what it says; scripts/litmus.sh checks the pairs.
 *    So sleep:A and park:A, with their full barriers, are a write, then reads.
 *  - Pods: there is one, so nothing is stolen, called or moved.
 *  - A pump pulls one job at a time, puts none back, and a poll is a sleep that
 *    another process ended.
 *  - Jobs that ask for different callback CPUs; they have no order among them.  So
 *    one_request is always true.
 *  - The bounds of the wait for a CPU to settle (settle_timer, SETTLE_BUSY_LOOKS,
 *    LEAVE_MS), beyond which the order is given up.
 *  - A caller of padata_do_alone() that enables softirqs before it has passed the
 *    result on.  Then the pump of its CPU could run in between.
 *  - That a hard interrupt stops its CPU; CUT_JOBS; DRAIN_CUTS but for DEFER.
 *  - Empty masks; stop, free, waiters for idle shells; the stall detector.
 *
 * Defines:
 *
 *  JOBS		2 or 3
 *  CHANGES		how many changes of the mapping
 *  OFFLINE		they take CPU 0 offline and bring it back; otherwise they
 *			take it off the serial mask and add it again
 *  MANY_SUBMITTERS	one for each job
 *  BACKLOG		a submitter may find no room and run the job itself,
 *			which other processes see as one that a completer has
 *  ALONE		submitters use padata_do_alone() where they may, and otherwise
 *			padata_do_parallel()
 *  BATCH		a pump may put a drain off and run its next job first
 *  DEFER		completers may be hard interrupts, DRAIN_CUTS is 1, and
 *			there are references and RCU
 *  WORK		a work item brings each result to the softirq, and a pump queues
 *			itself behind those (elsewhere a pump leaves out this stage, which
 *			nothing waits in)
 *  INLINE		submitters run all jobs themselves, as padata_do_inline() does: no
 *			job is queued, and fewer states leave room for what comes after
 *  THIRD		there is a third CPU, which stands in for CPU 0 in the mapping; CPU 1
 *			still takes over CPU 0's serial queue (INLINE)
 *  BUSTED		one of these errors; below 40 it is that of scripts/planted
 *
 *   1 the baton is passed on before the hand-over
 *   3 callbacks go to the next CPU
 *   4 a pump sleeps without a last look
 *   5 a callback is called twice
 *   6 fences are ignored
 *   7 a job lets go of its shell before its callback
 *  12 a job is run alone while earlier callbacks have not returned (ALONE)
 *  13 a fence is lifted before softirqs have run
 *  14 a pump takes over a serial queue before the other CPU has settled (OFFLINE)
 *  15 the first job after one that was done alone has no fence (ALONE)
 *  16 a pump does not queue itself behind work items (WORK)
 *  17 the idle mark is used without a look at nr_cut (ALONE)
 *  40 a drainer that parks the baton does not look at pending again
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
 *  52 a job that is run alone gets the baton, too (ALONE)
 *  53 a change of the mapping sets no fence
 *  54 a job is done alone while results are on their way from another CPU (ALONE)
 *  55 the baton stays parked while a CPU settles
 *  56 a pump sleeps while its CPU settles
 *  57 of many CPUs only the first settles (ALONE)
 *  58 a fence does not look where its serial queue ran (OFFLINE, THIRD)
 *  59 padata_do_alone() does not look where the serial queue ran (ALONE, OFFLINE)
 *  60 a job is done alone on a CPU that is on its way out (ALONE, OFFLINE)
 *  61 of many CPUs one that is on its way out does not settle (ALONE, OFFLINE)
 *  62 after a job done alone the next one has no fence on the same CPU (ALONE, OFFLINE)
 *  63 a pump keeps an idle shell without a reference (ALONE, DEFER)
 */

#ifndef JOBS
#define JOBS	3
#endif
#ifdef THIRD
#define CPUS	3
#else
#define CPUS	2
#endif
#ifndef CHANGES
#define CHANGES	1
#endif
#ifndef BUSTED
#define BUSTED	0
#endif

#define NO_PUMP		CPUS
#define bit_of(n)	(1 << (n))

/* A fence, and other places where a CPU stands or one of two constants. */
#define CPU_NONE	0
#define CPU(cpu)	((cpu) + 1)
#define CPU_MANY	(CPUS + 1)

/* struct padata_shell */
mtype:place = { HOME, OUT, PARKED };
mtype:place baton = HOME;
bool ps_lock;			/* held by a drain from one step to the next */
byte head, tail;		/* the order list: jobs head .. tail - 1; head is nr_cut */
byte map_gen;
byte pending;
byte came_from = CPU_NONE;	/* ::from */
bool was_alone, settle_idle;

/* struct padata_priv */
mtype:job = { NOT_YET, RUNNING, BATON, DONE };
mtype:job state[JOBS] = NOT_YET;
byte fence[JOBS] = CPU_NONE;
byte cb_cpu[JOBS];
bool elsewhere[JOBS];		/* parallel() left it to a completer */

/* struct pinst */
chan queue = [JOBS] of { byte };
byte gen;			/* odd: the last CPU stands in for CPU 0 */
#define map_cb_cpu(g)	((g) & 1 -> CPUS - 1 : 0)
#ifdef OFFLINE
#define online(cpu)	((cpu) || !(gen & 1))
#define was_offline(cpu)	((cpu) == 0 && gen)
bool cpu_0_gone;		/* after padata_cpu_offline() */
bool cpu_0_taken;		/* a submitter has softirqs disabled there */
#define is_gone(cpu)	((cpu) == 0 && cpu_0_gone)
#define take_cpu(cpu)	cpu_0_taken = ((cpu) == 0)
#define leave_cpu	cpu_0_taken = false
#define is_going(cpu)	(!online(cpu) && !is_gone(cpu))
#else
#define online(cpu)	true
#define was_offline(cpu)	false
#define is_gone(cpu)	false
#define take_cpu(cpu)	skip
#define leave_cpu	skip
#define is_going(cpu)	false
#endif
#if BUSTED == 3
#define target_pump(c)	(1 - (c))
#else
#define target_pump(c)	(online(c) -> (c) : 1)
#endif

/* struct padata_pump */
bool work[CPUS];			/* its work item is queued */
bool awake[CPUS], pulling[CPUS];
byte ready[CPUS];			/* a bit for each serial queue */
bool deferred[CPUS];		/* the shell is on that list */
bool leaving[CPUS];		/* and on this one */
bool settling[CPUS];

/* struct serial_queue */
bool owned[CPUS];
chan incoming[CPUS] = [JOBS] of { byte };
chan batch[CPUS] = [JOBS] of { byte };

/*
 * Only the queue of CPU 0 changes its pump.  It has an ::at, and may be on the list
 * leaving_queues of a pump.
 */
#ifdef OFFLINE
byte queue_0_at = CPU_NONE;
bool queue_0_leaving[CPUS];
#define queue_is_elsewhere(c, me) \
	((c) == 0 && queue_0_at != CPU_NONE && queue_0_at != CPU(me))
/* Results that came out for that CPU may wait behind the other one. */
#define from_elsewhere(f)	((f) == CPU(0) && queue_is_elsewhere(0, 0))
#else
#define queue_is_elsewhere(c, me) false
#define from_elsewhere(f)	false
#endif

/*
 * Behind serial(): results that wait for a softirq of their CPU, and those that a
 * work item has to bring there before.  PUMP_WORK is the work item of the pump.
 */
chan results[CPUS] = [JOBS] of { byte };
#ifdef WORK
#define PUMP_WORK	JOBS
chan items[CPUS] = [JOBS + 1] of { byte };
#define comes_out(cpu, j)	items[cpu]!j
#define on_cpu(cpu)	(len(results[cpu]) + len(items[cpu]))
#else
#define comes_out(cpu, j)	results[cpu]!j
#define on_cpu(cpu)	len(results[cpu])
#endif
#ifdef THIRD
#define on_cpus		(on_cpu(0) + on_cpu(1) + on_cpu(2))
#else
#define on_cpus		(on_cpu(0) + on_cpu(1))
#endif
byte delivered;

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
 * the shell is freed once the readers of that moment have left.
 */
#ifdef DEFER
byte refs, readers, grace;
bool gone;
#define touch			assert(!gone || grace)
#define shell_get		refs++
#define rcu_read_lock(reader)	readers = readers | bit_of(reader)
#define rcu_read_unlock(reader)	readers = readers & ~bit_of(reader); \
				grace = grace & ~bit_of(reader)

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
#define rcu_read_lock(reader)	skip
#define rcu_read_unlock(reader)	skip
#endif
#define completer(j)		(CPUS + (j))
#define SUBMITTING		(CPUS + JOBS)

/*
 * Waking of pumps
 */

/* Under pinst::lock.  Sets w, NO_PUMP before, to the pump to wake, if any. */
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
	   (fence[to] == CPU_NONE || BUSTED == 6) -> to++
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

/* shell_settle(): the baton goes to the pump of that CPU. */
inline shell_settle(cpu)
{
	assert(!leaving[cpu]);
	leaving[cpu] = true;
	pump_wake(cpu)
}

/*
 * Of many CPUs each has to settle.  The model asks those, too, on which no result has
 * come out, and one that is gone: they settle at once.
 */
#if BUSTED == 61
#define first_cpu	(online(0) -> 0 : 1)
#else
#define first_cpu	0
#endif
#define first_to_settle(f)	((f) == CPU_MANY -> first_cpu : (f) - 1)

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
		:: state[head] == DONE && fence[head] == CPU_NONE ->
			ps_lock = false; baton_stays()
		:: state[head] == DONE && fence[head] != CPU_NONE ->
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
		ps_lock = false; last_cut = false; at = CUT;
		if
		:: pending == 0 && BUSTED != 40 ->	/* park:A: read; fence:B */
			/* shell_settle_first() */
#if BUSTED != 55
			baton = OUT;
#endif
			drainers++;
#if BUSTED != 58
			if
			:: from_elsewhere(fence[head]) -> fence[head] = CPU_MANY
			:: else
			fi;
#endif
			c = first_to_settle(fence[head]);
			shell_settle(c);
			c = 0
		:: else
		fi;
		break
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
	assert(!is_gone(me));
	in_callback = true;
	comes_out(me, j);
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

/*
 * pump_settle()
 */

#ifdef ALONE
#define IDLE_MARK(m)	m
#else
#define IDLE_MARK(m)	false
#endif
#ifdef OFFLINE
#define queues_leave(me)	queue_0_leaving[me]
#else
#define queues_leave(me)	false
#endif
#define may_begin(me)	(!settling[me] && (leaving[me] || queues_leave(me) || \
			 IDLE_MARK(idle_shell)))
#if BUSTED == 56
#define must_settle(me)	may_begin(me)
#else
#define must_settle(me)	(settling[me] || may_begin(me))
#endif

/* softirqs_have_run(): a pump that is on another CPU has lost its own. */
#define softirqs_have_run(me)	(!len(results[me]) || is_gone(me) || BUSTED == 13)

inline pump_settle_begin()
{
	settling[me] = true;
	settle_shell = leaving[me];
	leaving[me] = false;
#ifdef OFFLINE
	settle_queue = queue_0_leaving[me];
	queue_0_leaving[me] = false;
#endif
#ifdef ALONE
	settle_idle_mark = idle_shell;
	settle_nr_cut = idle_nr_cut;
	idle_shell = false;
	idle_nr_cut = 0;
#endif
}

/* Duties of a stretch. */
#define SERIAL		1
#define PARALLEL	2
#ifdef INLINE
#define ALL_DUTIES	SERIAL
#else
#define ALL_DUTIES	(SERIAL | PARALLEL)
#endif

/* Nothing waits any more for the round: the pump's next stretch. */
inline pump_goes_on()
{
	worked = false;
	todo = ALL_DUTIES;
	goto pump_stretch
}

/* pump_stretch(): the next queue or duty, once more round, or to sleep. */
inline go_on()
{
	if
	:: visit -> goto next_queue
	:: !visit && todo -> goto duty
	:: !visit && !todo && worked ->
		worked = false; todo = ALL_DUTIES; goto pump_stretch
	:: !visit && !todo && !worked ->
		todo = ALL_DUTIES;
		if
		:: must_settle(me) -> goto pump_settle
		:: else -> goto pump_sleep
		fi
	fi
}

/* return_batch_end() has unparked what it had to. */
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
	todo = ALL_DUTIES;
	if
	:: goto do_serial
	:: elsewhere[j] = true; j = 0; goto parallel_returned
	fi
}

proctype Pump(byte me)
{
	DRAINER;
	byte serving;		/* a bit for each serial queue that it owns */
	byte visit;		/* of these, not yet seen in this round */
	byte nr;		/* callbacks not accounted for */
	byte todo = ALL_DUTIES;	/* duties of this round, in any order */
	byte j, w = NO_PUMP;
	bool worked, pulled;
	bool settle_shell;
#ifdef OFFLINE
	bool settle_queue;
#endif
#ifdef ALONE
	bool idle_shell, settle_idle_mark;
	byte idle_nr_cut, settle_nr_cut;
	bool put_idle;
#endif
#ifdef WORK
	bool behind;		/* SETTLE_WORK */
#endif
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
		:: w != NO_PUMP -> goto wake_other
		:: w == NO_PUMP && pulled -> run_parallel()
		:: w == NO_PUMP && !pulled -> go_on()
		fi
	   }
	/* pump_settle(), where the stretch is over before all duties are done */
	:: atomic { may_begin(me) -> pump_settle_begin(); goto duty }
	:: atomic { settling[me] && softirqs_have_run(me) -> goto stage_is_over }
	fi;
wake_other:
	atomic {
		pump_wake(w);
		w = NO_PUMP;
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
		:: w != NO_PUMP -> goto wake_other
		:: w == NO_PUMP && pulled -> run_parallel()
#if BUSTED == 50
		:: w == NO_PUMP && !pulled -> undrained = false; go_on()
#else
		:: w == NO_PUMP && !pulled -> skip
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
		c = (visit & 1 -> 0 : (visit & 2 -> 1 : 2));
		visit = visit & ~bit_of(c);
		/* serve_or_give() */
		t = target_pump(c);
		if
#ifdef OFFLINE
		:: t == me && (!queue_is_elsewhere(c, me) || BUSTED == 14) ->
			t = 0;
			queue_0_at = (c == 0 -> CPU(me) : queue_0_at)
		:: t == me && queue_is_elsewhere(c, me) && BUSTED != 14 ->
			/* serial_queue_settle() */
			serving = serving & ~bit_of(c);
			t = queue_0_at - 1;
			c = 0;
			assert(!queue_0_leaving[t]);
			queue_0_leaving[t] = true;
			pump_wake(t);
			t = 0;
			go_on()
#else
		:: t == me -> t = 0
#endif
		:: t != me -> serving = serving & ~bit_of(c); goto give_away
		fi
	}
serve_queue:
	if
	:: atomic { jobs_in(c) -> run_serial();
#if BUSTED == 7
		goto return_batch_end
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
return_batch_end:
	atomic {
		lower_pending();
		if
		:: pending -> flushed()
		:: else
		fi
	}
park_b:					/* park:B: the read */
	if
#ifdef ALONE
	:: atomic { baton != PARKED -> goto keep_idle }		/* wants_alone */
#endif
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
	goto put_shell;
#ifdef ALONE
	/* pump_keep_idle() */
keep_idle:
	atomic { !ps_lock ->
		touch;
		if
		:: came_from == CPU(c) && baton == HOME && !pending ->
#ifdef DEFER
#if BUSTED != 63
			put = put - 1 + idle_shell;
#endif
#endif
			idle_shell = true;
			idle_nr_cut = head
		:: else
		fi;
		flushed()
	}
#endif
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

	/* pump_settle() with no other duty: usleep_range() */
pump_settle:
	if
	:: atomic { may_begin(me) -> pump_settle_begin(); goto pump_settle }
	:: atomic { settling[me] && softirqs_have_run(me) -> goto stage_is_over }
	:: atomic { ready[me] || deferred[me] || pulling[me] -> goto pump_stretch }
	fi;
stage_is_over:
#ifdef DEFER
	atomic { rcu_read_unlock(me); rcu_read_lock(me) }
#endif
#ifdef WORK
	if
	:: atomic { !behind && BUSTED != 16 ->
		behind = true;
		worked = false; todo = ALL_DUTIES;
		items[me]!PUMP_WORK;
		goto end_asleep
	   }
	:: atomic { behind || BUSTED == 16 -> behind = false }
	fi;
#endif
	/* pump_settle_end() */
#ifdef ALONE
	if
	:: atomic { settle_idle_mark && !ps_lock ->
		settle_idle_mark = false;
		touch;
		if			/* shell_left() */
		:: (settle_nr_cut == head || BUSTED == 17) &&
		   baton == HOME && !pending -> came_from = CPU_NONE
		:: else
		fi;
		settle_nr_cut = 0;
#ifdef DEFER
		shell_put(1)
#endif
	   }
	:: atomic { !settle_idle_mark -> skip }
	fi;
#endif
	if
	:: atomic { !settle_shell -> settling[me] = false }
	/* shell_settled() */
	:: atomic { settle_shell && !ps_lock ->
		settle_shell = false;
		settling[me] = false;
		touch;
		t = (head == tail -> came_from : fence[head]);
		if
		:: t == CPU_MANY && me + 1 < CPUS && BUSTED != 57 ->
			t = me + 1;	/* next_delivering_cpu() */
			shell_settle(t);
			t = 0;
			goto shell_has_settled
		:: else -> t = 0
		fi;
		if
		:: head == tail -> assert(settle_idle); came_from = CPU_NONE
		:: else -> fence[head] = CPU_NONE
		fi;
#ifdef ALONE
		put_idle = settle_idle;
		settle_idle = false
#endif
	   }
	   shell_drain();
#if defined(ALONE) && defined(DEFER)
	   atomic {
		if
		:: put_idle -> put_idle = false; shell_put(1)
		:: else
		fi
	   }
#endif
	fi;
shell_has_settled:
#ifdef OFFLINE
	/* serial_queue_settled() */
	if
	:: atomic { settle_queue ->
		settle_queue = false;
		queue_0_at = CPU_NONE;
		t = target_pump(0)
	   }
	   atomic { ready[t] = ready[t] | 1 }
	   atomic { pump_wake(t); t = 0; pump_goes_on() }
	:: atomic { !settle_queue -> pump_goes_on() }
	fi;
#else
	atomic { pump_goes_on() }
#endif

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
		worked = ready[me] || deferred[me] || leaving[me] || queues_leave(me);
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
 * Job j, whose mapping of generation g has been stored, waits for the results before
 * it where those may come out on another CPU.  The queue of the same CPU keeps the
 * order, wherever it is served, but not of results that came out past it.
 */
inline shell_fence(j)
{
	if
#if BUSTED == 53
	:: map_gen != g && !was_alone
#endif
#if BUSTED == 15
	:: was_alone
#endif
	:: map_gen == g && !was_alone
	:: came_from == CPU(cb_cpu[j]) && (!was_alone || BUSTED == 62)
	:: else -> fence[j] = came_from
	fi
}

/*
 * Under ps->lock.  The mapping was read before: in its present generation or in
 * an earlier one, but with one submitter not earlier than that of its last job.
 */
inline choose_gen(since)
{
	if
	:: g = gen
	:: gen > since -> g = gen - 1
	:: gen > since + 1 -> g = gen - 2
	fi
}

inline shell_append(j, since)
{
	choose_gen(since);
	cb_cpu[j] = map_cb_cpu(g);
	shell_fence(j);
	/* shell_note_from() */
	if
	:: fence[j] != CPU_NONE || came_from == CPU_NONE -> came_from = CPU(cb_cpu[j])
	:: else ->
		came_from = (came_from == CPU(cb_cpu[j]) -> came_from : CPU_MANY)
	fi;
	was_alone = false;
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
#ifndef INLINE
	:: queue!j; pump_to_wake()
#endif
#if defined(BACKLOG) || defined(INLINE)
	:: elsewhere[j] = true		/* no room: the submitter runs it */
#endif
	fi
}

/*
 * padata_do_alone(): the submitter has the baton while it runs the job.  Ends where
 * the baton is gone, and a job that is done has been called back as it were.
 */
#ifdef ALONE
#define SUBMITTER	DRAINER; byte g, w = NO_PUMP, alone; byte here; bool put
#define shell_is_idle	(!ps_lock && baton == HOME && (!pending || BUSTED == 12))
#define results_are_here(cpu) \
	(came_from == CPU_NONE || BUSTED == 54 || \
	 (came_from == CPU(cpu) && !may_look_where))
/* On that CPU; one that is gone has no submitters. */
#define may_be_alone(cpu) \
	(shell_is_idle && results_are_here(cpu) && \
	 (online(cpu) || (BUSTED == 60 && !is_gone(cpu))))

/* shell_append_alone(), by a submitter on that CPU */
inline submit_alone(j, since, cpu)
{
	alone = j;
	here = cpu;
	take_cpu(cpu);
	rcu_read_lock(SUBMITTING);
	choose_gen(since);
	was_alone = true;
	cb_cpu[alone] = map_cb_cpu(g);
	shell_fence(alone);
	/* Its result comes out here, or, if it does not end here and now, there. */
	came_from = (cb_cpu[alone] == here -> CPU(here) : CPU_MANY);
	map_gen = g;
	g = 0;
	baton = OUT;
	state[alone] = (BUSTED == 52 -> BATON : RUNNING);
	shell_get;
	tail++;
	drainers++
}

/*
 * shell_may_do_alone() says no: the CPUs on which results came out settle.  A pump
 * may settle for a shell and have no job of it.
 */
inline shell_settle_idle()
{
	baton = OUT;
	drainers++;
	settle_idle = true;
	shell_get;
	c = first_to_settle(came_from);
	shell_settle(c);
	c = 0
}
#define may_settle_idle	(shell_is_idle && came_from != CPU_NONE && !may_look_where)

/* shell_may_do_alone() looks where the results really came out. */
#define may_look_where	(shell_is_idle && from_elsewhere(came_from) && BUSTED != 59)

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
			fence[alone] = CPU_NONE;
			head++;
			called++;
			comes_out(here, alone);
			came_from = (head == tail -> CPU(here) : came_from);
			put = true
		:: else
		fi;
		alone = 0;
		here = 0;
		leave_cpu;
		if
		:: head == tail -> baton_goes_home(); goto taken_back
		:: else -> ps_lock = true; at = PASS
		fi
	}
	shell_drain();
taken_back:
#ifdef DEFER
	atomic {
		if
		:: put -> shell_put(1); put = false
		:: else
		fi;
		rcu_read_unlock(SUBMITTING)
	}
#else
	skip
#endif
}
#else
#define SUBMITTER	byte g, w = NO_PUMP
#endif

#ifdef MANY_SUBMITTERS
/* Of all submitters the one that comes to the order list as number j. */
proctype Submitter(byte j)
{
	SUBMITTER;
#ifdef ALONE
again:	if
	:: atomic { tail == j && may_be_alone(0) -> submit_alone(j, 0, 0) }
	:: atomic { tail == j && may_be_alone(1) -> submit_alone(j, 0, 1) }
#ifdef THIRD
	:: atomic { tail == j && may_be_alone(2) -> submit_alone(j, 0, 2) }
#endif
#ifdef OFFLINE
	:: atomic { tail == j && may_look_where -> came_from = CPU_MANY; goto again }
#endif
	:: atomic { tail == j && may_settle_idle -> shell_settle_idle(); goto again }
	:: atomic { tail == j && !ps_lock -> shell_append(j, 0); goto appended }
	fi;
	shell_take_back();
	goto end;
appended:
#else
	atomic { tail == j && !ps_lock -> shell_append(j, 0) }
#endif
	atomic {
		queue_job(j);
		if
		:: w == NO_PUMP -> goto end
		:: else
		fi
	}
	atomic { pump_wake(w); w = NO_PUMP }
end:	false
}
#else
proctype Submitter()
{
	SUBMITTER;
#ifdef ALONE
next:	if
	:: atomic { tail < JOBS && may_be_alone(0) -> submit_alone(tail, map_gen, 0) }
	:: atomic { tail < JOBS && may_be_alone(1) -> submit_alone(tail, map_gen, 1) }
#ifdef THIRD
	:: atomic { tail < JOBS && may_be_alone(2) -> submit_alone(tail, map_gen, 2) }
#endif
#ifdef OFFLINE
	:: atomic { tail < JOBS && may_look_where -> came_from = CPU_MANY; goto next }
#endif
	:: atomic { tail < JOBS && may_settle_idle -> shell_settle_idle(); goto next }
	:: atomic { tail < JOBS && !ps_lock -> goto append }
	fi;
	shell_take_back();
	if
	:: atomic { tail < JOBS -> goto next }
	:: atomic { tail == JOBS -> goto end }
	fi;
append:
#else
next:
#endif
	atomic { tail < JOBS && !ps_lock ->
		shell_append(tail, map_gen);
		queue_job(tail - 1);
		if
		:: w == NO_PUMP && tail < JOBS -> goto next
		:: w == NO_PUMP && tail == JOBS -> goto end
		:: else
		fi
	}
	atomic {
		pump_wake(w); w = NO_PUMP;
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

/* map_change(), padata_cpu_online(), padata_cpu_offline() */
#ifdef OFFLINE
#define MAP_CHANGED	goto map_changed
#else
#define MAP_CHANGED	goto end_next
#endif

proctype Changer()
{
	byte w = NO_PUMP;

end_next:
	atomic { gen < CHANGES ->
#ifdef OFFLINE
		cpu_0_gone = false;
#endif
		gen++;
		/* release_pulling() */
		pulling[0] = pulling[0] && online(0);
#if BUSTED != 44
		pump_to_wake();
#endif
		if
		:: w == NO_PUMP -> MAP_CHANGED
		:: else
		fi
	}
	atomic { pump_wake(w); w = NO_PUMP; MAP_CHANGED }
#ifdef OFFLINE
map_changed:
	if
	:: atomic { online(0) -> goto end_next }
	/* pump_leave(), by a task on CPU 0 */
	:: atomic { !online(0) && !awake[0] && !cpu_0_taken -> skip }
	fi;
	atomic { !len(results[0]) && !cpu_0_taken -> skip }
	atomic { !cpu_0_taken -> cpu_0_gone = true; goto end_next }
#endif
}

/*
 * Behind serial()
 */

/* A softirq of that CPU has run: it delivers all that waits there. */
inline deliver(cpu)
{
	do
	:: results[cpu]?j -> assert(j == delivered); delivered++
	:: empty(results[cpu]) -> break
	od;
	j = 0
}

/* Softirqs are waited for, or matter because of the order. */
#define softirq_counts(cpu)	(settling[cpu] || is_going(cpu) || \
				 on_cpus != on_cpu(cpu))

proctype Softirqs()
{
	byte j;

end:	do
	:: atomic { len(results[0]) && softirq_counts(0) -> deliver(0) }
	:: atomic { len(results[1]) && softirq_counts(1) -> deliver(1) }
#ifdef THIRD
	:: atomic { len(results[2]) && softirq_counts(2) -> deliver(2) }
#endif
	od
}

#ifdef WORK
inline run_item(cpu)
{
	items[cpu]?j;
	if
	:: j == PUMP_WORK -> work[cpu] = true
	:: else -> results[cpu]!j
	fi;
	j = 0
}

/* Work items of a CPU start one after the other. */
proctype Worker()
{
	byte j;

end:	do
	:: atomic { len(items[0]) && softirq_counts(0) -> run_item(0) }
	:: atomic { len(items[1]) && softirq_counts(1) -> run_item(1) }
	od
}
#endif

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
		for (i : 0 .. CPUS - 1) {
			run Pump(i)
		}
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
		run Softirqs();
#ifdef WORK
		run Worker();
#endif
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
		assert(!settle_idle);
		for (i : 0 .. CPUS - 1) {
			assert(!owned[i] && !pulling[i] && !settling[i])
		}
	   }
	fi
}
