// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rules of nftables that look into sets and maps. */
#include "paths/nat_rule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/transport.h"
#include "paths/nat_chains.h"

#define KEY_PORT 10001
#define CHAIN    7

static const uint8_t own[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };

/* The expressions of one rule, as the kernel gives them. */
static uint64_t bytes[512];
static struct nlmsghdr *message;
static struct nlattr *list;
static struct nlattr *expression;
static struct nlattr *data;

static void begin_rule(void)
{
	message = mnl_nlmsg_put_header(bytes);
	list = mnl_attr_nest_start(message, NFTA_RULE_EXPRESSIONS);
}

static void begin(const char *name)
{
	expression = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
	mnl_attr_put_strz(message, NFTA_EXPR_NAME, name);
	data = mnl_attr_nest_start(message, NFTA_EXPR_DATA);
}

static void put(uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(message, type, htonl(value));
}

static void end(void)
{
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, expression);
}

static void load(uint32_t base, uint32_t offset, uint32_t length, uint32_t to)
{
	begin("payload");
	put(NFTA_PAYLOAD_BASE, base);
	put(NFTA_PAYLOAD_OFFSET, offset);
	put(NFTA_PAYLOAD_LEN, length);
	put(NFTA_PAYLOAD_DREG, to);
	end();
}

/* The destination of IPv4 in register 1, and the port in the one behind it. */
static void load_destination(void)
{
	load(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, NFT_REG_1);
	load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_01);
}

static void look_up(const char *set, bool maps, uint32_t to)
{
	begin("lookup");
	mnl_attr_put_strz(message, NFTA_LOOKUP_SET, set);
	put(NFTA_LOOKUP_SREG, NFT_REG_1);
	if (maps)
		put(NFTA_LOOKUP_DREG, to);
	end();
}

/* DNAT to the address in register 1 and the port behind it. */
static void translate(void)
{
	begin("nat");
	put(NFTA_NAT_TYPE, NFT_NAT_DNAT);
	put(NFTA_NAT_FAMILY, NFPROTO_IPV4);
	put(NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	put(NFTA_NAT_REG_PROTO_MIN, NFT_REG32_01);
	end();
}

static struct v2m_nat_set answer;
static unsigned asked;

static int read_set(void *context, const char *name, struct v2m_nat_set *set)
{
	(void)context;
	asked++;
	if (strcmp(name, "secret") == 0)
		return -EINVAL;
	for (size_t i = 0; i < answer.count; i++)
		assert_int_equal(v2m_array_add(set, answer.items[i]), 0);
	return 0;
}

static uint32_t find_chain(void *context, const char *name)
{
	(void)context;
	(void)name;
	return 9;
}

static struct v2m_nat_rules read_rule(void)
{
	const struct v2m_nat_rule_scope scope = { .chain = CHAIN,
						  .families = V2M_NAT_BOTH,
						  .read_set = read_set,
						  .find_chain = find_chain };
	struct v2m_nat_rules rules = { 0 };

	mnl_attr_nest_end(message, list);
	assert_int_equal(v2m_nat_rule_read(list, &scope, &rules), 0);
	v2m_array_clear(&answer);
	return rules;
}

/* An element whose key is an address of IPv4 and a range of ports. */
static struct v2m_nat_element *add_element(uint8_t last_byte, uint16_t first, uint16_t last)
{
	struct v2m_nat_element *made = v2m_array_append(&answer);

	assert_non_null(made);
	memcpy(made->first, own + 12, 3);
	made->first[3] = last_byte;
	memcpy(made->last, made->first, 4);
	made->first[4] = (uint8_t)(first >> 8);
	made->first[5] = (uint8_t)first;
	made->last[4] = (uint8_t)(last >> 8);
	made->last[5] = (uint8_t)last;
	made->key_length = 8;
	return made;
}

static void send_to(struct v2m_nat_element *element, uint16_t port)
{
	memcpy(element->data, own + 12, 4);
	element->data[4] = (uint8_t)(port >> 8);
	element->data[5] = (uint8_t)port;
	element->data_length = 8;
}

static void each_element_of_a_concatenation_is_a_rule(void **state)
{
	struct v2m_nat_rules rules;

	(void)state;
	send_to(add_element(1, 443, 443), KEY_PORT);
	send_to(add_element(2, 8000, 8100), KEY_PORT + 1);
	begin_rule();
	load_destination();
	look_up("map", true, NFT_REG_1);
	translate();
	rules = read_rule();
	assert_int_equal(rules.count, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(rules.items[i].clear && rules.items[i].changes);
		assert_true(rules.items[i].addressed && rules.items[i].elsewhere);
		assert_int_equal(rules.items[i].families, V2M_NAT_IPV4);
		assert_int_equal(rules.items[i].destination[15], 1 + i);
		assert_memory_equal(rules.items[i].address, own, sizeof(own));
		assert_int_equal(rules.items[i].target.first, KEY_PORT + i);
		assert_int_equal(rules.items[i].chain, CHAIN);
	}
	assert_int_equal(rules.items[0].ports.items[0].first, 443);
	assert_int_equal(rules.items[1].ports.items[0].first, 8000);
	assert_int_equal(rules.items[1].ports.items[0].last, 8100);
	v2m_nat_rules_clear(&rules);
}

static void an_element_that_the_rest_of_the_rule_excludes_is_none(void **state)
{
	struct v2m_nat_rules rules;
	const uint16_t port = htons(444);

	(void)state;
	send_to(add_element(1, 443, 443), KEY_PORT);
	send_to(add_element(1, 444, 444), KEY_PORT);
	begin_rule();
	load_destination();
	begin("cmp");
	put(NFTA_CMP_SREG, NFT_REG32_01);
	put(NFTA_CMP_OP, NFT_CMP_EQ);
	struct nlattr *value = mnl_attr_nest_start(message, NFTA_CMP_DATA);
	mnl_attr_put(message, NFTA_DATA_VALUE, sizeof(port), &port);
	mnl_attr_nest_end(message, value);
	end();
	look_up("map", true, NFT_REG_1);
	translate();
	rules = read_rule();
	assert_int_equal(rules.count, 1);
	assert_int_equal(rules.items[0].ports.items[0].first, 444);
	v2m_nat_rules_clear(&rules);
}

static void a_map_of_verdicts_leads_to_chains(void **state)
{
	struct v2m_nat_rules rules;
	struct v2m_nat_element *element = add_element(1, 443, 443);

	(void)state;
	element->verdict = true;
	element->code = (uint32_t)NFT_JUMP;
	element->chain = 9;
	element = add_element(1, 444, 444);
	element->verdict = true;
	element->code = NF_ACCEPT;
	begin_rule();
	load_destination();
	look_up("map", true, NFT_REG_VERDICT);
	rules = read_rule();
	assert_int_equal(rules.count, 2);
	assert_int_equal(rules.items[0].jump, 9);
	assert_true(rules.items[0].clear && !rules.items[0].ends && !rules.items[0].branches);
	assert_true(rules.items[1].ends && !rules.items[1].jump);
	v2m_nat_rules_clear(&rules);
}

static void keys_that_are_not_understood_hold_for_some_senders(void **state)
{
	struct v2m_nat_rules rules;

	(void)state;
	/* A source in place of a destination. */
	send_to(add_element(1, 443, 443), KEY_PORT);
	begin_rule();
	load(NFT_PAYLOAD_NETWORK_HEADER, 12, 4, NFT_REG_1);
	load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_01);
	look_up("map", true, NFT_REG_1);
	translate();
	rules = read_rule();
	assert_int_equal(rules.count, 1);
	assert_true(!rules.items[0].clear && !rules.items[0].addressed);
	assert_int_equal(rules.items[0].ports.items[0].first, 443);
	v2m_nat_rules_clear(&rules);
	/* A key that is longer than any, and a range of addresses. */
	add_element(1, 443, 443)->key_length = 0;
	add_element(1, 444, 444)->last[3] = 9;
	begin_rule();
	load_destination();
	look_up("set", false, 0);
	translate();
	rules = read_rule();
	assert_int_equal(rules.count, 2);
	assert_false(rules.items[0].clear || rules.items[1].clear);
	assert_true(rules.items[0].opaque);
	assert_int_equal(rules.items[0].ports.count, 0);
	assert_int_equal(rules.items[1].ports.items[0].first, 444);
	v2m_nat_rules_clear(&rules);
	/* A map that cannot be read. */
	begin_rule();
	load_destination();
	look_up("secret", true, NFT_REG_VERDICT);
	rules = read_rule();
	assert_int_equal(rules.count, 1);
	assert_true(rules.items[0].branches && !rules.items[0].clear);
	v2m_nat_rules_clear(&rules);
}

