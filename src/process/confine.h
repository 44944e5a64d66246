/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Gives up everything that a child process does not need. A parser or server that somebody has
 * taken over then holds nothing but its memory and its open descriptors.
 *
 * Nothing here makes the caller fail. What this kernel or this user cannot do is told, and the
 * process goes on with less protection.
 */
#ifndef V2METER_PROCESS_CONFINE_H
#define V2METER_PROCESS_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits for the ways in which the rest of the machine is protected from the process. */
enum v2m_protection {
	V2M_PROTECT_USER = 1,         /* a user who owns nothing */
	V2M_PROTECT_CAPABILITIES = 2, /* none of them, or the one that reading files needs */
	V2M_PROTECT_PRIVILEGES = 4,   /* no_new_privs */
	V2M_PROTECT_FILES = 8,        /* no file can be opened, or none can be changed: an empty
					 root or Landlock */
	V2M_PROTECT_CALLS = 16,       /* a list of allowed system calls */
};
#define V2M_PROTECT_ALL 31

struct v2m_confine_options {
	const char *user; /* if there is no such user, it is nobody */
	/* The process goes on reading files, all of them if it may do so now: it keeps
	 * CAP_DAC_READ_SEARCH. Without that capability it keeps its user as well, whose files are
	 * all that it can read. */
	bool reads_files;
	const char *empty_in; /* a directory in which an empty one can be made for a moment, as the
				 root of the process; NULL: it keeps its root */
	unsigned max_cpu_s;   /* seconds of computing; 0: no limit */
	uint64_t max_data;    /* bytes of memory; 0: no limit */
	uint64_t max_file;    /* bytes of a file that it makes */
	unsigned max_opened;  /* open descriptors */
};

/* The memory of this process holds credentials. It ends in no core dump, and nobody without
 * CAP_SYS_PTRACE can look at it. */
void v2m_confine_memory(void);

/* Everything except the system calls, before the process has a second thread. Returns the
 * enum v2m_protection bits that are missing. */
unsigned v2m_confine(const struct v2m_confine_options *options);

/* Allows all threads of the process only these system calls from now on, by number; any other one
 * fails with EPERM. A new mapping can never be executed, and a new thread is all that clone() may
 * make. reads_files: files can be opened too, for reading. Returns V2M_PROTECT_CALLS if this is not
 * possible, else 0. */
unsigned v2m_confine_calls(const int *calls, size_t count, bool reads_files);

/* Writes the names of the protections, as "user, files", for the log. */
void v2m_confine_names(unsigned protections, char *text, size_t size);

#endif
