/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The daemon of a run, and the client that asks it: they are one process. For scenario.c and
 * client.c. */
#ifndef V2METER_TESTS_FAULTS_WORLD_H
#define V2METER_TESTS_FAULTS_WORLD_H

#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "collector/collector.h"
#include "config/config.h"
#include "faults/scenario.h"
#include "keys/keys.h"

#define API_KEY "an-api-key-of-32-characters-0000"

struct faults_world {
	const char *directory;
	struct report *report;
	sd_event *event;
	struct v2m_collector *collector;
	struct v2m_config config;
	struct v2m_keyset *keyset; /* as the answering process knows it */
	int ends[2];               /* the collector's and ours */
	uint64_t last_id;
	bool reloaded;
	bool gone; /* the collector has given up the channel */
};

extern struct faults_world faults_world;

/* The keys, and the ports that each had at some time. */
#define N_OWNERS 3
struct owner {
	const char *uuid;
	uint16_t ports[2];
};
extern const struct owner owners[N_OWNERS];
/* Bytes that have arrived at the ports of a key. */
uint64_t arrived_for(const char *uuid);

/* Notes what must not happen, the first of it. */
void blame(const char *format, ...) V2M_PRINTF(1, 2);

/* Each asks one question. No answer, and one that refuses, are allowed. */
void client_ask_window(void);
void client_ask_reset(void);
/* True if the status could be read. */
bool client_ask_status(char *reason, size_t size);

#endif
