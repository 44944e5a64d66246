// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/macros.h"

#define NOBODY 65534

/* The user and the group. Reads /etc/passwd itself: getpwnam() would load libraries that stay in
 * memory. */
static void find_user(const char *name, uid_t *uid, gid_t *gid)
{
	V2M_FCLOSE FILE *file = fopen("/etc/passwd", "re");
	struct passwd *entry;

	*uid = *gid = NOBODY;
	while (file && (entry = fgetpwent(file))) {
		if (strcmp(entry->pw_name, name) != 0)
			continue;
		*uid = entry->pw_uid;
		*gid = entry->pw_gid;
	}
}

/* Makes an empty directory the root of this process, and removes it: nothing can be made in a
 * directory that is gone. */
static bool enter_empty_root(const char *parent)
{
	V2M_FREE char *path = NULL;
	bool entered;

	if (asprintf(&path, "%s/empty-XXXXXX", parent) < 0) {
		path = NULL;
		return false;
	}
	if (!mkdtemp(path))
		return false;
	entered = chdir(path) == 0;
	rmdir(path);
	return entered && chroot(".") == 0;
}

/* Allows to read all files and directories, and nothing else. */
static bool allow_reading(int ruleset)
{
	V2M_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
		.parent_fd = root,
	};

	return root >= 0 &&
	       syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

/* Takes every right to files away, or every one but to read them. False: this kernel has no
 * Landlock. */
static bool forbid_files(bool reads_files)
{
	const struct landlock_ruleset_attr rules = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	V2M_CLOSE int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);

	if (fd < 0 || (reads_files && !allow_reading(fd)))
		return false;
	return syscall(SYS_landlock_restrict_self, fd, 0) == 0;
}

/* keeps_capabilities: until they are dropped. */
static bool change_user(uid_t uid, gid_t gid, bool keeps_capabilities)
{
	if (geteuid() != 0)
		return false;
	if (keeps_capabilities && prctl(PR_SET_KEEPCAPS, 1))
		return false;
	return setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 &&
	       setresuid(uid, uid, uid) == 0;
}

static void empty_bounding_set(void)
{
	/* Without CAP_SETPCAP it stays. It only matters to programs that are executed, and
	 * no_new_privs keeps these from gaining anything. */
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		prctl(PR_CAPBSET_DROP, capability);
}

#define READ_SEARCH (1u << CAP_DAC_READ_SEARCH)

static bool may_read_everything(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	return syscall(SYS_capget, &header, data) == 0 && data[0].permitted & READ_SEARCH;
}

/* kept: those that stay, as bits. */
static bool drop_capabilities(unsigned kept)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct data[2] = { { .effective = kept, .permitted = kept } };

	return syscall(SYS_capset, &header, data) == 0;
}

static void set_limit(int resource, uint64_t max)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit))
		return;
	if (limit.rlim_max == RLIM_INFINITY || max < limit.rlim_max)
		limit.rlim_max = max;
	limit.rlim_cur = limit.rlim_max;
	setrlimit((__rlimit_resource_t)resource, &limit);
}

/* At the soft limit the process ends by a signal of its own, SIGXCPU, which the log can name. */
static void set_cpu_limit(unsigned max_s)
{
	struct rlimit limit;

	set_limit(RLIMIT_CPU, max_s + 1);
	if (getrlimit(RLIMIT_CPU, &limit) || limit.rlim_cur < max_s)
		return;
	limit.rlim_cur = max_s;
	setrlimit(RLIMIT_CPU, &limit);
}

static void set_limits(const struct v2m_confine_options *options)
{
	set_limit(RLIMIT_FSIZE, options->max_file);
	set_limit(RLIMIT_NOFILE, options->max_opened);
	if (options->max_cpu_s)
		set_cpu_limit(options->max_cpu_s);
#ifndef __SANITIZE_ADDRESS__
	if (options->max_data)
		set_limit(RLIMIT_DATA, options->max_data);
#endif
}

/* A program that the kernel hands core dumps to need not respect the limit. */
void v2m_confine_memory(void)
{
	set_limit(RLIMIT_CORE, 0);
	prctl(PR_SET_DUMPABLE, 0);
}

unsigned v2m_confine(const struct v2m_confine_options *options)
{
	unsigned kept = options->reads_files && may_read_everything() ? READ_SEARCH : 0;
	bool keeps_user = options->reads_files && !kept;
	unsigned missing = 0;
	bool no_files;
	uid_t uid;
	gid_t gid;

	find_user(options->user, &uid, &gid);
	no_files =
		!options->reads_files && options->empty_in && enter_empty_root(options->empty_in);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		missing |= V2M_PROTECT_PRIVILEGES;
	empty_bounding_set();
	if (keeps_user || !change_user(uid, gid, kept != 0))
		missing |= V2M_PROTECT_USER;
	if (!drop_capabilities(kept))
		missing |= V2M_PROTECT_CAPABILITIES;
	if (!forbid_files(options->reads_files) && !no_files)
		missing |= V2M_PROTECT_FILES;
	set_limits(options);
	/* Last: another user would have made it readable again. */
	v2m_confine_memory();
	return missing;
}

/* 0 or -errno. */
static int allow_calls(scmp_filter_ctx filter, const int *calls, size_t count)
{
	/* Memory that can be executed is never asked for; a filter cannot look at the flags of
	 * clone3(), and without it the C library uses clone(). */
	const struct scmp_arg_cmp no_execution = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
	int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_execution);

	if (!result)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
					  no_execution);
	if (!result)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, thread);
	if (!result)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (size_t i = 0; !result && i < count; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return result;
}

/* O_TMPFILE writes, too. 0 or -errno. */
static int allow_reading_calls(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp reading =
		SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);

	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, reading);
}

unsigned v2m_confine_calls(const int *calls, size_t count, bool reads_files)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int result;

	if (!filter)
		return V2M_PROTECT_CALLS;
	result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!result)
		result = allow_calls(filter, calls, count);
	if (!result && reads_files)
		result = allow_reading_calls(filter);
	if (!result)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result ? V2M_PROTECT_CALLS : 0;
}

void v2m_confine_names(unsigned protections, char *text, size_t size)
{
	static const char *const names[] = { "a user of its own", "dropped capabilities",
					     "no_new_privs", "a ban on files (Landlock or chroot)",
					     "a list of allowed system calls (seccomp)" };
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < V2M_ARRAY_LEN(names); i++)
		if (protections >> i & 1 && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 names[i]);
}
