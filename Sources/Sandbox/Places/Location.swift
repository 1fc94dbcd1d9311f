/// Where something lies, whatever mounts and links lead there: a file system, and the way from its root.
///
/// A second mount of the same folder has the same location; so has a path that leads through a symbolic link.
package struct Location: Sendable, Hashable {
    /// Its device number, as the list of mounts has it.
    package var fileSystem: UInt64
    /// Names from the root of the file system, in the kernel's bytes.
    package var names: [ArraySlice<UInt8>]

    package init(fileSystem: UInt64, names: [ArraySlice<UInt8>]) {
        self.fileSystem = fileSystem
        self.names = names
    }

    package init(fileSystem: UInt64, path: some Sequence<UInt8>) {
        self.init(fileSystem: fileSystem, names: Self.names(path))
    }

    package static func names(_ path: some Sequence<UInt8>) -> [ArraySlice<UInt8>] {
        Array(path).split(separator: UInt8(ascii: "/"))
    }

    /// Whether the other one is the same or lies beneath.
    package func covers(_ other: Location) -> Bool {
        fileSystem == other.fileSystem && other.names.starts(with: names, by: ==)
    }

    /// The way from here to what this covers, empty or with a slash in front; nil where it is not text.
    package func way(to other: Location) -> String? {
        let bytes = other.names.dropFirst(names.count).flatMap { [UInt8(ascii: "/")] + $0 }
        return String(validating: bytes, as: UTF8.self)
    }
}
