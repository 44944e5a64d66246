// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/program.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/cleanup.h"
#include "traffic.skel.h"
#include "datapath/ledger_mark.h"
#include "datapath/map_list.h"
#include "datapath/state.h"
#include "pins/skeleton_pages.h"

/* libbpf writes four lines about a kernel that refuses programs, for each device and at each
 * reload. The hashes of the last few lines are kept, so that each is logged once. Only one thread
 * loads programs at a time. */
static bool was_said(const char *line)
{
	static uint64_t said[32];
	static unsigned next;
	uint64_t hash = v2m_hash(line, strlen(line));

	for (size_t i = 0; i < V2M_ARRAY_LEN(said); i++)
		if (said[i] == hash)
			return true;
	said[next++ % V2M_ARRAY_LEN(said)] = hash;
	return false;
}

V2M_PRINTF(2, 0)
static int forward_to_log(enum libbpf_print_level level, const char *format, va_list arguments)
{
	enum v2m_log_level ours = V2M_LOG_DEBUG;
	char line[512];
	va_list copy;

	if (level == LIBBPF_WARN) {
		va_copy(copy, arguments);
		vsnprintf(line, sizeof(line), format, copy);
		va_end(copy);
		ours = was_said(line) ? V2M_LOG_DEBUG : V2M_LOG_WARNING;
	}
	v2m_logv(ours, format, arguments);
	return 0;
}

void v2m_libbpf_log_init(void)
{
	libbpf_set_print(forward_to_log);
}

static int explain(struct v2m_error *error, int code)
{
	if (code == -EPERM)
		return v2m_error_set(error, code,
				     "the kernel does not permit eBPF: CAP_BPF and CAP_NET_ADMIN "
				     "(CAP_SYS_ADMIN before Linux 5.8) are needed");
	return v2m_error_set(error, code, "cannot load the kernel programs: %s", strerror(-code));
}

static int set_maps(struct v2m_datapath *datapath, struct traffic_bpf *object)
{
	for (int i = 0; i < V2M_N_MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object->obj, v2m_map_names[i]);
		int result;

		if (datapath->maps[i] < 0 || !v2m_map_is_in_object((enum v2m_map)i))
			continue;
		result = map ? bpf_map__reuse_fd(map, datapath->maps[i]) : -ENOENT;
		if (result)
			return result;
	}
	return 0;
}

static int set_sizes(const struct v2m_datapath *datapath, struct traffic_bpf *object)
{
	uint32_t cpus = (uint32_t)datapath->cpu_ids;
	uint32_t owners = datapath->owners_max;
	int result =
		bpf_map__set_max_entries(object->maps.port_counters, v2m_counter_index(cpus, 0, 0));

	if (result == 0)
		result = bpf_map__set_max_entries(object->maps.owner_counters,
						  v2m_owner_index(owners, cpus + 1, 0, 0));
	if (result == 0)
		result = bpf_map__set_max_entries(object->maps.owner_sessions, owners);
	if (result == 0)
		result = bpf_map__set_max_entries(object->maps.owners, owners);
	return result ? result : bpf_map__set_max_entries(object->maps.flows, datapath->flows_max);
}

/* Keeps the maps that were made when the object was loaded. */
static int keep_maps(struct v2m_datapath *datapath, struct traffic_bpf *object)
{
	for (int i = 0; i < V2M_N_MAPS; i++) {
		if (datapath->maps[i] >= 0 || !v2m_map_is_in_object((enum v2m_map)i))
			continue;
		datapath->maps[i] =
			fcntl(bpf_object__find_map_fd_by_name(object->obj, v2m_map_names[i]),
			      F_DUPFD_CLOEXEC, 3);
		if (datapath->maps[i] < 0)
			return -errno;
	}
	return 0;
}

static int keep_programs(struct traffic_bpf *object, int programs[V2M_N_DIRECTIONS])
{
	V2M_CLOSE int ingress =
		fcntl(bpf_program__fd(object->progs.v2m_ingress), F_DUPFD_CLOEXEC, 3);
	V2M_CLOSE int egress = fcntl(bpf_program__fd(object->progs.v2m_egress), F_DUPFD_CLOEXEC, 3);

	if (ingress < 0 || egress < 0)
		return -errno;
	programs[V2M_INGRESS] = V2M_TAKE_FD(ingress);
	programs[V2M_EGRESS] = V2M_TAKE_FD(egress);
	return 0;
}

/* SOCK_BINDPORT_LOCK of the kernel's net/sock.h: bind() asked for the port. */
#define BINDPORT_LOCK 8

/* Bits from the start of a struct to a member of it, also one in an unnamed struct or union within.
 * -1: none. */
static int64_t find_member(const struct btf *btf, int type, const char *name)
{
	const struct btf_type *outer = type > 0 ? btf__type_by_id(btf, (uint32_t)type) : NULL;
	const struct btf_member *member;

	if (!outer || !btf_is_composite(outer))
		return -1;
	member = btf_members(outer);
	for (uint32_t i = 0; i < btf_vlen(outer); i++, member++) {
		int64_t offset = btf_member_bit_offset(outer, i);
		const char *found = btf__name_by_offset(btf, member->name_off);
		int64_t inner;

		if (found && strcmp(found, name) == 0)
			return offset;
		if (found && *found)
			continue;
		inner = find_member(btf, (int)member->type, name);
		if (inner >= 0)
			return offset + inner;
	}
	return -1;
}

