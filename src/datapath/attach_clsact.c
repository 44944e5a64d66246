// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/attach_clsact.h"

/*
 * cls_bpf filters on clsact, for kernels without tcx. A filter is ours if we have pinned its
 * program, or, because somebody may have deleted the pins, if it has our name and the handle that
 * follows from pin_dir. No other filter is ever touched.
 *
 * A new program is pinned under a second name before it replaces the old one. So the program of the
 * filter is pinned at any moment.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "netlink/tc_netlink.h"
#include "datapath/program.h"
#include "base/cleanup.h"

/* We want the first priority, to run before filters that end the walk. The next ones are for hosts
 * where somebody has a filter of another kind there. */
#define PRIORITIES 16

static uint32_t minor_of(enum v2m_direction direction)
{
	return direction == V2M_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS;
}

static uint32_t pinned_id(const struct v2m_pins *pins, const char *kind, uint32_t ifindex,
			  enum v2m_direction direction)
{
	char path[PATH_MAX];
	V2M_CLOSE int fd = -1;

	if (v2m_pin_path_of(pins, kind, ifindex, direction, path))
		return 0;
	fd = bpf_obj_get(path);
	return fd < 0 ? 0 : v2m_program_id(fd);
}

/* The filters of one hook. ours is one of them, or NULL. */
struct filters {
	struct v2m_tc_filter *items;
	size_t count;
	const struct v2m_tc_filter *ours;
};

static void clear_filters(struct filters *filters)
{
	free(filters->items);
}

/* libbpf names a filter by its program's name and id. The kernel shows the program itself only to
 * CAP_SYS_ADMIN (BPF_PROG_GET_FD_BY_ID), and the service does not have this capability. */
static bool is_named_ours(const struct v2m_tc_filter *filter, enum v2m_direction direction)
{
	char ours[sizeof(filter->name)];

	snprintf(ours, sizeof(ours), "v2m_%s:[%u]", direction == V2M_INGRESS ? "ingress" : "egress",
		 filter->program_id);
	return strcmp(filter->name, ours) == 0;
}

static int read_filters(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
			struct filters *filters)
{
	uint32_t pinned = pinned_id(pins, "prog", ifindex, direction);
	uint32_t next = pinned_id(pins, "next", ifindex, direction);
	int result = v2m_tc_filters(ifindex, minor_of(direction), &filters->items, &filters->count);

	for (size_t i = 0; i < filters->count && result == 0; i++) {
		const struct v2m_tc_filter *filter = &filters->items[i];

		if (!filter->bpf || !filter->program_id || filter->handle != pins->handle)
			continue;
		if (filter->program_id == pinned || filter->program_id == next ||
		    is_named_ours(filter, direction))
			filters->ours = filter;
	}
	return result;
}

/* Returns the first priority that can take our filter: it is free, or has only bpf filters for all
 * protocols. */
static uint32_t choose_priority(const struct filters *filters)
{
	for (uint32_t priority = 1; priority <= PRIORITIES; priority++) {
		bool usable = true;

		for (size_t i = 0; i < filters->count; i++) {
			const struct v2m_tc_filter *filter = &filters->items[i];

			if (filter->priority == priority &&
			    (!filter->bpf || filter->protocol != htons(ETH_P_ALL)))
				usable = false;
		}
		if (usable)
			return priority;
	}
	return PRIORITIES;
}

static enum bpf_tc_attach_point point_of(enum v2m_direction direction)
{
	return direction == V2M_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

static int marker_path(const struct v2m_pins *pins, uint32_t ifindex, char path[PATH_MAX])
{
	char name[32];

	snprintf(name, sizeof(name), "qdisc_%u", ifindex);
	return v2m_pin_path(pins, name, path);
}

/* Marks the qdisc as ours to delete, before it is made. */
static int pin_marker(const char *path)
{
	V2M_CLOSE int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "v2m_qdisc", 4, 4, 1, NULL);

	return fd < 0 ? fd : bpf_obj_pin(fd, path);
}

static int make_qdisc(const struct v2m_pins *pins, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	char path[PATH_MAX];
	int result = marker_path(pins, ifindex, path);

	if (result)
		return result;
	/* The marker may be of an earlier qdisc that somebody deleted. */
	unlink(path);
	result = pin_marker(path);
	if (result)
		return result;
	result = bpf_tc_hook_create(&hook);
	if (result)
		unlink(path);
	return result == -EEXIST ? 0 : result;
}

static int ensure_qdisc(const struct v2m_pins *pins, uint32_t ifindex)
{
	enum v2m_tc_hook hook;
	int result = v2m_tc_hook(ifindex, &hook);

	if (result)
		return result;
	if (hook == V2M_TC_INGRESS)
		return -EEXIST;
	return hook == V2M_TC_CLSACT ? 0 : make_qdisc(pins, ifindex);
}

