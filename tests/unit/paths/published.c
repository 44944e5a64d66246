// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which NAT rules publish a key's port. */
#include "unit/paths/published_fixture.h"

static void a_rule_for_a_keys_port_is_an_alias_once(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;

	(void)state;
	add_rule(&rules, 443, 443, KEY_PORT);
	add_rule(&rules, 443, 443, KEY_PORT);
	add_rule(&rules, 8000, 8100, KEY_PORT);
	made = make(&rules, all_read, &scope, 2);
	assert_int_equal(made.aliases.items[1].first_port, 8000);
	assert_int_equal(made.aliases.items[1].last_port, 8100);
	assert_int_equal(made.aliases.items[1].target, KEY_PORT);
	assert_int_equal(made.aliases.items[1].origin, V2M_ALIAS_RULE);
	assert_string_equal(made.unknown.text, "");
	v2m_published_clear(&made);
}

static void rules_about_others_are_no_aliases(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;

	(void)state;
	add_rule(&rules, 443, 443, KEY_PORT + 2);
	add_rule(&rules, 444, 444, 0);
	add_rule(&rules, KEY_PORT, KEY_PORT, KEY_PORT);
	add_rule(&rules, 445, 445, KEY_PORT);
	rules.items[3].transports = V2M_UDP;
	/* Not understood, but not about a key either. */
	add_rule(&rules, 446, 446, KEY_PORT + 2);
	rules.items[4].clear = false;
	made = make(&rules, all_read, &scope, 0);
	assert_string_equal(made.unknown.text, "");
	v2m_published_clear(&made);
}

static void an_address_that_serves_nobody_is_said(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;

	(void)state;
	add_rule(&rules, 443, 443, KEY_PORT);
	rules.items[0].elsewhere = true;
	memcpy(rules.items[0].address, own, sizeof(own));
	made = make(&rules, all_read, &scope, 1);
	v2m_published_clear(&made);
	add_rule(&rules, 443, 443, KEY_PORT);
	rules.items[0].elsewhere = true;
	made = make(&rules, all_read, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "port 443 to a key's port 10001"));
	v2m_published_clear(&made);
}

static void a_rule_of_one_family_is_no_alias_if_the_other_one_serves_others(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;

	(void)state;
	/* Nobody has port 443 by IPv6. Somebody has port 80 by IPv6. */
	add_rule(&rules, 443, 443, KEY_PORT)->families = V2M_NAT_IPV4;
	add_rule(&rules, 79, 81, KEY_PORT)->families = V2M_NAT_IPV4;
	made = make(&rules, all_read, &scope, 3);
	assert_int_equal(made.aliases.items[0].first_port, 443);
	assert_true(made.depends_on_listeners);
	/* The others of its ports are its own. */
	assert_alias(&made, 1, 79, 79);
	assert_alias(&made, 2, 81, 81);
	assert_non_null(strstr(made.unknown.text, "port 80 to a key's port 10001 by IPv4 only"));
	v2m_published_clear(&made);
	/* Rules of both families are one of both. */
	add_rule(&rules, 80, 80, KEY_PORT)->families = V2M_NAT_IPV4;
	add_rule(&rules, 80, 80, KEY_PORT)->families = V2M_NAT_IPV6;
	made = make(&rules, all_read, &scope, 1);
	assert_false(made.depends_on_listeners);
	assert_string_equal(made.unknown.text, "");
	v2m_published_clear(&made);
	/* A rule of the other family leads elsewhere. */
	add_rule(&rules, 443, 443, KEY_PORT)->families = V2M_NAT_IPV4;
	add_rule(&rules, 443, 443, KEY_PORT + 2)->families = V2M_NAT_IPV6;
	made = make(&rules, all_read, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "another server has port 443 by IPv6"));
	v2m_published_clear(&made);
}

/* Adds a rule for the port of one address. */
static void add_addressed(struct v2m_nat_rules *rules, uint16_t port, const uint8_t address[16])
{
	struct v2m_nat_rule *rule = add_rule(rules, port, port, KEY_PORT);

	rule->addressed = true;
	memcpy(rule->destination, address, 16);
}

