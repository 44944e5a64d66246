// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "http/gate_queue.h"
#include "http/worker_socket.h"

/* Connections that wait for their headers or for a worker. If there are more, the one that has
 * waited longest for its headers is closed. */
#define CONNECTIONS_MAX 4096
/* As many bytes as civetweb takes for a header: more of them do not make it complete. */
#define HEADER_MAX 8192
/* Requests that wait for their turn. */
#define HELD_MAX 1024
/* Descriptors among which civetweb's listening sockets are looked for. */
#define FDS_MAX  4096
#define EVENTS   64
#define PAUSE_NS 1000000

struct v2m_gate {
	struct v2m_gate *next;    /* of the gates of this process */
	bool *before;             /* descriptors that were listening sockets before */
	V2M_ARRAY(int) listeners; /* duplicates of those that we accept from */
	V2M_ARRAY(int) places;    /* descriptors that civetweb takes for listening sockets */
	int ready_fd;             /* counts the ready connections */
	int end_fd;               /* readable when the thread shall end */
	int epoll_fd;
	struct v2m_gate_rules rules;
	pthread_t thread;
	bool started;
	struct v2m_gate_queue waiting; /* for their headers; only the thread uses these two */
	struct v2m_gate_queue held;    /* for their turn */
	size_t n_held;
	pthread_mutex_t lock; /* for the rest */
	struct v2m_gate_queue ready;
	size_t count; /* of all queues */
	bool shut;
};

/* The gates of this process: one, and more in tests. */
static struct v2m_gate *gates;
static pthread_mutex_t gates_lock = PTHREAD_MUTEX_INITIALIZER;

static void add_count(struct v2m_gate *gate, int difference)
{
	pthread_mutex_lock(&gate->lock);
	gate->count += (size_t)difference;
	pthread_mutex_unlock(&gate->lock);
}

/* Takes one out of the queue that it is in. */
static void take_from_queue(struct v2m_gate *gate, struct v2m_waiting *one)
{
	v2m_gate_queue_take_out(one->turn_ns ? &gate->held : &gate->waiting, one);
	gate->n_held -= one->turn_ns != 0;
}

static void drop(struct v2m_gate *gate, struct v2m_waiting *one)
{
	take_from_queue(gate, one);
	close(one->fd);
	free(one);
	add_count(gate, -1);
}

/* The client's bytes are read first: otherwise the kernel would reset the connection, and the
 * client might never see why. A client that has sent nothing gets nothing. */
