/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * direct.pml: direct mode of padata_mod.c, its two changes and the order behind them,
 * for spin.  scripts/model.sh runs it.  Names are those of the C code; padata.pml has
 * the protocol beneath in finer steps, and no direct mode.
 *
 * Submitters make CALLS calls each, on any CPU.  A call is direct work, if the shell is
 * in direct mode or can begin it, or submits a job.  Something completes each job, at
 * any time.  The drain hands it to the pump of its callback CPU, whose serial() puts the
 * result into a queue of that CPU.  A direct result goes into the queue of the CPU of its
 * submitter.  A softirq delivers what waits in the queue, at any time.  All of it is about
 * one shell.
 *
 * The checks, for every interleaving of the steps:
 *
 *  - If one call has returned before another one began, and at least one of the two was a
 *    job, softirqs deliver the results in the order of the calls (deliver).  Two direct
 *    results have no order but that of the queue of one CPU, as with the plain function.
 *  - serial() of jobs runs in the order of their list, and after earlier direct results
 *    came out; a direct result comes out after serial() of earlier jobs has begun
 *    (run_serial, pass_on).
 *  - In direct mode ::from says where direct results come out (init).
 *  - Where nothing moves any more all results are delivered, no job is listed, no callback
 *    pending, the baton is at home and no pump has anything to do: no job, no request and no
 *    baton is left behind (init).
 *  - With WANT: the shell goes direct for a submitter that insists, once jobs are done.
 *  - No process goes round for ever (pan -l of a verifier built with -DNP; no progress is
 *    marked, so each cycle is an error).
 *
 * Steps.  Each section of a spinlock is one step, and each access without a lock that
 * matters here: of padata_is_direct(), of padata_direct_done(), of the completion that a
 * late request has.  These are one step, though more in C:
 *
 *  - shell_cut_or_pass(), the hand-over of what was cut; shell_pass_baton(); the look of a
 *    pump at ::baton after its callbacks, with what follows from it.  padata.pml has them
 *    apart.
 *  - The look of padata_direct_done() and the way of the result into the queue: the
 *    submitter has its CPU for itself between both, as a softirq and a task with softirqs
 *    disabled have, so the pump cannot settle there.  With PAUSE they are two steps.
 *
 * A softirq runs only where a pump waits for it, or where results wait on two CPUs; the last
 * ones are delivered in the end.  Nothing else depends on it, so each run with a wrong order
 * is also one in which the softirq comes that late.
 *
 * A call of padata_is_direct() or padata_go_direct() that would change nothing is no step.
 * nr_cut is no number: a change of it clears the flags that say that it is the same.
 *
 * Left out:
 *
 *  - Weak memory ordering; scripts/litmus.sh has direct:A and direct:B.
 *  - What padata.pml has: the shared queue of jobs, sleep and waking of pumps, deferred drains
 *    and those that are put off, changes of masks, CPUs that go and come (direct_cpu,
 *    came_out_on()), work items, references and RCU; and what that leaves out.
 *  - The hint in go_direct() that spares others the lock.
 *  - pcrypt's rule: submitters choose any way at any time, and so also the way of the rule.
 *  - Streams of pcrypt that follow another one.  Their order is about what a result makes the
 *    kernel send, see "Two senders of one connection" in design.rst.
 *
 * Defines:
 *
 *  SUBMITTERS	1 to 3
 *  CALLS		of each
 *  THIRD		there are three CPUs
 *  CB_ANY		jobs ask for any callback CPU, in a total order; otherwise for CPU 0
 *  HERE		submitters use padata_go_direct_here(), too
 *  MOVE		submitters may be moved to another CPU in the middle of their work
 *  PAUSE		the pump of its CPU may run between padata_direct_done() and the way of
 *			the result into the queue; with MOVE a submitter may be moved there alone
 *  STAY		a submitter makes its call on the CPU where the last one ended
 *  ASYNC		a child may accept a direct request and complete it later
 *  WANT		the last call of each submitter is direct, however long that takes
 *  BUSTED		one of these errors; below 40 it is that of scripts/planted, and
 *			57 is that of padata.pml
 *
 *  12 direct mode begins while callbacks run
 *  15 the first job after direct mode has no fence
 *  17 the idle mark is used without a look at nr_cut
 *  27 direct mode ends without a fence
 *  28 direct mode begins while jobs are in flight
 *  29 a request that the child completes later is listed when it is completed (ASYNC)
 *  57 of many CPUs only the first settles
 *  70 direct work on a further CPU is not noted in ::from
 *  71 direct work on a further CPU does not make that CPU one to settle
 *  72 late_result is ignored
 *  73 padata_direct_done() does not look
 *  74 the mapping is kept in direct mode, so a job does not end it
 *  75 done:A and baton:B are a read and a write
 *  76 a CPU that has settled for an idle shell sends the baton home, without a drain
 *  77 direct mode that is for one CPU is joined by others (HERE)
 *  78 direct mode begins before the CPU of the results has settled
 *  79 direct mode for one CPU begins on another one (HERE)
 *  80 a late result does not change nr_cut
 *  81 the CPU of the submitter that ends direct mode is not one to settle (PAUSE, MOVE)
 *  82 no refused call has a CPU settle (WANT)
 *  83 the completion of a late request is lost if it comes before it is listed (ASYNC)
 *  84 a CPU that has settled for an idle shell is not asked again after a late result
 */

