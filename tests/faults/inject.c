// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "faults/inject.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timerfd.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/macros.h"

const char *const fault_kind_names[N_FAULT_KINDS] = {
	[FAULT_MEMORY] = "memory",   [FAULT_CALL] = "call", [FAULT_SQLITE] = "sqlite",
	[FAULT_CORRUPT] = "corrupt", [FAULT_DISK] = "disk", [FAULT_INSIDE] = "inside",
};

static struct {
	bool armed;
	bool paused;
	enum fault_kind kind;
	unsigned long at;
	unsigned long seen[N_FAULT_KINDS];
	const char *fired;
	int sqlite_code; /* of the last call of SQLite, if it was one that we failed */
} faults;

void faults_arm(enum fault_kind kind, unsigned long at)
{
	memset(&faults, 0, sizeof(faults));
	faults.kind = kind;
	faults.at = at;
	faults.armed = true;
}

void faults_disarm(void)
{
	faults.armed = false;
}

void faults_pause(bool paused)
{
	faults.paused = paused;
}

void faults_restart(void)
{
	if (faults.armed)
		faults_arm(faults.kind, faults.at);
}

unsigned long faults_seen(enum fault_kind kind)
{
	return __atomic_load_n(&faults.seen[kind], __ATOMIC_RELAXED);
}

const char *faults_fired(void)
{
	return faults.fired;
}

bool fault_strikes(enum fault_kind kind, const char *name)
{
	if (!faults.armed || faults.paused)
		return false;
	if (__atomic_add_fetch(&faults.seen[kind], 1, __ATOMIC_RELAXED) != faults.at ||
	    kind != faults.kind)
		return false;
	faults.fired = name;
	return true;
}

/* CMake reads the names behind WRAP for the linker. A wrapper that stands for itself begins with
 * WRAP, too. */
#define WRAP(type, name, kind, code, failure, parameters, ...)                                     \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		if (fault_strikes(kind, #name)) {                                                  \
			errno = code;                                                              \
			return failure;                                                            \
		}                                                                                  \
		return __real_##name(__VA_ARGS__);                                                 \
	}
#define WRAP_BY_HAND(type, name, parameters)                                                       \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters

