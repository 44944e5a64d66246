// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/attribution.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attribution/attributor.h"
#include "attribution/connection_owners.h"
#include "attribution/flow_sweep.h"
#include "attribution/followed_logs.h"
#include "attribution/online_labels.h"
#include "attribution/online_owners.h"
#include "attribution/shares.h"
#include "attribution/strangers.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "datapath/flows.h"
#include "datapath/grace.h"
#include "datapath/owners.h"
#include "datapath/sizes.h"

/* Flows and lines are compared at least that often. */
#define PLAN_INTERVAL_NS (5 * UINT64_C(1000000000))
/* The ends of the logs are read again at most that often for connections that no line has named. */
#define AGAIN_INTERVAL_NS (5 * UINT64_C(1000000000))

/* A sample waits so long for the lines of this moment; the next one takes those that come later. */
#define FOLLOW_WAIT_MS 250
/* A reset waits so long for the ends of the logs. A client waits for 8 seconds. */
#define SETTLE_WAIT_MS 2000

struct v2m_attribution {
	struct v2m_attributor *attributor;
	struct v2m_followed_logs *logs;
	bool is_active;      /* the kernel has owners to label */
	bool has_begun;      /* it was active before in this process */
	bool run_failed;     /* and that was logged */
	bool is_full;        /* a key has no owner, because the kernel's map has no more */
	uint64_t planned_ns; /* when lines and flows were compared last, CLOCK_MONOTONIC */
	uint64_t again_ns;   /* when the ends of the logs were last read again; 0: never */
	bool reads_again;    /* they are not read to the end yet */
	size_t n_nameless;   /* unknown connections that these lines did not name */
	struct v2m_label_list labelled; /* in the last round */
	struct v2m_flow_sweep *sweep;
	struct v2m_online_owners *online;
	bool by_online;  /* the list of online users decides, and no log */
	bool has_untold; /* a user of a port was named, and the list no longer tells its users */
};

/* An earlier process told users apart by the list, and there is still no log. */
static bool goes_on_by_online(const struct v2m_attribution *attribution)
{
	return !v2m_followed_logs_count(attribution->logs) &&
	       v2m_followed_logs_memory(attribution->logs)->by_online;
}

struct v2m_attribution *v2m_attribution_new(const struct v2m_config *config)
{
	struct v2m_attribution *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->attributor = v2m_attributor_new();
	made->sweep = v2m_flow_sweep_new(config->shared_flows_max);
	made->online = v2m_online_owners_new(v2m_clock_mono_ns());
	if (made->attributor)
		made->logs = v2m_followed_logs_new(config, made->attributor);
	if (!made->attributor || !made->sweep || !made->online || !made->logs) {
		v2m_attribution_free(made);
		return NULL;
	}
	made->by_online = goes_on_by_online(made);
	return made;
}

void v2m_attribution_free(struct v2m_attribution *attribution)
{
	if (!attribution)
		return;
	v2m_followed_logs_free(attribution->logs);
	v2m_attributor_free(attribution->attributor);
	v2m_flow_sweep_free(attribution->sweep);
	v2m_online_owners_free(attribution->online);
	v2m_array_clear(&attribution->labelled);
	free(attribution);
}

bool v2m_attribution_learn(struct v2m_attribution *attribution, const struct v2m_access_logs *found,
			   bool is_fresh)
{
	size_t before = v2m_followed_logs_count(attribution->logs);

	if (v2m_followed_logs_learn(attribution->logs, found, is_fresh))
		v2m_log_error("an access log is not followed: out of memory");
	return v2m_followed_logs_count(attribution->logs) && !before;
}

bool v2m_attribution_wants_online(const struct v2m_attribution *attribution)
{
	return !v2m_followed_logs_count(attribution->logs) &&
	       v2m_online_owners_are_wanted(attribution->online);
}

bool v2m_attribution_take_online(struct v2m_attribution *attribution,
				 const struct v2m_online_list *list, bool is_fresh)
{
	if (!list->is_known || !v2m_attribution_wants_online(attribution))
		return false;
	if (v2m_online_owners_take(attribution->online, list)) {
		v2m_log_error("the list of online users is not used: out of memory");
		return false;
	}
	if (attribution->by_online || !list->users.count)
		return false;
	attribution->by_online = true;
	v2m_followed_logs_note_online(attribution->logs, true);
	v2m_log_info("users of shared ports are told apart by the proxy's list of online users");
	if (!is_fresh)
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_BEGAN);
	return true;
}

