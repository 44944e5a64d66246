// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pins/skeleton_pages.h"

#include <bpf/libbpf.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Only whole pages, because others have constants of somebody else. They are unchanged, so no byte
 * is lost. */
void v2m_skeleton_give_back(const struct bpf_object_skeleton *skeleton)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin = ((uintptr_t)skeleton->data + page - 1) & ~(page - 1);
	uintptr_t end = ((uintptr_t)skeleton->data + skeleton->data_sz) & ~(page - 1);

	if (begin < end)
		madvise((void *)begin, end - begin, MADV_DONTNEED);
}
