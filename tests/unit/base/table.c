// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/table.h"

static unsigned until_failure; /* 0: never */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return until_failure && --until_failure == 0 ? NULL : __real_calloc(n, size);
}

struct number {
	uint32_t key;
	uint32_t value;
};

static struct v2m_table_key key_of_number(const void *element)
{
	const struct number *number = element;

	return (struct v2m_table_key){ &number->key, sizeof(number->key) };
}

static const struct v2m_table_type numbers = { sizeof(struct number), key_of_number };

static struct v2m_table_key key_of_text(const void *element)
{
	const char *text = *(char *const *)element;

	return (struct v2m_table_key){ text, strlen(text) };
}

static const struct v2m_table_type texts = { sizeof(char *), key_of_text };

static int add_number(struct v2m_table *table, uint32_t key, uint32_t value)
{
	return v2m_table_add(table, &(struct number){ key, value });
}

static struct number *find_number(const struct v2m_table *table, uint32_t key)
{
	return v2m_table_find(table, &key, sizeof(key));
}

static void remove_number(struct v2m_table *table, uint32_t key)
{
	struct number *number = find_number(table, key);

	assert_non_null(number);
	v2m_table_remove(table, number);
}

static int use_one_key(void **state)
{
	static const uint8_t key[V2M_HASH_KEY_LEN] = { 1, 2, 3 };

	(void)state;
	v2m_hash_set_key(key);
	until_failure = 0;
	return 0;
}

static void an_empty_table_finds_nothing(void **state)
{
	struct v2m_table table = { .type = &numbers };

	(void)state;
	assert_null(find_number(&table, 1));
	assert_null(v2m_table_next(&table, NULL));
	v2m_table_clear(&table);
}

static void everything_is_found_while_the_table_grows(void **state)
{
	struct v2m_table table = { .type = &numbers };

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		assert_null(find_number(&table, i));
		assert_int_equal(add_number(&table, i, 3 * i), 0);
	}
	assert_int_equal(table.count, 5000);
	assert_int_equal(table.size, 16384);
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(find_number(&table, i)->value, 3 * i);
	assert_null(find_number(&table, 5000));
	v2m_table_clear(&table);
	assert_int_equal(table.count, 0);
	assert_null(find_number(&table, 1));
}

static void a_key_may_be_a_string_behind_a_pointer(void **state)
{
	struct v2m_table table = { .type = &texts };
	const char *words[] = { "", "a", "ab", "b", "ba" };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(v2m_table_add(&table, &words[i]), 0);
	for (size_t i = 0; i < 5; i++)
		assert_ptr_equal(*(const char **)v2m_table_find_string(&table, words[i]), words[i]);
	assert_null(v2m_table_find_string(&table, "abc"));
	assert_ptr_equal(*(const char **)v2m_table_find(&table, "abc", 2), words[2]);
	v2m_table_clear(&table);
}

/* Finds keys whose first place is the last one of a table of 16 places, so that the search goes on
 * at the first place. */
static void find_colliding_keys(uint32_t keys[], size_t n)
{
	uint32_t key = 0;

	for (size_t found = 0; found < n; key++)
		if ((v2m_hash(&key, sizeof(key)) & 15) == 15)
			keys[found++] = key;
}

static void keys_of_one_place_are_all_found_whichever_is_removed(void **state)
{
	uint32_t keys[8];

	(void)state;
	find_colliding_keys(keys, 8);
	for (size_t removed = 0; removed < 8; removed++) {
		struct v2m_table table = { .type = &numbers };

		for (size_t i = 0; i < 8; i++)
			assert_int_equal(add_number(&table, keys[i], (uint32_t)i), 0);
		assert_int_equal(table.size, 16);
		remove_number(&table, keys[removed]);
		assert_int_equal(table.count, 7);
		assert_null(find_number(&table, keys[removed]));
		for (size_t i = 0; i < 8; i++)
			if (i != removed)
				assert_int_equal(find_number(&table, keys[i])->value, i);
		v2m_table_clear(&table);
	}
}

