/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * "apikey": makes, lists and revokes named API keys. It works on the daemon's state directory, not
 * by the API: whoever may write there is root anyway, and nobody can make keys over the network.
 */
#ifndef V2METER_CTL_APIKEY_H
#define V2METER_CTL_APIKEY_H

#include "ctl/ctl.h"

/* action: "add", with ctl->more = { name, scopes }; "list"; or "revoke", with { name }. */
enum v2m_outcome v2m_ctl_apikey(const struct v2m_ctl *ctl, const char *action);

#endif
