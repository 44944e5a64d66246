// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/attach_tcx.h"

/*
 * Pinned links to the tcx hook, Linux 6.6 and later. libbpf 1.1 does not know tcx, but its
 * bpf_link_create() passes the attach type and the flags on. The constants are the kernel's
 * (include/uapi/linux/bpf.h, Linux 6.6).
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define TCX_INGRESS   46 /* BPF_TCX_INGRESS; egress is the next one */
#define LINK_TYPE_TCX 11 /* BPF_LINK_TYPE_TCX */
/* BPF_F_BEFORE. It puts us at the head of the list, since we name no other program to be before. */
#define FLAG_BEFORE (1U << 3)

/* The members of union bpf_attr for BPF_PROG_QUERY, Linux 6.6. */
struct tcx_query {
	uint32_t ifindex;
	uint32_t attach_type;
	uint32_t flags;
	uint32_t attach_flags;
	uint64_t programs;
	uint32_t count;
	uint32_t unused;
	uint64_t program_flags;
	uint64_t links;
	uint64_t link_flags;
	uint64_t revision;
};

static int open_link(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction)
{
	char path[PATH_MAX];
	int result = v2m_pin_path_of(pins, "link", ifindex, direction, path);

	return result ? result : bpf_obj_get(path);
}

/* For a tcx link, the union has the same layout as for an xdp link, followed by that of a netns
 * link. */
uint32_t v2m_tcx_link(int fd, uint32_t *ifindex, enum v2m_direction *direction)
{
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) || info.type != LINK_TYPE_TCX)
		return 0;
	*ifindex = info.xdp.ifindex;
	*direction = info.netns.attach_type == TCX_INGRESS ? V2M_INGRESS : V2M_EGRESS;
	return info.id;
}

/* A link whose device is gone has the index 0. */
static bool link_is_on(int fd, uint32_t ifindex, uint32_t *program_id)
{
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) || info.type != LINK_TYPE_TCX)
		return false;
	*program_id = info.prog_id;
	return info.xdp.ifindex == ifindex;
}

static int make_link(const char *path, uint32_t ifindex, enum v2m_direction direction, int program)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = FLAG_BEFORE);
	V2M_CLOSE int fd =
		bpf_link_create(program, (int)ifindex,
				(enum bpf_attach_type)(TCX_INGRESS + (int)direction), &options);

	return fd < 0 ? fd : bpf_obj_pin(fd, path);
}

int v2m_tcx_put(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		int program, bool *missing)
{
	V2M_CLOSE int fd = open_link(pins, ifindex, direction);
	char path[PATH_MAX];
	uint32_t program_id;
	int result = v2m_pin_path_of(pins, "link", ifindex, direction, path);

	if (result)
		return result;
	if (fd >= 0 && link_is_on(fd, ifindex, &program_id)) {
		result = bpf_link_update(fd, program, NULL);
		if (result != -ENOLINK)
			return result;
	}
	/* The pinned link is dead: its device is gone, or somebody detached it. */
	if (fd >= 0) {
		*missing = true;
		if (unlink(path))
			return -errno;
	}
	return make_link(path, ifindex, direction, program);
}

bool v2m_tcx_pinned(const struct v2m_pins *pins, uint32_t ifindex)
{
	V2M_CLOSE int ingress = open_link(pins, ifindex, V2M_INGRESS);
	V2M_CLOSE int egress = open_link(pins, ifindex, V2M_EGRESS);

	return ingress >= 0 || egress >= 0;
}

bool v2m_tcx_intact(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		    uint32_t program_id)
{
	V2M_CLOSE int fd = open_link(pins, ifindex, direction);
	uint32_t now = 0;

	return fd >= 0 && link_is_on(fd, ifindex, &now) && now == program_id;
}

size_t v2m_tcx_users(uint32_t ifindex, enum v2m_direction direction,
		     struct v2m_tcx_user users[V2M_TCX_USERS])
{
	uint32_t programs[V2M_TCX_USERS] = {};
	uint32_t links[V2M_TCX_USERS] = {};
	struct tcx_query query = {
		.ifindex = ifindex,
		.attach_type = TCX_INGRESS + (uint32_t)direction,
		.programs = (uintptr_t)programs,
		.links = (uintptr_t)links,
		.count = V2M_TCX_USERS,
	};

	if (syscall(__NR_bpf, BPF_PROG_QUERY, &query, sizeof(query)))
		return 0;
	for (uint32_t i = 0; i < query.count; i++)
		users[i] = (struct v2m_tcx_user){ programs[i], links[i] };
	return query.count;
}

bool v2m_tcx_outrun(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		    uint32_t program_id)
{
	struct v2m_tcx_user users[V2M_TCX_USERS];

	(void)pins;
	return v2m_tcx_users(ifindex, direction, users) > 0 && users[0].program_id != program_id;
}

/* Detaches the link first: after its pin is gone, a kernel worker drops the last reference only
 * later. */
static int take_off(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction)
{
	V2M_CLOSE int fd = open_link(pins, ifindex, direction);
	char path[PATH_MAX];
	int result = v2m_pin_path_of(pins, "link", ifindex, direction, path);

	if (result || fd == -ENOENT)
		return result;
	if (fd >= 0)
		bpf_link_detach(fd);
	return unlink(path) ? -errno : 0;
}

int v2m_tcx_take_off(const struct v2m_pins *pins, uint32_t ifindex)
{
	int ingress = take_off(pins, ifindex, V2M_INGRESS);
	int egress = take_off(pins, ifindex, V2M_EGRESS);

	return ingress ? ingress : egress;
}
