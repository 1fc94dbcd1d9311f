package import Foundation
internal import Glibc

/// A program that runs while its test does something else.
///
/// Started by posix_spawn(3), with three pipes and nothing else of the test process's: Foundation's `Process`
/// waits for background children too, and those are what some tests are about.
package final class RunningCommand: Sendable {
    package let processIdentifier: pid_t
    private let input: FileHandle
    private let output: Collector
    private let errors: Collector

    package init(_ argv: [String], environment: [String: String], directory: String) throws {
        // Another test's program must not hold this one's pipes open.
        Self.starting.lock()
        defer { Self.starting.unlock() }
        let (stdin, stdout, stderr) = (try Self.pipe(), try Self.pipe(), try Self.pipe())
        let inner = [stdin.reader, stdout.writer, stderr.writer]
        defer { for descriptor in inner { close(descriptor) } }
        processIdentifier = try Self.spawn(
            ["/usr/bin/env", "-C", directory] + argv,
            environment.map { "\($0)=\($1)" },
            inner
        )
        input = FileHandle(fileDescriptor: stdin.writer, closeOnDealloc: true)
        (output, errors) = (Collector(stdout.reader), Collector(stderr.reader))
    }

    /// Held while descriptors are made and handed to a new program, here and for `TerminalCommand`.
    static let starting = NSLock()

    private static func pipe() throws -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EMFILE) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func spawn(
        _ argv: [String],
        _ environment: [String],
        _ streams: [Int32]
    ) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (all, none) = (sigset_t(), sigset_t())
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))
        var words = argv.map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer { for pointer in words + variables { free(pointer) } }
        var process: pid_t = 0
        let status = try SpawnActions.with(streams: streams) { actions in
            posix_spawn(&process, argv[0], &actions, &attributes, &words, &variables)
        }
        guard status == 0 else { throw POSIXError(.init(rawValue: status) ?? .EIO) }
        return process
    }

    package func write(_ data: Data) {
        // A program that ends without reading is its own matter: SIGPIPE is ignored in the test process.
        _ = Glibc.signal(SIGPIPE, SIG_IGN)
        try? input.write(contentsOf: data)
    }

    package func signal(_ number: Int32) {
        kill(processIdentifier, number)
    }

    /// Waits, with a bound, until standard output holds a text; false when it never does.
    package func awaitOutput(_ text: String, within seconds: Double = 60) -> Bool {
        Self.await(text, in: output, within: seconds)
    }

    /// The same for standard error.
    package func awaitErrors(_ text: String, within seconds: Double = 60) -> Bool {
        Self.await(text, in: errors, within: seconds)
    }

    private static func await(_ text: String, in stream: Collector, within seconds: Double) -> Bool {
        let end = Date(timeIntervalSinceNow: seconds)
        while Date() < end {
            if stream.text.contains(text) { return true }
            if stream.isFinished { return stream.text.contains(text) }
            Thread.sleep(forTimeInterval: 0.005)
        }
        return false
    }

    /// What standard output holds so far.
    package var outputSoFar: String { output.text }

    /// Ends its input and waits for its end; kills it when that does not come.
    package func finish(bound: Double = Command.bound) -> Outcome {
        let process = processIdentifier
        let watchdog = DispatchWorkItem { kill(process, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + bound, execute: watchdog)
        try? input.close()
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR { continue }
        watchdog.cancel()
        let (written, complained) = (output.finish(bound: bound), errors.finish(bound: bound))
        let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
        return Outcome(code: code, output: written, errors: complained)
    }

    /// Drains a pipe on a thread of its own, so that a program never blocks on a full one.
    private final class Collector: @unchecked Sendable {
        private let lock = NSLock()
        private var data = Data()
        private var isDone = false
        private let done = DispatchSemaphore(value: 0)

        var text: String { lock.withLock { String(decoding: data, as: UTF8.self) } }
        var isFinished: Bool { lock.withLock { isDone } }

        init(_ descriptor: Int32) {
            let thread = Thread { [self] in
                var buffer = [UInt8](repeating: 0, count: 64 << 10)
                while true {
                    let count = read(descriptor, &buffer, buffer.count)
                    guard count > 0 || (count < 0 && errno == EINTR) else { break }
                    lock.withLock { data.append(contentsOf: buffer.prefix(max(0, count))) }
                }
                close(descriptor)
                lock.withLock { isDone = true }
                done.signal()
            }
            thread.start()
        }

        /// What was read until the end, or until the bound when something still holds the other side.
        func finish(bound: Double) -> String {
            _ = done.wait(timeout: .now() + bound)
            return text
        }
    }
}
