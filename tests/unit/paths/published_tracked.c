// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What connections show where a rule is not understood. */
#include "unit/paths/published_fixture.h"

static void track(struct v2m_tracked_list *list, uint16_t port, uint16_t target, bool served)
{
	struct v2m_tracked *tracked = v2m_array_append(list);

	*tracked = (struct v2m_tracked){ .port = port, .target = target, .transports = V2M_TCP };
	if (served)
		memcpy(tracked->address, own, sizeof(own));
}

static struct v2m_published make_tracked(struct v2m_nat_rules *rules, struct v2m_tracked_list *list,
					 size_t aliases)
{
	struct v2m_published made;

	assert_int_equal(v2m_published_make(rules, all_read, list, &scope, &made), 0);
	assert_int_equal(made.aliases.count, aliases);
	v2m_nat_rules_clear(rules);
	v2m_tracked_clear(list);
	return made;
}

static void connections_show_what_a_rule_does_that_is_not_understood(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_tracked_list tracked = { 0 };
	struct v2m_published made;

	(void)state;
	add_rule(&rules, 443, 443, KEY_PORT)->clear = false;
	add_rule(&rules, 8000, KEY_PORT + 1, KEY_PORT)->clear = false;
	track(&tracked, 443, KEY_PORT, true);
	/* Ports in a row are one alias, and one that a key has is none. */
	track(&tracked, 8000, KEY_PORT, true);
	track(&tracked, 8001, KEY_PORT, true);
	track(&tracked, KEY_PORT + 1, KEY_PORT, true);
	/* No rule does that any more. */
	track(&tracked, 444, KEY_PORT, true);
	made = make_tracked(&rules, &tracked, 2);
	assert_int_equal(made.aliases.items[0].first_port, 443);
	assert_int_equal(made.aliases.items[0].target, KEY_PORT);
	assert_int_equal(made.aliases.items[0].origin, V2M_ALIAS_CONNTRACK);
	assert_int_equal(made.aliases.items[1].first_port, 8000);
	assert_int_equal(made.aliases.items[1].last_port, 8001);
	/* Nothing has shown what the rule does with the others. */
	assert_non_null(strstr(made.unknown.text, "port 8000 to a key's port 10001"));
	v2m_published_clear(&made);
}

static void a_port_that_serves_others_too_is_no_alias(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_tracked_list tracked = { 0 };
	struct v2m_published made;

	(void)state;
	/* Some connections reach another port. */
	add_rule(&rules, 443, 443, KEY_PORT)->clear = false;
	track(&tracked, 443, 80, true);
	track(&tracked, 443, KEY_PORT, true);
	made = make_tracked(&rules, &tracked, 0);
	assert_non_null(strstr(made.unknown.text, "port 443 reach a key's port 10001, and others"));
	/* Somebody serves the port itself. */
	add_rule(&rules, 22, 22, KEY_PORT)->clear = false;
	track(&tracked, 22, KEY_PORT, true);
	made = make_tracked(&rules, &tracked, 0);
	assert_non_null(strstr(made.unknown.text, "port 22 reach"));
	/* A rule sends others elsewhere. */
	add_rule(&rules, 440, 450, 80);
	add_rule(&rules, 443, 443, KEY_PORT)->clear = false;
	track(&tracked, 443, KEY_PORT, true);
	made = make_tracked(&rules, &tracked, 0);
	assert_non_null(strstr(made.unknown.text, "port 443 reach"));
	v2m_published_clear(&made);
}

static void connections_to_others_are_nobodys(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_tracked_list tracked = { 0 };
	struct v2m_published made;

	(void)state;
	track(&tracked, 443, 80, true);
	track(&tracked, 444, KEY_PORT, false);
	made = make_tracked(&rules, &tracked, 0);
	assert_string_equal(made.unknown.text, "");
	/* What a rule says is not said twice. */
	add_rule(&rules, 443, 443, KEY_PORT);
	track(&tracked, 443, KEY_PORT, true);
	made = make_tracked(&rules, &tracked, 1);
	assert_int_equal(made.aliases.items[0].origin, V2M_ALIAS_RULE);
	v2m_published_clear(&made);
}

static void ports_beyond_what_can_be_compared_are_said(void **state)
{
	const unsigned n_rules = 5000;
	const unsigned n_ports = 4000;
	struct v2m_nat_rules rules = { 0 };
	struct v2m_tracked_list tracked = { 0 };
	struct v2m_published made;

	(void)state;
	for (unsigned i = 0; i < n_rules; i++)
		add_rule(&rules, 80, 80, 8080);
	add_rule(&rules, 20000, (uint16_t)(20000 + n_ports), KEY_PORT)->clear = false;
	for (unsigned i = 0; i < n_ports; i++)
		track(&tracked, (uint16_t)(20000 + i), KEY_PORT, true);
	made = make_tracked(&rules, &tracked, 1);
	/* Those that were compared are known. */
	assert_int_equal(made.aliases.items[0].first_port, 20000);
	assert_in_range(made.aliases.items[0].last_port, 20900, 21100);
	assert_non_null(strstr(made.unknown.text, "not compared with the rules"));
	v2m_published_clear(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_show_what_a_rule_does_that_is_not_understood),
		cmocka_unit_test(a_port_that_serves_others_too_is_no_alias),
		cmocka_unit_test(connections_to_others_are_nobodys),
		cmocka_unit_test(ports_beyond_what_can_be_compared_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
