/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Adds what connections hand over to the counters of their slots. Each socket has a note of what
 * has been added, so adding is safe to repeat: the same figures add nothing. Two programs add: the
 * iterator for open sockets, and the tracepoint when a socket closes.
 *
 * From Linux 5.15 on the iterator has the socket's lock, as the tracepoint has, so one of them adds
 * at a time. The note lives and ends with the socket. Before 5.15 the iterator has no lock: the
 * notes are in a hash table, and an entry of session_claims keeps the other program away. No entry
 * is ever evicted: without its note, a socket would be taken for one that was open before.
 */
#ifndef V2METER_DELIVERED_BPF_H
#define V2METER_DELIVERED_BPF_H

#include "session_flows.bpf.h"
#include "socket.bpf.h"

#include "v2meter/bpf_abi.h"

#define BPF_ANY                        0
#define BPF_NOEXIST                    1
#define BPF_F_NO_PREALLOC              (1u << 0)
#define BPF_LOCAL_STORAGE_GET_F_CREATE (1u << 0)

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, V2M_MAX_SLOTS);
	__type(key, __u16);
	__type(value, struct v2m_session_delivered);
} session_delivered SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct v2m_session_socket);
} session_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, V2M_MAX_SESSION_SOCKETS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct v2m_session_socket);
} session_sockets_by_address SEC(".maps");

/* As many as programs may run at once. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u8);
} session_claims SEC(".maps");

/* Whether the iterator has the socket's lock. This is known when the program is loaded. */
static __always_inline bool iterator_locks(void)
{
	struct bpf_tcp_iter_state *state = 0;

	return bpf_core_field_exists(state->batch);
}

static __always_inline __u64 address_of(struct sock *sk)
{
	return (__u64)sk;
}

static __always_inline struct v2m_session_socket *find_note(struct sock *sk)
{
	__u64 address = address_of(sk);

	if (iterator_locks())
		return bpf_sk_storage_get(&session_sockets, sk, 0, 0);
	return bpf_map_lookup_elem(&session_sockets_by_address, &address);
}

