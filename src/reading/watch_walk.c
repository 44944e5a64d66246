// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "reading/watch_walk.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/name_index.h"
#include "keys/formats/formats.h"
#include "keys/formats/source_read.h"

/* The kernel's own limit (path_resolution(7)). */
#define MAX_SYMLINKS 40

#define NAME_EVENTS                                                                                \
	(IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB)

/* The list while it is made. */
struct walking {
	int inotify_fd;
	struct v2m_watch_list *list;
	struct v2m_name_index known; /* places in the list by directory and name */
};

/* Room for the number of a directory and a name. */
#define KNOWN_LEN (NAME_MAX + 32)

/* IN_MODIFY is used only for databases: other programs may write logs into the same directory. */
static int add_entry(struct walking *walking, const char *directory, const char *name,
		     uint32_t events)
{
	struct v2m_watch_list *list = walking->list;
	uint32_t mask = NAME_EVENTS | IN_DELETE_SELF | IN_MOVE_SELF | (events & IN_MODIFY);
	int wd = inotify_add_watch(walking->inotify_fd, directory, mask | IN_ONLYDIR | IN_MASK_ADD);
	char known[KNOWN_LEN];
	size_t place;

	if (wd < 0) {
		/* If it is no directory, or has just gone, its parent's events say so. */
		if (!list->failed && errno != ENOENT && errno != ENOTDIR)
			list->failed = -errno;
		return 0;
	}
	/* A slash stands for every file: it is in no name. */
	snprintf(known, sizeof(known), "%d/%s", wd, name ? name : "/");
	if (v2m_name_index_find(&walking->known, known, &place)) {
		list->items[place].events |= events;
		return 0;
	}
	if (list->count == V2M_WATCH_MAX) {
		if (!list->failed)
			list->failed = -ENOSPC;
		return 0;
	}
	if (v2m_name_index_set(&walking->known, known, list->count))
		return -ENOMEM;
	return v2m_watch_list_add(list, wd, name, events);
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
static int take_step(struct walking *walking, struct walk *walk)
{
	char path[PATH_MAX];
	struct stat status = { 0 };
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
	result = add_entry(walking, walk->directory, walk->name, NAME_EVENTS);
	strcpy(path, walk->directory);
	if (result || !append_name(path, walk->name))
		return result;
	/* An entry that cannot be looked at now may still be a directory. */
	if (lstat(path, &status) && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (S_ISLNK(status.st_mode))
		return follow_link(walk, path);
	strcpy(walk->directory, path);
	return 1;
}

/* A database is written in place, and new rows are in its log at first. */
static int add_database(struct walking *walking, const char *directory, const char *name)
{
	char log[NAME_MAX + 8];
	int result = add_entry(walking, directory, name, NAME_EVENTS | IN_MODIFY);

	snprintf(log, sizeof(log), "%s-wal", name);
	return result ? result : add_entry(walking, directory, log, IN_MODIFY);
}

static int walk_path(struct walking *walking, const char *path, bool enter);

static int add_content(struct walking *walking, const char *directory)
{
	DIR *stream;
	struct dirent *entry;
	int result = add_entry(walking, directory, NULL, NAME_EVENTS);

	if (result)
		return result;
	stream = opendir(directory);
	while (stream && !result && (entry = readdir(stream))) {
		char path[PATH_MAX];

		strcpy(path, directory);
		if (v2m_key_format_has_ending(entry->d_name) && append_name(path, entry->d_name))
			result = walk_path(walking, path, false);
	}
	if (stream)
		closedir(stream);
	return result;
}

/* If enter is true and the path is a directory, its files matter too. */
static int walk_path(struct walking *walking, const char *path, bool enter)
{
	struct walk walk = { .directory = "/" };
	struct stat status;
	int result;

	snprintf(walk.rest, sizeof(walk.rest), "%s", path);
	do {
		result = take_step(walking, &walk);
	} while (result > 0);
	if (result || !walk.arrived || lstat(walk.directory, &status))
		return result;
	if (S_ISDIR(status.st_mode) && enter)
		return add_content(walking, walk.directory);
	if (S_ISREG(status.st_mode) && v2m_source_is_database(walk.directory)) {
		go_to_parent(walk.directory);
		return add_database(walking, walk.directory, walk.name);
	}
	return 0;
}

static int walk_source(struct walking *walking, const char *path)
{
	char absolute[PATH_MAX] = "";

	if (*path != '/' && !getcwd(absolute, sizeof(absolute)))
		return 0;
	if (!append_name(absolute, path + strspn(path, "/")))
		return 0;
	return walk_path(walking, absolute, true);
}

int v2m_watch_walk(int inotify_fd, const struct v2m_strings *paths, struct v2m_watch_list *list)
{
	struct walking walking = { .inotify_fd = inotify_fd, .list = list };
	int result = v2m_key_format_endings(&list->endings);

	for (size_t i = 0; i < paths->count && !result; i++)
		result = walk_source(&walking, paths->items[i]);
	v2m_name_index_clear(&walking.known);
	return result;
}
