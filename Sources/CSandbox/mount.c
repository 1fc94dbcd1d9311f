/* The mount tree, built by descriptor: sources are cloned before anything covers them, destinations are resolved
   inside the new root only (openat2(2) RESOLVE_IN_ROOT), and the old root is left last. */
#define _GNU_SOURCE
#include "launch.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static uint64_t resolution(uint32_t flags) {
    return CSB_RESOLVE_NO_MAGICLINKS | (flags & CSB_NO_SYMLINKS ? CSB_RESOLVE_NO_SYMLINKS : 0);
}

/* A descriptor of what path names inside the new root, or -errno. */
static int resolved(const struct csb_context *context, const char *path, uint64_t flags, uint64_t resolve) {
    struct csb_open_how how = {.flags = flags | O_CLOEXEC, .resolve = CSB_RESOLVE_IN_ROOT | resolve};
    return (int)CSB(SYS_openat2, context->root, path, &how, sizeof how);
}

static int inside(const struct csb_context *context, const char *path, uint64_t flags) {
    return resolved(context, path, flags, CSB_RESOLVE_NO_MAGICLINKS);
}

static void forget_folder(struct csb_context *context) {
    if (context->folder >= 0) close(context->folder);
    context->folder = -1;
}

/* The folder that the operation's path is in, and its last name: the same descriptor again while one thing after the
   other is made in it, and nothing is mounted meanwhile but on what was made there. */
static int parent(struct csb_context *context, const struct csb_op *op, const char **name) {
    char folder[4096];
    const char *path = csb_text(context, op->path);
    const char *slash = strrchr(path, '/');
    if (!slash || !slash[1] || (size_t)(slash - path) >= sizeof folder) return -EINVAL;
    size_t length = (size_t)(slash - path);
    *name = slash + 1;
    int known = context->folder >= 0 && length == context->folder_length && !(op->flags & CSB_NO_SYMLINKS);
    if (known && memcmp(path, context->folder_path, length) == 0) return context->folder;
    forget_folder(context);
    memcpy(folder, path, length);
    folder[length] = 0;
    context->folder = resolved(context, length ? folder : "/", O_PATH | O_DIRECTORY, resolution(op->flags));
    context->folder_path = path;
    context->folder_length = length;
    return context->folder;
}

static uint64_t attributes(uint32_t flags) {
    uint64_t set = CSB_ATTR_NOSUID;
    if (flags & CSB_READ_ONLY) set |= CSB_ATTR_RDONLY;
    if (flags & CSB_NO_EXEC) set |= CSB_ATTR_NOEXEC;
    if (!(flags & CSB_KEEP_DEVICES)) set |= CSB_ATTR_NODEV;
    return set;
}

static int set_attributes(int tree, uint64_t set, int user_namespace, unsigned recursive) {
    struct csb_mount_attr attr = {.attr_set = set, .propagation = MS_PRIVATE};
    if (user_namespace >= 0) {
        attr.attr_set |= CSB_ATTR_IDMAP;
        attr.userns_fd = (uint64_t)user_namespace;
    }
    return (int)CSB(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | recursive, &attr, sizeof attr);
}

/* Whether this is what the plan was made for: a name may lead elsewhere by now. */
static int verify(int source, const struct csb_op *op) {
    struct stat status;
    if (!(op->flags & CSB_VERIFIED)) return 0;
    if (fstat(source, &status) < 0) return -errno;
    return status.st_dev == op->device && status.st_ino == op->inode ? 0 : -ESTALE;
}

/* A detached clone of what is mounted at path below folder, for this operation. */
static int clone_tree(
    int folder, const char *path, const struct csb_op *op, uint64_t resolve, int user_namespace) {
    struct csb_open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = resolve};
    int source = (int)CSB(SYS_openat2, folder, path, &how, sizeof how);
    if (source < 0) return source;
    int known = op->kind == CSB_BIND ? 0 : verify(source, op);
    if (known < 0) {
        close(source);
        return known;
    }
    int tree = (int)CSB(SYS_open_tree, source, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    close(source);
    if (tree < 0) return tree;
    /* An id map is put on the top mount only: what is mounted below may be of a kind that takes none. */
    int status = user_namespace >= 0 ? set_attributes(tree, 0, user_namespace, 0) : 0;
    if (status == 0) status = set_attributes(tree, attributes(op->flags), -1, AT_RECURSIVE);
    if (status == 0) return tree;
    close(tree);
    return status;
}

