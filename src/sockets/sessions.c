// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/sessions.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "sockets/tcp_slots.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "pins/map_shape.h"
#include "pins/pins.h"
#include "pins/stray_link.h"
#include "sessions.skel.h"

#define DIRECTORY "sessions_v" V2M_STRINGIFY(V2M_SESSIONS_ABI_VERSION)
#define LINK      "link"
/* How many connections may have closed between two dumps before a look-up costs a system call. */
#define KNOWN_LOOK_AHEAD 16

enum map {
	MAP_COUNTERS, /* the first one: a renamed directory is known by it */
	MAP_STARTS,
	MAP_SCOPE,
	MAP_PORTS,
	N_MAPS,
};

/*
 * The names of all maps. Types and sizes stand in bpf/sessions.bpf.c alone, and the object knows
 * them.
 *
 * If a version adds a map, the pins of the version before have none of that name. The new map
 * starts empty, the others are taken over with what they hold, and the program is attached anew,
 * because the attached one does not write to the new map. If a version changes the type or size of
 * a map, the pinned map is replaced by an empty one, with a warning. If only the meaning of a map
 * changes, nothing here notices: V2M_SESSIONS_ABI_VERSION must be raised, and then all maps start
 * empty in another directory.
 */
static const char *const map_names[N_MAPS] = {
	[MAP_COUNTERS] = "session_counters",
	[MAP_STARTS] = "session_starts",
	[MAP_SCOPE] = "session_scope",
	[MAP_PORTS] = "session_ports",
};

struct v2m_sessions {
	struct v2m_pins pins;
	struct sessions_bpf *object;
	int maps[N_MAPS]; /* descriptors that the object owns */
	bool attach_anew; /* a map is new, so an attached program does not write to it */
};

static int remove_pin(const struct v2m_pins *pins, const char *name)
{
	char path[PATH_MAX];
	int result = v2m_pin_path(pins, name, path);

	return !result && unlink(path) && errno != ENOENT ? -errno : result;
}

/* 0 if the object uses the pinned map or makes a new one, or -errno. */
static int reuse_map(struct v2m_sessions *sessions, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(sessions->object->obj, name);
	const struct v2m_map_shape shape = v2m_map_shape_of(map);
	V2M_CLOSE int fd = v2m_pin_get(&sessions->pins, name);
	const char *difference = fd >= 0 ? v2m_map_shape_differs(&shape, fd) : NULL;

	if (fd >= 0 && !difference)
		return bpf_map__reuse_fd(map, fd);
	sessions->attach_anew = true;
	if (fd < 0)
		return 0;
	v2m_log_warning("%s/%s has another layout and is replaced: it starts empty (its %s "
			"differs)",
			sessions->pins.dir, name, difference);
	return remove_pin(&sessions->pins, name);
}

static int load_program(struct v2m_sessions *sessions, bool has_cookie)
{
	int result = 0;

	sessions->object = sessions_bpf__open();
	if (!sessions->object)
		return -errno;
	sessions->object->rodata->has_cookie = has_cookie;
	for (int i = 0; i < N_MAPS && !result; i++)
		result = reuse_map(sessions, map_names[i]);
	if (!result)
		result = sessions_bpf__load(sessions->object);
	if (!result)
		return 0;
	sessions_bpf__destroy(V2M_TAKE(sessions->object));
	return result;
}

static int pin_maps(struct v2m_sessions *sessions)
{
	for (int i = 0; i < N_MAPS; i++) {
		V2M_CLOSE int pinned = v2m_pin_get(&sessions->pins, map_names[i]);
		char path[PATH_MAX];
		int result = v2m_pin_path(&sessions->pins, map_names[i], path);

		sessions->maps[i] =
			bpf_object__find_map_fd_by_name(sessions->object->obj, map_names[i]);
		if (!result && pinned < 0)
			result = bpf_obj_pin(sessions->maps[i], path);
		if (result)
			return result;
	}
	return 0;
}

/* Writes the line of /proc/self/fdinfo that a link of this program has. The tag is a hash of the
 * instructions. 0 or -errno. */
static int format_tag_line(int program, char line[64])
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	int result = bpf_obj_get_info_by_fd(program, &info, &size);
	int at = snprintf(line, 64, "\nprog_tag:\t");

	for (int i = 0; i < BPF_TAG_SIZE && !result; i++)
		at += snprintf(line + at, 64 - (size_t)at, "%02x", info.tag[i]);
	return result;
}

/* Reads /proc, because only CAP_SYS_ADMIN may open the program of a link. */
static bool is_program_attached(const struct v2m_sessions *sessions)
{
	V2M_CLOSE int link = v2m_pin_get(&sessions->pins, LINK);
	V2M_FREE char *text = NULL;
	char path[64];
	char ours[64];
	size_t length;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", link);
	return link >= 0 && v2m_read_file(path, 4096, &text, &length) == 0 &&
	       format_tag_line(bpf_program__fd(sessions->object->progs.v2m_session), ours) == 0 &&
	       strstr(text, ours);
}

