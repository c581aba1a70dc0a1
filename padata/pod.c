// SPDX-License-Identifier: GPL-2.0-only
/*
 * padata: pods, the shared queues of an instance
 *
 * A lock and a queue that all CPUs write limit an instance, once it has more CPUs than
 * one last-level cache, or many that share one.  So each such cache, or part of a large one,
 * has a **pod**: a lock, a queue, estimates, and the CPUs that pull from it.  A submitter
 * uses the pod of its CPU and a pump that of its own, which never changes.  A pump whose pod
 * has nothing to do may steal a run of jobs from another pod, the nearest first, and a pod
 * whose pumps are all at work may call one of another pod, see queue.c and wake.c.
 *
 * The order of a stream knows nothing of pods.  The queued jobs of a shell are in one pod,
 * padata_shell::pod, whose lock protects them.  An empty shell goes to the pod of the next
 * submitter.  Where a pod has no CPU that may pull any more, map_change() tells submitters
 * to use the nearest one that has (padata_pump::submit_to), and then moves the jobs that
 * are queued there.  A submitter, and a pump that puts jobs back, read ::submit_to under the
 * lock of the pod that they are about to fill: if they have read the old value, map_change()
 * takes that lock later, and finds their job.
 *
 * With a single pod all this costs a comparison or two per job.
 *
 * Letters: I of struct pod; padata_shell::pod where it has no jobs.
 */

/* Return the node of a CPU that may not have come up yet. */
static int pod_node_of(int cpu)
{
	int node = cpu_to_node(cpu);

	return node < 0 ? first_online_node : node;
}

static bool cpus_share_pod_cache(int a, int b)
{
	return pod_node_of(a) == pod_node_of(b) && compat_cache_of(a) == compat_cache_of(b);
}

/* Return true if the last-level cache of a CPU is known and has enough CPUs for a pod. */
static bool cache_is_pod(int cpu)
{
	int other, n = 0;

	if (compat_cache_of(cpu) < 0)
		return false;
	for_each_possible_cpu(other)
		if (cpus_share_pod_cache(cpu, other) && ++n >= POD_MIN_CPUS)
			return true;
	return false;
}

/* Return how many possible CPUs of its node come before this one. */
static int rank_in_node(int cpu)
{
	int other, n = 0;

	for_each_possible_cpu(other) {
		if (other == cpu)
			break;
		n += pod_node_of(other) == pod_node_of(cpu);
	}
	return n;
}

/*
 * Return a number that the CPUs of one pod have in common within their node.  Where @size is
 * 0 it is that of their cache, or -1 for all whose cache is small, or not known.
 */
static int pod_group_of(int cpu, unsigned int size)
{
	if (size)
		return rank_in_node(cpu) / size;
	return cache_is_pod(cpu) ? compat_cache_of(cpu) : -1;
}

static struct pod *pod_find(struct instance *pinst, int node, int group)
{
	unsigned int i;

	for (i = 0; i < pinst->nr_pods; i++)
		if (pinst->pods[i]->node == node && pinst->pods[i]->group == group)
			return pinst->pods[i];
	return NULL;
}

static void pod_free(struct pod *pod)
{
	kfree(pod->others);
	free_cpumask_var(pod->usable);
	free_cpumask_var(pod->cpus);
	kfree(pod);
}

static void pod_init(struct pod *pod, struct instance *pinst)
{
	spin_lock_init(&pod->lock);
	job_list_init(&pod->turns);
	pod->pinst = pinst;
}

/* Add a pod without CPUs.  Return NULL when memory is short. */
static struct pod *pod_add(struct instance *pinst, int node, int group)
{
	struct pod *pod = kzalloc_node(sizeof(*pod), GFP_KERNEL, node);

	if (!pod)
		return NULL;
	pod_init(pod, pinst);
	pod->node = node;
	pod->group = group;
	if (!zalloc_cpumask_var_node(&pod->cpus, GFP_KERNEL, node) ||
	    !zalloc_cpumask_var_node(&pod->usable, GFP_KERNEL, node)) {
		pod_free(pod);
		return NULL;
	}
	pinst->pods[pinst->nr_pods++] = pod;
	return pod;
}