static int move_to(int tree, int place, const char *name) {
    unsigned flags = CSB_MOVE_MOUNT_F_EMPTY_PATH | (*name ? 0 : CSB_MOVE_MOUNT_T_EMPTY_PATH);
    return (int)CSB(SYS_move_mount, tree, "", place, name, flags);
}

static int attach(struct csb_context *context, int tree, const char *path) {
    /* What was made a moment ago is no link, and nobody else is there to replace it. */
    if (context->made && strcmp(context->made, path) == 0) return move_to(tree, context->folder, strrchr(path, '/') + 1);
    forget_folder(context);
    int place = inside(context, path, O_PATH);
    if (place < 0) return place;
    int status = move_to(tree, place, "");
    close(place);
    return status;
}

/* Attaches a detached mount, or says why there was none. */
static int settle(struct csb_context *context, int mount, const char *path) {
    if (mount < 0) return mount;
    int status = attach(context, mount, path);
    close(mount);
    return status;
}

static int resize(struct csb_context *context, const struct csb_op *op) {
    int place = inside(context, csb_text(context, op->path), O_PATH);
    if (place < 0) return place;
    int status = csb_tmpfs_size(place, op);
    close(place);
    return status;
}

static int make_root(struct csb_context *context, const struct csb_op *op) {
    int root = csb_tmpfs(op, CSB_ATTR_NOSUID | CSB_ATTR_NODEV);
    if (root < 0) return root;
    /* Where nothing is granted: the rest of the old view is still to be taken from. */
    int status = (int)CSB(SYS_move_mount, root, "", AT_FDCWD, "/dev", CSB_MOVE_MOUNT_F_EMPTY_PATH);
    if (status < 0) close(root);
    else context->root = root;
    return status;
}

/* Where nothing can be made by this process, the command, which may do less, makes nothing either. */
static int unless_needless(const struct csb_op *op, int status) {
    if (status == -EEXIST) return 0;
    int needless = status == -ENOTDIR || status == -ENOENT || status == -EACCES || status == -EOVERFLOW;
    return op->flags & CSB_PROTECTION && needless ? 0 : status;
}

/* What became of making the operation's path. */
static int noted(struct csb_context *context, const struct csb_op *op, int status) {
    if (status == 0) context->made = csb_text(context, op->path);
    return unless_needless(op, status);
}

static int make_directory(struct csb_context *context, const struct csb_op *op) {
    const char *name;
    int folder = parent(context, op, &name);
    if (folder < 0) return unless_needless(op, folder);
    return noted(context, op, (int)CSB(SYS_mkdirat, folder, name, op->mode));
}

static int write_whole(int file, const char *data, uint64_t size) {
    for (uint64_t done = 0; done < size;) {
        ssize_t count = write(file, data + done, size - done);
        if (count < 0) return -errno;
        done += (uint64_t)count;
    }
    return 0;
}

/* The kernel copies, from what all launches share to the file: no process holds the bytes. */
static int copy_shared(const struct csb_context *context, int file, uint64_t offset, uint64_t size) {
    off_t from = (off_t)offset;
    for (uint64_t done = 0; done < size;) {
        ssize_t count = sendfile(file, context->descriptors[CSB_SHARED], &from, size - done);
        if (count <= 0) return count < 0 ? -errno : -EIO;
        done += (uint64_t)count;
    }
    return 0;
}

static int make_file(struct csb_context *context, const struct csb_op *op) {
    const char *name;
    int folder = parent(context, op, &name);
    if (folder < 0) return unless_needless(op, folder);
    if (op->b == 0 && !(op->flags & CSB_PROTECTION))
        return noted(context, op, (int)CSB(SYS_mknodat, folder, name, S_IFREG | op->mode, 0));
    int file = (int)CSB(
        SYS_openat, folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, op->mode);
    if (file < 0) return unless_needless(op, file);
    int status = op->flags & CSB_SHARED_DATA ? copy_shared(context, file, op->a, op->b)
                                             : write_whole(file, context->plan + op->a, op->b);
    close(file);
    return status;
}

