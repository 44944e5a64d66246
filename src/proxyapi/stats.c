// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proxyapi/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "keys/keys.h"
#include "messages.pb-c.h"

/* Xray answers to the name that V2Ray has. */
#define QUERY "/v2ray.core.app.stats.command.StatsService/QueryStats"

/* "user>>>EMAIL>>>traffic>>>uplink". An email may hold anything, also ">>>". */
#define PREFIX   "user>>>"
#define UPLINK   ">>>traffic>>>uplink"
#define DOWNLINK ">>>traffic>>>downlink"

static bool ends_in(const char *text, const char *ending)
{
	size_t length = strlen(text);

	return length >= strlen(ending) && strcmp(text + length - strlen(ending), ending) == 0;
}

/* Adds a counter that is of a user; the same user may have another one. 0 or -ENOMEM. */
static int add_counter(const V2mPb__Stat *counter, struct v2m_proxy_stats *stats)
{
	bool is_uplink = ends_in(counter->name, UPLINK);
	const char *ending = is_uplink ? UPLINK : DOWNLINK;
	struct v2m_proxy_stat stat = { 0 };
	uint64_t bytes = counter->value > 0 ? (uint64_t)counter->value : 0;
	size_t prefix = strlen(PREFIX);

	if (strncmp(counter->name, PREFIX, prefix) != 0 || !ends_in(counter->name, ending) ||
	    strlen(counter->name) < prefix + strlen(ending))
		return 0;
	stat.name =
		strndup(counter->name + prefix, strlen(counter->name) - prefix - strlen(ending));
	if (!stat.name)
		return -ENOMEM;
	/* No key has such a name, and the counting process refuses it. */
	if (strlen(stat.name) >= V2M_SUBJECT_LEN || !v2m_is_utf8(stat.name)) {
		free(stat.name);
		return 0;
	}
	*(is_uplink ? &stat.rx_bytes : &stat.tx_bytes) = bytes;
	if (!v2m_array_add(stats, stat))
		return 0;
	free(stat.name);
	return -ENOMEM;
}

/* 0, -EPROTO or -ENOMEM. */
static int read_counters(const struct v2m_grpc_message *answer, struct v2m_proxy_stats *stats)
{
	V2mPb__StatList *list = v2m_pb__stat_list__unpack(NULL, answer->length, answer->data);
	int result = list ? 0 : -EPROTO;

	for (size_t i = 0; list && i < list->n_stats && !result; i++)
		result = add_counter(list->stats[i], stats);
	if (list)
		v2m_pb__stat_list__free_unpacked(list, NULL);
	v2m_proxy_stats_join(stats);
	return result;
}

int v2m_proxy_stats_ask(struct v2m_grpc *grpc, uint64_t deadline_ns, struct v2m_proxy_stats *stats,
			struct v2m_error *error)
{
	V2M_CLEANUP(v2m_grpc_message_clear) struct v2m_grpc_message answer = { 0 };
	V2mPb__StatsQuery query = V2M_PB__STATS_QUERY__INIT;
	struct v2m_grpc_message request = { 0 };
	uint8_t packed[32];
	int result;

	query.pattern = (char *)PREFIX;
	request.length = v2m_pb__stats_query__pack(&query, packed);
	request.data = packed;
	result = v2m_grpc_call(grpc, QUERY, &request, deadline_ns, &answer, error);
	if (result)
		return result;
	result = read_counters(&answer, stats);
	return result ? v2m_error_set_class(error, V2M_FAILURE_PASSING, result, "%s",
					    result == -EPROTO
						    ? "the counters of the proxy are malformed"
						    : "out of memory")
		      : 0;
}
