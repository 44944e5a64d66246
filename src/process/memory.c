// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int write_all(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t written = write(fd, data, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written ? -errno : -EIO;
		data += written;
		length -= (size_t)written;
	}
	return 0;
}

int v2m_memory_seal(const void *data, size_t length)
{
	V2M_CLOSE int fd = memfd_create("v2meter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int result = fd < 0 ? -errno : write_all(fd, data, length);

	if (!result && fcntl(fd, F_ADD_SEALS, SEALS))
		result = -errno;
	return result ? result : V2M_TAKE_FD(fd);
}

int v2m_memory_map(int fd, size_t length, const void **data)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat status;
	void *mapped;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &status) || status.st_size < 0 ||
	    (size_t)status.st_size != length || !length)
		return -EBADMSG;
	mapped = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	*data = mapped;
	return 0;
}

void v2m_memory_unmap(const void *data, size_t length)
{
	if (data)
		munmap((void *)data, length);
}