/* --- the kernel's owners --- */

/* A connection of a new owner may be older than the owner: its line was read already, and named
 * nobody then. */
static void read_again(struct v2m_attribution *attribution)
{
	v2m_followed_logs_rewind(attribution->logs);
	v2m_attributor_note_again(attribution->attributor, v2m_clock_real_us());
	attribution->again_ns = v2m_clock_mono_ns();
	attribution->reads_again = true;
}

static bool find_untold(const struct v2m_attribution *attribution, const struct v2m_slots *slots)
{
	for (size_t i = 0; i < slots->count; i++)
		if (v2m_attribution_covers(attribution, &slots->items[i]) &&
		    !v2m_online_owners_can_tell(attribution->online, &slots->items[i]))
			return true;
	return false;
}

int v2m_attribution_set_keys(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
			     struct v2m_keyset *keyset, struct v2m_error *error)
{
	const struct v2m_owner_rule *rules;
	uint32_t *owners;
	size_t count;
	int result;

	attribution->is_active = false;
	if (v2m_attributor_set_keys(attribution->attributor, keyset) ||
	    v2m_online_owners_set_keys(attribution->online, keyset))
		return v2m_error_set(error, -ENOMEM, "out of memory");
	if (v2m_followed_logs_count(attribution->logs))
		attribution->by_online = false;
	v2m_followed_logs_note_online(attribution->logs, attribution->by_online);
	rules = v2m_attributor_rules(attribution->attributor, &count, &owners);
	if (!datapath)
		return 0;
	if (!v2m_followed_logs_count(attribution->logs) && !attribution->by_online)
		count = 0;
	result = v2m_owners_set(datapath, rules, count, owners, error);
	if (result < 0)
		return result;
	if (result > 0)
		read_again(attribution);
	attribution->is_active = count > 0;
	attribution->has_untold =
		attribution->by_online && find_untold(attribution, &keyset->slots);
	attribution->is_full = false;
	for (size_t i = 0; i < count; i++)
		attribution->is_full |= owners[i] == V2M_NO_OWNER;
	if (!attribution->is_active || attribution->has_begun)
		return 0;
	result = v2m_flows_move_left(datapath, error);
	attribution->has_begun = !result;
	return result;
}

int v2m_attribution_begin_ports(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
				struct v2m_error *error)
{
	int begun = datapath ? v2m_flows_leave_begun(datapath, error) : 0;

	if (begun > 0)
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_BEGAN);
	return begun < 0 ? begun : 0;
}

void v2m_attribution_note_new_counts(struct v2m_attribution *attribution)
{
	if (v2m_followed_logs_count(attribution->logs) || attribution->by_online)
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_BEGAN);
}

/* --- a round --- */

static int label(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
		 struct v2m_error *error)
{
	V2M_FREE struct v2m_flow_entry *flows = NULL;
	struct v2m_label *labels;
	size_t n_flows = 0;
	int count;
	struct v2m_moment now;
	int result = v2m_flows_read(datapath, true, &flows, &n_flows);

	if (result)
		return v2m_error_set(error, result, "the flows cannot be read: %s",
				     strerror(-result));
	now = (struct v2m_moment){ v2m_clock_mono_ns(), v2m_clock_real_us() };
	attribution->planned_ns = now.mono_ns;
	count = v2m_attributor_plan(attribution->attributor, flows, n_flows, &now, &labels);
	if (count < 0)
		return v2m_error_set(error, count, "out of memory");
	result = v2m_flows_label(datapath, labels, (size_t)count, error);
	v2m_attributor_note_results(attribution->attributor, labels, (size_t)count);
	for (int i = 0; i < count && !result; i++)
		result = v2m_array_add(&attribution->labelled, labels[i]);
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

/* Without new lines too: a connection of before may have its first packet. */
static bool plan_is_due(const struct v2m_attribution *attribution)
{
	return v2m_attributor_waits(attribution->attributor) ||
	       v2m_clock_mono_ns() - attribution->planned_ns >= PLAN_INTERVAL_NS;
}

static int run_online(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
		      const struct v2m_connection_table *table, struct v2m_error *error)
{
	int result = move_rest(attribution, datapath, error);

	if (!result && v2m_online_owners_plan_is_due(attribution->online, table))
		result = v2m_online_labels_set(attribution->online, attribution->attributor,
					       datapath, table, &attribution->labelled, error);
	if (v2m_online_owners_lack_list(attribution->online, v2m_clock_mono_ns()))
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_NO_LIST);
	return result;
}

