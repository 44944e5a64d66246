// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which devices are counted on, and that our programs are there and stay there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/internal.h"
#include "base/log.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/addresses.h"
#include "datapath/attach.h"
#include "datapath/device_slots.h"

static struct watched_device *find_watched(struct watched_device *devices, size_t count,
					   uint32_t ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (devices[i].chosen.device.ifindex == ifindex)
			return &devices[i];
	return NULL;
}

static void note_repair(struct watched_device *watched, uint64_t now)
{
	watched->repairs++;
	watched->repaired_us = v2m_clock_real_us();
	watched->gap_ns = now - watched->checked_ns;
	v2m_log_warning("our programs on %s had been removed and are back; what passed in between, "
			"at most %.1f s, was not counted",
			watched->chosen.device.name, (double)watched->gap_ns / 1e9);
}

/* What the kernel lacks at the moment, and may have the next time. */
static bool is_want(int result)
{
	return result == -ENOMEM || result == -EMFILE || result == -ENFILE || result == -ENOBUFS ||
	       result == -EAGAIN || result == -EINTR;
}

/* A device that has just been chosen has nothing of ours to repair. */
static void attach(struct v2m_collector *collector, struct watched_device *watched)
{
	const struct v2m_device *device = &watched->chosen.device;
	struct v2m_error error = { 0 };
	bool repaired = false;
	uint64_t now = v2m_clock_mono_ns();
	int result = v2m_datapath_attach(collector->datapath, device, &repaired, &error);

	if (result == -ENODEV) /* it went between the choice and now; the next event says so */
		return;
	if (result) {
		if (!watched->failed)
			v2m_log_error("cannot count on %s: %s", device->name, error.text);
		watched->failed = true;
		watched->refused = !is_want(result);
		collector->attach_error = error;
		return;
	}
	if (!watched->checked_ns || watched->failed)
		v2m_log_info("counting on %s (%s)%s", device->name, watched->chosen.reason,
			     device->host_only ? ", this host's own packets only" : "");
	else if (repaired)
		note_repair(watched, now);
	watched->failed = false;
	watched->refused = false;
	watched->checked_ns = now;
}

static void detach_unwanted(struct v2m_collector *collector)
{
	uint32_t attached[V2M_MAX_DEVICES];
	int n = collector->datapath ? v2m_datapath_attached(collector->datapath, attached,
							    V2M_ARRAY_LEN(attached))
				    : 0;

	for (int i = 0; i < n; i++) {
		const char *name = v2m_datapath_device_name(collector->datapath, attached[i]);

		if (find_watched(collector->devices, collector->n_devices, attached[i]))
			continue;
		v2m_log_info("no longer counting on %s (device %u)", name ? name : "a device",
			     attached[i]);
		if (v2m_datapath_detach(collector->datapath, attached[i]))
			v2m_log_warning("cannot take our programs off device %u", attached[i]);
	}
}

static void update_addresses(struct v2m_collector *collector)
{
	V2M_FREE struct v2m_local_address *addresses = NULL;
	struct v2m_error error = { 0 };
	size_t count = 0;

	if (v2m_links_addresses(collector->links, &addresses, &count, &error) ||
	    v2m_datapath_set_addresses(collector->datapath, addresses, count, &error))
		v2m_log_error("cannot tell the kernel this host's addresses: %s", error.text);
}

static void set_no_device(struct v2m_collector *collector, bool none)
{
	if (none == collector->condition.no_device)
		return;
	if (none)
		v2m_log_warning("no device to count on: see \"interfaces\" in the configuration");
	collector->condition.no_device = none;
	publish_condition(collector);
}

/* The newly chosen devices, with what is known of those that were watched already. */
static int replace_watched(struct v2m_collector *collector, const struct v2m_chosen_device *chosen,
			   size_t count)
{
	struct watched_device *devices = calloc(count + 1, sizeof(*devices));

	if (!devices)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct watched_device *known = find_watched(
			collector->devices, collector->n_devices, chosen[i].device.ifindex);

		/* An index that another device has now. */
		if (known && strcmp(known->chosen.device.name, chosen[i].device.name) == 0)
			devices[i] = *known;
		devices[i].chosen = chosen[i];
	}
	free(collector->devices);
	collector->devices = devices;
	collector->n_devices = count;
	return 0;
}

static bool any_host_only(const struct v2m_collector *collector)
{
	for (size_t i = 0; i < collector->n_devices; i++)
		if (collector->devices[i].chosen.device.host_only)
			return true;
	return false;
}

void collector_update_devices(struct v2m_collector *collector)
{
	const struct v2m_config *config = collector->config;
	V2M_FREE struct v2m_chosen_device *chosen = NULL;
	struct v2m_error error = { 0 };
	size_t count;

	if (v2m_links_choose(collector->links, &config->interfaces, &config->exclude_interfaces,
			     v2m_keyset_has_loopback(collector->keyset), &chosen, &count, &error)) {
		v2m_log_error("cannot list the network devices: %s", error.text);
		return;
	}
	if (replace_watched(collector, chosen, count))
		return;
	if (collector->datapath && any_host_only(collector))
		update_addresses(collector);
	collector_check_devices(collector);
	detach_unwanted(collector);
	set_no_device(collector, count == 0);
}

void collector_check_devices(struct v2m_collector *collector)
{
	bool refused = false;

	for (size_t i = 0; collector->datapath && i < collector->n_devices; i++) {
		attach(collector, &collector->devices[i]);
		refused |= collector->devices[i].failed;
	}
	if (refused == collector->condition.device_refused)
		return;
	collector->condition.device_refused = refused;
	publish_condition(collector);
}

void collector_read_links(struct v2m_collector *collector)
{
	struct v2m_error error = { 0 };

	for (size_t i = 0; i < collector->n_devices; i++)
		if (v2m_links_read_counters(collector->links, &collector->devices[i].chosen, 1,
					    &error))
			v2m_log_warning("the counters of %s cannot be read: %s",
					collector->devices[i].chosen.device.name, error.text);
}
