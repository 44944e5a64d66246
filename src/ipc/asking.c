// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/asking.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ipc/status.h"
#include "keys/keys.h"

/* The least that an item of each list takes in a message. */
#define COUNTER_SIZE 20
#define ONLINE_SIZE  28

/* The longest name of a user that a key can have. */
#define NAME_MAX_LEN (V2M_SUBJECT_LEN - 1)
/* The kernel has no larger errno. */
#define MAX_ERRNO 4095

bool v2m_asking_is_api(int result)
{
	/* One that lacks the method, or says that something is wrong, speaks gRPC. */
	return result == 0 || result == -EOPNOTSUPP || result == -EREMOTEIO;
}

void v2m_put_asking_order(struct v2m_wire *wire, struct v2m_asking_order *order)
{
	v2m_wire_text(wire, &order->source);
	v2m_wire_u64(wire, &order->interval_ns);
	v2m_wire_bool(wire, &order->verbose);
	v2m_wire_bool(wire, &order->wants_online);
	v2m_wire_bool(wire, &order->is_guess);
	if (!order->source)
		v2m_wire_refuse(wire);
}

void v2m_put_asking_said(struct v2m_wire *wire, struct v2m_asking_said *said)
{
	v2m_wire_i32(wire, &said->result);
	v2m_put_error(wire, &said->error);
	v2m_wire_blob(wire, &said->text, &said->length);
}

void v2m_put_asking_counted(struct v2m_wire *wire, struct v2m_proxy_stats *stats)
{
	stats->items = v2m_wire_array(wire, stats->items, &stats->count, COUNTER_SIZE,
				      sizeof(*stats->items));
	if (wire->reading)
		stats->capacity = stats->count;
	for (size_t i = 0; i < stats->count && !wire->failed; i++) {
		v2m_wire_text(wire, &stats->items[i].name);
		v2m_wire_u64(wire, &stats->items[i].rx_bytes);
		v2m_wire_u64(wire, &stats->items[i].tx_bytes);
	}
}

void v2m_put_asking_online(struct v2m_wire *wire, struct v2m_online_list *online)
{
	struct v2m_online_users *users = &online->users;

	users->items = v2m_wire_array(wire, users->items, &users->count, ONLINE_SIZE,
				      sizeof(*users->items));
	if (wire->reading)
		users->capacity = users->count;
	for (size_t i = 0; i < users->count && !wire->failed; i++) {
		struct v2m_online_user *user = &users->items[i];

		v2m_wire_text(wire, &user->name);
		v2m_wire_bytes(wire, user->address, sizeof(user->address));
		v2m_wire_i64(wire, &user->seen_s);
	}
	v2m_wire_bool(wire, &online->is_known);
	v2m_wire_u64(wire, &online->asked_ns);
	v2m_wire_u64(wire, &online->answered_ns);
}

bool v2m_asking_said_is_allowed(struct v2m_asking_said *said)
{
	if (said->result > 0 || said->result < -MAX_ERRNO || (said->result && said->length))
		return false;
	/* The text is parsed elsewhere, by a process that expects anything of it. */
	if (said->length && memchr(said->text, 0, said->length))
		return false;
	v2m_text_make_plain(said->error.text);
	return true;
}

static bool is_name(const char *name)
{
	return name && strlen(name) <= NAME_MAX_LEN && v2m_is_utf8(name);
}

bool v2m_asking_counted_is_allowed(struct v2m_proxy_stats *stats)
{
	if (stats->count > V2M_ASKING_COUNTERS_MAX)
		return false;
	for (size_t i = 0; i < stats->count; i++)
		if (!is_name(stats->items[i].name))
			return false;
	v2m_proxy_stats_join(stats);
	return true;
}

bool v2m_asking_online_is_allowed(struct v2m_online_list *online)
{
	struct v2m_online_users *users = &online->users;

	if (users->count > V2M_ASKING_ADDRESSES_MAX || (users->count && !online->is_known) ||
	    online->asked_ns > online->answered_ns)
		return false;
	for (size_t i = 0; i < users->count; i++)
		if (!is_name(users->items[i].name))
			return false;
	v2m_online_users_sort(users);
	return true;
}

void v2m_asking_order_clear(struct v2m_asking_order *order)
{
	free(order->source);
	*order = (struct v2m_asking_order){ 0 };
}
