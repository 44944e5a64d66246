// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/sessions.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "pins/map_shape.h"
#include "pins/pins.h"
#include "pins/strays.h"
#include "sessions.skel.h"

#define DIRECTORY "sessions_v" V2M_STRINGIFY(V2M_SESSIONS_ABI_VERSION)
#define LINK      "link"
/* Connections that may have gone between two dumps and still not cost the rest a look-up. */
#define KNOWN_LOOK_AHEAD 16

enum map {
	MAP_COUNTERS,
	MAP_STARTS,
	MAP_SCOPE,
	N_MAPS,
};

static const char *const map_names[N_MAPS] = {
	[MAP_COUNTERS] = "session_counters",
	[MAP_STARTS] = "session_starts",
	[MAP_SCOPE] = "session_scope",
};

struct v2m_sessions {
	struct v2m_pins pins;
	struct sessions_bpf *object;
	int maps[N_MAPS]; /* of the object, which closes them */
};

static void unpin(const struct v2m_sessions *sessions, const char *name)
{
	char path[PATH_MAX];

	if (v2m_pin_path(&sessions->pins, name, path) == 0)
		unlink(path);
}

/* Maps of another shape are of another program: they are replaced, and so is that program. So is a
 * program whose map has lost its pin, since it goes on counting in a map that nobody reads. */
static void reuse_maps(const struct v2m_sessions *sessions)
{
	for (int i = 0; i < N_MAPS; i++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(sessions->object->obj, map_names[i]);
		const struct v2m_map_shape shape = v2m_map_shape_of(map);
		V2M_CLOSE int fd = v2m_pin_get(&sessions->pins, map_names[i]);
		const char *what = fd >= 0 ? v2m_map_shape_differs(&shape, fd) : NULL;

		if (fd >= 0 && !what && bpf_map__reuse_fd(map, fd) == 0)
			continue;
		if (what)
			v2m_log_warning(
				"%s/%s is not the map of this version (its %s): a new one is "
				"made",
				sessions->pins.dir, map_names[i], what);
		unpin(sessions, map_names[i]);
		unpin(sessions, LINK);
	}
}

static int load(struct v2m_sessions *sessions, bool has_cookie)
{
	int result;

	sessions->object = sessions_bpf__open();
	if (!sessions->object)
		return -errno;
	sessions->object->rodata->has_cookie = has_cookie;
	reuse_maps(sessions);
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

/* The line of /proc about a link that runs this program: the tag, a hash of the instructions, tells
 * one program from another. 0 or -errno. */
static int tag_line(int program, char line[64])
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	int result = bpf_obj_get_info_by_fd(program, &info, &size);
	int at = snprintf(line, 64, "\nprog_tag:\t");

	for (int i = 0; i < BPF_TAG_SIZE && !result; i++)
		at += snprintf(line + at, 64 - (size_t)at, "%02x", info.tag[i]);
	return result;
}

/* Asked of /proc, as the program itself the kernel shows to CAP_SYS_ADMIN alone. */
static bool is_attached(const struct v2m_sessions *sessions)
{
	V2M_CLOSE int link = v2m_pin_get(&sessions->pins, LINK);
	V2M_FREE char *text = NULL;
	char path[64];
	char ours[64];
	size_t length;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", link);
	return link >= 0 && v2m_read_file(path, 4096, &text, &length) == 0 &&
	       tag_line(bpf_program__fd(sessions->object->progs.v2m_session), ours) == 0 &&
	       strstr(text, ours);
}

static bool is_pinned(const struct v2m_sessions *sessions, const char *name)
{
	char path[PATH_MAX];

	return v2m_pin_path(&sessions->pins, name, path) == 0 && access(path, F_OK) == 0;
}

/* A link of ours: in its place if that is free, else it goes, and what it counts with it. 0 or
 * -errno. */
static int take_back_link(const struct v2m_sessions *sessions, const char *path)
{
	char place[PATH_MAX];
	int result = v2m_pin_path(&sessions->pins, LINK, place);

	if (result)
		return result;
	if (is_pinned(sessions, LINK))
		return unlink(path) ? -errno : 0;
	return rename(path, place) ? -errno : 0;
}

static int empty_stray(const struct v2m_pins *stray, void *context)
{
	const struct v2m_sessions *sessions = context;
	char path[PATH_MAX];
	int result = v2m_pin_path(stray, LINK, path);

	if (result == 0 && access(path, F_OK) == 0)
		result = take_back_link(sessions, path);
	for (int i = 0; i < N_MAPS && result == 0; i++)
		if (v2m_pin_path(stray, map_names[i], path) == 0)
			unlink(path);
	rmdir(stray->dir);
	v2m_log_warning("%s had been renamed: its pins are back in %s", stray->dir,
			sessions->pins.dir);
	return result;
}

/* A link in our directory under another name. 1: it was taken back. */
static int take_back_renamed(const char *name, void *context)
{
	const struct v2m_sessions *sessions = context;
	V2M_CLOSE int fd = v2m_pin_get(&sessions->pins, name);
	char path[PATH_MAX];
	int result;

	if (strcmp(name, LINK) == 0 || fd < 0 || !v2m_pin_is_link(fd))
		return 0;
	result = v2m_pin_path(&sessions->pins, name, path);
	if (result == 0)
		result = take_back_link(sessions, path);
	return result ? result : 1;
}

