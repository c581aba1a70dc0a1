// SPDX-License-Identifier: GPL-2.0-only
/* The suite pcrypt_mode once more: the same cases over a child that is an skcipher. */
#define FAKE_SKCIPHER

#include "pcrypt_mode_kunit.c"
