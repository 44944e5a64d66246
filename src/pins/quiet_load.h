/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_PINS_QUIET_LOAD_H
#define V2METER_PINS_QUIET_LOAD_H

#include <bpf/libbpf.h>

/* For an attempt that some kernels refuse: libbpf's words would only alarm, so they are logged for
 * debugging alone. Returns what to give to libbpf_set_print() afterwards. */
libbpf_print_fn_t v2m_libbpf_begin_quiet(void);

#endif
