/// Looks at a file before the YAML library does, for what the library would not survive well.
///
/// The library expands aliases by value and hashes keys, so a few nested aliases used as a key cost exponential
/// time before any node could be inspected. No alias works without an anchor: a text that seems to have both is
/// refused here; what is only an anchor is refused with its exact position afterwards.
enum YAMLScreen {
    struct Problem {
        let position: TextPosition
        let message: String
    }

    /// Bytes that may stand directly before a token, apart from white space and the start of a line.
    private static let openers: Set<UInt8> = Set(":-?[{,".utf8)

    static func problem(in text: String) -> Problem? {
        if let problem = strangeCharacter(in: text) { return problem }
        guard let alias = firstToken(UInt8(ascii: "*"), in: text),
            firstToken(UInt8(ascii: "&"), in: text) != nil
        else { return nil }
        return Problem(
            position: alias,
            message:
                "aliases and anchors (*name, &name) are not allowed; quote the text if it is meant as text"
        )
    }

    /// Control characters, line breaks that only some programs see (NEL, LS, PS), and marks that no reviewer sees
    /// (zero-width, direction): an editor, a reviewer and the parser must agree on what stands there.
    private static func strangeCharacter(in text: String) -> Problem? {
        var line = 1
        var column = 1
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A:
                line += 1
                column = 0
            case 0x09, 0x0D, 0x20...0x7E, 0xA0...0x200A, 0x2010...0x2027, 0x202F...0x205F, 0x2070...0xFEFE,
                0xFF00...0x10FFFF:
                break
            case 0xFEFF where line == 1 && column == 1:
                return Problem(
                    position: .start,
                    message: "the file begins with a byte order mark: save it as UTF-8 without one"
                )
            default:
                let code = String(scalar.value, radix: 16, uppercase: true)
                return Problem(
                    position: TextPosition(line: line, column: column),
                    message: "the character U+\(code) is not allowed"
                )
            }
            column += 1
        }
        return nil
    }

    /// The first place where `mark` and a name could open a token, whether or not it is inside quotes.
    private static func firstToken(_ mark: UInt8, in text: String) -> TextPosition? {
        var line = 1
        var column = 1
        var mayOpen = true
        var marked = false
        for byte in text.utf8 {
            if marked, isNameByte(byte) { return TextPosition(line: line, column: column - 1) }
            marked = mayOpen && byte == mark
            switch byte {
            case 0x0A, 0x0D: mayOpen = true
            case 0x20, 0x09: break
            default: mayOpen = openers.contains(byte)
            }
            line += byte == 0x0A ? 1 : 0
            // Continuation bytes of UTF-8 are no columns of their own.
            column = byte == 0x0A ? 1 : column + (byte & 0xC0 == 0x80 ? 0 : 1)
        }
        return nil
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
