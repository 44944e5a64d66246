// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake/private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/transport.h"

static char *make_numbered(const char *before, int digits, size_t number, const char *after)
{
	char *made = NULL;

	return asprintf(&made, "%s%0*zu%s", before, digits, number, after) < 0 ? NULL : made;
}

static void fill_key(struct v2m_key *key, size_t i)
{
	*key = (struct v2m_key){
		.id = make_numbered("key-", 1, i, ""),
		.uuid = make_numbered("00000000-0000-4000-8000-", 12, i, ""),
		.name = make_numbered("user", 1, i, "@example.com"),
		.created_at = strdup("2025-08-04T14:34:13.878594"),
		.is_active = true,
		.transports = V2M_TCP | V2M_UDP,
		.source = strdup("memory"),
	};
	v2m_key_add_port(key, (uint16_t)(10001 + i));
}

static void rename_key(struct v2m_key *key, const char *id, uint16_t port, bool is_active)
{
	free(key->id);
	key->id = strdup(id);
	key->n_spans = 0;
	if (port)
		v2m_key_add_port(key, port);
	key->is_active = is_active;
}

static struct v2m_keyset *make_keyset(const struct fake_options *options)
{
	size_t n = options->n_keys + (options->special ? SPECIAL_KEYS : 0);
	struct v2m_key *keys = calloc(n + 1, sizeof(*keys));

	if (!keys)
		return NULL;
	for (size_t i = 0; i < n; i++)
		fill_key(&keys[i], i);
	if (options->special) {
		struct v2m_key *special = &keys[options->n_keys];

		rename_key(&special[0], "inactive", 9001, false);
		special[0].short_id = strdup("5f");
		special[0].sni = strdup("www.example.org");
		rename_key(&special[1], "portless", 0, true);
		rename_key(&special[2], "shared-a", 9002, true);
		rename_key(&special[3], "shared-b", 9002, true);
	}
	return v2m_keyset_new(keys, n);
}

/* Connections take turns: IPv4, IPv4-mapped, IPv6. */
static void fill_connection(struct v2m_connection *connection, size_t i, uint16_t port)
{
	static const uint8_t v4[] = { 192, 0, 2, 14 };
	static const uint8_t states[] = { V2M_TCP_ESTABLISHED, V2M_TCP_CLOSE_WAIT,
					  V2M_TCP_LAST_ACK };
	bool is_v4 = i % 3 == 0;
	size_t at = i % 3 == 1 ? 12 : 0;

	connection->family = is_v4 ? AF_INET : AF_INET6;
	connection->state = states[i % 3];
	connection->local_port = port;
	connection->slot_port = port;
	connection->remote_port = (uint16_t)(1024 + i % 60000);
	if (i % 3 == 2) {
		inet_pton(AF_INET6, "2001:db8::1", connection->local);
		inet_pton(AF_INET6, "2001:db8::2", connection->remote);
		return;
	}
	if (at) {
		memset(connection->local + 10, 0xff, 2);
		memset(connection->remote + 10, 0xff, 2);
	}
	memcpy(connection->local + at, v4, sizeof(v4));
	memcpy(connection->remote + at, (uint8_t[]){ 198, 51, 100, 174 }, 4);
}

static struct v2m_connection_table *make_connections(const struct fake_options *options)
{
	struct v2m_connection_table *table;
	size_t n = options->n_keys ? options->n_connections : 0;
	size_t made = 0;

	table = calloc(1, sizeof(*table) + n * sizeof(table->connections[0]));
	if (!table)
		return NULL;
	table->references = 1;
	table->count = n;
	for (size_t key = 0; key < options->n_keys; key++)
		for (; made < n * (key + 1) / options->n_keys; made++)
			fill_connection(&table->connections[made], made, (uint16_t)(10001 + key));
	return table;
}

struct v2m_totals fake_totals(unsigned readings)
{
	uint64_t n = readings;

	return (struct v2m_totals){
		.rx = { .packets = n,
			.wire_bytes = n * FAKE_RX_WIRE,
			.payload_bytes = n * FAKE_RX_PAYLOAD },
		.tx = { .packets = 2 * n,
			.wire_bytes = n * FAKE_TX_WIRE,
			.payload_bytes = n * FAKE_TX_PAYLOAD },
	};
}

const struct v2m_slot *fake_slot(const struct fake_meter *fake, const struct v2m_key *key)
{
	return v2m_slots_at(&fake->keyset->slots, v2m_key_port(key), V2M_TCP);
}