#ifndef SUBMITTERS
#define SUBMITTERS	2
#endif
#ifndef CALLS
#define CALLS		2
#endif
#ifdef THIRD
#define CPUS		3
#else
#define CPUS		2
#endif
#ifndef BUSTED
#define BUSTED		0
#endif

/* A result has the number of its call. */
#define RESULTS		(SUBMITTERS * CALLS)
#define NONE		RESULTS
#define bit_of(n)	(1 << (n))

/* A fence, and other places where a CPU stands or one of two constants. */
#define CPU_NONE	0
#define CPU(cpu)	((cpu) + 1)
#define CPU_MANY	(CPUS + 1)

/* struct padata_shell */
mtype:place = { HOME, OUT, PARKED };
mtype:place baton = HOME;
bool draining;			/* a drainer has it, which is the environment here */
chan order = [RESULTS] of { byte };
byte pending;
byte came_from = CPU_NONE;	/* ::from */
byte map_to = CPU_NONE;		/* or CPU_UNKNOWN; map_cpu is the same */
byte direct_on = CPU_NONE;
byte settle_at;
bool direct_here, was_direct, wants_direct, settle_idle, late_result;
bool refused_is_same;		/* refused_at == nr_cut */

/* struct padata_priv */
mtype:job = { NOT_YET, RUNNING, BATON, DONE };
mtype:job state[RESULTS] = NOT_YET;
byte fence[RESULTS] = CPU_NONE;
byte cb_cpu[RESULTS];

/* struct padata_pump */
chan serial[CPUS] = [RESULTS] of { byte };
bool delivers[CPUS], leaving[CPUS], settling[CPUS], idle_shell[CPUS];
bool idle_is_same[CPUS];	/* idle_nr_cut == nr_cut */
bool settled_is_same[CPUS];	/* settle_idle_nr_cut == nr_cut */

/* Behind serial() and direct work: results that wait for a softirq of the CPU. */
chan results[CPUS] = [RESULTS] of { byte };

/* A bit for each result. */
byte jobs;			/* those of jobs, submitted */
byte directs;			/* direct ones that came out */
byte called, delivered;
byte after[RESULTS];		/* the results that have to be delivered before this one */
#ifdef ASYNC
byte accepted;			/* by a child, and not listed: PCRYPT_UNLISTED */
byte ended;			/* PCRYPT_ENDED */
#define is_listed(j)	(!((accepted | ended) & bit_of(j)))
#else
#define is_listed(j)	true
#endif
#if BUSTED == 75
byte seen_running;
#endif

inline nr_cut_changes()
{
	refused_is_same = false;
	for (i : 0 .. CPUS - 1) {
		idle_is_same[i] = false;
		settled_is_same[i] = false
	}
	i = 0
}

/* No job is in flight. */
#if BUSTED == 12
#define shell_is_idle	(baton == HOME)
#else
#define shell_is_idle	(baton == HOME && !pending)
#endif

/*
 * Settling
 */

