internal import Model

/// One pass over a text.
///
/// At each place the rules are tried in turn; the first that applies writes its masked form and moves on
/// behind it, so no octet is masked twice.
struct MaskScan {
    private let text: [UInt8]
    private var index = 0
    /// Where the word begins that is being read; nil in one of which something was hidden.
    private var wordStart: Int? = 0
    private(set) var output: [UInt8] = []
    /// What was hidden.
    private(set) var ranges: [Range<Int>] = []
    /// Something was hidden that was not hidden before.
    private(set) var foundSecret = false

    private static let hidden = Array(SecretShapes.hidden.utf8)

    init(_ text: [UInt8]) {
        self.text = text
        output.reserveCapacity(text.count)
    }

    mutating func run() {
        while index < text.count {
            if maskPrivateKey() || maskAssignment() || maskToken() || maskUserInfo() { continue }
            output.append(text[index])
            if Self.endsPath(text[index]) { wordStart = index + 1 }
            index += 1
        }
    }

    /// Copies up to `start`, hides up to `end`.
    private mutating func hide(_ start: Int, _ end: Int) {
        output += text[index..<start]
        let secret = text[start..<end]
        if !secret.elementsEqual(Self.hidden) { foundSecret = true }
        output += Self.hidden
        ranges.append(start..<end)
        index = end
        wordStart = nil
    }

    private func begins(with prefix: [UInt8], at place: Int) -> Bool {
        text.count - place >= prefix.count && text[place..<place + prefix.count].elementsEqual(prefix)
    }

    // MARK: Private keys (RFC 7468)

    private static let begin = Array("-----BEGIN ".utf8)
    private static let end = Array("-----END ".utf8)
    private static let dashes = Array("-----".utf8)
    /// The longest label in use is `ENCRYPTED PRIVATE KEY`, or `PGP PRIVATE KEY BLOCK`.
    private static let maximumLabel = 64

    /// Hides everything between the header and the footer, or the end of the text without one.
    private mutating func maskPrivateKey() -> Bool {
        guard text[index] == UInt8(ascii: "-"), begins(with: Self.begin, at: index) else { return false }
        let labelStart = index + Self.begin.count
        let label = text[labelStart...].prefix(Self.maximumLabel).prefix { $0 != UInt8(ascii: "-") }
        guard String(decoding: label, as: UTF8.self).contains("PRIVATE KEY"),
            begins(with: Self.dashes, at: label.endIndex)
        else { return false }
        let start = label.endIndex + Self.dashes.count
        var place = start
        while place < text.count && !(text[place] == 0x2d && begins(with: Self.end, at: place)) { place += 1 }
        hide(start, place)
        return true
    }

    // MARK: Tokens

    private mutating func maskToken() -> Bool {
        for shape in TokenShape.beginning(with: text[index]) {
            guard let end = shape.end(in: text, at: index) else { continue }
            hide(index + shape.prefix.count, end)
            return true
        }
        return false
    }

    // MARK: URLs (RFC 3986 section 3.2.1)

    private static let authorityMark = Array("://".utf8)

    private mutating func maskUserInfo() -> Bool {
        guard text[index] == UInt8(ascii: ":"), begins(with: Self.authorityMark, at: index) else {
            return false
        }
        let start = index + 3
        let authority = text[start...].prefix { !Self.endsAuthority($0) }
        guard let at = authority.lastIndex(of: UInt8(ascii: "@")) else { return false }
        let userInfo = text[start..<at]
        if let colon = userInfo.firstIndex(of: UInt8(ascii: ":")), colon + 1 < at {
            hide(colon + 1, at)
        } else if userInfo.hasRandomStretch {
            hide(start + kindPrefixLength(of: start..<at), at)
        } else {
            return false
        }
        return true
    }

    private static func endsAuthority(_ octet: UInt8) -> Bool {
        octet.isBlank || octet.isQuote || octet == UInt8(ascii: "/") || octet == UInt8(ascii: "?")
            || octet == UInt8(ascii: "#") || octet == UInt8(ascii: "<") || octet == UInt8(ascii: ">")
    }
}

// MARK: - Assignments

extension MaskScan {
    /// `name=value`, `name: value`, `"name": "value"`, `--name value`: hides the value of a secret name.
    private mutating func maskAssignment() -> Bool {
        guard let name = nameHere(), !endsPathName(name) else { return false }
        guard let value = valueStart(after: name) else { return false }
        let kind = SecretName(name)
        if kind == .none { return false }
        guard kind == .strong || looksRandom(from: value) else { return false }
        let range = valueRange(from: value, inHeader: Self.isHeader(name))
        guard !range.isEmpty, !isPlace(name, range) else { return false }
        let start = range.lowerBound + kindPrefixLength(of: range)
        hide(start, range.upperBound)
        return true
    }

    /// The name that starts here; nil in the middle of a word.
    private func nameHere() -> ArraySlice<UInt8>? {
        guard text[index].isLetterOrDigit, index == 0 || !text[index - 1].isNameOctet || isFlag else {
            return nil
        }
        let name = text[index...].prefix(SecretName.maximumLength + 1).prefix(while: \.isNameOctet)
        return name.count <= SecretName.maximumLength ? name : nil
    }

