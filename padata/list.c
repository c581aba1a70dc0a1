// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: singly linked lists of jobs, and of shells
 */

#define link_order(link)	container_of(link, struct padata_priv, order)
#define link_queue(link)	container_of(link, struct padata_priv, queue)
#define link_turn(link)		container_of(link, struct padata_shell, turn)

static void job_list_init(struct job_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static bool job_list_empty(const struct job_list *list)
{
	return !list->first;
}

static void job_list_add(struct job_list *list, struct padata_link *link)
{
	link->next = NULL;
	*list->end = link;
	list->end = &link->next;
}

/* Take the first link off.  An empty list that is left has an end that is not valid. */
static struct padata_link *pop_link(struct padata_link **first)
{
	struct padata_link *link = *first;

	*first = link->next;
	return link;
}

/* Move all jobs up to @last to @front, which is empty. */
static void job_list_cut(struct job_list *list, struct padata_link *last,
			 struct job_list *front)
{
	front->first = list->first;
	front->end = &last->next;
	list->first = last->next;
	last->next = NULL;
	if (!list->first)
		list->end = &list->first;
}

/* Append all jobs of @from, which is empty afterwards. */
static void job_list_append(struct job_list *list, struct job_list *from)
{
	if (job_list_empty(from))
		return;
	*list->end = from->first;
	list->end = from->end;
	job_list_init(from);
}
