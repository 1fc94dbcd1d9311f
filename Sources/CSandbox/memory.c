#define _GNU_SOURCE
#include "csb_memory.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int csb_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0; }

int csb_sealed_memory(const char *name, const void *bytes, size_t size) {
    int memory = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory < 0) return -errno;
    for (size_t done = 0; done < size;) {
        ssize_t count = write(memory, (const char *)bytes + done, size - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) goto failed;
        done += (size_t)count;
    }
    if (fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0) return memory;
failed:;
    int error = errno;
    close(memory);
    return -error;
}