static int make_symlink(struct csb_context *context, const struct csb_op *op) {
    const char *name;
    int folder = parent(context, op, &name);
    return folder < 0 ? folder : (int)CSB(SYS_symlinkat, csb_text(context, op->text), folder, name);
}

/* Attaches a clone on what the plan was made for: whatever has its name by now is covered in its stead by nobody. */
static int settle_verified(struct csb_context *context, int tree, const struct csb_op *op) {
    if (tree < 0) return tree;
    forget_folder(context);
    int place = inside(context, csb_text(context, op->path), O_PATH);
    int status = place < 0 ? place : verify(place, op);
    if (status == 0) status = move_to(tree, place, "");
    if (place >= 0) close(place);
    close(tree);
    return status;
}

static int bind_inside(struct csb_context *context, const struct csb_op *op) {
    int tree = clone_tree(
        context->root, csb_text(context, op->text), op, CSB_RESOLVE_IN_ROOT | resolution(op->flags), -1);
    if (tree == -ENOTDIR && op->flags & CSB_PROTECTION) return 0;
    if (op->flags & CSB_VERIFIED) return settle_verified(context, tree, op);
    return settle(context, tree, csb_text(context, op->path));
}

static int seal(const struct csb_context *context, const struct csb_op *op) {
    int place = inside(context, csb_text(context, op->path), O_PATH);
    if (place < 0) return place;
    int status = set_attributes(place, CSB_ATTR_RDONLY, -1, 0);
    close(place);
    return status;
}

static int pivot(struct csb_context *context) {
    forget_folder(context);
    int status = (int)CSB(SYS_fchdir, context->root);
    if (status == 0) status = (int)CSB(SYS_pivot_root, ".", ".");
    if (status == 0) status = (int)CSB(SYS_umount2, ".", MNT_DETACH);
    if (status == 0) status = (int)CSB(SYS_chdir, "/");
    return status;
}

static int mount_slot(struct csb_context *context, const struct csb_op *op) {
    int tree = context->slots[op->slot];
    if (tree < 0) return op->flags & (CSB_OPTIONAL | CSB_PROTECTION) ? 0 : -ENOENT;
    int status = attach(context, tree, csb_text(context, op->path));
    close(tree);
    context->slots[op->slot] = -1;
    return status;
}

/* The lower tree and the layer are mounted where no path will lead, for as long as it takes to make one view of them:
   the view holds clones of its own, and options with nothing in them that a path of the host's could break. */
static int mount_overlay(struct csb_context *context, const struct csb_op *op) {
    const char *parts[2] = {"lower", "layer"};
    uint32_t slots[2] = {op->slot, (uint32_t)op->a};
    int view = 0;
    for (int i = 0; i < 2 && view == 0; i++) {
        char place[256];
        if (slots[i] >= CSB_SLOTS || context->slots[slots[i]] < 0) return -ENOENT;
        snprintf(place, sizeof place, "%s/%s", csb_text(context, op->text), parts[i]);
        view = settle(context, context->slots[slots[i]], place);
        context->slots[slots[i]] = -1;
    }
    int staging = view < 0 ? view : inside(context, csb_text(context, op->text), O_PATH | O_DIRECTORY);
    if (staging < 0) return staging;
    view = csb_overlay(staging);
    close(staging);
    return settle(context, view, csb_text(context, op->path));
}

static int take_tree(struct csb_context *context, const struct csb_op *op) {
    uint64_t resolve = resolution(op->flags);
    int tree = clone_tree(AT_FDCWD, csb_text(context, op->path), op, resolve, -1);
    if (tree >= 0) context->slots[op->slot] = tree;
    /* Below a file there is nothing either: `.git` is one in a linked work tree. */
    if (tree == -ENOTDIR && op->flags & (CSB_OPTIONAL | CSB_PROTECTION)) return 0;
    return tree < 0 ? tree : 0;
}

