// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config/state_dir.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/trusted_dir.h"

/* A shorter API key is warned about. */
#define GUESSABLE_LENGTH 16
#define API_KEY_BYTES    32

static int refuse_second(int fd, const char *path, struct v2m_error *error)
{
	char holder[32] = "";
	ssize_t length = pread(fd, holder, sizeof(holder) - 1, 0);

	if (length <= 0)
		return v2m_error_set(error, -EBUSY, "%s is held by another process", path);
	holder[strcspn(holder, "\n")] = 0;
	return v2m_error_set(error, -EBUSY,
			     "%s is held by process %s: another v2meterd uses this state directory",
			     path, holder);
}

int v2m_state_dir_lock(const char *state_dir, int *lock_fd, struct v2m_error *error)
{
	char path[PATH_MAX];
	V2M_CLOSE int fd = -1;
	int result = v2m_make_directories(state_dir, 0755, 0700);

	if (result)
		return v2m_error_set(error, result, "state_dir: cannot make %s: %s", state_dir,
				     strerror(-result));
	result = v2m_trusted_dir_check("state_dir", state_dir, error);
	if (result)
		return result;
	if (snprintf(path, sizeof(path), "%s/lock", state_dir) >= (int)sizeof(path))
		return v2m_error_set(error, -ENAMETOOLONG, "state_dir: %s is too long", state_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* On a disk that became read-only, the file of an earlier run can still be locked. */
	if (fd < 0 && errno == EROFS)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return v2m_error_set(error, -errno, "state_dir: cannot open %s: %s", path,
				     strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK
			       ? refuse_second(fd, path, error)
			       : v2m_error_set(error, -errno, "state_dir: cannot lock %s: %s", path,
					       strerror(errno));
	if (ftruncate(fd, 0) || dprintf(fd, "%d\n", (int)getpid()) < 0)
		v2m_log_warning("cannot write %s: %s", path, strerror(errno));
	*lock_fd = V2M_TAKE_FD(fd);
	return 0;
}

static int make_key(const char *path, char **api_key, struct v2m_error *error)
{
	uint8_t random[API_KEY_BYTES];
	char text[2 * API_KEY_BYTES + 2];
	int result;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return v2m_error_set(error, -EIO, "cannot make an API key: no random bytes: %s",
				     strerror(errno));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(text + 2 * i, 3, "%02x", random[i]);
	text[2 * API_KEY_BYTES] = '\n';
	text[2 * API_KEY_BYTES + 1] = 0;
	result = v2m_write_file(path, text, 2 * API_KEY_BYTES + 1, 0600);
	if (result)
		return v2m_error_set(error, result, "cannot write %s: %s", path, strerror(-result));
	text[2 * API_KEY_BYTES] = 0;
	*api_key = strdup(text);
	v2m_log_info("a new API key is in %s", path);
	return *api_key ? 0 : v2m_error_set(error, -ENOMEM, "out of memory");
}

static void warn_of_guesses(const char *from, size_t length)
{
	if (length < GUESSABLE_LENGTH)
		v2m_log_warning(
			"%s: the API key has %zu characters and could be guessed: use %d or more",
			from, length, GUESSABLE_LENGTH);
}

/* With a key that no HTTP header can carry, nobody could use the API. */
static int take_key(const char *from, char *text, char **api_key, struct v2m_error *error)
{
	char *key = text + strspn(text, " \t\r\n");
	size_t length = strlen(key);

	while (length && isspace((unsigned char)key[length - 1]))
		key[--length] = 0;
	for (size_t i = 0; i < length; i++)
		if (key[i] <= ' ' || key[i] > '~')
			return v2m_error_set(error, -EINVAL,
					     "%s: expected an API key of printable ASCII "
					     "characters without spaces",
					     from);
	if (length < 1 || length > V2M_API_KEY_MAX)
		return v2m_error_set(error, -EINVAL,
				     "%s: expected an API key of 1 to %d characters, got %zu", from,
				     V2M_API_KEY_MAX, length);
	warn_of_guesses(from, length);
	*api_key = strdup(key);
	return *api_key ? 0 : v2m_error_set(error, -ENOMEM, "out of memory");
}

/* The daemon makes the file with mode 0600, but somebody else may have put one there. */
static void warn_of_readers(const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0 && status.st_mode & 077)
		v2m_log_warning("%s can be read by others (mode %04o), and anybody who reads it "
				"can use the API: set its mode to 0600",
				path, status.st_mode & 07777);
}

/* Everything in the environment of a process stands in /proc, too, so the key is moved. */
static const char *take_environment(void)
{
	static char *kept;
	char *text = getenv("V2METER_API_KEY");
	char *copy = text && *text ? strdup(text) : NULL;

	if (!copy)
		return kept;
	free(kept);
	kept = copy;
	explicit_bzero(text, strlen(text));
	unsetenv("V2METER_API_KEY");
	return kept;
}

void v2m_api_key_warn(const struct v2m_config *config, const char *config_path)
{
	if (!config->api_key)
		return;
	if (config_path)
		warn_of_readers(config_path);
	warn_of_guesses("api_key", strlen(config->api_key));
}

int v2m_api_key_load(const struct v2m_config *config, const char *config_path, char **api_key,
		     struct v2m_error *error)
{
	V2M_FREE char *text = NULL;
	const char *environment = take_environment();
	char path[PATH_MAX];
	size_t length;
	int result;

	if (config->api_key || (environment && *environment)) {
		if (config->api_key && config_path)
			warn_of_readers(config_path);
		text = strdup(config->api_key ? config->api_key : environment);
		if (!text)
			return v2m_error_set(error, -ENOMEM, "out of memory");
		return take_key(config->api_key ? "api_key" : "V2METER_API_KEY", text, api_key,
				error);
	}
	snprintf(path, sizeof(path), "%s/api_key", config->state_dir);
	result = v2m_read_file(path, V2M_API_KEY_MAX + 16, &text, &length);
	if (result == -ENOENT)
		return make_key(path, api_key, error);
	if (result)
		return v2m_error_set(error, result, "cannot read %s: %s", path, strerror(-result));
	v2m_log_info("the API key is in %s", path);
	warn_of_readers(path);
	return take_key(path, text, api_key, error);
}