inline shell_settle(cpu)
{
	assert(!leaving[cpu]);
	settle_at = cpu;
	leaving[cpu] = true
}

/* Sets i to the first CPU at or after it on which results may have come out. */
inline next_delivering_cpu()
{
	do
	:: i < CPUS && !delivers[i] -> i++
	:: else -> break
	od
}

inline shell_settle_from(from)
{
	i = from - 1;
	if
	:: from == CPU_MANY -> i = 0; next_delivering_cpu()
	:: else
	fi;
	assert(i < CPUS);
	shell_settle(i);
	i = 0
}

inline shell_settle_idle()
{
	baton = OUT;
	settle_idle = true;
	late_result = false;
	shell_settle_from(came_from)
}

/* Of a shell that is idle, and whose results have not settled. */
#define may_want_settled	(!wants_direct || !refused_is_same || BUSTED != 82)

inline shell_want_settled()
{
	if
	:: wants_direct && refused_is_same && BUSTED != 82 -> shell_settle_idle()
	:: else
	fi;
	refused_is_same = true;
	wants_direct = true
}

/*
 * Direct mode
 */

#define knows_direct_cpu \
	(direct_on == CPU(here) || (direct_on == CPU_MANY && delivers[here]))

inline shell_note_direct()
{
#if BUSTED != 71
	delivers[here] = true;
#endif
	if
	:: direct_on == CPU(here) || BUSTED == 70
	:: else -> came_from = CPU_MANY; direct_on = CPU_MANY
	fi
}

#define may_join_direct \
	(direct_on != CPU_NONE && \
	 (!direct_here || direct_on == CPU(here) || BUSTED == 77))

inline shell_begin_direct()
{
	direct_here = (came_from != CPU_NONE);
	delivers[here] = true;
	came_from = CPU(here);
#if BUSTED != 74
	map_to = CPU_NONE;
#endif
	nr_cut_changes();
	late_result = false;
	wants_direct = false;
	direct_on = CPU(here)
}

inline shell_end_direct()
{
	if
	:: direct_on == CPU_NONE
	:: else ->
#if BUSTED != 27
		if
		:: direct_on != CPU(here) && BUSTED != 81 ->
			delivers[here] = true;
			came_from = CPU_MANY
		:: else
		fi;
		was_direct = true;
#endif
		direct_here = false;
		direct_on = CPU_NONE
	fi
}

inline shell_note_late_result()
{
	if
	:: direct_on != CPU_NONE && !direct_here -> shell_note_direct()
	:: else ->
		shell_end_direct();
		delivers[here] = true;
		came_from = CPU_MANY;
		was_direct = true;
		map_to = CPU_NONE;
#if BUSTED != 80
		nr_cut_changes();
#endif
#if BUSTED != 72
		/* Elsewhere it is cleared before it is read. */
		late_result = settle_idle
#endif
	fi
}

/* The result of direct work @id comes out on this CPU, and the call returns. */
inline pass_on()
{
	after[id] = mine & jobs;
	assert(!(after[id] & ~called));
	results[here]!id;
	directs = directs | bit_of(id)
}

/* go_direct() as far as it matters: it succeeds, or has a CPU settle. */
#ifdef HERE
#define goes_here	(came_from == CPU(here) || BUSTED == 79)
#else
#define goes_here	false
#endif
#define results_left	(came_from == CPU_NONE || BUSTED == 78)
#if BUSTED == 28
#define may_begin_direct	(direct_on == CPU_NONE)
#else
#define may_begin_direct	(direct_on == CPU_NONE && shell_is_idle && results_left)
#endif
#define may_begin_here		(direct_on == CPU_NONE && shell_is_idle && goes_here)
#define may_have_settled \
	(direct_on == CPU_NONE && shell_is_idle && !results_left && \
	 may_want_settled && BUSTED != 28)

/*
 * Submission
 */

/* done:A, baton:B */
inline complete(j)
{
	if
	:: state[j] == BATON -> assert(!draining); draining = true
	:: else
	fi;
	state[j] = DONE
}

#if BUSTED == 15
#define is_after_direct	false
#else
#define is_after_direct	was_direct
#endif

