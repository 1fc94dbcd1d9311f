#include <errno.h>
#include <sys/epoll.h>

#include "csb_epoll.h"

int csb_epoll_open(void) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll < 0 ? -errno : epoll;
}

int csb_epoll_add(int epoll, int descriptor, uint64_t key) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = key};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : -errno;
}

int csb_epoll_remove(int epoll, int descriptor) {
    struct epoll_event event = {0};
    return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event) == 0 ? 0 : -errno;
}

int csb_epoll_wait(int epoll, uint64_t keys[CSB_EPOLL_BATCH], int milliseconds) {
    struct epoll_event events[CSB_EPOLL_BATCH];
    int count = epoll_wait(epoll, events, CSB_EPOLL_BATCH, milliseconds);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) keys[i] = events[i].data.u64;
    return count;
}
