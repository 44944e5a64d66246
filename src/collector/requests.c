// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/requests.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

struct v2m_requests {
	v2m_requests_handler handler;
	void *context;
	sd_event_source *source;
	int event_fd; /* readable while requests wait */
	/* The lock guards the rest. */
	pthread_mutex_t lock;
	pthread_cond_t answered;
	struct v2m_request *first;
	struct v2m_request **last;
	bool refusing;
};

static struct v2m_request *take_batch(struct v2m_requests *requests)
{
	struct v2m_request *batch;
	uint64_t count;

	pthread_mutex_lock(&requests->lock);
	if (read(requests->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		v2m_log_error("the event of the request queue cannot be read: %s", strerror(errno));
	batch = requests->first;
	requests->first = NULL;
	requests->last = &requests->first;
	pthread_mutex_unlock(&requests->lock);
	return batch;
}

/* Each request belongs to its own thread again when the lock is released. */
static void release_batch(struct v2m_requests *requests, struct v2m_request *batch)
{
	pthread_mutex_lock(&requests->lock);
	for (struct v2m_request *request = batch; request; request = request->next)
		request->answered = true;
	pthread_cond_broadcast(&requests->answered);
	pthread_mutex_unlock(&requests->lock);
}

static int handle_requests(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct v2m_requests *requests = context;
	struct v2m_request *batch = take_batch(requests);

	(void)source;
	(void)fd;
	(void)events;
	if (batch)
		requests->handler(batch, requests->context);
	release_batch(requests, batch);
	return 0;
}

int v2m_requests_open(sd_event *event, v2m_requests_handler handler, void *context,
		      struct v2m_requests **requests)
{
	struct v2m_requests *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return -ENOMEM;
	made->handler = handler;
	made->context = context;
	made->last = &made->first;
	pthread_mutex_init(&made->lock, NULL);
	pthread_cond_init(&made->answered, NULL);
	made->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	result = made->event_fd < 0 ? -errno
				    : sd_event_add_io(event, &made->source, made->event_fd, EPOLLIN,
						      handle_requests, made);
	if (result < 0) {
		v2m_requests_close(made);
		return result;
	}
	*requests = made;
	return 0;
}

void v2m_requests_close(struct v2m_requests *requests)
{
	if (!requests)
		return;
	sd_event_source_unref(requests->source);
	v2m_closep(&requests->event_fd);
	pthread_cond_destroy(&requests->answered);
	pthread_mutex_destroy(&requests->lock);
	free(requests);
}

enum v2m_verdict v2m_requests_wait(struct v2m_requests *requests, struct v2m_request *request)
{
	uint64_t one = 1;

	request->verdict = V2M_UNREADABLE;
	pthread_mutex_lock(&requests->lock);
	if (!requests->refusing) {
		*requests->last = request;
		requests->last = &request->next;
		if (write(requests->event_fd, &one, sizeof(one)) < 0)
			v2m_log_error("the collector cannot be woken for a request: %s",
				      strerror(errno));
		while (!request->answered)
			pthread_cond_wait(&requests->answered, &requests->lock);
	}
	pthread_mutex_unlock(&requests->lock);
	return request->verdict;
}

void v2m_requests_refuse(struct v2m_requests *requests)
{
	pthread_mutex_lock(&requests->lock);
	requests->refusing = true;
	pthread_mutex_unlock(&requests->lock);
	release_batch(requests, take_batch(requests));
}
