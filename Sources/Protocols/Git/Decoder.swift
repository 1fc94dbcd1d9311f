internal import Model

/// Reads the list of commands of a push as it comes: up to its end, its options with it, and the first octets of the
/// pack, and no further.
///
/// ```
///              command, shallow          option
///             ┌──────┐                  ┌──────┐
///   commands ─┴──────┴─ flush ─► options ┴──────┴─ flush ─► pack ─ PACK, or the end ─► whole
///                         └── without push-options ──────────▲
/// ```
package struct PushListReader: Sendable {
    private enum Stage {
        case commands
        case options
        case pack
        case whole
    }

    private var stage = Stage.commands
    private var octets: [UInt8] = []
    private var place = 0
    private var updates: [GitPush.Update] = []
    private var capabilities: [Substring]?
    /// Octets of the first object's id: SHA-1 in 40 digits, or SHA-256 in 64.
    private var digits: Int?
    private var hasOptions = false

    private static let pack = Array("PACK".utf8)

    package init() {}

    /// Reads on; the list once it is whole.
    package mutating func read(_ bytes: some Collection<UInt8>) throws(PushFault) -> PushList? {
        let room = GitPush.maximumList + Self.pack.count - octets.count
        octets += bytes.prefix(room)
        while try step() {}
        if case .whole = stage { return list }
        guard bytes.count <= room else { throw .tooLarge }
        return nil
    }

    /// Nothing follows.
    package mutating func end() throws(PushFault) -> PushList {
        switch stage {
        case .whole: return list
        case .pack where place == octets.count: return list
        case .pack: throw .malformed("what follows it is no pack")
        case .commands, .options: throw .malformed("it has no end")
        }
    }

    private var list: PushList {
        PushList(
            push: GitPush(updates, hasOptions: hasOptions),
            wantsReport: has("report-status") || has("report-status-v2"),
            hasBands: has("side-band-64k")
        )
    }

    private func has(_ capability: String) -> Bool { capabilities?.holds(bytes: capability) ?? false }

    /// One line, or what follows them; false while it is not here.
    private mutating func step() throws(PushFault) -> Bool {
        switch stage {
        case .whole: return false
        case .pack:
            let rest = octets[place...]
            guard Self.pack.starts(with: rest.prefix(Self.pack.count)) else {
                throw .malformed("what follows it is no pack")
            }
            guard rest.count >= Self.pack.count else { return false }
            stage = .whole
        case .commands:
            guard let line = try line() else { return false }
            switch line {
            case .flush: stage = has("push-options") ? .options : .pack
            case .data(let data): try command(data)
            }
        case .options:
            guard let line = try line() else { return false }
            switch line {
            case .flush: stage = .pack
            case .data: hasOptions = true
            }
        }
        return true
    }

    private enum Line {
        case flush
        /// Without the line break at its end.
        case data(ArraySlice<UInt8>)
    }

    private mutating func line() throws(PushFault) -> Line? {
        guard octets.count - place >= GitLimits.prefix else { return nil }
        var length = 0
        for byte in octets[place..<place + GitLimits.prefix] {
            guard let digit = URLPath.hexValue(byte) else { throw .malformed("a line has no length") }
            length = length << 4 | Int(digit)
        }
        guard length > 0 else {
            place += GitLimits.prefix
            return .flush
        }
        guard length > GitLimits.prefix, length <= GitLimits.line else {
            throw .malformed("a line has the length \(length)")
        }
        guard place + length <= GitPush.maximumList else { throw .tooLarge }
        guard place + length <= octets.count else { return nil }
        var data = octets[place + GitLimits.prefix..<place + length]
        if data.last == UInt8(ascii: "\n") { data.removeLast() }
        place += length
        return .data(data)
    }

    private mutating func command(_ line: ArraySlice<UInt8>) throws(PushFault) {
        guard !line.starts(with: "push-cert".utf8) else { throw .signed }
        if line.starts(with: "shallow ".utf8) {
            guard updates.isEmpty, try object(line.dropFirst(8)) != nil else {
                throw .malformed("a shallow line is no object's, or stands behind a command")
            }
            return
        }
        let command = line.prefix { $0 != 0 }
        let words = command.split(
            separator: UInt8(ascii: " "),
            maxSplits: 2,
            omittingEmptySubsequences: false
        )
        guard words.count == 3, try object(words[0]) != nil, let isNone = try object(words[1]) else {
            throw .malformed("a command is not OLD NEW REF")
        }
        guard let ref = String(validating: words[2], as: UTF8.self), GitPush.isRef(ref) else {
            throw .malformed("a command's ref is none by git-check-ref-format")
        }
        if command.count < line.count { try read(capabilities: line.dropFirst(command.count + 1)) }
        updates.append(GitPush.Update(ref: ref, isDeletion: isNone))
    }

    /// Whether an object's id is that of none; nil for what is no id, or of another length than the others.
    private mutating func object(_ text: ArraySlice<UInt8>) throws(PushFault) -> Bool? {
        guard text.count == 40 || text.count == 64, text.count == digits ?? text.count,
            text.allSatisfy({ URLPath.hexValue($0) != nil })
        else { return nil }
        digits = text.count
        return text.allSatisfy { $0 == UInt8(ascii: "0") }
    }

    private mutating func read(capabilities text: ArraySlice<UInt8>) throws(PushFault) {
        guard updates.isEmpty, text.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }),
            let words = String(validating: text, as: UTF8.self)
        else { throw .malformed("capabilities stand behind a later command, or hold a control character") }
        capabilities = words.cut(at: " ")
    }
}
