// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: making an instance of the template
 */

/* With pcrypt_lock held. */
static bool pcrypt_is_in_making(const char *driver_name)
{
	struct pcrypt_making *making;

	lockdep_assert_held(&pcrypt_lock);
	list_for_each_entry(making, &pcrypt_makings, list)
		if (!strcmp(making->driver_name, driver_name))
			return true;
	return false;
}

/*
 * Not every kernel refuses a second driver of the same name.  An instance that
 * the crypto API has torn down does not count, although old transforms may keep
 * it for long.
 */
static int pcrypt_try_begin(struct pcrypt_making *making)
{
	struct pcrypt_inst *pi;
	int err = 0;

	spin_lock(&pcrypt_lock);
	if (pcrypt_is_in_making(making->driver_name))
		err = -EBUSY;
	list_for_each_entry(pi, &pcrypt_insts, list)
		if (!err && pcrypt_is_live(pi) &&
		    !strcmp(pi->alg->cra_driver_name, making->driver_name))
			err = -EEXIST;
	if (!err)
		list_add(&making->list, &pcrypt_makings);
	spin_unlock(&pcrypt_lock);
	return err;
}

/*
 * A twin in the making may yet fail, so it is waited for: -EEXIST makes the
 * crypto API look for what then has to be there.
 */
static int pcrypt_begin(struct pcrypt_making *making)
{
	int err;

	wait_event_timeout(pcrypt_made,
			   (err = pcrypt_try_begin(making)) != -EBUSY,
			   PCRYPT_MAKING_TIMEOUT_SECONDS * HZ);
	return err;
}

/*
 * @failed is the instance if it could not be registered, or NULL.  It leaves the list
 * in the same critical section: an instance that is found in pcrypt_insts and not in
 * the making is registered, or was.
 */
static void pcrypt_end(struct pcrypt_making *making, struct pcrypt_inst *failed)
{
	spin_lock(&pcrypt_lock);
	list_del(&making->list);
	if (failed)
		list_del_init(&failed->list);
	spin_unlock(&pcrypt_lock);
	wake_up_all(&pcrypt_made);
}

/* @meaning is what @name stands for. */
static int pcrypt_refuse_nesting(const char *name, const char *meaning)
{
	/* The name is a program's choice: it may hold newlines. */
	pr_notice_ratelimited("pcrypt(%*pE) refused: there is a pcrypt inside %*pE\n",
			      (int)strlen(name), name,
			      (int)strlen(meaning), meaning);
	return -ELOOP;
}

/* So that another child can be grabbed: each one is linked to the instance. */
static void pcrypt_drop_child(struct pcrypt_inst *pi)
{
	crypto_drop_spawn(&pi->spawn);
	memset(&pi->spawn, 0, sizeof(pi->spawn));
	pcrypt_base(pi)->spawns = NULL;
	pi->alg->cra_flags = 0;
}

/*
 * Where a promoted algorithm of ours is what @name means, its child is taken in
 * its place.
 */
static int pcrypt_grab_child(struct pcrypt_inst *pi, const char *name, u32 mask)
{
	int err;

	err = pi->kind->grab(pi, name, mask);
	if (!err && pi->spawn.alg->cra_module == THIS_MODULE) {
		strscpy(pi->child, pcrypt_inst_of(pi->spawn.alg)->child,
			sizeof(pi->child));
		pcrypt_drop_child(pi);
		err = pi->kind->grab(pi, pi->child, mask);
	}
	if (err)
		return err;
	strscpy(pi->child, pi->spawn.alg->cra_driver_name, sizeof(pi->child));
	if (strstr(pi->child, "pcrypt("))
		return pcrypt_refuse_nesting(name, pi->child);
	return 0;
}

/* With pcrypt_lock held. */
static bool pcrypt_is_listed(const struct pcrypt_inst *pi)
{
	struct pcrypt_listed *listed;

	lockdep_assert_held(&pcrypt_lock);
	list_for_each_entry(listed, &pcrypt_algs, list)
		if (listed->kind == pi->kind &&
		    !strcmp(listed->driver_name, pi->alg->cra_driver_name))
			return true;
	return false;
}

/*
 * Does root want it to be preferred?  With open=1 that is so unless another name
 * for the same cipher was listed.  With pcrypt_lock held.
 */
static bool pcrypt_is_wanted(const struct pcrypt_inst *pi)
{
	struct pcrypt_listed *listed;

	if (pcrypt_is_listed(pi))
		return true;
	list_for_each_entry(listed, &pcrypt_algs, list)
		if (!strcmp(listed->cra_name, pi->alg->cra_name))
			return false;
	return prefer_all;
}

/*
 * Registering an algorithm tears down what is built on those of the same
 * generic name and a lower priority.  Two promoted ones would do that to each
 * other for ever, so there is one per generic name.  With pcrypt_lock held.
 */
