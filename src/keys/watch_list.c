// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/watch_list.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "keys/formats/formats.h"
#include "keys/formats/source_read.h"

/* The kernel's own limit (path_resolution(7)). */
#define MAX_SYMLINKS 40

#define NAME_EVENTS                                                                                \
	(IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB)
#define SELF_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)

void v2m_watch_list_clear(struct v2m_watch_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].directory);
		free(list->items[i].name);
	}
	v2m_array_clear(list);
}

bool v2m_watch_list_has_watch(const struct v2m_watch_list *list, int wd)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].wd == wd)
			return true;
	return false;
}

static struct v2m_watch_entry *find_entry(const struct v2m_watch_list *list, int wd,
					  const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		struct v2m_watch_entry *entry = &list->items[i];

		if (entry->wd == wd && !entry->name == !name &&
		    (!name || strcmp(entry->name, name) == 0))
			return entry;
	}
	return NULL;
}

/* IN_MODIFY is used only for databases: other programs may write logs into the same directory. */
static int add_entry(struct v2m_watch_list *list, const char *directory, const char *name,
		     uint32_t events)
{
	uint32_t mask = NAME_EVENTS | IN_DELETE_SELF | IN_MOVE_SELF | (events & IN_MODIFY);
	int wd = inotify_add_watch(list->inotify_fd, directory, mask | IN_ONLYDIR | IN_MASK_ADD);
	struct v2m_watch_entry entry = { .wd = wd, .events = events };
	struct v2m_watch_entry *known;

	if (wd < 0) {
		/* If it is no directory, or has just gone, its parent's events say so. */
		if (!list->failed && errno != ENOENT && errno != ENOTDIR)
			list->failed = -errno;
		return 0;
	}
	known = find_entry(list, wd, name);
	if (known) {
		known->events |= events;
		return 0;
	}
	entry.directory = strdup(directory);
	entry.name = name ? strdup(name) : NULL;
	if (!entry.directory || (name && !entry.name) || v2m_array_add(list, entry)) {
		free(entry.directory);
		free(entry.name);
		return -ENOMEM;
	}
	return 0;
}

/* A path on the way to its end. directory is the part that was walked, without symbolic links; rest
 * is still to walk. */
struct walk {
	char directory[PATH_MAX];
	char rest[PATH_MAX];
	char name[NAME_MAX + 1]; /* the last component that was walked */
	unsigned symlinks;
	bool arrived; /* the walk is at its end, and the path exists */
};

/* Moves the next component from the rest to name. False: there is none, and the rest is empty; or
 * the name is too long to exist. */
static bool next_name(struct walk *walk)
{
	char *start = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(start, "/");

	if (length == 0)
		walk->rest[0] = 0;
	if (length == 0 || length > NAME_MAX)
		return false;
	memcpy(walk->name, start, length);
	walk->name[length] = 0;
	memmove(walk->rest, start + length, strlen(start + length) + 1);
	return true;
}

static bool append_name(char *path, const char *name)
{
	size_t length = strlen(path);
	const char *slash = length && path[length - 1] == '/' ? "" : "/";

	return snprintf(path + length, PATH_MAX - length, "%s%s", slash, name) <
	       (int)(PATH_MAX - length);
}

static void go_to_parent(char *directory)
{
	char *slash = strrchr(directory, '/');

	slash[slash == directory] = 0;
}

/* Puts the target of a link in the place of the link. */
static bool follow_link(struct walk *walk, const char *link)
{
	char target[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);

	if (length <= 0 || ++walk->symlinks > MAX_SYMLINKS)
		return false;
	target[length] = 0;
	if (strlen(walk->rest) && !append_name(target, walk->rest))
		return false;
	if (*target == '/')
		strcpy(walk->directory, "/");
	strcpy(walk->rest, target);
	return true;
}

/* Walks one component. 1: there is more to walk. 0: the end, or something that does not exist.
 * -ENOMEM. */
