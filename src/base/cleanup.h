/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ownership: at the end of its block a variable frees what it still holds. */
#ifndef V2METER_BASE_CLEANUP_H
#define V2METER_BASE_CLEANUP_H

/* The function is called with a pointer to the variable when its block ends. */
#define V2M_CLEANUP(function) __attribute__((cleanup(function)))

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

/* free(3), close(2) if the descriptor is >= 0, fclose(3) if the file is not NULL. */
void v2m_freep(void *pointer_to_pointer);
void v2m_closep(int *fd);
void v2m_fclosep(void *pointer_to_file);
#define V2M_FREE   V2M_CLEANUP(v2m_freep)
#define V2M_CLOSE  V2M_CLEANUP(v2m_closep)
#define V2M_FCLOSE V2M_CLEANUP(v2m_fclosep)

#endif
