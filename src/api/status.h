/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The operator's view of the meter itself: the devices that it counts on, the class of every byte,
 * the key sources, and what is wrong. Served as GET /api/meter/status.
 */
#ifndef V2METER_API_STATUS_H
#define V2METER_API_STATUS_H

#include "api/window.h"
#include "base/error.h"
#include "base/port_rule.h"
#include "budget/budget.h"
#include "keys/source_report.h"

/* A device that we count on, with the class of each of its bytes. In each direction, what the
 * programs saw is the sum of what they counted for keys (on the loopback device: for inbounds
 * behind a local proxy), what they could not attribute, and everything else. On a proxy server,
 * everything else is mostly the proxy's own traffic to the internet. */
struct v2m_status_device {
	uint32_t ifindex;
	char name[V2M_DEVICE_NAME_LEN];
	char reason[128]; /* why it was chosen */
	char attach[8];   /* "tcx", "clsact", or "none" if the programs are not attached */
	bool outrun;      /* somebody else's program runs before ours */
	bool loopback;
	bool host_only;
	struct v2m_device_flow ingress;
	struct v2m_device_flow egress;
	uint64_t link_rx_bytes; /* the device's own counters */
	uint64_t link_tx_bytes;
	unsigned repairs;    /* how often somebody removed our programs since the start */
	int64_t repaired_us; /* Unix microseconds of the last time, 0: never */
	uint64_t gap_ns;     /* how long the programs were away that time, at most */
	/* Behind the programs; since the daemon's start, or since the queue was made anew. */
	char queue[16]; /* kind of the root qdisc, "noqueue" if packets are not queued; "": unknown
			 */
	struct v2m_tally queue_sent;
	struct v2m_tally queue_dropped;
	uint64_t queue_requeues;
};

/* A key whose payload bytes a proxy counts as well, since since_us. */
struct v2m_status_drift {
	char *id;
	char *name;
	int64_t since_us;
	int64_t drifts_since_us; /* 0: both agree, as far as they can */
	uint64_t proxy_rx_bytes;
	uint64_t proxy_tx_bytes;
	uint64_t rx_bytes; /* as counted by us */
	uint64_t tx_bytes;
	bool resets; /* the proxy's counters are set to zero again and again: its bytes are the
			least that it has counted */
};

/* At most so many are listed: those that are furthest apart. */
#define V2M_STATUS_DRIFT_MAX 100

/* Room for the stable word that says what is wrong. */
#define V2M_REASON_SIZE 32

/* Something that is wrong. */
struct v2m_status_reason {
	char word[V2M_REASON_SIZE]; /* stable */
	struct v2m_error sentence;
};

/* Bytes of a port or range that belong to nobody, because the ledger was lost. */
struct v2m_status_aside {
	uint16_t port;
	uint16_t last_port;
	int64_t found_us;
	uint64_t rx_bytes; /* wire bytes */
	uint64_t tx_bytes;
};

struct v2m_status {
	int64_t real_us;    /* of this status */
	int64_t started_us; /* of the daemon */
	enum v2m_mode mode;
	char *mode_reason;                   /* NULL in V2M_MODE_EBPF */
	char health_reason[V2M_REASON_SIZE]; /* "": healthy */
	char *health_detail;                 /* a sentence that explains health_reason, or NULL */
	struct v2m_status_reason *reasons;   /* everything that is wrong, worst first */
	size_t n_reasons;
	/* CLOCK_REALTIME when the kernel's counters began, 0: unknown */
	uint64_t counters_since_ns;
	size_t keys;
	size_t active_keys;
	size_t ports;
	size_t connections; /* in the last dump */
	struct v2m_status_device *devices;
	size_t n_devices;
	/* How fragments that arrive are counted; only in V2M_MODE_EBPF. */
	bool fragments_observed;    /* for the port of the datagram that the kernel delivers */
	uint64_t fragments_guessed; /* counted for the port of the first fragment seen */
	uint64_t fragments_lost;    /* of delivered datagrams, and counted for no port */
	/* Room for the users of shared ports. All 0: no such port has figures of its users. */
	struct {
		size_t flows; /* open connections that have a place, at the last look */
		size_t flows_max;
		size_t users; /* one with TCP and UDP is two */
		size_t users_max;
	} shared;
	struct v2m_status_aside *asides;
	size_t n_asides;
	struct v2m_port_alias *aliases; /* ports under which ports of keys are published */
	size_t n_aliases;
	struct v2m_status_drift *drift;
	size_t n_drift;
	size_t compared_keys; /* how many a proxy counts as well */
	size_t reset_keys;    /* how many of them have counters that are set to zero all the time */
	struct v2m_source_report sources;
	struct v2m_budget_view budget;
	/* The API key of the client who asks; NULL: not told. Both belong to the caller. */
	const char *presented_key;
	const char *presented_scopes; /* such as "read,reset" */
	char *unprotected; /* what the answering process is not protected by; NULL or "": nothing */
};

void v2m_status_free(struct v2m_status *status);

/* Renders it as JSON with status 200. 0 or -ENOMEM. */
int v2m_status_render(const struct v2m_status *status, struct v2m_body *body);

#endif