/* Fills in the slots. A key has at most one slot, and several keys may share it. */
static void fill_slots(struct fake_meter *fake, struct v2m_snapshot *snapshot)
{
	const struct v2m_slots *slots = &fake->keyset->slots;
	size_t n_shares = 0;

	for (size_t i = 0; i < slots->count; i++) {
		struct v2m_slot_view *view = &snapshot->slots[i];

		view->counted = true;
		view->since_reset = fake_totals(fake->readings - fake->baselines[i]);
		if (slots->items[i].n_keys > 1)
			view->unattributed = view->since_reset;
		view->unattributed_lifetime = fake_totals(fake->readings);
		if (slots->items[i].n_keys > 1)
			view->unattributed_ever = fake_totals(fake->readings);
		view->rate_bytes_s = FAKE_RX_WIRE + FAKE_TX_WIRE;
		if (slots->items[i].first_port == UNCOUNTED_PORT) {
			view->local_connections = 2;
			view->local_bytes = 1 << 20;
			view->missed_delivered = 3 << 20;
			view->missed_counted = 1 << 20;
			view->repeats = true;
		}
		view->connections = v2m_connection_table_slot(
			snapshot->connections, slots->items[i].first_port, &view->n_connections);
	}
	for (size_t i = 0; i < fake->keyset->n_keys; i++) {
		const struct v2m_slot *slot = fake_slot(fake, &fake->keyset->keys[i]);
		struct v2m_share *share = &snapshot->shares[n_shares];

		if (!slot)
			continue;
		share->slot = (size_t)(slot - slots->items);
		if (slot->n_keys == 1)
			share->since_reset = snapshot->slots[share->slot].since_reset;
		if (slot->n_keys == 1)
			share->ever = fake_totals(fake->readings);
		snapshot->keys[i] = (struct v2m_key_view){ .since_reset = share->since_reset,
							   .lifetime = fake_totals(fake->readings),
							   .shares = share,
							   .n_shares = 1 };
		n_shares++;
	}
}

static struct v2m_snapshot *read_counters(struct fake_meter *fake)
{
	struct v2m_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		return NULL;
	fake->readings++;
	snapshot->references = 1;
	snapshot->generation = ++fake->generation;
	snapshot->mono_ns = v2m_clock_mono_ns();
	snapshot->real_us = v2m_clock_real_us();
	snapshot->mode = fake->options.inexact ? V2M_MODE_SOCKET_STATS : V2M_MODE_EBPF;
	snapshot->mode_reason = fake->options.inexact ? strdup("no eBPF in this fake") : NULL;
	snapshot->connection_details_max =
		fake->options.details_max ? fake->options.details_max : SIZE_MAX;
	snapshot->keyset = v2m_keyset_ref(fake->keyset);
	snapshot->connections = v2m_connection_table_ref(fake->connections);
	snapshot->slots = calloc(fake->keyset->slots.count + 1, sizeof(*snapshot->slots));
	snapshot->keys = calloc(fake->keyset->n_keys + 1, sizeof(*snapshot->keys));
	snapshot->shares = calloc(fake->keyset->n_keys + 1, sizeof(*snapshot->shares));
	snapshot->interfaces = calloc(2, sizeof(*snapshot->interfaces));
	if (!snapshot->slots || !snapshot->keys || !snapshot->shares || !snapshot->interfaces) {
		v2m_snapshot_unref(snapshot);
		return NULL;
	}
	fill_slots(fake, snapshot);
	snapshot->n_interfaces = 2;
	snapshot->interfaces[0] =
		(struct v2m_interface_view){ .name = "eth0", .rx_bytes = 5000, .tx_bytes = 6000 };
	snapshot->interfaces[1] =
		(struct v2m_interface_view){ .name = "eth1", .rx_bytes = 70, .tx_bytes = 80 };
	return snapshot;
}

static enum v2m_verdict take_window(void *context, bool fresh, struct v2m_window **window)
{
	struct fake_meter *fake = context;
	enum v2m_verdict verdict;

