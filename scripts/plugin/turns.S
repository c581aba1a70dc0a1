/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * turns: moves of lines between two CPUs whose number is known, without a kernel
 *
 * A boot sector for QEMU with two CPUs and the plugin lines.c (from=0).  The CPUs take
 * turns by the number at TURN, which both poll.  In its turn a CPU adds to the number at
 * ATOMIC by an atomic instruction, to the one at NUMBER by another one, and to a number in
 * a line of its own.  Known for TURNS turns: TURN is moved by TURNS reads and TURNS
 * writes, ATOMIC by TURNS - 1 writes, NUMBER by TURNS - 1 reads and as many writes, and
 * the other two not at all.
 *
 * The CPUs poll without a PAUSE, by which QEMU would let the other one run: the plugin has
 * to do that.
 */
	.set	TURNS,	1000
	.set	TURN,	0x6000
	.set	ATOMIC,	0x6040
	.set	NUMBER,	0x6080
	.set	READY,	0x60c0
	.set	GO,	0x6100
	.set	OWN,	0x6140		/* and 0x6180 of the second CPU */
	.set	SECOND,	0x8000		/* where the second CPU begins */
	.set	APIC_COMMAND, 0xfee00300

	.code16
	.globl	_start
_start:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	/* The limit of %fs, loaded in protected mode, stays 4 GB afterwards. */
	lgdt	gdt_pointer
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	mov	$8, %bx
	mov	%bx, %fs
	and	$0xfe, %al
	mov	%eax, %cr0
	mov	$second, %si
	mov	$SECOND, %di
	mov	$(second_end - second), %cx
	rep movsb
	/* To all others: INIT, after a while STARTUP. */
	movl	$APIC_COMMAND, %ebx
	movl	$0x000c4500, %fs:(%ebx)
	mov	$0xffff, %cx
1:	loop	1b
	movl	$(0x000c4600 + SECOND / 4096), %fs:(%ebx)
2:	cmpw	$1, READY
	jne	2b
	xchg	%ebx, %ebx
	movw	$1, GO
3:	mov	TURN, %ax
	cmp	$TURNS, %ax
	jae	4f
	test	$1, %al
	jnz	3b
	lock incw ATOMIC
	incw	NUMBER
	incw	OWN
	inc	%ax
	mov	%ax, TURN
	jmp	3b
4:	xchg	%ebx, %ebx
	/* QEMU's isa-debug-exit ends it with status 1. */
	xor	%al, %al
	out	%al, $0xf4
5:	hlt
	jmp	5b

second:
	xor	%ax, %ax
	mov	%ax, %ds
	movw	$1, READY
1:	cmpw	$1, GO
	jne	1b
2:	mov	TURN, %ax
	cmp	$TURNS, %ax
	jae	3f
	test	$1, %al
	jz	2b
	lock incw ATOMIC
	incw	NUMBER
	incw	OWN + 64
	inc	%ax
	mov	%ax, TURN
	jmp	2b
3:	hlt
	jmp	3b
second_end:

	.align	8
gdt:	.quad	0
	.quad	0x00cf92000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

	.org	510
	.word	0xaa55
