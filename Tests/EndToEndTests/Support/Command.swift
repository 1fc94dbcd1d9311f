import Foundation

/// One finished program.
struct Outcome: CustomStringConvertible {
    let code: Int32
    let output: String
    let errors: String

    var description: String { "exit \(code)\n\(output)\n--- stderr\n\(errors)" }
}

/// Runs programs to their end, with a bound on their time.
enum Command {
    /// Seconds after which a program is killed; its test fails.
    static let bound: Double = 60

    static func run(
        _ argv: [String],
        environment: [String: String],
        directory: String,
        input: Data = Data(),
        bound: Double = bound
    ) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = argv
        process.environment = environment
        process.currentDirectoryURL = URL(filePath: directory)
        let streams = (Pipe(), Pipe(), Pipe())
        (process.standardInput, process.standardOutput, process.standardError) = (
            streams.0, streams.1, streams.2
        )
        let collected = (Collector(streams.1), Collector(streams.2))
        try process.run()
        let watchdog = DispatchWorkItem { process.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + bound, execute: watchdog)
        try? streams.0.fileHandleForWriting.write(contentsOf: input)
        try? streams.0.fileHandleForWriting.close()
        let output = collected.0.finish()
        let errors = collected.1.finish()
        process.waitUntilExit()
        watchdog.cancel()
        let code =
            process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
        return Outcome(code: code, output: output, errors: errors)
    }

    /// Drains a pipe on a thread of its own, so that a program never blocks on a full one.
    private final class Collector: @unchecked Sendable {
        private var data = Data()
        private let done = DispatchSemaphore(value: 0)

        init(_ pipe: Pipe) {
            let thread = Thread { [self] in
                data = pipe.fileHandleForReading.readDataToEndOfFile()
                done.signal()
            }
            thread.start()
        }

        func finish() -> String {
            done.wait()
            return String(decoding: data, as: UTF8.self)
        }
    }
}