	pthread_mutex_lock(&fake->lock);
	verdict = fake->window_verdict;
	if (verdict == V2M_OK &&
	    (fresh || !fake->window || v2m_clock_mono_ns() >= fake->window_ends_ns)) {
		struct v2m_snapshot *snapshot = read_counters(fake);

		v2m_window_unref(fake->window);
		fake->window = snapshot ? v2m_window_new(snapshot, fake->options.unit) : NULL;
		fake->window_ends_ns =
			v2m_clock_mono_ns() + (uint64_t)fake->options.window_ms * 1000000u;
		verdict = fake->window ? V2M_OK : V2M_UNREADABLE;
	}
	if (verdict == V2M_OK)
		*window = v2m_window_ref(fake->window);
	pthread_mutex_unlock(&fake->lock);
	return verdict;
}

static enum v2m_verdict take_live(void *context, struct v2m_window **window)
{
	return take_window(context, false, window);
}

static enum v2m_verdict reset_port(struct fake_meter *fake, const struct v2m_key *key,
				   struct v2m_reset *reset)
{
	const struct v2m_slot *slot = fake_slot(fake, key);
	size_t i = slot ? (size_t)(slot - fake->keyset->slots.items) : 0;

	snprintf(reset->key_id, sizeof(reset->key_id), "%s", key->id);
	snprintf(reset->uuid, sizeof(reset->uuid), "%s", key->uuid);
	reset->port = v2m_key_port(key);
	reset->real_us = v2m_clock_real_us();
	if (!slot)
		return V2M_KEY_HAS_NO_PORT;
	if (slot->n_keys > 1)
		return V2M_KEY_SHARES_PORT;
	fake->readings++;
	reset->closed = fake_totals(fake->readings - fake->baselines[i]);
	fake->baselines[i] = fake->readings;
	v2m_window_unref(fake->window);
	fake->window = NULL;
	return V2M_OK;
}

bool fake_allows(const struct fake_meter *fake, const char *api_key)
{
	const char *right = fake->options.api_key ? fake->options.api_key : FAKE_API_KEY;

	/* Scopes are the business of the server and of the counting process. */
	return strncmp(api_key, right, strlen(right)) == 0;
}

static enum v2m_verdict reset_key(void *context, const char *api_key, const char *id_or_uuid,
				  struct v2m_reset *reset)
{
	struct fake_meter *fake = context;
	enum v2m_verdict verdict;
	const struct v2m_key *key;

	pthread_mutex_lock(&fake->lock);
	verdict = fake_allows(fake, api_key) ? fake->reset_verdict : V2M_FORBIDDEN;
	key = v2m_keyset_find(fake->keyset, id_or_uuid);
	if (verdict == V2M_OK)
		verdict = key ? reset_port(fake, key, reset) : V2M_KEY_NOT_FOUND;
	pthread_mutex_unlock(&fake->lock);
	return verdict;
}

static void tell_health(void *context, struct v2m_health *health)
{
	struct fake_meter *fake = context;

	pthread_mutex_lock(&fake->lock);
	*health = fake->health;
	pthread_mutex_unlock(&fake->lock);
}

/* With one device and one key source, every member of the answer is there. */
/* A key that a proxy counts as well. */
static void fill_drift(struct v2m_status *status)
{
	status->drift = calloc(1, sizeof(*status->drift));
	if (!status->drift)
		return;
	status->n_drift = status->compared_keys = 1;
	status->drift[0] = (struct v2m_status_drift){
		.id = strdup("compared"),
		.name = strdup("compared@example.com"),
		.since_us = status->real_us,
		.drifts_since_us = status->real_us,
		.proxy_tx_bytes = 2000000,
		.tx_bytes = 1000000,
	};
}

static void fill_status(const struct fake_meter *fake, struct v2m_status *status)
{
	status->real_us = v2m_clock_real_us();
	status->started_us = status->real_us;
	status->mode = V2M_MODE_EBPF;
	strcpy(status->health_reason, fake->health.reason);
	status->keys = fake->keyset->n_keys;
	status->ports = fake->keyset->slots.count;
	fill_drift(status);
	status->devices = calloc(1, sizeof(*status->devices));
	if (status->devices) {
		status->n_devices = 1;
		strcpy(status->devices[0].name, "eth0");
		strcpy(status->devices[0].attach, "tcx");
	}
	status->reasons = calloc(1, sizeof(*status->reasons));
	if (status->reasons && fake->health.reason[0]) {
		status->n_reasons = 1;
		snprintf(status->reasons[0].word, sizeof(status->reasons[0].word), "%s",
			 fake->health.reason);
		v2m_error_set(&status->reasons[0].sentence, 0, "a reason of this fake");
	}
	/* Without a reason there is a budget, so that a test can have either. */
	if (!fake->health.reason[0])
		status->budget = (struct v2m_budget_view){ .set = true,
							   .limit = 1000,
							   .directions = "both",
							   .billing_day = 5,
							   .from = 20250805,
							   .next = 20250905,
							   .since_us = status->real_us,
							   .read_us = status->real_us,
							   .customers = { 1, 2 },
							   .internet = { 3, 4 },
							   .used = 10,
							   .projected = 20,
							   .days_left = 7.5,
							   .lasts_days = -1 };
	v2m_source_report_add(&status->sources, "/etc/v2meter/keys.json", "key file", 0, NULL);
}