static void read_offsets(struct v2m_device_config *found)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int64_t conntrack;
	int64_t locks;

	if (!btf)
		return;
	conntrack =
		find_member(btf, btf__find_by_name_kind(btf, "sk_buff", BTF_KIND_STRUCT), "_nfct");
	locks = find_member(btf, btf__find_by_name_kind(btf, "sock", BTF_KIND_STRUCT),
			    "sk_userlocks");
	btf__free(btf);
	if (conntrack > 0 && conntrack / 8 <= UINT16_MAX)
		found->conntrack_offset = (uint16_t)(conntrack / 8);
		/* Bits of a field are numbered from the other end on big-endian machines. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (locks > 0 && locks / 8 <= UINT16_MAX && locks % 8 <= 4) {
		found->bound_offset = (uint16_t)(locks / 8);
		found->bound_mask = (uint8_t)(BINDPORT_LOCK << locks % 8);
	}
#else
	(void)locks;
#endif
}

/* Fills in where the running kernel keeps what tells to whom a packet belongs. The kernel's BTF is
 * read once. The members stay 0 if it has none, or no such member. */
static void fill_offsets(struct v2m_device_config *config)
{
	static struct v2m_device_config found;
	static bool was_read;

	if (!was_read) {
		read_offsets(&found);
		v2m_log_debug("the kernel's offsets: conntrack %u, bound %u (%#x)",
			      found.conntrack_offset, found.bound_offset, found.bound_mask);
	}
	was_read = true;
	config->conntrack_offset = found.conntrack_offset;
	config->bound_offset = found.bound_offset;
	config->bound_mask = found.bound_mask;
}

static int load(struct v2m_datapath *datapath, const struct v2m_device_config *config,
		int programs[V2M_N_DIRECTIONS])
{
	struct traffic_bpf *object = traffic_bpf__open();
	int result;

	if (!object)
		return -errno;
	object->rodata->device = *config;
	object->rodata->device.cpus = (uint16_t)datapath->cpu_ids;
	object->rodata->device.owners = datapath->owners_max;
	result = set_sizes(datapath, object);
	if (result == 0)
		result = set_maps(datapath, object);
	if (result == 0)
		result = traffic_bpf__load(object);
	if (result == 0)
		result = keep_maps(datapath, object);
	if (result == 0)
		result = keep_programs(object, programs);
	v2m_skeleton_give_back(object->skeleton);
	traffic_bpf__destroy(object);
	return result;
}

/* Says once that the programs do not look into the kernel's memory. */
static void warn_blind(const char *why)
{
	static bool told;

	if (!told)
		v2m_log_warning("%s: outgoing UDP with a key's port and old forwarded connections "
				"cannot be told from the key's",
				why);
	told = true;
}

/* Tries without a look into the kernel's memory if one with it is refused: it takes CAP_PERFMON,
 * and a kernel that is not locked down. */
int v2m_programs_load(struct v2m_datapath *datapath, const struct v2m_device_config *config,
		      int programs[V2M_N_DIRECTIONS], struct v2m_error *error)
{
	struct v2m_device_config full = *config;
	int result;

	fill_offsets(&full);
	result = load(datapath, &full, programs);
	if (result == 0) {
		if (!full.conntrack_offset || !full.bound_offset)
			warn_blind("the kernel has no BTF that tells whose a packet is");
		return 0;
	}
	if (full.conntrack_offset || full.bound_offset) {
		result = load(datapath, config, programs);
		if (result == 0)
			warn_blind("the programs may not read the kernel's memory (this needs "
				   "CAP_PERFMON)");
	}
	return result ? explain(error, result) : 0;
}

static int find_shapes(const struct v2m_datapath *datapath, struct traffic_bpf *object,
		       struct v2m_map_shape shapes[V2M_N_MAPS])
{
	int result = set_sizes(datapath, object);

	for (int i = 0; i < V2M_N_MAPS && result == 0; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object->obj, v2m_map_names[i]);

		if (map)
			shapes[i] = v2m_map_shape_of(map);
		else if (v2m_map_is_in_object((enum v2m_map)i))
			result = -ENOENT;
	}
	/* As fill_btf_map() makes it. The size of a value is not compared, because each build has
	 * another BTF. */
	shapes[V2M_MAP_BTF] = (struct v2m_map_shape){
		.type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.entries = 1,
	};
	shapes[V2M_MAP_LEDGER] = v2m_ledger_mark_shape();
	return result;
}

int v2m_programs_map_shapes(const struct v2m_datapath *datapath,
			    struct v2m_map_shape shapes[V2M_N_MAPS])
{
	struct traffic_bpf *object = traffic_bpf__open();
	int result = object ? find_shapes(datapath, object, shapes) : -errno;

	traffic_bpf__destroy(object);
	return result;
}

static int fill_btf_map(const struct btf *btf)
{
	uint32_t size = 0;
	uint32_t key = 0;
	const void *raw = btf ? btf__raw_data(btf, &size) : NULL;
	V2M_CLOSE int fd = -1;
	int result;

	if (!raw)
		return -ENOMEM;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, v2m_map_names[V2M_MAP_BTF], sizeof(key), size, 1,
			    NULL);
	if (fd < 0)
		return fd;
	result = bpf_map_update_elem(fd, &key, raw, BPF_ANY);
	return result ? result : V2M_TAKE_FD(fd);
}

int v2m_btf_map_make(void)
{
	struct traffic_bpf *object = traffic_bpf__open();
	int result = object ? fill_btf_map(bpf_object__btf(object->obj)) : -errno;

	traffic_bpf__destroy(object);
	return result;
}

uint32_t v2m_program_id(int fd)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}
