/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Network devices, their addresses and counters, by rtnetlink; which of them to count on. */
#ifndef V2METER_DEVICES_LINKS_H
#define V2METER_DEVICES_LINKS_H

#include "devices/device_choice.h"
#include "base/device.h"
#include "base/error.h"

struct v2m_links;

/* 0 or -errno. */
int v2m_links_open(struct v2m_links **links, struct v2m_error *error);
void v2m_links_close(struct v2m_links *links);

/* Readable when a link, an address, a default route or a qdisc changed; v2m_links_drain() then
 * empties it and tells whether anything did (also when messages were lost). */
int v2m_links_event_fd(const struct v2m_links *links);
bool v2m_links_drain(struct v2m_links *links);

/* A device to count on and why. */
struct v2m_chosen_device {
	struct v2m_device device;
	char reason[128];  /* "default route", "named in interfaces", ... */
	uint64_t rx_bytes; /* the device's own counters */
	uint64_t tx_bytes;
};

/* Chooses from the devices that are up now, or were chosen before: by names and globs, or "auto"
 * (the uplinks: devices with a default route in any table, and real NICs, bonds, bridges and VLANs
 * over them, with a global address), less the excluded; the loopback device if loopback is set.
 * Warns once of a name that no device has. 0 or -errno; the array is the caller's to free,
 * ascending by ifindex. */
int v2m_links_choose(struct v2m_links *links, const struct v2m_strings *interfaces,
		     const struct v2m_strings *exclude, bool loopback,
		     struct v2m_chosen_device **devices, size_t *count, struct v2m_error *error);

/* A device, chosen or not, and why. */
struct v2m_listed_device {
	struct v2m_link link;
	struct v2m_link_choice choice;
};

/* Every device of this network namespace, with what v2m_links_choose() makes of it. 0 or -errno;
 * the array is the caller's to free, ascending by ifindex. */
int v2m_links_list(struct v2m_links *links, const struct v2m_strings *interfaces,
		   const struct v2m_strings *exclude, bool loopback,
		   struct v2m_listed_device **devices, size_t *count, struct v2m_error *error);

/* Whether an entry of "interfaces", a name, a glob or "auto", leads to any of the listed devices.
 */
bool v2m_links_match(const char *pattern, const struct v2m_listed_device *listed, size_t count);

/* Reads the counters of chosen devices again; those of a device that is gone stay as they are.
 * Needs Linux 4.7, and costs one short message a device where choosing costs dumps of everything. 0
 * or -errno. */
int v2m_links_read_counters(struct v2m_links *links, struct v2m_chosen_device *devices,
			    size_t count, struct v2m_error *error);

/* This host's own addresses, all devices, each once. 0 or -errno; the array is the caller's to
 * free. */
int v2m_links_addresses(struct v2m_links *links, struct v2m_local_address **addresses,
			size_t *count, struct v2m_error *error);

#endif
