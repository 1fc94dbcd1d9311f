#define _GNU_SOURCE
#include "csb_place.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int csb_see(int file, struct csb_seen *seen) {
    struct statx status;
    if (statx(file, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_MNT_ID, &status) < 0) return -errno;
    if (!(status.stx_mask & STATX_MNT_ID)) return -ENOSYS;
    *seen = (struct csb_seen){
        .mount = status.stx_mnt_id,
        .device = makedev(status.stx_dev_major, status.stx_dev_minor),
        .inode = status.stx_ino,
        .mode = status.stx_mode,
        .links = status.stx_nlink,
        .user = status.stx_uid,
        .group = status.stx_gid,
    };
    return 0;
}
