// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pins/pins.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/cleanup.h"
#include "base/trusted_dir.h"
#include "base/file.h"
#include "base/hash.h"

#define BPFFS_ROOT "/sys/fs/bpf"

static const char *const direction_names[] = {
	[V2M_INGRESS] = "ingress",
	[V2M_EGRESS] = "egress",
};

static bool is_bpffs(const char *path)
{
	struct statfs info;

	return statfs(path, &info) == 0 && (unsigned long)info.f_type == BPF_FS_MAGIC;
}

static int mount_bpffs(const char *pin_dir, struct v2m_error *error)
{
	if (strncmp(pin_dir, BPFFS_ROOT "/", strlen(BPFFS_ROOT) + 1) != 0 || is_bpffs(BPFFS_ROOT))
		return 0;
	if (mount("bpf", BPFFS_ROOT, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return v2m_error_set(error, -errno, "cannot mount bpffs on " BPFFS_ROOT ": %s",
				     strerror(errno));
	v2m_log_info("mounted bpffs on " BPFFS_ROOT);
	return 0;
}

static int make_pin_dir(const char *path, struct v2m_error *error)
{
	int result;

	if (path[0] != '/')
		return v2m_error_set(error, -EINVAL, "pin_dir %s: expected an absolute path", path);
	result = v2m_make_directories(path, 0700, 0700);
	if (result)
		return v2m_error_set(error, result,
				     "cannot make %s: %s (bpffs takes no dots in names)", path,
				     strerror(-result));
	return 0;
}

/* Finds the process that holds the lock in /proc/locks. 0: a process of another PID namespace. */
static long find_lock_holder(const struct stat *directory)
{
	V2M_FCLOSE FILE *file = fopen("/proc/locks", "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		unsigned major;
		unsigned minor;
		unsigned long inode;
		long pid;

		if (sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%lu", &pid, &major, &minor,
			   &inode) == 4 &&
		    makedev(major, minor) == directory->st_dev && inode == directory->st_ino)
			return pid;
	}
	return 0;
}

static int lock_directory(int fd, const char *pin_dir, struct v2m_error *error)
{
	struct stat info;
	long holder;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK || fstat(fd, &info))
		return v2m_error_set(error, -errno, "cannot lock %s: %s", pin_dir, strerror(errno));
	holder = find_lock_holder(&info);
	if (!holder)
		return v2m_error_set(error, -EBUSY,
				     "%s is in use by a process of another container", pin_dir);
	return v2m_error_set(error, -EBUSY, "%s is in use by process %ld", pin_dir, holder);
}

int v2m_bpffs_lock(const char *pin_dir, bool make, struct v2m_error *error)
{
	V2M_CLOSE int fd = -1;
	struct stat opened;
	struct stat named;
	int result = 0;

	if (make) {
		result = mount_bpffs(pin_dir, error);
		if (result == 0)
			result = make_pin_dir(pin_dir, error);
		if (result)
			return result;
	}
	fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return v2m_error_set(error, -errno, "cannot open %s: %s", pin_dir, strerror(errno));
	if (!is_bpffs(pin_dir))
		return v2m_error_set(error, -EINVAL, "pin_dir %s is not on a bpffs", pin_dir);
	result = v2m_trusted_dir_check("pin_dir", pin_dir, error);
	if (result)
		return result;
	result = lock_directory(fd, pin_dir, error);
	if (result)
		return result;
	/* The process that held the lock may have removed the directory before it let go. */
	if (fstat(fd, &opened) || stat(pin_dir, &named) || opened.st_ino != named.st_ino)
		return v2m_error_set(error, -EAGAIN, "%s was removed at this moment: try again",
				     pin_dir);
	return V2M_TAKE_FD(fd);
}

/* Odd, so never 0: for a filter with handle 0 the kernel chooses another one. */
static uint32_t handle_for(const char *pin_dir)
{
	uint32_t hash = v2m_fnv32(V2M_FNV32_START, pin_dir, strlen(pin_dir));

	return (hash & 0x7fffffffu) | 1;
}

int v2m_pins_init(struct v2m_pins *pins, const char *pin_dir, const char *directory)
{
	int length = snprintf(pins->dir, sizeof(pins->dir), "%s/%s", pin_dir, directory);

	pins->handle = handle_for(pin_dir);
	return length < (int)sizeof(pins->dir) ? 0 : -ENAMETOOLONG;
}

int v2m_pin_path(const struct v2m_pins *pins, const char *name, char path[PATH_MAX])
{
	int length = snprintf(path, PATH_MAX, "%s/%s", pins->dir, name);

	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int v2m_pin_path_of(const struct v2m_pins *pins, const char *kind, uint32_t ifindex,
		    enum v2m_direction direction, char path[PATH_MAX])
{
	char name[64];

	snprintf(name, sizeof(name), "%s_%u_%s", kind, ifindex, direction_names[direction]);
	return v2m_pin_path(pins, name, path);
}

int v2m_pin_get(const struct v2m_pins *pins, const char *name)
{
	char path[PATH_MAX];
	int result = v2m_pin_path(pins, name, path);

	return result ? result : bpf_obj_get(path);
}

int v2m_directory_walk(const char *dir, int (*visit)(const char *name, void *context),
		       void *context)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	int result = 0;

	if (!stream)
		return -errno;
	while (result == 0 && (entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			result = visit(entry->d_name, context);
	closedir(stream);
	return result;
}

uint32_t v2m_pin_ifindex(const char *name)
{
	static const char *const kinds[] = { "link_", "prog_", "next_", "qdisc_" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(kinds); i++) {
		size_t length = strlen(kinds[i]);

		if (strncmp(name, kinds[i], length) == 0 && isdigit((unsigned char)name[length]))
			return (uint32_t)strtoul(name + length, NULL, 10);
	}
	return 0;
}

struct device_list {
	uint32_t *ifindexes;
	size_t max;
	size_t count;
};

static int note_device(const char *name, void *context)
{
	struct device_list *list = context;
	uint32_t ifindex = v2m_pin_ifindex(name);

	if (!ifindex || list->count == list->max)
		return 0;
	for (size_t i = 0; i < list->count; i++)
		if (list->ifindexes[i] == ifindex)
			return 0;
	list->ifindexes[list->count++] = ifindex;
	return 0;
}

int v2m_pins_devices(const struct v2m_pins *pins, uint32_t *ifindexes, size_t max)
{
	struct device_list list = { .ifindexes = ifindexes, .max = max };
	int result = v2m_directory_walk(pins->dir, note_device, &list);

	return result ? result : (int)list.count;
}
