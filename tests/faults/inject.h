/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Makes the n-th call of a kind fail, once. The linker leads the calls of the daemon's libraries to
 * the wrappers of inject.c; the allocations of jansson and SQLite, and the system calls of SQLite,
 * go through hooks of these libraries.
 */
#ifndef V2METER_TESTS_FAULTS_INJECT_H
#define V2METER_TESTS_FAULTS_INJECT_H

#include <stdbool.h>

enum fault_kind {
	FAULT_MEMORY,  /* an allocation */
	FAULT_CALL,    /* a system call, or a call of the kernel programs */
	FAULT_SQLITE,  /* a call of SQLite fails as after an I/O error */
	FAULT_CORRUPT, /* a call of SQLite finds the file damaged */
	FAULT_DISK,    /* a system call that SQLite makes */
	FAULT_INSIDE,  /* an allocation of SQLite */
	N_FAULT_KINDS,
};

extern const char *const fault_kind_names[N_FAULT_KINDS];

/* Before anything is allocated. */
void faults_install(void);
/* From now on calls are counted, and the at-th one of this kind fails. at 0: none. */
void faults_arm(enum fault_kind kind, unsigned long at);
/* Calls are not counted any more, and none fails. */
void faults_disarm(void);
/* While it is paused, calls are not counted either: for the files that the harness itself writes.
 */
void faults_pause(bool paused);
/* The same calls are counted from 1 again: for a process that has just been forked. */
void faults_restart(void);
/* Calls of the kind since faults_arm(). */
unsigned long faults_seen(enum fault_kind kind);
/* The function whose call failed. NULL: none has. */
const char *faults_fired(void);
/* Counts a call of that name. True: it has to fail. */
bool fault_strikes(enum fault_kind kind, const char *name);

#endif
