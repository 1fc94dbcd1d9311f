import HTTPProtocol
import Model
import NIOHTTP1
import Testing

struct RecordedFieldsTests {
    @Test func `Fields are a line each, in their order`() {
        let fields = HeadFields(["Host": "a.test", "X-Empty": "", "x-two": "1", "X-Two": "2"])
        #expect(fields.lines.map(String.init) == ["Host: a.test", "X-Empty: ", "x-two: 1", "X-Two: 2"])
        #expect(HeadFields([:]).lines.isEmpty)
    }

    @Test(arguments: [HTTPLimits.recorded - 500, HTTPLimits.recorded, 16_000])
    func `Of a value for which there is no room its length is recorded`(length: Int) {
        let value = String(repeating: "v", count: length)
        let fields = HeadFields(["a": value, "b": "1"])
        let shown = length < HTTPLimits.recorded - 100 ? value : "[\(length) octets]"
        #expect(fields.lines.map(String.init) == ["a: \(shown)", "b: 1"])
        #expect(fields.text.utf8.count <= HTTPLimits.recorded)
    }

    @Test func `Of fields for which there is no room their number is recorded`() {
        let name = String(repeating: "n", count: 1_000)
        let fields = HeadFields(HTTPHeaders((0..<20).map { (name, "\($0)") }))
        #expect(fields.lines.count == 9 && fields.lines.last == "[12 more fields]", "\(fields.lines.count)")
        #expect(fields.text.utf8.count <= HTTPLimits.recorded + 64)
    }

    @Test func `Whether a field was there is known where there was room for all, and for its value`() {
        let long = (0..<11).map { ("x-\($0)", String(repeating: "v", count: 1_000)) }
        let range = [("Range", "bytes=0-4,6-9,11-14,16-19,21-24")]
        #expect(HeadFields(HTTPHeaders(range)).isWhole("range"))
        #expect(HeadFields([:]).isWhole("range"))
        #expect(HeadFields(HTTPHeaders(long.dropLast(6) + range)).isWhole("range"))
        #expect(HeadFields(HTTPHeaders([("cookie", String(repeating: "v", count: 9_000))])).isWhole("range"))
        let last = HeadFields(HTTPHeaders(long + range))
        #expect(last.value(of: "range") == "[31 octets]" && !last.isWhole("range"), "its value has no room")
        let name = String(repeating: "n", count: 1_000)
        let many = HeadFields(HTTPHeaders((0..<20).map { (name, "\($0)") } + range))
        #expect(many.value(of: "range") == nil && !many.isWhole("range"), "it is not there at all")
        let twice = HeadFields(HTTPHeaders(range + long.dropLast(2) + range))
        #expect(twice.value(of: "range")?.hasSuffix(", [31 octets]") == true && !twice.isWhole("range"))
    }
}
