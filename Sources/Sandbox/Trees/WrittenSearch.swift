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

    /// A time without a fraction may have been cut: some file systems have whole seconds, FAT every other one.
    fileprivate func isBefore(orAt time: timespec) -> Bool {
        guard time.tv_nsec != 0 else { return seconds - 1 <= time.tv_sec }
        return (seconds, nanoseconds) <= (time.tv_sec, time.tv_nsec)
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
    /// Bytes of a file in which words are looked for: more than a configuration has; one that is longer is listed.
    private static let maximumText = 64 << 10
    /// Bytes in which words are looked for in the time that a file takes which is only looked at.
    private static let bytesPerEntry = 256
    /// Files held at once, of which some of each reason are kept.
    private static let heldFiles = 40 * maximumFiles
    /// Folders of a Git folder with what Git itself wrote and never runs.
    private static let inert: Set<[UInt8]> = Set(["objects", "refs", "logs", "lfs"].map { Array($0.utf8) })

    private let entriesAtMost: Int
    private let since: FileMoment
    private let readTable: @Sendable () -> HostRunTable?
    private var knownTable: HostRunTable?
    private let borders: Set<ByteText>
    private var starts: [String]
    private var walk: FolderWalk?
    private var walkBorders: Set<[UInt8]> = []
    private var looked = 0
    private var isWhole = true
    private var found: [Found] = []
    private var more = 0

    /// Looks where the host's files are written: not in copies.
    ///
    /// - Parameters:
    ///   - files: what an agent could write.
    ///   - since: what changed before is left out.
    ///   - table: what the host runs; read when the first file has changed, for most runs change none. Where there is
    ///     none, files that changed make the search incomplete.
    ///   - maximumEntries: folders and files to look at.
    package init(
        _ files: FileRules,
        since: FileMoment,
        table: @escaping @autoclosure @Sendable () -> HostRunTable?,
        maximumEntries: Int = Self.maximumEntries
    ) {
        entriesAtMost = maximumEntries
        let (starts, borders) = files.writableTrees(isCopied: false)
        (self.starts, self.borders) = (starts, borders)
        (self.since, readTable) = (since, table)
    }

    package var isFinished: Bool { starts.isEmpty && walk == nil }

    private struct Found: Sendable {
        let rank: Int
        /// Names on the way: what lies near is likelier to be run, and found among what an agent made to hide it.
        let depth: Int
        let file: WrittenFiles.File
    }

    /// A file's beginning.
    private struct Beginning {
        var bytes: [UInt8] = []
        /// There is nothing behind it.
        var isWhole = false
    }

    /// What has been found: of each reason one, then a second, and so on; those first that run by themselves.
    package var written: WrittenFiles {
        let files = Self.inTurns(found).prefix(Self.maximumFiles).map(\.file)
        return WrittenFiles(files: files, more: more + found.count - files.count, isWhole: isWhole)
    }

    private static func inTurns(_ found: [Found]) -> [Found] {
        let sorted = found.sorted { ($0.rank, $0.depth, $0.file.path) < ($1.rank, $1.depth, $1.file.path) }
        var (turn, rank) = (0, -1)
        let turns = sorted.map { file -> (turn: Int, file: Found) in
            (turn, rank) = (file.rank == rank ? turn + 1 : 0, file.rank)
            return (turn, file)
        }
        return turns.sorted { ($0.turn, $0.file.rank) < ($1.turn, $1.file.rank) }.map(\.file)
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
        let name = Array(start.utf8)
        if walk == nil, let status = FileStatus.of(name, in: AT_FDCWD), status.kind == .file, isNew(status) {
            note(start, status) { Self.beginning(of: name, in: AT_FDCWD, $0) }
        }
    }

    private static func names(_ path: String, below start: String) -> [UInt8] {
        Array(path.utf8.dropFirst(start.utf8.count).drop { $0 == UInt8(ascii: "/") })
    }

    private mutating func look(at visit: FolderWalk.Visit, _ walk: inout FolderWalk) {
        looked += visit.entries.count
        let isGit = Self.isGit(visit.place.names)
        for entry in visit.entries {
            if entry.kind == .folder {
                let inner = visit.place.inner(entry.name)
                let isInert = isGit && Self.inert.contains(entry.name)
                guard !isInert, !walkBorders.contains(inner.names) else { continue }
                do throws(SystemCallError) { try walk.enter(inner) } catch { isWhole = false }
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

    /// Whether it is a folder `.git`; beneath it others have such names as well, submodules among them.
    private static func isGit(_ names: [UInt8]) -> Bool {
        names.split(separator: UInt8(ascii: "/")).last?.elementsEqual(".git".utf8) ?? false
    }

    private func isNew(_ status: stat) -> Bool { since.isBefore(orAt: status.st_ctim) }

    private mutating func note(_ path: String, _ status: stat, _ read: (Int) -> Beginning) {
        guard let (rank, reason) = reason(path, status, read) else { return }
        let depth = path.utf8.count { $0 == UInt8(ascii: "/") }
        found.append(Found(rank: rank, depth: depth, file: WrittenFiles.File(path: path, reason: reason)))
        guard found.count > Self.heldFiles else { return }
        // What is left out would not come first among more of them either.
        let kept = Array(Self.inTurns(found).prefix(Self.heldFiles / 4))
        more += found.count - kept.count
        found = kept
    }

    private mutating func reason(
        _ path: String,
        _ status: stat,
        _ read: (Int) -> Beginning
    ) -> (Int, String)? {
        guard let table = knownTable ?? readTable() else {
            isWhole = false
            return nil
        }
        knownTable = table
        let (isLink, names) = (status.kind == .link, Array(path.utf8))
        if let row = table.row(for: names) {
            guard let reason = row.reason else { return nil }
            if isLink { return (row.rank, reason + "; a symbolic link") }
            if row.words.isEmpty { return (row.rank, reason) }
            let text = read(Self.maximumText)
            looked += text.bytes.count / Self.bytesPerEntry
            if row.holds(text.bytes, isWhole: text.isWhole) { return (row.rank, reason) }
        }
        if isLink {
            let row = table.row(below: names)
            return row.flatMap { row in
                row.reason.map { (row.rank, $0 + "; a symbolic link in its folder's place") }
            }
        }
        guard status.st_mode & 0o111 != 0 else { return nil }
        let head = read(4).bytes
        if head.starts(with: [0x7F, 0x45, 0x4C, 0x46]) { return (Int.max, "an executable program") }
        // Without #! shells run it as a script, and the kernel asks the interpreters that are registered.
        return (Int.max, head.starts(with: "#!".utf8) ? "an executable script" : "an executable file")
    }

    private static func beginning(of name: [UInt8], in folder: Int32, _ size: Int) -> Beginning {
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
        let characters = name.map { CChar(bitPattern: $0) } + [0]
        let file = OwnedDescriptor(unsafe openat(folder, characters, flags))
        var status = stat()
        guard unsafe fstat(file.rawValue, &status) == 0, status.kind == .file else { return Beginning() }
        var bytes = [UInt8](repeating: 0, count: size)
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe pread(file.rawValue, $0.baseAddress, $0.count, 0)
        }
        guard count >= 0 else { return Beginning() }
        return Beginning(bytes: Array(bytes.prefix(count)), isWhole: count < size)
    }
}
