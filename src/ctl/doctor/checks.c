// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/checks.h"

#include "ctl/doctor/forwarding.h"
#include "ctl/doctor/host.h"
#include "ctl/doctor/kernel.h"
#include "ctl/doctor/meter.h"
#include "ctl/doctor/ports.h"
#include "ctl/doctor/proxy.h"
#include "ctl/doctor/reach.h"

/* docs/man/v2meterctl.1 lists them in the same order; unit_ctl_doctor_checks compares. */
const struct v2m_check v2m_checks[] = {
	{ "kernel", v2m_check_kernel },
	{ "btf", v2m_check_btf },
	{ "bpffs", v2m_check_bpffs },
	{ "process", v2m_check_process },
	{ "capabilities", v2m_check_capabilities },
	{ "configuration", v2m_check_configuration },
	{ "server", v2m_check_server },
	{ "health", v2m_check_health },
	{ "accounting", v2m_check_accounting },
	{ "devices", v2m_check_devices },
	{ "foreign_filters", v2m_check_foreign_filters },
	{ "queues", v2m_check_queues },
	{ "key_sources", v2m_check_key_sources },
	{ "ephemeral_ports", v2m_check_ephemeral_ports },
	{ "nat", v2m_check_nat },
	{ "forwarding", v2m_check_forwarding },
	{ "shared_ports", v2m_check_shared_ports },
	{ "proxy_routing", v2m_check_proxy_routing },
	{ "ledger", v2m_check_ledger },
	{ "clock", v2m_check_clock },
	{ "time_zone", v2m_check_time_zone },
	{ "listener", v2m_check_listener },
	{ "api_key", v2m_check_api_key },
	{ "self_test", v2m_check_self_test },
};
const size_t v2m_n_checks = V2M_ARRAY_LEN(v2m_checks);