static void a_rule_of_one_address_is_an_alias_if_no_other_address_serves_others(void **state)
{
	static const uint8_t other[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 9 };
	static const uint8_t loopback[16] = { [10] = 0xff, [11] = 0xff, 127, 0, 0, 1 };
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;

	(void)state;
	add_addressed(&rules, 443, own);
	made = make(&rules, all_read, &scope, 1);
	assert_alias(&made, 0, 443, 443);
	assert_true(made.depends_on_listeners);
	assert_string_equal(made.unknown.text, "");
	v2m_published_clear(&made);
	/* Somebody serves port 22, and port 443 of another address is another server's. */
	add_addressed(&rules, 22, own);
	made = make(&rules, all_read, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "port 22 of one address to a key's port 10001"));
	v2m_published_clear(&made);
	add_addressed(&rules, 443, own);
	add_rule(&rules, 443, 443, KEY_PORT + 2);
	made = make(&rules, all_read, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "port 443 of one address"));
	v2m_published_clear(&made);
	/* Nobody knows whether the address leads here. */
	add_addressed(&rules, 443, other);
	made = make(&rules, all_read, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "under conditions"));
	v2m_published_clear(&made);
	/* What this host sends to itself is no published port. */
	add_addressed(&rules, 443, loopback);
	made = make(&rules, all_read, &scope, 0);
	assert_string_equal(made.unknown.text, "");
	v2m_published_clear(&made);
}

/* Adds a rule of another chain of the same priority for port 443, and makes the list. */
static struct v2m_published make_with_rival(uint16_t target, const struct v2m_nat_rule *terms,
					    bool names_ports, size_t aliases)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_nat_rule *rival;

	add_rule(&rules, 443, 443, KEY_PORT);
	rival = add_rule(&rules, 440, 450, target);
	rival->root = terms->root;
	rival->legacy = terms->legacy;
	rival->families = terms->families;
	rival->devices = terms->devices;
	if (!names_ports)
		v2m_array_clear(&rival->ports);
	return make(&rules, all_read, &scope, aliases);
}

static void a_port_of_rules_whose_order_is_not_known_is_said(void **state)
{
	const struct v2m_nat_rule rival = { .root.chain = 1, .families = V2M_NAT_BOTH };
	const struct v2m_nat_rule later = { .root = { 1, 1 }, .families = V2M_NAT_BOTH };
	const struct v2m_nat_rule legacy = { .legacy = true, .families = V2M_NAT_IPV4 };
	const struct v2m_nat_rule of_device = { .root.chain = 1,
						.devices = true,
						.families = V2M_NAT_BOTH };
	const struct {
		const struct v2m_nat_rule *terms;
		bool names_ports;
		bool disputes;
	} cases[] = {
		{ &rival, true, true },     { &rival, false, true }, { &legacy, true, true },
		{ &of_device, true, true }, { &later, true, false }, { &of_device, false, false },
	};
	const char *said = "port 443 to a key's port 10001, another one may send it elsewhere";
	struct v2m_published made;

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		made = make_with_rival(8080, cases[i].terms, cases[i].names_ports,
				       !cases[i].disputes);
		assert_int_equal(strstr(made.unknown.text, said) != NULL, cases[i].disputes);
		v2m_published_clear(&made);
	}
	/* Both lead to the same port. */
	made = make_with_rival(KEY_PORT, &legacy, true, 2);
	assert_string_equal(made.unknown.text, "");
	v2m_published_clear(&made);
}

static void a_disputed_port_leaves_the_others_of_its_range(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;

	(void)state;
	add_rule(&rules, 20000, 20100, RANGE_FIRST)->target =
		(struct v2m_nat_target){ RANGE_FIRST, RANGE_LAST, true, 20000 };
	add_rule(&rules, 20050, 20051, 8080)->root.chain = 1;
	made = make(&rules, all_read, &scope, 2);
	assert_alias(&made, 0, 20000, 20049);
	assert_alias(&made, 1, 20052, 20100);
	assert_int_equal(made.aliases.items[1].target, RANGE_FIRST + 52);
	assert_non_null(strstr(made.unknown.text, "port 20050 to a key's port 30050, another"));
	v2m_published_clear(&made);
}

static void a_map_that_is_not_understood_is_said(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;

	(void)state;
	add_rule(&rules, 443, 443, 0);
	rules.items[0].clear = false;
	rules.items[0].opaque = true;
	made = make(&rules, all_read, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "a map that is not understood"));
	v2m_published_clear(&made);
}

