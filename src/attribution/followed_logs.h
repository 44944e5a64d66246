/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The access logs that are followed: those that the settings name, and those that the proxies'
 * configurations name. The following process opens and parses them. Remembers in the state
 * directory how far each was read, when lines may have been missed, and which ports the logs have
 * named.
 */
#ifndef V2METER_ATTRIBUTION_FOLLOWED_LOGS_H
#define V2METER_ATTRIBUTION_FOLLOWED_LOGS_H

#include "attribution/attributor.h"
#include "attribution/log_reader.h"
#include "attribution/memory.h"
#include "config/config.h"
#include "keys/access_logs.h"

struct v2m_followed_logs;

/* Goes on where an earlier process has stopped, by a file in the state directory. If that file is
 * damaged, this is logged, and counts as a gap. NULL: out of memory or descriptors. Configuration
 * and attributor must outlive it. */
struct v2m_followed_logs *v2m_followed_logs_new(const struct v2m_config *config,
						struct v2m_attributor *attributor);
/* Does nothing on NULL. */
void v2m_followed_logs_free(struct v2m_followed_logs *logs);

/* If the setting has "auto": follows the logs that the configurations of the proxies name as well.
 * While they name none, the earlier ones stay, and count as missing. is_fresh: the kernel still has
 * all flows of shared ports that were ever counted, so that a new log begins no gap. 0 or -ENOMEM.
 */
int v2m_followed_logs_learn(struct v2m_followed_logs *logs, const struct v2m_access_logs *found,
			    bool is_fresh);
size_t v2m_followed_logs_count(const struct v2m_followed_logs *logs);
/* The path of a log, in their order; NULL behind the last one. */
const char *v2m_followed_logs_path(const struct v2m_followed_logs *logs, size_t index);
/* Why a log could not be read last, without its path; "": it could. index <
 * v2m_followed_logs_count(). */
const char *v2m_followed_logs_problem(const struct v2m_followed_logs *logs, size_t index);

/* Gives the attributor the lines that were written since the last read, and waits for them as
 * v2m_log_reader_read() does. Failures are logged, and are gaps. */
enum v2m_log_reading v2m_followed_logs_read(struct v2m_followed_logs *logs, unsigned wait_ms,
					    bool is_urgent);
/* The next read begins at the ends of the logs again, as at the first start. */
void v2m_followed_logs_rewind(struct v2m_followed_logs *logs);
/* Takes the gaps and the ports that the attributor has noted, and stores all that has changed. Call
 * it after the lines that were read have been used. */
void v2m_followed_logs_save(struct v2m_followed_logs *logs);

/* A key is reset: gaps from now on are stored at once, because the earlier ones are not the key's.
 */
void v2m_followed_logs_note_reset(struct v2m_followed_logs *logs);

/* Whether the list of online users tells users apart, and no log: remembered for the next start. */
void v2m_followed_logs_note_online(struct v2m_followed_logs *logs, bool by_online);

const struct v2m_attribution_memory *v2m_followed_logs_memory(const struct v2m_followed_logs *logs);

#endif
