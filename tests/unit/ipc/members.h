/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tests that no member of a struct is forgotten on its way between the processes. Each struct is
 * filled with bytes that are not 0, also in members that the test does not name. If a codec forgets
 * a member, the reader has zeros there.
 */
#ifndef V2METER_TESTS_MEMBERS_H
#define V2METER_TESTS_MEMBERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "process/wire.h"

/* Every byte 1: true in a bool, and allowed in every number. Strings and pointers are set after it.
 */
#define FILL(item) memset(item, 1, sizeof(*(item)))

#define TEXT(text) ((char *)(text))

/* Compares a string that was read, frees it, and gives both structs the same pointer. */
#define SAME_TEXT(sent, got, member)                                                               \
	do {                                                                                       \
		assert_non_null((got)->member);                                                    \
		assert_string_equal((sent)->member, (got)->member);                                \
		free((got)->member);                                                               \
		(got)->member = (sent)->member;                                                    \
	} while (0)

/* The same of an array whose items have been compared. */
#define SAME_ARRAY(sent, got, member)                                                              \
	do {                                                                                       \
		free((got)->member);                                                               \
		(got)->member = (sent)->member;                                                    \
	} while (0)

/* Every byte of both structs, except those between members. Changes the bytes between members. */
#define SAME_BYTES(sent, got)                                                                      \
	do {                                                                                       \
		__builtin_clear_padding(sent);                                                     \
		__builtin_clear_padding(got);                                                      \
		assert_memory_equal(sent, got, sizeof(*(sent)));                                   \
	} while (0)

/* Fills an array of characters with a string of its whole length. */
#define FILL_CHARS(chars) ((chars)[sizeof(chars) - 1] = 0)

#endif