static void refuse(struct v2m_gate *gate, struct v2m_waiting *one, const char *refusal)
{
	char bytes[HEADER_MAX];

	if (recv(one->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		send(one->fd, refusal, strlen(refusal), MSG_DONTWAIT | MSG_NOSIGNAL);
	explicit_bzero(bytes, sizeof(bytes));
	shutdown(one->fd, SHUT_WR);
	drop(gate, one);
}

/* The counter cannot be full. */
static void write_one(int fd)
{
	const uint64_t one = 1;

	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		return;
}

static void hand_over(struct v2m_gate *gate, struct v2m_waiting *one)
{
	epoll_ctl(gate->epoll_fd, EPOLL_CTL_DEL, one->fd, NULL);
	take_from_queue(gate, one);
	pthread_mutex_lock(&gate->lock);
	v2m_gate_queue_append(&gate->ready, one);
	pthread_mutex_unlock(&gate->lock);
	write_one(gate->ready_fd);
}

/* civetweb takes bare line feeds for the end of the headers, too. Where it would not see the end, a
 * worker would wait for more. */
static bool are_complete(const char *header, size_t length)
{
	return length >= HEADER_MAX || memmem(header, length, "\r\n\r\n", 4) ||
	       memmem(header, length, "\n\n", 2);
}

/* The request is complete. Some have to wait for their turn. */
static void admit(struct v2m_gate *gate, struct v2m_waiting *one, const char *header, size_t length)
{
	const struct v2m_gate_rules *rules = &gate->rules;
	uint64_t turn_ns = rules->turn ? rules->turn(rules->context, one->address.sin_addr.s_addr,
						     header, length)
				       : 0;

	if (turn_ns == 0) {
		hand_over(gate, one);
	} else if (turn_ns == V2M_GATE_REFUSE || gate->n_held == HELD_MAX) {
		refuse(gate, one, rules->refused);
	} else {
		v2m_gate_queue_take_out(&gate->waiting, one);
		one->turn_ns = turn_ns;
		v2m_gate_queue_append(&gate->held, one);
		gate->n_held++;
	}
}

/* Looks at what a client has sent, which stays in the socket. */
static void follow_client(struct v2m_gate *gate, struct v2m_waiting *one, uint32_t events)
{
	char header[HEADER_MAX];
	ssize_t length = recv(one->fd, header, sizeof(header), MSG_PEEK | MSG_DONTWAIT);

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0)
		drop(gate, one);
	else if (!one->turn_ns && ((events & EPOLLRDHUP) || are_complete(header, (size_t)length)))
		admit(gate, one, header, (size_t)length);
	explicit_bzero(header, length > 0 ? (size_t)length : 0); /* with an API key in it */
}

static bool has_room(struct v2m_gate *gate)
{
	bool has;

	pthread_mutex_lock(&gate->lock);
	has = gate->count < CONNECTIONS_MAX;
	pthread_mutex_unlock(&gate->lock);
	return has;
}

/* False: no further connection can be accepted now. */
static bool make_room(struct v2m_gate *gate)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	if (gate->held.first) {
		refuse(gate, gate->held.first, gate->rules.refused);
		return true;
	}
	if (gate->waiting.first) {
		refuse(gate, gate->waiting.first, gate->rules.late);
		return true;
	}
	/* All have asked something: the workers will be done in a moment. */
	nanosleep(&pause, NULL);
	return false;
}

