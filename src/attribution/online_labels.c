// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/online_labels.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/flows.h"

static void note_plan(struct v2m_attributor *attributor, const struct v2m_online_plan *plan)
{
	for (size_t i = 0; i < plan->labels.count; i++)
		v2m_attributor_note_named(attributor, plan->labels.items[i].flow.port,
					  plan->labels.items[i].flow.protocol);
	if (plan->has_shared_address || plan->disputes.count)
		v2m_attributor_note_gap(attributor, V2M_GAP_SHARED_ADDRESS);
	if (plan->has_nameless)
		v2m_attributor_note_gap(attributor, V2M_GAP_UNLISTED);
}

/* 0 or -errno. */
static int set_labels(struct v2m_attributor *attributor, struct v2m_datapath *datapath,
		      struct v2m_online_plan *plan, struct v2m_label_list *labelled,
		      struct v2m_error *error)
{
	/* A dispute moves no counts. */
	int result = v2m_flows_label(datapath, plan->disputes.items, plan->disputes.count, error);

	if (!result)
		result = v2m_flows_label(datapath, plan->labels.items, plan->labels.count, error);
	if (result)
		return result;
	v2m_attributor_note_results(attributor, plan->labels.items, plan->labels.count);
	for (size_t i = 0; i < plan->labels.count; i++)
		if (v2m_array_add(labelled, plan->labels.items[i]))
			return v2m_error_set(error, -ENOMEM, "out of memory");
	return 0;
}

int v2m_online_labels_set(struct v2m_online_owners *owners, struct v2m_attributor *attributor,
			  struct v2m_datapath *datapath, const struct v2m_connection_table *table,
			  struct v2m_label_list *labelled, struct v2m_error *error)
{
	V2M_FREE struct v2m_flow_entry *flows = NULL;
	struct v2m_online_round round = { .attributor = attributor, .table = table };
	struct v2m_online_plan *plan;
	int result = v2m_flows_read(datapath, true, &flows, &round.n_flows);

	if (result)
		return v2m_error_set(error, result, "the flows cannot be read: %s",
				     strerror(-result));
	round.flows = flows;
	round.now = (struct v2m_moment){ v2m_clock_mono_ns(), v2m_clock_real_us() };
	if (v2m_online_owners_plan(owners, &round, &plan))
		return v2m_error_set(error, -ENOMEM, "out of memory");
	if (!plan)
		return 0;
	note_plan(attributor, plan);
	return set_labels(attributor, datapath, plan, labelled, error);
}

int v2m_online_labels_note_left(struct v2m_attributor *attributor, struct v2m_datapath *datapath,
				struct v2m_error *error)
{
	V2M_FREE struct v2m_flow_entry *flows = NULL;
	size_t count = 0;
	int result = v2m_flows_read(datapath, true, &flows, &count);

	if (result)
		return v2m_error_set(error, result, "the flows cannot be read: %s",
				     strerror(-result));
	for (size_t i = 0; i < count; i++)
		if (flows[i].state.owner == V2M_NO_OWNER && !flows[i].state.disputed &&
		    flows[i].state.tx.payload_bytes)
			v2m_attributor_note_gap(attributor, V2M_GAP_UNLISTED);
	return 0;
}
