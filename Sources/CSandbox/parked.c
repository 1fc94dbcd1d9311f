/* A launch in two parts: its agent waits, isolated, for the rest of its plan, and its worker stays with it as companion
   until the order comes. */
#define _GNU_SOURCE
#include "csb_socket.h"
#include "launch.h"
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Takes the plan that came with a request. */
void csb_read_plan(struct csb_context *context) {
    struct stat status;
    int plan = context->descriptors[CSB_PLAN];
    if (fstat(plan, &status) < 0 || status.st_size < (off_t)sizeof(struct csb_plan)) csb_fail(context, CSB_STAGE_PLAN, EINVAL);
    context->plan = mmap(0, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, plan, 0);
    if (context->plan == MAP_FAILED) csb_fail(context, CSB_STAGE_PLAN, errno);
    context->head = (const void *)context->plan;
    if (context->head->magic != CSB_MAGIC || context->head->size != status.st_size) csb_fail(context, CSB_STAGE_PLAN, EPROTO);
}

/* One packet from companion to agent: trees for the slots of these numbers, or, with none, what was ordered. */
enum { CSB_TREES = 16 };
struct csb_handover {
    uint32_t count, slots[CSB_TREES];
};

/* The parked agent waits here; when nobody is left to order anything it ends. */
void csb_await_order(struct csb_context *context) {
    struct csb_handover packet;
    int received[CSB_TREES], count;
    do {
        count = CSB_TREES;
        ssize_t size = csb_receive(context->inner, &packet, sizeof packet, received, &count, MSG_CMSG_CLOEXEC);
        if (size != sizeof packet || packet.count > CSB_TREES) _exit(125);
        if (count != (packet.count ? (int)packet.count : CSB_ORDERED)) _exit(125);
        for (uint32_t i = 0; i < packet.count; i++) {
            if (packet.slots[i] >= CSB_SLOTS) _exit(125);
            context->slots[packet.slots[i]] = received[i];
        }
    } while (packet.count);
    memcpy(context->descriptors + CSB_PLAN, received, sizeof(int) * CSB_ORDERED);
    csb_read_plan(context);
}

/* Hands the trees and then the order to the parked agent; 0 or -errno. */
static int hand_over(struct csb_context *context) {
    struct csb_handover packet = {0};
    int sent[CSB_TREES];
    ssize_t status = 0;
    for (uint32_t slot = 0; slot < CSB_SLOTS && status >= 0; slot++) {
        if (context->slots[slot] < 0) continue;
        packet.slots[packet.count] = slot;
        sent[packet.count++] = context->slots[slot];
        if (packet.count < CSB_TREES) continue;
        status = csb_send(context->inner, &packet, sizeof packet, sent, CSB_TREES, MSG_NOSIGNAL);
        packet.count = 0;
    }
    if (packet.count > 0 && status >= 0)
        status = csb_send(context->inner, &packet, sizeof packet, sent, (int)packet.count, MSG_NOSIGNAL);
    packet.count = 0;
    if (status >= 0)
        status = csb_send(
            context->inner, &packet, sizeof packet, context->descriptors + CSB_PLAN, CSB_ORDERED, MSG_NOSIGNAL);
    return status < 0 ? (int)status : 0;
}

/* Stays with a parked agent until it is ordered, dies, or the supervisor lets go of it. */
_Noreturn void csb_accompany(struct csb_context *context) {
    close(context->descriptors[CSB_CHANNEL]);
    for (int i = 0; i < CSB_SLOTS; i++) {
        if (context->slots[i] >= 0) close(context->slots[i]);
        context->slots[i] = -1;
    }
    int expected = csb_expect_host_trees(context->head);
    if (expected < 0) csb_fail(context, CSB_STAGE_MAP, expected);
    struct pollfd either[2] = {{.fd = context->order, .events = POLLIN}, {.fd = context->inner, .events = POLLIN}};
    while (poll(either, 2, -1) < 0)
        if (errno != EINTR) _exit(125);
    char byte;
    int count = CSB_ORDERED;
    if (either[1].revents) _exit(125);
    ssize_t size = csb_receive(context->order, &byte, 1, context->descriptors + CSB_PLAN, &count, MSG_CMSG_CLOEXEC);
    if (size != 1 || count != CSB_ORDERED) _exit(0);
    csb_read_plan(context);
    csb_perform_all(context, 1);
    int status = hand_over(context);
    if (status < 0) csb_fail(context, CSB_STAGE_INIT, status);
    _exit(0);
}