/* Such as a list of all addresses of a country. */
static void a_list_of_sources_is_not_read(void **state)
{
	struct v2m_nat_rules rules;

	(void)state;
	asked = 0;
	begin_rule();
	load(NFT_PAYLOAD_NETWORK_HEADER, 12, 4, NFT_REG_1);
	look_up("sources", false, 0);
	translate();
	rules = read_rule();
	assert_int_equal(rules.count, 1);
	assert_false(rules.items[0].clear);
	assert_int_equal(asked, 0);
	v2m_nat_rules_clear(&rules);
	/* A long list of destinations makes no rules of its own. */
	for (unsigned i = 0; i < 1025; i++)
		add_element((uint8_t)i, 443, 443);
	begin_rule();
	load_destination();
	look_up("set", false, 0);
	translate();
	rules = read_rule();
	assert_int_equal(rules.count, 1);
	assert_false(rules.items[0].clear);
	v2m_nat_rules_clear(&rules);
}

/* The last registers cannot hold what follows them. */
static void a_key_beyond_the_registers_is_not_read(void **state)
{
	struct v2m_nat_rules rules;

	(void)state;
	send_to(add_element(1, 443, 443), KEY_PORT);
	begin_rule();
	load(NFT_PAYLOAD_NETWORK_HEADER, 24, 16, NFT_REG32_15 + 4);
	begin("lookup");
	mnl_attr_put_strz(message, NFTA_LOOKUP_SET, "map");
	put(NFTA_LOOKUP_SREG, NFT_REG32_15 + 4);
	put(NFTA_LOOKUP_DREG, NFT_REG32_15 + 4);
	end();
	translate();
	rules = read_rule();
	assert_int_equal(rules.count, 1);
	assert_true(!rules.items[0].clear && rules.items[0].opaque);
	v2m_nat_rules_clear(&rules);
}

static void an_empty_set_holds_for_no_packet(void **state)
{
	struct v2m_nat_rules rules;

	(void)state;
	begin_rule();
	load_destination();
	look_up("map", true, NFT_REG_1);
	translate();
	rules = read_rule();
	assert_int_equal(rules.count, 0);
	v2m_nat_rules_clear(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_element_of_a_concatenation_is_a_rule),
		cmocka_unit_test(an_element_that_the_rest_of_the_rule_excludes_is_none),
		cmocka_unit_test(a_map_of_verdicts_leads_to_chains),
		cmocka_unit_test(keys_that_are_not_understood_hold_for_some_senders),
		cmocka_unit_test(a_list_of_sources_is_not_read),
		cmocka_unit_test(a_key_beyond_the_registers_is_not_read),
		cmocka_unit_test(an_empty_set_holds_for_no_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
