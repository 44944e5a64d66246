// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/slot_layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"

/* A port at which a span begins, or the port behind the last one of a span. */
struct edge {
	uint32_t port; /* up to 65536 */
	bool begins;
	size_t span;
};

void v2m_slot_layer_clear(struct v2m_slot_layer *layer)
{
	free(layer->spans);
	free(layer->groups);
	free(layer->runs);
	free(layer->marks);
	free(layer->keys);
}

static void add_layer_span(struct v2m_slot_layer *layer, size_t key, const struct v2m_span *span,
			   bool behind)
{
	layer->spans[layer->n_spans++] = (struct v2m_layer_span){
		.key = key,
		.first_port = span->first_port,
		.last_port = span->last_port,
		.loopback = span->loopback,
		.behind = behind,
		.visited = span->visited,
		.unlisted = span->unlisted,
	};
}

/* Clients of a key that is behind a port arrive at that port. So the key is one of its owners. */
static void add_entrance(struct v2m_slot_layer *layer, size_t key, uint16_t port,
			 const struct v2m_span *front)
{
	const struct v2m_span entrance = {
		.first_port = port,
		.last_port = port,
		.loopback = front->loopback,
		.visited = front->visited,
		.unlisted = true,
	};

	add_layer_span(layer, key, &entrance, false);
}

static int compare_spans(const void *left, const void *right)
{
	const struct v2m_layer_span *a = left;
	const struct v2m_layer_span *b = right;

	if (a->first_port != b->first_port)
		return (int)a->first_port - (int)b->first_port;
	if (a->last_port != b->last_port)
		return (int)a->last_port - (int)b->last_port;
	return a->key < b->key ? -1 : a->key > b->key;
}

/* Joins the spans of a key that have the same ports. If one of them can be reached over the
 * network, the joined span can. If one of them can be reached directly, the joined span can. */
static void join_equal_spans(struct v2m_slot_layer *layer)
{
	size_t n = 0;

	qsort(layer->spans, layer->n_spans, sizeof(*layer->spans), compare_spans);
	for (size_t i = 0; i < layer->n_spans; i++) {
		struct v2m_layer_span *last = n ? &layer->spans[n - 1] : NULL;

		if (last && compare_spans(last, &layer->spans[i]) == 0) {
			last->loopback = last->loopback && layer->spans[i].loopback;
			last->behind = last->behind && layer->spans[i].behind;
			last->visited = last->visited || layer->spans[i].visited;
			last->unlisted = last->unlisted || layer->spans[i].unlisted;
			continue;
		}
		layer->spans[n++] = layer->spans[i];
	}
	layer->n_spans = n;
}

/* Takes over the spans that use the transport. 0 or -ENOMEM. */
static int take_spans(struct v2m_slot_layer *layer, enum v2m_transport transport,
		      const struct v2m_key_span *spans, size_t n_spans)
{
	/* Each span may bring another one, for its entrance. */
	layer->spans = calloc(2 * n_spans + 1, sizeof(*layer->spans));
	if (!layer->spans)
		return -ENOMEM;
	for (size_t i = 0; i < n_spans; i++) {
		const struct v2m_span *span = &spans[i].span;
		const struct v2m_span *front = NULL;
		uint16_t entrance = v2m_span_entrance(spans, n_spans, span, &front);

		if (!(span->transports & transport))
			continue;
		add_layer_span(layer, spans[i].key, span, entrance != 0);
		if (entrance && transport == V2M_TCP)
			add_entrance(layer, spans[i].key, entrance, front);
	}
	join_equal_spans(layer);
	for (size_t i = 0; i < layer->n_spans; i++)
		if (getrandom(&layer->spans[i].mark, sizeof(layer->spans[i].mark), 0) !=
		    sizeof(layer->spans[i].mark))
			return -ENOMEM;
	return 0;
}

static int compare_edges(const void *left, const void *right)
{
	const struct edge *a = left;
	const struct edge *b = right;

	return a->port < b->port ? -1 : a->port > b->port;
}

/* The edges of all spans, ascending. NULL: out of memory. */
static struct edge *make_edges(const struct v2m_slot_layer *layer)
{
	struct edge *edges = calloc(2 * layer->n_spans + 1, sizeof(*edges));

	for (size_t i = 0; edges && i < layer->n_spans; i++) {
		edges[2 * i] = (struct edge){ layer->spans[i].first_port, true, i };
		edges[2 * i + 1] = (struct edge){ layer->spans[i].last_port + 1u, false, i };
	}
	if (edges)
		qsort(edges, 2 * layer->n_spans, sizeof(*edges), compare_edges);
	return edges;
}

/* The spans that cover the ports between two edges. */
struct cover {
	bool *covering; /* by span */
	size_t count;
	uint64_t marks;
	size_t lowest; /* no span with a smaller index covers these ports */
};

static void apply_edge(struct cover *cover, const struct v2m_slot_layer *layer,
		       const struct edge *edge)
{
	cover->covering[edge->span] = edge->begins;
	if (edge->begins) {
		cover->marks += layer->spans[edge->span].mark;
		cover->count++;
		if (edge->span < cover->lowest)
			cover->lowest = edge->span;
	} else {
		cover->marks -= layer->spans[edge->span].mark;
		cover->count--;
	}
}

