// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/legacy_rules.h"

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/transport.h"
#include "paths/nat_chains.h"
#include "paths/xt_nat.h"

#define TRIES 5

/* What the entries of both families have in common. */
struct entry {
	const uint8_t *bytes;
	size_t header; /* where the matches begin */
	size_t target; /* where the target begins */
	size_t size;
	bool about_addresses;
	bool unusual; /* fragments, the type of service, or an inverted protocol */
	bool devices; /* it demands a device */
	bool leaves;  /* it leads to a chain and does not come back */
	unsigned protocol;
};

static bool is_zero(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < size; i++)
		if (at[i])
			return false;
	return true;
}

static void take_ipv4(const struct ipt_entry *from, struct entry *entry)
{
	entry->target = from->target_offset;
	entry->size = from->next_offset;
	entry->about_addresses = !is_zero(&from->ip.smsk, sizeof(from->ip.smsk)) ||
				 !is_zero(&from->ip.dmsk, sizeof(from->ip.dmsk));
	entry->unusual = from->ip.flags & IPT_F_FRAG ||
			 from->ip.invflags & ~(IPT_INV_VIA_IN | IPT_INV_VIA_OUT);
	entry->devices = *from->ip.iniface;
	entry->leaves = from->ip.flags & IPT_F_GOTO;
	entry->protocol = from->ip.proto;
}

static void take_ipv6(const struct ip6t_entry *from, struct entry *entry)
{
	entry->target = from->target_offset;
	entry->size = from->next_offset;
	entry->about_addresses = !is_zero(&from->ipv6.smsk, sizeof(from->ipv6.smsk)) ||
				 !is_zero(&from->ipv6.dmsk, sizeof(from->ipv6.dmsk));
	entry->unusual = from->ipv6.flags & IP6T_F_TOS ||
			 from->ipv6.invflags & ~(IP6T_INV_VIA_IN | IP6T_INV_VIA_OUT);
	entry->devices = *from->ipv6.iniface;
	entry->leaves = from->ipv6.flags & IP6T_F_GOTO;
	entry->protocol = from->ipv6.proto;
}

/* False: the entry is not whole. */
static bool read_entry(const struct v2m_legacy_table *table, size_t offset, struct entry *entry)
{
	struct ipt_entry ipv4;
	struct ip6t_entry ipv6;
	size_t left = table->size - offset;

	*entry = (struct entry){
		.bytes = (const uint8_t *)table->entries + offset,
		.header = table->is_ipv6 ? sizeof(ipv6) : sizeof(ipv4),
	};
	if (left < entry->header)
		return false;
	if (table->is_ipv6) {
		memcpy(&ipv6, entry->bytes, sizeof(ipv6));
		take_ipv6(&ipv6, entry);
	} else {
		memcpy(&ipv4, entry->bytes, sizeof(ipv4));
		take_ipv4(&ipv4, entry);
	}
	return entry->target >= entry->header && entry->size <= left &&
	       entry->size >= entry->target + sizeof(struct xt_entry_target);
}

static void read_protocol(const struct entry *entry, struct v2m_nat_rule *rule)
{
	rule->devices = entry->devices;
	if (entry->about_addresses || entry->unusual)
		rule->clear = false;
	if (entry->protocol == IPPROTO_TCP)
		rule->transports = V2M_TCP;
	else if (entry->protocol == IPPROTO_UDP)
		rule->transports = V2M_UDP;
	else if (entry->protocol)
		rule->transports = 0;
}

/* Matches and targets have the same head. NULL: it is not whole. */
static const struct xt_entry_match *read_head(const struct entry *entry, size_t offset, size_t end,
					      struct xt_entry_match *head)
{
	if (end - offset < sizeof(*head))
		return NULL;
	memcpy(head, entry->bytes + offset, sizeof(*head));
	head->u.user.name[sizeof(head->u.user.name) - 1] = 0;
	return head->u.match_size >= sizeof(*head) && head->u.match_size <= end - offset ? head
											 : NULL;
}

static int read_matches(const struct entry *entry, struct v2m_nat_rule *rule)
{
	struct xt_entry_match head;

	for (size_t at = entry->header; at < entry->target; at += head.u.match_size) {
		int result;

		if (!read_head(entry, at, entry->target, &head))
			return -EBADMSG;
		result = v2m_xt_match_read(head.u.user.name, entry->bytes + at + sizeof(head),
					   head.u.match_size - sizeof(head), &rule->ports);
		if (result == -EINVAL)
			rule->clear = false;
		else if (result)
			return result;
	}
	return 0;
}

/* A verdict is where to go on in the table, or is negative and ends it. A rule without a
 * target goes on at the next one. */
static void read_verdict(const struct entry *entry, size_t offset, size_t size,
			 struct v2m_nat_rule *rule)
{
	int verdict;

	if (size < sizeof(verdict))
		return;
	memcpy(&verdict, entry->bytes + entry->target + sizeof(struct xt_entry_target),
	       sizeof(verdict));
	rule->returns = verdict == XT_RETURN || entry->leaves;
	rule->ends = verdict < 0 && !rule->returns;
	if (verdict >= 0 && (size_t)verdict != offset + entry->size)
		rule->jump = (uint32_t)verdict + 1;
}

/* *ends: the entry is the name of the chain that begins behind it. */
static int read_rule(const struct entry *entry, size_t offset, struct v2m_nat_rule *rule,
		     bool *ends)
{
	struct xt_entry_match head;
	size_t size;
	int result = read_matches(entry, rule);

	if (result)
		return result;
	if (!read_head(entry, entry->target, entry->size, &head))
		return -EBADMSG;
	size = head.u.match_size - sizeof(head);
	read_protocol(entry, rule);
	*ends = strcmp(head.u.user.name, XT_ERROR_TARGET) == 0;
	if (strcmp(head.u.user.name, XT_STANDARD_TARGET) == 0)
		read_verdict(entry, offset, size, rule);
	else
		v2m_xt_target_read(head.u.user.name, head.u.user.revision,
				   entry->bytes + entry->target + sizeof(head), size, rule);
	return 0;
}

