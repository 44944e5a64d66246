// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/attribution.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rates/rates.h"
#include "attribution/attributor.h"
#include "attribution/connection_owners.h"
#include "attribution/flow_sweep.h"
#include "attribution/log_follower.h"
#include "attribution/memory.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "datapath/flows.h"
#include "datapath/grace.h"
#include "datapath/owners.h"

/* What a tick reads of a log at most; at the first start, what it reads of the log's end. */
#define READ_MAX (8u << 20)
#define TAIL_MAX (UINT64_C(16) << 20)

struct followed_log {
	const char *path; /* the configuration's */
	struct v2m_log_follower *follower;
	bool is_missing; /* and that was logged */
};

struct v2m_attribution {
	char path[PATH_MAX]; /* of the memory */
	struct v2m_attributor *attributor;
	struct followed_log logs[V2M_MAX_ACCESS_LOGS];
	size_t n_logs;
	struct v2m_attribution_memory memory;
	bool changed; /* the memory differs from its file */
	bool save_failed;
	bool is_active;                       /* the kernel has owners to label */
	bool run_failed;                      /* and that was logged */
	V2M_ARRAY(struct v2m_label) labelled; /* in the last round */
	struct v2m_flow_sweep *sweep;
};

/* --- the memory --- */

static struct v2m_remembered_log *find_remembered(struct v2m_attribution_memory *memory,
						  const char *path)
{
	for (size_t i = 0; i < memory->n_logs; i++)
		if (strcmp(memory->logs[i].path, path) == 0)
			return &memory->logs[i];
	return NULL;
}

/* Logs that are not in the configuration any more are forgotten. 0 or -ENOMEM. */
static int note_positions(struct v2m_attribution *attribution)
{
	struct v2m_attribution_memory next = { 0 };

	memcpy(next.gap_us, attribution->memory.gap_us, sizeof(next.gap_us));
	for (size_t i = 0; i < attribution->n_logs; i++) {
		struct v2m_remembered_log *log = &next.logs[i];

		log->path = strdup(attribution->logs[i].path);
		if (!log->path) {
			v2m_attribution_memory_clear(&next);
			return -ENOMEM;
		}
		next.n_logs++;
		v2m_log_follower_position(attribution->logs[i].follower, &log->position);
	}
	v2m_attribution_memory_clear(&attribution->memory);
	attribution->memory = next;
	return 0;
}

static void save(struct v2m_attribution *attribution)
{
	int result;

	if (!attribution->changed)
		return;
	result = note_positions(attribution);
	if (!result)
		result = v2m_attribution_memory_save(attribution->path, &attribution->memory);
	if (result && !attribution->save_failed)
		v2m_log_error("%s cannot be written: %s; after a restart lines of the access log "
			      "are read twice or not at all",
			      attribution->path, strerror(-result));
	attribution->save_failed = result != 0;
	attribution->changed = result != 0;
}

static void note_gaps(struct v2m_attribution *attribution)
{
	unsigned gaps = v2m_attributor_take_gaps(attribution->attributor);

	for (int gap = 0; gap < V2M_N_ATTRIBUTION_GAPS; gap++) {
		if (!(gaps & 1u << gap))
			continue;
		attribution->memory.gap_us[gap] = v2m_clock_real_us();
		attribution->changed = true;
	}
}

/* --- opening --- */

static int add_log(struct v2m_attribution *attribution, const char *path)
{
	struct v2m_remembered_log *known = find_remembered(&attribution->memory, path);
	struct followed_log *log = &attribution->logs[attribution->n_logs];

	log->path = path;
	log->follower = v2m_log_follower_new(path, known ? &known->position : NULL, TAIL_MAX);
	if (!log->follower)
		return -ENOMEM;
	attribution->n_logs++;
	return 0;
}

/* Without a log the memory is removed: if a log is configured again, bytes of the time between are
 * unattributed. */
static int open_logs(struct v2m_attribution *attribution, const struct v2m_config *config)
{
	struct v2m_error error = { 0 };
	int result;

	if (!config->access_logs.count) {
		unlink(attribution->path);
		return 0;
	}
	result = v2m_attribution_memory_load(attribution->path, &attribution->memory, &error);

	if (result && result != -ENOENT) {
		v2m_log_warning("%s; the access logs are read from their ends", error.text);
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_LOG_CUT);
	}
	result = 0;
	if (config->access_logs.count > V2M_MAX_ACCESS_LOGS)
		v2m_log_warning("only the first %d access_logs are followed", V2M_MAX_ACCESS_LOGS);
	for (size_t i = 0; i < config->access_logs.count && i < V2M_MAX_ACCESS_LOGS && !result; i++)
		result = add_log(attribution, config->access_logs.items[i]);
	return result;
}

