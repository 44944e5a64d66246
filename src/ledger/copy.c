// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ledger/sqlite_error.h"

static int set_copy_error(const char *path, int code, struct v2m_error *error)
{
	return v2m_error_set(error, code,
			     "ledger: cannot write %s, the copy before the migration: %s", path,
			     strerror(-code));
}

/* Makes an empty file with mode 0600. If SQLite made it, its mode would depend on the umask. */
static int make_empty_file(const char *path, struct v2m_error *error)
{
	V2M_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 || fchmod(fd, 0600) ? set_copy_error(path, -errno, error) : 0;
}

static int copy_pages(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	int code;

	if (!backup)
		return v2m_sqlite_refine(to, v2m_sqlite_errno(sqlite3_errcode(to)));
	code = sqlite3_backup_step(backup, -1);
	sqlite3_backup_finish(backup);
	return code == SQLITE_DONE ? 0 : v2m_sqlite_refine(to, v2m_sqlite_errno(code));
}

static int copy_to(sqlite3 *from, const char *path, struct v2m_error *error)
{
	sqlite3 *to = NULL;
	int result;

	result = v2m_sqlite_errno(
		sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	if (result == 0)
		result = copy_pages(from, to);
	sqlite3_close_v2(to);
	return result ? set_copy_error(path, result, error) : 0;
}

static int sync_path(const char *path, int flags, struct v2m_error *error)
{
	V2M_CLOSE int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 || fsync(fd) ? set_copy_error(path, -errno, error) : 0;
}

static int sync_directory_of(const char *path, struct v2m_error *error)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX];

	if (slash)
		snprintf(directory, sizeof(directory), "%.*s/", (int)(slash - path), path);
	else
		snprintf(directory, sizeof(directory), ".");
	return sync_path(directory, O_RDONLY | O_DIRECTORY, error);
}

int v2m_ledger_copy_version(sqlite3 *db, const char *path, int version, struct v2m_error *error)
{
	char name[PATH_MAX];
	char unfinished[PATH_MAX];
	int result;

	snprintf(name, sizeof(name), "%s.v%d", path, version);
	snprintf(unfinished, sizeof(unfinished), "%s.new", name);
	result = make_empty_file(unfinished, error);
	if (result == 0)
		result = copy_to(db, unfinished, error);
	if (result == 0)
		result = sync_path(unfinished, O_RDWR, error);
	if (result == 0 && rename(unfinished, name))
		result = set_copy_error(name, -errno, error);
	if (result)
		unlink(unfinished);
	return result ? result : sync_directory_of(path, error);
}
