// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/watch_traffic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define SILENT        "silent/"
#define SEEN          "listener/"
#define MISSING       "missing/"
#define GONE          "gone/"
#define ACTIVITY_NOTE "activity"
#define PORT_NAME_LEN 32

static uint64_t flow_bytes(const json_t *device, const char *direction, const char *class)
{
	json_t *flow = json_object_get(device, direction);
	json_t *tally = json_object_get(flow, class);

	return (uint64_t)json_integer_value(json_object_get(tally, "bytes"));
}

/* The bytes of all keys, of those on shared ports too. Without kernel programs, the sum over the
 * keys whose bytes are known. */
static uint64_t sum_bytes(const struct v2m_look *look)
{
	static const char *const classes[] = { "keys", "loopback", "unattributed" };
	static const char *const directions[] = { "ingress", "egress" };
	const json_t *devices = json_object_get(look->status, "devices");
	const json_t *keys = json_object_get(look->keys, "keys");
	uint64_t sum = 0;

	for (size_t i = 0; i < json_array_size(devices); i++)
		for (size_t k = 0; k < 6; k++)
			sum += flow_bytes(json_array_get(devices, i), directions[k % 2],
					  classes[k / 2]);
	for (size_t i = 0; i < json_array_size(keys) && !json_array_size(devices); i++)
		sum += (uint64_t)json_integer_value(
			json_object_get(json_array_get(keys, i), "used_bytes"));
	return sum;
}

/* Strangers knock at every port of the internet, so some bytes always come. */
static bool has_moved(const struct v2m_round *round, const struct v2m_traffic_watch *watch,
		      uint64_t bytes)
{
	double minutes = (double)(round->look->mono_ns - watch->look_ns) / 60e9;

	/* Fewer bytes than before: a device has gone, or a key was reset. */
	return bytes < watch->bytes ||
	       (bytes > watch->bytes &&
		(double)(bytes - watch->bytes) >=
			minutes * (double)round->settings->silent_below_bytes);
}

static int begin(const struct v2m_round *round, struct v2m_traffic_watch *watch)
{
	V2M_FREE char *text = NULL;
	int result = v2m_store_get(round->store, ACTIVITY_NOTE, &text, round->error);

	/* A proxy that does not come back with the machine is silent, too. */
	if (text && v2m_activity_parse(text, &watch->activity))
		watch->moved_ever = v2m_activity_ever(&watch->activity);
	watch->moved_ns = round->look->mono_ns;
	watch->begun = !result;
	return result;
}

static int note_activity(const struct v2m_round *round, struct v2m_traffic_watch *watch, bool moved)
{
	char text[V2M_ACTIVITY_LEN];

	if (!v2m_activity_note(&watch->activity, round->look->real_us, moved))
		return 0;
	v2m_activity_format(&watch->activity, text);
	return v2m_store_set(round->store, ACTIVITY_NOTE, text, round->error);
}

static int send_silent(const struct v2m_round *round, enum v2m_event_state state, int64_t minutes)
{
	json_t *event;

	if (state == V2M_STATE_CLEARED)
		return v2m_round_send(round, v2m_round_event(round, V2M_EVENT_SILENT, state,
							     "there is traffic again"));
	event = v2m_round_event(round, V2M_EVENT_SILENT, state, "the proxy has gone silent");
	if (!event)
		return v2m_error_set(round->error, -ENOMEM, "out of memory");
	v2m_event_line(event, "for %lld minutes no key has had traffic worth mentioning",
		       (long long)minutes);
	return v2m_round_send(round, event);
}

static int send_traffic_again(void *context, const char *name)
{
	(void)name;
	return send_silent(context, V2M_STATE_CLEARED, 0);
}

/* The first look after a start cannot tell, so silence that was told goes on. */
static int watch_silence(const struct v2m_round *round, struct v2m_traffic_watch *watch, bool moved)
{
	const uint64_t now_ns = round->look->mono_ns;
	const int64_t minutes = (int64_t)((now_ns - watch->moved_ns) / 60000000000);
	const unsigned after = round->settings->silent_after_min;
	bool held = v2m_crossings_has(round->crossings, SILENT "all");
	int result = 0;

	if (after && !moved &&
	    (held || (minutes >= after && watch->moved_ever &&
		      v2m_activity_is_normal(&watch->activity, round->look->real_us))))
		result = v2m_crossings_hold(round->crossings, SILENT "all", round->error);
	if (result == 1)
		result = send_silent(round, V2M_STATE_RAISED, minutes);
	return result < 0 ? result
			  : v2m_crossings_end(round->crossings, SILENT, send_traffic_again,
					      (void *)round, round->error);
}

/* A list of ports, as "443, 8443/udp". */
struct ports {
	char text[512];
	size_t length;
	size_t count;
};

static void add_port(struct ports *ports, const char *name)
{
	if (ports->length + strlen(name) + 8 < sizeof(ports->text))
		ports->length += (size_t)snprintf(ports->text + ports->length,
						  sizeof(ports->text) - ports->length, "%s%s",
						  ports->count ? ", " : "", name);
	else if (strcmp(ports->text + ports->length - 3, "...") != 0)
		ports->length += (size_t)snprintf(ports->text + ports->length,
						  sizeof(ports->text) - ports->length, " ...");
	ports->count++;
}

