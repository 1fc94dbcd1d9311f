internal import Model

/// Folders, and whether a path lies in one: as many look-ups as the path has names, however many folders there are.
struct Folders: Sendable {
    private let paths: Set<ByteText>

    init(_ paths: [String]) {
        self.paths = Set(paths.map { ByteText($0) })
    }

    func cover(_ path: String) -> Bool {
        var folder = path[...]
        while !folder.isEmpty {
            if paths.contains(ByteText(folder)) { return true }
            folder = folder[..<(folder.lastPlace(of: "/") ?? folder.startIndex)]
        }
        return paths.contains(ByteText("/"))
    }
}
