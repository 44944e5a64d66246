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

#include <stddef.h>
#include <stdint.h>

/* What protects the rest of the machine from the process: bits. */
enum v2m_protection {
	V2M_PROTECT_USER = 1,         /* a user who owns nothing */
	V2M_PROTECT_CAPABILITIES = 2, /* none of them */
	V2M_PROTECT_PRIVILEGES = 4,   /* no_new_privs */
	V2M_PROTECT_FILES = 8,        /* no file can be opened: an empty root or Landlock */
	V2M_PROTECT_CALLS = 16,       /* a list of allowed system calls */
};
#define V2M_PROTECT_ALL 31

struct v2m_confine_options {
	const char *empty_in; /* a directory in which an empty one can be made for a moment */
	uint64_t max_data;    /* bytes of memory; 0: no limit */
	uint64_t max_file;    /* bytes of a file that it makes */
	unsigned max_opened;  /* open descriptors */
};

/* Everything except the system calls, before the process has a second thread. Returns the
 * enum v2m_protection bits that are missing. */
unsigned v2m_confine(const struct v2m_confine_options *options);

/* Allows all threads of the process only these system calls from now on, by number; any other one
 * fails with EPERM. A new mapping can never be executed, and a new thread is all that clone() may
 * make. Returns V2M_PROTECT_CALLS if this is not possible, else 0. */
unsigned v2m_confine_calls(const int *calls, size_t count);

/* Writes the names of the protections, as "user, files", for the log. */
void v2m_confine_names(unsigned protections, char *text, size_t size);

#endif
