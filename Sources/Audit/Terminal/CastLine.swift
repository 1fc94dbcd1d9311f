internal import Foundation

/// Lines of an asciicast, version 2 (docs.asciinema.org/manual/asciicast/v2).
enum CastLine {
    /// What stands for a size that a terminal does not say: that of a VT100.
    private static let (rows, columns): (UInt16, UInt16) = (24, 80)

    static func header(rows: UInt16, columns: UInt16, seconds: Int64, title: String) -> [UInt8] {
        var json = CanonicalJSON()
        json.object { json in
            json.member("height", rows == 0 ? Self.rows : rows)
            json.member("timestamp", seconds)
            json.member("title", title)
            json.member("version", 2)
            json.member("width", columns == 0 ? Self.columns : columns)
        }
        return json.octets + [0x0A]
    }

    /// `[1.042, "o", "text"]`; what is no UTF-8 becomes U+FFFD, and so does a control character of C1, which begins sequences
    /// of its own: none is left where this is called, and whoever plays this needs to know nothing of that.
    static func output(_ octets: some Collection<UInt8>, at milliseconds: UInt64) -> [UInt8] {
        line("o", shown(String(decoding: octets, as: UTF8.self)), milliseconds)
    }

    private static func shown(_ text: String) -> String {
        // All of them begin with this octet.
        guard text.utf8.contains(0xC2) else { return text }
        return text.unicodeScalars.reduce(into: "") { shown, scalar in
            shown.unicodeScalars.append((0x80...0x9F).contains(scalar.value) ? "\u{FFFD}" : scalar)
        }
    }

    /// `[1.042, "r", "132x50"]`: columns and rows.
    static func resize(rows: UInt16, columns: UInt16, at milliseconds: UInt64) -> [UInt8] {
        line("r", "\(columns)x\(rows)", milliseconds)
    }

    private static func line(_ code: String, _ text: String, _ milliseconds: UInt64) -> [UInt8] {
        let fraction = "\(milliseconds % 1_000 + 1_000)".dropFirst()
        var json = CanonicalJSON()
        json.raw(Array("[\(milliseconds / 1_000).\(fraction), \"\(code)\", ".utf8))
        json.string(text)
        json.raw(Array("]\n".utf8))
        return json.octets
    }
}

/// The end of octets that may be the beginning of a character.
enum CharacterBeginning {
    /// Octets of it: none where they end with a whole character, or with what is none.
    static func length(atEndOf octets: some BidirectionalCollection<UInt8>) -> Int {
        var count = 0
        for octet in octets.reversed().prefix(3) {
            count += 1
            switch octet {
            case 0x80...0xBF: continue
            case 0xC2...0xDF: return count < 2 ? count : 0
            case 0xE0...0xEF: return count < 3 ? count : 0
            case 0xF0...0xF4: return count < 4 ? count : 0
            default: return 0
            }
        }
        return 0
    }
}
