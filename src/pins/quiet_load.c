// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pins/quiet_load.h"

#include "base/log.h"

V2M_PRINTF(2, 0)
static int log_for_debugging(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	v2m_logv(V2M_LOG_DEBUG, format, arguments);
	return 0;
}

libbpf_print_fn_t v2m_libbpf_begin_quiet(void)
{
	return libbpf_set_print(log_for_debugging);
}
