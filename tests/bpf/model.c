// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The numbers in the comments are the sections of docs/counting.md. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

enum kind { IS_OTHER, HAS_PORTS, IS_FIRST, IS_LATER, IS_FIRST_OF_OTHER, IS_TOO_DEEP };

struct reading {
	enum kind kind;
	uint8_t protocol;
	bool syn; /* TCP */
	bool ack;
	uint16_t ports[2]; /* source, destination */
	uint64_t header;
	uint64_t payload;
	uint64_t phantom;
	uint8_t addresses[2][16]; /* source, destination */
	uint8_t family;           /* 4 or 6 */
	uint8_t id[4];
	uint8_t id_protocol; /* what of the protocol belongs to the identity */
};

struct input {
	const uint8_t *bytes;
	uint64_t length;
	uint32_t gso_size;
	uint32_t gso_segs;
};

static bool is_there(const struct input *in, uint64_t at, uint64_t count)
{
	return at + count <= in->length;
}

static unsigned be16(const uint8_t *bytes)
{
	return bytes[0] * 256u + bytes[1];
}

/* 2. False: other. */
static bool layer2(const struct input *in, unsigned link_header, uint64_t *at, unsigned *type)
{
	*at = link_header;
	if (link_header == 0) {
		/* The test kernel function takes the note from where Ethernet has its type. */
		*type = be16(in->bytes + 12);
		return true;
	}
	if (!is_there(in, link_header - 2, 2))
		return false;
	*type = be16(in->bytes + link_header - 2);
	for (int tags = 0; tags < 8 && (*type == 0x8100 || *type == 0x88a8); tags++) {
		if (!is_there(in, *at + 2, 2))
			return false;
		*type = be16(in->bytes + *at + 2);
		*at += 4;
	}
	return true;
}

/* 5. */
static void layer4(const struct input *in, uint64_t at, uint64_t n, struct reading *out)
{
	uint64_t h = 8;

	out->kind = IS_OTHER;
	if ((out->protocol != 6 && out->protocol != 17) || n < 8)
		return;
	out->ports[0] = (uint16_t)be16(in->bytes + at);
	out->ports[1] = (uint16_t)be16(in->bytes + at + 2);
	if (out->protocol == 6) {
		if (n < 20) {
			h = n;
		} else {
			out->syn = in->bytes[at + 13] / 2 % 2;
			out->ack = in->bytes[at + 13] / 16 % 2;
			h = 4u * (in->bytes[at + 12] / 16u);
			h = h < 20 ? 20 : h;
			h = h > n ? n : h;
		}
	}
	out->payload = n - h;
	out->header = at + h - out->phantom;
	out->kind = HAS_PORTS;
}

/* 3. */
static void ipv4(const struct input *in, uint64_t at, struct reading *out)
{
	const uint8_t *ip = in->bytes + at;
	uint64_t header;
	uint64_t available;
	uint64_t n;
	unsigned total;

	if (!is_there(in, at, 20) || ip[0] / 16 != 4 || ip[0] % 16 < 5)
		return;
	header = (ip[0] % 16) * 4u;
	if (!is_there(in, at, header))
		return;
	available = in->length - at - header;
	total = be16(ip + 2);
	n = total == 0 ? available : total < header ? 0 : total - header;
	if (n > available)
		n = available;
	out->family = 4;
	out->protocol = out->id_protocol = ip[9];
	memcpy(out->addresses[0] + 12, ip + 12, 4);
	memcpy(out->addresses[1] + 12, ip + 16, 4);
	memset(out->addresses[0] + 10, 0xff, 2);
	memset(out->addresses[1] + 10, 0xff, 2);
	memcpy(out->id, ip + 4, 2);
	if (be16(ip + 6) % 8192) {
		out->payload = n;
		out->kind = ip[9] == 6 || ip[9] == 17 ? IS_LATER : IS_OTHER;
		return;
	}
	layer4(in, at + header, n, out);
	if (out->kind == HAS_PORTS && ip[6] & 0x20)
		out->kind = IS_FIRST;
}

static bool walks_on(uint8_t next)
{
	return memchr("\0\53\74\63\54", next, 5) != NULL; /* 0, 43, 60, 51, 44 */
}

/* 4.6 */
static uint64_t phantom_of(const struct input *in, uint64_t ip)
{
	const uint8_t *option = in->bytes + ip + 40;

	if (!in->gso_size || be16(in->bytes + ip + 4) || in->bytes[ip + 6] != 0 ||
	    !is_there(in, ip + 40, 4))
		return 0;
	return option[1] == 0 && option[2] == 0xc2 && option[3] == 4 ? 8 : 0;
}