/* Compares the table with a plain array after each of many steps. */
static void a_long_run_of_additions_and_removals_loses_nothing(void **state)
{
	enum { KEYS = 64 };
	struct v2m_table table = { .type = &numbers };
	bool present[KEYS] = { false };
	size_t count = 0;

	(void)state;
	srandom(1);
	for (unsigned step = 0; step < 20000; step++) {
		uint32_t key = (uint32_t)random() % KEYS;

		if (present[key])
			remove_number(&table, key);
		else
			assert_int_equal(add_number(&table, key, key + 1), 0);
		present[key] = !present[key];
		count += present[key] ? 1 : -1;
		assert_int_equal(table.count, count);
		for (uint32_t i = 0; i < KEYS; i++) {
			const struct number *found = find_number(&table, i);

			assert_int_equal(found != NULL, present[i]);
			assert_true(!found || found->value == i + 1);
		}
	}
	v2m_table_clear(&table);
}

static void a_walk_meets_every_element_once(void **state)
{
	struct v2m_table table = { .type = &numbers };
	unsigned met[100] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(add_number(&table, i, i), 0);
	for (const struct number *at = v2m_table_next(&table, NULL); at;
	     at = v2m_table_next(&table, at))
		met[at->value]++;
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(met[i], 1);
	v2m_table_clear(&table);
}

static void a_table_that_cannot_grow_is_unchanged(void **state)
{
	struct v2m_table table = { .type = &numbers };

	(void)state;
	for (unsigned failure = 1; failure <= 2; failure++) {
		until_failure = failure;
		assert_int_equal(add_number(&table, 0, 1), -ENOMEM);
		assert_int_equal(table.size, 0);
	}
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(add_number(&table, i, i), 0);
	for (unsigned failure = 1; failure <= 2; failure++) {
		until_failure = failure;
		assert_int_equal(add_number(&table, 8, 8), -ENOMEM);
		assert_int_equal(table.count, 8);
		assert_null(find_number(&table, 8));
		for (uint32_t i = 0; i < 8; i++)
			assert_int_equal(find_number(&table, i)->value, i);
	}
	v2m_table_clear(&table);
}

static void additions_within_what_was_reserved_need_no_memory(void **state)
{
	struct v2m_table table = { .type = &numbers };

	(void)state;
	assert_int_equal(v2m_table_reserve(&table, 256), 0);
	until_failure = 1;
	for (uint32_t i = 0; i < 256; i++)
		assert_int_equal(add_number(&table, i, i), 0);
	/* A removal needs no memory either, and its place can be used again. */
	for (uint32_t i = 0; i < 1000; i++) {
		remove_number(&table, i);
		assert_int_equal(add_number(&table, i + 256, i), 0);
	}
	assert_int_equal(v2m_table_reserve(&table, 1), -ENOMEM);
	v2m_table_clear(&table);
}

static uint32_t hash_all_alike(const void *key, size_t length)
{
	(void)key;
	(void)length;
	return 0;
}

static void a_table_with_a_hash_of_its_own_keeps_it(void **state)
{
	struct v2m_table table = { .type = &numbers, .hash = hash_all_alike };

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 100; i++)
			assert_int_equal(add_number(&table, i, i + 1), 0);
		for (uint32_t i = 0; i < 100; i++)
			assert_int_equal(find_number(&table, i)->value, i + 1);
		for (size_t place = 0; place < table.size; place++)
			assert_true(table.hashes[place] <= 1);
		v2m_table_clear(&table);
		assert_ptr_equal(table.hash, hash_all_alike);
	}
}

static void more_elements_than_hashes_can_tell_apart_are_refused(void **state)
{
	struct v2m_table table = { .type = &numbers };

	(void)state;
	assert_int_equal(v2m_table_reserve(&table, (size_t)INT32_MAX + 1), -ENOMEM);
	assert_int_equal(v2m_table_reserve(&table, SIZE_MAX), -ENOMEM);
}

#define TEST(name) cmocka_unit_test_setup(name, use_one_key)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_table_finds_nothing),
		TEST(everything_is_found_while_the_table_grows),
		TEST(a_key_may_be_a_string_behind_a_pointer),
		TEST(keys_of_one_place_are_all_found_whichever_is_removed),
		TEST(a_long_run_of_additions_and_removals_loses_nothing),
		TEST(a_walk_meets_every_element_once),
		TEST(a_table_that_cannot_grow_is_unchanged),
		TEST(additions_within_what_was_reserved_need_no_memory),
		TEST(a_table_with_a_hash_of_its_own_keeps_it),
		TEST(more_elements_than_hashes_can_tell_apart_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
