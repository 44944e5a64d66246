// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Matches and targets of iptables, and its own tables. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/transport.h"
#include "paths/legacy_rules.h"
#include "paths/nat_chains.h"
#include "paths/xt_nat.h"

#define KEY_PORT 10001

static const uint8_t own[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };

/* --- matches and targets --- */

static void ports_of_iptables_are_read(void **state)
{
	struct xt_tcp tcp = { .spts = { 0, 65535 }, .dpts = { 443, 445 } };
	struct xt_udp udp = { .spts = { 0, 65535 }, .dpts = { 20000, 20100 } };
	struct xt_multiport_v1 multi = { .flags = XT_MULTIPORT_DESTINATION, .count = 3 };
	struct v2m_nat_ports_list ports = { 0 };

	(void)state;
	multi.ports[0] = 80;
	multi.ports[1] = 90;
	multi.ports[2] = 99;
	multi.pflags[1] = 1;
	assert_int_equal(v2m_xt_match_read("tcp", &tcp, sizeof(tcp), &ports), 0);
	assert_int_equal(v2m_xt_match_read("udp", &udp, sizeof(udp), &ports), 0);
	assert_int_equal(v2m_xt_match_read("multiport", &multi, sizeof(multi), &ports), 0);
	assert_int_equal(ports.count, 4);
	assert_int_equal(ports.items[0].last, 445);
	assert_int_equal(ports.items[1].first, 20000);
	assert_int_equal(ports.items[2].last, 80);
	assert_int_equal(ports.items[3].first, 90);
	assert_int_equal(ports.items[3].last, 99);
	tcp.invflags = XT_TCP_INV_DSTPT;
	assert_int_equal(v2m_xt_match_read("tcp", &tcp, sizeof(tcp), &ports), -EINVAL);
	udp.spts[0] = 53;
	assert_int_equal(v2m_xt_match_read("udp", &udp, sizeof(udp), &ports), -EINVAL);
	multi.flags = XT_MULTIPORT_SOURCE;
	assert_int_equal(v2m_xt_match_read("multiport", &multi, sizeof(multi), &ports), -EINVAL);
	/* Too short, and unknown. */
	assert_int_equal(v2m_xt_match_read("tcp", &tcp, 4, &ports), -EINVAL);
	assert_int_equal(v2m_xt_match_read("owner", &tcp, sizeof(tcp), &ports), -EINVAL);
	assert_int_equal(ports.count, 4);
	v2m_array_clear(&ports);
}

static void an_address_of_this_host_is_no_condition(void **state)
{
	struct xt_addrtype_info_v1 new = { .dest = XT_ADDRTYPE_LOCAL };
	struct xt_addrtype_info old = { .dest = XT_ADDRTYPE_LOCAL };
	struct v2m_nat_ports_list ports = { 0 };

	(void)state;
	assert_int_equal(v2m_xt_match_read("addrtype", &new, sizeof(new), &ports), 0);
	assert_int_equal(v2m_xt_match_read("addrtype", &old, sizeof(old), &ports), 0);
	old.invert_dest = 1;
	assert_int_equal(v2m_xt_match_read("addrtype", &old, sizeof(old), &ports), -EINVAL);
	new.flags = XT_ADDRTYPE_INVERT_DEST;
	assert_int_equal(v2m_xt_match_read("addrtype", &new, sizeof(new), &ports), -EINVAL);
	new = (struct xt_addrtype_info_v1){ .dest = XT_ADDRTYPE_UNICAST };
	assert_int_equal(v2m_xt_match_read("addrtype", &new, sizeof(new), &ports), -EINVAL);
	assert_int_equal(v2m_xt_match_read("addrtype", &new, 4, &ports), -EINVAL);
}

static struct v2m_nat_rule read_target(const char *name, uint32_t revision, const void *info,
				       size_t size)
{
	struct v2m_nat_rule rule = { .clear = true };

	v2m_xt_target_read(name, revision, info, size, &rule);
	return rule;
}

static void targets_of_iptables_are_read(void **state)
{
	struct nf_nat_ipv4_multi_range_compat old = { .rangesize = 1 };
	struct nf_nat_range2 new = { .flags = NF_NAT_RANGE_PROTO_SPECIFIED | NF_NAT_RANGE_MAP_IPS };
	struct v2m_nat_rule rule;

	(void)state;
	old.range[0].flags = NF_NAT_RANGE_PROTO_SPECIFIED;
	old.range[0].min.all = htons(KEY_PORT);
	old.range[0].max.all = htons(KEY_PORT + 5);
	rule = read_target("REDIRECT", 0, &old, sizeof(old));
	assert_true(rule.changes && rule.clear && !rule.elsewhere && !rule.target.shifts);
	assert_int_equal(rule.target.first, KEY_PORT);
	assert_int_equal(rule.target.last, KEY_PORT + 5);
	memcpy(&new.min_addr, own + 12, 4);
	new.min_proto.all = htons(KEY_PORT);
	new.max_proto.all = htons(KEY_PORT + 100);
	new.base_proto.all = htons(20000);
	new.flags |= NF_NAT_RANGE_PROTO_OFFSET;
	rule = read_target("DNAT", 2, &new, sizeof(new));
	assert_true(rule.changes && rule.clear && rule.elsewhere && rule.target.shifts);
	assert_int_equal(rule.target.last, KEY_PORT + 100);
	assert_int_equal(rule.target.base, 20000);
	assert_memory_equal(rule.address, own, sizeof(own));
	rule = read_target("DNAT", 2, &new, 3);
	assert_true(rule.changes && !rule.clear && rule.opaque);
	rule = read_target("MASQUERADE", 0, &old, sizeof(old));
	assert_false(rule.changes);
}

