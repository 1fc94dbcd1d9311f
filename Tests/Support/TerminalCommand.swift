package import Foundation
internal import Glibc

/// A program on a terminal of its own: the test holds the keyboard and the screen.
package final class TerminalCommand: @unchecked Sendable {
    package let processIdentifier: pid_t
    private let master: Int32
    private let slave: Int32
    private let lock = NSLock()
    private var seen = Data()
    private var isEnded = false
    private let drained = DispatchSemaphore(value: 0)

    /// TIOCSPTLCK and TIOCGPTPEER (asm-generic/ioctls.h), which Glibc's module does not have.
    private static let lockRequest: UInt = 0x4004_5431
    private static let peerRequest: UInt = 0x5441

    /// Starts `argv` as the leader of a session whose controlling terminal is new, of the given size.
    package init(
        _ argv: [String],
        environment: [String: String],
        directory: String,
        rows: UInt16 = 24,
        columns: UInt16 = 80
    ) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var isLocked: Int32 = 0
        _ = ioctl(master, Self.lockRequest, &isLocked)
        slave = ioctl(master, Self.peerRequest, O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard slave >= 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(slave, UInt(TIOCSWINSZ), &size)
        // setsid(1) -c makes its standard input the controlling terminal.
        let words = ["setsid", "-c", "-w", "env", "-C", directory] + argv
        // It must not hold the pipes of a program that another test is starting.
        let terminal = slave
        processIdentifier = try RunningCommand.starting.withLock {
            try Self.spawn(words, environment, terminal)
        }
        let thread = Thread { [self] in drain() }
        thread.start()
    }

    deinit {
        close(slave)
        close(master)
    }

    private static func spawn(
        _ argv: [String],
        _ environment: [String: String],
        _ slave: Int32
    ) throws
        -> pid_t
    {
        var words = (["/usr/bin/env"] + argv).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for pointer in words + variables { free(pointer) } }
        var process: pid_t = 0
        let status = try SpawnActions.with(streams: [slave, slave, slave]) { actions in
            posix_spawn(&process, "/usr/bin/env", &actions, nil, &words, &variables)
        }
        guard status == 0 else { throw POSIXError(.init(rawValue: status) ?? .EIO) }
        return process
    }

    private func drain() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            var watched = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
            guard poll(&watched, 1, 50) > 0 else {
                if lock.withLock({ isEnded }) { break }
                continue
            }
            let count = read(master, &buffer, buffer.count)
            guard count > 0 else { break }
            lock.withLock { seen.append(contentsOf: buffer.prefix(count)) }
        }
        drained.signal()
    }

    /// What the screen has shown so far.
    package var screen: String { lock.withLock { String(decoding: seen, as: UTF8.self) } }

    package func type(_ text: String) {
        _ = text.withCString { Glibc.write(master, $0, strlen($0)) }
    }

    package func resize(rows: UInt16, columns: UInt16) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    }

    /// The terminal's local modes (termios(3)).
    package var localModes: UInt32 {
        var settings = termios()
        tcgetattr(slave, &settings)
        return settings.c_lflag
    }

    /// Waits, with a bound, until the screen has shown a text; false when it never does.
    package func awaitScreen(_ text: String, within seconds: Double = 60) -> Bool {
        let end = Date(timeIntervalSinceNow: seconds)
        while Date() < end {
            if screen.contains(text) { return true }
            Thread.sleep(forTimeInterval: 0.005)
        }
        return false
    }

    /// Waits for its end; kills it when that does not come.
    package func finish(bound: Double = Command.bound) -> Int32 {
        let process = processIdentifier
        let watchdog = DispatchWorkItem { kill(process, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + bound, execute: watchdog)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR { continue }
        watchdog.cancel()
        lock.withLock { isEnded = true }
        drained.wait()
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }
}
