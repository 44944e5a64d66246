// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/published.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* As many as ports of keys can be counted. */
#define ALIASES_MAX 4096

static bool is_equal(const struct v2m_port_alias *one, const struct v2m_port_alias *other)
{
	return one->first_port == other->first_port && one->last_port == other->last_port &&
	       one->target == other->target && one->transports == other->transports &&
	       one->found == other->found;
}

bool v2m_published_equal(const struct v2m_published *one, const struct v2m_published *other)
{
	if (one->aliases.count != other->aliases.count)
		return false;
	for (size_t i = 0; i < one->aliases.count; i++)
		if (!is_equal(&one->aliases.items[i], &other->aliases.items[i]))
			return false;
	return true;
}

/* docker and others have the same rule for several families and hooks. */
static int add_once(struct v2m_published *published, const struct v2m_port_alias *alias)
{
	struct v2m_port_aliases *list = &published->aliases;

	for (size_t i = 0; i < list->count; i++)
		if (is_equal(&list->items[i], alias))
			return 0;
	if (list->count < ALIASES_MAX)
		return v2m_array_add(list, *alias);
	v2m_error_set(&published->unknown, 0,
		      "NAT rules publish ports of keys under more than %d ports and ranges: what "
		      "passes the others is not counted",
		      ALIASES_MAX);
	return 0;
}

/* Says of the first rule that is about a key and is not understood. */
static void note_unclear(struct v2m_published *published, const struct v2m_nat_ports *ports)
{
	if (*published->unknown.text)
		return;
	v2m_error_set(
		&published->unknown, 0,
		"a NAT rule sends port %u to a key's port %u under conditions that are not "
		"understood, or to an address that is not this host's: what passes port %u is "
		"not counted unless \"port_aliases\" names it",
		ports->first, ports->target, ports->first);
}

static int add_rule(const struct v2m_nat_rule *rule, const struct v2m_published_scope *scope,
		    struct v2m_published *published)
{
	bool usable = rule->clear &&
		      (!rule->elsewhere || scope->is_served(scope->context, rule->address));
	int result = 0;

	if (rule->opaque && !*published->unknown.text)
		v2m_error_set(&published->unknown, 0,
			      "a NAT rule has a map that is not understood: if it sends a port on "
			      "to a key's port, that is not counted unless \"port_aliases\" names "
			      "it");
	for (size_t i = 0; i < rule->ports.count && !result; i++) {
		const struct v2m_nat_ports *ports = &rule->ports.items[i];
		const struct v2m_port_alias alias = {
			.first_port = ports->first,
			.last_port = ports->last,
			.target = ports->target,
			.transports = rule->transports,
			.found = true,
		};

		/* A port that stays the same is counted as it is. */
		if (!ports->target || !ports->first || ports->first > ports->last ||
		    (ports->first == ports->last && ports->first == ports->target) ||
		    !scope->has_key(scope->context, ports->target, rule->transports))
			continue;
		if (usable)
			result = add_once(published, &alias);
		else
			note_unclear(published, ports);
	}
	return result;
}

int v2m_published_make(const struct v2m_nat_rules *rules, int read, bool legacy,
		       const struct v2m_published_scope *scope, struct v2m_published *published)
{
	const struct v2m_port_aliases *configured = scope->configured;
	int result = 0;

	*published = (struct v2m_published){ 0 };
	for (size_t i = 0; configured && i < configured->count && !result; i++)
		result = v2m_array_add(&published->aliases, configured->items[i]);
	for (size_t i = 0; i < rules->count && !result; i++)
		result = add_rule(&rules->items[i], scope, published);
	if (read && read != -EOPNOTSUPP)
		v2m_error_set(&published->unknown, 0,
			      "the NAT rules of this host cannot be read (%s): if one sends a port "
			      "on to a key's port, that is not counted unless \"port_aliases\" "
			      "names it",
			      strerror(-read));
	else if (legacy && !*published->unknown.text)
		v2m_error_set(&published->unknown, 0,
			      "this host has NAT rules of iptables-legacy, which are not read: if "
			      "one sends a port on to a key's port, that is not counted unless "
			      "\"port_aliases\" names it");
	/* The operator has said what there is. */
	if (configured)
		published->unknown.text[0] = 0;
	return result;
}

void v2m_published_clear(struct v2m_published *published)
{
	v2m_array_clear(&published->aliases);
	published->unknown.text[0] = 0;
}
