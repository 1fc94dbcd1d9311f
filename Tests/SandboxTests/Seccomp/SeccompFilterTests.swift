import Sandbox
import Testing

struct SeccompFilterTests {
    @Test func `The filter compiles to whole instructions within the kernel's limit`() throws {
        let program = try SeccompFilter.standard()
        #expect(program.count % 8 == 0)
        #expect(program.count / 8 <= SeccompFilter.maximumInstructions)
    }
}
