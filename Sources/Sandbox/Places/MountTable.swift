internal import CSandbox
internal import Glibc
internal import Linux

/// What is mounted in this process's namespace (proc_pid_mountinfo(5)): turns what a descriptor holds into where it lies.
package struct MountTable: Sendable {
    package struct Mount: Sendable {
        package var number: UInt64
        /// What of which file system is mounted.
        package var root: Location
        /// Names of the folder that it is mounted on.
        package var point: [ArraySlice<UInt8>]

        /// The same as a path.
        var path: String {
            "/" + point.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
        }
    }

    /// Bytes of the kernel's list: tens of thousands of mounts.
    private static let maximumSize = 16 << 20

    package let mounts: [Mount]
    private let places: [UInt64: Int]

    package init(_ text: [UInt8]) {
        let mounts = text.split(separator: UInt8(ascii: "\n")).compactMap(Self.mount)
        self.mounts = mounts
        places = Dictionary(mounts.indices.map { (mounts[$0].number, $0) }) { first, _ in first }
    }

    /// Nil when the list cannot be read.
    static func read() -> MountTable? { bytes().map { MountTable($0) } }

    /// The kernel's list as it is now; nil when it cannot be read.
    static func bytes() -> [UInt8]? {
        let file = OwnedDescriptor(unsafe open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC))
        guard file.rawValue >= 0 else { return nil }
        var bytes: [UInt8] = []
        while bytes.count <= maximumSize {
            var failed = false
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
                let got = unsafe Glibc.read(file.rawValue, buffer.baseAddress, buffer.count)
                (failed, count) = (got < 0, max(0, got))
            }
            guard !failed else { return nil }
            if chunk.isEmpty { return bytes }
            bytes += chunk
        }
        return nil
    }

    /// Where a file lies that is opened in this mount and seen by these names; nil when it cannot be known: its mount is
    /// out of reach.
    func location(in number: UInt64, names: [ArraySlice<UInt8>]) -> Location? {
        guard let place = places[number], names.starts(with: mounts[place].point, by: ==) else { return nil }
        var location = mounts[place].root
        location.names += names.dropFirst(mounts[place].point.count)
        return location
    }

    /// Where an open file lies; nil when it cannot be known, or it was removed.
    func location(of descriptor: Int32) -> Location? {
        var seen = csb_seen()
        guard unsafe csb_see(descriptor, &seen) == 0, seen.links > 0, let names = Self.names(of: descriptor)
        else { return nil }
        return location(in: seen.mount, names: names)
    }

    /// The names by which this process sees an open file.
    static func names(of descriptor: Int32) -> [ArraySlice<UInt8>]? {
        PathText.target(of: "/proc/self/fd/\(descriptor)").map { Location.names($0.utf8) }
    }

    /// Mounts beneath a folder: what is granted with it.
    package func beneath(_ folder: [ArraySlice<UInt8>]) -> [Mount] {
        mounts.filter { $0.point.count > folder.count && $0.point.starts(with: folder, by: ==) }
    }

    private static func mount(_ line: ArraySlice<UInt8>) -> Mount? {
        let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
        guard fields.count > 4 else { return nil }
        let device = fields[2].split(separator: UInt8(ascii: ":")).compactMap(decimal)
        guard let number = decimal(fields[0]), device.count == 2 else { return nil }
        let root = Location(fileSystem: device[0] << 32 | device[1], path: unescaped(fields[3]))
        return Mount(number: number, root: root, point: Location.names(unescaped(fields[4])))
    }

    private static func decimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
        UInt64(String(decoding: digits, as: UTF8.self))
    }

    /// Blanks, line breaks and backslashes are written as three octal digits.
    private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
        guard text.contains(UInt8(ascii: "\\")) else { return Array(text) }
        var (bytes, rest) = ([UInt8](), text)
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), rest.count >= 3,
                let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            else {
                bytes.append(byte)
                continue
            }
            bytes.append(code)
            rest = rest.dropFirst(3)
        }
        return bytes
    }
}
