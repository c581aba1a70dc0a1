// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: promoting listed algorithms, demoting others, coming back
 */

/*
 * Return true for an instance that is promoted and not wanted any more; or wanted, and
 * made when it could not be promoted.  With pcrypt_lock held.
 */
static bool pcrypt_is_unwanted(const struct pcrypt_inst *pi)
{
	if (!pcrypt_is_live(pi))
		return false;
	if (pi->promoted)
		return !pcrypt_is_wanted(pi);
	return pcrypt_is_wanted(pi) && pcrypt_is_free_to_promote(pi);
}

/*
 * Gets a reference to an instance that is not as root wants it.  One in the
 * making may yet fail, and is freed then without regard to references: -EBUSY.
 * pcrypt_end() takes one that failed out of the list; one that was registered is
 * freed after its last reference, and leaves the list before.
 */
static int pcrypt_try_get_unwanted(struct pcrypt_inst **unwanted)
{
	struct pcrypt_inst *pi;
	int err = -ENOENT;

	spin_lock(&pcrypt_lock);
	list_for_each_entry(pi, &pcrypt_insts, list) {
		if (!pcrypt_is_unwanted(pi))
			continue;
		if (pcrypt_is_in_making(pi->alg->cra_driver_name)) {
			err = -EBUSY;
		} else if (refcount_inc_not_zero(&pi->alg->cra_refcnt)) {
			/* For crypto_mod_put(); the caller has one, too. */
			__module_get(THIS_MODULE);
			*unwanted = pi;
			err = 0;
			break;
		}
	}
	spin_unlock(&pcrypt_lock);
	return err;
}

static struct pcrypt_inst *pcrypt_get_unwanted(void)
{
	struct pcrypt_inst *pi;
	int err;

	wait_event_timeout(pcrypt_made,
			   (err = pcrypt_try_get_unwanted(&pi)) != -EBUSY,
			   PCRYPT_MAKING_TIMEOUT_SECONDS * HZ);
	return err ? NULL : pi;
}

/* Transforms of it stay; no new one can be made. */
static void pcrypt_unregister_unwanted(void)
{
	struct pcrypt_inst *pi;

	while ((pi = pcrypt_get_unwanted())) {
		if (pi->promoted)
			pr_info("%s: not promoted any more\n",
				pi->alg->cra_driver_name);
		crypto_unregister_instance(pcrypt_base(pi));
		crypto_mod_put(pi->alg);
	}
}

/* Return true if it is there, and passed its self-test: else it is not used. */
static bool pcrypt_is_promoted(const struct pcrypt_listed *listed)
{
	const char *driver_name = listed->driver_name;
	struct pcrypt_inst *pi;
	bool found = false;

	spin_lock(&pcrypt_lock);
	list_for_each_entry(pi, &pcrypt_insts, list)
		if (pi->promoted && pcrypt_is_live(pi) && pcrypt_is_tested(pi) &&
		    !strcmp(pi->alg->cra_driver_name, driver_name))
			found = !pcrypt_is_in_making(driver_name);
	spin_unlock(&pcrypt_lock);
	return found;
}

static int pcrypt_check_promoted(struct pcrypt_listed *listed,
				 const struct crypto_tfm *tfm)
{
	struct pcrypt_inst *pi;

	if (tfm->__crt_alg->cra_module != THIS_MODULE)
		return -EEXIST;
	pi = pcrypt_inst_of(tfm->__crt_alg);
	if (!pi->promoted)
		return -EEXIST;
	if (__ratelimit(&listed->lines))
		pr_info("%s: promoted, wraps %s (priority %d)\n", listed->name,
			pi->child, pi->alg->cra_priority);
	return 0;
}

/*
 * Called whenever an algorithm is registered, which any program can cause.  An error that
 * lasts is logged once, and what changes all the time a few times per minute.
 */
