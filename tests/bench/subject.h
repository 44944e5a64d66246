/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program whose cost is measured: ours, the obvious one, or the empty one. */
#ifndef V2METER_TESTS_BENCH_SUBJECT_H
#define V2METER_TESTS_BENCH_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIRST_PORT 10000
/* The remote end of the packets that are measured. A frame of IPv4 comes from 10.0.0.1 or goes
 * to 10.0.0.2. */
#define CLIENT 40000

enum kind {
	EMPTY,
	OURS,
	SHARED,
	HASH,
};

struct subject;

/*
 * Loads it from an object file. 0 or -errno.
 * count: as many ports are monitored, FIRST_PORT and up. SHARED monitors FIRST_PORT only: it has as
 * many labelled flows, and those of the packets that are measured are among them.
 */
int subject_open(enum kind kind, const char *object, unsigned count, struct subject **subject);
void subject_close(struct subject *subject);

/* Processor time in ns for one packet: the mean of repeat ones. Negative: -errno. */
double subject_time(const struct subject *subject, bool egress, const void *packet, size_t length,
		    unsigned repeat);

/* Packets that have counted for the owner of all flows; SHARED only. Negative: -errno. */
int64_t subject_owned(const struct subject *subject);

#endif
