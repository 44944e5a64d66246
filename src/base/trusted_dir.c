// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/trusted_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

int v2m_trusted_dir_check(const char *setting, const char *path, struct v2m_error *error)
{
	V2M_CLOSE int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status))
		return v2m_error_set(error, -errno, "%s: cannot open %s: %s", setting, path,
				     strerror(errno));
	if (status.st_uid != 0 && status.st_uid != geteuid())
		return v2m_error_set(error, -EINVAL,
				     "%s: %s belongs to user %u, who could change what is in it: "
				     "expected a directory of root",
				     setting, path, (unsigned)status.st_uid);
	if (status.st_mode & (S_IWGRP | S_IWOTH))
		return v2m_error_set(error, -EINVAL,
				     "%s: others than its owner may write to %s (mode %04o): "
				     "expected a mode such as 0700",
				     setting, path, (unsigned)status.st_mode & 07777);
	return 0;
}
