// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/zone.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define ZONE_FILE "/etc/localtime"
/* Calls with the file missing before UTC applies, as it does for every other program. */
#define MISSING_MAX 2

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool v2m_zone_follow(void)
{
	static struct stat last;
	static unsigned missing;
	static bool known;
	struct stat now = { 0 };
	bool changed;

	if (getenv("TZ")) {
		tzset();
		return false;
	}
	if (stat(ZONE_FILE, &now) == 0)
		missing = 0;
	else if (++missing < MISSING_MAX)
		return false;
	/* At every call, as glibc reads a half-written file as UTC and then looks again. */
	tzset();
	changed = known && !is_same_file(&now, &last);
	last = now;
	known = true;
	return changed;
}
