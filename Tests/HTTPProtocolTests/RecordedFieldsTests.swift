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
}
