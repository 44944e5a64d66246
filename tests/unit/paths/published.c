// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which NAT rules publish a key's port, and what iptables hands to nftables. */
#include "paths/published.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/transport.h"
#include "paths/xt_nat.h"

#define KEY_PORT 10001

static const uint8_t own[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };

static bool has_key(const void *context, uint16_t port, unsigned transports)
{
	(void)context;
	return port == KEY_PORT && transports & V2M_TCP;
}

static bool is_served(const void *context, const uint8_t address[16])
{
	(void)context;
	return memcmp(address, own, sizeof(own)) == 0;
}

static const struct v2m_published_scope scope = { NULL, has_key, is_served, NULL };

/* A rule that is clear, for TCP. */
static void add_rule(struct v2m_nat_rules *rules, uint16_t first, uint16_t last, uint16_t target)
{
	struct v2m_nat_rule *rule = v2m_array_append(rules);

	*rule = (struct v2m_nat_rule){ .changes = true, .clear = true, .transports = V2M_TCP };
	assert_int_equal(v2m_array_add(&rule->ports, (struct v2m_nat_ports){ first, last, target }),
			 0);
}

/* Makes the list, expects so many aliases, and clears the rules. */
static struct v2m_published make(struct v2m_nat_rules *rules, int read, bool legacy,
				 const struct v2m_published_scope *with, size_t aliases)
{
	struct v2m_published made;

	assert_int_equal(v2m_published_make(rules, read, legacy, with, &made), 0);
	assert_int_equal(made.aliases.count, aliases);
	v2m_nat_rules_clear(rules);
	return made;
}

static void a_rule_for_a_keys_port_is_an_alias_once(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;

	(void)state;
	add_rule(&rules, 443, 443, KEY_PORT);
	add_rule(&rules, 443, 443, KEY_PORT);
	add_rule(&rules, 8000, 8100, KEY_PORT);
	made = make(&rules, 0, false, &scope, 2);
	assert_int_equal(made.aliases.items[1].first_port, 8000);
	assert_int_equal(made.aliases.items[1].last_port, 8100);
	assert_int_equal(made.aliases.items[1].target, KEY_PORT);
	assert_true(made.aliases.items[1].found);
	assert_string_equal(made.unknown.text, "");
	v2m_published_clear(&made);
}

static void rules_about_others_are_no_aliases(void **state)
{
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;

	(void)state;
	add_rule(&rules, 443, 443, KEY_PORT + 1);
	add_rule(&rules, 444, 444, 0);
	add_rule(&rules, KEY_PORT, KEY_PORT, KEY_PORT);
	add_rule(&rules, 445, 445, KEY_PORT);
	rules.items[3].transports = V2M_UDP;
	/* Not understood, but not about a key either. */
	add_rule(&rules, 446, 446, KEY_PORT + 1);
	rules.items[4].clear = false;
	made = make(&rules, 0, false, &scope, 0);
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
	made = make(&rules, 0, false, &scope, 1);
	v2m_published_clear(&made);
	add_rule(&rules, 443, 443, KEY_PORT);
	rules.items[0].elsewhere = true;
	made = make(&rules, 0, false, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "port 443 to a key's port 10001"));
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
	made = make(&rules, 0, false, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "a map that is not understood"));
	v2m_published_clear(&made);
}

static void what_cannot_be_read_is_said_unless_it_is_configured(void **state)
{
	struct v2m_port_alias alias = { 443, 443, KEY_PORT, V2M_TCP, false };
	struct v2m_port_aliases configured = { &alias, 1, 1 };
	struct v2m_published_scope with = scope;
	struct v2m_nat_rules rules = { 0 };
	struct v2m_published made;

	(void)state;
	made = make(&rules, -EPERM, false, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "cannot be read"));
	made = make(&rules, 0, true, &scope, 0);
	assert_non_null(strstr(made.unknown.text, "iptables-legacy"));
	made = make(&rules, -EOPNOTSUPP, false, &scope, 0);
	assert_string_equal(made.unknown.text, "");
	with.configured = &configured;
	made = make(&rules, -EPERM, true, &with, 1);
	assert_string_equal(made.unknown.text, "");
	assert_false(made.aliases.items[0].found);
	v2m_published_clear(&made);
}

