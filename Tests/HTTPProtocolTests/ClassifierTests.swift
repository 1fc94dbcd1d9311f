import HTTPProtocol
import Testing
import Wire

struct ClassifierTests {
    @Test(arguments: ["GET / HTTP/1.1\r\n", "CONNECT a.test:443 HTTP/1.1\r\n", "M-SEARCH * HTTP/1.1", "PRI2"])
    func `A request line matches as soon as its method ends`(text: String) {
        let bytes = Array(text.utf8)
        for count in 0...bytes.count {
            let verdict = HTTPClassifier.classify(bytes.prefix(count))
            if bytes.prefix(count).contains(0x20) {
                #expect(verdict == .match)
            } else if text != "PRI2" || count < 4 {
                #expect(verdict == .needsMore(atMost: HTTPClassifier.needed - count))
            } else {
                #expect(verdict == .noMatch)
            }
        }
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH\r\n", "\u{16}\u{3}\u{1}", "PRI * HTTP/2.0\r\n", " GET / HTTP/1.1", "get / HTTP/1.1",
        "\0",
        String(repeating: "A", count: 33),
    ])
    func `C22: other protocols do not match`(text: String) {
        #expect(HTTPClassifier.classify(Array(text.utf8)) == .noMatch)
    }
}