/* shell_append_quick(), or else shell_append_slow() */
inline shell_append(cpu)
{
	cb_cpu[id] = cpu;
	if
	:: map_to == CPU(cpu) && came_from == map_to -> fence[id] = CPU_NONE
	:: else ->
		shell_end_direct();
		/* shell_fence() */
		if
		:: is_after_direct -> fence[id] = came_from
#ifdef CB_ANY
		:: !is_after_direct && map_to != CPU(cpu) && came_from != CPU(cpu) ->
			fence[id] = came_from
#endif
		:: else -> fence[id] = CPU_NONE
		fi;
		/* shell_note_from() */
		if
		:: fence[id] != CPU_NONE || came_from == CPU_NONE -> came_from = CPU(cpu)
		:: else -> came_from = (came_from == CPU(cpu) -> came_from : CPU_MANY)
		fi;
		was_direct = false;
		map_to = CPU(cpu)
	fi;
	state[id] = (baton == HOME -> BATON : RUNNING);
	baton = (baton == HOME -> OUT : baton);
	order!id;
	after[id] = (mine & directs) | jobs;
	jobs = jobs | bit_of(id)
}

inline submit()
{
	if
	:: shell_append(0)
#ifdef CB_ANY
	:: shell_append(1)
#endif
	fi
}

/* The submitter may be moved: in the middle of its work, or after it (PAUSE). */
#define move		if :: true :: here = (here + 1) % CPUS fi
#if defined(MOVE) && !defined(PAUSE)
#define may_move	move
#else
#define may_move	skip
#endif
#if defined(MOVE) && defined(PAUSE)
#define may_move_late	move
#else
#define may_move_late	skip
#endif

/* The call begins with the first access to the shell. */
#define begin_call	mine = (mine | jobs | directs)

#ifdef STAY
#define choose_cpu()	skip
#else
inline choose_cpu()
{
	if
	:: here = 0
	:: here = 1
#ifdef THIRD
	:: here = 2
#endif
	fi
}
#endif

#ifdef WANT
#define insists		(nr == CALLS)
#else
#define insists		false
#endif

proctype Submitter(byte me)
{
	byte nr, id, here, i;
	byte mine;		/* results that were there when the call began */

next:	atomic {
		id = 0; mine = 0;
#ifndef STAY
		here = 0;
#endif
		if
		:: nr < CALLS -> id = me * CALLS + nr; nr++
#ifdef WANT
		:: nr == CALLS -> goto end
#else
		:: goto end
#endif
		fi
	}
try:	atomic {
		choose_cpu();
		if
		/* padata_is_direct() */
		:: knows_direct_cpu -> begin_call; goto work
		:: may_join_direct && !knows_direct_cpu -> begin_call; goto join
		/* padata_go_direct(), padata_go_direct_here() */
		:: may_join_direct -> begin_call; shell_note_direct(); goto work
		:: may_begin_direct || may_begin_here ->
			begin_call;
			shell_begin_direct();
			goto work
		:: may_have_settled -> begin_call; shell_want_settled(); goto try
		/* padata_do_parallel(), padata_do_inline() */
		:: !insists -> begin_call; submit(); goto next
		fi
	}
	/* shell_is_direct_here() */
join:	atomic {
		may_move;
		if
		:: may_join_direct -> shell_note_direct(); goto work
		:: else -> goto try
		fi
	}
work:
	if
	/* padata_direct_done() */
	:: atomic { true ->
		may_move;
		if
#if BUSTED == 73
		:: true
#else
		:: knows_direct_cpu
		:: else -> goto late
#endif
		fi;
#ifndef PAUSE
		pass_on();
		goto next
#endif
	   }
#ifdef ASYNC
	:: atomic { !insists -> accepted = accepted | bit_of(id); goto list }
#endif
	fi;
#ifdef PAUSE
out:	atomic { may_move_late; pass_on(); goto next }
#endif
late:	atomic {
		may_move;
		shell_note_late_result();
#ifdef PAUSE
		goto out
#else
		pass_on();
		goto next
#endif
	}
#ifdef ASYNC
	/* pcrypt_list_late() */
list:
#if BUSTED == 29
	atomic {
		after[id] = (mine & directs) | jobs;
		jobs = jobs | bit_of(id)
	}
	atomic { ended & bit_of(id) ->
		called = called | bit_of(id);
		results[here]!id;
		goto next
	}
#endif
	atomic { may_move; submit() }
	atomic {
		if
		:: ended & bit_of(id) ->
#if BUSTED != 83
			ended = ended & ~bit_of(id);
			complete(id)
#endif
		:: else -> accepted = accepted & ~bit_of(id)
		fi;
		goto next
	}
#endif
end:	false
}