/* --- tables of iptables-legacy --- */

/* A table that is put together as iptables does. */
struct table {
	uint64_t bytes[512];
	size_t size;
	bool is_ipv6;
};

static size_t header_size(const struct table *table)
{
	return table->is_ipv6 ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
}

/* Adds a match or a target at the end of the table. */
static void put(struct table *table, const char *name, unsigned revision, const void *info,
		size_t size)
{
	struct xt_entry_match head = { .u.user = { .revision = (uint8_t)revision } };
	uint8_t *at = (uint8_t *)table->bytes + table->size;

	strcpy(head.u.user.name, name);
	head.u.match_size = (uint16_t)(sizeof(head) + XT_ALIGN(size));
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), info, size);
	table->size += head.u.match_size;
}

/* Adds a rule for a TCP port, 0 for all packets. */
static void put_rule(struct table *table, uint16_t port, const char *target, unsigned revision,
		     const void *info, size_t size)
{
	const struct xt_tcp tcp = { .spts = { 0, 65535 }, .dpts = { port, port } };
	size_t begin = table->size;
	uint8_t *at = (uint8_t *)table->bytes + begin;
	struct ipt_entry ipv4 = { .ip.proto = port ? IPPROTO_TCP : 0 };
	struct ip6t_entry ipv6 = { .ipv6.proto = port ? IPPROTO_TCP : 0 };
	uint16_t offset;

	table->size += header_size(table);
	if (port)
		put(table, "tcp", 0, &tcp, sizeof(tcp));
	offset = (uint16_t)(table->size - begin);
	put(table, target, revision, info, size);
	ipv4.target_offset = ipv6.target_offset = offset;
	ipv4.next_offset = ipv6.next_offset = (uint16_t)(table->size - begin);
	memcpy(at, table->is_ipv6 ? (void *)&ipv6 : (void *)&ipv4, header_size(table));
}

static void put_verdict(struct table *table, uint16_t port, int verdict)
{
	put_rule(table, port, XT_STANDARD_TARGET, 0, &verdict, sizeof(verdict));
}

/* Makes the rule that ends at an offset lead to another offset. */
static void set_verdict(struct table *table, size_t end, size_t to)
{
	int verdict = (int)to;

	memcpy((uint8_t *)table->bytes + end - XT_ALIGN(sizeof(verdict)), &verdict,
	       sizeof(verdict));
}

static void put_redirect(struct table *table, uint16_t port, uint16_t to)
{
	struct nf_nat_ipv4_multi_range_compat old = { .rangesize = 1 };
	struct nf_nat_range new = { .flags = NF_NAT_RANGE_PROTO_SPECIFIED };

	old.range[0].flags = NF_NAT_RANGE_PROTO_SPECIFIED;
	old.range[0].min.all = old.range[0].max.all = htons(to);
	new.min_proto.all = new.max_proto.all = htons(to);
	if (table->is_ipv6)
		put_rule(table, port, "REDIRECT", 0, &new, sizeof(new));
	else
		put_rule(table, port, "REDIRECT", 0, &old, sizeof(old));
}

/* PREROUTING sends 443 on, leads 80 to a chain, and has a rule without a target; OUTPUT sends 444
 * on; a chain sends all that reaches it to port 9000, and another one is reached by nothing. */
static struct v2m_legacy_table make_table(struct table *table, bool is_ipv6)
{
	char name[XT_FUNCTION_MAXNAMELEN] = "chain";
	size_t jump_end;
	size_t output;

