/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The setting port_aliases: {"443": 10001, "20000-20100/udp": 10443}. */
#ifndef V2METER_CONFIG_ALIAS_TERMS_H
#define V2METER_CONFIG_ALIAS_TERMS_H

#include "base/port_rule.h"
#include "config/setting.h"

struct v2m_alias_terms {
	bool set; /* also by an empty object */
	struct v2m_port_aliases list;
};

extern const struct v2m_setting_type v2m_setting_aliases;

#endif
