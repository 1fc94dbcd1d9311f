internal import Model
internal import Policy

extension FileRules {
    /// Folders of which the agent writes what is beneath, each in none of the others; and what it does not write there.
    ///
    /// Copies count where `isCopied` says so; they are not the host's.
    func writableTrees(isCopied: Bool) -> (starts: [String], borders: Set<ByteText>) {
        let writable = write + (isCopied ? copy : [])
        let closed = read + hide + protect.map(\.path) + (isCopied ? [] : copy)
        let borders = Set(closed.map { ByteText($0) })
        let starts = writable.filter { path in
            let around = Self.innermost((writable + closed).filter { !$0.isSame(as: path) }, around: path)
            // At one path `write` beats `read`, and everything else beats it.
            let isClosed = (hide + protect.map(\.path)).holds(bytes: path)
            return !isClosed
                && !(around.map { writable.holds(bytes: $0) && !borders.contains(ByteText($0)) } ?? false)
        }
        return (
            Set(starts.map { ByteText($0) }).map(\.text), borders.subtracting(starts.map { ByteText($0) })
        )
    }

    /// Where what is sought may be: folders to look through.
    func searchStarts(in trees: [String], _ borders: Set<ByteText>) -> [String] {
        var starts: Set<ByteText> = []
        for tree in trees {
            for sought in sought {
                if tree.isWithin(sought.base) { starts.insert(ByteText(tree)) }
                guard sought.base.isWithin(tree) else { continue }
                let around = Self.innermost(trees + borders.map(\.text), around: sought.base)
                if around.map({ $0.isSame(as: tree) }) ?? false { starts.insert(ByteText(sought.base)) }
            }
        }
        // What lies in another is reached from there, but behind a border.
        return starts.filter { start in
            let others = starts.subtracting([start]).union(borders).map(\.text)
            return Self.innermost(others, around: start.text).map { borders.contains(ByteText($0)) } ?? true
        }.map(\.text).sorted { $0.precedes($1) }
    }
}
