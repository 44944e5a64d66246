/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by the collector's own files. Everything but the struct request_queue and what publish.c
 * says is touched by the collector's thread alone. */
#ifndef V2METER_COLLECTOR_INTERNAL_H
#define V2METER_COLLECTOR_INTERNAL_H

#include <pthread.h>
#include <systemd/sd-event.h>

#include "collector/collector.h"
#include "accounting/account.h"
#include "keys/key_sources.h"
#include "base/log.h"
#include "accounting/rates.h"
#include "keys/source_watch.h"
#include "datapath/datapath.h"
#include "devices/links.h"
#include "sockets/sessions.h"
#include "sockets/socket_stats.h"
#include "sockets/sockets.h"
#include "ledger/ledger.h"

/* Connections are dumped this often without being asked for: 100,000 of them cost 143 ms of CPU
 * (docs/performance.md). */
#define CONNECTIONS_INTERVAL_NS (5 * UINT64_C(1000000000))

#define V2M_MODE_REASON_LEN 512

/* Timers may run out this late; sd-event's default of 250 ms is more than a sample interval. */
#define V2M_TIMER_ACCURACY_US 1000

struct request;

/* What HTTP threads want of the collector. */
struct request_queue {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	struct request *first;
	struct request **last;
	int event_fd;
	bool refusing;
};

/* What is wrong at the moment, for /health: the first that is set, in this order. */
struct condition {
	bool counters_unreadable;
	bool ledger_unwritable;
	bool keys_broken;
	bool ebpf_unavailable;
	bool no_device;
	bool netns_unavailable; /* there is none of that name: its connections are not seen */
	bool device_refused;    /* one of several: what passes there is not counted */
	bool too_many_ports;
};

/* A device that is counted on, and what happened to our programs there. */
struct watched_device {
	struct v2m_chosen_device chosen;
	uint64_t checked_ns; /* CLOCK_MONOTONIC when the programs were last known to be in place, 0:
				never */
	bool failed;         /* to attach, the last time; it was logged */
	bool refused; /* ... by the device, or the kernel, which will not do it later either */
	unsigned repairs;
	int64_t repaired_us; /* CLOCK_REALTIME, Unix microseconds; 0: never */
	uint64_t gap_ns;     /* at most this long they were away the last time */
};

/* What the log was told last of what is tried again and again, a panel that writes to its database
 * being reason enough. Who asks by SIGHUP is told again. */
struct said {
	struct v2m_error inexact;      /* why there is no exact counting */
	struct v2m_error previous;     /* why counts of the version before are not carried over */
	struct v2m_error keys;         /* why the keys stay as they were */
	struct v2m_log_memory sources; /* what is odd in the key sources */
};

struct published {
	pthread_mutex_t lock;
	struct v2m_window *window; /* NULL: the next request has a new one made */
	uint64_t expires_ns;       /* CLOCK_MONOTONIC */
	bool used;                 /* somebody read it: renew it when it expires */
	struct condition condition;
};

struct v2m_collector {
	const struct v2m_config *config;
	struct v2m_meter meter;
	sd_event *event;
	sd_event_source *tick;         /* ends a sample interval */
	sd_event_source *window_timer; /* ends the window */
	sd_event_source *request_event;
	sd_event_source *links_event;
	sd_event_source *keys_event;   /* NULL if the key sources are not watched */
	sd_event_source *closed_event; /* sockets were closed; NULL unless stats is read */
	struct request_queue queue;
	struct published published;

	int lock_fd; /* of the state directory */
	struct v2m_ledger *ledger;
	struct v2m_account *account;
	struct v2m_rates *rates;
	struct v2m_series *series;
	struct v2m_keyset *keyset;
	struct v2m_keyset *waiting; /* to be put in force: that failed. NULL: nothing is */
	bool unremembered;          /* the file of the last good keys tells of earlier ones */
	struct v2m_source_report sources;
	int sources_result;       /* of the last reading: 0 or -errno */
	uint64_t sources_read_ns; /* CLOCK_MONOTONIC */
	uint64_t reread_ns;       /* after which they are read again, where one could not be */
	struct v2m_source_watch *watch; /* of the key sources; NULL where it cannot be had */
	struct condition condition;
	/* What is behind a condition, while it is set. */
	struct v2m_error counters_error;
	struct v2m_error ledger_error;
	struct v2m_error sources_error; /* of the last reading, where sources_result is */
	struct v2m_error waiting_error; /* why there is a set that waits */
	struct v2m_error netns_error;