static int compare_keys(const void *left, const void *right)
{
	const size_t *a = left;
	const size_t *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* Lists the owners of a new group, each key once, ascending. 0 or -ENOMEM. */
static int add_owners(struct v2m_slot_layer *layer, struct cover *cover,
		      struct v2m_slot_group *group)
{
	size_t left = cover->count;
	size_t *keys;
	size_t n = 0;

	if (layer->n_keys + cover->count > layer->keys_size) {
		size_t size = 2 * (layer->n_keys + cover->count);
		size_t *grown = reallocarray(layer->keys, size, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		layer->keys = grown;
		layer->keys_size = size;
	}
	keys = layer->keys + layer->n_keys;
	group->keys = layer->n_keys;
	group->loopback = true;
	group->behind = true;
	while (cover->lowest < layer->n_spans && !cover->covering[cover->lowest])
		cover->lowest++;
	for (size_t i = cover->lowest; left; i++) {
		if (!cover->covering[i])
			continue;
		group->loopback = group->loopback && layer->spans[i].loopback;
		group->behind = group->behind && layer->spans[i].behind;
		group->visited = group->visited || layer->spans[i].visited;
		group->unlisted = group->unlisted || layer->spans[i].unlisted;
		if (layer->spans[i].key != V2M_NO_KEY)
			keys[n++] = layer->spans[i].key;
		left--;
	}
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || keys[i] != keys[group->n_keys - 1])
			keys[group->n_keys++] = keys[i];
	layer->n_keys += group->n_keys;
	return 0;
}

/* Calls visit() for each run of ports between two edges that a span covers, in ascending order.
 * Stops if visit() fails, and returns its result. */
static int visit_runs(struct v2m_slot_layer *layer, const struct edge *edges, struct cover *cover,
		      int (*visit)(struct v2m_slot_layer *layer, struct cover *cover, size_t run,
				   const struct v2m_slot_run *ports))
{
	size_t n_edges = 2 * layer->n_spans;
	size_t run = 0;
	int result = 0;

	*cover = (struct cover){ .covering = cover->covering };
	memset(cover->covering, 0, layer->n_spans * sizeof(*cover->covering));
	for (size_t i = 0; i < n_edges && !result; i++) {
		struct v2m_slot_run ports = { .first_port = (uint16_t)edges[i].port };

		apply_edge(cover, layer, &edges[i]);
		if (!cover->count || i + 1 == n_edges || edges[i + 1].port == edges[i].port)
			continue;
		ports.last_port = (uint16_t)(edges[i + 1].port - 1);
		result = visit(layer, cover, run++, &ports);
	}
	return result;
}

static int add_run(struct v2m_slot_layer *layer, struct cover *cover, size_t run,
		   const struct v2m_slot_run *ports)
{
	layer->runs[run] = *ports;
	layer->marks[run] = cover->marks;
	layer->n_runs++;
	return 0;
}

/* Orders runs by their marks. */
static int compare_runs(const void *left, const void *right, void *marks)
{
	size_t a = *(const size_t *)left;
	size_t b = *(const size_t *)right;
	const uint64_t *mark = marks;

	if (mark[a] != mark[b])
		return mark[a] < mark[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Makes one group of all runs that are covered by the same spans. 0 or -ENOMEM. */
static int group_runs(struct v2m_slot_layer *layer)
{
	V2M_FREE size_t *order = calloc(layer->n_runs + 1, sizeof(*order));

	layer->groups = calloc(layer->n_runs + 1, sizeof(*layer->groups));
	if (!order || !layer->groups)
		return -ENOMEM;
	for (size_t i = 0; i < layer->n_runs; i++)
		order[i] = i;
	qsort_r(order, layer->n_runs, sizeof(*order), compare_runs, layer->marks);
	for (size_t i = 0; i < layer->n_runs; i++) {
		struct v2m_slot_run *run = &layer->runs[order[i]];
		bool is_new = i == 0 || layer->marks[order[i]] != layer->marks[order[i - 1]];

		if (is_new)
			layer->groups[layer->n_groups++] = (struct v2m_slot_group){
				.first_run = order[i],
				.first_port = run->first_port,
			};
		run->slot = layer->n_groups - 1;
		layer->groups[run->slot].last_port = run->last_port;
	}
	return 0;
}

/* The first run of a group adds the owners of the group. */
static int add_owners_of_run(struct v2m_slot_layer *layer, struct cover *cover, size_t run,
			     const struct v2m_slot_run *ports)
{
	struct v2m_slot_group *group = &layer->groups[layer->runs[run].slot];

	(void)ports;
	return group->first_run == run ? add_owners(layer, cover, group) : 0;
}

int v2m_slot_layer_make(struct v2m_slot_layer *layer, enum v2m_transport transport,
			const struct v2m_key_span *spans, size_t n_spans)
{
	V2M_FREE struct edge *edges = NULL;
	V2M_FREE bool *covering = NULL;
	struct cover cover = { 0 };
	int result = take_spans(layer, transport, spans, n_spans);

	if (result)
		return result;
	edges = make_edges(layer);
	covering = calloc(layer->n_spans + 1, sizeof(*covering));
	layer->runs = calloc(2 * layer->n_spans + 1, sizeof(*layer->runs));
	layer->marks = calloc(2 * layer->n_spans + 1, sizeof(*layer->marks));
	if (!edges || !covering || !layer->runs || !layer->marks)
		return -ENOMEM;
	cover.covering = covering;
	result = visit_runs(layer, edges, &cover, add_run);
	if (!result)
		result = group_runs(layer);
	if (!result)
		result = visit_runs(layer, edges, &cover, add_owners_of_run);
	return result;
}
