/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program whose cost is measured: ours, the obvious one, or the empty one. */
#ifndef V2METER_TESTS_BENCH_SUBJECT_H
#define V2METER_TESTS_BENCH_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIRST_PORT 10000

enum kind {
	EMPTY,
	OURS,
	HASH,
};

struct subject;

/* Loads it from an object file, with ports FIRST_PORT and up monitored. 0 or -errno. */
int subject_open(enum kind kind, const char *object, unsigned ports, struct subject **subject);
void subject_close(struct subject *subject);

/* Processor time in ns for one packet: the mean of repeat ones. Negative: -errno. */
double subject_time(const struct subject *subject, bool egress, const void *packet, size_t length,
		    unsigned repeat);

#endif
