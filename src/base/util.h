/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ownership and errors, the same way everywhere. */
#ifndef V2METER_BASE_UTIL_H
#define V2METER_BASE_UTIL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define V2M_CLEANUP(function)           __attribute__((cleanup(function)))
#define V2M_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#define V2M_ARRAY_LEN(array)            (sizeof(array) / sizeof((array)[0]))

/* The value of a macro as a string literal. */
#define V2M_STRINGIFY(macro)  V2M_STRINGIFY_(macro)
#define V2M_STRINGIFY_(value) #value

/* Hands a pointer over: the variable is NULL afterwards. */
#define V2M_TAKE(pointer)                                                                          \
	({                                                                                         \
		__typeof__(pointer) taken_ = (pointer);                                            \
		(pointer) = NULL;                                                                  \
		taken_;                                                                            \
	})

/* Hands a file descriptor over: the variable is -1 afterwards. */
#define V2M_TAKE_FD(fd)                                                                            \
	({                                                                                         \
		int taken_ = (fd);                                                                 \
		(fd) = -1;                                                                         \
		taken_;                                                                            \
	})

/* For V2M_CLEANUP: free(3), close(2) if >= 0, fclose(3) if not NULL. */
void v2m_freep(void *pointer_to_pointer);
void v2m_closep(int *fd);
void v2m_fclosep(void *pointer_to_file);
#define V2M_FREE   V2M_CLEANUP(v2m_freep)
#define V2M_CLOSE  V2M_CLEANUP(v2m_closep)
#define V2M_FCLOSE V2M_CLEANUP(v2m_fclosep)

/* One sentence for a person: what is wrong, where, and what was expected. */
struct v2m_error {
	char text[512];
};

/* Writes the sentence and returns code, so that `return v2m_error_set(err, -EINVAL, ...)` reads
 * well. */
int v2m_error_set(struct v2m_error *error, int code, const char *format, ...) V2M_PRINTF(3, 4);

/* Clocks. Only the collector and main read them; everything else gets time as a parameter. */
uint64_t v2m_clock_mono_ns(void);
int64_t v2m_clock_real_us(void);

/* Reads a whole file, at most max bytes, and ends it with a 0 that is not counted.
 * 0, -errno, or -EFBIG where it is larger. *text is the caller's to free. */
int v2m_read_file(const char *path, size_t max, char **text, size_t *length);
/* Writes a file so that it is either the old or the new one, whole, also after a power cut:
 * temporary file, fsync, rename, fsync of the directory. 0 or -errno. */
int v2m_write_file(const char *path, const char *text, size_t length, unsigned mode);

#endif
