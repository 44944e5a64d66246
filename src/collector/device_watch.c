// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/device_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sample.h"
#include "collector/fragment_watch.h"
#include "collector/socket_netns.h"
#include "datapath/addresses.h"
#include "datapath/attach.h"
#include "datapath/device_slots.h"

struct v2m_device_watch {
	const struct v2m_config *config;
	struct v2m_conditions *conditions;
	struct v2m_links *links;
	struct v2m_watched_device *devices; /* ascending by ifindex */
	size_t n_devices;
	struct v2m_error failure; /* of the last device that could not be attached to */
	uint64_t removed_ns;      /* CLOCK_MONOTONIC when programs that somebody had removed were
				     put back; 0: not since the start */
	bool queues_unreadable;   /* logged */
	struct v2m_fragment_watch fragments;
};

int v2m_device_watch_open(const struct v2m_config *config, struct v2m_conditions *conditions,
			  struct v2m_device_watch **watch, struct v2m_error *error)
{
	struct v2m_device_watch *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	made->config = config;
	made->conditions = conditions;
	result = v2m_links_open(&made->links, error);
	if (result) {
		free(made);
		return result;
	}
	*watch = made;
	return 0;
}

void v2m_device_watch_close(struct v2m_device_watch *watch)
{
	if (!watch)
		return;
	v2m_links_close(watch->links);
	free(watch->devices);
	free(watch);
}

int v2m_device_watch_fd(const struct v2m_device_watch *watch)
{
	return v2m_links_event_fd(watch->links);
}

bool v2m_device_watch_drain(struct v2m_device_watch *watch)
{
	return v2m_links_drain(watch->links);
}

struct v2m_watched_device *v2m_device_watch_find(struct v2m_device_watch *watch, uint32_t ifindex)
{
	for (size_t i = 0; i < watch->n_devices; i++)
		if (watch->devices[i].chosen.device.ifindex == ifindex)
			return &watch->devices[i];
	return NULL;
}

/* So long the health says that traffic was not counted. */
#define REMOVED_NS (24 * 3600 * UINT64_C(1000000000))

static void tell_removed(struct v2m_device_watch *watch, const char *sentence, uint64_t now)
{
	v2m_log_warning("%s", sentence);
	v2m_conditions_set(watch->conditions, V2M_PROGRAMS_REMOVED, sentence);
	watch->removed_ns = now;
}

/* Our programs are back on a device, from which somebody had removed them. */
static void note_return(struct v2m_device_watch *watch, struct v2m_watched_device *watched,
			uint64_t now)
{
	struct v2m_error sentence;

	watched->repairs++;
	watched->repaired_us = v2m_clock_real_us();
	watched->gap_ns = now - watched->checked_ns;
	v2m_error_set(&sentence, 0,
		      "our programs on %s had been removed and are back; traffic of at most %.1f s "
		      "was not counted",
		      watched->chosen.device.name, (double)(now - watched->checked_ns) / 1e9);
	tell_removed(watch, sentence.text, now);
}

/* The pins of an earlier process were there, but its programs were not. */
static void note_missing(struct v2m_device_watch *watch, const struct v2m_watched_device *watched,
			 uint64_t now)
{
	struct v2m_error sentence;

	v2m_error_set(&sentence, 0,
		      "our programs on %s were gone when the daemon started; traffic since its "
		      "last run may be missing",
		      watched->chosen.device.name);
	tell_removed(watch, sentence.text, now);
}

/* Our programs on a device that has just been chosen need no repair: they were never there. */
static void attach_programs(struct v2m_device_watch *watch, struct v2m_watched_device *watched,
			    struct v2m_datapath *datapath)
{
	const struct v2m_device *device = &watched->chosen.device;
	struct v2m_error error = { 0 };
	bool repaired = false;
	uint64_t now = v2m_clock_mono_ns();
	int result = v2m_datapath_attach(datapath, device, &repaired, &error);