static bool pcrypt_promote(struct pcrypt_listed *listed)
{
	void *handle;
	int err;

	if (pcrypt_is_promoted(listed))
		return true;
	handle = listed->kind->open(listed->driver_name);
	err = PTR_ERR_OR_ZERO(handle);
	if (!err)
		err = pcrypt_check_promoted(listed, pcrypt_tfm_in(listed->kind, handle));
	pcrypt_close(listed->kind, handle);
	if (err && err != listed->err && __ratelimit(&listed->lines))
		pr_err("%s: could not be made and promoted (error %d)\n",
		       listed->name, err);
	listed->err = err;
	return !err;
}

static void pcrypt_look_later(void)
{
	spin_lock(&pcrypt_lock);
	if (pcrypt_up && !list_empty(&pcrypt_algs))
		queue_delayed_work(system_long_wq, &pcrypt_look, PCRYPT_LOOK_SECONDS * HZ);
	spin_unlock(&pcrypt_lock);
}

/*
 * With pcrypt_algs_mutex, and a reference to this module.  Returns whether all
 * that is listed is promoted.
 */
static bool pcrypt_settle(void)
{
	struct pcrypt_listed *listed;
	bool all = true;

	lockdep_assert_held(&pcrypt_algs_mutex);
	pcrypt_unregister_unwanted();
	list_for_each_entry(listed, &pcrypt_algs, list)
		if (!pcrypt_promote(listed))
			all = false;
	pcrypt_look_later();
	return all;
}

static void pcrypt_swap_algs(struct list_head *algs)
{
	LIST_HEAD(old);

	spin_lock(&pcrypt_lock);
	list_splice_init(&pcrypt_algs, &old);
	list_splice_init(algs, &pcrypt_algs);
	spin_unlock(&pcrypt_lock);
	list_splice(&old, algs);
}

/* Before the module is up, and on its way out, nothing can be made. */
static int pcrypt_change_algs(struct list_head *algs)
{
	int err;

	if (!READ_ONCE(pcrypt_up)) {
		pcrypt_swap_algs(algs);
		return 0;
	}
	/* Not for our code, to which sysfs holds on, but for what it makes. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	err = pcrypt_check_algs(algs);
	if (!err) {
		pcrypt_swap_algs(algs);
		/* Told apart from all that changes nothing. */
		err = pcrypt_settle() ? 0 : -EAGAIN;
	}
	module_put(THIS_MODULE);
	return err;
}

static int pcrypt_set_algs(const char *val, const struct kernel_param *kp)
{
	char *text = kstrdup(val, GFP_KERNEL);
	LIST_HEAD(algs);
	int err;

	if (!text)
		return -ENOMEM;
	err = pcrypt_parse_algs(&algs, strim(text));
	if (!err) {
		mutex_lock(&pcrypt_algs_mutex);
		err = pcrypt_change_algs(&algs);
		mutex_unlock(&pcrypt_algs_mutex);
	}
	pcrypt_free_list(&algs);
	kfree(text);
	return err;
}

static int pcrypt_get_algs(char *buffer, const struct kernel_param *kp)
{
	struct pcrypt_listed *listed;
	int len = 0;

	spin_lock(&pcrypt_lock);
	list_for_each_entry(listed, &pcrypt_algs, list)
		len += scnprintf(buffer + len, PAGE_SIZE - len, "%s%s",
				 len ? "," : "", listed->name);
	spin_unlock(&pcrypt_lock);
	return len + scnprintf(buffer + len, PAGE_SIZE - len, "\n");
}

/* The last of the module, also of one that could not be loaded. */
static void pcrypt_drop_algs(void *unused)
{
	pcrypt_free_list(&pcrypt_algs);
}

static const struct kernel_param_ops pcrypt_algs_ops = {
	.set = pcrypt_set_algs,
	.get = pcrypt_get_algs,
	.free = pcrypt_drop_algs,
};

module_param_cb(algs, &pcrypt_algs_ops, NULL, 0644);
MODULE_PARM_DESC(algs,
		 "AEADs and skciphers to wrap, and to prefer to what they wrap: NAME[,NAME...]");