	/* source.c. One of them is there; both while counting becomes exact again, when stats is
	 * the source; neither where bytes cannot be counted. */
	struct v2m_datapath *datapath;
	struct v2m_socket_stats *stats;
	char mode_reason[V2M_MODE_REASON_LEN]; /* why it is not exact; "" where it is */
	struct v2m_error attach_error;         /* of the last device that refused */
	struct said said;
	struct v2m_links *links;
	struct watched_device *devices; /* ascending by ifindex */
	size_t n_devices;

	int netns_fd;                /* whose sockets are read; -1: our own, or there is none */
	uint32_t netns;              /* its inode number, 0: there is none */
	struct v2m_sockets *sockets; /* NULL: there are none to be seen */
	struct v2m_connection_table *connections;
	struct v2m_sessions *sessions;        /* NULL: nobody sees connections open and close */
	struct v2m_session_reading *readings; /* ascending by port; taken just before connections */
	size_t n_readings;

	struct v2m_sample sample; /* the last one that was accounted */
	uint64_t generation;      /* of the last snapshot */
	uint64_t flushed_ns;      /* CLOCK_MONOTONIC of the last flush that was tried */
	int64_t started_us;
};

/* sampling.c */

/* Reads the counters and accounts them to the keys in force. 0 or -errno, logged. */
int collector_take_sample(struct v2m_collector *collector);
/* Accounts what an earlier version with another layout of the maps had counted until our programs
 * took its place; before the first sample of our own maps. */
void collector_adopt_previous(struct v2m_collector *collector);
/* Stores what the account has that the disk does not. 0 or -errno; logged when it starts to fail
 * and when it works again. */
int collector_flush(struct v2m_collector *collector);

/* netns.c: where sockets are read. */

/* Opens the namespace and the sockets in it. One that is configured and not there may come later.
 * 0, or -EIO where the daemon's own cannot be read. */
int netns_open(struct v2m_collector *collector, struct v2m_error *error);
void netns_close(struct v2m_collector *collector);
/* The namespace that is configured may have gone, come, or come anew; whether it did. */
bool netns_follow(struct v2m_collector *collector);
/* Calls run in the namespace. What it returns, or -errno; -ENOENT where there is none. */
int netns_run(struct v2m_collector *collector, int (*run)(void *context), void *context);

/* connections.c */

void connections_close(struct v2m_collector *collector);
/* Has the kernel count connections, where there is a datapath and it can; logged where not. */
void connections_count(struct v2m_collector *collector);
/* Has the connections of the key set's ports counted; logged where that fails. */
void connections_set_keyset(struct v2m_collector *collector, const struct v2m_keyset *keyset);
/* Dumps the connections of the monitored ports. 0 or -errno, logged; the old dump stays then. */
int collector_dump_connections(struct v2m_collector *collector);
/* Fills in what of the view is about connections. */
void connections_fill(const struct v2m_collector *collector, struct v2m_port_view *view);

/* collector.c */

/* Whether the text is another than the one that was said, which it is from now on. */
bool collector_is_news(struct v2m_error *said, const char *text);

/* source.c */

/* Decides where the counters come from. 0, or -errno where the operator has to change something:
 * another daemon runs, or pin_dir is not what it has to be. */
int source_open(struct v2m_collector *collector, struct v2m_error *error);
void source_close(struct v2m_collector *collector);
/* After the namespace of the sockets has changed. */
void source_follow_netns(struct v2m_collector *collector);
/* Has the ports of the key set counted. Returns how many could not be placed, or -errno. */
int source_set_keyset(struct v2m_collector *collector, const struct v2m_keyset *keyset,
		      struct v2m_error *error);
