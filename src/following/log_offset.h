/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The zone of a proxy's clock. The proxies write local time into their logs, without its zone, and
 * a container may have another zone than the host. */
#ifndef V2METER_FOLLOWING_LOG_OFFSET_H
#define V2METER_FOLLOWING_LOG_OFFSET_H

#include <stdint.h>

/* How much the clock of an access log is ahead of UTC, in microseconds: the last line was written
 * when the file changed last. Zones differ by quarters of an hour. If the file changed later than
 * its last line, the clock seems to be behind, and lines seem to be newer than they are.
 * V2M_NO_LOG_OFFSET (access_line.h): the file cannot be read, or no line at its end is one of a
 * connection. */
int64_t v2m_log_offset(const char *path);

#endif