/*
 * Completion, drain and delivery, by whatever does them
 */

/* shell_cut_or_pass(), shell_hand_over() */
inline shell_drain()
{
	assert(baton == OUT);
	do
	:: empty(order) -> break
	:: nempty(order) ->
		order?<j>;
		if
		:: state[j] == DONE && fence[j] == CPU_NONE ->
			order?j;
			serial[cb_cpu[j]]!j;
			cb_cpu[j] = 0;
			nr++
		:: else -> break
		fi
	od;
	if
	:: nr ->
		pending = pending + nr;
		nr_cut_changes()
	:: !nr && empty(order) -> baton = HOME; draining = false
	:: !nr && nempty(order) ->
		draining = false;
		if
		:: state[j] == RUNNING -> state[j] = BATON
		:: state[j] == DONE && pending -> baton = PARKED
		:: state[j] == DONE && !pending -> shell_settle_from(fence[j])
		fi
	fi;
	j = 0;
	nr = 0
}

/* A softirq is waited for, or matters because of the order. */
#ifdef THIRD
#define on_cpus		(len(results[0]) + len(results[1]) + len(results[2]))
#else
#define on_cpus		(len(results[0]) + len(results[1]))
#endif
#define softirq_counts(cpu)	(settling[cpu] || on_cpus != len(results[cpu]))

/* It has run. */
inline deliver(cpu)
{
	do
	:: results[cpu]?j ->
		assert(!(after[j] & ~delivered));
		delivered = delivered | bit_of(j);
		after[j] = 0
	:: empty(results[cpu]) -> break
	od;
	j = 0
}

#define is_running(j)	((state[j] == RUNNING || state[j] == BATON) && is_listed(j))
#if BUSTED == 75
#define COMPLETE(j)							\
	:: atomic { state[j] == RUNNING && is_listed(j) &&		\
		!(seen_running & bit_of(j)) ->				\
		seen_running = seen_running | bit_of(j) }		\
	:: atomic { seen_running & bit_of(j) && state[j] != DONE ->	\
		state[j] = DONE }					\
	:: atomic { state[j] == BATON && is_listed(j) &&		\
		!(seen_running & bit_of(j)) -> complete(j) }
#else
#define COMPLETE(j)	:: atomic { is_running(j) -> complete(j) }
#endif
#ifdef ASYNC
#define END_LATE(j)						\
	:: atomic { accepted & bit_of(j) ->			\
		accepted = accepted & ~bit_of(j);		\
		ended = ended | bit_of(j) }
#else
#define END_LATE(j)
#endif

proctype Environment()
{
	byte i, j, nr;

end:	do
	COMPLETE(0)
	END_LATE(0)
#if RESULTS > 1
	COMPLETE(1)
	END_LATE(1)
#endif
#if RESULTS > 2
	COMPLETE(2)
	END_LATE(2)
#endif
#if RESULTS > 3
	COMPLETE(3)
	END_LATE(3)
#endif
#if RESULTS > 4
	COMPLETE(4)
	END_LATE(4)
#endif
#if RESULTS > 5
	COMPLETE(5)
	END_LATE(5)
#endif
#if RESULTS > 6
#error "no more than six calls"
#endif
	:: atomic { draining -> shell_drain() }
	:: atomic { len(results[0]) && softirq_counts(0) -> deliver(0) }
	:: atomic { len(results[1]) && softirq_counts(1) -> deliver(1) }
#ifdef THIRD
	:: atomic { len(results[2]) && softirq_counts(2) -> deliver(2) }
#endif
	od
}

/*
 * The pump
 */

/* serial() begins. */
inline run_serial()
{
	serial[me]?j;
	delivers[me] = true;
	assert(!(after[j] & ~(called | directs)));
	called = called | bit_of(j)
}

