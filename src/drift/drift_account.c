// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "drift/drift_account.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/format.h"
#include "base/transport.h"

/* An array. */
struct readings {
	struct v2m_drift_reading *items;
	size_t count;
	size_t capacity;
};

static bool has_udp(const struct v2m_key *key)
{
	for (size_t i = 0; i < key->n_spans; i++)
		if (key->spans[i].transports & V2M_UDP)
			return true;
	return false;
}

/* stat: NULL if no proxy that has answered has counters for the key. 0 or -ENOMEM. */
static int add_reading(const struct v2m_account *account, const struct v2m_key *key,
		       const struct v2m_proxy_stat *stat, bool is_old, struct readings *readings)
{
	char name[V2M_SUBJECT_LEN];
	const struct v2m_subject *subject;
	struct v2m_drift_reading reading = {
		.id = key->id,
		.name = key->name,
		.has_udp = has_udp(key),
		.is_unknown = !stat,
		.is_old = is_old,
	};

	if (stat) {
		reading.bytes.proxy_rx = stat->rx_bytes;
		reading.bytes.proxy_tx = stat->tx_bytes;
	}

	v2m_key_subject(key, name, sizeof(name));
	subject = v2m_account_subject(account, name);
	if (!subject || !key->n_spans)
		return 0;
	reading.bytes.our_rx = subject->lifetime.rx.payload_bytes;
	reading.bytes.our_tx = subject->lifetime.tx.payload_bytes;
	reading.connections = subject->connections;
	return v2m_array_add(readings, reading);
}

/* A key that shares a port may lack bytes that could not be attributed, so it is left out. 0 or
 * -ENOMEM. */
static int compare(struct v2m_drift *drift, const struct v2m_keyset *keyset,
		   const struct v2m_account *account, const struct v2m_proxy_stats *stats,
		   int64_t now_us)
{
	struct readings readings = { 0 };
	int result = 0;

	for (size_t i = 0; i < keyset->n_keys && !result; i++) {
		const struct v2m_key *key = &keyset->keys[i];
		const struct v2m_proxy_stat *stat = v2m_proxy_stats_find(stats, key->name);

		if (key->is_active && !v2m_keyset_shares(keyset, key))
			result = add_reading(account, key, stat,
					     stat ? stat->is_old : stats->is_partial, &readings);
	}
	if (!result)
		result = v2m_drift_compare(drift, readings.items, readings.count, now_us);
	v2m_array_clear(&readings);
	return result;
}

static void describe(const struct v2m_drift_entry *entry, struct v2m_error *sentence)
{
	char theirs[V2M_FORMAT_BYTES_LEN];
	char ours[V2M_FORMAT_BYTES_LEN];
	char since[V2M_FORMAT_TIME_LEN];

	v2m_format_bytes(entry->since.proxy_rx + entry->since.proxy_tx, theirs);
	v2m_format_bytes(entry->since.our_rx + entry->since.our_tx, ours);
	v2m_format_time(entry->since_us, since);
	v2m_error_set(sentence, 0,
		      "key %.100s (%.100s): since %s the proxy counts %s, and the meter %s of "
		      "payload. The status has all figures",
		      entry->id, entry->name, since, theirs, ours);
}

int v2m_drift_compare_account(struct v2m_drift *drift, const struct v2m_keyset *keyset,
			      const struct v2m_account *account,
			      const struct v2m_proxy_stats *stats, int64_t now_us,
			      struct v2m_error *sentence)
{
	V2M_CLEANUP(v2m_drift_clear) struct v2m_drift worst = { 0 };
	int result = compare(drift, keyset, account, stats, now_us);

	if (!result)
		result = v2m_drift_copy_worst(drift, 1, &worst);
	if (result || !worst.count || !worst.items[0].drifts_since_us)
		return result;
	describe(&worst.items[0], sentence);
	return 1;
}

int v2m_drift_fill_status(const struct v2m_drift *drift, struct v2m_status *status)
{
	V2M_CLEANUP(v2m_drift_clear) struct v2m_drift worst = { 0 };

	status->drift = calloc(V2M_STATUS_DRIFT_MAX, sizeof(*status->drift));
	if (!status->drift || v2m_drift_copy_worst(drift, V2M_STATUS_DRIFT_MAX, &worst))
		return -ENOMEM;
	status->compared_keys = v2m_drift_count_known(drift);
	status->reset_keys = v2m_drift_count_resets(drift);
	for (; status->n_drift < worst.count; status->n_drift++) {
		struct v2m_drift_entry *entry = &worst.items[status->n_drift];

		status->drift[status->n_drift] = (struct v2m_status_drift){
			.id = V2M_TAKE(entry->id),
			.name = V2M_TAKE(entry->name),
			.since_us = entry->since_us,
			.drifts_since_us = entry->drifts_since_us,
			.proxy_rx_bytes = entry->since.proxy_rx,
			.proxy_tx_bytes = entry->since.proxy_tx,
			.rx_bytes = entry->since.our_rx,
			.tx_bytes = entry->since.our_tx,
			.resets = entry->resets,
		};
	}
	return 0;
}
