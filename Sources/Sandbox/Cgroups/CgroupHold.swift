internal import Glibc
internal import Linux

/// A living supervisor's hold on a folder it made in the common one: a lock (flock(2)) that the kernel takes back
/// when the supervisor dies, whatever its death.
final class CgroupHold: Sendable {
    private let descriptor: OwnedDescriptor

    private init(_ descriptor: consuming OwnedDescriptor) {
        self.descriptor = descriptor
    }

    /// Takes it at once; nil when another has it, or the folder cannot be read.
    static func taken(of folder: String) -> CgroupHold? {
        let descriptor = OwnedDescriptor(
            unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        )
        guard descriptor.rawValue >= 0, flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else { return nil }
        return CgroupHold(descriptor)
    }

    /// Whether the folder of that path is still the one that is held: its last owner's successor may have removed it.
    func isOf(_ folder: String) -> Bool {
        var (held, named) = (stat(), stat())
        guard unsafe fstat(descriptor.rawValue, &held) == 0, unsafe lstat(folder, &named) == 0 else {
            return false
        }
        return held.st_dev == named.st_dev && held.st_ino == named.st_ino
    }

    /// Whether this user made it.
    var isOwn: Bool {
        var status = stat()
        return unsafe fstat(descriptor.rawValue, &status) == 0 && status.st_uid == geteuid()
    }
}
