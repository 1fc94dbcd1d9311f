internal import CSandbox
internal import Glibc
internal import Linux

/// Goes through a folder and all beneath it, one folder at a time, in what an agent may write and change meanwhile.
///
/// Each is opened from the first by its whole path (openat2(2)): no symbolic link is followed. What is mounted beneath
/// is gone into, since it is granted with the folder, but for file systems of the kernel's own.
struct FolderWalk: ~Copyable, Sendable {
    /// What a folder is on the way.
    enum Role: Sendable {
        case plain
        /// In `modules` of a Git folder: Git folders of submodules, and folders on the way to them.
        case modules
        /// `worktrees` of a Git folder, or one beneath: what linked work trees have of their own.
        case worktrees
    }

    /// A folder that is to be looked at; without names, the first.
    struct Place: Sendable {
        var names: [UInt8]
        var role: Role

        static func joined(_ names: [UInt8], _ name: [UInt8]) -> [UInt8] {
            names.isEmpty ? name : names + [UInt8(ascii: "/")] + name
        }

        func inner(_ name: [UInt8], _ role: Role = .plain) -> Place {
            Place(names: Self.joined(names, name), role: role)
        }
    }

    /// Some of a folder's entries: as many as the kernel gives at once.
    struct Visit: Sendable {
        let place: Place
        /// They are the folder's first.
        let isFirst: Bool
        let entries: [FolderEntry]
    }

    /// O_PATH of open(2) (asm-generic/fcntl.h), which Glibc's module does not have.
    private static let looking = 0o10_000_000 | O_DIRECTORY | O_CLOEXEC

    /// Bytes of the paths of folders that wait, with what each takes beside: an agent makes very many with very long ones.
    private static let maximumWaiting = 64 << 20
    private static let perPlace = 64

    let path: String
    private let start: OwnedDescriptor
    private var waiting = [Place(names: [], role: .plain)]
    private var waitingSize = perPlace
    private var reader = FolderReader()
    /// The folder that is being read, and where it is.
    private var folder = OwnedDescriptor(-1)
    private var place: Place?

    /// Nil when there is no such folder.
    init?(_ path: String) {
        let start = unsafe Glibc.open(path, Self.looking)
        guard start >= 0 else { return nil }
        self.start = OwnedDescriptor(start)
        self.path = path
    }

    var isFinished: Bool { waiting.isEmpty && place == nil }

    /// Looks at a folder later.
    ///
    /// - Throws: when too many wait.
    mutating func enter(_ place: Place) throws(SystemCallError) {
        let size = place.names.count + Self.perPlace
        guard waitingSize + size <= Self.maximumWaiting else {
            throw SystemCallError(stage: "look through", object: text(place.names), errno: ENOBUFS)
        }
        waitingSize += size
        waiting.append(place)
    }

    /// Reads on, in the folder that it is in or the next; nil when that is at its end, gone, or not to be read.
    ///
    /// - Throws: when it cannot be read although it is this user's, so that an agent could.
    mutating func next() throws(SystemCallError) -> Visit? {
        let isFirst = place == nil
        if isFirst { try open() }
        guard let place else { return nil }
        guard let entries = try reader.entries(of: folder.rawValue, path: text(place.names)) else {
            self.place = nil
            return nil
        }
        return Visit(place: place, isFirst: isFirst, entries: entries)
    }

    private mutating func open() throws(SystemCallError) {
        guard let next = waiting.popLast() else { return }
        waitingSize -= next.names.count + Self.perPlace
        let opened = opened(next)
        guard opened < 0 else {
            folder = OwnedDescriptor(opened)
            place = next
            return
        }
        guard [ENOENT, ENOTDIR, ELOOP].contains(-opened) || opened == -EACCES && !isOwn(next) else {
            throw SystemCallError(stage: "openat2", object: text(next.names), errno: -opened)
        }
    }

    private func opened(_ place: Place) -> Int32 {
        let characters = (place.names.isEmpty ? [UInt8(ascii: ".")] : place.names).map {
            CChar(bitPattern: $0)
        }
        let opened = unsafe csb_open_folder(start.rawValue, characters + [0], 0)
        guard opened == -EXDEV else { return opened }
        let across = unsafe csb_open_folder(start.rawValue, characters + [0], 1)
        guard across >= 0, csb_is_kernels(across) != 0 else { return across }
        close(across)
        return -ENOENT
    }

    /// Whether a folder that may not be read belongs to who would launch the agent, or the agent to them.
    private func isOwn(_ place: Place) -> Bool {
        status(place.names).map { $0.st_uid == geteuid() } ?? true
    }

    /// What has a path below the first folder; nil when nothing has.
    func status(_ names: [UInt8]) -> stat? { FileStatus.of(names, in: start.rawValue) }

    /// The bytes of a regular file below the first folder, with no symbolic link on the way; nil when there is none to
    /// be read.
    ///
    /// - Throws: when it is longer.
    func bytes(of folder: [UInt8], _ name: [UInt8], limit: Int) throws(SystemCallError) -> [UInt8]? {
        let parent = (folder.isEmpty ? [UInt8(ascii: ".")] : folder).map { CChar(bitPattern: $0) } + [0]
        let opened = OwnedDescriptor(unsafe csb_open_folder(start.rawValue, parent, 1))
        guard opened.rawValue >= 0, csb_is_kernels(opened.rawValue) == 0 else { return nil }
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
        let characters = name.map { CChar(bitPattern: $0) } + [0]
        let file = OwnedDescriptor(unsafe openat(opened.rawValue, characters, flags))
        var status = stat()
        guard unsafe fstat(file.rawValue, &status) == 0, status.kind == .file else { return nil }
        guard status.st_size <= limit else {
            throw SystemCallError(stage: "read", object: text(Place.joined(folder, name)), errno: EFBIG)
        }
        return ReadFile.bytes(of: file.rawValue, limit: limit)
    }

    /// Of the folder that is being read.
    var descriptor: Int32 { folder.rawValue }

    func entryStatus(_ name: [UInt8]) -> stat? { FileStatus.of(name, in: folder.rawValue) }

    /// The path of names below the first folder, for people.
    func text(_ names: [UInt8]) -> String {
        names.isEmpty ? path : base + "/" + String(decoding: names, as: UTF8.self)
    }

    private var base: String { path.utf8.count == 1 ? "" : path }

    /// The same as a path to work with; nil where it is no text.
    func exactText(_ names: [UInt8]) -> String? {
        String(validating: names, as: UTF8.self).map { base + "/" + $0 }
    }
}
