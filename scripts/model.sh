#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# model.sh [padata|direct]: check the models of the protocol with spin, or one of them:
# scripts/model/padata.pml, and direct.pml, which has direct mode.
#
# The protocol as it is must not break what the head of a model lists, in any
# interleaving; planted errors must each be found, as the violation that they
# are, and so must what goes beyond a limit that the documentation names.  For each
# violation the log has the schedule.

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

only=${1-}
# At a time; the largest needs 1.1 GB.
parallel=2

# Of padata.pml: defines (NP: look for endless loops)|violation, if there is one|what it is
padata_checks='
JOBS=3 BACKLOG||3 jobs, a change of the serial mask
JOBS=2 BACKLOG MANY_SUBMITTERS CHANGES=2||2 jobs of 2 submitters, two changes of the mask
JOBS=3 BATCH||3 jobs, drains that are put off, a change of the serial mask
JOBS=2 OFFLINE CHANGES=2||2 jobs, a CPU goes offline and comes back
JOBS=3 INLINE OFFLINE CHANGES=2||3 jobs that submitters run, the same
JOBS=2 INLINE OFFLINE CHANGES=2 THIRD||2 jobs that submitters run, the same with a third CPU
JOBS=2 BATCH DEFER||2 jobs, put-off and deferred drains, references and RCU
JOBS=2 ALONE||2 jobs, some done alone, a change of the serial mask
JOBS=2 ALONE DEFER CHANGES=0||2 jobs, some done alone, deferred drains, references and RCU
JOBS=2 ALONE BATCH MANY_SUBMITTERS CHANGES=0||2 jobs of 2 submitters, some done alone, put-off drains
JOBS=3 INLINE ALONE MANY_SUBMITTERS||3 jobs of 3 submitters that run them, some done alone, a change of the mask
JOBS=3 INLINE ALONE OFFLINE||3 jobs that submitters run, some done alone, a CPU goes offline
JOBS=2 INLINE ALONE OFFLINE CHANGES=2 MANY_SUBMITTERS||2 jobs of 2 submitters that run them, some done alone, a CPU goes offline and comes back
JOBS=2 INLINE ALONE OFFLINE THIRD||2 jobs that submitters run, some done alone, one of three CPUs goes offline
JOBS=2 INLINE ALONE OFFLINE DEFER||2 jobs that submitters run, some done alone, a CPU goes offline, references and RCU
JOBS=2 WORK MANY_SUBMITTERS||2 jobs of 2 submitters, work items behind the callbacks, a change of the mask
JOBS=3 INLINE ALONE WORK||3 jobs that submitters run, some done alone, work items behind the callbacks
JOBS=2 BATCH OFFLINE NP||2 jobs, put-off drains, a CPU goes offline: no process goes round for ever
JOBS=2 MANY_SUBMITTERS NP||2 jobs of 2 submitters: the same
JOBS=2 INLINE ALONE OFFLINE NP||2 jobs that submitters run, some done alone, a CPU goes offline: the same
JOBS=2 CHANGES=0 BUSTED=1|j==called|the baton is passed on before the hand-over
JOBS=2 CHANGES=0 BUSTED=3|me==cb_cpu|callbacks go to the next CPU
JOBS=2 CHANGES=0 BUSTED=4|called==2|a pump sleeps without a last look
JOBS=2 CHANGES=0 BUSTED=5|j==called|a callback is called twice
JOBS=2 BUSTED=6|j==delivered|fences are ignored
JOBS=2 CHANGES=0 DEFER BUSTED=7|!(in_callback)|a job lets go of its shell before its callback
JOBS=2 ALONE CHANGES=0 BUSTED=12|alone==called|a job is done alone while callbacks run
JOBS=2 BUSTED=13|j==delivered|a fence is lifted before softirqs have run
JOBS=2 INLINE OFFLINE BUSTED=14|j==delivered|a serial queue is taken over before the CPU has settled
JOBS=2 INLINE ALONE CHANGES=0 BUSTED=15|j==delivered|the first job after one done alone has no fence
JOBS=2 WORK BUSTED=16|j==delivered|a pump does not queue itself behind work items
JOBS=3 INLINE ALONE CHANGES=0 BUSTED=17|j==delivered|the idle mark is used without a look at nr_cut
JOBS=2 BUSTED=40|called==2|a drainer that parks the baton does not look at pending again
JOBS=2 CHANGES=0 BUSTED=41|called==2|the baton goes to a job by a read and a write
JOBS=2 BUSTED=42|!(leaving[|the baton is unparked without a look under the lock
JOBS=2 CHANGES=0 DEFER BUSTED=43|grace|a reference goes with the hand-over
JOBS=2 OFFLINE BUSTED=44|pulling|a pump loses its right and no other is woken
JOBS=2 CHANGES=0 BUSTED=45|pulling|a pump ends pulling after its look at the shared queue
JOBS=2 CHANGES=0 BUSTED=46|called==2|a pump disowns a serial queue after its look at it
JOBS=2 OFFLINE BUSTED=47|j==called|jobs go to another serial queue one by one
JOBS=2 CHANGES=0 DEFER BUSTED=48|grace|a drain is deferred with no job listed
JOBS=2 OFFLINE NP BUSTED=49|non-progress cycle|a pump that may not pull goes round
JOBS=2 CHANGES=0 BATCH BUSTED=50|called==2|a drain that was put off is forgotten
JOBS=2 CHANGES=0 BATCH BUSTED=51|drainers|a drain that was put off is done twice
JOBS=2 ALONE CHANGES=0 BUSTED=52|settle_idle|a job that is done alone gets the baton, too
JOBS=2 BUSTED=53|j==delivered|a change of the mapping sets no fence
JOBS=2 INLINE ALONE CHANGES=0 BUSTED=54|j==delivered|a job is done alone while results are on their way from another CPU
JOBS=2 BUSTED=55|drainers|the baton stays parked while a CPU settles
JOBS=2 BUSTED=56|called==2|a pump sleeps while its CPU settles
JOBS=2 INLINE ALONE BUSTED=57|j==delivered|of many CPUs only the first settles
JOBS=2 INLINE OFFLINE THIRD BUSTED=58|j==delivered|a fence does not look where its serial queue ran
JOBS=2 INLINE ALONE OFFLINE CHANGES=2 BUSTED=59|j==delivered|padata_do_alone() does not look where the serial queue ran
JOBS=2 INLINE ALONE OFFLINE BUSTED=60|j==delivered|a job is done alone on a CPU that is on its way out
JOBS=2 INLINE ALONE OFFLINE BUSTED=61|j==delivered|of many CPUs one that is on its way out does not settle
JOBS=2 INLINE ALONE OFFLINE BUSTED=62|j==delivered|after a job done alone the next one has no fence on the same CPU
JOBS=2 INLINE ALONE DEFER BUSTED=63|grace|a pump keeps an idle shell without a reference
'

# The same of direct.pml.
direct_checks='
SUBMITTERS=1 CALLS=5 HERE CB_ANY||5 calls of a submitter, direct or not, also for one CPU alone, any callback CPU
SUBMITTERS=2 CALLS=2 HERE CB_ANY||4 calls of 2 submitters, the same
SUBMITTERS=2 CALLS=2 HERE ASYNC||4 calls of 2 submitters, the same with one callback CPU, children that are late
SUBMITTERS=2 CALLS=2 MOVE ASYNC||4 calls of 2 submitters that are moved in the middle of direct work, late children
SUBMITTERS=2 CALLS=2 THIRD||4 calls of 2 submitters, three CPUs
SUBMITTERS=3 CALLS=1 HERE CB_ANY||3 calls of 3 submitters, any callback CPU
SUBMITTERS=1 CALLS=5 PAUSE MOVE STAY||5 calls of a submitter that is moved before the result is on its way, and stays
SUBMITTERS=2 CALLS=2 WANT||4 calls of 2 submitters, each gets direct mode in the end
SUBMITTERS=2 CALLS=2 NP||4 calls of 2 submitters: no process goes round for ever
SUBMITTERS=2 CALLS=2 WANT NP||4 calls of 2 submitters, each gets direct mode: the same
SUBMITTERS=2 CALLS=1 HERE MOVE|delivered)|the submitter is moved in the middle of direct work for one CPU alone
SUBMITTERS=1 CALLS=3 PAUSE MOVE|delivered)|the submitter is moved before the result is on its way, and back
SUBMITTERS=2 CALLS=2 PAUSE|delivered)|the pump of the submitter runs before the result is on its way
SUBMITTERS=1 CALLS=3 BUSTED=12|called)|direct mode begins while callbacks run
SUBMITTERS=1 CALLS=3 BUSTED=15|delivered)|the first job after direct mode has no fence
SUBMITTERS=2 CALLS=2 BUSTED=17|delivered)|the idle mark is used without a look at nr_cut
SUBMITTERS=1 CALLS=3 BUSTED=27|delivered)|direct mode ends without a fence
SUBMITTERS=1 CALLS=3 BUSTED=28|called)|direct mode begins while jobs are in flight
SUBMITTERS=2 CALLS=2 ASYNC BUSTED=29|delivered)|a request that the child completes later is in no order
SUBMITTERS=1 CALLS=3 BUSTED=57|delivered)|of many CPUs only the first settles
SUBMITTERS=1 CALLS=3 BUSTED=70|delivered)|direct work on a further CPU is not noted
SUBMITTERS=1 CALLS=3 BUSTED=71|delivered)|direct work on a further CPU does not make it one to settle
SUBMITTERS=2 CALLS=2 CB_ANY BUSTED=72|delivered)|late_result is ignored
SUBMITTERS=2 CALLS=2 MOVE BUSTED=73|delivered)|padata_direct_done() does not look
SUBMITTERS=1 CALLS=4 BUSTED=74|called)|the mapping is kept in direct mode, so a job does not end it
SUBMITTERS=1 CALLS=3 BUSTED=75|delivered==|a completion does not see the baton, and its job stays
SUBMITTERS=1 CALLS=3 BUSTED=76|delivered==|a CPU that has settled for an idle shell does not drain
SUBMITTERS=2 CALLS=2 HERE BUSTED=77|delivered)|direct mode for one CPU alone is joined by others
SUBMITTERS=1 CALLS=3 BUSTED=78|delivered)|direct mode begins before the CPU has settled
SUBMITTERS=1 CALLS=3 HERE BUSTED=79|delivered)|direct mode for one CPU alone begins on another one
SUBMITTERS=2 CALLS=2 BUSTED=80|delivered)|a late result does not change nr_cut
SUBMITTERS=1 CALLS=3 PAUSE MOVE STAY BUSTED=81|delivered)|the CPU of the submitter that ends direct mode does not settle
SUBMITTERS=1 CALLS=3 WANT BUSTED=82|==((1<<|no refused call has a CPU settle
SUBMITTERS=2 CALLS=1 ASYNC BUSTED=83|delivered==|a completion before the late request is listed is lost
SUBMITTERS=2 CALLS=2 CB_ANY BUSTED=84|delivered)|after a late result the CPUs are not asked again
'

# all_checks: the name of the model before each.
all_checks() {
	[ "$only" = direct ] || sed -n 's/^./padata|&/p' <<<"$padata_checks"
	[ "$only" = padata ] || sed -n 's/^./direct|&/p' <<<"$direct_checks"
}

# verify DIRECTORY MODEL DEFINE...: build a verifier there and run it.  The search is
# exhaustive: no bitstate, no hash compaction (COLLAPSE compresses without loss), no
# partial order reduction (which would win nothing).  Spin's -o2 and -o3 turn off its
# resetting of dead variables, which undoes that of the model, and its merging of
# steps; both add states here.
verify() {
	local model=$2 define options=(-o2 -o3) flags=(-DSAFETY) search=() optimise=-O2
	mkdir "$1"
	cd "$1"
	shift 2
	for define; do
		case $define in
		NP)	flags=(-DNP -DNOFAIR) search=(-l) ;;
		# Found at once, so most of the time goes to the compiler.
		BUSTED*) optimise=-O0 options+=("-D$define") ;;
		*)	options+=("-D$define") ;;
		esac
	done
	cp "$TOP/scripts/model/$model.pml" .
	spin "${options[@]}" -a "$model.pml"
	gcc $optimise -w -DNOREDUCE -DCOLLAPSE "${flags[@]}" -o pan pan.c
	./pan -n -m10000 "${search[@]}"
	[ ! -e "$model.pml.trail" ] || spin "${options[@]}" -t -p "$model.pml"
}

