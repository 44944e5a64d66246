/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether the content of a directory can be relied on. */
#ifndef V2METER_BASE_TRUSTED_DIR_H
#define V2METER_BASE_TRUSTED_DIR_H

#include "base/error.h"

/* Refuses a directory in which somebody else can put or replace files: root, or the user of this
 * process, has to own it, and neither group nor others may write to it. setting: the setting that
 * names it, for the sentence in *error. 0, -EINVAL, or what open(2) says; -ENOENT: it is not there.
 */
int v2m_trusted_dir_check(const char *setting, const char *path, struct v2m_error *error);

#endif
