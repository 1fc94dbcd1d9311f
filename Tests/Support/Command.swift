package import Foundation

/// One finished program.
package struct Outcome: CustomStringConvertible, Sendable {
    package let code: Int32
    package let output: String
    package let errors: String

    package var description: String { "exit \(code)\n\(output)\n--- stderr\n\(errors)" }

    /// Standard output, line by line.
    package var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// Runs programs to their end, with a bound on their time.
package enum Command {
    /// Seconds after which a program is killed; its test fails.
    package static let bound: Double = 180

    package static func run(
        _ argv: [String],
        environment: [String: String],
        directory: String,
        input: Data = Data(),
        bound: Double = bound
    ) throws -> Outcome {
        let running = try RunningCommand(argv, environment: environment, directory: directory)
        running.write(input)
        return running.finish(bound: bound)
    }
}
