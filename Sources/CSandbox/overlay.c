/* Copy-on-write views: overlayfs in a user namespace (Linux 5.11, Documentation/filesystems/overlayfs.rst). */
#define _GNU_SOURCE
#include "launch.h"
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static int clone_layer(const char *path) {
    return (int)CSB(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
}

/* A detached mount belongs to no namespace and may be attached in any: who may not make one here makes it in
   namespaces of its own, and hands the descriptor out. This way a layer reaches an agent that an agent launched, in
   whose parent's view it is not. */
int csb_layer(struct csb_context *context, const struct csb_op *op) {
    const char *path = csb_text(context, op->path);
    int tree = clone_layer(path), ends[2];
    if (tree == -EPERM) {
        if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
        long child = CSB(SYS_clone, CLONE_FILES | CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
        if (child == 0) {
            tree = clone_layer(path);
            (void)!write(ends[1], &tree, sizeof tree);
            _exit(0);
        }
        /* The table of descriptors is one: the other end is held open here, and the child always writes. */
        if (child < 0) tree = (int)child;
        else if (read(ends[0], &tree, sizeof tree) != sizeof tree) tree = -EIO;
        close(ends[0]);
        close(ends[1]);
    }
    if (tree < 0) return tree;
    context->slots[op->slot] = tree;
    return 0;
}

static int set(int filesystem, const char *key, const char *value) {
    return (int)CSB(
        SYS_fsconfig, filesystem, value ? CSB_FSCONFIG_SET_STRING : CSB_FSCONFIG_SET_FLAG, key, value, 0);
}

/* Nothing that an upper layer could steer: no redirects, no files that are metadata alone, no index. */
static int configure(int filesystem) {
    static const char *options[][2] = {
        {"lowerdir", "lower"}, {"upperdir", "layer/upper"}, {"workdir", "layer/work"}, {"userxattr", 0},
        {"redirect_dir", "nofollow"}, {"metacopy", "off"}, {"index", "off"}, {"xino", "off"},
    };
    int status = 0;
    for (unsigned i = 0; i < sizeof options / sizeof *options && status == 0; i++)
        status = set(filesystem, options[i][0], options[i][1]);
    return status;
}

int csb_overlay(int folder) {
    int view = (int)CSB(SYS_fchdir, folder);
    if (view < 0) return view;
    int filesystem = (int)CSB(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
    if (filesystem < 0) return filesystem;
    view = configure(filesystem);
    if (view == 0) view = (int)CSB(SYS_fsconfig, filesystem, CSB_FSCONFIG_CMD_CREATE, 0, 0, 0);
    if (view == 0)
        view = (int)CSB(SYS_fsmount, filesystem, FSMOUNT_CLOEXEC, CSB_ATTR_NOSUID | CSB_ATTR_NODEV);
    close(filesystem);
    if (view < 0) return view;
    umount2("lower", MNT_DETACH | UMOUNT_NOFOLLOW);
    umount2("layer", MNT_DETACH | UMOUNT_NOFOLLOW);
    return view;
}
