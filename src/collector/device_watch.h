/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The devices that are counted on: chooses them, attaches the kernel programs to them, and repairs
 * what somebody has removed. datapath is a parameter, since the programs come and go: NULL means
 * that there are none now.
 */
#ifndef V2METER_COLLECTOR_DEVICE_WATCH_H
#define V2METER_COLLECTOR_DEVICE_WATCH_H

#include "base/sample.h"
#include "collector/health.h"
#include "config/config.h"
#include "devices/links.h"
#include "devices/outrun_account.h"
#include "devices/queue_account.h"

struct v2m_datapath;
struct v2m_socket_netns;
struct v2m_sample;
struct v2m_device_watch;

/* A device that is counted on, and the state of our programs there. */
struct v2m_watched_device {
	struct v2m_chosen_device chosen;
	uint64_t checked_ns; /* CLOCK_MONOTONIC when the programs were last seen in place; 0: never
			      */
	bool failed;         /* the last attempt to attach failed; logged */
	bool refused;        /* it failed for a reason that will not pass */
	unsigned repairs;    /* how often somebody had removed our programs */
	int64_t repaired_us; /* CLOCK_REALTIME of the last repair, Unix microseconds; 0: none */
	uint64_t gap_ns;     /* at most this long the programs were away before it */
	struct v2m_queue_account queue;
	struct v2m_outrun_account outrun;
	/* The share of packets with too many headers is judged in periods. */
	uint64_t period_ns; /* CLOCK_MONOTONIC when this one began; 0: not yet */
	uint64_t period_seen;
	uint64_t period_too_deep;
	bool was_too_deep; /* the period before was above the limit */
};

/* The configuration and the conditions must outlive the watch. 0 or -errno. */
int v2m_device_watch_open(const struct v2m_config *config, struct v2m_conditions *conditions,
			  struct v2m_device_watch **watch, struct v2m_error *error);
/* The programs stay attached. Does nothing on NULL. */
void v2m_device_watch_close(struct v2m_device_watch *watch);

/* Readable when v2m_device_watch_drain() has something to do. */
int v2m_device_watch_fd(const struct v2m_device_watch *watch);
/* Takes in what the kernel reports. True: v2m_device_watch_update() is needed. */
bool v2m_device_watch_drain(struct v2m_device_watch *watch);

/* Chooses the devices again, reads their counters, attaches the programs to the chosen ones and
 * takes them off all others. loopback: the loopback device is one of them. netns: where the ports
 * are served; its addresses count as this host's where the host forwards. Failures are logged. */
void v2m_device_watch_update(struct v2m_device_watch *watch, struct v2m_datapath *datapath,
			     const struct v2m_socket_netns *netns, bool loopback);
/* Puts back what somebody has taken off the chosen devices. Failures are logged. Then, for a day,
 * the condition programs_removed is set. */
void v2m_device_watch_check(struct v2m_device_watch *watch, struct v2m_datapath *datapath);
/* Reads the devices' own counters. Failures are logged. */
void v2m_device_watch_read_counters(struct v2m_device_watch *watch);

/* Asks how fragments are counted. Sets or clears the condition fragments_inexact. Failures are
 * logged. */
void v2m_device_watch_check_fragments(struct v2m_device_watch *watch,
				      const struct v2m_datapath *datapath);
/* Reads the queues of the devices right after the sample was taken, to find what they drop of what
 * the programs counted. Sets or clears the condition queue_drops. Failures are logged once. */
void v2m_device_watch_read_queues(struct v2m_device_watch *watch, const struct v2m_sample *sample);

/* Sets and clears V2M_HEADERS_TOO_DEEP: too many bytes have more headers than the programs walk. */
void v2m_device_watch_judge(struct v2m_device_watch *watch, const struct v2m_sample *sample);

/* Whether there are devices, and all of them refuse the programs. */
bool v2m_device_watch_all_refused(const struct v2m_device_watch *watch);
/* Whether there are devices, and none of them has the programs, for whatever reason. */
bool v2m_device_watch_all_failed(const struct v2m_device_watch *watch);
/* Why the programs could not be attached, the last time that this failed. */
const char *v2m_device_watch_failure(const struct v2m_device_watch *watch);

/* NULL: the device is not watched. Until the next update. */
struct v2m_watched_device *v2m_device_watch_find(struct v2m_device_watch *watch, uint32_t ifindex);
/* The devices, ascending by ifindex; until the next update. */
const struct v2m_watched_device *v2m_device_watch_devices(const struct v2m_device_watch *watch,
							  size_t *count);

#endif