struct v2m_attribution *v2m_attribution_new(const struct v2m_config *config)
{
	struct v2m_attribution *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->attributor = v2m_attributor_new();
	made->sweep = v2m_flow_sweep_new();
	if (!made->attributor || !made->sweep ||
	    (size_t)snprintf(made->path, sizeof(made->path), "%s/attribution", config->state_dir) >=
		    sizeof(made->path) ||
	    open_logs(made, config)) {
		v2m_attribution_free(made);
		return NULL;
	}
	return made;
}

void v2m_attribution_free(struct v2m_attribution *attribution)
{
	if (!attribution)
		return;
	for (size_t i = 0; i < attribution->n_logs; i++)
		v2m_log_follower_free(attribution->logs[i].follower);
	v2m_attributor_free(attribution->attributor);
	v2m_attribution_memory_clear(&attribution->memory);
	v2m_flow_sweep_free(attribution->sweep);
	v2m_array_clear(&attribution->labelled);
	free(attribution);
}

/* --- the kernel's owners --- */

int v2m_attribution_set_keys(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
			     struct v2m_keyset *keyset, struct v2m_error *error)
{
	const struct v2m_owner_rule *rules;
	uint32_t *owners;
	size_t count;
	bool was_active = attribution->is_active;
	int result;

	attribution->is_active = false;
	if (v2m_attributor_set_keys(attribution->attributor, keyset))
		return v2m_error_set(error, -ENOMEM, "out of memory");
	rules = v2m_attributor_rules(attribution->attributor, &count, &owners);
	if (!datapath)
		return 0;
	if (!attribution->n_logs)
		count = 0;
	result = v2m_owners_set(datapath, rules, count, owners, error);
	if (result)
		return result;
	attribution->is_active = count > 0;
	for (size_t i = 0; i < count; i++)
		if (owners[i] == V2M_NO_OWNER)
			v2m_attributor_note_gap(attribution->attributor, V2M_GAP_FULL);
	if (attribution->is_active && !was_active && !attribution->memory.gap_us[V2M_GAP_BEGAN])
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_BEGAN);
	return 0;
}

/* --- a round --- */

static void note_log_gaps(struct v2m_attribution *attribution, struct followed_log *log, int result,
			  const struct v2m_error *error)
{
	unsigned gaps = v2m_log_follower_take_gaps(log->follower);
	bool is_missing = result < 0 || (gaps & V2M_LOG_MISSING);

	if (is_missing && !log->is_missing)
		v2m_log_warning("the access log %s cannot be read: %s; new connections on shared "
				"ports are not attributed",
				log->path, *error->text ? error->text : "it is not there");
	else if (!is_missing && log->is_missing)
		v2m_log_info("the access log %s can be read again", log->path);
	log->is_missing = is_missing;
	if (is_missing)
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_NO_LOG);
	if (gaps & ~(unsigned)V2M_LOG_MISSING) {
		v2m_log_warning("the access log %s was cut or replaced, or has a line of more than "
				"%d bytes: users of some connections may be unknown",
				log->path, V2M_LOG_LINE_MAX);
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_LOG_CUT);
	}
}

/* Returns whether a log has more. */
static bool read_logs(struct v2m_attribution *attribution)
{
	bool has_more = false;

	for (size_t i = 0; i < attribution->n_logs; i++) {
		struct followed_log *log = &attribution->logs[i];
		struct v2m_error error = { 0 };
		int result =
			v2m_log_follower_read(log->follower, READ_MAX, v2m_attributor_take_line,
					      attribution->attributor, &error);

		note_log_gaps(attribution, log, result, &error);
		has_more |= result > 0;
	}
	return has_more;
}

static int label(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
		 struct v2m_error *error)
{
	V2M_FREE struct v2m_flow_entry *flows = NULL;
	struct v2m_label *labels;
	size_t n_flows = 0;
	int count;
	int result = v2m_flows_read(datapath, true, &flows, &n_flows);

	if (result)
		return v2m_error_set(error, result, "the flows cannot be read: %s",
				     strerror(-result));
	count = v2m_attributor_plan(attribution->attributor, flows, n_flows, &labels);
	if (count < 0)
		return v2m_error_set(error, count, "out of memory");
	result = v2m_flows_label(datapath, labels, (size_t)count, error);
	v2m_attributor_note_results(attribution->attributor, labels, (size_t)count);
	for (int i = 0; i < count && !result; i++)
		result = v2m_array_add(&attribution->labelled, labels[i]);
	attribution->changed = true;
	return result == -ENOMEM ? v2m_error_set(error, result, "out of memory") : result;
}

/* Takes what programs counted for flows while these were labelled. */
static int move_rest(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
		     struct v2m_error *error)
{
	int result = v2m_flows_move(datapath, attribution->labelled.items,
				    attribution->labelled.count, error);

	attribution->labelled.count = 0;
	return result;
}

