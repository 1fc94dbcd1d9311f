import Masking
import Model
import NIOCore
import Testing

/// A text, what of it is one of a kind, and what it must become; equal texts say that nothing is masked.
struct MaskCase: CustomTestStringConvertible {
    let kind: MaskKind
    let text: String
    let masked: String

    init(_ kind: MaskKind, _ text: String, _ masked: String? = nil) {
        (self.kind, self.text, self.masked) = (kind, text, masked ?? text)
    }

    var testDescription: String { "\(kind.rawValue): \(text)" }
}

enum MaskTexts {
    static let all = MaskKinds.all

    static func mask(
        _ text: String,
        _ kinds: MaskKinds = all,
        _ syntax: EscapeSyntax = .backslash,
        cuts: [Int] = []
    ) throws -> (text: String, counts: [MaskKind: Int]) {
        var mask = TextMask(kinds, syntax)
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var start = 0
        for cut in cuts + [bytes.count] where cut > start && cut <= bytes.count {
            let passed = mask.mask(ByteBuffer(bytes: bytes[start..<cut]))
            result += try #require(passed).readableBytesView
            start = cut
        }
        let rest = mask.finish()
        result += try #require(rest).readableBytesView
        return (String(decoding: result, as: UTF8.self), mask.counts)
    }

    private static let x40 = String(repeating: "x", count: 40)
    static let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"

    /// What is one of its kind.
    ///
    /// Card numbers are the networks' test numbers, IBANs the registry's examples, the others
    /// the examples of their authorities or made by their rules.
    static let positive: [MaskCase] = [
        .init(.email, "to alice.smith+x@mail.example.com.", "to xxxxx.xxxxx+x@xxxx.xxxxxxx.xxx."),
        .init(.email, "{\"m\":\"o'Brien@example.co.uk\"}", "{\"m\":\"x'Xxxxx@xxxxxxx.xx.xx\"}"),
        .init(.email, "line\\nbob@example.org\\t", "line\\nxxx@xxxxxxx.xxx\\t"),
        .init(.email, "\"bob\\u0040example\\u002eorg\"", "\"xxx\\u0040xxxxxxx\\u002exxx\""),
        .init(.email, "\"\\u0062ob@example.org\"", "\"\\u0078xx@xxxxxxx.xxx\""),
        .init(.email, "?m=b1%40example.org&", "?m=x9%40xxxxxxx.xxx&"),
        .init(.email, "j\u{F6}rg@m\u{FC}ller.de ", "xxxx@xxxxxxx.xx ".replacing("xxxx@", with: "xxxxx@")),
        // Longer than any address: what is left of it is whole characters.
        .init(
            .email,
            String(repeating: "\u{65E5}", count: 30) + "@example.org",
            String(repeating: "\u{65E5}", count: 9) + String(repeating: "x", count: 63) + "@xxxxxxx.xxx"
        ),
        .init(
            .email,
            "a@x." + String(repeating: "\u{65E5}", count: 100),
            "x@x." + String(repeating: "x", count: 252) + String(repeating: "\u{65E5}", count: 16)
        ),
        .init(.email, "<a@xn--mller-kva.xn--p1ai>", "<x@xx--xxxxx-xxx.xx--x9xx>"),
        .init(
            .email,
            "\"{\\\"m\\\": \\\"x\\\\nbob@example.org\\\"}\"",
            "\"{\\\"m\\\": \\\"x\\\\nxxx@xxxxxxx.xxx\\\"}\""
        ),
        .init(.email, "\"bo\\\\u0062\\\\u0040a.de\"", "\"xx\\\\u0078\\\\u0040x.xx\""),
        .init(.paymentCard, "\"\\\\t4111111111111111\"", "\"\\\\t9999999999999999\""),
        .init(.paymentCard, "4111111111111111", "9999999999999999"),
        .init(
            .paymentCard,
            "{\"card\": 4111111111111111, \"a\": 1}",
            "{\"card\": 9999999999999999, \"a\": 1}"
        ),
        .init(.paymentCard, "4222222222222", "9999999999999"),
        .init(.paymentCard, "no 5555-5555-5555-4444.", "no 9999-9999-9999-9999."),
        .init(.paymentCard, "3782 822463 10005,", "9999 999999 99999,"),
        .init(.paymentCard, "371449635398431", "999999999999999"),
        .init(.paymentCard, "3056 930902 5904", "9999 999999 9999"),
        .init(.paymentCard, "6011 1111 1111 1117 12/27", "9999 9999 9999 9999 12/27"),
        .init(.paymentCard, "3530111333300000", "9999999999999999"),
        .init(.paymentCard, "6200000000000005", "9999999999999999"),
        .init(.paymentCard, "2223003122003222", "9999999999999999"),
        .init(.paymentCard, "id 77 4111 1111 1111 1111", "id 77 9999 9999 9999 9999"),
        .init(.iban, "DE89370400440532013000", "XX99999999999999999999"),
        .init(.iban, "GB29 NWBK 6016 1331 9268 19;", "XX99 XXXX 9999 9999 9999 99;"),
        .init(.iban, "\"MT84MALT011000012345MTLCAST001S\"", "\"XX99XXXX999999999999XXXXXXX999X\""),
        .init(.iban, "NO9386011117947", "XX9999999999999"),
        .init(.iban, "FR14 2004 1010 0505 0001 3M02 606", "XX99 9999 9999 9999 9999 9X99 999"),
        .init(.phone, "tel:+4915112345678", "tel:+9999999999999"),
        .init(.phone, "+49 (0)151 1234-5678 (home)", "+99 (9)999 9999-9999 (home)"),
        .init(.phone, "call (415) 555-2671!", "call (999) 999-9999!"),
        .init(.phone, "415-555-2671", "999-999-9999"),
        .init(.phone, "1.415.555.2671 x", "9.999.999.9999 x"),
        .init(.phone, "+1 415 555 2671", "+9 999 999 9999"),
        .init(.usSSN, "ssn 078-05-1120,", "ssn 999-99-9999,"),
        .init(.ukNINO, "AA123456C", "XX999999X"),
        .init(.ukNINO, "(AB 12 34 56 C)", "(XX 99 99 99 X)"),
        .init(.deTaxID, "86095742719", "99999999999"),
        .init(.deTaxID, "IdNr. 47 036 892 816", "IdNr. 99 999 999 999"),
        .init(.frNIR, "185057800608491", "999999999999999"),
        .init(.frNIR, "1 85 05 78 006 084 91", "9 99 99 99 999 999 99"),
        .init(.frNIR, "n\u{B0} 2 55 08 14 168 025 38", "n\u{B0} 9 99 99 99 999 999 99"),
        .init(.esDNI, "12345678Z", "99999999X"),
        .init(.esDNI, "12345678-Z", "99999999-X"),
        .init(.esDNI, "nie X1234567L", "nie X9999999X"),
        .init(.esDNI, "Y-1234567-X", "X-9999999-X"),
        .init(.itCodiceFiscale, "RSSMRA85T10A562S", "XXXXXX99X99X999X"),
        .init(.plPESEL, "pesel=44051401359", "pesel=99999999999"),
        .init(.token, "t=\(token);", "t=ghp_\(x40.dropLast(4));"),
        .init(.token, "\"AKIAIOSFODNN7EXAMPLE\"", "\"AKIAxxxxxxxxxxxxxxxx\""),
        .init(
            .token,
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def-123 z",
            "eyJxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxx.xxx_xxx-xxx z".replacing("_", with: "x")
        ),
        .init(.token, "sk-proj-abcdefghijklmnopqrst", "sk-proj-xxxxxxxxxxxxxxxxxxxx"),
        .init(
            .privateKey,
            "\"-----BEGIN RSA PRIVATE KEY-----\\nMIIE+/9=\\nAb12\\n-----END RSA PRIVATE KEY-----\\n\"",
            "\"-----BEGIN RSA PRIVATE KEY-----\\nxxxxxxx=\\nxxxx\\n-----END RSA PRIVATE KEY-----\\n\""
        ),
        .init(
            .privateKey,
            "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nbye",
            "-----BEGIN PRIVATE KEY-----\nxxxx\n-----END PRIVATE KEY-----\nbye"
        ),
    ]

