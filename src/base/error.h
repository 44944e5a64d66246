/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Errors, the same way everywhere. A function that fails returns -errno. If it has an error
 * parameter, it also sets a sentence for a person and the class of the failure. A caller that
 * treats failures differently looks at the class, never at a list of errno values of its own.
 */
#ifndef V2METER_BASE_ERROR_H
#define V2METER_BASE_ERROR_H

#include "base/macros.h"

/* Classes of failures. A caller decides by the class what to do. */
enum v2m_failure {
	V2M_FAILURE_OTHER,         /* nothing that a caller could do differently */
	V2M_FAILURE_CONFIGURATION, /* a person has to correct what they wrote */
	V2M_FAILURE_MISSING,       /* the file, device or object is not there */
	V2M_FAILURE_BUSY,          /* somebody else holds it */
	V2M_FAILURE_PASSING,       /* the same call may succeed in a moment: memory, descriptors,
				      interrupted */
	V2M_FAILURE_FORBIDDEN,     /* a permission or capability is missing */
	V2M_FAILURE_NOT_SUPPORTED, /* this kernel or build cannot do it */
	V2M_FAILURE_DISK,          /* the disk is full or read-only */
	V2M_FAILURE_DAMAGED,       /* what was stored cannot be read any more */
};

/* Starts as zeros. */
struct v2m_error {
	char text[512]; /* what is wrong, where, and what was expected */
	enum v2m_failure failure;
};

/* Writes the sentence, sets the class that the code usually has, and returns the code, so that
 * `return v2m_error_set(error, -EINVAL, ...)` reads well. error may be NULL. */
int v2m_error_set(struct v2m_error *error, int code, const char *format, ...) V2M_PRINTF(3, 4);

/* The same with another class than the code usually has, as for an EINVAL with which the kernel
 * answers what it does not know. */
int v2m_error_set_class(struct v2m_error *error, enum v2m_failure failure, int code,
			const char *format, ...) V2M_PRINTF(4, 5);

/* The class that -errno usually has. 0 has none: V2M_FAILURE_OTHER. */
enum v2m_failure v2m_failure_of(int code);

#endif