static int perform(struct csb_context *context, const struct csb_op *op) {
    const char *path = csb_text(context, op->path);
    switch (op->kind) {
    case CSB_PRIVATE: {
        struct csb_mount_attr attr = {.propagation = MS_PRIVATE};
        return (int)CSB(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof attr);
    }
    case CSB_TREE: return take_tree(context, op);
    case CSB_ROOT: return make_root(context, op);
    case CSB_DIRECTORY: return make_directory(context, op);
    case CSB_FILE: return make_file(context, op);
    case CSB_SYMLINK: return make_symlink(context, op);
    case CSB_MOUNT: return mount_slot(context, op);
    case CSB_OVERLAY: return mount_overlay(context, op);
    case CSB_TMPFS: return settle(context, csb_tmpfs(op, attributes(op->flags)), path);
    case CSB_TMPFS_SIZE: return resize(context, op);
    case CSB_PROC: return settle(context, csb_proc(), path);
    case CSB_DEVPTS: return settle(context, csb_devpts(), path);
    case CSB_BIND: return bind_inside(context, op);
    case CSB_SEAL: return seal(context, op);
    case CSB_PIVOT: return pivot(context);
    default: return -ENOSYS;
    }
}

int csb_mount_op(struct csb_context *context, const struct csb_op *op) {
    int isMount = op->kind == CSB_MOUNT || op->kind == CSB_TMPFS || op->kind == CSB_PROC || op->kind == CSB_DEVPTS;
    if (!isMount) context->made = 0;
    int status = perform(context, op);
    if (isMount) context->made = 0;
    return status;
}

/* A user namespace that maps one id on disk to the outside id: a child that waits, is mapped and ends. */
static int id_map(uint64_t uid, uint64_t gid, const struct csb_plan *head) {
    int hold[2];
    if (pipe2(hold, O_CLOEXEC) < 0) return -errno;
    long child = CSB(SYS_clone, 0x10000000UL /* CLONE_NEWUSER */ | 17 /* SIGCHLD */, 0, 0, 0, 0);
    if (child == 0) {
        char byte;
        close(hold[1]);
        (void)!read(hold[0], &byte, 1);
        _exit(0);
    }
    close(hold[0]);
    int space = child < 0 ? (int)child : 0;
    const char *names[2] = {"uid_map", "gid_map"};
    uint64_t from[2] = {uid, gid}, to[2] = {head->outside_uid, head->outside_gid};
    for (int i = 0; i < 2 && space == 0; i++) {
        char path[64], line[64];
        snprintf(path, sizeof path, "/proc/%ld/%s", child, names[i]);
        int size = snprintf(line, sizeof line, "%llu %llu 1", (unsigned long long)from[i], (unsigned long long)to[i]);
        int file = open(path, O_WRONLY | O_CLOEXEC);
        if (file < 0 || write(file, line, (size_t)size) != size) space = -errno;
        if (file >= 0) close(file);
    }
    if (space == 0) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%ld/ns/user", child);
        space = (int)csb_result(open(path, O_RDONLY | O_CLOEXEC));
    }
    close(hold[1]);
    return space;
}

/* The last id map again when the owner is the same: a workspace's folders mostly have one. */
static int cached_id_map(uint64_t uid, uint64_t gid, const struct csb_plan *head) {
    static int space = -1;
    static uint64_t last_uid, last_gid;
    if (space >= 0 && uid == last_uid && gid == last_gid) return space;
    if (space >= 0) close(space);
    space = id_map(uid, gid, head);
    last_uid = uid;
    last_gid = gid;
    return space;
}

int csb_expect_host_trees(const struct csb_plan *head) {
    int space = geteuid() == head->outside_uid ? 0 : cached_id_map(geteuid(), getegid(), head);
    return space < 0 ? space : 0;
}

int csb_host_tree(struct csb_context *context, const struct csb_op *op) {
    uint64_t resolve = resolution(op->flags);
    int space = -1;
    if (op->flags & CSB_ID_MAPPED) {
        space = cached_id_map(op->a, op->b, context->head);
        if (space < 0) return space;
    }
    int tree = clone_tree(AT_FDCWD, csb_text(context, op->path), op, resolve, space);
    if (tree >= 0) context->slots[op->slot] = tree;
    return tree < 0 ? tree : 0;
}