static int run(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
	       struct v2m_error *error)
{
	int result = move_rest(attribution, datapath, error);

	if (!result && plan_is_due(attribution))
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

/* The lines of connections of before were read already. They are read again when such a connection
 * is found, and if they do not name it, that is a gap. */
static void judge_unknown(struct v2m_attribution *attribution)
{
	size_t unknown = v2m_attributor_unknown(attribution->attributor);

	if (attribution->reads_again || unknown < attribution->n_nameless)
		attribution->n_nameless = unknown;
	attribution->reads_again = false;
	if (unknown > attribution->n_nameless) {
		if (v2m_clock_mono_ns() - attribution->again_ns >= AGAIN_INTERVAL_NS)
			read_again(attribution);
	} else if (unknown) {
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_BEGAN);
	}
}

/* Gaps that a reset does not end. */
static void note_lasting_gaps(struct v2m_attribution *attribution)
{
	if (attribution->is_full)
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_FULL);
	if (attribution->has_untold)
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_UNLISTED);
	if (v2m_flow_sweep_saw_dispute(attribution->sweep))
		v2m_attributor_note_gap(attribution->attributor, attribution->by_online
									 ? V2M_GAP_SHARED_ADDRESS
									 : V2M_GAP_DISPUTED);
}

/* --- what the others call --- */

void v2m_attribution_follow(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
			    const struct v2m_connection_table *table)
{
	const uint64_t begun_ns = v2m_clock_mono_ns();
	struct v2m_error error = { 0 };
	enum v2m_log_reading reading;
	int result;

	if (!attribution->is_active || !datapath)
		return;
	note_lasting_gaps(attribution);
	reading = v2m_followed_logs_read(attribution->logs, FOLLOW_WAIT_MS, false);
	result = attribution->by_online ? run_online(attribution, datapath, table, &error)
					: run(attribution, datapath, &error);
	if (!result && reading == V2M_LOGS_READ && attribution->planned_ns >= begun_ns)
		judge_unknown(attribution);
	/* A flow that has ended waits for its line, unless nobody may ever read it. */
	if (!result && (reading == V2M_LOGS_READ || reading == V2M_LOGS_LOST)) {
		result = v2m_flow_sweep_run(attribution->sweep, datapath, table);
		if (result)
			v2m_error_set(&error, result, "%s", strerror(-result));
	}
	log_failure(attribution, result, &error);
	if (v2m_flow_size_was_changed(datapath))
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_BEGAN);
	v2m_followed_logs_save(attribution->logs);
	v2m_flow_size_forget(datapath);
}

/* Reads the logs to their ends and labels flows, for a limited time. What was not read then stays
 * unattributed. 0 or -errno. */
static int read_to_ends(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
			struct v2m_error *error)
{
	const uint64_t end_ns = v2m_clock_mono_ns() + SETTLE_WAIT_MS * UINT64_C(1000000);
	enum v2m_log_reading reading;
	uint64_t now_ns;
	int result;

	do {
		now_ns = v2m_clock_mono_ns();
		reading = v2m_followed_logs_read(
			attribution->logs,
			now_ns < end_ns ? (unsigned)((end_ns - now_ns) / 1000000) : 0, true);
		result = attribution->by_online ? move_rest(attribution, datapath, error)
						: run(attribution, datapath, error);
	} while (!result && reading == V2M_LOGS_HAVE_MORE && now_ns < end_ns);
	if (reading != V2M_LOGS_READ)
		v2m_attributor_note_gap(attribution->attributor, V2M_GAP_LATE);
	return result;
}

