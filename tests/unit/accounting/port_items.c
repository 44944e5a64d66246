// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/fixture.h"

#include "accounting/port_items.h"

struct item {
	uint16_t port;
	unsigned value;
};

static int setup(void **context)
{
	struct v2m_port_items *list = calloc(1, sizeof(*list));

	list->item_size = sizeof(struct item);
	*context = list;
	return 0;
}

static int teardown(void **context)
{
	v2m_port_items_clear(*context);
	free(*context);
	return 0;
}

static unsigned value_of(const struct v2m_port_items *list, uint16_t port)
{
	const struct item *found = v2m_port_items_find(list, port);

	return found ? found->value : 0;
}

static void add_item(struct v2m_port_items *list, uint16_t port, unsigned value)
{
	struct item *added = v2m_port_items_add(list, port);

	assert_non_null(added);
	assert_int_equal(added->value, 0);
	added->value = value;
}

static void every_port_has_an_item_of_its_own(void **context)
{
	for (unsigned port = 1; port <= 65535; port++)
		add_item(*context, (uint16_t)port, 2 * port);
	for (unsigned port = 1; port <= 65535; port++)
		assert_int_equal(value_of(*context, (uint16_t)port), 2 * port);
	assert_int_equal(value_of(*context, 0), 0);
}

static void items_are_found_after_others_are_removed(void **context)
{
	struct v2m_port_items *list = *context;

	for (uint16_t port = 1; port <= 100; port++)
		add_item(list, port, port);
	for (uint16_t port = 1; port <= 100; port += 3)
		v2m_port_items_remove(list, v2m_port_items_find(list, port));
	assert_int_equal(list->count, 66);
	for (uint16_t port = 1; port <= 100; port++)
		assert_int_equal(value_of(list, port), port % 3 == 1 ? 0 : port);
	add_item(list, 1, 7);
	assert_int_equal(value_of(list, 1), 7);
}

static void a_walk_from_the_last_one_may_remove_items(void **context)
{
	struct v2m_port_items *list = *context;

	for (uint16_t port = 1; port <= 100; port++)
		add_item(list, port, port);
	for (size_t i = list->count; i > 0; i--) {
		struct item *item = v2m_port_items_at(list, i - 1);

		if (item->port % 2)
			v2m_port_items_remove(list, item);
	}
	assert_int_equal(list->count, 50);
	for (uint16_t port = 1; port <= 100; port++)
		assert_int_equal(value_of(list, port), port % 2 ? 0 : port);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_port_has_an_item_of_its_own),
		TEST(items_are_found_after_others_are_removed),
		TEST(a_walk_from_the_last_one_may_remove_items),
	};

	return cmocka_run_group_tests_name("port_items", tests, NULL, NULL);
}
