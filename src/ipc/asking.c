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

void v2m_put_asking_order(struct v2m_wire *wire, struct v2m_asking_order *order)
{
	v2m_wire_text(wire, &order->source);
	v2m_wire_u64(wire, &order->interval_ns);
	v2m_wire_bool(wire, &order->verbose);
	if (!order->source)
		v2m_wire_refuse(wire);
}

void v2m_put_asking_said(struct v2m_wire *wire, struct v2m_asking_said *said)
{
	v2m_wire_i32(wire, &said->result);
	v2m_put_error(wire, &said->error);
	v2m_wire_blob(wire, &said->text, &said->length);
}

static void put_stats(struct v2m_wire *wire, struct v2m_proxy_stats *stats)
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

static void put_online(struct v2m_wire *wire, struct v2m_online_users *online)
{
	online->items = v2m_wire_array(wire, online->items, &online->count, ONLINE_SIZE,
				       sizeof(*online->items));
	if (wire->reading)
		online->capacity = online->count;
	for (size_t i = 0; i < online->count && !wire->failed; i++) {
		struct v2m_online_user *user = &online->items[i];

		v2m_wire_text(wire, &user->name);
		v2m_wire_bytes(wire, user->address, sizeof(user->address));
		v2m_wire_i64(wire, &user->seen_s);
	}
}

void v2m_put_asking_counted(struct v2m_wire *wire, struct v2m_asking_counted *counted)
{
	put_stats(wire, &counted->stats);
	put_online(wire, &counted->online);
	v2m_wire_bool(wire, &counted->has_online);
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

bool v2m_asking_counted_is_allowed(struct v2m_asking_counted *counted)
{
	struct v2m_proxy_stats *stats = &counted->stats;
	struct v2m_online_users *online = &counted->online;

	if (stats->count > V2M_ASKING_COUNTERS_MAX || online->count > V2M_ASKING_ADDRESSES_MAX)
		return false;
	for (size_t i = 0; i < stats->count; i++)
		if (!is_name(stats->items[i].name))
			return false;
	for (size_t i = 0; i < online->count; i++)
		if (!is_name(online->items[i].name))
			return false;
	v2m_proxy_stats_join(stats);
	v2m_online_users_sort(online);
	return true;
}

void v2m_asking_order_clear(struct v2m_asking_order *order)
{
	free(order->source);
	*order = (struct v2m_asking_order){ 0 };
}

void v2m_asking_counted_clear(struct v2m_asking_counted *counted)
{
	v2m_proxy_stats_clear(&counted->stats);
	v2m_online_users_clear(&counted->online);
}
