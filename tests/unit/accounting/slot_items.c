// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/fixture.h"

#include "accounting/slot_items.h"

struct item {
	uint32_t slot_number;
	unsigned value;
};

static int setup(void **context)
{
	struct v2m_slot_items *list = calloc(1, sizeof(*list));

	list->item_size = sizeof(struct item);
	*context = list;
	return 0;
}

static int teardown(void **context)
{
	v2m_slot_items_clear(*context);
	free(*context);
	return 0;
}

static unsigned value_of(const struct v2m_slot_items *list, uint32_t number)
{
	const struct item *found = v2m_slot_items_find(list, number);

	return found ? found->value : 0;
}

static void add_item(struct v2m_slot_items *list, uint32_t number, unsigned value)
{
	struct item *added = v2m_slot_items_add(list, number);

	assert_non_null(added);
	assert_int_equal(added->value, 0);
	added->value = value;
}

static void every_slot_has_an_item_of_its_own(void **context)
{
	for (uint32_t number = 1; number < V2M_SLOT_NUMBERS; number++)
		add_item(*context, number, 2 * number);
	for (uint32_t number = 1; number < V2M_SLOT_NUMBERS; number++)
		assert_int_equal(value_of(*context, number), 2 * number);
	assert_int_equal(value_of(*context, 0), 0);
}

static void items_are_found_after_others_are_removed(void **context)
{
	struct v2m_slot_items *list = *context;

	for (uint32_t number = 1; number <= 100; number++)
		add_item(list, number, number);
	for (uint32_t number = 1; number <= 100; number += 3)
		v2m_slot_items_remove(list, v2m_slot_items_find(list, number));
	assert_int_equal(list->count, 66);
	for (uint32_t number = 1; number <= 100; number++)
		assert_int_equal(value_of(list, number), number % 3 == 1 ? 0 : number);
	add_item(list, 1, 7);
	assert_int_equal(value_of(list, 1), 7);
}

static void a_walk_from_the_last_one_may_remove_items(void **context)
{
	struct v2m_slot_items *list = *context;

	for (uint32_t number = 1; number <= 100; number++)
		add_item(list, number, number);
	for (size_t i = list->count; i > 0; i--) {
		struct item *item = v2m_slot_items_at(list, i - 1);

		if (item->slot_number % 2)
			v2m_slot_items_remove(list, item);
	}
	assert_int_equal(list->count, 50);
	for (uint32_t number = 1; number <= 100; number++)
		assert_int_equal(value_of(list, number), number % 2 ? 0 : number);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_slot_has_an_item_of_its_own),
		TEST(items_are_found_after_others_are_removed),
		TEST(a_walk_from_the_last_one_may_remove_items),
	};

	return cmocka_run_group_tests_name("slot_items", tests, NULL, NULL);
}
