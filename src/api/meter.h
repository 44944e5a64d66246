/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the API may ask of the running meter. The answering process implements it by messages to the
 * counting process; the HTTP side and its tests know only this. All calls are thread-safe. If a
 * call waits for a reading or for the disk, its comment says so. No call waits without end: its
 * verdict is V2M_LATE then.
 *
 * A call that changes something gets the API key that the client presented. The verdict is
 * V2M_FORBIDDEN if it is no valid one, and V2M_OUT_OF_SCOPE if it may not do this.
 */
#ifndef V2METER_API_METER_H
#define V2METER_API_METER_H

#include "api/window.h"
#include "accounting/history.h"
#include "keys/keys.h"
#include "rates/rate_history.h"
#include "api/status.h"
#include "base/error.h"

enum v2m_verdict {
	V2M_OK,
	V2M_KEY_NOT_FOUND,
	V2M_KEY_HAS_NO_PORT,
	V2M_KEY_SHARES_PORT, /* its bytes cannot be told from those of other keys */
	V2M_KEY_IS_UDP,      /* V2M_MODE_SOCKET_STATS does not count UDP */
	V2M_NOT_STORED,      /* the ledger could not store it: nothing has changed */
	V2M_BAD_DOCUMENT,    /* the text to import is no document of totals */
	V2M_OWN_DOCUMENT,    /* this ledger wrote the document itself */
	V2M_UNREADABLE,      /* the counters cannot be read */
	V2M_FORBIDDEN,       /* the API key of the request is none of those of the server */
	V2M_OUT_OF_SCOPE,    /* it is one of them, without the scope that the call needs */
	V2M_LATE,            /* no answer within the time that a request may wait */
	V2M_N_VERDICTS,
};

/* key_id, uuid and real_us are also filled in if the verdict is V2M_KEY_HAS_NO_PORT. */
struct v2m_reset {
	char key_id[256]; /* the key's id, however the request named it */
	char uuid[256];
	uint16_t port;
	struct v2m_totals closed; /* what the reset closed, exactly */
	int64_t real_us;          /* when, Unix microseconds */
};

struct v2m_health {
	bool can_serve;               /* counts can be read */
	char reason[V2M_REASON_SIZE]; /* "": healthy; else a stable word */
};
/* The thread that counts does not go round any more. */
#define V2M_REASON_STALLED "stalled"

/* A question about history. */
struct v2m_history_query {
	const char *id_or_uuid; /* NULL: every key, without days */
	int32_t month;          /* as v2m_month_parse() gives it, or one of these */
	int32_t from;           /* for hours alone: the first and the last local date */
	int32_t to;
};
#define V2M_ALL_TIME   0
#define V2M_THIS_MONTH (-1) /* by the collector's clock and the local calendar */

/* A key's wire bytes per second over the last hours, step by step. */
struct v2m_key_rates {
	int64_t start_us; /* of the first step, Unix microseconds */
	unsigned step_s;
	struct v2m_rate_point *points; /* malloc'd; finished steps, oldest first */
	size_t n_points;
	int64_t real_us; /* of the last reading */
};

struct v2m_meter {
	void *context;
	/* The window to answer from; the caller gives its reference back. fresh: its sample is
	 * taken after this call began, and shared with calls that arrive at the same time; the call
	 * waits for the kernel. Not fresh: the current window; only the first request after it ran
	 * out waits. V2M_OK or V2M_UNREADABLE. */
	enum v2m_verdict (*window)(void *context, bool fresh, struct v2m_window **window);
	/* A window whose sample is at most a second old, for those that ask again and again. Its
	 * connections are those of the last dump. V2M_OK or V2M_UNREADABLE. */
	enum v2m_verdict (*live)(void *context, struct v2m_window **window);
	/* Reads the counters, closes the key's period and waits until that is on disk. The next
	 * window starts then. */
	enum v2m_verdict (*reset)(void *context, const char *api_key, const char *id_or_uuid,
				  struct v2m_reset *reset);
	void (*health)(void *context, struct v2m_health *health);
	/* Reads the ledger, on the collector's thread. The caller clears history. A question about
	 * one key that shares its port is refused. V2M_OK, V2M_KEY_NOT_FOUND, V2M_KEY_SHARES_PORT
	 * or V2M_UNREADABLE; *history is untouched unless V2M_OK. */
	enum v2m_verdict (*history)(void *context, const struct v2m_history_query *query,
				    struct v2m_history *history);
	/* V2M_OK or V2M_UNREADABLE. */
	enum v2m_verdict (*history_date)(void *context, int32_t date,
					 struct v2m_history_date *history);
	/* The hours of one key that begin on the dates from..to, ascending; the caller frees
	 * *hours. The verdicts of history. */
	enum v2m_verdict (*hours)(void *context, const struct v2m_history_query *query,
				  struct v2m_history_hour **hours, size_t *n_hours);
	/* Takes a reading; the caller frees rates->points. A key without a port has zeros. The
	 * verdicts of history, and V2M_KEY_IS_UDP. */
	enum v2m_verdict (*rates)(void *context, const char *id_or_uuid,
				  struct v2m_key_rates *rates);
	/* Begins a key's history anew; on disk when it returns. *real_us: when. The next window
	 * starts then. V2M_OK, V2M_KEY_NOT_FOUND, V2M_KEY_SHARES_PORT, V2M_NOT_STORED or
	 * V2M_UNREADABLE. */
	enum v2m_verdict (*history_reset)(void *context, const char *api_key,
					  const char *id_or_uuid, int64_t *real_us);
	/* Deletes days before that many days ago (0 to 100000); lifetime totals stay. The next
	 * window starts then. V2M_OK or V2M_NOT_STORED. */
	enum v2m_verdict (*history_cleanup)(void *context, const char *api_key,
					    unsigned days_to_keep, int64_t *real_us);
	/* The totals and the history of every key there ever was, as a document for another server;
	 * *text is malloc'd and 0-terminated. What is pending is stored first. V2M_OK,
	 * V2M_NOT_STORED or V2M_UNREADABLE. */
	enum v2m_verdict (*export_totals)(void *context, char **text, size_t *length);
	/* Adds the totals of such a document, each subject once only; on disk when it returns. The
	 * next window starts then. V2M_OK, V2M_BAD_DOCUMENT with line and column
	 * in *error, V2M_OWN_DOCUMENT, V2M_NOT_STORED or V2M_UNREADABLE. */
	enum v2m_verdict (*import_totals)(void *context, const char *api_key, const char *text,
					  size_t length, struct v2m_import_result *result,
					  struct v2m_error *error);
	/* The operator's view; the caller frees it. V2M_OK or V2M_UNREADABLE. */
	enum v2m_verdict (*status)(void *context, struct v2m_status **status);
};

#endif
