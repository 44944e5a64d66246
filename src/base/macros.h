/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_BASE_MACROS_H
#define V2METER_BASE_MACROS_H

/* The compiler checks the arguments against the format, as for printf(3). */
#define V2M_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))

/* The number of items of an array whose size is known when it is compiled. */
#define V2M_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The value of a macro as a string literal. */
#define V2M_STRINGIFY(macro)  V2M_STRINGIFY_(macro)
#define V2M_STRINGIFY_(value) #value

#endif