/* 4.3 to 4.5: how far the extension headers go. */
struct chain {
	uint64_t at;
	uint64_t left;
	uint8_t next;
	bool fragment;
	bool more;
	bool later;
};

/* False: other. */
static bool one_header(const struct input *in, struct chain *chain, struct reading *out)
{
	const uint8_t *bytes = in->bytes + chain->at;
	uint64_t size;

	if (chain->left < 2)
		return false;
	if (chain->next == 44) {
		if (chain->left < 8 || chain->fragment)
			return false;
		chain->fragment = true;
		chain->later = be16(bytes + 2) / 8 != 0;
		chain->more = bytes[3] & 1;
		memcpy(out->id, bytes + 4, 4);
		size = 8;
	} else {
		size = chain->next == 51 ? 4u * (bytes[1] + 2u) : 8u * (bytes[1] + 1u);
		if (size > chain->left)
			return false;
	}
	chain->next = bytes[0];
	chain->at += size;
	chain->left -= size;
	return true;
}

static void ipv6(const struct input *in, uint64_t at, struct reading *out)
{
	const uint8_t *ip = in->bytes + at;
	struct chain chain = { .at = at + 40 };

	if (!is_there(in, at, 40) || ip[0] / 16 != 6)
		return;
	chain.left = in->length - chain.at;
	if (be16(ip + 4) && be16(ip + 4) < chain.left)
		chain.left = be16(ip + 4);
	chain.next = ip[6];
	out->family = 6;
	memcpy(out->addresses[0], ip + 8, 16);
	memcpy(out->addresses[1], ip + 24, 16);
	out->phantom = phantom_of(in, at);
	for (int walked = 0; walked < 32 && walks_on(chain.next) && !chain.later; walked++)
		if (!one_header(in, &chain, out))
			return;
	out->protocol = chain.next;
	if (chain.later) {
		out->payload = chain.left;
		out->kind = IS_LATER;
		return;
	}
	if (walks_on(chain.next)) {
		out->kind = IS_TOO_DEEP;
		return;
	}
	layer4(in, chain.at, chain.left, out);
	if (!chain.fragment || !chain.more)
		return;
	if (out->kind == HAS_PORTS)
		out->kind = IS_FIRST;
	else if (chain.next != 6 && chain.next != 17)
		out->kind = IS_FIRST_OF_OTHER;
}

static struct reading read_packet(const struct input *in, unsigned link_header)
{
	struct reading out = { .kind = IS_OTHER };
	unsigned type;
	uint64_t at;

	if (!layer2(in, link_header, &at, &type))
		return out;
	if (type == 0x0800)
		ipv4(in, at, &out);
	else if (type == 0x86dd)
		ipv6(in, at, &out);
	else if (type == 0x8100 || type == 0x88a8)
		out.kind = IS_TOO_DEEP;
	return out;
}

/* 7.2 */
static struct model_fragment *fragment_of(struct model *model, const struct reading *reading,
					  bool egress, bool make)
{
	struct model_fragment wanted = {};

	wanted.identity[0] = reading->family;
	wanted.identity[1] = egress;
	wanted.identity[2] = reading->id_protocol;
	memcpy(wanted.identity + 4, reading->id, 4);
	memcpy(wanted.identity + 8, reading->addresses, 32);
	for (size_t i = 0; i < model->n_fragments; i++)
		if (!memcmp(model->fragments[i].identity, wanted.identity, sizeof(wanted.identity)))
			return &model->fragments[i];
	if (!make)
		return NULL;
	if (model->n_fragments == MODEL_FRAGMENTS)
		abort();
	model->fragments[model->n_fragments] = wanted;
	return &model->fragments[model->n_fragments++];
}

static bool is_here(const struct model *model, const uint8_t *address)
{
	for (size_t i = 0; i < model->n_here; i++)
		if (!memcmp(address, model->here[i].address, 16))
			return true;
	return false;
}

static const struct model_rule *rule_of(const struct model *model, uint16_t port, uint8_t protocol)
{
	const struct model_rule *range = NULL;

	for (size_t i = 0; i < model->n_rules; i++) {
		const struct model_rule *rule = &model->rules[i];

		if (port < rule->first_port || port > rule->last_port ||
		    !(protocol == 6 ? rule->tcp : rule->udp))
			continue;
		if (rule->first_port == rule->last_port)
			return rule;
		if (!range)
			range = rule;
	}
	return range;
}

