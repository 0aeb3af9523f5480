/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * isocl: user interface of the shared-virtual-memory driver.
 *
 * Every structure begins with its own size, as user space knows it. A driver that knows a longer
 * structure takes the missing fields as 0 and writes back only what user space knows; one that
 * knows a shorter structure refuses (E2BIG) if a field it does not know is not 0. Fields called
 * "pad" must be 0, fields marked "out" may be anything. Flags that a driver does not know are
 * refused (EINVAL).
 *
 * An open file belongs to the process image (the address space) that opened it: everything but
 * ISOCL_IOC_QUERY and ISOCL_IOC_STATISTICS fails with EXDEV in any other.
 */
#ifndef ISOCL_UAPI_H
#define ISOCL_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ISOCL_ABI_VERSION 1

#define ISOCL_IOC_TYPE 0xD1
#define ISOCL_IOC_QUERY _IO(ISOCL_IOC_TYPE, 0x00)
#define ISOCL_IOC_BUFFER_CREATE _IO(ISOCL_IOC_TYPE, 0x01)
#define ISOCL_IOC_BUFFER_DESTROY _IO(ISOCL_IOC_TYPE, 0x02)
#define ISOCL_IOC_BUFFER_INFO _IO(ISOCL_IOC_TYPE, 0x03)
#define ISOCL_IOC_POPULATE _IO(ISOCL_IOC_TYPE, 0x04)
#define ISOCL_IOC_DISCARD _IO(ISOCL_IOC_TYPE, 0x05)
#define ISOCL_IOC_SYNC _IO(ISOCL_IOC_TYPE, 0x06)
#define ISOCL_IOC_MIRROR _IO(ISOCL_IOC_TYPE, 0x07)
#define ISOCL_IOC_UNMIRROR _IO(ISOCL_IOC_TYPE, 0x08)
#define ISOCL_IOC_SUBMIT _IO(ISOCL_IOC_TYPE, 0x09)
#define ISOCL_IOC_WAIT _IO(ISOCL_IOC_TYPE, 0x0A)
#define ISOCL_IOC_FAULT _IO(ISOCL_IOC_TYPE, 0x0B)
#define ISOCL_IOC_STATISTICS _IO(ISOCL_IOC_TYPE, 0x0C)

/* Addresses from start up to, not including, end. */
struct isocl_range {
	__u64 start;
	__u64 end;
};

/* ---- what the device is -------------------------------------------------------------------- */

#define ISOCL_FEATURE_ENGINE (1ULL << 0)    /* SUBMIT and WAIT */
#define ISOCL_FEATURE_MIRROR (1ULL << 1)    /* MIRROR and UNMIRROR */
#define ISOCL_FEATURE_OWNERSHIP (1ULL << 2) /* ISOCL_BUFFER_OWNERSHIP */

struct isocl_query {
	__u32 size;
	__u32 abi_version;      /* out */
	__u32 address_bits;     /* out: bits of an address that the device decodes */
	__u32 page_shift;       /* out: log2 of the bytes of a page */
	__u64 features;         /* out: ISOCL_FEATURE_... */
	__u64 aperture_start;   /* out: where buffers may lie, inside this process's reach */
	__u64 aperture_end;     /* out */
	__u64 max_buffer_length; /* out: bytes */
	__u64 memory_limit;     /* out: bytes of memory all buffers may have; 0 for no limit */
	__u64 reserved;         /* in: array of struct isocl_range, or 0 */
	__u32 reserved_count;   /* in: room in the array; out: number of reserved regions */
	__u32 pad;
};

/* ---- buffers ------------------------------------------------------------------------------- */

/* Pages appear when CPU or device touch them first, and may be discarded. Without this flag all
 * pages of a buffer are there, on both sides, from mmap on. */
#define ISOCL_BUFFER_LAZY (1U << 0)
/* Each page belongs to the CPU or to the device, and only its owner may touch it: see SYNC. Not
 * together with ISOCL_BUFFER_LAZY. */
#define ISOCL_BUFFER_OWNERSHIP (1U << 1)

/*
 * Creates a buffer, which has no address yet. mmap(MAP_SHARED) of the whole of it at mmap_offset
 * gives it one, the same for CPU and device: the address asked for, if that is legal for the
 * device (MAP_FIXED elsewhere is refused), else one that the driver chooses. A buffer has one
 * address at a time (EBUSY); munmap takes it away on both sides.
 */