/* Makes the socket's note, or overwrites it. False: there is no room. */
static __always_inline bool make_note(struct sock *sk, const struct v2m_session_socket *note)
{
	__u64 address = address_of(sk);
	struct v2m_session_socket *made;

	if (!iterator_locks())
		return bpf_map_update_elem(&session_sockets_by_address, &address, note, BPF_ANY) ==
		       0;
	made = bpf_sk_storage_get(&session_sockets, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (made)
		*made = *note;
	return made;
}

static __always_inline void remove_note(struct sock *sk)
{
	__u64 address = address_of(sk);

	if (iterator_locks())
		bpf_sk_storage_delete(&session_sockets, sk);
	else
		bpf_map_delete_elem(&session_sockets_by_address, &address);
}

static __always_inline bool claim(struct sock *sk)
{
	__u64 address = address_of(sk);
	__u8 claimed = 1;

	return bpf_map_update_elem(&session_claims, &address, &claimed, BPF_NOEXIST) == 0;
}

static __always_inline void release(struct sock *sk)
{
	__u64 address = address_of(sk);

	bpf_map_delete_elem(&session_claims, &address);
}

/* Returns how much was added. */
static __always_inline __u64 add_growth(__u64 now, __u64 *noted, __u64 *counter)
{
	__u64 growth = now - *noted;

	if ((__s64)growth <= 0)
		return 0;
	/* Sockets of one slot add at once on several CPUs. */
	__sync_fetch_and_add(counter, growth);
	*noted = now;
	return growth;
}

/* The counters of a slot, and what one call of a program adds to them. */
struct addition {
	struct v2m_session_delivered *to;
	struct v2m_flow_sessions added;
};

/* The caller has the socket's lock, or a claim. */
static __always_inline void add_figures(const struct figures *now, struct v2m_session_socket *note,
					struct addition *addition)
{
	struct v2m_session_delivered *to = addition->to;

	addition->added.rx_bytes += add_growth(now->rx, &note->rx_bytes, &to->rx_bytes);
	addition->added.tx_bytes += add_growth(now->tx, &note->tx_bytes, &to->tx_bytes);
	add_growth(now->again, &note->again_bytes, &to->again_bytes);
}

/* Adds the final figures that the tracepoint left while the iterator had the claim. */
static __always_inline void add_left_figures(struct sock *sk, struct addition *addition)
{
	struct v2m_session_socket *note;
	struct figures final;

	if (!claim(sk))
		return;
	note = find_note(sk);
	if (note && (note->flags & V2M_SOCKET_CLOSED)) {
		final = (struct figures){ note->last_rx_bytes, note->last_tx_bytes,
					  note->last_again_bytes };
		add_figures(&final, note, addition);
		remove_note(sk);
	}
	release(sk);
}

/* Writes the ends of a connection that began here. */
static __always_inline void write_ends(struct sock *sk, struct seq_file *output)
{
	struct v2m_foreign_flow flow = {};

	read_ends(sk, &flow);
	bpf_seq_write(output, &flow, sizeof(flow));
}

static __always_inline void note_present_figures(struct sock *sk, const struct figures *now,
						 struct seq_file *output)
{
	struct v2m_session_socket note = {
		.rx_bytes = now->rx,
		.tx_bytes = now->tx,
		.again_bytes = now->again,
		.flags = has_chosen_port(sk) ? V2M_SOCKET_OUTGOING : 0,
	};

	make_note(sk, &note);
	if (note.flags)
		write_ends(sk, output);
}

/* Adds what an open socket has carried since its note, or makes the note. */
static __always_inline void add_open_locked(struct sock *sk, int state, struct addition *addition,
					    struct seq_file *output)
{
	struct v2m_session_socket *note = find_note(sk);
	struct figures now = read_figures(sk, state);

	if (!note)
		note_present_figures(sk, &now, output);
	else if (note->flags & V2M_SOCKET_OUTGOING)
		write_ends(sk, output);
	else if (!(note->flags & V2M_SOCKET_CLOSED))
		add_figures(&now, note, addition);
}

/* The same without the socket's lock. A socket that somebody has waits for the next pass. The
 * tracepoint marks the note as closed before it tries to claim. So either it claims, or it is seen
 * here after our claim has ended. */
static __always_inline void add_open_unlocked(struct sock *sk, int state, struct addition *addition,
					      struct seq_file *output)
{
	struct v2m_session_socket *note;
	struct figures now;

	if (!read_quiet_figures(sk, state, &now) || !claim(sk))
		return;
	note = find_note(sk);
	if (!note)
		note_present_figures(sk, &now, output);
	else if (note->flags & V2M_SOCKET_OUTGOING)
		write_ends(sk, output);
	else if (!(note->flags & V2M_SOCKET_CLOSED))
		add_figures(&now, note, addition);
	release(sk);
	if (note && (note->flags & V2M_SOCKET_CLOSED))
		add_left_figures(sk, addition);
}

static __always_inline void add_closed_unlocked(struct sock *sk, const struct figures *final,
						struct v2m_session_socket *note,
						struct addition *addition)
{
	note->last_rx_bytes = final->rx;
	note->last_tx_bytes = final->tx;
	note->last_again_bytes = final->again;
	note->flags |= V2M_SOCKET_CLOSED;
	if (!claim(sk))
		return;
	note = find_note(sk);
	if (note) {
		add_figures(final, note, addition);
		remove_note(sk);
	}
	release(sk);
}

/* Adds the final figures. False: the socket has no note, or was closed or connected from here, and
 * nothing was added. */
static __always_inline bool add_closed(struct sock *sk, const struct figures *final,
				       struct addition *addition)
{
	struct v2m_session_socket *note = find_note(sk);

	if (!note || (note->flags & V2M_SOCKET_CLOSED))
		return false;
	if (note->flags & V2M_SOCKET_OUTGOING) {
		remove_note(sk);
		return false;
	}
	if (iterator_locks()) {
		note->flags |= V2M_SOCKET_CLOSED;
		add_figures(final, note, addition);
	} else {
		add_closed_unlocked(sk, final, note, addition);
	}
	return true;
}

#endif
