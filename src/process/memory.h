/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Memory that one process hands to another: an anonymous file that nobody can change any more. */
#ifndef V2METER_PROCESS_MEMORY_H
#define V2METER_PROCESS_MEMORY_H

#include <stddef.h>

/* An anonymous file with these bytes, sealed: neither its size nor its bytes can change. A
 * descriptor, or -errno. */
int v2m_memory_seal(const void *data, size_t length);
/* Maps such a file for reading. 0; -EBADMSG if it is not sealed or has another length: whoever made
 * it could change it while it is read, or end the reader by making it shorter; or another -errno.
 */
int v2m_memory_map(int fd, size_t length, const void **data);
/* Does nothing on NULL. */
void v2m_memory_unmap(const void *data, size_t length);

#endif