	if (result == -ENODEV) /* it was removed after the choice; the next event says so */
		return;
	if (result) {
		if (!watched->failed)
			v2m_log_error("cannot count on %s: %s", device->name, error.text);
		watched->failed = true;
		watched->refused = v2m_failure_of(result) != V2M_FAILURE_PASSING;
		watch->failure = error;
		return;
	}
	if (repaired && !watched->checked_ns)
		note_missing(watch, watched, now);
	else if (repaired)
		note_return(watch, watched, now);
	if (!watched->checked_ns || watched->failed)
		v2m_log_info("counting on %s (%s)%s", device->name, watched->chosen.reason,
			     device->host_only || device->forwards
				     ? ", this host's own packets only"
				     : "");
	watched->failed = false;
	watched->refused = false;
	watched->checked_ns = now;
}

static void detach_unwanted(struct v2m_device_watch *watch, struct v2m_datapath *datapath)
{
	uint32_t attached[V2M_MAX_DEVICES];
	int n = v2m_datapath_attached(datapath, attached, V2M_ARRAY_LEN(attached));

	for (int i = 0; i < n; i++) {
		const char *name = v2m_datapath_device_name(datapath, attached[i]);

		if (v2m_device_watch_find(watch, attached[i]))
			continue;
		v2m_log_info("no longer counting on %s (device %u)", name ? name : "a device",
			     attached[i]);
		if (v2m_datapath_detach(datapath, attached[i]))
			v2m_log_warning("our programs cannot be removed from device %u",
					attached[i]);
	}
}

static bool any_needs_addresses(const struct v2m_device_watch *watch)
{
	for (size_t i = 0; i < watch->n_devices; i++)
		if (watch->devices[i].chosen.device.host_only ||
		    watch->devices[i].chosen.device.forwards)
			return true;
	return false;
}

struct found_addresses {
	struct v2m_local_address *items;
	size_t count;
};

static int find_addresses(void *context)
{
	struct found_addresses *found = context;

	return v2m_links_addresses_here(&found->items, &found->count);
}

/* The programs on devices that are not uplinks, or of a host that forwards, count only packets of
 * these addresses. */
static void update_addresses(struct v2m_device_watch *watch, struct v2m_datapath *datapath,
			     const struct v2m_socket_netns *netns)
{
	V2M_FREE struct v2m_local_address *own = NULL;
	struct found_addresses other = { 0 };
	struct v2m_error error = { 0 };
	size_t count = 0;
	int result = v2m_links_addresses(watch->links, &own, &count, &error);

	/* Without such a namespace, or with the daemon's own, nothing is found or nothing new. */
	if (result == 0 && v2m_socket_netns_run(netns, find_addresses, &other))
		other.count = 0;
	if (result == 0)
		result = v2m_datapath_set_addresses(
			datapath, (struct v2m_addresses){ own, count },
			(struct v2m_addresses){ other.items, other.count }, &error);
	free(other.items);
	if (result)
		v2m_log_error("the kernel programs do not have this host's current addresses: %s",
			      error.text);
}

void v2m_device_watch_check_fragments(struct v2m_device_watch *watch,
				      const struct v2m_datapath *datapath)
{
	v2m_fragment_watch_check(&watch->fragments, datapath, watch->conditions);
}

static void note_count(struct v2m_device_watch *watch)
{
	if (watch->n_devices)
		v2m_conditions_clear(watch->conditions, V2M_NO_DEVICE);
	else if (v2m_conditions_set(watch->conditions, V2M_NO_DEVICE, NULL))
		v2m_log_warning("no device to count on: see \"interfaces\" in the configuration");
}

/* The chosen devices, with what is known about those that were watched before. */
static int replace_devices(struct v2m_device_watch *watch, const struct v2m_chosen_device *chosen,
			   size_t count)
{
	struct v2m_watched_device *devices = calloc(count + 1, sizeof(*devices));

	if (!devices)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct v2m_watched_device *known =
			v2m_device_watch_find(watch, chosen[i].device.ifindex);

		/* Another device may have got the index of one that is gone. */
		if (known && strcmp(known->chosen.device.name, chosen[i].device.name) == 0)
			devices[i] = *known;
		devices[i].chosen = chosen[i];
	}
	free(watch->devices);
	watch->devices = devices;
	watch->n_devices = count;
	return 0;
}