static bool accept_one(struct v2m_gate *gate, int listener)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
	struct sockaddr_in address = { 0 };
	socklen_t size = sizeof(address);
	struct v2m_waiting *one;
	int fd = (int)syscall(SYS_accept4, listener, &address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return (errno == EMFILE || errno == ENFILE) && make_room(gate);
	one = calloc(1, sizeof(*one));
	if (!one) {
		close(fd);
		return make_room(gate);
	}
	one->fd = fd;
	one->address = address;
	one->deadline_ns = v2m_clock_mono_ns() + gate->rules.timeout_ms * UINT64_C(1000000);
	v2m_gate_queue_append(&gate->waiting, one);
	add_count(gate, 1);
	event.data.ptr = one;
	if (epoll_ctl(gate->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		drop(gate, one);
	return true;
}

static void accept_all(struct v2m_gate *gate, int listener)
{
	/* Not without end: those that wait have deadlines. */
	for (int i = 0; i < EVENTS; i++)
		if ((!has_room(gate) && !make_room(gate)) || !accept_one(gate, listener))
			return;
}

/* Hands those over whose turn has come. Returns when the next one's comes; UINT64_MAX: none waits.
 * All are looked at, because each address has its own turns. */
static uint64_t follow_turns(struct v2m_gate *gate, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;
	struct v2m_waiting *next;

	for (struct v2m_waiting *one = gate->held.first; one; one = next) {
		next = one->next;
		if (one->turn_ns <= now_ns)
			hand_over(gate, one);
		else if (one->turn_ns < next_ns)
			next_ns = one->turn_ns;
	}
	return next_ns;
}

/* Refuses those that are late. Returns how long the thread may sleep, in ms; -1: none waits. */
static int follow_times(struct v2m_gate *gate)
{
	uint64_t now_ns = v2m_clock_mono_ns();
	uint64_t next_ns;

	while (gate->waiting.first && gate->waiting.first->deadline_ns <= now_ns)
		refuse(gate, gate->waiting.first, gate->rules.late);
	next_ns = follow_turns(gate, now_ns);
	if (gate->waiting.first && gate->waiting.first->deadline_ns < next_ns)
		next_ns = gate->waiting.first->deadline_ns;
	return next_ns == UINT64_MAX ? -1 : (int)((next_ns - now_ns) / 1000000) + 1;
}

/* The listener that the event is about; -1: it is about a client. */
static int listener_of(const struct v2m_gate *gate, const struct epoll_event *event)
{
	for (size_t i = 0; i < gate->listeners.count; i++)
		if (event->data.ptr == &gate->listeners.items[i])
			return gate->listeners.items[i];
	return -1;
}

/* A client is dropped or handed over by its own event only, or between two rounds. Making room for
 * new connections may drop one that has an event in this round, so these come last. */
static bool follow_events(struct v2m_gate *gate, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++)
		if (!events[i].data.ptr)
			return false;
		else if (listener_of(gate, &events[i]) < 0)
			follow_client(gate, events[i].data.ptr, events[i].events);
	for (int i = 0; i < count; i++)
		if (listener_of(gate, &events[i]) >= 0)
			accept_all(gate, listener_of(gate, &events[i]));
	return true;
}

static void *keep_gate(void *argument)
{
	struct epoll_event events[EVENTS];
	struct v2m_gate *gate = argument;
	int count;

	do {
		count = epoll_wait(gate->epoll_fd, events, EVENTS, follow_times(gate));
	} while (count < 0 ? errno == EINTR : follow_events(gate, events, count));
	return NULL;
}

static bool has_place(const struct v2m_gate *gate, int place)
{
	for (size_t i = 0; i < gate->places.count; i++)
		if (gate->places.items[i] == place)
			return true;
	return false;
}

static struct v2m_gate *find_gate(int place)
{
	struct v2m_gate *gate;

	pthread_mutex_lock(&gates_lock);
	gate = gates;
	while (gate && !has_place(gate, place))
		gate = gate->next;
	pthread_mutex_unlock(&gates_lock);
	return gate;
}

static int take_ready(struct v2m_gate *gate, struct sockaddr *address, socklen_t *size)
{
	struct v2m_waiting *one = NULL;
	uint64_t count;
	int fd;

	pthread_mutex_lock(&gate->lock);
	if (!gate->shut && read(gate->ready_fd, &count, sizeof(count)) > 0)
		one = gate->ready.first;
	if (one) {
		v2m_gate_queue_take_out(&gate->ready, one);
		gate->count--;
	}
	pthread_mutex_unlock(&gate->lock);
	if (!one) {
		errno = EAGAIN;
		return -1;
	}
	if (address && *size >= sizeof(one->address)) {
		memcpy(address, &one->address, sizeof(one->address));
		*size = sizeof(one->address);
	}
	fd = one->fd;
	free(one);
	return fd;
}

/* Takes the place of the C library's function, because civetweb calls it. On civetweb's listening
 * socket, it returns the next ready connection of the gate; on any other, it works as usual. */
int accept(int fd, struct sockaddr *address, socklen_t *size)
{
	struct v2m_gate *gate = find_gate(fd);

	if (gate)
		return take_ready(gate, address, size);
	return (int)syscall(SYS_accept4, fd, address, size, 0);
}

static bool is_listening(int fd)
{
	int listening = 0;
	socklen_t size = sizeof(listening);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

struct v2m_gate *v2m_gate_prepare(void)
{
	struct v2m_gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		return NULL;
	gate->ready_fd = gate->end_fd = gate->epoll_fd = -1;
	pthread_mutex_init(&gate->lock, NULL);
	gate->before = calloc(FDS_MAX, sizeof(*gate->before));
	if (!gate->before) {
		v2m_gate_free(gate);
		return NULL;
	}
	for (int fd = 0; fd < FDS_MAX; fd++)
		gate->before[fd] = is_listening(fd);
	return gate;
}

/* 0 or -errno. */
static int add_listener(struct v2m_gate *gate, int listener)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = fcntl(listener, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* Room was reserved: the items do not move, because events point to them. */
	gate->listeners.items[gate->listeners.count] = fd;
	event.data.ptr = &gate->listeners.items[gate->listeners.count++];
	if (fcntl(fd, F_SETFL, O_NONBLOCK) || v2m_worker_set_patience(fd) ||
	    epoll_ctl(gate->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	return 0;
}

/* Closes a listening socket of civetweb by putting the counter in its place. A thread of civetweb
 * that is in poll() with the socket would stay there for up to 2 s, so the end of the socket wakes
 * it. It looks at the counter then, without waiting for it: one count without a connection makes it
 * begin anew. 0 or -errno. */
static int take_place(struct v2m_gate *gate, int place)
{
	V2M_CLOSE int replaced = fcntl(place, F_DUPFD_CLOEXEC, 0);

	if (replaced < 0 || dup3(gate->ready_fd, place, O_CLOEXEC) < 0)
		return -errno;
	write_one(gate->ready_fd);
	shutdown(replaced, SHUT_RDWR);
	return 0;
}

/* Takes the place of all listening sockets of civetweb. 0 or -errno. */
static int take_places(struct v2m_gate *gate)
{
	int result = 0;

	pthread_mutex_lock(&gates_lock);
	gate->next = gates;
	gates = gate;
	for (int fd = 0; fd < FDS_MAX && !result; fd++) {
		if (gate->before[fd] || !is_listening(fd))
			continue;
		result = v2m_array_add(&gate->places, fd);
		if (!result)
			result = take_place(gate, fd);
	}
	pthread_mutex_unlock(&gates_lock);
	return result;
}

int v2m_gate_install(struct v2m_gate *gate, const struct v2m_listeners *listeners,
		     const struct v2m_gate_rules *rules)
{
	struct epoll_event end = { .events = EPOLLIN };
	int result;

	gate->rules = *rules;
	if (v2m_array_reserve(&gate->listeners, listeners->count))
		return -ENOMEM;
	gate->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	gate->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	gate->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (gate->ready_fd < 0 || gate->end_fd < 0 || gate->epoll_fd < 0 ||
	    epoll_ctl(gate->epoll_fd, EPOLL_CTL_ADD, gate->end_fd, &end))
		return -errno;
	result = take_places(gate);
	for (size_t i = 0; i < listeners->count && !result; i++)
		result = add_listener(gate, listeners->items[i]);
	return result;
}

int v2m_gate_accept(struct v2m_gate *gate)
{
	int result = -pthread_create(&gate->thread, NULL, keep_gate, gate);

	gate->started = result == 0;
	return result;
}

void v2m_gate_close(struct v2m_gate *gate)
{
	for (size_t i = 0; i < gate->listeners.count; i++)
		epoll_ctl(gate->epoll_fd, EPOLL_CTL_DEL, gate->listeners.items[i], NULL);
}

void v2m_gate_shut(struct v2m_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->shut = true;
	pthread_mutex_unlock(&gate->lock);
	write_one(gate->ready_fd);
}

static void forget_gate(struct v2m_gate *gate)
{
	struct v2m_gate **at = &gates;

	pthread_mutex_lock(&gates_lock);
	while (*at && *at != gate)
		at = &(*at)->next;
	if (*at)
		*at = gate->next;
	pthread_mutex_unlock(&gates_lock);
}

void v2m_gate_free(struct v2m_gate *gate)
{
	if (!gate)
		return;
	forget_gate(gate);
	if (gate->started) {
		write_one(gate->end_fd);
		pthread_join(gate->thread, NULL);
	}
	v2m_gate_queue_close(&gate->waiting);
	v2m_gate_queue_close(&gate->held);
	v2m_gate_queue_close(&gate->ready);
	for (size_t i = 0; i < gate->listeners.count; i++)
		close(gate->listeners.items[i]);
	v2m_closep(&gate->ready_fd);
	v2m_closep(&gate->end_fd);
	v2m_closep(&gate->epoll_fd);
	v2m_array_clear(&gate->listeners);
	v2m_array_clear(&gate->places);
	pthread_mutex_destroy(&gate->lock);
	free(gate->before);
	free(gate);
}
