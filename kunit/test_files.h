/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files, for suites: kernel threads of 7.3, which run the cases, see none.  So
 * the root is looked up by who loads the module.
 */
#ifndef _TEST_FILES_H
#define _TEST_FILES_H

#include <kunit/test.h>
#include <linux/fs.h>
#include <linux/namei.h>
#include <linux/path.h>

static struct path test_root;

/* For &kunit_suite.suite_init and suite_exit. */
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

#endif /* _TEST_FILES_H */
