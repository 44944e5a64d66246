/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The links of this host by rtnetlink, their addresses and counters, and the devices among them:
 * the links to count on. */
#ifndef V2METER_DEVICES_LINKS_H
#define V2METER_DEVICES_LINKS_H

#include "devices/device_choice.h"
#include "base/device.h"
#include "base/error.h"

struct v2m_links;

/* 0 or -errno. */
int v2m_links_open(struct v2m_links **links, struct v2m_error *error);
void v2m_links_close(struct v2m_links *links);

/* The descriptor becomes readable when a link, an address, a route or a qdisc changed.
 * v2m_links_drain() empties it and returns whether something changed that matters here: anything
 * but a route that is not a default route. If messages were lost, it returns true. */
int v2m_links_event_fd(const struct v2m_links *links);
bool v2m_links_drain(struct v2m_links *links);

/* A device to count on and why. */
struct v2m_chosen_device {
	struct v2m_device device;
	char reason[128];  /* "default route", "named in interfaces", ... */
	uint64_t rx_bytes; /* counted by the kernel for the link */
	uint64_t tx_bytes;
};

/* Chooses the devices among the links that are up, or were chosen before, as v2m_choose_links()
 * describes. Warns once about an entry of interfaces that matches no link, and about a link whose
 * packets cannot be read. The array is ascending by ifindex. 0 or -errno; the caller frees the
 * array. */
int v2m_links_choose(struct v2m_links *links, const struct v2m_strings *interfaces,
		     const struct v2m_strings *exclude, bool loopback,
		     struct v2m_chosen_device **devices, size_t *count, struct v2m_error *error);

/* A link, and why it was chosen or not. */
struct v2m_listed_link {
	struct v2m_link link;
	struct v2m_link_choice choice;
};

/* Lists all links of this network namespace, ascending by ifindex, each with the decision of
 * v2m_links_choose(). 0 or -errno; the caller frees the array. */
int v2m_links_list(struct v2m_links *links, const struct v2m_strings *interfaces,
		   const struct v2m_strings *exclude, bool loopback, struct v2m_listed_link **list,
		   size_t *count, struct v2m_error *error);

/* Whether an entry of interfaces is "auto" or matches the name of a listed link. */
bool v2m_links_match(const char *pattern, const struct v2m_listed_link *listed, size_t count);

/* A link whose packets are counted on a device below it, such as a VLAN. */
struct v2m_stacked_link {
	uint32_t ifindex;
	uint32_t device; /* ifindex of the chosen device */
	uint8_t tags;    /* VLAN tags that its packets have there */
};

/* Lists the links over chosen devices that are not chosen themselves. 0 or -errno; the caller frees
 * the array. */
int v2m_links_stacked(struct v2m_links *links, const struct v2m_chosen_device *devices,
		      size_t n_devices, struct v2m_stacked_link **stacked, size_t *count,
		      struct v2m_error *error);

/* Reads the counters of chosen devices again, with one short message for each, while choosing dumps
 * all links, addresses and routes. The counters of a device that is gone stay as they are. Needs
 * Linux 4.7. 0 or -errno. */
int v2m_links_read_counters(struct v2m_links *links, struct v2m_chosen_device *devices,
			    size_t count, struct v2m_error *error);

/* Lists the addresses of the calling thread's network namespace. 0 or -errno; the caller frees the
 * array. */
int v2m_links_addresses_here(struct v2m_local_address **addresses, size_t *count);

/* Lists this host's own addresses on all links, each once, ascending. 0 or -errno; the caller frees
 * the array. */
int v2m_links_addresses(struct v2m_links *links, struct v2m_local_address **addresses,
			size_t *count, struct v2m_error *error);

#endif