/* clang-format off */
WRAP(void *, malloc, FAULT_MEMORY, ENOMEM, NULL, (size_t size), size)
WRAP(void *, calloc, FAULT_MEMORY, ENOMEM, NULL, (size_t n, size_t size), n, size)
WRAP(void *, realloc, FAULT_MEMORY, ENOMEM, NULL, (void *old, size_t size), old, size)
WRAP(void *, reallocarray, FAULT_MEMORY, ENOMEM, NULL, (void *old, size_t n, size_t size), old, n, size)
WRAP(char *, strdup, FAULT_MEMORY, ENOMEM, NULL, (const char *text), text)
WRAP(char *, strndup, FAULT_MEMORY, ENOMEM, NULL, (const char *text, size_t n), text, n)
WRAP(FILE *, open_memstream, FAULT_MEMORY, ENOMEM, NULL, (char **text, size_t *size), text, size)
WRAP(FILE *, fopen, FAULT_CALL, EMFILE, NULL, (const char *path, const char *mode), path, mode)
WRAP(FILE *, fdopen, FAULT_MEMORY, ENOMEM, NULL, (int fd, const char *mode), fd, mode)
WRAP(DIR *, opendir, FAULT_CALL, EMFILE, NULL, (const char *path), path)
WRAP(char *, realpath, FAULT_CALL, EIO, NULL, (const char *path, char *to), path, to)
WRAP(ssize_t, readlink, FAULT_CALL, EIO, -1, (const char *path, char *to, size_t size), path, to, size)
WRAP(ssize_t, read, FAULT_CALL, EIO, -1, (int fd, void *to, size_t size), fd, to, size)
WRAP(ssize_t, write, FAULT_CALL, ENOSPC, -1, (int fd, const void *from, size_t size), fd, from, size)
WRAP(int, fsync, FAULT_CALL, EIO, -1, (int fd), fd)
WRAP(int, ftruncate, FAULT_CALL, ENOSPC, -1, (int fd, off_t size), fd, size)
WRAP(int, fchmod, FAULT_CALL, EPERM, -1, (int fd, mode_t mode), fd, mode)
WRAP(int, flock, FAULT_CALL, EINTR, -1, (int fd, int operation), fd, operation)
WRAP(int, stat, FAULT_CALL, EIO, -1, (const char *path, struct stat *to), path, to)
WRAP(int, lstat, FAULT_CALL, EIO, -1, (const char *path, struct stat *to), path, to)
WRAP(int, fstat, FAULT_CALL, EIO, -1, (int fd, struct stat *to), fd, to)
WRAP(int, statfs, FAULT_CALL, EIO, -1, (const char *path, struct statfs *to), path, to)
WRAP(int, fstatfs, FAULT_CALL, EIO, -1, (int fd, struct statfs *to), fd, to)
WRAP(int, access, FAULT_CALL, EIO, -1, (const char *path, int mode), path, mode)
WRAP(int, mkdir, FAULT_CALL, ENOSPC, -1, (const char *path, mode_t mode), path, mode)
WRAP(int, unlink, FAULT_CALL, EIO, -1, (const char *path), path)
WRAP(int, rename, FAULT_CALL, ENOSPC, -1, (const char *from, const char *to), from, to)
WRAP(int, renameat2, FAULT_CALL, ENOSPC, -1, (int a, const char *from, int b, const char *to, unsigned flags), a, from, b, to, flags)
WRAP(void *, mmap, FAULT_CALL, ENOMEM, MAP_FAILED, (void *at, size_t size, int protection, int flags, int fd, off_t offset), at, size, protection, flags, fd, offset)
WRAP(int, memfd_create, FAULT_CALL, EMFILE, -1, (const char *name, unsigned flags), name, flags)
WRAP(ssize_t, getrandom, FAULT_CALL, EIO, -1, (void *to, size_t size, unsigned flags), to, size, flags)
WRAP(int, socket, FAULT_CALL, EMFILE, -1, (int domain, int type, int protocol), domain, type, protocol)
WRAP(int, socketpair, FAULT_CALL, EMFILE, -1, (int domain, int type, int protocol, int *ends), domain, type, protocol, ends)
WRAP(int, bind, FAULT_CALL, ENOMEM, -1, (int fd, const struct sockaddr *address, socklen_t size), fd, address, size)
WRAP(int, setsockopt, FAULT_CALL, ENOMEM, -1, (int fd, int level, int name, const void *value, socklen_t size), fd, level, name, value, size)
WRAP(ssize_t, send, FAULT_CALL, ENOBUFS, -1, (int fd, const void *from, size_t size, int flags), fd, from, size, flags)
WRAP(ssize_t, recv, FAULT_CALL, ENOBUFS, -1, (int fd, void *to, size_t size, int flags), fd, to, size, flags)
WRAP(ssize_t, sendmsg, FAULT_CALL, ENOBUFS, -1, (int fd, const struct msghdr *message, int flags), fd, message, flags)
WRAP(ssize_t, recvmsg, FAULT_CALL, ENOBUFS, -1, (int fd, struct msghdr *message, int flags), fd, message, flags)
WRAP(int, poll, FAULT_CALL, ENOMEM, -1, (struct pollfd *fds, nfds_t n, int timeout_ms), fds, n, timeout_ms)
WRAP(int, epoll_create1, FAULT_CALL, EMFILE, -1, (int flags), flags)
WRAP(int, epoll_ctl, FAULT_CALL, ENOMEM, -1, (int epoll, int operation, int fd, struct epoll_event *event), epoll, operation, fd, event)
WRAP(int, timerfd_create, FAULT_CALL, EMFILE, -1, (int clock, int flags), clock, flags)
WRAP(int, timerfd_settime, FAULT_CALL, ENOMEM, -1, (int fd, int flags, const struct itimerspec *next, struct itimerspec *old), fd, flags, next, old)
WRAP(int, inotify_init1, FAULT_CALL, EMFILE, -1, (int flags), flags)
WRAP(int, inotify_add_watch, FAULT_CALL, ENOSPC, -1, (int fd, const char *path, uint32_t mask), fd, path, mask)
WRAP(int, pthread_create, FAULT_CALL, EAGAIN, EAGAIN, (pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument), thread, attributes, start, argument)
WRAP(int, sd_event_add_io, FAULT_CALL, ENOMEM, -ENOMEM, (sd_event *event, sd_event_source **source, int fd, uint32_t events, sd_event_io_handler_t callback, void *context), event, source, fd, events, callback, context)
WRAP(int, sd_event_source_set_enabled, FAULT_CALL, ENOMEM, -ENOMEM, (sd_event_source *source, int enabled), source, enabled)
/* clang-format on */

