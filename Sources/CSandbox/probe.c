#define _GNU_SOURCE
#include "csb_probe.h"

#include <errno.h>
#include <sys/mman.h>

int csb_probe_memfd(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