struct isocl_buffer_create {
	__u32 size;
	__u32 flags;       /* in: ISOCL_BUFFER_... */
	__u64 length;      /* in: bytes, whole pages */
	__u64 alignment;   /* in: of the address the driver chooses; a power of two, or 0 */
	__u32 handle;      /* out: never 0 */
	__u32 pad;
	__u64 mmap_offset; /* out */
};

/* EBUSY while the buffer is mapped. */
struct isocl_buffer_destroy {
	__u32 size;
	__u32 handle;
};

struct isocl_buffer_info {
	__u32 size;
	__u32 handle;  /* in, or 0 to find the buffer by address; out */
	__u64 address; /* in, if handle is 0: any address inside; out: of the first byte, 0 if not mapped */
	__u64 length;  /* out: bytes */
	__u64 pages;   /* out: pages that have memory */
	__u32 flags;   /* out */
	__u32 pad;
};

/*
 * A part of a buffer, whole pages: for POPULATE and DISCARD, which need a lazy, mapped buffer.
 * POPULATE gives the part memory and makes it present on CPU and device. DISCARD takes pages and
 * memory away on both sides; the part reads as zero when it is touched next.
 */
struct isocl_buffer_part {
	__u32 size;
	__u32 handle;
	__u64 offset;
	__u64 length;
};

#define ISOCL_SYNC_TO_DEVICE 1
#define ISOCL_SYNC_TO_CPU 2

/*
 * Hands pages over to the other side. Memory is coherent, so that this only does something to
 * buffers with ISOCL_BUFFER_OWNERSHIP, whose pages begin as the CPU's: what the device owns is not
 * mapped on the CPU (a touch is a fault record and SIGBUS), what the CPU owns is not in the
 * device's page table (a touch is a fault record and ends the submission). The buffer must be mapped.
 */
struct isocl_sync {
	__u32 size;
	__u32 handle;
	__u64 offset;
	__u64 length;
	__u32 direction; /* ISOCL_SYNC_... */
	__u32 pad;
};

/* ---- mirrors: the device follows the process's page table ---------------------------------- */

#define ISOCL_MIRROR_READ_ONLY (1U << 0) /* the device may not write there */

/*
 * Lets the device use ordinary memory of the process at its CPU addresses. Buffers inside the range
 * stay buffers. ERANGE if the device does not decode all addresses of the range; EEXIST if it
 * overlaps another mirror. start and length 0: the whole process.
 */
struct isocl_mirror {
	__u32 size;
	__u32 flags;  /* in: ISOCL_MIRROR_... */
	__u64 start;  /* in: a whole page */
	__u64 length; /* in: whole pages */
	__u32 id;     /* out: never 0 */
	__u32 pad;
};

struct isocl_unmirror {
	__u32 size;
	__u32 id;
};

/* ---- engine -------------------------------------------------------------------------------- */

/* Repeats data (1 to ISOCL_MAX_DATA bytes) over length bytes at destination; the last is cut. */
#define ISOCL_OP_FILL 1
/* Copies length bytes from source to destination, which must not overlap. */
#define ISOCL_OP_COPY 2
/* Does function with operand (and compare) on width bytes at destination, length times. If source
 * is not 0, the value before the last time goes to source, width bytes. */
#define ISOCL_OP_ATOMIC 3
/* Walks from the node at source: adds the 8 bytes at node + operand to a sum, goes on to the address
 * in the 8 bytes at node + compare, until that is 0 or length nodes were seen. Writes sum, number
 * of nodes and address of the last one, 8 bytes each, to destination. */
#define ISOCL_OP_CHASE 4
/* Writes the CRC-32 (that of zlib) of length bytes at source to destination, 8 bytes. */
#define ISOCL_OP_CHECKSUM 5
/* Waits length nanoseconds, at most ISOCL_MAX_DELAY. */
#define ISOCL_OP_DELAY 6

#define ISOCL_ATOMIC_ADD 0
#define ISOCL_ATOMIC_SUB 1
#define ISOCL_ATOMIC_AND 2
#define ISOCL_ATOMIC_OR 3
#define ISOCL_ATOMIC_XOR 4
#define ISOCL_ATOMIC_MIN 5 /* unsigned */
#define ISOCL_ATOMIC_MAX 6 /* unsigned */
#define ISOCL_ATOMIC_EXCHANGE 7
#define ISOCL_ATOMIC_COMPARE_EXCHANGE 8

