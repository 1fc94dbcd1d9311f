/* Shared by the launcher's files; nothing outside CSandbox includes it. */
#pragma once
#include "csb_launch.h"
#include "kernel.h"

/* One launch, as the process that carries it out sees it. */
struct csb_context {
    const char *plan;
    const struct csb_plan *head;
    int descriptors[CSB_DESCRIPTORS];
    int slots[CSB_SLOTS];
    int exports[CSB_EXPORTS];
    int order; /* of a launch that is parked: the supervisor's word for its companion */
    int inner; /* between the companion and the parked agent */
    int root; /* the new root, -1 before CSB_ROOT */
    int folder; /* of the new root, where something was made last; -1 when it would have to be looked up again */
    const char *folder_path;
    size_t folder_length;
    const char *made; /* path of what the operation before this one made there, 0 when it made nothing */
    char program[4096];
};

static inline const char *csb_text(const struct csb_context *context, uint32_t offset) {
    return offset ? context->plan + offset : 0;
}

/* Each carries out one operation: 0, or -errno. */
int csb_mount_op(struct csb_context *context, const struct csb_op *op);
int csb_network_op(struct csb_context *context, const struct csb_op *op);
int csb_process_op(struct csb_context *context, const struct csb_op *op);
int csb_lock_op(struct csb_context *context, const struct csb_op *op);

/* Before clone, with the supervisor's rights. */
int csb_host_tree(struct csb_context *context, const struct csb_op *op);
int csb_layer(struct csb_context *context, const struct csb_op *op);

/* What can be made of it before anything is ordered: an id map for the supervisor's own files, since most workspaces are
   its user's. 0, or -errno. */
int csb_expect_host_trees(const struct csb_plan *head);

/* Detached mounts of new file systems, or -errno. */
int csb_tmpfs(const struct csb_op *op, uint64_t attributes);
int csb_devpts(void);
int csb_proc(void);

/* What is mounted in this place, a tmpfs, has the operation's size from now on: 0, or -errno. */
int csb_tmpfs_size(int mounted, const struct csb_op *op);

/* One copy-on-write view of what is mounted on `lower` in this folder, its changes in `upper` of what is mounted on
   `layer`; both are unmounted. A detached mount, or -errno. Changes the working directory. */
int csb_overlay(int folder);

/* A raw socket that receives ICMP "destination unreachable" (RFC 792, RFC 4443) of this network namespace and no other
   message: its descriptor, or -errno. Needs CAP_NET_RAW over the namespace. */
int csb_refusals(int family);

/* Sends the nftables batch that captures every TCP port: 0, or -errno. */
int csb_nft_capture(uint16_t port);

/* Says which operation, or stage, failed with which errno, and ends. */
_Noreturn void csb_fail(struct csb_context *context, int op, int error);

/* Carries out the plan's operations before clone (host), or those after. */
void csb_perform_all(struct csb_context *context, int host);

/* Takes the plan that came with a request or an order. */
void csb_read_plan(struct csb_context *context);

/* The parked agent waits here; when nobody is left to order anything it ends. */
void csb_await_order(struct csb_context *context);

/* Stays with a parked agent until it is ordered, dies, or the supervisor lets go of it. */
_Noreturn void csb_accompany(struct csb_context *context);