# holds OUTPUT: the search went to its end and found nothing.
holds() {
	grep -q 'errors: 0$' "$1" && ! grep -q 'not completed' "$1"
}

# finds OUTPUT VIOLATION
finds() {
	grep '^pan:1: ' "$1" | grep -qF -- "$2"
}

# report OUTPUT DEFINES VIOLATION WHAT
report() {
	local status=0 states error='a limit'
	if [ -n "$3" ]; then
		finds "$1" "$3" || status=1
		[[ $2 != *BUSTED=* ]] || error="planted ${2##*BUSTED=}"
		count $status "$error, $4: to be found"
	else
		holds "$1" || status=1
		states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$1")
		count $status "$4 (${states:-no} states)"
	fi
	[ $status = 0 ] || echo "       $1"
}

alone model
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0
while IFS='|' read -r model defines _; do
	while [ "$(jobs -pr | wc -l)" -ge $parallel ]; do
		wait -n || true
	done
	n=$((n + 1))
	# shellcheck disable=SC2086 # words
	in_background verify "$work/$n" "$model" $defines >"$LOGS/model-$n.log" 2>&1
done < <(all_checks)
wait
n=0
while IFS='|' read -r _ defines violation what; do
	n=$((n + 1))
	report "$LOGS/model-$n.log" "$defines" "$violation" "$what"
done < <(all_checks)
total
