/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What v2meterctl does. */
#ifndef V2METER_CTL_COMMANDS_H
#define V2METER_CTL_COMMANDS_H

#include "ctl/fallback.h"
#include "base/format.h"

struct v2m_ctl {
	struct v2m_client *client;
	bool json;    /* the server's answer instead of a table */
	bool verbose; /* every attempt on stderr */
	bool bytes;   /* exact figures instead of "1.50 GB" */
	bool colour;
};

/* Each prints its answer on stdout, or the reason for having none on stderr. key: see find.h. */
enum v2m_outcome v2m_ctl_status(const struct v2m_ctl *ctl, const char *unused);
enum v2m_outcome v2m_ctl_keys(const struct v2m_ctl *ctl, const char *unused);
enum v2m_outcome v2m_ctl_show(const struct v2m_ctl *ctl, const char *key);
enum v2m_outcome v2m_ctl_reset(const struct v2m_ctl *ctl, const char *key);
/* Writes the server's document of totals to the file (mode 0600: uuids are credentials), NULL:
 * stdout; nothing is written unless the document is there whole. */
enum v2m_outcome v2m_ctl_export(const struct v2m_ctl *ctl, const char *file);
/* V2M_REFUSED also where the server has left some of it alone. */
enum v2m_outcome v2m_ctl_import(const struct v2m_ctl *ctl, const char *file);

/* For the commands: a number of bytes as asked for, and per second; "-" below 0. */
#define V2M_CTL_SIZE_LEN (V2M_FORMAT_BYTES_LEN + 8)
const char *v2m_ctl_size(const struct v2m_ctl *ctl, uint64_t bytes,
			 char text[static V2M_CTL_SIZE_LEN]);
const char *v2m_ctl_rate(const struct v2m_ctl *ctl, double rate,
			 char text[static V2M_CTL_SIZE_LEN]);

#endif
