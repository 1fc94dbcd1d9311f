internal import Foundation
internal import Glibc
internal import Linux

/// A file that is there whole or not at all: written under a name of its own beside it, and put in its place at the end.
enum ExportedFile {
    /// Octets that are written at a time.
    private static let piece = 1 << 16

    /// Runs `body` with what writes a line; nil is standard output.
    static func write<Value>(
        to path: String?,
        _ body: ((String) throws -> Void) throws -> Value
    ) throws -> Value {
        guard let path else { return try body { print($0) } }
        guard isReplaceable(path) else { return try writeThrough(path, body) }
        let draft = "\(path).\(getpid())-\(UInt32.random(in: .min ... .max))"
        let file = try open(draft, O_CREAT | O_EXCL, for: path)
        defer { _ = unsafe unlink(draft) }
        let value = try lines(to: file, of: path, body)
        // Before the name stands for it: a machine that dies leaves the old file or the new one.
        guard fsync(file.rawValue) == 0 else { throw failure("synchronise", path) }
        guard unsafe rename(draft, path) == 0 else { throw failure("put the export in the place of", path) }
        return value
    }

    /// Devices and pipes are written to, and never replaced.
    private static func isReplaceable(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
    }

    private static func writeThrough<Value>(
        _ path: String,
        _ body: ((String) throws -> Void) throws -> Value
    ) throws -> Value {
        try lines(to: try open(path, 0, for: path), of: path, body)
    }

    private static func lines<Value>(
        to file: borrowing OwnedDescriptor,
        of path: String,
        _ body: ((String) throws -> Void) throws -> Value
    ) throws -> Value {
        let descriptor = file.rawValue
        var waiting: [UInt8] = []
        waiting.reserveCapacity(2 * piece)
        let value = try body { line in
            waiting += line.utf8
            waiting.append(UInt8(ascii: "\n"))
            guard waiting.count >= piece else { return }
            try write(waiting, to: descriptor, of: path)
            waiting.removeAll(keepingCapacity: true)
        }
        try write(waiting, to: descriptor, of: path)
        return value
    }

    private static func write(_ octets: [UInt8], to descriptor: Int32, of path: String) throws {
        var written = 0
        while written < octets.count {
            let count = unsafe octets.withUnsafeBytes { bytes in
                unsafe Glibc.write(
                    descriptor,
                    bytes.baseAddress.map { unsafe $0 + written },
                    bytes.count - written
                )
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write", path) }
            written += count
        }
    }

    /// The operator's alone: what was asked for is in it.
    private static func open(_ path: String, _ flags: Int32, for named: String) throws -> OwnedDescriptor {
        let descriptor = unsafe Glibc.open(path, flags | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("write to", named) }
        return OwnedDescriptor(descriptor)
    }

    private static func failure(_ attempt: String, _ path: String) -> ExportFailure {
        ExportFailure(attempt: attempt, path: path, code: errno)
    }
}

/// An export could not be written.
struct ExportFailure: Error, CustomStringConvertible {
    let attempt: String
    let path: String
    let code: Int32

    var description: String {
        "cannot \(attempt) \(path): \(SystemCallError.text(code)); nothing was exported: \(remedy)"
    }

    private var remedy: String {
        switch code {
        case ENOENT, ENOTDIR: "make its folder, or name another file with -o"
        case EACCES, EPERM, EROFS, EISDIR: "name a file with -o that you may write"
        default: "name another file with -o, or make room"
        }
    }
}
