// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proxyapi/live_supply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "proxyapi/address.h"
#include "proxyapi/follower.h"

struct v2m_live_supply {
	struct v2m_follower *follower;
	struct v2m_strings names; /* of the APIs */
};

int v2m_live_supply_open(const struct v2m_strings *key_sources, struct v2m_live_supply **supply)
{
	struct v2m_live_supply *made = calloc(1, sizeof(*made));
	int result = made ? v2m_follower_new(V2M_FOLLOWER_INTERVAL_NS, &made->follower) : -ENOMEM;

	for (size_t i = 0; !result && i < key_sources->count; i++)
		if (v2m_is_live_source(key_sources->items[i]))
			result = v2m_strings_add(&made->names, key_sources->items[i]);
	if (result) {
		v2m_live_supply_close(made);
		return result;
	}
	*supply = made;
	return 0;
}

void v2m_live_supply_close(struct v2m_live_supply *supply)
{
	if (!supply)
		return;
	v2m_follower_free(supply->follower);
	v2m_strings_clear(&supply->names);
	free(supply);
}

int v2m_live_supply_fd(const struct v2m_live_supply *supply)
{
	return v2m_follower_fd(supply->follower);
}

void v2m_live_supply_drain(struct v2m_live_supply *supply)
{
	v2m_follower_drain(supply->follower);
}

static bool has_name(const struct v2m_live_supply *supply, const char *name)
{
	for (size_t i = 0; i < supply->names.count; i++)
		if (strcmp(supply->names.items[i], name) == 0)
			return true;
	return false;
}

/* A configuration is not trusted: an address in it may only lead to this host. */
static bool is_local(const char *name)
{
	struct v2m_proxy_address address;
	struct v2m_error error;

	return v2m_proxy_address_parse(name, &address, &error) == 0 && address.is_local;
}

int v2m_live_supply_learn(struct v2m_live_supply *supply, const struct v2m_strings *apis)
{
	int found = 0;

	for (size_t i = 0; i < apis->count; i++) {
		/* Beyond the most that can be followed, the users stay those of the file. */
		if (has_name(supply, apis->items[i]) || supply->names.count >= V2M_FOLLOWER_MAX ||
		    !is_local(apis->items[i]))
			continue;
		if (v2m_strings_add(&supply->names, apis->items[i]))
			return -ENOMEM;
		found = 1;
	}
	return found;
}

int v2m_live_supply_collect(struct v2m_live_supply *supply, bool waits,
			    struct v2m_live_sources *live)
{
	for (size_t i = 0; i < supply->names.count; i++) {
		const char *name = supply->names.items[i];
		struct v2m_live_source *added = v2m_array_append(live);

		if (!added)
			return -ENOMEM;
		added->source = strdup(name);
		if (!added->source)
			return -ENOMEM;
		added->result = v2m_follower_text(supply->follower, name, waits, &added->text,
						  &added->length, &added->error);
	}
	return 0;
}

int v2m_live_supply_stats(struct v2m_live_supply *supply, struct v2m_proxy_stats *stats,
			  uint64_t *number)
{
	return v2m_follower_stats(supply->follower, stats, number);
}
