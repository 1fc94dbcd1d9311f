import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.ProtectionTests {
    /// Profiles that are read from what is open.
    @Suite("Profiles from a stream", .serialized)
    struct StreamTests {
        @Test(
            "M37: a link to /dev/stdin is no profile, since it leads to another file in each process; /dev/stdin is, also under bailey serve",
            arguments: [false, true]
        )
        func linked(isServed: Bool) throws {
            let place = try Place()
            let text = "bailey: 1\nname: mine\nextends: [base]\n"
            try place.write(text, to: "workspace/mine.yaml")
            try place.write(text, to: "other.yaml")
            for (name, target) in [
                ("direct", "/dev/stdin"), ("twice", "direct"), ("folder", "/dev"), ("self", "/proc/self"),
                ("plain", "other.yaml"),
            ] {
                try FileManager.default.createSymbolicLink(
                    atPath: place.root + "/" + name,
                    withDestinationPath: target
                )
            }
            place.isServed = isServed
            let server =
                isServed
                ? try RunningCommand(place.server, environment: place.environment, directory: place.root)
                : nil
            if let server { #expect(server.awaitErrors("serving at")) }
            func run(_ file: String) throws -> Outcome {
                try place.control(
                    "\(place.launcher.joined(separator: " ")) -p \(file) -- sh -c 'echo up; echo evil >> mine.yaml' <mine.yaml"
                )
            }
            for name in ["direct", "twice", "folder/stdin", "self/fd/0"] {
                let refused = try run("\(place.root)/\(name)")
                #expect(refused.code == 125 && refused.output.isEmpty, "\(name): \(refused)")
                #expect(refused.errors.contains("another file in each process"), "\(name): \(refused)")
            }
            let stream = try run("/dev/stdin")
            #expect(stream.lines == ["up"] && stream.code != 0, "\(stream)")
            #expect(place.read("workspace/mine.yaml") == text, "\(stream)")
            // The control: by a link to a file elsewhere what is open is a file as any.
            let plain = try run(place.root + "/plain")
            #expect(plain.lines == ["up"] && plain.code == 0, "\(plain)")
            #expect(place.read("workspace/mine.yaml") == text + "evil\n", "\(plain)")
            guard let server else { return }
            server.signal(SIGTERM)
            let outcome = server.finish()
            #expect(outcome.code == 0, "\(outcome)")
        }
    }
}
