/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parts of the collector, for what needs several of them. No part knows another one, except by
 * a parameter of its functions. The collector makes the parts and fills this in once.
 */
#ifndef V2METER_COLLECTOR_PARTS_H
#define V2METER_COLLECTOR_PARTS_H

#include <stdint.h>

#include "sockets/look_pace.h"

struct v2m_parts {
	const struct v2m_config *config;
	int64_t started_us; /* Unix microseconds */
	struct v2m_pulse *pulse;
	struct v2m_conditions *conditions;
	struct v2m_requests *requests;
	struct v2m_publisher *publisher;
	struct v2m_bookkeeper *bookkeeper;
	struct v2m_socket_netns *netns;
	struct v2m_device_watch *devices;
	struct v2m_byte_source *byte_source;
	struct v2m_connections *connections;
	struct v2m_unasked_looks looks; /* kept by those that look, and by those that need it */
	struct v2m_key_supply *keys;
	struct v2m_attribution *attribution;
	struct v2m_drift *drift;
};

#endif
