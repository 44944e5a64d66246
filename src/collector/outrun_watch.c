// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/outrun_watch.h"

#include "base/log.h"
#include "datapath/attach.h"

/* Reading the counters of a device takes some 15 us. */
#define INTERVAL_NS (UINT64_C(2) * 1000000000)

static bool is_due(struct v2m_device_watch *watch, const struct v2m_sample *sample)
{
	for (size_t i = 0; i < sample->n_devices; i++) {
		const struct v2m_watched_device *watched =
			v2m_device_watch_find(watch, sample->devices[i].ifindex);

		if (watched && (!watched->outrun.known ||
				sample->mono_ns - watched->outrun.at_ns >= INTERVAL_NS))
			return true;
	}
	return false;
}

/* Whether the device is outrun. *behind: a program of somebody else runs before ours. */
static bool judge(struct v2m_watched_device *watched, struct v2m_datapath *datapath,
		  const struct v2m_device_sample *counted, uint64_t now_ns, bool *behind)
{
	const struct v2m_outrun_reading reading = {
		.carried = { watched->chosen.rx_bytes, watched->chosen.tx_bytes },
		.seen = { counted->ingress.seen.wire_bytes, counted->egress.seen.wire_bytes },
	};

	*behind = false;
	v2m_datapath_kind(datapath, counted->ifindex, behind);
	/* Without our programs there, another condition says so. */
	if (watched->failed)
		watched->outrun = (struct v2m_outrun_account){ 0 };
	else
		v2m_outrun_account_add(&watched->outrun, &reading, *behind, now_ns);
	return watched->outrun.outrun;
}

static void report(struct v2m_conditions *conditions, const struct v2m_watched_device *outrun,
		   bool behind)
{
	struct v2m_error sentence;

	if (!outrun) {
		if (v2m_conditions_clear(conditions, V2M_OUTRUN))
			v2m_log_info("the traffic of the devices reaches our programs again");
		return;
	}
	v2m_error_set(
		&sentence, 0,
		"%s: %.0f %% of the bytes that it %s in the last minute did not reach our programs "
		"and are not counted: %s",
		outrun->chosen.device.name, outrun->outrun.share * 100,
		outrun->outrun.direction ? "sent" : "received",
		behind ? "a program of somebody else runs before ours and keeps them"
		       : "an XDP program or an offload takes them before tc does");
	if (v2m_conditions_set(conditions, V2M_OUTRUN, sentence.text))
		v2m_log_error("%s", sentence.text);
}

void v2m_outrun_watch_take(struct v2m_device_watch *watch, struct v2m_conditions *conditions,
			   struct v2m_datapath *datapath, const struct v2m_sample *sample)
{
	const struct v2m_watched_device *outrun = NULL;
	bool is_behind = false;

	if (!datapath) {
		v2m_conditions_clear(conditions, V2M_OUTRUN);
		return;
	}
	if (!is_due(watch, sample))
		return;
	v2m_device_watch_read_counters(watch);
	for (size_t i = 0; i < sample->n_devices; i++) {
		const struct v2m_device_sample *counted = &sample->devices[i];
		struct v2m_watched_device *watched = v2m_device_watch_find(watch, counted->ifindex);
		bool behind;

		if (!watched || !judge(watched, datapath, counted, sample->mono_ns, &behind))
			continue;
		outrun = watched;
		is_behind = behind;
	}
	report(conditions, outrun, is_behind);
}