static void pod_take_cpu(struct pod *pod, int cpu)
{
	struct padata_pump *pump = per_cpu_ptr(pod->pinst->pumps, cpu);

	cpumask_set_cpu(cpu, pod->cpus);
	pump->pod = pod;
	pump->submit_to = pod;
}

/*
 * Parts of a large cache
 *
 * Workqueues found the same limit, and cut such caches since commit 4cdc8a7389d5 ("workqueue:
 * set WQ_AFFN_CACHE_SHARD as the default affinity scope"), into eight cores at most.
 */

/* Return the first CPU of the pod that is of the same core. */
static int core_of(struct pod *pod, int cpu)
{
	/* Empty where the CPU is offline, and without those that are. */
	int first = cpumask_first_and(topology_sibling_cpumask(cpu), pod->cpus);

	return first < cpu ? first : cpu;
}

/* Return how many cores of the pod begin before @cpu, of those that the machine has. */
static int nr_cores_before(struct pod *pod, int cpu)
{
	int other, n = 0;

	for_each_cpu_and(other, pod->cpus, cpu_present_mask) {
		if (other >= cpu)
			break;
		n += core_of(pod, other) == other;
	}
	return n;
}

/* Return into how many parts a pod of so many cores is cut: all of a core are in one. */
static unsigned int pod_parts(unsigned int cpus, unsigned int cores)
{
	unsigned int threads;

	if (cpus <= POD_MAX_CPUS)
		return 1;
	threads = DIV_ROUND_UP(cpus, cores);
	return DIV_ROUND_UP(cores, max(POD_MAX_CPUS / threads, 1U));
}

/*
 * Cut a pod with more than POD_MAX_CPUS into parts that differ by a core at most.  Those that
 * the machine may get come to the others.  Return false when memory is short.
 */
static bool pod_split(struct instance *pinst, struct pod *pod)
{
	unsigned int cores = nr_cores_before(pod, nr_cpu_ids);
	unsigned int parts = pod_parts(cpumask_weight_and(pod->cpus, cpu_present_mask), cores);
	unsigned int i, part, first = pinst->nr_pods;
	int cpu;

	if (parts == 1)
		return true;
	for (i = 1; i < parts; i++)
		if (!pod_add(pinst, pod->node, pod->group))
			return false;
	for_each_cpu(cpu, pod->cpus) {
		part = nr_cores_before(pod, core_of(pod, cpu)) * parts / cores;
		/* CPUs may go meanwhile, which makes two cores of one. */
		part = min(part, parts - 1);
		if (part)
			pod_take_cpu(pinst->pods[first + part - 1], cpu);
	}
	for (i = first; i < pinst->nr_pods; i++)
		cpumask_andnot(pod->cpus, pod->cpus, pinst->pods[i]->cpus);
	return true;
}

static bool pods_share_cache(struct pod *a, struct pod *b)
{
	return a->node == b->node && a->group == b->group;
}

/* Return true if @a is nearer to the pod than @b: by the node, or by the cache. */
static bool pod_is_nearer(struct pod *pod, struct pod *a, struct pod *b)
{
	int to_a = node_distance(pod->node, a->node);
	int to_b = node_distance(pod->node, b->node);

	if (to_a != to_b)
		return to_a < to_b;
	return pods_share_cache(pod, a) && !pods_share_cache(pod, b);
}

/*
 * List the other pods, the nearest first.  Those that are equally near begin with the one
 * after this, so that pods do not all turn to the same one.
 */
static bool pod_list_others(struct instance *pinst, unsigned int own)
{
	struct pod *other, *pod = pinst->pods[own];
	unsigned int i, at;

	if (pinst->nr_pods == 1)
		return true;
	pod->others = kcalloc_node(pinst->nr_pods - 1, sizeof(*pod->others), GFP_KERNEL,
				   pod->node);
	if (!pod->others)
		return false;
	for (i = 0; i < pinst->nr_pods - 1; i++) {
		other = pinst->pods[(own + 1 + i) % pinst->nr_pods];
		for (at = i; at && pod_is_nearer(pod, other, pod->others[at - 1]); at--)
			pod->others[at] = pod->others[at - 1];
		pod->others[at] = other;
	}
	return true;
}

