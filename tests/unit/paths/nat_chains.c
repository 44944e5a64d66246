// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The ways of packets through chains, and the order of rules. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/transport.h"
#include "paths/nat_chains.h"

#define KEY_PORT 10001

static struct v2m_nat_rule *add_rule(struct v2m_nat_rules *rules, uint32_t chain, uint32_t jump,
				     uint16_t port)
{
	struct v2m_nat_rule *rule = v2m_array_append(rules);

	*rule = (struct v2m_nat_rule){
		.changes = !jump,
		.clear = true,
		.families = V2M_NAT_BOTH,
		.transports = V2M_TCP | V2M_UDP,
		.target = { .first = KEY_PORT, .last = KEY_PORT },
		.chain = chain,
		.jump = jump,
	};
	if (port)
		assert_int_equal(
			v2m_array_add(&rule->ports,
				      (struct v2m_nat_ports){ .first = port, .last = port }),
			0);
	return rule;
}

/* Chain 1 is where arriving packets begin, and chain 2 where those of this host do. */
static void follow(struct v2m_nat_rules *rules, size_t expected)
{
	struct v2m_nat_root first = { .chain = 1 };
	struct v2m_nat_root second = { .chain = 2 };
	const struct v2m_nat_roots roots = { &first, 1, 1 };
	const struct v2m_nat_roots others = { &second, 1, 1 };

	assert_int_equal(v2m_nat_chains_follow(rules, &roots, &others), 0);
	assert_int_equal(rules->count, expected);
}

static void a_rule_has_the_conditions_of_the_way_to_it(void **state)
{
	struct v2m_nat_rules rules = { 0 };

	(void)state;
	add_rule(&rules, 1, 3, 443)->transports = V2M_TCP;
	add_rule(&rules, 1, 4, 0)->clear = false;
	add_rule(&rules, 3, 0, 0);
	add_rule(&rules, 3, 0, 443);
	add_rule(&rules, 3, 0, 444);
	add_rule(&rules, 4, 0, 445);
	/* The first rule of chain 3 leaves nothing to the second one, and no packets of port 444
	 * come there. */
	follow(&rules, 2);
	assert_int_equal(rules.items[0].ports.items[0].first, 443);
	assert_int_equal(rules.items[0].transports, V2M_TCP);
	assert_true(rules.items[0].clear);
	assert_int_equal(rules.items[1].ports.items[0].first, 445);
	assert_false(rules.items[1].clear);
	v2m_nat_rules_clear(&rules);
}

static void rules_that_arriving_packets_do_not_reach_are_left_out(void **state)
{
	struct v2m_nat_rules rules = { 0 };

	(void)state;
	add_rule(&rules, 2, 3, 0);
	add_rule(&rules, 2, 0, 446);
	add_rule(&rules, 3, 0, 443);
	add_rule(&rules, 4, 0, 444);
	follow(&rules, 0);
	/* If a map names chains, it may lead to those that nothing else leads to. */
	add_rule(&rules, 1, 0, 0)->branches = true;
	rules.items[0].changes = false;
	add_rule(&rules, 2, 3, 0);
	add_rule(&rules, 3, 0, 443);
	add_rule(&rules, 4, 0, 444);
	follow(&rules, 1);
	assert_int_equal(rules.items[0].ports.items[0].first, 444);
	assert_false(rules.items[0].clear);
	v2m_nat_rules_clear(&rules);
}

static void add_end(struct v2m_nat_rules *rules, uint32_t chain, uint16_t port)
{
	struct v2m_nat_rule *rule = add_rule(rules, chain, 0, port);

	rule->changes = false;
	rule->ends = true;
}

static void assert_ports(const struct v2m_nat_rule *rule, size_t at, uint16_t first, uint16_t last)
{
	assert_true(at < rule->ports.count);
	assert_int_equal(rule->ports.items[at].first, first);
	assert_int_equal(rule->ports.items[at].last, last);
}

