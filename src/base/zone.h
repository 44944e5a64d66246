/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The process's time zone, which all local dates and times follow. localtime_r(3) reads
 * /etc/localtime once and keeps it; tzset(3), localtime(3), mktime(3) and strftime(3) with %Z or %s
 * read it again, for every thread. Nothing else in the daemon may call those four: accounting would
 * change its zone at any moment.
 */
#ifndef V2METER_BASE_ZONE_H
#define V2METER_BASE_ZONE_H

#include <stdbool.h>

/* Begins to use the zone that /etc/localtime holds now, or that $TZ names. True if another file is
 * in place since the last call; false at the first call. The collector's thread calls it once for
 * each sample. Other threads may format times meanwhile. While the file is missing the zone stays:
 * "ln -sf" removes the old link before it makes the new one. Costs two stat(2). */
bool v2m_zone_follow(void);

#endif
