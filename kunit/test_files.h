/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files, for tests: the kernel threads of 7.3, which run tests, see no file.  So the
 * task that loads the module looks up the root.
 */
#ifndef _TEST_FILES_H
#define _TEST_FILES_H

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/string.h>

struct kunit_suite;

static struct path test_root;

/* For &kunit_suite.suite_init and suite_exit, or with NULL. */
static inline int test_root_get(struct kunit_suite *suite)
{
	return kern_path("/", LOOKUP_FOLLOW, &test_root);
}

static inline void test_root_put(struct kunit_suite *suite)
{
	path_put(&test_root);
}

/* @path is absolute. */
static inline struct file *test_open(const char *path, int flags)
{
	return file_open_root(&test_root, path + 1, flags, 0);
}

/* Returns the length of @text, or an error. */
static inline ssize_t test_write_file(const char *path, const char *text)
{
	struct file *file = test_open(path, O_WRONLY);
	loff_t pos = 0;
	ssize_t len;

	if (IS_ERR(file))
		return PTR_ERR(file);
	len = kernel_write(file, text, strlen(text), &pos);
	filp_close(file, NULL);
	return len;
}

/* Returns the length of the text read, less the 0 that always ends it, or an error. */
static inline ssize_t test_read_file(const char *path, char *text, size_t size)
{
	struct file *file = test_open(path, O_RDONLY);
	loff_t pos = 0;
	ssize_t len;

	text[0] = 0;
	if (IS_ERR(file))
		return PTR_ERR(file);
	len = kernel_read(file, text, size - 1, &pos);
	filp_close(file, NULL);
	text[max_t(ssize_t, len, 0)] = 0;
	return len;
}

#endif /* _TEST_FILES_H */
