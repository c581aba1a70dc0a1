// SPDX-License-Identifier: GPL-2.0-only
/*
 * lines: a plugin of QEMU that counts how often 64-byte lines move between CPUs
 *
 * Of each line of kernel memory it keeps which CPUs have a copy and which one wrote
 * last, as caches do that are coherent, and without limit.  A move is counted
 *
 *   as a read    if a CPU without a copy reads, and another one has the line
 *   as a write   if a CPU writes, and another one has a copy: the line itself or
 *                the order to drop a copy has to travel
 *
 * An atomic instruction is one write, another that reads and writes counts as both.  A
 * line that no other CPU has comes from memory and is not counted.  A move is far if the
 * CPU that it comes from, or a CPU that loses a copy, is of another node.
 *
 * Each move is noted with its address, the instruction, and the spinlock that the CPU
 * took last and has not released.  Nothing is instrumented outside of windows, which the
 * guest begins and ends by `xchg %bx,%bx` in a module, see kunit/load/lines.h.
 *
 * With -icount QEMU runs one CPU at a time, for up to 0.1 s.  Lines would hardly move.
 * In a window a CPU therefore has to let the next one run after so many instructions.
 *
 * Arguments: out=FILE cpus=N nodes=N quantum=INSTRUCTIONS from=ADDRESS, the latter where
 * the guest is not Linux: lines and code below do not count.  FILE gets for each window
 *
 *   window INSTRUCTIONS TURNS ROUNDS QUANTUM
 *   move ADDRESS INSTRUCTION LOCK READS WRITES FAR
 */
#define _GNU_SOURCE		/* RTLD_DEFAULT */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu-api.h"

#define MAX_CPUS	64
#define MAX_HELD	16
#define LINE_SHIFT	6
/* Functions that the guest names: these many take a spinlock, as many release one. */
#define NR_TAKE		4
#define NR_NAMED	(2 * NR_TAKE)

enum duty { DUTY_NONE, DUTY_TAKE, DUTY_RELEASE };

/* Coherence of one line. */
struct line {
	uint64_t number;	/* Address / 64; 0: an empty slot */
	uint64_t sharers;	/* CPUs with a copy */
	unsigned int writer;	/* The one that wrote last */
};

/* Moves at one address, by one instruction, under one lock. */
struct move {
	uint64_t addr;		/* 0: an empty slot */
	uint64_t pc;
	uint64_t lock;
	uint64_t reads;
	uint64_t writes;
	uint64_t far;
};

/* An instruction that accesses memory. */
struct access {
	uint64_t pc;
	bool is_atomic;
};

/* A translated block. */
struct block {
	unsigned int nr;	/* Its instructions */
	enum duty duty;		/* It is the entry of such a function */
};

/* One CPU of the guest. */
struct cpu {
	uint64_t held[MAX_HELD];
	unsigned int nr_held;
	enum duty duty;		/* The function entered last has not stored yet */
	void *qemu;		/* QEMU's own */
};

static uint64_t plugin_id;
static const char *out_name;
static FILE *out;
/* Where the kernel's memory (with five levels of page tables) and its modules begin. */
static uint64_t memory = 0xff00000000000000ULL, modules = 0xffffffffc0000000ULL;
/* Local APICs and other devices are from here on. */
static const uint64_t devices = 0xffffffffff000000ULL;
static unsigned int nr_cpus = 1, nr_nodes = 1, quantum = 100;
static int newest_api;
/* Of QEMU up to 7.2; later ones have it in a header of their own. */
static void (*disable_mem_helpers)(void *cpu);
static uint64_t named[NR_NAMED];
static unsigned int nr_named;

static bool active;
static uint64_t instructions, turns, rounds;
static unsigned int running;
static int left;

static struct cpu cpus[MAX_CPUS];
static struct line *lines;
static uint64_t lines_mask, nr_lines;
static struct move *moves;
static uint64_t moves_mask, nr_moves;

static void *must_alloc(size_t nr, size_t size)
{
	void *p = calloc(nr, size);

	if (!p) {
		fprintf(stderr, "lines: no memory\n");
		abort();
	}
	return p;
}

static uint64_t mix(uint64_t x)
{
	x *= 0x9e3779b97f4a7c15ULL;
	return x ^ x >> 29;
}

