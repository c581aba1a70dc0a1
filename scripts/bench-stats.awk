# SPDX-License-Identifier: GPL-2.0-only
#
# Medians, for bench-native.sh and bench.sh.  Input: lines of key=value; the variable
# "table" is the test whose lines they are.  "ratios=all" prints ratios instead, one a line:
# TABLE KEY... RATIO.  They are of the best boots, since all that a host does makes things
# slower; of pcrypt, where both have had turns, they are medians.  "ratios=steady" leaves
# out those where the three best boots, of pcrypt all, differ by over 15%, and those of
# fewer boots.  "one_place=1": lines do not say idle= and costs=.

# note FIGURE KEY VALUE: one more boot.
function note(figure, key, value) {
	if (!(key in known)) {
		known[key] = 1
		keys[++nr_keys] = key
	}
	samples[figure, key, ++count[figure, key]] = value + 0
}

# sort_samples: of one figure, by insertion; there are few.
function sort_samples(figure, key,    i, j, value) {
	for (i = 2; i <= count[figure, key]; i++) {
		value = samples[figure, key, i]
		for (j = i - 1; j && samples[figure, key, j] > value; j--)
			samples[figure, key, j + 1] = samples[figure, key, j]
		samples[figure, key, j + 1] = value
	}
}

function median(figure, key,    n) {
	n = count[figure, key]
	if (!n)
		return "nan"
	sort_samples(figure, key)
	return (samples[figure, key, int((n + 1) / 2)] + samples[figure, key, int((n + 2) / 2)]) / 2
}

# best FIGURE KEY: the least time, or the greatest rate.
function best(figure, key) {
	sort_samples(figure, key)
	return samples[figure, key, figure ~ /ns$/ ? 1 : count[figure, key]]
}

# show FIGURE KEY: "median (least-greatest)".
function show(figure, key,    middle, format) {
	middle = median(figure, key)
	if (middle == "nan")
		return "-"
	format = figure ~ /ns$/ ? "%d" : "%.2f"
	return sprintf(format " (" format "-" format ")", middle, samples[figure, key, 1],
		       samples[figure, key, count[figure, key]])
}

# transfer: a power of two near the time, in ns, that a cache line takes between two CPUs;
# empty where the host has moved them meanwhile.
function transfer(    a, b, near) {
	a = v["transfer_before"] + 0
	b = v["transfer_after"] + 0
	if (!a || !b || a > 1.5 * b || b > 1.5 * a)
		return ""
	for (near = 1; near * sqrt(2) < (a + b) / 2;)
		near *= 2
	return near
}

# compare FIGURE KEY VALUE: of both implementations, ours first, and the ratio.
function compare(figure, key, value) {
	note((v["impl"] == "ours" ? "ours" : "kernel") figure, key, value)
	if (v["impl"] == "ours")
		ours[figure, key] = value
	else if (value + 0)
		note("ratio", key, ours[figure, key] / value)
}

BEGIN {
	columns["cost"] = "window"
	columns["load"] = "streams burst pause_us off_mask window"
	if (!one_place) {
		columns["cost"] = columns["cost"] " transfer"
		columns["load"] = columns["load"] " transfer"
	}
	columns["speedup"] = "job_ns"
	columns["latency"] = ""
	columns["light"] = "load job_ns streams"
	columns["pcrypt"] = "algorithm size direction window"
	columns["mixed"] = "algorithm streams burst direction window"
	figures["cost"] = figures["load"] = "ours/ns kernel/ns ratio"
	figures["speedup"] = "ours kernel ceiling ratio"
	figures["latency"] = figures["light"] = \
		"ours-p50/ns kernel-p50/ns ours-p99/ns kernel-p99/ns"
	figures["pcrypt"] = figures["mixed"] = "plain/ns ours kernel"
	nr_columns = split((one_place ? "" : "idle costs ") columns[table], column, " ")
	nr_figures = split(figures[table], figure, " ")
}