/* 7.3: the counters it belongs to, or NULL. */
static struct v2m_flow *flow_of(struct model *model, const struct reading *reading, uint16_t port,
				uint8_t protocol, bool egress)
{
	const struct model_rule *rule = rule_of(model, port, protocol);
	const uint8_t *own = reading->addresses[egress ? 0 : 1];
	struct model_counters *counters;

	if (!rule || rule->loopback != model->device.loopback)
		return NULL;
	counters = &model->ports[rule->slot];
	if ((model->device.host_only || model->device.forwards) && !is_here(model, own))
		return NULL;
	if (protocol == 6)
		return egress ? &counters->tcp_tx : &counters->tcp_rx;
	return egress ? &counters->udp_tx : &counters->udp_rx;
}

/* 7.5: the place in the list of a TCP connection, or behind its end. */
static size_t find_foreign(const struct model *model, const struct model_foreign *wanted)
{
	size_t i = 0;

	while (i < model->n_foreign && memcmp(&model->foreign[i], wanted, sizeof(*wanted)))
		i++;
	return i;
}

/* 7.5: for a packet with ports that has counters. Nothing is known of sockets here, so that UDP is
 * never foreign. */
static bool judge_foreign(struct model *model, const struct reading *reading, bool egress)
{
	struct model_foreign flow = {
		.ports = { reading->ports[egress ? 0 : 1], reading->ports[egress ? 1 : 0] },
	};
	size_t at;

	if (reading->protocol != 6)
		return false;
	memcpy(flow.ends[0], reading->addresses[egress ? 0 : 1], 16);
	memcpy(flow.ends[1], reading->addresses[egress ? 1 : 0], 16);
	at = find_foreign(model, &flow);
	if (egress && reading->syn && reading->ack) {
		if (at < model->n_foreign)
			model->foreign[at] = model->foreign[--model->n_foreign];
		return false;
	}
	if (egress && reading->syn && at == model->n_foreign) {
		if (model->n_foreign == MODEL_FOREIGN)
			abort();
		model->foreign[model->n_foreign++] = flow;
	}
	return at < model->n_foreign;
}

/* 6. */
static struct v2m_flow amount_of(const struct input *in, const struct reading *reading)
{
	uint64_t segments = 1;

	if ((reading->kind == HAS_PORTS || reading->kind == IS_FIRST) && in->gso_size) {
		segments = in->gso_segs;
		if (segments == 0)
			segments = reading->payload / in->gso_size +
				   (reading->payload % in->gso_size != 0);
		if (segments == 0)
			segments = 1;
	}
	return (struct v2m_flow){
		.packets = segments,
		.payload_bytes = reading->payload,
		.wire_bytes =
			reading->kind != HAS_PORTS && reading->kind != IS_FIRST
				? in->length
				: in->length - reading->phantom + (segments - 1) * reading->header,
	};
}

static void tally(struct v2m_tally *tally, struct v2m_flow amount)
{
	tally->packets += amount.packets;
	tally->wire_bytes += amount.wire_bytes;
}

void model_count(struct model *model, bool egress, const uint8_t *packet, size_t length,
		 uint32_t gso_size, uint32_t gso_segs)
{
	const struct input in = { packet, length, gso_size, gso_segs };
	struct v2m_device_flow *device =
		egress ? &model->counters.egress : &model->counters.ingress;
	struct reading reading = read_packet(&in, model->device.link_header);
	struct v2m_flow amount = amount_of(&in, &reading);
	uint16_t port = reading.ports[egress ? 0 : 1];
	uint8_t protocol = reading.protocol;
	struct model_fragment *first = NULL;
	struct v2m_flow *flow = NULL;
	bool foreign = false;

	tally(&device->seen, amount);
	if (reading.kind == IS_TOO_DEEP) {
		tally(&device->too_deep, amount);
		return;
	}
	if (reading.kind == IS_FIRST || reading.kind == IS_LATER ||
	    reading.kind == IS_FIRST_OF_OTHER)
		first = fragment_of(model, &reading, egress, reading.kind != IS_LATER);
	if (reading.kind == IS_LATER && !first) {
		tally(&device->unattributed, amount);
		return;
	}
	if (reading.kind == HAS_PORTS || reading.kind == IS_FIRST)
		foreign = flow_of(model, &reading, port, protocol, egress) &&
			  judge_foreign(model, &reading, egress);
	if (reading.kind == IS_FIRST) {
		first->port = port;
		first->protocol = foreign ? 0 : protocol;
	} else if (reading.kind == IS_LATER) {
		port = first->port;
		protocol = first->protocol;
	}
	if (reading.kind != IS_OTHER && reading.kind != IS_FIRST_OF_OTHER && protocol)
		flow = flow_of(model, &reading, port, protocol, egress);
	if (foreign)
		flow = NULL;
	tally(foreign ? &device->foreign : flow ? &device->keys : &device->other, amount);
	if (flow) {
		flow->packets += amount.packets;
		flow->wire_bytes += amount.wire_bytes;
		flow->payload_bytes += amount.payload_bytes;
	}
}