static bool pcrypt_is_free_to_promote(const struct pcrypt_inst *pi)
{
	struct pcrypt_inst *other;

	lockdep_assert_held(&pcrypt_lock);
	list_for_each_entry(other, &pcrypt_insts, list)
		if (other != pi && other->promoted && pcrypt_is_live(other) &&
		    !strcmp(other->alg->cra_name, pi->alg->cra_name))
			return false;
	return true;
}

static void pcrypt_enlist(struct pcrypt_inst *pi)
{
	spin_lock(&pcrypt_lock);
	pi->promoted = pcrypt_is_wanted(pi) && pcrypt_is_free_to_promote(pi);
	list_add(&pi->list, &pcrypt_insts);
	spin_unlock(&pcrypt_lock);
}

/*
 * Return true if registering the instance with priority 0 tears down an algorithm that
 * is built on one of the same generic name.
 */
static bool pcrypt_tears_down(const struct pcrypt_inst *pi)
{
	const u32 other = CRYPTO_ALG_LARVAL | CRYPTO_ALG_DEAD | CRYPTO_ALG_DYING;
	const struct crypto_alg *alg;
	bool found = false;

	down_read(&crypto_alg_sem);
	list_for_each_entry(alg, &crypto_alg_list, cra_list)
		if (!(alg->cra_flags & other) && alg->cra_priority <= 0 &&
		    !strcmp(alg->cra_name, pi->alg->cra_name) &&
		    !list_empty(&alg->cra_users))
			found = true;
	up_read(&crypto_alg_sem);
	return found;
}

/*
 * An instance that is not promoted has priority 0.  Registering it tears down only
 * users of algorithms whose priority is not above that, whatever siblings its child
 * has.  Between two of priority 0 the newest is preferred, so the child must not have it.
 */
static int pcrypt_set_priority(struct pcrypt_inst *pi, const char *name)
{
	int child_priority = pi->spawn.alg->cra_priority;
	const char *why = NULL;

	pcrypt_enlist(pi);
	if (pi->promoted) {
		/* Between two of the highest priority the newest is preferred. */
		pi->alg->cra_priority = min(child_priority, INT_MAX - PCRYPT_PROMOTION) +
					PCRYPT_PROMOTION;
		return 0;
	}
	if (child_priority <= 0)
		why = "has priority 0";
	else if (pcrypt_tears_down(pi))
		why = "has a sibling of priority 0 that is in use";
	pi->alg->cra_priority = 0;
	if (!why)
		return 0;
	pr_notice_ratelimited("pcrypt(%s) refused: %s %s; root can list it in algs\n",
			      name, pi->child, why);
	return -EPERM;
}

static void pcrypt_fill_inst(struct pcrypt_inst *pi)
{
	const struct crypto_alg *child = pi->spawn.alg;

	strscpy(pi->alg->cra_name, child->cra_name, sizeof(pi->alg->cra_name));
	/* What has to be inherited was added when the child was grabbed. */
	pi->alg->cra_flags |= CRYPTO_ALG_ASYNC;
	pi->alg->cra_blocksize = child->cra_blocksize;
	pi->alg->cra_alignmask = child->cra_alignmask;
	pi->alg->cra_ctxsize = sizeof(struct pcrypt_tfm);
	pi->kind->fill(pi);
}

static struct pcrypt_inst *pcrypt_alloc_inst(const struct pcrypt_kind *kind,
					     const char *name)
{
	struct crypto_instance *base;
	struct pcrypt_inst *pi;
	char *driver_name;
	size_t size;
	void *inst;

	inst = kzalloc(kind->inst_size + sizeof(*pi), GFP_KERNEL);
	if (!inst)
		return ERR_PTR(-ENOMEM);
	base = inst + kind->inst_base;
	driver_name = base->alg.cra_driver_name;
	size = sizeof(base->alg.cra_driver_name);
	if (snprintf(driver_name, size, "pcrypt(%s)", name) >= size) {
		kfree(inst);
		return ERR_PTR(-ENAMETOOLONG);
	}
	pi = crypto_instance_ctx(base);
	pi->kind = kind;
	pi->alg = &base->alg;
	INIT_LIST_HEAD(&pi->list);
	INIT_LIST_HEAD(&pi->tfms);
	spin_lock_init(&pi->tfm_lock);
	return pi;
}

/* The caller is the only one to make an instance of this name. */
static int pcrypt_make(struct crypto_template *tmpl, struct pcrypt_inst *pi,
		       const char *name, u32 mask)
{
	int err;

	err = pcrypt_grab_child(pi, name, mask);
	if (err)
		return err;
	pcrypt_fill_inst(pi);
	err = pcrypt_make_view(pi);
	if (err)
		return err;
	err = pcrypt_set_priority(pi, name);
	if (err)
		return err;
	return pi->kind->register_inst(tmpl, pi);
}

