import Foundation
import Glibc
import TestSupport
import Testing

extension Escapes {
    /// The cases of the corpus that a probe tries: each inside every kind of agent, and without one.
    @Suite("Probes", .serialized)
    struct ProbeTests {
        @Test("A hostile program reaches nothing", arguments: Attack.possible, Standing.possible)
        func held(attack: Attack, standing: Standing) throws {
            let trial = try Trial(attack, for: standing.starter)
            let outcome = try trial.attacked(at: standing)
            let heard = trial.finish()
            let isHeld = outcome.code == 1 && outcome.output.hasPrefix("HELD ")
            let isEnded = attack.mayDie && outcome.code == 137 && !outcome.output.contains("REACHED")
            TrialRecord.write(attack, standing, outcome, isEnded: isEnded)
            guard let gap = attack.gaps[standing] else {
                #expect(isHeld || isEnded, "\(outcome)")
                #expect(!heard.contains("signalled"))
                return
            }
            // Until it holds: then this says so.
            withKnownIssue("\(gap)") { #expect(isHeld || isEnded, "\(outcome)") }
        }

        @Test("The same program reaches it without a sandbox", arguments: Attack.possible)
        func control(attack: Attack) throws {
            let trial = try Trial(attack, for: attack.controlStarter)
            let outcome = try trial.uncontained()
            _ = trial.finish()
            TrialRecord.write(attack, nil, outcome, isEnded: false)
            switch attack.control {
            case .same:
                #expect(outcome.code == 1 && outcome.output.hasPrefix("HELD "), "\(outcome)")
            case .plain(_, let lacking) where lacking.contains { outcome.output == "HELD \($0)\n" },
                .root(let lacking) where lacking.contains { outcome.output == "HELD \($0)\n" }:
                // This machine has nothing to try it on: the table says so.
                #expect(outcome.code == 1, "\(outcome)")
            case .namespaces where outcome.code == 9 && !Kernel.grantsSystemFolders:
                // What it would be tried on cannot be set up: no overlay stands on the one that /usr is.
                #expect(outcome.output.isEmpty, "\(outcome)")
            default:
                #expect(outcome.code == 0 && outcome.output.hasPrefix("REACHED "), "\(outcome)")
            }
        }
    }
}

extension Attack {
    /// Who runs the control.
    fileprivate var controlStarter: Starter {
        switch control {
        case .plain, .root, .same: .this
        case .ordinary, .namespaces: .ordinary
        }
    }
}
