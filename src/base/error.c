// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum v2m_failure v2m_failure_of(int code)
{
	switch (-code) {
	case EINVAL:
	case ENAMETOOLONG:
	case EFBIG:
	case E2BIG:
		return V2M_FAILURE_CONFIGURATION;
	case ENOENT:
	case ENOTDIR:
	case ENODEV:
	case ENXIO:
	case ESRCH:
		return V2M_FAILURE_MISSING;
	case EBUSY:
	case EADDRINUSE:
	case EEXIST:
		return V2M_FAILURE_BUSY;
	case EAGAIN:
	case EINTR:
	case ENOMEM:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ETIMEDOUT:
		return V2M_FAILURE_PASSING;
	case EPERM:
	case EACCES:
		return V2M_FAILURE_FORBIDDEN;
	case ENOSYS:
	case EOPNOTSUPP:
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
		return V2M_FAILURE_NOT_SUPPORTED;
	case ENOSPC:
	case EDQUOT:
	case EROFS:
		return V2M_FAILURE_DISK;
	case EUCLEAN:
		return V2M_FAILURE_DAMAGED;
	default:
		return V2M_FAILURE_OTHER;
	}
}

V2M_PRINTF(3, 0)
static void write_error(struct v2m_error *error, enum v2m_failure failure, const char *format,
			va_list arguments)
{
	if (!error)
		return;
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	error->failure = failure;
}

int v2m_error_set(struct v2m_error *error, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_error(error, v2m_failure_of(code), format, arguments);
	va_end(arguments);
	return code;
}

int v2m_error_set_class(struct v2m_error *error, enum v2m_failure failure, int code,
			const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_error(error, failure, format, arguments);
	va_end(arguments);
	return code;
}
