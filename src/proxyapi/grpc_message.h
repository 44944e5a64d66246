/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_PROXYAPI_GRPC_MESSAGE_H
#define V2METER_PROXYAPI_GRPC_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

/* An encoded protobuf message. */
struct v2m_grpc_message {
	uint8_t *data; /* malloc'd; NULL if there is none */
	size_t length;
};

void v2m_grpc_message_clear(struct v2m_grpc_message *message);

#endif
