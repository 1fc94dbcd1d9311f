import Supervisor
import Testing

struct TerminalFarewellsTests {
    @Test func `A few ended terminals of a run wait for long, the rest for a moment; others have their own`()
    {
        let farewells = TerminalFarewells()
        for _ in 0..<TerminalFarewells.most {
            #expect(farewells.enter("a") == TerminalFarewells.long)
        }
        for _ in 0..<3 { #expect(farewells.enter("a") == TerminalFarewells.short) }
        #expect(farewells.enter("b") == TerminalFarewells.long)
        // Each that leaves gives its place to another.
        for _ in 0..<4 { farewells.leave("a") }
        #expect(farewells.enter("a") == TerminalFarewells.long)
        #expect(farewells.enter("a") == TerminalFarewells.short)
        for _ in 0..<(TerminalFarewells.most + 1) { farewells.leave("a") }
        #expect(farewells.enter("a") == TerminalFarewells.long)
        #expect(TerminalFarewells.short < TerminalFarewells.long)
    }

    @Test func `The user's own terminal waits for long, whatever agents leave unread`() {
        let farewells = TerminalFarewells()
        for _ in 0..<TerminalFarewells.most { _ = farewells.enter("a") }
        #expect(farewells.enter("a") == TerminalFarewells.short, "the control")
        for _ in 0...TerminalFarewells.most { #expect(farewells.enter(nil) == TerminalFarewells.long) }
        farewells.leave(nil)
        #expect(farewells.enter("a") == TerminalFarewells.short)
        for _ in 0..<3 { farewells.leave("a") }
        #expect(farewells.enter("a") == TerminalFarewells.long)
    }
}