/*
 * Coming back: the crypto API tears a promoted instance down when it registers
 * an algorithm that its child may have to give way to, or takes the child away.
 * Nothing tells of what a message UPDATEALG for the child tears down, and while it has
 * transforms it is not freed: that is looked for.
 */

/* Return true if a name that was promoted is not.  With pcrypt_algs_mutex. */
static bool pcrypt_has_lost(void)
{
	struct pcrypt_listed *listed;

	lockdep_assert_held(&pcrypt_algs_mutex);
	list_for_each_entry(listed, &pcrypt_algs, list)
		if (!listed->err && !pcrypt_is_promoted(listed))
			return true;
	return false;
}

/* To try in vain costs two calls of modprobe, so not without a reason. */
static void pcrypt_come_back(struct work_struct *work)
{
	bool changed;

	/* On its way out, the module waits for this work. */
	if (!try_module_get(THIS_MODULE))
		return;
	spin_lock(&pcrypt_lock);
	changed = pcrypt_changed;
	pcrypt_changed = false;
	spin_unlock(&pcrypt_lock);
	mutex_lock(&pcrypt_algs_mutex);
	if (changed || pcrypt_has_lost())
		pcrypt_settle();
	else
		pcrypt_look_later();
	mutex_unlock(&pcrypt_algs_mutex);
	module_put(THIS_MODULE);
}

/*
 * The how-tos of the kernel's own pcrypt have root make an algorithm, and give it a priority
 * after that, over the crypto netlink socket.  New transforms of the plain name then use
 * it, but nothing tears down the templates that are built on its child already, and IPsec
 * has one.
 */
static void pcrypt_tell_root(const char *name)
{
	int len = strlen(name) - strlen("pcrypt()");

	if (len <= 0 || current->flags & PF_KTHREAD)
		return;
	pr_info_ratelimited("%*pE is not listed and has priority 0; another one by crconf does not reach templates over %*pE that exist, as IPsec's; to have it preferred: pcryptctl add '%*pE'\n",
			    (int)strlen(name), name, len, name + strlen("pcrypt("),
			    len, name + strlen("pcrypt("));
}

/*
 * Called in the task that asks, for algorithms that are not registered.  A task that may
 * make algorithms over the crypto netlink socket may have any name.  For other tasks
 * nothing is made that root did not list, neither pcrypt(X) nor X for it, unless
 * unlisted=1; and no template over pcrypt, since pcrypt_check_asker() does not see one
 * over an instance that is there.
 */
static int pcrypt_check_request(const char *name)
{
	bool is_ours = strstarts(name, "pcrypt(");

	if (!strstr(name, "pcrypt(") || (is_ours && pcrypt_is_for_all(name)))
		return NOTIFY_DONE;
	if (ns_capable_noaudit(&init_user_ns, CAP_NET_ADMIN)) {
		if (is_ours)
			pcrypt_tell_root(name);
		return NOTIFY_DONE;
	}
	if (is_ours && READ_ONCE(allow_unlisted))
		return NOTIFY_DONE;
	pr_notice_ratelimited("\"%*pE\" refused to a program without CAP_NET_ADMIN: %s\n",
			      (int)strlen(name), name,
			      is_ours ? "root has not listed it in algs" :
					"there is a pcrypt inside another template");
	return NOTIFY_BAD;
}

/*
 * NOTIFY_DONE leaves what is asked for to the crypto manager, which comes behind;
 * NOTIFY_BAD is the end of it, with -ENOENT.
 */
static int pcrypt_notify(struct notifier_block *nb, unsigned long msg, void *data)
{
	const struct crypto_alg *alg = data;

	if (msg == CRYPTO_MSG_ALG_REQUEST)
		return pcrypt_check_request(alg->cra_name);
	/* With the crypto API's own lock held. */
	if (msg == CRYPTO_MSG_ALG_LOADED)
		pcrypt_look_again();
	return NOTIFY_DONE;
}

static struct notifier_block pcrypt_notifier = {
	.notifier_call = pcrypt_notify,
	.priority = 1,
};
