internal import CSandbox
internal import Glibc
internal import Linux
package import Model
package import Policy

/// A moment by the clock that file systems take their times from.
package struct FileMoment: Sendable {
    fileprivate let seconds: Int
    fileprivate let nanoseconds: Int

    /// Now, not later than any change after it: CLOCK_REALTIME_COARSE (clock_gettime(2)) is what the kernel stamps with.
    package static func now() -> FileMoment {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return FileMoment(seconds: time.tv_sec, nanoseconds: time.tv_nsec)
    }

    fileprivate func isBefore(orAt time: timespec) -> Bool {
        (seconds, nanoseconds) <= (time.tv_sec, time.tv_nsec)
    }
}

/// Looks for files that changed since a moment and that the host may run, in what an agent could write.
///
/// By their ctime, which no agent sets: whoever changed them. A file that moved with a folder around it keeps its ctime,
/// and is not found.
package struct WrittenSearch: ~Copyable, Sendable {
    /// Folders and files looked at for one run, where the operator does not say fewer: each file costs a system call, all
    /// a second or two of one core (docs/specification.md).
    package static let maximumEntries = 1_000_000
    /// Files in the record; one for people shows fewer.
    package static let maximumFiles = 100
    /// Bytes of a file in which words are looked for: more than a configuration has.
    private static let maximumText = 64 << 10
    /// Folders of a Git folder with what Git itself wrote and never runs.
    private static let inert: Set<[UInt8]> = Set(["objects", "refs", "logs", "lfs"].map { Array($0.utf8) })

    private let entriesAtMost: Int
    private let since: FileMoment
    private let table: HostRunTable
    private let borders: Set<ByteText>
    private var starts: [String]
    private var walk: FolderWalk?
    private var walkBorders: Set<[UInt8]> = []
    private var looked = 0
    private var isWhole = true
    private var found: [(rank: Int, file: WrittenFiles.File)] = []
    private var more = 0

    /// Looks where the host's files are written: not in copies.
    package init(
        _ files: FileRules,
        since: FileMoment,
        table: HostRunTable,
        maximumEntries: Int = Self.maximumEntries
    ) {
        entriesAtMost = maximumEntries
        let (starts, borders) = files.writableTrees(isCopied: false)
        (self.starts, self.borders) = (starts, borders)
        (self.since, self.table) = (since, table)
    }

    package var isFinished: Bool { starts.isEmpty && walk == nil }

    /// What has been found, those first that run by themselves.
    package var written: WrittenFiles {
        let sorted = found.sorted { ($0.rank, $0.file.path) < ($1.rank, $1.file.path) }.map(\.file)
        let files = Array(sorted.prefix(Self.maximumFiles))
        return WrittenFiles(files: files, more: more + sorted.count - files.count, isWhole: isWhole)
    }

    /// Looks at so many folders and files, or some more.
    package mutating func step(_ amount: Int) {
        let end = min(looked + amount, entriesAtMost + 1)
        while looked < end, !isFinished {
            if walk == nil { begin() }
            guard var walk = walk.take() else { continue }
            looked += 1
            do throws(SystemCallError) {
                if let visit = try walk.next() { look(at: visit, &walk) }
            } catch {
                isWhole = false
            }
            if !walk.isFinished { self.walk = consume walk }
        }
        guard looked > entriesAtMost, !isFinished else { return }
        walk = nil
        (starts, isWhole) = ([], false)
    }

    private mutating func begin() {
        guard let start = starts.popLast() else { return }
        walk = FolderWalk(start)
        walkBorders = Set(
            borders.filter { $0.text.isWithin(start) }.map { Self.names($0.text, below: start) }
        )
        // A file may be granted as well.
        if walk == nil, let file = Self.file(start), isNew(file.status) {
            note(start, file.status, file.read)
        }
    }

    private static func names(_ path: String, below start: String) -> [UInt8] {
        Array(path.utf8.dropFirst(start.utf8.count).drop { $0 == UInt8(ascii: "/") })
    }

    private mutating func look(at visit: FolderWalk.Visit, _ walk: inout FolderWalk) {
        looked += visit.entries.count
        let isInGit = Self.isGit(visit.place.names)
        for entry in visit.entries {
            if entry.kind == .folder {
                let inner = visit.place.inner(entry.name)
                let isInert = isInGit && Self.inert.contains(entry.name)
                if !isInert, !walkBorders.contains(inner.names) { walk.enter(inner) }
                continue
            }
            guard entry.kind == .file || entry.kind == .link, let status = walk.entryStatus(entry.name),
                isNew(status)
            else { continue }
            let (descriptor, inner) = (walk.descriptor, visit.place.inner(entry.name))
            guard !walkBorders.contains(inner.names) else { continue }
            note(walk.text(inner.names), status) { Self.beginning(of: entry.name, in: descriptor, $0) }
        }
    }

    /// Whether a name on the way is `.git`.
    private static func isGit(_ names: [UInt8]) -> Bool {
        names.split(separator: UInt8(ascii: "/")).contains { $0.elementsEqual(".git".utf8) }
    }

    private func isNew(_ status: stat) -> Bool { since.isBefore(orAt: status.st_ctim) }

    private mutating func note(_ path: String, _ status: stat, _ read: (Int) -> [UInt8]) {
        guard let (rank, reason) = reason(path, status, read) else { return }
        // Enough for what comes first to be in the record, however many there are.
        guard found.count < 10 * Self.maximumFiles || rank < Int.max else {
            more += 1
            return
        }
        found.append((rank, WrittenFiles.File(path: path, reason: reason)))
        if found.count > 20 * Self.maximumFiles {
            found.sort { $0.rank < $1.rank }
            more += found.count - Self.maximumFiles
            found = Array(found.prefix(Self.maximumFiles))
        }
    }

    private func reason(_ path: String, _ status: stat, _ read: (Int) -> [UInt8]) -> (Int, String)? {
        let isLink = status.kind == .link
        if let row = table.row(for: Array(path.utf8)) {
            guard let reason = row.reason else { return nil }
            if isLink { return (row.rank, reason + "; a symbolic link") }
            if row.words.isEmpty || row.holds(read(Self.maximumText)) { return (row.rank, reason) }
        }
        guard !isLink, status.st_mode & 0o111 != 0 else { return nil }
        let head = read(4)
        if head.starts(with: [0x7F, 0x45, 0x4C, 0x46]) { return (Int.max, "an executable program") }
        return head.starts(with: "#!".utf8) ? (Int.max, "an executable script") : nil
    }

    private static func file(_ path: String) -> (status: stat, read: (Int) -> [UInt8])? {
        guard let status = FileStatus.of(Array(path.utf8), in: AT_FDCWD), status.kind == .file else {
            return nil
        }
        return (status, { Self.beginning(of: Array(path.utf8), in: AT_FDCWD, $0) })
    }

    private static func beginning(of name: [UInt8], in folder: Int32, _ size: Int) -> [UInt8] {
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
        let characters = name.map { CChar(bitPattern: $0) } + [0]
        let file = OwnedDescriptor(unsafe openat(folder, characters, flags))
        var status = stat()
        guard unsafe fstat(file.rawValue, &status) == 0, status.kind == .file else { return [] }
        var bytes = [UInt8](repeating: 0, count: size)
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe pread(file.rawValue, $0.baseAddress, $0.count, 0)
        }
        return Array(bytes.prefix(max(0, count)))
    }
}
