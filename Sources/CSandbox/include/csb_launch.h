/* The launcher's plan and its interpreter. Reason for C: everything between clone(2) and execve(2) runs in a copy of
   the spawner where no runtime may be relied on; it makes system calls on plain data and nothing else. */
#pragma once
#include <stdint.h>

/* What one operation does. Paths are inside the new root unless said otherwise. */
enum csb_kind {
    CSB_HOST_TREE = 1,   /* before clone, as the supervisor: slot = clone of host path, id-mapped owner a:b if flags say so */
    CSB_LAYER,           /* before clone, as the supervisor: slot = clone of host path, where a copy's changes go */
    CSB_PRIVATE,         /* no mount event crosses the namespace's border */
    CSB_TREE,            /* slot = clone of path in the view that is left behind */
    CSB_ROOT,            /* a new root: tmpfs of a bytes and b inodes */
    CSB_DIRECTORY,       /* make path with mode */
    CSB_FILE,            /* make path with mode and the b bytes at a */
    CSB_SYMLINK,         /* make path pointing to text */
    CSB_MOUNT,           /* mount slot on path */
    CSB_OVERLAY,         /* mount slot, below the layer in slot a, on path; text is a folder with lower and layer in it */
    CSB_TMPFS,           /* mount a tmpfs of a bytes and b inodes and mode on path */
    CSB_TMPFS_SIZE,      /* a tmpfs that is mounted on path has a bytes from now on */
    CSB_PROC,            /* mount a fresh procfs on path */
    CSB_DEVPTS,          /* mount a fresh devpts on path */
    CSB_BIND,            /* mount a clone of text (inside) on path */
    CSB_SEAL,            /* make the mount at path, alone, read-only */
    CSB_PIVOT,           /* the new root becomes the root, the old one is gone */
    CSB_NAMESPACES,      /* export this process's user, mount and pid namespaces */
    CSB_CONTROL,         /* listen on a packet socket at path, export it */
    CSB_LOOPBACK,        /* lo up */
    CSB_ROUTES,          /* every address of both families is local */
    CSB_CAPTURE,         /* nftables: every TCP port to port a */
    CSB_LISTEN,          /* transparent TCP listener on port a, export it */
    CSB_RESOLVER,        /* UDP socket on port a for any address, export it */
    CSB_WITNESS,         /* a socket that says whose the namespace's connections are, export it; left out without sock_diag */
    CSB_REFUSALS,        /* raw sockets that hear of every datagram the namespace refuses, export them */
    CSB_HOSTNAME,        /* text */
    CSB_LIMIT,           /* setrlimit(mode, a, b) */
    CSB_TERMINAL,        /* a pty becomes 0, 1 and 2; export its master */
    CSB_STREAMS,         /* the given descriptors become 0, 1 and 2 */
    CSB_CHDIR,           /* path */
    CSB_PROGRAM,         /* find the program, export it */
    CSB_KEYRING,         /* a session keyring of its own */
    CSB_LANDLOCK,        /* restrict to the b rules at a */
    CSB_CAPABILITIES,    /* none, in no set, ever */
    CSB_SECCOMP,         /* install the b bytes of BPF at a, on top of what is installed */
};

/* Flags of CSB_HOST_TREE, CSB_TREE, CSB_MOUNT, CSB_TMPFS and CSB_BIND; CSB_NO_SYMLINKS and CSB_PROTECTION of
   CSB_DIRECTORY and CSB_FILE as well. */
enum csb_flag {
    CSB_READ_ONLY = 1,
    CSB_OPTIONAL = 2,    /* a missing path is no failure: the operation is left out */
    CSB_NO_EXEC = 4,
    CSB_ID_MAPPED = 8,
    CSB_NO_SYMLINKS = 16,
    CSB_KEEP_DEVICES = 32,
    CSB_PROTECTION = 128, /* beneath a file there is nothing to protect: the operation is left out */
    CSB_SHARED_DATA = 64, /* CSB_FILE: the bytes are in CSB_SHARED, not in the plan */
    CSB_VERIFIED = 256,  /* a tree or a bind: what path leads to must be this device and inode, else -ESTALE */
};