/* 0 or -errno. */
static int take_back_renamed_link(const struct v2m_sessions *sessions)
{
	const struct v2m_link_pins pins = {
		.pins = &sessions->pins,
		.link = LINK,
		.maps = map_names,
		.n_maps = N_MAPS,
	};

	return v2m_stray_link_take_back(&pins, sessions->maps[MAP_COUNTERS]);
}

/* A tracepoint's link takes no other program, so the old link is removed first. A connection that
 * opens or closes between the two is not counted; with both attached, it would count twice. */
static int attach_program(struct v2m_sessions *sessions)
{
	char path[PATH_MAX];
	struct bpf_link *link;
	int result = v2m_pin_path(&sessions->pins, LINK, path);

	if (result || (!sessions->attach_anew && is_program_attached(sessions)))
		return result;
	unlink(path);
	link = bpf_program__attach(sessions->object->progs.v2m_session);
	if (!link)
		return -errno;
	result = bpf_link__pin(link, path);
	bpf_link__destroy(link);
	sessions->attach_anew = result != 0;
	return result;
}

static bool is_pinned(const struct v2m_sessions *sessions, const char *name)
{
	char path[PATH_MAX];

	return v2m_pin_path(&sessions->pins, name, path) == 0 && access(path, F_OK) == 0;
}

void v2m_sessions_keep(struct v2m_sessions *sessions)
{
	bool complete = is_pinned(sessions, LINK);
	int result = 0;

	for (int i = 0; i < N_MAPS; i++)
		complete &= is_pinned(sessions, map_names[i]);
	if (complete)
		return;
	if (mkdir(sessions->pins.dir, 0700) && errno != EEXIST)
		result = -errno;
	if (!result)
		result = pin_maps(sessions);
	if (!result)
		result = take_back_renamed_link(sessions);
	if (!result)
		result = attach_program(sessions);
	if (!result)
		v2m_log_warning("pins in %s had been removed and are back", sessions->pins.dir);
}

static int load_and_attach(struct v2m_sessions *sessions)
{
	int result;

	if (mkdir(sessions->pins.dir, 0700) && errno != EEXIST)
		return -errno;
	result = load_program(sessions, true);
	if (result && result != -EPERM)
		result = load_program(sessions, false);
	if (!result)
		result = pin_maps(sessions);
	if (!result)
		result = take_back_renamed_link(sessions);
	return result ? result : attach_program(sessions);
}

/* The caller holds the lock of pin_dir. 0 or -errno. */
static int remove_pins(const char *pin_dir)
{
	struct v2m_pins pins;
	int result = v2m_pins_init(&pins, pin_dir, DIRECTORY);

	if (!result)
		result = remove_pin(&pins, LINK);
	for (int i = 0; i < N_MAPS && !result; i++)
		result = remove_pin(&pins, map_names[i]);
	if (!result && rmdir(pins.dir) && errno != ENOENT)
		result = -errno;
	return result;
}

int v2m_sessions_open(const char *pin_dir, struct v2m_sessions **sessions, struct v2m_error *error)
{
	struct v2m_sessions *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	result = v2m_pins_init(&opened->pins, pin_dir, DIRECTORY);
	if (!result)
		result = load_and_attach(opened);
	if (result) {
		v2m_sessions_close(opened);
		remove_pins(pin_dir);
		return v2m_error_set(error, result,
				     "the kernel does not let us see connections open and close "
				     "(this needs BTF, CAP_BPF and CAP_PERFMON): %s",
				     strerror(-result));
	}
	*sessions = opened;
	return 0;
}

void v2m_sessions_close(struct v2m_sessions *sessions)
{
	if (!sessions)
		return;
	sessions_bpf__destroy(sessions->object);
	free(sessions);
}

static int compare_ports(const void *left, const void *right)
{
	return (int)*(const uint16_t *)left - (int)*(const uint16_t *)right;
}

/* Lists the ports that have counters, ascending; at most V2M_MAX_SLOTS. */
static size_t list_counted_ports(const struct v2m_sessions *sessions, uint16_t ports[V2M_MAX_SLOTS])
{
	size_t count = 0;
	uint16_t port;
	const uint16_t *last = NULL;

	while (count < V2M_MAX_SLOTS &&
	       bpf_map_get_next_key(sessions->maps[MAP_COUNTERS], last, &port) == 0) {
		ports[count] = port;
		last = &ports[count++];
	}
	qsort(ports, count, sizeof(*ports), compare_ports);
	return count;
}

