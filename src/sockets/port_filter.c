// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/port_filter.h"

#include <linux/inet_diag.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/*
 * The kernel's filter machine (inet_diag_bc_run() in net/ipv4/inet_diag.c) jumps op->yes or op->no
 * bytes from each operation. It accepts a socket if it arrives exactly at the end, and rejects it
 * four bytes behind the end. The kernel's checker demands that every target is on the path of the
 * yes jumps from the start, so yes always leads to the next operation.
 */
#define COMPARISON                                                                                 \
	(2 * sizeof(struct inet_diag_bc_op)) /* the second half holds the port in its no */
#define JUMP sizeof(struct inet_diag_bc_op)
#define LEAF (COMPARISON + JUMP)

struct writer {
	unsigned char *code;
	size_t at;
	size_t length; /* of the whole filter */
	unsigned char at_least;
	unsigned char at_most;
};

static void emit(struct writer *writer, unsigned char operation, size_t yes, size_t no)
{
	struct inet_diag_bc_op op = {
		.code = operation,
		.yes = (unsigned char)yes,
		.no = (unsigned short)no,
	};

	memcpy(writer->code + writer->at, &op, sizeof(op));
	writer->at += sizeof(op);
}

static void emit_comparison(struct writer *writer, unsigned char operation, uint16_t port,
			    size_t no)
{
	emit(writer, operation, COMPARISON, no);
	emit(writer, INET_DIAG_BC_NOP, 0, port);
}

static size_t rejecting_jump(const struct writer *writer)
{
	return writer->length - writer->at + 4;
}

static size_t search_size(size_t n_ranges)
{
	return n_ranges * LEAF + (n_ranges - 1) * COMPARISON;
}

/* Writes a binary search. The port is at or above the low end of the first range. */
static void emit_search(struct writer *writer, const struct v2m_port_range *ranges, size_t count)
{
	size_t middle = count / 2;

	if (count == 1) {
		emit_comparison(writer, writer->at_most, ranges->high, rejecting_jump(writer));
		emit(writer, INET_DIAG_BC_JMP, JUMP, writer->length - writer->at);
		return;
	}
	emit_comparison(writer, writer->at_least, ranges[middle].low,
			COMPARISON + search_size(count - middle));
	emit_search(writer, ranges + middle, count - middle);
	emit_search(writer, ranges, middle);
}

static int compare_descending(const void *left, const void *right)
{
	return (int)*(const uint16_t *)right - (int)*(const uint16_t *)left;
}

/* Returns the least width of a gap between ranges that the filter rejects, so that it has as many
 * ranges as allowed. Among the gaps with exactly this width, it rejects *spare. -1: no memory. */
static int find_least_gap(const struct v2m_port_range *ranges, size_t n_ranges, size_t *spare)
{
	V2M_FREE uint16_t *gaps = calloc(n_ranges, sizeof(*gaps));
	size_t n = 0;
	size_t equal = 0;
	uint16_t least;

	if (!gaps)
		return -1;
	for (size_t i = 1; i < n_ranges; i++)
		gaps[n++] = (uint16_t)(ranges[i].low - ranges[i - 1].high);
	*spare = n;
	if (n < V2M_PORT_FILTER_MAX_RANGES)
		return 2;
	qsort(gaps, n, sizeof(*gaps), compare_descending);
	least = gaps[V2M_PORT_FILTER_MAX_RANGES - 2];
	for (size_t i = 0; i < V2M_PORT_FILTER_MAX_RANGES - 1; i++)
		equal += gaps[i] == least;
	*spare = equal;
	return least;
}

/* Joins ranges until a filter can hold them. Returns their number; 0: out of memory. */
static size_t join_ranges(const struct v2m_port_range *ranges, size_t n_ranges,
			  struct v2m_port_range *joined)
{
	size_t spare = 0;
	int least = find_least_gap(ranges, n_ranges, &spare);
	size_t n = 0;

	if (least < 0)
		return 0;
	joined[n++] = ranges[0];
	for (size_t i = 1; i < n_ranges; i++) {
		int gap = ranges[i].low - ranges[i - 1].high;

		if (gap > least || (gap == least && spare > 0)) {
			spare -= gap == least;
			joined[n++].low = ranges[i].low;
		}
		joined[n - 1].high = ranges[i].high;
	}
	return n;
}

size_t v2m_port_filter(const struct v2m_port_range *ranges, size_t n_ranges, bool of_peer,
		       unsigned char code[static V2M_PORT_FILTER_SIZE])
{
	struct v2m_port_range joined[V2M_PORT_FILTER_MAX_RANGES];
	size_t n = join_ranges(ranges, n_ranges, joined);
	struct writer writer = {
		.code = code,
		.at_least = of_peer ? INET_DIAG_BC_D_GE : INET_DIAG_BC_S_GE,
		.at_most = of_peer ? INET_DIAG_BC_D_LE : INET_DIAG_BC_S_LE,
	};

	if (!n)
		return 0;
	writer.length = COMPARISON + search_size(n);
	emit_comparison(&writer, writer.at_least, joined[0].low, rejecting_jump(&writer));
	emit_search(&writer, joined, n);
	return writer.length;
}
