// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcrypt: the names that root listed
 */

static const struct pcrypt_kind *const pcrypt_kinds[PCRYPT_NR_KINDS] = {
	[PCRYPT_AEAD] = &pcrypt_aead,
	[PCRYPT_SKCIPHER] = &pcrypt_skcipher,
};

static bool pcrypt_may_follow(char c)
{
	return isalnum(c) || (c && strchr("(),-._", c));
}

/* Length of the name at the start of @s, which ends at a comma or at the end. */
static int pcrypt_name_len(const char *s)
{
	int depth = 0;
	int len;

	for (len = 0; pcrypt_may_follow(s[len]) && (depth || s[len] != ','); len++) {
		if (s[len] == '(')
			depth++;
		else if (s[len] == ')' && !depth--)
			return -EINVAL;
	}
	if (depth || !len || (s[len] && s[len] != ','))
		return -EINVAL;
	if (len + sizeof("pcrypt()") > CRYPTO_MAX_ALG_NAME)
		return -ENAMETOOLONG;
	return len;
}

static void pcrypt_free_list(struct list_head *algs)
{
	struct pcrypt_listed *listed, *next;

	list_for_each_entry_safe(listed, next, algs, list) {
		list_del(&listed->list);
		kfree(listed);
	}
}

static int pcrypt_list_alg(struct list_head *algs, const char *name, int len)
{
	struct pcrypt_listed *listed = kzalloc(sizeof(*listed), GFP_KERNEL);

	if (!listed)
		return -ENOMEM;
	memcpy(listed->name, name, len);
	snprintf(listed->driver_name, sizeof(listed->driver_name), "pcrypt(%.*s)",
		 len, name);
	ratelimit_state_init(&listed->lines, 60 * HZ, PCRYPT_LINES_PER_MINUTE);
	list_add_tail(&listed->list, algs);
	return 0;
}

static int pcrypt_refuse_list(const char *what, const char *s, int err)
{
	pr_err("algs: %s: \"%*pE\"\n", what, (int)strlen(s), s);
	return err;
}

/*
 * To look for a name of ours would be to load this module, which the module that
 * is being loaded would wait for.
 */
static int pcrypt_parse_algs(struct list_head *algs, const char *s)
{
	int err;
	int len;

	/* Else it could not be shown. */
	if (strlen(s) >= PAGE_SIZE - 1)
		return pcrypt_refuse_list("longer than a page", "", -EINVAL);
	if (strstr(s, "pcrypt"))
		return pcrypt_refuse_list("names what is to be wrapped, not pcrypt",
					  s, -EINVAL);
	while (*s) {
		len = pcrypt_name_len(s);
		if (len < 0)
			return pcrypt_refuse_list("not a list of names from here on",
						  s, len);
		err = pcrypt_list_alg(algs, s, len);
		if (err)
			return err;
		s += len;
		/* The comma; nothing behind it is an empty name. */
		if (*s && !*++s)
			return pcrypt_refuse_list("ends with a comma", "", -EINVAL);
	}
	return 0;
}

/* Nothing has this name, or what has it is of another kind. */
static bool pcrypt_is_not_there(int err)
{
	return err == -ENOENT || err == -EINVAL;
}

/* Only the name is listed; of which kind it is shows when it is there. */
static void *pcrypt_open_listed(struct pcrypt_listed *listed)
{
	void *handle = ERR_PTR(-ENOENT);
	int i;

	for (i = 0; i < PCRYPT_NR_KINDS && IS_ERR(handle) &&
	     pcrypt_is_not_there(PTR_ERR(handle)); i++) {
		listed->kind = pcrypt_kinds[i];
		handle = listed->kind->open(listed->name);
	}
	return handle;
}

/* Return 0 if the algorithm exists and @algs has no other name of it. */
static int pcrypt_check_alg(struct list_head *algs, struct pcrypt_listed *listed)
{
	void *handle = pcrypt_open_listed(listed);
	struct pcrypt_listed *other;
	struct crypto_tfm *tfm;
	int err;

	if (IS_ERR(handle)) {
		err = PTR_ERR(handle);
		pr_err("algs: there is no AEAD or skcipher \"%s\" here (error %d)\n",
		       listed->name, err);
		/* From a module, insmod takes -ENOENT for a missing symbol. */
		return err == -ENOENT ? -EINVAL : err;
	}
	tfm = pcrypt_tfm_in(listed->kind, handle);
	strscpy(listed->cra_name, crypto_tfm_alg_name(tfm),
		sizeof(listed->cra_name));
	pcrypt_close(listed->kind, handle);
	list_for_each_entry(other, algs, list) {
		if (other == listed)
			break;
		if (strcmp(other->cra_name, listed->cra_name))
			continue;
		pr_err("algs: \"%s\" and \"%s\" are both %s, of which one can be preferred\n",
		       other->name, listed->name, listed->cra_name);
		return -EINVAL;
	}
	return 0;
}

static int pcrypt_check_algs(struct list_head *algs)
{
	struct pcrypt_listed *listed;
	int err;

	list_for_each_entry(listed, algs, list) {
		err = pcrypt_check_alg(algs, listed);
		if (err)
			return err;
	}
	return 0;
}
