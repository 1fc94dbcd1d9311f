import Foundation
import Gateway
import Model
import Synchronization
import Testing

/// Nothing waits for who looks at processes, and nothing that it says decides anything.
@Suite struct WitnessTests {
    /// Says what it is told to, once it is let.
    private final class Witness: ProcessWitness {
        let answers = Mutex(false)
        let asked = Mutex(0)

        func holder(of connection: ConnectionEnds) throws(WitnessFailure) -> [ProcessEvidence] {
            asked.withLock { $0 += 1 }
            while !answers.withLock({ $0 }) { usleep(1_000) }
            return [
                ProcessEvidence(pid: 7, program: "/usr/bin/evil", programDigest: nil, argv: ["evil"])
            ]
        }
    }

    @Test func `G09 a look that never ends holds up no request, and whom nobody got to is on record`() throws
    {
        let nginx = try Nginx()
        var limits = GatewayLimits()
        limits.witnessesPerRun = 2
        let witness = Witness()
        let house = try House([web(.http, "allowed.test", nginx.plain)], limits: limits, witness: witness)
        try house.capture("allowed.test", nginx.plain)
        for number in 1...5 {
            let got = try house.curl([
                "-w", "%{http_code}", "http://allowed.test:\(nginx.plain)/v1/\(number)",
            ])
            #expect(got.output.hasSuffix("200"), "\(got.output) \(got.errors)")
        }
        #expect(witness.asked.withLock { $0 } <= 1)
        // One is being looked at, two wait; of two there was no room.
        let missing = house.recorder.evidence.filter { $0.processes.isEmpty }
        #expect(
            missing.count == 2 && missing.allSatisfy { $0.missing?.contains("too many") == true },
            "\(missing)"
        )
        witness.answers.withLock { $0 = true }
        for _ in 0..<6_000 where house.recorder.evidence.count < 5 { usleep(10_000) }
        let numbers = house.recorder.evidence.flatMap(\.connections)
        #expect(Set(numbers) == Set(house.recorder.records.compactMap(\.connection)) && numbers.count == 5)
        #expect(house.recorder.records.allSatisfy { $0.verdict == .allow })
    }
}
