import Dispatch
import Gateway
import Testing

/// How many roles there are for sessions.
@Suite struct SessionRolesTests {
    @Test func `A credential has so many roles at a time, and others as many of their own`() {
        let roles = SessionRoles()
        #expect(roles.enter("a", atMost: 2) && roles.enter("a", atMost: 2))
        #expect(!roles.enter("a", atMost: 2))
        #expect(roles.enter("b", atMost: 2))
        roles.leave("a")
        #expect(roles.enter("a", atMost: 2) && !roles.enter("a", atMost: 2))
        for name in ["a", "a", "b"] { roles.leave(name) }
        #expect(roles.awaitDropped(within: 0))
    }

    @Test func `The end waits for the last role to be dropped, for so long`() {
        let roles = SessionRoles()
        #expect(roles.awaitDropped(within: 0))
        #expect(roles.enter("a", atMost: 1))
        #expect(!roles.awaitDropped(within: 1))
        DispatchQueue.global().async { roles.leave("a") }
        #expect(roles.awaitDropped(within: 60_000))
    }
}
