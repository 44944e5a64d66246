// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proxyapi/grpc_message.h"

#include <stdlib.h>

void v2m_grpc_message_clear(struct v2m_grpc_message *message)
{
	free(message->data);
	*message = (struct v2m_grpc_message){ 0 };
}
