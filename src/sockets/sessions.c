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
#include <sys/utsname.h>
#include <unistd.h>

#include "base/log.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "pins/map_shape.h"
#include "pins/pins.h"
#include "pins/quiet_load.h"
#include "pins/skeleton_pages.h"
#include "pins/stray_link.h"
#include "sessions.skel.h"
#include "sockets/sessions_state.h"

#define DIRECTORY "sessions_v" V2M_STRINGIFY(V2M_SESSIONS_ABI_VERSION)
#define LINK      "link"
/* The link of a new program until it takes the place of the old one. */
#define NEW_LINK "link_new"

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
static const char *const map_names[V2M_SESSIONS_N_MAPS] = {
	[V2M_SESSIONS_COUNTERS] = "session_counters",
	[V2M_SESSIONS_STARTS] = "session_starts",
	[V2M_SESSIONS_SCOPE] = "session_scope",
	[V2M_SESSIONS_PORTS] = "session_ports",
	[V2M_SESSIONS_DELIVERED] = "session_delivered",
	[V2M_SESSIONS_SOCKETS] = "session_sockets",
	[V2M_SESSIONS_SOCKETS_BY_ADDRESS] = "session_sockets_by_address",
	[V2M_SESSIONS_CLAIMS] = "session_claims",
	[V2M_SESSIONS_FLOWS] = "session_flows",
	[V2M_SESSIONS_OWNERS] = "session_owners",
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
	/* The owners are put in again, and the attached program does not need them for its notes.
	 */
	if (fd >= 0 && strcmp(name, map_names[V2M_SESSIONS_OWNERS]) == 0)
		return remove_pin(&sessions->pins, name);
	sessions->notes_sockets = false;
	if (fd < 0)
		return 0;
	v2m_log_warning("%s/%s has another layout and is replaced: it starts empty (its %s "
			"differs)",
			sessions->pins.dir, name, difference);
	return remove_pin(&sessions->pins, name);
}

/* The map of maps takes only owner_sessions of the size of its pattern, and the kernel tells nobody
 * the size of the pattern. So its own size tells it, and only its first element is used. */
static int set_pattern(const struct v2m_sessions *sessions)
{
	struct bpf_map *map = sessions->object->maps.session_owners;
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int result;

	if (sessions->owner_sessions < 0)
		return 0;
	result = bpf_obj_get_info_by_fd(sessions->owner_sessions, &info, &size);
	if (result || info.max_entries == V2M_MAX_OWNERS)
		return result;
	result = bpf_map__set_inner_map_fd(map, sessions->owner_sessions);
	return result ? result
		      : bpf_map__set_max_entries(map, 1 + info.max_entries / V2M_OWNERS_STEP);
}

/* Whether the notes of sockets live in the sockets, see bpf/delivered.bpf.h. Only those of MPTCP
 * connections are found by address then. Where a kernel of an earlier number has that too, a map is
 * larger than it has to be. */
static bool has_socket_storage(void)
{
	struct utsname name;
	unsigned major = 0;
	unsigned minor = 0;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 5 || (major == 5 && minor >= 15));
}

/* The features of the kernel that one attempt to load the programs uses. */
struct variant {
	bool cookie;
	bool pass;
};

static int load_variant(struct v2m_sessions *sessions, const struct variant *variant)
{
	int result = 0;

	sessions->object = sessions_bpf__open();
	if (!sessions->object)
		return -errno;
	sessions->object->rodata->has_cookie = variant->cookie;
	sessions->object->rodata->has_pass = variant->pass;
	bpf_program__set_autoload(sessions->object->progs.v2m_session_pass, variant->pass);
	if (has_socket_storage())
		result = bpf_map__set_max_entries(sessions->object->maps.session_sockets_by_address,
						  V2M_MAX_SESSION_CONNECTIONS);
	if (!result)
		result = set_pattern(sessions);
	sessions->notes_sockets = true;
	for (int i = 0; i < V2M_SESSIONS_N_MAPS && !result; i++)
		result = reuse_map(sessions, map_names[i]);
	if (!result)
		result = sessions_bpf__load(sessions->object);
	v2m_skeleton_give_back(sessions->object->skeleton);
	if (!result)
		return 0;
	sessions_bpf__destroy(V2M_TAKE(sessions->object));
	return result;
}