/* shell_returned(): shell_unpark(), pump_keep_idle() */
inline shell_returned()
{
	if
	:: baton == PARKED -> baton = OUT; draining = true
	:: wants_direct && came_from == CPU(me) && shell_is_idle ->
		idle_shell[me] = true;
		idle_is_same[me] = true
	:: else
	fi
}

#if BUSTED == 17
#define came_none_since(me)	true
#else
#define came_none_since(me)	settled_is_same[me]
#endif

inline shell_left()
{
	if
	:: came_none_since(me) && direct_on == CPU_NONE && shell_is_idle ->
		came_from = CPU_NONE
	:: else
	fi;
	settled_is_same[me] = false
}

/* shell_settles_for() is the fence of j, or ::from where j is NONE. */
inline set_settled_from(from)
{
	if
	:: j == NONE -> came_from = from
	:: else -> fence[j] = from
	fi
}

inline shell_settled()
{
	if
	:: empty(order) -> j = NONE; i = came_from
	:: nempty(order) -> order?<j>; i = fence[j]
	fi;
	nr = settle_at + 1;
	if
	:: settle_idle && late_result ->
		late_result = false;
#if BUSTED != 84
		set_settled_from(CPU_MANY);
		i = CPU_MANY;
		nr = 0
#endif
	:: else
	fi;
	if
	:: i == CPU_MANY && BUSTED != 57 -> i = nr; next_delivering_cpu()
	:: else -> i = CPUS
	fi;
	if
	:: i < CPUS -> shell_settle(i)
	:: else ->
		set_settled_from(CPU_NONE);
#if BUSTED == 76
		if
		:: settle_idle -> baton = HOME
		:: else -> draining = true
		fi;
#else
		draining = true;
#endif
		settle_idle = false;
		settle_at = 0
	fi;
	i = 0; nr = 0
}

proctype Pump(byte me)
{
	byte i, j = NONE, nr;
	bool settle_shell, settle_mark;

end:	do
	/* serve_queue() */
	:: atomic { j == NONE && len(serial[me]) -> run_serial() }
	:: atomic { j != NONE -> results[me]!j; j = NONE; nr++ }
	/* return_batch_end() */
	:: atomic { j == NONE && nr ->
		pending = pending - nr;
		nr = 0;
		if
		:: pending
		:: else -> goto returned
		fi
	   }
	/* pump_settle_begin() */
	:: atomic { j == NONE && !nr && !settling[me] && (leaving[me] || idle_shell[me]) ->
		settling[me] = true;
		settle_shell = leaving[me];
		leaving[me] = false;
		settle_mark = idle_shell[me];
		settled_is_same[me] = idle_is_same[me];
		idle_shell[me] = false;
		idle_is_same[me] = false
	   }
	/* pump_stage_is_over() */
	:: atomic { j == NONE && !nr && settling[me] && empty(results[me]) ->
		settling[me] = false;
		goto has_settled
	   }
	od;
returned:
	atomic { shell_returned(); goto end }

	/* pump_settle_end() */
has_settled:
	atomic {
		if
		:: settle_mark -> settle_mark = false; shell_left()
		:: else
		fi;
		if
		:: settle_shell -> settle_shell = false
		:: else -> goto end
		fi
	}
	atomic { shell_settled(); j = NONE; goto end }
}

/*
 * The checks
 */

init
{
	byte i, j;

	atomic {
		for (i : 0 .. CPUS - 1) {
			run Pump(i)
		}
		for (i : 0 .. SUBMITTERS - 1) {
			run Submitter(i)
		}
		run Environment();
		i = 0
	}
	if
	:: atomic { direct_on != CPU_NONE && came_from != direct_on ->
		assert(came_from == direct_on)
	   }
	:: atomic { timeout ->
		for (i : 0 .. CPUS - 1) {
			deliver(i)
		}
		assert(delivered == (jobs | directs));
		assert(empty(order) && !pending && baton == HOME);
		assert(!draining && !settle_idle);
		for (i : 0 .. CPUS - 1) {
			assert(!leaving[i] && !settling[i] && !idle_shell[i])
		}
#ifdef WANT
		assert((jobs | directs) == bit_of(RESULTS) - 1)
#endif
	   }
	fi
}