static void ports_of_iptables_are_read(void **state)
{
	struct xt_tcp tcp = { .spts = { 0, 65535 }, .dpts = { 443, 445 } };
	struct xt_udp udp = { .spts = { 0, 65535 }, .dpts = { 20000, 20100 } };
	struct xt_multiport_v1 multi = { .flags = XT_MULTIPORT_DESTINATION, .count = 3 };
	struct v2m_nat_ports_list ports = { 0 };
	struct v2m_xt_match match = { &ports };

	(void)state;
	multi.ports[0] = 80;
	multi.ports[1] = 90;
	multi.ports[2] = 99;
	multi.pflags[1] = 1;
	assert_int_equal(v2m_xt_match_read("tcp", &tcp, sizeof(tcp), &match), 0);
	assert_int_equal(v2m_xt_match_read("udp", &udp, sizeof(udp), &match), 0);
	assert_int_equal(v2m_xt_match_read("multiport", &multi, sizeof(multi), &match), 0);
	assert_int_equal(ports.count, 4);
	assert_int_equal(ports.items[0].last, 445);
	assert_int_equal(ports.items[1].first, 20000);
	assert_int_equal(ports.items[2].last, 80);
	assert_int_equal(ports.items[3].first, 90);
	assert_int_equal(ports.items[3].last, 99);
	tcp.invflags = XT_TCP_INV_DSTPT;
	assert_int_equal(v2m_xt_match_read("tcp", &tcp, sizeof(tcp), &match), -EINVAL);
	udp.spts[0] = 53;
	assert_int_equal(v2m_xt_match_read("udp", &udp, sizeof(udp), &match), -EINVAL);
	multi.flags = XT_MULTIPORT_SOURCE;
	assert_int_equal(v2m_xt_match_read("multiport", &multi, sizeof(multi), &match), -EINVAL);
	/* Too short, and unknown. */
	assert_int_equal(v2m_xt_match_read("tcp", &tcp, 4, &match), -EINVAL);
	assert_int_equal(v2m_xt_match_read("addrtype", &tcp, sizeof(tcp), &match), -EINVAL);
	assert_int_equal(ports.count, 4);
	v2m_array_clear(&ports);
}

static void targets_of_iptables_are_read(void **state)
{
	struct nf_nat_ipv4_multi_range_compat old = { .rangesize = 1 };
	struct nf_nat_range2 new = { .flags = NF_NAT_RANGE_PROTO_SPECIFIED | NF_NAT_RANGE_MAP_IPS };
	struct v2m_xt_target target;

	(void)state;
	old.range[0].flags = NF_NAT_RANGE_PROTO_SPECIFIED;
	old.range[0].min.all = old.range[0].max.all = htons(KEY_PORT);
	assert_true(v2m_xt_target_read("REDIRECT", 0, &old, sizeof(old), &target));
	assert_int_equal(target.port, KEY_PORT);
	assert_true(target.clear);
	assert_false(target.elsewhere);
	old.range[0].max.all = htons(KEY_PORT + 5);
	assert_true(v2m_xt_target_read("REDIRECT", 0, &old, sizeof(old), &target));
	assert_false(target.clear);
	memcpy(&new.min_addr, own + 12, 4);
	new.min_proto.all = new.max_proto.all = htons(KEY_PORT);
	assert_true(v2m_xt_target_read("DNAT", 2, &new, sizeof(new), &target));
	assert_true(target.elsewhere && target.clear);
	assert_int_equal(target.port, KEY_PORT);
	assert_memory_equal(target.address, own, sizeof(own));
	assert_true(v2m_xt_target_read("DNAT", 2, &new, 3, &target));
	assert_false(target.clear);
	assert_false(v2m_xt_target_read("MASQUERADE", 0, &old, sizeof(old), &target));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_for_a_keys_port_is_an_alias_once),
		cmocka_unit_test(rules_about_others_are_no_aliases),
		cmocka_unit_test(an_address_that_serves_nobody_is_said),
		cmocka_unit_test(a_map_that_is_not_understood_is_said),
		cmocka_unit_test(what_cannot_be_read_is_said_unless_it_is_configured),
		cmocka_unit_test(ports_of_iptables_are_read),
		cmocka_unit_test(targets_of_iptables_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