/* Takes the first variant that the kernel knows. libbpf says why the last one is refused. 0 or
 * -errno. */
static int load_program(struct v2m_sessions *sessions)
{
	static const struct variant variants[] = {
		{ true, true }, { false, true }, { true, false }, { false, false }
	};
	libbpf_print_fn_t usual = v2m_libbpf_begin_quiet();
	int result = -EOPNOTSUPP;

	for (size_t i = 0; i < V2M_ARRAY_LEN(variants) && result && result != -EPERM; i++) {
		if (i == V2M_ARRAY_LEN(variants) - 1)
			libbpf_set_print(usual);
		result = load_variant(sessions, &variants[i]);
	}
	libbpf_set_print(usual);
	return result;
}

/* Opens the program that looks at open sockets. Without it sessions are counted, but not what they
 * deliver. */
static void open_pass(struct v2m_sessions *sessions)
{
	if (!sessions->object->rodata->has_pass)
		return;
	sessions->pass = bpf_program__attach_iter(sessions->object->progs.v2m_session_pass, NULL);
	if (!sessions->pass)
		v2m_log_warning("delivered bytes are not counted: the kernel does not let us look "
				"at all sockets: %s",
				strerror(errno));
}

static int pin_maps(struct v2m_sessions *sessions)
{
	for (int i = 0; i < V2M_SESSIONS_N_MAPS; i++) {
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
		.n_maps = V2M_SESSIONS_N_MAPS,
	};

	return v2m_stray_link_take_back(&pins, sessions->maps[V2M_SESSIONS_COUNTERS]);
}

/* A tracepoint's link takes no other program, so the new link takes the place of the old one. If
 * the old program makes notes of sockets, both run for a moment and the notes keep them from
 * counting twice. Otherwise the old link is removed first: a connection that opens or closes
 * between the two is not counted, but none is counted twice. */
static int replace_link(const struct v2m_sessions *sessions, const char *path)
{
	char new_path[PATH_MAX];
	struct bpf_link *link;
	int result = v2m_pin_path(&sessions->pins, NEW_LINK, new_path);

	if (result)
		return result;
	if (!sessions->notes_sockets)
		unlink(path);
	unlink(new_path); /* a process left it that was killed in here */
	link = bpf_program__attach(sessions->object->progs.v2m_session);
	if (!link)
		return -errno;
	result = bpf_link__pin(link, new_path);
	if (!result && rename(new_path, path))
		result = -errno;
	bpf_link__destroy(link);
	return result;
}

static int attach_program(struct v2m_sessions *sessions)
{
	char path[PATH_MAX];
	int result = v2m_pin_path(&sessions->pins, LINK, path);

	if (result || (!sessions->attach_anew && is_program_attached(sessions)))
		return result;
	result = replace_link(sessions, path);
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

	for (int i = 0; i < V2M_SESSIONS_N_MAPS; i++)
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
	result = load_program(sessions);
	if (!result)
		result = pin_maps(sessions);
	if (!result)
		result = take_back_renamed_link(sessions);
	if (!result)
		result = attach_program(sessions);
	if (!result)
		open_pass(sessions);
	return result;
}

/* The caller holds the lock of pin_dir. 0 or -errno. */
static int remove_pins(const char *pin_dir)
{
	struct v2m_pins pins;
	int result = v2m_pins_init(&pins, pin_dir, DIRECTORY);

	if (!result)
		result = remove_pin(&pins, LINK);
	if (!result)
		result = remove_pin(&pins, NEW_LINK);
	for (int i = 0; i < V2M_SESSIONS_N_MAPS && !result; i++)
		result = remove_pin(&pins, map_names[i]);
	if (!result && rmdir(pins.dir) && errno != ENOENT)
		result = -errno;
	return result;
}

int v2m_sessions_open(const char *pin_dir, int owner_sessions, struct v2m_sessions **sessions,
		      struct v2m_error *error)
{
	struct v2m_sessions *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	opened->owner_sessions = owner_sessions;
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
	bpf_link__destroy(sessions->pass);
	sessions_bpf__destroy(sessions->object);
	free(sessions);
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