static int hold_port(const struct v2m_round *round, const char *family, const char *port)
{
	char name[PORT_NAME_LEN + 16];

	snprintf(name, sizeof(name), "%s%s", family, port);
	return v2m_crossings_hold(round->crossings, name, round->error);
}

static bool has_port(const struct v2m_round *round, const char *family, const char *port)
{
	char name[PORT_NAME_LEN + 16];

	snprintf(name, sizeof(name), "%s%s", family, port);
	return v2m_crossings_has(round->crossings, name);
}

/* A port that was seen listening stays known as long as a key has it. A server that restarts does
 * not listen for a moment: only the second look without a listener counts. */
static int look_at_port(const struct v2m_round *round, const char *port, bool listens,
			struct ports *gone)
{
	int result;

	if (!listens && !has_port(round, SEEN, port))
		return 0;
	result = hold_port(round, SEEN, port);
	if (listens || result < 0)
		return result < 0 ? result : 0;
	if (!has_port(round, MISSING, port)) {
		result = hold_port(round, MISSING, port);
		return result < 0 ? result : 0;
	}
	result = hold_port(round, MISSING, port);
	if (result >= 0)
		result = hold_port(round, GONE, port);
	if (result == 1)
		add_port(gone, port);
	return result < 0 ? result : 0;
}

/* Keys may share a port, which is looked at once: seen has the ports that were. */
static int look_at_ports(const struct v2m_round *round, const struct v2m_listening *listening,
			 const json_t *key, struct v2m_listening *seen, struct ports *gone)
{
	const json_t *ports = json_object_get(key, "ports");
	int result = 0;

	if (json_is_false(json_object_get(key, "is_active")))
		return 0;
	for (size_t i = 0; i < json_array_size(ports) && !result; i++) {
		const json_t *item = json_array_get(ports, i);
		json_int_t port = json_integer_value(json_object_get(item, "port"));
		const char *transport = json_string_value(json_object_get(item, "transport"));
		bool udp = transport && strcmp(transport, "udp") == 0;
		char name[PORT_NAME_LEN];

		/* A range is mostly redirected to one port, which listens. */
		if (port < 1 || port > 65535 || json_object_get(item, "last_port") ||
		    (udp ? seen->udp : seen->tcp)[port])
			continue;
		(udp ? seen->udp : seen->tcp)[port] = true;
		snprintf(name, sizeof(name), "%d%s", (int)port, udp ? "/udp" : "");
		result = look_at_port(round, name,
				      udp ? listening->udp[port] : listening->tcp[port], gone);
	}
	return result;
}

static int collect_port(void *context, const char *name)
{
	add_port(context, name + strlen(GONE));
	return 0;
}

static int send_ports(const struct v2m_round *round, enum v2m_event_state state,
		      const struct ports *ports)
{
	const char *one = ports->count == 1 ? "" : "s";
	json_t *event;

	if (!ports->count)
		return 0;
	event = state == V2M_STATE_RAISED
			? v2m_round_event(round, V2M_EVENT_NOT_LISTENING, state,
					  "nobody listens at %zu port%s of keys", ports->count, one)
			: v2m_round_event(
				  round, V2M_EVENT_NOT_LISTENING, state,
				  "%zu port%s of keys listen again, or have no key any more",
				  ports->count, one);
	if (!event)
		return v2m_error_set(round->error, -ENOMEM, "out of memory");
	v2m_event_line(event, "port%s %s", one, ports->text);
	return v2m_round_send(round, event);
}

static int watch_listeners(const struct v2m_round *round, const struct v2m_listening *listening)
{
	static const char *const families[] = { SEEN, MISSING };
	const json_t *keys = json_object_get(round->look->keys, "keys");
	V2M_FREE struct v2m_listening *seen = NULL;
	struct ports gone = { 0 };
	struct ports back = { 0 };
	int result = 0;

	if (!json_is_array(keys) || !listening)
		return 0;
	seen = calloc(1, sizeof(*seen));
	if (!seen)
		return v2m_error_set(round->error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < json_array_size(keys) && !result; i++)
		result = look_at_ports(round, listening, json_array_get(keys, i), seen, &gone);
	for (size_t i = 0; i < 2 && !result; i++)
		result = v2m_crossings_end(round->crossings, families[i], NULL, NULL, round->error);
	if (!result)
		result = v2m_crossings_end(round->crossings, GONE, collect_port, &back,
					   round->error);
	if (!result)
		result = send_ports(round, V2M_STATE_RAISED, &gone);
	return result ? result : send_ports(round, V2M_STATE_CLEARED, &back);
}

int v2m_watch_traffic(const struct v2m_round *round, struct v2m_traffic_watch *watch)
{
	uint64_t bytes;
	bool moved = false;
	int result = 0;

	/* A daemon that cannot serve figures gives a status without devices. */
	if (!json_is_array(json_object_get(round->look->status, "devices")))
		return 0;
	bytes = sum_bytes(round->look);
	if (!watch->begun)
		result = begin(round, watch);
	else
		moved = has_moved(round, watch, bytes);
	if (result)
		return result;
	if (moved) {
		watch->moved_ns = round->look->mono_ns;
		watch->moved_ever = true;
	}
	/* The first look cannot tell. */
	if (watch->look_ns)
		result = note_activity(round, watch, moved);
	watch->bytes = bytes;
	watch->look_ns = round->look->mono_ns;
	if (!result)
		result = watch_silence(round, watch, moved);
	return result ? result
		      : watch_listeners(round,
					round->settings->listeners ? watch->listening : NULL);
}