struct csb_op {
    uint32_t kind, slot, flags, mode;
    uint32_t path, text; /* offsets of NUL-terminated strings in the plan, 0 for none */
    uint64_t a, b;
    uint64_t device, inode; /* stat(2) of what was looked at when the plan was made, with CSB_VERIFIED */
};

struct csb_rule {
    uint64_t access; /* LANDLOCK_ACCESS_FS_* */
    uint32_t path, reserved;
};

enum { CSB_MAGIC = 0x62616c31, CSB_SLOTS = 256 };

/* The plan's head; offsets are from its beginning. */
struct csb_plan {
    uint32_t magic, size;
    uint32_t op_count, ops;
    uint32_t argument_count, arguments;     /* uint32_t offsets of strings */
    uint32_t environment_count, environment;
    uint32_t search_count, search;          /* folders to find the program in; none when it has a slash */
    uint32_t init;                          /* path of bailey-init inside */
    uint32_t inside_uid, inside_gid, outside_uid, outside_gid;
    uint32_t landlock_scopes;
    uint32_t umask;                         /* of the command */
    uint32_t first_op;                      /* operations of the plan that this one continues */
    uint32_t continues, reserved;           /* the agent waits, isolated, for the rest of its plan */
    uint64_t landlock_handled;
    uint64_t parent_processes;              /* of the agent above, 0 for no limit */
};

/* What a launch reports, on a packet socket to the supervisor. */
enum csb_report_kind {
    CSB_CLONED = 1, /* with it: pidfd */
    CSB_READY,      /* init is about to run; with it: the exports named in present, in order */
    CSB_FAILED,
};

enum csb_export {
    CSB_EXPORT_CONTROL, CSB_EXPORT_LISTENER, CSB_EXPORT_RESOLVER, CSB_EXPORT_REFUSALS_V4, CSB_EXPORT_REFUSALS_V6,
    CSB_EXPORT_WITNESS, CSB_EXPORT_TERMINAL, CSB_EXPORT_PROGRAM, CSB_EXPORT_USER, CSB_EXPORT_MOUNT, CSB_EXPORT_PID, CSB_EXPORTS,
};

/* Stages outside the operations, in place of an operation's number. */
enum csb_stage {
    CSB_STAGE_PLAN = -1, CSB_STAGE_JOIN_USER = -2, CSB_STAGE_JOIN_MOUNT = -3, CSB_STAGE_JOIN_PID = -4,
    CSB_STAGE_IDENTITY = -5, CSB_STAGE_FORK = -6, CSB_STAGE_CLONE = -7, CSB_STAGE_MAP = -8, CSB_STAGE_INIT = -9,
    CSB_STAGE_GROUPS = -10, CSB_STAGE_JOIN_NETWORK = -11,
};

struct csb_report {
    int32_t kind, op, error;
    uint32_t present;   /* bit for each csb_export */
    char program[4096]; /* path of the program, in CSB_READY */
};

/* Descriptors of one launch. */
enum csb_descriptor {
    CSB_REPORT, CSB_CHANNEL, CSB_PLAN, CSB_STDIN, CSB_STDOUT, CSB_STDERR, CSB_SHARED, CSB_USER, CSB_MOUNT_NS, CSB_PID,
    CSB_PARENT_SOCKET, /* any that was made in the parent's network namespace */
    CSB_DESCRIPTORS,
};

/* What the spawner is asked for: one byte, and descriptors beside it. */
enum csb_request {
    CSB_NEST = 'n', /* a whole launch below an agent: all descriptors */
    CSB_PARK = 'p', /* the first part of a launch: report, channel, plan, and where the order will come */
};

/* The order, on the socket that came with CSB_PARK: one byte, and beside it plan, stdin, stdout, stderr, shared. */
enum { CSB_ORDERED = CSB_SHARED - CSB_PLAN + 1, CSB_PARKED = CSB_PLAN + 2 };

/* Forks the spawner, which serves launch requests on its end of a packet socket until the other end is closed.
   Returns the supervisor's end, or -errno. Call while the process has one thread. */
int csb_spawner_start(void);