/*
 * Tables: open addressing, at most half full
 */

static struct line *line_slot(uint64_t number)
{
	uint64_t at = mix(number) & lines_mask;

	while (lines[at].number && lines[at].number != number)
		at = (at + 1) & lines_mask;
	return &lines[at];
}

static void lines_grow(void)
{
	struct line *old = lines;
	uint64_t at, size = lines_mask + 1;

	lines = must_alloc(2 * size, sizeof(*lines));
	lines_mask = 2 * size - 1;
	for (at = 0; at < size; at++)
		if (old[at].number)
			*line_slot(old[at].number) = old[at];
	free(old);
}

static struct line *line_get(uint64_t number)
{
	struct line *line = line_slot(number);

	if (line->number)
		return line;
	if (2 * ++nr_lines > lines_mask) {
		lines_grow();
		line = line_slot(number);
	}
	line->number = number;
	return line;
}

static struct move *move_slot(uint64_t addr, uint64_t pc, uint64_t lock)
{
	uint64_t at = mix(addr ^ mix(pc ^ mix(lock))) & moves_mask;

	while (moves[at].addr && (moves[at].addr != addr || moves[at].pc != pc ||
				  moves[at].lock != lock))
		at = (at + 1) & moves_mask;
	return &moves[at];
}

static void moves_grow(void)
{
	struct move *m, *old = moves;
	uint64_t at, size = moves_mask + 1;

	moves = must_alloc(2 * size, sizeof(*moves));
	moves_mask = 2 * size - 1;
	for (at = 0; at < size; at++) {
		m = &old[at];
		if (m->addr)
			*move_slot(m->addr, m->pc, m->lock) = *m;
	}
	free(old);
}

static struct move *move_get(uint64_t addr, uint64_t pc, uint64_t lock)
{
	struct move *m = move_slot(addr, pc, lock);

	if (m->addr)
		return m;
	if (2 * ++nr_moves > moves_mask) {
		moves_grow();
		m = move_slot(addr, pc, lock);
	}
	m->addr = addr;
	m->pc = pc;
	m->lock = lock;
	return m;
}

/*
 * Coherence
 */

static unsigned int node_of(unsigned int cpu)
{
	return cpu * nr_nodes / nr_cpus;
}

/* The CPUs of the same node. */
static uint64_t node_mask(unsigned int cpu)
{
	uint64_t mask = 0;
	unsigned int i;

	for (i = 0; i < nr_cpus; i++)
		if (node_of(i) == node_of(cpu))
			mask |= 1ULL << i;
	return mask;
}

/* A read is served by the last writer, if that has a copy, else by the nearest CPU. */
static bool read_is_far(const struct line *line, unsigned int cpu)
{
	uint64_t near = node_mask(cpu);

	if (line->sharers >> line->writer & 1)
		return !(near >> line->writer & 1);
	return !(line->sharers & near);
}

static void note_move(const struct line *line, uint64_t addr, uint64_t pc,
		      unsigned int cpu, bool write)
{
	struct cpu *c = &cpus[cpu];
	struct move *m;

	m = move_get(addr, pc, c->nr_held ? c->held[c->nr_held - 1] : 0);
	if (write) {
		m->writes++;
		m->far += !!(line->sharers & ~node_mask(cpu));
	} else {
		m->reads++;
		m->far += read_is_far(line, cpu);
	}
}

static void touch(unsigned int cpu, uint64_t addr, uint64_t pc, bool write)
{
	struct line *line = line_get(addr >> LINE_SHIFT);
	uint64_t self = 1ULL << cpu;

	if (write) {
		if (line->sharers & ~self)
			note_move(line, addr, pc, cpu, true);
		line->sharers = self;
		line->writer = cpu;
	} else if (!(line->sharers & self)) {
		if (line->sharers)
			note_move(line, addr, pc, cpu, false);
		line->sharers |= self;
	}
}

/*
 * Spinlocks: the first atomic instruction of a function that takes one accesses it, and
 * the first byte that a function stores that releases one
 */

static void lock_take(struct cpu *c, uint64_t addr)
{
	c->duty = DUTY_NONE;
	if (c->nr_held < MAX_HELD)
		c->held[c->nr_held++] = addr;
}

