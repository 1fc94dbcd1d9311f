internal import Glibc
internal import Linux

/// A path followed name by name, as the kernel follows it (path_resolution(7)), with every link on the way.
struct PathTrail: Sendable {
    /// Symbolic links that are followed for one path (path_resolution(7)).
    private static let maximumLinks = 40

    /// Where it leads, or would once what is missing is made.
    private(set) var location: Location
    /// Whether something is there, and it is a folder.
    private(set) var exists = true
    private(set) var isFolder = true
    /// What is there.
    private(set) var facts = MachineFacts.PathFacts()
    /// Where the symbolic links lie that it leads through: whoever may replace one decides where it leads.
    private(set) var links: [Location] = []

    private init(at location: Location) {
        self.location = location
    }

    /// Follows an absolute path; what may not be looked at counts as missing.
    static func of(_ path: String, in table: MountTable) throws(SystemCallError) -> PathTrail {
        if let trail = try straight(path, table) { return trail }
        return try followed(path, table)
    }

    /// The same where no link is on the way, which most often takes one look; nil where there may be one.
    private static func straight(
        _ path: String,
        _ table: MountTable
    ) throws(SystemCallError) -> PathTrail? {
        var (front, missing) = (path, [ArraySlice<UInt8>]())
        while true {
            if let place = OpenPlace.straight(front) {
                guard var location = place.location(in: table) else { throw unknown(path) }
                location.names += missing.reversed()
                var trail = PathTrail(at: location)
                trail.exists = missing.isEmpty
                trail.isFolder = trail.exists && place.isFolder
                if trail.exists { trail.facts = place.facts }
                return trail
            }
            var names = Location.names(front.utf8)
            guard isMissing(errno), let last = names.popLast() else { return nil }
            missing.append(last)
            front = "/" + names.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
        }
    }

    private static func isMissing(_ code: Int32) -> Bool { [ENOENT, ENOTDIR, EACCES].contains(code) }

    private static func unknown(_ path: String) -> SystemCallError {
        SystemCallError(stage: "find the file system of", object: path, errno: ESTALE)
    }

    private static func followed(_ path: String, _ table: MountTable) throws(SystemCallError) -> PathTrail {
        var folder = OwnedDescriptor(unsafe open("/", OpenPlace.looking | O_DIRECTORY))
        var trail = PathTrail(at: try place(of: folder.rawValue, path, table))
        var names = path.utf8.split(separator: UInt8(ascii: "/")).compactMap { String($0) }[...]
        while let name = names.popFirst() {
            if name.utf8.elementsEqual(".".utf8) { continue }
            let next = OwnedDescriptor(unsafe openat(folder.rawValue, name, OpenPlace.looking | O_NOFOLLOW))
            guard next.rawValue >= 0 else {
                guard isMissing(errno) else {
                    throw SystemCallError(stage: "open", object: path, errno: errno)
                }
                trail.location = try place(of: folder.rawValue, path, table)
                trail.location.names += ([name] + names).map { ArraySlice($0.utf8) }
                (trail.exists, trail.isFolder) = (false, false)
                return trail
            }
            var status = stat()
            guard unsafe fstat(next.rawValue, &status) == 0 else {
                throw SystemCallError(stage: "fstat", object: path, errno: errno)
            }
            guard status.st_mode & S_IFMT == S_IFLNK else {
                trail.isFolder = status.st_mode & S_IFMT == S_IFDIR
                folder = next
                continue
            }
            trail.links.append(try place(of: next.rawValue, path, table))
            guard trail.links.count <= maximumLinks else {
                throw SystemCallError(stage: "follow", object: path, errno: ELOOP)
            }
            let target = try self.target(of: name, in: folder.rawValue, path)
            if target.utf8.first == UInt8(ascii: "/") {
                folder = OwnedDescriptor(unsafe open("/", OpenPlace.looking | O_DIRECTORY))
            }
            names = (target.utf8.split(separator: UInt8(ascii: "/")).compactMap { String($0) } + names)[...]
        }
        var status = stat()
        guard unsafe fstat(folder.rawValue, &status) == 0 else {
            throw SystemCallError(stage: "fstat", object: path, errno: errno)
        }
        trail.facts = MachineFacts.PathFacts(status)
        trail.location = try place(of: folder.rawValue, path, table)
        return trail
    }

    private static func target(
        of name: String,
        in folder: Int32,
        _ path: String
    ) throws(SystemCallError) -> String {
        guard let target = PathText.target(of: "/proc/self/fd/\(folder)/\(name)") else {
            throw SystemCallError(stage: "readlink", object: path, errno: errno)
        }
        return target
    }

    private static func place(
        of descriptor: Int32,
        _ path: String,
        _ table: MountTable
    ) throws(SystemCallError) -> Location {
        guard let location = table.location(of: descriptor) else { throw unknown(path) }
        return location
    }
}