static int set_filter(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		      int program, const struct filters *filters)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = point_of(direction));
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = pins->handle, .prog_fd = program);

	if (filters->ours) {
		options.priority = filters->ours->priority;
		options.flags = BPF_TC_F_REPLACE;
	} else {
		options.priority = choose_priority(filters);
	}
	if (!filters->ours && options.priority != 1)
		v2m_log_warning("device %u: another kind of filter has the first priority, so ours "
				"has priority %u",
				ifindex, options.priority);
	return bpf_tc_attach(&hook, &options);
}

int v2m_clsact_put(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		   int program, bool *missing)
{
	V2M_CLEANUP(clear_filters) struct filters filters = {};
	char path[PATH_MAX];
	char next[PATH_MAX];
	int result = v2m_pin_path_of(pins, "prog", ifindex, direction, path);

	if (result == 0)
		result = v2m_pin_path_of(pins, "next", ifindex, direction, next);
	if (result == 0)
		result = ensure_qdisc(pins, ifindex);
	if (result == 0)
		result = read_filters(pins, ifindex, direction, &filters);
	if (result)
		return result;
	if (!filters.ours && access(path, F_OK) == 0)
		*missing = true;
	/* A crash may have left this pin. Its program is either the filter's, which keeps it alive,
	 * or unused. So it is safe to remove the pin. */
	unlink(next);
	result = bpf_obj_pin(program, next);
	if (result == 0)
		result = set_filter(pins, ifindex, direction, program, &filters);
	if (result) {
		unlink(next);
		return result;
	}
	return rename(next, path) ? -errno : 0;
}

bool v2m_clsact_pinned(const struct v2m_pins *pins, uint32_t ifindex)
{
	return pinned_id(pins, "prog", ifindex, V2M_INGRESS) ||
	       pinned_id(pins, "prog", ifindex, V2M_EGRESS);
}

/* Unlike a tcx link, a filter stays after its pins are removed. */
bool v2m_clsact_stands(const struct v2m_pins *pins, uint32_t ifindex)
{
	for (int direction = V2M_INGRESS; direction <= V2M_EGRESS; direction++) {
		V2M_CLEANUP(clear_filters) struct filters filters = {};

		if (read_filters(pins, ifindex, (enum v2m_direction)direction, &filters) == 0 &&
		    filters.ours)
			return true;
	}
	return false;
}

bool v2m_clsact_intact(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		       uint32_t program_id)
{
	V2M_CLEANUP(clear_filters) struct filters filters = {};

	if (read_filters(pins, ifindex, direction, &filters))
		return false;
	return filters.ours && filters.ours->program_id == program_id &&
	       pinned_id(pins, "prog", ifindex, direction) == program_id;
}

bool v2m_clsact_outrun(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		       uint32_t program_id)
{
	V2M_CLEANUP(clear_filters) struct filters filters = {};

	(void)program_id;
	if (read_filters(pins, ifindex, direction, &filters) || !filters.ours)
		return false;
	/* Filters are in the kernel's order. Handle 0 is the head of a priority and no filter. */
	for (const struct v2m_tc_filter *filter = filters.items; filter < filters.ours; filter++)
		if (filter->handle)
			return true;
	return false;
}

static int take_off(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction)
{
	V2M_CLEANUP(clear_filters) struct filters filters = {};
	char path[PATH_MAX];
	int result = read_filters(pins, ifindex, direction, &filters);

	if (result == 0 && filters.ours) {
		LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
			    .attach_point = point_of(direction));
		LIBBPF_OPTS(bpf_tc_opts, options, .handle = pins->handle,
			    .priority = filters.ours->priority);

		result = bpf_tc_detach(&hook, &options);
	}
	if (result && result != -ENODEV)
		return result;
	if (v2m_pin_path_of(pins, "next", ifindex, direction, path) == 0)
		unlink(path);
	if (v2m_pin_path_of(pins, "prog", ifindex, direction, path) == 0)
		unlink(path);
	return 0;
}

static bool is_empty(uint32_t ifindex)
{
	for (int direction = V2M_INGRESS; direction <= V2M_EGRESS; direction++) {
		struct v2m_tc_filter *filters = NULL;
		size_t count = 0;
		int result = v2m_tc_filters(ifindex, minor_of((enum v2m_direction)direction),
					    &filters, &count);

		free(filters);
		if (result || count)
			return false;
	}
	return true;
}

/* If we made the qdisc, it is removed with its last filter. */
static int drop_qdisc(const struct v2m_pins *pins, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	enum v2m_tc_hook kind = V2M_TC_NONE;
	char path[PATH_MAX];
	int result = marker_path(pins, ifindex, path);

	if (result || access(path, F_OK))
		return result;
	result = v2m_tc_hook(ifindex, &kind);
	if (result == 0 && kind == V2M_TC_CLSACT && is_empty(ifindex))
		result = bpf_tc_hook_destroy(&hook);
	if (result && result != -ENODEV)
		return result;
	return unlink(path) ? -errno : 0;
}

int v2m_clsact_take_off(const struct v2m_pins *pins, uint32_t ifindex)
{
	int ingress = take_off(pins, ifindex, V2M_INGRESS);
	int egress = take_off(pins, ifindex, V2M_EGRESS);
	int qdisc = drop_qdisc(pins, ifindex);

	return ingress ? ingress : egress ? egress : qdisc;
}
