import Statements
import Testing

@Suite
struct StatementReaderTests {
    @Test("A text over the limit is not read")
    func tooLong() {
        let text = [UInt8](repeating: 0x20, count: StatementLimits.text + 1)
        #expect(StatementReader.read(text) == .failure(.tooLong(text.count)))
    }
}