/* Makes counters for exactly these ports. A port that stays keeps its counters. 0 or -errno. */
static int set_counters(const struct v2m_sessions *sessions, const uint16_t *ports, size_t n_ports,
			uint32_t netns)
{
	struct v2m_session_counters fresh = { .assigned_ns = (uint64_t)v2m_clock_real_us() * 1000 };
	struct v2m_session_scope scope = { .netns = netns };
	uint16_t counted[V2M_MAX_SLOTS];
	size_t count = list_counted_ports(sessions, counted);
	uint32_t first = 0;
	int result;

	for (size_t i = 0; i < count; i++)
		if (!bsearch(&counted[i], ports, n_ports, sizeof(*ports), compare_ports))
			bpf_map_delete_elem(sessions->maps[MAP_COUNTERS], &counted[i]);
	result = bpf_map_update_elem(sessions->maps[MAP_SCOPE], &first, &scope, BPF_ANY);
	for (size_t i = 0; i < n_ports && i < V2M_MAX_SLOTS && !result; i++) {
		result = bpf_map_update_elem(sessions->maps[MAP_COUNTERS], &ports[i], &fresh,
					     BPF_NOEXIST);
		if (result == -EEXIST)
			result = 0;
	}
	return result;
}

/* Writes the slot of each port for the program, which sees either the old slot or the new one. 0 or
 * -errno. */
static int write_ports(const struct v2m_sessions *sessions, const struct v2m_tcp_slots *slots)
{
	size_t size = 65536 * sizeof(struct v2m_session_port);
	struct v2m_session_port *ports =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, sessions->maps[MAP_PORTS], 0);

	if (ports == MAP_FAILED)
		return -errno;
	for (unsigned port = 0; port < 65536; port++) {
		uint16_t place = slots->places[port];
		uint16_t slot_port = place ? slots->ports[place - 1] : 0;

		if (ports[port].slot_port != slot_port)
			__atomic_store_n(&ports[port].slot_port, slot_port, __ATOMIC_RELEASE);
	}
	munmap(ports, size);
	return 0;
}

int v2m_sessions_set(struct v2m_sessions *sessions, const struct v2m_port_rule *rules,
		     size_t n_rules, uint32_t netns, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_tcp_slots_clear) struct v2m_tcp_slots slots = { 0 };
	int result = v2m_tcp_slots_make(rules, n_rules, &slots);

	if (!result)
		result = set_counters(sessions, slots.ports, slots.count, netns);
	if (!result)
		result = write_ports(sessions, &slots);
	if (result)
		return v2m_error_set(error, result,
				     "cannot change the ports whose sessions are counted: %s",
				     strerror(-result));
	return 0;
}

int v2m_sessions_read(struct v2m_sessions *sessions, struct v2m_session_reading **readings,
		      size_t *n_readings)
{
	uint16_t ports[V2M_MAX_SLOTS];
	size_t count = list_counted_ports(sessions, ports);
	struct v2m_session_reading *made = calloc(count + 1, sizeof(*made));
	int result = 0;

	if (!made)
		return -ENOMEM;
	for (size_t i = 0; i < count && !result; i++) {
		made[i].port = ports[i];
		result = bpf_map_lookup_elem(sessions->maps[MAP_COUNTERS], &ports[i],
					     &made[i].counters);
	}
	if (result) {
		free(made);
		return result;
	}
	*readings = made;
	*n_readings = count;
	return 0;
}

/* Finds a connection in the dump before. The kernel lists connections in the same order each time,
 * except those that opened or closed since, so only the next few are compared. *at is where the
 * search starts, and moves on. */
static const struct v2m_connection *find_in_dump(const struct v2m_connection_table *known,
						 size_t *at,
						 const struct v2m_connection *connection)
{
	while (*at < known->count && known->connections[*at].slot_port < connection->slot_port)
		++*at;
	for (size_t i = *at; i < known->count && i < *at + KNOWN_LOOK_AHEAD &&
			     known->connections[i].slot_port == connection->slot_port;
	     i++) {
		if (known->connections[i].cookie == connection->cookie) {
			*at = i + 1;
			return &known->connections[i];
		}
	}
	return NULL;
}

void v2m_sessions_date(struct v2m_sessions *sessions, const struct v2m_connection_table *known,
		       struct v2m_connection_table *table)
{
	size_t at = 0;

	for (size_t i = 0; i < table->count; i++) {
		struct v2m_connection *connection = &table->connections[i];
		const struct v2m_connection *before =
			known ? find_in_dump(known, &at, connection) : NULL;

		if (before)
			connection->opened_ns = before->opened_ns;
		else if (bpf_map_lookup_elem(sessions->maps[MAP_STARTS], &connection->cookie,
					     &connection->opened_ns))
			connection->opened_ns = 0;
	}
}

int v2m_sessions_remove(const char *pin_dir, struct v2m_error *error)
{
	V2M_CLOSE int lock = -1;
	int result;

	if (access(pin_dir, F_OK) && errno == ENOENT)
		return 0;
	lock = v2m_bpffs_lock(pin_dir, false, error);
	if (lock < 0)
		return lock;
	result = remove_pins(pin_dir);
	return result ? v2m_error_set(error, result,
				      "cannot remove the program that counts sessions under %s: %s",
				      pin_dir, strerror(-result))
		      : 0;
}
