import PostgresProtocol
import Testing

/// Passwords as SCRAM takes them; what is expected was made by another program (Python's stringprep and unicodedata).
struct SASLprepTests {
    static let cases: [(what: String, given: String, prepared: String)] = [
        ("RFC 4013: a soft hyphen is left out", "I\u{AD}X", "IX"),
        ("RFC 4013: nothing changes", "user", "user"),
        ("RFC 4013: a feminine ordinal", "\u{AA}", "a"),
        ("RFC 4013: a Roman numeral", "\u{2168}", "IX"),
        ("RFC 4013: prohibited", "a\u{7}\u{E4}", "a\u{7}\u{E4}"),
        ("RFC 4013: from right to left and a digit", "\u{627}1", "\u{627}1"),
        ("from right to left and back", "\u{627}1\u{628}", "\u{627}1\u{628}"),
        ("from right to left with a letter", "\u{627}a\u{628}", "\u{627}a\u{628}"),
        ("composed", "p\u{E4}ssw\u{F6}rd", "p\u{E4}ssw\u{F6}rd"),
        ("decomposed", "pa\u{308}sswo\u{308}rd", "p\u{E4}ssw\u{F6}rd"),
        ("order of marks", "q\u{307}\u{323}", "q\u{323}\u{307}"),
        ("wide", "\u{FF50}\u{FF41}\u{FF53}\u{FF53}", "pass"),
        ("half-width kana", "\u{FF76}\u{FF9E}", "\u{30AC}"),
        ("Hangul", "\u{1112}\u{1161}\u{11AB}", "\u{D55C}"),
        ("a ligature", "\u{FB01}\u{FB03}", "fiffi"),
        ("a space that is not ASCII", "a\u{A0}b\u{3000}c", "a b c"),
        ("zero width space", "a\u{200B}b", "a b"),
        ("joiners and marks of order", "a\u{200D}b\u{FE0F}c\u{FEFF}", "abc"),
        ("nothing is left", "\u{AD}\u{200C}", "\u{AD}\u{200C}"),
        ("private use", "\u{E000}", "\u{E000}"),
        ("unassigned in Unicode 3.2", "\u{221}", "\u{221}"),
        ("an emoji, newer than 3.2", "\u{1F600}", "\u{1F600}"),
        ("an old one of the astral planes", "\u{1D400}", "A"),
        ("a fraction", "\u{BD}", "1\u{2044}2"),
        ("presentation form of Arabic", "\u{FEF7}", "\u{644}\u{623}"),
        ("a tag", "a\u{E0041}", "a\u{E0041}"),
        ("Greek with accents", "\u{3AC}", "\u{3AC}"),
        ("not composed again", "\u{958}", "\u{915}\u{93C}"),
        ("a singleton", "\u{212B}", "\u{C5}"),
        ("a long s with a dot", "\u{1E9B}\u{323}", "\u{1E69}"),
        ("no break of order", "\u{340}a", "\u{300}a"),
    ]

    @Test(arguments: cases)
    func `A password is prepared, or goes as it is`(what: String, given: String, prepared: String) {
        // By octets: to Swift two spellings of an accent are equal.
        #expect(Array(SASLprep.prepared(given).utf8) == Array(prepared.utf8), "\(what)")
    }

    @Test func `Each character that Unicode 3.2 had is prepared as another program prepares it`() {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        var count = 0
        for scalar in (UInt32(0x80)..<0x11_0000).lazy.compactMap(Unicode.Scalar.init) {
            guard let age = scalar.properties.age, age.major < 3 || age.major == 3 && age.minor <= 2 else {
                continue
            }
            count += 1
            // FNV-1a.
            for octet in SASLprep.prepared(String(scalar)).utf8 {
                hash = (hash ^ UInt64(octet)) &* 0x100_0000_01b3
            }
        }
        #expect(count == 232_627)
        #expect(hash == 0xdea6_8661_e60a_d503)
    }

    @Test func `What a server is told in a password's place is what another program makes of it`() throws {
        let salt = (0..<16).map { UInt8($0) }
        #expect(
            try SCRAMVerifier.text(of: "pencil", salt: salt)
                == "SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$zHCdol2044/ZyWzPLi7oxApCkamKw9Z+E4U/QApd/5Y=:dd5peBOitVnLNFu7VmwP+HiDaaw4OUCv396eVCWhYiE="
        )
        #expect(
            try SCRAMVerifier.text(of: "pa\u{308}ss\u{2168}", salt: salt)
                == "SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$CkbbZ7+cG/nouuJVxUuT53FVH5aSe4mFhcAilJjNuBY=:+mIGe6empLYRXtdwhBPRbKD6rnbmMqRth6G0Qn88YBU="
        )
    }
}
