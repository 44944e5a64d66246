/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The object files of the kernel programs are constants of our executable. */
#ifndef V2METER_PINS_SKELETON_PAGES_H
#define V2METER_PINS_SKELETON_PAGES_H

struct bpf_object_skeleton;

/* Takes the pages of the skeleton's object file out of our memory, after the object was loaded. A
 * later load reads them from the executable again. */
void v2m_skeleton_give_back(const struct bpf_object_skeleton *skeleton);

#endif
