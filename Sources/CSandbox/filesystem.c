/* The file systems of a view that are made and not taken: each a detached mount, configured by its own options. */
#define _GNU_SOURCE
#include "launch.h"
#include <linux/mount.h>

/* A number in decimal, in a buffer that lasts until the next call. */
static const char *decimal(uint64_t number, unsigned base) {
    static char text[24];
    char *end = text + sizeof text - 1;
    *end = 0;
    do *--end = (char)('0' + number % base);
    while (number /= base);
    return end;
}

static int option(int context, const char *key, const char *value) {
    return (int)CSB(SYS_fsconfig, context, CSB_FSCONFIG_SET_STRING, key, value, 0);
}

/* Creates the configured file system and gives a detached mount of it. */
static int create(int filesystem, uint64_t attributes) {
    int status = (int)CSB(SYS_fsconfig, filesystem, CSB_FSCONFIG_CMD_CREATE, 0, 0, 0);
    if (status == 0) status = (int)CSB(SYS_fsmount, filesystem, FSMOUNT_CLOEXEC, attributes);
    close(filesystem);
    return status;
}

int csb_tmpfs(const struct csb_op *op, uint64_t attributes) {
    int filesystem = (int)CSB(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
    if (filesystem < 0) return filesystem;
    int status = option(filesystem, "size", decimal(op->a, 10));
    if (status == 0) status = option(filesystem, "nr_inodes", decimal(op->b, 10));
    if (status == 0) status = option(filesystem, "mode", decimal(op->mode, 8));
    if (status == 0) return create(filesystem, attributes);
    close(filesystem);
    return status;
}

int csb_tmpfs_size(int mounted, const struct csb_op *op) {
    int filesystem = (int)CSB(SYS_fspick, mounted, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
    if (filesystem < 0) return filesystem;
    int status = option(filesystem, "size", decimal(op->a, 10));
    if (status == 0) status = (int)CSB(SYS_fsconfig, filesystem, CSB_FSCONFIG_CMD_RECONFIGURE, 0, 0, 0);
    close(filesystem);
    return status;
}

/* Pseudo-terminals of one agent, its own among them. No control group and no limit of a process counts them,
   and the machine has 3,072 for all outside of its first mount namespace (kernel.pty.max less
   kernel.pty.reserve): one agent would take all. Multiplexers and editors have one for each shell. */
enum { TERMINALS = 64 };

int csb_devpts(void) {
    int filesystem = (int)CSB(SYS_fsopen, "devpts", FSOPEN_CLOEXEC);
    if (filesystem < 0) return filesystem;
    int status = (int)CSB(SYS_fsconfig, filesystem, CSB_FSCONFIG_SET_FLAG, "newinstance", 0, 0);
    if (status == 0) status = option(filesystem, "ptmxmode", "0666");
    if (status == 0) status = option(filesystem, "mode", "0620");
    if (status == 0) status = option(filesystem, "max", decimal(TERMINALS, 10));
    if (status == 0) return create(filesystem, CSB_ATTR_NOSUID | CSB_ATTR_NOEXEC);
    close(filesystem);
    return status;
}

int csb_proc(void) {
    int filesystem = (int)CSB(SYS_fsopen, "proc", FSOPEN_CLOEXEC);
    if (filesystem < 0) return filesystem;
    return create(filesystem, CSB_ATTR_NOSUID | CSB_ATTR_NODEV | CSB_ATTR_NOEXEC);
}
