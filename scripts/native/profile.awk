# SPDX-License-Identifier: GPL-2.0-only
#
# ns per job by function.  First file: BEGIN END JOBS of each run, in ns; second: ADDRESS
# NAME, sorted; third: PROCESS THREAD NS ADDRESS NAME.  Addresses are padded to 16
# hexadecimal digits, so that they sort as words.

function padded(address) {
	return substr("0000000000000000" address, length(address) + 1)
}

# name_of ADDRESS OTHER: of the last symbol that begins at or before it, by bisection.
function name_of(address, other,    low, high, middle) {
	if (address < start[1] || address > last)
		return other
	low = 1
	high = nr
	while (low < high) {
		middle = int((low + high + 1) / 2)
		if (start[middle] <= address)
			low = middle
		else
			high = middle - 1
	}
	return name[low]
}

FNR == 1 {
	file++
}

file == 1 {
	begins[++runs] = $1 + 0
	ends[runs] = $2 + 0
	jobs += $3
	next
}

file == 2 {
	start[++nr] = padded($1)
	name[nr] = $2
	next
}

# The last function of a module ends within 16 megabytes.
FNR == 1 {
	last = substr(start[nr], 1, 10) "ffffff"
}

function is_in_run(ns,    i) {
	for (i = 1; i <= runs; i++)
		if (ns >= begins[i] && ns <= ends[i])
			return 1
	return 0
}

is_in_run($3 + 0) {
	f = name_of(padded($4), $5)
	hits[$1]++
	n[$1, $1 == $2, f]++
	sum[$1, $1 == $2]++
	names[f] = 1
}

# show FIRST TEXT: the kernel's process has two threads; the first is CPU 0.
function show(first, text,    f, ns) {
	printf "%s: %.1f ns per job\n", text, sum[process, first] * period / jobs
	fflush()
	for (f in names) {
		ns = n[process, first, f] * period / jobs
		if (ns >= least)
			printf "%9.1f  %s\n", ns, f | "sort -rn"
	}
	close("sort -rn")
}

# Other processes are the guest's programs.
END {
	for (p in hits)
		if (hits[p] > hits[process] + 0)
			process = p
	show(1, "CPU 0, the submitter")
	show(0, "CPU 1, the pump")
}
