/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the daemon does from its start to its stop, on a fake kernel. Each run has a process of its
 * own. */
#ifndef V2METER_TESTS_FAULTS_SCENARIO_H
#define V2METER_TESTS_FAULTS_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "faults/inject.h"

enum phase {
	PHASE_START,
	PHASE_SAMPLE, /* and flush */
	PHASE_RESET,
	PHASE_RELOAD,
	PHASE_STOP,
	N_PHASES,
};

extern const char *const phase_names[N_PHASES];

/* What a run has to report, in memory that it shares with the process that judges it. */
struct report {
	bool refused;    /* the start, with a sentence */
	bool reset_lost; /* there was no answer: the reset may have been done */
	bool reset_done;
	uint64_t reset_closed; /* wire bytes of the period that the reset closed */
	bool healthy;          /* in the end */
	char reason[64];       /* why not */
	unsigned long seen[N_PHASES][N_FAULT_KINDS]; /* calls until the end of the phase */
	char fired[64];
	char wrong[256]; /* what must not happen; "": nothing */
};

/* Starts with the files of the directory, samples, resets, reloads and stops. The at-th call of the
 * kind fails; 0: none. Ends the process. */
void scenario_run(const char *directory, enum fault_kind kind, unsigned long at,
		  struct report *report) __attribute__((noreturn));

/* Starts, reloads and answers that often after a warm-up, and stops. *grown: by how many bytes more
 * is allocated after the reloads, and after the requests, than before. Ends the process. */
struct growth {
	long reloads;
	long requests;
};
void scenario_endure(const char *directory, unsigned reloads, unsigned requests,
		     struct report *report, struct growth *grown) __attribute__((noreturn));

/* Starts once more, without faults, and compares the totals on the disk with the fake kernel. Ends
 * the process. */
void scenario_verify(const char *directory, struct report *report) __attribute__((noreturn));

#endif