/*
 * While it was in the making, a promoted instance kept others of its generic name from
 * being promoted.  If it is listed, root's other names for the cipher are not.
 */
static void pcrypt_give_up(struct pcrypt_inst *pi)
{
	bool was_in_the_way;

	spin_lock(&pcrypt_lock);
	was_in_the_way = pi->promoted && !pcrypt_is_listed(pi);
	spin_unlock(&pcrypt_lock);
	pcrypt_destroy_inst(pi);
	if (was_in_the_way)
		pcrypt_look_again();
}

static int pcrypt_make_once(struct crypto_template *tmpl,
			    const struct pcrypt_kind *kind, const char *name,
			    u32 mask)
{
	struct pcrypt_making making;
	struct pcrypt_inst *pi;
	int err;

	pi = pcrypt_alloc_inst(kind, name);
	if (IS_ERR(pi))
		return PTR_ERR(pi);
	strscpy(making.driver_name, pi->alg->cra_driver_name,
		sizeof(making.driver_name));
	err = pcrypt_begin(&making);
	if (!err) {
		err = pcrypt_make(tmpl, pi, name, mask);
		pcrypt_end(&making, err ? pi : NULL);
	}
	if (err)
		pcrypt_give_up(pi);
	return err;
}

/* Return true if root wants pcrypt(NAME), which @driver_name is, to be used by all. */
static bool pcrypt_is_for_all(const char *driver_name)
{
	struct pcrypt_listed *listed;
	bool for_all = prefer_all;

	spin_lock(&pcrypt_lock);
	list_for_each_entry(listed, &pcrypt_algs, list)
		if (!strcmp(listed->driver_name, driver_name))
			for_all = true;
	spin_unlock(&pcrypt_lock);
	return for_all;
}

/*
 * Return true if the thread that makes the instance is older than our notifier, so
 * pcrypt_check_request() has not seen the request.  The crypto manager starts a thread
 * for each request.
 */
static bool pcrypt_is_unchecked(void)
{
	return current->start_time < pcrypt_checks_since;
}

/*
 * rfc4106(pcrypt(gcm(aes))) is called rfc4106(gcm(aes)), too, and if it is the
 * only one of that name, everybody gets it.  So other templates may not have
 * what is not for all.  That a template asks shows in the type, where the crypto
 * API says that its child need not be approved by itself in FIPS mode.
 */
static int pcrypt_check_asker(struct rtattr **tb, const char *name)
{
	const struct crypto_attr_type *type = crypto_get_attr_type(tb);
	char driver_name[CRYPTO_MAX_ALG_NAME];
	const char *why;

	if (type->type & CRYPTO_ALG_FIPS_INTERNAL)
		why = "inside another template";
	else if (pcrypt_is_unchecked() && !READ_ONCE(allow_unlisted))
		why = "this time: it was asked for before this module was loaded";
	else
		return 0;
	snprintf(driver_name, sizeof(driver_name), "pcrypt(%s)", name);
	if (pcrypt_is_for_all(driver_name))
		return 0;
	pr_notice_ratelimited("pcrypt(%*pE) refused %s; root can list it in algs\n",
			      (int)strlen(name), name, why);
	return -EPERM;
}

static int pcrypt_make_asked(struct crypto_template *tmpl, struct rtattr **tb,
			     const struct pcrypt_kind *kind, u32 mask)
{
	const char *name = crypto_attr_alg_name(tb[1]);
	int err;

	if (IS_ERR(name))
		return PTR_ERR(name);
	/* pcrypt(X,Y) would make pcrypt(X), which is not what was asked for. */
	if (tb[2])
		return -EINVAL;
	if (strstr(name, "pcrypt("))
		return pcrypt_refuse_nesting(name, name);
	err = pcrypt_check_asker(tb, name);
	return err ?: pcrypt_make_once(tmpl, kind, name, mask);
}

/*
 * A message over the crypto netlink socket need not say which kind the algorithm is
 * to be: the name then means the first one found.  CRYPTO_ALG_ASYNC is part of the
 * type, so a demand for a synchronous algorithm gets -EINVAL: there is none.
 */
static int pcrypt_create(struct crypto_template *tmpl, struct rtattr **tb)
{
	int err = -EINVAL;
	u32 mask;
	int i;

	for (i = 0; i < PCRYPT_NR_KINDS && pcrypt_is_not_there(err); i++)
		if (!crypto_check_attr_type(tb, pcrypt_kinds[i]->type |
						CRYPTO_ALG_ASYNC, &mask))
			err = pcrypt_make_asked(tmpl, tb, pcrypt_kinds[i], mask);
	return err;
}

static struct crypto_template pcrypt_tmpl = {
	.name = "pcrypt",
	.create = pcrypt_create,
	.module = THIS_MODULE,
};
