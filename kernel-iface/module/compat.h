/* SPDX-License-Identifier: GPL-2.0-only */
/* What kernels before the newest lack, under its newest name. */
#ifndef ISOCL_COMPAT_H
#define ISOCL_COMPAT_H

#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}
#endif

#endif