static void lock_release(struct cpu *c, uint64_t addr)
{
	unsigned int i = c->nr_held;

	c->duty = DUTY_NONE;
	while (i--)
		if (c->held[i] == addr) {
			c->nr_held--;
			memmove(&c->held[i], &c->held[i + 1],
				(c->nr_held - i) * sizeof(c->held[0]));
			return;
		}
}

/*
 * Callbacks in a window
 */

static void on_access(unsigned int cpu, uint32_t info, uint64_t addr, void *data)
{
	const struct access *a = data;
	bool store = qemu_plugin_mem_is_store(info);
	struct cpu *c = &cpus[cpu];

	if (!active || addr < memory || addr >= devices)
		return;
	if (c->duty == DUTY_TAKE && a->is_atomic)
		lock_take(c, addr);
	touch(cpu, addr, a->pc, store || a->is_atomic);
	if (c->duty == DUTY_RELEASE && store && !qemu_plugin_mem_size_shift(info))
		lock_release(c, addr);
}

/*
 * QEMU 7.2 forgets to drop a pointer to the callbacks of an instruction that leaves its
 * block, as iret does.  Accesses of the next helper would be that instruction's, and after
 * a reset the callbacks are gone.
 */
static void drop_callbacks(struct cpu *c)
{
	if (disable_mem_helpers)
		disable_mem_helpers(c->qemu);
}

static void on_block(unsigned int cpu, void *data)
{
	const struct block *b = data;

	if (!active)
		return;
	drop_callbacks(&cpus[cpu]);
	if (b->duty)
		cpus[cpu].duty = b->duty;
	instructions += b->nr;
	if (cpu != running) {
		rounds += cpu < running;
		running = cpu;
		left = quantum;
		turns++;
	}
	left -= b->nr;
	if (left <= 0) {
		left = quantum;
		cpu_exit(cpus[cpu].qemu);
	}
}

/*
 * Windows
 */

static void translate_all(uint64_t id, struct qemu_plugin_tb *tb);
static void translate_marks(uint64_t id, struct qemu_plugin_tb *tb);

static void window_begin(uint64_t id)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpus; cpu++) {
		cpus[cpu] = (struct cpu) { .qemu = qemu_get_cpu(cpu) };
		drop_callbacks(&cpus[cpu]);
	}
	memset(moves, 0, (moves_mask + 1) * sizeof(*moves));
	nr_moves = 0;
	instructions = 0;
	turns = 0;
	rounds = 0;
	running = MAX_CPUS;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate_all);
	active = true;
}

static void window_over(uint64_t id)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpus; cpu++)
		drop_callbacks(&cpus[cpu]);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate_marks);
}

static void window_print(void)
{
	const struct move *m;

	fprintf(out, "window %llu %llu %llu %u\n", (unsigned long long)instructions,
		(unsigned long long)turns, (unsigned long long)rounds, quantum);
	for (m = moves; m <= moves + moves_mask; m++)
		if (m->addr)
			fprintf(out, "move %llx %llx %llx %llu %llu %llu\n",
				(unsigned long long)m->addr, (unsigned long long)m->pc,
				(unsigned long long)m->lock,
				(unsigned long long)m->reads,
				(unsigned long long)m->writes,
				(unsigned long long)m->far);
	fflush(out);
}

/* All blocks are translated anew, when this CPU has left its block. */
static void on_mark(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	if (!active) {
		qemu_plugin_reset(plugin_id, window_begin);
		return;
	}
	active = false;
	window_print();
	qemu_plugin_reset(plugin_id, window_over);
}

/* The guest reads from a function that it names; again in each module. */
static void on_name(unsigned int cpu, uint32_t info, uint64_t addr, void *data)
{
	(void)cpu;
	(void)info;
	(void)data;
	named[nr_named++ % NR_NAMED] = addr;
}

/*
 * Translation
 */

static void insn_bytes(const struct qemu_plugin_insn *insn, uint8_t *bytes, size_t size)
{
	size_t len = qemu_plugin_insn_size(insn);
	size_t (*copy)(const struct qemu_plugin_insn *i, void *to, size_t n);

	memset(bytes, 0, size);
	if (len > size)
		len = size;
	if (newest_api < 3) {
		memcpy(bytes, qemu_plugin_insn_data(insn), len);
		return;
	}
	copy = (void *)qemu_plugin_insn_data;
	copy(insn, bytes, len);
}

