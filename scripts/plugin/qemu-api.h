/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of the interface of QEMU's plugins that lines.c needs
 *
 * Debian packages no header of it.  QEMU says which versions it takes; -DAPI is the one
 * that this file is compiled for: 1 for QEMU up to 8, 2 for later ones.
 */
#ifndef _QEMU_API_H
#define _QEMU_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;

/* What QEMU says when it loads the plugin. */
struct qemu_info {
	const char *target;
	int oldest;
	int newest;
	bool is_system;
	int nr_cpus;
	int most_cpus;
};

enum { QEMU_NO_REGS };
enum { QEMU_BOTH = 3 };

typedef void (*qemu_id_fn)(uint64_t id);
typedef void (*qemu_block_fn)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*qemu_exec_fn)(unsigned int cpu, void *data);
typedef void (*qemu_mem_fn)(unsigned int cpu, uint32_t info, uint64_t addr, void *data);

void qemu_plugin_reset(uint64_t id, qemu_id_fn fn);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, qemu_block_fn fn);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, qemu_exec_fn fn,
					  int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, qemu_exec_fn fn,
					    int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, qemu_mem_fn fn,
				      int flags, int rw, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t n);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
bool qemu_plugin_mem_is_store(uint32_t info);
unsigned int qemu_plugin_mem_size_shift(uint32_t info);

/*
 * Two forms of one function: up to version 2 it returns the bytes, from 3 on it copies
 * them.  The running QEMU decides which one it has.
 */
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);

/* Of QEMU itself, which exports them for modules of its own. */
void *qemu_get_cpu(int index);
void cpu_exit(void *cpu);

#endif /* _QEMU_API_H */
