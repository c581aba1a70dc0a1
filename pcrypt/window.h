/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A window of requests in flight: for modules that make requests.
 *
 * One submitter takes slots and sends them, completions in any context give them back.
 */
#ifndef _PCRYPT_WINDOW_H
#define _PCRYPT_WINDOW_H

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/llist.h>
#include <linux/wait.h>

/**
 * struct window - slots that are free, and requests that are in flight
 * @free: Slots that were completed.
 * @batch: Slots that the submitter has taken from @free, the oldest first.
 * @wait: The submitter, when no slot is free.
 * @size: Slots.
 * @in_flight: Requests sent and not completed.
 * @completed: Completions.
 */
struct window {
	struct llist_head free;
	struct llist_node *batch;
	wait_queue_head_t wait;
	unsigned int size;
	atomic_t in_flight;
	atomic_t completed;
};

static inline void window_init(struct window *window, unsigned int size)
{
	init_llist_head(&window->free);
	init_waitqueue_head(&window->wait);
	window->batch = NULL;
	window->size = size;
	atomic_set(&window->in_flight, 0);
	atomic_set(&window->completed, 0);
}

/* A free slot, or NULL. */
static inline struct llist_node *window_take(struct window *window)
{
	struct llist_node *slot;

	if (!window->batch)
		window->batch = llist_reverse_order(llist_del_all(&window->free));
	slot = window->batch;
	if (slot)
		window->batch = slot->next;
	return slot;
}

/* A completion is the last one to access what the slot is in. */
static inline void window_give(struct window *window, struct llist_node *slot)
{
	unsigned int left;

	llist_add(slot, &window->free);
	/* window:A */
	left = atomic_dec_return(&window->in_flight);
	/* As a network driver does: refilled in bursts. */
	if (left == window->size / 2 || !left)
		wake_up(&window->wait);
}

/* Until no more than @left are in flight, for as long as there is progress. */
static inline bool window_wait(struct window *window, unsigned int left,
			       unsigned int timeout_s)
{
	int before;

	do {
		before = atomic_read(&window->completed);
		/* window:B */
		if (wait_event_timeout(window->wait,
				       atomic_read_acquire(&window->in_flight) <= left,
				       timeout_s * HZ))
			return true;
	} while (atomic_read(&window->completed) != before);
	return false;
}

#endif /* _PCRYPT_WINDOW_H */