    /// The last part of a path with a colon behind it, as messages and mounts have it: `/etc/passwd: not found`.
    ///
    /// Only what begins as a path does; `example.com/password: x` and `https://host/token:x` do not.
    private func endsPathName(_ name: ArraySlice<UInt8>) -> Bool {
        guard let wordStart, wordStart < index, text[index - 1] == UInt8(ascii: "/") else { return false }
        let sign = text[name.endIndex...].first { !$0.isQuote }
        guard sign == UInt8(ascii: ":") else { return false }
        let start = text[wordStart..<index]
        if start.first == UInt8(ascii: "/") { return start.dropFirst().first != UInt8(ascii: "/") }
        return Self.pathStarts.contains { start.starts(with: $0) }
    }

    /// The line of a file, as rules are named: `token.yaml:14`.
    private func isPlace(_ name: ArraySlice<UInt8>, _ value: Range<Int>) -> Bool {
        name.suffix(Self.profileEnding.count).elementsEqual(Self.profileEnding)
            && value.lowerBound == name.endIndex + 1 && value.count <= Self.longestLine
            && text[value].allSatisfy { (0x30...0x39).contains($0) }
    }

    private static let profileEnding = Array(".yaml".utf8)
    /// Digits of the last line of a file as long as a profile may be, 256 KiB.
    private static let longestLine = 6

    private static let pathStarts = ["./", "../", "~/"].map { Array($0.utf8) }

    /// What cannot stand in the middle of a path that is part of a sentence or of an option.
    private static func endsPath(_ octet: UInt8) -> Bool {
        octet.isBlank || octet.isQuote || octet == UInt8(ascii: ":") || octet == UInt8(ascii: "=")
            || octet == UInt8(ascii: "(") || octet == UInt8(ascii: "[") || separators.contains(octet)
    }

    /// A dash stands in front, and a word's end in front of that.
    private var isFlag: Bool {
        guard index > 0, text[index - 1] == UInt8(ascii: "-") else { return false }
        var place = index - 1
        while place > 0, index - place < 2, text[place - 1] == UInt8(ascii: "-") { place -= 1 }
        return place == 0 || text[place - 1].isBlank || text[place - 1].isQuote
    }

    /// Where the value starts, behind the sign and an opening quote.
    private func valueStart(after name: ArraySlice<UInt8>) -> Int? {
        var place = name.endIndex
        if place < text.count, text[place].isQuote { place += 1 }
        while place < text.count, place - name.endIndex < 4, text[place] == 0x20 { place += 1 }
        guard place < text.count else { return nil }
        if text[place] == UInt8(ascii: "=") || text[place] == UInt8(ascii: ":") {
            place += 1
            if text[place...].starts(with: [0x2f, 0x2f]) { return nil }
            while place < text.count, text[place] == 0x20 { place += 1 }
        } else if !(isFlag && place > name.endIndex && text[place] != UInt8(ascii: "-")) {
            return nil
        }
        if place < text.count, text[place].isQuote { place += 1 }
        return place < text.count ? place : nil
    }

    /// Judges no more than a window, because a value that is not masked is read again from its next name on.
    private func looksRandom(from start: Int) -> Bool {
        text[start...].prefix(256).prefix { !Self.endsValue($0) }.hasRandomStretch
    }

    private static func endsValue(_ octet: UInt8) -> Bool {
        octet.isBlank || octet.isQuote || separators.contains(octet)
    }

    private func valueRange(from start: Int, inHeader: Bool) -> Range<Int> {
        let quote = text[start - 1].isQuote ? text[start - 1] : nil
        let end = text[start...].firstIndex { octet in
            if let quote { return octet == quote }
            if inHeader { return octet.isQuote || octet == 0x0a || octet == 0x0d }
            return Self.endsValue(octet)
        }
        return start..<(end ?? text.count)
    }

    /// `Bearer `, `ghp_`: what says of which kind the hidden value is, and no part of the secret.
    private func kindPrefixLength(of range: Range<Int>) -> Int {
        let value = text[range]
        for scheme in Self.schemes where value.count > scheme.count {
            if value.prefix(scheme.count).map(\.lowered) == scheme { return scheme.count }
        }
        for shape in TokenShape.beginning(with: value[range.lowerBound])
        where value.starts(with: shape.prefix) {
            let isMasked = value.dropFirst(shape.prefix.count).elementsEqual(SecretShapes.hidden.utf8)
            if isMasked || shape.end(in: text, at: range.lowerBound) == range.upperBound {
                return shape.prefix.count
            }
        }
        return 0
    }

    private static let separators = Set("&;,)}]<>|".utf8)
    private static let schemes = ["bearer ", "basic ", "token ", "digest "].map { Array($0.utf8) }

    /// Fields whose value has spaces in it.
    private static func isHeader(_ name: ArraySlice<UInt8>) -> Bool {
        let name = String(decoding: name.map(\.lowered), as: UTF8.self)
        return name.ends(with: "authorization") || name.ends(with: "cookie")
    }
}

extension UInt8 {
    /// What a name of a variable, a flag or a field is made of.
    fileprivate var isNameOctet: Bool { isTokenOctet || self == UInt8(ascii: ".") }
}
