// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/array.h"

struct pair {
	int left;
	int right;
};

struct pairs {
	struct pair *items;
	size_t count;
	size_t capacity;
};

static bool out_of_memory;
static unsigned allocations;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
	allocations++;
	return out_of_memory ? NULL : __real_realloc(memory, size);
}

static void items_stay_in_their_order_while_the_array_grows(void **state)
{
	struct pairs pairs = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(v2m_array_add(&pairs, (struct pair){ i, -i }), 0);
	assert_int_equal(pairs.count, 1000);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(pairs.items[i].left, i);
		assert_int_equal(pairs.items[i].right, -i);
	}
	v2m_array_clear(&pairs);
	assert_null(pairs.items);
	assert_int_equal(pairs.count, 0);
	assert_int_equal(pairs.capacity, 0);
}

static void an_appended_item_is_of_zeros(void **state)
{
	V2M_ARRAY(struct pair) pairs = { 0 };
	struct pair *pair;

	(void)state;
	assert_int_equal(v2m_array_add(&pairs, (struct pair){ 1, 2 }), 0);
	pairs.count = 0;
	pair = v2m_array_append(&pairs);
	assert_ptr_equal(pair, pairs.items);
	assert_int_equal(pair->left, 0);
	assert_int_equal(pair->right, 0);
	assert_int_equal(pairs.count, 1);
	v2m_array_clear(&pairs);
}

static void additions_within_what_was_reserved_need_no_memory(void **state)
{
	struct pairs pairs = { 0 };

	(void)state;
	assert_int_equal(v2m_array_reserve(&pairs, 100), 0);
	out_of_memory = true;
	for (int i = 0; i < 100; i++)
		assert_int_equal(v2m_array_add(&pairs, (struct pair){ i, i }), 0);
	out_of_memory = false;
	assert_int_equal(pairs.count, 100);
	v2m_array_clear(&pairs);
}

static void the_capacity_doubles(void **state)
{
	struct pairs pairs = { 0 };

	(void)state;
	allocations = 0;
	for (int i = 0; i < 1024; i++)
		assert_int_equal(v2m_array_add(&pairs, (struct pair){ i, i }), 0);
	assert_int_equal(pairs.capacity, 1024);
	assert_int_equal(allocations, 8);
	v2m_array_clear(&pairs);
}

static void an_array_that_cannot_grow_is_unchanged(void **state)
{
	struct pairs pairs = { 0 };

	(void)state;
	out_of_memory = true;
	assert_int_equal(v2m_array_add(&pairs, (struct pair){ 1, 2 }), -ENOMEM);
	assert_null(v2m_array_append(&pairs));
	assert_null(pairs.items);
	out_of_memory = false;
	for (int i = 0; i < 8; i++)
		assert_int_equal(v2m_array_add(&pairs, (struct pair){ i, i }), 0);
	out_of_memory = true;
	assert_int_equal(v2m_array_add(&pairs, (struct pair){ 8, 8 }), -ENOMEM);
	assert_null(v2m_array_append(&pairs));
	out_of_memory = false;
	assert_int_equal(pairs.count, 8);
	assert_int_equal(pairs.capacity, 8);
	assert_int_equal(pairs.items[7].left, 7);
	v2m_array_clear(&pairs);
}

static void more_items_than_memory_can_hold_are_refused(void **state)
{
	struct pairs pairs = { 0 };

	(void)state;
	assert_int_equal(v2m_array_add(&pairs, (struct pair){ 1, 2 }), 0);
	assert_int_equal(v2m_array_reserve(&pairs, SIZE_MAX), -ENOMEM);
	assert_int_equal(v2m_array_reserve(&pairs, SIZE_MAX / 4), -ENOMEM);
	assert_int_equal(pairs.items[0].right, 2);
	v2m_array_clear(&pairs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_stay_in_their_order_while_the_array_grows),
		cmocka_unit_test(an_appended_item_is_of_zeros),
		cmocka_unit_test(additions_within_what_was_reserved_need_no_memory),
		cmocka_unit_test(the_capacity_doubles),
		cmocka_unit_test(an_array_that_cannot_grow_is_unchanged),
		cmocka_unit_test(more_items_than_memory_can_hold_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
