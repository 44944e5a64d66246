/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state that survives a restart: how far each access log was read, and when lines were missed.
 */
#ifndef V2METER_ATTRIBUTION_MEMORY_H
#define V2METER_ATTRIBUTION_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "attribution/attributor.h"
#include "attribution/named_slots.h"
#include "base/error.h"
#include "ipc/following.h"

struct v2m_remembered_log {
	char *path;
	struct v2m_log_progress progress;
};

/* Starts as zeros. */
struct v2m_attribution_memory {
	struct v2m_remembered_log logs[V2M_FOLLOWING_LOGS_MAX];
	size_t n_logs;
	/* When each gap was last seen, in Unix microseconds; 0: never. */
	int64_t gap_us[V2M_N_ATTRIBUTION_GAPS];
	struct v2m_named_slots named;
	bool by_online; /* users are told apart by the list of online users, and there is no log */
};

/* Reads the file. -ENOENT if there is none. A damaged file gives -EPROTO and *error: then it is not
 * known which lines were read. *memory is zeros after an error. */
int v2m_attribution_memory_load(const char *path, struct v2m_attribution_memory *memory,
				struct v2m_error *error);
/* Replaces the file. It survives the end of the process, but not a power cut: then the kernel's
 * flows are gone too. 0 or -errno. */
int v2m_attribution_memory_save(const char *path, const struct v2m_attribution_memory *memory);
void v2m_attribution_memory_clear(struct v2m_attribution_memory *memory);

#endif