#define ISOCL_MAX_DATA 128
#define ISOCL_MAX_DELAY 10000000000ULL
#define ISOCL_MAX_OPS 1024
#define ISOCL_MAX_PENDING 256 /* submissions that have not ended, or that failed and were not waited for */

/*
 * One operation. All addresses are the device's: the engine sees nothing but its own page table.
 * Words of CHASE, results and atomics must be aligned to their size. Fields that an operation does
 * not name must be 0; ranges that wrap around and unknown numbers are refused by SUBMIT (EINVAL).
 */
struct isocl_op {
	__u32 opcode;      /* ISOCL_OP_... */
	__u32 function;    /* ISOCL_ATOMIC_... */
	__u32 width;       /* 4 or 8 */
	__u32 data_length; /* bytes at data */
	__u64 destination;
	__u64 source;
	__u64 length;
	__u64 operand;
	__u64 compare;
	__u64 data; /* in: user pointer, read by SUBMIT */
};

/* Operations run one after the other, submissions of one file too; the first fault ends a
 * submission. EAGAIN when ISOCL_MAX_PENDING is reached. */
struct isocl_submit {
	__u32 size;
	__u32 count;   /* in: operations, 1 to ISOCL_MAX_OPS */
	__u64 ops;     /* in: user pointer to struct isocl_op[count] */
	__u32 op_size; /* in: sizeof(struct isocl_op) */
	__u32 pad;
	__u64 sequence; /* out: 1, 2, 3, ... */
};

/* Waits for the end of a submission. ETIMEDOUT after the deadline, EINVAL for a number that was
 * never given, EINTR or a restart for signals. */
struct isocl_wait {
	__u32 size;
	__s32 status;   /* out: 0, or a negative error number if it failed; told once */
	__u64 sequence; /* in */
	__u64 deadline; /* in: CLOCK_MONOTONIC in nanoseconds; 0 does not wait, ~0 waits for ever */
};

/* ---- faults -------------------------------------------------------------------------------- */

#define ISOCL_ACCESS_READ 1
#define ISOCL_ACCESS_WRITE 2

#define ISOCL_SIDE_DEVICE 1
#define ISOCL_SIDE_CPU 2

#define ISOCL_FAULT_UNMAPPED 1     /* nothing there */
#define ISOCL_FAULT_PROTECTION 2   /* a write to what may only be read, or no access at all */
#define ISOCL_FAULT_ADDRESS_BITS 3 /* more bits than the device decodes */
#define ISOCL_FAULT_RESERVED 4     /* a reserved region of the device */
#define ISOCL_FAULT_NOT_OWNED 5    /* the other side owns the page */
#define ISOCL_FAULT_MISALIGNED 6
#define ISOCL_FAULT_NO_MEMORY 7

/* Takes the oldest fault record of this file; EAGAIN if there is none. */
struct isocl_fault {
	__u32 size;
	__u32 lost;     /* out: records lost since the last call because nobody took them in time */
	__u64 address;  /* out */
	__u64 sequence; /* out: submission that failed, 0 if the CPU did it */
	__u32 op;       /* out: index of the operation in its submission */
	__u32 access;   /* out: ISOCL_ACCESS_... */
	__u32 side;     /* out: ISOCL_SIDE_... */
	__u32 reason;   /* out: ISOCL_FAULT_... */
	__u64 time;     /* out: CLOCK_MONOTONIC in nanoseconds */
};

/* ---- statistics ---------------------------------------------------------------------------- */

#define ISOCL_SCOPE_FILE 0   /* this open file */
#define ISOCL_SCOPE_DEVICE 1 /* all open files of the device */

struct isocl_statistics {
	__u32 size;
	__u32 scope;         /* in: ISOCL_SCOPE_... */
	/* out: what exists now */
	__u64 files;
	__u64 buffers;
	__u64 pages;         /* with memory, of buffers */
	__u64 device_entries; /* of device page tables: buffers and mirrors */
	__u64 mirrors;
	__u64 submissions;   /* not ended, or failed and not waited for */
	/* out: what happened so far */
	__u64 cpu_faults;    /* pages brought in by the CPU */
	__u64 device_faults; /* pages brought in by the device */
	__u64 fault_records;
	__u64 invalidations; /* of mirrors, by the process's own doings */
	__u64 search_steps;  /* gaps looked at when placing buffers */
};

#endif