/* What the pointer holds then is not defined. */
WRAP_BY_HAND(int, asprintf, (char **text, const char *format, ...))
{
	va_list arguments;
	int result;

	if (fault_strikes(FAULT_MEMORY, "asprintf"))
		return -1;
	va_start(arguments, format);
	result = vasprintf(text, format, arguments);
	va_end(arguments);
	return result;
}

WRAP_BY_HAND(int, open, (const char *path, int flags, ...))
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	if (fault_strikes(FAULT_CALL, "open")) {
		errno = EMFILE;
		return -1;
	}
	return __real_open(path, flags, mode);
}

WRAP_BY_HAND(int, fcntl, (int fd, int command, ...))
{
	va_list arguments;
	long argument;

	va_start(arguments, command);
	argument = va_arg(arguments, long);
	va_end(arguments);
	if (fault_strikes(FAULT_CALL, "fcntl")) {
		errno = EMFILE;
		return -1;
	}
	return __real_fcntl(fd, command, argument);
}

/* A call has six words at most. Its caller may have passed fewer; then the kernel does not look at
 * the rest. */
WRAP_BY_HAND(long, syscall, (long number, long a, long b, long c, long d, long e, long f))
{
	if (fault_strikes(FAULT_CALL, "syscall")) {
		errno = EMFILE;
		return -1;
	}
	return __real_syscall(number, a, b, c, d, e, f);
}

/* A call of SQLite fails without being made. What SQLite says about it later is ours until its next
 * call. */
static bool sqlite_strikes(const char *name)
{
	bool failed = fault_strikes(FAULT_SQLITE, name);
	bool corrupt = fault_strikes(FAULT_CORRUPT, name);

	faults.sqlite_code = failed ? SQLITE_IOERR : corrupt ? SQLITE_CORRUPT : 0;
	return failed || corrupt;
}