{
	for (i = 1; i <= NF; i++) {
		at = index($i, "=")
		v[substr($i, 1, at - 1)] = substr($i, at + 1)
	}
	gsub(";", ",", v["algorithm"]) # commas separate values in CSV
	v["transfer"] = transfer()
	key = v[column[1]]
	for (i = 2; i <= nr_columns; i++)
		key = key " " v[column[i]]
}

# A boot may have ours at one transfer time and the kernel's own at another.
(table == "cost" || table == "load") && one_place {
	compare("/ns", key, v["net"])
}

(table == "cost" || table == "load") && !one_place && v["transfer"] {
	note((v["impl"] == "ours" ? "ours" : "kernel") "/ns", key, v["net"])
}

table == "speedup" {
	compare("", key, v["serial_ns"] / v["padata_ns"])
	note("ceiling", key, v["serial_ns"] / v["two_threads_ns"])
}

table == "latency" {
	compare("-p50/ns", key, v["p50"])
	note(v["impl"] "-p99/ns", key, v["p99"])
}

table == "light" {
	note(v["impl"] "-p50/ns", key, v["p50"])
	compare("-p99/ns", key, v["p99"])
}

# The plain cipher in the same loop comes first, or had turns with the other.
table == "pcrypt" || table == "mixed" {
	rate = v["parallel_per_second"]
	if (v["impl"] == "plain") {
		plain[key] = rate
		note("plain/ns", key, 1e9 / rate)
	} else if (key in plain) {
		note(v["impl"], key, rate / plain[key])
	} else {
		note(v["impl"], key, v["speedup"])
		if (v["impl"] == "ours")
			note("plain/ns", key, 1e9 / v["plain_per_second"])
	}
}

# ratio_of_medians KEY: for tables whose boots are not compared one by one.
function ratio_of_medians(key) {
	if (count["ours/ns", key] && count["kernel/ns", key])
		note("ratio", key, median("ours/ns", key) / median("kernel/ns", key))
}

# is_steady FIGURE KEY ALL: of all boots, or of the three best.
function is_steady(figure, key, all,    n, first, last) {
	n = last = count[figure, key]
	if (ratios != "steady" || n < 3)
		return ratios != "steady" && n
	sort_samples(figure, key)
	first = all || figure ~ /ns$/ ? 1 : n - 2
	if (!all && figure ~ /ns$/)
		last = 3
	return samples[figure, key, last] <= 1.15 * samples[figure, key, first]
}

# print_ratio KEY: if there is one.
function print_ratio(key,    compared, other) {
	compared = table == "light" ? "ours-p99/ns" : figure[1]
	if (compared == "plain/ns") {
		if (is_steady("ours", key, 1))
			printf "%s %s %.3f\n", table, key, median("ours", key)
		return
	}
	other = compared
	sub(/^ours/, "kernel", other)
	if (is_steady(compared, key, 0) && is_steady(other, key, 0))
		printf "%s %s %.3f\n", table, key, best(compared, key) / best(other, key)
}

function heading(    i) {
	for (i = 1; i <= nr_columns; i++)
		printf "%-*s ", column[i] == "algorithm" ? 30 : 8, column[i]
	for (i = 1; i <= nr_figures; i++)
		printf " %22s", figure[i]
	print ""
}

function row(key,    i, part) {
	split(key, part, " ")
	for (i = 1; i <= nr_columns; i++)
		printf "%-*s ", column[i] == "algorithm" ? 30 : 8, part[i]
	for (i = 1; i <= nr_figures; i++)
		printf " %22s", show(figure[i], key)
	print ""
}

END {
	for (n = 1; n <= nr_keys && columns[table] ~ /transfer/; n++)
		ratio_of_medians(keys[n])
	if (!ratios)
		heading()
	for (n = 1; n <= nr_keys; n++)
		if (!ratios)
			row(keys[n])
		else
			print_ratio(keys[n])
}