static int take_step(struct v2m_watch_list *list, struct walk *walk)
{
	char path[PATH_MAX];
	struct stat status;
	int result;

	if (!next_name(walk)) {
		walk->arrived = *walk->rest == 0;
		return 0;
	}
	if (strcmp(walk->name, ".") == 0)
		return 1;
	if (strcmp(walk->name, "..") == 0) {
		go_to_parent(walk->directory);
		return 1;
	}
	/* The watch is made before lstat(), so that no change between the two is missed. */
	result = add_entry(list, walk->directory, walk->name, NAME_EVENTS);
	strcpy(path, walk->directory);
	if (result || !append_name(path, walk->name) || lstat(path, &status))
		return result;
	if (S_ISLNK(status.st_mode))
		return follow_link(walk, path);
	strcpy(walk->directory, path);
	return 1;
}

/* A database is written in place, and new rows are in its log at first. */
static int add_database(struct v2m_watch_list *list, const char *directory, const char *name)
{
	char log[NAME_MAX + 8];
	int result = add_entry(list, directory, name, NAME_EVENTS | IN_MODIFY);

	snprintf(log, sizeof(log), "%s-wal", name);
	return result ? result : add_entry(list, directory, log, IN_MODIFY);
}

static int walk_path(struct v2m_watch_list *list, const char *path, bool enter);

static int add_content(struct v2m_watch_list *list, const char *directory)
{
	DIR *stream;
	struct dirent *entry;
	int result = add_entry(list, directory, NULL, NAME_EVENTS);

	if (result)
		return result;
	stream = opendir(directory);
	while (stream && !result && (entry = readdir(stream))) {
		char path[PATH_MAX];

		strcpy(path, directory);
		if (v2m_key_format_has_ending(entry->d_name) && append_name(path, entry->d_name))
			result = walk_path(list, path, false);
	}
	if (stream)
		closedir(stream);
	return result;
}

/* If enter is true and the path is a directory, its files matter too. */
static int walk_path(struct v2m_watch_list *list, const char *path, bool enter)
{
	struct walk walk = { .directory = "/" };
	struct stat status;
	int result;

	snprintf(walk.rest, sizeof(walk.rest), "%s", path);
	do {
		result = take_step(list, &walk);
	} while (result > 0);
	if (result || !walk.arrived || lstat(walk.directory, &status))
		return result;
	if (S_ISDIR(status.st_mode) && enter)
		return add_content(list, walk.directory);
	if (S_ISREG(status.st_mode) && v2m_source_is_database(walk.directory)) {
		go_to_parent(walk.directory);
		return add_database(list, walk.directory, walk.name);
	}
	return 0;
}

int v2m_watch_list_add_path(struct v2m_watch_list *list, const char *path)
{
	char absolute[PATH_MAX] = "";

	if (*path != '/' && !getcwd(absolute, sizeof(absolute)))
		return 0;
	if (!append_name(absolute, path + strspn(path, "/")))
		return 0;
	return walk_path(list, absolute, true);
}

/* An event will follow when a file that is new and still empty is written and closed. */
static bool is_unwritten(const struct v2m_watch_entry *entry, const struct inotify_event *event)
{
	char path[PATH_MAX];
	struct stat status;

	if ((event->mask & IN_ALL_EVENTS) != IN_CREATE)
		return false;
	strcpy(path, entry->directory);
	return append_name(path, event->name) && lstat(path, &status) == 0 &&
	       S_ISREG(status.st_mode) && status.st_size == 0;
}

bool v2m_watch_list_concerns(const struct v2m_watch_list *list, const struct inotify_event *event)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct v2m_watch_entry *entry = &list->items[i];

		if (entry->wd != event->wd)
			continue;
		if (event->mask & SELF_EVENTS)
			return true;
		if (!event->len || !(event->mask & entry->events))
			continue;
		if (entry->name ? strcmp(entry->name, event->name) != 0
				: !v2m_key_format_has_ending(event->name))
			continue;
		if (!is_unwritten(entry, event))
			return true;
	}
	return false;
}