	*table = (struct table){ .is_ipv6 = is_ipv6 };
	put_redirect(table, 443, KEY_PORT);
	put_verdict(table, 8080, 0);
	set_verdict(table, table->size, table->size);
	put_verdict(table, 80, 0);
	jump_end = table->size;
	put_verdict(table, 0, -NF_ACCEPT - 1);
	output = table->size;
	put_redirect(table, 444, KEY_PORT);
	put_verdict(table, 0, -NF_ACCEPT - 1);
	put_rule(table, 0, XT_ERROR_TARGET, 0, name, sizeof(name));
	set_verdict(table, jump_end, table->size);
	put_redirect(table, 0, 9000);
	put_verdict(table, 0, XT_RETURN);
	put_rule(table, 0, XT_ERROR_TARGET, 0, name, sizeof(name));
	put_redirect(table, 445, KEY_PORT);
	put_verdict(table, 0, XT_RETURN);
	put_rule(table, 0, XT_ERROR_TARGET, 0, name, sizeof(name));
	return (struct v2m_legacy_table){
		.is_ipv6 = is_ipv6,
		.entries = table->bytes,
		.size = table->size,
		.begins = { [NF_INET_LOCAL_OUT] = (unsigned)output },
		.valid_hooks = 1u << NF_INET_PRE_ROUTING | 1u << NF_INET_LOCAL_OUT,
	};
}

static void a_table_of_iptables_legacy_is_read(void **state)
{
	(void)state;
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		struct table table;
		struct v2m_legacy_table made = make_table(&table, is_ipv6);
		struct v2m_nat_rules rules = { 0 };

		assert_int_equal(v2m_legacy_table_read(&made, &rules), 0);
		assert_int_equal(rules.count, 2);
		assert_int_equal(rules.items[0].ports.items[0].first, 443);
		assert_int_equal(rules.items[0].target.first, KEY_PORT);
		assert_int_equal(rules.items[0].transports, V2M_TCP);
		assert_int_equal(rules.items[1].ports.items[0].first, 80);
		assert_int_equal(rules.items[1].target.first, 9000);
		assert_true(rules.items[0].clear && rules.items[1].clear);
		v2m_nat_rules_clear(&rules);
	}
}

static void a_rule_of_iptables_legacy_keeps_its_port_from_later_ones(void **state)
{
	struct table table = { 0 };
	struct v2m_legacy_table made = { .entries = table.bytes,
					 .valid_hooks = 1u << NF_INET_PRE_ROUTING };
	struct v2m_nat_rules rules = { 0 };

	(void)state;
	put_verdict(&table, 443, XT_RETURN);
	put_redirect(&table, 443, KEY_PORT);
	put_redirect(&table, 444, KEY_PORT);
	made.size = table.size;
	assert_int_equal(v2m_legacy_table_read(&made, &rules), 0);
	assert_int_equal(rules.count, 1);
	assert_true(rules.items[0].clear);
	assert_int_equal(rules.items[0].ports.items[0].first, 444);
	assert_int_equal(rules.items[0].families, V2M_NAT_IPV4);
	v2m_nat_rules_clear(&rules);
}

static void an_address_in_a_rule_of_iptables_legacy_is_a_condition(void **state)
{
	struct table table;
	struct v2m_legacy_table made = make_table(&table, false);
	struct v2m_nat_rules rules = { 0 };

	(void)state;
	((struct ipt_entry *)(void *)table.bytes)->ip.smsk.s_addr = 0xffffffff;
	assert_int_equal(v2m_legacy_table_read(&made, &rules), 0);
	assert_false(rules.items[0].clear);
	assert_true(rules.items[1].clear);
	v2m_nat_rules_clear(&rules);
}

/* The whole table and every beginning of it, and every byte of it changed. */
static void a_damaged_table_of_iptables_legacy_is_refused(void **state)
{
	struct table table;
	struct v2m_legacy_table made = make_table(&table, false);
	struct v2m_nat_rules rules = { 0 };
	size_t size = made.size;

	(void)state;
	for (made.size = 1; made.size < size; made.size++) {
		/* Without memory behind it, so that a sanitizer sees what is read there. */
		void *copy = malloc(made.size);

		assert_non_null(copy);
		memcpy(copy, table.bytes, made.size);
		made.entries = copy;
		v2m_legacy_table_read(&made, &rules);
		v2m_nat_rules_clear(&rules);
		free(copy);
	}
	made.entries = table.bytes;
	made.size = size - 1;
	assert_int_equal(v2m_legacy_table_read(&made, &rules), -EBADMSG);
	made.size = size;
	for (size_t i = 0; i < size; i++) {
		((uint8_t *)table.bytes)[i] ^= 0xff;
		v2m_legacy_table_read(&made, &rules);
		v2m_nat_rules_clear(&rules);
		((uint8_t *)table.bytes)[i] ^= 0xff;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_of_iptables_are_read),
		cmocka_unit_test(an_address_of_this_host_is_no_condition),
		cmocka_unit_test(targets_of_iptables_are_read),
		cmocka_unit_test(a_table_of_iptables_legacy_is_read),
		cmocka_unit_test(a_rule_of_iptables_legacy_keeps_its_port_from_later_ones),
		cmocka_unit_test(an_address_in_a_rule_of_iptables_legacy_is_a_condition),
		cmocka_unit_test(a_damaged_table_of_iptables_legacy_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