#define WRAP_SQLITE(name, empty, parameters, ...)                                                  \
	int __real_##name parameters;                                                              \
	int __wrap_##name parameters;                                                              \
	int __wrap_##name parameters                                                               \
	{                                                                                          \
		if (sqlite_strikes(#name)) {                                                       \
			empty;                                                                     \
			return faults.sqlite_code;                                                 \
		}                                                                                  \
		return __real_##name(__VA_ARGS__);                                                 \
	}

/* clang-format off */
WRAP_SQLITE(sqlite3_open_v2, *db = NULL, (const char *path, sqlite3 **db, int flags, const char *vfs), path, db, flags, vfs)
WRAP_SQLITE(sqlite3_prepare_v2, *statement = NULL, (sqlite3 *db, const char *sql, int n, sqlite3_stmt **statement, const char **tail), db, sql, n, statement, tail)
WRAP_SQLITE(sqlite3_prepare_v3, *statement = NULL, (sqlite3 *db, const char *sql, int n, unsigned flags, sqlite3_stmt **statement, const char **tail), db, sql, n, flags, statement, tail)
WRAP_SQLITE(sqlite3_step, (void)0, (sqlite3_stmt *statement), statement)
WRAP_SQLITE(sqlite3_exec, (void)0, (sqlite3 *db, const char *sql, int (*callback)(void *, int, char **, char **), void *context, char **text), db, sql, callback, context, text)
WRAP_SQLITE(sqlite3_bind_int64, (void)0, (sqlite3_stmt *statement, int at, sqlite3_int64 value), statement, at, value)
WRAP_SQLITE(sqlite3_bind_text, (void)0, (sqlite3_stmt *statement, int at, const char *text, int n, void (*destroy)(void *)), statement, at, text, n, destroy)
WRAP_SQLITE(sqlite3_bind_blob, (void)0, (sqlite3_stmt *statement, int at, const void *blob, int n, void (*destroy)(void *)), statement, at, blob, n, destroy)
WRAP_SQLITE(sqlite3_wal_checkpoint_v2, (void)0, (sqlite3 *db, const char *name, int mode, int *log, int *done), db, name, mode, log, done)
/* clang-format on */

WRAP_BY_HAND(int, sqlite3_errcode, (sqlite3 * db))
{
	return faults.sqlite_code ? faults.sqlite_code : __real_sqlite3_errcode(db);
}

WRAP_BY_HAND(const char *, sqlite3_errmsg, (sqlite3 * db))
{
	return faults.sqlite_code ? "injected" : __real_sqlite3_errmsg(db);
}

/* The allocations of jansson and SQLite. */
static void *fail_malloc(size_t size)
{
	return fault_strikes(FAULT_MEMORY, "json malloc") ? NULL : __real_malloc(size);
}

static sqlite3_mem_methods sqlite_memory;

static void *fail_sqlite_malloc(int size)
{
	return fault_strikes(FAULT_INSIDE, "sqlite malloc") ? NULL : sqlite_memory.xMalloc(size);
}

static void *fail_sqlite_realloc(void *old, int size)
{
	return fault_strikes(FAULT_INSIDE, "sqlite realloc") ? NULL
							     : sqlite_memory.xRealloc(old, size);
}

/* The system calls of SQLite. */
static int (*sqlite_open)(const char *, int, int);
static ssize_t (*sqlite_pread)(int, void *, size_t, off_t);
static ssize_t (*sqlite_pwrite)(int, const void *, size_t, off_t);
static int (*sqlite_ftruncate)(int, off_t);

static int fail_sqlite_open(const char *path, int flags, int mode)
{
	if (!fault_strikes(FAULT_DISK, "sqlite open"))
		return sqlite_open(path, flags, mode);
	errno = EMFILE;
	return -1;
}

static ssize_t fail_sqlite_pread(int fd, void *to, size_t size, off_t at)
{
	if (!fault_strikes(FAULT_DISK, "sqlite pread"))
		return sqlite_pread(fd, to, size, at);
	errno = EIO;
	return -1;
}

static ssize_t fail_sqlite_pwrite(int fd, const void *from, size_t size, off_t at)
{
	if (!fault_strikes(FAULT_DISK, "sqlite pwrite"))
		return sqlite_pwrite(fd, from, size, at);
	errno = ENOSPC;
	return -1;
}

static int fail_sqlite_ftruncate(int fd, off_t size)
{
	if (!fault_strikes(FAULT_DISK, "sqlite ftruncate"))
		return sqlite_ftruncate(fd, size);
	errno = EIO;
	return -1;
}

/* C has no cast from a function to another one that every compiler takes. */
#define REPLACE(vfs, name, old, replacement)                                                       \
	do {                                                                                       \
		*(sqlite3_syscall_ptr *)&(old) = (vfs)->xGetSystemCall(vfs, name);                 \
		(vfs)->xSetSystemCall(vfs, name, (sqlite3_syscall_ptr)(replacement));              \
	} while (0)

void faults_install(void)
{
	sqlite3_mem_methods methods;
	sqlite3_vfs *vfs;

	json_set_alloc_funcs(fail_malloc, free);
	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory);
	methods = sqlite_memory;
	methods.xMalloc = fail_sqlite_malloc;
	methods.xRealloc = fail_sqlite_realloc;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	sqlite3_initialize();
	vfs = sqlite3_vfs_find(NULL);
	REPLACE(vfs, "open", sqlite_open, fail_sqlite_open);
	REPLACE(vfs, "pread", sqlite_pread, fail_sqlite_pread);
	REPLACE(vfs, "pwrite", sqlite_pwrite, fail_sqlite_pwrite);
	REPLACE(vfs, "pread64", sqlite_pread, fail_sqlite_pread);
	REPLACE(vfs, "pwrite64", sqlite_pwrite, fail_sqlite_pwrite);
	REPLACE(vfs, "ftruncate", sqlite_ftruncate, fail_sqlite_ftruncate);
}