/* As with "dport 22 accept" before a rule for all ports from 1 to 1000. */
static void ports_that_an_earlier_rule_takes_are_not_the_later_ones(void **state)
{
	struct v2m_nat_rules rules = { 0 };

	(void)state;
	add_rule(&rules, 1, 0, 22);
	add_end(&rules, 1, 24);
	/* It holds for what containers send, as in docker's chains. */
	add_end(&rules, 1, 0);
	rules.items[2].devices = true;
	add_rule(&rules, 1, 0, 1)->ports.items[0].last = 1000;
	rules.items[3].transports = V2M_TCP;
	add_rule(&rules, 1, 0, 23);
	add_rule(&rules, 1, 3, 0);
	add_rule(&rules, 1, 0, 2022);
	add_end(&rules, 3, 2022);
	add_rule(&rules, 3, 0, 2022);
	follow(&rules, 3);
	assert_ports(&rules.items[0], 0, 22, 22);
	assert_true(rules.items[0].clear && rules.items[1].clear);
	assert_int_equal(rules.items[1].ports.count, 3);
	assert_ports(&rules.items[1], 0, 1, 21);
	assert_ports(&rules.items[1], 1, 23, 23);
	assert_ports(&rules.items[1], 2, 25, 1000);
	/* UDP port 23 is left to the later rule, and it holds for TCP too. */
	assert_ports(&rules.items[2], 0, 23, 23);
	v2m_nat_rules_clear(&rules);
}

/* As with "saddr 192.0.2.7 dport 22 accept": nobody knows whose packets those of port 22 are. */
static void ports_of_which_an_earlier_rule_takes_some_packets_are_not_clear(void **state)
{
	struct v2m_nat_rules rules = { 0 };

	(void)state;
	add_end(&rules, 1, 22);
	rules.items[0].clear = false;
	add_rule(&rules, 1, 0, 20)->ports.items[0].last = 30;
	add_rule(&rules, 1, 0, 443)->families = V2M_NAT_IPV4;
	add_rule(&rules, 1, 0, 443)->target.first = KEY_PORT - 1;
	follow(&rules, 4);
	assert_int_equal(rules.items[0].ports.count, 2);
	assert_true(rules.items[0].clear && rules.items[2].clear);
	assert_ports(&rules.items[1], 0, 22, 22);
	assert_ports(&rules.items[3], 0, 443, 443);
	assert_false(rules.items[1].clear || rules.items[3].clear);
	v2m_nat_rules_clear(&rules);
	/* An address and no port. */
	add_end(&rules, 1, 0);
	rules.items[0].clear = false;
	add_rule(&rules, 1, 0, 443);
	follow(&rules, 1);
	assert_false(rules.items[0].clear);
	v2m_nat_rules_clear(&rules);
}

/* As with "accept", or "redirect to :8080" for all ports, before other rules. */
static void a_rule_without_ports_leaves_nothing_to_later_ones(void **state)
{
	struct v2m_nat_rules rules = { 0 };

	(void)state;
	for (int changes = 0; changes < 2; changes++) {
		add_rule(&rules, 1, 0, 443);
		add_end(&rules, 1, 0);
		rules.items[1].changes = changes;
		rules.items[1].target.first = KEY_PORT - 1;
		add_rule(&rules, 1, 0, 444);
		follow(&rules, changes ? 2 : 1);
		assert_ports(&rules.items[0], 0, 443, 443);
		v2m_nat_rules_clear(&rules);
	}
	/* It leads to the same port as the later one, which names its port. */
	add_rule(&rules, 1, 0, 0);
	add_rule(&rules, 1, 0, 444);
	follow(&rules, 2);
	assert_true(rules.items[1].clear);
	v2m_nat_rules_clear(&rules);
	/* A chain's end keeps nothing from the rules behind it. */
	add_rule(&rules, 1, 3, 0);
	add_rule(&rules, 1, 0, 444);
	add_end(&rules, 3, 0);
	rules.items[2].ends = false;
	rules.items[2].returns = true;
	add_rule(&rules, 3, 0, 445);
	follow(&rules, 1);
	assert_ports(&rules.items[0], 0, 444, 444);
	assert_true(rules.items[0].clear);
	v2m_nat_rules_clear(&rules);
}

/* As with "meta l4proto tcp accept" and "meta nfproto ipv4 accept". */
static void a_rule_of_one_transport_or_family_leaves_the_other_one(void **state)
{
	struct v2m_nat_rules rules = { 0 };

	(void)state;
	add_end(&rules, 1, 0);
	rules.items[0].transports = V2M_TCP;
	add_rule(&rules, 1, 0, 443);
	add_end(&rules, 1, 0);
	rules.items[2].families = V2M_NAT_IPV4;
	add_rule(&rules, 1, 0, 444);
	follow(&rules, 2);
	assert_int_equal(rules.items[0].transports, V2M_UDP);
	assert_int_equal(rules.items[0].families, V2M_NAT_BOTH);
	assert_int_equal(rules.items[1].transports, V2M_UDP);
	assert_int_equal(rules.items[1].families, V2M_NAT_IPV6);
	assert_true(rules.items[0].clear && rules.items[1].clear);
	v2m_nat_rules_clear(&rules);
	/* TCP of IPv4: TCP of IPv6 is left, and UDP of both. */
	add_end(&rules, 1, 0);
	rules.items[0].transports = V2M_TCP;
	rules.items[0].families = V2M_NAT_IPV4;
	add_rule(&rules, 1, 0, 443);
	follow(&rules, 1);
	assert_false(rules.items[0].clear);
	v2m_nat_rules_clear(&rules);
}

