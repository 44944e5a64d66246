// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/attribution_view.h"

const char *v2m_attribution_method_word(enum v2m_attribution_method method)
{
	static const char *const words[V2M_N_ATTRIBUTION_METHODS] = {
		[V2M_NOT_ATTRIBUTED] = "none",
		[V2M_BY_ACCESS_LOG] = "access_log",
	};

	return words[method];
}

const char *v2m_attribution_gap_text(enum v2m_attribution_gap gap)
{
	static const char *const texts[V2M_N_ATTRIBUTION_GAPS] = {
		[V2M_GAP_BEGAN] = "bytes were counted before the access log was followed",
		[V2M_GAP_NO_LOG] = "the access log was missing or could not be read",
		[V2M_GAP_LOG_CUT] =
			"the access log was cut, and lines that were not read yet may be lost",
		[V2M_GAP_MASKED] = "the proxy masks addresses in its access log (log.maskAddress)",
		[V2M_GAP_DISPUTED] = "the access log names several users for one connection",
		[V2M_GAP_FULL] = "there are more connections than can be attributed",
	};

	return texts[gap];
}
