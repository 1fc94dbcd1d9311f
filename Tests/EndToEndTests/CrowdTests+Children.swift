import Foundation
import TestSupport
import Testing

extension EndToEnd.CrowdTests {
    @Test("A child for whose streams no descriptors are left is refused until another agent has ended")
    func noDescriptors() throws {
        // Of 128 two thirds are for agents: six, or five of which one is a child.
        let server = try serving(descriptors: 256)
        let holders = try (0..<4).map { _ in try holding() }
        let script = """
            child() { bailey run -p leaf -- echo ran </dev/null 2>>refused; echo "$?"; }
            child; grep -c 'none are left for one more child' refused; grep -c 'limit on open files' refused
            echo up; read line; child
            """
        let parent = try holding(["-p", "top"], script)
        end([holders[0]])
        parent.write(Data("\n".utf8))
        let outcome = parent.finish()
        #expect(outcome.lines == ["125", "1", "1", "up", "ran", "0"], "\(outcome)")
        end(holders.dropFirst() + [server])
    }
}
