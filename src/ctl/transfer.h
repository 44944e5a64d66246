/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* v2meterctl export and import: totals move from one server to another in a file. */
#ifndef V2METER_CTL_TRANSFER_H
#define V2METER_CTL_TRANSFER_H

#include "ctl/ctl.h"

/* Writes the server's document of totals to the file, or to stdout if file is NULL. The file's mode
 * is 0600, because uuids are credentials. Writes nothing if the document did not arrive whole. */
enum v2m_outcome v2m_ctl_export(const struct v2m_ctl *ctl, const char *file);
/* V2M_REFUSED also if the server has refused a part of the document. */
enum v2m_outcome v2m_ctl_import(const struct v2m_ctl *ctl, const char *file);

#endif
