internal import CSandbox
internal import Glibc
internal import Linux
internal import Model

/// A folder held by descriptor.
///
/// Whatever is in it was put there by an agent, or may be while we look: every name is opened by itself, never
/// through a symbolic link, out of the folder or into another mount (openat2(2)).
struct Folder: ~Copyable {
    let descriptor: OwnedDescriptor

    private init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

    private static let reading = O_RDONLY | O_DIRECTORY

    /// A folder by its absolute path, no part of which may be a symbolic link.
    static func open(_ path: String) throws(SystemCallError) -> Folder {
        let opened = unsafe csb_open_straight(path, reading)
        guard opened >= 0 else { throw SystemCallError(stage: "openat2", object: path, errno: -opened) }
        return Folder(OwnedDescriptor(opened))
    }

    func folder(_ name: EntryName) throws(SystemCallError) -> Folder {
        Folder(try open(name, Self.reading))
    }

    /// From here down by names.
    func folder(_ names: some Collection<EntryName>) throws(SystemCallError) -> Folder {
        var folder = Folder(try duplicate())
        for name in names { folder = try folder.folder(name) }
        return folder
    }

    private func duplicate() throws(SystemCallError) -> OwnedDescriptor {
        let copy = unsafe openat(descriptor.rawValue, ".", Self.reading | O_CLOEXEC)
        guard copy >= 0 else { throw SystemCallError(stage: "openat", object: ".", errno: errno) }
        return OwnedDescriptor(copy)
    }

    func open(_ name: EntryName, _ flags: Int32) throws(SystemCallError) -> OwnedDescriptor {
        let opened = unsafe csb_open_beneath(descriptor.rawValue, name.characters, flags)
        guard opened >= 0 else { throw failure("openat2", name, -opened) }
        return OwnedDescriptor(opened)
    }

    /// What has a name; nil when nothing has.
    func entry(_ name: EntryName) throws(SystemCallError) -> Entry? {
        var status = stat()
        guard unsafe fstatat(descriptor.rawValue, name.characters, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            guard errno == ENOENT else { throw failure("fstatat", name, errno) }
            return nil
        }
        return Entry(status)
    }

    /// The folder itself.
    func entry() throws(SystemCallError) -> Entry {
        var status = stat()
        guard unsafe fstat(descriptor.rawValue, &status) == 0 else {
            throw SystemCallError(stage: "fstat", object: "folder", errno: errno)
        }
        return Entry(status)
    }

    /// Names in the order of their bytes; more than `limit` are an error (EMLINK).
    func names(limit: Int) throws(SystemCallError) -> [EntryName] {
        let own = try duplicate().release()
        guard let stream = unsafe fdopendir(own) else {
            close(own)
            throw SystemCallError(stage: "fdopendir", object: "folder", errno: errno)
        }
        defer { unsafe closedir(stream) }
        var names: [EntryName] = []
        errno = 0
        while let entry = unsafe readdir(stream) {
            let bytes = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
                unsafe Array($0.prefix { $0 != 0 })
            }
            if let name = EntryName(bytes) { names.append(name) }
            guard names.count <= limit else {
                throw SystemCallError(stage: "readdir", object: "more than \(limit) names", errno: EMLINK)
            }
        }
        guard errno == 0 else { throw SystemCallError(stage: "readdir", object: "folder", errno: errno) }
        return names.sorted { $0.precedes($1) }
    }

    /// Whether the lower layer's folder does not shine through this one of an upper layer's.
    func isOpaque() throws(SystemCallError) -> Bool {
        let answer = csb_is_opaque(descriptor.rawValue)
        guard answer >= 0 else {
            throw SystemCallError(stage: "fgetxattr", object: "user.overlay.opaque", errno: -answer)
        }
        return answer == 1
    }

    /// What a symbolic link says (readlinkat(2)).
    func target(_ name: EntryName) throws(SystemCallError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let size = unsafe buffer.withUnsafeMutableBytes { bytes -> Int in
            guard let base = unsafe bytes.bindMemory(to: CChar.self).baseAddress else { return -1 }
            return unsafe readlinkat(descriptor.rawValue, name.characters, base, bytes.count)
        }
        guard size >= 0 else { throw failure("readlinkat", name, errno) }
        return Array(buffer.prefix(size))
    }

    func failure(_ stage: String, _ name: EntryName, _ code: Int32) -> SystemCallError {
        SystemCallError(stage: stage, object: String(decoding: name.bytes, as: UTF8.self), errno: code)
    }
}
