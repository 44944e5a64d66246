// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which NAT rules publish a key's port. */
#include "paths/published.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/macros.h"
#include "base/transport.h"
#include "paths/nat_chains.h"

#define KEY_PORT 10001
/* Ports of one slot. */
#define RANGE_FIRST 30000
#define RANGE_LAST  30100

static const uint8_t own[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };

static uint32_t find_slot(const void *context, uint16_t port, unsigned transports)
{
	(void)context;
	if (!(transports & V2M_TCP))
		return 0;
	if (port >= RANGE_FIRST && port <= RANGE_LAST)
		return RANGE_FIRST;
	return port == KEY_PORT || port == KEY_PORT + 1 ? port : 0;
}

static bool is_served(const void *context, const uint8_t address[16])
{
	(void)context;
	return memcmp(address, own, sizeof(own)) == 0;
}

/* Somebody serves port 22 here, and port 80 by IPv6. */
static bool is_free(const void *context, uint16_t port, unsigned transports, unsigned families)
{
	(void)context;
	(void)transports;
	return port != 22 && !(port == 80 && families & V2M_NAT_IPV6);
}

static const struct v2m_published_scope scope = { NULL, find_slot, is_served, is_free, NULL };
static const struct v2m_tracked_list nothing_tracked;

static const struct v2m_published_reading all_read = { 0, 0 };

/* A rule that is clear, for TCP. */
static struct v2m_nat_rule *add_rule(struct v2m_nat_rules *rules, uint16_t first, uint16_t last,
				     uint16_t target)
{
	struct v2m_nat_rule *rule = v2m_array_append(rules);

	*rule = (struct v2m_nat_rule){
		.changes = true,
		.clear = true,
		.families = V2M_NAT_BOTH,
		.transports = V2M_TCP,
		.target = { .first = target, .last = target },
	};
	assert_int_equal(
		v2m_array_add(&rule->ports, (struct v2m_nat_ports){ .first = first, .last = last }),
		0);
	return rule;
}

/* Makes the list, expects so many aliases, and clears the rules. */
static struct v2m_published make(struct v2m_nat_rules *rules, struct v2m_published_reading read,
				 const struct v2m_published_scope *with, size_t aliases)
{
	struct v2m_published made;

	assert_int_equal(v2m_published_make(rules, read, &nothing_tracked, with, &made), 0);
	assert_int_equal(made.aliases.count, aliases);
	v2m_nat_rules_clear(rules);
	return made;
}

static void assert_alias(const struct v2m_published *made, size_t at, uint16_t first, uint16_t last)
{
	assert_int_equal(made->aliases.items[at].first_port, first);
	assert_int_equal(made->aliases.items[at].last_port, last);
}

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
		cmocka_unit_test(a_rule_for_a_keys_port_is_an_alias_once),
		cmocka_unit_test(rules_about_others_are_no_aliases),
		cmocka_unit_test(an_address_that_serves_nobody_is_said),
		cmocka_unit_test(a_rule_of_one_family_is_no_alias_if_the_other_one_serves_others),
		cmocka_unit_test(a_port_of_rules_whose_order_is_not_known_is_said),
		cmocka_unit_test(a_disputed_port_leaves_the_others_of_its_range),
		cmocka_unit_test(a_map_that_is_not_understood_is_said),
		cmocka_unit_test(what_cannot_be_read_is_said_unless_it_is_configured),
		cmocka_unit_test(ports_that_are_shifted_are_one_alias_for_each_slot),
		cmocka_unit_test(any_port_of_a_range_will_do_if_all_count_in_one_slot),
		cmocka_unit_test(a_rule_that_names_no_port_is_said),
		cmocka_unit_test(connections_show_what_a_rule_does_that_is_not_understood),
		cmocka_unit_test(a_port_that_serves_others_too_is_no_alias),
		cmocka_unit_test(connections_to_others_are_nobodys),
		cmocka_unit_test(ports_beyond_what_can_be_compared_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
