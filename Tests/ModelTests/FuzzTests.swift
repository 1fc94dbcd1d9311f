import Model
import TestSupport
import Testing

struct FuzzTests {
    private static let texts = [
        #"{"model":"gpt-4","tools":[{"type":"exec"},2,-1.5e+3,true,null],"a":{"b":{"c":"\u0067\ud83d\ude00\n"}}}"#,
        #"["x",[[],{}],{"":"","a/b":"~"}]"#, "\u{FEFF}{}", #"{"model":"a","model":"b","Model":1}"#,
    ]

    @Test("JSON is walked: no trap, the same in pieces")
    func json() throws {
        let pointers = ["/model", "/tools/0/type", "/a/b/c", "/0", ""].compactMap { JSONPointer($0) }
        let words = [
            #"\u"#, #"\ud800"#, "\"", "\\", "[[[[", "{\"a\":", "1e999", "NaN", "-", ",", "}", "model",
        ]
        try Fuzz("json", texts: Self.texts, words: words).run { input, random in
            func facts(_ pieces: [[UInt8]]) -> JSONFacts {
                var walker = JSONWalker(pointers)
                for piece in pieces { walker.read(piece.span.bytes) }
                return walker.finish()
            }
            try Finding.unless(
                facts([input]) == facts(input.pieces(of: 7, &random)),
                "in pieces it is another"
            )
        }
    }

    @Test("Paths, queries, addresses and names: no trap, and what is normal stays so")
    func names() throws {
        let texts = [
            "/a/./b/../c%2e%2F;x=1", "/%41%zz/..%2f", "a=1&b=%20+c&d;e", "93.184.216.34", "2001:db8::1",
            "::ffff:1.2.3.4",
            "www.example.com", "xn--nxasmq6b.test", "0x7f000001", "refs/heads/a.lock", "//", "1.2.3.4.",
        ]
        try Fuzz(
            "names",
            texts: texts,
            words: ["%", "..", "::", ".", "/", "%25", "xn--", "0x", "@{", ":", "-"]
        ).run { input, _ in
            let text = String(decoding: input, as: UTF8.self)
            if let path = URLPath.normalise(text) {
                try Finding.unless(URLPath.normalise(path) == path, "\(path) is not normal")
                try Finding.unless(URLPath.isNormal(Array(path.utf8)), "\(path) is not called normal")
            }
            try Finding.unless(
                URLQuery.decoded(URLQuery.encoded(input)[...]) == input,
                "encoded and decoded it is another"
            )
            _ = URLQuery.parameters(text).map { ($0.name, $0.value) }
            if let address = IPAddress(text) {
                try Finding.unless(
                    IPAddress(address.description) == address,
                    "\(address) is not read as itself"
                )
            }
            if let name = DNSName(text) {
                try Finding.unless(DNSName(name.text) == name, "\(name) is not read as itself")
            }
            if let pointer = JSONPointer(text) {
                try Finding.unless(JSONPointer(pointer.text) == pointer, "\(pointer) is not read as itself")
            }
            if GitPush.isRef(text) {
                try Finding.unless(text.firstPlace(ofText: "..") == nil, "\(text) is no ref")
            }
        }
    }
}
