import Audit
import Model
import Testing

struct AppendTests {
    @Test func `what was appended verifies`() throws {
        let state = try StateFixture()
        let store = try state.open()
        let tally = store.appendTogether([Sample.spawn(), Sample.request(), Sample.exit()])
        #expect(tally.count == 3)
        #expect(tally.failures.isEmpty)
        #expect(try state.verifiedCount() == 3)
        #expect(store.condition == .recording)
    }
}