void v2m_device_watch_update(struct v2m_device_watch *watch, struct v2m_datapath *datapath,
			     const struct v2m_socket_netns *netns, bool loopback)
{
	const struct v2m_config *config = watch->config;
	V2M_FREE struct v2m_chosen_device *chosen = NULL;
	struct v2m_error error = { 0 };
	size_t count;

	if (v2m_links_choose(watch->links, &config->interfaces, &config->exclude_interfaces,
			     loopback, &chosen, &count, &error)) {
		v2m_log_error("the network devices cannot be listed: %s", error.text);
		return;
	}
	if (replace_devices(watch, chosen, count))
		return;
	if (datapath && any_needs_addresses(watch))
		update_addresses(watch, datapath, netns);
	v2m_device_watch_check(watch, datapath);
	if (datapath) {
		/* After attaching: until then, programs of another version count fragments. */
		v2m_fragment_watch_devices(watch->links, datapath, chosen, count);
		detach_unwanted(watch, datapath);
	}
	note_count(watch);
}

void v2m_device_watch_check(struct v2m_device_watch *watch, struct v2m_datapath *datapath)
{
	const struct v2m_watched_device *failed = NULL;
	struct v2m_error sentence;

	if (watch->removed_ns && v2m_clock_mono_ns() - watch->removed_ns > REMOVED_NS) {
		v2m_conditions_clear(watch->conditions, V2M_PROGRAMS_REMOVED);
		watch->removed_ns = 0;
	}
	for (size_t i = 0; datapath && i < watch->n_devices; i++) {
		attach_programs(watch, &watch->devices[i], datapath);
		if (watch->devices[i].failed)
			failed = &watch->devices[i];
	}
	if (!failed) {
		v2m_conditions_clear(watch->conditions, V2M_DEVICE_REFUSED);
		return;
	}
	/* The last device that failed is the one that the error is about. */
	v2m_error_set(&sentence, 0, "%s is not counted on: %s", failed->chosen.device.name,
		      watch->failure.text);
	v2m_conditions_set(watch->conditions, V2M_DEVICE_REFUSED, sentence.text);
}

void v2m_device_watch_read_counters(struct v2m_device_watch *watch)
{
	struct v2m_error error = { 0 };

	for (size_t i = 0; i < watch->n_devices; i++)
		if (v2m_links_read_counters(watch->links, &watch->devices[i].chosen, 1, &error))
			v2m_log_warning("the counters of %s cannot be read: %s",
					watch->devices[i].chosen.device.name, error.text);
}

static const struct v2m_tc_queue *find_queue(const struct v2m_tc_queue *queues, size_t count,
					     uint32_t ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (queues[i].ifindex == ifindex)
			return &queues[i];
	return NULL;
}

static void tell_lossy(struct v2m_device_watch *watch, const struct v2m_watched_device *lossy)
{
	struct v2m_error sentence;

	if (!lossy) {
		if (v2m_conditions_clear(watch->conditions, V2M_QUEUE_DROPS))
			v2m_log_info("the queues drop less than 1 %% of what is sent again");
		return;
	}
	v2m_error_set(&sentence, 0,
		      "the queue (%s) of %s drops %.1f %% of the bytes that are counted as sent",
		      lossy->queue.queue.kind, lossy->chosen.device.name,
		      lossy->queue.recent_dropped * 100 /
			      (lossy->queue.recent_dropped + lossy->queue.recent_sent));
	if (v2m_conditions_set(watch->conditions, V2M_QUEUE_DROPS, sentence.text))
		v2m_log_warning("%s: keys pay for bytes that never reach the wire; a larger queue, "
				"or fq_codel below the shaper, loses less",
				sentence.text);
}