static void pods_free(struct instance *pinst)
{
	while (pinst->nr_pods)
		pod_free(pinst->pods[--pinst->nr_pods]);
	kfree(pinst->pods);
}

/* Put each possible CPU into the pod of its cache, or of @size CPUs. */
static bool pods_add(struct instance *pinst, unsigned int size)
{
	int cpu, node, group;
	struct pod *pod;

	for_each_possible_cpu(cpu) {
		node = pod_node_of(cpu);
		group = pod_group_of(cpu, size);
		pod = pod_find(pinst, node, group) ?: pod_add(pinst, node, group);
		if (!pod)
			return false;
		pod_take_cpu(pod, cpu);
	}
	return true;
}

static bool pods_split(struct instance *pinst)
{
	unsigned int i, nr = pinst->nr_pods;

	for (i = 0; i < nr; i++)
		if (!pod_split(pinst, pinst->pods[i]))
			return false;
	return true;
}

/* Give each possible CPU its pod.  Return false when memory is short; pods_free() follows. */
static bool pods_alloc(struct instance *pinst)
{
	unsigned int i, size = READ_ONCE(pod_cpus);

	pinst->pods = kcalloc(num_possible_cpus(), sizeof(*pinst->pods), GFP_KERNEL);
	if (!pinst->pods)
		return false;
	/* A size that was asked for is kept. */
	if (!pods_add(pinst, size) || !(size || pods_split(pinst)))
		return false;
	for (i = 0; i < pinst->nr_pods; i++) {
		pinst->pods[i]->share_shift = order_base_2(pinst->nr_pods);
		if (!pod_list_others(pinst, i))
			return false;
	}
	return true;
}

/* Return the pod for submitters on this CPU. */
static __always_inline struct pod *home_pod(struct instance *pinst)
{
	return this_cpu_read(pinst->pumps->submit_to);
}

/*
 * Return true if the shell's jobs belong into the queue of @pod, which is locked.  Where it
 * has none queued that is the pod of this CPU; or, if it had better @stay, the one where
 * it is, as long as that has CPUs that may pull.
 */
static __always_inline bool pod_takes(struct pod *pod, struct padata_shell *ps, bool stay)
{
	/* moved:A */
	if (smp_load_acquire(&ps->pod) != pod)
		return false;
	return ps->nr_queued || (stay && pod->nr_usable) || pod == home_pod(pod->pinst);
}

/*
 * The shell has gone to another pod, or has to.  Submitters on several CPUs may each want
 * it, so it is moved once and then stays where it is.
 */
static noinline struct pod *shell_change_pod(struct padata_shell *ps, struct pod *pod)
	__releases(&pod->lock) __acquires(&ps->pod->lock)
{
	do {
		if (READ_ONCE(ps->pod) == pod)
			WRITE_ONCE(ps->pod, home_pod(pod->pinst));
		spin_unlock(&pod->lock);
		pod = READ_ONCE(ps->pod);
		spin_lock(&pod->lock);
	} while (!pod_takes(pod, ps, true));
	return pod;
}

/**
 * shell_lock_pod() - lock the pod for jobs that are about to be queued
 * @ps: The shell; an empty one may move, see pod_takes().
 * @stay: It had better not.
 *
 * Context: Softirqs disabled, RCU read section.
 * Return: The pod, which is ps->pod, locked.
 */
static __always_inline struct pod *shell_lock_pod(struct padata_shell *ps, bool stay)
	__acquires(&ps->pod->lock)
{
	struct pod *pod = READ_ONCE(ps->pod);

	spin_lock(&pod->lock);
	return likely(pod_takes(pod, ps, stay)) ? pod : shell_change_pod(ps, pod);
}
