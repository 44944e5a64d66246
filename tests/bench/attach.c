// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Attaches a program by tcx, which iproute2 and the bpftool of Debian 12 cannot.
 *
 * attach OBJECT PROGRAM DEVICE ingress|egress PIN: pins the link, which keeps the program there.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* enum bpf_attach_type of Linux 6.6; the headers of Debian 12 are older. */
#define TCX_INGRESS 46
#define TCX_EGRESS  47

static int attach(struct bpf_object *object, char **words)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, words[2]);
	enum bpf_attach_type type = strcmp(words[4], "egress") ? (enum bpf_attach_type)TCX_INGRESS
							       : (enum bpf_attach_type)TCX_EGRESS;
	int result = bpf_object__load(object);
	int link;

	if (result || !program)
		return result ? result : -ENOENT;
	link = bpf_link_create(bpf_program__fd(program), (int)if_nametoindex(words[3]), type, NULL);
	return link < 0 ? link : bpf_obj_pin(link, words[5]);
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	int result;

	if (argc != 6) {
		fprintf(stderr, "usage: %s OBJECT PROGRAM DEVICE ingress|egress PIN\n", argv[0]);
		return 2;
	}
	object = bpf_object__open_file(argv[1], NULL);
	if (!object) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	result = attach(object, argv);
	if (result)
		fprintf(stderr, "%s on %s: %s\n", argv[2], argv[3], strerror(-result));
	bpf_object__close(object);
	return result ? 1 : 0;
}