static int run(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
	       struct v2m_error *error)
{
	int result = move_rest(attribution, datapath, error);

	if (!result && v2m_attributor_waits(attribution->attributor))
		result = label(attribution, datapath, error);
	return result;
}

static void log_failure(struct v2m_attribution *attribution, int result,
			const struct v2m_error *error)
{
	if (result && !attribution->run_failed)
		v2m_log_error("connections on shared ports cannot be attributed: %s", error->text);
	else if (!result && attribution->run_failed)
		v2m_log_info("connections on shared ports are attributed again");
	attribution->run_failed = result != 0;
	if (result)
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_FULL);
}

/* --- what the others call --- */

void v2m_attribution_follow(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
			    const struct v2m_connection_table *table)
{
	struct v2m_error error = { 0 };
	int result;

	if (!attribution->is_active || !datapath)
		return;
	read_logs(attribution);
	result = run(attribution, datapath, &error);
	if (!result) {
		result = v2m_flow_sweep_run(attribution->sweep, datapath, table);
		if (result)
			v2m_error_set(&error, result, "%s", strerror(-result));
	}
	log_failure(attribution, result, &error);
	note_gaps(attribution);
	save(attribution);
}

/* After a grace period no program counts for a flow that was labelled before. */
static int settle(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
		  struct v2m_error *error)
{
	bool has_more;
	int result;

	do {
		has_more = read_logs(attribution);
		result = run(attribution, datapath, error);
	} while (!result && has_more);
	if (!result && v2m_grace_period())
		result = v2m_error_set(error, -EIO, "the programs cannot be waited for");
	if (!result)
		result = move_rest(attribution, datapath, error);
	return result ? result : v2m_flows_leave(datapath, 0, error);
}

void v2m_attribution_settle(struct v2m_attribution *attribution, struct v2m_datapath *datapath)
{
	struct v2m_error error = { 0 };

	if (!attribution->is_active || !datapath)
		return;
	log_failure(attribution, settle(attribution, datapath, &error), &error);
	note_gaps(attribution);
	save(attribution);
}

bool v2m_attribution_covers(const struct v2m_attribution *attribution, const struct v2m_slot *slot)
{
	return attribution->is_active && slot->n_keys > 1 && !slot->behind && !slot->refused;
}

static void fill_slot(const struct v2m_attribution *attribution, struct v2m_slot_view *view)
{
	view->attribution.method = V2M_BY_ACCESS_LOG;
	for (int gap = 0; gap < V2M_N_ATTRIBUTION_GAPS; gap++) {
		if (attribution->memory.gap_us[gap] <= view->attribution.gap_us)
			continue;
		view->attribution.gap_us = attribution->memory.gap_us[gap];
		view->attribution.gap = (enum v2m_attribution_gap)gap;
	}
}

static double rate_of(const struct v2m_attribution *attribution, const struct v2m_slot *slot,
		      const struct v2m_key *key, const struct v2m_rates *rates)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };
	double sum = 0;

	for (size_t i = 0; i < V2M_ARRAY_LEN(protocols); i++) {
		uint32_t owner =
			v2m_attributor_owner(attribution->attributor, slot, key, protocols[i]);

		if (owner != V2M_NO_OWNER)
			sum += v2m_rates_owner(rates, owner);
	}
	return sum;
}

static void fill_shares(const struct v2m_attribution *attribution, const struct v2m_rates *rates,
			struct v2m_snapshot *snapshot)
{
	const struct v2m_keyset *keyset = snapshot->keyset;

	for (size_t i = 0; i < keyset->n_keys; i++)
		for (size_t k = keyset->first_slot[i]; k < keyset->first_slot[i + 1]; k++) {
			struct v2m_share *share = &snapshot->shares[k];
			const struct v2m_slot *slot = &keyset->slots.items[share->slot];

			if (!v2m_attribution_covers(attribution, slot))
				continue;
			share->owner = v2m_attributor_owner(attribution->attributor, slot,
							    &keyset->keys[i], IPPROTO_TCP);
			share->rate_bytes_s = rate_of(attribution, slot, &keyset->keys[i], rates);
		}
}

void v2m_attribution_fill(const struct v2m_attribution *attribution, const struct v2m_rates *rates,
			  struct v2m_snapshot *snapshot)
{
	const struct v2m_slots *slots = &snapshot->keyset->slots;

	if (!attribution->is_active)
		return;
	for (size_t i = 0; i < slots->count; i++)
		if (v2m_attribution_covers(attribution, &slots->items[i]))
			fill_slot(attribution, &snapshot->slots[i]);
	fill_shares(attribution, rates, snapshot);
}

void v2m_attribution_fill_owners(const struct v2m_attribution *attribution,
				 struct v2m_datapath *datapath, struct v2m_connection_table *table)
{
	if (attribution->is_active && datapath)
		v2m_connection_owners_fill(datapath, table);
}
