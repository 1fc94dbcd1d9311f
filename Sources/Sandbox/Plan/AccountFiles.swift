/// The files that say who the agent is and where names come from.
struct AccountFiles {
    let identity: LaunchPlan.Identity
    let account: Account

    /// Path and content.
    var all: [(String, String)] {
        let (user, group) = (identity.insideUser, identity.insideGroup)
        let name = account.userName
        let root = user == 0 ? "" : "root:x:0:0:root:/root:/usr/sbin/nologin\n"
        let wheel = group == 0 ? "" : "root:x:0:\n"
        let passwd =
            root + "\(name):x:\(user):\(group)::\(account.home):/bin/bash\n"
            + "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
        return [
            ("/etc/passwd", passwd), ("/etc/group", wheel + "\(name):x:\(group):\nnogroup:x:65534:\n"),
            (
                "/etc/nsswitch.conf",
                "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n"
            ),
            ("/etc/hostname", account.hostName + "\n"),
        ]
    }
}