/* With a prefix lock, or xchg with memory, which needs none. */
static bool insn_is_atomic(const uint8_t *bytes, size_t size)
{
	size_t i = 0;

	while (i < size - 1 && (bytes[i] == 0x66 || (bytes[i] & 0xf0) == 0x40))
		i++;
	return bytes[i] == 0xf0 || (bytes[i] & 0xfe) == 0x86;
}

static enum duty duty_of(uint64_t addr)
{
	unsigned int i;

	for (i = 0; i < NR_NAMED; i++)
		if (named[i] == addr)
			return i < NR_TAKE ? DUTY_TAKE : DUTY_RELEASE;
	return DUTY_NONE;
}

/*
 * `xchg %bx,%bx` is a mark; the instruction after `xchg %cx,%cx` names a function.  QEMU 7.2
 * does not call functions for reads alone.
 */
static void translate_marks(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *insn;
	bool names = false;
	uint8_t bytes[4];

	(void)id;
	if (qemu_plugin_tb_vaddr(tb) < modules)
		return;
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		if (names)
			qemu_plugin_register_vcpu_mem_cb(insn, on_name, QEMU_NO_REGS,
							 QEMU_BOTH, NULL);
		insn_bytes(insn, bytes, sizeof(bytes));
		names = !memcmp(bytes, "\x66\x87\xc9", 3);
		if (!memcmp(bytes, "\x66\x87\xdb", 3))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark,
							       QEMU_NO_REGS, NULL);
	}
}

static void translate_all(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	struct access *a = must_alloc(n, sizeof(*a));
	struct block *b = must_alloc(1, sizeof(*b));
	struct qemu_plugin_insn *insn;
	uint8_t bytes[4];

	b->nr = n;
	b->duty = duty_of(qemu_plugin_tb_vaddr(tb));
	qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_NO_REGS, b);
	translate_marks(id, tb);
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		insn_bytes(insn, bytes, sizeof(bytes));
		a[i].pc = qemu_plugin_insn_vaddr(insn);
		a[i].is_atomic = insn_is_atomic(bytes, sizeof(bytes));
		qemu_plugin_register_vcpu_mem_cb(insn, on_access, QEMU_NO_REGS,
						 QEMU_BOTH, &a[i]);
	}
}

/*
 * Load
 */

EXPORTED int qemu_plugin_version = API;

static bool parse(const char *arg)
{
	unsigned long long from;

	if (sscanf(arg, "from=%llx", &from) == 1) {
		memory = from;
		modules = from;
		return true;
	}
	return (!strncmp(arg, "out=", 4) && (out_name = arg + 4)) ||
	       sscanf(arg, "cpus=%u", &nr_cpus) == 1 ||
	       sscanf(arg, "nodes=%u", &nr_nodes) == 1 ||
	       sscanf(arg, "quantum=%u", &quantum) == 1;
}

EXPORTED int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc,
				 char **argv)
{
	int i;

	for (i = 0; i < argc; i++)
		if (!parse(argv[i])) {
			fprintf(stderr, "lines: what is %s?\n", argv[i]);
			return -1;
		}
	if (!nr_cpus || nr_cpus > MAX_CPUS || !nr_nodes || nr_nodes > nr_cpus) {
		fprintf(stderr, "lines: 1 to %d CPUs, as many nodes at most\n", MAX_CPUS);
		return -1;
	}
	out = out_name ? fopen(out_name, "w") : NULL;
	if (!out) {
		fprintf(stderr, "lines: cannot write out=%s\n", out_name ? out_name : "");
		return -1;
	}
	plugin_id = id;
	newest_api = info->newest;
	disable_mem_helpers = (void (*)(void *))dlsym(RTLD_DEFAULT,
						      "qemu_plugin_disable_mem_helpers");
	lines_mask = (1 << 16) - 1;
	moves_mask = lines_mask;
	lines = must_alloc(lines_mask + 1, sizeof(*lines));
	moves = must_alloc(moves_mask + 1, sizeof(*moves));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate_marks);
	return 0;
}