void v2m_device_watch_read_queues(struct v2m_device_watch *watch, const struct v2m_sample *sample)
{
	V2M_FREE struct v2m_tc_queue *queues = NULL;
	const struct v2m_watched_device *lossy = NULL;
	size_t count = 0;
	int result;

	if (!sample->n_devices)
		return;
	result = v2m_tc_queues(&queues, &count);
	if (result && !watch->queues_unreadable)
		v2m_log_warning("the queues of the devices cannot be read: %s; bytes that they "
				"drop are not shown",
				strerror(-result));
	watch->queues_unreadable = result != 0;
	for (size_t i = 0; i < sample->n_devices; i++) {
		const struct v2m_device_sample *counted = &sample->devices[i];
		struct v2m_watched_device *watched = v2m_device_watch_find(watch, counted->ifindex);
		const struct v2m_tc_queue *queue = find_queue(queues, count, counted->ifindex);

		if (!watched || !queue)
			continue;
		v2m_queue_account_add(&watched->queue, queue, &counted->egress.seen,
				      v2m_clock_mono_ns());
		if (watched->queue.lossy)
			lossy = watched;
	}
	tell_lossy(watch, lossy);
}

/* More than 0.1 % of the bytes of ten minutes, and not a packet or two. */
#define PERIOD_NS     (UINT64_C(600) * 1000000000)
#define DEEP_SHARE    1000
#define DEEP_AT_LEAST 16384

static bool is_too_deep(uint64_t too_deep, uint64_t seen)
{
	return too_deep >= DEEP_AT_LEAST && too_deep > seen / DEEP_SHARE;
}

/* Whether the device's share of such bytes is too high now, or was in the period before. */
static bool judge_device(struct v2m_watched_device *watched, const struct v2m_device_sample *device,
			 uint64_t now_ns)
{
	uint64_t seen = device->ingress.seen.wire_bytes + device->egress.seen.wire_bytes;
	uint64_t deep = device->ingress.too_deep.wire_bytes + device->egress.too_deep.wire_bytes;
	bool now_deep = false;

	/* The counters begin anew with other maps. */
	if (watched->period_ns && seen >= watched->period_seen && deep >= watched->period_too_deep)
		now_deep =
			is_too_deep(deep - watched->period_too_deep, seen - watched->period_seen);
	else
		watched->period_ns = 0;
	if (!watched->period_ns || now_ns - watched->period_ns >= PERIOD_NS) {
		watched->was_too_deep = now_deep;
		watched->period_ns = now_ns;
		watched->period_seen = seen;
		watched->period_too_deep = deep;
	}
	return now_deep || watched->was_too_deep;
}

void v2m_device_watch_judge(struct v2m_device_watch *watch, const struct v2m_sample *sample)
{
	const struct v2m_watched_device *found = NULL;
	struct v2m_error sentence;

	for (size_t i = 0; i < sample->n_devices; i++) {
		struct v2m_watched_device *watched =
			v2m_device_watch_find(watch, sample->devices[i].ifindex);

		if (watched && judge_device(watched, &sample->devices[i], sample->mono_ns))
			found = watched;
	}
	if (!found) {
		v2m_conditions_clear(watch->conditions, V2M_HEADERS_TOO_DEEP);
		return;
	}
	v2m_error_set(&sentence, 0,
		      "%s: packets with more than 8 VLAN tags or 32 IPv6 extension headers pass, "
		      "and are not counted for keys",
		      found->chosen.device.name);
	if (v2m_conditions_set(watch->conditions, V2M_HEADERS_TOO_DEEP, sentence.text))
		v2m_log_warning("%s", sentence.text);
}

bool v2m_device_watch_all_refused(const struct v2m_device_watch *watch)
{
	for (size_t i = 0; i < watch->n_devices; i++)
		if (!watch->devices[i].refused)
			return false;
	return watch->n_devices > 0;
}

bool v2m_device_watch_all_failed(const struct v2m_device_watch *watch)
{
	for (size_t i = 0; i < watch->n_devices; i++)
		if (!watch->devices[i].failed)
			return false;
	return watch->n_devices > 0;
}

const char *v2m_device_watch_failure(const struct v2m_device_watch *watch)
{
	return watch->failure.text;
}

const struct v2m_watched_device *v2m_device_watch_devices(const struct v2m_device_watch *watch,
							  size_t *count)
{
	*count = watch->n_devices;
	return watch->devices;
}