/* Links that were renamed count in the same maps as the one that takes their place. 0 or -errno. */
static int take_back_strays(struct v2m_sessions *sessions)
{
	int result = v2m_strays_walk(&sessions->pins, map_names[MAP_COUNTERS],
				     sessions->maps[MAP_COUNTERS], empty_stray, sessions);

	while (result == 0) {
		int moved = v2m_directory_walk(sessions->pins.dir, take_back_renamed, sessions);

		if (moved <= 0)
			return moved;
	}
	return result;
}

/* A link of this kind takes no other program: the old one goes first, and a connection that opens
 * or closes in that moment is not seen, where it would else be counted twice. */
static int attach(struct v2m_sessions *sessions)
{
	char path[PATH_MAX];
	struct bpf_link *link;
	int result = v2m_pin_path(&sessions->pins, LINK, path);

	if (result || is_attached(sessions))
		return result;
	unlink(path);
	link = bpf_program__attach(sessions->object->progs.v2m_session);
	if (!link)
		return -errno;
	result = bpf_link__pin(link, path);
	bpf_link__destroy(link);
	return result;
}

void v2m_sessions_keep(struct v2m_sessions *sessions)
{
	bool whole = is_pinned(sessions, LINK);
	int result = 0;

	for (int i = 0; i < N_MAPS; i++)
		whole &= is_pinned(sessions, map_names[i]);
	if (whole)
		return;
	if (mkdir(sessions->pins.dir, 0700) && errno != EEXIST)
		result = -errno;
	if (!result)
		result = pin_maps(sessions);
	if (!result)
		result = take_back_strays(sessions);
	if (!result)
		result = attach(sessions);
	if (!result)
		v2m_log_warning("pins in %s had been removed and are back", sessions->pins.dir);
}

static int open_all(struct v2m_sessions *sessions)
{
	int result;

	if (mkdir(sessions->pins.dir, 0700) && errno != EEXIST)
		return -errno;
	result = load(sessions, true);
	if (result && result != -EPERM)
		result = load(sessions, false);
	if (!result)
		result = pin_maps(sessions);
	if (!result)
		result = take_back_strays(sessions);
	return result ? result : attach(sessions);
}

/* The lock of pin_dir is held. 0 or -errno. */
static int remove_pins(const char *pin_dir)
{
	struct v2m_pins pins;
	char path[PATH_MAX];
	int result = v2m_pins_init(&pins, pin_dir, DIRECTORY);

	if (!result)
		result = v2m_pin_path(&pins, LINK, path);
	if (!result && unlink(path) && errno != ENOENT)
		result = -errno;
	for (int i = 0; i < N_MAPS && !result; i++) {
		result = v2m_pin_path(&pins, map_names[i], path);
		if (!result && unlink(path) && errno != ENOENT)
			result = -errno;
	}
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
		result = open_all(opened);
	if (result) {
		v2m_sessions_close(opened);
		remove_pins(pin_dir);
		return v2m_error_set(error, result,
				     "the kernel does not let us see connections open and close "
				     "(BTF, CAP_BPF and CAP_PERFMON are needed): %s",
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

/* The ports that have counters, ascending; at most V2M_MAX_SLOTS. */
static size_t counted_ports(const struct v2m_sessions *sessions, uint16_t ports[V2M_MAX_SLOTS])
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

int v2m_sessions_set(struct v2m_sessions *sessions, const uint16_t *ports, size_t n_ports,
		     uint32_t netns, struct v2m_error *error)
{
	struct v2m_session_counters fresh = { .assigned_ns = (uint64_t)v2m_clock_real_us() * 1000 };
	struct v2m_session_scope scope = { .netns = netns };
	uint16_t counted[V2M_MAX_SLOTS];
	size_t count = counted_ports(sessions, counted);
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
	if (result)
		return v2m_error_set(error, result, "the counters of connections: %s",
				     strerror(-result));
	return 0;
}

int v2m_sessions_read(struct v2m_sessions *sessions, struct v2m_session_reading **readings,
		      size_t *n_readings)
{
	uint16_t ports[V2M_MAX_SLOTS];
	size_t count = counted_ports(sessions, ports);
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

/* Where a connection stands in the dump before: the kernel lists them in the same order, but for
 * those that came and went, so the next few are looked at. *at is where to look, and moves on. */
static const struct v2m_connection *find_known(const struct v2m_connection_table *known, size_t *at,
					       const struct v2m_connection *connection)
{
	while (*at < known->count && known->connections[*at].local_port < connection->local_port)
		++*at;
	for (size_t i = *at; i < known->count && i < *at + KNOWN_LOOK_AHEAD &&
			     known->connections[i].local_port == connection->local_port;
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
			known ? find_known(known, &at, connection) : NULL;

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
				      "cannot remove what counts connections under %s: %s", pin_dir,
				      strerror(-result))
		      : 0;
}