/* After a grace period no program counts for a flow that was labelled before. */
static int settle(struct v2m_attribution *attribution, struct v2m_datapath *datapath,
		  struct v2m_error *error)
{
	int result = read_to_ends(attribution, datapath, error);

	if (!result && v2m_grace_period())
		result = v2m_error_set(error, -EIO, "the programs cannot be waited for");
	if (!result)
		result = move_rest(attribution, datapath, error);
	if (!result && attribution->by_online)
		result = v2m_online_labels_note_left(attribution->attributor, datapath, error);
	return result ? result : v2m_flows_leave(datapath, error);
}

void v2m_attribution_settle(struct v2m_attribution *attribution, struct v2m_datapath *datapath)
{
	struct v2m_error error = { 0 };

	if (!attribution->is_active || !datapath)
		return;
	log_failure(attribution, settle(attribution, datapath, &error), &error);
	v2m_followed_logs_save(attribution->logs);
	v2m_followed_logs_note_reset(attribution->logs);
}

bool v2m_attribution_covers(const struct v2m_attribution *attribution, const struct v2m_slot *slot)
{
	const struct v2m_attribution_memory *memory = v2m_followed_logs_memory(attribution->logs);

	return attribution->is_active && v2m_named_slots_cover(&memory->named, slot);
}

uint32_t v2m_attribution_owner(const struct v2m_attribution *attribution,
			       const struct v2m_slot *slot, const struct v2m_key *key,
			       uint8_t protocol)
{
	return v2m_attributor_owner(attribution->attributor, slot, key, protocol);
}

static void fill_slot(const struct v2m_attribution *attribution, struct v2m_slot_view *view)
{
	const struct v2m_attribution_memory *memory = v2m_followed_logs_memory(attribution->logs);

	view->attribution.method = attribution->by_online ? V2M_BY_ONLINE_USERS : V2M_BY_ACCESS_LOG;
	for (int gap = 0; gap < V2M_N_ATTRIBUTION_GAPS; gap++) {
		if (memory->gap_us[gap] <= view->attribution.gap_us)
			continue;
		view->attribution.gap_us = memory->gap_us[gap];
		view->attribution.gap = (enum v2m_attribution_gap)gap;
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
	v2m_shares_fill(attribution->attributor,
			&v2m_followed_logs_memory(attribution->logs)->named, rates, snapshot);
}

void v2m_attribution_fill_owners(const struct v2m_attribution *attribution,
				 struct v2m_datapath *datapath, struct v2m_connection_table *table)
{
	if (attribution->is_active && datapath)
		v2m_connection_owners_fill(datapath, table);
}

void v2m_attribution_room(const struct v2m_attribution *attribution,
			  const struct v2m_datapath *datapath, struct v2m_attribution_room *room)
{
	struct v2m_owner_room owners;

	*room = (struct v2m_attribution_room){ 0 };
	if (!attribution->is_active || !datapath)
		return;
	owners = v2m_owners_room(datapath);
	*room = (struct v2m_attribution_room){ .flows = v2m_flow_sweep_count(attribution->sweep),
					       .flows_max = owners.flows_max,
					       .users = owners.owners,
					       .users_max = owners.owners_max };
}

const char *v2m_attribution_log(const struct v2m_attribution *attribution, size_t index,
				const char **problem)
{
	const char *path = v2m_followed_logs_path(attribution->logs, index);

	if (path)
		*problem = v2m_followed_logs_problem(attribution->logs, index);
	return path;
}

void v2m_attribution_judge(const struct v2m_attribution *attribution, struct v2m_error *sentence)
{
	const char *problem;
	const char *path;

	sentence->text[0] = 0;
	for (size_t i = 0; (path = v2m_attribution_log(attribution, i, &problem)); i++) {
		if (!attribution->is_active || !*problem)
			continue;
		v2m_error_set(sentence, 0,
			      "the access log %s cannot be read: %s; new connections on shared "
			      "ports are of no key",
			      path, problem);
		return;
	}
}

uint32_t *v2m_attribution_take_sessions(struct v2m_attribution *attribution, size_t *count)
{
	return v2m_attributor_take_sessions(attribution->attributor, count);
}