static void what_cannot_be_read_is_said_unless_it_is_configured(void **state)
{
	struct v2m_port_alias alias = { 443, 443, KEY_PORT, V2M_TCP, V2M_ALIAS_CONFIGURED, 0 };
	struct v2m_port_aliases configured = { &alias, 1, 1 };
	struct v2m_published_scope with = scope;
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;

	(void)state;
	made = make(&rules, (struct v2m_published_reading){ .nft = -EPERM }, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "nftables on this host cannot be read"));
	made = make(&rules, (struct v2m_published_reading){ .legacy = -EPERM }, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "iptables-legacy"));
	made = make(&rules, (struct v2m_published_reading){ -EOPNOTSUPP, -EOPNOTSUPP }, &scope, 0);
	assert_string_equal(made.unknown.text, "");
	with.configured = &configured;
	made = make(&rules, (struct v2m_published_reading){ -EPERM, -EPERM }, &with, 1);
	assert_string_equal(made.unknown.text, "");
	assert_int_equal(made.aliases.items[0].origin, V2M_ALIAS_CONFIGURED);
	v2m_published_clear(&made);
}

static void ports_that_are_shifted_are_one_alias_for_each_slot(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;

	(void)state;
	/* 20000 goes to 30000, and so on: one slot. */
	add_rule(&rules, 20000, 20100, RANGE_FIRST)->target =
		(struct v2m_nat_target){ RANGE_FIRST, RANGE_LAST, true, 20000 };
	/* 5000 goes to KEY_PORT - 1, 5001 to KEY_PORT, 5002 to the one behind it, which is another
	 * slot; 5003 begins at KEY_PORT - 1 again. */
	add_rule(&rules, 5000, 5003, 0)->target =
		(struct v2m_nat_target){ KEY_PORT - 1, KEY_PORT + 1, true, 5000 };
	made = make(&rules, all_read, &scope, 3);
	assert_int_equal(made.aliases.items[0].first_port, 20000);
	assert_int_equal(made.aliases.items[0].last_port, 20100);
	assert_int_equal(made.aliases.items[0].target, RANGE_FIRST);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(made.aliases.items[1 + i].first_port, 5001 + i);
		assert_int_equal(made.aliases.items[1 + i].last_port, 5001 + i);
		assert_int_equal(made.aliases.items[1 + i].target, KEY_PORT + i);
	}
	assert_string_equal(made.unknown.text, "");
	v2m_published_clear(&made);
}

static void any_port_of_a_range_will_do_if_all_count_in_one_slot(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;

	(void)state;
	add_rule(&rules, 443, 444, 0)->target =
		(struct v2m_nat_target){ .first = RANGE_FIRST, .last = RANGE_LAST };
	made = make(&rules, all_read, &scope, 1);
	assert_string_equal(made.unknown.text, "");
	v2m_published_clear(&made);
	/* One port beyond is nobody's, and may get the packet. */
	add_rule(&rules, 443, 444, 0)->target =
		(struct v2m_nat_target){ .first = RANGE_FIRST, .last = RANGE_LAST + 1 };
	made = make(&rules, all_read, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "port 443 to a key's port 30000"));
	v2m_published_clear(&made);
}

static void a_rule_that_names_no_port_is_said(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;
	struct v2m_nat_rule *rule;

	(void)state;
	rule = add_rule(&rules, 443, 443, KEY_PORT);
	v2m_array_clear(&rule->ports);
	made = make(&rules, all_read, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "a key's port 10001 what arrives at ports"));
	rule = add_rule(&rules, 443, 443, KEY_PORT + 2);
	v2m_array_clear(&rule->ports);
	made = make(&rules, all_read, &scope, 0);
	assert_string_equal(made.unknown.text, "");
	v2m_published_clear(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_for_a_keys_port_is_an_alias_once),
		cmocka_unit_test(rules_about_others_are_no_aliases),
		cmocka_unit_test(an_address_that_serves_nobody_is_said),
		cmocka_unit_test(a_rule_of_one_family_is_no_alias_if_the_other_one_serves_others),
		cmocka_unit_test(
			a_rule_of_one_address_is_an_alias_if_no_other_address_serves_others),
		cmocka_unit_test(a_port_of_rules_whose_order_is_not_known_is_said),
		cmocka_unit_test(a_disputed_port_leaves_the_others_of_its_range),
		cmocka_unit_test(a_map_that_is_not_understood_is_said),
		cmocka_unit_test(what_cannot_be_read_is_said_unless_it_is_configured),
		cmocka_unit_test(ports_that_are_shifted_are_one_alias_for_each_slot),
		cmocka_unit_test(any_port_of_a_range_will_do_if_all_count_in_one_slot),
		cmocka_unit_test(a_rule_that_names_no_port_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