static enum v2m_verdict make_status(void *context, struct v2m_status **status)
{
	struct fake_meter *fake = context;
	struct v2m_status *made = NULL;
	enum v2m_verdict verdict;

	pthread_mutex_lock(&fake->lock);
	verdict = fake->window_verdict;
	if (verdict == V2M_OK)
		made = calloc(1, sizeof(*made));
	if (made)
		fill_status(fake, made);
	pthread_mutex_unlock(&fake->lock);
	if (verdict != V2M_OK || !made)
		return V2M_UNREADABLE;
	*status = made;
	return V2M_OK;
}

struct fake_meter *fake_meter_new(const struct fake_options *options)
{
	struct fake_meter *fake = calloc(1, sizeof(*fake));

	if (!fake)
		return NULL;
	pthread_mutex_init(&fake->lock, NULL);
	fake->options = *options;
	fake->health.can_serve = true;
	fake->meter = (struct v2m_meter){
		.context = fake,
		.window = take_window,
		.live = take_live,
		.reset = reset_key,
		.health = tell_health,
		.status = make_status,
		.history = fake_history,
		.history_date = fake_history_date,
		.hours = fake_hours,
		.rates = fake_rates,
		.history_reset = fake_history_reset,
		.history_cleanup = fake_history_cleanup,
		.export_totals = fake_export,
		.import_totals = fake_import,
	};
	fake->keyset = make_keyset(options);
	fake->connections = make_connections(options);
	fake->baselines = calloc(options->n_keys + SPECIAL_KEYS, sizeof(*fake->baselines));
	fake->history_gone = calloc(options->n_keys + SPECIAL_KEYS, sizeof(*fake->history_gone));
	fake->days_kept = -1;
	if (!fake->keyset || !fake->connections || !fake->baselines || !fake->history_gone) {
		fake_meter_free(fake);
		return NULL;
	}
	return fake;
}

void fake_meter_free(struct fake_meter *fake)
{
	v2m_window_unref(fake->window);
	v2m_keyset_unref(fake->keyset);
	v2m_connection_table_unref(fake->connections);
	free(fake->baselines);
	free(fake->history_gone);
	pthread_mutex_destroy(&fake->lock);
	free(fake);
}

const struct v2m_meter *fake_meter(struct fake_meter *fake)
{
	return &fake->meter;
}

void fake_meter_set_window_verdict(struct fake_meter *fake, enum v2m_verdict verdict)
{
	pthread_mutex_lock(&fake->lock);
	fake->window_verdict = verdict;
	pthread_mutex_unlock(&fake->lock);
}

void fake_meter_set_reset_verdict(struct fake_meter *fake, enum v2m_verdict verdict)
{
	pthread_mutex_lock(&fake->lock);
	fake->reset_verdict = verdict;
	pthread_mutex_unlock(&fake->lock);
}

void fake_meter_set_health(struct fake_meter *fake, bool can_serve, const char *reason)
{
	pthread_mutex_lock(&fake->lock);
	fake->health = (struct v2m_health){ .can_serve = can_serve };
	snprintf(fake->health.reason, sizeof(fake->health.reason), "%s", reason ? reason : "");
	pthread_mutex_unlock(&fake->lock);
}

unsigned fake_meter_readings(struct fake_meter *fake)
{
	unsigned readings;

	pthread_mutex_lock(&fake->lock);
	readings = fake->readings;
	pthread_mutex_unlock(&fake->lock);
	return readings;
}

struct v2m_snapshot *fake_meter_snapshot(struct fake_meter *fake)
{
	struct v2m_snapshot *snapshot;

	pthread_mutex_lock(&fake->lock);
	snapshot = read_counters(fake);
	pthread_mutex_unlock(&fake->lock);
	return snapshot;
}