static bool is_begin(const struct v2m_legacy_table *table, size_t offset)
{
	for (unsigned hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		if (table->valid_hooks & 1u << hook && table->begins[hook] == offset)
			return true;
	return false;
}

/* Chains have the offsets of their first entries as numbers, plus 1. */
static int list_rules(const struct v2m_legacy_table *table, struct v2m_nat_rules *rules)
{
	struct entry entry;
	bool ended = false;
	uint32_t chain = 1;

	for (size_t offset = 0; offset < table->size; offset += entry.size) {
		struct v2m_nat_rule rule = { .legacy = true,
					     .clear = true,
					     .families =
						     table->is_ipv6 ? V2M_NAT_IPV6 : V2M_NAT_IPV4,
					     .transports = V2M_TCP | V2M_UDP };
		int result;

		if (!read_entry(table, offset, &entry))
			return -EBADMSG;
		if (ended || is_begin(table, offset))
			chain = (uint32_t)offset + 1;
		rule.chain = chain;
		result = read_rule(&entry, offset, &rule, &ended);
		if (!result && v2m_nat_rule_matters(&rule))
			result = v2m_array_add(rules, rule);
		else
			v2m_array_clear(&rule.ports);
		if (result) {
			v2m_array_clear(&rule.ports);
			return result;
		}
	}
	return 0;
}

int v2m_legacy_table_read(const struct v2m_legacy_table *table, struct v2m_nat_rules *rules)
{
	struct v2m_nat_root first = { .chain = table->begins[NF_INET_PRE_ROUTING] + 1 };
	const struct v2m_nat_roots roots = { &first, 1, 1 };
	const struct v2m_nat_roots others = { 0 };
	V2M_CLEANUP(v2m_nat_rules_clear) struct v2m_nat_rules found = { 0 };
	int result;

	if (!(table->valid_hooks & 1u << NF_INET_PRE_ROUTING))
		return 0;
	result = list_rules(table, &found);
	if (!result)
		result = v2m_nat_chains_follow(&found, &roots, &others);
	if (!result && v2m_array_reserve(rules, found.count))
		result = -ENOMEM;
	if (result)
		return result;
	for (size_t i = 0; i < found.count; i++)
		rules->items[rules->count++] = found.items[i];
	found.count = 0;
	return 0;
}

/* --- the kernel's tables --- */

/* Rules count packets, and their digest must not change with that. */
static uint64_t digest_table(const struct v2m_legacy_table *table, uint64_t digest)
{
	size_t counters = table->is_ipv6 ? offsetof(struct ip6t_entry, counters)
					 : offsetof(struct ipt_entry, counters);
	struct entry entry;

	for (size_t offset = 0; offset < table->size && read_entry(table, offset, &entry);
	     offset += entry.size) {
		digest = v2m_fnv64(digest, entry.bytes, counters);
		digest = v2m_fnv64(digest, entry.bytes + entry.header, entry.size - entry.header);
	}
	return digest;
}

/* The requests, and the structs that they fill, are the same for both families. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
		       offsetof(struct ipt_get_entries, entrytable) ==
			       offsetof(struct ip6t_get_entries, entrytable),
	       "IPv4 and IPv6 differ in their entries only");

/* -EAGAIN: the table has changed since its size was asked. */
static int read_once(int fd, bool is_ipv6, struct v2m_nat_rules *rules, uint64_t *digest)
{
	int level = is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
	struct ipt_getinfo info = { .name = "nat" };
	socklen_t length = sizeof(info);
	V2M_FREE struct ipt_get_entries *got = NULL;
	struct v2m_legacy_table table = { .is_ipv6 = is_ipv6 };

	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &length))
		return -errno;
	length = (socklen_t)(sizeof(*got) + info.size);
	got = calloc(1, length);
	if (!got)
		return -ENOMEM;
	memcpy(got->name, info.name, sizeof(got->name));
	got->size = info.size;
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, got, &length))
		return -errno;
	table.entries = got->entrytable;
	table.size = info.size;
	memcpy(table.begins, info.hook_entry, sizeof(table.begins));
	table.valid_hooks = info.valid_hooks;
	*digest = digest_table(&table, *digest);
	return v2m_legacy_table_read(&table, rules);
}

/* Whether a table of NAT is there. To ask the kernel for it would make it. */
static bool lists_nat(const char *path)
{
	V2M_FCLOSE FILE *file = fopen(path, "re");
	char line[64];

	while (file && fgets(line, sizeof(line), file))
		if (strcmp(line, "nat\n") == 0)
			return true;
	return false;
}

static int read_family(bool is_ipv6, struct v2m_nat_rules *rules, uint64_t *digest)
{
	V2M_CLOSE int fd = -1;
	int result = -EAGAIN;

	if (!lists_nat(is_ipv6 ? "/proc/thread-self/net/ip6_tables_names"
			       : "/proc/thread-self/net/ip_tables_names"))
		return 0;
	fd = socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	for (int i = 0; i < TRIES && result == -EAGAIN; i++)
		result = read_once(fd, is_ipv6, rules, digest);
	return result;
}

int v2m_legacy_rules_read(struct v2m_nat_rules *rules, uint64_t *digest)
{
	int result;

	*digest = V2M_FNV64_START;
	result = read_family(false, rules, digest);
	return result ? result : read_family(true, rules, digest);
}