/* As v2m_datapath_read(). -EOPNOTSUPP where bytes cannot be counted. */
int source_read(struct v2m_collector *collector, struct v2m_sample *sample,
		struct v2m_error *error);
/* Falls back where every chosen device has refused the programs. */
void source_check_devices(struct v2m_collector *collector);
/* Goes back to exact counting where that has become possible. */
void source_retry(struct v2m_collector *collector);

/* Whether the kernel programs count. */
bool collector_is_exact(const struct v2m_collector *collector);
/* Whether anything of the port is counted: without the programs, UDP is not. */
bool collector_counts_port(const struct v2m_collector *collector, const struct v2m_key_port *port);

/* devices.c */

/* Chooses the devices again, attaches to those, lets go of others, and reads their counters. */
void collector_update_devices(struct v2m_collector *collector);
/* Puts back what somebody took off the chosen devices. */
void collector_check_devices(struct v2m_collector *collector);

/* Reads the devices' own counters, for an answer. */
void collector_read_links(struct v2m_collector *collector);

/* status.c, history.c, curves.c, transfer.c: fill in what of the meter they answer. */

void status_init(struct v2m_meter *meter);
void history_init(struct v2m_meter *meter);
void curves_init(struct v2m_meter *meter);
void transfer_init(struct v2m_meter *meter);

/* curves.c: the rates of a port that goes to another key are not the new owner's to see. */
void curves_change_owners(struct v2m_collector *collector, const struct v2m_keyset *next);

/* keys.c */

/* Begins to watch the key sources; without it they are read on SIGHUP alone, and the log says so.
 */
void collector_watch_keys(struct v2m_collector *collector);
/* Reads the key sources and puts the new set in force. Where that fails the old set stays, and the
 * log says so. */
void collector_load_keys(struct v2m_collector *collector);
/* Puts the set in force that could not be, if there is one. */
void collector_retry_keys(struct v2m_collector *collector);
/* Writes the file of the last good keys where that has failed. */
void collector_remember_keys(struct v2m_collector *collector);
/* Reads sources again that could not be read for a reason that may go without a change of theirs.
 */
void collector_reread_keys(struct v2m_collector *collector);
/* The first time: what was counted while the daemon was away goes to the last good keys, and where
 * the sources are broken those stay in force. 0, or -errno: no keys to begin with; -EINVAL: as
 * the sources are wrong, else another start may do better. */
int collector_start_keys(struct v2m_collector *collector, struct v2m_error *error);
/* The key, where its bytes can be told: V2M_OK (a key without a port included), V2M_KEY_NOT_FOUND,
 * V2M_KEY_SHARES_PORT or V2M_KEY_IS_UDP. */
enum v2m_verdict collector_find_key(const struct v2m_collector *collector, const char *id_or_uuid,
				    const struct v2m_key **key);

/* publish.c: the window in force; published.lock guards what is in struct published. */

/* A snapshot of this moment's account. NULL: out of memory. */
struct v2m_window *collector_make_window(struct v2m_collector *collector);
/* The window in force if it has not run out, with a reference, else NULL. Any thread. */
struct v2m_window *published_window(struct v2m_collector *collector);
/* Puts a window in force for the configured time. */
void publish_window(struct v2m_collector *collector, struct v2m_window *window);
/* The next request gets a new window. */
void publish_nothing(struct v2m_collector *collector);
/* Registers the timer that ends a window. 0 or -errno. */
int publish_init(struct v2m_collector *collector);
/* Lets /health see the condition of the collector. */
void publish_condition(struct v2m_collector *collector);
void published_health(struct v2m_collector *collector, struct v2m_health *health);

/* requests.c */

/* Something that has to happen on the collector's thread. */
typedef enum v2m_verdict (*collector_call)(struct v2m_collector *collector, void *argument);
/* Has it done there, after a sample was taken, and waits for it. V2M_UNREADABLE where the collector
 * is ending. Any other thread. */
enum v2m_verdict requests_call(struct v2m_collector *collector, collector_call call,
			       void *argument);

/* Fills in what of the meter waits for the collector's thread. 0 or -errno. */
int requests_init(struct v2m_collector *collector);
void requests_free(struct v2m_collector *collector);

#endif