    /// What looks like one, and is none: a wrong check digit, a neighbour too many, another thing.
    static let negative: [MaskCase] = [
        .init(.email, "@media print and git@github.com:acme/app.git"),
        .init(.email, "logo@2x.png npm a@1.2.3"),
        .init(.email, "bob@localhost @ at a @b.c"), .init(.email, "a@b.c x@-y.com x@y..com"),
        .init(.paymentCard, "4111111111111112"), .init(.paymentCard, "41111111111111111"),
        .init(.paymentCard, "0.4111111111111111 4111111111111111.5"),
        .init(.paymentCard, "a4111111111111111"),
        .init(.paymentCard, "1700000000000 1234567812345670"), .init(.paymentCard, "4111 1111-1111 1111"),
        .init(.paymentCard, "4111111111111111_1 x_4111111111111111"),
        .init(.paymentCard, "4111, 1111, 1111, 1111"),
        .init(.iban, "DE89370400440532013001"), .init(.iban, "DE8937040044053201300"),
        .init(.iban, "ZZ89370400440532013000"),
        .init(.iban, "XDE89370400440532013000"), .init(.iban, "GB29 NWBK 6016 1331 926819"),
        .init(.phone, "2026-03-01T12:22:11+0100 1+41234567"),
        .init(.phone, "+1234567 +0123456789 +1234567890123456"),
        .init(.phone, "115-555-2671 415-155-2671 4155552671"), .init(.phone, "192.168.100.2000"),
        .init(.usSSN, "000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000 123456789"),
        .init(.usSSN, "1123-45-6789 123-45-67890 2-123-45-6789"),
        .init(.ukNINO, "BG123456A QQ123456C AO123456A AA123456E AA12345C AA123456CC"),
        .init(.deTaxID, "86095742718 06095742719 11111111111"),
        .init(.frNIR, "185057800608437 985057800608436"),
        .init(.esDNI, "12345678A X1234567A A12345678Z"),
        .init(.itCodiceFiscale, "RSSMRA85T10A562T XRSSMRA85T10A562S"),
        .init(.plPESEL, "44051401358 44131401359"),
        .init(.token, "ghp_short sk-some-plain-words-here AKIAIOSFODNN7EXAMPL"),
        .init(.token, "eyJ.eyJ.x task-abcdefghijklmnop12345"),
        .init(.privateKey, "-----BEGIN PUBLIC KEY-----\nMIIB\n"),
        .init(.privateKey, "-----BEGIN PRIVATE KEY---- x"),
    ]
}