/* One that returns keeps nothing from the rules behind its chain. One that accepts does. */
static void a_rule_that_returns_keeps_its_packets_from_its_chain_only(void **state)
{
	struct v2m_nat_rules rules = { 0 };

	(void)state;
	for (int returns = 0; returns < 2; returns++) {
		add_rule(&rules, 1, 3, 0);
		add_rule(&rules, 1, 0, 443);
		add_end(&rules, 3, 443);
		rules.items[2].returns = returns;
		rules.items[2].ends = !returns;
		add_rule(&rules, 3, 0, 443);
		follow(&rules, (size_t)returns);
		v2m_nat_rules_clear(&rules);
	}
}

/* Nobody knows which of two chains of one priority comes first, so both rules stay. */
static void a_rule_is_not_earlier_in_another_chain_of_the_same_priority(void **state)
{
	struct v2m_nat_root items[2] = { { .chain = 1 }, { .chain = 3 } };
	const struct v2m_nat_roots roots = { items, 2, 2 };
	const struct v2m_nat_roots others = { 0 };
	struct v2m_nat_rules rules = { 0 };

	(void)state;
	for (int32_t later = 0; later < 2; later++) {
		items[1].priority = later;
		add_rule(&rules, 1, 0, 443);
		add_rule(&rules, 3, 0, 443)->target.first = KEY_PORT - 1;
		assert_int_equal(v2m_nat_chains_follow(&rules, &roots, &others), 0);
		assert_int_equal(rules.count, later ? 1 : 2);
		assert_true(later || rules.items[1].clear);
		assert_true(later || !v2m_nat_order_is_known(&rules.items[0], &rules.items[1]));
		v2m_nat_rules_clear(&rules);
	}
}

/* The readers leave different addresses in rules that have none. */
static void rules_of_redirect_lead_to_the_same_whatever_their_addresses(void **state)
{
	struct v2m_nat_rules rules = { 0 };

	(void)state;
	add_rule(&rules, 1, 0, 443);
	add_rule(&rules, 1, 0, 443)->address[10] = 0xff;
	assert_true(v2m_nat_rules_lead_to_same(&rules.items[0], &rules.items[1]));
	rules.items[0].elsewhere = rules.items[1].elsewhere = true;
	assert_false(v2m_nat_rules_lead_to_same(&rules.items[0], &rules.items[1]));
	v2m_nat_rules_clear(&rules);
}

static void chains_that_lead_to_each_other_end(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_nat_root first = { .chain = 1 };
	const struct v2m_nat_roots roots = { &first, 1, 1 };
	const struct v2m_nat_roots others = { 0 };

	(void)state;
	add_rule(&rules, 1, 3, 0);
	add_rule(&rules, 3, 1, 0);
	assert_int_equal(v2m_nat_chains_follow(&rules, &roots, &others), -E2BIG);
	v2m_nat_rules_clear(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_has_the_conditions_of_the_way_to_it),
		cmocka_unit_test(rules_that_arriving_packets_do_not_reach_are_left_out),
		cmocka_unit_test(ports_that_an_earlier_rule_takes_are_not_the_later_ones),
		cmocka_unit_test(ports_of_which_an_earlier_rule_takes_some_packets_are_not_clear),
		cmocka_unit_test(a_rule_without_ports_leaves_nothing_to_later_ones),
		cmocka_unit_test(a_rule_of_one_transport_or_family_leaves_the_other_one),
		cmocka_unit_test(a_rule_that_returns_keeps_its_packets_from_its_chain_only),
		cmocka_unit_test(a_rule_is_not_earlier_in_another_chain_of_the_same_priority),
		cmocka_unit_test(rules_of_redirect_lead_to_the_same_whatever_their_addresses),
		cmocka_unit_test(chains_that_lead_to_each_other_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
