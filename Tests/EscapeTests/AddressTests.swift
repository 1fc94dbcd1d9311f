import Foundation
import TestSupport
import Testing

extension Escapes {
    /// The process that reads what hostile programs and servers send cannot be steered to an address known beforehand.
    @Suite("The supervisor's program")
    struct AddressTests {
        let place: Place

        init() throws {
            place = try Place()
        }

        /// The mappings of a running supervisor's own program, as proc(5) `maps` has them.
        private func mappings(_ starter: [String] = []) throws -> [String] {
            let running = try RunningCommand(
                starter + [place.binary, "run", "--", "sh", "-c", "echo up; cat"],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(running.awaitOutput("up"))
            let maps = place.read("/proc/\(running.processIdentifier)/maps") ?? ""
            running.signal(SIGTERM)
            _ = running.finish()
            return maps.split(separator: "\n").map(String.init).filter { $0.hasSuffix("/bailey-core") }
        }

        @Test("lies at another address in each start; without randomisation, the control, at the same")
        func randomised() throws {
            func address(_ mappings: [String]) -> Substring? { mappings.first?.split(separator: "-").first }
            let free = try (0..<3).compactMap { _ in address(try mappings()) }
            #expect(free.count == 3 && Set(free).count == 3, "\(free)")
            let fixed = try (0..<2).compactMap { _ in address(try mappings(["setarch", "-R"])) }
            #expect(fixed.count == 2 && Set(fixed).count == 1, "\(fixed)")
        }

        @Test("has no page that can be written and executed, and its relocated pointers cannot be written")
        func sealed() throws {
            let rights = try mappings().compactMap { $0.split(separator: " ").dropFirst().first }
            #expect(rights.contains("r-xp") && rights.contains("rw-p"), "\(rights)")
            #expect(!rights.contains { $0.contains("w") && $0.contains("x") }, "\(rights)")
            // Before the program text read-only data, behind it what was relocated (RELRO).
            let text = rights.firstIndex(of: "r-xp") ?? rights.endIndex
            #expect(rights[text...].contains("r--p"), "\(rights)")
        }
    }
}
